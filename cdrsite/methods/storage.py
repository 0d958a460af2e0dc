"""Storage units: what fits in them, what they cost, and what a tonne needs there by their kind."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.config.storage import Storage
from cdrsite.core.errors import CdrsiteWarning, ConfigError, DataError, did_you_mean
from cdrsite.core.units import conversion
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.library.storage import (
    StorageKind,
    kind_called,
    kinds_of_units,
    load_storage_kind,
    need_of_storage,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.reader import LayerReader

    F32 = NDArray[np.float32]
    F64 = NDArray[np.float64]


@dataclass(frozen=True)
class StorageUnits:
    """Storage units that may be used.

    Attributes
    ----------
    layer : str
        Polygon layer; label i is feature i.
    index : ndarray of int, shape (units,)
        Feature of each unit.
    names : tuple of str
        Names.
    capacity : ndarray, shape (units,)
        Total capacity [t].
    injection : ndarray, shape (units,)
        Yearly injection [t/yr].
    years : float
        Years over which the capacity may be filled [yr].
    cost : ndarray, shape (units,)
        Cost of storing [USD/t].
    eor : ndarray of bool, shape (units,)
        Enhanced oil recovery, where storage is contested.
    kinds : tuple of str
        Kind of each unit; empty where nobody says.
    needs : dict of str to ndarray
        Resource -> need per tonne brought to each unit, shape (units,) [canonical unit per t].
    left_out : tuple of str
        Units that depth or stacking left out, with the reason.
    """

    layer: str
    index: NDArray[np.int64]
    names: tuple[str, ...]
    capacity: F64
    injection: F64
    years: float
    cost: F64
    eor: NDArray[np.bool_]
    left_out: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    needs: dict[str, F64] = field(default_factory=dict)

    @property
    def rate(self) -> F64:
        """What fits in a year: the injection, at most capacity / years, shape (units,) [t/yr]."""
        return np.minimum(self.injection, self.capacity / self.years)


def read_storage(model: Storage, reader: LayerReader, base_year: int = 2020) -> StorageUnits | None:
    """Read the storage units and leave out what cannot be used; None if storage is unlimited.

    Parameters
    ----------
    model : Storage
        How the scenario gives them.
    reader : LayerReader
        The layers.
    base_year : int
        Year of the money.

    Raises
    ------
    DataError
        A unit with a capacity and no injection rate, a negative one, of a kind that is not known,
        or no unit left (rule 7).
    """
    if model.units is None:
        return None
    layer, ids = model.units, reader.text(model.units, model.id or "")
    _refuse_shared_ids(model, ids)
    named = tuple(f"{layer} {unit}" for unit in ids)
    names = named if model.name is None else tuple(reader.text(layer, model.name))
    capacity = reader.attribute(layer, _capacity_column(model))
    capacity = capacity * conversion(model.capacity_unit, "t")[0] * model.factor
    rate = _rate(model, reader, capacity)
    column = _capacity_column(model)
    _refuse_missing(model, "a capacity", column, names, capacity)
    _refuse_missing(model, "an injection rate", model.injection or column, names, rate)
    kinds = _kinds_of_units(model, reader, names)
    keep, left_out = _usable_units(model, reader, ids, names, kinds)
    if not keep.any():
        raise DataError(
            "no storage unit is left",
            where=f"layers.{layer}",
            got="; ".join(left_out),
            cure="widen min_depth and max_depth",
            rule=7,
        )
    cost = np.array([_cost_of(model, kind, base_year) for kind in kinds], np.float64)
    if isinstance(model.cost, str):
        cost = reader.attribute(layer, model.cost)
        _refuse_missing(model, "a cost", model.cost, names, cost)
    index = np.flatnonzero(keep)
    kept = [kinds[i] for i in index]
    return StorageUnits(
        layer=layer,
        index=index,
        names=tuple(names[i] for i in index),
        capacity=capacity[keep],
        injection=rate[keep],
        years=model.years,
        cost=cost[keep],
        eor=np.array([kind is not None and kind.credit == "eor" for kind in kept], np.bool_),
        left_out=tuple(left_out),
        kinds=tuple("" if kind is None else kind.name for kind in kept),
        needs=_needs_of_units(model, kept),
    )


def _kinds_of_units(
    model: Storage, reader: LayerReader, names: tuple[str, ...]
) -> list[StorageKind | None]:
    """Kind of each unit; None for all where the scenario names none.

    Raises
    ------
    DataError
        A word that is no kind, or storage that CO2 is not brought to.
    """
    if model.kind is None:
        return [None] * len(names)
    if model.every_kind is not None:
        return [load_storage_kind(model.every_kind)] * len(names)
    words = reader.text(model.units or "", model.kind)
    known = {word: load_storage_kind(name) for word, name in model.kinds.items()}
    found = [known.get(word) or kind_called(word) for word in words]
    for name, word, kind in zip(names, words, found, strict=True):
        if kind is None or kind.takes != "co2":
            expected = kinds_of_units()
            nearest = did_you_mean(word, list(expected), 0.4)
            cure = f"name it: resources.storage.kinds: {{{word or repr('')}: saline}}"
            raise DataError(
                "a storage unit of an unknown kind"
                if kind is None
                else "a storage unit of a kind that CO2 is not brought to",
                where=f"layers.{model.units}: column {model.kind}",
                got=f"{word!r} of {name}",
                expected=f"one of {', '.join(expected)}",
                cure=f"{nearest} Or {cure}" if nearest else cure,
                rule=7,
            )
    return found


def _cost_of(model: Storage, kind: StorageKind | None, base_year: int) -> float:
    """Cost of storing in a unit: the scenario's, or that of its kind [USD/t]."""
    if kind is None or kind.cost is None or "cost" in model.model_fields_set:
        return 0.0 if isinstance(model.cost, str) else float(model.cost)
    return kind.cost.to("USD/t", base_year)


