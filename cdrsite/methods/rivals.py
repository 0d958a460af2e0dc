"""What the competition reads of a method, and what its cost is made of at each place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import add

from cdrsite.config.models import Scenario
from cdrsite.methods.formulae import Ingredients, cost_parts, later_sum, net_factor_sum
from cdrsite.methods.model import MethodModel, priced
from cdrsite.methods.net import KG_PER_T
from cdrsite.methods.parts import OF_CAPACITY
from cdrsite.place.emissions import EmissionsOfPlace
from cdrsite.place.needs import NOTHING, Needs
from cdrsite.scoring.sums import Sum, const, layer

GRID = "intensity of share 1"
"""Layer with the emissions of the supplied power, whatever a milestone makes of them [kg/kWh]."""
NOT_SHARED = frozenset({"land", "storage"})
"""Resources with rows of their own in the competition: the cell's land, the storage units."""


@dataclass(frozen=True)
class RivalSums:
    """What the competition reads of a method, before transport and storage.

    Attributes
    ----------
    land : Sum
        Land need [m2 per gross t/yr].
    net_factor : Sum
        Net factor at the well's head [t/t].
    parts : dict of str to Sum
        Parts of the cost at the well's head [USD per gross t].
    needs : dict of str to Sum
        Shared resource -> need per gross tonne; electricity is negative where it is supplied.
    stored : Sum
        CO2 brought to a storage unit, fossil CO2 included [t per gross t].
    emissions : Sum or None
        What a gross tonne emits by the scenario's `emissions` of the method, within the net factor
        [kg per gross t]; None where it gives none. Nothing is decided by it: it is told.
    later : Sum
        What discounting takes of the net tonnes that come after they are paid [t/t].
    grid : Sum or None
        Emissions of the power that is bought, at the scenario's own intensity [t per gross t]; None
        where that is the same at all milestones.
    """

    land: Sum
    net_factor: Sum
    parts: dict[str, Sum]
    needs: dict[str, Sum]
    stored: Sum
    emissions: Sum | None = None
    later: Sum = NOTHING
    grid: Sum | None = None

    @cached_property
    def cost(self) -> Sum:
        """All parts [USD per gross t]."""
        return reduce(add, self.parts.values())

    @cached_property
    def of_capacity(self) -> Sum:
        """Parts that are paid for the capacity, however much a plant runs [USD per gross t]."""
        return reduce(add, (self.parts[part] for part in OF_CAPACITY))

    @cached_property
    def split(self) -> dict[str, tuple[float, str]]:
        """Part of the cost -> coefficient and the variable of the result that it multiplies.

        A part is a number (no variable), a multiple of a need that the result keeps or of a part
        before it, or a variable of its own, ``cost_PART``. Evaluating them gives the cost again.
        """
        needs = {"land": self.land, "storage": self.stored, **self.needs}
        kept = {f"need_{name}": need for name, need in needs.items() if need.constant is None}
        found: dict[str, tuple[float, str]] = {}
        for part, total in self.parts.items():
            if total.constant is not None:
                found[part] = total.constant, ""
                continue
            for name, basis in kept.items():
                if ratio := multiple(total, basis):
                    found[part] = ratio, name
                    break
            else:
                kept[f"cost_{part}"] = total
                found[part] = 1.0, f"cost_{part}"
        return found


def multiple(total: Sum, basis: Sum) -> float | None:
    """Number that makes one sum of another, wherever they are evaluated; None if there is none."""
    mine, theirs = (
        {tuple(sorted(term.layers)): term.coefficient for term in one.terms}
        for one in (total, basis)
    )
    if mine.keys() != theirs.keys():
        return None
    ratios = [mine[key] / theirs[key] for key in mine]
    same = all(math.isclose(ratio, ratios[0], rel_tol=1e-12) for ratio in ratios)
    return ratios[0] if ratios and same else None


def rival_sums(model: MethodModel, scenario: Scenario, given: Ingredients) -> RivalSums:
    """Sums of products of a method for the competition, which adds each sink's own transport."""
    model = priced(model, scenario)
    needs = model.needs
    here = given
    if given.routed:  # each link brings its own cost and loss
        here = replace(given, transport_cost=0.0, storage_cost=0.0, transport_km=0.0, injection=0.0)
    shared = {name: need for name, need in needs.signed.items() if name not in NOT_SHARED}
    return RivalSums(
        land=needs.taken["land"],
        net_factor=net_factor_sum(model, needs, scenario, here),
        later=later_sum(model, needs, scenario, here),
        parts=cost_parts(model, needs, scenario, here),
        needs=shared,
        stored=needs.taken["storage"],
        emissions=EmissionsOfPlace().of_tonne(model, needs) if model.choice.emissions else None,
        grid=_grid_emissions(needs, scenario),
    )


def _grid_emissions(needs: Needs, scenario: Scenario) -> Sum | None:
    """Emissions of bought power at the scenario's own intensity [t per gross t]."""
    if scenario.milestones is None or scenario.milestones.intensity is None:
        return None
    given = scenario.resources.power.intensity
    own = layer(GRID) if isinstance(given, str) else const(given)
    return needs.resources["electricity"] * needs.charged * own * (1.0 / KG_PER_T)


def cost_variables(split: Mapping[str, tuple[float, str]]) -> tuple[str, ...]:
    """Parts of a cost that the result keeps as variables of their own."""
    return tuple(part for part, (_, name) in split.items() if name == f"cost_{part}")
