"""The linear programme of a path in one piece, written down activity by activity from its meaning.

It shares no table with the product: each coefficient is worked out from the definition of its row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cdrsite.core.solver import LinearSolver
from cdrsite.pathway.course import Path, Target


@dataclass(frozen=True)
class WholeAnswer:
    """Optimum and the duals of the rows by name."""

    value: float
    price: dict[str, float]


@dataclass(frozen=True)
class Activity:
    """A method of a cell with a sink slot (-1: none) and a vintage; what a unit does each year."""

    cell: int
    method: int
    slot: int
    vintage: int
    own: dict[str, float]
    yearly: list[dict[str, float]]
    stored: float


def at(array: Any, m: int, i: int) -> float:
    """Value of a method or slot in a cell."""
    return float(array[m, i if array.shape[1] > 1 else 0])


def activities(path: Path) -> Iterator[Activity]:
    """All activities that may be."""
    problem, course = path.problem, path.course
    cells = problem.cells.read(0, problem.cells.n_cells)
    for i in range(len(cells.land)):
        for m, method in enumerate(problem.methods):
            if not at(cells.upper, m, i) > 0:
                continue
            slots = [k for k in range(len(cells.sink)) if cells.sink[k, i] >= 0]
            for k in slots if method.stored > 0 else [-1]:
                own = {"gross": 1.0, "net": at(cells.net, m, i), "cost": at(cells.cost, m, i)}
                own |= {"land": at(cells.need, m, i)}
                own |= {name: float(cells.layers[q, i]) for q, name in enumerate(problem.layers)}
                stored = method.stored * at(cells.stored_ratio, m, i)
                plant = own["net"]
                if k >= 0:
                    own["net"] -= stored * at(cells.sink_loss, k, i)
                    own["cost"] += stored * at(cells.sink_cost, k, i)
                for v in range(course.count):
                    alive = [plant + extra(path, own, m, t) for t in range(v, course.count)]
                    if course.open[m, v] and min(alive) > 0:
                        years = [in_year(path, own, m, v, t) for t in range(course.count)]
                        yield Activity(i, m, k, v, own, years, stored)


def extra(path: Path, own: dict[str, float], m: int, t: int) -> float:
    """Net removal at a milestone on top of that of the cell."""
    table = path.course.more_net[m, t]
    return sum(own[name] * table[q] for q, name in enumerate(path.problem.counted))


def in_year(path: Path, own: dict[str, float], m: int, v: int, t: int) -> dict[str, float]:
    """What a unit of capacity counts in a year."""
    output, stands = path.course.output[m, v, t], float(t >= v)
    table = path.course.more_cost[m, v, t]
    more = sum(own[name] * table[q] for q, name in enumerate(path.problem.counted))
    year = {name: output * value for name, value in own.items()}
    year["net"] = output * (own["net"] + extra(path, own, m, t))
    year["cost"], year["land"] = stands * (own["cost"] + more), stands * own["land"]
    year["avoided"] = 0.0
    return year


@dataclass
class Whole:
    """The programme so far: rows with their sides and entries, columns with cost and bound."""

    path: Path
    rows: dict[str, tuple[float, float, dict[int, float]]] = field(default_factory=dict)
    cost: list[float] = field(default_factory=list)
    most: list[float] = field(default_factory=list)

    def row(self, name: str, sense: str, limit: float) -> dict[int, float]:
        """Entries of a row, made where it is new."""
        low, high = -np.inf if sense == "<=" else limit, np.inf if sense == ">=" else limit
        return self.rows.setdefault(name, (low, high, {}))[2]

    def add(self, name: str, sense: str, limit: float, value: float) -> None:
        """Add an entry of the last column."""
        entries, j = self.row(name, sense, limit), len(self.cost) - 1
        entries[j] = entries.get(j, 0.0) + value

    def limit(self, name: str, limit: float, t: int) -> float:
        """A limit at a milestone."""
        given = self.path.supply.get(name)
        return float(limit) * (1.0 if given is None else float(given[t]))

    def count(self, terms: Any, year: dict[str, float], m: int) -> float:
        """What a sum of terms counts of a unit."""
        name = self.path.problem.method_names[m]
        mine = [one for one in terms if one.methods is None or name in one.methods]
        return sum(one.weight * year[one.quantity] for one in mine)

    def column(self, one: Activity) -> None:
        """Add an activity."""
        path, problem = self.path, self.path.problem
        cells = problem.cells.read(0, problem.cells.n_cells)
        i, m = one.cell, one.method
        worth = (self.count(terms, one.yearly[t], m) for t, terms in enumerate(path.goal.terms))
        self.cost.append(sum(worth))
        self.most.append(np.inf)
        land = one.own["land"] * problem.methods[m].exclusive
        self.add(f"land {i}", "<=", float(cells.land[i]), land)
        self.add(f"cap {i} {m}", "<=", at(cells.upper, m, i), 1.0)
        for g, ground in enumerate(problem.land_rows):
            each = one.own["land"] * float(ground.weight[m])
            self.add(f"ground {g} {i}", "<=", float(cells.ground[g, i]), each)
        for r, needs in enumerate(problem.local_need):
            need = one.own[needs[m]] if isinstance(needs[m], str) else needs[m]
            self.add(f"local {r} {i}", "<=", float(cells.local[r, i]), need)
        for t, name in enumerate(path.course.names):
            self.spend(one.yearly[t]["cost"], t)
            self.pools(one, t, name)
            self.asked(one, t, name)
            if one.slot >= 0 and t >= one.vintage:
                sink = int(cells.sink[one.slot, i])
                self.sinks(one, t, name, sink)
                self.drawn(one, t, name, sink)

    def spend(self, cost: float, t: int) -> None:
        """Entry in the budget of all years."""
        if np.isfinite(self.path.present_budget):
            worth = float(self.path.course.worth[t])
            self.add("budget of all years", "<=", self.path.present_budget, worth * cost)

    def pools(self, one: Activity, t: int, name: str) -> None:
        """Entries in rows of pools at a milestone."""
        problem = self.path.problem
        for pool in problem.pools:
            zone = int(problem.cells.zones(pool.zoning, one.cell, one.cell + 1)[0])
            need = pool.need.get(problem.methods[one.method].name, 0.0)
            if zone >= 0 and need != 0.0:
                year = one.yearly[t]
                each = year[need] if isinstance(need, str) else need * year["gross"]
                limit = self.limit(pool.name, pool.supply[zone], t)
                self.add(f"{pool.name}: {pool.zones[zone]} {name}", "<=", limit, each)

    def asked(self, one: Activity, t: int, name: str) -> None:
        """Entries in rules, targets and growth at a milestone."""
        problem, year, m = self.path.problem, one.yearly[t], one.method
        for rule in problem.policies:
            zoning = rule.zoning
            if zoning is None or int(problem.cells.zones(zoning, one.cell, one.cell + 1)[0]) in (
                *rule.zones,
            ):
                limit = self.limit(rule.name, rule.limit, t)
                self.add(f"{rule.name} {name}", rule.sense, limit, self.count(rule.terms, year, m))
        for target in self.path.targets:
            if not np.isnan(target.limit[t]):
                value = self.count(target.terms, year, m)
                self.add(f"{target.name} {name}", target.sense, float(target.limit[t]), value)
        for growth in self.path.growth:
            if growth.method == problem.method_names[m] and one.vintage <= t:
                value = 1.0 - (growth.factor[t] if one.vintage < t else 0.0)
                text = f"growth of {growth.method} {name}"
                self.add(text, "<=", float(growth.seed[t]), value)

    def sinks(self, one: Activity, t: int, name: str, sink: int) -> None:
        """Entries in rows of sinks: what is injected at a milestone, what is filled until then."""
        growth, names = self.path.injection, self.path.course.names
        if growth is not None:
            text = f"growth of injection {growth.names[sink]}"
            self.add(f"{text} {name}", "<=", float(growth.seed[t]), one.stored)
            if t + 1 < len(names):  # what is injected now lets more come at the next milestone
                less = -float(growth.factor[t + 1]) * one.stored
                self.add(f"{text} {names[t + 1]}", "<=", float(growth.seed[t + 1]), less)
        for family in self.path.problem.sinks:
            zone = sink if family.member is None else int(family.member[sink])
            if zone < 0:
                continue
            text = f"{family.name}: {family.zones[zone]}"
            if family.name in self.path.life:
                limit = float(self.path.life[family.name][zone])
                self.add(text, "<=", limit, one.stored * self.path.course.years[t])
            else:
                limit = self.limit(family.name, family.supply[zone], t)
                self.add(f"{text} {name}", "<=", limit, one.stored)

    def drawn(self, one: Activity, t: int, name: str, sink: int) -> None:
        """What is taken of pools where it is injected."""
        for pool in self.path.problem.pools:
            if pool.at_sinks is None or pool.at_sinks.member[sink] < 0:
                continue
            zone = int(pool.at_sinks.member[sink])
            limit = self.limit(pool.name, pool.supply[zone], t)
            each = pool.sign * float(pool.at_sinks.need[sink]) * one.stored
            self.add(f"{pool.name}: {pool.zones[zone]} {name}", "<=", limit, each)

    def missed(self, target: Target, t: int, name: str) -> None:
        """A target that stands whoever is in it, and what is missed of it."""
        limit = float(target.limit[t])
        if np.isnan(limit):
            return
        self.row(f"{target.name} {name}", target.sense, limit)
        if not np.isnan(target.missed) and target.sense == ">=":
            self.cost.append(-target.missed * self.path.course.worth[t])
            self.most.append(limit)
            self.add(f"{target.name} {name}", target.sense, limit, 1.0)

    def solve(self) -> WholeAnswer | None:
        """Hand the programme to HiGHS."""
        if not self.cost:  # nothing can be done: do the rows ask for anything?
            kept = all(low <= 0.0 <= high for low, high, _ in self.rows.values())
            return WholeAnswer(0.0, {}) if kept else None
        solver = LinearSolver(
            maximise=True, primal_feasibility_tolerance=1e-10, dual_feasibility_tolerance=1e-10
        )
        none, zero = np.zeros(len(self.cost), np.int32), np.zeros(len(self.cost))
        most, empty = np.array(self.most), np.empty(0, np.int32)
        solver.add_columns(np.array(self.cost), zero, most, none, empty, np.empty(0))
        low, high = (np.array([one[k] for one in self.rows.values()]) for k in (0, 1))
        entries = [one[2] for one in self.rows.values()]
        start = np.concatenate([[0], np.cumsum([len(one) for one in entries])[:-1]])
        index = np.array([j for one in entries for j in one], np.int32)
        value = np.array([each for one in entries for each in one.values()], np.float64)
        solver.add_rows(low, high, start.astype(np.int32), index, value)
        if solver.run() != "optimal":
            return None
        sides = np.isfinite(high).astype(np.int8) - np.isfinite(low).astype(np.int8)
        return WholeAnswer(
            solver.value, dict(zip(self.rows, solver.prices(sides).tolist(), strict=True))
        )


def add_emitters(whole: Whole) -> None:
    """Activities of emitters: one by sink slot and vintage, each from what its rows mean."""
    captures = whole.path.problem.captures
    if captures is None:
        return
    years = range(whole.path.course.count)
    there = np.ones((len(captures.names), len(years)), bool)
    there = there if captures.serving is None else captures.serving
    for k, name in enumerate(captures.names):
        forced = captures.must is not None and captures.must[k] and there[k].any()
        for s in range(captures.sink.shape[1]):
            kept = [1 - captures.energy[k] * captures.dirty[t] - captures.lost[k, s] for t in years]
            for v in years:
                runs = [t >= v and bool(there[k, t]) for t in years]
                good = all(kept[t] > 0 for t in years if runs[t])
                late = forced and there[k, :v].any()
                if captures.sink[k, s] >= 0 and runs[v] and good and not late:
                    whole.cost.append(0.0)
                    whole.most.append(np.inf)
                    most = float(captures.most[k])
                    whole.add(f"captured by {name}", "=" if forced else "<=", most, 1.0)
                    one = EmitterUse(k, int(captures.sink[k, s]), float(captures.cost[k, s]))
                    for t in years:
                        if runs[t]:
                            emitter_year(whole, one, kept[t], t)


@dataclass(frozen=True)
class EmitterUse:
    """An emitter that brings its CO2 to a sink at a cost."""

    number: int
    sink: int
    cost: float


def supplied(captures: Any, k: int, t: int) -> float:
    """Cost of power and water of a captured tonne at a milestone."""
    return 0.0 if captures.supplied is None else float(captures.supplied[k, t])


def emitter_year(whole: Whole, one: EmitterUse, kept: float, t: int) -> None:
    """What a captured tonne counts in the rows of a milestone."""
    path, problem, captures = whole.path, whole.path.problem, whole.path.problem.captures
    name, k, share = path.course.names[t], one.number, float(captures.biogenic[one.number])
    year = {
        "gross": share,
        "net": share * kept,
        "avoided": (1 - share) * kept,
        "cost": one.cost + supplied(captures, k, t),
    }

    def counts(terms: Any) -> float:
        mine = [each for each in terms if each.methods is None or "emitters" in each.methods]
        return sum(each.weight * year.get(each.quantity, 0.0) for each in mine)

    whole.cost[-1] += counts(path.goal.terms[t])
    whole.spend(one.cost, t)
    for pool in problem.pools:
        zone = int(captures.zones[pool.zoning][k])
        if zone >= 0 and pool.name in captures.needs:
            limit = whole.limit(pool.name, pool.supply[zone], t)
            need = pool.sign * float(captures.needs[pool.name][k])
            whole.add(f"{pool.name}: {pool.zones[zone]} {name}", "<=", limit, need)
    for rule in problem.policies:
        if rule.zoning is None or int(captures.zones[rule.zoning][k]) in (*rule.zones,):
            limit = whole.limit(rule.name, rule.limit, t)
            whole.add(f"{rule.name} {name}", rule.sense, limit, counts(rule.terms))
    for target in path.targets:
        if not np.isnan(target.limit[t]):
            limit = float(target.limit[t])
            whole.add(f"{target.name} {name}", target.sense, limit, counts(target.terms))
    tonne = Activity(-1, -1, 0, t, {}, [], 1.0)
    whole.sinks(tonne, t, name, one.sink)
    whole.drawn(tonne, t, name, one.sink)


def whole_path(path: Path) -> WholeAnswer | None:
    """Solve a path of cells in memory as one programme; None where no plan keeps the rows."""
    whole = Whole(path)
    for one in activities(path):
        whole.column(one)
    add_emitters(whole)
    for t, name in enumerate(path.course.names):
        for rule in path.problem.policies:
            whole.row(f"{rule.name} {name}", rule.sense, whole.limit(rule.name, rule.limit, t))
        for target in path.targets:
            whole.missed(target, t, name)
    return whole.solve()
