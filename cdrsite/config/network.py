"""Models of the network section: plants of real size, corridors and the design of pipelines."""

from __future__ import annotations

import itertools
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from cdrsite.config.transport import LEVELS, models_of, require_model
from cdrsite.core.fields import LocalPath, Model, exactly_one, problem, quantity
from cdrsite.core.layernames import LayerName


class PlantSize(Model):
    """What a plant of a method may be, in place of the library's sizes."""

    least: quantity("t/yr", above=0.0) | None = None  # type: ignore[valid-type]
    """Smallest plant worth building, gross [t/yr]."""
    most: quantity("t/yr", above=0.0) | None = None  # type: ignore[valid-type]
    """Largest single plant, gross [t/yr]."""
    catchment: quantity("km", above=0.0) | None = None  # type: ignore[valid-type]
    """Farthest place that a plant serves [km]."""
    max_plants: int | None = Field(None, ge=0)
    """Most plants of the method."""

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.least is not None and self.most is not None and self.least > self.most:
            raise problem(
                f"plant sizes are the wrong way round; got {self.least:g} to {self.most:g} t/yr"
            )
        return self


class ExistingPipelines(Model):
    """Pipelines that are there already, free to use up to their capacity."""

    layer: LayerName
    """A layer of lines."""
    where: str | None = None
    """Filter on the features."""
    capacity: str = "capacity_mt_yr"
    """Column with the free capacity."""
    unit: Literal["t/yr", "Mt/yr"] = "Mt/yr"
    """Unit of that column."""
    name: str | None = None
    """Column with the names; numbers when not given."""


class ExistingSites(Model):
    """Plants or sites that are filled before new ones are looked for."""

    layer: LayerName
    """A layer of points."""
    where: str | None = None
    """Filter on the features."""
    name: str | None = None
    """Column with the names; numbers when not given."""
    method: str | None = None
    """Column with the method that a site is for; any method when not given."""


class Emitters(Model):
    """Plants of other kinds whose CO2 shares the network: points, each of a ledger (rule 5)."""

    layer: LayerName
    """A layer of points."""
    where: str | None = None
    """Filter on the features."""
    captured: str
    """Column with what each can capture."""
    unit: Literal["t/yr", "Mt/yr"] = "Mt/yr"
    """Unit of that column."""
    ledger: str | None = None
    """Column with the account of its tonnes, as `removal`; all are `avoided` when not given."""
    cost: str | None = None
    """Column with the cost of a captured tonne [USD/t]; nothing when not given."""
    fixed: str | None = None
    """Column with the yearly cost of a capture plant, whatever it captures [USD/yr]."""
    opens: str | None = None
    """Column with the year from which it captures, for periods."""
    retires: str | None = None
    """Column with the year before which it captures, for periods."""
    name: str | None = None
    """Column with the names; numbers when not given."""


