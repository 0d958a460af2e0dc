"""Seventeen methods compete on the sample data, on a coarse grid."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cdrsite
from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.library.methods import method_names
from cdrsite.methods import ledgers
from cdrsite.testing.balance import assert_mass_balance

SCENARIO = Path(__file__).resolve().parents[2] / "config" / "all-methods.yaml"
LEFT_OUT = {
    "mangrove",
    "salt-marsh",
    "seagrass",
    "coastal-olivine",
    "beccs-energy-crop",
    "timber-building",
}


@pytest.fixture(scope="module")
def result() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return cdrsite.run(load_scenario(SCENARIO, ("grid.resolution=16 km",)))


def test_the_scenario_says_which_methods_it_leaves_out() -> None:
    text = SCENARIO.read_text("utf-8")
    methods = load_scenario(SCENARIO).methods
    assert len(methods) == 17
    assert set(methods) | LEFT_OUT == set(method_names())
    head = text.split("name: all-methods")[0]
    assert all(name in head for name in LEFT_OUT)


@pytest.mark.slow
def test_every_method_has_tonnes_or_a_reason(result: Any) -> None:
    table = result.tables["methods"].set_index("method")
    assert len(table) == 17
    none = set(table.index[table["net_mt_yr"] <= 0])
    alone = set(table.index[table["alone_net_mt_yr"] > 0])
    # whatever is not in the plan could be alone: others use what it needs better
    assert none - alone <= {"peat-rewetting"}
    assert any("peat-rewetting" in text and "stops emissions" in text for text in result.warnings)


@pytest.mark.slow
def test_ledgers_balance_and_what_is_avoided_is_in_no_sum(result: Any) -> None:
    rows = result.tables["ledgers"].query("zone == ''").to_dict("records")
    assert len(rows) == 17
    for row in rows:
        assert ledgers.imbalance(row) < 1e-4
        removed = row["removal_gross_mt_yr"] - row["returned_mt_yr"]
        assert row["net_mt_yr"] <= removed * (1 + 1e-6) + 1e-9
    (peat,) = [row for row in rows if row["method"] == "peat-rewetting"]
    assert peat["net_mt_yr"] == 0
    total = sum(row["net_mt_yr"] for row in rows)
    assert total == pytest.approx(result.tables["methods"]["net_mt_yr"].sum(), rel=1e-4)


@pytest.mark.slow
def test_methods_keep_to_their_ground(result: Any) -> None:
    """Silt, residues and quarries bound what is planned of them."""
    table = result.tables["methods"].set_index("method")["gross_mt_yr"]
    assert table["carbide-slag"] <= 0.315 / 2.2006558 + 1e-6  # t/yr of works / t per t
    assert table["enhanced-weathering"] <= 3.42 / 3.3  # rock [Mt/yr] / least t of it per t
    least = {"biochar": 1.41, "bio-oil": 1.07, "beccs-residue": 0.66}  # t of residues per t
    assert sum(table[name] * need for name, need in least.items()) <= 18.1 * 0.4
    assert np.isfinite(table).all()


@pytest.mark.slow
def test_no_hectare_is_booked_twice(result: Any) -> None:
    """Land that methods take, and that of each practice besides, is at most the cell (rule 6)."""
    data = result.dataset
    land = (data["allocated"] * data["need_land"]).fillna(0.0)
    share = data["exclusive_share"]
    taken = (land * share).sum("removal_method")
    practices = land.where(share < 1, 0.0) * (1 - share)
    assert float((practices > 0).sum()) > 0
    area = data["cell_area"]
    assert float(((taken + practices) / area).max()) <= 1 + 1e-6
    assert_mass_balance(result, rel=1e-4)
