"""Models of the exclusion rules and of the suitability criteria."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from cdrsite.core.fields import (
    Fraction,
    Metres,
    Model,
    Number,
    NumberOrQuantity,
    exactly_one,
    one_or_many,
    problem,
    quantity,
)
from cdrsite.core.layernames import LayerName
from cdrsite.core.units import split_number
from cdrsite.library.gates import GateValue, Op, Strength

Threshold = NumberOrQuantity
"""A bare number in the layer's own unit, or text with a unit such as "15 degree"."""


TESTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "contiguity": (("smaller_than",), ("neighbours", "merge_within", "merge_name")),
    "range": (("above", "below"), ("layer", "unknown", "usable")),
    "distance": (
        ("closer_than", "farther_than"),
        ("layer", "where", "classes", "within", "unknown", "usable"),
    ),
    "classes": (("classes",), ("layer", "unknown", "buffer", "rasterise", "usable", "outside")),
    "polygon": ((), ("layer", "where", "buffer", "rasterise", "usable", "outside")),
}
"""Test of a rule -> keys that ask for it, and keys it reads besides; the last is the default."""
OF_EVERY_TEST = frozenset({"name", "for_"})


class ExcludeRule(Model):
    """One sentence of the planner: what is not allowed, where, for which methods.

    Exactly one test: polygons (a vector layer, with or without `where` and `buffer`), `classes`
    (with or without `buffer`), a range (`above`, `below` or both), a distance (`closer_than`,
    `farther_than`, to features or to `classes`), or `smaller_than` (contiguous area, no layer).
    """

    name: str | None = None
    """Shown in tables and in the reason bits; made from the rule when not given."""
    layer: LayerName | None = None
    """The layer the test reads."""
    where: str | None = None
    """Filter on the features of a vector layer."""
    buffer: Metres = 0.0
    """Grow the features, or the pixels of the classes, by this distance [m]; those outside the
    region count."""
    rasterise: Literal["centre", "coverage"] | None = None
    """Default: grid.rasterise."""
    classes: one_or_many(int | str) | None = None  # type: ignore[valid-type]
    """Codes, names, groups or ranges of a class layer: `[built, water]`, `"1-11, 50"`."""
    above: Threshold | None = None
    """Exclude values greater than this."""
    below: Threshold | None = None
    """Exclude values less than this; with `above`, values outside [below, above]."""
    closer_than: Metres | None = None
    """Exclude cells whose centre is nearer than this to a feature or a pixel of the classes [m]."""
    farther_than: Metres | None = None
    """Exclude cells whose centre is farther than this from every feature or such pixel [m]."""
    within: LayerName | None = None
    """A layer of polygons: a distance is that to the features in the same polygon as the cell's
    centre; where it holds none they are farther than any distance, and outside all polygons the
    distance is unknown."""
    smaller_than: quantity("m2", above=0.0) | None = None  # type: ignore[valid-type]
    """Exclude contiguous allowed areas smaller than this [m2]."""
    neighbours: Literal[4, 8] = 8
    """Cells that touch at a corner only are one area (8) or not (4)."""
    merge_within: LayerName | None = None
    """A layer of polygons, as provinces, in which areas that are too small make up one project:
    they stay where together they reach `smaller_than`. A project lies in one polygon: areas end at
    its border, and those in none stand alone. A cell lies in the polygon of its centre."""
    merge_name: str | None = None
    """Column of `merge_within` with the names; polygons of one name are one."""
    outside: bool = False
    """The rule holds outside the polygons, or where the classes are not."""
    usable: Fraction = 0.0
    """Share that stays usable where the rule holds: 0.3 takes 70 % of what it covers."""
    unknown: Literal["keep", "exclude"] = "keep"
    """What a cell where the layer is unknown becomes: still allowed, or excluded by this rule."""
    for_: one_or_many(str) = Field((), alias="for")  # type: ignore[valid-type]
    """Methods the rule holds for; all when empty."""

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        tests = self._tests()
        if len(tests) > 1:
            raise problem(
                f"several tests in one rule; got {', '.join(tests)}; cure: split the rule"
            )
        if self.closer_than is not None and self.farther_than is not None:
            raise problem(
                "several tests in one rule; got closer_than, farther_than; cure: split it"
            )
        keys, options = TESTS[self.test]
        if self.layer is None and "layer" in options:
            raise problem("no layer; expected layer: NAME, or smaller_than: AREA")
        for name in sorted(self.chosen() - {*keys, *options, *OF_EVERY_TEST}):
            raise problem(
                f"{name}; a rule by {self.test} cannot have one; cure: remove it", at=name
            )
        self._check_features()
        if self.merge_name is not None and self.merge_within is None:
            raise problem("names of no layer; expected merge_within: LAYER", at="merge_name")
        if self.classes is not None and not self.classes:
            raise problem("no class is named; cure: name some, or remove the rule", at="classes")
        low, high = self.below, self.above
        if isinstance(low, float) and isinstance(high, float) and low >= high:
            raise problem(
                f"nothing is left between below and above; got below {low:g} and above {high:g}"
            )
        return self

    def _check_features(self) -> None:
        """Refuse what cannot be meant of features, or of the pixels of classes."""
        if self.classes is not None and self.where is not None:
            raise problem(
                "classes are of a raster, which has no features to filter; cure: remove where or "
                "classes",
                at="where",
            )
        if self.classes is not None and "rasterise" in self.chosen() and not self.buffer:
            raise problem(
                "classes are shares of a cell already; cure: remove it, or give a buffer",
                at="rasterise",
            )
        if self.classes is not None and self.within is not None:
            raise problem(
                "only features lie in polygons, and pixels of classes are none; cure: remove it",
                at="within",
            )
        if self.test == "distance" and self.within is None and "unknown" in self.chosen():
            raise problem(
                "unknown; a rule by distance cannot have one without within; cure: remove it",
                at="unknown",
            )
        if self.usable == 1.0:
            raise problem("a rule that leaves all changes nothing; cure: remove it", at="usable")

    def _tests(self) -> list[str]:
        """Tests that the rule's keys ask for; a distance may be one to classes."""
        asked = [
            test
            for test, (keys, _) in TESTS.items()
            if any(getattr(self, key) is not None for key in keys)
        ]
        return [test for test in asked if test != "classes" or "distance" not in asked]

    @property
    def test(self) -> str:
        """Which of :data:`TESTS` the rule makes."""
        return next(iter(self._tests()), "polygon")


