"""Methods of the open sea, whose ports and plants are compared and whose tonnes nobody sums.

A map of land can say which port has stone, power and storage near it; it can say nothing of what
happens in the sea. So these are no methods of a plan: their result class is ``screening`` (rule 5).
"""

from __future__ import annotations

from functools import cache
from typing import Self

from pydantic import Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from cdrsite.core.fields import ByLanguage, Model, StrictNumber, Text, problem
from cdrsite.library.files import FOLDER, read_file
from cdrsite.library.records import SourceId, Value, unknown_name

RESULT_CLASS = "screening"
"""What the rows of these methods are: never removal, never avoided emissions."""


class Nearness(Model):
    """How near a point is to what the method needs, in a straight line."""

    title: ByLanguage
    """What the distance is to."""
    best: StrictNumber
    """Distance at which it could not be better [km]."""
    worst: StrictNumber
    """Distance from which on it is no help [km]."""
    source: SourceId
    """Id of the source."""
    locator: Text
    """Why it counts."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if not 0 <= self.best < self.worst:
            raise problem(f"distances out of order; got best {self.best:g}, worst {self.worst:g}")
        return self


class ScreeningMethod(Model):
    """A method of the open sea."""

    name: SkipJsonSchema[str] = ""
    """Its key in the library."""
    title: ByLanguage
    """One line by language."""
    points: ByLanguage
    """Which points on land are compared."""
    allowed: bool
    """Whether the law of the sea leaves it open; where it does not, that is told of every point."""
    law: ByLanguage
    """What the law says."""
    criteria: dict[str, Nearness] = Field(min_length=1)
    """By name: what should be near."""
    numbers: dict[str, Value]
    """Per tonne of CO2 unless the unit says otherwise; told, and multiplied with nothing."""

    @property
    def sources(self) -> tuple[SourceId, ...]:
        """Ids of its sources, each once."""
        cited = [one.source for one in self.criteria.values()]
        cited += [one.source for one in self.numbers.values()]
        return tuple(dict.fromkeys(cited))


@cache
def screening_methods() -> dict[str, ScreeningMethod]:
    """Return the methods of the library by name; do not change the dict."""
    methods = read_file(dict[str, ScreeningMethod], FOLDER / "screening.yaml")
    return {name: one.model_copy(update={"name": name}) for name, one in methods.items()}


def load_screening(name: str) -> ScreeningMethod:
    """Return one of them.

    Raises
    ------
    ConfigError
        If there is no such method; names the nearest one.
    """
    if name not in screening_methods():
        raise unknown_name("screening method", name, list(screening_methods()))
    return screening_methods()[name]
