"""Small rasters, NetCDF, vector files and tables, good and odd, and broken ones made by a seed."""

from __future__ import annotations

import json
import random
import sqlite3
import warnings
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
import xarray as xr
from affine import Affine
from fuzz_scenarios import mutate_bytes, mutate_text
from tiny_scenario import COLS, NORTH, ROWS, WEST, box

KINDS = (
    *("tif", "nc", "gpkg", "shp", "fgb", "csv", "geojson", "parquet"),
    *("zarr", "kml", "gml", "topojson", "zip"),
)
"""Suffixes of what is mutated."""

Files = dict[str, bytes]
"""Bytes by suffix: a shapefile is several files; a Zarr store a folder of them."""
TEXTUAL = ("csv", "geojson", "prj", "kml", "gml", "topojson", ".zattrs", ".zarray", "zarr.json")
"""Ends of the names of files that are text."""


def bases(kind: str, folder: Path) -> list[Files]:
    """Files that are whole but need not be sound."""
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # writers remark on what is odd on purpose
        makers = {"tif": _rasters, "nc": _cubes, "csv": _tables, "zarr": _stores, "zip": _zipped}
        return makers.get(kind, _features)(folder, kind)


def mutated_file(seed: int, known: list[Files]) -> Files:
    """The files of a layer, by the seed alone: the first seeds are the bases as they are."""
    if seed < len(known):
        return known[seed]
    rng = random.Random(seed)
    files = dict(rng.choice(known))
    for suffix in rng.sample(sorted(files), rng.choice((1, 1, min(2, len(files))))):
        textual = suffix.endswith(TEXTUAL)
        if rng.random() < 0.03:
            del files[suffix]
        elif textual and rng.random() < 0.7:
            files[suffix] = mutate_text(rng, files[suffix].decode("utf-8", "replace")).encode(
                "utf-8", "surrogatepass"
            )
        else:
            files[suffix] = mutate_bytes(rng, files[suffix])
    return files


def _rasters(folder: Path, suffix: str) -> list[Files]:
    found = []
    for i, (dtype, crs, transform, more) in enumerate(_raster_choices()):
        path = folder / f"r{i}.{suffix}"
        count = more.pop("count", 1)
        values = np.arange(count * ROWS * COLS).reshape(count, ROWS, COLS).astype(dtype)
        if np.issubdtype(dtype, np.floating) and more.pop("odd", False):
            values[..., 0], values[..., 1], values[..., 2] = np.nan, np.inf, -np.inf
            values[..., 3] = np.finfo(dtype).max
        tags = more.pop("tags", {})
        with rasterio.open(
            path, "w", driver="GTiff", dtype=dtype, count=count, height=ROWS, width=COLS, crs=crs,
            transform=transform, **more,
        ) as out:  # fmt: skip
            out.write(values)
            for name, value in tags.items():
                setattr(out, name, value)
        found.append({suffix: path.read_bytes()})
    return found


_DTYPES = (
    "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64", "uint64", "int64",
    "complex64", "complex128",
)  # fmt: skip


def _raster_choices() -> list[tuple[Any, Any, Any, dict[str, Any]]]:
    good = Affine(1000, 0, WEST, 0, -1000, NORTH)
    made: list[tuple[Any, Any, Any, dict[str, Any]]] = [
        (dtype, 3035, good, {}) for dtype in _DTYPES
    ]
    made += [
        ("float32", 3035, transform, {})
        for transform in (
            Affine(0, 0, WEST, 0, 0, NORTH),
            Affine(1000, 0, WEST, 0, 0, NORTH),
            Affine(1000, 1000, WEST, 1000, 1000, NORTH),
            Affine(np.nan, 0, WEST, 0, -1000, NORTH),
            Affine(1000, 0, np.inf, 0, -1000, NORTH),
            Affine(1e300, 0, -1e300, 0, -1e300, 1e300),
            Affine(1e-300, 0, WEST, 0, -1e-300, NORTH),
            Affine(-1000, 0, WEST + 8000, 0, 1000, NORTH - 6000),
            Affine(700, 700, WEST, 700, -700, NORTH),
            Affine(1e9, 0, WEST - 1e9, 0, -1e9, NORTH + 1e9),
        )
    ]
    local = 'LOCAL_CS["here",UNIT["metre",1]]'
    degrees = Affine(0.1, 0, 5, 0, -0.1, 55)
    made += [
        ("float32", crs, degrees if crs == 4326 else good, {})
        for crs in (4326, 3857, 4979, 5773, 27700, 32661, 4978, None, local)
    ]
    made += [
        ("float32", 3035, good, {"nodata": value}) for value in (np.nan, np.inf, -np.inf, 3e38, 0.1)
    ]
    made += [
        ("float32", 3035, good, {"odd": True}),
        ("float64", 3035, good, {"odd": True}),
        (
            "float32",
            3035,
            good,
            {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "lzw"},
        ),
        ("uint8", 3035, good, {"compress": "deflate", "count": 3, "photometric": "RGB"}),
        ("uint8", 3035, good, {"compress": "jpeg"}),
        ("int16", 3035, good, {"compress": "zstd", "predictor": 2, "nodata": -1}),
        ("float32", 3035, good, {"compress": "lerc"}),
        ("float32", 3035, good, {"tags": {"scales": (np.nan,), "offsets": (np.inf,)}}),
        ("int16", 3035, good, {"tags": {"scales": (0.0,), "units": ("",)}}),
        ("int16", 3035, good, {"tags": {"units": ("x" * 300,)}}),
    ]
    return made


