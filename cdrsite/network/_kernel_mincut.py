"""Kernel of the maximum flow between two nodes, and of the node set that its minimum cut leaves."""

from __future__ import annotations

import numpy as np

from cdrsite.core.kernel import inner, kernel


@inner
def levels(first, link, head, room, start, least, level, queue):  # type: ignore[no-untyped-def]
    """Number the nodes by their distance from ``start`` along links with room; -1 out of reach."""
    level[:] = -1
    level[start] = 0
    queue[0] = start
    size, k = 1, 0
    while k < size:
        v = queue[k]
        k += 1
        for i in range(first[v], first[v + 1]):
            w = head[link[i]]
            if room[link[i]] > least and level[w] < 0:
                level[w] = level[v] + 1
                queue[size] = w
                size += 1


@inner
def push(path, depth, room, least):  # type: ignore[no-untyped-def]
    """Send the most along a path; gives that, and where on the path the first link is full."""
    most = np.inf
    for i in range(depth):
        most = min(most, room[path[i]])
    back = 0
    for i in range(depth - 1, -1, -1):
        e = path[i]
        room[e] -= most
        room[e ^ 1] += most
        if room[e] <= least:
            back = i
    return most, back


@kernel
def min_cut(first, link, head, room, start, end, least, inside):  # type: ignore[no-untyped-def]
    """Send the most from ``start`` to ``end``; gives how much, and what it can still reach.

    ``link[first[v] : first[v + 1]]`` are the links that leave node v; link k ends in ``head[k]``,
    has ``room[k]`` left, which is changed, and ``k ^ 1`` is the same link backwards. Rooms up to
    ``least`` count as none. ``inside`` marks what can be reached from ``start`` at the end.
    Shortest augmenting paths by levels (Dinic 1970).
    """
    n = len(first) - 1
    level, queue = np.empty(n, np.int64), np.empty(n, np.int64)
    turn, path = np.empty(n, np.int64), np.empty(n, np.int64)
    total = 0.0
    while True:
        levels(first, link, head, room, start, least, level, queue)
        if level[end] < 0:
            break
        turn[:] = first[:-1]
        depth, v = 0, start
        while True:
            if v == end:
                sent, depth = push(path, depth, room, least)
                total += sent
                v = head[path[depth] ^ 1]
            while turn[v] < first[v + 1]:
                e = link[turn[v]]
                if room[e] > least and level[head[e]] == level[v] + 1:
                    break
                turn[v] += 1
            if turn[v] < first[v + 1]:
                path[depth] = link[turn[v]]
                depth += 1
                v = head[path[depth - 1]]
            elif depth == 0:
                break
            else:
                depth -= 1
                v = head[path[depth] ^ 1]
                turn[v] += 1
    for v in range(n):
        inside[v] = level[v] >= 0
    return total
