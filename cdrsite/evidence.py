"""What a run keeps so that each cell can be explained later without computing it again.

Needs, worth and prices of every method in every cell: enough to say why the plan uses it or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.allocation import INJECTIVITY, PORE_SPACE
from cdrsite.competition.problem import QUANTITIES
from cdrsite.competition.rows import objective_matrix
from cdrsite.core.resources import RESOURCE_UNITS, RESOURCES
from cdrsite.core.states import OUTSIDE
from cdrsite.variables import EVIDENCE

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from cdrsite.allocation import Allocation
    from cdrsite.cells import Gathered
    from cdrsite.prepare import Setting

RIVALS = {"usable_land": "own", "need_land": "need", "net_at_plant": "net", "cost_at_plant": "cost"}
"""Variable -> its name among what the competition reads of a method."""
NOT_POSSIBLE = np.nan


def add_evidence(
    dataset: xr.Dataset, setting: Setting, gathered: Gathered, allocation: Allocation
) -> None:
    """Add to a result's dataset what an explanation of a cell needs.

    Parameters
    ----------
    dataset : xr.Dataset
        Gets the variables of :data:`EVIDENCE` with dimensions (removal_method, y, x), needs that differ
        from place to place as ``need_RESOURCE``, constant ones in ``need`` (removal_method, resource),
        the price of each cell's land in ``land_price`` (y, x), the coefficients of the objective
        in ``worth`` (removal_method, quantity), and the prices of pools and storage units as an attribute
        of their label variables.
    setting, gathered, allocation
        Of the run.
    """
    methods = tuple(setting.models)
    arrays = {name: _stack(gathered, key) for name, key in RIVALS.items()}
    planned, land_price = _from_plan(dataset, allocation, len(methods))
    arrays |= planned
    needs = np.full((len(methods), len(RESOURCES)), np.nan)
    for m, name in enumerate(methods):
        for resource, need in setting.rivals[name].needs.items():
            if need.constant is not None:
                needs[m, RESOURCES.index(resource)] = need.constant
            else:
                key = f"need_{resource}"
                arrays.setdefault(key, np.full_like(arrays["need_land"], np.nan))
                arrays[key][m] = gathered.rivals[name][f"need of {resource}"]
    outside = dataset["limit"].to_numpy() == OUTSIDE
    for name, values in arrays.items():
        values[outside] = -1 if values.dtype == np.int32 else np.nan
        dataset[name] = (("removal_method", "y", "x"), values, _attrs(name, allocation))
    land_price[outside[0]] = np.nan
    dataset["land_price"] = (("y", "x"), land_price, _attrs("land_price", allocation))
    _add_facts(dataset, needs, allocation)
    _add_prices(dataset, allocation)


def _stack(gathered: Gathered, key: str) -> NDArray[np.float32]:
    return np.stack([arrays[key] for arrays in gathered.rivals.values()])


def _from_plan(
    dataset: xr.Dataset, allocation: Allocation, methods: int
) -> tuple[dict[str, NDArray[Any]], NDArray[np.float32]]:
    """Shortfall, sink and its costs of each method, and the price of each cell's land."""
    shape = (dataset.sizes["y"], dataset.sizes["x"])
    size = shape[0] * shape[1]
    short = np.full((methods, size), NOT_POSSIBLE, np.float32)
    sink = np.full((methods, size), -1, np.int32)
    extra = {name: np.zeros((methods, size), np.float32) for name in ("sink_cost", "sink_loss")}
    land_price = np.zeros(size, np.float32)
    for block in allocation.solution.blocks():
        here = allocation.index[block.start : block.stop]
        land_price[here] = block.land_price
        possible = np.isfinite(block.reduced)
        short[:, here] = np.where(possible, np.maximum(-block.reduced, 0.0), NOT_POSSIBLE)
        cells = block.cells
        if not len(cells.sink):
            continue
        slot = np.where(block.x.sum(axis=1) > 0, block.x.argmax(axis=1), block.slot)
        sink[:, here] = _at(cells.sink, slot)
        extra["sink_cost"][:, here] = _at(cells.sink_cost, slot)
        extra["sink_loss"][:, here] = _at(cells.sink_loss, slot)
    found: dict[str, NDArray[Any]] = {"shortfall": short, "sink": sink, **extra}
    cube = (methods, *shape)
    return {name: a.reshape(cube) for name, a in found.items()}, land_price.reshape(shape)


def _at(values: Any, slot: NDArray[Any]) -> NDArray[Any]:
    """Value of each method's sink slot, shape (methods, cells)."""
    wide = np.broadcast_to(values, (len(values), slot.shape[1]))
    found: NDArray[Any] = np.take_along_axis(wide, slot.astype(np.intp), axis=0)
    return found


def _attrs(name: str, allocation: Allocation) -> dict[str, Any]:
    unit, meaning = EVIDENCE.get(name, ("", ""))
    if name.startswith("need_") and not meaning:
        resource = name.removeprefix("need_")
        yearly = RESOURCE_UNITS[resource].removesuffix("/yr")
        unit, meaning = f"{yearly}/t", f"need of {resource} per gross tonne"
    goal = allocation.solution.objective.unit.removesuffix("/yr")
    return {
        "units": unit.replace("objective", goal),
        "long_name": meaning,
        "grid_mapping": "crs",
    }


def _add_facts(dataset: xr.Dataset, needs: NDArray[np.float64], allocation: Allocation) -> None:
    """Constant needs, coefficients of the objective, and facts of the methods."""
    solution = allocation.solution
    problem = solution.problem
    dataset["need"] = (
        ("removal_method", "resource"),
        needs,
        {"long_name": "need per gross tonne; unknown where it differs from place to place"},
    )
    dataset.coords["resource"] = list(RESOURCES)
    worth = objective_matrix(solution.objective, problem)[:, : len(QUANTITIES)]
    dataset["worth"] = (("removal_method", "quantity"), worth, {"long_name": "coefficients of the goal"})
    dataset.coords["quantity"] = list(QUANTITIES)
    facts = {
        "stored": [method.stored for method in problem.methods],
        "exclusive": [solution.sweeper.exclusive[m] for m in range(len(problem.methods))],
    }
    for name, values in facts.items():
        dataset[f"{name}_share"] = (
            ("removal_method",),
            np.array(values, np.float64),
            {"units": "1", "long_name": FACTS[name]},
        )
    dataset.attrs["objective"] = solution.objective.name
    dataset.attrs["objective_unit"] = solution.objective.unit
    dataset.attrs["binding_policies"] = [
        row.name
        for row, price in zip(solution.system.rows, solution.price, strict=True)
        if row.family == "policy" and price != 0
    ]


FACTS = {
    "stored": "CO2 brought to storage per gross tonne",
    "exclusive": "share of its land that blocks other uses",
}


def _add_prices(dataset: xr.Dataset, allocation: Allocation) -> None:
    """Prices of the zones as an attribute of the variable that labels them."""
    solution = allocation.solution
    for name in list(dataset.data_vars):
        if not str(name).startswith("pool_"):
            continue
        resource = str(name).removeprefix("pool_")
        families = (INJECTIVITY, PORE_SPACE) if resource == "storage" else (resource,)
        labels = dataset[name].attrs.get("labels", [])
        prices = dict.fromkeys(labels, 0.0)
        for row, price in zip(solution.system.rows, solution.price, strict=True):
            if row.family in families:
                prices[row.zone] += float(price)
        dataset[name].attrs["prices"] = [prices[label] for label in labels]
