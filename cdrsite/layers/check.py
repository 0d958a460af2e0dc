"""Everything about layers that a run would refuse, found without running it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from cdrsite.config.layers import DerivedLayer, ExpressionLayer, FileLayer, Layer
from cdrsite.core.errors import CdrsiteError, CdrsiteWarning, ConfigError, DataError, message
from cdrsite.core.units import find_currency, same_dimension
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.layers import expression
from cdrsite.layers.expression_units import check_unit, infer
from cdrsite.layers.inputs import inputs_of
from cdrsite.layers.unit import factor
from cdrsite.layers.where import nearest

if TYPE_CHECKING:
    from cdrsite.layers.stack import LayerStack

LOOKED_THROUGH, BLOCK = 1_000_000, 256
"""Cells up to which a computed supply is looked through, and the side of a block."""
SUPPLY = re.compile(r"resources\.(\w+)\.layer$")
"""Keys of a scenario that name a layer of what each cell is offered."""


@dataclass(frozen=True)
class LayerFinding:
    """One thing that is wrong with a layer.

    Attributes
    ----------
    level : {"error", "warning"}
        Whether a run would stop.
    layer : str
        Name of the layer.
    text : str
        What, where, got, expected, cure.
    """

    level: Literal["error", "warning"]
    layer: str
    text: str


def check_layers(stack: LayerStack, uses: Mapping[str, list[str]]) -> list[LayerFinding]:
    """Look at every layer once.

    Parameters
    ----------
    stack : LayerStack
        The layers.
    uses : mapping
        Layer name -> keys of the scenario that use it.

    Returns
    -------
    list of LayerFinding
        Errors and warnings in the order of the layers; empty when all is well.
    """
    found: list[LayerFinding] = []
    for name, keys in uses.items():
        if name not in stack.layers:
            cure = nearest(name, list(stack.layers))
            text = f"{', '.join(keys)}: no layer {name!r}; cure: {cure}"
            found.append(LayerFinding("error", name, text))
    for name in stack.layers:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                _look(stack, name, uses.get(name, ()))
                if any(SUPPLY.match(key) for key in uses.get(name, ())):
                    _look_supply(stack, name, uses.get(name, ()))
            except CdrsiteError as error:
                found.append(LayerFinding("error", name, str(error)))
        texts = [str(w.message) for w in caught if issubclass(w.category, CdrsiteWarning)]
        found += [LayerFinding("warning", name, text) for text in dict.fromkeys(texts)]
        if not uses.get(name) and name not in _inner_uses(stack.layers):
            text = f"layers.{name}: no part of the scenario uses this layer"
            found.append(LayerFinding("warning", name, text))
    return found


IDLE = {
    "vector": ("band", "variable", "ignore_file_nodata", "values"),
    "raster": (
        "attribute",
        "where",
        "buffer",
        "radius",
        "rasterise",
        "encoding",
        "join",
        "dissolve",
    ),
}
"""Keys of a layer that nothing reads where the file is of this form."""
COLUMNS = re.compile(r"resources\.(\w+)\.(?:pools|units)$")
"""Keys of a scenario that name a layer whose columns are read as they stand."""


def _look(stack: LayerStack, name: str, uses: Sequence[str]) -> None:
    """Open one layer and ask what a run would ask."""
    layer = stack.layers[name]
    info = stack.info(name)
    if info.unit is not None:
        factor(info.unit, info.unit, f"layers.{name}.unit", stack.base_year)
    _refuse_odd_factor(stack, name)
    if isinstance(layer, FileLayer):
        _refuse_idle_keys(stack, name, layer, uses)
    if info.form == "raster":
        stack.survey(name)
    elif info.form == "vector":
        stack.features(name)
        stack.rasterised_column(name)
    elif isinstance(layer, DerivedLayer):
        _look_derived(stack, name, layer)
    elif isinstance(layer, ExpressionLayer):
        _look_expression(stack, name, layer)


def _refuse_idle_keys(stack: LayerStack, name: str, layer: FileLayer, uses: Sequence[str]) -> None:
    """Refuse keys that would change nothing, so that nobody reads a result as if they had.

    Raises
    ------
    ConfigError
        Names the key, and what does what was meant.
    """
    form, given = stack.info(name).form, layer.model_fields_set
    for key in IDLE[form]:
        if key in given and getattr(layer, key) != type(layer).model_fields[key].default:
            raise ConfigError(
                f"this does nothing to a {form} layer",
                where=f"layers.{name}.{key}",
                got=getattr(layer, key),
                cure="remove it, or name another file",
                rule=7,
            )
    if form == "raster":
        return
    resources = [match.group(1) for use in uses if (match := COLUMNS.match(use))]
    if stack.rasterised_column(name) is not None and not resources:
        return
    for key, nothing in (("scale", 1.0), ("offset", 0.0), ("factor", 1.0)):
        if getattr(layer, key) != nothing:
            read = f"the columns of {', '.join(uses)} are read as they are"
            cure = "remove it, or name the column to rasterise with attribute:"
            if resources and key != "offset":
                value = getattr(layer, key)
                cure = " or ".join(f"resources.{r}.factor: {value:g}" for r in resources)
            raise ConfigError(
                f"this does nothing here: {read if resources else 'features have no values'}",
                where=f"layers.{name}.{key}",
                got=f"{getattr(layer, key):g}",
                cure=cure,
                rule=7,
            )


def _refuse_odd_factor(stack: LayerStack, name: str) -> None:
    """Refuse a factor of what is no amount.

    Raises
    ------
    ConfigError
        Of classes, of shares above the whole, and of temperatures, whose zero is a convention.
    """
    layer, info = stack.layers[name], stack.info(name)
    if layer.factor == 1.0:
        return
    what = cure = ""
    if info.kind == "class":
        what = "classes are names of things, not amounts"
        cure = "remove it; classes or scores in a rule say what a class means"
    elif info.kind == "fraction" and layer.factor > 1.0:
        what, cure = "a share cannot be more than the whole", "a factor of at most 1"
    elif info.unit is not None and same_dimension(find_currency(info.unit)[0], "K"):
        what, cure = "a temperature has no natural zero to multiply from", "use offset:"
    if what:
        raise ConfigError(
            what, where=f"layers.{name}.factor", got=f"{layer.factor:g}", cure=cure, rule=3
        )


def _per_area(unit: str | None, uses: Sequence[str]) -> bool:
    """Whether a unit is one of amounts per area of what the keys offer, as t/ha/yr."""
    offered = [match[1] for key in uses if (match := SUPPLY.match(key))]
    wanted = [one.unit for one in RESOURCES.values() if one.parameter in offered]
    return unit is not None and any(same_dimension(unit, f"{one}/m2") for one in wanted)


def _look_supply(stack: LayerStack, name: str, uses: Sequence[str]) -> None:
    """Ask of a layer that says what each cell offers whether it can be an amount per cell.

    Raises
    ------
    DataError
        A value below zero, as nodata that nobody declared leaves.

    Warns
    -----
    CdrsiteWarning
        Values of a file that are averaged or repeated where they should be shared out.
    """
    layer, info = stack.layers[name], stack.info(name)
    if not isinstance(layer, FileLayer):
        _refuse_below_zero(stack, name)
        return
    least = _least(stack, name, layer)
    if least is not None and least[1] < 0:
        raise _negative_supply(name, least[1], least[0])
    if info.kind != "extensive" and not _per_area(info.unit, uses):
        piece = "pixel" if info.form == "raster" else "feature"
        warnings.warn(
            message(
                "what the cells are offered is an amount, but the layer is read as a mean: where a "
                f"{piece} meets several cells, each of them is offered all of it",
                where=f"layers.{name} ({layer.path})",
                got=f"kind: {info.kind}, unit: {info.unit}",
                cure=f"kind: extensive, if the values are amounts per {piece}",
                rule=3,
            ),
            CdrsiteWarning,
            stacklevel=2,
        )


def _refuse_below_zero(stack: LayerStack, name: str) -> None:
    """Refuse a computed supply that is below zero in a cell; of large grids a run does so."""
    if stack.grid.size > LOOKED_THROUGH:
        return
    for block in stack.grid.blocks(BLOCK):
        least = float(np.nanmin(stack.bands(name, block), initial=0.0))
        if least < 0:
            raise DataError(
                "a supply cannot be below zero",
                where=f"layers.{name}",
                got=f"{least:g} in a cell",
                expected="0 or more",
                cure="correct the layer, e.g. expression: max(0, ...)",
                rule=7,
            )


def _least(stack: LayerStack, name: str, layer: FileLayer) -> tuple[float, float] | None:
    """Least value of a file: as it is stored, and scaled to the layer's unit; None without any."""
    if stack.info(name).form == "raster":
        seen = stack.survey(name)
        stored = np.array([seen.minimum, seen.maximum])
    else:
        column = stack.rasterised_column(name)
        if column is None or np.isnan(column).all():
            return None
        stored = (column - layer.offset) / layer.scale
    scaled = stored * layer.scale + layer.offset
    at = int(np.nanargmin(scaled))
    return float(stored[at]), float(scaled[at])


