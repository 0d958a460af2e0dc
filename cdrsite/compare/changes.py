"""What differs between two studies: assumptions, tables, ranked sites. Plain values in and out."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

LABELS = frozenset({"name", "title"})
"""Keys of a scenario that name it and assume nothing."""
EARTH_KM = 6371.0088
"""Mean radius of the Earth, IUGG (Moritz 2000, doi:10.1007/s001900050278) [km]."""
LEAST_PAIRS = 3
"""Fewer sites in common than this say nothing about the order of the others."""


@dataclass(frozen=True)
class Change:
    """An assumption that two runs do not share.

    Attributes
    ----------
    part : {'scenario', 'library', 'input', 'grid', 'version'}
        Where it was made.
    key : str
        Which one: a key path, a parameter of a method, a file, a program.
    a, b : str or None
        In the first and in the second run; None where it has no such key.
    """

    part: str
    key: str
    a: str | None
    b: str | None


def scenario_changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Change, ...]:
    """Key paths at which two resolved scenarios differ; names and titles are no assumptions."""
    first, second = ({k: v for k, v in s.items() if k not in LABELS} for s in (a, b))
    return tuple(_tree_changes("scenario", first, second, ""))


def library_changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Change, ...]:
    """Values of methods that both runs have and that differ.

    Parameters
    ----------
    a, b : mapping
        As of :func:`cdrsite.outputs.assumptions.assumptions`.
    """
    ours, theirs = a.get("methods") or {}, b.get("methods") or {}
    changes: list[Change] = []
    for method in (name for name in ours if name in theirs):
        first, second = (_used_values(library[method]) for library in (ours, theirs))
        changes += _unlike("library", first, second, f"{method}: ")
    return tuple(changes)


def _unlike(
    part: str, a: Mapping[str, str], b: Mapping[str, str], head: str = ""
) -> Iterator[Change]:
    """Keys at which two tables of texts differ."""
    for key in [*a, *(key for key in b if key not in a)]:
        if a.get(key) != b.get(key):
            yield Change(part, f"{head}{key}", a.get(key), b.get(key))


def _used_values(method: Mapping[str, Any]) -> dict[str, str]:
    """Parameter -> value with unit, of the records that are in use."""
    return {
        str(row["parameter"]): f"{as_text(row['value'])} {row['unit']}".strip()
        for row in method.get("values", ())
        if not row.get("alternative")
    }


def input_changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Change, ...]:
    """Input files whose bytes differ, or that only one run read."""
    ours, theirs = (
        {name: f"sha256 {file['sha256']}, {file['bytes']} bytes" for name, file in inputs.items()}
        for inputs in (a, b)
    )
    return tuple(_unlike("input", ours, theirs))


def flat_changes(part: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Change, ...]:
    """Differences of two plain mappings, such as versions or the grid."""
    return tuple(_tree_changes(part, a, b, ""))


def _tree_changes(part: str, a: Any, b: Any, path: str) -> Iterator[Change]:
    """Leaves that differ; a branch that only one tree has is one change."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for key in [*a, *(k for k in b if k not in a)]:
            inner = f"{path}.{key}" if path else str(key)
            if key in a and key in b:
                yield from _tree_changes(part, a[key], b[key], inner)
            else:
                ours, theirs = (as_text(x[key]) if key in x else None for x in (a, b))
                yield Change(part, inner, ours, theirs)
    elif _named(a) and _named(b):
        yield from _tree_changes(part, _by_name(a), _by_name(b), path)
    elif a != b:
        yield Change(part, path, as_text(a), as_text(b))


def _named(value: Any) -> bool:
    """Whether a list can be compared by the names of its items rather than by their places."""
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        return False
    names = [item.get("name") for item in value]
    return None not in names and len(set(names)) == len(names)


