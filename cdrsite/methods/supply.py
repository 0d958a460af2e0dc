"""What each cell is offered of every resource, before a competition divides shared pools truly.

One module: whatever an offer comes from, it ends in the one unit of its resource.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from pydantic_core import PydanticCustomError

from cdrsite.config.resources import Bulk, Energy, Land, Power, Supply, Water, require_energy
from cdrsite.core.errors import DataError, UnitError
from cdrsite.core.units import conversion, parse_quantity, same_dimension
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.methods.monthly import FLAT, least_year, left_to_take, shares_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.grid import Block
    from cdrsite.core.reader import LayerReader

    F32 = NDArray[np.float32]
    F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Pools:
    """A resource shared by zones.

    Attributes
    ----------
    resource : str
        Which resource.
    layer : str or None
        Polygon layer; label i is feature i. None for one pool that the whole region shares.
    names : tuple of str
        Name of each pool.
    supply : ndarray, shape (pools,)
        Yearly supply [canonical unit of the resource].
    area : ndarray, shape (pools,)
        Land inside the region that may draw on it [m2].
    kinds : dict of str to ndarray
        Kind -> its part of the supply, shape (pools,); empty where it is of one kind.
    months : ndarray, shape (pools, 12), optional
        What can be taken in each month [canonical unit without the year]; the supply is then what
        a constant load can take in a year.
    profiles : mapping of str to ndarray
        Method -> part of its need in each month, shape (12,); others take alike in all months [1].
    """

    resource: str
    layer: str | None
    names: tuple[str, ...]
    supply: F64
    area: F64
    kinds: dict[str, F64] = field(default_factory=dict)
    months: F64 | None = None
    profiles: Mapping[str, F64] = field(default_factory=dict)

    def share_of(self, method: str) -> F64:
        """Part of a method's need in each month, shape (12,) [1]."""
        return self.profiles.get(method, FLAT)

    def supply_for(self, share: F64) -> F64:
        """What a need of such a profile can take in a year, shape (pools,)."""
        return self.supply if self.months is None else least_year(self.months, share)

    def of(self, kinds: Iterable[str]) -> Pools:
        """The same pools with these kinds alone."""
        parts = [self.kinds[kind] for kind in kinds if kind in self.kinds]
        return replace(self, supply=np.sum(parts, axis=0), kinds={}) if parts else self

    def labels(self, reader: LayerReader, block: Block) -> NDArray[np.int32]:
        """Pool of each cell, -1 for none, shape (rows, cols)."""
        if self.layer is None:
            return np.zeros(block.shape, np.int32)
        return reader.labels(self.layer, block)


WHOLE = "whole region"
"""Name of the pool of a supply that the region shares."""


def usable_part(model: Supply) -> float:
    """Part of what is given that can be used [1]: years at full power, goods that may be taken."""
    if isinstance(model, Energy):
        return 1.0 if model.capacity_factor is None else float(model.capacity_factor)
    return float(model.collectable) if isinstance(model, Bulk) else 1.0


def read_pools(resource: str, model: Supply, reader: LayerReader) -> Pools | None:
    """Read the pools of a resource; None if it is not offered by pools.

    Raises
    ------
    DataError
        If a pool has a negative or no supply (rule 7).
    """
    if model.value is not None and model.per == "region":
        whole = np.array([constant_supply(resource, model)])
        return Pools(resource, None, (WHOLE,), whole, np.full(1, np.nan))
    if model.pools is None:
        return None
    if isinstance(model, Water) and model.months is not None:
        return _read_months(resource, model, reader)
    unit = RESOURCES[resource].unit
    wanted = f"{unit}/m2" if model.per_area else unit
    scale = conversion(model.unit or unit, wanted)[0] * usable_part(model) * model.factor
    names: tuple[str, ...] = ()
    found = {}
    for kind, column in (model.by_kind or {"": model.supply or ""}).items():
        supply = reader.attribute(model.pools, column)
        if model.per_area:
            supply = supply * reader.areas(model.pools)
        supply = supply * scale
        names = tuple(f"{model.pools} {i + 1}" for i in range(len(supply)))
        if model.name is not None:
            names = tuple(reader.text(model.pools, model.name))
        wrong = [names[i] for i in np.flatnonzero(~(supply >= 0))]
        if wrong:
            raise DataError(
                "pools without a supply, or with a negative one",
                where=f"layers.{model.pools}: column {column}",
                got=", ".join(wrong[:5]),
                expected=f"{unit}, 0 or more",
                cure="correct the column, or leave these pools out with `where`",
                rule=7,
            )
        found[kind] = supply
    whole = np.sum(list(found.values()), axis=0)
    kinds = found if model.by_kind else {}
    return Pools(resource, model.pools, names, whole, np.full(len(whole), np.nan), kinds)


