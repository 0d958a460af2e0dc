"""Wrong input: each is refused by `check` and by `run`, in words, and nothing is written."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
from tiny_scenario import SCENARIO, box, slope, write_polygons, write_raster, write_world

from cdrsite.cli import main as cli
from cdrsite.config.load import load_scenario
from cdrsite.study.run import check_study


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good scenario, and bad layers beside it."""
    folder = tmp_path_factory.mktemp("world")
    write_raster(folder / "no_crs.tif", slope(), crs=None)
    write_raster(folder / "far.tif", slope(), west=5_000_000.0)
    write_raster(folder / "half.tif", slope(), west=4_004_000.0, nodata=-9999)
    write_raster(folder / "empty.tif", np.full((6, 8), -9999, np.float32), nodata=-9999)
    write_polygons(folder / "negative.gpkg", [box(0, 0, 8, 6)], name=["sea"], water_m3=[-5.0])
    halves = [box(0, 0, 4, 6), box(4, 0, 4, 6)]
    write_polygons(folder / "unknown.gpkg", halves, name=["river", "sea"], water_m3=[5.0, np.nan])
    (folder / "notes.tif").write_text("no raster")
    write_storage(folder)
    with pytest.warns(UserWarning, match="'crs' was not provided"):
        gpd.GeoDataFrame(geometry=[box(0, 0, 8, 6)]).to_file(folder / "bare.gpkg")
    return write_world(folder)


def write_storage(folder: Path) -> None:
    """Two good units, the same as points, and provinces numbered 1 and 2."""
    shapes = [box(1, 1, 2, 2), box(5, 3, 1, 1)]
    columns: dict[str, Any] = {
        "id": [1, 2], "cap": [10.0, 20.0], "rate": [1.0, 2.0], "cost": [5.0, np.inf],
    }  # fmt: skip
    write_polygons(folder / "units.gpkg", shapes, **columns)
    write_polygons(folder / "wells.gpkg", [shape.centroid for shape in shapes], **columns)
    write_polygons(folder / "provinces.gpkg", [box(0, 0, 4, 6), box(4, 0, 4, 6)], code=[1, 2])


STORAGE = (
    "resources.storage={units: units, id: id, capacity: cap, injection: rate}",
    "layers.units={path: units.gpkg}",
)
PROVINCES = "layers.provinces={path: provinces.gpkg}"
POLICY = "name: fair, layer: provinces, zone_name: code, at_most: 1 kt/yr"


@pytest.fixture
def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """The one error of `check` and `run`; asserts exit code 2 and that nothing was written."""

    def call(scenario: Path, *settings: str) -> str:
        before = sorted(scenario.parent.rglob("*"))
        texts = []
        for command in (["check"], ["run", "--out", str(scenario.parent / "results")]):
            words = [word for setting in settings for word in ("--set", setting)]
            monkeypatch.setattr(sys, "argv", ["cdrsite", *command, str(scenario), *words])
            with pytest.raises(SystemExit) as stop:
                cli.main()
            out = capsys.readouterr()
            assert stop.value.code == 2, out.err
            assert out.out == ""
            assert "Traceback" not in out.err
            texts.append(out.err)
        assert sorted(scenario.parent.rglob("*")) == before
        assert texts[0] == texts[1]
        return texts[0]

    return call


