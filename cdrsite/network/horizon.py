"""A network over periods as arrays: one static network per period, and what may be bought.

A purchase is a pipe of one trend on one arc in one period; what is bought stays to the end.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cdrsite.core.errors import ConfigError, InfeasibleError
from cdrsite.network.arrays import FlowArrays, flow_arrays
from cdrsite.network.milestones import Times
from cdrsite.network.model import Goal
from cdrsite.network.problem import ROUNDING, NetworkProblem, Sink, Source


@dataclass(frozen=True)
class Period:
    """A milestone in time, and the capture it must reach or the price of a tonne.

    Attributes
    ----------
    year : float
        The milestone; rates are linear between milestones.
    target_mt_yr : float or mapping, optional
        Capture exactly this [Mt/yr]; with a mapping, this much of each ledger.
    price_usd_t : float, optional
        Capture what pays at this price [USD/t], where there is no target.
    """

    year: float
    target_mt_yr: float | Mapping[str, float] | None = None
    price_usd_t: float | None = None

    @property
    def total(self) -> float | None:
        """Target of all ledgers together [Mt/yr]; None with a price."""
        if isinstance(self.target_mt_yr, Mapping):
            return math.fsum(self.target_mt_yr.values())
        return self.target_mt_yr


@dataclass(frozen=True)
class Horizon:
    """A problem over periods as arrays; T periods, E arcs, A directed arcs, N sizes.

    Attributes
    ----------
    nets, goals : tuple
        The static network and goal of each period; all nets have the same columns.
    times : Times
        Years that each period stands for.
    source_on, sink_on : ndarray of bool
        In service, shape (T, sources or sinks).
    well_rate : ndarray
        Rate per well [Mt/yr], the same in all periods; (sinks,).
    room : ndarray
        What each sink holds over all years [Mt].
    edge, trend, fixed, slope, low, high : ndarray
        Of each size of an arc, in either direction: (N,).
    size_of : ndarray of int
        Size of each trend column of the nets.
    there : ndarray of bool
        Arcs whose pipe is there already, or that are hired: (E,).
    """

    nets: tuple[FlowArrays, ...]
    goals: tuple[Goal, ...]
    times: Times
    source_on: np.ndarray
    sink_on: np.ndarray
    well_rate: np.ndarray
    room: np.ndarray
    edge: np.ndarray
    trend: np.ndarray
    fixed: np.ndarray
    slope: np.ndarray
    low: np.ndarray
    high: np.ndarray
    size_of: np.ndarray
    there: np.ndarray

    @property
    def periods(self) -> int:
        """Number of periods."""
        return len(self.nets)

    @property
    def most(self) -> np.ndarray:
        """Largest size of each arc [Mt/yr]; (E,)."""
        found = np.zeros(len(self.there))
        np.maximum.at(found, self.edge, self.high)
        return found

    def static(self, period: int) -> FlowArrays:
        """Give the network of a period with storage spread over all years."""
        net = self.nets[period]
        share = self.room / self.times.years.sum()
        return replace(net, sink_cap=np.minimum(net.sink_cap, share), well_rate=self.well_rate)


def horizon_of(problem: NetworkProblem, periods: Sequence[Period], times: Times) -> Horizon:
    """Turn a problem over periods into arrays.

    Parameters
    ----------
    problem : NetworkProblem
        Sources, sinks and arcs; its years are not used.
    periods : sequence of Period
        In order of time, as many as the times have.
    times : Times
        What they stand for.

    Raises
    ------
    ConfigError
        A period with both a target and a price, or neither, or a target below zero; forced arcs.
    InfeasibleError
        A target above what the sources in service can capture.
    """
    for period in periods:
        wrong = (period.total is None) == (period.price_usd_t is None)
        if wrong or not 0 <= (period.total or 0.0) < math.inf:
            raise ConfigError(
                "a period has a target of zero or more, or a price",
                where=f"{problem.name}: {period.year:g}",
                got=f"target {period.target_mt_yr}, price {period.price_usd_t}",
                rule=7,
            )
    if bound := [arc.id for arc in problem.arcs if arc.sunk_musd_yr]:
        raise ConfigError(
            "an arc cannot be forced where periods decide when it is laid",
            where=f"{problem.name}: arcs", got=", ".join(bound[:5]), cure="leave status empty",
            rule=7,
        )  # fmt: skip
    source_on = _service(problem.sources, times)
    sink_on = _service(problem.sinks, times)
    count = len(periods)
    cap = np.array([[s.most_in(t) for s in problem.sources] for t in range(count)])
    cap = cap.reshape(count, len(problem.sources)) * source_on
    totals = [_checked(problem, p, most) for p, most in zip(periods, cap, strict=True)]
    supply = [float(most.sum()) for most in cap]
    # where there is a price all may be captured
    most = max(s if total is None else total for s, total in zip(supply, totals, strict=True))
    base = flow_arrays(problem, most=most)
    room = np.array([s.capacity_mt for s in problem.sinks], dtype=float)
    rate = np.array([s.rate_mt_yr for s in problem.sinks], dtype=float)
    caps = [np.minimum(room / years, rate) * on
            for years, on in zip(times.years, sink_on, strict=True)]  # fmt: skip
    counted = np.array([math.isfinite(s.well_rate_mt_yr) for s in problem.sinks], dtype=bool)
    whole = np.maximum(np.max(caps, axis=0, initial=0.0), 1e-9)
    wells = np.where(counted, base.well_rate, whole)
    nets = tuple(
        replace(base, source_cap=most, source_least=np.minimum(base.source_least, most),
                sink_cap=take, well_rate=wells)
        for most, take in zip(cap, caps, strict=True)
    )  # fmt: skip
    goals = tuple(
        _goal(problem, period, total) for period, total in zip(periods, totals, strict=True)
    )
    keys = np.stack([base.edge[base.col_arc], base.col_trend], axis=1)
    _, first, size_of = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return Horizon(
        nets, goals, times, source_on, sink_on, wells, room, keys[first, 0], keys[first, 1],
        base.col_fixed[first], base.col_slope[first], base.col_lo[first], base.col_hi[first],
        np.ravel(size_of),
        np.array([arc.existing or arc.hired for arc in problem.arcs], dtype=bool),
    )  # fmt: skip


def _service(parts: Sequence[Source] | Sequence[Sink], times: Times) -> np.ndarray:
    """Say which parts are in service; (T, parts)."""
    begin = np.array([part.from_year for part in parts])
    end = np.array([part.until_year for part in parts])
    year = times.year[:, None]
    return np.asarray((begin <= year) & (year < end)).reshape(len(times.year), len(parts))


def _checked(problem: NetworkProblem, period: Period, most: np.ndarray) -> float | None:
    """Give the target of a period; that of its sources where it is a rounding away."""
    if period.total is None:
        return None
    if isinstance(period.target_mt_yr, Mapping):
        problem.check_ledgers(period.target_mt_yr)
    supply = math.fsum(most.tolist())
    if period.total > supply * (1 + ROUNDING):
        msg = f"target is {period.total - supply:g} Mt/yr above what the sources can capture"
        raise InfeasibleError(
            msg,
            where=f"{problem.name}: {period.year:g}",
            got=f"{period.total:g} Mt/yr",
            expected=f"at most {supply:g} Mt/yr from the sources in service that year",
            cure="add sources, correct from_year and until_year, or lower the target",
            rule=8,
        )
    return supply if period.total >= supply * (1 - ROUNDING) else period.total


def _goal(problem: NetworkProblem, period: Period, total: float | None) -> Goal:
    if not isinstance(period.target_mt_yr, Mapping):
        return Goal(target=total, price=None if total is not None else period.price_usd_t)
    ledgers = tuple(
        (tuple(i for i, s in enumerate(problem.sources) if s.ledger == name), part)
        for name, part in period.target_mt_yr.items()
    )
    return Goal(total, ledgers=ledgers)
