"""Attribute filters such as ``iucn_cat in ('Ia', 'II') and year > 2000``.

A small subset of SQL, evaluated the same way for every file format: comparisons are case-sensitive
and an empty field makes a comparison false. Nothing else can be expressed, so nothing else can run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import DataError
from cdrsite.core.errors import nearest as most_like
from cdrsite.layers.encodings import require_readable

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')"
    r"|(?P<quoted>\"[^\"]+\"|`[^`]+`)"
    r"|(?P<number>[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))"
    r"|(?P<op><=|>=|<>|!=|==|=|<|>|\(|\)|,)"
    r"|(?P<word>[^\W\d]\w*))"
)
MAX_NESTED = 100
_WORDS = {"and", "or", "not", "in", "is", "null", "like", "between", "true", "false"}


Columns = Mapping[str, tuple[str, ...]]
"""Meaning -> names that a column with this meaning may have."""


def select(
    frame: pd.DataFrame, where: str, place: str, meanings: Columns | None = None
) -> NDArray[np.bool_]:
    """Rows of a table for which a filter is true.

    Parameters
    ----------
    frame : DataFrame
        The features.
    where : str
        Comparisons (``=``, ``==``, ``!=``, ``<>``, ``<``, ``<=``, ``>``, ``>=``), ``in (...)``,
        ``between A and B``, ``like 'a%'``, ``is null``, joined by ``and``, ``or``, ``not``.
        Text stands in single or double quotes; a double-quoted column name is one too.
    place : str
        Layer and file, for errors.
    meanings : mapping, optional
        Other names by which a column may be called (a preset's).

    Returns
    -------
    ndarray of bool, shape (rows,)

    Raises
    ------
    DataError
        If it cannot be read, a column is missing (with the nearest), or text meets number.
    """
    return _Filter(frame, where, place, meanings or {}).run()


def _tokens(where: str, place: str) -> list[tuple[str, str]]:
    found, at = [], 0
    text = where.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise DataError(
                "the filter cannot be read",
                where=place,
                got=where,
                expected=f"SQL at {text[at:]!r}",
            )
        kind = str(match.lastgroup)
        value = match.group(kind)
        if kind == "word" and value.lower() in _WORDS:
            kind, value = "key", value.lower()
        found.append((kind, value))
        at = match.end()
    return [*found, ("end", "")]


class _Filter:
    """Recursive descent over the tokens; every method returns one bool per row."""

    def __init__(self, frame: pd.DataFrame, where: str, place: str, meanings: Columns) -> None:
        self.frame, self.where, self.place, self.meanings = frame, where, place, meanings
        self.tokens = _tokens(where, place)
        nested = sum(text in {"not", "("} for _, text in self.tokens)
        if nested > MAX_NESTED:
            raise DataError("the filter is nested too deep", where=place, got=nested)
        self.at = 0

    def run(self) -> NDArray[np.bool_]:
        result = self._or()
        if self._kind != "end":
            raise self._wrong(f"the end, not {self._text!r}")
        return result

    @property
    def _kind(self) -> str:
        return self.tokens[self.at][0]

    @property
    def _text(self) -> str:
        return self.tokens[self.at][1]

    def _next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1][1]

    def _take(self, *texts: str) -> bool:
        if self._kind in {"key", "op"} and self._text in texts:
            self.at += 1
            return True
        return False

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise self._wrong(f"{text!r} before {self._text!r}")

    def _wrong(self, expected: str) -> DataError:
        return DataError(
            "the filter cannot be read",
            where=self.place,
            got=self.where,
            expected=expected,
            cure="write it like: iucn_cat in ('Ia', 'II') and year > 2000",
        )

    def _or(self) -> NDArray[np.bool_]:
        result = self._and()
        while self._take("or"):
            result = result | self._and()
        return result

    def _and(self) -> NDArray[np.bool_]:
        result = self._not()
        while self._take("and"):
            result = result & self._not()
        return result

    def _not(self) -> NDArray[np.bool_]:
        if self._take("not"):
            return ~self._not()
        if self._take("("):
            result = self._or()
            self._need(")")
            return result
        return self._comparison()

    def _comparison(self) -> NDArray[np.bool_]:
        column = self._column()
        values = self.frame[column]
        null = values.isna().to_numpy(bool)
        if self._take("is"):
            wanted = not self._take("not")
            self._need("null")
            return null if wanted else ~null
        negate = self._take("not")
        if self._take("in"):
            result = self._in(column)
        elif self._take("between"):
            low = self._value(column)
            self._need("and")
            high = self._value(column)
            result = self._compare(column, ">=", low) & self._compare(column, "<=", high)
        elif self._take("like"):
            result = self._like(column)
        elif negate or self._kind != "op" or self._text in {"(", ")", ","}:
            raise self._wrong(f"a comparison after {column!r}")
        else:
            result = self._compare(column, self._next(), self._value(column))
        return (~result if negate else result) & ~null

    def _in(self, column: str) -> NDArray[np.bool_]:
        self._need("(")
        result = self._compare(column, "=", self._value(column))
        while self._take(","):
            result = result | self._compare(column, "=", self._value(column))
        self._need(")")
        return result

    def _like(self, column: str) -> NDArray[np.bool_]:
        pattern = str(self._value(column))
        texts = self.frame[column].astype("object")
        if not any(isinstance(t, str) for t in texts) and texts.notna().any():
            raise DataError(
                f"column {column!r} holds no text",
                where=self.place,
                got=f"{self.where!r}",
                cure="compare it by =, <, > or between",
            )
        return np.array([isinstance(t, str) and like(t, pattern) for t in texts], bool)

    def _column(self) -> str:
        if self._kind not in {"word", "quoted"}:
            raise self._wrong(f"a column name, not {self._text!r}")
        name = self._next()
        name = name[1:-1] if name[0] in '"`' else name
        return column_name(self.frame, name, self.place, self.meanings)

    def _value(self, column: str) -> Any:
        kind, text = self._kind, self._text
        if kind == "text":
            value: Any = text[1:-1].replace("''", "'")
        elif kind == "quoted":
            value = text[1:-1]
        elif kind == "number":
            value = float(text)
        elif kind == "key" and text in {"true", "false"}:
            value = text == "true"
        else:
            raise self._wrong(f"a number or quoted text to compare {column!r} with, not {text!r}")
        self.at += 1
        return value

    def _compare(self, column: str, sign: str, value: Any) -> NDArray[np.bool_]:
        import pandas as pd

        values = _plain(self.frame[column])
        numeric = pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)
        if pd.api.types.is_datetime64_any_dtype(values):
            value = self._moment(column, values, value)
        elif numeric == isinstance(value, str):
            raise DataError(
                f"column {column!r} holds {'numbers' if numeric else 'text'}",
                where=self.place,
                got=f"{self.where!r}",
                expected="a number without quotes" if numeric else "text in quotes",
            )
        compare = {
            "=": values.eq,
            "==": values.eq,
            "!=": values.ne,
            "<>": values.ne,
            "<": values.lt,
            "<=": values.le,
            ">": values.gt,
            ">=": values.ge,
        }[sign]
        return compare(value).fillna(value=False).to_numpy(bool)

    def _moment(self, column: str, values: pd.Series, value: Any) -> pd.Timestamp:
        """What a column of dates is compared with; only what can mean one thing is taken."""
        import pandas as pd

        try:
            moment = pd.Timestamp(datetime.fromisoformat(value.strip()))
        except (AttributeError, ValueError) as error:  # no text, or no date
            raise DataError(
                f"column {column!r} holds dates",
                where=self.place,
                got=f"{self.where!r}",
                expected="a date in quotes, as '2000-01-31' or '2000-01-31T12:00:00Z'",
            ) from error
        zone = values.dt.tz
        if zone is None and moment.tz is not None:
            raise DataError(
                f"column {column!r} holds dates without a time zone",
                where=self.place,
                got=f"{self.where!r}",
                expected="a date without one",
            )
        return moment.tz_localize(zone) if zone is not None and moment.tz is None else moment


def _plain(values: pd.Series) -> pd.Series:
    """A column in a plain type: categories by what they stand for, dates as dates.

    Dates of several time zones, and those that a Parquet file holds, come as objects.
    """
    import pandas as pd

    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if values.dtype != object:
        return values
    known = values.dropna()
    if not len(known) or not all(isinstance(one, date) for one in known):
        return values
    aware = [isinstance(one, datetime) and one.tzinfo is not None for one in known]
    if any(aware) and not all(aware):
        return values
    return pd.to_datetime(values, utc=all(aware))


def like(text: str, pattern: str) -> bool:
    """Whether text is like an SQL pattern: ``%`` is any text, ``_`` any character.

    Each part between two ``%`` is taken where it is found first, so the time grows with the
    product of the lengths and never faster.
    """
    first, *rest = _parts(pattern)
    start = first.match(text)
    if start is None:
        return False
    at = start.end()
    if not rest:
        return at == len(text)
    for part in rest[:-1]:
        found = part.search(text, at)
        if found is None:
            return False
        at = found.end()
    last = rest[-1]
    length = len(pattern) - pattern.rindex("%") - 1
    return len(text) - length >= at and last.match(text, len(text) - length) is not None


@lru_cache(maxsize=64)
def _parts(pattern: str) -> tuple[re.Pattern[str], ...]:
    """What stands between the ``%`` of a pattern, all parts of fixed length."""
    parts = (re.escape(part).replace("_", ".") for part in pattern.split("%"))
    return tuple(re.compile(part, re.DOTALL) for part in parts)


def column_name(frame: pd.DataFrame, name: str, place: str, meanings: Columns | None = None) -> str:
    """A column by its name, or by the only one that differs in case alone.

    Raises
    ------
    DataError
        If there is none (names the nearest), or its text cannot be read.
    """
    found = _column_of(frame, name, place, meanings)
    require_readable(frame, found, place)
    return found


def _column_of(frame: pd.DataFrame, name: str, place: str, meanings: Columns | None) -> str:
    names = [str(c) for c in frame.columns if c != frame.attrs.get("geometry", "geometry")]
    if name in names:
        return name
    same = [n for n in names if n.lower() == name.lower()]
    if len(same) == 1:
        return same[0]
    lower = {n.lower(): n for n in names}
    for candidate in (meanings or {}).get(name.lower(), ()):
        if candidate.lower() in lower:
            return lower[candidate.lower()]
    raise DataError(
        f"no column {name!r}",
        where=place,
        got=name,
        expected=f"one of {', '.join(names) or 'no columns at all'}",
        cure=nearest(name, names),
        rule=7,
    )


def nearest(name: str, valid: Sequence[str]) -> str:
    """The cure for a misspelt name."""
    lower = {v.lower(): v for v in valid}
    near = lower.get(most_like(name.lower(), lower))
    return f"did you mean {near!r}?" if near else "check the spelling"
