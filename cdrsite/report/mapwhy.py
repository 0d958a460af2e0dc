"""What the map says of cells, all at once: the plan's reasons and each method's equal share.

The same facts as the explanation of one place, from the same evidence in the dataset.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.vocabulary import OUTSIDE_NAME, RESOURCES
from cdrsite.outputs.legend import (
    INCLUDED_BIT,
    flag_names,
    label_names,
    state_codes,
)
from cdrsite.report.mapcells import (
    COARSE,
    FINE,
    MOST_CELLS,
    lookup,
    pack_linear,
    pack_log,
    pack_whole,
    sampling,
)
from cdrsite.report.mapsource import every

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from cdrsite.report.mapsource import MapSource

    Cells = dict[str, NDArray[Any]]

THREADS = 4
TIE = 1e-6
"""Part of a gross tonne's worth below which the plan does not care [1]."""
CHARGES = ("", "land", *(name for name in RESOURCES if name != "land"), "rules")
"""What a gross tonne may have to pay for; ``rules`` are those of policy."""
NOT_POSSIBLE, USED, TOO_MUCH, NO_GAIN, AS_GOOD = range(5)
"""What the plan does with a method in a cell."""
SHARED_NUMBERS = ("transport_km", "transport_cost")
SHARED_CODES = ("winner", "binding")
OFFERED = ("equal_share", "cost")
ROUGH = frozenset({"charge", "shortfall"})
"""Numbers that are shown with two digits."""


