"""Compiled kernels of the least-cost distance: edges, label setting, links, accumulation.

All arrays are flat views of a grid that is padded on every side with barrier cells (friction inf),
at least as wide as the longest move, so no kernel tests for the border. ``stride`` is the padded
row length. A move is (row step, column step, kind); ``unit[kind, row]`` is the true length [km]
of that move, divided by the denominator of its cell shares, with the row of its northern end.

One module: the loops share the padding and the numbering of moves.
"""

from __future__ import annotations

import numpy as np

from cdrsite.core.kernel import inner, kernel

SOURCE = -1  # link of a cell where a route ends: it is a cell of its sink
NONE = -2  # link of a cell without a route
UNKNOWN, UNSURE = -1, -2  # sink of a cell that is still to be looked at, or cannot be known yet
LOST = -3  # no neighbour with a smaller label explains the cell's own: a step lost in rounding
ROWS, OFFSET, KIND, COLS, MIDDLE = range(5)  # columns of the table of moves
U = np.uint64  # index type: no test for negative indices in the inner loops


@inner
def _long_shares(friction, a, b, long, short, size, strict):  # type: ignore[no-untyped-def]
    """Shares of a move of ``size`` steps in all, 3 or more; see ``cell_shares``.

    ``long`` and ``short`` are the flat steps along its longer and its shorter side.
    """
    ends = friction[a] + friction[b]
    outer = friction[a + long] + friction[b - long]
    if size == 3:
        return ends + outer
    if size == 4:
        # between its two crossed cells the line runs through a corner, like a diagonal
        side = friction[a + long + short]
        if strict and side == np.inf and friction[b - long - short] == np.inf:
            return side
        return ends + (outer + outer)
    if b == a + 4 * long + short:
        inner = friction[a + long + long] + friction[b - long - long]
        return ends + (outer + outer) + inner
    inner = friction[a + long + short] + friction[b - long - short]
    return (ends + ends) + outer + (inner + inner + inner)


@inner
def cell_shares(friction, a, dr, dc, stride, strict):  # type: ignore[no-untyped-def]
    """Sum of the frictions of the cells that a move crosses, times their integer shares.

    Both ends come in one addition and every crossed cell with its mirror image in one, so the
    sum is the same to the last bit for the move and its reverse. Sums instead of products with
    2 and 3 keep the dtype.
    """
    row_step = stride if dr > 0 else -stride
    col_step = 1 if dc > 0 else -1
    b = a + dr * stride + dc
    high, wide = abs(dr), abs(dc)
    if high + wide > 2:
        if wide > high:
            return _long_shares(friction, a, b, col_step, row_step, high + wide, strict)
        return _long_shares(friction, a, b, row_step, col_step, high + wide, strict)
    if strict and high == wide and friction[a + dc] == np.inf:
        side = friction[b - dc]
        if side == np.inf:
            return side
    return friction[a] + friction[b]


@inner
def edge_cost(friction, unit, a, row, move, stride, strict):  # type: ignore[no-untyped-def]
    """Cost of one move from flat cell ``a`` in padded row ``row``."""
    dr, dc, kind = move
    north = row if dr >= 0 else row + dr
    return unit[kind, north] * cell_shares(friction, a, dr, dc, stride, strict)


@inner
def crossing_cost(crossed, a, row, e, stride):  # type: ignore[no-untyped-def]
    """Cost of what move ``e`` from flat cell ``a`` in padded row ``row`` crosses.

    ``crossed`` is (stored edge of each move, codes, price): see ``labels.Crossed``. Both ends must
    be cells of the grid.
    """
    edge, codes, price = crossed
    return price[codes[edge[e, 0], row + edge[e, 1], a - row * stride + edge[e, 2]]]


