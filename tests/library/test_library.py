"""The library: strict schema, sources, the quoted needs, inheritance, money, plausibility."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from cdrsite.core.checked import checked, schema_of
from cdrsite.core.currency import convert, currency_table
from cdrsite.core.errors import CdrsiteError, ConfigError, MissingFileError
from cdrsite.library.files import FOLDER
from cdrsite.library.methods import (
    Method,
    load_method,
    load_method_file,
    method_names,
    to_rows,
)
from cdrsite.library.parameters import PARAMETERS
from cdrsite.library.plausibility import check_profile
from cdrsite.library.records import Reference, Value, load_sources

ALL = [(name, profile) for name in method_names() for profile in load_method(name).profile_names]


def record(**changes: object) -> dict[str, object]:
    return {"value": 2.0, "unit": "m3/t", "source": "premise", "locator": "row 1"} | changes


def method(**changes: object) -> dict[str, object]:
    return {
        "name": "own",
        "title": {"en": "Own"},
        "family": "plant",
        "co2_origin": "air",
        "storage_type": "geological",
        "durability": "long",
        "default_profile": "a",
        "profiles": {"a": {"title": "A", "values": {"water": record()}}},
    } | changes


def read(data: dict[str, object]) -> Method:
    return checked(Method, data, "own.yaml", {})


def test_the_methods_are_there() -> None:
    assert method_names() == (
        "afforestation",
        "agroforestry",
        "beccs-energy-crop",
        "beccs-residue",
        "bio-oil",
        "biochar",
        "carbide-slag",
        "check-dam",
        "coastal-olivine",
        "cropland-soil-carbon",
        "daccs-liquid",
        "daccs-solid",
        "enhanced-weathering",
        "fly-ash",
        "forest-management",
        "grazing-land",
        "gypsum-carbonation",
        "mangrove",
        "peat-rewetting",
        "salt-marsh",
        "seagrass",
        "steel-slag",
        "timber-building",
    )


def test_the_quoted_needs_are_exact_and_the_default() -> None:
    profile = load_method("daccs-solid").profile()
    assert profile.name == "madhu2021"
    assert profile.number("electricity") == 1000.0
    assert profile.number("materials") == 36.0
    assert profile.number("water") == 3.0
    assert profile.number("land_direct") == 11000.0
    assert profile.number("heat") == 0.0
    assert profile.land_includes_energy
    assert profile.energy_land == "none"
    # one free km2 hosts 90.9 t/yr
    assert 1e6 / profile.number("land_direct") == pytest.approx(90.909, abs=1e-3)


def test_the_literature_profile_fits_the_study_of_germany() -> None:
    # 20 Mt/yr with 14.4 TWh and 20 Mm3 on 167-353 km2, renewables included
    chosen = load_method("daccs-solid").profile("literature")
    energy = chosen.number("electricity") + chosen.number("heat")
    assert 14.4e9 / energy == pytest.approx(20e6, rel=0.2)
    assert 20e6 / chosen.number("water") == pytest.approx(20e6, rel=0.2)
    # own photovoltaics at a German yield of 1000 kWh/kWp
    land = chosen.number("land_direct") + energy / (1000 * chosen.number("pv_density"))
    assert 20e6 * land / 1e6 == pytest.approx(353, rel=0.2)


def test_land_of_photovoltaics_by_hand() -> None:
    # 1000 kWh at a capacity factor of 0.18 and 40 MW/km2 take 15.9 m2
    chosen = load_method("daccs-solid").profile("literature")
    yield_per_land = chosen.number("pv_reference_yield") * chosen.number("pv_density")
    assert 1000 / yield_per_land == pytest.approx(15.9, abs=0.05)


def test_silent_values_are_inherited_and_say_so() -> None:
    solid = load_method("daccs-solid")
    quoted, literature = solid.profile("madhu2021"), solid.profile("literature")
    assert quoted.get("capex") is literature.get("capex")
    assert quoted.inherited["capex"] == "literature"
    assert "land_direct" not in quoted.inherited
    assert literature.number("land_direct") == 0.078
    assert literature.inherited == {}


@pytest.mark.parametrize(("name", "profile"), ALL)
def test_every_record_has_a_source_a_unit_and_a_range_that_holds_it(
    name: str, profile: str
) -> None:
    chosen = load_method(name).profile(profile)
    for parameter, first in chosen.values.items():
        for item in (first, *first.alternatives):
            assert item.source in load_sources()
            assert item.locator
            bounds = [x for x in (item.low, item.value, item.high) if x is not None]
            assert bounds == sorted(bounds)
            assert math.isfinite(item.scale(PARAMETERS[parameter].unit, 2020))


@pytest.mark.parametrize(("name", "profile"), ALL)
def test_every_profile_has_what_a_run_needs(name: str, profile: str) -> None:
    chosen = load_method(name).profile(profile)
    for parameter in ("electricity", "heat", "water", "land_direct", "storage", "lifetime"):
        assert math.isfinite(chosen.number(parameter))
    assert 0 <= chosen.number("transport_injection_loss") < 1
    if chosen.family == "plant":
        assert chosen.number("capex", 2020) > 0
        assert chosen.number("fixed_om") < 0.2


def test_bioenergy_supplies_power_and_takes_biomass() -> None:
    for name in ("beccs-residue", "beccs-energy-crop"):
        for profile in load_method(name).profile_names:
            chosen = load_method(name).profile(profile)
            assert chosen.number("electricity") < 0
            assert (chosen.number("heat") < 0) == profile.startswith("chp")
    residue, crop = load_method("beccs-residue"), load_method("beccs-energy-crop")
    for profile in residue.profile_names:
        assert residue.profile(profile).number("land_feedstock") == 0
        grown = crop.profile(profile).number("biomass") / 10 * 1e4
        assert crop.profile(profile).number("land_feedstock") == pytest.approx(grown, rel=1e-6)


def test_forest_land_follows_the_uptake() -> None:
    chosen = load_method("afforestation").profile()
    land, uptake = chosen.get("land_direct"), chosen.get("uptake")
    assert land is not None and uptake is not None
    assert land.value == 1e4 / uptake.value
    assert land.low == pytest.approx(1e4 / uptake.high, rel=1e-3)
    assert land.high == pytest.approx(1e4 / uptake.low, rel=1e-3)
    assert chosen.number("storage") == 0
    fastest = chosen.number("age_curve_p") * chosen.number("age_curve_b")
    peak = math.log(fastest) / chosen.number("age_curve_k")
    assert 20 <= peak <= 40


def test_a_dash_is_unknown_and_never_zero() -> None:
    crop = load_method("beccs-energy-crop").profile()
    assert crop.get("luc_emissions").value is None
    assert math.isnan(crop.number("luc_emissions"))
    assert load_method("daccs-solid").profile().get("biomass") is None
    assert load_method("daccs-solid").profile().number("biomass", default=0.0) == 0.0
    with pytest.raises(ConfigError, match="no such value"):
        load_method("daccs-solid").profile().number("biomass")


def test_sources_that_disagree_are_separate_records() -> None:
    record = load_method("daccs-solid").profile("literature").get("capex")
    assert record.source == "sievert-2024"
    assert {item.source for item in record.alternatives} >= {"remind", "technology-data", "tiam-fr"}


def test_climate_points_of_the_liquid_are_those_of_the_abstract() -> None:
    liquid = load_method("daccs-liquid").climate
    assert liquid is not None
    first, last = liquid.points[0], liquid.points[-1]
    assert first.electricity + first.heat == pytest.approx(11.1e3 / 3.6, abs=1)
    assert last.electricity + last.heat == pytest.approx(8.3e3 / 3.6, abs=1)
    assert last.productivity == pytest.approx(2 * first.productivity, rel=1e-3)


def test_a_climate_reference_belongs_to_the_profile_that_gives_it() -> None:
    profiles = load_method("daccs-solid").profiles
    assert profiles["madhu2021"].climate_reference is None  # its source names none
    assert profiles["literature"].climate_reference.temperature == 10
    assert profiles["waste-heat"].climate_reference.humidity == 82


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"valeu": 1.0}, "did you mean 'value'"),
        ({"source": "premize"}, "did you mean 'premise'"),
        ({"low": 3.0}, "outside its range"),
        ({"high": 1.0}, "outside its range"),
        ({"value": "2"}, "x.value: Input should be a valid number; got '2'"),
        ({"value": math.nan}, "x.value: Input should be a finite number; got nan"),
        ({"value": True}, "neither a number nor a text; got true"),
        ({"locator": " "}, "x.locator: an empty text"),
        ({"locator": 7}, "x.locator: Input should be a valid string; got 7"),
        ({"currency_year": 2020}, "x.currency_year: a currency year without money"),
        ({"alternatives": {}}, "x.alternatives: Input should be a valid tuple"),
        ({"alternatives": [record(source="a")]}, r"x.alternatives.0.source: unknown source"),
    ],
)
def test_a_wrong_record_is_refused(changes: dict[str, object], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        checked(dict[str, Value], {"x": record(**changes)}, "own.yaml", {})


def test_a_record_needs_source_and_locator() -> None:
    with pytest.raises(ConfigError) as error:
        checked(dict[str, Value], {"x": {"value": 1, "unit": "m3/t"}}, "own.yaml", {})
    assert str(error.value).splitlines() == [
        "own.yaml: x.source: this key is needed",
        "own.yaml: x.locator: this key is needed",
    ]


def test_a_wrong_dimension_is_refused() -> None:
    values = {"water": record(unit="kWh/t", alternatives=[record(unit="kg")])}
    with pytest.raises(ConfigError) as error:
        read(method(profiles={"a": {"title": "A", "values": values}}))
    first, second = str(error.value).splitlines()
    text = "wrong dimension; got 'kWh/t'; expected a unit like 'm3/t' (rule 4)"
    assert first == f"own.yaml: profiles.a.values.water.unit: {text}"
    assert second.startswith("own.yaml: profiles.a.values.water.alternatives.0.unit: wrong dim")


@pytest.mark.parametrize(
    ("unit", "year", "text"),
    [("USD/t", None, "money without a year"), ("USD2020/t", 2019, "two currency years")],
)
def test_money_has_exactly_one_year(unit: str, year: int | None, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        checked(Value, record(unit=unit, currency_year=year), "x", {})


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"familly": "plant"}, "own.yaml: familly: unknown key.*did you mean 'family'"),
        ({"family": "dac"}, "family: Input should be 'plant', 'stock', 'spread', .*; got 'dac'"),
        ({"title": {"zh": "自己的"}}, "no English text"),
        ({"title": {"en": "Own", "fr": "Propre"}}, "title.fr: Input should be 'en' or 'zh'"),
        ({"sources": {"s": {"citation": "x", "kind": "talk"}}}, "sources.s.kind: Input should"),
        ({"default_profile": "b"}, "did you mean 'a'|expected a"),
        ({"profiles": {}}, "profiles: Dictionary should have at least 1 item"),
        (
            {"profiles": {"a": {"title": "A", "values": {}, "siblings": []}}},
            "siblings: unknown key",
        ),
        ({"profiles": {"a": {"title": "A", "values": {"watr": record()}}}}, "'water'"),
        ({"profiles": {"a": {"title": "A", "values": {}, "extends": "a"}}}, "circle"),
        ({"profiles": {"a": {"title": "A", "values": {}, "extends": "z"}}}, "unknown profile"),
        (
            {
                "profiles": {
                    "a": {"title": "A", "values": {"biomass": record(value=-1, unit="t/t")}}
                }
            },
            "values.biomass.value: negative",
        ),
        (
            {
                "profiles": {
                    "a": {
                        "title": "A",
                        "values": {},
                        "land_includes_energy": True,
                        "energy_land": "own_pv",
                    }
                }
            },
            "counted twice",
        ),
    ],
)
def test_a_wrong_method_is_refused(changes: dict[str, object], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        read(method(**changes))


def test_a_method_of_ones_own_extends_the_library(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        """
name: own
title: {en: Own, zh: 自己的}
family: plant
co2_origin: air
storage_type: geological
durability: long
default_profile: a
sources:
  mine: {citation: My report (2025), kind: report}
