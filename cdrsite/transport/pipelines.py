"""Pipelines: the published equations, investment and cost per tonne."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from cdrsite.core.currency import convert
from cdrsite.core.errors import ConfigError
from cdrsite.library.records import unknown_name
from cdrsite.library.transport import TransportModel, load_transport_model, load_transport_models
from cdrsite.transport.hydraulics import (
    BOOSTER_SPACING,
    HOURS,
    booster_energy,
    nominal_diameter,
    parallel_lines,
    positive,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

KM_PER_MILE = 1.609344
FEET_PER_MILE = 5280.0


@dataclass(frozen=True)
class Basis:
    """What turns an investment into a cost per tonne.

    Attributes
    ----------
    crf : float
        Capital recovery factor: annuity per unit of investment [1/yr].
    base_year : int
        Year of the US dollars of all results.
    electricity : float
        Price of electricity for boosters and liquefaction [USD/kWh].
    om_share : float
        Fixed operation per year as a share of the investment, for models without their own;
        2.5 % as in NEMS CCATS [1/yr].
    utilisation : float
        Mean flow as a share of the flow the line is built for [1].
    region : str or None
        Region, for the models that know it; None and the other models take their default.
    boosters : bool
        Whether boosters' electricity (and investment, where a model states one) is counted.
    size : {"small", "large"}
        Ship of 4 kt or 10 kt.
    """

    crf: float = 0.1
    base_year: int = 2020
    electricity: float = 0.06
    om_share: float = 0.025
    utilisation: float = 1.0
    region: str | None = None
    boosters: bool = True
    size: Literal["small", "large"] = "large"

    def __post_init__(self) -> None:
        """Refuse numbers that would give a free or a negative line."""
        if not (math.isfinite(self.crf) and self.crf > 0):
            raise ConfigError("the capital recovery factor is not positive", got=self.crf)
        if not 0 < self.utilisation <= 1:
            raise ConfigError("utilisation", got=self.utilisation, expected="more than 0, up to 1")
        if min(self.electricity, self.om_share) < 0:
            raise ConfigError(
                "a price is negative", got=f"{self.electricity} USD/kWh, {self.om_share} 1/yr"
            )
        if self.region is not None:
            known = sorted({r for m in load_transport_models().values() for r in m.regions})
            if self.region not in known:
                raise unknown_name("region", self.region, known)


@dataclass(frozen=True)
class _Line:
    """One line: nominal diameter [inch], length [km], flow [t/yr], built for CO2 or natural gas."""

    inch: Floats
    km: Floats
    flow: Floats
    co2: bool

    @property
    def miles(self) -> Floats:
        return np.asarray(self.km / KM_PER_MILE)


def _polynomial(m: TransportModel, c: Table, line: _Line) -> Floats:
    total = np.zeros(np.broadcast(line.inch, line.km).shape)
    steps = m.steps.get("pressure_factor")
    for component, k in c.items():
        if component in {"surge_tank", "control_system"} and not line.co2:
            continue
        per_mile = k["c1"] * line.inch**2 + k["c2"] * line.inch + k["c3"]
        if steps is None:
            total += k["c0"] + k["e"] * line.miles * per_mile
            continue
        thick: Floats | float = 1.0
        if line.co2 and component in {"material", "labor"}:
            thick = np.asarray(steps.values)[np.searchsorted(steps.below_or_at, line.inch)]
        total += k["e"] * thick * (k["c0"] + line.miles * per_mile)
    return total


def _power(m: TransportModel, c: Table, line: _Line) -> Floats:  # noqa: ARG001 - one signature
    parts = (10 ** (k["a0"] + k["a"]) * line.km ** k["l"] * line.inch ** k["d"] for k in c.values())
    return np.asarray(sum(parts))


def _exponential(m: TransportModel, c: Table, line: _Line) -> Floats:  # noqa: ARG001 - as above
    area, feet = np.pi * (line.inch / 24) ** 2, line.miles * FEET_PER_MILE
    parts = (np.exp(k["a0"] + k["a"]) * area ** k["s"] * feet ** k["l"] for k in c.values())
    return np.asarray(sum(parts))


def _inch_mile(m: TransportModel, c: Table, line: _Line) -> Floats:  # noqa: ARG001 - as above
    inch, miles = line.inch, line.miles
    return np.asarray(
        sum(inch * miles * k["c"] * inch ** k["d"] * miles ** k["l"] for k in c.values())
    )


def _bilinear(m: TransportModel, c: Table, line: _Line) -> Floats:  # noqa: ARG001 - as above
    k, L, D = c["total"], line.km, line.inch
    base = k["c1"] * L + k["c2"] + (k["c3"] * L - k["c4"]) * D + (k["c5"] * L - k["c6"]) * D**2
    return np.asarray(k["t"] * base)


def _linear(m: TransportModel, c: Table, line: _Line) -> Floats:
    flow = line.flow / HOURS if m.variables["f"].unit == "t/h" else line.flow
    length = line.km * 1000.0 if m.variables["L"].unit == "m" else line.km
    return np.asarray(c["total"]["c"] * flow * length)


def _class_average(m: TransportModel, c: Table, line: _Line) -> Floats:  # noqa: ARG001 - as above
    hourly = line.flow / HOURS
    return np.asarray(_class_curve(m, "investment", hourly) * hourly * line.km * 1000.0)


def _trend(m: TransportModel, c: Table, line: _Line) -> Floats:  # noqa: ARG001 - as above
    per_km = [k["intercept"] + k["slope"] * line.flow / 1e6 for k in c.values()]
    return np.asarray(np.minimum.reduce(per_km) * line.km)


Table = Mapping[str, Mapping[str, float]]
_FORMS: dict[str, Callable[[TransportModel, Table, _Line], Floats]] = {
    "polynomial": _polynomial,
    "power": _power,
    "exponential": _exponential,
    "inch-mile": _inch_mile,
    "bilinear": _bilinear,
    "linear": _linear,
    "class-average": _class_average,
    "trend": _trend,
}


def _class_curve(model: TransportModel, steps: str, hourly: Floats) -> Floats:
    """Values of a class at its geometric middle, straight between on logarithmic axes.

    Read as steps, the cost of a whole line would fall where the next class begins. Through the
    middles it rises everywhere. Beyond the outer middles the slope of the power law fitted to all
    of them goes on.
    """
    x, y = _class_middles(model, steps)
    slope = float(np.polyfit(x, y, 1)[0])
    at = np.log(hourly)
    inside = np.interp(at, x, y)
    beyond = np.minimum(at - x[0], 0.0) + np.maximum(at - x[-1], 0.0)
    return np.asarray(np.exp(inside + slope * beyond))


def _class_middles(model: TransportModel, steps: str) -> tuple[Floats, Floats]:
    """Logarithms of the geometric middle of each class of flow, and of its value."""
    table = model.steps[steps]
    flows = model.variables[table.variable]
    edges = np.log([flows.low, *table.below_or_at, flows.high])
    return 0.5 * (edges[1:] + edges[:-1]), np.log(table.values)


def investment(
    model: str | TransportModel,
    flow: ArrayLike,
    length: ArrayLike,
    *,
    region: str | None = None,
    base_year: int | None = None,
    co2: bool = True,
) -> Floats:
    """Investment of a pipeline without boosters.

    Parameters
    ----------
    model : str or TransportModel
        A pipeline model of the library.
    flow : array_like
        Flow the line is built for [t/yr].
    length : array_like
        Length [km]; broadcasts with the flow.
    region : str, optional
        Region of a model that has regions.
    base_year : int, optional
        Year of the US dollars; None leaves the model's own money. A model that does not state its
        year is taken to be in the base year.
    co2 : bool
        With pressure factor, surge tank and control system, where the model has them; False gives
        the natural gas line.

    Returns
    -------
    ndarray of float64
        Investment [USD of ``base_year``, or the model's own currency].

    Raises
    ------
    ConfigError
        If the model is no pipeline, or flow or length is not positive.
    """
    model = load_transport_model(model) if isinstance(model, str) else model
    if model.form not in _FORMS or not model.mode.endswith("pipeline"):
        raise ConfigError("not a pipeline model", got=model.name, expected="a pipeline")
    flow, length = np.broadcast_arrays(positive(flow, "flow"), positive(length, "length"))
    lines = parallel_lines(flow)
    each = flow / lines
    line = _Line(nominal_diameter(each), length, each, co2)
    own = _FORMS[model.form](model, model.coefficients_for(region), line)
    return np.asarray(own * lines * money(model, base_year))


def money(model: TransportModel, base_year: int | None) -> float:
    """Factor from the model's money to USD of the base year."""
    million = 1e6 if model.unit.startswith("M") else 1.0
    currency = model.unit.lstrip("M")[:3]
    if base_year is None:
        return million
    return million * convert(1.0, currency, model.currency_year or base_year, base_year)


def parameter(model: TransportModel, name: str, base_year: int | None = None) -> float | None:
    """A parameter of a model, its money in USD of the base year; None where it has none."""
    record = model.parameters.get(name)
    if record is None or record.value is None:
        return None
    if record.currency_year is None or base_year is None:
        return record.value
    return convert(record.value, record.unit[:3], record.currency_year, base_year)


def pipeline(model: TransportModel, flow: ArrayLike, length: ArrayLike, basis: Basis) -> Floats:
    """Cost per tonne of a pipeline with operation and boosters.

    Parameters
    ----------
    model : TransportModel
        A pipeline model.
    flow : array_like
        Mean flow [t/yr].
    length : array_like
        Length [km].
    basis : Basis
        Annuity, prices, base year.

    Returns
    -------
    ndarray of float64
        Cost [USD of the base year per t].
    """
    flow, length = np.broadcast_arrays(positive(flow, "flow"), positive(length, "length"))
    design = flow / basis.utilisation
    region = basis.region if basis.region in model.regions else None
    capital = investment(model, design, length, region=region, base_year=basis.base_year)
    annual = capital * basis.crf + _fixed_om(model, capital, design, length, basis)
    energy = np.zeros(flow.shape)
    if basis.boosters:
        stations = (parameter(model, "booster", basis.base_year) or 0.0) * length
        # some models state pump stations for each 100 km at 2 Mt/yr; two-thirds rule
        pumps = parameter(model, "pump_station", basis.base_year) or 0.0
        stations = stations + pumps * (design / 2e6) ** (2 / 3) * length / BOOSTER_SPACING
        annual = annual + stations * (basis.crf + basis.om_share)
        energy = _pumping(model, design) * length * basis.electricity
    return np.asarray(annual / flow + energy)


def _fixed_om(
    model: TransportModel, capital: Floats, design: Floats, length: Floats, basis: Basis
) -> Floats:
    record = model.parameters.get("fixed_om")
    own = parameter(model, "fixed_om", basis.base_year)
    if record is None or own is None:
        return np.asarray(capital * basis.om_share)
    if record.unit == "1/yr":
        return np.asarray(capital * own)
    return np.asarray(own * design / HOURS * length)  # money per (t/h), year and km


def _pumping(model: TransportModel, design: Floats) -> Floats:
    """Electricity of boosters [kWh/t/km]: the model's own, else from the hydraulics."""
    if "pumping" in model.steps:
        return np.exp(np.interp(np.log(design / HOURS), *_class_middles(model, "pumping")))
    own = parameter(model, "pumping")
    return np.full(design.shape, own) if own is not None else booster_energy(design)
