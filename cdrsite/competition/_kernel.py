"""Kernel: the best plan of every cell at given prices, and its sums.

Cells come in runs that share all their pools, as polygons on a raster do; the prices of a run are
loop constants, so that every inner loop is a straight line over a short tile in cache. Arithmetic
is in float64 whatever the inputs are. Loops run from 0 over contiguous slices and write one array
each: only then does the compiler turn them into vector instructions.

One module: the loops share their tiles and inline one another; numba compiles them together.
"""

# numba compiles the functions for the dtypes that it meets, so they carry no annotations
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from cdrsite.core.kernel import kernel

# stages are called by kernels only: without the wrappers for Python they compile sooner
bare: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
stage = numba.njit(nogil=True, error_model="numpy", **bare)

TILE = 256
"""Cells per tile: the scratch of all stages stays in the nearest caches."""

ROUNDING = 1e-12
"""Share by which a cap may break the row that it was made from [1]."""


class Tile(NamedTuple):
    """Scratch for one tile: few arrays, as each argument costs time to compile.

    of : float64[13, M, TILE], by UPPER ... STORING and method. at : float64[4, K, TILE],
    by OFFER ... PAID and sink slot. cell : float64[5, TILE], by FREE ... ONE; the last one
    holds ones. edges : int64[TILE + 1], edges of the runs of cells with one combination.
    """

    of: Any
    at: Any
    cell: Any
    edges: Any


UPPER, NET, COST, NEED, VALUE, X, SHARE, INVERSE, RATIO, DEMAND, ROOM, SLOT, STORING = range(13)
"""NET, COST and NEED are also the numbers of the quantities net, cost and land."""
OFFER, SINK_LOSS, SINK_COST, PAID = range(4)  # loss and cost where net and cost are
FREE, BEST, QUANTITY, STORED, ONE = range(5)


@stage
def _scratch(n_methods, n_slots):
    """Scratch of zeros."""
    of, at = np.zeros((13, n_methods, TILE)), np.zeros((4, n_slots, TILE))
    cell = np.zeros((5, TILE))
    for i in range(TILE):
        cell[ONE, i] = 1.0
    return Tile(of, at, cell, np.zeros(TILE + 1, np.int64))


@stage
def _stage(source, start, size, out):
    """Load a tile of values per method or slot."""
    for m in range(source.shape[0]):
        to = out[m]
        if source.shape[1] > 1:
            row = source[m][start : start + size]  # contiguous for the compiler, unlike [:, a:b]
            for i in range(size):
                to[i] = np.float64(row[i])
        else:
            value = np.float64(source[m, 0])
            for i in range(size):
                to[i] = value


@stage
def _only_where(value, least, size, out):
    """Put zero where ``value`` is not above ``least``, whatever stands there."""
    for m in range(out.shape[0]):
        to, known = out[m], value[m]
        for i in range(size):
            to[i] = to[i] if known[i] > least else 0.0


@stage
def _stage_offers(sink, sink_value, start, size, out):
    """Value of storing a tonne in each slot's sink; -inf where there is none."""
    for k in range(sink.shape[0]):
        ids, to = sink[k][start : start + size], out[k]
        for i in range(size):
            to[i] = sink_value[np.uint32(ids[i] + 1)]


@stage
def _load(fields, terms, start, size, tile):
    """Load a tile of cells."""
    _stage(fields.upper, start, size, tile.of[UPPER])
    _stage(fields.need, start, size, tile.of[NEED])
    if terms.counted[NET]:
        _stage(fields.net, start, size, tile.of[NET])
    if terms.counted[COST]:
        _stage(fields.cost, start, size, tile.of[COST])
    for q in range(4):
        if q in (UPPER, NEED) or terms.counted[q]:
            _only_where(tile.of[UPPER], 0.0, size, tile.of[q])
    _stage(fields.stored_ratio, start, size, tile.of[STORING])
    _times(tile.of[STORING], terms.stored, size, tile.of[STORING])
    own, free = fields.land[start : start + size], tile.cell[FREE]
    for i in range(size):
        free[i] = np.float64(own[i])
    _stage_offers(fields.sink, terms.sink_value, start, size, tile.at[OFFER])
    if fields.sink.shape[0] > 0:
        if terms.counted[NET]:
            _stage(fields.sink_loss, start, size, tile.at[SINK_LOSS])
            _only_where(tile.at[OFFER], -np.inf, size, tile.at[SINK_LOSS])
        if terms.counted[COST]:
            _stage(fields.sink_cost, start, size, tile.at[SINK_COST])
            _only_where(tile.at[OFFER], -np.inf, size, tile.at[SINK_COST])


