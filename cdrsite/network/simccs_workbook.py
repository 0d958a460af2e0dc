"""Sources, sinks and trends of a SimCCS scenario in a workbook, found by the names of columns.

The names are those of the text files of SimCCS, of either of its two layouts; the order of the
columns, the names of the sheets and what stands above and below the tables do not matter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cdrsite.core.errors import DataError, MissingFileError
from cdrsite.network.readers import Table, empty, identity, sheets_of

DEPTH = 30
"""Rows of a sheet in which its headers may stand."""


@dataclass(frozen=True)
class _Column:
    """A column: what it is called here, how SimCCS calls it, its units as they may be written."""

    name: str
    called: tuple[str, ...]
    units: tuple[str, ...] = ()
    required: bool = True


@dataclass(frozen=True)
class Header:
    """The columns of one table."""

    table: str
    file: str
    columns: tuple[_Column, ...]


_RATE, _MASS = ("mt/y", "mta", "mtpa"), ("mt",)
_CAPITAL, _YEARLY, _TONNE = ("$m", "m$"), ("$m/y", "m$/y"), ("$/t",)
_PLACE = (
    _Column("lon", ("X-LON", "LON", "Longitude"), ("deg", "degrees", "°")),
    _Column("lat", ("Y-LAT", "LAT", "Latitude"), ("deg", "degrees", "°")),
)
SOURCES = Header("sources", "Sources/Sources.csv", (
    _Column("id", ("Unique ID", "ID", "Source_ID")),
    _Column("name", ("Name",), required=False),
    _Column("capture_max_mt_yr", ("Capturable CO2", "capMax"), _RATE),
    _Column("total", ("Total unit cost",), _TONNE, required=False),
    _Column("fixed_capital_musd", ("Fixed capital cost", "costFix"), _CAPITAL),
    _Column("fixed_om_musd_yr", ("Fixed O&M cost", "fixO&M"), _YEARLY),
    _Column("variable_usd_t", ("Variable O&M cost", "varO&M"), _TONNE),
    *_PLACE,
))  # fmt: skip
SINKS = Header("sinks", "Sinks/Sinks.csv", (
    _Column("id", ("Unique ID", "ID", "Sink_ID")),
    _Column("name", ("Name",), required=False),
    _Column("capacity_mt", ("Storage capacity", "fieldCap"), _MASS),
    _Column("total", ("Total unit cost",), _TONNE, required=False),
    _Column("fixed_capital_musd", ("Site-wide fixed capital cost", "costFix"), _CAPITAL),
    _Column("fixed_om_musd_yr", ("Site-wide fixed O&M cost", "fixO&M"), _YEARLY),
    _Column("well_rate_mt_yr", ("Individual well injection rate", "wellCap"), _RATE),
    _Column("well_capital_musd", ("Injection fixed capital cost", "wellCostFix"), _CAPITAL),
    _Column("well_om_musd_yr", ("Injection fixed O&M cost", "wellFixO&M"), _YEARLY),
    _Column("injection_usd_t", ("Injection variable O&M cost", "varO&M"), _TONNE),
    *_PLACE,
))  # fmt: skip
TRENDS = Header("trends", "Transport/Linear.txt", (
    _Column("id", ("ID",)),
    _Column("con_slope", ("SLOPE", "CON SLOPE", "Construction slope")),
    _Column("con_intercept", ("INTERCEPT", "CON INTERCEPT", "Construction intercept")),
    _Column("row_slope", ("ROW SLOPE", "Right of way slope"), required=False),
    _Column("row_intercept", ("ROW INTERCEPT", "Right of way intercept"), required=False),
))  # fmt: skip


@dataclass(frozen=True)
class _Found:
    """Columns of a header that some rows of a sheet have: name -> positions."""

    sheet: str
    first: int
    last: int
    at: dict[str, list[int]]
    missing: tuple[str, ...]


@dataclass
class Workbook:
    """The sheets of a workbook, in which tables are looked for."""

    path: Path
    sheets: dict[str, list[tuple[Any, ...]]] = field(init=False)

    def __post_init__(self) -> None:
        self.sheets = sheets_of(self.path)

    def has(self, header: Header) -> bool:
        """Whether a sheet has the columns of a table, or so many that one of them is missed."""
        return any(not one.missing or len(one.at) > len(one.missing) for one in self._best(header))

    def table(self, header: Header) -> Table:
        """Read a table: the rows below its headers, until the first empty one.

        Parameters
        ----------
        header : Header
            Its columns.

        Returns
        -------
        Table
            Cells as text, columns named as in a case.

        Raises
        ------
        DataError
            No sheet, or more than one, has the columns; a column stands there twice or in
            another unit; there are no rows.
        """
        whole = [one for one in self._best(header) if not one.missing]
        names = ", ".join(c.called[0] for c in header.columns if c.required)
        if not whole:
            raise DataError(
                f"no sheet has the columns of the {header.table}", where=str(self.path),
                got=self._describe(header),
                expected=f"in one of the first {DEPTH} rows {names}",
                cure=f"give the columns these names, as in {header.file}, in one sheet",
                rule=7,
            )  # fmt: skip
        if len(whole) > 1:
            raise DataError(
                f"several sheets have the columns of the {header.table}", where=str(self.path),
                got=", ".join(one.sheet for one in whole), cure="keep one of them", rule=7,
            )  # fmt: skip
        found = whole[0]
        where = f"{self.path}: sheet {found.sheet}"
        self._check(header, found, where)
        at = {name: places[0] for name, places in found.at.items()}
        rows = []
        for number, cells in enumerate(self.sheets[found.sheet], start=1):
            if number <= found.last:
                continue
            row = {name: _text(cells[k]) if k < len(cells) else "" for name, k in at.items()}
            if any(row.values()):
                rows.append((f"{where}, row {number}", row))
            elif rows:
                break
        if not rows:
            raise DataError(
                f"no rows below the headers of the {header.table}",
                where=f"{where}, row {found.last}",
                cure="if they are formulas, open and save the workbook in a spreadsheet program, "
                "which keeps their values",
            )  # fmt: skip
        return Table(where, tuple(at), tuple(rows))

    def _check(self, header: Header, found: _Found, where: str) -> None:
        cells = self.sheets[found.sheet]
        for column in header.columns:
            places = found.at.get(column.name, [])
            if len(places) > 1:
                raise DataError(
                    f"column {column.called[0]} stands there twice",
                    where=f"{where}, row {found.last}",
                    got=" and ".join(f"column {k + 1}" for k in places),
                    cure="keep one of them; call those of the right of way ROW SLOPE, ROW INTERCEPT"
                    if header is TRENDS else "keep one of them", rule=7,
                )  # fmt: skip
            for row, k in ((r, k) for r in range(found.first - 1, found.last) for k in places):
                text = str(cells[row][k] or "") if k < len(cells[row]) else ""
                unit = _unit(text)
                named = _plain(text) in {_plain(one) for one in column.called}
                if named and unit and column.units and unit not in column.units:
                    raise DataError(
                        f"column {column.called[0]} is in another unit",
                        where=f"{where}, row {row + 1}", got=text.strip(),
                        expected=f"the unit that SimCCS has, {column.units[0]}", rule=4,
                    )  # fmt: skip

    def _best(self, header: Header) -> list[_Found]:
        """Give of every sheet the rows that have the most columns; one row, or two for merged."""
        best = []
        for sheet, cells in self.sheets.items():
            names = [[_plain(cell) for cell in row] for row in cells[:DEPTH]]
            tries = [_match(header, sheet, k, k, names) for k in range(1, len(names) + 1)]
            tries += [_match(header, sheet, k, k + 1, names) for k in range(1, len(names))]
            if tries:
                best.append(min(tries, key=lambda one: len(one.missing)))
        return best

    def _describe(self, header: Header) -> str:
        """Give the sheets with some of their headers, that which has the most columns first."""
        told = []
        for found in sorted(self._best(header), key=lambda one: len(one.missing)):
            rows = self.sheets[found.sheet]
            row = found.first
            if len(found.missing) > len(found.at):  # another table: its headers hold the most text
                counts = [sum(isinstance(cell, str) for cell in one) for one in rows[:DEPTH]]
                row = counts.index(max(counts)) + 1
            heads = [str(cell).strip() for cell in rows[row - 1] if not empty(cell)]
            more = f" and {len(heads) - 3} more" if len(heads) > 3 else ""
            few = found.at and len(found.missing) <= 3
            lacks = f", lacks {', '.join(found.missing)}" if few else ""
            told.append(f"sheet {found.sheet}, row {row}{lacks}: {', '.join(heads[:3])}{more}")
        return "; ".join(told) or "no sheet that holds anything"


def workbook_in(folder: Path, texts: Sequence[Path]) -> Workbook | None:
    """Give the one workbook of a scenario folder, where a text file is missing.

    Parameters
    ----------
    folder : Path
        The scenario.
    texts : sequence of Path
        Its text files.

    Returns
    -------
    Workbook or None
        None where no text file is missing, or there is no workbook.

    Raises
    ------
    MissingFileError
        A text file is missing, and there are several workbooks.
    """
    missing = [one for one in texts if not one.is_file()]
    books = sorted(p for p in folder.glob("*.xls[xm]") if not p.name.startswith("~$"))
    if not missing or not books:
        return None
    if len(books) > 1:
        raise MissingFileError(
            "file of the SimCCS scenario is missing, and several workbooks stand for it",
            where=str(missing[0]), got=", ".join(one.name for one in books),
            cure=f"name the one: cdrsite network '{books[0]}'",
        )  # fmt: skip
    return Workbook(books[0])


def _match(header: Header, sheet: str, first: int, last: int, names: list[list[str]]) -> _Found:
    at: dict[str, list[int]] = {}
    for column in header.columns:
        called = {_plain(one) for one in column.called}
        rows = names[first - 1 : last]
        places = sorted({k for row in rows for k, cell in enumerate(row) if cell in called})
        if places:
            at[column.name] = places
    missing = tuple(c.called[0] for c in header.columns if c.required and c.name not in at)
    return _Found(sheet, first, last, at, missing)


def _plain(cell: object) -> str:
    """Name of a column: without case, spaces, underlines and units in brackets."""
    text = re.sub(r"[(\[].*?[)\]]", "", "" if cell is None else str(cell))
    return re.sub(r"[\s_]+", "", text).lower()


def _unit(text: str) -> str:
    """Unit in brackets, as short as :class:`_Column` writes it."""
    match = re.search(r"[(\[](.*?)[)\]]", text)
    if match is None:
        return ""
    unit = re.sub(r"\s+|co2|co₂", "", match[1].lower())
    return re.sub(r"/(yr|year|a)$", "/y", unit)


def _text(cell: object) -> str:
    """A cell as its text file would hold it."""
    return "" if empty(cell) else identity(repr(cell) if isinstance(cell, float) else cell)
