"""What a stage may ask of the layers: a protocol, so that no stage imports ``cdrsite.layers``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cdrsite.core.grid import AnalysisGrid, Block

    FloatBlock = NDArray[np.float32]


class LayerFacts(Protocol):
    """What is known of a layer without reading it."""

    @property
    def unit(self) -> str | None:
        """Unit of the layer's values."""


class LayerReader(Protocol):
    """Layers on the analysis grid, read block by block; NaN is unknown (rule 2)."""

    @property
    def grid(self) -> AnalysisGrid:
        """The one grid (rule 1)."""

    def values(self, name: str, block: Block, unit: str | None = None) -> FloatBlock:
        """Values of a layer, shape (rows, cols) [unit]."""

    def bands(self, name: str, block: Block, unit: str | None = None) -> FloatBlock:
        """Values of all bands of a layer, shape (bands, rows, cols) [unit]."""

    def amounts(self, name: str, block: Block, unit: str) -> FloatBlock:
        """What each cell holds of a layer of amounts per area, shape (rows, cols) [unit]."""

    def areas(self, name: str) -> NDArray[np.float64]:
        """True area of each feature of a vector layer, in label order [m2]."""

    def class_share(
        self, name: str, weights: Mapping[int | str, float], block: Block
    ) -> FloatBlock:
        """Area-weighted mean of a weight per class, shape (rows, cols) [1]."""

    def class_codes(self, name: str, selectors: Any) -> Sequence[int]:
        """Class codes that names, groups, codes and ranges stand for."""

    def coverage(
        self,
        name: str,
        block: Block,
        where: str | None = None,
        buffer: float = 0.0,
        rasterise: Literal["coverage", "centre"] | None = None,
    ) -> FloatBlock:
        """Share of each cell that the (buffered) features cover, shape (rows, cols) [1]."""

    def class_coverage(
        self,
        name: str,
        codes: Sequence[int],
        block: Block,
        buffer: float,
        rasterise: Literal["coverage", "centre"] | None = None,
    ) -> FloatBlock:
        """Share of each cell that pixels of some classes cover, grown by a buffer [m]."""

    def class_distance(
        self, name: str, codes: Sequence[int], block: Block, within: float | None = None
    ) -> FloatBlock:
        """Distance from each cell centre to the nearest pixel of some classes [m].

        What is farther than ``within`` may be told as any greater distance.
        """

    def feature_coverage(self, name: str, feature: int, block: Block) -> FloatBlock:
        """Share of each cell that one feature covers, shape (rows, cols) [1]."""

    def distance(
        self,
        name: str,
        block: Block,
        where: str | None = None,
        reach: float = 0.0,
        zones: str | None = None,
    ) -> FloatBlock:
        """Distance from each cell centre to the nearest feature, shape (rows, cols) [m].

        Features farther than ``reach`` [m] from the region do not matter to who asks. With a layer
        of polygons as ``zones`` only features in the polygon that holds the centre count: inf where
        it has none, NaN where no polygon does.
        """

    def labels(self, name: str, block: Block) -> NDArray[np.int32]:
        """Index of the feature that holds the cell centre, -1 for none, shape (rows, cols)."""

    def info(self, name: str) -> LayerFacts:
        """Unit and other facts of a layer."""

    def attribute(self, name: str, column: str, unit: str | None = None) -> NDArray[np.float64]:
        """Column of a vector layer, one value per feature in label order [unit]."""

    def text(self, name: str, column: str) -> list[str]:
        """Column of a vector layer as text, one per feature in label order."""

    def features(self, name: str, where: str | None = None) -> Any:
        """Features of a vector layer in the grid's CRS, a GeoDataFrame."""
