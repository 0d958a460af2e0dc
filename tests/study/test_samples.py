"""Samples of a study: each one is the run with its numbers, whoever works, in whatever order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples import first_every_day
from tiny_scenario import SCENARIO, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import ConfigError
from cdrsite.engine.passes import Threads, Workspace
from cdrsite.result.study_result import StudyResult
from cdrsite.study import ensemble
from cdrsite.study.means import Means
from cdrsite.study.run import list_numbers, run
from cdrsite.study.samplemaps import CELL_ARRAYS, LIKELY, SHARE_ARRAYS

pytestmark = pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")

MAPS = (*SHARE_ARRAYS, *CELL_ARRAYS, LIKELY)
UNCERTAIN = """\
objective: {gap: 1e-8}
uncertainty:
  samples: 8
  prices: {electricity: {low: 40 USD/MWh, high: 90 USD/MWh}}
  discount_rate: {low: 3 %, high: 10 %}
  numbers:
    resources.water.factor: {low: 0.5, high: 1.5}
    resources.power.intensity: {low: 0, high: 80 g/kWh}
  methods:
    daccs-solid: {profile: {either: [{value: literature, weight: 3}, {value: waste-heat}]}}
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("samples"), SCENARIO + UNCERTAIN)


@pytest.fixture(scope="module")
def sampled(world: Path) -> StudyResult:
    return run(load_scenario(world), samples="maps")


def settings_of(result: StudyResult, number: int) -> list[str]:
    """A sample's values as ``--set`` texts."""
    row = result.tables["samples"].iloc[number].to_dict()
    known = result.tables["uncertain"]
    paths = known[known["law"] != "held"]["number"]
    values = {path: row[path] for path in paths if row[path] == row[path]}  # NaN: not drawn here
    return [f"{path}={v if isinstance(v, str) else float(v)!r}" for path, v in values.items()]


@pytest.mark.parametrize("number", first_every_day(range(8)))
def test_a_sample_is_the_run_with_its_numbers(world, sampled, number) -> None:
    alone = run(load_scenario(world, settings_of(sampled, number)), samples="none")
    row = sampled.tables["samples"].iloc[number]
    assert row["status"] == "optimal"
    assert row["value"] == pytest.approx(alone.summary["objective"]["value"], rel=1e-6)
    assert row["bound"] == pytest.approx(alone.summary["objective"]["value"], rel=1e-6)
    of_run = alone.tables["methods"].set_index("method")["net_mt_yr"]
    assert row["net_mt_yr"] == pytest.approx(of_run.sum(), rel=1e-6)


def test_samples_differ(sampled) -> None:
    table = sampled.tables["samples"]
    assert table["net_mt_yr"].std() > 0.01 * table["net_mt_yr"].mean()
    assert set(table["methods.daccs-solid.profile"]) == {"literature", "waste-heat"}


def test_shares_and_states(sampled) -> None:
    data = sampled.dataset
    reach, used = data["reach"].to_numpy(), data["probability"].to_numpy()
    known = np.isfinite(reach)
    assert known.any()
    assert (used[known] <= reach[known]).all()
    assert (reach[known] <= 1.0).all()
    state = data["state"].to_numpy()
    assert np.isnan(reach[:, state >= 250]).all()
    some = data["probability_any"].to_numpy()
    np.testing.assert_array_equal(np.isfinite(some), known.any(axis=0))
    low, middle, high = (data[f"removal_p{n}"].to_numpy() for n in ("05", "50", "95"))
    there = np.isfinite(some)
    assert (low[there] <= middle[there]).all()
    assert (middle[there] <= high[there]).all()
    winner = data["winner_likely"].to_numpy()
    assert set(winner[there]) <= {0, 1, 2, 3}
    np.testing.assert_array_equal(winner[~there], data["winner"].to_numpy()[~there])


def test_what_is_laid_out_is_what_the_samples_say(sampled) -> None:
    assert sampled.summary["uncertainty"]["largest_error_of_laying_out"] < 1e-6
    assert sampled.summary["uncertainty"]["largest_gap"] < 1e-6


def same_maps(one: StudyResult, other: StudyResult) -> None:
    for name in MAPS:
        mine, theirs = (x.dataset[name].to_numpy() for x in (one, other))
        assert mine.tobytes() == theirs.tobytes(), name


def same_samples(one: StudyResult, other: StudyResult) -> None:
    same_maps(one, other)
    for name in ("samples", "pools_uncertain", "totals_uncertain"):
        assert one.tables[name].equals(other.tables[name]), name


def test_the_same_bytes_with_two_threads(world, sampled) -> None:
    same_samples(sampled, run(load_scenario(world), samples="maps", means=Means(threads=2)))


def test_the_same_bytes_for_any_piece(world, sampled, monkeypatch) -> None:
    monkeypatch.setattr(ensemble, "PIECE", 5)
    same_maps(sampled, run(load_scenario(world), samples="maps"))


