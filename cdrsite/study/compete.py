"""The competition of a study: its methods, cells, zones and rules, brought to the solver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.competition.blockcells import BlockCells
from cdrsite.competition.generator import SolverOptions
from cdrsite.competition.monthly import Seasonal
from cdrsite.competition.objectives import Objective
from cdrsite.competition.problem import (
    CellSource,
    PolicyRow,
    PoolFamily,
    Problem,
    RowTerm,
    SinkFamily,
)
from cdrsite.competition.results import SupplyCurve, curve_edges
from cdrsite.competition.solution import Solution
from cdrsite.engine.passes import Workspace
from cdrsite.engine.stages import stage
from cdrsite.methods.credits import paid_quantities
from cdrsite.methods.heat import HeatMarket
from cdrsite.methods.injection import unit_costs
from cdrsite.methods.ledgers import REPLACED, SUMS, LedgerBook
from cdrsite.methods.net import KG_PER_T
from cdrsite.methods.parts import REVENUE, CostBook
from cdrsite.pathway.course import Path
from cdrsite.pathway.rows import POLICY
from cdrsite.pathway.solve import solve_path
from cdrsite.pathway.view import LastMilestone, last_milestone
from cdrsite.study.alone import each_alone
from cdrsite.study.cells import capacity_layers, competitors_of, score
from cdrsite.study.course import path_of, rows_of_one
from cdrsite.study.emitters import asked_of_emitters, captures_of
from cdrsite.study.goal import objective_of, policy_rows, zone_names
from cdrsite.study.offers import Offers
from cdrsite.study.prepare import (
    Setting,
    formulae,
    injected,
    open_layers,
    pools_of,
    read_credits,
    read_lands,
    read_rules,
    resolve_methods,
    storage_of,
)
from cdrsite.study.problem import (
    Allocation,
    PlanBlock,
    build_problem,
    plan_arrays,
    pool_families,
    sink_families,
    solve_competition,
)
from cdrsite.study.standing import Standing
from cdrsite.study.standingground import standing_plants
from cdrsite.study.yearly import lay_out_years

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.config.models import Scenario
    from cdrsite.methods.storage import StorageUnits
    from cdrsite.methods.supply import Pools
    from cdrsite.study.competitors import Competitors

    F64 = NDArray[np.float64]

RowKey = tuple[str, str]
"""Family and zone of a row."""


@stage(
    "competition",
    reads=(
        *("objective", "policies", "outputs.admin", "transport.leakage", "resources"),
        *("costs.prices", "costs.discount_rate", "milestones", "emitters"),
    ),
    after=(
        *(open_layers, resolve_methods, read_rules, read_lands, pools_of, storage_of, injected),
        *(formulae, score, read_credits, standing_plants),
    ),
)
def compete(
    setting: Setting,
    offers: Offers,
    cells: BlockCells,
    space: Workspace,
    standing: Standing | None = None,
) -> Solution:
    """Divide land, pools and storage between the methods at the proven optimum.

    Parameters
    ----------
    setting : Setting
        The study.
    offers : Offers
        Pools, and the routes to storage.
    cells : BlockCells
        The cells that compete.
    space : Workspace
        Threads; no effect on the result (rule 9).
    standing : Standing, optional
        Plants that stand already; what they take is taken off the setting's supplies.

    Raises
    ------
    InfeasibleError
        If rules are in conflict.
    """
    policies = policies_of(setting)
    left = policies if standing is None else left_of(policies, standing)
    competitors = competitors_of(setting, offers)
    problem = competition_problem(setting, offers, competitors, cells, left)
    problem = replace(problem, captures=captures_of(setting, offers, years_of(setting.scenario)))
    scenario, earned = setting.scenario, earned_terms(setting)
    if over_milestones(scenario):
        path = _path_beside(setting, offers, problem, earned, standing)
        options = SolverOptions(gap=scenario.objective.gap, threads=space.threads)
        goal = objective_of(scenario.objective, earned)
        assert isinstance(goal, Objective)  # noqa: S101 - no second one over milestones
        return last_milestone(solve_path(path, options), goal)
    return solve_competition(problem, scenario.objective, earned, space.threads)


def left_of(policies: Sequence[PolicyRow], standing: Standing) -> tuple[PolicyRow, ...]:
    """Rules with what plants that stand leave of their limits."""
    return tuple(replace(rule, limit=float(standing.left_of_rule(rule)[-1])) for rule in policies)


def _path_beside(
    setting: Setting,
    offers: Offers,
    problem: Problem,
    earned: list[RowTerm],
    standing: Standing | None,
) -> Path:
    """The path of a study, with what plants that stand leave of every limit."""
    if standing is None:
        return path_of(setting, problem, earned)
    count = problem.n_sinks
    injected = standing.injected_at_start(count), standing.injected(count)
    path = path_of(setting, problem, earned, standing.counted, injected)
    return replace(path, limits=standing_limits(setting, offers, standing)[0])


def standing_limits(
    setting: Setting, offers: Offers, standing: Standing
) -> tuple[dict[RowKey, F64], dict[RowKey, F64], dict[RowKey, F64]]:
    """Limits of the rows of one year at each milestone, beside plants that stand.

    Returns
    -------
    tuple of mappings
        Family and zone of a row -> what is left of its limit, all of it, and what they count
        there; shape (T,).
    """
    nothing, years = standing.nothing(), range(len(standing.years))
    each = (
        [_supplies(setting, offers, *one.left_at(setting, t)) for t in years]
        for one in (standing, nothing)
    )
    left, whole = ({key: np.array([t[key] for t in one]) for key in one[0]} for one in each)
    with np.errstate(invalid="ignore"):  # of what has no limit
        taken = {key: np.nan_to_num(whole[key] - left[key]) for key in left}
    for rule in policies_of(setting):
        key = POLICY, rule.name
        left[key], taken[key] = standing.left_of_rule(rule), standing.by_rule(rule)
        whole[key] = np.full(len(standing.years), rule.limit)
    return left, whole, taken


def _supplies(
    setting: Setting,
    offers: Offers,
    pools: Mapping[str, Pools],
    storage: StorageUnits | None,
) -> dict[RowKey, float]:
    """Supply of every zone of every family of rows."""
    beside = setting.scenario.emitters is not None
    competitors, market = competitors_of(setting, offers), _heat_market(setting, offers)
    families, _ = pool_families(competitors, pools, market, setting.injection, emitters=beside)
    every: list[PoolFamily | SinkFamily] = [*families, *sink_families(storage)]
    return {
        (family.name, zone): float(supply)
        for family in every
        for zone, supply in zip(family.zones, family.supply, strict=True)
    }


def competition_problem(
    setting: Setting,
    offers: Offers,
    competitors: Competitors,
    cells: CellSource,
    policies: tuple[PolicyRow, ...] | None = None,
) -> Problem:
    """The competition's problem of a study; ``policies`` where its rows are known already."""
    scenario = setting.scenario
    admin = scenario.outputs.admin
    return build_problem(
        competitors,
        cells,
        offers.pools,
        setting.storage,
        policies_of(setting) if policies is None else policies,
        () if admin is None else (admin.layer,),
        _heat_market(setting, offers),
        setting.injection,
        paid_quantities(setting.earnings, tuple(setting.models)),
        emitters=scenario.emitters is not None,
        seasonal=[
            Seasonal(name, cost)
            for (name, model), cost in zip(
                setting.models.items(), capacity_layers(setting), strict=True
            )
            if model.choice.seasonal
        ],
    )


