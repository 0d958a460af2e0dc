"""What looks harmless and asks for very much: `check` answers in little time and memory."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine
from fuzz_scenarios import bomb
from hypothesis import given
from hypothesis import strategies as st
from tiny_scenario import NORTH, WEST

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteError, ConfigError, UnitError
from cdrsite.core.units import parse_quantity
from cdrsite.core.yamltext import read_yaml
from cdrsite.layers import expression, survey
from cdrsite.layers.survey import _tiles
from cdrsite.layers.where import like
from cdrsite.study.run import check_study

ROOT = Path(__file__).resolve().parents[2]

MEASURED = r"""
import json, os, re, resource, sys
from pathlib import Path
from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteError
from cdrsite.study.run import check_study

def measure(scenario):
    before = resource.getrusage(resource.RUSAGE_SELF)
    pages = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (pages + 2_000_000_000,) * 2)
    said = "fine"
    try:
        check_study(load_scenario(scenario))
    except CdrsiteError as error:
        said = str(error)
    after = resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    # not ru_maxrss: a child inherits its parent's there, so a large test process would be measured
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return {"said": said, "seconds": seconds, "peak": int(peak[1]) * 1024}

for line in sys.stdin:  # one import for all, and a process of its own for each
    if os.fork() == 0:
        print(json.dumps(measure(line.strip())), flush=True)
        os._exit(0)
    if os.wait()[1] != 0:
        print("null", flush=True)
"""

SCENARIO = """\
name: large
region: {{bounds: [4000000, 3000000, 4008000, 3006000], crs: "EPSG:3035"}}
grid: {{crs: "EPSG:3035", resolution: 1 km}}
layers:
  big: {{path: {path}, kind: {kind}, unit: {unit}}}
siting:
  exclude:
    - {{layer: big, {rule}}}
methods: {{daccs-solid: {{profile: literature}}}}
"""


@pytest.fixture(scope="module")
def measured() -> Iterator[Callable[[Path], dict[str, Any]]]:
    """What `check` says of a scenario, its seconds of processor time and its peak of memory."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        [sys.executable, "-c", MEASURED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": path},
    ) as process:  # fmt: skip

        def measure(scenario: Path) -> dict[str, Any]:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(f"{scenario}\n")
            process.stdin.flush()
            found = json.loads(process.stdout.readline())
            assert found is not None, "the process died"
            return dict(found)

        yield measure


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("tiled", [True, False])
@pytest.mark.parametrize("kind", ["class", "intensive"])
def test_a_sparse_raster_of_forty_billion_pixels(
    measured: Callable[[Path], dict[str, Any]], tmp_path: Path, kind: str, tiled: bool
) -> None:
    side, path = 200_000, tmp_path / "big.tif"
    shape: dict[str, Any] = {"blockxsize": 256, "blockysize": 256} if tiled else {}
    with rasterio.open(
        path, "w", driver="GTiff", dtype="uint8", count=1, height=side, width=side, crs=3035,
        transform=Affine(0.05, 0, WEST - 1000, 0, -0.05, NORTH + 1000), tiled=tiled,
        sparse_ok=True, bigtiff="yes", compress="deflate", **shape,
    ) as out:  # fmt: skip
        out.write(np.ones((256, 256), np.uint8), 1, window=((0, 256), (0, 256)))
    rule = "classes: [0]" if kind == "class" else "above: 3"
    unit = "null" if kind == "class" else "m"
    scenario = tmp_path / "study.yaml"
    scenario.write_text(SCENARIO.format(path="big.tif", kind=kind, unit=unit, rule=rule))
    found = measured(scenario)
    assert found["said"] == "fine"
    assert found["peak"] < 1_000_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("chunks", [(1000, 1000), None])