CASES: dict[str, tuple[str | tuple[str, ...], str]] = {
    "missing raster": (
        "layers.slope.path=slop.tif",
        r"layers.slope .*slop.tif.*: no such file; got .*; cure: did you mean 'slope.tif'\?",
    ),
    "missing boundary": (
        "region={boundary: nowhere.gpkg}",
        r"region.boundary .*: no such file; got .*nowhere.gpkg; cure",
    ),
    "missing data folder": ("data_folder=elsewhere", r"no such file; .*elsewhere does not exist"),
    "missing method file": (
        "methods={mine: {library: mine.yaml}}",
        r"mine.yaml: file not found; cure",
    ),
    "a boundary without CRS": (
        "region={boundary: bare.gpkg}",
        r"region.boundary .*bare.gpkg\): the layer has no coordinate system.*"
        r"cure: add region.crs: EPSG:",
    ),
    "not a raster": ("layers.slope.path=notes.tif", r"layers.slope .*cannot be read.*cure"),
    "raster without CRS": (
        "layers.slope.path=no_crs.tif",
        r"layers.slope .*no_crs.tif\): the layer has no coordinate system.*cure: add crs: EPSG",
    ),
    "unknown EPSG of the grid": (
        "grid.crs=EPSG:99999",
        r"grid.crs: unknown coordinate system; got 'EPSG:99999'; expected an EPSG code.*cure",
    ),
    "unknown EPSG of the bounds": ("region.crs=EPSG:99999", r"region.crs: unknown coordinate"),
    "unknown EPSG of a layer": (
        "layers.slope.crs=EPSG:99999",
        r"layers.slope .*unknown coordinate system; got 'EPSG:99999'",
    ),
    "a vertical CRS": ("grid.crs=EPSG:5773", r"grid.crs: not a horizontal CRS; got EGM96"),
    "degrees where metres are meant": (
        "grid.resolution=0.01",
        r"grid.resolution: .*degrees and metres are mixed up; got 0.01.*expected metres.*cure",
    ),
    "degrees as text where metres are meant": (
        "grid.resolution=0.01 degree",
        r"grid.resolution: the resolution does not fit the CRS; got '0.01 degree'.*a length.*cure",
    ),
    "metres where degrees are meant": (
        "grid={crs: 'EPSG:4326', resolution: 1000}",
        r"grid.resolution: .*mixed up; got 1000.*expected degrees.*cure",
    ),
    "metres as longitude and latitude": (
        "region={bounds: [4000000, 3000000, 4008000, 3006000]}",
        r"study.yaml:2: region: bounds are no longitudes and latitudes; got .*degrees; cure",
    ),
    "energy for water": (
        "resources.water.unit=kWh/yr",
        r"study.yaml:12: resources.water.unit: wrong dimension; got 'kWh/yr'; expected .*m3/yr",
    ),
    "water for power": (
        "resources.power.value=3 m3",
        r"study.yaml:13: resources.power.value: wrong dimension; got '3.* m3'; expected .*kWh/yr",
    ),
    "volume for biomass": ("layers.residues.unit=m3/yr", r"layers.residues: wrong dimension"),
    "length for a slope": (
        "siting.exclude.2.above=15 km",
        r"rule on slope: above: wrong dimension; got '15 km'; expected .*degree.*cure",
    ),
    "energy for money": (
        "costs.prices={electricity: 3 kWh}",
        r"costs.prices.electricity: wrong dimension; got '3.* kWh'; expected .*USD/kWh",
    ),
    "energy for a need of water": (
        "methods.daccs-solid.override={water: 3 kWh}",
        r"methods.daccs-solid.override.water: wrong dimension; got '3 kWh'; expected .*m3/t",
    ),
    "negative need": (
        "methods.daccs-solid.override={heat: -3 kWh}",
        r"methods.daccs-solid.override.heat: a need cannot be negative; got '-3 kWh'; expected .*0",
    ),
    "negative land": (
        "methods.daccs-solid.override={land_direct: -1}",
        r"override.land_direct: a need cannot be negative; got -1",
    ),
    "negative supply": (
        "resources.power.value=-3 GWh/yr",
        r"resources.power.value: a supply cannot be negative; got '-3 GWh/yr'; expected .*0",
    ),
    "negative pool": (
        "layers.basins.path=negative.gpkg",
        r"layers.basins: column water_m3: pools without a supply, or with a negative one; got sea",
    ),
    "pool without supply": (
        "layers.basins.path=unknown.gpkg",
        r"layers.basins: column water_m3: pools without a supply.*; got sea; .*cure",
    ),
    "weights all zero": (
        "siting.prefer.0.weight=0",
        r"study.yaml:20: siting.prefer: all weights are zero; expected at least one weight above 0",
    ),
    "unknown weight": ("siting.prefer.0.weight=.nan", r"siting.prefer.0.weight: not a finite num"),
    "unknown preset": (
        "layers.cover.preset=esa-worldcovr",
        r"layers.cover.preset: unknown dataset preset; got 'esa-worldcovr'; .*'esa-worldcover'",
    ),
    "class codes absent": (
        "siting.exclude.1.classes=[51]",
        r"layers.cover .*class code absent from the raster; got 51; expected codes .*10, 50, 80",
    ),
    "class codes absent from usable land": (
        "resources.land={usable: {cover: {77: 1}}}",
        r"class code absent from the raster; got 77",
    ),
    "class names without a legend": (
        "siting.exclude.1.classes=[built]",
        r"layers.cover .*unknown class 'built'.*cure",
    ),
    "no classes": ("siting.exclude.1.classes=[]", r"siting.exclude.1.classes: no class is named"),
    "empty region": (
        "region.bounds=[5, 5, 4, 6]",
        r"study.yaml:2: region: empty region; got .*; expected west < east and south < north",
    ),
    "region filtered away": (
        "region={boundary: parks.gpkg, where: \"name = 'none'\"}",
        r"region.boundary .*: empty region; got 0 features.*cure",
    ),
    "region without end": (
        "region.bounds.2=.inf",
        r"region.bounds.2: not a finite number; got inf",
    ),
    "region outside every layer": (
        "region={bounds: [9, 50, 9.1, 50.1]}",
        r"layers\.\w+ .*: the layer does not overlap the region; got .*; cure: check its CRS",
    ),
    "layer elsewhere": (
        "layers.slope.path=far.tif",
        r"layers.slope .*far.tif\): the layer does not overlap the region; got 6 x 8 pixels",
    ),
    "layer all nodata": ("layers.slope.path=empty.tif", r"layers.slope .*all nodata.*cure"),
    "too many cells": (
        ("grid.resolution=1 m", "grid.max_cells=100000"),
        r"grid.resolution: .*too many cells; got 48,000,000 cells at 1 m; expected at most 100,000",
    ),
    "price not a number": (
        "costs.prices={water: .nan}",
        r"costs.prices.water: not a finite number; got nan; expected a number in USD/m3",
    ),
    "price without end": (
        "costs.prices={electricity: .inf}",
        r"costs.prices.electricity: not a finite number; got inf; expected a number in USD/kWh",
    ),
    "storage cost not a number": (
        "resources.storage={unlimited: true, cost: .nan}",
        r"study.yaml:10: resources.storage.cost: not a finite number; got nan; expected .*USD/t",
    ),
    "storage cost with a wrong unit": (
        "resources.storage={unlimited: true, cost: 3 kWh}",
        r"resources.storage.cost: wrong dimension; got '3.* kWh'",
    ),
    "threshold not a number": (
        "siting.exclude.2.above=.nan",
        r"siting.exclude.2.above: not a finite number; got nan",
    ),
    "preference not a number": (
        "siting.prefer.0.best=.inf",
        r"siting.prefer.0.best: not a finite number; got inf",
    ),
    "scale of nothing": ("layers.slope.scale=0", r"layers.slope.scale: a scale of 0"),
    "scale not a number": ("layers.slope.scale=.nan", r"layers.slope.scale: not a finite number"),
    "corner not a number": ("grid.snap=[.nan, 0]", r"grid.snap.*: not a finite number; got nan"),
    "unknown column": (
        "resources.water.supply=watr_m3",
        r"layers.basins .*no column 'watr_m3'.*cure: did you mean 'water_m3'\?",
    ),
    "unknown layer": (
        "siting.exclude.0.layer=park",
        r"siting.exclude.0.layer: no layer of that name; got 'park'; .*did you mean 'parks'\?",
    ),
    "unknown method": ("methods={dacs-solid: {}}", r"methods.dacs-solid: unknown method; got"),
    "unknown profile": (
        "methods.daccs-solid.profile=litrature",
        r"methods.daccs-solid.profile: unknown profile; got 'litrature'; expected .*literature",
    ),
    "haul that would be ignored": (
        "resources.biomass.haul=50 km",
        r"resources.biomass.haul: haul collects from a layer, and needs share: whole; got .*cure",
    ),
    "energy land twice": (
        "methods={daccs-solid: {own_power: {pv_yield: slope}}}",
        r"methods.daccs-solid.own_power: .*already contains the land.*never both; cure.*rule 6",
    ),
    "no unit, in a layer that nothing reads": ("layers.x={value: 3 foo}", r"layers.x.*not a unit"),
    "a needed value that no source gives": (
        "methods={beccs-energy-crop: {}}",
        r"methods.beccs-energy-crop: .*got unknown luc_emissions; cure: give your own",
    ),
    "bounds in degrees called metres": (
        "region.bounds=[4.0, 3.0, 4.5, 3.5]",
        r"region.bounds: .*degrees",
    ),
    "negative power need of a method that makes none": (
        "methods.daccs-solid.override={electricity: -3 kWh}",
        r"methods.daccs-solid.override.electricity: a need cannot be negative",
    ),
    "storage of points without a buffer": (
        (*STORAGE, "layers.units.path=wells.gpkg"),
        r"layers.units .*points and lines cover no area; got 2 .*; cure: give a buffer",
    ),
    "a storage cost that is no column": (
        (*STORAGE, "resources.storage.cost=nocolumn"),
        r"layers.units .*no column 'nocolumn'; .*expected one of id, cap, rate, cost",
    ),
    "a storage cost that is no column, without units": (
        "resources.storage={unlimited: true, cost: nocolumn}",
        r"resources.storage.cost: no units whose column this could be; got 'nocolumn'; expected",
    ),
    "storage without end, in words": (
        "resources.storage={unlimited: true, cost: inf}",
        r"resources.storage.cost: no units whose column this could be; got 'inf'",
    ),
    "a storage cost without end in a column": (
        (*STORAGE, "resources.storage.cost=cost"),
        r"layers.units: storage units without a cost, or with a negative or infinite one; "
        r"got units 2; expected a finite number",
    ),
    "a layer of the routes of the wrong kind": (
        (*STORAGE, "transport={surface: {factors: {slope: {1: 2}}}}"),
        r"layers.slope: not a class layer",
    ),
    "a column of the routes that is not there": (
        (*STORAGE, "transport={surface: {crossings: [{layer: parks, where: x > 1, adds: 1 km}]}}"),
        r"layers.parks .*no column 'x'",
    ),
    "a scale that scales no pool": (
        "layers.basins.scale=0.8",
        r"layers.basins.scale: this does nothing here: the columns of resources.water.pools are "
        r"read as they are; got 0.8; cure: resources.water.factor: 0.8; \(rule 7\)",
    ),
    "a scale that scales no storage": (
        (*STORAGE, "layers.units={path: units.gpkg, attribute: cap, scale: 0.5}"),
        r"layers.units.scale: this does nothing here.*cure: resources.storage.factor: 0.5",
    ),
    "an offset of features": (
        "layers.parks.offset=2",
        r"layers.parks.offset: this does nothing here: features have no values; got 2; cure",
    ),
    "a buffer of a raster": (
        "layers.slope.buffer=500 m",
        r"layers.slope.buffer: this does nothing to a raster layer; got 500.0; cure: remove it",
    ),
    "a band of features": (
        "layers.parks.band=2",
        r"layers.parks.band: this does nothing to a vector layer; got 2; cure: remove it",
    ),
    "a rule of policy for an unknown method": (
        "policies=[{name: cap, methods: dacs-solid, at_most: 1 kt/yr}]",
        r"study.yaml: policies.0.methods: not a method of this scenario; got 'dacs-solid'; "
        r"expected one of daccs-solid, .*; cure: did you mean 'daccs-solid'\?",
    ),
    "a credit of an unknown method": (
        "objective={maximise: value, credits: [{amount: 200 USD/t, methods: daccs-liquid}]}",
        r"objective.credits.0.methods: not a method of this scenario; got 'daccs-liquid'; "
        r"expected one of",
    ),
    "an unknown zone": (
        (PROVINCES, f"policies=[{{{POLICY}, zones: [1, 3]}}]"),
        r"policies.0.zones: unknown name; got 3; expected one of 1, 2; cure",
    ),
    "an unknown column of zones": (
        (PROVINCES, f"policies=[{{{POLICY.replace('code', 'kode')}}}]"),
        r"layers.provinces .*no column 'kode'.*did you mean 'code'",
    ),
    "an unknown column of admin units": (
        (PROVINCES, "outputs={admin: {layer: provinces, name: kode}}"),
        r"layers.provinces .*no column 'kode'.*did you mean 'code'",
    ),
    "a limit that is no number": (
        "policies=[{name: cap, at_most: .nan}]",
        r"policies.0.at_most: not a finite number; got nan; expected a number in t/yr",
    ),
    "a limit in a wrong unit": (
        "policies=[{name: cap, count: land, at_most: 3 Mt/yr}]",
        r"policies.0.at_most: wrong dimension; got '3 Mt/yr'; expected a quantity in m2",
    ),
    "a limit below zero": (
        "policies=[{name: cap, at_least: -3}]",
        r"policies.0.at_least: out of range; got -3; expected at least 0 t/yr",
    ),
    "limits that cross": (
        "policies=[{name: cap, at_least: 3, at_most: 2}]",
        r"policies.0: no plan can keep this; got at_least 3 and at_most 2 t/yr",
    ),
    "two rules of one name": (
        "policies=[{name: cap, at_most: 3}, {name: cap, at_most: 2}]",
        r"policies.1.name: two rules of one name; got 'cap' again; expected a name of its own",
    ),
    "a rule called as the target is": (
        ("policies=[{name: target, at_most: 3}]", "objective={minimise: cost, target: 1 t/yr}"),
        r"policies.0.name: two rules of one name; got 'target' again",
    ),
    "a column of existing pipelines that is not there": (
        (*STORAGE, "network={plan: true, pipelines: {layer: parks, capacity: x}}"),
        r"network.pipelines: no such column; got x; expected name",
    ),
    "a quantity with a comment": (
        "costs.prices={electricity: '3 USD/kWh # x'}",
        r"costs.prices.electricity: not a unit; got '3.* USD/kWh # x'",
    ),
    "an equation": ("resources.land.usable='1=1'", r"resources.land.usable.*not a unit; got '1=1'"),
    "a truth as a number": (
        "siting.prefer.0.weight=true",
        r"study.yaml:21: siting.prefer.0.weight: neither a number nor a text; got true",
    ),
    "a truth in a list": ("region.bounds.0=true", r"region.bounds.0: neither a number nor a text"),
    "a truth as a need": (
        "methods.daccs-solid.override={water: true}",
        r"methods.daccs-solid.override.water: neither a number nor a text; got true",
    ),
    "a truth as a share of a class": (
        "resources.land={usable: {cover: {10: true}}}",
        r"resources.land.usable.cover.10: neither a number nor a text; got true",
    ),
    "a need beyond all sense": (
        "methods.daccs-solid.override={electricity: 1e25 kWh}",
        r"methods.daccs-solid.override.electricity: beyond what is possible; "
        r"got electricity of 1e\+25 kWh/t; expected at most 1e\+06; cure",
    ),
    "a loss of more than all": (
        "methods.daccs-solid.override={capture_loss: 2}",
        r"override.capture_loss: beyond what is possible; got capture_loss of 2; expected at most",
    ),
    "a layer name that ends a line": (
        'layers={"slope\\n": {path: slope.tif}}',
        r"layers: layer name; got 'slope\\n'; expected letters",
    ),
    "more than the globe": (
        "region={bounds: [-180, -60, 190, 60]}",
        r"study.yaml:2: region: more than once around the globe; got .*at most 360 degrees.*cure",
    ),
    "no unit of length": ("grid.resolution=3 kWh", r"grid.resolution: .*wrong dimension"),
}


