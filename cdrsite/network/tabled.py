"""A network planned from the tables of a case, with the tables of a planned one."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from cdrsite.network.casefiles import read_tables
from cdrsite.network.design import NetworkPlan, Pipe
from cdrsite.network.places import Places
from cdrsite.network.planned import PipeUse, Planned, emitter_uses, storage_uses
from cdrsite.network.planning import Options, designed
from cdrsite.network.problem import NetworkProblem
from cdrsite.network.tables import problem_of


def plan_tables(path: Path, options: Options) -> Planned:
    """Design the network of a case.

    Parameters
    ----------
    path : Path
        As :func:`cdrsite.network.tables.read_case`.
    options : Options
        Target or periods, modes, gap, effort; costs and years are those of the case.

    Returns
    -------
    Planned
        Its sources are emitters.

    Raises
    ------
    DataError, MissingFileError
        The case cannot be read.
    InfeasibleError
        What is asked cannot be met.
    """
    tables = read_tables(path, modes=options.modes)
    problem = problem_of(tables)
    made = designed(problem, options)
    plan = made.plan
    return Planned(
        plan, problem, (), _pipe_uses(problem, plan), storage_uses(problem, plan), None,
        made.wanted_t_yr, made.unserved_t_yr, made.build_out,
        emitter_uses(problem.sources, plan), Places.of(tables),
    )  # fmt: skip


def _pipe_uses(problem: NetworkProblem, plan: NetworkPlan) -> tuple[PipeUse, ...]:
    """Lines of a plan; nodes are called by the sites on them."""
    names = {node: f"junction {node}" for node in problem.nodes}
    names |= {source.node: source.name or source.id for source in problem.sources}
    names |= {sink.node: sink.name or sink.id for sink in problem.sinks}
    arcs = {arc.id: arc for arc in problem.arcs}

    def use(pipe: Pipe) -> PipeUse:
        arc = arcs[pipe.arc]
        mode = "existing pipeline" if arc.existing else arc.mode
        return PipeUse(
            pipe.arc, mode, names[pipe.tail], names[pipe.head], pipe.flow_mt_yr * 1e6, math.nan, 1,
            pipe.length_km, math.nan, pipe.cost_musd_yr * 1e6, math.nan, np.zeros(0, np.int64),
        )  # fmt: skip

    return tuple(use(pipe) for pipe in plan.pipes)
