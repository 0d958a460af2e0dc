"""The dataset presets, the credits and the schemas on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    from collections.abc import Iterator, Mapping

    from rich.console import Console

    from cdrsite.library.credits import CreditScheme
    from cdrsite.library.datasets import DatasetPreset
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


def print_datasets(
    *, as_json: bool = False, lang: str = "en", console: Console | None = None
) -> None:
    """Print the dataset presets."""
    from cdrsite.library.datasets import dataset_names, load_dataset

    presets = [load_dataset(name) for name in dataset_names()]
    if as_json:
        keys = ("name", "title", "kind", "unit", "licence", "aliases")
        plain = [preset.model_dump(mode="json") for preset in presets]
        print_json([{key: preset[key] for key in keys} for preset in plain])
        return
    out, words = console or open_console(), Words(lang)
    kinds = {"preset": "name", "dataset": "left", "kind": "name", "unit": "name"}
    columns = [(words(f"catalogue.head.{head}"), kind) for head, kind in kinds.items()]
    tables = (
        text_table(
            words("catalogue.datasets"),
            columns,
            [_preset_row(one, width, words) for one in presets],
        )
        for width in NAME_WIDTHS[1:]
    )
    show_table(out, *tables)
    say(out, words("catalogue.datasets.more"), "dim")


def _preset_row(preset: DatasetPreset, longest: int, words: Words) -> tuple[str, ...]:
    unit = "" if preset.kind == "class" else preset.unit or ""
    kind = words(f"catalogue.quantity.{preset.kind}")
    return soft(preset.name, longest), words.said(preset.title), kind, unit


def print_dataset(
    name: str, *, as_json: bool = False, lang: str = "en", console: Console | None = None
) -> None:
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
    out, words = console or open_console(), Words(lang)
    say(out, f"{preset.name}: {words.said(preset.title)}", "bold")
    out.print(plain_list(_known_of(preset, words)))
    if preset.classes:
        kinds = {"code": "right", "class": "left", "classes": "left"}
        columns = [(words(f"catalogue.head.{head}"), kind) for head, kind in kinds.items()]
        classes = [(str(c.code), c.name, c.group) for c in preset.classes.values()]
        show_table(out, text_table(words("catalogue.classes"), columns, classes))


def _known_of(preset: DatasetPreset, words: Words) -> Iterator[tuple[str, str]]:
    """What a preset knows, a row each: its name in words, and it."""
    scaled = words("catalogue.scaled", n=f"{preset.scale:g}") if preset.scale != 1 else ""
    ends = preset.valid_range
    facts = {
        "kind": words(f"catalogue.quantity.{preset.kind}"),
        "unit": f"{preset.unit}{scaled}" if preset.unit not in {None, "class"} else "",
        "nodata": ", ".join(f"{v:g}" for v in preset.nodata),
        "plausible": words("catalogue.range", low=f"{ends[0]:g}", high=f"{ends[1]:g}")
        if ends
        else "",
        "attribute": preset.attribute or "",
        "filter": preset.where or "",
        "licence": preset.licence,
        "source": preset.source,
        "also": ", ".join(preset.aliases),
        "note": preset.note,
    }
    yield from in_words(facts, words)
    for value, meaning in preset.special_values.items():
        yield words("catalogue.fact.special"), f"{value:g}: {meaning}"
    for key, names in preset.attributes.items():
        yield words("catalogue.fact.columns"), f"{key}: {words('list.or').join(names)}"


def in_words(facts: Mapping[str, str], words: Words) -> Iterator[tuple[str, str]]:
    """Facts that there are, each with the name of its key."""
    return ((words(f"catalogue.fact.{key}"), fact) for key, fact in facts.items() if fact)


def print_credits(
    *, as_json: bool = False, lang: str = "en", console: Console | None = None
) -> None:
    """Print the schemes that pay for removal."""
    from cdrsite.library.credits import credit_schemes

    schemes = credit_schemes().values()
    if as_json:
        print_json([scheme.model_dump(mode="json", by_alias=True) for scheme in schemes])
        return
    out, words = console or open_console(), Words(lang)
    kinds = {"credit": "name", "about": "left", "pays": "left"}
    columns = [(words(f"catalogue.head.{head}"), kind) for head, kind in kinds.items()]
    tables = (
        text_table(
            words("catalogue.credits"),
            columns,
            [(soft(s.name, width), words.said(s.title), _pays(s, words)) for s in schemes],
        )
        for width in NAME_WIDTHS[1:]
    )
    show_table(out, *tables)
    say(out, words("catalogue.credits.more"), "dim")


def _pays(scheme: CreditScheme, words: Words) -> str:
    """What a scheme pays: "180 USD2025/t stored, 12 years"."""
    amount = words("catalogue.market")
    if scheme.amount is not None and scheme.amount.value is not None:
        amount = f"{exact(scheme.amount.value)} {scheme.amount.unit}"
    paid = words("catalogue.paid", amount=amount, of=words(f"catalogue.paid.{scheme.basis}"))
    if scheme.years is None:
        return paid
    return words("catalogue.paid.years", paid=paid, n=exact(scheme.years))


def print_credit(
    name: str, *, as_json: bool = False, lang: str = "en", console: Console | None = None
) -> None:
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
    out, words = console or open_console(), Words(lang)
    say(out, f"{scheme.name}: {words.said(scheme.title)}", "bold")
    rows = [*in_words({"pays": _pays(scheme, words)}, words)]
    if amount is not None:
        rows.append((words("catalogue.fact.amount"), f"{amount.locator}. {amount.note}"))
    for one in records[1:]:
        other = words("catalogue.or_else", amount=f"{exact(one.value or 0.0)} {one.unit}")
        rows.append((other, f"{one.locator} ({one.source})"))
    stores = [f"catalogue.store.{scheme.storage_type}"] if scheme.storage_type else []
    stores += [f"catalogue.sink.{scheme.sink_type}"] if scheme.sink_type else []
    facts = {
        "region": scheme.region,
        "start": _span(scheme, words),
        "origin": words(f"catalogue.origin.{scheme.co2_origin}") if scheme.co2_origin else "",
        "store": words("list.clause").join(map(words, stores)),
        "methods": ", ".join(words(f"catalogue.family.{one}") for one in scheme.families),
        "kept": _least(scheme.min_durability, words.unit("yr"), words),
        "size": _least(scheme.min_t_yr, words.unit("t/yr"), words),
        "note": scheme.note,
    }
    out.print(plain_list([*rows, *in_words(facts, words)]))
    print_sources(out, {key: sources[key] for key in cited}, words)


def _least(number: float | None, unit: str, words: Words) -> str:
    return "" if number is None else words("catalogue.least", n=f"{exact(number)} {unit}")


def _span(scheme: CreditScheme, words: Words) -> str:
    """From which year to which plants may start."""
    ends = (("from", scheme.from_), ("until", scheme.to))
    known = [words(f"catalogue.start.{end}", n=f"{n:g}") for end, n in ends if n is not None]
    return words("list.comma").join(known)


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
