"""The six ledgers: each entry by hand, the sum, and that nothing beside it is ever added."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_scenario import SCENARIO, box, write_polygons, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.methods import ledgers
from cdrsite.methods.net import ChainLosses, Emissions
from cdrsite.report.ledgers import APART
from cdrsite.result.study_result import StudyResult
from cdrsite.study.run import run
from cdrsite.testing.formulae import net_factor

pytestmark = pytest.mark.usefixtures("without_slopes")

LIQUID = """  daccs-liquid: {override: {capture_loss: 0.02}}
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    """The tiny world with stores, routes that leak, two basins as provinces, uneven power."""
    folder = tmp_path_factory.mktemp("world")
    text = SCENARIO.replace(
        "  afforestation: {gates: false}\n", "  afforestation: {gates: false}\n" + LIQUID
    )
    text = text.replace("layers:\n", "layers:\n  stores: {path: stores.gpkg}\n", 1)
    text = re.sub(
        r"power: \{.*\}",
        "power: {pools: basins, supply: spare_gwh, unit: GWh/yr, name: name, intensity: g_kwh, "
        "intensity_unit: g/kWh}",
        text,
    )
    text = text.replace(
        "siting:\n",
        "  storage: {units: stores, id: id, capacity: mt, injection: mt_yr, depth: depth}\n"
        "siting:\n",
        1,
    )
    text = text.replace("outputs: {", "outputs: {admin: {layer: basins, name: name}, ")
    text += "transport: {leakage: 0.05, reach: 40 km}\n"
    path = write_world(folder, text)
    write_polygons(
        folder / "stores.gpkg", [box(5, 1, 3, 4)],
        id=["s"], mt=[30.0], mt_yr=[0.5], depth=[1500.0],
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return run(load_scenario(path))


def whole(result: StudyResult) -> dict[str, dict[str, Any]]:
    table = result.tables["ledgers"]
    return {row["method"]: row for row in table[table["zone"] == ""].to_dict("records")}


def test_net_removal_is_gross_less_returned_less_emissions(result: StudyResult) -> None:
    rows = result.tables["ledgers"].to_dict("records")
    assert sum(row["net_mt_yr"] for row in rows) > 0
    for row in rows:
        net = row["removal_gross_mt_yr"] - row["returned_mt_yr"] - row["emissions_process_mt_yr"]
        assert net == pytest.approx(row["net_mt_yr"], rel=1e-5, abs=1e-12)
        parts = ("energy", "supply", "fossil_lost")
        total = sum(row[f"emissions_{part}_mt_yr"] for part in parts)
        assert total == pytest.approx(row["emissions_process_mt_yr"], rel=1e-9, abs=1e-15)
        assert row["credited_mt_yr"] + row["withheld_mt_yr"] == pytest.approx(row["net_mt_yr"])


def test_the_ledgers_are_those_of_the_plan(result: StudyResult) -> None:
    methods = result.tables["methods"].set_index("method")
    found = whole(result)
    assert any(row["net_mt_yr"] > 0 for row in found.values())
    for name, row in found.items():
        assert row["net_mt_yr"] == pytest.approx(methods["net_mt_yr"][name], rel=1e-6)
        assert row["removal_gross_mt_yr"] == pytest.approx(methods["gross_mt_yr"][name], rel=1e-6)
        assert row["credited_mt_yr"] == pytest.approx(methods["credited_mt_yr"][name], rel=1e-6)
    for name in ledgers.COLUMNS:
        total = sum(row[name] for row in found.values())
        assert result.summary["ledgers"][name] == pytest.approx(total)
    # what is not removal is in no total of removal
    assert result.summary["net_mt_yr"] == pytest.approx(result.summary["ledgers"]["net_mt_yr"])


def test_energy_and_what_power_replaces_by_hand(result: StudyResult) -> None:
    """Summed over the cells with the intensity of the basin: 20 g/kWh west, 1500 g/kWh east."""
    planned = result.dataset["allocated"].fillna(0.0)
    pool = result.dataset["pool_electricity"]
    intensity = np.select([pool == 0, pool == 1], [0.020, 1.5], 0.0)
    found = whole(result)
    for name, row in found.items():
        model = result.models[name]
        x = planned.sel(removal_method=name).to_numpy().astype(np.float64)
        power, heat = model.number("electricity"), model.number("heat")
        energy = (x * max(power, 0.0) * intensity).sum() / 1e3
        energy += x.sum() * heat * model.number("emissions_heat") / 1e3
        assert row["emissions_energy_mt_yr"] * 1e6 == pytest.approx(energy, rel=1e-5, abs=1e-9)
        replaced = (x * max(-power, 0.0) * intensity).sum() / 1e3
        assert row["substitution_mt_yr"] * 1e6 == pytest.approx(replaced, rel=1e-5, abs=1e-9)
    assert found["beccs-residue"]["substitution_mt_yr"] > 0


def test_provinces_add_up_to_the_region(result: StudyResult) -> None:
    table = result.tables["ledgers"]
    zones = table[table["zone"] != ""]
    assert set(zones["zone"]) <= {"west", "东", "in none"} and len(zones)
    parts = zones.groupby("method")[list(ledgers.COLUMNS)].sum()
    for name, row in whole(result).items():
        for column in ledgers.COLUMNS:
            part = parts[column].get(name, 0.0)
            assert part == pytest.approx(row[column], rel=1e-9, abs=1e-15)


def test_fossil_carbon_is_stored_or_emitted_and_no_removal() -> None:
    """1000 t of air CO2 with 300 t of fossil CO2; 2 % lost at the plant, 13 t on the way."""
    losses = ChainLosses(capture=0.02)
    emissions = Emissions(embodied=50.0)
    lost, energy = 13.0, 40.0
    net = 1000 - 20 - 10 - (40 + 50 + 6 + 3)
    row = ledgers.entries(
        np.array([1000.0, net, lost, energy, 0.0, 7.0, 3.0, 300.0, 3.0]),
        losses,
        emissions,
        buffer=0.1,
    )
    tonnes = {name: value * 1e6 for name, value in row.items()}
    expected = {
        "removal_gross_mt_yr": 1000, "returned_mt_yr": 20 + 10, "emissions_process_mt_yr": 99,
        "net_mt_yr": 871, "credited_mt_yr": 783.9, "withheld_mt_yr": 87.1,
        "emissions_energy_mt_yr": 40, "emissions_supply_mt_yr": 50,
        "emissions_fossil_lost_mt_yr": 9, "avoided_mt_yr": 3, "substitution_mt_yr": 7,
        "fossil_stored_mt_yr": 300 - 9,
    }  # fmt: skip
    assert tonnes == pytest.approx(expected)
    assert ledgers.imbalance(row) < 1e-12
    assert ledgers.imbalance(row | {"net_mt_yr": row["net_mt_yr"] + 7e-6}) > ledgers.TOLERANCE


@given(
    st.floats(0, 0.3), st.floats(0, 0.3), st.floats(0, 0.8), st.floats(0, 400), st.floats(0, 300)
)
def test_the_sum_is_the_net_factor(
    capture: float, injection: float, fossil: float, power: float, embodied: float
) -> None:
    losses = ChainLosses(capture, injection=injection)
    emissions = Emissions(embodied=embodied)
    taken = {"electricity": power, "grid_intensity": 0.4, "fossil": fossil}
    net = float(net_factor(losses, emissions, **taken))
    sums = 1e6 * np.array([1.0, net, 0.0, power * 0.4 / 1e3, 0.0, 0.0, 0.0, fossil, 0.0])
    assert ledgers.imbalance(ledgers.entries(sums, losses, emissions, 0.0)) < 1e-9


@given(
    st.floats(0, 0.3), st.floats(0, 0.8), st.floats(0, 900), st.floats(0, 0.2), st.floats(0, 500)
)
def test_no_ledger_makes_more_of_the_gross_tonnes(
    capture: float, fossil: float, embodied: float, lost: float, replaced: float
) -> None:
    losses, emissions = ChainLosses(capture), Emissions(embodied=embodied)
    net = float(net_factor(losses, emissions, fossil=fossil)) - lost
    along = lost * fossil / (1 + fossil)
    sums = 1e6 * np.array([1.0, net, lost, 0.0, 0.0, replaced, 0.5, fossil, along])
    row = ledgers.entries(sums, losses, emissions, 0.1)
    assert row["net_mt_yr"] <= row["removal_gross_mt_yr"]
    assert ledgers.summed(row) == pytest.approx(row["net_mt_yr"], abs=1e-9)
    # what stands beside the sum changes nothing in it
    other = row | dict.fromkeys(("avoided_mt_yr", "substitution_mt_yr", "fossil_stored_mt_yr"), 9.0)
    assert ledgers.summed(other) == ledgers.summed(row)


def test_a_ledger_too_many_in_the_sum_is_found_out(
    result: StudyResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Substitution is no removal: adding it would no longer give the net tonnes of the plan."""
    row = whole(result)["beccs-residue"]
    assert ledgers.imbalance(row) < ledgers.TOLERANCE
    assert not set(ledgers.SIGNS) & set(APART)
    monkeypatch.setitem(ledgers.SIGNS, "substitution_mt_yr", 1.0)
    assert ledgers.imbalance(row) > ledgers.TOLERANCE


def test_the_ledgers_are_written_and_reported(result: StudyResult, tmp_path: Path) -> None:
    folder = result.write(tmp_path / "run")
    head = (folder / "tables" / "ledgers.csv").read_text(encoding="utf-8").split("\n")[0]
    assert head == ",".join(["zone", "method", *ledgers.COLUMNS])
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary["ledgers"] == pytest.approx(result.summary["ledgers"])
    page = (folder / "report.html").read_text(encoding="utf-8")
    part = page.split('id="ledgers"')[1].split("</section>")[0]
    assert "Substitution by products" in part and "= Net removal" in part
    heads = re.findall(r'<th scope="row"[^>]*>(.*?)</th>', part)
    assert [head[:1] for head in heads] == ["G", "−", "−", "=", "A", "S", "F"]
    assert 'data-key="ledgers/substitution_mt_yr"' in part


def test_ledgers_that_do_not_add_up_are_warned_of(
    result: StudyResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledgers, "TOLERANCE", -1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        again = run(result.scenario)
    assert any("do not add up to the net removal" in text for text in again.warnings)
    assert not any("do not add up" in text for text in result.warnings)
