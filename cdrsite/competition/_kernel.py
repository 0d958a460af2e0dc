"""Kernel: the best plan of every cell at given prices, and its sums.

Cells come in runs that share all their pools, as polygons on a raster do; the prices of a run are
loop constants, so that every inner loop is a straight line over a short tile in cache. Arithmetic
is in float64 whatever the inputs are.
"""

# numba compiles the functions for the dtypes that it meets, so they carry no annotations
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from cdrsite.core.kernel import kernel

TILE = 128
"""Cells per tile: the scratch of all stages stays in the first-level cache."""


@kernel
def _stage(source, start, upper, size, out):
    """Load a tile of per-method values; zero where the method is not possible."""
    wide = source.shape[1] > 1
    for m in range(source.shape[0]):
        if wide:
            row = source[m][start : start + size]  # contiguous for the compiler, unlike [:, a:b]
            for i in range(size):
                value = np.float64(row[i])
                out[m, i] = value if upper[m, i] > 0.0 else 0.0
        else:
            value = np.float64(source[m, 0])
            for i in range(size):
                out[m, i] = value


@kernel
def _stage_upper(source, start, size, out):
    """Load upper bounds; NaN and negative become 0."""
    wide = source.shape[1] > 1
    for m in range(source.shape[0]):
        if wide:
            row = source[m][start : start + size]
            for i in range(size):
                value = np.float64(row[i])
                out[m, i] = value if value > 0.0 else 0.0
        else:
            value = np.float64(source[m, 0])
            for i in range(size):
                out[m, i] = value if value > 0.0 else 0.0


@kernel
def _stage_sinks(sink, source, start, size, out):
    """Load a tile of per-slot values; zero where the slot has no sink."""
    wide = source.shape[1] > 1
    for k in range(sink.shape[0]):
        ids = sink[k][start : start + size]
        if wide:
            row = source[k][start : start + size]
            for i in range(size):
                value = np.float64(row[i])
                out[k, i] = value if ids[i] >= 0 else 0.0
        else:
            value = np.float64(source[k, 0])
            for i in range(size):
                out[k, i] = value if ids[i] >= 0 else 0.0


@kernel
def _best_sink(base, cost, loss, w_net, w_cost, lo, hi, best, slot):
    """Best slot per cell and its value; the first slot wins a tie."""
    for i in range(lo, hi):
        best[i] = base[0, i] + w_cost * cost[0, i] - w_net * loss[0, i]
        slot[i] = 0.0
    for k in range(1, base.shape[0]):
        for i in range(lo, hi):
            value = base[k, i] + w_cost * cost[k, i] - w_net * loss[k, i]
            better = value > best[i]
            best[i] = value if better else best[i]
            slot[i] = np.float64(k) if better else slot[i]


@kernel
def _take(source, slot, factor, size, out):
    """Add ``factor`` times the value of each cell's slot."""
    for k in range(source.shape[0]):
        for i in range(size):
            out[i] += factor * source[k, i] if slot[i] == np.float64(k) else 0.0


@kernel
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


@kernel
def _fill(value, upper, share, land, size, ratio, demand, inverse, room, x):
    """Fractional knapsack: land goes to the best value per m2 first, without a branch.

    What the better methods leave is ``max(0, land - their demand)``, since each of them takes all
    it can before the next one: so no sorting is needed.
    """
    n_methods = value.shape[0]
    for m in range(n_methods):
        for i in range(size):
            wanted = value[m, i] > 0.0
            inverse[m, i] = 1.0 / share[m, i]
            ratio[m, i] = value[m, i] * inverse[m, i] if wanted else -1.0
            demand[m, i] = upper[m, i] * share[m, i] if wanted else 0.0
            room[m, i] = land[i]
    for m in range(1, n_methods):
        for other in range(m):
            for i in range(size):
                loses = ratio[other, i] >= ratio[m, i]
                room[m, i] -= demand[other, i] if loses else 0.0
                room[other, i] -= 0.0 if loses else demand[m, i]
    for m in range(n_methods):
        for i in range(size):
            left = room[m, i] if room[m, i] > 0.0 else 0.0
            all_of_it = demand[m, i] <= left
            part = upper[m, i] if all_of_it else left * inverse[m, i]
            x[m, i] = part if ratio[m, i] > 0.0 else 0.0


