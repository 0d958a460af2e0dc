"""`factor:` of resources, layers and prices: "20 % less water" in one line, also in a batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sweeps import STORED, matrix, stored_world

import cdrsite
from cdrsite.compare.batch import run_batch
from cdrsite.compare.variants import variants
from cdrsite.config.models import Scenario
from cdrsite.core.currency import convert
from cdrsite.core.errors import CdrsiteError
from cdrsite.methods.supply import supply_block, usable_land
from cdrsite.study.prepare import Setting, prepare

pytestmark = pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")

EURO = convert(1.0, "EUR", 2015, 2020)

Prepared = Callable[..., Setting]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stored_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def prepared(study: Path) -> Prepared:
    def made(*overrides: str) -> Setting:
        return prepare(cdrsite.load_scenario(study, overrides))

    return made


def layer(setting: Setting, name: str, unit: str | None = None) -> Any:
    return setting.reader.values(name, setting.blocks[0], unit)


# --------------------------------------------------------------------- resources


def test_the_supply_of_pools_is_multiplied(prepared: Prepared) -> None:
    plain = prepared().pools["water"].supply
    assert plain.tolist() == [120_000.0, 0.0]
    assert prepared("resources.water.factor=0.8").pools["water"].supply.tolist() == [96_000.0, 0.0]
    assert prepared("resources.water.factor=80 %").pools["water"].supply[0] == 96_000.0


@pytest.mark.parametrize(("resource", "name"), [("biomass", "biomass"), ("power", "electricity")])
def test_the_supply_of_a_layer_and_of_a_value_is_multiplied(
    prepared: Prepared, resource: str, name: str
) -> None:
    def offer(factor: float) -> Any:
        setting = prepared(f"resources.{resource}.factor={factor}")
        model = setting.scenario.resources.supplies[name]
        return supply_block(name, model, None, setting.reader, setting.blocks[0])

    assert np.nanmax(offer(1)) > 0
    np.testing.assert_allclose(offer(0.25), 0.25 * offer(1), rtol=1e-6)
    assert np.nanmax(offer(0)) == 0


def test_capacity_and_injection_of_storage_are_multiplied(prepared: Prepared) -> None:
    plain, half = prepared().storage, prepared("resources.storage.factor=0.5").storage
    assert plain is not None and half is not None
    assert half.capacity.tolist() == [1.5e6, 0.5e6] == (plain.capacity / 2).tolist()
    assert half.injection.tolist() == [5e4, 1e4] == (plain.injection / 2).tolist()


@pytest.mark.parametrize("usable", ["0.5", "{cover: {10: 0.5}}"])
def test_usable_land_is_multiplied(prepared: Prepared, usable: str) -> None:
    def share(factor: float) -> Any:
        setting = prepared(f"resources.land.usable={usable}", f"resources.land.factor={factor}")
        return usable_land(setting.scenario.resources.land, setting.reader, setting.blocks[0])

    assert share(1).max() == 0.5
    np.testing.assert_allclose(share(0.2), 0.2 * share(1), rtol=1e-6)


# ------------------------------------------------------------------------ layers


@pytest.mark.parametrize(
    ("layers", "name", "unit"),
    [
        ("", "residues", "t/yr"),
        ("  rain: {value: 3 mm/yr}\n", "rain", "m/yr"),
        ("  far: {derive: distance, from: parks, unit: km}\n", "far", "m"),
        ("  tilt: {derive: slope, from: slope2}\n  slope2: {path: slope.tif, unit: m, kind: "
         "intensive}\n", "tilt", "percent"),
        ("  both: {expression: 2 * slope, unit: degree}\n", "both", "degree"),
        ("  spare: {path: basins.gpkg, attribute: spare_gwh, unit: GWh/yr, kind: extensive}\n",
         "spare", "kWh/yr"),
    ],
)  # fmt: skip
def test_the_values_of_any_layer_are_multiplied(
    study: Path, layers: str, name: str, unit: str
) -> None:
    text = STORED.replace("layers:\n", f"layers:\n{layers}")
    path = study.with_name(f"{name}.yaml")
    path.write_text(text, encoding="utf-8")
    found = [
        layer(prepare(cdrsite.load_scenario(path, [f"layers.{name}.factor={factor}"])), name, unit)
        for factor in (1, 0.8)
    ]
    assert np.nanmax(found[0]) > 0
    want = 0.8 * found[0]
    if name == "tilt":  # the slope is multiplied in degrees, its own unit
        want = 100 * np.tan(0.8 * np.arctan(found[0] / 100))
    np.testing.assert_allclose(found[1], want, rtol=1e-5)


# ------------------------------------------------------------------------ prices


@pytest.mark.parametrize(
    ("yaml", "overrides", "price"),
    [
        ("{}", (), 1.0),
        ("{water: {factor: 1.5}}", (), 1.5),
        ("{water: 4 USD/m3}", ("costs.prices.water.factor=0.5",), 2.0),
        ("{water: {value: 4, factor: 9}}", ("costs.prices.water.factor=0.5",), 2.0),
        ("{heat: 1}", ("costs.prices.water.factor=50 %",), 0.5),
        ("{water: {value: 1 EUR2015/m3, factor: 2}}", (), 2 * EURO),
    ],
)
def test_a_price_is_multiplied(
    study: Path, yaml: str, overrides: tuple[str, ...], price: float
) -> None:
    path = study.with_name("priced.yaml")
    path.write_text(f"{STORED}costs: {{prices: {yaml}}}\n", encoding="utf-8")
    found = cdrsite.load_scenario(path, overrides).costs.prices.water
    assert found == pytest.approx(price, rel=1e-3)


# ---------------------------------------------------------------------- nonsense

CASES = {
    "resources.water.factor=-0.1": "resources.water.factor.*out of range; got -0.1; expected at l",
    "resources.water.factor=.nan": "resources.water.factor.*finite",
    "resources.power.factor=.inf": "resources.power.factor.*finite",
    "resources.power.factor=3 m": "resources.power.factor",
    "resources.storage.factor=true": "resources.storage.factor.*neither a number",
    "resources.land.factor=1.2": "resources.land.factor",
    "resources.heat.factor=0.8": "resources.heat.factor: a factor of what is unlimited",
    "layers.slope.factor=-1": "layers.slope.factor.*out of range",
    "layers.slope.factor=.nan": "layers.slope.factor.*finite",
    "layers.cover.factor=0.8": "layers.cover.factor: classes are names",
    "layers.parks.factor=0.8": "layers.parks.factor.*features have no values",
    "layers.basins.factor=0.8": r"layers.basins.factor.*cure: resources.water.factor: 0.8",
    "layers.air={value: 20, unit: degC, factor: 0.8}": "layers.air.factor: a temperature.*offset",
    "layers.part={value: 0.5, kind: fraction, factor: 1.5}": "layers.part.factor: a share",
    "costs.prices.water.factor=-1": "costs.prices.water.*out of range; got -1",
    "costs.prices.water={factor: .nan}": "costs.prices.water.*finite",
    "costs.prices.water={times: 2}": "costs.prices.water.times: unknown key.*factor, value",
    "costs.prices.biomass.factor=0.8": "costs.prices.biomass: a factor of a price.*give its value",
}


@pytest.mark.parametrize("override", CASES)
def test_nonsense_is_refused(prepared: Prepared, override: str) -> None:
    with pytest.raises(CdrsiteError, match=f"(?s){CASES[override]}"):
        prepared(override)


# ------------------------------------------------------------------ in a batch


def test_factors_are_swept_and_shared(study: Path, tmp_path: Path) -> None:
    vary: dict[str, list[object]] = {
        "resources.power.factor": [1, 0.8, 0.5],
        "costs.prices.water.factor": [1, 2],
    }
    runs = variants([study], matrix(tmp_path, vary))
    assert runs[0].name == "power.factor=1, water.factor=1"
    found = run_batch(runs)
    assert found.failed == {}
    assert found.shared == {"layers": 5, "siting": 5, "links": 5, "shed": 5, "areas": 3}
    net = found.table["net_mt_yr_daccs_solid"].to_numpy()
    assert net[0] > net[2] > net[4] and net[0] == pytest.approx(net[1])
    assert "resources.power.factor=0.5" in found.table["differs_in"][4]


def test_the_report_lists_the_factors(study: Path, tmp_path: Path) -> None:
    overrides = ("resources.power.factor=0.8", "layers.slope.factor=0.9")
    scenario = cdrsite.load_scenario(study, overrides)
    page = (cdrsite.run(scenario).write(tmp_path / "run") / "report.html").read_text("utf-8")
    basis = page.split('id="assumptions"')[1].split("</section>")[0]
    for label, value in (("Electricity: supply times", "0.8"), ("Layer slope: values", "0.9")):
        assert label in basis and value in basis.split(label)[1].split("</tr>")[0]
    assert "Storage: supply times" not in basis


def test_the_shipped_matrix_of_factors_fits_the_demo() -> None:
    config = Path(__file__).resolve().parents[2] / "config"
    found = variants([config / "demo.yaml"], config / "matrix" / "less-water.yaml")
    scenarios = [cdrsite.load_scenario(one.scenario, one.overrides) for one in found]
    assert [one.resources.water.factor for one in scenarios] == [1, 1, 0.8, 0.8, 0.6, 0.6]
    assert [one.costs.prices.water for one in scenarios] == [1, 2] * 3


def test_the_schema_documents_every_factor() -> None:
    document = Scenario.model_json_schema(by_alias=True)
    models = document["$defs"]
    resources = {"Land", "Water", "Power", "Heat", "Biomass", "Storage"}
    layers = {"FileLayer", "ConstantLayer", "DerivedLayer", "ExpressionLayer"}
    for name in resources | layers:
        assert "multiplied" in models[name]["properties"]["factor"]["description"]
    for name, field in models["Prices"]["properties"].items():
        mapping = next(one for one in field["anyOf"] if one["type"] == "object")
        assert set(mapping["properties"]) == {"value", "factor"}, name
