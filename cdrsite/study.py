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
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from cdrsite.config.layers import DerivedLayer, Layer
from cdrsite.config.models import Scenario
from cdrsite.core.errors import CdrsiteWarning, ConfigError, DataError
from cdrsite.core.grid import Block
from cdrsite.core.resources import RESOURCES
from cdrsite.core.states import OUTSIDE_BIT
from cdrsite.costs import crf
from cdrsite.layers.region import StudyArea, build_grid
from cdrsite.layers.stack import LayerStack
from cdrsite.library.plausibility import check_profile
from cdrsite.requirements.evaluate import evaluate
from cdrsite.requirements.plan import ScoringPlan
from cdrsite.requirements.supply import (
    Pools,
    StorageUnits,
    intensity_block,
    label_areas,
    read_pools,
    read_storage,
    storage_offer,
    supply_block,
    usable_land,
)
from cdrsite.results import StudyResult, assemble
from cdrsite.scoring import (
    Ingredients,
    MethodModel,
    land_layer,
    left_layer,
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
from cdrsite.transport.links import SinkLinks, StorageSites, link_sinks
from cdrsite.transport.pipelines import Basis

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]

T = TypeVar("T")

PIPELINE_YEARS = 30.0
"""Economic life of a pipeline [yr]; 20 to 50 in the models' own sources."""
STORAGE_COST, TRANSPORT_COST, TRANSPORT_KM = "storage cost", "transport cost", "transport km"
"""Layers with what the routes to storage give [USD/t], [USD/t], [km]."""

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
            try_one_cell(setting)
        with clock.stage("siting"):
            excluded = exclude(setting, sink, threads)
        with clock.stage("transport"):
            links = link_storage(setting, excluded, threads)
            offers = spread_areas(setting, links, threads)
        with clock.stage("scoring"):
            parts = score(setting, excluded, offers, sink, threads)
            result = assemble(setting, excluded, offers, parts)
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
        try_one_cell(setting)
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
    _raise_findings(reader, scenario)
    models = {name: method_model(name, scenario) for name in scenario.methods}
    for model in models.values():
        for finding in check_profile(model.profile, model.numbers):
            warnings.warn(f"{model.name}: {finding}", CdrsiteWarning, stacklevel=2)
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


def try_one_cell(setting: Setting) -> None:
    """Take one cell through every stage: what a later block would refuse is refused here."""
    grid = setting.area.grid
    row, col = grid.rows // 2, grid.cols // 2
    block = Block(row, row + 1, col, col + 1)
    found = exclude_block(setting.book, setting.reader, block, setting.area.inside(block))
    _score_cells(setting, Offers(setting.pools), found, block)


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


def _raise_findings(reader: LayerStack, scenario: Scenario) -> None:
    """Warn of what the first look at the layers found; refuse the run if it found errors.

    Raises
    ------
    DataError
        With every error, one a line.
    """
    findings = reader.check(scenario.layer_references())
    for finding in findings:
        if finding.level == "warning":
            warnings.warn(finding.text, CdrsiteWarning, stacklevel=3)
    errors = [finding.text for finding in findings if finding.level == "error"]
    if errors:
        raise DataError("\n".join(dict.fromkeys(errors)))


def _with_shed(scenario: Scenario) -> dict[str, Layer]:
    """The scenario's layers, and the biomass within haul distance as one more."""
    layers = dict(scenario.layers)
    biomass = scenario.resources.biomass
    if _hauled(scenario):
        layers[SHED] = DerivedLayer.model_validate(
            {"derive": "density", "from": biomass.layer, "radius": biomass.haul * 1000.0}
        )
    return layers


def _hauled(scenario: Scenario) -> bool:
    """Whether plants collect biomass from around them."""
    biomass = scenario.resources.biomass
    return biomass.layer is not None and biomass.haul > 0 and biomass.share == "whole"


