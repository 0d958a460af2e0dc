"""Layers that are rasters: files, and variables of NetCDF and Zarr datasets."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import CdrsiteWarning, DataError
from cdrsite.core.grid import Block
from cdrsite.layers import harmonise
from cdrsite.layers.classes import look_up, select_codes
from cdrsite.layers.classfeatures import ClassFeatures
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
        named = self.file.model.values is not None
        file = replace(self.file, kind="class" if named else self.kind)

        def look() -> Survey:
            warn_of_datum(self.source.wkt, self.area.grid, file.where_text)
            return survey(self.source, file, self.area)

        return self._once.get("survey", look)

    @property
    def kind(self) -> str:
        """Kind of quantity: what is said, else classes where each value has a colour (rule 3)."""
        if self.file.model.values is not None:
            return "fraction" if self.file.model.kind == "fraction" else "intensive"
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
        decode = self._decode()
        if self.kind == "extensive":
            return harmonise.conserved_sum(self.source, self.area.grid, block)
        return harmonise.mean(self.source, self.area.grid, block, decode)

    def covered(self, block: Block) -> NDArray[np.float32]:
        """Values times the share of each cell over which they are known, as :meth:`own`."""
        return harmonise.mean(self.source, self.area.grid, block, self._decode(), known_share=True)

    def _decode(self) -> harmonise.Decode:
        """What makes numbers of stored values.

        Raises
        ------
        DataError
            Classes are no numbers (rule 3), or the raster cannot be meant.
        """
        self.survey  # noqa: B018 - refuses what cannot be meant
        source, values = self.source, self.file.model.values
        if values is not None:
            self._require_one_band()
            table = self._once.get("values", lambda: self._value_table(values))
            return lambda stored: look_up(source.decode(stored), table, other=np.nan)
        if self.kind == "class":
            guessed = self.file.kind is None
            raise DataError(
                "classes have no mean value",
                where=self.file.where_text,
                got="kind: class" + (", as its table of colours says" if guessed else ""),
                expected="kind: intensive, fraction or extensive",
                cure="use classes or scores with this layer, or give values: {CLASS: number}"
                + (", or add kind: intensive if its colours only draw numbers" if guessed else ""),
                rule=3,
            )
        return source.decode

    def _value_table(self, values: Mapping[int | str, float]) -> dict[int, float]:
        """Number of each class; those of no number are unknown, and told of."""
        table = self._weights(values)
        without = sorted(set(self.survey.codes) - set(table))
        if without:
            named = ", ".join(map(str, without[:20])) + (" ..." if len(without) > 20 else "")
            warnings.warn(
                f"{self.file.where_text}: classes without a number in values: are unknown: "
                f"{named}; cure: give them one, 0 if they have nothing",
                CdrsiteWarning,
                stacklevel=2,
            )
        return table

    def _require_one_band(self) -> None:
        if self.source.together or self.source.depth > 1:
            raise DataError(
                "classes of several bands",
                where=self.file.where_text,
                got=f"band: {self.file.model.band}",
                expected="the number or name of one band",
                rule=3,
            )

    def class_share(self, weights: Mapping[int | str, float], block: Block) -> NDArray[np.float32]:
        """Mean of a weight per class, see :meth:`cdrsite.layers.stack.LayerStack.class_share`."""
        self._require_one_band()
        key = ("weights", tuple(weights.items()))
        table = self._once.get(key, lambda: self._weights(weights))
        source = self.source

        def decode(stored: NDArray[Any]) -> NDArray[np.float64]:
            return look_up(source.decode(stored), table)

        return harmonise.mean(source, self.area.grid, block, decode)[0]

    def class_features(self, codes: tuple[int, ...]) -> ClassFeatures:
        """What the pixels of some classes cover, as features."""
        self.survey  # noqa: B018 - refuses what cannot be meant
        self._require_one_band()
        grid, text = self.area.grid, self.file.where_text
        key = ("features", codes, self.most)
        return self._once.get(key, lambda: ClassFeatures(lambda: self.source, codes, grid, text))

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
