"""The balance of a result holds, and one that was tampered with anywhere is found out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sweeps import stored_world

import cdrsite
from cdrsite.result.study_result import StudyResult
from cdrsite.testing import assert_mass_balance

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    """Pools of water, a supply of power in each cell, storage that fills, three methods."""
    return cdrsite.run(cdrsite.load_scenario(stored_world(tmp_path_factory.mktemp("world"))))


def with_cells(result: StudyResult, name: str, change: Callable[[Any], Any]) -> StudyResult:
    dataset = result.dataset.copy()
    dataset[name] = dataset[name].copy(data=change(dataset[name].to_numpy().copy()))
    return replace(result, dataset=dataset)


def with_table(result: StudyResult, name: str, column: str, factor: float) -> StudyResult:
    table = result.tables[name].copy()
    row = int(table[column].abs().to_numpy().argmax())
    table.loc[table.index[row], column] *= factor
    return replace(result, tables=result.tables | {name: table})


def more_in_one_cell(plan: np.ndarray) -> np.ndarray:
    plan.flat[np.nanargmax(plan)] *= 1.01
    return plan


def moved_to_another_cell(plan: np.ndarray) -> np.ndarray:
    """The tonnes of air capture in the cell with most go to the cell with fewest."""
    dac = plan[0].reshape(-1)
    some = np.flatnonzero(np.nan_to_num(dac) > 0)
    most, least = some[dac[some].argmax()], some[dac[some].argmin()]
    dac[least] += dac[most]
    dac[most] = 0
    return plan


def test_a_result_is_balanced(result: StudyResult) -> None:
    assert_mass_balance(result, rel=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")
def test_the_demo_is_balanced() -> None:
    changes = ["grid.resolution=20 km", "network.plan=false"]
    assert_mass_balance(cdrsite.run(cdrsite.load_scenario(ROOT / "config" / "demo.yaml", changes)))


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("allocated", more_in_one_cell, r"gross tonnes of daccs-solid: got .* t/yr"),
        ("allocated", more_in_one_cell, "CO2 brought to storage: got"),
        ("allocated", moved_to_another_cell, r"electricity \(rule 6\), row \d, column \d: got"),
        ("net_removal", lambda net: net * 1.001, "net tonnes of the map: got"),
        ("need_land", lambda need: need * 1.001, "land of afforestation: got"),
        ("usable_land", lambda land: land * 0.5, r"land of afforestation \(rule 6\), row"),
        ("exclusive_share", lambda share: share * 2, r"land \(rule 6\), row"),
        ("supply_electricity", lambda supply: supply / 2, r"electricity \(rule 6\), row .* most"),
        ("pool_water", lambda pool: np.where(pool == 0, 1, pool), "water of west by the map: got"),
    ],
)  # fmt: skip
def test_a_map_that_was_changed_is_found_out(
    result: StudyResult, name: str, change: Callable[[Any], Any], words: str
) -> None:
    with pytest.raises(AssertionError, match=words):
        assert_mass_balance(with_cells(result, name, change))


@pytest.mark.parametrize(
    ("table", "column", "factor", "words"),
    [
        ("methods", "gross_mt_yr", 1.001, "gross tonnes of daccs-solid"),
        ("methods", "net_mt_yr", 1.001, "net ledger of daccs-solid"),
        ("methods", "land_km2", 1.001, "land of afforestation"),
        ("pools", "use", 1.001, r"use of water of west \(rule 6\): got 120120, expected 120000 m3"),
        ("pools", "slack", 1.5, "slack of injectivity of a"),
        ("storage", "injected_mt_yr", 0.999, "CO2 brought to storage"),
        ("storage", "injection_mt_yr", 0.5, r"injection of a \(rule 6\)"),
        ("ledgers", "emissions_process_mt_yr", 2.0, r"ledger of daccs-solid \(rule 5\)"),
        ("ledgers", "credited_mt_yr", 1.01, r"credits of daccs-solid \(rule 5\)"),
        ("supply_curve", "cumulative_mt_yr", 0.99, "end of the supply curve"),
    ],
)
def test_a_table_that_was_changed_is_found_out(
    result: StudyResult, table: str, column: str, factor: float, words: str
) -> None:
    with pytest.raises(AssertionError, match=words):
        assert_mass_balance(with_table(result, table, column, factor))


def test_provinces_that_lose_tonnes_are_found_out(result: StudyResult) -> None:
    table = result.tables["methods"][["method", "net_mt_yr", "gross_mt_yr", "land_km2"]]
    halves = pd.concat([table.assign(zone=zone) for zone in ("east", "west")])
    halves[["net_mt_yr", "gross_mt_yr", "land_km2"]] /= 2
    whole = replace(result, tables=result.tables | {"provinces": halves})
    assert_mass_balance(whole)
    with pytest.raises(AssertionError, match="net_mt_yr of daccs-solid over the provinces: got"):
        assert_mass_balance(with_table(whole, "provinces", "net_mt_yr", 0.9))


def test_every_miss_is_named(result: StudyResult) -> None:
    summary = result.summary | {"net_mt_yr": 1.0}
    broken = with_table(replace(result, summary=summary), "ledgers", "net_mt_yr", 1.1)
    with pytest.raises(AssertionError, match=r"^4 balances do not hold \(rules 5 and 6\)"):
        assert_mass_balance(broken)
