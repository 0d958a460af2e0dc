"""Own renewables: the share of the hours that they serve, and what that takes, costs and emits."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tiny_scenario import COLS, ROWS, SCENARIO, write_raster, write_world

from cdrsite.config.load import parse_scenario
from cdrsite.core.annuity import crf
from cdrsite.core.errors import ConfigError, DataError
from cdrsite.core.units import parse_quantity
from cdrsite.library.methods import load_method, of_own_power
from cdrsite.methods.ledgers import TOLERANCE, imbalance
from cdrsite.place.dependence import Here
from cdrsite.place.firm_supply import YEARLY, FirmSupply, firm_tables
from cdrsite.place.needs import Needs
from cdrsite.place.own_power import OwnPower, OwnRenewables, own_emissions, pv_land
from cdrsite.result.study_result import StudyResult
from cdrsite.scoring.sums import const
from cdrsite.study.run import run

pytestmark = pytest.mark.usefixtures("without_slopes")

SOLID = "daccs-solid"
TABLE = firm_tables()["pv"]
CF = 0.1664
"""Capacity factor of the site of the table."""
shares = st.floats(0.5, 0.95)


class Plant:
    """A method as a dependence sees it: 720 kWh per tonne, and the library's renewables in EUR."""

    name, discount_rate = SOLID, 0.07
    numbers: ClassVar[dict[str, float]] = {
        "electricity": 720.0,
        **{name: float(one.value or 0.0) for name, one in of_own_power().items()},
    }

    def __init__(self, **keys: Any) -> None:
        self.choice = type("Choice", (), {"own_power": OwnPower(**keys)})()

    def number(self, parameter: str, default: float = 0.0) -> float:
        return self.numbers.get(parameter, default)


def served(yearly: float = 8760 * CF, **keys: Any) -> tuple[float, float]:
    """Land [m2] and price [EUR/MWh] per MWh served, where the yield is the table's."""
    use: Any = Plant(**{"firm_share": 0.9, "pv_yield": "sun"} | keys)
    own = OwnRenewables()
    here = Here((1, 1), {"pv_yield": np.full((1, 1), yearly, np.float32)}, own.numbers(use))
    made = own.layers(use, here)
    land, price = (float(made[k][0, 0]) for k in ("land per kWh", "price of own power"))
    return 1000 * land, 1000 * price


# --------------------------------------------------------------------------- golden numbers


@pytest.mark.parametrize(
    ("share", "oversizing", "hours", "curtailed", "kw", "price", "generated"),
    [
        (0.5, 0.58, 5, 0.13, 3.5, 64.1, 1.16),
        (0.7, 0.78, 11, 0.08, 4.7, 71.1, 1.11),
        (0.8, 0.96, 13, 0.15, 5.8, 74.4, 1.20),
        (0.9, 1.37, 15, 0.33, 8.2, 85.2, 1.52),
        (0.95, 1.71, 21, 0.43, 10.3, 104.4, 1.80),
    ],
)
def test_the_cheapest_pairs_and_their_price(
    share: float, oversizing: float, hours: float, curtailed: float, kw: float, price: float,
    generated: float,
) -> None:  # fmt: skip
    supply = TABLE.cheapest(share)
    assert supply == FirmSupply(share, oversizing, hours, curtailed)
    assert supply.generated == pytest.approx(generated, abs=0.006)
    assert oversizing / CF == pytest.approx(kw, abs=0.06)
    # the published price is of pairs before they were rounded to two digits
    assert served(firm_share=share)[1] == pytest.approx(price, rel=0.004)


def test_a_price_written_out() -> None:
    pv = 482.5 * (float(crf(0.07, 40)) + 0.0248) * 1.37 / CF  # EUR a year per kW of load
    battery = 15 * 189.9 * float(crf(0.07, 25)) + 213.9 * float(crf(0.07, 10))
    assert served()[1] == pytest.approx((pv + battery) / 8.760 / 0.9, rel=1e-6)
    # only the part of the photovoltaics follows the yield
    assert served(2 * 8760 * CF)[1] == pytest.approx((pv / 2 + battery) / 8.760 / 0.9, rel=1e-6)


def test_land_of_a_tonne() -> None:
    """0.72 MWh at a firm share of 0.9 and a capacity factor of 0.1664."""
    assert 0.72 * served()[0] == pytest.approx(18.80, abs=0.005)


