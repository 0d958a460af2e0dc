"""Transport cost models as data: the published values per km come out of the coefficients."""

from __future__ import annotations

import json
import math

import jsonschema
import pytest
from ruamel.yaml import YAML

from cdrsite.core.checked import checked, schema_of
from cdrsite.core.errors import ConfigError
from cdrsite.library.files import FOLDER
from cdrsite.library.records import load_sources
from cdrsite.library.transport import (
    Steps,
    TransportModel,
    load_transport_model,
    load_transport_models,
)

MILE = 1.609344
STEPS = {"variable": "D", "unit": "USD", "below_or_at": [1, 2], "values": [1, 2, 3]}


def written(name: str) -> dict[str, object]:
    return YAML(typ="safe").load(FOLDER / "transport" / f"{name}.yaml")


# Mt/yr, nominal diameter in inch
FLOWS = [(1, 8), (3, 12), (10, 20), (20, 30)]


def at(steps: Steps, number: float) -> float:
    """The value of the class in which a number lies."""
    return steps.values[sum(number > limit for limit in steps.below_or_at)]


def million_per_km(
    model: TransportModel, inch: float, km: float = 100.0, *, co2: bool = False
) -> float:
    """Evaluate a pipeline model by its printed equation, in millions of its money per km.

    With ``co2`` false, the natural gas line: no factor for pressure, no tank and controls.
    """
    total = 0.0
    mile, feet = km / MILE, km / MILE * 5280
    for component, c in model.coefficients_for().items():
        if component in {"surge_tank", "control_system"} and not co2:
            continue
        if model.form == "polynomial":
            shape = c["c1"] * inch**2 + c["c2"] * inch + c["c3"]
            if model.name == "parker-2004":
                thick = co2 and component in {"material", "labor"}
                factor = at(model.steps["pressure_factor"], inch) if thick else 1.0
                total += c["e"] * factor * (c["c0"] + mile * shape)
            else:
                total += c["c0"] + c["e"] * mile * shape
        elif model.form == "power":
            total += 10 ** (c["a0"] + c["a"]) * km ** c["l"] * inch ** c["d"]
        elif model.form == "exponential":
            area = math.pi * (inch / 24) ** 2
            total += math.exp(c["a0"] + c["a"]) * area ** c["s"] * feet ** c["l"]
        elif model.form == "inch-mile":
            total += inch * mile * c["c"] * inch ** c["d"] * mile ** c["l"]
        elif model.form == "bilinear":
            total += (
                1e6
                * c["t"]
                * (
                    c["c1"] * km
                    + c["c2"]
                    + (c["c3"] * km - c["c4"]) * inch
                    + (c["c5"] * km - c["c6"]) * inch**2
                )
            )
    return total / 1e6 / km


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("parker-2004", [0.434, 0.550, 0.862, 1.403]),
        ("mccoy-rubin-2008", [0.190, 0.276, 0.454, 0.688]),
        ("rui-2011", [0.130, 0.199, 0.347, 0.549]),
        ("brown-2022", [0.145, 0.238, 0.445, 0.734]),
        ("ieaghg-offshore-2002", [0.595, 0.650, 0.820, 1.143]),
    ],
)
def test_known_costs_per_km_come_out(name: str, expected: list[float]) -> None:
    model = load_transport_model(name)
    got = [million_per_km(model, inch) for _, inch in FLOWS]
    assert got == pytest.approx(expected, rel=0.02)


def test_the_two_versions_of_parker_agree() -> None:
    old, new = load_transport_model("parker-2004"), load_transport_model("parker-netl-2013")
    assert million_per_km(new, 8) == pytest.approx(million_per_km(old, 8), rel=0.01)


def test_a_co2_line_of_parker_is_thicker_and_has_a_tank() -> None:
    model = load_transport_model("parker-2004")
    steps = model.steps["pressure_factor"]
    assert [at(steps, inch) for inch in (12, 16, 20, 30)] == [1.0, 1.12, 1.18, 1.25]
    lump = (1_244_744 + 111_907) / 1e6 / 100
    assert million_per_km(model, 8, co2=True) == pytest.approx(million_per_km(model, 8) + lump)
    assert million_per_km(model, 30, co2=True) > 1.15 * million_per_km(model, 30)


def test_the_trends_cross_where_published() -> None:
    first, second = load_transport_model("simccs-trend").coefficients.values()
    crossing = (second["intercept"] - first["intercept"]) / (first["slope"] - second["slope"])
    assert crossing == pytest.approx(9.04463, abs=1e-4)
    costs = [min(c["intercept"] + c["slope"] * flow for c in (first, second)) for flow, _ in FLOWS]
    assert costs == pytest.approx([0.547, 0.779, 1.553, 2.336], abs=1e-3)
    assert load_transport_model("simccs-trend").currency_year is None


