"""What the numbers of a file mean: unsigned, scaled, unknown, one of several bands, classes."""

from __future__ import annotations

import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr
import zarr
from affine import Affine
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from cdrsite.config.layers import FileLayer
from cdrsite.core.errors import CdrsiteWarning, DataError
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.layers.region import StudyArea
from cdrsite.layers.stack import LayerStack

WEST, NORTH = 4_000_000.0, 3_000_000.0


def place(rows: int, cols: int, size: float = 1000.0) -> StudyArea:
    bounds = (WEST, NORTH - rows * size, WEST + cols * size, NORTH)
    grid = AnalysisGrid.from_bounds("EPSG:3035", bounds, size, snap=None)
    return StudyArea(grid, shapely.box(*bounds))


def stack(path: Path, rows: int, cols: int, **options: Any) -> LayerStack:
    return LayerStack({"it": FileLayer(path=path, **options)}, place(rows, cols))


def read(path: Path, rows: int, cols: int, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)  # not the whole region is known
        return stack(path, rows, cols, **options).values("it", Block(0, rows, 0, cols))


def tif(path: Path, data: Any, **options: Any) -> Path:
    data = np.asarray(data)
    data = data if data.ndim == 3 else data[None]
    with rasterio.open(
        path, "w", driver="GTiff", dtype=data.dtype, count=len(data), height=data.shape[1],
        width=data.shape[2], crs="EPSG:3035", transform=Affine(1000, 0, WEST, 0, -1000, NORTH),
        **options,
    ) as out:  # fmt: skip
        out.write(data)
    return path


def cube(path: Path, data: Any, attributes: dict[str, Any], **more: Any) -> Path:
    data = np.asarray(data)
    dims = ("time", "y", "x")[-data.ndim :]
    rows, cols = data.shape[-2:]
    coords = {
        "y": NORTH - 1000 * (np.arange(rows) + 0.5),
        "x": WEST + 1000 * (np.arange(cols) + 0.5),
    }
    dataset = xr.Dataset(
        {"v": (dims, data, {"crs": "EPSG:3035", **attributes})}, coords={**coords, **more}
    )
    if path.suffix == ".zarr":
        dataset.to_zarr(path, consolidated=False, zarr_format=2)
    else:
        encoding = {} if "_FillValue" in attributes else {"v": {"_FillValue": None}}
        dataset.to_netcdf(path, encoding=encoding)
    return path


