"""Which ports and plants a scenario compares for methods of the open sea."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from cdrsite.core.errors import CdrsiteError
from cdrsite.core.fields import Model, problem
from cdrsite.core.layernames import LayerName
from cdrsite.library.screening import load_screening


class Near(Model):
    """What should be near a point."""

    layer: LayerName
    """A vector layer; the distance is that to its nearest feature, in a straight line."""
    where: str | None = None
    """Filter on the features."""


class Screening(Model):
    """Points that are compared for a method of the open sea; no tonnes follow from it."""

    points: LayerName
    """A layer of points: ports, plants."""
    where: str | None = None
    """Filter on the points."""
    name: str | None = None
    """Column with their names; numbers when not given."""
    near: dict[str, Near] = Field(min_length=1)
    """Criterion of the method (`cdrsite screening NAME` lists them) -> layer. Points are ranked by
    the mean score of those that are given."""


def check_screening(name: str, given: Screening) -> Screening:
    """Refuse a method or criteria that the library does not have."""
    try:
        known = load_screening(name).criteria
    except CdrsiteError as error:
        raise problem(str(error), at=name) from error
    for criterion in given.near:
        if criterion not in known:
            text = f"unknown criterion of {name}; got {criterion!r}; expected {', '.join(known)}"
            raise problem(text, at=f"{name}.near.{criterion}")
    return given


def _known(screening: dict[str, Screening]) -> dict[str, Screening]:
    return {name: check_screening(name, one) for name, one in screening.items()}


ScreeningSection = Annotated[dict[str, Screening], AfterValidator(_known)]
"""Method of the open sea -> its points."""
