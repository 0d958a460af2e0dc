"""Models of the layers: files, constants, derived layers and expressions."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    model_validator,
)

from cdrsite.core.errors import UnitError, did_you_mean
from cdrsite.core.fields import (
    DataPath,
    Factor,
    Metres,
    Model,
    Number,
    NumberOrQuantity,
    one_or_many,
    problem,
    quantity,
    refuse_outside,
)
from cdrsite.core.layernames import LayerName
from cdrsite.core.units import conversion

Kind = Literal["class", "fraction", "intensive", "extensive"]
"""Kind of quantity of a raster (rule 3); vectors have none until they are rasterised."""

LAYER_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def _band(value: object) -> object:
    """A band by its number or name; a date, as YAML reads it, is the name of a time step."""
    if isinstance(value, int) and not isinstance(value, bool) and value < 1:
        raise problem(f"bands are counted from 1; got {value}")
    return value.isoformat() if isinstance(value, date) else value


Band = Annotated[int | str, BeforeValidator(_band)]


class Join(Model):
    """A table whose columns are added to the features, row by row, by a key that both have."""

    table: DataPath
    """A CSV or Parquet file, or the table of any vector file."""
    on: str
    """Column of the features that holds the key."""
    key: str | None = None
    """Column of the table that holds it; the same name when not given."""
    encoding: str | None = None
    """Encoding of a CSV table, where it is not UTF-8."""


class FileLayer(Model):
    """A raster, a NetCDF or Zarr variable, a vector file or a table with coordinates."""

    path: DataPath
    """Any raster or vector file GDAL opens, NetCDF, Zarr, GeoParquet, CSV with coordinates. Several
    rasters that are tiles of one: a list, or a pattern such as `dem/*.tif`."""
    tiles: tuple[DataPath, ...] = ()
    """Further files of the same raster, as a list or pattern in `path` gives them."""
    preset: str | None = None
    """Name of a known dataset (`cdrsite datasets`): its classes, nodata, unit and kind."""
    kind: Kind | None = None
    """Kind of quantity; decides how the layer is brought to the grid (rule 3)."""
    unit: str | None = None
    """Unit of the stored values."""
    band: Band | None = None
    """Band or time step of a raster with several: a number from 1, a name or date, `mean`, `sum` or
    `max` of all of them, or `all` for twelve monthly ones."""
    variable: str | None = None
    """Variable of a NetCDF or Zarr dataset."""
    layer: str | None = None
    """Layer inside a GeoPackage or geodatabase."""
    nodata: one_or_many(int | float) = ()  # type: ignore[valid-type]
    """Values that mean unknown, besides those the file declares; NaN always does."""
    ignore_file_nodata: bool = False
    """Treat the file's own nodata value as data: `nodata` then stands alone."""
    values: dict[int | str, Number] | None = None
    """Number of each class of a class raster, in `unit`: `{cropland: 3.1, 30: 0}`. Classes that
    are not named are unknown."""
    scale: Number = 1.0
    """Stored values are multiplied by this before the unit applies."""
    offset: Number = 0.0
    """Added after scaling."""
    factor: Factor = 1.0
    """Values, in the layer's unit, are multiplied by this: 0.8 is 20 % less. Not for classes."""
    crs: str | None = None
    """Coordinate system, where the file has none or a wrong one."""
    join: Join | None = None
    """Columns of a table, added by a key: `{table: yields.csv, on: FIPS, key: fips}`."""
    dissolve: str | None = None
    """Column by whose value features are merged; amounts are read with `sum`."""
    sum: one_or_many(str) = ()  # type: ignore[valid-type]
    """Columns that are added up where `dissolve` merges features; others must not vary there."""
    where: str | None = None
    """Keep only the features for which this is true, e.g. `iucn_cat in ('Ia', 'II')`."""
    attribute: str | None = None
    """Column whose value is rasterised; without it a vector layer means presence."""
    buffer: Metres = 0.0
    """Grow the features by this distance [m]."""
    radius: str | None = None
    """Column with a distance by which each feature is grown, on top of `buffer`: points with a size
    of their own."""
    radius_unit: str = "m"
    """Unit of that column."""
    rasterise: Literal["centre", "coverage"] | None = None
    """Cells whose centre is covered, or the exact covered fraction. Default: grid.rasterise."""
    encoding: str | None = None
    """Encoding of the text of a Shapefile or CSV table that does not say it, e.g. `GBK`."""
    lon: str = "lon"
    """Column of a table with the longitude or x."""
    lat: str = "lat"
    """Column of a table with the latitude or y."""
    licence: str | None = None
    """Licence of the data, carried into the outputs' metadata."""
    source: str | None = None
    """Where the data come from."""

    @model_validator(mode="before")
    @classmethod
    def _several(cls, data: Any) -> Any:
        """The first of a list of paths is the path, the others are tiles."""
        if not isinstance(data, dict) or not isinstance(data.get("path"), list | tuple):
            return data
        if not data["path"]:
            raise problem("no file is named; expected a path, or a list of them", at="path")
        first, *more = data["path"]
        return {**data, "path": first, "tiles": [*more, *data.get("tiles", ())]}

    @model_validator(mode="after")
    def _tiled(self, info: ValidationInfo) -> Self:
        """Files that a pattern matches, by name; tiles are rasters."""
        if "*" in self.path.name or "?" in self.path.name:
            found = sorted(self.path.parent.glob(self.path.name))
            if found:
                for file in found:
                    refuse_outside(file, file, info, at="path")
                object.__setattr__(self, "path", found[0])
                object.__setattr__(self, "tiles", (*found[1:], *self.tiles))
        files = [self.path, *self.tiles]
        if len(set(files)) < len(files):
            twice = next(file for file, times in Counter(files).items() if times > 1)
            raise problem(f"a tile twice; got {twice.name}; cure: name each file once", at="path")
        kinds = {".gpkg", ".shp", ".geojson", ".csv", ".parquet", ".nc", ".zarr"}
        if self.tiles and self.path.suffix.lower() in kinds:
            raise problem(
                f"several files make one layer of rasters only; got {self.path.suffix}; cure: a "
                "layer for each, or one file, e.g. with ogrmerge",
                at="path",
            )
        return self

    @model_validator(mode="after")
    def _sized(self) -> Self:
        if self.radius is None and "radius_unit" in self.chosen():
            raise problem("there is no radius; cure: remove it, or name radius", at="radius_unit")
        try:
            conversion(self.radius_unit, "m")
        except UnitError as error:
            raise problem(f"not a length; {error}", at="radius_unit") from error
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.sum and self.dissolve is None:
            raise problem("nothing is merged; cure: remove it, or give dissolve: COLUMN", at="sum")
        if self.values is not None and self.kind == "extensive":
            raise problem(
                "numbers of classes are per area or shares, no amounts per pixel; cure: kind: "
                "intensive, and a unit per area such as t/ha/yr (rule 3)",
                at="kind",
            )
        if self.scale == 0:
            raise problem("a scale of 0 makes every value 0; cure: remove it", at="scale")
        return self