@inner
def _push(keys, cells, size, key, cell):  # type: ignore[no-untyped-def]
    at = size
    while at > 0:
        up = (at - 1) >> 1
        if keys[up] < key or (keys[up] == key and cells[up] <= cell):
            break
        keys[at] = keys[up]
        cells[at] = cells[up]
        at = up
    keys[at] = key
    cells[at] = cell


@inner
def _pop(keys, cells, size):  # type: ignore[no-untyped-def]
    key, cell = keys[size - 1], cells[size - 1]
    last = size - 1
    at = 0
    while True:
        child = 2 * at + 1
        if child >= last:
            break
        if child + 1 < last and (
            keys[child + 1] < keys[child]
            or (keys[child + 1] == keys[child] and cells[child + 1] < cells[child])
        ):
            child += 1
        if key < keys[child] or (key == keys[child] and cell <= cells[child]):
            break
        keys[at] = keys[child]
        cells[at] = cells[child]
        at = child
    keys[at] = key
    cells[at] = cell


@kernel
def label_setting(label, friction, unit, moves, region, stride, strict, crossed):  # type: ignore[no-untyped-def]
    """Dijkstra with a binary heap, in place: the reference for the tile solver.

    ``label`` holds the start values and inf elsewhere. Labels pass only between cells of the same
    ``region`` (an array of size 1: everywhere). ``crossed``: see ``crossing_cost``; without codes
    nothing is crossed.
    """
    crosses = crossed[1].size > 0
    capacity = 1024
    keys = np.empty(capacity, label.dtype)
    cells = np.empty(capacity, np.int64)
    size = 0
    masked = region.size > 1
    for cell in range(label.size):
        if label[cell] < np.inf:
            if size == capacity:
                keys = np.concatenate((keys, np.empty_like(keys)))
                cells = np.concatenate((cells, np.empty_like(cells)))
                capacity *= 2
            _push(keys, cells, size, label[cell], cell)
            size += 1
    while size > 0:
        key, cell = keys[0], cells[0]
        _pop(keys, cells, size)
        size -= 1
        if key > label[cell]:
            continue
        row = cell // stride
        for e in range(moves.shape[0]):
            to = cell + moves[e, 0] * stride + moves[e, 1]
            if label[to] <= key or friction[to] == np.inf:  # a move costs something
                continue
            if masked and region[to] != region[cell]:
                continue
            move = (moves[e, 0], moves[e, 1], moves[e, 2])
            step = edge_cost(friction, unit, cell, row, move, stride, strict)
            if crosses:
                step += crossing_cost(crossed, cell, row, e, stride)
            value = key + step
            if value < label[to]:
                label[to] = value
                if size == capacity:
                    keys = np.concatenate((keys, np.empty_like(keys)))
                    cells = np.concatenate((cells, np.empty_like(cells)))
                    capacity *= 2
                _push(keys, cells, size, value, to)
                size += 1


@inner
def rank_at(sink, rank, cell, at):  # type: ignore[no-untyped-def]
    """First rank at ``cell`` whose sink is none of the better ones at cell ``at``, or -1."""
    for i in range(rank):
        s = sink[i, cell]
        if s < 0:
            return -1
        taken = False
        for j in range(rank):
            taken = taken or sink[j, at] == s
        if not taken:
            return i
    return rank


@kernel
def seed_rank(  # type: ignore[no-untyped-def]
    labels, sink, region, rank, friction, unit, moves, stride, strict, crossed, bounds, link
):
    """Start values of rank ``rank`` where sets of better sinks meet, rows ``bounds`` [0, 1).

    A neighbour whose set of better sinks differs from the cell's own has a better-ranked label
    that is new to the cell; equal sets can only pass on labels of the rank itself, which the
    solver does. Writes ``labels[rank]``, and ``link`` where such a move gives the start value.
    """
    crosses = crossed[1].size > 0
    for cell in range(bounds[0] * stride, bounds[1] * stride):
        if sink[rank - 1, cell] < 0:
            continue
        row = cell // stride
        here = region[cell]
        best = labels[rank, cell]
        link[cell] = NONE
        for e in range(moves.shape[0]):
            other = cell + moves[e, 0] * stride + moves[e, 1]
            if region[other] == here:
                continue
            i = rank_at(sink, rank, other, cell)
            if i < 0 or i == rank:
                continue
            move = (moves[e, 0], moves[e, 1], moves[e, 2])
            step = edge_cost(friction, unit, cell, row, move, stride, strict)
            if crosses:
                step += crossing_cost(crossed, cell, row, e, stride)
            value = labels[i, other] + step
            if value < best:
                best = value
                link[cell] = e
        labels[rank, cell] = best


