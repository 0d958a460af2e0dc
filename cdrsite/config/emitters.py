"""How a scenario says which plants of other kinds capture CO2 beside the removal methods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, Self, get_args

from pydantic import model_validator

from cdrsite.competition.captured import EMITTERS
from cdrsite.core.fields import Model, problem, quantity, quantity_or_name
from cdrsite.core.layernames import LayerName
from cdrsite.core.vocabulary import RESOURCES

Origin = Literal["fossil", "process", "biogenic"]
"""Where the carbon of an emitter is from: fuel, minerals as limestone, or plants."""
ORIGINS: tuple[str, ...] = get_args(Origin)


class CapturingPlants(Model):
    """Plants of other kinds that can capture their CO2: points, which bid for the same storage.

    Fossil CO2 and that of minerals is `avoided` where it is captured, and never removal; biogenic
    CO2 is removal. The two are never summed (rule 5). They take injectivity, pore space, power and
    water like a method, and bring their CO2 to storage over the same routes.
    """

    layer: LayerName
    """A layer of points."""
    where: str | None = None
    """Filter on the features."""
    name: str | None = None
    """Column with the names; numbers when not given."""
    emission: str
    """Column with the CO2 that each emits, as long as nothing is captured."""
    unit: Literal["t/yr", "kt/yr", "Mt/yr"] = "Mt/yr"
    """Unit of that column."""
    rate: quantity_or_name("1", minimum=0.0) = 0.9  # type: ignore[valid-type]
    """Share of it that can be captured: a number, or a column [1]. The default is a choice."""
    origin: str = "fossil"
    """`fossil`, `process` or `biogenic` for all, or a column with one of these for each."""
    cost: quantity_or_name("USD/t", minimum=0.0)  # type: ignore[valid-type]
    """What capture costs besides the power, water and biomass below: a number, or a column
    [USD per t captured]."""
    power: quantity_or_name("kWh/t", minimum=0.0) = 0.0  # type: ignore[valid-type]
    """Electricity that capture takes: a number, or a column [kWh per t captured]. It is paid, comes
    from the pools, and its emissions are taken off what is avoided or removed."""
    water: quantity_or_name("m3/t", minimum=0.0) = 0.0  # type: ignore[valid-type]
    """Water that capture takes: a number, or a column [m3 per t captured]."""
    biomass: quantity_or_name("t/t", minimum=0.0) = 0.0  # type: ignore[valid-type]
    """Biomass of the study's pools that a captured tonne takes: a number, or a column [t per t].
    For plants that burn what the pools count, so that no tonne is used twice (rule 6)."""
    opens: str | None = None
    """Column with the year from which each can capture; empty for one that can already."""
    retires: str | None = None
    """Column with the year in which each closes: it captures before it; empty for never."""
    must_run: str | None = None
    """Column that is true for those that capture all they can, whatever it costs."""
    target: quantity("t/yr", above=0.0) | None = None  # type: ignore[valid-type]
    """Emissions that must be avoided [t/yr]; with milestones give `milestones.targets.avoided`."""

    @model_validator(mode="after")
    def _share(self) -> Self:
        if not isinstance(self.rate, str) and not 0.0 < self.rate <= 1.0:
            raise problem(
                f"not a share of what is emitted; got {self.rate:g}; expected more than 0, at most "
                "1; cure: write 90 % as 0.9",
                at="rate",
            )
        return self


DRAWN = {
    one.parameter: one.name
    for one in RESOURCES.values()
    if one.parameter in CapturingPlants.model_fields
}
"""Keys of what capture takes -> resource."""


def emitter_problems(scenario: Any) -> Iterator[tuple[str, str]]:
    """Emitters without storage, or beside what does not know them; their ledger without them."""
    path, given = scenario.milestones, scenario.emitters
    if given is None:
        if path is not None and path.targets.avoided is not None:
            text = "nothing can be avoided without emitters; cure: add emitters, or remove it"
            yield text, "milestones.targets.avoided"
        return
    if scenario.resources.storage.units is None:
        text = (
            "emitters bring their CO2 to storage units, and there are none; expected "
            "resources.storage.units; cure: give the units, or remove emitters"
        )
        yield text, "emitters"
    if path is not None and given.target is not None:
        yield (
            "a target of one year beside milestones; cure: milestones.targets.avoided",
            "emitters.target",
        )
    for key in ("opens", "retires"):
        if path is None and getattr(given, key) is not None:
            text = (
                "a plan without years does not know who is there; cure: give milestones: {years: "
                "[2030]}, or remove it"
            )
            yield text, f"emitters.{key}"
    if scenario.network.emitters is not None:
        text = (
            "the network has the emitters of the plan, and would take pore space twice (rule 6); "
            "cure: remove it, or the section emitters"
        )
        yield text, "network.emitters"
    if EMITTERS in scenario.methods:
        yield f"the name of what is no method; got {EMITTERS!r}", f"methods.{EMITTERS}"
