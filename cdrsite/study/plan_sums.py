"""The pass over a plan that adds up what its tonnes are worth, by the cells of each method."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from cdrsite.core.grid import Block
from cdrsite.methods.feed import haul_layer
from cdrsite.methods.formulae import waiting_layer
from cdrsite.methods.supply import firm_block, intensity_block
from cdrsite.place.registry import own_layers
from cdrsite.sampling.coefficients import Coefficients
from cdrsite.sampling.derivatives import (
    EXTRAS,
    Key,
    PlanPrices,
    PlanSums,
    Ways,
    add_up,
    sums_of,
    weigh,
)
from cdrsite.study.cells import block_layers, with_waiting
from cdrsite.study.exclude import left_name
from cdrsite.study.offers import Offers
from cdrsite.study.prepare import Setting
from cdrsite.study.problem import PIECE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.competition.blockcells import BlockCells
    from cdrsite.competition.solution import BlockPlan
    from cdrsite.core.reader import LayerReader
    from cdrsite.engine.arrays import ArrayStore
    from cdrsite.methods.model import MethodModel
    from cdrsite.place.registry import PlaceNumbers

T = TypeVar("T")


@dataclass(frozen=True)
class Placed:
    """A method whose own layers are made with another number."""

    method: str
    model: MethodModel
    places: PlaceNumbers
    at: Coefficients


@dataclass(frozen=True)
class Spots:
    """Some places of a block as a row of cells: what reads the layers of a method there."""

    reader: Any
    block: Block
    place: NDArray[np.int32]
    known: dict[tuple[str, ...], NDArray[Any]] = field(default_factory=dict)
    followed: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def of(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of a block at these places, shape (..., 1, n)."""
        return values.reshape(*values.shape[:-2], 1, -1)[..., self.place]

    def _once(self, kind: str, *about: Any) -> NDArray[Any]:
        key = (kind, *map(repr, about))
        if key not in self.known:
            first, *others = about
            read = getattr(self.reader, kind)
            if kind == "class_share":
                self.known[key] = self.of(read(first, *others, self.block))
            else:
                self.known[key] = self.of(read(first, self.block, *others))
        return self.known[key]

    def values(self, layer: str, _: Block, unit: str | None = None) -> NDArray[Any]:
        """Values of a layer."""
        return self._once("values", layer, unit)

    def bands(self, layer: str, _: Block, unit: str | None = None) -> NDArray[Any]:
        """Bands of a layer."""
        return self._once("bands", layer, unit)

    def class_share(self, layer: str, weights: Mapping[Any, float], _: Block) -> NDArray[Any]:
        """Shares of classes."""
        return self._once("class_share", layer, weights)

    def following(self, key: tuple[Any, ...], layers: Sequence[str], make: Callable[[], T]) -> T:
        """What follows from layers alone at these places: made once for all numbers tried."""
        whole = (*key, *layers)
        if whole not in self.followed:
            self.followed[whole] = make()
        made: T = self.followed[whole]
        return made

    def own(self, model: MethodModel, numbers: PlaceNumbers) -> dict[str, NDArray[np.float64]]:
        """Layers that a method makes of its numbers, shape (n,)."""
        row = Block(0, 1, 0, len(self.place))
        made = own_layers(model, numbers, cast("LayerReader", self), row)
        return {
            name: np.broadcast_to(v, row.shape)[0].astype(np.float64) for name, v in made.items()
        }