def test_a_sparse_netcdf_of_three_billion_values(
    measured: Callable[[Path], dict[str, Any]], tmp_path: Path, chunks: tuple[int, int] | None
) -> None:
    import netCDF4

    side = 60_000
    x = WEST - 1000 + 0.2 * (np.arange(side) + 0.5)
    y = NORTH + 1000 - 0.2 * (np.arange(side) + 0.5)
    with netCDF4.Dataset(tmp_path / "big.nc", "w") as data:
        for name, values in (("y", y), ("x", x)):
            data.createDimension(name, side)
            data.createVariable(name, "f8", (name,))[:] = values
        if chunks is None:
            data.set_fill_off()  # a hole in the file, not 14 GB of zeros
        # a chunk that nobody wrote reads as the fill value, and as anything where there is none
        packed: dict[str, Any] = {} if chunks is None else {"chunksizes": chunks, "zlib": True}
        big = data.createVariable("v", "f4", ("y", "x"), fill_value=0 if chunks else None, **packed)
        big.crs = "EPSG:3035"
        big[:100, :100] = 5.0
    scenario = tmp_path / "study.yaml"
    scenario.write_text(
        SCENARIO.format(path="big.nc", kind="intensive", unit="m", rule="above: 3").replace(
            "unit: m", "unit: m, ignore_file_nodata: true"
        )
    )
    found = measured(scenario)
    assert found["said"] == "fine"
    assert found["peak"] < 1_000_000_000


@pytest.mark.parametrize("block", [(256, 256), (1, 700), (5000, 5000)])
def test_tiles_lie_inside_the_window_and_near_the_budget(block: tuple[int, int]) -> None:
    window = ((100, 9100), (50, 700))
    tiles = _tiles(window, block, 1_000_000)
    assert len(set(tiles)) == len(tiles)
    for (r0, r1), (c0, c1) in tiles:
        assert 100 <= r0 < r1 <= 9100
        assert 50 <= c0 < c1 <= 700
        assert c0 % block[1] == 0 or c0 == 50
    pixels = sum((r1 - r0) * (c1 - c0) for (r0, r1), (c0, c1) in tiles)
    assert 300_000 < pixels <= 1_000_000
    assert {(100, 9100)} != {rows for rows, _ in tiles}
    assert min(r0 for (r0, _), _ in tiles) == 100
    assert max(r1 for (_, r1), _ in tiles) > 8000


def test_a_look_at_tiles_finds_the_share_and_the_codes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cdrsite.config.layers import FileLayer
    from cdrsite.config.models import GridModel, Region
    from cdrsite.layers.region import build_grid
    from cdrsite.layers.stack import LayerStack

    values = np.full((600, 800), 4, np.uint8)
    values[:, 400:] = 255
    values[:300, :400] = 9
    with rasterio.open(
        tmp_path / "half.tif", "w", driver="GTiff", dtype="uint8", count=1, height=600, width=800,
        crs=3035, nodata=255, transform=Affine(10, 0, WEST, 0, -10, NORTH), tiled=True,
        blockxsize=16, blockysize=16,
    ) as out:  # fmt: skip
        out.write(values, 1)
    bounds = (WEST, NORTH - 6000, WEST + 8000, NORTH)
    area = build_grid(Region(bounds=bounds, crs="EPSG:3035"), GridModel(resolution="100 m"))
    layers = {"half": FileLayer(path=tmp_path / "half.tif", kind="class")}
    with pytest.warns(match="covers 50"):
        whole = LayerStack(layers, area).survey("half")
    monkeypatch.setattr(survey, "LOOK_PIXELS", 50_000)
    monkeypatch.setattr(survey, "CHEAP_PIXELS", 0)
    with pytest.warns(match=r"covers (4|5)\d"):
        part = LayerStack(layers, area).survey("half")
    assert whole.complete
    assert not part.complete
    assert part.codes == whole.codes == {4, 9}
    assert part.share == pytest.approx(0.5, abs=0.08)


