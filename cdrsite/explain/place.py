"""Why a cell is what it is, in words: rules, supplies, needs, costs, and the plan's reasons.

Everything is read from the dataset of a run; no layer is opened and nothing is solved again.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.crs import LONLAT, transformer
from cdrsite.core.errors import ConfigError, GridError
from cdrsite.core.numbers import brief
from cdrsite.core.plaindata import require_plain_zarr
from cdrsite.core.vocabulary import HOW_SURE, INTERCHANGEABLE, OUTSIDE_NAME, RESOURCES, amount
from cdrsite.core.words import Words
from cdrsite.outputs.legend import flag_names, label_names, reason_names, state_codes
from cdrsite.outputs.listing import MARK
from cdrsite.result.store import grid_of

if TYPE_CHECKING:
    import xarray as xr

    from cdrsite.core.grid import AnalysisGrid

TIE = 1e-6
"""Shortfalls below this part of a tonne's worth are ties between methods [1]."""
ROUNDING = 1e-5
"""Part of two numbers of single precision below which their difference is rounding [1]."""
SHOWN_SHARE = 0.01
"""A plant on less of the land than this is not limited by it [1]."""
POLICIES = "policy rules"


def _amount(value: float, unit: str) -> str:
    """A supply with its unit as people read them, the same as on the map: 0.4 GWh/yr, 900 m³/yr."""
    size, unit = amount(unit).place
    return f"{brief(value / size, 4)} {Words().unit(unit)}"


def _unit_of(resource: str) -> str:
    """Unit of a need of a resource."""
    return Words().unit(RESOURCES[resource].per)


def _percent(share: float) -> str:
    """A part that is not nothing never reads as 0 %."""
    return "less than 1%" if 0 < share < 0.005 else f"{share:.0%}"


@dataclass(frozen=True)
class PlanHere:
    """What the plan does with one method in one cell, and why.

    Attributes
    ----------
    gross_t_yr : float
        What the plan gives it.
    most_t_yr : float
        What the land that it may use there would hold.
    net_factor : float
        Net removal per gross tonne, by way of ``sink`` [t/t].
    cost_at_plant, cost_to_sink : float
        Cost per gross tonne before, and of, transport and storage [USD/t].
    cost_usd_per_net_t : float
        Both, per net tonne; NaN where nothing is removed.
    sink : str or None
        Storage unit that the plan would use.
    needs : dict of str to float
        Resource -> need per gross tonne [canonical unit].
    unit : str
        Unit of what follows, the goal's: for example "t".
    worth : float
        What a gross tonne adds to the goal.
    charges : dict of str to float
        What is scarce -> price x need, per gross tonne, largest first.
    shortfall : float
        By how much a gross tonne falls short of being chosen; 0 where it is chosen, NaN where the
        method is not possible.
    """

    gross_t_yr: float
    most_t_yr: float
    net_factor: float
    cost_at_plant: float
    cost_to_sink: float
    cost_usd_per_net_t: float
    sink: str | None
    needs: dict[str, float]
    unit: str
    worth: float
    charges: dict[str, float]
    shortfall: float

    @property
    def scarce(self) -> str:
        """The largest charges, in words."""
        shown = [(k, v) for k, v in self.charges.items() if v > TIE * abs(self.worth)][:4]
        return ", ".join(f"{name} {brief(value, 3)}" for name, value in shown)

    def costs(self) -> str:
        """What a net tonne would cost, in words."""
        text = f"{brief(self.cost_usd_per_net_t, 4)} USD per net t"
        if self.cost_to_sink == 0:
            return text
        to = f" to {self.sink}" if self.sink else ""
        parts = (brief(cost, 4) for cost in (self.cost_at_plant, self.cost_to_sink))
        both = " at the plant and ".join(parts)
        return f"{text} ({both} for transport and storage{to}, per gross t)"

    def verdict(self) -> str:
        """Whether the plan uses it and why, in one sentence."""
        paid = f"a gross t is worth {brief(self.worth, 3)} {self.unit}"
        if self.scarce:
            paid += f" and pays for {self.scarce}"
        if self.gross_t_yr > 0:
            share = self.gross_t_yr / self.most_t_yr if self.most_t_yr > 0 else np.nan
            much = f"{brief(self.gross_t_yr, 4)} t/yr gross"
            if share >= SHOWN_SHARE:
                much += f", {share:.0%} of what its land would hold"
            return f"used: {much}; {paid}"
        if self.shortfall > TIE * max(abs(self.worth), TIE):
            return f"not used: {paid}, {brief(self.shortfall, 3)} {self.unit} too much"
        if self.worth <= 0:
            return f"not used: {paid}, so it adds nothing to the goal"
        return f"not used, though as good as what is: {paid}; what it needs is taken elsewhere"

    def cure(self) -> str | None:
        """What would have to change for the plan to use it; None where it does already."""
        short = self.shortfall
        if self.gross_t_yr > 0 or not short > TIE * max(abs(self.worth), TIE):
            return None
        ways = []
        top = next(iter(self.charges.items()), None)
        if top is not None and top[1] > 0:
            name, charge = top
            resource = name.split(" (")[0]
            left = 1.0 - short / charge
            need = self.needs.get(resource)
            if left > 0 and need is not None:
                unit = _unit_of(resource)
                ways.append(
                    f"its need of {resource} would have to fall from {brief(need, 4)} to "
                    f"{brief(need * left, 4)} {unit} per t"
                )
            elif left > 0:
                ways.append(f"the price of {name} would have to fall by {_percent(short / charge)}")
            else:
                ways.append(f"even without any need of {name} it would not be chosen")
        needed = self.worth + short
        if needed > ROUNDING * max(abs(self.worth), short):
            ways.append(f"a gross t would have to be worth {brief(needed, 3)} {self.unit}")
        else:  # where only costs count, no worth is enough
            ways.append(f"a gross t would have to be {brief(short, 3)} {self.unit} better")
        return ", or ".join(ways)


