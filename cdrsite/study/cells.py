"""The stage that scores every method in every cell, and hands on the cells that compete.

It is a pure function of an aligned block that writes its arrays into the workspace, so the answer
does not depend on blocks, threads or workers (rule 9).

One module: a block's layers, its scores and what the competition reads of them are one pass.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.competition.blockcells import BlockCells, CellLayout, write_cells
from cdrsite.core.grid import Block
from cdrsite.core.plaindata import recorded
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.engine.stages import stage
from cdrsite.methods.cost import waiting
from cdrsite.methods.feed import haul_layer, kinds_layer
from cdrsite.methods.formulae import (
    INJECTION_EMISSIONS,
    STORAGE_COST,
    TRANSPORT_COST,
    TRANSPORT_KM,
    land_layer,
    left_layer,
    waiting_layer,
)
from cdrsite.methods.heat import draws_heat, heat_level, serves
from cdrsite.methods.injection import yearly_most
from cdrsite.methods.rivals import RivalSums, cost_variables
from cdrsite.methods.storage import StorageUnits
from cdrsite.methods.supply import storage_offer, supply_block
from cdrsite.place.registry import own_layers
from cdrsite.scoring.evaluate import evaluate, limits_of
from cdrsite.scoring.numpy_backend import sum_of
from cdrsite.scoring.sums import Sum
from cdrsite.siting.exclusions import Excluded, RuleAreas, outside_of
from cdrsite.siting.suitability import suitability_block
from cdrsite.study.competitors import Competitors, MethodFacts, OwnSupply
from cdrsite.study.course import dated_layers
from cdrsite.study.exclude import REASONS, exclude, left_name
from cdrsite.study.kinds import kind_unions
from cdrsite.study.offers import Offers, claims, ground_lands, spread_areas
from cdrsite.study.power import power_layers
from cdrsite.study.prepare import (
    Ground,
    Setting,
    formulae,
    injected,
    open_layers,
    pools_of,
    read_criteria,
    read_lands,
    read_rules,
    resolve_methods,
    storage_of,
)
from cdrsite.study.problem import LAST_CHOICE
from cdrsite.study.routes import every_route, haul_sheds, link_storage
from cdrsite.study.sharing import parts_of, sharing_of
from cdrsite.study.standingground import standing_plants
from cdrsite.study.tally import Tally, tally_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.engine.arrays import ArrayStore
    from cdrsite.engine.passes import Workspace

    F32 = NDArray[np.float32]


@dataclass(frozen=True)
class Scored:
    """What scoring a block gives: arrays by variable, and by variable and method.

    ``rivals`` is what the competition reads of each method.
    """

    shared: dict[str, NDArray[Any]]
    methods: dict[str, dict[str, NDArray[Any]]]
    rivals: dict[str, dict[str, NDArray[Any]]] = field(default_factory=dict)


def block_layers(
    setting: Setting, offers: Offers, available: Mapping[tuple[int, ...], F32], block: Block
) -> dict[str, F32]:
    """Layers of a block that the sums of the methods read; ``available`` as of the exclusions."""
    reader = setting.reader
    layers: dict[str, F32] = {}
    lands = ground_lands(setting, available, block)
    for bits, group in setting.groups.items():
        layers[left_layer(group)] = available[bits]
    for ground, name in setting.grounds.items():
        layers[land_layer(name)] = lands[ground]
    _add_supplies(setting, offers, block, layers, lands)
    for i, criteria in enumerate(setting.criteria):
        layers[f"suitability {i}"] = suitability_block(
            criteria.criteria, setting.scenario.siting.combine, reader, block
        )
    for name, model in setting.models.items():
        own = own_layers(model, setting.places[name], reader, block)
        layers = with_waiting(name, setting.rivals[name], layers | own)
    return layers


def with_waiting(
    name: str, sums: RivalSums, layers: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """Layers with what waiting for its tonnes adds to a method's cost, where that differs."""
    key = waiting_layer(name)
    if key not in sums.cost.layers:
        return dict(layers)
    net, later = sum_of(sums.net_factor, layers), sum_of(sums.later, layers)
    return {**layers, key: np.asarray(waiting(net, later), np.float32)}