def _read_months(resource: str, model: Water, reader: LayerReader) -> Pools:
    """Read pools that are offered by month.

    Raises
    ------
    DataError
        If a pool has a negative or no amount in a month (rule 7).
    """
    assert model.pools is not None  # noqa: S101 - checked with the scenario
    unit = RESOURCES[resource].unit.removesuffix("/yr")
    scale = conversion(model.unit or unit, unit)[0]

    def columns(names: Sequence[str]) -> F64:
        found = [_amounts(model, column, unit, reader) for column in names]
        return np.stack(found, axis=1) * scale

    natural = columns(model.months or ())
    used: F64 | float = 0.0 if model.used is None else columns(model.used)
    months = left_to_take(natural, model.environmental_flow, used) * model.factor
    profiles = {name: shares_of(weights) for name, weights in model.profiles.items()}
    names = _named(model, len(months), reader)
    area = np.full(len(months), np.nan)
    supply = least_year(months, FLAT)
    return Pools(resource, model.pools, names, supply, area, {}, months, profiles)


def _named(model: Supply, count: int, reader: LayerReader) -> tuple[str, ...]:
    """Names of pools."""
    if model.name is not None and model.pools is not None:
        return tuple(reader.text(model.pools, model.name))
    return tuple(f"{model.pools} {i + 1}" for i in range(count))


def _amounts(model: Supply, column: str, unit: str, reader: LayerReader) -> F64:
    """A column of pools, each with an amount of 0 or more."""
    assert model.pools is not None  # noqa: S101
    values = np.asarray(reader.attribute(model.pools, column), np.float64)
    bad = np.flatnonzero(~(values >= 0)).tolist()
    if bad:
        names = _named(model, len(values), reader)
        raise DataError(
            "pools without a supply, or with a negative one",
            where=f"layers.{model.pools}: column {column}",
            got=", ".join(names[i] for i in bad[:5]),
            expected=f"{unit}, 0 or more",
            cure="correct the column, or leave these pools out with `where`",
            rule=7,
        )
    return values


def label_areas(
    labels: NDArray[np.int32], areas: F32, inside: NDArray[np.bool_], count: int
) -> F64:
    """Sum of ``areas`` by label inside the region, shape (count,) [m2]; add the blocks up."""
    keep = inside & (labels >= 0)
    weights = np.broadcast_to(areas, labels.shape)[keep].astype(np.float64)
    return np.bincount(labels[keep], weights=weights, minlength=count)[:count].astype(np.float64)


def pool_supply(pools: Pools, share: str, labels: NDArray[np.int32], land: F32 | None) -> F32:
    """What a pool offers to each cell, float32 [canonical unit].

    ``whole`` offers all of the pool to each of its cells; ``area`` shares it evenly over the land
    that may draw on it, ``land`` of each cell [m2]. A cell in no pool has an unknown supply
    (rule 2).
    """
    values = np.append(pools.supply, np.nan)
    if share == "whole" or land is None:
        return values[labels].astype(np.float32)
    density = np.append(_density(pools.supply, pools.area), np.nan)
    return (density[labels] * land).astype(np.float32)


def _density(supply: F64, land: F64) -> F64:
    """Supply per m2 of the land that shares it; 0 where no land does."""
    return np.divide(supply, land, out=np.zeros_like(supply), where=land > 0)


def supply_block(
    resource: str,
    model: Supply,
    pools: Pools | None,
    reader: LayerReader,
    block: Block,
    land: F32 | None = None,
    kinds: tuple[str, ...] = (),
) -> F32 | None:
    """Supply of one resource to each cell of a block.

    Parameters
    ----------
    resource : str
        One of those that are offered alike.
    model : Supply
        How the scenario offers it.
    pools : Pools or None
        From :func:`read_pools`.
    reader : LayerReader
        The layers.
    block : Block
        Which cells.
    land : ndarray of float32, optional
        Land of each cell that may draw on the pools [m2].
    kinds : tuple of str
        Those that count of a resource that is offered by kind; all of them where none is named.

    Returns
    -------
    ndarray of float32, shape (rows, cols), or None
        [canonical unit per year]; None when the resource never limits.

    Raises
    ------
    DataError
        If the layer offers a cell less than nothing (rule 7).
    """
    if model.unlimited:
        return None
    if pools is not None:
        return pool_supply(pools.of(kinds), model.share, pools.labels(reader, block), land)
    if model.layer is not None:
        return _layer_supply(resource, model, model.layer, reader, block)
    if model.by_kind:
        parts = [
            _layer_supply(resource, model, layer, reader, block)
            for kind, layer in model.by_kind.items()
            if kind in kinds or not kinds
        ]
        return np.sum(parts, axis=0, dtype=np.float32)
    value = constant_supply(resource, model)
    if model.per == "km2" or model.per_area:
        areas = np.broadcast_to(reader.grid.block_areas(block), block.shape)
        return (areas.astype(np.float64) * (value / 1e6)).astype(np.float32)
    return np.full(block.shape, value, np.float32)


def _layer_supply(
    resource: str, model: Supply, layer: str, reader: LayerReader, block: Block
) -> F32:
    """What a layer offers to each cell [canonical unit]."""
    unit = RESOURCES[resource].unit
    own = reader.info(layer).unit
    # values, or those times the area where they are per m2
    per_area = own is not None and same_dimension(own, f"{unit}/m2")
    read = reader.amounts if per_area else reader.values
    values = _refuse_negative(layer, read(layer, block, unit), unit)
    _refuse_bare_power(resource, model, own)
    scale = usable_part(model) * model.factor
    return values if scale == 1.0 else values * np.float32(scale)


