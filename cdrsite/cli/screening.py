"""Methods of the open sea in the terminal, and what is compared for one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdrsite.cli.storage import records_in_words
from cdrsite.core.words import Words

if TYPE_CHECKING:
    from rich.console import Console


def print_screening(
    name: str | None, *, as_json: bool = False, lang: str = "en", console: Console | None = None
) -> None:
    """Print all methods of the open sea, or one with its criteria, numbers and sources.

    Raises
    ------
    ConfigError
        Unknown method.
    """
    from cdrsite.cli.catalogue import in_words, print_sources
    from cdrsite.cli.tables import (
        open_console,
        plain_list,
        print_json,
        say,
        show_table,
        text_table,
    )
    from cdrsite.library.records import load_sources
    from cdrsite.library.screening import load_screening, screening_methods

    out, words = console or open_console(), Words(lang)
    if name is None:
        methods = screening_methods().values()
        if as_json:
            print_json([one.model_dump(mode="json") for one in methods])
            return
        wide = {"method": "name", "about": "left", "points": "left"}
        columns = [(words(f"catalogue.head.{head}"), kind) for head, kind in wide.items()]
        listed = [(one.name, words.said(one.title), words.said(one.points)) for one in methods]
        show_table(out, text_table(words("catalogue.screening"), columns, listed))
        say(out, words("catalogue.screening.more"), "dim")
        return
    method, sources = load_screening(name), load_sources()
    if as_json:
        print_json(method.model_dump(mode="json"))
        return
    say(out, f"{method.name}: {words.said(method.title)}", "bold")
    what = {"compares": words.said(method.points), "law": words.said(method.law)}
    rows = [*in_words(what, words)]
    for key, one in method.criteria.items():
        scored = words(
            "catalogue.scored", what=words.said(one.title), best=one.best, worst=one.worst
        )
        rows.append((words("catalogue.near", what=key), f"{scored}: {one.locator} [{one.source}]"))
    out.print(plain_list([*rows, *records_in_words(method.numbers, words)]))
    print_sources(out, {key: sources[key] for key in method.sources}, words)
