"""Periods from a table: the year, and a target or a price for each."""

from __future__ import annotations

from pathlib import Path

from cdrsite.core.errors import DataError
from cdrsite.network.columns import check_names
from cdrsite.network.horizon import Period
from cdrsite.network.readers import read_table
from cdrsite.network.tables import quantity

COLUMNS = ("year", "target", "price")


def read_periods(path: str | Path) -> list[Period]:
    """Read periods in order of time.

    Parameters
    ----------
    path : path
        Table of text with ``year`` and, with its unit in the header, ``target [Mt/yr]`` or
        ``price [USD/t]``; each row has one of the two.

    Returns
    -------
    list of Period
        In the order of the rows.

    Raises
    ------
    MissingFileError
        There is no such file.
    DataError
        A column is missing or not known, a row has both or neither, a cell is no number, or
        years do not rise.
    """
    table = read_table(Path(path))
    check_names(table, COLUMNS, {"period", "name", "note"})
    year = quantity(table, "year", "year", needed=True)
    target, price = quantity(table, "target", "flow"), quantity(table, "price", "unit cost")
    found: list[Period] = []
    for where, row in table.rows:
        if target.given(row) == price.given(row):
            raise DataError(
                "a period has a target or a price", where=where,
                got="both" if target.given(row) else "neither", expected="one of them", rule=7,
            )  # fmt: skip
        amount = target.of(where, row) if target.given(row) else None
        paid = price.of(where, row) if price.given(row) else None
        begin = year.of(where, row)
        if found and not found[-1].year < begin:
            raise DataError(
                "years do not rise", where=where, got=f"{begin:g} after {found[-1].year:g}", rule=7
            )
        found.append(Period(begin, amount, paid))
    if not found:
        raise DataError("table has no period", where=table.where, expected="one row for each")
    return found
