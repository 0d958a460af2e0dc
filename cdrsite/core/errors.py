"""Errors and warnings, each saying what, where, got, expected and cure.

Every error class is also the builtin that describes it, so ``except ValueError`` still works.
"""

from __future__ import annotations


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
    head = f"{where}: {what}" if where else what
    parts = [head]
    if got is not None:
        parts.append(f"got {got}")
    if expected is not None:
        parts.append(f"expected {expected}")
    if cure is not None:
        parts.append(f"cure: {cure}")
    if rule is not None:
        parts.append(f"(rule {rule})")
    return "; ".join(parts)


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
    """The scenario is wrong: unknown key, wrong dimension, contradiction."""


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


class CdrsiteWarning(UserWarning):
    """Something a person should know that does not stop the run; repeated at its end."""