def _negative_supply(layer: str, value: float, stored: float) -> DataError:
    """Refusal of a supply below zero [unit of the layer], and how it stands in the file."""
    shown = f"{value:g}" if stored == value else f"{value:g}, stored as {stored:g}"
    return DataError(
        "a supply cannot be below zero",
        where=f"layers.{layer}",
        got=shown,
        expected="0 or more",
        cure=f"add nodata: {stored:g} to the layer if that means unknown, or correct the file",
        rule=7,
    )


def _look_derived(stack: LayerStack, name: str, layer: DerivedLayer) -> None:
    if layer.derive == "slope":
        factor(stack.info(layer.from_).unit, "m", f"layers.{name}.from", stack.base_year)
    elif layer.classes is not None:
        stack.class_codes(layer.from_, layer.classes)
    elif layer.derive == "distance" or layer.where is not None:
        stack.features(layer.from_, layer.where)
        if layer.within is not None:
            stack.areas(layer.within)  # refuses what has no area


def _look_expression(stack: LayerStack, name: str, layer: ExpressionLayer) -> None:
    """Compare the unit that an expression says with the one that its layers give.

    Raises
    ------
    UnitError
        If they differ, or the expression adds what cannot be added (rule 4).

    Warns
    -----
    CdrsiteWarning
        A layer without a unit takes part.
    """
    where = f"layers.{name}"
    tree = expression.parse(layer.expression, f"{where}.expression")
    for used, classes in expression.shares(tree):
        stack.class_codes(used, classes)
    units = {used: stack.info(used).unit for used in expression.valued(tree)}
    found = infer(tree, units, f"{where}.expression")
    check_unit(found, layer.unit, f"{where}.unit")
    without = [used for used, unit in units.items() if unit is None]
    if not found.known:
        warnings.warn(
            message(
                f"the unit cannot be checked: {', '.join(without)} has no unit",
                where=f"{where}.unit",
                got=layer.unit,
                cure=f"add unit: to layers.{without[0]}, or unit: '1' if it has none",
                rule=4,
            ),
            CdrsiteWarning,
            stacklevel=2,
        )


def _inner_uses(layers: Mapping[str, Layer]) -> set[str]:
    return {used for name, layer in layers.items() for used in inputs_of(layer, name)}
