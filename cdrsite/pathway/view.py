"""A path as the plan of one year sees it: what stands at the last milestone, at its prices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cdrsite.competition.generator import MAX_GROUPS
from cdrsite.competition.objectives import Objective
from cdrsite.competition.problem import PolicyRow, Problem
from cdrsite.competition.rows import RowSystem, build_rows
from cdrsite.competition.solution import BlockPlan, Solution
from cdrsite.competition.sweeping import Sums, Sweeper
from cdrsite.pathway.course import Path, Target
from cdrsite.pathway.solve import PathSolution

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LastMilestone(Solution):
    """The plan of the last milestone: all vintages together, prices in money of that year.

    Objective, rows and prices are those of one year; status, bound and gap are those of the path.
    Of a stock the tonnes are those of its mean rate.

    Attributes
    ----------
    path : PathSolution
    """

    path: PathSolution

    def plan_of(self, start: int, stop: int) -> BlockPlan:
        """Plan of the cells ``start`` to ``stop``; each cell's does not depend on the others."""
        cells = self.problem.cells.read(start, stop)
        x, sums = self.path.laid_out(cells, start, stop)
        combo = self.system.combo[start:stop]
        last = self.sweeper.plan(self.final, cells, combo)
        price, lands = self._own_prices(last, cells), len(self.problem.land_weight)
        reduced = self._reduced(last, cells, price[:lands])
        return BlockPlan(
            start, stop, cells, x.sum(axis=1), last.slot, reduced, price[:lands], price[lands:],
            self._summed(sums),
        )  # fmt: skip

    @cached_property
    def totals(self) -> Sums:
        """Sums of all vintages by combination of zones and by group and sink."""
        return self._summed(self.path.totals)

    @cached_property
    def use(self) -> F64:
        """Left-hand side of each row, at the last milestone; what is missed is not in it.

        What fills over all years is used up by all of them.
        """
        path = self.path
        missed = path.system.sales.use(path.missed, len(path.system.rows))
        names = (row.name for row in path.system.rows)
        dated = dict(zip(names, (path.use - missed).tolist(), strict=True))
        whole = {row.name: row.limit for row in path.system.rows if row.family in path.path.life}
        year = path.path.course.names[-1]
        own = super().use
        found = []
        for row, used in zip(self.system.rows, own.tolist(), strict=True):
            if row.name in whole and whole[row.name] > 0:
                # what fills over all years is as full as it is in the end
                found.append(row.limit * dated[row.name] / whole[row.name])
                continue
            known = row.name if row.name.endswith(year) else f"{row.name} {year}"
            found.append(dated.get(known, used))
        return np.array(found)

    def _summed(self, sums: Sums) -> Sums:
        """Sums over the vintages."""
        count, by_combo = self.path.path.course.count, sums.by_combo
        shape = (len(by_combo), len(self.problem.methods), count, by_combo.shape[2])
        by_sink = sums.by_sink.reshape(len(sums.by_sink), count, -1)
        return Sums(by_combo.reshape(shape).sum(axis=2), by_sink.sum(axis=1))


def last_milestone(found: PathSolution, objective: Objective) -> LastMilestone:
    """The last milestone of a path as the plan of one year.

    Parameters
    ----------
    found : PathSolution
    objective : Objective
        The goal of one year.
    """
    path = found.path
    problem = _asked_last(path)
    system = build_rows(problem, MAX_GROUPS)
    sweeper = Sweeper(
        problem, system, found.sweeper.group, found.sweeper.threads,
        np.ones(len(problem.counted), np.bool_), found.sweeper.has_lower,
    )  # fmt: skip
    price = prices_at(found, system, len(found.path.course.names) - 1)
    return LastMilestone(
        problem=problem, objective=objective, system=system, sweeper=sweeper, price=price,
        scale=np.maximum(np.abs(system.limits), 1.0), mix=(), report=found.report,
        sold=found.captured[:, -1], path=found,
    )  # fmt: skip


def _asked_last(path: Path) -> Problem:
    """The problem of one year, with what is asked for at the last milestone."""
    rows = tuple(
        _row(one, path.course.names[-1]) for one in path.targets if not np.isnan(one.limit[-1])
    )
    return replace(path.problem, policies=(*rows, *path.problem.policies))


def _row(one: Target, year: str) -> PolicyRow:
    return PolicyRow(f"{one.name} {year}", one.terms, one.sense, float(one.asked[-1]), one.unit)


def prices_at(found: PathSolution, system: RowSystem, t: int) -> F64:
    """Prices of the rows of one year at a milestone, in money of that year.

    A tonne a year more of what fills over all years is one in each year that the milestone stands
    for.

    Parameters
    ----------
    found : PathSolution
    system : RowSystem
        Of one year; rules that are asked at one milestone alone have their price there.
    t : int
        Number of the milestone.
    """
    course = found.path.course
    by_name = dict(zip((row.name for row in found.system.rows), found.price, strict=True))
    year, years, worth = course.names[t], course.years[t], course.worth[t]
    prices = []
    for row in system.rows:
        if row.family in found.path.life:
            prices.append(by_name.get(row.name, 0.0) * years / worth)
        else:
            known = by_name.get(row.name, by_name.get(f"{row.name} {year}", 0.0))
            prices.append(known / worth)
    return np.array(prices, np.float64)
