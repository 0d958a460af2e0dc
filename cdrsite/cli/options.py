"""Options of commands that have many, or a long help."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class GapOf(StrEnum):
    """What the gap of a network is a share of."""

    TOTAL = "total"
    TRANSPORT = "transport"


class Effort(StrEnum):
    """Work that the design of a network may spend."""

    QUICK = "quick"
    NORMAL = "normal"
    THOROUGH = "thorough"


Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Replace a value, e.g. grid.resolution='2 km'."
    ),
]
Memory = Annotated[
    str | None,
    typer.Option(metavar="SIZE", help="Most for maps in memory, e.g. 8GB; half of what is free."),
]


class Language(StrEnum):
    """Language of a page."""

    EN = "en"
    ZH = "zh"


Lang = Annotated[Language, typer.Option(help="Language of the words.")]
ScenarioFile = Annotated[Path, typer.Argument(help="The scenario, a YAML file.")]
OutFolder = Annotated[
    Path | None, typer.Option("--out", help="Folder for the results; runs/NAME when not given.")
]
Workers = Annotated[
    int, typer.Option(min=0, help="Processes that work on the blocks; threads of one if 0.")
]
Dask = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="A Dask scheduler whose workers do, tcp://HOST:8786."),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with what a stopped run left, and leave as much.")
]
Samples = Annotated[
    int | None, typer.Option(help="Samples, a power of two; the scenario's when not given.")
]
SampleSeed = Annotated[
    int | None, typer.Option("--seed", help="Of the samples; the scenario's when not given.")
]
ListOnly = Annotated[
    bool, typer.Option("--list", help="Show every uncertain number and its range; run nothing.")
]
Surface = Annotated[
    Path | None,
    typer.Option(
        metavar="RASTER", help="Cost of a km against plain ground: routes the arcs of a case that "
        "has none."
    ),
]  # fmt: skip
SourceFile = Annotated[
    Path | None,
    typer.Option("--sources", metavar="CSV", help="Sources in place of those of the folder."),
]
SinkFile = Annotated[
    Path | None,
    typer.Option("--sinks", metavar="CSV", help="Storage sites in place of those of the folder."),
]
Modes = Annotated[
    str | None,
    typer.Option(
        metavar="LIST", help="How CO2 may travel, as pipeline,truck: arcs of other modes are left "
        "out."
    ),
]  # fmt: skip
Target = Annotated[
    str | None,
    typer.Option(
        help="CO2 to capture and store: 50, '500 kt/yr', several as 10,20,30, or by ledger as "
        "avoided=50,removal=5."
    ),
]
Price = Annotated[
    float | None, typer.Option(help="Pay this for each tonne stored, in place of a target.")
]
Budget = Annotated[
    float | None, typer.Option(help="Spend at most this [M$/yr], in place of a target.")
]
Given = Annotated[
    Path | None,
    typer.Option(metavar="PLAN", help="Cost the network in this folder, in place of a target."),
]
Periods = Annotated[
    Path | None, typer.Option(metavar="TABLE", help="Plan what is built when: year, target.")
]
Start = Annotated[
    float | None, typer.Option(help="Year from which rates of --periods rise from zero.")
]
After = Annotated[float | None, typer.Option(help="Years that the last of --periods goes on.")]
DiscountRate = Annotated[
    float | None, typer.Option("--discount-rate", help="Real rate of --periods, as 0.07.")
]
Gap = Annotated[float, typer.Option(help="Stop once proven within this gap.")]
GapShare = Annotated[GapOf, typer.Option("--gap-of", help="What the gap is a share of.")]
Spend = Annotated[Effort, typer.Option(help="Work to spend: seconds, a minute or many.")]
TimeLimit = Annotated[
    float | None,
    typer.Option("--time-limit", help="Emergency stop after so many seconds; not reproducible."),
]
Seed = Annotated[int, typer.Option(help="Seed of the heuristics.")]
Template = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="demo; minimal (no data); nation (by province); batch (many settings); memory (larger "
        "than it).",
    ),
]
Places = Annotated[
    list[str] | None,
    typer.Option("--at", metavar="LON,LAT", help="A place, in degrees; may be given again."),
]
Points = Annotated[
    Path | None,
    typer.Option(metavar="FILE.csv", help="Places: columns lon, lat and, where wanted, name."),
]
AsCsv = Annotated[bool, typer.Option("--csv", help="A row for each place and method, as CSV.")]
