"""What plants that stand already take and give, by the numbers of their methods at their place."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.core.errors import ConfigError
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.methods.feed import haul_layer
from cdrsite.methods.heat import draws_heat
from cdrsite.scoring.numpy_backend import sum_of
from cdrsite.study.course import begin_of, shares_of_prices, times
from cdrsite.study.emitters import ways_of
from cdrsite.study.offers import Offers
from cdrsite.study.points import read_cells, refuse_points
from cdrsite.study.prepare import Setting
from cdrsite.study.standing import Standing
from cdrsite.study.standingground import cell_of, layers_at, refuse_unknown
from cdrsite.study.standingpoints import StandingPoints
from cdrsite.study.standingsupply import drawn_by_cell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from cdrsite.scoring.sums import Sum

    F64 = NDArray[np.float64]
    I64 = NDArray[np.int64]

SUNK = ("capital", "heat_pump", "planting")
"""Parts of the cost that were paid when a plant was built."""


def routed(setting: Setting, offers: Offers) -> Standing | None:
    """What plants that stand take and give, with their ways to storage; None without any.

    Parameters
    ----------
    setting : Setting
        With its points.
    offers : Offers
        Routes to storage; without them nothing is brought to a unit, as before they are known.

    Raises
    ------
    ConfigError
        A need of what is offered cell by cell (rule 6).
    DataError
        A plant in no pool of what it needs, of which something is unknown, without its storage
        unit in reach, or which emits more than it removes.
    """
    points = setting.standing
    if points is None:
        return None
    scenario, path, count = setting.scenario, setting.scenario.milestones, len(points.names)
    years = () if path is None else path.years
    size = max(len(years), 1)
    needs = {name: np.zeros(count) for name in setting.pools}
    land, stored = np.zeros(count), np.zeros(count)
    net, cost = np.zeros((count, size)), np.zeros((count, size))
    for k in range(count):
        layers = _with_haul(setting, offers, points, k)
        name = points.methods[k]
        sums = setting.rivals[name]

        at = partial(_at, layers)
        for resource, need in sums.needs.items():
            if resource == "heat" and not draws_heat(setting.models[name]):
                continue
            each = at(need)
            if resource in needs or drawn_by_cell(setting, resource):
                needs.setdefault(resource, np.zeros(count))[k] = each
            else:
                _refuse_cells(setting, points, k, resource, each)
        land[k] = at(sums.land)
        stored[k] = at(sums.stored) if setting.storage is not None else 0.0
        net[k] = at(sums.net_factor)
        if sums.grid is not None and path is not None:
            cleaner = path.share(path.intensity)
            net[k] -= at(sums.grid) * (cleaner - cleaner[-1])
        parts = {part: at(one) for part, one in sums.parts.items() if part not in SUNK}
        cost[k] = _running(setting, points, k, parts, size)
    zones = _zones(setting, points, needs)
    unit, way, lost = _ways(setting, offers, points, stored)
    net, cost = net - (stored * lost)[:, None], cost + (stored * way)[:, None]
    refuse_unknown(points, {"needs": sum(needs.values(), land), "net removal": net.sum(axis=1),
                             "cost": cost.sum(axis=1)})  # fmt: skip
    emits = np.asarray(((net <= 0) & points.live).any(axis=1), np.bool_)
    refuse_points(
        emits, "plants that stand emit more than they remove",
        "standing.layer", points.names, [f"{one:.4g} t per gross t" for one in net.min(axis=1)],
        "more than 0", "leave these out with `where`", 5,
    )  # fmt: skip
    factor = {
        name: np.ones(size) if path is None else _factor(path.share(path.supply.get(key)))
        for name, key in (*((one, RESOURCES[one].parameter) for one in setting.pools),
                          ("injection", "injection"))
    }  # fmt: skip
    weight, worth, before = np.ones(1), np.ones(1), 0.0
    if path is not None:
        when = times(scenario)
        weight, worth = when.years, when.worth
        before = 0.5 * (path.years[0] - begin_of(path))
    elif setting.storage is not None:
        weight = np.array([setting.storage.years])
    return Standing(
        points, needs, zones, land, stored, unit, net, cost, setting.pools, setting.storage,
        factor, weight, before, worth, tuple(map(str, years)) or ("",),
    )  # fmt: skip


def _at(layers: dict[str, NDArray[np.float32]], total: Sum) -> float:
    """A sum of products in the one cell of its layers."""
    return float(np.ravel(np.asarray(sum_of(total, layers), np.float64))[0])


def _factor(share: F64) -> F64:
    return np.asarray(share / share[-1])


def _with_haul(
    setting: Setting, offers: Offers, points: StandingPoints, k: int
) -> dict[str, NDArray[np.float32]]:
    layers, block = layers_at(setting, points, k), cell_of(points, k)
    for name in setting.scenario.resources.hauled:
        way = offers.sheds[name][1][block.slices] if name in offers.sheds else np.zeros((1, 1))
        layers[haul_layer(name)] = np.asarray(way, np.float32)
    return layers


def _refuse_cells(
    setting: Setting, points: StandingPoints, k: int, resource: str, need: float
) -> None:
    """Refuse what is offered cell by cell where nothing tells what of it a plant has."""
    supplies = setting.scenario.resources.supplies
    if need == 0 or supplies[resource].unlimited:
        return
    key = RESOURCES[resource].parameter
    raise ConfigError(
        f"plants that stand need {resource}, which is offered cell by cell by kinds, by level, or "
        "by year: nothing tells what they have of it",
        where=f"resources.{key}",
        got=f"{points.names[k]}: {need:g} {RESOURCES[resource].need_unit}",
        expected="pools, a value per: region, or unlimited: true",
        cure=f"offer {key} so, or leave these plants out with standing.where and take what they "
        "need off the supply",
        rule=6,
    )


def _running(
    setting: Setting, points: StandingPoints, k: int, parts: Mapping[str, float], size: int
) -> F64:
    """What running a plant costs at each milestone, before transport and storage [USD/t]."""
    path, total = setting.scenario.milestones, np.zeros(size)
    prices = {} if path is None else shares_of_prices(path)
    for part, each in parts.items():
        share: F64 | float = 1.0
        if path is not None and part in prices:
            share = _factor(path.share(prices[part]))
        elif path is not None and part == "fixed_om":
            given = path.cost.get(points.methods[k])
            built = np.array([max(points.built[k], -1e9)])
            share = float(path.share_in(given, built)[0]) / path.last(given)
        total = total + each * share
    return np.asarray(total)


def _zones(setting: Setting, points: StandingPoints, needs: Mapping[str, F64]) -> dict[str, I64]:
    """Zone of each plant, by resource of pools and by layer that rules count by."""
    found: dict[str, I64] = {}
    blocks = [cell_of(points, k) for k in range(len(points.names))]

    def read(of: object) -> I64:
        values = read_cells(blocks, points.row, points.col, of)  # type: ignore[arg-type]
        return values.astype(np.int64)

    for name, pool in setting.pools.items():
        zone = read(lambda block, pool=pool: pool.labels(setting.reader, block))
        key = RESOURCES[name].parameter
        refuse_points(
            (zone < 0) & (needs[name] != 0), f"plants that stand need {name} and lie in no pool",
            f"resources.{key}.pools", points.names, [f"{one:g} per t" for one in needs[name]],
            "a polygon over each", "extend the pools, or leave these out with `where`", 6,
        )  # fmt: skip
        found[name] = zone
    for layer in setting.zonings:
        found[layer] = read(lambda block, layer=layer: setting.reader.labels(layer, block))
    return found


def _ways(
    setting: Setting, offers: Offers, points: StandingPoints, stored: F64
) -> tuple[I64, F64, F64]:
    """Storage unit of each plant, what way and storage cost [USD/t], and what is lost [t/t]."""
    count = len(points.names)
    unit, way, lost = np.full(count, -1), np.zeros(count), np.zeros(count)
    if setting.storage is None:
        return unit, way, lost
    names = setting.storage.names
    refuse_points(
        np.array([bool(one) and one not in names for one in points.storage]),
        "no storage unit of that name", "standing.storage", points.names, points.storage,
        f"one of {', '.join(names)}", "correct the column, or leave it empty for the cheapest way",
    )  # fmt: skip
    if offers.links is None:
        return unit, way, lost
    blocks = [cell_of(points, k) for k in range(count)]
    sink, cost, loss = (
        np.asarray(read_cells(blocks, points.row, points.col, one))
        for one in ways_of(setting, offers)
    )
    slot: I64 = np.zeros(count, np.int64)
    for k, name in enumerate(points.storage):
        wanted = sink[:, k] >= 0 if not name else sink[:, k] == names.index(name)
        slot[k] = int(wanted.argmax()) if wanted.any() else -1
    stores = stored > 0
    refuse_points(
        stores & (slot < 0), "plants that stand have no way to their storage unit",
        "standing.layer", points.names, [one or "any" for one in points.storage],
        "a route from where each stands",
        "lengthen transport.reach, raise transport.sinks_per_cell, or correct standing.storage",
    )  # fmt: skip
    at = slot, np.arange(count)
    unit = np.where(stores, sink[at].astype(np.int64), np.int64(-1))
    return unit, np.where(stores, cost[at], 0.0), np.where(stores, loss[at], 0.0)


def check_standing(setting: Setting) -> None:
    """Refuse what a run would refuse of plants that stand, but for ways to storage.

    Raises
    ------
    ConfigError, DataError
        As :func:`routed`, where they take more than there is, and where samples of the study would
        change what they take of cells.
    """
    found = routed(setting, Offers(setting.pools))
    if found is not None and found.points.draws and setting.scenario.uncertainty is not None:
        some = next(iter(found.points.draws))
        raise ConfigError(
            "samples do not know plants that stand and draw on what cells have",
            where="uncertainty",
            got=f"{found.points.names[some.plant]} draws on {some.resource} of cells",
            expected="plants that stand and draw on pools",
            cure=f"offer resources.{RESOURCES[some.resource].parameter} by pools, or remove one of "
            "the two",
        )
    for t in range(0 if found is None else len(found.years)):
        assert found is not None  # noqa: S101 - there are some
        found.left_at(setting, t)


def with_standing(setting: Setting, offers: Offers) -> tuple[Setting, Offers, Standing | None]:
    """A study with what plants that stand leave of its supplies, and what they take."""
    found = routed(setting, offers)
    if found is None:
        return setting, offers, None
    pools, storage = found.left_at(setting)
    spread = {name: replace(one, area=offers.pools[name].area) for name, one in pools.items()}
    return (
        replace(setting, pools=pools, storage=storage),
        replace(offers, pools=spread),
        found,
    )
