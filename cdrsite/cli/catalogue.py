"""The method library, the dataset presets and the credits as tables on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cdrsite.cli.tables import (
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
from cdrsite.methods.kinds import durability_class

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console
    from rich.table import Table

    from cdrsite.library.credits import CreditScheme
    from cdrsite.library.learning import Learning
    from cdrsite.library.methods import Method, Profile
    from cdrsite.library.records import Reference

NAME_WIDTHS = (40, 24, 20, 16, 14, 12, 10)
"""Names in tables are broken at these widths until the table fits [characters]."""


def print_methods(*, as_json: bool = False, console: Console | None = None) -> None:
    """Print the removal methods and their profiles."""
    from cdrsite.library.methods import load_method, method_names

    methods = [load_method(name) for name in method_names()]
    if as_json:
        keys = (
            "name", "title", "family", "co2_origin", "storage_type", "ledger_class", "domain",
            "durability", "default_profile",
        )  # fmt: skip
        print_json(
            [
                {
                    **{key: getattr(m, key) for key in keys},
                    "profiles": list(m.profile_names),
                    "cost_basis": {p.name: p.cost_basis for p in m.profiles.values()},
                }
                for m in methods
            ]
        )
        return
    out = console or open_console()
    columns = (
        ("method", "name"),
        ("what it is", "left"),
        ("profiles (default first, with the basis of their costs)", "left"),
    )
    rows = [(m.name, m.title.get("en", m.name), _with_bases(m)) for m in methods]
    show_table(out, text_table("Removal methods", columns, rows))
    say(out, "every value of one, with its source: cdrsite methods NAME [--profile P]", "dim")


def print_method(
    name: str,
    profile: str | None = None,
    *,
    full: bool = False,
    as_json: bool = False,
    console: Console | None = None,
) -> None:
    """Print every value of a method's profile with its range and source.

    With ``full`` also what each means, and where in its source it stands.

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
    sources = load_sources()
    cited = sorted({row["source"] for row in rows})
    known = {key: sources[key] for key in cited if key in sources}
    if as_json:
        print_json(
            {
                "name": method.name,
                "title": method.title,
                "profile": chosen.name,
                "profiles": list(method.profile_names),
                "cost_basis": chosen.cost_basis,
                "heat_source": chosen.heat_source,
                "climate_reference": _plain(getattr(chosen, "climate_reference", None)),
                "learning": _plain(method.learning),
                "values": rows,
                "sources": {key: {"id": key, **one.model_dump()} for key, one in known.items()},
            }
        )
        return
    out = console or open_console()
    say(out, f"{method.name}: {method.title.get('en', '')}", "bold")
    say(out, f"profile {chosen.name}: {chosen.title}")
    others = ", ".join(n for n in method.profile_names if n != chosen.name)
    say(out, f"other profiles: {others or 'none'}")
    for line in _stands_on(method, chosen):
        say(out, line)
    if chosen.note:
        say(out, chosen.note, "dim")
    heads = ("parameter", "value", "range", "unit", "source")
    columns = [(head, "right" if head in {"value", "range"} else "name") for head in heads]
    # names are broken between their words where a console is narrow
    tables = (
        text_table("", columns, [_value_row(row, longest) for row in rows])
        for longest in NAME_WIDTHS
    )
    show_table(out, *tables)
    _print_inherited(out, chosen)
    if full:
        _print_records(out, rows)
    if method.learning is not None:
        show_table(out, _learned(method.learning))
    _print_sources(out, known)
    if not full:
        say(out, f"what each means and where it stands: cdrsite methods {name} --full", "dim")


def _plain(part: Any) -> Any:
    return None if part is None else part.model_dump(mode="json")


def _print_inherited(out: Console, chosen: Profile) -> None:
    """Which values are not the profile's own."""
    taken: dict[str, list[str]] = {}
    for parameter, profile in chosen.inherited.items():
        taken.setdefault(profile, []).append(parameter)
    for profile, names in taken.items():
        say(out, f"taken from profile {profile}: {', '.join(names)}", "dim")