NAN = np.nan
FILL = {"_FillValue": np.int16(-9)}
CUBES: list[tuple[Any, dict[str, Any], list[float]]] = [
    (np.int8([-46, 100]), {"_Unsigned": "true"}, [210, 100]),
    (np.int8([-46, -1]), {"_Unsigned": "true", "_FillValue": np.int8(-1)}, [210, NAN]),
    (np.int16([-2, 5]), {"_Unsigned": "true", "scale_factor": 0.5}, [32767, 2.5]),
    (np.uint8([254, 5]), {"_Unsigned": "false"}, [-2, 5]),
    (np.int16([-1, 7]), {"missing_value": np.int16([-1, -2])}, [NAN, 7]),
    (np.int16([-1, -9, 7]), {**FILL, "missing_value": np.int16(-1)}, [NAN, NAN, 7]),
    (np.int16([-9, 7]), {**FILL, "scale_factor": 2.0, "add_offset": 1.0}, [NAN, 15]),
    (np.int16([5, 500, -5]), {"valid_min": np.int16(0), "valid_max": np.int16(99)}, [5, NAN, NAN]),
    (np.int16([5, 500, -5]), {"valid_range": np.int16([0, 99])}, [5, NAN, NAN]),
    (np.int16([5, 500]), {"valid_range": np.float64([0, 9.9]), "scale_factor": 0.1}, [0.5, NAN]),
    (np.int16([5, 500]), {"valid_max": np.int16(99), "scale_factor": 0.1}, [0.5, NAN]),
    (np.int8([-3, -1]), {"_Unsigned": "true", "valid_range": np.int8([0, -2])}, [253, NAN]),
    (np.float32([0.1, 0.2]), {"valid_max": 0.1}, [0.1, NAN]),
    (np.float32([1e20, 3]), {"_FillValue": np.float32(1e20)}, [NAN, 3]),
    (np.float32([np.inf, -np.inf, 3]), {}, [NAN, NAN, 3]),
    (np.int64([2**53 + 1, 2**53]), {"_FillValue": np.int64(2**53 + 1)}, [NAN, 2.0**53]),
]  # fmt: skip


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
@pytest.mark.parametrize(("stored", "attributes", "expected"), CUBES)
def test_a_cube_means_what_cf_says(
    suffix: str, stored: Any, attributes: dict[str, Any], expected: list[float], tmp_path: Path
) -> None:
    data = np.tile(stored, (2, 1))
    path = tmp_path / f"a{suffix}"
    if suffix == ".zarr":
        many = [key for key, value in attributes.items() if np.ndim(value)]
        attributes = {k: (v.tolist() if k in many else v) for k, v in attributes.items()}
        fill = attributes.get("_FillValue")
        group = zarr.open_group(path, mode="w", zarr_format=2)
        options = {"shape": data.shape, "chunks": data.shape, "dtype": data.dtype}
        array = group.create_array("v", fill_value=fill, **options)
        array[:] = data
        plain = {k: getattr(v, "item", lambda v=v: v)() for k, v in attributes.items()}
        plain.pop("_FillValue", None)
        array.attrs.update({"_ARRAY_DIMENSIONS": ["y", "x"], "crs": "EPSG:3035", **plain})
        for name, size, first, step in (
            ("y", 2, NORTH - 500, -1000.0),
            ("x", data.shape[1], WEST + 500, 1000.0),
        ):
            axis = group.create_array(name, shape=(size,), dtype="f8", fill_value=None)
            axis[:] = first + step * np.arange(size)
            axis.attrs["_ARRAY_DIMENSIONS"] = [name]
    else:
        cube(path, data, attributes)
    got = read(path, 2, data.shape[1], unit="1")
    np.testing.assert_allclose(got, [expected] * 2, rtol=1e-6)
    if "valid" in "".join(attributes) or stored.dtype.itemsize == 8:
        return  # xarray does not read those
    plain = {"consolidated": False} if suffix == ".zarr" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xr.SerializationWarning)  # of several fill values
        known = xr.open_dataset(path, **plain)
    with known:
        theirs = known["v"].values.astype(np.float64)
        np.testing.assert_allclose(got, np.where(np.isinf(theirs), np.nan, theirs), rtol=1e-5)


@pytest.mark.parametrize(("version", "fill"), [(2, -9999), (3, -9999), (3, 0), (2, None)])
def test_the_fill_value_of_a_zarr_array(version: int, fill: int | None, tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=version)

    def make(name: str, values: Any, dims: list[str], fill: Any) -> None:
        names = {"dimension_names": dims} if version == 3 else {}
        array = group.create_array(
            name,
            shape=values.shape,
            dtype=values.dtype,
            fill_value=fill,
            chunks=values.shape,
            **names,
        )
        array[:] = values
        if version == 2:
            array.attrs["_ARRAY_DIMENSIONS"] = dims

    make("y", NORTH - 1000 * (np.arange(2) + 0.5), ["y"], None if version == 2 else np.nan)
    make("x", WEST + 1000 * (np.arange(3) + 0.5), ["x"], None if version == 2 else np.nan)
    make("v", np.int16([[0, -9999, 7]] * 2), ["y", "x"], fill)
    got = read(tmp_path / "a.zarr", 2, 3, crs="EPSG:3035", ignore_file_nodata=False)
    expected = [0, -9999, 7] if not fill else [0, NAN, 7]
    np.testing.assert_array_equal(got[0], expected)
    kept = read(tmp_path / "a.zarr", 2, 3, crs="EPSG:3035", ignore_file_nodata=True)
    np.testing.assert_array_equal(kept[0], [0, -9999, 7])


