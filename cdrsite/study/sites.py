"""The best sites of each method: where the plan builds, and where it would next.

A site is a place for a plant of buildable size with what it gathers around it, not a single cell.
First come the places that the plan uses, the cheapest net tonne first. Alternatives follow: places
where enough tonnes lie around one that the plan does not use, in the order of what a gross tonne
there falls short of at the plan's prices (0: it would do as well), then of its cost, of suitability
and of tonnes. An alternative stands for itself: it would share pools with the plan and with others,
and offers no more than its pools hold.

One module: the plan's places and the alternatives are rows of one table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cdrsite.competition.results import real_prices
from cdrsite.core.crs import LONLAT, transformer
from cdrsite.core.states import LOWEST_STATE
from cdrsite.core.vocabulary import INJECTIVITY, PORE_SPACE
from cdrsite.methods.injection import yearly_most
from cdrsite.network._kernel_plants import disc_sums
from cdrsite.network.gather import gather_plants
from cdrsite.network.plants import ROUNDING, PlantRules
from cdrsite.study.cells import competitors_of
from cdrsite.study.kinds import prices_paid
from cdrsite.study.operation import run_shares
from cdrsite.study.sitepieces import (
    NO_GAIN,
    NOTHING_SHORT,
    OWN_LIMIT,
    Ground,
    Place,
    SharedSupply,
    means,
    placed,
    shares,
    stops,
    within,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.grid import Block
    from cdrsite.engine.arrays import ArrayStore
    from cdrsite.network.coarse import PlanGrid
    from cdrsite.study.competitors import Competitors
    from cdrsite.study.gathering import Gathered
    from cdrsite.study.offers import Offers
    from cdrsite.study.prepare import Setting
    from cdrsite.study.problem import Allocation

    Floats = NDArray[np.float64]

COLUMNS = (
    "method", "rank", "in_plan", "plan_t_yr", "gross_t_yr", "net_t_yr", "cost_usd_per_net_t",
    "shortfall", "suitability", "net_factor", "available_share", "limited_by", "cells", "haul_km",
    "farthest_km", "plant", "lon", "lat", "x", "y", "why",
)  # fmt: skip
"""Of the table of sites."""
BUILT = ("capacity_t_yr", "load_factor")
"""Further ones where methods run in the months that pay: of sites of the plan."""
LEVELS = (0.02, 0.05, 0.1, 0.2, 0.4, 1.0)
"""Shares of the tonnes, the best first, among which places are looked for in turn."""
AREA_LEAST = 1.0
"""Least tonnes of a site of a method that needs no plant [t/yr]."""


def site_table(
    setting: Setting,
    offers: Offers,
    allocation: Allocation,
    gathered: Gathered,
    names: Sequence[str],
    arrays: ArrayStore,
) -> pd.DataFrame:
    """The best sites of each method, ranked; see the module for the order.

    Parameters
    ----------
    setting : Setting
        The study; ``outputs.sites`` says how many, ``outputs.site_distance`` how far from the
        others an alternative has to be.
    offers : Offers
        Pools, and the routes to storage.
    allocation : Allocation
        The competition's answer.
    gathered : Gathered
        The plants of the plan.
    names : sequence of str
        Their names in the table of plants; empty where there is no such table.
    arrays : ArrayStore
        The result's variables.

    Returns
    -------
    DataFrame
        Columns :data:`COLUMNS`: tonnes gross and net [t/yr], ``plan_t_yr`` those that the plan has
        there; cost per net tonne with transport and storage [USD/t]; ``shortfall`` in the unit of
        the objective per gross tonne; distances in a straight line [km].
    """
    maker = Sites(setting, offers, allocation, gathered, tuple(names), arrays)
    rows = [row for m in range(len(setting.models)) for row in maker.rows(m)]
    at = COLUMNS.index("gross_t_yr") + 1
    more = BUILT if allocation.solution.problem.seasonal else ()
    return pd.DataFrame(rows, columns=[*COLUMNS[:at], *more, *COLUMNS[at:]])


@dataclass(frozen=True)
class Sites:
    """Finds and describes the sites of a study; see :func:`site_table`."""

    setting: Setting
    offers: Offers
    allocation: Allocation
    gathered: Gathered
    names: tuple[str, ...]
    arrays: ArrayStore

    @property
    def plan(self) -> PlanGrid:
        """Cells of the plan of plants."""
        return self.gathered.plan

    @cached_property
    def competitors(self) -> Competitors:
        """Needs of the methods, and where the competition reads them."""
        return competitors_of(self.setting, self.offers)

    def rows(self, m: int) -> list[dict[str, Any]]:
        """Rows of the table for one method."""
        most = self.setting.scenario.outputs.sites
        if most == 0:
            return []
        ground = self.ground(m)
        if not (ground.could > 0).any():
            return []
        rule = self.gathered.rules[m]
        quality, allowed = self.building_ground(m)
        left, supplies = self.gathered.plants.remainder[m], self.supplies(m)
        if rule.place == "none":
            rule = self.area_rule(rule, left if left.any() else ground.could)
            areas = self.search(left, ground.unit_cost, rule, quality, allowed, most, ())
            places = [replace(place, in_plan=True) for place in areas]
            # what an area of the plan holds is its own; elsewhere it might grow
            rest = np.where(left > 0, 0.0, ground.could)
        else:
            places = self.plants_of(rule.method)
            rest = ground.could.copy()
            for place in places:
                rest.reshape(-1)[place.cell] = 0.0
        places = sorted(places, key=lambda place: self.order(place, ground, quality))[:most]
        wanted = most - len(places)
        if wanted > 0:
            for supply in supplies:
                rest[~supply.enough(rule.least)] = 0.0
            order = ground.short + 0.0
            order[order < NOTHING_SHORT] = 0.0
            more = self.search(
                rest, order, rule, quality, allowed, wanted, places, ground.unit_cost, supplies
            )
            places += sorted(more, key=lambda place: self.order(place, ground, quality))
        return [
            self.row(m, rank, place, ground, left, supplies)
            for rank, place in enumerate(places[:most], 1)
        ]

    def area_rule(self, rule: PlantRules, tonnes: Floats) -> PlantRules:
        """A site of a method that needs no plant: the ground around it, not much less than most.

        Half the distance between sites around, so that two share no ground; at least a quarter of
        the tonnes of the fullest such area, or the cheapest would be the emptiest.
        """
        reach = max(self.setting.scenario.outputs.site_distance / 2, self.cell_km)
        east, north = self.plan.grid.row_steps_m
        around = np.zeros_like(tonnes)
        steps = np.ascontiguousarray(east) / 1000.0, float(north) / 1000.0
        disc_sums(tonnes, 0, tonnes.shape[0], 0, tonnes.shape[1], reach, *steps, around)
        least = max(float(around.max()) / 4, AREA_LEAST)
        return replace(
            rule, place="haul", least=least, most=math.inf, catchment_km=reach, max_plants=None
        )

    @property
    def cell_km(self) -> float:
        """Size of a cell of the plan of plants [km]."""
        return float(self.plan.grid.row_steps_m[1]) / 1000.0

    def order(self, place: Place, ground: Ground, quality: Floats) -> tuple[Any, ...]:
        """What ranks a site, the least first."""
        short, cost, net = means(place, ground)
        unfit = -float(quality[place.row, place.col])
        return (
            *(not place.in_plan, float(f"{short:.3g}"), cost, unfit, -net),
            *(place.row, place.col),
        )

    def plants_of(self, method: str) -> list[Place]:
        """The plan's plants of a method."""
        plants, names = self.gathered.plants, self.names or ("",) * len(self.gathered.plants.plants)
        return [
            replace(placed(plants, k, in_plan=True), name=names[k])
            for k, plant in enumerate(plants.plants)
            if plant.method == method
        ]

    def search(
        self,
        tonnes: Floats,
        key: Floats,
        rule: PlantRules,
        quality: Floats,
        allowed: NDArray[np.bool_],
        count: int,
        others: Sequence[Place],
        then: Floats | None = None,
        supplies: Sequence[SharedSupply] = (),
    ) -> list[Place]:
        """Places with enough tonnes around them, those with the least of ``key`` first.

        Parameters
        ----------
        tonnes : ndarray
            What may be gathered [t/yr]; each tonne serves one place (rule 6).
        key, then : ndarray
            Cells are taken in this order, the first decides.
        rule, quality, allowed
            As :func:`gather_plants` takes them.
        count : int
            Places that are wanted.
        others : sequence of Place
            Places to keep a distance from.
        supplies : sequence of SharedSupply
            No place takes more from a pool than there is.
        """
        share = shares(tonnes, key, key if then is None else then)
        left, places = tonnes.copy(), list[Place]()
        for level in LEVELS:
            wanted = count - len(places)
            field = np.where(share <= level, left, 0.0)
            if wanted <= 0 or not field.any():
                continue
            # some of them will be too near to others, or too small for their pools
            plants = gather_plants(
                field[None], [replace(rule, max_plants=2 * wanted + 8)], self.plan.grid,
                suitability=quality[None], allowed=allowed[None],
            )  # fmt: skip
            for k in range(len(plants.plants)):
                place = within(placed(plants, k, in_plan=False), supplies)
                left.reshape(-1)[place.cell] = 0.0
                enough = place.tonnes.sum() >= rule.least * (1 - ROUNDING)
                if enough and len(places) < count and self.apart(place, [*others, *places]):
                    places.append(place)
        return places

    def apart(self, place: Place, others: Sequence[Place]) -> bool:
        """Whether a place is far enough from others."""
        east, north = self.plan.grid.row_steps_m
        least = self.setting.scenario.outputs.site_distance * (1 - ROUNDING)
        for other in others:
            step = 0.5 * (float(east[place.row]) + float(east[other.row])) / 1000.0
            away = math.hypot(
                (place.row - other.row) * north / 1000.0, (place.col - other.col) * step
            )
            if away < least:
                return False
        return True

    # -- what is read ------------------------------------------------------------------------

    def ground(self, m: int) -> Ground:
        """What a method could do in each cell, what it would cost, and what it falls short of."""
        names = ("could", "net", "cost", "short", "land")
        sums = {name: np.zeros(self.plan.grid.shape) for name in names}
        for block, here in self.plan.parts():
            values = self.block(m, block)
            for name, total in sums.items():
                weighed = values["could"] * (1.0 if name == "could" else values[name])
                total[here] = self.coarser(weighed)
        could = sums.pop("could")
        some = np.where(could > 0, could, 1.0)
        return Ground(could, **{name: total / some for name, total in sums.items()})

    def block(self, m: int, block: Block) -> dict[str, Floats]:
        """The same for a block of the study's grid; 0 tonnes where nothing is possible."""
        at = (m, *block.slices)

        def read(name: str) -> Floats:
            return np.asarray(self.arrays.open(name)[at], np.float64)

        fact = self.competitors.facts[m]
        with np.errstate(divide="ignore", invalid="ignore"):
            could = read("usable_land") / read("need_land")
            for own in self.competitors.local:
                number = own.need(fact)  # else the name of a layer: one for each cell
                each = isinstance(number, str)
                need = np.nan_to_num(read(f"need_{own.resource}")) if each else np.float64(number)
                supply = np.asarray(self.arrays.open(own.variable)[block.slices], np.float64)
                could = np.where(need > 0, np.minimum(could, supply / need), could)
        net, cost = read("net_at_plant"), read("cost_at_plant")
        possible = self.arrays.open("limit")[at] < LOWEST_STATE
        if fact.stored > 0:
            stored = read("need_storage") if fact.storing else fact.stored
            net = net - stored * read("sink_loss")
            cost = cost + stored * read("sink_cost")
            possible &= self.arrays.open("sink")[at] >= 0
        short = read("shortfall")
        possible &= np.isfinite(could) & (could > 0) & (net > 0) & np.isfinite(cost + short)
        price = np.nan_to_num(self.arrays.open("land_price")[block.slices])
        # land without end, where no energy grows on it, is never taken
        land = np.where(possible, read("need_land"), 0.0) * fact.exclusive * price
        fields = {"could": could, "net": net, "cost": cost, "short": short, "land": land}
        return {name: np.where(possible, values, 0.0) for name, values in fields.items()}

    def coarser(self, values: Floats) -> Floats:
        """Sums over the cells of the plan of plants."""
        factor = self.plan.factor
        if factor == 1:
            return values
        down = np.add.reduceat(values, np.arange(0, values.shape[0], factor), axis=0)
        return np.add.reduceat(down, np.arange(0, values.shape[1], factor), axis=1)

    def picked(self, name: str, m: int | None = None) -> NDArray[Any]:
        """A variable of codes or labels at the middle of each cell of the plan of plants."""
        source, plan = self.arrays.open(name), self.plan
        middles = np.empty(plan.grid.shape, source.dtype)
        for block, here in plan.parts():
            at = block.slices if m is None else (m, *block.slices)
            values, half = np.asarray(source[at]), plan.factor // 2
            rows, cols = (
                np.minimum(np.arange(count) * plan.factor + half, size - 1)
                for count, size in zip(middles[here].shape, values.shape, strict=True)
            )
            middles[here] = values[np.ix_(rows, cols)]
        return middles

    def building_ground(self, m: int) -> tuple[Floats, NDArray[np.bool_]]:
        """Suitability of the cells, and whether plants may stand there."""
        names = ("allocated", "suitability", "available")
        of_method = (_Only(self.arrays.open(name), m) for name in names)
        _, quality, allowed = self.plan.allocation(*of_method)
        known = np.asarray(quality[0], np.float64)
        return np.where(np.isfinite(known), known, 0.0), allowed[0]

    def supplies(self, m: int) -> list[SharedSupply]:
        """Pools and storage units that a method draws on."""
        fact, supplies = self.competitors.facts[m], []
        for name, pools in self.offers.pools.items():
            need = fact.needs.get(name, 0.0)
            if isinstance(need, str):  # the least that a tonne needs anywhere: pools cap, not plan
                known = self.picked(f"need_{name}", m).astype(np.float64)
                known = known[known > 0]
                need = float(known.min()) if known.size else 0.0
            if need > 0:
                price = self.prices((name,), pools.names) * need
                if name in fact.kinds:
                    solution = self.allocation.solution
                    price = prices_paid(solution, name, pools.names, fact.kinds) * need
                share = run_shares(self.allocation.solution, pools, fact.name)
                if pools.months is not None:
                    solution = self.allocation.solution
                    price = prices_paid(solution, name, pools.names, {}, share) * need
                label = self.picked(f"pool_{name}")
                mine = pools.of(fact.kinds.get(name, ())).supply_for(share)
                supplies.append(SharedSupply(name, label, mine / need, price))
        units = self.setting.storage
        if fact.stored > 0 and units is not None:
            stored = fact.stored
            if fact.storing:  # the least, as for other pools
                known = self.picked("need_storage", m).astype(np.float64)
                stored = float(known[known > 0].min(initial=stored))
            injection = self.setting.injection
            rate = yearly_most(units, injection) / stored
            price = self.prices((INJECTIVITY, PORE_SPACE), units.names) * stored
            if injection is not None:  # what the unit takes where it lies
                for name, zone in injection.zone.items():
                    own = np.append(self.prices((name,), self.offers.pools[name].names), 0.0)
                    price = price + own[zone] * injection.needs[name] * stored
            label = self.picked("sink", m)
            supplies.append(SharedSupply("storage", label, np.asarray(rate, np.float64), price))
        return supplies

    def prices(self, families: Sequence[str], names: Sequence[str]) -> Floats:
        """Prices of pools [objective per unit]."""
        solution = self.allocation.solution
        prices = dict.fromkeys(names, 0.0)
        for row, price in zip(solution.system.rows, real_prices(solution), strict=True):
            if row.family in families and row.zone in prices:
                prices[row.zone] += float(price)
        return np.array([prices[name] for name in names])

    # -- what is said ------------------------------------------------------------------------

    def row(
        self,
        m: int,
        rank: int,
        place: Place,
        ground: Ground,
        left: Floats,
        supplies: Sequence[SharedSupply],
    ) -> dict[str, Any]:
        """A row of the table."""
        grid, method = self.setting.area.grid, tuple(self.setting.models)[m]
        row, col = self.cell_of(m, place)
        x, y = float(grid.x[col]), float(grid.y[row])
        lon, lat = transformer(grid.wkt, LONLAT).transform(x, y)
        gross = float(place.tonnes.sum())
        short, cost, net = means(place, ground)
        planned = gross
        if not place.in_plan:
            planned = float(np.minimum(place.at(left), place.tonnes).sum())
        site = {
            "method": method,
            "rank": rank,
            "in_plan": place.in_plan,
            "plan_t_yr": planned,
            "gross_t_yr": gross,
            "net_t_yr": net,
            "cost_usd_per_net_t": cost,
            "shortfall": short,
            "suitability": float(self.arrays.open("suitability")[m, row, col]),
            "net_factor": net / gross,
            "available_share": float(self.arrays.open("available")[m, row, col]),
            "limited_by": stops(place, ground, supplies, short),
            "cells": len(place.cell),
            "haul_km": place.haul_km,
            "farthest_km": place.farthest_km,
            "plant": place.name,
            "lon": round(float(lon), 5),
            "lat": round(float(lat), 5),
            "x": x,
            "y": y,
        }
        if self.allocation.solution.problem.seasonal:
            built = float((place.tonnes * place.at(self.per_output(m))).sum())
            known = place.in_plan and built > 0
            site["capacity_t_yr"] = built if known else math.nan
            site["load_factor"] = min(gross / built, 1.0) if known else math.nan
        return {**site, "why": self.why(site)}

    def per_output(self, m: int) -> Floats:
        """Capacity per output of a method in the plan, on the cells of the plan of plants [1]."""
        sums = {name: np.zeros(self.plan.grid.shape) for name in ("capacity", "allocated")}
        for block, here in self.plan.parts():
            for name, total in sums.items():
                values = np.asarray(self.arrays.open(name)[(m, *block.slices)], np.float64)
                total[here] = self.coarser(np.nan_to_num(values))
        made = sums["allocated"]
        return np.divide(sums["capacity"], made, out=np.ones_like(made), where=made > 0)

    def cell_of(self, m: int, place: Place) -> tuple[int, int]:
        """The cell of the study's grid that a site stands on."""
        if self.plan.factor == 1:
            return place.row, place.col
        if place.in_plan and self.gathered.rules[m].place != "none":
            both = zip(self.gathered.plants.plants, self.gathered.placed.plants, strict=True)
            for plant, there in both:
                at = (plant.method, plant.row, plant.col)
                if at == (self.gathered.rules[m].method, place.row, place.col):
                    return there.row, there.col
        quality, left = (self.arrays.open(name) for name in ("suitability", "available"))
        return self.plan.best(m, place.row, place.col, quality, left)

    def why(self, row: Mapping[str, Any]) -> str:
        """A site in a sentence."""
        unit = self.allocation.solution.objective.unit.removesuffix("/yr")
        if row["in_plan"]:
            head = "in the plan"
        elif row["shortfall"] < NOTHING_SHORT:
            head = "not in the plan, though as good"
        else:
            head = f"not in the plan: each gross tonne would cost it {row['shortfall']:.3g} {unit}"
        limit = row["limited_by"]
        scarce = "" if limit in {OWN_LIMIT, NO_GAIN} else f"; what is scarce there: {limit}"
        return (
            f"{head}; {row['net_t_yr']:,.0f} t/yr net at {row['cost_usd_per_net_t']:,.0f} USD per "
            f"net t, suitability {row['suitability']:.2f}{scarce}"
        )


@dataclass(frozen=True)
class _Only:
    """One method of an array, as an array of one method."""

    whole: Any
    method: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one method."""
        return (1, *self.whole.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the array."""
        return np.dtype(self.whole.dtype)

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TypeError("read only")

    def __getitem__(self, key: Any) -> NDArray[Any]:
        values = np.asarray(self.whole[(self.method, *key[1:])])
        return values[None] if isinstance(key[0], slice) else values
