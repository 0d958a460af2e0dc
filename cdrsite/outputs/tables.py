"""Tables as CSV for people and Parquet for programs, and JSON without NaN."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write each table as ``NAME.csv`` (UTF-8) and ``NAME.parquet``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        write_table(folder, name, table)


def write_table(folder: Path, name: str, table: pd.DataFrame) -> None:
    """Write one table as ``NAME.csv`` and ``NAME.parquet`` into a folder that exists."""
    table.to_csv(folder / f"{name}.csv", index=False, encoding="utf-8", lineterminator="\n")
    table.to_parquet(folder / f"{name}.parquet", index=False)


def write_json(path: Path, document: Any) -> None:
    """Write JSON that every reader accepts: unknown numbers are null, not NaN (rule 2)."""
    text = json.dumps(plain(document), ensure_ascii=False, indent=2, allow_nan=False)
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
