"""Cost surface, and crossings counted on the vectors."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from crossed import count_crossings, crossed_edge, polyline
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.config.transport import SurfaceRules, Transport
from cdrsite.core.errors import CdrsiteWarning, ConfigError
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.core.layernames import layer_names
from cdrsite.core.units import conversion
from cdrsite.engine.arrays import DiskStore, MemoryStore
from cdrsite.transport.costmodels import levelised
from cdrsite.transport.crossings import (
    DIRECTIONS,
    LIMIT,
    CrossingRules,
    SortedSegments,
    bill_crossings,
    count_block,
    line_segments,
)
from cdrsite.transport.distance import Sources, least_cost
from cdrsite.transport.routes import trace
from cdrsite.transport.surface import (
    BILLING,
    STEERING,
    CostSurface,
    SurfaceReport,
    table_factor,
)

GRID = AnalysisGrid.from_bounds("EPSG:3035", (0, 0, 9000, 7000), 1000.0)
WHOLE = Block(0, 7, 0, 9)


def centre(row: int, col: int) -> tuple[float, float]:
    return GRID.west + (col + 0.5) * 1000.0, GRID.north - (row + 0.5) * 1000.0


def counts(lines: list[shapely.Geometry], block: Block = WHOLE, neighbours: int = 16) -> np.ndarray:
    return count_block(line_segments(lines, GRID), block, neighbours)


def test_a_river_between_two_columns_written_out() -> None:
    # runs south between columns 3 and 4
    river = shapely.LineString([(4000, 8000), (4000, -1000)])
    got = counts([river])
    expected = np.zeros((8, 7, 9), np.uint8)
    expected[0, :, 3] = 1  # E from column 3
    expected[1, :, 3] = 1  # SE
    expected[3, :, 4] = 1  # SW from column 4
    expected[4, :, 2:4] = 1  # ESE reaches two columns
    expected[5, :, 3] = 1  # SSE
    expected[6, :, 4] = 1  # SSW
    expected[7, :, 4:6] = 1  # WSW
    # beyond the last row the river still runs for a while
    assert np.array_equal(got[:, :6], expected[:, :6])


def test_a_route_along_a_river_pays_nothing() -> None:
    river = shapely.LineString([(4100, 7000), (3900, 5000), (4100, 3000), (3900, 0)])
    got = counts([river])
    assert got[2].sum() == 0  # south steps never cross it
    assert got[0, :, 3].tolist() == [1] * 7


def test_a_meander_is_crossed_as_often_as_it_is() -> None:
    # three times across the edge from (2, 3) to (2, 4)
    river = shapely.LineString([(3600, 5000), (3700, 4000), (4000, 5000), (4300, 4000)])
    assert counts([river])[0, 2, 3] == 3


def test_counts_stop_at_the_limit() -> None:
    x = np.linspace(3600, 4400, 40)
    lines = [shapely.LineString([(v, 4400), (v, 4600)]) for v in x]
    assert counts(lines)[0, 2, 3] == LIMIT


def test_polygons_are_crossed_at_their_outline() -> None:
    lake = shapely.box(3600, 4200, 5400, 4800)
    got = counts([lake])[0, 2]
    assert got.tolist() == [0, 0, 0, 1, 1, 0, 0, 0, 0]
    pond = shapely.box(3600, 4200, 4400, 4800)
    assert counts([pond])[0, 2].tolist() == [0, 0, 0, 2, 0, 0, 0, 0, 0]


def test_a_line_through_the_centres_counts_once_on_the_way() -> None:
    x, _ = centre(0, 4)
    river = shapely.LineString([(x, 8000), (x, -1000)])
    got = counts([river])
    for row in range(7):
        assert got[0, row].sum() == 1


@given(lines=st.lists(polyline, min_size=1, max_size=4))
def test_counts_equal_shapely(lines: list[shapely.Geometry]) -> None:
    got = counts(lines, neighbours=40)
    edges = shapely.linestrings(
        [
            [centre(row, col), centre(row + drow, col + dcol)]
            for drow, dcol in DIRECTIONS
            for row in range(7)
            for col in range(9)
        ]
    )
    # segment by segment, so that a figure of eight counts twice
    pieces = [
        shapely.LineString(ends)
        for line in lines
        for ends in pairwise(shapely.get_coordinates(line))
    ]
    expected = shapely.crosses(edges[:, None], np.array(pieces)[None, :]).sum(axis=1)
    assert np.array_equal(got.ravel(), np.minimum(expected, LIMIT))


@given(
    lines=st.lists(polyline, min_size=1, max_size=3), row=st.integers(1, 6), col=st.integers(1, 8)
)
def test_blocks_equal_the_whole(lines: list[shapely.Geometry], row: int, col: int) -> None:
    whole = counts(lines, neighbours=40)
    for block in (Block(0, row, 0, col), Block(row, 7, col, 9), Block(0, row, col, 9)):
        rows, cols = block.slices
        assert np.array_equal(counts(lines, block, 40), whole[:, rows, cols])


@given(seed=st.integers(0, 9999), row=st.integers(0, 280), high=st.integers(1, 90))
def test_segments_sorted_for_blocks_miss_none(seed: int, row: int, high: int) -> None:
    rng = np.random.default_rng(seed)
    start = rng.uniform((-80, -5), (380, 25), (60, 2))
    long = rng.choice([1.0, 30.0, 63.0, 65.0, 200.0], (60, 1))
    segments = np.column_stack((start, start + long * rng.uniform(-1, 1, (60, 2))))
    found = SortedSegments.of(segments)
    assert len(found.short) + len(found.tall) == 60
    block = Block(row, min(row + high, 300), 3, 17)
    near = found.near(block)
    assert np.array_equal(count_block(near, block, 40), count_block(segments, block, 40))
    whole = count_block(segments, Block(0, 300, 0, 20), 40)
    assert np.array_equal(count_block(near, block, 40), whole[:, *block.slices])


@given(
    lines=st.lists(polyline, min_size=1, max_size=3),
    cells=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 8)), min_size=2, max_size=2),
    moves=st.lists(st.integers(0, 39), min_size=1, max_size=12),
)
def test_sums_along_a_route_equal_the_traced_route(
    lines: list[shapely.Geometry], cells: list[tuple[int, int]], moves: list[int]
) -> None:
    got = counts(lines, neighbours=40)
    row, col = cells[0]
    route, total = [centre(row, col)], 0
    visited = {(row, col)}
    for move in moves:
        drow, dcol = DIRECTIONS[move % 20]
        sign = 1 if move < 20 else -1
        r, c = row + sign * drow, col + sign * dcol
        if not (0 <= r < 7 and 0 <= c < 9) or (r, c) in visited:
            continue
        total += int(got[move % 20, row, col] if sign == 1 else got[move % 20, r, c])
        row, col = r, c
        visited.add((r, c))
        route.append(centre(row, col))
    if len(route) > 1 and shapely.LineString(route).is_simple and all(x.is_simple for x in lines):
        assert count_crossings(np.array(route), lines) == total


def test_a_traced_route_along_a_line_counts_it_once() -> None:
    line = shapely.LineString([(1000, 0), (1000, 2000), (3000, 2000)])
    route = np.array([(0, 1000), (1000, 1000), (1000, 2000), (2000, 3000)])
    assert count_crossings(route, [line]) == 1
    assert count_crossings(route[:1], [line]) == 0
    assert count_crossings(route, []) == 0
    assert (
        count_crossings(np.array([(0, 500), (5000, 500)]), [shapely.box(1000, 0, 2000, 1000)]) == 2
    )


# --- cost surface ---------------------------------------------------------------------------------

SMALL = AnalysisGrid.from_bounds("EPSG:3035", (0, 0, 4000, 2000), 1000.0)
ALL = Block(0, 2, 0, 4)
CODES = {"forest": 10, "crop": 40, "built": 50, "water": 80}
NAN = np.nan


@dataclass
class Facts:
    unit: str | None = None


@dataclass
class Arrays:
    """Layers as arrays in memory: values, class codes, and covered shares."""

    grid: AnalysisGrid = SMALL
    arrays: dict[str, Any] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    lines: dict[str, list[Any]] = field(default_factory=dict)

    def values(self, name: str, block: Block, unit: str | None = None) -> np.ndarray:
        scale, offset = conversion(self.units[name], unit) if unit else (1.0, 0.0)
        return (np.array(self.arrays[name], float)[block.slices] * scale + offset).astype("f4")

    def class_share(self, name: str, weights: Any, block: Block) -> np.ndarray:
        codes = np.array(self.arrays[name], float)[block.slices]
        out = np.where(np.isnan(codes), np.nan, 0.0)
        for key, weight in weights.items():
            out[codes == CODES.get(key, key)] = weight
        return out.astype(np.float32)

    def class_codes(self, name: str, selectors: Any) -> tuple[int, ...]:
        return tuple(CODES[s] for s in selectors)

    def coverage(
        self, name: str, block: Block, where: Any = None, buffer: float = 0, rasterise: Any = None
    ) -> np.ndarray:
        return np.array(self.arrays[name], np.float32)[block.slices]

    def distance(
        self, name: str, block: Block, where: Any = None, reach: float = 0.0, zones: Any = None
    ) -> np.ndarray:
        return np.array(self.arrays[name], np.float32)[block.slices]

    def info(self, name: str) -> Facts:
        return Facts(self.units.get(name))

    def features(self, name: str, where: Any = None) -> gpd.GeoDataFrame:
        return gpd.GeoDataFrame(geometry=self.lines[name], crs=self.grid.crs)


def surface(reader: Arrays, on: float = 2.0, off: float = 6.0, **rules: Any) -> CostSurface:
    return CostSurface(SurfaceRules.model_validate(rules), reader, on, off)


def painted(
    made: CostSurface, store: Any = None, size: int = 3, threads: int = 1
) -> tuple[np.ndarray, np.ndarray, SurfaceReport]:
    """Billing and steering of the whole grid."""
    store = MemoryStore() if store is None else store
    report = made.paint(store, tuple(SMALL.blocks(size)), threads)
    return store.open(BILLING)[:, :], store.open(STEERING)[:, :], report


def test_surfaces_painted_in_memory_and_on_disk_are_the_same(tmp_path: Path) -> None:
    reader = Arrays(
        arrays={"landcover": [[10, NAN, 50, 40], [40, 40, NAN, 40]], "park": np.eye(2, 4)}
    )
    made = surface(
        reader, factors={"landcover": {"forest": 1.3}}, avoid=[{"layer": "park", "factor": 3}]
    )
    with pytest.warns(CdrsiteWarning, match="no value in 2 of 8 cells") as told:
        memory = painted(made)
        disk = painted(made, DiskStore(tmp_path, 2), 2, threads=2)
    assert len(told) == 2  # once each
    for one, other in zip(memory[:2], disk[:2], strict=True):
        assert one.tobytes() == other.tobytes()
    assert memory[2] == disk[2]
    assert not np.array_equal(memory[0], memory[1])


def test_no_rules_mean_the_same_everywhere() -> None:
    rules = Transport.model_validate({})
    billing, steering, report = painted(CostSurface(rules.surface, Arrays(), 2.0, 6.0))
    assert np.array_equal(billing, np.full((2, 4), 2.0))
    assert np.array_equal(steering, billing)
    assert report.cells == 8
    assert billing.dtype == steering.dtype == np.float32


def test_factors_multiply_written_out() -> None:
    reader = Arrays(
        arrays={
            "landcover": [[10, 40, 50, 40], [40, 40, 40, 40]],
            "slope": [[0, 11.3, 26.6, 60], [2, 6.65, 45, 0]],
        },
        units={"slope": "degree"},
    )
    got = surface(reader, factors={"landcover": {"forest": 1.3, "built": 5}}, slope={}).block(ALL)
    expected = 2.0 * np.array([[1.3, 1.3, 7.5, 2.0], [1, 1.15, 2.0, 1]])
    assert got.billing == pytest.approx(expected)
    assert np.array_equal(got.billing, got.steering)


def test_percent_slopes_and_people_per_cell_are_converted() -> None:
    reader = Arrays(
        arrays={"slope": np.full((2, 4), 100.0), "population": np.full((2, 4), 500.0)},
        units={"slope": "percent", "population": "person"},
    )
    got = surface(reader, slope={}, population={}).block(ALL)
    # 45 degrees, and 500 people on one square kilometre
    assert got.billing == pytest.approx(2.0 * 2.0 * 1.5)
    reader.units["population"] = "person/km2"
    assert surface(reader, population={}).block(ALL).billing == pytest.approx(3.0)


def test_unknown_is_plain_with_a_warning_or_a_barrier() -> None:
    reader = Arrays(arrays={"landcover": [[10, NAN, 50, 40], [40, 40, NAN, 40]]})
    plain = surface(reader, factors={"landcover": {"forest": 1.3}})
    with pytest.warns(CdrsiteWarning, match=r"factors.landcover: no value in 2 of 8 cells"):
        billing, _, report = painted(plain)
    assert billing[0, 1] == 2.0
    assert report.unknown == {"factors.landcover": 2}
    closed = surface(reader, factors={"landcover": {"forest": 1.3}}, unknown="barrier").block(ALL)
    assert np.argwhere(np.isinf(closed.billing)).tolist() == [[0, 1], [1, 2]]


def test_nodata_passes_no_test() -> None:
    # -9999 would be below 0; unknown is not
    reader = Arrays(arrays={"height": [[NAN, -5, 5, NAN], [5, 5, 5, 5]]}, units={"height": "m"})
    barrier = {"layer": "height", "below": "0 m"}
    got = surface(reader, barriers=[barrier]).block(ALL)
    assert np.argwhere(np.isinf(got.billing)).tolist() == [[0, 1]]
    assert got.unknown["barriers.0"] == 2
    got = surface(reader, barriers=[{**barrier, "unknown": "exclude"}]).block(ALL)
    assert np.isinf(got.billing[0]).tolist() == [True, True, False, True]


def test_barriers_by_share_class_range_and_distance() -> None:
    reader = Arrays(
        arrays={
            "reserve": [[0, 0.4, 0.5, 1.0], [0, 0, 0, 0]],
            "landcover": [[10, 40, 40, 40], [80, 40, 40, 40]],
            "slope": [[0, 0, 0, 0], [0, 31, 0, 0]],
            "city": [[9, 9, 9, 9], [9, 9, 9, 1]],
        },
        units={"slope": "degree"},
    )
    got = surface(
        reader,
        barriers=[
            {"layer": "reserve"},
            {"layer": "landcover", "classes": ["water"]},
            {"layer": "slope", "above": "30 degree"},
            {"layer": "city", "closer_than": "5 m"},
        ],
    ).block(ALL)
    expected = [[False, False, True, True], [True, True, False, True]]
    assert np.isinf(got.billing).tolist() == expected
    assert np.isinf(got.steering).tolist() == expected
    percent = surface(reader, barriers=[{"layer": "slope", "above": "59 %"}]).block(ALL)
    assert np.isinf(percent.billing).sum() == 1  # 30.5 degrees


def test_the_sea_has_its_own_price_and_no_slope() -> None:
    reader = Arrays(
        arrays={"sea": [[0, 0.5, 1, 1], [0] * 4], "slope": [[45, 45, 45, NAN], [0] * 4]},
        units={"slope": "degree"},
    )
    got = surface(reader, sea={"layer": "sea"}, slope={}).block(ALL)
    assert got.billing[0] == pytest.approx([4.0, 2.0 + 3.0, 6.0, 6.0])
    assert got.unknown["slope"] == 0  # nothing to know about slopes at sea


def test_the_lowest_of_overlapping_corridors_counts() -> None:
    reader = Arrays(arrays={"gas": [[0, 0.5, 1, 1], [0] * 4], "oil": [[0, 0, 0, 1], [0] * 4]})
    got = surface(
        reader, corridors=[{"layer": "gas"}, {"layer": "oil", "factor": 0.6, "buffer": "1 km"}]
    ).block(ALL)
    assert got.billing[0] == pytest.approx(2.0 * np.array([1, 0.875, 0.75, 0.6]))


def test_what_steers_is_not_billed() -> None:
    reader = Arrays(
        arrays={
            "park": [[0, 0.5, 1, 0], [0] * 4],
            "landcover": [[10, 10, 10, 50], [40, NAN, 40, 40]],
        }
    )
    got = surface(
        reader,
        avoid=[
            {"layer": "park", "factor": 3},
            {"layer": "landcover", "classes": {"built": 10}, "unknown": "barrier"},
        ],
    ).block(ALL)
    assert got.steering[0] == pytest.approx([2.0, 4.0, 6.0, 20.0])
    assert got.billing[0] == pytest.approx([2.0] * 4)
    assert np.isinf(got.billing[1, 1])
    assert np.isinf(got.steering[1, 1])


@given(
    codes=st.lists(st.sampled_from([10.0, 40.0, 50.0, NAN]), min_size=8, max_size=8),
    slope=st.lists(st.one_of(st.floats(0, 90), st.just(NAN)), min_size=8, max_size=8),
    share=st.lists(st.floats(0, 1), min_size=8, max_size=8),
    factor=st.floats(0.1, 20),
    split=st.integers(1, 3),
)
def test_surfaces_are_positive_bounded_and_the_same_in_blocks(
    codes: list[float], slope: list[float], share: list[float], factor: float, split: int
) -> None:
    shaped = {
        "landcover": np.reshape(codes, (2, 4)),
        "slope": np.reshape(slope, (2, 4)),
        "area": np.reshape(share, (2, 4)),
    }
    built = surface(
        Arrays(arrays=shaped, units={"slope": "degree"}),
        factors={"landcover": {"forest": factor}},
        slope={},
        corridors=[{"layer": "area"}],
        avoid=[{"layer": "area", "factor": 4}],
        barriers=[{"layer": "area"}],
    )
    got = built.block(ALL)
    assert not np.isnan(got.billing).any()
    assert np.array_equal(np.isinf(got.billing), shaped["area"].astype("f4") >= 0.5)
    open_ = np.isfinite(got.billing)
    low, high = 2.0 * min(1, factor) * 0.75, 2.0 * max(1, factor) * 2.0
    assert np.all(got.billing[open_] >= low * (1 - 1e-5))
    assert np.all(got.billing[open_] <= high * (1 + 1e-5))
    assert np.all(got.steering[open_] >= got.billing[open_])
    for block in (Block(0, 2, 0, split), Block(0, 1, split, 4)):
        assert np.array_equal(built.block(block).steering, got.steering[block.slices])


def test_tables_are_straight_between_and_flat_beyond() -> None:
    rules = SurfaceRules.model_validate({"slope": {"points": [[0, 1], [10, 2]]}})
    assert rules.slope is not None
    got = table_factor(rules.slope, np.array([-5.0, 2.5, 10, 90, NAN]))
    assert got == pytest.approx([1, 1.25, 2, 2, NAN], nan_ok=True)


def test_crossing_codes_of_several_layers() -> None:
    reader = Arrays(
        lines={
            "rivers": [shapely.LineString([(1000, -500), (1000, 2500)])],
            "roads": [shapely.LineString([(x, -500), (x, 2500)]) for x in (900, 1100, 2900)],
        }
    )
    section = SurfaceRules.model_validate(
        {
            "crossings": [
                {"layer": "rivers", "adds": "500 m"},
                {"layer": "roads", "cost": "0.25 USD/t"},
            ]
        }
    )
    rules = CrossingRules(section.crossings, reader, SMALL, per_km=0.04)
    edges = rules.block(ALL)
    assert edges.codes.dtype == np.uint8
    assert edges.codes.shape == (8, 2, 4)
    assert (edges.codes & 15)[0].tolist() == [[1, 0, 0, 0]] * 2
    assert (edges.codes >> 4)[0].tolist() == [[2, 0, 1, 0]] * 2
    assert edges.lookup[edges.codes[0, 0]] == pytest.approx([0.02 + 0.5, 0.0, 0.25, 0.0])
    assert rules.block(ALL, 8).codes.shape == (4, 2, 4)


@given(
    lines=st.lists(polyline, min_size=1, max_size=4),
    seed=st.integers(0, 999),
    neighbours=st.sampled_from([8, 16, 40]),
)
def test_bill_of_every_cell_equals_its_traced_route(
    lines: list[shapely.Geometry], seed: int, neighbours: int
) -> None:
    rng = np.random.default_rng(seed)
    friction = rng.choice([1.0, 2.0, 5.0, np.inf], GRID.shape, p=[0.4, 0.3, 0.2, 0.1])
    friction[[0, 6, 3], [0, 8, 4]] = 1.0
    sources = Sources.of([0, 6, 3], [0, 8, 4], [0, 1, 2])
    found = least_cost(friction, GRID.row_steps_m, sources, k=2, neighbours=neighbours)
    section = SurfaceRules.model_validate({"crossings": [{"layer": "a", "cost": 0.5}]})
    rules = CrossingRules(section.crossings, Arrays(lines={"a": lines}), GRID, 1.0)
    bill = bill_crossings(found, rules.whole(neighbours, size=4))
    assert bill.shape == (2, 7, 9)
    assert np.array_equal(np.isfinite(bill), found.sink >= 0)
    for rank, row, col in np.argwhere(found.sink >= 0)[::5]:
        route = trace(found, row, col, rank)
        total = 0
        for a, b in pairwise(zip(route.row, route.col, strict=True)):
            total += min(crossed_edge(centre(*a), centre(*b), lines), LIMIT)
        assert bill[rank, row, col] == 0.5 * total


def test_too_few_directions_are_refused() -> None:
    section = SurfaceRules.model_validate({"crossings": [{"layer": "a", "cost": 0.5}]})
    reader = Arrays(lines={"a": [shapely.LineString([(0, 0), (900, 900)])]})
    rules = CrossingRules(section.crossings, reader, SMALL, 1.0)
    found = least_cost(np.ones((2, 4)), SMALL.row_steps_m, Sources.of([0], [0], [0]))
    with pytest.raises(ConfigError, match="same neighbours"):
        bill_crossings(found, rules.whole(8))


def test_crossings_of_an_empty_layer_warn() -> None:
    section = SurfaceRules.model_validate({"crossings": [{"layer": "rivers", "adds": 1}]})
    reader = Arrays(lines={"rivers": [shapely.Point(5, 5)]})
    with pytest.warns(CdrsiteWarning, match="layer rivers has no lines"):
        rules = CrossingRules(section.crossings, reader, SMALL, 1.0)
    assert rules.block(ALL).codes.sum() == 0


@pytest.mark.parametrize(
    ("section", "text"),
    [
        ({"model": "parker"}, "parker-2004"),
        ({"model": "dea-truck"}, "no such onshore-pipeline model"),
        ({"offshore_model": "parker-2004"}, "no such offshore-pipeline model"),
        ({"region": "mars"}, "no such region"),
        ({"neighbours": 4}, "neighbours"),
        ({"flow": "0 t/yr"}, "flow"),
        ({"flow": "5 km"}, "wrong dimension"),
        ({"sinks_per_cell": 0}, "sinks_per_cell"),
        ({"leakage": 2}, "out of range"),
        ({"surface": {"crossings": [{"layer": "rivers"}]}}, "exactly one"),
        ({"surface": {"factors": {"landcover": {"forest": 0}}}}, "more than 0"),
        ({"surface": {"slope": {"points": [[5, 1], [1, 2]]}}}, "rising"),
        ({"surface": {"corridors": [{"layer": "gas", "factor": 2}]}}, "at most 1"),
        ({"surface": {"barriers": [{"smaller_than": "1 km2"}]}}, "smaller_than"),
        ({"surface": {"barriers": [{"layer": "a", "for": "x"}]}}, "knows no methods"),
        ({"surface": {"avoid": [{"layer": "a"}]}}, "exactly one"),
        ({"surface": {"sloep": {}}}, "did you mean 'slope'"),
    ],
)
def test_wrong_sections_are_refused(section: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Transport.model_validate(section)


def test_the_section_takes_units_and_names_its_layers() -> None:
    section = Transport.model_validate(
        {
            "flow": "2 Mt/yr",
            "reach": "300 mile",
            "surface": {
                "sea": {"layer": "land", "classes": ["water"]},
                "factors": {"landcover": {"forest": 1.2}},
                "slope": {},
                "crossings": [{"layer": "rivers", "adds": "500 m"}],
                "barriers": [{"layer": "parks"}],
            },
        }
    )
    assert section.flow == 2e6
    assert section.reach == pytest.approx(482.8, abs=0.1)
    assert section.surface.crossings[0].adds == 0.5
    assert levelised(section.model, section.flow, 100.0) > 0
    assert dict(layer_names(section)) == {
        "land": "surface.sea.layer",
        "landcover": "surface.factors.landcover",
        "slope": "surface.slope.layer",
        "rivers": "surface.crossings.0.layer",
        "parks": "surface.barriers.0.layer",
    }


def test_bad_input_of_the_surface() -> None:
    with pytest.raises(ConfigError, match="per km offshore"):
        surface(Arrays(), 1.0, 0.0)
    reader = Arrays(arrays={"height": np.ones((2, 4))})
    with pytest.raises(ConfigError, match="no unit to compare"):
        surface(reader, barriers=[{"layer": "height", "above": "5 m"}]).block(ALL)
