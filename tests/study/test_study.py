"""Properties of whole studies on a tiny world, through the public interface."""

from __future__ import annotations

import hashlib
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_scenario import SCENARIO, residues, write_world

import cdrsite
from cdrsite.config.load import parse_scenario
from cdrsite.core.states import (
    EXCLUDED,
    LOWEST_STATE,
    NET_NOT_POSITIVE,
    NONE_PLANNED,
    OUTSIDE,
    PLANNED,
    UNKNOWN,
)
from cdrsite.core.vocabulary import code
from cdrsite.study.means import Means

BOUNDARY = SCENARIO.replace(
    'region: {bounds: [4000000, 3000000, 4008000, 3006000], crs: "EPSG:3035"}',
    "region: {boundary: outline.gpkg}",
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("world"))


@cache
def study(world: Path, *overrides: str, text: str = SCENARIO, threads: int = 1) -> Any:
    """Run the tiny scenario with changes; each variant once, so results are not to be changed."""
    return cdrsite.run(parse_scenario(text, world, overrides), means=Means(threads=threads))


def layer(result: Any, name: str, method: str = "daccs-solid") -> Any:
    return result.dataset[name].loc[{"removal_method": method}].to_numpy()


def tonnes(result: Any, method: str = "daccs-solid") -> float:
    return float(np.nansum(layer(result, "equal_share", method).astype(np.float64)))


def test_the_public_names(world: Path) -> None:
    scenario = cdrsite.load_scenario(world, ["title=A tiny world"])
    assert isinstance(scenario, cdrsite.Scenario)
    result = cdrsite.run(scenario)
    assert isinstance(result, cdrsite.StudyResult)
    assert result.methods == ("daccs-solid", "beccs-residue", "afforestation")
    assert result.dataset["equal_share"].attrs["units"] == "t/yr"
    assert result.dataset["equal_share"].dims == ("removal_method", "y", "x")
    assert "A tiny world" in result._repr_html_()
    assert result.summary["region_km2"] == 48.0
    assert all(seconds >= 0 for seconds in result.timings.values())
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = cdrsite.nonsense


def test_needs_and_limits_written_out(world: Path) -> None:
    result = study(world)
    # 2 GWh a cell at 720 kWh per tonne; water in the west is shared by its cells
    assert layer(result, "equal_share")[1, 0] == pytest.approx(2e6 / 720, rel=1e-6)
    assert layer(result, "limit")[1, 0] == code("electricity")
    assert result.dataset["supply_water"].to_numpy()[1, 0] == pytest.approx(20_000 / 3)
    assert result.dataset["supply_water"].to_numpy()[1, 5] == 0.0
    # slope 15 is not above 15; a park takes two columns to the half
    available = layer(result, "available")
    assert available[1, :4].tolist() == [1.0, 1.0, 1.0, 1.0]
    assert available[2, :5].tolist() == [1.0, 1.0, 0.0, 0.5, 0.0]
    assert layer(result, "suitability")[1, :4].tolist() == [1.0, 0.75, 0.5, 0.25]


def test_the_four_states_are_four(world: Path) -> None:
    """A value, a true zero, unknown and excluded are told apart in memory and on disk (rule 2)."""
    text = SCENARIO.replace("above: 15 degree}", "above: 25 degree}")
    result = study(world, "siting.prefer.0={layer: slope, best: 0, worst: 20}", text=text)
    limit, share = layer(result, "limit"), layer(result, "equal_share")
    value, zero, excluded = (1, 0), (1, 5), (0, 0)
    assert share[value] > 0
    assert limit[value] < LOWEST_STATE
    assert (share[zero], limit[zero]) == (0.0, code("water"))
    assert (share[excluded], limit[excluded]) == (0.0, EXCLUDED)
    assert np.isnan(layer(result, "net_factor")[excluded])
    assert np.isfinite(layer(result, "net_factor")[zero])
    assert np.isnan(layer(result, "cost")[zero])
    assert layer(result, "available")[excluded] == 0.0
    # the slope of this cell is unknown: allowed, but its suitability is unknown
    unknown = (5, 0)
    assert np.isnan(layer(result, "suitability")[unknown])
    assert np.isnan(layer(result, "score")[unknown])