@kernel
def _small_lp(value, upper, rows, limits, tableau, x):  # noqa: C901, PLR0912 - one algorithm
    """Maximise value x over 0 <= x <= upper and rows x <= limits (>= 0): dense simplex, Bland.

    Bland's rule ends at degenerate corners too; the size is a handful of methods and resources.
    """
    n, extra = value.shape[0], limits.shape[0]
    height, width = n + extra + 1, 2 * n + extra + 1
    basis = np.empty(n + extra, np.int64)
    tableau[:height, :width] = 0.0
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
        tableau[leave, :width] /= tableau[leave, enter]
        for r in range(height):
            if r != leave and tableau[r, enter] != 0.0:
                tableau[r, :width] -= tableau[r, enter] * tableau[leave, :width]
        basis[leave] = enter
    x[:] = 0.0
    for r in range(n + extra):
        if basis[r] < n:
            x[basis[r]] = min(max(tableau[r, width - 1], 0.0), upper[basis[r]])


@kernel
def _fill_local(value, upper, share, land, local, local_need, size, x, tableau):
    """Solve the cells again whose land-only answer breaks another local row."""
    n_methods, n_local = value.shape[0], local_need.shape[0]
    rows = np.empty((n_local + 1, n_methods))
    limits = np.empty(n_local + 1)
    answer = np.empty(n_methods)
    v, u = np.empty(n_methods), np.empty(n_methods)
    for i in range(size):
        broken = False
        for r in range(n_local):
            used = 0.0
            for m in range(n_methods):
                used += local_need[r, m] * x[m, i]
            broken = broken or used > local[r, i]
        if not broken:
            continue
        limits[0] = land[i]
        for m in range(n_methods):
            rows[0, m] = share[m, i]
            u[m] = upper[m, i] if value[m, i] > 0.0 else 0.0
            v[m] = value[m, i] if value[m, i] > 0.0 else 0.0
        for r in range(n_local):
            limits[r + 1] = local[r, i]
            for m in range(n_methods):
                rows[r + 1, m] = local_need[r, m]
        _small_lp(v, u, rows, limits, tableau, answer)
        for m in range(n_methods):
            x[m, i] = answer[m]


@kernel
def _dot(x, q, lo, hi):
    """Sum of products in four partial sums."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    whole = lo + (hi - lo) // 4 * 4
    for i in range(lo, whole, 4):
        a += x[i] * q[i]
        b += x[i + 1] * q[i + 1]
        c += x[i + 2] * q[i + 2]
        d += x[i + 3] * q[i + 3]
    for i in range(whole, hi):
        a += x[i] * q[i]
    return (a + b) + (c + d)


@kernel
def _total(x, lo, hi):
    """Sum in four partial sums."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    whole = lo + (hi - lo) // 4 * 4
    for i in range(lo, whole, 4):
        a += x[i]
        b += x[i + 1]
        c += x[i + 2]
        d += x[i + 3]
    for i in range(whole, hi):
        a += x[i]
    return (a + b) + (c + d)


@kernel
def _reduced_values(
    weight, combo, edges, runs, size, stored, uniform, f, c, a, base, scost, sloss, best, slot, v
):
    """Value per gross tonne with the best sink, prices of all shared rows included."""
    n_slots = base.shape[0]
    first = -1
    for m in range(f.shape[0]):
        for r in range(runs):
            lo, hi = edges[r], edges[r + 1]
            g = combo[lo]
            w0, w1, w2, w3 = weight[g, m, 0], weight[g, m, 1], weight[g, m, 2], weight[g, m, 3]
            for i in range(lo, hi):
                v[m, i] = w0 + w1 * f[m, i] + w2 * c[m, i] + w3 * a[m, i]
        s = stored[m]
        if s > 0.0 and n_slots == 0:
            for i in range(size):
                v[m, i] = -np.inf
        elif s > 0.0:
            if not uniform:
                for r in range(runs):
                    lo, hi, g = edges[r], edges[r + 1], combo[edges[r]]
                    w1, w2 = weight[g, m, 1], weight[g, m, 2]
                    _best_sink(base, scost, sloss, w1, w2, lo, hi, best, slot[m])
            elif first < 0:
                first = m
                w1, w2 = weight[combo[0], m, 1], weight[combo[0], m, 2]
                _best_sink(base, scost, sloss, w1, w2, 0, size, best, slot[m])
            else:
                for i in range(size):
                    slot[m, i] = slot[first, i]
            for i in range(size):
                v[m, i] += s * best[i]


@kernel
def _add_stored(amount, slot, sink, start, combo, group, size, sink_sums):
    """Add what each cell stores to its sink, and clear it."""
    for i in range(size):
        if amount[i] > 0.0:
            to = np.uint32(sink[np.uint32(slot[i]), np.uint64(start + i)])
            sink_sums[np.uint32(group[np.uint32(combo[i])]), to] += amount[i]
            amount[i] = 0.0