@dataclass(frozen=True)
class MethodHere:
    """What one method finds in one cell.

    Attributes
    ----------
    state : str
        ``allowed``, ``excluded``, ``unknown``, ``net factor not positive`` or
        ``outside the region`` (rule 2).
    limits : str or None
        Resource that runs out first with an equal share of the pools, where allowed.
    gross_t_yr, net_t_yr, cost_usd_per_net_t : float
        With an equal share of the pools, which bounds nothing; NaN where there is none.
    suitability, available_share : float
        In [0, 1].
    reasons : tuple of str
        Exclusion rules that hold for the method and hit the cell.
    offered : float or None
        Supply of the limiting resource in the cell [``offered_unit``].
    need_per_t : float or None
        What of it a gross tonne needs there.
    plan : PlanHere or None
        What the plan does with it; None in a dataset without a plan.
    """

    state: str
    limits: str | None
    gross_t_yr: float
    net_t_yr: float
    cost_usd_per_net_t: float
    suitability: float
    available_share: float
    reasons: tuple[str, ...] = ()
    offered: float | None = None
    offered_unit: str = ""
    need_per_t: float | None = None
    plan: PlanHere | None = None

    def sentence(self) -> str:
        """In words, with an equal share of the pools."""
        if self.state == "excluded" and self.reasons:
            return f"excluded: {'; '.join(self.reasons)}"
        if self.state == "unknown":
            return "unknown: a layer that it depends on has no value here"
        if self.state == "net factor not positive":
            return f"{self.state}: it would emit as much as it removes"
        if self.state != "allowed":
            return self.state
        parts = [f"{brief(self.gross_t_yr, 4)} t/yr gross, {brief(self.net_t_yr, 4)} t/yr net"]
        if np.isfinite(self.cost_usd_per_net_t):
            parts.append(f"{brief(self.cost_usd_per_net_t, 4)} USD per net t")
        limit = f"limited by {self.limits}"
        if self.offered is not None:
            limit += f" ({_amount(self.offered, self.offered_unit)} offered"
            if self.need_per_t is not None:
                each = Words().unit(self.offered_unit.split("/")[0])
                limit += f", {brief(self.need_per_t, 4)} {each} needed per t"
            limit += ")"
        parts.append(limit)
        parts.append(f"{self.available_share:.0%} of the cell available")
        if np.isfinite(self.suitability):
            parts.append(f"suitability {self.suitability:.2f}")
        return ", ".join(parts)

    def lines(self) -> list[tuple[str, str]]:
        """Everything about it: (what, in words)."""
        plan = self.plan
        if self.state != "allowed" or plan is None:
            return [("with an equal share of the pools", self.sentence())]
        found = [("with an equal share of the pools", self.sentence())]
        if plan.needs:
            needs = (
                f"{name} {brief(value, 4)} {_unit_of(name)}" for name, value in plan.needs.items()
            )
            found.append(("needs per gross t", ", ".join(needs)))
        found.append(("would cost", plan.costs()))
        found.append(("in the plan", plan.verdict()))
        cure = plan.cure()
        if cure is not None:
            found.append(("to be chosen", cure))
        return found


