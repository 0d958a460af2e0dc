"""Exclusions and suitability on tiny layers written out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples import examples
from fake_layers import GRID, INSIDE, WHOLE, FakeLayers
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from cdrsite.config.siting import Criterion, ExcludeRule
from cdrsite.core.errors import ConfigError
from cdrsite.core.grid import AnalysisGrid
from cdrsite.core.states import OUTSIDE_BIT
from cdrsite.engine.arrays import DiskStore
from cdrsite.siting.exclusions import (
    INCLUDED_BIT,
    RuleAreas,
    exclude_block,
    exclude_small_areas,
    rule_book,
)
from cdrsite.siting.patches import small_patches
from cdrsite.siting.rules import threshold
from cdrsite.siting.suitability import (
    criterion_score,
    criterion_sets,
    piecewise_linear,
    suitability_block,
)

METHODS: dict[str, Sequence[str]] = {"a": (), "b": ()}


def share(*cells: tuple[int, int, float]) -> Any:
    out = np.zeros(GRID.shape, np.float32)
    for row, col, value in cells:
        out[row, col] = value
    return out


def test_reason_bits_and_what_is_left() -> None:
    rules = [ExcludeRule(layer="park"), ExcludeRule.model_validate({"layer": "town", "for": ["b"]})]
    layers = FakeLayers(park=share((0, 0, 1.0), (0, 1, 0.37)), town=share((0, 0, 1.0), (2, 3, 0.5)))
    book = rule_book(rules, [], METHODS)
    found = exclude_block(book, layers, WHOLE, INSIDE)
    assert found.reasons.tolist() == [[3, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 2]]
    left_a, left_b = found.available[book.group_of("a")], found.available[book.group_of("b")]
    np.testing.assert_allclose(left_a[0], [0, 0.63, 1, 1], rtol=1e-6)
    np.testing.assert_allclose(left_b[2], [1, 1, 1, 0.5])
    total = found.areas.total[book.group_of("b")] / 1e6
    only = found.areas.only[book.group_of("b")] / 1e6
    np.testing.assert_allclose(total, [1.37, 1.5], rtol=1e-6)
    np.testing.assert_allclose(only, [0.37, 0.5], rtol=1e-6)


def test_outside_the_region_is_its_own_state() -> None:
    inside = INSIDE.copy()
    inside[:, 0] = False
    book = rule_book([ExcludeRule(layer="park")], [], METHODS)
    found = exclude_block(book, FakeLayers(park=share((0, 0, 1.0))), WHOLE, inside)
    assert (found.reasons[:, 0] == OUTSIDE_BIT).all()
    assert found.areas.total[book.group_of("a")][0] == 0.0
    assert (found.available[book.group_of("a")][:, 0] == 0).all()


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"above": 10}, [0, 0, 1, 0]),
        ({"above": "10 degree"}, [0, 0, 1, 0]),
        ({"above": "20 percent"}, [0, 0, 1, 0]),
        ({"below": 10}, [1, 0, 0, 0]),
        ({"below": 6, "above": 10}, [1, 0, 1, 0]),
        ({"above": 10, "unknown": "exclude"}, [0, 0, 1, 1]),
    ],
)
def test_ranges_keep_their_bounds_and_unknown_stays(
    rule: dict[str, Any], expected: list[float]
) -> None:
    slope = np.tile(np.array([5, 10, 12, np.nan], np.float32), (3, 1))
    layers = FakeLayers({"slope": "degree"}, slope=slope)
    book = rule_book([ExcludeRule.model_validate({"layer": "slope", **rule})], [], METHODS)
    found = exclude_block(book, layers, WHOLE, INSIDE)
    assert (1 - found.available[book.group_of("a")][0]).tolist() == expected


def test_classes_and_distances() -> None:
    codes = np.tile(np.array([1, 2, 50, np.nan], np.float32), (3, 1))
    metres = np.tile(np.array([0, 500, 1000, 5000], np.float32), (3, 1))
    rules = [
        ExcludeRule.model_validate({"layer": "cover", "classes": [1, 50]}),
        ExcludeRule.model_validate({"layer": "town", "closer_than": "1 km"}),
        ExcludeRule.model_validate({"layer": "town", "farther_than": "2 km"}),
    ]
    book = rule_book(rules, [], METHODS)
    found = exclude_block(book, FakeLayers(cover=codes, town=metres), WHOLE, INSIDE)
    assert found.reasons[0].tolist() == [3, 2, 1, 4]


def test_forced_inclusion_brings_area_back() -> None:
    rules, includes = [ExcludeRule(layer="park")], [ExcludeRule(layer="site")]
    layers = FakeLayers(park=share((0, 0, 1.0), (0, 1, 1.0)), site=share((0, 0, 1.0), (0, 1, 0.25)))
    book = rule_book(rules, includes, METHODS)
    found = exclude_block(book, layers, WHOLE, INSIDE)
    assert found.available[book.group_of("a")][0].tolist() == [1, 0.25, 1, 1]
    assert found.reasons[0, 0] == INCLUDED_BIT | 1


def test_small_patches_go_with_queen_contiguity() -> None:
    blocked = np.array([[0, 1, 1, 0], [1, 0, 1, 1], [1, 1, 1, 0]], np.float32)
    rules = [ExcludeRule(layer="park"), ExcludeRule.model_validate({"smaller_than": "2 km2"})]
    book = rule_book(rules, [], METHODS)
    found = exclude_block(book, FakeLayers(park=blocked), WHOLE, INSIDE)
    exclude_small_areas(book, GRID, [WHOLE], found.reasons, found.available, found.areas)
    left = found.available[book.group_of("a")]
    # the two cells that touch at a corner are one patch of 2 km2; the single cells go
    assert left.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert found.reasons[0, 3] == 2
    assert found.areas.total[book.group_of("a")][1] == 2e6


def test_rook_contiguity_ends_at_corners() -> None:
    blocked = np.array([[0, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 1]], np.float32)
    small = {"smaller_than": "2 km2", "neighbours": 4}
    rules = [ExcludeRule(layer="park"), ExcludeRule.model_validate(small)]
    book = rule_book(rules, [], METHODS)
    found = exclude_block(book, FakeLayers(park=blocked), WHOLE, INSIDE)
    exclude_small_areas(book, GRID, [WHOLE], found.reasons, found.available, found.areas)
    left = found.available[book.group_of("a")]
    # the two that touch at a corner are patches of 1 km2 each; those on top of each other one of 2
    assert left.tolist() == [[0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]]


def test_a_share_stays_usable() -> None:
    """A rule that takes 70 % of what it covers; the reason is told all the same."""
    kept = {"layer": "park", "usable": "30 %"}
    rules = [ExcludeRule.model_validate(kept), ExcludeRule(layer="town")]
    layers = FakeLayers(park=share((0, 0, 1.0), (0, 1, 0.5)), town=share((0, 1, 0.5)))
    book = rule_book(rules, [], METHODS)
    found = exclude_block(book, layers, WHOLE, INSIDE)
    left = found.available[book.group_of("a")]
    np.testing.assert_allclose(left[0], [0.3, 0.65 * 0.5, 1, 1], rtol=1e-6)
    assert found.reasons[0].tolist() == [1, 3, 0, 0]
    total = found.areas.total[book.group_of("a")] / 1e6
    np.testing.assert_allclose(total, [0.7 + 0.35, 0.5], rtol=1e-6)


def test_what_is_unknown_is_wholly_hit_by_a_rule_that_says_so_but_for_its_share() -> None:
    steep = {"layer": "slope", "above": 5, "unknown": "exclude", "usable": 0.25}
    slope = share((0, 0, 9.0))
    slope[0, 1] = np.nan
    book = rule_book([ExcludeRule.model_validate(steep)], [], METHODS)
    found = exclude_block(book, FakeLayers(slope=slope), WHOLE, INSIDE)
    assert found.available[book.group_of("a")][0].tolist() == [0.25, 0.25, 1, 1]


def test_forced_inclusion_holds_against_contiguity_too() -> None:
    blocked = np.array([[0, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]], np.float32)
    forced = np.zeros((3, 4), np.float32)
    forced[2, 3] = 1
    rules = [ExcludeRule(layer="park"), ExcludeRule.model_validate({"smaller_than": "2 km2"})]
    book = rule_book(rules, [ExcludeRule(layer="back")], METHODS)
    found = exclude_block(book, FakeLayers(park=blocked, back=forced), WHOLE, INSIDE)
    exclude_small_areas(book, GRID, [WHOLE], found.reasons, found.available, found.areas)
    left = found.available[book.group_of("a")]
    assert left[2, 3] == 1
    assert left.sum() == 1


def small_of_the_whole(left: Any, grid: AnalysisGrid, least: float, neighbours: int) -> Any:
    """By labelling the whole grid at once."""
    structure = {4: [[0, 1, 0], [1, 1, 1], [0, 1, 0]], 8: np.ones((3, 3), int)}[neighbours]
    patches, count = ndimage.label(left > 0, structure=structure)
    size = ndimage.sum_labels(left * grid.row_areas[:, None], patches, np.arange(count + 1))
    return (size < least)[patches] & (left > 0)


PATCHY = AnalysisGrid(GRID.wkt, 0.0, 13000.0, 1000.0, 13, 17)


@given(
    # eighths of a cell: sums that do not round
    hnp.arrays(np.float32, PATCHY.shape, elements=st.sampled_from([0, 0, 0, 0.125, 0.5, 1])),
    st.integers(1, 18),
    st.sampled_from([0.5e6, 2e6, 5e6, 30e6]),
    st.integers(1, 3),
    st.sampled_from([4, 8]),
)
@settings(max_examples=examples(100), deadline=None)
def test_small_patches_are_those_of_the_whole(
    left: Any, size: int, least: float, threads: int, neighbours: int
) -> None:
    small = {"smaller_than": f"{least} m2", "neighbours": neighbours}
    rules = [ExcludeRule(layer="park"), ExcludeRule.model_validate(small)]
    book = rule_book(rules, [ExcludeRule(layer="back")], {"a": ()})
    (bits,) = book.groups
    reasons = np.where(left == 0, np.uint32(1), np.uint32(0))
    reasons[5, 3:9] |= INCLUDED_BIT
    expected = small_of_the_whole(left, PATCHY, least, neighbours) & ((reasons & INCLUDED_BIT) == 0)
    kept = np.where(expected, 0, left)
    hit = np.where(expected, reasons | 2, reasons)
    removed = (left.astype(float) * 1e6)[expected].sum()
    areas = RuleAreas({bits: np.zeros(2)}, {bits: np.zeros(2)})
    blocks = list(PATCHY.blocks(size))
    exclude_small_areas(book, PATCHY, blocks, reasons, {bits: left}, areas, threads)
    assert left.tolist() == kept.tolist()
    assert reasons.tolist() == hit.tolist()
    assert areas.total[bits].tolist() == [0, removed]
    assert areas.only[bits].tolist() == [0, removed]


def spiral(count: int) -> Any:
    """A path that winds inwards and crosses every seam many times."""
    path = np.zeros((count, count), np.float32)
    low, high = 0, count - 1
    while low <= high:
        path[low, max(0, low - 2) : high + 1] = 1
        path[low : high + 1, high] = 1
        path[high, low : high + 1] = 1
        path[low + 2 : high + 1, low] = 1
        low, high = low + 2, high - 2
    return path


@pytest.mark.parametrize("size", [2, 5, 8, 40])
def test_a_winding_patch_is_one(size: int, tmp_path: Path) -> None:
    path = spiral(37)
    grid = AnalysisGrid(GRID.wkt, 0.0, 37000.0, 1000.0, 37, 37)
    assert ndimage.label(path, structure=np.ones((3, 3), int))[1] == 1
    store = DiskStore(tmp_path / "store", size)
    left = store.create("left", grid.shape, np.float32)
    left[:] = path
    blocks = list(grid.blocks(size))
    whole = float(path.sum()) * 1e6
    assert not any(small.any() for small in small_patches(left, grid, blocks, whole)[0].values())
    small, _ = small_patches(left, grid, blocks, whole + 1)
    assert all(small[block][1:].all() for block in blocks)


def test_methods_with_the_same_rules_share_a_group() -> None:
    rules = [ExcludeRule(layer="x"), ExcludeRule.model_validate({"layer": "y", "for": "b"})]
    book = rule_book(rules, [], {"a": (), "b": (), "c": ("zone",)})
    assert book.groups == {(0,): ("a",), (0, 1): ("b",), (0, 2): ("c",)}
    assert book.rules[2].name == "outside zone"


def test_rules_for_methods_that_are_not_played_are_left_out() -> None:
    rule = ExcludeRule.model_validate({"layer": "x", "for": ["z"]})
    assert rule_book([rule], [], METHODS).groups == {(): ("a", "b")}


def test_too_many_rules_are_refused() -> None:
    with pytest.raises(ConfigError, match="too many exclusion rules; got 31"):
        rule_book([ExcludeRule(layer="x")] * 31, [], METHODS)


def test_thresholds_meet_the_unit_of_the_layer() -> None:
    assert threshold("2 km", "m", "x") == 2000.0
    assert threshold("100 %", "degree", "x") == pytest.approx(45.0)
    assert threshold("45 degree", "percent", "x") == pytest.approx(100.0)
    assert threshold("3", None, "x") == 3.0
    with pytest.raises(ConfigError, match="x: the layer has no unit to compare with"):
        threshold("3 m", None, "x")
    with pytest.raises(ConfigError, match=r"x: wrong dimension; got '3 kWh'; expected .*m"):
        threshold("3 kWh", "m", "x")
    with pytest.raises(ConfigError, match=r"x: wrong dimension; got '3 degree'; expected .*1"):
        threshold("3 degree", "1", "x")


@pytest.mark.parametrize("degree", ["degree", "degrees", "deg", "°"])
@pytest.mark.parametrize("percent", ["percent", "%"])
def test_slopes_convert_by_the_tangent_however_the_unit_is_written(
    degree: str, percent: str
) -> None:
    assert threshold(f"45 {degree}", percent, "x") == pytest.approx(100.0)
    assert threshold(f"100 {percent}", degree, "x") == pytest.approx(45.0)
    assert threshold(f"15 {degree}", "degree", "x") == pytest.approx(15.0)


def test_the_width_of_a_sigmoid_is_a_difference() -> None:
    warm = FakeLayers({"t": "degC"}, t=np.full(GRID.shape, 15.0, np.float32))
    wide = Criterion.model_validate({"layer": "t", "middle": "10 degC", "width": "10 K"})
    bare = Criterion.model_validate({"layer": "t", "middle": 10, "width": 10})
    for criterion in (wide, bare):
        score = criterion_score(criterion, warm, WHOLE)
        assert score == pytest.approx(1 / (1 + np.exp(-2.0)))


SHARES = hnp.arrays(np.float32, (4, *GRID.shape), elements=st.floats(0, 1, width=32))


@given(SHARES)
def test_available_and_excluded_make_the_region_and_rules_only_take(shares: Any) -> None:
    layers = FakeLayers(**{f"r{i}": shares[i] for i in range(4)})
    rules = [ExcludeRule(layer=f"r{i}") for i in range(4)]
    before = None
    for count in range(1, 5):
        book = rule_book(rules[:count], [], {"a": ()})
        found = exclude_block(book, layers, WHOLE, INSIDE)
        (left,) = found.available.values()
        area = np.broadcast_to(GRID.row_areas[:, None], GRID.shape)
        (only,) = found.areas.only.values()
        (total,) = found.areas.total.values()
        assert (left >= 0).all()
        assert (left <= 1).all()
        assert (only <= total * (1 + 1e-9) + 1e-3).all()
        excluded = ((1 - left.astype(np.float64)) * area).sum()
        assert only.sum() <= excluded * (1 + 1e-5) + 1.0
        assert excluded <= total.sum() * (1 + 1e-5) + 1.0
        if before is not None:
            assert (left <= before).all()
        before = left


@given(SHARES)
def test_blocks_change_no_byte(shares: Any) -> None:
    layers = FakeLayers(r0=shares[0], r1=shares[1])
    book = rule_book([ExcludeRule(layer="r0"), ExcludeRule(layer="r1")], [], {"a": ()})
    whole = exclude_block(book, layers, WHOLE, INSIDE)
    (left,) = whole.available.values()
    for block in GRID.blocks(2):
        part = exclude_block(book, layers, block, INSIDE[block.slices])
        (piece,) = part.available.values()
        assert piece.tobytes() == np.ascontiguousarray(left[block.slices]).tobytes()
        assert (part.reasons == whole.reasons[block.slices]).all()


def score(criteria: list[dict[str, Any]], how: str, layers: FakeLayers) -> list[float]:
    models = [Criterion.model_validate(item) for item in criteria]
    return suitability_block(models, how, layers, WHOLE)[0].tolist()


def test_value_functions_written_out() -> None:
    x = np.tile(np.array([0, 5, 10, np.nan], np.float32), (3, 1))
    layers = FakeLayers({"x": "m"}, x=x, near=x * 1000)
    up = score([{"layer": "x", "worst": 0, "best": 10}], "mean", layers)
    assert up[:3] == [0, 0.5, 1]
    assert np.isnan(up[3])
    assert score([{"layer": "x", "best": 0, "worst": "10 m"}], "mean", layers)[:3] == [1, 0.5, 0]
    assert score([{"near": "near", "best": 0, "none": "5 km"}], "mean", layers)[:3] == [1, 0, 0]
    points = score([{"layer": "x", "points": [[0, 0.2], [5, 1], [10, 0]]}], "mean", layers)
    np.testing.assert_allclose(points[:3], [0.2, 1, 0], atol=1e-6)
    sigmoid = score([{"layer": "x", "middle": 5, "width": 5}], "mean", layers)
    np.testing.assert_allclose(sigmoid[:3], [0.01799, 0.5, 0.98201], atol=1e-5)
    assert score([{"layer": "x", "scores": {5: 0.7}}], "mean", layers)[:3] == pytest.approx(
        [0, 0.7, 0]
    )


def test_criteria_combine() -> None:
    layers = FakeLayers(
        x=np.tile(np.array([0.25, 1, 0, 1], np.float32), (3, 1)),
        y=np.tile(np.array([1, 0.5, 1, np.nan], np.float32), (3, 1)),
    )
    two = [
        {"layer": "x", "worst": 0, "best": 1, "weight": 1},
        {"layer": "y", "worst": 0, "best": 1, "weight": 3},
    ]
    np.testing.assert_allclose(score(two, "mean", layers)[:3], [0.8125, 0.625, 0.75])
    np.testing.assert_allclose(
        score(two, "geometric", layers)[:3], [0.25**0.25, 0.5**0.75, 0], rtol=1e-6
    )
    np.testing.assert_allclose(score(two, "minimum", layers)[:3], [0.25, 0.5, 0])
    for how in ("mean", "geometric", "minimum"):
        assert np.isnan(score(two, how, layers)[3])
    two[1]["weight"] = 0
    assert score(two, "minimum", layers) == [0.25, 1, 0, 1]
    assert score([], "mean", layers) == [1, 1, 1, 1]


def test_criteria_for_some_methods_only() -> None:
    both = Criterion.model_validate({"layer": "x", "worst": 0, "best": 1})
    one = Criterion.model_validate({"layer": "y", "worst": 0, "best": 1, "for": ["b"]})
    sets = criterion_sets([both, one], ["a", "b"])
    assert [(len(s.criteria), s.methods) for s in sets] == [(1, ("a",)), (2, ("b",))]


@given(
    hnp.arrays(np.float32, 20, elements=st.floats(-100, 100, width=32)),
    st.lists(
        st.tuples(st.integers(-50, 50), st.floats(0, 1)),
        min_size=2,
        max_size=5,
        unique_by=lambda p: p[0],
    ),
)
def test_piecewise_linear_is_interpolation(values: Any, points: list[tuple[float, float]]) -> None:
    points = sorted(points)
    expected = np.interp(values, [p[0] for p in points], [p[1] for p in points])
    np.testing.assert_allclose(piecewise_linear(values, points), expected, atol=2e-5)
