"""How far the grid must reach beyond the region for the storage that a study asks for."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import CdrsiteError, CdrsiteWarning
from cdrsite.layers.region import StudyArea
from cdrsite.study.prepare import open_layers, storage_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.config.models import Scenario

BEYOND, CELLS_BEYOND = 0.1, 2
"""Part of the way, and cells, that the grid reaches beyond a unit: routes swing around things."""
METRES_A_DEGREE = 111_320.0
"""Of a meridian, and of the equator [m]."""


def reaching(scenario: Scenario) -> Scenario:
    """A scenario whose ``grid.margin`` is a number.

    Where it is ``auto`` the grid reaches to the storage units that may be used and lie within
    ``transport.reach`` of the region as the crow flies, as no route is shorter; without a reach to
    the nearest ones, as many as a cell keeps (``transport.sinks_per_cell``). What is wrong with the
    region or the storage is left for those to tell who read them.
    """
    if scenario.grid.margin != "auto":
        return scenario
    bare = _with_margin(scenario, 0.0)
    if scenario.resources.storage.units is None:
        return bare
    try:
        with warnings.catch_warnings():  # who reads them again on the final grid says it then
            warnings.simplefilter("ignore", CdrsiteWarning)
            reader = open_layers(bare)
            storage = storage_of(bare, reader)
            if storage is None:
                return bare
            shapes = reader.features(storage.layer).geometry.to_numpy()[storage.index]
    except CdrsiteError:
        return bare
    return _with_margin(scenario, _margin(shapes, reader.area, scenario))


def _with_margin(scenario: Scenario, metres: float) -> Scenario:
    grid = scenario.grid.model_copy(update={"margin": metres})
    return scenario.model_copy(update={"grid": grid})


def _margin(shapes: NDArray[Any], area: StudyArea, scenario: Scenario) -> float:
    """Reach beyond the region's rectangle [m]."""
    import shapely

    away, side = _gaps(shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))], area)
    transport = scenario.transport
    if transport.reach is not None:
        asked = away <= 1000.0 * transport.reach
    else:
        asked = np.isin(np.arange(away.size), np.argsort(away)[: transport.sinks_per_cell])
    if not asked.any():
        return 0.0
    farthest = float(side[asked].max())
    if farthest <= 0:
        return 0.0
    east, north = area.grid.row_steps_m
    cell = max(float(np.max(east)), float(north))
    return math.ceil(farthest + max(BEYOND * farthest, CELLS_BEYOND * cell))


def _gaps(shapes: NDArray[Any], area: StudyArea) -> tuple[NDArray[Any], NDArray[Any]]:
    """Distance of shapes from the region, and how far its rectangle must grow to touch them [m]."""
    import shapely

    grid = area.grid
    outline = shapely.box(*area.geometry.bounds)
    ends = shapely.get_coordinates(shapely.shortest_line(outline, shapes)).reshape(-1, 2, 2)
    steps = np.abs(ends[:, 1] - ends[:, 0])
    if grid.is_geographic:
        middle = math.radians(float(np.abs(ends[:, :, 1]).max()))
        metres = np.array([METRES_A_DEGREE * max(math.cos(middle), 0.02), METRES_A_DEGREE])
        to_region = np.hypot(*(steps * metres).T)
        return to_region, (steps * METRES_A_DEGREE).max(axis=1)
    return shapely.distance(area.geometry, shapes) * grid.unit_metres, steps.max(
        axis=1
    ) * grid.unit_metres
