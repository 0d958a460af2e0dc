"""The command line: every command, its options, exit codes, and nothing written on failure."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from answer import Answer
from examples import first_every_day
from tiny_scenario import SCENARIO, write_world

import cdrsite
from cdrsite.cli import main as cli
from cdrsite.cli.ending import Terminated
from cdrsite.core.faults import CURES, machine_fault

COARSE = ("--set", "grid.resolution=20 km")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_world(tmp_path)


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_version_and_help(call: Callable[..., Answer]) -> None:
    assert call("--version") == (0, f"cdrsite {cdrsite.__version__}\n", "")
    code, out, _ = call("--help")
    assert code == 0
    for command in ("init", "check", "run", "report", "compare", "doctor", "methods", "schema"):
        assert command in out


def test_every_function_of_the_commands_is_offered() -> None:
    offered = set(cli.COMMANDS.values())
    for path in Path(cli.__file__).with_name("commands").glob("[a-z]*.py"):
        module = importlib.import_module(f"cdrsite.cli.commands.{path.stem}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            own = function.__module__ == module.__name__
            if own and inspect.signature(function).return_annotation == "None":
                assert function in offered, f"{path.name}: {name}"


def test_a_shell_completes_commands_and_options() -> None:
    """What the lines of `--install-completion` ask of the program when a person presses Tab."""

    start = "import sys; sys.argv[0] = 'cdrsite'; from cdrsite.cli.main import main; main()"

    def completed(words: str, place: int) -> list[str]:
        asked = {
            "_CDRSITE_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": f"{place}",
        }
        done = subprocess.run(
            [sys.executable, "-c", start],
            env=os.environ | asked,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.split()

    assert {"compare", "credits", "check"} <= set(completed("cdrsite c", 1))
    assert "--points" in completed("cdrsite explain --p", 2)


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("run",),
        ("run", "x.yaml", "--no-such-option"),
        ("check", "a.yaml", "b.yaml"),
    ],
)
def test_wrong_usage_is_exit_code_2(
    call: Callable[..., Answer], arguments: tuple[str, ...]
) -> None:
    code, out, err = call(*arguments)
    assert code == 2
    assert out == ""
    assert "Usage" in err


@pytest.mark.parametrize("command", ["check", "run"])
def test_typos_of_keys_and_of_what_data_say_come_in_one_answer(
    call: Callable[..., Answer], tmp_path: Path, command: str
) -> None:
    text = SCENARIO
    for right, wrong in (
        (
            "  residues: {path",
            "  tilt: {derive: slope, from: slope, unit: degre}\n  residues: {path",
        ),
        ("basins.gpkg", "basinz.gpkg"),
        ("above: 15 degree", "above: 15 degre"),
        ("profile: literature", "profile: litrature"),
        ("site_distance", "site_distanc"),
    ):
        assert right in text
        text = text.replace(right, wrong)
    path = write_world(tmp_path, text)
    before = names(tmp_path)
    code, out, err = call(command, str(path))
    assert (code, out, names(tmp_path)) == (2, "", before)
    expected = (
        "7: layers.tilt.unit: wrong unit for a slope; got 'degre'; .*cure: did you mean 'degree'",
        r"10: layers.basins \(.*basinz.gpkg\): no such file; .*did you mean 'basins.gpkg'",
        "20: siting.exclude.2: .*not a unit; got 'degre'; cure: did you mean 'degree'",
        "24: methods.daccs-solid.profile: unknown profile; got 'litrature'; .*did you mean 'liter",
        "27: outputs.site_distanc: unknown key; .*did you mean 'site_distance'",
    )
    lines = err.splitlines()
    assert len(lines) == len(expected), err
    for line, words in zip(lines, expected, strict=True):
        assert re.match(f"{re.escape(str(path))}:{words}", line), line


@pytest.mark.slow
def test_init_makes_a_demo_that_runs_away_from_the_repository(
    call: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = call("init", "mine")
    assert code == 0
    assert "cdrsite run" in out
    assert (tmp_path / "mine" / "demo.yaml").is_file()
    assert not list((tmp_path / "mine").rglob("*.py"))
    for scenario in sorted((tmp_path / "mine").glob("*.yaml")):
        text = scenario.read_text(encoding="utf-8")
        assert "../sample_data" not in text
        if scenario.name != "demo.yaml":  # that one is run below
            code, out, err = call("check", scenario, *COARSE)
            assert code == 0, err
            assert "ready to run" in out
    code, out, err = call("run", "mine/demo.yaml", *COARSE, "--quiet")
    assert (code, out, err) == (0, "", "")
    assert (tmp_path / "runs" / "inland-basin" / "manifest.json").is_file()
    code, out, err = call("run", "mine/first.yaml", "--quiet")
    assert (code, out, err) == (0, "", "")


def test_init_refuses_what_is_there(call: Callable[..., Answer], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    code, _, err = call("init", tmp_path)
    assert code == 2
    assert "not empty" in err
    code, _, err = call("init", tmp_path / "notes.txt")
    assert code == 2
    assert "a file is in the way" in err
    assert names(tmp_path) == {"notes.txt"}


def test_check_finds_the_grid_and_writes_nothing(call: Callable[..., Answer], study: Path) -> None:
    before = names(study.parent)
    code, out, _ = call("check", study)
    assert code == 0
    assert "ready to run, 6 x 8 cells" in out
    code, out, _ = call("check", study, "--json")
    report = json.loads(out)
    assert code == 0
    assert report["grid"]["cells"] == 48
    assert report["methods"]["daccs-solid"] == {"profile": "literature"}
    code, out, _ = call("check", study, "--quiet", "--set", "grid.resolution=500 m")
    assert (code, out) == (0, "")
    assert names(study.parent) == before


def test_run_prints_a_table_of_methods_and_limits(
    call: Callable[..., Answer], study: Path, tmp_path: Path
) -> None:
    target = tmp_path / "results"
    code, out, err = call("run", study, "--out", target)
    assert code == 0, err
    for word in ("daccs-solid", "Mt/yr", "limited by", "electricity", "steep", str(target)):
        assert word in out
    summary = json.loads((target / "summary.json").read_text(encoding="utf-8"))
    assert set(summary["methods"]) == {"daccs-solid", "beccs-residue", "afforestation"}


def test_run_quiet_and_json_and_a_run_replaces_a_run(
    call: Callable[..., Answer], study: Path, tmp_path: Path
) -> None:
    target = tmp_path / "results"
    assert call("run", study, "--out", target, "--quiet") == (0, "", "")
    before = names(target)
    code, out, err = call("run", study, "--out", target, "--json")
    assert (code, err) == (0, "")
    assert names(target) == before
    written = json.loads((target / "summary.json").read_text(encoding="utf-8"))
    printed = json.loads(out)
    assert printed["methods"] == written["methods"]


def test_the_folder_of_the_scenario_and_the_working_directory(
    call: Callable[..., Answer], study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("run", study, "-q", "--set", "outputs.folder=beside")[0] == 0
    assert (study.parent / "beside" / "manifest.json").is_file()
    assert call("run", study, "-q")[0] == 0
    assert (tmp_path / "runs" / "tiny" / "manifest.json").is_file()


def test_a_run_replaces_nothing_but_a_run(
    call: Callable[..., Answer], study: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    code, _, err = call("run", study, "--out", mine)
    assert code == 2
    assert "holds something else than an earlier result" in err
    assert names(mine) == {"thesis.txt"}
    code, _, err = call("run", study, "--out", study)
    assert code == 2
    assert "a file is in the way" in err


def test_a_failure_while_writing_is_exit_code_1_and_leaves_nothing(
    call: Callable[..., Answer], study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cdrsite.report import folder

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = names(tmp_path)
    monkeypatch.setattr(folder, "write_zarr", full)
    code, _, err = call("run", study, "--out", tmp_path / "results")
    assert code == 1
    assert "the run failed" in err
    assert "the disk is full; cure: free some space" in err
    assert names(tmp_path) == before


def test_a_fault_of_the_program_is_a_sentence_and_exit_code_1(
    call: Callable[..., Answer], study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import cdrsite.cli.running

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(cdrsite.cli.running, "run", broken)
    code, _, err = call("run", study, "--out", tmp_path / "results")
    assert code == 1
    assert "ZeroDivisionError: by zero" in err
    assert "CDRSITE_TRACEBACK=1" in err
    monkeypatch.setenv("CDRSITE_TRACEBACK", "1")
    monkeypatch.setattr(sys, "argv", ["cdrsite", "run", str(study)])
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_methods_lists_all_and_shows_one_with_sources(call: Callable[..., Answer]) -> None:
    code, out, _ = call("methods")
    assert code == 0
    for name in cdrsite.method_names():
        assert name in out
    code, out, _ = call("methods", "daccs-solid")
    assert code == 0
    for word in ("madhu2021", "11 000", "m2/(t/yr)", "Sources", "China"):
        assert word in out
    code, out, _ = call("methods", "daccs-solid", "--profile", "literature")
    assert "720" in out
    code, out, _ = call("methods", "daccs-solid", "--json")
    assert code == 0
    assert json.loads(out)
    assert json.loads(call("methods", "--json")[1])


def test_datasets_lists_all_and_shows_one(call: Callable[..., Answer]) -> None:
    code, out, _ = call("datasets")
    assert code == 0
    for name in ("esa-worldcover", "corine-grid", "wdpa", "aqueduct-4-bws"):
        assert name in out
    code, out, _ = call("datasets", "esa-worldcover")
    assert code == 0
    assert "built" in out.lower()
    assert json.loads(call("datasets", "esa-worldcover", "--json")[1])


def test_storage_lists_all_kinds_and_shows_one(call: Callable[..., Answer]) -> None:
    code, out, _ = call("storage")
    assert code == 0
    for words in (
        "saline",
        "eor",
        "basalt",
        "salt-cavern",
        "soil",
        "building",
        "27 m3/t (22 to 40)",
    ):
        assert words in out
    code, out, _ = call("storage", "basalt")
    assert code == 0
    for words in ("75 kWh/t (50 to 150)", "500 m", "carbfix-2016", "10.1126/science.aad8132"):
        assert words in out
    kinds = {one["name"]: one for one in json.loads(call("storage", "--json")[1])}
    assert kinds["basalt"]["needs"]["water"]["value"] == 27
    assert json.loads(call("storage", "eor", "--json")[1])["durability"]["value"] is None
    code, _, err = call("storage", "bassalt")
    assert code == 2
    assert "unknown kind of storage; got 'bassalt'" in err


def test_screening_lists_all_and_shows_one(call: Callable[..., Answer]) -> None:
    code, out, _ = call("screening")
    assert code == 0
    for words in ("ocean-liming", "macroalgae-sinking", "no tonnes follow"):
        assert words in out
    code, out, _ = call("screening", "ocean-liming")
    assert code == 0
    for words in ("near: limestone", "231 kWh/t", "London Protocol", "remind"):
        assert words in out
    known = {one["name"]: one for one in json.loads(call("screening", "--json")[1])}
    assert known["ocean-fertilisation"]["allowed"] is False
    assert json.loads(call("screening", "ocean-liming", "--json")[1])["allowed"] is True
    code, _, err = call("screening", "ocean-limming")
    assert code == 2
    assert "unknown screening method; got 'ocean-limming'" in err


def test_credits_lists_all_and_shows_one(call: Callable[..., Answer]) -> None:
    code, out, _ = call("credits")
    assert code == 0
    for words in ("45q-dac-saline", "180 USD2025/t stored, 12 years", "corc", "market's price"):
        assert words in out
    code, out, _ = call("credits", "45q-power-eor")
    assert code == 0
    for words in ("60 USD2025/t stored", "or 85 USD2025/t", "until 2032", "eor", "75 %", "us-45q"):
        assert words in out
    assert json.loads(call("credits", "ccer", "--json")[1])["basis"] == "credited"
    assert len(json.loads(call("credits", "--json")[1])) == 14


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("credits", "45q-dac-salin"), "45q-dac-saline"),
        (("methods", "dacs-solid"), "daccs-solid"),
        (("methods", "daccs-solid", "--profile", "litrature"), "literature"),
        (("datasets", "esa-worldcovr"), "esa-worldcover"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest(
    call: Callable[..., Answer], arguments: tuple[str, ...], words: str
) -> None:
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert words in err


def test_schema_is_json_schema(call: Callable[..., Answer]) -> None:
    import jsonschema

    code, out, _ = call("schema")
    assert code == 0
    document = json.loads(out)
    jsonschema.Draft202012Validator.check_schema(document)
    assert "region" in document["required"]


KEYS = {
    "--methods": "profiles",
    "--datasets": "licence",
    "--transport": "mode",
    "--credits": "basis",
}


@pytest.mark.parametrize("option", KEYS)
def test_schema_of_library_files(call: Callable[..., Answer], option: str) -> None:
    import jsonschema

    code, out, _ = call("schema", option)
    assert code == 0
    document = json.loads(out)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(document)
    assert KEYS[option] in document["required"]
    assert document["additionalProperties"] is False


def test_one_schema_at_a_time(call: Callable[..., Answer]) -> None:
    code, out, err = call("schema", "--methods", "--datasets")
    assert (code, out) == (2, "")
    assert "one of --methods, --datasets, --transport, --credits" in err


def subprocess_call(*arguments: str, cwd: Path, **environment: str) -> Answer:
    found = subprocess.run(
        [sys.executable, "-m", "cdrsite.cli.main", *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )
    assert "Traceback" not in found.stderr
    return found.returncode, found.stdout, found.stderr


def test_the_installed_command_runs_in_its_own_process(study: Path, tmp_path: Path) -> None:
    code, out, err = subprocess_call(
        "run", str(study), "--out", "results", cwd=tmp_path, PROJ_DATA="/nowhere"
    )
    assert code == 0, err
    assert "PROJ_DATA=/nowhere is set by another program and is ignored" in err
    assert "limited by" in out
    assert (tmp_path / "results" / "manifest.json").is_file()


def test_a_wrong_request_in_its_own_process(study: Path, tmp_path: Path) -> None:
    before = names(tmp_path)
    code, out, err = subprocess_call(
        "run", str(study), "--set", "grid.resolutoin=1 km", cwd=tmp_path
    )
    assert (code, out) == (2, "")
    assert "grid.resolutoin: unknown key" in err
    assert "did you mean 'resolution'?" in err
    assert names(tmp_path) == before


HEAVY = (
    "numba",
    "geopandas",
    "rasterio",
    "pydantic",
    "xarray",
    "pandas",
    "scipy",
    "pint",
    "matplotlib",
    "highspy",
    "pyproj",
    "shapely",
    "yaml",
    "pyarrow",
    "zarr",
)


LISTING = f"import sys\nprint(sorted(set({HEAVY!r}) & set(sys.modules)))\n"
HELP = """\
import sys
from cdrsite.cli.main import main
sys.argv = ["cdrsite", "--help"]
try:
    main()
