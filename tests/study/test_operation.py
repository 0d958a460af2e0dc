"""Plants that run in the months that pay, from a scenario to its tables and pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_scenario import SCENARIO, box, write_polygons, write_raster, write_world

from cdrsite.cli.tables import print_summary
from cdrsite.config.load import load_scenario
from cdrsite.core.crs import LONLAT, transformer
from cdrsite.core.errors import ConfigError
from cdrsite.core.words import Words
from cdrsite.explain.place import explain_run
from cdrsite.outputs.runfolder import RunFolder
from cdrsite.report.frame import Frame
from cdrsite.report.months import months
from cdrsite.study.run import run

pytestmark = pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")

GOLDEN = [1.0, 1.2, 2.0, 3.5, 5.0, 4.0, 2.5, 1.5, 1.1, 0.8, 0.8, 0.9]
"""Water of the one river by month [Mm3]."""
MARGIN, CAPITAL, NEED = 170.0, 100.0, 3.0
"""What a tonne earns above what it costs to make, what a t/yr of capacity costs, water [m3/t]."""
MONTHS = [f"m{p}" for p in range(1, 13)]
PRICE = 300.0


def golden_world(folder: Path) -> Path:
    """One river, a price of removal and a plant without any other needs."""
    world = write_world(folder, SCENARIO)
    columns: dict[str, Any] = {name: [each] for name, each in zip(MONTHS, GOLDEN, strict=True)}
    write_polygons(folder / "rivers.gpkg", [box(0, 0, 8, 6)], name=["river"], **columns)
    return world


def golden_settings(operation: str, credit: float) -> list[str]:
    """Settings of the golden case; ``credit`` is paid for a net tonne."""
    override = (
        "{capex: 2500 USD/(t/yr), lifetime: 25 yr, fixed_om: 0, heat_pump_capex: 0, "
        "land_direct: 2 m2/(t/yr), water: 3 m3/t}"
    )
    return [
        "layers.rivers={path: rivers.gpkg}",
        "resources.power={unlimited: true}",
        "resources.land.usable=1",
        f"resources.water={{pools: rivers, name: name, unit: Mm3, months: [{', '.join(MONTHS)}]}}",
        "costs.discount_rate=0",
        "costs.prices.land=0",
        f"methods={{daccs-solid: {{operation: {operation}, override: {override}}}}}",
        f"objective={{maximise: value, gap: 1e-9, credits: [{{amount: {credit!r} USD/t}}]}}",
    ]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return golden_world(tmp_path_factory.mktemp("operation"))


@pytest.fixture(scope="module")
def both(world: Path) -> dict[str, Any]:
    """The golden case constant and by season, at a credit that leaves the margin."""
    trial = run(load_scenario(world, golden_settings("constant", 500.0)))
    net, cost = (
        float(trial.dataset[name].sel(removal_method="daccs-solid").max())
        for name in ("net_at_plant", "cost_at_plant")
    )
    credit = (MARGIN + cost - CAPITAL) / net
    return {
        way: run(load_scenario(world, golden_settings(way, credit)))
        for way in ("constant", "seasonal")
    }


def test_a_study_finds_the_golden_numbers(both: dict[str, Any]) -> None:
    """Constant 3.2 Mt/yr and 224 MUSD/yr; by season 4.1 of 4.4 Mt/yr and 257 MUSD/yr."""
    constant, seasonal = both["constant"], both["seasonal"]
    value = {way: one.summary["objective"]["value"] / 1e6 for way, one in both.items()}
    assert value["constant"] == pytest.approx(224.0, rel=1e-6)
    assert value["seasonal"] == pytest.approx(257.0, rel=1e-6)
    assert seasonal.summary["objective"]["bound"] / 1e6 == pytest.approx(257.0, rel=1e-6)
    row = constant.tables["methods"].iloc[0]
    assert row["gross_mt_yr"] == pytest.approx(3.2, rel=1e-6)
    assert "capacity_mt_yr" not in row and "capacity" not in constant.dataset
    assert "operation" not in constant.tables
    row = seasonal.tables["methods"].iloc[0]
    assert row["gross_mt_yr"] == pytest.approx(4.1, rel=1e-6)
    assert row["capacity_mt_yr"] == pytest.approx(4.4, rel=1e-6)
    assert row["load_factor"] == pytest.approx(0.931818, abs=1e-6)
    assert row["land_km2"] == pytest.approx(8.8, rel=1e-6)  # of the capacity


def test_prices_and_use_of_the_months(both: dict[str, Any]) -> None:
    """Water is worth most where a month more would pay; no month is overdrawn."""
    months = both["seasonal"].tables["pools_by_month"]
    price = np.zeros(12)
    price[[0, 9, 10, 11]], price[8] = 56.666667, 53.333333
    assert months["price"].to_numpy() == pytest.approx(price, abs=1e-4)
    assert months["use"].to_numpy() == pytest.approx(np.minimum(GOLDEN, 1.1) * 1e6, rel=1e-6)
    operation = both["seasonal"].tables["operation"]
    made = np.minimum(GOLDEN, 1.1) / NEED
    assert operation["output_mt"].to_numpy() == pytest.approx(made, rel=1e-6)
    assert operation["capacity_mt"].to_numpy() == pytest.approx(4.4 / 12, rel=1e-6)
    assert operation["load_factor"].to_numpy() == pytest.approx(made * 12 / 4.4, rel=1e-6)


def test_costs_and_maps_are_those_of_what_is_built(both: dict[str, Any]) -> None:
    """Capital is paid for the capacity, the rest for the tonnes; the maps say so too."""
    result = both["seasonal"]
    parts = result.tables["cost_parts"].set_index("part")["musd_yr"]
    assert parts["capital"] == pytest.approx(440.0, rel=1e-6)
    assert parts["water"] == pytest.approx(4.1 * NEED, rel=1e-6)
    assert parts.sum() == pytest.approx(result.tables["methods"]["cost_musd_yr"][0], rel=1e-6)
    data = result.dataset.sel(removal_method="daccs-solid")
    made, built = (data[name].to_numpy().astype(float) for name in ("allocated", "capacity"))
    assert np.nansum(built) / 1e6 == pytest.approx(4.4, rel=1e-6)
    assert np.array_equal(np.isnan(made), np.isnan(built))
    used = np.nan_to_num(made) > 0
    cost = data["cost_at_plant"].to_numpy()[used]
    assert (cost * made[used]).sum() / 1e6 == pytest.approx(parts.sum(), rel=1e-5)
    run_all_year = np.isclose(made[used], built[used])
    assert run_all_year.any()
    assert not run_all_year.all()
    assert cost[~run_all_year].min() > cost[run_all_year].max()
    assert result.tables["sensitivity"].empty


OTHERS = {
    "milestones": (
        "milestones={years: [2030, 2040], targets: {removal: {2030: 2 kt/yr, 2040: 8 kt/yr}}}"
    ),
    "uncertainty": "uncertainty={samples: 4}",
    "standing": "standing={layer: rivers, method: name, capacity: m1, unit: t/yr}",
    "network.plan": "network.plan=true",
}


@pytest.mark.parametrize("key", list(OTHERS))
def test_parts_that_do_not_know_it_are_refused(world: Path, key: str) -> None:
    settings = [*golden_settings("seasonal", 400.0), OTHERS[key]]
    with pytest.raises(ConfigError, match=r"methods\.daccs-solid\.operation: " + key) as found:
        load_scenario(world, settings)
    assert f"cure: operation: constant, or remove {key}" in str(found.value)


def test_it_needs_months_and_no_profile(world: Path) -> None:
    settings = golden_settings("seasonal", 400.0)
    water = "resources.water={pools: basins, supply: water_m3, unit: m3/yr, name: name}"
    with pytest.raises(ConfigError, match=r"operation: it runs in .* cure: give resources\.water"):
        load_scenario(world, [*settings, water])
    profile = f"resources.water.profiles={{daccs-solid: [{', '.join('1' * 12)}]}}"
    with pytest.raises(ConfigError, match=r"profiles\.daccs-solid: daccs-solid takes water in the"):
        load_scenario(world, [*settings, profile])


def test_sites_tell_capacity_and_output_apart(both: dict[str, Any]) -> None:
    """Sites of the plan have a load factor; without such methods the table is as it was."""
    sites = both["seasonal"].tables["sites"]
    planned = sites[sites["in_plan"]]
    load = planned["gross_t_yr"] / planned["capacity_t_yr"]
    assert load.to_numpy() == pytest.approx(planned["load_factor"].to_numpy(), rel=1e-6)
    assert (load <= 1.0 + 1e-9).all()
    assert sites[~sites["in_plan"]]["load_factor"].isna().all()
    assert "load_factor" not in both["constant"].tables["sites"]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_people_are_told_what_is_built_and_what_it_makes(
    both: dict[str, Any], tmp_path: Path, lang: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The terminal, the report and a cell's explanation say capacity, output and load factor."""
    result = both["seasonal"]
    folder = result.write(tmp_path / "run")
    print_summary(result, folder, lang=lang)
    assert "4.4" in (said := capsys.readouterr().out)
    assert Words(lang)("months.runs") in said
    page = months(Frame(RunFolder(folder), Words(lang)))
    for key in ("capacity_mt_yr", "gross_mt_yr", "load_factor"):
        assert f'data-key="operation/daccs-solid/{key}"' in page
    assert ("months that pay" if lang == "en" else "划算的月份") in page
    data = result.dataset.sel(removal_method="daccs-solid")
    made, built = (np.nan_to_num(data[one].to_numpy()) for one in ("allocated", "capacity"))
    row, col = np.argwhere((made > 0) & (built > made * 1.01))[0]
    told = explain_at(folder, result, int(row), int(col), lang)
    share = Words(lang).percent(float(made[row, col] / built[row, col]))
    assert share in told