@pytest.mark.parametrize(
    ("data", "header", "expected"),
    [
        (np.float32([-3.4028234663852886e38, 1]), -3.4e38, [NAN, 1]),
        (np.float32([-9999.9, 1]), -9999.9, [NAN, 1]),
        (np.float32([-9999.9, 1]), -9999.900001, [NAN, 1]),
        (np.float32([-9998.0, 1]), -9999.0, [-9998, 1]),
        (np.float64([1e20, 1]), 1.0000000004e20, [NAN, 1]),
        (np.float32([0.0, 1e-7]), 0.0, [NAN, 1e-7]),
        (np.int64([2**53 + 1, 2**53]), 2**53 + 1, [NAN, 2.0**53]),
        (np.uint8([255, 254]), 255, [NAN, 254]),
        (np.int8([-1, 100]), -1, [NAN, 100]),
    ],
)
def test_nodata_of_a_header_that_rounds_differently(
    data: Any, header: float, expected: list[float], tmp_path: Path
) -> None:
    # by way of a VRT: rasterio would round the number in the header itself
    tif(tmp_path / "a.tif", np.tile(data, (2, 1)))
    kind = {"int8": "Int8", "uint8": "Byte"}.get(data.dtype.name, data.dtype.name.capitalize())
    (tmp_path / "a.vrt").write_text(
        f"""<VRTDataset rasterXSize="2" rasterYSize="2"><SRS>EPSG:3035</SRS>
<GeoTransform>{WEST}, 1000, 0, {NORTH}, 0, -1000</GeoTransform>
<VRTRasterBand dataType="{kind}" band="1"><NoDataValue>{header!r}</NoDataValue><SimpleSource>
<SourceFilename relativeToVRT="1">a.tif</SourceFilename><SourceBand>1</SourceBand>
</SimpleSource></VRTRasterBand></VRTDataset>"""
    )
    np.testing.assert_allclose(read(tmp_path / "a.vrt", 2, 2), [expected] * 2)


def test_a_nodata_that_the_values_cannot_hold_is_none(tmp_path: Path) -> None:
    path = tif(tmp_path / "a.tif", np.float32([[-3.4028234663852886e38, 1]] * 2))
    with rasterio.open(path, "r+") as out, np.errstate(over="ignore"), suppress(ValueError):
        out.nodata = -1.7976931348623157e308
    with pytest.raises(DataError, match="values beyond all bounds"):
        read(path, 2, 2)
    np.testing.assert_array_equal(read(path, 2, 2, nodata=-1.7e308), [[NAN, 1]] * 2)


def test_whole_numbers_that_floats_cannot_tell_apart(tmp_path: Path) -> None:
    path = tif(tmp_path / "a.tif", np.int64([[2**60 + 1, 2**60]] * 2))
    got = read(path, 2, 2, nodata=2**60 + 1)
    np.testing.assert_array_equal(got, [[NAN, np.float32(2**60)]] * 2)


def test_absurd_numbers_are_refused_with_the_nodata_that_they_are(tmp_path: Path) -> None:
    path = tif(tmp_path / "a.tif", np.float32([[-3.4028234663852886e38, 1]] * 2))
    with pytest.raises(DataError, match=r"beyond all bounds.*cure: nodata: -3.40282346638528"):
        read(path, 2, 2)


# bands ------------------------------------------------------------------------------------------


def monthly(path: Path) -> Path:
    data = np.arange(3, dtype=np.float32)[:, None, None] * 10 + np.float32([[1, 2]] * 2)
    data[1, 0, 0] = -9
    if path.suffix == ".tif":
        tif(path, data, nodata=-9)
        with rasterio.open(path, "r+") as out:
            out.descriptions = ("Jan", "Feb", "Mar")
        return path
    data = np.where(data == -9, np.nan, data)
    times = np.array(["2020-01-01", "2020-02-01", "2020-03-01"], "datetime64[ns]")
    return cube(path, data, {}, time=times)


