"""Why cells are used or not, for any number of cells at once: codes, labels and numbers.

One place is the case of one cell (:mod:`cdrsite.explain.place`), the map page that of all; both say
it in the same words (:mod:`cdrsite.explain.lines`). Everything is read from what the run kept: no
layer is opened and nothing is solved again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.vocabulary import RESOURCES
from cdrsite.methods.parts import OF_CAPACITY
from cdrsite.outputs.legend import OUTSIDE_BIT, flag_names, state_codes
from cdrsite.result.attributes import texts

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    F64 = NDArray[np.float64]

TIE = 1e-6
"""Part of a gross tonne's worth below which the plan does not care [1]."""
SHOWN_SHARE = 0.01
"""A method on less of the land than this is not limited by it [1]."""
CHARGES = ("", "land", *(name for name in RESOURCES if name != "land"), "rules")
"""What a gross tonne may have to pay for; ``rules`` are those of policy."""
NOT_POSSIBLE, USED, USED_SHARE, TOO_MUCH, NO_GAIN, AS_GOOD, NOTHING_FITS = range(7)
VERDICTS = (
    "not possible", "used", "used", "too much", "adds nothing", "as good", "nothing fits",
)  # fmt: skip
"""What the plan does with a method in a cell; ``USED_SHARE`` where its land says how much."""


def methods_of(dataset: xr.Dataset) -> tuple[str, ...]:
    """Names of the methods; none in a dataset without them."""
    if "removal_method" not in dataset.coords:
        return ()
    return tuple(str(name) for name in np.atleast_1d(dataset["removal_method"].to_numpy()))


def is_study(dataset: xr.Dataset) -> bool:
    """Whether a dataset says of several methods what limits them, as a run does."""
    return "limit" in dataset and dataset["limit"].dims == ("removal_method", "y", "x")


@dataclass(frozen=True)
class Evidence:
    """What a run kept of some of its cells.

    Attributes
    ----------
    dataset : xr.Dataset
        Of the run, for names, prices and codes.
    cells : mapping of str to ndarray
        Variable -> values: shape (..., rows, cols) of those cells, or whole where it has none.
    """

    dataset: xr.Dataset
    cells: Mapping[str, NDArray[Any]]

    def __contains__(self, name: str) -> bool:
        return name in self.cells

    def of(self, name: str, index: int) -> F64:
        """Values of a variable for one method, or for all; unknown where there is none."""
        if name not in self.cells:
            return np.full(self.cells["limit"].shape[1:], np.nan)
        values = self.cells[name]
        return np.asarray(values[index] if values.ndim == 3 else values, np.float64)

    def fact(self, name: str, index: int) -> float:
        """A number of a method that is the same everywhere; 0 where the run did not keep it."""
        return float(self.cells[name][index]) if name in self.cells else 0.0

    def at_label(self, pool: str, listed: str, labels: NDArray[Any]) -> F64:
        """Number that an attribute of a pool lists for the label of each cell; 0 without one."""
        known = np.atleast_1d(np.asarray(self.dataset[pool].attrs.get(listed, []), np.float64))
        return np.append(known, 0.0)[np.where((labels >= 0) & (labels < known.size), labels, -1)]


@dataclass(frozen=True)
class EqualShare:
    """What a method could do with an equal share of the pools; an array, or one cell's number.

    ``offered`` is the supply of the resource that limits, of the kinds that the method may have,
    ``need_per_t`` what of it a gross tonne needs [its canonical unit]; both unknown where it has
    no supply.
    """

    gross_t_yr: Any
    net_t_yr: Any
    cost_usd_per_net_t: Any
    suitability: Any
    available_share: Any
    offered: Any
    need_per_t: Any


@dataclass(frozen=True)
class InPlan:
    """What the plan does with one method, and why; each an array, or one cell's number.

    Attributes
    ----------
    verdict
        Position in :data:`VERDICTS`.
    gross_t_yr, most_t_yr
        What the plan gives it, and what the land that it may use would hold.
    net_factor
        Net removal per gross tonne, by way of ``sink`` [t/t].
    cost_at_plant, cost_to_sink
        Cost before, and of, transport and storage [USD per gross t].
    cost_usd_per_credited_t
        Cost of a tonne that is credited once the buffer is withheld; unknown where none is.
    cost_usd_per_net_t, parts_usd_per_net_t
        Both per net tonne, and by part (:func:`_parts`); no parts in a run that kept none.
    sink
        Label of the storage unit that the plan would use; -1 for none.
    needs
        Resource -> need per gross tonne; electricity is negative where it is supplied.
    worth
        What a gross tonne adds to the goal [its unit].
    charges
        What is scarce, of :data:`CHARGES` -> price x need, per gross tonne.
    dearest, charge
        The largest charge, as position in :data:`CHARGES`, and how much it is.
    shortfall
        By how much a gross tonne falls short of being chosen; 0 where it is.
    """

    verdict: Any
    gross_t_yr: Any
    most_t_yr: Any
    net_factor: Any
    cost_at_plant: Any
    cost_to_sink: Any
    cost_usd_per_credited_t: Any
    cost_usd_per_net_t: Any
    parts_usd_per_net_t: dict[str, Any]
    sink: Any
    needs: dict[str, Any]
    worth: Any
    charges: dict[str, Any]
    dearest: Any
    charge: Any
    shortfall: Any


