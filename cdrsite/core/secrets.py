"""Values of the environment that a scenario takes in and that nothing written may show.

``${secret:NAME}`` in a scenario is the variable's value where it is used, and stays
``${secret:NAME}`` in errors, warnings, manifest, report and every other file of a run.
"""

from __future__ import annotations

import html
import json
from urllib.parse import quote

from cdrsite.core.errors import ConfigError, conceal

SHORTEST = 6
"""A shorter text occurs in others by chance, and could not be told from them [characters]."""

_KEPT: dict[str, str] = {}
"""Each form of each value -> what stands in its place."""


def keep_secret(name: str, value: str, where: str) -> str:
    """Remember that a value is secret.

    Parameters
    ----------
    name, value : str
        Of the variable.
    where : str
        File, line and key, for the error.

    Returns
    -------
    str
        The value.

    Raises
    ------
    ConfigError
        It is a number, which would show in results, or too short to be recognised.
    """
    try:
        float(value.split(maxsplit=1)[0] if value.split() else "")
        problem = "a number, which the results would show"
    except ValueError:
        problem = f"{len(value)} characters" if len(value) < SHORTEST else ""
    if problem:
        raise ConfigError(
            "this cannot be kept secret",
            where=where,
            got=problem,
            expected=f"a text of {SHORTEST} characters or more",
            cure=f"write ${{{name}}} for what is no secret",
        )
    mark = f"${{secret:{name}}}"
    # a message on a folder that is missing names the beginning of a path
    cuts = [value[:i] for i, sign in enumerate(value) if sign in "/\\" and i >= SHORTEST]
    for part in (value, *cuts):
        _KEPT.update(dict.fromkeys(_forms(part), mark))
    return value


def _forms(text: str) -> set[str]:
    """A text as it stands in XML, HTML, addresses, JSON and reprs."""
    marked = {html.escape(text, quote=False), html.escape(text)}
    return {text, *marked, quote(text), json.dumps(text)[1:-1], repr(text)[1:-1]}


def hidden(text: str) -> str:
    """A text with the secrets in it replaced by their names."""
    for value in sorted(_KEPT, key=len, reverse=True) if _KEPT else ():
        text = text.replace(value, _KEPT[value])
    return text


conceal(hidden)
