"""Kinds of storage in the terminal, and what one of them needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdrsite.core.numbers import exact

if TYPE_CHECKING:
    from rich.console import Console

    from cdrsite.library.records import Value
    from cdrsite.library.storage import StorageKind


def print_storage_kinds(*, as_json: bool = False, console: Console | None = None) -> None:
    """Print the kinds of storage."""
    from cdrsite.cli.tables import (
        NAME_WIDTHS,
        open_console,
        print_json,
        show_table,
        soft,
        text_table,
    )
    from cdrsite.library.storage import storage_kinds

    kinds = storage_kinds().values()
    if as_json:
        print_json([kind.model_dump(mode="json") for kind in kinds])
        return
    out = console or open_console()
    columns = (("storage", "name"), ("what it is", "left"), ("a tonne needs there", "left"))
    tables = (
        text_table(
            "Kinds of storage", columns, [(soft(k.name, w), k.title["en"], needs(k)) for k in kinds]
        )
        for w in NAME_WIDTHS[1:]
    )
    show_table(out, *tables)
    out.print("depth, cost, needs and sources of one: cdrsite storage NAME", style="dim")


def needs(kind: StorageKind) -> str:
    """What a tonne needs in a kind of storage, in a few words."""
    if kind.takes == "product":
        return "what the method that fills it says"
    given = [f"{name} {amount_of(record)}" for name, record in kind.needs.items()]
    return ", ".join(given) or "nothing besides its cost"


def amount_of(record: Value) -> str:
    """A number with its range and unit: "27 m3/t (22 to 40)"."""
    shown = "unknown" if record.value is None else f"{exact(record.value)} {record.unit}"
    low, high = record.low, record.high
    if low is not None and high is not None:
        return f"{shown} ({exact(low)} to {exact(high)})"
    return shown


def print_storage_kind(name: str, *, as_json: bool = False, console: Console | None = None) -> None:
    """Print what a kind of storage needs and costs, with its sources.

    Raises
    ------
    ConfigError
        Unknown kind.
    """
    from cdrsite.cli.catalogue import print_sources
    from cdrsite.cli.tables import open_console, plain_list, print_json
    from cdrsite.core.words import Words
    from cdrsite.library.records import load_sources
    from cdrsite.library.storage import load_storage_kind

    kind, sources = load_storage_kind(name), load_sources()
    cited = {key: sources[key] for key in kind.sources}
    if as_json:
        document = kind.model_dump(mode="json")
        document["sources"] = {key: {"id": key, **one.model_dump()} for key, one in cited.items()}
        print_json(document)
        return
    out = console or open_console()
    out.print(f"{kind.name}: {kind.title['en']}", style="bold", highlight=False)
    facts = {"also called": ", ".join(kind.also), "carbon stays": kind.storage_type}
    facts["takes"] = "CO2" if kind.takes == "co2" else "the product of a method"
    for key, record in kind.records.items():
        about = " ".join(one for one in (f"{record.locator}.", record.note) if one)
        facts[key.replace("_", " ")] = f"{amount_of(record)}: {about} [{record.source}]"
    facts |= {"asks for": kind.gates, "note": kind.note}
    out.print(plain_list((key, value) for key, value in facts.items() if value))
    print_sources(out, cited, Words())
