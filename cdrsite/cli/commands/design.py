"""The command that designs pipelines between given sources and storage sites: network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cdrsite.cli.options import (
    After,
    AsJson,
    Budget,
    DiscountRate,
    Effort,
    Gap,
    GapOf,
    GapShare,
    Given,
    Modes,
    Periods,
    Price,
    Quiet,
    Seed,
    SinkFile,
    SourceFile,
    Spend,
    Start,
    Surface,
    Target,
    TimeLimit,
)
from cdrsite.cli.streams import tell


def network(
    case: Annotated[
        Path, typer.Argument(help="A folder of CSV tables, an Excel workbook or a GeoPackage.")
    ],
    surface: Surface = None,
    sources: SourceFile = None,
    sinks: SinkFile = None,
    modes: Modes = None,
    target: Target = None,
    price: Price = None,
    budget: Budget = None,
    cost: Given = None,
    periods: Periods = None,
    start: Start = None,
    after: After = None,
    discount_rate: DiscountRate = None,
    gap: Gap = 1e-6,
    gap_of: GapShare = GapOf.TOTAL,
    effort: Spend = Effort.NORMAL,
    time_limit: TimeLimit = None,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the plan.")] = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Design the pipelines between given sources and storage sites."""
    from cdrsite.cli.network import answer

    text = answer(
        case,
        as_json=as_json,
        surface=surface,
        files={k: v for k, v in (("sources", sources), ("sinks", sinks)) if v is not None},
        modes=modes,
        periods=periods,
        times={"start": start, "after": after, "discount_rate": discount_rate},
        target=target,
        price=price,
        budget=budget,
        cost=cost,
        gap=gap,
        gap_of=gap_of.value,
        effort=effort.value,
        time_limit=float("inf") if time_limit is None else time_limit,
        seed=seed,
        out=out,
    )
    if as_json or not quiet:
        tell(text)
