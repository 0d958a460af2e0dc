"""The command `sample`: its scenario, and the list of what is uncertain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cdrsite.cli.reading import read_scenario
from cdrsite.cli.tables import open_console, print_json, show_table, soft, text_table
from cdrsite.config.load import placed
from cdrsite.core.numbers import number
from cdrsite.study.run import list_numbers as numbers_of

if TYPE_CHECKING:
    import pandas as pd

    from cdrsite.config.models import Scenario


def with_samples(
    path: Path, overrides: Sequence[str], samples: int | None, seed: int | None
) -> Scenario:
    """The scenario with samples asked for; the library says what is uncertain where it does not.

    Parameters
    ----------
    path : Path
        Its file.
    overrides : sequence of str
        ``key=value`` texts.
    samples, seed : int, optional
        In place of the scenario's own.
    """
    given = {"samples": samples, "seed": seed}
    more = [f"uncertainty.{key}={value}" for key, value in given.items() if value is not None]
    loaded = read_scenario(path, [*overrides, *more])
    if loaded.uncertainty is None:
        loaded = read_scenario(path, [*overrides, "uncertainty={}"])
    return loaded


def list_numbers(scenario: Scenario, path: Path, *, as_json: bool) -> None:
    """Show every uncertain number of a scenario; nothing is run."""
    with placed(path):
        table = numbers_of(scenario)
    _print_numbers(table, as_json=as_json)


def _print_numbers(table: pd.DataFrame, *, as_json: bool) -> None:
    """Show every uncertain number with its range, law and source; then how many are held."""
    if as_json:
        print_json(table.astype(object).where(table.notna(), None).to_dict("records"))
        return
    console = open_console()
    drawn = table[table["law"] != "held"]
    rows = []
    for row in drawn.to_dict("records"):
        ends = [row["low"], row["value"], row["high"]]
        shown = [one if isinstance(one, str) else _shown(one) for one in ends]
        rows.append([soft(_short(row["number"]), 44), *shown, row["unit"], row["law"]])
    heads = ("number", "low", "value", "high")
    columns = [(heads[0], "name"), *((one, "right") for one in heads[1:])]
    title = f"{len(drawn)} uncertain numbers"
    show_table(console, text_table(title, [*columns, ("unit", "name"), ("law", "left")], rows))
    held = table[table["law"] == "held"]
    for why, some in held.groupby("why_held", sort=False):
        console.print(f"held, {why}: {len(some)} numbers", markup=False, highlight=False)


def _shown(value: float) -> str:
    return "" if math.isnan(value) or math.isinf(value) else number(value)


def _short(path: str) -> str:
    return path.removeprefix("methods.").replace("override.", "")
