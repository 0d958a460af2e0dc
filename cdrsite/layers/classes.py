"""Class selectors: codes, names, groups and ranges such as "1-11, 50"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.core.errors import DataError
from cdrsite.layers.where import nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.library.datasets import DatasetPreset

_RANGE = re.compile(r"^\s*(-?\d+)\s*(?:-|\.\.|to)\s*(-?\d+)\s*$")
_CODE = re.compile(r"^\s*-?\d+\s*$")


def select_codes(
    selectors: Iterable[int | str], preset: DatasetPreset | None, present: set[int], where: str
) -> list[int]:
    """Codes that selectors name.

    Parameters
    ----------
    selectors : iterable of int or str
        Codes, ranges, lists of both in one text, class names and group names of the preset.
    preset : DatasetPreset or None
        Gives names, groups and the full list of codes.
    present : set of int
        Codes that occur in the raster.
    where : str
        Layer and file, for errors.

    Returns
    -------
    list of int
        Sorted, without duplicates.

    Raises
    ------
    DataError
        If a code occurs neither in the raster nor in the preset, a range holds no such code, or a
        name is unknown (names the nearest).
    """
    known = present | set(preset.classes if preset is not None else ())
    found: set[int] = set()
    for selector in selectors:
        items = [selector] if isinstance(selector, int) else _split(selector, preset)
        for item in items:
            found |= _one(item, preset, known, where)
    return sorted(found)


def _split(text: str, preset: DatasetPreset | None) -> list[int | str]:
    """A name may hold a comma itself; otherwise commas separate."""
    if preset is not None and text.strip().lower() in _names(preset):
        return [text]
    return [part for part in text.split(",") if part.strip()]


def _names(preset: DatasetPreset) -> dict[str, set[int]]:
    names = {item.name.lower(): {code} for code, item in preset.classes.items()}
    return names | {group.lower(): set(codes) for group, codes in preset.groups.items()}


def _one(item: int | str, preset: DatasetPreset | None, known: set[int], where: str) -> set[int]:
    if isinstance(item, int) or _CODE.match(item):
        code = int(item)
        if code not in known:
            raise _absent(str(code), known, where)
        return {code}
    match = _RANGE.match(item)
    if match:
        low, high = int(match.group(1)), int(match.group(2))
        inside = {code for code in known if low <= code <= high}
        if not inside:
            raise _absent(f"{low}-{high}", known, where)
        return inside
    names = _names(preset) if preset is not None else {}
    name = item.strip().lower()
    if name not in names:
        raise DataError(
            f"unknown class {item.strip()!r}",
            where=where,
            got=item.strip(),
            expected=f"one of {', '.join(names)}" if names else "codes: the layer has no preset",
            cure=nearest(name, list(names)) if names else "give codes, or a preset with names",
        )
    return names[name]


def _absent(what: str, known: set[int], where: str) -> DataError:
    shown = ", ".join(str(code) for code in sorted(known)[:40])
    return DataError(
        "class code absent from the raster",
        where=where,
        got=what,
        expected=f"codes such as {shown}" if known else "a raster with any known value",
        cure="check the legend; CORINE has grid codes 1-44 and three-digit codes 111-523",
        rule=7,
    )


def look_up(
    values: NDArray[np.float64], table: Mapping[int, float], other: float = 0.0
) -> NDArray[np.float64]:
    """Weights of class codes; codes not in the table weigh ``other``, NaN stays."""
    codes = np.array(sorted(table), np.float64)
    weights = np.array([table[int(c)] for c in codes])
    if codes.size == 0:
        return np.where(np.isnan(values), np.nan, other)
    at = np.minimum(np.searchsorted(codes, values), codes.size - 1)
    found = np.where(codes[at] == values, weights[at], other)
    return np.where(np.isnan(values), np.nan, found)
