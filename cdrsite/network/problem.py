"""The network problem: sources, sinks, arcs with size trends, and what is checked of them.

Units throughout the package: flow [Mt/yr], money [million USD per year] once annualised,
unit cost [USD/t] (1 USD/t times 1 Mt/yr is 1 million USD/yr), length [km].

One module: what a part is and what is checked of it are read together.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cdrsite.core.errors import CdrsiteWarning, ConfigError, DataError, InfeasibleError

ROUNDING = 1e-7
"""Relative difference up to which a target is what sources, sinks and connections can do: a sum of
capacities written with eight digits is meant to be the sum."""

Node = Hashable
"""Identity of a node: any hashable, usually an integer or a string."""


@dataclass(frozen=True)
class Source:
    """A plant that captures CO2.

    Attributes
    ----------
    id : str
        Unique among sources.
    node : hashable
        Node of the network where it stands.
    capacity_mt_yr : float
        Most it can capture [Mt/yr].
    fixed_musd_yr : float
        Annualised capital plus fixed operation, paid once it is open [million USD/yr].
    variable_usd_t : float
        Cost of each tonne captured [USD/t].
    name : str
        Shown in tables and maps.
    ledger : str
        Account that its tonnes belong to, as ``removal`` or ``avoided``; targets may be given for
        each account (rule 5).
    forced : bool
        It captures all that it can in every plan.
    from_year, until_year : float
        Over periods it captures from the one on and before the other; one year sees neither.
    by_period : tuple of float
        Most in each period [Mt/yr], where it grows or shrinks: none above ``capacity_mt_yr``.
        Empty: the same in all.
    """

    id: str
    node: Node
    capacity_mt_yr: float
    fixed_musd_yr: float = 0.0
    variable_usd_t: float = 0.0
    name: str = ""
    ledger: str = ""
    forced: bool = False
    from_year: float = -math.inf
    until_year: float = math.inf
    by_period: tuple[float, ...] = ()

    def most_in(self, period: int) -> float:
        """Most that it can capture in a period, by number, while it serves [Mt/yr]."""
        return self.by_period[period] if self.by_period else self.capacity_mt_yr

    def gives_last(self, year: float) -> float:
        """Most that it can give in the last period, which is one of this year [Mt/yr]."""
        return self.most_in(-1) if self.from_year <= year < self.until_year else 0.0


@dataclass(frozen=True)
class Sink:
    """A storage site with whole wells.

    Attributes
    ----------
    id : str
        Unique among sinks.
    node : hashable
        Node of the network where it stands.
    capacity_mt : float
        What it can hold over the project [Mt].
    well_rate_mt_yr : float
        Injectivity of one well [Mt/yr]; infinite where wells are not counted.
    fixed_musd_yr, well_musd_yr : float
        Annualised cost of the opened site and of each well [million USD/yr].
    injection_usd_t : float
        Cost of each tonne stored [USD/t]; a credit is negative.
    name : str
        Shown in tables and maps.
    forced : bool
        Its site is opened and paid in every plan.
    rate_mt_yr : float
        Most that the site takes a year, whatever its wells [Mt/yr].
    from_year, until_year : float
        Over periods it stores from the one on and before the other; one year sees neither.
    """

    id: str
    node: Node
    capacity_mt: float
    well_rate_mt_yr: float = math.inf
    fixed_musd_yr: float = 0.0
    well_musd_yr: float = 0.0
    injection_usd_t: float = 0.0
    name: str = ""
    forced: bool = False
    rate_mt_yr: float = math.inf
    from_year: float = -math.inf
    until_year: float = math.inf


@dataclass(frozen=True)
class Trend:
    """One pipe size class of an arc: a fixed charge, a slope and a capacity.

    A pipe of size p <= ``capacity_mt_yr`` costs ``fixed_musd_yr + slope_usd_t * p``.
    """

    fixed_musd_yr: float
    slope_usd_t: float
    capacity_mt_yr: float
    name: str = ""


@dataclass(frozen=True)
class Arc:
    """A corridor between two nodes that can hold one pipe, used in one direction.

    Attributes
    ----------
    id : str
        Unique among arcs; parallel arcs between the same nodes are allowed.
    tail, head : hashable
        Its nodes; the order matters only if ``one_way``.
    trends : tuple of Trend
        The size classes to choose from.
    length_km : float
        Length [km], for reports only.
    one_way : bool
        Flow from tail to head only.
    existing : bool
        The pipe is there already: its trends say what it carries and what using it costs.
    hired : bool
        It costs what it carries, period by period, as trucks do.
    sunk_musd_yr : float
        What every plan pays for it, whatever it carries; see :meth:`forced` [million USD/yr].
    mode : str
        ``pipeline``, ``truck`` or ``ship``, for reports only: the trends say what it costs.
    """

    id: str
    tail: Node
    head: Node
    trends: tuple[Trend, ...]
    length_km: float = math.nan
    one_way: bool = False
    existing: bool = False
    hired: bool = False
    sunk_musd_yr: float = 0.0
    mode: str = "pipeline"

    def forced(self) -> Arc:
        """The same arc where a pipe is laid in every plan, if only its cheapest size.

        That size's fixed cost is sunk; the trends hold what another one costs more.
        """
        least = min(trend.fixed_musd_yr for trend in self.trends)
        trends = tuple(
            replace(trend, fixed_musd_yr=trend.fixed_musd_yr - least) for trend in self.trends
        )
        return replace(self, trends=trends, sunk_musd_yr=least)


@dataclass(frozen=True)
class NetworkProblem:
    """Sources, sinks and arcs, checked when made.

    Attributes
    ----------
    sources, sinks, arcs : tuple
        What can be built.
    years : float
        Life of the project: a sink takes at most ``capacity_mt / years`` a year [yr].
    name : str
        Shown in errors and reports.

    Raises
    ------
    DataError
        Duplicate ids, negative cost or capacity, a sink with capacity and no injectivity, an
        arc from a node to itself, an arc without a trend, a number that is not finite.

    Warns
    -----
    CdrsiteWarning
        Free arcs, negative costs per tonne (read as credits), terminals without a connection.
    """

    sources: tuple[Source, ...]
    sinks: tuple[Sink, ...]
    arcs: tuple[Arc, ...]
    years: float = 30.0
    name: str = "network"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.years) and self.years > 0):
            raise DataError("project life must be positive", where=self.name, got=self.years)
        for kind, items in (("source", self.sources), ("sink", self.sinks), ("arc", self.arcs)):
            _unique(self.name, kind, [item.id for item in items])
        for source in self.sources:
            _check_source(f"{self.name}: source {source.id}", source)
        for sink in self.sinks:
            _check_sink(f"{self.name}: sink {sink.id}", sink)
        free = [arc.id for arc in self.arcs if _check_arc(f"{self.name}: arc {arc.id}", arc)]
        if free:
            _warn(f"{self.name}: arcs without length or without cost are free to build: "
                  f"{_few(free)}")  # fmt: skip
        credit = [s.id for s in self.sources if s.variable_usd_t < 0]
        credit += [s.id for s in self.sinks if s.injection_usd_t < 0]
        if credit:
            _warn(f"{self.name}: negative cost per tonne read as a credit: {_few(credit)}")
        self._check_islands()

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes, in order of first mention by arcs, sources, sinks."""
        seen: dict[Node, None] = {}
        for arc in self.arcs:
            seen[arc.tail] = None
            seen[arc.head] = None
        for source in self.sources:
            seen[source.node] = None
        for sink in self.sinks:
            seen[sink.node] = None
        return tuple(seen)

    @property
    def sunk_musd_yr(self) -> float:
        """What every plan pays for sites and arcs that are forced [million USD/yr]."""
        sites = [s.fixed_musd_yr for s in self.sinks if s.forced]
        return math.fsum([*sites, *(arc.sunk_musd_yr for arc in self.arcs)])

    def sink_rates(self) -> np.ndarray:
        """Most that each sink can take a year [Mt/yr], shape (sinks,)."""
        return np.array(
            [min(s.capacity_mt / self.years, s.rate_mt_yr) for s in self.sinks], dtype=float
        )

    def components(self) -> np.ndarray:
        """Label of the connected part of each of :attr:`nodes`, shape (nodes,)."""
        index = {node: k for k, node in enumerate(self.nodes)}
        ends = np.array([(index[a.tail], index[a.head]) for a in self.arcs], int).reshape(-1, 2)
        ones = np.ones(len(ends))
        graph = coo_array((ones, (ends[:, 0], ends[:, 1])), shape=(len(index), len(index)))
        return np.asarray(connected_components(graph, directed=False)[1])

    def reachable_mt_yr(self) -> tuple[float, float, float]:
        """Sum up what sources give, sinks take, and connected parts exchange [Mt/yr]."""
        labels = self.components()
        index = {node: k for k, node in enumerate(self.nodes)}
        supply = np.zeros(len(index) + 1)
        room = np.zeros(len(index) + 1)
        for source in self.sources:
            supply[labels[index[source.node]]] += source.capacity_mt_yr
        for sink, rate in zip(self.sinks, self.sink_rates(), strict=True):
            room[labels[index[sink.node]]] += rate
        both = np.minimum(supply, room).sum()
        return float(supply.sum()), float(room.sum()), float(both)

    def check_target(self, target: float) -> float:
        """Say which of sources, sinks or connections cannot take the target, and by how much.

        Parameters
        ----------
        target : float
            Wanted capture [Mt/yr].

        Returns
        -------
        float
            The target; what can be met where it is a rounding away from that.

        Raises
        ------
        DataError
            The target is no number of zero or more.
        InfeasibleError
            The target is above what the sources, the sinks or their connections can take.
        """
        if not (math.isfinite(target) and target >= 0):
            raise DataError("target must be zero or more", where=self.name, got=target)
        supply, room, both = self.reachable_mt_yr()
        limits = (
            (supply, "sources can capture", "add sources or lower the target"),
            (room, "sinks can store", "add sinks, shorten the project or lower the target"),
            (both, "connected sources and sinks can exchange", "connect the islands with arcs"),
        )
        for limit, what, cure in limits:
            if target > limit * (1 + ROUNDING):
                msg = f"target is {target - limit:g} Mt/yr above what the {what}"
                raise InfeasibleError(
                    msg,
                    where=self.name,
                    got=f"{target:g} Mt/yr",
                    expected=f"at most {limit:g} Mt/yr",
                    cure=cure,
                    rule=8,
                )
        return float(both) if target >= both * (1 - ROUNDING) else target

    def check_ledgers(self, targets: Mapping[str, float]) -> dict[str, float]:
        """Check targets by ledger: every ledger has one, and its sources can meet it.

        Parameters
        ----------
        targets : mapping
            Ledger -> wanted capture [Mt/yr].

        Returns
        -------
        dict
            Ledger -> target, what its sources can capture where it is a rounding away from that.

        Raises
        ------
        ConfigError
            A ledger without sources, or one without a target.
        InfeasibleError
            A target above what the sources of its ledger can capture.
        """
        supply: dict[str, float] = {}
        for source in self.sources:
            supply[source.ledger] = supply.get(source.ledger, 0.0) + source.capacity_mt_yr
        for name in targets:
            if name not in supply:
                raise ConfigError(
                    "no source is of this ledger",
                    where=f"{self.name}: target",
                    got=name,
                    expected=", ".join(sorted(supply)),
                    cure="give the sources a column ledger",
                )
        if missing := sorted(set(supply) - set(targets)):
            raise ConfigError(
                "a ledger has no target",
                where=f"{self.name}: target",
                got=", ".join(repr(name) for name in missing),
                cure="give one for each, 0 for none; ledgers are never summed",
                rule=5,
            )
        found = {}
        for name, target in targets.items():
            if target > supply[name] * (1 + ROUNDING):
                msg = f"target of {name} is {target - supply[name]:g} Mt/yr above its sources"
                raise InfeasibleError(
                    msg,
                    where=self.name,
                    got=f"{target:g} Mt/yr",
                    expected=f"at most {supply[name]:g} Mt/yr",
                    cure="add sources or lower the target",
                    rule=8,
                )
            near = target >= supply[name] * (1 - ROUNDING)
            found[name] = supply[name] if near else target
        return found

    def _check_islands(self) -> None:
        labels = self.components()
        index = {node: k for k, node in enumerate(self.nodes)}
        with_sink = {labels[index[s.node]] for s in self.sinks if s.capacity_mt > 0}
        with_source = {labels[index[s.node]] for s in self.sources if s.capacity_mt_yr > 0}
        lost = [s.id for s in self.sources if labels[index[s.node]] not in with_sink]
        if lost:
            _warn(f"{self.name}: sources without a connection to any sink: {_few(lost)}")
        lost = [s.id for s in self.sinks if labels[index[s.node]] not in with_source]
        if lost:
            _warn(f"{self.name}: sinks without a connection to any source: {_few(lost)}")


