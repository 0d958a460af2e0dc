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
        console = self._console or _console(stderr=True)
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


def _console(*, stderr: bool = False, file: Any = None) -> Console:
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


def _list(rows: Iterable[Sequence[str]]) -> Table:
    """Rows without header or lines, long text wrapped under its own column."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for row in rows:
        table.add_row("", *(Text(cell, overflow="fold") for cell in row))
    return table


def _table(
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
    out = console or _console()
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
    rules = result.tables.get("exclusions")
    if rules is not None and len(rules):
        out.print()
        out.print(_rules_table(result))
    if result.warnings:
        out.print(
            f"\n{len(result.warnings)} warning{'s' * (len(result.warnings) > 1)}:", style="bold"
        )
        out.print(_list(("-", text) for text in result.warnings))
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
    return _table(f"{title} (money: USD of {year})", columns, rows, last_is_total=len(frame) > 1)


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
    return _table("What binds", columns, shown)


def print_explanation(
    found: Explanation, *, as_json: bool = False, console: Console | None = None
) -> None:
    """Print why a cell is what it is."""
    from cdrsite.outputs.tables import plain

    if as_json:
        _print_json(plain(found.as_dict()))
        return
    out = console or _console()
    out.print(found.head(), style="bold", highlight=False)
    out.print(_list((what, text) for what, text in found.facts()))
    for name, here in found.methods.items():
        out.print(f"\n{name}", style="bold", highlight=False, markup=False)
        out.print(_list(here.lines()))


def print_batch(
    found: BatchResult, folder: Path, *, as_json: bool = False, console: Console | None = None
) -> None:
    """Print the runs of a batch side by side."""
    from cdrsite.outputs.tables import plain

    rows = [{str(k): v for k, v in row.items()} for row in found.table.to_dict("records")]
    if as_json:
        _print_json(plain(rows))
        return
    out = console or _console()
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
    out.print(_table("Net removal of each method in the plan [Mt/yr]", columns, shown))
    out.print(f"table in {folder / 'batch.csv'}", markup=False, highlight=False, soft_wrap=True)


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
    return _table("What the exclusions remove", columns, rows)


def _who(holders: Sequence[str], methods: Sequence[str]) -> str:
    """The methods a rule holds for, in the fewest words."""
    others = [name for name in methods if name not in holders]
    if not others:
        return "all methods"
    return f"all but {', '.join(others)}" if len(others) < len(holders) else ", ".join(holders)


def print_methods(*, as_json: bool = False, console: Console | None = None) -> None:
    """Print the removal methods and their profiles."""
    from cdrsite.library.load import load_method, method_names

    methods = [load_method(name) for name in method_names()]
    if as_json:
        _print_json(
            [
                {
                    "name": method.name,
                    "title": method.title,
                    "family": method.family,
                    "co2_origin": method.co2_origin,
                    "storage_type": method.storage_type,
                    "durability": method.durability,
                    "default_profile": method.default_profile,
                    "profiles": list(method.profile_names),
                }
                for method in methods
            ]
        )
        return
    out = console or _console()
    columns = (("method", "left"), ("what it is", "left"), ("profiles (default first)", "left"))
    rows = [(m.name, m.title.get("en", m.name), ", ".join(m.profile_names)) for m in methods]
    out.print(_table("Removal methods", columns, rows))
    out.print(
        "every value of one, with its source: cdrsite methods NAME [--profile P]", style="dim"
    )


def print_method(
    name: str,
    profile: str | None = None,
    *,
    as_json: bool = False,
    console: Console | None = None,
) -> None:
    """Print every value of a method's profile with its range and source.

    Raises
    ------
    ConfigError
        Unknown method or profile.
    """
    from cdrsite.library.load import load_method, load_sources
    from cdrsite.library.records import as_json as plain
    from cdrsite.library.records import to_rows

    method = load_method(name)
    chosen = method.profile(profile)
    rows = to_rows(method, profile)
    sources = load_sources()
    cited = sorted({row["source"] for row in rows})
    if as_json:
        document = {
            "name": method.name,
            "title": method.title,
            "profile": chosen.name,
            "profiles": list(method.profile_names),
            "values": rows,
            "sources": {key: plain(sources[key]) for key in cited if key in sources},
        }
        _print_json(document)
        return
    out = console or _console()
    out.print(f"{method.name}: {method.title.get('en', '')}", style="bold", highlight=False)
    out.print(f"profile {chosen.name}: {chosen.title}", markup=False, highlight=False)
    others = ", ".join(n for n in method.profile_names if n != chosen.name)
    out.print(f"other profiles: {others or 'none'}", markup=False, highlight=False)
    if chosen.note:
        out.print(chosen.note, markup=False, highlight=False, style="dim")
    columns = (
        ("parameter", "left"),
        ("value", "right"),
        ("range", "right"),
        ("unit", "left"),
        ("source", "left"),
    )
    out.print(_table("", columns, [_value_row(row) for row in rows]))
    out.print("Sources", style="bold")
    out.print(_list((key, sources[key].citation) for key in cited if key in sources))


def _value_row(row: dict[str, Any]) -> tuple[str, ...]:
    unit = str(row["unit"])
    year = row["currency_year"]
    if year is not None and str(year) not in unit:
        unit = f"{unit} ({year})"
    low, high = row["low"], row["high"]
    spread = ""
    if low is not None and high is not None:
        spread = f"{exact(low)} to {exact(high)}"
    elif low is not None or high is not None:
        spread = f"from {exact(low)}" if high is None else f"up to {exact(high)}"
    name = "  or" if row["alternative"] else str(row["parameter"])
    value = "unknown" if row["value"] is None else exact(row["value"])
    return name, value, spread, unit, str(row["source"])


def print_datasets(*, as_json: bool = False, console: Console | None = None) -> None:
    """Print the dataset presets."""
    from cdrsite.library.datasets import dataset_names, load_dataset
    from cdrsite.library.records import as_json as plain

    presets = [load_dataset(name) for name in dataset_names()]
    if as_json:
        keys = ("name", "title", "kind", "unit", "licence", "aliases")
        _print_json([{key: plain(getattr(preset, key)) for key in keys} for preset in presets])
        return
    out = console or _console()
    columns = (("preset", "left"), ("dataset", "left"), ("kind", "left"), ("unit", "left"))
    rows = [(p.name, p.title, p.kind, "" if p.kind == "class" else p.unit or "") for p in presets]
    out.print(_table("Dataset presets", columns, rows))
    out.print("what one of them knows: cdrsite datasets NAME", style="dim")


def print_dataset(name: str, *, as_json: bool = False, console: Console | None = None) -> None:
    """Print what a preset knows about its dataset.

    Raises
    ------
    ConfigError
        Unknown preset.
    """
    from cdrsite.library.datasets import load_dataset
    from cdrsite.library.records import as_json as plain

    preset = load_dataset(name)
    if as_json:
        _print_json(plain(preset))
        return
    out = console or _console()
    out.print(f"{preset.name}: {preset.title}", style="bold", highlight=False)
    scaled = f", stored values x {preset.scale:g}" if preset.scale != 1 else ""
    facts = {
        "kind": preset.kind,
        "unit": f"{preset.unit}{scaled}" if preset.unit not in {None, "class"} else "",
        "nodata": ", ".join(f"{v:g}" for v in preset.nodata),
        "plausible": "{:g} to {:g}".format(*preset.valid_range) if preset.valid_range else "",
        "attribute": preset.attribute or "",
        "filter": preset.where or "",
        "licence": preset.licence,
        "source": preset.source,
        "also called": ", ".join(preset.aliases),
        "note": preset.note,
    }
    rows = [(key, value) for key, value in facts.items() if value]
    rows += [("special value", f"{v:g}: {text}") for v, text in preset.special_values.items()]
    rows += [("columns", f"{key}: {' or '.join(v)}") for key, v in preset.attributes.items()]
    out.print(_list(rows))
    if preset.classes:
        columns = (("code", "right"), ("class", "left"), ("group", "left"))
        classes = [(str(c.code), c.name, c.group) for c in preset.classes.values()]
        out.print(_table("Classes", columns, classes))


def _print_json(document: Any) -> None:
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")
