"""What the runs of a batch share: layers already on the grid, and stages that nothing new touches.

A stage is known by its key (:mod:`cdrsite.engine.stages`): a sweep recomputes only the stages that
its parameter touches, and those behind them.
"""

from __future__ import annotations

import shutil
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from cdrsite.core.errors import CdrsiteWarning
from cdrsite.core.files import SHARED, make_own
from cdrsite.core.machine import free_memory
from cdrsite.core.memory import WRITTEN_ROOM, Memory
from cdrsite.engine.arrays import DiskStore, MemoryStore, link_tree

if TYPE_CHECKING:
    from cdrsite.config.models import Scenario
    from cdrsite.engine.arrays import ArrayStore
    from cdrsite.engine.passes import Workspace
    from cdrsite.engine.stages import Stage
    from cdrsite.layers.stack import LayerStack

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")

KEPT = 12
"""Results of stages that are kept: a sweep goes back and forth between few settings."""
MOST_FORMED = 2000
"""Sums of methods that are kept: what a study of many methods tries, some 30 MB."""
SHARE = 0.25
"""Share of the free memory that results of stages may fill."""
FORMED = Memory(MOST_FORMED)
"""Sums of methods that the runs of this process formed, by all that they depend on, of a batch or
not: who runs a study again, with another grid or layer, need not wait for the same sums."""
FORMULAE = Memory(MOST_FORMED // 8)
"""Formulae of methods, likewise; apart, as samples that draw every number fill it."""


@dataclass(frozen=True)
class Kept:
    """The result of a stage: its value, its arrays by store, and what the user was told."""

    value: Any
    arrays: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]


class Cache:
    """Stages and layers of earlier runs in this process.

    Parameters
    ----------
    folder : Path, optional
        Where the arrays of stages on disk are kept; without it only stages in memory are.
    lasting : bool
        False for a single run, which has no use for it: nothing is kept.

    Attributes
    ----------
    written : Memory
        What was written, and what methods could do alone, by content.
    made, taken : Counter
        How often each stage was made, and how often it was taken from an earlier run.
    """

    def __init__(self, folder: Path | None = None, *, lasting: bool = True) -> None:
        self.folder, self.lasting = folder, lasting
        self.written = Memory(WRITTEN_ROOM)
        self.made: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()
        self._stages = Memory(int(SHARE * free_memory()), KEPT, _remove)
        self._layers: tuple[str, LayerStack] | None = None
        self._said: dict[str, list[str]] = {}

    def layers(self, stage: Stage[[Scenario], LayerStack], scenario: Scenario) -> LayerStack:
        """The layers of a scenario with the blocks that were read already.

        Those of the last run only, since one set may hold hundreds of megabytes; and only where
        they lie in the same files, which are read on.
        """
        if not self.lasting:
            return stage(scenario)
        key = stage.key(scenario)
        for text in self._said.get(key, ()):
            warnings.warn(text, CdrsiteWarning, stacklevel=2)
        if self._layers is None or self._layers[0] != key or (
            self._layers[1].layers != scenario.layers
        ):  # fmt: skip
            self.made[stage.name] += 1
            self._layers = key, stage(scenario)
        else:
            self.taken[stage.name] += 1
        return self._layers[1]

    def listen(self, texts: list[str]) -> None:
        """Remember what was said of the layers: they say it once, when they are first read."""
        if self._layers is not None:
            self._said[self._layers[0]] = [text for text in texts if text.startswith("layers.")]

    def take(
        self,
        stage: Stage[Concatenate[S, Workspace, P], T],
        setting: S,
        space: Workspace,
        *args: P.args,
        **options: P.kwargs,
    ) -> T:
        """The result of a stage: from an earlier run that had the same to go on, or made now."""
        if not self.lasting:
            return stage(setting, space, *args, **options)
        scenario: Scenario = setting.scenario  # type: ignore[attr-defined]
        key = stage.key(scenario)
        kept = self._stages.get(key)
        if kept is not None and _restore(kept, space):
            self.taken[stage.name] += 1
            for text in kept.notes:
                warnings.warn(text, CdrsiteWarning, stacklevel=2)
            return kept.value
        stores = (space.result, space.scratch)
        before = [set(store.names()) for store in stores]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            value = stage(setting, space, *args, **options)
        for note in caught:
            warnings.warn_explicit(note.message, note.category, note.filename, note.lineno)
        self.made[stage.name] += 1
        if self.folder is None and any(store.on_disk for store in stores):
            return value  # its arrays end with the run
        notes = [str(note.message) for note in caught if issubclass(note.category, CdrsiteWarning)]
        saved = tuple(
            self._save(store, sorted(set(store.names()) - names), f"{stage.name}-{key}-{which}")
            for which, (store, names) in enumerate(zip(stores, before, strict=True))
        )
        size = sum(getattr(array, "nbytes", 0) for arrays in saved for array in arrays.values())
        self._stages.put(key, Kept(value, saved, tuple(dict.fromkeys(notes))), size)
        return value

    def _save(self, store: ArrayStore, names: list[str], label: str) -> dict[str, Any]:
        """Keep arrays: as they are in memory, linked on disk."""
        if isinstance(store, MemoryStore):
            return {name: store.arrays[name] for name in names}
        kept: dict[str, Any] = {}
        if isinstance(store, DiskStore) and self.folder is not None:
            for name in names:
                make_own(self.folder, SHARED, private=True)
                kept[name] = self.folder / label / name
                link_tree(store.folder / name, kept[name])
        return kept


def _remove(kept: Kept) -> None:
    """Remove what is on disk of a result."""
    for array in (one for arrays in kept.arrays for one in arrays.values()):
        if isinstance(array, Path):
            shutil.rmtree(array, ignore_errors=True)


def _restore(kept: Kept, space: Workspace) -> bool:
    """Put a stage's arrays into a workspace; False if they are of another kind."""
    pairs = list(zip((space.result, space.scratch), kept.arrays, strict=True))
    for store, arrays in pairs:
        if any(isinstance(value, Path) != store.on_disk for value in arrays.values()):
            return False
    for store, arrays in pairs:
        for name, value in arrays.items():
            if isinstance(store, MemoryStore):
                store.arrays[name] = value
            elif isinstance(store, DiskStore):
                link_tree(value, store.folder / name)
    return True
