"""From plants, storage and corridors to a designed network with tables and lines.

Trends of an arc are straight lines above a cost model's annual cost per km, times the arc's length
of plain ground. Trucks go the whole way from a plant to storage or to another plant, so that
loading is paid once; ships go between given ports. The design chooses among them arc by arc.

One module: trends, terminals and tables follow one numbering of arcs.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from cdrsite.core.errors import CdrsiteWarning, ConfigError
from cdrsite.network.design import NetworkPlan, Pipe, design
from cdrsite.network.problem import Arc, NetworkProblem, Sink, Source, Trend
from cdrsite.network.search import GapOf
from cdrsite.network.trends import Trends, pipe_trends, ship_trends
from cdrsite.transport.costmodels import levelised, ship, truck
from cdrsite.transport.hydraulics import nominal_diameter, parallel_lines
from cdrsite.transport.pipelines import Basis

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely import LineString

    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.network.candidates import CandidateArc, Candidates, ExistingPipe
    from cdrsite.network.plants import Plants

WHERE = "network plan"


@dataclass(frozen=True)
class StorageUnit:
    """A storage unit as the network sees it.

    Attributes
    ----------
    name : str
        Unique.
    injectivity_t_yr : float
        Most it takes a year; infinite where only the capacity limits it [t/yr].
    capacity_t : float
        What it holds [t]; infinite where only the injectivity limits it.
    cost_usd_t : float
        Storage cost [USD/t].
    fixed_usd_yr : float
        Annual cost of the opened site [USD/yr].
    well_rate_t_yr, well_usd_yr : float
        Injectivity [t/yr] and annual cost [USD/yr] of one well; infinite and 0 leave wells out.
    """

    name: str
    injectivity_t_yr: float
    capacity_t: float
    cost_usd_t: float = 0.0
    fixed_usd_yr: float = 0.0
    well_rate_t_yr: float = math.inf
    well_usd_yr: float = 0.0


@dataclass(frozen=True)
class ShipLink:
    """A sea way that ships can take, terminals included in its cost.

    Attributes
    ----------
    tail, head : int
        Nodes of the candidate network.
    length_km : float
        Distance one way [km].
    """

    tail: int
    head: int
    length_km: float


@dataclass(frozen=True)
class Options:
    """How the network is planned.

    Attributes
    ----------
    model : str
        Pipeline cost model or level.
    segments : int
        Most trends per pipe.
    modes : sequence of str
        Of ``pipeline`` and ``truck``; trucks go from plants to storage and to other plants.
        Pipelines that are there already are used in any case.
    detour : float
        Length of a road as a multiple of the route's [1].
    years : float
        Life of the project [yr].
    target : float, optional
        Stored [t/yr]; all that plants give and storage takes when not given.
    gap : float
        Proven within this gap, the design stops.
    gap_of : str
        What the gap is a share of: ``total`` or ``transport``.
    effort : str
        ``quick``, ``normal`` or ``thorough``.
    time_limit : float
        Emergency stop of the design [s]. A plan cut by it depends on the machine's speed.
    seed : int
        Seed of the search.
    capture_usd_t : mapping of str to float
        Cost of a captured tonne by method [USD per t stored]; the same for all when empty.
    """

    model: str = "central"
    segments: int = 3
    modes: Sequence[str] = ("pipeline", "truck")
    detour: float = 1.0
    years: float = 30.0
    target: float | None = None
    gap: float = 0.02
    gap_of: GapOf = "transport"
    effort: str = "normal"
    time_limit: float = math.inf
    seed: int = 0
    capture_usd_t: Mapping[str, float] | None = None


@dataclass(frozen=True)
class PlantUse:
    """A plant in the plan: stored [t/yr] of what it could give, and its cost [USD/yr]."""

    name: str
    method: str
    row: int
    col: int
    gross_t_yr: float
    could_store_t_yr: float
    stored_t_yr: float
    capture_usd_yr: float
    existing: bool


@dataclass(frozen=True)
class PipeUse:
    """A line in the plan.

    Attributes
    ----------
    id, mode : str
        Arc; ``pipeline``, ``existing pipeline``, ``truck`` or ``ship``.
    start, end : str
        Names of plants and units, ``junction N`` elsewhere, in the direction of the flow.
    flow_t_yr : float
        Flow [t/yr].
    inch : float
        Nominal diameter of each line [inch]; NaN where it is no new pipeline.
    lines : int
        Parallel lines.
    length_km, weight_km : float
        True length, and length of plain ground of the same cost [km].
    cost_usd_yr : float
        By the trends: part of the objective [USD/yr].
    model_usd_yr : float
        By the cost model itself, for this flow and length [USD/yr]; NaN for existing pipelines.
    cell : ndarray, int64
        Flat cells in the direction of the flow; empty for ships.
    """

    id: str
    mode: str
    start: str
    end: str
    flow_t_yr: float
    inch: float
    lines: int
    length_km: float
    weight_km: float
    cost_usd_yr: float
    model_usd_yr: float
    cell: NDArray[np.int64]

    def line(self, grid: AnalysisGrid) -> LineString | None:
        """Cell centres as a line in the grid's CRS; None without cells."""
        from cdrsite.transport.routes import line

        if not len(self.cell):
            return None
        row, col = np.divmod(self.cell, grid.cols)
        return line(row, col, grid)


