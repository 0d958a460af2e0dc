"""What pages about files of the library share: records, ranges and sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cdrsite.core.numbers import exact
from cdrsite.library.records import Reference, load_sources
from generate.markdown import code, sentences, table, text


def number(value: float | None) -> str:
    """A number as its record has it; a value that no source gives is unknown, not 0 (rule 10)."""
    return "unknown" if value is None else exact(value)


def amount(value: float | None, name: str, year: int | None, ends: str = "") -> str:
    """A number with its unit, and its range where one is given."""
    shown = " ".join(one for one in (number(value), unit(name, year)) if one)
    return f"{shown}, {ends}" if ends else shown


def spread(low: float | None, high: float | None) -> str:
    """The range of a record."""
    if low is None and high is None:
        return ""
    if low is None or high is None:
        return f"from {exact(low)}" if high is None else f"up to {exact(high)}"
    return f"{exact(low)} to {exact(high)}"


def unit(name: str, year: int | None) -> str:
    """A unit, money with its year."""
    shown = name if year is None or str(year) in name else f"{name} ({year})"
    return "" if shown == "1" else code(shown)


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """What is known of one thing, a line each; what is not known is left out."""
    known = [(name, value) for name, value in rows if value]
    return f":::{{div}} facts\n{table(('', ''), known)}:::\n"


def sources(cited: Iterable[str], own: Mapping[str, Reference] | None = None) -> str:
    """Sources in full, by id."""
    known = {**load_sources(), **(own or {})}
    lines = []
    for name in sorted(set(cited)):
        one = known[name]
        address = f" {text(one.url)}" if one.url and one.url not in one.citation else ""
        cited = sentences(one.citation) if one.note or address else text(one.citation)
        note = f" {text(one.note)}" if one.note else ""
        lines.append(f"{code(name)}\n: {cited}{address}{note}")
    return "\n\n".join(lines)
