"""Tables on the terminal, and the end of a run in a screenful.

One module: what the terminal shows of a run, from top to bottom.
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdrsite.cli.binding import binding_rows, binding_table
from cdrsite.cli.costs import cost_lines
from cdrsite.cli.emitting import emitter_lines
from cdrsite.cli.lines import avoided_line, limit_words, project_line
from cdrsite.cli.pathway import path_lines
from cdrsite.cli.standing import standing_lines
from cdrsite.cli.uncertain import uncertainty_lines
from cdrsite.core.numbers import number
from cdrsite.core.vocabulary import amount
from cdrsite.core.words import Words
from cdrsite.network.plants import NOT_BUILT, SMALL_PART
from cdrsite.outputs.legend import of_whom

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Table

    from cdrsite.cli.doctor import Check
    from cdrsite.explain.place import Explanation
    from cdrsite.result.study_result import StudyResult

WIDTH = 100
"""Tables are at most this wide [characters]."""
NARROWEST = 40
"""Text is at least this wide, whatever ``COLUMNS`` says [characters]."""
NAME_WIDTHS = (40, 24, 20, 16, 14, 12, 10)
"""Names in tables are broken at these widths until the table fits [characters]."""


def open_console(*, stderr: bool = False) -> Console:
    """A console of the terminal's width, or of ``COLUMNS``; 100 wide where neither says one."""
    from rich.console import Console

    console = Console(stderr=stderr)
    asked = os.environ.get("COLUMNS", "")
    if asked.isdigit() and int(asked):  # also where a pipe reads it
        console.width = min(max(int(asked), NARROWEST), WIDTH)
    elif not console.is_terminal or console.width > WIDTH:
        console.width = WIDTH
    return console


def say(console: Console, text: str, style: str = "") -> None:
    """Print text as it is: no markup, and no colours of numbers."""
    console.print(text, style=style, markup=False, highlight=False)


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
    caption: str = "",
    last_is_total: bool = False,
) -> Table:
    """A plain table.

    Parameters
    ----------
    title, caption : str
        Above and below it; none when empty.
    columns : sequence of (str, str)
        Header, and "left" for text that may wrap, "name" for names and "right" for numbers, which
        stay whole.
    rows : iterable of sequences of str
        One text for each column.
    last_is_total : bool
        Set the last row apart.
    """
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(title) if title else None,
        title_justify="left",
        title_style="bold",
        caption=caption or None,
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1),
    )
    listed = list(rows)
    for k, (header, justify) in enumerate(columns):
        whole = justify != "left"
        lines = [line for row in (header, *(row[k] for row in listed)) for line in row.split("\n")]
        table.add_column(
            Text(header),
            justify="right" if justify == "right" else "left",
            overflow="fold",
            no_wrap=whole,
            min_width=max(map(cell_len, lines)) if whole else None,
        )
    for i, row in enumerate(listed):
        # user data may hold [brackets]: text, not markup
        table.add_row(
            *(Text(cell) for cell in row), end_section=last_is_total and i == len(listed) - 2
        )
    return table


def fits(console: Console, table: Table) -> bool:
    """Whether a table's names and numbers stay whole on a console."""
    from rich.measure import Measurement

    endless = console.options.update_width(10_000)  # or the answer is cut to the console itself
    return Measurement.get(console, endless, table).minimum <= console.width


def show_table(console: Console, *tables: Table) -> None:
    """Print the first of some tables that fits, or the last; there numbers fold and are not cut."""
    table = next((table for table in tables if fits(console, table)), tables[-1])
    if not fits(console, table):
        for column in table.columns:
            column.no_wrap, column.min_width = False, None
    console.print(table)


