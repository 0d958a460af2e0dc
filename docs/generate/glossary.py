"""The glossary in English and Chinese, from the words of the program."""

from __future__ import annotations

from pathlib import Path

from cdrsite.core.vocabulary import VARIABLES
from cdrsite.core.words import Words
from cdrsite.core.yamltext import read_text, read_yaml
from cdrsite.library.methods import method_names
from cdrsite.library.parameters import PARAMETERS
from generate.markdown import code, page, table, text

EN, ZH = Words("en"), Words("zh")
TERMS = Path(__file__).with_name("terms.yaml")
"""Terms of the manual that no word of the program explains."""


def pages() -> dict[str, str]:
    """Name of a page -> its text."""
    terms = read_yaml(read_text(TERMS), TERMS.name)[0]
    listed = sorted(terms.items(), key=lambda item: item[0].lower())
    rows = [(f"**{text(term)}**", text(one["zh"]), text(one["means"])) for term, one in listed]
    kinds = {
        "Methods": ("method", list(method_names()), "Name in a scenario"),
        "Resources": ("resource", _below("resource"), "Name in tables"),
        "Ledgers": ("ledger", _below("ledger"), "Column"),
        "States of a cell": ("state", _below("state"), "Name in legends"),
        "Parameters of methods": ("param", list(PARAMETERS), "Name in method files"),
    }
    parts = [_pairs(title, *what) for title, what in kinds.items()]
    variables = [
        (code(one.name), text(one.meaning), code(one.unit) if one.unit not in {"", "1"} else "")
        for one in VARIABLES.values()
        if one.of != "evidence"
    ]
    return {
        "glossary": page(
            "# Glossary, 词汇表",
            "The words of reports, maps and terminals in both languages are those of the program.",
            table(("Term", "中文", "What it means here"), rows),
            *parts,
            "## Variables of a result",
            table(("Name", "Meaning", "Unit"), variables),
        )
    }


def _below(kind: str) -> list[str]:
    """Names that have words of a kind."""
    from cdrsite.core.words import load_words

    return [key.removeprefix(f"{kind}.") for key in load_words("en") if key.startswith(f"{kind}.")]


def _pairs(title: str, kind: str, names: list[str], head: str) -> str:
    rows = [
        (code(name), text(EN(f"{kind}.{name}")), text(ZH(f"{kind}.{name}")))
        for name in names
        if EN.has(f"{kind}.{name}")
    ]
    return page(f"## {title}", table((head, "English", "中文"), rows))