@stage
def _pay_arrivals(arriving, weight, start, lo, hi, tile):
    """Offers of the slots with what arrives there, for one method and combination."""
    first = weight.shape[0] - arriving.shape[0]
    for k in range(tile.at.shape[1]):
        offer, to = tile.at[OFFER, k][lo:hi], tile.at[PAID, k][lo:hi]
        for i in range(len(to)):
            to[i] = offer[i]
        for j in range(arriving.shape[0]):
            w, row = weight[first + j], arriving[j, k][start + lo : start + hi]
            for i in range(len(to)):
                to[i] += w * row[i]


@stage
def _best_sink(tile, offers, w_net, w_cost, lo, hi, slot):
    """Best slot per cell and its value; the first slot wins a tie."""
    best, slot = tile.cell[BEST][lo:hi], slot[lo:hi]
    for k in range(tile.at.shape[1]):
        offer, cost = tile.at[offers, k][lo:hi], tile.at[SINK_COST, k][lo:hi]
        loss = tile.at[SINK_LOSS, k][lo:hi]
        if k == 0:
            for i in range(len(best)):
                best[i] = offer[i] + w_cost * cost[i] - w_net * loss[i]
                slot[i] = 0.0
        else:
            for i in range(len(best)):
                value = offer[i] + w_cost * cost[i] - w_net * loss[i]
                better = value > best[i]
                best[i] = value if better else best[i]
                slot[i] = np.float64(k) if better else slot[i]


@stage
def _segments(combo, size, edges):
    """Edges of the runs of cells with one combination; returns how many runs."""
    count = 0
    edges[0] = 0
    for i in range(1, size):
        if combo[i] != combo[i - 1]:
            count += 1
            edges[count] = i
    edges[count + 1] = size
    return count + 1


@stage
def _own_values(by_combo, combo, runs, tile):
    """Value per gross tonne without storage and layers."""
    for r in range(runs):
        lo, hi = tile.edges[r], tile.edges[r + 1]
        weight = by_combo[combo[lo]]
        for m in range(weight.shape[0]):
            v, w0, w3 = tile.of[VALUE, m][lo:hi], weight[m, 0], weight[m, 3]
            w1, w2 = weight[m, 1], weight[m, 2]
            f, c, a = tile.of[NET, m][lo:hi], tile.of[COST, m][lo:hi], tile.of[NEED, m][lo:hi]
            for i in range(len(v)):
                v[i] = w0 + w1 * f[i] + w2 * c[i] + w3 * a[i]


@stage
def _choose_sinks(arriving, terms, combo, start, runs, size, tile):
    """Best slot of each method with storage, and its value added."""
    first, offers = -1, PAID if arriving.shape[0] > 0 else OFFER
    for m in range(tile.of.shape[1]):
        if not terms.stored[m] > 0.0:
            continue
        v, best, storing = tile.of[VALUE, m], tile.cell[BEST], tile.of[STORING, m]
        if tile.at.shape[1] == 0:
            for i in range(size):
                v[i] = -np.inf
            continue
        if first < 0 or not terms.uniform:
            spans = 1 if terms.uniform else runs
            for r in range(spans):
                lo, hi = tile.edges[r], size if terms.uniform else tile.edges[r + 1]
                weight = terms.weight[combo[lo], m]
                if offers == PAID:
                    _pay_arrivals(arriving, weight, start, lo, hi, tile)
                _best_sink(tile, offers, weight[1], weight[2], lo, hi, tile.of[SLOT, m])
            first = m
        else:
            slot, same = tile.of[SLOT, m], tile.of[SLOT, first]
            for i in range(size):
                slot[i] = same[i]
        for i in range(size):
            v[i] += storing[i] * best[i]