@dataclass(frozen=True)
class StorageUse:
    """A storage unit in the plan: stored and room [t/yr], wells, cost [USD/yr]."""

    name: str
    stored_t_yr: float
    room_t_yr: float
    wells: int
    cost_usd_yr: float


@dataclass(frozen=True)
class Planned:
    """A designed network with its tables.

    Attributes
    ----------
    plan : NetworkPlan
        Status, bound, gap and the parts in the solver's units.
    problem : NetworkProblem
        What was solved.
    plants : tuple of PlantUse
        All plants, those not served with 0 stored.
    pipes : tuple of PipeUse
        What is built or used.
    storage : tuple of StorageUse
        All reachable units.
    trends : Trends
        Of pipelines, with their excess over the cost model.
    wanted_t_yr : float
        Target [t/yr].
    unserved_t_yr : float
        What plants could give above the target [t/yr].
    """

    plan: NetworkPlan
    problem: NetworkProblem
    plants: tuple[PlantUse, ...]
    pipes: tuple[PipeUse, ...]
    storage: tuple[StorageUse, ...]
    trends: Trends
    wanted_t_yr: float
    unserved_t_yr: float

    @property
    def costs(self) -> dict[str, float]:
        """Cost by part [USD/yr]; they add up to the plan's cost."""
        by_mode = {
            mode: math.fsum(p.cost_usd_yr for p in self.pipes if p.mode == mode)
            for mode in ("pipeline", "existing pipeline", "truck", "ship")
        }
        return {
            "capture": math.fsum(p.capture_usd_yr for p in self.plants),
            **by_mode,
            "storage": math.fsum(s.cost_usd_yr for s in self.storage),
        }

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Rows of ``plants``, ``pipes``, ``storage`` and ``costs``, units in the names."""
        stored = math.fsum(p.stored_t_yr for p in self.plants)
        pipes = [asdict(pipe) for pipe in self.pipes]
        for row in pipes:
            del row["cell"]
        return {
            "plants": [asdict(plant) for plant in self.plants],
            "pipes": pipes,
            "storage": [asdict(unit) for unit in self.storage],
            "costs": [
                {
                    "part": part,
                    "cost_usd_yr": cost,
                    "cost_usd_t": cost / stored if stored > 0 else math.nan,
                }
                for part, cost in self.costs.items()
            ],
        }


def plan_network(
    plants: Plants,
    storage: Sequence[StorageUnit],
    candidates: Candidates,
    *,
    options: Options | None = None,
    basis: Basis | None = None,
    ships: Sequence[ShipLink] = (),
) -> Planned:
    """Design the network for plants, storage units and candidate corridors.

    Parameters
    ----------
    plants : Plants
        In the order of the candidates' plant nodes.
    storage : sequence of StorageUnit
        In the order of the candidates' storage nodes.
    candidates : Candidates
        Corridors.
    options : Options, optional
        Cost model, target, limits.
    basis : Basis, optional
        Annuity, prices, base year.
    ships : sequence of ShipLink
        Sea ways.

    Returns
    -------
    Planned
        With status, bound and gap of the design.

    Raises
    ------
    ConfigError
        Plants or units that do not match the candidates; a plant or unit without flow.
    InfeasibleError
        A target above what plants, storage or their connections can take.

    Warns
    -----
    CdrsiteWarning
        Storage or its connections take less than the plants give, where no target was given.
    """
    options, basis = options or Options(), basis or Basis()
    problem, trends, made = network_problem(plants, storage, candidates, options, basis, ships)
    supply, room, both = problem.reachable_mt_yr()
    target = both if options.target is None else options.target / 1e6
    if options.target is None and both < supply * (1 - 1e-9):
        warnings.warn(
            f"{WHERE}: plants could give {supply:.6g} Mt/yr, storage takes {room:.6g} Mt/yr and "
            f"their connections {both:.6g} Mt/yr; the plan is for {both:.6g} Mt/yr",
            CdrsiteWarning,
            stacklevel=2,
        )
    plan = design(
        problem, target=target, gap=options.gap, gap_of=options.gap_of, effort=options.effort,
        time_limit=options.time_limit, seed=options.seed,
    )  # fmt: skip
    names = _node_names(plants, storage, candidates)
    pipes = [_pipe_use(pipe, made[pipe.arc], names, options.model, basis) for pipe in plan.pipes]
    return Planned(
        plan,
        problem,
        _plant_uses(plants, plan),
        tuple(pipe for pipe in pipes if pipe is not None),
        _storage_uses(problem, plan),
        trends,
        target * 1e6,
        max(supply - target, 0.0) * 1e6,
    )


@dataclass(frozen=True)
class _Link:
    """What an arc of the problem stands for."""

    mode: str
    weight_km: float
    length_km: float
    tail: int
    cell: NDArray[np.int64]


def network_problem(
    plants: Plants,
    storage: Sequence[StorageUnit],
    candidates: Candidates,
    options: Options,
    basis: Basis,
    ships: Sequence[ShipLink] = (),
) -> tuple[NetworkProblem, Trends, dict[str, _Link]]:
    """Build the network problem, the pipelines' trends, and what each arc stands for."""
    if len(plants.plants) != len(candidates.plant_node):
        raise ConfigError("plants do not match the candidate network", where=WHERE)
    if len(storage) != len(candidates.storage_node):
        raise ConfigError("storage units do not match the candidate network", where=WHERE)
    capture = options.capture_usd_t or {}
    sources = tuple(
        Source(
            f"plant {k}", int(node), plant.stored_t_yr / 1e6,
            variable_usd_t=capture.get(plant.method, 0.0), name=plant.name,
        )
        for k, (plant, node) in enumerate(
            zip(plants.plants, candidates.plant_node.tolist(), strict=True)
        )
        if plant.stored_t_yr > 0
    )  # fmt: skip
    sinks = tuple(
        _sink(unit, int(node), options.years)
        for unit, node in zip(storage, candidates.storage_node.tolist(), strict=True)
        if node >= 0
    )
    most = math.fsum(s.capacity_mt_yr for s in sources)
    if not most > 0:
        raise ConfigError("plants give nothing to store", where=WHERE)
    trends = pipe_trends(most, model=options.model, basis=basis, segments=options.segments)
    arcs, made = _pipe_arcs(candidates, trends, laid="pipeline" in options.modes)
    if "truck" in options.modes:
        trucks, ways = _truck_arcs(candidates, sources, trends, basis, options)
        arcs += trucks
        made |= ways
    for k, link in enumerate(ships):
        name = f"ship {k}"
        sea = ship_trends(link.length_km, most, basis, options.segments)
        arcs.append(Arc(name, link.tail, link.head, sea, link.length_km, one_way=True))
        made[name] = _Link("ship", link.length_km, link.length_km, link.tail, np.zeros(0, np.int64))
    problem = NetworkProblem(sources, sinks, tuple(arcs), years=options.years)
    return problem, trends, made


