"""Nothing is lost: only what cdrsite wrote, and nobody changed, is ever replaced."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_scenario import write_world
from tiny_study import tiny_result

from cdrsite.cli.demo import copy_template
from cdrsite.compare.batch import run_batch
from cdrsite.compare.variants import variants
from cdrsite.core import lock as lock_module
from cdrsite.core.errors import CdrsiteWarning, ConfigError
from cdrsite.core.files import is_own, make_own, side_name
from cdrsite.core.lock import ENDING, FolderLock, Holder, held
from cdrsite.outputs.listing import known_manifest
from cdrsite.outputs.staging import Staging, check_target, claimed
from cdrsite.study.means import work_folder

as_root = pytest.mark.skipif(
    hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere"
)


def fill(folder: Path, **files: str) -> None:
    """Write a result of a few files."""
    with Staging(folder) as aside:
        for name, text in files.items():
            path = aside / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def tree(folder: Path) -> dict[str, bytes | str]:
    """Everything in a folder: contents of files, targets of links."""
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_dir():
            found[name] = "folder"
        else:
            found[name] = path.read_bytes()
    return found


# ---------------------------------------------------------------------------- what stays


def test_notes_scenario_and_inputs_in_the_folder_of_a_run_stay(tmp_path: Path) -> None:
    run = tmp_path / "run"
    fill(run, a="1", tables__t="2")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_text("far")
    (run / "notes.md").write_text("mine")
    (run / "tables" / "mine.csv").write_text("1,2")
    (run / "inputs" / "deep").mkdir(parents=True)
    (run / "inputs" / "deep" / "slope.tif").write_text("raster")
    (run / "empty").mkdir()
    (run / "link").symlink_to(outside)
    fill(run, a="3", tables__u="4")
    found = tree(run)
    manifest = json.loads(found.pop("manifest.json"))
    assert found == {
        "a": b"3", "notes.md": b"mine", "tables": "folder", "tables/u": b"4",
        "tables/mine.csv": b"1,2", "inputs": "folder", "inputs/deep": "folder",
        "inputs/deep/slope.tif": b"raster", "empty": "folder", "link": f"-> {outside}",
    }  # fmt: skip
    assert sorted(manifest["files"]) == ["a", "tables/u"]
    assert (outside / "x").read_text() == "far"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside", "run"]


NAMES = st.sampled_from(["a", "b", "c/a", "c/b", "d"])


@given(st.sets(NAMES), st.sets(NAMES), st.sets(NAMES), st.booleans())
def test_no_content_of_a_user_is_ever_lost(
    first: set[str], second: set[str], own: set[str], late: bool
) -> None:
    """Whatever a user writes before or while results replace others: it stays, or is refused."""
    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        run = Path(place) / "run"
        fill(run, **{name: f"first {name}" for name in first})

        def user() -> None:
            for name in own:
                (run / name).parent.mkdir(parents=True, exist_ok=True)
                (run / name).write_text(f"user {name}")

        if not late:
            user()
        before = tree(run)
        try:
            with Staging(run) as aside:
                for name in second:
                    (aside / name).parent.mkdir(parents=True, exist_ok=True)
                    (aside / name).write_text(f"second {name}")
                if late:
                    user()
        except ConfigError:
            assert not late and own & first and tree(run) == before
        else:
            assert late or not own & first
            assert all((run / name).read_text() == f"second {name}" for name in second)
        contents = list(tree(run).values())
        assert all(f"user {name}".encode() in contents for name in own)
        gone = first - second - own
        assert late or own & first or not any((run / name).exists() for name in gone)
        assert [path.name for path in Path(place).iterdir()] == ["run"]


def test_a_file_written_meanwhile_is_kept_under_another_name(tmp_path: Path) -> None:
    run = tmp_path / "run"
    fill(run, report="old", b="1")
    with pytest.warns(CdrsiteWarning, match=r"kept as report\.earlier"), Staging(run) as aside:
        (aside / "report").write_text("new")
        (run / "report").write_text("edited by the user while the run was under way")
    assert (run / "report").read_text() == "new"
    assert (run / "report.earlier").read_text().startswith("edited")


def test_what_a_gis_keeps_beside_a_raster_does_not_speak_for_a_new_one(tmp_path: Path) -> None:
    run = tmp_path / "run"
    fill(run, **{"net.tif": "raster"})
    (run / "net.tif.aux.xml").write_text("statistics of the old one")
    fill(run, **{"net.tif": "another"})
    assert not (run / "net.tif.aux.xml").exists()
    assert (run / "net.tif.aux.xml.earlier").read_text() == "statistics of the old one"


# ------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "document",
    ["{}", "not json", "[]", '{"files": {}}', '{"program": "npm", "kind": "run", "files": {}}',
     '{"program": "cdrsite"}', '{"program": "cdrsite", "kind": "run"}', "[" * 100_000],
)  # fmt: skip
def test_a_manifest_of_something_else_does_not_make_a_run(document: str, tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.mkdir()
    (app / "manifest.json").write_text(document)
    (app / "index.js").write_text("years of work")
    before = tree(app)
    with pytest.raises(ConfigError, match=r"something else than an earlier result.*index\.js"):
        check_target(app)
    with pytest.raises(ConfigError, match="cure: give another folder with --out"):
        fill(app, a="1")
    assert tree(app) == before and [path.name for path in tmp_path.iterdir()] == ["app"]


def test_files_that_were_changed_are_named_before_the_work(tmp_path: Path) -> None:
    run = tmp_path / "run"
    fill(run, **{f"f{i}": str(i) for i in range(8)})
    for i in range(7):
        (run / f"f{i}").write_text(chr(ord("a") + i))  # of the same size
    with pytest.raises(ConfigError, match=r"changed since.*got f0, f1, f2, f3, f4 and 2 more"):
        check_target(run)


def test_a_result_of_another_kind_is_not_replaced(tmp_path: Path) -> None:
    fill(tmp_path / "run", a="1")
    with pytest.raises(ConfigError, match="holds a run, which a network does not replace"):
        check_target(tmp_path / "run", "network")


def test_folders_beside_it_of_any_guessable_name_are_nobodys_business(tmp_path: Path) -> None:
    run = tmp_path / "run"
    fill(run, a="1")
    for name in (".run.old", ".run.partial", ".run.work", ".run.cdrsite-old", ".run.cdrsite-0123"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "thesis.tex").write_text("mine")
        (tmp_path / name / "manifest.json").write_text("{}")
    before = {k: v for k, v in tree(tmp_path).items() if not k.startswith("run")}
    fill(run, a="2")
    with pytest.raises(RuntimeError, match="fails"), Staging(run):
        raise RuntimeError("fails")
    assert {k: v for k, v in tree(tmp_path).items() if not k.startswith("run")} == before


PLACES = {
    "a/b/c/" + "x" * 300: "the name is too long",
    "file/run": "a part of the path is a file",
    "loop/run": "circle|loop",
    "a\nb": "signs that cannot be shown",
    "a\x1b[31m": "signs that cannot be shown",
    "a\udcff": "signs that cannot be shown",
    "x" * 250: "the name is too long",  # the folder could be made, what lies beside it could not
    "/".join(["y" * 200] * 25): "the name is too long",
    "a\0b": "signs that cannot be shown",
}


@pytest.mark.parametrize("name", PLACES)
def test_a_place_that_cannot_be_is_found_before_the_work(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to("loop")
    before = tree(tmp_path)
    with pytest.raises(ConfigError, match=PLACES[name]), claimed(Path(f"{tmp_path}/{name}")):
        pytest.fail("the work began")
    assert tree(tmp_path) == before


def test_the_root_the_folder_one_is_in_and_those_around_it_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    for name in ("", ".", "..", str(tmp_path / "a")):
        with pytest.raises(ConfigError, match=r"something else|folder that you are in"):
            check_target(Path(name))
    with pytest.raises(ConfigError, match="the root of a disk"):
        check_target(Path("/"))
    with pytest.raises(ConfigError, match="a disk that is mounted"):
        monkeypatch.setattr(os.path, "ismount", lambda _: True)
        (tmp_path / "c").mkdir()
        check_target(tmp_path / "c")


@as_root
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o555)
    with pytest.raises(ConfigError, match="no permission"), claimed(tmp_path / "locked" / "run"):
        pytest.fail("the work began")


def test_a_disk_that_refuses_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*_: Any, **__: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(lock_module, "_write_new", read_only)
    with pytest.raises(ConfigError, match="the disk is read-only"), claimed(tmp_path / "x" / "run"):
        pytest.fail("the work began")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_around_a_run_that_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="fails"), claimed(tmp_path / "a" / "b" / "run"):
        raise RuntimeError("fails")
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------ killed processes

SCRIPT = """
import os, signal, sys, time
from pathlib import Path
from cdrsite.core.errors import CdrsiteError
from cdrsite.outputs import staging
run, say, stop = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
if stop == "swap":
    staging._settle = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if stop == "between":
    rename = Path.rename
    def once(self, target):
        rename(self, target)
        if Path(target).name == "old":
            os.kill(os.getpid(), signal.SIGKILL)
    Path.rename = once
