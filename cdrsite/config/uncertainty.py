"""How a scenario says what is uncertain, and how its samples are drawn."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from cdrsite.core.fields import (
    Factor,
    Fraction,
    Kilometres,
    Model,
    Number,
    NumberOrQuantity,
    Text,
    one_or_many,
    problem,
    quantity,
)
from cdrsite.core.layernames import LayerName, NamesLayer
from cdrsite.core.vocabulary import RESOURCES

MOST_SAMPLES = 65_536
MOST_DECISIONS = 64


class Alternative(Model):
    """One of several values that sources disagree about."""

    value: Number | Text
    """A number with its unit, or the name of a profile."""
    weight: float = Field(1.0, gt=0.0, allow_inf_nan=False)
    """How often it is drawn beside the others."""


class Spread(Model):
    """Range of one number, or the alternatives to it."""

    low: NumberOrQuantity | None = None
    """Low end, text with a unit."""
    central: NumberOrQuantity | None = None
    """Most likely value; that of the study when not given."""
    high: NumberOrQuantity | None = None
    """High end."""
    either: tuple[Alternative, ...] = ()
    """Values of which each sample takes one, where sources disagree: never a mean of them."""

    @model_validator(mode="after")
    def _some_range(self) -> Self:
        ends = [one for one in (self.low, self.central, self.high) if one is not None]
        if bool(ends) == bool(self.either):
            got = "both" if ends else "neither"
            raise problem(f"a range, or alternatives; got {got}; expected low and high, or either")
        if ends and self.low is None and self.high is None:
            raise problem("no end of a range; expected low, high or both", at="central")
        if len(self.either) == 1:
            raise problem("one alternative is none; expected two or more", at="either")
        return self


def _two_ends(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise problem(
            f"low above high; got {value[0]:g}, {value[1]:g}; expected low first; cure: exchange "
            "them"
        )
    return value


class SupplySpread(Model):
    """Error of what there is of a resource: of each pool, or of all cells of a layer alike."""

    relative: quantity("1", above=0.0, maximum=3.0) | None = None  # type: ignore[valid-type]
    """Standard deviation as a share of the supply; no supply falls below 0, and the mean stays."""
    factor: Annotated[tuple[Factor, Factor], AfterValidator(_two_ends)] | None = None
    """Low and high end of what the supply is multiplied by, in place of `relative`."""
    together: Fraction = 0.0
    """Correlation between pools: 1 where the error is common to all, 0 where each has its own."""

    @model_validator(mode="after")
    def _one_error(self) -> Self:
        if (self.relative is None) == (self.factor is None):
            got = "neither" if self.factor is None else "both"
            raise problem(f"one error; got {got}; expected relative, or factor: [low, high]")
        return self


class StorageSpread(Model):
    """Capacity of the storage units between the columns of their low and high case."""

    case: Literal["low-central-high"]
    """Between the columns that `resources.storage.capacity` names."""
    together: Fraction = 0.5
    """Correlation between units: their capacities are estimated by the same method."""


def _by_case(value: object) -> object:
    return {"case": value} if isinstance(value, str) else value


class LayerSpread(Model):
    """Error of a layer wherever it is read: its values times a factor with the mean 1."""

    relative: quantity("1", above=0.0, maximum=3.0) | None = None  # type: ignore[valid-type]
    """Standard deviation as a share of the value, the same everywhere."""
    error: LayerName | None = None
    """A layer with that share, or with the standard deviation in the unit of the layer itself."""
    range: Kilometres | None = None
    """Distance over which errors go along with each other; one error for all cells without it."""

    @model_validator(mode="after")
    def _one_error(self) -> Self:
        if (self.relative is None) == (self.error is None):
            got = "neither" if self.error is None else "both"
            raise problem(f"one error; got {got}; expected relative, or error: LAYER")
        if self.range == 0.0:
            raise problem("no distance; got 0; expected more than 0 km; cure: leave it out for one "
                          "error of all cells", at="range")  # fmt: skip
        return self


class Together(Model):
    """Numbers that are high together."""

    of: one_or_many(str)  # type: ignore[valid-type]
    """Keys of numbers as `cdrsite sample --list` shows them; `METHOD.PARAMETER` will do."""
    correlation: Fraction
    """Between any two of them [1]."""

    @model_validator(mode="after")
    def _several(self) -> Self:
        if len(set(self.of)) < 2:
            raise problem("a group of one; expected two numbers or more", at="of")
        return self


def _supplies(value: Any) -> Any:
    known = ("injection", *(
        one.parameter for one in RESOURCES.values() if one.kind not in {"land", "storage"}
    ))  # fmt: skip
    for name in value if isinstance(value, dict) else ():
        if name not in known:
            raise problem(
                f"not a supply; got {name!r}; expected one of {', '.join(known)}", at=str(name)
            )
    return value


def _power_of_two(value: int) -> int:
    if value & (value - 1):
        near = 1 << (value - 1).bit_length()
        raise problem(f"not a power of two; got {value}; cure: {near}")
    return value


class Uncertainty(Model):
    """What is not known for sure, and how many samples of it are drawn.

    `cdrsite sample` solves the study once for each sample; `cdrsite run` tells the range of the
    total beside its plan.
    """

    samples: Annotated[
        int, Field(ge=2, le=MOST_SAMPLES, strict=True), AfterValidator(_power_of_two)
    ] = 256
    """Samples, a power of two."""
    seed: int = Field(1, ge=0, lt=2**32)
    """Another seed is another sample of the same size."""
    precision: float | None = Field(None, gt=0.0, lt=0.5)
    """Stop at 64, 128, ... samples where nine in ten shares of cells are this sure; all samples are
    drawn when not given."""
    ranges: Literal["library", "none"] = "library"
    """`library`: every number of a method whose source gives a low or a high end; `none`: only what
    is named here."""
    ends: Literal["p0-p100", "p5-p95", "p10-p90"] = "p0-p100"
    """What low and high ends stand for: all that can be, or quantiles."""
    methods: dict[str, dict[str, Spread]] = Field(default_factory=dict)
    """Ranges of parameters by method: `{METHOD: {PARAMETER: {low: ..., high: ...}}}`; of `profile`,
    alternatives."""
    prices: dict[str, Spread] = Field(default_factory=dict)
    """Ranges of `costs.prices`."""
    discount_rate: Spread | None = None
    """Range of `costs.discount_rate`."""
    numbers: dict[str, Spread] = Field(default_factory=dict)
    """Ranges of other numbers of the scenario by their key, as `transport.leakage`."""
    supplies: Annotated[dict[str, SupplySpread], BeforeValidator(_supplies)] = Field(
        default_factory=dict
    )
    """Errors of supplies: `water`, `power`, `biomass`, ..., and `injection` of storage units."""
    storage: Annotated[StorageSpread, BeforeValidator(_by_case)] | None = None
    """`low-central-high`: capacities of storage units between their columns."""
    layers: Annotated[dict[str, LayerSpread], NamesLayer()] = Field(default_factory=dict)
    """Errors of layers."""
    together: tuple[Together, ...] = ()
    """Groups of numbers that are high together."""
    margin: NumberOrQuantity | None = None
    """How near to paying a method is in reach: net t per t, or USD/t where the goal is money; 2 %
    of a net tonne, or of what one costs, when not given."""
    decisions: int = Field(8, ge=0, le=MOST_DECISIONS, strict=True)
    """Plans of samples that are weighed beside the study's own: what each would lose when it is
    kept, and what it would be worth to know a number first. 0: nothing of it is worked out."""