def test_emissions_of_a_tonne_are_never_nothing() -> None:
    use: Any = Plant(firm_share=0.9)
    per_kwh = own_emissions(use, TABLE.cheapest(0.9))
    assert 1000 * per_kwh == pytest.approx(69.8, abs=0.05)
    needs = OwnRenewables().needs(
        use, Needs({"electricity": const(720.0), "land": const(0.0), "biomass": const(0.0)})
    )
    assert needs.place_emissions.constant == pytest.approx(50.0, abs=0.3)  # kg
    yearly: Any = Plant(firm_share="yearly")
    assert own_emissions(yearly, YEARLY) == pytest.approx(0.04)


@pytest.mark.parametrize(
    ("oversizing", "hours", "expected"),
    [
        (1.0, 0, 0.406), (3.0, 48, 0.998), (1.25, 12, 0.840), (1.0, 2, (0.406 + 0.553) / 2),
        (1.75, 16, (0.918 + 0.948) / 2), (1.125, 6, (0.553 + 0.681 + 0.575 + 0.715) / 4),
    ],
)  # fmt: skip
def test_served_share_of_a_pair(oversizing: float, hours: float, expected: float) -> None:
    assert TABLE.served_share(oversizing, hours) == pytest.approx(expected)
    assert OwnPower(oversizing=oversizing, battery_hours=hours).supply().firm_share == (
        pytest.approx(expected)
    )


@pytest.mark.parametrize("known", [one for one in TABLE.least_cost if one.oversizing >= 1])
def test_the_two_tables_agree(known: Any) -> None:
    """What the cheapest pairs serve and lose, by the table of all pairs."""
    pair = TABLE.of_pair(known.oversizing, known.battery_hours)
    assert pair.firm_share == pytest.approx(known.firm_share, abs=0.01)
    assert pair.curtailed == pytest.approx(known.curtailed, abs=0.006)


def test_the_cheapest_pair_hardly_moves_with_the_rate() -> None:
    """What a year of generation costs, over a year of battery: why one list holds for all rates."""
    ratio = [482.5 * (crf(r, 40) + 0.0248) / (189.9 * crf(r, 25)) for r in (0.03, 0.07, 0.12)]
    np.testing.assert_allclose(ratio, [3.01, 2.95, 2.91], atol=0.01)


def test_sun_and_wind_take_less() -> None:
    wind = {"technology": "pv-wind", "firm_share": 0.9}
    supply = OwnPower(**wind).supply()
    assert 1.2 <= supply.generated <= 1.3 and 4 <= supply.battery_hours <= 8
    land, price = served(**wind)
    half = supply.generated / 2
    spaced = 1000 * half * 0.01 / (2628 * 0.01)  # a hundredth of 10 MW/km2 is taken
    assert land == pytest.approx(1000 * half * float(pv_land(8760 * CF, 0.04)) + spaced)
    assert land < served()[0] and price < served()[1]


def test_power_is_energy_by_its_capacity_factor() -> None:
    """1 GW at 0.18 is 1.577 TWh."""
    assert parse_quantity("1 GW", "TWh/yr") * 0.18 == pytest.approx(1.577, abs=0.0005)
    number = load_method(SOLID).profile("literature").number
    assert number("pv_reference_yield") == pytest.approx(0.18 * 8760)


# --------------------------------------------------------------------------- properties


@given(shares, st.floats(0.0, 0.45), st.floats(700, 2300), st.floats(0.0, 0.15))
def test_firmer_is_never_cheaper_nor_smaller(
    share: float, more: float, yearly: float, rate: float
) -> None:
    firmer = min(share + more, 0.95)
    one, other = TABLE.cheapest(share), TABLE.cheapest(firmer)
    own, results = OwnRenewables(), []
    for value in (share, firmer):
        use: Any = Plant(firm_share=value, pv_yield="sun")
        use.discount_rate = rate
        here = Here((1,), {"pv_yield": np.array([yearly], np.float32)}, own.numbers(use))
        made = own.layers(use, here)
        # of a kW of load: what it takes all year, whatever of its hours is served
        results.append([value * float(layer[0]) for layer in made.values()])
    (land, price), (more_land, higher) = results
    assert more_land >= land * (1 - 1e-6) and higher >= price * (1 - 1e-6)
    assert other.oversizing >= one.oversizing and other.battery_hours >= one.battery_hours


@given(st.floats(1, 3), st.floats(0, 48), st.floats(0, 1), st.floats(0, 24))
def test_more_never_serves_less(r: float, h: float, more: float, longer: float) -> None:
    share = TABLE.served_share(r, h)
    assert TABLE.served_share(min(r + more, 3), min(h + longer, 48)) >= share - 1e-12
    pair = TABLE.of_pair(r, h)
    assert 0 <= pair.curtailed < 1 and pair.generated >= 1


