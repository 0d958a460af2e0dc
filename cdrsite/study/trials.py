"""Other numbers tried on the thinned problem of a study, beside its own on the same cells."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from cdrsite.core.errors import CdrsiteError, CdrsiteWarning
from cdrsite.sampling.drawn import Draw, Ensemble
from cdrsite.sampling.thin import WANTED
from cdrsite.study.sampled import SampledStudy, sampled_study
from cdrsite.study.samples import Thin, all_cells, solve_sample, thinned

if TYPE_CHECKING:
    from cdrsite.engine.passes import Workspace
    from cdrsite.study.offers import Offers
    from cdrsite.study.prepare import Setting
    from cdrsite.study.standing import Standing

NOTHING = Ensemble(0, 0, (), (), (), {})
"""Of a study of which nothing is drawn."""
OWN = Draw(-1, {})
"""The study as it is."""


@dataclass(frozen=True)
class Trials:
    """A study in which other numbers are tried.

    Attributes
    ----------
    setting, offers, space
        Of the study.
    ensemble : Ensemble
        What is uncertain of it.
    standing : Standing, optional
        Plants that stand already.
    """

    setting: Setting
    offers: Offers
    space: Workspace
    ensemble: Ensemble = NOTHING
    standing: Standing | None = None

    @cached_property
    def study(self) -> SampledStudy:
        """The study as its samples share it."""
        given = self.setting, self.offers, self.ensemble, self.space, self.standing
        return sampled_study(*given)

    @cached_property
    def thin(self) -> Thin:
        """Its thinned problem: all cells of a small study."""
        cells = all_cells(self.setting, self.study, self.space)
        return thinned(self.study, cells, self.space, WANTED)

    def value(self, draw: Draw, gap: float | None = None) -> float:
        """Value of the thinned problem of a draw, as it is shown; unknown where it is refused.

        Parameters
        ----------
        draw : Draw
            What is other than in the study.
        gap : float, optional
            Asked for; that of a sample when not given [1].
        """
        thin = self.thin
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CdrsiteWarning)  # of numbers that nobody asked for
            try:
                here = self.study.made(draw).in_cells(thin.kept)
                cells = here.cells(0, thin.kept.count, thin.land, thin.local)
                solution = solve_sample(here.problem(cells), here.sample, thin, gap)
            except CdrsiteError:
                return math.nan
        return float(solution.objective.sign * solution.report.value)