def test_a_trial_reads_a_part_of_a_cell_and_keeps_nothing(tmp_path: Path) -> None:
    from cdrsite.config.layers import FileLayer
    from cdrsite.config.models import GridModel, Region
    from cdrsite.core.grid import Block
    from cdrsite.layers import harmonise
    from cdrsite.layers.kinds import raster
    from cdrsite.layers.region import build_grid
    from cdrsite.layers.stack import LayerStack

    with rasterio.open(
        tmp_path / "fine.tif", "w", driver="GTiff", dtype="float32", count=1, height=600,
        width=800, crs=3035, transform=Affine(10, 0, WEST, 0, -10, NORTH),
    ) as out:  # fmt: skip
        out.write(np.arange(480_000, dtype="f4").reshape(600, 800), 1)
    bounds = (WEST, NORTH - 6000, WEST + 8000, NORTH)
    area = build_grid(
        Region(bounds=bounds, crs="EPSG:3035"), GridModel(resolution="8 km", snap="region")
    )
    stack = LayerStack({"fine": FileLayer(path=tmp_path / "fine.tif", unit="m")}, area)
    block = Block(0, 1, 0, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raster, "LOOK_PIXELS", 8000)
        patch.setattr(harmonise, "STRIP_PIXELS", 8000)
        assert stack.glance().values("fine", block)[0, 0] < 10_000
    assert stack.values("fine", block)[0, 0] > 200_000


def test_strided_reading_of_a_cube_is_that_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cdrsite.config.layers import FileLayer
    from cdrsite.layers import cubes
    from cdrsite.layers.rasterfiles import open_raster

    values = np.arange(60 * 80, dtype="f4").reshape(60, 80)
    y, x = NORTH - 5 - 10.0 * np.arange(60), WEST + 5 + 10.0 * np.arange(80)
    data = xr.Dataset({"v": (("y", "x"), values, {"crs": "EPSG:3035"})}, {"y": y[::-1], "x": x})
    data.to_netcdf(tmp_path / "a.nc")
    monkeypatch.setattr(cubes, "STRIP_PIXELS", 900)
    source = open_raster(FileLayer(path=tmp_path / "a.nc"), "v")
    np.testing.assert_array_equal(
        source.read((3, 50), (10, 77), step=4)[0], values[::-1][3:50:4, 10:77:4]
    )


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("a%", "abc", True), ("%c", "abc", True), ("%b%", "abc", True), ("a_c", "abc", True),
        ("a_", "abc", False), ("_", "", False), ("", "", True), ("", "a", False), ("%", "", True),
        ("a%a", "a", False), ("a%a", "aa", True), ("%ab%ab%", "abab", True),
        ("%ab%ab%", "aba", False),
        ("%a_%_b", "xaxxb", True), ("a.c", "abc", False), ("%", "a\nb", True),
        ("a%%c", "abbc", True),
        ("%_a", "a", False), ("a__%b", "axxb", True), ("a__%b", "axb", False),
    ],
)  # fmt: skip
def test_like(pattern: str, text: str, expected: bool) -> None:
    assert like(text, pattern) is expected


@given(st.text("ab_%", max_size=8), st.text("ab", max_size=10))
def test_like_is_what_its_definition_says(pattern: str, text: str) -> None:
    parts = "".join({"%": ".*", "_": "."}.get(sign, re.escape(sign)) for sign in pattern)
    assert like(text, pattern) is (re.fullmatch(parts, text, re.DOTALL) is not None)


def test_a_filter_of_many_percent_signs_ends() -> None:
    assert not like("a" * 20_000, "%a" * 400 + "b")
    assert like("a" * 20_000 + "b", "%a" * 400 + "%b")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (bomb(6, 9), r"bomb.yaml:6: too many values; got more than 50,000, aliases spelt out"),
        (bomb(40, 3), "too many values"),
        ("a: " + "[" * 900, "nested too deep; got more than 30 levels"),
        ("a: " + "{b: " * 900, "nested too deep"),
        ("a:\n  " + "- " * 900, "nested too deep"),
        ("\n".join(" " * i + f"a{i}:" for i in range(300)), "bomb.yaml:31: nested too deep"),
        ("? " * 300 + "a", "a key is not text"),
        ("a: [" + "1, " * 60_000 + "]", "too many values"),
        ("\n".join(f"k{i}: 1" for i in range(30_000)), "too many values"),
        ("a: &a [*a]", "bomb.yaml:1: an alias of itself"),
        ("a: &a {b: *a}", "an alias of itself"),
    ],
)
def test_yaml_that_means_very_much_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_yaml(text, "bomb.yaml")