def test_unknown_supply_is_unknown_and_not_zero(world: Path) -> None:
    result = study(
        world,
        "layers.basins.where=name = 'west'",  # the east lies in no basin
    )
    limit, share = layer(result, "limit"), layer(result, "equal_share")
    kept = layer(result, "available")[:, 4:] > 0
    assert not kept.any()  # all of the east is too steep here
    result = study(world, "layers.basins.where=name = 'west'", "siting.exclude=[]")
    limit, share = layer(result, "limit"), layer(result, "equal_share")
    assert (limit[:, 4:] == UNKNOWN).all()
    assert np.isnan(share[:, 4:]).all()
    assert (limit[:, :4] < LOWEST_STATE).all()
    assert (layer(result, "limit", "afforestation")[:, 4:] < LOWEST_STATE).all()


def test_available_and_excluded_make_the_region(world: Path) -> None:
    result = study(world)
    for method in result.methods:
        row = result.tables["methods"].set_index("method").loc[method]
        left = np.nansum(layer(result, "available", method).astype(np.float64))
        assert row["allowed_km2"] == pytest.approx(left, rel=1e-6)
        areas = result.tables["limits"].query("method == @method")["area_km2"]
        assert areas.sum() == pytest.approx(48.0)
    rules = result.tables["exclusions"]
    assert list(rules["rule"]) == ["parks", "built", "steep"]
    # parks 3 km2, built 3 km2, steep four columns: without an overlap but the park's half column
    assert rules["removes_km2"].tolist() == pytest.approx([3.0, 3.0, 24.0])


@pytest.mark.parametrize(("number", "removed"), [(0, 3.0), (1, 3.0), (2, 24.0)])
def test_one_rule_alone_removes_what_the_table_says(
    world: Path, number: int, removed: float
) -> None:
    rules = [line.strip("- ") for line in SCENARIO.splitlines() if "- {name" in line]
    alone = study(world, f"siting.exclude=[{rules[number]}]")
    left = np.nansum(layer(alone, "available").astype(np.float64))
    assert left == pytest.approx(48.0 - removed)


SAME = [
    ("resources.power.value=2 GWh/yr", "resources.power.value=2000000"),
    ("resources.power.value=2 GWh/yr", "resources.power.value=2000 MWh/yr"),
    ("resources.power.value=2 GWh/yr", "resources.power={value: 2, unit: GWh/yr, intensity: 0.02}"),
    ("resources.power.intensity=20 g/kWh", "resources.power.intensity=20 kg/MWh"),
    ("grid.resolution=1 km", "grid.resolution=1000 m"),
    ("grid.resolution=1 km", "grid.resolution=1000"),
    ("siting.exclude.0={smaller_than: 1 km2}", "siting.exclude.0={smaller_than: 100 ha}"),
    ("siting.exclude.0={smaller_than: 1 km2}", "siting.exclude.0={smaller_than: 1000000 m2}"),
    ("siting.exclude.2.above=15 degree", "siting.exclude.2.above=15"),
    ("siting.prefer.0.worst=20", "siting.prefer.0.worst=20 degree"),
    ("siting.prefer.0.weight=1", "siting.prefer.0.weight=7"),
    ("costs.prices={electricity: 60 USD/MWh}", "costs.prices={electricity: 0.06}"),
    ("costs.prices={heat: 36 USD/MWh}", "costs.prices={heat: 10 USD/GJ}"),
    ("costs.prices={land: 200 USD/ha/yr}", "costs.prices={land: 0.02}"),
    ("costs.discount_rate=0.05", "costs.discount_rate=5 %"),
]


@pytest.mark.parametrize(("first", "second"), SAME)
def test_another_unit_changes_nothing(world: Path, first: str, second: str) -> None:
    one, other = study(world, first), study(world, second)
    for name in one.dataset.data_vars:
        np.testing.assert_allclose(
            other.dataset[name].to_numpy(), one.dataset[name].to_numpy(), rtol=1e-6, err_msg=name
        )


