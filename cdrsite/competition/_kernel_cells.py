"""Kernel: checks of the cells, and plans added up cell by cell."""

# numba compiles the functions for the dtypes that it meets, so they carry no annotations
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from cdrsite.core.kernel import kernel


@kernel
def add_weighted(place, share, x, slot, out):
    """Add a plan of some cells times their share, ``out[m, k, place[i]] += share[i] x[m, i]``."""
    for m in range(x.shape[0]):
        for i in range(x.shape[1]):
            if x[m, i] > 0.0:
                out[m, slot[m, i], place[i]] += share[i] * x[m, i]


@kernel
def first_fault(  # noqa: C901, PLR0911, PLR0912 - one check after another
    land, upper, net, cost, need, sink, lower, local, stored, ratio, weight, local_need, ground
):
    """Code of the first fault (0: none), its cell, and whether any lower bound is positive.

    ``local_need`` of shape (R, M, n) or (R, M, 1); ``weight`` of the land rows, (1 + G, M).
    """
    n_methods, n_local = upper.shape[0], local_need.shape[0]
    own_need = local_need.shape[2] > 1
    shapes = (upper.shape[1], net.shape[1], cost.shape[1], need.shape[1], lower.shape[1])
    wide = (shapes[0] > 1, shapes[1] > 1, shapes[2] > 1, shapes[3] > 1, shapes[4] > 1)
    own_ratio = ratio.shape[1] > 1
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
            for g in range(ground.shape[0]):
                known += ground[g, i]
            known += ratio[m, i if own_ratio else 0]
            for r in range(n_local):
                known += local_need[r, m, i if own_need else 0]
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
                taken += least * area * weight[0, m]
        if taken > 0.0 and taken > land[i] * 1.000001:
            return 4, i, True
        for g in range(ground.shape[0]):
            taken = 0.0
            for m in range(n_methods):
                if upper[m, i if wide[0] else 0] > 0.0:
                    area = need[m, i if wide[3] else 0] * weight[1 + g, m]
                    taken += area * lower[m, i if wide[4] else 0]
            if taken > 0.0 and taken > ground[g, i] * 1.000001:
                return 4, i, True
        for r in range(n_local):
            used = 0.0
            for m in range(n_methods):
                least = max(0.0, lower[m, i if wide[4] else 0])
                used += local_need[r, m, i if own_need else 0] * least
            if used > 0.0 and used > local[r, i] * 1.000001:
                return 5, i, True
    return 0, 0, any_lower


@kernel
def add_charges(combo, weight, net, cost, need, layers, out):
    """Add what shared rows charge a gross tonne without storage, ``out[m, i]``.

    ``weight[c, m, q]`` is the charge per unit of gross, net, cost, land and each layer.
    """
    wide = (net.shape[1] > 1, cost.shape[1] > 1, need.shape[1] > 1)
    for m in range(out.shape[0]):
        for i in range(out.shape[1]):
            w = weight[combo[i], m]
            total = w[0] + w[1] * net[m, i if wide[0] else 0]
            total += w[2] * cost[m, i if wide[1] else 0]
            total += w[3] * need[m, i if wide[2] else 0]
            for q in range(layers.shape[0]):
                total += w[4 + q] * layers[q, i]
            out[m, i] += total


@kernel
def add_storage_charges(combo, weight, sink, slot, loss, cost, paid, stored, out):
    """Add what shared rows charge a gross tonne for storage at its sink slot, ``out[m, i]``."""
    wide = loss.shape[1] > 1, cost.shape[1] > 1, stored.shape[1] > 1
    for m in range(out.shape[0]):
        for i in range(out.shape[1]):
            k = slot[m, i]
            at = sink[k, i]
            storing = stored[m, i if wide[2] else 0]
            if at >= 0 and storing > 0.0:
                w = weight[combo[i], m]
                along = w[2] * cost[k, i if wide[1] else 0] - w[1] * loss[k, i if wide[0] else 0]
                out[m, i] += storing * (paid[at + 1] + along)
