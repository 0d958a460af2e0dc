"""A network planned from the tables of a case, with the tables of a planned one."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from cdrsite.network.asked import asked_of, asked_over
from cdrsite.network.casefiles import read_tables
from cdrsite.network.design import NetworkPlan, Pipe, design
from cdrsite.network.periods import design_periods
from cdrsite.network.places import Places
from cdrsite.network.planned import PipeUse, Planned, emitter_uses, storage_uses
from cdrsite.network.planning import Options, wanted
from cdrsite.network.problem import NetworkProblem
from cdrsite.network.staged import state_in
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
    build_out = None
    if options.periods:
        after = problem.years if options.after is None else options.after
        build_out = design_periods(
            problem, asked_over(problem, options.periods, options.start, after),
            start=options.start, after=after, discount_rate=options.discount_rate, gap=options.gap,
            gap_of=options.gap_of, effort=options.effort, time_limit=options.time_limit,
            seed=options.seed,
        )  # fmt: skip
        plan = state_in(problem, build_out, options.effort)
        asked = plan.captured_mt_yr
        last = options.periods[-1].year  # who has closed by then is not left unserved
        supply = math.fsum(source.gives_last(last) for source in problem.sources)
    else:
        target = asked_of(
            problem,
            None if options.target is None else options.target / 1e6,
            {name: amount / 1e6 for name, amount in options.targets.items()},
        )
        asked = wanted(target)
        plan = design(
            problem, target=target, gap=options.gap, gap_of=options.gap_of, effort=options.effort,
            time_limit=options.time_limit, seed=options.seed,
        )  # fmt: skip
        supply = math.fsum(source.capacity_mt_yr for source in problem.sources)
    return Planned(
        plan, problem, (), _pipe_uses(problem, plan), storage_uses(problem, plan), None,
        asked * 1e6, max(supply - asked, 0.0) * 1e6, build_out,
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
