"""A comparison as a folder: page, tables, maps of change."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdrsite.compare.maps import Turn, readme, write_differences
from cdrsite.compare.page import comparison_page
from cdrsite.compare.runs import COMPARISON, PAGE, Comparison
from cdrsite.core.errors import ConfigError
from cdrsite.core.version import __version__
from cdrsite.outputs.listing import MARK
from cdrsite.outputs.runfolder import SUMMARY
from cdrsite.outputs.staging import Staging
from cdrsite.outputs.tables import write_json, write_tables

if TYPE_CHECKING:
    import pandas as pd


def write_comparison(comparison: Comparison, folder: Path | str, lang: str = "en") -> Path:
    """Write a comparison: page, tables, maps of change, and all of it as JSON.

    Parameters
    ----------
    comparison : Comparison
        From :func:`cdrsite.compare.runs.compare_runs`.
    folder : Path or str
        Target; an earlier comparison there is replaced once the new one is complete.
    lang : {'en', 'zh'}
        Language of the page.

    Returns
    -------
    Path
        The folder, with ``compare.html``, ``comparison.json``, ``manifest.json``, ``tables`` and,
        if both runs lie on one grid, ``rasters``.

    Raises
    ------
    ConfigError
        The target is a run, a file, or a folder with something else in it; or no such language.
    """
    words = comparison.words(lang)
    target = Path(folder)
    _refuse_run(target, comparison)
    with Staging(target, "comparison") as aside:
        if comparison.maps is not None:
            rasters = aside / "rasters"
            rasters.mkdir()
            tags = {"first_run": comparison.names[0], "second_run": comparison.names[1]}
            specs = write_differences(rasters, comparison.maps, tags)
            (rasters / "README.txt").write_text(
                readme(specs, *comparison.names), encoding="utf-8", newline="\n"
            )
        write_tables(aside / "tables", tables_of(comparison))
        write_json(aside / COMPARISON, comparison.as_dict())
        page = comparison_page(comparison, words)
        for run in (comparison.a, comparison.b):
            run.require_same()
        (aside / PAGE).write_text(page, encoding="utf-8", newline="\n")
        write_json(aside / MARK, _manifest(comparison))
    return target


def tables_of(comparison: Comparison) -> dict[str, pd.DataFrame]:
    """Tables of a comparison by name."""
    import pandas as pd

    tables = {
        name: getattr(comparison, name)
        for name in ("totals", "methods", "provinces", "pools", "sites", "ranks")
    }
    tables["binding"] = comparison.binding()
    columns = ["part", "key", "a", "b"]
    rows = [asdict(change) for change in (*comparison.assumptions, *comparison.grid)]
    tables["assumptions"] = pd.DataFrame(rows, columns=columns)
    if comparison.maps is not None:
        turns = [asdict(turn) for turn in comparison.maps.turns]
        tables["winners"] = pd.DataFrame(turns, columns=[field.name for field in fields(Turn)])
        if comparison.moved is not None:
            tables["moved_tonnes"] = comparison.moved.table()
        tables["maps"] = pd.DataFrame([asdict(item) for item in comparison.maps.sums])
    return tables


def _refuse_run(target: Path, comparison: Comparison) -> None:
    """A comparison must not replace a run; the folder of one would be replaced otherwise."""
    place = target.resolve()
    folders = [run.path.resolve() for run in (comparison.a, comparison.b)]
    nested = any(place.is_relative_to(run) or run.is_relative_to(place) for run in folders)
    if nested or (target / SUMMARY).is_file():
        raise ConfigError(
            "the comparison would replace a run",
            where=str(target),
            got="the folder of a run, or one within or around it",
            expected="an empty folder, an earlier comparison, or nothing there yet",
            cure="give another folder with --out",
        )


def _manifest(comparison: Comparison) -> dict[str, Any]:
    """How the comparison came about; the only file of it that holds a time (rule 9)."""
    return {
        "program": "cdrsite",
        "kind": "comparison",
        "created_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
        "runs": [
            {"path": run.path, "name": run.name, "created_utc": run.manifest.get("created_utc")}
            for run in (comparison.a, comparison.b)
        ],
    }
