"""The network command: read a case, design, write, and say in plain text what was found."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path

from cdrsite.network.design import OPTIMAL_GAP, NetworkPlan, check_limits, design
from cdrsite.network.headers import parse_flow
from cdrsite.network.readers import read_tables
from cdrsite.network.search import GapOf
from cdrsite.network.tables import problem_of


def run_network(
    case: str | Path,
    *,
    target: str | float | None = None,
    price: float | None = None,
    budget: float | None = None,
    gap: float = OPTIMAL_GAP,
    gap_of: GapOf = "total",
    effort: str = "normal",
    time_limit: float = math.inf,
    seed: int = 0,
    out: str | Path | None = None,
) -> NetworkPlan:
    """Read a case, design its network and write the plan.

    Parameters
    ----------
    case : path
        Folder of CSV files, Excel workbook or GeoPackage.
    target : str or float, optional
        Capture [Mt/yr], a number or text such as ``110 Mt/yr``.
    price : float, optional
        Price of a tonne [USD/t].
    budget : float, optional
        Money [million USD/yr].
    gap : float
        Gap at which to stop.
    gap_of : str
        What it is a share of: ``total`` cost or cost of ``transport``.
    effort : str
        ``quick``, ``normal`` or ``thorough``.
    time_limit : float
        Emergency stop [s].
    seed : int
        Of heuristics and solver.
    out : path, optional
        Folder for the files; nothing is written without it.

    Returns
    -------
    NetworkPlan
        The plan with status, bound and gap; cut by the time limit, its status says so.

    Raises
    ------
    ConfigError
        Not exactly one of target, price and budget, or the folder holds something else.
    DataError, MissingFileError
        The case cannot be read.
    InfeasibleError, SolverError
        There is no plan, or none was found in time.
    """
    check_limits(gap, time_limit, seed)
    flow = None if target is None else parse_flow(target)
    from cdrsite.outputs.staging import claimed

    # the place is looked at before the work, not after it
    with nullcontext() if out is None else claimed(Path(out), "network"):
        tables = read_tables(Path(case))
        problem = problem_of(tables)
        plan = design(
            problem,
            target=flow,
            price=price,
            budget=budget,
            gap=gap,
            gap_of=gap_of,
            effort=effort,
            time_limit=time_limit,
            seed=seed,
        )
        if out is not None:
            from cdrsite.outputs.network import Places, write_network

            write_network(Path(out), plan, problem, Places.of(tables))
    return plan


STATUS_WORDS = {
    "effort spent": "best plan of this effort; a larger one may find a cheaper plan",
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
    rows += [
        ("status", STATUS_WORDS.get(plan.status, plan.status)),
        ("gap", gap),
        ("bound", f"{bound:.3f} {unit}"),
        ("search", f"{plan.nodes} nodes, {plan.seconds:.1f} s"),
    ]
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
