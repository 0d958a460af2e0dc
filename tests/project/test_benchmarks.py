"""Every benchmark starts, and measures its smallest size to the end."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "benchmarks"

SMALLEST: dict[str, list[str]] = {
    "bench_batch": ["--runs 1 --workers 1 --resolution 16km"],
    "bench_cold": [
        "-- {root}/config/demo.yaml --set grid.resolution=16km --set network.plan=false"
    ],
    "bench_competition": [
        "--side 12 --whole 5 --whole-side 12 --sweep --sweep-side 12",
        "--stream 2000 --stream-side 20 --folder {folder}/cells",
    ],
    "bench_demo": ["{root} --runs 1 --command version --command methods"],
    "bench_distance": ["--sizes 40 --repeats 1", "--disk 64 --chunk 16 --block 32"],
    "bench_links": ["--sizes 60"],
    "bench_methods": [
        "scoring --cells 0.01 --repeats 1",
        "competition --side 20 --repeats 1",
    ],
    "bench_milestones": ["--side 12"],
    "bench_nation": [
        "make {folder} --rows 60 --cols 60",
        "run {folder}",
        "floor {folder}",
        "stream {folder}",
        "workers {folder}",
        "curve {folder} --sides 60 --picture {folder}/curve.png",
    ],
    "bench_nearest": ["--side 60 --repeats 1"],
    "bench_network": ["--only gateway --effort quick"],
    "bench_peers": ["--small --only nearest"],
    "bench_rasters": ["--size 300"],
    "bench_requirements": ["--cells 0.01 --repeats 1"],
    "bench_sample": ["--resolution 16km --samples 2"],
    "bench_siting": ["--side 60 --polygons 5 --repeats 1"],
}
"""Benchmark -> its commands in their smallest size, in order."""


def start(name: str, words: list[str], folder: Path) -> str:
    """What a benchmark prints; it must end well."""
    found = subprocess.run(
        [sys.executable, str(FOLDER / f"{name}.py"), *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=folder,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr[-2000:]
    return found.stdout


def test_every_benchmark_has_a_smallest_size() -> None:
    assert {path.stem for path in FOLDER.glob("bench_*.py")} == set(SMALLEST)


@pytest.mark.parametrize("name", SMALLEST)
def test_a_benchmark_starts(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process, which has loaded what most of them load."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    assert not end.value.code
    assert "usage" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALLEST)
def test_a_benchmark_measures_its_smallest_size(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if name == "bench_network":
        request.getfixturevalue("cases_dir")  # or skip
    for command in SMALLEST[name]:
        said = start(name, command.format(folder=tmp_path, root=ROOT).split(), tmp_path)
        assert any(sign.isdigit() for sign in said)
    assert list(FOLDER.glob("*.tif")) == []