@stage
def _layer_values(layers, terms, combo, start, runs, tile):
    """Add the value of the layers."""
    for q in range(layers.shape[0]):
        if not terms.counted[4 + q]:
            continue
        for r in range(runs):
            lo, hi = tile.edges[r], tile.edges[r + 1]
            layer = layers[q][start + lo : start + hi]
            for m in range(tile.of.shape[1]):
                w = terms.weight[combo[lo], m, 4 + q]
                v, u = tile.of[VALUE, m][lo:hi], tile.of[UPPER, m][lo:hi]
                for i in range(len(v)):
                    v[i] += w * np.float64(layer[i]) if u[i] > 0.0 else 0.0


@stage
def _take(source, slot, storing, sign, size, out):
    """Add ``sign`` times what is stored times the value of each cell's slot."""
    for k in range(source.shape[0]):
        row = source[k]
        for i in range(size):
            out[i] += sign * storing[i] * row[i] if slot[i] == np.float64(k) else 0.0


@stage
def _times(source, factor, size, out):
    """Values times a factor of each method."""
    for m in range(out.shape[0]):
        values, part, to = source[m], factor[m], out[m]
        for i in range(size):
            to[i] = values[i] * part


@stage
def _rank(tile, size):
    """Value per m2 of each method, and the land that it would take; -1 and 0 if not wanted."""
    for m in range(tile.of.shape[1]):
        value, upper, share = tile.of[VALUE, m], tile.of[UPPER, m], tile.of[SHARE, m]
        inverse, ratio, demand = tile.of[INVERSE, m], tile.of[RATIO, m], tile.of[DEMAND, m]
        room, land = tile.of[ROOM, m], tile.cell[FREE]
        for i in range(size):
            inverse[i] = 1.0 / share[i]
        for i in range(size):
            ratio[i] = value[i] * inverse[i] if value[i] > 0.0 else -1.0
        for i in range(size):
            demand[i] = upper[i] * share[i] if value[i] > 0.0 else 0.0
        for i in range(size):
            room[i] = land[i]


@stage
def _fill(tile, size):
    """Fractional knapsack: land goes to the best value per m2 first, without a branch.

    What the better methods leave is ``max(0, land - their demand)``, since each of them takes all
    it can before the next one: so no sorting is needed.
    """
    n_methods = tile.of.shape[1]
    for m in range(n_methods):
        room, own = tile.of[ROOM, m], tile.of[RATIO, m]
        for other in range(n_methods):
            ratio, demand = tile.of[RATIO, other], tile.of[DEMAND, other]
            if other < m:  # the first one wins a tie
                for i in range(size):
                    room[i] -= demand[i] if ratio[i] >= own[i] else 0.0
            elif other > m:
                for i in range(size):
                    room[i] -= 0.0 if own[i] >= ratio[i] else demand[i]
    for m in range(n_methods):
        upper, inverse, x = tile.of[UPPER, m], tile.of[INVERSE, m], tile.of[X, m]
        ratio, demand, room = tile.of[RATIO, m], tile.of[DEMAND, m], tile.of[ROOM, m]
        for i in range(size):
            left = room[i] if room[i] > 0.0 else 0.0
            part = upper[i] if demand[i] <= left else left * inverse[i]
            x[i] = part if ratio[i] > 0.0 else 0.0


@stage
def _pivot(tableau, leave, enter, height, width):
    """One step of the simplex method; loops, as array expressions take seconds to compile."""
    pivot = tableau[leave, enter]
    for j in range(width):
        tableau[leave, j] /= pivot
    for r in range(height):
        factor = tableau[r, enter]
        if r != leave and factor != 0.0:
            for j in range(width):
                tableau[r, j] -= factor * tableau[leave, j]