def test_the_same_bytes_when_it_goes_on(world, sampled, tmp_path, monkeypatch) -> None:
    means = Means(folder=tmp_path / "work", resume=True)
    solve, count = ensemble.SolveSample.__call__, [0]

    def stops(self: Any, number: int) -> Any:
        count[0] += 1
        if count[0] == 6:
            raise KeyboardInterrupt
        return solve(self, number)

    with monkeypatch.context() as patch:
        patch.setattr(ensemble.SolveSample, "__call__", stops)
        with pytest.raises(KeyboardInterrupt):
            run(load_scenario(world), samples="maps", means=Means(**{**vars(means), "threads": 1}))
    solved: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(
            ensemble.SolveSample, "__call__", lambda s, n: (solved.append(n), solve(s, n))[1]
        )
        same_samples(sampled, run(load_scenario(world), samples="maps", means=means))
    assert len(solved) == 3  # five were there


@pytest.mark.slow
def test_the_same_bytes_with_two_processes(world, sampled, tmp_path) -> None:
    means = Means(workers=2, folder=tmp_path / "work")
    same_samples(sampled, run(load_scenario(world), samples="maps", means=means))


def test_a_sample_is_the_same_among_more(world, sampled) -> None:
    """Sobol points extend themselves; the dimensions here are fewer than those that do."""
    few = ["uncertainty.ranges=none"]
    small = run(load_scenario(world, few), samples="totals").tables["samples"]
    large = run(load_scenario(world, [*few, "uncertainty.samples=16"]), samples="totals")
    assert small.equals(large.tables["samples"].iloc[:8])
    assert "reach" not in large.dataset


def test_without_a_spread_all_is_sure(world) -> None:
    more = [
        "uncertainty={samples: 4, ranges: none,"
        " numbers: {transport.leakage: {low: 0.0005, high: 0.0005}}}"
    ]
    result = run(load_scenario(world, more), samples="maps")
    data = result.dataset
    for name in ("reach", "probability", "probability_any", "winner_share"):
        shares = data[name].to_numpy()
        assert set(np.unique(shares[np.isfinite(shares)])) <= {0.0, 1.0}
    table = result.tables["samples"]
    assert table["value"].nunique() == 1
    assert table["value"][0] == pytest.approx(result.summary["objective"]["value"], rel=1e-8)
    used = data["allocated"].to_numpy() > 0
    tied = data["interchangeable"].to_numpy() > 0
    mine = data["probability"].to_numpy() == 1.0
    assert (used == mine)[:, ~tied].mean() > 0.95


def test_the_cells_of_the_study_itself_have_the_bytes_of_the_run(world, monkeypatch) -> None:
    """What the competition reads of cells is the same, whether a run or a sample scores them."""
    from cdrsite.study import run as stages

    seen: dict[str, Any] = {}
    compete = stages.compete

    def looking(setting: Any, offers: Any, cells: Any, space: Any, *others: Any) -> Any:
        seen.update(setting=setting, offers=offers, cells=cells, space=space)
        return compete(setting, offers, cells, space, *others)

    monkeypatch.setattr(stages, "compete", looking)
    run(load_scenario(world), samples="none")
    setting, offers, cells = seen["setting"], seen["offers"], seen["cells"]
    drawn = ensemble.ensemble_of(setting)
    study = ensemble.SampledStudy(setting, offers, drawn)
    every = ensemble.all_cells(setting, study, seen["space"])
    thin = ensemble.thinned(study, every, seen["space"], 10_000)
    assert thin.land is None
    mine = study.unchanged().in_cells(thin.kept).cells(0, thin.kept.count)
    possible = (mine.upper > 0).any(axis=0)
    layout = cells.layout
    theirs = layout.cells(cells.matrix(0, cells.n_cells))
    assert possible.sum() == cells.n_cells
    for name in ("land", "upper", "net", "cost", "need", "sink", "local"):
        a, b = getattr(mine, name), getattr(theirs, name)
        if a is None or b is None:
            assert a is None
            assert b is None
            continue
        assert a[..., possible].astype(b.dtype).tobytes() == np.ascontiguousarray(b).tobytes(), name


