"""Biochar: the published table of what lasts, the numbers of its file, and studies with both."""

from __future__ import annotations

import math

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from one_method import OneMethod
from tiny_scenario import SCENARIO

from cdrsite.config.load import parse_scenario
from cdrsite.core.errors import CdrsiteError
from cdrsite.library.methods import load_method
from cdrsite.methods.formulae import Ingredients, cost_parts, net_factor_sum
from cdrsite.methods.model import method_model

pytestmark = pytest.mark.usefixtures("without_slopes")

CHAR = "biochar"
TABLE = load_method(CHAR).persistence
PLENTY = {
    "biomass": {"value": "9 kt/yr", "per": "cell"},
    "power": {"value": "9 GWh/yr", "per": "cell", "intensity": "100 g/kWh"},
}
PLAIN = {
    "dry_matter_loss": 0, "counterfactual_share": 0, "haul_load": "5 USD2025",
    "haul_price": "0.15 USD2025/t/km",
}  # fmt: skip
"""As the golden tonne has it: nothing lost in store, nothing that would have stayed on land."""
MONEY = {
    "base_year": 2025,
    "prices": {"land": 0, "electricity": 0.06, "biomass": 40, "heat": 0, "water": 0},
}


@pytest.mark.parametrize(
    ("temperature", "shares"),
    [
        (7, (0.9433, 0.9208, 0.8982)),
        (8, (0.9329, 0.9060, 0.8792)),
        (10, (0.9083, 0.8718, 0.8352)),
        (12, (0.8788, 0.8314, 0.7840)),
        (14, (0.8446, 0.7855, 0.7265)),
        (15, (0.8259, 0.7608, 0.6956)),
        (17, (0.7858, 0.7085, 0.6313)),
        (20, (0.7808, 0.6998, 0.6187)),
        (25, (0.7725, 0.6831, 0.5936)),
    ],
)
def test_published_shares(temperature: float, shares: tuple[float, ...]) -> None:
    for hydrogen, share in zip((0.2, 0.4, 0.6), shares, strict=True):
        assert float(TABLE.share(temperature, hydrogen)) == pytest.approx(share, abs=6e-5)


@given(st.floats(-20, 40), st.floats(0.05, 15), st.floats(0.1, 0.7))
def test_char_lasts_less_where_it_is_warm(cold: float, more: float, hydrogen: float) -> None:
    here, there = (float(TABLE.share(t, hydrogen)) for t in (cold, cold + more))
    assert 0 < there <= here + 1e-12 <= 1
    assert math.isnan(float(TABLE.share(math.nan, hydrogen)))
    assert float(TABLE.share(cold, hydrogen)) >= float(TABLE.share(cold, min(hydrogen * 1.1, 0.7)))


def feed(share: float) -> float:
    """Dry tonnes per gross tonne: 0.291 t of char per dry t, 0.799 of it carbon."""
    return 1 / (0.291 * 0.799 * 44 / 12 * share)


def test_the_method_file_follows_from_a_dry_tonne() -> None:
    number = load_method(CHAR).profile().number
    share = float(TABLE.share(number("char_temperature"), number("char_hydrogen")))
    assert number("char_persistence") == pytest.approx(share, rel=1e-9)
    dry = feed(share)
    assert 1 / dry == pytest.approx(0.708796, abs=1e-6)
    char = 0.291 * dry
    assert char == pytest.approx(0.410555, abs=1e-6)
    expected = {
        "biomass": dry, "electricity": 207.432 * dry, "land_direct": 1e4 * char / 10,
        "emissions_chain": dry * 5 + char * 30 * 0.13, "capex": 500 * dry,
        "variable_om": 59.95 * 1.08 + char * (15 + 0.15 * 30),
    }  # fmt: skip
    for name, value in expected.items():
        assert number(name, 2025) == pytest.approx(value, rel=1e-6), name


@pytest.fixture(scope="module")
def char(tmp_path_factory: pytest.TempPathFactory) -> OneMethod:
    return OneMethod(tmp_path_factory.mktemp("world"), CHAR)


def soil(temperature: object) -> dict[str, object]:
    keys = {"unit": "degC", "kind": "intensive", "band": "all"}
    return {"ground": (np.asarray(temperature, np.float32), keys)}


def test_golden_tonne_of_char_in_soil_of_12_degrees(char: OneMethod) -> None:
    """Net factor and cost per net tonne with and without a layer, capital apart."""
    bare = {"override": PLAIN | {"capex": 0}}
    for method, layers in ((bare, {}), (bare | {"soil_temperature": "ground"}, soil(12.0))):
        result = char.run(method, layers, resources=PLENTY, costs=MONEY)  # type: ignore[arg-type]
        assert char.here(result, "net_factor") == pytest.approx(0.950158, abs=1e-6)
        if layers:
            assert char.here(result, "need_biomass") == pytest.approx(1.410843, abs=2e-6)
        else:
            assert char.cost_of(result, "feedstock") == pytest.approx(40 * 1.410843, rel=2e-6)
        assert char.here(result, "need_land") == pytest.approx(410.555, abs=2e-3)
        # feed, loading and haul, operation, power, char: 30 % of the heat is not sold here
        gross = 56.433732 + 20.809939 + 64.746 + 17.559243 + 8.005830
        assert char.here(result, "cost") == pytest.approx(gross / 0.950158, rel=2e-6)


