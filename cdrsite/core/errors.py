"""Errors and warnings, each saying what, where, got, expected and cure.

Every error class is also the builtin that describes it, so ``except ValueError`` still works.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable

SPACES = "\n\u00a0\u2009\u202f"
"""Signs that a line can show though Python does not call them printable."""
LONGEST_VALUE = 300
"""Characters of a value that was met, as it is shown."""
LONGEST_LIST = 1000
"""Characters of what would have been accepted."""
LONGEST_TEXT = 5000
"""Characters of a whole text: a list of many errors is cut, and says how long it would be."""


def shown(text: object, limit: int = LONGEST_VALUE) -> str:
    """Text as a line can show it: what is long is cut, control characters are escaped.

    Parameters
    ----------
    text : object
        Anything; a number that is too long to be written is said to be so.
    limit : int
        More characters than this are cut, and their number is said.
    """
    try:
        plain = _concealed(str(text))  # before it is cut: half a secret could not be told
    except ValueError:  # Python does not write integers of more than 4300 digits
        return "a number of thousands of digits"
    if len(plain) > limit:
        plain = f"{plain[: limit - 40]}… ({len(plain):,} characters)"
    if plain.isprintable():
        return plain
    return "".join(
        sign if sign.isprintable() or sign in SPACES else sign.encode("unicode_escape").decode()
        for sign in plain
    )


def nearest(name: str, known: Iterable[str], cutoff: float = 0.5) -> str:
    """The known name that a misspelt one is most like; empty where none is like it."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)), "")


def did_you_mean(name: str, known: Iterable[str], cutoff: float = 0.5) -> str:
    """The cure for a misspelt name; empty where none is near."""
    near = nearest(name, known, cutoff)
    return f"did you mean {near!r}?" if near else ""


def message(
    what: str,
    *,
    where: str | None = None,
    got: object = None,
    expected: object = None,
    cure: str | None = None,
    rule: int | None = None,
) -> str:
    """Join the parts of an error text.

    Parameters
    ----------
    what : str
        What is wrong, one sentence without a full stop.
    where : str, optional
        File and line, layer, key: the place a person can go to.
    got, expected : object, optional
        The value that was met and what would have been accepted.
    cure : str, optional
        What to do about it, as an instruction.
    rule : int, optional
        Number of the rule of meaning (ARCHITECTURE.md) that was broken.

    Returns
    -------
    str
        One line, for example ``demo.yaml:7: layers.slope.unit: wrong dimension; got 'kWh';
        expected degree or percent; cure: ...``.
    """
    # an error that lists others is as long as they are; each of them was cut
    what = shown(what, LONGEST_TEXT)
    parts = [f"{shown(where, LONGEST_LIST)}: {what}" if where else what]
    if got is not None:
        parts.append(f"got {shown(got).strip()}")
    if expected is not None:
        parts.append(f"expected {shown(expected, LONGEST_LIST)}")
    if cure is not None:
        parts.append(f"cure: {shown(cure, LONGEST_LIST)}")
    if rule is not None:
        parts.append(f"(rule {rule})")
    return _concealed("; ".join(parts))


def _concealed(text: str) -> str:
    for hide in _HIDE:
        text = hide(text)
    return text


_HIDE: list[Callable[[str], str]] = []


def conceal(hide: Callable[[str], str]) -> None:
    """Pass the text of every error through a function that takes secrets out."""
    _HIDE.append(hide)


class CdrsiteError(Exception):
    """Base of all errors that cdrsite raises on purpose.

    Takes the same parts as :func:`message`. ``exit_code`` is what the command line returns.
    """

    exit_code = 2

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        got: object = None,
        expected: object = None,
        cure: str | None = None,
        rule: int | None = None,
    ) -> None:
        super().__init__(
            message(what, where=where, got=got, expected=expected, cure=cure, rule=rule)
        )
        self.what = what
        self.where = where


class ConfigError(CdrsiteError, ValueError):
    """The scenario is wrong: unknown key, wrong dimension, contradiction.

    Attributes
    ----------
    rest : object or None
        What is left of it and sound, where all that is wrong can be left out.
    left_out : frozenset of tuple of str
        Key paths that were left out of it.
    """

    rest: object = None
    left_out: frozenset[tuple[str, ...]] = frozenset()


class DataError(CdrsiteError, ValueError):
    """An input layer or table is wrong: no CRS, no overlap, all nodata, missing column."""


class GridError(CdrsiteError, ValueError):
    """Two arrays are not on one grid, or the grid itself makes no sense."""


class UnitError(CdrsiteError, ValueError):
    """A value has no unit where one is needed, or one of the wrong dimension."""


class MissingFileError(CdrsiteError, FileNotFoundError):
    """A file that the scenario names does not exist."""


class MissingDependencyError(CdrsiteError, ImportError):
    """An optional library is needed for what was asked and is not installed."""


class InfeasibleError(CdrsiteError, ValueError):
    """No plan satisfies all constraints; the text names the rows in conflict (rule 8)."""

    exit_code = 1


class SolverError(CdrsiteError, RuntimeError):
    """A solver stopped without the answer that was asked for (rule 8)."""

    exit_code = 1


class NotEnoughMemoryError(CdrsiteError, MemoryError):
    """The machine, or a limit set on it, gives less memory than the work takes."""

    exit_code = 1


class CdrsiteWarning(UserWarning):
    """Something a person should know that does not stop the run; repeated at its end."""
