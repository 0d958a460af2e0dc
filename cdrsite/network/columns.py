"""What a table of a case may hold: known columns and keys, flags, parameters.

What is not known is an error, since a misspelt column would leave its numbers out without a word.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from cdrsite.core.errors import DataError, nearest
from cdrsite.core.vocabulary import MODES
from cdrsite.network.headers import quantity_of
from cdrsite.network.readers import Table, empty

DESCRIPTIVE = {"name", "lon", "lat", "note", "comment", "fid", "ogc_fid"}
"""Columns that describe and decide nothing (places are read from lon and lat)."""
QUANTITIES: dict[str, tuple[str, ...]] = {
    "sources": (
        "capture_max", "fixed_capital", "fixed_om", "variable", "from_year", "until_year",
    ),
    "sinks": (
        "capacity", "well_rate", "fixed_capital", "fixed_om", "well_capital", "well_om",
        "injection", "injection_max", "from_year", "until_year",
    ),
    "arcs": ("con_cost", "row_cost", "length", "fixed", "slope", "capacity", "tariff"),
}  # fmt: skip
WORDS: dict[str, set[str]] = {
    "sources": {"id", "cell", "node", "ledger", "status"},
    "sinks": {"id", "cell", "node", "status"},
    "arcs": {
        "arc", "id", "v1", "from", "tail", "v2", "to", "head", "one_way", "existing", "expandable",
        "n_cells", "status", "mode",
    },
}  # fmt: skip
PARAMETERS = {
    "crf", "project_years", "pipe_utilization", "trends", "encoding", "decimal", "no_transit",
    "modes",
}  # fmt: skip
NOTES = {"case", "name", "mode", "units", "note", "comment", "grid"}
"""Parameters that describe and decide nothing."""
TREND = {
    "con_slope", "con_intercept", "row_slope", "row_intercept", "max_capacity_mt_yr", "name",
}  # fmt: skip

_YES = {"1", "1.0", "true", "yes", "y", "t", "x", "是"}
_NO = {"0", "0.0", "false", "no", "n", "f", "-", "否"}


_STATES = {
    "": "free", "free": "free", "optional": "free",
    "excluded": "excluded", "exclude": "excluded",
    "forced": "forced", "force": "forced",
}  # fmt: skip


def check_columns(table: Table, kind: str) -> None:
    """Refuse columns that are not known.

    Parameters
    ----------
    table : Table
        Of sources, sinks or arcs.
    kind : str
        ``sources``, ``sinks`` or ``arcs``.

    Raises
    ------
    DataError
        A column is not known, or stands twice.
    """
    words = WORDS[kind] | DESCRIPTIVE
    if kind != "arcs":
        words |= {"kind", "facility"}
    elif any(quantity_of(one, ("con_cost",)) for one in table.headers):
        words.add("cost")  # construction and right of way that SimCCS writes beside their parts
    check_names(table, QUANTITIES[kind], words)


def check_names(table: Table, quantities: tuple[str, ...], words: set[str]) -> None:
    """Refuse columns that are neither a quantity, nor a word, nor a note; raises DataError."""
    seen: set[str] = set()
    for header in table.headers:
        bare = header.strip().lower()
        if bare.startswith("#"):
            continue
        if bare in seen:
            raise DataError("two columns have the same header", where=table.where, got=header)
        seen.add(bare)
        if bare not in words and quantity_of(header, quantities) is None:
            raise _unknown("column", header, table.where, [*quantities, *sorted(words)])


def check_keys(found: Iterable[str], known: set[str], where: str, what: str = "parameter") -> None:
    """Refuse parameters that are not known; those that begin with # are notes."""
    for key in found:
        if key not in known and not key.startswith("#"):
            raise _unknown(what, key, where, sorted(known))


