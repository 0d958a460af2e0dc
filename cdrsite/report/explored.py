"""The map of a whole result: its pictures, and its plants, pipes and routes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from cdrsite.core.words import Words
from cdrsite.outputs.runfolder import RunFolder
from cdrsite.outputs.vectors import vector_layers as layers_to_write
from cdrsite.report.mapvectors import vector_layers

if TYPE_CHECKING:
    import geopandas as gpd

    from cdrsite.report.mappage import InteractiveMap
    from cdrsite.result.study_result import StudyResult


class ResultShapes:
    """Vector layers of a result in memory, as its GeoPackage would hold them.

    Parameters
    ----------
    result : StudyResult
        Of a run that is not written.
    words : Words
        Language.
    """

    def __init__(self, result: StudyResult, words: Words) -> None:
        self._result, self._words = result, words
        self.methods = result.methods

    @cached_property
    def _frames(self) -> dict[str, gpd.GeoDataFrame]:
        made = layers_to_write(self._result, self._words)
        return {one.name: one.frame for one in made if one.geometry is not None}

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers that have a geometry."""
        return tuple(self._frames)

    def layer(self, name: str) -> gpd.GeoDataFrame:
        """One layer, in the CRS of the grid."""
        return self._frames[name]


def explore_result(
    result: StudyResult, variable: str | None, method: str | None, lang: str
) -> InteractiveMap:
    """See :meth:`cdrsite.result.study_result.StudyResult.explore`."""
    words = Words(lang).of(result.dataset.attrs)
    shapes = ResultShapes(result, words) if result.folder is None else RunFolder(result.folder)
    vectors = vector_layers(shapes, words)
    found: InteractiveMap = result.dataset.cdr.explore(variable, method, lang, vectors=vectors)
    return found