def test_the_steps_of_the_danish_sheet_are_not_monotone() -> None:
    steps = load_transport_model("dea-onshore").steps["investment"]
    assert [at(steps, f) * f for f in (30, 30.001)] == pytest.approx([450, 240], abs=0.1)
    assert [at(steps, f) * f for f in (120, 120.001)] == pytest.approx([960, 276], abs=0.1)
    # 1 Mt/yr over 8760 h, millions per km
    flow = 1e6 / 8760
    assert at(steps, flow) * flow / 1e3 == pytest.approx(0.913, abs=1e-3)


@pytest.mark.parametrize(
    ("size", "distance", "expected"),
    [("large", 200, 6.9), ("large", 2000, 24.1), ("small", 500, 14.7)],
)
def test_ship_costs_come_out(size: str, distance: float, expected: float) -> None:
    model = load_transport_model("dea-ship")
    c = model.coefficients[size]
    value = {name: record.value for name, record in model.parameters.items()}
    sailing = 2 * distance / (value["speed"] * 24)
    trips = value["operating_days"] / (sailing + value["port_time"] / 24)
    crf = 0.08 / (1 - 1.08 ** -value["ship_lifetime"])
    cost = c["capex"] * (crf + value["ship_om"]) / trips
    cost += c["fuel_day"] * sailing * value["fuel_price"] / c["capacity"]
    assert cost == pytest.approx(expected, abs=0.15)


def test_truck_costs_come_out() -> None:
    c = load_transport_model("dea-truck").coefficients["total"]
    assert [c["c0"] + c["c1"] * d for d in (50, 100, 200)] == pytest.approx([10.8, 17.8, 31.8])


def test_regions_change_only_what_they_name() -> None:
    model = load_transport_model("mccoy-rubin-2008")
    assert model.coefficients_for("midwest") == model.coefficients_for()
    east = model.coefficients_for("northeast")
    assert east["labor"]["a"] == 0.075
    assert east["material"] == model.coefficients["material"]
    brown = load_transport_model("brown-2022")
    assert brown.coefficients_for("southeast") == brown.coefficients_for("pacific-northwest")
    with pytest.raises(ConfigError, match="did you mean 'midwest'"):
        model.coefficients_for("mid-west")


@pytest.mark.parametrize("name", sorted(load_transport_models()))
def test_every_model_is_sound(name: str) -> None:
    model = load_transport_model(name)
    assert model.source in load_sources()
    assert model.coefficients or model.steps
    json.dumps(model.model_dump(mode="json"), allow_nan=False)


def test_an_unknown_model_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'parker-2004'"):
        load_transport_model("parker")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"forms": "linear"}, "own.yaml: forms: unknown key.*did you mean 'form'"),
        ({"form": "cubic"}, "form: Input should be 'polynomial'"),
        ({"mode": "rail"}, "mode: Input should be .*'truck'; got 'rail'"),
        ({"source": "nowhere"}, "source: unknown source"),
        ({"default_region": "mars"}, "default_region: unknown region"),
        (
            {"coefficients": {"total": {"c": "x"}}},
            "coefficients.total.c: Input should",
        ),
        ({"regions": {"moon": {"total": {"z": 1}}}}, r"regions.moon.total.z: .*does not have"),
        ({"result": {"unit": "USD"}}, "result.currency_year: this key is needed"),
        ({"steps": {"s": STEPS | {"variable": "q"}}}, r"steps.s.variable: unknown variable"),
        ({"steps": {"s": STEPS | {"below_or_at": [2, 1]}}}, r"steps.s.below_or_at: classes out of"),
        ({"steps": {"s": STEPS | {"values": [1]}}}, r"steps.s.values: not a value for each class"),
        ({"variables": {"D": {"unit": "m", "meaning": "d", "low": 2, "high": 1}}}, "wrong way"),
    ],
)
def test_a_wrong_model_is_refused(changes: dict[str, object], text: str) -> None:
    data = {**written("nems-ccats"), **changes}
    with pytest.raises(ConfigError, match=text):
        checked(TransportModel, data, "own.yaml", {})


def test_shipped_files_satisfy_the_schema() -> None:
    schema = schema_of(TransportModel)
    jsonschema.Draft202012Validator.check_schema(schema)
    valid = jsonschema.Draft202012Validator(schema)
    for name in load_transport_models():
        valid.validate(written(name))
    assert not valid.is_valid(written("nems-ccats") | {"form": "cubic"})
