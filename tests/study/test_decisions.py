"""Kept plans in a study: a golden case, no spread, the same bytes whoever works."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_scenario import SCENARIO, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import ConfigError
from cdrsite.core.words import Words
from cdrsite.outputs.runfolder import RunFolder
from cdrsite.report.frame import Frame
from cdrsite.report.kept import kept_told
from cdrsite.result.study_result import StudyResult
from cdrsite.study.decisions import spread_in_value
from cdrsite.study.means import Means
from cdrsite.study.run import run

pytestmark = pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")

SOLID = Path(__file__).parents[2] / "cdrsite" / "library" / "methods" / "daccs-solid.yaml"
PURE = (
    "emissions_embodied: 0, emissions_materials: 0, emissions_chain: 0, "
    "transport_injection_loss: 0, capture_loss: 0"
)
LEAST, MOST = 1.001, 4.0
GOLDEN = f"""\
name: golden
region: {{bounds: [4000000, 3000000, 4001000, 3001000], crs: "EPSG:3035"}}
grid: {{crs: "EPSG:3035", resolution: 1 km}}
resources: {{water: {{value: 60 m3/yr, per: region}}}}
objective: {{gap: 1.0e-9}}
methods:
  a: {{library: {SOLID}, profile: literature, override: {{water: 2 m3, {PURE}}}}}
  b: {{library: {SOLID}, profile: literature, override: {{water: 5 m3, {PURE}}}}}
uncertainty:
  samples: 64
  decisions: 2
  ranges: none
  methods: {{b: {{water: {{low: {LEAST} m3, high: {MOST} m3}}}}}}
"""
"""Two methods of net factor 1 on one pool of 60: A needs 2 of it, B needs T ~ U(1, 4)."""
EVPI = 60.0 * (math.log(2.0 / LEAST) + (MOST - 2.0) / 2.0) / (MOST - LEAST) - 30.0
"""A alone is the best to decide on now: 30 t/yr (of B alone 60 ln(h / l) / (h - l) = 27.7)."""


def golden(folder: Path, *settings: str) -> StudyResult:
    path = folder / "golden.yaml"
    path.write_text(GOLDEN, encoding="utf-8")
    return run(load_scenario(path, settings), samples="maps")


def rows(result: StudyResult) -> dict[str, dict[str, Any]]:
    table = result.tables["information"]
    return {row["number"] or row["known"]: row for row in table.to_dict("records")}


def test_golden_of_one_need(tmp_path: Path) -> None:
    result = golden(tmp_path)
    found, t = rows(result), 1e-6
    assert found["everything"]["value"] / t == pytest.approx(EVPI, abs=1e-2)
    assert found["which plan"]["value"] / t == pytest.approx(EVPI, abs=2e-2)
    assert found["methods.b.override.water"]["value"] / t == pytest.approx(EVPI, abs=2e-2)
    assert found["methods.b.override.water"]["found"]
    best = result.tables["decisions"].set_index("best_mean").loc[True]
    assert np.atleast_1d(best["mean_worth"])[0] / t == pytest.approx(30.0, abs=1e-6)
    told = result.summary["uncertainty"]["decisions"]
    assert told["worth_knowing"][0]["number"] == "methods.b.override.water"
    assert told["numbers_told"]


def test_few_samples_say_nothing_of_single_numbers(tmp_path: Path) -> None:
    result = golden(tmp_path, "uncertainty.samples=8")
    assert rows(result)["everything"]["value"] > 0.0
    assert math.isnan(rows(result)["methods.b.override.water"]["value"])  # unknown, not 0
    assert not result.summary["uncertainty"]["decisions"]["numbers_told"]
    result.summary["uncertainty"]["decisions"]["everything"]["found"] = True  # as with more spread
    told = " ".join(kept_told(Frame(RunFolder(result.write(tmp_path / "run")), Words())))
    assert "too few samples" in told
    assert "than chance would give" not in told


def test_without_a_spread_there_is_no_regret(tmp_path: Path) -> None:
    same = "uncertainty.methods={b: {water: {low: 1.5 m3, central: 1.5 m3, high: 1.5 m3}}}"
    own = "methods.b.override.water=1.5 m3"
    result = golden(tmp_path, own, same, "uncertainty.samples=4")
    decisions = result.tables["decisions"]
    assert decisions["mean_worth"].to_numpy() == pytest.approx(40e-6, rel=1e-9)
    assert decisions["largest_regret"].to_numpy() == pytest.approx(0.0, abs=1e-15)
    assert rows(result)["everything"]["value"] == pytest.approx(0.0, abs=1e-15)
    assert not result.tables["information"]["found"].any()


def test_no_decisions_where_none_are_asked_for(tmp_path: Path) -> None:
    result = golden(tmp_path, "uncertainty.decisions=0", "uncertainty.samples=4")
    assert "decisions" not in result.tables
    assert "decisions" not in result.summary["uncertainty"]


UNCERTAIN = """\
objective: {gap: 1e-8}
uncertainty:
  samples: 16
  decisions: 3
  ranges: none
  prices: {electricity: {low: 40 USD/MWh, high: 90 USD/MWh}}
  numbers:
    resources.water.factor: {low: 0.5, high: 1.5}
    resources.power.intensity: {low: 0, high: 80 g/kWh}
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("decisions"), SCENARIO + UNCERTAIN)


