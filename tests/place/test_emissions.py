"""Emissions of a place: by hand, from layers and numbers, and never twice."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_scenario import COLS, ROWS, SCENARIO, write_raster, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteWarning, ConfigError
from cdrsite.core.words import Words
from cdrsite.methods.formulae import Ingredients, net_factor_sum
from cdrsite.methods.model import MethodModel, method_model
from cdrsite.place.dependence import Here
from cdrsite.place.registry import DEPENDENCES
from cdrsite.result.study_result import StudyResult
from cdrsite.study.run import run

pytestmark = pytest.mark.usefixtures("without_slopes")

SOLID, FOREST, CROP = "daccs-solid", "afforestation", "beccs-energy-crop"
NOTHING = Ingredients(frozenset(), 0.0, 0.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    plain = np.ones((ROWS, COLS), np.float32)
    soil = 40 * plain
    soil[0, 0], soil[1, 1] = -9999, -50
    write_raster(folder / "soil.tif", soil, nodata=-9999)
    write_raster(folder / "share.tif", 0.1 * plain)
    text = SCENARIO.replace("layers:\n", "layers:\n  soil: {path: soil.tif, unit: t/ha, "
    "kind: intensive}\n  share: {path: share.tif, unit: '1', kind: intensive}\n", 1)  # fmt: skip
    return write_world(
        folder,
        text.replace(
            "  afforestation:",
            "  beccs-energy-crop: {emissions: {land_use_change: 0}}\n  afforestation:",
        ),
    )


def net(path: Path, name: str, *settings: str, **layers: Any) -> np.ndarray:
    """Net factor of a method, its own emission layers made of others."""
    scenario = load_scenario(path, settings)
    model = method_model(name, scenario)
    made: dict[str, Any] = {}
    for kind, key in (("emissions", layers), ("growth", {})):
        one = DEPENDENCES[kind]
        if one.acts(model):
            here = Here((1, 1), {k: np.float32(v) for k, v in key.items()}, one.numbers(model))
            made |= {f"{kind} {name}": v for kind, v in one.layers(model, here).items()}
    return np.asarray(net_factor_sum(model, model.needs, scenario, NOTHING).evaluate(made))


def lost(path: Path, name: str, emissions: str, **layers: Any) -> np.ndarray:
    """Emissions of a place [kg per gross t]."""
    if "land_use_change" not in emissions:
        emissions = emissions.replace("{", "{land_use_change: 0, ", 1)
    key = f"methods.{name}.emissions="
    none, some = (
        net(path, name, key + "{land_use_change: 0}"),
        net(path, name, key + emissions, **layers),
    )
    return 1000 * (none - some).ravel()


def land_of(model: MethodModel) -> float:
    """Land of the plant and its crop, with what grows what is lost in store [m2/(t/yr)]."""
    grown = model.number("land_feedstock") / (1 - model.number("dry_matter_loss"))
    return model.number("land_direct") + grown


def test_a_hectare_is_lost_once_and_every_tonne_takes_its_part(path: Path) -> None:
    """100 t/ha over 20 years on the land of a crop, or over the plant's life."""
    model = method_model(CROP, load_scenario(path))
    land = land_of(model)
    expected = 100_000 / 20 * land / 1e4
    assert lost(path, CROP, "{land_use_change: 100, years: 20}") == pytest.approx(expected)
    by_layer = lost(path, CROP, "{land_use_change: soil, years: 20}", land_use_change=[[100.0]])
    assert by_layer == pytest.approx(expected, rel=1e-4)
    life = lost(path, CROP, "{land_use_change: 100}")
    assert life * model.number("lifetime") == pytest.approx(expected * 20)


def test_each_source_by_hand(path: Path) -> None:
    ha = land_of(method_model(CROP, load_scenario(path))) / 1e4
    for text, kg in (
        ("{leakage: 20 %}", 200.0),
        ("{other: 30 kg/t}", 30.0),
        ("{albedo: 1.5 t/ha/yr}", 1500 * ha),
        ("{methane: 10 kg/ha/yr}", 280 * ha),
        ("{nitrous_oxide: 2 kg/ha/yr}", 530 * ha),
        ("{leakage: 0.1, other: 5, methane: 10}", 105 + 280 * ha),
    ):
        assert lost(path, CROP, text) == pytest.approx(kg, rel=1e-6), text


def test_gases_count_by_their_years(path: Path) -> None:
    """Methane counts three times as much over 20 years, nitrous oxide hardly less."""
    choice = f"methods.{CROP}.emissions={{methane: 10, land_use_change: 0}}"
    near, far = (net(path, CROP, choice, f"accounting.gwp={years}") for years in (20, 100))
    none = net(path, CROP)
    assert (none - near) / (none - far) == pytest.approx(84 / 28)


