"""Six ledgers of a plan, of which one alone counts as removal (rule 5).

``net removal = gross removal - returned - emissions of the process``. What others emit less, what
products replace, and fossil CO2 that is captured along stand beside it and are never added.
Formulae of a gross tonne are those of :mod:`cdrsite.methods.net`; here they are summed over a plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cdrsite.methods.net import KG_PER_T, ChainLosses, Emissions, credited
from cdrsite.scoring.sums import Sum

F64 = NDArray[np.float64]

ENERGY, PLACE, REPLACED = "energy_emissions", "place_emissions", "replaced_emissions"
AVOIDED = "avoided_emissions"
"""Variables of the result with what differs from place to place [t/t]."""
FOSSIL = "fossil_cocaptured"
"""Variable with the fossil CO2 that is captured along [t/t]."""
SUMS = ("gross", "net", "lost", ENERGY, PLACE, REPLACED, AVOIDED, FOSSIL, "fossil_lost")
"""What is summed over the cells of a plan [t/yr]; what is lost is lost on the way."""
TOLERANCE = 1e-4
"""By how much of the gross tonnes the entries may miss the net tonnes: rounding of float32 maps."""

SIGNS = {"removal_gross_mt_yr": 1.0, "returned_mt_yr": -1.0, "emissions_process_mt_yr": -1.0}
"""Columns that add up to the net tonnes, each with its sign: these and no others (rule 5)."""

COLUMNS = (
    "removal_gross_mt_yr", "returned_mt_yr", "emissions_process_mt_yr", "net_mt_yr",
    "credited_mt_yr", "withheld_mt_yr", "emissions_energy_mt_yr", "emissions_supply_mt_yr",
    "emissions_fossil_lost_mt_yr", "avoided_mt_yr", "substitution_mt_yr", "fossil_stored_mt_yr",
)  # fmt: skip
"""Columns of the table: the sum first, then the parts of the emissions, then what is not summed."""


@dataclass(frozen=True)
class PlaceSums:
    """Ledger entries of a gross tonne that may differ from place to place [t/t].

    Attributes
    ----------
    energy : Sum
        Emissions of the power and heat that are taken.
    place : Sum
        All other emissions that are no constant of the method: of the place, of its biomass.
    replaced : Sum
        Emissions of the power that the method's own replaces on the grid. Those of heat follow from
        the plan, which sells it.
    avoided : Sum
        Emissions that stop with the method.
    fossil : Sum
        Fossil CO2 that is captured along.
    """

    energy: Sum
    place: Sum
    replaced: Sum
    avoided: Sum
    fossil: Sum

    @property
    def by_name(self) -> dict[str, Sum]:
        """Variable of the result -> sum."""
        by = {ENERGY: self.energy, PLACE: self.place, REPLACED: self.replaced}
        return {**by, AVOIDED: self.avoided, FOSSIL: self.fossil}


@dataclass(frozen=True)
class LedgerBook:
    """What is needed to sum the ledgers over the blocks of a plan.

    Attributes
    ----------
    sums : tuple of PlaceSums
        One per method.
    zone : str or None
        Variable with the zone of each cell, -1 for none.
    zones : int
        How many zones.
    injection : ndarray, shape (units,)
        Emissions of injecting a tonne into each storage unit [t/t]; empty where there are none.
    """

    sums: tuple[PlaceSums, ...]
    zone: str | None
    zones: int
    injection: F64 = field(default_factory=lambda: np.zeros(0))

    def empty(self) -> F64:
        """Sums of no cells, shape (1 + zones, methods, :data:`SUMS`); the first is outside all."""
        return np.zeros((1 + self.zones, len(self.sums), len(SUMS)))

    def add(
        self,
        into: F64,
        x: F64,
        net: F64,
        sink: NDArray[np.integer[Any]],
        sink_loss: NDArray[np.floating[Any]],
        stored: F64,
        read: Callable[[str], NDArray[np.generic]],
    ) -> None:
        """Add some cells of a plan.

        Parameters
        ----------
        into : ndarray
            From :meth:`empty`.
        x, net : ndarray, shape (methods, sinks or 1, cells)
            Gross and net tonnes [t/yr].
        sink, sink_loss : ndarray, shape (sinks, cells)
            Storage unit of each slot, -1 for none, and the removal that a tonne brought to it loses
            on the way and by its injection [t/t]; no rows where there are no units.
        stored : ndarray, shape (methods, cells) or (methods, 1)
            CO2 brought to a storage unit per gross tonne [t/t].
        read : callable
            Gives the values of a variable in these cells: of shape (methods, cells) or (cells,).
        """
        gross = x.sum(axis=1)
        lost, injecting = np.zeros_like(gross), np.zeros_like(gross)
        if len(sink_loss):
            lost = stored * (x * sink_loss[None]).sum(axis=1)
        if len(sink) and self.injection.any():
            each = np.append(self.injection, 0.0)[sink]
            injecting = stored * (x * each[None]).sum(axis=1)
            lost = lost - injecting
        parts = dict.fromkeys(SUMS, np.zeros(0)) | {"gross": gross, "net": net.sum(axis=1)}
        parts |= {name: np.zeros_like(gross) for name in (ENERGY, PLACE, REPLACED, AVOIDED, FOSSIL)}
        for m, one in enumerate(self.sums):
            for name, per_tonne in one.by_name.items():
                known = per_tonne.constant
                each = read(name)[m] if known is None else known
                parts[name][m] = np.where(gross[m] > 0, gross[m] * each, 0.0)
        parts[ENERGY] = parts[ENERGY] + injecting
        # what is lost on the way is air and fossil CO2 in the proportion of what is sent
        sent = gross + parts[FOSSIL]
        share = np.divide(parts[FOSSIL], sent, out=np.zeros_like(sent), where=sent > 0)
        parts |= {"lost": lost, "fossil_lost": lost * share}
        zone = np.zeros(gross.shape[1], np.int64)
        if self.zone is not None:
            zone = np.asarray(read(self.zone), np.int64) + 1
        for k, part in enumerate(parts.values()):
            for m, values in enumerate(part):
                into[:, m, k] += np.bincount(zone, values, 1 + self.zones)


def place_sums(
    net: Sum, supplied: Sum, intensity: Sum, factors: Mapping[str, Sum], avoided: Sum
) -> PlaceSums:
    """The terms of the net factor that the place decides, and what supplied power replaces.

    Parameters
    ----------
    net : Sum
        Net factor of the method over its factors (:func:`cdrsite.methods.net.net_factor_terms`).
    supplied, intensity : Sum
        Power that is given to the grid [kWh/t], and emissions of the grid's power [kg/kWh].
    factors : mapping of str to Sum
        What the factors of the net factor are.
    avoided : Sum
        Emissions that stop with a gross tonne [t CO2e/t].
    """
    energy, chain = {"grid_intensity", "heat_intensity"}, {"transport_km", "fossil", "injection"}
    taken = [term for term in net.terms if energy & set(term.layers)]
    other = [term for term in net.terms if term.layers and not (energy | chain) & set(term.layers)]
    return PlaceSums(
        (Sum(tuple(taken)) * -1.0).of(factors),
        (Sum(tuple(other)) * -1.0).of(factors),
        supplied * intensity * (1.0 / KG_PER_T),
        avoided,
        factors["fossil"],
    )


def entries(
    sums: F64, losses: ChainLosses, emissions: Emissions, buffer: float
) -> dict[str, float]:
    """The ledgers of one method, in the order of :data:`COLUMNS` [Mt/yr].

    Parameters
    ----------
    sums : ndarray, shape (:data:`SUMS`,)
        Over the cells of its plan [t/yr].
    losses, emissions : ChainLosses, Emissions
        Of the method; losses on the way to a storage unit are in ``sums``.
    buffer : float
        Share of the credits withheld [1].

    Returns
    -------
    dict
        ``returned`` is air or biogenic CO2 lost before the store; fossil CO2 that was captured
        along and lost is an emission, what of it reaches the store is in ``fossil_stored``.
        ``avoided`` is what stops on the land or at the works of the method itself; the power that a
        method supplies is a product, so what it replaces is ``substitution``.
    """
    gross, net, lost, energy, place, replaced, avoided, *along = (sums / 1e6).tolist()
    fossil, fossil_on_way = along
    kept = float(losses.stored_share(0.0))
    returned = gross * (1.0 - kept) + lost - fossil_on_way
    fossil_lost = fossil * (1.0 - kept) + fossil_on_way
    made = gross * emissions.total / KG_PER_T + place
    values = (
        gross, returned, energy + made + fossil_lost, net,
        float(credited(net, buffer)), net - float(credited(net, buffer)), energy, made,
        fossil_lost, avoided, replaced, fossil - fossil_lost,
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def imbalance(row: Mapping[str, float]) -> float:
    """What gross less returned less emissions misses the net tonnes by, as a share of gross [1]."""
    gross = row["removal_gross_mt_yr"]
    return abs(summed(row) - row["net_mt_yr"]) / gross if gross > 0 else 0.0


def summed(row: Mapping[str, float]) -> float:
    """Net tonnes by the ledgers that add up to them [unit of the row]."""
    return sum(sign * row[name] for name, sign in SIGNS.items())
