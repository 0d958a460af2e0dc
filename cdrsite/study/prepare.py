"""Everything that is prepared before the first block: methods, rules, pools, storage, the plan.

One module: stages that read the scenario, one after the other, into one setting.
"""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from cdrsite.config.models import Scenario
from cdrsite.config.resources import Land, Supply
from cdrsite.core.errors import CdrsiteError, CdrsiteWarning, ConfigError, DataError, message
from cdrsite.core.grid import Block
from cdrsite.core.reader import LayerReader
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.engine.cache import FORMULAE, Cache
from cdrsite.engine.stages import stage
from cdrsite.layers.check import check_layers
from cdrsite.layers.region import StudyArea, build_grid
from cdrsite.layers.stack import LayerStack
from cdrsite.library.plausibility import check_profile
from cdrsite.methods.basis import mixed_bases
from cdrsite.methods.credits import Earning, earnings_of
from cdrsite.methods.feed import idle_prices
from cdrsite.methods.formulae import (
    Ingredients,
    ingredients,
    kinds_drawn,
    method_plan,
    net_factor_sum,
    net_factors,
    net_terms,
)
from cdrsite.methods.heat import draws_heat
from cdrsite.methods.injection import Injection, emits, injection_of
from cdrsite.methods.kinds import remarks_on_kind
from cdrsite.methods.ledgers import PlaceSums, place_sums
from cdrsite.methods.model import MethodModel, method_file, method_model, priced
from cdrsite.methods.rivals import RivalSums, rival_sums
from cdrsite.methods.storage import StorageUnits, read_storage
from cdrsite.methods.supply import Pools, read_pools
from cdrsite.place.registry import PlaceNumbers, keys_of_methods, place_numbers, remarks
from cdrsite.scoring import sums
from cdrsite.scoring.sums import MethodPlan, ScoringPlan
from cdrsite.siting.exclusions import RuleBook, rule_book
from cdrsite.siting.gates import BoundGate, bound_gates, unchecked
from cdrsite.siting.suitability import CriterionSet, criterion_sets
from cdrsite.study.formed import FORMULAE_READS, FormedSums
from cdrsite.study.goal import part_of

if TYPE_CHECKING:
    from cdrsite.study.standingpoints import StandingPoints

PLACE_KEYS = tuple(keys_of_methods().model_fields)
SMALL_BLOCK, LARGE_BLOCK = 256, 1024
"""Rows and columns of a block on a small grid and on others [cells]."""
SMALL_GRID = 1_000_000
"""Grids of fewer cells are cut finer, so that all cores have work [cells]."""


SHARES = ("milestones.years", "milestones.supply")
"""Keys by which supplies change from milestone to milestone."""

Ground = tuple[tuple[int, ...], int]
"""Bits of exclusion rules, and which usable land: methods of one ground see the same land."""


@dataclass(frozen=True)
class Lands:
    """Usable land of the methods.

    Attributes
    ----------
    different : tuple of Land
        Each once.
    of : dict of str to int
        Method -> its place among them.
    """

    different: tuple[Land, ...]
    of: dict[str, int]


