"""Which assumptions of a batch matter: spans of runs that differ in one of them only."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_run import Page

from cdrsite.compare.batch_result import BatchResult
from cdrsite.compare.effects import effects, untold
from cdrsite.compare.effects_page import effects_section
from cdrsite.compare.sheet import sheet_of
from cdrsite.compare.values import assumption_value, assumption_words
from cdrsite.config.keyunits import unit_of
from cdrsite.core.words import LANGUAGES, Words

POWER, RATE, WATER = "costs.prices.electricity", "costs.discount_rate", "resources.water.factor"


def batch(rows: dict[str, tuple[float, float]], **keys: tuple[str, ...]) -> BatchResult:
    """Runs with tonnes and cost, and the values of the keys in each."""
    table = pd.DataFrame(
        [
            {"run": run, "status": "optimal", "net_mt_yr": net, "mean_cost_usd_t": cost, "gap": 0.0}
            for run, (net, cost) in rows.items()
        ]
    )
    names = {"power": POWER, "rate": RATE, "water": WATER}
    varies = [
        (names[key], run, value)
        for key, values in keys.items()
        for run, value in zip(rows, values, strict=True)
    ]
    return BatchResult(table, varies=pd.DataFrame(varies, columns=["assumption", "run", "value"]))


ONE_BY_ONE = batch(
    {"base": (10.0, 100.0), "cheap": (12.0, 90.0), "dear": (9.0, 115.0), "late": (10.5, 160.0)},
    power=("0.06", "0.02", "0.12", "0.06"),
    rate=("0.07", "0.07", "0.07", "0.12"),
)


def test_one_at_a_time_each_assumption_has_its_own_span() -> None:
    table = effects(ONE_BY_ONE.table, ONE_BY_ONE.varies)
    found = {(row.result, row.rank): row for row in table.itertuples()}
    most = found["net_mt_yr", 1]
    assert (most.assumption, most.low, most.high, most.span) == (POWER, 9.0, 12.0, 3.0)
    assert (most.low_at, most.high_at, most.low_run, most.high_run) == (
        "0.12", "0.02", "dear", "cheap",
    )  # fmt: skip
    assert found["net_mt_yr", 2].span == pytest.approx(0.5)
    cost = found["mean_cost_usd_t", 1]  # the order differs by what is asked
    assert (cost.assumption, cost.span, cost.unit) == (RATE, 60.0, "USD/t")
    assert not untold(ONE_BY_ONE.table, ONE_BY_ONE.varies)


def test_of_all_combinations_the_largest_span_counts_and_the_least_is_told() -> None:
    found = batch(
        {"a": (10.0, 1.0), "b": (12.0, 1.0), "c": (20.0, 1.0), "d": (27.0, 1.0)},
        power=("1", "2", "1", "2"),
        rate=("1", "1", "2", "2"),
    )
    table = found.effects.set_index(["result", "assumption"])
    power = table.loc[("net_mt_yr", POWER)]
    assert (power["span"], power["least_span"], power["settings"]) == (7.0, 2.0, 2)
    assert table.loc[("net_mt_yr", RATE)]["span"] == 15.0
    assert (table.loc["mean_cost_usd_t"]["span"] == 0).all()


def test_what_changes_together_is_one_and_what_never_changes_alone_is_told_so() -> None:
    together = batch({"a": (1.0, 1.0), "b": (4.0, 1.0)}, power=("1", "2"), rate=("3 %", "9 %"))
    (row, _) = together.effects.itertuples()
    assert (row.assumption, row.span) == (f"{POWER} + {RATE}", 3.0)
    assert (row.low_at, row.high_at) == ("1 + 3 %", "2 + 9 %")
    mixed = batch(
        {"a": (1.0, 1.0), "b": (4.0, 1.0), "c": (5.0, 1.0)},
        power=("1", "2", "1"),
        rate=("1", "1", "2"),
        water=("1", "2", "2"),
    )
    assert not len(mixed.effects)
    assert untold(mixed.table, mixed.varies) == [POWER, RATE, WATER]


def test_a_span_within_the_proven_gaps_is_said_to_be() -> None:
    found = batch({"a": (10.0, 1.0), "b": (10.05, 1.0)}, power=("1", "2"))
    found.table["gap"] = 0.004
    assert list(found.effects["within_gap"]) == [True, True]
    found.table["gap"] = 0.001
    assert list(found.effects["within_gap"]) == [False, True]


def test_failed_runs_and_unknown_results_count_for_nothing() -> None:
    found = batch({"a": (10.0, float("nan")), "b": (12.0, 5.0)}, power=("1", "2"))
    found.table = pd.concat([found.table, pd.DataFrame([{"run": "c", "status": "failed"}])])
    (row,) = found.effects.itertuples()
    assert (row.result, row.span) == ("net_mt_yr", 2.0)


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=3), st.permutations(range(8)))
def test_of_a_sum_of_effects_each_is_found_whatever_the_order(
    sizes: list[float], order: list[int]
) -> None:
    """An oracle: where effects add up, every span is the effect itself."""
    corners = list(itertools.product((0, 1), repeat=3))
    corners = [corners[place] for place in order]
    rows = {
        str(corner): (10 + sum(s * c for s, c in zip(sizes, corner, strict=True)), 1.0)
        for corner in corners
    }
    values = [tuple(str(corner[place]) for corner in corners) for place in range(3)]
    found = batch(rows, **dict(zip(("power", "rate", "water"), values, strict=True)))
    table = found.effects.set_index(["result", "assumption"]).loc["net_mt_yr"]
    for key, size in zip((POWER, RATE, WATER), sizes, strict=True):
        assert table.loc[key]["span"] == pytest.approx(abs(size), abs=1e-7)
    assert list(table["rank"]) == [1, 2, 3] and table["span"].is_monotonic_decreasing


def test_bars_are_as_long_as_the_spans_and_the_line_is_the_first_run() -> None:
    page = Page(effects_section(sheet_of([], Words()), ONE_BY_ONE))
    bars = [(float(str(r["x"])), float(str(r["width"]))) for r in page.all("rect")]
    # tonnes from 9 to 12; cost from 90 to 160
    assert bars[0] == pytest.approx((0.0, 1000.0))
    assert bars[1] == pytest.approx((1000 / 3, 500 / 3), abs=0.01)
    assert bars[2] == pytest.approx((1000 / 7, 6000 / 7), abs=0.01)
    lines = [float(str(line["x1"])) for line in page.all("line")]
    assert lines == pytest.approx([1000 / 3] * 2 + [1000 / 7] * 2, abs=0.01)
    assert "price of electricity (9.00 to 12.0 Mt a year, a span of 25\u202f%)" in page.source
    assert "discount rate (100 to 160 USD for a net tonne, a span of 38\u202f%)" in page.source
    assert page.source.count("0.02 USD/kWh") == 2 and "12\u202f%" in page.source


def test_ends_that_three_digits_do_not_tell_apart_have_more() -> None:
    found = batch({"a": (24.8847, 1.0), "b": (24.8651, 1.0)}, power=("1", "2"))
    page = Page(effects_section(sheet_of([], Words()), found))
    assert "24.87" in page.source and "24.88" in page.source


@pytest.mark.parametrize("lang", LANGUAGES)
def test_nothing_is_said_of_effects_that_no_two_runs_tell(lang: str) -> None:
    found = batch(
        {"a": (1.0, 1.0), "b": (4.0, 1.0), "c": (5.0, 1.0)},
        power=("1", "2", "1"),
        rate=("1", "1", "2"),
        water=("1", "2", "2"),
    )
    source = effects_section(sheet_of([], Words(lang)), found)
    assert Words(lang)("effects.none") in source and "<rect" not in source


@pytest.mark.parametrize(
    ("key", "unit"),
    [
        (POWER, "USD/kWh"),
        (RATE, "1"),
        ("objective.target", "t/yr"),
        ("network.plants.daccs-solid.least", "t/yr"),
        ("siting.exclude.[near towns].closer_than", "m"),
        ("siting.exclude.3.above", ""),
        ("costs.base_year", ""),
        ("nothing.like.it", ""),
    ],
)
def test_units_of_keys_are_those_of_the_schema(key: str, unit: str) -> None:
    assert unit_of(key) == unit


def test_values_are_read_with_their_units() -> None:
    words = Words()
    assert assumption_value(words, "0.06", key=POWER) == "0.06 USD/kWh"
    assert assumption_value(words, "0.07", key=RATE) == "7\u202f%"
    assert assumption_value(words, "literature", key="methods.daccs-solid.profile") == "literature"
    assert assumption_value(words, "0.06") == "0.06"
    assert assumption_words(words, f"{POWER} + siting.exclude.3.above") == (
        "price of electricity + siting.exclude.3.above"
    )
