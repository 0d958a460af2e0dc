"""Which fields of a model name layers of the scenario: they say so in their type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, get_args

from pydantic import AfterValidator

from cdrsite.core.fields import Model, problem


@dataclass(frozen=True)
class NamesLayer:
    """Marks a field whose text, texts or keys are names of layers of the scenario."""


def _named(name: str) -> str:
    if not name:
        raise problem("an empty name; expected a layer of the scenario")
    return name


LayerName = Annotated[str, NamesLayer(), AfterValidator(_named)]
"""Name of a layer of the scenario."""


def marks(kind: Any) -> Iterator[Any]:
    """What a type is annotated with, also as one of several: ``Annotated[str, ...] | None``."""
    yield from getattr(kind, "__metadata__", ())
    for inner in get_args(kind):
        yield from marks(inner)


@cache
def _fields_of(kind: type[Model]) -> tuple[tuple[str, str, bool], ...]:
    """Of each field of a model its name, its key, and whether it names layers."""
    return tuple(
        (
            name,
            field.alias or name,
            any(isinstance(m, NamesLayer) for m in (*field.metadata, *marks(field.annotation))),
        )
        for name, field in kind.model_fields.items()
    )


def layer_names(node: object, at: str = "", *, named: bool = False) -> Iterator[tuple[str, str]]:
    """Layers that a model and all in it name, each with the dotted key that names it.

    Parameters
    ----------
    node : Model, or what stands in one
        Where to look.
    at : str
        Key of the node, with a dot behind it.
    named : bool
        Whether the node is marked as :class:`NamesLayer`.
    """
    if isinstance(node, Model):
        for name, key, is_name in _fields_of(type(node)):
            yield from layer_names(getattr(node, name), f"{at}{key}.", named=is_name)
    elif isinstance(node, str):
        if named:
            yield node, at.removesuffix(".")
    elif isinstance(node, tuple):
        for i, part in enumerate(node):
            yield from layer_names(part, f"{at}{i}.", named=named)
    elif isinstance(node, Mapping):
        for key, part in node.items():
            yield from layer_names(key if named else part, f"{at}{key}.", named=named)
            if named:  # what is said of a layer may name others
                yield from layer_names(part, f"{at}{key}.")
