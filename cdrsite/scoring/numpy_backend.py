"""The scoring formulas in plain numpy: the definition that the compiled loops are held against.

Slow and easy to read; same operations in the same order, so the results are the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cdrsite.core.states import EXCLUDED, NET_NOT_POSITIVE, OUTSIDE, OUTSIDE_BIT, UNKNOWN
from cdrsite.scoring.scored import F32, MethodResult
from cdrsite.scoring.sums import Limit, MethodPlan, ScoringPlan, Sum

BLOCK = 1 << 16
"""Cells at a time."""
ZERO, INFINITE, NAN = np.float32(0), np.float32(np.inf), np.float32(np.nan)


def fill(
    plan: ScoringPlan,
    layers: Mapping[str, F32],
    reasons: NDArray[np.uint32],
    out: Mapping[str, MethodResult],
    threads: int,  # noqa: ARG001 - plain numpy works in one
) -> None:
    """Fill the results block by block; see :class:`cdrsite.scoring.evaluate.Backend`."""
    for start in range(0, reasons.size, BLOCK):
        part = slice(start, start + BLOCK)
        here = {name: values[part] for name, values in layers.items()}
        for method in plan.methods:
            scored = score_method(method, here, reasons[part])
            for name, values in vars(scored).items():
                getattr(out[method.name], name)[part] = values


def sum_of(total: Sum, layers: Mapping[str, F32]) -> F32 | np.float32:
    """Value of a sum, term by term."""
    value: F32 | np.float32 = ZERO
    for k, term in enumerate(total.terms):
        product: F32 | np.float32 = np.float32(term.coefficient)
        for name in term.layers:
            product = product * layers[name]
        value = product if k == 0 else value + product
    return value


def candidate(limit: Limit, layers: Mapping[str, F32]) -> F32:
    """Gross amount that one resource allows [t/yr]."""
    above, below = limit.ratio
    supply = sum_of(above, layers)
    supply = np.where(supply <= 0, ZERO, supply)
    if below is None:
        return supply
    need = sum_of(below, layers)
    return np.where(need <= 0, INFINITE, supply / need)


@dataclass(frozen=True)
class Allowed:
    """What resources allow in each cell, and what each cell is.

    Attributes
    ----------
    net : ndarray of float32
        Net factor [t/t].
    best : ndarray of float32
        The least of what resources allow [gross t/yr].
    code : ndarray of uint8
        Code of that resource, or the state of the cell.
    states : tuple
        Each state, in which cells, and the gross amount there; the later counts.
    """

    net: F32
    best: F32
    code: NDArray[np.uint8]
    states: tuple[tuple[int, NDArray[np.bool_], np.float32], ...]


def allowed(method: MethodPlan, layers: Mapping[str, F32], reasons: NDArray[np.uint32]) -> Allowed:
    """What limits a method in each cell."""
    with np.errstate(all="ignore"):
        shape = reasons.shape
        net = np.broadcast_to(sum_of(method.net_factor, layers), shape)
        unknown = np.isnan(net)
        for k, limit in enumerate(method.limits):
            most = np.broadcast_to(candidate(limit, layers), shape)
            unknown = unknown | np.isnan(most)
            if k == 0:
                best, code = most, np.full(shape, limit.code, np.uint8)
            else:
                less = most < best
                best = np.where(less, most, best)
                code[less] = limit.code

        excluded = (reasons & np.uint32(method.excluded_bits)) != 0
        if method.available is not None:
            excluded &= layers[method.available] <= 0
        outside = (reasons & np.uint32(OUTSIDE_BIT)) != 0
        states = (
            (NET_NOT_POSITIVE, net <= 0, ZERO),
            (UNKNOWN, unknown, NAN),
            (EXCLUDED, excluded, ZERO),
            (OUTSIDE, outside, NAN),
        )
        for state, is_so, _ in states:
            code[is_so] = state
    return Allowed(net, best, code, states)


def score_method(
    method: MethodPlan, layers: Mapping[str, F32], reasons: NDArray[np.uint32]
) -> MethodResult:
    """Score the cells of one block for one method."""
    here = allowed(method, layers, reasons)
    net, no_net = here.net, here.states[0][1]
    with np.errstate(all="ignore"):
        gross = np.where(no_net, ZERO, here.best)
        net_factor = net.copy()
        cost = np.where(no_net, NAN, sum_of(method.gross_cost, layers) / net)
        for state, is_so, amount in here.states:
            gross[is_so] = amount
            if state != NET_NOT_POSITIVE:
                net_factor[is_so] = NAN
                cost[is_so] = NAN
        suitability = layers[method.suitability] * gross if method.suitability else gross
        score = np.where(gross == 0, ZERO, suitability * net)
        cost[np.isnan(cost)] = NAN  # one NaN for all, whatever its sign and payload
        score[np.isnan(score)] = NAN
    return MethodResult(gross, here.code, net_factor, cost, score)
