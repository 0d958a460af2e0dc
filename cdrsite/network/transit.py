"""Nodes that no flow may pass through: what comes there stays, what begins there leaves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cdrsite.core.errors import DataError
from cdrsite.network.problem import Arc, NetworkProblem, Node


def without_transit(problem: NetworkProblem, nodes: Iterable[Node]) -> NetworkProblem:
    """Forbid flow through some nodes.

    Parameters
    ----------
    problem : NetworkProblem
        The problem.
    nodes : iterable of node
        Sources there send only, sinks there take only; nodes with neither are left out.

    Returns
    -------
    NetworkProblem
        With arcs that go one way, or are gone.

    Raises
    ------
    DataError
        No such node, or one that has sources and sinks.
    """
    shut = set(nodes)
    known = set(problem.nodes)
    gives = {source.node for source in problem.sources}
    takes = {sink.node for sink in problem.sinks}
    for node in sorted(shut, key=str):
        if node not in known:
            raise DataError("no such node", where=f"{problem.name}: no_transit", got=node)
        if node in gives and node in takes:
            raise DataError(
                "a node of sources and sinks cannot be closed to transit",
                where=f"{problem.name}: no_transit",
                got=node,
                cure="give source and sink nodes of their own, joined by an arc",
            )

    def may(tail: Node, head: Node) -> bool:
        return (tail not in shut or tail in gives) and (head not in shut or head in takes)

    kept: list[Arc] = []
    for arc in problem.arcs:
        there = may(arc.tail, arc.head)
        back = not arc.one_way and may(arc.head, arc.tail)
        if there and back:
            kept.append(arc)
        elif there:
            kept.append(replace(arc, one_way=True))
        elif back:
            kept.append(replace(arc, tail=arc.head, head=arc.tail, one_way=True))
    return replace(problem, arcs=tuple(kept))
