"""What the emitters of a study do in its plan: tables, summary, points on the map."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.competition.captured import AVOIDED
from cdrsite.competition.displaced import charges, worth_of_net
from cdrsite.competition.problem import RowTerm
from cdrsite.competition.results import known_digits, real_prices
from cdrsite.core.crs import LONLAT, transformer
from cdrsite.pathway.view import LastMilestone, prices_at
from cdrsite.study.emitterpoints import EmitterPoints, read_points

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from numpy.typing import NDArray

    from cdrsite.competition.captured import Captures
    from cdrsite.competition.objectives import Objective
    from cdrsite.competition.solution import Solution
    from cdrsite.study.prepare import Setting
    from cdrsite.study.problem import Allocation

    F64 = NDArray[np.float64]

EMITTER_COLUMNS = (
    "emitter", "origin", "year", "unit", "emission_mt_yr", "can_capture_mt_yr", "captured_mt_yr",
    "avoided_mt_yr", "removed_mt_yr", "cost_musd_yr", "cost_usd_t", "electricity_kwh_yr",
    "water_m3_yr", "biomass_t_yr", "opens", "retires", "must_run", "lon", "lat", "x", "y",
)  # fmt: skip
"""Of the table of emitters: a row for each milestone and storage unit in use."""
DISPLACED_COLUMNS = (
    "unit", "year", "stored_price", "drawn_price", "price_unit", "net_worth",
    "displaced_per_captured", "displaced_per_avoided", "in_reach_mt_yr", "captured_mt_yr",
)  # fmt: skip
"""Of the table of what captured tonnes take from removal, by storage unit and milestone."""
USED = 1e-5
"""Share of what an emitter can capture below which what it does is rounding [1]."""
PARTS = {"avoided": AVOIDED, "removed": "net"}
"""Ledger -> what of a captured tonne counts there."""


@dataclass(frozen=True, eq=False)
class YearView:
    """A milestone, or the year of a plan of one year.

    Attributes
    ----------
    name : str
        Empty for a plan of one year without a year.
    t : int
        Number of the milestone.
    captured : ndarray, shape (J,)
        What emitters bring over each of their ways [t/yr].
    price : ndarray, shape (R,)
        Prices of the rows of one year, in the goal's unit of that year.
    worth : float
        What a net tonne is worth [goal per t].
    """

    name: str
    t: int
    captured: F64
    price: F64
    worth: float


def year_views(setting: Setting, solution: Solution) -> Iterator[YearView]:
    """The plan at each milestone."""
    if isinstance(solution, LastMilestone):
        found = solution.path
        path, course = found.path, found.path.course
        number = {row.name: r for r, row in enumerate(found.system.rows)}
        for t, name in enumerate(course.names):
            asked = [
                (one.terms, float(found.price[number[f"{one.name} {name}"]]))
                for one in path.targets
                if not np.isnan(one.limit[t])
            ]
            worth = worth_of_net(path.goal.terms[t], asked) / float(course.worth[t])
            yield YearView(
                name, t, found.captured[:, t], prices_at(found, solution.system, t), worth
            )
        return
    path_of_one = setting.scenario.milestones
    name = "" if path_of_one is None else str(path_of_one.years[-1])
    price = real_prices(solution)
    rules = {rule.name: rule for rule in solution.problem.policies if rule.zoning is None}
    asked = [
        (rules[row.name].terms, float(each))
        for row, each in zip(solution.system.rows, price, strict=True)
        if row.family == "policy" and row.name in rules
    ]
    goal: Objective = solution.objective
    yield YearView(name, -1, solution.captured, price, worth_of_net(goal.terms, asked))


def emitter_tables(setting: Setting, allocation: Allocation) -> dict[str, pd.DataFrame]:
    """What each emitter captures, when and where to, and what that takes from removal."""
    import pandas as pd

    solution = allocation.solution
    captures, units = solution.problem.captures, setting.storage
    if captures is None or units is None:
        return {}
    points = _points(setting, captures)
    views = list(year_views(setting, solution))
    rows = [row for view in views for row in _rows(setting, captures, points, view, units.names)]
    return {
        "emitters": pd.DataFrame(rows, columns=list(EMITTER_COLUMNS)),
        "displaced": displaced_table(solution, captures, views, units.names),
    }


def _points(setting: Setting, captures: Captures) -> EmitterPoints:
    """Emitters of the plan, in its order."""
    assert setting.scenario.emitters is not None  # noqa: S101 - they made the captures
    points = read_points(setting.scenario.emitters, setting.reader)
    return points.at([points.names.index(name) for name in captures.names])


def _rows(
    setting: Setting,
    captures: Captures,
    points: EmitterPoints,
    view: YearView,
    units: tuple[str, ...],
) -> Iterator[dict[str, Any]]:
    """Rows of a milestone: a way in use each, or one with nothing."""
    grid = setting.area.grid
    x, y = grid.x[points.col], grid.y[points.row]
    lon, lat = transformer(grid.wkt, LONLAT).transform(x, y)
    count = {key: captures.counted((RowTerm(what),), view.t) for key, what in PARTS.items()}
    cost = captures.counted((RowTerm("cost"),), view.t)
    there = captures.there[:, view.t]
    for k, name in enumerate(points.names):
        ways = np.flatnonzero((captures.owner == k) & (view.captured > USED * points.most[k]))
        for way in [*ways.tolist()] if len(ways) else [None]:
            tonnes = 0.0 if way is None else float(view.captured[way])
            yield {
                "emitter": name,
                "origin": points.origins[k],
                "year": view.name,
                "unit": "" if way is None else units[int(captures.unit[way])],
                "emission_mt_yr": float(points.emission[k]) / 1e6,
                "can_capture_mt_yr": float(points.most[k]) / 1e6 if there[k] else 0.0,
                "captured_mt_yr": known_digits(tonnes / 1e6),
                **{
                    f"{key}_mt_yr": 0.0
                    if way is None
                    else known_digits(tonnes * float(each[way]) / 1e6)
                    for key, each in count.items()
                },
                "cost_musd_yr": 0.0 if way is None else known_digits(tonnes * cost[way] / 1e6),
                "cost_usd_t": np.nan if way is None else float(cost[way]),
                "electricity_kwh_yr": tonnes * float(points.needs["electricity"][k]),
                "water_m3_yr": tonnes * float(points.needs["water"][k]),
                "biomass_t_yr": tonnes * float(points.needs["biomass"][k]),
                "opens": _year(points.opens[k]),
                "retires": _year(points.retires[k]),
                "must_run": bool(points.must[k]),
                "lon": float(lon[k]),
                "lat": float(lat[k]),
                "x": float(x[k]),
                "y": float(y[k]),
            }


def _year(value: float) -> float:
    return float(value) if np.isfinite(value) else np.nan


def displaced_table(
    solution: Solution, captures: Captures, views: list[YearView], units: tuple[str, ...]
) -> pd.DataFrame:
    """What a tonne of fossil or mineral CO2 takes from removal, by storage unit and milestone.

    Units that no such emitter reaches have no row. Prices of pools are the mean of the emitters
    that reach the unit, by what they can capture.
    """
    import pandas as pd

    rows = []
    goal = solution.objective.unit.removesuffix("/yr")
    avoiding = captures.biogenic[captures.owner] < 1.0
    for view in views:
        paid = charges(solution.system, captures, view.price)
        kept = captures.counted((RowTerm(AVOIDED),), view.t)
        usable = avoiding & captures.there[captures.owner, view.t] & (kept > 0)
        for u, name in enumerate(units):
            ways = np.flatnonzero(usable & (captures.unit == u))
            most = captures.most[captures.owner[ways]]
            if not most.sum() > 0:
                continue
            stored, drawn = float(paid.stored[u]), float(most @ paid.drawn[ways] / most.sum())
            each = (stored + drawn) / view.worth if view.worth > 0 else np.nan
            avoided = float(most @ kept[ways] / most.sum())
            numbers = [stored, drawn, view.worth, each, each / avoided]
            numbers = [known_digits(one) if np.isfinite(one) else one for one in numbers]
            rows.append(
                {
                    "unit": name,
                    "year": view.name,
                    "stored_price": numbers[0],
                    "drawn_price": numbers[1],
                    "price_unit": f"{goal} per t",
                    "net_worth": numbers[2],
                    "displaced_per_captured": numbers[3],
                    "displaced_per_avoided": numbers[4],
                    "in_reach_mt_yr": float(most.sum()) / 1e6,
                    "captured_mt_yr": known_digits(float(view.captured[ways].sum()) / 1e6),
                }
            )
    return pd.DataFrame(rows, columns=list(DISPLACED_COLUMNS))


def emitter_summary(tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Headline numbers of emitters by milestone, ledgers apart."""
    table, displaced = tables["emitters"], tables["displaced"]
    sums = [f"{name}_mt_yr" for name in ("captured", *PARTS)]
    years: list[dict[str, Any]] = []
    for year, part in table.groupby("year", sort=False):
        mine = displaced[displaced["year"] == year]
        scarce = mine[mine["displaced_per_captured"] > 0]
        most = scarce.sort_values("displaced_per_captured", ascending=False, kind="stable")
        keys = ["unit", "stored_price", "drawn_price", "price_unit", "displaced_per_captured"]
        captured = part[part["captured_mt_yr"] > 0]
        years.append(
            {
                "year": year,
                **{name: float(part[name].sum()) for name in sums},
                "cost_musd_yr": float(part["cost_musd_yr"].sum()),
                "emitters": int(captured["emitter"].nunique()),
                "displaced": most[keys].to_dict("records"),
            }
        )
    return {"emitters": int(table["emitter"].nunique()), "years": years}


