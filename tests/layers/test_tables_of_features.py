"""Tables joined to features by a key, and features merged by a column."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from cdrsite.config.layers import FileLayer, Join
from cdrsite.core.errors import CdrsiteError, CdrsiteWarning, DataError
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.layers.region import StudyArea
from cdrsite.layers.stack import LayerStack

WEST, SOUTH = 4_000_000.0, 3_000_000.0
BOX = (WEST, SOUTH, WEST + 6000, SOUTH + 2000)
WHOLE = Block(0, 2, 0, 6)


def counties(path: Path, keys: list[Any], **columns: Any) -> Path:
    """Neighbours, each 1 km wide and 2 km high."""
    shapes = [
        shapely.box(WEST + 1000 * i, SOUTH, WEST + 1000 * (i + 1), SOUTH + 2000)
        for i in range(len(keys))
    ]
    gpd.GeoDataFrame({"FIPS": keys, **columns}, geometry=shapes, crs=3035).to_file(path)
    return path


def stack(path: Path, **options: Any) -> LayerStack:
    grid = AnalysisGrid.from_bounds("EPSG:3035", BOX, 1000.0, snap=None)
    return LayerStack({"it": FileLayer(path=path, **options)}, StudyArea(grid, shapely.box(*BOX)))


def join(table: Path, **more: Any) -> Join:
    return Join(table=table, on="FIPS", **more)


@pytest.mark.parametrize("kind", ["csv", "parquet", "dbf"])
@pytest.mark.parametrize(
    ("keys", "rows"),
    [
        ([1, 2, 3], [3, 1, 2]),
        (["01", "02", "003"], ["003", "01", "02"]),
        ([1.0, 2.0, 3.0], ["3", "1", "2"]),
    ],
)
def test_rows_find_their_features(
    kind: str, keys: list[Any], rows: list[Any], tmp_path: Path
) -> None:
    path = counties(tmp_path / "c.gpkg", keys)
    table = pd.DataFrame({"code": rows, "t": [30.0, 10.0, 20.0], "name": ["c", "a", "b"]})
    file = tmp_path / f"yields.{kind}"
    if kind == "csv":
        table.to_csv(file, index=False)
    elif kind == "parquet":
        table.to_parquet(file)
    else:
        points = gpd.points_from_xy([0, 0, 0], [0, 0, 0])
        gpd.GeoDataFrame(table, geometry=points, crs=3035).to_file(tmp_path / "yields.shp")
        file = tmp_path / "yields.shp"
    layers = stack(path, join=join(file, key="code"), attribute="t", kind="extensive", unit="t/yr")
    assert layers.attribute("it", "t").tolist() == [10, 20, 30]
    assert layers.text("it", "name") == ["a", "b", "c"]
    np.testing.assert_array_equal(layers.values("it", WHOLE)[0], [5, 10, 15] + [np.nan] * 3)
    chosen = stack(path, join=join(file, key="code"), where="t > 15")
    np.testing.assert_array_equal(chosen.coverage("it", WHOLE)[0], [0, 1, 1, 0, 0, 0])


def test_features_without_a_row_are_unknown_and_told_of(tmp_path: Path) -> None:
    path = counties(tmp_path / "c.gpkg", ["a", "b", None])
    (tmp_path / "t.csv").write_text("FIPS,t\na,7\nz,9\n,5\n")
    with pytest.warns(CdrsiteWarning, match=r"2 of 3 features have no row in t.csv.* , b|: , b"):
        got = stack(path, join=join(tmp_path / "t.csv")).attribute("it", "t")
    np.testing.assert_array_equal(got, [7, np.nan, np.nan])


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("FIPS,t\n01,7\n02,9\n", {}, r"no feature has a row.*FIPS such as '1', FIPS such as '01'"),
        ("FIPS,t\n1,7\n1,9\n", {}, r"several rows of the table have one key; got '1' in 'FIPS'"),
        ("fid,t\n1,7\n", {}, r"no column 'FIPS'.*one of fid, t"),
        ("FIPS,t\n1,7\n", {"key": "code"}, r"no column 'code'"),
    ],
)
def test_tables_that_do_not_fit_are_refused(
    text: str, options: dict[str, Any], words: str, tmp_path: Path
) -> None:
    path = counties(tmp_path / "c.gpkg", [1, 2])
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=words):
        stack(path, join=join(tmp_path / "t.csv", **options)).features("it")


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    path = counties(tmp_path / "c.gpkg", [1])
    (tmp_path / "yields.csv").write_text("FIPS,t\n1,7\n")
    with pytest.raises(CdrsiteError, match=r"no such file.*did you mean 'yields.csv'"):
        stack(path, join=join(tmp_path / "yeilds.csv")).features("it")


def test_a_column_of_a_name_that_is_taken_is_named_after_its_table(tmp_path: Path) -> None:
    path = counties(tmp_path / "c.gpkg", [1, 2], t=[1.0, 2.0])
    (tmp_path / "new.csv").write_text("FIPS,T\n1,70\n2,80\n")
    layers = stack(path, join=join(tmp_path / "new.csv"))
    assert layers.attribute("it", "t").tolist() == [1, 2]
    assert layers.attribute("it", "new_T").tolist() == [70, 80]


def test_counties_become_states(tmp_path: Path) -> None:
    path = counties(
        tmp_path / "c.gpkg",
        [1, 2, 3, 4],
        state=["N", "S", "N", None],
        pop=[1.0, 2.0, 4.0, 8.0],
        land=["x", "y", "x", "z"],
        name=["p", "q", "r", "s"],
    )
    layers = stack(path, dissolve="state", sum="pop", attribute="pop", kind="extensive", unit="1")
    assert layers.text("it", "state") == ["N", "S"]
    assert layers.attribute("it", "pop").tolist() == [5, 2]
    assert layers.text("it", "land") == ["x", "y"]
    np.testing.assert_array_equal(layers.labels("it", WHOLE)[0], [0, 1, 0, -1, -1, -1])
    got = layers.values("it", WHOLE)
    np.testing.assert_allclose(got[0], [1.25, 1, 1.25, np.nan, np.nan, np.nan])
    with pytest.raises(DataError, match=r"'name' has several values .*cure: sum: \[name\]"):
        layers.text("it", "name")
    with pytest.raises(DataError, match="'name' is not numeric"):
        stack(path, dissolve="state", sum="name").features("it")
    with pytest.raises(DataError, match=r"no column 'sate'.*did you mean 'state'"):
        stack(path, dissolve="sate").features("it")


def test_merging_keeps_the_area_and_what_is_unknown(tmp_path: Path) -> None:
    path = counties(tmp_path / "c.gpkg", [1, 2, 3], zone=[1, 1, 2], pop=[1.0, np.nan, 4.0])
    apart, merged = stack(path), stack(path, dissolve="zone", sum=["pop"])
    assert merged.features("it").area.sum() == pytest.approx(apart.features("it").area.sum())
    np.testing.assert_array_equal(merged.attribute("it", "pop"), [np.nan, 4])
    np.testing.assert_array_equal(apart.coverage("it", WHOLE), merged.coverage("it", WHOLE))


def test_joined_columns_can_be_merged_by(tmp_path: Path) -> None:
    path = counties(tmp_path / "c.gpkg", [1, 2, 3])
    (tmp_path / "t.csv").write_text("FIPS,zone,t\n1,a,1\n2,b,2\n3,a,4\n")
    layers = stack(path, join=join(tmp_path / "t.csv"), dissolve="zone", sum="t")
    assert layers.text("it", "zone") == ["a", "b"]
    assert layers.attribute("it", "t").tolist() == [5, 2]


def test_sum_alone_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing is merged"), warnings.catch_warnings():
        FileLayer(path=Path("a.gpkg"), sum=["t"])