class ConstantLayer(Model):
    """One value everywhere."""

    value: NumberOrQuantity
    """A number, or text with a unit."""
    unit: str | None = None
    """Unit of the value; needed for a bare number that has a dimension."""
    kind: Kind = "intensive"
    """Kind of quantity; an extensive constant is per cell."""
    factor: Factor = 1.0
    """Values, in the layer's unit, are multiplied by this: 0.8 is 20 % less. Not for classes."""


class DerivedLayer(Model):
    """A layer computed from another one on true ground distances."""

    derive: Literal["slope", "distance", "density"]
    """`slope` of an elevation layer, `distance` to features, `density` within a radius; these
    two also of the `classes` of a raster."""
    from_: LayerName = Field(alias="from")
    """The layer it is derived from."""
    unit: str | None = None
    """`degree` or `percent` for slope; `m` or `km` for distance."""
    where: str | None = None
    """Filter on the features of a vector layer."""
    within: LayerName | None = None
    """A layer of polygons: the distance is that to the features in the same polygon as the cell's
    centre, and unknown outside all polygons."""
    classes: one_or_many(int | str) | None = None  # type: ignore[valid-type]
    """Classes of a raster: the distance to their pixels, or their share of the land around."""
    radius: quantity("m", above=0.0) | None = None  # type: ignore[valid-type]
    """Radius of a density [m]."""
    factor: Factor = 1.0
    """Values, in the layer's unit, are multiplied by this: 0.8 is 20 % less. Not for classes."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        units = {"slope": ("degree", "percent"), "distance": ("m", "km"), "density": None}
        allowed = units[self.derive]
        if self.unit is not None and allowed is not None and self.unit not in allowed:
            near = did_you_mean(self.unit, allowed)
            raise problem(
                f"wrong unit for a {self.derive}; got {self.unit!r}; "
                f"expected {' or '.join(allowed)}{near and f'; cure: {near}'} (rule 4)",
                at="unit",
            )
        if (self.derive == "density") != (self.radius is not None):
            raise problem(
                f"radius; got {self.radius}; expected a radius for density and for nothing else"
            )
        if self.where is not None and self.derive == "slope":
            raise problem("where; a slope has no features to filter; cure: remove it")
        if self.within is not None and (self.derive != "distance" or self.classes is not None):
            raise problem(
                "only a distance to features is measured within polygons; cure: remove it",
                at="within",
            )
        if self.classes is not None and (self.derive == "slope" or not self.classes):
            raise problem("classes; expected classes for a distance or density, and some of them")
        if self.classes is not None and self.where is not None:
            raise problem("classes are of a raster, which has no features to filter", at="where")
        return self


class ExpressionLayer(Model):
    """Arithmetic over other layers, cell by cell; NaN stays NaN."""

    expression: str
    """For example `0.7 * pv_yield + 0.3 * wind_yield`; + - * / **, comparisons, min, max, where;
    `share(landcover, built, 60)` is the share of a cell that classes cover."""
    unit: str
    """Unit of the result."""
    kind: Kind = "intensive"
    """Kind of quantity of the result."""
    factor: Factor = 1.0
    """Values, in the layer's unit, are multiplied by this: 0.8 is 20 % less. Not for classes."""


def _which(data: Any) -> str:
    """Tell the four kinds of layer apart by the key that only they have; brackets mark a tag."""
    keys = set(data) if isinstance(data, dict) else set(getattr(type(data), "model_fields", ()))
    for key, tag in (
        ("derive", "[derived]"),
        ("expression", "[expression]"),
        ("value", "[constant]"),
    ):
        if key in keys:
            return tag
    return "[file]"


Layer = Annotated[
    Annotated[FileLayer, Tag("[file]")]
    | Annotated[ConstantLayer, Tag("[constant]")]
    | Annotated[DerivedLayer, Tag("[derived]")]
    | Annotated[ExpressionLayer, Tag("[expression]")],
    Discriminator(_which),
]
"""Any layer; which kind follows from its keys."""