@pytest.fixture(scope="module")
def decided(world: Path) -> StudyResult:
    return run(load_scenario(world), samples="maps")


def test_a_plan_kept_in_its_own_sample_loses_nothing(decided) -> None:
    """Regret of each sample's own plan is 0 there, so the least of its regrets is."""
    table = decided.tables["decisions"]
    own = table[table["plan"] == "sample"]
    assert len(own) == 3
    assert (own["best_in"] > 0.0).all()
    assert (table["mean_regret"] >= 0.0).all()
    assert (table["regret_p95"] >= 0.0).all()
    best = table[table["best_mean"]]["mean_regret"].item()
    assert rows(decided)["everything"]["value"] == pytest.approx(best)
    assert rows(decided)["which plan"]["value"] <= best * (1 + 1e-12)
    assert table["mean_worth"].max() == table[table["best_mean"]]["mean_worth"].item()


def test_the_same_bytes_whoever_works(world, decided, tmp_path) -> None:
    means = Means(threads=2, folder=tmp_path / "work", resume=True)
    other = run(load_scenario(world), samples="maps", means=means)
    for name in ("decisions", "information"):
        assert decided.tables[name].equals(other.tables[name]), name


def test_a_rule_that_a_kept_plan_cannot_keep_is_told_in_place_of_regret(tmp_path: Path) -> None:
    """What is built for B at a need near 1 gives 15 t/yr at 4; A gives 30 whatever B needs."""
    least = "policies=[{name: least, at_least: 20 t/yr}]"
    result = golden(tmp_path, least, "uncertainty.samples=16")
    kept = result.tables["decisions"]["keeps_rules"]
    assert kept[0] == 1.0
    assert 0.0 < kept.min() < 1.0
    assert result.tables["decisions"]["mean_regret"].isna().all()
    assert not len(result.tables["information"])
    told = result.summary["uncertainty"]["decisions"]
    assert told["keeps_rules"] == 1.0
    assert "base" not in told


@pytest.mark.parametrize("aim", ["p10", "regret"])
def test_a_robust_plan_stands_beside_those_it_is_made_of(world, aim) -> None:
    result = run(load_scenario(world, [f"objective.robust={aim}"]), samples="totals")
    table = result.tables["decisions"].set_index("plan")
    mine, others = table.loc["robust"], table.drop("robust")
    if aim == "p10":
        assert mine["worst_tenth"] >= others["worst_tenth"].max() * 0.99
        told = result.summary["uncertainty"]["decisions"]["robust"]
        assert mine["worst_tenth"] <= told["bound_of_all_plans"] * (1.0 + 1e-9)
    else:
        assert mine["largest_regret"] <= others["largest_regret"].min() * 1.02
    told = result.summary["uncertainty"]["decisions"]["robust"]
    assert told["gap"] <= 1e-2
    assert told["value"] <= told["bound"]
    assert told["of_plans"] == 5
    built = result.tables["robust"]
    assert (built[["robust_mt_yr", "plan_mt_yr"]].to_numpy() >= 0.0).all()
    assert built["robust_mt_yr"].sum() > 0.0


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["uncertainty=null"], ("objective.robust", "no sample", "give uncertainty")),
        (["uncertainty.decisions=0"], ("objective.robust", "no plans to mix")),
        (
            ["policies=[{name: least, at_least: 20 kt/yr}]"],
            ("objective.robust", "cannot keep a minimum", "policies.0"),
        ),
    ],
)
def test_a_robust_plan_that_cannot_be_is_refused(world, more, words) -> None:
    with pytest.raises(ConfigError) as caught:
        load_scenario(world, ["objective.robust=p10", *more])
    for word in words:
        assert word in str(caught.value)


def test_samples_are_spread_from_the_least_to_the_most() -> None:
    class One:
        def __init__(self, number: int, value: float) -> None:
            self.number, self.value = number, value

    known: Any = [One(i, v) for i, v in enumerate((5.0, 1.0, 9.0, 3.0, 7.0))]
    assert spread_in_value(known, 3) == [0, 1, 2]
    assert spread_in_value(known, 9) == [0, 1, 2, 3, 4]


def test_the_least_cost_of_a_target_that_all_plans_reach(tmp_path: Path) -> None:
    """Regret is cost that the best plan of a sample would have saved."""
    price = "uncertainty.prices={electricity: {low: 40 USD/MWh, high: 90 USD/MWh}}"
    goal = "objective={minimise: cost, target: 10 t/yr}"
    cheap = "methods.a.override.electricity=1500 kWh"  # dearer where electricity is
    result = golden(tmp_path, price, goal, cheap, "uncertainty.samples=16")
    table = result.tables["decisions"]
    assert (table["keeps_rules"] == 1.0).all()
    assert (table["mean_worth"] < 0.0).all()  # a cost
    assert (table["unit"] == "MUSD/yr").all()
    own = table[table["plan"] == "sample"]
    assert (own["best_in"] > 0.0).all()
    assert (table["mean_regret"] >= 0.0).all()
    assert table["mean_regret"].max() <= -table["mean_worth"].min()


@pytest.mark.slow
def test_the_same_bytes_with_two_processes(world, decided, tmp_path) -> None:
    other = run(
        load_scenario(world), samples="maps", means=Means(workers=2, folder=tmp_path / "work")
    )
    for name in ("decisions", "information"):
        assert decided.tables[name].equals(other.tables[name]), name