def test_gas_that_leaks_on_its_way(path: Path) -> None:
    """20 kg of methane per GJ x 1.5 % x 28: 8.4 kg CO2e per GJ."""
    world = path.with_name("liquid.yaml")
    world.write_text(path.read_text("utf-8").replace("  daccs-solid", "  daccs-liquid"), "utf-8")
    drop = "methods.daccs-liquid={override: {fuel_leak: %s, heat: 5 GJ/t}}"
    tight, leaky = (net(world, "daccs-liquid", drop % leak) for leak in ("0", "0.015"))
    assert 1000 * (tight - leaky) == pytest.approx(5 * 8.4)
    more = net(world, "daccs-liquid", drop % 0.015, "accounting.gwp=20")
    assert 1000 * (tight - more) == pytest.approx(5 * 8.4 * 3)


def test_what_a_place_gains_is_not_removed_by_the_method(path: Path) -> None:
    gain = lost(path, CROP, "{land_use_change: soil}", land_use_change=[[-50.0]])
    assert gain == 0


def result_of(path: Path, *settings: str) -> StudyResult:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return run(load_scenario(path, settings))


def test_a_run_knows_unknown_cells_and_sums_the_rest(path: Path) -> None:
    plain = result_of(path)
    other = result_of(path, f"methods.{SOLID}.emissions={{leakage: share, land_use_change: soil}}")
    before, after = (
        one.dataset["net_factor"].sel(removal_method=SOLID).to_numpy() for one in (plain, other)
    )
    known = np.isfinite(before)
    known[0, 0] = False
    assert np.isnan(after[0, 0])
    share = before[known] - after[known]
    assert share.min() == pytest.approx(0.1, abs=2e-3) and share.max() >= 0.1
    row = other.tables["ledgers"].query(f"zone == '' and method == '{SOLID}'").iloc[0]
    assert row["emissions_supply_mt_yr"] > 0.1 * row["removal_gross_mt_yr"]
    assert other.models[SOLID].replaced["luc_emissions"] == "0 kg/t (emissions.land_use_change)"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (FOREST, "{albedo: 1}", r"emissions.albedo: a growing stock has its albedo already"),
        (
            SOLID,
            "{leakage: 0.2}\nmethods.daccs-solid.override={leakage: 0.1}",
            r"override.leakage: a parameter is given twice; got also methods.*emissions.leakage",
        ),
        (
            FOREST,
            "{land_use_change: 10}",
            r"emissions.land_use_change: a growing stock loses carbon .*got 10.*cleared_carbon",
        ),
        (FOREST, "{land_use_change: soil}", r"land_use_change: a growing stock.*got soil"),
        (
            FOREST,
            "{leakage: 0}\nmethods.afforestation.override={luc_emissions: 40}",
            r"override.luc_emissions: a growing stock.*got 40 kg/t.*cleared_carbon",
        ),
        (SOLID, "{years: 9}", r"emissions.years: there is nothing to spread over the years"),
        (SOLID, "{leakage: -0.1}", r"leakage.*at least 0"),
        (SOLID, "{leakage: 10 kg/t/yr}", r"leakage.*wrong dimension"),
        (SOLID, "{land_use_change: nowhere}", r"emissions.land_use_change.*nowhere"),
    ],
)
def test_what_makes_no_sense_is_refused(path: Path, name: str, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        result_of(path, *f"methods.{name}.emissions={text}".split("\n"))


def test_land_that_is_not_taken_emits_nothing(path: Path) -> None:
    none = f"methods.{SOLID}.override={{land_direct: 0}}"
    with pytest.raises(ConfigError, match=r"emissions.methane: the method takes no land"):
        result_of(path, none, f"methods.{SOLID}.emissions={{methane: 3}}")


def test_a_place_tells_what_the_scenario_says_it_emits(path: Path) -> None:
    """A share of a tenth and 5 kg are 105 kg; without `emissions` nothing is told."""
    plain, given = (
        result_of(path, *more)
        for more in ((), (f"methods.{SOLID}.emissions={{leakage: share, other: 5 kg/t}}",))
    )
    at = {"x": 4_000_500, "y": 3_000_500}
    title = Words("en")("why.title.emissions")
    told = dict(given.dataset.cdr.explain(**at).methods[SOLID].lines)
    assert told[title] == (
        "A gross tonne emits 105 kg CO₂e by what the study gives as emissions of its place."
    )
    chinese = dict(given.dataset.cdr.explain(**at, lang="zh").methods[SOLID].lines)
    assert "105 千克" in chinese[Words("zh")("why.title.emissions")]
    assert title not in dict(plain.dataset.cdr.explain(**at).methods[SOLID].lines)
    before, after = (
        one.dataset["net_at_plant"].sel(removal_method=SOLID).to_numpy() for one in (plain, given)
    )
    kg = given.dataset["emissions_of_place"].sel(removal_method=SOLID).to_numpy()
    known = np.isfinite(before) & np.isfinite(after)
    assert 1000 * (before - after)[known] == pytest.approx(kg[known], abs=0.02)
