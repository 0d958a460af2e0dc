"""What the runs of a batch share: layers already on the grid, and stages that nothing new touches.

A stage is known by what it depends on: the parts of the scenario that it reads, the content of the
files that these parts name, and the version of the program. A parameter sweep so recomputes only
the stages that the parameter touches, and those behind them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cdrsite.core.content import known_sha256
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.core.files import SHARED, make_own
from cdrsite.core.memory import WRITTEN_ROOM, Memory
from cdrsite.core.references import files_of
from cdrsite.core.version import __version__
from cdrsite.engine.arrays import DiskStore, MemoryStore, link_tree

if TYPE_CHECKING:
    from cdrsite.config.models import Scenario
    from cdrsite.engine.arrays import ArrayStore
    from cdrsite.engine.passes import Workspace
    from cdrsite.layers.stack import LayerStack

T = TypeVar("T")
Document = dict[str, Any]

KEPT = 3
"""Results of one stage that are kept: a sweep goes back and forth between few settings."""


def _layers(scenario: Document) -> Document:
    """What decides what the layers are on the grid."""
    found = {name: scenario[name] for name in ("region", "grid", "layers")}
    return found | {"base_year": scenario["costs"]["base_year"]}


def _siting(scenario: Document) -> Document:
    """What the exclusions read: rules, and where methods are confined to."""
    methods = {name: choice.get("regions") for name, choice in scenario["methods"].items()}
    return _layers(scenario) | {"siting": scenario["siting"], "methods": methods}


def _links(scenario: Document) -> Document:
    """What the routes to storage depend on: pipelines cost capital and power."""
    costs, storage = scenario["costs"], scenario["resources"]["storage"]
    found = {"discount_rate": costs["discount_rate"], "power": costs["prices"]["electricity"]}
    return _layers(scenario) | found | {"transport": scenario["transport"], "storage": storage}


def _shed(scenario: Document) -> Document:
    """What the sheds of biomass depend on."""
    return _links(scenario) | {"resources": scenario["resources"]}


def _areas(scenario: Document) -> Document:
    """What the land that may draw on a pool depends on: who needs it, and where they may stand."""
    return _siting(scenario) | _shed(scenario) | {"methods": scenario["methods"]}


READS: dict[str, Callable[[Document], Document]] = {
    "layers": _layers,
    "siting": _siting,
    "links": _links,
    "areas": _areas,
    "shed": _shed,
}
"""Stage -> the parts of a scenario that it reads."""


@dataclass(frozen=True)
class Remembered:
    """The result of a stage: its value, its arrays by store, and what the user was told."""

    value: Any
    arrays: tuple[dict[str, Any], dict[str, Any]]
    notes: tuple[str, ...]


@dataclass
class Recall:
    """Stages and layers of earlier runs in this process.

    Attributes
    ----------
    folder : Path or None
        Where the arrays of stages on disk are kept; without it only stages in memory are.
    stages, stacks, heard
        Results of stages, layers, and what was said of the layers.
    memo : Memory
        What was written, by content.
    made, taken : Counter
        How often each stage was made, and how often it was taken from an earlier run.
    """

    folder: Path | None = None
    stages: dict[str, OrderedDict[str, Remembered]] = field(default_factory=dict)
    stacks: OrderedDict[str, LayerStack] = field(default_factory=OrderedDict)
    heard: dict[str, list[str]] = field(default_factory=dict)
    memo: Memory = field(default_factory=lambda: Memory(WRITTEN_ROOM))
    made: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)

    def layers(self, scenario: Scenario, make: Callable[[], LayerStack]) -> LayerStack:
        """The layers of a scenario with the blocks that were read already."""
        key = key_of("layers", scenario)
        for text in self.heard.get(key, ()):
            warnings.warn(text, CdrsiteWarning, stacklevel=2)
        if key in self.stacks:
            self.taken["layers"] += 1
        else:
            self.made["layers"] += 1
            self.stacks[key] = make()
            while len(self.stacks) > 1:  # one set of layers may hold hundreds of megabytes
                self.stacks.popitem(last=False)
        return self.stacks[key]

    def listen(self, scenario: Scenario, texts: list[str]) -> None:
        """Remember what was said of the layers: they say it once, when they are first read."""
        self.heard[key_of("layers", scenario)] = [t for t in texts if t.startswith("layers.")]

    def stage(self, name: str, scenario: Scenario, space: Workspace, make: Callable[[], T]) -> T:
        """The result of a stage: from an earlier run that had the same to go on, or made now."""
        known = self.stages.setdefault(name, OrderedDict())
        key = key_of(name, scenario)
        found = known.get(key)
        if found is not None and self._restore(found, space):
            known.move_to_end(key)
            self.taken[name] += 1
            for text in found.notes:
                warnings.warn(text, CdrsiteWarning, stacklevel=2)
            value: T = found.value
            return value
        stores = (space.result, space.scratch)
        before = [set(store.names()) for store in stores]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            value = make()
        for one in caught:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
        self.made[name] += 1
        if self.folder is None and any(store.on_disk for store in stores):
            return value  # its arrays end with the run
        notes = [str(one.message) for one in caught if issubclass(one.category, CdrsiteWarning)]
        saved = [
            self._save(store, sorted(set(store.names()) - names), f"{name}-{key}-{which}")
            for which, (store, names) in enumerate(zip(stores, before, strict=True))
        ]
        known[key] = Remembered(value, (saved[0], saved[1]), tuple(dict.fromkeys(notes)))
        while len(known) > KEPT:
            _, old = known.popitem(last=False)
            for array in (one for arrays in old.arrays for one in arrays.values()):
                if isinstance(array, Path):
                    shutil.rmtree(array, ignore_errors=True)
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

    def _restore(self, found: Remembered, space: Workspace) -> bool:
        """Put a stage's arrays into a workspace; False if they are of another kind."""
        for store, arrays in zip((space.result, space.scratch), found.arrays, strict=True):
            on_disk = {isinstance(value, Path) for value in arrays.values()}
            if on_disk and on_disk != {store.on_disk}:
                return False
        for store, arrays in zip((space.result, space.scratch), found.arrays, strict=True):
            for name, value in arrays.items():
                if isinstance(store, MemoryStore):
                    store.arrays[name] = value
                elif isinstance(store, DiskStore):
                    link_tree(value, store.folder / name)
        return True


class Forgetful(Recall):
    """No memory of earlier runs: a single run has no use for one."""

    def layers(self, scenario: Scenario, make: Callable[[], LayerStack]) -> LayerStack:
        """New layers."""
        del scenario
        return make()

    def listen(self, scenario: Scenario, texts: list[str]) -> None:
        """Do nothing."""
        del scenario, texts

    def stage(self, name: str, scenario: Scenario, space: Workspace, make: Callable[[], T]) -> T:
        """The stage made now."""
        del name, scenario, space
        return make()


def key_of(stage: str, scenario: Scenario) -> str:
    """Hash of what a stage depends on: what it reads of the scenario, and the files named there."""
    read = READS[stage]
    named = sorted(set(_paths(read(scenario.model_dump(by_alias=True)))))
    chosen = read(scenario.model_dump(mode="json", by_alias=True))
    content = {str(path): _content(path) for path in named}
    text = json.dumps([__version__, chosen, content], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _paths(value: Any) -> Iterator[Path]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _paths(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _paths(item)
    elif isinstance(value, Path):
        yield value


def _content(path: Path) -> list[tuple[str, str]]:
    """Name and hash of every file of an input."""
    files = sorted(files_of(path))
    return [(os.path.relpath(file, path.parent), known_sha256(file)) for file in files]
