"""Emitters of a study as bidders for storage and pools."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.competition.captured import AVOIDED, EMITTERS, Captures
from cdrsite.competition.problem import PolicyRow, RowTerm
from cdrsite.config.emitters import DRAWN
from cdrsite.core.errors import CdrsiteWarning, ConfigError, DataError, message
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.methods.net import KG_PER_T
from cdrsite.methods.supply import intensity_block
from cdrsite.study.emitterpoints import EmitterPoints, read_points
from cdrsite.study.points import MOST, refuse_points

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.grid import Block
    from cdrsite.study.offers import Offers
    from cdrsite.study.prepare import Setting

    F64 = NDArray[np.float64]
    I64 = NDArray[np.int64]
    Bools = NDArray[np.bool_]


def captures_of(setting: Setting, offers: Offers, years: Sequence[int]) -> Captures | None:
    """The emitters of a study as the competition takes them; None without any.

    Parameters
    ----------
    setting : Setting
        Of the study.
    offers : Offers
        Pools, and the routes to storage.
    years : sequence of int
        Milestones of the competition; none for a plan of one year without a year.

    Raises
    ------
    ConfigError
        A need of what is offered cell by cell: no emitter can draw on it (rule 6).
    DataError
        As :func:`read_points`; an emitter that lies in no pool of what it needs, where emissions
        of its power are unknown, or without a storage unit in reach.
    """
    model = setting.scenario.emitters
    points = emitting_points(setting)
    if points is None or model is None or offers.links is None:
        return None
    found = captures_at(setting, offers, points, years)
    lonely = [points.names[k] for k in np.flatnonzero((found.sink < 0).all(axis=1))]
    if lonely:
        text = message(
            "emitters without a storage unit in reach capture nothing",
            where=f"layers.{model.layer}",
            got=", ".join(lonely[:MOST]) + (" ..." if len(lonely) > MOST else ""),
            cure="lengthen transport.reach",
        )
        warnings.warn(text, CdrsiteWarning, stacklevel=2)
    return found


def emitting_points(setting: Setting) -> EmitterPoints | None:
    """The emitters of a study that stand within its region; None without any."""
    model = setting.scenario.emitters
    return None if model is None else _within(setting, read_points(model, setting.reader))


def captures_at(
    setting: Setting, offers: Offers, points: EmitterPoints, years: Sequence[int]
) -> Captures:
    """As :func:`captures_of`, of points that are known, in the blocks of the setting."""
    scenario, reader, path = setting.scenario, setting.reader, setting.scenario.milestones
    sink, cost, lost = (points.read(setting.blocks, one) for one in ways_of(setting, offers))
    if not (sink >= 0).any():
        raise DataError(
            "no emitter has a storage unit in reach",
            where="emitters.layer",
            got=f"{len(points.names)} emitters",
            expected="at least one with a route to storage",
            cure="lengthen transport.reach, or remove emitters",
            rule=7,
        )
    zones, drawn = _drawn(setting, points)
    for name in setting.zonings:
        zones[name] = points.read(setting.blocks, partial(reader.labels, name)).astype(np.int64)
    at = np.array(years, np.float64)[None, :]
    dirty = np.ones(max(len(years), 1))
    if path is not None:
        dirty = path.share_in(path.intensity, np.array(years, np.float64))
    serving = (points.opens[:, None] <= at) & (at < points.retires[:, None])
    return Captures(
        names=points.names, most=points.most, biogenic=points.biogenic, sink=sink.T,
        cost=(cost + points.cost).T, lost=lost.T, energy=_energy(setting, points), zones=zones,
        needs=drawn, dirty=dirty, supplied=_supplied(setting, points, years),
        serving=serving if len(years) else None, must=points.must,
        welcome=scenario.objective.kind != "value",
    )  # fmt: skip


def _supplied(setting: Setting, points: EmitterPoints, years: Sequence[int]) -> F64:
    """What power, water and biomass of a captured tonne cost at each milestone, (K, T) [USD/t]."""
    scenario, at = setting.scenario, np.array(years, np.float64)
    path, found = scenario.milestones, np.zeros((len(points.names), max(len(years), 1)))
    for name, need in points.needs.items():
        if RESOURCES[name].price is not None:
            share = np.ones(found.shape[1])
            if path is not None:
                share = path.share_in(path.prices.get(name), at)
            found += np.outer(need * scenario.costs.prices.of(name), share)
    return found


def _within(setting: Setting, points: EmitterPoints) -> EmitterPoints:
    """Those within the region; the others are left out with a warning."""
    inside = points.read(setting.blocks, setting.area.inside)
    if inside.all():
        return points
    out = [points.names[k] for k in np.flatnonzero(~inside)]
    text = message(
        "emitters outside the region are left out",
        where="emitters",
        got=", ".join(out[:MOST]) + (f" and {len(out) - MOST} more" if len(out) > MOST else ""),
        cure="leave them out with `where`, or widen the region",
    )
    warnings.warn(text, CdrsiteWarning, stacklevel=3)
    if not inside.any():
        raise DataError(
            "no emitter within the region", where="emitters", got=f"{len(out)} outside",
            cure="correct the layer or its coordinate system, or remove emitters", rule=7,
        )  # fmt: skip
    return points.at(np.flatnonzero(inside))


def ways_of(setting: Setting, offers: Offers) -> tuple[Callable[[Block], Any], ...]:
    """Storage units of a block's cells, cost of the way and of storing, and what they lose."""
    links, injection = offers.links, setting.injection
    leakage = setting.scenario.transport.leakage / 100.0
    assert links is not None  # noqa: S101 - asked of studies with storage units

    def part(array: Any, block: Block) -> NDArray[Any]:
        return np.asarray(array[(slice(None), *block.slices)])

    def sink(block: Block) -> NDArray[Any]:
        return part(links.sink, block)

    def cost(block: Block) -> NDArray[Any]:
        at = sink(block)
        money = part(links.cost, block).astype(np.float64) + part(links.storage_cost, block)
        if injection is not None:
            money = money + np.append(injection.cost, 0.0)[at]
        return np.where(at >= 0, money, 0.0)

    def lost(block: Block) -> NDArray[Any]:
        at = sink(block)
        share = part(links.length_km, block).astype(np.float64) * leakage
        if injection is not None:
            share = share + np.append(injection.emissions, 0.0)[at]
        return np.where(at >= 0, share, 0.0)

    return sink, cost, lost