@dataclass(frozen=True)
class Explanation:
    """Why a cell is what it is.

    Attributes
    ----------
    lon, lat : float
        Centre of the cell [degree].
    x, y : float
        Centre of the cell [CRS units].
    row, column : int
        Of the grid, from the north-west.
    reasons : tuple of str
        Exclusion rules that hit the cell.
    methods : dict
        Method -> :class:`MethodHere`.
    supplies : dict
        What the cell is offered -> (amount, unit).
    zones : dict
        Zoning or pool -> (name of the zone, shadow price or None).
    winner, binding : str or None
        Method with the most net removal in the plan, and what stops the cell.
    interchangeable : bool
        Whether its tonnes could as well be in another such cell.
    """

    lon: float
    lat: float
    x: float
    y: float
    row: int
    column: int
    reasons: tuple[str, ...]
    methods: dict[str, MethodHere]
    supplies: dict[str, tuple[float, str]]
    zones: dict[str, tuple[str, float | None]]
    winner: str | None = None
    binding: str | None = None
    interchangeable: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def head(self) -> str:
        """Which cell it is."""
        return f"cell at {self.lon:.5f}, {self.lat:.5f} (row {self.row}, column {self.column})"

    def facts(self) -> list[tuple[str, str]]:
        """What holds for all methods: (what, in words)."""
        found = [("rules that hit it", "; ".join(self.reasons) or "none")]
        if self.zones:
            found.append(("lies in", ", ".join(f"{k}: {v[0]}" for k, v in self.zones.items())))
        if self.supplies:
            each = (f"{k} {_amount(v, unit)}" for k, (v, unit) in self.supplies.items())
            found.append(("offered", ", ".join(each)))
        if self.winner in self.methods:
            found.append(("in the plan", f"mostly {self.winner}; what stops it: {self.binding}"))
        elif self.winner is not None:
            found.append(("in the plan", self.winner))
        if self.interchangeable:
            found.append(("how sure", HOW_SURE))
        return found

    def __repr__(self) -> str:
        """Lines of text."""
        lines = [self.head()] + [f"{what}: {text}" for what, text in self.facts()]
        for name, here in self.methods.items():
            first, *others = here.lines()
            lines.append(f"{name}: {first[1]}")
            lines += [f"  {what}: {text}" for what, text in others]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """A table for notebooks; text from the user's data is escaped."""
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th><td style='text-align:left'>"
            + "<br>".join(escape(f"{k}: {v}") for k, v in here.lines())
            + "</td></tr>"
            for name, here in self.methods.items()
        )
        facts = "<br>".join(escape(f"{k}: {v}") for k, v in self.facts())
        return f"<b>{escape(self.head())}</b><br>{facts}<table>{rows}</table>"


def explain_run(folder: Path, lon: float, lat: float) -> Explanation:
    """Explain one place of a run that was written to a folder.

    Parameters
    ----------
    folder : Path
        Of a run.
    lon, lat : float
        WGS 84 [degree].

    Raises
    ------
    ConfigError
        If the folder is no run.
    GridError
        If the place lies outside the grid or the region.
    """
    import xarray as xr

    store = folder / "result.zarr"
    if not (folder / MARK).is_file() or not store.is_dir():
        raise ConfigError(
            "not the folder of a run",
            where=str(folder),
            got=f"no {MARK} with result.zarr beside it",
            cure="give the folder that `cdrsite run` names at its end",
        )
    require_plain_zarr(store)
    with xr.open_dataset(store, engine="zarr", chunks=None) as dataset:
        grid = grid_of(dataset)
        x, y = transformer(LONLAT, grid.wkt).transform(lon, lat)
        _within(grid, x, y, (lon, lat))
        found = explain_place(dataset, grid, x, y)
    if all(here.state == OUTSIDE_NAME for here in found.methods.values()):
        raise GridError("the place lies outside the region", got=f"{lon:g}, {lat:g}")
    return found


def _within(grid: AnalysisGrid, x: float, y: float, place: tuple[float, float]) -> None:
    """Refuse a place outside the grid in the degrees that it was given in."""
    from rasterio.warp import transform_bounds

    try:
        grid.index(x, y)
    except GridError as error:
        west, south, east, north = transform_bounds(grid.wkt, "EPSG:4326", *grid.bounds)
        raise GridError(
            "the place lies outside the grid",
            got=f"{place[0]:g}, {place[1]:g}",
            expected=f"longitude {west:.4g} to {east:.4g}, latitude {south:.4g} to {north:.4g}",
        ) from error


