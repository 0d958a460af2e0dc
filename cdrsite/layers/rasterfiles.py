"""A raster file of any format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdrsite.layers.cubes import open_cube
from cdrsite.layers.sources import CUBE_SUFFIXES, RasterSource, open_gdal, require_file
from cdrsite.layers.tiles import as_one

if TYPE_CHECKING:
    from cdrsite.config.layers import FileLayer


def open_raster(layer: FileLayer, name: str, nodata: tuple[float, ...] = ()) -> RasterSource:
    """Open the raster of a layer.

    Parameters
    ----------
    layer : FileLayer
        Path, band, nodata, scale and CRS.
    name : str
        Name of the layer, for errors.
    nodata : tuple of float
        Further stored values that mean unknown (a preset's).

    Returns
    -------
    RasterSource

    Raises
    ------
    MissingFileError, DataError
        If the file is missing, cannot be read, has no CRS, or not the band or variable.
    """
    where = f"layers.{name} ({layer.path})"
    require_file(layer.path, where)
    if layer.path.suffix.lower() in CUBE_SUFFIXES:
        return open_cube(layer, where, nodata)
    found = open_gdal(layer, where, nodata)
    if not layer.tiles:
        return found
    parts = [found]
    for path in layer.tiles:
        place = f"layers.{name} ({path})"
        require_file(path, place)
        parts.append(open_gdal(layer.model_copy(update={"path": path}), place, nodata))
    return as_one(parts, f"{where} and {len(layer.tiles)} more")
