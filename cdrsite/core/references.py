"""Which other files a data file is read with: companions of its name, and the parts of a mosaic.

GDAL tells what a file is by its content, not by its name, and some kinds of content are only
directions: to any file of the machine, and to addresses of the network. Here the kinds that are
read are listed, the parts of a mosaic (VRT) are found without GDAL, and nothing leads elsewhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from cdrsite.core.errors import DataError

RASTER_DRIVERS = (
    *("GTiff", "AAIGrid", "AIG", "BT", "EHdr", "ENVI", "GPKG", "GRIB", "GSAG", "GSBG", "GS7BG"),
    *("GTX", "HFA", "JP2OpenJPEG", "JPEG", "PCRaster", "PNG", "RST", "SAGA", "SRTMHGT", "USGSDEM"),
    *("WEBP", "XYZ"),
)
"""Kinds of rasters that hold their own numbers, by GDAL's names."""
VECTOR_KINDS: dict[str, tuple[str, tuple[bytes, ...], bytes]] = {
    ".gpkg": ("a GeoPackage", (b"SQLite format 3\0",), b""),
    ".shp": ("a Shapefile", (b"\x00\x00\x27\x0a",), b""),
    ".fgb": ("a FlatGeobuf file", (b"fgb\x03",), b""),
    ".geojson": ("a GeoJSON file", (b"{", b"["), b""),
    ".json": ("a GeoJSON file", (b"{", b"["), b""),
    ".kml": ("a KML file", (b"<?xml", b"<kml"), b"<kml"),
    ".gml": ("a GML file", (b"<?xml", b"<"), b"opengis.net/gml"),
    ".topojson": ("a TopoJSON file", (b"{",), b""),
    ".zip": ("a ZIP archive", (b"PK\x03\x04",), b""),
    ".gdb": ("a folder that is a file geodatabase", (), b""),
}
"""Ending of vector data -> what they are, how their content starts, and what is near its start."""
COMPANIONS = (
    *(".shx", ".dbf", ".prj", ".cpg", ".shp.xml", ".qix", ".sbn", ".sbx"),
    *(".tfw", ".tifw", ".wld", ".tab", ".hdr", ".aux", ".aux.xml", ".clr", ".stx", ".rrd", ".ige"),
    *(".pgw", ".jgw", ".j2w", ".sgrd", ".rdc", ".rpb"),
)
"""Endings in place of a file's own."""
BESIDE = (".aux.xml", ".ovr", ".msk", ".msk.ovr", ".ovr.ovr")
"""Endings behind a file's own."""
MOST_BYTES = 64 * 2**20
"""Larger mosaics are refused: millions of parts [bytes]."""
DEEPEST = 8
"""Mosaics of mosaics."""

VRT_PARTS = {
    *("VRTDataset", "SRS", "GeoTransform", "Metadata", "MDI", "VRTRasterBand", "Description"),
    *("NoDataValue", "ColorInterp", "ColorTable", "Entry", "Scale", "Offset", "UnitType"),
    *("CategoryNames", "Category", "HideNoDataValue", "Histograms", "HistItem", "HistMin"),
    *("HistMax", "BucketCount", "IncludeOutOfRange", "Approximate", "HistCounts"),
    *("SimpleSource", "ComplexSource", "AveragedSource", "SourceFilename", "SourceBand"),
    *("SourceProperties", "SrcRect", "DstRect", "ScaleOffset", "ScaleRatio", "LUT", "NODATA"),
    *("UseMaskBand", "ColorTableComponent", "Exponent", "SrcMin", "SrcMax", "DstMin", "DstMax"),
    *("Clamp", "MaskBand", "OverviewList", "BlockXSize", "BlockYSize"),
}
"""What a mosaic may consist of: parts that lie beside and over one another. Anything else can name
a file, a program or an address in ways of its own."""
VRT_KINDS = {"", "VRTSourcedRasterBand"}


def starts_like(path: Path) -> bytes:
    """The first bytes of a file, less the marks and spaces that a text may begin with."""
    with path.open("rb") as stream:
        return stream.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()


def is_mosaic(path: Path) -> bool:
    """Whether a file is a VRT, whatever its name."""
    start = starts_like(path) if path.is_file() else b""
    return start.startswith(b"<") and b"<VRTDataset" in start


def require_vector(path: Path, where: str) -> None:
    """Refuse a file of vectors whose content is not what its ending says.

    Raises
    ------
    DataError
        It is of another kind, which could lead to other files or to the network.
    """
    suffix = path.suffix.lower()
    if suffix not in VECTOR_KINDS:
        raise DataError("a file of vectors of no known ending", where=where, got=path.name,
                        expected=", ".join(sorted(VECTOR_KINDS)))  # fmt: skip
    kind, starts, mark = VECTOR_KINDS[suffix]
    if suffix == ".gdb":
        good = path.is_dir() and any(path.glob("*.gdbtable"))
    else:
        begin = starts_like(path) if path.is_file() else b""
        good = begin.startswith(starts) and mark in begin
    if not good:
        raise DataError(
            "the file cannot be read: its content is not what its ending says",
            where=where,
            got=f"{path.name}, which begins with {_beginning(path)}",
            expected=kind,
            cure="convert it, e.g. with ogr2ogr; files that only lead to other files are not read",
        )


