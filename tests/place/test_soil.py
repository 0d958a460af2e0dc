"""Soil carbon: the published table, the numbers of the files, and studies with layers of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from one_method import OneMethod
from tiny_scenario import COLS, ROWS

from cdrsite.core.errors import CdrsiteError
from cdrsite.library.methods import load_method
from cdrsite.place.curves import EvenUntilFull
from cdrsite.place.soil import Practice, SoilChange, soil_rates

pytestmark = pytest.mark.usefixtures("without_slopes")

FIELDS = "cropland-soil-carbon"
TABLE = load_method(FIELDS).soil


def change(before: tuple[str, str], after: tuple[str, str], use: str = "annual crop") -> SoilChange:
    """From one (management, input) to another."""
    first, then = (Practice(management=m, input=i) for m, i in (before, after))
    return SoilChange(
        zone="warm temperate moist", soil="HAC", land_use=use, before=first, after=then
    )


NO_TILL = change(("full", "medium"), ("no-till", "medium"))
BOTH = change(("full", "medium"), ("no-till", "high"))
STRAW = change(("full", "low"), ("full", "medium"))
TAKEN = change(("no-till", "medium"), ("no-till", "low"))


@pytest.mark.parametrize(
    ("done", "zone", "soil", "rate"),
    [
        (NO_TILL, "warm temperate moist", "HAC", 0.8096),
        (NO_TILL, "cool temperate moist", "HAC", 0.9356),
        (NO_TILL, "warm temperate dry", "HAC", 0.1338),
        (NO_TILL, "cool temperate dry", "HAC", 0.1821),
        (NO_TILL, "tropical moist", "LAC", 0.5782),
        (BOTH, "warm temperate moist", "HAC", 1.789216),
        (BOTH, "cool temperate moist", "HAC", 2.1819),
        (BOTH, "warm temperate dry", "HAC", 0.2729),
        (STRAW, "warm temperate moist", "HAC", 0.6477),
        (STRAW, "cool temperate moist", "HAC", 0.8316),
        (TAKEN, "warm temperate moist", "HAC", -0.712448),
    ],
)
def test_rates_worked_out_by_hand(done: SoilChange, zone: str, soil: str, rate: float) -> None:
    assert TABLE.rate(done, zone, soil) == pytest.approx(rate, abs=6e-5)


def test_the_golden_gain_and_what_taking_the_straw_costs() -> None:
    """64 tC/ha x 0.69 x (1.10 x 1.11 - 1) x 44/12 over 20 years, and straw taken from no-till."""
    rate = TABLE.rate(BOTH, "warm temperate moist", "HAC")
    assert rate * 20 == pytest.approx(35.784320, abs=1e-6)
    assert rate == pytest.approx(1.789216, abs=1e-9)
    taken = TABLE.rate(TAKEN, "warm temperate moist", "HAC")
    assert taken == pytest.approx(-0.712448, abs=1e-9)


@pytest.mark.parametrize("name", load_method(FIELDS).profile_names)
def test_the_rate_of_a_profile_is_that_of_its_words(name: str) -> None:
    profile = load_method(FIELDS).profile(name)
    assert not TABLE.missing(profile.soil)
    rate = TABLE.rate(profile.soil, profile.soil.zone, profile.soil.soil)
    assert profile.number("uptake") == pytest.approx(rate, rel=1e-9)
    assert profile.number("land_direct") == pytest.approx(1e4 / rate, rel=1e-9)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=2), st.floats(0, 1))
def test_mixed_cells_lie_between_their_parts(zones: list[float], clay: float) -> None:
    total = sum(zones) or 1.0
    shares = {"warm temperate moist": zones[0] / total, "cool temperate moist": zones[1] / total}
    rate = float(soil_rates(TABLE, BOTH, shares, {"HAC": clay, "sandy": 1 - clay})[0])
    parts = [TABLE.rate(BOTH, z, s) for z in shares for s in ("HAC", "sandy")]
    low = 0.0 if not sum(zones) else min(parts)
    assert low - 1e-9 <= rate <= max(parts) + 1e-9


def test_a_soil_that_the_table_lacks_is_unknown_only_where_there_is_some() -> None:
    shares = {"LAC": np.array([0.0, 0.5]), "HAC": np.array([1.0, 0.5])}
    rate = soil_rates(TABLE, NO_TILL, {"boreal moist": 1.0}, shares)
    assert rate[0] > 0 and np.isnan(rate[1])


@given(st.floats(1, 60), st.floats(1, 60), st.floats(0, 0.2))
def test_a_full_stock_takes_up_no_more(full: float, years: float, rate: float) -> None:
    curve = EvenUntilFull(full, full)
    assert curve.mean_factor(years) * years == pytest.approx(min(years, full), rel=1e-9)
    assert float(curve.year_factor(full + 1.5)) == pytest.approx(0.0, abs=1e-9)
    whole = round(years)
    assert curve.discounted_factor(whole, rate) <= min(whole, full) + 1e-6


# --------------------------------------------------------------------------- a study


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> OneMethod:
    return OneMethod(tmp_path_factory.mktemp("world"), FIELDS)


def test_a_hectare_of_golden_soil_in_a_study(fields: OneMethod) -> None:
    """Tonnes and cost per net tonne of 20 years, written out."""
    result = fields.run(
        {"profile": "no-till-high-input"}, {}, costs={"base_year": 2020, "discount_rate": 0.03}
    )
    assert fields.here(result, "need_land") == pytest.approx(1e4 / 1.789216, rel=1e-6)
    net = 1 - 0.150
    assert fields.here(result, "net_factor") == pytest.approx(net, rel=1e-6)
    # each year's 65 USD/ha and 1.789216 t are discounted alike, and the crop pays the rent
    assert fields.here(result, "cost") == pytest.approx((60 + 5) / 1.789216 / net, rel=1e-5)
    row = result.tables["methods"].iloc[0]
    assert row["gross_mt_yr"] * 1e6 == pytest.approx(1.789216 * row["land_km2"] * 100, rel=1e-4)
    assert row["retained_share"] == pytest.approx(np.exp(-0.05 * 100), rel=1e-6)


def test_twice_the_years_give_half_the_rate(fields: OneMethod) -> None:
    result = fields.run({"profile": "no-till-high-input"}, {}, accounting={"forest_years": 40})
    assert fields.here(result, "need_land") == pytest.approx(2e4 / 1.789216, rel=1e-6)


def test_layers_of_climate_and_soil_say_the_rate(fields: OneMethod) -> None:
    """West warm and east cool, clay in the south, sand in the north, one cell a town."""
    zones = np.full((ROWS, COLS), 1, np.uint8)
    zones[:, 4:] = 2
    soils = np.full((ROWS, COLS), 20, np.uint8)
    soils[:3] = 10
    soils[3, 6] = 90
    layers = {
        "zones": (zones, {"kind": "class"}),
        "soils": (soils, {"kind": "class"}),
    }
    keys = {
        "zone": {"zones": {1: "warm temperate moist", 2: "cool temperate moist"}},
        "kind": {"soils": {10: "sandy", 20: "HAC"}},
    }
    result = fields.run({"soil": keys}, layers)
    for (row, col), stock in {(4, 1): 64, (4, 5): 81, (1, 1): 36, (1, 5): 51}.items():
        part = (0.69, 0.10) if col < 4 else (0.70, 0.09)
        rate = stock * part[0] * part[1] * 44 / 12 / 20
        assert fields.here(result, "need_land", row, col) == pytest.approx(1e4 / rate, rel=1e-5)
    assert fields.here(result, "need_land", 3, 6) > 1e8  # no such soil, no gain
    only = fields.run({"soil": {"zone": keys["zone"]}}, {"zones": layers["zones"]})
    assert fields.here(only, "need_land", 1, 5) == pytest.approx(1e4 / 0.93555, rel=1e-5)


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"soil": {"kind": {"cover": {10: "peat"}}}}, r"soil.kind: no such soil.*'peat'.*HAC, LAC"),
        ({"soil": {"zone": {"cover": {10: "warm"}}}}, r"soil.zone: no such climate.*'warm'"),
        ({"soil": {}}, r"soil: no layer; expected zone or kind"),
        ({"soil": {"kind": {}}}, r"soil.kind: not one layer with its classes"),
        ({"soil": {"kind": {"gone": {1: "HAC"}}}}, r"soil.kind.*'gone'"),
    ],
)
def test_what_does_not_fit_is_refused(fields: OneMethod, keys: dict, text: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(CdrsiteError, match=text):
        fields.run(keys, {})


def test_only_a_method_with_a_table_reads_soils(tmp_path_factory: pytest.TempPathFactory) -> None:
    forest = OneMethod(tmp_path_factory.mktemp("forest"), "afforestation")
    with pytest.raises(CdrsiteError, match=r"no table of soils.*cure: remove it"):
        forest.run({"soil": {"kind": {"cover": {10: "HAC"}}}}, {})
