"""The dataset of a run for people of xarray: CF attributes, flags, one CRS, lazy, and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rioxarray  # noqa: F401 - the accessor .rio
import xarray as xr
from tiny_scenario import write_world

import cdrsite
from cdrsite.core.states import OUTSIDE, OUTSIDE_BIT
from cdrsite.result.store import gridded
from cdrsite.result.study_result import StudyResult


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    return cdrsite.run(cdrsite.load_scenario(write_world(tmp_path_factory.mktemp("world"))))


@pytest.fixture(scope="module")
def run(result: StudyResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return result.write(tmp_path_factory.mktemp("runs") / "run")


def test_every_variable_says_what_it_is(result: StudyResult) -> None:
    dataset = result.dataset
    for name, variable in dataset.variables.items():
        if name != "spatial_ref":
            known = {"long_name", "standard_name"} & set(variable.attrs)
            assert known, f"{name} has no name for people"
    for name, values in dataset.filter_by_attrs(role="result").data_vars.items():
        coded = {"flag_values", "flag_masks", "labels"} & set(values.attrs)
        whole = values.dtype.kind in "iu"
        assert bool(values.attrs.get("units")) != whole, name
        assert bool(coded) == whole, name
    assert set(dataset["x"].attrs) >= {"units", "standard_name", "axis"}


def test_results_stand_apart_from_evidence(result: StudyResult) -> None:
    roles = {str(n): v.attrs["role"] for n, v in result.dataset.data_vars.items()}
    assert set(roles.values()) == {"result", "evidence"}
    assert {n for n in roles if roles[n] == "result"} >= {"winner", "cost", "net_removal", "state"}
    assert {n for n in roles if roles[n] == "evidence"} >= {"worth", "sink_loss", "need"}
    need = result.dataset["need"].sel(resource="water")
    assert str(need["resource_unit"].item()) == "m3/t"


def test_each_code_has_a_word_or_is_outside(result: StudyResult) -> None:
    for name, values in result.dataset.data_vars.items():
        if "flag_values" in values.attrs:
            codes = values.attrs["flag_values"]
            assert codes.dtype == values.dtype
            assert len(values.attrs["flag_meanings"].split()) == len(codes), name
            assert values.attrs["_FillValue"] == OUTSIDE
            assert set(np.unique(values)) <= {*codes.tolist(), OUTSIDE}, name
    pool = result.dataset["pool_water"]
    assert set(np.unique(pool)) <= {*range(len(pool.attrs["labels"])), pool.attrs["_FillValue"]}


def test_bits_have_words(result: StudyResult) -> None:
    reasons = result.dataset["exclusion_reasons"]
    masks = reasons.attrs["flag_masks"]
    assert masks.dtype == reasons.dtype and masks[-1] == OUTSIDE_BIT
    words = reasons.attrs["flag_meanings"].split()
    assert len(words) == len(masks) and words[0] == result.rule_names[0].replace(" ", "_")
    assert not (reasons.to_numpy() & ~np.uint32(masks.sum())).any()
    assert "_FillValue" not in reasons.attrs  # they must stay bits when they are read


def test_others_find_the_crs_even_of_sums(result: StudyResult) -> None:
    dataset = result.dataset
    doubled = (dataset["cost"] * 2).drop_attrs(deep=False)
    for values in (dataset["winner"], doubled):
        assert values.rio.crs.to_epsg() == 3035
        assert values.rio.transform() == result.grid.transform
    assert list(dataset.coords) == [n for n in dataset.coords if n != "crs"]


def test_warped_by_rioxarray_no_code_comes_from_nowhere(result: StudyResult) -> None:
    for name in ("winner", "pool_water", "state"):
        values = result.dataset[name]
        assert values.rio.nodata == values.attrs["_FillValue"]
        found = values.rio.reproject("EPSG:4326", resampling=0)
        allowed = {*np.unique(values).tolist(), values.attrs["_FillValue"].item()}
        assert found.dtype == values.dtype and set(np.unique(found).tolist()) <= allowed, name


def same(found: xr.Dataset, expected: xr.Dataset) -> None:
    assert set(found.variables) == set(expected.variables)
    for name, variable in expected.variables.items():
        np.testing.assert_array_equal(found[name].to_numpy(), variable.to_numpy(), str(name))
        if variable.dtype.kind != "U":
            assert found[name].dtype == variable.dtype, name


@pytest.mark.parametrize("kind", ["netcdf", "zarr"])
def test_there_and_back_by_xarray(result: StudyResult, tmp_path: Path, kind: str) -> None:
    """As people save what they made of it; opened as they do, codes outside are unknown."""
    place = tmp_path / "saved"
    if kind == "netcdf":
        result.dataset.to_netcdf(place)
        opened = {"engine": "netcdf4", "decode_coords": "all"}
    else:
        result.dataset.to_zarr(place, zarr_format=2)
        opened = {"engine": "zarr", "decode_coords": "all"}
    with xr.open_dataset(place, mask_and_scale=False, **opened) as exact:
        same(exact, result.dataset)
        assert exact["winner"].attrs["flag_meanings"] == result.dataset["winner"].flag_meanings
    with xr.open_dataset(place, **opened) as usual:
        outside = result.dataset["winner"] == OUTSIDE
        assert (usual["winner"].isnull() == outside).all()
        assert usual["exclusion_reasons"].dtype == np.uint32
        assert usual["cost"].rio.crs.to_epsg() == 3035


def test_a_run_that_is_opened_is_lazy_and_the_same(run: Path, result: StudyResult) -> None:
    opened = cdrsite.open_run(run).dataset
    large = gridded(opened)
    assert large and all(opened[name].chunks is not None for name in large)
    same(opened.compute(), result.dataset)
    assert opened["winner"].attrs["_FillValue"].dtype == np.uint8
    mean = opened["cost"].mean(("y", "x"))
    assert mean.chunks is not None
    np.testing.assert_allclose(mean.compute(), result.dataset["cost"].mean(("y", "x")), rtol=1e-6)


def test_the_store_as_others_open_it(run: Path, result: StudyResult) -> None:
    with xr.open_zarr(run / "result.zarr") as usual:
        assert usual["winner"].dtype == np.uint8
        assert (usual["winner"] == result.dataset["winner"]).all()
        assert usual["state"].rio.crs.to_epsg() == 3035
