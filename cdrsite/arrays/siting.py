"""Exclusions and covered shares for a grid of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely
import xarray as xr

from cdrsite.arrays.labelled import LabelledGrid, frame_of
from cdrsite.config.inmemory import kept_layers
from cdrsite.config.layers import Layer
from cdrsite.config.siting import ExcludeRule
from cdrsite.core.checked import checked
from cdrsite.core.errors import ConfigError
from cdrsite.core.machine import cores
from cdrsite.layers.region import StudyArea
from cdrsite.layers.stack import LayerStack
from cdrsite.siting.exclusions import RuleAreas, exclude_block, exclude_small_areas, rule_book

ANY = "any"
"""Stands for the methods, which rules on arrays are not about."""


def exclude(
    like: xr.DataArray | xr.Dataset,
    rules: Sequence[Mapping[str, Any]],
    layers: Mapping[str, Any],
    *,
    threads: int | None = None,
) -> xr.Dataset:
    """Apply exclusion rules to the cells of an array.

    Parameters
    ----------
    like : DataArray or Dataset
        Its coordinates and CRS are the grid; its values are not looked at.
    rules : sequence of mappings
        Each as under ``siting.exclude`` of a scenario:
        ``{"layer": "slope", "above": "15 degree"}``, ``{"layer": "cover", "classes": [50]}``,
        ``{"smaller_than": "2 km2"}``.
    layers : mapping
        Name -> DataArray, GeoDataFrame or path; or a mapping with one as ``data`` or ``path`` and
        further keys of a layer (``unit``, ``kind``, ``attribute``). They may have any CRS and
        resolution.
    threads : int, optional
        All cores when not given; the result does not depend on it.

    Returns
    -------
    Dataset
        ``available``, the share of each cell that is left [1]; ``reasons``, a bit for each rule
        that hit the cell (``flag_masks``); ``removed`` and ``removed_alone`` by ``rule``: area that
        it removes, and that no other rule does [km2].

    Raises
    ------
    ConfigError
        A rule or a layer that is wrong; all of them, one a line.
    GridError
        An array without coordinates, CRS or square cells.
    """
    frame = frame_of(like, "exclude")
    models = checked(tuple[ExcludeRule, ...], [dict(rule) for rule in rules], "rules", {})
    _refuse_unknown(models, layers)
    stack = _stack(frame, layers)
    book = rule_book(models, (), {ANY: ()})
    reasons = np.zeros(frame.grid.shape, np.uint32)
    left = {bits: np.zeros(frame.grid.shape, np.float32) for bits in book.groups}
    blocks = list(frame.grid.blocks())
    areas = RuleAreas()
    for block in blocks:
        inside = np.ones(block.shape, bool)
        part = exclude_block(book, stack, block, inside)
        reasons[block.slices] = part.reasons
        for bits, share in part.available.items():
            left[bits][block.slices] = share
        areas.add(part.areas)
    exclude_small_areas(book, frame.grid, blocks, reasons, left, areas, threads or cores())
    bits = next(iter(book.groups))
    names = [rule.name for rule in book.rules]
    masks = np.array([1 << rule.bit for rule in book.rules], np.uint32)
    return xr.Dataset(
        {
            "available": frame.labelled(
                left[bits], "available", units="1", about="share of the cell that is left"
            ),
            "reasons": frame.labelled(
                reasons,
                "reasons",
                about="rules that hit the cell",
                flag_masks=masks,
                flag_meanings=" ".join(name.replace(" ", "_") for name in names),
            ),
            "removed": _by_rule(areas.total[bits], names, "area that the rule removes"),
            "removed_alone": _by_rule(areas.only[bits], names, "area that only it removes"),
        }
    )


def _by_rule(areas: Any, names: list[str], about: str) -> xr.DataArray:
    told = {"units": "km2", "long_name": about}
    return xr.DataArray(np.asarray(areas) / 1e6, {"rule": names}, "rule", attrs=told)


def coverage(
    like: xr.DataArray | xr.Dataset, features: Any, *, where: str | None = None, buffer: float = 0.0
) -> xr.DataArray:
    """Share of each cell of an array that features cover, exact.

    Parameters
    ----------
    like : DataArray or Dataset
        Its coordinates and CRS are the grid; its values are not looked at.
    features : GeoDataFrame, GeoSeries, str or Path
        Polygons, or other shapes with a buffer; overlaps count once.
    where : str, optional
        Filter on their columns, such as ``"iucn_cat in ('Ia', 'II')"``.
    buffer : float
        They are grown by this first [m].

    Returns
    -------
    DataArray
        (y, x) [1].

    Raises
    ------
    GridError
        An array without coordinates, CRS or square cells.
    DataError, ConfigError
        Features without a CRS, or that cannot be read.
    """
    frame = frame_of(like, "coverage")
    stack = _stack(frame, {"features": features})
    share = np.zeros(frame.grid.shape, np.float32)
    for block in frame.grid.blocks():
        share[block.slices] = stack.coverage("features", block, where, buffer)
    return frame.labelled(share, "coverage", units="1", about="share of the cell that is covered")


def _stack(frame: LabelledGrid, layers: Mapping[str, Any]) -> LayerStack:
    """Layers of one's own on the grid of an array."""
    models = checked(dict[str, Layer], kept_layers(layers), "layers", {})
    area = StudyArea(frame.grid, shapely.box(*frame.grid.bounds))
    return LayerStack(models, area)


def _refuse_unknown(rules: Sequence[ExcludeRule], layers: Mapping[str, Any]) -> None:
    for i, rule in enumerate(rules):
        for key in ("layer", "within"):
            name = getattr(rule, key)
            if name is not None and name not in layers:
                raise ConfigError(
                    "no layer of that name",
                    where=f"rules: {i}.{key}",
                    got=repr(name),
                    expected=", ".join(layers) or "(no layers)",
                )
        if rule.for_:
            raise ConfigError(
                "rules on arrays are about no methods",
                where=f"rules: {i}.for",
                got=", ".join(rule.for_),
                cure="remove it, or call exclude for the rules of each method",
            )
