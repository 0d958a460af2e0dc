"""A run's folder opened as a result: the same numbers, map and words; and what is refused."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import xarray as xr
from tiny_scenario import write_world

import cdrsite
from cdrsite.core.errors import ConfigError

pytestmark = pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[cdrsite.StudyResult, Path]:
    folder = tmp_path_factory.mktemp("world")
    result = cdrsite.run(write_world(folder))
    return result, result.write(folder / "run")


def test_the_same_result(run: tuple[cdrsite.StudyResult, Path]) -> None:
    result, folder = run
    opened = cdrsite.open_run(folder, data_folder=folder.parent)
    xr.testing.assert_identical(opened.dataset.load(), result.dataset)
    assert opened.tables.keys() == result.tables.keys()
    for name, table in result.tables.items():
        pd.testing.assert_frame_equal(
            opened.tables[name], table.reset_index(drop=True), check_dtype=False
        )
    assert opened.scenario == result.scenario
    assert opened.warnings == [t.replace(f"{folder.parent}/", "") for t in result.warnings]
    assert opened.grid == result.grid
    assert opened.rule_names == result.rule_names
    assert repr(opened) == repr(result)
    assert set(opened.features) >= {"sites", "pools_water"}
    assert isinstance(opened.features["sites"], gpd.GeoDataFrame)
    assert len(repr(opened.features)) < 200
    with pytest.raises(KeyError):
        opened.features["rivers"]


def test_the_same_map_and_words(run: tuple[cdrsite.StudyResult, Path]) -> None:
    result, folder = run
    opened = cdrsite.open_run(folder)
    page = opened.explore()
    assert page.html == result.explore().html
    assert '"sites"' in page.html
    x, y = float(result.dataset["x"][2]), float(result.dataset["y"][3])
    assert str(opened.explain(x=x, y=y)) == str(result.explain(x=x, y=y))


def test_it_runs_again_from_its_own_record(run: tuple[cdrsite.StudyResult, Path]) -> None:
    result, folder = run
    opened = cdrsite.open_run(folder, data_folder=folder.parent)
    again = cdrsite.run(opened.scenario)
    xr.testing.assert_identical(again.dataset, result.dataset)


def test_what_is_refused(run: tuple[cdrsite.StudyResult, Path], tmp_path: Path) -> None:
    _, folder = run
    with pytest.raises(ConfigError, match=r"the result is written already.*copy that folder"):
        cdrsite.open_run(folder).write(tmp_path / "copy")
    with pytest.raises(ConfigError, match="there is no such run"):
        cdrsite.open_run(tmp_path / "nothing")