def _spelt_out(data: object) -> object:
    """A bare layer as ``{layer: NAME}``, and false as a gate that is not checked."""
    if isinstance(data, str):
        return {"layer": data}
    return {"checked": False} if data is False else data


class GateChoice(Model):
    """A gate of a method as the scenario binds it, or one of the scenario's own.

    `soil_ph: my_layer` says which layer a gate of the method file reads, `soil_ph: false` that it
    is not checked. What else is given takes the place of what the file says; a gate that the file
    does not have needs `layer` and `op`, and `value` for all but polygons.
    """

    layer: LayerName | None = None
    """The layer that the gate reads."""
    checked: bool = True
    """Whether the gate counts at all."""
    op: Op | None = None
    """What must hold: `>=`, `<=` of values; `in`, `not_in` of classes, or of polygons where no
    value is given; `within_km` of features."""
    value: GateValue | None = None
    """A bare number in the layer's own unit, a quantity with its unit, kilometres, or classes."""
    where: str | None = None
    """Filter on the features of a vector layer."""
    unknown: Literal["keep", "exclude"] = "exclude"
    """What a cell where the layer is unknown becomes: what is not known to hold does not hold."""
    strength: Strength | None = None
    """`hard` excludes where the gate does not hold; `soft` makes such places less suitable."""
    source: str | None = None
    """Where the gate comes from; told with the rule."""


BoundBy = Annotated[GateChoice, BeforeValidator(_spelt_out)]
"""As :class:`GateChoice`, or the name of a layer, or false."""


def _is_zero(value: float | str | None) -> bool:
    number = split_number(value)[0] if isinstance(value, str) else value
    return number is None or number == 0