def _unknown(what: str, got: str, where: str, known: Iterable[str]) -> DataError:
    names = list(known)
    near = nearest(got.lower().split(" [")[0], names, 0.6)
    guess = f"did you mean {near}? " if near else ""
    return DataError(
        f"{what} is not known",
        where=where,
        got=got,
        expected=", ".join(names),
        cure=f"{guess}a name that begins with # is a note",
        rule=7,
    )


def flag(where: str, row: Mapping[str, Any], header: str | None) -> bool:
    """Read yes or no; an empty cell is no.

    Raises
    ------
    DataError
        The cell is neither.
    """
    cell = row.get(header) if header else None
    if empty(cell):
        return False
    text = str(cell).strip().lower()
    if text in _YES or text in _NO:
        return text in _YES
    msg = f"{header} is neither yes nor no"
    raise DataError(
        msg, where=where, got=repr(cell), expected="yes, no, true, false, 1, 0 or empty", rule=7
    )


def state(where: str, row: Mapping[str, Any], header: str | None) -> str:
    """Read whether a part is ``free``, ``excluded`` or ``forced``; an empty cell is free.

    Raises
    ------
    DataError
        The cell is none of them.
    """
    cell = row.get(header) if header else None
    text = "" if empty(cell) else str(cell).strip().lower()
    if text not in _STATES:
        msg = f"{header} is not understood"
        raise DataError(
            msg, where=where, got=repr(cell), expected="free, excluded, forced or empty", rule=7
        )
    return _STATES[text]


def mode_of(where: str, row: Mapping[str, Any], header: str | None) -> str:
    """Read how an arc carries CO2; an empty cell is a pipeline.

    Raises
    ------
    DataError
        The cell is no mode.
    """
    cell = row.get(header) if header else None
    text = MODES[0] if empty(cell) else str(cell).strip().lower()
    if text not in MODES:
        msg = f"{header} is not understood"
        raise DataError(
            msg, where=where, got=repr(cell), expected=f"{', '.join(MODES)} or empty", rule=7
        )
    return text


def modes_of(given: Any, where: str) -> tuple[str, ...]:
    """Read which modes may be used: a list, or names parted by commas; all where none is given.

    Raises
    ------
    DataError
        A name is no mode.
    """
    if empty(given):
        return MODES
    listed = given if isinstance(given, list | tuple) else str(given).split(",")
    names = tuple(str(one).strip().lower() for one in listed)
    wrong = [name for name in names if name not in MODES]
    if wrong:
        raise DataError(
            "mode is not known", where=where, got=", ".join(wrong), expected=", ".join(MODES),
            rule=7,
        )  # fmt: skip
    return names


def trends_of(params: Mapping[str, Any], where: str) -> list[Mapping[str, Any]]:
    """Give the trends of the parameters.

    Raises
    ------
    DataError
        They are missing, no list of objects, or have keys that are not known.
    """
    found = params.get("trends")
    if found is None or found == []:
        raise DataError("parameter is missing", where=where, expected="trends")
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        kind = type(found).__name__
        got = f"a list of {type(found[0]).__name__}" if isinstance(found, list) else kind
        raise DataError(
            "trends are not a list of objects",
            where=where,
            got=got,
            expected='[{"con_slope": 0.1, "con_intercept": 0.4}, ...]',
        )
    for number, trend in enumerate(found, start=1):
        keys = (key for key, value in trend.items() if key and not empty(value))
        check_keys(keys, TREND, f"{where}: trend {number}", "key of a trend")
    return found


def utilisation_of(params: Mapping[str, Any], where: str) -> float:
    """Give the mean flow as a share of the flow a pipe is built for.

    Raises
    ------
    DataError
        It is no number above 0 and at most 1.
    """
    found = params.get("pipe_utilization")
    if empty(found):
        return 1.0
    try:
        number = float(str(found))
    except ValueError:
        number = math.nan
    if not 0 < number <= 1:
        raise DataError(
            "pipe_utilization is no share",
            where=where,
            got=repr(found),
            expected="a number above 0, at most 1",
            cure="write 93 % as 0.93",
        )
    return number
