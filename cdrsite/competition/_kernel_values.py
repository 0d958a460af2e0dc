"""Kernel: what a gross tonne of each method is worth in the cells of a tile at given prices."""

# numba compiles the functions for the dtypes that it meets, so they carry no annotations
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cdrsite.competition._kernel_tile import (
    BEST_AT,
    COST,
    COST_AT,
    FREE,
    LOSS_AT,
    NEED_AT,
    NET,
    NET_AT,
    OFFER,
    OFFER_AT,
    PAID,
    PITCH,
    SHARE_AT,
    SINK_COST_AT,
    SLOT_AT,
    SLOT_COST_AT,
    SLOT_LOSS_AT,
    STORING_AT,
    UPPER,
    UPPER_AT,
    VALUE,
    VALUE_AT,
    segments,
    spread,
)
from cdrsite.core.kernel import inner


class TileSources(NamedTuple):
    """What tiles are loaded from: arrays over cells, or over one tile where all are the same."""

    upper: Any
    net: Any
    cost: Any
    need: Any
    sink_loss: Any
    sink_cost: Any


@inner
def sources(fields, counted):
    """Sources of the tiles; zeros of what does not count."""
    always = fields.upper.shape[0] > 0  # a literal would be another type, and another compilation
    return TileSources(
        spread(fields.upper, always),
        spread(fields.net, counted[NET]),
        spread(fields.cost, counted[COST]),
        spread(fields.need, always),
        spread(fields.sink_loss, counted[NET]),
        spread(fields.sink_cost, counted[COST]),
    )


@inner
def cut(source, given, row, start, size):
    """A tile of a row of a source: where it is not the array ``given``, all tiles are the same."""
    first = start if source.shape[1] == given.shape[1] else 0
    return source[row][first : first + size]  # contiguous for the compiler, unlike [:, a:b]


@inner
def load_methods(fields, source, exclusive, start, size, tile):
    """Load a tile of methods and land; zero where one is not possible, whatever stands there."""
    for m in range(tile.rows.shape[0]):
        most = cut(source.upper, fields.upper, m, start, size)
        net = cut(source.net, fields.net, m, start, size)
        cost = cut(source.cost, fields.cost, m, start, size)
        need = cut(source.need, fields.need, m, start, size)
        row, part = tile.rows[m], exclusive[m]
        for i in range(np.uint64(size)):
            upper = np.float64(most[i])
            known, paid, area = np.float64(net[i]), np.float64(cost[i]), np.float64(need[i])
            possible = upper > 0.0
            land = area if possible else 0.0
            row[UPPER_AT + i] = upper if possible else 0.0
            row[NET_AT + i] = known if possible else 0.0
            row[COST_AT + i] = paid if possible else 0.0
            row[NEED_AT + i] = land
            row[SHARE_AT + i] = land * part
    free = fields.land[start : start + size]
    for i in range(size):
        tile.cell[FREE, i] = np.float64(free[i])


@inner
def load_storing(ratio, stored, start, size, tile):
    """Load what each method brings to the sink per gross tonne."""
    for m in range(tile.rows.shape[0]):
        row, value = tile.rows[m], stored[m]
        if ratio.shape[1] > 1:
            own = ratio[m][start : start + size]
            for i in range(np.uint64(size)):
                row[STORING_AT + i] = np.float64(own[i]) * value
        else:
            one = np.float64(ratio[m, 0]) * value
            for i in range(np.uint64(size)):
                row[STORING_AT + i] = one


@inner
def _load_sinks(fields, source, terms, start, size, tile):
    """Value of storing a tonne in each slot's sink, -inf where there is none; losses and costs."""
    for k in range(tile.slots.shape[0]):
        ids, row = fields.sink[k][start : start + size], tile.slots[k]
        for i in range(np.uint64(size)):
            row[OFFER_AT + i] = terms.sink_value[np.uint32(ids[i] + 1)]
        loss = cut(source.sink_loss, fields.sink_loss, k, start, size)
        cost = cut(source.sink_cost, fields.sink_cost, k, start, size)
        for i in range(np.uint64(size)):
            lost, paid = np.float64(loss[i]), np.float64(cost[i])
            there = row[OFFER_AT + i] > -np.inf
            row[LOSS_AT + i] = lost if there else 0.0
            row[SINK_COST_AT + i] = paid if there else 0.0


@inner
def _pay_arrivals(arriving, weight, start, lo, hi, tile):
    """Offers of the slots with what arrives there, for one method and combination."""
    first = weight.shape[0] - arriving.shape[0]
    for k in range(tile.slots.shape[0]):
        offer, to = tile.at[k, OFFER][lo:hi], tile.at[k, PAID][lo:hi]
        for i in range(len(to)):
            to[i] = offer[i]
        for j in range(arriving.shape[0]):
            w, row = weight[first + j], arriving[j, k][start + lo : start + hi]
            for i in range(len(to)):
                to[i] += w * row[i]


@inner
def _slot_or(tile, k):
    """A slot's scratch; that of no sink beyond the last."""
    return tile.slots[k] if k < tile.slots.shape[0] else tile.nowhere