def score_cells(setting: Setting, offers: Offers, excluded: Excluded, block: Block) -> Scored:
    """Score a block, given what the exclusions leave of just these cells."""
    layers = block_layers(setting, offers, excluded.available, block)
    scores = evaluate(setting.plan, layers, excluded.reasons)
    methods: dict[str, dict[str, NDArray[Any]]] = {
        name: {
            "equal_share": result.gross,
            "limit": result.limit,
            "net_factor": result.net_factor,
            "cost": result.cost,
            "score": result.score,
            "suitability": layers[plan.suitability or ""],
            "available": excluded.available[setting.book.group_of(name)],
        }
        for (name, result), plan in zip(scores.items(), setting.plan.methods, strict=True)
    }
    shared = _shared(setting, offers, layers, block)
    return Scored(shared, methods, _rivals(setting, layers, block))


def _shared(
    setting: Setting, offers: Offers, layers: Mapping[str, F32], block: Block
) -> dict[str, NDArray[Any]]:
    """What cells have whatever the method: supplies, pools, zones."""
    reader = setting.reader
    shared: dict[str, NDArray[Any]] = {
        f"supply_{name}": layers[name]
        for name in RESOURCES
        if name in layers and name in setting.told
    }
    shared |= {f"local_{name}": layers[own_supply(name)] for name in offers.sheds}
    shared |= {f"haul_{name}": layers[haul_layer(name)] for name in offers.sheds}
    for one in own_supplies(setting, offers):
        if one.kinds:
            given = setting.scenario.resources.supplies[one.resource]
            some = supply_block(one.resource, given, None, reader, block, kinds=one.kinds)
            shared[one.variable] = np.asarray(some)
    for name, pools in offers.pools.items():
        shared[f"pool_{name}"] = pools.labels(reader, block)
    for layer in setting.zonings:
        shared[f"zone_{layer}"] = reader.labels(layer, block)
    return shared


def competing(
    setting: Setting,
    offers: Offers,
    available: Mapping[tuple[int, ...], F32],
    reasons: NDArray[np.uint32],
    block: Block,
    only: Collection[str] | None = None,
) -> dict[str, NDArray[Any]]:
    """What the competition reads of the cells of a block, and no more, by variable.

    The same bytes as those of :func:`variables_of`, of cells inside the region; the definition in
    plain arrays scores them, so that a method of another shape needs no new loop. ``only`` names
    what sums of the methods are wanted for, all when not given.
    """
    layers = block_layers(setting, offers, available, block)
    rivals = _rivals(setting, layers, block, only)
    for name, limit in limits_of(setting.plan, layers, reasons).items():
        rivals[name]["limit"] = limit
    variables = _by_method(setting, [rivals], block)
    for key, values in _shared(setting, offers, layers, block).items():
        variables[key] = np.asarray(values)
    return variables


def _rivals(
    setting: Setting,
    layers: dict[str, F32],
    block: Block,
    only: Collection[str] | None = None,
) -> dict[str, dict[str, NDArray[Any]]]:
    """What the competition reads of each method, by the names of the result's variables."""
    rivals: dict[str, dict[str, NDArray[Any]]] = {}
    for name in setting.rivals:
        rivals[name] = arrays = {}
        land = layers[land_layer(setting.grounds[setting.ground_of(name)])]
        arrays["usable_land"] = _whole(land, block)
        for key, formula in _formulae(setting, name):
            if only is None or key in only:
                arrays[key] = _whole(sum_of(formula, layers), block)
    return rivals