def soft(text: str, width: int) -> str:
    """A long name with line breaks behind ``_``, ``-`` and ``/`` rather than inside a word.

    Parameters
    ----------
    text : str
        A name without spaces.
    width : int
        Lines are at most this long where the name can be broken [characters].
    """
    lines = [""]
    for part in re.findall(r"[^_/-]*[_/-]|[^_/-]+", text):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def print_summary(
    result: StudyResult, folder: Path, console: Console | None = None, lang: str = "en"
) -> None:
    """Print what a run found on one screen: the plan, what binds it, warnings, where the rest is.

    Parameters
    ----------
    result : StudyResult
        Of a run.
    folder : Path
        Where it was written.
    console : Console, optional
        The output stream when not given.
    lang : {'en', 'zh'}
        Language; warnings stay as they were given.
    """
    out, words = console or open_console(), Words(lang).of(result.dataset.attrs)
    out.print()
    if built := buildable_line(result.summary, words):
        say(out, built, "bold")
    sizes = ("wide", "normal", "narrow")
    if result.methods:
        show_table(out, *(_methods_table(result, size, words) for size in sizes))
    binding = binding_rows(result.tables.get("pools"))
    if binding:
        goal = str(result.summary.get("objective", {}).get("name", ""))
        parts = (binding_table(binding, goal, words, where=where) for where in (True, False))
        show_table(out, *(text_table("", heads, rows, caption=more) for heads, rows, more in parts))
    lines = cost_lines(
        result.summary.get("costs", {}), result.tables.get("cost_parts"), words, out.width
    )
    if lines:
        say(out, words("end.costs"), "bold")
        out.print(plain_list(lines))
    dated = path_lines(result.summary.get("pathway", {}), words)
    if dated:
        say(out, words("end.path"), "bold")
        out.print(plain_list(dated))
    if stands := standing_lines(result.summary.get("standing"), words):
        say(out, words("end.standing.title"), "bold")
        out.print(plain_list(stands))
    if emitted := emitter_lines(result.summary.get("emitters"), words):
        say(out, words("end.emitters.title"), "bold")
        out.print(plain_list(emitted))
    facts = {}
    if result.methods and "objective" in result.summary:
        facts[words("end.plan")] = certificate(result.summary["objective"], words)
        if lasting := durability_line(result.summary.get("durability", {}), words):
            facts[words("end.durability")] = lasting
    facts |= operation_facts(result.summary.get("operation", {}), words)
    facts |= uncertainty_lines(result.summary, result.tables, words)
    if stops := avoided_line(result.tables.get("methods"), words):
        facts[words("end.avoided")] = stops
    if "status" in result.summary.get("network", {}):
        facts[words("end.network")] = network_line(result.summary["network"], words)
    excluded = exclusion_line(result.tables.get("exclusions"), result.methods, words)
    facts[words("state.excluded")] = excluded
    facts[words("projects.head")] = project_line(result.tables.get("projects"), words)
    out.print(plain_list((what, text) for what, text in facts.items() if text))
    print_warnings(result.warnings, out, words)
    text = words("end.results", folder=folder)
    out.print(f"\n{text}", markup=False, highlight=False, soft_wrap=True)


def operation_facts(running: Mapping[str, Mapping[str, float]], words: Words) -> dict[str, str]:
    """What methods that run in the months that pay are built for, in sentences."""
    said = words("sentence.gap").join(
        words(
            "months.run",
            method=words.typed(name),
            capacity=number(one["capacity_mt_yr"]),
            made=number(one["gross_mt_yr"]),
            load=words.percent(one["load_factor"], 3),
        )
        for name, one in running.items()
    )
    return {words("months.runs"): said} if said else {}


def durability_line(classes: Mapping[str, Mapping[str, float]], words: Words) -> str:
    """Net removal by how long it stays stored; empty where nothing is removed."""
    net = {words(f"durability.{name}"): sums["net_mt_yr"] for name, sums in classes.items()}
    return words("list.clause").join(
        words("end.durability.class", net=number(tonnes), years=years)
        for years, tonnes in net.items()
        if tonnes > 0
    )


def buildable_line(summary: Mapping[str, Any], words: Words) -> str:
    """What of the plan can be built, in a sentence; empty where that is nearly all of it.

    Parameters
    ----------
    summary : mapping
        Of a run.
    words : Words
        Language.
    """
    built = summary.get("buildable")
    net = summary.get("net_mt_yr") or 0.0
    if built is None or net - built["net_mt_yr"] <= SMALL_PART * net:
        return ""
    lost = {reason: built[f"{reason}_net_mt_yr"] for reason in NOT_BUILT}
    large = {reason: tonnes for reason, tonnes in lost.items() if tonnes > SMALL_PART * net}
    why = words("list.clause").join(
        words(f"end.not_built.{reason}", n=number(tonnes)) for reason, tonnes in large.items()
    )
    facts = {"net": number(net), "built": number(built["net_mt_yr"]), "why": why}
    if path := summary.get("pathway"):
        return words("end.buildable.path", year=path["years"][-1], **facts)
    return words("end.buildable", **facts)


