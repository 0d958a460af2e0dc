"""Classes of a quantity on maps: borders, colours, words; the same ones wherever it is drawn.

QGIS, the palettes of pictures, the report's map and matplotlib's axes ask here. The rules:

- A variable has one scale, over all methods, ranks and milestones and with the variables that are
  read beside it (``core.vocabulary.Variable.scale``): a colour means one amount.
- The more the darker; what has a sign turns at zero.
- Borders are round in the unit that people read. They are even steps, until one class would hold
  most of the tonnes (of what adds up) or most of the cells (of what does not): then they are steps
  of one factor.
- Shares have the same five classes in every study.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.numbers import MISSING, brief
from cdrsite.core.vocabulary import amount, variable
from cdrsite.outputs.palette import NOTHING_COLOUR

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import ArrayLike, NDArray

    from cdrsite.core.words import Words

STEPS = 7
"""Classes of a quantity, about."""
CLIPPED = 2.0
"""Share of the values beyond either open class [%]."""
CROWDED = 0.5
"""Even steps give way where one class would hold more than this share."""
BELOW = 0.01
"""Share of the sum that may lie below the first of the steps of one factor."""
ROUNDING = 1e-9
"""What is nearer to zero is zero in a legend [unit of the file]."""
LEAST = 1e-30
"""Below zero by less than any float of a raster can be."""
SHARES = (0.2, 0.4, 0.6, 0.8)
"""Borders of shares, in every study."""
LADDERS = ((1, 2, 5), (1, 3), (1,))
"""Steps of about one factor within a power of ten, from fine to coarse."""
SAMPLE = 512
"""Rows and columns at most that are read for the range of a raster's values."""


@dataclass(frozen=True)
class Step:
    """A class in words: values up to ``top``, the last one without an end."""

    top: float
    label: str
    colour: str


@dataclass(frozen=True)
class Classes:
    """Classes of one quantity.

    Attributes
    ----------
    borders : tuple of float
        Ascending, in the unit of the file; a value on a border is in the class below it.
    colours : tuple of str
        "#RRGGBB" of each class, one more than there are borders.
    size, unit : float, str
        What people read it in: how much of the file's unit, and its canonical name.
    zero : str
        Key of the words for zero, where that is a class of its own.
    zero_colour : str
        "#RRGGBB" of that class.
    only : float or None
        The one value, where there is no other.
    signed : bool
        Whether what is above zero is told with its sign.
    """

    borders: tuple[float, ...]
    colours: tuple[str, ...]
    size: float = 1.0
    unit: str = ""
    zero: str = ""
    zero_colour: str = NOTHING_COLOUR
    only: float | None = None
    signed: bool = False

    @property
    def _zero(self) -> int:
        """Place of the class of zero."""
        return int(np.searchsorted(self.borders, 0.0)) + (0.0 in self.borders)

    def place(self, values: ArrayLike) -> NDArray[np.int64]:
        """Position of each value in :meth:`steps`; NaN is in the last."""
        given = np.asarray(values, np.float64)
        places = np.searchsorted(np.asarray(self.borders, np.float64), given).astype(np.int64)
        if self.zero:
            places += given > 0
            places[given == 0] = self._zero
        return places

    def steps(self, words: Words, *, with_unit: bool = True) -> list[Step]:
        """Every class, ascending, in words.

        Parameters
        ----------
        words : Words
            Language.
        with_unit : bool
            Write the unit in each label.
        """
        labels = self._labels(words, words.unit(self.unit) if with_unit else "")
        tops = (*self.borders, math.inf)
        steps = [Step(*one) for one in zip(tops, labels, self.colours, strict=True)]
        if self.zero:
            place, zero = self._zero, Step(0.0, words(self.zero), self.zero_colour)
            if not self.borders and self.only is None:
                return [Step(math.inf, zero.label, zero.colour)]
            if place:  # the class that ends at zero has all but zero itself
                steps[place - 1] = replace(steps[place - 1], top=-LEAST)
            steps.insert(place, zero)
        return steps

    def border_words(self) -> tuple[str, ...]:
        """The borders as people read them, without the unit."""
        told = [border / self.size for border in self.borders]
        return tuple(f"+{brief(one)}" if self.signed and one > 0 else brief(one) for one in told)

    def _labels(self, words: Words, unit: str) -> list[str]:
        told = self.border_words()
        if not told:
            one = MISSING if self.only is None else brief(self.only / self.size)
            return [words("classes.one", value=one, unit=unit).strip()]
        between = [
            words("classes.between", low=low, high=high, unit=unit) for low, high in pairwise(told)
        ]
        first = words("classes.below", high=told[0], unit=unit)
        last = words("classes.above", low=told[-1], unit=unit)
        return [one.strip() for one in (first, *between, last)]


def shades(colours: str, count: int) -> tuple[str, ...]:
    """Colours of classes from little to much: from light to dark.

    Parameters
    ----------
    colours : str
        Name of a matplotlib colour map that goes from light to dark.
    count : int
        Of classes.
    """
    return _colours(colours, np.linspace(0.08, 1.0, count) if count > 1 else np.array([0.55]))


