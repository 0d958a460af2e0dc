"""Files of features out of ZIP archives, unpacked where nothing else is written."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path, PurePosixPath

from cdrsite.core.errors import DataError
from cdrsite.layers.where import nearest

MOST_BYTES = 4 * 2**30
"""More are not unpacked [bytes]."""
INNER = (".shp", ".gpkg", ".geojson", ".json", ".fgb", ".kml", ".csv", ".parquet", ".topojson")
"""Files that an archive may hold; a Shapefile with its companions."""


def unpacked(archive: Path, folder: Path, layer: str | None, where: str) -> Path:
    """Unpack the one file of features of an archive.

    Parameters
    ----------
    archive : Path
        A ZIP file.
    folder : Path
        An empty folder.
    layer : str, optional
        Which file, by its name without ending, where there are several.
    where : str
        Layer and file, for errors.

    Returns
    -------
    Path
        In the folder.

    Raises
    ------
    DataError
        There is none or several, it is locked, or too large.
    """
    with zipfile.ZipFile(archive) as packed:
        parts = [one for one in packed.infolist() if not one.is_dir()]
        parts = [one for one in parts if not one.filename.startswith("__MACOSX/")]
        whole = {PurePosixPath(one.filename): one for one in parts}
        found = [path for path in whole if path.suffix.lower() in INNER]
        named = [path for path in found if path.stem == layer]
        chosen = named if len(found) > 1 and named else found
        if len(chosen) != 1:
            names = [path.stem for path in found]
            raise DataError(
                "which file of the archive is meant" if found else "the archive holds no features",
                where=where,
                got=", ".join(names) or ", ".join(str(path) for path in list(whole)[:10]),
                expected="layer: one of them" if found else f"one of {', '.join(INNER)}",
                cure=nearest(layer, names) if layer and found else "unpack it, and name the file",
            )
        mine = chosen[0]
        wanted = [
            (path, one)
            for path, one in whole.items()
            if path == mine
            or (path.parent == mine.parent and path.name.startswith(f"{mine.stem}."))
        ]
        size = sum(one.file_size for _, one in wanted)
        if size > MOST_BYTES or any(one.flag_bits & 1 for _, one in wanted):
            raise DataError(
                "the archive cannot be unpacked",
                where=where,
                got="a locked archive" if size <= MOST_BYTES else f"{size / 1e9:.1f} GB in it",
                cure="unpack it, and name the file",
            )
        for path, one in wanted:
            with packed.open(one) as source, (folder / path.name).open("wb") as target:
                shutil.copyfileobj(source, target)
    return folder / mine.name


def copied(path: Path, folder: Path, _layer: str | None, _where: str) -> Path:
    """A copy of a file and of its schema in a folder."""
    for one in (path, path.with_suffix(".xsd")):
        if one.is_file():
            shutil.copyfile(one, folder / one.name)
    return folder / path.name
