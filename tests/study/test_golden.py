"""Published numbers and hand calculations, through a scenario and the public interface."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import cdrsite
from cdrsite.core.vocabulary import code
from cdrsite.study.means import Means

pytestmark = pytest.mark.usefixtures("without_slopes")

SQUARE_KM = """\
region: {bounds: [4000000, 3000000, 4001000, 3001000], crs: "EPSG:3035"}
grid: {crs: "EPSG:3035", resolution: 1 km}
"""


def run(folder: Path, text: str) -> cdrsite.StudyResult:
    path = folder / "golden.yaml"
    path.write_text("name: golden\n" + text, encoding="utf-8")
    return cdrsite.run(cdrsite.load_scenario(path), means=Means(threads=1))


def cell(result: cdrsite.StudyResult, name: str, method: str = "daccs-solid") -> float:
    return float(result.dataset[name].loc[{"removal_method": method}].to_numpy()[0, 0])


def test_the_quoted_needs_on_one_free_square_kilometre(tmp_path: Path) -> None:
    """11 000 m2 per tonne: 1 km2 / 11 000 m2 = 90.909 t/yr, and land limits."""
    result = run(tmp_path, SQUARE_KM + "methods: {daccs-solid: {}}\n")
    assert cell(result, "equal_share") == pytest.approx(1e6 / 11_000, rel=1e-6)
    assert cell(result, "limit") == code("land")
    row = result.tables["methods"].iloc[0]
    assert row["profile"] == "madhu2021"
    assert row["gross_mt_yr"] == pytest.approx(90.909e-6, rel=1e-5)
    assert row["alone_limits"] == "land 100 %"
    assert any("11,000 m²" in text and "literature" in text for text in result.warnings)


@pytest.mark.parametrize(
    ("supplies", "tonnes", "limit"),
    [
        # per tonne: 1000 kWh, 3 m3, 11 000 m2
        ("{water: {value: 270 m3/yr}}", 90.0, "water"),
        ("{water: {value: 273 m3/yr}}", 1e6 / 11_000, "land"),
        ("{power: {value: 80 MWh/yr}}", 80.0, "electricity"),
        ("{land: {usable: 0.5}, power: {value: 80 MWh/yr}}", 1e6 / 22_000, "land"),
        ("{water: {value: 0}}", 0.0, "water"),
    ],
)
def test_the_scarcest_resource_limits(
    tmp_path: Path, supplies: str, tonnes: float, limit: str
) -> None:
    result = run(tmp_path, SQUARE_KM + f"methods: {{daccs-solid: {{}}}}\nresources: {supplies}\n")
    assert cell(result, "equal_share") == pytest.approx(tonnes, rel=1e-6)
    assert cell(result, "limit") == code(limit)


GERMANY = """\
region: {bounds: [4000000, 3000000, 4040000, 3040000], crs: "EPSG:3035"}
grid: {resolution: 20 km, crs: "EPSG:3035"}
layers:
  pv: {value: 1050, unit: kWh/kWp}
methods: {daccs-solid: {profile: literature}}
transport: {cost: 0 USD/t}
resources:
  storage: {unlimited: true, cost: 0 USD/t}
costs:
  base_year: 2020
  prices: {electricity: 50 EUR2020/MWh, water: 1 USD/m3}