def _print_records(out: Console, rows: list[dict[str, Any]]) -> None:
    """What each parameter means; where each record stands in its source, and its note."""
    words = Words()
    say(out, "Records", "bold")
    listed = []
    for row in rows:
        value = "unknown" if row["value"] is None else exact(row["value"])
        unit = "" if row["unit"] == "1" else f" {row['unit']}"
        text = f"{value}{unit}, {row['source']}: {row['locator']}".rstrip(".") + "."
        text += f" {row['note']}" if row["note"] else ""
        if row["alternative"]:
            listed.append(("  or", text))
        else:
            meaning = words.named("param", str(row["parameter"]))
            listed.append((soft(str(row["parameter"]), 16), f"{meaning}\n{text}"))
    out.print(plain_list(listed))


def _learned(learning: Learning) -> Table:
    """What plants cost as the world builds more of them."""
    names = {world: name for name, world in learning.bases.items()}
    columns = (
        ("world capacity t/yr", "right"), ("basis", "name"), ("capital per t/yr", "right"),
        ("fixed per t/yr", "right"), ("variable per t", "right"),
    )  # fmt: skip
    rows = [
        (
            *(exact(one.world_capacity), names.get(one.world_capacity, "")),
            *(exact(number) for number in (one.capital, one.fixed_om, one.variable_om)),
        )
        for one in learning.points
    ]
    caption = f"{learning.source}; per t/yr of nameplate, where capex is per t/yr delivered"
    title = f"What plants cost as the world builds more of them ({learning.money})"
    return text_table(title, columns, rows, caption=caption)


def _print_sources(out: Console, known: Mapping[str, Reference]) -> None:
    """Sources in full, with what was read of each."""
    words = Words()
    say(out, "Sources", "bold")
    listed = []
    for key, source in known.items():
        read = words(f"basis.read.{source.read}") if source.read else ""
        where = "" if source.url is None else f" {source.url}"
        lines = (f"{source.citation}{where}", " ".join(one for one in (read, source.note) if one))
        listed.append((key, "\n".join(one for one in lines if one)))
    out.print(plain_list(listed))


def _stands_on(method: Method, chosen: Profile) -> Iterator[str]:
    """What the numbers of a profile stand for, a line each."""
    ledger = {
        "removal": "CO2 removed",
        "avoided": "emissions that stop, which are no removal",
        "mixed": "CO2 removed, and emissions that stop, apart",
    }
    yield f"tonnes: {ledger[method.ledger_class]}"
    kept = chosen.number("durability", default=float("nan"))
    known = kept == kept  # noqa: PLR0124 - NaN is not
    yield f"kept: {method.durability}" + (f", class {durability_class(kept)} yr" if known else "")
    yield f"cost basis: {_basis(method, chosen)}"
    heat = {
        "heat-pump": "by the plant's own heat pumps, inside the electricity",
        "low-temperature": "of 80 to 120 degC from outside",
        "gas": "of a fuel burnt on site",
        "own-plant": "of the plant itself",
    }
    if chosen.heat_source in heat:
        yield f"heat: {heat[chosen.heat_source]}"
    if getattr(method, "climate", None) is not None:
        at = getattr(chosen, "climate_reference", None)
        yield "climate: " + (
            "not stated, so climate layers change nothing unless climate.reference says one"
            if at is None
            else f"needs are those at {at.temperature:g} degC and {at.humidity:g} % "
            f"({at.source}); climate layers bring them to the place"
        )


def _with_bases(method: Method) -> str:
    """Names of the profiles with the basis of their costs."""
    bases = {name: method.profiles[name].cost_basis for name in method.profile_names}
    return ", ".join(f"{name} ({basis})" if basis else name for name, basis in bases.items())