@pytest.mark.parametrize("suffix", [".tif", ".nc", ".zarr"])
def test_which_of_several_bands(suffix: str, tmp_path: Path) -> None:
    path = monthly(tmp_path / f"a{suffix}")
    second = "Feb" if suffix == ".tif" else "2020-02"
    with pytest.raises(
        DataError, match=r"which band is meant; got 3 .*3 .*expected band"
    ) as caught:
        read(path, 2, 2)
    assert second in str(caught.value)
    for band in (2, second, "2"):
        np.testing.assert_array_equal(read(path, 2, 2, band=band), [[NAN, 12], [11, 12]])
    np.testing.assert_array_equal(read(path, 2, 2, band="mean"), [[NAN, 12], [11, 12]])
    np.testing.assert_array_equal(read(path, 2, 2, band="sum"), [[NAN, 36], [33, 36]])
    np.testing.assert_array_equal(read(path, 2, 2, band="max"), [[NAN, 22], [21, 22]])
    every = stack(path, 2, 2, band="all")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert every.bands("it", Block(0, 2, 0, 2)).shape == (3, 2, 2)
    assert every.info("it").bands == 3
    for wrong in (4, "April", "Mraz"):
        with pytest.raises(DataError, match="no such band"):
            read(path, 2, 2, band=wrong)


def test_a_year_is_a_name_before_it_is_a_number(tmp_path: Path) -> None:
    data = np.float32([[[1, 1]] * 2, [[2, 2]] * 2])
    path = cube(tmp_path / "a.nc", data, {}, time=[2030, 2050])
    np.testing.assert_array_equal(read(path, 2, 2, band=2050), data[1])
    np.testing.assert_array_equal(read(path, 2, 2, band=1), data[0])


def test_a_dimension_of_one_step_is_none(tmp_path: Path) -> None:
    path = cube(tmp_path / "a.nc", np.float32([[[1, 2]] * 2]), {}, time=[0])
    np.testing.assert_array_equal(read(path, 2, 2), [[1, 2]] * 2)


def test_a_picture_is_no_quantity(tmp_path: Path) -> None:
    data = np.stack([np.full((2, 2), v, np.uint8) for v in (200, 30, 10)])
    path = tif(tmp_path / "a.tif", data, photometric="RGB")
    with pytest.raises(DataError, match=r"picture of colours: 1 .red., 2 .green., 3 .blue."):
        read(path, 2, 2)
    np.testing.assert_array_equal(read(path, 2, 2, band="green"), [[30, 30]] * 2)


def test_a_band_of_transparency_is_not_counted(tmp_path: Path) -> None:
    data = np.uint8([[[9, 8]] * 2, [[255, 0]] * 2])
    path = tif(tmp_path / "a.tif", data, photometric="MINISBLACK", alpha="YES")
    np.testing.assert_array_equal(read(path, 2, 2), [[9, NAN]] * 2)


def test_bands_that_are_stored_differently_make_nothing_together(tmp_path: Path) -> None:
    path = tif(tmp_path / "a.tif", np.int16([[[1, 2]] * 2, [[3, 4]] * 2]))
    with rasterio.open(path, "r+") as out:
        out.scales = (1.0, 0.1)
    with pytest.raises(DataError, match=r"bands differ .*scale 1.*band 2: int16.*scale 0.1"):
        read(path, 2, 2, band="sum")
    np.testing.assert_allclose(read(path, 2, 2, band=2), [[0.3, 0.4]] * 2, rtol=1e-6)


