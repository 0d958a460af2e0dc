"""How many functions a small study compiles: counts, since seconds are another machine's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sweeps import stored_world

ROOT = Path(__file__).resolve().parents[2]

MOST_LOADED = 34
"""Kernels that Python calls: each is a file that a run loads."""
MOST_COMPILED = 145
"""Functions of all levels that a first run compiles, numba's own among them (132)."""
SHAPES = 2
"""Of the study's three methods: two plants with as many limits and terms, and a forest."""

SIGNATURES = """
import json, sys
import numba.core.dispatcher as of
from cdrsite.cli import main as cli
sys.argv = ["cdrsite", "run", sys.argv[1], "--out", sys.argv[2], "--quiet"]
try:
    cli.main()
except SystemExit as stop:
    assert not stop.code, stop.code
found, compiled = {}, 0
for name, module in list(sys.modules.items()):
    if name.startswith("cdrsite"):
        for one in vars(module).values():
            if isinstance(one, of.Dispatcher) and one.py_func.__module__ == name and one.signatures:
                found[f"{name}.{one.py_func.__name__}"] = len(one.signatures)
                compiled += sum(one.stats.cache_misses.values())
print(json.dumps([found, compiled]))
"""


def loaded(study: Path, folder: Path) -> tuple[dict[str, int], int]:
    """Kernels that a run in a new process has, by signatures, and how many it compiled itself."""
    done = subprocess.run(
        [sys.executable, "-c", SIGNATURES, str(study), str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found, compiled = json.loads(done.stdout.splitlines()[-1])
    return found, compiled


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Three methods, storage with routes, basins."""
    return stored_world(tmp_path)


def test_a_study_loads_few_kernels_each_for_one_kind_of_arrays(study: Path, tmp_path: Path) -> None:
    """A read-only, strided, float32 or literal argument more is a kernel compiled once more."""
    found, compiled = loaded(study, tmp_path / "run")
    if compiled:  # then it has what its kernels call as well
        found, compiled = loaded(study, tmp_path / "again")
    assert compiled == 0
    loops = [name for name in found if name.startswith("cdrsite_scoring_")]
    assert len(loops) == SHAPES
    assert [name for name, count in found.items() if count > 1] == []
    assert 20 < len(found) <= MOST_LOADED


@pytest.mark.slow
def test_a_first_run_compiles_a_bounded_number_of_functions(study: Path, tmp_path: Path) -> None:
    target = tmp_path / "found.json"
    words = [str(study), "--out", str(tmp_path / "run")]
    bench = str(ROOT / "benchmarks" / "bench_cold.py")
    subprocess.run(
        [sys.executable, bench, "--alone", "--record", str(target), "--", *words],
        env={
            **os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path / "numba"),
            "CDRSITE_CACHE_DIR": str(tmp_path / "kept"),
        },
        capture_output=True, check=True,
    )  # fmt: skip
    count = Counter(json.loads(target.read_text(encoding="utf-8"))["count"])
    assert sum(n for name, n in count.items() if name.startswith("cdrsite_scoring_")) == SHAPES
    assert 50 < count.total() <= MOST_COMPILED
