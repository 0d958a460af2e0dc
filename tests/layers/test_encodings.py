"""Text whose letters a file does not explain: refused where it is read, with a guess."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from cdrsite.config.layers import FileLayer
from cdrsite.config.models import GridModel, Region
from cdrsite.core.errors import DataError
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.layers.encodings import guesses
from cdrsite.layers.region import StudyArea, build_grid
from cdrsite.layers.stack import LayerStack

BOX = (4_000_000.0, 3_000_000.0, 4_004_000.0, 3_002_000.0)
NAMES = ["甘肃", "宁夏"]


def shapefile(
    folder: Path, encoding: str, names: list[str], mark: int = 0, cpg: str | None = None
) -> Path:
    """Two polygons side by side, in a Shapefile whose table says no code page."""
    west, south, _, north = BOX
    shapes = [shapely.box(west + 2000 * i, south, west + 2000 * (i + 1), north) for i in (0, 1)]
    frame = gpd.GeoDataFrame({"n": [1.0, 2.0], "name": names}, geometry=shapes, crs=3035)
    path = folder / "a.shp"
    frame.to_file(path, encoding=encoding)
    path.with_suffix(".cpg").unlink(missing_ok=True)
    table = path.with_suffix(".dbf")
    raw = bytearray(table.read_bytes())
    raw[29] = mark
    table.write_bytes(raw)
    if cpg:
        path.with_suffix(".cpg").write_text(cpg)
    return path


def stack(path: Path, **options: Any) -> LayerStack:
    grid = AnalysisGrid.from_bounds("EPSG:3035", BOX, 1000.0, snap=None)
    return LayerStack({"it": FileLayer(path=path, **options)}, StudyArea(grid, shapely.box(*BOX)))


WHOLE = Block(0, 2, 0, 4)


@pytest.mark.parametrize("mark", [0, 0x57])
@pytest.mark.parametrize(
    ("encoding", "names", "guess"),
    [
        ("GBK", NAMES, "GBK"),
        ("UTF-8", NAMES, "UTF-8"),
        ("Shift_JIS", ["とやま", "ながの"], "Shift_JIS"),
        ("cp1252", ["Québec", "plain"], "cp1252"),
    ],
)
def test_a_text_that_nothing_explains_is_refused_with_a_guess(
    mark: int, encoding: str, names: list[str], guess: str, tmp_path: Path
) -> None:
    path = shapefile(tmp_path, encoding, names, mark)
    layers = stack(path)
    # shapes and numbers need no letters
    assert layers.coverage("it", WHOLE).sum() == 8
    assert layers.attribute("it", "n").tolist() == [1, 2]
    for ask in (
        lambda: layers.text("it", "name"),
        lambda: layers.coverage("it", WHOLE, f"name == '{names[0]}'"),
        lambda: stack(path, where="name == 'x'").features("it"),
    ):
        with pytest.raises(DataError, match="the text cannot be read") as caught:
            ask()
        assert f"as {guess} it would begin {names[0]!r}" in str(caught.value)
        assert "encoding: " in str(caught.value)
    told = stack(path, encoding=encoding)
    assert told.text("it", "name") == names
    got = told.coverage("it", WHOLE, f"name == '{names[0]}'")
    np.testing.assert_array_equal(got, [[1, 1, 0, 0]] * 2)


@pytest.mark.parametrize(("mark", "cpg"), [(0x4D, None), (0, "GBK"), (0, "936")])
def test_a_file_that_says_its_encoding_is_believed(
    mark: int, cpg: str | None, tmp_path: Path
) -> None:
    path = shapefile(tmp_path, "GBK", NAMES, mark, cpg)
    assert stack(path).text("it", "name") == NAMES


def test_plain_letters_need_no_encoding(tmp_path: Path) -> None:
    assert stack(shapefile(tmp_path, "UTF-8", ["a", "b"])).text("it", "name") == ["a", "b"]


def test_a_file_that_says_the_wrong_encoding(tmp_path: Path) -> None:
    path = shapefile(tmp_path, "GBK", NAMES, cpg="UTF-8")
    with pytest.raises(DataError, match=r"said to be UTF-8.*as GBK it would begin '甘肃'"):
        stack(path).features("it")
    assert stack(path, encoding="gbk").text("it", "name") == NAMES


def test_a_table(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("lon,lat,name\n10,50,甘肃\n10,50,宁夏\n", encoding="gbk")
    grid = AnalysisGrid.from_bounds("EPSG:4326", (9.0, 49.0, 11.0, 51.0), 0.5)
    area = StudyArea(grid, shapely.box(9, 49, 11, 51))
    with pytest.raises(DataError, match=r"bytes that are no UTF-8.*encoding: GBK"):
        LayerStack({"it": FileLayer(path=path)}, area).features("it")
    layers = LayerStack({"it": FileLayer(path=path, encoding="gbk")}, area)
    assert layers.text("it", "name") == NAMES
    path.write_text("lon,lat,name\n10,50,x\n", encoding="utf-8-sig")  # as Excel saves it
    assert LayerStack({"it": FileLayer(path=path)}, area).text("it", "name") == ["x"]


def test_a_boundary(tmp_path: Path) -> None:
    path = shapefile(tmp_path, "GBK", NAMES)
    grid = GridModel(crs="EPSG:3035", resolution="1 km")
    with pytest.raises(DataError, match=r"region.boundary.*cure: encoding: GBK"):
        build_grid(Region(boundary=path, where="name == '甘肃'"), grid)
    area = build_grid(Region(boundary=path, where="name == '甘肃'", encoding="GBK"), grid)
    assert area.geometry.area == pytest.approx(4e6)


def test_an_encoding_that_does_not_exist(tmp_path: Path) -> None:
    path = shapefile(tmp_path, "GBK", NAMES)
    with pytest.raises(DataError, match="no such encoding; got GKB"):
        stack(path, encoding="GKB").features("it")


def test_guesses_are_of_all_texts() -> None:
    assert "GBK" not in dict(guesses(["甘肃".encode("gbk"), b"\xff\xff"]))
    assert guesses(["Ödön".encode()])[0] == ("UTF-8", "Ödön")
