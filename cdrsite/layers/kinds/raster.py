"""Layers that are rasters: files, and variables of NetCDF and Zarr datasets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import DataError
from cdrsite.core.grid import Block
from cdrsite.layers import harmonise
from cdrsite.layers.classes import look_up, select_codes
from cdrsite.layers.datums import warn_of_datum
from cdrsite.layers.kinds.base import LayerInfo
from cdrsite.layers.presets import Resolved
from cdrsite.layers.rasterfiles import open_raster
from cdrsite.layers.region import StudyArea
from cdrsite.layers.survey import LOOK_PIXELS, Survey, all_codes, survey
from cdrsite.layers.vectors import Once

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.layers.sources import RasterSource


class RasterLayer:
    """A raster, read window by window and brought to the grid by its kind (rule 3).

    Parameters
    ----------
    file : Resolved
        The layer with its preset.
    area : StudyArea
        Grid and region.
    """

    def __init__(self, file: Resolved, area: StudyArea) -> None:
        self.file, self.area = file, area
        self.most: int | None = None
        self._once = Once()

    def glance(self) -> RasterLayer:
        """The same layer for a trial: of a block with very many pixels only some are read."""
        other = object.__new__(RasterLayer)
        other.__dict__.update(self.__dict__)
        other.most = LOOK_PIXELS
        return other

    @property
    def source(self) -> RasterSource:
        """The open file."""
        file = self.file
        opened = self._once.get("source", lambda: open_raster(file.model, file.name, file.nodata))
        return opened if self.most is None else replace(opened, most=self.most)

    @property
    def survey(self) -> Survey:
        """First look at it; see :func:`cdrsite.layers.survey.survey`."""
        file = replace(self.file, kind=self.kind)

        def look() -> Survey:
            warn_of_datum(self.source.wkt, self.area.grid, file.where_text)
            return survey(self.source, file, self.area)

        return self._once.get("survey", look)

    @property
    def kind(self) -> str:
        """Kind of quantity: what is said, else classes where each value has a colour (rule 3)."""
        return self.file.kind or ("class" if self.source.palette else "intensive")

    @property
    def info(self) -> LayerInfo:
        """Form, kind, unit, bands, classes and origin."""
        file, source = self.file, self.source
        return LayerInfo(
            name=file.name,
            form="raster",
            kind=self.kind,
            unit=file.unit or (None if self.kind == "class" else source.unit),
            bands=source.depth,
            classes=file.classes,
            licence=file.licence,
            source=file.origin,
            path=file.model.path,
        )

    def own(self, block: Block) -> NDArray[np.float32]:
        """Values in the layer's own unit, shape (bands, rows, cols)."""
        source = self.source
        if self.kind == "class":
            guessed = self.file.kind is None
            raise DataError(
                "classes have no mean value",
                where=self.file.where_text,
                got="kind: class" + (", as its table of colours says" if guessed else ""),
                expected="kind: intensive, fraction or extensive",
                cure="use classes or scores with this layer"
                + (", or add kind: intensive if its colours only draw numbers" if guessed else ""),
                rule=3,
            )
        self.survey  # noqa: B018 - refuses what cannot be meant
        if self.kind == "extensive":
            return harmonise.conserved_sum(source, self.area.grid, block)
        return harmonise.mean(source, self.area.grid, block)

    def class_share(self, weights: Mapping[int | str, float], block: Block) -> NDArray[np.float32]:
        """Mean of a weight per class, see :meth:`cdrsite.layers.stack.LayerStack.class_share`."""
        if self.source.together or self.source.depth > 1:
            raise DataError(
                "classes of several bands",
                where=self.file.where_text,
                got=f"band: {self.file.model.band}",
                expected="the number or name of one band",
                rule=3,
            )
        key = ("weights", tuple(weights.items()))
        table = self._once.get(key, lambda: self._weights(weights))
        source = self.source

        def decode(stored: NDArray[Any]) -> NDArray[np.float64]:
            return look_up(source.decode(stored), table)

        return harmonise.mean(source, self.area.grid, block, decode)[0]

    def _weights(self, weights: Mapping[int | str, float]) -> dict[int, float]:
        table: dict[int, float] = {}
        for selector, weight in weights.items():
            for code in self.class_codes([selector]):
                table[code] = float(weight)
        return table

    def class_codes(self, selectors: Any) -> list[int]:
        """Codes that selectors name; see :func:`cdrsite.layers.classes.select_codes`."""
        file, seen = self.file, self.survey
        try:
            return select_codes(selectors, file.preset, set(seen.codes), file.where_text)
        except DataError:
            # not around the region; elsewhere in the raster is enough
            everywhere = self._once.get("codes", lambda: all_codes(self.source))
            return select_codes(selectors, file.preset, everywhere | seen.codes, file.where_text)
