"""The plan's tonnes as plants of buildable size, whether or not their network is planned."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import CdrsiteWarning, DataError
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.engine.stages import stage
from cdrsite.network.coarse import PlanGrid
from cdrsite.network.gather import gather_plants
from cdrsite.network.plants import NOT_BUILT, PlantRules, Plants, Site
from cdrsite.study.compete import lay_out
from cdrsite.study.points import cells_on_grid, feature_names, text_column, unique_names
from cdrsite.study.prepare import Setting, formulae, open_layers, resolve_methods

if TYPE_CHECKING:
    from cdrsite.config.network import ExistingSites, Network
    from cdrsite.core.reader import LayerReader
    from cdrsite.engine.arrays import ArrayStore
    from cdrsite.methods.model import MethodModel

WHERE = "network"
BULK_NEEDS = (need for bulk in RESOURCES.values() if bulk.kind == "bulk" for need in bulk.needs)
FEEDSTOCK = ("land_feedstock", *BULK_NEEDS)
"""Parameters of methods whose plants follow what is brought to them."""
MET = 1e-6
"""Share of a target that rounding may leave open [1]."""


@dataclass(frozen=True)
class Gathered:
    """What of the plan makes plants of buildable size, whether or not their network is planned.

    Attributes
    ----------
    rules : tuple of PlantRules
        By method.
    plan : PlanGrid
        Cells on which the plants were gathered.
    plants : Plants
        On cells of ``plan``.
    placed : Plants
        The same on cells of the study's grid.
    """

    rules: tuple[PlantRules, ...]
    plan: PlanGrid
    plants: Plants
    placed: Plants


@stage(
    "plants",
    reads=tuple(f"network.{key}" for key in ("plan", "sites", "plants", "catchment")),
    after=(open_layers, resolve_methods, formulae, lay_out),
)
def gather(setting: Setting, arrays: ArrayStore) -> Gathered:
    """Gather the allocation into plants.

    Parameters
    ----------
    setting : Setting
        The study.
    arrays : ArrayStore
        The result's variables: what the plan allocates, what the exclusions leave (no plant stands
        on excluded ground), and the suitability, which places the plants.

    Raises
    ------
    ConfigError
        Plant sizes for unknown methods.
    """
    model = setting.scenario.network
    rules = plant_rules(setting.models, model, _stored_shares(setting, arrays))
    plan = PlanGrid.of(setting.area.grid)
    sites: list[Site] = []
    if model.plan and model.sites is not None:
        sites = existing_sites(model.sites, setting.reader, tuple(setting.models))
    tonnes, suitability, allowed = plan.allocation(
        *(arrays.open(name) for name in ("allocated", "suitability", "available"))
    )
    factor = plan.factor
    plants = gather_plants(
        tonnes,
        rules,
        plan.grid,
        suitability=suitability,
        allowed=allowed,
        sites=[replace(site, row=site.row // factor, col=site.col // factor) for site in sites],
    )
    placed = _placed(plants, plan, tuple(setting.models), sites, arrays)
    return Gathered(tuple(rules), plan, plants, placed)


def _placed(
    plants: Plants,
    plan: PlanGrid,
    methods: tuple[str, ...],
    sites: Sequence[Site],
    arrays: ArrayStore,
) -> Plants:
    """Plants on cells of the study's grid: the best allowed ones within the cells of the plan."""
    if plan.factor == 1:
        return plants
    cells = {site.name: (site.row, site.col) for site in sites}
    moved = []
    for plant in plants.plants:
        row, col = cells[plant.name] if plant.existing else plan.best(
            methods.index(plant.method), plant.row, plant.col,
            arrays.open("suitability"), arrays.open("available"),
        )  # fmt: skip
        moved.append(replace(plant, row=row, col=col))
    return replace(plants, plants=tuple(moved))


def _stored_shares(setting: Setting, arrays: ArrayStore) -> dict[str, float]:
    """What methods store per gross tonne, mean of the plan, where it differs between places."""
    shares = {}
    for m, (name, sums) in enumerate(setting.rivals.items()):
        if sums.stored.constant is not None:
            continue
        gross = brought = 0.0
        for block in setting.blocks:
            at = (m, *block.slices)
            x = np.nan_to_num(np.asarray(arrays.open("allocated")[at], np.float64))
            each = np.asarray(arrays.open("need_storage")[at], np.float64)
            gross += float(x.sum())
            brought += float(np.where(x > 0, x * each, 0.0).sum())
        if gross > 0:
            shares[name] = brought / gross
    return shares


