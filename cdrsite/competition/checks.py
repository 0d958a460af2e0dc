"""Checks of the parts of a problem against each other, with what was expected."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cdrsite.core.errors import DataError


def check_at_sinks(pool: str, member: npt.ArrayLike, needs: npt.ArrayLike, count: int) -> None:
    """Refuse what sinks take, where it is not one number, 0 or more, for each sink."""
    need = np.asarray(needs, np.float64)
    if need.shape != (count,) or np.shape(member) != (count,) or not (need >= 0).all():
        raise DataError(
            "what sinks take from a pool is not one need and zone for each sink",
            where=f"pool {pool!r}",
            got=f"{np.shape(member)} zones, needs {need.tolist()[:5]}",
            expected=f"{count} zones and {count} numbers, 0 or more",
            rule=7,
        )


def require_unique(what: str, names: Sequence[str]) -> None:
    """Refuse a name that is used twice."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError("a name is used twice", where=what, got=", ".join(twice))


def require_known(where: str, name: str, known: set[str]) -> None:
    """Refuse a name that refers to nothing."""
    if name not in known:
        raise DataError(
            "unknown name", where=where, got=repr(name), expected=", ".join(sorted(known))
        )
