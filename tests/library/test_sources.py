"""Where the library's numbers come from: what was read, and which trap of units each avoids."""

from __future__ import annotations

import pytest

from cdrsite.core.errors import UnitError
from cdrsite.core.units import parse_quantity
from cdrsite.library.methods import load_method, method_names
from cdrsite.library.records import Reference, Value, load_sources

PRINTED = ("paper", "report", "repository")
PROFILES = [(name, profile) for name in method_names() for profile in load_method(name).profiles]
CARBON = 44.0 / 12.0


def records(name: str, profile: str) -> list[tuple[str, Value]]:
    """Every record of a profile with those that disagree."""
    values = load_method(name).profile(profile).values
    return [(key, one) for key, first in values.items() for one in (first, *first.alternatives)]


def record(name: str, profile: str, parameter: str, source: str) -> Value:
    """The record of one source."""
    found = [
        one for key, one in records(name, profile) if key == parameter and one.source == source
    ]
    assert len(found) == 1, (name, profile, parameter, source)
    return found[0]


def number(one: Value) -> float:
    assert one.value is not None
    return one.value


@pytest.mark.parametrize("name", method_names())
def test_of_every_source_it_is_said_what_was_read(name: str) -> None:
    for source in load_method(name).sources.values():
        if source.kind in PRINTED:
            assert source.read is not None, source.citation
        if source.kind == "paper":
            assert source.url or "in Chinese" in source.citation, source.citation


def test_papers_are_found_by_their_doi() -> None:
    for source in load_sources().values():
        if source.kind == "paper" and source.url:
            assert source.url.startswith("https://doi.org/10."), source.citation


@pytest.mark.parametrize(("name", "profile"), PROFILES)
def test_a_locator_of_an_abstract_says_so(name: str, profile: str) -> None:
    """What only the abstract was read of cannot be cited by a table or a page."""
    sources = load_method(name).sources
    for parameter, one in records(name, profile):
        if sources[one.source].read == "abstract" and "Table" in one.locator:
            pytest.fail(f"{parameter}: {one.locator}")


@pytest.mark.parametrize(("name", "profile"), PROFILES)
def test_arithmetic_is_shown(name: str, profile: str) -> None:
    """A derived number that is not 0 or 1 shows numbers or names of other records."""
    known = set(load_method(name).profile(profile).values)
    for parameter, one in records(name, profile):
        if one.source != "derived" or one.value in {None, 0, 1}:
            continue
        words = set(one.locator.replace("/", " ").split())
        assert any(c.isdigit() for c in one.locator) or words & known, (parameter, one.locator)


@pytest.mark.parametrize(("name", "profile"), PROFILES)
def test_money_of_an_assumed_year_says_so(name: str, profile: str) -> None:
    """The sources that state no price year."""
    for parameter, one in records(name, profile):
        if one.source in {"tiam-fr", "yao-2024", "china-cdr-discussion"} and one.currency_year:
            assert "price year" in one.note, (parameter, one.source)


@pytest.mark.parametrize(
    "profile", [one for one in load_method("afforestation").profiles if one != "literature"]
)
def test_rates_of_biomes_have_the_range_of_the_roots(profile: str) -> None:
    """Above ground x 44/12 x (1 + roots), roots 25 % (20 to 40 %)."""
    values = load_method("afforestation").profile(profile).values
    rate, land = values["uptake"], values["land_direct"]
    assert rate.low == pytest.approx(number(rate) * 1.2 / 1.25, rel=1e-3)
    assert rate.high == pytest.approx(number(rate) * 1.4 / 1.25, rel=1e-3)
    assert number(land) == 1e4 / number(rate)
    assert land.low is not None and land.high is not None
    assert land.low == pytest.approx(1e4 / rate.high, rel=1e-3)
    assert land.high == pytest.approx(1e4 / rate.low, rel=1e-3)


# --------------------------------------------------------------------- traps of units


def test_power_is_no_energy_of_a_year() -> None:
    """1 GW at a capacity factor of 0.18 gives 1.577 TWh a year."""
    assert parse_quantity("1 GW", "kWh/yr") * 0.18 == pytest.approx(1.577e9, rel=1e-3)
    photovoltaics = load_method("daccs-solid").profile("literature").values["pv_reference_yield"]
    assert number(photovoltaics) == pytest.approx(8760 * 0.18)


