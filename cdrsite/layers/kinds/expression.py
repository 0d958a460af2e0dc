"""Layers that an expression computes from others, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.grid import Block
from cdrsite.layers import expression
from cdrsite.layers.kinds.base import LayerInfo, Others

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.config.layers import ExpressionLayer


@dataclass(frozen=True)
class Expression:
    """Arithmetic over other layers.

    Attributes
    ----------
    name : str
        Name of the layer.
    model : ExpressionLayer
        As in the scenario.
    others : Others
        All layers.
    """

    name: str
    model: ExpressionLayer
    others: Others

    @property
    def info(self) -> LayerInfo:
        """Form, kind and unit."""
        return LayerInfo(self.name, "expression", self.model.kind, self.model.unit)

    @cached_property
    def _tree(self) -> Any:
        return expression.parse(self.model.expression, f"layers.{self.name}")

    def own(self, block: Block) -> NDArray[np.float32]:
        """Values in the layer's own unit, shape (1, rows, cols)."""
        tree, others = self._tree, self.others
        inputs: dict[str | expression.Share, NDArray[np.float64]] = {
            name: others.values(name, block).astype(np.float64) for name in expression.valued(tree)
        }
        for layer, classes in expression.shares(tree):
            weights: dict[int | str, float] = dict.fromkeys(others.class_codes(layer, classes), 1.0)
            share = others.class_share(layer, weights, block)
            inputs[layer, classes] = share.astype(np.float64)
        found = expression.evaluate(self._tree, inputs)
        return np.broadcast_to(found, block.shape).astype(np.float32)[None]
