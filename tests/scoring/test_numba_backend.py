"""Scoring: tiny arrays written out, the four states, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdrsite.core.errors import ConfigError, GridError
from cdrsite.core.states import EXCLUDED, NET_NOT_POSITIVE, OUTSIDE, OUTSIDE_BIT, UNKNOWN
from cdrsite.scoring.evaluate import evaluate
from cdrsite.scoring.scored import MethodResult
from cdrsite.scoring.sums import (
    Limit,
    MethodPlan,
    ScoringPlan,
    Sum,
    Term,
    const,
    layer,
)

NAN, INF = np.nan, np.inf
LAND, WATER, POWER = 0, 1, 2


def scoring_plan(**changes: object) -> ScoringPlan:
    """Land and water with constant needs, power with a need that depends on the place."""
    parts: dict[str, object] = {
        "name": "m",
        "limits": (
            Limit("land", LAND, layer("land"), const(100.0)),
            Limit("water", WATER, layer("water"), const(2.0)),
            Limit("power", POWER, layer("power"), layer("power need")),
        ),
        "net_factor": layer("net"),
        "gross_cost": const(50.0) + layer("price", 2.0),
        "suitability": "suitability",
        "excluded_bits": 0b101,
    }
    return ScoringPlan((MethodPlan(**(parts | changes)),))  # type: ignore[arg-type]


PLAN = scoring_plan()


def score_cell(plan: ScoringPlan = PLAN, reasons: int = 0, **values: float) -> tuple[float, ...]:
    """Gross amount, limit, net factor, cost, score of one cell."""
    cell = {
        "land": 1000.0,
        "water": 40.0,
        "power": 600.0,
        "power need": 20.0,
        "net": 0.5,
        "price": 25.0,
        "suitability": 0.75,
    } | values
    layers = {name: np.full((1, 1), value, np.float32) for name, value in cell.items()}
    result = evaluate(plan, layers, np.full((1, 1), reasons, np.uint32))["m"]
    return tuple(
        float(a.item())
        for a in (result.gross, result.limit, result.net_factor, result.cost, result.score)
    )


# land allows 10 t/yr, water 20, power 30; 100 USD per gross tonne at a net factor of 0.5
GIVEN = {
    "land limits": ({}, 0, (10.0, LAND, 0.5, 200.0, 3.75)),
    "water limits": ({"water": 8.0}, 0, (4.0, WATER, 0.5, 200.0, 1.5)),
    "power limits": ({"power need": 100.0}, 0, (6.0, POWER, 0.5, 200.0, 2.25)),
    "a tie: the first": ({"water": 20.0, "power": 200.0}, 0, (10.0, LAND, 0.5, 200.0, 3.75)),
    "a tie of later ones": ({"water": 8.0, "power": 80.0}, 0, (4.0, WATER, 0.5, 200.0, 1.5)),
    "true zero": ({"water": 0.0}, 0, (0.0, WATER, 0.5, 200.0, 0.0)),
    "over-used supply": ({"water": -5.0}, 0, (0.0, WATER, 0.5, 200.0, 0.0)),
    "no need here": ({"power": 0.0, "power need": 0.0}, 0, (10.0, LAND, 0.5, 200.0, 3.75)),
    "gives power here": ({"power": 0.0, "power need": -3.0}, 0, (10.0, LAND, 0.5, 200.0, 3.75)),
    "unasked supply": ({"power": NAN, "power need": 0.0}, 0, (10.0, LAND, 0.5, 200.0, 3.75)),
    "endless supply": ({"land": INF}, 0, (20.0, WATER, 0.5, 200.0, 7.5)),
    "endless need": ({"power need": INF}, 0, (0.0, POWER, 0.5, 200.0, 0.0)),
    "unknown supply": ({"water": NAN}, 0, (NAN, UNKNOWN, NAN, NAN, NAN)),
    "unknown first supply": ({"land": NAN}, 0, (NAN, UNKNOWN, NAN, NAN, NAN)),
    "unknown need": ({"power need": NAN}, 0, (NAN, UNKNOWN, NAN, NAN, NAN)),
    "unknown net factor": ({"net": NAN}, 0, (NAN, UNKNOWN, NAN, NAN, NAN)),
    "unknown price": ({"price": NAN}, 0, (10.0, LAND, 0.5, NAN, 3.75)),
    "unknown suitability": ({"suitability": NAN}, 0, (10.0, LAND, 0.5, 200.0, NAN)),
    "zero suits all": ({"suitability": NAN, "land": 0.0}, 0, (0.0, LAND, 0.5, 200.0, 0.0)),
    "net zero": ({"net": 0.0}, 0, (0.0, NET_NOT_POSITIVE, 0.0, NAN, 0.0)),
    "net negative": ({"net": -0.25}, 0, (0.0, NET_NOT_POSITIVE, -0.25, NAN, 0.0)),
    "revenue": ({"price": -50.0}, 0, (10.0, LAND, 0.5, -100.0, 3.75)),
    "excluded": ({}, 0b001, (0.0, EXCLUDED, NAN, NAN, 0.0)),
    "excluded twice": ({}, 0b101, (0.0, EXCLUDED, NAN, NAN, 0.0)),
    "another method's rule": ({}, 0b010, (10.0, LAND, 0.5, 200.0, 3.75)),
    "forced in": ({}, 1 << 30, (10.0, LAND, 0.5, 200.0, 3.75)),
    "unknown over net": ({"net": -1.0, "water": NAN}, 0, (NAN, UNKNOWN, NAN, NAN, NAN)),
    "excluded over unknown": ({"water": NAN}, 0b100, (0.0, EXCLUDED, NAN, NAN, 0.0)),
    "outside over all": (
        {"net": -1.0, "land": NAN},
        OUTSIDE_BIT | 1,
        (NAN, OUTSIDE, NAN, NAN, NAN),
    ),
}


@pytest.mark.parametrize("case", GIVEN, ids=str)
def test_one_cell(case: str) -> None:
    values, reasons, expected = GIVEN[case]
    found = score_cell(reasons=reasons, **values)
    np.testing.assert_array_equal(np.float32(found), np.float32(expected))
    assert not np.signbit(found[0])  # not -0.0: it would print as such
    assert not np.signbit(found[4]) or np.isnan(found[4])


def test_one_square_kilometre_of_the_mission_profile() -> None:
    needs = {"land": 11_000.0, "electricity": 1000.0, "materials": 36e-3, "water": 3.0}
    limits = tuple(
        Limit(name, k, layer(name), const(need)) for k, (name, need) in enumerate(needs.items())
    )
    plan = ScoringPlan((MethodPlan("dac", limits, const(1.0), const(300.0)),))
    layers = {name: np.full((2, 3), 1e12, np.float32) for name in needs}
    layers["land"][:] = 1e6
    result = evaluate(plan, layers, np.zeros((2, 3), np.uint32))["dac"]
    np.testing.assert_allclose(result.gross, 1e6 / 11_000, rtol=2e-7)
    assert (result.limit == 0).all()
    np.testing.assert_array_equal(result.cost, np.float32(300.0))


def test_a_partly_excluded_cell_is_not_excluded() -> None:
    plan = scoring_plan(available="share")
    assert score_cell(plan, 0b001, share=0.37)[:2] == (10.0, LAND)
    assert score_cell(plan, 0b001, share=0.0)[:2] == (0.0, EXCLUDED)
    assert score_cell(plan, 0b010, share=0.0)[:2] == (10.0, LAND)
    assert score_cell(plan, 0b001, share=NAN)[:2] == (10.0, LAND)


def test_a_cell_without_any_limit_is_infinite() -> None:
    only_power = (Limit("power", POWER, layer("power"), layer("power need")),)
    found = score_cell(scoring_plan(limits=only_power), **{"power need": 0.0})
    assert found[:2] == (INF, POWER)


def test_each_method_reads_its_own_layers_and_bits() -> None:
    land = (Limit("land", LAND, layer("land"), const(2.0)),)
    water = (Limit("water", WATER, layer("water"), const(4.0)),)
    plan = ScoringPlan(
        (
            MethodPlan("a", land, const(0.5), const(10.0), excluded_bits=1),
            MethodPlan("b", water, const(0.25), const(30.0), excluded_bits=2),
        )
    )
    layers = {
        "land": np.array([[2.0, 4.0, 6.0]], np.float32),
        "water": np.array([[8.0, NAN, 16.0]], np.float32),
    }
    found = evaluate(plan, layers, np.array([[0, 1, 2]], np.uint32))
    assert list(found) == ["a", "b"]
    np.testing.assert_array_equal(found["a"].gross, [[1.0, 0.0, 3.0]])
    np.testing.assert_array_equal(found["a"].limit, [[LAND, EXCLUDED, LAND]])
    np.testing.assert_array_equal(found["a"].cost, [[20.0, NAN, 20.0]])
    np.testing.assert_array_equal(found["b"].gross, [[2.0, NAN, 0.0]])
    np.testing.assert_array_equal(found["b"].limit, [[WATER, UNKNOWN, EXCLUDED]])
    np.testing.assert_array_equal(found["b"].score, [[0.5, NAN, 0.0]])


def test_outputs_can_be_given_and_inputs_are_any_floats() -> None:
    plan = ScoringPlan(
        (MethodPlan("a", (Limit("land", 0, layer("land"), const(2.0)),), const(1.0), const(10.0)),)
    )
    out = {"a": MethodResult.empty((4, 3))}
    land = np.arange(24.0).reshape(4, 6)[:, ::2]
    reasons = np.broadcast_to(np.uint32(0), (4, 3))
    found = evaluate(plan, {"land": land, "else": land[:1]}, reasons, out)
    assert found["a"].gross is out["a"].gross
    np.testing.assert_array_equal(out["a"].gross, land / 2)
    again = evaluate(plan, {"land": np.zeros((4, 3), np.float32)}, reasons, out)
    np.testing.assert_array_equal(again["a"].gross, 0)


def test_an_empty_block_is_an_empty_result() -> None:
    layers = {name: np.empty((0, 5), np.float32) for name in PLAN.layers}
    found = evaluate(PLAN, layers, np.empty((0, 5), np.uint32))
    assert found["m"].score.shape == (0, 5)


def test_refusals_of_arrays() -> None:
    layers = {name: np.ones((2, 2), np.float32) for name in PLAN.layers}
    reasons = np.zeros((2, 2), np.uint32)
    with pytest.raises(GridError, match=r"^water: the plan reads a layer"):
        evaluate(PLAN, {k: v for k, v in layers.items() if k != "water"}, reasons)
    with pytest.raises(GridError, match=r"^water: .*not on one grid.*\(1, 2\).*\(2, 2\).*rule 1"):
        evaluate(PLAN, layers | {"water": np.ones((1, 2), np.float32)}, reasons)
    for wrong in (np.empty((2, 2)), np.empty((2, 3), np.float32), np.empty((2, 4), "f4")[:, ::2]):
        out = MethodResult(**(vars(MethodResult.empty((2, 2))) | {"cost": wrong}))
        with pytest.raises(GridError, match=r"^m\.cost: this array cannot take the result"):
            evaluate(PLAN, layers, reasons, {"m": out})


def test_sums_collect_like_terms() -> None:
    a, b = layer("a"), layer("b", 2.0)
    assert (a + b) * (a + 3.0) == Sum(
        (Term(1.0, ("a", "a")), Term(3.0, ("a",)), Term(2.0, ("b", "a")), Term(6.0, ("b",)))
    )
    assert (a * b + b * a).terms == (Term(4.0, ("a", "b")),)
    assert (a + a * -1.0).is_zero
    assert (const(2.0) + const(3.0)).constant == 5.0
    assert 2.0 * a + 1.0 == 1.0 * a + (a + 1.0)
    assert a.constant is None
    assert Sum().constant == 0.0
    assert (a * 0.0).layers == frozenset()


def test_a_resource_that_is_not_needed_is_not_read() -> None:
    limits = (
        *PLAN.methods[0].limits[:1],
        Limit("heat", 3, layer("heat"), const(0.0)),
        Limit("biomass", 4, layer("biomass"), const(-2.0)),
    )
    plan = scoring_plan(limits=limits)
    assert [limit.resource for limit in plan.methods[0].limits] == ["land"]
    assert not {"heat", "biomass"} & set(plan.layers)
    assert score_cell(plan)[:2] == (10.0, LAND)


def test_refusals_of_plans() -> None:
    with pytest.raises(ConfigError, match="no resource limits this method"):
        scoring_plan(limits=(Limit("land", 0, layer("land"), const(0.0)),))
    with pytest.raises(ConfigError, match="not finite"):
        const(NAN)
    with pytest.raises(ConfigError, match="a x b: a number of the scoring plan is not finite"):
        layer("a", 1e30) * layer("b", 1e30)
    with pytest.raises(ConfigError, match="does not fit a resource"):
        Limit("land", UNKNOWN, layer("land"), const(1.0))
    with pytest.raises(ConfigError, match="bits of exclusion rules"):
        scoring_plan(excluded_bits=OUTSIDE_BIT)
    with pytest.raises(ConfigError, match="two methods of a scoring plan share a name"):
        ScoringPlan(PLAN.methods * 2)


numbers = st.sampled_from([0.0, 1.0, -1.0, 2.5, -1e-300]) | st.floats(-1e6, 1e6)
any_sums = st.lists(
    st.builds(Term, numbers, st.lists(st.sampled_from("abc"), max_size=3).map(tuple)), max_size=4
).map(lambda found: Sum(tuple(found)))


def written_out(pairs: list[Term]) -> Sum:
    """By the definition alone: every term collected."""
    return Sum(tuple(pairs))


@given(a=any_sums, b=any_sums, number=numbers)
def test_short_ways_to_a_sum_give_the_terms_of_the_long_way(a: Sum, b: Sum, number: float) -> None:
    """Bit by bit and in the same order: the order is that of the additions in float32."""
    assert (a + b).terms == written_out([*a.terms, *b.terms]).terms
    products = [Term(x.coefficient * y.coefficient, x.layers + y.layers)
                for x in a.terms for y in b.terms]  # fmt: skip
    assert (a * b).terms == written_out(products).terms
    assert (a * number).terms == (
        written_out([Term(x.coefficient * number, x.layers) for x in a.terms]).terms
    )
    assert (number * a).terms == (a * number).terms
    assert const(number).terms == written_out([Term(number)]).terms
    # a formula over a and b, put together from left to right
    formula = Sum((Term(2.0, ("x", "y")), Term(-0.5, ("y",)), Term(number)))
    whole = Sum()
    for term in formula.terms:
        product = const(term.coefficient)
        for name in term.layers:
            product = product * {"x": a, "y": b}[name]
        whole = written_out([*whole.terms, *product.terms])
    assert formula.of({"x": a, "y": b}).terms == whole.terms
