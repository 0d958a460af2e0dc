"""What samples meet beside the cells of the plan: emitters, and plants that stand already.

Who they are, where they stand and what they capture is certain: points of the study. What a tonne
of them takes, gives and costs follows the numbers of each sample, with the errors of layers where
they stand; so does what is left of supplies beside plants that stand. The ground of such plants
stays that of the study.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from cdrsite.core.grid import Block
from cdrsite.study.emitterpoints import EmitterPoints
from cdrsite.study.emitters import captures_at, emitting_points
from cdrsite.study.kept import KeptCells, keep
from cdrsite.study.standingnumbers import routed
from cdrsite.study.standingpoints import StandingPoints

if TYPE_CHECKING:
    from cdrsite.competition.captured import Captures
    from cdrsite.engine.passes import Workspace
    from cdrsite.study.offers import Offers
    from cdrsite.study.prepare import Setting
    from cdrsite.study.standing import Standing

P = TypeVar("P", EmitterPoints, StandingPoints)


@dataclass(frozen=True)
class Beside:
    """Points beside the cells, on a row of the cells that they stand in.

    Attributes
    ----------
    kept : KeptCells
        These cells.
    emitters : EmitterPoints or None
    standing : StandingPoints or None
    """

    kept: KeptCells
    emitters: EmitterPoints | None
    standing: StandingPoints | None

    def captures(self, setting: Setting, offers: Offers) -> Captures | None:
        """The emitters at some numbers; ``setting`` and ``offers`` of the kept cells."""
        if self.emitters is None:
            return None
        row = replace(setting, blocks=(Block(0, 1, 0, self.kept.count),))
        return captures_at(row, offers, self.emitters, ())

    def stands(self, setting: Setting, offers: Offers) -> Standing | None:
        """Plants that stand at some numbers; ``setting`` and ``offers`` of the kept cells.

        The setting has all that there is: nothing is taken off yet.
        """
        return routed(replace(setting, standing=self.standing), offers)


def beside_of(setting: Setting, offers: Offers, space: Workspace) -> Beside | None:
    """What stands beside the cells of a study; None where nothing does.

    Parameters
    ----------
    setting, offers
        Of the study.
    space : Workspace
        With the arrays of the exclusions.
    """
    emitters = emitting_points(setting) if offers.links is not None else None
    standing = setting.standing
    points = [one for one in (emitters, standing) if one is not None]
    if not points:
        return None
    cells = {(int(r), int(c)) for one in points for r, c in zip(one.row, one.col, strict=True)}
    places, at = [], dict[tuple[int, int], int]()
    for block in setting.blocks:
        mine = sorted(
            cell for cell in cells
            if block.row0 <= cell[0] < block.row1 and block.col0 <= cell[1] < block.col1
        )  # fmt: skip
        if mine:
            at |= {cell: len(at) + i for i, cell in enumerate(mine)}
            width = block.col1 - block.col0
            flat = [(row - block.row0) * width + col - block.col0 for row, col in mine]
            places.append((block, np.array(flat, np.int64)))

    def moved(one: P) -> P:
        cols = [at[int(r), int(c)] for r, c in zip(one.row, one.col, strict=True)]
        return replace(one, row=np.zeros(len(cols), np.int64), col=np.array(cols, np.int64))

    return Beside(
        keep(setting, offers, space, places),
        None if emitters is None else moved(emitters),
        None if standing is None else moved(standing),
    )