def _drawn(setting: Setting, points: EmitterPoints) -> tuple[dict[str, I64], dict[str, F64]]:
    """Pools that the emitters draw on: zone of each, and what a captured tonne takes."""
    zones: dict[str, I64] = {}
    drawn: dict[str, F64] = {}
    supplies = setting.scenario.resources.supplies
    for name, need in points.needs.items():
        if not need.any() or supplies[name].unlimited:
            continue
        key = RESOURCES[name].parameter
        pools = setting.pools.get(name)
        if pools is None:
            raise ConfigError(
                f"emitters need {name}, and it is offered cell by cell, which none can draw on",
                where=f"resources.{key}",
                got="a layer, or a value per cell or km2",
                expected="pools, a value per: region, or unlimited: true",
                cure=f"offer it so, or give emitters.{_key_of(name)}: 0",
                rule=6,
            )
        zone = points.read(setting.blocks, partial(pools.labels, setting.reader))
        refuse_points(
            (zone < 0) & (need > 0), f"emitters need {name} and lie in no pool of it",
            f"resources.{key}.pools", points.names, [f"{one:g} per t" for one in need],
            "a polygon over each", "extend the pools, or leave these out with `where`",
        )  # fmt: skip
        zones[name], drawn[name] = zone.astype(np.int64), need
    return zones, drawn


def _key_of(resource: str) -> str:
    return next(key for key, name in DRAWN.items() if name == resource)


def _energy(setting: Setting, points: EmitterPoints) -> F64:
    """Emissions of the power of capture, as the scenario gives them [t per t captured]."""
    power, need = setting.scenario.resources.power, points.needs["electricity"]
    each = points.read(
        setting.blocks, lambda block: np.float64(1.0) * np.broadcast_to(
            intensity_block(power, setting.reader, block), block.shape
        ),
    )  # fmt: skip
    unknown = ~np.isfinite(each) & (need > 0)
    refuse_points(
        unknown, "emissions of the power of emitters are unknown", "resources.power.intensity",
        points.names, [f"{one:g}" for one in each], "a number where each stands",
        "fill the layer, or leave these out with `where`",
    )  # fmt: skip
    return np.where(need > 0, need * each, 0.0) / KG_PER_T


def asked_of_emitters(setting: Setting) -> tuple[PolicyRow, ...]:
    """What of the ledger of avoided emissions a plan of one year must reach."""
    model = setting.scenario.emitters
    if model is None or model.target is None:
        return ()
    return (PolicyRow("avoided", (RowTerm(AVOIDED),), ">=", float(model.target), "t/yr"),)


def check_emitters(setting: Setting) -> None:
    """Refuse what a run would refuse of emitters.

    Raises
    ------
    ConfigError, DataError
        As :func:`captures_of`, but for routes.

    Warns
    -----
    CdrsiteWarning
        Emitters that nothing asks for; biomass that may count twice.
    """
    scenario, model = setting.scenario, setting.scenario.emitters
    if model is None:
        return
    points, path = emitting_points(setting), scenario.milestones
    assert points is not None  # noqa: S101 - there is a model of them
    _drawn(setting, points)
    _energy(setting, points)
    asked = model.target is not None or (path is not None and bool(path.targets.avoided))
    if not asked and not points.must.any() and not points.biogenic.any():
        warnings.warn(
            message(
                "nothing asks emitters to capture, so none does",
                where="emitters",
                expected="a target of the avoided ledger, or must_run",
                cure="give milestones.targets.avoided, or emitters.target for one year",
            ),
            CdrsiteWarning,
            stacklevel=2,
        )
    burning = bool((points.biogenic * (points.needs["biomass"] == 0)).any())
    if burning and setting.users("biomass"):
        warnings.warn(
            message(
                "biogenic emitters beside methods that take biomass: what they burn must not be "
                "part of its supply",
                where=EMITTERS,
                cure="give emitters.biomass where the pools count it, or take it out of the supply",
                rule=6,
            ),
            CdrsiteWarning,
            stacklevel=2,
        )
