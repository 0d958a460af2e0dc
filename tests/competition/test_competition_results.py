"""Tables and maps of the competition, the rule of thumb, and the same bytes for any threads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from competition_problems import FINE, Chunked, two_provinces
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.competition import rows
from cdrsite.competition.generator import SolverOptions
from cdrsite.competition.objectives import Lexicographic, least_cost, most_net
from cdrsite.competition.prices import solve, solve_in_order
from cdrsite.competition.problem import (
    ArrayCells,
    Competitor,
    PolicyRow,
    PoolFamily,
    Problem,
    RowTerm,
    target,
)
from cdrsite.competition.results import (
    SupplyCurve,
    binding_labels,
    binding_map,
    curve_edges,
    curve_part,
    interchangeable,
    net_and_cost,
    pools_table,
    shortfall,
    totals_table,
)
from cdrsite.core.errors import DataError
from cdrsite.core.states import LOWEST_STATE
from cdrsite.testing.charges import explain_cell
from cdrsite.testing.exact import solve_whole
from cdrsite.testing.greedy import solve_greedy


def test_a_rest_of_rounding_is_no_shortfall() -> None:
    reduced = np.array([[-1e-13, -0.0, 3.0, -2e-9], [-np.inf, np.nan, -0.5, -1e-16]])
    expected = [[0.0, 0.0, 0.0, 2e-9], [np.nan, np.nan, 0.5, 0.0]]
    np.testing.assert_array_equal(shortfall(reduced), expected)


def test_pools_table_agrees_with_the_plan() -> None:
    answer = solve(two_provinces(), most_net(), FINE)
    table = {(row["family"], row["zone"]): row for row in pools_table(answer)}
    cells = answer.problem.cells.read(0, 3000)
    stored = answer.allocation[:2].sum(axis=0)
    assert table["storage", "2"]["use"] == pytest.approx(stored[cells.sink == 2].sum(), rel=1e-9)
    zone = answer.problem.cells.zones("zone", 0, 3000)
    total = answer.allocation.sum(axis=1)[:, zone == 1].sum(axis=1)
    assert table["power", "1"]["use"] == pytest.approx(1500 * total[0] - 600 * total[1], rel=1e-9)
    assert table["power", "1"]["price_unit"] == "t per kWh"
    for row in table.values():
        assert row["slack"] >= -1e-9 * row["supply"]
        assert row["price"] == 0 or row["slack"] <= 1e-6 * row["supply"]
    assert any(row["binds"] for row in table.values())


def test_totals_of_provinces_add_up_to_the_optimum() -> None:
    answer = solve(two_provinces(), most_net(), FINE)
    whole = totals_table(answer)
    parts = totals_table(answer, "province")
    assert len(parts) == 6
    for row in whole:
        for key in ("gross", "net", "cost", "land"):
            split = sum(part[key] for part in parts if part["method"] == row["method"])
            assert split == pytest.approx(row[key], rel=1e-12)
    assert sum(row["net"] for row in whole) == pytest.approx(answer.report.value, rel=1e-9)
    block = next(answer.blocks())
    net, cost = net_and_cost(answer, block)
    assert net.sum() == pytest.approx(answer.report.value, rel=1e-9)
    assert cost.sum() == pytest.approx(sum(row["cost"] for row in whole), rel=1e-9)


def test_a_price_that_is_only_rounding_is_none() -> None:
    answer = solve(two_provinces(400), most_net(), FINE)
    limits, names = answer.system.limits, [row.name for row in answer.system.rows]
    dearest = np.abs(answer.price * limits).max()
    slack = int(np.flatnonzero(answer.price == 0)[0])
    for share, kept in ((1e-11, False), (1e-6, True)):
        price = answer.price.copy()
        price[slack] = share * dearest / limits[slack]
        row = pools_table(replace(answer, price=price))[slack]
        assert (row["price"] != 0, row["binds"]) == (kept, kept), names[slack]
        others = [r for r in pools_table(replace(answer, price=price)) if r["zone"] != row["zone"]]
        assert others == [r for r in pools_table(answer) if r["zone"] != row["zone"]]


def test_the_price_of_a_share_is_no_rounding() -> None:
    """A rule about a share has a limit of zero: what it is worth follows from its terms."""
    at_least = PolicyRow(
        "a third of air capture",
        (RowTerm("net", 1.0, ("dac",)), RowTerm("net", -1 / 3)),
        ">=",
        0.0,
    )
    answer = solve(replace(two_provinces(400), policies=[at_least]), most_net(), FINE)
    rule = next(row for row in pools_table(answer) if row["family"] == "policy")
    assert (rule["binds"], rule["sense"], rule["supply"]) == (True, ">=", 0.0)
    assert rule["price"] > 0  # what a tonne more asked for costs


def test_prices_are_what_one_unit_more_gains() -> None:
    problem = two_provinces(400)
    answer = solve(problem, most_net(), FINE)
    for r, row in enumerate(answer.system.rows):
        if row.family != "water" or answer.price[r] == 0:
            continue
        zone = int(row.zone)
        step = 1e-4 * row.limit
        values = []
        for sign in (1, -1):
            supply = problem.pools[0].supply.copy()
            supply[zone] += sign * step
            pools = [replace(problem.pools[0], supply=supply), problem.pools[1]]
            values.append(solve(replace(problem, pools=pools), most_net(), FINE).report.value)
        gain, loss = (
            (values[0] - answer.report.value) / step,
            (answer.report.value - values[1]) / step,
        )
        slack = 1e-5 * abs(answer.price[r])
        assert gain - slack <= answer.price[r] <= loss + slack
        assert loss == pytest.approx(gain, rel=0.05)


def test_supply_curve_ends_at_the_net_removal() -> None:
    answer = solve(two_provinces(), most_net(), FINE)
    edges = curve_edges()
    net = sum(curve_part(answer, block, edges) for block in answer.blocks())
    curve = SupplyCurve(edges, net, answer.problem.method_names)
    assert curve.cumulative[-1] == pytest.approx(answer.report.value, rel=1e-9)
    forest = np.flatnonzero(curve.net[2])
    assert curve.edges[forest[-1]] < 30 * 1.5 / 0.6 + 1


def test_reduced_cost_and_binding_map() -> None:
    answer = solve(two_provinces(), most_net(), FINE)
    block = next(answer.blocks())
    upper, used = block.cells.upper, block.x.sum(axis=1)
    inside = (used > 1e-9 * upper) & (used < upper * (1 - 1e-9))
    worth = np.abs(block.reduced[inside])
    assert inside.any()
    assert worth.max() < 1e-6
    assert (block.reduced[used <= 1e-9 * upper] <= 1e-6).all()
    codes, labels = binding_map(answer, block), binding_labels(answer)
    found = {labels[code] for code in np.unique(codes)}
    dear = {row["family"] for row in pools_table(answer) if row["binds"]}
    assert "land" in found
    assert found & {"water", "power", "storage"}
    assert found & {"water", "power", "storage"} <= dear
    full = (used * block.cells.need).sum(axis=0) >= block.cells.land * (1 - 1e-9)
    assert full[codes == labels.index("land")].all()


def test_explain_says_what_a_cell_lacks() -> None:
    answer = solve(two_provinces(), most_net(), FINE)
    block = next(answer.blocks())
    used = block.x.sum(axis=1)
    cell = int(np.flatnonzero((used[0] == 0) & (block.cells.sink >= 0).any(axis=0))[0])
    told = {row["method"]: row for row in explain_cell(answer, cell)}
    charges = sum(told["dac"]["charges"].values())
    assert told["dac"]["gross"] == 0
    assert told["dac"]["short"] == pytest.approx(charges - block.cells.net[0, cell], rel=1e-6)


def test_lexicographic_pair_keeps_the_first_optimum_and_its_prices() -> None:
    problem = two_provinces(300)
    both = Lexicographic(most_net(), least_cost(), tolerance=1e-6)
    answer = solve_in_order(problem, both, FINE)
    best = solve(problem, most_net(), FINE)
    net, cost = (sum(row[key] for row in totals_table(answer)) for key in ("net", "cost"))
    assert net >= best.report.value * (1 - 1.1e-6)
    assert cost <= sum(row["cost"] for row in totals_table(best)) * (1 + 1e-9)
    # what one unit more buys is told in the goal that comes first, and the goal is no rule
    assert answer.report.value == pytest.approx(net, rel=1e-12)
    assert answer.report.bound == best.report.bound
    assert (answer.report.status, answer.report.gap <= 1e-9) == ("optimal", True)
    assert answer.price.tolist() == best.price.tolist()
    mine, alone = pools_table(answer), pools_table(best)
    told = ("family", "zone", "price", "price_unit", "binds")
    assert [[row[k] for k in told] for row in mine] == [[row[k] for k in told] for row in alone]
    for row in mine:  # the prices fit the cheaper plan as well
        assert row["slack"] >= -1e-9 * row["supply"]
        assert abs(row["price"] * row["slack"]) <= 2e-6 * net


def test_the_second_objective_decides_between_plans_as_good() -> None:
    one = np.ones((2, 1))
    cells = ArrayCells(np.array([10.0]), one * 10, one * 0.5, np.array([[9.0], [4.0]]), one)
    problem = Problem(cells, [Competitor("dear", 0.0), Competitor("cheap", 0.0)])
    answer = solve_in_order(problem, Lexicographic(most_net(), least_cost()), FINE)
    assert answer.allocation[:, 0, 0] == pytest.approx([0.0, 10.0], abs=1e-3)
    assert answer.objective.name == "net removal"
    assert next(answer.blocks()).land_price == pytest.approx([0.5])


@given(st.integers(0, 1000))
def test_rule_of_thumb_is_never_better(seed: int) -> None:
    problem = two_provinces(40, seed)
    greedy = solve_greedy(problem, most_net())
    assert greedy.value <= solve(problem, most_net(), FINE).report.value * (1 + 1e-9)
    assert (greedy.allocation >= 0).all()


def test_rule_of_thumb_refuses_a_target() -> None:
    with pytest.raises(DataError, match="minimum"):
        solve_greedy(replace(two_provinces(40), policies=[target(1.0)]), most_net())


def test_same_bytes_for_any_threads_or_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "BLOCK", 256)
    problem = two_provinces(3000, dtype=np.float32)
    first = solve(problem, most_net(), SolverOptions(threads=1))
    assert isinstance(problem.cells, ArrayCells)
    for threads, chunk in ((2, 100), (3, 999), (4, 4000)):
        chunked = replace(problem, cells=Chunked(problem.cells, chunk))
        again = solve(chunked, most_net(), SolverOptions(threads=threads))
        assert again.report == first.report
        assert again.price.tobytes() == first.price.tobytes()
        assert again.allocation.tobytes() == first.allocation.tobytes()


def test_extra_local_resource_binds() -> None:
    # 10 t of each would fit on the land; 12 units of dung serve 2 t of "a" or 6 t of "b" each:
    # best is all of it to the better net per unit of dung, b with 0.5/1 against a with 0.9/2
    cells = ArrayCells(
        land=np.array([1e3]),
        upper=np.array([[10.0], [10.0]]),
        net=np.array([[0.9], [0.5]]),
        cost=np.zeros((2, 1)),
        need=np.ones((2, 1)),
        local=np.array([[12.0]]),
    )
    methods = [Competitor("a", 0.0), Competitor("b", 0.0)]
    problem = Problem(
        cells, methods, local_need=[[2.0, 1.0]], local_names=("dung",),
        policies=[PolicyRow("cap", (RowTerm("gross", 1.0, ("b",)),), "<=", 8.0)],
    )  # fmt: skip
    answer = solve(problem, most_net(), FINE)
    np.testing.assert_allclose(answer.allocation[:, 0, 0], [2.0, 8.0], rtol=1e-9)
    labels = binding_labels(answer)
    assert labels[binding_map(answer, next(answer.blocks()))[0]] == "dung"


def shared_by_two(need: list[list[float | str]], layers: list[list[float]]) -> Problem:
    """Two cells, each with 12 units of dung and room for 10 t of "a" and of "b"."""
    cells = ArrayCells(
        land=np.full(2, 1e3),
        upper=np.full((2, 2), 10.0),
        net=np.array([[0.9], [0.5]]),
        cost=np.zeros((2, 1)),
        need=np.ones((2, 1)),
        layers=np.array(layers),
        local=np.full((1, 2), 12.0),
    )
    methods = [Competitor("a", 0.0), Competitor("b", 0.0)]
    names = ("for a", "for b")
    return Problem(cells, methods, layers=names, local_need=need, local_names=("dung",))


def test_a_need_that_differs_by_cell_shares_the_local_resource() -> None:
    # "a" needs 2 units in one cell and 1 in the other, "b" 1 and 4: a unit of dung makes net
    # 0.45 of "a" against 0.5 of "b", then 0.9 against 0.125; what 10 t leave goes to the other
    problem = shared_by_two([["for a", "for b"]], [[2.0, 1.0], [1.0, 4.0]])
    answer = solve(problem, most_net(), FINE)
    np.testing.assert_allclose(answer.allocation[:, 0], [[1.0, 10.0], [10.0, 0.5]], rtol=1e-9)
    labels, block = binding_labels(answer), next(answer.blocks())
    assert [labels[code] for code in binding_map(answer, block)] == ["dung", "dung"]
    np.testing.assert_allclose(block.local_price, [[0.45, 0.125]], rtol=1e-9)


@pytest.mark.parametrize(
    ("need", "layers", "text"),
    [
        ([["for a", "for c"]], [[2.0, 1.0], [1.0, 4.0]], "local resource 'dung'.*for c"),
        ([["for a"]], [[2.0, 1.0], [1.0, 4.0]], r"do not match.*1 x 2 needs"),
        ([], [[2.0, 1.0], [1.0, 4.0]], r"do not match.*1 x 2 needs"),
        ([["for a", 1.0]], [[2.0, np.nan], [1.0, 4.0]], "cell 1 .*not known"),
    ],
)
def test_needs_of_local_resources_that_make_no_sense_are_refused(
    need: list[list[float | str]], layers: list[list[float]], text: str
) -> None:
    with pytest.raises(DataError, match=text):
        solve(shared_by_two(need, layers), most_net(), FINE)


@pytest.mark.parametrize("count", [245, 246, 300])
def test_codes_of_many_rules_never_reach_those_of_states(count: int) -> None:
    cells = ArrayCells(
        land=np.full(count, 1e3),
        upper=np.full((1, count), 10.0),
        net=np.full((1, count), 0.9),
        cost=np.zeros((1, count)),
        need=np.ones((1, count)),
        zone_ids={"zones": np.arange(count)},
    )
    rules = [
        PolicyRow(f"cap: {z}", (RowTerm("gross"),), "<=", 1.0, zoning="zones", zones=(z,))
        for z in range(count)
    ]
    problem = Problem(cells, [Competitor("a", 0.0)], policies=rules, zonings=("zones",))
    answer = solve(problem, most_net(), FINE)
    labels = binding_labels(answer)
    codes = np.concatenate([binding_map(answer, block) for block in answer.blocks()])
    assert len(labels) <= LOWEST_STATE
    said = [labels[code] for code in codes]
    assert said == ["a rule"] * count if count > 246 else [row.name for row in rules]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"net": np.array([[np.nan]])}, "not known"),
        ({"lower": np.array([[20.0]])}, "above the upper"),
        ({"lower": np.array([[5.0]]), "land": np.array([1.0])}, "more land"),
    ],
)
def test_cells_that_make_no_sense_are_refused(
    changes: dict[str, npt.NDArray[np.float64]], text: str
) -> None:
    one = np.ones((1, 1))
    cells = replace(ArrayCells(np.array([100.0]), one * 10, one, one, one), **changes)
    with pytest.raises(DataError, match=text):
        solve(Problem(cells, [Competitor("forest", 0.0)]), most_net())


def test_cells_that_could_change_places_are_told() -> None:
    """Equal cells, water for half: any of them would do; where all are full, each is sure."""

    def told(upper: list[float], net: list[float], supply: float) -> list[bool]:
        n = len(upper)
        cells = ArrayCells(
            land=np.array(upper) * 10.0,
            upper=np.array([upper]),
            net=np.array([net]),
            cost=np.array([[100.0]]),
            need=np.array([[10.0]]),
            zone_ids={"basin": np.zeros(n, int)},
        )
        water = PoolFamily("water", "m3/yr", "basin", ("all",), np.array([supply]), {"dac": 1.0})
        problem = Problem(cells, [Competitor("dac", 0.0)], [water])
        found = solve(problem, most_net(), SolverOptions(gap=1e-9, threads=1))
        return interchangeable(found, next(found.blocks())).tolist()

    assert told([10.0] * 4, [0.9] * 4, 20.0) == [True] * 4
    assert told([10.0] * 4, [0.9] * 4, 80.0) == [False] * 4  # all are used to the end
    # the best is used to the end and the worst not at all: only the two alike are in question
    assert told([10.0] * 4, [0.95, 0.9, 0.9, 0.5], 20.0) == [False, True, True, False]


@pytest.mark.parametrize("supply", [0.0, 5.0])
def test_a_pool_without_supply_is_told_what_a_first_unit_would_add(supply: float) -> None:
    """In the north a tonne of "a" needs 3 m3 and adds 0.9 t; "b" needs none and adds nothing."""
    cells = ArrayCells(
        np.full(2, 1e9), np.full((2, 2), 10.0), np.array([[0.9, 0.6], [0.5, 0.5]]),
        np.zeros((2, 2)), np.ones((2, 2)), zone_ids={"basin": np.array([0, 1])},
    )  # fmt: skip
    water = PoolFamily(
        "water", "m3/yr", "basin", ["north", "south"], np.array([0.0, supply]), {"a": 3.0}
    )
    problem = Problem(cells, [Competitor("a", 0.0), Competitor("b", 0.0)], [water])
    table = pools_table(solve(problem, most_net(), FINE))
    assert [row["use"] for row in table] == pytest.approx([0.0, supply], abs=1e-9)
    assert [row["price"] for row in table] == pytest.approx([0.3, 0.2], rel=1e-9)
    assert all(row["binds"] for row in table)
    more = replace(problem, pools=[replace(water, supply=np.array([1e-3, supply]))])
    gained = solve_whole(more, most_net()).value - solve_whole(problem, most_net()).value
    assert gained / 1e-3 == pytest.approx(table[0]["price"], rel=1e-6)
    # who has another limit has no use for the first unit
    shut = replace(problem, cells=replace(cells, upper=np.array([[0.0, 10.0], [10.0, 10.0]])))
    assert pools_table(solve(shut, most_net(), FINE))[0]["price"] == 0.0
