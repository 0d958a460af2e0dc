"""What a plan that is kept would lose, and what it would be worth to know a number first.

Plans that could be decided on are the study's own, that of the numbers' means, and those of samples
spread from the least to the most that can be had. Each is kept in every sample, over the cells that
stand for all (:mod:`cdrsite.sampling.kept_plans`), and the table of their worths is what is asked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cdrsite.competition.generator import MAX_GROUPS
from cdrsite.competition.objectives import Lexicographic
from cdrsite.competition.rows import build_rows, objective_matrix
from cdrsite.core.errors import CdrsiteError
from cdrsite.core.plaindata import recorded
from cdrsite.sampling.additive import curves_of
from cdrsite.sampling.drawn import COMMON, NUMBER, SUPPLY, UNIT, Draw
from cdrsite.sampling.information import (
    WorthKnowing,
    Worths,
    degree_for,
    knowing_all,
    knowing_some,
)
from cdrsite.sampling.kept_plans import Afterwards, KeptPlan, keep_plan
from cdrsite.sampling.robust import TAIL, worst_mean
from cdrsite.study.goal import objective_of
from cdrsite.study.samples import solve_sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.competition.objectives import Objective
    from cdrsite.engine.passes import Workspace
    from cdrsite.sampling.drawn import Ensemble
    from cdrsite.study.sampled import Sample, SampledStudy
    from cdrsite.study.samples import Solved, Thin

    F64 = NDArray[np.float64]

BASE, MEAN, ROBUST = 0, 1, -1
"""Numbers of the study's own plan, of that at the means, and of the one for all samples at once;
that of sample s is s + OF_SAMPLE."""
OF_SAMPLE = 2
GROWING = ("stock", "spread")
"""Families of methods that give what their land gives; others have a capacity."""
MILLION = 1e6
DECISION_COLUMNS = (
    "plan", "sample", "mean_worth", "worth_p05", "worth_p10", "worth_p50", "worst_tenth",
    "mean_regret", "error_of_regret", "regret_p95", "largest_regret", "best_in", "keeps_rules",
    "best_mean", "least_largest_regret", "unit",
)  # fmt: skip
INFORMATION_COLUMNS = (
    "known", "number", "value", "noise", "error", "worth", "found", "unit"
)  # fmt: skip


@recorded
@dataclass(frozen=True)
class Candidate:
    """A plan that could be decided on; without places where there is none."""

    plan: KeptPlan | None
    why: str = ""


def plan_name(number: int) -> str:
    """A plan in tables: base, mean, robust, or sample."""
    return {BASE: "base", MEAN: "mean", ROBUST: "robust"}.get(number, "sample")


def mean_draw(ensemble: Ensemble) -> Draw:
    """Every number at its mean over the samples: alternatives, capacities and layers as they are.

    Alternatives have no mean, and layers have that of the study already; capacities of storage are
    those that are exceeded as often as not.
    """
    values: dict[str, float | str] = {}
    supplies: dict[str, list[float]] = {}
    units = 0
    for one in ensemble.dimensions:
        if one.kind == UNIT:
            units += 1
        elif one.kind in {NUMBER, SUPPLY} and not one.options:
            mean = float(np.nanmean([float(v) for v in ensemble.columns[one.path]]))
            if one.kind == SUPPLY:
                name = one.path.split(":")[0].removeprefix("supplies.")
                supplies.setdefault(name, []).append(mean)
            else:
                values[one.path] = mean
    factors = {name: np.array(some) for name, some in supplies.items()}
    return Draw(-1, values, factors, np.full(units, 0.5) if units else None)


def spread_in_value(known: Sequence[Solved], count: int) -> list[int]:
    """Numbers of samples spread from the least to the most that can be had."""
    order = sorted(known, key=lambda one: (one.value, one.number))
    at = np.unique(np.round(np.linspace(0, len(order) - 1, min(count, len(order)))).astype(int))
    return sorted(order[i].number for i in at.tolist())


@dataclass(frozen=True)
class AfterSample:
    """The numbers of samples over the cells that stand for all."""

    study: SampledStudy
    thin: Thin

    def afterwards(self, sample: Sample) -> Afterwards:
        """The numbers of a sample, as kept plans meet them."""
        here = sample.in_cells(self.thin.kept)
        count = self.thin.kept.count
        problem = here.problem(here.cells(0, count, self.thin.land, self.thin.local))
        system = build_rows(problem, MAX_GROUPS, self.thin.zoned)
        families = [model.method.family for model in self.study.setting.models.values()]
        return Afterwards(
            problem.cells.read(0, count),
            problem,
            system,
            objective_matrix(first_goal(sample), problem),
            np.isin(families, GROWING),
        )


def first_goal(sample: Sample) -> Objective:
    """The goal that comes first in a sample."""
    goal = objective_of(sample.setting.scenario.objective, sample.earned)
    return goal.first if isinstance(goal, Lexicographic) else goal


@dataclass(frozen=True)
class MakePlan:
    """Task: a plan that could be decided on, by its number."""

    at: AfterSample

    def __call__(self, number: int) -> Candidate:
        """Solve its problem over the cells that stand for all."""
        study, thin = self.at.study, self.at.thin
        try:
            sample = (
                study.unchanged() if number == BASE
                else study.made(mean_draw(study.ensemble)) if number == MEAN
                else study.sample(number - OF_SAMPLE)
            )  # fmt: skip
            here = sample.in_cells(thin.kept)
            cells = here.cells(0, thin.kept.count, thin.land, thin.local)
            return Candidate(keep_plan(solve_sample(here.problem(cells), sample, thin), number))
        except CdrsiteError as error:
            return Candidate(None, str(error))


@dataclass(frozen=True)
class WeighPlans:
    """Task: what every plan is worth in a sample, by its number, shape (plans,)."""

    at: AfterSample
    plans: tuple[KeptPlan, ...]

    def __call__(self, number: int) -> F64:
        """Worths in the sample; NaN of a plan that cannot keep the rules."""
        now = self.at.afterwards(self.at.study.sample(number))
        return np.array([now.worth(plan) for plan in self.plans])


@dataclass
class Decisions:
    """What kept plans are worth.

    Attributes
    ----------
    tables : dict
        ``decisions`` and ``information``.
    summary : dict
        Headline numbers; of none where there is no plan to keep.
    plans : tuple of KeptPlan
        That could be decided on.
    weighed : PlanWorths or None
        What each is worth in each sample.
    """

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    plans: tuple[KeptPlan, ...] = ()
    weighed: PlanWorths | None = None


def decide(
    study: SampledStudy, thin: Thin, known: Sequence[Solved], count: int, space: Workspace
) -> Decisions:
    """Weigh plans that could be decided on in all samples.

    Parameters
    ----------
    study : SampledStudy
        The samples.
    thin : Thin
        Cells that stand for all.
    known : sequence of Solved
        Samples that have a plan.
    count : int
        How many plans of samples.
    space : Workspace
        Who works.
    """
    at = AfterSample(study, thin)
    numbers = [BASE, MEAN, *(s + OF_SAMPLE for s in spread_in_value(known, count))]
    made = list(space.every("kept plans", MakePlan(at), numbers, "kept plans"))
    plans = tuple(one.plan for one in made if one.plan is not None)
    goal = first_goal(study.unchanged())
    if made[0].plan is None:
        return Decisions(summary={"plans": 0, "why": made[0].why})
    samples = [one.number for one in known]
    weighed = space.every("worths", WeighPlans(at, plans), samples, "kept plans in samples")
    worth = np.stack(list(weighed), axis=1)
    best = np.array([one.value for one in known])
    return weighed_plans(study.ensemble, samples, plans, PlanWorths(best, worth, f"M{goal.unit}"))


@dataclass(frozen=True)
class PlanWorths:
    """What samples and plans are worth, shapes (samples,) and (plans, samples), and the unit."""

    best: F64
    worth: F64
    unit: str


def weighed_plans(
    ensemble: Ensemble, samples: Sequence[int], plans: tuple[KeptPlan, ...], weighed: PlanWorths
) -> Decisions:
    """Tables and summary of plans whose worths are known."""
    best, worth, unit = weighed.best, weighed.worth, weighed.unit
    summary: dict[str, Any] = {
        "plans": len(plans),
        "unit": unit,
        "keeps_rules": float(np.isfinite(worth[0]).mean()),
    }
    tables = {"decisions": decision_table(plans, worth, best, unit)}
    tables["information"] = pd.DataFrame(columns=list(INFORMATION_COLUMNS))
    if np.isfinite(worth).all():
        worths = Worths(best, worth)
        tables["information"] = information_table(ensemble, samples, worths, unit)
        summary |= headline(tables)
    return Decisions(tables, summary, plans, weighed)


def decision_table(plans: Sequence[KeptPlan], worth: F64, best: F64, unit: str) -> pd.DataFrame:
    """What each plan is worth and would lose, in millions of the goal's unit.

    Worths of a plan are over the samples in which it keeps the rules; regret is told where all
    plans keep them in all samples.
    """
    rows = []
    worths = Worths(best, worth) if np.isfinite(worth).all() else None
    for d, plan in enumerate(plans):
        mine = worth[d][np.isfinite(worth[d])] / MILLION
        p05, p10, p50 = np.quantile(mine, (0.05, TAIL, 0.5)) if len(mine) else [math.nan] * 3
        regret = np.full(1, np.nan) if worths is None else worths.regret[d] / MILLION
        top = None if worths is None else worths.plans.max(axis=0)
        rows.append(
            {
                "plan": plan_name(plan.number),
                "sample": plan.number - OF_SAMPLE + 1 if plan.number >= OF_SAMPLE else math.nan,
                "mean_worth": mine.mean() if len(mine) else math.nan,
                "worth_p05": p05, "worth_p10": p10, "worth_p50": p50,
                "worst_tenth": worst_mean(mine),
                "mean_regret": regret.mean(),
                "error_of_regret": error_of_mean(regret),
                "regret_p95": np.quantile(regret, 0.95),
                "largest_regret": regret.max(),
                "best_in": math.nan if top is None else float((worth[d] >= top).mean()),
                "keeps_rules": float(np.isfinite(worth[d]).mean()),
                "best_mean": worths is not None and d == worths.leader,
                "least_largest_regret": worths is not None and d == worths.cautious,
                "unit": unit,
            }
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(DECISION_COLUMNS))


def error_of_mean(values: F64) -> float:
    """Standard error of a mean over samples."""
    return float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else math.nan


def information_table(
    ensemble: Ensemble, samples: Sequence[int], worths: Worths, unit: str
) -> pd.DataFrame:
    """What knowing all, a number or some numbers first is worth; what is worth most comes first."""
    told = list(ensemble.dimensions)
    columns = []
    degree = degree_for(len(samples), len(told))
    for j, one in enumerate(told):
        drawn = ensemble.independent[list(samples), j]
        if one.options:
            taken = [ensemble.columns[one.path][s] for s in samples]
            steps = np.array([one.options.index(v) for v in taken], np.float64)
            columns.append(curves_of(steps, len(one.options)))
        else:
            columns.append(curves_of(drawn, degree=degree))
    sets = sets_of(ensemble)
    found = knowing_some(worths, columns, sets, ensemble.seed)
    every, among = knowing_all(worths)
    rows = [_row("everything", "", every, unit), _row("which plan", "", among, unit)]
    order = sorted(found, key=lambda name: (-_or_less(found[name].worth), name))
    for name in order:
        kind = "number" if len(sets[name]) == 1 else "numbers"
        rows.append(_row(kind, name, found[name], unit))
    return pd.DataFrame(rows, columns=list(INFORMATION_COLUMNS))


def _or_less(value: float) -> float:
    return -1.0 if math.isnan(value) else value


def _row(known: str, name: str, value: WorthKnowing, unit: str) -> dict[str, Any]:
    unsure = math.isnan(value.value)
    return {
        "known": known,
        "number": name,
        "value": value.value / MILLION,
        "noise": value.noise / MILLION,
        "error": value.error / MILLION,
        "worth": math.nan if unsure else value.worth / MILLION,
        "found": value.found,
        "unit": unit,
    }


def sets_of(ensemble: Ensemble) -> dict[str, list[int]]:
    """Name -> dimensions that are known together: each number, pools of a kind, named groups.

    What pools or units of one kind have in common is no number that could be known alone.
    """
    sets: dict[str, list[int]] = {}
    at = {one.path: j for j, one in enumerate(ensemble.dimensions)}
    kinds: dict[str, list[int]] = {}
    for j, one in enumerate(ensemble.dimensions):
        if one.kind in {SUPPLY, UNIT}:
            kinds.setdefault(one.path.split(":")[0], []).append(j)
        if one.kind != COMMON:
            sets[one.path] = [j]
    for path, members in kinds.items():
        common = at.get(f"{path} in common")
        if len(members) > 1:
            sets[path] = members if common is None else [common, *members]
    for group in ensemble.groups:
        members = [group.common, *group.members]
        if members not in sets.values():
            sets[group.name] = members
    return sets


def headline(tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """What the sentences of page and terminal tell of kept plans."""
    decisions, information = tables["decisions"], tables["information"]
    base = decisions.iloc[0]
    lead = decisions[decisions["best_mean"]].iloc[0]
    cautious = decisions[decisions["least_largest_regret"]].iloc[0]
    names = ("plan", "sample", "mean_worth", "worst_tenth", "mean_regret", "error_of_regret",
             "regret_p95", "largest_regret")  # fmt: skip

    def told(row: pd.Series) -> dict[str, Any]:
        return {k: _plain(row[k]) for k in names}

    some = information[information["known"].isin(["number", "numbers"]) & information["found"]]
    all_ = information.iloc[0]
    return {
        "base": told(base),
        "best_mean": told(lead),
        "least_largest_regret": told(cautious),
        "everything": {k: _plain(all_[k]) for k in ("value", "error", "found")},
        "which_plan": {k: _plain(information.iloc[1][k]) for k in ("value", "error", "found")},
        "numbers_told": bool(information["value"].iloc[2:].notna().any()),
        "worth_knowing": [
            {k: _plain(row[k]) for k in ("number", "worth", "noise", "error")}
            for row in some.to_dict("records")
        ][:5],
    }


def _plain(value: Any) -> Any:
    """A value of a table as JSON has it."""
    if isinstance(value, str | bool | np.bool_):
        return value if isinstance(value, str) else bool(value)
    number = float(value)
    return number if math.isfinite(number) else None
