"""For tests of studies and extensions: a check of any result, and slow, plain, independent answers.

>>> from cdrsite.testing import assert_mass_balance
>>> assert_mass_balance(result)  # doctest: +SKIP

The others are what cdrsite's own fast parts are held against: :func:`net_factor` and
:func:`gross_cost` (one place), :func:`solve_whole` (the competition as one linear programme),
:func:`solve_greedy` (a rule of thumb), :func:`explain_cell` (prices of a cell),
:func:`move_graph` and :func:`least_cost_blocks` (routes); of scoring,
``evaluate(..., backend="numpy")``.
"""

from cdrsite.testing.balance import assert_mass_balance
from cdrsite.testing.charges import explain_cell
from cdrsite.testing.exact import solve_whole
from cdrsite.testing.formulae import gross_cost, net_factor
from cdrsite.testing.graph import move_graph
from cdrsite.testing.greedy import solve_greedy
from cdrsite.testing.routes import least_cost_blocks

__all__ = [
    "assert_mass_balance",
    "explain_cell",
    "gross_cost",
    "least_cost_blocks",
    "move_graph",
    "net_factor",
    "solve_greedy",
    "solve_whole",
]
