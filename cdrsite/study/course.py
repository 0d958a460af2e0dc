"""The course of a study: what its milestones make of the competition of one year.

The competition of one year is that of the last milestone; here is by how much the others differ,
as tables of method x vintage x milestone over what the cells keep.

One module: what milestones ask for, and by how much each year differs, read the same keys.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.competition.captured import AVOIDED, EMITTERS
from cdrsite.competition.objectives import most_value
from cdrsite.competition.problem import PolicyRow, Problem, RowTerm
from cdrsite.core.errors import ConfigError
from cdrsite.core.vocabulary import INJECTIVITY, PORE_SPACE, RESOURCES
from cdrsite.methods.kinds import hazard_of
from cdrsite.methods.net import expected_retention
from cdrsite.network.milestones import Times, times_of
from cdrsite.pathway.course import NET, Course, GrowthRow, Path, PathGoal, SinkGrowth, Target
from cdrsite.pathway.durable import lashof_share, moura_costa_share, offset_share
from cdrsite.place.growth import stock_curve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.config.milestones import GrowthLimit, Milestones
    from cdrsite.config.models import Scenario
    from cdrsite.methods.model import MethodModel
    from cdrsite.methods.rivals import RivalSums
    from cdrsite.place.curves import Curve
    from cdrsite.study.prepare import Setting

    F64 = NDArray[np.float64]

PAID_FOR_PLANTS = ("capital", "fixed_om")
"""Parts of the cost that a cheaper plant makes smaller."""
ACCOUNTING_YEARS = 30.0
"""Years over which the uptake of a stock is averaged where its method says none [yr]."""


def dated_layers(
    rivals: Mapping[str, RivalSums], path: Milestones | None
) -> dict[str, tuple[str, int]]:
    """Layers of the cells that milestones multiply by tables: variable and method of each."""
    if path is None:
        return {}
    found: dict[str, tuple[str, int]] = {}
    for m, (name, sums) in enumerate(rivals.items()):
        if sums.grid is not None and sums.grid.constant is None:
            found[_grid_layer(name)] = "grid_emissions", m
        for part in _dated_parts(path, name):
            variable = sums.split[part][1]
            if variable:
                found[_part_layer(part, name)] = variable, m
    return found


def _grid_layer(method: str) -> str:
    return f"grid emissions of {method}"


def _part_layer(part: str, method: str) -> str:
    return f"{part} of {method}"


def _dated_parts(path: Milestones, method: str) -> list[str]:
    """Parts of the cost of a method that milestones change."""
    plants = method in path.cost or method in path.lead
    return [*(PAID_FOR_PLANTS if plants else ()), *shares_of_prices(path)]


def shares_of_prices(path: Milestones) -> dict[str, Mapping[int, float]]:
    """Part of the cost -> share by year of the price that it is paid at."""
    parts: dict[str, Mapping[int, float]] = {
        RESOURCES[name].part: shares for name, shares in path.prices.items()
    }
    if "electricity" in path.prices:  # what is supplied is sold at the price of power
        parts["revenue"] = path.prices["electricity"]
    return parts


def times(scenario: Scenario) -> Times:
    """The milestones of a scenario, with the years that each stands for."""
    path = scenario.milestones
    assert path is not None  # noqa: S101 - asked of scenarios with milestones
    after = scenario.resources.storage.years if path.after is None else path.after
    return times_of(path.years, start=path.start, after=after, rate=scenario.costs.discount_rate)


def stock_output(
    curve: Curve, years: Sequence[float] | F64, start: float, over: float | None = None
) -> F64:
    """Uptake of a growing stock by vintage and milestone, relative to its mean.

    A vintage is planted evenly over the years since the milestone before (over one year where there
    are none), so its uptake at a milestone is the difference of two stocks, not a rate at one age.

    Parameters
    ----------
    curve : Curve
    years : sequence of float
        Milestones, rising.
    start : float
        Year from which the first vintage is planted.
    over : float, optional
        Years of the mean [yr]; the curve's own when not given.

    Returns
    -------
    ndarray, shape (vintages, milestones)
        0 before the vintage [1].
    """
    at = np.asarray(years, np.float64)
    planting = np.maximum(np.diff(at, prepend=start), 1.0)[:, None]
    age = np.maximum(at[None, :] - at[:, None], 0.0)
    grown = (curve.stock(age + planting) - curve.stock(age)) / planting
    return np.triu(np.asarray(grown * _per_mean(curve, over)))


def stock_held(
    curve: Curve | None, years: Sequence[float] | F64, start: float, over: float | None = None
) -> F64:
    """What a vintage holds at a milestone, in years of its mean uptake, (vintages, milestones).

    Without a curve the output is the same in all years and all of it stays: a plant's, built evenly
    since the milestone before.
    """
    at = np.asarray(years, np.float64)
    gap = np.diff(at, prepend=start)[:, None]
    age = np.maximum(at[None, :] - at[:, None], 0.0)
    if curve is None:
        return np.triu(np.asarray(age + 0.5 * gap))
    planting = np.maximum(gap, 1.0)
    # the mean stock over the ages of what was planted one year after the other
    node, weight = np.polynomial.legendre.leggauss(12)
    part = sum(
        0.5 * w * curve.stock(age + planting * 0.5 * (1.0 + x))
        for x, w in zip(node, weight, strict=True)
    )
    return np.triu(np.asarray(part * _per_mean(curve, over)))


def _per_mean(curve: Curve, over: float | None) -> float:
    mean = curve.reference_years if over is None else over
    return mean / float(curve.stock(mean))


def curve_of(model: MethodModel) -> Curve | None:
    """How a method's stock fills; None for one that puts out alike in all years."""
    return stock_curve(model) if "uptake" in model.numbers else None


