"""Distances to features in the same polygon: written out, against an oracle, in any blocks."""

from __future__ import annotations

import tempfile
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from cdrsite.config.layers import DerivedLayer, ExpressionLayer, FileLayer
from cdrsite.config.siting import ExcludeRule
from cdrsite.core.errors import CdrsiteWarning, DataError
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.layers.region import StudyArea
from cdrsite.layers.shapes import members
from cdrsite.layers.stack import LayerStack
from cdrsite.siting.exclusions import exclude_block, rule_book
from cdrsite.siting.rules import describe_rule, known_share, rule_share

WEST, NORTH, SIDE = 4_000_000.0, 3_000_000.0, 10_000.0
NAN, INF = np.nan, np.inf


def area(rows: int, cols: int, crs: str = "EPSG:3035") -> StudyArea:
    """Cells of 10 km, or of 0.1 degree."""
    west, north, side = (WEST, NORTH, SIDE) if crs == "EPSG:3035" else (100.0, 40.0, 0.1)
    bounds = (west, north - rows * side, west + cols * side, north)
    return StudyArea(AnalysisGrid.from_bounds(crs, bounds, side, snap=None), shapely.box(*bounds))


def whole(where: StudyArea) -> Block:
    return Block(0, where.grid.rows, 0, where.grid.cols)


def put(shape: Any, where: StudyArea) -> Any:
    """A shape of cells from the north-west corner, in the grid's CRS."""
    grid = where.grid
    return shapely.transform(
        shape, lambda c: np.column_stack([grid.west, grid.north]) + c * grid.resolution * [1, -1]
    )


def stack_of(
    folder: Path, where: StudyArea, stations: list[Any], counties: list[Any], **columns: Any
) -> LayerStack:
    """Stations and counties as files."""
    layers = {}
    for name, shapes, more in (("stations", stations, columns), ("counties", counties, {})):
        path = folder / f"{name}.gpkg"
        made = [put(shape, where) for shape in shapes]
        gpd.GeoDataFrame(more, geometry=made, crs=where.grid.crs).to_file(path)
        layers[name] = FileLayer(path=path)
    return LayerStack(layers, where)


COUNTIES = [shapely.box(0, 0, 3, 1), shapely.box(3, 0, 6, 1), shapely.box(6, 0, 8, 1)]
"""Three counties in a row of nine cells; the last cell lies in none."""
STATIONS = [shapely.Point(3.5, 0.5), shapely.Point(7.5, 0.5), shapely.Point(20, 0.5)]


def direct(**rule: Any) -> ExcludeRule:
    return ExcludeRule.model_validate({"layer": "stations", "within": "counties", **rule})


def test_distance_to_a_feature_of_the_same_polygon_only(tmp_path: Path) -> None:
    where = area(1, 9)
    stack = stack_of(tmp_path, where, STATIONS, COUNTIES, kv=[35, 110, 35])
    got = stack.distance("stations", whole(where), zones="counties") / 1000
    assert got.tolist()[0][:8] == [INF, INF, INF, 0, 10, 20, 10, 0]
    assert np.isnan(got[0, 8])
    plain = stack.distance("stations", whole(where)) / 1000
    assert plain.tolist() == [[30, 20, 10, 0, 10, 20, 10, 0, 10]]
    of_35 = stack.distance("stations", whole(where), "kv == 35", zones="counties") / 1000
    assert of_35.tolist()[0][3:8] == [0, 10, 20, INF, INF]


@pytest.mark.parametrize(
    ("rule", "hit", "unknown"),
    [
        ({"farther_than": "15 km"}, [1, 1, 1, 0, 0, 1, 0, 0], 0),
        ({"farther_than": "15 km", "unknown": "exclude"}, [1, 1, 1, 0, 0, 1, 0, 0], 1),
        ({"closer_than": "15 km"}, [0, 0, 0, 1, 1, 0, 1, 1], 0),
        ({"closer_than": "15 km", "unknown": "exclude"}, [0, 0, 0, 1, 1, 0, 1, 1], 1),
    ],
)
def test_a_rule_within_polygons(
    tmp_path: Path, rule: dict[str, Any], hit: list[int], unknown: int
) -> None:
    where = area(1, 9)
    stack, made = stack_of(tmp_path, where, STATIONS, COUNTIES), direct(**rule)
    share = rule_share(made, stack, whole(where))
    assert share[0, :8].tolist() == hit
    assert np.isnan(share[0, 8])
    assert known_share(made, share).tolist() == [[*hit, unknown]]
    book = rule_book([made], [], {"a": ()})
    inside = np.ones((1, 9), bool)
    found = exclude_block(book, stack, whole(where), inside)
    assert found.reasons.tolist() == [[*hit, unknown]]
    near = "closer than 15 km to" if "closer_than" in rule else "farther than 15 km from"
    assert describe_rule(made) == f"{near} stations in the same of counties"