def plant_rules(
    models: dict[str, MethodModel], network: Network, stored_shares: Mapping[str, float]
) -> list[PlantRules]:
    """Sizes and kind of plant of each method: the library's unless the scenario gives its own.

    ``stored_shares`` holds what methods store per gross tonne where that is not their own number.

    Methods that store nothing need no plant; those that take bulk goods follow these; others stand
    on the best ground near their tonnes.
    """
    rules = []
    for name, model in models.items():
        own = network.plants.get(name)
        least, most = model.number("plant_min", math.nan), model.number("plant_max", math.nan)
        least = least if math.isfinite(least) else 1.0
        most = most if math.isfinite(most) else math.inf
        stored = stored_shares.get(name, model.number("storage"))
        feedstock = any(model.number(parameter) > 0 for parameter in FEEDSTOCK)
        catchment, limit = network.catchment, None
        if own is not None:
            least = least if own.least is None else own.least
            most = most if own.most is None else own.most
            catchment = catchment if own.catchment is None else own.catchment
            limit = own.max_plants
        place = "none" if stored <= 0 else "haul" if feedstock else "suitable"
        rules.append(
            PlantRules(
                method=name,
                least=least,
                most=most,
                catchment_km=catchment,
                place=place,  # type: ignore[arg-type]
                stored_share=stored,
                max_plants=limit,
            )
        )
    return rules


def existing_sites(
    model: ExistingSites, reader: LayerReader, methods: Collection[str]
) -> list[Site]:
    """Given plants or sites as cells; those outside the grid are left out with a warning.

    Raises
    ------
    DataError
        No such column, or a site of a method that is not among ``methods``.
    """
    frame = reader.features(model.layer, model.where)
    names = unique_names(feature_names(frame, model.name, "site", "network.sites"))
    named = text_column(frame, model.method, "network.sites")
    asked: Sequence[str | None] = (
        [None] * len(frame) if named is None else [method or None for method in named]
    )
    unknown = sorted({method for method in asked if method is not None} - set(methods))
    if unknown:
        raise DataError(
            "sites for a method that is not studied",
            where=f"network.sites: column {model.method}",
            got=", ".join(unknown[:5]),
            expected=f"one of {', '.join(methods)}, or nothing for any method",
            cure="leave these out with `where`, or study the method",
        )
    cells = cells_on_grid(frame, names, reader.grid, "sites", "network.sites")
    return [Site(names[k], row, col, asked[k]) for k, row, col in cells]


def buildable(
    gathered: Gathered, net_mt_yr: Mapping[str, float], target: float | None
) -> dict[str, Any]:
    """What of the plan's net removal can be built: in plants, or of methods that need none.

    Parameters
    ----------
    gathered : Gathered
        The plants of the plan.
    net_mt_yr : mapping
        Method -> its net removal in the plan [Mt/yr].
    target : float, optional
        Net removal that was asked for [t/yr].

    Returns
    -------
    dict
        ``net_mt_yr`` in all and by ``methods``, and what is not, by reason:
        ``below_minimum_net_mt_yr`` and so on. A method's net tonnes are taken at its mean net
        factor.

    Warns
    -----
    CdrsiteWarning
        The target is met only with tonnes that are in no plant.
    """
    lost = dict.fromkeys(NOT_BUILT, 0.0)
    by_method = {}
    for entry in gathered.plants.summary:
        net = net_mt_yr[entry.method]
        for reason in NOT_BUILT if entry.allocated > 0 else ():
            lost[reason] += net * getattr(entry, reason) / entry.allocated
        out = sum(getattr(entry, reason) for reason in NOT_BUILT)
        by_method[entry.method] = net * (1 - out / entry.allocated) if entry.allocated > 0 else net
    total, every = math.fsum(by_method.values()), math.fsum(net_mt_yr.values())
    if target is not None and every * 1e6 >= target * (1 - MET) > total * 1e6 / (1 - MET):
        warnings.warn(
            f"objective.target: the {target / 1e6:.4g} Mt/yr asked for are met only on paper: "
            f"{every - total:.3g} of the plan's {every:.4g} Mt/yr lie where a plant of the least "
            f"size finds too little around it or no site, so {total:.4g} Mt/yr can be built; cure: "
            "smaller plants or a larger catchment (network.plants, network.catchment) if that is "
            "true to life, else a higher target",
            CdrsiteWarning,
            stacklevel=2,
        )
    return {
        "net_mt_yr": total,
        **{f"{reason}_net_mt_yr": value for reason, value in lost.items()},
        "methods": by_method,
    }


def warn(text: str) -> None:
    """Warn of plants or their network."""
    warnings.warn(f"{WHERE}: {text}", CdrsiteWarning, stacklevel=3)
