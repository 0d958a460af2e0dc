"""Published CO2 transport cost models as functions of flow and length.

The coefficients are data of :mod:`cdrsite.library.transport`; here are the equations. Published
models differ by a factor of 3 to 5 at equal flow, so :func:`compare` shows them side by side and
:func:`levelised` names ``low``, ``central`` and ``high`` as members of the set: a selection, never
an average (rule 10).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.core.currency import convert
from cdrsite.core.errors import ConfigError
from cdrsite.library.records import unknown_name
from cdrsite.library.transport import TransportModel, load_transport_model, load_transport_models
from cdrsite.transport.hydraulics import HOURS, nominal_diameter, parallel_lines, positive
from cdrsite.transport.pipelines import (
    FEET_PER_MILE,
    KM_PER_MILE,
    Basis,
    investment,
    money,
    parameter,
    pipeline,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

SPREAD = ("brown-2022", "dea-onshore", "mccoy-rubin-2008", "parker-2004", "rui-2011")
"""Onshore models that ``low``, ``central`` and ``high`` choose from: odd in number, so that the
median is one of them. Left out: parker-netl-2013 (the same study twice), nems-ccats (no economy of
scale, so far too cheap for a small flow), simccs-trend (currency year not stated)."""

OFFSHORE_SPREAD = ("dea-offshore", "ieaghg-offshore-2002")

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
    model: str | TransportModel,
    flow: ArrayLike,
    length: ArrayLike,
    basis: Basis | None = None,
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
        return _of_spread(model, SPREAD, flow, length, basis)
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


def _of_spread(
    level: str, names: tuple[str, ...], flow: ArrayLike, length: ArrayLike, basis: Basis
) -> Floats:
    costs = np.stack([levelised(name, flow, length, basis) for name in names])
    costs.sort(axis=0)
    # of an even number the dearer of the two middle ones, so that it stays a published model
    return np.asarray(costs[{"low": 0, "central": len(names) // 2, "high": -1}[level]])


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


@dataclass(frozen=True)
class ModelRow:
    """One model at one flow and length.

    Attributes
    ----------
    model, mode : str
        Name and mode of transport.
    cost : float
        Levelised cost [USD of the base year per t].
    investment : float
        Investment of the line [USD of the base year]; NaN for ship and truck.
    level : str
        ``low``, ``central`` or ``high`` where the model is that member of its spread, else empty.
    inside : bool
        Whether flow, diameter and length lie in the model's range of validity.
    currency_year : int or None
        Year of the model's own money; None where it does not state one.
    source : str
        Id in the library's sources.
    """

    model: str
    mode: str
    cost: float
    investment: float
    level: str
    inside: bool
    currency_year: int | None
    source: str


def compare(flow: float, length: float, basis: Basis | None = None) -> tuple[ModelRow, ...]:
    """All models at one flow and length, by mode and rising cost: the spread, shown.

    Parameters
    ----------
    flow : float
        Flow [t/yr].
    length : float
        Length [km].
    basis : Basis, optional
        Annuity, prices, base year.

    Returns
    -------
    tuple of ModelRow
        One row per model of the library.
    """
    basis = basis or Basis()
    levels = {}
    for names in (SPREAD, OFFSHORE_SPREAD):
        ranked = sorted(names, key=lambda name: float(levelised(name, flow, length, basis)))
        levels[ranked[len(names) // 2]] = "central"
        levels[ranked[0]], levels[ranked[-1]] = "low", "high"
    rows = []
    for name, model in load_transport_models().items():
        pipe = model.mode.endswith("pipeline")
        design = flow / basis.utilisation
        rows.append(
            ModelRow(
                name,
                model.mode,
                float(levelised(model, flow, length, basis)),
                _investment(model, design, length, basis) if pipe else math.nan,
                levels.get(name, ""),
                inside_validity(model, design, length),
                model.currency_year,
                model.source,
            )
        )
    return tuple(sorted(rows, key=lambda row: (row.mode, row.cost, row.model)))


def _investment(model: TransportModel, flow: float, length: float, basis: Basis) -> float:
    region = basis.region if basis.region in model.regions else None
    return float(investment(model, flow, length, base_year=basis.base_year, region=region))


def inside_validity(model: TransportModel, flow: float, length: float) -> bool:
    """Whether flow [t/yr] and length [km] lie in the range that a model states."""
    inch = float(nominal_diameter(flow / parallel_lines(flow)))
    per_km = {"km": 1.0, "m": 1000.0, "mile": 1 / KM_PER_MILE, "ft": FEET_PER_MILE / KM_PER_MILE}
    per_tonne = {"t/yr": 1.0, "t/h": 1 / HOURS, "Mt/yr": 1e-6}
    for name, variable in model.variables.items():
        if name == "D":
            value = inch
        elif name == "f":
            value = flow * per_tonne[variable.unit]
        else:
            value = length * per_km[variable.unit]
        if not variable.low <= value <= variable.high:
            return False
    return True


MODES = ("pipeline", "truck", "ship", "truck+ship")
"""Modes of :func:`cheapest_mode` by code."""


def cheapest_mode(
    flow: ArrayLike,
    onshore: ArrayLike,
    offshore: ArrayLike = 0.0,
    *,
    basis: Basis | None = None,
    model: str = "central",
    offshore_model: str = "ieaghg-offshore-2002",
) -> tuple[NDArray[np.uint8], Floats]:
    """Mode with the least cost for a flow.

    Parameters
    ----------
    flow : array_like
        Flow [t/yr].
    onshore, offshore : array_like
        Length of the two parts of the route [km]; either may be 0.
    basis : Basis, optional
        Annuity, prices, base year.
    model, offshore_model : str
        Pipeline models, or a level of the spread.

    Returns
    -------
    tuple
        Code of the mode (index in :data:`MODES`; the first of equals) and its cost [USD/t]. With
        ``ship`` a pipeline leads to the port, with ``truck+ship`` trucks do; trucks do not feed
        an offshore pipeline.
    """
    basis = basis or Basis()
    flow, land, sea = np.broadcast_arrays(
        positive(flow, "flow"), _length(onshore, "onshore"), _length(offshore, "offshore")
    )

    def leg(function: Callable[[Floats, Floats], Floats], km: Floats) -> Floats:
        cost = np.zeros(km.shape)
        some = km > 0
        cost[some] = function(flow[some], km[some])
        return cost

    pipe = leg(lambda f, d: levelised(model, f, d, basis), land)
    sea_pipe = leg(lambda f, d: levelised(offshore_model, f, d, basis), sea)
    sea_ship = leg(lambda f, d: ship(f, d, basis), sea)
    road = leg(lambda f, d: truck(f, d, basis), land)
    wet, dry = sea > 0, land > 0
    # the ship's cost holds the liquefaction already
    both = road + sea_ship - np.where(dry, liquefaction(basis), 0.0)
    costs = np.stack(
        [
            pipe + sea_pipe,
            np.where(wet | ~dry, np.inf, road),
            np.where(wet, pipe + sea_ship, np.inf),
            np.where(wet & dry, both, np.inf),
        ]
    )
    best = costs.argmin(axis=0)
    return best.astype(np.uint8), np.take_along_axis(costs, best[None], axis=0)[0]


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


def _length(values: ArrayLike, name: str) -> Floats:
    array = np.asarray(values, np.float64)
    if not np.all(np.isfinite(array) & (array >= 0)):
        raise ConfigError(f"{name} length is negative or not a number", got=str(array.min()))
    return array


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


def delivered_share(length: ArrayLike, leakage_per_100km: float) -> Floats:
    """Share of the CO2 that arrives: ``1 - leakage * length / 100``, not below 0.

    Parameters
    ----------
    length : array_like
        Length [km].
    leakage_per_100km : float
        Share lost over 100 km [1].

    Returns
    -------
    ndarray of float64
        Share in [0, 1].
    """
    if not 0 <= leakage_per_100km <= 1:
        raise ConfigError("leakage is not a share", got=leakage_per_100km, expected="0 to 1")
    lost = leakage_per_100km * np.asarray(length, np.float64) / 100.0
    return np.asarray(np.clip(1.0 - lost, 0.0, 1.0))
