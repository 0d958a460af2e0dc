"""Plants and pipelines of a whole study, on a coarse grid of the demo."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyogrio
import pytest
import shapely
from tiny_scenario import write_world

import cdrsite
from cdrsite.cli.tables import network_line
from cdrsite.config.load import load_scenario
from cdrsite.core.errors import ConfigError, DataError
from cdrsite.core.words import Words
from cdrsite.explain.place import explain_run
from cdrsite.study.means import Means
from cdrsite.study.run import check_study

pytestmark = pytest.mark.usefixtures("without_slopes")

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def result() -> Any:
    settings = ("grid.resolution=10 km", "network.gap=0.5", "network.effort=quick")
    return cdrsite.run(load_scenario(ROOT / "config" / "demo.yaml", settings))


def test_every_tonne_is_in_a_plant_or_accounted_for(result: Any) -> None:
    network = result.summary["network"]
    stores = ["daccs-solid", "daccs-liquid", "beccs-residue"]
    gross = result.tables["methods"].set_index("method").loc[stores, "gross_mt_yr"].sum()
    left_out = ("below_minimum_mt_yr", "no_site_mt_yr", "beyond_max_plants_mt_yr")
    placed = network["in_plants_mt_yr"] + sum(network[key] for key in left_out)
    assert placed == pytest.approx(gross, rel=1e-5)
    assert result.tables["plants"]["gross_t_yr"].sum() / 1e6 == pytest.approx(
        network["in_plants_mt_yr"], rel=1e-9
    )


def test_plants_keep_their_sizes_and_stand_on_allowed_ground(result: Any) -> None:
    plants = result.tables["plants"]
    assert (plants["farthest_km"] <= 80.0 + 1e-9).all()
    solid = plants.query("method == 'daccs-solid'")
    assert (solid["gross_t_yr"] >= 50_000 * (1 - 1e-9)).all()
    for plant in plants.to_dict("records"):
        row, col = result.grid.index(plant["x"], plant["y"])
        available = result.dataset["available"].sel({"removal_method": plant["method"]})
        assert float(available[row, col]) > 0


def test_the_network_stores_what_the_plants_capture_and_says_how_sure(result: Any) -> None:
    network, plants = result.summary["network"], result.tables["plants"]
    assert plants["stored_t_yr"].sum() / 1e6 == pytest.approx(network["stored_mt_yr"], rel=1e-6)
    assert network["bound_musd_yr"] <= network["objective_musd_yr"] * (1 + 1e-9)
    parts = result.tables["network_costs"]["cost_usd_yr"].sum() / 1e6
    assert parts == pytest.approx(network["objective_musd_yr"], rel=1e-6)
    line = network_line(network, Words())
    assert f"{network['plants']} plants" in line
    assert ("; the cheapest" in line) == (network["status"] == "optimal")


def test_the_mode_of_transport_is_a_map(result: Any) -> None:
    mode = result.dataset["transport_mode"]
    assert mode.attrs["labels"] == ["pipeline", "truck", "ship"]
    assert ((mode >= 0) == result.dataset["transport_cost"].notnull()).all()
    assert (mode == 0).any()


def test_flow_and_length_of_every_pipe_are_positive(result: Any) -> None:
    pipes = result.tables["pipes"]
    assert (pipes["flow_t_yr"] > 0).all()
    assert (pipes["length_km"] > 0).all()


PHASED = (
    "grid.resolution=10 km", "network.gap=0.5", "network.effort=quick", "network.start=2028",
    "network.after=20 yr", "network.service={Luqiu Gas Field: {from: 2040}}",
)  # fmt: skip
LISTED = "network.periods=[{year: 2030, target: 2 Mt/yr}, {year: 2040, target: 9 Mt/yr}]"


@pytest.fixture(scope="module")
def phased() -> Any:
    return cdrsite.run(load_scenario(ROOT / "config" / "demo.yaml", (*PHASED, LISTED)))


@pytest.mark.slow
def test_a_study_over_periods_says_what_is_built_when(phased: Any, tmp_path: Path) -> None:
    network, tables = phased.summary["network"], phased.tables
    periods, builds = tables["network_periods"], tables["network_builds"]
    assert periods["year"].tolist() == [2030, 2040]
    assert periods["years"].tolist() == pytest.approx([6.0, 25.0])
    assert periods["stored_t_yr"].tolist() == pytest.approx([2e6, 9e6], rel=1e-9)
    assert set(builds["year"]) <= {2030, 2040}
    assert len(builds) == periods["pipes_laid"].sum() > 0
    # the discounted mean of what the tables say is the objective
    yearly = (periods["transport_usd_yr"] + periods["storage_usd_yr"]) / 1e6
    share = periods["discounted_years"] / periods["discounted_years"].sum()
    assert (yearly * share).sum() == pytest.approx(network["objective_musd_yr"], rel=1e-9)
    assert network["bound_musd_yr"] <= network["objective_musd_yr"]
    # the other tables show the last period
    assert tables["network_costs"]["cost_usd_yr"].sum() / 1e6 == pytest.approx(yearly.iloc[-1])
    assert tables["network_storage"]["stored_t_yr"].sum() == pytest.approx(9e6)
    page = (phased.write(tmp_path / "run") / "report.html").read_text(encoding="utf-8")
    assert "What is built when" in page


@pytest.mark.slow
def test_periods_of_a_scenario_may_stand_in_a_table(phased: Any, tmp_path: Path) -> None:
    table = tmp_path / "periods.csv"
    table.write_text("year,target [Mt/yr]\n2030,2\n2040,9\n")
    scenario = load_scenario(ROOT / "config" / "demo.yaml", (*PHASED, f"network.periods={table}"))
    assert cdrsite.run(scenario).tables["network_builds"].equals(phased.tables["network_builds"])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (("network.start=2030",), "network.start: only periods have this"),
        ((LISTED, "network.target=2 Mt/yr"), "network.target: the periods say what is asked"),
        (("network.periods=[{year: 2040, target: all}, {year: 2030, target: all}]",), "must rise"),
        (("network.periods=[{year: 2040}]",), "a period; got none; expected exactly one of target"),
        ((LISTED, "network.service={daccs-solid: {from: 2040, until: 2030}}"), "ends before it"),
    ],
)
def test_periods_without_meaning_are_refused_by_key(settings: tuple[str, ...], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_scenario(ROOT / "config" / "demo.yaml", settings)


def test_service_of_nothing_known_is_refused() -> None:
    settings = ("grid.resolution=10 km", LISTED, "network.service={Nowhere: {from: 2040}}")
    with pytest.raises(ConfigError, match=r"network\.service: .* got Nowhere"):
        check_study(load_scenario(ROOT / "config" / "demo.yaml", settings))


# -- emitters and tables -----------------------------------------------------------------------


def emitters_file(folder: Path, *, scale: float = 1.0) -> Path:
    """Three emitters of the demo's region: one biogenic, one outside."""
    path = folder / "emitters.gpkg"
    storage = gpd.read_file(ROOT / "sample_data" / "storage.gpkg").to_crs("EPSG:4326")
    first, second = (shape.representative_point() for shape in storage.geometry[:2])
    frame = gpd.GeoDataFrame(
        {
            "name": ["steel", "pulp", "far"],
            "mt": [1.0 * scale, 0.5 * scale, 9.0],
            "kind": ["avoided", "removal", "avoided"],
            "usd": [50.0, 20.0, 1.0],
        },
        geometry=[first, second, shapely.Point(first.x + 60, first.y)],
        crs="EPSG:4326",
    )
    frame.to_file(path)
    return path


