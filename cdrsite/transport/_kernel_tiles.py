"""Compiled tile solver: relaxes labels in windows that stay in the cache, with SIMD row sweeps.

A window is a tile with a halo as wide as the longest move. It is copied to scratch and swept until
nothing changes: every row takes the best of the rows above it, then below it, one whole row at a
time (so the compiler can use vector instructions), then the same on the transposed window. Each
sweep direction uses the moves that are at least as steep as a diagonal; the flat ones are steep in
the transposed window. The inner part is written back; a neighbouring tile is put on the agenda
when a halo cell improved, with the improved label as its key.

The agenda is one array of keys, shared by all threads. A thread scans it for the least key and
takes the tiles within ``delta`` of it, each by an atomic swap; nobody waits for anybody. A tile
may be solved on a halo that another thread is lowering: it is then on the agenda again. Labels
only fall, and the fixed point is unique, so the order does not show in the result.

All scratch is one flat buffer with offsets known at compile time: the compiler then sees by itself
that the rows do not overlap.

One module: the solver and its agenda share one scratch buffer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from cdrsite.core.kernel import inner, kernel

S = 64  # side of a window [cells]
GUARD = 8  # columns of inf beside a scratch row
DEEP = 4  # rows of inf above and below: the longest move
L = S + 2 * GUARD  # length of a scratch row
H = (S + 2 * DEEP) * L  # length of a scratch field
FIRST = DEEP * L + GUARD  # first cell of a field
# fields of the scratch buffer: each followed by its transposed twin
LABEL, FRICTION, REGION, WEIGHT = 0, 2 * H, 4 * H, 6 * H
EDGES = 11  # most steep moves of a neighbourhood
TURN = EDGES * H  # from a weight field to that of the transposed window
UNIT = WEIGHT + 2 * TURN
SCRATCH = UNIT + 2 * EDGES * L
"""Length of the scratch buffer."""

NONE, LOST = -2, -3  # links of a cell without a label, and of one without an explanation

EMPTY = np.int32(0x7F800000)  # bits of float32 inf: a tile that is not on the agenda
LARGE = np.float32(3.0e38)
ir = cgutils.ir  # type: ignore[attr-defined]  # numba's builder of instructions
U = np.uint64  # index type: no test for negative indices in the inner loops


def _atomic(operation: str) -> Any:
    @intrinsic
    def swap(typingctx, array, index, value):  # type: ignore[no-untyped-def] # noqa: ARG001
        def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
            kind = signature.args[0]
            struct = context.make_array(kind)(context, builder, args[0])
            place = cgutils.get_item_pointer(
                context, builder, kind, struct, [args[1]], wraparound=False
            )
            number = context.cast(builder, args[2], signature.args[2], kind.dtype)
            return builder.atomic_rmw(operation, place, number, "seq_cst")

        return array.dtype(array, types.intp, value), codegen

    return swap


atomic_swap = _atomic("xchg")
atomic_min = _atomic("min")
atomic_add = _atomic("add")


@inner
def _load(buf, field, source, stride, row, col):  # type: ignore[no-untyped-def]
    """Copy a window of a grid to a field."""
    for r in range(S):
        at = (row + r) * stride + col
        b = field + FIRST + r * L
        for j in range(S):
            buf[U(b + j)] = source[U(at + j)]


@intrinsic
def _turn_block(typingctx, array, a, b):  # type: ignore[no-untyped-def] # noqa: ARG001
    """Write the 8 x 8 cells at ``a`` transposed to ``b``; not 0 if anything there changed.

    In vector registers: the halves, quarters and single cells of the rows change places.
    """

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        kind = signature.args[0]
        data = context.make_array(kind)(context, builder, args[0]).data
        vector = ir.VectorType(context.get_data_type(kind.dtype), 8)
        word = ir.IntType(32)
        align = kind.dtype.bitwidth // 8

        def place(at, row):  # type: ignore[no-untyped-def]
            cell = builder.gep(data, [builder.add(at, ir.Constant(at.type, row * L))])
            return builder.bitcast(cell, vector.as_pointer())

        def pick(first, second, lanes):  # type: ignore[no-untyped-def]
            mask = ir.Constant(ir.VectorType(word, 8), [ir.Constant(word, i) for i in lanes])
            return builder.shuffle_vector(first, second, mask)

        rows = [builder.load(place(args[1], i), align=align) for i in range(8)]
        for step in (4, 2, 1):
            low = [i - step + 8 if i & step else i for i in range(8)]
            high = [i + 8 if i & step else i + step for i in range(8)]
            rows = [
                pick(rows[i - step], rows[i], high)
                if i & step
                else pick(rows[i], rows[i + step], low)
                for i in range(8)
            ]
        changed = ir.Constant(ir.VectorType(ir.IntType(1), 8), None)
        for i, row in enumerate(rows):
            old = builder.load(place(args[2], i), align=align)
            changed = builder.or_(changed, builder.fcmp_unordered("!=", old, row))
            builder.store(row, place(args[2], i), align=align)
        return builder.zext(builder.bitcast(changed, ir.IntType(8)), ir.IntType(64))

    return types.int64(array, types.int64, types.int64), codegen


@inner
def _turn(buf, a, b):  # type: ignore[no-untyped-def]
    """Write field ``a`` transposed to field ``b``; whether anything in ``b`` changed."""
    changed = 0
    for i in range(0, S, 8):
        for j in range(0, S, 8):
            changed |= _turn_block(buf, a + FIRST + j * L + i, b + FIRST + i * L + j)
    return changed != 0


@inner
def _shares(buf, f, n, da, db, to):  # type: ignore[no-untyped-def]
    """One row of the sums of ``_kernel.cell_shares``, terms in the same order.

    ``f`` and ``n`` are the frictions at both ends of the row's moves, ``to`` takes the sums.
    """
    side = 1 if db > 0 else -1
    if da == 1:
        for j in range(S):
            buf[U(to + j)] = buf[U(f + j)] + buf[U(n + j)]
    elif da == 2:
        for j in range(S):
            ends = buf[U(f + j)] + buf[U(n + j)]
            buf[U(to + j)] = ends + (buf[U(f - L + j)] + buf[U(n + L + j)])
    elif da == 4:
        for j in range(S):
            outer = buf[U(f - L + j)] + buf[U(n + L + j)]
            inner = buf[U(f - 2 * L + j)] + buf[U(n + 2 * L + j)]
            buf[U(to + j)] = (buf[U(f + j)] + buf[U(n + j)]) + (outer + outer) + inner
    elif db == side:
        for j in range(S):
            outer = buf[U(f - L + j)] + buf[U(n + L + j)]
            buf[U(to + j)] = (buf[U(f + j)] + buf[U(n + j)]) + (outer + outer)
    else:
        for j in range(S):
            ends = buf[U(f + j)] + buf[U(n + j)]
            outer = buf[U(f - L + j)] + buf[U(n + L + j)]
            inner = buf[U(f - L - side + j)] + buf[U(n + L + side + j)]
            buf[U(to + j)] = (ends + ends) + outer + (inner + inner + inner)


@inner
def _close(buf, first, second, to):  # type: ignore[no-untyped-def]
    """One row: inf where both side cells of a corner are barriers."""
    for j in range(S):
        least = min(buf[U(first + j)], buf[U(second + j)])
        buf[U(to + j)] = least if least == np.inf else buf[U(to + j)]


@inner
def _weights(buf, o, e, da, db, strict, masked):  # type: ignore[no-untyped-def]
    """Costs of the moves from (r - da, j - db) to (r, j) of the window, in weight field ``e``.

    ``o`` is 0 for the window and 1 for the transposed one. Moves from outside the window take
    the inf of the guards.
    """
    for r in range(da, S):
        b = FIRST + r * L
        f = FRICTION + o * H + b
        n = f - da * L - db
        w = WEIGHT + o * TURN + e * H + b
        _shares(buf, f, n, da, db, w)
        if strict and da == 1 and db != 0:
            _close(buf, f - db, n + db, w)
        if strict and da == 3 and abs(db) == 1:
            _close(buf, f - L - db, n + L + db, w)
        # the length goes by the northern row: one for all of a row, along the lanes if turned
        if o == 0:
            unit = buf[UNIT + e * L + r - da]
            for j in range(S):
                buf[U(w + j)] = unit * buf[U(w + j)]
        else:
            u = UNIT + (EDGES + e) * L + GUARD - max(db, 0)
            for j in range(S):
                buf[U(w + j)] = buf[U(u + j)] * buf[U(w + j)]
        if masked:
            g = REGION + o * H + b
            m = g - da * L - db
            for j in range(S):
                same = buf[U(g + j)] == buf[U(m + j)]
                buf[U(w + j)] = buf[U(w + j)] if same else buf.dtype.type(np.inf)


@inner
def _down(buf, o, edges):  # type: ignore[no-untyped-def]
    """Each row of the window takes the best of the rows above it, from the top."""
    for r in range(S):
        b = LABEL + o * H + FIRST + r * L
        w = WEIGHT + o * TURN + FIRST + r * L
        if edges == 3:
            for j in range(S):
                v = buf[U(b + j)]
                v = min(v, buf[U(b - L + j)] + buf[U(w + j)])
                v = min(v, buf[U(b - L - 1 + j)] + buf[U(w + H + j)])
                v = min(v, buf[U(b - L + 1 + j)] + buf[U(w + 2 * H + j)])
                buf[U(b + j)] = v
        else:
            for j in range(S):
                v = buf[U(b + j)]
                v = min(v, buf[U(b - L + j)] + buf[U(w + j)])
                v = min(v, buf[U(b - L - 1 + j)] + buf[U(w + H + j)])
                v = min(v, buf[U(b - L + 1 + j)] + buf[U(w + 2 * H + j)])
                v = min(v, buf[U(b - 2 * L - 1 + j)] + buf[U(w + 3 * H + j)])
                v = min(v, buf[U(b - 2 * L + 1 + j)] + buf[U(w + 4 * H + j)])
                buf[U(b + j)] = v
        if edges == EDGES:
            for j in range(S):
                v = buf[U(b + j)]
                v = min(v, buf[U(b - 4 * L - 1 + j)] + buf[U(w + 5 * H + j)])
                v = min(v, buf[U(b - 4 * L + 1 + j)] + buf[U(w + 6 * H + j)])
                v = min(v, buf[U(b - 3 * L - 2 + j)] + buf[U(w + 7 * H + j)])
                v = min(v, buf[U(b - 3 * L + 2 + j)] + buf[U(w + 8 * H + j)])
                v = min(v, buf[U(b - 3 * L - 1 + j)] + buf[U(w + 9 * H + j)])
                v = min(v, buf[U(b - 3 * L + 1 + j)] + buf[U(w + 10 * H + j)])
                buf[U(b + j)] = v


@inner
def _up(buf, o, edges):  # type: ignore[no-untyped-def]
    """Each row of the window takes the best of the rows below it, from the bottom."""
    for k in range(S):
        r = S - 1 - k
        b = LABEL + o * H + FIRST + r * L
        w = WEIGHT + o * TURN + FIRST + r * L
        if edges == 3:
            for j in range(S):
                v = buf[U(b + j)]
                v = min(v, buf[U(b + L + j)] + buf[U(w + L + j)])
                v = min(v, buf[U(b + L + 1 + j)] + buf[U(w + L + 1 + H + j)])
                v = min(v, buf[U(b + L - 1 + j)] + buf[U(w + L - 1 + 2 * H + j)])
                buf[U(b + j)] = v
        else:
            for j in range(S):
                v = buf[U(b + j)]
                v = min(v, buf[U(b + L + j)] + buf[U(w + L + j)])
                v = min(v, buf[U(b + L + 1 + j)] + buf[U(w + L + 1 + H + j)])
                v = min(v, buf[U(b + L - 1 + j)] + buf[U(w + L - 1 + 2 * H + j)])
                v = min(v, buf[U(b + 2 * L + 1 + j)] + buf[U(w + 2 * L + 1 + 3 * H + j)])
                v = min(v, buf[U(b + 2 * L - 1 + j)] + buf[U(w + 2 * L - 1 + 4 * H + j)])
                buf[U(b + j)] = v
        if edges == EDGES:
            for j in range(S):
                v = buf[U(b + j)]
                v = min(v, buf[U(b + 4 * L + 1 + j)] + buf[U(w + 4 * L + 1 + 5 * H + j)])
                v = min(v, buf[U(b + 4 * L - 1 + j)] + buf[U(w + 4 * L - 1 + 6 * H + j)])
                v = min(v, buf[U(b + 3 * L + 2 + j)] + buf[U(w + 3 * L + 2 + 7 * H + j)])
                v = min(v, buf[U(b + 3 * L - 2 + j)] + buf[U(w + 3 * L - 2 + 8 * H + j)])
                v = min(v, buf[U(b + 3 * L + 1 + j)] + buf[U(w + 3 * L + 1 + 9 * H + j)])
                v = min(v, buf[U(b + 3 * L - 1 + j)] + buf[U(w + 3 * L - 1 + 10 * H + j)])
                buf[U(b + j)] = v


@inner
def _settle(buf, edges):  # type: ignore[no-untyped-def]
    """Sweep the window and its transposed twin in turn until neither changes anything."""
    _down(buf, 0, edges)
    _up(buf, 0, edges)
    _turn(buf, LABEL, LABEL + H)
    quiet = 0
    o = 1
    while quiet < 2:
        _down(buf, o, edges)
        _up(buf, o, edges)
        changed = _turn(buf, LABEL + o * H, LABEL + (1 - o) * H)
        quiet = 0 if changed else quiet + 1
        o = 1 - o


@inner
def _cross(buf, o, e, edge, codes, price, row, col):  # type: ignore[no-untyped-def]
    """Add to weight field ``e`` what its moves cross.

    ``edge`` is the direction of their stored edges, and where these start from a window's cell:
    that of the move's lower end, in the turned window that of its right end.
    """
    d, top, left = edge[0], row + edge[1], col + edge[2]
    first, last = max(0, -left), min(S, codes.shape[2] - left)
    down, along = (L, 1) if o == 0 else (1, L)
    w = WEIGHT + o * TURN + e * H + FIRST
    for r in range(max(0, -top), min(S, codes.shape[1] - top)):
        line = codes[d, top + r]
        some = line[0] & 0
        for j in range(first, last):  # most rows cross nothing
            some |= line[U(left + j)]
        if some == 0:
            continue
        for j in range(first, last):
            code = line[U(left + j)]
            if code != 0:
                buf[U(w + r * down + j * along)] += price[U(code)]


@inner
def _prepare(buf, friction, region, unit, steep, stride, row, col, strict, crossed):  # type: ignore[no-untyped-def]
    """Load the frictions of a window and work out the costs of its moves.

    ``crossed`` is (stored edge of each steep move and its turned twin, codes, price): see
    ``labels.Crossed``. Without codes nothing is crossed.
    """
    edge, codes, price = crossed
    crosses = codes.size > 0
    _load(buf, FRICTION, friction, stride, row, col)
    _turn(buf, FRICTION, FRICTION + H)
    masked = region.size > 1
    if masked:
        _load(buf, REGION, region, stride, row, col)
        _turn(buf, REGION, REGION + H)
    for e in range(steep.shape[0]):
        for o in range(2):
            kind = steep[e, 2 + o]
            at = UNIT + (o * EDGES + e) * L + o * GUARD
            for j in range(S):
                buf[at + j] = unit[kind, row + j]
            _weights(buf, o, e, steep[e, 0], steep[e, 1], strict, masked)
            if crosses:
                _cross(buf, o, e, edge[e, o], codes, price, row, col)


@inner
def _announce(buf, label, stride, row, col, r0, r1, c0, c1, pending, tile):  # type: ignore[no-untyped-def]
    """Put a neighbouring tile on the agenda if its cells in the window's halo improved."""
    best = buf.dtype.type(np.inf)
    for r in range(r0, r1):
        b = FIRST + r * L
        at = (row + r) * stride + col
        for j in range(c0, c1):
            v = buf[U(b + j)]
            if v < label[U(at + j)]:
                best = min(best, v)
    if best < np.inf:
        key = np.empty(1, np.float32)
        key[0] = min(np.float32(best), LARGE)
        atomic_min(pending, tile, key.view(np.int32)[0])


