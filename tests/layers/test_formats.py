"""Files as people have them: archives, GML, TopoJSON, FlatGeobuf, GeoParquet, KML."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely

from cdrsite.config.layers import FileLayer
from cdrsite.core.errors import DataError
from cdrsite.core.grid import AnalysisGrid
from cdrsite.layers.region import StudyArea
from cdrsite.layers.stack import LayerStack

BOX = (9.0, 49.0, 11.0, 51.0)
SHAPES = [shapely.box(9.2, 49.2, 9.8, 49.8), shapely.box(10.2, 50.2, 10.8, 50.8)]


def features(path: Path, **options: Any) -> Any:
    grid = AnalysisGrid.from_bounds("EPSG:4326", BOX, 0.5)
    return LayerStack(
        {"it": FileLayer(path=path, **options)}, StudyArea(grid, shapely.box(*BOX))
    ).features("it")


def frame() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"n": [1, 2], "name": ["a", "b"]}, geometry=SHAPES, crs=4326)


def topology(path: Path) -> Path:
    rings = [list(shapely.get_coordinates(shape).tolist()) for shape in SHAPES]
    parts = [
        {"type": "Polygon", "arcs": [[i]], "properties": {"n": i + 1, "name": "ab"[i]}}
        for i in (0, 1)
    ]
    objects = {"it": {"type": "GeometryCollection", "geometries": parts}}
    path.write_text(json.dumps({"type": "Topology", "arcs": rings, "objects": objects}))
    return path


def packed(path: Path, files: list[Path], inside: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in files:
            archive.write(file, f"{inside}{file.name}")
    return path


@pytest.mark.parametrize(
    "name",
    ["a.gml", "a.topojson", "a.fgb", "a.parquet", "a.geojson", "a.kml", "a.shp.zip", "b.zip"],
)
def test_every_format_gives_the_same_features(name: str, tmp_path: Path) -> None:
    path, options = tmp_path / name, {}
    if name == "a.topojson":
        topology(path)
        options = {"crs": "EPSG:4326"}
    elif name == "a.parquet":
        frame().to_parquet(path)
    elif name.endswith(".zip"):
        frame().to_file(tmp_path / "in.shp")
        parts = [one for one in tmp_path.iterdir() if one.stem == "in"]
        packed(path, parts, inside="data/" if name == "b.zip" else "")
    elif name == "a.gml":
        frame().to_file(path, driver="GML")
    elif name == "a.kml":
        frame().to_file(path, driver="KML")
    else:
        frame().to_file(path)
    before = sorted(one.name for one in tmp_path.iterdir())
    got = features(path, **options)
    got = got.iloc[got.geometry.bounds.minx.argsort()]  # an index may order them
    assert sorted(one.name for one in tmp_path.iterdir()) == before  # nothing is left beside it
    assert [shape.equals(known) for shape, known in zip(got.geometry, SHAPES, strict=True)] == [
        True,
        True,
    ]
    if name != "a.kml":
        assert got["n"].tolist() == [1, 2]


def test_a_topojson_without_a_system_asks_for_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no coordinate system.*cure: add crs: EPSG"):
        features(topology(tmp_path / "a.topojson"))


def test_an_archive_of_several_files_asks_which(tmp_path: Path) -> None:
    for stem in ("rivers", "roads"):
        frame().to_file(tmp_path / f"{stem}.geojson")
    path = packed(tmp_path / "a.zip", sorted(tmp_path.glob("*.geojson")))
    with pytest.raises(DataError, match="which file of the archive is meant; got rivers, roads"):
        features(path)
    assert len(features(path, layer="roads")) == 2


def test_archives_of_nothing_or_no_archives(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("nothing")
    with pytest.raises(DataError, match=r"the archive holds no features; got readme.txt"):
        features(packed(tmp_path / "a.zip", [tmp_path / "readme.txt"]))
    (tmp_path / "b.zip").write_bytes(b"not a zip")
    with pytest.raises(DataError, match="content is not what its ending says"):
        features(tmp_path / "b.zip")
    (tmp_path / "c.zip").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(DataError, match="cannot be read"):
        features(tmp_path / "c.zip")


def test_names_in_an_archive_lead_nowhere(tmp_path: Path) -> None:
    frame().to_file(tmp_path / "x.geojson")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "x.geojson", "../../../../evil.geojson")
    before = sorted(tmp_path.rglob("*"))
    assert len(features(tmp_path / "a.zip")) == 2
    assert sorted(tmp_path.rglob("*")) == before
