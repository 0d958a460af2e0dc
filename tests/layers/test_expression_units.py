"""Units of expressions: inferred through the tree, and checked against what the layer says."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_scenario import SCENARIO, write_world

from cdrsite.config.load import parse_scenario
from cdrsite.core.errors import DataError, UnitError
from cdrsite.core.units import Dimension
from cdrsite.layers.expression import parse
from cdrsite.layers.expression_units import check_unit, infer
from cdrsite.study.run import check_study

UNITS = {
    "elevation": "m",
    "depth": "km",
    "uptake": "t/ha/yr",
    "area": "m2",
    "share": "1",
    "percent": "%",
    "slope": "degree",
    "temperature": "degC",
    "price": "EUR2015/t",
    "tonnes": "t/yr",
    "bare": None,
}

FITS = [
    ("elevation", "m"),
    ("elevation / 1000", "km"),
    ("2 * elevation", "m"),
    ("elevation + 100", "m"),
    ("elevation - 1000 * depth", "m"),
    ("uptake * area", "t*m2/ha/yr"),
    ("uptake * area / 10000", "t/yr"),
    ("10000 * tonnes / area", "t/ha/yr"),
    ("elevation > 2000", "1"),
    ("not (elevation > 2000) and share", "1"),
    ("where(elevation > 2000, 0, uptake)", "t/ha/yr"),
    ("where(elevation > 2000, 3, 8)", "t/ha/yr"),
    ("share * uptake", "t/ha/yr"),
    ("max(0, min(uptake, 12))", "t/ha/yr"),
    ("sqrt(area)", "m"),
    ("elevation ** 2", "m2"),
    ("elevation ** -1", "1/m"),
    ("2 ** share", "1"),
    ("exp(-share)", "1"),
    ("exp(elevation / elevation)", "1"),
    ("temperature + 273.15", "K"),
    ("-abs(elevation)", "m"),
    ("isnan(uptake)", "1"),
    ("7", "kWh/kWp"),
    ("price", "USD/t"),
    ("elevation % 100", "m"),
    ("bare * elevation", "kWh"),
    ("bare > 3", "1"),
]


@pytest.mark.parametrize(("text", "unit"), FITS)
def test_units_that_fit(text: str, unit: str) -> None:
    found = infer(parse(text, "x"), UNITS, "x")
    check_unit(found, unit, "x")
    assert found.known == ("bare" not in text or "bare >" in text)


WRONG = [
    ("elevation", "t/ha/yr", r"another unit.*got unit: t/ha/yr, inferred m .*; expected .* like m"),
    ("elevation", "km", r"got unit: km, inferred m from its layers; expected m; cure: unit: m"),
    ("elevation + uptake", "m", r"added; got elevation \[m\] and uptake \[t/ha/yr\]; .*one unit"),
    ("elevation - depth", "m", r"subtracted; got elevation \[m\] and depth \[km\]"),
    ("elevation > depth", "1", r"different units are compared; got elevation \[m\]"),
    ("min(elevation, uptake)", "m", r"different units are compared by min"),
    ("where(share, elevation, uptake)", "m", r"different units are chosen between"),
    ("elevation > 2000", "m", r"got unit: m, inferred no unit"),
    ("8 * (elevation > 2000)", "t/ha/yr", r"got unit: t/ha/yr, inferred no unit"),
    ("uptake * area", "t/yr", r"inferred t/ha/yr\*m2 from its layers; expected t/ha/yr\*m2"),
    ("tonnes / area", "t/ha/yr", r"inferred t/yr/m2"),
    ("uptake * area", "t", r"inferred t/ha/yr\*m2"),
    ("tonnes / (uptake * area)", "t", r"inferred t/yr/\(t/ha/yr\*m2\)"),
    ("log(elevation)", "1", r"the argument of log has a unit; got m; .*cure: divide it by a layer"),
    ("2 ** elevation", "1", r"an exponent has a unit; got m"),
    ("elevation ** share", "m", r"raised to a power that is not a number has a unit"),
    ("temperature", "K", r"got unit: K, inferred degC"),
    ("share", "%", r"got unit: %, inferred no unit"),
    ("slope", "%", r"got unit: %, inferred degree"),
]


@pytest.mark.parametrize(("text", "unit", "words"), WRONG)
def test_units_that_do_not_fit(text: str, unit: str, words: str) -> None:
    with pytest.raises(UnitError, match=words):
        check_unit(infer(parse(text, "x"), UNITS, "x"), unit, "x")


NAMES = st.sampled_from([name for name, unit in UNITS.items() if unit is not None])


@given(NAMES, NAMES, st.sampled_from(["*", "/"]))
def test_a_product_has_the_unit_of_a_product(one: str, other: str, sign: str) -> None:
    found = infer(parse(f"{one} {sign} {other}", "x"), UNITS, "x")
    first, second = (Dimension.of(str(UNITS[name])) for name in (one, other))
    wanted = first.unit * second.unit if sign == "*" else first.unit / second.unit
    assert found.unit is not None
    assert found.unit.unit.dimensionality == wanted.dimensionality


def test_a_scenario_with_a_wrong_unit_is_refused(tmp_path: Path) -> None:
    path = write_world(tmp_path)
    layer = "layers.rate={expression: slope, unit: t/ha/yr}"
    with pytest.raises(DataError, match=r"layers.rate.unit: .*got unit: t/ha/yr, inferred degree"):
        check_study(parse_scenario(SCENARIO, path, [layer]))


def test_a_layer_without_a_unit_is_said(tmp_path: Path) -> None:
    path = write_world(tmp_path, SCENARIO.replace("cover.tif, kind: class", "cover.tif"))
    rules = ["siting.exclude=[]", "layers.rate={expression: 2 * cover, unit: t/ha/yr}"]
    found = check_study(parse_scenario(path.read_text(), path, rules))
    words = "layers.rate.unit: the unit cannot be checked: cover has no unit; got t/ha/yr; cure"
    assert any(words in text for text in found["warnings"]), found["warnings"]
