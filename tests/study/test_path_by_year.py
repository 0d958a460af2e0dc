"""What changes from year to year in a path: prices, credits, replacement, budgets, injection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dated_study import GOAL, found, refused, write_dated

from cdrsite.core.errors import InfeasibleError
from cdrsite.network.milestones import times_of

FEW = (*GOAL, "methods.afforestation.usable_land=0", "resources.biomass.collectable=0")
"""Direct air capture alone."""
WHEN = times_of([2030, 2040, 2050], start=2025, after=20, rate=0.04)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dated(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def plain(world: Path) -> Any:
    return found(world, *FEW)


def each_year(result: Any, column: str, method: str = "daccs-solid") -> np.ndarray:
    """A column of the build-out over gross tonnes, by year."""
    built = result.tables["build_out"]
    mine = built[built["method"] == method]
    return (mine[column] / mine["gross_mt_yr"]).to_numpy()


def test_a_price_by_year_is_paid_in_its_year(world: Path, plain: Any) -> None:
    """Linear between the years given; the maps show the last milestone at its prices."""
    result = found(world, *FEW, "milestones.prices={electricity: {2030: 2, 2050: 0.5}}")
    kwh = plain.dataset["need"].sel(removal_method="daccs-solid", resource="electricity").item()
    dearer = each_year(result, "cost_musd_yr") - each_year(plain, "cost_musd_yr")
    price = dearer[0] / kwh
    assert dearer == pytest.approx(kwh * price * np.array([1.0, 0.25, -0.5]), rel=1e-3)
    assert price > 0.01


def test_what_tonnes_earn_by_year_moves_when_they_come(world: Path) -> None:
    dac = ("methods.afforestation.usable_land=0", "resources.biomass.collectable=0")
    text = (
        "objective={maximise: value, credits: [{amount: 900, methods: [daccs-solid]}]}",
        "costs.discount_rate=0.04",
        "milestones={years: [2030, 2040, 2050], start: 2025, after: 20 yr}",
    )
    flat = found(world, *dac, *text)
    rising = found(world, *dac, *text, "milestones.credits={2030: 0, 2050: 1}")
    stands = [r.tables["build_out"].query("method == 'daccs-solid'") for r in (flat, rising)]
    assert stands[0]["stands_gross_mt_yr"].iloc[0] > 0
    assert stands[1]["stands_gross_mt_yr"].iloc[0] == 0
    assert rising.summary["objective"]["value"] < flat.summary["objective"]["value"]
    # worth of the path: what is earned in each year at its share, less what it costs
    net = stands[1]["net_mt_yr"].to_numpy() * 1e6
    cost = rising.tables["build_out"].groupby("year")["cost_musd_yr"].sum().to_numpy() * 1e6
    paid = flat.tables["build_out"].groupby("year")["cost_musd_yr"].sum().to_numpy() * 1e6
    life = flat.summary["objective"]["value"] + float(WHEN.worth @ paid)
    each = life / float(WHEN.worth @ stands[0]["net_mt_yr"].to_numpy() * 1e6)
    value = float(WHEN.worth @ (each * np.array([0.0, 0.5, 1.0]) * net - cost))
    assert rising.summary["objective"]["value"] == pytest.approx(value, rel=1e-3)


def test_a_tonne_that_comes_back_pays_for_one_that_does_not(world: Path) -> None:
    """(1 + r)^-N times the price of N years later, on each net tonne of each year."""
    rule = "milestones.durability={rule: replacement, price: {2120: 100, 2140: 200, 2160: 400}}"
    only = (
        *GOAL,
        "methods.daccs-solid.override={land_direct: 90000000 m2}",
        "resources.biomass.collectable=0",
        "milestones.targets={removal: {2030: 0.2 kt/yr, 2040: 0.5 kt/yr, 2050: 0.8 kt/yr}}",
    )
    kept = ("methods.afforestation.override={durability: 100 yr}", *only)
    plain, result = (found(world, *kept, *more) for more in ((), (rule,)))
    built = [
        one.tables["build_out"].groupby("year").sum(numeric_only=True) for one in (plain, result)
    ]
    net = built[1]["net_mt_yr"].to_numpy()
    assert net == pytest.approx([2e-4, 5e-4, 8e-4], rel=1e-4)
    # so little that the plan stays what it is
    more = (built[1] - built[0])["cost_musd_yr"].to_numpy() / net
    assert more == pytest.approx(1.04**-100 * np.array([150.0, 200.0, 300.0]), rel=5e-3)


def test_a_present_budget_is_spent_over_all_years(world: Path) -> None:
    few = ("methods.afforestation.usable_land=0", "resources.biomass.collectable=0")
    dated = (
        "milestones={years: [2030, 2040, 2050], start: 2025, after: 20 yr, present_budget: 30 MUSD}"
    )
    result = found(world, *few, "costs.discount_rate=0.04", dated)
    cost = result.tables["build_out"].groupby("year")["cost_musd_yr"].sum().to_numpy()
    assert float(WHEN.worth @ cost) == pytest.approx(30.0, rel=1e-4)
    rows: pd.DataFrame = result.tables["pools_by_year"]
    budget = rows[rows["zone"] == "budget of all years"]
    assert budget["binds"].tolist() == [True]


def test_injection_grows_step_by_step_in_each_unit(world: Path) -> None:
    rule = "milestones.injection_growth={rate: 10 %, seed: 0.1 kt/yr}"
    result = found(world, *FEW, rule, "milestones.missed={price: 3000 USD/t}")
    filling = result.tables["storage_filling"]
    factor = 1.1 ** np.array([5.0, 10.0, 10.0])
    for _, unit in filling[filling["year"] <= 2050].groupby("unit"):
        rate = unit["injected_mt_yr"].to_numpy() * 1e6
        before = np.concatenate([[0.0], rate[:-1]])
        assert (rate <= factor * before + 100 * (factor - 1) / 0.1 + 1e-3).all()
    assert result.tables["pathway"]["missed"].sum() > 0
    with pytest.raises(InfeasibleError, match="growth of injection"):
        found(world, *FEW, rule)


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        (
            ("milestones={years: [2030], prices: {electricty: {2030: 1}}}",),
            ("no price of that name", "did you mean 'electricity'", "milestones.prices.electricty"),
        ),
        (
            ("milestones={years: [2030], prices: {electricity: {2030: 0}}}",),
            ("nothing is left at the last milestone", "milestones.prices.electricity"),
        ),
        (
            ("milestones={years: [2030], credits: {2030: 1}}",),
            ("nothing is earned", "objective.credits"),
        ),
        (
            ("milestones={years: [2030], durability: {rule: replacement}}",),
            ("price belongs to rule: replacement", "give price"),
        ),
        (
            (
                "milestones={years: [2030], injection_growth: {rate: 1 %, seed: 1}}",
                "resources.storage={unlimited: true}",
            ),
            ("no storage units", "resources.storage.units"),
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_cure(
    world: Path, settings: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    text = refused(world, *settings)
    for part in parts:
        assert part in text
