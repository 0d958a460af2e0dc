"""Net accounting: from a gross tonne captured to tonnes removed, credited and still stored.

All functions are pure and vectorised: scalars or arrays that broadcast, NaN (unknown) stays NaN.
Units are per *gross* tonne captured from air or biogenic carbon (rule 5): emissions in kg CO2e/t,
energy in kWh/t, carbon intensities in kg CO2e/kWh, biomass in t dry/t; factors are t/t.

The net factor is a sum of products,

    net = stored share - (electricity bought x grid intensity + heat x heat intensity
          + biomass x supply + haul x t km + materials + embodied + ... ) / 1000,

and exists once, in :func:`net_factor_terms`: a compiled plan folds those terms with whatever is
constant in a scenario, and :mod:`cdrsite.testing.formulae` evaluates them with numpy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import reduce
from operator import add

import numpy as np
import numpy.typing as npt

from cdrsite.core.errors import ConfigError
from cdrsite.place.feed import counterfactual
from cdrsite.scoring.sums import Sum, const, product

FloatArray = npt.NDArray[np.float64]

KG_PER_T = 1000.0


def _float(value: npt.ArrayLike) -> FloatArray:
    return np.asarray(value, dtype=np.float64)


def _require_share(name: str, value: npt.ArrayLike, *, below_one: bool = False) -> FloatArray:
    """Return ``value`` as an array, or refuse what is not a share in [0, 1] (NaN may pass)."""
    array = _float(value)
    if array.ndim == 0 and 0.0 <= float(array) < 1.0:
        return array
    if np.any(array < 0) or np.any(array > 1) or (below_one and np.any(array == 1)):
        raise ConfigError(
            "not a share",
            where=name,
            got=str(value),
            expected="a number in [0, 1)" if below_one else "a number in [0, 1]",
            cure="write 2 % as 0.02",
        )
    return array


@dataclass(frozen=True)
class ChainLosses:
    """CO2 lost between the capture and the pore space.

    Parameters
    ----------
    capture : float
        Share of the captured CO2 that is released before transport [1].
    transport_per_100km : float
        Share lost per 100 km of transport [1]; the loss is linear in distance.
    injection : float
        Share lost at injection [1].

    Raises
    ------
    ConfigError
        If a share is outside [0, 1).
    """

    capture: float = 0.0
    transport_per_100km: float = 0.0
    injection: float = 0.0

    def __post_init__(self) -> None:
        for name in ("capture", "transport_per_100km", "injection"):
            _require_share(f"losses.{name}", getattr(self, name), below_one=True)

    @classmethod
    def from_library(cls, values: Mapping[str, float]) -> ChainLosses:
        """Losses from a method's library values by parameter name; absent ones are 0.

        The library's one loss between plant and store does not depend on distance.
        """
        return cls(
            capture=values.get("capture_loss", 0.0),
            injection=values.get("transport_injection_loss", 0.0),
        )

    def stored_share(self, transport_km: npt.ArrayLike = 0.0) -> FloatArray:
        """Share of the captured CO2 that reaches the pore space [t/t].

        ``(1 - capture) (1 - transport_per_100km km / 100) (1 - injection)``.
        """
        transported = 1.0 - self.transport_per_100km * _float(transport_km) / 100.0
        return (1.0 - self.capture) * (1.0 - self.injection) * transported


@dataclass(frozen=True)
class Emissions:
    """Emissions of the removal itself that do not depend on the place [kg CO2e per gross t].

    Parameters
    ----------
    materials : float
        Sorbent, solvent, chemicals: mass times emission factor, summed.
    embodied : float
        Construction of the plant, over its lifetime output.
    chain : float
        Transport and storage apart from their electricity.
    land_use_change : float
        Direct and indirect land-use change, already amortised.
    counterfactual : float
        Carbon that would have stayed on land without the project: residues left to decay slowly,
        regrowth that would have come anyway.
    """

    materials: float = 0.0
    embodied: float = 0.0
    chain: float = 0.0
    land_use_change: float = 0.0
    counterfactual: float = 0.0

    @classmethod
    def from_library(cls, values: Mapping[str, float]) -> Emissions:
        """Emissions from a method's library values by parameter name; absent ones are 0."""
        return cls(
            materials=values.get("materials", 0.0) * values.get("emissions_materials", 0.0),
            embodied=values.get("emissions_embodied", 0.0),
            chain=values.get("emissions_chain", 0.0),
            land_use_change=values.get("luc_emissions", 0.0),
            counterfactual=counterfactual(values),
        )

    @property
    def total(self) -> float:
        """Sum of all parts [kg CO2e per gross t]."""
        return math.fsum(getattr(self, part.name) for part in fields(self))


