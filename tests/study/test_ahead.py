"""What is compiled ahead of a study is what the study then calls."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sweeps import stored_world

ROOT = Path(__file__).resolve().parents[2]

TYPES = """
import json, sys
import numba.core.dispatcher as of
{code}
found = {{}}
for name, module in list(sys.modules.items()):
    for one in list(vars(module).values()) if name.startswith("cdrsite") else ():
        kept = isinstance(one, of.Dispatcher) and hasattr(one._cache, "_cache_file")
        if kept and one.py_func.__module__ == name and one.signatures:
            found[f"{{name}}.{{one.py_func.__name__}}"] = list(map(str, one.signatures))
print(json.dumps(found))
"""
PARTS = """
from cdrsite.study.ahead import PARTS
for name in sys.argv[1:]:
    PARTS[name]()
"""
STUDY = """
from cdrsite.cli import ahead, main as cli
ahead._of_use = lambda others: False
sys.argv = ["cdrsite", "run", *sys.argv[1:], "--quiet"]
try:
    cli.main()
except SystemExit as stop:
    assert not stop.code, stop.code
"""


def types(code: str, *words: str) -> dict[str, set[str]]:
    """Kernels kept on disk that a new process has, with the types that they are compiled for."""
    done = subprocess.run(
        [sys.executable, "-c", TYPES.format(code=code), *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    return {name: set(kinds) for name, kinds in found.items()}


def of_rooms(found: dict[str, set[str]], *rooms: str) -> dict[str, set[str]]:
    """Those of some rooms."""
    return {name: kinds for name, kinds in found.items() if name.split(".")[1] in rooms}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Three methods, storage with routes, basins."""
    return stored_world(tmp_path)


def test_the_competition_is_compiled_for_the_types_of_a_study(study: Path, tmp_path: Path) -> None:
    """Neither for others nor for fewer: a type that differs would be compiled twice."""
    known = of_rooms(types(PARTS, "shared land"), "competition")
    assert known == of_rooms(
        types(STUDY, str(study), "--out", str(tmp_path / "run")), "competition"
    )
    assert "cdrsite.competition._kernel.sweep_bounded" in known
    alone = of_rooms(types(PARTS, "own land"), "competition")
    assert "cdrsite.competition._kernel.sweep" in alone
    for kernels in (known, alone):
        del kernels[next(name for name in kernels if ".sweep" in name)]
    assert alone == known


@pytest.mark.slow
def test_crossings_and_the_network_are_compiled_for_the_types_of_a_study(tmp_path: Path) -> None:
    known = types(PARTS, "crossings", "shared land", "network")
    words = [str(ROOT / "config" / "demo.yaml"), "--set", "grid.resolution=8 km"]
    called = types(STUDY, *words, "--out", str(tmp_path / "run"))
    for name, kinds in of_rooms(known, "competition", "network", "transport").items():
        assert kinds <= called.get(name, set()), name
    for name, kinds in of_rooms(called, "competition", "network").items():
        assert kinds <= known.get(name, set()), name


@pytest.mark.slow
def test_a_study_compiles_nothing_of_the_competition_that_was_compiled_ahead(
    study: Path, tmp_path: Path
) -> None:
    """And what it writes is the same, whoever has compiled."""
    bench, found = str(ROOT / "benchmarks" / "bench_cold.py"), {}
    for name in ("ahead", "alone"):
        environment = os.environ | {
            "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path / name / "numba"),
            "CDRSITE_CACHE_DIR": str(tmp_path / name / "kept"),
        }  # fmt: skip
        if name == "ahead":
            words = ["-c", "import sys" + PARTS, "shared land"]
            subprocess.run([sys.executable, *words], env=environment, check=True)
        target, out = tmp_path / f"{name}.json", tmp_path / name / "run"
        subprocess.run(
            [sys.executable, bench, "--record", str(target), "--alone", "--", str(study),
             "--out", str(out)],
            env=environment, capture_output=True, check=True,
        )  # fmt: skip
        found[name] = json.loads(target.read_text(encoding="utf-8"))["count"]
        found[name]["files"] = {
            path.relative_to(out).as_posix(): path.read_bytes()
            for path in out.rglob("*") if path.suffix in {".tif", ".csv"}
        }  # fmt: skip
    files = found["ahead"].pop("files")
    assert files == found["alone"].pop("files") and len(files) > 10
    assert not [name for name in found["ahead"] if name.startswith("cdrsite.competition")]
    assert len([name for name in found["alone"] if name.startswith("cdrsite.competition")]) > 20
