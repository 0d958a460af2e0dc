"""The project of a path in QGIS itself: its temporal controller shows what each milestone has."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dated_study import GOAL, found, write_dated

from cdrsite.outputs.legend import class_colour
from cdrsite.result.study_result import StudyResult

pytestmark = pytest.mark.clients
CLIENT = Path(__file__).resolve().parents[1] / "builders" / "qgis_years_client.py"
YEARS = ("2030", "2040", "2050")


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    return found(write_dated(tmp_path_factory.mktemp("years")), *GOAL)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def played(
    result: StudyResult, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """Pictures by year, and what QGIS says of the layers that have a time."""
    python = shutil.which("python3", path="/usr/bin")
    probe = [python or "", "-c", "import qgis.core"]
    if python is None or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("QGIS not found: install qgis, python3-qgis and qgis-providers")
    folder = result.write(tmp_path_factory.mktemp("years run") / "run")
    pictures = tmp_path_factory.mktemp("pictures")
    done = subprocess.run(
        [python, str(CLIENT), str(folder / "cdrsite.qgs"), str(pictures), *YEARS],
        capture_output=True,
        text=True,
        check=True,
        timeout=180,
        env={"QT_QPA_PLATFORM": "offscreen", "HOME": str(pictures), "LANG": "C.UTF-8"},
    )
    return pictures, json.loads(done.stdout.partition("JSON")[2])


def pixels(path: Path) -> np.ndarray[Any, Any]:
    import matplotlib.image as mpimg

    return (mpimg.imread(path)[:, :, :3] * 255).round().astype(int)


def test_each_year_shows_its_own_layers_and_no_others(
    result: StudyResult, played: tuple[Path, dict[str, Any]]
) -> None:
    said = played[1]
    assert said["opened"]
    assert said["range"] == ["2030-01-01", "2059-12-31"]
    for year in YEARS:
        shown = said["years"][year]
        assert all(name.endswith(f"_{year}") for name in shown), year
        # net removal, by which method, and gross tonnes of each method
        assert len(shown) == 2 + len(result.methods)


def test_a_year_is_drawn_with_the_methods_that_it_has(
    result: StudyResult, played: tuple[Path, dict[str, Any]]
) -> None:
    pictures, methods = played[0], list(result.methods)
    drawn = set()
    for year in YEARS:
        picture = pixels(pictures / f"winner_{year}.png")
        every = np.unique(picture.reshape(-1, 3), axis=0).tolist()
        colours = {f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in every}
        codes = np.unique(result.dataset["winner_at"].sel(milestone=int(year)).to_numpy())
        there = {methods[code] for code in codes.tolist() if code < len(methods)}
        assert {
            name for name in methods if class_colour(name, result.methods).lower() in colours
        } == there, year
        drawn.add(picture.tobytes())
        for other in YEARS:  # a layer of another year is blank
            alone = pixels(pictures / f"cdrsite_raster_winner_at_{other}_in_{year}.png")
            assert (len(np.unique(alone.reshape(-1, 3), axis=0)) > 1) == (other == year)
            assert other != year or np.array_equal(alone, picture)
    assert len(drawn) == len(YEARS)
    nets = {pixels(pictures / f"net_{year}.png").tobytes() for year in YEARS}
    assert len(nets) == len(YEARS)