class NetworkPeriod(Model):
    """A milestone: what must be stored then, or what a tonne is worth."""

    year: float = Field(ge=1900, le=2500)
    """The milestone; rates are linear between milestones."""
    target: Literal["all"] | quantity("t/yr", minimum=0.0) | None = None  # type: ignore[valid-type]
    """CO2 to store [t/yr]; `all` that plants in service give and storage takes."""
    targets: (
        dict[str, Literal["all"] | quantity("t/yr", minimum=0.0)] | None  # type: ignore[valid-type]
    ) = Field(None, min_length=1)
    """Ledger -> CO2 to store [t/yr], where there are emitters; `all` that those in service give."""
    price: quantity("USD/t", minimum=0.0) | None = None  # type: ignore[valid-type]
    """Store what pays at this price [USD/t]."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        exactly_one(self, ("target", "targets", "price"), "a period")
        return self


class Service(Model):
    """When plants of a method or a storage unit serve."""

    from_: float | None = Field(None, alias="from")
    """Year from which it serves."""
    until: float | None = None
    """Year before which it serves."""

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.from_ is not None and self.until is not None and not self.from_ < self.until:
            raise problem(f"service ends before it begins; got {self.from_:g} to {self.until:g}")
        return self


def _file_or_list(given: object) -> str:
    return "[list]" if isinstance(given, list | tuple) else "[file]"


Periods = Annotated[
    Annotated[LocalPath, Tag("[file]")] | Annotated[tuple[NetworkPeriod, ...], Tag("[list]")],
    Discriminator(_file_or_list),
]
"""A table of periods, or the periods themselves."""


class Network(Model):
    """Plants and pipelines for the plan; nothing is designed unless `plan: true`."""

    plan: bool = False
    """Gather the allocation into plants and design their network."""
    plants: dict[str, PlantSize] = Field(default_factory=dict)
    """Method -> sizes that replace the library's."""
    catchment: quantity("km", above=0.0) = 50.0  # type: ignore[valid-type]
    """Farthest place that a plant serves [km]; the default is a choice."""
    sites: ExistingSites | None = None
    """Existing plants or sites."""
    pipelines: ExistingPipelines | None = None
    """Existing pipelines."""
    emitters: Emitters | None = None
    """Plants of other kinds whose CO2 shares the network."""
    tables: LocalPath | None = None
    """Sources, sinks and arcs as `cdrsite network` reads them, in place of plants, storage units
    and corridors of the grid; for methods that store nothing."""
    nearest: int = Field(3, ge=1, le=16)
    """Nearest neighbours that each plant is joined to, besides those whose areas touch."""
    loss_limit: quantity("1", minimum=0.0, maximum=10.0) = 0.1  # type: ignore[valid-type]
    """Largest loss of the candidate network against a direct path; paths are added above it."""
    model: str | None = None
    """Onshore cost model of the pipes: a level or a name; that of `transport` when not given."""
    segments: int = Field(3, ge=1, le=6)
    """Straight lines per pipe above the model's cost curve."""
    years: quantity("yr", above=0.0) | None = None  # type: ignore[valid-type]
    """Life of the project: storage fills within it [yr]; that of `resources.storage` when not
    given."""
    target: Literal["all"] | quantity("t/yr", above=0.0) = "all"  # type: ignore[valid-type]
    """CO2 to store [t/yr]; `all` that plants give and storage takes."""
    targets: (
        dict[str, Literal["all"] | quantity("t/yr", minimum=0.0)]  # type: ignore[valid-type]
    ) = Field(default_factory=dict)
    """Ledger -> CO2 to store [t/yr], where there are emitters; `all` of a ledger not named. The
    plants' own ledger is `removal`."""
    periods: Periods | None = None
    """What is built when: years with a target or a price each, or a table of text with the columns
    `year` and `target [Mt/yr]` or `price [USD/t]`; in place of `target`."""
    start: float | None = None
    """Year from which rates rise from zero to the first period; its year when not given."""
    after: quantity("yr", above=0.0) | None = None  # type: ignore[valid-type]
    """How long the last period goes on [yr]; the life of the project when not given."""
    service: dict[str, Service] = Field(default_factory=dict)
    """Method or storage unit -> the years in which it serves; always when not given."""
    gap: quantity("1", above=0.0, maximum=1.0) = 0.02  # type: ignore[valid-type]
    """Gap at which the design is good enough (rule 8)."""
    gap_of: Literal["transport", "total"] = "transport"
    """What the gap is a share of: the cost of `transport`, which is what a network decides, or the
    `total` with storage."""
    effort: Literal["quick", "normal", "thorough"] = "normal"
    """Work that the design may spend, counted and not timed: some seconds, a minute, many."""
    time_limit: quantity("s", above=0.0) | None = None  # type: ignore[valid-type]
    """Emergency stop of the design [s]; a plan that it cuts short is not reproducible."""
    seed: int = Field(0, ge=0)
    """Seed of the search."""

    @field_validator("model")
    @classmethod
    def _known_model(cls, name: str | None) -> str | None:
        known = (*LEVELS, *models_of("onshore-pipeline"))
        return None if name is None else require_model(name, "pipeline", known)

    @model_validator(mode="after")
    def _periods_alone(self) -> Self:
        if self.periods is None:
            for name, given in (
                ("start", self.start), ("after", self.after), ("service", self.service or None)
            ):  # fmt: skip
                if given is not None:
                    raise problem("only periods have this; cure: give network.periods", at=name)
        elif self.target != "all" or self.targets:
            at = "targets" if self.targets else "target"
            raise problem("the periods say what is asked; cure: remove one of them", at=at)
        if self.target != "all" and (self.targets or self.emitters is not None):
            raise problem(
                "ledgers are never summed (rule 5); cure: give network.targets", at="target"
            )
        if self.tables is not None:
            for name in ("emitters", "sites", "pipelines", "service"):
                if getattr(self, name):
                    raise problem("tables hold their own; cure: put it into the tables", at=name)
        if isinstance(self.periods, tuple):
            years = [one.year for one in self.periods]
            if not years or any(a >= b for a, b in itertools.pairwise(years)):
                shown = ", ".join(f"{one:g}" for one in years) or "none"
                raise problem(f"years of the periods must rise; got {shown}", at="periods")
            if self.start is not None and self.start > years[0]:
                raise problem(
                    f"start is behind the first period; got {self.start:g} and {years[0]:g}",
                    at="start",
                )
        return self
