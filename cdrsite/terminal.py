"""Tables and progress on the terminal; the only helper of the command line that prints."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.progress import Progress as RichProgress
    from rich.table import Table

    from cdrsite.batch import BatchResult
    from cdrsite.explain import Explanation
    from cdrsite.results import StudyResult

WIDTH = 100
"""Tables are at most this wide [characters]."""
THIN = "\u202f"
"""Narrow no-break space between thousands."""
MISSING = "–"


class Progress:
    """Progress of long steps, on the error stream so that the output stays clean.

    On a terminal a bar with the rate and the time left; elsewhere one line per finished step.

    Parameters
    ----------
    enabled : bool
        False prints nothing.
    console : Console, optional
        Where to; the error stream when not given.
    """

    def __init__(self, enabled: bool, console: Console | None = None) -> None:
        self.enabled = enabled
        self._console = console
        self._bars: RichProgress | None = None

    def __enter__(self) -> Self:
        """Start drawing."""
        if not self.enabled:
            return self
        console = self._console or open_console(stderr=True)
        self._console = console
        if console.is_terminal:
            self._bars = _bars(console)
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop drawing; what is done stays on the screen."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def step(self, title: str, total: int) -> Callable[[], None]:
        """Begin a step of ``total`` parts; call the result after each part."""
        if not self.enabled or self._console is None:
            return _nothing
        bars = self._bars
        if bars is not None:
            task = bars.add_task(title, total=total)
            return lambda: bars.advance(task)
        return self._line(title, total, self._console)

    @staticmethod
    def _line(title: str, total: int, console: Console) -> Callable[[], None]:
        start, done = time.perf_counter(), 0

        def advance() -> None:
            nonlocal done
            done += 1
            if done == total:
                seconds = time.perf_counter() - start
                console.print(f"{title}: {total} parts in {seconds:.1f} s", highlight=False)

        return advance


def _nothing() -> None:
    return None


def open_console(*, stderr: bool = False, file: Any = None) -> Console:
    """A console of fixed width: text is the same wherever it is printed."""
    from rich.console import Console

    console = Console(stderr=stderr, file=file)
    if not console.is_terminal or console.width > WIDTH:
        console.width = WIDTH
    return console


def _bars(console: Console) -> RichProgress:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as RichProgress
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Any) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:.1f}/s" if speed else "")

    return RichProgress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        Rate(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
    )


def number(value: object, digits: int = 3) -> str:
    """A number for people: ``digits`` significant ones, thin spaces between thousands.

    Parameters
    ----------
    value : float or None
        None and NaN give a dash.
    digits : int
        Significant digits; whole parts are never cut.

    Returns
    -------
    str
        For example ``12\u202f346``, ``0.58``, ``1.2e-05``, ``–``.
    """
    if value is None or not isinstance(value, int | float):
        return MISSING if value is None else str(value)
    if not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if size < -4:
        return f"{value:.{max(digits - 2, 0)}e}"
    text = f"{value:,.{max(0, digits - 1 - size)}f}"
    if "." in text and digits - 1 - size > digits:
        text = text.rstrip("0").rstrip(".")
    return text.replace(",", THIN).replace("-", "−")


def exact(value: object) -> str:
    """A published number as it was published, thin spaces between thousands."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return MISSING
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.10g}"
    return text.replace(",", THIN).replace("-", "−", 1 if value < 0 else 0)


def plain_list(rows: Iterable[Sequence[str]]) -> Table:
    """Rows without header or lines, long text wrapped under its own column."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for row in rows:
        table.add_row("", *(Text(cell, overflow="fold") for cell in row))
    return table


def text_table(
    title: str,
    columns: Sequence[tuple[str, str]],
    rows: Iterable[Sequence[str]],
    *,
    last_is_total: bool = False,
) -> Table:
    """A plain table; a column is (header, 'left' or 'right')."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1)
    )
    for header, justify in columns:
        table.add_column(header, justify="right" if justify == "right" else "left", overflow="fold")
    listed = list(rows)
    for i, row in enumerate(listed):
        # user data may hold [brackets]: text, not markup
        table.add_row(
            *(Text(cell) for cell in row), end_section=last_is_total and i == len(listed) - 2
        )
    return table