def mean_years(model: MethodModel) -> float:
    """Years over which a stock's gross tonnes are the mean [yr]."""
    return model.number("accounting_years", ACCOUNTING_YEARS)


def begin_of(path: Milestones) -> float:
    """Year from which the first milestone is built up."""
    return float(path.years[0] if path.start is None else path.start)


def course_of(setting: Setting, problem: Problem) -> Course:
    """What the methods of a study do at each milestone."""
    path, when = setting.scenario.milestones, times(setting.scenario)
    assert path is not None  # noqa: S101
    count, quantities = len(path.years), len(problem.counted)
    methods = len(problem.methods)
    begin, years = begin_of(path), np.array(path.years, np.float64)
    stands = np.triu(np.ones((count, count)))
    output = np.repeat(stands[None], methods, axis=0)
    is_open = np.ones((methods, count), np.bool_)
    more_net = np.zeros((methods, count, quantities))
    more_cost = np.zeros((methods, count, count, quantities))
    cleaner = path.share(path.intensity)
    for m, (name, model) in enumerate(setting.models.items()):
        curve = curve_of(model)
        if curve is not None:
            output[m] = stock_output(curve, years, begin, mean_years(model))
        ready = max(path.first.get(name, -math.inf), begin + path.lead.get(name, -math.inf))
        is_open[m] = years >= ready
        grid = setting.rivals[name].grid
        if grid is not None:
            column, amount = _column(problem, grid.constant, _grid_layer(name))
            more_net[m, :, column] -= amount * (cleaner - cleaner[-1])
        if name in path.cost or name in path.lead:
            _add_capital(more_cost[m], setting, problem, name)
        _add_prices(more_cost[m], setting, problem, name)
        if path.durability.price:
            again = _replacement(setting, model)
            more_cost[m, :, :, NET] += output[m] * again
            more_cost[m] += (output[m] * again)[:, :, None] * more_net[m, None]
    return Course(
        tuple(map(str, path.years)), when.years, when.worth, output, is_open, more_net, more_cost
    )


def _column(problem: Problem, constant: float | None, layer: str) -> tuple[int, float]:
    """Quantity that an amount per gross tonne goes by, and how much of it."""
    return (0, constant) if constant is not None else (problem.counted.index(layer), 1.0)


def _add_capital(into: F64, setting: Setting, problem: Problem, name: str) -> None:
    """What plants of each vintage cost more than those of the last milestone, renewals included.

    A plant that has come to its end is renewed at the price of that year.
    """
    path, model = setting.scenario.milestones, setting.models[name]
    assert path is not None  # noqa: S101
    years, life = np.array(path.years, np.float64), model.number("lifetime", 25.0)
    age = np.maximum(years[None, :] - years[:, None], 0.0)
    bought = years[:, None] + life * np.floor(age / life)
    ratio = path.share_in(path.cost.get(name), bought) / path.last(path.cost.get(name))
    waiting = (1.0 + setting.scenario.costs.discount_rate) ** (0.5 * path.lead.get(name, 0.0))
    for part in PAID_FOR_PLANTS:
        more = ratio * (waiting if part == "capital" else 1.0) - 1.0
        _add_part(into, setting, problem, name, part, more)


def _add_part(
    into: F64, setting: Setting, problem: Problem, name: str, part: str, more: F64
) -> None:
    """Add a part of the cost times how much more it is, by vintage and milestone."""
    coefficient, variable = setting.rivals[name].split[part]
    constant = None if variable else coefficient
    column, amount = _column(problem, constant, _part_layer(part, name))
    into[:, :, column] += np.triu((coefficient if variable else amount) * more)


