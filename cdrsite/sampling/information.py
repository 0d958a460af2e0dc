"""What it would be worth to know: regret of kept plans, and the value of information.

Of W(d, s), what plan d is worth in sample s, and V(s), what the best plan of the sample is worth:

- regret of d in s: V(s) - W(d, s);
- expected value of perfect information: E V - max over d of E W(d), an upper bound where the plans
  looked at are not all plans; among them E max over d of W(d) - max over d of E W(d);
- expected value of knowing one number first: E max over d of E[W(d) | number] - max over d of
  E W(d), by regression of W on the numbers from the samples there are (Strong, Oakley & Brennan
  2014, Medical Decision Making 34, 311-326), in one fit of all numbers.

A maximum of means is never below zero, so noise looks like value. What stands there by chance is
found by permutation: the curve of the number is taken out, the rest is shuffled (Freedman & Lane
1983, Journal of Business & Economic Statistics 1, 292-298), and its worth worked out again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cdrsite.sampling.additive import DEGREE, SAMPLES_PER_COLUMN, AdditiveFit, Fitted, strongest

F64 = NDArray[np.float64]

PERMUTATIONS = 40
"""Shuffles by which it is found what stands there by chance."""
SURE = 3.0
"""A finding is above its noise by so many standard errors, and above what the largest of all
numbers has in 19 of 20 shuffles."""
NOTHING = 1e-6
"""Share of what plans are worth below which a value is rounding of the solver [1]."""
MOST_DEGREE = 9
"""Of the curve of a number, where there are few numbers and many samples."""
LEAST_SAMPLES = 16
"""With fewer samples nothing is said of single numbers."""


def degree_for(samples: int, numbers: int) -> int:
    """Degree of the curves of numbers: as many columns as the samples can tell apart."""
    most = samples // (SAMPLES_PER_COLUMN * max(numbers, 1))
    return min(max(DEGREE, most), MOST_DEGREE)


@dataclass(frozen=True)
class Worths:
    """What plans are worth in samples.

    Attributes
    ----------
    best : ndarray, shape (samples,)
        Of the best plan of each sample.
    plans : ndarray, shape (plans, samples)
        Of each kept plan; none of them is worth more than the best.
    """

    best: F64
    plans: F64

    def __post_init__(self) -> None:
        if not np.isfinite(self.plans).all() or not len(self.plans):
            raise ValueError("every plan needs a worth in every sample")
        # plan and bound of a sample are apart by its gap: a kept plan may have found more
        object.__setattr__(self, "best", np.maximum(self.best, self.plans.max(axis=0)))

    @property
    def samples(self) -> int:
        """How many."""
        return len(self.best)

    @property
    def leader(self) -> int:
        """The plan of the best mean worth, the first of equals."""
        return int(self.plans.mean(axis=1).argmax())

    @property
    def regret(self) -> F64:
        """What each plan loses against the best one of the sample, shape (plans, samples)."""
        return np.asarray(self.best - self.plans)

    @property
    def cautious(self) -> int:
        """The plan of the least largest regret, the first of equals."""
        return int(self.regret.max(axis=1).argmin())


@dataclass(frozen=True)
class WorthKnowing:
    """What knowing something first is worth, beside what stands there by chance.

    Attributes
    ----------
    value : float
        As the samples have it [unit of the goal].
    noise : float
        Mean of the shuffles, or 0 where the value is a mean itself.
    error : float
        Standard error of the mean, with the spread of the shuffles.
    found : bool
        Whether it stands above its noise.
    """

    value: float
    noise: float
    error: float
    found: bool

    @property
    def worth(self) -> float:
        """Value less noise, not below 0."""
        return max(self.value - self.noise, 0.0)


UNKNOWN = WorthKnowing(float("nan"), float("nan"), float("nan"), found=False)
"""Of what the fit has no room for."""


def knowing_all(worths: Worths) -> tuple[WorthKnowing, WorthKnowing]:
    """Expected value of perfect information: against the best plans, and among the kept ones."""
    now = worths.plans[worths.leader]
    size = NOTHING * float(np.abs(worths.best).mean())
    found = []
    for better in (worths.best, worths.plans.max(axis=0)):
        gain = better - now
        value = float(gain.mean())
        error = float(gain.std(ddof=1)) / len(gain) ** 0.5 if len(gain) > 1 else float("nan")
        found.append(WorthKnowing(value, 0.0, error, found=value > max(2.0 * error, size)))
    return found[0], found[1]


def knowing_some(
    worths: Worths,
    columns: Sequence[F64],
    sets: Mapping[str, Sequence[int]],
    seed: int,
) -> dict[str, WorthKnowing]:
    """Expected value of knowing some numbers first, by name of each set of them.

    Parameters
    ----------
    worths : Worths
    columns : sequence of ndarray, shape (samples, k)
        Those of each number's curve (:func:`cdrsite.sampling.additive.curves_of`).
    sets : mapping
        Name -> numbers that are known together.
    seed : int
        Of the shuffles.
    """
    count, leader = worths.samples, worths.leader
    gains = np.delete(worths.plans - worths.plans[leader], leader, axis=0).T
    mean = gains.mean(axis=0)
    centred = gains - mean
    size = NOTHING * float(np.abs(worths.best).mean())
    if not sets:
        return {}
    if not gains.size or np.abs(gains).max() <= size:
        return {name: WorthKnowing(0.0, 0.0, 0.0, found=False) for name in sets}
    if count < LEAST_SAMPLES or not columns:
        return dict.fromkeys(sets, UNKNOWN)
    most = float(np.maximum(gains.max(axis=1), 0.0).mean())
    drawn = np.random.default_rng(np.random.SeedSequence([seed, 2]))
    orders = [drawn.permutation(count) for _ in range(PERMUTATIONS)]
    decide = strongest(columns, centred)
    tried = {
        name: _SetOfNumbers.of(mean, centred, columns, decide, members, orders)
        for name, members in sets.items()
    }
    # with many numbers one of them stands out by chance: what the largest of all of them does
    single = [len(members) == 1 for members in sets.values()]
    chance = np.stack([one.by_chance for one in tried.values()])
    level = {
        kind: np.quantile(chance[np.array(single) == kind].max(axis=0), 0.95)
        for kind in set(single)
    }
    return {
        name: one.told(most, max(level[kind], size))
        for (name, one), kind in zip(tried.items(), single, strict=True)
    }


@dataclass(frozen=True)
class _SetOfNumbers:
    """What a set of numbers is worth in each sample, and by chance in each shuffle."""

    gain: F64
    by_chance: F64

    @classmethod
    def of(
        cls,
        mean: F64,
        centred: F64,
        columns: Sequence[F64],
        decide: Sequence[int],
        members: Sequence[int],
        orders: Sequence[NDArray[np.int64]],
    ) -> _SetOfNumbers:
        """Fit the numbers that decide, and with them the members: as many as there is room for."""
        inside = list(members)[: max(1, len(centred) // (SAMPLES_PER_COLUMN * DEGREE))]
        fit = AdditiveFit(columns, sorted({*decide, *inside}))
        fitted = fit.of(centred)
        shuffled = _shuffled(centred, fitted, inside, orders)
        chance = [_gain(mean, fit.of(y), inside).mean() for y in shuffled]
        return cls(_gain(mean, fitted, inside), np.array(chance))

    def told(self, most: float, level: float) -> WorthKnowing:
        """The value, at most that of knowing all; a finding where it is above all noise."""
        value = min(float(self.gain.mean()), most)
        noise, spread = float(self.by_chance.mean()), float(self.by_chance.std(ddof=1))
        error = float(np.hypot(spread, self.gain.std(ddof=1) / len(self.gain) ** 0.5))
        return WorthKnowing(value, noise, error, found=value > max(noise + SURE * error, level))


def _gain(mean: F64, fitted: Fitted, members: Sequence[int]) -> F64:
    """What choosing by the curves of some numbers adds to the best plan of now, by sample."""
    curve = sum((fitted.curves[j] for j in members), np.zeros(1))
    return np.maximum((mean + curve).max(axis=1), 0.0)


def _shuffled(
    centred: F64, fitted: Fitted, members: Sequence[int], orders: Sequence[NDArray[np.int64]]
) -> list[F64]:
    """Values in which some numbers tell nothing: the others' curves, and the rest shuffled."""
    mine = sum((fitted.curves[j] for j in members), np.zeros(1))
    others = centred - fitted.rest - mine
    # a fit leaves less than there is: the rest is brought back to the size of the noise
    count = len(centred)
    raised = fitted.rest * np.sqrt(count / np.maximum(count - 1.0 - fitted.freedom, 1.0))
    made = []
    for order in orders:
        one = others + raised[order]
        made.append(one - one.mean(axis=0))
    return made
