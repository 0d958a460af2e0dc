"""The reference of a scenario's keys, from the JSON schema, with an example for each key.

The examples are cut out of whole scenarios (``config/`` and ``docs/examples/``), which the tests
check as ``cdrsite check`` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from cdrsite.config.models import Scenario
from cdrsite.core.checked import schema_of
from cdrsite.core.yamltext import read_text, read_yaml
from generate import DOCS
from generate.markdown import block, code, page, text, toctree

SCENARIOS = (
    *sorted((DOCS.parent / "config").glob("*.yaml")),
    *sorted((DOCS / "examples").glob("*.yaml")),
)
"""Scenarios that examples are cut out of."""
LONGEST_EXAMPLE = 100
"""An example shows what its key stands among, up to so many characters."""

Schema = Mapping[str, Any]
Key = tuple[str, str]
"""Model and key."""


@cache
def schema() -> Schema:
    """The schema of a scenario, its own model among the definitions."""
    found = schema_of(Scenario)
    whole = {key: found[key] for key in ("description", "properties", "required") if key in found}
    return {"$defs": {**found["$defs"], "Scenario": whole}}


def model(name: str) -> Schema:
    """The part of the schema about one model."""
    return schema()["$defs"][name]


def referred(part: Schema) -> str:
    """The model that a part of a schema is, or an empty text."""
    return str(part.get("$ref", "")).rpartition("/")[2]


def choices(part: Schema) -> list[Schema]:
    """What a value may be, without null."""
    found = [
        inner
        for one in part.get("anyOf", part.get("oneOf", [part]))
        for inner in ([one] if one is part else choices(one))
    ]
    return [one for one in found if one.get("type") != "null"]


def models_in(part: Schema, at: str) -> Iterator[tuple[str, str]]:
    """Models that a value holds, and the path at which each stands."""
    for one in choices(part):
        if referred(one):
            yield referred(one), at
        elif isinstance(one.get("additionalProperties"), dict):
            yield from models_in(one["additionalProperties"], f"{at}.NAME")
        elif isinstance(one.get("items"), dict):
            yield from models_in(one["items"], f"{at}.N")


def leaves() -> list[Key]:
    """Every key that takes a value and not further keys."""
    return [
        (name, key)
        for name, one in schema()["$defs"].items()
        for key, part in one.get("properties", {}).items()
        if not list(models_in(part, ""))
    ]


# ---------------------------------------------------------------- examples


@dataclass
class Examples:
    """For each key, the shortest place in a scenario that uses it."""

    found: dict[Key, tuple[bool, str]] = field(default_factory=dict)

    def take(self, data: Any, part: Schema, before: str) -> None:
        """Look through a value; ``before`` is how it is written: ``name: `` or ``- ``."""
        for one in choices(part):
            name = referred(one)
            if isinstance(data, dict) and name:
                known = model(name)
                keys = known.get("properties", {})
                needed = set(known.get("required", ()))
                if data.keys() <= keys.keys() and needed <= data.keys():
                    self._take_model(name, data, before)
            elif isinstance(data, dict) and isinstance(one.get("additionalProperties"), dict):
                for key, value in data.items():
                    self.take(value, one["additionalProperties"], f"{key}: ")
            elif isinstance(data, list) and isinstance(one.get("items"), dict):
                for value in data:
                    self.take(value, one["items"], "- ")

    def _take_model(self, name: str, data: Mapping[str, Any], before: str) -> None:
        for key, value in data.items():
            part = model(name)["properties"][key]
            if list(models_in(part, "")):
                self.take(value, part, f"{key}: ")
                continue
            shown = before + flow(data)
            alone = name == "Scenario" or len(shown) > LONGEST_EXAMPLE
            shown = f"{key}: {flow(value)}" if alone else shown
            known = self.found.get((name, key))
            # what a key stands among says more than the key alone
            if known is None or (alone, len(shown)) < (known[0], len(known[1])):
                self.found[name, key] = (alone, shown)


def flow(value: Any) -> str:
    """A value as YAML in one line."""
    written = yaml.safe_dump(
        value, default_flow_style=True, width=10**6, allow_unicode=True, sort_keys=False
    )
    return written.removesuffix("\n").removesuffix("\n...")


def plain(value: Any) -> str:
    """A default as a person writes it: 1000000 and not 1000000.0."""
    whole = isinstance(value, float) and value.is_integer()
    return flow(int(value) if whole else value)


@cache
def examples(files: tuple[Path, ...] = SCENARIOS) -> Mapping[Key, str]:
    """Model and key -> an example in YAML, of one line."""
    made = Examples()
    for path in files:
        made.take(read_yaml(read_text(path), path.name)[0], {"$ref": "Scenario"}, "")
    return {key: shown for key, (_, shown) in made.found.items()}


# ---------------------------------------------------------------- pages


def kind(part: Schema) -> str:
    """What a value may be, in words."""
    found = []
    for one in choices(part):
        if referred(one):
            words = "mapping"
        elif "enum" in one or "const" in one:
            listed = one.get("enum", [one.get("const")])
            words = " or ".join(dict.fromkeys(code(written(value)) for value in listed))
        elif isinstance(one.get("additionalProperties"), dict):
            words = f"mapping of names to {kind(one['additionalProperties'])}"
        elif one.get("type") == "array":
            items = one.get("items") or {"anyOf": one.get("prefixItems", [])}
            words = f"list of {kind(items)}" if items is not True else "list"
        elif "convertible to" in str(one.get("description")):
            unit = str(one["description"]).partition("convertible to ")[2]
            words = "text with a unit" if unit == "1" else f"text with a unit like {code(unit)}"
            words = (
                words.replace("text with a unit", "text such as `7 %`") if unit == "1" else words
            )
        else:
            words = {"string": "text", "object": "mapping", "boolean": "true or false"}.get(
                str(one.get("type")), str(one.get("type", "value"))
            )
            if one.get("format") == "path":
                words = "path"
            words += bounds(one)
        found.append(words)
    return " or ".join(dict.fromkeys(found))


def written(value: object) -> str:
    """A word that a key may be, as YAML has it: `true`, and not Python's True."""
    return flow(value) if isinstance(value, bool) else str(value)


