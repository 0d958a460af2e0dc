"""Everything about layers that a run would refuse, found without running it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cdrsite.config.layers import DerivedLayer, ExpressionLayer, Layer
from cdrsite.core.errors import CdrsiteError, CdrsiteWarning, ConfigError
from cdrsite.layers import expression
from cdrsite.layers.unit import factor
from cdrsite.layers.where import nearest

if TYPE_CHECKING:
    from cdrsite.layers.stack import LayerStack


@dataclass(frozen=True)
class Finding:
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


def check_layers(stack: LayerStack, uses: Mapping[str, list[str]]) -> list[Finding]:
    """Look at every layer once.

    Parameters
    ----------
    stack : LayerStack
        The layers.
    uses : mapping
        Layer name -> keys of the scenario that use it.

    Returns
    -------
    list of Finding
        Errors and warnings in the order of the layers; empty when all is well.
    """
    found: list[Finding] = []
    for name, keys in uses.items():
        if name not in stack.layers:
            cure = nearest(name, list(stack.layers))
            text = f"{', '.join(keys)}: no layer {name!r}; cure: {cure}"
            found.append(Finding("error", name, text))
    for name in stack.layers:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                _look(stack, name)
            except CdrsiteError as error:
                found.append(Finding("error", name, str(error)))
        texts = [str(w.message) for w in caught if issubclass(w.category, CdrsiteWarning)]
        found += [Finding("warning", name, text) for text in dict.fromkeys(texts)]
        if not uses.get(name) and name not in _inner_uses(stack.layers):
            text = f"layers.{name}: no part of the scenario uses this layer"
            found.append(Finding("warning", name, text))
    return found


def _look(stack: LayerStack, name: str) -> None:
    """Open one layer and ask what a run would ask."""
    layer = stack.layers[name]
    info = stack.info(name)
    if info.unit is not None:
        factor(info.unit, info.unit, f"layers.{name}.unit", stack.base_year)
    if info.form == "raster":
        stack.survey(name)
    elif info.form == "vector":
        stack.features(name)
        stack.rasterised_column(name)
    elif isinstance(layer, DerivedLayer):
        _look_derived(stack, name, layer)


def _look_derived(stack: LayerStack, name: str, layer: DerivedLayer) -> None:
    if layer.derive == "slope":
        factor(stack.info(layer.from_).unit, "m", f"layers.{name}.from", stack.base_year)
    elif layer.derive == "distance" or layer.where is not None:
        stack.features(layer.from_, layer.where)


def inputs_of(layer: Layer, name: str) -> list[str]:
    """Layers that a layer is computed from.

    Raises
    ------
    ConfigError
        If an expression cannot be read.
    """
    if isinstance(layer, DerivedLayer):
        return [layer.from_]
    if isinstance(layer, ExpressionLayer):
        return expression.names(expression.parse(layer.expression, f"layers.{name}.expression"))
    return []


def _inner_uses(layers: Mapping[str, Layer]) -> set[str]:
    return {used for name, layer in layers.items() for used in inputs_of(layer, name)}


def check_references(layers: Mapping[str, Layer]) -> None:
    """Refuse layers computed from layers that do not exist, or from themselves.

    Raises
    ------
    ConfigError
        Names the nearest layer, or the circle.
    """
    for name, layer in layers.items():
        for used in inputs_of(layer, name):
            if used not in layers:
                raise ConfigError(
                    f"no layer {used!r}",
                    where=f"layers.{name}",
                    got=used,
                    expected=f"one of {', '.join(layers)}",
                    cure=nearest(used, list(layers)),
                )
    for name in layers:
        _no_circle(layers, name, ())


def _no_circle(layers: Mapping[str, Layer], name: str, path: tuple[str, ...]) -> None:
    if name in path:
        raise ConfigError(
            "layers are computed from each other in a circle",
            where=f"layers.{name}",
            got=" -> ".join((*path[path.index(name) :], name)),
            cure="compute one of them from a file",
        )
    for used in inputs_of(layers[name], name):
        _no_circle(layers, used, (*path, name))
