"""Tiny problems through the functions of a study, so that their kernels are compiled ahead of it.

No list of the kernels' types is kept here: cells and networks go the way of a study's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from cdrsite.competition.blockcells import BlockCells, CellLayout
from cdrsite.competition.generator import SolverOptions
from cdrsite.competition.objectives import Objective
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import (
    Competitor,
    LandRow,
    PoolFamily,
    Problem,
    RowTerm,
    SinkFamily,
)
from cdrsite.competition.results import charges_of
from cdrsite.competition.rows import build_rows, objective_matrix
from cdrsite.competition.sweeping import Sweeper
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.network.gather import gather_plants
from cdrsite.network.plants import PlantRules

NEIGHBOURS = 8
"""Moves of the tiny routes."""
CELLS = 4
"""Cells of the tiny problems."""
PLANT = PlantRules("plant", 100.0, 500.0, 1.5)
"""Of some cells' tonnes."""
LINK_KM, LINK_COST = 1.0, 0.1
"""Length, and cost of any amount, of the tiny network's links [km, million USD/yr]."""


class _Routes(NamedTuple):
    """Routes as crossings are billed along."""

    link: Any
    sink: Any
    neighbourhood: Any


def land_shared() -> None:
    """The competition of methods that share land: cells with rows of their own."""
    _compete(_problem(shared_land=True))


def land_alone() -> None:
    """The competition where cells have no row besides their land."""
    _compete(_problem(shared_land=False))


def crossings() -> None:
    """What crosses the ground, and what routes over it pay for that."""
    from cdrsite.transport.crossings import EdgeCosts, bill_crossings, count_block
    from cdrsite.transport.labels import neighbourhood

    whole = Block(0, CELLS, 0, CELLS)
    codes = count_block(np.array([[0.0, 1.5, CELLS, 1.5]]), whole, NEIGHBOURS)
    link = np.full((1, CELLS, CELLS), -1, np.int8)
    moves = neighbourhood(NEIGHBOURS, *_grid().row_steps_m)
    routes = _Routes(link, link.astype(np.int32), moves)
    bill_crossings(routes, EdgeCosts(codes, np.zeros(16)))


def network() -> None:
    """Corridors between plants and storage, and the search for the cheapest of them."""
    from cdrsite.network.arrays import cost_plan, flow_arrays
    from cdrsite.network.candidates import candidate_network
    from cdrsite.network.mincut import MinCut
    from cdrsite.network.model import Goal
    from cdrsite.network.problem import Arc, NetworkProblem, Sink, Source, Trend
    from cdrsite.network.reroute import KICK_NUMBERS, Reroute

    pipe = (Trend(LINK_COST, 0.0, 2.0),)
    tiny = NetworkProblem(
        (Source("source", 0, 1.0, LINK_COST),),
        (Sink("sink", 2, 100.0),),
        (Arc("one", 0, 1, pipe, LINK_KM), Arc("two", 1, 2, pipe, LINK_KM)),
    )
    net = flow_arrays(tiny, 1.0)
    plan = cost_plan(net, np.ones(1), np.ones(1), (net.tail < net.head).astype(np.float64))
    assert plan is not None  # noqa: S101 - one pipe carries all of it
    Reroute(net, Goal(target=1.0)).improve(plan, np.zeros((1, KICK_NUMBERS)))
    MinCut(3, net.tail, net.head).cut(np.ones(net.arcs))
    ground, end = np.ones((CELLS, CELLS)), np.array([CELLS - 1])
    candidate_network(ground, _grid(), [(0, 0), (0, 1)], [(end, end)])


def _grid() -> AnalysisGrid:
    """A square of cells of a kilometre."""
    side = CELLS * 1000.0
    return AnalysisGrid.from_bounds("EPSG:3035", (0.0, 0.0, side, side), 1000.0, snap=None)


def _problem(*, shared_land: bool) -> Problem:
    """Two methods, one of which stores, that want the same land and a scarce pool."""
    methods = (Competitor("stores", 1.0), Competitor("keeps", 0.0))
    layout = CellLayout(
        methods=len(methods), sinks=1, layers=("order",), zonings=("pools",),
        land_rows=int(shared_land),
    )  # fmt: skip
    fields = {
        "land": 1e6, "upper": 100.0, "net": 0.9, "cost": 50.0, "need": 2e4, "sink": 0,
        "sink_cost": 10.0, "sink_loss": 0.01, "layers": np.linspace(0.0, 1.0, CELLS), "ground": 1e6,
        "zones": 0,
    }  # fmt: skip
    matrix = layout.matrix({name: fields[name] for name in fields if name in layout.rows}, CELLS)
    needs = {"stores": 1.0, "keeps": 1.0}
    return Problem(
        cells=BlockCells(layout, (CELLS,), (matrix,)),
        methods=methods,
        pools=(PoolFamily("water", "m3/yr", "pools", ("all",), np.array([150.0]), needs),),
        sinks=(SinkFamily("storage", "t/yr", ("unit",), np.array([20.0])),),
        n_sinks=1,
        layers=layout.layers,
        land_rows=(LandRow("both", (1.0, 1.0)),) if shared_land else (),
    )


def _compete(problem: Problem) -> None:
    """Solve a problem, lay its plan out and look for plants, as a study does.

    First comes the kernel that takes longest, which the run must not come to before; then what the
    run comes to last, so that the two do not compile the same.
    """
    goal = Objective("net", (RowTerm("net"),), "t/yr")
    system, matrix = build_rows(problem), objective_matrix(goal, problem)
    group = np.zeros(system.n_combos, np.int32)
    counted = np.ones(len(problem.counted), np.bool_)
    sweeper = Sweeper(problem, system, group, 1, counted, has_lower=False)
    sweeper.sums(sweeper.prices(matrix, np.zeros(len(system.limits))))
    gather_plants(np.full((1, CELLS, CELLS), 100.0), [PLANT], _grid())
    solution = solve(problem, goal, SolverOptions(threads=1))
    for plan in solution.blocks():
        charges_of(solution, plan, np.ones(len(solution.price), np.bool_))


PARTS: dict[str, Callable[[], None]] = {
    "crossings": crossings,
    "shared land": land_shared,
    "own land": land_alone,
    "network": network,
}
"""Name of a part of the kernels -> what has it compiled."""
