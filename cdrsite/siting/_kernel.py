"""Compiled loops over the cells of a block; plain arrays in, ``out`` changed in place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cdrsite.core.kernel import kernel

F32 = NDArray[np.float32]


@kernel
def piecewise(
    values: F32, x0: np.float32, slopes: F32, knots: F32, start: np.float32, out: F32
) -> None:
    """Piecewise-linear function as a sum of hinges; NaN passes through.

    ``out = start + sum_j slopes[j] * max(0, v - knots[j])`` with ``v = max(values, x0)``; the
    slopes are differences, so that the last one flattens the function.
    """
    for i in range(values.size):
        v = values[i]
        total = start
        for j in range(knots.size):
            d = v - knots[j]
            # not max(): a comparison with NaN is false, so NaN reaches the sum
            total += slopes[j] * (np.float32(0.0) if d < 0 else d)
        out[i] = total if v >= x0 else (start if v == v else np.float32(np.nan))  # noqa: PLR0124


@kernel
def remove(
    fraction: F32, bit: np.uint32, inside: NDArray[np.bool_], reasons: NDArray[np.uint32]
) -> None:
    """Set ``bit`` in every cell of the region that a rule hits."""
    for i in range(fraction.size):
        if inside[i] and fraction[i] > 0:
            reasons[i] |= bit


@kernel
def removed_areas(
    fractions: F32,
    inside: NDArray[np.bool_],
    areas: F32,
    total: NDArray[np.float64],
    only: NDArray[np.float64],
) -> None:
    """Area that each rule removes, and area that only it removes, added to ``total``/``only``.

    ``fractions`` has shape (rules, cells). Rules overlap independently inside a cell, so the area
    that only rule r removes is ``f_r * prod_{s != r} (1 - f_s)``; with 0/1 fractions it is exact.
    """
    rules, cells = fractions.shape
    for i in range(cells):
        if not inside[i]:
            continue
        zeros = 0
        last = 0
        product = 1.0
        for r in range(rules):
            left = 1.0 - np.float64(fractions[r, i])
            if left <= 0.0:
                zeros += 1
                last = r
            else:
                product *= left
        area = np.float64(areas[i])
        for r in range(rules):
            f = np.float64(fractions[r, i])
            total[r] += f * area
            if zeros == 0:
                only[r] += area * f * product / (1.0 - f)
            elif zeros == 1 and r == last:
                only[r] += area * f * product