def certificate(objective: Mapping[str, Any], words: Words) -> str:
    """How good the plan is proven to be, in one line (rule 8)."""
    unit = str(objective["unit"])
    size, unit = amount(unit).total
    gap, asked = objective["gap"], objective["gap_asked"]
    name = str(objective["name"]) + (" over milestones" if "over" in objective else "")
    facts = {
        "name": words.named("end.objective", name),
        "value": number(objective["value"] / size, 4),
        "unit": words.unit(unit),
        "asked": f"{asked:.0e}".replace("e-0", "e-"),
        "gap": f"{gap:.1e}".replace("e-0", "e-"),
        "bound": number(objective["bound"] / size, 4),
        "sweeps": words.count("end.sweeps", objective["sweeps"]),
    }
    return words("end.optimal", **facts) if gap <= asked else words("end.open", **facts)


def _methods_table(result: StudyResult, size: str, words: Words) -> Table:
    """The plan by method and, where there is room, what each could do without rivals.

    ``size`` is "wide" (all columns), "normal" or "narrow".
    """
    shown = ["net_mt_yr", "mean_cost_usd_t", "land_km2"]
    if size != "narrow":
        shown = [shown[0], "gross_mt_yr", "cost_musd_yr", *shown[1:], "alone_net_mt_yr"]
    heads = ((words(f"end.head.{key}"), "right") for key in shown)
    columns = [(words("end.method"), "name"), *heads]
    frame = result.tables["methods"]
    rows = [
        [words.typed(str(row["method"])), *(number(row[key]) for key in shown)]
        for row in frame.to_dict("records")
    ]
    if len(frame) > 1:
        total = frame.sum(numeric_only=True).to_dict()
        net, money = total["net_mt_yr"], total["cost_musd_yr"]
        total["mean_cost_usd_t"] = money / net if net > 0 else math.nan
        total["alone_net_mt_yr"] = ""  # what each does without the others has no sum
        rows.append([words("end.total"), *(number(total[key]) for key in shown)])
    if size == "wide":
        columns.append((words("end.alone_limits"), "left"))
        rests = [limit_words(row, words) for row in frame.to_dict("records")]
        limits = [*rests, ""]
        rows = [[*cells, limit] for cells, limit in zip(rows, limits, strict=False)]
    title = result.scenario.title or result.scenario.name
    facts = {"title": title, "year": result.scenario.costs.base_year}
    head = words("end.money", **facts)
    if path := result.summary.get("pathway"):
        head = words("end.money.path", last=path["years"][-1], **facts)
    caption = words("end.alone") if "alone_net_mt_yr" in shown else ""
    return text_table(head, columns, rows, caption=caption, last_is_total=len(frame) > 1)


def print_explanation(explanation: Explanation, *, as_json: bool = False) -> None:
    """Print why a cell is what it is."""
    if as_json:
        print_json(explanation.as_dict())
        return
    out = open_console()
    say(out, explanation.head, "bold")
    say(out, explanation.lead)
    out.print(plain_list(explanation.lines))
    for here in explanation.methods.values():
        say(out, f"\n{here.label}", "bold")
        out.print(plain_list(here.lines))


def network_line(network: dict[str, Any], words: Words) -> str:
    """Size, cost and proof of the network, in one sentence (rule 8).

    Parameters
    ----------
    network : dict
        ``summary["network"]`` of a run.
    words : Words
        Language.
    """
    if "gap" not in network:  # nothing was designed, and the status says why
        return words(f"end.{network['status']}")
    if not network["stored_mt_yr"] > 0:
        return words("end.nothing_stored")
    gap, part = f"{100 * network['gap']:.2g}", network["gap_transport"]
    proof = words("end.within", gap=gap)
    if part is not None:
        proof = words("end.within_transport", gap=gap, transport=f"{100 * part:.2g}")
    if network["status"] == "optimal":
        proof = words("end.cheapest")
    elif not network["reproducible"]:
        proof = words("end.cut", proof=proof)
    served = network.get("emitters", 0)
    sources = words("end.emitters", n=served) if not network["plants"] else ""
    if not sources:
        sources = words("end.plants", n=network["plants"])
        if served:
            sources = words("end.both", plants=sources, emitters=words("end.emitters", n=served))
    return words(
        "end.pipes", sources=sources, pipes=network["pipes"],
        km=number(network["pipes_km"]), cost=f"{network['cost_usd_t']:.1f}",
        transport=f"{network['transport_usd_t']:.2f}", proof=proof,
    )  # fmt: skip


SHOWN_RULES = 3
"""Exclusion rules named on the terminal."""


