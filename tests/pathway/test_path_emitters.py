"""Emitters over milestones: the whole programme, ledgers, retirement and one year alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_course import plain_course
from random_paths import FINE, check, paths
from whole_path import whole_path

from cdrsite.competition.captured import AVOIDED, EMITTERS, Captures
from cdrsite.competition.objectives import least_cost, most_net
from cdrsite.competition.prices import solve
from cdrsite.competition.problem import (
    ArrayCells,
    Competitor,
    PolicyRow,
    Problem,
    RowTerm,
    SinkFamily,
)
from cdrsite.core.errors import DataError, InfeasibleError
from cdrsite.pathway.course import Path, PathGoal, Target
from cdrsite.pathway.solve import solve_path
from cdrsite.testing.exact import solve_whole


def emitters(path: Path, rng: np.random.Generator, *, forced: bool) -> Captures:
    """Two to four emitters in the zones of a random path."""
    problem, count = path.problem, int(rng.integers(2, 5))
    zonings = {pool.zoning: len(pool.zones) for pool in problem.pools}
    for rule in problem.policies:
        if rule.zoning is not None:
            zonings.setdefault(rule.zoning, 2)
    sink = rng.integers(-1, problem.n_sinks, (count, 2))
    sink[:, 0] = np.maximum(sink[:, 0], 0)
    begin, end = rng.integers(0, path.course.count, (2, count))
    milestones = np.arange(path.course.count)
    serving = (milestones >= begin[:, None]) & (milestones <= np.maximum(begin, end)[:, None])
    serving[0] = True
    shape = (count, 2)
    return Captures(
        names=[f"e{k}" for k in range(count)], most=rng.uniform(0.2, 3, count),
        biogenic=rng.choice([0.0, 1.0, 0.4], count), sink=sink, cost=rng.uniform(5, 90, shape),
        lost=rng.uniform(0, 0.1, shape), energy=rng.uniform(0, 0.5, count),
        zones={name: rng.integers(-1, size, count) for name, size in zonings.items()},
        needs={pool.name: rng.uniform(0, 0.6, count) for pool in problem.pools[:2]},
        dirty=np.sort(rng.uniform(0, 1.5, path.course.count))[::-1].copy(), serving=serving,
        supplied=rng.uniform(0, 20, (count, path.course.count)),
        must=(rng.random(count) < 0.3) if forced else None,
    )  # fmt: skip


@st.composite
def shared(draw: st.DrawFn) -> Path:
    """A random path with emitters, and what of each ledger must be reached."""
    path = draw(paths(missed=draw(st.booleans())))
    forced = draw(st.booleans())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    captures = emitters(path, rng, forced=forced)
    count = path.course.count
    least = np.where(rng.random(count) < 0.6, rng.uniform(0, 2, count), np.nan)
    price = draw(st.sampled_from([np.nan, 300.0]))
    avoided = Target("avoided", "t/yr", (RowTerm(AVOIDED),), least, price)
    return replace(
        path, problem=replace(path.problem, captures=captures), targets=(*path.targets, avoided)
    )


@settings(max_examples=examples(15), deadline=None)
@given(shared())
def test_generation_is_the_whole_programme_with_emitters(path: Path) -> None:
    check(path)


@settings(max_examples=20, deadline=None)
@given(paths(), st.integers(0, 2**32 - 1))
@pytest.mark.slow
def test_one_milestone_with_emitters_is_one_year(path: Path, seed: int) -> None:
    """The plan of one year and the path of one milestone are two ways to one optimum."""
    rng = np.random.default_rng(seed)
    course = plain_course(["2030"], np.ones(1), np.ones(1), 3, len(path.problem.counted))
    one = replace(path, course=course)
    captures = replace(emitters(one, rng, forced=True), dirty=np.ones(1))
    rules = (
        PolicyRow("avoided", (RowTerm(AVOIDED),), ">=", float(rng.uniform(0, 1)), "t/yr"),
        *path.problem.policies,
    )
    problem = replace(path.problem, captures=captures, policies=rules)
    for objective in (most_net(), least_cost()):
        goal = PathGoal(objective.name, "", [objective.terms], objective.sign)
        whole = whole_path(Path(problem, course, goal))
        if whole is None:
            with pytest.raises(InfeasibleError):
                solve(problem, objective, FINE)
            continue
        found, exact = solve(problem, objective, FINE), solve_whole(problem, objective)
        assert found.report.value == pytest.approx(whole.value, rel=1e-6, abs=1e-6)
        assert exact.value == pytest.approx(whole.value, rel=1e-6, abs=1e-6)
        captured = np.bincount(captures.owner, found.sold, len(captures.names))
        assert (captured <= captures.most * (1 + 1e-9)).all()
        busy = captures.at_work & captures.there[:, -1]
        assert captured[busy] == pytest.approx(captures.most[busy])


def one_plant(**given: object) -> Path:
    """Forest alone, and a plant whose CO2 one sink takes; milestones 2030 to 2050."""
    cells = ArrayCells(
        land=np.array([100.0]), upper=np.full((1, 1), 50.0), net=np.ones((1, 1)),
        cost=np.full((1, 1), 10.0), need=np.ones((1, 1)), sink=np.zeros((1, 1), np.int32),
        sink_cost=np.zeros((1, 1)), sink_loss=np.zeros((1, 1)),
    )  # fmt: skip
    one = np.ones(1)
    numbers = {
        "names": ["works"], "most": 4.0 * one, "biogenic": 0.5 * one,
        "sink": np.zeros((1, 1), np.int32), "cost": np.full((1, 1), 30.0),
        "lost": np.zeros((1, 1)), "energy": 0.2 * one, "dirty": np.array([1.0, 0.5, 0.0]),
    }  # fmt: skip
    sinks = [SinkFamily("injection", "t/yr", ["u"], np.array([50.0]))]
    captures = Captures(**(numbers | given))  # type: ignore[arg-type]
    problem = Problem(cells, [Competitor("forest", 0.0)], sinks=sinks, n_sinks=1, captures=captures)
    years, worth = np.array([10.0, 10.0, 20.0]), np.array([8.0, 6.0, 5.0])
    course = plain_course(["2030", "2040", "2050"], years, worth, 1, 4)
    goal = PathGoal("cost", "USD", [[RowTerm("cost", -w)] for w in worth], -1)
    return Path(problem, course, goal)


def asked(path: Path, **limits: list[float]) -> Path:
    """A path with targets by ledger."""
    terms = {
        "removal": (RowTerm("net"),), "avoided": (RowTerm(AVOIDED),),
        "durable": (RowTerm("net", 0.5, ("forest",)), RowTerm("net", 1.0, (EMITTERS,))),
    }  # fmt: skip
    targets = [Target(name, "t/yr", terms[name], np.array(limit)) for name, limit in limits.items()]
    return replace(path, targets=tuple(targets))


def test_ledgers_stay_apart_and_follow_the_grid() -> None:
    """Half of a tonne is removal, half avoided; the power of capture gets cleaner."""
    nan = float("nan")
    found = solve_path(asked(one_plant(), avoided=[0.8, nan, 1.0], removal=[3.0, nan, nan]), FINE)
    # 0.8 / (0.5 x (1 - 0.2)) is captured in 2030, and brings 0.8 of the 3 t of removal
    assert found.captured[0] == pytest.approx([2.0, 2.0, 2.0])
    assert found.built[0, :, 0] == pytest.approx([2.2, 0.0, 0.0])
    use = dict(zip((row.name for row in found.system.rows), found.use, strict=True))
    assert use["removal 2030"] == pytest.approx(3.0)
    assert use["avoided 2050"] == pytest.approx(1.0)
    assert use["injection: u 2040"] == pytest.approx(2.0)


def test_permanent_tonnes_of_emitters_count_whole() -> None:
    nan = float("nan")
    path = asked(one_plant(cost=np.full((1, 1), 1.0)), durable=[nan, nan, 1.5])
    found = solve_path(path, FINE)
    assert found.captured[0] == pytest.approx([0.0, 0.0, 3.0])
    assert found.built[0, :, 0] == pytest.approx([0.0, 0.0, 0.0])


def test_no_capture_at_a_plant_that_is_closed() -> None:
    """Capture ends with its plant, frees injection, and keeps the pore space that it has filled."""
    nan = float("nan")
    serving = np.array([[True, True, False]])
    path = one_plant(serving=serving, must=np.ones(1, np.bool_))
    found = solve_path(asked(path, removal=[1.6, nan, 5.0]), FINE)
    assert found.captured[0] == pytest.approx([4.0, 4.0, 0.0])
    assert found.built[0, :, 0] == pytest.approx([0.0, 0.0, 5.0])
    filled = replace(path, life={"injection": np.array([80.0])})
    full = solve_path(asked(filled, removal=[1.6, nan, nan]), FINE)
    use = dict(zip((row.name for row in full.system.rows), full.use, strict=True))
    assert use["injection: u"] == pytest.approx(80.0)
    tight = replace(path, life={"injection": np.array([79.0])})
    with pytest.raises(InfeasibleError, match="injection"):
        solve_path(asked(tight, removal=[1.6, nan, nan]), FINE)


def test_emitters_that_do_nothing_change_no_digit() -> None:
    idle = asked(one_plant(), removal=[1.0, 2.0, 3.0])
    dear = replace(idle, problem=replace(
        idle.problem, captures=replace(idle.problem.captures, cost=np.full((1, 1), 1e4)),
    ))  # fmt: skip
    none = replace(idle, problem=replace(idle.problem, captures=None))
    with_, without = solve_path(dear, FINE), solve_path(none, FINE)
    assert with_.built.tobytes() == without.built.tobytes()
    assert with_.price.tolist() == pytest.approx(without.price.tolist())


def test_who_must_capture_and_cannot_is_refused() -> None:
    with pytest.raises(DataError, match="must capture"):
        one_plant(lost=np.full((1, 1), 0.9), must=np.ones(1, np.bool_), energy=np.full(1, 5.0),
                  dirty=np.ones(3))  # fmt: skip