def parse_place(text: str) -> tuple[float, float]:
    """Longitude and latitude from "LON,LAT".

    Raises
    ------
    ConfigError
        If it is not two numbers in range.
    """
    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(
            "a place is two numbers", where="--at", got=repr(text), expected="LON,LAT in degrees"
        ) from error
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        cure = "longitude comes first" if abs(lat) > 90 and abs(lon) <= 90 else None
        raise ConfigError("no such place", where="--at", got=repr(text), cure=cure)
    return lon, lat


def explain_place(dataset: xr.Dataset, grid: AnalysisGrid, x: float, y: float) -> Explanation:
    """Explain the cell that holds a point in the grid's CRS.

    Raises
    ------
    GridError
        If the point lies outside the grid.
    """
    row, col = grid.index(x, y)
    centre = float(grid.x[col]), float(grid.y[row])
    cell = dataset.isel(y=row, x=col).load()
    lon, lat = transformer(grid.wkt, LONLAT).transform(*centre)
    bits = int(cell["exclusion_reasons"].item()) if "exclusion_reasons" in cell else 0
    zones, prices = _zones(cell)
    names = [str(name) for name in np.atleast_1d(dataset["removal_method"].to_numpy())]
    methods = {
        name: _method_here(cell, m, rules_that_hit(dataset, bits, name), zones, prices)
        for m, name in enumerate(names)
    }
    return Explanation(
        lon=float(lon),
        lat=float(lat),
        x=centre[0],
        y=centre[1],
        row=row,
        column=col,
        reasons=rules_that_hit(dataset, bits),
        methods=methods,
        supplies=_supplies(cell),
        zones={k: (v, prices.get(k)) for k, v in zones.items()},
        winner=_class(cell, "winner"),
        binding=_class(cell, "binding"),
        interchangeable=_class(cell, "interchangeable") == INTERCHANGEABLE[1],
    )


def rules_that_hit(dataset: xr.Dataset, bits: int, method: str | None = None) -> tuple[str, ...]:
    """Rules that hit a cell, of those that hold for a method, in words.

    The dataset's attributes ``exclusion_rules`` (names by bit) and ``exclusion_rules_for`` (the
    methods of each, separated by commas) say which those are.
    """
    rules = _texts(dataset.attrs.get("exclusion_rules", ()))
    for bit, who in enumerate(_texts(dataset.attrs.get("exclusion_rules_for", ()))):
        if method is not None and method not in who.split(", "):
            bits &= ~(1 << bit)
    return tuple(reason_names(bits, rules))


def _texts(value: Any) -> tuple[str, ...]:
    """A list of texts; some formats store a list of one as the text itself."""
    return (value,) if isinstance(value, str) else tuple(map(str, value))


def _class(cell: xr.Dataset, name: str) -> str | None:
    """Word of a class variable; None where the dataset has none."""
    return flag_names(cell[name]).get(int(cell[name].item())) if name in cell else None


def _zones(cell: xr.Dataset) -> tuple[dict[str, str], dict[str, float]]:
    """Zone of each pool and zoning, and the prices of the pools."""
    zones, prices = {}, {}
    for key in cell.data_vars:
        kind, _, name = str(key).partition("_")
        if kind not in {"pool", "zone"} or cell[key].ndim:
            continue
        label, names = int(cell[key].item()), label_names(cell[key])
        if label >= 0:
            shown = "nearest storage" if name == "storage" else name
            zones[shown] = names[label] if label < len(names) else str(label)
            listed = np.atleast_1d(cell[key].attrs.get("prices", []))
            if label < len(listed):
                prices[shown] = float(listed[label])
    return zones, prices


def _supplies(cell: xr.Dataset) -> dict[str, tuple[float, str]]:
    found = {}
    if "usable_land" in cell:
        most = float(np.nan_to_num(cell["usable_land"].to_numpy()).max())
        found["usable land"] = (most / 1e6, "km2")
    for key in cell.data_vars:
        if str(key).startswith("supply_") and not cell[key].ndim:
            unit = str(cell[key].attrs.get("units", ""))
            found[str(key).removeprefix("supply_")] = (float(cell[key].item()), unit)
    return found


