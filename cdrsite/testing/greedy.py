"""Best first: the rule of thumb that the optimum is compared with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cdrsite.competition.objectives import Objective
from cdrsite.competition.problem import Problem
from cdrsite.core.errors import DataError
from cdrsite.testing._kernel_greedy import fill_in_order
from cdrsite.testing.exact import assemble

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GreedySolution:
    """Plan of the rule of thumb.

    Parameters
    ----------
    value : float
        Objective.
    allocation : ndarray, shape (M, K, n)
        Gross tonnes by method, sink slot and cell [t/yr].
    """

    value: float
    allocation: F64


def solve_greedy(problem: Problem, objective: Objective) -> GreedySolution:
    """Give resources to the activity with the most gain per gross tonne first.

    Raises
    ------
    DataError
        If a row asks for a minimum: a rule of thumb cannot promise one.
    """
    whole = assemble(problem, objective)
    if (whole.low > 0.0).any() or (whole.high < 0.0).any() or "=" in whole.system.senses:
        raise DataError("best first knows no minimum rows and no lower bounds")
    order = np.argsort(-whole.gain, kind="stable")
    x = np.zeros(len(whole.gain))
    room = whole.high.copy()
    fill_in_order(order, whole.gain, whole.starts, whole.index, whole.entry, room, x)
    return GreedySolution(float(whole.gain @ x), whole.allocation(x))
