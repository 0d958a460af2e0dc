"""Who may draw on shared pools and storage units, and the land over which they are spread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.engine.stages import stage
from cdrsite.methods.supply import Pools, demand_block, label_areas, usable_land
from cdrsite.study.exclude import exclude, left_name
from cdrsite.study.prepare import (
    Ground,
    Setting,
    open_layers,
    pools_of,
    read_lands,
    read_rules,
    resolve_methods,
    storage_of,
)
from cdrsite.study.routes import link_storage, shed_arrays

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.grid import Block
    from cdrsite.engine.arrays import ArrayStore, CellArray
    from cdrsite.engine.passes import Workspace
    from cdrsite.transport.links import SinkLinks

    F32 = NDArray[np.float32]


@dataclass(frozen=True)
class Offers:
    """Shared pools and storage units, and the land over which they are spread.

    Attributes
    ----------
    pools : dict of str to Pools
        With the land that may draw on each.
    links : SinkLinks or None
        Cheapest storage units of each cell.
    served : ndarray, shape (units,)
        Land that may bring CO2 to it and whose cheapest storage unit it is [m2].
    sheds : dict of str to tuple of CellArray
        Resource that plants collect from around them -> what lies within haul distance of each
        cell [its canonical unit], and how far that travels [km]; shape (rows, cols).
    heat_demand : ndarray, shape (pools,)
        What customers in each pool of heat would take [kWh/yr].
    """

    pools: dict[str, Pools]
    links: SinkLinks | None = None
    served: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    sheds: dict[str, tuple[CellArray, CellArray]] = field(default_factory=dict)
    heat_demand: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))


def claims(
    setting: Setting, lands: Mapping[Ground, F32], best: NDArray[np.int32] | None, block: Block
) -> dict[str, F32]:
    """Land of each cell that may draw on a shared resource; a pool is shared evenly over it [m2].

    It is the largest usable and allowed land of the methods that need the resource; a method that
    stores CO2 has none where no storage unit is in reach. Unknown land claims nothing.

    Parameters
    ----------
    setting : Setting
        The study.
    lands : mapping of tuple to ndarray
        Ground -> usable and allowed land of each cell [m2].
    best : ndarray of int32 or None
        Cheapest storage unit of each cell, -1 where none is in reach; None where none is asked for.
    block : Block
        Which cells.
    """
    claimed: dict[str, F32] = {}
    users = {name: setting.users(name) for name in setting.pools}
    if best is not None:
        users["storage"] = setting.users("storage")
    for resource, names in users.items():
        land = np.zeros(block.shape, np.float32)
        kinds = {(setting.ground_of(n), setting.models[n].number("storage") > 0) for n in names}
        for ground, stores in kinds:
            usable = np.nan_to_num(lands[ground])
            if stores and best is not None:
                usable = np.where(best >= 0, usable, np.float32(0))
            np.maximum(land, usable, out=land)
        claimed[resource] = land
    return claimed


def ground_lands(
    setting: Setting, left: Mapping[tuple[int, ...], F32], block: Block
) -> dict[Ground, F32]:
    """Usable and allowed land of each cell of a block, by ground [m2].

    Parameters
    ----------
    setting : Setting
        The study.
    left : mapping of tuple to ndarray
        Group of exclusion rules -> share of each cell that it leaves [1].
    block : Block
        Which cells.
    """
    reader = setting.reader
    areas = reader.grid.block_areas(block)
    used = sorted({land for _, land in setting.grounds})
    usable = {k: usable_land(setting.lands.different[k], reader, block) * areas for k in used}
    return {(bits, land): usable[land] * left[bits] for bits, land in setting.grounds}


@dataclass(frozen=True)
class AreasOfBlock:
    """Pass: land that may draw on each pool and storage unit."""

    setting: Setting
    links: SinkLinks | None
    scratch: ArrayStore

    def __call__(self, block: Block) -> dict[str, NDArray[np.float64]]:
        """Land by resource [m2]."""
        setting, reader = self.setting, self.setting.reader
        if not setting.pools and self.links is None:
            return {}
        inside = setting.area.inside(block)
        left = {
            bits: np.asarray(self.scratch.open(left_name(setting, bits))[block.slices])
            for bits in setting.book.groups
        }
        lands = ground_lands(setting, left, block)
        best = None if self.links is None else np.asarray(self.links.sink[(0, *block.slices)])
        claimed = claims(setting, lands, best, block)
        areas = {
            name: label_areas(pools.labels(reader, block), claimed[name], inside, len(pools.supply))
            for name, pools in setting.pools.items()
        }
        if best is not None and setting.storage is not None:
            count = len(setting.storage.rate)
            areas["storage"] = label_areas(best, claimed["storage"], inside, count)
        heat = setting.scenario.resources.heat
        if heat.demand is not None:
            wanted = np.nan_to_num(demand_block(heat.demand, reader, block))
            pools = setting.pools["heat"]
            labels = pools.labels(reader, block)
            areas[HEAT_DEMAND] = label_areas(labels, wanted, inside, len(pools.supply))
        return areas


HEAT_DEMAND = "heat demand"
"""Key of what customers would take, beside the land of each resource."""


@stage(
    "areas",
    reads=("resources.heat",),
    after=(
        *(open_layers, resolve_methods, read_rules, read_lands, pools_of, storage_of),
        *(exclude, link_storage),
    ),
)
def spread_areas(setting: Setting, space: Workspace, links: SinkLinks | None) -> Offers:
    """Find the land over which shared pools and storage units are spread."""
    total: dict[str, NDArray[np.float64]] = {}
    task = AreasOfBlock(setting, links, space.scratch)
    for _, part in space.each("areas", task, setting.blocks):
        for name, values in part.items():
            total[name] = total.get(name, 0.0) + values
    pools = {name: replace(one, area=total[name]) for name, one in setting.pools.items()}
    wanted = total.get(HEAT_DEMAND)
    if wanted is None:
        wanted = np.zeros(len(pools["heat"].names) if "heat" in pools else 0)
    return Offers(pools, served=total.get("storage", np.zeros(0)), heat_demand=wanted)


def in_workspace(
    offers: Offers, links: SinkLinks | None, hauled: tuple[str, ...], space: Workspace
) -> Offers:
    """Offers with the arrays of a workspace, which they do not outlive."""
    sheds = {}
    for name in hauled:
        supply, way = (space.scratch.open(array) for array in shed_arrays(name))
        sheds[name] = supply, way
    return replace(offers, links=links, sheds=sheds)
