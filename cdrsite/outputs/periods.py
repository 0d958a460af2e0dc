"""A network over periods as files: what is built when, what flows, and what is proven."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdrsite.core.version import __version__
from cdrsite.network.arrays import FLOW_TOLERANCE
from cdrsite.network.horizon import Period
from cdrsite.network.milestones import whole
from cdrsite.network.periods import BuildOut
from cdrsite.network.problem import NetworkProblem
from cdrsite.outputs.listing import MARK
from cdrsite.outputs.manifest import provenance
from cdrsite.outputs.staging import Staging
from cdrsite.outputs.tables import plain, write_csv, write_json

if TYPE_CHECKING:
    import pandas as pd


def periods_summary(
    plan: BuildOut, periods: Sequence[Period], problem: NetworkProblem
) -> dict[str, Any]:
    """What is found and proven over periods, as one JSON document.

    Parameters
    ----------
    plan : BuildOut
        The plan.
    periods : sequence of Period
        What was asked.
    problem : NetworkProblem
        What it was designed for.

    Returns
    -------
    dict
        Objective [million USD/yr, discounted mean], bound, gap, the present cost [million USD], and
        the tables of :func:`periods_tables` as lists of rows.
    """
    tables = periods_tables(plan, periods, problem)
    document: dict[str, Any] = {
        "name": problem.name,
        "program": f"cdrsite {__version__}",
        "mode": "periods",
        "status": plan.status,
        "reproducible": plan.status != "time limit",
        "objective": plan.objective,
        "bound": plan.bound,
        "objective_unit": "million USD/yr",
        "gap": plan.gap,
        "gap_transport": plan.gap_transport,
        "present_cost_musd": plan.objective * float(plan.times.worth.sum()),
        "present_year": whole(float(plan.times.year[0])),
        **{name: frame.to_dict("records") for name, frame in tables.items()},
    }
    return dict(plain(document))


def periods_tables(
    plan: BuildOut, periods: Sequence[Period], problem: NetworkProblem
) -> dict[str, pd.DataFrame]:
    """Tables ``periods``, ``builds``, ``sources``, ``sinks``, ``pipes``, each with the year."""
    import pandas as pd

    year = [whole(p.year) for p in periods]
    names = ("periods", "builds", "sources", "sinks", "pipes")
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for t, period in enumerate(periods):
        now = {"year": year[t]}
        rows["periods"].append({
            **now,
            "years": float(plan.times.years[t]),
            "discounted_years": float(plan.times.worth[t]),
            "target_mt_yr": period.total,
            "price_usd_t": period.price_usd_t,
            "captured_mt_yr": float(plan.captured[t].sum()),
            "builds": sum(build.period == t for build in plan.builds),
        })  # fmt: skip
        for source, captured in zip(problem.sources, plan.captured[t].tolist(), strict=True):
            if captured > 0:
                rows["sources"].append({**now, "id": source.id, "captured_mt_yr": captured})
        uses = zip(problem.sinks, plan.stored[t].tolist(), plan.wells[t].tolist(), strict=True)
        for sink, stored, wells in uses:
            if stored > 0:
                use = {"id": sink.id, "stored_mt_yr": stored, "wells": int(wells)}
                rows["sinks"].append(now | use)
        for arc, flow in zip(problem.arcs, plan.flow[t].tolist(), strict=True):
            if abs(flow) > FLOW_TOLERANCE:
                tail, head = (arc.tail, arc.head) if flow > 0 else (arc.head, arc.tail)
                ends = {"from_node": str(tail), "to_node": str(head)}
                rows["pipes"].append({**now, "arc": arc.id, **ends, "flow_mt_yr": abs(flow)})
    rows["builds"] = [
        {"year": year[b.period], "arc": b.arc, "size": b.trend, "capacity_mt_yr": b.capacity_mt_yr}
        for b in plan.builds
    ]
    return {name: pd.DataFrame(records) for name, records in rows.items()}


def write_periods(
    folder: Path, plan: BuildOut, periods: Sequence[Period], problem: NetworkProblem
) -> None:
    """Write ``summary.json`` and the tables to a folder, which appears whole or not at all."""
    with Staging(folder, "network") as aside:
        write_json(aside / "summary.json", periods_summary(plan, periods, problem))
        for name, table in periods_tables(plan, periods, problem).items():
            write_csv(aside / f"{name}.csv", table)
        write_json(aside / MARK, provenance())
