"""The words for people in the languages that the program speaks, one place: a noun stands once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from cdrsite.core.errors import ConfigError
from cdrsite.core.numbers import exact, number, percent

LANGUAGES = ("en", "zh")
FOLDER = Path(__file__).parent / "words"
"""Files ``LANG.yaml`` and ``PART_LANG.yaml``: key -> text with {places}."""


SAMPLES = "samples"
"""Attribute of a result's dataset: on how many samples its shares of samples rest."""
TITLES = "method_titles"
"""Attribute of a result's dataset with the titles of methods of a user's own, as JSON."""


RULES = "exclusion_rules_said"
"""Attribute of a result's dataset: name of an exclusion rule -> language -> its words, as JSON."""


MONTH = ": month "
"""Between a pool and its month in the name of a row that holds in that month."""


def month_of(zone: str) -> tuple[str, str]:
    """Pool and month ("2" for February) of the name of a row; no month where it is of a year."""
    pool, _, month = zone.rpartition(MONTH)
    return (pool, month) if pool and month.isdecimal() else (zone, "")


class _Places(dict[str, object]):
    """Values of places; one that is not given stays a place."""

    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"


def fill(template: str, values: Mapping[str, object]) -> str:
    """A text with its places filled; one without a value stays as it is."""
    return template.format_map(_Places(values))


class Words:
    """The words of one language.

    Parameters
    ----------
    lang : {'en', 'zh'}
        Language of the report.
    own : mapping, optional
        Key -> words of a user's own, where the program has none.

    Raises
    ------
    ConfigError
        There is no such language.
    """

    def __init__(self, lang: str = "en", own: Mapping[str, str] | None = None) -> None:
        if lang not in LANGUAGES:
            raise ConfigError(
                "the report does not speak this language",
                where="lang",
                got=repr(lang),
                expected=" or ".join(LANGUAGES),
            )
        self.lang = lang
        self._own = dict(own or {})
        self._table = {**self._own, **load_words(lang)}

    def of(self, attrs: Mapping[str, Any]) -> Words:
        """These words with what a result brings: titles of a user's own methods, names of rules.

        Parameters
        ----------
        attrs : mapping
            Attributes of a result's dataset; :data:`TITLES` and :data:`RULES` hold them, as JSON.
        """
        titles: dict[str, dict[str, str]] = json.loads(attrs.get(TITLES, "{}"))
        own = {f"method.{name}": self.said(texts) for name, texts in titles.items()}
        rules: dict[str, dict[str, str]] = json.loads(attrs.get(RULES, "{}"))
        own |= {f"rule.{name}": said.get(self.lang, name) for name, said in rules.items()}
        return Words(self.lang, {**self._own, **own})

    def __call__(self, key: str, **values: object) -> str:
        """Text of a key with its places filled; not escaped.

        A key without words stands for itself, and a place without a value stays as it is: what a
        study found is worth more than how it is said.
        """
        text = self._table.get(key)
        if text is None:
            return key
        return fill(text, values) if values else text

    def said(self, texts: Mapping[Any, str] | str) -> str:
        """A text of the library in this language; English, or as it is, where there is no other."""
        return texts if isinstance(texts, str) else texts.get(self.lang) or texts.get("en", "")

    def count(self, key: str, n: int, **values: object) -> str:
        """Words that differ for one and for many, with the number as ``{n}``."""
        return self(f"{key}.{'one' if n == 1 else 'many'}", n=number(int(n)), **values)

    def has(self, key: str) -> bool:
        """Whether there are words for a key."""
        return key in self._table

    def named(self, kind: str, name: str) -> str:
        """Words for a name that may be the user's own, which then stays as it is."""
        return self._table.get(f"{kind}.{name}", name)

    def method(self, name: str) -> str:
        """Name of a removal method."""
        return self.named("method", name)

    def typed(self, name: str) -> str:
        """A removal method in the terminal: as it is typed, where that is the reader's language."""
        return name if self.lang == "en" else self.method(name)

    def resource(self, name: str) -> str:
        """Name of a resource, or of a family of limits such as injectivity."""
        return self.named("resource", name)

    def called(self, name: str) -> str:
        """What a class of a map or a reason stands for: a method, a resource, a state."""
        names = dict.fromkeys((name, name.replace(" ", "_")))  # the flags of a file have no "_"
        keys = [
            f"{kind}.{one}"
            for one in names
            for kind in ("method", "resource", "state", "class", "mode")
        ]
        return next((self._table[key] for key in keys if key in self._table), name)

    def zone(self, name: str) -> str:
        """A zone's own name; months, targets of years and the region are in the language."""
        target, _, year = name.rpartition(" ")
        if year.isdecimal() and f"end.path.ledger.{target}" in self._table:
            return self("years.rule", ledger=self(f"end.path.ledger.{target}"), year=year)
        pool, month = month_of(name)
        if f"month.{month}" in self._table:
            return self("months.row", pool=self.zone(pool), month=self(f"month.{month}"))
        return self._table.get(f"zone.{name}", name)

    def limits(self, listed: str, space: str = " ") -> str:
        """``land 71 %, water 29 %`` with the resources in the language.

        Parameters
        ----------
        listed : str
            As the table of methods has it: names of resources or of states.
        space : str
            Stands before "%".
        """
        named = []
        for part in listed.split(", "):
            name, _, share = part.partition(" ") if part.endswith("%") else (part, "", "")
            named.append(f"{self.called(name)} {share.replace(' ', space)}".strip())
        return self("list.comma").join(named)

    @staticmethod
    def heading(text: str) -> str:
        """A noun as it stands at the head of a row or a section."""
        return text[:1].upper() + text[1:]

    def unit(self, name: str) -> str:
        """A unit as it is written in the language, e.g. ``Mt/yr``; else as a formula: ``m³/t``."""
        return self._table.get(f"unit.{name}") or name.replace("m2", "m²").replace("m3", "m³")

    @staticmethod
    def number(value: object, digits: int = 3) -> str:
        """See :func:`cdrsite.core.numbers.number`."""
        return number(value, digits)

    @staticmethod
    def exact(value: object) -> str:
        """See :func:`cdrsite.core.numbers.exact`."""
        return exact(value)

    @staticmethod
    def percent(share: float | None, digits: int = 2) -> str:
        """See :func:`cdrsite.core.numbers.percent`."""
        return percent(share, digits)


@cache
def load_words(lang: str) -> dict[str, str]:
    """All words of a language; a key stands in one file only."""
    from cdrsite.core.yamltext import read_text, read_yaml

    found: dict[str, str] = {}
    for file in sorted([*FOLDER.glob(f"{lang}.yaml"), *FOLDER.glob(f"*_{lang}.yaml")]):
        for key, value in read_yaml(read_text(file), file.name)[0].items():
            if key in found:
                raise ConfigError("the key has its words twice", where=f"{file.name}: {key}")
            found[key] = str(value)
    return found
