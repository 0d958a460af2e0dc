"""Published CO2 transport cost models as functions of flow and length.

The coefficients are data of :mod:`cdrsite.library.transport`; here are the equations. Published
models differ by a factor of 3 to 5 at equal flow, so
:func:`levelised` names ``low``, ``central`` and ``high`` as members of the set: a selection, never
an average (rule 10).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.core.currency import convert
from cdrsite.library.records import unknown_name
from cdrsite.library.transport import TransportModel, load_transport_model, load_transport_models
from cdrsite.transport.hydraulics import HOURS, positive
from cdrsite.transport.pipelines import Basis, money, parameter, pipeline

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

SPREAD = ("brown-2022", "dea-onshore", "mccoy-rubin-2008", "parker-2004", "rui-2011")
"""Onshore models that ``low``, ``central`` and ``high`` choose from: odd in number, so that the
median is one of them. Left out: parker-netl-2013 (the same study twice), nems-ccats (no economy of
scale, so far too cheap for a small flow), simccs-trend (currency year not stated)."""

LEVELS = ("low", "central", "high")

LIQUEFACTION_INVESTMENT = 1.33e6
"""Liquefaction plant [EUR2020/(t/h)]: Danish Energy Agency, as quoted in the tracker of
PyPSA technology-data (247); the 21 EUR/(t/h) in its table is a unit error."""
COMPRESSION_INVESTMENT = 34_120.0
COMPRESSION_ELECTRICITY = 105.1
"""Dense-phase compression that liquefaction replaces [EUR2020/(t/h), kWh/t]: study of the Austrian
Institute of Technology as used by PyPSA-Eur; the currency year is taken as 2020."""
LIQUEFACTION_OM = 0.05
"""Fixed operation of liquefaction, share of the investment per year (technology-data)."""


def levelised(
    model: str | TransportModel, flow: ArrayLike, length: ArrayLike, basis: Basis | None = None
) -> Floats:
    """Cost of transport per tonne, by one model or by a level of the spread.

    Parameters
    ----------
    model : str or TransportModel
        A model of the library (any mode), or ``low``, ``central``, ``high``: cheapest, median and
        dearest of the onshore pipelines in :data:`SPREAD`, element by element.
    flow : array_like
        Mean flow [t/yr].
    length : array_like
        Length of the route [km]; broadcasts with the flow.
    basis : Basis, optional
        Annuity, prices, base year.

    Returns
    -------
    ndarray of float64
        Cost [USD of the base year per t].

    Raises
    ------
    ConfigError
        If there is no such model, or flow or length is not positive.
    """
    basis = basis or Basis()
    if isinstance(model, str) and model in LEVELS:
        costs = np.sort([levelised(name, flow, length, basis) for name in SPREAD], axis=0)
        return np.asarray(costs[{"low": 0, "central": len(SPREAD) // 2, "high": -1}[model]])
    if isinstance(model, str):
        names = [*LEVELS, *load_transport_models()]
        if model not in names:
            raise unknown_name("transport model", model, names)
        model = load_transport_model(model)
    if model.mode == "ship":
        return ship(flow, length, basis)
    if model.mode == "truck":
        return truck(flow, length, basis)
    return pipeline(model, flow, length, basis)


def truck(flow: ArrayLike, length: ArrayLike, basis: Basis | None = None) -> Floats:
    """Cost of trucks by the Danish sheet, with liquefaction; no economy of scale.

    Parameters
    ----------
    flow : array_like
        Flow [t/yr]; only its shape matters.
    length : array_like
        Length of the road one way [km].
    basis : Basis, optional
        Annuity, prices, base year.

    Returns
    -------
    ndarray of float64
        Cost [USD/t].
    """
    basis = basis or Basis()
    flow, length = np.broadcast_arrays(positive(flow, "flow"), positive(length, "length"))
    model = load_transport_model("dea-truck")
    c = model.coefficients["total"]
    own = (c["c0"] + c["c1"] * length) * money(model, basis.base_year)
    return np.asarray(own + liquefaction(basis))


def liquefaction(basis: Basis) -> float:
    """Cost of liquefying CO2 less the dense-phase compression that it replaces [USD/t].

    Capture is priced with CO2 at pipeline pressure; trucks and ships take liquid CO2 instead.
    """
    euro = convert(1.0, "EUR", 2020, basis.base_year)
    kwh = (parameter(load_transport_model("dea-ship"), "liquefaction_electricity") or 0.0) - (
        COMPRESSION_ELECTRICITY
    )
    capital = (LIQUEFACTION_INVESTMENT - COMPRESSION_INVESTMENT) * euro / HOURS
    return capital * (basis.crf + LIQUEFACTION_OM) / basis.utilisation + kwh * basis.electricity


def ship(
    flow: ArrayLike,
    length: ArrayLike,
    basis: Basis | None = None,
    *,
    terminals: bool = True,
    whole_ship: bool = True,
) -> Floats:
    """Cost of ships by the Danish sheet: fleet, fuel, two terminals and liquefaction.

    Parameters
    ----------
    flow : array_like
        Flow [t/yr].
    length : array_like
        Distance one way [km].
    basis : Basis, optional
        Annuity, prices, base year and size of ship.
    terminals : bool
        With a terminal at each end and liquefaction; False gives the sailing alone.
    whole_ship : bool
        At least one ship and one berth are paid for, however small the flow; False shares ships.

    Returns
    -------
    ndarray of float64
        Cost [USD/t].
    """
    basis = basis or Basis()
    flow, length = np.broadcast_arrays(positive(flow, "flow"), positive(length, "length"))
    model = load_transport_model("dea-ship")
    p = {name: record.value or 0.0 for name, record in model.parameters.items()}
    c = model.coefficients[basis.size]
    design = flow / basis.utilisation
    sailing = 2 * length / (p["speed"] * 24)  # days
    port = p["port_time"] / 24
    ships = design * (sailing + port) / (p["operating_days"] * c["capacity"])
    # loading and unloading take half of the port time each
    berths = design * port / 2 / (p["operating_days"] * c["capacity"])
    if whole_ship:
        ships, berths = np.maximum(ships, 1.0), np.maximum(berths, 1.0)
    euro = ships * c["capacity"] * c["capex"] * (basis.crf + p["ship_om"]) / flow
    euro = euro + c["fuel_day"] * sailing * p["fuel_price"] / c["capacity"]
    if not terminals:
        return np.asarray(euro * money(model, basis.base_year))
    tank = TERMINAL_CAPACITY[basis.size]
    terminal = 2 * berths * tank * c["terminal_capex"] * (basis.crf + p["terminal_om"]) / flow
    # a full tank is kept cold all year
    kwh = 2 * berths * tank * p["terminal_electricity"] * 365 / flow
    dollars = (euro + terminal) * money(model, basis.base_year)
    return np.asarray(dollars + kwh * basis.electricity + liquefaction(basis))


TERMINAL_CAPACITY = {"small": 3000.0, "large": 14000.0}
"""Tank of the terminal that goes with a size of ship [t] (Danish Energy Agency)."""


# --- models side by side -------------------------------------------------------------------------


def road_or_pipe(
    pipeline: ArrayLike,
    length: ArrayLike,
    basis: Basis | None = None,
    *,
    modes: Sequence[str] = ("pipeline", "truck"),
    detour: float = 1.0,
) -> tuple[NDArray[np.bool_], Floats]:
    """Take the cheaper of a routed pipeline and trucks, of those that are allowed.

    Parameters
    ----------
    pipeline : array_like
        Cost of the pipeline along its route, ground and all [USD/t]; inf without a route.
    length : array_like
        Length of the route [km]; inf without a route.
    basis : Basis, optional
        Annuity, prices, base year.
    modes : sequence of str
        Of ``pipeline`` and ``truck``.
    detour : float
        Length of the road as a multiple of the route's [1].

    Returns
    -------
    tuple
        Where trucks are taken, and the lower cost [USD/t]; inf stays.
    """
    pipe, km = np.broadcast_arrays(np.asarray(pipeline, np.float64), np.asarray(length, np.float64))
    if "truck" not in modes:
        return np.zeros(pipe.shape, bool), pipe.copy()
    some = np.isfinite(km) & (km > 0)
    road = np.full(pipe.shape, np.inf)
    road[some] = truck(1.0, km[some] * detour, basis)
    # on top of a unit nothing has to travel, whatever the modes
    wins = road < pipe if "pipeline" in modes else some
    return wins, np.where(wins, road, pipe)


@dataclass(frozen=True)
class UnitCost:
    """Cost of transport as a straight line in the length: ``fixed + per_km * length``.

    Attributes
    ----------
    fixed : float
        What does not depend on the length [USD/t].
    per_km : float
        Slope: the base of the billing surface [USD/t/km].
    """

    fixed: float
    per_km: float

    def cost(self, length: ArrayLike) -> Floats:
        """Cost of a length [km], in USD/t."""
        return np.asarray(self.fixed + self.per_km * np.asarray(length, np.float64))


@cache
def unit_cost(
    flow: float,
    model: str = "central",
    basis: Basis | None = None,
    lengths: tuple[float, float] = (50.0, 300.0),
) -> UnitCost:
    """Straight line through a model's cost at two lengths, for routing.

    A least-cost path needs a cost per km that does not depend on the rest of the route; the
    models' own dependence on the length is weak. Between the lengths the line is off by a few
    percent; the traced route can be billed with :func:`levelised` itself.

    Parameters
    ----------
    flow : float
        Flow the lines are designed for [t/yr].
    model : str
        Model or level.
    basis : Basis, optional
        Annuity, prices, base year.
    lengths : tuple of float
        The two lengths [km].

    Returns
    -------
    UnitCost
        Fixed part, never negative, and slope.
    """
    short, long = lengths
    first, second = levelised(model, flow, np.array([short, long]), basis)
    per_km = (second - first) / (long - short)
    fixed = first - per_km * short
    if fixed < 0:  # dearer per km when longer: a line through zero and the far end
        return UnitCost(0.0, float(second / long))
    return UnitCost(float(fixed), float(per_km))
