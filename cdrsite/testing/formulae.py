"""Net factor and cost of one place, part by part, from the very terms that runs evaluate.

Scalars or arrays that broadcast; NaN (unknown) stays NaN.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from cdrsite.core.vocabulary import RESOURCES
from cdrsite.methods.cost import SOLD, PlantCosts, gross_cost_terms
from cdrsite.methods.net import ChainLosses, Emissions, net_factor_terms

FloatArray = npt.NDArray[np.float64]

NET_FACTORS = (
    "grid_intensity", "heat", "heat_intensity", "transport_km", "biomass", "hauled",
    "fossil", "place_emissions", "injection",
)  # fmt: skip
NEEDS = (
    *("material", "pumped", "stock_area", "loaded", "hauled", "waiting"),
    *(name for name in RESOURCES if name not in {*SOLD, "storage"}),
)
PRICES = (
    *(f"sold_{name}" for name in SOLD),
    *("material", "planting", "rent", "transport", "storage", "load", "haul"),
    *(one.name for one in RESOURCES.values() if one.price),
)


def _refuse_unknown(factors: Iterable[str], known: Iterable[str]) -> None:
    if unknown := sorted(set(factors) - set(known)):
        raise TypeError(f"no such factor: {', '.join(unknown)}; expected {', '.join(known)}")


def net_factor(
    losses: ChainLosses,
    emissions: Emissions,
    *,
    electricity: npt.ArrayLike = 0.0,
    supply_intensity: float = 0.0,
    haul_intensity: float = 0.0,
    **factors: npt.ArrayLike,
) -> FloatArray:
    """Net tonnes removed per gross tonne captured [t/t]; 0 or less means no removal (rule 5).

    Parameters
    ----------
    losses, emissions, supply_intensity, haul_intensity
        See :func:`cdrsite.methods.net.net_factor_terms`.
    electricity : array_like
        Need [kWh/t]. Negative where the method supplies power: that adds nothing to the removal;
        what it replaces has its own ledger (:mod:`cdrsite.methods.ledgers`).
    **factors : array_like
        Of :data:`NET_FACTORS`, 0 where not given.

    Returns
    -------
    ndarray
        The net factor, shape of the broadcast inputs.

    Raises
    ------
    TypeError
        If a factor has another name.
    """
    _refuse_unknown(factors, NET_FACTORS)
    terms = net_factor_terms(
        losses, emissions, supply_intensity=supply_intensity, haul_intensity=haul_intensity
    )
    bought = np.maximum(np.asarray(electricity, dtype=np.float64), 0.0)
    return terms.evaluate(
        dict.fromkeys(NET_FACTORS, 0.0) | {"electricity_bought": bought} | factors
    )


def per_net_tonne(cost: npt.ArrayLike, net: npt.ArrayLike) -> FloatArray:
    """Cost per net tonne [USD/t]: ``cost per gross tonne / net factor``.

    NaN where the net factor is 0 or less, so that a cost is never negative because of it (rule 5).
    """
    money, factor = np.broadcast_arrays(np.asarray(cost, np.float64), np.asarray(net, np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(factor > 0, money / factor, np.nan)[()]


class CostParts(dict[str, FloatArray]):
    """Cost per tonne by part [USD/t]; the revenue is negative, so that the parts add up."""

    @property
    def total(self) -> FloatArray:
        """Sum of all parts [USD/t]; negative only if the revenue exceeds the costs."""
        return sum(self.values(), np.asarray(0.0))

    def per_net(self, net: npt.ArrayLike) -> CostParts:
        """Return the same parts per net tonne: divided by the net factor, NaN where it is <= 0."""
        return CostParts({part: per_net_tonne(cost, net) for part, cost in self.items()})


def gross_cost(
    plant: PlantCosts,
    rate: float,
    *,
    productivity: npt.ArrayLike = 1.0,
    variable: npt.ArrayLike = 1.0,
    firm_share: npt.ArrayLike = 1.0,
    stored: npt.ArrayLike = 1.0,
    **factors: npt.ArrayLike,
) -> CostParts:
    """Cost per gross tonne, part by part [USD/t].

    Parameters
    ----------
    plant, rate
        See :func:`cdrsite.methods.cost.gross_cost_terms`, which also gives every unit.
    productivity : array_like
        Climate productivity factor, above 0 [1]; 0 or less gives an unknown cost (NaN).
    firm_share : array_like
        Share of its hours in which the plant has power, above 0 [1].
    stored : array_like
        CO2 that travels to its store and is injected [t/t].
    **factors : array_like
        The other needs (``electricity``, ``heat``, ``water``, ``biomass``, ``material``, ``land``,
        ``pumped``, ``stock_area``, ``loaded``, ``hauled``, ``waiting``) and the prices
        (``price_...``), 0 where not given. What is negative of
        :data:`cdrsite.methods.cost.SOLD` is sold at ``price_sold_NAME``.

    Returns
    -------
    CostParts
        Parts that add up to the cost per gross tonne.

    Raises
    ------
    TypeError
        If a factor has another name.
    """
    known = dict.fromkeys((*NEEDS, *SOLD, *(f"price_{name}" for name in PRICES)), 0.0)
    _refuse_unknown(factors, known)
    signed = {name: np.asarray(factors.get(name, 0.0), np.float64) for name in SOLD}
    factor = np.asarray(productivity, np.float64)
    with np.errstate(divide="ignore"):
        inverse = np.where(factor > 0, 1.0 / factor, np.nan)[()]
    given: dict[str, npt.ArrayLike] = known | {
        "inverse_productivity": inverse,
        "inverse_hours": 1.0 / np.asarray(firm_share, np.float64),
        "variable": variable,
        "storage": stored,
        **factors,
        **{name: np.maximum(need, 0.0) for name, need in signed.items()},
        **{f"supplied_{name}": np.maximum(-need, 0.0) for name, need in signed.items()},
    }
    terms = gross_cost_terms(plant, rate)
    with np.errstate(invalid="ignore"):  # infinite land x price 0: no tonne, no cost (NaN)
        return CostParts({part: term.evaluate(given) for part, term in terms.items()})
