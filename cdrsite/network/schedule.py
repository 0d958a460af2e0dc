"""Periods from a table: years, and a target or a price for each."""

from __future__ import annotations

from pathlib import Path

from cdrsite.core.errors import DataError
from cdrsite.network.columns import check_names
from cdrsite.network.periods import Period
from cdrsite.network.readers import read_table
from cdrsite.network.tables import quantity

COLUMNS = ("years", "target", "price")


def read_periods(path: str | Path) -> list[Period]:
    """Read periods in order of time.

    Parameters
    ----------
    path : path
        Table of text with ``years`` and, with its unit in the header, ``target [Mt/yr]`` or
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
        A column is missing or not known, a row has both or neither, or a cell is no number.
    """
    table = read_table(Path(path))
    check_names(table, COLUMNS, {"period", "name", "note"})
    years = quantity(table, "years", "years", needed=True)
    target, price = quantity(table, "target", "flow"), quantity(table, "price", "unit cost")
    found = []
    for where, row in table.rows:
        if target.given(row) == price.given(row):
            raise DataError(
                "a period has a target or a price", where=where,
                got="both" if target.given(row) else "neither", expected="one of them", rule=7,
            )  # fmt: skip
        amount = target.of(where, row) if target.given(row) else None
        paid = price.of(where, row) if price.given(row) else None
        found.append(Period(years.of(where, row), amount, paid))
    if not found:
        raise DataError("table has no period", where=table.where, expected="one row for each")
    return found