def demand_block(layer: str, reader: LayerReader, block: Block) -> F32:
    """Heat that customers of each cell would take, float32 of shape (rows, cols) [kWh/yr].

    Raises
    ------
    DataError
        If a cell wants less than nothing (rule 7).
    """
    unit = RESOURCES["heat"].unit
    own = reader.info(layer).unit
    per_area = own is not None and same_dimension(own, f"{unit}/m2")
    return _refuse_negative(
        layer, (reader.amounts if per_area else reader.values)(layer, block, unit), unit
    )


def _refuse_bare_power(resource: str, model: Supply, unit: str | None) -> None:
    """Refuse a layer of power without a capacity factor, and one of energy with it (rule 4)."""
    if isinstance(model, Energy) and unit is not None:
        try:
            require_energy(unit, model.capacity_factor, "unit")
        except PydanticCustomError as error:
            where = f"resources.{RESOURCES[resource].parameter}.layer"
            raise UnitError(error.message(), where=where) from error


def _refuse_negative(layer: str, values: F32, unit: str) -> F32:
    """Pass on what a layer offers; refuse less than nothing."""
    least = np.nanmin(values, initial=0.0)
    if least < 0:
        raise DataError(
            "a supply cannot be below zero",
            where=f"layers.{layer}",
            got=f"{least:g} {unit} in a cell",
            expected="0 or more",
            cure="if that means unknown, declare it in the file's layer with nodata:; or correct "
            "the layer",
            rule=7,
        )
    return values


def constant_supply(resource: str, model: Supply) -> float:
    """The one value of a constant supply, with its factor [canonical unit], per ``model.per``.

    Of an amount per area, per km2.
    """
    unit = RESOURCES[resource].unit
    value = model.value if model.value is not None else 0.0
    if not isinstance(value, str) and model.unit is not None:
        value = f"{value!r} {model.unit}"
    wanted = f"{unit}/km2" if model.per_area else unit
    return parse_quantity(value, wanted) * usable_part(model) * model.factor


def intensity_block(model: Power, reader: LayerReader, block: Block) -> F32 | float:
    """Emissions of the supplied power, a number or float32 of shape (rows, cols) [kg/kWh]."""
    if not isinstance(model.intensity, str):
        return float(model.intensity)
    if model.pools is None:
        return reader.values(model.intensity, block, "kg/kWh")
    scale = conversion(model.intensity_unit, "kg/kWh")[0]
    values = reader.attribute(model.pools, model.intensity) * scale
    return np.append(values, np.nan)[reader.labels(model.pools, block)].astype(np.float32)


def firm_block(model: Power, reader: LayerReader, block: Block) -> F32:
    """Share of a plant's hours that the power serves, float32 of shape (rows, cols) [1].

    Raises
    ------
    DataError
        If a share is not one.
    """
    name, where = str(model.firm), f"layers.{model.firm}"
    if model.pools is None:
        shares = reader.values(name, block, "1")
        known = shares[np.isfinite(shares)].astype(np.float64)
    else:
        known, where = reader.attribute(model.pools, name), f"layers.{model.pools}: column {name}"
        # outside the pools there is no power that could be firm
        shares = np.append(known, 1.0)[reader.labels(model.pools, block)].astype(np.float32)
    wrong = known[~((known > 0) & (known <= 1))]
    if wrong.size:
        raise DataError(
            "not a share of the hours",
            where=where,
            got=f"{wrong[0]:g}",
            expected="more than 0, at most 1",
            cure="correct it; 1 takes all hours to be served",
            rule=7,
        )
    return shares


def usable_land(model: Land, reader: LayerReader, block: Block) -> F32:
    """Share of each cell's area that can be used at all, float32 of shape (rows, cols) [1]."""
    if isinstance(model.usable, dict):
        shares = [reader.class_share(layer, of, block) for layer, of in model.usable.items()]
        together = np.multiply if model.combine == "product" else np.minimum
        return np.asarray(together.reduce(shares), np.float32) * np.float32(model.factor)
    return np.full(block.shape, model.usable * model.factor, np.float32)


def storage_offer(share: str, rate: F64, best: NDArray[np.int32], land: F32, served: F64) -> F32:
    """Injection offered to each cell by its cheapest storage unit, float32 [t/yr].

    Parameters
    ----------
    share : {'whole', 'area'}
        All of the unit to each cell, or shared evenly over the land whose cheapest unit it is.
    rate : ndarray, shape (units,)
        Yearly injection [t/yr].
    best : ndarray of int32, shape (rows, cols)
        Index of the cheapest unit, -1 where none is in reach: a true zero.
    land : ndarray of float32, shape (rows, cols)
        Land of each cell that may bring CO2 to storage [m2].
    served : ndarray, shape (units,)
        Such land whose cheapest unit it is [m2]; read for ``area`` only.
    """
    if share == "whole":
        return np.append(rate, 0.0)[best].astype(np.float32)
    return (np.append(_density(rate, served), 0.0)[best] * land).astype(np.float32)