@inner
def _solve_tile(buf, label, stride, tile, across, pad, edges, pending):  # type: ignore[no-untyped-def]
    """Relax one tile: sweep its prepared window, write it back, announce what improved."""
    inner = S - 2 * pad
    row, col = (tile // across) * inner, (tile % across) * inner
    _load(buf, LABEL, label, stride, row, col)
    _settle(buf, edges)
    for r in range(pad, S - pad):
        b = FIRST + r * L
        at = (row + r) * stride + col
        for j in range(pad, S - pad):
            label[U(at + j)] = buf[U(b + j)]
    cuts = (0, pad, S - pad, S)
    for a in range(3):
        for b in range(3):
            if a != 1 or b != 1:
                other = tile + (a - 1) * across + b - 1
                _announce(
                    buf, label, stride, row, col, cuts[a], cuts[a + 1], cuts[b], cuts[b + 1],
                    pending, other,
                )  # fmt: skip


@kernel
def first_agenda(label, stride, across, pad, pending):  # type: ignore[no-untyped-def]
    """Put every tile that holds a label on the agenda, with its least label as key."""
    keys = pending.view(np.float32)
    inner = S - 2 * pad
    for tile in range(pending.size):
        row, col = (tile // across) * inner + pad, (tile % across) * inner + pad
        best = label.dtype.type(np.inf)
        for r in range(row, row + inner):
            for j in range(col, col + inner):
                best = min(best, label[U(r * stride + j)])
        if best < np.inf:
            keys[tile] = min(np.float32(best), LARGE)


@kernel
def work(  # type: ignore[no-untyped-def]
    label,
    friction,
    region,
    unit,
    steep,
    stride,
    across,
    pad,
    strict,
    crossed,
    delta,
    agenda,
    me,
    buf,
):
    """Take tiles off the agenda and solve them until it is empty: the life of one thread.

    ``agenda`` is (keys, busy flags, [number of tiles in work]), shared by the threads. Returns
    False if there is nothing to take but other threads still work: call again a little later.
    """
    pending, busy, active = agenda
    keys = pending.view(np.float32)
    edges = steep.shape[0]
    inner = S - 2 * pad
    count = pending.size
    prepared = -1
    while True:
        least = np.float32(np.inf)
        for tile in range(count):
            least = min(least, keys[tile])
        if least == np.inf:
            return atomic_add(active, 0, np.int32(0)) == 0
        bound = least + delta
        for i in range(count):
            tile = (i + me) % count
            if keys[tile] > bound or atomic_swap(busy, tile, np.int32(1)) == 1:
                continue
            atomic_add(active, 0, np.int32(1))
            if atomic_swap(pending, tile, EMPTY) != EMPTY:
                if tile != prepared:
                    row, col = (tile // across) * inner, (tile % across) * inner
                    _prepare(buf, friction, region, unit, steep, stride, row, col, strict, crossed)
                    prepared = tile
                _solve_tile(buf, label, stride, tile, across, pad, edges, pending)
            atomic_swap(busy, tile, np.int32(0))
            atomic_add(active, 0, np.int32(-1))


@inner
def _match(buf, o, e, da, db, there, back):  # type: ignore[no-untyped-def]
    """Note which cells have their label by the moves of weight field ``e``, lowest number first.

    ``there`` is the number of the move to (r - da, j - db), ``back`` that of its opposite. The
    notes replace the regions, which the prepared weights have already taken in.
    """
    for r in range(S):
        b = LABEL + o * H + FIRST + r * L
        w = WEIGHT + o * TURN + e * H + FIRST + r * L
        c = REGION + o * H + FIRST + r * L
        n = b - da * L - db
        m = b + da * L + db
        v = w + da * L + db
        for j in range(S):
            own = buf[U(b + j)]
            far, near = buf[U(n + j)], buf[U(m + j)]
            code = buf[U(c + j)]
            hit = (far + buf[U(w + j)] == own) & (far < own)
            code = min(code, there) if hit else code
            hit = (near + buf[U(v + j)] == own) & (near < own)
            code = min(code, back) if hit else code
            buf[U(c + j)] = code


@kernel
def link_tiles(  # type: ignore[no-untyped-def]
    label,
    friction,
    region,
    unit,
    steep,
    numbers,
    stride,
    across,
    pad,
    strict,
    crossed,
    tiles,
    buf,
    link,
):
    """Back-links of the tiles ``tiles`` [0, 1): see ``_kernel.link_moves``, for one region.

    ``numbers[e, o]`` are the numbers of a steep move and its opposite. Cells that no move
    explains get ``LOST``.
    """
    inner = S - 2 * pad
    for tile in range(tiles[0], tiles[1]):
        row, col = (tile // across) * inner, (tile % across) * inner
        _load(buf, LABEL, label, stride, row, col)
        _prepare(buf, friction, region, unit, steep, stride, row, col, strict, crossed)
        _turn(buf, LABEL, LABEL + H)
        for at in range(REGION, REGION + 2 * H):
            buf[at] = np.inf
        for e in range(steep.shape[0]):
            da, db = steep[e, 0], steep[e, 1]
            for o in range(2):
                if o == 0 or da > 1 or db == 0:  # diagonals are the same moves when turned
                    _match(buf, o, e, da, db, numbers[e, o, 0], numbers[e, o, 1])
        for r in range(pad, S - pad):
            a = FIRST + r * L
            at = (row + r) * stride + col
            for j in range(pad, S - pad):
                code = min(buf[REGION + a + j], buf[REGION + H + FIRST + j * L + r])
                if buf[LABEL + a + j] == np.inf:
                    link[at + j] = NONE
                elif code == np.inf:
                    link[at + j] = LOST
                else:
                    link[at + j] = np.int8(code)
