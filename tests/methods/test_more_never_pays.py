"""What makes a method dearer or dirtier never makes it cheaper or cleaner, for every profile."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_scenario import SCENARIO, write_world

from cdrsite.config.load import load_scenario
from cdrsite.config.models import Scenario
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.core.grid import Block
from cdrsite.library.methods import load_method, method_names
from cdrsite.methods.formulae import Ingredients, cost_parts, net_factor_sum
from cdrsite.methods.model import MethodModel, method_model, priced
from cdrsite.place.registry import own_layers, place_numbers

PROFILES = [(name, profile) for name in method_names() for profile in load_method(name).profiles]
LEARNED = [(name, profile) for name, profile in PROFILES if load_method(name).learning is not None]
HEATED = [
    (name, profile) for name, profile in PROFILES
    if load_method(name).profile(profile).number("heat", default=0.0) > 0
]  # fmt: skip
CONTINGENCIES = {"daccs-solid": 1.0 + 0.35 + 0.10, "daccs-liquid": 1.0 + 0.35 + 0.50}
"""Plant cost over engineering, procurement and construction, in what the profiles stand on."""
few = settings(max_examples=examples(8))


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    """A study with every method of the library, whose power is not clean."""
    methods = "".join(f"  {name}: {{}}\n" for name in method_names())
    start, end = SCENARIO.split("methods:\n")
    folder = tmp_path_factory.mktemp("world")
    text = start + "methods:\n" + methods + end[end.index("outputs:") :]
    return load_scenario(write_world(folder, text))


def of_profile(
    scenario: Scenario, name: str, profile: str, override: Mapping[str, float], **more: Any
) -> tuple[Scenario, MethodModel]:
    """The scenario with the profile in use, and the method; what no source gives is 0."""
    values = load_method(name).profile(profile).values
    unknown = [key for key, one in values.items() if one.value is None]
    changes = {key: 0.0 for key in unknown if not key.endswith(("_published", "_max"))}
    costs = scenario.costs.model_copy(
        update={key: more.pop(key) for key in ("discount_rate", "basis") if key in more}
    )
    chosen = scenario.methods[name].model_copy(
        update={"profile": profile, "override": changes | dict(override), **more}
    )
    own = scenario.model_copy(update={"methods": {name: chosen}, "costs": costs})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return own, method_model(name, own)


def net_and_cost(
    scenario: Scenario, name: str, profile: str, override: Mapping[str, float] | None = None,
    intensity: float = 0.3, **more: Any,
) -> tuple[float, float]:  # fmt: skip
    """Net tonnes and cost [USD] of a gross tonne at a place."""
    own, model = of_profile(scenario, name, profile, override or {}, **more)
    here = Ingredients(frozenset(), intensity, transport_cost=7.0, storage_cost=9.0, transport_km=0)
    needs, reader = model.needs, None
    layers = own_layers(model, place_numbers(priced(model, own)), reader, Block(0, 1, 0, 1))  # type: ignore[arg-type]
    at = {key: values.item() for key, values in layers.items()}
    net = net_factor_sum(model, needs, own, here).evaluate(at)
    cost = sum(part.evaluate(at) for part in cost_parts(model, needs, own, here).values())
    return float(net), float(cost)


@pytest.mark.parametrize(("name", "profile"), PROFILES)
@few
@given(intensity=st.floats(0.0, 1.2))
def test_no_more_than_a_gross_tonne_is_net(
    scenario: Scenario, name: str, profile: str, intensity: float
) -> None:
    net, cost = net_and_cost(scenario, name, profile, intensity=intensity)
    assert net <= 1.0
    assert net_and_cost(scenario, name, profile, intensity=intensity + 0.1)[0] <= net
    assert cost > 0 or load_method(name).ledger_class == "avoided"


@pytest.mark.parametrize(("name", "profile"), PROFILES)
@few
@given(rate=st.floats(0.0, 0.2), more=st.floats(0.001, 0.1))
def test_a_higher_discount_rate_is_never_cheaper(
    scenario: Scenario, name: str, profile: str, rate: float, more: float
) -> None:
    """Neither for plants, whose capital comes first, nor for stocks, which are planted first.

    What is paid for a stock after its last tonne weighs less then, so there is none of it here;
    where its tonnes never make up for what is cleared first, there is none to have.
    """
    values = load_method(name).profile(profile).values
    years = values["accounting_years"].value if "accounting_years" in values else None
    until = {} if years is None else {"permanence_years": years}
    plain, later = (
        net_and_cost(scenario, name, profile, until, discount_rate=one)
        for one in (rate, rate + more)
    )
    cheap, dear = (cost if net > 0 else math.inf for net, cost in (plain, later))
    assert dear >= cheap * (1 - 1e-6)


@pytest.mark.parametrize(("name", "profile"), LEARNED)
@few
@given(more=st.floats(0.01, 1.0))
def test_more_contingency_is_never_cheaper(
    scenario: Scenario, name: str, profile: str, more: float
) -> None:
    """A process contingency that is larger by a share of the plant, as its ranges are made."""
    capital = load_method(name).profile(profile).number("capex", 2020)
    share = CONTINGENCIES[name]
    change = {"capex": capital * (share + more) / share}
    plain, dear = (net_and_cost(scenario, name, profile, one) for one in ({}, change))
    assert dear[1] > plain[1] and dear[0] == plain[0]
    low, high = (
        load_method(name).profile(profile).values["capex"].low,
        load_method(name).profile(profile).values["capex"].high,
    )
    assert low is not None and high is not None and low < high


@pytest.mark.parametrize(("name", "profile"), LEARNED)
def test_a_first_plant_is_never_cheaper_than_a_later_one(
    scenario: Scenario, name: str, profile: str
) -> None:
    costs = [
        net_and_cost(scenario, name, profile, cost_basis=basis)[1]
        for basis in ("foak", "2030", "2050")
    ]
    assert costs == sorted(costs, reverse=True) and costs[0] > costs[-1]


@pytest.mark.parametrize(("name", "profile"), HEATED)
@few
@given(more=st.floats(1.0, 3.0))
def test_more_heat_is_never_cheaper_nor_cleaner(
    scenario: Scenario, name: str, profile: str, more: float
) -> None:
    heat = load_method(name).profile(profile).number("heat")
    plain, hot = (
        net_and_cost(scenario, name, profile, {"heat": heat * one, "emissions_heat": 0.05})
        for one in (1.0, more)
    )
    assert hot[1] >= plain[1] and hot[0] <= plain[0]
