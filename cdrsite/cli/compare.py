"""Comparisons of runs, and batches, on the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cdrsite.cli.tables import open_console, plain_list, print_json, say, show_table, text_table
from cdrsite.compare.batch_page import counted
from cdrsite.compare.changes import SITE_STATES, records
from cdrsite.compare.page import (
    because,
    cautions,
    grid_words,
    moved_numbers,
    pool_words,
    sentence,
)
from cdrsite.compare.sheet import change_words, plain_number
from cdrsite.compare.values import assumption_value
from cdrsite.core.bymethod import net_column
from cdrsite.core.numbers import MISSING, number, percent
from cdrsite.core.words import Words

if TYPE_CHECKING:
    from pathlib import Path

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
    comparison: Comparison,
    *,
    as_json: bool = False,
    lang: str = "en",
    console: Console | None = None,
) -> None:
    """Print what changed between two runs.

    Parameters
    ----------
    comparison : Comparison
        From :func:`cdrsite.compare.runs.compare_runs`.
    as_json : bool
        Everything as JSON instead.
    lang : {'en', 'zh'}
        Language.
    console : Console, optional
        Where to; the output when not given.
    """
    if as_json:
        print_json(comparison.as_dict())
        return
    out, words = console or open_console(), comparison.words(lang)
    lines = [sentence(comparison, words), because(comparison, words), *cautions(comparison, words)]
    for line in filter(None, lines):
        say(out, line)
    if comparison.identical:
        return
    show_table(out, _totals(comparison, words))
    if len(comparison.methods):
        wide, narrow = (_methods(comparison, words, whole=whole) for whole in (True, False))
        show_table(out, wide, narrow)
    _assumptions(comparison, out, words)
    _binding(comparison, out, words)
    if len(comparison.ranks):
        names = {"method": words("runs.sites")}
        note = words("runs.order.note")
        show_table(out, _rank_table("", names, records(comparison.ranks), words, note))
    if comparison.maps is None:
        say(out, words("compare.maps.none", how=grid_words(comparison, words)))
    else:
        _moved(comparison, out, words)
        _turns(comparison.maps.turns, out, words)


def _change(a: float, b: float, change: float) -> str:
    """A change as text; what is only rounding is none."""
    return change_words(a, b) if math.isfinite(change) else MISSING


def _totals(comparison: Comparison, words: Words) -> Table:
    runs = ((name, "right") for name in comparison.names)
    columns = [("", "name"), *runs, (words("runs.change"), "right")]
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


def _methods(comparison: Comparison, words: Words, *, whole: bool) -> Table:
    """Net removal and cost by method, and where there is room land."""
    shown = ("net_mt_yr", "mean_cost_usd_t", *(["land_km2"] if whole else []))
    known = [key for key in shown if f"{key}_a" in comparison.methods.columns]
    columns = [(words("end.method"), "name")]
    ends = [words(f"runs.{end}") for end in ("first", "second", "change")]
    for key in known:
        head = words(f"end.head.{key}")
        columns += [(f"{head}\n{ends[0]}", "right"), *((end, "right") for end in ends[1:])]
    rows = []
    for row in records(comparison.methods):
        cells = [words.typed(str(row["method"]))]
        for key in known:
            a, b, change = (float(row[f"{key}_{end}"]) for end in ("a", "b", "change"))
            cells += [plain_number(a), plain_number(b), _change(a, b, change)]
        rows.append(cells)
    return text_table("", columns, rows)


def _assumptions(comparison: Comparison, out: Console, words: Words) -> None:
    listed = [*comparison.assumptions, *comparison.grid]
    if not listed:
        return
    say(out, "\n" + words("runs.assumptions"), "bold")
    rows = []
    for change in listed[:SHOWN]:
        key = change.key if change.part == "scenario" else ""
        a, b = (assumption_value(words, value, VALUE, key=key) for value in (change.a, change.b))
        rows.append((f"{words(f'runs.part.{change.part}')} {change.key}", f"{a} → {b}"))
    out.print(plain_list(rows))
    _more(len(listed), "tables/assumptions.csv", out, words)


def _binding(comparison: Comparison, out: Console, words: Words) -> None:
    """What begins and what ceases to bind; prices of the rest are in the tables."""
    rows = [row for row in records(comparison.binding()) if row["was"] != row["is"]]
    for key, head in (("is", "now"), ("was", "then")):
        names = [pool_words(words, row, "runs.pool") for row in rows if row[key]]
        told = words("runs.binds.join").join(names[:SHOWN])
        if len(names) > SHOWN:
            told = words("list.more", names=told, n=len(names) - SHOWN)
        if names:
            say(out, words("runs.binds", when=words(f"compare.binds.{head}"), names=told))


def _rank_table(
    title: str,
    names: Mapping[str, str],
    ranks: Sequence[dict[str, Any]],
    words: Words,
    note: str = "",
) -> Table:
    """How rankings of sites changed; ``names``: columns that say of which one, and their heads."""
    order = words("runs.order") + ("¹" if note else "")
    columns = [(head, "name") for head in names.values()]
    columns += [(words(f"runs.{state}"), "right") for state in SITE_STATES]
    columns.append((order, "right"))
    rows = []
    for row in ranks:
        cells = [words.typed(str(row[key])) if key == "method" else str(row[key]) for key in names]
        cells += [str(row[key]) for key in SITE_STATES]
        rows.append([*cells, plain_number(row["rank_correlation"], 2)])
    return text_table(title, columns, rows, caption=note)


def _moved(comparison: Comparison, out: Console, words: Words) -> None:
    """Tonnes gained and lost by place and method; what a total hides."""
    if comparison.moved is None:
        return
    say(out, "\n" + words("moved.said", **moved_numbers(comparison.moved)), "bold")


def _turns(turns: Sequence[Turn], out: Console, words: Words) -> None:
    """Land whose method changed: the tonnes on it first, since its area tells little of them."""
    every = math.fsum(turn.area_km2 for turn in turns)
    changed = [turn for turn in turns if turn.before != turn.after]
    if not changed:
        say(out, words("compare.turns.none"))
        return
    share = percent(math.fsum(turn.area_km2 for turn in changed) / every)
    say(out, "\n" + words("runs.turns", share=share), "bold")
    changed.sort(key=lambda turn: -abs(turn.net_after - turn.net_before))
    rows = []
    for turn in changed[:SHOWN]:
        before, after = turn.net_before / 1e6, turn.net_after / 1e6
        change = _change(before, after, after - before)
        ends = (_class(words, name) for name in (turn.before, turn.after))
        told = words("runs.turn", change=change, area=plain_number(turn.area_km2))
        rows.append((" → ".join(ends), told))
    out.print(plain_list(rows))
    _more(len(changed), "tables/winners.csv", out, words)


def _class(words: Words, name: str) -> str:
    """A class of the map; a method as it is typed."""
    return words.typed(name) if words.has(f"method.{name}") else words.called(name)


def _more(n: int, file: str, out: Console, words: Words) -> None:
    if n > SHOWN:
        say(out, words("runs.more", n=n - SHOWN, file=file))


# ---------------------------------------------------------------------- a batch


def print_batch(batch: BatchResult, folder: Path, lang: str = "en") -> None:
    """Print the runs of a batch side by side, and what they shared."""
    out, words = open_console(), batch.words(lang)
    show_table(out, *(_batch_table(batch, words, whole=whole) for whole in (True, False)))
    table = words("runs.table", file=folder / "batch.csv")
    out.print(table, markup=False, highlight=False, soft_wrap=True)
    if batch.finished > 1:
        say(out, shared_line(batch, words))


def _batch_table(batch: BatchResult, words: Words, *, whole: bool) -> Table:
    """Net removal and cost of each run, and where there is room of each method."""
    methods = batch.method_names if whole else ()
    heads = (words.typed(name) for name in methods)
    columns = [
        (words("runs.run"), "name"),
        *((head.replace("-", "-\n", 1).replace("（", "\n（", 1), "right") for head in heads),
        (words("runs.all"), "right"),
        (words("runs.mean"), "right"),
        (words("runs.limits"), "left"),
    ]
    shown = [
        (
            str(row["run"]),
            *(number(row.get(net_column(name))) for name in methods),
            *(number(row.get(key)) for key in ("net_mt_yr", "mean_cost_usd_t")),
            words("batch.failed") if row["status"] == "failed" else _limits(words, row["binding"]),
        )
        for row in records(batch.table)
    ]
    return text_table(words("runs.title" if whole else "runs.title.all"), columns, shown)


def _limits(words: Words, binding: object) -> str:
    """What limits a run, a line each: ``water (6)``."""
    return "\n".join(counted(words, part) for part in str(binding).split("; ") if part)


def shared_line(batch: BatchResult, words: Words) -> str:
    """Which stages were taken from earlier runs, and how often, in one sentence."""
    taken = {stage: times for stage, times in batch.shared.items() if times}
    if not taken:
        return words("runs.shared.none", n=batch.finished)
    parts = words("list.clause").join(
        words("runs.shared.one", stage=words(f"batch.shared.{name}"), times=times)
        for name, times in taken.items()
    )
    return words("runs.shared", n=batch.finished, stages=parts)


def failures_line(batch: BatchResult, lang: str = "en") -> str:
    """How many runs of a batch failed, and what its tables then cover, in one sentence."""
    words = Words(lang)
    names = words("list.clause").join(batch.failed)
    facts = {"failed": len(batch.failed), "names": names, "finished": batch.finished}
    return words.count("runs.failures", len(batch.table), **facts)


def _same_sites(row: dict[str, Any]) -> bool:
    """Whether two runs have the same sites of a method in the same order."""
    all_same = row["same"] == row["sites_a"] == row["sites_b"]
    return bool(all_same and not row["rank_correlation"] < 1 - 1e-9)


def print_batch_changes(batch: BatchResult, lang: str = "en") -> None:
    """Print how the ranking of sites differs between the runs of a batch."""
    if batch.ranks is None or not len(batch.ranks):
        return
    out, words = open_console(), batch.words(lang)
    changed = [row for row in records(batch.ranks) if not _same_sites(row)]
    if not changed:
        which = "finished" if batch.failed else "all"
        say(out, words(f"runs.same_sites.{which}", n=batch.finished))
        return
    names = {"run": words("runs.run"), "method": words("runs.sites")}
    show_table(out, _rank_table(words("runs.ranks"), names, changed[:SHOWN], words))
    _more(len(changed), "batch_ranks.csv", out, words)