def test_a_method_file_has_the_same_bounds(tmp_path: Path) -> None:
    from cdrsite.library.methods import load_method_file

    path = tmp_path / "mine.yaml"
    path.write_text(bomb(9, 9), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"mine\.yaml:\d+: too many values"):
        load_method_file(path)
    path.write_text('name: own\ntitle: {en: "bell \\x07"}\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"mine\.yaml:2: title\.en: not a text that can be wr"):
        load_method_file(path)
    path.write_text("name: own\nnote: 10000000000000000000000\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"mine\.yaml:2: note: too large a number"):
        load_method_file(path)
    path.write_bytes(b"# " + b"x" * 2_000_001)
    with pytest.raises(ConfigError, match="too large for a YAML file"):
        load_method_file(path)


GOOD = "name: s\nregion: {bounds: [8, 50, 8.1, 50.1]}\nmethods: {daccs-solid: {}}\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("title: " + "9" * 400, "title: too large a number; got 9+… .400 characters."),
        ("grid: {max_cells: " + "9" * 400 + "}", "grid.max_cells: too large a number"),
        ("title: " + "x" * 30_000, "title: not a text that can be written; .*at most 20,000"),
        ('title: "a\\x07b"', r"title: not a text that can be written; got a\\x07b"),
        ('title: "\\ud800"', "not valid YAML: found invalid Unicode character"),
        ("layers: {a: {path: ~nouser/x}}", "layers.a.path: no such user; got '~nouser/x'"),
        ("data_folder: ~nouser/x", "data_folder: no such user"),
        ("layers: {a: {path: " + "x" * 300 + "}}", "layers.a.path: too long for a path"),
        ("costs: {prices: {heat: 1 USD/kWh**9**9**9}}", "heat: not a unit"),
        ("costs: {prices: {heat: 1 " + "9**" * 30 + "9}}", "heat: not a unit"),
        ("costs: {prices: {heat: " + "1 " * 200 + "}}", "heat: too long for a quantity"),
    ],
)
def test_texts_and_numbers_beyond_bounds(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(GOOD + line + "\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"study\.yaml:4: .*{message}"):
        load_scenario(path)


def test_errors_of_many_lines_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(GOOD + "\n".join(f"key{i}: 1" for i in range(200)), encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_scenario(path)
    assert len(str(raised.value)) < 8000


@pytest.mark.parametrize("text", ["9" * 400, "1e301", "slope * " + "9" * 350])
def test_numbers_in_expressions_are_bounded(text: str) -> None:
    with pytest.raises(ConfigError, match=r"layers\.x: too large a number"):
        expression.parse(text, "layers.x")


def test_powers_of_powers_are_computed_as_floating_point() -> None:
    assert np.isinf(expression.evaluate(expression.parse("9**9**9", "x"), {}))


@pytest.mark.parametrize(
    "text", ["1 (9**9)**9**9", "1 9**9**9", "1 m**1e9", "1 m**99999999", "1 m^^9"]
)
def test_units_with_wild_powers_are_no_units(text: str) -> None:
    with pytest.raises(UnitError, match="unit"):
        parse_quantity(text, "m")


def test_metres_that_are_called_degrees_end_at_once(tmp_path: Path) -> None:
    import geopandas as gpd
    import shapely

    wide = shapely.box(-1e11, 0, 1e11, 60)
    gpd.GeoDataFrame({"a": [1]}, geometry=[wide], crs=4326).to_file(tmp_path / "wide.gpkg")
    path = tmp_path / "study.yaml"
    path.write_text("name: s\nregion: {boundary: wide.gpkg}\nmethods: {daccs-solid: {}}\n")
    with pytest.raises(CdrsiteError, match="region"):
        check_study(load_scenario(path))
