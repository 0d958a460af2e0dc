"""What to maximise: linear objectives over the activities.

Every objective is maximised; a cost enters with a minus sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cdrsite.competition.problem import RowTerm


@dataclass(frozen=True)
class Objective:
    """A linear objective.

    Parameters
    ----------
    name : str
        For reports.
    terms : sequence of RowTerm
        Their sum is maximised.
    unit : str
        Unit of the sum.
    sign : {1, -1}
        -1 where a report shows the sum's negative (a cost).
    """

    name: str
    terms: Sequence[RowTerm]
    unit: str
    sign: int = 1


def most_net() -> Objective:
    """Most net tonnes a year."""
    return Objective("net removal", (RowTerm("net"),), "t/yr")


def least_cost() -> Objective:
    """Least cost a year; needs a target among the policy rows to be of interest."""
    return Objective("cost", (RowTerm("cost", -1.0),), "USD/yr", sign=-1)


def most_value(earned: Sequence[RowTerm]) -> Objective:
    """Most value: what tonnes earn, less what they cost.

    Parameters
    ----------
    earned : sequence of RowTerm
        What the methods' quantities earn [USD per unit], e.g. a price of net tonnes.
    """
    return Objective("value", (*earned, RowTerm("cost", -1.0)), "USD/yr")


@dataclass(frozen=True)
class Lexicographic:
    """First one objective, then another among the plans that are as good in the first.

    Parameters
    ----------
    first, second : Objective
    tolerance : float
        Share of the first optimum that may be given up [1]; not below the solver's gap.
    """

    first: Objective
    second: Objective
    tolerance: float = 1e-5
