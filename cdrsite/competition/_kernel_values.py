"""Kernel: what a gross tonne of each method is worth in the cells of a tile at given prices."""

# numba compiles the functions for the dtypes that it meets, so they carry no annotations
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from cdrsite.competition._kernel_tile import (
    BEST,
    COST,
    FREE,
    NEED,
    NET,
    OFFER,
    PAID,
    SHARE,
    SINK_COST,
    SINK_LOSS,
    SLOT,
    STORING,
    UPPER,
    VALUE,
    load_values,
    only_positive,
    only_where,
    scale,
    segments,
    times,
)
from cdrsite.core.kernel import inner


@inner
def _stage_offers(sink, sink_value, start, size, out):
    """Value of storing a tonne in each slot's sink; -inf where there is none."""
    for k in range(sink.shape[0]):
        ids, to = sink[k][start : start + size], out[k]
        for i in range(size):
            to[i] = sink_value[np.uint32(ids[i] + 1)]


@inner
def _load(fields, terms, start, size, tile):
    """Load a tile of cells."""
    upper = tile.of[UPPER]
    load_values(fields.upper, start, size, upper)
    only_positive(size, upper)
    load_values(fields.need, start, size, tile.of[NEED])
    if terms.counted[NET]:
        load_values(fields.net, start, size, tile.of[NET])
    if terms.counted[COST]:
        load_values(fields.cost, start, size, tile.of[COST])
    for q in range(NET, NEED + 1):
        if q == NEED or terms.counted[q]:
            only_where(upper, 0.0, size, tile.of[q])
    load_values(fields.stored_ratio, start, size, tile.of[STORING])
    scale(terms.stored, size, tile.of[STORING])
    own, free = fields.land[start : start + size], tile.cell[FREE]
    for i in range(size):
        free[i] = np.float64(own[i])
    offers = tile.at[OFFER]
    _stage_offers(fields.sink, terms.sink_value, start, size, offers)
    if fields.sink.shape[0] > 0:
        if terms.counted[NET]:
            load_values(fields.sink_loss, start, size, tile.at[SINK_LOSS])
            only_where(offers, -np.inf, size, tile.at[SINK_LOSS])
        if terms.counted[COST]:
            load_values(fields.sink_cost, start, size, tile.at[SINK_COST])
            only_where(offers, -np.inf, size, tile.at[SINK_COST])


@inner
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


@inner
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


@inner
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


@inner
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


@inner
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


@inner
def value(fields, terms, start, combo, size, tile):
    """Load a tile and value its methods; returns how many runs it has."""
    _load(fields, terms, start, size, tile)
    runs = segments(combo, size, tile.edges)
    _own_values(terms.weight, combo, runs, tile)
    _choose_sinks(fields.arriving, terms, combo, start, runs, size, tile)
    if fields.layers.shape[0] > 0:
        _layer_values(fields.layers, terms, combo, start, runs, tile)
    times(tile.of[NEED], terms.exclusive, size, tile.of[SHARE])
    return runs
