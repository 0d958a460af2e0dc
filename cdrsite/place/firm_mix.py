"""The cheapest renewables, battery and grid power for a flat load of 1 kW: a linear programme.

Hours are those of some days, each for so many days of the year; a battery ends each day as it began
it. Mean days have no calm weeks, so a load that is served to the last hour asks for extreme days
among them, or its price says nothing.

Direct connection (own use of at least 60 % of what is generated and 30 or 35 % of the load, at most
20 % exported): notice 2025 No. 650 of China's planners and the plans of Shandong and Ningxia.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cdrsite.core.errors import ConfigError, SolverError
from cdrsite.core.solver import LinearSolver, Programme

F64 = npt.NDArray[np.float64]
HOURS = 24
PV, WIND, STORE, CONVERTER, FIXED = range(5)
CHARGE, DISCHARGE, GRID, EXPORT, LEVEL, HOURLY = range(6)
"""Columns: sizes, and those of each hour."""


@dataclass(frozen=True, eq=False)
class TypicalDays:
    """Hours of some days that stand for a year.

    Attributes
    ----------
    pv, wind : ndarray, shape (days, 24)
        Output per kW [kW].
    days : ndarray, shape (days,)
        Days of the year that each stands for [d].
    """

    pv: F64
    wind: F64
    days: F64

    @property
    def weight(self) -> F64:
        """Hours of the year that each hour stands for, shape (days x 24,) [h]."""
        return np.repeat(self.days, HOURS)


@dataclass(frozen=True)
class PowerCosts:
    """What power costs, and what it emits.

    Attributes
    ----------
    pv, wind, store, converter : float
        A kW (of the battery's store a kWh) in a year [USD].
    efficiency : float
        Of charging and of discharging, each [1].
    grid, export : float
        Price of a kWh from the grid and to it [USD]; NaN: nothing is sold.
    grid_emissions, pv_emissions, wind_emissions : float
        Per kWh taken or generated [kg].
    pv_land : float
        Footprint of a kW [m2].
    """

    pv: float
    wind: float
    store: float
    converter: float
    efficiency: float
    grid: float
    export: float = float("nan")
    grid_emissions: float = 0.0
    pv_emissions: float = 0.0
    wind_emissions: float = 0.0
    pv_land: float = 0.0


@dataclass(frozen=True)
class PowerRules:
    """What must hold of own use: shares of the load, of what is generated, and of what is sold."""

    least_of_load: float = 0.0
    least_of_generation: float = 0.0
    most_exported: float = float("nan")


@dataclass(frozen=True)
class FirmMix:
    """What serves a flat load of 1 kW at the least cost.

    Attributes
    ----------
    pv, wind, converter : float
        [kW].
    store : float
        [kWh].
    own_share : float
        Part of the load that is not from the grid [1].
    price, own_price : float
        Of all power, net of sales, and of the own part [USD/kWh].
    curtailed : float
        Part of what could be generated [1].
    land : float
        Footprint of the photovoltaics [m2 per kW of load].
    emissions : float
        [kg per kWh of load].
    exported : float
        Part of what could be generated that is sold [1].
    """

    pv: float
    wind: float
    store: float
    converter: float
    own_share: float
    price: float
    own_price: float
    curtailed: float
    land: float
    emissions: float
    exported: float


def cheapest_mix(
    days: TypicalDays, costs: PowerCosts, own_share: float, rules: PowerRules | None = None
) -> FirmMix:
    """The cheapest mix of own renewables, battery and grid power for a flat load.

    Parameters
    ----------
    days : TypicalDays
    costs : PowerCosts
    own_share : float
        Least part of the load that is not from the grid [1].
    rules : PowerRules, optional
        Without them nothing is exported.

    Raises
    ------
    ConfigError
        Where sales earn more than generation costs and no rule bounds them: they would have no end.
    SolverError
        Nothing serves such a part of the load: no hour of some day has any output.
    """
    rules = rules or PowerRules()
    sells = np.isfinite(costs.export)
    if sells and not np.isfinite(rules.most_exported):
        raise ConfigError(
            "power that is sold without a bound",
            where="export",
            got=f"{costs.export:g} USD/kWh, and no largest share of what is generated",
            expected="at most 20 % of it, as rules for direct connection ask",
            cure="give most_exported, or sell nothing",
            rule=7,
        )
    programme = _programme(days, costs, own_share, rules, sells=sells)
    solver = LinearSolver(programme)
    ended = solver.run()
    if ended != "optimal":
        raise SolverError(
            "no mix of renewables, battery and grid serves the load",
            got=f"{own_share:g} of the load, {ended}",
            expected="at least one hour with output in each day",
            cure="a smaller share, or days with some output",
        )
    return _read(solver.x, days, costs)


Terms = list[tuple[npt.NDArray[np.int64] | int, F64 | float]]
"""Columns and their values: of each row alike, or one for each row."""


class _MixRows:
    """Rows of the programme as they are added."""

    def __init__(self, hours: int) -> None:
        self.hours, self.count = hours, 0
        self.entries: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], F64]] = []
        self.lower: list[F64] = []
        self.upper: list[F64] = []

    def each(self, terms: Terms, low: float, high: float) -> None:
        """A row for each hour."""
        number = self.count + np.arange(self.hours)
        for column, value in terms:
            self._add(number, column, value)
        self._bound(self.hours, low, high)

    def one(self, terms: Terms, low: float, high: float) -> None:
        """One row, with all columns of each term."""
        for column, value in terms:
            self._add(np.full(np.size(column), self.count), column, value)
        self._bound(1, low, high)

    def _add(
        self, row: npt.NDArray[np.int64], column: npt.NDArray[np.int64] | int, value: F64 | float
    ) -> None:
        columns = np.broadcast_to(column, row.shape).astype(np.int64)
        self.entries.append((row, columns, np.broadcast_to(value, row.shape).astype(np.float64)))

    def _bound(self, rows: int, low: float, high: float) -> None:
        self.lower.append(np.full(rows, low))
        self.upper.append(np.full(rows, high))
        self.count += rows


def _rows(
    days: TypicalDays, costs: PowerCosts, own_share: float, rules: PowerRules, *, sells: bool
) -> _MixRows:
    """Load, battery and its level in every hour, then the shares of the year."""
    weight, count = days.weight, days.weight.size
    pv, wind, eta, inf = days.pv.ravel(), days.wind.ravel(), costs.efficiency, np.inf
    charge, discharge, grid, export, level = (
        FIXED + kind * count + np.arange(count) for kind in range(HOURLY)
    )
    made = _MixRows(count)
    made.each(
        [(PV, pv), (WIND, wind), (discharge, 1.0), (charge, -1.0), (grid, 1.0), (export, -1.0)],
        1.0, inf,
    )  # fmt: skip
    made.each([(charge, 1.0), (discharge, 1.0), (CONVERTER, -1.0)], -inf, 0.0)
    made.each([(level, 1.0), (STORE, -1.0)], -inf, 0.0)
    hour = np.arange(count)
    after = np.where(hour % HOURS == HOURS - 1, hour - HOURS + 1, hour + 1)
    made.each(
        [(level[after], 1.0), (level, -1.0), (charge, -eta), (discharge, 1.0 / eta)], 0.0, 0.0
    )
    total, pv_year, wind_year = float(weight.sum()), float(weight @ pv), float(weight @ wind)
    least = max(own_share, rules.least_of_load)
    made.one([(grid, weight)], -inf, (1.0 - least) * total)
    # own use is the load less what the grid gives
    share, most = rules.least_of_generation, rules.most_exported
    made.one([(grid, weight), (PV, share * pv_year), (WIND, share * wind_year)], -inf, total)
    if sells:
        made.one([(export, weight), (PV, -most * pv_year), (WIND, -most * wind_year)], -inf, 0.0)
    return made


def _programme(
    days: TypicalDays, costs: PowerCosts, own_share: float, rules: PowerRules, *, sells: bool
) -> Programme:
    """Columns: four sizes, then five of each hour."""
    weight, count = days.weight, days.weight.size
    columns = FIXED + HOURLY * count
    made = _rows(days, costs, own_share, rules, sells=sells)
    row, column, value = (np.concatenate(part) for part in zip(*made.entries, strict=True))
    order = np.lexsort((column, row))
    start = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=made.count))])
    cost, most = np.zeros(columns), np.full(columns, np.inf)
    cost[:FIXED] = costs.pv, costs.wind, costs.store, costs.converter
    grid, export = (slice(FIXED + k * count, FIXED + (k + 1) * count) for k in (GRID, EXPORT))
    cost[grid] = weight * costs.grid
    if sells:
        cost[export] = -weight * costs.export
    else:
        most[export] = 0.0
    for size in np.flatnonzero(~np.isfinite(cost)).tolist():  # not to be had
        cost[size] = most[size] = 0.0
    return Programme(
        cost, np.zeros(columns), most, np.concatenate(made.lower), np.concatenate(made.upper),
        start.astype(np.int32), column[order].astype(np.int32), value[order],
    )  # fmt: skip


def _read(x: F64, days: TypicalDays, costs: PowerCosts) -> FirmMix:
    """The sizes and what follows from them."""
    weight = days.weight
    count, total = weight.size, float(weight.sum())
    pv, wind, store, converter = x[:FIXED]
    charge, discharge, grid, export = x[FIXED : FIXED + 4 * count].reshape(4, count)
    of_pv, of_wind = (float(weight @ part.ravel()) for part in (days.pv, days.wind))
    output = pv * days.pv.ravel() + wind * days.wind.ravel()
    spare = output + discharge - charge + grid - export - 1.0
    generated = float(weight @ output)
    taken, sold = float(weight @ grid), float(weight @ export)
    turbines = wind * costs.wind if np.isfinite(costs.wind) else 0.0
    built = pv * costs.pv + turbines + store * costs.store + converter * costs.converter
    earned = 0.0 if not np.isfinite(costs.export) else sold * costs.export
    emitted = pv * of_pv * costs.pv_emissions + wind * of_wind * costs.wind_emissions
    own = total - taken
    return FirmMix(
        pv=float(pv), wind=float(wind), store=float(store), converter=float(converter),
        own_share=own / total,
        price=float((built + taken * costs.grid - earned) / total),
        own_price=float(built / own) if own > 0 else float("nan"),
        curtailed=float(weight @ spare) / generated if generated > 0 else 0.0,
        land=float(pv) * costs.pv_land,
        emissions=float((taken * costs.grid_emissions + emitted) / total),
        exported=sold / generated if generated > 0 else 0.0,
    )  # fmt: skip
