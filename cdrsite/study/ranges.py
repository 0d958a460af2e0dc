"""What a net tonne of the plan costs at the ends of what its sources say.

Each number of a method is put at its low and at its high end, alone, and the plan's tonnes are
costed again where they are: the same cells, stores and gross tonnes, no new plan. What the numbers
move together is the root of the sum of the squares, upwards and downwards by themselves, as of
numbers that err independently; downwards of the logarithms of the ratios, since a cost does not
fall below nothing. Prices, rates and what the scenario replaces have no range.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cdrsite.core.errors import CdrsiteError
from cdrsite.core.plaindata import recorded
from cdrsite.engine.stages import stage
from cdrsite.library.parameters import PARAMETERS
from cdrsite.methods.formulae import ingredients
from cdrsite.methods.injection import emits
from cdrsite.methods.model import priced, with_number
from cdrsite.methods.rivals import RivalSums
from cdrsite.place.registry import PlaceNumbers, own_layers, place_numbers
from cdrsite.sampling.numbers import known_ends
from cdrsite.scoring.sums import Sum
from cdrsite.study.cells import block_layers, score, with_waiting
from cdrsite.study.compete import lay_out
from cdrsite.study.exclude import exclude, left_name
from cdrsite.study.offers import Offers, spread_areas
from cdrsite.study.prepare import (
    Setting,
    formulae,
    injected,
    open_layers,
    pools_of,
    read_criteria,
    read_lands,
    read_rules,
    resolve_methods,
    storage_of,
)
from cdrsite.study.routes import haul_sheds, link_storage
from cdrsite.study.standingground import standing_plants
from cdrsite.study.used import moving

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.config.models import Scenario
    from cdrsite.core.grid import Block
    from cdrsite.engine.arrays import ArrayStore
    from cdrsite.engine.passes import Workspace
    from cdrsite.methods.formulae import Ingredients
    from cdrsite.methods.model import MethodModel
    from cdrsite.study.formed import FormedSums

    F64 = NDArray[np.float64]

MOST_BLOCKS = 16
"""Blocks with most of the plan in which its tonnes are costed again."""
NO_COST = 1e3
"""Times a method's cost above which next to nothing is removed, so that there is no cost [1]."""
RANGE_COLUMNS = (
    "method", "parameter", "unit", "low", "central", "high", "usd_net_t_at_low",
    "usd_net_t_at_high",
)  # fmt: skip
"""Columns of the table of ranges; what a number moves most comes first."""


@dataclass(frozen=True)
class AtEnd:
    """A method with one number at an end of its range.

    Attributes
    ----------
    model : MethodModel
        The method with that number.
    sums : RivalSums
        Its formulae.
    places : mapping or None
        What its own layers are made with; None where they are those of the run.
    """

    model: MethodModel
    sums: RivalSums
    places: PlaceNumbers | None


@dataclass(frozen=True)
class Ranged:
    """The numbers of a method that its cost rests on.

    Attributes
    ----------
    plain : AtEnd
        The method as it is.
    ends : dict
        Parameter -> its low and high end, in its canonical unit; None where there is none.
    variants : dict
        Parameter, end -> the method there.
    count : int
        Numbers that the cost rests on.
    """

    plain: AtEnd
    ends: dict[str, tuple[float | None, float | None]]
    variants: dict[tuple[str, str], AtEnd]
    count: int

    @property
    def all(self) -> tuple[AtEnd, ...]:
        """The method as it is first."""
        return (self.plain, *self.variants.values())


def ranged(
    model: MethodModel, scenario: Scenario, given: Ingredients, formed: FormedSums
) -> Ranged:
    """A method with each number at the ends of its range, of those that move its cost."""

    def formulae_of(other: MethodModel) -> Iterator[object]:
        sums = formed.of(other, scenario, given)
        yield from (sums.parts, sums.net_factor)
        yield other.number("storage") if given.routed else 0.0
        yield place_numbers(priced(other, scenario))

    def variant(other: MethodModel) -> AtEnd:
        sums, places = formed.of(other, scenario, given), place_numbers(priced(other, scenario))
        return AtEnd(other, sums, None if places == plain[3] else places)

    plain, known = tuple(formulae_of(model)), known_ends(model, scenario)
    counted = list(moving(model, formulae_of, plain, known))
    ends = {name: known[name] for name in counted if name in known}
    variants = {}
    for name, both in ends.items():
        for end, value in zip(("low", "high"), both, strict=True):
            if value is None or value == model.numbers[name]:
                continue
            try:
                variants[name, end] = variant(with_number(model, name, value))
            except CdrsiteError:  # of a method file of a user's own: no end that could be costed
                continue
    return Ranged(variant(model), ends, variants, len(counted))


