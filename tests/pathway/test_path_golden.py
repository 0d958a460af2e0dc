"""Worked paths to their digits: the whole programme in one piece, and by column generation."""

from __future__ import annotations

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_course import plain_course
from whole_path import whole_path

from cdrsite.competition.generator import SolverOptions
from cdrsite.competition.problem import (
    ArrayCells,
    Competitor,
    PoolFamily,
    Problem,
    RowTerm,
    SinkFamily,
)
from cdrsite.core.errors import InfeasibleError
from cdrsite.network.milestones import times_of
from cdrsite.pathway.course import Course, GrowthRow, Path, PathGoal, Target
from cdrsite.pathway.rows import path_rows
from cdrsite.pathway.solve import PathSolution, solve_path
from cdrsite.place.curves import AgeCurve
from cdrsite.study.course import stock_output

FINE = SolverOptions(gap=1e-10, threads=1)
NAMES = ("2030", "2040", "2050", "2060")


def one_cell(methods: int, land: float, **given: object) -> ArrayCells:
    """One cell that holds all; what is not given costs nothing and needs no land."""
    numbers = {name: np.zeros((methods, 1)) for name in ("cost", "need")}
    numbers |= {"upper": np.full((methods, 1), 1e4), "net": np.ones((methods, 1))}
    numbers |= {
        "sink": np.zeros((1, 1), np.int32), "sink_cost": np.zeros((1, 1)),
        "sink_loss": np.zeros((1, 1)),
    }  # fmt: skip
    numbers |= {
        name: np.array(value, float)[:, None] if np.ndim(value) == 1 else value
        for name, value in given.items()
    }
    return ArrayCells(land=np.array([land]), **numbers)


def least_cost(course: Course) -> PathGoal:
    """Least present cost."""
    return PathGoal("cost", "USD", [[RowTerm("cost", -w)] for w in course.worth], -1)


def price(solution: PathSolution, name: str) -> float:
    """Price of a row by its name."""
    return float(solution.price[[row.name for row in solution.system.rows].index(name)])


def both(path: Path) -> PathSolution:
    """Solve a path, and check it against the whole programme."""
    whole, found = whole_path(path), solve_path(path, FINE)
    assert whole is not None
    assert found.report.value == pytest.approx(whole.value, rel=1e-9)
    assert found.report.bound >= found.report.value
    return found


@pytest.mark.parametrize(("years", "total"), [(1.0, 9.0), (30.0, 270.0)])
def test_one_milestone_is_the_plan_of_one_year(years: float, total: float) -> None:
    """Units Mm2, Mm3, TWh, Mt: the digits of one year, and pore space divided by its years."""
    cells = one_cell(
        3, 10_000.0, net=[0.9, 0.85, 0.85], need=[0.4, 0.5, 1000.0],
        zone_ids={"all": np.zeros(1, np.int64)},
    )  # fmt: skip

    def pool(name: str, supply: float, **need: float) -> PoolFamily:
        return PoolFamily(name, "u", "all", ["a"], np.array([supply]), need)

    pools = [
        pool("water", 30.0, dac=3.0, beccs=2.3), pool("power", 8.0, dac=1.5, beccs=-0.6),
        pool("residues", 3.0, beccs=0.61),
    ]  # fmt: skip
    methods = [Competitor("dac"), Competitor("beccs"), Competitor("forest", 0.0)]
    sinks = [SinkFamily("pore", "Mt/yr", ["u"], np.array([9.0]))]
    problem = Problem(cells, methods, pools, sinks, n_sinks=1)
    course = plain_course(["2060"], np.array([years]), np.array([1.0]), 3, 4)
    goal = PathGoal("net", "Mt/yr", [[RowTerm("net")]])
    found = both(Path(problem, course, goal, life={"pore": np.array([total])}))
    assert found.report.value == pytest.approx(16.465765, abs=1e-6)
    assert found.built[:, 0, 0] == pytest.approx([6.380952, 2.619048, 9.996138], abs=1e-6)
    assert price(found, "power: a 2060") == pytest.approx(0.02385, abs=1e-8)
    assert price(found, "pore: u") == pytest.approx(0.863885 / years, abs=1e-8)