def exclusion_line(rules: pd.DataFrame | None, methods: Sequence[str], words: Words) -> str:
    """The exclusion rules that remove most, in one sentence.

    Parameters
    ----------
    rules : DataFrame or None
        Table ``exclusions`` of a run.
    methods : sequence of str
        All methods.
    words : Words
        Language.
    """
    if rules is None or not len(rules):
        return ""
    most = rules.sort_values("removes_km2", ascending=False, kind="stable")
    named: dict[str, str] = {}
    for row in most.to_dict("records"):
        name, percent = str(row["rule"]), row["removes_percent"]
        if name not in named and percent > 0:
            # a rule has a row for each group of methods that keep the same rules
            off = (rules["removes_percent"] - percent).abs()
            alike = rules[(rules["rule"] == row["rule"]) & (off <= 1e-9 * percent)]
            holders = ", ".join(map(str, alike["methods"])).split(", ")
            who = of_whom(holders, methods, words, words.typed)
            share = "<0.1" if percent < 0.1 else number(percent, 2)
            told = words("end.who", who=who) if who else ""
            facts = {"name": words.named("rule", name), "share": share, "who": told}
            named[name] = words("end.rule" if named else "end.rule_first", **facts)
    if not named:
        return words("end.none_excluded")
    more = len(named) - SHOWN_RULES
    rest = [words("end.more_rules", n=more)] if more > 0 else []
    return words("why.between").join([*[*named.values()][:SHOWN_RULES], *rest])


MINOR_WARNINGS = (
    # what is not recognised comes first: it may change the answer
    r"left out|keeps no feature|cover no area|only beside it|outside the grid|reach no storage|"
    r"no lines to cross|without a connection|have no place|is not applied|the plan is for",
    r"is unknown|no value in|`unknown`",
    r"repaired|uses this layer|routes are drawn|are joined to the nearest",
)
"""Kinds of warnings, the more important first: something is left out; unknown; housekeeping."""
SHOWN_WARNINGS = 12
"""Warnings repeated at the end of a run."""


def ranked_warnings(texts: Iterable[str]) -> list[str]:
    """Warnings, each once, the most important first; in order where they are equal."""

    def rank(text: str) -> int:
        kinds = (k for k, words in enumerate(MINOR_WARNINGS, 1) if re.search(words, text))
        return next(kinds, 0)

    return sorted(dict.fromkeys(texts), key=rank)


def print_warnings(texts: Iterable[str], console: Console, words: Words) -> None:
    """Repeat the warnings of a run, numbered, the most important first."""
    listed = ranked_warnings(texts)
    if not listed:
        return
    console.print(f"\n{words.count('end.warnings', len(listed))}", style="bold", highlight=False)
    rows = [(f"{i}.", text) for i, text in enumerate(listed[:SHOWN_WARNINGS], 1)]
    console.print(plain_list(rows))
    if len(listed) > SHOWN_WARNINGS:
        more = len(listed) - SHOWN_WARNINGS
        console.print(words("end.more_warnings", n=more), style="dim", highlight=False)


STATE_STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red"}


def print_checks(checks: Sequence[Check], console: Console | None = None) -> None:
    """Print what the doctor found, and how to cure it.

    Parameters
    ----------
    checks : sequence of Check
        From :func:`cdrsite.cli.doctor.examine`.
    console : Console, optional
        The output stream when not given.
    """
    from rich.text import Text

    out = console or open_console()
    columns = (("", "name"), ("what", "name"), ("found", "left"))
    # the cure stands under what it cures
    rows = [(c.state, c.name, c.found + (f"\n→ {c.cure}" if c.cure else "")) for c in checks]
    table = text_table("", columns, rows)
    for cell in table.columns[0].cells:
        if isinstance(cell, Text) and cell.plain in STATE_STYLES:
            cell.stylize(STATE_STYLES[cell.plain])
    show_table(out, table)
    problems = sum(check.state == "problem" for check in checks)
    warned = sum(check.state == "warning" for check in checks)
    verdict = (
        f"{problems} problem{'s' * (problems > 1)}: a study will not run before the cure"
        if problems
        else "ready to run a study"
    )
    more = f"; {warned} warning{'s' * (warned > 1)}" if warned else ""
    say(out, f"{verdict}{more}", "bold")


def print_json(document: Any) -> None:
    """Print one JSON document; what is no number is null."""
    from cdrsite.outputs.tables import plain

    json.dump(plain(document), sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")
