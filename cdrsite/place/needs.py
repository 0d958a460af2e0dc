"""Needs, output and emissions of a gross tonne as sums of products of layers (rule 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cdrsite.scoring.sums import Sum, const

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


NOTHING, ONCE = const(0.0), const(1.0)


@dataclass(frozen=True)
class Stock:
    """Spending on land under something that grows.

    Attributes
    ----------
    spending : ndarray, shape (1 + years,)
        When planted, and at the end of each year after [USD/ha].
    rented : int
        Years for which the land is rented [yr].
    area : Sum
        Hectares whose spending, discounted, a gross tonne costs [ha/t].
    """

    spending: NDArray[np.float64]
    rented: int
    area: Sum


@dataclass(frozen=True)
class Needs:
    """What a gross tonne takes, as sums of products [canonical units].

    Attributes
    ----------
    taken : dict of str to Sum
        Resource -> what it takes of it, also of its own; nothing of what it supplies.
    supplied : dict of str to Sum
        Resource -> what it gives of it; those that it takes, or has nothing to do with, are absent.
    pumped : Sum
        Heat that the plant's own heat pumps make of the electricity taken [kWh/t].
    grown : Sum
        Part of the land that grows the feed [m2/(t/yr)].
    inverse_productivity, variable : Sum
        Multiply capital, and variable operation [1].
    inverse_hours : Sum
        1 / the share of its hours in which its power runs it: multiplies all capital [1].
    later : Sum
        What discounting takes of a gross tonne that is taken up years after it is paid [t/t].
    place_emissions : Sum
        Emissions beside those of the method's own numbers [kg/t].
    avoided : Sum
        Emissions that stop with it: a ledger of their own, never removal (rule 5) [t CO2e/t].
    fossil : Sum
        Fossil CO2 that is captured along, travels the same chain and fills pore space, but is no
        removal [t/t].
    beside : Sum
        Fossil CO2 that is bound with it; what of it is left after its own emissions is avoided
        [t/t].
    charged : Sum
        Share of the energy and biomass taken whose emissions are its own; the rest are those of
        what is bound beside it [1].
    own : mapping of str to float
        Resource -> share of what it takes that is its own, and not taken from the others (rule 6):
        power of renewables on its own land, biomass that grows there [1].
    prices : mapping of str to Sum
        Resource -> what its own costs, where that is not in its investment [USD per unit].
    haul : Sum or None
        Way of the feed [km], where the place says it.
    stock : Stock or None
        Spending on the land itself.
    """

    taken: dict[str, Sum]
    supplied: dict[str, Sum] = field(default_factory=dict)
    pumped: Sum = NOTHING
    grown: Sum = NOTHING
    inverse_productivity: Sum = ONCE
    variable: Sum = ONCE
    inverse_hours: Sum = ONCE
    later: Sum = NOTHING
    place_emissions: Sum = NOTHING
    avoided: Sum = NOTHING
    fossil: Sum = NOTHING
    beside: Sum = NOTHING
    charged: Sum = ONCE
    own: Mapping[str, float] = field(default_factory=dict)
    prices: Mapping[str, Sum] = field(default_factory=dict)
    haul: Sum | None = None
    stock: Stock | None = None

    @property
    def signed(self) -> dict[str, Sum]:
        """Resource -> need, negative where it is supplied, for what is shared."""
        given = {name: amount * -1.0 for name, amount in self.supplied.items()}
        return {name: given.get(name, need) for name, need in self.resources.items()}

    @cached_property
    def resources(self) -> dict[str, Sum]:
        """Resource -> need, for the limits."""
        return {name: need * self.bought(name) for name, need in self.taken.items()}

    def bought(self, resource: str) -> float:
        """Share of a resource that it takes from the others [1]."""
        return 1.0 - self.own.get(resource, 0.0)

    def but(self, resource: str, need: Sum) -> Needs:
        """Needs that take another amount of a resource."""
        return replace(self, taken={**self.taken, resource: need})

    def times(self, **factors: Sum) -> Needs:
        """Needs of which some are multiplied, resources or what else they hold."""
        if "land" in factors:
            factors = {"grown": factors["land"]} | factors
        given = {name: by for name, by in factors.items() if name not in {*self.taken, "supplied"}}
        rest: dict[str, Any] = {name: getattr(self, name) * by for name, by in given.items()}
        taken = {name: need * factors.get(name, ONCE) for name, need in self.taken.items()}
        more = factors.get("supplied", ONCE)
        supplied = {name: amount * more for name, amount in self.supplied.items()}
        return replace(self, taken=taken, supplied=supplied, **rest)
