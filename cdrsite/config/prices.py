"""How a scenario says a price: one, one times a factor, or one by kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema

from cdrsite.core.fields import number_schema, parser, problem, unknown_key


def price(unit: str, default: float | None) -> Any:
    """Make a field type: a number of 0 or more, or ``{value: ..., factor: ...}``.

    A number is read as by :func:`cdrsite.core.fields.quantity`.

    Parameters
    ----------
    unit : str
        The canonical unit of the field.
    default : float or None
        What a mapping without a value multiplies; None where there is no such price.
    """
    kind: Any = float if default is not None else float | None
    parse, schema = _one_price(unit, default)
    return Annotated[kind, BeforeValidator(parse), WithJsonSchema(schema)]


def price_by_kind(unit: str) -> Any:
    """Make a field type: as :func:`price` without a default, or ``{KIND: price, ...}``.

    A mapping with ``value`` or ``factor`` is one price.
    """
    parse_one, schema = _one_price(unit, None)
    parse = parser(unit, minimum=0.0)

    def parse_kinds(given: object, info: ValidationInfo) -> object:
        if not isinstance(given, dict) or {"value", "factor"} & given.keys():
            return parse_one(given, info)
        if not given:
            raise problem("no kind; expected a price, or {KIND: price}")
        found = {}
        for name, value in given.items():
            try:
                found[str(name)] = parse(value, info)
            except ValueError as error:  # of units, or out of range
                raise problem(str(error), at=str(name)) from error
        return found

    kinds = {"type": "object", "additionalProperties": {"anyOf": number_schema(unit, 0.0)["anyOf"]}}
    schema = schema | {"anyOf": [*schema["anyOf"], kinds]}
    kind: Any = float | dict[str, float] | None
    return Annotated[kind, BeforeValidator(parse_kinds), WithJsonSchema(schema)]


def _one_price(
    unit: str, default: float | None
) -> tuple[Callable[[object, ValidationInfo], float | None], dict[str, Any]]:
    """Reader and schema of :func:`price`."""
    parse, times = parser(unit, minimum=0.0), parser("1", minimum=0.0)

    def parse_or_multiply(given: object, info: ValidationInfo) -> float | None:
        if given is None and default is None:
            return None
        if not isinstance(given, dict):
            return parse(given, info)
        for key in given:
            if key not in {"value", "factor"}:
                raise unknown_key(str(key), ["factor", "value"])
        value = given.get("value")
        if value is None and default is None:
            raise problem(
                "a factor of a price that each method has of its own; cure: give its value too"
            )
        return parse(default if value is None else value, info) * times(
            given.get("factor", 1.0), info
        )

    schema = number_schema(unit, 0.0)
    number: dict[str, Any] = {"type": "number", "minimum": 0}
    mapping = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"value": {"anyOf": schema["anyOf"]}, "factor": number},
        "description": "a price, or the default one, times a factor",
    }
    schema = schema | {"anyOf": [*schema["anyOf"], mapping]}
    return parse_or_multiply, schema
