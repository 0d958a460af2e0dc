"""Routes steer around crossings: the cheapest with them, whatever the solver, blocks and stores."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from crossed import crossed_edge, polyline
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import dijkstra

from cdrsite.config.transport import Crossing
from cdrsite.core.errors import DataError
from cdrsite.core.grid import AnalysisGrid
from cdrsite.testing import least_cost_blocks, move_graph
from cdrsite.transport.blockroutes import RankArrays
from cdrsite.transport.crossings import CrossingRules, EdgeCosts, bill_crossings
from cdrsite.transport.distance import DistanceResult, Sources, least_cost
from cdrsite.transport.routes import trace

R2 = np.sqrt(2)
FIELDS = ("cost", "length_km", "sink", "link", "status")


@dataclass
class Lines:
    """Layers of lines."""

    lines: dict[str, list[Any]]
    grid: AnalysisGrid

    def features(self, name: str, where: str | None = None) -> gpd.GeoDataFrame:
        return gpd.GeoDataFrame(geometry=self.lines[name], crs=self.grid.wkt)


def grid_of(rows: int, cols: int) -> AnalysisGrid:
    return AnalysisGrid.from_bounds("EPSG:3035", (0, 0, cols * 1000, rows * 1000), 1000.0)


def rules_of(lines: dict[str, list[Any]], cost: dict[str, float], grid: Any) -> CrossingRules:
    rules = [Crossing(layer=name, cost=price) for name, price in cost.items()]
    return CrossingRules(rules, Lines(lines, grid), grid, per_km=1.0)


def centre(grid: AnalysisGrid, cell: tuple[int, int]) -> tuple[float, float]:
    return float(grid.x[cell[1]]), float(grid.y[cell[0]])


def total(found: DistanceResult, edges: EdgeCosts) -> np.ndarray:
    """Cost of every route with what it crosses."""
    return np.asarray(found.cost) + bill_crossings(found, edges)


# --- small grids written out -------------------------------------------------------------------

FIVE = grid_of(5, 5)
RIVER = [shapely.LineString([(2000, 800), (2000, 5500)])]
"""Between columns 1 and 2, from the north into row 4, whose middle is free."""


def by_river(cost: float, neighbours: int = 8) -> tuple[DistanceResult, EdgeCosts]:
    edges = rules_of({"river": RIVER}, {"river": cost}, FIVE).whole(neighbours)
    sources = Sources.of([0], [0], [0])
    found = least_cost(
        np.ones((5, 5)), FIVE.row_steps_m, sources, crossings=edges, neighbours=neighbours,
        dtype="float64",
    )  # fmt: skip
    return found, edges


def test_a_cheap_crossing_is_paid() -> None:
    found, edges = by_river(0.5)
    assert total(found, edges)[0, 0] == pytest.approx([0, 1, 2.5, 3.5, 4.5])
    assert found.length_km[0, 0] == pytest.approx([0, 1, 2, 3, 4])


def test_a_dear_crossing_is_gone_around() -> None:
    found, edges = by_river(50.0)
    # straight down to the free row and back up beside the river
    route = trace(found, 0, 2)
    assert set(zip(route.row.tolist(), route.col.tolist(), strict=True)) >= {(4, 1), (4, 2)}
    # down beside the river, across, and back up with one diagonal step
    assert found.cost[0, 0, 2] == pytest.approx(3 + R2 + 1 + 4)
    assert total(found, edges)[0, 0, 2] == found.cost[0, 0, 2]


def test_the_detour_is_taken_from_the_cost_at_which_it_is_cheaper() -> None:
    around = 3 + R2 + 1 + 4
    for cost in (around - 2 - 1e-6, around - 2 + 1e-6):
        found, edges = by_river(cost)
        paid = bill_crossings(found, edges)[0, 0, 2]
        assert paid == (cost if cost + 2 < around else 0.0)
        assert total(found, edges)[0, 0, 2] == pytest.approx(min(cost + 2, around))


def test_the_better_of_two_sinks_is_the_one_without_a_river_between() -> None:
    lines = {"river": [shapely.LineString([(2000, -500), (2000, 1500)])]}
    grid = grid_of(1, 6)
    sources = Sources.of([0, 0], [0, 5], [7, 8])
    for cost, first in ((0.5, 7), (3.0, 8)):
        edges = rules_of(lines, {"river": cost}, grid).whole(8)
        found = least_cost(
            np.ones((1, 6)), grid.row_steps_m, sources, crossings=edges, neighbours=8, k=2
        )
        assert found.sink[:, 0, 2].tolist() == [first, 15 - first]
        assert sorted(total(found, edges)[:, 0, 2]) == pytest.approx(sorted([2 + cost, 3]))


# --- the explicit graph ------------------------------------------------------------------------


@st.composite
def worlds(draw: Any) -> tuple[AnalysisGrid, np.ndarray, Sources, dict[str, list[Any]], Any]:
    """Grid, friction, sources, layers of lines and their costs."""
    grid = grid_of(7, 9)
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    friction = rng.choice([1.0, 2.0, 5.0, np.inf], grid.shape, p=[0.5, 0.2, 0.2, 0.1])
    at = rng.permutation(friction.size)[:4]
    friction.flat[at] = 1.0
    sources = Sources.of(at // 9, at % 9, [0, 1, 1, 2], [0.0, 1.0, 0.0, 0.5])
    layers = draw(st.integers(1, 3))  # three need 16 bits
    lines = {f"l{i}": draw(st.lists(polyline, min_size=1, max_size=3)) for i in range(layers)}
    cost = {name: draw(st.sampled_from([0.0, 0.3, 2.0, 40.0])) for name in lines}
    return grid, friction, sources, lines, cost


def price(grid: Any, lines: Any, cost: Any, a: tuple[int, int], b: tuple[int, int]) -> float:
    """What a move pays, counted with shapely."""
    ends = centre(grid, a), centre(grid, b)
    return sum(cost[name] * min(crossed_edge(*ends, lines[name]), 15) for name in lines)


@pytest.mark.parametrize("neighbours", [8, 16, 40])
@given(world=worlds())
def test_costs_equal_scipy_on_the_explicit_graph(neighbours: int, world: Any) -> None:
    grid, friction, sources, lines, cost = world
    graph = move_graph(friction, grid.row_steps_m, neighbours, partial(price, grid, lines, cost))
    whole = dijkstra(graph, indices=sources.row * 9 + sources.col) + sources.start_cost[:, None]
    expected = np.sort([whole[sources.sink == s].min(axis=0) for s in range(3)], axis=0)
    edges = rules_of(lines, cost, grid).whole(neighbours)
    found = least_cost(
        friction, grid.row_steps_m, sources, crossings=edges, neighbours=neighbours, k=3,
        dtype="float64",
    )  # fmt: skip
    np.testing.assert_allclose(total(found, edges).reshape(3, -1), expected, rtol=1e-12)


# --- properties --------------------------------------------------------------------------------


@given(world=worlds(), neighbours=st.sampled_from([8, 16, 40]))
def test_a_free_crossing_changes_no_byte(world: Any, neighbours: int) -> None:
    grid, friction, sources, lines, cost = world
    edges = rules_of(lines, dict.fromkeys(cost, 0.0), grid).whole(neighbours)
    options: Any = {"neighbours": neighbours, "k": 3}
    plain = least_cost(friction, grid.row_steps_m, sources, **options)
    free = least_cost(friction, grid.row_steps_m, sources, crossings=edges, **options)
    for name in FIELDS:
        assert getattr(plain, name).tobytes() == getattr(free, name).tobytes()


@given(world=worlds(), more=st.floats(0.1, 30))
def test_dearer_crossings_never_make_a_route_cheaper_nor_dearer_than_paying(
    world: Any, more: float
) -> None:
    grid, friction, sources, lines, cost = world
    found, dear = (rules_of(lines, c, grid).whole() for c in (
        cost, {name: value + more for name, value in cost.items()}
    ))  # fmt: skip
    options: Any = {"dtype": "float64", "k": 2}
    plain = least_cost(friction, grid.row_steps_m, sources, **options)
    low = least_cost(friction, grid.row_steps_m, sources, crossings=found, **options)
    high = least_cost(friction, grid.row_steps_m, sources, crossings=dear, **options)
    some = plain.sink[0] >= 0
    cheapest = total(low, found)[0][some]
    assert (plain.cost[0][some] <= cheapest + 1e-9).all()
    assert (cheapest <= total(high, dear)[0][some] + 1e-9).all()
    # steering costs at most what the route that looks away from the lines pays
    assert (cheapest <= total(plain, found)[0][some] + 1e-9).all()
    assert (total(high, dear)[0][some] <= total(low, dear)[0][some] + 1e-9).all()


# --- the same bytes ----------------------------------------------------------------------------

LARGE = grid_of(140, 117)


def country(layers: int) -> tuple[np.ndarray, Sources, CrossingRules]:
    """Rough ground with winding rivers, roads and borders."""
    rng = np.random.default_rng(7)
    friction = rng.uniform(1, 6, LARGE.shape).astype(np.float32)
    friction[rng.random(LARGE.shape) < 0.15] = np.inf
    at = rng.permutation(np.flatnonzero(np.isfinite(friction)))[:7]
    sources = Sources.of(at // 117, at % 117, [4, 4, 9, 11, 2, 2, 30], [0, 0, 3, 0, 0, 1, 0.0])
    names = ("river", "road", "border")[:layers]
    x = np.linspace(-2000, 119_000, 300)
    lines = {
        name: [
            shapely.LineString(np.column_stack((x, 3000 + y + 4000 * np.sin(x / (7000 + y / 9)))))
            for y in range(9000 * (1 + i), 140_000, 23_000)
        ]
        for i, name in enumerate(names)
    }
    return (
        friction,
        sources,
        rules_of(lines, dict(zip(names, (6.0, 2.5, 30.0), strict=False)), LARGE),
    )


@pytest.mark.parametrize(
    ("neighbours", "dtype", "layers"), [(8, "float32", 1), (16, "float32", 3), (40, "float64", 2)]
)
def test_tiles_equal_the_heap_to_the_last_bit(neighbours: int, dtype: Any, layers: int) -> None:
    friction, sources, rules = country(layers)
    options: Any = {"neighbours": neighbours, "k": 3, "dtype": dtype}
    options["crossings"] = rules.whole(neighbours)
    heap = least_cost(friction, LARGE.row_steps_m, sources, method="heap", **options)
    for threads in (1, 3):
        parts = options | {"method": "tiles", "threads": threads}
        got = least_cost(friction, LARGE.row_steps_m, sources, **parts)
        for name in FIELDS:
            assert getattr(got, name).tobytes() == getattr(heap, name).tobytes()
    plain = least_cost(friction, LARGE.row_steps_m, sources, **{**options, "crossings": None})
    assert (plain.link[0] != heap.link[0]).mean() > 0.02  # the lines do steer


@pytest.mark.parametrize(("block", "neighbours", "k"), [(33, 8, 1), (50, 16, 3), (64, 40, 2)])
def test_blocks_equal_the_whole(block: int, neighbours: int, k: int) -> None:
    friction, sources, rules = country(2)
    whole = least_cost(
        friction, LARGE.row_steps_m, sources, crossings=rules.whole(neighbours),
        neighbours=neighbours, k=k,
    )  # fmt: skip
    shape = (k, *LARGE.shape)
    arrays = RankArrays(
        np.zeros(shape, np.float32), np.zeros(shape, np.int32), np.zeros(shape, np.int8),
        np.zeros((1, 1), np.int32),
    )  # fmt: skip
    cost, km = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    least_cost_blocks(
        friction, LARGE.row_steps_m, sources, arrays, (cost, km), crossings=rules,
        neighbours=neighbours, block=block, threads=2,
    )  # fmt: skip
    pairs = {"cost": cost, "length_km": km, "sink": arrays.sink, "link": arrays.link}
    for name, got in pairs.items():
        assert np.asarray(got).tobytes() == getattr(whole, name).tobytes(), name


# --- bad input ---------------------------------------------------------------------------------


def test_crossings_that_do_not_fit_are_refused() -> None:
    rules = rules_of({"river": RIVER}, {"river": 2.0}, FIVE)
    one = Sources.of([0], [0], [0])
    solve = partial(least_cost, steps=(1000.0, 1000.0), sources=one)
    with pytest.raises(DataError, match=r"grid and neighbours; got \(8, 5, 5\); .*\(8, 4, 5\)"):
        solve(np.ones((4, 5)), crossings=rules.whole(16))
    with pytest.raises(DataError, match="same grid and neighbours"):
        solve(np.ones((5, 5)), crossings=rules.whole(8))
    edges = rules.whole(16)
    for wrong in (-1.0, np.nan, np.inf):
        lookup = np.where(edges.lookup > 0, wrong, 0.0)
        with pytest.raises(DataError, match="negative or not a number"):
            solve(np.ones((5, 5)), crossings=EdgeCosts(edges.codes, lookup))
