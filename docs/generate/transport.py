"""Pages of the transport cost models."""

from __future__ import annotations

from cdrsite.core.numbers import exact
from cdrsite.library.transport import TransportModel, load_transport_models
from generate import library
from generate.markdown import block, code, page, sentences, table, text, toctree

INTRO = """
# Transport models

Published cost models of pipelines, trucks and ships. They differ by a factor of 3 to 5 at equal
flow, so several are shipped and none is averaged (rule 10): `low`, `central` and `high` of
{confval}`transport.model` take the cheapest, the median and the dearest onshore pipeline at each
flow, and a name takes one. `cdrsite schema --transport` is the form of such a file.
"""


def pages() -> dict[str, str]:
    """Name of a page -> its text."""
    models = load_transport_models()
    made = {f"transport/{name}": _page(one) for name, one in models.items()}
    rows = [
        (
            f"[{code(name)}](transport/{name}.md)",
            text(one.title),
            one.mode.replace("-", " "),
            text(_money(one)),
        )
        for name, one in models.items()
    ]
    listed = [f"transport/{name}" for name in models]
    made["transport"] = page(
        INTRO, table(("Model", "What it is", "Mode", "Result"), rows), toctree(listed, hidden=True)
    )
    return made


def _money(one: TransportModel) -> str:
    year = one.currency_year
    return f"{one.unit}, price year {'not stated' if year is None else year}"


def _page(one: TransportModel) -> str:
    """One model."""
    variables = [
        (code(name), text(v.meaning), code(v.unit), library.spread(v.low, v.high))
        for name, v in one.variables.items()
    ]
    keys = list(dict.fromkeys(key for row in one.coefficients.values() for key in row))
    head = ("Component", *map(code, keys))
    parts = [
        f"# {text(one.title)}",
        library.facts(
            [
                ("Name in a scenario", code(one.name)),
                ("Mode", one.mode.replace("-", " ")),
                ("Form", one.form),
                ("Result", text(_money(one))),
                ("Region of the coefficients", text(one.default_region or "")),
            ]
        ),
        block("text", one.equation),
        table(("Variable", "Meaning", "Unit", "Valid from and to"), variables),
        "## Coefficients",
        _coefficients(head, keys, one.coefficients),
    ]
    for region, rows in one.regions.items():
        parts += [f"### Region {code(region)}", _coefficients(head, keys, rows)] if rows else []
    for name, steps in one.steps.items():
        ends = [*(f"up to {exact(end)}" for end in steps.below_or_at), "above"]
        levels = [(end, exact(value)) for end, value in zip(ends, steps.values, strict=True)]
        title = f"{code(name)} by {code(steps.variable)}"
        parts += [
            f"### {title}",
            table((code(steps.variable), f"Value [{text(steps.unit)}]"), levels),
        ]
    if one.parameters:
        values = [
            (
                code(name),
                library.amount(p.value, p.unit, p.currency_year),
                library.spread(p.low, p.high),
                f"{code(p.source)}, {sentences(p.locator, p.note)}",
            )
            for name, p in one.parameters.items()
        ]
        parts += ["## Parameters", table(("Parameter", "Value", "Range", "Source"), values)]
    cited = {one.source, *(p.source for p in one.parameters.values())}
    return page(
        *parts, text(one.note), "## Sources", sentences(one.locator), library.sources(cited)
    )


def _coefficients(head: tuple[str, ...], keys: list[str], rows: dict[str, dict[str, float]]) -> str:
    shown = [
        (text(name), *(exact(row[key]) if key in row else "" for key in keys))
        for name, row in rows.items()
    ]
    return table(head, shown)
