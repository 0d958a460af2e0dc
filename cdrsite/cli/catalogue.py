"""The dataset presets, the credits and the schemas on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from cdrsite.library.credits import CreditScheme
    from cdrsite.library.records import Reference


def print_sources(out: Console, known: Mapping[str, Reference], words: Words) -> None:
    """Sources in full, with what was read of each."""
    say(out, words("catalogue.cited"), "bold")
    listed = []
    for key, source in known.items():
        read = words(f"basis.read.{source.read}") if source.read else ""
        where = "" if source.url is None else f" {source.url}"
        lines = (f"{source.citation}{where}", " ".join(one for one in (read, source.note) if one))
        listed.append((key, "\n".join(one for one in lines if one)))
    out.print(plain_list(listed))


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
    print_sources(out, {key: sources[key] for key in cited}, Words())


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
