"""Runs on disk, on a cluster, stopped and resumed, and in batches: the same bytes every time."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import cdrsite
from cdrsite.cli.demo import copy_template
from cdrsite.compare.batch import run_batch
from cdrsite.compare.variants import folder_name, variants
from cdrsite.core.errors import CdrsiteError, ConfigError
from cdrsite.core.progress import Silent
from cdrsite.study.means import Means, bytes_needed, work_folder

pytestmark = [
    pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning"),
    pytest.mark.filterwarnings("ignore:::distributed"),
]

PLAIN = ("network.plan=false", "grid.resolution=4 km", "outputs.every_route=true")
"""The search for a network takes longer than all the rest; a run in blocks needs no more cells."""
ON_DISK = 100_000
"""Memory for arrays that forces a run onto the disk [bytes]."""


@pytest.fixture(autouse=True, scope="module")
def small_blocks() -> Iterator[None]:
    """Several blocks on a grid of a few thousand cells."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cdrsite.study.prepare.SMALL_BLOCK", 48)
        yield


def hashes(folder: Path) -> dict[str, str]:
    """Hash of every file but the manifest, which holds times."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "copy"
    copy_template(folder)
    return folder / "demo.yaml"


def load(path: Path, *more: str) -> Any:
    return cdrsite.load_scenario(path, [*PLAIN, *more])


@pytest.fixture(scope="module")
def plain(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a run in memory writes."""
    result = cdrsite.run(load(demo))
    assert result.store is None
    return hashes(result.write(tmp_path_factory.mktemp("plain") / "out"))


class Stopped(BaseException):
    """As if the process were killed."""


class StopAfter(Silent):
    """Progress that ends the run after some blocks."""

    def __init__(self, blocks: int) -> None:
        self.left = blocks

    def step(self, title: str, total: float, unit: str = "") -> Callable[[float], None]:
        del title, total, unit

        def done(amount: float = 1) -> None:
            del amount
            self.left -= 1
            if self.left < 0:
                raise Stopped

        return done


@pytest.mark.slow
def test_a_run_on_disk_writes_the_same_bytes(
    demo: Path, plain: dict[str, str], tmp_path: Path
) -> None:
    target = tmp_path / "out"
    result = cdrsite.run(load(demo), means=Means(memory=ON_DISK, folder=work_folder(target)))
    assert result.store is not None and work_folder(target).is_dir()
    result.write(target)
    assert hashes(target) == plain
    assert not work_folder(target).exists()  # nothing is left behind
    again = result.write(tmp_path / "again")  # and the result can still be read
    assert hashes(again) == plain
    value = result.dataset["winner"].isel(y=30, x=30).to_numpy()
    assert value.shape == ()


@pytest.mark.slow
def test_a_cluster_writes_the_same_bytes(demo: Path, plain: dict[str, str], tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="needs the extra dask")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit=0
    )
    with cluster:
        target = tmp_path / "out"
        means = Means(folder=work_folder(target), scheduler=cluster.scheduler_address)
        assert hashes(cdrsite.run(load(demo), means=means).write(target)) == plain


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [9, 2])
def test_a_stopped_run_goes_on_to_the_same_bytes(
    blocks: int, demo: Path, plain: dict[str, str], tmp_path: Path
) -> None:
    target = tmp_path / "out"
    means = Means(memory=ON_DISK, folder=work_folder(target), resume=True)
    with pytest.raises(Stopped):
        cdrsite.run(load(demo), progress=StopAfter(blocks), means=means)
    assert not target.exists()
    assert hashes(cdrsite.run(load(demo), means=means).write(target)) == plain


def test_a_stopped_run_whose_inputs_changed_is_not_gone_on_with(tmp_path: Path) -> None:
    copy_template(tmp_path / "copy")
    path, target = tmp_path / "copy" / "demo.yaml", tmp_path / "out"
    means = Means(memory=ON_DISK, folder=work_folder(target), resume=True)
    with pytest.raises(Stopped):
        cdrsite.run(load(path), progress=StopAfter(2), means=means)
    with pytest.raises(ConfigError, match=r"scenario\.costs\.discount_rate: 0\.07 is now 0\.05"):
        cdrsite.run(load(path, "costs.discount_rate=5 %"), means=means)
    raster = next(path.parent.rglob("pvout.tif"))
    raster.write_bytes(raster.read_bytes() + b"\0")
    with pytest.raises(ConfigError, match=r"pvout\.tif\.sha256.*without --resume"):
        cdrsite.run(load(path), means=means)


