"""Network problems from tables: CSV folder, Excel workbook or GeoPackage, units in the headers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cdrsite.core.errors import DataError
from cdrsite.network.casefiles import read_tables
from cdrsite.network.columns import (
    NOTES,
    PARAMETERS,
    check_columns,
    check_keys,
    flag,
    mode_of,
    modes_of,
    state,
    trends_of,
    utilisation_of,
)
from cdrsite.network.headers import find_column, scale_of
from cdrsite.network.problem import Arc, NetworkProblem, Node, Sink, Source, Trend
from cdrsite.network.readers import NAMES, CaseTables, Table, empty, identity
from cdrsite.network.transit import without_transit
from cdrsite.network.trends import ship_trends
from cdrsite.transport.costmodels import truck
from cdrsite.transport.pipelines import Basis

_NODE = ("cell", "node")
_ARC = {"id": ("arc", "id"), "tail": ("v1", "from", "tail"), "head": ("v2", "to", "head")}


def read_case(path: str | Path) -> NetworkProblem:
    """Read a case: sources, sinks and arcs, with the unit of each column in its header.

    Columns, parameters and flags that are not known, rows that do not fit the headers, and arcs
    with two costs are errors; a header or parameter that begins with ``#`` is a note. A header is
    the quantity and its unit, as ``capture_max [Mt/yr]`` or ``capture_max_mt_yr``;
    kt, t, Gt, MUSD, kUSD, USD, km, m and mi are understood and converted. ``con_cost`` and
    ``row_cost`` are weighted kilometres of construction and right of way; a trend of the
    parameters multiplies them, so that a pipe of flow f on trend c costs a year
    ``crf * ((I_con con + I_row row) + (S_con con + S_row row) f / utilisation)``. An arc with
    ``fixed`` and ``slope`` instead, both a year, is one size of its own. No arc carries more than
    its ``capacity``.

    Parameters
    ----------
    path : path
        Folder with ``sources.csv``, ``sinks.csv``, ``arcs.csv`` and ``params.json``, cells parted
        by comma, semicolon or tab, in UTF-8 or the ``encoding`` that the parameters state, with
        ``"decimal": ","`` where numbers are written so; or an Excel
        workbook with sheets of these names, ``params`` (key, value) and ``trends``; or a
        GeoPackage with layers of these names. Nodes of a GeoPackage may be left out: points and
        ends of lines that meet are then one node. The columns ``row_cost``, ``length``,
        ``one_way``, ``existing`` and ``capacity`` of the arcs are optional; an existing pipe
        costs its ``tariff`` (or nothing) and carries ``capacity``; where it is ``expandable`` a
        new pipe may lie beside it. A site takes at most ``injection_max`` a year. ``from_year`` and
        ``until_year`` of sources and sinks say when they serve in a plan over periods. ``status``
        is ``free``, ``excluded`` or ``forced`` (the source captures all it can; the site is paid in
        any case, and so is a new pipe of the cheapest size or a larger one); ``ledger`` names the
        account of a source. ``mode`` of an arc is ``pipeline``, ``truck`` or ``ship``; the last two
        cost what the cost models say for their ``length``, unless ``fixed`` and ``slope`` are
        given. The parameter ``modes`` lists those that may be used, pipes that are there apart. The
        parameter ``no_transit`` is ``terminals`` or a list of nodes that no flow passes through.

    Returns
    -------
    NetworkProblem
        With annualised costs.

    Raises
    ------
    MissingFileError
        A file, sheet or layer is absent.
    DataError
        A column or parameter is missing, a unit is not known or of another kind, or a cell is
        not a number; the text names file, sheet, row and column.
    """
    return problem_of(read_tables(Path(path)))


def problem_of(tables: CaseTables) -> NetworkProblem:
    """Build the problem from tables as they were read; raises as :func:`read_case`."""
    check_keys(tables.params, PARAMETERS | NOTES, tables.params_where)
    for kind in NAMES:
        check_columns(getattr(tables, kind), kind)
    crf = _parameter(tables, "crf")
    years = _parameter(tables, "project_years")
    sources = tuple(_sources(tables.sources, crf))
    sinks = tuple(_sinks(tables.sinks, crf))
    arcs = tuple(_arcs(tables, crf))
    problem = NetworkProblem(sources, sinks, arcs, years=years, name=tables.name)
    closed = tables.params.get("no_transit")
    return problem if empty(closed) else without_transit(problem, _closed(problem, closed))


def _closed(problem: NetworkProblem, given: Any) -> list[Node]:
    """Nodes without transit: those named, or all of sources and sinks."""
    if str(given).strip().lower() == "terminals":
        both = {s.node for s in problem.sources} & {s.node for s in problem.sinks}
        ends = [*(s.node for s in problem.sources), *(s.node for s in problem.sinks)]
        return [node for node in dict.fromkeys(ends) if node not in both]
    listed = given if isinstance(given, list) else str(given).split(",")
    return [identity(one) for one in listed]


def _parameter(tables: CaseTables, key: str) -> float:
    found = tables.params.get(key)
    if found is None:
        raise DataError("parameter is missing", where=tables.params_where, expected=key)
    try:
        number = float(found)
    except (TypeError, ValueError):
        msg = f"{key} is not a number"
        raise DataError(msg, where=tables.params_where, got=repr(found)) from None
    if not (math.isfinite(number) and number > 0):
        msg = f"{key} must be positive"
        raise DataError(msg, where=tables.params_where, got=number)
    return number


@dataclass(frozen=True)
class _Quantity:
    """A column found in a table: its header and the factor to the unit used here."""

    header: str | None
    factor: float
    name: str

    def given(self, row: Mapping[str, Any]) -> bool:
        """Whether a row holds this quantity."""
        return self.header is not None and not empty(row.get(self.header))

    def of(self, where: str, row: Mapping[str, Any], default: float | None = None) -> float:
        """Read the number of a row; an empty cell is the default, or refused without one."""
        cell = row.get(self.header) if self.header is not None else None
        if empty(cell):
            if default is None:
                msg = f"{self.header or self.name} is empty"
                raise DataError(msg, where=where, expected="a number")
            return default
        try:
            value = float(str(cell).strip())
        except ValueError:
            msg = f"{self.header} is not a number"
            raise DataError(msg, where=where, got=repr(cell), expected="a number") from None
        return value if self.factor == 1.0 else value * self.factor


def quantity(table: Table, name: str, kind: str, *, needed: bool = False) -> _Quantity:
    """Find the column of a quantity and the factor of its unit; raises as :func:`read_case`."""
    found = find_column(table, name)
    if found is None:
        if needed:
            raise _lacks(table, name, kind)
        return _Quantity(None, 1.0, name)
    return _Quantity(found, scale_of(table, found, name, kind), name)


def _lacks(table: Table, name: str, kind: str | None = None) -> DataError:
    unit = {"flow": "mt_yr", "mass": "mt"}.get(kind or "")
    msg = f"column {name}{f'_{unit}' if unit else ''} is missing"
    return DataError(
        msg,
        where=table.where,
        got=", ".join(table.headers),
        cure="headers carry the unit, as capture_max [Mt/yr] or capture_max_mt_yr",
    )


def _text_column(table: Table, names: tuple[str, ...]) -> str:
    for header in table.headers:
        if header.strip().lower() in names:
            return header
    raise _lacks(table, names[0])


def _optional(table: Table, name: str) -> str | None:
    return next((h for h in table.headers if h.strip().lower() == name), None)


def _text(where: str, row: Mapping[str, Any], header: str) -> str:
    cell = row.get(header)
    if empty(cell):
        msg = f"{header} is empty"
        raise DataError(msg, where=where, expected="an identity")
    return identity(cell)


def _name(row: Mapping[str, Any], header: str | None) -> str:
    cell = row.get(header) if header else None
    return "" if empty(cell) else str(cell).strip()


def _sources(table: Table, crf: float) -> list[Source]:
    most = quantity(table, "capture_max", "flow", needed=True)
    capital = quantity(table, "fixed_capital", "money")
    upkeep = quantity(table, "fixed_om", "money/yr")
    unit = quantity(table, "variable", "unit cost")
    begin, end = (quantity(table, f"{name}_year", "year") for name in ("from", "until"))
    key, node, name = _text_column(table, ("id",)), _text_column(table, _NODE), "name"
    status = _optional(table, "status")
    return [
        Source(
            id=_text(where, row, key),
            node=_text(where, row, node),
            capacity_mt_yr=most.of(where, row),
            fixed_musd_yr=crf * capital.of(where, row, 0.0) + upkeep.of(where, row, 0.0),
            variable_usd_t=unit.of(where, row, 0.0),
            name=_name(row, _optional(table, name)),
            ledger=_name(row, _optional(table, "ledger")),
            forced=state(where, row, status) == "forced",
            from_year=begin.of(where, row, -math.inf),
            until_year=end.of(where, row, math.inf),
        )
        for where, row in table.rows
        if state(where, row, status) != "excluded"
    ]


def _sinks(table: Table, crf: float) -> list[Sink]:
    most = quantity(table, "capacity", "mass", needed=True)
    rate = quantity(table, "well_rate", "flow")
    capital = quantity(table, "fixed_capital", "money")
    upkeep = quantity(table, "fixed_om", "money/yr")
    well = quantity(table, "well_capital", "money")
    well_upkeep = quantity(table, "well_om", "money/yr")
    unit = quantity(table, "injection", "unit cost")
    limit = quantity(table, "injection_max", "flow")
    begin, end = (quantity(table, f"{name}_year", "year") for name in ("from", "until"))
    key, node, name = _text_column(table, ("id",)), _text_column(table, _NODE), "name"
    status = _optional(table, "status")
    return [
        Sink(
            id=_text(where, row, key),
            node=_text(where, row, node),
            capacity_mt=most.of(where, row),
            well_rate_mt_yr=rate.of(where, row, math.inf),
            fixed_musd_yr=crf * capital.of(where, row, 0.0) + upkeep.of(where, row, 0.0),
            well_musd_yr=crf * well.of(where, row, 0.0) + well_upkeep.of(where, row, 0.0),
            injection_usd_t=unit.of(where, row, 0.0),
            name=_name(row, _optional(table, name)),
            forced=state(where, row, status) == "forced",
            rate_mt_yr=limit.of(where, row, math.inf),
            from_year=begin.of(where, row, -math.inf),
            until_year=end.of(where, row, math.inf),
        )
        for where, row in table.rows
        if state(where, row, status) != "excluded"
    ]


def _arcs(tables: CaseTables, crf: float) -> list[Arc]:
    table = tables.arcs
    key = _text_column(table, _ARC["id"])
    tail, head = _text_column(table, _ARC["tail"]), _text_column(table, _ARC["head"])
    length = quantity(table, "length", "length")
    one_way, existing = _optional(table, "one_way"), _optional(table, "existing")
    more, status = _optional(table, "expandable"), _optional(table, "status")
    travels, modes = (
        _optional(table, "mode"),
        modes_of(tables.params.get("modes"), f"{tables.params_where}: modes"),
    )
    sizes = _ArcSizes.of(tables, crf)
    arcs = []
    for where, row in table.rows:
        old, expandable = flag(where, row, existing), flag(where, row, more)
        mode = mode_of(where, row, travels)
        # a pipe that is there is used in any case, as in a study
        if state(where, row, status) == "excluded" or not (mode in modes or old):
            continue
        if mode != "pipeline" and (old or expandable):
            raise DataError(
                f"a {mode} is no pipe that is there", where=where,
                cure="leave existing and expandable empty", rule=7,
            )  # fmt: skip
        forced = state(where, row, status) == "forced"
        if (forced and old) or (expandable and not old):
            raise DataError(
                "a pipe that is there cannot be forced" if forced else
                "only a pipe that is there can be expandable",
                where=where,
                cure="leave its status empty" if forced else "write existing: yes and its capacity",
                rule=7,
            )  # fmt: skip
        arc = Arc(
            id=_text(where, row, key),
            tail=_text(where, row, tail),
            head=_text(where, row, head),
            trends=sizes.of_arc(where, row, mode, old=old),
            length_km=length.of(where, row, math.nan),
            one_way=flag(where, row, one_way),
            existing=old,
            hired=mode == "truck",
            mode=mode,
        )
        arcs.append(arc.forced() if forced else arc)
        if expandable and "pipeline" in modes:
            beside = sizes.trends(where, row, beside=True)
            arcs.append(replace(arc, id=f"{arc.id} new", trends=beside, existing=False))
    return arcs


@dataclass(frozen=True)
class _ArcSizes:
    """How the size classes of an arc are read: weighted lengths and trends, or one own size."""

    tables: CaseTables
    crf: float
    con: _Quantity
    right_of_way: _Quantity
    fixed: _Quantity
    slope: _Quantity
    capacity: _Quantity
    tariff: _Quantity
    length: _Quantity

    @staticmethod
    def of(tables: CaseTables, crf: float) -> _ArcSizes:
        """Find the columns of the arcs' costs."""
        table = tables.arcs
        own = quantity(table, "fixed", "money/yr")
        sizes = _ArcSizes(
            tables,
            crf,
            quantity(table, "con_cost", "weighted length", needed=own.header is None),
            quantity(table, "row_cost", "weighted length"),
            own,
            quantity(table, "slope", "unit cost"),
            quantity(table, "capacity", "flow"),
            quantity(table, "tariff", "unit cost"),
            quantity(table, "length", "length"),
        )
        if own.header is None:
            trends_of(tables.params, tables.params_where)
        utilisation_of(tables.params, tables.params_where)
        return sizes

    def of_arc(
        self, where: str, row: Mapping[str, Any], mode: str, *, old: bool
    ) -> tuple[Trend, ...]:
        """Give the size classes of an arc."""
        if old:
            return self.existing(where, row)
        if mode == "pipeline" or self.fixed.given(row) or self.slope.given(row):
            return self.trends(where, row)
        weighted = [one for one in (self.con, self.right_of_way) if one.given(row)]
        if weighted:
            raise DataError(
                f"a {mode} has the cost of a pipeline", where=where,
                got=", ".join(str(one.header) for one in weighted),
                expected="length alone, or fixed and slope", cure="empty it", rule=7,
            )  # fmt: skip
        km = self.length.of(where, row)
        if not km > 0:
            raise DataError(f"a {mode} needs a length above 0", where=where, got=f"{km:g} km")
        most = min(self.capacity.of(where, row, math.inf), self._supply())
        basis = Basis(crf=self.crf)
        if mode == "truck":
            return (Trend(0.0, float(truck(1.0, km, basis)), most, "truck"),)
        return ship_trends(km, most, basis)

    def _supply(self) -> float:
        """All that the sources can capture [Mt/yr]."""
        most = quantity(self.tables.sources, "capture_max", "flow", needed=True)
        return math.fsum(most.of(where, row) for where, row in self.tables.sources.rows)

    def existing(self, where: str, row: Mapping[str, Any]) -> tuple[Trend, ...]:
        """Give the one size of a pipe that is there."""
        tariff = self.tariff.of(where, row, 0.0)
        return (Trend(0.0, tariff, self.capacity.of(where, row), "existing"),)

    def trends(
        self, where: str, row: Mapping[str, Any], *, beside: bool = False
    ) -> tuple[Trend, ...]:
        """Give the size classes of a new arc: its own fixed and slope, or weighted lengths.

        ``beside`` a pipe that is there, the capacity and the tariff are that one's.
        """
        if self.tariff.given(row) and not beside:
            raise DataError(
                "only a pipe that is there has a tariff", where=where, got=self.tariff.header,
                cure="write existing: yes, or give slope", rule=7,
            )  # fmt: skip
        own = [one for one in (self.fixed, self.slope) if one.given(row)]
        weighted = [one for one in (self.con, self.right_of_way) if one.given(row)]
        if own and weighted:
            raise DataError(
                "an arc has two costs",
                where=where,
                got=", ".join(str(one.header) for one in (*own, *weighted)),
                expected="con_cost with the trends of the parameters, or fixed and slope",
                cure="empty one of them",
                rule=7,
            )
        # a capacity is that of the corridor, whatever pipe lies in it
        most = math.inf if beside else self.capacity.of(where, row, math.inf)
        if own or self.con.header is None:
            cost = self.fixed.of(where, row), self.slope.of(where, row, 0.0)
            return (Trend(*cost, most, "0"),)
        con, right_of_way = self.con.of(where, row), self.right_of_way.of(where, row, 0.0)
        trends = trends_of(self.tables.params, self.tables.params_where)
        return tuple(
            self._trend(number, trend, con, right_of_way, most)
            for number, trend in enumerate(trends)
        )

    def _trend(
        self, number: int, trend: Mapping[str, Any], con: float, right_of_way: float, most: float
    ) -> Trend:
        where = f"{self.tables.params_where}: trend {number + 1}"

        def read(key: str, default: float | None = None) -> float:
            return _Quantity(key, 1.0, key).of(where, trend, default)

        fixed = read("con_intercept") * con + read("row_intercept", 0.0) * right_of_way
        slope = read("con_slope") * con + read("row_slope", 0.0) * right_of_way
        return Trend(
            fixed_musd_yr=self.crf * fixed,
            slope_usd_t=self.crf * slope / utilisation_of(self.tables.params, where),
            capacity_mt_yr=min(read("max_capacity_mt_yr", math.inf), most),
            name=_name(trend, "name") or str(number),
        )