def bounds(part: Schema) -> str:
    """Between which numbers a number lies, in words."""
    signs = (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"))
    return "".join(f" {sign} {part[key]:g}" for key, sign in signs if key in part)


def directive(name: str, key: str, at: str, done: dict[str, str]) -> str:
    """One key: what it may be, its default, what it means, an example."""
    known = model(name)
    part = known["properties"][key]
    inner = list(models_in(part, f"{at}.{key}".lstrip(".")))
    lines = [f"```{{confval}} {at}.{key}".replace(" .", " "), f":type: {kind(part)}"]
    if key in known.get("required", ()):
        lines.append(":default: must be given")
    elif not inner and part.get("default") not in (None, "", []):
        lines.append(f":default: {code(plain(part['default']))}")
    lines += ["", text(part.get("description", ""))]
    for one, _ in inner:
        if one in done:
            lines += ["", f"Its keys are those of {{confval}}`{_holder(done[one])}`."]
    example = examples().get((name, key))
    if example is not None and not inner:
        lines += ["", "~~~yaml", example, "~~~"]
    return "\n".join([*lines, "```"])


def group(name: str, at: str, done: dict[str, str], level: int) -> Iterator[str]:
    """A model's keys, and those of the models in it."""
    known = model(name)
    if level > 1:
        yield f"{'#' * min(level, 4)} {code(at)}"
    about = known.get("description", "")
    yield "\n\n".join(text(one) for one in about.split("\n\n"))
    keys = known.get("properties", {})
    later = []
    for key, part in keys.items():
        yield directive(name, key, at, done)
        for one, place in models_in(part, f"{at}.{key}".lstrip(".")):
            if one not in done:
                done[one] = place if at else key
                later.append((one, place))
    for one, place in later:
        yield from group(one, _variant(one, place), done, level + 1)


def _holder(place: str) -> str:
    """The key that holds the list or the mapping of names in which a model stands."""
    return re.sub(r"(\.N|\.NAME)+$", "", place)


def _variant(name: str, place: str) -> str:
    """The kinds of a layer have keys of the same names."""
    kinds = {"ConstantLayer": "value", "DerivedLayer": "derive", "ExpressionLayer": "expression"}
    return f"{place}({kinds[name]})" if name in kinds else place


INTRO = """
# Scenario

A scenario is a YAML file. Every key is listed here with what it may be, its default, what it means
and an example; the examples are cut out of scenarios that the tests of cdrsite check. Numbers may
carry their unit as text (`500 m`, `7 %`, `60 USD/MWh`); a bare number is in the unit that stands
in brackets. Relative paths start at {confval}`data_folder`. `NAME` is a name that you choose, `N` a
number of a list, which `--set` counts from 0: `--set siting.exclude.0.above="20 degree"`.

`cdrsite check FILE` finds everything that a run would refuse, and names file, line, key and cure.
`cdrsite schema` prints the JSON schema from which these pages are made; most editors take it to
complete and check keys while you type.
"""


def pages() -> dict[str, str]:
    """Name of a page -> its text."""
    done: dict[str, str] = {}
    made = {}
    top = model("Scenario")["properties"]
    simple = [key for key, part in top.items() if not list(models_in(part, key))]
    sections = [key for key in top if key not in simple]
    for key in sections:
        part = top[key]
        said = part.get("description", "")
        inside = list(models_in(part, key))
        # a section that is one mapping says itself what it is
        whole = any(place == key and model(name).get("description") for name, place in inside)
        parts = [f"# {code(key)}", "" if whole else text(said)]
        for name, place in inside:
            if name not in done:
                done[name] = key
                parts += group(name, _variant(name, place), done, 1 if place == key else 2)
        made[f"scenario/{key}"] = page(*parts)
    examples = [
        "## Whole scenarios",
        "The scenarios that the examples are cut out of; begin with `config/demo.yaml`.",
        *(
            f"```{{dropdown}} {path.parent.name}/{path.name}\n"
            + block("yaml", path.read_text(encoding="utf-8")).replace("```", "~~~")
            + "```"
            for path in SCENARIOS
        ),
    ]
    head = [INTRO, toctree([f"scenario/{key}" for key in sections])]
    keys = [directive("Scenario", key, "", done) for key in simple]
    made["scenario"] = page(*head, "## Keys at the top", *keys, *examples)
    return made