except SystemExit:
    pass
"""


@pytest.mark.parametrize("code", ["import cdrsite\n", HELP], ids=["import", "help"])
def test_import_and_help_load_nothing_heavy(code: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", code + LISTING]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert found.stdout.splitlines()[-1] == "[]"


def pipe_to_nobody(*arguments: str) -> tuple[int, str]:
    """Run a command whose reader is gone before it prints."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "cdrsite.cli.main", *arguments]
    found = subprocess.run(
        command, stdout=write, stderr=subprocess.PIPE, text=True, check=False, timeout=300
    )
    os.close(write)
    return found.returncode, found.stderr


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
@pytest.mark.parametrize("arguments", [("methods",), ("schema",), ("methods", "--json")])
def test_a_reader_that_goes_away_is_no_failure_to_talk_about(arguments: tuple[str, ...]) -> None:
    assert pipe_to_nobody(*arguments) == (cli.PIPE_CLOSED, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [("methods",), ("schema",)])
def test_output_to_a_full_disk_is_one_line(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "cdrsite.cli.main", *arguments]
    with Path("/dev/full").open("w") as full:
        found = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=300
        )
    assert found.returncode == 1
    assert found.stderr.count("\n") == 1 and "the disk is full; cure:" in found.stderr


STOPPED_WITHIN = """
import ctypes, os, signal, time
import cdrsite.cli.main as cli

@ctypes.CFUNCTYPE(None)
def called_by_a_compiler():
    os.kill(os.getpid(), signal.{name})
    time.sleep(0.01)

def work(**_):
    called_by_a_compiler()
    {then}

cli.app = work
cli.main()
"""


