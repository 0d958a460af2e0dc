"""Shared rows over milestones: those of one year at each milestone, and those over all years."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from cdrsite.competition.captured import Captures
from cdrsite.competition.capturing import inside
from cdrsite.competition.problem import PolicyRow, RowTerm
from cdrsite.competition.rows import RowSystem, SharedRow, build_rows, term_matrix
from cdrsite.competition.sold import SaleColumns, joined
from cdrsite.core.errors import DataError
from cdrsite.pathway.course import Path, summed

F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
ALL_YEARS = -1
"""Milestone of a row that is about all years."""
POLICY = "policy"


@dataclass(frozen=True, eq=False)
class PathColumns(SaleColumns):
    """What is missed of targets, and vintages of emitters, as columns beside the cells.

    What is missed has a price in place of tonnes, and no owner. Prices are in present money; those
    of emitters are minus what a captured tonne a year counts in the goal.

    Parameters
    ----------
    way, vintage : ndarray of int, shape (W,)
        Way of :class:`cdrsite.competition.captured.Captures`, and milestone, of each column of an
        emitter.
    """

    way: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    vintage: I64 = field(default_factory=lambda: np.zeros(0, np.int64))

    def worth(self, matrix: F64) -> F64:
        """What a unit adds to the goal; nothing while only breaks are counted."""
        return -self.price if matrix.any() else np.zeros(len(self.price))


@dataclass(frozen=True, eq=False)
class PathRows(RowSystem):
    """Shared rows of a path. Sinks are numbered by vintage, ``v S + s``.

    Parameters
    ----------
    milestone : ndarray of int, shape (R,)
        Of each row; :data:`ALL_YEARS` for those about all years.
    vintages : int
        Not every milestone needs to have a row.
    """

    milestone: I32 = field(default_factory=lambda: np.empty(0, np.int32))
    vintages: int = 1

    def sink_values(self, price: F64) -> F64:
        """Value of a tonne a year of each vintage in each sink, -inf at 0, shape (V, S + 1)."""
        charge = self.sink_need * price[self.sink_row]
        paid = np.bincount(self.sink_of, weights=charge, minlength=self.n_sinks)
        by_vintage = -paid.reshape(self.vintages, -1)
        none = np.full((self.vintages, 1), -np.inf)
        return np.ascontiguousarray(np.concatenate([none, by_vintage], axis=1))


def path_rows(path: Path, least_groups: int) -> PathRows:
    """All rows of a path; infinite limits give none.

    Parameters
    ----------
    path : Path
    least_groups : int
        As of :func:`cdrsite.competition.rows.build_rows`.

    Raises
    ------
    DataError
        Sales out of pools, lower bounds or a method that stores and changes its output.
    """
    _refuse(path)
    base = build_rows(path.problem, least_groups)
    return _Builder(path, base).system()


def _refuse(path: Path) -> None:
    if path.problem.sales:
        raise DataError(
            "heat that is sold out of pools is not planned over milestones",
            where="resources.heat", cure="give heat as a layer, or plan one year", rule=7,
        )  # fmt: skip
    needs = path.problem.local_need
    gives = [one for row in needs for one in row if not isinstance(one, str) and one < 0]
    if gives:
        raise DataError(
            "what one method gives to another in the same cell is not planned over milestones",
            where="resources", got=f"{gives[0]:g} per gross tonne",
            cure="give the resource as pools, or plan one year", rule=7,
        )  # fmt: skip
    output = path.course.output
    for method, mine in zip(path.problem.methods, output, strict=True):
        if method.stored > 0 and not np.array_equal(mine, path.course.stands):
            raise DataError(
                "a method that brings CO2 to storage puts out alike in all years",
                where=f"method {method.name!r}", rule=7,
            )  # fmt: skip


class _Builder:
    """Rows one after another."""

    def __init__(self, path: Path, base: RowSystem) -> None:
        self.path, self.base, self.course = path, base, path.course
        self.rows: list[SharedRow] = []
        self.milestone: list[int] = []
        self.coefficient: list[F64] = []
        self.pairs: list[npt.NDArray[np.int64]] = []
        self.sinks: list[npt.NDArray[np.int64]] = []
        self.weights: list[F64] = []
        self.missed: list[tuple[int, float, float]] = []
        self.beside = None if path.problem.captures is None else Vintages(path)
        self.entries: list[tuple[I64, I64, F64]] = []

    def system(self) -> PathRows:
        """Build all."""
        self._yearly()
        self._over_life()
        self._targets()
        self._growth()
        self._injection()
        self._present_budget()
        pairs, sinks = _joined(self.pairs), _joined(self.sinks)
        methods, quantities = len(self.path.problem.methods), len(self.path.problem.counted)
        shape = (len(self.rows), methods * self.course.count, quantities)
        return PathRows(
            rows=tuple(self.rows),
            coefficient=np.array(self.coefficient).reshape(shape),
            pair_row=pairs[0], pair_combo=pairs[1], sink_row=sinks[0], sink_of=sinks[1],
            combo=self.base.combo, zone_table=self.base.zone_table, n_combos=self.base.n_combos,
            n_sinks=self.base.n_sinks * self.course.count, sales=self._columns(),
            sink_need=np.concatenate([np.empty(0), *self.weights]),
            milestone=np.array(self.milestone, np.int32), vintages=self.course.count,
        )  # fmt: skip

    def _columns(self) -> PathColumns:
        """What is missed, then vintages of emitters."""
        row, most, price = (
            (np.array(one, np.float64) for one in zip(*self.missed, strict=True))
            if self.missed
            else (np.empty(0),) * 3
        )
        count = len(row)
        missed = PathColumns(most, price, row.astype(np.int64), np.arange(count), np.ones(count))
        if self.beside is None:
            return missed
        none = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
        rows, columns, weights = (
            np.concatenate(one) for one in zip(none, *self.entries, strict=True)
        )
        one = self.beside
        return joined(missed, PathColumns(
            one.most, one.price, rows, columns, weights, one.owner, np.zeros(len(one.owner)),
            one.must, one.way, one.vintage,
        ))  # fmt: skip

    def _bid(self, row: int, weight: F64) -> None:
        """What a row counts of each vintage of the emitters."""
        some = np.flatnonzero(weight)
        self.entries.append((np.full(len(some), row), some, weight[some]))

    def _add(
        self, row: SharedRow, t: int, matrix: F64, combos: npt.NDArray[np.integer] | None = None
    ) -> int:
        number = len(self.rows)
        self.rows.append(row)
        self.milestone.append(t)
        self.coefficient.append(matrix)
        if combos is None:
            combos = np.arange(self.base.n_combos)
        self.pairs.append(np.stack([np.full(len(combos), number), combos]).astype(np.int64))
        return number

    def _yearly(self) -> None:
        """Rows of one year at each milestone, with what is in them then."""
        base, course = self.base, self.course
        rules = {rule.name: rule for rule in self.path.problem.policies}
        for r, row in enumerate(base.rows):
            if row.family in self.path.life:
                continue
            dated = self._dated(row)
            combos = base.pair_combo[base.pair_row == r]
            seen = base.sink_row == r
            units, need = base.sink_of[seen], base.sink_need[seen]
            matrix = base.coefficient[r]
            for t, name in enumerate(course.names):
                at = _in_year(row, name, float(dated[t]))
                number = self._add(at, t, course.spread(matrix, t), combos)
                self._sinks(number, units, need, course.stands[:, t])
                if self.beside is not None:
                    rule = rules.get(row.name) if row.family == POLICY else None
                    each = self.beside.of_rule(rule, t) if rule else self.beside.of_row(base, r, t)
                    self._bid(number, each)

    def _dated(self, row: SharedRow) -> F64:
        """Limit of a row of one year at each milestone, shape (T,)."""
        given = self.path.limits.get((row.family, row.zone))
        if given is not None:
            return given
        factor = self.path.supply.get(row.family if row.family != POLICY else row.zone)
        return row.limit * (np.ones(self.course.count) if factor is None else factor)

    def _sinks(self, row: int, units: npt.NDArray[np.integer], need: F64, weight: F64) -> None:
        """What a row sees of the sinks of each vintage."""
        for v, each in enumerate(weight.tolist()):
            if each and len(units):
                number = v * self.base.n_sinks + units
                self.sinks.append(np.stack([np.full(len(units), row), number]).astype(np.int64))
                self.weights.append(each * need)

    def _over_life(self) -> None:
        """What fills over all years."""
        weight = self.course.stored_over_life()
        matrix = np.zeros((len(self.path.problem.methods) * self.course.count,
                           len(self.path.problem.counted)))  # fmt: skip
        for family in self.path.problem.sinks:
            total = self.path.life.get(family.name)
            if total is None:
                continue
            units = np.arange(self.path.problem.n_sinks)
            member = units if family.member is None else np.asarray(family.member)
            for z in np.flatnonzero(np.isfinite(total)).tolist():
                zone = family.zones[z]
                unit = family.unit.removesuffix("/yr")
                row = SharedRow(
                    f"{family.name}: {zone}", family.name, zone, unit, "<=", float(total[z])
                )
                number = self._add(row, ALL_YEARS, matrix, np.empty(0, np.int64))
                mine = np.flatnonzero(member == z)
                self._sinks(number, mine, np.ones(len(mine)), weight)
                if self.beside is not None:
                    self._bid(number, self.beside.over_life(mine))

    def _targets(self) -> None:
        for target in self.path.targets:
            matrix = term_matrix(target.terms, self.path.problem)
            for t, limit in enumerate(target.asked.tolist()):
                if np.isnan(limit):
                    continue
                name = f"{target.name} {self.course.names[t]}"
                row = SharedRow(name, POLICY, name, target.unit, target.sense, limit)
                number = self._add(row, t, self.course.spread(matrix, t))
                if self.beside is not None:
                    self._bid(number, self.beside.counted(target.terms, t))
                if target.sense == ">=" and not np.isnan(target.missed):
                    price = target.missed * float(self.course.worth[t])
                    self.missed.append((number, limit, price))

    def _growth(self) -> None:
        methods, count = self.path.problem.method_names, self.course.count
        for one in self.path.growth:
            m = methods.index(one.method)
            for t, name in enumerate(self.course.names):
                matrix = np.zeros((len(methods), count, len(self.path.problem.counted)))
                matrix[m, : t + 1, 0] = 1.0
                matrix[m, :t, 0] -= one.factor[t]
                text = f"growth of {one.method} {name}"
                row = SharedRow(text, POLICY, text, "t/yr", "<=", float(one.seed[t]))
                self._add(row, t, matrix.reshape(-1, matrix.shape[2]))

    def _injection(self) -> None:
        """How fast injection grows in each sink: what comes at a milestone, over what was there."""
        growth = self.path.injection
        if growth is None:
            return
        matrix = np.zeros((len(self.path.problem.methods) * self.course.count,
                           len(self.path.problem.counted)))  # fmt: skip
        for t, year in enumerate(self.course.names):
            weight = np.zeros(self.course.count)
            weight[: t + 1] = 1.0
            weight[:t] -= growth.factor[t]
            for unit, name in enumerate(growth.names):
                text = f"growth of injection {name} {year}"
                row = SharedRow(text, POLICY, text, "t/yr", "<=", growth.of_sink(t, unit))
                number = self._add(row, t, matrix, np.empty(0, np.int64))
                self._sinks(number, np.array([unit]), np.ones(1), weight)
                if self.beside is not None:
                    before = self.beside.injected(unit, t - 1) if t else 0.0
                    self._bid(number, self.beside.injected(unit, t) - growth.factor[t] * before)

    def _present_budget(self) -> None:
        if math.isfinite(self.path.present_budget):
            terms = [[RowTerm("cost", float(w))] for w in self.course.worth]
            matrix = summed(terms, self.path.problem, self.course)
            name, limit = "budget of all years", self.path.present_budget
            row = SharedRow(name, POLICY, name, "USD", "<=", limit)
            number = self._add(row, ALL_YEARS, matrix)
            if self.beside is not None:
                paid = [self.beside.counted(each, t) for t, each in enumerate(terms)]
                self._bid(number, np.sum(paid, axis=0))


class Vintages:
    """Ways of emitters to sinks by the milestone from which they capture, those that may be.

    A plant that captures goes on until its emitter is there no more.

    Attributes
    ----------
    way, vintage, owner : ndarray of int, shape (W,)
        In the order of the ways, so that owners rise.
    output : ndarray, shape (W, T)
        1 in the years in which it captures.
    most, price : ndarray, shape (W,)
    must : ndarray of bool, shape (W,)
    """

    def __init__(self, path: Path) -> None:
        captures, course = path.problem.captures, path.course
        assert isinstance(captures, Captures)  # noqa: S101 - asked of paths with emitters
        if captures.milestones != course.count:
            raise DataError(
                "emitters of other milestones", got=captures.milestones, expected=course.count
            )
        self.path, self.captures = path, captures
        there = captures.there[captures.owner]
        # works from the vintage on while it is there, and in none of these years at a loss
        output = course.stands[None] * there[:, None, :]
        good = np.where(output > 0, captures.open[:, None, :], True).all(axis=2)
        good &= there & (captures.most[captures.owner] > 0)[:, None]
        must = captures.at_work[captures.owner]
        first = there.argmax(axis=1)[:, None] == np.arange(course.count)
        good &= first | ~must[:, None]
        self.way, self.vintage = np.nonzero(good)
        self.owner = captures.owner[self.way]
        self.output = output[self.way, self.vintage]
        self.most = captures.most[self.owner]
        self.must = must[self.way]
        each = [self.counted(terms, t) for t, terms in enumerate(path.goal.terms)]
        self.price = -np.sum(each, axis=0)

    def counted(self, terms: Sequence[RowTerm], t: int) -> F64:
        """What a captured tonne a year counts in a sum at a milestone, (W,)."""
        return self.captures.counted(terms, t)[self.way] * self.output[:, t]

    def of_rule(self, rule: PolicyRow, t: int) -> F64:
        """What it counts in a rule of policy at a milestone, (W,)."""
        return self.counted(rule.terms, t) * inside(rule, self.captures)[self.way]

    def of_row(self, base: RowSystem, row: int, t: int) -> F64:
        """What it takes of a pool or sink at a milestone, (W,)."""
        each = np.zeros(len(self.captures.owner))
        mine = base.sales.row == row
        each[base.sales.column[mine]] = base.sales.weight[mine]
        return each[self.way] * self.output[:, t]

    def injected(self, sink: int, t: int) -> F64:
        """What it injects into a sink at a milestone, (W,)."""
        return self.output[:, t] * (self.captures.unit == sink)[self.way]

    def over_life(self, sinks: npt.NDArray[np.integer]) -> F64:
        """What it fills of some sinks over all years, (W,) [t per t/yr]."""
        mine = np.isin(self.captures.unit, sinks)[self.way]
        return np.asarray(self.output @ self.path.course.years) * mine


def _in_year(row: SharedRow, year: str, limit: float) -> SharedRow:
    """A row of one year at a milestone."""
    name = f"{row.name} {year}"
    zone = name if row.family == POLICY else f"{row.zone} {year}"
    return replace(row, name=name, zone=zone, limit=limit)


def _joined(pairs: Sequence[npt.NDArray[np.int64]]) -> I32:
    joined = np.concatenate([np.empty((2, 0), np.int64), *pairs], axis=1)
    return joined.astype(np.int32)