profiles:
  b:
    title: B
    extends: a
    values: {electricity: {value: 3.6, unit: GJ/t, source: mine, locator: p. 2}}
  a: {title: A, values: {water: {value: 1000, unit: L/t, source: mine, locator: p. 1}}}
""",
        encoding="utf-8",
    )
    own = load_method_file(path)
    assert own.profile_names == ("a", "b")
    assert own.profile("b").number("water") == pytest.approx(1.0)
    assert own.profile("b").number("electricity") == pytest.approx(1000.0)
    assert own.profile("b").inherited == {"water": "a"}
    with pytest.raises(MissingFileError):
        load_method_file(tmp_path / "no.yaml")
    path.write_text("- 1\n")
    with pytest.raises(ConfigError, match="not a mapping"):
        load_method_file(path)
    path.write_text("")
    with pytest.raises(ConfigError, match="got an empty file"):
        load_method_file(path)
    path.write_text("a: 1\na: 2\n")
    with pytest.raises(ConfigError, match=r"own\.yaml:2: not valid YAML: found duplicate key"):
        load_method_file(path)


WRONG = """\
name: own
title: {en: Own}
family: plnt
co2_origin: air
storage_type: geological
durability: long
default_profile: c
sources:
  mine: {citation: "", kind: report}
profiles:
  a:
    title: A
    values:
      watr: {value: 1, unit: m3/t, source: mine, locator: p. 1}
      biomass: {value: -1, unit: t/t, source: mine, locator: p. 1}
      electricity:
        value: 5
        low: 6
        unit: kWh/t
        source: mien
        locator: p. 2
        alternatives:
          - {value: 2, unit: m3/t, source: mine, locator: p. 3}
  b: {title: B, extends: z, values: {capex: {value: 1, unit: USD/t, source: mine, locator: p}}}