def _formulae(setting: Setting, name: str) -> Iterator[tuple[str, Sum]]:
    """Variables of a method that sums make, with these."""
    sums = setting.rivals[name]
    yield "need_land", sums.land
    yield "net_at_plant", sums.net_factor
    yield "cost_at_plant", sums.cost
    for resource, need in sums.needs.items():
        if need.constant is None:
            yield f"need_{resource}", need
    if setting.models[name].choice.seasonal and sums.of_capacity.constant is None:
        yield CAPACITY_COST, sums.of_capacity
    if sums.stored.constant is None:
        yield "need_storage", sums.stored
    if sums.emissions is not None:
        yield "emissions_of_place", sums.emissions
    if sums.grid is not None and sums.grid.constant is None:
        yield "grid_emissions", sums.grid
    for part in cost_variables(sums.split):
        yield f"cost_{part}", sums.parts[part]
    for key, entry in setting.ledgers[name].by_name.items():
        if entry.constant is None:
            yield key, entry


def _whole(values: NDArray[Any] | np.float32, block: Block) -> NDArray[Any]:
    """Values of all cells of a block."""
    made = np.asarray(values, np.float32)
    return made if made.shape == block.shape else np.broadcast_to(made, block.shape)


def own_supply(resource: str) -> str:
    """Layer with what a cell has itself, where plants collect from around them."""
    return f"own {resource}"


def _add_supplies(
    setting: Setting,
    offers: Offers,
    block: Block,
    layers: dict[str, F32],
    lands: Mapping[Ground, F32],
) -> None:
    """Put the supply of each limited resource, and power's intensity, among a block's layers."""
    reader, resources = setting.reader, setting.scenario.resources
    best = None if offers.links is None else np.asarray(offers.links.sink[(0, *block.slices)])
    claimed, hauled = claims(setting, lands, best, block), resources.hauled
    for name, model in resources.supplies.items():
        supply = supply_block(name, model, offers.pools.get(name), reader, block, claimed.get(name))
        if supply is not None and setting.standing is not None:
            supply = setting.standing.take_off(name, supply, block)
        if supply is not None and name in offers.sheds:
            layers[own_supply(name)] = supply
            arrays = offers.sheds[name]
            supply, way = (np.ascontiguousarray(a[block.slices], np.float32) for a in arrays)
            layers[haul_layer(name)] = way
        elif name in hauled:  # a trial cell before the sheds are known
            layers[haul_layer(name)] = np.zeros(block.shape, np.float32)
        if supply is not None:
            layers[name] = supply
        for kinds in {drawn[name] for drawn in setting.drawn.values() if name in drawn}:
            some = supply_block(
                name, model, offers.pools.get(name), reader, block, claimed.get(name), kinds
            )
            assert some is not None  # noqa: S101 - what is offered by kind has an end
            layers[kinds_layer(name, kinds)] = some
    layers |= power_layers(setting, block)
    if setting.storage is not None:
        _add_storage(setting, setting.storage, offers, block, layers, claimed.get("storage"))


def _add_storage(
    setting: Setting,
    units: StorageUnits,
    offers: Offers,
    block: Block,
    layers: dict[str, F32],
    claimed: F32 | None,
) -> None:
    """Put what storage offers, and what it costs to get there, among a block's layers."""
    links, share = offers.links, setting.scenario.resources.storage.share
    if links is None or claimed is None:  # a trial cell before the routes are known
        for name in ("storage", STORAGE_COST, TRANSPORT_COST, TRANSPORT_KM, INJECTION_EMISSIONS):
            layers[name] = np.zeros(block.shape, np.float32)
        return
    first = (0, *block.slices)
    best = np.asarray(links.sink[first])
    injection = setting.injection
    rate = yearly_most(units, injection)
    layers["storage"] = storage_offer(share, rate, best, claimed, offers.served)
    for name, values in (
        (STORAGE_COST, links.storage_cost),
        (TRANSPORT_COST, links.cost),
        (TRANSPORT_KM, links.length_km),
    ):
        # out of reach the supply is 0, so the cost there only has to be a finite number
        layers[name] = np.where(best >= 0, values[first], np.float32(0))
    if injection is not None:
        needed = np.append(injection.cost, 0.0)[best]
        layers[STORAGE_COST] = (layers[STORAGE_COST] + needed).astype(np.float32)
        emitted = np.append(injection.emissions, 0.0)[best]
        layers[INJECTION_EMISSIONS] = emitted.astype(np.float32)


