"""Models of the competition: what to maximise or minimise, and the rules that a plan must keep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, WithJsonSchema, field_validator, model_validator

from cdrsite.config.credits import Credit
from cdrsite.core.fields import Model, Name, one_or_many, parser, problem, quantity
from cdrsite.core.layernames import LayerName

RULE_UNITS: dict[str, str] = {"net": "t/yr", "gross": "t/yr", "cost": "USD/yr", "land": "m2"}
"""What a policy rule can count -> unit of its limit."""


class ObjectiveModel(Model):
    """What the competition is for.

    `maximise: net_removal` (the default), `minimise: cost` for a `target`, or `maximise: value` of
    the `credits` that tonnes earn. `then` breaks ties between plans that are as good.
    """

    maximise: Literal["net_removal", "value"] | None = None
    """Net tonnes a year, or what tonnes earn by `credits` less their cost."""
    minimise: Literal["cost"] | None = None
    """Cost a year; needs a target."""
    target: quantity("t/yr", above=0.0) | None = None  # type: ignore[valid-type]
    """Net removal that must be reached [t/yr]."""
    budget: quantity("USD/yr", above=0.0) | None = None  # type: ignore[valid-type]
    """Cost that must not be exceeded [USD/yr]."""
    credits: tuple[Credit, ...] = ()
    """What tonnes earn; credits of different programmes add up, e.g. 45Q and a buyer's price."""
    start: float | None = Field(None, ge=1900, le=2500)
    """Year in which the plants start; needed where a credit is for plants of some years only."""
    robust: Literal["p10", "regret"] | None = None
    """A plan for all samples of `uncertainty` at once, told beside the plan: `p10`, the one whose
    worst tenth of the samples is best; `regret`, the one that never loses much against the best
    plan of a sample. It is the best mix of the plans that `uncertainty.decisions` weighs."""
    then: Literal["net_removal", "cost"] | None = None
    """A second objective among the plans that are as good in the first."""
    gap: float = Field(1e-5, gt=0.0, le=0.1)
    """Relative distance between plan and bound at which the answer counts as optimal (rule 8)."""

    @model_validator(mode="after")
    def _one_objective(self) -> Self:
        if self.maximise is not None and self.minimise is not None:
            raise problem(
                "one objective; got maximise and minimise; cure: use then: for the second"
            )
        if (self.maximise == "value") != bool(self.credits):
            raise problem("credits belong to maximise: value, and it needs them")
        bounded = [i for i, one in enumerate(self.credits) if one.of("from_") or one.of("to")]
        if bounded and self.start is None:
            one = self.credits[bounded[0]]
            span = " ".join(
                f"{word} {year:g}"
                for word, year in (("from", one.of("from_")), ("until", one.of("to")))
                if year is not None
            )
            raise problem(
                f"credits.{bounded[0]} is for plants that start {span}, and no start is known; "
                "cure: give objective.start, e.g. 2030",
                at="start",
            )
        if self.start is not None and not bounded:
            raise problem(
                "no credit asks when plants start; cure: remove it, or give a credit from or to",
                at="start",
            )
        return self

    @property
    def kind(self) -> Literal["net_removal", "value", "cost"]:
        """What is optimised."""
        return self.minimise or self.maximise or "net_removal"


_SCHEMA = {
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "description": "a number with a unit"},
        {"type": "null"},
    ],
}
Limit = Annotated[float | None, WithJsonSchema(_SCHEMA)]
"""A limit whose unit depends on what its rule counts."""


class PolicyRule(Model):
    """A linear rule of policy: equity, food security, a cap on a method, a share per province."""

    name: str
    """Shown where the rule binds or conflicts."""
    count: Literal["net", "gross", "cost", "land"] = "net"
    """What is counted: net or gross tonnes [t/yr], cost [USD/yr], land [m2]."""
    methods: one_or_many(str) = ()  # type: ignore[valid-type]
    """Methods that count; all when empty."""
    layer: LayerName | None = None
    """Polygon layer of zones; the rule holds in each zone on its own unless `together`. A cell lies
    in the zone of its centre, with all its tonnes: take cells that are small beside the zones."""
    zone_name: str | None = None
    """Column with the zones' names."""
    zones: one_or_many(Name) = ()  # type: ignore[valid-type]
    """Names of the zones it is about; all when empty."""
    together: bool = False
    """The zones share one limit."""
    at_most: Limit = None
    """Upper limit, text with a unit or in t/yr, USD/yr or m2."""
    at_least: Limit = None
    """Lower limit."""

    @field_validator("at_most", "at_least", mode="before")
    @classmethod
    def _in_unit(cls, value: object, info: ValidationInfo) -> object:
        """Bring a limit to the unit of what the rule counts (rule 4)."""
        count = info.data.get("count")
        if value is None or count is None:  # a wrong `count` has its own error
            return None
        return parser(RULE_UNITS[count], minimum=0.0)(value, info)

    @model_validator(mode="after")
    def _limits(self) -> Self:
        least, most = self.at_least, self.at_most
        if least is None and most is None:
            raise problem("a rule without a limit; expected at_most or at_least")
        if least is not None and most is not None and least > most:
            raise problem(
                f"no plan can keep this; got at_least {least:g} and at_most "
                f"{most:g} {RULE_UNITS[self.count]}; expected the first below the second"
            )
        if self.zones and self.layer is None:
            raise problem("zones without a layer; expected layer: NAME")
        if self.zones and self.zone_name is None:
            raise problem("zones are given by name; expected zone_name: COLUMN")
        return self


def robust_problems(
    goal: ObjectiveModel, decisions: int | None, policies: Sequence[PolicyRule]
) -> Iterator[tuple[str, str]]:
    """A robust plan without samples, without plans, or with a minimum that it may miss.

    Parameters
    ----------
    goal : ObjectiveModel
    decisions : int, optional
        Plans that are weighed; None where there are no samples.
    policies : sequence of PolicyRule
    """
    where = "objective.robust"
    if goal.robust is None:
        return
    if decisions is None:
        text = "a plan for all samples, and no sample; cure: give uncertainty, or remove it"
        yield text, where
    elif not decisions:
        text = "no plans to mix; got uncertainty.decisions 0; expected 1 or more, e.g. 8"
        yield text, where
    least = [f"policies.{i}" for i, one in enumerate(policies) if one.at_least is not None]
    if goal.target is not None:
        least = ["objective.target", *least]
    if least:
        text = (
            "a plan that is kept runs less where it must, and cannot keep a minimum in all "
            f"samples; got {', '.join(least)}; cure: remove one of the two"
        )
        yield text, where
