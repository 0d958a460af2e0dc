"""How much work a search may spend: counted, never timed, so that a plan depends on no machine.

The steps of a search stand in one fixed order. A larger effort goes on where a smaller one ends,
so its plan is never dearer and its bound never lower.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from cdrsite.core.errors import ConfigError

Effort = Literal["quick", "normal", "thorough"]
EFFORTS: tuple[str, ...] = get_args(Effort)

FEWEST = 10
"""Linear programs below which a tree over sources is not worth its first one."""


@dataclass(frozen=True)
class Work:
    """Limits of one round of a search.

    Attributes
    ----------
    cut_rounds : int
        Rounds of node-set cuts at the root.
    starts : int
        Starts of slope scaling on each of two streams; fewer on large networks.
    around : float
        Kicks of the local search around each of the best plans, times the directed arcs.
    tree : float
        Linear programs of the tree over sources, times the square of the columns of the model, as
        each takes longer the larger it is; in the first round.
    restricted, proof : float
        Looks of HiGHS times columns of the model: for the model over the arcs of good plans, which
        the first round leaves out, and for the proofs of all leaves together.
    """

    cut_rounds: int
    starts: int
    around: float
    tree: float
    restricted: float
    proof: float

    def programs(self, columns: int) -> int:
        """Linear programs of the tree over sources in a model of so many columns."""
        found = int(self.tree / max(1, columns) ** 2)
        return found if found >= FEWEST else 0

    def starts_of(self, arcs: int) -> int:
        """Starts on a network of so many directed arcs: each takes longer the larger it is."""
        return max(4, min(self.starts, self.starts * 1000 // max(1, arcs)))

    def kicks(self, arcs: int) -> int:
        """Kicks around a plan of a network of so many directed arcs."""
        return max(5, int(self.around / max(1, arcs)))

    @staticmethod
    def looks(work: float, columns: int) -> int:
        """Looks that some work allows in a model of so many columns."""
        return max(10, int(work / max(1, columns)))


ROUNDS = (
    Work(cut_rounds=20, starts=20, around=1e4, tree=1.5e8, restricted=0.0, proof=1e5),
    Work(cut_rounds=30, starts=30, around=2e4, tree=0.0, restricted=1e6, proof=5e6),
    Work(cut_rounds=60, starts=100, around=3e5, tree=0.0, restricted=5e6, proof=1e8),
)
"""Round by round; about 4, 60 and 1000 s of one core on a network of some hundred arcs."""


def rounds_of(effort: str) -> tuple[Work, ...]:
    """Give the rounds that an effort pays for.

    Parameters
    ----------
    effort : str
        ``quick``, ``normal`` or ``thorough``.

    Raises
    ------
    ConfigError
        No such effort.
    """
    if effort not in EFFORTS:
        raise ConfigError(
            "no such effort", where="effort", got=repr(effort), expected=", ".join(EFFORTS)
        )
    return ROUNDS[: EFFORTS.index(effort) + 1]
