"""Kinds of storage in the terminal, and what one of them needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdrsite.core.numbers import exact
from cdrsite.core.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console

    from cdrsite.library.records import Value
    from cdrsite.library.storage import StorageKind


def print_storage_kinds(
    *, as_json: bool = False, lang: str = "en", console: Console | None = None
) -> None:
    """Print the kinds of storage."""
    from cdrsite.cli.tables import (
        NAME_WIDTHS,
        open_console,
        print_json,
        say,
        show_table,
        soft,
        text_table,
    )
    from cdrsite.library.storage import storage_kinds

    kinds = storage_kinds().values()
    if as_json:
        print_json([kind.model_dump(mode="json") for kind in kinds])
        return
    out, words = console or open_console(), Words(lang)
    wide = {"storage": "name", "about": "left", "needs": "left"}
    columns = [(words(f"catalogue.head.{head}"), kind) for head, kind in wide.items()]
    tables = (
        text_table(
            words("catalogue.storage"),
            columns,
            [(soft(k.name, w), words.said(k.title), needs(k, words)) for k in kinds],
        )
        for w in NAME_WIDTHS[1:]
    )
    show_table(out, *tables)
    say(out, words("catalogue.storage.more"), "dim")


def needs(kind: StorageKind, words: Words) -> str:
    """What a tonne needs in a kind of storage, in a few words."""
    if kind.takes == "product":
        return words("catalogue.needs.product")
    given = [
        f"{words.resource(name)} {amount_of(record, words)}" for name, record in kind.needs.items()
    ]
    return words("list.comma").join(given) or words("catalogue.needs.none")


def amount_of(record: Value, words: Words) -> str:
    """A number with its range and unit: "27 m3/t (22 to 40)"."""
    shown = (
        words("state.unknown") if record.value is None else f"{exact(record.value)} {record.unit}"
    )
    low, high = record.low, record.high
    if low is not None and high is not None:
        return f"{shown} ({words('catalogue.range', low=exact(low), high=exact(high))})"
    return shown


def records_in_words(records: Mapping[str, Value], words: Words) -> Iterator[tuple[str, str]]:
    """Numbers of the library, a row each: what it is; how much, where that stands, its source."""
    for key, record in records.items():
        about = " ".join(one for one in (f"{record.locator}.", record.note) if one)
        own = f"catalogue.number.{key}"
        name = words(own) if words.has(own) else words.resource(key)
        yield name, f"{amount_of(record, words)}: {about} [{record.source}]"


def print_storage_kind(
    name: str, *, as_json: bool = False, lang: str = "en", console: Console | None = None
) -> None:
    """Print what a kind of storage needs and costs, with its sources.

    Raises
    ------
    ConfigError
        Unknown kind.
    """
    from cdrsite.cli.catalogue import in_words, print_sources
    from cdrsite.cli.tables import open_console, plain_list, print_json, say
    from cdrsite.library.records import load_sources
    from cdrsite.library.storage import load_storage_kind

    kind, sources = load_storage_kind(name), load_sources()
    cited = {key: sources[key] for key in kind.sources}
    if as_json:
        document = kind.model_dump(mode="json")
        document["sources"] = {key: {"id": key, **one.model_dump()} for key, one in cited.items()}
        print_json(document)
        return
    out, words = console or open_console(), Words(lang)
    say(out, f"{kind.name}: {words.said(kind.title)}", "bold")
    what = {
        "also": ", ".join(kind.also),
        "stays": words(f"catalogue.store.{kind.storage_type}"),
        "takes": words(f"catalogue.takes.{kind.takes}"),
    }
    out.print(
        plain_list(
            [
                *in_words(what, words),
                *records_in_words(kind.records, words),
                *in_words({"asks": kind.gates, "note": kind.note}, words),
            ]
        )
    )
    print_sources(out, cited, words)
