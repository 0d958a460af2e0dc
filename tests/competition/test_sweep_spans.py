"""A sweep over part of larger arrays gives the bytes of a sweep over copies of that part."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from cdrsite.competition import _kernel
from cdrsite.competition.generator import merge_groups
from cdrsite.competition.objectives import most_net
from cdrsite.competition.problem import (
    ArrayCells,
    CellBlock,
    Competitor,
    LandRow,
    PoolFamily,
    Problem,
    SinkFamily,
)
from cdrsite.competition.rows import BLOCK, build_rows, objective_matrix
from cdrsite.competition.sweeping import Sums, Sweeper

N = BLOCK + 777
"""More than one block, and no whole number of tiles."""


@dataclass(frozen=True, eq=False)
class Copied:
    """Cells as a store on disk gives them: each part in arrays of its own."""

    cells: ArrayCells

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return self.cells.n_cells

    def read(self, start: int, stop: int) -> CellBlock:
        """Copies of a part."""
        return self.cells.read(start, stop)

    def zones(self, zoning: str, start: int, stop: int) -> np.ndarray:
        """Zones of a part."""
        return self.cells.zones(zoning, start, stop)


def cells_of(seed: int = 0) -> ArrayCells:
    """Random cells, with methods that are not possible where their other values are unknown."""
    rng = np.random.default_rng(seed)

    def field(count: int, low: float, high: float) -> np.ndarray:
        return rng.uniform(low, high, (count, N)).astype(np.float32)

    upper, net, need = field(3, 0, 900), field(3, 0.5, 0.9), field(3, 1, 30)
    impossible = rng.random((3, N)) < 0.2
    upper[impossible], net[impossible], need[impossible] = 0, np.nan, np.nan
    return ArrayCells(
        land=field(1, 0, 1e4)[0], upper=upper, net=net, cost=field(3, 10, 90), need=need,
        zone_ids={"zone": np.sort(rng.integers(-1, 40, N)).astype(np.int32)},
        sink=rng.integers(-1, 5, (2, N)).astype(np.int32), sink_cost=field(2, 1, 9),
        sink_loss=field(2, 0, 0.1), ground=field(1, 0, 2e3),
    )  # fmt: skip


def sums_of(cells: ArrayCells | Copied, *, rows: bool) -> Sums:
    problem = Problem(
        cells,
        [Competitor("a"), Competitor("b"), Competitor("c", stored=0.0)],
        pools=[
            PoolFamily(
                "water", "m3/yr", "zone", [str(i) for i in range(40)], np.full(40, 1e5),
                {"a": 2.0, "b": 3.0},
            )
        ],
        sinks=[SinkFamily("storage", "t/yr", list("abcde"), np.full(5, 1e6))],
        n_sinks=5,
        land_rows=[LandRow("practice", [1.0, 0.0, 1.0])] if rows else [],
    )  # fmt: skip
    system = build_rows(problem)
    sweeper = Sweeper(problem, system, merge_groups(system), 1, np.ones(4, bool), has_lower=False)
    price = np.linspace(0.0, 0.02, len(system.rows))
    return sweeper.sums(sweeper.prices(objective_matrix(most_net(), problem), price))


@pytest.mark.parametrize("rows", [False, True])
def test_a_span_of_the_arrays_and_a_copy_of_it_give_the_same_bytes(rows: bool) -> None:
    cells = cells_of()
    spans, copies = sums_of(cells, rows=rows), sums_of(Copied(cells), rows=rows)
    assert spans.by_combo[..., 0].sum() > 0
    assert spans.by_combo.tobytes() == copies.by_combo.tobytes()
    assert spans.by_sink.tobytes() == copies.by_sink.tobytes()
    stored = spans.by_combo[:, :2, 0].sum()  # gross tonnes of the methods with storage
    assert spans.by_sink.sum() == pytest.approx(stored, rel=1e-12)


def test_cells_that_cannot_be_written_to_are_taken_all_the_same() -> None:
    cells = cells_of(1)
    before = sums_of(cells, rows=False)
    for array in (cells.land, cells.upper, cells.net):
        array.flags.writeable = False
    locked = ArrayCells(**{name: getattr(cells, name) for name in cells.__dataclass_fields__})
    whole = locked.whole
    assert whole.land.flags.writeable  # as the kernel was compiled for
    assert np.shares_memory(whole.cost, cells.cost)
    assert sums_of(locked, rows=False).by_combo.tobytes() == before.by_combo.tobytes()


@pytest.mark.parametrize("rows", [False, True])
def test_land_of_both_precisions_is_one_kernel_and_gives_the_same_bytes(rows: bool) -> None:
    """Cells of a study bring float32, cells that stand for many their sums in float64."""
    cells, sweep = cells_of(2), _kernel.sweep_bounded if rows else _kernel.sweep
    narrow, before = sums_of(cells, rows=rows), len(sweep.signatures)
    assert cells.land.dtype == np.float32
    land, ground = cells.land.astype(np.float64), cells.ground.astype(np.float64)
    wide = sums_of(replace(cells, land=land, ground=ground), rows=rows)
    assert len(sweep.signatures) == before > 0
    assert wide.by_combo.tobytes() == narrow.by_combo.tobytes()
    assert wide.by_sink.tobytes() == narrow.by_sink.tobytes()