@dataclass(frozen=True)
class Reason:
    """Why one method is used or not in each cell.

    Attributes
    ----------
    limit : ndarray of uint8
        Resource that limits it, or the state that keeps it out, as the dataset codes them.
    possible : ndarray of bool
        Where a resource limits it; all numbers are NaN elsewhere.
    rules : ndarray of int64
        Bits of the exclusion rules that hold for it and hit the cell.
    equal : EqualShare
        With an equal share of the pools.
    plan : InPlan or None
        None in a dataset without a plan.
    """

    limit: NDArray[np.uint8]
    possible: NDArray[np.bool_]
    rules: NDArray[np.int64]
    equal: EqualShare
    plan: InPlan | None


def reason_of(evidence: Evidence, index: int) -> Reason:
    """Why one method is used or not in each cell.

    Parameters
    ----------
    evidence : Evidence
        Of a run.
    index : int
        Position of the method.
    """
    limit = evidence.cells["limit"][index]
    states = list(state_codes(evidence.dataset["limit"]).values())
    possible = ~np.isin(limit, states)
    plan = _plan(evidence, index, possible) if "allocated" in evidence else None
    rules = rule_bits(evidence, methods_of(evidence.dataset)[index])
    return Reason(limit, possible, rules, _equal_share(evidence, index, limit, possible), plan)


def rule_bits(evidence: Evidence, method: str | None = None) -> NDArray[np.int64]:
    """Bits of the exclusion rules that hit each cell, of those that hold for a method."""
    if "exclusion_reasons" not in evidence:
        return np.zeros(evidence.cells["limit"].shape[1:], np.int64)
    bits = evidence.cells["exclusion_reasons"].astype(np.int64)
    bits[bits >> OUTSIDE_BIT & 1 == 1] = 0
    for bit, who in enumerate(texts(evidence.dataset.attrs.get("exclusion_rules_for", ()))):
        if method is not None and method not in who.split(", "):
            bits &= ~(1 << bit)
    return bits


def _known(values: F64, where: NDArray[np.bool_]) -> F64:
    """Values where they mean something."""
    return np.where(where & np.isfinite(values), values, np.nan)


def _equal_share(
    evidence: Evidence, index: int, limit: NDArray[np.uint8], possible: NDArray[np.bool_]
) -> EqualShare:
    gross = _known(evidence.of("equal_share", index), possible)
    offered = np.full(limit.shape, np.nan)
    for code, name in flag_names(evidence.dataset["limit"]).items():
        if f"supply_{name}" in evidence:
            supply = evidence.of(f"supply_{name}", index)
            if by_kind(evidence, name, index):  # the map is of all kinds
                supply = gross * _stated(evidence, index, limit.shape).get(name, np.nan)
            offered = np.where(limit == code, supply, offered)
    offered = _known(offered, possible)
    with np.errstate(divide="ignore", invalid="ignore"):
        need = np.where(gross > 0, offered / gross, np.nan)
    # a net factor that is unknown where nothing fits leaves nothing unknown
    net = np.where(gross == 0, 0.0, gross * evidence.of("net_factor", index))
    cost, suitability, available = (
        _known(evidence.of(name, index), possible) for name in ("cost", "suitability", "available")
    )
    return EqualShare(gross, _known(net, possible), cost, suitability, available, offered, need)


def by_kind(evidence: Evidence, resource: str, index: int) -> bool:
    """Whether a method takes certain kinds of a resource, of which the map of supply has all."""
    method = methods_of(evidence.dataset)[index]
    keys = (f"pool_{resource}", f"prices_{method}"), (f"supply_{resource}", f"kinds_{method}")
    return any(name in evidence and key in evidence.dataset[name].attrs for name, key in keys)