def _sink(unit: StorageUnit, node: int, years: float) -> Sink:
    rate = min(unit.injectivity_t_yr, unit.capacity_t / years)
    if not math.isfinite(rate):
        raise ConfigError(
            "a storage unit has neither injectivity nor capacity",
            where=f"{WHERE}: {unit.name}",
            cure="give one of them",
        )
    return Sink(
        unit.name, node, rate * years / 1e6, unit.well_rate_t_yr / 1e6, unit.fixed_usd_yr / 1e6,
        unit.well_usd_yr / 1e6, unit.cost_usd_t, unit.name,
    )  # fmt: skip


def _pipe_arcs(
    candidates: Candidates, trends: Trends, *, laid: bool
) -> tuple[list[Arc], dict[str, _Link]]:
    """Pipelines; only those that are there already where none may be laid."""
    arcs, made = [], {}
    for k, arc in enumerate(candidates.arcs):
        if arc.pipe == -1 and not laid:
            continue
        name = f"arc {k}"
        if arc.pipe == -1:
            # ground of no cost at all would make a pipe free; a metre of plain ground is the least
            weight = max(arc.weight_km, 1e-3)
            own, mode = trends.of(weight), "pipeline"
        else:
            weight = 0.0
            own = (Trend(0.0, 0.0, _free_capacity(arc, candidates.pipes), "existing"),)
            mode = "existing pipeline" if arc.pipe >= 0 else "access"
        into = arc.pipe == -2
        arcs.append(
            Arc(name, arc.tail, arc.head, own, arc.length_km, one_way=into, existing=arc.pipe != -1)
        )
        made[name] = _Link(mode, weight, arc.length_km, arc.tail, arc.cell)
    return arcs, made


