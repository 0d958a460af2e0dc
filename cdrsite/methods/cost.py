"""Levelised cost of removal, per gross and per net tonne.

All functions are pure and vectorised: scalars or arrays that broadcast, NaN (unknown) stays NaN.
Money is USD of the scenario's base year (rule 4); needs are per gross tonne (rule 5).

Annual output of a plant = nameplate x capacity factor x climate productivity. Capital and fixed
costs are paid for the nameplate, so per tonne they are divided by both. The cost per gross tonne is
a sum of products that exists once, in :func:`gross_cost_terms`; the breakdown, the total and a
compiled plan are all made from it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import reduce
from operator import add

import numpy as np
import numpy.typing as npt

from cdrsite.core.annuity import crf, require_rate
from cdrsite.core.errors import ConfigError
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.scoring.sums import Sum, product

HOURS_PER_YEAR = 8760.0
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PlantCosts:
    """Costs of owning and running a plant, at the reference climate.

    Parameters
    ----------
    capex : float
        Investment [USD per t/yr of nameplate capacity, that is of output at full load].
    lifetime : float
        [yr].
    capacity_factor : float
        Output / nameplate at the reference climate, in (0, 1].
    fixed_om : float
        Fixed operation and maintenance [share of capex per yr].
    variable_om : float
        Variable operation and maintenance without energy, water and feedstock [USD per gross t].
    heat_pump : float
        Investment in the plant's own heat pumps [USD per kW of heat].
    heat_pump_lifetime : float
        [yr].

    Raises
    ------
    ConfigError
        If a value is not finite, negative, or the capacity factor is not in (0, 1].
    """

    capex: float = 0.0
    lifetime: float = 25.0
    capacity_factor: float = 1.0
    fixed_om: float = 0.0
    variable_om: float = 0.0
    heat_pump: float = 0.0
    heat_pump_lifetime: float = 20.0

    def __post_init__(self) -> None:
        for part in fields(self):
            value = getattr(self, part.name)
            if not math.isfinite(value) or value < 0:
                raise ConfigError(
                    "a cost must be finite and not negative",
                    where=f"costs.{part.name}",
                    got=value,
                    expected="0 or more",
                    cure="revenues are given as prices of what is sold, not as negative costs",
                )
        if not 0 < self.capacity_factor <= 1:
            raise ConfigError(
                "not a capacity factor",
                where="costs.capacity_factor",
                got=self.capacity_factor,
                expected="a share in (0, 1]",
                cure="write 90 % as 0.9",
            )

    @classmethod
    def from_delivered(
        cls,
        capex: float,
        lifetime: float,
        *,
        capacity_factor: float,
        stated_at: float | None = None,
        fixed_om: float = 0.0,
        variable_om: float = 0.0,
    ) -> PlantCosts:
        """Costs of a plant whose investment is stated per t/yr delivered, not of nameplate.

        Sources and the method library divide by the capacity factor already; taking such a number
        for one of nameplate would divide twice.

        Parameters
        ----------
        capex : float
            Investment [USD per t/yr delivered at ``stated_at``].
        lifetime, fixed_om, variable_om : float
            As in the class.
        capacity_factor : float
            Of the plant to be costed [1].
        stated_at : float, optional
            Capacity factor that the investment was stated at [1]; the plant's own by default.
        """
        nameplate = capex * (capacity_factor if stated_at is None else stated_at)
        return cls(nameplate, lifetime, capacity_factor, fixed_om, variable_om)

    def yearly_costs(self, rate: float) -> float:
        """Capital and fixed operation where the climate changes nothing [USD per gross t]."""
        return self.capex / self.capacity_factor * (float(crf(rate, self.lifetime)) + self.fixed_om)


SOLD = tuple(one.name for one in RESOURCES.values() if one.signed and one.price)
"""Resources that a method may supply, and is paid for."""


def gross_cost_terms(plant: PlantCosts, rate: float) -> dict[str, Sum]:
    """Cost per gross tonne of a method, as a sum of products.

    Parameters
    ----------
    plant : PlantCosts
        Investment and operation.
    rate : float
        Real discount rate [1/yr].

    Returns
    -------
    dict of str to Sum
        By part; they add up to the cost [USD per gross t].
        Factors: ``inverse_productivity`` (1 / climate productivity factor), ``inverse_hours`` (1 /
        share of its hours in which the plant has power), ``variable`` (multiplies variable
        operation) [1]; each resource by its name, in its unit per gross tonne
        (what it takes; ``storage`` with the fossil CO2 that is captured along), and ``price_NAME``,
        where it has a price, per that unit; of :data:`SOLD` also ``supplied_NAME``, what it gives,
        and ``price_sold_NAME``; ``material`` [kg/t] and ``price_material`` [USD/kg];
        ``loaded`` [t/t] and ``hauled`` [t km/t], bulk goods that are picked up, ``price_load``
        [USD/t] and ``price_haul`` [USD/t/km];
        ``pumped`` (heat of the plant's own heat pumps) [kWh/t];
        ``stock_area`` (land under a growing stock whose spending a tonne costs) [ha/t],
        ``price_planting`` and ``price_rent`` (present values of that spending) [USD/ha];
        ``waiting`` (:func:`waiting`: what money costs until the tonnes come, in ``capital``) [1];
        ``price_transport``, ``price_storage`` [USD per stored t].

    Notes
    -----
    Capital per tonne = CRF x capex / (capacity factor x productivity); levelised cost of removal
    as in Keith et al. 2018 (doi:10.1016/j.joule.2018.05.006) and Sievert et al. 2024
    (doi:10.1016/j.joule.2024.02.005). Heat pumps of a plant that runs at full load or not at all
    are of the size pumped heat / (hours of a year x capacity factor) [kW per t/yr].
    """
    per_output = plant.capex / plant.capacity_factor
    capital = per_output * float(crf(rate, plant.lifetime))
    hours = HOURS_PER_YEAR * plant.capacity_factor
    pump = plant.heat_pump / hours * float(crf(rate, plant.heat_pump_lifetime))
    parts = {
        "capital": product(capital, "inverse_productivity", "inverse_hours"),
        "heat_pump": product(pump, "pumped", "inverse_hours"),
        "fixed_om": product(per_output * plant.fixed_om, "inverse_productivity", "inverse_hours"),
        "variable_om": product(plant.variable_om, "variable"),
        "materials": product(1.0, "material", "price_material"),
        **{
            one.part: product(1.0, one.name, f"price_{one.name}")
            for one in RESOURCES.values()
            if one.price
        },
        "haul": product(1.0, "loaded", "price_load") + product(1.0, "hauled", "price_haul"),
        "planting": product(1.0, "stock_area", "price_planting"),
        "transport": product(1.0, "storage", "price_transport"),
        "storage": product(1.0, "storage", "price_storage"),
        "revenue": reduce(
            add, (product(-1.0, f"supplied_{name}", f"price_sold_{name}") for name in SOLD)
        ),
    }
    land = RESOURCES["land"].part
    parts[land] = parts[land] + product(1.0, "stock_area", "price_rent")
    parts["capital"] = parts["capital"] + reduce(add, parts.values()) * product(1.0, "waiting")
    return parts


NEVER_MADE_UP = 1e6
"""Cost of waiting where discounted tonnes never make up for the emissions; finite [1]."""


def waiting(net: npt.ArrayLike, later: npt.ArrayLike) -> FloatArray:
    """What waiting for tonnes adds to what is paid for them before [1]: ``later / (net - later)``.

    With it a gross tonne costs ``paid x net / (net - later)``, so that a net tonne costs what is
    paid over what is removed, both discounted.

    Parameters
    ----------
    net : array_like
        Net factor [t/t].
    later : array_like
        What discounting takes of the gross tonnes that stay stored [t/t].
    """
    less = np.asarray(later, np.float64)
    left = np.asarray(net, np.float64) - less
    with np.errstate(divide="ignore", invalid="ignore"):
        adds = np.where(left > 0, less / left, NEVER_MADE_UP)
    return np.where(np.isnan(left), np.nan, np.minimum(adds, NEVER_MADE_UP))


def present_value(flows: FloatArray, rate: float) -> FloatArray:
    """Present value of flows after 0, 1, ... years along the first axis: ``sum F_t (1 + r)^-t``."""
    discount = (1.0 + float(require_rate(rate))) ** -np.arange(flows.shape[0], dtype=np.float64)
    return np.tensordot(discount, flows, axes=(0, 0))
