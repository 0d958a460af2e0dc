"""A plan for all samples at once: the best mix of the plans that were weighed, and its bound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cdrsite.core.errors import ConfigError
from cdrsite.sampling.kept_plans import KeptPlan, joined
from cdrsite.sampling.robust import Aim, RobustPlan, mixed, robust_plan, worst_mean
from cdrsite.study.compete import zone_layers
from cdrsite.study.decisions import (
    MILLION,
    ROBUST,
    AfterSample,
    Decisions,
    PlanWorths,
    WeighPlans,
    weighed_plans,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.engine.passes import Workspace
    from cdrsite.study.sampled import SampledStudy
    from cdrsite.study.samples import Solved, Thin

    I64 = NDArray[np.int64]

MOST_SAMPLES = 64
"""Samples that a robust plan is made for; all of them are asked what it is worth."""
PARTS = 24
"""Parts of the region in which shares of plans are chosen; neighbours in the order of zones."""
ROBUST_COLUMNS = ("zone", "method", "robust_mt_yr", "plan_mt_yr", "robust_km2", "plan_km2")


def make_robust(
    found: Decisions, study: SampledStudy, thin: Thin, known: Sequence[Solved], space: Workspace
) -> Decisions:
    """Add the robust plan to the plans that were weighed.

    Parameters
    ----------
    found : Decisions
        Plans that could be decided on.
    study : SampledStudy
        The samples.
    thin : Thin
        Cells that stand for all.
    known : sequence of Solved
        Samples that have a plan.
    space : Workspace
        Who works.

    Raises
    ------
    ConfigError
        Plans that are kept cannot keep the rules of the study.
    """
    aim = study.setting.scenario.objective.robust
    weighed = found.weighed
    if weighed is None or aim is None or not np.isfinite(weighed.worth).all():
        raise ConfigError(
            "no robust plan: a plan that is kept cannot keep the rules of the study in all samples",
            where="objective.robust",
            got=found.summary.get("why"),
            expected="rules that running less does not break",
            cure="remove objective.robust, or rules with at_least",
            rule=8,
        )
    at, samples = AfterSample(study, thin), [one.number for one in known]
    part = parts_of_region(thin)
    made = _mix(at, found.plans, weighed, known[:MOST_SAMPLES], part, aim)
    plan = mixed(found.plans, made.share, part, ROBUST)
    mine = np.stack(list(space.every("robust", WeighPlans(at, (plan,)), samples, "robust")), axis=1)
    worth = np.concatenate([weighed.worth, mine])
    more = weighed_plans(
        study.ensemble, samples, (*found.plans, plan), PlanWorths(weighed.best, worth, weighed.unit)
    )
    more.tables["robust"] = robust_table(plan, found.plans[0], study, thin)
    more.summary["robust"] = _told(made, aim, min(len(known), MOST_SAMPLES), len(found.plans), part)
    more.summary["robust"] |= {
        name: float(more.tables["decisions"][name].iloc[-1])
        for name in ("mean_worth", "worth_p10", "worst_tenth", "mean_regret", "regret_p95",
                     "largest_regret")
    }  # fmt: skip
    if aim == "p10":  # no plan is worth more in a sample than its best one
        every = np.array([one.bound for one in known])
        more.summary["robust"]["bound_of_all_plans"] = worst_mean(every) / MILLION
    return more


def _mix(
    at: AfterSample,
    plans: Sequence[KeptPlan],
    weighed: PlanWorths,
    known: Sequence[Solved],
    part: I64,
    aim: Aim,
) -> RobustPlan:
    """The best mix of the plans over some samples."""
    parts = int(part.max(initial=0)) + 1
    of_combo = np.zeros(int(at.thin.zoned.count), np.int64)
    of_combo[at.thin.zoned.combo] = part
    stages, owner = [], []
    for one in known:
        now = at.afterwards(at.study.sample(one.number))
        each = [now.groups(plan) for plan in plans]
        stages.append(now.stage(joined(each)))
        owner.append(
            np.concatenate([k * parts + of_combo[some.combo] for k, some in enumerate(each)])
        )
    best = np.maximum(weighed.best, weighed.worth.max(axis=0))[: len(known)]
    most = np.array([one.bound for one in known])
    return robust_plan(stages, owner, len(plans), parts, best, most, aim)


def parts_of_region(thin: Thin) -> I64:
    """Part of the region of each cell that stands for others: whole combinations of zones."""
    count = thin.zoned.count
    parts = min(count, PARTS)
    part = thin.zoned.combo.astype(np.int64) * parts // max(count, 1)
    return np.unique(part, return_inverse=True)[1].ravel().astype(np.int64)


def _told(made: RobustPlan, aim: Aim, samples: int, plans: int, part: I64) -> dict[str, Any]:
    return {
        "aim": aim,
        "value": made.value / MILLION,
        "bound": made.bound / MILLION,
        "gap": made.gap,
        "rounds": made.rounds,
        "samples": samples,
        "of_plans": plans,
        "parts": int(part.max(initial=0)) + 1,
    }


def robust_table(plan: KeptPlan, base: KeptPlan, study: SampledStudy, thin: Thin) -> pd.DataFrame:
    """What the robust plan builds by administrative unit and method, beside the study's own."""
    admin = study.setting.scenario.outputs.admin
    names: tuple[str, ...] = ("",)
    zone = np.zeros(thin.kept.count, np.int64)
    if admin is not None:
        names = ("", *zone_layers(study.setting)[admin.layer])
        zone = thin.zoned.table[admin.layer][thin.zoned.combo] + 1
    methods = tuple(study.setting.models)
    sums = np.zeros((2, 2, len(names), len(methods)))
    for at, one in zip(sums, (plan, base), strict=True):
        where = zone[one.cell], one.method
        np.add.at(at[0], where, one.gross / MILLION)
        np.add.at(at[1], where, one.land / MILLION)
    rows = [
        {
            "zone": names[z], "method": methods[m],
            "robust_mt_yr": sums[0, 0, z, m], "plan_mt_yr": sums[1, 0, z, m],
            "robust_km2": sums[0, 1, z, m], "plan_km2": sums[1, 1, z, m],
        }
        for z in range(len(names)) for m in range(len(methods)) if sums[:, 0, z, m].any()
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(ROBUST_COLUMNS))
