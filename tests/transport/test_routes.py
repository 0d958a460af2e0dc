from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from cdrsite.core.errors import DataError
from cdrsite.core.grid import AnalysisGrid
from cdrsite.engine.arrays import DiskStore
from cdrsite.transport.distance import DistanceResult, Sources, least_cost
from cdrsite.transport.routes import corridors, line, smooth, trace

KM = (1000.0, 1000.0)


def test_the_only_way_round_a_wall() -> None:
    friction = np.array([[1, np.inf, 1], [1, np.inf, 1], [1, 1, 1]], float)
    got = least_cost(friction, KM, Sources.of([0], [2], [3]), neighbours=8)
    route = trace(got, 0, 0)
    assert list(zip(route.row, route.col, strict=True)) == [(0, 0), (1, 0), (2, 1), (1, 2), (0, 2)]
    assert route.sink == 3
    np.testing.assert_allclose(route.length_km, 2 + 2 * 2**0.5)
    np.testing.assert_allclose(route.left_km[-1], 0)


def test_the_route_to_the_second_sink_keeps_to_it() -> None:
    rng = np.random.default_rng(0)
    got = least_cost(
        rng.uniform(1, 5, (30, 30)), KM, Sources.of([0, 29, 15], [0, 29, 3], [0, 1, 2]), k=3
    )
    ends = {0: (0, 0), 1: (29, 29), 2: (15, 3)}
    for rank in range(3):
        route = trace(got, 20, 7, rank)
        assert (route.row[-1], route.col[-1]) == ends[route.sink]
        assert (np.diff(route.left_km) < 0).all()


def test_routes_on_disk_equal_those_in_memory(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    friction = rng.uniform(1, 5, (40, 50))
    got = least_cost(friction, KM, Sources.of([0, 39, 15], [0, 49, 3], [0, 1, 2]), k=2)
    store = DiskStore(tmp_path, 8)
    arrays = {}
    for name in ("cost", "length_km", "sink", "link", "status"):
        values = getattr(got, name)
        arrays[name] = store.create(name, values.shape, values.dtype)
        arrays[name][:] = values
    disk = DistanceResult(**arrays, neighbourhood=got.neighbourhood)
    for row, col, rank in ((20, 25, 0), (39, 0, 1), (0, 49, 0), (0, 49, 1)):
        one, other = trace(got, row, col, rank), trace(disk, row, col, rank)
        assert one.row.tolist() == other.row.tolist()
        assert one.col.tolist() == other.col.tolist()
        assert (one.cost, one.sink) == (other.cost, other.sink)
        np.testing.assert_array_equal(one.left_km, other.left_km)
    assert len(disk.cells["link"].windows) <= 8


def test_a_route_from_a_cell_of_the_sink_has_one_cell() -> None:
    got = least_cost(np.ones((2, 2)), KM, Sources.of([0], [0], [0]))
    route = trace(got, 0, 0)
    assert route.row.size == 1
    assert route.cost == 0


def test_no_route_is_said() -> None:
    got = least_cost(np.array([[1, np.inf, 1]]), KM, Sources.of([0], [0], [0]))
    with pytest.raises(DataError, match="no route"):
        trace(got, 0, 2)
    with pytest.raises(DataError, match="no such cell"):
        trace(got, 0, 3)


def test_shared_corridors_are_cut_where_routes_meet() -> None:
    friction = np.full((5, 5), np.inf)
    friction[2, :] = 1
    friction[:, 2] = 1
    got = least_cost(friction, KM, Sources.of([2], [4], [0]), neighbours=8)
    # the side cells of the crossing are joined by diagonals past its middle
    routes = [trace(got, 2, 0), trace(got, 0, 2), trace(got, 4, 2)]
    shared = corridors(routes, at_least=2)
    assert [c.routes for c in shared] == [(0, 1, 2)]
    assert list(zip(shared[0].row, shared[0].col, strict=True)) == [(2, 3), (2, 4)]
    np.testing.assert_allclose(shared[0].length_km, 1)
    whole = sum(c.length_km * c.multiplicity for c in corridors(routes))
    np.testing.assert_allclose(whole, sum(route.length_km for route in routes))


def test_lines_run_through_cell_centres_and_smoothing_keeps_the_ends() -> None:
    grid = AnalysisGrid.from_bounds("EPSG:6933", (0, 0, 3000, 3000), 1000)
    exact = line(np.array([0, 0, 2]), np.array([0, 2, 2]), grid)
    assert shapely.get_coordinates(exact).tolist() == [[500, 2500], [2500, 2500], [2500, 500]]
    soft = smooth(exact)
    assert soft.length < exact.length
    assert soft.coords[0] == exact.coords[0]
    assert soft.coords[-1] == exact.coords[-1]
    assert line(np.array([1]), np.array([1]), grid).length == 0


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-9), ("float32", 2e-7)])
def test_ten_golden_routes(cases_dir: Path, dtype: Any, tolerance: float) -> None:
    import rasterio

    folder = cases_dir / "ri_routes"
    with rasterio.open(folder / "tie_line_costs_102MW.tif") as file:
        per_cell = file.read(1).astype(np.float64)
    with rasterio.open(folder / "transmission_barrier.tif") as file:
        barrier = file.read(1).astype(np.float64)
    with (folder / "golden_routes.csv").open() as file:
        golden = list(csv.DictReader(file))
    # the reference works in the box of the five ends and one cell around it, whose corner is
    # row 180, column 264 of the files; its rows and columns count from there
    window = (slice(180, 679), slice(264, 624))
    per_cell, barrier = per_cell[window], barrier[window]
    cost = np.where(per_cell > 0, per_cell, np.inf) / 0.09
    steer = cost * (1 + 100 * barrier)
    ends = {int(g["index"]): (int(g["row"]), int(g["col"])) for g in golden}
    assert len(golden) == 20  # ten routes, there and back
    for start, (row, col) in ends.items():
        got = least_cost(
            steer,
            (90.0, 90.0),
            Sources.of([row], [col], [start]),
            billed=cost,
            neighbours=8,
            dtype=dtype,
        )
        for g in golden:
            if int(g["start_index"]) == start:
                route = trace(got, int(g["row"]), int(g["col"]))
                assert route.cost == pytest.approx(float(g["cost"]), rel=tolerance)
                assert route.length_km == pytest.approx(float(g["length_km"]), rel=tolerance)
