"""What land gives off before and after, all gases as carbon dioxide, and what of it stops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

KG_PER_T = 1000.0


@dataclass(frozen=True)
class LandFlux:
    """What a hectare gives off in a year.

    Parameters
    ----------
    co2 : float
        [t CO2/ha/yr]; of drained organic soil, say, with what drains away dissolved.
    methane : float
        [kg CH4/ha/yr], not of carbon: CH4-C x 16/12.
    nitrous_oxide : float
        [kg N2O/ha/yr], not of nitrogen: N2O-N x 44/28.
    """

    co2: float = 0.0
    methane: float = 0.0
    nitrous_oxide: float = 0.0

    def co2e(self, gwp: Mapping[str, float]) -> float:
        """As carbon dioxide [t CO2e/ha/yr].

        Parameters
        ----------
        gwp : mapping of str to float
            Global warming potentials of `methane` and `nitrous_oxide` [kg CO2e/kg].
        """
        gases = self.methane * gwp["methane"] + self.nitrous_oxide * gwp["nitrous_oxide"]
        return self.co2 + gases / KG_PER_T


@dataclass(frozen=True)
class FluxChange:
    """What changes when a hectare is used otherwise [t CO2e/ha/yr]; one of the two is 0.

    Attributes
    ----------
    added : float
        Emissions of the removal itself: they are taken off its tonnes.
    avoided : float
        Emissions that stop: a ledger of their own, never removal (rule 5).
    """

    added: float
    avoided: float


def flux_change(before: LandFlux, after: LandFlux, gwp: Mapping[str, float]) -> FluxChange:
    """Compare what a hectare gives off before and after, all gases together."""
    change = after.co2e(gwp) - before.co2e(gwp)
    return FluxChange(added=max(change, 0.0), avoided=max(-change, 0.0))
