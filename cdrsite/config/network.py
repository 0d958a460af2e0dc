"""Models of the network section: plants of real size, corridors and the design of pipelines."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from cdrsite.core.fields import Model, problem, quantity
from cdrsite.library.transport import load_transport_models

LEVELS = ("low", "central", "high")
"""Members of the spread of the onshore models."""


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

    layer: str
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

    layer: str
    """A layer of points."""
    where: str | None = None
    """Filter on the features."""
    name: str | None = None
    """Column with the names; numbers when not given."""
    method: str | None = None
    """Column with the method that a site is for; any method when not given."""


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
        models = load_transport_models().items()
        names = [*LEVELS, *(key for key, model in models if model.mode == "onshore-pipeline")]
        if name is not None and name not in names:
            raise problem(f"no such pipeline model; got {name!r}; expected {', '.join(names)}")
        return name

    def layers(self) -> list[tuple[str, str]]:
        """Layer and key below ``network`` of every layer that is read."""
        uses = []
        if self.sites is not None:
            uses.append((self.sites.layer, "sites.layer"))
        if self.pipelines is not None:
            uses.append((self.pipelines.layer, "pipelines.layer"))
        return uses