def test_either_voltage_by_an_expression(tmp_path: Path) -> None:
    # 20 km at 35 kV or 50 km at 110 kV, in the same county: one county of ten cells
    where = area(1, 12)
    stations = [shapely.Point(0.5, 0.5), shapely.Point(9.5, 0.5)]
    stack = stack_of(tmp_path, where, stations, [shapely.box(0, 0, 11, 1)], kv=[35, 110])
    near: dict[str, Any] = {"derive": "distance", "from": "stations", "unit": "km"}
    layers = {
        **stack.layers,
        "low": DerivedLayer.model_validate({**near, "where": "kv == 35", "within": "counties"}),
        "high": DerivedLayer.model_validate({**near, "where": "kv == 110", "within": "counties"}),
        "line": ExpressionLayer(expression="min(low / 20, high / 50)", unit="1"),
    }
    rule = ExcludeRule(layer="line", above=1.0, unknown="exclude")
    share = known_share(rule, rule_share(rule, LayerStack(layers, where), whole(where)))
    #        0  10 20 30 km from 35 kV; 90 ... 50 40 ... from 110 kV
    assert share.tolist() == [[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]]


def test_which_polygon_a_feature_belongs_to() -> None:
    zones = np.array([shapely.box(0, 0, 2, 2), shapely.box(2, 0, 4, 2), shapely.box(9, 0, 10, 1)])
    shapes = [
        shapely.Point(1, 1),  # inside one
        shapely.Point(2, 1),  # on the border of two
        shapely.LineString([(1, 1), (3, 1)]),  # crosses from one to the other
        shapely.box(0, 0, 2, 2),  # one itself, whose edge the other touches
        shapely.Point(6, 1),  # in none
        shapely.GeometryCollection([shapely.Point(3, 1), shapely.LineString([(9, 0), (9, 9)])]),
    ]
    found = members(np.array(shapes, dtype=object), zones)
    assert list(zip(*(one.tolist() for one in found), strict=True)) == [
        (0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (5, 1),
    ]  # fmt: skip


def test_features_in_no_polygon_are_told_of(tmp_path: Path) -> None:
    where = area(1, 9)
    stack = stack_of(tmp_path, where, [shapely.Point(8.5, 0.5)], COUNTIES)
    with pytest.warns(CdrsiteWarning, match="stations.* no feature lies in a polygon of counties"):
        assert np.isinf(stack.distance("stations", whole(where), zones="counties")[0, :8]).all()


def test_polygons_are_asked_for(tmp_path: Path) -> None:
    where = area(1, 9)
    stack = stack_of(tmp_path, where, STATIONS, STATIONS)
    with pytest.raises(DataError, match=r"layers.counties.*cover no area"):
        stack.distance("stations", whole(where), zones="counties")


PLACES = st.tuples(st.floats(-3, 12), st.floats(-3, 10))


@settings(max_examples=examples(25))
@given(
    places=st.lists(PLACES, min_size=1, max_size=6),
    cuts=st.lists(st.integers(1, 8), min_size=1, max_size=3, unique=True),
    crs=st.sampled_from(["EPSG:3035", "EPSG:4326"]),
    size=st.integers(2, 6),
)
def test_never_nearer_than_without_and_the_same_in_any_blocks(
    places: list[tuple[float, float]], cuts: list[int], crs: str, size: int
) -> None:
    where = area(7, 9, crs)
    edges = [-2, *sorted(cuts), 8]
    counties = [shapely.box(a, -1, b, 6) for a, b in pairwise(edges)]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        stations = [shapely.Point(*place) for place in places]
        stack = stack_of(Path(folder), where, stations, counties)
        block = whole(where)
        got = stack.distance("stations", block, zones="counties")
        plain, labels = stack.distance("stations", block), stack.labels("counties", block)
        pieces = np.full_like(got, -7)
        for part in where.grid.blocks(size):
            pieces[part.slices] = stack.distance("stations", part, zones="counties")
    assert got.tobytes() == pieces.tobytes()
    assert (np.isnan(got) == (labels < 0)).all()
    known = ~np.isnan(got)
    assert (got[known] >= plain[known]).all()
    if crs != "EPSG:3035":
        return
    for row, col in np.argwhere(known).tolist():
        county = counties[labels[row, col]]
        mine = [p for p in stations if shapely.intersects(county, p)]
        centre = shapely.Point(col + 0.5, row + 0.5)
        expected = min((SIDE * shapely.distance(centre, p) for p in mine), default=INF)
        assert got[row, col] == pytest.approx(expected, rel=1e-5, abs=1e-3)
