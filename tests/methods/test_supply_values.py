"""A supply given as one value: of a cell, a km2, or the region; and powers, which are none."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_scenario import SCENARIO, slope, write_raster, write_world

import cdrsite
from cdrsite.config.load import parse_scenario
from cdrsite.core.errors import CdrsiteError, ConfigError
from cdrsite.core.units import is_power
from cdrsite.report.page import write_report
from cdrsite.study.means import Means
from cdrsite.study.run import check_study

pytestmark = pytest.mark.usefixtures("without_slopes")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    write_raster(folder / "power.tif", np.abs(slope()) / 100)
    return write_world(folder)


def study(world: Path, power: str, *more: str) -> Any:
    settings = [f"resources.power={{{power}}}", "siting.exclude=[]", *more]
    return parse_scenario(SCENARIO, world, settings)


def use_and_supply(scenario: Any) -> tuple[float, float]:
    """Electricity used in the plan and offered in all [GWh/yr]."""
    result = cdrsite.run(scenario, means=Means(threads=1))
    need = 720.0  # kWh per tonne of daccs-solid, literature
    used = float(np.nansum(result.dataset["allocated"].sel(removal_method="daccs-solid"))) * need
    return used / 1e6, float(np.nansum(result.dataset["supply_electricity"])) / 1e6


@pytest.mark.parametrize("resolution", ["1 km", "500 m"])
@pytest.mark.parametrize(
    ("power", "total"),
    [
        ("value: 48 GWh/yr, per: region", {"1 km": 48.0, "500 m": 48.0}),
        ("value: 1 GWh/yr, per: km2", {"1 km": 48.0, "500 m": 48.0}),
        ("value: 1 GWh/yr, per: cell", {"1 km": 48.0, "500 m": 192.0}),
        ("value: 1 GWh/yr", {"1 km": 48.0, "500 m": 192.0}),
        ("value: 1, unit: GWh/yr, per: km2", {"1 km": 48.0, "500 m": 48.0}),
        ("value: 10 MW, per: region, capacity_factor: 0.5", {"1 km": 43.83, "500 m": 43.83}),
    ],
)
def test_what_a_value_is_per(
    world: Path, power: str, total: dict[str, float], resolution: str
) -> None:
    only = "methods={daccs-solid: {profile: literature}}"  # another one may supply power too
    scenario = study(world, power, f"grid.resolution={resolution}", only)
    used, offered = use_and_supply(scenario)
    assert offered == pytest.approx(total[resolution], rel=1e-3)
    assert used <= total[resolution] * (1 + 1e-6)


def test_the_region_shares_its_value_as_one_pool(world: Path) -> None:
    """All of it may be used in the one cell that is best: it is not spread in advance."""
    power = "value: 2 GWh/yr, per: region, intensity: 20 g/kWh"
    water = "resources.water={unlimited: true}"
    scenario = study(
        world, power, water, "layers.cover.where=", "methods={daccs-solid: {profile: literature}}"
    )
    result = cdrsite.run(scenario, means=Means(threads=1))
    pools = result.tables["pools"].set_index("zone")
    assert pools.loc["whole region", "supply"] == pytest.approx(2e6)
    assert pools.loc["whole region", "use"] == pytest.approx(2e6, rel=1e-6)
    assert pools.loc["whole region", "binds"]
    assert result.features["pools_electricity"].geometry.area.sum() == pytest.approx(48e6)
    assert set(np.unique(result.dataset["pool_electricity"])) == {0}


def test_a_value_that_does_not_say_per_what_is_said(world: Path) -> None:
    texts = check_study(study(world, "value: 2 GWh/yr"))["warnings"]
    (text,) = [text for text in texts if text.startswith("resources.power.value")]
    assert "2.00 GWh/yr for each of 48 cells, so a finer grid offers more" in text
    assert "cure: add per: cell, per: km2 or per: region" in text
    for power in ("value: 2 GWh/yr, per: cell", "value: 0", "layer: residues"):
        try:
            texts = check_study(study(world, power))["warnings"]
        except CdrsiteError:
            continue  # biomass is no power
        assert not any("per: cell, per: km2" in text for text in texts)


REFUSED = [
    (
        "value: 2 GW, per: region",
        r"resources.power.value: a power is no energy; got GW; .*cure: add",
    ),
    (
        "value: 2, unit: MW",
        r"resources.power.unit: a power is no energy; got MW; .*capacity_factor",
    ),
    ("pools: basins, supply: spare_gwh, unit: GW", r"resources.power.unit: a power is no energy"),
    (
        "value: 2 GWh/yr, capacity_factor: 0.2",
        r"capacity_factor: a capacity factor belongs to a pow",
    ),
    ("value: 2 GW, capacity_factor: 25", r"capacity_factor: out of range; got 25.*at most 1"),
    ("pools: basins, supply: spare_gwh, unit: GWh/yr, per: region", r"per: per belongs to a value"),
]


@pytest.mark.parametrize(("power", "words"), REFUSED)
def test_refused(world: Path, power: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        study(world, power)


def test_a_layer_of_power_needs_a_capacity_factor(world: Path) -> None:
    layer = "layers.power={path: power.tif, unit: MW, kind: extensive, nodata: 99.99}"
    with pytest.raises(CdrsiteError, match=r"resources.power.layer: a power is no energy; got MW"):
        check_study(study(world, "layer: power", layer))
    scenario = study(world, "layer: power, capacity_factor: 0.25", layer)
    assert check_study(scenario)["methods"]
    offered = use_and_supply(scenario)[1]
    full = float((np.abs(slope())[slope() != -9999] / 100).sum()) * 8.76  # GWh/yr per MW
    assert offered == pytest.approx(0.25 * full, rel=1e-4)
    with pytest.raises(CdrsiteError, match="a capacity factor belongs to a power"):
        check_study(
            study(world, "layer: power, capacity_factor: 0.25", layer.replace("MW", "GWh/yr"))
        )


@pytest.mark.parametrize(
    ("unit", "power"),
    [("GW", True), ("kW", True), ("MWh/h", True), ("J/s", True), ("TWh/yr", False),
     ("GW*h/yr", False), ("GWh/a", False), ("MJ/day", False), ("m3/yr", False)],
)  # fmt: skip
def test_which_units_are_powers(unit: str, power: bool) -> None:
    assert is_power(unit) is power


def warned(world: Path, *settings: str) -> list[str]:
    return list(check_study(parse_scenario(SCENARIO, world, settings))["warnings"])


def test_supplies_that_nobody_limited_are_said(world: Path) -> None:
    """Nothing is free and endless without a word (rule 7)."""
    texts = warned(world, "resources={}", "siting={}")
    words = {
        "resources.power: without limit for daccs-solid; got 0 g/kWh and 60.0 USD/MWh; cure: give",
        "resources.water: without limit for daccs-solid, beccs-residue; got 1.00 USD per m3; cure",
        "resources.biomass: not given, so there is none, and beccs-residue can do nothing; cure",
        "resources.storage: without limit for daccs-solid, beccs-residue; got storing for 15.0 "
        "USD/t, transport for 0 USD/t; cure: give units",
    }
    for start in words:
        assert sum(text.startswith(start) for text in texts) == 1, (start, texts)
    said = [
        "resources={power: {unlimited: true, intensity: 0}, water: {unlimited: true}, "
        "biomass: {value: 0}, storage: {unlimited: true}}",
        "transport={cost: 5 USD/t}",
        "siting={}",
    ]
    assert not any("resources." in text for text in warned(world, *said))
    dirty = [said[0].replace(", intensity: 0", ""), *said[1:]]
    assert any(text.startswith("resources.power: without") for text in warned(world, *dirty))
    forest = ["resources={}", "siting={}", "methods={afforestation: {gates: false}}"]
    assert not any("resources." in text for text in warned(world, *forest))


def test_what_is_taken_for_granted_is_in_the_summary_and_the_report(
    world: Path, tmp_path: Path
) -> None:
    settings = ["resources={}", "siting={}", "methods={daccs-solid: {}}", "grid.resolution=2 km"]
    result = cdrsite.run(parse_scenario(SCENARIO, world, settings), means=Means(threads=1))
    free = result.summary["without_limit"]
    assert set(free) == {"electricity", "water", "storage"}
    assert free["storage"] == {"given": False, "cost_usd_t": 15.0, "transport_usd_t": 0.0}
    other = result.summary["alternatives"]["daccs-solid"]
    assert (other["profile"], other["alternative"]) == ("madhu2021", "literature")
    assert other["changes"]["land"]["from"] == 11_000
    assert other["changes"]["land"]["to"] < 20
    folder = result.write(tmp_path / "run")
    plain = {
        lang: re.sub(r"<[^>]+>", "", write_report(folder, lang=lang).read_text("utf-8"))
        for lang in ("en", "zh")
    }
    assert "Taken without limit: water, electricity at 0 g/kWh, CO₂ storage for 15.0" in plain["en"]
    assert "methods.daccs-solid.profile: literature would change land from 11" in plain["en"]
    assert "按无限量计：" in plain["zh"]
    assert "改用 methods.daccs-solid.profile: literature 将使" in plain["zh"]


def test_check_names_the_alternative(world: Path) -> None:
    scenario = parse_scenario(SCENARIO, world, ["methods={daccs-solid: {}}"])
    (text,) = check_study(scenario)["alternatives"]
    assert text.startswith(
        "alternative: methods.daccs-solid.profile: literature in place of madhu2021 changes "
        "land from 11\u202f000 to 0.0780 m2/(t/yr), water from 3.00 to 1.00 m3/t"
    )
    assert "land from 11\u202f000 to 0.0780 m2/(t/yr)" in text
    scenario = parse_scenario(SCENARIO, world, ["methods={daccs-solid: {profile: literature}}"])
    assert check_study(scenario)["alternatives"] == []
