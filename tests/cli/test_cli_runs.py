"""Runs, batches, reports and comparisons from the command line: same bytes, and refusals."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from answer import Answer
from tiny_scenario import write_world

import cdrsite
from cdrsite.engine.passes import Workspace
from cdrsite.report.page import write_report
from cdrsite.study.means import work_folder

pytestmark = pytest.mark.filterwarnings("ignore:::distributed")

STEEP = ("siting.prefer.0.best=20", "siting.prefer.0.worst=0")
NO_MEMORY = "1 kB"
"""Less than the arrays of any run take."""


def hashes(folder: Path) -> dict[str, str]:
    """Hash of every file but the manifest, which holds times."""
    found = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert len(found) > 50
    return found


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def plain(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in memory, through the library."""
    return cdrsite.run(cdrsite.load_scenario(study)).write(tmp_path_factory.mktemp("p") / "plain")


@pytest.fixture(scope="module")
def steep(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same where steep land is preferred."""
    scenario = cdrsite.load_scenario(study, STEEP)
    return cdrsite.run(scenario).write(tmp_path_factory.mktemp("f") / "steep")


@pytest.fixture
def folders(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Folders in which runs worked; none where all was done in memory."""
    seen: list[Path] = []
    real = Workspace.in_folder

    def in_folder(folder: Path, *more: Any, **named: Any) -> Workspace:
        seen.append(folder)
        return real(folder, *more, **named)

    monkeypatch.setattr(Workspace, "in_folder", in_folder)
    return seen


# ------------------------------------------------------------------------- one run


@pytest.mark.slow
def test_a_run_within_little_memory_works_in_a_folder(
    call: Callable[..., Answer], study: Path, plain: Path, tmp_path: Path, folders: list[Path]
) -> None:
    out = tmp_path / "out"
    code, said, err = call("run", study, "--out", out, "--memory", NO_MEMORY)
    assert code == 0, err
    assert folders == [work_folder(out)] and "limited by" in said
    assert hashes(out) == hashes(plain)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert call("run", study, "--out", out, "--memory", "1 GB", "-q")[0] == 0
    assert len(folders) == 1  # a gigabyte is enough for 48 cells
    assert hashes(out) == hashes(plain)


@pytest.mark.slow
def test_a_run_by_other_processes_leaves_the_same_bytes(
    call: Callable[..., Answer], study: Path, plain: Path, tmp_path: Path, folders: list[Path]
) -> None:
    pytest.importorskip("distributed", reason="needs the extra dask")
    out = tmp_path / "out"
    assert call("run", study, "--out", out, "--workers", "2", "-q") == (0, "", "")
    assert folders == [work_folder(out)]
    assert hashes(out) == hashes(plain)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    distributed = pytest.importorskip("distributed", reason="needs the extra dask")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None, memory_limit=0
    ) as cluster:
        yield cluster.scheduler_address


def test_a_run_on_a_cluster_leaves_the_same_bytes(
    call: Callable[..., Answer], study: Path, plain: Path, tmp_path: Path, scheduler: str
) -> None:
    out = tmp_path / "out"
    assert call("run", study, "--out", out, "--dask", scheduler, "-q") == (0, "", "")
    assert hashes(out) == hashes(plain)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://here"])
def test_a_scheduler_that_is_not_there_is_one_line_with_a_cure(
    call: Callable[..., Answer],
    study: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
) -> None:
    distributed = pytest.importorskip("distributed", reason="needs the extra dask")
    real = distributed.Client
    monkeypatch.setattr(distributed, "Client", lambda at, timeout: real(at, timeout="300ms"))
    out = tmp_path / "out"
    code, said, err = call("run", study, "--out", out, "--dask", address, "-q")
    assert (code, said) == (2, "")
    assert err.startswith("--dask: no Dask scheduler answers") and address in err
    assert "cure: start it with `dask scheduler`" in err and err.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize("command", ["run", "batch"])
