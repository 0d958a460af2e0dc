"""The cost of a network that is given: flows from tables, the cheapest pipes for them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from cdrsite.core.errors import DataError
from cdrsite.network.arrays import FlowArrays, cost_plan, flow_arrays
from cdrsite.network.design import NetworkPlan, plan_parts
from cdrsite.network.problem import NetworkProblem
from cdrsite.network.readers import Table, identity, read_table

BALANCE = 1e-5
"""What may be missing at a node: tables are written with a few digits [Mt/yr]."""


def cost_given(problem: NetworkProblem, folder: str | Path) -> NetworkPlan:
    """Cost a given network: the cheapest size for each flow, the fewest wells.

    Parameters
    ----------
    problem : NetworkProblem
        Sources, sinks and arcs with their costs.
    folder : path
        Tables ``sources.csv`` (id, captured_mt_yr), ``sinks.csv`` (id, stored_mt_yr) and
        ``pipes.csv`` (arc, from_node, flow_mt_yr), as a run of ``cdrsite network`` writes them.

    Returns
    -------
    NetworkPlan
        Of status ``given``, without bound and gap.

    Raises
    ------
    MissingFileError
        A table is missing.
    DataError
        A part is not of the problem, a flow fits in no pipe, or flows do not balance.
    """
    place = Path(folder)
    net = flow_arrays(problem)
    captured = _amounts(
        read_table(place / "sources.csv"), [s.id for s in problem.sources], "captured_mt_yr"
    )
    stored = _amounts(
        read_table(place / "sinks.csv"), [s.id for s in problem.sinks], "stored_mt_yr"
    )
    flow = _flows(read_table(place / "pipes.csv"), problem, net)
    _check_balance(problem, net, captured, stored, flow, str(place))
    for what, amount, most, ids in (
        ("source", captured, net.source_cap, [s.id for s in problem.sources]),
        ("sink", stored, net.sink_cap, [s.id for s in problem.sinks]),
    ):
        for k in np.flatnonzero(amount > most + BALANCE)[:1]:
            raise DataError(
                f"{what} gives or takes more than it can", where=f"{place}: {what} {ids[k]}",
                got=f"{amount[k]:g} Mt/yr", expected=f"at most {most[k]:g} Mt/yr", rule=7,
            )  # fmt: skip
    plan = cost_plan(net, captured, stored, flow)
    if plan is None:
        raise DataError("a flow fits in no pipe of its arc", where=str(place), rule=7)
    costs, sources, sinks, pipes = plan_parts(problem, net, plan)
    return NetworkPlan(
        status="given",
        mode="given",
        objective=costs.total,
        bound=math.nan,
        gap=math.nan,
        gap_transport=math.nan,
        effort="none",
        nodes=0,
        seconds=0.0,
        costs=costs,
        sources=sources,
        sinks=sinks,
        pipes=pipes,
    )


def _amounts(table: Table, ids: list[str], column: str) -> np.ndarray:
    found = np.zeros(len(ids))
    index = {one: k for k, one in enumerate(ids)}
    for where, row in table.rows:
        name = identity(row.get("id", ""))
        if name not in index:
            raise DataError("no such part in the case", where=where, got=name, rule=7)
        found[index[name]] += _number(where, row, column)
    return found


def _number(where: str, row: object, column: str) -> float:
    cell = row.get(column) if isinstance(row, dict) else None
    try:
        value = float(str(cell))
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise DataError(f"{column} is no flow", where=where, got=repr(cell), expected="0 or more")
    return value


def _flows(table: Table, problem: NetworkProblem, net: FlowArrays) -> np.ndarray:
    nodes = problem.nodes
    place = {
        (problem.arcs[e].id, str(nodes[u])): k
        for k, (e, u) in enumerate(zip(net.edge, net.tail, strict=True))
    }
    flow = np.zeros(net.arcs)
    for where, row in table.rows:
        key = identity(row.get("arc", "")), identity(row.get("from_node", ""))
        if key not in place:
            raise DataError(
                "no such arc in this direction", where=where, got=f"{key[0]} from {key[1]}", rule=7
            )
        flow[place[key]] += _number(where, row, "flow_mt_yr")
    return flow


def _check_balance(
    problem: NetworkProblem,
    net: FlowArrays,
    captured: np.ndarray,
    stored: np.ndarray,
    flow: np.ndarray,
    where: str,
) -> None:
    balance = np.zeros(net.nodes)
    np.add.at(balance, net.source_node, captured)
    np.add.at(balance, net.sink_node, -stored)
    np.add.at(balance, net.tail, -flow)
    np.add.at(balance, net.head, flow)
    worst = int(np.argmax(np.abs(balance)))
    if abs(balance[worst]) > BALANCE:
        raise DataError(
            "flows do not balance",
            where=f"{where}: node {problem.nodes[worst]}",
            got=f"{balance[worst]:g} Mt/yr left over",
            expected="0",
            rule=7,
        )