@kernel
def link_moves(  # type: ignore[no-untyped-def]
    label, region, friction, unit, moves, stride, strict, crossed, bounds, link
):
    """Back-links: the first move, in table order, that gives the cell its label exactly.

    Only moves within a region, from smaller labels; the reference for the tile solver's links.
    Writes ``link`` in the rows ``bounds`` [0, 1).
    """
    masked, crosses = region.size > 1, crossed[1].size > 0
    for cell in range(bounds[0] * stride, bounds[1] * stride):
        own = label[cell]
        link[cell] = NONE if own == np.inf else LOST
        if own == np.inf:
            continue
        row = cell // stride
        for e in range(moves.shape[0]):
            other = cell + moves[e, 0] * stride + moves[e, 1]
            if not label[other] < own or (masked and region[other] != region[cell]):
                continue
            move = (moves[e, 0], moves[e, 1], moves[e, 2])
            step = edge_cost(friction, unit, cell, row, move, stride, strict)
            if crosses:
                step += crossing_cost(crossed, cell, row, e, stride)
            if label[other] + step == own:
                link[cell] = e
                break


@kernel
def link_seeds(label, seed, seed_link, link):  # type: ignore[no-untyped-def]
    """Let a cell that kept its start value have the link of it, if that move comes first."""
    for cell in range(label.size):
        first = seed_link[cell]
        if first >= 0 and label[cell] == seed[cell] and (link[cell] < 0 or first < link[cell]):
            link[cell] = first


@kernel
def pair_ids(first, second, count, ids):  # type: ignore[no-untyped-def]
    """Number of the unordered pair of sinks of each cell; -1 is a missing one."""
    for i in range(ids.size):
        a, b = first[i] + 1, second[i] + 1
        ids[i] = min(a, b) * count + max(a, b)


@inner
def _known(sink, rank, cell, before):  # type: ignore[no-untyped-def]
    """Rank at ``cell`` that continues the chain from ``before`` if it is already known, or -1."""
    i = rank_at(sink, rank, cell, before)
    return i if sink[i, cell] >= 0 else -1


@inner
def _short_shares(bill, cell, other, kind, middle):  # type: ignore[no-untyped-def]
    """``cell_shares`` of an open move of 1 or 2 steps or a knight's move, without its tests."""
    ends = bill[U(cell)] + bill[U(other)]
    return ends if kind < 3 else ends + (bill[U(cell + middle)] + bill[U(other - middle)])


@inner
def _move_table(moves, stride):  # type: ignore[no-untyped-def]
    """What following a link needs to know of each move: ``ROWS`` to ``MIDDLE``."""
    table = np.empty((moves.shape[0], 5), np.int64)
    for e in range(moves.shape[0]):
        dr, dc, kind = moves[e]
        table[e, ROWS] = dr
        table[e, OFFSET] = dr * stride + dc
        table[e, KIND] = kind
        table[e, COLS] = dc
        # from an end of a knight's move to the cell beside it; the other one mirrors it
        table[e, MIDDLE] = np.sign(dc) if abs(dc) > 1 else np.sign(dr) * stride
    return table