# --------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"firm_share": 0.97}, r"firm_share.*got 0.97; expected 0.5 to 0.95; cure.*rule 7"),
        ({"firm_share": 0.4}, r"firm_share.*got 0.4; expected 0.5 to 0.95"),
        ({"oversizing": 4, "battery_hours": 8}, r"oversizing.*got 4; expected 1 to 3; cure"),
        ({"oversizing": 2, "battery_hours": 60}, r"battery_hours.*got 60; expected 0 to 48"),
        ({"oversizing": 2}, r"oversizing without battery_hours; cure: give both"),
        ({"battery_hours": 2}, r"battery_hours without oversizing; cure: give both"),
        ({"firm_share": "yearly", "shortfall": "grid"}, r"energy of the year knows no hours"),
        ({"firm_share": "yearly", "oversizing": 2, "battery_hours": 2}, r"knows no hours"),
        ({"wind_yield": "wind"}, r"there is no wind; .*cure: remove it, or technology: pv-wind"),
        ({"technology": "pv-wind", "firm_share": 0.8}, r"got 0.8; expected 0.9; cure: give over"),
        (
            {"technology": "pv-wind", "oversizing": 2, "battery_hours": 2},
            r"no table says what sun and wind serve; cure: give firm_share",
        ),
        ({"firm_share": 90}, r"out of range; got 90; expected at most 1"),
    ],
)  # fmt: skip
def test_refused_with_the_cure(keys: dict[str, Any], said: str, world: Path) -> None:
    with pytest.raises(ConfigError, match=rf"own_power.*{said}"):
        parse_scenario(text({"own_power": keys}), world)
    with pytest.raises(ValidationError):
        OwnPower(**keys)


# --------------------------------------------------------------------------- in a study

Study = Callable[..., StudyResult]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    write_world(folder)
    yields = np.full((ROWS, COLS), 8760 * CF, np.float32)
    yields[:, 0] = 0.0
    write_raster(folder / "sun.tif", yields, nodata=-1.0)
    return folder / "study.yaml"


def text(method: dict[str, Any], **more: Any) -> str:
    document = yaml.safe_load(SCENARIO)
    document["layers"]["sun"] = {"path": "sun.tif", "unit": "kWh/kWp", "kind": "intensive"}
    document["methods"] = {SOLID: {"profile": "literature"} | method}
    return yaml.safe_dump(document | more)


@pytest.fixture(scope="module")
def study(world: Path) -> Study:
    done: dict[str, StudyResult] = {}

    def made(*, more: dict[str, Any] | None = None, **keys: Any) -> StudyResult:
        own = {"own_power": {"pv_yield": "sun"} | keys} if keys else {}
        written = text(own, **(more or {}))
        if written not in done:
            done[written] = run(parse_scenario(written, world))
        return done[written]

    return made


def at(result: StudyResult, name: str) -> float:
    """A variable in a cell with sun that nothing excludes."""
    values = result.dataset[name].loc[{"removal_method": SOLID}].to_numpy()
    tonnes = result.dataset["equal_share"].loc[{"removal_method": SOLID}].to_numpy()
    return float(values[np.unravel_index(np.argmax(tonnes), tonnes.shape)])


def test_a_study_pays_for_the_hours(study: Study) -> None:
    """Land, net factor and cost of a tonne, against the same plant on energy of the year."""
    firm, yearly = study(firm_share=0.9), study(firm_share="yearly")
    more_land = at(firm, "need_land") - at(yearly, "need_land")
    assert more_land == pytest.approx(720 * (1.37 / 0.9 - 1) / (8760 * CF * 0.04), rel=1e-4)
    emitted = (at(yearly, "net_at_plant") - at(firm, "net_at_plant")) * 1000
    assert emitted == pytest.approx(0.72 * (69.77 - 40), abs=0.05)
    # capital by the ninth part more, and 85.2 against 36 EUR2025 of power
    assert at(firm, "cost_at_plant") > at(yearly, "cost_at_plant") + 0.72 * 30
    for result in (firm, yearly):
        table = result.tables["ledgers"].set_index(["zone", "method"])
        assert all(imbalance(row) < TOLERANCE for _, row in table.iterrows())


