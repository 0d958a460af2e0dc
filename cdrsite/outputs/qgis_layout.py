"""A page of the QGIS project that is ready to print: title, map, legend, scale bar, sources."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from cdrsite.core.numbers import round_below
from cdrsite.outputs.styles import text_style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cdrsite.core.grid import AnalysisGrid

PAGE = 297.0, 210.0
"""A4, landscape [mm]."""
MAP = 10.0, 24.0, 200.0, 160.0
"""Left, top, width and height of the map on the page [mm]."""
KINDS = {"page": "65638", "map": "65639", "label": "65641", "legend": "65642", "scale": "65646"}
"""Item of a layout -> QGIS's number for it."""


@dataclass(frozen=True)
class Page:
    """What a printed page says.

    Attributes
    ----------
    name, title, sources : str
        Of the layout, above the map, and below it.
    theme : str
        Map theme that it shows.
    legend : sequence of Element
        ``layer-tree-layer`` of each layer of the legend.
    """

    name: str
    title: str
    sources: str
    theme: str
    legend: Sequence[ET.Element]


def add_layout(root: ET.Element, page: Page, grid: AnalysisGrid) -> None:
    """Add the page to a project.

    Parameters
    ----------
    root : Element
        Of the project.
    page : Page
        What it says.
    grid : AnalysisGrid
        Gives the extent, and the length of the scale bar.
    """
    layouts = root.find("Layouts")
    layouts = ET.SubElement(root, "Layouts") if layouts is None else layouts
    layout = ET.SubElement(
        layouts, "Layout", name=page.name, units="mm", printResolution="300", worldFileMap=""
    )
    pages = ET.SubElement(layout, "PageCollection")
    _item(pages, "page", (0.0, 0.0, *PAGE))
    _label(layout, "title", page.title, (10.0, 8.0, 277.0, 12.0), points=16)
    extent = _extent(grid)
    shown = {"followPreset": "true", "followPresetName": page.theme, "drawCanvasItems": "true"}
    drawn = _item(layout, "map", MAP, keepLayerSet="false", **shown)
    ET.SubElement(drawn, "Extent", {name: repr(edge) for name, edge in extent.items()})
    legend = _item(
        layout, "legend", (214.0, 24.0, 75.0, 160.0), map_uuid=_uuid("map"), resizeToContents="1",
        legendFilterByMap="0", symbolWidth="5", symbolHeight="3", wrapChar="",
    )  # fmt: skip
    ET.SubElement(legend, "layer-tree-group").extend(page.legend)
    styles = ET.SubElement(legend, "styles")
    for name, points in (("title", 11), ("group", 10), ("subgroup", 9), ("symbolLabel", 8)):
        style = ET.SubElement(styles, "style", name=name, alignment="1", marginTop="2")
        if name == "symbolLabel":  # without it a label begins on its symbol
            style.set("marginLeft", "2")
        _add_fonts(style, points, bold=name == "subgroup")
    if not grid.is_geographic:
        metres = (extent["xmax"] - extent["xmin"]) * grid.unit_metres
        _scale_bar(layout, metres / 1000.0 / MAP[2])
    _label(layout, "sources", page.sources, (10.0, 199.0, 277.0, 9.0), points=6)


def _extent(grid: AnalysisGrid) -> dict[str, float]:
    """The grid's bounds, widened to the shape of the map on the page."""
    west, south, east, north = map(float, grid.bounds)
    wide, high = east - west, north - south
    more_x = max(0.0, high * MAP[2] / MAP[3] - wide) / 2
    more_y = max(0.0, wide * MAP[3] / MAP[2] - high) / 2
    edges = west - more_x, south - more_y, east + more_x, north + more_y
    return dict(zip(("xmin", "ymin", "xmax", "ymax"), edges, strict=True))


def _uuid(name: str) -> str:
    """The same in every project: the same study gives the same bytes (rule 9)."""
    return "{" + str(uuid.uuid5(uuid.NAMESPACE_URL, f"cdrsite/{name}")) + "}"


def _item(
    parent: ET.Element, kind: str, place: tuple[float, ...], name: str = "", **more: str
) -> ET.Element:
    left, top, wide, high = place
    own = _uuid(name or kind)
    at = {
        "type": KINDS[kind], "uuid": own, "templateUuid": own, "id": name or kind,
        "position": f"{left:g},{top:g},mm", "positionOnPage": f"{left:g},{top:g},mm",
        "size": f"{wide:g},{high:g},mm", "referencePoint": "0", "visibility": "1",
        "background": "true" if kind == "page" else "false", "opacity": "1",
    }  # fmt: skip
    return ET.SubElement(parent, "LayoutItem", at | more)


def _label(
    layout: ET.Element, name: str, words: str, place: tuple[float, ...], points: int
) -> None:
    item = _item(
        layout, "label", place, name, labelText=words, htmlState="0", halign="1", valign="32",
        marginX="0", marginY="0",
    )  # fmt: skip
    ET.SubElement(item, "LabelFont", description=_font(points))
    ET.SubElement(item, "text-style", text_style(points))


def _font(points: int, *, bold: bool = False) -> str:
    """A font as Qt writes it; where it is not installed, Qt takes another without serifs."""
    return f"Open Sans,{points},-1,5,{75 if bold else 50},0,0,0,0,0"


def _add_fonts(parent: ET.Element, points: int, *, bold: bool = False) -> None:
    """The text of a legend twice: as QGIS before 3.30 reads it, and as later ones do."""
    ET.SubElement(parent, "styleFont", description=_font(points, bold=bold), style="")
    ET.SubElement(parent, "text-style", text_style(points, bold=bold))


def _scale_bar(layout: ET.Element, km_per_mm: float) -> None:
    """Two segments of a round number of kilometres, about 25 mm each."""
    km = round_below(25 * km_per_mm)
    bar = _item(
        layout, "scale", (12.0, 187.0, 66.0, 13.0), mapUuid=_uuid("map"), style="Single Box",
        unitType="km", unitLabel="km", numUnitsPerSegment=f"{km:g}", numSegments="2",
        numSegmentsLeft="0", numMapUnitsPerScaleBarUnit="1", segmentSizeMode="0", height="2.5",
        labelBarSpace="2", boxContentSpace="1", alignment="0", outlineWidth="0.3",
    )  # fmt: skip
    ET.SubElement(bar, "text-style", text_style(8))
