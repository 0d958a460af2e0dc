"""Kernel: what a gross tonne is worth in a tile at the best vintage of each method; the sums."""

# numba compiles the functions for the dtypes that it meets, so they carry no annotations
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cdrsite.competition._kernel_tile import (
    COST,
    LOSS_AT,
    NEED,
    NET,
    OFFER,
    SINK_COST,
    SINK_COST_AT,
    SINK_LOSS,
    STORING,
    TILE,
    UPPER,
    VALUE,
    Tile,
    X,
    load_values,
    segments,
)
from cdrsite.competition._kernel_tile import scratch as plain_scratch
from cdrsite.competition._kernel_values import cut, load_methods, load_storing
from cdrsite.core.kernel import inner


class DatedTile(NamedTuple):
    """Scratch for one tile.

    tile : that of the competition. vintage : float64[M, TILE], vintage that each method is best
    built for. sunk, place : float64[M, V, TILE], value of the best sink of a tonne stored, and its
    slot. worth : float64[V, TILE], value of each vintage of a method; least : float64[TILE], net
    removal in the worst year. layer : float64[L, TILE]. only : int64[K], 1 + the sink of each slot
    where all cells of the tile have one there, else -1.
    """

    tile: Tile
    vintage: Any
    sunk: Any
    place: Any
    worth: Any
    least: Any
    layer: Any
    only: Any


@inner
def scratch(fields, terms):
    """Scratch of zeros."""
    methods, vintages = terms.open.shape
    tile = plain_scratch(methods, fields.sink.shape[0])
    sunk = np.full((methods, vintages, TILE), -np.inf)
    place = np.zeros((methods, vintages, TILE))
    layer = np.zeros((fields.layers.shape[0], TILE))
    worth, least = np.zeros((vintages, TILE)), np.zeros(TILE)
    vintage, only = np.zeros((methods, TILE)), np.zeros(fields.sink.shape[0], np.int64)
    return DatedTile(tile, vintage, sunk, place, worth, least, layer, only)


@inner
def _load(fields, source, terms, start, size, dated):
    """Load a tile of cells."""
    tile = dated.tile
    load_methods(fields, source, terms.exclusive, start, size, tile)
    if start == fields.first or fields.stored_ratio.shape[1] > 1:
        load_storing(fields.stored_ratio, terms.stored, start, size, tile)
    load_values(fields.layers, start, size, dated.layer)
    for k in range(fields.sink.shape[0]):
        row, ids = tile.slots[k], fields.sink[k][start : start + size]
        loss = cut(source.sink_loss, fields.sink_loss, k, start, size)
        cost = cut(source.sink_cost, fields.sink_cost, k, start, size)
        for i in range(np.uint64(size)):
            lost, paid = np.float64(loss[i]), np.float64(cost[i])
            row[LOSS_AT + i] = lost if ids[i] >= 0 else 0.0
            row[SINK_COST_AT + i] = paid if ids[i] >= 0 else 0.0
        head, others = ids[0], 0
        for i in range(size):
            others += 1 if ids[i] != head else 0
        dated.only[k] = head + 1 if others == 0 else -1


@inner
def _best_sinks(fields, weight, sink_value, start, lo, hi, dated, best, slot):
    """Best slot of a vintage in a run of cells and its value; the first slot wins a tie."""
    tile, arriving = dated.tile, fields.arriving
    best, slot = best[lo:hi], slot[lo:hi]
    w_net, w_cost, first = weight[1], weight[2], weight.shape[0] - arriving.shape[0]
    for k in range(fields.sink.shape[0]):
        ids, to = fields.sink[k][start + lo : start + hi], tile.at[k, OFFER][lo:hi]
        cost, loss = tile.at[k, SINK_COST][lo:hi], tile.at[k, SINK_LOSS][lo:hi]
        to = best if k == 0 else to
        if dated.only[k] >= 0:  # neighbours mostly share their sink
            each = sink_value[dated.only[k]]
            for i in range(len(to)):
                to[i] = each + (w_cost * cost[i] - w_net * loss[i])
        else:
            for i in range(len(to)):
                to[i] = sink_value[np.uint32(ids[i] + 1)] + (w_cost * cost[i] - w_net * loss[i])
        for j in range(arriving.shape[0]):
            w, row = weight[first + j], arriving[j, k][start + lo : start + hi]
            for i in range(len(to)):
                to[i] += w * row[i] if ids[i] >= 0 else 0.0
        if k == 0:
            for i in range(len(best)):
                slot[i] = 0.0
        else:
            for i in range(len(best)):
                slot[i] = np.float64(k) if to[i] > best[i] else slot[i]
            for i in range(len(best)):
                best[i] = to[i] if to[i] > best[i] else best[i]


