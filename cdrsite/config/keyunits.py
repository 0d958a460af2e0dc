"""Units of the keys of a scenario, as its schema says them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from cdrsite.config.models import Scenario
from cdrsite.core.checked import schema_of

SAYS = "convertible to "
"""Before the unit in the schema of a number; see :func:`cdrsite.core.fields.number_schema`."""


@cache
def unit_of(key: str) -> str:
    """Canonical unit of a number of a scenario.

    Parameters
    ----------
    key : str
        Its path: names between dots, ``[name]`` or a position within a list.

    Returns
    -------
    str
        ``1`` for a share; empty where the key holds no number with a unit, or is none.
    """
    schema = _schema()
    nodes = list(_choices(schema, schema))
    for part in re.findall(r"\[[^]]*\]|[^.\[\]]+", key):
        nodes = [one for node in nodes for one in _choices(schema, *_below(node, part))]
    found = (str(node.get("description", "")).partition(SAYS)[2] for node in nodes)
    return next((unit for unit in found if unit and " " not in unit), "")


@cache
def _schema() -> dict[str, Any]:
    return schema_of(Scenario)


def _choices(schema: dict[str, Any], *nodes: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What a node of the schema may be, without references."""
    for node in nodes:
        if "$ref" in node:
            yield from _choices(schema, schema["$defs"][node["$ref"].rpartition("/")[2]])
        elif several := [*node.get("anyOf", ()), *node.get("oneOf", ()), *node.get("allOf", ())]:
            yield from _choices(schema, *several)
        else:
            yield node


def _below(node: dict[str, Any], part: str) -> Iterable[dict[str, Any]]:
    """Nodes of a key of a mapping, or of an item of a list."""
    if part in node.get("properties", {}):
        return (node["properties"][part],)
    inner = node.get("additionalProperties")
    items = node.get("items")
    listed = part.startswith("[") or part.isdigit()
    return tuple(one for one in (inner, items if listed else None) if isinstance(one, dict))
