"""Comparisons of runs on the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cdrsite.cli.tables import open_console, plain_list, print_json, say, show_table, text_table
from cdrsite.compare.changes import SITE_STATES, records
from cdrsite.compare.page import because, cautions, sentence
from cdrsite.compare.sheet import change_of, plain_number, signed
from cdrsite.compare.values import assumption_value
from cdrsite.core.numbers import percent
from cdrsite.core.words import Words

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from cdrsite.compare.batch_result import BatchResult
    from cdrsite.compare.maps import Turn
    from cdrsite.compare.runs import Comparison

SHOWN = 12
"""Assumptions, pools and classes listed; the rest is in the tables."""
VALUE = 40
"""Characters of an assumption's value."""


def print_comparison(
    comparison: Comparison, *, as_json: bool = False, console: Console | None = None
) -> None:
    """Print what changed between two runs.

    Parameters
    ----------
    comparison : Comparison
        From :func:`cdrsite.compare.runs.compare_runs`.
    as_json : bool
        Everything as JSON instead.
    console : Console, optional
        Where to; the output when not given.
    """
    if as_json:
        print_json(comparison.as_dict())
        return
    words = Words("en")
    out = console or open_console()
    lines = [sentence(comparison, words), because(comparison, words), *cautions(comparison, words)]
    for line in filter(None, lines):
        say(out, line)
    if comparison.identical:
        return
    show_table(out, _totals(comparison))
    if len(comparison.methods):
        show_table(out, _methods(comparison, whole=True), _methods(comparison, whole=False))
    _assumptions(comparison, out, words)
    _binding(comparison, out)
    if len(comparison.ranks):
        note = "¹ rank correlation of the sites that both runs have; 1 is the same order"
        show_table(
            out, _rank_table("", {"method": "best sites of"}, records(comparison.ranks), note)
        )
    if comparison.maps is None:
        say(out, f"no maps of change: {comparison.why_no_maps()}")
    else:
        _moved(comparison, out)
        _turns(comparison.maps.turns, out)


def _change(a: float, b: float, change: float) -> str:
    """A change as text; what is only rounding is none."""
    return signed(change_of(a, b) if math.isfinite(change) else math.nan)


def _totals(comparison: Comparison) -> Table:
    words = Words("en")
    columns = [("", "name"), *((name, "right") for name in comparison.names), ("change", "right")]
    rows = [
        (
            f"{words('total.' + row['quantity'])} {words.unit(row['unit'])}".strip(),
            plain_number(row["a"]),
            plain_number(row["b"]),
            _change(row["a"], row["b"], row["change"]),
        )
        for row in records(comparison.totals)
    ]
    return text_table("", columns, rows)


def _methods(comparison: Comparison, *, whole: bool) -> Table:
    """Net removal, and where there is room cost and land, by method."""
    shown = [("net_mt_yr", "net\nMt/yr"), ("mean_cost_usd_t", "cost\n$/net t")]
    if whole:
        shown.append(("land_km2", "land\nkm²"))
    known = [(key, head) for key, head in shown if f"{key}_a" in comparison.methods.columns]
    columns = [("method", "name")]
    for _, head in known:
        columns += [(f"{head}\nfirst", "right"), ("second", "right"), ("change", "right")]
    rows = []
    for row in records(comparison.methods):
        cells = [str(row["method"])]
        for key, _ in known:
            a, b, change = (float(row[f"{key}_{end}"]) for end in ("a", "b", "change"))
            cells += [plain_number(a), plain_number(b), _change(a, b, change)]
        rows.append(cells)
    return text_table("", columns, rows)


def _assumptions(comparison: Comparison, out: Console, words: Words) -> None:
    listed = [*comparison.assumptions, *comparison.grid]
    if not listed:
        return
    say(out, "\nassumptions that differ", "bold")
    rows = []
    for change in listed[:SHOWN]:
        key = change.key if change.part == "scenario" else ""
        a, b = (assumption_value(words, value, VALUE, key=key) for value in (change.a, change.b))
        rows.append((f"{change.part} {change.key}", f"{a} → {b}"))
    out.print(plain_list(rows))
    _more(len(listed), "tables/assumptions.csv", out)