def _heat_market(setting: Setting, offers: Offers) -> HeatMarket:
    """Who sells heat to whom."""
    heat, price = setting.scenario.resources.heat, setting.scenario.costs.prices.of("heat")
    return HeatMarket(heat.level, price, offers.heat_demand, heat.demand_level)


def earned_terms(setting: Setting) -> list[RowTerm]:
    """What tonnes earn by credits, as terms of the objective; at the last milestone of several."""
    path = setting.scenario.milestones
    share = 1.0 if path is None else path.last(path.credits)
    terms = [term for one in setting.earnings for term in one.terms()]
    return terms if share == 1.0 else [replace(one, weight=share * one.weight) for one in terms]


def over_milestones(scenario: Scenario) -> bool:
    """Whether a plan over several years is asked for; one milestone is a plan of one year."""
    path = scenario.milestones
    return path is not None and path.over_years


def years_of(scenario: Scenario) -> tuple[int, ...]:
    """Milestones that the competition plans: all, the last one of a plan of one year, or none."""
    path = scenario.milestones
    if path is None:
        return ()
    return path.years if over_milestones(scenario) else path.years[-1:]


def policies_of(setting: Setting) -> tuple[PolicyRow, ...]:
    """Target, budget and rules of policy as rows; the columns of all zones are read.

    Raises
    ------
    ConfigError
        Unknown methods or zones.
    DataError
        No such column.
    """
    scenario = setting.scenario
    admin = scenario.outputs.admin
    if admin is not None:
        zone_names(setting.reader, admin.layer, admin.name)
    names = [
        () if rule.layer is None else zone_names(setting.reader, rule.layer, rule.zone_name)
        for rule in scenario.policies
    ]
    rows = policy_rows(scenario.objective, scenario.policies, names, tuple(setting.models))
    if over_milestones(scenario):
        return rows
    return (*rows_of_one(setting), *asked_of_emitters(setting), *rows)


