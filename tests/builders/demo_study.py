"""The demo on a coarse grid, run once for all tests that look at the folder of a whole run."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdrsite.cli.demo import demo_folder
from cdrsite.config.load import load_scenario
from cdrsite.report.folder import write_run
from cdrsite.study.run import run

_FOLDERS: dict[str, Path] = {}


def coarse_demo(places: pytest.TempPathFactory, resolution: str = "8 km") -> Path:
    """Folder of the demo at a resolution; the same one for every caller."""
    if resolution not in _FOLDERS:
        scenario = load_scenario(
            demo_folder("config") / "demo.yaml", [f"grid.resolution={resolution}"]
        )
        _FOLDERS[resolution] = write_run(run(scenario), places.mktemp("demo") / "run")
    return _FOLDERS[resolution]
