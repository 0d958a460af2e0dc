"""Routes of sites, shared corridors and polygons, on small grids written out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from cdrsite.core.errors import CdrsiteWarning
from cdrsite.core.grid import AnalysisGrid
from cdrsite.study import features as traces
from cdrsite.study.features import add_storage, polygon_features, route_features
from cdrsite.transport.distance import Sources, least_cost
from cdrsite.transport.links import SinkLinks

GRID = AnalysisGrid.from_bounds("EPSG:3035", (4_000_000, 3_000_000, 4_005_000, 3_005_000), 1000.0)
UNITS: Any = SimpleNamespace(
    layer="stores", names=("east", "北"), index=np.array([0, 2]), cost=np.array([5.0, 7.0])
)


def cross() -> SinkLinks:
    """Ground is passable along the middle row and column only; units at their east and north end.

    The second unit of every cell is put first, as trucks or crossings may do after the routing.
    """
    friction = np.full((5, 5), np.inf)
    friction[2, :] = 1
    friction[:, 2] = 1
    routes = least_cost(
        friction, GRID.row_steps_m, Sources.of([2, 0], [4, 2], [0, 1]), neighbours=8, k=2
    )
    rank = np.argsort(routes.sink != 1, axis=0, kind="stable")  # the northern unit first
    rank[:, ~np.isfinite(friction)] = np.array([[0], [1]])
    sink = np.take_along_axis(routes.sink, rank, axis=0)
    km = np.take_along_axis(routes.length_km, rank, axis=0).astype(np.float32)
    truck = np.zeros(sink.shape, bool)
    truck[0, 4, 2] = True
    return SinkLinks(
        cost=(2 * km).astype(np.float32),
        length_km=km,
        sink=sink,
        storage_cost=np.zeros_like(km),
        mode=truck.astype(np.uint8),
        rank=rank.astype(np.int8),
        routes=routes,
    )


def sites(*where: tuple[str, int, int]) -> pd.DataFrame:
    """Sites by method, row and column, ranked in the order given."""
    ranks: dict[str, int] = {}
    rows = []
    for method, row, col in where:
        ranks[method] = ranks.get(method, 0) + 1
        rows.append({"method": method, "rank": ranks[method], "x": GRID.x[col], "y": GRID.y[row]})
    return pd.DataFrame(rows, columns=["method", "rank", "x", "y"])


def point(row: int, col: int) -> tuple[float, float]:
    return float(GRID.x[col]), float(GRID.y[row])


SITES = sites(
    ("daccs-solid", 2, 0),
    ("daccs-solid", 4, 2),
    ("daccs-solid", 0, 2),  # on the unit
    ("daccs-solid", 0, 0),  # out of reach
    ("afforestation", 2, 1),
)


def test_the_table_says_where_the_co2_would_go() -> None:
    table = add_storage(SITES, ["daccs-solid"], UNITS, cross(), GRID)
    assert table["storage_unit"].tolist() == ["北", "北", "北", "", ""]
    assert table["transport_mode"].tolist() == ["pipeline", "truck", "pipeline", "", ""]
    bend = 2 + 2**0.5  # (2, 0), (2, 1), (1, 2), (0, 2)
    np.testing.assert_allclose(table["transport_km"], [bend, 4, 0, np.nan, np.nan], rtol=1e-6)
    np.testing.assert_allclose(table["transport_cost_usd_t"], 2 * table["transport_km"], rtol=1e-6)
    assert "storage_unit" not in SITES, "the table given is not changed"


def test_without_storage_units_the_columns_are_empty() -> None:
    table = add_storage(SITES, ["daccs-solid"], None, None, GRID)
    assert (table["storage_unit"] == "").all()
    assert table["transport_km"].isna().all()
    assert route_features(table, None, GRID) == {}


def test_no_sites_no_routes() -> None:
    table = add_storage(sites(), ["daccs-solid"], UNITS, cross(), GRID)
    assert len(table) == 0
    assert route_features(table, cross(), GRID) == {}


def test_routes_follow_the_link_that_is_cheapest_after_the_routing() -> None:
    table = add_storage(SITES, ["daccs-solid"], UNITS, cross(), GRID)
    routes = route_features(table, cross(), GRID)["routes"]
    # the site on its unit and the one out of reach have no line
    assert routes[["method", "rank"]].to_numpy().tolist() == [
        ["daccs-solid", 1],
        ["daccs-solid", 2],
    ]
    assert routes["storage_unit"].tolist() == ["北", "北"]
    first, second = routes.geometry
    assert list(first.coords) == [point(2, 0), point(2, 1), point(1, 2), point(0, 2)]
    assert list(second.coords) == [point(row, 2) for row in (4, 3, 2, 1, 0)]
    assert routes["length_km"].to_numpy() == pytest.approx(routes.length / 1000, rel=1e-6)
    assert routes["mode"].tolist() == ["pipeline", "truck"]
    assert routes.crs == GRID.crs
    assert routes.is_valid.all()


def test_smoothed_lines_keep_their_ends() -> None:
    table = add_storage(SITES, ["daccs-solid"], UNITS, cross(), GRID)
    routes = route_features(table, cross(), GRID)["routes"]
    for exact, smooth in zip(routes.geometry, routes["smoothed"], strict=True):
        assert smooth.coords[0] == exact.coords[0]
        assert smooth.coords[-1] == exact.coords[-1]
    assert routes["smoothed"].iloc[0].length < routes.geometry.iloc[0].length


def test_corridors_say_who_shares_them() -> None:
    table = add_storage(
        sites(
            ("daccs-solid", 2, 0),
            ("daccs-solid", 4, 2),
            ("daccs-solid", 3, 2),
            ("beccs-residue", 4, 2),
        ),
        ["daccs-solid", "beccs-residue"],
        UNITS,
        cross(),
        GRID,
    )
    shared = route_features(table, cross(), GRID)["corridors"]
    found = {
        (used, count, tuple(line.coords))
        for used, count, line in zip(
            shared["used_by"], shared["routes"], shared.geometry, strict=True
        )
    }
    assert found == {
        ("daccs-solid 1–3; beccs-residue 1", 4, (point(1, 2), point(0, 2))),
        ("daccs-solid 2; beccs-residue 1", 2, (point(4, 2), point(3, 2))),
        (
            "daccs-solid 2–3; beccs-residue 1",
            3,
            (point(3, 2), point(2, 2), point(1, 2)),
        ),
    }
    assert sorted(shared["length_km"]) == pytest.approx([1, 1, 2], rel=1e-6)
    assert set(shared["storage_unit"]) == {"北"}


def test_too_many_sites_are_cut_with_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "MOST_ROUTES", 1)
    table = add_storage(SITES, ["daccs-solid"], UNITS, cross(), GRID)
    with pytest.warns(CdrsiteWarning, match="best 1 sites of each method, not for 1 others"):
        found = route_features(table, cross(), GRID)
    assert found["routes"]["rank"].tolist() == [1]
    assert "corridors" not in found


def test_polygons_carry_the_names_of_the_tables() -> None:
    box, away = shapely.box(4e6, 3e6, 4.001e6, 3.001e6), shapely.box(4.002e6, 3e6, 4.003e6, 3.002e6)
    layers = {
        "stores": gpd.GeoDataFrame(geometry=[box, away, box.union(away)], crs=GRID.wkt),
        "basins": gpd.GeoDataFrame(geometry=[away, shapely.GeometryCollection()], crs=GRID.wkt),
    }
    reader: Any = SimpleNamespace(grid=GRID, features=layers.__getitem__)
    pools: Any = {"water": SimpleNamespace(layer="basins", names=("a", "b"))}
    found = polygon_features(reader, UNITS, pools, ("basins", ["p", "q"]))
    assert list(found) == ["storage", "pools_water", "provinces"]
    storage = found["storage"]
    assert storage["unit"].tolist() == ["east", "北"]
    assert storage["cost_usd_t"].tolist() == [5.0, 7.0]
    # the unit in between was left out, so its polygon is too
    assert storage.area.tolist() == pytest.approx([1e6, 3e6])
    assert set(storage.geom_type) == {"MultiPolygon"}
    assert found["pools_water"]["zone"].tolist() == ["a", "b"]
    assert found["pools_water"].geometry.isna().tolist() == [False, True]
    assert found["provinces"]["zone"].tolist() == ["p", "q"]
    assert storage.crs == GRID.crs
    assert polygon_features(reader, None, {}, None) == {}