def _beginning(path: Path) -> str:
    if path.is_dir():
        return "a folder"
    return repr(starts_like(path)[:20].decode("utf-8", errors="replace"))


def sources_of(path: Path, where: str, depth: int = 0) -> Iterator[Path]:
    """The files that a mosaic (VRT) is made of, those of the mosaics in it too.

    Parameters
    ----------
    path : Path
        A file; one that is no mosaic has no sources.
    where : str
        For errors.

    Yields
    ------
    Path
        Absolute, in the order in which they stand there; each once.

    Raises
    ------
    DataError
        It holds something else than parts in files of this machine.
    """
    if not is_mosaic(path):
        return
    if depth >= DEEPEST:
        raise _refusal(path, where, f"mosaics within mosaics, {DEEPEST} deep")
    for source in dict.fromkeys(_sources(path, where)):
        yield source
        yield from sources_of(source, where, depth + 1)


def _refusal(path: Path, where: str, got: str) -> DataError:
    return DataError(
        "the virtual raster is not read",
        where=where,
        got=f"{got} in {path.name}",
        expected="a plain mosaic (gdalbuildvrt) of raster files of this machine",
        cure="write it out as a GeoTIFF with gdal_translate or gdalwarp",
    )


def _sources(path: Path, where: str) -> Iterator[Path]:
    if path.stat().st_size > MOST_BYTES:
        raise _refusal(path, where, "more than 64 MB")
    raw = path.read_bytes()
    if re.search(rb"<!(DOCTYPE|ENTITY)", raw):
        raise _refusal(path, where, "a document type")
    try:
        root = ET.fromstring(raw)  # noqa: S314 - without entities, see above
    except (ET.ParseError, ValueError, LookupError) as error:
        raise _refusal(path, where, f"no XML ({error})") from error
    if root.tag != "VRTDataset":
        raise _refusal(path, where, f"<{root.tag}>")
    for node in root.iter():
        if node.tag not in VRT_PARTS or node.get("subClass", "") not in VRT_KINDS:
            raise _refusal(path, where, f"<{node.tag}> {node.get('subClass', '')}".rstrip())
        if node.tag == "Metadata" and node.get("domain", "") not in {"", "IMAGE_STRUCTURE"}:
            raise _refusal(path, where, f"metadata of the domain {node.get('domain')}")
        if node.tag == "SourceFilename":
            yield _source(path, node.text or "", node.get("relativeToVRT", "0"), where)


def _source(path: Path, name: str, relative: str, where: str) -> Path:
    """The file of a part; names that GDAL would not take for one are refused."""
    address = name.startswith("/vsi") or any(sign in name for sign in ("://", "<", "\0"))
    if address or ":" in Path(name).as_posix()[2:] or (":" in name[:2] and os.name != "nt"):
        raise _refusal(path, where, f"the source {name[:80]!r}")
    full = path.parent / name if relative == "1" else Path(name)
    full = Path(os.path.abspath(full))  # noqa: PTH100 - links are looked at by who confines
    if not full.is_file():
        raise _refusal(path, where, f"the source {name[:80]!r}, which is no file,")
    return full


def companions_of(path: Path) -> list[Path]:
    """Files beside a file that GDAL reads with it."""
    stem = path.name[: -len(path.suffix)] if path.suffix else path.name
    endings = (*COMPANIONS, *map(str.upper, COMPANIONS))
    names = {f"{stem}{end}" for end in endings} | {f"{path.name}{end}" for end in BESIDE}
    return sorted(one for name in names - {path.name} if (one := path.with_name(name)).is_file())


def entries_of(folder: Path) -> list[Path]:
    """Files of a folder at any depth, and links to folders with what they lead to, sorted."""
    entries: list[Path] = []
    known: set[Path] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = Path(place).resolve()
        if real in known:  # a link back
            folders.clear()
            continue
        known.add(real)
        links = (name for name in folders if (Path(place) / name).is_symlink())
        entries += [Path(place) / name for name in (*files, *links)]
    return sorted(entries)


def files_of(path: Path) -> list[Path]:
    """All files that are read for one: it, its companions, its parts and theirs.

    Parameters
    ----------
    path : Path
        A file, or a folder (a geodatabase, a Zarr store).

    Returns
    -------
    list of Path
        Each once; empty if there is nothing.

    Raises
    ------
    DataError
        As :func:`sources_of`.
    """
    if path.is_dir():
        return [file for file in entries_of(path) if file.is_file()]
    if not path.is_file():
        return []
    sources = [path, *sources_of(path, str(path))]
    return list(dict.fromkeys(file for part in sources for file in (part, *companions_of(part))))