def filling(pore: float, targets: tuple[float, float] = (1.8, 4.5)) -> Path:
    """L stores 1.3 t per gross tonne, S 1.0; L gets cheaper."""
    times = times_of([2030, 2040], after=20, rate=0.04)
    cells = one_cell(2, 1.0, net=[0.9, 0.9], cost=[200.0, 210.0], upper=[10.0, 10.0])
    sinks = [SinkFamily("pore", "Mt/yr", ["u"], np.array([pore]))]
    problem = Problem(cells, [Competitor("L", 1.3), Competitor("S")], sinks=sinks, n_sinks=1)
    course = plain_course(NAMES[:2], times.years, times.worth, 2, 4)
    course.more_cost[:, 1, 1, 0] = -80.0, -10.0
    target = Target("removal", "Mt/yr", (RowTerm("net"),), np.array(targets))
    return Path(problem, course, least_cost(course), (target,), life={"pore": np.array([pore])})


@pytest.mark.parametrize(
    ("pore", "cost", "dual"),
    [(155.0, 12522.524387, 141.119084), (160.0, 12120.738862, 19.595126), (176.0, 11817.014411, 0)],
)
def test_storage_that_fills(pore: float, cost: float, dual: float) -> None:
    """What a Mt of pore space saves depends on what it is left for."""
    found = both(filling(pore))
    assert -found.report.value == pytest.approx(cost, abs=1e-6)
    assert price(found, "pore: u") == pytest.approx(dual, abs=1e-6)
    if pore == 155.0:
        assert found.built[:, :, 0] == pytest.approx(
            np.array([[0, 2.666667], [2, 0.333333]]), abs=1e-6
        )
        assert -price(found, "removal 2030") == pytest.approx(1958.990445, abs=1e-6)
        assert -price(found, "removal 2040") == pytest.approx(6859.955458, abs=1e-6)
        year = found.yearly_price[[r.name for r in found.system.rows].index("removal 2040")]
        assert -year == pytest.approx(518.52, abs=0.005)


def test_no_plan_names_the_rows_and_years() -> None:
    with pytest.raises(InfeasibleError) as caught:
        solve_path(filling(130.0), FINE)
    text = str(caught.value)
    assert "removal 2030" in text
    assert "removal 2040" in text
    assert "pore of u" in text


def test_looking_ahead_is_never_dearer_than_step_by_step() -> None:
    """2030 alone takes the cheaper L; what it wastes of the pore space 2040 pays for."""
    first = both(filling(155.0, (1.8, float("nan"))))
    # alone, 2030 holds its plant for all 30 years, and does not see 2040
    assert first.built[:, 0, 0] == pytest.approx([2.0, 0.0], abs=1e-9)
    then = filling(155.0 - 2.0 * 1.3 * 30.0, (float("nan"), 4.5 - 1.8))
    second = both(Path(then.problem, shut(then.course), then.goal, then.targets, life=then.life))
    cost = -(first.report.value + second.report.value)
    assert second.built[:, 1, 0] == pytest.approx([0.266667, 2.733333], abs=1e-6)
    assert cost == pytest.approx(14709.955627, abs=1e-6)


def test_a_milestone_without_any_row_has_sinks_of_its_own() -> None:
    """Nothing is asked for in 2040, and no supply is of that year: its vintage still stores."""
    system = path_rows(filling(155.0, (1.8, float("nan"))), 1)
    assert system.milestone.tolist() == [-1, 0]
    values = system.sink_values(np.array([2.0, 5.0]))
    # years of injection: 30 of a plant of 2030; 25 of one of 2040, half of the decade before too
    assert values.tolist() == [[-np.inf, -60.0], [-np.inf, -50.0]]


@settings(max_examples=examples(15), deadline=None)
@given(st.floats(100, 220), st.floats(0.5, 2.5), st.floats(0, 3))
def test_looking_ahead_never_costs_more(pore: float, first: float, more: float) -> None:
    """Whatever is asked for, step by step is one of the plans that the whole path may choose."""
    targets = (first, first + more)
    try:
        alone = solve_path(filling(pore, (first, float("nan"))), FINE)
        stored = float(alone.built[:, 0, 0] @ [1.3, 1.0]) * 30.0
        then = filling(pore - stored, (float("nan"), more))
        later = solve_path(
            Path(then.problem, shut(then.course), then.goal, then.targets, life=then.life), FINE
        )
    except InfeasibleError:
        return
    ahead = both(filling(pore, targets))
    steps = alone.report.value + later.report.value
    assert ahead.report.value >= steps - 1e-6 * abs(steps)


