"""The base of all scenario models and the field types that accept text with a unit."""

from __future__ import annotations

import math
import operator
import os.path
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    WithJsonSchema,
    create_model,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError

from cdrsite.core.currency import convert
from cdrsite.core.errors import did_you_mean, shown
from cdrsite.core.keytexts import describe
from cdrsite.core.numbers import as_text
from cdrsite.core.references import entries_of, files_of
from cdrsite.core.remote import (
    MEMORY,
    address_of,
    is_address,
    local_copy,
    memory_folder,
    plain_address,
)
from cdrsite.core.units import find_currency, parse_quantity, same_dimension, split_number

M = TypeVar("M", bound=BaseModel)

DEFAULT_BASE_YEAR = 2020
"""Year of the US dollars in which costs are reported when the scenario names none."""


class Model(BaseModel):
    """A frozen model that names the nearest valid key when one is misspelt.

    A field marked by ``SkipJsonSchema`` is no key of a file: the program fills it in.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False)

    def chosen(self) -> set[str]:
        """Fields that hold something else than their default.

        Keys that exclude each other ask for these, so that a record of all values, defaults
        included, can be read back.
        """
        fields = type(self).model_fields
        return {
            name
            for name in self.model_fields_set
            if getattr(self, name) != fields[name].get_default(call_default_factory=True)
        }

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The schema, with the texts that pydantic itself would look up at each start."""
        schema = handler(core_schema)
        describe(cls, handler.resolve_ref_schema(schema).get("properties", {}))
        return schema

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        fields = {
            field.alias or name: field
            for name, field in cls.model_fields.items()
            if not any(isinstance(mark, SkipJsonSchema) for mark in field.metadata)  # type: ignore[misc]
        }
        for key, value in data.items():
            if key not in fields:
                raise unknown_key(str(key), sorted(fields))
            if not _takes_truth(cast(Hashable, fields[key].annotation)):
                _refuse_truth(value, key)
        return data


def with_fields(fields: Mapping[str, tuple[Any, Any]]) -> Callable[[type[M]], type[M]]:
    """Class decorator: give a model further fields, name -> type and default."""

    def extend(model: type[M]) -> type[M]:
        about = {"__module__": model.__module__, "__doc__": model.__doc__}
        made: dict[str, Any] = {**about, **fields}
        return create_model(model.__name__, __base__=model, **made)

    return extend


