"""Low and high of a plan's costs: ends of records, costs there, and how they are put together."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_scenario import COLS, ROWS, SCENARIO, write_raster, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.methods.model import method_model
from cdrsite.result.study_result import StudyResult
from cdrsite.sampling.numbers import known_ends
from cdrsite.study.ranges import band
from cdrsite.study.run import run

pytestmark = pytest.mark.usefixtures("without_slopes")

SOLID = "methods.daccs-solid"
Study = Callable[..., StudyResult]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One method in an uneven climate, limited by land alone: its plan does not ask for cost."""
    folder = tmp_path_factory.mktemp("world")
    warm = np.linspace(5, 25, ROWS * COLS, dtype=np.float32).reshape(ROWS, COLS)
    write_raster(folder / "warm.tif", warm)
    write_raster(folder / "damp.tif", 40 + warm)
    layers = (
        "  warm: {path: warm.tif, unit: degC, kind: intensive}\n"
        "  damp: {path: damp.tif, unit: '%', kind: intensive}\n"
    )
    text = SCENARIO.replace("  parks:", layers + "  parks:", 1).replace("  beccs-residue: {}\n", "")
    text = text.replace("  afforestation: {gates: false}\n", "").replace("{profile: literature}", (
        "{profile: literature, climate: {temperature: warm, humidity: damp, "
        "reference: {temperature: 10, humidity: 78}}, "
        "override: {land_direct: 10000 m2/(t/yr)}}"
    ))  # fmt: skip
    return write_world(folder, text)


@pytest.fixture(scope="module")
def study(world: Path) -> Study:
    def made(*settings: str) -> StudyResult:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CdrsiteWarning)
            return run(load_scenario(world, settings))

    return made


@pytest.fixture(scope="module")
def plain(study: Study) -> StudyResult:
    return study()


def rows(result: StudyResult) -> dict[str, dict[str, Any]]:
    return {row["parameter"]: row for row in result.tables["cost_ranges"].to_dict("records")}


@pytest.mark.parametrize(
    ("parameter", "end"),
    [("heat_pump_cop", "low"), ("capex", "high"), ("emissions_materials", "low")],
)
def test_a_cost_at_an_end_is_that_of_a_run_with_that_number(
    plain: StudyResult, study: Study, parameter: str, end: str
) -> None:
    """The oracle: another run; of the climate factors, the investment, and the net tonnes."""
    row = rows(plain)[parameter]
    base = plain.scenario.costs.base_year
    unit = row["unit"].replace("USD", f"USD{base}")
    other = study(f"{SOLID}.override.{parameter}={row[end]!r} {unit}")
    mean, central = (r.summary["methods"]["daccs-solid"] for r in (other, plain))
    assert mean["gross_mt_yr"] == pytest.approx(central["gross_mt_yr"])
    assert row[f"usd_net_t_at_{end}"] == pytest.approx(mean["mean_cost_usd_t"], rel=1e-5)
    assert mean["mean_cost_usd_t"] != pytest.approx(central["mean_cost_usd_t"], rel=1e-4)


def test_the_band_of_a_run_follows_from_its_table(plain: StudyResult) -> None:
    one, known = plain.summary["costs"]["daccs-solid"], rows(plain)
    central = one["net_usd_t"]
    ends = [
        [row[f"usd_net_t_at_{end}"] - central for end in ("low", "high")] for row in known.values()
    ]
    down = math.sqrt(sum(math.log(1 + min(0.0, *both) / central) ** 2 for both in ends))
    up = math.sqrt(sum(max(0.0, *both) ** 2 for both in ends))
    assert one["low_usd_t"] == pytest.approx(central * math.exp(-down))
    assert one["high_usd_t"] == pytest.approx(central + up)
    moved = sorted(known, key=lambda name: -max(abs(by) for by in ends[list(known).index(name)]))
    assert one["decides"] == moved[:3] and len(moved) > 3
    assert one["ranged"] == len(known) < one["numbers"]
    assert "land_direct" not in known  # the scenario's own number has no range


def test_ends_are_those_of_the_records_in_the_studys_money(world: Path) -> None:
    scenario = load_scenario(world)
    model = method_model("daccs-solid", scenario)
    ends, record = known_ends(model, scenario), model.profile.get("capex")
    assert record is not None and record.low is not None and record.high is not None
    factor = model.numbers["capex"] / float(record.value or 0)
    assert ends["capex"] == pytest.approx((record.low * factor, record.high * factor))
    assert "land_direct" not in ends and "fixed_om" not in ends  # replaced, and none given
    # costs of another basis keep the relative range
    early = load_scenario(world, [f"{SOLID}.cost_basis=foak"])
    first = method_model("daccs-solid", early)
    assert first.numbers["capex"] > 1.5 * model.numbers["capex"]
    ratio = first.numbers["capex"] / float(record.value or 0)
    assert known_ends(first, early)["capex"] == pytest.approx(
        (record.low * ratio, record.high * ratio)
    )


def test_a_band_by_hand() -> None:
    ratios = [(0.7, 1.4), (1.3, 0.6), (math.nan, 1.0)]
    low, high = band(ratios, 100.0)
    assert low == pytest.approx(100 * math.exp(-math.hypot(math.log(0.7), math.log(0.6))))
    assert high == pytest.approx(100 + math.hypot(40, 30))
    assert band([], 5.0) == (5.0, 5.0)
    assert band([(0.9, math.inf)], 10.0) == (pytest.approx(9.0), math.inf)
    # a cost that is a gain, or turns into one
    assert band([(-0.5, 2.0)], 10.0) == pytest.approx((-5.0, 20.0))
    assert band([(1.1, 0.8)], -10.0) == pytest.approx((-11.0, -8.0))


@given(st.lists(st.tuples(st.floats(0.2, 3), st.floats(0.2, 3)), max_size=6), st.floats(1, 1e4))
def test_a_band_holds_the_cost_and_every_end_and_grows_with_each(
    ratios: list[tuple[float, float]], central: float
) -> None:
    low, high = band(ratios, central)
    near = 1e-9 * central
    for ratio in [1.0, *(one for both in ratios for one in both)]:
        assert low - near <= ratio * central <= high + near
    fewer_low, fewer_high = band(ratios[:-1], central)
    assert high >= fewer_high - near
    assert low <= fewer_low + near
    assert low > 0
