"""From the plan's tonnes on the grid to plants, corridors and a designed network.

The network follows the allocation and changes nothing in it: rasters do not depend on the design.

One module: the stage, its tables and its features follow one list of plants.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import ConfigError, DataError, SolverError
from cdrsite.core.units import conversion
from cdrsite.engine.stages import stage
from cdrsite.methods.injection import unit_costs, yearly_most
from cdrsite.network.candidates import CandidateArc, Candidates, ExistingPipe, candidate_network
from cdrsite.network.coarse import PlanGrid
from cdrsite.network.horizon import Period
from cdrsite.network.planned import Planned
from cdrsite.network.planning import Emitter, Options, ShipLink, StorageUnit, plan_network
from cdrsite.network.plants import Plants
from cdrsite.network.roadways import road_ways
from cdrsite.network.schedule import read_periods
from cdrsite.network.tabled import plan_tables
from cdrsite.network.tables import read_case
from cdrsite.study.compete import lay_out, zone_layers
from cdrsite.study.gathering import Gathered, gather, warn
from cdrsite.study.network_years import Dated, dated_network, emitters_of_plan
from cdrsite.study.points import (
    cell_at,
    cells_on_grid,
    feature_names,
    number_column,
    text_column,
    unique_names,
)
from cdrsite.study.prepare import Setting, injected, open_layers, resolve_methods, storage_of
from cdrsite.study.routes import link_storage, pipeline_basis, storage_sites
from cdrsite.transport.costmodels import unit_cost
from cdrsite.transport.crossings import CrossingRules
from cdrsite.transport.links import StorageSites, touched
from cdrsite.transport.ports import read_ports, road_factor
from cdrsite.transport.surface import BILLING, STEERING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.competition.solution import Solution
    from cdrsite.config.network import Emitters, ExistingPipelines, Network
    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.core.reader import LayerReader
    from cdrsite.engine.arrays import ArrayStore
    from cdrsite.engine.passes import Workspace

EMITTERS, PIPELINES = "network.emitters", "network.pipelines"
"""Keys, for messages."""


@dataclass(frozen=True)
class Projects:
    """Plants and their network.

    Attributes
    ----------
    plants : Plants
        What the allocation was gathered into, and what is left.
    zones : tuple of str
        Administrative unit of each plant; "" where none was given.
    candidates : Candidates or None
        Corridors the design chose from; None without plants.
    planned : Planned or None
        The design; None without plants, or where no plan was found in time.
    gap_asked : float
        Gap that was good enough [1].
    gap_of : str
        What it is a share of.
    by_milestone : bool
        Whether the design is for the sizes of the plan's milestones, all at once.
    """

    plants: Plants
    zones: tuple[str, ...]
    candidates: Candidates | None
    planned: Planned | None
    gap_asked: float
    gap_of: str
    by_milestone: bool = False


@stage(
    "network",
    reads=(
        *(
            "network",
            "milestones",
            "emitters",
            "resources.storage.years",
            "outputs.admin",
            "policies.*.layer",
            "policies.*.zone_name",
        ),
        *("costs.base_year", "costs.discount_rate", "costs.prices.electricity"),
        *(f"transport.{key}" for key in ("model", "flow", "utilisation", "region", "neighbours")),
        *(f"transport.{key}" for key in ("modes", "truck_detour", "roads", "ships")),
        *("transport.surface.crossings", "transport.surface.sea"),
    ),
    after=(open_layers, resolve_methods, storage_of, injected, link_storage, lay_out, gather),
)
def plan_projects(
    setting: Setting, gathered: Gathered, solution: Solution, space: Workspace
) -> Projects | None:
    """Design the network of the plan's plants; None if it is not asked for.

    Parameters
    ----------
    setting : Setting
        The study.
    gathered : Gathered
        Its plants.
    solution : Solution
        Its plan: what stands and is captured at each milestone.
    space : Workspace
        With the result's variables, for the zones that the plants stand in, and the cost surface
        that the routes to storage were found on; its threads have no effect (rule 9).

    Raises
    ------
    ConfigError
        Without storage units; plant sizes for unknown methods.
    DataError
        Pipelines without a capacity; no plant reaches any storage unit.
    InfeasibleError
        A target above what plants, storage or their connections can take.

    Warns
    -----
    CdrsiteWarning
        No plant of buildable size; a design that time stopped; a grid so large that the plan is
        made on coarser cells.
    """
    model = setting.scenario.network
    if not model.plan:
        return None
    check_network(setting)
    plan, plants, arrays = gathered.plan, gathered.plants, space.result
    factor = plan.factor
    if factor > 1:
        warn(plan.describe())
    candidates, planned = None, None
    built = any(plant.stored_t_yr > 0 for plant in plants.plants)
    emitters = read_emitters(model.emitters, setting.reader, plan)
    emitters += emitters_of_plan(setting, solution, plan)
    dated = dated_network(setting, solution, plants, plan, arrays)
    if model.tables is not None:
        planned = plan_tables(model.tables, design_options(setting))
    elif built or emitters:
        found = _corridors(setting, plants, plan, space.scratch, space.threads, emitters)
        candidates = found.candidates
    plants, zones = _with_zones(gathered.placed, setting, arrays)
    if candidates is not None:
        planned = _design(setting, plants, found, emitters, dated)
    elif model.tables is None:
        warn("the plan gives no plant of buildable size that stores CO2; no network is designed")
    if planned is not None and factor > 1:
        pipes = tuple(replace(pipe, cell=plan.middles(pipe.cell)) for pipe in planned.pipes)
        planned = replace(planned, pipes=pipes)
    by_milestone = dated is not None and planned is not None
    return Projects(plants, zones, candidates, planned, model.gap, model.gap_of, by_milestone)


def check_network(setting: Setting) -> None:
    """Refuse a network section that cannot be planned.

    Raises
    ------
    ConfigError
        Without storage units; plant sizes for methods that are not studied; service of what is
        neither method nor unit.
    DataError
        A table of periods that cannot be read.
    """
    network = setting.scenario.network
    unknown = [name for name in network.plants if name not in setting.models]
    if unknown:
        raise ConfigError(
            "plant sizes for a method that is not studied",
            where="network.plants",
            got=", ".join(unknown),
            expected=f"one of {', '.join(setting.models)}",
        )
    asked_periods(network)
    if network.tables is not None:
        _check_tables(setting, network.tables)
        return
    if setting.storage is None:
        raise _no_units()
    read_emitters(network.emitters, setting.reader, PlanGrid.of(setting.area.grid))
    names = [*setting.models, *setting.storage.names]
    for name in network.service:
        if name not in names:
            raise ConfigError(
                "neither a method of this study nor a storage unit",
                where="network.service",
                got=name,
                expected=", ".join(names),
            )


def _no_units() -> ConfigError:
    return ConfigError(
        "a network needs storage units to end at",
        where="network.plan",
        got="storage without limit",
        cure="give resources.storage.units, or remove network.plan",
    )


def _check_tables(setting: Setting, path: Path) -> None:
    """Refuse tables that cannot be read, and methods that would use the same pore space."""
    storing = [name for name, model in setting.models.items() if model.number("storage") > 0]
    if storing:
        raise ConfigError(
            "a network of tables knows no plants of the grid, and would sell pore space twice",
            where="network.tables",
            got=f"{', '.join(storing)}, which store CO2",
            cure="use network.emitters with the layers of the study, or methods that store nothing",
            rule=6,
        )
    read_case(path)


def asked_periods(model: Network) -> list[Period]:
    """Periods of the scenario or of its table; a target of infinity is all that can be stored."""
    if model.periods is None:
        return []
    if isinstance(model.periods, Path):
        return read_periods(model.periods)

    def amount(asked: Any) -> float:
        return math.inf if asked == "all" else float(asked) / 1e6

    periods = []
    for period in model.periods:
        target: Any = None if period.target is None else amount(period.target)
        if period.targets is not None:
            target = {name: amount(asked) for name, asked in period.targets.items()}
        periods.append(Period(period.year, target, period.price))
    return periods


def _with_zones(
    plants: Plants, setting: Setting, arrays: ArrayStore
) -> tuple[Plants, tuple[str, ...]]:
    """Plants with the name of their administrative unit behind their own."""
    admin = setting.scenario.outputs.admin
    if admin is None:
        return plants, ("",) * len(plants.plants)
    names, labels = zone_layers(setting)[admin.layer], arrays.open(f"zone_{admin.layer}")
    index = [int(labels[plant.row, plant.col]) for plant in plants.plants]
    zones = tuple("" if i < 0 else names[i] for i in index)
    named = tuple(
        plant if plant.existing or not zone else replace(plant, name=f"{plant.name} ({zone})")
        for plant, zone in zip(plants.plants, zones, strict=True)
    )
    return replace(plants, plants=named), zones


@dataclass(frozen=True)
class Corridors:
    """Ways between plants, emitters, ports and storage units.

    Attributes
    ----------
    candidates : Candidates
        Of pipelines.
    storage : tuple of StorageUnit
        The units that they end at.
    roads : tuple of CandidateArc, optional
        Of trucks, where roads are given.
    ports : tuple of str
        Names of the ports.
    ships : tuple of ShipLink
        Sea ways.
    """

    candidates: Candidates
    storage: tuple[StorageUnit, ...]
    roads: tuple[CandidateArc, ...] | None
    ports: tuple[str, ...]
    ships: tuple[ShipLink, ...]


def _corridors(
    setting: Setting,
    plants: Plants,
    plan: PlanGrid,
    ground: ArrayStore,
    threads: int,
    emitters: Sequence[Emitter],
) -> Corridors:
    """Candidate corridors over the ground of the transport section, and the units they end at."""
    model, transport, units = setting.scenario.network, setting.scenario.transport, setting.storage
    if units is None:
        raise _no_units()
    reader, basis = setting.reader, pipeline_basis(setting.scenario)
    access = _access(storage_sites(units), reader, plan)
    plain = float(unit_cost(transport.flow, transport.model, basis).per_km)
    rules = CrossingRules(transport.surface.crossings, reader, plan.grid, plain)
    ports = read_ports(transport, reader, setting.blocks)
    docks = zip(
        (ports.row // plan.factor).tolist(), (ports.col // plan.factor).tolist(), strict=True
    )
    candidates = candidate_network(
        plan.ground(ground.open(STEERING)),
        plan.grid,
        [
            *((plant.row, plant.col) for plant in plants.plants),
            *((one.row, one.col) for one in emitters),
            *docks,
        ],
        list(access.values()),
        billed=plan.ground(ground.open(BILLING)),
        crossings=rules.whole(transport.neighbours) if rules.names else None,
        plain=plain,
        pipes=() if model.pipelines is None else existing_pipes(model.pipelines, reader, plan.grid),
        nearest=model.nearest,
        loss_limit=model.loss_limit,
        neighbours=transport.neighbours,
        threads=threads,
    )
    names = unique_names([units.names[u] for u in access])
    most, cost = yearly_most(units, setting.injection), unit_costs(units, setting.injection)
    # the rate alone: what of the capacity is filled within its life is the design's own question
    most = np.where(most < units.rate, most, units.injection)
    storage = [
        StorageUnit(name, float(most[u]), float(units.capacity[u]), float(cost[u]))
        for name, u in zip(names, access, strict=True)
    ]
    roads = None
    if transport.roads is not None and "truck" in transport.modes:
        factor = road_factor(transport.roads, transport.surface, reader, setting.blocks)
        roads = road_ways(
            plan.ground(factor), plan.grid, candidates, list(access.values()),
            neighbours=transport.neighbours, threads=threads,
        )  # fmt: skip
    nodes = candidates.plant_node[len(candidates.plant_node) - len(ports.names) :].tolist()
    ships = tuple(
        ShipLink(nodes[a], nodes[b], float(ports.sea_km[a, b]))
        for a, b in np.argwhere(np.isfinite(ports.sea_km)).tolist()
        if nodes[a] != nodes[b]
    )
    return Corridors(candidates, tuple(storage), roads, ports.names, ships)


def _access(
    sites: StorageSites, reader: LayerReader, plan: PlanGrid
) -> dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Cells of the plan that touch each unit; units outside the grid have none and are left out."""
    cells = {}
    for unit in range(len(sites.names)):
        rows, cols = [], []
        for block in reader.grid.blocks():
            row, col = plan.cells(*touched(sites, reader, unit, block), block)
            rows.append(row)
            cols.append(col)
        if any(row.size for row in rows):
            cells[unit] = np.concatenate(rows), np.concatenate(cols)
    return cells