try:
    with staging.Staging(run) as aside:
        (aside / "a").write_text(say)
        if stop == "inside":
            os.kill(os.getpid(), signal.SIGKILL)
        if stop == "wait":
            print("have it", flush=True)
            sys.stdin.readline()
except CdrsiteError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), *map(str, arguments)]
    return subprocess.Popen(
        command, stdin=-1, stdout=-1, stderr=-1, text=True,
    )  # fmt: skip


@pytest.mark.clients
@pytest.mark.parametrize("stop", ["inside", "between", "swap"])
def test_what_a_killed_process_left_is_brought_to_an_end(stop: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    fill(run, a="first")
    (run / "notes").write_text("mine")
    with start(run, "second", stop) as process:
        process.communicate()
        assert process.returncode == -9
    assert [path.name for path in tmp_path.iterdir()] != ["run"]
    with claimed(run):  # the next one, before it has written anything
        found = tree(run)
        found.pop("manifest.json")
        assert found == {"a": b"second" if stop == "swap" else b"first", "notes": b"mine"}
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


# ------------------------------------------------------------------------------ two at once


def test_the_second_of_two_is_told_who_was_first(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with start(run, "first", "wait") as first:
        assert first.stdout is not None and first.stdout.readline() == "have it\n"
        with start(run, "second", "") as second:
            _, said = second.communicate()
        assert second.returncode == 2
        assert f"by process {first.pid} on " in said and "another process is writing there" in said
        assert "cure: give another folder" in said and "Traceback" not in said
        first.communicate("go on\n")
        assert first.returncode == 0
    assert (run / "a").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_eight_pairs_at_once_leave_eight_whole_results(tmp_path: Path) -> None:
    """One of each pair writes, the other is refused; no pair breaks both."""
    pairs = [[start(tmp_path / f"run{i}", f"{i} {n}", "wait") for n in range(2)] for i in range(8)]
    for i, pair in enumerate(pairs):
        ends = []
        for process in pair:
            assert process.stdout is not None
            holds = process.stdout.readline() == "have it\n"  # or it has ended
            ends.append((process, holds))
        assert [holds for _, holds in ends].count(True) == 1
        for process, holds in ends:
            _, said = process.communicate("go on\n" if holds else None)
            assert process.returncode == (0 if holds else 2), said
            process.wait()
        winner = [holds for _, holds in ends].index(True)
        assert (tmp_path / f"run{i}" / "a").read_text() == f"{i} {winner}"
        assert known_manifest(tmp_path / f"run{i}") is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"run{i}" for i in range(8)]


def test_a_command_is_refused_at_once_and_changes_nothing(
    call: Callable[..., Any], tmp_path: Path
) -> None:
    scenario = write_world(tmp_path)
    out, batch = tmp_path / "out", tmp_path / "batch"
    assert call("run", scenario, "--out", out, "--quiet")[0] == 0
    with start(out, "x", "wait") as one, start(batch, "x", "wait") as two:
        for process in (one, two):
            assert process.stdout is not None
            line = process.stdout.readline()
            if process is two:
                assert line == "have it\n"
        before = tree(out)
        code, _, said = call("run", scenario, "--out", out, "--resume")
        assert code == 2 and "another process is writing there" in said
        code, _, said = call("report", out)
        assert code == 2 and "another process is writing there" in said
        code, _, said = call("batch", scenario, "--out", batch)
        assert code == 2 and "another process is writing there" in said
        assert tree(out) == before
        for process in (one, two):
            process.kill()
            process.communicate()


def test_threads_of_one_process_are_two_as_well(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with (
        held(tmp_path / "run", "a"),
        held(tmp_path / "run", "again"),
        ThreadPoolExecutor(1) as pool,
    ):

        def other() -> None:
            with held(tmp_path / "run", "b"):
                pytest.fail("both have it")

        with pytest.raises(ConfigError, match="another process is writing"):
            pool.submit(other).result()
    assert list(tmp_path.iterdir()) == []


def plant(target: Path, **changed: Any) -> Path:
    """A lock as another process would leave it."""
    document = {**vars(Holder.me("test")), **changed}
    path = target.with_name(f".{target.name}.{ENDING}")
    path.write_text(json.dumps(document))
    return path


def dead() -> int:
    """Number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize("changed", [{"pid": dead}, {"born": "1"}])
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not tell")
def test_a_lock_of_a_dead_process_of_this_machine_is_taken_over(
    changed: dict[str, Any], tmp_path: Path
) -> None:
    values = {key: value() if callable(value) else value for key, value in changed.items()}
    plant(tmp_path / "run", **values)
    fill(tmp_path / "run", a="1")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("changed", [{"host": "another"}, {"machine": "another boot"}])
def test_a_lock_of_another_machine_holds_while_there_are_signs_of_life(
    changed: dict[str, Any], tmp_path: Path
) -> None:
    path = plant(tmp_path / "run", pid=1, **changed)
    with pytest.raises(ConfigError, match="another process is writing"):
        fill(tmp_path / "run", a="1")
    old = path.stat().st_mtime - lock_module.STALE - 1
    os.utime(path, (old, old))
    fill(tmp_path / "run", a="1")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_file_with_the_name_of_the_lock_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_module.time, "sleep", lambda _: None)
    path = tmp_path / f".run.{ENDING}"
    path.write_text("my diary")
    with pytest.raises(ConfigError, match="a file of that name is in the way"):
        fill(tmp_path / "run", a="1")
    assert path.read_text() == "my diary" and len(list(tmp_path.iterdir())) == 1


def test_a_disk_without_hard_links_has_locks_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: Any) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", no_links)
    first, second = FolderLock(tmp_path / "run", "a"), FolderLock(tmp_path / "run", "b")
    first.take()
    with pytest.raises(ConfigError, match="got a by process"):
        second.take()
    first.give_back()
    second.take()
    second.give_back()
    assert list(tmp_path.iterdir()) == []


def test_who_lost_the_lock_does_not_replace_anything(tmp_path: Path) -> None:
    run = tmp_path / "run"
    fill(run, a="first")
    with (
        pytest.raises(Exception, match="taken over by another process"),
        Staging(run) as aside,
    ):
        (aside / "a").write_text("late")
        plant(run, host="another")
    assert (run / "a").read_text() == "first"
    assert sorted(path.name for path in tmp_path.iterdir()) == [f".run.{ENDING}", "run"]


# ------------------------------------------------------------- every command that writes


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield write_world(tmp_path_factory.mktemp("world"))


def test_a_run_into_a_foreign_folder_ends_before_it_computes(
    call: Callable[..., Any], world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cdrsite.study.run.run", lambda *_, **__: pytest.fail("it computes"))
    before = tree(world.parent)
    code, _, said = call("run", world, "--out", world.parent)
    assert code == 2 and "basins.gpkg, cover.tif" in said and "cure:" in said
    assert tree(world.parent) == before


def test_a_folder_of_work_that_is_a_users_own_is_not_removed(
    call: Callable[..., Any], world: Path, tmp_path: Path
) -> None:
    own = work_folder(tmp_path / "run")
    own.mkdir()
    (own / "thesis.tex").write_text("mine")
    for more in (("--memory", "1kB"), ("--resume",)):
        code, _, said = call("run", world, "--out", tmp_path / "run", *more)
        assert code == 2 and "holds something else" in said
    assert (own / "thesis.tex").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == [own.name]


def test_a_folder_of_work_is_for_its_user_only(tmp_path: Path) -> None:
    make_own(tmp_path / "w", "work", private=True)
    assert (tmp_path / "w").stat().st_mode & 0o777 == 0o700
    (tmp_path / "l").symlink_to(tmp_path / "w")
    assert is_own(tmp_path / "w", "work") and not is_own(tmp_path / "l", "work")


def test_a_batch_replaces_its_own_tables_only(world: Path, tmp_path: Path) -> None:
    folder, runs = tmp_path / "batch", variants([world])
    folder.mkdir()
    (folder / "batch.csv").write_text("my own table")
    with pytest.raises(ConfigError, match=r"did not write.*got batch\.csv"):
        run_batch(runs, folder)
    assert tree(folder) == {"batch.csv": b"my own table"}
    (folder / "batch.csv").rename(folder / "mine.csv")
    run_batch(runs, folder)
    (folder / "study" / "notes").write_text("mine")
    run_batch(runs, folder)
    assert (folder / "mine.csv").read_text() == "my own table"
    assert (folder / "study" / "notes").read_text() == "mine"
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]
    (folder / "study" / "summary.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"changed since.*summary\.json"):
        run_batch(runs, folder)


def test_a_report_replaces_reports_only_and_is_listed(tmp_path: Path) -> None:
    from cdrsite.report.page import write_report

    run = tiny_result(tmp_path).write(tmp_path / "run")
    notes = tmp_path / "notes.html"
    notes.write_text("<p>mine</p>")
    with pytest.raises(ConfigError, match="cdrsite did not write"):
        write_report(run, target=notes)
    assert notes.read_text() == "<p>mine</p>"
    for _ in range(2):
        write_report(run, "zh")
        write_report(run, "zh", tmp_path / "zh.html")
    check_target(run)
    (run / "report.html").write_text((run / "report.html").read_text() + "<!-- mine -->")
    with pytest.raises(ConfigError, match="changed since"):
        write_report(run)


def test_a_run_that_is_replaced_while_it_is_read_is_not_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cdrsite.report import page

    run = tiny_result(tmp_path).write(tmp_path / "run")
    build = page.build_page

    def slow(*arguments: Any) -> str:
        text = build(*arguments)
        document = json.loads((run / "manifest.json").read_text())
        (run / "manifest.json").write_text(json.dumps(document | {"created_utc": "later"}))
        return text

    monkeypatch.setattr(page, "build_page", slow)
    before = (run / "report.html").read_bytes()
    with pytest.raises(ConfigError, match=r"was replaced while it was read.*cure: wait"):
        page.write_report(run, target=tmp_path / "other.html")
    assert (run / "report.html").read_bytes() == before and not (tmp_path / "other.html").exists()


def test_a_demo_appears_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "demo").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copytree", lambda *_, **__: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            copy_template(tmp_path / "demo")
    assert tree(tmp_path) == {"demo": "folder"}
    assert copy_template(tmp_path / "demo").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_names_beside_a_place_are_its_own(tmp_path: Path) -> None:
    assert side_name(tmp_path / "run", "work").name == ".run.cdrsite-work"
