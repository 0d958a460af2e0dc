"""How a scenario says which removal plants stand already."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from cdrsite.core.fields import Model
from cdrsite.core.layernames import LayerName


class StandingPlants(Model):
    """Removal plants that stand at the start, or are being built: points, or shapes.

    What they take of land, pools and storage while they live is taken off the supplies, as is what
    they take of cells within reach, and their tonnes count toward targets. They are paid for: only
    running them costs. The growth of their method begins from their capacity.
    """

    layer: LayerName
    """A layer of points; a shape, as a basin that a table is joined to, stands for a point in
    it."""
    where: str | None = None
    """Filter on the features."""
    name: str | None = None
    """Column with the names; numbers when not given."""
    method: str
    """A method of the scenario for all, or a column with one for each."""
    capacity: str
    """Column with what each captures from the air or from plants in a year, gross."""
    unit: Literal["t/yr", "kt/yr", "Mt/yr"] = "Mt/yr"
    """Unit of that column."""
    built: str | None = None
    """Column with the year from which each runs; empty for one that runs at the start."""
    retires: str | None = None
    """Column with the year in which each closes; where that is empty it lives for the `lifetime` of
    its method after `built`."""
    storage: str | None = None
    """Column with the storage unit of each; where that is empty, or no column is named, it is the
    one of the cheapest way."""


def standing_problems(scenario: Any) -> Iterator[tuple[str, str]]:
    """Plants that stand beside what does not know them, or whose years nobody can place."""
    path, given = scenario.milestones, scenario.standing
    if given is None:
        return
    dated = [key for key in ("built", "retires") if getattr(given, key) is not None]
    for key in dated if path is None else ():
        text = (
            "a plan without years does not know who is there; cure: give milestones: {years: "
            "[2030]}, or remove it"
        )
        yield text, f"standing.{key}"
    if path is not None and not dated:
        text = (
            "over milestones nothing says when these plants end; expected built or retires; cure: "
            "name a column with years"
        )
        yield text, "standing"
    growing = {} if path is None else {f"growth.{name}": one for name, one in path.growth.items()}
    if path is not None and path.injection_growth is not None:
        growing["injection_growth"] = path.injection_growth
    for key, one in growing.items():
        if "standing" in one.model_fields_set:
            text = (
                f"what stands is known from the plants of standing; got {one.standing:g} beside "
                "them (rule 6); cure: remove it"
            )
            yield text, f"milestones.{key}.standing"