CAPACITY_COST = "cost_of_capacity"
"""Variable with what is paid for the capacity of methods that run by season [USD per t/yr]."""
OF_METHODS: dict[str, type[np.generic]] = {
    "equal_share": np.float32, "limit": np.uint8, "net_factor": np.float32, "cost": np.float32,
    "score": np.float32, "suitability": np.float32, "available": np.float32,
    "usable_land": np.float32, "need_land": np.float32, "net_at_plant": np.float32,
    "cost_at_plant": np.float32,
}  # fmt: skip
"""Variables that every method has, and their types."""


def variables_of(
    setting: Setting, offers: Offers, scored: Scored, reasons: NDArray[np.uint32], block: Block
) -> dict[str, NDArray[Any]]:
    """A block's part of the result's variables: of shape (methods, rows, cols) or (rows, cols).

    The four states are kept apart: the outside is NaN, and a cost needs something to cost (rule 2).
    """
    outside = outside_of(reasons)
    variables: dict[str, NDArray[Any]] = {}
    if not setting.models:  # emitters and a network alone: the variables are there, and empty
        variables = {name: np.empty((0, *block.shape), kind) for name, kind in OF_METHODS.items()}
    variables |= _by_method(setting, (scored.methods, scored.rivals), block)
    for values in variables.values():
        if values.dtype == np.float32:
            values[:, outside] = np.nan
    variables["cost"][~(variables["equal_share"] > 0)] = np.nan
    shared = dict(scored.shared)
    if offers.links is not None:
        first = (0, *block.slices)
        sink = np.asarray(offers.links.sink[first])
        shared["transport_cost"] = np.where(sink >= 0, offers.links.cost[first], np.nan)
        shared["transport_km"] = np.where(sink >= 0, offers.links.length_km[first], np.nan)
        mode = np.asarray(offers.links.mode[first]).astype(np.int32)
        shared["transport_mode"] = np.where(sink >= 0, mode, -1)
        shared["pool_storage"] = sink
    for key, values in shared.items():
        # a broadcast or cached array is not ours to change
        own = np.array(values, np.int32 if values.dtype.kind == "i" else np.float32)
        own[outside] = -1 if own.dtype == np.int32 else np.nan
        variables[key] = own
    return variables


def _by_method(
    setting: Setting, parts: Sequence[Mapping[str, Mapping[str, NDArray[Any]]]], block: Block
) -> dict[str, NDArray[Any]]:
    """Arrays of each method as variables of shape (methods, rows, cols), NaN where one has none."""
    variables: dict[str, NDArray[Any]] = {}
    for arrays in parts:
        for m, name in enumerate(setting.models):
            for key, values in arrays[name].items():
                if key not in variables:
                    variables[key] = np.empty((len(setting.models), *block.shape), values.dtype)
                    if values.dtype == np.float32:
                        variables[key][:] = np.nan
                variables[key][m] = values
    return variables


@recorded
@dataclass(frozen=True)
class ScorePart:
    """What the scoring of a block hands on: counts, and its cells in the competition.

    On disk the cells are in a file, and only how many there are is handed on.
    """

    tally: Tally
    count: int
    matrix: F32 | None = None


