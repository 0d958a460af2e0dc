"""What a run refuses, `check` refuses first, in the same words: many kinds of wrong study."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from tiny_scenario import COLS, NORTH, ROWS, WEST, box, write_polygons, write_raster, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteError, CdrsiteWarning
from cdrsite.study.run import check_study, run

STORES = "layers.stores={path: stores.gpkg}"
ROUTED = (
    STORES,
    "resources.storage={units: stores, id: id, capacity: mt, injection: mt_yr}",
)
PLANNED = (
    *ROUTED,
    "network.plan=true",
    "network.plants.daccs-solid={least: 1 kt/yr, most: 10 kt/yr, catchment: 3 km}",
    "layers.sites={path: sites.gpkg}",
    "layers.pipes={path: pipes.gpkg}",
)
SURFACE = (*ROUTED, "layers.people={path: people.tif, unit: person/km2, kind: intensive}")

WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "policy of an unknown method": (
        ("policies=[{name: cap, methods: [dacs], at_most: 1 Mt/yr}]",),
        "unknown|no such|not .*method",
    ),
    "policy of an unknown zone": (
        ("policies=[{name: c, layer: basins, zone_name: name, zones: [wset], at_most: 1 t/yr}]",),
        "wset",
    ),
    "policy by an unknown column": (
        ("policies=[{name: cap, layer: basins, zone_name: nmae, at_most: 1 Mt/yr}]",),
        "no column 'nmae'",
    ),
    "policy over points": (
        (
            "layers.towns={path: towns.csv}",
            "policies=[{name: c, layer: towns, at_most: 1 t/yr}]",
        ),
        "cover no area",
    ),
    "criterion in another dimension": (
        ("siting.prefer=[{layer: slope, best: 0 m, worst: 3 km}]",),
        "wrong dimension",
    ),
    "scores of classes that are absent": (
        ("siting.prefer=[{layer: cover, scores: {11: 1}}]",),
        "class code absent",
    ),
    "scores of a layer without classes": (
        ("siting.prefer=[{layer: slope, scores: {1: 1}}]",),
        "not a class layer",
    ),
    "distance to a raster": (
        ("siting.prefer=[{near: slope, best: 0, none: 3 km}]",),
        "not a vector layer",
    ),
    "classes of features": (
        ("siting.exclude.0={layer: parks, classes: [1]}",),
        "not a class layer",
    ),
    "distance to classes of features": (
        ("siting.exclude.0={layer: parks, classes: [1], closer_than: 1 km}",),
        "not a class layer",
    ),
    "distance within a raster": (
        ("siting.exclude.0={layer: parks, farther_than: 1 km, within: slope}",),
        "not a vector layer",
    ),
    "distance within points": (
        (
            "layers.towns={path: towns.csv}",
            "siting.exclude.0={layer: parks, farther_than: 1 km, within: towns}",
        ),
        "cover no area",
    ),
    "distance within a layer that is none": (
        ("siting.exclude.0={layer: parks, farther_than: 1 km, within: basin}",),
        "basin.*basins",
    ),
    "derived distance within points": (
        (
            "layers.towns={path: towns.csv}",
            "layers.d={derive: distance, from: parks, within: towns}",
        ),
        "cover no area",
    ),
    "derived distance within a layer that is none": (
        ("layers.d={derive: distance, from: parks, within: basin}",),
        "basin.*basins",
    ),
    "range of features without values": (
        ("siting.exclude.0={layer: basins, where: 'name > 3'}",),
        "name",
    ),
    "points without a buffer": (
        ("layers.towns={path: towns.csv}", "siting.exclude.0={layer: towns}"),
        "cover no area",
    ),
    "method confined to a raster": (("methods.daccs-solid.regions=slope",), "not a vector layer"),
    "climate in another dimension": (
        ("methods.daccs-solid.climate={temperature: slope, humidity: slope}",),
        "slope",
    ),
    "growth in another dimension": (("methods.afforestation.rate=slope",), "dimension|unit"),
    "usable land of absent classes": (
        ("methods.afforestation.usable_land={cover: {11: 1}}",),
        "class code absent",
    ),
    "pools without names": (("resources.water.name=nmae",), "no column 'nmae'"),
    "pools of another dimension": (("resources.water.unit=kWh",), "kWh"),
    "pools below zero": (("resources.water.supply=minus",), "negative|below zero"),
    "supply layer of another dimension": (
        ("resources.biomass={layer: slope, unit: t/yr}",),
        "dimension|unit",
    ),
    "supply layer below zero": (
        (
            "layers.e={expression: 'where(slope < 1, -1, residues)', unit: t/yr, kind: extensive}",
            "resources.biomass={layer: e, unit: t/yr}",
        ),
        "below zero",
    ),
    "intensity of another dimension": (
        ("resources.power.intensity=slope",),
        "dimension|unit",
    ),
    "storage without such a column": (
        (*ROUTED, "resources.storage.capacity=mtt"),
        "no column 'mtt'",
    ),
    "storage that is text": ((*ROUTED, "resources.storage.capacity=id"), "not numeric"),
    "storage of one name twice": ((*ROUTED, "resources.storage.id=same"), "same"),
    "storage in a raster": (
        ("resources.storage={units: slope, id: id, capacity: mt}",),
        "not a vector layer",
    ),
    "surface by classes that are absent": (
        (*SURFACE, "transport.surface.sea={layer: cover, classes: [11]}"),
        "class code absent",
    ),
    "slope factor of another layer": (
        (
            *SURFACE,
            "transport.surface.slope={layer: people, points: [[0, 1], [9, 2]], unit: degree}",
        ),
        "dimension|unit",
    ),
    "crossing of polygons that are none": (
        (*SURFACE, "transport.surface.crossings=[{layer: people, cost: 1 MUSD}]"),
        "not a vector layer|crossing",
    ),
    "network without storage": (("network.plan=true",), "needs storage units"),
    "network of a method that is not studied": (
        (*ROUTED, "network.plan=true", "network.plants.daccs-liquid={least: 1 kt/yr}"),
        "daccs-liquid",
    ),
    "sites without such a column": (
        (*PLANNED, "network.sites={layer: sites, name: nmae}"),
        "nmae",
    ),
    "sites for a method that is not studied": (
        (*PLANNED, "network.sites={layer: sites, method: kind}"),
        "coal|not studied",
    ),
    "pipes without capacity": (
        (*PLANNED, "network.pipelines={layer: pipes, capacity: none}"),
        "capacity|column",
    ),
    "emitters that are text": (
        (*PLANNED, "network.emitters={layer: sites, captured: kind, name: same}"),
        "without a number",
    ),
    "administrative units in a raster": (("outputs.admin={layer: slope}",), "not a vector layer"),
    "administrative units without names": (
        ("outputs.admin={layer: basins, name: nmae}",),
        "no column 'nmae'",
    ),
    "expression of other units": (
        (
            "layers.e={expression: slope + residues, unit: degree}",
            "siting.prefer=[{layer: e, best: 0, worst: 9}]",
        ),
        "different units",
    ),
    "slope of what is no height": (
        (
            "layers.d={derive: slope, from: residues}",
            "siting.prefer=[{layer: d, best: 0, worst: 9}]",
        ),
        "dimension|unit",
    ),
    "density of points and lines": (
        (
            "layers.m={path: mixed.gpkg}",
            "layers.d={derive: density, from: m, radius: 2 km}",
            "siting.prefer=[{layer: d, best: 0, worst: 9}]",
        ),
        "points, lines and polygons in one layer",
    ),
    "column of lines": (
        (
            "layers.l={path: lines.gpkg, attribute: v, unit: m, kind: intensive}",
            "siting.prefer=[{layer: l, best: 0, worst: 9}]",
        ),
        "a column of lines",
    ),
    "several bands": (
        (
            "layers.b={path: bands.tif, unit: degree, kind: intensive, band: all}",
            "siting.prefer=[{layer: b, best: 0, worst: 9}]",
        ),
        "several bands",
    ),
}
"""What is wrong -> settings of the study, and a word of the refusal."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_world(tmp_path_factory.mktemp("world"))
    folder = path.parent
    basins = [box(0, 0, 4, 6), box(4, 0, 4, 6)]
    write_polygons(
        folder / "basins.gpkg", basins, name=["west", "east"], water_m3=[120_000.0, 9.0],
        minus=[-1.0, 2.0],
    )  # fmt: skip
    write_polygons(
        folder / "stores.gpkg", [box(0, 0, 2, 2), box(5, 3, 2, 2)], id=["a", "b"],
        same=["s", "s"], mt=[50.0, 80.0], mt_yr=[1.0, 2.0],
    )  # fmt: skip
    at = [shapely.Point(WEST + 1500, NORTH - 1500), shapely.Point(WEST + 3500, NORTH - 4500)]
    write_polygons(
        folder / "sites.gpkg", at, name=["p", "q"], same=["s", "s"], kind=["coal", "gas"]
    )
    line = shapely.LineString(at)
    write_polygons(folder / "pipes.gpkg", [line], none=[-1.0])
    write_polygons(folder / "lines.gpkg", [line], v=[1.0])
    write_polygons(folder / "mixed.gpkg", [*at, line], v=[1.0, 2.0, 3.0])
    (folder / "towns.csv").write_text("lon,lat\n5.53,50.05\n5.55,50.06\n")
    write_raster(folder / "people.tif", np.full((ROWS, COLS), 300, np.float32))
    with rasterio.open(folder / "slope.tif") as one:
        profile, values = {**one.profile, "count": 12}, one.read(1)
    with rasterio.open(folder / "bands.tif", "w", **profile) as out:
        for band in range(1, 13):
            out.write(values, band)
    return path


