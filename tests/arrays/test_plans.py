"""Competitions from tables: by hand, against scipy's linear programmes, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

import cdrsite
from cdrsite.core.errors import CdrsiteError, DataError

METHODS = pd.DataFrame(
    {"net": [0.9, 0.8], "cost": [300.0, 100.0], "land": [1.0, 2.0], "water": [4.0, 0.0]},
    index=["air", "forest"],
)


@pytest.mark.parametrize("seed", range(4))
def test_the_same_optimum_as_a_whole_linear_programme(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 30
    cells = pd.DataFrame(
        {
            "land": rng.uniform(1, 10, n),
            "basin": rng.choice(["a", "b"], n),
            "air.net": rng.uniform(0.5, 1, n),
            "forest.upper": rng.uniform(0, 3, n),
        },
        index=[f"cell {i}" for i in range(n)],
    )
    supply = pd.Series({"a": 60.0, "b": 25.0})
    plan = cdrsite.allocate(cells, METHODS, pools={"water": supply}, zones={"water": "basin"})
    land = np.hstack([np.eye(n) * 1.0, np.eye(n) * 2.0])
    water = np.array([np.r_[4.0 * (cells["basin"] == zone), np.zeros(n)] for zone in supply.index])
    best = linprog(
        -np.r_[cells["air.net"], np.full(n, 0.8)],
        np.vstack([land, water]),
        np.r_[cells["land"], supply],
        bounds=[(0, None)] * n + [(0, most) for most in cells["forest.upper"]],
    )
    assert plan.totals()["net"].sum() == pytest.approx(-best.fun, rel=1e-5)
    used = plan.cells()
    assert list(used.index) == list(cells.index)
    assert (used["air"] + 2 * used["forest"] <= cells["land"] * (1 + 1e-6)).all()
    prices = plan.pools().set_index("zone")["price"]
    np.testing.assert_allclose(prices[["a", "b"]], -best.ineqlin.marginals[n:], atol=1e-3)


def test_storage_and_a_target() -> None:
    cells = pd.DataFrame({"land": [100.0, 100.0]}, index=["n", "s"])
    methods = pd.DataFrame(
        {"net": [1.0], "cost": [50.0], "land": [1.0], "stored": [1.0]}, index=["air"]
    )
    links = pd.DataFrame(
        {"cell": ["n", "s", "s"], "sink": ["far", "far", "near"], "cost": [20.0, 30.0, 5.0]}
    )
    storage = pd.Series({"near": 40.0, "far": 500.0})
    plan = cdrsite.allocate(
        cells, methods, links=links, storage=storage, maximise="cost", target_t_yr=60.0
    )
    assert plan.cells()["air"].to_dict() == pytest.approx({"n": 20.0, "s": 40.0})
    assert plan.totals().loc["air", "cost"] == pytest.approx(60 * 50 + 40 * 5 + 20 * 20)
    assert repr(plan).startswith("<Plan of 2 cells, 1 methods: 60 t/yr net for 3,600 USD/yr")
    assert len(repr(plan.solution)) < 200


def test_what_is_refused() -> None:
    cells = pd.DataFrame({"land": [1.0], "basin": ["c"]})
    pools = {"water": pd.Series({"a": 1.0})}
    with pytest.raises(DataError, match=r"zones without a supply; got c; expected a"):
        cdrsite.allocate(cells, METHODS, pools=pools, zones={"water": "basin"})
    with pytest.raises(DataError, match=r"no column with the zones.*zones=\{NAME: COLUMN\}"):
        cdrsite.allocate(cells, METHODS, pools=pools)
    with pytest.raises(DataError, match=r"a need of no pool; got 'water'.*give pools"):
        cdrsite.allocate(cells, METHODS)
    with pytest.raises(DataError, match=r"a column is missing.*expected land"):
        cdrsite.allocate(cells.drop(columns="land"), METHODS, pools=pools)
    with pytest.raises(DataError, match=r"a column of no method; got 'wind\.net'"):
        cdrsite.allocate(cells.assign(**{"wind.net": 1.0}), METHODS, pools={"water": 1.0})
    free = METHODS.assign(land=[0.0, 1.0])
    with pytest.raises(DataError, match="air: nothing limits the method"):
        cdrsite.allocate(cells, free, pools={"water": 1.0})
    with pytest.raises(DataError, match="the least cost of nothing"):
        cdrsite.allocate(cells, METHODS, pools={"water": 1.0}, maximise="cost")
    with pytest.raises(CdrsiteError, match="target"):
        cdrsite.allocate(cells, METHODS, pools={"water": 1.0}, target_t_yr=1e9)
