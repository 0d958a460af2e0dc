"""What moves along routes that stay cost at other prices: the annuity, and the price of power.

A line costs a fixed part and so much for each km of plain ground that its way amounts to, and both
follow the annuity and the price of power; what the way amounts to is that of the ground alone.
Trucks are paid for by their km, whatever money costs; liquefying for them is not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.transport.costmodels import liquefaction, ship, unit_cost
from cdrsite.transport.ways import PIPELINE, SHIP, TRUCK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.config.transport import Transport
    from cdrsite.transport.pipelines import Basis

SEA = 500.0
"""Length of the sea way that the costs of all ships follow [km]."""


@dataclass(frozen=True)
class Fares:
    """What the costs of routes are made of.

    Attributes
    ----------
    fixed : float
        Of a line, whatever its length [USD/t].
    per_km : float
        Of a line over plain ground on land [USD/t/km]. What lies at sea is taken to be as much
        dearer as it was.
    liquid : float
        Liquefying for trucks [USD/t].
    sea : float
        A ship over :data:`SEA`, which costs of ways with a ship follow as a whole; 0 where there
        are none [USD/t].
    """

    fixed: float
    per_km: float
    liquid: float
    sea: float


def fares_of(transport: Transport, basis: Basis) -> Fares:
    """What costs of routes are made of, with an annuity and prices."""
    line = unit_cost(transport.flow, transport.model, basis)
    sea = 0.0
    if transport.ships is not None:
        sea = float(ship(transport.flow, SEA, replace(basis, size=transport.ships.size)))
    return Fares(line.fixed, line.per_km, liquefaction(basis), sea)


def at_fares(cost: NDArray[Any], mode: NDArray[Any], old: Fares, new: Fares) -> NDArray[Any]:
    """Costs of routes with other fares, each along its way.

    Parameters
    ----------
    cost : ndarray of float32
        Of the routes [USD/t]; inf where there is none.
    mode : ndarray of uint8
        How each is travelled.
    old, new : Fares
        That they were made with, and others.
    """
    if old == new:
        return cost
    before = cost.astype(np.float64)
    found = before.copy()
    line, road, sea = (mode == code for code in (PIPELINE, TRUCK, SHIP))
    found[line] = new.fixed + (before[line] - old.fixed) * (new.per_km / old.per_km)
    found[road] += new.liquid - old.liquid
    if old.sea > 0.0:
        found[sea] *= new.sea / old.sea
    return found.astype(cost.dtype)
