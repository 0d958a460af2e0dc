"""What the map says of cells, all at once: the lines of the explanation, packed for the page."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.explain.cells import Evidence, is_study, methods_of, reason_of
from cdrsite.explain.facts import Fact, Line, Told, labelled, some_of
from cdrsite.explain.lines import amount, cell_told, method_told
from cdrsite.outputs.legend import flag_names, label_names, outside_code
from cdrsite.report.mapcells import MOST_CELLS, lookup, pack_digits, pack_whole, sampling
from cdrsite.report.mapsource import every

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from cdrsite.core.words import Words
    from cdrsite.report.mapsource import MapSource

    Cells = dict[str, NDArray[Any]]

THREADS = 4


def cells_of(source: MapSource, words: Words) -> dict[str, Any]:
    """Everything that the page says of cells.

    Parameters
    ----------
    source : MapSource
        Of a run, or of any dataset on a grid.
    words : Words
        Language.

    Returns
    -------
    dict
        Facts and lines under ``shared`` and ``methods`` and the cells ``inside`` the region, whose
        values are ``arrays``; the lookup, and how the cells were sampled.
    """
    dataset = source.dataset
    step = sampling(source.grid)
    if step == 2 and is_study(dataset):
        limit = dataset["limit"]
        if np.count_nonzero(limit[0].to_numpy() != outside_code(limit)) <= MOST_CELLS:
            step = 1  # most of the grid lies outside the region, and that takes no room
    cells = sample(dataset, step)
    if is_study(dataset):
        evidence = Evidence(dataset, cells)
        reasons = {name: reason_of(evidence, m) for m, name in enumerate(methods_of(dataset))}
        shared = cell_told(evidence, list(reasons.values()), words)
        methods = {
            name: method_told(evidence, m, reasons[name], words) for m, name in enumerate(reasons)
        }
    else:
        shared, methods = plain_told(dataset, cells, words), {}
    page = Packer()
    return {
        "rows": -(-source.grid.rows // step),
        "cols": -(-source.grid.cols // step),
        "step": step,
        "km": source.grid.resolution * source.grid.unit_metres / 1000.0,
        "lookup": lookup(source.grid, step).packed(),
        "inside": page.add(pack_whole(inside(dataset, cells).astype(np.uint8))),
        "shared": page.told(shared, *methods.values()),
        "methods": {name: page.told(told) for name, told in methods.items()},
        "arrays": page.arrays,
    }


class Packer:
    """Facts and lines as the page holds them: each array once, and only what is read of it."""

    def __init__(self) -> None:
        self.arrays: list[dict[str, Any]] = []
        self._known: dict[str, int] = {}

    def add(self, packed: dict[str, Any]) -> int:
        """Position of an array among those of the page."""
        position = self._known.setdefault(repr(packed), len(self.arrays))
        if position == len(self.arrays):
            self.arrays.append(packed)
        return position

    def told(self, told: Told, *others: Told) -> dict[str, Any]:
        """What is said of cells; ``others`` have places for its facts too."""
        read: dict[str, NDArray[np.bool_]] = {}
        for line in (line for one in (told, *others) for line in (one.lead, *one.lines)):
            for code, sentence in enumerate(line.sentences, 1):
                for name in re.findall(r"\{([^{}]+)\}", sentence):
                    read[name] = read.get(name, np.False_) | (line.codes == code)
        return {
            "facts": {
                name: self._fact(fact, read[name])
                for name, fact in told.facts.items()
                if name in read and read[name].any()
            },
            "lead": self._line(told.lead),
            "lines": [self._line(line) for line in told.lines if line.codes.any()],
        }

    def _fact(self, fact: Fact, read: NDArray[np.bool_]) -> dict[str, Any]:
        """A fact in the cells where it is read; elsewhere what takes the least room."""
        known = fact.values[read]
        nothing = known[0] if (known == known[0]).all() else np.nan if fact.texts is None else -1
        values = np.where(read, fact.values, nothing)
        if fact.texts is not None:
            return {"cells": self.add(pack_whole(values)), "texts": fact.texts}
        cells = self.add(pack_digits(values, fact.digits))
        return {"cells": cells, "digits": fact.digits, "unit": fact.unit}

    def _line(self, line: Line) -> dict[str, Any]:
        cells = self.add(pack_whole(line.codes))
        return {"title": line.title, "cells": cells, "sentences": line.sentences}


def sample(dataset: xr.Dataset, step: int) -> Cells:
    """Every n-th cell of the variables that have cells, and the others whole, by name."""
    names = sorted(str(name) for name in dataset.data_vars)
    names = [name for name in names if not name.startswith(("score", "cell_area"))]

    def read(name: str) -> NDArray[Any]:
        values = dataset[name]
        return every(values, step) if {"y", "x"} <= set(values.dims) else values.to_numpy()

    with ThreadPoolExecutor(THREADS) as pool:  # what takes time is unpacking chunks
        return dict(zip(names, pool.map(read, names), strict=True))


def inside(dataset: xr.Dataset, cells: Cells) -> NDArray[np.bool_]:
    """Cells of the region."""
    if is_study(dataset):
        outside = outside_code(dataset["limit"])
        return np.asarray((cells["limit"] != outside).any(axis=0))
    maps = [values for values in cells.values() if values.ndim >= 2]
    numbers = [values for values in maps if values.dtype.kind == "f"] or maps[:1]
    known = [np.isfinite(values).any(axis=tuple(range(values.ndim - 2))) for values in numbers]
    return np.asarray(np.logical_or.reduce(known))


def plain_told(dataset: xr.Dataset, cells: Cells, words: Words) -> Told:
    """Values of variables that are no study's, as they are: a line for each and each method."""
    nothing = np.zeros(next(v.shape[-2:] for v in cells.values() if v.ndim >= 2), np.uint8)
    told = Told(Line("", nothing, ()))
    for name, values in cells.items():
        if values.dtype.kind not in "fuib":
            continue
        meaning = str(dataset[name].attrs.get("long_name", name))
        if dataset[name].dims == ("y", "x"):
            _say_plain(told, dataset[name], values, meaning, words)
        elif dataset[name].dims == ("removal_method", "y", "x"):
            for m, method in enumerate(methods_of(dataset)):
                _say_plain(told, dataset[name], values[m], f"{method}: {meaning}", words)
    return told


def _say_plain(
    told: Told, variable: xr.DataArray, values: NDArray[Any], meaning: str, words: Words
) -> None:
    place = f"value{len(told.lines)}"
    if any(line.title == meaning for line in told.lines):
        meaning += f" ({variable.name})"
    if "flag_values" in variable.attrs:
        known = flag_names(variable)
        fact = some_of(values, lambda code: known.get(code, str(code)))
    elif "labels" in variable.attrs:
        fact = labelled(values, label_names(variable))
    else:
        fact = amount(values, str(variable.attrs.get("units", "")), words)
    told.facts[place] = fact
    held = np.isfinite(fact.values) if fact.texts is None else fact.values >= 0
    told.say(meaning, {f"{{{place}}}": held, words("map.why.no_value"): ~held})
