"""Layers as people bring them: cases of public bug reports, with values computed elsewhere."""

from __future__ import annotations

import contextlib
import runpy
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyproj import Geod, Transformer

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteError, CdrsiteWarning
from cdrsite.outputs.legend import OUTSIDE_BIT
from cdrsite.study.run import check_study, run

Case = Callable[..., Any]


@pytest.fixture
def case(tmp_path: Path, cases_dir: Path) -> Case:
    """Make the input of a case; gives its result, or the error of its check and run."""

    def made(name: str, *settings: str) -> Any:
        folder = tmp_path / name
        if not folder.exists():
            shutil.copytree(cases_dir / "layers_public" / name, folder)
            folder.chmod(0o755)
            with contextlib.chdir(folder), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                runpy.run_path("make.py", run_name="__main__")
        scenario = load_scenario(folder / "scenario.yaml", settings)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CdrsiteWarning)
            try:
                check_study(scenario)
            except CdrsiteError as error:
                with pytest.raises(type(error)):
                    run(scenario)
                return error
            return run(scenario)

    return made


def excluded(result: Any, most: float = 0.0) -> np.ndarray:
    """Cells of the region that the rules leave nothing of, or at most a share."""
    inside = result.dataset["exclusion_reasons"].to_numpy() >> OUTSIDE_BIT & 1 == 0
    return (available(result) <= most) & inside


def available(result: Any) -> np.ndarray:
    """Share of each cell that the rules leave."""
    return result.dataset["available"].sel(removal_method="daccs-solid").to_numpy()


def test_longitudes_from_0_to_360(case: Case) -> None:
    got = case("01_lon360_geographic_grid").dataset["supply_water"].to_numpy()
    for row in got:
        np.testing.assert_allclose(row, [3565, 3575, 3585, 3595, 5, 15, 25, 35])


def test_a_region_over_180_degrees(case: Case) -> None:
    result = case("04_fiji_boundary")
    dataset = result.dataset
    rows, cols = dataset["transport_km"].shape
    assert abs(rows - 23) <= 2 and abs(cols - 37) <= 2
    to_grid = Transformer.from_crs(4326, result.grid.crs, always_xy=True)
    x, y = np.meshgrid(dataset["x"], dataset["y"])
    lon, lat = to_grid.transform(x, y, direction="INVERSE")
    there = np.full(x.shape, -179.99), np.full(x.shape, -17.5)
    metres = Geod(ellps="WGS84").inv(lon, lat, *there)[2]
    inside = dataset["exclusion_reasons"].to_numpy() >> OUTSIDE_BIT & 1 == 0
    assert 40 < ((metres < 40e3) & inside).sum() < 60
    near = dataset["available"].sel(removal_method="daccs-solid").to_numpy() < 0.5
    # a cell whose centre is nearly 40 km away may count as nearer or not
    differ = (near & inside) != ((metres < 40e3) & inside)
    assert (np.abs(metres[differ] - 40e3) < 1e3).all()
    col, row = to_grid.transform(179.5, -17.5)
    way = dataset["transport_km"].sel(x=col, y=row, method="nearest")
    assert float(way) == pytest.approx(106, abs=15)  # cells of 10 km, and where the unit begins


def test_edges_along_a_parallel(case: Case) -> None:
    # where the edge goes through a cell, that of its centre counts
    assert int(excluded(case("05_long_edges_not_densified"), 0.5).sum()) == 2132


def test_a_polygon_of_the_world(case: Case) -> None:
    assert np.nanmax(available(case("06_world_polygon"))) == 0


def test_parts_that_overlap(case: Case) -> None:
    assert int(excluded(case("08_overlapping_parts")).sum()) == 41


def test_collections_in_distances(case: Case) -> None:
    assert int(excluded(case("09_collection_distance")).sum()) == 17


def test_collections_as_pools(case: Case) -> None:
    result = case("11_collection_in_pools")
    assert isinstance(result, CdrsiteError) or len(result.tables["pools"]) >= 2


def test_a_point_without_a_geometry(case: Case) -> None:
    result = case("12_null_point")
    row = result.dataset["supply_water"].to_numpy()[0, :5]
    np.testing.assert_array_equal(row, [10, np.nan, 30, 40, np.nan])
    assert any("geometry" in text for text in result.warnings)


def test_a_system_that_nothing_leads_to(case: Case) -> None:
    error = case("14_engineering_crs")
    assert isinstance(error, CdrsiteError) and "crs:" in str(error) and "cure" in str(error)


def test_dates_in_filters(case: Case) -> None:
    result = case("15_datetime_filter")
    if not isinstance(result, CdrsiteError):
        assert set(np.flatnonzero(excluded(result).any(axis=0))) == {4, 5}
    zoned = case("15_datetime_filter", "layers.a.path=tz.gpkg",
                 "siting.exclude=[{layer: a, where: \"d > '2000-01-01'\"}]")  # fmt: skip
    assert set(np.flatnonzero(excluded(zoned).any(axis=0))) == {4, 5}
    text = case("15_datetime_filter", "siting.exclude=[{layer: a, where: \"d > 'abc'\"}]")
    assert isinstance(text, CdrsiteError) and "abc" in str(text)


def test_unsigned_bytes(case: Case) -> None:
    for row in available(case("16_unsigned_netcdf")):
        np.testing.assert_array_equal(row, [0, 0, 0, 0, 1, 1, 1, 1])


def test_nodata_that_rounds_differently(case: Case) -> None:
    result = case("19_float_nodata_mismatch")
    assert isinstance(result, CdrsiteError) or not available(result)[0].any()


def test_a_grid_that_is_not_true_to_areas(case: Case) -> None:
    result = case("21_web_mercator_grid")
    if isinstance(result, CdrsiteError):
        assert "grid.crs" in str(result) and "cure" in str(result)
    else:
        assert any("area" in text for text in result.warnings)


def test_several_bands(case: Case) -> None:
    result = case("22_multiband_first_silently")
    told = str(result) if isinstance(result, CdrsiteError) else " ".join(result.warnings)
    assert "band" in told


def test_a_buffer_that_reaches_in_from_outside(case: Case) -> None:
    result = case("23_buffered_feature_far_outside")
    assert float((1 - available(result)).sum()) == pytest.approx(23.3, abs=0.2)


def test_letters_that_nothing_explains(case: Case) -> None:
    result = case("25_gbk_shapefile")
    if isinstance(result, CdrsiteError):
        assert "encoding" in str(result)
    else:
        assert set(np.flatnonzero(excluded(result).any(axis=0))) == {0, 1, 2, 3, 4}
    read = case("25_gbk_shapefile", "layers.a.encoding=GBK")
    assert set(np.flatnonzero(excluded(read).any(axis=0))) == {0, 1, 2, 3, 4}