def net_factor_terms(
    losses: ChainLosses,
    emissions: Emissions,
    *,
    supply_intensity: float = 0.0,
    haul_intensity: float = 0.0,
) -> Sum:
    """Net factor of a method, split into its constant and its place-dependent products.

    Parameters
    ----------
    losses : ChainLosses
        Losses from capture to pore space.
    emissions : Emissions
        Emissions that do not depend on the place [kg/t].
    supply_intensity : float
        Cultivation, harvest and processing of biomass [kg CO2e per t dry].
    haul_intensity : float
        Haul of bulk goods, biomass dry [kg CO2e per t and km].

    Returns
    -------
    Sum
        The net factor [t/t] over the names of its factors: ``electricity_bought``, ``heat``
        [kWh/t], ``grid_intensity``, ``heat_intensity`` [kg/kWh], ``transport_km`` [km],
        ``biomass`` [t dry/t], ``hauled`` [t km/t], ``fossil`` (fossil CO2 captured along, as from
        gas burnt on site) [t/t], ``place_emissions`` [kg/t] for what the place adds, and
        ``injection`` for what injecting emits where the storage unit lies [t/t].

    Notes
    -----
    Stored share ``s = (1 - capture)(1 - injection)(1 - loss km/100)``. Air or biogenic CO2 that
    leaks only returns where it came from and shortens ``s``; co-captured fossil CO2 ``F`` that
    leaks, ``F (1 - s)``, is an emission. Structure of IPCC-style life-cycle balances as in
    Deutz & Bardow 2021 (doi:10.1038/s41560-020-00771-9) and Madhu et al. 2021
    (doi:10.1038/s41560-021-00922-6).
    """
    on_site = float(losses.stored_share(0.0))
    lost_per_km = on_site * losses.transport_per_100km / 100.0
    constant = on_site - emissions.total / KG_PER_T
    products = (
        product(-1.0 / KG_PER_T, "electricity_bought", "grid_intensity"),
        product(-1.0 / KG_PER_T, "heat", "heat_intensity"),
        product(-supply_intensity / KG_PER_T, "biomass"),
        product(-haul_intensity / KG_PER_T, "hauled"),
        product(on_site - 1.0, "fossil"),
        product(-lost_per_km, "transport_km"),
        product(-lost_per_km, "fossil", "transport_km"),
        product(-1.0 / KG_PER_T, "place_emissions"),
        product(-1.0, "injection"),
    )
    return reduce(add, products, const(constant))


def credited(net: npt.ArrayLike, buffer: npt.ArrayLike) -> FloatArray:
    """Tonnes that may be credited after the buffer pool took its share [unit of net].

    ``net (1 - buffer)``. A net emission is not made smaller by a buffer: it stays as it is.

    Raises
    ------
    ConfigError
        If the buffer is not a share in [0, 1].
    """
    tonnes = _float(net)
    return tonnes - _require_share("buffer", buffer) * np.maximum(tonnes, 0.0)


def expected_retention(hazard: npt.ArrayLike, years: float = 100.0) -> FloatArray:
    """Expected share still stored after ``years``: ``exp(-hazard x years)`` [1].

    Parameters
    ----------
    hazard : array_like
        Chance of losing the stock per year [1/yr], for example 1 / fire return interval.
    years : float
        Horizon [yr].

    Raises
    ------
    ConfigError
        If a hazard or the horizon is negative.
    """
    rate = _float(hazard)
    if np.any(rate < 0) or not years >= 0:
        raise ConfigError(
            "a hazard and its horizon cannot be negative",
            got=f"hazard {hazard!r}, years {years!r}",
            expected="a chance per year, 0 or more",
            cure="give 1 / return interval",
        )
    return np.exp(-rate * years)
