"""A study from scenario to result; the only module that knows every stage.

Data goes one way: layers, siting, requirements, accounting and costs, results. Every per-cell stage
is a pure function of an aligned block, so the answer does not depend on blocks or threads (rule 9);
only contiguous areas and the sharing of pools look at the whole grid.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from cdrsite.config.layers import DerivedLayer, Layer
from cdrsite.config.models import Scenario
from cdrsite.core.errors import CdrsiteWarning, ConfigError
from cdrsite.core.grid import Block
from cdrsite.core.resources import RESOURCES
from cdrsite.layers.region import StudyArea, build_grid
from cdrsite.layers.stack import LayerStack
from cdrsite.library.plausibility import check_plausibility
from cdrsite.requirements.evaluate import evaluate
from cdrsite.requirements.plan import ScoringPlan
from cdrsite.requirements.supply import (
    Pools,
    StorageUnits,
    intensity_block,
    label_areas,
    read_pools,
    read_storage,
    storage_reach,
    supply_block,
    usable_land,
)
from cdrsite.results import StudyResult, assemble
from cdrsite.scoring import (
    Ingredients,
    MethodModel,
    land_layer,
    method_model,
    method_plan,
    own_layers,
)
from cdrsite.siting.exclusions import (
    Excluded,
    RuleAreas,
    RuleBook,
    exclude_block,
    exclude_small_areas,
    rule_book,
)
from cdrsite.siting.suitability import CriterionSet, criterion_sets, suitability_block

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]

T = TypeVar("T")

SMALL_GRID = 1_000_000
"""Grids of fewer cells are cut finer, so that all cores have work [cells]."""
SHED = "_biomass_shed"
"""Name of the layer with the biomass within haul distance."""


class ProgressSink(Protocol):
    """Where the progress of long steps goes."""

    def step(self, title: str, total: int) -> Callable[[], None]:
        """Begin a step of ``total`` parts; call the result after each part."""


class _Silent:
    def step(self, title: str, total: int) -> Callable[[], None]:
        del title, total
        return lambda: None


@dataclass(frozen=True)
class Setting:
    """Everything that is prepared before the first block."""

    scenario: Scenario
    area: StudyArea
    reader: LayerStack
    models: dict[str, MethodModel]
    book: RuleBook
    criteria: tuple[CriterionSet, ...]
    pools: dict[str, Pools]
    storage: StorageUnits | None
    plan: ScoringPlan
    blocks: tuple[Block, ...]

    @property
    def groups(self) -> dict[tuple[int, ...], str]:
        """Group of exclusion rules -> its short name."""
        return {bits: str(i) for i, bits in enumerate(self.book.groups)}


@dataclass
class Clock:
    """Seconds per stage, for the manifest."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of a ``with`` block to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def run(
    scenario: Scenario, *, progress: ProgressSink | None = None, workers: int | None = None
) -> StudyResult:
    """Run a study in memory.

    Parameters
    ----------
    scenario : Scenario
        From :func:`cdrsite.load_scenario`.
    progress : ProgressSink, optional
        Told about long steps.
    workers : int, optional
        Threads; all cores when not given. The result does not depend on it (rule 9).

    Returns
    -------
    StudyResult
        Maps, tables and summary; ``write`` puts them on disk.

    Raises
    ------
    CdrsiteError
        If the scenario or its data are wrong; see :func:`check_study`.
    """
    sink, clock = progress or _Silent(), Clock()
    threads = workers or os.cpu_count() or 1
    with gathered_warnings() as notes:
        with clock.stage("prepare"):
            setting = prepare(scenario)
        with clock.stage("siting"):
            excluded = exclude(setting, sink, threads)
        with clock.stage("scoring"):
            parts = score(setting, excluded, sink, threads)
        with clock.stage("results"):
            result = assemble(setting, excluded, parts)
    result.warnings.extend(notes)
    result.timings.update(clock.seconds)
    return result


def check_study(scenario: Scenario) -> dict[str, Any]:
    """Find everything a run would refuse, without running.

    Returns
    -------
    dict
        ``grid``, ``methods`` and ``warnings``.

    Raises
    ------
    CdrsiteError
        The first thing that a run would refuse.
    """
    with gathered_warnings() as notes:
        setting = prepare(scenario)
    grid = setting.area.grid
    return {
        "name": scenario.name,
        "grid": {**grid.describe(), "crs_name": grid.crs.name, "cells": grid.size},
        "methods": {
            name: {"profile": model.profile.name} for name, model in setting.models.items()
        },
        "warnings": notes,
    }