def _cubes(folder: Path, suffix: str) -> list[Files]:
    x = WEST + 500 + 1000.0 * np.arange(COLS)
    y = NORTH - 500 - 1000.0 * np.arange(ROWS)
    lon, lat = 7.0 + 0.5 * np.arange(COLS), 51.0 - 0.5 * np.arange(ROWS)
    values = np.arange(ROWS * COLS, dtype="f4").reshape(ROWS, COLS)
    plain: dict[str, Any] = {"crs": "EPSG:3035"}
    choices: list[tuple[Any, Any, Any, dict[str, Any]]] = [
        (values, y, x, attrs)
        for attrs in (
            plain,
            {**plain, "_FillValue": np.float32(3)},
            {**plain, "missing_value": "none"},
            {**plain, "missing_value": np.array([1.0, 2.0])},
            {**plain, "missing_value": np.array([], "f8")},
            {**plain, "scale_factor": "ten"},
            {**plain, "scale_factor": np.array([1.0, 2.0])},
            {**plain, "scale_factor": np.nan, "add_offset": np.inf},
            {**plain, "scale_factor": 0.0},
            {**plain, "units": 3.5},
            {**plain, "units": np.array([1, 2])},
            {**plain, "units": ""},
            {"crs": "EPSG:99999"},
            {"crs": 3035},
            {"crs": -1},
            {"crs": "é" * 200},
            {"grid_mapping": "nothing"},
            {"grid_mapping": np.array([1, 2])},
            {"grid_mapping_name": "lambert_azimuthal_equal_area"},
            {"grid_mapping_name": "no_such_mapping"},
            {"grid_mapping_name": "polar_stereographic", "standard_parallel": "x"},
            {},
        )
    ]
    choices += [
        (values.astype(dtype), y, x, plain)
        for dtype in ("i1", "u2", "i8", "f8", "U3", "S3", "M8[s]", "m8[s]")
    ]
    choices += [
        (values, lat, lon, {}),
        (values, y[::-1], x, plain),
        (values, y, x[::-1], plain),
        (values, y, np.where(np.arange(COLS) == 3, np.nan, x), plain),
        (values, y, np.full(COLS, np.nan), plain),
        (values, y, np.full(COLS, np.inf), plain),
        (values, y, np.full(COLS, WEST), plain),
        (values, y, x.astype("U9"), plain),
        (values, y, x.astype("M8[D]"), plain),
        (values[:1], y[:1], x, plain),
        (values[:0], y[:0], x, plain),
        (np.stack([values] * 3), y, x, plain),
        (np.stack([values] * 0 or [values])[:0], y, x, plain),
        (np.stack([[values] * 2] * 2), y, x, plain),
    ]
    found = []
    for i, (array, ys, xs, attrs) in enumerate(choices):
        names = ("lat", "lon") if ys is lat else ("y", "x")
        dims = (*("t", "u")[: array.ndim - 2], *names)
        data = xr.Dataset({"v": (dims, array, attrs)}, {names[0]: ys, names[1]: xs})
        if i % 5 == 4:
            data["w"] = data["v"]
        formats = ("NETCDF4", "NETCDF3_64BIT", "NETCDF4_CLASSIC")
        for form in formats[: 3 if i == 0 else 1]:
            path = folder / f"n{i}-{form}.{suffix}"
            try:
                data.to_netcdf(path, format=form)
            except (ValueError, TypeError, RuntimeError, AttributeError):
                continue  # what cannot be written cannot be read
            found.append({suffix: path.read_bytes()})
    return found