def test_the_plant_pays_its_capital_in_fewer_hours(study: Study) -> None:
    idle, grid = study(firm_share=0.8), study(firm_share=0.8, shortfall="grid")
    model = idle.models[SOLID]
    capital = model.number("capex") * (float(crf(0.07, model.number("lifetime")))
                                       + model.number("fixed_om"))  # fmt: skip
    hours = 8760 * model.number("capacity_factor")
    pump = model.number("heat_pump_capex") * model.number("heat_pumped") / hours
    pump *= float(crf(0.07, model.number("heat_pump_lifetime")))
    assert at(idle, "cost_at_plant") - at(grid, "cost_at_plant") == pytest.approx(
        (capital + pump) * (1 / 0.8 - 1)
        + 0.2 * 720 * (price_of(idle) - 0.06), rel=2e-3,
    )  # fmt: skip
    assert at(grid, "need_land") < at(idle, "need_land")


def price_of(result: StudyResult) -> float:
    """Price of own power in a study [USD/kWh], by the formula of the module."""
    model = result.models[SOLID]
    supply = TABLE.cheapest(0.8)
    pv = model.number("pv_capex") * (float(crf(0.07, 40)) + 0.0248) / (8760 * CF)
    cells = model.number("battery_capex") * float(crf(0.07, 25))
    inverter = model.number("inverter_capex") * float(crf(0.07, 10))
    return supply.generated * pv + supply.battery * cells + supply.load * inverter


def test_hours_from_the_grid_take_of_its_supply_and_of_its_emissions(study: Study) -> None:
    power = {"resources": {"power": {"value": "1 GWh/yr", "per": "cell", "intensity": "500 g/kWh"}}}
    grid = study(firm_share=0.8, shortfall="grid", more=power)
    assert at(grid, "equal_share") <= 1e6 / (0.2 * 720) * (1 + 1e-5)
    assert at(grid, "equal_share") > 1e6 / 720
    idle = study(firm_share=0.8, more=power)
    emitted = 720 * 0.2 * (0.5 - own_emissions(_use(idle), TABLE.cheapest(0.8)))
    assert (at(idle, "net_at_plant") - at(grid, "net_at_plant")) * 1000 == pytest.approx(
        emitted, rel=1e-3
    )


def _use(result: StudyResult) -> Any:
    return result.models[SOLID]


def test_where_no_sun_is_there_is_nothing_and_no_number(study: Study) -> None:
    result = study(firm_share=0.9)
    dark = result.dataset["equal_share"].loc[{"removal_method": SOLID}].to_numpy()[:, 0]
    assert np.nansum(dark) == 0
    assert math.isfinite(result.tables["methods"]["mean_cost_usd_t"].iloc[0])


def test_what_the_scenario_leaves_open_is_said(study: Study) -> None:
    silent = study(shortfall="idle")
    assert any("a firm share of 0.9 is taken" in said for said in silent.warnings)
    np.testing.assert_array_equal(
        silent.dataset["cost"].to_numpy(), study(firm_share=0.9).dataset["cost"].to_numpy()
    )
    assert any("does not match the hours" in said for said in study(firm_share="yearly").warnings)
    assert not any("firm" in said for said in study(firm_share=0.9).warnings)


def test_a_method_without_electricity_is_refused(world: Path) -> None:
    document = yaml.safe_load(text({}))
    document["methods"] = {"beccs-residue": {"own_power": {"firm_share": 0.9}}}
    with pytest.raises(ConfigError, match=r"own_power: the method takes no electricity.*cure"):
        run(parse_scenario(yaml.safe_dump(document), world))


# --------------------------------------------------------------------------- firm supply

POWER = {"value": "2 GWh/yr", "per": "cell"}


def supplied(study: Study, **power: Any) -> StudyResult:
    return study(more={"resources": {"power": POWER | power}})


def capital_of(result: StudyResult) -> float:
    """What the capital of a tonne costs at full hours [USD/t]."""
    model = result.models[SOLID]
    payment = float(crf(0.07, model.number("lifetime"))) + model.number("fixed_om")
    pump = model.number("heat_pump_capex") * model.number("heat_pumped")
    pump *= float(crf(0.07, model.number("heat_pump_lifetime")))
    hours = 8760 * model.number("capacity_factor")
    return model.number("capex") * payment + pump / hours


