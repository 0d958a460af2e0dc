"""Dates, time zones and other types of columns in filters."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cdrsite.core.errors import DataError
from cdrsite.layers.where import select

PLAIN = pd.to_datetime(["1990-01-01", "2010-06-01", None])
EAST = timezone(timedelta(hours=8))
FRAMES: dict[str, Any] = {
    "plain": PLAIN,
    "utc": PLAIN.tz_localize("UTC"),
    "zoned": PLAIN.tz_localize("Asia/Shanghai"),
    "milliseconds": PLAIN.astype("datetime64[ms]"),
    "objects": [date(1990, 1, 1), date(2010, 6, 1), None],
    "several zones": [
        datetime(1990, 1, 1, tzinfo=EAST),
        datetime(2010, 6, 1, tzinfo=UTC),
        None,
    ],
}


def kept(values: Any, where: str) -> list[bool]:
    frame = pd.DataFrame({"d": values, "n": [1, 2, 3]})
    return select(frame, where, "layers.a").tolist()


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("d > '2000-01-01'", [False, True, False]),
        ("d <= '2000-01-01'", [True, False, False]),
        ("d between '1980-01-01' and '2000-12-31T23:59:59'", [True, False, False]),
        ("not d > '2000-01-01'", [True, False, True]),
        ("d is null", [False, False, True]),
    ],
)
def test_dates_are_compared_as_dates(kind: str, where: str, expected: list[bool]) -> None:
    got = kept(FRAMES[kind], where)
    if where.startswith("not"):  # what is unknown is neither: the filter's own way with nulls
        assert got[:2] == expected[:2]
    else:
        assert got == expected


def test_a_moment_is_one_in_every_zone() -> None:
    moments = pd.to_datetime(["2000-01-01 07:00", "2000-01-01 09:00"]).tz_localize("Asia/Shanghai")
    frame = pd.DataFrame({"d": moments})
    assert select(frame, "d > '2000-01-01T00:00:00Z'", "a").tolist() == [False, True]
    assert select(frame, "d >= '2000-01-01T08:00:00+08:00'", "a").tolist() == [False, True]
    assert select(frame, "d > '2000-01-01T08:00:00'", "a").tolist() == [False, True]


@pytest.mark.parametrize(
    ("kind", "where", "words"),
    [
        ("plain", "d > 2000", r"column 'd' holds dates; got .*expected a date in quotes"),
        ("plain", "d > 'abc'", r"column 'd' holds dates"),
        ("plain", "d > '01/02/2000'", r"column 'd' holds dates"),
        ("plain", "d > true", r"column 'd' holds dates"),
        ("utc", "d in (2000, 2001)", r"column 'd' holds dates"),
        ("plain", "d > '2000-01-01T00:00:00Z'", r"dates without a time zone"),
        ("objects", "d = 5", r"column 'd' holds dates"),
        ("plain", "d like '2000%'", r"column 'd' holds no text"),
        ("plain", "n like '1%'", r"column 'n' holds no text"),
    ],
)
def test_what_can_mean_several_things_is_refused(kind: str, where: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        kept(FRAMES[kind], where)


def test_categories_are_what_they_stand_for() -> None:
    frame = pd.DataFrame({"c": pd.Categorical([1, 5, 9]), "t": pd.Categorical(["a", "b", "a"])})
    assert select(frame, "c > 2", "a").tolist() == [False, True, True]
    assert select(frame, "t = 'a'", "a").tolist() == [True, False, True]
    np.testing.assert_array_equal(select(frame, "t like 'a%'", "a"), [True, False, True])
