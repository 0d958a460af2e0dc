"""Input files of a run in its QGIS project, as they are, where the project can reach them.

A file is reached by a relative path, so that a folder with data and runs can be moved as a whole.
What lies in another tree of the file system, in an archive or on the network is left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyproj import CRS

from cdrsite.config.layers import FileLayer
from cdrsite.core.errors import CdrsiteError
from cdrsite.core.gdal import open_raster, vector_options
from cdrsite.core.references import RASTER_DRIVERS, VECTOR_KINDS, require_vector
from cdrsite.core.remote import address_of
from cdrsite.core.secrets import hidden
from cdrsite.layers.presets import Resolved, resolve
from cdrsite.outputs.classes import column_classes
from cdrsite.outputs.palette import LABEL_COLOURS
from cdrsite.outputs.qgis_layers import FILES, Entry, kind_of, unique_key
from cdrsite.outputs.qml import raster_qml, sample_values
from cdrsite.outputs.rasters.raster import Category, RasterSpec
from cdrsite.outputs.styles import StyleRule, Symbol, qml, quoted
from cdrsite.outputs.tips import number_told

if TYPE_CHECKING:
    from cdrsite.config.models import Scenario
    from cdrsite.core.words import Words
    from cdrsite.outputs.styles import Shape

ARCHIVES = frozenset({".zip", ".gdb"})
"""Vector data that are no single file; QGIS names what is in them in ways of its own."""
MOST_TILES = 16
"""A raster of more tiles than this would fill the legend with them, and is left out."""
MOST_PIXELS = 4_000_000
"""Larger rasters get the shades that QGIS chooses: nothing is read of them here."""
SHAPES: dict[str, Shape] = {"Point": "marker", "Line": "line", "Polygon": "fill"}
RAMP = "YlGnBu"
"""Shades of numbers, from light to dark."""


@dataclass(frozen=True)
class InputFile:
    """A file that a run read.

    Attributes
    ----------
    name : str
        Layer of the scenario.
    path : Path
        Absolute.
    layer : str or None
        Within the file.
    about : Resolved or None
        The layer with its preset; None of the region's boundary.
    where : str or None
        Which of its features the run keeps.
    """

    name: str
    path: Path
    layer: str | None
    about: Resolved | None
    where: str | None


def input_entries(scenario: Scenario, folder: Path, words: Words) -> list[Entry]:
    """Layers of a project for the files that a run read.

    Parameters
    ----------
    scenario : Scenario
        Of the run.
    folder : Path
        Where the project will stand.
    words : Words
        Of the project's language.
    """
    found = []
    for place, file in enumerate(_files(scenario)):
        way = within_reach(file.path, folder)
        if way is None:
            continue
        colour = LABEL_COLOURS[place % len(LABEL_COLOURS)]
        try:
            vector = file.path.suffix.lower() in VECTOR_KINDS
            made = _vector(file, way, colour, words) if vector else _raster(file, way, words)
        except (CdrsiteError, OSError, RuntimeError, ValueError):
            continue  # the run has read it, and QGIS may not: a project without it is whole
        found.append(made)
    return found


def within_reach(path: Path, folder: Path) -> str | None:
    """A path as seen from a folder, with slashes; None where there is no way that can be told."""
    ends = [os.path.normpath(end.absolute()) for end in (path, folder)]
    if hidden(ends[0]) != ends[0] or address_of(path) is not None:
        return None
    if not path.is_file() or path.suffix.lower() in ARCHIVES:
        return None
    try:
        shared = Path(os.path.commonpath(ends))
    except ValueError:  # another drive
        return None
    if shared == Path(shared.anchor):  # nothing in common: the way would be that of this machine
        return None
    return Path(os.path.relpath(*ends)).as_posix()


def _files(scenario: Scenario) -> Iterator[InputFile]:
    """Every file of the region and of the layers, in their order."""
    region = scenario.region
    if region.boundary is not None:
        yield InputFile("region", region.boundary, region.layer, None, region.where)
    for name, layer in scenario.layers.items():
        if not isinstance(layer, FileLayer) or len(layer.tiles) >= MOST_TILES:
            continue
        try:
            about = resolve(name, layer)
        except CdrsiteError:
            continue
        for path in (layer.path, *layer.tiles):
            yield InputFile(name, path, layer.layer, about, about.filter)


def _title(file: InputFile, words: Words) -> str:
    """The layer's name in the scenario: the user's own word for it."""
    name = words("qgis.input.region") if file.about is None else file.name.replace("_", " ")
    return words.heading(name)


def _abstract(file: InputFile, words: Words) -> str:
    """Which layer it is, where it comes from, and what the run keeps of it."""
    parts = [words("qgis.input", layer=file.name, file=file.path.name)]
    if file.about is not None and file.about.origin:
        parts.append(words("qgis.input.source", source=file.about.origin))
    if file.about is not None and file.about.unit:
        parts.append(words("qgis.input.unit", unit=file.about.unit))
    if file.where:
        parts.append(words("qgis.input.where", where=file.where))
    return " ".join(parts)


def _entry(
    file: InputFile,
    source: str,
    style: str,
    kind: str | None,
    wkt: str,
    words: Words,
    tips: tuple[tuple[str, str], ...] = (),
) -> Entry:
    several = file.about is not None and file.about.model.tiles
    title = _title(file, words)
    return Entry(
        key=unique_key("input", f"{file.name}_{file.path.name}"),
        title=f"{title}: {file.path.name}" if several else title,
        group=FILES,
        source=source,
        provider="gdal" if kind is None else "ogr",
        style=style,
        geometry=kind,
        abstract=_abstract(file, words),
        shown=False,
        licence=(file.about.licence if file.about is not None else None) or "",
        wkt=wkt,
        tips=tips,
    )


def _vector(file: InputFile, way: str, colour: str, words: Words) -> Entry:
    """Shapes in one thin outline: what is below is still to be seen."""
    import pyogrio

    require_vector(file.path, str(file.path))
    with vector_options(GDAL_PAM_ENABLED="NO"):
        info = pyogrio.read_info(file.path, layer=file.layer)
    kind = kind_of(str(info["geometry_type"] or "").removesuffix(" Z"))
    if kind not in SHAPES:
        raise ValueError(kind)
    layer = file.layer or str(info["layer_name"])
    given = file.about.model.crs if file.about is not None else None
    wkt = CRS.from_user_input(given or info["crs"]).to_wkt()
    size = {"Point": 2.0, "Line": 0.4, "Polygon": 0.4}[kind]
    symbol = Symbol(SHAPES[kind], colour, size, pattern="no" if kind == "Polygon" else "solid")
    names = [str(name) for name in info["fields"]]
    style = qml([StyleRule("", _title(file, words), symbol)], dict(zip(names, names, strict=True)))
    numbers = [str(dtype).startswith("float") for dtype in info["dtypes"]]
    tips = tuple(
        (name, number_told(name) if is_number else quoted(name))
        for name, is_number in zip(names, numbers, strict=True)
    )
    return _entry(file, f"{way}|layername={layer}", style, kind, wkt, words, tips)


def _raster(file: InputFile, way: str, words: Words) -> Entry:
    """Numbers in round classes, classes by their names."""
    with open_raster(file.path, RASTER_DRIVERS) as source:
        wkt = source.crs.to_wkt() if source.crs else ""
        small = source.width * source.height <= MOST_PIXELS
    about = file.about
    if about is None:  # a region is no raster
        raise ValueError(file.name)
    wkt = CRS.from_user_input(about.model.crs or wkt).to_wkt()
    style = _raster_style(file, about, words) if small else ""
    return _entry(file, way, style, None, wkt, words)


def _raster_style(file: InputFile, about: Resolved, words: Words) -> str:
    values = sample_values(file.path)
    if about.kind == "class":
        codes = sorted({int(code) for code in values.tolist()})
        categories = tuple(
            Category(
                code, about.classes.get(code, str(code)), LABEL_COLOURS[i % len(LABEL_COLOURS)]
            )
            for i, code in enumerate(codes)
        )
        spec = RasterSpec(file.name, "class", "", file.name, categories)
        return raster_qml(spec, None, words)
    told = (about.model.scale, about.model.offset, about.model.factor) == (1.0, 0.0, 1.0)
    unit = words.unit(about.unit) if told and about.unit else ""
    spec = RasterSpec(file.name, "quantity", "", file.name)
    return raster_qml(spec, column_classes(values, RAMP, unit=unit), words)
