"""Datasets, credits, kinds of storage and screened methods, in each language of the terminal."""

from __future__ import annotations

import inspect
import io
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from cdrsite.cli import catalogue, storage
from cdrsite.cli.commands import library
from cdrsite.cli.screening import print_screening
from cdrsite.core.words import LANGUAGES, Words
from cdrsite.library.credits import credit_schemes
from cdrsite.library.datasets import dataset_names, load_dataset
from cdrsite.library.screening import screening_methods
from cdrsite.library.storage import storage_kinds

CHINESE = re.compile(r"[\u4e00-\u9fff]")
Printer = Callable[..., None]

LISTS: dict[str, tuple[Printer, dict[str, Any]]] = {
    "datasets": (
        catalogue.print_datasets,
        {name: load_dataset(name) for name in dataset_names()},
    ),
    "credits": (catalogue.print_credits, credit_schemes()),
    "storage": (storage.print_storage_kinds, storage_kinds()),
    "screening": (partial(print_screening, None), screening_methods()),
}
"""Command -> what prints all, and what there is by name."""
ONES: dict[str, Printer] = {
    "datasets": catalogue.print_dataset,
    "credits": catalogue.print_credit,
    "storage": storage.print_storage_kind,
    "screening": print_screening,
}


def printed(printer: Printer, *name: str, lang: str, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    printer(*name, lang=lang, console=console)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(cell_len(line) for line in text.splitlines()) <= width
    return text


def flat(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("command", LISTS)
def test_a_list_has_every_title_in_the_language(command: str, lang: str) -> None:
    """In 80 columns; wider ones hold each title in one line."""
    printer, known = LISTS[command]
    assert printed(printer, lang=lang)
    text = printed(printer, lang=lang, width=240)
    for name, one in known.items():
        assert any(one.title[lang] in line for line in text.splitlines()), name
    assert bool(CHINESE.search(text)) == (lang == "zh")
    assert Words(lang)(f"catalogue.{command}") in text
    assert "catalogue." not in text


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("command", ONES)
def test_one_is_told_with_every_word_in_the_language(command: str, lang: str) -> None:
    """Facts have names of the language, and no key stands for itself; sources stay as they are."""
    for name, one in LISTS[command][1].items():
        text = printed(ONES[command], name, lang=lang)
        assert flat(f"{name}: {one.title[lang]}") in flat(text)
        assert "catalogue." not in text, name
        facts = text.partition(Words(lang)("catalogue.cited"))[0].partition("\n")[2]
        heads = re.findall(r"^  (\S(?:\S| (?! ))*) {2,}", facts, re.MULTILINE)
        assert heads, name
        if lang == "zh" and command != "datasets":  # classes of a dataset begin with their codes
            assert all(CHINESE.search(head) for head in heads), (name, heads)


def test_every_dataset_and_scheme_has_a_chinese_title() -> None:
    titles = [one.title for _, known in LISTS.values() for one in known.values()]
    assert len(titles) > 50
    assert all(CHINESE.search(title["zh"]) for title in titles)
    assert not any(CHINESE.search(title["en"]) for title in titles)


def test_every_number_of_the_library_has_a_name() -> None:
    keys = {key for one in storage_kinds().values() for key in one.records}
    keys |= {key for one in screening_methods().values() for key in one.numbers}
    for words in map(Words, LANGUAGES):
        named = {key: words.has(f"catalogue.number.{key}") for key in keys}
        assert not [key for key in keys if not named[key] and not words.has(f"resource.{key}")]


@pytest.mark.parametrize("command", ["methods", *LISTS])
def test_every_command_of_the_library_has_the_option(command: str) -> None:
    assert inspect.signature(getattr(library, command)).parameters["lang"].default == "en"


def test_what_a_scheme_pays_is_a_phrase_of_the_language() -> None:
    assert catalogue._pays(credit_schemes()["45q-dac-eor"], Words("en")) == (
        "130 USD2025/t stored, 12 years"
    )
    assert catalogue._pays(credit_schemes()["45q-dac-eor"], Words("zh")) == (
        "130 USD2025/t（按封存量），12 年"
    )
    assert catalogue._pays(credit_schemes()["corc"], Words("en")) == (
        "the market's price per t net"
    )
