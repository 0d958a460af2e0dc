"""From plants, storage and corridors to a designed network with tables and lines.

Trends of an arc are straight lines above a cost model's annual cost per km, times the arc's length
of plain ground. Trucks go the whole way from a plant to storage or to another plant, so that
loading is paid once; ships go between given ports. The design chooses among them arc by arc.

One module: trends, terminals and tables follow one numbering of arcs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from cdrsite.core.errors import ConfigError
from cdrsite.core.vocabulary import MODES
from cdrsite.network.asked import WHERE, asked_of, asked_over
from cdrsite.network.design import NetworkPlan, design
from cdrsite.network.horizon import Period
from cdrsite.network.periods import BuildOut, design_periods
from cdrsite.network.planned import (
    Link,
    Planned,
    emitter_uses,
    node_names,
    pipe_uses,
    plant_uses,
    storage_uses,
)
from cdrsite.network.problem import Arc, NetworkProblem, Sink, Source, Trend
from cdrsite.network.search import GapOf
from cdrsite.network.staged import state_in
from cdrsite.network.trends import Trends, pipe_trends, ship_trends
from cdrsite.transport.costmodels import truck
from cdrsite.transport.pipelines import Basis

if TYPE_CHECKING:
    from cdrsite.network.candidates import CandidateArc, Candidates, ExistingPipe
    from cdrsite.network.plants import Plants


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
class Emitter:
    """A plant of another kind whose CO2 shares the network.

    Attributes
    ----------
    name, ledger : str
        Its own, and the account of its tonnes.
    row, col : int
        Its cell.
    captured_t_yr : float
        Most it can capture [t/yr].
    cost_usd_t, fixed_usd_yr : float
        Cost of a captured tonne [USD/t], and a year [USD/yr].
    from_year, until_year : float
        When it captures.
    by_period : tuple of float
        Most in each period [t/yr]; empty: the same in all.
    """

    name: str
    ledger: str
    row: int
    col: int
    captured_t_yr: float
    cost_usd_t: float = 0.0
    fixed_usd_yr: float = 0.0
    from_year: float = -math.inf
    until_year: float = math.inf
    by_period: tuple[float, ...] = ()


REMOVAL = "removal"
"""Ledger of the plan's own plants where there are others (rule 5)."""


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
        Of ``pipeline``, ``truck`` and ``ship``; trucks go from plants and ports to storage and to
        each other. Pipelines that are there already are used in any case.
    detour : float
        Length of a road as a multiple of the route's [1].
    roads : sequence of CandidateArc, optional
        Ways of trucks over a road network, in place of the candidates' direct ones with a detour.
    ports : sequence of str
        Names of ports, whose nodes stand behind those of plants and emitters.
    ship_size : str
        ``small`` or ``large``.
    years : float
        Life of the project [yr].
    target : float, optional
        Stored [t/yr]; all that plants give and storage takes when not given.
    targets : mapping
        With emitters: ledger -> stored [t/yr]; all of a ledger that is not named.
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
    emitters : sequence of Emitter
        Plants of other kinds, in the order of the candidates' nodes behind those of the plants.
    periods : sequence of Period
        What is asked when, in place of a target; a target of infinity is all that can be stored.
    start, after, discount_rate
        As :func:`cdrsite.network.periods.design_periods`.
    service : mapping
        Method or unit -> year from and until which it serves.
    sizes : sequence of sequence of float
        What each plant stores in each period [t/yr], where it grows or shrinks.
    """

    model: str = "central"
    segments: int = 3
    modes: Sequence[str] = MODES
    detour: float = 1.0
    roads: Sequence[CandidateArc] | None = None
    ports: Sequence[str] = ()
    ship_size: Literal["small", "large"] = "large"
    years: float = 30.0
    target: float | None = None
    targets: Mapping[str, float] = field(default_factory=dict)
    gap: float = 0.02
    gap_of: GapOf = "transport"
    effort: str = "normal"
    time_limit: float = math.inf
    seed: int = 0
    capture_usd_t: Mapping[str, float] | None = None
    emitters: Sequence[Emitter] = ()
    periods: Sequence[Period] = ()
    start: float | None = None
    after: float | None = None
    discount_rate: float = 0.0
    service: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    sizes: Sequence[Sequence[float]] = ()


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
    problem, trends, links = network_problem(plants, storage, candidates, options, basis, ships)
    made = designed(problem, options)
    names = _names(plants, storage, candidates, options)
    plan = made.plan
    return Planned(
        plan,
        problem,
        plant_uses(plants, plan),
        pipe_uses(plan, links, names, options.model, _sized(basis, options)),
        storage_uses(problem, plan),
        trends,
        made.wanted_t_yr,
        made.unserved_t_yr,
        made.build_out,
        emitter_uses(_others(problem, options), plan),
    )


def _sized(basis: Basis, options: Options) -> Basis:
    """The basis with the size of ships that is asked for."""
    return replace(basis, size=options.ship_size)


def _names(
    plants: Plants, storage: Sequence[StorageUnit], candidates: Candidates, options: Options
) -> dict[int, str]:
    """Names of nodes."""
    ports = [Emitter(name, "", 0, 0, 0.0) for name in options.ports]
    return node_names(
        plants, [unit.name for unit in storage], candidates, [*options.emitters, *ports]
    )


def _others(problem: NetworkProblem, options: Options) -> tuple[Source, ...]:
    """Sources of emitters, which stand behind those of plants."""
    return problem.sources[len(problem.sources) - len(options.emitters) :]


@dataclass(frozen=True)
class Designed:
    """A network designed, what was wanted of it and what is left unserved [t/yr].

    Over periods ``plan`` is what stands in the last of them, and what it captures was wanted.
    """

    plan: NetworkPlan
    build_out: BuildOut | None
    wanted_t_yr: float
    unserved_t_yr: float


def designed(problem: NetworkProblem, options: Options) -> Designed:
    """Design for the target or the periods of some options, in the years of the problem."""
    found = None
    if options.periods:
        after = problem.years if options.after is None else options.after
        found = design_periods(
            problem, asked_over(problem, options.periods, options.start, after),
            start=options.start, after=after, discount_rate=options.discount_rate, gap=options.gap,
            gap_of=options.gap_of, effort=options.effort, time_limit=options.time_limit,
            seed=options.seed,
        )  # fmt: skip
        plan = state_in(problem, found, options.effort)
        asked, last = plan.captured_mt_yr, options.periods[-1].year
        # who has closed by then is not left unserved
        supply = math.fsum(source.gives_last(last) for source in problem.sources)
    else:
        target = asked_of(
            problem,
            None if options.target is None else options.target / 1e6,
            {name: amount / 1e6 for name, amount in options.targets.items()},
        )
        plan = design(
            problem, target=target, gap=options.gap, gap_of=options.gap_of, effort=options.effort,
            time_limit=options.time_limit, seed=options.seed,
        )  # fmt: skip
        asked = math.fsum(target.values()) if isinstance(target, Mapping) else target
        supply = problem.reachable_mt_yr()[0]
    return Designed(plan, found, asked * 1e6, max(supply - asked, 0.0) * 1e6)


def network_problem(
    plants: Plants,
    storage: Sequence[StorageUnit],
    candidates: Candidates,
    options: Options,
    basis: Basis,
    ships: Sequence[ShipLink] = (),
) -> tuple[NetworkProblem, Trends, dict[str, Link]]:
    """Build the network problem, the pipelines' trends, and what each arc stands for."""
    others = len(options.emitters) + len(options.ports)
    if len(plants.plants) + others != len(candidates.plant_node):
        raise ConfigError("plants do not match the candidate network", where=WHERE)
    if len(storage) != len(candidates.storage_node):
        raise ConfigError("storage units do not match the candidate network", where=WHERE)
    capture = options.capture_usd_t or {}
    nodes = candidates.plant_node.tolist()
    own = tuple(
        Source(
            f"plant {k}", int(node), plant.stored_t_yr / 1e6,
            variable_usd_t=capture.get(plant.method, 0.0), name=plant.name,
            ledger=REMOVAL if options.emitters else "",
            from_year=_served(options, plant.method)[0],
            until_year=_served(options, plant.method)[1],
            by_period=_millions(options.sizes[k]) if options.sizes else (),
        )
        for k, (plant, node) in enumerate(zip(plants.plants, nodes, strict=False))
        if plant.stored_t_yr > 0
    )  # fmt: skip
    emitted = tuple(
        Source(
            f"emitter {k}", node, one.captured_t_yr / 1e6, one.fixed_usd_yr / 1e6,
            one.cost_usd_t, one.name, one.ledger,
            from_year=one.from_year, until_year=one.until_year,
            by_period=_millions(one.by_period),
        )
        for k, (one, node) in enumerate(
            zip(options.emitters, nodes[len(plants.plants) :], strict=False)
        )
    )  # fmt: skip
    sources = own + emitted
    sinks = tuple(
        _sink(unit, int(node), options)
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
    if "ship" in options.modes:
        sailed, ways = _ship_arcs(candidates, ships, most, basis, options)
        arcs += sailed
        made |= ways
    problem = NetworkProblem(sources, sinks, tuple(arcs), years=options.years)
    return problem, trends, made


def _millions(tonnes: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(one) / 1e6 for one in tonnes)


def _served(options: Options, name: str) -> tuple[float, float]:
    """Year from and until which a method's plants or a unit serve."""
    return options.service.get(name, (-math.inf, math.inf))


def _sink(unit: StorageUnit, node: int, options: Options) -> Sink:
    years = options.years
    rate = min(unit.injectivity_t_yr, unit.capacity_t / years)
    if not math.isfinite(rate):
        raise ConfigError(
            "a storage unit has neither injectivity nor capacity",
            where=f"{WHERE}: {unit.name}",
            cure="give one of them",
        )
    room = rate * years
    if options.periods and math.isfinite(unit.capacity_t):
        # over periods a unit may take its whole rate until it is full
        room, rate = unit.capacity_t, unit.injectivity_t_yr
    return Sink(
        unit.name, node, room / 1e6, unit.well_rate_t_yr / 1e6, unit.fixed_usd_yr / 1e6,
        unit.well_usd_yr / 1e6, unit.cost_usd_t, unit.name,
        rate_mt_yr=rate / 1e6 if options.periods else math.inf,
        from_year=_served(options, unit.name)[0], until_year=_served(options, unit.name)[1],
    )  # fmt: skip


def _pipe_arcs(
    candidates: Candidates, trends: Trends, *, laid: bool
) -> tuple[list[Arc], dict[str, Link]]:
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
        made[name] = Link(mode, weight, arc.length_km, arc.tail, arc.cell)
    return arcs, made


def _truck_arcs(
    candidates: Candidates,
    sources: Sequence[Source],
    trends: Trends,
    basis: Basis,
    options: Options,
) -> tuple[list[Arc], dict[str, Link]]:
    """Trucks, only where they are cheaper than a pipe of the plant's own on the same way.

    Others could win with a part of a plant's flow only; leaving them out keeps the search small.
    On roads of their own they all stay: no pipe lies on the same way. CO2 that has come by ship is
    liquid, but pays for it again where it goes on by truck.
    """
    flow: dict[int, float] = {}
    for source in sources:
        flow[cast("int", source.node)] = (
            flow.get(cast("int", source.node), 0.0) + source.capacity_mt_yr
        )
    most = math.fsum(flow.values())
    ends = set(candidates.storage_node.tolist())
    arcs, made = [], {}
    for k, way in enumerate(candidates.direct if options.roads is None else options.roads):
        own = min((flow[n] for n in (way.tail, way.head) if n in flow), default=0.0)
        road = max(way.length_km * (options.detour if options.roads is None else 1.0), 1e-3)
        cost = float(truck(1.0, road, basis))
        pipe = float(trends.cost(np.array([own]))[0]) * way.weight_km
        dearer = options.roads is None and "pipeline" in options.modes and cost * own >= pipe
        if (own == 0 and not options.ports) or dearer:
            continue
        name, trend = f"truck {k}", (Trend(0.0, cost, most, "truck"),)
        arcs.append(
            Arc(
                name,
                way.tail,
                way.head,
                trend,
                road,
                one_way=way.head in ends,
                hired=True,
                mode="truck",
            )
        )
        made[name] = Link("truck", road, road, way.tail, way.cell)
    return arcs, made


def _ship_arcs(
    candidates: Candidates,
    ships: Sequence[ShipLink],
    most: float,
    basis: Basis,
    options: Options,
) -> tuple[list[Arc], dict[str, Link]]:
    """Ships on given sea ways, drawn straight from port to port."""
    arcs, made = [], {}
    units = set(candidates.storage_node.tolist())
    for k, link in enumerate(ships):
        name, km = f"ship {k}", link.length_km
        sea = ship_trends(km, most, _sized(basis, options), options.segments)
        arcs.append(Arc(name, link.tail, link.head, sea, km, one_way=True, mode="ship"))
        ends = [] if {link.tail, link.head} & units else [link.tail, link.head]
        made[name] = Link("ship", km, km, link.tail, np.array(ends, np.int64))
    return arcs, made


def _free_capacity(arc: CandidateArc, pipes: Sequence[ExistingPipe]) -> float:
    return pipes[arc.pipe].capacity_t_yr / 1e6 if arc.pipe >= 0 else math.inf
