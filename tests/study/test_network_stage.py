"""Plants and pipelines of a whole study, on a coarse grid of the demo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cdrsite
from cdrsite.cli.tables import network_line
from cdrsite.config.load import load_scenario
from cdrsite.core.words import Words

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
    assert mode.attrs["labels"] == ["pipeline", "truck"]
    assert ((mode >= 0) == result.dataset["transport_cost"].notnull()).all()
    assert (mode == 0).any()


def test_flow_and_length_of_every_pipe_are_positive(result: Any) -> None:
    pipes = result.tables["pipes"]
    assert (pipes["flow_t_yr"] > 0).all()
    assert (pipes["length_km"] > 0).all()