@kernel
def follow_links(  # type: ignore[no-untyped-def] # noqa: C901, PLR0912
    link, rank, sink, cost, length, bill, unit, span, moves, stride, strict, bounds
):
    """Sink, billed cost and length of the cells of a rank, by following their links, in place.

    ``sink`` int32 (k, n), -1 where not known yet; ``cost`` and ``length`` float64 (k, n).
    ``unit`` and ``span`` are float64: the move's length over its shares, and its length [km].
    Only rows ``bounds`` [0, 1). The cells of a chain that leaves them, or runs into a cell
    without link and sink (in the halo of a block), become ``UNSURE``.

    One long function: arrays handed to a callee for every chain cost three times the time.
    """
    cells = np.empty(1024, np.int64)  # of a chain, from its start to a cell whose sink is known
    table = _move_table(moves, stride)
    sinks, costs, lengths = sink[rank], cost[rank], length[rank]
    for first in range(bounds[0], bounds[1]):
        for start in range(first * stride, (first + 1) * stride):
            if link[U(start)] == NONE:
                costs[U(start)] = np.inf
                lengths[U(start)] = np.inf
            if link[U(start)] < 0 or sinks[U(start)] != UNKNOWN:
                continue
            depth, i, cell, row = 0, -1, start, first
            while True:
                if depth == cells.size:
                    cells = np.concatenate((cells, np.empty_like(cells)))
                before = cell
                cells[U(depth)] = cell
                depth += 1
                e = U(link[U(cell)])
                row += table[e, U(ROWS)]
                cell += table[e, U(OFFSET)]
                if row < bounds[0] or row >= bounds[1]:
                    break
                if rank > 0:
                    i = _known(sink, rank, cell, before)
                elif sinks[U(cell)] >= 0:
                    i = 0
                if i >= 0 or link[U(cell)] < 0 or sinks[U(cell)] == UNSURE:
                    break
            if i < 0:
                for at in range(depth):
                    sinks[cells[at]] = UNSURE
                continue
            at_sink, at_cost, at_length = sink[i, cell], cost[i, cell], length[i, cell]
            for at in range(depth - 1, -1, -1):
                last, cell = cell, cells[U(at)]
                e = U(link[U(cell)])
                dr, kind = table[e, U(ROWS)], U(table[e, U(KIND)])
                north = U(row - max(dr, 0))
                row -= dr
                if kind > 4:
                    shares = cell_shares(bill, cell, dr, table[e, U(COLS)], stride, strict)
                else:
                    shares = _short_shares(bill, cell, last, kind, table[e, U(MIDDLE)])
                at_cost += unit[kind, north] * shares
                at_length += span[kind, north]
                sinks[U(cell)] = at_sink
                costs[U(cell)] = at_cost
                lengths[U(cell)] = at_length


UNSEEN = -(2**31)  # code of a cell that no chain has passed yet


@kernel
def chain_sinks(link, rank, sink, moves, shape, pad, code):  # type: ignore[no-untyped-def]
    """Sinks of the cells of a rank in one block, or where their chains leave the block.

    Parameters
    ----------
    link : ndarray of int8, flat window
        Moves; what stands in the halo does not matter.
    rank : int
        The rank.
    sink : ndarray of int32, shape (rank, window)
        Sinks of the better ranks, with the halo.
    moves : ndarray of int64, shape (n, 3)
        Row step, column step, kind.
    shape : tuple of int
        Rows and columns of the window.
    pad : int
        Width of its halo.
    code : ndarray of int32, flat window
        Sinks where routes end, ``UNSEEN`` elsewhere; takes the sink, -1 for none, or -2 minus the
        flat cell of the halo to which the chain goes on.
    """
    rows, cols = shape
    chain = np.empty(1024, np.int64)
    for top in range(pad, rows - pad):
        for start in range(top * cols + pad, (top + 1) * cols - pad):
            if code[start] != UNSEEN:
                continue
            if link[start] == NONE:
                code[start] = -1
                continue
            depth, row, cell, found = 0, top, start, UNSEEN
            while found == UNSEEN:
                if depth == chain.size:
                    chain = np.concatenate((chain, np.empty_like(chain)))
                chain[depth] = cell
                depth += 1
                before, e = cell, link[cell]
                row += moves[e, 0]
                cell += moves[e, 0] * cols + moves[e, 1]
                i = rank_at(sink, rank, cell, before)
                col = cell - row * cols
                if i < rank:
                    found = sink[i, cell]
                elif pad <= row < rows - pad and pad <= col < cols - pad:
                    found = code[cell]
                else:
                    found = -2 - cell
            for at in range(depth):
                code[chain[at]] = found


