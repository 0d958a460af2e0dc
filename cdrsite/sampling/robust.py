"""A plan for all samples at once: the best mix of known plans, before the numbers are known.

First stage: of each known plan, which share is built in each part of the region; all shares of a
part add up to at most 1, so that every cell keeps its limits. Second stage: in each sample the
groups that are built run as well as they can (:mod:`cdrsite.sampling.kept_plans`). The goal is the
mean of the worst tenth (conditional value at risk; Rockafellar & Uryasev 2000, Journal of Risk 2,
21-41) or the largest regret. All of it is one linear programme, solved by cuts: what each sample is
worth is concave in the shares, and the prices of its second stage give a plane above it (Van Slyke
& Wets 1969, SIAM Journal on Applied Mathematics 17, 638-663; one plane a sample: Birge & Louveaux
1988, European Journal of Operational Research 34, 384-392). So the plan has a proven bound, which
holds for all mixes of these plans; it says nothing of plans that none of them is part of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cdrsite.core.errors import SolverError
from cdrsite.core.solver import LinearSolver, Programme
from cdrsite.sampling.kept_plans import KeptPlan, SecondStage

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Aim = Literal["p10", "regret"]

TAIL = 0.1
"""Share of the samples that the worst tenth is [1]."""
MEAN_TOO = 1e-3
"""Weight of the mean of all samples among plans that are as good for the worst [1]."""
GAP = 1e-3
"""Relative distance to the bound at which the mix counts as the best [1]."""
ROUNDS = 60
"""Most rounds of cuts; the gap that is left is told."""


@dataclass(frozen=True)
class RobustPlan:
    """The best mix that was found.

    Attributes
    ----------
    share : ndarray, shape (plans, parts)
        Of each plan in each part of the region [1].
    value, bound : float
        What the aim comes to, and what it cannot exceed with these plans [unit of the goal].
    gap : float
        Relative distance of the two [1].
    rounds : int
        Of cuts.
    worth : ndarray, shape (samples,)
        In each sample.
    """

    share: F64
    value: float
    bound: float
    gap: float
    rounds: int
    worth: F64


def worst_mean(values: F64) -> float:
    """Mean of the worst tenth: of the last sample in it only what belongs to the tenth."""
    if not len(values):
        return float("nan")
    order, mass = np.sort(values), TAIL * len(values)
    whole = int(mass)
    rest = mass - whole
    total = order[:whole].sum() + (rest * order[whole] if rest > 0.0 else 0.0)
    return float(total / mass)


def aim_of(aim: Aim, worth: F64, best: F64) -> float:
    """What a plan is to have most of: the worst tenth, or less of the largest regret."""
    first = worst_mean(worth) if aim == "p10" else -float((best - worth).max())
    return (1.0 - MEAN_TOO) * first + MEAN_TOO * float(worth.mean())


def robust_plan(
    stages: Sequence[SecondStage],
    owner: Sequence[I64],
    plans: int,
    parts: int,
    best: F64,
    most: F64,
    aim: Aim,
) -> RobustPlan:
    """Find the best mix of plans.

    Parameters
    ----------
    stages : sequence of SecondStage
        Of each sample, over the groups of all plans.
    owner : sequence of ndarray of int
        Of each group of each sample, plan x parts + part of the region.
    plans, parts : int
        How many there are.
    best : ndarray, shape (samples,)
        What the best plan of each sample is worth.
    most : ndarray, shape (samples,)
        What no plan of each sample exceeds.
    aim : {'p10', 'regret'}

    Raises
    ------
    SolverError
        HiGHS found no optimum.
    """
    size = max(float(np.abs(best).max()), 1e-300)
    master = _Master(plans, parts, best / size, np.maximum(most, best) / size, aim)

    def look(share: F64) -> F64:
        """Worth of a mix in each sample; adds the planes above it."""
        worth, slope = np.empty(len(stages)), np.empty((len(stages), plans * parts))
        for s, (stage, mine) in enumerate(zip(stages, owner, strict=True)):
            worth[s] = stage.worth(share[mine])
            slope[s] = np.bincount(mine, stage.slope, plans * parts)
        master.cut(worth / size, slope / size, share)
        return worth

    tried = _BestMix(look, best, aim)
    for k in range(plans):
        tried(np.repeat(np.arange(plans) == k, parts).astype(np.float64))
    bound, rounds = np.inf, 0
    while rounds < ROUNDS:
        share, top = master.solve()
        bound = min(bound, top * size)
        if tried.gap(bound, size) <= GAP:
            break
        # half of the way to the best so far: planes there are closer to what is looked for
        tried(0.5 * (share + tried.share) if rounds % 2 else share)
        rounds += 1
    bound = max(bound, tried.value)
    return RobustPlan(
        tried.share.reshape(plans, parts), tried.value, bound, tried.gap(bound, size), rounds,
        tried.worth,
    )  # fmt: skip


class _BestMix:
    """The best mix so far."""

    def __init__(self, look: Callable[[F64], F64], best: F64, aim: Aim) -> None:
        self._look, self._best, self._aim = look, best, aim
        self.value, self.share, self.worth = -np.inf, np.zeros(0), np.zeros(0)

    def __call__(self, share: F64) -> None:
        """Look at a mix."""
        worth = self._look(share)
        value = aim_of(self._aim, worth, self._best)
        if value > self.value:
            self.value, self.share, self.worth = value, share, worth

    def gap(self, bound: float, size: float) -> float:
        """Distance to the bound, as a share of what samples are worth."""
        scale = max(abs(self.value), abs(bound)) if self._aim == "p10" else size
        return max(bound - self.value, 0.0) / scale if scale > 0.0 else 0.0


class _Master:
    """Shares of plans below all planes: columns are shares, worths by sample, and the tail."""

    def __init__(self, plans: int, parts: int, best: F64, most: F64, aim: Aim) -> None:
        self.shares, self.samples = plans * parts, len(best)
        n, s = self.shares, self.samples
        tail = s if aim == "p10" else 0
        first = n + s  # the level that the worst are measured from, or the largest regret
        count = first + 1 + tail
        cost = np.zeros(count)
        cost[n:first] = MEAN_TOO / s
        lower, upper = np.zeros(count), np.full(count, np.inf)
        upper[:n] = 1.0
        lower[n:first], upper[n:first] = -np.inf, most
        lower[first] = -np.inf
        if aim == "p10":
            cost[first] = 1.0 - MEAN_TOO
            cost[first + 1 :] = -(1.0 - MEAN_TOO) / (TAIL * s)
        else:
            cost[first] = -(1.0 - MEAN_TOO)
            lower[first] = 0.0
        rows, columns = [np.tile(np.arange(parts), plans)], [np.arange(n)]
        values = [np.ones(n)]
        at = np.arange(s)
        # worth + shortfall >= level, or worth + regret >= best
        names = [(n + at, 1.0), (np.full(s, first), -1.0 if tail else 1.0)]
        names += [(first + 1 + at, 1.0)] if tail else []
        for place, one in names:
            rows.append(parts + at)
            columns.append(place)
            values.append(np.full(s, one))
        row, column, value = np.concatenate(rows), np.concatenate(columns), np.concatenate(values)
        order = np.lexsort((column, row))
        start = np.searchsorted(row[order], np.arange(parts + s + 1)).astype(np.int32)
        self._solver = LinearSolver(
            Programme(
                cost=cost, lower=lower, upper=upper,
                row_lower=np.concatenate([np.full(parts, -np.inf), np.zeros(s) if tail else best]),
                row_upper=np.concatenate([np.ones(parts), np.full(s, np.inf)]),
                start=start, index=column[order].astype(np.int32), value=value[order],
                maximise=True,
            )
        )  # fmt: skip

    def cut(self, worth: F64, slope: F64, share: F64) -> None:
        """No mix is worth more than ``worth + slope (mix - share)`` in each sample."""
        high = worth - slope @ share
        body = np.concatenate([-slope, np.ones((self.samples, 1))], axis=1)
        columns = np.tile(np.arange(self.shares + 1), (self.samples, 1))
        columns[:, -1] = self.shares + np.arange(self.samples)
        some = body != 0.0
        size = some.sum(axis=1)
        start = (np.cumsum(size) - size).astype(np.int32)
        low = np.full(self.samples, -np.inf)
        self._solver.add_rows(low, high, start, columns[some].astype(np.int32), body[some])

    def solve(self) -> tuple[F64, float]:
        """Shares that are best below the planes, and the bound that these give."""
        ended = self._solver.run()
        if ended != "optimal":
            raise SolverError(
                "the robust plan was not found", got=ended, expected="optimal", rule=8
            )
        return np.clip(self._solver.x[: self.shares], 0.0, 1.0), self._solver.value


def mixed(plans: Sequence[KeptPlan], share: F64, part: I64, number: int) -> KeptPlan:
    """The plan that a mix of plans is.

    Parameters
    ----------
    plans : sequence of KeptPlan
    share : ndarray, shape (plans, parts)
    part : ndarray of int, shape (cells,)
        Part of the region of each cell.
    number : int
        Of the new plan.
    """
    # shares of a part add up to 1 to the tolerance of the solver
    share = share / np.maximum(share.sum(axis=0), 1.0)
    each = [row[part[plan.cell]] for row, plan in zip(share, plans, strict=True)]
    kept = [one > 0.0 for one in each]

    def of(name: str) -> list[NDArray[np.generic]]:
        parts = zip(plans, kept, strict=True)
        return [getattr(plan, name)[some] for plan, some in parts]

    part_of = np.concatenate([one[some] for one, some in zip(each, kept, strict=True)])
    cell, method, slot = (
        np.concatenate(of(name)).astype(np.int64) for name in ("cell", "method", "slot")
    )
    gross, land = (
        np.concatenate(of(name)).astype(np.float64) * part_of for name in ("gross", "land")
    )
    # a place of several plans is one place
    key = np.stack([cell, method, slot])
    places, at = np.unique(key, axis=1, return_inverse=True)
    at = np.asarray(at).ravel()
    count = places.shape[1]
    return KeptPlan(
        number, places[0], places[1], places[2],
        np.bincount(at, gross, count).astype(np.float64),
        np.bincount(at, land, count).astype(np.float64),
    )  # fmt: skip
