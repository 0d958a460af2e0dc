"""Commands that begin with the folder of a finished run: report, figures, compare, explain."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from cdrsite.cli.options import AsCsv, AsJson, Lang, Language, Places, Points
from cdrsite.cli.streams import tell


def report(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    lang: Lang = Language.EN,
    out: Annotated[
        Path | None, typer.Option("--out", help="The page; report.html in the run when not given.")
    ] = None,
) -> None:
    """Write the report of a finished run again, in English or Chinese."""
    from cdrsite.report.page import write_report

    tell(str(write_report(folder, lang.value, out)))


def figures(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder; figures in the run when not given.")
    ] = None,
    lang: Lang = Language.EN,
    formats: Annotated[
        str, typer.Option("--format", help="png, svg, pdf, or several with commas.")
    ] = "png,svg,pdf",
) -> None:
    """Draw a finished run's five figures for a paper or a slide, in English or Chinese."""
    from cdrsite.report.figures import write_figures

    kinds = [kind.strip().lower() for kind in formats.split(",") if kind.strip()]
    for path in write_figures(folder, out or folder / "figures", lang.value, kinds):
        tell(str(path))


def compare(
    first: Annotated[Path, typer.Argument(metavar="RUN_A", help="The folder of a run.")],
    second: Annotated[Path, typer.Argument(metavar="RUN_B", help="The folder of another.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for maps, tables and a page of changes.")
    ] = None,
    lang: Lang = Language.EN,
    as_json: AsJson = False,
) -> None:
    """Say what changed between two runs: totals, ranks, assumptions, maps of difference."""
    from cdrsite.cli.compare import print_comparison
    from cdrsite.compare.runs import compare_runs
    from cdrsite.compare.write import write_comparison
    from cdrsite.core.words import Words
    from cdrsite.outputs.staging import claimed

    with nullcontext() if out is None else claimed(out, "comparison"):
        found = compare_runs(first, second)
        if out is not None:
            write_comparison(found, out, lang.value)
    print_comparison(found, as_json=as_json, lang=lang.value)
    if out is not None and not as_json:
        tell(Words(lang.value)("runs.written", folder=out))


def explain(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    at: Places = None,
    points: Points = None,
    as_csv: AsCsv = False,
    lang: Lang = Language.EN,
    as_json: AsJson = False,
) -> None:
    """Say what places offer, what limits, what it costs, and why they are used or not."""
    from cdrsite.cli.explain import print_places

    print_places(folder, at or (), points, lang.value, as_json=as_json, as_csv=as_csv)
