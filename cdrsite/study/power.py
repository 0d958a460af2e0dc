"""Layers of the power that plants are supplied with: its emissions, and how firm it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.methods.rivals import GRID
from cdrsite.methods.supply import firm_block, intensity_block

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.grid import Block
    from cdrsite.study.prepare import Setting


def power_layers(setting: Setting, block: Block) -> dict[str, NDArray[Any]]:
    """Layers of a block that the sums of the methods read of power; none of what is one number."""
    reader, scenario = setting.reader, setting.scenario
    power, path = scenario.resources.power, scenario.milestones
    layers: dict[str, NDArray[Any]] = {}
    if isinstance(power.intensity, str):
        intensity = intensity_block(power, reader, block)
        share = 1.0 if path is None else path.last(path.intensity)
        if path is not None and path.intensity is not None:
            layers[GRID] = np.broadcast_to(intensity, block.shape)
        if share != 1.0:
            intensity = np.asarray(intensity * np.float32(share), np.float32)
        layers["intensity"] = np.broadcast_to(intensity, block.shape)
    if isinstance(power.firm, str):
        layers["inverse firm"] = 1.0 / firm_block(power, reader, block)
    return layers
