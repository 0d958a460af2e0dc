"""The stage of plants that stand already: who they are, and the ground that they keep."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.core.grid import Block
from cdrsite.engine.stages import stage
from cdrsite.methods.feed import haul_layer
from cdrsite.methods.supply import usable_land
from cdrsite.place.registry import own_layers
from cdrsite.scoring.numpy_backend import sum_of
from cdrsite.study.points import refuse_points
from cdrsite.study.power import power_layers
from cdrsite.study.prepare import (
    Setting,
    formulae,
    open_layers,
    pools_of,
    read_lands,
    read_rules,
    resolve_methods,
)
from cdrsite.study.standingpoints import Cell, StandingPoints, ground_of, read_standing
from cdrsite.study.standingsupply import drawn_by_cell, take_from_cells

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    F64 = NDArray[np.float64]


@stage(
    "standing",
    reads=("standing", "milestones", "resources"),
    after=(open_layers, resolve_methods, read_rules, read_lands, pools_of, formulae),
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
    needs: dict[str, F64] = {}
    for k, name in enumerate(points.methods):
        layers = layers_at(setting, points, k)
        exclusive = setting.models[name].number("land_exclusive_fraction", 1.0)
        land[k] = exclusive * float(np.ravel(sum_of(setting.rivals[name].land, layers))[0])
        for resource, each in _needs_of_cells(setting, name, layers).items():
            needs.setdefault(resource, np.zeros(len(land)))[k] = each
    refuse_unknown(points, {"land": land, **needs})
    keeps = points.live.any(axis=1) | points.at_start
    ground = ground_of(points, land * points.capacity * keeps, setting.area.grid)
    taken = {name: np.maximum(need, 0.0) * points.capacity * keeps for name, need in needs.items()}
    draws = take_from_cells(setting, points, taken)
    return replace(points, ground=ground, shares=_shares(setting, ground), draws=draws)


def _needs_of_cells(
    setting: Setting, method: str, layers: Mapping[str, NDArray[np.float32]]
) -> dict[str, float]:
    """What a gross tonne of a method takes of what is offered cell by cell [its unit per t]."""
    near = {
        haul_layer(name): np.zeros((1, 1), np.float32) for name in setting.scenario.resources.hauled
    }
    return {
        resource: float(np.ravel(sum_of(need, {**near, **layers}))[0])
        for resource, need in setting.rivals[method].needs.items()
        if drawn_by_cell(setting, resource)
    }


def _shares(
    setting: Setting, ground: Mapping[Cell, float]
) -> dict[tuple[int, ...], dict[Cell, float]]:
    """Share of each cell that plants take of what each group of exclusion rules leaves [1].

    Where methods of a group have different usable land it is taken off the least of it, which is
    on the safe side (rule 6).
    """
    found: dict[tuple[int, ...], dict[Cell, float]] = {}
    for bits, methods in setting.book.groups.items():
        kinds = sorted({setting.lands.of[name] for name in methods})
        found[bits] = {}
        for (row, col), area in ground.items():
            block = Block(row, row + 1, col, col + 1)
            lands = (setting.lands.different[kind] for kind in kinds)
            usable = [float(usable_land(one, setting.reader, block)[0, 0]) for one in lands]
            least = min((share for share in usable if share > 0), default=math.inf)
            found[bits][row, col] = area / (float(setting.area.grid.row_areas[row]) * least)
    return found


def cell_of(points: StandingPoints, k: int) -> Block:
    """The cell of a plant."""
    row, col = int(points.row[k]), int(points.col[k])
    return Block(row, row + 1, col, col + 1)


def layers_at(setting: Setting, points: StandingPoints, k: int) -> dict[str, NDArray[np.float32]]:
    """Layers of a plant's cell that the sums of its method read of the place."""
    name, block = points.methods[k], cell_of(points, k)
    own = own_layers(setting.models[name], setting.places[name], setting.reader, block)
    return own | power_layers(setting, block)


def refuse_unknown(points: StandingPoints, numbers: Mapping[str, F64]) -> None:
    """Refuse plants of which something is unknown where they stand (rule 2)."""
    for what, values in numbers.items():
        refuse_points(
            ~np.isfinite(values), f"unknown for plants that stand: {what}", "standing.layer",
            points.names, ["unknown"] * len(points.names), "known layers where each stands",
            "fill the layers that its method reads there, or leave these out with `where`", 2,
        )  # fmt: skip
