"""Distance block by block: the same bytes as over the whole grid, also after being stopped."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from cdrsite.core.errors import DataError
from cdrsite.core.grid import Block
from cdrsite.engine.arrays import DiskStore
from cdrsite.testing.routes import least_cost_blocks
from cdrsite.transport.blockroutes import RankArrays
from cdrsite.transport.distance import DistanceResult, Sources, least_cost
from cdrsite.transport.frames import Blocking, Framed, cut

TYPES = {"label": "f4", "sink": "i4", "link": "i1", "progress": "i4", "cost": "f4", "km": "f4"}


def maze(shape: tuple[int, int], seed: int = 5) -> tuple[np.ndarray, Sources]:
    rng = np.random.default_rng(seed)
    friction = rng.uniform(1, 10, shape).astype(np.float32)
    friction[rng.random(shape) < 0.2] = np.inf
    friction[10, 3:] = np.inf  # the way to the top leads along the whole edge
    at = rng.permutation(np.flatnonzero(np.isfinite(friction)))[:7]
    ids = np.array([4, 4, 9, 11, 2, 2, 30])
    start = np.array([0, 0, 3, 0, 0, 1, 0.0])
    return friction, Sources.of(at // shape[1], at % shape[1], ids, start)


def arrays(kind: str, k: int, shape: tuple[int, int], folder: Path) -> dict[str, Any]:
    def one(name: str, dtype: str) -> Any:
        size = (1, 1) if name == "progress" else (k, *shape)
        if kind == "memory":
            return np.zeros(size, dtype)
        if kind == "memmap":
            return np.memmap(folder / name, dtype, "w+", shape=size)
        if kind == "store":
            return DiskStore(folder / "store", 33).create(name, size, dtype)
        return zarr.create_array(
            folder / name, shape=size, dtype=dtype, chunks=(1, 40, 40)[-len(size) :], zarr_format=2
        )

    return {name: one(name, dtype) for name, dtype in TYPES.items()}


def by_blocks(
    where: dict[str, Any], friction: Any, steps: Any, sources: Sources, **options: Any
) -> int:
    found = RankArrays(where["label"], where["sink"], where["link"], where["progress"])
    sums = where["cost"], where["km"]
    return least_cost_blocks(friction, steps, sources, found, sums, **options)


def require_same(where: dict[str, Any], whole: DistanceResult) -> None:
    pairs = {"cost": whole.cost, "km": whole.length_km, "sink": whole.sink, "link": whole.link}
    for name, expected in pairs.items():
        got = np.asarray(where[name][:])
        assert got.tobytes() == np.asarray(expected).astype(got.dtype).tobytes(), name


SHAPE = (140, 117)
STEPS = (np.linspace(900, 1300, SHAPE[0]), 1000.0)


@cache
def at_once(neighbours: int, k: int) -> tuple[Any, Sources, dict[str, Any], DistanceResult]:
    """Friction, sources, options and the answer without blocks."""
    friction, sources = maze(SHAPE)
    bill = np.where(np.isfinite(friction), 2.0 + np.arange(SHAPE[1]), np.inf).astype(np.float32)
    options = {"neighbours": neighbours, "billed": bill}
    return friction, sources, options, least_cost(friction, STEPS, sources, k=k, **options)


WAYS = [(33, 8, 1), (33, 8, 3), (50, 16, 2), (50, 40, 3), (64, 40, 1), (64, 16, 3), (500, 16, 2)]
"""Cells of a block to a side, neighbours of a cell, and sinks of a cell."""
KINDS = ["memory", "memmap", "zarr", "store"]


def ways_and_kinds() -> list[Any]:
    """Every way every day in memory; of several sinks, chunks on disk with the slow tests."""
    return [
        pytest.param(*way, kind, marks=[pytest.mark.slow] if late else [])
        for way, kind in product(WAYS, KINDS)
        for late in [kind in ("zarr", "store") and way[-1] > 1 and way[0] < max(SHAPE)]
    ]


@pytest.mark.parametrize(("block", "neighbours", "k", "kind"), ways_and_kinds())
def test_blocks_equal_the_whole(
    kind: str, block: int, neighbours: int, k: int, tmp_path: Path
) -> None:
    friction, sources, options, whole = at_once(neighbours, k)
    where = arrays(kind, k, SHAPE, tmp_path)
    threads = 2 if kind in ("memory", "memmap") or (block == 33 and kind == "store") else 1
    by_blocks(where, friction, STEPS, sources, block=block, threads=threads, **options)
    require_same(where, whole)


@settings(max_examples=examples(40), deadline=None)
@given(
    data=st.data(),
    rows=st.integers(1, 23),
    cols=st.integers(1, 23),
    block=st.integers(4, 13),
    neighbours=st.sampled_from([8, 16, 40]),
    k=st.integers(1, 3),
)
def test_any_small_maze_in_any_blocks(
    data: Any, rows: int, cols: int, block: int, neighbours: int, k: int
) -> None:
    """Few different frictions give ties; the order of the moves decides, not the blocks."""
    values = st.sampled_from([1.0, 1.0, 2.0, 5.0, np.inf, np.nan])
    cells = data.draw(st.lists(values, min_size=rows * cols, max_size=rows * cols))
    friction = np.array(cells, np.float32).reshape(rows, cols)
    at = np.array(data.draw(st.lists(st.integers(0, friction.size - 1), min_size=1, max_size=6)))
    friction.flat[at] = 1.0
    sinks = data.draw(st.lists(st.integers(0, 3), min_size=at.size, max_size=at.size))
    costs = data.draw(st.lists(st.sampled_from([0, 2]), min_size=at.size, max_size=at.size))
    sources = Sources.of(at // cols, at % cols, np.array(sinks), np.array(costs, float))
    whole = least_cost(friction, (1000.0, 900.0), sources, neighbours=neighbours, k=k)
    where = arrays("memory", k, friction.shape, Path())
    options: Any = {"neighbours": neighbours, "block": block}
    by_blocks(where, friction, (1000.0, 900.0), sources, **options)
    require_same(where, whole)


class StoppedError(Exception):
    """The run was killed."""


class Fragile:
    """An array that fails after some writes, which its family shares."""

    def __init__(self, array: Any, left: Iterator[int]) -> None:
        self.array, self.left = array, left
        self.shape, self.dtype = array.shape, array.dtype

    def __getitem__(self, key: Any) -> Any:
        return self.array[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        if next(self.left, None) is None:
            raise StoppedError
        self.array[key] = value


@pytest.mark.parametrize("share", [0, 0.05, 0.2, 0.27, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99])
def test_a_stopped_run_goes_on_to_the_same_bytes(share: float, tmp_path: Path) -> None:
    shape = (70, 65)
    friction, sources = maze(shape)
    whole = least_cost(friction, (1000.0, 1000.0), sources, k=3)
    plenty = iter(range(9999))
    counted = arrays("memory", 3, shape, tmp_path)
    fragile = {name: Fragile(array, plenty) for name, array in counted.items()}
    by_blocks(fragile, friction, (1000.0, 1000.0), sources, block=33)
    left = iter(range(int(share * next(plenty))))
    where = arrays("store", 3, shape, tmp_path)
    fragile = {name: Fragile(array, left) for name, array in where.items()}
    with pytest.raises(StoppedError):
        by_blocks(fragile, friction, (1000.0, 1000.0), sources, block=33)
    by_blocks(where, friction, (1000.0, 1000.0), sources, block=33)
    require_same(where, whole)


def test_a_finished_solution_is_not_solved_again(tmp_path: Path) -> None:
    friction, sources = maze((40, 50))
    where = arrays("memory", 2, (40, 50), tmp_path)
    assert by_blocks(where, friction, (1.0, 1.0), sources, block=20) > 0
    assert by_blocks(where, friction, (1.0, 1.0), sources, block=20) == 0


def test_windows_have_their_neighbours_around_them() -> None:
    values = np.arange(9.0 * 11).reshape(9, 11)
    grid = Blocking((9, 11), 2, 4)
    frame = Framed(grid, values, -1.0)
    for number in range(len(grid)):
        frame.load(number)
    around = np.pad(values, 2, constant_values=-1)
    for number in range(len(grid)):
        block = grid.at(number)
        expected = around[block.row0 : block.row1 + 4, block.col0 : block.col1 + 4]
        np.testing.assert_array_equal(frame.read(number), expected)


def test_a_block_is_cut_into_parts_that_cover_it() -> None:
    parts = list(cut(Block(4, 9, 0, 3), 4))
    assert parts == [Block(4, 8, 0, 3), Block(8, 9, 0, 3)]


@pytest.mark.parametrize(
    ("at", "value", "text"),
    [
        ((0, 9), 1.0, "sink 5 lies outside"),
        ((0, 1), 1.0, "barriers"),
        ((0, 0), -1.0, "negative"),
    ],
)
def test_bad_input_is_refused(at: tuple[int, int], value: float, text: str, tmp_path: Path) -> None:
    friction = np.array([[1, np.inf, 1], [value, 1, 1]])
    where = arrays("memory", 1, (2, 3), tmp_path)
    with pytest.raises(DataError, match=text):
        by_blocks(where, friction, (1.0, 1.0), Sources.of([at[0]], [at[1]], [5]))


def test_more_bad_input_is_refused(tmp_path: Path) -> None:
    shut = np.full((2, 3), np.inf)
    one = Sources.of([0], [0], [5])
    with pytest.raises(DataError, match="no passable cell"):
        by_blocks(arrays("memory", 1, (2, 3), tmp_path), shut, (1.0, 1.0), one)
    plain = np.ones((2, 3))
    with pytest.raises(DataError, match="smaller than a move"):
        by_blocks(arrays("memory", 1, (2, 3), tmp_path), plain, (1.0, 1.0), one, block=1)
    with pytest.raises(DataError, match="billed surface"):
        bill = np.array([[1, 1, 1], [1, np.nan, 1]])
        by_blocks(arrays("memory", 1, (2, 3), tmp_path), plain, (1.0, 1.0), one, billed=bill)
    steep = np.array([[1e9, 1e9, 1e-3, 1e-3, 1e-3]])
    with pytest.raises(DataError, match="lost in rounding"):
        by_blocks(arrays("memory", 1, (1, 5), tmp_path), steep, (1000.0, 1000.0), one)