def _pools(scenario: Scenario, reader: LayerStack) -> dict[str, Pools]:
    """Pools by resource, with their areas inside the region where they are spread by area."""
    found: dict[str, Pools] = {}
    for name, model in scenario.resources.supplies.items():
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
    names = [name for name, model in resources.supplies.items() if not model.unlimited]
    names += ["storage"] if storage is not None else []
    routed = storage is not None
    given = Ingredients(
        limited=frozenset(names),
        intensity="intensity"
        if isinstance(resources.power.intensity, str)
        else resources.power.intensity,
        transport_cost=TRANSPORT_COST if routed else scenario.transport.cost or 0.0,
        transport_km=TRANSPORT_KM if routed else 0.0,
        storage_cost=STORAGE_COST if routed else _number(resources.storage.cost),
    )
    groups = {bits: str(i) for i, bits in enumerate(book.groups)}
    plans = []
    for name, model in models.items():
        which = next(i for i, one in enumerate(criteria) if name in one.methods)
        group = groups[book.group_of(name)]
        rules = sum(1 << bit for bit in book.group_of(name))
        plans.append(method_plan(model, scenario, given, group, rules, f"suitability {which}"))
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


def link_storage(setting: Setting, excluded: Excluded, threads: int) -> SinkLinks | None:
    """Routes from every cell to its cheapest storage units; None where storage is unlimited."""
    units, scenario = setting.storage, setting.scenario
    if units is None:
        return None
    costs, transport = scenario.costs, scenario.transport
    basis = Basis(
        crf=float(crf(costs.discount_rate, PIPELINE_YEARS)),
        base_year=costs.base_year,
        electricity=costs.prices.electricity,
        utilisation=transport.utilisation,
        region=transport.region,
    )
    sites = StorageSites(units.layer, units.names, units.filters, units.cost)
    inside = excluded.reasons & np.uint32(OUTSIDE_BIT) == 0
    return link_sinks(transport, sites, setting.reader, basis, inside, threads)


@dataclass(frozen=True)
class Offers:
    """Shared pools and storage units, and the areas over which they are spread.

    Attributes
    ----------
    pools : dict of str to Pools
        With their areas inside the region.
    links : SinkLinks or None
        Cheapest storage units of each cell.
    served : ndarray, shape (units,)
        Area of the region whose cheapest storage unit it is [m2].
    """

    pools: dict[str, Pools]
    links: SinkLinks | None = None
    served: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))


def spread_areas(setting: Setting, links: SinkLinks | None, threads: int) -> Offers:
    """Find the areas over which shared pools and storage units are spread."""
    area, reader = setting.area, setting.reader

    def one(block: Block) -> dict[str, NDArray[np.float64]]:
        inside, areas = area.inside(block), area.grid.block_areas(block)
        found = {
            name: label_areas(reader.labels(pools.layer, block), areas, inside, len(pools.supply))
            for name, pools in setting.pools.items()
        }
        if links is not None and setting.storage is not None:
            best = links.sink[0][block.slices]
            found["storage"] = label_areas(best, areas, inside, len(setting.storage.rate))
        return found

    total: dict[str, NDArray[np.float64]] = {}
    for _, part in in_order(one, setting.blocks, threads, _Silent(), ""):
        for name, values in part.items():
            total[name] = total.get(name, 0.0) + values
    pools = {name: replace(one, area=total[name]) for name, one in setting.pools.items()}
    return Offers(pools, links, total.get("storage", np.zeros(0)))


def score(
    setting: Setting, excluded: Excluded, offers: Offers, progress: ProgressSink, threads: int
) -> Iterator[tuple[Block, Scored]]:
    """Score every method in every cell, block by block."""

    def one(block: Block) -> Scored:
        return score_block(setting, offers, excluded, block)

    return in_order(one, setting.blocks, threads, progress, "scoring")