def test_a_plant_per_hourly_tonne_is_divided_by_the_hours_that_it_runs() -> None:
    """EUR per (t/h) / (8760 h x capacity factor), the factor once."""
    danish = record("daccs-solid", "literature", "capex", "technology-data")
    assert number(danish) == pytest.approx(7.54e6 / (8760 * 0.9), abs=0.5)
    assert danish.low == pytest.approx(5.03e6 / (8760 * 0.9), abs=0.5)
    assert danish.high == pytest.approx(8.80e6 / (8760 * 0.9), abs=0.5)
    for name, price, factor in (("daccs-solid", 8.15e6, 0.825), ("daccs-liquid", 14.4e6, 0.70)):
        american = record(name, "literature", "capex", "reeds")
        assert number(american) == pytest.approx(price / (8760 * factor), abs=0.5)
        own = load_method(name).profile("literature").number("capacity_factor")
        assert own == factor


@pytest.mark.parametrize(
    ("name", "profile", "overnight"),
    [
        ("daccs-solid", "literature", 2944), ("daccs-solid", "sievert-2050", 1870),
        ("daccs-liquid", "literature", 2143), ("daccs-liquid", "sievert-2050", 1453),
    ],
)  # fmt: skip
def test_overnight_capital_of_the_nameplate_is_divided_by_the_capacity_factor(
    name: str, profile: str, overnight: float
) -> None:
    chosen = load_method(name).profile(profile)
    factor = chosen.number("capacity_factor")
    assert chosen.number("capex", 2022) == pytest.approx(overnight / factor, abs=0.1)


def test_carbon_is_no_carbon_dioxide() -> None:
    """Per tonne of carbon in REMIND and Robinson et al.; a unit may not mix them."""
    remind = record("daccs-solid", "literature", "capex", "remind")
    assert number(remind) == pytest.approx(18_800 / CARBON, abs=1)
    moist = record("afforestation", "tropical-moist", "uptake", "robinson-2025")
    assert number(moist) == pytest.approx(1.464 * CARBON * 1.25, rel=1e-4)
    with pytest.raises(UnitError):
        parse_quantity("1.464 tC/ha/yr", "t/ha/yr")


def test_energy_of_remind_is_per_tonne_of_carbon() -> None:
    """5.28 EJ/GtC are 0.40 MWh per t of CO2."""
    power = parse_quantity("5.28 EJ/Gt", "kWh/t") / CARBON
    danish = record("daccs-solid", "literature", "electricity", "technology-data")
    assert power == pytest.approx(number(danish), rel=1e-3)


def test_tonnes_per_hectare_are_not_per_square_kilometre() -> None:
    assert parse_quantity("309 t/km2/yr", "t/ha/yr") == pytest.approx(3.09)


def test_a_stock_is_no_rate() -> None:
    """t/ha once is not t/ha a year: the one cannot be given for the other."""
    with pytest.raises(UnitError, match="dimension"):
        parse_quantity("200 t/ha", "t/ha/yr")
    with pytest.raises(UnitError, match="dimension"):
        parse_quantity("10 t/ha/yr", "t/ha")


def test_a_millimetre_a_year_is_ten_cubic_metres_a_hectare() -> None:
    assert parse_quantity("1 mm/yr", "m3/ha/yr") == pytest.approx(10.0)
    assert parse_quantity("1 cm/yr", "mm/yr") == pytest.approx(10.0)


def test_heating_values_are_told_apart() -> None:
    """Wood 20 GJ per dry t of higher and 18 of lower heating value; gas by the lower one."""
    assert parse_quantity("1 MMBtu", "GJ") == pytest.approx(1.055056, abs=1e-6)
    assert parse_quantity("88.5 kg/MMBtu", "kg/GJ") == pytest.approx(83.9, abs=0.05)
    gas = load_method("daccs-liquid").profile("literature").values["fuel_co2"]
    assert "lower heating value" in gas.locator
    assert parse_quantity("56.1 kg/GJ", "kg/kWh") == pytest.approx(number(gas))
    heat = load_method("daccs-liquid").profile("literature").values["heat"]
    assert "Lower heating value" in heat.note
    assert parse_quantity("5.3 GJ/t", "kWh/t") == pytest.approx(number(heat), abs=0.5)


def test_what_was_read_is_one_of_five() -> None:
    with pytest.raises(ValueError, match="read"):
        Reference(citation="x", kind="paper", read="all")  # type: ignore[arg-type]
