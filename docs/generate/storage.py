"""The page of the kinds of storage."""

from __future__ import annotations

from cdrsite.library.storage import StorageKind, storage_kinds
from generate import library
from generate.markdown import code, page, sentences, table, text

INTRO = """
# Kinds of storage

What a tonne needs and costs where it is stored, and how long it stays.
{confval}`resources.storage.kind` says which kind a unit is of: a column of the layer, or one kind
for all. What the kind needs is drawn from the pools that the unit lies in, paid at the prices of
the study, and the power emits what it does there; it stands in `tables/storage_needs.csv`.
`cdrsite storage NAME` prints the same.
"""


def pages() -> dict[str, str]:
    """Name of a page -> its text."""
    kinds = storage_kinds().values()
    rows = [
        (f"[{code(one.name)}](#storage-{one.name})", text(one.title["en"]), _needs(one))
        for one in kinds
    ]
    return {
        "storage": page(
            INTRO,
            table(("Kind", "What it is", "A tonne needs there"), rows),
            *(_section(one) for one in kinds),
            "## Sources",
            library.sources({source for one in kinds for source in one.sources}),
        )
    }


def _needs(one: StorageKind) -> str:
    if one.takes == "product":
        return "what the method that fills it says"
    given = [f"{name} {library.number(r.value)} {code(r.unit)}" for name, r in one.needs.items()]
    return ", ".join(given) or "nothing besides its cost"


def _section(one: StorageKind) -> str:
    """One kind."""
    rows = [
        (
            text(name.replace("_", " ")),
            library.amount(r.value, r.unit, r.currency_year),
            library.spread(r.low, r.high),
            f"{code(r.source)}, {sentences(r.locator, r.note)}",
        )
        for name, r in one.records.items()
    ]
    facts = [
        ("Also called in data", ", ".join(code(word) for word in one.also)),
        ("Carbon stays", one.storage_type),
        ("Takes", "CO2" if one.takes == "co2" else "the product of a method"),
        ("Asks for", text(one.gates)),
    ]
    return page(
        f"(storage-{one.name})=\n## {code(one.name)}",
        f"{text(one.title['en'])}.",
        library.facts(facts),
        table(("Number", "Value", "Range", "Source"), rows),
        text(one.note),
    )
