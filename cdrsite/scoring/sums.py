"""What to score: supplies, needs, net factors and costs as sums of products of layers.

A plan is data. It is made once per scenario from numbers and layer names, and
:func:`cdrsite.scoring.evaluate.evaluate` turns it into rasters.

>>> need = const(1500.0) * layer("electricity factor") + const(200.0)
>>> need.terms
(Term(coefficient=1500.0, layers=('electricity factor',)), Term(coefficient=200.0, layers=()))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import mul

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cdrsite.core.errors import ConfigError
from cdrsite.core.states import LOWEST_STATE

LARGEST = 3.4e38
"""Numbers are rounded to float32, which ends here."""

SMALLEST = 1.2e-38
"""What is nearer to 0 is 0: float32 holds it with fewer digits or not at all."""


@dataclass(frozen=True)
class Term:
    """A number times the values of layers; a layer named twice is squared.

    Attributes
    ----------
    coefficient : float
        Carries the unit that makes the product what it should be.
    layers : tuple of str
        Names of the layers; none for a constant.
    """

    coefficient: float
    layers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sum:
    """A sum of terms, evaluated from left to right.

    Terms over the same layers are added up and zero terms vanish, so what an unused layer holds
    (NaN, say) does not matter.

    Raises
    ------
    ConfigError
        If a coefficient is not a finite float32.
    """

    terms: tuple[Term, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "terms", _collected(self.terms))

    # a study forms some hundred thousand sums: those that need no collecting are made at once

    def __add__(self, other: Sum | float) -> Sum:
        more = _as_sum(other)
        if not (self.terms and more.terms):
            return self if self.terms else more
        return Sum(self.terms + more.terms)

    def __mul__(self, other: Sum | float) -> Sum:
        by = _as_sum(other)
        mine, theirs = self.terms, by.terms
        if not (mine and theirs):
            return _NOTHING
        if _is_one(theirs):
            return self
        if _is_one(mine):
            return by
        products = tuple(
            Term(a.coefficient * b.coefficient, a.layers + b.layers) for a in mine for b in theirs
        )
        if min(len(mine), len(theirs)) > 1:
            return Sum(products)
        # by a single term: no two products are over the same layers
        return _sum_of(products) if all(map(_is_plain, products)) else Sum(products)

    __radd__ = __add__
    __rmul__ = __mul__

    @property
    def is_zero(self) -> bool:
        """Whether nothing is left of it."""
        return not self.terms

    @property
    def constant(self) -> float | None:
        """Its value if it is the same in every cell, else None."""
        if self.is_zero:
            return 0.0
        return None if any(term.layers for term in self.terms) else self.terms[0].coefficient

    @property
    def layers(self) -> frozenset[str]:
        """Names of the layers it reads."""
        return frozenset(name for term in self.terms for name in term.layers)

    def of(self, factors: Mapping[str, Sum]) -> Sum:
        """The same formula with a sum of products in the place of each name."""
        total = _NOTHING
        for term in self.terms:
            value, given = _sum_of((Term(term.coefficient),)), [factors[n] for n in term.layers]
            if all(one.terms for one in given):
                total += reduce(mul, given, value)
        return total

    def evaluate(self, values: Mapping[str, ArrayLike]) -> NDArray[np.float64]:
        """Its value for some values by name, in float64; all broadcast.

        Raises
        ------
        KeyError
            If a value is missing.
        """
        total = np.zeros(())
        for term in self.terms:
            value = np.asarray(term.coefficient, np.float64)
            for name in term.layers:
                value = value * np.asarray(values[name], np.float64)
            total = total + value
        return total[()]


def _is_plain(term: Term) -> bool:
    """Whether a term neither vanishes nor is too large."""
    return SMALLEST <= abs(term.coefficient) <= LARGEST


def _is_one(terms: tuple[Term, ...]) -> bool:
    """Whether it is the number 1."""
    return len(terms) == 1 and terms[0].coefficient == 1.0 and not terms[0].layers


def _sum_of(terms: tuple[Term, ...]) -> Sum:
    """A sum of terms that are collected and checked."""
    made = object.__new__(Sum)
    object.__setattr__(made, "terms", terms)
    return made


_NOTHING = _sum_of(())


def _collected(terms: Iterable[Term]) -> tuple[Term, ...]:
    written: dict[tuple[str, ...], tuple[str, ...]] = {}
    sums: dict[tuple[str, ...], float] = {}
    for term in terms:
        # factors stay in the order they were written in: it is that of the multiplications
        names = term.layers
        key = written.setdefault(names if len(names) < 2 else tuple(sorted(names)), names)
        sums[key] = sums.get(key, 0.0) + float(term.coefficient)
    for names, value in sums.items():
        if not abs(value) <= LARGEST:
            raise ConfigError(
                "a number of the scoring plan is not finite",
                where=" x ".join(names) or "a constant",
                got=value,
                expected="a number that float32 can hold",
                cure="check the prices and needs that go into it",
            )
    return tuple(Term(value, names) for names, value in sums.items() if abs(value) >= SMALLEST)


def _as_sum(value: Sum | float) -> Sum:
    return value if isinstance(value, Sum) else const(value)


def const(value: float) -> Sum:
    """The same number in every cell."""
    return _single(Term(float(value)))


def product(coefficient: float, *names: str) -> Sum:
    """A number times what some names stand for."""
    return _single(Term(float(coefficient), names))


def layer(name: str, coefficient: float = 1.0) -> Sum:
    """The values of a layer, times a number."""
    return _single(Term(float(coefficient), (name,)))


def _single(term: Term) -> Sum:
    """A sum of one term."""
    if term.coefficient == 0.0:
        return _NOTHING
    return _sum_of((term,)) if _is_plain(term) else Sum((term,))


@dataclass(frozen=True)
class Limit:
    """A resource that may limit a method: gross <= supply / need.

    Attributes
    ----------
    resource : str
        Name, for people.
    code : int
        Its code in the raster of limits, 0 to 249.
    supply : Sum
        What the cell is offered [unit/yr, or m2 for land]; below 0 counts as 0.
    need : Sum
        Need per gross tonne [the same unit per t/yr]. A cell whose need is 0 or less has no limit
        by this resource; a constant need of 0 or less is no limit anywhere.
    """

    resource: str
    code: int
    supply: Sum
    need: Sum

    def __post_init__(self) -> None:
        if not 0 <= self.code < LOWEST_STATE:
            raise ConfigError(
                "this code does not fit a resource",
                where=self.resource,
                got=self.code,
                expected=f"0 to {LOWEST_STATE - 1}",
            )

    @property
    def holds_somewhere(self) -> bool:
        """Whether it can limit at all."""
        need = self.need.constant
        return need is None or need > 0

    @cached_property
    def ratio(self) -> tuple[Sum, Sum | None]:
        """Numerator and denominator of the gross amount.

        A constant need is divided into the coefficients of the supply, in float64, so that no
        cell needs a division; the denominator is then None.
        """
        need = self.need.constant
        if need is None:
            return self.supply, self.need
        return self.supply * (1.0 / need), None


@dataclass(frozen=True)
class MethodPlan:
    """How to score one method.

    Attributes
    ----------
    name : str
        Key of the result.
    limits : tuple of Limit
        At a tie the first one limits.
    net_factor : Sum
        Net tonnes removed per gross tonne [t/t].
    gross_cost : Sum
        Cost per gross tonne [USD/t].
    suitability : str or None
        Layer that weighs the score, 0 to 1.
    excluded_bits : int
        Bits of the exclusion reasons that hold for this method.
    available : str or None
        Layer with the share (or area) of the cell that the exclusions leave. A cell is excluded
        if one of ``excluded_bits`` hit it and nothing of this layer is left; without the layer,
        any of the bits excludes the cell whole.

    Raises
    ------
    ConfigError
        If no resource limits the method, so that its gross amount would be infinite.
    """

    name: str
    limits: tuple[Limit, ...]
    net_factor: Sum
    gross_cost: Sum
    suitability: str | None = None
    excluded_bits: int = 0
    available: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "limits", tuple(one for one in self.limits if one.holds_somewhere))
        if not self.limits:
            raise ConfigError(
                "no resource limits this method, so its tonnes have no bound",
                where=self.name,
                expected="at least one resource with a supply and a need above 0",
                cure="give a supply of land or of another resource that the method needs",
                rule=7,
            )
        if not 0 <= self.excluded_bits < 1 << 31:
            raise ConfigError(
                "bits of exclusion rules are 0 to 30", where=self.name, got=hex(self.excluded_bits)
            )

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers it reads, sorted."""
        sums = [self.net_factor, self.gross_cost]
        sums += [one for limit in self.limits for one in limit.ratio if one is not None]
        names = {name for one in sums for name in one.layers}
        names |= {name for name in (self.suitability, self.available) if name is not None}
        return tuple(sorted(names))


@dataclass(frozen=True)
class ScoringPlan:
    """How to score all methods of a scenario.

    Raises
    ------
    ConfigError
        If two methods have one name.
    """

    methods: tuple[MethodPlan, ...]

    def __post_init__(self) -> None:
        names = [method.name for method in self.methods]
        if len(set(names)) < len(names):
            raise ConfigError("two methods of a scoring plan share a name", got=", ".join(names))

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers that any method reads, sorted."""
        return tuple(sorted({name for method in self.methods for name in method.layers}))
