"""Cloud Optimised GeoTIFFs that say what they are: unit, nodata, categories, colours, overviews."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from xml.etree import ElementTree as ET

import numpy as np

from cdrsite.outputs.palette import rgba

if TYPE_CHECKING:
    from numpy.typing import NDArray


NODATA_FLOAT = -9999.0
NODATA_CLASS = 255
NODATA_BITS = 1 << 31
NODATA_LABEL = -1
BLOCK = 512
"""Tile of a GeoTIFF [cells]."""

Kind = Literal["quantity", "class", "bits", "label"]
STORED: dict[Kind, tuple[str, float]] = {
    "quantity": ("float32", NODATA_FLOAT),
    "class": ("uint8", NODATA_CLASS),
    "bits": ("uint32", NODATA_BITS),
    "label": ("int32", NODATA_LABEL),
}
"""Kind of raster -> data type on disk, and the value that stands for no data."""


@dataclass(frozen=True)
class Category:
    """One value of a class raster."""

    code: int
    label: str
    colour: str


@dataclass(frozen=True)
class RasterSpec:
    """How an array becomes a file.

    Attributes
    ----------
    name : str
        File name without ending.
    kind : {'quantity', 'class', 'bits', 'label'}
        Quantities are float32 with -9999 where there is no number; classes are uint8 with 255
        for the outside of the region; bits are uint32 with bit 31 for the outside; labels are
        int32 with -1 for none.
    unit : str
        Unit of the values, '' for all but quantities.
    description : str
        What the band is, in words.
    categories : tuple of Category
        Value, label and colour, for all but quantities.
    tags : mapping
        More metadata: scenario, version, method, licences.
    """

    name: str
    kind: Kind
    unit: str
    description: str
    categories: tuple[Category, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def nodata(self) -> float:
        """The value that stands for no data."""
        return STORED[self.kind][1]

    @property
    def dtype(self) -> str:
        """Data type on disk."""
        return STORED[self.kind][0]


def encode(array: NDArray[Any], spec: RasterSpec) -> NDArray[Any]:
    """Values as they are stored: NaN of a quantity becomes -9999.

    Infinities have no meaning in any output, and become -9999 too.
    """
    if spec.kind == "quantity":
        return np.where(np.isfinite(array), array, np.float32(NODATA_FLOAT)).astype(np.float32)
    return np.asarray(array).astype(spec.dtype)


COLOUR_COLUMNS = ("Red", 0, 6), ("Green", 0, 7), ("Blue", 0, 8)


def attribute_table(spec: RasterSpec) -> str:
    """Category names and a raster attribute table as GDAL's sidecar; rasterio has no call for it.

    Names by value are given for classes only: other values are too large or negative for a list.
    """
    root = ET.Element("PAMDataset")
    band = ET.SubElement(root, "PAMRasterBand", band="1")
    if spec.kind == "class":
        names = ET.SubElement(band, "CategoryNames")
        labels = {category.code: category.label for category in spec.categories}
        for code in range(max(labels) + 1):
            ET.SubElement(names, "Category").text = labels.get(code, "")
    table = ET.SubElement(band, "GDALRasterAttributeTable", tableType="thematic")
    # type 0 integer, 1 real, 2 text; usage 5 value, 2 name, 6 to 8 colours. Reason bits beyond
    # 31 do not fit the table's signed integers, so they are real numbers there
    value_type = 1 if spec.kind == "bits" else 0
    columns = ("Value", value_type, 5), ("Class", 2, 2), *COLOUR_COLUMNS
    for index, (title, kind, usage) in enumerate(columns):
        column = ET.SubElement(table, "FieldDefn", index=str(index))
        ET.SubElement(column, "Name").text = title
        ET.SubElement(column, "Type").text = str(kind)
        ET.SubElement(column, "Usage").text = str(usage)
    for index, category in enumerate(spec.categories):
        row = ET.SubElement(table, "Row", index=str(index))
        red, green, blue, _ = rgba(category.colour)
        for value in (category.code, category.label, red, green, blue):
            ET.SubElement(row, "F").text = str(value)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"
