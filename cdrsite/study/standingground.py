"""The stage of plants that stand already: who they are, and the ground that they keep."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.core.grid import Block
from cdrsite.engine.stages import stage
from cdrsite.place.registry import own_layers
from cdrsite.scoring.numpy_backend import sum_of
from cdrsite.study.points import refuse_points
from cdrsite.study.power import power_layers
from cdrsite.study.prepare import Setting, formulae, open_layers, resolve_methods
from cdrsite.study.standingpoints import StandingPoints, ground_of, read_standing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    F64 = NDArray[np.float64]


@stage(
    "standing",
    reads=("standing", "milestones"),
    after=(open_layers, resolve_methods, formulae),
    gives=("standing",),
    when="standing",
)
def standing_plants(setting: Setting) -> StandingPoints | None:
    """Plants that stand already, with the ground that they keep; None without any.

    Those that run at the start or at any milestone keep their ground over all years.
    """
    model, path = setting.scenario.standing, setting.scenario.milestones
    if model is None:
        return None
    points = read_standing(model, setting.reader, setting.models, path)
    land = np.zeros(len(points.names))
    for k, name in enumerate(points.methods):
        layers = _own(setting, points, k)
        exclusive = setting.models[name].number("land_exclusive_fraction", 1.0)
        land[k] = exclusive * float(np.ravel(sum_of(setting.rivals[name].land, layers))[0])
    refuse_unknown(points, {"land": land})
    keeps = points.live.any(axis=1) | points.at_start
    ground = ground_of(points, land * points.capacity * keeps, setting.area.grid)
    return replace(points, ground=ground)


def cell_of(points: StandingPoints, k: int) -> Block:
    """The cell of a plant."""
    row, col = int(points.row[k]), int(points.col[k])
    return Block(row, row + 1, col, col + 1)


def _own(setting: Setting, points: StandingPoints, k: int) -> dict[str, NDArray[np.float32]]:
    name, block = points.methods[k], cell_of(points, k)
    return own_layers(setting.models[name], setting.places[name], setting.reader, block)


def layers_at(setting: Setting, points: StandingPoints, k: int) -> dict[str, NDArray[np.float32]]:
    """Layers of a plant's cell that the sums of its method read of the place."""
    return _own(setting, points, k) | power_layers(setting, cell_of(points, k))


def refuse_unknown(points: StandingPoints, numbers: Mapping[str, F64]) -> None:
    """Refuse plants of which something is unknown where they stand (rule 2)."""
    for what, values in numbers.items():
        refuse_points(
            ~np.isfinite(values), f"unknown for plants that stand: {what}", "standing.layer",
            points.names, ["unknown"] * len(points.names), "known layers where each stands",
            "fill the layers that its method reads there, or leave these out with `where`", 2,
        )  # fmt: skip
