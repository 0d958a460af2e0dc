"""What a captured tonne takes from removal: the worth of the room and supplies that both want.

By the prices of a plan a captured tonne costs what its sink and its pools are worth, and a net
tonne of removal is worth what the goal and the targets give for it. The quotient is by how much
removal falls, at the same value of the plan, where one tonne more is captured.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cdrsite.competition.captured import EMITTERS, Captures
from cdrsite.competition.problem import RowTerm
from cdrsite.competition.rows import RowSystem

F64 = npt.NDArray[np.float64]
POLICY = "policy"


@dataclass(frozen=True, eq=False)
class Charges:
    """What a captured tonne pays to the shared rows.

    Attributes
    ----------
    stored : ndarray, shape (S,)
        To each sink, with what that takes where it lies [goal per t].
    drawn : ndarray, shape (J,)
        By each way of an emitter, to the pools where it stands [goal per t].
    """

    stored: F64
    drawn: F64


def charges(system: RowSystem, captures: Captures, price: F64) -> Charges:
    """What a captured tonne pays at some prices of the rows of one year.

    Parameters
    ----------
    system : RowSystem
        With the emitters among its columns.
    captures : Captures
    price : ndarray, shape (R,)
    """
    stored = -system.sink_values(price)[1:]
    rules = np.array([row.family == POLICY for row in system.rows], np.bool_)
    paid = system.sales.charge(np.where(rules, 0.0, price))[system.sales.alone :]
    return Charges(stored, paid - stored[captures.unit])


def net_weight(terms: Iterable[RowTerm]) -> float:
    """What a net tonne under ground counts in a sum of terms."""
    return sum(
        term.weight
        for term in terms
        if term.quantity == "net" and (term.methods is None or EMITTERS in term.methods)
    )


def worth_of_net(
    goal: Sequence[RowTerm], asked: Iterable[tuple[Sequence[RowTerm], float]]
) -> float:
    """What a net tonne is worth: to the goal, and to rows that ask for it.

    Parameters
    ----------
    goal : sequence of RowTerm
    asked : iterable of (sequence of RowTerm, float)
        Terms and price of each row; a row that asks for more has a price below 0.
    """
    return net_weight(goal) - sum(price * net_weight(terms) for terms, price in asked)
