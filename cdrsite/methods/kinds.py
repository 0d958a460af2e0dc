"""What kind of a tonne a method makes: for how long it lasts, and in which ledger it counts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from cdrsite.core.errors import message

if TYPE_CHECKING:
    from cdrsite.methods.model import MethodModel

DURABILITY = (30.0, 100.0, 1000.0)
"""Bounds of the classes of durability [yr]."""


DURABILITY_CLASSES = ("<30", "30-100", "100-1000", ">1000")
"""Names of the classes between them, the shortest first [yr]."""
UNKNOWN = "unknown"
"""Class of a storage time that no source says."""


def durability_class(years: float) -> str:
    """Class of a storage time [yr], one of :data:`DURABILITY_CLASSES`, or unknown for NaN.

    A time on a bound belongs to the longer class, as schemes ask for at least so many years.
    """
    if math.isnan(years):
        return UNKNOWN
    return DURABILITY_CLASSES[sum(years >= bound for bound in DURABILITY)]


def by_durability(rows: Iterable[tuple[str, float, float]]) -> dict[str, dict[str, float]]:
    """Net removal by class of durability, and what of it is still stored later.

    Parameters
    ----------
    rows : iterable of (class, net, retained)
        Of each method: its class, net removal [Mt/yr], and the share that is expected to be still
        stored at the end of the horizon [1].

    Returns
    -------
    dict
        Class -> ``net_mt_yr`` and ``retained_mt_yr``; every class, the longest first, and the
        unknown one where a method has it.
    """
    found = {name: {"net_mt_yr": 0.0, "retained_mt_yr": 0.0} for name in DURABILITY_CLASSES[::-1]}
    for name, net, retained in rows:
        sums = found.setdefault(name, {"net_mt_yr": 0.0, "retained_mt_yr": 0.0})
        sums["net_mt_yr"] += net
        sums["retained_mt_yr"] += net * retained
    return found


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
