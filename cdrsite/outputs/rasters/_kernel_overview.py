"""Compiled loops over the cells of a raster that is written; plain arrays in, ``out`` changed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cdrsite.core.kernel import kernel


@kernel
def halve_mean(values: NDArray[np.float32], nodata: np.float32, out: NDArray[np.float32]) -> None:
    """Mean of the numbers among each two by two cells; ``nodata`` where there is none."""
    rows, cols = values.shape
    for r in range(out.shape[0]):
        # beyond an odd edge a cell stands for its neighbour, which changes no mean
        upper, lower = values[2 * r], values[min(2 * r + 1, rows - 1)]
        for c in range(out.shape[1]):
            right = min(2 * c + 1, cols - 1)
            total, count = 0.0, 0
            for value in (upper[2 * c], upper[right], lower[2 * c], lower[right]):
                if value != nodata:
                    total += np.float64(value)
                    count += 1
            out[r, c] = np.float32(total / count) if count else nodata


@kernel
def halve_mode(values: NDArray[Any], nodata: Any, out: NDArray[Any]) -> None:
    """Most frequent code among each two by two cells, the first of equals; ``nodata`` if none."""
    rows, cols = values.shape
    for r in range(out.shape[0]):
        # beyond an odd edge a cell stands for its neighbour, which changes no answer
        upper, lower = values[2 * r], values[min(2 * r + 1, rows - 1)]
        for c in range(out.shape[1]):
            right = min(2 * c + 1, cols - 1)
            first, second, third, last = upper[2 * c], upper[right], lower[2 * c], lower[right]
            if first != nodata and first in (second, third, last):
                found = first
            elif second != nodata and second in (third, last):
                found = second
            elif third != nodata and third == last:
                found = third
            elif first != nodata:
                found = first
            elif second != nodata:
                found = second
            else:
                found = third if third != nodata else last
            out[r, c] = found


@kernel
def moments(
    values: NDArray[np.float32], nodata: np.float32
) -> tuple[int, float, float, float, float]:
    """Count, least, greatest, mean and sum of squared distances from it, of the numbers."""
    rows, cols = values.shape
    count, total = 0, 0.0
    low, high = np.inf, -np.inf
    for r in range(rows):
        part = 0.0  # row by row: the longer a sum, the more it is rounded
        for c in range(cols):
            value = np.float64(values[r, c])
            if values[r, c] != nodata:
                count += 1
                part += value
                low = min(low, value)
                high = max(high, value)
        total += part
    mean = total / count if count else 0.0
    squares = 0.0
    for r in range(rows):
        part = 0.0
        for c in range(cols):
            if values[r, c] != nodata:
                part += (np.float64(values[r, c]) - mean) ** 2
        squares += part
    return count, low, high, mean, squares
