"""What a study takes as given of each method: values with unit, range and source (rule 10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from cdrsite.core.errors import CdrsiteError
from cdrsite.library.methods import Method, Profile, load_method, to_rows

if TYPE_CHECKING:
    from cdrsite.methods.model import MethodModel
    from cdrsite.result.study_result import Used

ASSUMPTIONS = "assumptions.json"
"""File of a run's folder with these records."""


def assumptions(models: Mapping[str, MethodModel], used: Used | None = None) -> dict[str, Any]:
    """Records of the methods as a run used them.

    Parameters
    ----------
    models : mapping
        Name -> method with the records that the run read, once, when it was prepared.
    used : Used, optional
        What the numbers of the run rest on; all of it when not given.

    Returns
    -------
    dict
        ``methods``: name -> ``title`` by language, ``profile`` with its ``profile_title`` and
        ``note`` by language, ``cost_basis`` (empty where not known), ``values`` (rows of
        :func:`cdrsite.library.methods.to_rows`, and whether the run's numbers rest on them as
        ``used``), ``override`` and ``override_used``;
        ``prices``: keys of ``costs.prices`` that any cost rests on; ``sources``: id ->
        ``citation``, ``url``, ``read`` (what was read of it), ``note``, of those that are cited.
    """
    document = _document(
        (name, m.method, m.profile, m.basis, m.replaced) for name, m in models.items()
    )
    if used is not None:
        document["prices"] = sorted(used.prices)
        for name, record in document["methods"].items():
            read = used.parameters[name]
            for row in record["values"]:
                row["used"] = row["parameter"] in read
            record["override_used"] = [key for key in record["override"] if key in read]
    return document


def known_assumptions(choices: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """As :func:`assumptions`, of the shipped methods as they are now; others are left out.

    For a run that did not keep its own records.

    Parameters
    ----------
    choices : mapping
        ``methods`` of a scenario: name -> ``profile``, ``library``, ``override``.
    """
    known = []
    for name, choice in choices.items():
        with suppress(CdrsiteError):  # of another version of the library
            if choice.get("library") is None:
                method = load_method(name)
                profile = method.profile(choice.get("profile"))
                override = choice.get("override") or {}
                known.append((name, method, profile, profile.cost_basis or "", override))
    return _document(known)


def _document(
    used: Iterable[tuple[str, Method, Profile, str, Mapping[str, object]]],
) -> dict[str, Any]:
    """Methods with their values, and the sources that these cite."""
    methods: dict[str, Any] = {}
    sources: dict[str, Any] = {}
    for name, method, profile, basis, override in used:
        values = to_rows(method, profile.name)
        methods[name] = {
            "title": dict(method.title),
            "profile": profile.name,
            "profile_title": dict(profile.title),
            "note": dict(profile.note),
            "cost_basis": basis,
            "values": values,
            "override": {str(key): value for key, value in override.items()},
        }
        for id_ in {row["source"] for row in values}:
            source = method.sources[id_]
            about = {key: getattr(source, key) for key in ("citation", "url", "read", "note")}
            sources[id_] = about
    return {"methods": methods, "sources": dict(sorted(sources.items()))}
