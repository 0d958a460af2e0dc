"""Small problems in which plans are kept, with other numbers than they were made for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from cdrsite.competition.generator import MAX_GROUPS
from cdrsite.competition.objectives import most_net
from cdrsite.competition.problem import ArrayCells, Competitor, PoolFamily, Problem
from cdrsite.competition.rows import build_rows, objective_matrix
from cdrsite.sampling.kept_plans import Afterwards


def after(problem: Problem, objective: Any = None, growing: Any = None) -> Afterwards:
    objective = objective or most_net()
    methods = len(problem.methods)
    return Afterwards(
        problem.cells.read(0, problem.cells.n_cells),
        problem,
        build_rows(problem, MAX_GROUPS),
        objective_matrix(objective, problem),
        np.zeros(methods, np.bool_) if growing is None else np.array(growing),
    )


def changed(problem: Problem, supply: float, own: float) -> Problem:
    """The same methods with other supplies in pools, sinks and cells."""
    cells: Any = problem.cells
    parts = {
        name: getattr(cells, name) * own
        for name in ("land", "upper", "ground", "local")
        if getattr(cells, name) is not None
    }
    pools = [replace(one, supply=np.asarray(one.supply) * supply) for one in problem.pools]
    sinks = [replace(one, supply=np.asarray(one.supply) * supply) for one in problem.sinks]
    return replace(problem, cells=replace(cells, **parts), pools=pools, sinks=sinks)


def one_cell(need: float, supply: float = 60.0, **more: Any) -> Problem:
    """Two methods of net factor 1 on one pool; A needs 2 of it."""
    ones = np.ones((2, 1))
    cells = ArrayCells(
        land=np.array([1e6]), upper=1e4 * ones, net=ones, cost=ones, need=ones,
        zone_ids={"all": np.array([0])},
    )  # fmt: skip
    pool = PoolFamily("water", "m3/yr", "all", ["w"], np.array([supply]), {"a": 2.0, "b": need})
    return Problem(cells, [Competitor("a", 0.0), Competitor("b", 0.0)], [pool], **more)