def _stores(folder: Path, suffix: str) -> list[Files]:
    """Zarr stores of format 2 and 3, with chunks, coordinates and fill values."""
    found = []
    x = WEST + 500 + 1000.0 * np.arange(COLS)
    y = NORTH - 500 - 1000.0 * np.arange(ROWS)
    for i, (dtype, attrs, version) in enumerate(
        (dtype, attrs, version)
        for version in (2, 3)
        for dtype in ("f4", "i2", "u1", "f8")
        for attrs in ({"crs": "EPSG:3035"}, {"crs": "EPSG:3035", "_FillValue": 3}, {})
    ):
        values = np.arange(ROWS * COLS).reshape(ROWS, COLS).astype(dtype)
        data = xr.Dataset({"v": (("y", "x"), values, attrs)}, {"y": y, "x": x})
        path = folder / f"z{i}.{suffix}"
        data.chunk({"y": 3}).to_zarr(path, zarr_format=version, consolidated=False)
        files = sorted(one for one in path.rglob("*") if one.is_file())
        found.append({f"{suffix}/{f.relative_to(path).as_posix()}": f.read_bytes() for f in files})
    return found


def _zipped(folder: Path, suffix: str) -> list[Files]:
    """Shapefiles in one archive."""
    found = []
    for i, files in enumerate(_features(folder, "shp")):
        path = folder / f"a{i}.{suffix}"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if i % 2 else 0) as archive:
            for name, data in files.items():
                archive.writestr(f"parks.{name}", data)
        found.append({suffix: path.read_bytes()})
    return found


def _shapes() -> list[list[Any]]:
    """Pairs of shapes, sound and not."""
    square, other = box(1, 1, 3, 3), box(4, 2, 2, 3)
    w, n = WEST, NORTH
    bow = shapely.Polygon([(w, n), (w + 4000, n - 4000), (w + 4000, n), (w, n - 4000)])
    hole = shapely.Polygon(square.exterior.coords, [box(0, 0, 9, 9).exterior.coords])
    flat = shapely.Polygon([(w, n), (w + 4000, n), (w, n)])
    return [
        [square, other],
        [square.centroid, other.centroid],
        [shapely.LineString(square.exterior.coords), shapely.LineString(other.exterior.coords)],
        [shapely.MultiPolygon([square, other]), square],
        [bow, bow],
        [hole, square],
        [flat, square],
        [shapely.Polygon(), square],
        [None, square],
        [None, None],
        [shapely.Point(np.nan, np.nan), square.centroid],
        [shapely.Point(np.inf, 0), square.centroid],
        [
            shapely.LineString([(w, n), (np.nan, n), (w + 4000, n - 100)]),
            shapely.LineString([(w, n), (w + 1, n)]),
        ],
        [shapely.Polygon([(w, n), (w + 1000, np.nan), (w + 4000, n - 100)]), square],
        [shapely.Polygon([(w, n), (w + 1000, np.inf), (w + 4000, n - 100)]), square],
        [shapely.box(-1e300, -1e300, 1e300, 1e300), square],
        [shapely.box(w, n, w + 1e-300, n + 1e-300), square],
        [shapely.force_3d(square, 5), other],
        [shapely.Polygon([(w, n, np.nan), (w + 4000, n, 1), (w, n - 4000, 1)]), other],
        [shapely.box(-180, -90, 180, 90), shapely.box(7, 50, 8, 51)],
    ]