def _least_depth(model: Storage, kind: StorageKind | None) -> float:
    """Depth above which a unit is left out: the scenario's, or that of its kind [m]."""
    if kind is None or kind.min_depth is None or "min_depth" in model.model_fields_set:
        return model.min_depth
    return kind.min_depth.to("m")


def _needs_of_units(model: Storage, kinds: list[StorageKind | None]) -> dict[str, F64]:
    """Resource -> need of each unit per tonne brought to it; only what some unit needs."""
    found: dict[str, F64] = {}
    for i, kind in enumerate(kinds):
        if kind is None:
            continue
        needs = {r: record.to(RESOURCES[r].need_unit) for r, record in kind.needs.items()}
        needs |= {r: need_of_storage(r, v) for r, v in model.needs.get(kind.name, {}).items()}
        for resource, need in needs.items():
            found.setdefault(resource, np.zeros(len(kinds)))[i] = need
    return {r: found[r] for r in RESOURCES if r in found and found[r].any()}


def _rate(model: Storage, reader: LayerReader, capacity: F64) -> F64:
    """Yearly injection of every unit [t/yr]; without a column, what fills it evenly."""
    layer = model.units or ""
    if model.injection is None:
        warnings.warn(
            f"layers.{layer}: no injection rates are given, so every unit is filled evenly over "
            f"{model.years:g} years; cure: resources.storage.injection: COLUMN, if wells are known "
            "to allow less",
            CdrsiteWarning,
            stacklevel=3,
        )
        return capacity / model.years
    rate = reader.attribute(layer, model.injection)
    if len(rate) and (rate == 0).all() and (capacity > 0).any():
        raise DataError(
            "no storage unit can be injected into",
            where=f"layers.{layer}: column {model.injection}",
            got="0 in every unit",
            expected="rates above 0",
            cure="remove resources.storage.injection: then capacity over years is taken",
            rule=7,
        )
    return rate * conversion(model.injection_unit, "t/yr")[0] * model.factor


def _capacity_column(model: Storage) -> str:
    column = model.capacity
    if not isinstance(column, dict):
        return column or ""
    if model.case not in column:
        raise ConfigError(
            "no capacity column for the case",
            where="resources.storage.capacity",
            got=model.case,
            expected=", ".join(column),
        )
    return column[model.case]


def _refuse_shared_ids(model: Storage, ids: list[str]) -> None:
    if len(set(ids)) < len(ids):
        raise DataError(
            "storage units share an id",
            where=f"layers.{model.units}: column {model.id}",
            got=", ".join(sorted({i for i in ids if ids.count(i) > 1})[:5]),
            expected="one id for each unit",
            rule=7,
        )


def _refuse_missing(
    model: Storage, label: str, column: str | None, names: tuple[str, ...], values: F64
) -> None:
    wrong = [names[i] for i in np.flatnonzero(~((values >= 0) & np.isfinite(values)))]
    if wrong:
        raise DataError(
            f"storage units without {label}, or with a negative or infinite one",
            where=f"layers.{model.units}",
            got=", ".join(wrong[:5]),
            expected="a finite number, 0 or more",
            cure=f"leave these units out, e.g. layers.{model.units}.where: {column} > 0, or "
            "correct the column",
            rule=7,
        )


def _usable_units(
    model: Storage,
    reader: LayerReader,
    ids: list[str],
    names: tuple[str, ...],
    kinds: list[StorageKind | None],
) -> tuple[NDArray[np.bool_], list[str]]:
    """Which units depth and stacking allow, and why the others are out."""
    keep = np.ones(len(names), bool)
    left_out: list[str] = []
    if model.depth is not None:
        depth = reader.attribute(model.units or "", model.depth)
        least = np.array([_least_depth(model, kind) for kind in kinds], np.float64)
        for i in np.flatnonzero((depth < least) | (depth > model.max_depth)):
            keep[i] = False
            zero = "; add nodata: 0 to the layer if that means unknown" if depth[i] == 0 else ""
            left_out.append(f"{names[i]}: depth {depth[i]:g} m{zero}")
        unknown = [names[i] for i in np.flatnonzero(np.isnan(depth))]
        if unknown:
            named = ", ".join(unknown[:5]) + (" ..." if len(unknown) > 5 else "")
            warnings.warn(
                f"layers.{model.units}: the depth of {len(unknown)} storage units is unknown, and "
                f"they are kept: {named}; cure: leave them out with where: {model.depth} is not "
                "null on the layer",
                CdrsiteWarning,
                stacklevel=3,
            )
    if model.stacked_on is not None:
        below = reader.text(model.units or "", model.stacked_on)
        for upper, target in enumerate(below):
            # stacked units share pore space: only the lower one counts, if it counts at all
            if keep[upper] and target in ids and keep[ids.index(target)]:
                keep[upper] = False
                left_out.append(f"{names[upper]}: stacked on {target}")
    return keep, left_out
