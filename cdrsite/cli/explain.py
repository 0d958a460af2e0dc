"""The command `explain`: one place as a page of text, many as a table."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdrsite.cli.streams import tell
from cdrsite.cli.tables import print_explanation, print_json
from cdrsite.core.errors import ConfigError, GridError, MissingFileError
from cdrsite.explain.place import Explanation, explain_run, parse_place

if TYPE_CHECKING:
    import pandas as pd

Place = tuple[str, float, float]
"""Name, longitude and latitude [degree]."""


def print_places(
    folder: Path, at: Sequence[str], points: Path | None, lang: str, *, as_json: bool, as_csv: bool
) -> None:
    """Explain one place or many.

    Parameters
    ----------
    folder : Path
        Of a run.
    at : sequence of str
        "LON,LAT" each.
    points : Path, optional
        CSV with the columns lon and lat, and name where places have one.
    lang : {'en', 'zh'}
        Language of what is said.
    as_json, as_csv : bool
        All of it as JSON, a list where there are several; or a row for each place and method.

    Raises
    ------
    ConfigError
        No place, a place or file that cannot be read, both forms of output.
    GridError
        Every place that lies outside, one a line; then nothing is printed.
    """
    if as_json and as_csv:
        raise ConfigError("two forms of output", got="--json and --csv", cure="give one of them")
    places: list[Place] = [(text, *parse_place(text)) for text in at]
    if points is not None:
        places += read_points(points)
    if not places:
        raise ConfigError("no place", where="explain", cure="give --at LON,LAT or --points FILE")
    found, outside = [], []
    for name, lon, lat in places:
        try:
            found.append((name, explain_run(folder, lon, lat, lang=lang)))
        except GridError as error:
            outside.append(str(error) if len(places) == 1 else f"{name}: {error}")
    if outside:
        raise GridError("\n".join(outside))
    if as_csv:
        table_of(found).to_csv(sys.stdout, index=False, lineterminator="\n")
    elif as_json:
        documents = [{"name": name, **one.as_dict()} for name, one in found]
        print_json(documents if points is not None or len(found) > 1 else found[0][1].as_dict())
    else:
        for k, (name, one) in enumerate(found):
            if len(found) > 1:
                tell(("\n" if k else "") + name)
            print_explanation(one)


def read_points(path: Path) -> list[Place]:
    """Places of a CSV file.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ConfigError
        Names every row that is no place.
    """
    import pandas as pd

    if not path.is_file():
        raise MissingFileError("no such file", where="--points", got=str(path))
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, UnicodeDecodeError) as error:
        raise ConfigError("not a CSV table", where=str(path), got=str(error)) from error
    heads = {str(head).strip().lower(): head for head in table.columns}
    if not {"lon", "lat"} <= set(heads):
        raise ConfigError(
            "columns are missing",
            where=str(path),
            got=", ".join(map(str, table.columns)),
            expected="lon, lat, and name where places have one",
        )
    places, wrong = [], []
    for row, values in enumerate(table.to_dict("records"), 2):
        text = f"{values[heads['lon']]},{values[heads['lat']]}"
        try:
            lon, lat = parse_place(text)
        except ConfigError as error:
            wrong.append(f"{path}:{row}: {str(error).removeprefix('--at: ')}")
            continue
        name = str(values[heads["name"]]) if "name" in heads else ""
        places.append((name or text, lon, lat))
    if wrong:
        raise ConfigError("\n".join(wrong))
    return places


def table_of(found: Sequence[tuple[str, Explanation]]) -> pd.DataFrame:
    """A row for each place and method.

    Parameters
    ----------
    found : sequence of (str, Explanation)
        Name of each place, and what is known of it.
    """
    import pandas as pd

    rows = []
    for name, one in found:
        for method, here in one.methods.items():
            row: dict[str, Any] = {"name": name, "lon": one.lon, "lat": one.lat}
            row |= {"row": one.row, "column": one.column, "method": method}
            row |= {"state": here.state, "limits": here.limits, "rules": "; ".join(here.reasons)}
            plan = {} if here.plan is None else vars(here.plan)
            for key, value in plan.items():
                if isinstance(value, str | int | float):
                    row[f"plan_{key}"] = None if _unknown(value) else value
            rows.append(row)
    return pd.DataFrame(rows)


def _unknown(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