@pytest.mark.parametrize("then", ["raise RuntimeError('no address')", "time.sleep(60)"])
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_stop_within_a_compiler_is_a_stop(name: str, code: int, then: str) -> None:
    """What C code calls cannot raise: the end is asked for again, and is no fault meanwhile."""
    if name == "SIGINT" and "raise" in then:
        then = "time.sleep(0.5); " + then
    text = STOPPED_WITHIN.format(name=name, then=then)
    found = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=False, timeout=50
    )
    assert found.returncode == code, found.stderr
    assert found.stderr.count("\n") == 1 and found.stderr.startswith("stopped")


@pytest.mark.parametrize(
    ("end", "code", "words"),
    [(KeyboardInterrupt, 130, "stopped: nothing"), (Terminated, 143, "stopped by the system")],
)
def test_a_stopped_run_leaves_nothing_and_says_one_line(
    call: Callable[..., Answer],
    study: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    end: type[BaseException],
    code: int,
    words: str,
) -> None:
    from cdrsite.report import folder

    def stop(*_: object, **__: object) -> None:
        raise end

    before = names(tmp_path)
    monkeypatch.setattr(folder, "write_zarr", stop)
    found, out, err = call("run", study, "--out", tmp_path / "results", "-q")
    assert (found, out) == (code, "")
    assert words in err and err.count("\n") == 1
    assert names(tmp_path) == before


