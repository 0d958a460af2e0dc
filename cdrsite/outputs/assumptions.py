"""What a study takes as given of each method: values with unit, range and source (rule 10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cdrsite.core.errors import CdrsiteError
from cdrsite.library.files import read_yaml
from cdrsite.library.load import load_method, load_method_file, load_sources, parse_sources
from cdrsite.library.records import Method, to_rows

ASSUMPTIONS = "assumptions.json"
"""File of a run's folder with these records."""


def assumptions(choices: Mapping[str, Mapping[str, Any]], base: Path) -> dict[str, Any]:
    """Records of the methods of a scenario, as they are in the library now.

    Parameters
    ----------
    choices : mapping
        ``methods`` of a scenario: name -> ``profile``, ``library``, ``override``.
    base : Path
        Folder from which the paths of methods of one's own start.

    Returns
    -------
    dict
        ``methods``: name -> ``title`` by language, ``profile`` with its ``profile_title`` and
        ``note``, ``values`` (rows of :func:`cdrsite.library.records.to_rows`) and ``override``;
        ``sources``: id -> ``citation``, ``url``, ``note``, of those that are cited.

    Raises
    ------
    ConfigError, MissingFileError, UnitError
        A method or its file cannot be read.
    """
    methods: dict[str, Any] = {}
    sources = {name: vars_of(source) for name, source in load_sources().items()}
    for name, choice in choices.items():
        library = choice.get("library")
        if library is None:
            method = load_method(name)
        else:
            path = base / str(library)
            method = load_method_file(path)
            own = parse_sources(read_yaml(path).get("sources", {}), path.name)
            sources |= {key: vars_of(source) for key, source in own.items()}
        methods[name] = _record(method, choice)
    cited = _cited(methods.values())
    return {
        "methods": methods,
        "sources": {name: sources[name] for name in sorted(cited) if name in sources},
    }


def known_assumptions(choices: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """As :func:`assumptions`, of the methods that the library knows; others are left out.

    For a run that did not keep its own records.
    """
    found: dict[str, Any] = {"methods": {}, "sources": {}}
    for name, choice in choices.items():
        if choice.get("library") is not None:
            continue
        try:
            one = assumptions({name: choice}, Path())
        except CdrsiteError:  # of another version of the library
            continue
        found["methods"] |= one["methods"]
        found["sources"] |= one["sources"]
    return found


def vars_of(source: Any) -> dict[str, Any]:
    """A source as plain data."""
    return {"citation": source.citation, "url": source.url, "note": source.note}


def _record(method: Method, choice: Mapping[str, Any]) -> dict[str, Any]:
    profile = method.profile(choice.get("profile"))
    return {
        "title": dict(method.title),
        "profile": profile.name,
        "profile_title": profile.title,
        "note": profile.note,
        "values": to_rows(method, profile.name),
        "override": {str(key): value for key, value in (choice.get("override") or {}).items()},
    }


def _cited(methods: Iterable[Mapping[str, Any]]) -> set[str]:
    return {row["source"] for method in methods for row in method["values"]}
