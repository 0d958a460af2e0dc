"""Every parameter of the library moves a number of a study, and what does not is not printed.

A parameter is either varied here, in a study in which it counts, or marked as informative with the
reason. The test fails for one that is neither.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tiny_scenario import COLS, ROWS, SCENARIO, box, write_polygons, write_raster, write_world

from cdrsite.config.load import parse_scenario
from cdrsite.core.errors import CdrsiteWarning, ConfigError
from cdrsite.library.parameters import PARAMETERS
from cdrsite.outputs.assumptions import assumptions
from cdrsite.place.curves import AgeCurve
from cdrsite.report.page import write_report
from cdrsite.result.study_result import StudyResult
from cdrsite.study.run import run

pytestmark = pytest.mark.usefixtures("without_slopes")

INFORMATIVE = {
    "plant_typical": "a warning compares it with the region; no number follows",
    "curve_ceiling": "a warning compares it with the rates; tests/study/test_ceilings.py",
    "net_published": "for comparison only",
    "cost_published": "for comparison only",
}
"""Parameter -> why no number of a study follows from it."""

SOLID, RESIDUE, CROP, FOREST = "daccs-solid", "beccs-residue", "beccs-energy-crop", "afforestation"
SLAG, HEAP = "steel-slag", {"value": "90 t/yr", "per": "cell"}
SLAGGED = {"resources": {"slag": HEAP}}
FIELDS, CHAR = "cropland-soil-carbon", "biochar"
ROCK, LIQUID = "enhanced-weathering", "daccs-liquid"
CLIMATE = {"climate": {"temperature": "warmth", "humidity": "damp"}}
PUMPED = {"climate": {**CLIMATE["climate"], "reference": {"temperature": 10, "humidity": 78}}}
OWN_POWER = {"own_power": {"firm_share": 0.9}}
OWN_WIND = {"own_power": {"firm_share": 0.9, "technology": "pv-wind"}}
WEATHERING = {"weathering": {"temperature": "warmth"}}
GROWN = {"override": {"luc_emissions": 50}}
HAULED = {"override": {"haul_km": 50, "haul_price": "0.15 USD/t/km", "haul_detour": 1.3}}
BURNT = {"override": {"burnt_share": 0.5}}
NETWORK = {"network": {"plan": True, "time_limit": 5, "gap": 0.05}}

VARIED: dict[str, tuple[str, float | str, dict[str, Any], dict[str, Any]]] = {
    "electricity": (SOLID, 900, {}, {}),
    "durability": (SOLID, 40, {}, {}),
    "heat": (SOLID, 500, {}, {}),
    "heat_pump_cop": (SOLID, 4, PUMPED, {}),
    "water": (SOLID, 5, {}, {}),
    "biomass": (RESIDUE, 0.8, {}, {}),
    "materials": (SOLID, 70, {}, {}),
    "land_direct": (SOLID, 9, {}, {}),
    "cropland_slot": (ROCK, 9, {}, {}),
    "land_feedstock": (CROP, 900, GROWN, {}),
    "land_exclusive_fraction": (CROP, 0.4, GROWN, {}),
    "storage": (SOLID, 1.2, {}, {}),
    "fossil_co_captured": (SOLID, 0.2, {}, {}),
    "fuel_co2": (LIQUID, 0.3, {}, {}),
    "fuel_co2_captured": (LIQUID, 0.8, {}, {}),
    "fuel_leak": (LIQUID, 0.03, {}, {}),
    "fuel_methane": (LIQUID, 0.08, {}, {}),
    "emissions_embodied": (SOLID, 40, {}, {}),
    "emissions_chain": (SOLID, 60, {}, {}),
    "emissions_heat": (SOLID, 0.3, {"override": {"heat": 500}}, {}),
    "emissions_materials": (SOLID, 5, {}, {}),
    "emissions_biomass": (RESIDUE, 90, {}, {}),
    "luc_emissions": (CROP, 150, GROWN, {}),
    "leakage": (SOLID, 0.1, {}, {}),
    "albedo_emissions": (SOLID, 50, {}, {}),
    "methane_emissions": (SOLID, 2000, {}, {}),
    "nitrous_oxide_emissions": (FOREST, 3, {}, {}),
    "capture_loss": (SOLID, 0.1, {}, {}),
    "transport_injection_loss": (SOLID, 0.1, {}, {}),
    "capex": (SOLID, 2000, {}, {}),
    "fixed_om": (SOLID, 0.08, {}, {}),
    "variable_om": (SOLID, 200, {}, {}),
    "lifetime": (SOLID, 10, {}, {}),
    "capacity_factor": (SOLID, 0.5, {}, {}),
    "heat_pumped": (SOLID, 3000, {}, {}),
    "heat_pump_capex": (SOLID, 4000, {}, {}),
    "heat_pump_lifetime": (SOLID, 5, {}, {}),
    "biomass_price": (RESIDUE, 500, {}, {}),
    "haul_load": (RESIDUE, 9, {}, {}),
    "haul_price": (RESIDUE, 0.3, HAULED, {}),
    "haul_detour": (RESIDUE, 1.6, HAULED, {}),
    "haul_km": (RESIDUE, 90, HAULED, {}),
    "emissions_haul": (RESIDUE, 0.3, HAULED, {}),
    "dry_matter_loss": (RESIDUE, 0.2, {}, {}),
    "counterfactual_share": (RESIDUE, 0.4, {"override": {"biomass_co2": 1.7}}, {}),
    "biomass_co2": (RESIDUE, 1.2, {"override": {"counterfactual_share": 0.3}}, {}),
    "burnt_share": (RESIDUE, 0.7, {}, {}),
    "burning_methane": (RESIDUE, 9, BURNT, {}),
    "burning_nitrous_oxide": (RESIDUE, 0.2, BURNT, {}),
    "plant_min": (RESIDUE, 900, {}, NETWORK),
    "plant_max": (RESIDUE, 1200, {"override": {"plant_min": 100}}, NETWORK),
    "buffer": (FOREST, 0.4, {}, {}),
    "reversal_hazard": (FOREST, 0.05, {}, {}),
    "half_life": (FOREST, 35, {}, {}),
    "uptake": (FOREST, 20, {}, {}),
    "uptake_years": (FOREST, 20, {}, {}),
    "layer_years": (FOREST, 20, {"rate": "growth"}, {}),
    "age_curve_k": (FOREST, 0.08, {"rate": "growth"}, {}),
    "age_curve_p": (FOREST, 1, {"rate": "growth"}, {}),
    "accounting_years": (FOREST, 100, {"rate": "growth"}, {}),
    "planting_cost": (FOREST, 5000, {}, {}),
    "guard_cost": (FOREST, 40, {}, {}),
    "monitoring_cost": (FOREST, 20, {}, {}),
    "permanence_years": (FOREST, 60, {}, {}),
    "albedo_offset": (FOREST, 0.5, {}, {}),
    "cleared_carbon": (FOREST, 60, {}, {}),
    "age_curve_b": (FOREST, 0.9, {"rate": "growth"}, {}),
    "upkeep": (FOREST, 200, {}, {}),
    "weathering_rate": (ROCK, 0.05, WEATHERING, {}),
    "activation_energy": (ROCK, 60, WEATHERING, {}),
    "weathering_years": (ROCK, 10, WEATHERING, {}),
    "weathered_share": (ROCK, 0.5, WEATHERING, {}),
    "weathering_temperature": (ROCK, 5, {}, {}),
    "grain": (ROCK, 40, {}, {}),
    "runoff_full": (ROCK, 30, {"weathering": {"runoff": "rain"}}, {}),
    "saturation_years": (FIELDS, 10, {}, {}),
    "co2_after": (FIELDS, 0.3, {}, {}),
    "co2_before": (FIELDS, 0.3, {"override": {"co2_after": 0.5}}, {}),
    "methane_after": (FIELDS, 9, {}, {}),
    "methane_before": (FIELDS, 9, {"override": {"methane_after": 15}}, {}),
    "nitrous_oxide_after": (FIELDS, 1, {}, {}),
    "nitrous_oxide_before": (FIELDS, 1, {"override": {"nitrous_oxide_after": 2}}, {}),
    "rock": (ROCK, 9, {}, {}),
    "rock_price": (ROCK, 90, {}, {}),
    "slag": (SLAG, 9, {}, SLAGGED),
    "carbide_slag": ("carbide-slag", 9, {}, {"resources": {"carbide_slag": HEAP}}),
    "gypsum": ("gypsum-carbonation", 9, {}, {"resources": {"gypsum": HEAP}}),
    "ash": ("fly-ash", 90, {}, {"resources": {"ash": HEAP}}),
    "uptake_ceiling": (SLAG, 0.3, {}, SLAGGED),
    "conversion": (SLAG, 0.3, {}, SLAGGED),
    "biogenic_share": (SLAG, 0.3, {}, SLAGGED),
    "char_hydrogen": (CHAR, 0.3, {}, {}),
    "char_temperature": (CHAR, 20, {}, {}),
    "char_persistence": (CHAR, 0.7, {}, {}),
    "pv_density": (SOLID, 0.02, OWN_POWER, {}),
    "pv_reference_yield": (SOLID, 900, OWN_POWER, {}),
    "pv_capex": (SOLID, 900, OWN_POWER, {}),
    "pv_fixed_om": (SOLID, 0.05, OWN_POWER, {}),
    "pv_lifetime": (SOLID, 20, OWN_POWER, {}),
    "pv_emissions": (SOLID, 0.06, OWN_POWER, {}),
    "wind_share": (SOLID, 0.7, OWN_WIND, {}),
    "wind_density": (SOLID, 0.003, OWN_WIND, {}),
    "wind_exclusive_fraction": (SOLID, 0.05, OWN_WIND, {}),
    "wind_reference_yield": (SOLID, 2000, OWN_WIND, {}),
    "wind_capex": (SOLID, 2000, OWN_WIND, {}),
    "wind_fixed_om": (SOLID, 0.05, OWN_WIND, {}),
    "wind_lifetime": (SOLID, 20, OWN_WIND, {}),
    "wind_emissions": (SOLID, 0.02, OWN_WIND, {}),
    "battery_capex": (SOLID, 300, OWN_POWER, {}),
    "battery_lifetime": (SOLID, 12, OWN_POWER, {}),
    "inverter_capex": (SOLID, 400, OWN_POWER, {}),
    "inverter_lifetime": (SOLID, 20, OWN_POWER, {}),
    "battery_emissions": (SOLID, 100, OWN_POWER, {}),
    "battery_years": (SOLID, 25, OWN_POWER, {}),
}
"""Parameter -> method, other value, what makes it count in the method and in the study."""

Study = Callable[..., StudyResult]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    write_world(folder)
    plain = np.ones((ROWS, COLS), np.float32)
    write_raster(folder / "growth.tif", 8 * plain)
    write_raster(folder / "warmth.tif", 18 * plain)
    write_raster(folder / "damp.tif", 60 * plain)
    write_polygons(
        folder / "stores.gpkg",
        [box(5, 1, 3, 4)],
        id=["s"], mt=[30.0], mt_yr=[0.5], depth=[1500.0],
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def study(world: Path) -> Study:
    """Run a variant of the tiny study: one method, with changes; each variant once."""
    done: dict[str, StudyResult] = {}

    def made(name: str, method: dict[str, Any], more: dict[str, Any], **costs: Any) -> StudyResult:
        document = yaml.safe_load(SCENARIO)
        document["layers"] |= {
            "growth": {"path": "growth.tif", "unit": "t/ha/yr", "kind": "intensive"},
            "warmth": {"path": "warmth.tif", "unit": "degC", "kind": "intensive"},
            "rain": {"path": "damp.tif", "unit": "mm/yr", "kind": "intensive"},
            "damp": {"path": "damp.tif", "unit": "%", "kind": "intensive"},
        }
        document["methods"] = (
            {name: {"profile": "literature"} | method} if name == SOLID else {name: method}
        )
        if "network" in more:
            document["layers"]["stores"] = {"path": "stores.gpkg"}
            document["resources"]["storage"] = {
                "units": "stores", "id": "id", "capacity": "mt", "injection": "mt_yr",
                "depth": "depth",
            }  # fmt: skip
        document["resources"] |= more.get("resources", {})
        document |= {key: of for key, of in more.items() if key != "resources"} | costs
        text = yaml.safe_dump(document)
        if text not in done:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", CdrsiteWarning)
                done[text] = run(parse_scenario(text, world / "study.yaml"))
        return done[text]

    return made


def numbers(result: StudyResult) -> dict[str, Any]:
    """Everything a run says in numbers."""
    found: dict[str, Any] = {"summary": repr(result.summary)}
    found |= {name: table.to_csv() for name, table in result.tables.items()}
    found |= {str(name): one.values.tobytes() for name, one in result.dataset.data_vars.items()}
    return found


def test_every_parameter_is_varied_or_marked() -> None:
    assert set(VARIED) | set(INFORMATIVE) == set(PARAMETERS)
    assert not set(VARIED) & set(INFORMATIVE)
    assert all(INFORMATIVE.values())


def one_of_each_study() -> list[Any]:
    """Every day the first parameter of each method and study; the others with the slow tests."""
    seen: set[str] = set()
    found = []
    for parameter, (name, _, alive, more) in VARIED.items():
        # networks are planned for seconds: plants of one least size stand for those of another
        study = repr((name, {} if more is NETWORK else alive, more))
        found.append(pytest.param(parameter, marks=[pytest.mark.slow] if study in seen else []))
        seen.add(study)
    return found


@pytest.mark.parametrize("parameter", one_of_each_study())
def test_a_parameter_moves_a_number_and_is_known_as_used(study: Study, parameter: str) -> None:
    name, value, alive, more = VARIED[parameter]
    override = alive.get("override", {})
    plain = study(name, alive, more)
    other = study(name, alive | {"override": override | {parameter: value}}, more)
    assert numbers(plain) != numbers(other)
    assert other.used is not None and parameter in other.used.parameters[name]


@pytest.mark.parametrize("parameter", sorted(INFORMATIVE))
def test_an_informative_parameter_moves_none_and_is_not_printed_as_used(
    study: Study, parameter: str
) -> None:
    plain = study(SOLID, {}, {})
    other = study(SOLID, {"override": {parameter: 7}}, {})
    assert numbers(plain) == numbers(other)
    assert other.used is not None and parameter not in other.used.parameters[SOLID]


def test_what_the_report_prints_as_an_assumption_was_used(study: Study, tmp_path: Path) -> None:
    result = study(FOREST, {"rate": "growth"}, {"accounting": {"forest_years": 20}})
    kept = assumptions(result.models, result.used)
    rows = {row["parameter"]: row["used"] for row in kept["methods"][FOREST]["values"]}
    assert not any(rows[name] for name in ("uptake", "uptake_years", "land_direct", "lifetime"))
    assert rows["layer_years"] and rows["accounting_years"] and rows["age_curve_k"]
    assert kept["prices"] == ["land"]
    folder = result.write(tmp_path / "run")
    page = (folder / "report.html").read_text(encoding="utf-8")
    basis = page.split('id="assumptions"')[1].split("</section>")[0]
    assert "Price: land" in basis and "Price: heat" not in basis and "Price: dry" not in basis
    row = basis.split("<code>accounting.forest_years</code>")[0].rpartition("<tr")[2]
    assert ">20</" in row and ">years</" in row
    used, unused = basis.split("on which no number of this run rests", 1)
    assert "mean CO₂ uptake" not in used and "mean CO₂ uptake" in unused
    assert write_report(folder, target=folder / "again.html").read_text("utf-8") == page


# --------------------------------------------------------------------------- forest


@pytest.mark.parametrize(
    ("years", "layer_years", "expected"),
    [(20, 40, 0.6569), (100, 40, 0.7444), (20, 30, 0.7340), (40, 30, 1.117), (30, 30, 1.0)],
)
def test_tonnes_of_a_forest_follow_the_years_of_accounting_and_of_the_layer(
    study: Study, years: float, layer_years: float, expected: float
) -> None:
    """m(Y; L) of the curve with k = 0.04 and p = 3, written out."""
    curve = AgeCurve(0.04, 3.0, layer_years)
    assert curve.mean_factor(years) == pytest.approx(expected, abs=6e-5 if expected < 1 else 5e-4)

    def tonnes(y: float, own: float) -> float:
        curve_of_old = {"age_curve_k": 0.04, "age_curve_b": 1}
        forest = {"rate": "growth", "layer_years": own, "override": curve_of_old}
        found = study(FOREST, forest, {"accounting": {"forest_years": y}})
        return float(found.tables["methods"]["gross_mt_yr"].sum())

    assert tonnes(years, layer_years) / tonnes(30, 30) == pytest.approx(expected, rel=1e-4 * 8)


def test_the_price_of_biomass_is_the_methods_own_unless_the_study_gives_one(study: Study) -> None:
    def cost(method: dict[str, Any], **costs: Any) -> float:
        return float(study(RESIDUE, method, {}, **costs).tables["methods"]["mean_cost_usd_t"][0])

    own = cost({})
    priced = {"costs": {"prices": {"biomass": 60}}}
    assert cost({}, **priced) == pytest.approx(own)  # the library's own is 60 USD2020
    dear = {"costs": {"prices": {"biomass": 500}}}
    assert cost({}, **dear) > own + 200
    assert cost({"override": {"biomass_price": 500}}) == pytest.approx(cost({}, **dear))
    assert cost({"override": {"biomass_price": 60}}, **dear) == pytest.approx(own)


def test_land_of_own_photovoltaics_follows_the_reference_yield(study: Study) -> None:
    def land(**change: float) -> float:
        found = study(SOLID, OWN_POWER | {"override": change}, {})
        row = found.tables["methods"].iloc[0]
        return float(row["land_km2"] / row["gross_mt_yr"])

    power = 720.0 * 1.37 / 0.9 / (1576.8 * 0.04)  # m2 per t/yr
    assert land() > 0
    half = land(pv_reference_yield=1576.8 / 2)
    assert half - land() == pytest.approx(power, rel=1e-3)


def test_years_of_a_layer_without_a_layer_are_refused(study: Study) -> None:
    with pytest.raises(ConfigError, match=r"layer_years.*there is none; cure: give rate"):
        study(FOREST, {"layer_years": 20}, {})


def test_own_power_without_any_yield_is_refused(study: Study) -> None:
    without = OWN_POWER | {"override": {"pv_reference_yield": 0}}
    with pytest.raises(ConfigError, match=r"own_power: no yield .* cure: give pv_yield"):
        study(SOLID, without, {})
