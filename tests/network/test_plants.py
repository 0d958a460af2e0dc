"""Plants: tiny grids written out, mass balance, size limits, places."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.core.errors import CdrsiteWarning, ConfigError, DataError
from cdrsite.core.grid import AnalysisGrid
from cdrsite.network.gather import gather_plants
from cdrsite.network.plants import PlantRules, Plants, Site


def grid_of(rows: int, cols: int, crs: str = "EPSG:3035", step: float = 1000.0) -> AnalysisGrid:
    """A grid of square cells, 1 km unless said otherwise."""
    west, south = (4e6, 3e6) if crs == "EPSG:3035" else (10.0, 50.0)
    bounds = (west, south, west + cols * step, south + rows * step)
    return AnalysisGrid.from_bounds(crs, bounds, step, snap=None)


def one_method(amount: list[list[float]], **rule: object) -> Plants:
    array = np.array([amount], float)
    rules = PlantRules("daccs-solid", **{"least": 10.0, "most": 100.0, "catchment_km": 2.0, **rule})  # type: ignore[arg-type]
    return gather_plants(array, [rules], grid_of(*array.shape[1:]))


def test_two_clusters_and_a_crumb() -> None:
    found = one_method([[20, 30, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0, 0, 0, 5]])
    assert [(p.name, p.gross_t_yr) for p in found.plants] == [
        ("daccs-solid 1", 50.0),
        ("daccs-solid 2", 40.0),
    ]
    assert found.plants[0].col in {0, 1}
    assert found.plants[1].col == 8
    assert found.remainder[0, 0].tolist() == [0.0] * 14 + [5.0]
    (entry,) = found.summary
    assert (entry.allocated, entry.in_plants, entry.below_minimum) == (95.0, 90.0, 5.0)


def test_a_cell_of_several_plants_is_split() -> None:
    found = one_method([[250.0]])
    assert [p.gross_t_yr for p in found.plants] == [100.0, 100.0, 50.0]
    assert found.piece_t_yr.sum() == 250.0


def test_what_is_little_more_than_one_plant_is_shared_evenly() -> None:
    found = one_method([[106.0]], least=40.0)
    assert [p.gross_t_yr for p in found.plants] == [53.0, 53.0]


def test_free_plants_take_the_best_ground_and_biomass_plants_the_nearest() -> None:
    amount = np.zeros((2, 1, 7))
    amount[:, 0, 2:5] = 30.0
    good = np.full((2, 1, 7), 0.5)
    good[:, 0, 4] = 1.0
    rules = [
        PlantRules("daccs-solid", 10, 100, 3.0),
        PlantRules("beccs-residue", 10, 100, 3.0, "haul", stored_share=0.9),
    ]
    free, bound = gather_plants(amount, rules, grid_of(1, 7), suitability=good).plants
    assert (free.col, free.suitability) == (4, 1.0)
    assert bound.col == 3
    assert bound.stored_t_yr == pytest.approx(81.0)
    assert bound.haul_km == pytest.approx(60 / 90)


def test_no_place_to_build_is_told_from_too_little() -> None:
    amount = np.zeros((1, 1, 9))
    amount[0, 0, 0] = 50.0
    amount[0, 0, 8] = 5.0
    rules = [PlantRules("daccs-solid", 10, 100, 2.0)]
    allowed = np.zeros((1, 9), bool)
    found = gather_plants(amount, rules, grid_of(1, 9), allowed=allowed)
    assert not found.plants
    assert (found.summary[0].no_site, found.summary[0].below_minimum) == (50.0, 5.0)


def test_limited_number_of_plants_is_reported() -> None:
    found = one_method([[50, 0, 0, 0, 0, 0, 40, 0, 0, 0, 0, 0, 4]], max_plants=1)
    entry = found.summary[0]
    assert (entry.plants, entry.in_plants) == (1, 50.0)
    assert (entry.beyond_max_plants, entry.below_minimum) == (40.0, 4.0)


def test_forest_makes_no_plants() -> None:
    found = one_method([[5, 5, 0, 7]], place="none")
    assert not found.plants
    assert (found.summary[0].without_plant, found.summary[0].parcels) == (17.0, 2)
    assert found.remainder.sum() == 17.0


def test_given_sites_come_first_and_keep_their_name_and_size() -> None:
    amount = np.full((1, 1, 6), 20.0)
    rules = [PlantRules("beccs-residue", 10, 100, 10.0, "haul")]
    found = gather_plants(amount, rules, grid_of(1, 6), sites=[Site("Mill", 0, 5, most=30.0)])
    assert {(p.name, p.col, p.gross_t_yr) for p in found.plants if p.existing} == {("Mill", 5, 30)}
    assert sum(p.gross_t_yr for p in found.plants) == pytest.approx(120.0)


def test_a_site_for_two_methods_has_two_names() -> None:
    amount = np.full((2, 1, 2), 20.0)
    rules = [PlantRules(m, 10, 100, 10.0) for m in ("daccs-solid", "daccs-liquid")]
    found = gather_plants(amount, rules, grid_of(1, 2), sites=[Site("Mill", 0, 0)])
    assert [p.name for p in found.plants] == ["Mill", "Mill (daccs-liquid)"]


def test_excluded_site_is_left_out_with_a_warning() -> None:
    amount = np.full((1, 1, 3), 20.0)
    allowed = np.array([[True, True, False]])
    rules = [PlantRules("daccs-solid", 10, 100, 5.0)]
    with pytest.warns(CdrsiteWarning, match="site Mill is left out"):
        found = gather_plants(
            amount, rules, grid_of(1, 3), allowed=allowed, sites=[Site("Mill", 0, 2)]
        )
    assert not any(p.existing or p.col == 2 for p in found.plants)


@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 25),
    cols=st.integers(1, 25),
    catchment=st.floats(0.5, 30),
    place=st.sampled_from(["suitable", "haul"]),
    geographic=st.booleans(),
)
def test_balance_sizes_catchment_and_mask(
    seed: int, rows: int, cols: int, catchment: float, place: str, geographic: bool
) -> None:
    rng = np.random.default_rng(seed)
    grid = grid_of(rows, cols, "EPSG:4326", 0.02) if geographic else grid_of(rows, cols)
    amount = np.where(rng.random((1, rows, cols)) < 0.4, rng.gamma(1.0, 60.0, (1, rows, cols)), 0)
    good = np.where(rng.random(amount.shape) < 0.1, np.nan, rng.random(amount.shape))
    allowed = rng.random((rows, cols)) < 0.7
    rule = PlantRules("daccs-solid", 50.0, 170.0, catchment, place)  # type: ignore[arg-type]
    found = gather_plants(amount, [rule], grid, suitability=good, allowed=allowed)
    again = gather_plants(amount, [rule], grid, suitability=good, allowed=allowed)
    assert found.plants == again.plants
    assert found.remainder.tobytes() == again.remainder.tobytes()
    # every cell: its pieces and its remainder are its allocation
    cells = np.bincount(found.piece_cell, found.piece_t_yr, rows * cols)
    np.testing.assert_allclose(cells + found.remainder.ravel(), amount.ravel(), atol=1e-9)
    entry = found.summary[0]
    parts = entry.in_plants + entry.below_minimum + entry.no_site + entry.beyond_max_plants
    assert parts == pytest.approx(entry.allocated)
    by_plant = np.bincount(found.piece_plant, found.piece_t_yr, len(found.plants))
    for plant, tonnes in zip(found.plants, by_plant, strict=True):
        assert tonnes == pytest.approx(plant.gross_t_yr)
        assert 50.0 * (1 - 1e-6) <= plant.gross_t_yr <= 170.0 * (1 + 1e-6)
        assert allowed[plant.row, plant.col]
        assert good[0, plant.row, plant.col] > 0
        assert plant.farthest_km <= catchment + 1e-9
    assert len({p.name for p in found.plants}) == len(found.plants)
    east, north = grid.row_steps_m
    for k, cell in zip(found.piece_plant, found.piece_cell, strict=True):
        row, col = divmod(int(cell), cols)
        plant = found.plants[k]
        wide = 0.5 * (east[row] + east[plant.row]) * (col - plant.col)
        assert math.hypot(wide, north * (row - plant.row)) / 1000 <= catchment + 1e-9


def test_coarse_search_loses_no_tonnes_and_little_quality() -> None:
    rng = np.random.default_rng(3)
    amount = np.where(rng.random((1, 90, 110)) < 0.3, rng.uniform(0, 10, (1, 90, 110)), 0.0)
    rule = PlantRules("beccs-residue", 500.0, 4000.0, 40.0, "haul")  # bins of 5 cells
    found = gather_plants(amount, [rule], grid_of(90, 110))
    assert found.piece_t_yr.sum() + found.remainder.sum() == pytest.approx(amount.sum())
    assert found.summary[0].in_plants > 0.9 * amount.sum()


def test_a_bin_that_reaches_farther_than_its_cell_is_no_place() -> None:
    amount = np.zeros((1, 1, 18))
    amount[0, 0, 0] = 50.0
    good = np.full((1, 1, 18), 0.5)
    good[0, 0, 16:] = 1.0  # the better ground: 16 km away by bins of two cells, 17 km by cells
    rule = PlantRules("daccs-solid", 10, 100, 16.0)
    found = gather_plants(amount, [rule], grid_of(1, 18), suitability=good)
    assert [p.gross_t_yr for p in found.plants] == [50.0]
    assert found.piece_cell.tolist() == [0]
    assert found.remainder.sum() == 0.0


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"least": 200.0}, "plant sizes are not a range"),
        ({"catchment_km": 0.0}, "catchment is not a positive distance"),
        ({"stored_share": math.nan}, "stored share"),
    ],
)
def test_wrong_rules(change: dict[str, float], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        one_method([[1.0]], **change)


def test_wrong_arrays() -> None:
    rule = PlantRules("daccs-solid", 10, 100, 5.0)
    grid = grid_of(1, 2)
    with pytest.raises(DataError, match="does not fit"):
        gather_plants(np.zeros((1, 2, 2)), [rule], grid)
    with pytest.raises(DataError, match="negative or infinite"):
        gather_plants(np.array([[[1.0, -2.0]]]), [rule], grid)
    with pytest.raises(DataError, match="outside the grid"):
        gather_plants(np.zeros((1, 1, 2)), [rule], grid, sites=[Site("Mill", 0, 2)])
    with pytest.raises(DataError, match="not studied"):
        gather_plants(np.zeros((1, 1, 2)), [rule], grid, sites=[Site("Mill", 0, 1, "other")])
