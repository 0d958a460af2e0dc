"""The competition of a study: its methods, cells, zones and rules, brought to the solver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.allocation import (
    Allocation,
    CellArrays,
    MethodFacts,
    allocate,
    build_problem,
    policy_rows,
)
from cdrsite.cells import Gathered, Offers
from cdrsite.core.states import LOWEST_STATE
from cdrsite.prepare import Setting

if TYPE_CHECKING:
    from numpy.typing import NDArray


def compete(setting: Setting, offers: Offers, gathered: Gathered, threads: int) -> Allocation:
    """Divide land, pools and storage between the methods at the proven optimum.

    Parameters
    ----------
    setting : Setting
        The study.
    offers : Offers
        Pools, and the routes to storage.
    gathered : Gathered
        Whole-grid arrays of the scores.
    threads : int
        No effect on the result (rule 9).

    Raises
    ------
    InfeasibleError
        If rules are in conflict.
    """
    scenario = setting.scenario
    facts, layers = _facts(setting, gathered)
    zones = zone_layers(setting)
    arrays = CellArrays(
        land=_land(gathered),
        own=_stack(gathered, "own"),
        possible=gathered.methods["limit"] < LOWEST_STATE,
        need=_stack(gathered, "need"),
        net=_stack(gathered, "net"),
        cost=_stack(gathered, "cost"),
        layers=layers,
        local=_local(setting, gathered),
        labels={
            **{name: gathered.shared[f"pool_{name}"] for name in offers.pools},
            **{name: gathered.shared[f"zone_{name}"] for name in zones},
        },
    )
    policies = policy_rows(scenario.objective, scenario.policies, zones, tuple(setting.models))
    admin = scenario.outputs.admin
    problem, index = build_problem(
        facts,
        arrays,
        offers.pools,
        setting.storage,
        offers.links,
        policies,
        scenario.transport.leakage,
        () if admin is None else (admin.layer,),
    )
    return allocate(problem, index, setting.area.grid, scenario.objective, threads)


def zone_layers(setting: Setting) -> dict[str, tuple[str, ...]]:
    """Polygon layers that policy rules and totals count by -> names of their zones."""
    scenario, found = setting.scenario, {}
    wanted = {rule.layer: rule.zone_name for rule in scenario.policies if rule.layer is not None}
    if scenario.outputs.admin is not None:
        wanted[scenario.outputs.admin.layer] = scenario.outputs.admin.name
    for layer, column in wanted.items():
        if column is None:
            count = len(setting.reader.features(layer))
            found[layer] = tuple(f"{layer} {i + 1}" for i in range(count))
        else:
            found[layer] = tuple(setting.reader.text(layer, column))
    return found


def _stack(gathered: Gathered, name: str) -> NDArray[np.float32]:
    return np.stack([arrays[name] for arrays in gathered.rivals.values()])


def _land(gathered: Gathered) -> NDArray[np.float32]:
    """Land that any method may use: no m2 serves two (rule 6), whoever may have it."""
    own = [np.nan_to_num(arrays["own"]) for arrays in gathered.rivals.values()]
    return np.maximum.reduce(own)


def _local(setting: Setting, gathered: Gathered) -> dict[str, NDArray[np.float32]]:
    """Supplies that cannot leave their cell: limited, and not shared by pools.

    Where plants collect biomass from around them, each cell's own counts here, so that no tonne
    is used twice (rule 6): the tonnes are allotted where they grow.
    """
    given, shared = setting.scenario.resources.supplies, gathered.shared
    return {
        name: shared[f"local_{name}" if f"local_{name}" in shared else f"supply_{name}"]
        for name, model in given.items()
        if not model.unlimited and name not in setting.pools
    }


def _facts(
    setting: Setting, gathered: Gathered
) -> tuple[list[MethodFacts], dict[str, NDArray[np.float32]]]:
    """What is known of each method, and the layers of needs that differ from cell to cell."""
    facts, layers = [], {}
    for name, model in setting.models.items():
        needs: dict[str, Any] = {}
        for resource, need in setting.rivals[name].needs.items():
            if need.constant is not None:
                needs[resource] = need.constant
            else:
                layer = f"{resource} need of {name}"
                layers[layer] = gathered.rivals[name][f"need of {resource}"]
                needs[resource] = layer
        facts.append(
            MethodFacts(
                name,
                # storage without limit has no units to go to, and its cost is in the method's own
                stored=model.number("storage") if setting.storage is not None else 0.0,
                exclusive=model.number("land_exclusive_fraction", 1.0),
                needs=needs,
            )
        )
    return facts, layers
