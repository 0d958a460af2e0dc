"""Pages of the removal methods: what each is, its values with their sources, its costs by part."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, cast

from cdrsite.config.models import Scenario
from cdrsite.core.annuity import crf
from cdrsite.core.errors import ConfigError
from cdrsite.core.grid import Block
from cdrsite.core.numbers import exact, number
from cdrsite.core.reader import LayerReader
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.core.words import Words
from cdrsite.library.gates import told
from cdrsite.library.methods import Method, Profile, load_method, method_names, to_rows
from cdrsite.library.parameters import PARAMETERS
from cdrsite.methods.cost import PlantCosts, gross_cost_terms, present_value
from cdrsite.methods.formulae import Ingredients, cost_parts, net_factor_sum
from cdrsite.methods.model import MethodModel, method_model, priced
from cdrsite.methods.net import ChainLosses, Emissions, net_factor_terms
from cdrsite.place.registry import DEPENDENCES, own_layers, place_numbers
from cdrsite.scoring.sums import Sum
from generate import library
from generate.markdown import block, code, page, sentences, table, text, toctree

WORDS = Words("en")
CHINESE = Words("zh")

INTRO = """
# Removal methods

Each page is made from a method's file in the library: every value with its unit, range and source,
the records that disagree below the one in use, and what a gross tonne costs by part. A method file
of your own has the same form (`cdrsite schema --methods`; {doc}`/extend`), and `cdrsite methods
NAME` prints the same in a terminal.