def design_options(
    setting: Setting,
    emitters: Sequence[Emitter] = (),
    found: Corridors | None = None,
    dated: Dated | None = None,
) -> Options:
    """What the scenario asks of the design."""
    scenario, units = setting.scenario, setting.storage
    model, ships = scenario.network, scenario.transport.ships
    return Options(
        model=model.model or scenario.transport.model,
        segments=model.segments,
        modes=scenario.transport.modes,
        detour=scenario.transport.truck_detour,
        roads=None if found is None else found.roads,
        ports=() if found is None else found.ports,
        ship_size="large" if ships is None else ships.size,
        years=model.years or (units.years if units is not None else 30.0),
        target=None if model.target == "all" else float(model.target),
        targets={
            name: math.inf if asked == "all" else float(asked)
            for name, asked in model.targets.items()
        },
        emitters=emitters,
        gap=model.gap,
        gap_of=model.gap_of,
        effort=model.effort,
        time_limit=math.inf if model.time_limit is None else model.time_limit,
        seed=model.seed,
        periods=asked_periods(model) if dated is None else dated.periods,
        start=model.start if dated is None else dated.start,
        after=model.after if dated is None else dated.after,
        sizes=() if dated is None else dated.sizes,
        discount_rate=scenario.costs.discount_rate,
        service={
            name: (
                -math.inf if asked.from_ is None else asked.from_,
                math.inf if asked.until is None else asked.until,
            )
            for name, asked in model.service.items()
        },
    )


