"""The texts below the fields of a model, from its source, as descriptions of a schema."""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import BaseModel


def describe(model: type[BaseModel], properties: dict[str, dict[str, Any]]) -> None:
    """Give the properties of a model's schema the texts below its fields as descriptions."""
    for base in reversed(model.__mro__):
        if base is BaseModel or not issubclass(base, BaseModel):
            continue
        for name, text in _texts_below(base).items():
            field = model.model_fields.get(name)
            key = (field.alias or name) if field else ""
            if field and key in properties and field.description is None:
                properties[key]["description"] = text


@cache
def _texts_below(kind: type) -> dict[str, str]:
    """Field -> the text that stands below it in the class; none where there is no source."""
    body: list[ast.stmt] = []
    for node in ast.walk(_syntax(kind.__module__)):
        if isinstance(node, ast.ClassDef) and node.name == kind.__name__:
            body = node.body
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


@cache
def _syntax(module: str) -> ast.Module:
    try:
        return ast.parse(inspect.getsource(sys.modules[module]))
    except (KeyError, OSError, TypeError):  # made in a session, or shipped without source
        return ast.Module([], [])