A need is per gross tonne captured from air or from plants (rule 5). A value that no source gives
is unknown and not 0 (rule 10): a run whose numbers rest on it stops and asks for yours.
"""

PLAIN_PLACE = """
The table shows what a gross tonne costs, in USD of {year}, where the place changes nothing: at the
default prices of a scenario ({confval}`costs.prices`), a real discount rate of {rate}, carbon-free
power that is bought, and before transport and storage, which the routes of a study decide. Last
stands what is left of the tonne.
"""


@cache
def _scenario(method: str, profile: str) -> Scenario:
    """A study of one method in which nothing is said but its profile."""
    named = {"name": "reference", "region": {"bounds": [0.0, 0.0, 1.0, 1.0]}}
    return Scenario.model_validate({**named, "methods": {method: {"profile": profile}}})


def pages() -> dict[str, str]:
    """Name of a page -> its text."""
    names = method_names()
    made = {f"methods/{name}": _page(load_method(name)) for name in names}
    rows = [
        (
            f"[{text(WORDS.method(name))}](methods/{name}.md)",
            code(name),
            load_method(name).family,
            text(WORDS.said(load_method(name).durability)),
            LEDGERS[load_method(name).ledger_class],
        )
        for name in names
    ]
    made["methods"] = page(
        INTRO,
        table(("Method", "Name in a scenario", "Family", "Stored for", "Its tonnes are"), rows),
        "Plants whose costs stand on different bases cannot be compared ({confval}`costs.basis`).",
        "{doc}`equations` has the formulae that all of them are counted by.",
        toctree(["equations", *(f"methods/{name}" for name in names)], hidden=True),
    )
    made["equations"] = _equations()
    return made


def _page(method: Method) -> str:
    """One method."""
    title = WORDS.method(method.name)
    parts = [
        f"# {title[:1].upper()}{title[1:]}",
        f"{text(method.title['en'])}. In Chinese: {text(CHINESE.method(method.name))}.",
        library.facts(_facts(method)),
        text(WORDS.said(method.note)),
    ]
    if method.usable_land:
        shares = ", ".join(
            f"{code(name)} {exact(share)}" for name, share in method.usable_land.items()
        )
        parts += [f"Share of the classes of land that it can use: {shares}."]
    if method.gates:
        parts += ["## What must hold of a place", GATES, _gates(method)]
    parts += ["## Costs by part", _costs(method)]
    if method.learning is not None:
        parts += ["## Costs as the world builds more", *_learning(method)]
    for name in method.profile_names:
        parts += _profile(method, method.profile(name))
    parts += ["## Sources", library.sources(_cited(method), method.sources)]
    return page(*parts)


GATES = """
A scenario binds a layer to each by its name (`methods.NAME.gates`), and may move its number; what
is preferred excludes nothing, and scores.
"""


def _gates(method: Method) -> str:
    """What must hold of a place for a method, with the source."""
    return table(
        ("Gate", "Asks for", "Excludes", "Source"),
        [
            (
                code(name),
                text(f"{told(name, gate, WORDS)}; {told(name, gate, CHINESE)}"),
                "yes" if gate.strength == "hard" else "no, preferred",
                f"{code(gate.source)}, {sentences(gate.locator)}",
            )
            for name, gate in method.gates.items()
        ],
    )


ORIGINS = {"air": "the air", "biogenic": "plants", "mixed": "works, of which a share is biogenic"}
LEDGERS = {
    "removal": "CO2 removed",
    "avoided": "emissions that stop, which are no removal",
    "mixed": "CO2 removed, and emissions that stop, apart",
}


def _facts(method: Method) -> list[tuple[str, str]]:
    profiles = [f"[{code(name)}](#{_anchor(method.name, name)})" for name in method.profile_names]
    return [
        ("Name in a scenario", code(method.name)),
        ("Family", method.family),
        ("CO2 comes from", ORIGINS[method.co2_origin]),
        ("Its tonnes are", LEDGERS[method.ledger_class]),
        (
            "It goes into",
            {"geological": "geological storage"}.get(method.storage_type, method.storage_type),
        ),
        ("Stored for", text(WORDS.said(method.durability))),
        ("Profiles, the default first", ", ".join(profiles)),
    ]


def _anchor(method: str, profile: str) -> str:
    return f"profile-{method}-" + "".join(
        sign if sign.isalnum() else "-" for sign in profile.lower()
    )


def _profile(method: Method, profile: Profile) -> list[str]:
    """All values of a profile."""
    own = [row for row in to_rows(method, profile.name) if row["inherited_from"] is None]
    rows = [_value(row) for row in own]
    head = ("Parameter", "Value", "Source")
    rest = ""
    if profile.extends is not None:
        base = f"[{code(profile.extends)}](#{_anchor(method.name, profile.extends)})"
        rest = f"What this profile does not say stands in {base}."
    about = [
        ("What it is", text(WORDS.said(profile.title))),
        ("Cost basis", profile.cost_basis or "not stated"),
        ("Heat comes from", profile.heat_source if profile.heat_source != "none" else ""),
        ("Note", text(WORDS.said(profile.note))),
    ]
    return [
        f"({_anchor(method.name, profile.name)})=\n## Profile {code(profile.name)}",
        library.facts(about),
        rest,
        table(head, rows),
    ]


def _value(row: Mapping[str, Any]) -> tuple[str, ...]:
    """One record of a profile as a row."""
    name = str(row["parameter"])
    meaning = "or, by another source" if row["alternative"] else text(PARAMETERS[name].meaning)
    shown = meaning if row["alternative"] else f"{code(name)} {meaning}"
    place = f"{code(row['source'])}, {sentences(row['locator'], row['note'])}"
    spread = library.spread(row["low"], row["high"])
    value = library.amount(row["value"], str(row["unit"]), row["currency_year"], spread)
    return shown, value, place


def _cited(method: Method) -> set[str]:
    rows = (row for name in method.profiles for row in to_rows(method, name))
    return {str(row["source"]) for row in rows} | set(method.sources)


def _costs(method: Method) -> str:
    """What a gross tonne costs by part and profile, where the place changes nothing."""
    columns, unknown = {}, []
    for name in method.profile_names:
        scenario = _scenario(method.name, name)
        try:
            model = method_model(method.name, scenario)
        except ConfigError as error:  # values that no source gives
            unknown.append(f"Profile {code(name)}: {text(str(error).partition('; cure')[0])}.")
            continue
        columns[name] = _numbers(model, scenario)
    if not columns:
        return page(*unknown)
    kinds = list(next(iter(columns.values())))
    parts = [p for p in kinds if p != "net" and any(c[p] != 0 for c in columns.values())]
    rows = []
    for name, found in columns.items():
        numbers = [found[part] for part in parts]
        known = [value for value in numbers if value is not None]
        total = sum(known) if len(known) == len(numbers) else None
        shown = [_shown(value) for value in (*numbers, total, found["net"])]
        rows.append((code(name), f"**{shown[-2]}**", *shown[:-2], shown[-1]))
    words = (text(Words.heading(part_in_words(part))) for part in parts)
    head = ("Profile", "Together", *words, "Net t per gross t")
    if len(head) > len(rows) + 1:  # many parts of few profiles: a row for each part
        head, *rows = zip(head, *rows, strict=True)
    rate = f"{100 * _scenario(method.name, method.default_profile).costs.discount_rate:g} %"
    year = _scenario(method.name, method.default_profile).costs.base_year
    about = PLAIN_PLACE.replace("{rate}", rate).replace("{year}", str(year))
    return page(about, table(head, rows), *unknown)


def _numbers(model: MethodModel, scenario: Scenario) -> dict[str, float | None]:
    """Parts of the cost and the net factor of a place without any layer of its own."""
    use = priced(model, scenario)
    needs, given = use.needs, Ingredients(frozenset(), 0.0, 0.0, 0.0, 0.0)
    here = own_layers(use, place_numbers(use), cast(LayerReader, None), Block(0, 1, 0, 1))
    found: dict[str, Sum] = cost_parts(use, needs, scenario, given)
    found["net"] = net_factor_sum(use, needs, scenario, given)
    return {
        part: float(one.evaluate(here).item()) if one.layers <= here.keys() else None
        for part, one in found.items()
    }


def part_in_words(part: str) -> str:
    """What a part of the cost is called: in the words for it, else as the resource that it pays."""
    resource = next(
        (one.name for one in RESOURCES.values() if one.price and one.part == part), None
    )
    if not WORDS.has(f"why.part.{part}") and resource is not None:
        return WORDS.resource(resource)
    return WORDS.named("why.part", part).replace("_", " ")


def _shown(value: float | None) -> str:
    return "by place" if value is None else number(value)


def _learning(method: Method) -> list[str]:
    learning = method.learning
    assert learning is not None  # noqa: S101 - asked before
    bases = ", ".join(
        f"{code(name)} at {number(at / 1e6)} Mt/yr" for name, at in learning.bases.items()
    )
    rows = [
        (
            number(one.world_capacity / 1e6),
            *(number(v) for v in (one.capital, one.fixed_om, one.variable_om)),
        )
        for one in learning.points
    ]
    head = (
        "World capacity, Mt/yr",
        "Capital, per t/yr of nameplate",
        "Fixed operation, per year and t/yr",
        "Variable operation, per t",
    )
    source = f"{code(learning.source)}, {sentences(learning.locator, learning.note)}"
    return [
        f"In {learning.money}. What {{confval}}`costs.basis` stands for: {bases}. Between "
        "the points the logarithms are linear, and beyond the ends the costs are held.",
        table(head, rows),
        source,
    ]


# ---------------------------------------------------------------- equations


MANY = 3
"""A factor of more products than this stands before a bracket."""


def _equations() -> str:
    """The formulae that every method is counted by, as the program holds them."""
    # numbers that are not 0, so that no product drops out
    plant = PlantCosts(**{one.name: 1.0 for one in fields(PlantCosts)})
    cost = gross_cost_terms(plant, 0.0)
    losses = ChainLosses(**{one.name: 0.01 for one in fields(ChainLosses)})
    given = inspect.signature(net_factor_terms).parameters.values()
    intensities = {one.name: 1.0 for one in given if one.kind is one.KEYWORD_ONLY}
    net = net_factor_terms(losses, Emissions(), **intensities)
    dependences = [
        f"### {code(name)}\n\n{_docstring(type(one))}\n\n{_module(type(one))}"
        for name, one in DEPENDENCES.items()
    ]
    return page(
        "# Equations",
        "Every formula of the scoring is data: a sum of products of numbers and layers. The "
        "program evaluates it in one place, and these tables are read from it.",
        "## Cost of a gross tonne",
        "Each part is a number of the method times the factors that stand beside it.",
        table(
            ("Part", "Factors"), [(text(part_in_words(p)), _factors(s)) for p, s in cost.items()]
        ),
        *(_function(one) for one in (gross_cost_terms, crf, present_value)),
        "## Net tonnes of a gross tonne",
        "A constant, the share that is stored less the emissions that no place changes, and less "
        "these products:",
        table(("Factors",), [(_product(term.layers),) for term in net.terms if term.layers]),
        _function(net_factor_terms),
        "A net factor of 0 or less excludes the place for that method, with that reason.",
        "## What depends on the place",
        "Each dependence changes needs, output or emissions where a scenario gives its "
        "layers, and only there.",
        *dependences,
    )


def _function(function: Callable[..., Any]) -> str:
    """A function as its docstring has it."""
    home = f"{function.__module__}.{function.__name__}"
    return f"```{{eval-rst}}\n.. autofunction:: {home}\n   :no-index:\n```"


def _factors(terms: Sum) -> str:
    """A sum of products; a factor that many of them share stands before their bracket."""
    products = [term.layers for term in terms.terms]
    often = Counter(name for names in products for name in names).most_common(1)
    shared = often[0][0] if often and often[0][1] > MANY else None
    alone = [_product(names) for names in products if shared not in names]
    if shared is not None:
        inner = [[n for n in names if n != shared] for names in products if shared in names]
        together = " + ".join(_product(tuple(names)) for names in inner)
        alone.append(f"{code(shared)} × ({together})")
    return " + ".join(alone)


def _product(names: tuple[str, ...]) -> str:
    return " × ".join(code(name) for name in names)


def _docstring(kind: type) -> str:
    lines = inspect.cleandoc(kind.__doc__ or "").splitlines()
    return text(_plain(lines[0])) if lines else ""


def _module(kind: type) -> str:
    words = inspect.cleandoc(inspect.getmodule(kind).__doc__ or "")
    return "\n\n".join(
        block("text", inspect.cleandoc(one)) if one.startswith("    ") else text(_plain(one))
        for one in words.split("\n\n")
    )


def _plain(words: str) -> str:
    """A docstring's references as code."""
    import re

    return re.sub(r":\w+:`~?\.?([\w.]+)`", lambda m: f"`{m[1].rpartition('.')[2]}`", words).replace(
        "``", "`"
    )
