"""Layers of one value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.core.errors import UnitError
from cdrsite.core.grid import Block
from cdrsite.core.units import parse_quantity, split_number
from cdrsite.layers.kinds.base import LayerInfo

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.config.layers import ConstantLayer


@dataclass(frozen=True)
class Constant:
    """One value everywhere.

    Attributes
    ----------
    name : str
        Name of the layer.
    model : ConstantLayer
        As in the scenario.
    """

    name: str
    model: ConstantLayer

    @property
    def info(self) -> LayerInfo:
        """Form, kind and unit."""
        return LayerInfo(self.name, "constant", self.model.kind, self._amount[1])

    @cached_property
    def _amount(self) -> tuple[float, str | None]:
        """Number and unit."""
        model = self.model
        if isinstance(model.value, str):
            try:
                number, unit = split_number(model.value)
            except UnitError as error:
                raise UnitError(f"layers.{self.name}.value: {error}") from error
            if unit and model.unit:
                return parse_quantity(model.value, model.unit), model.unit
            return number, unit or model.unit
        return float(model.value), model.unit

    def own(self, block: Block) -> NDArray[np.float32]:
        """Values in the layer's own unit, shape (1, rows, cols)."""
        return np.full((1, *block.shape), self._amount[0], np.float32)
