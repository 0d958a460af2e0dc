"""Residues of works: what they bind, and how removal and what is avoided are told apart."""

from __future__ import annotations

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from one_method import OneMethod
from tiny_scenario import COLS, ROWS

from cdrsite.core.errors import CdrsiteError
from cdrsite.library.methods import load_method
from cdrsite.methods.ledgers import TOLERANCE, imbalance

pytestmark = pytest.mark.usefixtures("without_slopes")

SLAG = "steel-slag"
POWER = {"power": {"value": "900 GWh/yr", "per": "cell", "intensity": "100 g/kWh"}}
RESOURCES = {
    SLAG: "slag", "carbide-slag": "carbide_slag", "gypsum-carbonation": "gypsum", "fly-ash": "ash",
}  # fmt: skip


@pytest.fixture(scope="module")
def slag(tmp_path_factory: pytest.TempPathFactory) -> OneMethod:
    return OneMethod(tmp_path_factory.mktemp("world"), SLAG)


def works(tonnes: float, row: int = 3, col: int = 5) -> np.ndarray:  # type: ignore[type-arg]
    """One works in one cell [t/yr]."""
    values = np.zeros((ROWS, COLS), np.float32)
    values[row, col] = tonnes
    return values


def layers(tonnes: float) -> dict[str, tuple[object, dict[str, object]]]:
    return {"works": (works(tonnes), {"unit": "t/yr", "kind": "extensive"})}


def offered(name: str = SLAG) -> dict[str, object]:
    return POWER | {RESOURCES[name]: {"layer": "works"}, "water": {"unlimited": True}}


def test_golden_works_with_two_fifths_of_biogenic_carbon(slag: OneMethod) -> None:
    """500 kt of slag at 0.14 t/t: 25 680 t removed, 38 520 t avoided, 50 GWh."""
    result = slag.run({"profile": "mixed-flue-gas"}, layers(500_000), resources=offered())
    method = result.tables["methods"].iloc[0]
    ledger = result.tables["ledgers"].query("zone == ''").iloc[0]
    assert method["gross_mt_yr"] * 1e6 == pytest.approx(28_000, rel=1e-4)
    assert method["net_mt_yr"] * 1e6 == pytest.approx(25_680, rel=1e-4)
    assert ledger["avoided_mt_yr"] * 1e6 == pytest.approx(38_520, rel=1e-4)
    assert ledger["emissions_process_mt_yr"] * 1e6 == pytest.approx(0.4 * 5800, rel=1e-4)
    assert imbalance(ledger) < TOLERANCE
    power = slag.cost_of(result, "electricity") / 0.06 * 28_000
    assert power == pytest.approx(50e6, rel=1e-5)
    # 7.142857 t of slag per tonne bound, of which two fifths are removed
    assert 0.4 * 500_000 / (method["gross_mt_yr"] * 1e6) == pytest.approx(7.142857, rel=1e-4)


def test_a_cost_of_next_to_nothing_is_no_cost(slag: OneMethod) -> None:
    """At the low end no CO2 is biogenic: a rest of rounding is no net tonne, so no high end."""
    result = slag.run({"profile": "mixed-flue-gas"}, layers(500_000), resources=offered())
    ranges = result.tables["cost_ranges"].set_index("parameter")
    assert ranges.loc["biogenic_share", "low"] == 0
    assert np.isnan(ranges.loc["biogenic_share", "usd_net_t_at_low"])
    assert result.summary["costs"][SLAG]["high_usd_t"] is None
    assert result.summary["costs"][SLAG]["low_usd_t"] > 0


@settings(max_examples=examples(6), deadline=None)
@given(st.floats(0.05, 1.0))
def test_all_that_is_bound_is_in_one_of_two_ledgers(slag: OneMethod, share: float) -> None:
    """Removed and avoided add up to what the slag binds, less all emissions, at any share."""
    result = slag.run({"override": {"biogenic_share": share}}, layers(100_000), resources=offered())
    ledger = result.tables["ledgers"].query("zone == ''").iloc[0]
    both = (ledger["net_mt_yr"] + ledger["avoided_mt_yr"]) * 1e6
    assert both == pytest.approx(100_000 * 0.14 - 100_000 * (10 + 1.6) / 1000, rel=1e-4)
    assert ledger["net_mt_yr"] / (both / 1e6) == pytest.approx(share, rel=1e-4)


def test_a_layer_of_shares_holds_for_each_works(slag: OneMethod) -> None:
    two = works(1000, 3, 5) + works(1000, 4, 1) + works(1000, 4, 3)
    shares = np.zeros((ROWS, COLS), np.float32)
    shares[3, 5], shares[4, 1] = 100, 25
    given_ = {
        "works": (two, {"unit": "t/yr", "kind": "extensive"}),
        "bio": (shares, {"unit": "%", "kind": "intensive"}),
    }
    result = slag.run({"biogenic_share": "bio"}, given_, resources=offered())
    plan = result.dataset["allocated"].sel(removal_method=SLAG).to_numpy()
    assert plan[3, 5] == pytest.approx(140, rel=1e-4)
    assert plan[4, 1] == pytest.approx(35, rel=1e-4)
    assert np.nan_to_num(plan[4, 3]) < 1e-2  # all fossil: nothing is removed


@pytest.mark.parametrize("name", RESOURCES)
def test_each_residue_is_a_pool_of_its_own(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    one = OneMethod(tmp_path_factory.mktemp("residue"), name)
    number = load_method(name).profile().number
    result = one.run({}, layers(1000), resources=offered(name))
    bound = 1000 * number("uptake_ceiling") * number("conversion")
    assert result.tables["methods"].iloc[0]["gross_mt_yr"] * 1e6 == pytest.approx(bound, rel=1e-4)
    assert number(RESOURCES[name]) == pytest.approx(1000 / bound, rel=1e-6)
    none = one.run({}, {}, resources=POWER)
    assert none.tables["methods"].iloc[0]["gross_mt_yr"] == 0


def test_ceilings_follow_from_oxides() -> None:
    """0.785 CaO + 1.092 MgO: 24 to 65 % and 3 to 20 % of steel slag; hydroxide; gypsum."""
    low, high = (44 / 56.08 * c + 44 / 40.30 * m for c, m in ((0.24, 0.03), (0.65, 0.20)))
    assert (low, high) == pytest.approx((0.22, 0.73), abs=6e-3)
    ceiling = load_method(SLAG).profile().get("uptake_ceiling")
    assert ceiling is not None and ceiling.high == pytest.approx(high, abs=6e-3)
    hydroxide = load_method("carbide-slag").profile().number("uptake_ceiling")
    assert hydroxide == pytest.approx(44 / 74.09 * 0.9, abs=1e-3)
    gypsum = load_method("gypsum-carbonation").profile().number("uptake_ceiling")
    assert gypsum == pytest.approx(44 / 172.2, abs=1e-4)


def test_what_does_not_fit_is_refused(
    slag: OneMethod, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.raises(CdrsiteError, match=r"binds some of its own mass.*got 1.5.*at most 1"):
        slag.run({"override": {"conversion": 1.5}}, {})
    forest = OneMethod(tmp_path_factory.mktemp("forest"), "afforestation")
    with pytest.raises(CdrsiteError, match=r"binds no CO2 in residues.*cure: remove it"):
        forest.run({"biogenic_share": "slope"}, {})