def _frames() -> list[Any]:
    made = []
    for i, shapes in enumerate(_shapes()):
        columns: dict[str, Any] = {"name": ["park", "東"], "v": [1.5, 2.0]}
        made.append(gpd.GeoDataFrame(columns, geometry=shapes, crs=4326 if i == 19 else 3035))
    good = _shapes()[0]
    odd: list[dict[str, Any]] = [
        {"name": ["a", None], "v": [np.nan, np.nan]},
        {"name": ["a", "a"], "v": ["1", "x"]},
        {"v": [np.inf, -np.inf]},
        {"v": [2**62, -(2**62)]},
        {"v": [True, False]},
        {"v": pd.to_datetime(["2020-01-01", "1800-01-01"])},
        {"name": ["x" * 3000, "\n\t;"], "v": [1, 2]},
        {"Geometry": ["a", "b"], "V": [1, 2]},
        {},
    ]
    made += [gpd.GeoDataFrame(columns, geometry=good, crs=3035) for columns in odd]
    systems = (None, 5773, 4979, 4978)
    made += [gpd.GeoDataFrame({"v": [1, 2]}, geometry=good, crs=crs) for crs in systems]
    made.append(gpd.GeoDataFrame({"v": [1]}, geometry=good[:1], crs=3035)[:0])
    many = [box(i % 8, i // 8, 1, 1) for i in range(48)]
    made.append(gpd.GeoDataFrame({"v": range(48), "name": "a"}, geometry=many, crs=3035))
    return made


def _features(folder: Path, suffix: str) -> list[Files]:
    found = []
    for i, frame in enumerate(_frames()):
        path = folder / f"v{i}.{suffix}"
        try:
            if suffix == "parquet":
                frame.to_parquet(path)
            elif suffix == "topojson":
                path.write_text(_topology(frame))
            elif suffix == "kml":
                frame.to_crs(4326).to_file(path, driver="KML")
            else:
                frame.to_file(path, layer="v") if suffix == "gpkg" else frame.to_file(path)
        except Exception:  # noqa: BLE001 - what cannot be written cannot be read
            continue
        names = ("shp", "shx", "dbf", "prj", "cpg") if suffix == "shp" else (suffix,)
        parts = {name: path.with_suffix("." + name) for name in names}
        found.append({name: part.read_bytes() for name, part in parts.items() if part.exists()})
    if suffix == "gpkg":
        found += _edited(folder, folder / "v0.gpkg")
    if suffix == "geojson":
        found += [{suffix: text.encode()} for text in _GEOJSON]
    if suffix == "shp":
        found += _open_rings(found[0])
    return found


def _topology(frame: Any) -> str:
    """TopoJSON with one arc per ring or line."""
    arcs: list[Any] = []
    made = []
    for shape, (_, row) in zip(frame.to_crs(4326).geometry, frame.iterrows(), strict=True):
        values = {k: str(v) for k, v in row.items() if k != "geometry"}
        if shape is None:
            made.append({"type": None, "properties": values})
            continue
        rings = [list(map(list, ring.coords)) for ring in shapely.get_rings([shape])]
        first = len(arcs)
        arcs += rings
        made.append(
            {
                "type": "Polygon",
                "arcs": [[first + k] for k in range(len(rings))],
                "properties": values,
            }
        )
    objects = {"v": {"type": "GeometryCollection", "geometries": made}}
    return json.dumps({"type": "Topology", "objects": objects, "arcs": arcs})


_RING = "[[6,50],[7,50],[7,51],[6,51]]"
_GEOJSON = (
    '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"v":1},"geometry":'
    '{"type":"Polygon","coordinates":[' + _RING + "]}}]}",
    '{"type":"Polygon","coordinates":[[[6,50],[7,50]]]}',
    '{"type":"Polygon","coordinates":[[[6,50]]]}',
    '{"type":"Polygon","coordinates":[[]]}',
    '{"type":"Polygon","coordinates":[]}',
    '{"type":"LineString","coordinates":[[6,50]]}',
    '{"type":"Point","coordinates":[]}',
    '{"type":"Point","coordinates":["a","b"]}',
    '{"type":"Point","coordinates":[1e400,50]}',
    '{"type":"GeometryCollection","geometries":[]}',
    '{"type":"FeatureCollection","features":[]}',
    '{"type":"FeatureCollection","features":[null]}',
    '{"type":"Feature","geometry":null,"properties":null}',
    '{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"x"}},"features":'
    '[{"type":"Feature","properties":{},"geometry":{"type":"Point","coordinates":[7,50]}}]}',
    "[" * 900,
    '{"type":' * 400,
    '{"type":"GeometryCollection","geometries":[' * 200 + "]}" * 200,
)


def _open_rings(files: Files) -> list[Files]:
    """A shapefile whose ring does not end where it starts, has one point, or none."""
    made = []
    for offset, value in ((100 + 8 + 52 + 64, 5e6), (100 + 8 + 44, None), (100 + 8 + 40, None)):
        data = bytearray(files["shp"])
        if value is None:
            data[offset : offset + 4] = (1).to_bytes(4, "little")
        else:
            data[offset : offset + 8] = np.float64(value).tobytes()
        made.append({**files, "shp": bytes(data)})
    return made


_EDITS = (
    "update gpkg_spatial_ref_sys set definition = 'x'",
    "update gpkg_spatial_ref_sys set definition = ''",
    "update gpkg_spatial_ref_sys set organization_coordsys_id = 99999999",
    "delete from gpkg_spatial_ref_sys",
    "update gpkg_geometry_columns set srs_id = 0",
    "update gpkg_geometry_columns set srs_id = -7",
    "update gpkg_geometry_columns set geometry_type_name = 'POINT'",
    "update gpkg_geometry_columns set column_name = 'nothing'",
    "delete from gpkg_geometry_columns",
    "delete from gpkg_contents",
    "update gpkg_contents set data_type = 'tiles'",
    "update gpkg_contents set min_x = 'a', max_x = 1e308",
    "update v set geom = null",
    "update v set geom = x'00'",
    "update v set geom = x'4750'",
    "update v set geom = substr(geom, 1, 50)",
    "update v set geom = 'text'",
    "update v set geom = x'47500001DB0B0000' || x'0103000000FFFFFFFF'",
    "update v set geom = x'47500001DB0B0000' || x'010300000001000000FFFFFF7F'",
    "update v set geom = x'47500001DB0B0000' || x'0107000000FFFFFF00'",
    "update v set v = 'text'",
    "update v set v = x'FF00'",
    "update v set name = x'FFFE'",
    "alter table v rename to w",
    "create table other (a int)",
    "drop table gpkg_contents",
)


def _edited(folder: Path, good: Path) -> list[Files]:
    """GeoPackages whose tables contradict each other."""
    made = []
    for i, edit in enumerate(_EDITS):
        path = folder / f"edit{i}.gpkg"
        path.write_bytes(good.read_bytes())
        base = sqlite3.connect(path)
        base.execute("pragma writable_schema = on")
        for (name,) in base.execute(
            "select name from sqlite_master where type = 'trigger'"
        ).fetchall():
            base.execute(f'drop trigger "{name}"')
        base.execute(edit)
        base.commit()
        base.close()
        made.append({"gpkg": path.read_bytes()})
    return made


def _tables(folder: Path, suffix: str) -> list[Files]:
    del folder
    lonlat = gpd.GeoSeries([box(1, 1, 1, 1).centroid, box(6, 4, 1, 1).centroid], crs=3035).to_crs(
        4326
    )
    rows = list(zip(lonlat.x, lonlat.y, strict=True))
    good = "lon,lat,v,name\n" + "".join(f"{x:.6f},{y:.6f},{i},t\n" for i, (x, y) in enumerate(rows))
    (x, y) = rows[0]
    texts = [
        good,
        good.replace(",", ";"),
        good.replace("\n", "\r\n"),
        good.replace("lon", "LON"),
        "",
        "\n\n\n",
        "lon,lat",
        "lon,lat\n",
        "lon,lon,lat\n1,2,3\n",
        "lon,lat\n1\n",
        "lon,lat\n1,2,3\n",
        "lon,lat\n1,2\n1,2,3,4\n",
        f"lon,lat\n{x},{y}\n,\n",
        "lon,lat\nnan,nan\n",
        "lon,lat\ninf,-inf\n",
        "lon,lat\n1e308,1e308\n",
        "lon,lat\n1e400,50\n",
        "lon,lat\n7_0,50\n",
        "lon,lat\n'7','50'\n",
        'lon,lat\n"7,50\n',
        "lon,lat\n7,50\0\n",
        "lon,lat\n" + "9" * 400 + ",50\n",
        "lon,lat,v\n7,50," + "x" * 200_000 + "\n",
        "lon,lat\n7+1j,50\n",
        "lon,lat\nTrue,False\n",
        "lon,lat\n181,91\n",
        "lon,lat\n" + "7,50\n" * 300,
        ",".join(f"c{i}" for i in range(3000)),
        f"lon,lat,v,geometry\n{x},{y},1,POINT\n",
        f"lon,lat,,\n{x},{y},1,\n",
    ]
    found = [{suffix: text.encode()} for text in texts]
    found += [{suffix: good.encode(code)} for code in ("utf-16", "utf-8-sig")]
    return [
        *found,
        {suffix: good.replace("t", "é").encode("latin-1")},
        {suffix: bytes(range(256)) * 8},
    ]
