"""Sweeps: any number of values of anything, in memory and on disk, and what the runs share."""

from __future__ import annotations

import json
import math
import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from answer import Answer
from sweeps import contents, matrix, stored_world
from tiny_scenario import SCENARIO, write_world

import cdrsite
import cdrsite.compare.batch as batch_module
from cdrsite.compare.batch import run_batch, sharing_order
from cdrsite.compare.batch_result import BatchResult
from cdrsite.compare.variants import Variant, folder_name, variants
from cdrsite.engine.cache import Cache
from cdrsite.study.means import Means
from cdrsite.study.run import SHARED_STAGES, spread_areas

NAMES = [stage.name for stage in SHARED_STAGES]
LITTLE = 1000
"""Less memory than the arrays of any run take [bytes]: the run works on disk."""
KEPT = 6
"""Results of stages that are kept: one more than there are stages, so that a sweep drops some."""


SWEPT: dict[str, list[object]] = {
    "costs.prices.electricity": ["20 USD/MWh", "60 USD/MWh", 0.1],
    "siting.exclude.2.above": ["5 degree", "15 degree", "25 degree"],
    "resources.power.value": [f"{n} GWh/yr" for n in range(1, 4)],
    "grid.resolution": ["1 km", "2 km", "500 m"],
    "transport.leakage": [0, 0.001, 0.002],
}
KEEPS = {
    "costs.prices.electricity": {"layers", "siting", "shed"},
    "siting.exclude.2.above": {"layers", "links", "shed"},
    "resources.power.value": {"layers", "siting", "links", "shed"},
    "grid.resolution": set(),
    "transport.leakage": {"layers", "siting", "links", "areas", "shed"},
}
"""What is swept -> stages that do not read it."""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world with storage whose data lie in a folder named relative to the scenario."""
    return stored_world(tmp_path_factory.mktemp("world"))


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: not the study's, and where the results are written."""
    place = tmp_path / "elsewhere"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.mark.parametrize("memory", [None, LITTLE], ids=["in memory", "on disk"])