class Criterion(Model):
    """A preference: a value function in [0, 1] with a weight.

    Reads `near: FEATURES` with `best` and `none` distances, or `layer: NAME` with one of
    `best`/`worst`, `points`, `middle`/`width` (sigmoid) or `scores` (classes).
    """

    name: str | None = None
    """Shown in tables; made from the layer when not given."""
    near: LayerName | None = None
    """A vector layer: the criterion is the distance to its features."""
    layer: LayerName | None = None
    """A raster layer: the criterion is its value."""
    where: str | None = None
    """Filter on the features of `near`."""
    best: Threshold | None = None
    """Value that scores 1."""
    worst: Threshold | None = None
    """Value that scores 0; straight in between, flat outside."""
    none: quantity("km", minimum=0.0) | None = None  # type: ignore[valid-type]
    """Distance from which on `near` scores 0 [km]."""
    points: tuple[tuple[Number, Number], ...] | None = None
    """Piecewise-linear value function: [value, score] pairs with rising values."""
    middle: Threshold | None = None
    """Value at which a sigmoid scores 0.5."""
    width: Threshold | None = None
    """Distance over which the sigmoid goes from 0.12 to 0.88; negative falls."""
    scores: dict[int | str, float] | None = None
    """Score of each class of a class layer; classes not named score 0."""
    weight: Number = Field(1.0, ge=0.0)
    """Relative weight."""
    for_: one_or_many(str) = Field((), alias="for")  # type: ignore[valid-type]
    """Methods the criterion counts for; all when empty."""

    @model_validator(mode="after")
    def _one_function(self) -> Self:
        exactly_one(self, ("near", "layer"), "a criterion reads one thing")
        function = self.function
        self._check_options(function)
        if function == "points":
            self._check_points()
        if function == "linear":
            low, high = (self.none if self.near else self.worst), self.best
            if low is None or high is None:
                raise problem(
                    "a straight value function needs two ends; expected "
                    + ("best and none (distances)" if self.near else "best and worst")
                )
            if low == high:
                raise problem(f"best and the other end are the same; got {low!r}")
        if function == "sigmoid" and (self.middle is None or _is_zero(self.width)):
            raise problem("a sigmoid needs middle and a width that is not zero")
        if function == "scores" and any(not 0 <= s <= 1 for s in (self.scores or {}).values()):
            raise problem(f"scores lie in [0, 1]; got {self.scores}")
        return self

    def _check_options(self, function: str) -> None:
        """Refuse keys of a second value function, so that none is ignored."""
        mine = {
            "linear": {"best", "none" if self.near else "worst"},
            "points": {"points"},
            "sigmoid": {"middle", "width"},
            "scores": {"scores"} if self.layer else set(),
        }[function] | ({"where"} if self.near else set())
        keys = ("where", "best", "worst", "none", "points", "middle", "width", "scores")
        extra = [key for key in keys if getattr(self, key) is not None and key not in mine]
        if extra:
            raise problem(
                f"{', '.join(extra)}; expected one value function; got {function} by "
                f"{'distance' if self.near else 'value'}; cure: remove what does not belong to it"
            )

    def _check_points(self) -> None:
        points = self.points or ()
        values = [value for value, _ in points]
        if len(points) < 2 or any(b <= a for a, b in pairwise(values)):
            raise problem(f"points need two or more rising values; got {values}")
        if any(not 0 <= score <= 1 for _, score in points):
            raise problem(f"scores lie in [0, 1]; got {[score for _, score in points]}")

    @property
    def function(self) -> Literal["linear", "points", "sigmoid", "scores"]:
        """Which value function the criterion uses."""
        if self.points is not None:
            return "points"
        if self.middle is not None or self.width is not None:
            return "sigmoid"
        if self.scores is not None:
            return "scores"
        return "linear"


class Siting(Model):
    """Where a method may go, and where it would rather go."""

    exclude: tuple[ExcludeRule, ...] = Field((), max_length=30)
    """Hard rules; each cell keeps one reason bit per rule that hit it."""
    include: tuple[ExcludeRule, ...] = Field((), max_length=30)
    """Rules of the same form that allow a place again whatever excluded it."""
    prefer: tuple[Criterion, ...] = ()
    """Soft criteria."""
    combine: Literal["mean", "geometric", "minimum"] = "mean"
    """How criteria make one suitability: weighted mean, weighted geometric mean, or the worst."""

    @model_validator(mode="after")
    def _weights(self) -> Self:
        if self.prefer and not any(criterion.weight > 0 for criterion in self.prefer):
            raise problem("all weights are zero; expected at least one weight above 0", at="prefer")
        for i, rule in enumerate(self.include):
            if rule.test == "contiguity":
                raise problem(
                    "smaller_than cannot bring an area back; cure: remove it", at=f"include.{i}"
                )
            if rule.usable:
                raise problem(
                    "what comes back comes back as far as the rule covers it; cure: remove it",
                    at=f"include.{i}.usable",
                )
            if rule.for_:
                raise problem(
                    "a place comes back for all methods; cure: remove it", at=f"include.{i}.for"
                )
        return self