def score_block(
    setting: Setting,
    offers: Offers,
    excluded: Excluded,
    block: Block,
) -> Scored:
    """Score every method in the cells of a block; a pure function of the block."""
    part = Excluded(
        excluded.reasons[block.slices],
        {bits: left[block.slices] for bits, left in excluded.available.items()},
        excluded.areas,
    )
    return _score_cells(setting, offers, part, block)


def _score_cells(
    setting: Setting,
    offers: Offers,
    excluded: Excluded,
    block: Block,
) -> Scored:
    """Score a block, given what the exclusions leave of just these cells."""
    reader, resources = setting.reader, setting.scenario.resources
    layers: dict[str, F32] = {}
    usable = usable_land(resources.land, reader, block) * reader.grid.block_areas(block)
    for bits, group in setting.groups.items():
        left = excluded.available[bits]
        layers[left_layer(group)] = left
        layers[land_layer(group)] = usable * left
    _add_supplies(setting, offers, block, layers)
    for i, criteria in enumerate(setting.criteria):
        layers[f"suitability {i}"] = suitability_block(
            criteria.criteria, setting.scenario.siting.combine, reader, block
        )
    for model in setting.models.values():
        layers.update(own_layers(model, reader, block))
    found = evaluate(setting.plan, layers, excluded.reasons)
    methods: dict[str, dict[str, NDArray[Any]]] = {
        name: {
            "potential": result.potential,
            "limit": result.limit,
            "net_factor": result.net_factor,
            "cost": result.cost,
            "score": result.score,
            "suitability": layers[plan.suitability or ""],
        }
        for (name, result), plan in zip(found.items(), setting.plan.methods, strict=True)
    }
    shared: dict[str, NDArray[Any]] = {
        f"supply_{name}": layers[name] for name in RESOURCES if name in layers
    }
    for name, one in offers.pools.items():
        shared[f"pool_{name}"] = reader.labels(one.layer, block)
    return Scored(shared, methods)


def _add_supplies(
    setting: Setting,
    offers: Offers,
    block: Block,
    layers: dict[str, F32],
) -> None:
    """Put the supply of each limited resource, and power's intensity, among a block's layers."""
    reader, resources = setting.reader, setting.scenario.resources
    for name, model in resources.supplies.items():
        if name == "biomass" and _hauled(setting.scenario):
            # the shed is the mean per cell within the radius: times the cells of the circle
            circle = np.pi * (resources.biomass.haul * 1000.0) ** 2
            cells = np.float32(circle) / reader.grid.block_areas(block)
            found: F32 | None = reader.values(SHED, block) * cells
        else:
            found = supply_block(name, model, offers.pools.get(name), reader, block)
        if found is not None and name == "biomass":
            found = found * np.float32(resources.biomass.collectable)
        if found is not None:
            layers[name] = found
    if isinstance(resources.power.intensity, str):
        layers["intensity"] = np.broadcast_to(
            intensity_block(resources.power, reader, block), block.shape
        )
    if setting.storage is not None:
        _add_storage(setting, setting.storage, offers, block, layers)


def _add_storage(
    setting: Setting, units: StorageUnits, offers: Offers, block: Block, layers: dict[str, F32]
) -> None:
    """Put what storage offers, and what it costs to get there, among a block's layers."""
    links, share = offers.links, setting.scenario.resources.storage.share
    if links is None:  # a trial cell before the routes are known
        for name in ("storage", STORAGE_COST, TRANSPORT_COST, TRANSPORT_KM):
            layers[name] = np.zeros(block.shape, np.float32)
        return
    areas, best = setting.area.grid.block_areas(block), links.sink[0][block.slices]
    layers["storage"] = storage_offer(share, units.rate, best, areas, offers.served)
    for name, values in (
        (STORAGE_COST, links.storage_cost),
        (TRANSPORT_COST, links.cost),
        (TRANSPORT_KM, links.length_km),
    ):
        # out of reach the supply is 0, so the cost there only has to be a finite number
        layers[name] = np.where(best >= 0, values[0][block.slices], np.float32(0))
