"""Capital and operation of a kind of plant by how much of it the world has built.

A first plant is dear, and every doubling of the capacity takes a share off. A published table gives
both at some capacities; between them the logarithms are linear, which is what a learning rate
means, and beyond the ends they are held. Methods can be compared only on one basis: a first plant
of one and a projection of another say nothing about which of the two is cheaper.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from cdrsite.core.checked import or_row
from cdrsite.core.currency import convert
from cdrsite.core.fields import Model, StrictNumber, Text, problem, quantity
from cdrsite.core.units import find_currency


def _year_or_name(given: object) -> object:
    """A year may be written as a number."""
    return str(given) if isinstance(given, int) and not isinstance(given, bool) else given


Basis = Annotated[
    Literal["foak", "2030", "2050"],
    BeforeValidator(
        _year_or_name, json_schema_input_type=Literal["foak", "2030", "2050", 2030, 2050]
    ),
]
"""What costs stand for: the first plant of its kind, or a projection for a year."""

Capacity = quantity("t/yr", above=0.0)
LEARNED = ("capex", "fixed_om", "variable_om")
"""Parameters of a method that follow from the world's capacity."""


def _positive(value: float) -> float:
    if value <= 0:
        raise problem(f"not positive; got {value:g}; expected a number above 0")
    return value


Positive = Annotated[StrictNumber, AfterValidator(_positive)]


class LearningPoint(Model):
    """Costs at one capacity of the world."""

    world_capacity: Positive
    """Of plants of this kind [t/yr]."""
    capital: Positive
    """Overnight, with all contingencies [money per t/yr of nameplate]."""
    fixed_om: Positive
    """Fixed operation and maintenance [money per year and t/yr of nameplate]."""
    variable_om: Positive
    """Variable operation without energy and water [money per t]."""


def _money(code: str) -> str:
    plain, currency, year = find_currency(code)
    if currency is None or year is None or plain != "USD":
        raise problem(f"not money of a year; got {code!r}; expected for example USD2022 (rule 10)")
    return code


class Learning(Model):
    """What plants of a kind cost as more of them are built."""

    money: Annotated[Text, AfterValidator(_money)]
    """Currency and year of the points, for example `USD2022`."""
    bases: dict[Basis, Positive]
    """Basis -> capacity of the world that it stands for [t/yr]."""
    points: tuple[or_row(LearningPoint), ...] = Field(min_length=1)  # type: ignore[valid-type]
    """What the source gives: mappings, or rows [world_capacity, capital, fixed_om, variable_om], by
    rising capacity."""
    source: Text
    """Id of the source."""
    locator: Text
    """The table, line or derivation in the source."""
    note: Text = ""
    """Reading aid."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for one, other in pairwise(self.points):
            if other.world_capacity <= one.world_capacity:
                raise problem(
                    f"capacities do not rise; got {other.world_capacity:g} after "
                    f"{one.world_capacity:g} t/yr",
                    at="points",
                )
        return self

    def at(self, world_capacity: float) -> LearningPoint:
        """Costs at a capacity of the world [t/yr]: log-log between the points, held at the ends."""
        known = np.log([one.world_capacity for one in self.points])
        found = {"world_capacity": world_capacity}
        for name in ("capital", "fixed_om", "variable_om"):
            costs = np.log([getattr(one, name) for one in self.points])
            found[name] = float(np.exp(np.interp(np.log(world_capacity), known, costs)))
        return LearningPoint(**found)

    def numbers(
        self, world_capacity: float, capacity_factor: float, base_year: int
    ) -> dict[str, float]:
        """Parameters of a method (:data:`LEARNED`) at a capacity of the world.

        Parameters
        ----------
        world_capacity : float
            [t/yr].
        capacity_factor : float
            At which the method's investment is stated [1]: here capital is per t/yr of nameplate,
            there per t/yr delivered.
        base_year : int
            Year of the US dollars.

        Returns
        -------
        dict of str to float
            Parameter -> value in its canonical unit.
        """
        here = self.at(world_capacity)
        _, currency, year = find_currency(self.money)
        assert currency is not None and year is not None  # noqa: S101 - checked when read
        one = convert(1.0, currency, year, base_year)
        return {
            "capex": here.capital / capacity_factor * one,
            "fixed_om": here.fixed_om / here.capital,
            "variable_om": here.variable_om * one,
        }