def _plan(evidence: Evidence, index: int, possible: NDArray[np.bool_]) -> InPlan:
    """What the plan does with a method; most is unknown where a run kept no more than the plan."""
    gross = evidence.of("allocated", index)
    stored, land = _stored(evidence, index), evidence.of("need_land", index)
    sink = np.full(gross.shape, -1, np.int32)
    if "worth" in evidence:
        stores = bool((stored > 0).any())
        if stores and "sink" in evidence:
            sink = np.where(possible, evidence.cells["sink"][index].astype(np.int32), -1)
        to_sink = stored * evidence.of("sink_cost", index) if stores else np.zeros(gross.shape)
        loss = stored * evidence.of("sink_loss", index) if stores else 0.0
        net = evidence.of("net_at_plant", index) - loss
        at_plant = evidence.of("cost_at_plant", index)
        a_tonne, a_net_tonne, money, a_metre = np.asarray(evidence.cells["worth"][index])
        with np.errstate(invalid="ignore"):  # land without end is worth no number
            worth = a_tonne + a_net_tonne * net + money * (at_plant + to_sink) + a_metre * land
        if "earned_here" in evidence:
            worth = worth + evidence.of("earned_here", index)
    else:
        net = evidence.of("net_factor", index)
        at_plant, to_sink = evidence.of("cost", index) * net, np.zeros(gross.shape)
        worth = np.full(gross.shape, np.nan)
    shortfall = evidence.of("shortfall", index)
    with np.errstate(divide="ignore", invalid="ignore"):
        most = np.where(land > 0, evidence.of("usable_land", index) / land, np.nan)
        per_net = np.where(net > 0, (at_plant + to_sink) / net, np.nan)
    charges = _charges(evidence, index, land, sink, worth, shortfall)
    dearest, charge = _dearest(charges, worth)
    buffer = evidence.fact("buffer", index)
    kept = 1.0 - buffer if 0.0 < buffer < 1.0 else np.nan
    numbers = {
        "gross_t_yr": gross, "most_t_yr": most, "net_factor": net, "cost_at_plant": at_plant,
        "cost_to_sink": to_sink, "cost_usd_per_credited_t": per_net / kept,
        "cost_usd_per_net_t": per_net, "worth": worth, "charge": charge,
        "shortfall": shortfall,
    }  # fmt: skip
    parts = _parts(evidence, index, sink, stored, net)
    return InPlan(
        verdict=np.where(possible, _verdict(gross, most, worth, shortfall), NOT_POSSIBLE),
        parts_usd_per_net_t=_all_known(parts, possible),
        sink=sink,
        needs=_needs(evidence, index, land, stored, possible),
        charges=_all_known(charges, possible),
        dearest=np.where(possible, dearest, 0).astype(np.uint8),
        **_all_known(numbers, possible),
    )


def _all_known(values: Mapping[str, F64], where: NDArray[np.bool_]) -> dict[str, F64]:
    return {name: _known(array, where) for name, array in values.items()}


def _verdict(gross: F64, most: F64, worth: F64, shortfall: F64) -> NDArray[np.uint8]:
    """What the plan does with a method, as position in :data:`VERDICTS`."""
    with np.errstate(invalid="ignore"):
        told = np.isfinite(worth)
        cases = {
            USED_SHARE: (gross > 0) & (gross >= SHOWN_SHARE * most),
            USED: gross > 0,
            NOTHING_FITS: told & np.isnan(shortfall),
            TOO_MUCH: told & (shortfall > TIE * np.maximum(np.abs(worth), TIE)),
            NO_GAIN: told & (worth <= 0),
            AS_GOOD: told,
        }
    return np.select(list(cases.values()), list(cases), NOT_POSSIBLE).astype(np.uint8)


def _stored(evidence: Evidence, index: int) -> F64:
    """CO2 brought to storage per gross tonne [t/t]; of the place, where it differs."""
    own = evidence.of("need_storage", index)
    return np.where(np.isnan(own), evidence.fact("stored_share", index), own)


def _needs(
    evidence: Evidence, index: int, land: F64, stored: F64, possible: NDArray[np.bool_]
) -> dict[str, F64]:
    """Need of each resource per gross tonne, of those that it needs or supplies somewhere."""
    needs = {"land": land} | _stated(evidence, index, land.shape) | {"storage": stored}
    known = {name: _known(need, possible & (need != 0)) for name, need in needs.items()}
    return {name: need for name, need in known.items() if np.isfinite(need).any()}