@pytest.mark.parametrize("number", sorted(CURES))
def test_what_the_system_refuses_has_a_cure(number: int) -> None:
    text = machine_fault(OSError(number, "refused", "/data/x.tif")) or ""
    assert text.startswith("/data/x.tif: ") and "; cure: " in text
    assert machine_fault(OSError("odd")) == "odd"


def test_only_what_the_machine_refuses_is_its_fault() -> None:
    wanted = "Unable to allocate 7 GiB"
    for error in (MemoryError(wanted), RuntimeError("can't start new thread"), OSError(12, "no")):
        text = machine_fault(error) or ""
        assert "memory" in text and "cure: --memory" in text
    assert wanted in (machine_fault(MemoryError(wanted)) or "")
    assert machine_fault(RuntimeError("odd")) is None and machine_fault(ValueError("x")) is None


def test_the_end_of_the_terminal_ends_a_run_like_sigterm(
    call: Callable[..., Answer], study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cdrsite.report import folder

    def hang_up(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        time.sleep(10)

    before = names(tmp_path)
    monkeypatch.setattr(folder, "write_zarr", hang_up)
    heard = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
    try:
        found, _, err = call("run", study, "--out", tmp_path / "results", "-q")
    finally:
        signal.signal(signal.SIGHUP, heard)
    assert found == cli.HUNG_UP == 129 and "stopped by the system" in err
    assert names(tmp_path) == before


def test_a_signal_that_is_ignored_stays_so(call: Callable[..., Answer]) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        assert call("methods")[0] == 0
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.skipif(sys.platform != "linux", reason="needs ulimit -v")
@pytest.mark.parametrize(
    ("command", "megabytes"),
    # every command and every limit every day
    first_every_day(
        [
            *[("run", 900), ("check", 1300), ("batch", 2200)],
            *[("run", 1300), ("check", 2200), ("batch", 900)],
            *[("run", 2200), ("check", 900), ("batch", 1300)],
        ]
    ),
)
def test_a_limit_of_memory_ends_in_words_at_once(
    study: Path, tmp_path: Path, command: str, megabytes: int
) -> None:
    before = names(tmp_path)
    out = [] if command == "check" else ["--out", str(tmp_path / "out")]
    text = f'ulimit -v {megabytes * 1000}; exec "$@"'
    words = [
        "sh",
        "-c",
        text,
        "sh",
        sys.executable,
        "-m",
        "cdrsite.cli.main",
        command,
        str(study),
        *out,
    ]
    found = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert found.returncode == 1 and found.stdout == ""
    assert "RLIMIT_AS" in found.stderr and "; expected " in found.stderr
    assert "cure: raise the limit" in found.stderr and "--memory" in found.stderr
    assert found.stderr.count("\n") == 1 and names(tmp_path) == before


def test_memory_that_runs_out_says_what_the_run_needs(
    call: Callable[..., Answer], study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError("Unable to allocate 7 GiB for an array")

    before = names(tmp_path)
    monkeypatch.setattr("cdrsite.study.run.score", full)
    found, _, err = call("run", study, "--out", tmp_path / "out", "-q")
    assert found == 1 and "fault of cdrsite" not in err
    assert "the memory is used up; got Unable to allocate 7 GiB" in err
    assert "GB for 48 cells in memory" in err and "cure: --memory" in err and "--workers" in err
    assert names(tmp_path) == before


def test_a_character_set_without_our_signs_gets_the_nearest(tmp_path: Path) -> None:
    code, out, err = subprocess_call(
        "methods", "daccs-solid", cwd=tmp_path, PYTHONIOENCODING="ascii"
    )
    assert code == 0, err
    assert "11 000" in out and out.isascii()


@pytest.mark.parametrize("broken", ["missing", "empty", "no dataset", "bad json"])
@pytest.mark.parametrize("command", ["explain", "report", "figures", "compare"])
def test_a_folder_that_is_no_run_is_refused_in_words(
    call: Callable[..., Answer], tmp_path: Path, command: str, broken: str
) -> None:
    folder = tmp_path / "somewhere"
    if broken != "missing":
        folder.mkdir()
    if broken in {"no dataset", "bad json"}:
        for name in ("manifest.json", "summary.json"):
            text = "{" if broken == "bad json" else "{}"
            (folder / name).write_text(text, encoding="utf-8")
    more = {"explain": ("--at", "10,50"), "compare": (folder,), "report": (), "figures": ()}[
        command
    ]
    code, out, err = call(command, folder, *more)
    assert (code, out) == (2, ""), err
    assert "somewhere" in err and "cure: " in err


def test_a_batch_with_a_failed_run_is_exit_code_1(
    call: Callable[..., Answer], tmp_path: Path
) -> None:
    code, _, err = call("batch", tmp_path / "no.yaml", "--out", tmp_path / "b", "-q")
    assert code == 1
    assert "no failed: no such scenario file" in err


def test_a_misspelt_key_of_a_matrix_ends_a_batch_before_anything_is_written(
    call: Callable[..., Answer], study: Path, tmp_path: Path
) -> None:
    matrix = tmp_path / "matrix.yaml"
    matrix.write_text("vary: {costs.discont_rate: [0.05, 0.07], grid.resolution: [1 km]}\n")
    code, _, err = call("batch", study, "--matrix", matrix, "--out", tmp_path / "b", "-q")
    assert code == 2
    assert err.count("costs.discont_rate: unknown key") == 1 and "'discount_rate'" in err
    assert not (tmp_path / "b").exists()


def test_set_changes_the_run_and_runs_are_reported_and_compared(
    call: Callable[..., Answer], study: Path, tmp_path: Path
) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    _, whole, _ = call("run", study, "--json", "--out", a)
    settings = ("--set", "resources.power.value=1 GWh/yr", "--set", "name=half")
    _, half, _ = call("run", study, "--json", "--out", b, *settings)
    assert json.loads(half)["name"] == "half"
    before, after = (
        json.loads(told)["methods"]["daccs-solid"]["alone_net_mt_yr"] for told in (whole, half)
    )
    # half of the power, but not of the water and the land
    assert before / 2 <= after < before
    code, out, err = call("report", a, "--lang", "zh", "--out", tmp_path / "zh.html")
    assert code == 0, err
    assert str(tmp_path / "zh.html") in out
    assert 'lang="zh' in (tmp_path / "zh.html").read_text(encoding="utf-8")
    code, _, err = call("report", a, "--lang", "xx")
    assert code == 2 and "xx" in err
    code, out, err = call("compare", a, b, "--out", tmp_path / "difference")
    assert code == 0, err
    assert "power" in out and (tmp_path / "difference").is_dir()
    code, out, _ = call("compare", a, b, "--json")
    assert code == 0 and json.loads(out)


def test_doctor_says_so_in_its_exit_code(
    call: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cdrsite.cli import doctor

    found = [doctor.Check("solver", "warning", "slow", "wait")]
    monkeypatch.setattr(doctor, "examine", lambda foreign: found)
    code, out, _ = call("doctor")
    assert code == 0 and "ready to run" in out
    found.append(doctor.Check("numpy", "problem", "not installed", "pip install numpy"))
    code, out, _ = call("doctor", "--json")
    assert code == 1 and json.loads(out)["usable"] is False
