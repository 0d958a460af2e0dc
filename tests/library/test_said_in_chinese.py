"""What the library says of its methods is there in English and in Chinese, one place per fact."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from answer import Answer

from cdrsite.core.errors import ConfigError
from cdrsite.core.words import Words
from cdrsite.library.files import FOLDER, read_file
from cdrsite.library.methods import Method, load_method, method_names
from cdrsite.library.screening import screening_methods
from cdrsite.library.storage import storage_kinds
from cdrsite.outputs.assumptions import known_assumptions

HAN = re.compile("[\u4e00-\u9fff]")
GATES = re.compile(r"\bgates: |\b(?:soil|weathering|emissions): \{|\bresources\.\w+|[a-z]+_[a-z_]+")
"""Keys of scenarios that a note names."""


def said_of(method: Method) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Everything that a method file says to people beside its records."""
    yield "title", method.title
    yield "durability", method.durability
    yield "note", method.note
    for name, profile in method.profiles.items():
        yield f"profiles.{name}.title", profile.title
        if profile.note:
            yield f"profiles.{name}.note", profile.note


@pytest.mark.parametrize("name", method_names())
def test_a_method_is_told_in_both_languages(name: str) -> None:
    for at, texts in said_of(load_method(name)):
        assert texts.keys() == {"en", "zh"}, f"{name}: {at}"
        assert HAN.search(texts["zh"]) and not HAN.search(texts["en"]), f"{name}: {at}"


@pytest.mark.parametrize("name", method_names())
def test_both_languages_name_the_same_keys_and_numbers(name: str) -> None:
    for at, texts in said_of(load_method(name)):
        keys = {lang: sorted(set(GATES.findall(text))) for lang, text in texts.items()}
        assert keys["zh"] == keys["en"], f"{name}: {at}"
        long = {lang: set(re.findall(r"\d+\.\d+", text)) for lang, text in texts.items()}
        assert long["zh"] == long["en"], f"{name}: {at}"


def test_kinds_of_storage_and_methods_of_the_sea_are_too() -> None:
    told = [kind.title for kind in storage_kinds().values()]
    for one in screening_methods().values():
        told += [one.title, one.points, one.law, *(near.title for near in one.criteria.values())]
    for texts in told:
        assert HAN.search(texts["zh"])


def test_a_plain_text_is_english_and_stands_for_all_languages(tmp_path: Path) -> None:
    text = (FOLDER / "methods" / "daccs-liquid.yaml").read_text("utf-8")
    plain = re.sub(r"^note:\n(  .*\n)+", "note: Needs great heat.\n", text, flags=re.MULTILINE)
    assert plain != text
    (tmp_path / "mine.yaml").write_text(plain, "utf-8")
    method = read_file(Method, tmp_path / "mine.yaml")
    assert method.note == {"en": "Needs great heat."}
    assert Words("zh").said(method.note) == Words("en").said(method.note) == "Needs great heat."


def test_a_text_without_english_is_refused_with_its_place(tmp_path: Path) -> None:
    text = (FOLDER / "methods" / "daccs-liquid.yaml").read_text("utf-8")
    (tmp_path / "mine.yaml").write_text(
        re.sub(r"^note:\n(  .*\n)+", "note: {zh: 需要高温}\n", text, flags=re.MULTILINE), "utf-8"
    )
    with pytest.raises(ConfigError, match=r"mine.yaml.*note: no English text; cure: add one"):
        read_file(Method, tmp_path / "mine.yaml")


def test_the_terminal_tells_a_method_in_chinese(call: Callable[..., Answer]) -> None:
    code, out, _ = call("methods", "daccs-solid", "--profile", "sievert", "--lang", "zh")
    method = load_method("daccs-solid")
    for texts in (method.note, method.profile("sievert").title, method.profile("sievert").note):
        assert squeezed(texts["zh"]) in squeezed(out)
        assert squeezed(texts["en"]) not in squeezed(out)
    assert code == 0
    assert method.durability["zh"] in out


def squeezed(text: str) -> str:
    """Without spaces, so that lines may break anywhere."""
    return "".join(text.split())


def test_a_run_keeps_both_languages_for_its_page() -> None:
    kept = known_assumptions({"daccs-solid": {"profile": "sievert-2050"}})["methods"]["daccs-solid"]
    profile = load_method("daccs-solid").profile("sievert-2050")
    assert kept["profile_title"] == profile.title and kept["note"] == profile.note