def _stated(evidence: Evidence, index: int, shape: tuple[int, ...]) -> dict[str, F64]:
    """Need of each resource per gross tonne as the run kept it; land and storage are apart."""
    needs: dict[str, F64] = {}
    resources = evidence.dataset["resource"].to_numpy() if "need" in evidence else ()
    for position, name in enumerate(map(str, resources)):
        need = evidence.cells["need"][index, position]
        if np.isnan(need) and name != "land" and f"need_{name}" in evidence:
            needs[name] = evidence.of(f"need_{name}", index)
        elif np.isfinite(need):
            needs[name] = np.full(shape, float(need))
    return needs


def _charges(
    evidence: Evidence, index: int, land: F64, sink: NDArray[np.int32], worth: F64, shortfall: F64
) -> dict[str, F64]:
    """What a gross tonne pays for each scarce thing [unit of the goal]."""
    if "worth" not in evidence:
        return {}
    stored = _stored(evidence, index)
    price = np.nan_to_num(evidence.of("land_price", index))
    with np.errstate(invalid="ignore"):  # nor does it pay one
        charges = {"land": land * evidence.fact("exclusive_share", index) * price}
    needs = _needs(evidence, index, land, np.zeros(land.shape), np.isfinite(land))
    for name, need in needs.items():
        pool = f"pool_{name}"
        if name != "land" and pool in evidence:
            own = f"prices_{methods_of(evidence.dataset)[index]}"  # where it is offered by kind
            listed = own if own in evidence.dataset[pool].attrs else "prices"
            price, less, more = (
                evidence.at_label(pool, one, evidence.cells[pool])
                for one in (listed, "paid_back", "paid_more")
            )
            price = np.where(np.nan_to_num(need) < 0, price + more, price - less)
            charges[name] = np.nan_to_num(need) * price
    if (stored > 0).any() and "pool_storage" in evidence:
        charges["storage"] = stored * evidence.at_label("pool_storage", "prices", sink)
    if texts(evidence.dataset.attrs.get("binding_policies", ())):
        # a positive shortfall is all charges less the worth: the rest is the rules'
        paid = np.sum([np.nan_to_num(one) for one in charges.values()], axis=0)
        charges["rules"] = np.where(shortfall > 0, shortfall + worth - paid, 0.0)
    return charges


def _dearest(charges: Mapping[str, F64], worth: F64) -> tuple[NDArray[np.uint8], F64]:
    """The largest charge, as position in :data:`CHARGES`, and how much it is."""
    if not charges:
        return np.zeros(worth.shape, np.uint8), np.full(worth.shape, np.nan)
    stack = np.stack([np.nan_to_num(one) for one in charges.values()])
    top = stack.argmax(axis=0)
    amount = np.take_along_axis(stack, top[None], axis=0)[0]
    counts = amount > TIE * np.abs(np.nan_to_num(worth))
    codes = np.array([CHARGES.index(name) for name in charges], np.uint8)
    return np.where(counts, codes[top], 0).astype(np.uint8), np.where(counts, amount, np.nan)


def built_per_output(evidence: Evidence, index: int) -> F64:
    """Capacity per output of a method in the plan; 1 where it makes as much in each month."""
    made = evidence.of("allocated", index)
    if "capacity" not in evidence:
        return np.ones(made.shape)
    built = evidence.of("capacity", index)
    return np.divide(built, made, out=np.ones(made.shape), where=np.nan_to_num(made) > 0)


def _parts(
    evidence: Evidence, index: int, sink: NDArray[np.int32], stored: F64, net: F64
) -> dict[str, F64]:
    """What a net tonne costs by part: those at the plant, and by way of the sink [USD/t]."""
    if "cost_coefficient" not in evidence:
        return {}
    names = texts(evidence.dataset["cost_basis"].attrs["labels"])
    gross: dict[str, F64] = {}
    per_output = built_per_output(evidence, index)
    for position, part in enumerate(map(str, evidence.dataset["cost_part"].to_numpy())):
        basis = names[int(evidence.cells["cost_basis"][index, position])]
        values = evidence.of(basis, index) if basis else np.ones(net.shape)
        if part in OF_CAPACITY and basis != "need_land":  # which is known of the capacity already
            values = values * per_output
        gross[part] = float(evidence.cells["cost_coefficient"][index, position]) * values
    if (stored > 0).any() and "pool_storage" in evidence:
        store = evidence.at_label("pool_storage", "storage_cost", sink)
        gross["transport"] = gross["transport"] + stored * (evidence.of("sink_cost", index) - store)
        gross["storage"] = gross["storage"] + stored * store
    with np.errstate(divide="ignore", invalid="ignore"):
        return {name: np.where(net > 0, values / net, np.nan) for name, values in gross.items()}
