"""Tables as CSV for people and Parquet for programs, and JSON without NaN."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.secrets import hidden

if TYPE_CHECKING:
    import pandas as pd


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write each table as ``NAME.csv`` (UTF-8) and ``NAME.parquet``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        write_table(folder, name, table)


def write_table(folder: Path, name: str, table: pd.DataFrame) -> None:
    """Write one table as ``NAME.csv`` and ``NAME.parquet`` into a folder that exists."""
    write_csv(folder / f"{name}.csv", table)
    table.to_parquet(folder / f"{name}.parquet", index=False)


FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Beginnings of a text that a spreadsheet takes for a formula; the last four are full-width."""


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write one table as CSV (UTF-8) that a spreadsheet opens without running anything in it.

    A text that begins as a formula does, such as a name from somebody's data, gets an apostrophe
    in front, and so does one that begins with apostrophes before that. Numbers stay as they are.
    :func:`read_csv` takes the apostrophe off again; the Parquet file never has it.
    """
    safe = table.copy()
    safe.columns = [guarded(name) for name in safe.columns]
    texts = [name for name in safe.columns if safe[name].dtype.kind not in "biufcmM"]
    for column in texts:
        safe[column] = safe[column].map(guarded)
    # a carriage return within a cell ends the row for many readers, unless the cell is quoted
    turned = any("\r" in value for column in texts for value in safe[column].map(str))
    safe.to_csv(
        path,
        index=False,
        encoding="utf-8",
        lineterminator="\n",
        quoting=csv.QUOTE_NONNUMERIC if turned else csv.QUOTE_MINIMAL,
    )


def guarded(value: Any) -> Any:
    """A text that a spreadsheet takes for text; anything else as it is."""
    if isinstance(value, str) and value.lstrip("'").startswith(FORMULA):
        return f"'{value}"
    return value


def read_csv(path: Path) -> pd.DataFrame:
    """Read a table that :func:`write_csv` wrote."""
    import pandas as pd

    def plain_again(value: Any) -> Any:
        if isinstance(value, str) and value[:1] == "'" and guarded(value) != value:
            return value[1:]
        return value

    table = pd.read_csv(path)
    for column in table.columns:
        if table[column].dtype.kind not in "biufcmM":
            table[column] = table[column].map(plain_again)
    table.columns = [plain_again(name) for name in table.columns]
    return table


def write_json(path: Path, document: Any) -> None:
    """Write JSON that every reader accepts: unknown numbers are null, not NaN (rule 2)."""
    text = hidden(json.dumps(plain(document), ensure_ascii=False, indent=2, allow_nan=False))
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def plain(value: Any) -> Any:
    """Turn numpy numbers, paths and tuples into what JSON knows; NaN and infinity into None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return value.as_posix() if isinstance(value, Path) else str(value)
