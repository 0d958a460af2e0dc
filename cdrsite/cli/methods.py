"""The method library on the terminal: all methods in short, or everything about one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cdrsite.cli.catalogue import print_sources
from cdrsite.cli.tables import (
    NAME_WIDTHS,
    open_console,
    plain_list,
    print_json,
    say,
    show_table,
    soft,
    text_table,
)
from cdrsite.core.numbers import exact
from cdrsite.core.words import Words
from cdrsite.library.gates import told
from cdrsite.methods.kinds import durability_class
from cdrsite.outputs.palette import GROUPS, group_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.table import Table

    from cdrsite.library.learning import Learning
    from cdrsite.library.methods import Method, Profile

STANDS_FOR = (
    "name", "title", "family", "co2_origin", "storage_type", "ledger_class", "domain",
    "durability", "default_profile",
)  # fmt: skip
"""Keys of a method file that say what the method is."""


def _document(method: Method) -> dict[str, Any]:
    """What a method is, as JSON."""
    return {
        **{key: getattr(method, key) for key in STANDS_FOR},
        "group": group_of(method.name),
        "durability_class": _kept(method.profile()),
        "profiles": list(method.profile_names),
        "cost_basis": {p.name: p.cost_basis for p in method.profiles.values()},
        "usable_land": method.usable_land,
        "gates": {name: gate.model_dump(mode="json") for name, gate in method.gates.items()},
        "sources": list(method.sources),
    }


def print_methods(
    *, as_json: bool = False, lang: str = "en", console: Console | None = None
) -> None:
    """Print the removal methods by group: what each is, what its tonnes are, what it asks for."""
    from cdrsite.library.methods import load_method, method_names

    methods = {name: load_method(name) for name in method_names()}
    if as_json:
        print_json([_document(method) for method in methods.values()])
        return
    out, words = console or open_console(), Words(lang)
    say(out, words("catalogue.methods", n=len(methods)), "bold")
    for group, members in GROUPS.items():
        say(out, "")
        say(out, words(f"group.{group}"), "bold")
        rows = [(name, _in_short(methods[name], words)) for name in members if name in methods]
        out.print(plain_list([(soft(name, 20), text) for name, text in rows]))
    say(out, "")
    say(out, words("catalogue.more"), "dim")


def _in_short(method: Method, words: Words) -> str:
    """A method in some lines."""
    kind = [
        words(f"catalogue.family.{method.family}"),
        words(f"catalogue.ledger.{method.ledger_class}"),
    ]
    if method.ledger_class != "avoided":
        kept = words(f"durability.{_kept(method.profile())}")
        kind.append(words("catalogue.kept", time=kept))
    lines = [
        words.said(method.title),
        "; ".join(kind),
        *_gates_in_short(method, words),
        words("catalogue.profiles", names=_with_bases(method)),
        words("catalogue.sources", names=", ".join(method.sources)),
    ]
    return "\n".join(lines)


def _what_it_is(method: Method, words: Words) -> Iterator[tuple[str, str]]:
    """What a method is, in words, a row each."""
    group = group_of(method.name)
    facts = {
        "group": words(f"group.{group}"),
        "family": words(f"catalogue.family.{method.family}"),
        "ledger": words(f"catalogue.ledger.{method.ledger_class}"),
        "origin": words(f"catalogue.origin.{method.co2_origin}"),
        "store": words(f"catalogue.store.{method.storage_type}"),
        "domain": words(f"catalogue.domain.{method.domain}"),
        "kept": _lasting(method, words),
        "land": ", ".join(f"{name} {share:g}" for name, share in method.usable_land.items()),
    }
    for key, text in facts.items():
        if text:
            yield words(f"catalogue.fact.{key}"), text


def _lasting(method: Method, words: Words) -> str:
    """How long carbon stays, by class and in the method's own words."""
    kept = words(f"durability.{_kept(method.profile())}")
    return words("catalogue.lasts", kept=kept, own=words.said(method.durability))


