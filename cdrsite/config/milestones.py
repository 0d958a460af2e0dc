"""Milestones of a scenario: the years of a path, what is asked for then, and what changes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from cdrsite.core.errors import did_you_mean
from cdrsite.core.fields import Factor, Model, Years, problem, quantity

Year = Annotated[int, Field(ge=1900, le=2500)]
Shares = dict[Year, Factor]
"""Year -> share; linear between years, constant outside."""


class MissedTonnes(Model):
    """What a tonne that a target misses costs: it is told as missed, and never hidden."""

    price: quantity("USD/t", above=0.0)  # type: ignore[valid-type]
    """Price in money of the year [USD/t]; tonnes that cost more are missed."""


class Targets(Model):
    """What must be removed in a year, by ledger; years without an amount ask for nothing."""

    removal: dict[Year, quantity("t/yr", minimum=0.0)] | None = None  # type: ignore[valid-type]
    """Year -> net removal [t/yr], each tonne counted once, whatever keeps it."""
    durable: dict[Year, quantity("t/yr", minimum=0.0)] | None = None  # type: ignore[valid-type]
    """Year -> net removal weighted by how it is kept [t/yr]; see `durability`."""
    avoided: dict[Year, quantity("t/yr", minimum=0.0)] | None = None  # type: ignore[valid-type]
    """Year -> emissions that emitters avoid by capture [t/yr]: a ledger of its own, which is never
    summed with removal. Needs `emitters`."""


class Durability(Model):
    """What a tonne counts in durable tonnes, by how it is kept. Physical ledgers stay as they are.

    `permanent`: every tonne counts 1. `expected`: the share that is expected to be still stored at
    the horizon. `lashof`: the share of a tonne's warming over the horizon that is put off beyond
    it. `moura-costa`: years of storage over the years that a tonne stays in the air within the
    horizon. `offset`: the social value of a temporary tonne, `1 - exp(-discount x years stored)`.
    `replacement`: every tonne counts 1, and pays for one that is kept for good when it comes back.
    """

    rule: Literal["permanent", "expected", "lashof", "moura-costa", "offset", "replacement"] = (
        "permanent"
    )
    """How a tonne's worth follows from how it is kept."""
    horizon: Years = 100.0
    """Years that are looked at [yr]; of `expected`, `lashof` and `moura-costa`."""
    discount: quantity("1", above=0.0, maximum=1.0) | None = None  # type: ignore[valid-type]
    """Of `offset`: discount rate less the growth of the damage of a tonne [1/yr]."""
    price: dict[Year, quantity("USD/t", minimum=0.0)] | None = None  # type: ignore[valid-type]
    """Of `replacement`: year -> price of a tonne that is kept for good [USD/t]; linear between
    years, constant outside. A net tonne that is kept for N years costs `(1 + discount_rate)^-N`
    times the price of N years later more."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.rule == "replacement") != bool(self.price):
            raise problem(
                f"price belongs to rule: replacement, which needs it; got rule: {self.rule}; cure: "
                + (
                    "give price, e.g. {2060: 200 USD/t}"
                    if self.rule == "replacement"
                    else "remove price"
                ),
                at="price",
            )
        if (self.rule == "offset") != (self.discount is not None):
            raise problem(
                f"discount belongs to rule: offset, which needs it; got rule: {self.rule}; cure: "
                + ("give discount, e.g. 1 %" if self.rule == "offset" else "remove discount"),
                at="discount",
            )
        return self


class GrowthLimit(Model):
    """How fast the capacity of a method may grow."""

    rate: quantity("1", above=0.0, maximum=10.0)  # type: ignore[valid-type]
    """Growth of what stands in a year [1/yr]."""
    seed: quantity("t/yr", above=0.0)  # type: ignore[valid-type]
    """What may be built in a year without any that stands [gross t/yr]."""
    standing: quantity("t/yr", minimum=0.0) = 0.0  # type: ignore[valid-type]
    """What stands at the start [gross t/yr]: growth begins from it. Its tonnes, land and storage
    are not part of the plan."""


class Milestones(Model):
    """A plan over several years in place of one.

    The scenario's own numbers are those of share 1. Rates are linear between milestones; what
    stands at the last one goes on for `after`. Land that is taken stays taken, and plants are
    renewed.
    """

    years: tuple[Year, ...] = Field(min_length=1)
    """Milestones, rising."""
    start: Year | None = None
    """Year from which the first milestone is built up; the first milestone when not given."""
    after: Years | None = None
    """Years that what stands at the last milestone goes on, with its pore space [yr];
    `resources.storage.years` when not given."""
    targets: Targets = Targets()
    """What must be reached, in place of `objective.target`."""
    missed: Literal["error"] | MissedTonnes = "error"
    """Whether targets may be missed, at `{price: 1000 USD/t}`."""
    budget: dict[Year, quantity("USD/yr", above=0.0)] | None = None  # type: ignore[valid-type]
    """Year -> most cost in that year [USD/yr], in place of `objective.budget`."""
    present_budget: quantity("USD", above=0.0) | None = None  # type: ignore[valid-type]
    """Most cost of all years together, discounted to the first milestone [USD]."""
    durability: Durability = Durability()
    """What durable tonnes are."""
    growth: dict[str, GrowthLimit] = Field(default_factory=dict)
    """Method -> how fast it may grow."""
    injection_growth: GrowthLimit | None = None
    """How fast injection may grow in each storage unit, proven step by step: as `growth`, with
    tonnes injected in place of capacity."""
    first: dict[str, Year] = Field(default_factory=dict)
    """Method -> year before which none is ready."""
    lead: dict[str, Years] = Field(default_factory=dict)
    """Method -> years from a decision to the finished plant [yr]: none is ready sooner after
    `start`, and half of these years' interest is paid on the capital."""
    cost: dict[str, Shares] = Field(default_factory=dict)
    """Method -> year -> share of its capital cost and fixed operation, for plants built then."""
    prices: dict[str, Shares] = Field(default_factory=dict)
    """Key of `costs.prices` -> year -> share of that price."""
    credits: Shares | None = None
    """Year -> share of what tonnes earn by `objective.credits`."""
    supply: dict[str, Shares] = Field(default_factory=dict)
    """Key of `resources` with pools -> year -> share of its supply; `injection` of storage too."""
    intensity: Shares | None = None
    """Year -> share of the emissions of the supplied power (`resources.power.intensity`)."""

    @model_validator(mode="after")
    def _years_rise(self) -> Self:
        for before, after in itertools.pairwise(self.years):
            if not before < after:
                raise problem(
                    f"years do not rise; got {before} before {after}; cure: put them in order",
                    at="years",
                )
        if self.start is not None and self.start > self.years[0]:
            raise problem(
                f"the start is after the first milestone; got start {self.start} and "
                f"{self.years[0]}; cure: let it begin earlier",
                at="start",
            )
        for key, given in self._asked():
            for year in given:
                if year not in self.years:
                    listed = ", ".join(map(str, self.years))
                    raise problem(
                        f"no milestone; got {year}; expected one of {listed}; cure: add it to "
                        "milestones.years",
                        at=key,
                    )
        return self

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        for key, shares in self._shares():
            if not shares:
                raise problem("no year; expected {YEAR: share}, e.g. {2030: 1, 2060: 0.5}", at=key)
        for method, of_capital in self.cost.items():
            if any(share <= 0 for share in of_capital.values()):
                raise problem(
                    f"a share of the capital must be above 0; got {min(of_capital.values()):g}",
                    at=f"cost.{method}",
                )
        lasting = [(f"supply.{name}", given) for name, given in self.supply.items()]
        lasting += [(f"prices.{name}", given) for name, given in self.prices.items()]
        lasting += [] if self.credits is None else [("credits", self.credits)]
        for key, given in lasting:
            if self.last(given) <= 0:
                raise problem(
                    f"nothing is left at the last milestone; got {self.last(given):g} in "
                    f"{self.years[-1]}; expected a share above 0",
                    at=key,
                )
        return self

    @model_validator(mode="after")
    def _targets_are_asked(self) -> Self:
        counted = self.durability.rule not in {"permanent", "replacement"}
        if counted and self.targets.durable is None:
            raise problem(
                "no target counts durable tonnes; cure: give targets.durable, or remove durability",
                at="durability",
            )
        if self.missed != "error" and not self.asks:
            raise problem("nothing can be missed; cure: give targets, or remove it", at="missed")
        return self

    @model_validator(mode="after")
    def _ready_in_time(self) -> Self:
        begin = self.years[0] if self.start is None else self.start
        ready = [(f"first.{name}", float(year)) for name, year in self.first.items()]
        ready += [(f"lead.{name}", begin + lead) for name, lead in self.lead.items()]
        for key, year in ready:
            if year > self.years[-1]:
                raise problem(
                    f"never ready; got {year:g}, and the last milestone is {self.years[-1]}; cure: "
                    "add a milestone, let milestones.start begin earlier, or remove the method",
                    at=key,
                )
        return self

    def misfits(
        self, prices: Sequence[str], *, earns: bool, stores: bool
    ) -> Iterator[tuple[str, str]]:
        """What changes by year and is not in the scenario: text and key.

        Parameters
        ----------
        prices : sequence of str
            Keys of `costs.prices`.
        earns, stores : bool
            Whether there are credits, and storage units.
        """
        for key in self.prices:
            if key not in prices:
                text = f"no price of that name; got {key!r}; expected one of {', '.join(prices)}"
                cure = did_you_mean(key, prices) or "remove it"
                yield f"{text}; cure: {cure}", f"milestones.prices.{key}"
        if self.credits is not None and not earns:
            yield (
                "nothing is earned that could change; cure: give objective.credits, or remove it",
                "milestones.credits",
            )
        if self.injection_growth is not None and not stores:
            yield (
                "there are no storage units whose injection could grow; cure: give "
                "resources.storage.units, or remove it",
                "milestones.injection_growth",
            )

    @property
    def over_years(self) -> bool:
        """Whether the plan looks at more than the last milestone as a year of its own."""
        beyond = self.missed != "error" or self.durability.rule == "replacement"
        limits = self.present_budget, self.injection_growth
        return len(self.years) > 1 or beyond or any(one is not None for one in limits)

    @property
    def asks(self) -> bool:
        """Whether there is a target."""
        return bool(self.targets.removal or self.targets.durable or self.targets.avoided)

    def _asked(self) -> Iterator[tuple[str, Mapping[int, float]]]:
        yield "targets.removal", self.targets.removal or {}
        yield "targets.durable", self.targets.durable or {}
        yield "targets.avoided", self.targets.avoided or {}
        yield "budget", self.budget or {}

    def _shares(self) -> Iterator[tuple[str, Mapping[int, float]]]:
        yield from ((f"cost.{name}", given) for name, given in self.cost.items())
        yield from ((f"prices.{name}", given) for name, given in self.prices.items())
        yield from ((f"supply.{name}", given) for name, given in self.supply.items())
        yield from (
            (key, given)
            for key in ("credits", "intensity")
            if (given := getattr(self, key)) is not None
        )

    def share(self, given: Mapping[int, float] | None) -> np.ndarray:
        """A share at each milestone, shape (T,): linear between years, constant outside."""
        return self.share_in(given, np.array(self.years, np.float64))

    def share_in(self, given: Mapping[int, float] | None, years: np.ndarray) -> np.ndarray:
        """A share in any years, in their shape."""
        if not given:
            return np.ones(years.shape)
        at = sorted(given)
        return np.interp(years, at, [given[year] for year in at])

    def amounts(self, given: Mapping[int, float] | None) -> np.ndarray:
        """An amount at each milestone, NaN where none is given, shape (T,)."""
        return np.array([(given or {}).get(year, np.nan) for year in self.years])

    def last(self, given: Mapping[int, float] | None) -> float:
        """A share at the last milestone."""
        return float(self.share(given)[-1])

    @property
    def methods(self) -> Iterator[tuple[str, str]]:
        """Keys that name methods, with the methods."""
        for key in ("growth", "first", "lead", "cost"):
            for name in getattr(self, key):
                yield f"milestones.{key}", name