def _value(cell: xr.Dataset, name: str, index: int) -> float:
    if name not in cell:
        return float("nan")
    variable = cell[name]
    return float((variable[index] if variable.ndim else variable).item())


def _method_here(
    cell: xr.Dataset,
    index: int,
    reasons: tuple[str, ...],
    zones: dict[str, str],
    prices: dict[str, float],
) -> MethodHere:
    """What one method finds in a cell of the dataset."""
    code = int(_value(cell, "limit", index))
    name = flag_names(cell["limit"])[code]
    allowed = code not in state_codes(cell["limit"]).values()
    gross = _value(cell, "equal_share", index)
    supply = f"supply_{name}"
    offered = float(cell[supply].item()) if allowed and supply in cell else None
    planned = allowed and "worth" in cell
    return MethodHere(
        state="allowed" if allowed else name,
        limits=name if allowed else None,
        gross_t_yr=gross,
        net_t_yr=0.0 if gross == 0 else gross * _value(cell, "net_factor", index),
        cost_usd_per_net_t=_value(cell, "cost", index),
        suitability=_value(cell, "suitability", index),
        available_share=_value(cell, "available", index),
        reasons=reasons,
        offered=offered,
        offered_unit=str(cell[supply].attrs.get("units", "")) if offered is not None else "",
        need_per_t=offered / gross if offered is not None and gross > 0 else None,
        plan=_plan_here(cell, index, zones, prices) if planned else None,
    )


def _plan_here(
    cell: xr.Dataset, index: int, zones: dict[str, str], prices: dict[str, float]
) -> PlanHere:
    """What the plan does with a method, from what was kept of the competition."""
    stored = _value(cell, "stored_share", index)
    land = _value(cell, "need_land", index)
    net = _value(cell, "net_at_plant", index) - stored * _value(cell, "sink_loss", index)
    at_plant = _value(cell, "cost_at_plant", index)
    to_sink = stored * _value(cell, "sink_cost", index)
    needs = _needs(cell, index, land)
    label = int(_value(cell, "sink", index))
    sinks = label_names(cell["pool_storage"]) if "pool_storage" in cell else []
    sink = sinks[label] if stored > 0 and 0 <= label < len(sinks) else None
    amounts = np.array([1.0, net, at_plant + to_sink, land])
    worth = float(cell["worth"].to_numpy()[index] @ amounts)
    charges = {"land": land * _value(cell, "exclusive_share", index) * _land_price(cell)}
    for resource, need in needs.items():
        if resource in prices:
            charges[f"{resource} ({zones[resource]})"] = need * prices[resource]
    if sink is not None:
        listed = np.atleast_1d(cell["pool_storage"].attrs.get("prices", []))
        if label < len(listed):
            charges[f"storage ({sink})"] = stored * float(listed[label])
    shortfall = _value(cell, "shortfall", index)
    policies = _texts(cell.attrs.get("binding_policies", ()))
    if policies and shortfall > 0:
        # what else is charged: a positive shortfall is all charges less the worth
        rest = shortfall + worth - sum(charges.values())
        charges[f"{POLICIES} ({', '.join(policies)})"] = rest
    kept = {k: v for k, v in charges.items() if abs(v) > TIE * abs(worth)}
    return PlanHere(
        gross_t_yr=_value(cell, "allocated", index),
        most_t_yr=_value(cell, "usable_land", index) / land if land > 0 else float("nan"),
        net_factor=net,
        cost_at_plant=at_plant,
        cost_to_sink=to_sink,
        cost_usd_per_net_t=(at_plant + to_sink) / net if net > 0 else float("nan"),
        sink=sink,
        needs=needs,
        unit=str(cell.attrs.get("objective_unit", "t/yr")).removesuffix("/yr"),
        worth=worth,
        charges=dict(sorted(kept.items(), key=lambda item: -item[1])),
        shortfall=shortfall,
    )


def _land_price(cell: xr.Dataset) -> float:
    return float(np.nan_to_num(cell["land_price"].item()))


def _needs(cell: xr.Dataset, index: int, land: float) -> dict[str, float]:
    """Need of each resource per gross tonne, of those that it needs or supplies."""
    found = {"land": land}
    for r, resource in enumerate(map(str, cell["resource"].to_numpy())):
        need = float(cell["need"].to_numpy()[index, r])
        if np.isnan(need) and f"need_{resource}" in cell and resource != "land":
            need = _value(cell, f"need_{resource}", index)
        if np.isfinite(need) and need != 0:
            found[resource] = need
    return found
