"""The demo on a coarse grid, run once for all tests that look at the folder of a whole run."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from cdrsite.cli.demo import demo_folder
from cdrsite.config.load import load_scenario
from cdrsite.report.folder import write_run
from cdrsite.study.run import run

PATIENCE = 600.0
"""Seconds after which a process no longer waits for the run of another one."""


def coarse_demo(places: pytest.TempPathFactory, resolution: str = "8 km") -> Path:
    """Folder of the demo at a resolution; the same one for all callers in all processes."""
    root = places.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # each process has a folder of its own in a common one
        root = root.parent
    place = root / f"demo {resolution}"
    try:
        place.mkdir()
    except FileExistsError:
        return _of_another(place) or _made(places.mktemp("demo"), resolution)
    try:
        return _made(place, resolution)
    finally:
        (place / "over").touch()


def _made(place: Path, resolution: str) -> Path:
    scenario = load_scenario(demo_folder("config") / "demo.yaml", [f"grid.resolution={resolution}"])
    return write_run(run(scenario), place / "run")


def _of_another(place: Path) -> Path | None:
    """The run of the caller who came first, once it is over; None where it failed."""
    end = time.monotonic() + PATIENCE
    while not (place / "over").exists() and time.monotonic() < end:
        time.sleep(0.2)
    return place / "run" if (place / "run").is_dir() else None
