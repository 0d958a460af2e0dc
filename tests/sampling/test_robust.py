"""The best mix of plans for all samples, against the whole programme in one piece."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from competition_problems import FINE, problems
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from kept_worlds import after, changed, one_cell
from scipy.optimize import linprog

from cdrsite.competition.objectives import most_net
from cdrsite.competition.prices import solve
from cdrsite.sampling.kept_plans import KeptPlan, joined, keep_plan
from cdrsite.sampling.robust import MEAN_TOO, TAIL, aim_of, mixed, robust_plan, worst_mean

NEEDS = (1.2, 1.6, 2.4, 3.0, 3.6)


def case(needs=NEEDS, supplies=(60.0,)):
    """Plans of two methods on one pool, and samples of the second one's need."""
    plans = [keep_plan(solve(one_cell(need), most_net(), FINE), 0) for need in (1.2, 3.0)]
    nows = [after(one_cell(need, supply)) for need in needs for supply in supplies]
    groups = [[now.groups(plan) for plan in plans] for now in nows]
    best = np.array([supply / min(2.0, need) for need in needs for supply in supplies])
    return plans, nows, groups, best


def solved(aim, plans, nows, groups, best):
    stages = [now.stage(joined(each)) for now, each in zip(nows, groups, strict=True)]
    owner = [np.repeat(np.arange(len(plans)), [len(g.value) for g in each]) for each in groups]
    return robust_plan(stages, owner, len(plans), 1, best, best, aim)


def whole(aim: str, groups: Any, nows: Any, best: np.ndarray) -> float:
    """The same as one programme: shares of plans, use of every group in every sample."""
    plans, samples = len(groups[0]), len(groups)
    first = np.cumsum([0, plans, *(sum(len(g.value) for g in each) for each in groups)])
    level, short = first[-1], first[-1] + 1
    count = short + samples
    cost, upper = np.zeros(count), [(0.0, None)] * count
    upper[level] = (None, None)
    rows, limits = [np.zeros(count)], [1.0]
    rows[0][:plans] = 1.0
    for s, (each, now) in enumerate(zip(groups, nows, strict=True)):
        at = first[s + 1]
        worth, use = np.zeros(count), np.zeros((len(now.system.rows), count))
        for k, one in enumerate(each):
            for g in range(len(one.value)):
                cap = np.zeros(count)
                cap[at + g], cap[k] = 1.0, -1.0
                rows.append(cap)
                limits.append(0.0)
                worth[at + g] = one.value[g]
            np.add.at(use, (one.row, at + one.column), one.weight)
            at += len(one.value)
        rows += list(use)
        limits += now.system.limits.tolist()
        cost += MEAN_TOO / samples * worth
        least = -worth
        if aim == "p10":  # level - worth <= short
            least[level], least[short + s] = 1.0, -1.0
            cost[short + s] = -(1.0 - MEAN_TOO) / (TAIL * samples)
            limits.append(0.0)
        else:  # best - worth <= level
            least[level] = -1.0
            limits.append(-best[s])
        rows.append(least)
    cost[level] = (1.0 - MEAN_TOO) * (1.0 if aim == "p10" else -1.0)
    return -linprog(-cost, np.array(rows), limits, bounds=upper).fun


@pytest.mark.parametrize("aim", ["p10", "regret"])
@pytest.mark.parametrize("supplies", [(60.0,), (30.0, 60.0, 90.0)])
def test_it_is_the_optimum_of_the_whole_programme(aim, supplies) -> None:
    plans, nows, groups, best = case(supplies=supplies)
    found = solved(aim, plans, nows, groups, best)
    value = whole(aim, groups, nows, best)
    assert found.value == pytest.approx(value, rel=1e-3, abs=1e-3 * best.max())
    assert found.bound >= value - 1e-6
    assert found.gap <= 1e-3
    assert found.value <= found.bound + 1e-9


@settings(deadline=None, max_examples=examples(10))
@given(problems(policies=False), st.sampled_from(["p10", "regret"]))
def test_no_plan_of_its_columns_is_better_and_none_exceeds_the_bound(problem, aim) -> None:
    changes = [(0.6, 1.0), (1.0, 0.7), (1.4, 1.2)]
    others = [changed(problem, supply, own) for supply, own in changes]
    answers = [solve(one, most_net(), FINE) for one in others]
    plans = [keep_plan(one, 0) for one in answers]
    nows = [after(one) for one in others]
    groups = [[now.groups(plan) for plan in plans] for now in nows]
    best = np.array([one.report.value for one in answers])
    found = solved(aim, plans, nows, groups, best)
    worth = np.array([[now.worth(plan) for now in nows] for plan in plans])
    size = max(float(best.max()), 1e-9)
    for mine in worth:
        assert found.value >= aim_of(aim, mine, best) - 1e-8 * size
        assert aim_of(aim, mine, best) <= found.bound + 1e-8 * size
    assert found.share.sum(axis=0) == pytest.approx(1.0, abs=1.0)
    # as a plan of its own it keeps its cells, whatever its columns had to leave there
    plan = mixed(plans, found.share, np.zeros(problem.cells.n_cells, np.int64), -1)
    alone = np.array([now.worth(plan) for now in nows])
    assert (alone <= best * (1 + 1e-8) + 1e-8).all()


def test_the_least_largest_regret_of_two_methods() -> None:
    """Built of B for a need of 1.2, 50 t/yr, or of A, 30: a mix loses least at the worst."""
    plans, nows, groups, best = case(needs=(1.2, 3.6))
    found = solved("regret", plans, nows, groups, best)
    # share p of B: loses 20 (1 - p) at 1.2; at 3.6 gives 30 - 30 p of A and as much water is left
    share = found.share[:, 0]
    largest = (best - found.worth).max()
    assert 0.0 < share[0] < 1.0
    assert largest == pytest.approx(best[0] - found.worth[0], abs=0.1)
    for p in np.linspace(0.0, 1.0, 21):
        stages = [now.stage(joined(each)) for now, each in zip(nows, groups, strict=True)]
        worth = np.array([stage.worth(np.array([p, 1.0 - p])) for stage in stages])
        assert (best - worth).max() >= largest - 0.05


def test_a_mix_is_one_plan_with_its_places_once() -> None:
    one = KeptPlan(0, np.array([0, 1]), np.array([0, 0]), np.array([0, 0]),
                   np.array([10.0, 20.0]), np.array([1.0, 2.0]))  # fmt: skip
    other = replace(one, gross=np.array([30.0, 40.0]), land=np.array([3.0, 4.0]))
    made = mixed([one, other], np.array([[0.5, 0.0], [0.5, 1.0]]), np.array([0, 1]), -1)
    assert made.cell.tolist() == [0, 1]
    assert made.gross == pytest.approx([20.0, 40.0])
    assert made.land == pytest.approx([2.0, 4.0])


def test_the_worst_tenth_is_the_mean_of_the_worst() -> None:
    assert worst_mean(np.arange(1.0, 21.0)) == pytest.approx(1.5)
    assert worst_mean(np.arange(1.0, 6.0)) == pytest.approx(1.0)
    assert worst_mean(np.arange(1.0, 16.0)) == pytest.approx((1.0 + 0.5 * 2.0) / 1.5)
