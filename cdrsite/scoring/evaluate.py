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

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cdrsite.core.errors import ConfigError, GridError
from cdrsite.scoring import numba_backend, numpy_backend
from cdrsite.scoring.scored import OUTPUTS, MethodResult
from cdrsite.scoring.sums import ScoringPlan


class Backend(Protocol):
    """Computes the formulas in flat arrays that were checked; the same bytes as any other."""

    def __call__(
        self,
        plan: ScoringPlan,
        layers: Mapping[str, NDArray[np.float32]],
        reasons: NDArray[np.uint32],
        out: Mapping[str, MethodResult],
        threads: int,
    ) -> None:
        """Fill the arrays of ``out``, by method, from the layers of the plan by name."""


BACKENDS: dict[str, Backend] = {"numba": numba_backend.fill, "numpy": numpy_backend.fill}
"""Compiled loops, and the definition in plain numpy that they are held against."""


def evaluate(
    plan: ScoringPlan,
    layers: Mapping[str, NDArray[np.floating]],
    reasons: NDArray[np.uint32],
    out: Mapping[str, MethodResult] | None = None,
    threads: int = 1,
    backend: str = "numba",
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
    backend : {'numba', 'numpy'}
        What computes; the result does not depend on it (rule 9).

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
    ConfigError
        There is no such backend.
    """
    fill = BACKENDS.get(backend)
    if fill is None:
        raise ConfigError("no such backend", got=backend, expected=" or ".join(BACKENDS))
    shape = reasons.shape
    flat, bits = _all_flat(plan, layers, reasons)
    results = {}
    for method in plan.methods:
        result = MethodResult.empty(shape) if out is None else out[method.name]
        for name in OUTPUTS:
            _require_writable(result, name, shape, method.name)
        results[method.name] = result
    fill(plan, flat, bits, {name: result.flat() for name, result in results.items()}, threads)
    return results


def limits_of(
    plan: ScoringPlan, layers: Mapping[str, NDArray[np.floating]], reasons: NDArray[np.uint32]
) -> dict[str, NDArray[np.uint8]]:
    """The ``limit`` of :func:`evaluate` alone, by the definition in plain numpy.

    Raises
    ------
    GridError
        A layer is missing or the shapes differ (rule 1).
    """
    flat, bits = _all_flat(plan, layers, reasons)
    return {
        method.name: numpy_backend.allowed(method, flat, bits).code.reshape(reasons.shape)
        for method in plan.methods
    }


def _all_flat(
    plan: ScoringPlan, layers: Mapping[str, NDArray[np.floating]], reasons: NDArray[np.uint32]
) -> tuple[dict[str, NDArray[Any]], NDArray[Any]]:
    """Layers of a plan and the reasons as flat arrays, checked."""
    flat = {}
    for name in plan.layers:
        if name not in layers:
            raise GridError(
                "the plan reads a layer that the block does not have",
                where=name,
                got=", ".join(sorted(layers)) or "no layers",
            )
        flat[name] = _flat(layers[name], np.float32, reasons.shape, name)
    return flat, _flat(reasons, np.uint32, reasons.shape, "the exclusion reasons")


def _flat(
    array: NDArray[np.generic], dtype: type, shape: tuple[int, ...], where: str
) -> NDArray[Any]:
    """One-dimensional read-only view, so that one compiled signature takes any input."""
    if array.shape != shape:
        raise GridError(
            "two arrays are not on one grid", where=where, got=array.shape, expected=shape, rule=1
        )
    view = np.require(array, dtype, ["C", "A"]).reshape(-1).view()
    view.flags.writeable = False
    return view


def _require_writable(result: MethodResult, name: str, shape: tuple[int, ...], method: str) -> None:
    """Refuse arrays that a backend cannot fill in place."""
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