@dataclass(frozen=True)
class ScoreBlock:
    """Pass: scores of every method, written as the result's variables, and the cells that compete.

    Attributes
    ----------
    folder : Path or None
        Takes a file with the competing cells of each block; in memory they are handed on.
    """

    setting: Setting
    offers: Offers
    competitors: Competitors
    result: ArrayStore
    scratch: ArrayStore
    folder: Path | None = None

    def variables(self, block: Block, reasons: NDArray[np.uint32]) -> dict[str, NDArray[Any]]:
        """A block's part of the variables, given the exclusions that hit its cells."""
        setting = self.setting
        available = {
            bits: np.asarray(self.scratch.open(left_name(setting, bits))[block.slices])
            for bits in setting.book.groups
        }
        excluded = Excluded(reasons, available, RuleAreas())
        scored = score_cells(setting, self.offers, excluded, block)
        found = variables_of(setting, self.offers, scored, reasons, block)
        if self.offers.links is not None and setting.scenario.outputs.every_route:
            found |= every_route(self.offers.links, self.scratch, outside_of(reasons), block)
        return found

    def __call__(self, block: Block) -> ScorePart:
        """Write the variables of a block, and its competing cells."""
        reasons = np.asarray(self.result.open(REASONS)[block.slices])
        variables = self.variables(block, reasons)
        for name, values in variables.items():
            self.result.open(name)[(..., *block.slices)] = values
        shared = self.competitors.sharing.needed
        parts = parts_of(self.setting, block) if shared else None
        matrix = self.competitors.matrix(variables, self.offers.links, block, parts)
        models = self.setting.models.values()
        avoiding = [m for m, one in enumerate(models) if one.method.ledger_class == "avoided"]
        inside, grid = ~outside_of(reasons), self.setting.area.grid
        tally = tally_values(variables, inside, grid, block, avoiding)
        if self.folder is None:
            return ScorePart(tally, matrix.shape[1], matrix)
        write_cells(cell_file(self.folder, block), matrix)
        return ScorePart(tally, matrix.shape[1])


def cell_file(folder: Path, block: Block) -> Path:
    """File with the competing cells of a block."""
    return folder / f"{block.row0}-{block.col0}.f4"


@stage(
    "scoring",
    reads=(
        *(
            "resources",
            "milestones",
            "siting.combine",
            "transport.leakage",
            "policies.*.layer",
            "outputs.admin",
        ),
        *("outputs.every_route", "objective.credits.*.region"),
    ),
    after=(
        *(open_layers, resolve_methods, read_rules, read_lands, read_criteria, pools_of),
        *(storage_of, injected, formulae, exclude, link_storage, spread_areas, haul_sheds),
        standing_plants,
    ),
)
def score(setting: Setting, offers: Offers, space: Workspace) -> tuple[BlockCells, Tally]:
    """Score every method in every cell, block by block.

    Returns
    -------
    tuple
        The cells that compete, and counts of all cells; the variables are in the workspace.
    """
    folder = None if space.folder is None else space.folder / "cells"
    if folder is not None:
        folder.mkdir(exist_ok=True)
    competitors = competitors_of(setting, offers)
    task = ScoreBlock(setting, offers, competitors, space.result, space.scratch, folder)
    # one cell of the grid says which variables there are
    first = Block(0, 1, 0, 1)
    reasons = np.asarray(space.result.open(REASONS)[first.slices])
    for name, values in task.variables(first, reasons).items():
        space.result.create(name, (*values.shape[:-2], *setting.area.grid.shape), values.dtype)
    counts: list[int] = []
    tallies: list[Tally] = []
    matrices: list[F32 | Path] = []
    for block, part in space.each("scoring", task, setting.blocks, "scoring"):
        counts.append(part.count)
        tallies.append(part.tally)
        if part.matrix is not None:
            matrices.append(part.matrix)
        elif folder is not None:
            matrices.append(cell_file(folder, block))
    cells = BlockCells(competitors.layout, tuple(counts), tuple(matrices))
    return cells, reduce(Tally.add, tallies)


