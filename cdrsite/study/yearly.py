"""What a path leaves behind: maps and tables by milestone, and what a reader should know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.competition.blockcells import BlockCells
from cdrsite.competition.captured import AVOIDED
from cdrsite.competition.problem import QUANTITIES, RowTerm
from cdrsite.competition.results import KEPT, known_digits, price_unit, shown_price
from cdrsite.core.states import NONE_PLANNED, PLANNED
from cdrsite.core.vocabulary import INJECTIVITY, PORE_SPACE
from cdrsite.pathway.rows import ALL_YEARS, POLICY
from cdrsite.pathway.view import LastMilestone
from cdrsite.study.course import (
    begin_of,
    curve_of,
    durable_share,
    mean_years,
    stock_held,
    times,
)

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cdrsite.competition.problem import CellBlock
    from cdrsite.core.grid import Block
    from cdrsite.engine.arrays import ArrayStore
    from cdrsite.engine.passes import Workspace
    from cdrsite.pathway.solve import PathSolution
    from cdrsite.study.prepare import Setting

    F64 = NDArray[np.float64]

NET_AT, GROSS_AT, BUILD_YEAR = "net_removal_at", "allocated_at", "build_year"
WINNER_AT = "winner_at"
"""Variables of the result that only milestones have."""
PIECE = 65536
"""Cells whose path is worked out at once [cells]."""


@dataclass(frozen=True)
class YearsBlock:
    """Pass: net removal at each milestone of a block, and when each method is built there."""

    solution: LastMilestone
    cells: BlockCells
    numbers: Mapping[Block, int]
    result: ArrayStore

    def __call__(self, block: Block) -> None:
        """Write the variables of a block."""
        path, number = self.solution.path, self.numbers[block]
        methods, count = len(path.path.problem.methods), path.path.course.count
        size = block.shape[0] * block.shape[1]
        state = np.asarray(self.result.open("state")[block.slices]).ravel()
        of_method = np.asarray(self.result.open("method_state")[(slice(None), *block.slices)])
        built = of_method.reshape(methods, size).copy()
        built[built == PLANNED] = NONE_PLANNED
        net = np.where(np.isin(state, (NONE_PLANNED, PLANNED)), 0.0, np.nan)
        yearly = np.repeat(net[None].astype(np.float32), count, axis=0)
        winner = np.asarray(self.result.open("winner")[block.slices]).ravel().copy()
        winner[winner < methods] = methods
        winner = np.repeat(winner[None], count, axis=0)
        gross = np.where(np.isin(built, (NONE_PLANNED, PLANNED)), 0.0, np.nan)
        gross = np.repeat(gross[:, None].astype(np.float32), count, axis=1)
        start, stop = self.cells.span(number)
        place = self.cells.places(number)
        for first in range(start, stop, PIECE):
            last = min(first + PIECE, stop)
            cells = path.path.problem.cells.read(first, last)
            x, _ = path.laid_out(cells, first, last)
            here = place[first - start : last - start]
            each = net_at(path, x, cells)
            yearly[:, here] = each.sum(axis=0)
            gross[:, :, here] = gross_at(path, x)
            some = each.max(axis=0, initial=0.0) > 0
            winner[:, here] = np.where(some, each.argmax(axis=0), winner[:, here])
            most = x.sum(axis=2)
            used = most.max(axis=1, initial=0.0) > 0
            code = np.where(used, most.argmax(axis=1) + 1, built[:, here])
            built[:, here] = code.astype(np.uint8)
        laid = {NET_AT: yearly, WINNER_AT: winner, GROSS_AT: gross, BUILD_YEAR: built}
        for name, flat in laid.items():
            shaped = flat.reshape(*flat.shape[:-1], *block.shape)
            self.result.open(name)[(..., *block.slices)] = shaped


def gross_at(path: PathSolution, x: F64) -> F64:
    """Gross CO2 of some cells by method and milestone, shape (M, T, n) [t/yr]."""
    return np.einsum("mvt,mvkn->mtn", path.path.course.output, x)


def net_at(path: PathSolution, x: F64, cells: CellBlock) -> F64:
    """Net removal of some cells by method and milestone, shape (M, T, n) [t/yr].

    Parameters
    ----------
    path : PathSolution
    x : ndarray, shape (M, V, K, n)
        Capacity.
    cells : CellBlock
    """
    course, problem = path.path.course, path.path.problem
    methods, count, _, n = x.shape
    stored = np.broadcast_to(problem.stored_in(cells), (methods, n))
    found = np.zeros((methods, count, n))
    for m in range(methods):
        own = np.nan_to_num(np.broadcast_to(cells.net, (methods, n))[m].astype(np.float64))
        gross = x[m].sum(axis=1)
        lost = np.zeros((count, n))
        if len(cells.sink) and problem.stored[m] > 0:
            loss = np.broadcast_to(cells.sink_loss, cells.sink.shape).astype(np.float64)
            lost = (x[m] * loss[None]).sum(axis=1) * stored[m]
        for t in range(count):
            each = own + course.more_net[m, t, 0]
            for q in np.flatnonzero(course.more_net[m, t, len(QUANTITIES) :]).tolist():
                layer = np.nan_to_num(cells.layers[q].astype(np.float64))
                each = each + course.more_net[m, t, len(QUANTITIES) + q] * layer
            found[m, t] = (course.output[m, :, t, None] * (gross * each - lost)).sum(axis=0)
    return found


def lay_out_years(
    setting: Setting, solution: LastMilestone, cells: BlockCells, space: Workspace
) -> None:
    """Maps of every milestone, block by block."""
    course, grid = solution.path.path.course, setting.area.grid
    methods = len(solution.problem.methods)
    space.result.create(NET_AT, (course.count, *grid.shape), np.float32)
    space.result.create(WINNER_AT, (course.count, *grid.shape), np.uint8)
    space.result.create(GROSS_AT, (methods, course.count, *grid.shape), np.float32)
    space.result.create(BUILD_YEAR, (methods, *grid.shape), np.uint8)
    numbers = {block: i for i, block in enumerate(setting.blocks)}
    task = YearsBlock(solution, cells, numbers, space.result)
    for _ in space.each("years", task, setting.blocks, "plan"):
        pass


def by_year(path: PathSolution, quantity: str) -> F64:
    """A quantity of the plan by method and milestone, shape (M, T) [unit per year]."""
    course, problem = path.path.course, path.path.problem
    matrix = np.zeros((len(problem.methods), len(problem.counted)))
    matrix[:, problem.counted.index(quantity)] = 1.0
    each = [course.spread(matrix, t).reshape(path.built.shape) for t in range(course.count)]
    return np.stack([(one * path.built).sum(axis=(1, 2)) for one in each], axis=1)


def path_tables(setting: Setting, solution: LastMilestone) -> dict[str, pd.DataFrame]:
    """Tables of a path: what is reached, what is built, supplies, and storage that fills."""
    path = solution.path
    return {
        "pathway": _reached(path),
        "build_out": _build_out(setting, path),
        "pools_by_year": _pools(path, solution),
        "storage_filling": _filling(setting, path),
    }


def _reached(path: PathSolution) -> pd.DataFrame:
    """Targets and budgets: what is asked for, reached and missed, and the price in its year."""
    import pandas as pd

    system, course = path.system, path.path.course
    number = {row.name: r for r, row in enumerate(system.rows)}
    missed = system.sales.use(path.missed, len(system.rows))
    rows = []
    for one in path.path.targets:
        for t, limit in enumerate(one.limit.tolist()):
            if np.isnan(limit):
                continue
            r = number[f"{one.name} {course.names[t]}"]
            used = float(path.use[r] - missed[r])
            used += 0.0 if one.standing is None else float(one.standing[t])
            near = abs(used - limit) <= KEPT * max(abs(limit), path.scale[r])
            short = known_digits(float(missed[r])) if missed[r] > KEPT * abs(limit) else 0.0
            price = shown_price(system.rows[r], float(path.yearly_price[r]))
            rows.append(
                {
                    "year": int(course.names[t]), "ledger": one.name, "sense": one.sense,
                    "unit": one.unit, "target": limit,
                    "reached": limit if near and not short else known_digits(used),
                    "missed": short, "price": price,
                    "price_unit": _price_unit(path, one.unit),
                }
            )  # fmt: skip
    columns = ["year", "ledger", "sense", "unit", "target", "reached", "missed", "price"]
    return pd.DataFrame(rows, columns=[*columns, "price_unit"])


def _price_unit(path: PathSolution, unit: str) -> str:
    goal = path.path.goal.unit
    return f"{goal} per {unit.removesuffix('/yr') or 'unit'}"


def _build_out(setting: Setting, path: PathSolution) -> pd.DataFrame:
    """What is built, stands, puts out, and holds, by method and milestone.

    Three numbers and never one: the flow in the year, the stock that stands, and the durable
    equivalent of the flow.
    """
    import pandas as pd

    scenario, course = setting.scenario, path.path.course
    given = scenario.milestones
    assert given is not None  # noqa: S101 - a path has milestones
    gross, net, cost, land = (by_year(path, name) for name in QUANTITIES)
    built = path.built[:, :, 0]
    rows = []
    for m, (name, model) in enumerate(setting.models.items()):
        share = durable_share(model, given)
        held = stock_held(curve_of(model), given.years, begin_of(given), mean_years(model))
        for t, year in enumerate(given.years):
            stands = float((built[m] * course.stands[:, t]).sum())
            per_gross = net[m, t] / gross[m, t] if gross[m, t] > 0 else 0.0
            rows.append(
                {
                    "method": name,
                    "year": year,
                    "built_gross_mt_yr": built[m, t] / 1e6,
                    "stands_gross_mt_yr": stands / 1e6,
                    "gross_mt_yr": gross[m, t] / 1e6,
                    "net_mt_yr": net[m, t] / 1e6,
                    "durable_mt_yr": net[m, t] * share / 1e6,
                    "held_mt": float((built[m] * held[:, t]).sum()) * per_gross / 1e6,
                    "cost_musd_yr": cost[m, t] / 1e6,
                    "land_km2": land[m, t] / 1e6,
                }
            )
    return pd.DataFrame(rows)


def _pools(path: PathSolution, solution: LastMilestone) -> pd.DataFrame:
    """Supply, use and price of every row at every milestone, in money of its year."""
    import pandas as pd

    rows = []
    system = path.system
    asked = {f"{one.name} {name}" for one in path.path.targets for name in path.path.course.names}
    worth = np.abs(path.price) * np.maximum(np.abs(system.limits), np.abs(path.use))
    real = worth > 1e-9 * worth.max(initial=0.0)
    for r, row in enumerate(system.rows):
        if row.part_of or row.name in asked:
            continue
        t = int(system.milestone[r])
        year = "" if t == ALL_YEARS else path.path.course.names[t]
        limit, use = known_digits(row.limit), float(path.use[r])
        if abs(use - limit) <= KEPT * max(path.scale[r], abs(limit)):
            use = limit
        price = shown_price(row, float(path.yearly_price[r])) if real[r] else 0.0
        rows.append(
            {
                "family": row.family,
                "zone": row.zone.removesuffix(f" {year}") if year else row.zone,
                "year": year,
                "sense": row.sense,
                "unit": row.unit,
                "supply": limit,
                "use": known_digits(use),
                "slack": known_digits(use - limit if row.sense == ">=" else limit - use),
                "price": price,
                "price_unit": price_unit(solution, row),
                "binds": bool(price != 0.0),
            }
        )
    columns = ["family", "zone", "year", "sense", "unit", "supply", "use", "slack", "price"]
    return pd.DataFrame(rows, columns=[*columns, "price_unit", "binds"])


def _filling(setting: Setting, path: PathSolution) -> pd.DataFrame:
    """How storage fills: rate and amount of each unit at every milestone and at the end."""
    import pandas as pd

    units, scenario = setting.storage, setting.scenario
    columns = ["unit", "year", "injected_mt_yr", "filled_mt", "capacity_mt", "pore_price_usd_t"]
    given = scenario.milestones
    if units is None or given is None:
        return pd.DataFrame(columns=columns)
    course = path.path.course
    stored = path.totals.by_sink.sum(axis=0).reshape(course.count, -1)
    rate = course.stands.T @ stored
    captures = path.path.problem.captures
    if captures is not None:
        np.add.at(rate.T, captures.unit, path.captured)
    years = np.concatenate([[begin_of(given)], np.array(given.years, np.float64)])
    rates = np.concatenate([np.zeros((1, rate.shape[1])), rate])
    steps = 0.5 * (rates[1:] + rates[:-1]) * np.diff(years)[:, None]
    filled = steps.cumsum(axis=0)
    after = float(times(scenario).years[-1] - 0.5 * (years[-1] - years[-2]))
    price = {
        row.zone: float(path.price[r])
        for r, row in enumerate(path.system.rows)
        if row.family == PORE_SPACE
    }
    rows = []
    for u, name in enumerate(units.names):
        dated = [*zip(given.years, rate[:, u], filled[:, u], strict=True)]
        dated.append((years[-1] + after, rate[-1, u], filled[-1, u] + after * rate[-1, u]))
        rows += [
            (
                name,
                float(year),
                now / 1e6,
                full / 1e6,
                units.capacity[u] / 1e6,
                price.get(name, 0.0),
            )
            for year, now, full in dated
        ]
    return pd.DataFrame(rows, columns=columns)


def _with_emitters(path: PathSolution, net: F64, cost: F64) -> dict[str, Any]:
    """What emitters do beside the methods at each milestone, and what both cost; {} without any.

    Biogenic CO2 that emitters capture is removal, as that of methods: these two make one ledger.
    What is avoided is another one, which is never added to it (rule 5). Money is money.

    Parameters
    ----------
    path : PathSolution
    net, cost : ndarray, shape (T,)
        Of the methods [t/yr, USD/yr].
    """
    captures = path.path.problem.captures
    if captures is None:
        return {}
    removed, avoided, paid = (
        np.array(
            [captures.counted((RowTerm(what),), t) @ each for t, each in enumerate(path.captured.T)]
        )
        for what in ("net", AVOIDED, "cost")
    )
    worth = path.path.course.worth
    return {
        "net_of_emitters_mt_yr": (removed / 1e6).tolist(),
        "removal_mt_yr": ((net + removed) / 1e6).tolist(),
        "avoided_mt_yr": (avoided / 1e6).tolist(),
        "cost_of_emitters_musd_yr": (paid / 1e6).tolist(),
        "present_cost_of_emitters_musd": float(worth @ paid) / 1e6,
        "present_cost_of_all_musd": float(worth @ (cost + paid)) / 1e6,
    }


def _missed(path: PathSolution, reached: pd.DataFrame) -> dict[str, list[float]]:
    """Ledger -> what of its target is missed at each milestone [Mt/yr]; ledgers stay apart."""
    years = [int(name) for name in path.path.course.names]
    asked = reached[reached["sense"] == ">="]
    return {
        str(ledger): (own.set_index("year")["missed"].reindex(years).fillna(0.0) / 1e6).tolist()
        for ledger, own in asked.groupby("ledger", sort=False)
    }


def path_summary(solution: LastMilestone, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Headline numbers of a path."""
    path = solution.path
    course, worth = path.path.course, path.path.course.worth
    net, cost = by_year(path, "net").sum(axis=0), by_year(path, "cost").sum(axis=0)
    tonnes = float(worth @ net)
    pools = tables["pools_by_year"]
    binding = pools[pools["binds"]].to_dict("records")
    return {
        "years": [int(name) for name in course.names],
        "stands_for_yr": course.years.tolist(),
        "discounted_yr": course.worth.tolist(),
        "net_mt_yr": (net / 1e6).tolist(),
        **_with_emitters(path, net, cost),
        "cost_musd_yr": (cost / 1e6).tolist(),
        "present_cost_musd": float(worth @ cost) / 1e6,
        "levelised_usd_t": float(worth @ cost) / tonnes if tonnes > 0 else None,
        "methods": _three_numbers(tables["build_out"]),
        "reached": tables["pathway"].to_dict("records"),
        "missed_mt_yr": _missed(path, tables["pathway"]),
        "present_price_of_missed_musd": float(path.system.sales.price @ path.missed) / 1e6,
        "binding": [
            {key: row[key] for key in ("family", "zone", "year", "price", "price_unit")}
            for row in binding
            if row["family"] in {INJECTIVITY, PORE_SPACE, POLICY} or row["year"]
        ],
    }


