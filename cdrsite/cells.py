"""Stages that run over the cells: exclusions, routes to storage, supplies, scores.

Each is a pure function of an aligned block, so the answer does not depend on blocks or threads
(rule 9); only contiguous areas, distances and the sharing of pools look at the whole grid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from cdrsite.core.grid import Block
from cdrsite.core.resources import RESOURCES
from cdrsite.core.states import OUTSIDE_BIT
from cdrsite.costs import crf
from cdrsite.prepare import STORAGE_COST, TRANSPORT_COST, TRANSPORT_KM, Setting
from cdrsite.requirements.evaluate import evaluate
from cdrsite.requirements.oracle import sum_of
from cdrsite.requirements.supply import (
    Pools,
    StorageUnits,
    intensity_block,
    label_areas,
    storage_offer,
    supply_block,
    usable_land,
)
from cdrsite.scoring import land_layer, left_layer, own_layers
from cdrsite.siting.exclusions import Excluded, RuleAreas, exclude_block, exclude_small_areas
from cdrsite.siting.suitability import suitability_block
from cdrsite.transport.haul import shed_raster
from cdrsite.transport.links import SinkLinks, StorageSites, link_sinks
from cdrsite.transport.pipelines import Basis
from cdrsite.transport.surface import CostSurface

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.config.models import Scenario

    F32 = NDArray[np.float32]

T = TypeVar("T")

OWN_BIOMASS = "own biomass"
"""Layer with a cell's own biomass, where plants collect from around them [t dry/yr]."""
SHED_CELLS = 8
"""Coarse cells between the middle and the rim of a biomass shed."""
PIPELINE_YEARS = 30.0
"""Economic life of a pipeline [yr]; 20 to 50 in the models' own sources."""


class ProgressSink(Protocol):
    """Where the progress of long steps goes."""

    def step(self, title: str, total: int) -> Callable[[], None]:
        """Begin a step of ``total`` parts; call the result after each part."""


class Silent:
    """No progress shown."""

    def step(self, title: str, total: int) -> Callable[[], None]:
        """Do nothing."""
        del title, total
        return lambda: None


def exclude(setting: Setting, progress: ProgressSink, threads: int) -> Excluded:
    """Apply all exclusion rules: block by block, then contiguity over the whole grid."""
    grid = setting.area.grid
    reasons = np.empty(grid.shape, np.uint32)
    available = {bits: np.empty(grid.shape, np.float32) for bits in setting.book.groups}
    areas = RuleAreas()

    def one(block: Block) -> Excluded:
        inside = setting.area.inside(block)
        return exclude_block(setting.book, setting.reader, block, inside)

    for block, part in in_order(one, setting.blocks, threads, progress, "exclusions"):
        reasons[block.slices] = part.reasons
        for bits, left in part.available.items():
            available[bits][block.slices] = left
        areas.add(part.areas)
    exclude_small_areas(setting.book, grid, reasons, available, areas)
    return Excluded(reasons, available, areas)


def in_order(
    work: Callable[[Block], T],
    blocks: Iterable[Block],
    threads: int,
    progress: ProgressSink,
    title: str,
) -> Iterator[tuple[Block, T]]:
    """Work on blocks in threads and yield the results in the order of the blocks (rule 9)."""
    listed = list(blocks)
    done = progress.step(title, len(listed))
    if threads == 1:
        for block in listed:
            yield block, work(block)
            done()
        return
    with ThreadPoolExecutor(threads) as pool:
        for block, result in zip(listed, pool.map(work, listed), strict=True):
            yield block, result
            done()


def link_storage(setting: Setting, excluded: Excluded, threads: int) -> SinkLinks | None:
    """Routes from every cell to its cheapest storage units; None where storage is unlimited."""
    units, scenario = setting.storage, setting.scenario
    if units is None:
        return None
    basis, sites = pipeline_basis(scenario), storage_sites(units)
    inside = excluded.reasons & np.uint32(OUTSIDE_BIT) == 0
    return link_sinks(scenario.transport, sites, setting.reader, basis, inside, threads)


def pipeline_basis(scenario: Scenario) -> Basis:
    """Annuity, prices and base year of pipelines in a scenario."""
    costs, transport = scenario.costs, scenario.transport
    return Basis(
        crf=float(crf(costs.discount_rate, PIPELINE_YEARS)),
        base_year=costs.base_year,
        electricity=costs.prices.electricity,
        utilisation=transport.utilisation,
        region=transport.region,
    )


def storage_sites(units: StorageUnits) -> StorageSites:
    """Storage units as the transport sees them."""
    return StorageSites(units.layer, units.names, units.filters, units.cost)