def _print_gates(out: Console, method: Method, words: Words) -> None:
    """What must hold of a place, with the name that a scenario binds a layer to, and the source."""
    if not method.gates:
        return
    say(out, words("catalogue.gates"), "bold")
    rows = []
    for name, gate in method.gates.items():
        key = words("catalogue.key", named=gate.key) if gate.key else ""
        soft_one = words("catalogue.soft") if gate.strength == "soft" else ""
        head = f"{told(name, gate, words)}{soft_one}{key}"
        rows.append((soft(name, 18), f"{head}\n{gate.source}: {gate.locator}"))
    out.print(plain_list(rows))
    say(out, words("catalogue.bind", method=method.name, gate=next(iter(method.gates))), "dim")


def _gates_in_short(method: Method, words: Words) -> Iterator[str]:
    """What must hold of a place, and what is preferred, a line each."""
    for strength in ("hard", "soft"):
        named = [
            told(name, gate, words)
            for name, gate in method.gates.items()
            if gate.strength == strength
        ]
        if named:
            yield words(f"catalogue.gates.{strength}", gates="; ".join(named))


def _kept(profile: Profile) -> str:
    """Class of the time that a profile's carbon stays stored."""
    return durability_class(profile.number("durability", default=float("nan")))


def print_method(
    name: str,
    profile: str | None = None,
    *,
    full: bool = False,
    as_json: bool = False,
    lang: str = "en",
    console: Console | None = None,
) -> None:
    """Print what a method is and asks for, and every value of a profile with range and source.

    With ``full`` also what each value means, and where in its source it stands.

    Raises
    ------
    ConfigError
        Unknown method or profile.
    """
    from cdrsite.library.methods import load_method, to_rows
    from cdrsite.library.records import load_sources

    method = load_method(name)
    chosen = method.profile(profile)
    rows = to_rows(method, profile)
    sources = load_sources() | method.sources
    cited = {row["source"] for row in rows} | {gate.source for gate in method.gates.values()}
    known = {key: sources[key] for key in sorted(cited) if key in sources}
    if as_json:
        print_json(
            {
                **_document(method),
                "profile": chosen.name,
                "cost_basis": chosen.cost_basis,
                "durability_class": _kept(chosen),
                "heat_source": chosen.heat_source,
                "climate_reference": _plain(getattr(chosen, "climate_reference", None)),
                "learning": _plain(method.learning),
                "values": rows,
                "sources": {key: {"id": key, **one.model_dump()} for key, one in known.items()},
            }
        )
        return
    out, words = console or open_console(), Words(lang)
    say(out, f"{method.name}: {words.said(method.title)}", "bold")
    if method.note:
        say(out, words.said(method.note), "dim")
    out.print(plain_list(_what_it_is(method, words)))
    _print_gates(out, method, words)
    say(out, words("catalogue.profile", name=chosen.name, title=words.said(chosen.title)), "bold")
    others = ", ".join(n for n in method.profile_names if n != chosen.name)
    say(out, words("catalogue.others", names=others or words("catalogue.none")))
    for line in _stands_on(method, chosen, words):
        say(out, line)
    if chosen.note:
        say(out, words.said(chosen.note), "dim")
    _print_values(out, rows, words)
    _print_inherited(out, chosen, words)
    if full:
        _print_records(out, rows, words)
    if method.learning is not None:
        show_table(out, _learned(method.learning, words))
    print_sources(out, known, words)
    if not full:
        say(out, words("catalogue.full", name=name), "dim")


def _print_values(out: Console, rows: list[dict[str, Any]], words: Words) -> None:
    """Every value with its range, unit and source."""
    heads = ("parameter", "value", "range", "unit", "source")
    columns = [
        (words(f"catalogue.head.{head}"), "right" if head in {"value", "range"} else "name")
        for head in heads
    ]
    # names are broken between their words where a console is narrow
    tables = (
        text_table("", columns, [_value_row(row, longest, words) for row in rows])
        for longest in NAME_WIDTHS
    )
    show_table(out, *tables)


def _plain(part: Any) -> Any:
    return None if part is None else part.model_dump(mode="json")


