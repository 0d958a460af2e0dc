"""Pages of the dataset presets: what is known about a dataset before it is opened."""

from __future__ import annotations

from cdrsite.core.numbers import exact
from cdrsite.library.datasets import DatasetPreset, dataset_names, load_dataset
from generate import library
from generate.markdown import code, page, table, text, toctree

INTRO = """
# Dataset presets

`preset: NAME` in a layer ({confval}`layers.NAME.path`) tells cdrsite what a public dataset is: its
unit, its kind of quantity, which stored values mean unknown, what its classes are, and what it is
often taken for. The data themselves come from you. A key of the layer replaces what the preset
says. `cdrsite datasets NAME` prints the same; `cdrsite schema --datasets` is the form of such a
file.
"""

KINDS = {
    "class": "classes: shares of a cell",
    "fraction": "a share of the area",
    "intensive": "intensive: averaged over the area",
    "extensive": "extensive: summed",
    "vector": "features",
}


def pages() -> dict[str, str]:
    """Name of a page -> its text."""
    presets = [load_dataset(name) for name in dataset_names()]
    made = {f"datasets/{one.name}": _page(one) for one in presets}
    rows = [
        (
            f"[{code(one.name)}](datasets/{one.name}.md)",
            text(one.title["en"]),
            text(one.kind),
            _unit(one),
        )
        for one in presets
    ]
    listed = [f"datasets/{one.name}" for one in presets]
    made["datasets"] = page(
        INTRO, table(("Preset", "Dataset", "Kind", "Unit"), rows), toctree(listed, hidden=True)
    )
    return made


def _unit(one: DatasetPreset) -> str:
    return "" if one.kind == "class" or one.unit in {None, "1", "class"} else code(one.unit)


def _page(one: DatasetPreset) -> str:
    """One preset."""
    scaled = f", stored values times {exact(one.scale)}" if one.scale != 1 else ""
    facts = [
        ("Kind of quantity", text(KINDS[one.kind])),
        ("Unit", _unit(one) + scaled),
        ("Unknown are", ", ".join(exact(value) for value in one.nodata)),
        ("Plausible stored values", library.spread(*one.valid_range) if one.valid_range else ""),
        ("Column that is read", code(one.attribute) if one.attribute else ""),
        ("Features that count", code(one.where) if one.where else ""),
        ("Licence of the data", text(one.licence)),
        ("Also called", ", ".join(map(code, one.aliases))),
    ]
    parts = [
        f"# {text(one.title['en'])}",
        f"`preset: {one.name}`",
        library.facts(facts),
        text(one.note),
    ]
    if one.special_values:
        rows = [(exact(value), text(words)) for value, words in one.special_values.items()]
        parts += ["Stored values with a meaning of their own:", table(("Value", "Meaning"), rows)]
    if one.attributes:
        rows = [(text(key), " or ".join(map(code, names))) for key, names in one.attributes.items()]
        parts += ["Columns, the first that is there counts:", table(("Meaning", "Column"), rows)]
    if one.detect:
        tests = [
            (
                _test(check.test, check.value),
                code(check.looks_like) if check.looks_like else "",
                text(check.reason),
            )
            for check in one.detect
        ]
        parts += ["What it is often taken for:", table(("Where", "It looks like", "Why"), tests)]
    if one.classes:
        groups = [(str(c.code), text(c.name), code(c.group)) for c in one.classes.values()]
        parts += ["## Classes", table(("Code", "Class", "Group"), groups)]
    return page(*parts, "## Source", library.sources([one.source]))


def _test(test: str, value: float) -> str:
    extreme, _, side = test.partition("_")
    return f"the {extreme}imum is {side} {exact(value)}"
