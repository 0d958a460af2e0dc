"""Every uncertain number of a scenario, and other values put in."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from tiny_scenario import SCENARIO, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.methods.model import method_model
from cdrsite.sampling.numbers import SCENARIO as OF_SCENARIO
from cdrsite.sampling.numbers import StudyNumbers

MORE = (
    "costs.prices.biomass=80 USD/t",
    "accounting.forest_years=60",
    "objective={maximise: value, credits: [{amount: 200 USD2020/t}]}",
    "policies=[{name: cap, at_most: 1 Mt/yr}]",
    "methods.daccs-solid.override={water: 5 m3}",
    "methods.daccs-solid.cost_basis=foak",
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("world"), SCENARIO)


def numbers(path: Path, *settings: str) -> StudyNumbers:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        scenario = load_scenario(path, settings)
        models = {name: method_model(name, scenario) for name in scenario.methods}
    return StudyNumbers(scenario, models)


def test_ranges_and_sources_are_those_of_the_records(world: Path) -> None:
    study = numbers(world, *MORE)
    found = {one.path: one for one in study.listed()}
    record = study.models["beccs-residue"].profile.get("emissions_chain")
    chain = found["methods.beccs-residue.override.emissions_chain"]
    assert record is not None and record.low is not None and chain.source == record.source
    assert (chain.low, chain.high, chain.unit) == (record.low, record.high, "kg/t")
    own = found["methods.daccs-solid.override.water"]  # the scenario's has no range (rule 10)
    assert (own.value, own.low, own.high, own.source) == (5.0, None, None, OF_SCENARIO)
    capex = found["methods.daccs-solid.override.capex"]  # of another basis: the relative range
    assert capex.low is not None and capex.low < capex.value < (capex.high or 0.0)
    # what the study gives is listed once, as the study's
    assert found["costs.prices.biomass"].value == 80.0
    assert "methods.beccs-residue.override.biomass_price" not in found
    assert found["accounting.forest_years"].value == 60.0
    assert "methods.afforestation.override.accounting_years" not in found
    assert found["objective.credits.0.amount"].unit == "USD/t"
    assert found["policies.0.at_most"].value == 1e6
    assert found["resources.power.intensity"].value == pytest.approx(0.02)
    # what follows from others, and what nothing reads, are none
    assert not [path for path in found if path.endswith(("net_published", "plant_max"))]
    some = {one.path for one in study.listed(["afforestation"])}
    assert {p for p in found if not p.startswith("methods.")} < some
    assert not [path for path in some if path.startswith("methods.beccs")]


def test_a_value_put_in_is_that_of_a_scenario_with_it(world: Path) -> None:
    """The oracle: the scenario loaded with the setting that the path names."""
    plain = numbers(world, *MORE)
    for one in plain.listed():
        share = 0.999 if one.value else 0.0
        value = one.value * share if share else (one.high or 1.0) * 0.5
        try:
            wanted = numbers(world, *MORE, f"{one.path}={value!r}")
        except Exception as error:  # noqa: BLE001
            pytest.fail(f"{one.path}={value!r}: {error}")
        got = plain.with_values({one.path: value})
        for name, model in wanted.models.items():
            mine = got.models[name].numbers
            assert mine == pytest.approx(model.numbers, nan_ok=True), (one.path, name)
        if not one.method:
            assert _at(got.scenario, one.path) == _at(wanted.scenario, one.path)


def _at(value: Any, path: str) -> Any:
    for part in path.split("."):
        value = value[int(part)] if isinstance(value, tuple) else getattr(value, part, None)
    return value


def test_values_of_the_study_reach_the_methods_and_keep_what_was_put_in(world: Path) -> None:
    study = numbers(world, *MORE)
    one = study.with_values({"methods.daccs-solid.override.heat_pump_cop": 2.5})
    both = one.with_values({"costs.prices.biomass": 30.0, "accounting.forest_years": 40.0})
    assert both.models["beccs-residue"].number("biomass_price") == 30.0
    assert both.models["afforestation"].number("accounting_years") == 40.0
    assert both.models["daccs-solid"].number("heat_pump_cop") == 2.5
    other = study.with_values({"methods.daccs-solid.profile": "madhu2021"})
    assert other.models["daccs-solid"].profile.name == "madhu2021"
    assert other.models["daccs-solid"].number("land_direct") == 11_000.0
    for path in ("methods.daccs-solid.override.wings", "costs.luck"):
        with pytest.raises(KeyError):
            study.with_values({path: 1.0})