@pytest.mark.parametrize("swept", SWEPT)
@pytest.mark.slow
def test_any_number_of_values_runs(
    study: Path,
    elsewhere: Path,
    swept: str,
    memory: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cdrsite.engine.cache.KEPT", KEPT)
    values, cache = SWEPT[swept], Cache(elsewhere / "shared")
    assert len(values) * 3 > KEPT
    for variant in variants([study], matrix(elsewhere, {swept: values})):
        scenario = cdrsite.load_scenario(variant.scenario, variant.overrides)
        means = Means(memory=memory, threads=1, folder=Path("work"))
        shared = cdrsite.run(scenario, means=means, cache=cache)
    alone = cdrsite.run(scenario)
    assert shared.summary == alone.summary
    assert dict(cache.made + cache.taken) == dict.fromkeys(NAMES, len(values))
    assert set(cache.taken) == KEEPS[swept]
    assert all(times == len(values) - 1 for times in cache.taken.values())
    kept = {path.name.rpartition("-")[0] for path in Path("shared").iterdir()} if memory else set()
    assert len({name for name in kept if name.partition("-")[0] in NAMES}) <= KEPT


@pytest.mark.slow
def test_a_batch_of_many_prices_leaves_the_bytes_of_runs_alone(
    study: Path, elsewhere: Path
) -> None:
    swept = "costs.prices.electricity"
    runs = variants([study], matrix(elsewhere, {swept: SWEPT[swept]}))
    found = run_batch(runs, Path("runs"), means=Means(memory=LITTLE))
    assert found.failed == {} and found.shared["siting"] == len(runs) - 1
    assert not [path for path in Path("runs").iterdir() if path.name.startswith(".")]
    last = runs[-1]
    scenario = cdrsite.load_scenario(last.scenario, last.overrides)
    alone = cdrsite.run(scenario).write(Path("runs") / "alone")  # as far from the inputs
    assert contents(Path("runs") / folder_name(last.name)) == contents(alone)
    unwritten = run_batch(runs)
    assert unwritten.failed == {} and unwritten.shared == found.shared
    costs = unwritten.table["cost_musd_yr"] / unwritten.table["net_mt_yr"]
    assert (np.diff(costs) > 0).all()


def test_stages_on_disk_are_not_kept_where_there_is_no_place(study: Path, tmp_path: Path) -> None:
    cache, scenario = Cache(), cdrsite.load_scenario(study)
    first = cdrsite.run(scenario)
    for name in ("a", "b"):
        means = Means(memory=LITTLE, folder=tmp_path / name)
        result = cdrsite.run(scenario, means=means, cache=cache)
        assert result.summary["net_mt_yr"] == first.summary["net_mt_yr"]
    assert cache.taken["siting"] == 0 and cache.taken["layers"] == 1


# ------------------------------------------------------------------ what is shared


@pytest.mark.parametrize(
    "memory",
    [
        pytest.param(None, id="in memory"),
        pytest.param(LITTLE, id="on disk", marks=pytest.mark.slow),
    ],
)
def test_a_sweep_of_prices_grids_and_supplies_shares_what_it_can(
    study: Path, elsewhere: Path, call: Callable[..., Answer], memory: int | None
) -> None:
    vary: dict[str, list[object]] = {
        "costs.prices.water": [0.5, 3],
        "grid.resolution": ["1 km", "2 km"],
        "resources.power.value": ["1 GWh/yr", "2 GWh/yr"],
    }
    more = () if memory is None else ("--memory", f"{memory} B")
    command = ("batch", study, "--matrix", matrix(elsewhere, vary), "--out", "sweep", *more)
    code, said, err = call(*command)
    assert code == 0, err
    document = json.loads(Path("sweep/batch.json").read_text("utf-8"))
    assert document["finished"] == len(document["runs"]) == 8 and document["failed"] == {}
    # each grid is read once, each supply on each grid once; the price touches none of it
    shared = {"layers": 6, "siting": 6, "links": 6, "areas": 4, "shed": 6}
    assert document["shared"] == shared
    line = " ".join(said.split()).split("taken from an earlier one of the 8 finished runs: ")[1]
    assert line.startswith(
        "layers on the grid 6x, exclusions 6x, routes to storage 6x, "
        "areas of pools 4x, goods in reach 6x"
    )
    page = Path("sweep/batch.html").read_text("utf-8")
    assert "in 6 of 8" in page
    runs = [row["run"] for row in document["runs"]]
    assert runs == [variant.name for variant in variants([study], elsewhere / "matrix.yaml")]
    dearer = [row["mean_cost_usd_t"] for row in document["runs"][::4]]
    assert (np.diff(dearer) > 0).all()


def test_runs_that_share_follow_each_other(study: Path) -> None:
    runs = [
        Variant(f"{n} {grid}", study, (f"grid.resolution={grid}", f"costs.discount_rate=0.0{n}"))
        for n in (5, 6)
        for grid in ("1 km", "2 km")
    ]
    runs.append(Variant("nowhere", Path("nowhere.yaml")))
    assert sharing_order(runs) == [0, 2, 1, 3, 4]


def test_what_a_stage_depends_on_is_the_content_of_its_inputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_world(tmp_path, "data_folder: .\n" + SCENARIO)

    def keys() -> dict[str, str]:
        scenario = cdrsite.load_scenario(path)
        return {stage.name: stage.key(scenario) for stage in SHARED_STAGES}

    before = keys()
    monkeypatch.chdir(tmp_path / "..")
    assert keys() == before  # wherever it is run from
    (tmp_path / "notes.txt").write_text("not an input", encoding="utf-8")
    os.utime(tmp_path / "slope.tif", ns=(1, 1))
    assert keys() == before  # whatever else lies there, and however old the inputs look
    slope = tmp_path / "slope.tif"
    state, data = slope.stat(), bytearray(slope.read_bytes())
    data[-1] ^= 1
    slope.write_bytes(bytes(data))
    os.utime(slope, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert all(keys()[stage] != before[stage] for stage in NAMES)  # same size, same time


def test_the_working_directory_is_not_walked(
    study: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walked: list[Path] = []
    real = Path.rglob

    def rglob(self: Path, pattern: str) -> object:
        walked.append(self)
        return real(self, pattern)

    monkeypatch.setattr(Path, "rglob", rglob)
    spread_areas.key(cdrsite.load_scenario(study))
    assert walked == []


# ---------------------------------------------------------------------- failures


@pytest.mark.parametrize("option", ["", "--quiet", "--json"])
@pytest.mark.slow
def test_the_last_line_says_that_runs_failed(
    study: Path, elsewhere: Path, call: Callable[..., Answer], option: str
) -> None:
    rows = "good: {}\nbad: {resources.water.supply: none}\nfine: {title: the same}\n"
    (elsewhere / "matrix.yaml").write_text(rows, encoding="utf-8")
    more = [option] if option else []
    code, said, err = call("batch", study, "--matrix", "matrix.yaml", "--out", "out", *more)
    assert code == 1
    last = (err if option else said).strip().splitlines()[-1]
    assert last.startswith("1 of 3 runs failed (bad)"), last
    assert "the same in all runs" not in said
    if not option:
        assert "the same in the 2 runs that were finished" in said
    document = json.loads(Path("out/batch.json").read_text("utf-8"))
    assert list(document["failed"]) == ["bad"] and document["finished"] == 2
    assert "1 run failed" in Path("out/batch.html").read_text("utf-8")
    if option == "--json":
        assert json.loads(said) == document


def die_in_some(variant: Variant, folder: Path | None, means: Means) -> object:
    """As a run of the batch, where the system kills some processes."""
    mark = Path(f"{folder}-{variant.name}")
    if variant.name == "always" or (variant.name == "once" and not mark.exists()):
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return REAL(variant, folder, means)


REAL = batch_module._in_process


@pytest.mark.clients
def test_a_killed_worker_costs_its_own_run_only(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_module, "_in_process", die_in_some)
    runs = [Variant(name, study) for name in ("once", "always", "last")]
    found: BatchResult = run_batch(runs, tmp_path / "out", workers=2)
    assert list(found.failed) == ["always"]
    why = found.failed["always"]
    assert "was killed (SIGKILL), 2 times" in why and "cure: --memory" in why
    assert list(found.table["status"]) == ["optimal", "failed", "optimal"]
    assert not math.isnan(found.table["net_mt_yr"][0])
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError("Unable to allocate 7.45 GiB"), "the memory is used up; got Unable to all"),
        (OSError(28, "No space left on device", "/out/x.tif"), "/out/x.tif: the disk is full"),
    ],
)
def test_what_the_machine_did_is_no_fault_of_the_program(
    study: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("cdrsite.study.run.prepare", fail)
    found = run_batch([Variant("one", study)])
    assert words in found.failed["one"] and "; cure: " in found.failed["one"]
    assert "Error" not in found.failed["one"]
