"""The network command: read a case, design, write, and say in plain text what was found."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from cdrsite.core.errors import ConfigError
from cdrsite.network.casefiles import read_tables
from cdrsite.network.design import OPTIMAL_GAP, NetworkPlan, check_limits, design
from cdrsite.network.given import cost_given
from cdrsite.network.headers import parse_targets
from cdrsite.network.horizon import Period
from cdrsite.network.periods import BuildOut, design_periods
from cdrsite.network.problem import NetworkProblem
from cdrsite.network.schedule import read_periods
from cdrsite.network.search import GapOf
from cdrsite.network.tables import problem_of


def run_network(
    case: str | Path,
    *,
    surface: Path | None = None,
    modes: str | None = None,
    target: str | float | None = None,
    price: float | None = None,
    budget: float | None = None,
    cost: str | Path | None = None,
    gap: float = OPTIMAL_GAP,
    gap_of: GapOf = "total",
    effort: str = "normal",
    time_limit: float = math.inf,
    seed: int = 0,
    out: str | Path | None = None,
) -> list[NetworkPlan]:
    """Read a case, design its network and write the plan; one plan for each target.

    Parameters
    ----------
    case : path
        Folder of CSV files, Excel workbook or GeoPackage.
    surface : Path, optional
        Raster of costs that the arcs are routed over, for a folder without arcs.
    modes : str, optional
        How CO2 may travel, names parted by commas; as the case says when not given.
    target : str or float, optional
        Capture [Mt/yr]: a number, text such as ``110 Mt/yr``, several as ``10,20,30``, each begun
        from the plan of the one before, or one for each ledger as ``avoided=50,removal=5``.
    price : float, optional
        Price of a tonne [USD/t].
    budget : float, optional
        Money [million USD/yr].
    cost : path, optional
        Folder of a network that is given: nothing is designed, it is costed.
    gap : float
        Gap at which to stop.
    gap_of : str
        What it is a share of: ``total`` cost or cost of ``transport``.
    effort : str
        ``quick``, ``normal`` or ``thorough``.
    time_limit : float
        Emergency stop of each design [s].
    seed : int
        Of heuristics and solver.
    out : path, optional
        Folder for the files, with a folder for each of several targets; nothing is written without
        it.

    Returns
    -------
    list of NetworkPlan
        With status, bound and gap; cut by the time limit, its status says so.

    Raises
    ------
    ConfigError
        Not exactly one of target, price, budget and cost, or the folder holds something else.
    DataError, MissingFileError
        The case cannot be read.
    InfeasibleError, SolverError
        There is no plan, or none was found in time.
    """
    check_limits(gap, time_limit, seed)
    asked = [one for one in (target, price, budget, cost) if one is not None]
    if len(asked) != 1:
        raise ConfigError(
            "ask for exactly one of target, price, budget and cost",
            got=", ".join(map(str, asked)) or "none",
        )
    goals: list[Any] = [None] if target is None else parse_targets(target)
    from cdrsite.outputs.staging import claimed

    # the place is looked at before the work, not after it
    with nullcontext() if out is None else claimed(Path(out), "network"):
        tables = read_tables(Path(case), surface, modes)
        problem = problem_of(tables)
        plans: list[NetworkPlan] = []
        if cost is not None:
            plans.append(cost_given(problem, cost))
            goals = []
        for goal in goals:
            plan = design(
                problem,
                target=goal,
                price=price,
                budget=budget,
                gap=gap,
                gap_of=gap_of,
                effort=effort,
                time_limit=time_limit,
                seed=seed,
                last=plans[-1] if plans else None,
            )
            plans.append(plan)
        if out is not None:
            from cdrsite.network.places import Places
            from cdrsite.outputs.network import write_networks

            write_networks(Path(out), plans, problem, Places.of(tables))
    return plans


def run_periods(
    case: str | Path,
    table: str | Path,
    *,
    surface: Path | None = None,
    modes: str | None = None,
    start: float | None = None,
    after: float | None = None,
    discount_rate: float = 0.0,
    gap: float = 1e-3,
    effort: str = "normal",
    time_limit: float = math.inf,
    seed: int = 0,
    out: str | Path | None = None,
) -> tuple[BuildOut, list[Period], NetworkProblem]:
    """Read a case and a table of periods, plan what is built when, and write it.

    Parameters
    ----------
    case, surface, modes, gap, effort, time_limit, seed, out
        As :func:`run_network`.
    table : path
        As :func:`cdrsite.network.schedule.read_periods`.
    start, after, discount_rate
        As :func:`cdrsite.network.periods.design_periods`.

    Returns
    -------
    tuple
        Plan, periods and problem.
    """
    from cdrsite.outputs.staging import claimed

    with nullcontext() if out is None else claimed(Path(out), "network"):
        problem = problem_of(read_tables(Path(case), surface, modes))
        periods = read_periods(table)
        plan = design_periods(
            problem,
            periods,
            start=start,
            after=after,
            discount_rate=discount_rate,
            gap=gap,
            effort=effort,
            time_limit=time_limit,
            seed=seed,
        )
        if out is not None:
            from cdrsite.outputs.periods import write_periods

            write_periods(Path(out), plan, periods, problem)
    return plan, periods, problem


PERIOD_COLUMNS = (
    "year",
    "stands for yr",
    "captured Mt/yr",
    "pipes laid",
    "of capacity Mt/yr",
    "wells",
)


def periods_report(plan: BuildOut, periods: Sequence[Period], out: str | Path | None = None) -> str:
    """What the command prints of periods, as plain text."""
    rows = []
    for t, period in enumerate(periods):
        laid = [b for b in plan.builds if b.period == t]
        capacity = math.fsum(b.capacity_mt_yr for b in laid)
        captured, wells = float(plan.captured[t].sum()), int(plan.wells[t].sum())
        rows.append((
            f"{period.year:g}", f"{plan.times.years[t]:g}", f"{captured:.6g}", str(len(laid)),
            f"{capacity:.3f}", str(wells),
        ))  # fmt: skip
    gap = "0" if plan.status == "optimal" else f"{100 * plan.gap:.3g} %"
    facts = [
        f"cost     {plan.objective:.3f} M$/yr, discounted mean",
        f"status   {STATUS_WORDS.get(plan.status, plan.status)}",
        f"gap      {gap}",
        f"bound    {plan.bound:.3f} M$/yr",
    ]
    parts = ["\n".join(facts), _aligned(PERIOD_COLUMNS, rows)]
    if out is not None:
        parts.append(f"written to {out}")
    return "\n\n".join(parts)


CURVE_COLUMNS = (
    "captured Mt/yr", "cost M$/yr", "$/t", "transport M$/yr", "next tonne $/t", "gap %", "status",
)  # fmt: skip


def curve_rows(plans: Sequence[NetworkPlan]) -> list[tuple[str, ...]]:
    """Plans of several targets under :data:`CURVE_COLUMNS`.

    The next tonne is what each more of the step from the plan before costs.
    """
    rows: list[tuple[str, ...]] = []
    for k, plan in enumerate(plans):
        more, paid = plan.captured_mt_yr, plan.costs.total
        if k:
            more -= plans[k - 1].captured_mt_yr
            paid -= plans[k - 1].costs.total
        rows.append((
            f"{plan.captured_mt_yr:.6g}",
            f"{plan.costs.total:.3f}",
            f"{plan.cost_usd_t:.2f}",
            f"{plan.costs.transport:.3f}",
            f"{paid / more:.2f}" if more else "",
            f"{100 * plan.gap:.3g}",
            plan.status,
        ))  # fmt: skip
    return rows


def curve_report(plans: Sequence[NetworkPlan], out: str | Path | None = None) -> str:
    """What the command prints for several targets, as plain text."""
    text = _aligned(CURVE_COLUMNS, curve_rows(plans))
    return text if out is None else f"{text}\n\nwritten to {out}"


def answer(
    case: Path,
    *,
    as_json: bool,
    periods: Path | None,
    times: dict[str, float | None],
    **options: Any,
) -> str:
    """Do what the command asks, and give what it prints.

    Parameters
    ----------
    case : Path
        As :func:`run_network`.
    as_json : bool
        One JSON document in place of tables.
    periods : Path, optional
        Table of periods, in place of a target.
    times : dict
        ``start``, ``after`` and ``discount_rate`` of the periods, None where not given.
    **options
        As :func:`run_network`.

    Raises
    ------
    ConfigError
        Periods beside a target, price, budget or cost; a start or rate without periods.
    """
    import json

    def document(found: dict[str, Any]) -> str:
        return json.dumps(found, ensure_ascii=False, indent=2)

    out = options["out"]
    given: dict[str, Any] = {key: value for key, value in times.items() if value is not None}
    if periods is None:
        if lone := [f"--{name.replace('_', '-')}" for name in given]:
            raise ConfigError("only periods have these", where=", ".join(lone), cure="--periods")
        plans = run_network(case, **options)
        if as_json:
            from cdrsite.outputs.network import summary

            found = [summary(plan, case.stem) for plan in plans]
            return document(found[0] if len(found) == 1 else {"plans": found})
        return plan_report(plans[0], out) if len(plans) == 1 else curve_report(plans, out)
    beside = [
        name for name in ("target", "price", "budget", "cost") if options.pop(name) is not None
    ]
    if beside or options.pop("gap_of") != "total":
        raise ConfigError(
            "the table of periods says what is asked", where="--periods",
            got=", ".join(f"--{name}" for name in beside) or "--gap-of", cure="remove one of them",
        )  # fmt: skip
    plan, asked, problem = run_periods(case, periods, **given, **options)
    if as_json:
        from cdrsite.outputs.periods import periods_summary

        return document(periods_summary(plan, asked, problem))
    return periods_report(plan, asked, out)


STATUS_WORDS = {
    "effort spent": "best plan of this effort; a larger one may find a cheaper plan",
    "given": "costed as it was given; nothing is proven of it",
    "time limit": "stopped by the clock: not reproducible, another machine may find another plan",
}
"""What a status means where it is no proof."""


def plan_rows(plan: NetworkPlan) -> list[tuple[str, str]]:
    """What was found and proven, and the cost by part, as rows of name and value.

    Parameters
    ----------
    plan : NetworkPlan
        The plan.

    Returns
    -------
    list of (str, str)
        Texts with units; a gap that is within the tolerance of a proof is 0.
    """
    gap = "0" if plan.status == "optimal" else f"{100 * plan.gap:.3g} % of the objective"
    if plan.status != "optimal" and math.isfinite(plan.gap_transport):
        gap += f", {100 * plan.gap_transport:.3g} % of the cost of transport"
    captured = plan.captured_mt_yr
    rows = [("cost", f"{plan.costs.total:.3f} M$/yr"), ("captured", f"{captured:.6g} Mt/yr")]
    if captured > 0:
        rows.append(("cost per tonne", f"{plan.cost_usd_t:.2f} $/t"))
    if plan.mode == "price":
        rows.append(("cost less value", f"{plan.objective:.3f} M$/yr"))
    unit = "Mt/yr" if plan.mode == "budget" else "M$/yr"
    bound = -plan.bound if plan.mode == "budget" else plan.bound
    rows.append(("status", STATUS_WORDS.get(plan.status, plan.status)))
    if plan.status != "given":
        rows += [
            ("gap", gap),
            ("bound", f"{bound:.3f} {unit}"),
            ("search", f"{plan.nodes} nodes, {plan.seconds:.1f} s"),
        ]
    by_ledger = plan.captured_by_ledger
    if set(by_ledger) - {""}:
        rows += [(name or "other", f"{q:.6g} Mt/yr") for name, q in by_ledger.items()]
    for name in ("capture", "transport", "storage"):
        cost = getattr(plan.costs, name)
        each = f", {cost / captured:.2f} $/t" if captured > 0 else ""
        rows.append((name, f"{cost:.3f} M$/yr{each}"))
    return rows


PIPE_COLUMNS = ("arc", "from", "to", "size", "flow Mt/yr", "length km", "cost M$/yr")
SOURCE_COLUMNS = ("source", "captured Mt/yr", "cost M$/yr")
SINK_COLUMNS = ("sink", "stored Mt/yr", "wells", "cost M$/yr")


def pipe_rows(plan: NetworkPlan) -> list[tuple[str, ...]]:
    """Pipes under :data:`PIPE_COLUMNS`, the largest flow first."""
    pipes = sorted(plan.pipes, key=lambda pipe: (-round(pipe.flow_mt_yr, 6), pipe.arc))
    return [
        (
            pipe.arc,
            str(pipe.tail),
            str(pipe.head),
            pipe.trend,
            f"{pipe.flow_mt_yr:.3f}",
            "" if math.isnan(pipe.length_km) else f"{pipe.length_km:.1f}",
            f"{pipe.cost_musd_yr:.3f}",
        )
        for pipe in pipes
    ]


def source_rows(plan: NetworkPlan) -> list[tuple[str, ...]]:
    """Open sources under :data:`SOURCE_COLUMNS`."""
    return [(s.id, f"{s.captured_mt_yr:.3f}", f"{s.cost_musd_yr:.3f}") for s in plan.sources]


def sink_rows(plan: NetworkPlan) -> list[tuple[str, ...]]:
    """Open sinks under :data:`SINK_COLUMNS`."""
    return [
        (s.id, f"{s.stored_mt_yr:.3f}", str(s.wells), f"{s.cost_musd_yr:.3f}") for s in plan.sinks
    ]


def plan_report(plan: NetworkPlan, out: str | Path | None = None) -> str:
    """All that the command prints, as plain text.

    Parameters
    ----------
    plan : NetworkPlan
        The plan.
    out : path, optional
        Where it was written.

    Returns
    -------
    str
        Facts, then tables of sources, sinks and pipes.
    """
    facts = plan_rows(plan)
    wide = max(len(name) for name, _ in facts)
    parts = ["\n".join(f"{name:<{wide}}  {value}" for name, value in facts)]
    tables = (
        (SOURCE_COLUMNS, source_rows(plan)),
        (SINK_COLUMNS, sink_rows(plan)),
        (PIPE_COLUMNS, pipe_rows(plan)),
    )
    parts += [_aligned(columns, rows) for columns, rows in tables if rows]
    if out is not None:
        parts.append(f"written to {out}")
    return "\n\n".join(parts)


def _aligned(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, *rows]
    widths = [max(len(line[k]) for line in lines) for k in range(len(columns))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )
