"""The stages over the ground: routes from every cell to storage, and goods within reach of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.annuity import crf
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.engine.stages import stage
from cdrsite.methods.feed import haul_layer
from cdrsite.methods.storage import StorageUnits
from cdrsite.methods.supply import supply_block
from cdrsite.study.prepare import Setting, open_layers, storage_of
from cdrsite.study.standingground import standing_plants
from cdrsite.transport.distance import DistanceResult
from cdrsite.transport.fares import Fares, fares_of
from cdrsite.transport.haul import shed_store
from cdrsite.transport.links import LINKS, ROUTES, SinkLinks, StorageSites, link_sinks
from cdrsite.transport.pipelines import Basis
from cdrsite.transport.surface import BILLING, CostSurface, SurfaceReport

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.config.models import Scenario
    from cdrsite.config.resources import Bulk
    from cdrsite.core.grid import Block
    from cdrsite.engine.arrays import ArrayStore
    from cdrsite.engine.passes import Workspace
    from cdrsite.transport.labels import Neighbourhood

    F32 = NDArray[np.float32]

SHED_CELLS = 8
"""Coarse cells between the middle and the rim of a shed of goods."""
BULK = tuple(one for one in RESOURCES.values() if one.kind == "bulk")
"""Resources that plants may collect from around them."""
ROUTED_BY = (
    *("model", "offshore_model", "region", "flow", "utilisation", "surface", "modes"),
    *("truck_detour", "roads", "ships", "sinks_per_cell", "neighbours", "reach", "max_cost"),
)
"""Keys of the transport section that the routes follow from."""
PIPELINE_YEARS = 30.0
"""Economic life of a pipeline [yr]; 20 to 50 in the models' own sources."""


@stage(
    "links",
    reads=(
        *("costs.base_year", "costs.discount_rate", "costs.prices.electricity"),
        *(f"transport.{key}" for key in ROUTED_BY),
    ),
    after=(open_layers, storage_of),
)
def link_storage(setting: Setting, space: Workspace) -> Neighbourhood | None:
    """Find the routes from every cell to its cheapest storage units.

    Returns
    -------
    Neighbourhood or None
        The moves of the routes, whose arrays are in the workspace; None where storage is unlimited.
    """
    units, scenario = setting.storage, setting.scenario
    if units is None:
        return None
    basis, sites = pipeline_basis(scenario), storage_sites(units)

    def link() -> Neighbourhood:
        return link_sinks(
            scenario.transport, sites, setting.reader, basis, setting.area.inside, space.threads,
            space.scratch, setting.blocks,
        ).routes.neighbourhood  # fmt: skip

    return space.once("links", link)


def open_links(space: Workspace, moves: Neighbourhood | None) -> SinkLinks | None:
    """The links that are in a workspace."""
    if moves is None:
        return None
    routes = {field: space.scratch.open(name) for field, (name, _) in ROUTES.items()}
    links = {field: space.scratch.open(name) for field, (name, _) in LINKS.items()}
    return SinkLinks(**links, routes=DistanceResult(**routes, neighbourhood=moves))


def every_route(
    links: SinkLinks, scratch: ArrayStore, outside: NDArray[np.bool_], block: Block
) -> dict[str, NDArray[Any]]:
    """Maps of all routes of a block, the cheapest first, and of what a km of line costs.

    Parameters
    ----------
    links : SinkLinks
        Routes of all cells.
    scratch : ArrayStore
        Holds the cost surface.
    outside : ndarray of bool, shape (rows, cols)
        Cells outside the region.
    block : Block
        Which cells.

    Returns
    -------
    dict of ndarray, shape (ranks, rows, cols) or (rows, cols)
        NaN, or -1 for a storage unit, where there is no such route or no line can go, and outside.
    """
    here = (slice(None), *block.slices)
    sink = np.where(outside, np.int32(-1), np.asarray(links.sink[here]))
    nan = np.float32(np.nan)
    per_km = np.asarray(scratch.open(BILLING)[block.slices])
    return {
        "ranked_transport_cost": np.where(sink >= 0, np.asarray(links.cost[here]), nan),
        "ranked_transport_km": np.where(sink >= 0, np.asarray(links.length_km[here]), nan),
        "ranked_storage": sink,
        "line_cost": np.where(outside | np.isinf(per_km), nan, per_km),
    }


def pipeline_basis(scenario: Scenario) -> Basis:
    """Annuity, prices and base year of pipelines in a scenario."""
    costs, transport = scenario.costs, scenario.transport
    return Basis(
        crf=float(crf(costs.discount_rate, PIPELINE_YEARS)),
        base_year=costs.base_year,
        electricity=costs.prices.of("electricity"),
        utilisation=transport.utilisation,
        region=transport.region,
    )


def fares_in(scenario: Scenario) -> Fares:
    """What the costs of routes are made of in a scenario."""
    return fares_of(scenario.transport, pipeline_basis(scenario))


def storage_sites(units: StorageUnits) -> StorageSites:
    """Storage units as the transport sees them."""
    return StorageSites(units.layer, units.names, units.index.tolist(), units.cost)


def shed_arrays(resource: str) -> tuple[str, str]:
    """Arrays with what lies within haul distance of each cell, and how far it travels [km]."""
    return f"{resource} shed", haul_layer(resource)


@stage(
    "shed",
    reads=(*(f"resources.{one.parameter}" for one in BULK), "transport.surface"),
    after=(open_layers, storage_of, standing_plants),
)
def haul_sheds(setting: Setting, space: Workspace) -> tuple[str, ...]:
    """Which resources plants collect from around them; their arrays are in the workspace."""
    return space.once("shed", lambda: _haul_sheds(setting, space))


def _haul_sheds(setting: Setting, space: Workspace) -> tuple[str, ...]:
    """Work out what each cell can collect within the haul distance of each resource.

    The distance is that of travel: ground that makes a pipeline dearer makes the way longer by the
    same factor, and barriers close it.
    """
    bulks = {bulk.name: getattr(setting.scenario.resources, bulk.parameter) for bulk in BULK}
    hauled = {name: model for name, model in bulks.items() if model.hauls}
    surface = CostSurface(setting.scenario.transport.surface, setting.reader, 1.0, 1.0)
    if hauled and setting.storage is None:  # else the routes have said what is unknown of it
        report = SurfaceReport()
        for block in setting.blocks:
            report.add(surface.block(block))
        report.warn()
    for name, model in hauled.items():
        _shed_of(name, model, surface, setting, space)
    return tuple(hauled)


def _shed_of(
    name: str, model: Bulk, surface: CostSurface, setting: Setting, space: Workspace
) -> None:
    reader, grid = setting.reader, setting.area.grid

    def supply(block: Block) -> F32:
        part = supply_block(name, model, None, reader, block)
        if part is None:
            return np.zeros(block.shape, np.float32)
        known = np.nan_to_num(part)
        return known if setting.standing is None else setting.standing.take_off(name, known, block)

    # sheds of a few hundred coarse cells: finer ones cost the fourth power and gain little
    cell_km = grid.row_steps_m[1] / 1000.0
    factor = max(1, int(model.haul / (SHED_CELLS * cell_km)))
    shed_store(
        supply, lambda block: surface.block(block).billing, grid, space.scratch, shed_arrays(name),
        setting.blocks, factor=factor, max_cost=model.haul, threads=space.threads,
    )  # fmt: skip