@cache
def _takes_truth(kind: Hashable) -> bool:
    """Whether a field may hold true or false, or holds models, which look at their own fields."""
    if kind is bool or (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return True
    if get_origin(kind) is Literal:
        return any(isinstance(value, bool) for value in get_args(kind))
    return any(_takes_truth(part) for part in get_args(kind) if isinstance(part, Hashable))


def _refuse_truth(value: object, at: str) -> None:
    """Refuse `true` where a number or a text is meant: Python would take it for 1."""
    if isinstance(value, bool):
        raise problem(f"neither a number nor a text; got {str(value).lower()}", at=at)
    parts: dict[Any, object] = value if isinstance(value, dict) else {}
    if isinstance(value, list | tuple):
        parts = dict(enumerate(value))
    for key, part in parts.items():
        _refuse_truth(part, f"{at}.{key}")


def unknown_key(key: str, valid: list[str]) -> PydanticCustomError:
    """Build the error for a key that is not known, with the nearest valid one."""
    cure = did_you_mean(key, valid) or "remove it"
    return PydanticCustomError(
        "unknown_key",
        "unknown key; expected one of {valid}; cure: {cure}",
        {"key": key, "valid": ", ".join(valid), "cure": cure},
    )


def problem(text: str, at: str = "") -> PydanticCustomError:
    """Build a validation error whose text is shown as it is.

    ``at`` is a dotted key below the model that refuses, where the model as a whole is at fault
    but one key is to blame.
    """
    return PydanticCustomError("cdrsite", "{text}", {"text": text, "at": at})


def problems(found: Sequence[tuple[str, str]]) -> PydanticCustomError:
    """As :func:`problem`, for several at once: (text, key) each."""
    many = [{"text": text, "at": at} for text, at in found]
    text = "\n".join(f"{at}: {text}" for text, at in found)
    return PydanticCustomError("cdrsite_many", "{text}", {"text": text, "many": many})


def number_schema(unit: str, minimum: float | None) -> dict[str, Any]:
    """JSON schema of a number in a unit, or text with one."""
    number: dict[str, Any] = {"type": "number"}
    if minimum is not None:
        number["minimum"] = minimum
    text = {"type": "string", "description": f"a number with a unit convertible to {unit}"}
    return {"anyOf": [number, text], "description": f"[{unit}]"}


def to_base_year(text: str, base_year: int) -> tuple[str, float]:
    """Replace the currency in "250 EUR2015/t" by USD.

    Returns
    -------
    tuple
        The text with USD, and the factor that brings the amount to USD of ``base_year``.
        A currency without a year is of the base year (rule 4).
    """
    number, unit = split_number(text)
    plain, code, year = find_currency(unit)
    if code is None:
        return text, 1.0
    return f"{number!r} {plain}", convert(1.0, code, year or base_year, base_year)


def quantity(
    unit: str,
    *,
    minimum: float | None = None,
    above: float | None = None,
    maximum: float | None = None,
) -> Any:
    """Make a field type: a float in ``unit`` that also accepts text with a unit.

    Parameters
    ----------
    unit : str
        The canonical unit of the field.
    minimum, maximum : float, optional
        Inclusive bounds [unit].
    above : float, optional
        Exclusive lower bound [unit].

    Returns
    -------
    type
        An annotated float for a pydantic model.
    """
    parse = parser(unit, minimum=minimum, above=above, maximum=maximum)
    return Annotated[float, BeforeValidator(parse), WithJsonSchema(number_schema(unit, minimum))]


def quantity_or_name(unit: str, *, minimum: float | None = None) -> Any:
    """Make a field type: a float in ``unit``, or the name of a column or layer that holds it.

    Text that starts like a number is a quantity, so that a wrong unit is not taken for a name.
    """
    parse = parser(unit, minimum=minimum)

    def parse_or_keep(value: object, info: ValidationInfo) -> float | str:
        if isinstance(value, str) and (value[:1].isalpha() or value[:1] == "_"):
            return value
        return parse(value, info)

    return Annotated[
        float | str, BeforeValidator(parse_or_keep), WithJsonSchema(number_schema(unit, minimum))
    ]


def parser(
    unit: str,
    *,
    minimum: float | None = None,
    above: float | None = None,
    maximum: float | None = None,
) -> Callable[[object, ValidationInfo], float]:
    """The function that turns a number or text into a number in ``unit`` within its bounds."""

    def parse(value: object, info: ValidationInfo) -> float:
        factor = 1.0
        if isinstance(value, str) and "USD" in unit:
            base_year = (info.context or {}).get("base_year", DEFAULT_BASE_YEAR)
            value, factor = to_base_year(value, base_year)
        number = parse_quantity(value, unit) * factor
        bounds = (("at least", minimum, operator.lt), ("more than", above, operator.le),
                  ("at most", maximum, operator.gt))  # fmt: skip
        for words, limit, is_beyond in bounds:
            if limit is not None and is_beyond(number, limit):
                expected = f"{words} {limit:g} {'' if unit == '1' else unit}".rstrip()
                raise problem(f"out of range; got {value!r}; expected {expected}")
        return number

    return parse


def unit_like(unit: str) -> Any:
    """Make a field type: text with a unit of the same dimension as ``unit``."""

    def check(value: str) -> str:
        if not same_dimension(find_currency(value)[0], unit):
            raise problem(f"wrong dimension; got {value!r}; expected a unit like {unit} (rule 4)")
        return value

    return Annotated[str, AfterValidator(check)]


def _finite(value: object) -> object:
    """Refuse what no comparison or sum can use: NaN, infinity, and text without a number."""
    number = split_number(value)[0] if isinstance(value, str) else value
    if isinstance(number, float) and not math.isfinite(number):
        raise problem(f"not a finite number; got {value!r}")
    return value


Factor = quantity("1", minimum=0.0)
"""What amounts are multiplied by: 0.8, or 80 %; 0 or more."""
Number = Annotated[float, BeforeValidator(_finite)]
"""A finite number without a unit."""
StrictNumber = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""As :data:`Number`; text that looks like a number is refused."""
NumberOrQuantity = Annotated[float | str, BeforeValidator(_finite)]
"""A finite number, or text with a unit that is known only when the data are read."""


def _one_line(value: str) -> str:
    """Text with its white space joined; refuse text without any letter."""
    if not value.strip():
        raise problem("an empty text; cure: write some, or leave the key out")
    return " ".join(value.split())


Text = Annotated[str, AfterValidator(_one_line), WithJsonSchema({"type": "string", "minLength": 1})]
"""Some words; breaks of lines in the file do not count."""


def _plain_is_english(value: object) -> object:
    return {"en": value} if isinstance(value, str) else value


def _in_english(texts: dict[str, str]) -> dict[str, str]:
    if "en" not in texts:
        raise problem("no English text; cure: add one, under en:")
    return texts


_Texts = dict[Literal["en", "zh"], Text]
ByLanguage = Annotated[
    _Texts,
    BeforeValidator(_plain_is_english, json_schema_input_type=Text | _Texts),
    AfterValidator(_in_english),
]
"""A text by language, English always; a plain text is English. ``Words.said`` picks one."""


def _name(value: object) -> object:
    """A name that YAML read as a number, as the columns of a file write it."""
    return as_text(value) if isinstance(value, int | float) and value is not True else value


Name = Annotated[str, BeforeValidator(_name)]
"""Text that is compared with a column of names or ids, which may be numbers: `7` and `'7'`."""

Fraction = quantity("1", minimum=0.0, maximum=1.0)
Metres = quantity("m", minimum=0.0)
Kilometres = quantity("km", minimum=0.0)
Years = quantity("yr", above=0.0)


LONGEST_NAME, LONGEST_PATH = 255, 4000
"""Bytes of a file's name and of a path, as the usual file systems have them."""


def at_home(text: str) -> Path:
    """A path with ``~`` and ``~NAME`` spelt out.

    Raises
    ------
    PydanticCustomError
        If there is no such user, or the path cannot exist.
    """
    path = Path(text)
    longest = max((len(part.encode("utf-8", "replace")) for part in path.parts), default=0)
    if longest > LONGEST_NAME or len(text.encode("utf-8", "replace")) > LONGEST_PATH:
        raise problem(
            f"too long for a path; got {shown(text, 80)}; expected names of at most "
            f"{LONGEST_NAME} bytes"
        )
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise problem(
            f"no such user; got {text!r}; expected a path; cure: write ./~NAME for a file whose "
            "name begins with ~"
        ) from error


def _resolve(value: Path, info: ValidationInfo) -> Path:
    """Make a path absolute against the data folder; refuse one that climbs out if told to."""
    context = info.context or {}
    folder = Path(context.get("data_folder", "."))
    path = at_home(str(value))
    if "\0" in str(path):
        raise problem("not a path; got a null character")
    full = path if path.is_absolute() else folder / path
    refuse_outside(full, value, info)
    if context.get("confine_to") is not None:
        # also what GDAL would read with it: companions, parts of a mosaic, what a folder links to
        for file in entries_of(full) if full.is_dir() else files_of(full):
            refuse_outside(file, file, info)
    return Path(os.path.abspath(full))  # noqa: PTH100 - links stay as they are written


def refuse_outside(full: Path, given: Path, info: ValidationInfo, at: str = "") -> None:
    """Refuse a path, links followed, that leaves the scenario's folder where that is confined.

    ``at`` is the key to blame where a model as a whole refuses it.
    """
    confine = (info.context or {}).get("confine_to")
    if (address_of(full) or "").startswith(f"{MEMORY}://"):  # no path that a scenario wrote
        return
    if confine is not None and not full.resolve().is_relative_to(Path(confine).resolve()):
        raise problem(
            f"the path climbs out of the scenario's folder; got {given}; expected a path inside "
            f"{confine}; cure: move the file there or set confine_paths: false",
            at=at,
        )


def _near(value: object) -> object:
    """Refuse an address where a file of this machine is needed."""
    if isinstance(value, str) and is_address(value):
        raise problem(f"not a file of this machine; got {shown(value)}; cure: download it")
    return value


def _fetched(value: object, info: ValidationInfo) -> object:
    """Where the copy of an address will lie; other values as they are."""
    if not (isinstance(value, str) and is_address(value)):
        return value
    context = info.context or {}
    if value.startswith(f"{MEMORY}://"):
        if context.get("record"):  # what a run was made with may be gone
            return memory_folder() / "-" / "-" / value.removeprefix(f"{MEMORY}://")
        raise problem(
            f"it was in the memory of a Python session; got {shown(value)}; expected a file; "
            "cure: write it to one, or give it to cdrsite.run(..., layers={NAME: ARRAY})"
        )
    address = plain_address(value)
    if address is None:
        raise problem(
            f"not an address of a file; got {shown(value)}; expected https://HOST/PATH, "
            "s3://BUCKET/KEY or /vsicurl/ before the former, without user, query or pattern; cure: "
            "download it, and name the copy"
        )
    if not (context.get("allow_remote") or context.get("record")):
        raise problem(
            f"on another machine, and nothing is fetched unless it is allowed; got {shown(value)}; "
            "cure: add allow_remote: true to the scenario, or download it, and name the copy"
        )
    if context.get("confine_to") is not None:
        raise problem(
            f"confine_paths keeps all inputs in the scenario's folder; got {shown(value)}; cure: "
            "download it there, or set confine_paths: false"
        )
    return local_copy(address)


LocalPath = Annotated[Path, AfterValidator(_resolve), BeforeValidator(_near)]
"""A path to a file of this machine, absolute after validation."""
DataPath = Annotated[Path, AfterValidator(_resolve), BeforeValidator(_fetched)]
"""A path to input data, or the address of a file on another machine; absolute after validation."""


def one_or_many(kind: Any) -> Any:
    """Make a field type: a tuple that also accepts a single value."""

    def listed(value: object) -> object:
        return value if isinstance(value, list | tuple) else [value]

    read = BeforeValidator(listed, json_schema_input_type=kind | list[kind])
    return Annotated[tuple[kind, ...], read]


def exactly_one(model: BaseModel, names: tuple[str, ...], what: str) -> str:
    """Return which one of the optional fields is set; refuse none or several."""
    given = [name for name in names if getattr(model, name) is not None]
    if len(given) != 1:
        raise problem(
            f"{what}; got {', '.join(given) if given else 'none'}; expected exactly one of "
            f"{', '.join(names)}"
        )
    return given[0]
