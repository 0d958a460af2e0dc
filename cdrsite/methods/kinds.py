"""What kind of a tonne a method makes: for how long it lasts, and in which ledger it counts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cdrsite.core.errors import message

if TYPE_CHECKING:
    from cdrsite.methods.model import MethodModel

DURABILITY = (30.0, 100.0, 1000.0)
"""Bounds of the classes of durability [yr]."""


def durability_class(years: float) -> str:
    """Class of a storage time: ``<30``, ``30-100``, ``100-1000`` or ``>1000`` [yr].

    A time on a bound belongs to the longer class, as schemes ask for at least so many years.
    """
    below, middle, most = (f"{bound:g}" for bound in DURABILITY)
    names = (f"<{below}", f"{below}-{middle}", f"{middle}-{most}", f">{most}")
    return names[sum(years >= bound for bound in DURABILITY)]


def hazard_of(model: MethodModel) -> float:
    """Yearly loss of what a method stores [1/yr]: its hazard, and the decay of its products.

    A half-life h is a hazard of ``ln 2 / h``.
    """
    half = model.number("half_life")
    decay = math.log(2.0) / half if half > 0 else 0.0
    return model.number("reversal_hazard") + decay


def remarks_on_kind(model: MethodModel) -> Iterator[str]:
    """What a reader must know of a method's tonnes and of where it may be."""
    where = f"methods.{model.name}"
    if model.method.ledger_class == "avoided":
        yield message(
            "the method stops emissions and removes nothing, so no plan takes it",
            where=where,
            got="ledger_class: avoided",
            expected="a method that removes CO2, for a plan of removal",
            cure="read its land need as that of a tonne that is not emitted, or remove it",
            rule=5,
        )
    if model.method.domain == "coast" and not model.choice.regions:
        yield message(
            "nothing says where the coast is, so the method may be anywhere",
            where=f"{where}.regions",
            expected="a layer of polygons: tidal land that is degraded, beaches",
            cure=f"give {where}.regions",
            rule=7,
        )
