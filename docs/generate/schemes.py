"""The page of the schemes that pay for removal."""

from __future__ import annotations

from cdrsite.core.numbers import exact
from cdrsite.library.credits import CreditScheme, credit_schemes
from generate import library
from generate.markdown import code, page, sentences, table, text

INTRO = """
# Credit schemes

What laws and markets pay for a tonne, for {confval}`objective.credits`. Amounts that a law sets
have their source; the price of a market is your own (`amount: 100 USD/t`). What is given in a
scenario replaces what the scheme says. `cdrsite credits NAME` prints the same.
"""


def pages() -> dict[str, str]:
    """Name of a page -> its text."""
    schemes = credit_schemes().values()
    rows = [
        (f"[{code(one.name)}](#credit-{one.name})", text(one.title["en"]), text(_pays(one)))
        for one in schemes
    ]
    cited = {one.source for one in schemes}
    cited |= {
        r.source for one in schemes if one.amount for r in (one.amount, *one.amount.alternatives)
    }
    return {
        "credits": page(
            INTRO,
            table(("Scheme", "What it is", "Pays"), rows),
            *(_section(one) for one in schemes),
            "## Sources",
            library.sources(cited),
        )
    }


def _pays(one: CreditScheme) -> str:
    amount = "the market's price per t"
    if one.amount is not None and one.amount.value is not None:
        amount = f"{exact(one.amount.value)} {one.amount.unit}"
    return f"{amount} {one.basis}" + ("" if one.years is None else f", {exact(one.years)} years")


def _least(number: float | None, unit: str) -> str:
    return "" if number is None else f"{exact(number)} {unit} or more"


def _section(one: CreditScheme) -> str:
    """One scheme."""
    records = [] if one.amount is None else [one.amount, *one.amount.alternatives]
    amounts = " Or ".join(
        f"{library.number(r.value)} {code(r.unit)} ({code(r.source)}): "
        f"{sentences(r.locator, r.note)}"
        for r in records
    )
    span = ((one.from_, "from"), (one.to, "until"))
    facts = [
        ("Pays", text(_pays(one))),
        ("Amount", amounts),
        ("Programme", text(one.programme)),
        ("Where", text(one.region)),
        ("Plants start", " ".join(f"{word} {year:g}" for year, word in span if year is not None)),
        ("CO2 from", one.co2_origin or ""),
        ("Storage", ", ".join(p for p in (one.storage_type, one.sink_type) if p)),
        ("Families of methods", ", ".join(one.families)),
        ("Stored for", _least(one.min_durability, "years")),
        ("Plants of", _least(one.min_t_yr, "t/yr")),
        ("Rules from", code(one.source)),
    ]
    return page(
        f"(credit-{one.name})=\n## {code(one.name)}",
        f"{text(one.title['en'])}.",
        library.facts(facts),
        text(one.note),
    )