@stage
def _small_lp(value, upper, rows, limits, tableau, x):  # noqa: C901, PLR0912 - one algorithm
    """Maximise value x over 0 <= x <= upper and rows x <= limits (>= 0): dense simplex, Bland.

    Bland's rule ends at degenerate corners too; the size is a handful of methods and resources.
    """
    n, extra = value.shape[0], limits.shape[0]
    height, width = n + extra + 1, 2 * n + extra + 1
    basis = np.empty(n + extra, np.int64)
    for r in range(height):
        for j in range(width):
            tableau[r, j] = 0.0
    for j in range(n):
        tableau[j, j] = 1.0
        tableau[j, width - 1] = upper[j]
        tableau[height - 1, j] = -value[j] if upper[j] > 0.0 else 0.0
        for r in range(extra):
            tableau[n + r, j] = rows[r, j]
    for r in range(n + extra):
        tableau[r, n + r] = 1.0
        basis[r] = n + r
    for r in range(extra):
        tableau[n + r, width - 1] = limits[r] if limits[r] > 0.0 else 0.0
    scale = 0.0
    for j in range(n):
        scale = max(scale, abs(tableau[height - 1, j]))
    while True:
        enter = -1
        for j in range(width - 1):
            if tableau[height - 1, j] < -1e-13 * scale:
                enter = j
                break
        if enter < 0:
            break
        leave, least = -1, np.inf
        for r in range(height - 1):
            if tableau[r, enter] > 1e-12:
                step = tableau[r, width - 1] / tableau[r, enter]
                if step < least or (step == least and basis[r] < basis[leave]):
                    leave, least = r, step
        if leave < 0:
            break
        _pivot(tableau, leave, enter, height, width)
        basis[leave] = enter
    for j in range(n):
        x[j] = 0.0
    for r in range(n + extra):
        if basis[r] < n:
            x[basis[r]] = min(max(tableau[r, width - 1], 0.0), upper[basis[r]])


@stage
def _fill_local(tile, spare, need, size, tableau):
    """Solve the cells again whose answer for land and caps breaks another local row."""
    n_methods, n_local = tile.of.shape[1], need.shape[0]
    rows = np.empty((n_local + 1, n_methods))
    limits = np.empty(n_local + 1)
    answer = np.empty(n_methods)
    v, u = np.empty(n_methods), np.empty(n_methods)
    for i in range(size):
        broken = False
        for r in range(n_local):
            used = 0.0
            for m in range(n_methods):
                used += need[r, m, i] * tile.of[X, m, i]
            broken = broken or used > spare[r, i] * (1.0 + ROUNDING)
        if not broken:
            continue
        limits[0] = tile.cell[FREE, i]
        for m in range(n_methods):
            value = tile.of[VALUE, m, i]
            rows[0, m] = tile.of[SHARE, m, i]
            u[m] = tile.of[UPPER, m, i] if value > 0.0 else 0.0
            v[m] = value if value > 0.0 else 0.0
        for r in range(n_local):
            limits[r + 1] = spare[r, i]
            for m in range(n_methods):
                rows[r + 1, m] = need[r, m, i]
        _small_lp(v, u, rows, limits, tableau, answer)
        for m in range(n_methods):
            tile.of[X, m, i] = answer[m]


