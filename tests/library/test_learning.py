"""Learning tables of method files: points, between them, and what the shipped records say."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.core.errors import ConfigError
from cdrsite.library.files import shipped
from cdrsite.library.learning import LEARNED, Learning
from cdrsite.library.methods import load_method, load_method_file, method_names

SOLID = load_method("daccs-solid").learning
LIQUID = load_method("daccs-liquid").learning
LEARNT = [name for name in method_names() if load_method(name).learning is not None]


def test_shipped_records_are_the_table_at_their_basis() -> None:
    assert LEARNT == ["daccs-liquid", "daccs-solid"]
    seen = 0
    for name in LEARNT:
        method = load_method(name)
        assert method.learning is not None
        for profile in method.profiles.values():
            assert profile.cost_basis is not None
            capacity = method.learning.bases[profile.cost_basis]
            factor = profile.number("capacity_factor")
            expected = method.learning.numbers(capacity, factor, 2022)
            found = {parameter: profile.number(parameter, 2022) for parameter in LEARNED}
            assert found == pytest.approx(expected, rel=2.5e-4), (name, profile.name)
            seen += 1
    assert seen == 7


@pytest.mark.parametrize(
    ("name", "bases"),
    [
        ("daccs-solid", {"foak": 4e3, "2030": 1e6, "2050": 1e8}),
        ("daccs-liquid", {"foak": 5e5, "2030": 1e6, "2050": 1e8}),
    ],
)
def test_a_basis_is_a_point_of_the_table(name: str, bases: dict[str, float]) -> None:
    table = load_method(name).learning
    assert table is not None and table.bases == bases
    points = {point.world_capacity: point for point in table.points}
    for capacity in bases.values():
        here, point = table.at(capacity), points[capacity]
        for part in ("capital", "fixed_om", "variable_om"):
            assert getattr(here, part) == pytest.approx(getattr(point, part))


def test_between_two_points_the_logarithms_are_linear() -> None:
    assert SOLID is not None
    middle = SOLID.at(math.sqrt(1e6 * 1e7))
    assert middle.capital == pytest.approx(math.sqrt(2944 * 2307))
    assert middle.fixed_om == pytest.approx(math.sqrt(70.0 * 44.1))
    assert middle.variable_om == pytest.approx(math.sqrt(69.05 * 63.45))


def test_beyond_its_ends_the_table_is_held() -> None:
    assert SOLID is not None and LIQUID is not None
    assert SOLID.at(1.0).capital == pytest.approx(6180)
    assert SOLID.at(1e12).capital == pytest.approx(1562)
    # one small plant of a kind whose first is 500 kt/yr is no dearer than that first
    assert LIQUID.at(4e3).capital == pytest.approx(2281)


@given(st.floats(1e2, 1e11), st.floats(1.0, 1e3))
def test_more_plants_are_never_dearer(capacity: float, more: float) -> None:
    for table in (SOLID, LIQUID):
        assert table is not None
        few, many = table.at(capacity), table.at(capacity * more)
        for part in ("capital", "fixed_om", "variable_om"):
            assert getattr(many, part) <= getattr(few, part) * (1 + 1e-12)


def test_investment_is_per_tonne_delivered_in_money_of_the_base_year() -> None:
    table = Learning.model_validate(
        {"money": "USD2022", "bases": {2030: 1000.0}, "points": [[1000.0, 80.0, 8.0, 3.0]],
         "source": "sievert-2024", "locator": "none"}
    )  # fmt: skip
    assert table.bases == {"2030": 1000.0}  # a year may be written as a number
    assert table.numbers(1000.0, 0.8, 2022) == pytest.approx(
        {"capex": 100.0, "fixed_om": 0.1, "variable_om": 3.0}
    )
    older = table.numbers(1000.0, 0.8, 2015)
    assert older["fixed_om"] == pytest.approx(0.1)  # a share has no money in it
    assert older["capex"] < 100.0
    assert older["capex"] / older["variable_om"] == pytest.approx(100.0 / 3.0)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"points": [[1e6, 1, 1, 1], [1e3, 2, 2, 2]]}, r"learning\.points.*capacities do not rise"),
        ({"points": [[1e6, 0, 1, 1]]}, r"not positive; got 0"),
        ({"points": [[1e6, 1, 1]]}, r"not a row of 4"),
        ({"money": "USD"}, r"learning\.money.*not money of a year; got 'USD'"),
        ({"money": "USD2022/t"}, r"learning\.money.*not money of a year"),
        ({"bases": {"2040": 1e6}}, r"learning\.bases.*2040"),
        ({"source": "nobody-1900"}, r"learning\.source.*unknown source"),
    ],
)
def test_a_wrong_table_is_refused_with_its_key(
    tmp_path: Path, change: dict[str, object], text: str
) -> None:
    document = yaml.safe_load(shipped("methods")["daccs-solid"].read_text("utf-8"))
    document["learning"] |= change
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(document), "utf-8")
    with pytest.raises(ConfigError, match=text):
        load_method_file(path)
