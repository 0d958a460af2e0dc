"""What the competition knows of the methods, and of the cells that they meet in.

The competition divides truly what the scoring only offered: here each cell brings its own limits,
the land it may use and supplies that cannot leave it (rule 6).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.competition.preference import along_curve
from cdrsite.competition.problem import finite
from cdrsite.core.states import LOWEST_STATE
from cdrsite.study.sharing import Sharing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.competition.blockcells import CellLayout
    from cdrsite.core.grid import Block
    from cdrsite.methods.injection import Injection
    from cdrsite.transport.links import SinkLinks

    F32 = NDArray[np.float32]

NEIGHBOURS = 0.1
"""Weight of the order of neighbours among equal cells; the rest is that of suitability [1]."""


@dataclass(frozen=True)
class MethodFacts:
    """What the competition needs to know of a method besides its cells.

    Attributes
    ----------
    name : str
        Unique.
    stored : float
        CO2 brought to storage per gross tonne [t/t], by the method's own numbers.
    exclusive : float
        Share of its land that blocks other uses [1].
    needs : mapping
        Resource -> need per gross tonne, a number or the name of a layer of the cells; negative
        where the method supplies it.
    heat_level : str
        Of the heat that it takes from others or supplies; empty without.
    unserved : bool
        Whether it takes heat where cells have only cooler heat of their own.
    kinds : mapping
        Resource that is offered by kind -> the kinds that it may have.
    storing : bool
        Whether what is stored differs from place to place: ``need_storage`` of the variables.
    """

    name: str
    stored: float
    exclusive: float
    needs: Mapping[str, float | str]
    heat_level: str = ""
    unserved: bool = False
    storing: bool = False
    kinds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class OwnSupply:
    """What cells have themselves of a resource, of all kinds or some of them.

    Attributes
    ----------
    resource : str
        Which.
    variable : str
        Name of the variable.
    kinds : tuple of str
        Those it is of; empty for all.
    """

    resource: str
    variable: str
    kinds: tuple[str, ...] = ()

    def need(self, fact: MethodFacts) -> float | str:
        """What a method takes of it per gross tonne; nothing where it may have other kinds too."""
        mine = not self.kinds or {*fact.kinds.get(self.resource, ())} <= {*self.kinds}
        return fact.needs.get(self.resource, 0.0) if mine else 0.0


@dataclass(frozen=True)
class Competitors:
    """What is needed to turn a block's variables into cells of the competition.

    Attributes
    ----------
    facts : tuple of MethodFacts
        The methods.
    layout : CellLayout
        How cells are kept.
    needs : mapping
        Layer -> variable and number of the method whose need it is.
    local : tuple of OwnSupply
        Supplies that cannot leave the cell.
    zones : mapping
        Zoning -> variable with each cell's zone.
    leakage : float
        Share of the CO2 lost over 100 km [1].
    shape : tuple of int
        Rows and columns of the grid.
    injection : Injection or None
        What storage units take where they lie.
    sharing : Sharing
        Who shares land with whom.
    """

    facts: tuple[MethodFacts, ...]
    layout: CellLayout
    needs: Mapping[str, tuple[str, int]]
    local: tuple[OwnSupply, ...]
    zones: Mapping[str, str]
    leakage: float
    shape: tuple[int, int]
    injection: Injection | None = None
    sharing: Sharing = field(default_factory=Sharing)

    def matrix(
        self,
        arrays: Mapping[str, NDArray[Any]],
        links: SinkLinks | None,
        block: Block,
        parts: F32 | None = None,
    ) -> F32:
        """The cells of a block where some method is possible, row by row.

        Parameters
        ----------
        arrays : mapping
            A block's part of the result's variables.
        links : SinkLinks or None
            Each cell's cheapest storage units.
        block : Block
            Which cells.
        parts : ndarray, optional
            Land in parts, where methods share it.
        """
        upper = self.uppers(arrays)
        place = np.flatnonzero((upper > 0).any(axis=0))
        fields = self.fields(arrays, upper, links, block, place, parts)
        suitability = arrays["suitability"].reshape(upper.shape)[:, place]
        order = self._last_choice(np.nan_to_num(suitability), block, place)
        fields["layers"] = np.concatenate([fields["layers"], order])
        return self.layout.matrix(fields | {"place": place}, len(place))

    def uppers(self, arrays: Mapping[str, NDArray[Any]]) -> F32:
        """Most of each method in each cell of a block, shape (methods, cells) [gross t/yr]."""
        own, need = arrays["usable_land"], arrays["need_land"]
        possible = arrays["limit"] < LOWEST_STATE
        with np.errstate(divide="ignore", invalid="ignore"):
            upper = np.where(possible, own / need, 0).astype(np.float32)
        upper[~(np.isfinite(upper) & (upper > 0))] = 0
        upper[[fact.unserved for fact in self.facts]] = 0
        return upper.reshape(len(self.facts), math.prod(upper.shape[1:]))  # also of no methods

    def fields(
        self,
        arrays: Mapping[str, NDArray[Any]],
        upper: F32,
        links: SinkLinks | None,
        block: Block,
        place: NDArray[np.integer[Any]],
        parts: F32 | None = None,
    ) -> dict[str, NDArray[Any]]:
        """What the competition knows of some cells of a block; ``upper`` from :meth:`uppers`."""
        size = block.shape[0] * block.shape[1]
        whole = len(place) == size  # places rise, so these are all

        def pick(array: NDArray[Any]) -> NDArray[Any]:
            flat = array.reshape(*array.shape[:-2], size)
            return flat if whole else flat[..., place]

        fields = {
            # no m2 serves two (rule 6), whoever of those that are possible may have it
            "land": np.where(
                upper[:, place] > 0, finite(pick(arrays["usable_land"])), np.float32(0)
            ).max(axis=0, initial=0.0),
            "upper": upper[:, place],
            "net": finite(pick(arrays["net_at_plant"])),
            "cost": finite(pick(arrays["cost_at_plant"])),
            "need": finite(pick(arrays["need_land"]), posinf=0.0),
        }
        if parts is not None:
            areas = self.sharing.areas(
                pick(parts),
                fields["upper"],
                pick(arrays["available"]),
                pick(arrays["usable_land"]),
            )
            fields["ground"] = areas[1:]
            if any(self.sharing.own):
                fields["land"] = areas[0]
        if self.layout.storing:
            stored = pick(arrays["need_storage"])
            ratios = [
                stored[m] / one.stored if one.storing else np.ones_like(stored[m])
                for m, one in enumerate(self.facts)
            ]
            fields["stored_ratio"] = finite(np.stack(ratios), nan=1.0)
        layers = [pick(arrays[name][m]) for name, m in self.needs.values()]
        local = [pick(arrays[one.variable]) for one in self.local]
        zones = [pick(arrays[name]) for name in self.zones.values()]
        for name, rows in (("layers", layers), ("local", local)):
            fields[name] = finite(_stacked(rows, len(place)))
        fields["zones"] = _stacked(zones, len(place))
        if links is not None:
            fields |= _sink_fields(links, pick, self.leakage, self.injection, block)
        return fields

    def _last_choice(
        self, suitability: NDArray[Any], block: Block, place: NDArray[np.int64]
    ) -> F32:
        """How late each method's cells come among equal ones, from 0 to 1, shape (methods, n).

        The less suitable a cell is the later; then the later, the further along a curve that keeps
        neighbours together.
        """
        row, col = np.divmod(place, block.shape[1])
        far = along_curve(row + block.row0, col + block.col0, self.shape)
        unfit = 1.0 - np.clip(suitability, 0.0, 1.0)
        return ((1.0 - NEIGHBOURS) * unfit + NEIGHBOURS * far).astype(np.float32)


def _stacked(parts: list[NDArray[Any]], count: int) -> NDArray[Any]:
    return np.stack(parts) if parts else np.zeros((0, count), np.float32)


def _sink_fields(
    links: SinkLinks, pick: Any, leakage: float, injection: Injection | None, block: Block
) -> dict[str, Any]:
    here = (slice(None), *block.slices)
    sink = pick(np.asarray(links.sink[here]))
    cost = pick(np.asarray(links.cost[here])) + pick(np.asarray(links.storage_cost[here]))
    km = np.where(sink >= 0, pick(np.asarray(links.length_km[here])), 0)
    loss = km * (leakage / 100.0)
    if injection is not None:
        cost = cost + np.append(injection.cost, 0.0)[sink]
        loss = loss + np.append(injection.emissions, 0.0)[sink]
    return {
        "sink": sink,
        "sink_cost": np.where(sink >= 0, cost, 0).astype(np.float32),
        "sink_loss": loss.astype(np.float32),
    }
