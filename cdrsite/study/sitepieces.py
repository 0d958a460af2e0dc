"""Pieces that sites are made of: places, what a method could do in cells, supplies they share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.network.plants import ROUNDING, Plants

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

OWN_LIMIT, NO_GAIN = "own limit", "no gain"
"""What limits a site where nothing scarce is charged for: it does all it can; it gains nothing."""
NOTHING_SHORT = 1e-6
"""A gross tonne that falls short by less does as well as the plan's own [objective/t]."""


@dataclass(frozen=True)
class Place:
    """A site with the pieces of cells that it gathers, on the cells of the plan of plants."""

    row: int
    col: int
    cell: NDArray[np.int64]
    tonnes: Floats
    haul_km: float
    farthest_km: float
    in_plan: bool
    name: str = ""

    def at(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of the cells that it gathers from."""
        return values.reshape(-1)[self.cell]


@dataclass(frozen=True)
class SharedSupply:
    """What may be gathered of a supply that cells share.

    Attributes
    ----------
    name : str
        Of the resource.
    label : ndarray of int
        Pool of each cell; -1 for none.
    tonnes : ndarray, shape (pools,)
        Gross tonnes that each pool is enough for [t/yr].
    price : ndarray, shape (pools,)
        What each charges a gross tonne [objective/t].
    """

    name: str
    label: NDArray[np.int32]
    tonnes: Floats
    price: Floats

    def enough(self, least: float) -> NDArray[np.bool_]:
        """Cells whose whole pool could feed a plant of the least size."""
        known = np.append(self.tonnes >= least * (1 - ROUNDING), False)
        return known[self.label]


@dataclass(frozen=True)
class Ground:
    """What a method could do in each cell of the plan of plants, without regard to pools.

    Attributes
    ----------
    could : ndarray
        Gross tonnes that the cell's own land and supplies allow [t/yr].
    net, cost : ndarray
        Net tonnes [t/t] and cost [USD/t] of a gross tonne, transport and storage included.
    short : ndarray
        What a gross tonne falls short of at the plan's prices [objective/t].
    land : ndarray
        What the cell's land charges a gross tonne [objective/t].
    """

    could: Floats
    net: Floats
    cost: Floats
    short: Floats
    land: Floats

    @cached_property
    def unit_cost(self) -> Floats:
        """Cost of a net tonne [USD/t]."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(self.net > 0, self.cost / self.net, np.inf))


def placed(plants: Plants, k: int, *, in_plan: bool) -> Place:
    """A gathered plant as a site."""
    pieces, plant = plants.piece_plant == k, plants.plants[k]
    return Place(
        plant.row, plant.col, plants.piece_cell[pieces], plants.piece_t_yr[pieces],
        plant.haul_km, plant.farthest_km, in_plan,
    )  # fmt: skip


def within(place: Place, supplies: Sequence[SharedSupply]) -> Place:
    """A site that takes no more from any pool than there is."""
    tonnes = place.tonnes
    for supply in supplies:
        label = place.at(supply.label)
        taken = np.bincount(label + 1, tonnes, len(supply.tonnes) + 1)[1:]
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.append(np.where(taken > 0, np.minimum(supply.tonnes / taken, 1.0), 1.0), 0.0)
        tonnes = tonnes * scale[label]
    return replace(place, tonnes=tonnes)


def means(place: Place, ground: Ground) -> tuple[float, float, float]:
    """Shortfall of a gross tonne, cost of a net tonne [USD/t], and net tonnes of a site [t/yr]."""
    net = math.fsum(place.tonnes * place.at(ground.net))
    money = math.fsum(place.tonnes * place.at(ground.cost))
    short = math.fsum(place.tonnes * place.at(ground.short)) / math.fsum(place.tonnes)
    short = 0.0 if place.in_plan or short < NOTHING_SHORT else short
    return short, money / net if net > 0 else math.inf, net


def stops(place: Place, ground: Ground, supplies: Sequence[SharedSupply], short: float) -> str:
    """The resource that the plan charges a site's tonnes most for, in a word."""
    charges = {"land": float((place.tonnes * place.at(ground.land)).sum())}
    for supply in supplies:
        price = np.append(supply.price, 0.0)[place.at(supply.label)]
        charges[supply.name] = float((place.tonnes * price).sum())
    name = max(charges, key=lambda resource: charges[resource])
    if charges[name] > NOTHING_SHORT * place.tonnes.sum():
        return name
    return NO_GAIN if short > 0 else OWN_LIMIT


def shares(tonnes: Floats, key: Floats, then: Floats) -> Floats:
    """Share of all tonnes that comes up to each cell in the order of ``key``, then ``then``."""
    weight = tonnes.ravel()
    some = np.flatnonzero(weight > 0)
    order = some[np.lexsort((then.ravel()[some], key.ravel()[some]))]
    share = np.full(weight.shape, np.inf)
    running = np.cumsum(weight[order])
    if len(order):
        share[order] = np.minimum(running / running[-1], 1.0)
        # equal cells stand and fall together, whatever their place; so do those without a value
        first = np.ones(len(order), bool)
        ranked = key.ravel()[order], then.ravel()[order]
        first[1:] = np.any([each[1:] != each[:-1] for each in ranked], axis=0)
        last = np.append(np.flatnonzero(first)[1:] - 1, len(order) - 1)
        share[order] = share[order][last][np.cumsum(first) - 1]
    return share.reshape(tonnes.shape)
