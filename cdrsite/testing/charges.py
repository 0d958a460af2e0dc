"""What the shared rows charge one cell, in the solver's own prices."""

from __future__ import annotations

from typing import Any

import numpy as np

from cdrsite.competition.results import charges_of
from cdrsite.competition.rows import BLOCK
from cdrsite.competition.solution import Solution


def explain_cell(solution: Solution, cell: int) -> list[dict[str, Any]]:
    """For one cell and each method: plan, own limit, value, charges by name and what is missing.

    ``short`` is by how much one gross tonne falls short of being chosen [objective per t], 0 where
    it is chosen; ``charges`` are prices times needs of what is scarce, largest first.
    """
    start = cell // BLOCK * BLOCK
    block = solution.plan_of(start, min(start + BLOCK, solution.problem.cells.n_cells))
    i = cell - block.start
    problem = solution.problem
    names = ["land"] + [row.name for row in solution.system.rows]
    parts = [problem.land_charge(block.cells, block.land_prices)]
    for r in range(len(solution.system.rows)):
        if solution.price[r] != 0.0:
            only = np.zeros(len(solution.price), dtype=bool)
            only[r] = True
            parts.append(charges_of(solution, block, only))
        else:
            parts.append(np.zeros(block.reduced.shape))
    answer = []
    for m, name in enumerate(problem.method_names):
        charge = {key: float(part[m, i]) for key, part in zip(names, parts, strict=True)}
        ordered = sorted(charge.items(), key=lambda item: -abs(item[1]))
        answer.append(
            {
                "method": name,
                "gross": float(block.x[m, :, i].sum()),
                "most": float(
                    np.nan_to_num(np.broadcast_to(block.cells.upper, block.reduced.shape)[m, i])
                ),
                "short": float(max(0.0, -block.reduced[m, i])),
                "charges": {key: value for key, value in ordered if value != 0.0},
            }
        )
    return answer