@pytest.mark.parametrize("case", CASES)
def test_refused(world: Path, refused: Callable[..., str], case: str) -> None:
    setting, words = CASES[case]
    settings = [setting] if isinstance(setting, str) else setting
    text = refused(world, *settings)
    assert re.search(words, text), text


def test_a_boundary_without_crs_is_given_one(world: Path) -> None:
    region = "region={boundary: bare.gpkg, crs: 'EPSG:3035'}"
    assert check_study(load_scenario(world, [region]))["grid"]["cells"] == 48


def test_a_layer_that_covers_part_of_the_region_warns_with_the_share(
    world: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["cdrsite", "check", str(world), "--set", "layers.slope.path=half.tif"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit, match=r"^0$"):
        cli.main()
    assert "layers.slope" in (err := capsys.readouterr().err)
    assert "covers 47.9% of the region" in err  # 23 of 48 cells


TEXTS = {
    "not a mapping": ("- 1\n- 2\n", r"study.yaml: not a mapping; got a.*expected"),
    "empty": ("", r"study.yaml: not a mapping; got an empty file; expected keys"),
    "duplicate keys": (
        SCENARIO + "name: again\n",
        r"study.yaml:27: not valid YAML: .*duplicate key \"name\".*cure",
    ),
    "duplicate keys inside": (
        SCENARIO.replace("grid: {", "grid: {resolution: 2 km, "),
        r"study.yaml:3: not valid YAML: .*duplicate key \"resolution\"",
    ),
    "not YAML": ("name: [tiny\n", r"study.yaml:\d+: not valid YAML.*cure"),
    "misspelt key": (
        SCENARIO.replace("resolution:", "resolutoin:"),
        r"study.yaml:3: grid.resolutoin: unknown key; .*did you mean 'resolution'\?",
    ),
    "a path that climbs out": (
        "confine_paths: true\n" + SCENARIO.replace("slope.tif", "../slope.tif"),
        r"study.yaml:7: layers.slope.path: the path climbs out .*got ../slope.tif; expected .*cure",
    ),
    "an absolute path out": (
        "confine_paths: true\n" + SCENARIO.replace("parks.gpkg", "/etc/hostname"),
        r"layers.parks.path: the path climbs out",
    ),
    "a method file that climbs out": (
        "confine_paths: true\n"
        + SCENARIO.replace("afforestation: {gates: false}", "mine: {library: ../m.yaml}"),
        r"methods.mine.library: the path climbs out",
    ),
    "a results folder that climbs out": (
        "confine_paths: true\n"
        + SCENARIO.replace("{sites: 3,", "{folder: ../elsewhere, sites: 3,"),
        r"outputs.folder: the path climbs out",
    ),
    "a data folder that climbs out": (
        "confine_paths: true\ndata_folder: ../elsewhere\n" + SCENARIO,
        r"layers.\w+.path: the path climbs out",
    ),
}


@pytest.mark.parametrize("case", TEXTS)
def test_text_that_is_refused(tmp_path: Path, refused: Callable[..., str], case: str) -> None:
    text, words = TEXTS[case]
    path = write_world(tmp_path, text)
    found = refused(path)
    assert re.search(words, found), found


def test_a_link_out_of_a_confined_folder(tmp_path: Path, refused: Callable[..., str]) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    path = write_world(inside, "confine_paths: true\n" + SCENARIO)
    (inside / "slope.tif").rename(tmp_path / "slope.tif")
    (inside / "slope.tif").symlink_to(tmp_path / "slope.tif")
    assert "layers.slope.path: the path climbs out" in refused(path)


def test_a_missing_scenario(tmp_path: Path, refused: Callable[..., str]) -> None:
    text = refused(tmp_path / "no.yaml")
    assert "no such scenario file" in text
    assert "cure" in text


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    from cdrsite import load_scenario

    path = write_world(tmp_path)
    path.write_text("\ufeff" + SCENARIO, encoding="utf-8")
    assert load_scenario(path).name == "tiny"


def test_an_override_with_an_odd_digit_is_an_error_not_a_crash(
    world: Path, refused: Callable[..., str]
) -> None:
    assert "no such list item" in refused(world, "siting.exclude.².above=3")
    assert "no such list item" in refused(world, "siting.exclude.9.above=3")


def test_everything_wrong_is_told_at_once(tmp_path: Path, refused: Callable[..., str]) -> None:
    """Misspelt keys, names, units and presets of one file need one round, each with its line."""
    text = SCENARIO
    for right, wrong in (
        ("kind: class", "kind: class, preset: esa-worldcovr"),
        ("unit: degree", "unit: degre"),
        ("steep, layer: slope", "steep, layer: slop"),
        ("resolution: 1 km", "resolutoin: 1 km"),
        ("afforestation", "aforestation"),
    ):
        text = text.replace(right, wrong)
    lines = refused(write_world(tmp_path, text)).splitlines()
    words = [
        r"study.yaml:3: grid.resolutoin: unknown key; .*did you mean 'resolution'\?",
        r"study.yaml:5: layers.cover.preset: unknown dataset preset; .*'esa-worldcover'",
        r"study.yaml:6: layers.slope.unit: not a unit; got 'degre'; cure: did you mean 'degree'\?",
        r"study.yaml:19: siting.exclude.2.layer: no layer of that name; .*did you mean 'slope'\?",
        r"study.yaml:25: methods.aforestation: unknown method; .*did you mean 'afforestation'\?",
    ]
    assert len(lines) == len(words), lines
    for line, word in zip(lines, words, strict=True):
        assert re.search(word, line), line


def test_wrong_layers_and_wrong_methods_are_told_at_once(
    world: Path, refused: Callable[..., str]
) -> None:
    wrong = [
        "layers.slope.path=slop.tif",
        "layers.parks.band=2",
        "methods.daccs-solid.profile=litrature",
        "methods.beccs-residue={override: {watr: 3}}",
    ]
    found = refused(world, *wrong)
    for word in ("did you mean 'slope.tif'", "layers.parks.band", "profile: unknown profile",
                 "override.watr: unknown parameter"):  # fmt: skip
        assert word in found, found
    both = refused(world, "siting.exclude.0.layer=park", "siting.exclude.1.layer=covr")
    assert "siting.exclude.0.layer" in both
    assert "siting.exclude.1.layer" in both


@pytest.mark.parametrize("pattern", ["t*.tif", "../out*.tif"])
def test_a_tile_of_a_pattern_out_of_a_confined_folder(
    pattern: str, tmp_path: Path, refused: Callable[..., str]
) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    text = SCENARIO.replace("path: slope.tif", f"path: {pattern}")
    path = write_world(inside, "confine_paths: true\n" + text)
    (inside / "slope.tif").rename(inside / "t1.tif")
    (tmp_path / "out.tif").write_bytes((inside / "t1.tif").read_bytes())
    (inside / "t2.tif").symlink_to(tmp_path / "out.tif")
    assert "layers.slope.path: the path climbs out" in refused(path)