@recorded
@dataclass(frozen=True)
class RangePart:
    """Cost and net tonnes of a block's plan, of each method and variant in a row [USD/yr, t/yr]."""

    sums: NDArray[np.float64]


@dataclass(frozen=True)
class RangeBlock:
    """Pass: the plan of a block costed again, with each number at its ends."""

    setting: Setting
    offers: Offers
    ranged: Mapping[str, Ranged]
    result: ArrayStore
    scratch: ArrayStore

    def __call__(self, block: Block) -> RangePart:
        """Cost and net tonnes of each variant."""
        setting = self.setting
        available = {
            bits: np.asarray(self.scratch.open(left_name(setting, bits))[block.slices])
            for bits in setting.book.groups
        }
        layers = block_layers(setting, self.offers, available, block)
        allocated = self._read("allocated", block)
        found: list[tuple[float, float]] = []
        for m, one in enumerate(self.ranged.values()):
            used = np.nan_to_num(allocated[m]) > 0
            found += [
                self._costed(variant, layers, allocated[m], used, m, block) for variant in one.all
            ]
        return RangePart(np.array(found))

    def _read(self, name: str, block: Block) -> NDArray[Any]:
        return np.asarray(self.result.open(name)[(..., *block.slices)])

    def _costed(
        self,
        variant: AtEnd,
        layers: Mapping[str, NDArray[Any]],
        allocated: NDArray[Any],
        used: NDArray[np.bool_],
        position: int,
        block: Block,
    ) -> tuple[float, float]:
        """What the plan's cells of a method cost, and what they remove net."""
        if not used.any():
            return 0.0, 0.0
        if variant.places is not None:
            own = own_layers(variant.model, variant.places, self.setting.reader, block)
            layers = {**layers, **own}
        layers = with_waiting(variant.model.name, variant.sums, layers)
        gross = allocated[used].astype(np.float64)
        cost, net = (
            np.broadcast_to(_at(one, layers, used), gross.shape)
            for one in (variant.sums.cost, variant.sums.net_factor)
        )
        if self.setting.storage is not None and variant.model.number("storage") > 0:
            stored = np.broadcast_to(_at(variant.sums.stored, layers, used), gross.shape)
            cost = cost + stored * self._read("sink_cost", block)[position][used]
            net = net - stored * self._read("sink_loss", block)[position][used]
        return float((gross * cost).sum()), float((gross * net).sum())


def _at(one: Sum, layers: Mapping[str, NDArray[Any]], used: NDArray[np.bool_]) -> F64:
    return np.asarray(one.evaluate({name: layers[name][used] for name in one.layers}), np.float64)


@stage(
    "ranges",
    reads=(
        *("resources", "costs", "siting.combine", "transport.cost", "transport.leakage"),
        *("methods.*.cost_basis", "methods.*.world_capacity", "milestones"),
    ),
    after=(
        *(open_layers, resolve_methods, read_rules, read_lands, read_criteria, pools_of),
        *(storage_of, injected, formulae, exclude, link_storage, spread_areas, haul_sheds),
        *(score, lay_out, standing_plants),
    ),
)
def cost_ranges(
    setting: Setting, offers: Offers, space: Workspace, formed: FormedSums
) -> dict[str, Any]:
    """Cost of a net tonne of each method with each of its numbers at its ends.

    Parameters
    ----------
    setting : Setting
        Of the study.
    offers : Offers
        Pools, and the routes to storage.
    space : Workspace
        With the plan's maps.
    formed : FormedSums
        Keeps what is formed for others who try the numbers.

    Methods that run by season have no range: their tonnes pay for capacity as it is used.

    Returns
    -------
    dict
        Method -> ``table`` (rows of :data:`RANGE_COLUMNS` with costs over that of the method as it
        is [1]) and ``count``, of methods that the plan uses.
    """
    scenario = setting.scenario
    given = ingredients(
        scenario, routed=setting.storage is not None, injecting=emits(setting.injection)
    )
    each = {
        name: formed.tried(
            "ranged", partial(ranged, model, scenario, given, formed), model, scenario, given
        )
        for name, model in setting.models.items()
    }
    blocks = _blocks_of_most(setting, space)
    task = RangeBlock(setting, offers, each, space.result, space.scratch)
    rows = sum(len(one.all) for one in each.values())
    total = np.zeros((rows, 2))
    for _, part in space.each("ranges", task, blocks):
        total += part.sums
    found, at = {}, 0
    for name, one in each.items():
        mine = total[at : at + len(one.all)]
        at += len(one.all)
        if mine[0, 1] > 0 and not setting.models[name].choice.seasonal:
            found[name] = {"table": _rows(name, one, mine), "count": one.count}
    return found