def competitors_of(setting: Setting, offers: Offers) -> Competitors:
    """How the study's variables become cells of the competition."""
    facts, needs = _facts(setting)
    needs |= {
        layer: (CAPACITY_COST, m)
        for m, layer in enumerate(capacity_layers(setting))
        if isinstance(layer, str)
    }
    needs |= dated_layers(setting.rivals, setting.scenario.milestones)
    leakage = setting.scenario.transport.leakage
    local = own_supplies(setting, offers)
    zones = {name: f"pool_{name}" for name in offers.pools}
    zones |= {name: f"zone_{name}" for name in setting.zonings}
    sharing = sharing_of(setting)
    layout = CellLayout(
        methods=len(facts),
        sinks=0 if offers.links is None else int(offers.links.sink.shape[0]),
        layers=(*needs, *(LAST_CHOICE + one.name for one in facts)),
        local=tuple(one.variable for one in local),
        zonings=tuple(zones),
        storing=any(one.storing for one in facts),
        land_rows=len(sharing.rows),
    )
    grid = setting.area.grid
    shape = grid.rows, grid.cols
    return Competitors(
        facts, layout, needs, local, zones, leakage, shape, setting.injection, sharing
    )


def capacity_layers(setting: Setting) -> list[float | str]:
    """What each method pays for its capacity, or the layer of it; 0 of one that runs all year."""
    found: list[float | str] = []
    for name, model in setting.models.items():
        total = setting.rivals[name].of_capacity
        layer = f"capacity cost of {name}" if total.constant is None else total.constant
        found.append(layer if model.choice.seasonal else 0.0)
    return found


def own_supplies(setting: Setting, offers: Offers) -> tuple[OwnSupply, ...]:
    """What cells have themselves and does not leave them.

    Where plants collect goods from around them, each cell's own counts, so that no tonne is used
    twice (rule 6): the tonnes are allotted where they grow. Of goods by kind there is a row for all
    of them, and one for every union of what single methods may have (:mod:`cdrsite.study.kinds`).
    """
    found = []
    for name, model in setting.scenario.resources.supplies.items():
        users = setting.users(name)
        if model.unlimited or name in setting.pools or not users:
            continue
        own = f"local_{name}" if name in offers.sheds else f"supply_{name}"
        found.append(OwnSupply(name, own))
        if model.by_kind:
            unions = kind_unions((setting.drawn[one][name] for one in users), (*model.by_kind,))
            found += [OwnSupply(name, f"local_{name}_{'_'.join(kinds)}", kinds) for kinds in unions]
    return tuple(found)


def _facts(setting: Setting) -> tuple[tuple[MethodFacts, ...], dict[str, tuple[str, int]]]:
    """What is known of each method, and the variables of needs that differ from cell to cell."""
    facts, layers = [], {}
    for m, (name, model) in enumerate(setting.models.items()):
        needs: dict[str, float | str] = {}
        for resource, need in setting.rivals[name].needs.items():
            if resource == "heat" and not draws_heat(model):
                continue
            if need.constant is not None:
                needs[resource] = need.constant
            else:
                layer = f"{resource} need of {name}"
                layers[layer] = f"need_{resource}", m
                needs[resource] = layer
        # storage without limit has no units to go to, and its cost is in the method's own
        stored = model.number("storage") if setting.storage is not None else 0.0
        exclusive = model.number("land_exclusive_fraction", 1.0)
        heat = setting.scenario.resources.heat
        level = "" if heat.unlimited else heat_level(model)
        takes = level and name in setting.users("heat") and "heat" not in setting.pools
        unserved = bool(takes) and not serves(heat.level, level)
        storing = stored > 0 and setting.rivals[name].stored.constant is None
        facts.append(
            MethodFacts(
                name, stored, exclusive, needs, level, unserved, storing, setting.drawn[name]
            )
        )
    return tuple(facts), layers
