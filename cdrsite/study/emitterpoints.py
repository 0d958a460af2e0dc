"""Emitters as points of a layer, read and checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.config.emitters import DRAWN, ORIGINS
from cdrsite.core.errors import DataError, did_you_mean
from cdrsite.core.units import conversion
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.study.points import (
    DatedPoints,
    feature_names,
    number_column,
    read_cells,
    refuse_points,
    text_column,
    unique_names,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.config.emitters import CapturingPlants
    from cdrsite.core.grid import Block
    from cdrsite.core.reader import LayerReader

    F64 = NDArray[np.float64]
    I64 = NDArray[np.int64]
    Bools = NDArray[np.bool_]

POINTS = DatedPoints("emitters", "emitters", "emitter", "opens", "retires", "open")
"""How emitters are read."""
TRUE, FALSE = {"true", "yes", "1"}, {"false", "no", "0", ""}
"""What a column of yes and no may say."""
MIXED = "mixed"
"""Origin of an emitter of which a share is biogenic."""


@dataclass(frozen=True, eq=False)
class EmitterPoints:
    """Emitters on the grid, K of them.

    Attributes
    ----------
    names, origins : tuple of str
    emission, most : ndarray, shape (K,)
        CO2 that each emits, and can capture at most [t/yr].
    biogenic : ndarray, shape (K,)
        Share of its carbon that plants have bound [1].
    cost : ndarray, shape (K,)
        Of capture, but for what it takes [USD per t captured].
    needs : dict of str to ndarray, shape (K,)
        Resource -> what a captured tonne takes [its unit per t].
    opens, retires : ndarray, shape (K,)
        Years from and before which it can capture; infinite where none is given.
    must : ndarray of bool, shape (K,)
    row, col : ndarray of int, shape (K,)
        Its cell.
    """

    names: tuple[str, ...]
    origins: tuple[str, ...]
    emission: F64
    most: F64
    biogenic: F64
    cost: F64
    needs: dict[str, F64]
    opens: F64
    retires: F64
    must: Bools
    row: I64
    col: I64

    def at(self, which: Sequence[int] | I64) -> EmitterPoints:
        """Some of them, by number."""
        k = np.asarray(which, np.int64)
        return EmitterPoints(
            tuple(self.names[i] for i in k), tuple(self.origins[i] for i in k), self.emission[k],
            self.most[k], self.biogenic[k], self.cost[k],
            {name: need[k] for name, need in self.needs.items()}, self.opens[k], self.retires[k],
            self.must[k], self.row[k], self.col[k],
        )  # fmt: skip

    def read(self, blocks: Sequence[Block], of: Callable[[Block], Any]) -> NDArray[Any]:
        """Values of the emitters' cells, shape (..., K); ``of`` gives those of a block."""
        return read_cells(blocks, self.row, self.col, of)


def read_points(model: CapturingPlants, reader: LayerReader) -> EmitterPoints:
    """Emitters on the grid; those outside are left out with a warning.

    Raises
    ------
    DataError
        No such column; flows that are no numbers or below 0; shares above 1; an unknown origin;
        one that closes before it opens; none on the grid.
    """
    frame = reader.features(model.layer, model.where)
    names = unique_names(feature_names(frame, model.name, "emitter", "emitters.name"))

    def numbers(key: str, unit: str) -> F64:
        given = getattr(model, key)
        if not isinstance(given, str):
            return np.full(len(frame), float(given))
        return number_column(frame, given, unit, 0.0, f"emitters.{key}")

    emission = number_column(frame, model.emission, model.unit, 0.0, "emitters.emission")
    emission = emission * conversion(model.unit, "t/yr")[0]
    rate = numbers("rate", "1")
    refuse_points(
        rate > 1.0, "not a share of what is emitted", f"emitters.rate: column {model.rate}", names,
        [f"{one:g}" for one in rate], "at most 1", "write 90 % as 0.9",
    )  # fmt: skip
    origins, biogenic = _origins(model, frame, names)
    opens, retires = POINTS.lives(*POINTS.years(frame, model), names, model)
    needs = {DRAWN[key]: numbers(key, _unit_of(key)) for key in DRAWN}
    must, cost = _must(model, frame, names), numbers("cost", "USD/t")
    at, row, col = POINTS.on_grid(frame, names, reader.grid, emission * rate, model)
    return EmitterPoints(
        tuple(names[k] for k in at), tuple(origins[k] for k in at), emission[at],
        (emission * rate)[at], biogenic[at], cost[at],
        {name: need[at] for name, need in needs.items()}, opens[at], retires[at],
        must[at], row, col,
    )  # fmt: skip


def _unit_of(key: str) -> str:
    return f"{RESOURCES[DRAWN[key]].unit.removesuffix('/yr')}/t"


def _origins(model: CapturingPlants, frame: Any, names: Sequence[str]) -> tuple[list[str], F64]:
    """Origin of each, and the share of its carbon that is biogenic."""
    if model.origin in ORIGINS:
        texts, where = [model.origin] * len(frame), "emitters.origin"
    else:
        where = f"emitters.origin: column {model.origin}"
        if model.origin not in frame.columns:
            raise DataError(
                "neither an origin nor a column",
                where="emitters.origin",
                got=model.origin,
                expected=", ".join((*ORIGINS, *map(str, frame.columns.drop(frame.geometry.name)))),
                cure=did_you_mean(model.origin, ORIGINS) or "name one of these",
                rule=7,
            )
        texts = [t.strip().lower() for t in text_column(frame, model.origin, "emitters") or []]
    shares = np.array([_share(text) for text in texts], np.float64)
    refuse_points(
        ~((shares >= 0) & (shares <= 1)), "emitters of unknown origin", where, names,
        [repr(text) for text in texts], f"{', '.join(ORIGINS)}, or the share that is biogenic",
        "correct the column, or leave these out with `where`",
    )  # fmt: skip
    named = [text if text in ORIGINS else MIXED for text in texts]
    return named, shares


def _share(text: str) -> float:
    if text in ORIGINS:
        return 1.0 if text == "biogenic" else 0.0
    try:
        return float(text)
    except ValueError:
        return math.nan


def _must(model: CapturingPlants, frame: Any, names: Sequence[str]) -> Bools:
    texts = text_column(frame, model.must_run, "emitters.must_run") or [""] * len(frame)
    lower = [text.strip().lower() for text in texts]
    refuse_points(
        np.array([text not in TRUE | FALSE for text in lower], bool), "neither true nor false",
        f"emitters.must_run: column {model.must_run}", names, [repr(text) for text in texts],
        "true or false", "correct the column",
    )  # fmt: skip
    return np.array([text in TRUE for text in lower], bool)