def _print_inherited(out: Console, chosen: Profile, words: Words) -> None:
    """Which values are not the profile's own."""
    taken: dict[str, list[str]] = {}
    for parameter, profile in chosen.inherited.items():
        taken.setdefault(profile, []).append(parameter)
    for profile, names in taken.items():
        say(out, words("catalogue.taken", profile=profile, names=", ".join(names)), "dim")


def _print_records(out: Console, rows: list[dict[str, Any]], words: Words) -> None:
    """What each parameter means; where each record stands in its source, and its note."""
    say(out, words("catalogue.records"), "bold")
    listed = []
    for row in rows:
        value = words("state.unknown") if row["value"] is None else exact(row["value"])
        unit = "" if row["unit"] == "1" else f" {row['unit']}"
        text = f"{value}{unit}, {row['source']}: {row['locator']}".rstrip(".") + "."
        text += f" {row['note']}" if row["note"] else ""
        if row["alternative"]:
            listed.append((words("catalogue.or"), text))
        else:
            meaning = words.named("param", str(row["parameter"]))
            listed.append((soft(str(row["parameter"]), 16), f"{meaning}\n{text}"))
    out.print(plain_list(listed))


def _learned(learning: Learning, words: Words) -> Table:
    """What plants cost as the world builds more of them."""
    names = {world: name for name, world in learning.bases.items()}
    heads = ("world", "basis", "capital", "fixed", "variable")
    columns = [
        (words(f"catalogue.learned.{head}"), "name" if head == "basis" else "right")
        for head in heads
    ]
    rows = [
        (
            *(exact(one.world_capacity), names.get(one.world_capacity, "")),
            *(exact(number) for number in (one.capital, one.fixed_om, one.variable_om)),
        )
        for one in learning.points
    ]
    caption = words("catalogue.learned.note", source=learning.source)
    title = words("catalogue.learned", money=learning.money)
    return text_table(title, columns, rows, caption=caption)


def _stands_on(method: Method, chosen: Profile, words: Words) -> Iterator[str]:
    """What the numbers of a profile stand for, a line each."""
    yield words("catalogue.basis", basis=_basis(method, chosen, words))
    heat = f"catalogue.heat.{chosen.heat_source}"
    if words.has(heat):
        yield words(heat)
    if getattr(method, "climate", None) is not None:
        at = getattr(chosen, "climate_reference", None)
        if at is None:
            yield words("catalogue.climate.none")
        else:
            yield words(
                "catalogue.climate.at",
                temperature=f"{at.temperature:g}",
                humidity=f"{at.humidity:g}",
                source=at.source,
            )


def _with_bases(method: Method) -> str:
    """Names of the profiles with the basis of their costs."""
    bases = {name: method.profiles[name].cost_basis for name in method.profile_names}
    return ", ".join(f"{name} ({basis})" if basis else name for name, basis in bases.items())


def _basis(method: Method, profile: Profile, words: Words) -> str:
    """What the costs of a profile stand for, and what else they can."""
    told = {"foak": "foak", None: "none"}.get(profile.cost_basis, "projected")
    own = words(f"catalogue.basis.{told}", name=profile.cost_basis)
    if method.learning is None:
        return own
    others = [one for one in method.learning.bases if one != profile.cost_basis]
    return words("catalogue.basis.others", own=own, names=words("list.or").join(others))


def _value_row(row: dict[str, Any], longest: int, words: Words) -> tuple[str, ...]:
    unit = str(row["unit"])
    year = row["currency_year"]
    if year is not None and str(year) not in unit:
        unit = f"{unit} ({year})"
    low, high = row["low"], row["high"]
    spread = ""
    if low is not None and high is not None:
        spread = words("catalogue.range", low=exact(low), high=exact(high))
    elif low is not None or high is not None:
        end, value = ("from", low) if high is None else ("to", high)
        spread = words(f"catalogue.range.{end}", n=exact(value))
    name = words("catalogue.or") if row["alternative"] else soft(str(row["parameter"]), longest)
    shown = words("state.unknown") if row["value"] is None else exact(row["value"])
    return name, shown, spread, soft(unit, longest), soft(str(row["source"]), longest)