def test_a_run_that_does_not_fit_needs_a_folder(demo: Path) -> None:
    with pytest.raises(ConfigError, match=r"larger than the memory.*0\.0 GB.*give a folder"):
        cdrsite.run(load(demo), means=Means(memory=ON_DISK))


def test_what_a_run_needs_grows_with_the_grid(demo: Path) -> None:
    from cdrsite.study.prepare import prepare

    one, four = (
        bytes_needed(prepare(load(demo, f"grid.resolution={size}"))) for size in ("10 km", "5 km")
    )
    assert 3.5 < four / one < 4.5


@pytest.mark.slow
def test_runs_of_a_batch_share_stages_and_keep_their_bytes(demo: Path, tmp_path: Path) -> None:
    """A sweep over a method's land need touches neither siting nor routes."""
    matrix = tmp_path / "matrix.yaml"
    matrix.write_text(
        "vary: {methods.daccs-solid.override.land_direct: [10 m2, 11000 m2]}\n", encoding="utf-8"
    )
    rough = [*PLAIN, "grid.resolution=20 km"]
    runs = variants([demo], matrix, rough)
    for memory in (None, ON_DISK // 100):  # two processes: see the tests of the command line
        folder = tmp_path / str(memory)
        found = run_batch(runs, folder, means=Means(memory=memory))
        assert not found.failed
        for run in runs:
            alone = tmp_path / "alone" / run.name
            if not alone.exists():
                scenario = cdrsite.load_scenario(demo, run.overrides)
                cdrsite.run(scenario).write(alone)
            assert hashes(folder / folder_name(run.name)) == hashes(alone)
        assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    assert len({tuple(hashes(tmp_path / "alone" / run.name).items()) for run in runs}) == 2


def test_what_a_stage_reads_decides_whether_it_is_made_again(demo: Path) -> None:
    from cdrsite.study.run import SHARED_STAGES

    names = {stage.name for stage in SHARED_STAGES}
    changes = {
        "methods.daccs-solid.override={land_direct: 10 m2}": {"areas"},  # who draws on what
        "objective.gap=1e-4": set(),
        "costs.prices.electricity=70 USD/MWh": {"links", "areas"},
        "siting.combine=minimum": set(),
        "siting.exclude.0={layer: protected}": {"siting", "areas"},
        "transport.flow=2 Mt/yr": {"links", "areas"},
        "grid.resolution=2 km": names,
        "costs.base_year=2021": names,
    }
    before = {stage.name: stage.key(load(demo)) for stage in SHARED_STAGES}
    for change, expected in changes.items():
        after = {stage.name: stage.key(load(demo, change)) for stage in SHARED_STAGES}
        assert {stage for stage in names if before[stage] != after[stage]} == expected, change


def size_of(folder: Path) -> int:
    """Bytes of its files, which come and go meanwhile [bytes]."""
    total = 0
    for path in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kill -9 needs a POSIX system")
def test_a_run_killed_at_random_points_goes_on(demo: Path, tmp_path: Path) -> None:
    """The real thing: kill -9 of the command, again and again, then one that ends."""
    target = tmp_path / "out"
    run = [sys.executable, "-m", "cdrsite.cli.main", "run", str(demo), "--set", PLAIN[0], "--quiet"]
    subprocess.run([*run, "--out", str(tmp_path / "plain")], check=True)
    command = [*run, "--out", str(target), "--memory", "1MB", "--resume"]
    chance = random.Random(5)
    killed = 0
    for _ in range(6):
        journal = work_folder(target) / "journal"
        size = size_of(journal)
        process = subprocess.Popen(command)
        end = time.monotonic() + 60
        wait = None
        while process.poll() is None and time.monotonic() < end:
            if (
                size_of(journal) > size and wait is None
            ):  # it has begun to work: some moment from here on
                wait = time.monotonic() + chance.uniform(0.0, 2.5)
            if wait is not None and time.monotonic() > wait:
                process.send_signal(signal.SIGKILL)
                killed += 1
                break
            time.sleep(0.01)
        process.wait()
        if target.exists():
            break
    if not target.exists():
        subprocess.run(command, check=True)
    assert killed >= 2
    assert hashes(target) == hashes(tmp_path / "plain")


def test_without_dask_the_message_says_how_to_get_it(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CdrsiteError, match=r"Dask is not installed.*pip install 'cdrsite\[dask\]'"):
        cdrsite.run(load(demo), means=Means(folder=tmp_path / "work", workers=2))