def _binding(comparison: Comparison, out: Console) -> None:
    """What begins and what ceases to bind; prices of the rest are in the tables."""
    rows = [row for row in records(comparison.binding()) if row["was"] != row["is"]]
    for key, head in (
        ("is", "limits only the second plan"),
        ("was", "limited only the first plan"),
    ):
        names = [f"{row['family']} {row['zone']}".strip() for row in rows if row[key]]
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            say(out, f"{head}: {', '.join(names[:SHOWN])}{more}")


def _rank_table(
    title: str, names: Mapping[str, str], ranks: Sequence[dict[str, Any]], note: str = ""
) -> Table:
    """How rankings of sites changed; ``names``: columns that say of which one, and their heads."""
    order = "order¹" if note else "order"
    columns = [(head, "name") for head in names.values()]
    columns += [(head, "right") for head in (*SITE_STATES, order)]
    rows = []
    for row in ranks:
        cells = [str(row[key]) for key in (*names, *SITE_STATES)]
        rows.append([*cells, plain_number(row["rank_correlation"], 2)])
    return text_table(title, columns, rows, caption=note)


def _moved(comparison: Comparison, out: Console) -> None:
    """Tonnes gained and lost by place and method; what a total hides."""
    if comparison.moved is None:
        return
    gained, lost = (plain_number(sum_t / 1e6) for sum_t in comparison.moved.sums())
    up, down = comparison.moved.places()
    say(
        out,
        f"\nby place and method: {gained} Mt/yr gained in {up} places, {lost} Mt/yr lost in {down}",
        "bold",
    )


def _turns(turns: Sequence[Turn], out: Console) -> None:
    """Land whose method changed: the tonnes on it first, since its area tells little of them."""
    every = math.fsum(turn.area_km2 for turn in turns)
    changed = [turn for turn in turns if turn.before != turn.after]
    if not changed:
        say(out, "every cell has the same method as before")
        return
    share = percent(math.fsum(turn.area_km2 for turn in changed) / every)
    say(out, f"\nland that turned to another method, {share} of it: net removal there", "bold")
    changed.sort(key=lambda turn: -abs(turn.net_after - turn.net_before))
    rows = []
    for turn in changed[:SHOWN]:
        before, after = turn.net_before / 1e6, turn.net_after / 1e6
        tonnes = f"{_change(before, after, after - before)} Mt/yr"
        rows.append(
            (f"{turn.before} → {turn.after}", f"{tonnes} on {plain_number(turn.area_km2)} km²")
        )
    out.print(plain_list(rows))
    _more(len(changed), "tables/winners.csv", out)


def _more(n: int, file: str, out: Console) -> None:
    if n > SHOWN:
        say(out, f"{n - SHOWN} more in {file}")


def failures_line(batch: BatchResult) -> str:
    """How many runs of a batch failed, and what its tables then cover, in one sentence."""
    runs, n = len(batch.table), len(batch.failed)
    return (
        f"{n} of {runs} run{'s' * (runs != 1)} failed ({', '.join(batch.failed)}); tables and "
        f"comparisons cover the {batch.finished} that {'was' if batch.finished == 1 else 'were'} "
        "finished"
    )


def _same_sites(row: dict[str, Any]) -> bool:
    """Whether two runs have the same sites of a method in the same order."""
    all_same = row["same"] == row["sites_a"] == row["sites_b"]
    return bool(all_same and not row["rank_correlation"] < 1 - 1e-9)


def print_batch_changes(batch: BatchResult) -> None:
    """Print how the ranking of sites differs between the runs of a batch."""
    if batch.ranks is None or not len(batch.ranks):
        return
    out = open_console()
    changed = [row for row in records(batch.ranks) if not _same_sites(row)]
    if not changed:
        which = f"the {batch.finished} runs that were finished" if batch.failed else "all runs"
        say(out, f"the best sites are the same in {which}")
        return
    names = {"run": "run", "method": "best sites of"}
    title = "Best sites compared with the first run"
    show_table(out, _rank_table(title, names, changed[:SHOWN]))
    _more(len(changed), "batch_ranks.csv", out)
