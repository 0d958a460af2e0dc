"""What a run keeps so that each cell can be explained later without computing it again.

Needs, worth and prices of every method in every cell: enough to say why the plan uses it or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cdrsite.competition.problem import QUANTITIES
from cdrsite.competition.results import real_prices
from cdrsite.competition.rows import objective_matrix
from cdrsite.core.vocabulary import RESOURCES, VARIABLES, code, resource_of, variable
from cdrsite.methods.injection import unit_costs
from cdrsite.study.costs import part_names, totals
from cdrsite.study.kinds import prices_paid
from cdrsite.study.operation import run_shares

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from cdrsite.study.prepare import Setting
    from cdrsite.study.problem import Allocation


def add_evidence(dataset: xr.Dataset, setting: Setting, allocation: Allocation) -> None:
    """Add to a result's dataset what an explanation of a cell needs besides its maps.

    Parameters
    ----------
    dataset : xr.Dataset
        Gets constant needs in ``need`` (removal_method, resource), the coefficients of the
        objective in ``worth`` (removal_method, quantity), facts of the methods, and the prices of
        pools and storage units as an attribute of their label variables.
    setting, allocation
        Of the run.
    """
    needs = np.full((len(setting.models), len(RESOURCES)), np.nan)
    for m, name in enumerate(setting.models):
        for resource, need in setting.rivals[name].needs.items():
            if need.constant is not None:
                needs[m, code(resource)] = need.constant
    buffers = [model.number("buffer") for model in setting.models.values()]
    _add_facts(dataset, needs, buffers, allocation)
    _add_split(dataset, setting, allocation)
    _add_prices(dataset, setting, allocation)
    _add_kinds(dataset, setting)


def _add_facts(
    dataset: xr.Dataset,
    needs: NDArray[np.float64],
    buffers: list[float],
    allocation: Allocation,
) -> None:
    """Constant needs, coefficients of the objective, and facts of the methods."""
    solution = allocation.solution
    problem = solution.problem
    about = "need per gross tonne; unknown where it differs from place to place"
    dataset["need"] = (("removal_method", "resource"), needs, {"long_name": about})
    about = "resource that a method needs; its unit in resource_unit"
    dataset.coords["resource"] = ("resource", list(RESOURCES), {"long_name": about})
    units = [variable(f"need_{name}").unit for name in RESOURCES]
    about = "unit of a need per gross tonne a year"
    dataset.coords["resource_unit"] = ("resource", units, {"long_name": about})
    worth = objective_matrix(solution.objective, problem)[:, : len(QUANTITIES)]
    about = "coefficients of the goal"
    dataset["worth"] = (("removal_method", "quantity"), worth, {"long_name": about})
    dataset.coords["quantity"] = ("quantity", list(QUANTITIES), {"long_name": "what counts"})
    facts = {
        "stored_share": [method.stored for method in problem.methods],
        "buffer": buffers,
        "exclusive_share": [solution.problem.exclusive[m] for m in range(len(problem.methods))],
    }
    for name, values in facts.items():
        record = VARIABLES[name]
        attrs = {"units": record.unit, "long_name": record.meaning}
        dataset[name] = (("removal_method",), np.array(values, np.float64), attrs)
    dataset.attrs["objective"] = solution.objective.name
    dataset.attrs["objective_unit"] = solution.objective.unit
    dataset.attrs["binding_policies"] = [
        row.name
        for row, price in zip(solution.system.rows, real_prices(solution), strict=True)
        if row.family == "policy" and price != 0
    ]


def _add_split(dataset: xr.Dataset, setting: Setting, allocation: Allocation) -> None:
    """What the cost is made of: in the plan, and at the plant as multiples of variables."""
    splits = [sums.split for sums in setting.rivals.values()]
    parts = part_names(setting)
    shape = len(splits), len(parts)
    names = ["", *dict.fromkeys(name for split in splits for _, name in split.values() if name)]
    dims = ("removal_method", "cost_part")
    coefficients = np.array([[split[part][0] for part in parts] for split in splits], np.float64)
    bases = np.array([[names.index(s[part][1]) for part in parts] for s in splits], np.uint8)
    about = "part of the cost per gross tonne, over the variable of cost_basis"
    dataset["cost_coefficient"] = (dims, coefficients.reshape(shape), {"long_name": about})
    labels = {"long_name": "variable that a part of the cost is a multiple of", "labels": names}
    dataset["cost_basis"] = (dims, bases.reshape(shape), labels)
    net = np.array([total["net"] for total in totals(allocation).values()], np.float64)
    per_net = np.full(shape, np.nan)
    used = net > 0
    per_net[used] = allocation.costs[used] / net[used, None]
    about = "part of the cost of a net tonne, mean of the plan; unknown where it uses no tonne"
    dataset["cost_parts"] = (
        dims,
        per_net,
        {"units": "USD/t", "long_name": about, "role": "result"},
    )
    dataset.coords["cost_part"] = ("cost_part", list(parts), {"long_name": "part of the cost"})
    if setting.storage is not None:
        dataset["pool_storage"].attrs["storage_cost"] = unit_costs(
            setting.storage, setting.injection
        ).tolist()


def _add_prices(dataset: xr.Dataset, setting: Setting, allocation: Allocation) -> None:
    """Prices of the zones as an attribute of the variable that labels them.

    Who takes of a method's supply pays the price less ``paid_back``, which its payment to another
    method is worth to the plan; who supplies is paid ``paid_more`` on top of it.

    Prices of a pool that is offered by kind are of one who may have any; what a method pays that
    may have some of them is beside it, ``prices_METHOD``.
    """
    solution = allocation.solution
    real = real_prices(solution)
    for name in [str(name) for name in dataset.data_vars if str(name).startswith("pool_")]:
        resource = name.removeprefix("pool_")
        labels = dataset[name].attrs.get("labels", [])
        prices = dict.fromkeys(labels, 0.0)
        for row, price in zip(solution.system.rows, real, strict=True):
            if resource_of(row.family) == resource and row.zone in prices:
                prices[row.zone] += float(price)
        dataset[name].attrs["prices"] = [prices[label] for label in labels]
        for way, sign in (("paid_back", -1), ("paid_more", 1)):
            books = {p.name for p in solution.problem.pools if p.part_of and p.sign == sign}
            extra = dict.fromkeys(labels, 0.0)
            for row, price in zip(solution.system.rows, real, strict=True):
                if row.family in books and resource_of(row.part_of) == resource:
                    extra[row.zone] += float(price)
            if any(extra.values()):
                dataset[name].attrs[way] = [extra[label] for label in labels]
        dated = setting.pools.get(resource)
        for method, drawn in setting.drawn.items():
            if resource in drawn:
                paid = prices_paid(solution, resource, labels, drawn)
                dataset[name].attrs[f"prices_{method}"] = paid.tolist()
            elif dated is not None and dated.months is not None:
                paid = prices_paid(
                    solution, resource, labels, {}, run_shares(solution, dated, method)
                )
                dataset[name].attrs[f"prices_{method}"] = paid.tolist()


def _add_kinds(dataset: xr.Dataset, setting: Setting) -> None:
    """Which kinds a method takes of what a cell has itself; the map of supply is of all kinds."""
    for method, drawn in setting.drawn.items():
        for resource, kinds in drawn.items():
            if resource not in setting.pools and f"supply_{resource}" in dataset:
                dataset[f"supply_{resource}"].attrs[f"kinds_{method}"] = list(kinds)