def print_summary(result: StudyResult, folder: Path, console: Console | None = None) -> None:
    """Print what a run found: the plan, what binds it, the rules, warnings, where it is.

    Parameters
    ----------
    result : StudyResult
        Of a run.
    folder : Path
        Where it was written.
    console : Console, optional
        The output stream when not given.
    """
    out = console or open_console()
    out.print()
    out.print(_methods_table(result))
    out.print(
        "Alone: without rivals, but each cell keeps to its own share of the pools; the plan brings "
        "pools and\nstorage to where they do most.",
        style="dim",
        highlight=False,
    )
    binding = binding_rows(result.tables.get("pools"))
    if binding:
        out.print()
        out.print(_binding_table(binding))
        if len(binding) > SHOWN_POOLS:
            more = len(binding) - SHOWN_POOLS
            out.print(f"{more} more in tables/pools.csv", style="dim", highlight=False)
    if "objective" in result.summary:
        out.print(f"\n{certificate(result.summary['objective'])}", style="bold", highlight=False)
    if "status" in result.summary.get("network", {}):
        out.print()
        out.print(_network_table(result))
        out.print(network_line(result.summary["network"]), style="bold", highlight=False)
    rules = result.tables.get("exclusions")
    if rules is not None and len(rules):
        out.print()
        out.print(_rules_table(result))
    if result.warnings:
        out.print(
            f"\n{len(result.warnings)} warning{'s' * (len(result.warnings) > 1)}:", style="bold"
        )
        out.print(plain_list(("-", text) for text in result.warnings))
    out.print(f"\nresults in {folder}", markup=False, highlight=False, soft_wrap=True)


def certificate(objective: Mapping[str, Any]) -> str:
    """How good the plan is proven to be, in one line (rule 8)."""
    unit = str(objective["unit"])
    factor, shown = (1e-6, f"M{unit}") if unit in {"t/yr", "USD/yr"} else (1.0, unit)
    shown = shown.replace("MUSD/yr", "M$/yr")
    value, bound = (number(factor * objective[key], 4) for key in ("value", "bound"))
    proof = f"(bound {bound}, {objective['sweeps']} sweeps)"
    head, gap, asked = (
        f"{objective['name']} {value} {shown}",
        objective["gap"],
        objective["gap_asked"],
    )
    if gap <= asked:
        return f"{head}, optimal within {asked:.0e} {proof}".replace("e-0", "e-")
    return f"{head}, gap {gap:.1e} not closed to {asked:.0e} {proof}".replace("e-0", "e-")


def _methods_table(result: StudyResult) -> Table:
    columns = (
        ("method", "left"),
        ("net\nMt/yr", "right"),
        ("gross\nMt/yr", "right"),
        ("cost\nM$/yr", "right"),
        ("mean\n$/net t", "right"),
        ("land\nkm²", "right"),
        ("alone\nMt/yr", "right"),
        ("alone limited by\n(share of tonnes)", "left"),
    )
    frame = result.tables["methods"]
    keys = ("net_mt_yr", "gross_mt_yr", "cost_musd_yr", "mean_cost_usd_t", "land_km2")
    rows = [
        (
            str(row["method"]),
            *(number(row[key]) for key in keys),
            number(row["alone_net_mt_yr"]),
            str(row["alone_limits"]),
        )
        for row in frame.to_dict("records")
    ]
    if len(frame) > 1:
        total = {key: float(frame[key].sum()) for key in keys}
        net = total["net_mt_yr"]
        total["mean_cost_usd_t"] = total["cost_musd_yr"] / net if net > 0 else math.nan
        rows.append(("total", *(number(total[key]) for key in keys), "", ""))
    title = result.scenario.title or result.scenario.name
    year = result.scenario.costs.base_year
    return text_table(
        f"{title} (money: USD of {year})", columns, rows, last_is_total=len(frame) > 1
    )


SHOWN_PLANTS = 12
"""Plants shown on the terminal."""
SHOWN_POOLS = 8
"""Binding pools shown on the terminal."""

PRICED: dict[str, tuple[float, str]] = {
    "m3": (1e3, "1000 m³"),
    "kWh": (1e3, "MWh"),
    "m2": (1e4, "ha"),
}
"""Canonical unit -> how many of it a planner prices at once, and its name."""

SUPPLIED: dict[str, tuple[float, str]] = {
    "m3/yr": (1e-6, "Mm³/yr"),
    "kWh/yr": (1e-9, "TWh/yr"),
    "t/yr": (1e-6, "Mt/yr"),
    "m2": (1e-6, "km²"),
    "USD/yr": (1e-6, "M$/yr"),
}
"""Canonical unit -> factor to a planner's unit, and its name."""


def planner_price(price: float, unit: str) -> tuple[float, str]:
    """A price in units that a planner reads: per MWh, per 1000 m3, per ha."""
    paid, _, per = unit.partition(" per ")
    factor, name = PRICED.get(per, (1.0, per))
    return price * factor, f"{paid.replace('USD', '$')} per {name}"