@stage
def _dot(x, q):
    """Sum of products in four partial sums."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    whole = len(x) // 4 * 4
    for i in range(0, whole, 4):
        a += x[i] * q[i]
        b += x[i + 1] * q[i + 1]
        c += x[i + 2] * q[i + 2]
        d += x[i + 3] * q[i + 3]
    for i in range(whole, len(x)):
        a += x[i] * q[i]
    return (a + b) + (c + d)


@stage
def _add_stored(sink, group, start, combo, slot, size, amount, sink_sums):
    """Add what each cell stores to its sink, and clear it; neighbours mostly share their sink."""
    held, row, to = 0.0, 0, 0
    for i in range(size):
        if amount[i] > 0.0:
            sink_here = np.int64(sink[np.uint32(slot[i]), np.uint64(start + i)])
            row_here = np.int64(group[np.uint32(combo[i])])
            if sink_here != to or row_here != row:
                sink_sums[np.uint64(row), np.uint64(to)] += held
                held, row, to = 0.0, row_here, sink_here
            held += amount[i]
            amount[i] = 0.0
    if held > 0.0:
        sink_sums[np.uint64(row), np.uint64(to)] += held


@stage
def _add_quantities(layers, counted, start, combo, runs, tile, sums):
    """Add the quantities of the plan by combination and method."""
    for m in range(tile.of.shape[1]):
        for r in range(runs):
            lo, hi = tile.edges[r], tile.edges[r + 1]
            x, to = tile.of[X, m][lo:hi], sums[combo[lo], m]
            total = _dot(x, tile.cell[ONE])
            if not total > 0.0:
                continue
            to[0] += total
            for q in range(1, 4):  # net, cost, need: one call, so that one copy is compiled
                if counted[q]:
                    to[q] += _dot(x, tile.of[q, m][lo:hi])
            for q in range(layers.shape[0]):
                if counted[4 + q]:
                    layer, quantity = layers[q][start + lo : start + hi], tile.cell[QUANTITY]
                    for i in range(len(x)):
                        quantity[i] = np.float64(layer[i]) if x[i] > 0.0 else 0.0
                    to[4 + q] += _dot(x, quantity[: len(x)])


@stage
def _add_arrivals(arriving, terms, start, combo, runs, tile, sums):
    """Add what arrives of the plan's tonnes by combination and method."""
    first = terms.counted.shape[0] - arriving.shape[0]
    for m in range(tile.of.shape[1]):
        for j in range(arriving.shape[0]):
            if not (terms.stored[m] > 0.0 and terms.counted[first + j]):
                continue
            for r in range(runs):
                lo, hi = tile.edges[r], tile.edges[r + 1]
                x, slot = tile.of[X, m][lo:hi], tile.of[SLOT, m][lo:hi]
                storing, total = tile.of[STORING, m][lo:hi], 0.0
                for i in range(len(x)):
                    if x[i] > 0.0:
                        here = arriving[j, np.uint32(slot[i]), start + lo + i]
                        total += x[i] * storing[i] * here
                sums[combo[lo], m, first + j] += total


@stage
def _store(fields, terms, start, combo, size, tile, sink_sums):
    """Add what is stored to the sums, and the losses and costs of sinks to those of methods."""
    last, amount = -1, tile.cell[STORED]
    for m in range(tile.of.shape[1]):
        if not terms.stored[m] > 0.0:
            continue
        if last >= 0 and not terms.uniform:
            _add_stored(
                fields.sink, terms.group, start, combo, tile.of[SLOT, last], size, amount, sink_sums
            )
        x, slot, storing = tile.of[X, m], tile.of[SLOT, m], tile.of[STORING, m]
        for q in range(1, 3):
            if terms.counted[q]:
                _take(tile.at[q], slot, storing, 1.0 if q == COST else -1.0, size, tile.of[q, m])
        for i in range(size):
            amount[i] += storing[i] * x[i]
        last = m
    if last >= 0:
        slot = tile.of[SLOT, last]
        _add_stored(fields.sink, terms.group, start, combo, slot, size, amount, sink_sums)


@stage
def _keep(tile, start, size, out):
    """Write the plan of a tile down."""
    for m in range(tile.of.shape[1]):
        for i in range(size):
            out.x[m, start + i] = tile.of[X, m, i]
            out.slot[m, start + i] = np.int8(tile.of[SLOT, m, i])
            out.value[m, start + i] = tile.of[VALUE, m, i]


@stage
def _value(fields, terms, start, combo, size, tile):
    """Load a tile and value its methods; returns how many runs it has."""
    _load(fields, terms, start, size, tile)
    runs = _segments(combo, size, tile.edges)
    _own_values(terms.weight, combo, runs, tile)
    _choose_sinks(fields.arriving, terms, combo, start, runs, size, tile)
    if fields.layers.shape[0] > 0:
        _layer_values(fields.layers, terms, combo, start, runs, tile)
    _times(tile.of[NEED], terms.exclusive, size, tile.of[SHARE])
    return runs


