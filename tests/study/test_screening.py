"""Ports compared for methods of the open sea: ranks by hand, and a plan that stays as it is."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from tiny_scenario import NORTH, WEST, box, write_polygons, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteWarning, ConfigError, DataError
from cdrsite.core.words import LANGUAGES
from cdrsite.library.screening import screening_methods
from cdrsite.report.page import write_report
from cdrsite.study.run import run

pytestmark = pytest.mark.usefixtures("without_slopes")

LIMING = (
    "layers.ports={path: ports.gpkg}",
    "layers.quarries={path: quarries.gpkg}",
    "layers.stores={path: stores.gpkg}",
    "screening={ocean-liming: {points: ports, name: name, near: "
    "{limestone: {layer: quarries, where: open == 1}, storage: {layer: stores}}}}",
)


def point(col: float, row: float) -> Any:
    return shapely.Point(WEST + 1000 * col, NORTH - 1000 * row)


def world(folder: Path) -> Path:
    """Ports at 1, 3 and 7 km from the west; an open quarry at 2 km, a closed one at 7 km."""
    path = write_world(folder)
    ports = [point(1, 1), point(3, 1), point(7, 1)]
    write_polygons(folder / "ports.gpkg", ports, name=["甲", "b", "c"], deep=[9.0, 4.0, 2.0])
    write_polygons(folder / "quarries.gpkg", [point(2, 1), point(7, 1)], open=[1, 0])
    write_polygons(folder / "stores.gpkg", [box(4, 0, 2, 2)], id=["s"])
    return path


def study(path: Path, *settings: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return run(load_scenario(path, settings))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return world(tmp_path_factory.mktemp("ports"))


@pytest.fixture(scope="module")
def compared(path: Path) -> Any:
    return study(path, *LIMING)


def test_ranks_follow_from_distances(compared: Any) -> None:
    """km to the quarry 1, 1, 5 of 200; to the store 3, 1, 1 of 300."""
    table = compared.tables["screening"]
    assert list(table["point"]) == ["b", "甲", "c"]
    assert list(table["rank"]) == [1, 2, 3]
    expected = [1 - (1 / 200 + 1 / 300) / 2, 1 - (1 / 200 + 3 / 300) / 2]
    assert list(table["score"])[:2] == pytest.approx(expected, rel=1e-4)
    criteria = compared.tables["screening_criteria"].set_index(["point", "criterion"])
    # a km of the equal-area grid is not quite one on the ground
    assert criteria["distance_km"]["c", "limestone"] == pytest.approx(5.0, rel=2e-2)
    assert criteria["distance_km"]["甲", "storage"] == pytest.approx(3.0, rel=2e-2)
    assert set(table["result_class"]) == {"screening"}


def test_the_plan_is_the_same_bytes_with_and_without(path: Path, compared: Any) -> None:
    plain = study(path, *LIMING[:3])
    assert "screening" not in plain.tables
    assert set(plain.dataset.data_vars) == set(compared.dataset.data_vars)
    for name, values in plain.dataset.data_vars.items():
        assert values.values.tobytes() == compared.dataset[name].values.tobytes(), name
    assert set(compared.tables) - set(plain.tables) == {"screening", "screening_criteria"}
    for name, table in plain.tables.items():
        assert table.to_csv() == compared.tables[name].to_csv(), name
    assert repr(plain.summary) == repr(compared.summary)


def test_no_tonnes_stand_in_the_tables(compared: Any) -> None:
    for name in ("screening", "screening_criteria"):
        columns = " ".join(compared.tables[name].columns)
        assert not any(word in columns for word in ("_t_yr", "_mt", "tonnes", "net", "usd"))
    methods = set(screening_methods())
    for name, table in compared.tables.items():
        if "method" in table and not name.startswith("screening"):
            assert not methods & set(table["method"]), name


def test_files_and_page_tell_it_apart(compared: Any, tmp_path: Path) -> None:
    compared.write(tmp_path / "run")
    layer = gpd.read_file(tmp_path / "run" / "cdrsite.gpkg", layer="screening")
    assert len(layer) == 3
    texts = {}
    for lang in LANGUAGES:
        write_report(tmp_path / "run", lang, tmp_path / f"{lang}.html")
        texts[lang] = (tmp_path / f"{lang}.html").read_text("utf-8")
    assert "a comparison, not a plan" in texts["en"]
    assert "海洋石灰化" in texts["zh"]
    assert "石灰石矿" in texts["zh"]
    assert "甲" in texts["en"]
    summary = json.loads((tmp_path / "run" / "summary.json").read_text("utf-8"))
    assert "ocean-liming" not in summary["methods"]


def test_what_is_missing_or_closed_is_warned_of(path: Path) -> None:
    algae = "screening={macroalgae-sinking: {points: ports, near: {farms: {layer: stores}}}}"
    result = study(path, *LIMING[:3], algae)
    told = " ".join(result.warnings)
    assert "no layer for deep_water" in told
    assert "not allowed today. The London Protocol" in told
    assert not result.tables["screening"]["allowed"].any()
    assert set(result.tables["screening"]["point"]) == {"ports 1", "ports 2", "ports 3"}


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ("{ocean-limming: {points: ports, near: {storage: {layer: stores}}}}", ConfigError,
         r"screening.*unknown screening method; got 'ocean-limming'.*ocean-liming"),
        ("{ocean-liming: {points: ports, near: {stone: {layer: stores}}}}", ConfigError,
         r"unknown criterion of ocean-liming; got 'stone'; expected limestone, power"),
        ("{ocean-liming: {points: prts, near: {storage: {layer: stores}}}}", ConfigError,
         r"screening.ocean-liming.points.*no layer of that name"),
        ("{ocean-liming: {points: stores, near: {storage: {layer: stores}}}}", DataError,
         r"no points to compare.*Polygon"),
        ("{ocean-liming: {points: ports, where: deep > 99, near: {storage: {layer: stores}}}}",
         DataError, r"no points to compare.*none"),
        ("{ocean-liming: {points: ports, near: {storage: {layer: stores, where: id == 'x'}}}}",
         DataError, r"ocean-liming.near.storage.*nothing that could be near"),
        ("{ocean-liming: {points: ports, name: nam, near: {storage: {layer: stores}}}}",
         DataError, r"ocean-liming.name.*no such column; got nam; expected name, deep"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(path: Path, given: str, error: Any, words: str) -> None:
    with pytest.raises(error, match=f"(?s){words}"):
        study(path, *LIMING[:3], f"screening={given}")