@dataclass(frozen=True)
class Offers:
    """Shared pools and storage units, and the areas over which they are spread.

    Attributes
    ----------
    pools : dict of str to Pools
        With their areas inside the region.
    links : SinkLinks or None
        Cheapest storage units of each cell.
    served : ndarray, shape (units,)
        Area of the region whose cheapest storage unit it is [m2].
    shed : ndarray of float32, shape (rows, cols), or None
        Biomass within haul distance of each cell [t dry/yr]; None where plants do not collect.
    """

    pools: dict[str, Pools]
    links: SinkLinks | None = None
    served: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    shed: F32 | None = None


def biomass_shed(setting: Setting, threads: int) -> F32 | None:
    """Biomass that each cell can collect within the haul distance; None without hauling.

    The distance is that of travel: ground that makes a pipeline dearer makes the way longer by the
    same factor, and barriers close it.
    """
    biomass, reader, grid = setting.scenario.resources.biomass, setting.reader, setting.area.grid
    if biomass.layer is None or biomass.haul <= 0:
        return None
    supply = np.empty(grid.shape, np.float32)
    for block in setting.blocks:
        part = supply_block("biomass", biomass, None, reader, block)
        if part is not None:  # a layer always gives values
            supply[block.slices] = np.nan_to_num(part) * np.float32(biomass.collectable)
    _, ground, _ = CostSurface(setting.scenario.transport.surface, reader, 1.0, 1.0).whole()
    # sheds of a few hundred coarse cells: finer ones cost the fourth power and gain little
    cell_km = grid.row_steps_m[1] / 1000.0
    factor = max(1, int(biomass.haul / (SHED_CELLS * cell_km)))
    total, _ = shed_raster(
        supply, ground, grid.row_steps_m, factor=factor, max_cost=biomass.haul, threads=threads
    )
    return total


def spread_areas(setting: Setting, links: SinkLinks | None, threads: int) -> Offers:
    """Find the areas over which shared pools and storage units are spread."""
    area, reader = setting.area, setting.reader

    def one(block: Block) -> dict[str, NDArray[np.float64]]:
        inside, areas = area.inside(block), area.grid.block_areas(block)
        found = {
            name: label_areas(reader.labels(pools.layer, block), areas, inside, len(pools.supply))
            for name, pools in setting.pools.items()
        }
        if links is not None and setting.storage is not None:
            best = links.sink[0][block.slices]
            found["storage"] = label_areas(best, areas, inside, len(setting.storage.rate))
        return found

    total: dict[str, NDArray[np.float64]] = {}
    for _, part in in_order(one, setting.blocks, threads, Silent(), ""):
        for name, values in part.items():
            total[name] = total.get(name, 0.0) + values
    pools = {name: replace(one, area=total[name]) for name, one in setting.pools.items()}
    shed = biomass_shed(setting, threads)
    return Offers(pools, links, total.get("storage", np.zeros(0)), shed)


@dataclass(frozen=True)
class Scored:
    """What scoring a block gives: arrays by variable, and by variable and method."""

    shared: dict[str, NDArray[Any]]
    methods: dict[str, dict[str, NDArray[Any]]]
    rivals: dict[str, dict[str, NDArray[Any]]] = field(default_factory=dict)


def score(
    setting: Setting, excluded: Excluded, offers: Offers, progress: ProgressSink, threads: int
) -> Iterator[tuple[Block, Scored]]:
    """Score every method in every cell, block by block."""

    def one(block: Block) -> Scored:
        return score_block(setting, offers, excluded, block)

    return in_order(one, setting.blocks, threads, progress, "scoring")


@dataclass(frozen=True)
class Gathered:
    """Scores of the whole grid.

    Attributes
    ----------
    methods : dict
        Variable -> array of shape (methods, rows, cols), in the order of the study's methods.
    shared : dict
        Variable -> array of shape (rows, cols).
    rivals : dict
        Method -> what the competition reads of it, arrays of shape (rows, cols).
    """

    methods: dict[str, NDArray[Any]]
    shared: dict[str, NDArray[Any]]
    rivals: dict[str, dict[str, NDArray[Any]]]


def gather(setting: Setting, parts: Iterable[tuple[Block, Scored]]) -> Gathered:
    """Put the blocks of the scores together."""
    shape, names = setting.area.grid.shape, tuple(setting.models)
    methods: dict[str, NDArray[Any]] = {}
    shared: dict[str, NDArray[Any]] = {}
    rivals: dict[str, dict[str, NDArray[Any]]] = {name: {} for name in names}

    def place(home: dict[str, NDArray[Any]], key: str, block: Block, values: Any) -> None:
        if key not in home:
            home[key] = np.empty(shape, values.dtype)
        home[key][block.slices] = values

    for block, part in parts:
        for key, values in part.shared.items():
            place(shared, key, block, values)
        for m, name in enumerate(names):
            for key, values in part.methods[name].items():
                if key not in methods:
                    methods[key] = np.empty((len(names), *shape), values.dtype)
                methods[key][m][block.slices] = values
            for key, values in part.rivals[name].items():
                place(rivals[name], key, block, values)
    return Gathered(methods, shared, rivals)


