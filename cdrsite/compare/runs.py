"""Two runs side by side: totals, what binds, ranked sites, assumptions, maps of change."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.compare.changes import (
    EARTH_KM,
    Change,
    flat_changes,
    input_changes,
    library_changes,
    paired,
    rank_table,
    records,
    scenario_changes,
    site_changes,
)
from cdrsite.core.words import Words
from cdrsite.outputs.runfolder import RunFolder

if TYPE_CHECKING:
    import pandas as pd

    from cdrsite.compare.maps import Differences
    from cdrsite.compare.moved import Moved

COMPARISON = "comparison.json"
"""File of a comparison's folder with all of it."""
PAGE = "compare.html"

TOTALS = ("net_mt_yr", "gross_mt_yr", "cost_musd_yr", "land_km2", "credited_mt_yr")
"""Columns of tables that add up."""
MEANS = ("mean_cost_usd_t",)
HEADLINES = (
    ("net_mt_yr", "Mt/yr"),
    ("gross_mt_yr", "Mt/yr"),
    ("credited_mt_yr", "Mt/yr"),
    ("cost_musd_yr", "MUSD/yr"),
    ("mean_cost_usd_t", "USD/t"),
    ("land_km2", "km2"),
    ("region_km2", "km2"),
    ("network/cost_usd_t", "USD/t"),
    ("network/pipes_km", "km"),
    ("network/plants", ""),
)
"""Headline numbers of a summary and their units."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two runs side by side; changes are the second run less the first.

    Attributes
    ----------
    a, b : RunFolder
        The two runs.
    names : tuple of str
        What the two are called, never the same.
    totals : DataFrame
        ``quantity``, ``unit``, ``a``, ``b``, ``change``.
    methods, provinces, pools : DataFrame
        Tables of the runs side by side; see :func:`cdrsite.compare.changes.paired`.
    sites, ranks : DataFrame
        What became of each ranked site, and of the ranking of each method.
    assumptions : tuple of Change
        Everything that the runs do not share and that may change a number.
    grid : tuple of Change
        How the grids differ; nothing where they are the same one.
    maps : Differences or None
        Maps of change; None where the grids differ (rule 1).
    years : tuple of int or None
        Base years of the two runs' money, if they differ: costs are then not subtracted.
    goals : tuple of str or None
        What the two plans aim for, if it differs: prices are then not subtracted.
    """

    a: RunFolder
    b: RunFolder
    names: tuple[str, str]
    totals: pd.DataFrame
    methods: pd.DataFrame
    provinces: pd.DataFrame
    pools: pd.DataFrame
    sites: pd.DataFrame
    ranks: pd.DataFrame
    assumptions: tuple[Change, ...]
    grid: tuple[Change, ...]
    maps: Differences | None
    years: tuple[int, int] | None = None
    goals: tuple[str, str] | None = None

    def words(self, lang: str) -> Words:
        """Words of a language, with the titles of methods and rules that the runs bring."""
        return Words(lang).of(self.a.about()).of(self.b.about())

    @cached_property
    def same_results(self) -> bool:
        """Whether no number of the plan differs, in the tables nor on the maps."""
        tables = (self.totals, self.methods, self.provinces, self.pools)
        for table in tables:
            for column in (str(c) for c in table.columns if str(c).endswith("change")):
                first, second = (table[column.removesuffix("change") + end] for end in "ab")
                if not ((first == second) | (first.isna() & second.isna())).all():
                    return False
        if (self.sites["site"] != "same").any() or self.grid:
            return False
        if (self.sites["rank_a"] != self.sites["rank_b"]).any():
            return False
        if self.maps is None:
            return True
        still = all(turn.before == turn.after for turn in self.maps.turns)
        return still and not any(s.rising or s.falling or s.unknown for s in self.maps.sums)

    @property
    def identical(self) -> bool:
        """Whether neither an assumption nor a result differs."""
        return self.same_results and not self.assumptions

    @cached_property
    def moved(self) -> Moved | None:
        """Tonnes gained and lost by place and method; None where the grids differ (rule 1)."""
        from cdrsite.compare.moved import moved_tonnes

        return None if self.maps is None else moved_tonnes(self.a, self.b, self.maps.grid)

    def why_no_maps(self) -> str:
        """Why there are no maps of change, in one sentence; nothing where there are."""
        if not self.grid:
            return ""
        how = "; ".join(f"{c.key} {c.a} and {c.b}" for c in self.grid if c.key != "crs")
        crs = "two reference systems" if any(c.key == "crs" for c in self.grid) else ""
        return (
            f"the runs lie on different grids ({'; '.join(x for x in (how, crs) if x)}), and "
            "nothing is resampled silently (rule 1): run both with the same region and grid"
        )

    def binding(self) -> pd.DataFrame:
        """Pools and rules that bind in either run; ``was`` and ``is`` say in which."""
        table = self.pools
        if "price_a" not in table.columns:
            return table.assign(was=[], **{"is": []})
        was, now = ((table[f"price_{end}"].fillna(0) != 0) for end in ("a", "b"))
        return table.assign(was=was, **{"is": now})[was | now].reset_index(drop=True)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, everything in it."""
        found: dict[str, Any] = {
            "runs": {
                end: {"name": run.name, "title": run.title, "called": name, "path": run.path}
                for end, run, name in zip("ab", (self.a, self.b), self.names, strict=True)
            },
            "identical": self.identical,
            "same_results": self.same_results,
        }
        for name in ("totals", "methods", "provinces", "pools", "ranks"):
            found[name] = records(getattr(self, name))
        found["binding"] = records(self.binding())
        found["assumptions"] = [asdict(change) for change in self.assumptions]
        found["why_no_maps"] = self.why_no_maps() or None
        if self.maps is not None:
            found["maps"] = [asdict(item) for item in self.maps.sums]
            found["winners"] = [asdict(item) for item in self.maps.turns]
        return found


def compare_runs(a: Path | str, b: Path | str) -> Comparison:
    """Compare two finished runs.

    Parameters
    ----------
    a, b : Path or str
        Their folders; changes are the second one less the first one.

    Returns
    -------
    Comparison
        Its maps are read when they are asked for.

    Raises
    ------
    ConfigError
        A folder is not that of a run, or another run took its place meanwhile.
    DataError
        A run's dataset has no plan.
    """
    from cdrsite.compare.maps import Differences

    first, second = RunFolder(a), RunFolder(b)
    years = _unlike(first.summary.get("base_year"), second.summary.get("base_year"))
    goals = _unlike(*((run.summary.get("objective") or {}).get("name") for run in (first, second)))
    grid = grid_changes(*(run.manifest.get("grid") or {} for run in (first, second)))

    def both(name: str) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
        return _table(first, name), _table(second, name)

    sites = site_changes(*both("sites"), *_reach(first, second))
    methods = paired(*both("methods"), ["method"], TOTALS, MEANS)
    provinces = paired(*both("provinces"), ["zone", "method"], TOTALS)
    totals = _totals(first, second)
    if years is not None:
        _forget(methods, "cost_")
        _forget(provinces, "cost_")
        totals.loc[totals["quantity"].str.contains("cost"), "change"] = math.nan
    maps = None if grid else Differences.between(first, second, with_cost=years is None)
    comparison = Comparison(
        a=first,
        b=second,
        names=distinct_names(first, second),
        totals=totals,
        methods=methods,
        provinces=provinces,
        pools=_pools(*both("pools")),
        sites=sites,
        ranks=rank_table(sites),
        assumptions=assumption_changes(first, second),
        grid=grid,
        maps=maps,
        years=years,
        goals=goals,
    )
    for run in (first, second):
        run.require_same()
    return comparison


def grid_changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Change, ...]:
    """How two grids differ, a reference system by its name if that tells them apart."""
    from pyproj import CRS

    changes = []
    for change in flat_changes("grid", a, b):
        names = ["", ""]
        if change.key == "crs" and change.a and change.b:
            names = [CRS.from_user_input(wkt).name for wkt in (change.a, change.b)]
        changes.append(Change("grid", "crs", *names) if names[0] != names[1] else change)
    return tuple(changes)


def _unlike(a: Any, b: Any) -> Any:
    """Both of two values, if they are known and differ."""
    return (a, b) if a is not None and b is not None and a != b else None


def _forget(table: pd.DataFrame, part: str) -> None:
    """Changes of numbers that cannot be subtracted become unknown."""
    for column in (str(c) for c in table.columns if part in str(c)):
        if column.endswith("_change"):
            table[column] = math.nan


def _table(run: RunFolder, name: str) -> pd.DataFrame | None:
    return run.table(name) if name in run.tables else None


def _pools(a: pd.DataFrame | None, b: pd.DataFrame | None) -> pd.DataFrame:
    """Pools and rules side by side; prices in two units are not subtracted."""
    table = paired(a, b, ["family", "zone", "unit"], values=("supply", "use", "price"))
    units: list[dict[tuple[str, ...], str]] = []
    for own in (a, b):
        rows = [] if own is None else records(own.fillna({"zone": ""}))
        keys = [tuple(str(row[key]) for key in ("family", "zone", "unit")) for row in rows]
        units.append({k: str(r["price_unit"]) for k, r in zip(keys, rows, strict=True)})
    rows_of = zip(*(table[key] for key in ("family", "zone", "unit")), strict=True)
    found = [tuple(own.get(key, "") for own in units) for key in rows_of]
    for place, end in enumerate("ab"):
        table[f"price_unit_{end}"] = [pair[place] for pair in found]
    if "price_change" in table.columns:
        same = np.array([not (one and other and one != other) for one, other in found], bool)
        table["price_change"] = table["price_change"].where(same)
    return table


def _reach(a: RunFolder, b: RunFolder) -> tuple[float, float]:
    """How far apart sites are still the same, and still one that moved [km]."""
    cells = [_cell_km(run.manifest.get("grid") or {}) for run in (a, b)]
    outputs = [run.scenario.get("outputs") or {} for run in (a, b)]
    return max(cells) / 2, min(float(keys.get("site_distance") or 0.0) for keys in outputs)


def _cell_km(grid: Mapping[str, Any]) -> float:
    """Size of a cell on the ground, roughly; 0 where it is not known."""
    from pyproj import CRS

    if not {"crs", "resolution"} <= set(grid):
        return 0.0
    axis = CRS.from_user_input(grid["crs"]).axis_info[0]
    size = float(grid["resolution"]) * axis.unit_conversion_factor
    # an angle's factor leads to radians
    return size * EARTH_KM if "degree" in axis.unit_name else size / 1000.0


def distinct_names(a: RunFolder, b: RunFolder) -> tuple[str, str]:
    """What to call two runs: their scenarios' names, else their folders', else their places."""
    for first, second in (
        (a.name, b.name),
        (a.path.resolve().name, b.path.resolve().name),
        (str(a.path), str(b.path)),
    ):
        if first != second:
            return first, second
    return f"{a.name} (1)", f"{b.name} (2)"


def _totals(a: RunFolder, b: RunFolder) -> pd.DataFrame:
    """Headline numbers of two summaries side by side."""
    import pandas as pd

    rows = []
    for name, unit in HEADLINES:
        first, second = (_headline(run, name) for run in (a, b))
        if first is None and second is None:
            continue
        change = float("nan") if first is None or second is None else second - first
        rows.append((name.replace("/", " "), unit, first, second, change))
    table = pd.DataFrame(rows, columns=["quantity", "unit", "a", "b", "change"])
    return table.astype({"a": float, "b": float, "change": float})


def _headline(run: RunFolder, name: str) -> float | None:
    """A number of a summary; the sum over the methods where it has none of its own."""
    part, _, inner = name.partition("/")
    value = run.summary.get(part)
    if inner:
        value = value.get(inner) if isinstance(value, Mapping) else None
    if value is None and part in TOTALS:
        known = [method.get(part) for method in run.summary["methods"].values()]
        numbers = [float(tonnes) for tonnes in known if isinstance(tonnes, int | float)]
        value = sum(numbers) if numbers else None
    return float(value) if isinstance(value, int | float) else None


def assumption_changes(a: RunFolder, b: RunFolder) -> tuple[Change, ...]:
    """Everything that two runs do not share and that may change a number."""
    return (
        *scenario_changes(*(resolved(run) for run in (a, b))),
        *library_changes(a.assumptions, b.assumptions),
        *input_changes(*(run.manifest.get("inputs") or {} for run in (a, b))),
        *flat_changes("version", *(run.manifest.get("versions") or {} for run in (a, b))),
    )


def resolved(run: RunFolder) -> dict[str, Any]:
    """The scenario of a run, with the profile that each method took where none was named."""
    methods = dict(run.scenario.get("methods") or {})
    for name, choice in methods.items():
        taken = run.summary["methods"].get(name)
        if isinstance(choice, Mapping) and isinstance(taken, Mapping):
            methods[name] = {**choice, "profile": choice.get("profile") or taken.get("profile")}
    return {**run.scenario, "methods": methods}
