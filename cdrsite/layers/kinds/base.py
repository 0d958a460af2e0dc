"""What every kind of layer says of itself, and what it may ask of the other layers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from cdrsite.core.errors import ConfigError
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.core.reader import LayerReader
from cdrsite.layers.where import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

Form = Literal["raster", "vector", "constant", "derived", "expression"]


@dataclass(frozen=True)
class LayerInfo:
    """What a layer is.

    Attributes
    ----------
    name, form : str
        Its name, and raster, vector, constant, derived or expression.
    kind : str or None
        class, fraction, intensive or extensive (rule 3); None for bare features.
    unit : str or None
        Unit of its values.
    bands : int
        Number of bands.
    classes : dict of int to str
        Names of the classes, where a preset gives them.
    licence, source : str or None
        For the outputs' metadata.
    path : Path or None
        The file.
    """

    name: str
    form: Form
    kind: str | None
    unit: str | None
    bands: int = 1
    classes: dict[int, str] = field(default_factory=dict)
    licence: str | None = None
    source: str | None = None
    path: Path | None = None


class OneLayer(Protocol):
    """A layer of any kind."""

    @property
    def info(self) -> LayerInfo:
        """Form, kind, unit, bands, classes and origin."""

    def own(self, block: Block) -> NDArray[np.float32]:
        """Values in the layer's own unit, shape (bands, rows, cols); NaN is unknown (rule 2)."""


class Others(LayerReader, Protocol):
    """All layers of a scenario, as one that is computed from some of them sees them."""

    @property
    def grid(self) -> AnalysisGrid:
        """The one grid (rule 1)."""

    @property
    def base_year(self) -> int:
        """Year of the US dollars (rule 4)."""

    def info(self, name: str) -> LayerInfo:
        """Form, kind, unit, bands, classes and origin of a layer."""


def no_layer(name: str, names: Iterable[str]) -> ConfigError:
    """Refusal of a name that no layer has; names the nearest."""
    known = list(names)
    return ConfigError(
        f"no layer {name!r}",
        where="layers",
        got=name,
        expected=f"one of {', '.join(known) or 'none at all'}",
        cure=nearest(name, known),
    )