@contextmanager
def gathered_warnings() -> Iterator[list[str]]:
    """Collect warnings meant for the user, each text once, in order; others pass on."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CdrsiteWarning)
        yield notes
    for item in caught:
        if issubclass(item.category, CdrsiteWarning):
            if str(item.message) not in notes:
                notes.append(str(item.message))
        else:
            warnings.warn_explicit(item.message, item.category, item.filename, item.lineno)


def prepare(scenario: Scenario) -> Setting:
    """Resolve methods, rules, pools and storage; open and check every layer that is used."""
    check_references(scenario)
    area = build_grid(scenario.region, scenario.grid)
    reader = LayerStack(_with_shed(scenario), area, rasterise=scenario.grid.rasterise)
    reader.check(scenario.layer_references())
    models = {name: method_model(name, scenario) for name in scenario.methods}
    for model in models.values():
        chosen = {name: model.numbers[name] for name in model.overridden}
        for finding in check_plausibility(model.method, model.profile.name, values=chosen):
            warnings.warn(f"{model.name}: {finding.text()}", CdrsiteWarning, stacklevel=2)
    confined = {name: choice.regions for name, choice in scenario.methods.items()}
    book = rule_book(scenario.siting.exclude, scenario.siting.include, confined)
    criteria = criterion_sets(scenario.siting.prefer, tuple(models))
    pools = _pools(scenario, reader)
    storage = read_storage(scenario.resources.storage, reader)
    if storage is not None:
        for text in storage.left_out:
            warnings.warn(f"storage unit left out: {text}", CdrsiteWarning, stacklevel=2)
    size = 256 if area.grid.size < SMALL_GRID else 1024
    return Setting(
        scenario=scenario,
        area=area,
        reader=reader,
        models=models,
        book=book,
        criteria=criteria,
        pools=pools,
        storage=storage,
        plan=_plan(scenario, models, book, criteria, storage),
        blocks=tuple(area.grid.blocks(size)),
    )


def check_references(scenario: Scenario) -> None:
    """Refuse keys that name a layer the scenario does not have.

    Raises
    ------
    ConfigError
        Names the key and the nearest layer.
    """
    import difflib

    for layer, keys in scenario.layer_references().items():
        if layer not in scenario.layers:
            near = difflib.get_close_matches(layer, scenario.layers, n=1, cutoff=0.4)
            raise ConfigError(
                "no layer of that name",
                where=", ".join(keys),
                got=repr(layer),
                expected=f"one of {', '.join(scenario.layers) or '(no layers)'}",
                cure=f"did you mean {near[0]!r}?" if near else f"add layers.{layer}",
            )


def _with_shed(scenario: Scenario) -> dict[str, Layer]:
    """The scenario's layers, and the biomass within haul distance as one more."""
    layers = dict(scenario.layers)
    biomass = scenario.resources.biomass
    if biomass.layer is not None and biomass.haul > 0 and biomass.share == "whole":
        layers[SHED] = DerivedLayer.model_validate(
            {"derive": "density", "from": biomass.layer, "radius": biomass.haul * 1000.0}
        )
    return layers


def _pools(scenario: Scenario, reader: LayerStack) -> dict[str, Pools]:
    """Pools by resource, with their areas inside the region where they are spread by area."""
    resources = scenario.resources
    models = {"water": resources.water, "electricity": resources.power, "heat": resources.heat}
    found: dict[str, Pools] = {}
    for name, model in {**models, "biomass": resources.biomass}.items():
        pools = read_pools(name, model, reader)
        if pools is not None:
            found[name] = pools
    return found


def _plan(
    scenario: Scenario,
    models: dict[str, MethodModel],
    book: RuleBook,
    criteria: tuple[CriterionSet, ...],
    storage: StorageUnits | None,
) -> ScoringPlan:
    resources = scenario.resources
    limited = {"water": resources.water, "electricity": resources.power, "heat": resources.heat}
    names = [name for name, model in limited.items() if not model.unlimited]
    names += [] if resources.biomass.unlimited else ["biomass"]
    names += ["storage"] if storage is not None else []
    per_cell_cost = storage is not None and isinstance(resources.storage.cost, str)
    given = Ingredients(
        limited=frozenset(names),
        intensity="intensity"
        if isinstance(resources.power.intensity, str)
        else resources.power.intensity,
        transport_cost=scenario.transport.cost,
        storage_cost="storage cost" if per_cell_cost else _number(resources.storage.cost),
    )
    groups = {bits: str(i) for i, bits in enumerate(book.groups)}
    plans = []
    for name, model in models.items():
        which = next(i for i, one in enumerate(criteria) if name in one.methods)
        group = groups[book.group_of(name)]
        plans.append(method_plan(model, scenario, given, group, f"suitability {which}"))
    return ScoringPlan(tuple(plans))


def _number(value: float | str) -> float:
    return 0.0 if isinstance(value, str) else float(value)


def exclude(setting: Setting, progress: ProgressSink, threads: int) -> Excluded:
    """Apply all exclusion rules: block by block, then contiguity over the whole grid."""
    grid = setting.area.grid
    reasons = np.empty(grid.shape, np.uint32)
    available = {bits: np.empty(grid.shape, np.float32) for bits in setting.book.groups}
    areas = RuleAreas()

    def one(block: Block) -> Excluded:
        inside = setting.area.inside(block)
        return exclude_block(setting.book, setting.reader, block, inside)

    for block, part in in_order(one, setting.blocks, threads, progress, "exclusions"):
        reasons[block.slices] = part.reasons
        for bits, left in part.available.items():
            available[bits][block.slices] = left
        areas.add(part.areas)
    exclude_small_areas(setting.book, grid, reasons, available, areas)
    return Excluded(reasons, available, areas)