def test_golden_cost_where_a_third_of_the_heat_is_sold(char: OneMethod) -> None:
    """146.676119 USD per gross and 154.370310 per net tonne: 30 % of the heat at 0.02 USD/kWh."""
    document = yaml.safe_load(SCENARIO) | {"siting": {}, "methods": {CHAR: {"override": PLAIN}}}
    document["resources"] |= PLENTY
    document["costs"] = MONEY
    scenario = parse_scenario(yaml.safe_dump(document), char.folder / "study.yaml")
    model = method_model(CHAR, scenario)
    given_here = Ingredients(frozenset(), 0.1, 0.0, 0.0, 0.0)
    needs = model.needs
    parts = {
        name: float(part.evaluate({}))
        for name, part in cost_parts(model, needs, scenario, given_here).items()
    }
    sold = 0.3 * needs.supplied["heat"].evaluate({}) * 0.02
    gross = sum(parts.values()) - parts["capital"] - parts["fixed_om"] - float(sold)
    net = float(net_factor_sum(model, needs, scenario, given_here).evaluate({}))
    assert net == pytest.approx(0.950158, abs=1e-6)
    assert gross == pytest.approx(146.676119, abs=1e-3)
    assert gross / net == pytest.approx(154.370310, abs=1e-3)


def test_capital_of_a_plant(char: OneMethod) -> None:
    with_it, without = (
        char.run({"override": PLAIN | {"fixed_om": 0} | more}, {}, resources=PLENTY, costs=MONEY)
        for more in ({}, {"capex": 0})
    )
    more = char.here(with_it, "cost") - char.here(without, "cost")
    assert more * 0.950158 == pytest.approx(1.4108433 * 500 * 0.0943929, rel=1e-5)


@pytest.mark.parametrize(("temperature", "share"), [(25.0, 0.68306), (3.0, 0.92078), (19.0, None)])
def test_a_layer_of_soil_temperature_brings_all_to_the_place(
    char: OneMethod, temperature: float, share: float | None
) -> None:
    found = char.run(
        {"soil_temperature": "ground", "override": PLAIN | {"capex": 0}}, soil(temperature),  # type: ignore[arg-type]
        resources=PLENTY, costs=MONEY,
    )  # fmt: skip
    # between two rows the coefficients are linear: 86.19 and 39.695 at 19 degC
    dry = feed(share or (86.19 - 39.695 * 0.4) / 100)
    times = dry / feed(0.8314)
    assert char.here(found, "need_biomass") == pytest.approx(dry, rel=1e-5)
    assert char.here(found, "net_factor") == pytest.approx(1 - 0.049842430 * times, rel=1e-6)
    gross = (56.433732 + 20.809939 + 64.746 + 17.559243 + 8.005830) * times
    net = 1 - 0.049842430 * times
    assert char.here(found, "cost") == pytest.approx(gross / net, rel=1e-5)
    if temperature == 25:
        assert dry == pytest.approx(1.717236, abs=1e-6)


def test_months_count_by_their_mean_and_hydrogen_by_itself(char: OneMethod) -> None:
    months = [2, 3, 6, 10, 14, 18, 20, 20, 16, 12, 7, 4]
    days = np.array([31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    mean = float((np.array(months) * days).sum() / days.sum())
    found = char.run(
        {"soil_temperature": "ground", "override": PLAIN}, soil(months), resources=PLENTY
    )  # type: ignore[arg-type]
    dry = feed(float(TABLE.share(mean, 0.4)))
    assert char.here(found, "need_biomass") == pytest.approx(dry, rel=1e-5)
    hot = char.run({"override": PLAIN | {"char_hydrogen": 0.2}}, {}, resources=PLENTY, costs=MONEY)
    assert char.cost_of(hot, "feedstock") == pytest.approx(40 * feed(0.8788), rel=1e-6)


def test_what_does_not_fit_is_refused(
    char: OneMethod, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.raises(CdrsiteError, match=r"not a char that lasts.*char_hydrogen of 0.8.*0.7"):
        char.run({"override": {"char_hydrogen": 0.8}}, {})
    with pytest.raises(CdrsiteError, match=r"temperature is outside what the Earth has"):
        char.run({"soil_temperature": "ground"}, soil(285.0))  # type: ignore[arg-type]
    forest = OneMethod(tmp_path_factory.mktemp("forest"), "afforestation")
    with pytest.raises(CdrsiteError, match=r"puts no char into soil.*family stock.*remove it"):
        forest.run({"soil_temperature": "slope"}, {})
