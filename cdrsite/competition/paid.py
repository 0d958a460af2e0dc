"""What a payment counts that holds in some zones or at some sinks only, as quantities of the cells.

Two kinds, made while cells are read and so kept nowhere: a layer of the cells (a gross tonne, or
its net tonnes before the way to storage, inside some zones), and an arrival, a quantity per tonne
stored that differs by sink slot: ``base - loss`` on the way to a sink that counts, in some zones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cdrsite.competition.problem import CellBlock
from cdrsite.competition.sameplaces import SamePlaces


@dataclass(frozen=True)
class Part:
    """Some zones of a zoning."""

    zoning: str
    zones: tuple[int, ...]


@dataclass(frozen=True)
class CellLayer:
    """A layer of the cells: per gross tonne 1, or the net factor of a method, inside a part.

    Parameters
    ----------
    name : str
        What terms of rows and objectives call it.
    part : Part
        0 outside.
    method : int, optional
        Number of the method whose net factor without transport it is.
    """

    name: str
    part: Part
    method: int | None = None


@dataclass(frozen=True, eq=False)
class Arrival:
    """A quantity per tonne stored: ``base`` less the share lost on the way, where it counts.

    Parameters
    ----------
    name : str
        What terms of rows and objectives call it.
    base : float
        [t/t].
    sinks : ndarray of bool, shape (S,), optional
        Sinks that count; all when not given.
    part : Part, optional
        Where cells count; everywhere when not given.
    """

    name: str
    base: float
    sinks: npt.NDArray[np.bool_] | None = None
    part: Part | None = None


@dataclass(frozen=True, eq=False)
class PaidCells(SamePlaces):
    """Cells with such layers and arrivals; a :class:`~cdrsite.competition.problem.CellSource`.

    Parameters
    ----------
    layers : sequence of CellLayer
        They follow those of the source.
    arrivals : sequence of Arrival
    """

    layers: Sequence[CellLayer]
    arrivals: Sequence[Arrival]

    def read(self, start: int, stop: int) -> CellBlock:
        """Cells ``start`` to ``stop``."""
        cells = self.source.read(start, stop)
        inside: dict[Part, npt.NDArray[Any]] = {}
        for part in {one.part for one in self.layers} | {one.part for one in self.arrivals}:
            if part is not None:
                zone = self.source.zones(part.zoning, start, stop)
                inside[part] = np.isin(zone, part.zones)
        made = []
        for layer in self.layers:
            mask = inside[layer.part].astype(cells.layers.dtype)
            made.append(mask if layer.method is None else mask * _known(cells.net[layer.method]))
        layers = np.concatenate([cells.layers, *(row[None] for row in made)])
        arriving = np.zeros((len(self.arrivals), *cells.sink.shape))
        for one, to in zip(self.arrivals, arriving, strict=True):
            counts = cells.sink >= 0
            if one.sinks is not None:
                counts &= one.sinks[np.maximum(cells.sink, 0)]
            if one.part is not None:
                counts &= inside[one.part]
            to[:] = np.where(counts, one.base - cells.sink_loss, 0.0)
        return replace(cells, layers=layers, arriving=arriving)


def _known(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Net factors, 0 where the method is not possible."""
    return np.nan_to_num(values, nan=0.0)
