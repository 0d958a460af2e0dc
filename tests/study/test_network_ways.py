"""Ships and roads in the network of a study: emitters on one coast, storage on the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from tiny_scenario import write_raster

import cdrsite
from cdrsite.config.load import parse_scenario
from cdrsite.core.errors import CdrsiteError
from cdrsite.study.means import Means
from cdrsite.study.routes import pipeline_basis
from cdrsite.study.run import check_study
from cdrsite.transport.costmodels import truck

pytestmark = pytest.mark.usefixtures("without_slopes")

ROWS, COLS = 9, 40
STUDY = """\
name: coasts
region: {bounds: [4000000, 3000000, 4200000, 3045000], crs: "EPSG:3035"}
grid: {crs: "EPSG:3035", resolution: 5 km}
layers:
  cover: {path: cover.tif, kind: class}
  stores: {path: stores.gpkg}
  plants: {path: plants.gpkg}
  ports: {path: ports.gpkg}
  roads: {path: roads.gpkg}
resources:
  storage: {units: stores, capacity: mt, injection: mt_yr, id: name}
transport:
  surface: {sea: {layer: cover, classes: [2]}, offshore: 200}
  ships: {ports: ports, name: name}
methods: {}
network: {plan: true, effort: quick, emitters: {layer: plants, captured: mt, name: name}}
"""


def point(row: float, col: float) -> shapely.Point:
    return shapely.Point(4_000_000 + 5000 * (col + 0.5), 3_045_000 - 5000 * (row + 0.5))


def write(path: Path, shapes: list[Any], **columns: list[Any]) -> None:
    gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:3035").to_file(path)


@pytest.fixture
def world(tmp_path: Path) -> Path:
    cover = np.ones((ROWS, COLS), np.uint8)
    cover[:, 12:28] = 2
    write_raster(tmp_path / "cover.tif", cover, pixel=5000.0, north=3_045_000.0, nodata=255)
    unit = shapely.box(4_190_000, 3_015_000, 4_200_000, 3_030_000)
    write(tmp_path / "stores.gpkg", [unit], name=["east"], mt=[500.0], mt_yr=[5.0])
    write(
        tmp_path / "plants.gpkg", [point(4, 3), point(1, 8)], name=["steel", "lime"], mt=[1, 0.02]
    )
    write(tmp_path / "ports.gpkg", [point(4, 11), point(4, 28)], name=["harbour", "haven"])
    road = shapely.LineString([point(1, 8), point(4, 8), point(4, 11)])
    write(
        tmp_path / "roads.gpkg", [road, shapely.LineString([point(4, 28), point(4, 39)])], id=[1, 2]
    )
    return tmp_path / "study.yaml"


def run(world: Path, *settings: str, **means: Any) -> Any:
    return cdrsite.run(parse_scenario(STUDY, world, settings), means=Means(threads=1, **means))


def test_ships_cross_the_sea_and_can_be_switched_off(world: Path, tmp_path: Path) -> None:
    study = run(world)
    pipes = study.tables["pipes"].set_index("mode")
    ship = pipes.loc["ship"]
    assert (ship["start"], ship["end"]) == ("harbour", "haven")
    assert ship["length_km"] == pytest.approx(5 * 15)  # sea cell to sea cell
    assert ship["flow_t_yr"] == pytest.approx(1.02e6)
    costs = study.tables["network_costs"].set_index("part")["cost_usd_yr"]
    assert costs["ship"] == pytest.approx(ship["cost_usd_yr"])
    dry = run(world, "transport.modes=[pipeline, truck]")
    assert "ship" not in set(dry.tables["pipes"]["mode"])
    assert (
        dry.summary["network"]["objective_musd_yr"] > study.summary["network"]["objective_musd_yr"]
    )
    # the map says it too, and the switch holds there
    labels = study.dataset["transport_mode"].attrs["labels"]
    assert labels == ["pipeline", "truck", "ship"]
    west = study.dataset["transport_mode"].to_numpy()[:, :12]
    assert (west == labels.index("ship")).any()
    assert not (dry.dataset["transport_mode"].to_numpy() == labels.index("ship")).any()
    page = (study.write(tmp_path / "run") / "report.html").read_text(encoding="utf-8")
    assert "harbour → haven" in page
    lines = gpd.read_file(tmp_path / "run" / "cdrsite.gpkg", layer="pipes")
    assert lines.loc[lines["mode"] == "ship"].length.sum() == pytest.approx(17 * 5000)


@pytest.mark.slow
def test_trucks_follow_the_roads_in_the_network(world: Path) -> None:
    small = ("network.emitters.where=name = 'lime'", "transport.modes=[truck, ship]")
    study = run(world, "transport.roads={layer: roads}", *small)
    pipes = study.tables["pipes"]
    assert set(pipes["mode"]) == {"truck", "ship"}
    way = pipes.set_index("start").loc["lime"]
    assert way["end"] == "harbour"
    assert way["length_km"] == pytest.approx(5 * (4 + 2**0.5))  # the corner is cut
    basis = pipeline_basis(study.scenario)
    assert way["cost_usd_yr"] == pytest.approx(2e4 * float(truck(1.0, way["length_km"], basis)))
    # straight over land a km counts as three
    dear = run(world, "transport.roads={layer: roads, off_road: 50}", *small)
    assert dear.tables["pipes"].set_index("start").loc["lime", "length_km"] == pytest.approx(
        5 * (4 + 2**0.5)
    )


def test_the_same_on_disk(world: Path, tmp_path: Path) -> None:
    settings = ("transport.roads={layer: roads}",)
    one, other = run(world, *settings), run(world, *settings, memory=1, folder=tmp_path / "work")
    assert other.summary == one.summary
    assert (other.dataset["transport_mode"].to_numpy() == one.dataset["transport_mode"]).all()


def test_what_a_run_refuses_of_ways_check_refuses(world: Path) -> None:
    for setting, words in (
        ("transport.ships.name=colour", r"transport\.ships\.name: no such column; got colour"),
        ("transport.ships.ports=stores", "ships need two ports"),
        ("transport.roads={layer: cover}", "cover"),
    ):
        with pytest.raises(CdrsiteError, match=words):
            check_study(parse_scenario(STUDY, world, (setting,)))