@dataclass(frozen=True)
class Setting:
    """Everything that is prepared before the first block."""

    scenario: Scenario
    area: StudyArea
    reader: LayerStack
    models: dict[str, MethodModel]
    book: RuleBook
    lands: Lands
    criteria: tuple[CriterionSet, ...]
    pools: dict[str, Pools]
    storage: StorageUnits | None
    injection: Injection | None
    plan: ScoringPlan
    rivals: dict[str, RivalSums]
    ledgers: dict[str, PlaceSums]
    places: dict[str, PlaceNumbers]
    earnings: tuple[Earning, ...]
    block_size: int
    blocks: tuple[Block, ...]
    standing: StandingPoints | None

    def read_by(self, reader: LayerStack) -> Setting:
        """The same study with its layers read by another; what follows from the rest is kept."""
        made = copy.copy(self)
        vars(made)["reader"] = reader
        return made

    @cached_property
    def zonings(self) -> tuple[str, ...]:
        """Polygon layers that policy rules, totals and regions of credits count by."""
        names = [rule.layer for rule in self.scenario.policies if rule.layer is not None]
        regions = [one.region for one in self.scenario.objective.credits]
        names += [one.layer for one in regions if one is not None]
        if self.scenario.outputs.admin is not None:
            names.append(self.scenario.outputs.admin.layer)
        return tuple(dict.fromkeys(names))

    @cached_property
    def groups(self) -> dict[tuple[int, ...], str]:
        """Group of exclusion rules -> its short name."""
        return {bits: str(i) for i, bits in enumerate(self.book.groups)}

    def ground_of(self, method: str) -> Ground:
        """What a method sees of the land."""
        return self.book.group_of(method), self.lands.of[method]

    @cached_property
    def grounds(self) -> dict[Ground, str]:
        """Ground -> its short name."""
        found = dict.fromkeys(self.ground_of(name) for name in self.models)
        return {ground: ground_name(ground, self.book) for ground in found}

    @cached_property
    def drawn(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """Method -> resource that is offered by kind -> the kinds that the method may have."""
        return {name: kinds_drawn(model, self.scenario) for name, model in self.models.items()}

    def users(self, resource: str) -> list[str]:
        """Methods that take from a resource: not those that need none of it, or add to it."""
        return list(self._users[resource])

    @cached_property
    def told(self) -> frozenset[str]:
        """Resources whose offer to cells says anything: a method takes them, or they were given."""
        resources = self.scenario.resources
        supplies, given = resources.supplies, resources.model_fields_set
        return frozenset(
            name
            for name, one in RESOURCES.items()
            if one.parameter in given or name not in supplies or self._users[name]
        )

    @cached_property
    def _users(self) -> dict[str, tuple[str, ...]]:
        """Resource -> methods that take from it."""
        found = {}
        for resource in RESOURCES:
            needs = {
                name: model.needs.resources[resource]
                for name, model in self.models.items()
                if resource != "heat" or draws_heat(model)
            }
            found[resource] = tuple(
                name for name, need in needs.items() if need.constant is None or need.constant > 0
            )
        return found


@stage(
    "layers",
    reads=("region", "grid", "layers", "costs.base_year"),
    gives=("area", "reader", "block_size", "blocks"),
)
def open_layers(scenario: Scenario) -> LayerStack:
    """The grid, and the layers on it."""
    return LayerStack(
        scenario.layers,
        build_grid(scenario.region, scenario.grid),
        rasterise=scenario.grid.rasterise,
        base_year=scenario.costs.base_year,
    )


@stage(
    "methods",
    reads=(
        *("methods", "accounting.forest_years", "accounting.buffer", "accounting.gwp"),
        "resources.heat",
        *("costs.base_year", "costs.basis"),
        *("milestones.cost", "milestones.years"),
        *(f"costs.prices.{one.name}" for one in RESOURCES.values() if one.own_price),
        *(f"resources.{one.parameter}.kinds" for one in RESOURCES.values() if one.own_price),
    ),
    gives=("models",),
)
def resolve_methods(scenario: Scenario) -> tuple[dict[str, MethodModel], list[CdrsiteError]]:
    """The methods as the library and the scenario have them, and what is wrong with others."""
    models: dict[str, MethodModel] = {}
    errors: list[CdrsiteError] = []
    for name in scenario.methods:
        try:
            models[name] = method_model(name, scenario)
        except CdrsiteError as error:
            errors.append(error)
    if not errors:  # else a price may be for what could not be read
        errors += idle_prices(models, scenario)
    return models, errors


@stage("gates", reads=[f"methods.*.{key}" for key in ("library", "gates", "regions", *PLACE_KEYS)])
def read_gates(scenario: Scenario) -> tuple[BoundGate, ...]:
    """What must hold of a place for each method, with the layers that say so."""
    files = {name: method_file(name, one).gates for name, one in scenario.methods.items()}
    return bound_gates(files, scenario.methods)


@stage(
    "rules",
    reads=("siting.exclude", "siting.include", "methods.*.regions"),
    after=(read_gates,),
    gives=("book",),
)
def read_rules(scenario: Scenario, gates: tuple[BoundGate, ...]) -> RuleBook:
    """The exclusion rules, where methods are confined to, and their hard gates."""
    confined = {name: choice.regions for name, choice in scenario.methods.items()}
    return rule_book(scenario.siting.exclude, scenario.siting.include, confined, gates)


@stage(
    "lands",
    reads=("resources.land", "methods.*.usable_land"),
    after=(open_layers, resolve_methods),
    gives=("lands",),
)
def read_lands(scenario: Scenario, models: dict[str, MethodModel], reader: LayerReader) -> Lands:
    """The land that each method can use: its own share of it, or that of the study.

    Its own is what the scenario says; else what its file says of classes of land cover, on the
    layer from which the study has its usable land.

    Warns
    -----
    CdrsiteWarning
        Where no layer says which land a file's classes are.
    """
    general = scenario.resources.land
    different, of = [general], {}
    for name, model in models.items():
        own, shares = general, model.method.usable_land
        if (given := scenario.methods[name].usable_land) is not None:
            own = general.model_copy(update={"usable": given})
        elif shares and (layer := _classed(general, reader, list(shares))) is not None:
            assert isinstance(general.usable, dict)  # noqa: S101 - it has the layer
            own = general.model_copy(update={"usable": {**general.usable, layer: shares}})
        elif shares:
            text = message(
                f"no layer says which land is {', '.join(shares)}, so it takes what all can use",
                where=f"methods.{name}",
                expected="resources.land.usable by a layer that has these classes",
                cure=f"give methods.{name}.usable_land",
                rule=7,
            )
            warnings.warn(text, CdrsiteWarning, stacklevel=2)
        if own not in different:
            different.append(own)
        of[name] = different.index(own)
    return Lands(tuple(different), of)


def _classed(land: Land, reader: LayerReader, classes: list[str]) -> str | None:
    """The layer that usable land goes by and that has these classes; None without any."""
    for layer in land.usable if isinstance(land.usable, dict) else ():
        try:
            reader.class_codes(layer, classes)
        except CdrsiteError:
            continue
        return layer
    return None


def ground_name(ground: Ground, book: RuleBook) -> str:
    """Short name of a ground: its group of rules, and its usable land."""
    bits, land = ground
    return f"{list(book.groups).index(bits)} {land}"


@stage(
    "criteria", reads=("siting.prefer",), after=(resolve_methods, read_gates), gives=("criteria",)
)
def read_criteria(
    scenario: Scenario, methods: tuple[str, ...], gates: tuple[BoundGate, ...]
) -> tuple[CriterionSet, ...]:
    """The criteria of suitability, and soft gates, by the methods that they are for."""
    return criterion_sets(scenario.siting.prefer, methods, gates)


@stage("pools", reads=("resources", *SHARES), after=(open_layers,), gives=("pools",))
def pools_of(scenario: Scenario, reader: LayerStack) -> dict[str, Pools]:
    """Pools by resource, with their areas inside the region where they are spread by area.

    Of several milestones those of the last one.
    """
    read = {
        name: read_pools(name, at_last(scenario, name, model), reader)
        for name, model in scenario.resources.supplies.items()
    }
    return {name: pools for name, pools in read.items() if pools is not None}


def at_last(scenario: Scenario, name: str, model: Supply) -> Supply:
    """A supply at the last milestone."""
    path = scenario.milestones
    share = 1.0 if path is None else path.last(path.supply.get(RESOURCES[name].parameter))
    return model if share == 1.0 else model.model_copy(update={"factor": model.factor * share})


@stage(
    "storage",
    reads=("resources.storage", "costs.base_year", *SHARES),
    after=(open_layers,),
    gives=("storage",),
)
def storage_of(scenario: Scenario, reader: LayerStack) -> StorageUnits | None:
    """The storage units, at the last milestone; None where storage is without limit."""
    path = scenario.milestones
    units = read_storage(scenario.resources.storage, reader, scenario.costs.base_year)
    share = 1.0 if path is None else path.last(path.supply.get("injection"))
    if units is None or share == 1.0:
        return units
    return replace(units, injection=units.injection * share)


@stage(
    "injection",
    reads=("resources", "costs.prices"),
    after=(open_layers, pools_of, storage_of),
    gives=("injection",),
)
def injected(
    scenario: Scenario,
    storage: StorageUnits | None,
    pools: dict[str, Pools],
    reader: LayerStack,
    blocks: tuple[Block, ...],
) -> Injection | None:
    """What storage units take where they lie; None where they need nothing."""
    if storage is None:
        return None
    paid = [name for name in storage.needs if RESOURCES[name].price is not None]
    prices = {name: scenario.costs.prices.of(name) for name in paid}
    return injection_of(storage, scenario.resources, prices, pools, reader, blocks)


@dataclass(frozen=True)
class Formulae:
    """Sums of products: for the kernel, the competition, and ledgers that the place decides."""

    plan: ScoringPlan
    rivals: dict[str, RivalSums]
    ledgers: dict[str, PlaceSums]
    places: dict[str, PlaceNumbers]


@stage(
    "formulae",
    reads=FORMULAE_READS,
    after=(resolve_methods, read_rules, read_lands, read_criteria, storage_of, injected),
    gives=("plan", "rivals", "ledgers", "places"),
)
def formulae(
    scenario: Scenario,
    models: dict[str, MethodModel],
    book: RuleBook,
    lands: Lands,
    criteria: tuple[CriterionSet, ...],
    storage: StorageUnits | None,
    injection: Injection | None,
) -> Formulae:
    """Write the formulae of the methods down."""
    routed = storage is not None
    given = ingredients(scenario, routed=routed, injecting=emits(injection))
    formed = FormedSums(FORMULAE)
    of = {
        name: formed.made(where, partial(_of_method, model, scenario, given, where), model,
                          scenario, given)
        for name, model in models.items()
        for where in (_where(name, book, lands, criteria),)
    }  # fmt: skip
    return Formulae(
        ScoringPlan(tuple(plan for plan, _, _, _ in of.values())),
        {name: rivals for name, (_, rivals, _, _) in of.items()},
        {name: ledgers for name, (_, _, ledgers, _) in of.items()},
        {name: places for name, (_, _, _, places) in of.items()},
    )


@stage(
    "credits",
    reads=(
        *("objective", "costs.discount_rate", "costs.base_year", "network.plants"),
        "transport.leakage",
    ),
    after=(open_layers, resolve_methods, storage_of),
    gives=("earnings",),
)
def read_credits(
    scenario: Scenario,
    reader: LayerStack,
    models: dict[str, MethodModel],
    storage: StorageUnits | None,
) -> tuple[Earning, ...]:
    """What the credits of the scenario pay its methods, and where."""
    parts = [
        None if one.region is None else part_of(one.region, reader, f"objective.credits.{i}")
        for i, one in enumerate(scenario.objective.credits)
    ]
    return earnings_of(scenario, models, storage, parts)


def prepare(scenario: Scenario, cache: Cache | None = None) -> Setting:
    """Resolve methods, rules, pools and storage; open and check every layer that is used.

    Parameters
    ----------
    scenario : Scenario
        What is asked.
    cache : Cache, optional
        Layers that earlier runs of a batch have opened.
    """
    check_references(scenario)
    reader = open_layers(scenario) if cache is None else cache.layers(open_layers, scenario)
    models = _models_and_layers(scenario, reader)
    for model in models.values():
        for finding in check_profile(model.profile, model.numbers):
            warnings.warn(f"{model.name}: {finding}", CdrsiteWarning, stacklevel=2)
        for text in (*remarks(model, f"methods.{model.name}"), *remarks_on_kind(model)):
            warnings.warn(text, CdrsiteWarning, stacklevel=2)
    mixed = mixed_bases({name: model.basis for name, model in models.items()})
    if mixed is not None:
        warnings.warn(mixed, CdrsiteWarning, stacklevel=2)
    gates = read_gates(scenario)
    not_checked = unchecked(gates)
    if not_checked is not None:
        warnings.warn(not_checked, CdrsiteWarning, stacklevel=2)
    book, criteria = (
        read_rules(scenario, gates),
        read_criteria(scenario, tuple(models), gates),
    )
    lands = read_lands(scenario, models, reader)
    pools, storage = pools_of(scenario, reader), storage_of(scenario, reader)
    if storage is not None:
        for text in storage.left_out:
            warnings.warn(f"storage unit left out: {text}", CdrsiteWarning, stacklevel=2)
    size = SMALL_BLOCK if reader.grid.size < SMALL_GRID else LARGE_BLOCK
    blocks = tuple(reader.grid.blocks(size))
    injection = injected(scenario, storage, pools, reader, blocks)
    sums_of = formulae(scenario, models, book, lands, criteria, storage, injection)
    earnings = read_credits(scenario, reader, models, storage)
    return Setting(
        scenario=scenario,
        area=reader.area,
        reader=reader,
        models=models,
        book=book,
        lands=lands,
        criteria=criteria,
        pools=pools,
        storage=storage,
        injection=injection,
        plan=sums_of.plan,
        rivals=sums_of.rivals,
        ledgers=sums_of.ledgers,
        places=sums_of.places,
        earnings=earnings,
        block_size=size,
        blocks=blocks,
        standing=None,  # known by the next stage, which reads what is here
    )


def ledger_sums(model: MethodModel, scenario: Scenario, given: Ingredients) -> PlaceSums:
    """Entries of a method's ledgers that may differ from place to place."""
    needs = model.needs
    factors = net_factors(model, needs, given)
    grid = given.intensity
    return place_sums(
        net_terms(model, scenario, routed=given.routed),
        needs.supplied.get("electricity", sums.const(0.0)),
        sums.layer(grid) if isinstance(grid, str) else sums.const(grid),
        factors,
        needs.avoided + needs.beside * net_factor_sum(model, needs, scenario, given),
    )


def check_references(scenario: Scenario) -> None:
    """Refuse keys that name a layer the scenario does not have.

    Raises
    ------
    ConfigError
        Names every key and the nearest layer.
    """
    unknown = [f"{key}: {text}" for text, key in scenario.unknown_layers()]
    if unknown:
        raise ConfigError("\n".join(unknown))


def _models_and_layers(scenario: Scenario, reader: LayerStack) -> dict[str, MethodModel]:
    """Resolve the methods and look at the layers; all that is wrong with either in one error.

    Raises
    ------
    CdrsiteError
        The only error that there is, or all of them, one a line.
    """
    errors: list[CdrsiteError] = []
    try:
        _raise_findings(reader, scenario)
    except CdrsiteError as error:
        errors.append(error)
    models, wrong = resolve_methods(scenario)
    errors += wrong
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ConfigError("\n".join(str(error) for error in errors))
    return models


def _raise_findings(reader: LayerStack, scenario: Scenario) -> None:
    """Warn of what the first look at the layers found; refuse the run if it found errors.

    Raises
    ------
    DataError
        With every error, one a line.
    """
    findings = check_layers(reader, scenario.layer_references())
    for finding in findings:
        if finding.level == "warning":
            warnings.warn(finding.text, CdrsiteWarning, stacklevel=3)
    errors = [finding.text for finding in findings if finding.level == "error"]
    if errors:
        raise DataError("\n".join(dict.fromkeys(errors)))


def _where(
    name: str, book: RuleBook, lands: Lands, criteria: tuple[CriterionSet, ...]
) -> tuple[str, str, int, str]:
    """Group, ground, reason bits and suitability of a method."""
    groups = {bits: str(i) for i, bits in enumerate(book.groups)}
    which = next(i for i, one in enumerate(criteria) if name in one.methods)
    mine = book.group_of(name)
    ground = ground_name((mine, lands.of[name]), book)
    return groups[mine], ground, sum(1 << bit for bit in mine), f"suitability {which}"


def _of_method(
    model: MethodModel, scenario: Scenario, given: Ingredients, where: tuple[str, str, int, str]
) -> tuple[MethodPlan, RivalSums, PlaceSums, PlaceNumbers]:
    """All sums of products of one method, and the numbers of its own layers."""
    return (
        method_plan(model, scenario, given, *where),
        rival_sums(model, scenario, given),
        ledger_sums(model, scenario, given),
        place_numbers(priced(model, scenario)),
    )