@kernel
def sweep(  # noqa: C901, PLR0912, PLR0915 - stages over one tile's scratch, read top down
    combo,
    land,
    upper,
    net,
    cost,
    need,
    sink,
    sink_cost,
    sink_loss,
    lower,
    layers,
    local,
    weight,
    sink_value,
    stored,
    exclusive,
    local_need,
    has_lower,
    uniform,
    counted,
    group,
    sums,
    sink_sums,
    x_out,
    slot_out,
    value_out,
):
    """Best plan of each cell at given prices, added up.

    Parameters
    ----------
    combo : int32[n]
        Combination of zones of each cell: row of ``weight`` and ``sums``.
    land ... local : arrays of cdrsite.competition.problem.Cells
    weight : float64[C, M, 4 + L]
        Value of one unit of each quantity (gross, net, cost, land, layers), prices included.
    sink_value : float64[S + 1]
        Value of storing a tonne in sink s, at s + 1; -inf at 0.
    stored, exclusive : float64[M]
    local_need : float64[R, M]
    has_lower : bool
        Whether ``lower`` holds more than zeros.
    uniform : bool
        Whether all methods with storage weigh net and cost alike in all combinations, so that
        they have the same best sink.
    counted : bool[4 + L]
        Quantities that have a weight or are to be added up; others are not even read.
    group : int32[C]
        Row of ``sink_sums`` of each combination.
    sums : float64[C, M, 4 + L]
        Added to: quantities by combination and method.
    sink_sums : float64[G, S]
        Added to: tonnes stored.
    x_out : float64[M, n] or [M, 0]
        Gross tonnes of the plan, unless empty.
    slot_out : int8[M, n] or [M, 0]
        Sink slot of the plan.
    value_out : float64[M, n] or [M, 0]
        Reduced value per gross tonne before the cell's land is priced.
    """
    n, n_methods, n_slots = combo.shape[0], upper.shape[0], sink.shape[0]
    n_layers, n_local = layers.shape[0], local_need.shape[0]
    keep = x_out.shape[1] > 0
    scratch = np.zeros((12, n_methods, TILE))
    u, f, c, a, v, x = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4], scratch[5]
    share, ratio, demand, low = scratch[6], scratch[7], scratch[8], scratch[9]
    inverse, room = scratch[10], scratch[11]
    slot = np.zeros((n_methods, TILE))
    slots = np.zeros((3, n_slots, TILE))
    base, scost, sloss = slots[0], slots[1], slots[2]
    line = np.zeros((4, TILE))
    free, best, quantity, total_stored = line[0], line[1], line[2], line[3]
    spare = np.zeros((n_local, TILE))
    tableau = np.empty((n_methods + n_local + 2, 2 * n_methods + n_local + 2))
    edges = np.zeros(TILE + 1, np.int64)
    for start in range(0, n, TILE):
        stop = min(start + TILE, n)
        size = stop - start
        here = combo[start:stop]
        runs = _segments(here, size, edges)
        _stage_upper(upper, start, size, u)
        if counted[1]:
            _stage(net, start, u, size, f)
        if counted[2]:
            _stage(cost, start, u, size, c)
        _stage(need, start, u, size, a)
        own = land[start:stop]
        for i in range(size):
            free[i] = np.float64(own[i])
        for k in range(n_slots):
            ids = sink[k][start:stop]
            for i in range(size):
                base[k, i] = sink_value[np.uint32(ids[i] + 1)]
        if counted[2]:
            _stage_sinks(sink, sink_cost, start, size, scost)
        if counted[1]:
            _stage_sinks(sink, sink_loss, start, size, sloss)
        _reduced_values(
            weight,
            here,
            edges,
            runs,
            size,
            stored,
            uniform,
            f,
            c,
            a,
            base,
            scost,
            sloss,
            best,
            slot,
            v,
        )
        for q in range(n_layers):
            layer = layers[q, start:stop]
            for r in range(runs):
                for m in range(n_methods):
                    wl = weight[here[edges[r]], m, 4 + q]
                    for i in range(edges[r], edges[r + 1]):
                        v[m, i] += wl * np.float64(layer[i]) if u[m, i] > 0.0 else 0.0
        for m in range(n_methods):
            exclusive_share = exclusive[m]
            for i in range(size):
                share[m, i] = a[m, i] * exclusive_share
        if has_lower:
            _stage(lower, start, u, size, low)
            for m in range(n_methods):
                for i in range(size):
                    u[m, i] -= low[m, i]
                    left = free[i] - low[m, i] * share[m, i]
                    free[i] = left if left > 0.0 else 0.0
        _fill(v, u, share, free, size, ratio, demand, inverse, room, x)
        if n_local > 0:
            for r in range(n_local):
                for i in range(size):
                    spare[r, i] = np.float64(local[r, start + i])
                    if has_lower:
                        for m in range(n_methods):
                            spare[r, i] -= local_need[r, m] * low[m, i]
            _fill_local(v, u, share, free, spare, local_need, size, x, tableau)
        any_stored = -1
        for m in range(n_methods):
            if has_lower:
                for i in range(size):
                    x[m, i] += low[m, i]
            s = stored[m]
            if s > 0.0 and n_slots > 0:
                if counted[1]:
                    _take(sloss, slot[m], -s, size, f[m])
                if counted[2]:
                    _take(scost, slot[m], s, size, c[m])
                any_stored = m
                for i in range(size):
                    total_stored[i] += s * x[m, i]
                if not uniform:
                    _add_stored(total_stored, slot[m], sink, start, here, group, size, sink_sums)
            for r in range(runs):
                lo, hi = edges[r], edges[r + 1]
                total = _total(x[m], lo, hi)
                if total > 0.0:
                    g = here[lo]
                    sums[g, m, 0] += total
                    if counted[1]:
                        sums[g, m, 1] += _dot(x[m], f[m], lo, hi)
                    if counted[2]:
                        sums[g, m, 2] += _dot(x[m], c[m], lo, hi)
                    if counted[3]:
                        sums[g, m, 3] += _dot(x[m], a[m], lo, hi)
            for q in range(n_layers):
                if counted[4 + q]:
                    layer = layers[q, start:stop]
                    for i in range(size):
                        quantity[i] = np.float64(layer[i]) if x[m, i] > 0.0 else 0.0
                    for r in range(runs):
                        lo, hi = edges[r], edges[r + 1]
                        sums[here[lo], m, 4 + q] += _dot(x[m], quantity, lo, hi)
            if keep:
                for i in range(size):
                    x_out[m, start + i] = x[m, i]
                    slot_out[m, start + i] = np.int8(slot[m, i])
                    value_out[m, start + i] = v[m, i]
        if uniform and any_stored >= 0:
            _add_stored(total_stored, slot[any_stored], sink, start, here, group, size, sink_sums)


