"""Six ledgers of a plan, of which one alone counts as removal (rule 5).

``net removal = gross removal - returned - emissions of the process``. What others emit less, what
products replace, and fossil CO2 that is captured along stand beside it and are never added.
Formulae of a gross tonne are those of :mod:`cdrsite.methods.net`; here they are summed over a plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cdrsite.methods.net import KG_PER_T, ChainLosses, Emissions, credited, net_factor_terms
from cdrsite.scoring.sums import Sum

F64 = NDArray[np.float64]

ENERGY, PLACE, REPLACED = "energy_emissions", "place_emissions", "replaced_emissions"
AVOIDED = "avoided_emissions"
"""Variables of the result with what differs from place to place [t/t]."""
SUMS = ("gross", "net", "lost", ENERGY, PLACE, REPLACED, AVOIDED)
"""What is summed over the cells of a plan [t/yr]."""
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
        Emissions of the place and of hauls to it, beside those of the method's own numbers.
    replaced : Sum
        Emissions of the power that the method's own replaces on the grid.
    avoided : Sum
        Emissions that stop with the method.
    """

    energy: Sum
    place: Sum
    replaced: Sum
    avoided: Sum

    @property
    def by_name(self) -> dict[str, Sum]:
        """Variable of the result -> sum."""
        return {
            ENERGY: self.energy, PLACE: self.place, REPLACED: self.replaced, AVOIDED: self.avoided
        }  # fmt: skip


@dataclass(frozen=True)
class LedgerBook:
    """What is needed to sum the ledgers over the blocks of a plan.

    Attributes
    ----------
    sums : tuple of PlaceSums
        One per method.
    stored : ndarray, shape (methods,)
        CO2 brought to a storage unit per gross tonne [t/t].
    zone : str or None
        Variable with the zone of each cell, -1 for none.
    zones : int
        How many zones.
    """

    sums: tuple[PlaceSums, ...]
    stored: F64
    zone: str | None
    zones: int

    def empty(self) -> F64:
        """Sums of no cells, shape (1 + zones, methods, :data:`SUMS`); the first is outside all."""
        return np.zeros((1 + self.zones, len(self.sums), len(SUMS)))

    def add(
        self,
        into: F64,
        x: F64,
        net: F64,
        sink_loss: NDArray[np.floating[Any]],
        read: Callable[[str], NDArray[np.generic]],
    ) -> None:
        """Add some cells of a plan.

        Parameters
        ----------
        into : ndarray
            From :meth:`empty`.
        x, net : ndarray, shape (methods, sinks or 1, cells)
            Gross and net tonnes [t/yr].
        sink_loss : ndarray, shape (sinks, cells)
            Share of the stored CO2 that is lost on the way [1]; no rows where there are no units.
        read : callable
            Gives the values of a variable in these cells: of shape (methods, cells) or (cells,).
        """
        gross = x.sum(axis=1)
        lost = np.zeros_like(gross)
        if len(sink_loss):
            lost = self.stored[:, None] * (x * sink_loss[None]).sum(axis=1)
        parts = [gross, net.sum(axis=1), lost, *np.zeros((len(SUMS) - 3, *gross.shape))]
        for m, one in enumerate(self.sums):
            for name, per_tonne in one.by_name.items():
                known = per_tonne.constant
                each = read(name)[m] if known is None else known
                parts[SUMS.index(name)][m] = np.where(gross[m] > 0, gross[m] * each, 0.0)
        zone = np.zeros(gross.shape[1], np.int64)
        if self.zone is not None:
            zone = np.asarray(read(self.zone), np.int64) + 1
        for k, part in enumerate(parts):
            for m, values in enumerate(part):
                into[:, m, k] += np.bincount(zone, values, 1 + self.zones)


def place_sums(
    losses: ChainLosses,
    emissions: Emissions,
    supplied: Sum,
    intensity: Sum,
    factors: Mapping[str, Sum],
    avoided: Sum,
    haul_intensity: float = 0.0,
) -> PlaceSums:
    """The terms of the net factor that the place decides, and what supplied power replaces.

    Parameters
    ----------
    losses, emissions : ChainLosses, Emissions
        Of the method.
    supplied, intensity : Sum
        Power that is given to the grid [kWh/t], and emissions of the grid's power [kg/kWh].
    factors : mapping of str to Sum
        What the factors of the net factor are.
    avoided : Sum
        Emissions that stop with a gross tonne [t CO2e/t].
    haul_intensity : float
        Haul of bulk goods [kg CO2e per t and km].
    """
    terms = net_factor_terms(losses, emissions, haul_intensity=haul_intensity).terms

    def emitted(*by: str) -> Sum:
        mine = Sum(tuple(term for term in terms if set(by) & set(term.layers)))
        return (mine * -1.0).of(factors)

    return PlaceSums(
        emitted("grid_intensity", "heat_intensity"),
        emitted("place_emissions", "hauled"),
        supplied * intensity * (1.0 / KG_PER_T),
        avoided,
    )


def entries(
    sums: F64, losses: ChainLosses, emissions: Emissions, supply: float, buffer: float
) -> dict[str, float]:
    """The ledgers of one method, in the order of :data:`COLUMNS` [Mt/yr].

    Parameters
    ----------
    sums : ndarray, shape (:data:`SUMS`,)
        Over the cells of its plan [t/yr].
    losses, emissions : ChainLosses, Emissions
        Of the method; losses on the way to a storage unit are in ``sums``.
    supply : float
        Emissions of its biomass supply [kg per gross t].
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
    gross, net, lost, energy, place, replaced, avoided = (float(value) for value in sums / 1e6)
    fossil, kept = losses.fossil_cocaptured, float(losses.stored_share(0.0))
    # what is lost on the way is air and fossil CO2 in the proportion of what is sent
    returned = gross * (1.0 - kept) + lost / (1.0 + fossil)
    fossil_lost = gross * fossil * (1.0 - kept) + lost * fossil / (1.0 + fossil)
    made = gross * (emissions.total + supply) / KG_PER_T + place
    values = (
        gross, returned, energy + made + fossil_lost, net,
        float(credited(net, buffer)), net - float(credited(net, buffer)), energy, made,
        fossil_lost, avoided, replaced, gross * fossil - fossil_lost,
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def imbalance(row: Mapping[str, float]) -> float:
    """What gross less returned less emissions misses the net tonnes by, as a share of gross [1]."""
    gross = row["removal_gross_mt_yr"]
    return abs(summed(row) - row["net_mt_yr"]) / gross if gross > 0 else 0.0


def summed(row: Mapping[str, float]) -> float:
    """Net tonnes by the ledgers that add up to them [unit of the row]."""
    return sum(sign * row[name] for name, sign in SIGNS.items())