def shut(course: Course) -> Course:
    """The same without the first vintage."""
    course.open[:, 0] = False
    return course


FOREST = {
    1.0: (3957.967555, (45.442427, 40.872989, 13.684585), (0, 0, 0.601655, 1.554284), 34.540801),
    0.606531: (
        6211.190314,
        (74.921895, 25.078105, 0),
        (0, 0.313735, 1.114238, 1.934803),
        32.554612,
    ),
    0.393469: (8002.457620, (100, 0, 0), (0.074520, 0.581706, 1.365543, 2.074149), 40.304493),
}


def forest(weight: float) -> Path:
    """Forest that saturates beside direct air capture that gets cheaper."""
    years = np.array([2030.0, 2040, 2050, 2060])
    times = times_of(years, start=2020, after=30, rate=0.04)
    # land in kha: a Mt/yr at the mean rate of 10 t/ha/yr takes 100 kha, at 300 USD/ha/yr
    cells = one_cell(2, 100.0, net=[1.0, 0.9], cost=[30.0, 400.0], need=[100.0, 0.0], upper=[1, 10])
    problem = Problem(cells, [Competitor("forest", 0.0), Competitor("dac", 0.0)])
    course = plain_course(NAMES, times.years, times.worth, 2, 4)
    course.output[0] = stock_output(AgeCurve(0.08, 2.0, 30.0), years, 2020.0)
    for v, cost in enumerate((400.0, 300.0, 250.0, 220.0)):
        course.more_cost[1, v, v:, 0] = cost - 400.0
    terms = (RowTerm("net", weight, ("forest",)), RowTerm("net", 1.0, ("dac",)))
    target = Target("durable", "Mt/yr", terms, np.array([0.5, 1, 1.5, 2]))
    return Path(problem, course, least_cost(course), (target,))


@pytest.mark.parametrize("weight", list(FOREST))
def test_forest_that_saturates(weight: float) -> None:
    exact = {0.606531: np.exp(-0.5), 0.393469: 1 - np.exp(-0.5)}.get(weight, 1.0)
    cost, planted, standing, rent = FOREST[weight]
    path = forest(float(exact))
    whole = whole_path(path)
    found = both(path)
    assert path.course.output[0, 0] == pytest.approx(
        [1.100293, 1.210933, 0.688774, 0.338694], abs=1e-6
    )
    assert -found.report.value == pytest.approx(cost, abs=2e-6)
    assert found.built[0, :3, 3] == pytest.approx(planted, abs=1e-5)
    assert found.built[1, :, 0].cumsum() == pytest.approx(standing, abs=1e-6)
    assert whole.price["land 0"] == pytest.approx(rent, abs=1e-5)
    last = [row.name for row in found.system.rows].index("durable 2060")
    assert -found.yearly_price[last] == pytest.approx(220 / 0.9, abs=1e-6)


def test_growth_doubles_from_its_seed() -> None:
    """At most 0.5, 1.5, 3.5, 7.5; for 4.0 in the fourth, 0.0625, 0.625, 1.75 must stand before."""
    cells = one_cell(1, 1.0, net=[1.0], cost=[1.0], upper=[100.0])
    problem = Problem(cells, [Competitor("dac", 0.0)])
    ones = np.ones(4)
    course = plain_course(NAMES, ones, ones, 1, 4)
    growth = (GrowthRow("dac", np.full(4, 2.0), np.full(4, 0.5)),)
    most = both(
        Path(problem, course, PathGoal("net", "t/yr", [[RowTerm("net")]] * 4), growth=growth)
    )
    assert most.built[0, :, 0].cumsum() == pytest.approx([0.5, 1.5, 3.5, 7.5])
    target = Target("removal", "t/yr", (RowTerm("net"),), np.array([np.nan] * 3 + [4.0]))
    least = both(Path(problem, course, least_cost(course), (target,), growth))
    assert least.built[0, :, 0].cumsum() == pytest.approx([0.0625, 0.625, 1.75, 4.0])
