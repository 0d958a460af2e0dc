"""Classes of numbers on maps: round, light to dark, one scale, and no class with most of all."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from colour_sight import SIGHT, apart, lab
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_study import METHODS, tiny_dataset, tiny_grid

from cdrsite.core.vocabulary import VARIABLES, variable
from cdrsite.core.words import LANGUAGES, Words
from cdrsite.outputs.classes import (
    CROWDED,
    SHARES,
    change_classes,
    classes_of,
    column_classes,
    dataset_classes,
    fullest,
    round_borders,
    scale_of,
)

FEW_LARGE = np.concatenate([np.linspace(1.0, 400.0, 50_000), np.geomspace(1e4, 7e5, 110)])
"""Tonnes of cells of which 0.2 % hold most, as where plants stand among trees."""


def held(values: np.ndarray, borders: tuple[float, ...] | list[float]) -> np.ndarray:
    """Share of all tonnes in each class."""
    sums = np.bincount(np.searchsorted(borders, values), values, len(borders) + 1)
    return sums / sums.sum()


def test_no_class_swallows_the_tonnes() -> None:
    classes = classes_of("net_removal", FEW_LARGE, "t/yr")
    even = round_borders(FEW_LARGE)  # what it would be without a look at the tonnes
    assert held(FEW_LARGE, even)[-1] > 0.5 and even[-1] <= 500
    assert len(classes.borders) >= 4 and FEW_LARGE.max() / classes.borders[-1] <= 10
    for border in classes.borders:  # a power of ten, or 2, 3 or 5 of one
        assert f"{border:.0e}"[0] in "1235" and float(f"{border:.0e}") == border


def test_amounts_without_such_places_keep_even_steps() -> None:
    even = classes_of("net_removal", np.linspace(0, 70_000, 500), "t/yr")
    gaps = np.diff(even.borders)
    assert np.allclose(gaps, gaps[0]) and even.steps(Words())[1].label == "up to 10\u202f000 t/yr"


def test_zero_of_a_total_is_a_class_of_its_own() -> None:
    for classes in (
        classes_of("equal_share", np.linspace(0, 70_000, 500), "t/yr"),
        classes_of("net_removal", FEW_LARGE, "t/yr"),
    ):
        first, second, *_, last = classes.steps(Words())
        assert (first.top, first.label) == (0.0, "nothing")
        assert second.label.startswith("up to ") and last.label.startswith("more than ")
        assert classes.place([0.0, 1e-6, 1e9]).tolist() == [0, 1, len(classes.borders) + 1]
    (only,) = classes_of("net_removal", np.zeros(4), "t/yr").steps(Words())
    assert only.label == "nothing"


@pytest.mark.parametrize("name", [name for name, one in VARIABLES.items() if not one.diverging])
def test_the_more_the_darker_by_every_sight(name: str) -> None:
    """Lightness falls from class to class, so that a print in grey says the same."""
    classes = classes_of(name, np.geomspace(1, 1e6, 500), "t/yr")
    assert len(classes.colours) > 3
    for seen in SIGHT.values():
        for lighter, darker in pairwise(classes.colours):
            assert lab(lighter, seen)[0] > lab(darker, seen)[0] + 2, (name, lighter, darker)


def test_the_net_factor_turns_at_zero() -> None:
    classes = classes_of("net_factor", np.linspace(-0.5, 0.9, 300), "t/t")
    assert 0.0 in classes.borders
    for step in classes.steps(Words()):
        red, _, blue = (int(step.colour[i : i + 2], 16) for i in (1, 3, 5))
        assert (red > blue) == (step.top <= 0), step


def test_shares_have_the_same_classes_in_every_study() -> None:
    shares = np.array([0.0] * 10 + [0.5] * 4 + [1.0] * 500)
    for name in ("available", "suitability", "reach", "probability_any"):
        classes = classes_of(name, shares, "1")
        assert classes.borders == SHARES
        assert classes.steps(Words())[1].label == "20 to 40 %"


def test_what_is_read_side_by_side_shares_a_scale() -> None:
    tonnes = ("allocated", "removal_p05", "removal_p95", "net_removal_at")
    assert {scale_of(name) for name in tonnes} == {"net_removal"}
    assert {scale_of(name) for name in ("plan_cost", "plan_cost_p50")} == {"plan_cost"}
    for name in VARIABLES:  # a scale is a variable of the same unit and colours
        one, other = variable(name), variable(scale_of(name))
        assert (one.unit, one.colours) == (other.unit, other.colours), name
        assert scale_of(other.name) == other.name


def test_a_scale_covers_all_methods() -> None:
    dataset = tiny_dataset(tiny_grid())
    dataset["cost"].values[:] = np.nan
    dataset["cost"].values[0, 0, :3] = (10.0, 11.0, 12.0)
    dataset["cost"].values[1, 1, :3] = (1000.0, 1100.0, 1200.0)
    borders = dataset_classes(dataset, "cost").borders
    assert borders == classes_of("cost", dataset["cost"].values, "USD/t").borders
    assert borders[0] < 1000 and borders[-1] > 12, METHODS


def test_changes_have_the_same_classes_above_and_below_zero() -> None:
    values = np.concatenate([[np.nan, 0.0], -np.linspace(1, 900, 3800), np.geomspace(1e6, 5e6, 9)])
    classes = change_classes(values, "t/yr")
    assert classes.borders == tuple(-border for border in reversed(classes.borders))
    assert values[np.isfinite(values)].max() / classes.borders[-1] <= 10
    labels = [step.label for step in classes.steps(Words(), with_unit=False)]
    assert labels[3] == "no change" and labels[-1] == "more than +1\u202f000\u202f000"
    assert labels[0] == "up to −1\u202f000\u202f000"
    places = classes.place([-2e6, -1e-9, 0.0, 1e-9, 2e6]).tolist()
    assert places == [0, 2, 3, 4, 6]
    few, *_, many = classes.colours
    assert apart(few, many) > 12
    assert change_classes(np.zeros(3), "t/yr").borders[-1] > 0


def test_labels_are_in_the_language_and_the_unit_of_people() -> None:
    for lang in LANGUAGES:
        words = Words(lang)
        steps = classes_of("supply_electricity", np.linspace(1e6, 9e6, 50), "kWh/yr").steps(words)
        assert all(step.label.endswith(words.unit("GWh/yr")) for step in steps)
    chinese = [step.label for step in classes_of("cost", [1.0, 2, 3], "USD/t").steps(Words("zh"))]
    assert chinese[0].startswith("不超过") and chinese[-1].startswith("超过")


@settings(max_examples=examples(60), deadline=None)
@given(
    st.lists(st.floats(-1e9, 1e9, allow_subnormal=False), max_size=40),
    st.booleans(),
    st.sampled_from([1.0, 1e3, 0.01]),
)
def test_borders_ascend_inside_the_values(values: list[float], adds_up: bool, size: float) -> None:
    array = np.array(values, np.float64)
    for borders in (
        round_borders(array, size, adds_up=adds_up, zero=True),
        list(column_classes(array, "Greens", per=1 / size, adds_up=adds_up).borders),
    ):
        assert borders == sorted(set(borders))
        assert all(array.min() <= border <= array.max() for border in borders)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.floats(1e-6, 1e9), min_size=2, max_size=60))
def test_a_class_that_holds_most_is_narrow(values: list[float]) -> None:
    """Where one class holds most of the tonnes, it spans no more than a power of ten."""
    array = np.array(values)
    borders = round_borders(array, adds_up=True)
    if not borders:
        return
    shares = held(array, borders)
    order = np.sort(array)  # what lies below a hundredth of the tonnes needs no class
    least = order[np.searchsorted(np.cumsum(order), 0.01 * order.sum())]
    ends = [min(least, borders[0]), *borders, array.max()]
    for share, (low, high) in zip(shares, pairwise(ends), strict=True):
        assert share <= CROWDED or high / low <= 10 * (1 + 1e-9), (share, low, high)


def test_steps_of_a_factor_are_taken_only_where_they_part_the_values_better() -> None:
    rng = np.random.default_rng(5)
    close = np.concatenate([rng.uniform(40, 70, 100), rng.uniform(117, 134, 900)])
    borders = round_borders(close)
    ones = np.ones(close.size)
    assert fullest(close, ones, borders) <= fullest(close, ones, [50.0, 100.0])
    assert max(borders) > 100  # the many are not all in the class without an end
    far = np.concatenate([rng.uniform(1, 10, 900), rng.uniform(1e4, 1e5, 100)])
    assert min(round_borders(far)) <= 10  # even steps would begin at ten thousand


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("zeros", [0, 1, 5])
def test_the_one_amount_beside_nothing_is_told_and_not_nothing(sign: float, zeros: int) -> None:
    """Where all that is anywhere is alike, the class says how much: zero is no part of it."""
    values = np.array([0.0] * zeros + [sign * 5.0, sign * 5.0])
    classes = column_classes(values, "YlGn", unit="Mt/yr", adds_up=True)
    assert not classes.borders and classes.only == sign * 5.0
    assert column_classes(np.zeros(3), "YlGn", adds_up=True).only == 0.0