EMITTED = (
    "grid.resolution=10 km", "network.gap=0.5", "network.effort=quick",
    "network.emitters={layer: emitters, captured: mt, ledger: kind, cost: usd, name: name}",
    "objective={maximise: net_removal}",
)  # fmt: skip


def test_emitters_share_the_network_and_keep_their_ledgers(result: Any, tmp_path: Path) -> None:
    layer = f"layers.emitters={{path: {emitters_file(tmp_path)}}}"
    asked = "network.targets={avoided: 0.7 Mt/yr, removal: 3 Mt/yr}"
    study = cdrsite.run(load_scenario(ROOT / "config" / "demo.yaml", (layer, *EMITTED, asked)))
    network, used = study.summary["network"], study.tables["network_emitters"].set_index("name")
    assert network["stored_by_ledger_mt_yr"] == pytest.approx({"avoided": 0.7, "removal": 3.0})
    assert used.loc["steel", "stored_t_yr"] == pytest.approx(0.7e6)
    assert used.loc["steel", "capture_usd_yr"] == pytest.approx(50 * 0.7e6)
    assert list(used.index) == ["steel", "pulp"]
    assert any(
        "emitters outside the grid, or without a place, are left out: far" in text
        for text in study.warnings
    )
    plants = study.tables["plants"]["stored_t_yr"].sum() + used.loc["pulp", "stored_t_yr"]
    assert plants == pytest.approx(3e6)
    stores = study.tables["network_storage"]
    assert (stores["stored_t_yr"] <= stores["room_t_yr"] * (1 + 1e-9)).all()
    # what is removed by the plan is the same with emitters beside it (rule 5)
    assert study.tables["methods"].equals(result.tables["methods"])
    page = (study.write(tmp_path / "run") / "report.html").read_text(encoding="utf-8")
    assert "Emitters" in page
    assert "steel" in page


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("network.emitters.captured=name", "column name: emitters without .* 'steel'"),
        ("network.emitters.ledger=colour", "network.emitters: no such column; got colour"),
        ("network.target=1 Mt/yr", r"ledgers are never summed \(rule 5\)"),
    ],
)
def test_wrong_emitters_are_refused(setting: str, words: str, tmp_path: Path) -> None:
    layer = f"layers.emitters={{path: {emitters_file(tmp_path)}}}"
    with pytest.raises((ConfigError, DataError), match=words):
        check_study(load_scenario(ROOT / "config" / "demo.yaml", (layer, *EMITTED, setting)))