@stage(
    "plan",
    reads=("objective.gap", "outputs.admin", "resources.heat.intensity"),
    after=(open_layers, storage_of, injected, formulae, compete),
)
def lay_out(
    setting: Setting, solution: Solution, cells: BlockCells, space: Workspace
) -> Allocation:
    """Lay the plan out on the grid, block by block; find what each method could do alone.

    Returns
    -------
    Allocation
        Sums of the plan; its maps are in the workspace.
    """
    problem, grid = solution.problem, setting.area.grid
    methods = len(problem.methods)
    for name, (many, dtype) in plan_arrays(solution).items():
        shape = (methods, *grid.shape) if many else grid.shape
        space.result.create(name, shape, dtype)
    numbers = {block: i for i, block in enumerate(setting.blocks)}
    book = _ledger_book(setting)
    cost_book = _cost_book(setting)
    income = solution.income  # known before the blocks go to other processes
    task = PlanBlock(solution, cells, numbers, space.result, book, cost_book)
    by_sink = np.zeros((methods, problem.n_sinks))
    used, edges = np.zeros(methods, np.int64), curve_edges()
    net = np.zeros((methods, len(edges) - 1))
    total, ledger, costs = solution.sweeper.zero(), book.empty(), cost_book.empty()
    for _, part in space.each("plan", task, setting.blocks, "plan"):
        total.by_combo[part.combo] += part.by_combo
        total.by_sink[part.group] += part.by_group
        by_sink += part.by_sink
        used += part.used
        net += part.curve
        ledger += part.ledger
        costs += part.costs
    solution.know_totals(total)
    if problem.sales:
        paid = (income * total.by_combo[:, :, 0]).sum(axis=0)
        costs[:, cost_book.parts.index(REVENUE)] -= paid
        _add_replaced(setting, solution, ledger)
    if isinstance(solution, LastMilestone):
        lay_out_years(setting, solution, cells, space)
    alone = each_alone(solution, setting.scenario.objective.gap, space.threads)
    curve = SupplyCurve(edges, net, problem.method_names)
    return Allocation(solution, by_sink, used, curve, ledger, costs, alone)


def _add_replaced(setting: Setting, solution: Solution, ledger: NDArray[np.float64]) -> None:
    """Count what the heat that is sold replaces, as that of power: substitution, never removal."""
    intensity, admin = setting.scenario.resources.heat.intensity, setting.scenario.outputs.admin
    gross = solution.totals.by_combo[:, :, 0]
    sold = np.sum(solution.sold_each, axis=0) * gross
    zone = np.zeros(len(gross), np.int64)
    if admin is not None:
        zone = solution.system.zone_table[admin.layer] + 1
    np.add.at(ledger[:, :, SUMS.index(REPLACED)], zone, sold * (intensity / KG_PER_T))


def _ledger_book(setting: Setting) -> LedgerBook:
    """How the ledgers of a plan are summed: by method and administrative unit."""
    admin = setting.scenario.outputs.admin
    zones = 0 if admin is None else len(zone_names(setting.reader, admin.layer, admin.name))
    return LedgerBook(
        tuple(setting.ledgers.values()),
        None if admin is None else f"zone_{admin.layer}",
        zones,
        np.zeros(0) if setting.injection is None else setting.injection.emissions,
    )


def _cost_book(setting: Setting) -> CostBook:
    """How the parts of the cost of a plan are summed: by method."""
    return CostBook(
        tuple(sums.split for sums in setting.rivals.values()),
        unit_costs(setting.storage, setting.injection),
    )


def zone_layers(setting: Setting) -> dict[str, tuple[str, ...]]:
    """Polygon layers that policy rules and totals count by -> names of their zones."""
    scenario = setting.scenario
    wanted = {rule.layer: rule.zone_name for rule in scenario.policies if rule.layer is not None}
    if scenario.outputs.admin is not None:
        wanted[scenario.outputs.admin.layer] = scenario.outputs.admin.name
    return {layer: zone_names(setting.reader, layer, column) for layer, column in wanted.items()}