def _add_prices(into: F64, setting: Setting, problem: Problem, name: str) -> None:
    """What is paid for resources at each milestone more than at the last one.

    Raises
    ------
    ConfigError
        Power of the method's own is part of what it pays for power.
    """
    path, model = setting.scenario.milestones, setting.models[name]
    assert path is not None  # noqa: S101
    own = set(model.needs.prices) & set(path.prices)
    if own:
        raise ConfigError(
            "a price by year is that of what is bought, and the method makes some of it",
            where=f"milestones.prices.{min(own)}",
            got=f"methods.{name} with its own {min(own)}",
            expected="a resource that all methods buy",
            cure=f"remove milestones.prices.{min(own)}, or the method's own {min(own)}",
            rule=7,
        )
    for part, shares in shares_of_prices(path).items():
        more = path.share(shares) / path.last(shares) - 1.0
        _add_part(into, setting, problem, name, part, np.broadcast_to(more, into.shape[:2]))


def _replacement(setting: Setting, model: MethodModel) -> F64:
    """What a net tonne of each milestone pays for the one that replaces it, shape (T,) [USD/t]."""
    scenario, path = setting.scenario, setting.scenario.milestones
    assert path is not None  # noqa: S101
    assert path.durability.price is not None  # noqa: S101 - of the rule
    kept = _years_kept(model, path)
    price = path.share_in(path.durability.price, np.array(path.years, np.float64) + kept)
    return np.asarray(price * (1.0 + scenario.costs.discount_rate) ** -kept)


def durable_share(model: MethodModel, path: Milestones) -> float:
    """What a net tonne of a method counts in durable tonnes [1].

    Raises
    ------
    ConfigError
        Nothing says for how long its tonnes are kept.
    """
    asked = path.durability
    if asked.rule in {"permanent", "replacement"}:
        return 1.0
    if asked.rule == "expected":
        return float(expected_retention(hazard_of(model), asked.horizon))
    kept = _years_kept(model, path)
    if asked.rule == "lashof":
        return lashof_share(kept, asked.horizon)
    if asked.rule == "moura-costa":
        return moura_costa_share(kept, asked.horizon)
    assert asked.discount is not None  # noqa: S101 - checked with the scenario
    return offset_share(kept, asked.discount)


def _years_kept(model: MethodModel, path: Milestones) -> float:
    """Years for which a method's tonnes are kept [yr]."""
    kept = model.number("durability", math.nan)
    if math.isnan(kept):
        raise ConfigError(
            "nothing says for how long its tonnes are kept",
            where=f"methods.{model.name}",
            got=f"milestones.durability.rule: {path.durability.rule}",
            expected="the parameter durability",
            cure=f"give methods.{model.name}.override: {{durability: 100 yr}}, or rule: expected",
            rule=7,
        )
    return kept


def targets_of(
    setting: Setting, standing: Callable[[Sequence[RowTerm]], F64] | None = None
) -> tuple[Target, ...]:
    """What is asked for at the milestones; ``standing`` says what counts without the plan."""
    path = setting.scenario.milestones
    assert path is not None  # noqa: S101
    price = math.nan if path.missed == "error" else float(path.missed.price)
    found = []
    if path.targets.removal:
        limit = path.amounts(path.targets.removal)
        found.append(Target("removal", "t/yr", (RowTerm("net"),), limit, price))
    if path.targets.durable:
        terms = tuple(
            RowTerm("net", durable_share(model, path), (name,))
            for name, model in setting.models.items()
        )
        if setting.scenario.emitters is not None:
            # under ground: by each of the rules a tonne that stays counts whole
            terms = (*terms, RowTerm("net", 1.0, (EMITTERS,)))
        limit = path.amounts(path.targets.durable)
        found.append(Target("durable removal", "t/yr", terms, limit, price))
    if path.targets.avoided:
        limit = path.amounts(path.targets.avoided)
        found.append(Target(AVOIDED, "t/yr", (RowTerm(AVOIDED),), limit, price))
    if path.budget:
        limit = path.amounts(path.budget)
        found.append(Target("budget", "USD/yr", (RowTerm("cost"),), limit, sense="<="))
    if standing is None:
        return tuple(found)
    return tuple(replace(one, standing=standing(one.terms)) for one in found)


def growth_of(setting: Setting) -> tuple[GrowthRow, ...]:
    """How fast methods may grow from milestone to milestone, beside what stands already."""
    path, points = setting.scenario.milestones, setting.standing
    assert path is not None  # noqa: S101 - asked of scenarios with milestones
    found = []
    for name, one in path.growth.items():
        begin, stands = (one.standing, None) if points is None else points.standing(name)
        factor, seed = _growing(path, one, _ready(path, name), begin, stands)
        found.append(GrowthRow(name, factor, seed))
    return tuple(found)


