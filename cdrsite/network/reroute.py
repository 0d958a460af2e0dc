"""Local search over flows: pipes, sources, sites and wells are closed while flow goes elsewhere.

The network with one node that all sources come from, and one that all sinks go to, is a closed
network in which a plan is a circulation; moving an amount round a cycle gives another plan.
"""

from __future__ import annotations

import numpy as np

from cdrsite.network._kernel_reroute import kick
from cdrsite.network.arrays import FlowArrays, FlowPlan, cost_plan
from cdrsite.network.model import Goal

_SWEEPS = 40
"""Sweeps over all links after which a descent ends anyway."""
KICK_NUMBERS = 4
"""Random numbers that one kick takes."""


class Reroute:
    """Links of a network with their costs, for one goal.

    Parameters
    ----------
    net : FlowArrays
        The network.
    goal : Goal
        Target or price.
    """

    def __init__(self, net: FlowArrays, goal: Goal) -> None:
        self.net, n = net, net.nodes
        self._ns, self._nk = len(net.source_cap), len(net.sink_cap)
        # each ledger has a node of its own, so that cycles keep its tonnes
        above = np.full(self._ns, n)
        for number, (members, _) in enumerate(goal.ledgers[1:], start=1):
            above[list(members)] = n + number
        last = n + max(1, len(goal.ledgers))
        edges, first_arc = np.unique(net.edge, return_index=True)
        self._forth = np.searchsorted(edges, net.edge)
        self._sign = np.where(np.arange(net.arcs) == first_arc[self._forth], 1.0, -1.0)
        links = len(edges)
        tail = np.concatenate([net.tail[first_arc], above, net.sink_node])
        head = np.concatenate([net.head[first_arc], net.source_node, np.full(self._nk, last)])
        low = np.concatenate([np.full(links, -np.inf), net.source_least, np.zeros(self._nk)])
        side = 2 * self._forth[net.col_arc] + (self._sign[net.col_arc] < 0)
        sides = [
            side,
            2 * (links + np.arange(self._ns)),
            2 * (links + self._ns + np.arange(self._nk)),
        ]
        fixed = [net.col_fixed, net.source_fixed, net.sink_fixed]
        slope = [net.col_slope, net.source_var, net.sink_var]
        high = [net.col_hi, net.source_cap, net.sink_cap]
        step = np.full(len(tail), 1e30)
        step_cost = np.zeros(len(tail))
        step[links + self._ns :], step_cost[links + self._ns :] = net.well_rate, net.well_cost
        if goal.target is None:
            # a tonne more from the sources to the sinks earns the price
            tail, head = np.append(tail, last), np.append(head, n)
            low, step, step_cost = (
                np.append(low, 0.0),
                np.append(step, 1e30),
                np.append(step_cost, 0),
            )
            sides.append(np.array([2 * (len(tail) - 1)]))
            fixed.append(np.zeros(1))
            slope.append(np.array([-(goal.price or 0.0)]))
            high.append(np.array([1e30]))
        where = np.concatenate(sides)
        order = np.argsort(where, kind="stable")
        first = np.searchsorted(where[order], np.arange(2 * len(tail) + 1))
        codes = np.arange(2 * len(tail))
        leaves = np.where(codes % 2 == 0, tail[codes // 2], head[codes // 2])
        out = np.argsort(leaves, kind="stable")
        at = np.searchsorted(leaves[out], np.arange(last + 2))
        self._price = goal.target is None
        self._links = (
            tail.astype(np.int64), head.astype(np.int64), low.astype(float), at.astype(np.int64),
            codes[out],
        )  # fmt: skip
        self._money = (
            first.astype(np.int64), np.concatenate(fixed)[order], np.concatenate(slope)[order],
            np.concatenate(high)[order], step, step_cost,
        )  # fmt: skip

    def improve(self, plan: FlowPlan, random: np.ndarray) -> FlowPlan | None:
        """Give a plan that no single closing makes cheaper.

        Parameters
        ----------
        plan : FlowPlan
            Where to begin.
        random : ndarray, shape (kicks, KICK_NUMBERS)
            Numbers in [0, 1) that say which links are closed against all reason, to find other
            plans; what is not cheaper in the end is undone.

        Returns
        -------
        FlowPlan or None
            None where the flows cannot be costed.
        """
        links = len(self._links[0]) - self._ns - self._nk - int(self._price)
        flow = np.zeros(links)
        np.add.at(flow, self._forth, self._sign * plan.flow)
        parts = [flow, plan.captured, plan.stored]
        if self._price:
            parts.append(np.array([plan.captured.sum()]))
        x = np.concatenate(parts)
        kick(x, self._links, self._money, random, _SWEEPS)
        through = np.maximum(self._sign * x[self._forth], 0.0)
        a, b = x[links : links + self._ns], x[links + self._ns : links + self._ns + self._nk]
        return cost_plan(self.net, a, b, through)