def _colours(name: str, places: NDArray[np.float64]) -> tuple[str, ...]:
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return tuple(to_hex(shade).upper() for shade in colormaps[name](places))


def scale_of(name: str) -> str:
    """The variable whose classes a variable has."""
    return variable(name).scale or name


def classes_of(name: str, values: ArrayLike, unit: str) -> Classes:
    """Classes of a variable.

    Parameters
    ----------
    name : str
        Of the variable.
    values : array_like
        Of all that share its scale, or a sample of them; NaN and infinity are left out.
    unit : str
        Of the values, "" or "1" for shares.

    Returns
    -------
    Classes
        One class without borders where all values are the same.
    """
    record = variable(scale_of(name))
    known = np.asarray(values, np.float64).ravel()
    known = known[np.isfinite(known)]
    known = np.where(np.abs(known) < ROUNDING, 0.0, known)
    some = known[known > 0] if record.own_zero else known
    size, shown = (1e-2, "%") if unit == "1" else amount(unit).place
    if unit == "1" and not record.diverging and _within(some, 0.0, 1.0):
        borders = list(SHARES)
    else:
        borders = round_borders(some, size, adds_up=record.own_zero, zero=record.diverging)
    edges = [*borders, math.inf]
    if record.diverging and (known < 0).any():
        found = _colours(record.colours, _turning(edges))
    else:
        found = shades("viridis_r" if record.diverging else record.colours, len(edges))
    only = float(some[0]) if some.size and not borders else None
    zero = "classes.nothing" if record.own_zero else ""
    return Classes(tuple(borders), found, size, shown, zero, only=only)


def column_classes(
    values: ArrayLike, colours: str, *, unit: str = "", per: float = 1.0, adds_up: bool = False
) -> Classes:
    """Classes of a column of shapes.

    Parameters
    ----------
    values : array_like
        NaN and infinity are left out.
    colours : str
        Name of a matplotlib colour map that goes from light to dark.
    unit : str
        That people read it in.
    per : float
        How much of ``unit`` one of the column is.
    adds_up : bool
        As in :func:`round_borders`.
    """
    known = np.asarray(values, np.float64).ravel()
    known = known[np.isfinite(known)]
    below = bool(known.size and known.max() <= 0)  # of losses too, the larger are the darker
    # where nothing is adds nothing to a class
    some = known[known != 0] if adds_up and known.any() else known
    borders = round_borders(np.abs(some) if below else some, 1 / per, steps=5, adds_up=adds_up)
    found = shades(colours, len(borders) + 1)
    if below:
        borders, found = sorted(-border for border in borders), found[::-1]
    only = float(some[0]) if some.size and not borders else None
    return Classes(tuple(borders), found, 1 / per, unit, only=only)


CHANGE_COLOURS = ("#B35806", "#F1A340", "#FEE0B6", "#D8DAEB", "#998EC3", "#542788")
"""From much less to much more: PuOr of ColorBrewer (Brewer 2013), without its middle."""
UNCHANGED_COLOUR = "#ECEBE6"
"""Where nothing changed."""
PER_CLASS = 10.0
"""A change of the next class is so many times larger."""


def change_classes(values: ArrayLike, unit: str) -> Classes:
    """Classes of a change, the same for both signs: a class of its own for none, then by tens.

    The largest class begins within a power of ten of the largest change, so that what few places
    gain is not in one class with what many lose.

    Parameters
    ----------
    values : array_like
        NaN and infinity are left out.
    unit : str
        Canonical.
    """
    sizes = np.abs(np.asarray(values, np.float64)).ravel()
    sizes = sizes[np.isfinite(sizes) & (sizes > ROUNDING)]
    size, shown = amount(unit).place
    top = 10.0 ** math.floor(math.log10(sizes.max() / size)) * size if sizes.size else PER_CLASS
    bulk = float(np.median(sizes)) if sizes.size else 1.0
    # as far apart as the bulk of the cells is from the largest, in whole powers of ten
    apart = PER_CLASS ** max(1, round(math.log10(top / bulk) / 2) if bulk < top else 1)
    low, high = float(f"{top / apart:.6g}"), float(f"{top:.6g}")
    borders = (-high, -low, 0.0, low, high)
    return Classes(
        borders, CHANGE_COLOURS, size, shown, "change.none", UNCHANGED_COLOUR, signed=True
    )


def _within(values: NDArray[np.float64], low: float, high: float) -> bool:
    return bool(values.size and values.min() >= low and values.max() <= high * (1 + 1e-6))