def binding_rows(pools: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Rows of the table of pools that have a price, the ones that matter most first.

    What matters is price times supply: what the objective owes to the pool.
    """
    if pools is None or not len(pools):
        return []
    rows = [{str(key): value for key, value in row.items()} for row in pools.to_dict("records")]
    priced = [row for row in rows if row["price"] != 0]
    return sorted(priced, key=lambda row: -abs(row["price"] * row["supply"]))


def _binding_table(rows: Sequence[dict[str, Any]]) -> Table:
    columns = (
        ("what", "left"),
        ("where", "left"),
        ("supply or limit", "right"),
        ("price: one unit more gains", "right"),
    )
    shown = []
    for row in rows[:SHOWN_POOLS]:
        factor, unit = SUPPLIED.get(row["unit"], (1.0, row["unit"]))
        price, per = planner_price(row["price"], row["price_unit"])
        where = "" if row["zone"] is None else str(row["zone"])
        shown.append(
            (
                str(row["family"]),
                where,
                f"{number(row['supply'] * factor)} {unit}",
                f"{number(price)} {per}",
            )
        )
    return text_table("What binds", columns, shown)


def print_explanation(
    found: Explanation, *, as_json: bool = False, console: Console | None = None
) -> None:
    """Print why a cell is what it is."""
    from cdrsite.outputs.tables import plain

    if as_json:
        print_json(plain(found.as_dict()))
        return
    out = console or open_console()
    out.print(found.head(), style="bold", highlight=False)
    out.print(plain_list((what, text) for what, text in found.facts()))
    for name, here in found.methods.items():
        out.print(f"\n{name}", style="bold", highlight=False, markup=False)
        out.print(plain_list(here.lines()))


def print_batch(
    found: BatchResult, folder: Path, *, as_json: bool = False, console: Console | None = None
) -> None:
    """Print the runs of a batch side by side."""
    from cdrsite.outputs.tables import plain

    rows = [{str(k): v for k, v in row.items()} for row in found.table.to_dict("records")]
    if as_json:
        print_json(plain(rows))
        return
    out = console or open_console()
    head = "net_mt_yr "
    methods = [str(c) for c in found.table.columns if str(c).startswith(head)]
    columns = [
        ("run", "left"),
        *((name.removeprefix(head).replace("-", "-\n", 1), "right") for name in methods),
        ("all\nnet Mt/yr", "right"),
        ("mean\n$/net t", "right"),
        ("binds\n(how many)", "left"),
    ]
    shown = [
        (
            str(row["run"]),
            *(number(row[name]) for name in methods),
            *(number(row.get(key)) for key in ("net_mt_yr", "mean_cost_usd_t")),
            "failed" if row["status"] == "failed" else str(row["binding"]).replace("; ", "\n"),
        )
        for row in rows
    ]
    out.print(text_table("Net removal of each method in the plan [Mt/yr]", columns, shown))
    out.print(f"table in {folder / 'batch.csv'}", markup=False, highlight=False, soft_wrap=True)


def _network_table(result: StudyResult) -> Table:
    """Named plants with what they capture and store, the largest first."""
    columns = (
        ("plant", "left"),
        ("captured\nMt/yr", "right"),
        ("stored\nMt/yr", "right"),
        ("mean haul\nkm", "right"),
    )
    plants = result.tables["plants"].sort_values("gross_t_yr", ascending=False, kind="stable")
    rows = [
        (
            str(row["name"]),
            number(row["gross_t_yr"] / 1e6),
            number(row["stored_t_yr"] / 1e6),
            number(row["haul_km"]),
        )
        for row in plants.head(SHOWN_PLANTS).to_dict("records")
    ]
    return text_table("Plants", columns, rows)


def network_line(network: dict[str, Any]) -> str:
    """Size, cost and proof of the network, in one sentence; a time limit is not optimal (rule 8).

    Parameters
    ----------
    network : dict
        ``summary["network"]`` of a run.
    """
    proof = (
        f"optimal within {network['gap']:.1g}"
        if network["status"] == "optimal"
        else f"{network['status']}, gap {100 * network['gap']:.1f} %"
    )
    return (
        f"{network['plants']} plants, {network['pipes']} pipes of {network['pipes_km']:,.0f} km: "
        f"{network['cost_usd_t']:.1f} USD per t stored, {network['transport_usd_t']:.2f} of it for "
        f"transport; {proof}"
    )


def _rules_table(result: StudyResult) -> Table:
    columns = (
        ("rule", "left"),
        ("removes\nkm²", "right"),
        ("removes\n% of region", "right"),
        ("only it\nkm²", "right"),
        ("for", "left"),
    )
    rows = []
    for row in result.tables["exclusions"].to_dict("records"):
        percent = row["removes_percent"]
        cells = (
            str(row["rule"]),
            number(row["removes_km2"]),
            "<0.1" if 0 < percent < 0.1 else number(percent, 2),
            number(row["only_it_removes_km2"]),
            _who(str(row["methods"]).split(", "), result.methods),
        )
        rows.append(cells)
    return text_table("What the exclusions remove", columns, rows)


def _who(holders: Sequence[str], methods: Sequence[str]) -> str:
    """The methods a rule holds for, in the fewest words."""
    others = [name for name in methods if name not in holders]
    if not others:
        return "all methods"
    return f"all but {', '.join(others)}" if len(others) < len(holders) else ", ".join(holders)


def print_json(document: Any) -> None:
    """Print one JSON document."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")