def test_the_unit_of_a_layer_and_of_a_column_changes_nothing(tmp_path: Path) -> None:
    import geopandas as gpd
    from tiny_scenario import write_raster

    path = write_world(tmp_path)
    before = study(path)
    write_raster(tmp_path / "residues.tif", residues() * 1000, pixel=500.0, nodata=-1000)
    basins = gpd.read_file(tmp_path / "basins.gpkg")
    basins["water_m3"] /= 1e6
    basins.to_file(tmp_path / "basins.gpkg")
    after = study(
        path,
        "layers.residues.unit=kg/yr",
        "resources.biomass={layer: residues}",
        "resources.water.unit=hm3/yr",
    )
    for name in before.dataset.data_vars:
        np.testing.assert_allclose(
            after.dataset[name].to_numpy(), before.dataset[name].to_numpy(), rtol=1e-6
        )


def test_the_total_of_an_extensive_layer_survives(world: Path) -> None:
    total = float(residues().astype(np.float64).sum())
    for overrides in ([], ["grid.resolution=2 km"], ["grid.resolution=250 m"]):
        result = study(world, *overrides)
        found = result.dataset["supply_biomass"].to_numpy().astype(np.float64).sum()
        assert found == pytest.approx(total, rel=1e-6)


def test_pools_are_given_out_whole(world: Path) -> None:
    for resolution in ("1 km", "500 m"):
        result = study(world, f"grid.resolution={resolution}")
        water = result.dataset["supply_water"].to_numpy().astype(np.float64)
        assert water.sum() == pytest.approx(120_000.0, rel=1e-6)
    shared = study(world, "resources.water.share=whole")
    assert (shared.dataset["supply_water"].to_numpy()[:, :4] == 120_000.0).all()


EXTRA = [
    "{layer: parks, buffer: 800 m}",
    "{layer: parks, where: \"name = 'park'\", rasterise: centre}",
    "{layer: cover, classes: [10, 80]}",
    "{layer: slope, above: 4 degree, unknown: exclude}",
    "{layer: slope, below: 6 degree}",
    "{layer: parks, closer_than: 2 km}",
    "{layer: parks, farther_than: 1 km, for: daccs-solid}",
    "{smaller_than: 9 km2}",
]


@pytest.mark.slow
@settings(max_examples=10)
@given(st.sets(st.sampled_from(EXTRA), min_size=1), st.sampled_from(EXTRA))
def test_one_more_exclusion_never_adds_area(world: Path, rules: set[str], extra: str) -> None:
    first = sorted(rules - {extra})
    before = study(world, f"siting.exclude=[{', '.join(first)}]")
    after = study(world, f"siting.exclude=[{', '.join(sorted([*first, extra]))}]")
    for method in before.methods:
        less, more = (layer(r, "available", method) for r in (after, before))
        if "smaller_than" not in "".join([*first, extra]):
            assert (less <= more).all()
        assert np.nansum(less) <= np.nansum(more) + 1e-9
        assert tonnes(after, method) <= tonnes(before, method) * (1 + 1e-6)