@kernel
def sum_links(  # type: ignore[no-untyped-def] # noqa: C901, PLR0912
    link, sink, bill, lengths, moves, shape, pad, strict, crossed, cost, length, crossing
):
    """Billed cost, length and crossings of all ranks of one block, along their links.

    Parameters
    ----------
    link : ndarray of int8, shape (k, window)
        Moves; what stands in the halo does not matter.
    sink : ndarray of int32, shape (k, window)
        Sinks, with the halo.
    bill : ndarray, flat window
        Billed surface.
    lengths : tuple of ndarray of float64, shape (kinds, rows of the window)
        Lengths of the moves over their shares, and lengths [km].
    moves : ndarray of int64, shape (n, 3)
        Row step, column step, kind.
    shape, pad : tuple of int, int
        Rows and columns of the window; width of its halo.
    strict : bool
        As in ``cell_shares``.
    crossed : tuple
        Edge of each move, codes of the edges (directions, window) and their cost; see
        ``_kernel_crossings.bill_links``. Empty codes: nothing is crossed.
    cost, length, crossing : ndarray of float64, shape (k, window)
        Where ``length`` is not NaN they are known, as in the halo and where routes end.
        ``crossing`` is not touched if nothing is crossed.

    One long function, for the reason of ``follow_links``.
    """
    unit, span = lengths
    edge, codes, price = crossed
    rows, cols = shape
    crosses = codes.size > 0
    table = _move_table(moves, cols)
    ranks, cells = np.empty(1024, np.int64), np.empty(1024, np.int64)
    for rank in range(link.shape[0]):
        for top in range(pad, rows - pad):
            for start in range(top * cols + pad, (top + 1) * cols - pad):
                if link[U(rank), U(start)] == NONE:
                    cost[rank, start] = length[rank, start] = np.inf
                    if crosses:
                        crossing[rank, start] = np.inf
                    continue
                depth, i, cell, row = 0, rank, start, top
                while np.isnan(length[U(i), U(cell)]):
                    if depth == cells.size:
                        ranks = np.concatenate((ranks, np.empty_like(ranks)))
                        cells = np.concatenate((cells, np.empty_like(cells)))
                    ranks[U(depth)], cells[U(depth)] = i, cell
                    depth += 1
                    e, goal = U(link[U(i), U(cell)]), sink[U(i), U(cell)]
                    row += table[e, U(ROWS)]
                    cell += table[e, U(OFFSET)]
                    # the next cell has the same sink, at this rank or a better one
                    i = 0
                    while sink[U(i), U(cell)] != goal:
                        i += 1
                if depth == 0:
                    continue
                at_cost, at_length = cost[U(i), U(cell)], length[U(i), U(cell)]
                at_crossing = crossing[U(i), U(cell)] if crosses else 0.0
                for at in range(depth - 1, -1, -1):
                    last, i, cell = cell, ranks[U(at)], cells[U(at)]
                    e = U(link[U(i), U(cell)])
                    dr, kind = table[e, U(ROWS)], U(table[e, U(KIND)])
                    north = U(row - max(dr, 0))
                    row -= dr
                    if kind > 4:
                        shares = cell_shares(bill, cell, dr, table[e, U(COLS)], cols, strict)
                    else:
                        shares = _short_shares(bill, cell, last, kind, table[e, U(MIDDLE)])
                    at_cost += unit[kind, north] * shares
                    at_length += span[kind, north]
                    cost[U(i), U(cell)], length[U(i), U(cell)] = at_cost, at_length
                    if crosses:
                        stored = cell + edge[e, 1] * cols + edge[e, 2]
                        at_crossing += price[codes[edge[e, 0], stored]]
                        crossing[U(i), U(cell)] = at_crossing


