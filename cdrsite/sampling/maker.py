"""From what a scenario says to the dimensions of its samples, each with its law and source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cdrsite.core.errors import ConfigError, did_you_mean
from cdrsite.methods.model import parsed_value
from cdrsite.sampling.drawn import (
    COMMON,
    LAYER,
    NUMBER,
    SUPPLY,
    SWITCH,
    UNIT,
    Ensemble,
    Floor,
    Group,
    Held,
    Normal,
    SampledNumber,
)
from cdrsite.sampling.laws import WIDE, Either, Law, Uniform, law_of
from cdrsite.sampling.numbers import SCENARIO

if TYPE_CHECKING:
    from cdrsite.config.uncertainty import Spread, SupplySpread, Uncertainty
    from cdrsite.sampling.numbers import StudyNumbers, UncertainNumber

NEVER_BELOW = {"permanence_years": "accounting_years"}
"""Parameter -> another one of its method that it is never below: what a method counts over some
years lasts as long. A link is no correlation: it is worked out."""


def beyond(low: float, value: float, high: float) -> bool:
    """Whether a value lies outside two ends that are in order."""
    return low <= high and not low <= value <= high


@dataclass
class EnsembleMaker:
    """Collects the dimensions of a study.

    Parameters
    ----------
    asked : Uncertainty
        What the scenario says.
    study : StudyNumbers
        Its numbers.
    base_year : int
        Of money.
    """

    asked: Uncertainty
    study: StudyNumbers
    base_year: int

    def __post_init__(self) -> None:
        self.dimensions: list[SampledNumber] = []
        self.held: list[Held] = []
        self.groups: list[tuple[str, list[str], float]] = []
        self.others: dict[tuple[str, str], dict[str, Law | None]] = {}

    def numbers(self, acting: Mapping[str, bool]) -> None:
        """Dimensions of single numbers.

        Parameters
        ----------
        acting : mapping
            Key -> whether the plan moves with it, of all numbers with a range of the library.
        """
        given = dict(self._given())
        known = {one.path: one for one in self.study.listed()}
        for path, (where, _) in given.items():
            if path not in known:
                self._refuse_unknown(path, where)
        for path, one in known.items():
            if path in given:
                self.dimensions.append(self._of_spread(one, *given[path]))
            elif one.low is None and one.high is None:
                self.held.append(Held(path, one.value, one.unit, "no range known"))
            elif self.asked.ranges == "none":
                self.held.append(Held(path, one.value, one.unit, "ranges: none"))
            elif not acting.get(path, False):
                self.held.append(Held(path, one.value, one.unit, "the plan does not rest on it"))
            else:
                self._of_library(one)
        for name in self.study.models:
            if (path := f"methods.{name}.profile") in given:
                self._switch(name, path, *given[path])

    def _given(self) -> Iterator[tuple[str, tuple[str, Spread]]]:
        """Key of a number -> where its range stands, and the range."""
        asked, names = self.asked, {(n.method, n.parameter): n.path for n in self.study.listed()}
        for method, parameters in asked.methods.items():
            for parameter, spread in parameters.items():
                where = f"uncertainty.methods.{method}.{parameter}"
                plain = f"methods.{method}.{'' if parameter == 'profile' else 'override.'}"
                yield names.get((method, parameter), plain + parameter), (where, spread)
        for name, spread in asked.prices.items():
            yield f"costs.prices.{name}", (f"uncertainty.prices.{name}", spread)
        if asked.discount_rate is not None:
            yield "costs.discount_rate", ("uncertainty.discount_rate", asked.discount_rate)
        for path, spread in asked.numbers.items():
            yield path, (f"uncertainty.numbers.{path}", spread)

    def _refuse_unknown(self, path: str, where: str) -> None:
        """Refuse a range of what is no number of the study."""
        known = [one.path for one in self.study.listed()]
        known += [f"methods.{name}.profile" for name in self.study.models]
        if path in known:
            return
        short = [one.removeprefix("methods.").replace("override.", "") for one in known]
        wanted = path.removeprefix("methods.").replace("override.", "")
        raise ConfigError(
            "no such number in this study",
            where=where,
            got=wanted,
            expected="a number that `cdrsite sample --list` shows",
            cure=did_you_mean(wanted, short, 0.4) or "remove it, or give the study that number",
        )

    def _of_library(self, one: UncertainNumber) -> None:
        """Draw a number from the range of its source; one in disorder is held."""
        try:
            law = law_of(one.path, one.low, one.value, one.high, self.asked.ends, one.unit)
        except ConfigError:
            self.held.append(Held(one.path, one.value, one.unit, "outside the range of its source"))
            return
        if one.low == one.high:
            self.held.append(Held(one.path, one.value, one.unit, "no range known"))
            return
        self.dimensions.append(SampledNumber(one.path, one.unit, law, one.value, one.source))

    def _of_spread(self, one: UncertainNumber, where: str, spread: Spread) -> SampledNumber:
        """A number with the range that the scenario gives."""

        def parsed(value: float | str, at: str) -> float:
            unit = "1" if one.path == "costs.discount_rate" else one.unit  # a share of each year
            return parsed_value(value, unit, self.base_year, f"{where}.{at}")

        law: Law
        if spread.either:
            options = tuple(parsed(x.value, f"either.{i}") for i, x in enumerate(spread.either))
            law = Either(tuple(x.weight for x in spread.either))
            return SampledNumber(one.path, one.unit, law, one.value, SCENARIO, SWITCH, options)
        low, central, high = (
            None if x is None else parsed(x, at)
            for x, at in ((spread.low, "low"), (spread.central, "central"), (spread.high, "high"))
        )
        low = one.low if low is None else low
        high = one.high if high is None else high
        value = one.value if central is None else central
        if central is None and low is not None and high is not None and beyond(low, value, high):
            # the study's own value is beyond: all between the ends alike
            law = Uniform(low, high, log=low > 0.0 and high >= WIDE * low)
        else:
            law = law_of(where, low, value, high, self.asked.ends, one.unit)
        return SampledNumber(one.path, one.unit, law, one.value, SCENARIO)

    def _switch(self, method: str, path: str, where: str, spread: Spread) -> None:
        """A choice between profiles, each with the ranges of its own records."""
        profile = self.study.models[method].profile
        names = (profile.name, *profile.siblings)
        options = tuple(str(x.value) for x in spread.either)
        for i, name in enumerate(options):
            if name not in names:
                raise ConfigError(
                    "unknown profile",
                    where=f"{where}.either.{i}.value",
                    got=repr(name),
                    expected=", ".join(names),
                    cure=did_you_mean(name, list(names), 0.4) or None,
                )
        if not options:
            raise ConfigError(
                "a profile has no range", where=where, expected="either: a list of profiles"
            )
        law = Either(tuple(x.weight for x in spread.either))
        self.dimensions.append(
            SampledNumber(path, "", law, profile.name, SCENARIO, SWITCH, options)
        )
        for name in options:
            if name != profile.name:
                self.others[path, name] = self._laws_of(method, path, name)

    def _laws_of(self, method: str, path: str, profile: str) -> dict[str, Law | None]:
        """Laws of a method's numbers in another profile; None where it knows no range."""
        found: dict[str, Law | None] = {}
        for one in self.study.with_values({path: profile}).listed([method]):
            try:
                known = one.low is not None or one.high is not None
                law = law_of(one.path, one.low, one.value, one.high, self.asked.ends)
                found[one.path] = law if known else None
            except ConfigError:
                found[one.path] = None
        return found

    def supplies(self, names: Mapping[str, Sequence[str]]) -> None:
        """Dimensions of supplies.

        Parameters
        ----------
        names : mapping
            Resource, or ``injection`` -> its pools or units; one empty name where it has none.
        """
        for resource, spread in self.asked.supplies.items():
            if resource not in names:
                raise ConfigError(
                    "nothing to be uncertain about: the study offers none, or without limit",
                    where=f"uncertainty.supplies.{resource}",
                    cure=f"remove it, or give resources.{resource}",
                )
            self._factors(f"supplies.{resource}", SUPPLY, names[resource], spread)

    def _factors(self, path: str, kind: str, names: Sequence[str], spread: SupplySpread) -> None:
        if spread.relative is not None:
            law: Law = Normal(spread.relative)
        else:
            low, high = spread.factor or (1.0, 1.0)
            law = law_of(
                f"uncertainty.{path}", low, min(max(1.0, low), high), high, self.asked.ends
            )
        self._many(path, kind, names, law, spread.together)

    def _many(
        self, path: str, kind: str, names: Sequence[str], law: Law | None, correlation: float
    ) -> None:
        """One dimension each, with what they have in common before them."""
        paths = [f"{path}: {name}" if name else path for name in names]
        own = [SampledNumber(one, "1", law, 1.0, SCENARIO, kind, group=path) for one in paths]
        if len(own) > 1 and correlation > 0.0:
            self.dimensions.append(SampledNumber(f"{path} in common", "1", None, 0.0, "", COMMON))
            self.groups.append((f"{path} in common", paths, correlation))
        self.dimensions += own

    def storage(self, names: Sequence[str]) -> None:
        """Dimensions of the capacities of storage units."""
        if self.asked.storage is not None and not names:
            raise ConfigError(
                "there are no storage units",
                where="uncertainty.storage",
                cure="remove it, or give resources.storage.units",
            )
        if self.asked.storage is not None:
            self._many("storage", UNIT, names, None, self.asked.storage.together)

    def layers(self) -> None:
        """Dimensions of layers whose error is one for all cells."""
        for name, spread in self.asked.layers.items():
            if spread.range is None:
                self.dimensions.append(
                    SampledNumber(f"layers.{name}", "1", None, 0.0, SCENARIO, LAYER)
                )

    def finished(self) -> Ensemble:
        """The samples; dimensions of single pools and storage units come after all others."""
        for i, one in enumerate(self.asked.together):
            self._together(i, [str(path) for path in one.of], one.correlation)
        ordered = tuple(sorted(self.dimensions, key=lambda one: one.kind in {SUPPLY, UNIT}))
        at = {one.path: j for j, one in enumerate(ordered)}
        groups = tuple(
            Group(common, tuple(at[path] for path in members), at[common], correlation)
            for common, members, correlation in self.groups
        )
        fields = [name for name, one in self.asked.layers.items() if one.range is not None]
        known = {(one.method, one.parameter): one for one in self.study.listed()}
        floors = {}
        for (method, parameter), number in known.items():
            other = known.get((method, NEVER_BELOW.get(parameter, "")))
            if other is not None and number.path in at:
                floors[number.path] = Floor(other.path, other.value)
        return Ensemble(
            self.asked.samples,
            self.asked.seed,
            ordered,
            groups,
            tuple(self.held),
            {name: k for k, name in enumerate(fields)},
            floors,
            self.others,
        )

    def _together(self, i: int, named: list[str], correlation: float) -> None:
        """A group of numbers that the scenario names."""
        where, paths = f"uncertainty.together.{i}.of", []
        short = {
            one.path.removeprefix("methods.").replace("override.", ""): one.path
            for one in self.dimensions
            if one.kind == NUMBER
        }
        taken = {path for _, members, _ in self.groups for path in members}
        for name in named:
            path = short.get(name.removeprefix("methods.").replace("override.", ""))
            if path is None or path in taken:
                raise ConfigError(
                    "it is in another group"
                    if path in taken
                    else "no uncertain number of that name",
                    where=where,
                    got=name,
                    expected=", ".join(short),
                    cure=did_you_mean(name, list(short), 0.4) or "see `cdrsite sample --list`",
                )
            paths.append(path)
        common = f"together {i + 1}"
        self.dimensions.append(SampledNumber(common, "1", None, 0.0, "", COMMON))
        self.groups.append((common, paths, correlation))
