"""Scoring: written loops against plain numpy, cuts and threads against each other, the cache."""

from __future__ import annotations

import ast
import itertools
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from cdrsite.core.errors import ConfigError
from cdrsite.core.machine import cache_folder
from cdrsite.core.states import EXCLUDED, LOWEST_STATE, OUTSIDE_BIT, UNKNOWN
from cdrsite.scoring import numba_backend as generate
from cdrsite.scoring import numpy_backend
from cdrsite.scoring.evaluate import BACKENDS, evaluate
from cdrsite.scoring.numba_backend import CHUNK
from cdrsite.scoring.scored import OUTPUTS, MethodResult
from cdrsite.scoring.sums import Limit, MethodPlan, ScoringPlan, Sum, Term, const, layer

LAYERS = ("a", "b", "c d", "é中")
VALUES = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -2.5, 1e-30, 3e38, 7.25]

# a need of next to nothing makes an amount that float32 cannot hold, which is refused (see below)
coefficients = st.sampled_from([0.0, 1.0, -1.0, 0.5, 11_000.0, -1e-3, 1e20]) | st.floats(
    -1e6, 1e6
).filter(lambda value: value == 0.0 or abs(value) >= 1e-6)
terms = st.builds(Term, coefficients, st.lists(st.sampled_from(LAYERS), max_size=3).map(tuple))
sums = st.lists(terms, max_size=3).map(lambda found: Sum(tuple(found)))
limits = st.lists(
    st.tuples(sums, sums | st.floats(1e-3, 1e6).map(const)), min_size=1, max_size=4
).map(lambda pairs: tuple(Limit(f"r{k}", k, *pair) for k, pair in enumerate(pairs)))


@st.composite
def plans(draw: st.DrawFn) -> ScoringPlan:
    """One to three methods of any shape; the first limit always holds."""
    land = Limit("land", 7, layer("a"), const(2.0))
    optional = st.none() | st.sampled_from(LAYERS)
    return ScoringPlan(
        tuple(
            MethodPlan(
                name=f"method {m}",
                limits=(*draw(limits), land),
                net_factor=draw(sums),
                gross_cost=draw(sums),
                suitability=draw(optional),
                excluded_bits=draw(st.integers(0, (1 << 31) - 1)),
                available=draw(optional),
            )
            for m in range(draw(st.integers(1, 3)))
        )
    )


