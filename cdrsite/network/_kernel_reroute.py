"""Kernels of the local search: flow is moved round cycles while that makes a network cheaper.

``links`` are tail, head and least flow of each link, and the links that leave each node:
``out[at[v] : at[v + 1]]``, as 2 e forwards and 2 e + 1 backwards. ``money`` is first, fixed, slope,
high, step and step_cost: columns ``first[2 e : 2 e + 1]`` serve flow forwards through link e, the
next ones flow backwards, which is negative; each whole ``step`` begun costs ``step_cost``. ``desk``
is room to work: way, back, seen, queue, waits.
"""

from __future__ import annotations

import numpy as np

from cdrsite.core.kernel import inner, kernel


@inner
def link_cost(e, flow, money):  # type: ignore[no-untyped-def]
    """Cost of a flow through link e; inf where it is too much."""
    first, fixed, slope, high, step, step_cost = money
    size = abs(flow)
    if size <= 1e-9:
        return 0.0
    side = 2 * e if flow > 0 else 2 * e + 1
    best = np.inf
    for c in range(first[side], first[side + 1]):
        if size <= high[c] + 1e-9:
            best = min(best, fixed[c] + slope[c] * size)
    return best + np.ceil(size / step[e] - 1e-9) * step_cost[e]


@inner
def total_cost(flow, money):  # type: ignore[no-untyped-def]
    """Cost of all links together."""
    cost = 0.0
    for e in range(len(flow)):
        cost += link_cost(e, flow[e], money)
    return cost


@inner
def before(code, tail, head):  # type: ignore[no-untyped-def]
    """Node that a step comes from."""
    return tail[code >> 1] if code & 1 == 0 else head[code >> 1]


@inner
def trace(begin, goal, last, links, desk):  # type: ignore[no-untyped-def]
    """Write the way to ``goal``, or the cycle that step ``last`` closes where it is one.

    Gives the length of the way, or minus the length of the cycle; 0 where there is none.
    """
    tail, head = links[0], links[1]
    way, back = desk[0], desk[1]
    length, w = 0, goal
    if last >= 0:
        way[0] = last
        length, w = 1, before(last, tail, head)
    while w != (goal if last >= 0 else begin) and length < len(back):
        if back[w] < 0 or (last >= 0 and back[w] >> 1 == last >> 1):
            return 0
        way[length] = back[w]
        length += 1
        w = before(back[w], tail, head)
    return -length if last >= 0 else length


@inner
def closes(u, v, begin, links, desk):  # type: ignore[no-untyped-def]
    """Whether the way to u passes v."""
    back = desk[1]
    w, length = u, 0
    while w != begin and w != v and length < len(back):  # noqa: PLR1714 - compiled
        w = before(back[w], links[0], links[1])
        length += 1
    return w == v


@inner
def cheapest_way(begin, goal, amount, limit, banned, flow, links, money, desk):  # type: ignore[no-untyped-def]
    """Find the cheapest way of an amount from ``begin`` to ``goal``, or a cycle that saves money.

    Labels are corrected until none changes; those of ``limit`` or more are not followed. Gives the
    length of the way, minus that of a cycle, or 0 where there is none.
    """
    tail, head, low, at, out = links
    _, back, seen, queue, waits = desk
    n = len(seen)
    seen[:] = np.inf
    back[:] = -1
    waits[:] = False
    seen[begin] = 0.0
    queue[0] = begin
    start, size, steps = 0, 1, 0
    while size > 0 and steps < 40 * n:
        steps += 1
        u = queue[start]
        start = (start + 1) % n
        size -= 1
        waits[u] = False
        for i in range(at[u], at[u + 1]):
            code = out[i]
            e = code >> 1
            then = flow[e] + (amount if code & 1 == 0 else -amount)
            if e == banned or then < low[e] - 1e-9 or (back[u] >= 0 and back[u] >> 1 == e):
                continue
            v = head[e] if code & 1 == 0 else tail[e]
            found = seen[u] + link_cost(e, then, money) - link_cost(e, flow[e], money)
            if not found < min(seen[v], limit) - 1e-9:
                continue
            if closes(u, v, begin, links, desk):
                return trace(begin, v, code, links, desk)
            seen[v] = found
            back[v] = code
            if not waits[v]:
                waits[v] = True
                queue[(start + size) % n] = v
                size += 1
    return 0 if seen[goal] == np.inf else trace(begin, goal, -1, links, desk)