def test_a_thinned_problem_is_near_the_whole(world, sampled, monkeypatch) -> None:
    monkeypatch.setattr(ensemble, "WANTED", 6)
    monkeypatch.setattr("cdrsite.study.samples.MAX_GROUPS", 1)
    rough = run(load_scenario(world), samples="maps")
    assert rough.summary["uncertainty"]["thinned_cells"] < rough.summary["uncertainty"]["cells"]
    whole, few = (x.tables["samples"] for x in (sampled, rough))
    # the bound over the true cells is one, whatever the prices
    assert (few["bound"] >= whole["value"] * (1 - 1e-6)).all()
    np.testing.assert_allclose(few["value"], whole["value"], rtol=0.2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "{methods: {beccs-residue: {capex: {low: 3383 USD/(t/yr), high: 742 USD/(t/yr)}}}}",
            ("low above high", "uncertainty.methods.beccs-residue.capex", "exchange them"),
        ),
        ("{samples: 200}", ("not a power of two", "200", "256")),
        (
            "{methods: {daccs-solid: {hat: {low: 1, high: 2}}}}",
            ("no such number", "daccs-solid.hat", "sample --list"),
        ),
        (
            "{methods: {daccs-solid: {profile: {either: [{value: literatur}, {value: chp}]}}}}",
            ("unknown profile", "literatur", "literature"),
        ),
        ("{supplies: {rock: {relative: 0.2}}}", ("nothing to be uncertain about", "rock")),
        ("{ranges: none}", ("no number of the study is uncertain", "ranges: library")),
        (
            "{together: {of: [daccs-solid.capex, hat], correlation: 0.5}}",
            ("uncertainty.together",),
        ),
        (
            "{together: [{of: [daccs-solid.capex, hat], correlation: 0.5}]}",
            ("no uncertain number of that name", "hat"),
        ),
        ("{margin: 3 m}", ("uncertainty.margin",)),
        ("{layers: {nothing: {relative: 0.2}}}", ("no layer of that name", "nothing")),
        ("{storage: low-central-high}", ("no storage units", "uncertainty.storage")),
    ],
)
def test_what_does_not_fit_is_refused(world, text, words) -> None:
    with pytest.raises(ConfigError) as caught:
        run(load_scenario(world, [f"uncertainty={text}"]))
    for word in words:
        assert word in str(caught.value)


def test_a_sample_in_conflict_is_a_result(world) -> None:
    """A minimum that only some samples can reach: the others have no plan, and it is told."""
    base = run(load_scenario(world), samples="totals").tables["samples"]["net_mt_yr"]
    least = float(base.median()) * 1e6
    more = [f"policies=[{{name: least, at_least: {least} t/yr}}]"]
    result = run(load_scenario(world, more), samples="totals")
    assert any("have no plan" in text and "rule 8" in text for text in result.warnings)
    status = result.tables["samples"]["status"]
    assert set(status) == {"optimal", "infeasible"}
    assert result.summary["uncertainty"]["infeasible"] == int((status == "infeasible").sum())
    assert (result.tables["samples"]["net_mt_yr"].dropna() >= least / 1e6 * (1 - 1e-6)).all()


def test_the_list_says_what_is_drawn_and_what_is_held(world) -> None:
    table = list_numbers(load_scenario(world)).set_index("number")
    price = table.loc["costs.prices.electricity"]
    assert (price["low"], price["high"]) == pytest.approx((0.04, 0.09))
    assert table.loc["costs.prices.water", "why_held"] == "no range known"
    heat = table.loc["methods.beccs-residue.override.biomass"]
    assert heat["source"] == "derived"
    assert heat["low"] < heat["high"]


def test_pools_and_layers_err_together_or_apart(world) -> None:
    text = (
        "uncertainty={samples: 16, ranges: none, supplies: {water: {relative: 30 %, together: 1}}}"
    )
    result = run(load_scenario(world, [text]), samples="totals")
    table = result.tables["samples"]
    west, east = table["supplies.water: west"], table["supplies.water: 东"]
    np.testing.assert_allclose(west, east, rtol=1e-9)
    assert west.mean() == pytest.approx(1.0, abs=0.1)
    pools = result.tables["pools_uncertain"].set_index("zone")
    assert pools.loc["west", "limit_p05"] < 120_000 < pools.loc["west", "limit_p95"]
    more = [
        "uncertainty={samples: 8, ranges: none, layers: {residues: {relative: 25 %}}}",
        "resources.water={unlimited: true}",
    ]
    table = run(load_scenario(world, more), samples="totals").tables["samples"]
    normal = table["layers.residues (standard deviations)"]
    beccs = table["net_mt_yr_beccs_residue"]
    assert np.corrcoef(normal, beccs)[0, 1] > 0.9


def test_a_field_of_errors_moves_cells_apart(world) -> None:
    text = (
        "uncertainty={samples: 8, ranges: none, layers: {residues: {relative: 25 %, range: 2 km}}}"
    )
    result = run(load_scenario(world, [text]), samples="maps")
    assert result.tables["samples"]["net_mt_yr_beccs_residue"].std() > 0
    spread = (result.dataset["removal_p95"] - result.dataset["removal_p05"]).to_numpy()
    assert np.nanmax(spread) > 0


def test_a_workspace_remembers_numbers_it_has_worked_on(tmp_path) -> None:
    space = Workspace.in_folder(tmp_path / "work", 256, runner=Threads(1))
    assert list(space.every("squares", lambda n: n * n, [3, 5])) == [9, 25]
    done: list[int] = []
    again = Workspace.in_folder(tmp_path / "work", 256, runner=Threads(2))
    found = list(again.every("squares", lambda n: done.append(n) or n * n, [3, 4, 5, 6]))
    assert found == [9, 16, 25, 36]
    assert sorted(done) == [4, 6]