@inner
def _best_sink(tile, offers, w_net, w_cost, lo, hi, best):
    """Best slot per cell, its value, loss and cost; the first slot wins a tie.

    Slots come three at a time, as each look at the best one costs as much as a comparison.
    """
    offer_at, n_slots = np.uint64(offers * PITCH), tile.slots.shape[0]
    for k in range(0, n_slots, 3):
        a, b, c = tile.slots[k], _slot_or(tile, k + 1), _slot_or(tile, k + 2)
        first, second, third = np.float64(k), np.float64(k + 1), np.float64(k + 2)
        for i in range(np.uint64(lo), np.uint64(hi)):
            loss, cost = a[LOSS_AT + i], a[SINK_COST_AT + i]
            top, slot = a[offer_at + i] + w_cost * cost - w_net * loss, first
            if k > 0:
                held, old_slot = best[BEST_AT + i], best[SLOT_AT + i]
                old_loss, old_cost = best[SLOT_LOSS_AT + i], best[SLOT_COST_AT + i]
                better = top > held
                top, slot = top if better else held, slot if better else old_slot
                loss, cost = loss if better else old_loss, cost if better else old_cost
            other_loss, other_cost = b[LOSS_AT + i], b[SINK_COST_AT + i]
            other = b[offer_at + i] + w_cost * other_cost - w_net * other_loss
            better = other > top
            top, slot = other if better else top, second if better else slot
            loss, cost = other_loss if better else loss, other_cost if better else cost
            other_loss, other_cost = c[LOSS_AT + i], c[SINK_COST_AT + i]
            other = c[offer_at + i] + w_cost * other_cost - w_net * other_loss
            better = other > top
            best[BEST_AT + i] = other if better else top
            best[SLOT_LOSS_AT + i] = other_loss if better else loss
            best[SLOT_COST_AT + i] = other_cost if better else cost
            best[SLOT_AT + i] = third if better else slot


@inner
def _own_values(by_combo, combo, runs, tile):
    """Value per gross tonne without storage and layers."""
    for r in range(runs):
        lo, hi = np.uint64(tile.edges[r]), np.uint64(tile.edges[r + 1])
        weight = by_combo[combo[tile.edges[r]]]
        for m in range(weight.shape[0]):
            row, w0, w1, w2, w3 = (
                tile.rows[m],
                weight[m, 0],
                weight[m, 1],
                weight[m, 2],
                weight[m, 3],
            )
            for i in range(lo, hi):
                each = w0 + w1 * row[NET_AT + i] + w2 * row[COST_AT + i]
                row[VALUE_AT + i] = each + w3 * row[NEED_AT + i]


@inner
def slots_of(terms, m):
    """Method whose best slots are those of a method with storage."""
    if terms.uniform:
        for first in range(m):
            if terms.stored[first] > 0.0:
                return first
    return m


@inner
def _choose_sinks(arriving, terms, combo, start, runs, size, tile):
    """Best slot of each method with storage, and its value added."""
    offers = PAID if arriving.shape[0] > 0 else OFFER
    for m in range(tile.rows.shape[0]):
        if not terms.stored[m] > 0.0:
            continue
        row, of = tile.rows[m], slots_of(terms, m)
        if tile.slots.shape[0] == 0:
            for i in range(np.uint64(size)):
                row[VALUE_AT + i] = -np.inf
            continue
        best = tile.best[of]
        if of == m:
            spans = 1 if terms.uniform else runs
            for r in range(spans):
                lo, hi = tile.edges[r], size if terms.uniform else tile.edges[r + 1]
                weight = terms.weight[combo[lo], m]
                if offers == PAID:
                    _pay_arrivals(arriving, weight, start, lo, hi, tile)
                _best_sink(tile, offers, weight[1], weight[2], lo, hi, best)
        for i in range(np.uint64(size)):
            row[VALUE_AT + i] += row[STORING_AT + i] * best[BEST_AT + i]


@inner
def _layer_values(layers, terms, combo, start, runs, tile):
    """Add the value of the layers."""
    for q in range(layers.shape[0]):
        if not terms.counted[4 + q]:
            continue
        for r in range(runs):
            lo, hi = tile.edges[r], tile.edges[r + 1]
            layer = layers[q][start + lo : start + hi]
            for m in range(tile.of.shape[0]):
                w = terms.weight[combo[lo], m, 4 + q]
                v, u = tile.of[m, VALUE][lo:hi], tile.of[m, UPPER][lo:hi]
                for i in range(len(v)):
                    v[i] += w * np.float64(layer[i]) if u[i] > 0.0 else 0.0


@inner
def value(fields, source, terms, start, combo, size, tile):
    """Load a tile and value its methods; returns how many runs it has."""
    load_methods(fields, source, terms.exclusive, start, size, tile)
    if fields.stored_ratio.shape[1] > 1 or start == fields.first:
        load_storing(fields.stored_ratio, terms.stored, start, size, tile)
    _load_sinks(fields, source, terms, start, size, tile)
    runs = segments(combo, size, tile.edges)
    _own_values(terms.weight, combo, runs, tile)
    _choose_sinks(fields.arriving, terms, combo, start, runs, size, tile)
    if fields.layers.shape[0] > 0:
        _layer_values(fields.layers, terms, combo, start, runs, tile)
    return runs
