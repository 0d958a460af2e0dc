"""What scoring says about one method in the cells of a block."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
OUTPUTS = ("gross", "limit", "net_factor", "cost", "score")

STAGGER = 10 * 64
"""Bytes between the beginnings of output arrays within a page: ten cache lines."""


@dataclass(frozen=True)
class MethodResult:
    """What scoring says about one method, arrays of the shape of the block.

    Attributes
    ----------
    gross : ndarray of float32
        Gross CO2 captured or taken up [t/yr].
    limit : ndarray of uint8
        Code of the limiting resource, or a state of :mod:`cdrsite.core.states`.
    net_factor : ndarray of float32
        Net removal per gross tonne [t/t].
    cost : ndarray of float32
        Levelised cost per net tonne [USD/t].
    score : ndarray of float32
        Net removal weighed by suitability [t/yr]; 0 where the gross amount is 0.
    """

    gross: F32
    limit: NDArray[np.uint8]
    net_factor: F32
    cost: F32
    score: F32

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> MethodResult:
        """Arrays to be filled, each beginning elsewhere in a page of memory.

        Large arrays begin at a page as a rule, so that their cells of one index compete for the
        same few lines of the processor's cache; scoring is a fifth slower then.
        """
        cells = math.prod(shape)
        arrays: dict[str, NDArray[np.generic]] = {}
        for k, name in enumerate(OUTPUTS, start=1):
            dtype = np.dtype(np.uint8 if name == "limit" else np.float32)
            memory = np.empty(cells * dtype.itemsize + k * STAGGER, np.uint8)
            arrays[name] = memory[k * STAGGER :].view(dtype).reshape(shape)
        return cls(**arrays)  # type: ignore[arg-type]

    def flat(self) -> MethodResult:
        """The same memory, one-dimensional."""
        return MethodResult(*(getattr(self, name).reshape(-1) for name in OUTPUTS))