def refused(path: Path, settings: tuple[str, ...], *, whole: bool) -> str | None:
    """What a run, or `check`, refuses of a study; None where it goes through."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        try:
            scenario = load_scenario(path, settings)
            run(scenario) if whole else check_study(scenario)
        except CdrsiteError as error:
            return str(error)
    return None


@pytest.mark.parametrize("what", WRONG)
def test_check_refuses_it_with_a_word_of_what_is_wrong(what: str, world: Path) -> None:
    settings, words = WRONG[what]
    told = refused(world, settings, whole=False)
    if told is None:  # say whether a run finds it
        told = f"check lets it pass, and the run says: {refused(world, settings, whole=True)}"
        pytest.fail(told)
    assert re.search(words, told), told
    assert told == refused(world, settings, whole=True)


def test_features_without_a_place_are_left_out_with_a_word(world: Path) -> None:
    """Of given sites and emitters: a null point is no crash, and an empty method any method."""
    shapes = [shapely.Point(WEST + 1500, NORTH - 1500), None, shapely.Point()]
    write_polygons(
        world.parent / "some.gpkg", shapes, id=[1.0, 2.0, None], method=["daccs-solid", None, None],
        t=[0.001, 0.001, 0.001],
    )  # fmt: skip
    settings = (
        *PLANNED,
        "layers.some={path: some.gpkg}",
        "network.sites={layer: some, name: id, method: method}",
        "network.emitters={layer: some, captured: t, name: id}",
    )
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        told = run(load_scenario(world, settings)).warnings
    for what in ("sites", "emitters"):
        text = f"{what} outside the grid, or without a place, are left out: 2"
        assert any(text in one for one in told), told