def emitter_features(
    tables: dict[str, pd.DataFrame], setting: Setting
) -> dict[str, gpd.GeoDataFrame]:
    """Emitters as points: what each captures at the last milestone, and from when."""
    import geopandas as gpd
    import pandas as pd

    table, rows = tables["emitters"], []
    for name, part in table.groupby("emitter", sort=False):
        last = part[part["year"] == part["year"].iloc[-1]]
        used, ends = part[part["captured_mt_yr"] > 0], float(part["retires"].iloc[0])
        rows.append(
            {
                "name": name,
                "origin": part["origin"].iloc[0],
                "captured_t_yr": 1e6 * float(last["captured_mt_yr"].sum()),
                "can_capture_t_yr": 1e6 * float(part["can_capture_mt_yr"].max()),
                "avoided_t_yr": 1e6 * float(last["avoided_mt_yr"].sum()),
                "removed_t_yr": 1e6 * float(last["removed_mt_yr"].sum()),
                "storage": ", ".join(dict.fromkeys(used["unit"])),
                "from_year": str(used["year"].iloc[0]) if len(used) else "",
                "retires": "" if np.isnan(ends) else f"{ends:g}",
                "x": part["x"].iloc[0],
                "y": part["y"].iloc[0],
            }
        )  # fmt: skip
    frame = pd.DataFrame(rows)
    points = gpd.points_from_xy(frame["x"], frame["y"])
    return {
        "emitters": gpd.GeoDataFrame(
            frame.drop(columns=["x", "y"]), geometry=points, crs=setting.area.grid.wkt
        )
    }