def _design(
    setting: Setting,
    plants: Plants,
    found: Corridors,
    emitters: Sequence[Emitter],
    dated: Dated | None,
) -> Planned | None:
    """Design the network; None where time was too short for any plan."""
    model = setting.scenario.network
    try:
        planned = plan_network(
            plants, found.storage, found.candidates, ships=found.ships,
            options=design_options(setting, emitters, found, dated),
            basis=pipeline_basis(setting.scenario),
        )  # fmt: skip
    except SolverError as error:
        warn(f"no plan was found: {error}")
        return None
    if not planned.plan.reproducible:
        gap = planned.plan.gap_transport if model.gap_of == "transport" else planned.plan.gap
        warn(
            f"time_limit {model.time_limit:g} s cut the design short at a gap of {gap:.1%} of "
            f"{model.gap_of} cost, not at the {model.gap:.1%} asked for: another machine may find "
            "another network; cure: a longer time_limit or none, a larger gap, or effort: quick"
        )
    return planned


def read_emitters(
    model: Emitters | None, reader: LayerReader, plan: PlanGrid
) -> tuple[Emitter, ...]:
    """Emitters on cells of the plan; those outside the grid are left out with a warning.

    Raises
    ------
    DataError
        No such column; numbers that are none, or below 0.
    """
    if model is None:
        return ()
    frame = reader.features(model.layer, model.where)
    names = unique_names(feature_names(frame, model.name, "emitter", EMITTERS))
    ledgers = text_column(frame, model.ledger, EMITTERS) or ["avoided"] * len(frame)
    captured = number_column(frame, model.captured, model.unit, 0.0, EMITTERS)
    captured = captured * conversion(model.unit, "t/yr")[0]
    cost = number_column(frame, model.cost, "USD/t", -math.inf, EMITTERS)
    fixed = number_column(frame, model.fixed, "USD/yr", 0.0, EMITTERS)
    opens = number_column(frame, model.opens, "a year", -math.inf, EMITTERS, empty=-math.inf)
    retires = number_column(frame, model.retires, "a year", -math.inf, EMITTERS, empty=math.inf)
    numbers = np.column_stack([captured, cost, fixed, opens, retires]).tolist()
    cells = cells_on_grid(frame, names, reader.grid, "emitters", EMITTERS)
    return tuple(
        Emitter(names[k], ledgers[k], row // plan.factor, col // plan.factor, *numbers[k])
        for k, row, col in cells
    )


def existing_pipes(
    model: ExistingPipelines, reader: LayerReader, grid: AnalysisGrid
) -> list[ExistingPipe]:
    """Given pipelines as cells of a grid, cut at its edge.

    Raises
    ------
    DataError
        No such column; capacities that are no numbers, or not above 0.
    """
    import shapely

    frame = reader.features(model.layer, model.where)
    names = feature_names(frame, model.name, "pipeline", PIPELINES)
    text = text_column(frame, model.capacity, PIPELINES) or []
    try:
        capacity = np.array(text, np.float64) * conversion(model.unit, "t/yr")[0]
    except ValueError:
        capacity = np.full(len(text), np.nan)
    wrong = [names[k] for k in np.flatnonzero(~(capacity > 0))]
    if wrong:
        raise DataError(
            "pipelines without a free capacity",
            where=f"network.pipelines: column {model.capacity}",
            got=", ".join(wrong[:5]),
            expected=f"{model.unit}, above 0",
            cure="correct the column, or leave these out with `where`",
            rule=7,
        )
    edge = shapely.box(*grid.bounds)
    last = grid.rows - 1, grid.cols - 1
    pipes = []
    for name, most, shape in zip(names, capacity.tolist(), frame.geometry, strict=True):
        for line in shapely.get_parts(shapely.intersection(shape, edge)).tolist():
            if line.geom_type == "LineString":
                cells = [cell_at(grid, x, y) for x, y in shapely.get_coordinates(line)]
                row, col = np.clip(cells, 0, last).T
                if np.ptp(row) + np.ptp(col) > 0:
                    pipes.append(ExistingPipe(name, row, col, most))
    return pipes