def test_a_supply_that_is_not_firm_makes_fewer_tonnes_pay(study: Study) -> None:
    firm, plain = supplied(study, firm=0.6), supplied(study)
    dearer = at(firm, "cost_at_plant") - at(plain, "cost_at_plant")
    assert dearer == pytest.approx(capital_of(plain) * (1 / 0.6 - 1), rel=1e-4)
    assert at(firm, "equal_share") == pytest.approx(at(plain, "equal_share"))
    said = [one for one in firm.warnings if one.startswith("resources.power.firm")]
    assert len(said) == 1 and "60 % of the hours" in said[0] and f"{SOLID} (0.825)" in said[0]
    assert not any("resources.power.firm" in one for one in plain.warnings)
    assert not any("power.firm" in one for one in supplied(study, firm=0.95).warnings)


def test_each_pool_says_how_firm_it_is(world: Path) -> None:
    """A column of the pools: a plant in each pays its capital in its pool's hours."""
    import geopandas as gpd

    frame = gpd.read_file(world.parent / "basins.gpkg")
    frame["gwh"], frame["firm"] = 50.0, [0.5, 0.8][: len(frame)]
    frame.to_file(world.parent / "grids.gpkg")
    document = yaml.safe_load(text({}))
    document["layers"]["grids"] = {"path": "grids.gpkg"}
    power = {"pools": "grids", "supply": "gwh", "unit": "GWh/yr"}
    costs = []
    for keys in ({}, {"firm": "firm"}):
        document["resources"]["power"] = power | keys
        result = run(parse_scenario(yaml.safe_dump(document), world))
        costs.append(result.dataset["cost_at_plant"].loc[{"removal_method": SOLID}].to_numpy())
    dearer = np.round((costs[1] - costs[0]) / capital_of(result), 3)
    shares = {float(one) for one in np.unique(dearer[np.isfinite(dearer)])} - {0.0}
    assert shares == {round(1 / share - 1, 3) for share in frame["firm"]}
    assert result.tables["hours"]["firm_share"].item() == frame["firm"].min()
    frame["firm"] = 70.0
    frame.to_file(world.parent / "grids.gpkg")
    with pytest.raises(DataError, match=r"not a share of the hours; got 70.*cure"):
        run(parse_scenario(yaml.safe_dump(document), world))


def test_hours_that_nobody_serves_are_refused(world: Path) -> None:
    own = {"own_power": {"firm_share": 0.8, "shortfall": "grid"}}
    document = yaml.safe_load(text(own))
    document["resources"]["power"] = POWER | {"firm": 0.7}
    with pytest.raises(ConfigError, match=r"power.shortfall: .*not firm itself; got .*0.7; cure"):
        run(parse_scenario(yaml.safe_dump(document), world))
    document["resources"]["power"] = POWER | {"firm": 0}
    with pytest.raises(ConfigError, match=r"power.firm: not a share of the hours; got 0; .*cure"):
        parse_scenario(yaml.safe_dump(document), world)


@pytest.mark.parametrize(("lang", "said"), [("en", "Hours with power"), ("zh", "有电的时数")])
def test_the_report_says_which_hours_are_served(
    study: Study, tmp_path: Path, lang: Any, said: str
) -> None:
    result = study(firm_share=0.9)
    row = result.tables["hours"].iloc[0]
    assert row["source"] == "pv" and row["running_share"] == pytest.approx(0.9 * 0.825)
    assert row["curtailed_share"] == 0.33 and row["own_use_share"] == pytest.approx(0.9 / 1.37)
    assert row["emissions_g_kwh"] == pytest.approx(69.8, abs=0.05)
    folder = result.write(tmp_path / "run", lang=lang)
    page = (folder / "report.html").read_text(encoding="utf-8")
    part = page.split('id="hours"')[1].split("</section>")[0]
    assert said in part and 'data-key="tables/hours/0/oversizing"' in part


LITTLE = {"firm_share": 0.32, "oversizing": 0.4, "battery_hours": 0}


@pytest.mark.parametrize(
    ("keys", "kept"),
    [
        ({"firm_share": 0.9, "direct_connection": 2025}, True),  # 0.9 / 1.37 = 66 %
        ({"firm_share": 0.95, "direct_connection": 2025}, False),  # 0.95 / 1.71 = 56 %
        (LITTLE | {"direct_connection": 2025}, True),
        (LITTLE | {"direct_connection": 2030}, False),
        ({"firm_share": 0.9}, None),
    ],
)  # fmt: skip
def test_rules_for_direct_connection(keys: dict[str, Any], kept: bool | None) -> None:
    use: Any = Plant(**keys)
    assert use.choice.own_power.keeps_direct_rules() is kept
    said = list(OwnRenewables().remarks(use, "methods.x"))
    assert any("direct connection asks for 60 %" in one for one in said) is (kept is False)
