"""The stages of a run, what they declare, and the bytes of what they give."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from pydantic import BaseModel

from cdrsite.core.errors import DataError
from cdrsite.core.grid import AnalysisGrid
from cdrsite.engine.passes import Workspace
from cdrsite.engine.stages import Stage, content
from cdrsite.layers.stack import LayerStack
from cdrsite.study.assemble import assemble


@cache
def stages() -> dict[str, Stage[..., Any]]:
    """Every stage of a run by name, in the order of what builds on what."""
    found: dict[str, Stage[..., Any]] = {}

    def add(one: Stage[..., Any]) -> None:
        for before in one.after:
            add(before)
        found.setdefault(one.name, one)

    add(assemble)
    return found


def meets(key: str, other: str) -> bool:
    """Whether one of two keys holds the other."""
    pairs = zip(key.split("."), other.split("."), strict=False)
    return all(a == b or "*" in (a, b) for a, b in pairs)


def declared(one: Stage[..., Any]) -> set[str]:
    """Keys that a stage depends on, itself or by a stage before it."""
    return set(one.reads).union(*(declared(before) for before in one.after))


def digest(value: Any) -> str:
    """Hash of all that a value says, without where it lies in memory."""
    told = hashlib.sha256()
    waiting, seen = [value], set()
    while waiting:
        one = waiting.pop()
        if isinstance(one, bytes):
            told.update(one)
        elif id(one) not in seen or not dataclasses.is_dataclass(one):
            seen.add(id(one))
            waiting += PARTS[next((k for k in PARTS if isinstance(one, k)), object)](one)
    return told.hexdigest()


def _fields(value: Any) -> list[Any]:
    """The fields of a dataclass, without what differs from run to run; nothing of other objects."""
    if not dataclasses.is_dataclass(value):
        return []
    names = [field.name for field in dataclasses.fields(value)]
    kept = [name for name in names if name not in {"timings", "seconds", "scenario"}]
    return [type(value).__name__.encode(), *(getattr(value, name) for name in kept)]


def _array(value: np.ndarray[Any, Any]) -> list[Any]:
    if value.dtype == object:
        return value.tolist()  # type: ignore[no-any-return]
    return [f"{value.dtype}{value.shape}".encode() + np.ascontiguousarray(value).tobytes()]


PLAIN = (str, int, float, type(None), np.generic, os.PathLike)
PARTS: dict[Any, Callable[[Any], list[Any]]] = {
    np.ndarray: _array,
    PLAIN: lambda value: [repr(value).encode()],
    pd.DataFrame: lambda value: [pd.DataFrame(value).astype(str).to_csv().encode()],
    xr.Dataset: lambda value: [
        value.attrs,
        *([str(name), one.values, one.attrs] for name, one in value.variables.items()),
    ],
    BaseModel: lambda value: [repr(content(value)).encode()],
    Mapping: lambda value: [list(pair) for pair in value.items()],
    (list, tuple): list,
    (set, frozenset): lambda value: sorted(value, key=repr),
    AnalysisGrid: lambda value: [value.describe()],
    LayerStack: lambda value: [layers(value)],
    object: _fields,
}
"""Kind -> what a value of it consists of: bytes, and values of other kinds."""


def layers(stack: LayerStack) -> dict[str, Any]:
    """The content of all layers on the grid; of points and lines the shapes."""
    (block,) = stack.grid.blocks(64)
    found: dict[str, Any] = {"grid": stack.grid, "inside": stack.area.inside(block)}
    for name in stack.layers:
        info = stack.info(name)
        try:
            kept = stack.class_share(name, {10: 1.0}, block) if info.kind == "class" else None
            found[name] = stack.values(name, block, info.unit) if kept is None else kept
        except DataError:
            found[name] = stack.features(name)
    return found


@contextmanager
def stages_told() -> Iterator[dict[str, str]]:
    """Hash of what each stage of a run gives: its value, and the arrays that it makes."""
    told: dict[str, str] = {}
    real = Stage.__call__

    def called(self: Stage[..., Any], *args: Any, **options: Any) -> Any:
        stores = [
            s for one in args if isinstance(one, Workspace) for s in (one.result, one.scratch)
        ]
        before = [set(store.names()) for store in stores]
        value = real(self, *args, **options)
        arrays = {
            name: np.asarray(store.open(name)[...])
            for store, names in zip(stores, before, strict=True)
            for name in store.names()
            if name not in names
        }
        if self.name not in told:  # what numbers at their ends would make of it comes later
            told[self.name] = digest([value, arrays])
        return value

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stage, "__call__", called)
        yield told


def undeclared(before: dict[str, str], after: dict[str, str], key: str) -> list[str]:
    """Stages that a change of a key moved, though neither they nor those before them declare it."""
    return [
        name
        for name, one in stages().items()
        if after[name] != before[name] and not any(meets(key, read) for read in declared(one))
    ]