def _truck_arcs(
    candidates: Candidates,
    sources: Sequence[Source],
    trends: Trends,
    basis: Basis,
    options: Options,
) -> tuple[list[Arc], dict[str, _Link]]:
    """Trucks, only where they are cheaper than a pipe of the plant's own on the same way.

    Others could win with a part of a plant's flow only; leaving them out keeps the search small.
    """
    flow: dict[int, float] = {}
    for source in sources:
        flow[cast("int", source.node)] = (
            flow.get(cast("int", source.node), 0.0) + source.capacity_mt_yr
        )
    most = math.fsum(flow.values())
    ends = set(candidates.storage_node.tolist())
    arcs, made = [], {}
    for k, way in enumerate(candidates.direct):
        own = min((flow[n] for n in (way.tail, way.head) if n in flow), default=0.0)
        road = max(way.length_km * options.detour, 1e-3)
        cost = float(truck(1.0, road, basis))
        pipe = float(trends.cost(np.array([own]))[0]) * way.weight_km
        if own == 0 or ("pipeline" in options.modes and cost * own >= pipe):
            continue
        name, trend = f"truck {k}", (Trend(0.0, cost, most, "truck"),)
        arcs.append(Arc(name, way.tail, way.head, trend, road, one_way=way.head in ends))
        made[name] = _Link("truck", road, road, way.tail, way.cell)
    return arcs, made


def _free_capacity(arc: CandidateArc, pipes: Sequence[ExistingPipe]) -> float:
    return pipes[arc.pipe].capacity_t_yr / 1e6 if arc.pipe >= 0 else math.inf


def _node_names(
    plants: Plants, storage: Sequence[StorageUnit], candidates: Candidates
) -> dict[int, str]:
    """Names of nodes; junctions are numbered by their cell."""
    names: dict[int, str] = {}
    for unit, node in zip(storage, candidates.storage_node.tolist(), strict=True):
        names[node] = unit.name
    for plant, node in zip(plants.plants, candidates.plant_node.tolist(), strict=True):
        names[node] = f"{names[node]} + {plant.name}" if node in names else plant.name
    ends = {node for arc in candidates.arcs for node in (arc.tail, arc.head)}
    ports = {arc.tail: names.get(arc.head, "") for arc in candidates.arcs if arc.pipe == -2}
    for number, node in enumerate(sorted(ends - set(names)), start=1):
        names[node] = f"access to {ports[node]}" if node in ports else f"junction {number}"
    return names


def _pipe_use(
    pipe: Pipe, link: _Link, names: dict[int, str], model: str, basis: Basis
) -> PipeUse | None:
    """A line of the plan; None for the step into a unit."""
    if link.mode == "access":
        return None
    flow, inch, lines = pipe.flow_mt_yr * 1e6, math.nan, 1
    cost = math.nan
    if link.mode == "pipeline":
        lines = int(parallel_lines(flow / basis.utilisation))
        inch = float(nominal_diameter(flow / basis.utilisation / lines))
        cost = float(levelised(model, flow, link.weight_km, basis)) * flow
    elif link.mode == "truck":
        cost = float(truck(flow, max(link.length_km, 1e-3), basis)) * flow
    elif link.mode == "ship":
        cost = float(ship(flow, link.length_km, basis)) * flow
    cell = link.cell if pipe.tail == link.tail else link.cell[::-1]
    tail, head = (names.get(int(n), str(n)) for n in (pipe.tail, pipe.head))  # type: ignore[call-overload]
    return PipeUse(
        pipe.arc, link.mode, tail, head, flow, inch, lines, link.length_km, link.weight_km,
        pipe.cost_musd_yr * 1e6, cost, cell,
    )  # fmt: skip


def _plant_uses(plants: Plants, plan: NetworkPlan) -> tuple[PlantUse, ...]:
    used = {source.id: source for source in plan.sources}
    rows = []
    for k, plant in enumerate(plants.plants):
        one = used.get(f"plant {k}")
        stored = one.captured_mt_yr * 1e6 if one else 0.0
        cost = one.cost_musd_yr * 1e6 if one else 0.0
        rows.append(
            PlantUse(
                plant.name,
                plant.method,
                plant.row,
                plant.col,
                plant.gross_t_yr,
                plant.stored_t_yr,
                stored,
                cost,
                plant.existing,
            )
        )
    return tuple(rows)


def _storage_uses(problem: NetworkProblem, plan: NetworkPlan) -> tuple[StorageUse, ...]:
    used = {sink.id: sink for sink in plan.sinks}
    return tuple(
        StorageUse(
            sink.id,
            used[sink.id].stored_mt_yr * 1e6 if sink.id in used else 0.0,
            rate * 1e6,
            used[sink.id].wells if sink.id in used else 0,
            used[sink.id].cost_musd_yr * 1e6 if sink.id in used else 0.0,
        )
        for sink, rate in zip(problem.sinks, problem.sink_rates().tolist(), strict=True)
    )
