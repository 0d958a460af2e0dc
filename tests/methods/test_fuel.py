"""Fuel that is burnt on site: gas, storage, ledger and emissions move together."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_scenario import SCENARIO, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import ConfigError
from cdrsite.methods.formulae import Ingredients, net_factors
from cdrsite.methods.model import MethodModel, method_model

METHOD, MORE = "methods.daccs-liquid", "  daccs-liquid: {}\n  afforestation:"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_world(tmp_path, SCENARIO.replace("  afforestation:", MORE))


def liquid(path: Path, *settings: str) -> MethodModel:
    return method_model("daccs-liquid", load_scenario(path, settings))


# GJ of gas per tonne from air -> tonnes to store: the range of published plants
@pytest.mark.parametrize(
    ("gas", "stored"),
    [
        (4.535, 1.25441),
        (5.25, 1.29452),
        (5.3, 1.29733),
        (6.065, 1.34025),
        (8.81, 1.49424),
        (9.18, 1.51500),
    ],
)
def test_storage_follows_the_gas(path: Path, gas: float, stored: float) -> None:
    model = liquid(path, f"{METHOD}.override={{heat: {gas} GJ/t}}")
    assert model.number("storage") == pytest.approx(stored, abs=1.1e-5)
    assert model.number("fossil_co_captured") == pytest.approx(stored - 1.0, abs=1.1e-5)


def test_what_is_not_captured_is_emitted(path: Path) -> None:
    settings = "{heat: 5.3 GJ/t, fuel_co2_captured: 0.9}"
    model = liquid(path, f"{METHOD}.override={settings}")
    assert model.number("fossil_co_captured") == pytest.approx(0.26760, abs=1e-5)
    given = Ingredients(frozenset(), 0.0, 0.0, 0.0, 0.0)
    needs = model.needs
    whole = liquid(path, f"{METHOD}.override={{heat: 5.3 GJ/t}}")
    factors = [
        net_factors(one, one.needs, given)["heat_intensity"].constant for one in (model, whole)
    ]
    assert needs.taken["heat"].constant == pytest.approx(5.3 / 0.0036)
    lost = (factors[0] - factors[1]) * 5.3 / 0.0036 / 1000
    assert lost == pytest.approx(0.02973, abs=1e-5)


def test_an_electric_plant_stores_what_comes_from_the_air(path: Path) -> None:
    model = liquid(path, f"{METHOD}.override={{heat: 0}}")
    assert (model.number("storage"), model.number("fossil_co_captured")) == (1.0, 0.0)


@pytest.mark.parametrize("name", ["storage", "fossil_co_captured"])
def test_the_result_cannot_be_given_as_well(path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=rf"override.{name}: it follows from the fuel; got 1.4"):
        liquid(path, f"{METHOD}.override={{{name}: 1.4}}")


def test_gas_of_a_climate_moves_what_is_captured_along(path: Path) -> None:
    """8.3 to 11.1 GJ around 9.7 GJ of all energy: 5.3 GJ of gas become 4.535 to 6.065."""
    for share, along in ((8.3 / 9.7, 0.2544), (11.1 / 9.7, 0.3403)):
        model = liquid(path, f"{METHOD}.override={{heat: {5.3 * share} GJ/t}}")
        assert model.number("fossil_co_captured") == pytest.approx(
            along, abs=6e-5
        )  # 0.0561 x 6.0649 is 0.34024
