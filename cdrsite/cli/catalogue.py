"""The method library and the dataset presets as tables on the terminal."""

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

if TYPE_CHECKING:
    from rich.console import Console

NAME_WIDTHS = (40, 24, 20, 16, 14, 12, 10)
"""Names in tables are broken at these widths until the table fits [characters]."""


def print_methods(*, as_json: bool = False, console: Console | None = None) -> None:
    """Print the removal methods and their profiles."""
    from cdrsite.library.methods import load_method, method_names

    methods = [load_method(name) for name in method_names()]
    if as_json:
        keys = (
            "name", "title", "family", "co2_origin", "storage_type", "durability",
            "default_profile",
        )  # fmt: skip
        print_json(
            [
                {**{key: getattr(m, key) for key in keys}, "profiles": list(m.profile_names)}
                for m in methods
            ]
        )
        return
    out = console or open_console()
    columns = (("method", "name"), ("what it is", "left"), ("profiles (default first)", "left"))
    rows = [(m.name, m.title.get("en", m.name), ", ".join(m.profile_names)) for m in methods]
    show_table(out, text_table("Removal methods", columns, rows))
    say(out, "every value of one, with its source: cdrsite methods NAME [--profile P]", "dim")


def print_method(
    name: str, profile: str | None = None, *, as_json: bool = False, console: Console | None = None
) -> None:
    """Print every value of a method's profile with its range and source.

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
    say(out, "Sources", "bold")
    out.print(plain_list((key, source.citation) for key, source in known.items()))


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