def explain_at(folder: Path, result: Any, row: int, col: int, lang: str) -> str:
    """What is told of a cell."""
    grid = result.grid
    lon, lat = transformer(grid.wkt, LONLAT).transform(float(grid.x[col]), float(grid.y[row]))
    return str(explain_run(folder, lon, lat, lang))


def test_capital_that_differs_from_place_to_place(tmp_path: Path) -> None:
    """Where the climate moves the output of a plant, each cell pays for its own capacity."""
    world = golden_world(tmp_path)
    warmth = np.linspace(5.0, 30.0, 48).reshape(6, 8).astype(np.float32)
    write_raster(tmp_path / "warmth.tif", warmth)
    write_raster(tmp_path / "damp.tif", np.full((6, 8), 60.0, np.float32))
    settings = [
        *golden_settings("seasonal", 900.0),
        "layers.warmth={path: warmth.tif, unit: degC, kind: intensive}",
        "layers.damp={path: damp.tif, unit: '%', kind: intensive}",
        "methods.daccs-solid.profile=literature",
        "methods.daccs-solid.climate={temperature: warmth, humidity: damp}",
        "objective.gap=1e-6",
    ]
    result = run(load_scenario(world, settings))
    data = result.dataset.sel(removal_method="daccs-solid")
    each = data["cost_of_capacity"].to_numpy()
    used = np.nan_to_num(data["allocated"].to_numpy()) > 0
    assert used.any()
    assert np.ptp(each[np.isfinite(each)]) > 1.0
    row = result.tables["methods"].iloc[0]
    assert row["load_factor"] < 0.99
    parts = result.tables["cost_parts"]
    assert parts["musd_yr"].sum() == pytest.approx(row["cost_musd_yr"], rel=1e-5)
    months = result.tables["pools_by_month"]
    assert (months["use"] <= months["supply"] * (1 + 1e-6)).all()
    capital = parts.set_index("part")["musd_yr"]["capital"]
    built = data["capacity"].to_numpy()[used].astype(float)
    assert (built * each[used]).sum() / 1e6 == pytest.approx(capital, rel=1e-4)
