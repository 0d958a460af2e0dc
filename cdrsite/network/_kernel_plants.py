"""Kernels of plant clustering: tonnes around a place, and the best place near them."""

from __future__ import annotations

import math

import numpy as np

from cdrsite.core.kernel import kernel


@kernel
def disc_sums(amount, row0, row1, col0, col1, radius, east, north, out):  # type: ignore[no-untyped-def]
    """Sum ``amount`` within ``radius`` [km] of each cell of a window, into ``out``.

    ``east`` (rows,) and ``north`` are steps between cell centres [km].
    """
    rows, cols = amount.shape
    high = int(radius / north)
    for row in range(row0, row1):
        first, last = max(0, row - high), min(rows - 1, row + high)
        for col in range(col0, col1):
            total = 0.0
            for r in range(first, last + 1):
                dy = (r - row) * north
                step = 0.5 * (east[r] + east[row])
                wide = int(math.sqrt(max(radius * radius - dy * dy, 0.0)) / step)
                for c in range(max(0, col - wide), min(cols - 1, col + wide) + 1):
                    total += amount[r, c]
            out[row, col] = total


@kernel
def near_cells(amount, row, col, radius, east, north):  # type: ignore[no-untyped-def]
    """Cells with tonnes within ``radius`` [km] of a cell: flat index and distance, row-major."""
    rows, cols = amount.shape
    high = int(radius / north)
    first, last = max(0, row - high), min(rows - 1, row + high)
    size = 0
    for fill in range(2):
        if fill == 1:
            cell = np.empty(size, np.int64)
            away = np.empty(size, np.float64)
        size = 0
        for r in range(first, last + 1):
            dy = (r - row) * north
            step = 0.5 * (east[r] + east[row])
            wide = int(math.sqrt(max(radius * radius - dy * dy, 0.0)) / step)
            for c in range(max(0, col - wide), min(cols - 1, col + wide) + 1):
                if amount[r, c] > 0.0:
                    if fill == 1:
                        cell[size] = r * cols + c
                        away[size] = math.hypot(dy, (c - col) * step)
                    size += 1
    return cell, away


@kernel
def best_site(quality, row, col, reach, follow, east, north):  # type: ignore[no-untyped-def]
    """Best cell to build on within ``reach`` [km] of a point given in fractional cells.

    ``quality`` is above 0 where building is allowed. With ``follow`` the nearest cell, where one of
    no quality counts as twice as far as a perfect one; else quality times nearness. Returns the
    flat index, -1 without any; ties go to the first in row-major order.
    """
    rows, cols = quality.shape
    high, middle = reach / north, min(max(int(row + 0.5), 0), rows - 1)
    best, found = -np.inf, -1
    for r in range(max(0, math.ceil(row - high)), min(rows - 1, int(row + high)) + 1):
        dy = (r - row) * north
        step = 0.5 * (east[r] + east[middle])
        wide = reach / step
        for c in range(max(0, math.ceil(col - wide)), min(cols - 1, int(col + wide)) + 1):
            q = quality[r, c]
            away = math.hypot(dy, (c - col) * step)
            if not q > 0.0 or away > reach:
                continue
            value = -away * (2.0 - q) if follow else q * (1.0 - 0.5 * away / reach)
            if value > best:
                best, found = value, r * cols + c
    return found