def score_block(
    setting: Setting,
    offers: Offers,
    excluded: Excluded,
    block: Block,
) -> Scored:
    """Score every method in the cells of a block; a pure function of the block."""
    part = Excluded(
        excluded.reasons[block.slices],
        {bits: left[block.slices] for bits, left in excluded.available.items()},
        excluded.areas,
    )
    return score_cells(setting, offers, part, block)


def score_cells(
    setting: Setting,
    offers: Offers,
    excluded: Excluded,
    block: Block,
) -> Scored:
    """Score a block, given what the exclusions leave of just these cells."""
    reader, resources = setting.reader, setting.scenario.resources
    layers: dict[str, F32] = {}
    usable = usable_land(resources.land, reader, block) * reader.grid.block_areas(block)
    for bits, group in setting.groups.items():
        left = excluded.available[bits]
        layers[left_layer(group)] = left
        layers[land_layer(group)] = usable * left
    _add_supplies(setting, offers, block, layers)
    for i, criteria in enumerate(setting.criteria):
        layers[f"suitability {i}"] = suitability_block(
            criteria.criteria, setting.scenario.siting.combine, reader, block
        )
    for model in setting.models.values():
        layers.update(own_layers(model, reader, block))
    found = evaluate(setting.plan, layers, excluded.reasons)
    methods: dict[str, dict[str, NDArray[Any]]] = {
        name: {
            "potential": result.potential,
            "limit": result.limit,
            "net_factor": result.net_factor,
            "cost": result.cost,
            "score": result.score,
            "suitability": layers[plan.suitability or ""],
        }
        for (name, result), plan in zip(found.items(), setting.plan.methods, strict=True)
    }
    shared: dict[str, NDArray[Any]] = {
        f"supply_{name}": layers[name] for name in RESOURCES if name in layers
    }
    if OWN_BIOMASS in layers:
        shared["local_biomass"] = layers[OWN_BIOMASS]
    for name, one in offers.pools.items():
        shared[f"pool_{name}"] = reader.labels(one.layer, block)
    for layer in setting.zonings:
        shared[f"zone_{layer}"] = reader.labels(layer, block)
    return Scored(shared, methods, _rivals(setting, layers, block))


def _rivals(
    setting: Setting, layers: dict[str, F32], block: Block
) -> dict[str, dict[str, NDArray[Any]]]:
    """What the competition reads of each method: own land, land need, net factor, cost, needs."""
    made: dict[str, dict[str, NDArray[Any]]] = {}
    for name, sums in setting.rivals.items():
        group = setting.groups[setting.book.group_of(name)]
        arrays = {
            "own": layers[land_layer(group)],
            "need": sum_of(sums.land, layers),
            "net": sum_of(sums.net_factor, layers),
            "cost": sum_of(sums.cost, layers),
        }
        for resource, need in sums.needs.items():
            if need.constant is None:
                arrays[f"need of {resource}"] = sum_of(need, layers)
        made[name] = {
            key: np.broadcast_to(np.asarray(values, np.float32), block.shape)
            for key, values in arrays.items()
        }
    return made


def _add_supplies(
    setting: Setting,
    offers: Offers,
    block: Block,
    layers: dict[str, F32],
) -> None:
    """Put the supply of each limited resource, and power's intensity, among a block's layers."""
    reader, resources = setting.reader, setting.scenario.resources
    for name, model in resources.supplies.items():
        found = supply_block(name, model, offers.pools.get(name), reader, block)
        if found is not None and name == "biomass":
            found = found * np.float32(resources.biomass.collectable)
            if offers.shed is not None:
                layers[OWN_BIOMASS] = found
                found = np.ascontiguousarray(offers.shed[block.slices])
        if found is not None:
            layers[name] = found
    if isinstance(resources.power.intensity, str):
        layers["intensity"] = np.broadcast_to(
            intensity_block(resources.power, reader, block), block.shape
        )
    if setting.storage is not None:
        _add_storage(setting, setting.storage, offers, block, layers)


def _add_storage(
    setting: Setting, units: StorageUnits, offers: Offers, block: Block, layers: dict[str, F32]
) -> None:
    """Put what storage offers, and what it costs to get there, among a block's layers."""
    links, share = offers.links, setting.scenario.resources.storage.share
    if links is None:  # a trial cell before the routes are known
        for name in ("storage", STORAGE_COST, TRANSPORT_COST, TRANSPORT_KM):
            layers[name] = np.zeros(block.shape, np.float32)
        return
    areas, best = setting.area.grid.block_areas(block), links.sink[0][block.slices]
    layers["storage"] = storage_offer(share, units.rate, best, areas, offers.served)
    for name, values in (
        (STORAGE_COST, links.storage_cost),
        (TRANSPORT_COST, links.cost),
        (TRANSPORT_KM, links.length_km),
    ):
        # out of reach the supply is 0, so the cost there only has to be a finite number
        layers[name] = np.where(best >= 0, values[0][block.slices], np.float32(0))