def hashes(folder: Path) -> dict[str, str]:
    """Hash of every file but the manifest, which holds times."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }


def test_threads_change_no_byte(world: Path, tmp_path: Path) -> None:
    fine = ("grid.resolution=20 m", "methods={daccs-solid: {}, beccs-residue: {}}")
    folders = []
    for threads in (1, 2):
        result = study(world, *fine, threads=threads)
        assert len(list(result.grid.blocks(result.block_size))) >= 4
        folders.append(result.write(tmp_path / str(threads)))
    one, two = (hashes(folder) for folder in folders)
    assert [name for name in one if name.endswith(".tif")]
    assert one == two


def test_beccs_supplies_power_that_adds_nothing_to_its_removal(world: Path) -> None:
    method = cdrsite.load_method("beccs-residue")
    need = method.profile(None).number("electricity", 2020)
    assert need < 0
    clean = study(world)
    dirty = study(world, "resources.power={value: 0, intensity: 2 kg/kWh}")
    for name in ("equal_share", "net_factor", "limit"):
        np.testing.assert_array_equal(
            layer(clean, name, "beccs-residue"), layer(dirty, name, "beccs-residue")
        )
    none = study(world, "methods.beccs-residue.override={electricity: 0}")
    np.testing.assert_allclose(
        layer(clean, "net_factor", "beccs-residue"), layer(none, "net_factor", "beccs-residue")
    )
    dearer = layer(none, "cost", "beccs-residue") - layer(clean, "cost", "beccs-residue")
    net = layer(clean, "net_factor", "beccs-residue")
    expected = -need * 0.06 / net  # sold at 0.06 USD/kWh
    known = np.isfinite(dearer)
    np.testing.assert_allclose(dearer[known], expected[known], rtol=1e-4)


def test_a_dirty_grid_excludes_with_its_own_reason(world: Path) -> None:
    """In the east the power emits more than the capture removes (rule 5)."""
    result = study(
        world,
        "resources.power={pools: basins, supply: spare_gwh, unit: GWh/yr, intensity: g_kwh, "
        "intensity_unit: g/kWh}",
        "resources.water={unlimited: true}",
        "siting.exclude=[]",
    )
    limit = layer(result, "limit")
    assert (limit[:, 4:] == NET_NOT_POSITIVE).all()
    assert (limit[:, :4] == code("electricity")).all()
    assert (layer(result, "net_factor")[:, 4:] <= 0).all()
    assert (layer(result, "equal_share")[:, 4:] == 0).all()
    assert np.isnan(layer(result, "cost")[:, 4:]).all()
    assert (layer(result, "score")[:, 4:] == 0).all()
    table = result.tables["limits"].query("method == 'daccs-solid'").set_index("limit")
    assert table.loc["net factor not positive", "area_km2"] == pytest.approx(24.0)
    cost = result.dataset["cost"].to_numpy()
    assert (cost[np.isfinite(cost)] > 0).all()


def test_own_renewables_replace_the_power_budget(world: Path) -> None:
    """Energy land XOR a power budget (rule 6)."""
    own = "methods={daccs-solid: {profile: literature, own_power: {pv_yield: pv, firm_share: 0.9}}}"
    pv = "layers.pv={value: 1500, unit: kWh/kWp}"
    result = study(world, own, pv, "resources.water={unlimited: true}")
    assert layer(result, "limit")[1, 0] == code("land")
    need = 720 * 1.37 / 0.9 / (1500 * 0.04) + 0.078
    assert layer(result, "equal_share")[1, 0] == pytest.approx(0.5e6 / need, rel=1e-5)
    without = study(world, own, pv, "resources={land: {usable: 0.5}}")
    np.testing.assert_array_equal(layer(without, "equal_share"), layer(result, "equal_share"))
    with pytest.raises(cdrsite.CdrsiteError, match=r"already contains the land.*rule 6"):
        study(world, own.replace("literature", "madhu2021"), pv)


def test_a_value_that_no_source_gives_is_asked_for(world: Path) -> None:
    crop = "methods={beccs-energy-crop: {}}"
    with pytest.raises(cdrsite.CdrsiteError, match=r"unknown luc_emissions; cure.*rule 7"):
        study(world, crop)
    given_one = study(world, "methods={beccs-energy-crop: {override: {luc_emissions: 100 kg}}}")
    more = study(world, "methods={beccs-energy-crop: {override: {luc_emissions: 300 kg}}}")
    low, high = (np.nanmax(layer(r, "net_factor", "beccs-energy-crop")) for r in (given_one, more))
    assert low - high == pytest.approx(0.2, abs=1e-6)
    assert tonnes(given_one, "beccs-energy-crop") > 0


def test_the_warning_of_an_implausible_profile_is_given_once(world: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # gathered in the result, not thrown about
        result = study(world, "methods.daccs-solid.profile=madhu2021")
    assert sum("11,000 m²" in text for text in result.warnings) == 1


def test_more_of_everything_scales_the_answer(world: Path) -> None:
    base = study(world, "siting.prefer=[]")
    double = study(
        world,
        "siting.prefer=[]",
        "resources.land.usable=1",
        "resources.power.value=4 GWh/yr",
        "resources.water={value: 10000 m3/yr}",
        "layers.residues.scale=2",
    )
    single = study(world, "siting.prefer=[]", "resources.water={value: 5000 m3/yr}")
    for method in base.methods:
        assert tonnes(double, method) == pytest.approx(2 * tonnes(single, method), rel=1e-6)


def test_a_boundary_leaves_the_outside_out(tmp_path: Path) -> None:
    from tiny_scenario import box, write_polygons

    path = write_world(tmp_path, BOUNDARY)
    write_polygons(tmp_path / "outline.gpkg", [box(0, 0, 3, 6)], name=["home"])
    result = study(path, "grid.snap=[0, 0]", text=BOUNDARY)
    assert result.summary["region_km2"] == 18.0
    write_polygons(tmp_path / "outline.gpkg", [box(0, 0, 3, 6).union(box(3, 0, 5, 1))])
    result = study(path, text=BOUNDARY)
    limit = layer(result, "limit")
    assert (limit[1:, 3:] == OUTSIDE).all()
    assert (limit[:, :3] != OUTSIDE).all()
    for name in ("equal_share", "net_factor", "cost", "score", "suitability", "available"):
        assert np.isnan(layer(result, name)[1:, 3:]).all(), name


def test_the_plan_tells_zero_from_unknown_and_excluded(world: Path) -> None:
    """A zero of the plan was possible; what is unknown or excluded has no number (rule 2)."""
    result = study(
        world,
        "layers.basins.where=name = 'west'",  # the east has no water that is known
        "siting.exclude.2.for=[daccs-solid, beccs-residue]",
        "siting.exclude.2.above=1000 degree",
    )
    states = set()
    for method in result.methods:
        limit, given = layer(result, "limit", method), layer(result, "allocated", method)
        state = layer(result, "method_state", method)
        assert (np.isfinite(given) == (limit < LOWEST_STATE)).all()
        np.testing.assert_array_equal(state[given > 0], PLANNED)
        np.testing.assert_array_equal(state[given == 0], NONE_PLANNED)
        np.testing.assert_array_equal(state[limit == UNKNOWN], UNKNOWN)
        np.testing.assert_array_equal(state[limit == EXCLUDED], EXCLUDED)
        states |= set(np.unique(state).tolist())
    assert states == {NONE_PLANNED, PLANNED, UNKNOWN, EXCLUDED}
    limits, data = result.dataset["limit"].to_numpy(), result.dataset
    some = (limits < LOWEST_STATE).any(axis=0)
    net, state = data["net_removal"].to_numpy(), data["state"].to_numpy()
    np.testing.assert_array_equal(np.isfinite(net), some)
    np.testing.assert_array_equal(state[~some & (limits == UNKNOWN).any(axis=0)], UNKNOWN)
    np.testing.assert_array_equal(state[~some & ~(limits == UNKNOWN).any(axis=0)], EXCLUDED)
    np.testing.assert_array_equal(state[net > 0], PLANNED)
    np.testing.assert_array_equal(state[net == 0], NONE_PLANNED)
    for name in ("winner", "binding"):
        codes = data[name].to_numpy()
        np.testing.assert_array_equal(codes[~some], state[~some])
    # a mean over a zone counts only the cells for which the plan has decided something
    total = float(data["net_removal"].sum()) / 1e6
    assert total == pytest.approx(result.summary["net_mt_yr"], rel=1e-5)


def test_a_net_factor_below_zero_is_excluded_in_the_plan_too(world: Path) -> None:
    result = study(world, "resources.power.intensity=20000 g/kWh")
    limit, state = layer(result, "limit"), layer(result, "method_state")
    here = limit == NET_NOT_POSITIVE
    assert here.any()
    assert (state[here] == EXCLUDED).all() and np.isnan(layer(result, "allocated")[here]).all()
