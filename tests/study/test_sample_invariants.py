"""What no sample may depend on: who works, in which blocks, what came before or is remembered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_scenario import SCENARIO, write_raster, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.grid import Block
from cdrsite.result.study_result import StudyResult
from cdrsite.scoring.evaluate import evaluate, limits_of
from cdrsite.study import cells, ensemble, samplemaps
from cdrsite.study.kept import KeptReader
from cdrsite.study.means import Means
from cdrsite.study.run import run

pytestmark = pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")

UNCERTAIN = """\
objective: {gap: 1e-8}
uncertainty:
  samples: 8
  ranges: none
  prices: {electricity: {low: 40 USD/MWh, high: 90 USD/MWh}}
  supplies: {water: {relative: 30 %, together: 0.5}}
  numbers:
    resources.power.intensity: {low: 0, high: 80 g/kWh}
  layers:
    residues: {relative: 25 %, range: 3 km}
    warm: {relative: 10 %}
"""
WARM = SCENARIO.replace(
    "  daccs-solid: {profile: literature}",
    "  daccs-solid: {profile: literature, climate: {temperature: warm, humidity: moist,\n"
    "    reference: {temperature: 15, humidity: 60}}}",
).replace(
    "  parks: {path",
    "  warm: {path: warm.tif, unit: degC, kind: intensive}\n"
    '  moist: {path: moist.tif, unit: "%", kind: intensive}\n'
    "  parks: {path",
)
MAPS = (*samplemaps.SHARE_ARRAYS, *samplemaps.CELL_ARRAYS, samplemaps.LIKELY)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("invariants")
    rise = np.tile(np.arange(8, dtype=np.float32), (6, 1))
    write_raster(folder / "warm.tif", 5.0 + 2.0 * rise, nodata=-9999)
    write_raster(folder / "moist.tif", 80.0 - 4.0 * rise, nodata=-9999)
    return write_world(folder, WARM + UNCERTAIN)


@pytest.fixture(scope="module")
def seen(world: Path) -> dict[str, Any]:
    """The study, and what stands before its samples are solved."""
    with pytest.MonkeyPatch.context() as patch:
        return captured(world, patch, samples="maps")


@pytest.fixture(scope="module")
def sampled(seen: dict[str, Any]) -> StudyResult:
    result: StudyResult = seen["result"]
    return result


def captured(
    world: Path, patch: pytest.MonkeyPatch, *more: str, samples: Any = "totals"
) -> dict[str, Any]:
    """A run, and the task that solves its samples."""
    found: dict[str, Any] = {}
    solve = ensemble.solve_samples

    def looking(task: Any, numbers: Any, space: Any) -> Any:
        found.update(task=task)
        return solve(task, numbers, space)

    with patch.context() as here:
        here.setattr(ensemble, "solve_samples", looking)
        found["result"] = run(load_scenario(world, more), samples=samples)
    return found


def same(one: StudyResult, other: StudyResult) -> None:
    """The same bytes of all maps and tables."""
    for name in MAPS:
        assert one.dataset[name].to_numpy().tobytes() == other.dataset[name].to_numpy().tobytes()
    assert one.tables.keys() == other.tables.keys()
    for name, table in one.tables.items():
        assert table.to_csv() == other.tables[name].to_csv(), name
    assert one.summary["uncertainty"] == other.summary["uncertainty"]


def test_the_number_of_cells_at_a_time_changes_nothing(world, sampled, monkeypatch) -> None:
    for piece in (8192, 7):
        monkeypatch.setattr(ensemble, "PIECE", piece)
        again = run(load_scenario(world), samples="maps", means=Means(threads=2))
        for name in MAPS:
            mine, theirs = (x.dataset[name].to_numpy() for x in (sampled, again))
            assert mine.tobytes() == theirs.tobytes(), (piece, name)


def test_blocks_change_no_map_and_no_total(world, sampled, monkeypatch) -> None:
    monkeypatch.setattr("cdrsite.study.prepare.SMALL_BLOCK", 3)
    again = run(load_scenario(world), samples="maps", means=Means(threads=2))
    for name in MAPS:
        mine, theirs = (x.dataset[name].to_numpy() for x in (sampled, again))
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-9, err_msg=name)
    numbers = [one.tables["samples"].select_dtypes("number") for one in (sampled, again)]
    np.testing.assert_allclose(numbers[0], numbers[1], rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize(
    "stops_in", [pytest.param("SampleSums", marks=pytest.mark.slow), "SampleMaps"]
)
def test_a_cut_between_blocks_changes_nothing(world, tmp_path, monkeypatch, stops_in) -> None:
    monkeypatch.setattr("cdrsite.study.prepare.SMALL_BLOCK", 3)
    whole = run(load_scenario(world), samples="maps")
    means = Means(folder=tmp_path / "work", resume=True, threads=1)
    task, calls = getattr(samplemaps, stops_in), [0]
    work = task.__call__

    def stops(self: Any, block: Block) -> Any:
        calls[0] += 1
        if calls[0] == 3:
            raise KeyboardInterrupt
        return work(self, block)

    with monkeypatch.context() as patch:
        patch.setattr(task, "__call__", stops)
        with pytest.raises(KeyboardInterrupt):
            run(load_scenario(world), samples="maps", means=means)
    again: list[Block] = []
    monkeypatch.setattr(task, "__call__", lambda s, b: (again.append(b), work(s, b))[1])
    same(whole, run(load_scenario(world), samples="maps", means=means))
    assert len(again) == 6 - 2  # two of six blocks were there


def fresh(task: Any) -> Any:
    """The task with nothing remembered, as another process has it."""
    kept = task.thin.kept
    reader = replace(kept.reader, kept={})
    kept = replace(kept, setting=replace(kept.setting, reader=reader))
    study = replace(task.study, kept={})
    return replace(task, study=study, thin=replace(task.thin, kept=kept))


def test_a_sample_alone_is_that_among_64(seen) -> None:
    study = seen["task"].study
    many = replace(study.ensemble, samples=64)
    task = replace(seen["task"], study=replace(study, ensemble=many, kept={}))
    alone = fresh(task)(17)
    for number in (40, 3, 16):  # whatever came before
        task(number)
    among = task(17)
    for name, value in vars(alone).items():
        mine = getattr(among, name)
        same_bytes = np.asarray(mine).tobytes() == np.asarray(value).tobytes()
        assert mine == value if isinstance(value, str) else same_bytes, name


def test_what_is_remembered_of_layers_is_not_taken_where_they_err(world, seen, monkeypatch) -> None:
    """Climate is worked out once for the cells, but again where the sample's layer is another."""
    task = seen["task"]
    warm = "uncertainty.layers={residues: {relative: 25 %}}"
    still = captured(world, monkeypatch, warm)["task"]

    def needs(here: Any, number: int) -> bytes:
        study = here.study.sample(number).in_cells(here.thin.kept)
        return bytes(study.variables(0, here.thin.kept.count)["need_electricity"].tobytes())

    assert needs(task, 0) != needs(task, 1)
    assert needs(task, 1) == needs(fresh(task), 1)
    assert needs(still, 0) == needs(still, 1)
    keys = [key for key in still.thin.kept.reader.kept if "climate" in key]
    assert len(keys) == 1