def cells_of(source: MapSource) -> dict[str, Any]:
    """Everything that the page says of cells.

    Parameters
    ----------
    source : MapSource
        Of a run, or of any dataset on a grid.

    Returns
    -------
    dict
        Packed arrays under ``shared`` and ``methods``, names under ``names``, the lookup, and how
        the cells were sampled.
    """
    dataset = source.dataset
    step = sampling(source.grid)
    if step == 2 and is_study(dataset) and _inside_count(dataset) <= MOST_CELLS:
        step = 1  # most of the grid lies outside the region, and that takes no room
    cells = sample(dataset, step)
    methods = methods_of(dataset)
    found: dict[str, Any] = {
        "rows": -(-source.grid.rows // step),
        "cols": -(-source.grid.cols // step),
        "step": step,
        "km": source.grid.resolution * source.grid.unit_metres / 1000.0,
        "lookup": lookup(source.grid, step).packed(),
        "shared": shared_arrays(dataset, cells),
        "names": names_of(dataset),
        "methods": {},
    }
    if is_study(dataset):
        states = set(state_codes(dataset["limit"]).values())
        for m, name in enumerate(methods):
            found["methods"][name] = method_arrays(dataset, cells, m, states)
    else:
        found["plain"] = plain_arrays(dataset, cells, found["names"])
    return found


def _inside_count(dataset: xr.Dataset) -> int:
    outside = state_codes(dataset["limit"]).get(OUTSIDE_NAME, 255)
    return int(np.count_nonzero(dataset["limit"][0].to_numpy() != outside))


def methods_of(dataset: xr.Dataset) -> tuple[str, ...]:
    """Names of the methods; none in a dataset without them."""
    if "removal_method" not in dataset.coords:
        return ()
    return tuple(str(name) for name in np.atleast_1d(dataset["removal_method"].to_numpy()))


def is_study(dataset: xr.Dataset) -> bool:
    """Whether a dataset says of several methods what limits them, as a run does."""
    return "limit" in dataset and dataset["limit"].dims == ("removal_method", "y", "x")


def sample(dataset: xr.Dataset, step: int) -> Cells:
    """Every n-th cell of the variables that have cells, and the others whole."""
    wanted = {
        name: values
        for name, values in in_order(dataset)
        if not name.startswith(("score", "cell_area"))
    }

    def read(values: xr.DataArray) -> NDArray[Any]:
        return every(values, step) if {"y", "x"} <= set(values.dims) else values.to_numpy()

    with ThreadPoolExecutor(THREADS) as pool:  # what takes time is unpacking chunks
        return dict(zip(wanted, pool.map(read, wanted.values()), strict=True))


def in_order(dataset: xr.Dataset) -> list[tuple[str, xr.DataArray]]:
    """Variables by name: one read from disk has them in another order than one in memory."""
    named = {str(name): values for name, values in dataset.data_vars.items()}
    return [(name, named[name]) for name in sorted(named)]


def names_of(dataset: xr.Dataset) -> dict[str, Any]:
    """Words for codes, labels and bits, and what holds everywhere."""
    known = in_order(dataset)
    names: dict[str, Any] = {
        "codes": {
            name: {str(code): word for code, word in flag_names(values).items()}
            for name, values in known
            if "flag_values" in values.attrs
        },
        "labels": {
            name: label_names(values)
            for name, values in known
            if name.startswith(("pool_", "zone_"))
        },
        "units": {name: str(values.attrs.get("units", "")) for name, values in known},
        "meanings": {name: str(values.attrs.get("long_name", name)) for name, values in known},
        "charges": list(CHARGES),
        "rules": _texts(dataset.attrs.get("exclusion_rules", ())),
        "policies": _texts(dataset.attrs.get("binding_policies", ())),
        "goal": str(dataset.attrs.get("objective_unit", "t/yr")).removesuffix("/yr"),
        "included": INCLUDED_BIT,
    }
    holds = _texts(dataset.attrs.get("exclusion_rules_for", ()))
    names["rules_for"] = [who.split(", ") for who in holds]
    return names


def _texts(value: Any) -> list[str]:
    """A list of texts; some formats store a list of one as the text itself."""
    return [value] if isinstance(value, str) else [str(text) for text in value]


def shared_arrays(dataset: xr.Dataset, cells: Cells) -> dict[str, Any]:
    """What holds for a cell whatever the method."""
    found: dict[str, Any] = {"inside": pack_whole(inside(dataset, cells).astype(np.uint8))}
    for name, values in cells.items():
        if values.ndim != 2 or values.dtype.kind not in "fui" or name in {"land_price"}:
            continue
        if name in SHARED_CODES or name.startswith(("pool_", "zone_")):
            found[name] = pack_whole(values)
        elif name == "exclusion_reasons":
            found[name] = pack_whole(np.where(values >> 31 & 1, 0, values))
        elif name in SHARED_NUMBERS or name.startswith("supply_"):
            found[name] = pack_log(values, COARSE)
    if "usable_land" in cells:
        found["usable_land"] = pack_log(np.nan_to_num(cells["usable_land"]).max(axis=0), COARSE)
    return found


def inside(dataset: xr.Dataset, cells: Cells) -> NDArray[np.bool_]:
    """Cells of the region."""
    if is_study(dataset):
        outside = state_codes(dataset["limit"]).get(OUTSIDE_NAME, 255)
        return np.asarray((cells["limit"] != outside).any(axis=0))
    some = [v for v in cells.values() if v.ndim >= 2 and v.dtype.kind == "f"]
    if not some:
        shape = next(v.shape[-2:] for v in cells.values() if v.ndim >= 2)
        return np.ones(shape, np.bool_)
    known = [np.isfinite(v).any(axis=tuple(range(v.ndim - 2))) for v in some]
    return np.asarray(np.logical_or.reduce(known))


def plain_arrays(dataset: xr.Dataset, cells: Cells, names: dict[str, Any]) -> dict[str, Any]:
    """Values of variables that are no study's, as they are; names of those of a method added."""
    found = {}
    for name, values in cells.items():
        if values.dtype.kind not in "fuib":
            continue
        dims = dataset[name].dims
        if dims == ("y", "x"):
            found[name] = _pack_plain(values)
        elif dims == ("removal_method", "y", "x"):
            for m, method in enumerate(methods_of(dataset)):
                key = f"{name}/{method}"
                found[key] = _pack_plain(values[m])
                names["units"][key] = names["units"][name]
                names["meanings"][key] = f"{method}: {names['meanings'][name]}"
                if name in names["codes"]:
                    names["codes"][key] = names["codes"][name]
    return found


def _pack_plain(values: NDArray[Any]) -> dict[str, Any]:
    if values.dtype.kind != "f":
        return pack_whole(values)
    known = values[np.isfinite(values)]
    if known.size and known.min() < 0:
        return pack_linear(values, float(np.abs(known).max()) / 30_000)
    return pack_log(values)


def method_arrays(
    dataset: xr.Dataset, cells: Cells, index: int, states: set[int]
) -> dict[str, Any]:
    """What the page says of one method."""
    limit = cells["limit"][index]
    allowed = ~np.isin(limit, list(states))
    found: dict[str, Any] = {"limit": pack_whole(limit)}
    for name in OFFERED:
        if name in cells:
            found[name] = pack_log(np.where(allowed, cells[name][index], np.nan))
    if "net_factor" in cells:
        found["net_factor"] = pack_linear(
            np.where(allowed, cells["net_factor"][index], np.nan), 5e-4
        )
    for name in ("suitability", "available"):
        if name in cells:
            found[name] = pack_linear(np.where(allowed, cells[name][index], np.nan), 0.005)
    for name, values in plan_arrays(dataset, cells, index).items():
        if name == "plan_cost" and _same(values, cells["cost"][index], allowed):
            continue  # the page takes the other
        if name in {"verdict", "charge_what", "sink"}:
            fill = -1 if name == "sink" else 0
            found[name] = pack_whole(np.where(allowed, values, fill))
        elif name == "share":
            found[name] = pack_linear(np.where(allowed, values, np.nan), 0.005)
        elif name == "worth":
            scale = float(np.nanmax(np.abs(np.where(allowed, values, np.nan)), initial=0.0))
            found[name] = pack_linear(np.where(allowed, values, np.nan), max(scale, 1e-9) / 2000)
        else:
            ratio = COARSE if name in ROUGH else FINE
            found[name] = pack_log(np.where(allowed, values, np.nan), ratio)
    return found


def _same(one: NDArray[Any], other: NDArray[Any], where: NDArray[np.bool_]) -> bool:
    """Whether numbers are the same to well within what is kept of them."""
    return bool(np.allclose(one[where], other[where], rtol=FINE / 10, atol=0.0, equal_nan=True))


def plan_arrays(dataset: xr.Dataset, cells: Cells, index: int) -> Cells:
    """What the plan does with one method and why, per cell; nothing without its evidence.

    Returns
    -------
    dict of ndarray, shape (rows, cols)
        ``allocated`` [t/yr]; ``share`` of what its land would hold [1]; ``plan_cost`` per net tonne
        by way of ``sink`` [USD/t]; ``worth``, ``charge`` (the largest, for ``charge_what``) and
        ``shortfall`` of a gross tonne [unit of the goal]; ``verdict``.
    """
    if "worth" not in cells or "shortfall" not in cells:
        if "allocated" not in cells:
            return {}
        given = cells["allocated"][index]
        return {"allocated": given, "verdict": np.where(given > 0, USED, NOT_POSSIBLE)}
    stored = float(cells["stored_share"][index])
    land = cells["need_land"][index].astype(np.float64)
    net = cells["net_at_plant"][index] - stored * cells["sink_loss"][index].astype(np.float64)
    cost = cells["cost_at_plant"][index] + stored * cells["sink_cost"][index].astype(np.float64)
    coefficient = cells["worth"][index]
    worth = coefficient[0] + coefficient[1] * net + coefficient[2] * cost + coefficient[3] * land
    given, shortfall = cells["allocated"][index], cells["shortfall"][index].astype(np.float64)
    what, charge = largest_charge(dataset, cells, index, worth, shortfall)
    small = TIE * np.maximum(np.abs(worth), TIE)
    verdict = np.select(
        [given > 0, shortfall > small, worth <= 0], [USED, TOO_MUCH, NO_GAIN], AS_GOOD
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(given > 0, given * land / cells["usable_land"][index], np.nan)
        per_net = np.where(net > 0, cost / net, np.nan)
    sink = cells["sink"][index] if stored > 0 else np.full(given.shape, -1, np.int32)
    return {
        "allocated": given,
        "share": np.where(np.isfinite(share), share, np.nan),
        "plan_cost": per_net,
        "sink": sink,
        "worth": worth,
        "charge_what": what,
        "charge": charge,
        "shortfall": np.where(verdict == TOO_MUCH, shortfall, np.nan),
        "verdict": verdict,
    }


def largest_charge(
    dataset: xr.Dataset,
    cells: Cells,
    index: int,
    worth: NDArray[np.float64],
    shortfall: NDArray[np.float64],
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """What costs a gross tonne most of its worth (position in :data:`CHARGES`), and how much."""
    every_charge = charges(dataset, cells, index)
    names = list(every_charge)
    stack = np.stack([np.nan_to_num(every_charge[name]) for name in names])
    if _texts(dataset.attrs.get("binding_policies", ())):
        # a positive shortfall is all charges less the worth: the rest is the rules'
        rest = np.where(shortfall > 0, shortfall + worth - stack.sum(axis=0), 0.0)
        stack = np.concatenate([stack, np.nan_to_num(rest)[None]])
        names.append("rules")
    top = stack.argmax(axis=0)
    amount = np.take_along_axis(stack, top[None], axis=0)[0]
    counts = amount > TIE * np.abs(np.nan_to_num(worth))
    codes = np.array([CHARGES.index(name) for name in names], np.uint8)
    return np.where(counts, codes[top], 0).astype(np.uint8), np.where(counts, amount, np.nan)


def charges(dataset: xr.Dataset, cells: Cells, index: int) -> Cells:
    """What a gross tonne pays for each scarce thing [unit of the goal]."""
    stored = float(cells["stored_share"][index])
    found: Cells = {
        "land": cells["need_land"][index].astype(np.float64)
        * float(cells["exclusive_share"][index])
        * np.nan_to_num(cells["land_price"])
    }
    resources = [str(name) for name in dataset["resource"].to_numpy()]
    for r, resource in enumerate(resources):
        pool = f"pool_{resource}"
        if resource in {"land", "storage"} or pool not in cells:
            continue
        need: NDArray[np.float64] | float = float(cells["need"][index, r])
        if np.isnan(need) and f"need_{resource}" in cells:
            need = cells[f"need_{resource}"][index].astype(np.float64)
        found[resource] = need * _prices(dataset, pool, cells[pool])
    if stored > 0 and "pool_storage" in cells:
        found["storage"] = stored * _prices(dataset, "pool_storage", cells["sink"][index])
    return found


def _prices(dataset: xr.Dataset, pool: str, labels: NDArray[Any]) -> NDArray[np.float64]:
    """Price of the zone of each cell; 0 without one."""
    listed = np.atleast_1d(np.asarray(dataset[pool].attrs.get("prices", []), np.float64))
    known = (labels >= 0) & (labels < listed.size)
    if not listed.size:
        return np.zeros(labels.shape)
    return np.where(known, listed[np.where(known, labels, 0)], 0.0)