@inner
def _choose_sinks(fields, terms, combo, start, runs, size, dated):
    """Best sink of each vintage of the methods whose taste for sinks is no other method's."""
    for m in range(terms.open.shape[0]):
        if not terms.stored[m] > 0.0 or terms.like[m] != m or fields.sink.shape[0] == 0:
            continue
        for v in range(terms.open.shape[1]):
            if not terms.wanted[m, v]:
                continue
            best, slot, which = dated.sunk[m, v], dated.place[m, v], m * terms.open.shape[1] + v
            spans = 1 if terms.even[m] else runs
            for r in range(spans):
                lo, hi = dated.tile.edges[r], dated.tile.edges[r + 1]
                if terms.even[m]:
                    hi = size
                _best_sinks(
                    fields, terms.weight[combo[lo], which], terms.sink_value[v], start, lo, hi,
                    dated, best, slot,
                )  # fmt: skip


@inner
def _own_values(terms, combo, m, runs, dated):
    """Value per gross tonne of the vintages of a method, without storage and layers."""
    tile, vintages = dated.tile, terms.open.shape[1]
    for r in range(runs):
        lo, hi = tile.edges[r], tile.edges[r + 1]
        net, cost, need = tile.of[m, NET][lo:hi], tile.of[m, COST][lo:hi], tile.of[m, NEED][lo:hi]
        for v in range(vintages):
            if terms.open[m, v]:
                w, worth = terms.weight[combo[lo], m * vintages + v], dated.worth[v][lo:hi]
                w0, w1, w2, w3 = w[0], w[1], w[2], w[3]
                for i in range(len(worth)):
                    worth[i] = w0 + w1 * net[i] + w2 * cost[i] + w3 * need[i]


@inner
def _layer_values(terms, combo, m, runs, dated):
    """Add the value of the layers that a method has a use for."""
    tile, vintages = dated.tile, terms.open.shape[1]
    for j in range(terms.count[m]):
        q = terms.used[m, j]
        for r in range(runs):
            lo, hi = tile.edges[r], tile.edges[r + 1]
            layer, upper = dated.layer[q - 4][lo:hi], tile.of[m, UPPER][lo:hi]
            for v in range(vintages):
                w, worth = terms.weight[combo[lo], m * vintages + v, q], dated.worth[v][lo:hi]
                for i in range(len(worth)):
                    worth[i] += w * layer[i] if upper[i] > 0.0 else 0.0


@inner
def _least_net(terms, m, v, size, dated):
    """Net removal of a vintage in its worst year."""
    least, net, floor = dated.least, dated.tile.of[m, NET], terms.floor[m, v]
    lost = floor[0]
    for i in range(size):
        least[i] = net[i] + lost
    for j in range(terms.count[m]):
        more, layer = floor[terms.used[m, j]], dated.layer[terms.used[m, j] - 4]
        if more != 0.0:
            for i in range(size):
                least[i] += more * layer[i]


@inner
def _store_it(terms, m, v, size, dated):
    """Add the value of the best sink; nothing is worth a vintage that emits in its worst year."""
    _least_net(terms, m, v, size, dated)
    worth, least = dated.worth[v], dated.least
    if terms.stored[m] > 0.0:
        sunk, storing = dated.sunk[terms.like[m], v], dated.tile.of[m, STORING]
        for i in range(size):
            worth[i] = worth[i] + storing[i] * sunk[i] if least[i] > 0.0 else -np.inf
    else:
        for i in range(size):
            worth[i] = worth[i] if least[i] > 0.0 else -np.inf


@inner
def _removes(terms, m, size, dated):
    """Whether all vintages of a method remove CO2 in their worst year wherever it is possible."""
    least, most = np.inf, -np.inf
    for v in range(terms.open.shape[1]):
        least = min(least, terms.floor[m, v, 0]) if terms.open[m, v] else least
        most = max(most, terms.floor[m, v, 0]) if terms.open[m, v] else most
    if terms.count[m] > 0 or most > 0.0:
        return False
    emits, net, upper = 0, dated.tile.of[m, NET], dated.tile.of[m, UPPER]
    for i in range(size):
        emits += 1 if upper[i] > 0.0 and not net[i] + least > 0.0 else 0
    return emits == 0