def _by_name(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {f"[{item['name']}]": item for item in items}


def as_text(value: Any) -> str:
    """A value as it would stand in a scenario file, on one line."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)  # 500.0 is what a person wrote as 500
    return json.dumps(value, ensure_ascii=False, default=str)


# ----------------------------------------------------------------------- tables


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table by the names of its columns."""
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def paired(
    a: pd.DataFrame | None,
    b: pd.DataFrame | None,
    keys: Sequence[str],
    totals: Sequence[str] = (),
    values: Sequence[str] = (),
) -> pd.DataFrame:
    """Two tables side by side, row by row of the same keys.

    Parameters
    ----------
    a, b : DataFrame or None
        Tables of two runs; None where a run has no such table.
    keys : sequence of str
        Columns that name a row.
    totals : sequence of str
        Columns that add up: a row that a run does not have counts as 0 there.
    values : sequence of str
        Columns that do not: such a row is unknown there (rule 2).

    Returns
    -------
    DataFrame
        Keys, and for each column ``COLUMN_a``, ``COLUMN_b`` and ``COLUMN_change`` (b less a). Rows
        in the order of the first table, then the second one's own. Columns that neither table has
        are left out.
    """
    import pandas as pd

    ours, theirs = (_rows_by_key(table, keys) for table in (a, b))
    known = {str(c) for table in (a, b) if table is not None for c in table.columns}
    rows = []
    for key in [*ours, *(k for k in theirs if k not in ours)]:
        row: dict[str, Any] = dict(zip(keys, key, strict=True))
        for column in (*totals, *values):
            if column not in known:
                continue
            absent = 0.0 if column in totals else math.nan
            first, second = (
                _real(t[key].get(column)) if key in t else absent for t in (ours, theirs)
            )
            row |= {f"{column}_a": first, f"{column}_b": second, f"{column}_change": second - first}
        rows.append(row)
    columns = [*keys]
    for column in (*totals, *values):
        columns += [f"{column}_{end}" for end in ("a", "b", "change")] if column in known else []
    return pd.DataFrame(rows, columns=columns)


def _rows_by_key(table: pd.DataFrame | None, keys: Sequence[str]) -> dict[tuple[str, ...], Any]:
    if table is None or not set(keys) <= set(table.columns):
        return {}
    return {
        tuple("" if _missing(row[key]) else str(row[key]) for key in keys): row
        for row in records(table)
    }


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _real(value: Any) -> float:
    """A number of a table; true and false are 1 and 0."""
    return float(value) if isinstance(value, int | float | np.number | np.bool_) else math.nan


# ------------------------------------------------------------------------ sites

SITE_STATES = ("same", "moved", "gained", "lost")
"""What may become of a ranked site."""
SITE_VALUES = ("rank", "lon", "lat", "net_t_yr", "cost_usd_per_net_t", "in_plan")
"""What is compared of a site; in the plan is 1."""
SITE_COLUMNS = (
    *("method", "site", "rank_a", "rank_b", "moved_km"),
    *("lon_a", "lat_a", "lon_b", "lat_b", "net_t_yr_a", "net_t_yr_b"),
    *("cost_usd_per_net_t_a", "cost_usd_per_net_t_b", "in_plan_a", "in_plan_b"),
)


def site_changes(
    a: pd.DataFrame | None, b: pd.DataFrame | None, same_km: float, near_km: float
) -> pd.DataFrame:
    """What became of each ranked site.

    Parameters
    ----------
    a, b : DataFrame or None
        Tables ``sites`` of two runs.
    same_km : float
        Sites no farther apart are the same; half a cell.
    near_km : float
        Sites no farther apart are one that moved, the nearest pairs first.

    Returns
    -------
    DataFrame
        One row per site: ``site`` is ``same``, ``moved``, ``gained`` or ``lost``, with both ranks,
        places, tonnes and costs. In the order of the second run's ranks, then the lost ones.
    """
    import pandas as pd

    rows = []
    tables = [
        pd.DataFrame({"method": []}) if table is None or "method" not in table else table
        for table in (a, b)
    ]
    for method in dict.fromkeys(str(name) for table in tables for name in table["method"]):
        first, second = (records(table[table["method"] == method]) for table in tables)
        match = _matched(first, second, max(same_km, near_km))
        for j, site in enumerate(second):
            i, apart = match.get(j, (None, math.nan))
            state = "gained" if i is None else "same" if apart <= same_km else "moved"
            rows.append(_site_row(method, state, first[i] if i is not None else None, site, apart))
        kept = {i for i, _ in match.values()}
        lost = (site for i, site in enumerate(first) if i not in kept)
        rows += [_site_row(method, "lost", site, None, math.nan) for site in lost]
    return pd.DataFrame(rows, columns=list(SITE_COLUMNS))


def _site_row(
    method: str, state: str, a: dict[str, Any] | None, b: dict[str, Any] | None, apart: float
) -> dict[str, Any]:
    row: dict[str, Any] = {"method": method, "site": state, "moved_km": apart}
    for end, site in (("a", a), ("b", b)):
        for column in SITE_VALUES:
            row[f"{column}_{end}"] = math.nan if site is None else _real(site.get(column))
    return row


def _matched(
    a: list[dict[str, Any]], b: list[dict[str, Any]], within_km: float
) -> dict[int, tuple[int, float]]:
    """Site of b -> site of a and their distance [km], the nearest pairs first, each site once."""
    from scipy.spatial import cKDTree

    if not a or not b:
        return {}
    first, second = (cKDTree(_on_sphere(sites)) for sites in (a, b))
    # a chord is as good as its arc over such distances: 50 km differ by 0.1 m
    reach = within_km * (1 + 1e-9) + 1e-6
    chords = second.sparse_distance_matrix(first, reach, output_type="ndarray")
    match: dict[int, tuple[int, float]] = {}
    taken: set[int] = set()
    for pair in np.sort(chords, order=("v", "i", "j")):
        i, j = int(pair["j"]), int(pair["i"])
        if j not in match and i not in taken:
            match[j] = (i, float(pair["v"]))
            taken.add(i)
    return match


def _on_sphere(sites: list[dict[str, Any]]) -> np.ndarray[Any, Any]:
    """Points on a sphere of the Earth's size, shape (n, 3) [km]."""
    lon, lat = (np.radians([float(site[key]) for site in sites]) for key in ("lon", "lat"))
    flat = np.cos(lat)
    return EARTH_KM * np.column_stack([flat * np.cos(lon), flat * np.sin(lon), np.sin(lat)])


def rank_table(sites: pd.DataFrame) -> pd.DataFrame:
    """How the ranking of each method changed.

    Parameters
    ----------
    sites : DataFrame
        Of :func:`site_changes`.

    Returns
    -------
    DataFrame
        ``method``, numbers of sites in each run and of those that stayed (``same``), ``moved``,
        were ``gained`` or ``lost``, and ``rank_correlation``: Spearman's coefficient over the sites
        that both runs have, NaN if they are fewer than three.
    """
    import pandas as pd

    rows = []
    for method in dict.fromkeys(sites["method"]):
        own = sites[sites["method"] == method]
        count = {state: int((own["site"] == state).sum()) for state in SITE_STATES}
        kept = count["same"] + count["moved"]
        rows.append(
            {
                "method": method,
                "sites_a": kept + count["lost"],
                "sites_b": kept + count["gained"],
                **count,
                "rank_correlation": rank_correlation(own),
            }
        )
    columns = ["method", "sites_a", "sites_b", *SITE_STATES, "rank_correlation"]
    return pd.DataFrame(rows, columns=columns)


def rank_correlation(sites: pd.DataFrame) -> float:
    """Spearman's rank correlation of the sites that both runs have; NaN if too few."""
    both = sites[sites["site"].isin(["same", "moved"])]
    if len(both) < LEAST_PAIRS:
        return math.nan
    # ranks among themselves: places that other sites left do not count
    order = [both[key].to_numpy().argsort(kind="stable").argsort() for key in ("rank_a", "rank_b")]
    return float(np.corrcoef(order[0], order[1])[0, 1])
