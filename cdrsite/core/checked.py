"""Data of YAML files, checked by pydantic models: every problem with its file, line and key.

Scenarios and the files of the library are checked here, and in no other way.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from copy import deepcopy
from functools import cache
from typing import Annotated, Any, TypeVar, cast

from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter, ValidationError

from cdrsite.core.errors import LONGEST_LIST, CdrsiteError, ConfigError, shown
from cdrsite.core.fields import problem
from cdrsite.core.yamltext import Lines, line_of, place_of

T = TypeVar("T")

MAX_ROUNDS = 5
"""Times that what is left is checked again."""
MAX_PROBLEMS = 20
"""More are counted, not listed."""

KeyPath = tuple[str, ...]
Problems = dict[str, KeyPath]
"""What is wrong, ``file:line: key: what; got; expected; cure``, -> key path."""


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast(Any, kind))


def _nothing(_model: object, _gone: set[KeyPath]) -> Iterable[tuple[str, str]]:
    return ()


def checked(
    kind: type[T],
    data: Any,
    name: str,
    lines: Lines,
    context: dict[str, Any] | None = None,
    *,
    further: Callable[[T, set[KeyPath]], Iterable[tuple[str, str]]] = _nothing,
) -> T:
    """Make a model of data, or say all that is wrong with them.

    Parameters
    ----------
    kind : type
        A pydantic model, or a type that holds models.
    data : dict
        Plain values, as :func:`cdrsite.core.yamltext.read_yaml` gives them.
    name : str
        File, for errors.
    lines : Lines
        Lines of the keys.
    context : dict, optional
        What validators may look at.
    further : callable, optional
        Problems of a model that is sound in itself, asked where something else is wrong, given
        the keys that were left out: text and dotted key each.

    Raises
    ------
    ConfigError
        The text lists every problem, one a line.
    """
    validate = _adapter(cast(Hashable, kind)).validate_python
    try:
        made: T = validate(data, context=context)
    except ValidationError as error:
        found, rest, gone = _describe(error, name, lines), deepcopy(data), set[KeyPath]()
    else:
        return made
    # What is wrong is left out and the rest is checked again, for what only shows once the rest
    # can be read: names among keys. What encloses a key that was left out may miss it then, which
    # is no further problem.
    wrong, sound = set(found.values()), None
    for _ in range(MAX_ROUNDS):
        before = len(gone)
        gone |= {at for at in wrong - gone if _leave_out(rest, at)}
        if len(gone) == before:
            break
        try:
            made = sound = validate(rest, context=context)
        except ValidationError as error_of_rest:
            more = _describe(error_of_rest, name, lines)
        else:
            keys = ((text, tuple(key.split("."))) for text, key in further(made, gone))
            more = {f"{place_of(name, lines, at)}: {text}": at for text, at in keys}
        wrong |= set(more.values())
        for text, at in more.items():
            if not any(left[: len(at)] == at for left in gone):
                found[text] = at
    listed = sorted(found, key=lambda text: line_of(lines, found[text]))
    if len(listed) > MAX_PROBLEMS:
        listed = [*listed[:MAX_PROBLEMS], f"{name}: and {len(listed) - MAX_PROBLEMS} more"]
    refused = ConfigError("\n".join(listed))
    refused.rest, refused.left_out = sound, frozenset(gone)
    raise refused


def _leave_out(data: Any, at: KeyPath) -> bool:
    """Take a key out of the data, or what it would lie in; whether there was one."""
    inner: Any = data
    for k, key in enumerate(at):
        if isinstance(inner, list):
            if not (key.isdigit() and int(key) < len(inner)):
                return False
            inner = inner[int(key)]
            continue
        if not isinstance(inner, dict) or key not in inner:
            return False
        if k == len(at) - 1 or not isinstance(inner[key], list | dict):
            del inner[key]
            return True
        inner = inner[key]
    return False


def _describe(error: ValidationError, name: str, lines: Lines) -> Problems:
    """Problems of one look at the data."""
    found: Problems = {}
    for item in error.errors(include_url=False):
        context, loc = item.get("ctx", {}), _key_path(item["loc"], lines)
        text = item["msg"]
        if item["type"] == "missing":
            text = "this key is needed"
        elif isinstance(context.get("error"), CdrsiteError):
            text = str(context["error"])
        elif item["type"] not in {"unknown_key", "cdrsite"}:
            text = f"{text.removeprefix('Value error, ')}; got {_short(item['input'])}"
        key = str(context["key"]) if item["type"] == "unknown_key" else ""
        one = {"text": text, "at": key or str(context.get("at", ""))}
        for part in context.get("many", (one,)):
            below = (key,) if key else filter(None, part["at"].split("."))
            at = (*loc, *below)
            where = shown(place_of(name, lines, at), LONGEST_LIST)
            found[f"{where}: {shown(part['text'], 2000)}"] = at
    return found


def _key_path(loc: tuple[int | str, ...], lines: Lines) -> KeyPath:
    """The key path a person wrote: pydantic's, less the tags and type names of unions."""
    path: KeyPath = ()
    for part in loc:
        longer = (*path, str(part).removesuffix("_"))
        if longer in lines or not _is_type_name(longer[-1]):
            path = longer
    return path


def _is_type_name(text: str) -> bool:
    return (
        "[" in text
        or text in {"str", "int", "float", "bool", "constrained-str", "literal"}
        or text.startswith(("function-", "dict", "tuple", "list"))
    )


def _short(value: object) -> str:
    try:
        return shown(repr(value), 80)
    except (ValueError, RecursionError):  # an integer of thousands of digits
        return f"a {type(value).__name__} too large to be shown"


def schema_of(kind: type) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the files that hold a kind of data."""
    document = _adapter(cast(Hashable, kind)).json_schema(by_alias=True)
    return {**document, "$schema": "https://json-schema.org/draft/2020-12/schema"}


def or_row(model: type[BaseModel]) -> Any:
    """The type of a model that may also be written as a row of its fields, as in a table."""
    names = list(model.model_fields)

    def read(given: object) -> object:
        if not isinstance(given, list | tuple):
            return given
        if len(given) != len(names):
            raise problem(f"not a row of {len(names)}; got {given}; expected [{', '.join(names)}]")
        return dict(zip(names, given, strict=True))

    row = Annotated[list[float], Field(min_length=len(names), max_length=len(names))]
    return Annotated[model, BeforeValidator(read, json_schema_input_type=model | row)]
