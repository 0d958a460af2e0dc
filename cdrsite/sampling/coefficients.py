"""All that a plan is made of besides its cells, as numbers: for any values of uncertain numbers.

The layers and cells of a study stay as they are; what a number changes is the coefficients of the
sums over them, limits of shared rows, and layers that a dependence on the place makes of numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cdrsite.methods.formulae import ingredients
from cdrsite.methods.model import priced
from cdrsite.methods.rivals import RivalSums, rival_sums
from cdrsite.methods.supply import constant_supply, usable_part
from cdrsite.place.registry import PlaceNumbers, place_numbers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cdrsite.competition.problem import PolicyRow
    from cdrsite.config.models import Scenario
    from cdrsite.config.storage import Storage
    from cdrsite.methods.credits import Earning
    from cdrsite.methods.formulae import Ingredients
    from cdrsite.methods.model import MethodModel
    from cdrsite.sampling.numbers import StudyNumbers
    from cdrsite.transport.fares import Fares

    F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Coefficients:
    """What the competition of a study is made with.

    Attributes
    ----------
    scenario : Scenario
        What is asked.
    models : mapping
        The methods.
    sums : mapping
        Method -> its sums of products.
    places : mapping
        Method -> what its own layers are made with.
    supplies : mapping
        Resource that is limited -> what is offered of it, as a multiple of what is given; for one
        value, the value itself.
    land : float
        Usable land, as a multiple of what is given [1].
    storage : (float, float)
        Injection, and pore space of a year, of all units; only ratios to others count.
    storage_cost : float or None
        Of all units alike [USD/t].
    leakage : float
        Share of the CO2 lost over 100 km [1].
    fares : Fares or None
        What the costs of routes to storage are made of; None without storage units.
    heat : float
        Price of heat that is sold [USD/kWh].
    limits : tuple of float
        Right-hand sides of the rules, in the order of their rows.
    earnings : tuple of Earning
        What credits pay.
    injecting : (ndarray, ndarray) or None
        What a tonne costs more in each storage unit for what it takes there [USD/t], and what that
        emits [t/t]; None where no unit takes anything.
    """

    scenario: Scenario
    models: Mapping[str, MethodModel]
    sums: Mapping[str, RivalSums]
    places: Mapping[str, PlaceNumbers]
    supplies: Mapping[str, float]
    land: float
    storage: tuple[float, float]
    storage_cost: float | None
    leakage: float
    fares: Fares | None
    heat: float
    limits: tuple[float, ...] = ()
    earnings: tuple[Earning, ...] = ()
    injecting: tuple[F64, F64] | None = None


@dataclass(frozen=True)
class Maker:
    """Makes the coefficients of a study for any values of its numbers.

    Attributes
    ----------
    routed : bool
        Whether there are storage units.
    rules : callable
        Scenario -> rows of its goal and policies.
    earn : callable
        Scenario, methods -> what credits pay.
    fares : callable
        Scenario -> what costs of routes are made of.
    injecting : callable
        Scenario -> what each storage unit takes where it lies, as in :class:`Coefficients`.
    methods : tuple of str
        Methods whose sums are wanted.
    form : callable
        Method, scenario, layers at hand -> its sums.
    """

    routed: bool
    rules: Callable[[Scenario], tuple[PolicyRow, ...]]
    earn: Callable[[Scenario, Mapping[str, MethodModel]], tuple[Earning, ...]]
    fares: Callable[[Scenario], Fares | None]
    injecting: Callable[[Scenario], tuple[F64, F64] | None]
    methods: tuple[str, ...]
    form: Callable[[MethodModel, Scenario, Ingredients], RivalSums] = rival_sums

    def __call__(self, numbers: StudyNumbers, like: Coefficients | None = None) -> Coefficients:
        """Coefficients for some values; what is the same as in ``like`` is taken from there.

        Raises
        ------
        ConfigError
            If the formulae do not accept a value.
        """
        scenario, models = numbers.scenario, numbers.models
        resources = scenario.resources
        unchanged = like is not None and like.scenario is scenario
        given = ingredients(scenario, routed=self.routed)
        sums, places = {}, {}
        for name in self.methods:
            model = models[name]
            if like is not None and unchanged and model is like.models[name]:
                sums[name], places[name] = like.sums[name], like.places[name]
            else:
                sums[name] = self.form(model, scenario, given)
                places[name] = place_numbers(priced(model, scenario))
        usable = resources.land.usable
        rules = like.limits if like is not None and unchanged else self._limits(scenario)
        return Coefficients(
            scenario,
            models,
            sums,
            places,
            supplies={
                name: constant_supply(name, one)
                if one.value is not None
                else usable_part(one) * one.factor
                for name, one in resources.supplies.items()
                if not one.unlimited
            },
            land=resources.land.factor * (usable if isinstance(usable, float) else 1.0),
            storage=_filled(resources.storage),
            storage_cost=None
            if isinstance(resources.storage.cost, str)
            else float(resources.storage.cost),
            leakage=scenario.transport.leakage,
            fares=like.fares if like is not None and unchanged else self.fares(scenario),
            heat=scenario.costs.prices.of("heat"),
            limits=rules,
            earnings=self.earn(scenario, models) if scenario.objective.credits else (),
            injecting=like.injecting
            if like is not None and unchanged
            else self.injecting(scenario),
        )

    def _limits(self, scenario: Scenario) -> tuple[float, ...]:
        return tuple(row.limit for row in self.rules(scenario))


def _filled(storage: Storage) -> tuple[float, float]:
    """Injection, and pore space of a year, as multiples of what the units' columns say."""
    yearly = storage.factor / storage.years
    return (yearly if storage.injection is None else storage.factor), yearly
