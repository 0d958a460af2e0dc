from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from cdrsite.core.errors import DataError
from cdrsite.transport.distance import Sources, least_cost
from cdrsite.transport.tiles import Store, least_cost_blocks

NAMES = {"label": "f4", "cost": "f8", "length_km": "f8", "sink": "i4", "link": "i1"}


def maze(shape: tuple[int, int]) -> tuple[np.ndarray, Sources]:
    rng = np.random.default_rng(5)
    friction = rng.uniform(1, 10, shape).astype(np.float32)
    friction[rng.random(shape) < 0.2] = np.inf
    friction[10, 3:] = np.inf  # the way to the top leads along the whole edge
    at = rng.permutation(np.flatnonzero(np.isfinite(friction)))[:7]
    ids = np.array([4, 4, 9, 11, 2, 2, 30])
    start = np.array([0, 0, 3, 0, 0, 1, 0.0])
    return friction, Sources.of(at // shape[1], at % shape[1], ids, start)


@pytest.mark.parametrize("kind", ["memory", "memmap", "zarr"])
@pytest.mark.parametrize(("block", "neighbours"), [(33, 8), (50, 16), (64, 40), (500, 16)])
def test_blocks_equal_the_whole(kind: str, block: int, neighbours: int, tmp_path: Path) -> None:
    shape = (140, 117)
    friction, sources = maze(shape)
    bill = np.where(np.isfinite(friction), 2.0 + np.arange(shape[1]), np.inf).astype(np.float32)
    steps = (np.linspace(900, 1300, shape[0]), 1000.0)
    options: Any = {"neighbours": neighbours}
    whole = least_cost(friction, steps, sources, billed=bill, **options)

    def array(name: str, dtype: str) -> Any:
        if kind == "memory":
            return np.zeros(shape, dtype)
        if kind == "memmap":
            return np.memmap(tmp_path / name, dtype, "w+", shape=shape)
        return zarr.create_array(
            tmp_path / name, shape=shape, dtype=dtype, chunks=(40, 40), zarr_format=2
        )

    store = Store(**{name: array(name, dtype) for name, dtype in NAMES.items()})
    least_cost_blocks(friction, steps, sources, store, billed=bill, block=block, **options)
    everything = slice(None), slice(None)
    for name in ("cost", "length_km"):
        got = np.asarray(getattr(store, name)[everything]).astype(np.float32)
        assert got.tobytes() == getattr(whole, name)[0].tobytes()
    for name in ("sink", "link"):
        np.testing.assert_array_equal(getattr(store, name)[everything], getattr(whole, name)[0])


@pytest.mark.parametrize(
    ("at", "value", "text"),
    [((0, 9), 1.0, "sink 5 lies outside"), ((0, 1), 1.0, "barriers"), ((0, 0), -1.0, "negative")],
)
def test_bad_input_is_refused(at: tuple[int, int], value: float, text: str) -> None:
    friction = np.array([[1, np.inf, 1], [value, 1, 1]])
    store = Store(**{name: np.zeros((2, 3), dtype) for name, dtype in NAMES.items()})
    with pytest.raises(DataError, match=text):
        least_cost_blocks(friction, (1.0, 1.0), Sources.of([at[0]], [at[1]], [5]), store)