@inner
def _store_all(terms, m, v, size, dated):
    """As :func:`_store_it`, of a method all of whose vintages remove CO2 in all years."""
    if terms.stored[m] > 0.0:
        worth, kept = dated.worth[v], dated.sunk[terms.like[m], v]
        storing = dated.tile.of[m, STORING]
        for i in range(size):
            worth[i] += storing[i] * kept[i]


@inner
def _best_vintage(terms, m, size, dated):
    """Best vintage of a method; the first wins a tie."""
    best, vintage, upper = dated.tile.of[m, VALUE], dated.vintage[m], dated.tile.of[m, UPPER]
    removes = _removes(terms, m, size, dated)
    for i in range(size):
        best[i] = -np.inf
    for i in range(size):
        vintage[i] = 0.0
    for v in range(terms.open.shape[1]):
        if not terms.open[m, v]:
            continue
        if removes:
            _store_all(terms, m, v, size, dated)
        else:
            _store_it(terms, m, v, size, dated)
        worth, now = dated.worth[v], np.float64(v)
        for i in range(size):
            vintage[i] = now if worth[i] > best[i] else vintage[i]
        for i in range(size):
            best[i] = worth[i] if worth[i] > best[i] else best[i]
    if removes:
        for i in range(size):
            best[i] = best[i] if upper[i] > 0.0 else -np.inf
        for i in range(size):
            vintage[i] = vintage[i] if upper[i] > 0.0 else 0.0


@inner
def value(fields, source, terms, start, combo, size, dated):
    """Load a tile, and value its methods at the best vintage and sink of each."""
    _load(fields, source, terms, start, size, dated)
    runs = segments(combo, size, dated.tile.edges)
    _choose_sinks(fields, terms, combo, start, runs, size, dated)
    for m in range(terms.open.shape[0]):
        _own_values(terms, combo, m, runs, dated)
        _layer_values(terms, combo, m, runs, dated)
        _best_vintage(terms, m, size, dated)


@inner
def add_up(fields, terms, start, combo, size, dated, out):
    """Add a tile's plan to the sums by combination, method and vintage, and to what is stored."""
    tile, vintages = dated.tile, terms.open.shape[1]
    sinks, arrivals = terms.sink_value.shape[1] - 1, fields.arriving.shape[0]
    first = out.sums.shape[2] - arrivals
    for m in range(terms.open.shape[0]):
        x, vintage, place = tile.of[m, X], dated.vintage[m], dated.place[terms.like[m]]
        net, cost, need = tile.of[m, NET], tile.of[m, COST], tile.of[m, NEED]
        storing, stores = tile.of[m, STORING], terms.stored[m] > 0.0
        for i in range(size):
            gross = x[i]
            if not gross > 0.0:
                continue
            v = np.uint32(vintage[i])
            k = np.uint32(place[v, i])
            to = out.sums[np.uint32(combo[i]), np.uint32(m * vintages) + v]
            each, paid = net[i], cost[i]
            if stores:
                each -= storing[i] * tile.at[k, SINK_LOSS, i]
                paid += storing[i] * tile.at[k, SINK_COST, i]
                stored = gross * storing[i]
                sink = np.uint32(v * sinks + fields.sink[k, np.uint64(start + i)])
                out.sink_sums[np.uint32(terms.group[np.uint32(combo[i])]), sink] += stored
                for j in range(arrivals):
                    to[first + j] += stored * fields.arriving[j, k, start + i]
            to[0] += gross
            to[1] += gross * each
            to[2] += gross * paid
            to[3] += gross * need[i]
            for j in range(terms.count[m]):
                q = terms.used[m, j]
                to[q] += gross * dated.layer[q - 4, i]
    if out.x.shape[1] > 0:
        _keep(terms, max(fields.sink.shape[0], 1), start - fields.first, size, dated, out)


@inner
def _keep(terms, slots, start, size, dated, out):
    """Write the plan of a tile down: a choice is ``vintage x slots + slot``."""
    tile = dated.tile
    for m in range(dated.vintage.shape[0]):
        for i in range(size):
            out.x[m, start + i] = tile.of[m, X, i]
            v = np.uint32(dated.vintage[m, i])
            slot = dated.place[terms.like[m], v, i] if terms.stored[m] > 0.0 else 0.0
            out.slot[m, start + i] = np.int8(v * slots + slot)
            out.value[m, start + i] = tile.of[m, VALUE, i]
