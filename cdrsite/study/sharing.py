"""Land that methods share with its present use, and those that take it for themselves (rule 6).

What methods take for themselves in a cell, and what any one practice needs besides, is no more than
the land that they can use between them. Practices may lie on top of one another, unless they need
the same limited slot of a field: then they stand beside one another like any other use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.competition.problem import LandRow
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.methods.landparts import land_parts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.grid import Block
    from cdrsite.study.prepare import Setting

    F32 = NDArray[np.float32]


@dataclass(frozen=True)
class Sharing:
    """Who shares land with whom.

    Attributes
    ----------
    own : tuple of float
        Share of each method's land that blocks other uses [1].
    rows : tuple of LandRow
        Land that methods use together.
    lands : tuple of int
        Usable land of each method, by its number.
    """

    own: tuple[float, ...] = ()
    rows: tuple[LandRow, ...] = ()
    lands: tuple[int, ...] = ()

    @property
    def needed(self) -> bool:
        """Whether the land that methods have between them is not that of any one alone."""
        takers = {land for land, part in zip(self.lands, self.own, strict=True) if part}
        return len(self.rows) > 0 or len(takers) > 1

    def areas(
        self, parts: NDArray[Any], upper: NDArray[Any], available: NDArray[Any], own: NDArray[Any]
    ) -> NDArray[np.float64]:
        """Land that the methods of each row can use between them, shape (1 + rows, n) [m2].

        The first row is of those that have land for themselves alone.

        Parameters
        ----------
        parts : ndarray, shape (parts, lands, n)
            Land of each part that each kind of usable land has, before exclusions [m2].
        upper, available, own : ndarray, shape (methods, n)
            Most of each method, what exclusions leave of each cell [1], and its land [m2].
        """
        left = np.where(upper > 0, np.nan_to_num(available), 0.0)
        mine = np.where(upper > 0, np.nan_to_num(own), 0.0)
        found = np.zeros((1 + len(self.rows), upper.shape[1]))
        for i, weight in enumerate((self.own, *(row.weight for row in self.rows))):
            who = np.flatnonzero(np.array(weight) > 0)
            most = {
                land: left[[m for m in who if self.lands[m] == land]].max(axis=0)
                for land in {self.lands[m] for m in who}
            }
            for part in parts:
                found[i] += np.max([part[land] * share for land, share in most.items()], axis=0)
            # nor less than one of them has alone, to the last digit
            np.maximum(found[i], mine[who].max(axis=0, initial=0.0), out=found[i])
        return found


def sharing_of(setting: Setting) -> Sharing:
    """How the methods of a study share land."""
    names = tuple(setting.models)
    own = tuple(model.number("land_exclusive_fraction", 1.0) for model in setting.models.values())
    lands = tuple(setting.lands.of[name] for name in names)
    rows = [] if not any(own) else [*_practices(setting, own), *_alike(own, lands)]
    return Sharing(own, tuple(rows), lands)


def _practices(setting: Setting, own: tuple[float, ...]) -> list[LandRow]:
    """A row for those that need one slot, and for each other practice."""
    names, rows, seen = tuple(setting.models), [], set()
    for slot, needs in _slots(setting, own).items():
        parts = [
            part + (1.0 - part) * needs.get(name, 0.0)
            for name, part in zip(names, own, strict=True)
        ]
        rows.append(LandRow(slot, tuple(parts)))
        grounds = {setting.ground_of(name) for name in needs}
        # a practice whose slot is all of its land needs no row besides that of the slot
        seen |= {name for name, part in needs.items() if part == 1.0 and len(grounds) == 1}
    for m, (name, part) in enumerate(zip(names, own, strict=True)):
        if part < 1.0 and name not in seen:
            rows.append(LandRow(name, tuple(1.0 if i == m else e for i, e in enumerate(own))))
    return rows


def _slots(setting: Setting, own: tuple[float, ...]) -> dict[str, Mapping[str, float]]:
    """Limited resource that is counted in land -> practice -> the part of its land that it needs.

    Where a need is no number of its own, or more than the land, it is all of the land.
    """
    practices = [name for name, part in zip(setting.models, own, strict=True) if part < 1.0]
    found: dict[str, Mapping[str, float]] = {}
    for name, model in setting.scenario.resources.supplies.items():
        if RESOURCES[name].unit != "m2" or model.unlimited:
            continue
        needs = {}
        for method in practices:
            sums = setting.rivals[method]
            if name not in sums.needs or sums.needs[name].constant == 0.0:
                continue
            needs[method], slot, land = 1.0, sums.needs[name].constant, sums.land.constant
            if slot is not None and land:
                needs[method] = min(slot / land, 1.0)
        if len(needs) > 1:
            found[name] = needs
    return found


def _alike(own: tuple[float, ...], lands: tuple[int, ...]) -> list[LandRow]:
    """A row for those that can use the same land alone, where others can use other land."""
    users = {land: [m for m, e in enumerate(own) if e and lands[m] == land] for land in set(lands)}
    users = {land: who for land, who in users.items() if who}
    if len(users) < 2:
        return []
    return [
        LandRow(f"usable land {land}", tuple(e if m in who else 0.0 for m, e in enumerate(own)))
        for land, who in sorted(users.items())
        if len(who) > 1
    ]


def parts_of(setting: Setting, block: Block) -> F32:
    """Land in parts, by kind of usable land, shape (parts, lands, rows, cols) [m2]."""
    shares = land_parts(setting.lands.different, setting.reader, block)
    return shares * setting.reader.grid.block_areas(block)