def _basis(method: Method, profile: Profile) -> str:
    """What the costs of a profile stand for, and what else they can."""
    told = {"foak": "foak, the first plant of its kind", None: "not stated"}
    own = told.get(profile.cost_basis, f"{profile.cost_basis}, a projection")
    if method.learning is None:
        return own
    others = [one for one in method.learning.bases if one != profile.cost_basis]
    return f"{own}; a scenario may ask for costs.basis: {' or '.join(others)}, or world_capacity"


def _value_row(row: dict[str, Any], longest: int) -> tuple[str, ...]:
    unit = str(row["unit"])
    year = row["currency_year"]
    if year is not None and str(year) not in unit:
        unit = f"{unit} ({year})"
    low, high = row["low"], row["high"]
    spread = ""
    if low is not None and high is not None:
        spread = f"{exact(low)} to {exact(high)}"
    elif low is not None or high is not None:
        spread = f"from {exact(low)}" if high is None else f"up to {exact(high)}"
    name = "  or" if row["alternative"] else soft(str(row["parameter"]), longest)
    value = "unknown" if row["value"] is None else exact(row["value"])
    return name, value, spread, soft(unit, longest), soft(str(row["source"]), longest)


def print_datasets(*, as_json: bool = False, console: Console | None = None) -> None:
    """Print the dataset presets."""
    from cdrsite.library.datasets import dataset_names, load_dataset

    presets = [load_dataset(name) for name in dataset_names()]
    if as_json:
        keys = ("name", "title", "kind", "unit", "licence", "aliases")
        plain = [preset.model_dump(mode="json") for preset in presets]
        print_json([{key: preset[key] for key in keys} for preset in plain])
        return
    out = console or open_console()
    columns = (("preset", "name"), ("dataset", "left"), ("kind", "name"), ("unit", "name"))
    tables = (
        text_table("Dataset presets", columns, [_preset_row(preset, width) for preset in presets])
        for width in NAME_WIDTHS[1:]
    )
    show_table(out, *tables)
    say(out, "what one of them knows: cdrsite datasets NAME", "dim")


def _preset_row(preset: Any, longest: int) -> tuple[str, ...]:
    unit = "" if preset.kind == "class" else preset.unit or ""
    return soft(preset.name, longest), preset.title, preset.kind, unit


def print_dataset(name: str, *, as_json: bool = False, console: Console | None = None) -> None:
    """Print what a preset knows about its dataset.

    Raises
    ------
    ConfigError
        Unknown preset.
    """
    from cdrsite.library.datasets import load_dataset

    preset = load_dataset(name)
    if as_json:
        print_json(preset.model_dump(mode="json"))
        return
    out = console or open_console()
    say(out, f"{preset.name}: {preset.title}", "bold")
    scaled = f", stored values x {preset.scale:g}" if preset.scale != 1 else ""
    facts = {
        "kind": preset.kind,
        "unit": f"{preset.unit}{scaled}" if preset.unit not in {None, "class"} else "",
        "nodata": ", ".join(f"{v:g}" for v in preset.nodata),
        "plausible": "{:g} to {:g}".format(*preset.valid_range) if preset.valid_range else "",
        "attribute": preset.attribute or "",
        "filter": preset.where or "",
        "licence": preset.licence,
        "source": preset.source,
        "also called": ", ".join(preset.aliases),
        "note": preset.note,
    }
    rows = [(key, value) for key, value in facts.items() if value]
    rows += [("special value", f"{v:g}: {text}") for v, text in preset.special_values.items()]
    rows += [("columns", f"{key}: {' or '.join(v)}") for key, v in preset.attributes.items()]
    out.print(plain_list(rows))
    if preset.classes:
        columns = (("code", "right"), ("class", "left"), ("group", "left"))
        classes = [(str(c.code), c.name, c.group) for c in preset.classes.values()]
        show_table(out, text_table("Classes", columns, classes))


