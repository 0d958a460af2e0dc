"""The problem as arrays: directed arcs, trend columns with their range of use, plan costs."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np

from cdrsite.network.problem import NetworkProblem, Trend


@dataclass(frozen=True)
class FlowArrays:
    """Arrays of a network problem, the form in which all solvers here see it.

    Attributes
    ----------
    nodes : int
        Number of nodes.
    source_node, source_cap, source_fixed, source_var : ndarray
        Per source: node, capacity [Mt/yr], fixed cost [million USD/yr], unit cost [USD/t].
    source_least : ndarray
        Per source: what it captures in every plan [Mt/yr].
    sink_node, sink_cap, sink_fixed, sink_var, well_rate, well_cost : ndarray
        Per sink: node, yearly limit [Mt/yr], fixed cost [million USD/yr], unit cost [USD/t],
        rate per well [Mt/yr] and cost per well [million USD/yr].
    tail, head, edge : ndarray
        Per directed arc: its nodes and the arc of the problem it belongs to.
    col_arc, col_trend, col_fixed, col_slope, col_lo, col_hi : ndarray
        Per trend of a directed arc: the arc, the number of the trend, fixed cost
        [million USD/yr], slope [USD/t] and the flows [Mt/yr] for which it is the cheapest.
    """

    nodes: int
    source_node: np.ndarray
    source_cap: np.ndarray
    source_fixed: np.ndarray
    source_var: np.ndarray
    source_least: np.ndarray
    sink_node: np.ndarray
    sink_cap: np.ndarray
    sink_fixed: np.ndarray
    sink_var: np.ndarray
    well_rate: np.ndarray
    well_cost: np.ndarray
    tail: np.ndarray
    head: np.ndarray
    edge: np.ndarray
    col_arc: np.ndarray
    col_trend: np.ndarray
    col_fixed: np.ndarray
    col_slope: np.ndarray
    col_lo: np.ndarray
    col_hi: np.ndarray

    @property
    def arcs(self) -> int:
        """Number of directed arcs."""
        return len(self.tail)

    @property
    def columns(self) -> int:
        """Number of trend columns."""
        return len(self.col_arc)

    def money(self, factor: float) -> FlowArrays:
        """Give the same network with all money times a factor."""
        names = (
            "source_fixed", "source_var", "sink_fixed", "sink_var", "well_cost", "col_fixed",
            "col_slope",
        )  # fmt: skip
        return replace(self, **{name: getattr(self, name) * factor for name in names})

    def restrict(self, keep: np.ndarray) -> FlowArrays:
        """Keep only some trend columns; bool of shape (columns,)."""
        names = ("col_arc", "col_trend", "col_fixed", "col_slope", "col_lo", "col_hi")
        return replace(self, **{name: getattr(self, name)[keep] for name in names})


def trend_ranges(trends: tuple[Trend, ...], most: float) -> list[tuple[int, float, float]]:
    """Give the flows for which each trend is the cheapest, as one hull per trend.

    Parameters
    ----------
    trends : tuple of Trend
        Size classes of one arc.
    most : float
        Largest flow that can occur [Mt/yr].

    Returns
    -------
    list of (int, float, float)
        Number of the trend, least and largest flow [Mt/yr]; a trend that is never the cheapest
        is left out. Outside its hull a trend is dearer than another one that fits.
    """
    caps = [min(t.capacity_mt_yr, most) for t in trends]
    points = {0.0, *caps}
    for i, one in enumerate(trends):
        for two in trends[:i]:
            if one.slope_usd_t != two.slope_usd_t:
                cross = (two.fixed_musd_yr - one.fixed_musd_yr) / (
                    one.slope_usd_t - two.slope_usd_t
                )
                if 0 < cross < most:
                    points.add(cross)
    knots = sorted(points)
    found: dict[int, tuple[float, float]] = {}
    for low, high in itertools.pairwise(knots):
        middle = 0.5 * (low + high)
        fitting = [k for k in range(len(trends)) if caps[k] >= high]
        if not fitting:
            continue
        best = min(
            fitting,
            key=lambda k: trends[k].fixed_musd_yr + trends[k].slope_usd_t * middle,
        )
        found[best] = (found.get(best, (low, high))[0], high)
    return [(k, low, high) for k, (low, high) in sorted(found.items())]


def flow_arrays(
    problem: NetworkProblem, target: float | None = None, *, most: float | None = None
) -> FlowArrays:
    """Turn a problem into arrays.

    Parameters
    ----------
    problem : NetworkProblem
        What to design.
    target : float, optional
        Total flow [Mt/yr] where it is given; it bounds the flow of any pipe.
    most : float, optional
        Largest flow that can occur [Mt/yr], where the years of the problem do not say it.

    Returns
    -------
    FlowArrays
        Two directed arcs per arc of the problem, one if it is one-way.
    """
    index = {node: k for k, node in enumerate(problem.nodes)}
    sinks = problem.sinks
    if most is None:
        most = problem.reachable_mt_yr()[2]
    if target is not None:
        most = min(most, target)
    tail: list[int] = []
    head: list[int] = []
    edge: list[int] = []
    cols: list[tuple[int, int, float, float, float, float]] = []
    for e, arc in enumerate(problem.arcs):
        ranges = trend_ranges(arc.trends, most)
        ends = [(index[arc.tail], index[arc.head])]
        if not arc.one_way:
            ends.append((index[arc.head], index[arc.tail]))
        for u, v in ends:
            for k, low, high in ranges:
                trend = arc.trends[k]
                cols.append((len(tail), k, trend.fixed_musd_yr, trend.slope_usd_t, low, high))
            tail.append(u)
            head.append(v)
            edge.append(e)
    table = np.array(cols, dtype=float).reshape(-1, 6)
    rate = np.array([s.well_rate_mt_yr for s in sinks], dtype=float)
    cap = problem.sink_rates()
    # a sink without counted wells is one well of its whole capacity
    rate = np.where(np.isfinite(rate), rate, np.maximum(cap, 1e-9))
    return FlowArrays(
        nodes=len(index),
        source_node=np.array([index[s.node] for s in problem.sources], dtype=int),
        source_cap=np.array([s.capacity_mt_yr for s in problem.sources], dtype=float),
        source_fixed=np.array([s.fixed_musd_yr for s in problem.sources], dtype=float),
        source_var=np.array([s.variable_usd_t for s in problem.sources], dtype=float),
        source_least=np.array([s.capacity_mt_yr if s.forced else 0.0 for s in problem.sources]),
        sink_node=np.array([index[s.node] for s in sinks], dtype=int),
        sink_cap=cap,
        sink_fixed=np.array([0.0 if s.forced else s.fixed_musd_yr for s in sinks], dtype=float),
        sink_var=np.array([s.injection_usd_t for s in sinks], dtype=float),
        well_rate=np.where(rate > 0, rate, 1.0),
        well_cost=np.array([s.well_musd_yr for s in sinks], dtype=float),
        tail=np.array(tail, dtype=int),
        head=np.array(head, dtype=int),
        edge=np.array(edge, dtype=int),
        col_arc=table[:, 0].astype(int),
        col_trend=table[:, 1].astype(int),
        col_fixed=table[:, 2].copy(),
        col_slope=table[:, 3].copy(),
        col_lo=table[:, 4].copy(),
        col_hi=table[:, 5].copy(),
    )


FLOW_TOLERANCE = 1e-7
"""Flow below which a pipe, source or sink counts as unused [Mt/yr]."""


@dataclass(frozen=True)
class FlowPlan:
    """Flows of a plan and what they cost with the cheapest pipes and fewest wells.

    Attributes
    ----------
    captured : ndarray
        Per source [Mt/yr].
    stored : ndarray
        Per sink [Mt/yr].
    flow : ndarray
        Per directed arc [Mt/yr]; never both directions of one arc.
    column : ndarray of int
        Per directed arc: its trend column, -1 where there is no flow.
    wells : ndarray of int
        Per sink.
    cost : float
        All parts together [million USD/yr].
    """

    captured: np.ndarray
    stored: np.ndarray
    flow: np.ndarray
    column: np.ndarray
    wells: np.ndarray
    cost: float


def cost_plan(
    net: FlowArrays, captured: np.ndarray, stored: np.ndarray, flow: np.ndarray
) -> FlowPlan | None:
    """Choose the cheapest trend for each flow and the fewest wells, and add up the cost.

    Parameters
    ----------
    net : FlowArrays
        The network.
    captured, stored, flow : ndarray
        Per source, per sink and per directed arc [Mt/yr].

    Returns
    -------
    FlowPlan or None
        None where a flow fits in no trend.
    """
    captured = np.where(captured > FLOW_TOLERANCE, np.minimum(captured, net.source_cap), 0.0)
    stored = np.where(stored > FLOW_TOLERANCE, np.minimum(stored, net.sink_cap), 0.0)
    flow = np.where(flow > FLOW_TOLERANCE, flow, 0.0)
    through = flow[net.col_arc]
    fits = (through > 0) & (through <= net.col_hi + 1e-9)
    price = np.where(fits, net.col_fixed + net.col_slope * through, math.inf)
    best = np.full(net.arcs, math.inf)
    np.minimum.at(best, net.col_arc, price)
    column = np.full(net.arcs, -1)
    chosen = np.flatnonzero(fits & (price <= best[net.col_arc]))
    column[net.col_arc[chosen[::-1]]] = chosen[::-1]
    used = flow > 0
    if np.any(column[used] < 0):
        return None
    wells = np.ceil(stored / net.well_rate - 1e-9).astype(int)
    cost = (
        best[used].sum()
        + net.source_fixed[captured > 0].sum()
        + captured @ net.source_var
        + net.sink_fixed[stored > 0].sum()
        + stored @ net.sink_var
        + wells @ net.well_cost
    )
    return FlowPlan(captured, stored, flow, column, wells, float(cost))
