"""The study as one sample sees it: other numbers in the same formulae, in the same cells.

A sample changes numbers of methods and of the study, what there is in pools and stores, and values
of layers. It does not change where things are: exclusions, land classes, routes and hauls stay
those of the study. What a tonne pays on its way to a store follows the annuity and the price of
power of the sample.

One module: what a sample is, and what it makes of cells, are the same numbers put in twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.competition.generator import MAX_GROUPS
from cdrsite.competition.problem import ArrayCells, PolicyRow, Problem
from cdrsite.competition.rows import RowSystem, Zoned, build_rows
from cdrsite.core.errors import CdrsiteError
from cdrsite.core.grid import Block
from cdrsite.core.units import same_dimension
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.library.plausibility import refuse_impossible
from cdrsite.methods.formulae import ingredients, method_plan
from cdrsite.methods.injection import emits
from cdrsite.methods.model import priced
from cdrsite.methods.rivals import rival_sums
from cdrsite.place.registry import fitting, place_numbers
from cdrsite.sampling.design import Field
from cdrsite.sampling.design import field as random_field
from cdrsite.sampling.drawn import Draw, Ensemble
from cdrsite.sampling.laws import law_of, lognormal
from cdrsite.sampling.maker import EnsembleMaker
from cdrsite.sampling.numbers import StudyNumbers
from cdrsite.scoring.sums import ScoringPlan
from cdrsite.study.beside import Beside, beside_of
from cdrsite.study.cells import competing, competitors_of
from cdrsite.study.compete import competition_problem, earned_terms, left_of, policies_of
from cdrsite.study.kept import KeptCells
from cdrsite.study.prepare import formulae, injected, pools_of, read_credits, storage_of
from cdrsite.study.routes import fares_in
from cdrsite.study.sharing import parts_of
from cdrsite.transport.fares import at_fares

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.competition.captured import Captures
    from cdrsite.competition.problem import RowTerm
    from cdrsite.engine.passes import Workspace
    from cdrsite.methods.model import MethodModel
    from cdrsite.methods.storage import StorageUnits
    from cdrsite.study.competitors import Competitors
    from cdrsite.study.offers import Offers
    from cdrsite.study.prepare import Setting
    from cdrsite.study.standing import Standing

    F32 = NDArray[np.float32]
    F64 = NDArray[np.float64]

INJECTION = "injection"
"""Supply of storage units, beside those of resources."""
CASES = ("low", "central", "high")


@dataclass(frozen=True)
class Cases:
    """Capacity of each storage unit by case, shape (units,) [t]."""

    low: F64
    central: F64
    high: F64
    names: tuple[str, ...]

    def at(self, chances: F64, ends: Any) -> F64:
        """Capacities at chances of not being exceeded [t]."""
        ends_of = zip(self.low.tolist(), self.central.tolist(), self.high.tolist(), strict=True)
        found = []
        for u, name, (low, central, high) in zip(chances, self.names, ends_of, strict=True):
            law = law_of(f"uncertainty.storage: {name}", low, central, high, ends, "t")
            found.append(float(law.at(np.array([u]))[0]))
        return np.array(found)


def storage_cases(setting: Setting) -> Cases | None:
    """Capacities by case, where the scenario asks for what lies between them.

    Raises
    ------
    ConfigError
        The scenario names no columns for the cases.
    """
    scenario, units = setting.scenario, setting.storage
    if units is None or scenario.uncertainty is None or scenario.uncertainty.storage is None:
        return None
    found = []
    for case in CASES:
        storage = scenario.resources.storage.model_copy(update={"case": case})
        resources = scenario.resources.model_copy(update={"storage": storage})
        other = storage_of(scenario.model_copy(update={"resources": resources}), setting.reader)
        assert other is not None  # noqa: S101 - the same units
        found.append(other.capacity)
    low, central, high = found
    return Cases(low, central, high, units.names)


def ensemble_of(setting: Setting) -> Ensemble | None:
    """The samples of a study; None where its scenario names nothing uncertain.

    Raises
    ------
    ConfigError
        What is said of a number does not fit it.
    """
    scenario = setting.scenario
    asked = scenario.uncertainty
    if asked is None:
        return None
    study = StudyNumbers(scenario, setting.models)
    maker = EnsembleMaker(asked, study, scenario.costs.base_year)
    maker.numbers(_acting(setting, study))
    names = {name: pools.names for name, pools in setting.pools.items()}
    for name, model in scenario.resources.supplies.items():
        if not model.unlimited:
            names.setdefault(name, ("",))
    units = setting.storage
    if units is not None:
        names[INJECTION] = units.names
    maker.supplies({_parameter(name): some for name, some in names.items()})
    maker.storage(() if units is None else units.names)
    maker.layers()
    return maker.finished()


def _parameter(resource: str) -> str:
    """Key of a resource in a scenario."""
    return resource if resource == INJECTION else RESOURCES[resource].parameter


def _acting(setting: Setting, study: StudyNumbers) -> dict[str, bool]:
    """Key of a number with a range -> whether the plan rests on it: found by trying its ends."""
    scenario = setting.scenario
    given = ingredients(
        scenario, routed=setting.storage is not None, injecting=emits(setting.injection)
    )

    def formulae_of(model: MethodModel) -> tuple[object, ...]:
        plan = method_plan(model, scenario, given, "", "", 0, None)
        sums = rival_sums(model, scenario, given)
        exclusive = model.number("land_exclusive_fraction", 1.0)
        stored = model.number("storage")
        return plan, sums, place_numbers(priced(model, scenario)), exclusive, stored

    plain = {name: formulae_of(model) for name, model in setting.models.items()}
    found = {}
    for one in study.listed():
        if not one.method or (one.low is None and one.high is None):
            continue
        ends = [end for end in (one.low, one.high) if end is not None and end != one.value]
        try:
            found[one.path] = any(
                formulae_of(study.with_values({one.path: end}).models[one.method])
                != plain[one.method]
                for end in ends
            )
        except CdrsiteError:  # an end that the formulae refuse: the number is held
            found[one.path] = False
    return found


@dataclass(frozen=True)
class SampledStudy:
    """What all samples of a study share.

    Attributes
    ----------
    setting : Setting
        The study.
    offers : Offers
        Pools with their land; its arrays are not used.
    ensemble : Ensemble
        The samples.
    cases : Cases or None
        Capacities by case.
    beside : Beside or None
        Emitters, and plants that stand; the setting has what there is with nothing taken off.
    """

    setting: Setting
    offers: Offers
    ensemble: Ensemble
    cases: Cases | None = None
    beside: Beside | None = None
    kept: dict[int, Sample] = field(default_factory=dict, compare=False, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """Samples are made anew where they are needed."""
        return {**vars(self), "kept": {}}

    def sample(self, number: int) -> Sample:
        """The study as one sample sees it; a pure function of its number (rule 9)."""
        if number not in self.kept:
            self.kept[number] = self.made(self.ensemble.draw(number))
        return self.kept[number]

    def unchanged(self) -> Sample:
        """The study itself as a sample, with the values of the scenario."""
        return self.made(Draw(-1, {}))

    def made(self, draw: Draw) -> Sample:
        """The study with what a sample takes.

        Raises
        ------
        ConfigError
            Numbers that a run refuses.
        """
        base = self.setting
        study = StudyNumbers(base.scenario, base.models).with_values(draw.values)
        scenario = study.scenario
        models = {name: _checked(model) for name, model in study.models.items()}
        pools, storage = base.pools, base.storage
        if any(path.startswith("resources.") for path in draw.values):
            pools, storage = pools_of(scenario, base.reader), storage_of(scenario, base.reader)
        storage = self._storage(storage, draw)
        offered = {}
        for name, one in pools.items():
            factor = draw.supplies.get(_parameter(name), 1.0)
            kinds = {kind: part * factor for kind, part in one.kinds.items()}
            area = self.offers.pools[name].area
            months = None if one.months is None else one.months * np.reshape(factor, (-1, 1))
            offered[name] = replace(
                one, supply=one.supply * factor, kinds=kinds, area=area, months=months
            )
        injection = None
        if base.injection is not None:
            injection = injected(scenario, storage, offered, base.reader, base.blocks)
        made = formulae(scenario, models, base.book, base.lands, base.criteria, storage, injection)
        plan = ScoringPlan(tuple(replace(one, suitability=None) for one in made.plan.methods))
        earnings = read_credits(scenario, base.reader, models, storage)
        setting = replace(
            base, scenario=scenario, models=models, pools=offered, storage=storage, plan=plan,
            rivals=made.rivals, ledgers=made.ledgers, places=made.places, earnings=earnings,
            injection=injection, criteria=(),
        )  # fmt: skip
        offers = replace(self.offers, pools=offered)
        plain = Sample(draw, setting, offers, policies_of(setting), self.beside)
        return plain.beside_what_stands()

    def _storage(self, units: StorageUnits | None, draw: Draw) -> StorageUnits | None:
        """Storage units with the capacity and injection of a sample."""
        if units is None:
            return None
        if draw.capacity is not None and self.cases is not None:
            asked = self.setting.scenario.uncertainty
            capacity = self.cases.at(draw.capacity, "p0-p100" if asked is None else asked.ends)
            before = self.setting.storage
            assert before is not None  # noqa: S101 - these are its units
            known = before.capacity > 0.0
            more = np.divide(units.capacity, before.capacity, out=known * 1.0, where=known)
            capacity = capacity * more  # where the sample has a factor of all storage
            even = self.setting.scenario.resources.storage.injection is None
            rate = capacity / units.years if even else units.injection
            units = replace(units, capacity=capacity, injection=rate)
        factor = draw.supplies.get(INJECTION)
        if factor is not None:
            units = replace(units, injection=units.injection * factor)
        return units


def sampled_study(
    setting: Setting,
    offers: Offers,
    ensemble: Ensemble,
    space: Workspace,
    standing: Standing | None = None,
) -> SampledStudy:
    """What all samples of a study share.

    Parameters
    ----------
    setting, offers
        Of the study.
    ensemble : Ensemble
        The samples.
    space : Workspace
        With the arrays of the exclusions.
    standing : Standing, optional
        Plants whose takings the setting's supplies are without.
    """
    if standing is not None:
        setting = replace(setting, pools=dict(standing.pools), storage=standing.storage)
    beside = beside_of(setting, offers, space)
    return SampledStudy(setting, offers, ensemble, storage_cases(setting), beside)


def _checked(model: MethodModel) -> MethodModel:
    """A method whose numbers a run would take.

    Raises
    ------
    ConfigError
        Numbers that do not go together.
    """
    where = f"methods.{model.name}"
    refuse_impossible(model.numbers, dict.fromkeys(model.numbers, where))
    fitting(model, where)
    return model


@dataclass(frozen=True)
class Sample:
    """The study as one sample sees it.

    Attributes
    ----------
    draw : Draw
        What it takes.
    setting : Setting
        The study with that, whose reader is the study's own.
    offers : Offers
        Its pools.
    policies : tuple of PolicyRow
        Its rules.
    beside : Beside or None
        Emitters, and plants that stand.
    made : dict
        What was worked out of it, whatever the cells.
    """

    draw: Draw
    setting: Setting
    offers: Offers
    policies: tuple[PolicyRow, ...]
    beside: Beside | None = None
    made: dict[str, RowSystem] = field(default_factory=dict, compare=False, repr=False)

    def beside_what_stands(self) -> Sample:
        """The same with what plants that stand leave, by the numbers of the sample.

        Raises
        ------
        DataError
            They take more than there is, or emit more than they remove.
        """
        if self.beside is None or self.beside.standing is None:
            return self
        here = self.in_cells(self.beside.kept)
        standing = self.beside.stands(here.setting, here.offers)
        assert standing is not None  # noqa: S101 - there are some
        pools, storage = standing.left_at(self.setting)
        return replace(
            self, setting=replace(self.setting, pools=pools, storage=storage),
            offers=replace(self.offers, pools=pools), policies=left_of(self.policies, standing),
        )  # fmt: skip

    @cached_property
    def captures(self) -> Captures | None:
        """The emitters, at the numbers of the sample."""
        if self.beside is None:
            return None
        here = self.in_cells(self.beside.kept)
        return self.beside.captures(here.setting, here.offers)

    @cached_property
    def earned(self) -> list[RowTerm]:
        """What tonnes earn by credits."""
        return earned_terms(self.setting)

    @cached_property
    def competitors(self) -> Competitors:
        """The methods, without an order of equal cells."""
        made = competitors_of(self.setting, self.offers)
        return replace(made, layout=replace(made.layout, layers=tuple(made.needs)))

    @cached_property
    def read(self) -> frozenset[str]:
        """Variables of the methods that the competition reads, of those that sums make."""
        made = self.competitors
        stored = ("need_storage",) if made.layout.storing else ()
        others = ("need_land", "net_at_plant", "cost_at_plant", *stored)
        return frozenset((*others, *(name for name, _ in made.needs.values())))

    def rows(self, problem: Problem, zoned: Zoned) -> RowSystem:
        """Shared rows of the sample over some cells; what cells do not change is made once."""
        made = self.made.get("rows")
        if made is None or made.zone_table is not zoned.table:
            made = self.made["rows"] = build_rows(problem, MAX_GROUPS, zoned)
        return replace(made, combo=zoned.combo)

    @cached_property
    def fields(self) -> dict[str, Field]:
        """Field of each layer whose errors go along with each other over a range."""
        asked, grid = self.setting.scenario.uncertainty, self.setting.area.grid
        found = {}
        for name, draw in self.draw.layers.items():
            if draw.seeds and asked is not None:
                cells = float(asked.layers[name].range or 0.0) * 1000.0 / grid.row_steps_m[1]
                found[name] = random_field((grid.rows, grid.cols), cells, draw.seeds)
        return found

    def in_cells(self, kept: KeptCells) -> CellsOfSample:
        """The sample in some cells."""
        return CellsOfSample(self, kept)


@dataclass(frozen=True)
class CellsOfSample:
    """One sample in kept cells."""

    sample: Sample
    kept: KeptCells

    @cached_property
    def setting(self) -> Setting:
        """The sample's setting with the reader of these cells and the errors of its layers."""
        errors = layer_errors(self.sample, self.kept)
        reader: Any = self.kept.reader.with_factors(errors)
        return self.sample.setting.read_by(reader)

    @cached_property
    def offers(self) -> Offers:
        """The sample's pools with the routes of these cells, and what they cost in the sample."""
        mine, links = self.kept.offers, self.kept.offers.links
        if links is not None:
            old, new = map(fares_in, (self.kept.setting.scenario, self.sample.setting.scenario))
            if old != new:
                cost = at_fares(np.asarray(links.cost), np.asarray(links.mode), old, new)
                links = replace(links, cost=cost)
        return replace(self.sample.offers, links=links, sheds=mine.sheds)

    @property
    def competitors(self) -> Competitors:
        """The methods, as in any cells."""
        return self.sample.competitors

    def variables(self, start: int, stop: int) -> dict[str, NDArray[Any]]:
        """What the competition reads of kept cells ``start`` to ``stop``."""
        block = Block(0, 1, start, stop)
        found = competing(
            self.setting, self.offers, {k: v[block.slices] for k, v in self.kept.available.items()},
            self.kept.reasons[block.slices], block, self.sample.read,
        )  # fmt: skip
        for name, factor in self.sample.draw.supplies.items():
            self._scale_supply(found, name, factor)
        return found

    def _scale_supply(self, found: dict[str, NDArray[Any]], key: str, factor: F64) -> None:
        """Supplies that no pool shares are as much more in all cells."""
        for own in self.competitors.local:
            if _parameter(own.resource) == key:
                found[own.variable] = found[own.variable] * np.float32(factor[0])

    def cells(
        self, start: int, stop: int, land: F64 | None = None, local: F64 | None = None
    ) -> ArrayCells:
        """KeptCells cells as the competition takes them; see :meth:`scored`."""
        return self.scored(start, stop, land, local)[0]

    def scored(
        self, start: int, stop: int, land: F64 | None = None, local: F64 | None = None
    ) -> tuple[ArrayCells, NDArray[np.uint8]]:
        """KeptCells cells as the competition takes them, and the state of each method in each.

        Parameters
        ----------
        start, stop : int
            Which.
        land, local : ndarray, optional
            What usable land by method, and supplies of the cell, are multiplied by; shapes
            (methods, cells) and (resources, cells).
        """
        found, made = self.variables(start, stop), self.competitors
        if land is not None:
            wide = (found["usable_land"] * land[:, None]).astype(np.float32)
            found["usable_land"] = wide
        for r, own in enumerate(made.local):
            if local is not None:
                found[own.variable] = (found[own.variable] * local[r]).astype(np.float32)
        block = Block(0, 1, start, stop)
        parts = None
        if made.sharing.needed:
            parts, book = self._land_in_parts(block, land), self.setting.book
            left = [self.kept.available[book.group_of(name)] for name in self.setting.models]
            found["available"] = np.stack([share[block.slices] for share in left])
        fields = made.fields(
            found, made.uppers(found), self.offers.links, block, np.arange(stop - start), parts
        )
        zones = fields.pop("zones")
        by_name = dict(zip(made.layout.zonings, zones, strict=True))
        limit = found["limit"].reshape(len(found["limit"]), -1)
        return ArrayCells(zone_ids=by_name, **fields), limit

    def _land_in_parts(self, block: Block, land: F64 | None) -> F32:
        """Land in parts, as the methods of each kind of usable land have more or less of it."""
        parts = parts_of(self.setting, block)
        if land is None:
            return parts
        lands = np.array(self.competitors.sharing.lands)
        for kind in range(parts.shape[1]):
            parts[:, kind] *= land[lands == kind].max(axis=0, initial=0.0)
        return parts

    def problem(self, cells: ArrayCells) -> Problem:
        """The competition of the sample over some cells."""
        problem = competition_problem(
            self.setting, self.offers, self.competitors, cells, self.sample.policies
        )
        return replace(problem, captures=self.sample.captures)