def _blocks_of_most(setting: Setting, space: Workspace) -> list[Block]:
    """Blocks that hold the largest shares of what the plan gives the methods, in their order."""
    tonnes = np.zeros((len(setting.blocks), len(setting.models)))
    plan = space.result.open("allocated")
    for number, block in enumerate(setting.blocks):
        tonnes[number] = np.nansum(np.asarray(plan[(..., *block.slices)], np.float64), axis=(1, 2))
    whole = tonnes.sum(axis=0)
    share = (tonnes / np.where(whole > 0, whole, 1.0)).sum(axis=1)
    first = np.argsort(-share, kind="stable")[:MOST_BLOCKS]
    return [setting.blocks[number] for number in sorted(first.tolist()) if share[number] > 0]


def _rows(name: str, one: Ranged, sums: F64) -> list[tuple[Any, ...]]:
    """A row for each number with a range, that which moves the cost most first."""
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(sums[:, 1] > 0, sums[:, 0] / sums[:, 1], math.inf)
        each[each > NO_COST * abs(each[0])] = math.inf
    ratio = dict(zip(one.variants, (each[1:] / each[0]).tolist(), strict=True))
    rows = []
    for parameter, (low, high) in one.ends.items():
        central = one.plain.model.numbers[parameter]
        at = tuple(
            1.0 if value == central else ratio.get((parameter, end), math.nan)
            for end, value in (("low", low), ("high", high))
        )
        unit = PARAMETERS[parameter].unit
        rows.append((name, parameter, unit, low, central, high, *at))
    return sorted(rows, key=lambda row: -_moves(row))


def _moves(row: tuple[Any, ...]) -> float:
    """By how much a number moves a cost, as a share of it [1]."""
    return max((abs(ratio - 1.0) for ratio in row[-2:] if not math.isnan(ratio)), default=0.0)


def range_table(found: Mapping[str, Any], costs: Mapping[str, Any]) -> pd.DataFrame:
    """What a net tonne costs with each number at its low and at its high end.

    Parameters
    ----------
    found : mapping
        From :func:`cost_ranges`.
    costs : mapping
        From :func:`cdrsite.study.costs.cost_summary`.

    Returns
    -------
    DataFrame
        :data:`RANGE_COLUMNS`; unknown where no net removal is left at that end.
    """
    rows = [
        (*row[:-2], *(_finite(ratio * costs[name]["net_usd_t"]) for ratio in row[-2:]))
        for name, one in found.items()
        if name in costs
        for row in one["table"]
    ]
    return pd.DataFrame(rows, columns=list(RANGE_COLUMNS)).astype(
        dict.fromkeys(RANGE_COLUMNS[3:], float)
    )


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.nan


DECIDING = 3
"""Numbers named as those that decide most."""


def band(ratios: Sequence[tuple[float, float]], central: float) -> tuple[float, float]:
    """Low and high of a cost whose numbers err independently [USD/t].

    Parameters
    ----------
    ratios : sequence of (float, float)
        Cost with each number at its low and at its high end, over that of the method as it is [1];
        NaN where a number has no such end, infinite where nothing is removed net there.
    central : float
        Cost of a net tonne [USD/t].
    """
    known = [[ratio for ratio in both if not math.isnan(ratio)] for both in ratios]
    up = math.hypot(*(max((0.0, *((one - 1.0) * central for one in both))) for both in known))
    least = [min((1.0, *both)) for both in known]
    if central > 0 and min(least, default=1.0) > 0:
        return central * math.exp(-math.hypot(*map(math.log, least))), central + up
    down = math.hypot(*(min((0.0, *((one - 1.0) * central for one in both))) for both in known))
    return central - down, central + up


def add_bands(costs: Mapping[str, dict[str, Any]], found: Mapping[str, Any]) -> None:
    """Add low and high, what decides them, and how many numbers have a range, to each method.

    Parameters
    ----------
    costs : mapping
        From :func:`cdrsite.study.costs.cost_summary`; gets ``low_usd_t``, ``high_usd_t`` (None
        where nothing is removed net at some end), ``decides``, ``ranged`` and ``numbers``.
    found : mapping
        From :func:`cost_ranges`.
    """
    for name, one in found.items():
        if name not in costs:
            continue
        mine, rows = costs[name], one["table"]
        low, high = band([row[-2:] for row in rows], mine["net_usd_t"])
        mine["low_usd_t"], mine["high_usd_t"] = low, high if math.isfinite(high) else None
        mine["decides"] = [row[1] for row in rows if _moves(row) > 0][:DECIDING]
        mine["ranged"], mine["numbers"] = len(rows), one["count"]
