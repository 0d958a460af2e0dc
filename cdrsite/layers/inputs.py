"""Which layers a layer is computed from."""

from __future__ import annotations

from collections.abc import Mapping

from cdrsite.config.layers import DerivedLayer, ExpressionLayer, Layer
from cdrsite.core.errors import ConfigError
from cdrsite.layers import expression
from cdrsite.layers.where import nearest


def inputs_of(layer: Layer, name: str) -> list[str]:
    """Layers that a layer is computed from.

    Raises
    ------
    ConfigError
        If an expression cannot be read.
    """
    if isinstance(layer, DerivedLayer):
        return [layer.from_, *([layer.within] if layer.within else [])]
    if isinstance(layer, ExpressionLayer):
        return expression.names(expression.parse(layer.expression, f"layers.{name}.expression"))
    return []


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
