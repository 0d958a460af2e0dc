"""The network command: read a case, design, write, and say in plain text what was found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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
from cdrsite.network.tables import problem_of


def run_network(
    case: str | Path,
    *,
    surface: Path | None = None,
    files: Mapping[str, Path] | None = None,
    modes: str | None = None,
    target: str | float | None = None,
    price: float | None = None,
    budget: float | None = None,
    cost: str | Path | None = None,
    out: str | Path | None = None,
    **search: Any,
) -> list[NetworkPlan]:
    """Read a case, design its network and write the plan; one plan for each target.

    Parameters
    ----------
    case : path
        Folder of CSV files, Excel workbook or GeoPackage.
    surface : Path, optional
        Raster of costs that the arcs are routed over, for a folder without arcs.
    files : mapping, optional
        ``sources`` or ``sinks`` -> a CSV file in place of the folder's.
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
    out : path, optional
        Folder for the files, with a folder for each of several targets; nothing is written without
        it.
    **search
        ``gap``, ``gap_of``, ``effort``, ``time_limit`` and ``seed``, as
        :func:`cdrsite.network.design.design` takes them.

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
    limits = {"gap": OPTIMAL_GAP, "time_limit": math.inf, "seed": 0}
    check_limits(**{name: search.get(name, usual) for name, usual in limits.items()})
    asked = [value for value in (target, price, budget, cost) if value is not None]
    if len(asked) != 1:
        raise ConfigError(
            "ask for exactly one of target, price, budget and cost",
            got=", ".join(map(str, asked)) or "none",
        )
    goals: list[Any] = [None] if target is None else parse_targets(target)
    from cdrsite.outputs.staging import claimed

    # the place is looked at before the work, not after it
    with nullcontext() if out is None else claimed(Path(out), "network"):
        tables = read_tables(Path(case), surface, modes, files)
        problem = problem_of(tables)
        plans = [] if cost is None else [cost_given(problem, cost)]
        options: dict[str, Any] = {"price": price, "budget": budget, **search}
        for goal in goals if cost is None else ():
            last = plans[-1] if plans else None
            plans.append(design(problem, target=goal, last=last, **options))
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
    files: Mapping[str, Path] | None = None,
    modes: str | None = None,
    out: str | Path | None = None,
    **search: Any,
) -> tuple[BuildOut, list[Period], NetworkProblem]:
    """Read a case and a table of periods, plan what is built when, and write it.

    Parameters
    ----------
    case, surface, modes, out
        As :func:`run_network`.
    table : path
        As :func:`cdrsite.network.schedule.read_periods`.
    **search
        As :func:`cdrsite.network.periods.design_periods`.

    Returns
    -------
    tuple
        Plan, periods and problem.
    """
    from cdrsite.outputs.staging import claimed

    with nullcontext() if out is None else claimed(Path(out), "network"):
        problem = problem_of(read_tables(Path(case), surface, modes, files))
        periods = read_periods(table)
        plan = design_periods(problem, periods, **search)
        if out is not None:
            from cdrsite.outputs.periods import write_periods

            write_periods(Path(out), plan, periods, problem)
    return plan, periods, problem


def periods_report(plan: BuildOut, periods: Sequence[Period], out: str | Path | None = None) -> str:
    """What the command prints of periods, as plain text."""
    rows = []
    for t, period in enumerate(periods):
        laid = [build for build in plan.builds if build.period == t]
        rows.append(
            {
                "year": f"{period.year:g}",
                "stands for yr": f"{plan.times.years[t]:g}",
                "captured Mt/yr": f"{float(plan.captured[t].sum()):.6g}",
                "pipes laid": str(len(laid)),
                "of capacity Mt/yr": f"{math.fsum(pipe.capacity_mt_yr for pipe in laid):.3f}",
                "wells": str(int(plan.wells[t].sum())),
            }
        )
    gap = "0" if plan.status == "optimal" else f"{100 * plan.gap:.3g} %"
    facts = [
        f"cost     {plan.objective:.3f} M$/yr, discounted mean",
        f"status   {STATUS_WORDS.get(plan.status, plan.status)}",
        f"gap      {gap}",
        f"bound    {plan.bound:.3f} M$/yr",
    ]
    return _report(["\n".join(facts), _aligned(rows)], out)


def curve_report(plans: Sequence[NetworkPlan], out: str | Path | None = None) -> str:
    """What the command prints for several targets, as plain text.

    The next tonne is what each more of the step from the plan before costs.
    """
    rows, captured, cost = [], 0.0, 0.0
    for plan in plans:
        more, paid = plan.captured_mt_yr - captured, plan.costs.total - cost
        captured, cost = plan.captured_mt_yr, plan.costs.total
        rows.append(
            {
                "captured Mt/yr": f"{captured:.6g}",
                "cost M$/yr": f"{cost:.3f}",
                "$/t": f"{plan.cost_usd_t:.2f}",
                "transport M$/yr": f"{plan.costs.transport:.3f}",
                "next tonne $/t": f"{paid / more:.2f}" if more else "",
                "gap %": f"{100 * plan.gap:.3g}",
                "status": plan.status,
            }
        )
    return _report([_aligned(rows)], out)


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
        Facts, then tables of open sources and sinks, and of pipes, the largest flow first.
    """
    facts = plan_rows(plan)
    wide = max(len(name) for name, _ in facts)
    sources = [
        {
            "source": source.id,
            "captured Mt/yr": f"{source.captured_mt_yr:.3f}",
            "cost M$/yr": f"{source.cost_musd_yr:.3f}",
        }
        for source in plan.sources
    ]
    sinks = [
        {
            "sink": sink.id,
            "stored Mt/yr": f"{sink.stored_mt_yr:.3f}",
            "wells": str(sink.wells),
            "cost M$/yr": f"{sink.cost_musd_yr:.3f}",
        }
        for sink in plan.sinks
    ]
    pipes = [
        {
            "arc": pipe.arc,
            "from": str(pipe.tail),
            "to": str(pipe.head),
            "size": pipe.trend,
            "flow Mt/yr": f"{pipe.flow_mt_yr:.3f}",
            "length km": "" if math.isnan(pipe.length_km) else f"{pipe.length_km:.1f}",
            "cost M$/yr": f"{pipe.cost_musd_yr:.3f}",
        }
        for pipe in sorted(plan.pipes, key=lambda pipe: (-round(pipe.flow_mt_yr, 6), pipe.arc))
    ]
    tables = [_aligned(rows) for rows in (sources, sinks, pipes) if rows]
    return _report(["\n".join(f"{name:<{wide}}  {value}" for name, value in facts), *tables], out)


def _report(parts: Sequence[str], out: str | Path | None) -> str:
    return "\n\n".join([*parts, *([] if out is None else [f"written to {out}"])])


def _aligned(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows of one table by the heads of its columns, which are as wide as they need be."""
    lines = [tuple(rows[0]), *(tuple(row.values()) for row in rows)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )
