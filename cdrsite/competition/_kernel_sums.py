"""Kernel: the plan of a tile added up, and written down where it is asked for."""

# numba compiles the functions for the dtypes that it meets, so they carry no annotations
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from cdrsite.competition._kernel_tile import (
    COST_AT,
    NET,
    NET_AT,
    PITCH,
    QUANTITY,
    SLOT,
    SLOT_COST_AT,
    SLOT_LOSS_AT,
    STORED,
    STORING,
    STORING_AT,
    VALUE,
    X_AT,
    X,
)
from cdrsite.competition._kernel_values import slots_of
from cdrsite.core.kernel import inner

ir = cgutils.ir  # type: ignore[attr-defined]  # numba's builder of instructions


@intrinsic
def _quarters(typingctx, x, q, whole):  # noqa: ARG001
    """Sums and sums of products of the first ``whole`` numbers, each by rest of four.

    In vector registers, which the compiler does not do by itself: the order of sums is its limit.
    """

    def codegen(context, builder, signature, args):
        vector = ir.VectorType(ir.DoubleType(), 4)
        data = [
            context.make_array(kind)(context, builder, value).data
            for kind, value in zip(signature.args[:2], args[:2], strict=True)
        ]
        sums = [cgutils.alloca_once_value(builder, ir.Constant(vector, None)) for _ in data]
        step = ir.Constant(args[2].type, 4)
        with cgutils.for_range_slice(
            builder, ir.Constant(step.type, 0), args[2], step, step.type, inc=True
        ) as (at, _):
            each, other = (
                builder.load(builder.bitcast(builder.gep(one, [at]), vector.as_pointer()), align=8)
                for one in data
            )
            for held, more in zip(sums, (each, builder.fmul(each, other)), strict=True):
                builder.store(builder.fadd(builder.load(held), more), held)
        parts = [
            builder.extract_element(builder.load(held), ir.Constant(ir.IntType(32), lane))
            for held in sums
            for lane in range(4)
        ]
        return context.make_tuple(builder, signature.return_type, parts)

    return types.UniTuple(types.float64, 8)(x, q, types.intp), codegen


@inner
def _sum_and_dot(x, q):
    """Sum, and sum of products, each in four partial sums."""
    whole = len(x) // 4 * 4
    a, b, c, d, e, f, g, h = _quarters(x, q, whole)
    for i in range(whole, len(x)):
        a += x[i]
        e += x[i] * q[i]
    return (a + b) + (c + d), (e + f) + (g + h)


@inner
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


@inner
def _add_quantities(layers, counted, start, combo, runs, tile, sums):
    """Add the quantities of the plan by combination and method."""
    for m in range(tile.of.shape[0]):
        for r in range(runs):
            lo, hi = tile.edges[r], tile.edges[r + 1]
            x, to = tile.of[m, X][lo:hi], sums[combo[lo], m]
            total, net = _sum_and_dot(x, tile.of[m, NET][lo:hi])
            if not total > 0.0:
                continue
            to[0] += total
            to[NET] += net
            for q in range(2, 4):  # cost, need: one call, so that one copy is compiled
                if counted[q]:
                    to[q] += _sum_and_dot(x, tile.of[m, q][lo:hi])[1]
            for q in range(layers.shape[0]):
                if counted[4 + q]:
                    layer, quantity = layers[q][start + lo : start + hi], tile.cell[QUANTITY]
                    for i in range(len(x)):
                        held = np.float64(layer[i])
                        quantity[i] = held if x[i] > 0.0 else 0.0
                    to[4 + q] += _sum_and_dot(x, quantity[: len(x)])[1]


@inner
def _add_arrivals(arriving, terms, start, combo, runs, tile, sums):
    """Add what arrives of the plan's tonnes by combination and method."""
    first = terms.counted.shape[0] - arriving.shape[0]
    for m in range(tile.of.shape[0]):
        for j in range(arriving.shape[0]):
            if not (terms.stored[m] > 0.0 and terms.counted[first + j]):
                continue
            for r in range(runs):
                lo, hi = tile.edges[r], tile.edges[r + 1]
                x, slot = tile.of[m, X][lo:hi], tile.best[slots_of(terms, m)][SLOT * PITCH :][lo:hi]
                storing, total = tile.of[m, STORING][lo:hi], 0.0
                for i in range(len(x)):
                    if x[i] > 0.0:
                        here = arriving[j, np.uint32(slot[i]), start + lo + i]
                        total += x[i] * storing[i] * here
                sums[combo[lo], m, first + j] += total


@inner
def _store(fields, terms, start, combo, size, tile, sink_sums):
    """Add what is stored to the sums, and the losses and costs of sinks to those of methods."""
    last, amount = -1, tile.cell[STORED]
    for m in range(tile.rows.shape[0]):
        if not terms.stored[m] > 0.0:
            continue
        of = slots_of(terms, m)
        if last >= 0 and last != of:
            slot = tile.best[last][SLOT * PITCH :]
            _add_stored(fields.sink, terms.group, start, combo, slot, size, amount, sink_sums)
        row, best, last = tile.rows[m], tile.best[of], of
        for i in range(np.uint64(size)):
            storing, stored = row[STORING_AT + i], amount[i]
            row[NET_AT + i] -= storing * best[SLOT_LOSS_AT + i]
            row[COST_AT + i] += storing * best[SLOT_COST_AT + i]
            amount[i] = stored + storing * row[X_AT + i]
    if last >= 0:
        slot = tile.best[last][SLOT * PITCH :]
        _add_stored(fields.sink, terms.group, start, combo, slot, size, amount, sink_sums)


@inner
def _keep(terms, tile, start, size, out):
    """Write the plan of a tile down."""
    for m in range(tile.of.shape[0]):
        slot = tile.best[slots_of(terms, m) if terms.stored[m] > 0.0 else m][SLOT * PITCH :]
        for i in range(size):
            out.x[m, start + i] = tile.of[m, X, i]
            out.slot[m, start + i] = np.int8(slot[i])
            out.value[m, start + i] = tile.of[m, VALUE, i]


@inner
def add_up(fields, terms, start, combo, runs, size, tile, out):
    """Add a tile's plan to the sums, and keep it where it is asked for."""
    if fields.sink.shape[0] > 0:
        _store(fields, terms, start, combo, size, tile, out.sink_sums)
    _add_quantities(fields.layers, terms.counted, start, combo, runs, tile, out.sums)
    if fields.arriving.shape[0] > 0:
        _add_arrivals(fields.arriving, terms, start, combo, runs, tile, out.sums)
    if out.x.shape[1] > 0:
        _keep(terms, tile, start - fields.first, size, out)
