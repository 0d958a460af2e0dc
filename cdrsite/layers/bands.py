"""Which bands of a file a layer reads: by number or name, or what they make together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from cdrsite.core.errors import DataError
from cdrsite.layers.where import nearest

Together = Literal["mean", "sum", "max"]
TOGETHER = ("mean", "sum", "max")
"""What several bands can be made into, pixel by pixel."""
MOST_NAMED = 24
"""Bands that an error lists."""


def bands_of(
    band: int | str | None, names: Sequence[str], where: str, what: str = "bands"
) -> tuple[tuple[int, ...], Together | None]:
    """Bands that a layer reads.

    Parameters
    ----------
    band : int, str or None
        A number from 1, a name or how it begins, ``all``, ``mean``, ``sum``, ``max``; None is the
        only one.
    names : sequence of str
        Name of every band of the file, "" where it has none.
    where : str
        Layer and file, for errors.
    what : str
        What the bands are, for errors.

    Returns
    -------
    bands : tuple of int
        Counted from 1.
    together : str or None
        What they are made into.

    Raises
    ------
    DataError
        There are several and none is named, or there is none of that name or number (rule 7).
    """
    everything = tuple(range(1, len(names) + 1))
    if band is None and len(names) == 1:
        return everything, None
    if band == "all":
        return everything, None
    if band in TOGETHER:
        return everything, band  # type: ignore[return-value]
    listed = ", ".join(
        f"{number} ({name})" if name else str(number)
        for number, name in list(enumerate(names, 1))[:MOST_NAMED]
    )
    listed += f" ... {len(names)}" if len(names) > MOST_NAMED else ""
    if band is None:
        raise DataError(
            "which band is meant",
            where=where,
            got=f"{len(names)} {what}: {listed}",
            expected="band: a number or a name, or mean, sum, max or all of them",
            cure="add band: to the layer; a picture holds colours and no quantity"
            if "picture" in what
            else "add band: to the layer",
            rule=7,
        )
    text = str(band)
    exact = [n for n, name in enumerate(names, 1) if name == text]
    begins = [n for n, name in enumerate(names, 1) if name.lower().startswith(text.lower())]
    for found in (exact, begins):
        if len(found) == 1:
            return (found[0],), None
    if text.isdecimal() and 1 <= int(text) <= len(names) and not exact:
        return (int(text),), None
    known = [name for name in names if name]
    raise DataError(
        "no such band" if not begins else "several bands begin so",
        where=where,
        got=band,
        expected=f"one of {listed}, or mean, sum, max or all"
        if len(names) > 1
        else f"{listed}, the only one",
        cure=nearest(text, known) if known and not text.isdecimal() else None,
        rule=7,
    )


def made_into(values: np.ndarray, together: Together | None) -> np.ndarray:
    """What bands make together; unknown where one of them is.

    Parameters
    ----------
    values : ndarray of float64, shape (bands, h, w)
        NaN is unknown.
    together : str or None
        mean, sum or max.

    Returns
    -------
    ndarray, shape (1, h, w), or the values themselves
    """
    if together is None:
        return values
    if together == "max":
        return np.asarray(values.max(axis=0, keepdims=True))
    total = values.sum(axis=0, keepdims=True)
    return np.asarray(total / len(values) if together == "mean" else total)
