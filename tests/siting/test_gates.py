"""Gates on tiny layers written out: what must hold excludes, or scores, where it does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fake_layers import INSIDE, WHOLE, FakeLayers
from pydantic import ValidationError

from cdrsite.config.resources import MethodChoice
from cdrsite.core.errors import ConfigError
from cdrsite.core.units import split_number
from cdrsite.library.gates import Gate
from cdrsite.library.methods import load_method, method_names
from cdrsite.siting.exclusions import exclude_block, rule_book
from cdrsite.siting.gates import bound_gates, unchecked
from cdrsite.siting.suitability import criterion_sets, suitability_block

ROWS = ((5.0, 8.0, 10.0, np.nan),) * 3
SAID = {"source": "general-knowledge", "locator": "of the test"}


def layers() -> FakeLayers:
    """Values, classes, shares of polygons and metres to features, the same in every row."""
    return FakeLayers(
        {"values": "t/ha/yr"},
        values=ROWS,
        classes=((40, 10, 40, np.nan),) * 3,
        zone=((1.0, 0.0, 0.25, 0.0),) * 3,
        metres=((0.0, 4999.0, 5000.0, 5001.0),) * 3,
    )


def gate(**keys: Any) -> Gate:
    return Gate.model_validate({**keys, **SAID})


def choice(**gates: Any) -> MethodChoice:
    return MethodChoice.model_validate({"gates": gates})


@pytest.mark.parametrize(
    ("keys", "layer", "left", "told"),
    [
        ({"op": ">=", "value": 8}, "values", [0, 1, 1, 0], "asked below 8"),
        ({"op": ">=", "value": "0.8 kg/m2/yr"}, "values", [0, 1, 1, 0], "asked below 0.8 kg/m2/yr"),
        ({"op": "<=", "value": 8}, "values", [1, 1, 0, 0], "asked above 8"),
        ({"op": "in", "value": [40]}, "classes", [1, 0, 1, 0], "outside asked: 40"),
        ({"op": "not_in", "value": [40]}, "classes", [0, 1, 0, 0], "asked: 40"),
        ({"op": "in"}, "zone", [1, 0, 0.25, 0], "outside asked"),
        ({"op": "not_in"}, "zone", [0, 1, 0.75, 1], "asked"),
        ({"op": "within_km", "value": 5}, "metres", [1, 1, 1, 0], "farther than 5 km from asked"),
        ({"op": "within_km", "value": "5000 m"}, "metres", [1, 1, 1, 0], "farther than 5 km from "),
    ],
)
def test_a_hard_gate_excludes_where_it_does_not_hold(
    keys: dict[str, Any], layer: str, left: list[float], told: str
) -> None:
    """For its own method, with a reason that names the gate and its source."""
    gates = bound_gates(
        {"a": {"asked": gate(**keys)}, "b": {}}, {"a": choice(asked=layer), "b": choice()}
    )
    book = rule_book([], [], {"a": (), "b": ()}, gates)
    found = exclude_block(book, layers(), WHOLE, INSIDE)
    np.testing.assert_allclose(found.available[book.group_of("a")][0], left)
    assert (found.available[book.group_of("b")] == 1).all()
    (rule,) = book.rules
    assert rule.name.startswith(told)
    assert rule.source == "general-knowledge"
    assert "general-knowledge" not in rule.name
    assert rule.methods == ("a",)
    assert found.reasons[0].tolist() == [int(one < 1) for one in left]


def test_unknown_may_be_kept() -> None:
    """What is not known to hold does not hold, unless the scenario says so."""
    asked = {"asked": gate(op="<=", value=8)}
    bound = bound_gates({"a": asked}, {"a": choice(asked={"layer": "values", "unknown": "keep"})})
    book = rule_book([], [], {"a": ()}, bound)
    found = exclude_block(book, layers(), WHOLE, INSIDE)
    assert found.available[book.group_of("a")][0].tolist() == [1, 1, 0, 1]


def test_a_soft_gate_scores_and_excludes_nothing() -> None:
    """With weight 1 beside the criteria of the scenario; here it is the only one."""
    soft = {"asked": gate(op=">=", value=8, strength="soft")}
    bound = bound_gates({"a": soft, "b": {}}, {"a": choice(asked="values"), "b": choice()})
    assert rule_book([], [], {"a": (), "b": ()}, bound).rules == ()
    mine, none = criterion_sets([], ("a", "b"), bound)
    assert suitability_block(mine.criteria, "mean", layers(), WHOLE)[0].tolist() == [0, 1, 1, 0]
    assert suitability_block(none.criteria, "mean", layers(), WHOLE)[0].tolist() == [1, 1, 1, 1]
    hard = bound_gates({"a": soft}, {"a": choice(asked={"layer": "values", "strength": "hard"})})
    assert len(rule_book([], [], {"a": ()}, hard).rules) == 1


def test_one_gate_of_two_methods_is_one_rule() -> None:
    asked = {"peat": gate(op="not_in")}
    bound = bound_gates(
        {"a": asked, "b": asked}, {"a": choice(peat="zone"), "b": choice(peat="zone")}
    )
    (rule,) = rule_book([], [], {"a": (), "b": ()}, bound).rules
    assert rule.methods == ("a", "b")


def test_a_gate_takes_the_layer_that_its_key_names_already() -> None:
    asked = {"soil_ph": gate(op="<=", value=7.5, key="weathering.ph")}
    keys = MethodChoice.model_validate({"weathering": {"ph": "values"}})
    (bound,) = bound_gates({"a": asked}, {"a": keys})
    assert bound.rule is not None
    assert bound.rule.layer == "values"
    (bare,) = bound_gates({"a": asked}, {"a": choice()})
    assert bare.rule is None


def test_regions_of_the_scenario_are_such_places() -> None:
    """A gate whose key is `regions` asks for no layer where the method is confined to some."""
    asked = {"a": {"peat": gate(op="in", key="regions")}}
    confined = MethodChoice.model_validate({"regions": "zone"})
    assert bound_gates(asked, {"a": confined}) == ()
    assert unchecked(bound_gates(asked, {"a": choice()})) is not None
    both = MethodChoice.model_validate({"regions": "zone", "gates": {"peat": "zone"}})
    (bound,) = bound_gates(asked, {"a": both})
    assert bound.rule is not None


def test_one_word_switches_all_gates_of_a_method_off() -> None:
    files = {"a": {"peat": gate(op="not_in"), "acid": gate(op="<=", value=7.5)}}
    off = MethodChoice.model_validate({"gates": False})
    assert bound_gates(files, {"a": off}) == ()
    with pytest.raises(ValidationError):
        MethodChoice.model_validate({"gates": True})


SHIPPED = [
    (method, name, one)
    for method in method_names()
    for name, one in load_method(method).gates.items()
]


@pytest.mark.parametrize(
    ("method", "name", "shipped"),
    [one for one in SHIPPED if one[2].op in (">=", "<=")],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_every_shipped_threshold_acts_and_a_scenario_moves_it(
    method: str, name: str, shipped: Gate
) -> None:
    """Cells just below, at and just above it; then with twice the number."""
    number, unit = split_number(shipped.value) if isinstance(shipped.value, str) else (
        shipped.value, ""
    )  # fmt: skip
    moved = f"{2 * number:g} {unit}" if unit else 2 * number
    ends = (0.99 * number, number, 1.01 * number, 2.02 * number)
    reader = FakeLayers({"values": unit or "1"}, values=(ends,) * 3)
    up = shipped.op == ">="
    for value, allowed in (
        (None, [0, 1, 1, 1] if up else [1, 1, 0, 0]),
        (moved, [0, 0, 0, 1] if up else [1, 1, 1, 0]),
    ):
        given = {name: {"layer": "values", "value": value, "strength": "hard"}}
        bound = bound_gates({method: {name: shipped}}, {method: choice(**given)})
        book = rule_book([], [], {method: ()}, bound)
        found = exclude_block(book, reader, WHOLE, INSIDE)
        assert found.available[book.group_of(method)][0].tolist() == allowed


# method -> gates that its description asks for, those that only score in brackets
ASKED = {
    "afforestation": "organic_soil natural_grassland",
    "agroforestry": "organic_soil rain",
    "forest-management": "harvested",
    "grazing-land": "organic_soil rain (degraded)",
    "cropland-soil-carbon": "organic_soil (cropland_years)",
    "peat-rewetting": "drained_peat permafrost",
    "salt-marsh": "degraded tidal salinity (slope)",
    "seagrass": "degraded salinity light",
    "mangrove": "degraded tidal salinity coldest_month",
    "check-dam": "rate silt_parcel (records)",
    "enhanced-weathering": "soil_ph slope organic_soil (karst) (soil_nickel)",
    "biochar": "organic_soil (soil_ph)",
    "beccs-energy-crop": "organic_soil natural_grassland",
    "timber-building": "(harvest_of_growth)",
    "coastal-olivine": "beach (wave_height) (sediment_nickel)",
}


def test_methods_ask_for_what_they_are_known_to_need() -> None:
    """Nothing that ploughs, plants or drains is on peat; the coast is degraded and salt."""
    told: dict[str, list[str]] = {}
    for method, name, one in SHIPPED:
        told.setdefault(method, []).append(name if one.strength == "hard" else f"({name})")
    assert {method: " ".join(names) for method, names in told.items()} == ASKED
    quality = load_method("check-dam").gates["rate"]
    assert (quality.op, quality.value, quality.key) == (">=", "8 t/ha/yr", "rate")
    assert quality.source == "climate-bridge-2025q4"
    for method, name, one in SHIPPED:
        assert one.source in load_method(method).sources, (method, name)


def test_a_hard_gate_without_a_layer_is_told() -> None:
    """Rule 7; what the scenario switches off is not, nor a soft one."""
    files = {"a": {"peat": gate(op="not_in"), "near": gate(op="in", strength="soft")}, "b": {}}
    bound = bound_gates(files, {"a": choice(), "b": choice()})
    assert unchecked(bound) == (
        "methods.*.gates: gates are not checked, as no layer is bound to them; got a: peat; "
        "expected a layer for each, or false where it does not matter; "
        "cure: write methods.a.gates: {peat: LAYER}; (rule 7)"
    )
    off = bound_gates(files, {"a": choice(peat=False), "b": choice()})
    assert unchecked(off) is None


def test_a_gate_of_the_scenarios_own_is_whole() -> None:
    own = {"layer": "values", "op": ">=", "value": 8, "source": "county plan"}
    (bound,) = bound_gates({"a": {}}, {"a": choice(quality=own)})
    assert bound.rule is not None
    assert bound.rule.name == "quality below 8"
    assert bound.source == "county plan"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"peet": "zone"}, "did you mean 'peat'"),
        ({"other": {"op": ">=", "value": 8}}, "or layer, op and value of your own"),
        ({"other": {"layer": "values", "op": ">="}}, "no value; expected a number"),
        ({"peat": {"layer": "zone", "op": "<="}}, "no value; expected a number"),
        ({"other": {"layer": "values", "op": ">=", "value": ["crop"]}}, "not a number; got crop"),
        ({"peat": {"layer": "classes", "value": 40}}, "no classes; got 40"),
        ({"other": {"layer": "zone", "op": "within_km", "value": "5 kg"}}, "wrong dimension"),
        ({"other": {"layer": "zone", "op": "within_km", "value": -5}}, "negative; got -5"),
    ],
)
def test_half_a_gate_is_refused(given: dict[str, Any], told: str) -> None:
    """With the key where it stands."""
    with pytest.raises(ConfigError) as caught:
        bound_gates({"a": {"peat": gate(op="not_in")}}, {"a": choice(**given)})
    assert f"methods.a.gates.{next(iter(given))}: " in str(caught.value)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"op": "<", "value": 8}, "op"),
        ({"op": ">="}, "no value"),
        ({"op": "in", "value": []}, "no class is named"),
        ({"op": ">=", "value": float("nan")}, "not a finite number"),
    ],
)
def test_a_method_file_has_whole_gates(keys: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        gate(**keys)