def test_a_reader_keeps_what_follows_from_layers_without_an_error() -> None:
    made: list[int] = []
    reader = KeptReader(None, (), None)  # type: ignore[arg-type]
    for factors in ({}, {}, {"warm": np.ones((1, 2), np.float32)}, {"other": None}):
        found = reader.with_factors(factors).following(  # type: ignore[arg-type]
            ("x",), ["warm"], lambda: made.append(1) or len(made)
        )
        assert found == (2 if "warm" in factors else 1)
    assert len(made) == 2


def test_only_what_the_competition_reads_is_worked_out(seen) -> None:
    task = seen["task"]
    here = task.study.sample(1).in_cells(task.thin.kept)
    kept, block = here.kept, Block(0, 1, 0, here.kept.count)
    given = here.setting, here.offers, kept.available, kept.reasons, block
    few = cells.competing(*given, here.sample.read)
    every = cells.competing(*given)
    assert few.keys() < every.keys()
    for name, values in few.items():
        assert values.tobytes() == every[name].tobytes(), name
    layers = cells.block_layers(here.setting, here.offers, kept.available, block)
    scores = evaluate(here.setting.plan, layers, kept.reasons)
    limits = limits_of(here.setting.plan, layers, kept.reasons)
    assert {name: one.limit.tobytes() for name, one in scores.items()} == {
        name: one.tobytes() for name, one in limits.items()
    }


def test_no_plan_is_worth_more_than_its_bound(world, sampled, monkeypatch) -> None:
    monkeypatch.setattr(ensemble, "WANTED", 6)
    monkeypatch.setattr("cdrsite.study.samples.MAX_GROUPS", 1)
    rough = run(load_scenario(world), samples="maps")
    for result in (sampled, rough):
        table = result.tables["samples"]
        room = 1e-9 * table["value"].abs()
        assert (sampled.tables["samples"]["value"] <= table["bound"] + room).all()
        reach, used = (result.dataset[name].to_numpy() for name in samplemaps.SHARE_ARRAYS)
        known = np.isfinite(reach)
        assert known.any()
        assert (used[known] <= reach[known]).all()


@pytest.mark.slow
def test_thirty_two_samples_are_thirty_two_runs(world) -> None:
    """Each sample against the run with its numbers as ``--set`` texts."""
    more = ["uncertainty.samples=32", "uncertainty.layers={}", "uncertainty.supplies={}"]
    more.append("uncertainty.ranges=library")
    result = run(load_scenario(world, more), samples="totals")
    table, known = result.tables["samples"], result.tables["uncertain"]
    paths = known[known["law"] != "held"]["number"]
    assert len(paths) > 15
    for _, row in table.iterrows():
        texts = [f"{path}={float(row[path])!r}" for path in paths]
        alone = run(load_scenario(world, [*more, *texts]), samples="none")
        methods = alone.tables["methods"].set_index("method")
        assert row["net_mt_yr"] == pytest.approx(methods["net_mt_yr"].sum(), rel=1e-6)
        assert row["value"] == pytest.approx(alone.summary["objective"]["value"], rel=1e-6)
