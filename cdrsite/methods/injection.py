"""What storage units take where they lie: water and power of injection, their cost, its emissions.

A tonne that is brought to a unit draws on the pools that the unit lies in, wherever it was
captured; the price is that of the study, and electricity emits what the power there does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.config.resources import Power, Resources
from cdrsite.core.errors import ConfigError, DataError
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.methods.net import KG_PER_T
from cdrsite.methods.storage import StorageUnits
from cdrsite.methods.supply import Pools, intensity_block

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.grid import Block
    from cdrsite.core.reader import LayerReader

    F64 = NDArray[np.float64]
    I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Injection:
    """Needs of storage units, per tonne of CO2 brought to them.

    Attributes
    ----------
    cost : ndarray, shape (units,)
        What the needs cost [USD/t].
    emissions : ndarray, shape (units,)
        Of the electricity [t/t].
    needs : dict of str to ndarray
        Resource -> need, shape (units,) [canonical unit per t].
    zone : dict of str to ndarray
        Resource that pools offer -> pool that each unit lies in, -1 for none, shape (units,).
    most : ndarray, shape (units,)
        What the pools alone would let a unit take [t/yr]; inf without a limit.
    """

    cost: F64
    emissions: F64
    needs: dict[str, F64] = field(default_factory=dict)
    zone: dict[str, I64] = field(default_factory=dict)
    most: F64 = field(default_factory=lambda: np.zeros(0))


def injection_of(
    units: StorageUnits,
    resources: Resources,
    prices: Mapping[str, float],
    pools: Mapping[str, Pools],
    reader: LayerReader,
    blocks: Iterable[Block],
) -> Injection | None:
    """What the units take where they lie; None where no unit needs anything.

    A unit lies in the pool that most of its cells are in.

    Parameters
    ----------
    units : StorageUnits
        With the needs of their kinds.
    resources : Resources
        How the scenario offers what they need.
    prices : mapping of str to float
        Resource -> price [USD per canonical unit].
    pools : mapping of str to Pools
        Of resources that are offered by pools.
    reader : LayerReader
        The layers.
    blocks : iterable of Block
        The grid.

    Raises
    ------
    ConfigError
        A need of what is offered cell by cell: it cannot be taken to a unit (rule 6).
    DataError
        A unit that lies in no pool of what it needs, or where the emissions of power are unknown.
    """
    if not units.needs:
        return None
    count = len(units.names)
    cost, most = np.zeros(count), np.full(count, np.inf)
    limited = {r for r in units.needs if not resources.supplies[r].unlimited}
    for resource in sorted(limited - pools.keys()):
        raise _offered_by_cell(units, resource)
    power = resources.power
    place = _UnitPlaces(units, {r: pools[r] for r in sorted(limited)}, power, reader)
    if limited or isinstance(power.intensity, str):
        for block in blocks:
            place.add(block)
    zone = {}
    for resource, need in units.needs.items():
        cost += need * prices.get(resource, 0.0)
        if resource in limited:
            zone[resource] = place.zone(resource, need)
            supply = np.append(pools[resource].supply, np.inf)[zone[resource]]
            fits = np.divide(supply, need, out=np.full(count, np.inf), where=need > 0)
            most = np.minimum(most, fits)
    used = units.needs.get("electricity", np.zeros(count))
    emissions = np.zeros(count)
    if used.any():
        emissions = used * place.intensity(used) / KG_PER_T
    return Injection(cost, emissions, dict(units.needs), zone, most)


def unit_costs(units: StorageUnits | None, injection: Injection | None) -> F64:
    """Cost of storing in each unit, with that of what it takes there, shape (units,) [USD/t]."""
    if units is None:
        return np.zeros(0)
    cost = np.asarray(units.cost, np.float64)
    return cost if injection is None else cost + injection.cost


def emits(injection: Injection | None) -> bool:
    """Whether the injection into any unit emits anything."""
    return injection is not None and bool(injection.emissions.any())


def yearly_most(units: StorageUnits, injection: Injection | None) -> F64:
    """What fits into each unit in a year, by itself and by its pools, shape (units,) [t/yr]."""
    return units.rate if injection is None else np.minimum(units.rate, injection.most)


class _UnitPlaces:
    """Where units lie: cells by pool, and emissions of the power there, summed over the blocks."""

    def __init__(
        self, units: StorageUnits, pools: Mapping[str, Pools], power: Power, reader: LayerReader
    ) -> None:
        self.units, self.pools, self.power, self.reader = units, pools, power, reader
        count = len(units.names)
        self.cells = {r: np.zeros((count, len(one.names) + 1)) for r, one in pools.items()}
        self.sums = np.zeros((2, count))

    def add(self, block: Block) -> None:
        """Count the cells of a block; those of a unit that touch it only are its own, too."""
        labels = self.reader.labels(self.units.layer, block)
        of = np.full(int(max(self.units.index.max(), labels.max(initial=0))) + 2, -1)
        of[self.units.index] = np.arange(len(self.units.names))
        unit = np.where(labels >= 0, of[labels], -1)
        inside = unit >= 0
        if not inside.any():
            return
        for resource, pools in self.pools.items():
            zone = pools.labels(self.reader, block)[inside]
            np.add.at(self.cells[resource], (unit[inside], zone), 1)
        if isinstance(self.power.intensity, str):
            values = intensity_block(self.power, self.reader, block)
            each = np.broadcast_to(values, block.shape)[inside].astype(np.float64)
            known = np.isfinite(each)
            np.add.at(self.sums[0], unit[inside][known], each[known])
            np.add.at(self.sums[1], unit[inside][known], 1)

    def zone(self, resource: str, need: F64) -> I64:
        """Pool that most cells of each unit are in, of those that are in any."""
        within = self.cells[resource][:, :-1]
        found = np.where(within.any(axis=1), within.argmax(axis=1).astype(np.int64), -1)
        # a unit without a cell in the grid is in reach of nobody
        lost = (need > 0) & (found < 0) & self.cells[resource].any(axis=1)
        if lost.any():
            raise self._nowhere(resource, lost)
        return found

    def intensity(self, used: F64) -> F64:
        """Emissions of the power where each unit lies, shape (units,) [kg/kWh]."""
        if not isinstance(self.power.intensity, str):
            return np.full(len(used), float(self.power.intensity))
        total, cells = self.sums
        mean = np.divide(total, cells, out=np.zeros_like(total), where=cells > 0)
        lost = (used > 0) & (cells == 0)
        # without a cell in the grid it is in reach of nobody
        on_grid = self.cells["electricity"].any(axis=1) if "electricity" in self.cells else lost
        if (lost & on_grid).any():
            raise DataError(
                "storage units where the emissions of the power are unknown",
                where=f"layers.{self.units.layer}",
                got=self._names(lost & on_grid),
                expected="a value of resources.power.intensity in some cell of each",
                cure="leave these units out with where, or fill the layer",
                rule=7,
            )
        return mean

    def _names(self, which: NDArray[np.bool_]) -> str:
        named = [self.units.names[i] for i in np.flatnonzero(which)]
        return ", ".join(named[:5]) + (" ..." if len(named) > 5 else "")

    def _nowhere(self, resource: str, lost: NDArray[np.bool_]) -> DataError:
        key = RESOURCES[resource].parameter
        kind = self.units.kinds[int(np.flatnonzero(lost)[0])]
        return DataError(
            f"storage units need {resource} and lie in no pool of it",
            where=f"layers.{self.units.layer}",
            got=self._names(lost),
            expected=f"a polygon of resources.{key}.pools over each",
            cure=f"extend the pools, leave these units out with where, or say that they need "
            f"none of it: resources.storage.needs: {{{kind}: {{{resource}: 0}}}}",
            rule=7,
        )


def _offered_by_cell(units: StorageUnits, resource: str) -> ConfigError:
    kind = next(k for k, n in zip(units.kinds, units.needs[resource], strict=True) if n > 0)
    key = RESOURCES[resource].parameter
    return ConfigError(
        f"storage of kind {kind} needs {resource} where it injects, and {resource} is offered "
        "cell by cell, which no unit can draw on",
        where=f"resources.{key}",
        got="a layer, or a value per cell or km2",
        expected="pools, a value per: region, or unlimited: true",
        cure=f"offer it so, or say that these units need none: resources.storage.needs: "
        f"{{{kind}: {{{resource}: 0}}}}",
        rule=6,
    )