TO_NODE, TO_EXIT, TO_END = range(3)  # what follows the last node of a stretch


@kernel
def gather_chains(  # type: ignore[no-untyped-def]
    link, sink, bill, moves, shape, pad, strict, crossed, near, start, node
):
    """Chains of links from the cells near a block's border, without the cells between them.

    Parameters
    ----------
    link, sink, bill, moves, shape, pad, strict, crossed
        As in ``sum_links``.
    near : ndarray of int64
        Flat cells from which chains start.
    start : ndarray of float64, shape (k, window)
        Start costs where routes end.
    node : ndarray of int32, shape (k, window)
        Zeros; takes 1 + the number of a cell's node.

    Returns
    -------
    tuple
        Nodes: shares of the move, kind * rows of the window + northern row, code of the edge.
        Stretches of nodes, each behind the other: first node of each and their number at the end;
        what follows, which one, and the start cost there. Exits: rank and flat cell in the halo.
    """
    edge, codes, _ = crossed
    rows, cols = shape
    crosses = codes.size > 0
    count, stretches, exits = 0, 0, 0
    share, key = np.empty(4096, bill.dtype), np.empty(4096, np.int32)
    code = np.empty(4096, np.uint16)
    first, to = (
        np.empty(near.size * link.shape[0] + 1, np.int64),
        np.empty((near.size * link.shape[0], 2), np.int64),
    )
    end = np.zeros(near.size * link.shape[0])
    leave = np.empty((near.size * link.shape[0], 2), np.int64)
    for c in range(near.size):
        for rank in range(link.shape[0]):
            i, cell = rank, near[c]
            if link[i, cell] < 0 or node[i, cell] != 0:
                continue
            row = cell // cols
            first[stretches] = count
            while True:
                col = cell - row * cols
                if not (pad <= row < rows - pad and pad <= col < cols - pad):
                    to[stretches, 0], to[stretches, 1] = TO_EXIT, exits
                    leave[exits, 0], leave[exits, 1] = i, cell
                    exits += 1
                    break
                e, goal = link[i, cell], sink[i, cell]
                if e == SOURCE:
                    to[stretches, 0], end[stretches] = TO_END, start[i, cell]
                    break
                if node[i, cell] != 0:
                    to[stretches, 0], to[stretches, 1] = TO_NODE, node[i, cell] - 1
                    break
                if count == share.size:
                    share = np.concatenate((share, np.empty_like(share)))
                    key = np.concatenate((key, np.empty_like(key)))
                    code = np.concatenate((code, np.empty_like(code)))
                dr, dc, kind = moves[e, 0], moves[e, 1], moves[e, 2]
                share[count] = cell_shares(bill, cell, dr, dc, cols, strict)
                key[count] = kind * rows + row + min(dr, 0)
                code[count] = 0
                if crosses:
                    code[count] = codes[edge[e, 0], cell + edge[e, 1] * cols + edge[e, 2]]
                count += 1
                node[i, cell] = count
                row += dr
                cell += dr * cols + dc
                i = 0
                while sink[i, cell] != goal:
                    i += 1
            stretches += 1
    first[stretches] = count
    nodes = share[:count].copy(), key[:count].copy(), code[:count].copy()
    tails = first[: stretches + 1].copy(), to[:stretches].copy(), end[:stretches].copy()
    return nodes, tails, leave[:exits].copy()
