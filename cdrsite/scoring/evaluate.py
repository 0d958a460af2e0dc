"""Scores cells: from layers and a plan to gross amount, limit, net factor, cost and score.

The formulas, per method and cell:

- gross [t/yr] = min over resources of max(supply, 0) / need,
- limit = code of the resource with the least of them,
- net factor [t/t] and gross cost [USD per gross t] = sums of products of layers,
- cost [USD per net t] = gross cost / net factor,
- score [t/yr] = suitability x gross x net factor.

What a cell is when no resource limits it stands in :mod:`cdrsite.core.states`. All in float32.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cdrsite.core.errors import GridError
from cdrsite.scoring.numba_backend import OUTPUTS, compiled
from cdrsite.scoring.sums import ScoringPlan

F32 = NDArray[np.float32]
CHUNK = 1 << 18
"""Cells per task of a thread."""
STAGGER = 10 * 64
"""Bytes between the beginnings of output arrays within a page: ten cache lines."""


@dataclass(frozen=True)
class MethodResult:
    """What scoring says about one method, arrays of the shape of the block.

    Attributes
    ----------
    gross : ndarray of float32
        Gross CO2 captured or taken up [t/yr].
    limit : ndarray of uint8
        Code of the limiting resource, or a state of :mod:`cdrsite.core.states`.
    net_factor : ndarray of float32
        Net removal per gross tonne [t/t].
    cost : ndarray of float32
        Levelised cost per net tonne [USD/t].
    score : ndarray of float32
        Net removal weighed by suitability [t/yr]; 0 where the gross amount is 0.
    """

    gross: F32
    limit: NDArray[np.uint8]
    net_factor: F32
    cost: F32
    score: F32

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> MethodResult:
        """Arrays to be filled, each beginning elsewhere in a page of memory.

        Large arrays begin at a page as a rule, so that their cells of one index compete for the
        same few lines of the processor's cache; scoring is a fifth slower then.
        """
        cells = math.prod(shape)
        arrays: dict[str, NDArray[np.generic]] = {}
        for k, name in enumerate(OUTPUTS, start=1):
            dtype = np.dtype(np.uint8 if name == "limit" else np.float32)
            memory = np.empty(cells * dtype.itemsize + k * STAGGER, np.uint8)
            arrays[name] = memory[k * STAGGER :].view(dtype).reshape(shape)
        return cls(**arrays)  # type: ignore[arg-type]


def evaluate(
    plan: ScoringPlan,
    layers: Mapping[str, NDArray[np.floating]],
    reasons: NDArray[np.uint32],
    out: Mapping[str, MethodResult] | None = None,
    threads: int = 1,
) -> dict[str, MethodResult]:
    """Score the cells of a block; the same bytes however the grid is cut and on any threads.

    Parameters
    ----------
    plan : ScoringPlan
        What to compute.
    layers : mapping of str to ndarray, shape of ``reasons``
        At least the layers of the plan, in the units it was made for; NaN is unknown. Contiguous
        float32 is read in place, anything else is copied.
    reasons : ndarray of uint32
        One bit per exclusion rule that hit the cell; bit 31 marks the outside of the region.
    out : mapping of str to MethodResult, optional
        Contiguous arrays to fill, by method. Filling old ones saves the operating system's work
        on new ones, which takes longer than the arithmetic.
    threads : int
        Threads to share the cells between.

    Returns
    -------
    dict of str to MethodResult
        In the order of the plan. A cell's gross amount is unknown where a supply, a need or the net
        factor is; an unknown price or suitability only makes its cost or score unknown. A need
        of 0 or less sets no limit, so a cell with no other limit has an infinite one.

    Raises
    ------
    GridError
        A layer is missing or the shapes differ (rule 1).
    """
    program = compiled(plan)
    shape = reasons.shape
    arrays = [_flat(reasons, np.uint32, shape, "the exclusion reasons")]
    for name in program.layers:
        if name not in layers:
            raise GridError(
                "the plan reads a layer that the block does not have",
                where=name,
                got=", ".join(sorted(layers)) or "no layers",
            )
        arrays.append(_flat(layers[name], np.float32, shape, name))
    results = {}
    arguments: list[object] = [*arrays]
    for m, method in enumerate(plan.methods):
        result = MethodResult.empty(shape) if out is None else out[method.name]
        results[method.name] = result
        arguments += [program.numbers[m], program.excluded_bits[m]]
        arguments += [_writable(result, name, shape, method.name) for name in OUTPUTS]
    size = reasons.size
    if threads <= 1 or size <= CHUNK:
        program.run(0, size, *arguments)
        return results
    with ThreadPoolExecutor(threads) as pool:
        starts = range(0, size, CHUNK)
        done = [pool.submit(program.run, a, min(a + CHUNK, size), *arguments) for a in starts]
        for one in done:
            one.result()
    return results


def _flat(
    array: NDArray[np.generic], dtype: type, shape: tuple[int, ...], where: str
) -> NDArray[np.generic]:
    """One-dimensional read-only view, so that one compiled signature takes any input."""
    if array.shape != shape:
        raise GridError(
            "two arrays are not on one grid", where=where, got=array.shape, expected=shape, rule=1
        )
    view = np.require(array, dtype, ["C", "A"]).reshape(-1).view()
    view.flags.writeable = False
    return view


def _writable(
    result: MethodResult, name: str, shape: tuple[int, ...], method: str
) -> NDArray[np.generic]:
    array = getattr(result, name)
    dtype = np.uint8 if name == "limit" else np.float32
    good = array.flags.c_contiguous and array.flags.writeable and array.flags.aligned
    if array.shape != shape or array.dtype != dtype or not good:
        raise GridError(
            "this array cannot take the result",
            where=f"{method}.{name}",
            got=f"{array.dtype} {array.shape}, strides {array.strides}",
            expected=f"contiguous, writable {np.dtype(dtype)} {shape}",
        )
    return array.reshape(-1)