@kernel
def add_weighted(combo, group, share, x, slot, out):
    """Add a plan times the share of its column, ``out[m, k, i] += share[group] x[m, i]``."""
    for m in range(x.shape[0]):
        for i in range(x.shape[1]):
            part = share[group[combo[i]]]
            if part > 0.0 and x[m, i] > 0.0:
                out[m, slot[m, i], i] += part * x[m, i]


@kernel
def first_fault(land, upper, net, cost, need, sink, lower, local, stored, exclusive, local_need):  # noqa: C901, PLR0911, PLR0912 - one check after another
    """Code of the first fault (0: none), its cell, and whether any lower bound is positive."""
    n_methods, n_local = upper.shape[0], local_need.shape[0]
    shapes = (upper.shape[1], net.shape[1], cost.shape[1], need.shape[1], lower.shape[1])
    wide = (shapes[0] > 1, shapes[1] > 1, shapes[2] > 1, shapes[3] > 1, shapes[4] > 1)
    any_lower = False
    for i in range(land.shape[0]):
        taken = 0.0
        for m in range(n_methods):
            most = upper[m, i if wide[0] else 0]
            least = lower[m, i if wide[4] else 0]
            if not most > 0.0:
                if least > 0.0:
                    return 2, i, True
                continue
            area = need[m, i if wide[3] else 0]
            known = net[m, i if wide[1] else 0] + cost[m, i if wide[2] else 0] + area + land[i]
            if not np.isfinite(known) or not least >= 0.0:
                return 1, i, any_lower
            if least > 0.0:
                any_lower = True
                if least > most:
                    return 2, i, True
                possible = stored[m] == 0.0
                for k in range(sink.shape[0]):
                    possible = possible or sink[k, i] >= 0
                if not possible:
                    return 3, i, True
                taken += least * area * exclusive[m]
        if taken > 0.0 and taken > land[i] * 1.000001:
            return 4, i, True
        for r in range(n_local):
            used = 0.0
            for m in range(n_methods):
                used += local_need[r, m] * max(0.0, lower[m, i if wide[4] else 0])
            if used > 0.0 and used > local[r, i] * 1.000001:
                return 5, i, True
    return 0, 0, any_lower