@inner
def shift(way, length, amount, flow):  # type: ignore[no-untyped-def]
    """Move an amount along a way."""
    for i in range(length):
        e = way[i] >> 1
        moved = flow[e] + (amount if way[i] & 1 == 0 else -amount)
        flow[e] = 0.0 if abs(moved) <= 1e-9 else moved


@inner
def amounts_of(e, size, forth, money, amounts):  # type: ignore[no-untyped-def]
    """Amounts whose leaving a link closes it, or brings it to a smaller size or a well less."""
    first, _, _, high, step, step_cost = money
    amounts[0] = size
    count = 1
    side = 2 * e if forth else 2 * e + 1
    for c in range(first[side], first[side + 1]):
        if high[c] < size - 1e-6 and count < len(amounts) - 1:
            amounts[count] = size - high[c]
            count += 1
    rest = size - step[e] * np.floor(size / step[e])
    if step_cost[e] > 0 and 1e-6 < rest < size - 1e-6:
        amounts[count] = rest
        count += 1
    return count


@inner
def relieve(e, amount, whatever, flow, links, money, desk):  # type: ignore[no-untyped-def]
    """Lead an amount round link e where that is cheaper, or ``whatever`` it costs.

    A cycle that saves money is used where one is found on the way.
    """
    tail, head, low = links[0], links[1], links[2]
    forth = flow[e] > 0
    less = flow[e] - amount if forth else flow[e] + amount
    if less < low[e] - 1e-9:
        return
    begin, goal = (tail[e], head[e]) if forth else (head[e], tail[e])
    saved = link_cost(e, flow[e], money) - link_cost(e, less, money)
    limit = np.inf if whatever else saved
    length = cheapest_way(begin, goal, amount, limit, e, flow, links, money, desk)
    if length < 0:
        shift(desk[0], -length, amount, flow)
    elif length > 0 and (whatever or desk[2][goal] < saved - 1e-7 * max(1.0, saved)):
        shift(desk[0], length, amount, flow)
        flow[e] = 0.0 if abs(less) <= 1e-9 else less


@inner
def descend(flow, links, money, desk, amounts, sweeps):  # type: ignore[no-untyped-def]
    """Relieve link after link while that makes the flow cheaper; gives its cost."""
    cost = total_cost(flow, money)
    for _ in range(sweeps):
        last = cost
        for e in range(len(flow)):
            size = abs(flow[e])
            if size <= 1e-9:
                continue
            for k in range(amounts_of(e, size, flow[e] > 0, money, amounts)):
                if abs(flow[e]) < amounts[k] - 1e-12:
                    break
                relieve(e, amounts[k], False, flow, links, money, desk)
        cost = total_cost(flow, money)
        if cost >= last - 1e-7 * max(1.0, abs(last)):
            break
    return cost


@kernel
def kick(flow, links, money, random, sweeps):  # type: ignore[no-untyped-def]
    """Descend; then close links by chance, descend again, and keep what is cheaper.

    ``flow`` is changed. ``random`` has shape (kicks, 4), each in [0, 1): up to three links are
    closed in a kick.
    """
    n, m = len(links[3]) - 1, len(flow)
    desk = (
        np.empty(n + 2, np.int64), np.empty(n, np.int64), np.empty(n, np.float64),
        np.empty(n, np.int64), np.empty(n, np.bool_),
    )  # fmt: skip
    amounts = np.empty(16, np.float64)
    cost = descend(flow, links, money, desk, amounts, sweeps)
    tried, used = np.empty(m, np.float64), np.empty(m, np.int64)
    for k in range(len(random)):
        tried[:] = flow
        for j in range(1 + int(3 * random[k, 3])):
            size = 0
            for e in range(m):
                if abs(tried[e]) > 1e-9:
                    used[size] = e
                    size += 1
            if size > 0:
                e = used[int(size * random[k, j])]
                relieve(e, abs(tried[e]), True, tried, links, money, desk)
        found = descend(tried, links, money, desk, amounts, sweeps)
        if found < cost - 1e-9 * max(1.0, abs(cost)):
            cost = found
            flow[:] = tried
    return cost