"""
CELLS = 4
TARGET = 20e6
"""Removal in Germany [t/yr]: 14.4 TWh, 20 Mm3, 167 to 353 km2, 125 to 138 EUR per t captured."""


def test_germany_power_and_water_for_20_mt(tmp_path: Path) -> None:
    """Offered just the published power, or water, the same 20 Mt/yr come out."""
    for supply, limit in (
        (f"power: {{value: {14.4 / CELLS} TWh/yr}}", "electricity"),
        (f"water: {{value: {20e6 / CELLS} m3/yr}}", "water"),
    ):
        text = GERMANY.replace("resources:\n", f"resources:\n  {supply}\n")
        result = run(tmp_path, text)
        gross = float(result.dataset["equal_share"].sum())
        assert gross == pytest.approx(TARGET, rel=0.2)
        assert (result.dataset["limit"] == code(limit)).all()


def test_germany_land_with_its_own_renewables(tmp_path: Path) -> None:
    """On own photovoltaics, 20 Mt/yr take 167 to 353 km2 of land, within 20 %.

    The study counts energy of the year; to run nine hours of ten takes half as much again.
    """

    def on(share: str) -> cdrsite.StudyResult:
        own = f"profile: literature, own_power: {{pv_yield: pv, firm_share: {share}}}"
        return run(tmp_path, GERMANY.replace("profile: literature", own))

    result, firm = on("yearly"), on("0.9")
    assert (result.dataset["limit"] == code("land")).all()
    per_tonne = 1600e6 / float(result.dataset["equal_share"].sum())  # m2 per t/yr
    area = TARGET * per_tonne / 1e6
    assert 0.8 * 167 <= area <= 1.2 * 353
    # 720 kWh / (1050 kWh/kWp x 0.04 kW/m2) and the plant itself
    assert per_tonne == pytest.approx(720 / (1050 * 0.04) + 0.078, rel=1e-4)
    assert 1600e6 / float(firm.dataset["equal_share"].sum()) == pytest.approx(
        720 * 1.37 / 0.9 / (1050 * 0.04) + 0.078, rel=1e-4
    )


def test_germany_cost_per_tonne_captured(tmp_path: Path) -> None:
    """125 to 138 EUR per tonne captured, without transport and storage, within 20 %.

    Such costs are of plants without contingencies: the library's alternative record of 956 EUR and
    what belongs to it, with no heat pumps of its own. On the basis that all methods stand on it
    costs more than twice as much.
    """
    costs = "capex: 956 EUR2025/(t/yr), fixed_om: 0.0495, variable_om: 8 USD2020/t, lifetime: 20 yr"
    costs += ", heat_pump_capex: 0"
    few = GERMANY.replace("resources:\n", "resources:\n  land: {usable: 0.001}\n")  # few plants
    same = few.replace("profile: literature", f"profile: literature, override: {{{costs}}}")
    result = run(tmp_path, same)
    dearer = run(tmp_path, few)
    assert cell(dearer, "cost") > 2 * cell(result, "cost")
    captured = cell(result, "cost") * cell(result, "net_factor")  # USD2020 per gross t
    euro = captured / 1.142  # USD per EUR, mean of 2020
    assert 0.8 * 125 <= euro <= 1.2 * 138


@pytest.mark.parametrize(
    ("power", "expected"),
    [(1500, (0.94, 0.82, 0.52, 0.22)), (1000, (0.95, 0.87, 0.67, 0.47))],
)
def test_net_factor_on_four_grids(
    tmp_path: Path, power: float, expected: tuple[float, ...]
) -> None:
    """3 % embodied emissions on grids of 20, 100, 300 and 500 kg/MWh."""
    override = (
        f"{{electricity: {power} kWh, emissions_embodied: 30 kg, emissions_materials: 0, "
        "emissions_chain: 0, transport_injection_loss: 0, capture_loss: 0}"
    )
    for intensity, net in zip((20, 100, 300, 500), expected, strict=True):
        text = SQUARE_KM + (
            f"methods: {{daccs-solid: {{profile: literature, override: {override}}}}}\n"
            f"resources: {{power: {{unlimited: true, intensity: {intensity} kg/MWh}}}}\n"
        )
        result = run(tmp_path, text)
        assert cell(result, "net_factor") == pytest.approx(net, abs=1e-6)
        assert cell(result, "equal_share") > 0


@pytest.mark.parametrize(("power", "break_even"), [(1500, 647), (1800, 539)])
def test_break_even_grid(tmp_path: Path, power: float, break_even: float) -> None:
    """Just below the break-even intensity there is a removal, just above it none (rule 5)."""
    from cdrsite.core.states import NET_NOT_POSITIVE

    override = (
        f"{{electricity: {power} kWh, emissions_embodied: 30 kg, emissions_materials: 0, "
        "emissions_chain: 0, transport_injection_loss: 0, capture_loss: 0}"
    )
    for step, positive in ((-1, True), (1, False)):
        text = SQUARE_KM + (
            f"methods: {{daccs-solid: {{profile: literature, override: {override}}}}}\n"
            f"resources: {{power: {{unlimited: true, intensity: {break_even + step} kg/MWh}}}}\n"
        )
        result = run(tmp_path, text)
        assert (cell(result, "net_factor") > 0) is positive
        assert (cell(result, "equal_share") > 0) is positive
        assert (cell(result, "limit") == NET_NOT_POSITIVE) is not positive
        assert np.isnan(cell(result, "cost")) == (not positive)