@dataclass(frozen=True)
class SumBlock:
    """Pass: what the plan of a block adds up to, each tonne with what it is worth."""

    setting: Setting
    offers: Offers
    prices: PlanPrices
    cells: BlockCells
    numbers: Mapping[Block, int]
    keys: tuple[Key, ...]
    placed: tuple[Placed, ...]
    scratch: ArrayStore

    def __call__(self, block: Block) -> PlanSums:
        """Sums of the plan of a block."""
        number = self.numbers[block]
        start, stop = self.cells.span(number)
        place = self.cells.places(number)
        total = self.nothing()
        for first in range(start, stop, PIECE):
            plan = self.prices.solution.plan_of(first, min(first + PIECE, stop))
            total = total + self._of_piece(plan, place[first - start : plan.stop - start], block)
        return total

    def nothing(self) -> PlanSums:
        """Sums of no cells."""
        problem = self.prices.solution.problem
        methods, sinks = len(problem.methods), len(self.prices.sink)
        return PlanSums(
            np.zeros(len(self.keys)), np.zeros((methods, EXTRAS)), np.zeros((sinks, 2)),
            np.zeros((methods, len(problem.arrivals))), np.zeros(len(problem.local_names)), 0.0,
            np.zeros(len(self.placed)), 0,
        )  # fmt: skip

    def _of_piece(self, plan: BlockPlan, place: NDArray[np.int32], block: Block) -> PlanSums:
        """Sums of some cells of a block."""
        setting, links = self.setting, self.offers.links
        km = cost = np.zeros((1, len(place)))
        mode = np.zeros((1, len(place)), np.uint8)
        if links is not None:
            here = (slice(None), *block.slices)
            km, cost, mode = (
                np.asarray(a[here]).reshape(a.shape[0], -1)[:, place]
                for a in (links.length_km, links.cost, links.mode)
            )
        ways = Ways(km.astype(np.float64), cost.astype(np.float64), mode)
        weighed = weigh(self.prices, plan, ways)
        spots = {
            method: Spots(setting.reader, block, place[at]) for method, at in weighed.at.items()
        }
        layers: dict[str, dict[str, NDArray[np.float64]]] = {}
        for method, mine in spots.items():
            layers[method] = mine.own(setting.models[method], setting.places[method])
            for name in {n for m, _, product in self.keys if m == method for n in product}:
                if name not in layers[method]:
                    layers[method][name] = self._shared(name, mine, block)
        placed = np.zeros(len(self.placed))
        for i, one in enumerate(self.placed):
            if one.method in spots:
                own = layers[one.method] | spots[one.method].own(one.model, one.places)
                held = self._waiting(one, own, spots[one.method], block)
                placed[i] = weighed.worth(one.method, sums_of(one.at, one.method), held)
        return PlanSums(
            add_up(weighed, self.keys, layers), weighed.extra, weighed.units, weighed.arriving,
            weighed.local, weighed.land, placed, weighed.spare,
        )  # fmt: skip

    def _waiting(
        self,
        one: Placed,
        layers: dict[str, NDArray[np.float64]],
        spots: Spots,
        block: Block,
    ) -> dict[str, NDArray[Any]]:
        """Layers with what waiting for its tonnes adds, which follows the method's own layers."""
        sums = one.at.sums[one.method]
        if waiting_layer(one.method) in sums.cost.layers:
            wanted = {*sums.net_factor.layers, *sums.later.layers} - {*layers}
            layers = layers | {name: self._shared(name, spots, block) for name in sorted(wanted)}
        return with_waiting(one.method, sums, layers)

    def _shared(self, name: str, spots: Spots, block: Block) -> NDArray[np.float64]:
        """A layer that all methods read, at some places."""
        setting, power = self.setting, self.setting.scenario.resources.power
        hauled = {haul_layer(resource): sheds[1] for resource, sheds in self.offers.sheds.items()}
        if name == "intensity":
            values = np.broadcast_to(intensity_block(power, setting.reader, block), block.shape)
        elif name == "inverse firm":
            values = 1.0 / firm_block(power, setting.reader, block)
        elif name in hauled:
            values = np.asarray(hauled[name][block.slices])
        else:
            available = {
                bits: np.asarray(self.scratch.open(left_name(setting, bits))[block.slices])
                for bits in setting.book.groups
            }
            values = block_layers(setting, self.offers, available, block)[name]
        return spots.of(values)[0].astype(np.float64)