THREE = ("net_mt_yr", "held_mt", "durable_mt_yr")
"""Flow in the year, stock that stands, durable equivalent: never one, and never summed."""


def _three_numbers(built: pd.DataFrame) -> dict[str, dict[str, list[float]]]:
    """The three numbers of each method by milestone."""
    return {
        str(method): {name: own[name].tolist() for name in THREE}
        for method, own in built.groupby("method", sort=False)
    }


EARLY = "early_for"
"""Attribute of ``build_year``, with a method's name behind it."""


def early_for(path: PathSolution) -> dict[str, list[int]]:
    """For each method whose growth is limited: the later year that each milestone helps to reach.

    What is built at a milestone loosens the growth limits of later ones, so where one of these has
    a price part of its worth is that. 0 where none has.
    """
    course = path.path.course
    price = {row.name: p for row, p in zip(path.system.rows, path.price.tolist(), strict=True)}
    worth = np.abs(path.price) * np.maximum(np.abs(path.system.limits), np.abs(path.use))
    least = 1e-9 * float(worth.max(initial=0.0))
    found = {}
    for one in path.path.growth:
        binds = [
            abs(price[f"growth of {one.method} {name}"]) * max(float(seed), 1.0) > least
            for name, seed in zip(course.names, one.seed, strict=True)
        ]
        later = [
            next((int(course.names[u]) for u in range(t + 1, course.count)
                  if binds[u] and one.factor[u] > 1.0), 0)
            for t in range(course.count)
        ]  # fmt: skip
        if any(later):
            found[f"{EARLY}_{one.method}"] = later
    return found
