"""Plans over periods from flows: the cheapest purchases for them, and what they cost.

Once the flows are known, each arc is a lot-sizing problem of its own: the capacity needed never
falls, a purchase of concave cost is made where the last one is used up (Zangwill 1968, "Minimum
concave cost flows in certain networks", Management Science 14, 429-450), and a run over the periods
finds the cheapest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cdrsite.network.arrays import FLOW_TOLERANCE
from cdrsite.network.horizon import Horizon
from cdrsite.network.polish import net_flow

_USED_UP = 1e-9
"""Capacity below which nothing more is needed [Mt/yr]."""


@dataclass(frozen=True)
class Rollout:
    """Flows over periods, the purchases for them and their cost.

    Attributes
    ----------
    captured, stored : ndarray
        Per period and source or sink [Mt/yr].
    flow : ndarray
        Per period and directed arc [Mt/yr].
    wells : ndarray of int
        Per period and sink, in total so far.
    bought : ndarray
        Per period and size [Mt/yr].
    taken : ndarray of bool
        Per period and size: bought then; of a pipe that is there: used from then on.
    cost : float
        Discounted mean, less what prices pay [million USD/yr].
    transport : float
        What of it pipes cost [million USD/yr].
    """

    captured: np.ndarray
    stored: np.ndarray
    flow: np.ndarray
    wells: np.ndarray
    bought: np.ndarray
    taken: np.ndarray
    cost: float
    transport: float

    def edges(self, horizon: Horizon) -> np.ndarray:
        """Arcs that carry something at some time; bool of shape (E,)."""
        used = np.zeros(len(horizon.there), dtype=bool)
        used[horizon.nets[0].edge[self.flow.any(axis=0)]] = True
        return used


def rollout_of(
    horizon: Horizon,
    captured: np.ndarray,
    stored: np.ndarray,
    flow: np.ndarray,
    laid: np.ndarray,
) -> Rollout | None:
    """Buy the cheapest pipes for flows, and cost the plan.

    Parameters
    ----------
    horizon : Horizon
        The network.
    captured, stored, flow : ndarray
        Per period and source, sink or directed arc [Mt/yr].
    laid : ndarray
        Capacity bought per period and arc that carries the flows [Mt/yr], where no run of purchases
        that are used up does.

    Returns
    -------
    Rollout or None
        None where a purchase fits in no size.
    """
    nets = horizon.nets
    captured = np.array([
        np.where(x > FLOW_TOLERANCE, np.minimum(x, net.source_cap), 0.0)
        for x, net in zip(captured, nets, strict=True)
    ])  # fmt: skip
    stored = np.array([
        np.where(x > FLOW_TOLERANCE, np.minimum(x, net.sink_cap), 0.0)
        for x, net in zip(stored, nets, strict=True)
    ])  # fmt: skip
    flow = np.array([net_flow(net, x) for x, net in zip(flow, nets, strict=True)])
    flow = np.where(flow > FLOW_TOLERANCE, flow, 0.0)
    through = np.zeros((len(nets), len(horizon.there)))
    np.maximum.at(through.T, nets[0].edge, flow.T)  # one direction of an arc is empty
    bought = np.zeros((len(nets), len(horizon.edge)))
    taken = np.zeros(bought.shape, dtype=bool)
    for e in np.flatnonzero(through.any(axis=0)):
        sizes = np.flatnonzero(horizon.edge == e)
        if horizon.there[e]:
            (period,) = np.flatnonzero(through[:, e])[:1]
            size = _size(horizon, sizes, float(through[:, e].max()))
            if size < 0:
                return None
            taken[period, size] = True
            continue
        need = np.maximum.accumulate(through[:, e])
        lots = _lots(horizon, sizes, need)
        if lots is None:
            lots = [
                (t, _size(horizon, sizes, k), k) for t, k in enumerate(laid[:, e]) if k > _USED_UP
            ]
        for t, size, capacity in lots:
            if size < 0:
                return None
            bought[t, size], taken[t, size] = capacity, True
    wells = np.ceil(stored / horizon.well_rate - 1e-9).astype(int)
    wells = np.maximum.accumulate(wells, axis=0)
    pipes = _pipes(horizon, flow, bought, taken)
    cost = math.fsum([pipes, *_sites(horizon, captured, stored, wells)])
    return Rollout(captured, stored, flow, wells, bought, taken, cost, pipes)


def _size(horizon: Horizon, sizes: np.ndarray, capacity: float) -> int:
    """Cheapest size for a capacity; -1 where it fits in none."""
    best, least = -1, math.inf
    for n in sizes.tolist():
        cost = horizon.fixed[n] + horizon.slope[n] * capacity
        if capacity <= horizon.high[n] + 1e-9 and cost < least:
            best, least = n, cost
    return best


def _lots(
    horizon: Horizon, sizes: np.ndarray, need: np.ndarray
) -> list[tuple[int, int, float]] | None:
    """Cheapest purchases (period, size, capacity) for a need that never falls, or None."""
    periods, tail = len(need), horizon.times.tail
    had = np.r_[0.0, need[:-1]]
    best = [math.inf] * periods + [0.0]
    choice: list[tuple[int, int, float] | None] = [None] * periods
    for t in range(periods - 1, -1, -1):
        if need[t] <= had[t] + _USED_UP:
            best[t] = best[t + 1]
            continue
        for until in range(t, periods):
            capacity = float(need[until] - had[t])
            size = _size(horizon, sizes, capacity)
            if size < 0:
                break
            yearly = horizon.fixed[size] + horizon.slope[size] * capacity
            cost = float(tail[t] * yearly) + best[until + 1]
            if cost < best[t]:
                best[t], choice[t] = cost, (until, size, capacity)
    if not math.isfinite(best[0]):
        return None
    lots, t = [], 0
    while t < periods:
        chosen = choice[t]
        if chosen is None:
            t += 1
            continue
        until, size, capacity = chosen
        lots.append((t, size, capacity))
        t = until + 1
    return lots


def _pipes(horizon: Horizon, flow: np.ndarray, bought: np.ndarray, taken: np.ndarray) -> float:
    """Discounted mean of the yearly cost of pipes, and of those there by what they carry."""
    tariff = np.zeros(len(horizon.there))
    old = taken.any(axis=0) & horizon.there[horizon.edge]
    tariff[horizon.edge[old]] = horizon.slope[old]
    carried = horizon.times.share @ flow @ tariff[horizon.nets[0].edge]
    laid = horizon.times.tail @ (taken @ horizon.fixed + bought @ horizon.slope)
    return float(carried + laid)


def _sites(
    horizon: Horizon, captured: np.ndarray, stored: np.ndarray, wells: np.ndarray
) -> list[float]:
    """Discounted yearly cost of capture and storage in each period, less what prices pay."""
    opened = np.maximum.accumulate(captured > 0, axis=0) & horizon.source_on
    used = np.maximum.accumulate(stored > 0, axis=0) & horizon.sink_on
    parts = []
    for t, net in enumerate(horizon.nets):
        price = horizon.goals[t].price or 0.0
        yearly = (
            opened[t] @ net.source_fixed
            + captured[t] @ (net.source_var - price)
            + used[t] @ net.sink_fixed
            + stored[t] @ net.sink_var
            + (wells[t] * horizon.sink_on[t]) @ net.well_cost
        )
        parts.append(float(horizon.times.share[t] * yearly))
    return parts


def nothing(horizon: Horizon) -> Rollout:
    """Give the plan that captures nothing, which prices allow."""
    periods, net = horizon.periods, horizon.nets[0]
    sources, sinks = len(net.source_cap), len(net.sink_cap)
    sizes = np.zeros((periods, len(horizon.edge)))
    return Rollout(
        np.zeros((periods, sources)), np.zeros((periods, sinks)), np.zeros((periods, net.arcs)),
        np.zeros((periods, sinks), dtype=int), sizes, sizes.astype(bool), 0.0, 0.0,
    )  # fmt: skip
