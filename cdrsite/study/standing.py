"""Removal plants that stand already: what they take while they live, and what is left."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.competition.problem import QUANTITIES
from cdrsite.core.errors import DataError
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.methods.monthly import FLAT, least_year
from cdrsite.study.prepare import Setting
from cdrsite.study.standingpoints import StandingPoints

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from cdrsite.competition.problem import PolicyRow, RowTerm
    from cdrsite.methods.storage import StorageUnits
    from cdrsite.methods.supply import Pools

    F64 = NDArray[np.float64]
    I64 = NDArray[np.int64]

ROUNDING = 1e-6
"""Share of a supply that plants may seem to take beyond it [1]."""


@dataclass(frozen=True, eq=False)
class Standing:
    """What plants that stand take and give; K plants, T milestones, S storage units.

    Attributes
    ----------
    points : StandingPoints
    needs : mapping of str to ndarray, shape (K,)
        Resource of pools -> need per gross tonne [its unit per t].
    zones : mapping of str to ndarray of int, shape (K,)
        Zone by resource of pools and by layer of zones, -1 for none.
    land, stored : ndarray, shape (K,)
        Land [m2 per t/yr], and CO2 brought to storage [t/t].
    unit : ndarray of int, shape (K,)
        Storage unit of each, -1 for none.
    net, cost : ndarray, shape (K, T)
        Net removal [t/t] and what running costs [USD per gross t], way and storage included.
    pools, storage : mapping, StorageUnits
        What there is with nothing taken off, at the last milestone.
    factor : mapping of str to ndarray, shape (T,)
        Resource, or "injection" -> what there is at each milestone over that at the last one.
    weight : ndarray, shape (T,)
        Years that a rate of each milestone stands for [yr].
    before : float
        Years from the start in which what runs then has no share in the weights [yr].
    worth : ndarray, shape (T,)
        The weights discounted [yr].
    years : tuple of str
        Names of the milestones.
    """

    points: StandingPoints
    needs: Mapping[str, F64]
    zones: Mapping[str, I64]
    land: F64
    stored: F64
    unit: I64
    net: F64
    cost: F64
    pools: Mapping[str, Pools]
    storage: StorageUnits | None
    factor: Mapping[str, F64]
    weight: F64
    before: float
    worth: F64
    years: tuple[str, ...]

    @property
    def gross(self) -> F64:
        """What each captures at each milestone, shape (K, T) [t/yr]."""
        return self.points.capacity[:, None] * self.points.live

    def nothing(self) -> Standing:
        """The same with no plant that runs."""
        never = np.zeros_like(self.points.live)
        points = replace(self.points, live=never, at_start=never[:, 0])
        return replace(self, points=points)

    def counted(self, terms: Sequence[RowTerm], where: F64 | float = 1.0) -> F64:
        """What they count in a sum at each milestone, shape (T,)."""
        gross = np.ones_like(self.net)
        each = gross, self.net, self.cost, self.land[:, None] * gross
        of: dict[str, F64] = dict(zip(QUANTITIES, each, strict=True))
        total = np.zeros_like(self.gross)
        for term in terms:
            if term.quantity in of:
                who = [term.methods is None or one in term.methods for one in self.points.methods]
                total += term.weight * np.array(who, np.float64)[:, None] * of[term.quantity]
        return np.asarray((total * self.gross * np.reshape(where, (-1, 1))).sum(axis=0))

    def by_rule(self, rule: PolicyRow) -> F64:
        """What they count in a rule of policy at each milestone, shape (T,)."""
        if rule.zoning is None:
            return self.counted(rule.terms)
        inside = np.isin(self.zones[rule.zoning], np.asarray(rule.zones))
        return self.counted(rule.terms, inside.astype(np.float64))

    def left_of_rule(self, rule: PolicyRow) -> F64:
        """What of the limit of a rule is left to the plan at each milestone, shape (T,).

        Raises
        ------
        DataError
            They break it by themselves.
        """
        left = rule.limit - self.by_rule(rule)
        if rule.sense == ">=":
            return np.maximum(left, 0.0)
        self._refuse(left, rule.limit * np.ones(len(left)), rule.name, rule.unit)
        return np.maximum(left, 0.0)

    def injected(self, count: int) -> F64:
        """What they bring to each storage unit at each milestone, shape (S, T) [t/yr]."""
        found = np.zeros((count, len(self.weight)))
        some = self.unit >= 0
        np.add.at(found, self.unit[some], (self.gross * self.stored[:, None])[some])
        return found

    def injected_at_start(self, count: int) -> F64:
        """What they bring to each storage unit at the start, shape (S,) [t/yr]."""
        some = self.unit >= 0
        each = self.points.capacity * self.points.at_start * self.stored
        found = np.bincount(self.unit[some], weights=each[some], minlength=count)
        return found.astype(np.float64)

    def filled(self, count: int) -> F64:
        """Pore space that they fill over all years, shape (S,) [t]."""
        first = self.before * self.injected_at_start(count)
        return np.asarray(self.injected(count) @ self.weight + first)

    def left_at(
        self, setting: Setting, t: int = -1
    ) -> tuple[dict[str, Pools], StorageUnits | None]:
        """What they leave of pools and storage at a milestone.

        Raises
        ------
        DataError
            They take more than there is (rule 6).
        """
        count = 0 if self.storage is None else len(self.storage.names)
        injected = self.injected(count)
        pools = {
            name: self._left_in(setting, name, pool, injected[:, t], t)
            for name, pool in self.pools.items()
        }
        units = self.storage
        if units is not None:
            rate = units.injection * self.factor["injection"][t]
            left = rate - injected[:, t]
            self._refuse_zones(left, rate, "injection into", units.names, "t/yr", t)
            space = units.capacity - self.filled(count)
            self._refuse_zones(space, units.capacity, "pore space of", units.names, "t", None)
            units = replace(units, injection=np.maximum(left, 0.0), capacity=np.maximum(space, 0.0))
        return pools, units

    def _left_in(self, setting: Setting, name: str, pool: Pools, injected: F64, t: int) -> Pools:
        """A resource's pools less what is taken of them."""
        size, factor = len(pool.names), self.factor[name][t]
        each = self.gross[:, t] * self.needs.get(name, np.zeros(len(self.unit)))
        zone = self.zones.get(name, np.full(len(each), -1))
        at_units, injection = np.zeros(size), setting.injection
        if injection is not None and name in injection.zone:
            some = injection.zone[name] >= 0
            drawn = np.asarray(injection.needs[name]) * injected
            np.add.at(at_units, injection.zone[name][some], drawn[some])
        taken = at_units.copy()
        np.add.at(taken, zone[zone >= 0], each[zone >= 0])
        unit = RESOURCES[name].unit
        if pool.months is not None:
            by_month = at_units[:, None] * FLAT
            for k in np.flatnonzero((zone >= 0) & (each != 0)).tolist():
                by_month[zone[k]] += each[k] * pool.share_of(self.points.methods[k])
            months = pool.months * factor - by_month
            whole = pool.months * factor
            for p in range(months.shape[1]):
                what = f"{name} in month {p + 1} of"
                self._refuse_zones(months[:, p], whole[:, p], what, pool.names, unit, t)
            months = np.maximum(months, 0.0)
            return replace(pool, months=months, supply=least_year(months, FLAT))
        supply = pool.supply * factor
        self._refuse_zones(supply - taken, supply, f"{name} of", pool.names, unit, t)
        kinds = {kind: part * factor for kind, part in pool.kinds.items()}
        for k in np.flatnonzero((zone >= 0) & (each != 0)).tolist() if kinds else ():
            mine = setting.drawn[self.points.methods[k]].get(name) or tuple(kinds)
            there = sum(kinds[kind][zone[k]] for kind in mine)
            for kind in mine:  # which of them a plant burns is not known: of each its share
                part = kinds[kind].copy()
                part[zone[k]] *= max(1.0 - each[k] / there, 0.0) if there > 0 else 0.0
                kinds[kind] = part
        return replace(pool, supply=np.maximum(supply - taken, 0.0), kinds=kinds)

    def _refuse_zones(
        self, left: F64, whole: F64, what: str, names: Sequence[str], unit: str, t: int | None
    ) -> None:
        for z in np.flatnonzero(left < -ROUNDING * np.maximum(np.abs(whole), 1e-300)).tolist():
            when = "" if t is None else self.years[t]
            self._raise(
                f"{what} {names[z]}", when, float(whole[z] - left[z]), float(whole[z]), unit
            )

    def _refuse(self, left: F64, whole: F64, what: str, unit: str) -> None:
        for t in np.flatnonzero(left < -ROUNDING * np.abs(whole)).tolist():
            taken = float(whole[t] - left[t])
            self._raise(what, self.years[t], taken, float(whole[t]), unit)

    def _raise(self, what: str, when: str, taken: float, whole: float, unit: str) -> None:
        raise DataError(
            f"plants that stand take more than there is: {what}" + (f" in {when}" if when else ""),
            where="standing",
            got=f"{taken:.6g} {unit}",
            expected=f"at most {whole:.6g} {unit}",
            cure="correct their capacities, or the supply; what they take now must be part of it, "
            "and not be taken off already",
            rule=6,
        )
