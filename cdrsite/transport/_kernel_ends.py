"""Compiled passes over labels that look at no moves: where routes start and end, what is handed on.

The numbers are those of ``_kernel``.
"""

from __future__ import annotations

import numpy as np

from cdrsite.core.kernel import kernel

NONE = -2  # link of a cell without a route
TO_NODE, TO_EXIT = 0, 1  # what follows the last node of a stretch of links


@kernel
def place_starts(cell, sink, cost, rank, sinks, label, chosen):  # type: ignore[no-untyped-def]
    """Start values of a rank: in each cell the first start whose sink is none of its better ones.

    ``cell``, ``sink`` and ``cost`` are sorted by cell, cost and sink. Writes ``label``, and which
    starts were taken.
    """
    last = -1
    for i in range(cell.size):
        at = cell[i]
        chosen[i] = False
        if at == last:
            continue
        taken = False
        for j in range(rank):
            taken = taken or sinks[j, at] == sink[i]
        if not taken:
            last = at
            label[at] = cost[i]
            chosen[i] = True


@kernel
def sum_chains(nodes, tails, exits, unit, span, price, sums):  # type: ignore[no-untyped-def]
    """Cost, length and crossings of the nodes of a block, from those at its exits.

    ``nodes`` and ``tails`` as from ``gather_chains``; ``exits`` and ``sums`` are float64 of shape
    (3, exits) and (3, nodes), NaN where not known; ``unit`` and ``span`` are flat.
    """
    share, key, code = nodes
    first, to, end = tails
    for s in range(to.shape[0]):
        cost, length, crossing = end[s], 0.0, 0.0
        if to[s, 0] == TO_NODE:
            cost, length, crossing = sums[0, to[s, 1]], sums[1, to[s, 1]], sums[2, to[s, 1]]
        elif to[s, 0] == TO_EXIT:
            cost, length, crossing = exits[0, to[s, 1]], exits[1, to[s, 1]], exits[2, to[s, 1]]
        # a stretch was noted from its start on, so that what it leads to was noted before it
        for at in range(first[s + 1] - 1, first[s] - 1, -1):
            cost += unit[key[at]] * share[at]
            length += span[key[at]]
            crossing += price[code[at]]
            sums[0, at], sums[1, at], sums[2, at] = cost, length, crossing


@kernel
def cut_out(padded, names, stride, pad, bounds, results, verdict):  # type: ignore[no-untyped-def]
    """Copy cost, length, sink and link of all ranks without the padding, and judge each cell.

    ``padded`` are flat, ``results`` (k, rows, cols); ``names`` are the ids of the sink numbers.
    ``verdict`` is (friction, status numbers of a cell that is reached, a barrier, disconnected,
    unknown; status). Padded rows ``bounds`` [0, 1).
    """
    cost, length, sink, link = padded
    to_cost, to_length, to_sink, to_link = results
    friction, reasons, status = verdict
    cols = status.shape[1]
    for rank in range(link.shape[0]):
        for padded_row in range(bounds[0], bounds[1]):
            row, begin = padded_row - pad, padded_row * stride + pad
            for col in range(cols):
                at = begin + col
                to_cost[rank, row, col] = cost[rank, at]
                to_length[rank, row, col] = length[rank, at]
                to_sink[rank, row, col] = names[sink[rank, at]]
                to_link[rank, row, col] = link[rank, at]
    for row in range(bounds[0] - pad, bounds[1] - pad):
        for col in range(cols):
            f = friction[row, col]
            reason = 2 if to_link[0, row, col] == NONE else 0
            reason = 1 if np.isinf(f) else reason
            reason = 3 if np.isnan(f) else reason
            status[row, col] = reasons[reason]