def _growing(
    path: Milestones,
    one: GrowthLimit,
    ready: float,
    begin: float | F64,
    stands: F64 | None = None,
) -> tuple[F64, F64]:
    """Growth since the milestone before, and what comes without any that the plan has built.

    Parameters
    ----------
    path, one, ready
        What is asked, and the year from which it may grow.
    begin : float or ndarray, shape (S,)
        What stands at the start [t/yr].
    stands : ndarray, shape (T,) or (S, T)
        What of it stands at each milestone; all of it when not given.

    Returns
    -------
    tuple of ndarray, shapes (T,) and (T,) or (T, S)
        What stands grows with the rest, and what is there of it is not to be built.
    """
    years = np.array(path.years, np.float64)
    since = np.maximum(np.concatenate([[begin_of(path)], years[:-1]]), ready)
    factor = (1.0 + one.rate) ** np.maximum(years - since, 0.0)
    seed = one.seed * (factor - 1.0) / one.rate
    if stands is None:
        return factor, seed + begin * (factor - 1.0)
    now = np.moveaxis(stands, -1, 0)
    before = np.concatenate([np.broadcast_to(begin, now[:1].shape), now[:-1]])
    shape = (-1,) + (1,) * (now.ndim - 1)
    more = np.reshape(seed, shape) + np.reshape(factor, shape) * before - now
    # those that are being built already are held to no limit
    return factor, np.maximum(more, 0.0)


def _ready(path: Milestones, name: str) -> float:
    """Year in which the building of the first plants begins: those of a year are ready then."""
    return float(path.first.get(name, -math.inf)) - 1.0


def goal_of(scenario: Scenario, when: Times, earned: Sequence[RowTerm]) -> PathGoal:
    """What a path is for: the scenario's objective, over all years."""
    kind = scenario.objective.kind
    if kind == "net_removal":
        return PathGoal("net removal", "t", [[RowTerm("net", float(w))] for w in when.years])
    if kind == "cost":
        return PathGoal("cost", "USD", [[RowTerm("cost", -float(w))] for w in when.worth], -1)
    path = scenario.milestones
    assert path is not None  # noqa: S101
    paid = path.share(path.credits) / path.last(path.credits)
    years = []
    for worth, share in zip(when.worth.tolist(), paid.tolist(), strict=True):
        terms = most_value([replace(one, weight=share * one.weight) for one in earned]).terms
        years.append([replace(one, weight=one.weight * worth) for one in terms])
    return PathGoal("value", "USD", years)


def path_of(
    setting: Setting,
    problem: Problem,
    earned: Sequence[RowTerm],
    standing: Callable[[Sequence[RowTerm]], F64] | None = None,
    injected: tuple[F64, F64] | None = None,
) -> Path:
    """The competition of a study over its milestones.

    Parameters
    ----------
    setting, problem, earned
        The study, its competition at the last milestone, and what tonnes earn.
    standing : callable, optional
        Says what plants that stand count in a sum at each milestone, shape (T,).
    injected : tuple of ndarray, shapes (S,) and (S, T), optional
        What these bring to storage at the start and at each milestone.
    """
    path, when = setting.scenario.milestones, times(setting.scenario)
    assert path is not None  # noqa: S101
    supply = {
        INJECTIVITY if key == "injection" else _resource(key): path.share(shares)
        / path.last(shares)
        for key, shares in path.supply.items()
    }
    life = {} if setting.storage is None else {PORE_SPACE: setting.storage.capacity}
    injection = None
    if path.injection_growth is not None and setting.storage is not None:
        begin, stands = (path.injection_growth.standing, None) if injected is None else injected
        factor, seed = _growing(path, path.injection_growth, -math.inf, begin, stands)
        injection = SinkGrowth(setting.storage.names, factor, seed)
    present = path.present_budget or math.inf
    if standing is not None:
        present -= float(when.worth @ standing((RowTerm("cost"),)))
    return Path(
        problem, course_of(setting, problem), goal_of(setting.scenario, when, earned),
        targets_of(setting, standing), growth_of(setting), supply=supply, life=life,
        injection=injection, present_budget=present,
    )  # fmt: skip


def _resource(key: str) -> str:
    """Resource of a key of ``resources``."""
    return next(one.name for one in RESOURCES.values() if one.parameter == key)


def rows_of_one(setting: Setting) -> tuple[PolicyRow, ...]:
    """What a single milestone asks for, as rules of one year; none without milestones."""
    path = setting.scenario.milestones
    if path is None:
        return ()
    rows = [
        PolicyRow(one.name, one.terms, one.sense, float(one.limit[-1]), one.unit)
        for one in targets_of(setting)
        if not math.isnan(one.limit[-1])
    ]
    for one in growth_of(setting):
        points, most = setting.standing, float(one.seed[-1])
        if points is not None:  # with what stands, which is taken off every rule
            most += float(points.standing(one.method)[1][-1])
        terms = (RowTerm("gross", 1.0, (one.method,)),)
        rows.append(PolicyRow(f"growth of {one.method}", terms, "<=", most, "t/yr"))
    return tuple(rows)
