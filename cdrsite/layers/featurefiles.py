"""Features of any file: shapes with columns, and tables with coordinates."""

from __future__ import annotations

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from cdrsite.core import gdal
from cdrsite.core.crs import parse_crs
from cdrsite.core.errors import CdrsiteWarning, DataError
from cdrsite.core.references import require_vector
from cdrsite.layers.archives import copied, unpacked
from cdrsite.layers.encodings import known, mark, refusal
from cdrsite.layers.guard import hearing, reading
from cdrsite.layers.sources import CRS_CURE, require_file, require_horizontal
from cdrsite.layers.where import column_name, nearest

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd


def read_vector(
    path: Path,
    where: str,
    *,
    layer: str | None = None,
    crs: str | None = None,
    lon: str = "lon",
    lat: str = "lat",
    encoding: str | None = None,
    crs_cure: str = CRS_CURE,
) -> gpd.GeoDataFrame:
    """Read all features of a vector file or of a table with coordinates.

    Parameters
    ----------
    path : Path
        GeoPackage, GeoJSON, Shapefile, geodatabase, GeoParquet or CSV.
    where : str
        Layer and file, for errors.
    layer : str, optional
        Layer inside the file.
    crs : str, optional
        Replaces the file's CRS; a table without one is WGS 84.
    lon, lat : str
        Columns of a table.
    encoding : str, optional
        Of the text, where the file does not say it.
    crs_cure : str
        What a person is told to do about a file without a CRS.

    Returns
    -------
    GeoDataFrame
        In the file's CRS.

    Raises
    ------
    MissingFileError, DataError
        If it is missing, cannot be read, has no CRS, no features or not the layer.
    """
    require_file(path, where)
    with reading(where), hearing(where):
        if encoding is not None:
            encoding = known(encoding, f"{where}: encoding")
        frame = read_features(path, where, layer, (lon, lat), encoding)
    if not hasattr(frame, "crs"):
        raise DataError(
            "the layer has no shapes, only a table",
            where=where,
            cure="name the layer with the shapes by layer:, or a CSV file with lon and lat",
            rule=7,
        )
    if crs is not None:
        frame = frame.set_crs(parse_crs(crs, f"{where}: crs"), allow_override=True)
    if frame.crs is None:
        raise DataError(
            "the layer has no coordinate system (CRS)", where=where, cure=crs_cure, rule=7
        )
    if frame.empty:
        raise DataError("the layer has no features", where=where, rule=7)
    require_horizontal(frame.crs, where, crs_cure)
    return frame


def read_features(
    path: Path, where: str, layer: str | None, lonlat: tuple[str, str], encoding: str | None
) -> Any:
    """Features of a file, or its rows where it has no shapes; see :func:`read_vector`."""
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return _read_table(path, where, *lonlat, encoding)
    if suffix in {".parquet", ".geoparquet"}:
        import geopandas as gpd

        return gpd.read_parquet(path)
    require_vector(path, where)
    if suffix in {".zip", ".gml"}:  # GDAL leaves a file beside a GML file that it reads
        unpack = unpacked if suffix == ".zip" else copied
        with TemporaryDirectory() as folder:
            inner = unpack(path, Path(folder), layer, where)
            if suffix == ".zip":
                return read_features(inner, where, layer, lonlat, encoding)
            with gdal.vector_options(**gdal.OFFLINE):
                return _read_ogr(inner, where, layer, encoding)
    with gdal.vector_options(**gdal.OFFLINE):
        return _read_ogr(path, where, layer, encoding)


def _read_ogr(path: Path, where: str, layer: str | None, encoding: str | None) -> gpd.GeoDataFrame:
    import pyogrio
    from shapely.errors import GEOSException

    names = [str(n) for n in pyogrio.list_layers(path)[:, 0]]
    if not names:
        raise DataError("the file holds no layer", where=where, rule=7)
    if layer is not None and layer not in names:
        raise DataError(
            "no such layer in the file",
            where=where,
            got=layer,
            expected=f"one of {', '.join(names)}",
            cure=nearest(layer, names),
        )
    if layer is None and len(names) > 1 and path.stem not in names:
        raise DataError(
            "which layer of the file is meant",
            where=where,
            got=f"{len(names)} layers",
            expected=f"layer: one of {', '.join(names)}",
        )
    chosen = layer or (path.stem if len(names) > 1 else names[0])
    options = {"layer": chosen, **({"encoding": encoding} if encoding else {})}
    try:
        frame = pyogrio.read_dataframe(path, **options)
    except UnicodeDecodeError as error:
        said = f"{error.object[error.start :][:8]!r} in what is said to be {error.encoding.upper()}"
        raise refusal(where, [bytes(error.object)], said) from error
    except GEOSException as error:  # rings that are not closed, lines of one point
        warnings.warn(
            f"{where}: shapes that are not closed or have too few points are closed, or left out "
            f"where that is not possible ({error})",
            CdrsiteWarning,
            stacklevel=2,
        )
        frame = pyogrio.read_dataframe(path, on_invalid="fix", **options)
    if encoding is None:
        mark(frame, path)
    return frame


def read_rows(path: Path, where: str, encoding: str | None, **options: Any) -> pd.DataFrame:
    """Rows of a CSV table.

    Raises
    ------
    DataError
        Its text is of another encoding than said, or than UTF-8.
    """
    import pandas as pd

    try:
        return pd.read_csv(path, encoding=encoding or "utf-8-sig", **options)
    except UnicodeDecodeError as error:
        lines = [line for line in path.read_bytes().splitlines() if not line.isascii()][:100]
        said = f"bytes that are no {error.encoding.upper()}"
        raise refusal(where, lines, said) from error


def _read_table(
    path: Path, where: str, lon: str, lat: str, encoding: str | None
) -> gpd.GeoDataFrame:
    import geopandas as gpd
    import pandas as pd

    table = read_rows(path, where, encoding)
    x, y = column_name(table, lon, where), column_name(table, lat, where)
    for column in (x, y):
        if not pd.api.types.is_numeric_dtype(table[column]) or table[column].isna().any():
            raise DataError(f"column {column!r} is not a number in every row", where=where, rule=7)
    return gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(table[x], table[y]), crs="EPSG:4326")