def random_block(seed: int, shape: tuple[int, int]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Layers with every kind of odd value, NaN of several payloads, and reasons."""
    rng = np.random.default_rng(seed)
    layers = {}
    for name in LAYERS:
        values = rng.normal(1.0, 3.0, shape).astype(np.float32)
        odd = rng.random(shape) < 0.3
        values[odd] = rng.choice(np.float32(VALUES), shape)[odd]
        values.view(np.uint32)[rng.random(shape) < 0.02] = 0xFFC01234  # a NaN with sign and payload
        layers[name] = values
    reasons = rng.choice(
        np.array([0, 0, 1, 2, 1 << 30, OUTSIDE_BIT, OUTSIDE_BIT | 5], np.uint32), shape
    )
    return layers, reasons


def joined(results: dict[str, MethodResult]) -> bytes:
    return b"".join(
        array.tobytes() for result in results.values() for array in vars(result).values()
    )


def assert_same(found: dict[str, MethodResult], expected: dict[str, MethodResult]) -> None:
    assert list(found) == list(expected)
    for method, result in expected.items():
        for name, array in vars(result).items():
            mine = getattr(found[method], name)
            np.testing.assert_array_equal(mine, array, err_msg=f"{method}.{name}")
            assert mine.tobytes() == array.tobytes(), f"{method}.{name}: zeros or NaN differ"


def interpreted(plan: ScoringPlan, layers: dict[str, Any], reasons: Any) -> dict[str, MethodResult]:
    """Run the written texts as plain Python: any plan, without compiling it."""
    out = {method.name: MethodResult.empty(reasons.shape) for method in plan.methods}
    for method in plan.methods:
        one, space = generate.write_loop(method), {"__name__": "interpreted"}
        exec(one.text.replace("@kernel\n", ""), space)
        loop: Any = space["loop"]
        arrays = [reasons.ravel(), *(layers[name].ravel() for name in one.layers)]
        arrays += [getattr(out[method.name], name).reshape(-1) for name in OUTPUTS]
        numbers, codes = np.array(one.numbers, np.float32), np.array(one.codes, np.uint8)
        with np.errstate(all="ignore"):
            loop(0, reasons.size, numbers, codes, np.uint32(method.excluded_bits), *arrays)
    return out


@settings(max_examples=examples(150))
@given(plan=plans(), seed=st.integers(0, 2**32 - 1))
def test_the_written_text_says_what_numpy_says(plan: ScoringPlan, seed: int) -> None:
    layers, reasons = random_block(seed, (3, 8))
    assert_same(
        interpreted(plan, layers, reasons), evaluate(plan, layers, reasons, backend="numpy")
    )


@settings(max_examples=examples(4))
@given(plan=plans(), seed=st.integers(0, 2**32 - 1))
def test_the_compiled_loops_say_what_numpy_says(plan: ScoringPlan, seed: int) -> None:
    layers, reasons = random_block(seed, (53, 97))
    assert_same(evaluate(plan, layers, reasons), evaluate(plan, layers, reasons, backend="numpy"))


@given(plan=plans())
def test_the_text_holds_no_text_of_a_user_and_no_number_of_a_scenario(plan: ScoringPlan) -> None:
    for method in plan.methods:
        text = generate.write_loop(method).text
        ast.parse(text)
        assert text.isascii()
        other = MethodPlan(
            method.name.upper(),
            tuple(
                Limit(one.resource, (one.code + 1) % LOWEST_STATE, one.supply, one.need)
                for one in method.limits
            ),
            method.net_factor * 2.0,
            method.gross_cost * 3.0,
            method.suitability,
            0,
            method.available,
        )
        assert generate.write_loop(other).text == text


@pytest.mark.parametrize("need", [1.5e-244, -1e-300, 5e-324, 1e-38])
def test_a_need_that_float32_cannot_hold_is_no_limit(need: float) -> None:
    limit = Limit("power", 0, layer("a"), const(need))
    assert not limit.holds_somewhere
    assert not layer("a", need).terms


def test_an_amount_that_float32_cannot_hold_is_refused() -> None:
    with pytest.raises(ConfigError) as refused:
        _ = Limit("power", 0, layer("a", 1e6), const(1e-36)).ratio
    for word in ("a", "not finite", "1e+42", "float32", "needs"):
        assert word in str(refused.value)


FIXED = ScoringPlan(
    (
        MethodPlan(
            "x",
            (
                Limit("land", 0, layer("a", 100.0), const(11.0)),
                Limit("power", 1, layer("b", 70.0), layer("c d", 3.0) + 9.0),
            ),
            const(0.9) + layer("c d", -0.2),
            const(80.0) + layer("a") * layer("é中", 0.5),
            "é中",
            1,
        ),
        MethodPlan(
            "y", (Limit("land", 0, layer("b"), layer("a", 4.0)),), const(0.7), const(3.0), None, 2
        ),
    )
)


@settings(max_examples=examples(40))
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 40), columns=st.integers(1, 70))
def test_any_block_of_one_plan(seed: int, rows: int, columns: int) -> None:
    layers, reasons = random_block(seed, (rows, columns))
    assert_same(evaluate(FIXED, layers, reasons), evaluate(FIXED, layers, reasons, backend="numpy"))


def test_against_the_formulas_in_float64() -> None:
    rng = np.random.default_rng(3)
    layers = {name: rng.uniform(0.5, 2.0, (200, 50)).astype(np.float32) for name in LAYERS}
    found = evaluate(FIXED, layers, np.zeros((200, 50), np.uint32))["x"]
    a, b, c, d = (layers[name].astype(np.float64) for name in LAYERS)
    by_land, by_power = 100.0 * a / 11.0, 70.0 * b / (3.0 * c + 9.0)
    net = 0.9 - 0.2 * c
    np.testing.assert_allclose(found.gross, np.minimum(by_land, by_power), rtol=5e-7)
    np.testing.assert_array_equal(found.limit, by_power < by_land)
    np.testing.assert_allclose(found.net_factor, net, rtol=5e-7)
    np.testing.assert_allclose(found.cost, (80.0 + 0.5 * a * d) / net, rtol=1e-6)
    np.testing.assert_allclose(found.score, d * np.minimum(by_land, by_power) * net, rtol=1e-6)


def test_cuts_and_threads_change_no_byte() -> None:
    shape = (2 * CHUNK // 509 + 3, 509)
    layers, reasons = random_block(11, shape)
    whole = joined(evaluate(FIXED, layers, reasons))
    for threads in (2, 3, 5):
        assert joined(evaluate(FIXED, layers, reasons, threads=threads)) == whole
    out = {method.name: MethodResult.empty(shape) for method in FIXED.methods}
    cuts = [0, 1, 2, 9, 10, 100, 613, shape[0]]
    for first, last in itertools.pairwise(cuts):
        rows = slice(first, last)
        part = {
            name: MethodResult(**{k: v[rows] for k, v in vars(result).items()})
            for name, result in out.items()
        }
        evaluate(FIXED, {k: v[rows] for k, v in layers.items()}, reasons[rows], part)
    assert joined(out) == whole
    columns = {name: values[:, 3:8] for name, values in layers.items()}
    narrow = evaluate(FIXED, columns, reasons[:, 3:8])
    assert narrow["x"].cost.tobytes() == out["x"].cost[:, 3:8].tobytes()


@settings(max_examples=examples(20))
@given(seed=st.integers(0, 2**32 - 1), factor=st.sampled_from([0.25, 2.0, 1024.0]))
def test_scaling_the_unit_of_a_resource_changes_nothing(seed: int, factor: float) -> None:
    layers, reasons = random_block(seed, (9, 31))
    small = {name: np.clip(values, -1e6, 1e6) for name, values in layers.items()}
    x = FIXED.methods[0]
    scaled = tuple(
        Limit(one.resource, one.code, one.supply * factor, one.need * factor) for one in x.limits
    )
    other = MethodPlan(x.name, scaled, x.net_factor, x.gross_cost, x.suitability, x.excluded_bits)
    found = evaluate(ScoringPlan((other, FIXED.methods[1])), small, reasons)
    assert joined(found) == joined(evaluate(FIXED, small, reasons))


@settings(max_examples=examples(20))
@given(seed=st.integers(0, 2**32 - 1))
def test_an_exclusion_more_never_adds_tonnes(seed: int) -> None:
    layers, reasons = random_block(seed, (9, 31))
    before = evaluate(FIXED, layers, reasons)["x"]
    more = reasons | (np.random.default_rng(seed).random(reasons.shape) < 0.5).astype(np.uint32)
    after = evaluate(FIXED, layers, more)["x"]
    known = ~np.isnan(before.gross)
    assert (after.gross[known] <= before.gross[known]).all()
    hit = ((more & 1) == 1) & (more < OUTSIDE_BIT)
    assert hit.any()
    np.testing.assert_array_equal(after.limit == EXCLUDED, hit)
    assert (np.isnan(after.gross[after.limit == UNKNOWN])).all()


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a new process: nothing compiled."""
    monkeypatch.setattr(generate, "_MODULES", {})
    monkeypatch.setattr(generate, "_PROGRAMS", {})


SMALL = ScoringPlan(
    (MethodPlan("s", (Limit("land", 0, layer("a"), const(4.0)),), const(0.5), const(10.0)),)
)


def score_small() -> float:
    result = evaluate(SMALL, {"a": np.full((1, 1), 8.0, np.float32)}, np.zeros((1, 1), np.uint32))
    return float(result["s"].gross.item())


def test_compiled_loops_are_found_again(
    fresh: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CDRSITE_CACHE_DIR", str(tmp_path))
    assert score_small() == 2.0
    files = sorted(tmp_path.glob("kernels/*.py"))
    assert len(files) == 1
    assert not list(tmp_path.glob("kernels/tmp*"))
    code = (
        "import numpy as np; from cdrsite.scoring import numba_backend as g;"
        "from cdrsite.scoring.evaluate import evaluate as e; from cdrsite.scoring.sums "
        "import *; p = ScoringPlan((MethodPlan('other', (Limit('soil', 0, layer('z'), const(5.)),),"
        "const(.5), const(10.)),)); e(p, {'z': np.ones((1, 1), 'f4')}, np.zeros((1, 1), 'u4'));"
        "print(sum(sum(c.run.stats.cache_hits.values()) for c in g.compiled(p)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"  # other names and numbers, the same shape: not compiled
    assert sorted(tmp_path.glob("kernels/*.py")) == files


def test_threads_that_meet_a_new_plan_at_once(
    fresh: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CDRSITE_CACHE_DIR", str(tmp_path))
    with ThreadPoolExecutor(4) as pool:
        assert [one.result() for one in [pool.submit(score_small) for _ in range(8)]] == [2.0] * 8


def test_a_changed_file_in_the_cache_is_not_run(
    fresh: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CDRSITE_CACHE_DIR", str(tmp_path))
    source = generate.write_loop(SMALL.methods[0]).text
    path = generate._keep(source, "changed")
    path.write_bytes(b"\xff raise SystemExit")
    assert generate._keep(source, "changed") == path
    assert path.read_text(encoding="utf-8") == source


def test_a_folder_that_cannot_be_written_is_no_obstacle(
    fresh: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("CDRSITE_CACHE_DIR", str(tmp_path / "file"))
    assert score_small() == 2.0
    assert "cdrsite_scoring" in generate.compiled(SMALL)[0].run.__module__
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("platform", ["linux", "win32"])
def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.delenv("CDRSITE_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    monkeypatch.setenv("LOCALAPPDATA", "/w")
    base = {"linux": "/x", "win32": "/w"}[platform]
    assert cache_folder("kernels") == Path(base) / "cdrsite" / "kernels"


def test_equal_plans_are_compiled_once_and_old_ones_forgotten(
    fresh: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    load = generate._load
    monkeypatch.setattr(generate, "_load", lambda source: (loaded.append(source), load(source))[1])
    monkeypatch.setattr(generate, "_KEPT", 3)
    for price in range(10):
        land = (Limit("land", 0, layer("a"), const(4.0)),)
        plan = ScoringPlan((MethodPlan("s", land, const(0.5), const(1.0 + price)),))
        assert generate.compiled(plan) is generate.compiled(plan)
    assert len(loaded) == 1
    assert len(generate._PROGRAMS) == 3


def shaped(name: str, heat: str, cold: str, price: float, code: int, bits: int) -> MethodPlan:
    need = layer(heat, price) * layer(cold)
    limits = (Limit(f"r{code}", code, layer(cold), need),)
    return MethodPlan(name, limits, need, const(price), excluded_bits=bits)


SHAPED = (shaped("m", "a", "b", 2.0, 1, 0b1), shaped("n", "é中", "c d", 3.0, 7, 0b110))
"""Two methods that differ in all but the shape: names, layers, numbers, resource, exclusions."""


def test_methods_of_one_shape_share_a_loop_whatever_they_are_called() -> None:
    first, second = (generate.write_loop(method) for method in SHAPED)
    assert first.text == second.text
    assert (first.codes, second.codes) == ((1,), (7,))
    plan = ScoringPlan(SHAPED)
    layers, reasons = random_block(5, (20, 30))
    assert_same(evaluate(plan, layers, reasons), evaluate(plan, layers, reasons, backend="numpy"))


def test_plans_share_the_modules_of_their_shapes(
    fresh: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    load = generate._load
    monkeypatch.setattr(generate, "_load", lambda source: (loaded.append(source), load(source))[1])
    for plan in (SMALL, ScoringPlan(SHAPED[:1]), ScoringPlan((*SMALL.methods, *SHAPED))):
        generate.compiled(plan)
    assert len(loaded) == 2


def test_cells_on_either_side_of_a_block_are_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    layers, reasons = random_block(13, (7, 9))
    whole = joined(evaluate(FIXED, layers, reasons))
    monkeypatch.setattr(generate, "BLOCK", 4)
    monkeypatch.setattr(generate, "CHUNK", 10)
    for threads in (1, 3):
        assert joined(evaluate(FIXED, layers, reasons, threads=threads)) == whole


def test_plain_numpy_takes_the_cells_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    layers, reasons = random_block(11, (3, 8))
    whole = evaluate(FIXED, layers, reasons, backend="numpy")
    monkeypatch.setattr(numpy_backend, "BLOCK", 7)
    assert_same(whole, evaluate(FIXED, layers, reasons, backend="numpy"))


def test_a_backend_is_a_function_and_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def from_the_end(plan: ScoringPlan, layers: Any, reasons: Any, out: Any, threads: int) -> None:
        back = {name: values[::-1] for name, values in layers.items()}
        turned = {
            name: MethodResult(*(getattr(one, part)[::-1] for part in OUTPUTS))
            for name, one in out.items()
        }
        numpy_backend.fill(plan, back, reasons[::-1], turned, threads)

    monkeypatch.setitem(BACKENDS, "from the end", from_the_end)
    layers, reasons = random_block(12, (4, 9))
    found = evaluate(FIXED, layers, reasons, backend="from the end")
    assert_same(found, evaluate(FIXED, layers, reasons))


def test_a_backend_that_does_not_exist_is_named() -> None:
    layers, reasons = random_block(1, (1, 1))
    with pytest.raises(ConfigError, match="no such backend; got fortran; expected numba or numpy"):
        evaluate(FIXED, layers, reasons, backend="fortran")
