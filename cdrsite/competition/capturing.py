"""Emitters as columns of the shared rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cdrsite.competition.captured import Captures
from cdrsite.competition.problem import PolicyRow, Problem, RowTerm
from cdrsite.competition.sold import SaleColumns

F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]


def capture_columns(
    problem: Problem, row_of: Sequence[I64], sinks: tuple[I32, I32, F64], first_policy: int
) -> SaleColumns:
    """Ways of emitters to sinks as columns of the rows of pools, sinks and policy.

    Parameters
    ----------
    problem : Problem
        With emitters.
    row_of : sequence of ndarray of int
        Row of each zone, -1 without one, one more at the end for no zone; by family of pools.
    sinks : tuple of ndarray, shape (T,)
        Row, sink, and what a tonne there counts.
    first_policy : int
        Number of the first row of policy.
    """
    captures = problem.captures
    assert captures is not None  # noqa: S101 - asked of problems with emitters
    owner, unit = captures.owner, captures.unit
    none = np.empty(0, np.int64)
    entries: list[tuple[I64, I64, F64]] = [(none, none, np.empty(0))]

    def add(rows: I64, weight: F64) -> None:
        some = np.flatnonzero((rows >= 0) & (weight != 0.0))
        entries.append((rows[some], some, weight[some]))

    for pool, rows in zip(problem.pools, row_of, strict=True):
        need = captures.needs.get(pool.name)
        if need is not None:
            zone = np.asarray(captures.zones[pool.zoning], np.int64)
            add(rows[zone][owner], pool.sign * pool.flat * need[owner])
    for row, sink, each in zip(*sinks, strict=True):
        add(np.where(unit == sink, int(row), -1), np.full(len(unit), each))
    for r, policy in enumerate(problem.policies, start=first_policy):
        add(np.full(len(unit), r), captures.counted(policy.terms) * inside(policy, captures))
    row, column, weight = (np.concatenate(one) for one in zip(*entries, strict=True))
    net, now = captures.counted((RowTerm("net"),)) * captures.welcome, captures.open[:, -1]
    return SaleColumns(
        most=np.where(now, captures.most[owner], 0.0), price=-captures.counted((RowTerm("cost"),)),
        row=row, column=column, weight=weight, owner=owner, net=net, must=captures.busy(now),
    )  # fmt: skip


def inside(policy: PolicyRow, captures: Captures) -> npt.NDArray[np.bool_]:
    """Ways of emitters that stand where a rule holds, (J,)."""
    if policy.zoning is None:
        return np.ones(len(captures.owner), np.bool_)
    return np.isin(captures.zones[policy.zoning], np.asarray(policy.zones))[captures.owner]