@stage
def _add_up(fields, terms, start, combo, runs, size, tile, out):
    """Add a tile's plan to the sums, and keep it where it is asked for."""
    if fields.sink.shape[0] > 0:
        _store(fields, terms, start, combo, size, tile, out.sink_sums)
    _add_quantities(fields.layers, terms.counted, start, combo, runs, tile, out.sums)
    if fields.arriving.shape[0] > 0:
        _add_arrivals(fields.arriving, terms, start, combo, runs, tile, out.sums)
    if out.x.shape[1] > 0:
        _keep(tile, start, size, out)


@kernel
def sweep(fields, terms, out):
    """Best plan of each cell at given prices, added up."""
    n = fields.combo.shape[0]
    tile = _scratch(fields.upper.shape[0], fields.sink.shape[0])
    for start in range(0, n, TILE):
        size = min(TILE, n - start)
        combo = fields.combo[start : start + size]
        runs = _value(fields, terms, start, combo, size, tile)
        _rank(tile, size)
        _fill(tile, size)
        _add_up(fields, terms, start, combo, runs, size, tile, out)


@kernel
def sweep_bounded(fields, terms, lower, has_lower, local, needs, out):
    """As :func:`sweep`, with lower bounds and local resources; compiled only where they occur.

    ``needs`` of the local resources per gross tonne, shape (R, M, n) or (R, M, 1).
    """
    n, n_methods = fields.combo.shape[0], fields.upper.shape[0]
    n_local = needs.shape[0]
    tile = _scratch(n_methods, fields.sink.shape[0])
    low, spare = np.zeros((n_methods, TILE)), np.zeros((n_local, TILE))
    need = np.zeros((n_local, n_methods, TILE))
    tableau = np.empty((n_methods + n_local + 2, 2 * n_methods + n_local + 2))
    for start in range(0, n, TILE):
        size = min(TILE, n - start)
        combo = fields.combo[start : start + size]
        runs = _value(fields, terms, start, combo, size, tile)
        _stage(local, start, size, spare)
        for r in range(n_local):
            _stage(needs[r], start, size, need[r])
        if has_lower:
            _stage(lower, start, size, low)
            _only_where(tile.of[UPPER], 0.0, size, low)
            _set_aside(tile, low, need, spare, size)
        _cap(tile, spare, need, size)
        _rank(tile, size)
        _fill(tile, size)
        if n_local > 0:
            _fill_local(tile, spare, need, size, tableau)
        for m in range(n_methods):
            for i in range(size):
                tile.of[X, m, i] += low[m, i]
        _add_up(fields, terms, start, combo, runs, size, tile, out)


@stage
def _set_aside(tile, low, need, spare, size):
    """Take the lower bounds out of upper bounds, land and local resources."""
    for m in range(low.shape[0]):
        for i in range(size):
            tile.of[UPPER, m, i] -= low[m, i]
            left = tile.cell[FREE, i] - low[m, i] * tile.of[SHARE, m, i]
            tile.cell[FREE, i] = left if left > 0.0 else 0.0
            for r in range(need.shape[0]):
                spare[r, i] -= need[r, m, i] * low[m, i]


@stage
def _cap(tile, spare, need, size):
    """Cap each method by what it could make of a local resource alone.

    A resource that only one method needs is then kept without a programme of its own.
    """
    least = tile.cell[QUANTITY]
    for r in range(need.shape[0]):
        for i in range(size):
            least[i] = 0.0
        for m in range(need.shape[1]):
            for i in range(size):
                least[i] = min(least[i], need[r, m, i])
        for m in range(need.shape[1]):
            upper, own, left = tile.of[UPPER, m], need[r, m], spare[r]
            for i in range(size):  # what one method adds, another may use
                most = left[i] / own[i] if left[i] > 0.0 else 0.0
                capped = own[i] > 0.0 and not least[i] < 0.0 and most < upper[i]
                upper[i] = most if capped else upper[i]
