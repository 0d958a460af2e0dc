"""A problem of some of its methods: cells, rows and supplies without those that take no part.

What a method can do at most depends on the others only where one of them brings what it needs. A
problem without the rest has the same optimum, fewer methods to sweep, and nothing in it of what the
rest would be: so it is the same problem whatever the rest is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cdrsite.competition.problem import CellBlock, PoolFamily, Problem
from cdrsite.competition.rows import blocks
from cdrsite.competition.sameplaces import SamePlaces

I64 = npt.NDArray[np.int64]


def who_brings(problem: Problem, method: str) -> tuple[str, ...]:
    """A method, and those without which it might be able to do less, in the problem's order.

    Rows of policy and what is sold or captured do not count. Another method belongs to it where it
    gives to a pool, or to a supply of the cells, that the method or one of its givers takes from,
    or that has less than nothing.
    """
    flows = _flows(problem)
    needed = {method} | {giver for _, givers, short in flows if short for giver in givers}
    while True:
        more = {one for takers, givers, _ in flows if takers & needed for one in givers}
        if more <= needed:
            return tuple(name for name in problem.method_names if name in needed)
        needed |= more


def _flows(problem: Problem) -> list[tuple[set[str], set[str], bool]]:
    """Of each pool and each supply of the cells: who takes, who gives, whether it is below 0."""
    least, most = _reach(problem)
    found = []
    for pool in problem.pools:
        sides = {
            name: (pool.sign * least.get(need, need), pool.sign * most.get(need, need))
            for name, need in pool.need.items()
        }
        takers, givers = _sides(sides)
        if pool.at_sinks is not None:
            takers |= {one.name for one in problem.methods if one.stored > 0.0}
        found.append((takers, givers, _short(pool)))
    for row in problem.local_need:
        each = zip(problem.method_names, row, strict=True)
        takers, givers = _sides({m: (least.get(one, one), most.get(one, one)) for m, one in each})
        found.append((takers, givers, False))
    return found


def _sides(sides: dict[str, tuple[Any, Any]]) -> tuple[set[str], set[str]]:
    """Methods that may take, and those that may give."""
    takers = {name for name, ends in sides.items() if max(ends) > 0.0}
    return takers, {name for name, ends in sides.items() if min(ends) < 0.0}


def _short(pool: PoolFamily) -> bool:
    return bool((np.asarray(pool.supply) < 0.0).any())


def _reach(problem: Problem) -> tuple[dict[Any, float], dict[Any, float]]:
    """Least and most of the cells' layers that needs are given by."""
    needs = {need for pool in problem.pools for need in pool.need.values()}
    needs |= {need for row in problem.local_need for need in row}
    rows = [i for i, name in enumerate(problem.layers) if name in needs]
    least, most = np.zeros(len(rows)), np.zeros(len(rows))
    for start, stop in blocks(problem.cells.n_cells if rows else 0):
        values = np.nan_to_num(problem.cells.read(start, stop).layers[rows])
        np.minimum(least, values.min(axis=1), out=least)
        np.maximum(most, values.max(axis=1), out=most)
    names = [problem.layers[i] for i in rows]
    low, high = (dict(zip(names, one.tolist(), strict=True)) for one in (least, most))
    return low, high


def of_methods(problem: Problem, names: Collection[str]) -> Problem:
    """What a problem is of some of its methods alone, without rules, sales and emitters.

    Pools that none of them takes from are left out: they cannot bind.
    """
    keep = [i for i, name in enumerate(problem.method_names) if name in names]
    pools = []
    for pool, (takers, _, short) in zip(problem.pools, _flows(problem), strict=False):
        if short or takers & set(names):
            need = {name: one for name, one in pool.need.items() if name in names}
            scale = {name: one for name, one in pool.scale.items() if name in names}
            pools.append(replace(pool, need=need, scale=scale))
    local = [[row[i] for i in keep] for row in problem.local_need]
    seasonal = [one for one in problem.seasonal if one.method in names]
    asked = {need for pool in pools for need in pool.need.values()}
    asked |= {need for row in local for need in row} | {one.capital for one in seasonal}
    layers = [i for i, name in enumerate(problem.layers) if name in asked]
    lands = [replace(one, weight=[one.weight[i] for i in keep]) for one in problem.land_rows]
    return replace(
        problem,
        cells=SomeMethods(problem.cells, keep, layers),
        methods=[problem.methods[i] for i in keep],
        pools=pools,
        policies=(),
        layers=[problem.layers[i] for i in layers],
        arrivals=(),
        local_need=local,
        zonings=(),
        sales=(),
        land_rows=lands,
        captures=None,
        seasonal=seasonal,
    )


@dataclass(frozen=True, eq=False)
class SomeMethods(SamePlaces):
    """Cells with some of their methods and layers.

    Parameters
    ----------
    methods, layers : sequence of int
        Which are kept; arrivals are not.
    """

    methods: Sequence[int]
    layers: Sequence[int]

    def read(self, start: int, stop: int) -> CellBlock:
        """Cells ``start`` to ``stop``."""
        cells = self.source.read(start, stop)
        per_method = ("upper", "net", "cost", "need", "lower", "stored_ratio")
        parts = {name: getattr(cells, name)[list(self.methods)] for name in per_method}
        layers = cells.layers[list(self.layers)]
        return replace(cells, **parts, layers=layers, arriving=np.empty((0, 0, 0)))


def content_of(problem: Problem) -> tuple[Any, ...]:
    """All that a problem's plan depends on, as texts and arrays."""
    count, zonings = problem.cells.n_cells, {pool.zoning: None for pool in problem.pools}
    zonings |= {row.zoning: None for row in problem.policies if row.zoning is not None}
    zonings |= dict.fromkeys(problem.zonings)
    zones = {name: problem.cells.zones(name, 0, count) for name in zonings}
    given = {f.name: getattr(problem, f.name) for f in fields(problem) if f.name != "cells"}
    return tuple(_plain([given, zones, problem.cells.read(0, count)]))


def _plain(value: Any) -> Iterator[Any]:
    """A value in pieces that say all of it."""
    if isinstance(value, np.ndarray):
        yield value
    elif is_dataclass(value):
        yield type(value).__name__
        yield from _plain({one.name: getattr(value, one.name) for one in fields(value)})
    elif isinstance(value, dict):
        yield f"{len(value)} by name"
        for name, item in value.items():
            yield repr(name)
            yield from _plain(item)
    elif isinstance(value, list | tuple):
        yield f"{len(value)} in order"
        for item in value:
            yield from _plain(item)
    else:
        yield repr(value)
