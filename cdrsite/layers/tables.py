"""Columns of tables added to features by a key, and features merged by a column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import DataError
from cdrsite.core.numbers import as_text
from cdrsite.layers.encodings import VARIES, known
from cdrsite.layers.featurefiles import read_rows
from cdrsite.layers.guard import hearing, reading
from cdrsite.layers.sources import require_file
from cdrsite.layers.where import column_name

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from cdrsite.config.layers import Join

MOST_NAMED = 5
"""Keys without a row that are named."""


def joined_table(frame: gpd.GeoDataFrame, join: Join, where: str) -> tuple[gpd.GeoDataFrame, str]:
    """Add the columns of a table to features.

    Parameters
    ----------
    frame : GeoDataFrame
        The features.
    join : Join
        Table, and the columns with the key.
    where : str
        Layer and file, for errors.

    Returns
    -------
    frame : GeoDataFrame
        With the table's columns; one of a name that the features have already is called
        ``TABLE_NAME``, unless theirs is empty. Empty where the table has no row.
    gone : str
        What to tell of keys without a row; empty where there is none.

    Raises
    ------
    MissingFileError, DataError
        There is no such table or column, a key has several rows, or no key has one (rule 7).
    """
    place = f"{where}: join ({join.table.name})"
    on = column_name(frame, join.on, place)
    table, key = _read(join, place)
    ids = _texts(table[key])
    twice = ids[ids.duplicated() & (ids != "")]
    if len(twice):
        raise DataError(
            "several rows of the table have one key",
            where=place,
            got=f"{twice.iloc[0]!r} in {key!r}, and {twice.nunique() - 1} more",
            expected="one row for each feature",
            cure="make one row of them, e.g. with a pivot table, or name another key",
            rule=7,
        )
    wanted = _texts(frame[on])
    table = table.drop(columns=key).set_axis(ids.to_numpy())
    table = table[table.index != ""]
    found = wanted.isin(table.index)
    missing = sorted(set(wanted[~found]))
    if not found.any():
        raise DataError(
            "no feature has a row in the table",
            where=place,
            got=f"{on} such as {missing[0]!r}, {key} such as {next(iter(table.index), None)!r}",
            expected="the same keys, letter by letter",
            cure="check on: and key:, and zeros before numbers",
            rule=7,
        )
    added = table.reindex(wanted.to_numpy()).set_axis(frame.index)
    attrs = dict(frame.attrs)
    new = {str(c).lower() for c in added.columns}
    idle = [c for c in frame.columns if str(c).lower() in new and frame[c].isna().all()]
    frame = frame.drop(columns=idle)  # as the Name of a KML file that has none
    taken = {str(c).lower() for c in frame.columns}
    added.columns = [
        f"{join.table.stem}_{c}" if str(c).lower() in taken else str(c) for c in added.columns
    ]
    frame = frame.assign(**{c: added[c] for c in added.columns})
    frame.attrs.update(attrs)
    if not missing:
        return frame, ""
    named = ", ".join(missing[:MOST_NAMED]) + (" ..." if len(missing) > MOST_NAMED else "")
    return frame, (
        f"{int((~found).sum())} of {len(frame)} features have no row in {join.table.name}, "
        f"so its columns are unknown there: {named}"
    )


def _texts(values: pd.Series) -> pd.Series:
    """Keys as text: 7, 7.0 and '7' are one; "" is none."""
    gone = values.isna()
    return values.astype(object).where(~gone, "").map(lambda v: as_text(v).strip())


def _read(join: Join, place: str) -> tuple[pd.DataFrame, str]:
    """The table, its key column as it is written: zeros before numbers stay."""
    import pandas as pd

    path = join.table
    require_file(path, place)
    with reading(place), hearing(place):
        suffix = path.suffix.lower()
        if suffix in {".csv", ".txt", ".tsv"}:
            encoding = known(join.encoding, f"{place}: encoding") if join.encoding else None
            head = read_rows(path, place, encoding, nrows=0)
            key = column_name(head, join.key or join.on, place)
            return read_rows(path, place, encoding, dtype={key: str}), key
        if suffix in {".parquet", ".geoparquet"}:
            table: Any = pd.read_parquet(path)
        else:
            from cdrsite.layers.featurefiles import read_features

            table = read_features(path, place, None, ("lon", "lat"), join.encoding)
        if "geometry" in table.columns:
            table = pd.DataFrame(table.drop(columns="geometry"))
        return table, column_name(table, join.key or join.on, place)


def merged(frame: gpd.GeoDataFrame, by: str, sums: Sequence[str], where: str) -> gpd.GeoDataFrame:
    """Features merged by the value of a column.

    Parameters
    ----------
    frame : GeoDataFrame
        Clean shapes on the grid.
    by : str
        The column; features without a value in it are left out.
    sums : sequence of str
        Columns that are added up; a sum is unknown where a part of it is.
    where : str
        Layer and file, for errors.

    Returns
    -------
    GeoDataFrame
        In the order in which the values come first. Columns that vary within a feature can be
        asked for by nobody.

    Raises
    ------
    DataError
        No such column, or no numbers in one that is to be added up.
    """
    import pandas as pd
    import shapely

    place = f"{where}: dissolve"
    column = column_name(frame, by, place)
    added = [column_name(frame, one, f"{where}: sum") for one in sums]
    for one in added:
        if not pd.api.types.is_numeric_dtype(frame[one]):
            raise DataError(f"column {one!r} is not numeric", where=f"{where}: sum")
    frame = frame[frame[column].notna()]
    if frame.empty:
        raise DataError(f"column {by!r} is empty in every feature", where=place, rule=7)
    groups = frame.groupby(column, sort=False)
    first = groups.head(1)
    numbers = groups.ngroup().to_numpy()
    shapes = frame.geometry.to_numpy()
    order = np.argsort(numbers, kind="stable")
    ends = np.searchsorted(numbers[order], np.arange(1, len(first)))
    unions = [shapely.union_all(shapes[part]) for part in np.split(order, ends)]
    attrs = dict(frame.attrs)
    found = first.reset_index(drop=True).set_geometry(np.array(unions, dtype=object), crs=frame.crs)
    varies = {}
    for name in frame.columns:
        if name in {column, frame.geometry.name}:
            continue
        if name in added:
            totals = groups[name].agg(lambda values: values.sum(skipna=False))
            found[name] = totals.to_numpy()
        elif (groups[name].nunique(dropna=False) > 1).any():
            varies[str(name)] = by
    found.attrs.update({**attrs, VARIES: varies})
    return found