def round_borders(
    values: ArrayLike,
    size: float = 1.0,
    *,
    steps: int = STEPS,
    adds_up: bool = False,
    zero: bool = False,
) -> list[float]:
    """Round numbers that part values into classes.

    Parameters
    ----------
    values : array_like
        NaN and infinity are left out.
    size : float
        The borders are round in this many of the file's unit.
    steps : int
        Classes, about.
    adds_up : bool
        Whether the values are amounts that one adds up: then no even class may hold most of the
        amount; else none may hold most of the values.
    zero : bool
        Zero is always a border where values lie on both sides of it.

    Returns
    -------
    list of float
        Ascending, inside the values; none where all are the same.
    """
    known = np.asarray(values, np.float64).ravel()
    known = known[np.isfinite(known)]
    if not known.size or known.min() == known.max():
        return []
    even = _even(known / size, steps)
    inside = [border * size for border in even]
    inside = [border for border in inside if known.min() < border < known.max()]
    weights = np.abs(known) if adds_up else np.ones(known.size)
    if known.min() > 0 and (held := fullest(known, weights, inside)) > CROWDED:
        factors = _factors(known / size, weights, steps)
        found = [border * size for border in factors]
        found = [border for border in found if known.min() < border < known.max()]
        # values close together far from zero: steps of one factor part them no better
        with_factors = fullest(known, weights, found), -_filled(known, found)
        inside = found if with_factors < (held, -_filled(known, inside)) else inside
    if zero and known.min() < 0 < known.max():
        inside = sorted({*inside, 0.0})
    return inside


def fullest(
    values: NDArray[np.float64], weights: NDArray[np.float64], borders: Sequence[float]
) -> float:
    """Share of the weight that is in the class that holds the most of it."""
    held = np.bincount(np.searchsorted(borders, values), weights)
    return float(held.max() / held.sum())


def _filled(values: NDArray[np.float64], borders: Sequence[float]) -> int:
    """Classes that hold a value."""
    return int(np.unique(np.searchsorted(borders, values)).size)


def _even(values: NDArray[np.float64], steps: int) -> list[float]:
    """Borders in even steps over the bulk of the values."""
    from matplotlib.ticker import MaxNLocator

    low, high = (float(v) for v in np.percentile(values, [CLIPPED, 100 - CLIPPED]))
    if high <= low:
        low, high = float(values.min()), float(values.max())
    if 0 <= low < 0.5 * high:
        low = 0.0
    ticks = MaxNLocator(steps, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [float(f"{tick:.6g}") for tick in ticks]


def _factors(values: NDArray[np.float64], weights: NDArray[np.float64], steps: int) -> list[float]:
    """Borders in steps of one factor, from where the weight begins up to the largest value."""
    order = np.argsort(values, kind="stable")
    held = np.cumsum(weights[order])
    low = float(values[order][np.searchsorted(held, BELOW * held[-1])])
    high = float(values.max())
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    borders: list[float] = []
    for ladder in LADDERS:
        rungs = (float(f"{step}e{power}") for power in range(first, last + 1) for step in ladder)
        borders = [rung for rung in rungs if low < rung < high]
        if len(borders) < steps:
            break
    return borders[-(steps - 1) :]


def _turning(tops: Sequence[float]) -> NDArray[np.float64]:
    """Places on a diverging colour map: below zero its lower half, above it the upper."""
    below = sum(1 for high in tops if high <= 0)
    above = len(tops) - below
    lower = np.linspace(0.1, 0.38, below) if below else np.empty(0)
    return np.concatenate([lower, np.linspace(0.58, 0.95, above)])


# -------------------------------------------------------------------- the values of a scale


def scales_of(
    specs: Iterable[tuple[str, str, Any]], sample: Callable[[Any], NDArray[Any]]
) -> dict[str, Classes]:
    """Classes of every scale of a run.

    Parameters
    ----------
    specs : iterable of (variable, unit, key)
        Every map of a quantity.
    sample : callable
        Values of the map with a key, or a sample of them.

    Returns
    -------
    dict
        Scale (:func:`scale_of`) -> classes.
    """
    members: dict[str, list[tuple[str, Any]]] = {}
    for name, unit, key in specs:
        members.setdefault(scale_of(name), []).append((unit, key))
    return {
        scale: classes_of(
            scale, np.concatenate([np.ravel(sample(key)) for _, key in maps]), maps[0][0]
        )
        for scale, maps in members.items()
    }


def dataset_classes(dataset: xr.Dataset, name: str) -> Classes:
    """Classes of a variable of a dataset, over all that share its scale.

    Parameters
    ----------
    dataset : xr.Dataset
        In memory or on disk; of a large grid every n-th cell is read.
    name : str
        Of a variable with ``units``.
    """
    scale = scale_of(name)
    parts = [
        np.ravel(every(dataset[other]))
        for other in map(str, dataset.data_vars)
        if scale_of(other) == scale and {"y", "x"} <= set(dataset[other].dims)
    ]
    return classes_of(scale, np.concatenate(parts), str(dataset[name].attrs.get("units", "")))


def every(values: xr.DataArray) -> NDArray[Any]:
    """Every n-th cell, at most :data:`SAMPLE` along y and x."""
    step = max(1, -(-max(values.sizes["y"], values.sizes["x"]) // SAMPLE))
    part = slice(step // 2, None, step)
    return np.asarray(values.isel(y=part, x=part).to_numpy())
