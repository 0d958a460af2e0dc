"""A network case in any of the formats it comes in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cdrsite.core.errors import DataError, MissingFileError
from cdrsite.network.columns import modes_of
from cdrsite.network.readers import CaseTables, read_folder, read_geopackage, read_workbook
from cdrsite.network.simccs import is_simccs, is_simccs_workbook, read_simccs
from cdrsite.network.surfaced import read_surfaced


def read_tables(
    path: Path,
    surface: Path | None = None,
    modes: str | Sequence[str] | None = None,
    files: Mapping[str, Path] | None = None,
) -> CaseTables:
    """Read the tables of a case as they stand.

    Parameters
    ----------
    path : Path
        Folder of CSV files, scenario folder of SimCCS or a workbook in it, ``.xlsx`` workbook
        or ``.gpkg`` GeoPackage.
    surface : Path, optional
        As :func:`cdrsite.network.surfaced.read_surfaced`, for a folder without arcs.
    modes : str or sequence of str, optional
        How CO2 may travel; a mode that the case leaves out stays out.
    files : mapping, optional
        ``sources`` or ``sinks`` -> a CSV file in place of the folder's.

    Returns
    -------
    CaseTables
        Cells as text or numbers, not yet checked.

    Raises
    ------
    MissingFileError
        The path, or a table in it, does not exist.
    DataError
        The format is not known or the file cannot be read.
    """
    tables = _read_tables(path, surface, files or {})
    if modes is None:
        return tables
    asked, own = modes_of(modes, "modes"), tables.params.get("modes")
    kept = [one for one in asked if one in modes_of(own, f"{tables.params_where}: modes")]
    if not kept:
        raise DataError(
            "no mode is left", where=f"{tables.params_where}: modes", got=str(own),
            expected=f"one of {', '.join(asked)}", rule=7,
        )  # fmt: skip
    return replace(tables, params={**tables.params, "modes": kept})


def _read_tables(path: Path, surface: Path | None, files: Mapping[str, Path]) -> CaseTables:
    if not path.exists():
        raise MissingFileError(
            "case does not exist", where=str(path), expected="a folder, .xlsx or .gpkg"
        )
    readers: dict[str, Callable[[Path], CaseTables]] = {
        ".xlsx": read_workbook, ".xlsm": read_workbook, ".gpkg": read_geopackage
    }  # fmt: skip
    if surface is not None:
        if not path.is_dir():
            raise DataError(
                "a cost surface goes with a folder of sources and sinks", where=str(path),
                got=path.suffix or "no ending", expected="sources.csv, sinks.csv, params.json",
            )  # fmt: skip
        return read_surfaced(path, surface, files)
    if path.is_dir() and not is_simccs(path):
        return read_folder(path, files=files)
    if files:
        raise DataError(
            "only a folder of CSV files takes other sources or sinks", where=str(path),
            got=", ".join(str(one) for one in files.values()),
        )  # fmt: skip
    if path.is_dir() or is_simccs_workbook(path):
        return read_simccs(path)
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DataError(
            "format of the case is not known",
            where=str(path),
            got=path.suffix or "no ending",
            expected="a folder of CSV files, .xlsx or .gpkg",
        )
    return reader(path)
