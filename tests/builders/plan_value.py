"""The value of a study's plan alone, for differences between whole studies."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.core.progress import Silent
from cdrsite.engine.cache import Cache
from cdrsite.study.cells import score
from cdrsite.study.compete import compete
from cdrsite.study.exclude import exclude
from cdrsite.study.means import Means, workspace
from cdrsite.study.offers import in_workspace, spread_areas
from cdrsite.study.prepare import prepare
from cdrsite.study.routes import haul_sheds, link_storage, open_links


class PlanValues:
    """Plans studies with settings; what two of them share is done once.

    Parameters
    ----------
    path : Path
        The scenario.
    settings : sequence of str
        Of every study.
    """

    def __init__(self, path: Path, settings: Sequence[str] = ()) -> None:
        self.path, self.settings, self.cache = path, tuple(settings), Cache()

    def value(self, *settings: str) -> float:
        """Value of the plan in the objective's unit, as it is shown: a cost is positive."""
        cache = self.cache
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CdrsiteWarning)
            scenario = load_scenario(self.path, [*self.settings, *settings])
            setting = prepare(scenario, cache)
            with workspace(setting, Means(threads=1), Silent()) as space:
                cache.take(exclude, setting, space)
                links = open_links(space, cache.take(link_storage, setting, space))
                offers = cache.take(spread_areas, setting, space, links)
                hauled = cache.take(haul_sheds, setting, space)
                offers = in_workspace(offers, links, hauled, space)
                cells, _ = score(setting, offers, space)
                solution = compete(setting, offers, cells, space)
        return solution.objective.sign * solution.report.value
