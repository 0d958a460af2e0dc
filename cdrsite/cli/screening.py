"""Methods of the open sea in the terminal, and what is compared for one of them."""

from __future__ import annotations

from cdrsite.cli.storage import amount_of


def print_screening(name: str | None, *, as_json: bool) -> None:
    """Print all methods of the open sea, or one with its criteria, numbers and sources.

    Raises
    ------
    ConfigError
        Unknown method.
    """
    from cdrsite.cli.catalogue import print_sources
    from cdrsite.cli.tables import open_console, plain_list, print_json, show_table, text_table
    from cdrsite.core.words import Words
    from cdrsite.library.records import load_sources
    from cdrsite.library.screening import load_screening, screening_methods

    out = open_console()
    if name is None:
        methods = screening_methods().values()
        if as_json:
            print_json([one.model_dump(mode="json") for one in methods])
            return
        columns = (("method", "name"), ("what it is", "left"), ("points that are compared", "left"))
        rows = [(one.name, one.title["en"], one.points["en"]) for one in methods]
        show_table(out, text_table("Methods of the open sea (screening)", columns, rows))
        out.print("no tonnes follow from them; one of them: cdrsite screening NAME", style="dim")
        return
    method, sources = load_screening(name), load_sources()
    cited = {key: sources[key] for key in method.sources}
    if as_json:
        print_json(method.model_dump(mode="json"))
        return
    out.print(f"{method.name}: {method.title['en']}", style="bold", highlight=False)
    facts = {"compares": method.points["en"], "law": method.law["en"]}
    for key, one in method.criteria.items():
        facts[f"near: {key}"] = (
            f"{one.title['en']}, score 1 at {one.best:g} km to 0 at {one.worst:g} km: "
            f"{one.locator} [{one.source}]"
        )
    for key, record in method.numbers.items():
        about = " ".join(part for part in (f"{record.locator}.", record.note) if part)
        facts[key.replace("_", " ")] = f"{amount_of(record)}: {about} [{record.source}]"
    out.print(plain_list(facts.items()))
    print_sources(out, cited, Words())