@pytest.mark.parametrize("text", ["much", "0 GB", "-1 GB", "8 GBit"])
def test_what_is_no_amount_of_memory_is_refused_before_the_work(
    call: Callable[..., Answer], study: Path, tmp_path: Path, command: str, text: str
) -> None:
    code, said, err = call(command, study, "--out", tmp_path / "out", f"--memory={text}")
    assert (code, said) == (2, "")
    assert "--memory: not an amount of memory" in err and "for example 8 GB" in err
    assert repr(text) in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments", [("run", "--workers", "-1"), ("run", "--workers", "two"), ("batch", "--workers=0")]
)
def test_a_number_of_processes_that_is_none_is_wrong_usage(
    call: Callable[..., Answer], study: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    command, *more = arguments
    code, said, err = call(command, study, "--out", tmp_path / "out", *more)
    assert (code, said) == (2, "") and "--workers" in err
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------ stopped and resumed


@pytest.fixture
def stop_while_writing(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Ctrl-C when the results are being written; the returned call lets later runs end."""
    from cdrsite.report import folder

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    real = folder.write_tables
    monkeypatch.setattr(folder, "write_tables", stop)
    return lambda: monkeypatch.setattr(folder, "write_tables", real)


def test_a_stopped_run_is_gone_on_with_to_the_same_bytes(
    call: Callable[..., Answer],
    study: Path,
    plain: Path,
    tmp_path: Path,
    stop_while_writing: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    command = ("run", study, "--out", out, "--resume", "-q")
    assert call(*command)[0] == 130
    assert not out.exists() and (work_folder(out) / "journal").is_dir()
    stop_while_writing()

    def again(*_: object) -> None:
        pytest.fail("a stage that was finished is made again")

    monkeypatch.setattr("cdrsite.engine.passes.Journal.add", again)
    assert call(*command) == (0, "", "")
    assert hashes(out) == hashes(plain)
    assert not work_folder(out).exists()


@pytest.mark.slow
def test_a_stopped_run_of_another_scenario_is_not_gone_on_with(
    call: Callable[..., Answer],
    study: Path,
    tmp_path: Path,
    stop_while_writing: Callable[[], None],
) -> None:
    out = tmp_path / "out"
    command = ("run", study, "--out", out, "--resume", "-q")
    assert call(*command)[0] == 130
    stop_while_writing()
    left = {path: path.read_bytes() for path in work_folder(out).rglob("*") if path.is_file()}
    code, said, err = call(*command, "--set", "costs.discount_rate=5 %")
    assert (code, said) == (2, "")
    assert "scenario.costs.discount_rate: 0.07 is now 0.05" in err
    assert "without --resume" in err and err.count("\n") == 1
    assert not out.exists()
    now = {path: path.read_bytes() for path in work_folder(out).rglob("*") if path.is_file()}
    assert now == left  # and the first scenario can still be gone on with
    assert call(*command)[0] == 0


# ------------------------------------------------------------------------- many runs


@pytest.mark.slow
def test_a_batch_of_two_processes_prints_what_changes_and_keeps_the_bytes(
    call: Callable[..., Answer], study: Path, plain: Path, steep: Path, tmp_path: Path
) -> None:
    matrix = tmp_path / "matrix.yaml"
    changes = ", ".join(text.replace("=", ": ") for text in STEEP)
    matrix.write_text(f"as is: {{}}\nsteep: {{{changes}}}\n", encoding="utf-8")
    out = tmp_path / "out"
    more = ("--matrix", matrix, "--workers", "2", "--memory", NO_MEMORY, "--lang", "zh")
    code, said, err = call("batch", study, "--out", out, *more)
    assert code == 0, err
    for name, alone in (("as-is", plain), ("steep", steep)):
        made, expected = hashes(out / name), hashes(alone)
        # its paths to the input files begin at its folder, which is another one
        assert made.pop("cdrsite.qgs") and expected.pop("cdrsite.qgs")
        assert made == expected
    assert 'lang="zh-Hans"' in (out / "batch.html").read_text(encoding="utf-8")
    assert err.split() == ["run", "as", "is", "run", "steep"]
    table, ranks = " ".join(said.split()).split("最佳场址与第一次运行的比较")
    assert "as is" in table and "batch.csv" in table
    assert "steep" in ranks and "as is" not in ranks
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


def test_a_batch_whose_ranking_does_not_change_says_so(
    call: Callable[..., Answer], study: Path, tmp_path: Path
) -> None:
    matrix = tmp_path / "matrix.yaml"
    matrix.write_text("first: {}\nsecond: {title: the same}\n", encoding="utf-8")
    code, said, _ = call("batch", study, "--out", tmp_path / "out", "--matrix", matrix)
    assert code == 0 and "the best sites are the same in all runs" in said
    assert "Best sites compared" not in said


# ------------------------------------------------------------ report and comparison


def test_the_report_in_another_language_leaves_the_run_as_it_was(
    call: Callable[..., Answer], plain: Path, tmp_path: Path
) -> None:
    before = hashes(plain)
    page = tmp_path / "zh.html"
    assert call("report", plain, "--lang", "zh", "--out", page) == (0, f"{page}\n", "")
    assert page.read_bytes() == write_report(plain, "zh", tmp_path / "same.html").read_bytes()
    assert 'lang="zh-Hans"' in page.read_text(encoding="utf-8")
    english = tmp_path / "en.html"
    assert call("report", plain, "--out", english)[0] == 0
    assert 'href="tables/' not in english.read_text(encoding="utf-8")  # they lie elsewhere
    assert hashes(plain) == before
    moved = Path(shutil.copytree(plain, tmp_path / "moved"))
    assert call("report", moved)[0] == 0 and hashes(moved) == before


def test_a_comparison_on_the_terminal_and_in_its_folder_agree(
    call: Callable[..., Answer], plain: Path, steep: Path, tmp_path: Path
) -> None:
    out = tmp_path / "difference"
    code, said, err = call("compare", plain, steep, "--out", out, "--lang", "zh")
    assert code == 0, err
    assert said.rstrip().endswith(f"结果在 {out}") and "siting.prefer" in said
    assert 'lang="zh-Hans"' in (out / "compare.html").read_text(encoding="utf-8")
    code, said, err = call("compare", plain, steep, "--json")
    assert (code, err) == (0, "")
    document = json.loads(said)
    assert document == json.loads((out / "comparison.json").read_text(encoding="utf-8"))
    paths = {end: run["path"] for end, run in document["runs"].items()}
    assert paths == {"a": str(plain), "b": str(steep)}


@pytest.mark.parametrize("swapped", [False, True])
def test_a_comparison_with_what_is_no_run_writes_nothing(
    call: Callable[..., Answer], plain: Path, tmp_path: Path, swapped: bool
) -> None:
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    pair = (nothing, plain) if swapped else (plain, nothing)
    code, said, err = call("compare", *pair, "--out", tmp_path / "out")
    assert (code, said) == (2, "")
    assert str(nothing) in err and "cure: " in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_report_of_what_is_no_run_writes_nothing(
    call: Callable[..., Answer], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    code, said, err = call("report", tmp_path / "nowhere", "--out", page)
    assert (code, said) == (2, "")
    assert "nowhere" in err and "cure: " in err and err.count("\n") == 1
    assert not page.exists()
