"""Needs, output and emissions of a gross tonne as sums of products of layers (rule 5)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cdrsite.scoring.sums import Sum, const

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


NOTHING, ONCE = const(0.0), const(1.0)


@dataclass(frozen=True)
class Stock:
    """Spending on land under something that grows, and its growth, for the price of that land.

    Attributes
    ----------
    spending : ndarray, shape (years,)
        [USD/ha in each year].
    growth : ndarray, shape (years,)
        Uptake in each year relative to the mean on which the land need rests [1].
    """

    spending: NDArray[np.float64]
    growth: NDArray[np.float64]


@dataclass(frozen=True)
class Needs:
    """What a gross tonne takes, as sums of products [canonical units].

    Attributes
    ----------
    electricity, supplied : Sum
        Bought, and given to the grid [kWh/t].
    heat, water, biomass, land, stored : Sum
        [kWh/t], [m3/t], [t dry/t], [m2 per t/yr], [t/t].
    inverse_productivity, variable : Sum
        Multiply capital, and variable operation [1].
    place_emissions : Sum
        Emissions beside those of the method's own numbers [kg/t].
    own_power : bool
        The electricity comes from renewables on own land (rule 6).
    grown : bool
        The biomass grows on own land, so none is taken from the residues (rule 6).
    stock : Stock or None
        Spending on the land itself.
    """

    electricity: Sum
    supplied: Sum
    heat: Sum
    water: Sum
    biomass: Sum
    land: Sum
    stored: Sum
    inverse_productivity: Sum = ONCE
    variable: Sum = ONCE
    place_emissions: Sum = NOTHING
    own_power: bool = False
    grown: bool = False
    stock: Stock | None = None

    @property
    def resources(self) -> dict[str, Sum]:
        """Resource -> need, for the limits."""
        return {
            "land": self.land,
            "water": self.water,
            "electricity": NOTHING if self.own_power else self.electricity,
            "heat": self.heat,
            "biomass": NOTHING if self.grown else self.biomass,
            "storage": self.stored,
        }

    def times(self, **factors: Sum) -> Needs:
        """Needs of which some are multiplied."""
        return replace(self, **{name: getattr(self, name) * by for name, by in factors.items()})