def layer_errors(sample: Sample, kept: KeptCells) -> dict[str, F32]:
    """Factor of each layer with an error at kept cells, shape (1, cells) [1]."""
    asked = sample.setting.scenario.uncertainty
    found: dict[str, F32] = {}
    for name, draw in sample.draw.layers.items():
        assert asked is not None  # noqa: S101 - it has drawn this
        spread = asked.layers[name]
        if draw.seeds:
            made = sample.fields[name]
            normal = made.at(kept.row.astype(np.float64), kept.col.astype(np.float64))
        else:
            normal = np.full(kept.count, draw.normal)
        sigma = _relative(name, spread.relative, spread.error, kept)
        found[name] = lognormal(normal, sigma).astype(np.float32)[None]
    return found


def _relative(name: str, relative: float | None, error: str | None, kept: KeptCells) -> Any:
    """Relative standard deviation of a layer at kept cells [1]."""
    if error is None:
        return relative
    block = Block(0, 1, 0, kept.count)
    own, unit = kept.reader.info(name).unit, kept.reader.info(error).unit
    if unit is not None and own is not None and same_dimension(unit, own):
        spread = kept.reader.values(error, block, own)[0].astype(np.float64)
        value = kept.reader.values(name, block, own)[0].astype(np.float64)
        share = np.divide(spread, np.abs(value), out=np.zeros_like(spread), where=value != 0)
    else:
        share = kept.reader.values(error, block, "1")[0].astype(np.float64)
    return np.nan_to_num(share)
