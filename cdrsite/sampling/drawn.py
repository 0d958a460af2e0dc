"""What each sample takes for what is uncertain: a pure function of the number of the sample.

Every uncertain number is a dimension of the design with a law of its own; pools and storage units
have one each, and one more for what their errors have in common. Which value a sample takes does
not depend on the samples before it (rule 9).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from cdrsite.sampling.design import points, together
from cdrsite.sampling.laws import Law, lognormal
from cdrsite.sampling.numbers import SCENARIO

F64 = NDArray[np.float64]

NUMBER, SWITCH, SUPPLY, UNIT, LAYER, COMMON = (
    "number", "switch", "supply", "storage unit", "layer", "common"
)  # fmt: skip
"""Kinds of dimensions."""


@dataclass(frozen=True)
class SampledNumber:
    """One dimension of a design.

    Attributes
    ----------
    path : str
        Key of a scenario, or what of it is meant: ``supplies.water: Lusu``.
    unit : str
        Of its values; "1" for factors.
    law : Law or None
        None for a normal number that others share or that makes factors.
    value : float or str
        That of the study.
    source : str
        Who says the range.
    kind : str
        One of those of this module.
    options : tuple
        Of alternatives, in the order of their numbers.
    group : str
        What it is high together with; empty for nothing.
    """

    path: str
    unit: str
    law: Law | None
    value: float | str
    source: str
    kind: str = NUMBER
    options: tuple[float | str, ...] = ()
    group: str = ""

    @property
    def ends(self) -> tuple[float, float]:
        """Least and most that it can be; NaN of what is no number or has no end."""
        if self.law is None or any(isinstance(one, str) for one in self.options):
            return math.nan, math.nan
        if self.options:
            numbers = [float(one) for one in self.options]
            return min(numbers), max(numbers)
        least, most = self.law.at(np.array([0.0, 1.0])).tolist()
        return least, most

    def values(self, chances: F64) -> list[float | str]:
        """What stands at some chances."""
        if self.law is None:
            return list(ndtri(chances).tolist())
        found = self.law.at(chances)
        if self.options:
            return [self.options[int(one)] for one in found]
        return list(found.tolist())


@dataclass(frozen=True)
class Held:
    """A number without a range, or one that cannot be varied, with the reason."""

    path: str
    value: float
    unit: str
    why: str


@dataclass(frozen=True)
class LayerDraw:
    """Error of a layer in one sample: normal numbers, one for all cells or a field of them.

    Attributes
    ----------
    normal : float
        For all cells alike; NaN where the layer has a field.
    seeds : tuple of int
        Of its field.
    """

    normal: float
    seeds: tuple[int, ...] = ()


@dataclass(frozen=True)
class Draw:
    """What one sample takes.

    Attributes
    ----------
    number : int
        Of the sample, from 0.
    values : dict
        Key of a scenario -> value [canonical unit], or name of a profile.
    supplies : dict of str to ndarray
        Resource, or ``injection`` -> factor of each pool or unit.
    capacity : ndarray or None
        Chance of the capacity of each storage unit, where that is drawn.
    layers : dict of str to LayerDraw
        Errors of layers.
    """

    number: int
    values: dict[str, float | str]
    supplies: dict[str, F64] = field(default_factory=dict)
    capacity: F64 | None = None
    layers: dict[str, LayerDraw] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """Dimensions with one correlation between any two of them."""

    name: str
    members: tuple[int, ...]
    common: int
    correlation: float


def _not_below(value: float, floor: float) -> float:
    """A value that is at least another one, where both are numbers."""
    return value if math.isnan(value) or math.isnan(floor) else max(value, floor)


@dataclass(frozen=True)
class Floor:
    """A number that another one is never below, and its value in the study."""

    path: str
    value: float


@dataclass(frozen=True)
class Ensemble:
    """The samples of a study.

    Attributes
    ----------
    samples, seed : int
        How many, and of which design.
    dimensions : tuple of SampledNumber
        In the order of the design: what matters most first.
    groups : tuple of Group
        What is drawn together.
    held : tuple of Held
        What is not drawn.
    fields : dict of str to int
        Layer with a range of correlation -> its number among all.
    floors : dict of str to Floor
        Number -> the one that it is never below.
    others : mapping
        Key of a profile and another one that samples take -> laws of its numbers by key, at the
        chance of the study's own; None where it knows no range, and so keeps its value.
    """

    samples: int
    seed: int
    dimensions: tuple[SampledNumber, ...]
    groups: tuple[Group, ...]
    held: tuple[Held, ...]
    fields: Mapping[str, int]
    floors: Mapping[str, Floor] = field(default_factory=dict)
    others: Mapping[tuple[str, str], Mapping[str, Law | None]] = field(default_factory=dict)

    @cached_property
    def independent(self) -> F64:
        """Chances before anything goes together, shape (samples, dimensions)."""
        return points(self.samples, len(self.dimensions), self.seed)

    @cached_property
    def chances(self) -> F64:
        """Chances of all samples, shape (samples, dimensions)."""
        made = self.independent.copy()
        for one in self.groups:
            members = list(one.members)
            made[:, members] = together(made[:, members], made[:, one.common], one.correlation)
        return made

    @cached_property
    def columns(self) -> dict[str, list[float | str]]:
        """Values of all samples by dimension, those of pools and units as factors."""
        drawn = {
            one.path: one.values(self.chances[:, j])
            for j, one in enumerate(self.dimensions)
            if one.kind != COMMON
        }
        for (switch, profile), laws in self.others.items():
            taken = [s for s, name in enumerate(drawn[switch]) if name == profile]
            for j, one in enumerate(self.dimensions):
                mine = one.path.startswith(switch.removesuffix("profile")) and one.path != switch
                if not mine or one.source == SCENARIO:
                    continue
                law = laws.get(one.path)
                for s in taken:
                    chance = self.chances[s, [j]]
                    drawn[one.path][s] = math.nan if law is None else float(law.at(chance)[0])
        for path, floor in self.floors.items():
            least = drawn.get(floor.path, [floor.value] * self.samples)
            pairs = zip(drawn[path], least, strict=True)
            drawn[path] = [_not_below(float(mine), float(other)) for mine, other in pairs]
        return drawn

    def draw(self, number: int) -> Draw:
        """What a sample takes."""
        values, layers = {}, {}
        supplies: dict[str, list[float]] = {}
        capacity: list[float] = []
        for j, one in enumerate(self.dimensions):
            if one.kind == UNIT:
                capacity.append(float(self.chances[number, j]))
            elif one.kind == SUPPLY:
                name = one.path.split(":")[0].removeprefix("supplies.")
                supplies.setdefault(name, []).append(float(self.columns[one.path][number]))
            elif one.kind == LAYER:
                normal = float(self.columns[one.path][number])
                layers[one.path.removeprefix("layers.")] = LayerDraw(normal)
            elif one.kind != COMMON:
                value = self.columns[one.path][number]
                if isinstance(value, str) or not math.isnan(value):
                    values[one.path] = value
        for name, k in self.fields.items():
            layers[name] = LayerDraw(math.nan, (self.seed, number, k))
        return Draw(
            number,
            values,
            {name: np.array(factors) for name, factors in supplies.items()},
            np.array(capacity) if capacity else None,
            layers,
        )


@dataclass(frozen=True)
class Normal:
    """Factors with the mean 1 and a relative standard deviation."""

    relative: float

    @property
    def name(self) -> str:
        """Its name for tables."""
        return "lognormal"

    def at(self, u: F64) -> F64:
        """Factors at chances of not being exceeded."""
        return lognormal(ndtri(u), self.relative)
