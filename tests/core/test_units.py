"""Units at the door (rule 4)."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.core.errors import CdrsiteError, UnitError
from cdrsite.core.units import (
    conversion,
    find_currency,
    parse_quantity,
    split_number,
)


@pytest.mark.parametrize(
    ("text", "unit", "per", "expected"),
    [
        ("1000 kWh", "kWh/t", ("t",), 1000.0),
        ("3 m3", "m3/t", ("t",), 3.0),
        ("36 kg", "kg/t", ("t",), 36.0),
        ("11 000 m2", "m2/(t/yr)", ("(t/yr)", "(1/yr)"), 11000.0),
        ("11000 m2/t", "m2/(t/yr)", ("(t/yr)", "(1/yr)"), 11000.0),
        ("250 USD/t", "USD/t", (), 250.0),
        ("1.5 TWh/yr", "kWh/yr", (), 1.5e9),
        ("20 degC", "degC", (), 20.0),
        ("293.15 K", "degC", (), 20.0),
        ("5 Mt/yr", "t/yr", (), 5e6),
        ("50 kt/yr", "t/yr", (), 5e4),
        ("300 g/kWh", "kg/kWh", (), 0.3),
        ("7 %", "1", (), 0.07),
        ("\u22123 kg", "kg", (), -3.0),
        ("9.18 GJ", "kWh/t", ("t",), 2550.0),
        ("2 km²", "m2", (), 2e6),
        ("8 Mm3/yr", "m3/yr", (), 8e6),
        ("8 Mm³/yr", "m3/yr", (), 8e6),
        ("8 Mm^3/yr", "m3/yr", (), 8e6),
        ("8 hm3/yr", "m3/yr", (), 8e6),
        ("8 MCM/yr", "m3/yr", (), 8e6),
        ("2 Gm3/yr", "m3/yr", (), 2e9),
        ("2 km3/yr", "m3/yr", (), 2e9),
        ("3 Mm2", "m2", (), 3e6),
        ("1 MMBtu", "GJ", (), 1.055056),
        (12, "m", (), 12.0),
        ("12", "m", (), 12.0),
    ],
)
def test_text_with_a_unit_becomes_a_canonical_number(
    text: object, unit: str, per: tuple[str, ...], expected: float
) -> None:
    assert parse_quantity(text, unit, per=per) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        ("3 kg", "kWh/t", "wrong dimension; got '3 kg'; expected a quantity in kWh/t; .rule 4"),
        ("3 furlongz", "m", "not a unit"),
        ("many", "m", "no number; got 'many'"),
        ("", "m", "no number"),
        (math.nan, "m", "not a finite number"),
        (math.inf, "m", "not a finite number"),
        (True, "m", "not a quantity; got True"),
        (None, "m", "not a quantity; got None"),
        ("3 m(", "m", "not a unit"),
        ("1=1", "1", "not a unit; got '1=1'"),
        ("1: km", "m", "not a unit; got '1: km'"),
        ("1 km # x", "m", "not a unit; got '1 km # x'"),
        ("1 km\n", "m", None),
        ("1 km\n3", "m", "not a unit"),
        ("1 2 km", "m", "not a unit"),
        ("1 0000 m", "m", "not a unit"),
        ("12_34 m", "m", "not a unit"),
        ("1 km, 2", "m", "not a unit"),
        ("1 'km'", "m", "not a unit"),
        ("1 km!", "m", "not a unit"),
        ("1 +km", "m", "not a unit"),
        ("1 km;", "m", "not a unit"),
    ],
)
def test_what_is_no_quantity_is_refused(value: object, unit: str, words: str | None) -> None:
    if words is None:  # white space around is nothing
        assert parse_quantity(value, unit) == 1000.0
        return
    with pytest.raises(UnitError, match=words):
        parse_quantity(value, unit)


def test_currencies_are_found_with_their_year() -> None:
    assert find_currency("EUR2015/t") == ("USD/t", "EUR", 2015)
    assert find_currency("$/MWh") == ("USD/MWh", "USD", None)
    assert find_currency("kWh") == ("kWh", None, None)


def test_digits_may_be_grouped() -> None:
    assert split_number("11\u2009000.5 m2") == (11000.5, "m2")
    assert split_number("1_000") == (1000.0, "")


@given(st.floats(-1e9, 1e9), st.sampled_from([("km", "m"), ("degC", "K"), ("GJ", "kWh")]))
def test_conversion_there_and_back(value: float, units: tuple[str, str]) -> None:
    scale, offset = conversion(*units)
    back, shift = conversion(units[1], units[0])
    assert (value * scale + offset) * back + shift == pytest.approx(value, abs=1e-5, rel=1e-9)


@given(st.text(max_size=20))
def test_any_text_gives_a_number_or_a_clear_error(text: str) -> None:
    try:
        assert math.isfinite(parse_quantity(text, "kWh/t", per=("t",)))
    except CdrsiteError as error:
        assert str(error)
