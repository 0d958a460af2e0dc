"""Kernel: the vintage and the sink that each method of a cell is best built for, and the sums.

Between the two the knapsack of the competition fills the cell's land: it sees one value per method.
"""

# numba compiles the functions for the dtypes that it meets, so they carry no annotations
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from cdrsite.core.kernel import kernel

bare: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
stage = numba.njit(nogil=True, error_model="numpy", **bare)


@stage
def _best_sink(cells, w, sink_value, i):
    """Best slot of a vintage in a cell at the weights of a method, and its value per tonne."""
    best, slot = -np.inf, 0
    first = w.shape[0] - cells.arriving.shape[0]
    wide = cells.sink_cost.shape[1] > 1, cells.sink_loss.shape[1] > 1
    for k in range(cells.sink.shape[0]):
        at = cells.sink[k, i]
        if at < 0:
            continue
        value = sink_value[at + 1]
        value += w[2] * np.float64(cells.sink_cost[k, i if wide[0] else 0])
        value -= w[1] * np.float64(cells.sink_loss[k, i if wide[1] else 0])
        for j in range(cells.arriving.shape[0]):
            value += w[first + j] * cells.arriving[j, k, i]
        if value > best:
            best, slot = value, k
    return best, slot


@kernel
def best_vintages(cells, terms, value, choice):
    """Best value of each method over vintages and sinks, ``value[m, i]`` and ``choice[m, i]``.

    A choice is ``v K + k``; value -inf where no vintage is possible.
    """
    n_methods, n = value.shape
    slots = max(cells.sink.shape[0], 1)
    vintages = terms.open.shape[1]
    sunk, place = np.empty(vintages), np.empty(vintages, np.int64)
    net_wide, cost_wide = cells.net.shape[1] > 1, cells.cost.shape[1] > 1
    need_wide, upper_wide = cells.need.shape[1] > 1, cells.upper.shape[1] > 1
    ratio_wide = cells.stored_ratio.shape[1] > 1
    for i in range(n):
        weight, known = terms.weight[cells.combo[i]], False
        for m in range(n_methods):
            value[m, i], choice[m, i] = -np.inf, 0
            if not cells.upper[m, i if upper_wide else 0] > 0.0:
                continue
            net = np.float64(cells.net[m, i if net_wide else 0])
            cost = np.float64(cells.cost[m, i if cost_wide else 0])
            need = np.float64(cells.need[m, i if need_wide else 0])
            storing = 0.0
            if terms.stored[m] > 0.0:
                storing = terms.stored[m] * np.float64(
                    cells.stored_ratio[m, i if ratio_wide else 0]
                )
            for v in range(vintages):
                if not terms.open[m, v]:
                    continue
                w, floor = weight[m * vintages + v], terms.floor[m, v]
                worth = w[0] + w[1] * net + w[2] * cost + w[3] * need
                least = net + floor[0]
                for j in range(terms.count[m]):
                    q = terms.used[m, j]
                    layer = np.float64(cells.layers[q - 4, i])
                    worth += w[q] * layer
                    least += floor[q] * layer
                if not least > 0.0:
                    continue
                slot = 0
                if terms.stored[m] > 0.0:
                    if not (terms.uniform and known):
                        sunk[v], place[v] = _best_sink(cells, w, terms.sink_value[v], i)
                    worth += storing * sunk[v]
                    slot = place[v]
                if worth > value[m, i]:
                    value[m, i], choice[m, i] = worth, v * slots + slot
            # the next method may take the sinks of this one where all vintages were looked at
            known = known or (terms.stored[m] > 0.0 and terms.whole[m] and net > 0.0)


@kernel
def add_up(cells, terms, x, choice, sums, sink_sums):
    """Add the quantities of a plan by combination, method and vintage, and what it stores."""
    n_methods, n = x.shape
    slots, vintages = max(cells.sink.shape[0], 1), terms.open.shape[1]
    sinks = terms.sink_value.shape[1] - 1
    first = sums.shape[2] - cells.arriving.shape[0]
    for m in range(n_methods):
        for i in range(n):
            gross = x[m, i]
            if not gross > 0.0:
                continue
            v, k = choice[m, i] // slots, choice[m, i] % slots
            to = sums[cells.combo[i], m * vintages + v]
            net = np.float64(cells.net[m, i if cells.net.shape[1] > 1 else 0])
            cost = np.float64(cells.cost[m, i if cells.cost.shape[1] > 1 else 0])
            to[0] += gross
            to[3] += gross * np.float64(cells.need[m, i if cells.need.shape[1] > 1 else 0])
            for j in range(terms.count[m]):
                q = terms.used[m, j]
                to[q] += gross * np.float64(cells.layers[q - 4, i])
            if terms.stored[m] > 0.0:
                ratio = cells.stored_ratio[m, i if cells.stored_ratio.shape[1] > 1 else 0]
                storing = terms.stored[m] * np.float64(ratio)
                cost += storing * np.float64(
                    cells.sink_cost[k, i if cells.sink_cost.shape[1] > 1 else 0]
                )
                net -= storing * np.float64(
                    cells.sink_loss[k, i if cells.sink_loss.shape[1] > 1 else 0]
                )
                stored = gross * storing
                sink_sums[terms.group[cells.combo[i]], v * sinks + cells.sink[k, i]] += stored
                for j in range(cells.arriving.shape[0]):
                    to[first + j] += stored * cells.arriving[j, k, i]
            to[1] += gross * net
            to[2] += gross * cost


@kernel
def add_vintages(place, share, x, choice, out):
    """Add a plan of some cells times their share, ``out[m, choice, place[i]] += share[i] x``."""
    for m in range(x.shape[0]):
        for i in range(x.shape[1]):
            if x[m, i] > 0.0:
                out[m, choice[m, i], place[i]] += share[i] * x[m, i]