def test_a_table_of_colours_means_classes(tmp_path: Path) -> None:
    path = tif(tmp_path / "a.tif", np.uint8([[10, 50]] * 2))
    with rasterio.open(path, "r+") as out:
        out.write_colormap(1, {10: (0, 255, 0, 255), 50: (255, 0, 0, 255)})
    layers = stack(path, 2, 2)
    assert layers.info("it").kind == "class"
    with pytest.raises(DataError, match=r"as its table of colours says.*add kind: intensive"):
        layers.values("it", Block(0, 2, 0, 2))
    share = layers.class_share("it", {50: 1.0}, Block(0, 2, 0, 2))
    np.testing.assert_array_equal(share, [[0, 1]] * 2)
    numbers = read(path, 2, 2, kind="intensive")
    np.testing.assert_array_equal(numbers, [[10, 50]] * 2)


@settings(max_examples=examples(20), deadline=None)
@given(
    stored=st.lists(st.integers(-128, 127), min_size=4, max_size=4),
    fills=st.lists(st.integers(-128, 127), max_size=2, unique=True),
    unsigned=st.booleans(),
    scale=st.sampled_from([None, 0.5, 0.01]),
)
def test_any_bytes_are_what_xarray_says(
    stored: list[int],
    fills: list[int],
    unsigned: bool,
    scale: float | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    attributes: dict[str, Any] = {"missing_value": np.int8(fills)} if fills else {}
    attributes |= {"_Unsigned": "true"} if unsigned else {}
    attributes |= {"scale_factor": scale} if scale else {}
    path = cube(folder / "a.nc", np.int8([stored] * 2), attributes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with xr.open_dataset(path) as known:
            theirs = known["v"].values.astype(np.float64)
        if np.isnan(theirs).all():
            return
        np.testing.assert_allclose(read(path, 2, 4), theirs, rtol=1e-5)


# numbers of classes -----------------------------------------------------------------------------


def test_classes_get_the_numbers_that_they_are_given(tmp_path: Path) -> None:
    data = np.uint8([[10, 30, 30, 80], [10, 10, 255, 255]])
    path = tif(tmp_path / "a.tif", data, nodata=255)
    numbers = {10: 2.0, "20-40": 4.0, 80: 0.0}
    layers = LayerStack(
        {"it": FileLayer(path=path, values=numbers, unit="t/ha/yr")}, place(1, 2, 2000.0)
    )
    assert (layers.info("it").kind, layers.info("it").unit) == ("intensive", "t/ha/yr")
    block = Block(0, 1, 0, 2)
    with pytest.warns(CdrsiteWarning, match="covers"):
        np.testing.assert_allclose(layers.values("it", block), [[2.5, 2.0]])
    np.testing.assert_allclose(layers.values("it", block, "kg/m2/yr"), [[0.25, 0.2]])
    # half of the second cell is known: its amount is that of the half
    np.testing.assert_allclose(layers.amounts("it", block, "t/yr"), [[1000, 400]])


def test_a_class_without_a_number_is_unknown_and_told_of(tmp_path: Path) -> None:
    path = tif(tmp_path / "a.tif", np.uint8([[10, 30]] * 2))
    with pytest.warns(CdrsiteWarning, match=r"without a number in values: are unknown: 30"):
        got = stack(path, 2, 2, values={10: 2.0}, kind="class").values("it", Block(0, 2, 0, 2))
    np.testing.assert_array_equal(got, [[2, NAN]] * 2)


def test_numbers_of_classes_that_are_not_there_or_are_amounts(tmp_path: Path) -> None:
    path = tif(tmp_path / "a.tif", np.uint8([[10, 30]] * 2))
    with pytest.raises(DataError, match="class code absent from the raster; got 31"):
        read(path, 2, 2, values={10: 2.0, 31: 1.0})
    with pytest.raises(ValueError, match="no amounts per pixel"):
        FileLayer(path=path, values={10: 2.0}, kind="extensive")
    named = tif(tmp_path / "w.tif", np.uint8([[40, 50]] * 2))
    got = read(named, 2, 2, preset="esa-worldcover", values={"cropland": 3.0, 50: 0.0})
    np.testing.assert_array_equal(got, [[3, 0]] * 2)