def in_order(
    work: Callable[[Block], T],
    blocks: Iterable[Block],
    threads: int,
    progress: ProgressSink,
    title: str,
) -> Iterator[tuple[Block, T]]:
    """Work on blocks in threads and yield the results in the order of the blocks (rule 9)."""
    listed = list(blocks)
    done = progress.step(title, len(listed))
    if threads == 1:
        for block in listed:
            yield block, work(block)
            done()
        return
    with ThreadPoolExecutor(threads) as pool:
        for block, result in zip(listed, pool.map(work, listed), strict=True):
            yield block, result
            done()


@dataclass(frozen=True)
class Scored:
    """What scoring a block gives: arrays by variable, and by variable and method."""

    shared: dict[str, NDArray[Any]]
    methods: dict[str, dict[str, NDArray[Any]]]


def score(
    setting: Setting, excluded: Excluded, progress: ProgressSink, threads: int
) -> Iterator[tuple[Block, Scored]]:
    """Score every method in every cell, block by block."""
    pools = _pools_with_areas(setting, excluded, threads)

    def one(block: Block) -> Scored:
        return score_block(setting, pools, excluded, block)

    return in_order(one, setting.blocks, threads, progress, "scoring")


def _pools_with_areas(setting: Setting, excluded: Excluded, threads: int) -> dict[str, Pools]:
    """Fill in the area of the pools that are spread by area."""
    resources = setting.scenario.resources
    shares = {
        "water": resources.water.share,
        "electricity": resources.power.share,
        "heat": resources.heat.share,
        "biomass": resources.biomass.share,
    }
    made = dict(setting.pools)
    for name, pools in setting.pools.items():
        if shares[name] != "area":
            continue

        def one(block: Block, pools: Pools = pools) -> NDArray[np.float64]:
            labels = setting.reader.labels(pools.layer, block)
            inside = setting.area.inside(block)
            areas = setting.area.grid.block_areas(block)
            return label_areas(labels, areas, inside, len(pools.supply))

        total = np.zeros(len(pools.supply))
        for _, part in in_order(one, setting.blocks, threads, _Silent(), ""):
            total += part
        made[name] = Pools(pools.resource, pools.layer, pools.names, pools.supply, total)
    return made


def score_block(
    setting: Setting, pools: dict[str, Pools], excluded: Excluded, block: Block
) -> Scored:
    """Score every method in the cells of a block; a pure function of the block."""
    reader, resources = setting.reader, setting.scenario.resources
    reasons = excluded.reasons[block.slices]
    layers: dict[str, F32] = {}
    usable = usable_land(resources.land, reader, block) * reader.grid.block_areas(block)
    for bits, group in setting.groups.items():
        layers[land_layer(group)] = usable * excluded.available[bits][block.slices]
    _add_supplies(setting, pools, block, layers)
    for i, criteria in enumerate(setting.criteria):
        layers[f"suitability {i}"] = suitability_block(
            criteria.criteria, setting.scenario.siting.combine, reader, block
        )
    for model in setting.models.values():
        layers.update(own_layers(model, reader, block))
    found = evaluate(setting.plan, layers, reasons)
    methods = {
        name: {
            "potential": result.potential,
            "limit": result.limit,
            "net_factor": result.net_factor,
            "cost": result.cost,
            "score": result.score,
            "suitability": layers[plan.suitability] if plan.suitability else None,
        }
        for (name, result), plan in zip(found.items(), setting.plan.methods, strict=True)
    }
    shared: dict[str, NDArray[Any]] = {
        f"supply_{name}": layers[name] for name in RESOURCES if name in layers
    }
    for name, one in pools.items():
        shared[f"pool_{name}"] = reader.labels(one.layer, block)
    return Scored(shared, methods)


def _add_supplies(
    setting: Setting, pools: dict[str, Pools], block: Block, layers: dict[str, F32]
) -> None:
    """Put the supply of each limited resource, and power's intensity, among a block's layers."""
    reader, resources = setting.reader, setting.scenario.resources
    limited = {
        "water": resources.water,
        "electricity": resources.power,
        "heat": resources.heat,
        "biomass": resources.biomass,
    }
    for name, model in limited.items():
        if name == "biomass" and SHED in reader:
            radius = resources.biomass.haul * 1000.0
            found: F32 | None = reader.values(SHED, block) * np.float32(np.pi * radius**2)
        else:
            found = supply_block(name, model, pools.get(name), reader, block)
        if found is not None and name == "biomass":
            found = found * np.float32(resources.biomass.collectable)
        if found is not None:
            layers[name] = found
    if isinstance(resources.power.intensity, str):
        layers["intensity"] = np.broadcast_to(
            intensity_block(resources.power, reader, block), block.shape
        )
    if setting.storage is not None:
        distances = np.stack(
            [
                reader.distance(setting.storage.layer, block, label=int(i))
                for i in setting.storage.index
            ]
        )
        supply, cost = storage_reach(resources.storage, setting.storage, distances)
        if supply is not None:
            layers["storage"] = supply
        layers["storage cost"] = np.broadcast_to(np.float32(cost), block.shape)
