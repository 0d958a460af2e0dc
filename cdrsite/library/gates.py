"""Gates: what must hold of a place, or of a number, for a method to count there.

A method file names what it asks of (``soil_ph``); a scenario says which of its layers that is. The
same form serves gates of a scenario's own.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, model_validator

from cdrsite.core.errors import UnitError
from cdrsite.core.fields import Model, Text, problem
from cdrsite.core.units import parse_quantity, split_number
from cdrsite.core.words import Words
from cdrsite.library.records import SourceId

Op = Literal[">=", "<=", "in", "not_in", "within_km"]
"""At least, at most, among classes or inside polygons, in none of them, near features."""
Strength = Literal["hard", "soft"]


def _value(given: object) -> object:
    """Classes as a tuple, also a single name; numbers and quantities as they are."""
    if isinstance(given, list | tuple):
        if not given:
            raise problem("no class is named; cure: name some")
        return tuple(given)
    if isinstance(given, str):
        try:
            split_number(given)
        except UnitError:
            return (given,)
    elif isinstance(given, float) and not math.isfinite(given):
        raise problem(f"not a finite number; got {given!r}")
    return given


GateValue = Annotated[float | str | tuple[int | str, ...], BeforeValidator(_value)]
"""A number, bare in the layer's own unit or with one; classes of a class layer."""


class Gate(Model):
    """What a method asks of a place: ``{op: "<=", value: 7.5}`` of the layer bound to its name."""

    op: Op
    """What must hold: `>=`, `<=` of values; `in`, `not_in` of classes, or of polygons where no
    value is given; `within_km` of features."""
    value: GateValue | None = None
    """A number in the layer's own unit, a quantity with its unit, kilometres, or classes."""
    key: Text | None = None
    """Key under the method in a scenario that may name the layer already, as `weathering.ph`; of
    `regions`: where these are given, they are taken to be such places."""
    strength: Strength = "hard"
    """`hard` excludes where it does not hold; `soft` makes such places less suitable."""
    source: SourceId
    """Id of the source."""
    locator: Text
    """Where it says so, or why it is taken."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        text = fault_of(self.op, self.value)
        if text is not None:
            raise problem(text, at="value")
        return self


OP_WORDS: dict[Op, str] = {
    ">=": "least", "<=": "most", "in": "in", "not_in": "not_in", "within_km": "near",
}  # fmt: skip
"""Test -> end of the key of its words."""


def told(name: str, gate: Gate, words: Words) -> str:
    """What a gate asks for, in a few words: "no organic soil", "salinity at least 18"."""
    given = gate.value
    what = words.named("gate", name)
    what = name.replace("_", " ") if what == name else what
    classes = ", ".join(map(str, given)) if isinstance(given, tuple) else ""
    value = f"{given:g}" if isinstance(given, float | int) else given
    text = words(f"gate.op.{OP_WORDS[gate.op]}", what=what, value=value)
    return f"{text} ({classes})" if classes else text


def fault_of(op: Op, value: float | str | tuple[int | str, ...] | None) -> str | None:
    """What is wrong with the value of a gate; None where nothing is."""
    if op in ("in", "not_in"):
        fits = value is None or isinstance(value, tuple)
        text = f"no classes; got {value!r}; expected classes for {op}, as [crop, 40]"
        return None if fits else text
    if value is None:
        return f"no value; expected a number to compare with for {op}"
    if isinstance(value, tuple):
        return f"not a number; got {', '.join(map(str, value))}; expected one for {op}"
    return _no_distance(value) if op == "within_km" else None


def _no_distance(value: float | str) -> str | None:
    try:
        length = parse_quantity(value, "km")
    except UnitError as error:
        return str(error)
    return None if length >= 0 else f"negative; got {value!r}; expected 0 km or more"