def _warn(text: str) -> None:
    warnings.warn(text, CdrsiteWarning, stacklevel=4)


def _few(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:8])
    return shown if len(ids) <= 8 else f"{shown} and {len(ids) - 8} more"


def _unique(where: str, kind: str, ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for one in ids:
        if one in seen:
            msg = f"two {kind}s have the same id"
            raise DataError(msg, where=where, got=one, cure="make ids unique")
        seen.add(one)


def _number(where: str, what: str, value: float, *, least: float = 0.0) -> None:
    if not math.isfinite(value):
        msg = f"{what} is not a finite number"
        raise DataError(msg, where=where, got=value)
    if value < least:
        msg = f"{what} is negative"
        raise DataError(msg, where=where, got=value, expected="zero or more")


def _check_source(where: str, source: Source) -> None:
    _number(where, "capture capacity", source.capacity_mt_yr)
    _number(where, "fixed cost", source.fixed_musd_yr)
    _number(where, "variable cost", source.variable_usd_t, least=-math.inf)
    _service(where, source.from_year, source.until_year)


def _check_sink(where: str, sink: Sink) -> None:
    _number(where, "storage capacity", sink.capacity_mt)
    _number(where, "fixed cost", sink.fixed_musd_yr)
    _number(where, "well cost", sink.well_musd_yr)
    _number(where, "injection cost", sink.injection_usd_t, least=-math.inf)
    if math.isnan(sink.well_rate_mt_yr) or sink.well_rate_mt_yr < 0:
        raise DataError("well rate must be zero or more", where=where, got=sink.well_rate_mt_yr)
    if sink.capacity_mt > 0 and sink.well_rate_mt_yr == 0:
        raise DataError(
            "has capacity but no injectivity",
            where=where,
            got="well rate 0 Mt/yr",
            expected="a positive rate",
            cure="give a well rate, or leave it empty where wells are not counted",
        )
    if not sink.rate_mt_yr >= 0:
        raise DataError("most a year must be zero or more", where=where, got=sink.rate_mt_yr)
    _service(where, sink.from_year, sink.until_year)


def _service(where: str, begin: float, end: float) -> None:
    if not begin < end:
        raise DataError(
            "service ends before it begins", where=where, got=f"from {begin:g} until {end:g}",
            expected="a later year", rule=7,
        )  # fmt: skip


def _check_arc(where: str, arc: Arc) -> bool:
    """Raise on a wrong arc; True where a new pipe would be free."""
    if arc.tail == arc.head:
        raise DataError("arc begins and ends at the same node", where=where, got=arc.tail)
    if not arc.trends:
        raise DataError("arc has no trend", where=where, cure="give at least one size class")
    if not math.isnan(arc.length_km):
        _number(where, "length", arc.length_km)
    for trend in arc.trends:
        _number(where, "fixed cost", trend.fixed_musd_yr)
        _number(where, "slope", trend.slope_usd_t)
        if math.isnan(trend.capacity_mt_yr) or trend.capacity_mt_yr < 0:
            raise DataError("capacity must be zero or more", where=where, got=trend.capacity_mt_yr)
    costless = any(t.fixed_musd_yr == 0 and t.slope_usd_t == 0 for t in arc.trends)
    return not arc.existing and not arc.sunk_musd_yr and (costless or arc.length_km == 0)