def print_credits(*, as_json: bool = False, console: Console | None = None) -> None:
    """Print the schemes that pay for removal."""
    from cdrsite.library.credits import credit_schemes

    schemes = credit_schemes().values()
    if as_json:
        print_json([scheme.model_dump(mode="json", by_alias=True) for scheme in schemes])
        return
    out = console or open_console()
    columns = (("credit", "name"), ("what it is", "left"), ("pays", "left"))
    tables = (
        text_table("Credits", columns, [(soft(s.name, width), s.title, _pays(s)) for s in schemes])
        for width in NAME_WIDTHS[1:]
    )
    show_table(out, *tables)
    out.print("what one of them asks for: cdrsite credits NAME", style="dim")


def _pays(scheme: CreditScheme) -> str:
    """What a scheme pays: "180 USD2025/t stored, 12 years"."""
    amount = "the market's price per t"
    if scheme.amount is not None and scheme.amount.value is not None:
        amount = f"{exact(scheme.amount.value)} {scheme.amount.unit}"
    years = "" if scheme.years is None else f", {exact(scheme.years)} years"
    return f"{amount} {scheme.basis}{years}"


def print_credit(name: str, *, as_json: bool = False, console: Console | None = None) -> None:
    """Print what a scheme pays and asks for, with its sources.

    Raises
    ------
    ConfigError
        Unknown scheme.
    """
    from cdrsite.library.credits import load_credit
    from cdrsite.library.records import load_sources

    scheme = load_credit(name)
    amount, sources = scheme.amount, load_sources()
    records = [] if amount is None else [amount, *amount.alternatives]
    cited = list(dict.fromkeys([*(one.source for one in records), scheme.source]))
    if as_json:
        document = scheme.model_dump(mode="json", by_alias=True)
        document["sources"] = {key: {"id": key, **sources[key].model_dump()} for key in cited}
        print_json(document)
        return
    out = console or open_console()
    out.print(f"{scheme.name}: {scheme.title}", style="bold", highlight=False)
    facts = {
        "pays": _pays(scheme),
        "of": "" if amount is None else f"{amount.locator}. {amount.note}",
        **{
            f"or {exact(one.value or 0.0)} {one.unit}": f"{one.locator} ({one.source})"
            for one in records[1:]
        },
        "where": scheme.region,
        "plants start": _span(scheme),
        "CO2 from": scheme.co2_origin or "",
        "storage": ", ".join(one for one in (scheme.storage_type, scheme.sink_type) if one),
        "methods": ", ".join(scheme.families),
        "stored for": _least(scheme.min_durability, "years"),
        "plants of": _least(scheme.min_t_yr, "t/yr"),
        "note": scheme.note,
    }
    out.print(plain_list((key, value) for key, value in facts.items() if value))
    _print_sources(out, {key: sources[key] for key in cited})


def _least(number: float | None, unit: str) -> str:
    return "" if number is None else f"{exact(number)} {unit} or more"


def _span(scheme: CreditScheme) -> str:
    ends = (("from", scheme.from_), ("until", scheme.to))
    return " ".join(f"{word} {year:g}" for word, year in ends if year is not None)


def print_schema(kind: str = "scenario") -> None:
    """Print the JSON schema of a scenario, or of a file of the library.

    Parameters
    ----------
    kind : {'scenario', 'method', 'dataset', 'transport', 'credit'}
        What the file describes.
    """
    from cdrsite.config.models import Scenario
    from cdrsite.core.checked import schema_of
    from cdrsite.library.credits import CreditScheme
    from cdrsite.library.datasets import DatasetPreset
    from cdrsite.library.methods import Method
    from cdrsite.library.transport import TransportModel

    kinds = {
        "scenario": Scenario, "method": Method, "dataset": DatasetPreset,
        "transport": TransportModel, "credit": CreditScheme,
    }  # fmt: skip
    print_json(schema_of(kinds[kind]))
