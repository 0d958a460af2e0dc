"""Words of the report: every key that is asked for has its words, in each language."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path
from string import Formatter

import pytest

import cdrsite
from cdrsite.core.vocabulary import (
    AMOUNTS,
    INTERCHANGEABLE,
    NO_METHOD,
    RESOURCES,
    STATE_NAMES,
    families,
    limit_names,
)
from cdrsite.core.words import FOLDER, LANGUAGES, Words, load_words
from cdrsite.library.methods import method_names
from cdrsite.library.parameters import PARAMETERS, Parameter
from cdrsite.methods.cost import PlantCosts, gross_cost_terms
from cdrsite.report.frame import Frame

PACKAGE = Path(cdrsite.__file__).parent
STATES = tuple(name for name in limit_names().values() if name not in RESOURCES)
FAMILIES: dict[str, tuple[str, ...]] = {
    "resource": (*RESOURCES, *families(), "policy"),
    "state": (
        *(*STATES, *STATE_NAMES.values(), NO_METHOD, *INTERCHANGEABLE),
        *("nothing fits", "nothing possible", "own limit", "no gain"),
    ),
    "why.state": (*STATES, NO_METHOD),
    "why.part": tuple(
        part
        for part in gross_cost_terms(PlantCosts(), 0.07)
        if part not in {one.part for one in RESOURCES.values()}
    ),
    "unit": tuple({u for a in AMOUNTS.values() for _, u in (a.total, a.place, a.priced)}),
    "method": method_names(),
    "param": tuple(PARAMETERS),
    "mode": ("pipeline", "existing pipeline", "truck", "ship", "storage"),
}
"""Beginning of a key -> what comes behind it, from where the program keeps such names."""


@pytest.fixture(params=LANGUAGES)
def lang(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def asked_for() -> dict[str, str]:
    """Keys that stand in the sources as they are -> the file."""
    heads = {key.split(".")[0] for key in load_words("en") if "." in key}
    found: dict[str, str] = {}
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            name = node.func.id if isinstance(node.func, ast.Name) else name
            first = node.args[0]
            if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
                continue
            if name in {"say", "words"}:
                found[first.value] = file.name
            elif name == "count" and "<" not in first.value:
                found |= {f"{first.value}.{which}": file.name for which in ("one", "many")}
    for file in (PACKAGE / "report" / "assets").glob("*.js"):
        for key in re.findall(r"say\(\"([a-z_.]+)\"", file.read_text(encoding="utf-8")):
            if key.split(".")[0] in heads:
                found[key] = file.name
    return found


def test_every_key_in_the_sources_has_its_words(lang: str) -> None:
    keys = asked_for()
    assert len(keys) > 200  # the search has found them
    assert {k: f for k, f in keys.items() if k not in load_words(lang)} == {}


def test_every_name_of_the_program_has_its_words(lang: str) -> None:
    wanted = {f"{head}.{name}" for head, names in FAMILIES.items() for name in names}
    assert sorted(wanted - set(load_words(lang))) == []


@pytest.mark.parametrize("kind", ["resource", "state", "unit", "param", "method"])
def test_a_noun_stands_once(kind: str, lang: str) -> None:
    """No other key ends in such a name and says a noun for it again."""
    names = [key.partition(".")[2] for key in load_words(lang) if key.startswith(f"{kind}.")]
    assert names
    sentences = {"why.state", "map.layer", "fact", "mode", "map.vector", "column"}
    for key in load_words(lang):
        head, _, name = key.rpartition(".")
        if name in names and head not in {kind, *sentences}:
            assert load_words(lang)[key] != load_words(lang)[f"{kind}.{name}"], key


def test_what_a_parameter_means_stands_in_the_words_alone() -> None:
    """The table of parameters has names and units; method files show the English words."""
    assert {field.name for field in fields(Parameter)} == {"name", "unit", "signed"}
    words = load_words("en")
    assert all(one.meaning == words[f"param.{name}"] for name, one in PARAMETERS.items())
    texts = [node.value for file in (PACKAGE / "library").glob("*.py") for node in
             ast.walk(ast.parse(file.read_text(encoding="utf-8")))
             if isinstance(node, ast.Constant) and isinstance(node.value, str)]  # fmt: skip
    assert not {words[f"param.{name}"] for name in PARAMETERS} & set(texts)


def test_all_languages_say_the_same_with_the_same_places() -> None:
    tables = {lang: load_words(lang) for lang in LANGUAGES}
    places = {
        lang: {k: {p for _, p, _, _ in Formatter().parse(v) if p} for k, v in table.items()}
        for lang, table in tables.items()
    }
    for lang in LANGUAGES[1:]:
        assert places[lang] == places["en"]
        assert sorted(FOLDER.glob(f"*{lang}.yaml")), lang


def test_a_key_without_words_stands_for_itself_and_a_place_without_value_stays(lang: str) -> None:
    words = Words(lang)
    nothing: object = None
    frame = Frame(nothing, words)  # type: ignore[arg-type]
    assert words("map.limit.rock") == "map.limit.rock"
    assert words("map.limit.rock", n=1) == "map.limit.rock"
    assert "{area}" in words("rules.intro", other=1)
    assert frame.say("limit.<rock>") == "limit.&lt;rock&gt;"
    assert "{area}" in frame.say("rules.intro", other="1")
    assert frame.count("rock.found", 2) == "rock.found.many"