def test_one_target_of_a_period_for_several_ledgers_is_refused(tmp_path: Path) -> None:
    layer = f"layers.emitters={{path: {emitters_file(tmp_path)}}}"
    settings = (layer, *EMITTED, LISTED)
    with pytest.raises(ConfigError, match=r"periods: 2030: one target for .* got avoided, removal"):
        cdrsite.run(load_scenario(ROOT / "config" / "demo.yaml", settings))


CASES = os.environ.get("CDRSITE_CASES", "")


SOUTHEAST = """\
name: southeast
region: {bounds: [-92, 28, -80, 35], crs: "EPSG:4326"}
grid: {resolution: 100 km}
methods: {}
network: {plan: true, tables: CASE, target: 50 Mt/yr, effort: quick, gap: 0.0001 %, gap_of: total}
"""


@pytest.mark.slow
@pytest.mark.skipif(not CASES, reason="CDRSITE_CASES is not set")
def test_a_study_without_methods_gives_the_optimum_of_the_southeast(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(SOUTHEAST.replace("CASE", f"{CASES}/southeastus_cap2020"))
    study = cdrsite.run(load_scenario(path))
    network, tables = study.summary["network"], study.tables
    assert study.methods == ()
    assert study.summary["net_mt_yr"] == 0.0  # what emitters store is no removal (rule 5)
    assert network["objective_musd_yr"] == pytest.approx(5140.659014, abs=5e-7)
    assert network["cost_musd_yr"] == network["objective_musd_yr"]
    assert tables["network_emitters"]["stored_t_yr"].sum() == pytest.approx(50e6)
    assert network["emitters"] == (tables["network_emitters"]["stored_t_yr"] > 0).sum()
    assert network_line(network, Words()).startswith(f"{network['emitters']} emitters, ")
    # pipes, sources and sinks lie where the tables say
    lines, places = study.features["pipes"], study.features["network_emitters"].to_crs("EPSG:4326")
    assert len(lines) == len(tables["pipes"])
    assert lines.length.sum() / 1000 == pytest.approx(network["pipes_km"], rel=0.01)
    first = places.set_index("name").geometry["1"]
    assert (first.x, first.y) == pytest.approx((-88.0103, 31.0069), abs=0.01)
    assert len(study.features["network_storage"]) == 7
    folder = study.write(tmp_path / "run")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "No removal methods are studied" in page
    assert "What the plan removes" not in page
    drawn = {name for name, _ in pyogrio.list_layers(folder / "cdrsite.gpkg")}
    assert {"pipes", "network_emitters", "network_storage"} <= drawn


@pytest.mark.skipif(not CASES, reason="CDRSITE_CASES is not set")
def test_a_study_without_methods_is_the_same_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    text = SOUTHEAST.replace("CASE", f"{CASES}/southeastus_gateway").replace("50 Mt", "5 Mt")
    path.write_text(text)
    study = cdrsite.run(load_scenario(path))
    assert study.summary["network"]["objective_musd_yr"] == pytest.approx(803.360026, abs=5e-7)
    disk = cdrsite.run(load_scenario(path), means=Means(memory=1, folder=tmp_path / "work"))
    assert disk.summary == study.summary
    told = explain_run(disk.write(tmp_path / "run"), -86.0, 32.0)
    assert "No removal methods are studied here." in str(told)


def test_emitters_alone_share_a_network_of_the_grid(tmp_path: Path) -> None:
    layer = f"layers.emitters={{path: {emitters_file(tmp_path)}}}"
    settings = (layer, *EMITTED, "network.plants={}", "objective={}", "siting.exclude=[]")
    scenario = load_scenario(ROOT / "config" / "demo.yaml", settings)
    alone = scenario.model_copy(update={"methods": {}, "policies": ()})
    study = cdrsite.run(alone)
    assert study.summary["network"]["stored_mt_yr"] == pytest.approx(1.5)
    assert study.tables["plants"].empty
    assert (study.write(tmp_path / "run") / "report.html").is_file()


def test_nothing_to_study_is_refused() -> None:
    settings = ("methods={}", "network={plan: false}")
    with pytest.raises(
        ConfigError, match="methods: nothing is studied: no removal methods, no net"
    ):
        load_scenario(ROOT / "config" / "minimal.yaml", settings)


def test_the_end_of_a_run_says_why_there_is_no_network() -> None:
    words = Words()
    assert "no plant of buildable size" in network_line({"status": "no plants"}, words)
    assert "no plan was found" in network_line({"status": "no plan found"}, words)


def test_tables_and_methods_that_store_do_not_go_together(tmp_path: Path) -> None:
    stores = "layers.stores={path: parks.gpkg}"
    with pytest.raises(ConfigError, match="would sell pore space twice; got daccs-solid"):
        check_study(
            load_scenario(write_world(tmp_path), (stores, "network={plan: true, tables: ./none}"))
        )


def test_corridors_of_a_study_pay_for_what_they_cross(tmp_path: Path) -> None:
    write_world(tmp_path)
    study = tmp_path / "study.yaml"
    frame = gpd.GeoDataFrame(
        {"id": ["s"], "mt": [30.0], "mt_yr": [0.5], "depth": [1500.0]},
        geometry=[shapely.box(4_007_000, 3_000_000, 4_008_000, 3_006_000)], crs="EPSG:3035",
    )  # fmt: skip
    frame.to_file(tmp_path / "stores.gpkg")
    river = shapely.LineString([(4_006_500, 2_999_000), (4_006_500, 3_007_000)])
    gpd.GeoDataFrame(geometry=[river], crs="EPSG:3035").to_file(tmp_path / "river.gpkg")
    settings = (
        "layers.stores={path: stores.gpkg}",
        "layers.river={path: river.gpkg}",
        "resources.storage={units: stores, id: id, capacity: mt, injection: mt_yr, depth: depth}",
        "transport.modes=[pipeline]",
        "network.plan=true",
        "network.plants.daccs-solid={least: 1 kt/yr, most: 10 kt/yr, catchment: 3 km}",
    )
    crossed = "transport.surface.crossings=[{layer: river, adds: 40 km}]"
    free, paid = (
        cdrsite.run(load_scenario(study, (*settings, *more))).summary["network"]
        for more in ((), (crossed,))
    )
    assert free["stored_mt_yr"] == pytest.approx(paid["stored_mt_yr"], rel=1e-6) != 0
    # every tonne comes from the west of the river, so at least one line of 40 km more is paid
    assert paid["objective_musd_yr"] > free["objective_musd_yr"]