"""


def test_every_problem_is_said_at_once_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(WRONG, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_method_file(path)
    lines = str(error.value).replace(str(path), "own.yaml").splitlines()
    starts = [
        "own.yaml:3: family: Input should be 'plant', 'stock', 'spread', 'conversion' or",
        "own.yaml:9: sources.mine.citation: an empty text",
        "own.yaml:14: profiles.a.values.watr: unknown key; expected one of land_direct, ",
        "own.yaml:15: profiles.a.values.biomass.value: negative; got -1 t/t; expected 0 or more",
        "own.yaml:20: profiles.a.values.electricity.source: unknown source; got 'mien'",
        "own.yaml:24: profiles.b.values.capex.currency_year: money without a year; got 'USD/t'",
    ]
    assert len(lines) == len(starts)
    for line, start in zip(lines, starts, strict=True):
        assert line.startswith(start)
    assert "cure: did you mean 'water'?" in lines[2]


def test_what_shows_once_the_records_are_right(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    text = WRONG.replace("mien", "mine").replace('""', "Mine").replace("USD/t", "USD2020/(t/yr)")
    text = text.replace("plnt", "plant").replace("watr", "water").replace("-1", "1")
    names = {
        ":7": "default_profile: unknown profile; got 'c'; expected a, b",
        ":24": "profiles.b.extends: unknown profile; got 'z'; expected a, b",
    }
    record = "profiles.a.values.electricity"
    rounds = (
        ({"low: 6": "low: 4"}, {**names, ":16": f"{record}: the value is outside its range"}),
        (
            {"2, unit: m3/t": "2, unit: kWh/t"},
            {":23": f"{record}.alternatives.0.unit: wrong dimension; got 'm3/t'; expected a unit"},
        ),
        ({"extends: z": "extends: a", "default_profile: c": "default_profile: a"}, names),
    )
    for cures, starts in rounds:
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError) as error:
            load_method_file(path)
        lines = sorted(str(error.value).splitlines())
        for line, (place, start) in zip(lines, sorted(starts.items()), strict=True):
            assert line.startswith(f"{path}{place}: {start}")
        for wrong, right in cures.items():
            text = text.replace(wrong, right)
    path.write_text(text, encoding="utf-8")
    assert load_method_file(path).profile("b").inherited["water"] == "a"


def test_shipped_files_satisfy_the_schema_and_broken_ones_do_not() -> None:
    schema = schema_of(Method)
    jsonschema.Draft202012Validator.check_schema(schema)
    valid = jsonschema.Draft202012Validator(schema)
    for name in method_names():
        data = YAML(typ="safe").load(FOLDER / "methods" / f"{name}.yaml")
        valid.validate(json.loads(json.dumps(data)))
    assert not valid.is_valid(method(family="plnt"))
    assert not valid.is_valid(method(profiles={"a": {"title": "A", "values": {"watr": record()}}}))
    assert not valid.is_valid(method(profiles={"a": {"title": "A", "values": {}, "name": "a"}}))
    assert not valid.is_valid({key: v for key, v in method().items() if key != "durability"})
    values = schema["$defs"]["_Values"]["properties"]
    assert list(values) == list(PARAMETERS)
    for name, parameter in PARAMETERS.items():
        assert parameter.meaning in values[name]["description"]
        assert f"[{parameter.unit}]" in values[name]["description"]
    sources = schema_of(dict[str, Reference])
    data = YAML(typ="safe").load(FOLDER / "sources.yaml")
    jsonschema.Draft202012Validator(sources).validate(data)


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'daccs-solid'"):
        load_method("dacs-solid")
    with pytest.raises(ConfigError, match="did you mean 'literature'"):
        load_method("daccs-solid").profile("litrature")
    with pytest.raises(ConfigError, match="did you mean 'electricity'"):
        load_method("daccs-solid").profile().get("electricty")


@given(
    st.dictionaries(
        st.sampled_from(["value", "unit", "source", "locator", "low", "note", "x"]),
        st.none() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers()),
    )
)
def test_any_record_is_read_or_refused_on_purpose(entry: dict[str, object]) -> None:
    try:
        value = checked(Value, entry, "x", {})
    except CdrsiteError:
        return
    assert isinstance(value, Value)


def test_money_by_hand() -> None:
    # 1 EUR of 2015 = 1.1096 USD of 2015; the US price level rose from 97.3 to 105.4 by 2020
    assert convert(1.0, "EUR", 2015, 2020) == pytest.approx(1.1096 * 105.4 / 97.3)
    assert convert(100.0, "CNY", 2020, 2020) == pytest.approx(100 / 6.9042)
    assert convert(5.0, "GBP", 2023, 2023) == pytest.approx(5 * 1.2440)
    assert convert(7.0, "USD", 2020, 2020) == 7.0
    assert convert(1.0, "USD", 2000, 2020) == pytest.approx(1.45, abs=0.01)


def test_the_price_level_follows_an_earlier_vintage() -> None:
    # deflator of 2009 = 100, Bureau of Economic Analysis as of 2017
    vintage = {2000: 81.887, 2005: 91.988, 2008: 99.246, 2009: 100.0, 2012: 105.214, 2016: 111.445}
    for year, index in vintage.items():
        assert convert(1.0, "USD", 2009, year) == pytest.approx(index / 100, rel=0.01)


def test_money_there_and_back_is_the_same() -> None:
    for year in (2000, 2011, 2025):
        there = convert(1.0, "USD", 2020, year)
        assert convert(there, "USD", year, 2020) == pytest.approx(1.0)


def test_the_money_table_is_complete() -> None:
    for name, series in currency_table().items():
        assert sorted(series) == list(range(2000, 2026)), name


@pytest.mark.parametrize(
    ("currency", "year", "base", "text"),
    [
        ("XYZ", 2020, 2020, "unknown currency"),
        ("deflator", 2020, 2020, "unknown currency"),
        ("EUR", 1999, 2020, "2000 to 2025"),
        ("EUR", 2020, 2031, "2000 to 2025"),
    ],
)
def test_unknown_money_is_refused(currency: str, year: int, base: int, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        convert(1.0, currency, year, base)


def test_a_value_is_converted_with_its_own_year() -> None:
    value = Value(value=2.0, unit="EUR2015/(t/yr)", source="premise", locator="x")
    assert value.currency_year == 2015
    assert value.to("USD/(t/yr)", 2020) == pytest.approx(2 * convert(1, "EUR", 2015, 2020))
    with pytest.raises(ConfigError, match="without its year"):
        value.to("USD/(t/yr)")
    energy = Value(value=1.0, unit="MWh/t", source="premise", locator="x")
    assert energy.to("kWh/t") == pytest.approx(1000.0)


def test_implausible_land_still_loads_and_is_reported_once() -> None:
    solid = load_method("daccs-solid")
    (found,) = check_profile(solid.profile())
    assert found.parameter == "land_direct"
    assert "11,000 m²" in str(found)
    assert "0.091 kWh per m²" in str(found)
    assert "profile literature" in str(found)
    literature = solid.profile("literature")
    assert check_profile(literature, {"land_direct": 499.0}) == []
    (found,) = check_profile(literature, {"land_direct": 501.0})
    assert "kWh per m²" not in str(found)


@pytest.mark.parametrize(("name", "profile"), ALL)
def test_the_other_profiles_are_plausible(name: str, profile: str) -> None:
    found = check_profile(load_method(name).profile(profile), study_area=1.2e11)
    assert bool(found) == (profile == "madhu2021")


@pytest.mark.parametrize(
    ("name", "numbers", "parameter"),
    [
        ("daccs-liquid", {"water": 410.0}, "water"),
        ("daccs-liquid", {"electricity": 10.0, "heat": 10.0}, "electricity"),
        ("daccs-liquid", {"storage": 1.0}, "storage"),
        ("beccs-residue", {"biomass": 0.3}, "biomass"),
        ("beccs-residue", {"electricity": 100.0}, "electricity"),
        ("afforestation", {"uptake": 60.0}, "uptake"),
        ("afforestation", {"uptake": 5.0, "land_direct": 1000.0 / 2}, "land_direct"),
    ],
)
def test_each_check_finds_its_fault(name: str, numbers: dict[str, float], parameter: str) -> None:
    found = check_profile(load_method(name).profile(), numbers)
    assert [item.parameter for item in found] == [parameter]


def test_a_plant_that_fills_the_region_is_reported() -> None:
    # 100 kt/yr x 100 m2 = 10 km2 of a region of 100 km2
    literature = load_method("daccs-solid").profile("literature")
    (found,) = check_profile(literature, {"land_direct": 100.0}, study_area=1e8)
    assert "10 km2" in str(found)
    assert "10.0%" in str(found)


def test_rows_of_the_table_hold_every_record() -> None:
    solid = load_method("daccs-solid")
    rows = to_rows(solid)
    land = [row for row in rows if row["parameter"] == "land_direct"]
    assert [row["value"] for row in land] == [11000.0, 11.0]
    assert [row["alternative"] for row in land] == [False, True]
    capex = next(row for row in rows if row["parameter"] == "capex")
    assert capex["inherited_from"] == "literature"
    assert capex["currency_year"] == 2022
    order = list(PARAMETERS)
    assert [row["parameter"] for row in rows] == sorted(
        (row["parameter"] for row in rows), key=order.index
    )


@pytest.mark.parametrize("name", method_names())
def test_everything_is_ready_for_json(name: str) -> None:
    text = json.dumps(load_method(name).model_dump(mode="json"), allow_nan=False)
    assert json.loads(text)["name"] == name
    json.dumps(to_rows(load_method(name)), allow_nan=False)


def test_every_source_is_cited() -> None:
    texts = "".join(
        path.read_text(encoding="utf-8")
        for path in (*FOLDER.rglob("*.yaml"), FOLDER.parent / "core" / "currency.yaml")
        if path.name != "sources.yaml"
    )
    assert [name for name in load_sources() if f"source: {name}" not in texts] == []


def test_shipped_methods_are_read_without_a_converter_of_units() -> None:
    """Units of the library are canonical, so that its commands start at once."""
    code = (
        "import sys; from cdrsite.library.methods import load_method, method_names; "
        "[load_method(name) for name in method_names()]; sys.exit('pint' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
