"""How the result of a batch answers to each assumption that varies, all others as they are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cdrsite.compare.changes import records

if TYPE_CHECKING:
    import pandas as pd

RESULTS = {"net_mt_yr": "Mt/yr", "mean_cost_usd_t": "USD/t"}
"""Results that are looked at -> their units."""
ABSENT = "–"
"""Value of an assumption that a run does not have."""
JOINED = " + "
"""Between assumptions that no two runs tell apart, and between their values."""
COLUMNS = (
    *("result", "unit", "rank", "assumption", "span", "low", "high", "low_at", "high_at"),
    *("low_run", "high_run", "least_span", "settings", "within_gap"),
)
ROUNDING = 1e-9
"""Spans below this share of the numbers themselves are their rounding."""


@dataclass(frozen=True)
class Extremes:
    """Lowest and highest result of runs that differ in one assumption.

    Attributes
    ----------
    low, high : float
        The results.
    low_at, high_at : str
        The assumption there.
    low_run, high_run : str
        The runs.
    """

    low: float
    high: float
    low_at: str
    high_at: str
    low_run: str
    high_run: str

    @property
    def span(self) -> float:
        """From the lowest to the highest."""
        return self.high - self.low


def effects(table: pd.DataFrame, varies: pd.DataFrame) -> pd.DataFrame:
    """Rank the assumptions of a batch by how far the result moves with each of them alone.

    Only runs that agree in all other assumptions are put beside each other. Assumptions that
    change in the same runs cannot be told apart and count as one.

    Parameters
    ----------
    table : DataFrame
        Row per run: ``run``, the columns of :data:`RESULTS`, ``gap``.
    varies : DataFrame
        ``assumption``, ``run`` and ``value`` of the finished runs.

    Returns
    -------
    DataFrame
        For each result the assumptions in order of ``span``, the largest first: the lowest and
        highest result of such runs, with the assumption and the run there. Of several settings of
        the other assumptions it is the one in which the span is largest; ``least_span`` is the
        smallest of them and ``settings`` their number. ``within_gap`` where the span is not larger
        than the proven gaps of the two plans (rule 8). No row for an assumption that no two such
        runs differ in; see :func:`untold`.
    """
    import pandas as pd

    runs = {str(row["run"]): row for row in records(table)}
    found = []
    for result, unit in RESULTS.items():
        rows = [
            _row(result, unit, assumption, ends, runs)
            for assumption, ends in _alone(varies, runs, result)
            if ends
        ]
        rows.sort(key=lambda row: (-row["span"], row["assumption"]))
        found += [{**row, "rank": rank} for rank, row in enumerate(rows, 1)]
    return pd.DataFrame(found, columns=list(COLUMNS))


def untold(table: pd.DataFrame, varies: pd.DataFrame) -> list[str]:
    """Assumptions that never change alone, whose own effect no two runs tell."""
    runs = {str(row["run"]): row for row in records(table)}
    first = next(iter(RESULTS))
    return [assumption for assumption, ends in _alone(varies, runs, first) if not ends]


def _row(
    result: str,
    unit: str,
    assumption: str,
    ends: Sequence[Extremes],
    runs: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    most = max(ends, key=lambda one: one.span)
    size, span = max(abs(most.low), abs(most.high)), _rounded(most)
    gaps = (runs[run].get("gap") for run in (most.low_run, most.high_run))
    gap = math.fsum(g for g in gaps if isinstance(g, float) and math.isfinite(g))
    return {
        "result": result,
        "unit": unit,
        "assumption": assumption,
        "span": span,
        "low": most.low,
        "high": most.high,
        "low_at": most.low_at,
        "high_at": most.high_at,
        "low_run": most.low_run,
        "high_run": most.high_run,
        "least_span": min(_rounded(one) for one in ends),
        "settings": len(ends),
        "within_gap": span <= gap * size,
    }


def _rounded(ends: Extremes) -> float:
    """The span, without the rounding of its ends."""
    return 0.0 if ends.span <= ROUNDING * max(abs(ends.low), abs(ends.high)) else ends.span


def _alone(
    varies: pd.DataFrame, runs: dict[str, dict[str, Any]], result: str
) -> Iterator[tuple[str, list[Extremes]]]:
    """Each assumption with its ends in every setting of the others that two runs share."""
    values: dict[str, dict[str, str]] = {}
    for row in records(varies):
        values.setdefault(str(row["assumption"]), {})[str(row["run"])] = str(row["value"])
    names = list(dict.fromkeys(str(row["run"]) for row in records(varies)))
    joined = _joined(values, names)
    for place, (assumption, own) in enumerate(joined):
        groups: dict[tuple[str, ...], list[str]] = {}
        for run in names:
            others = tuple(one[run] for at, (_, one) in enumerate(joined) if at != place)
            groups.setdefault(others, []).append(run)
        found = (_ends(group, own, runs, result) for group in groups.values())
        ends = [one for one in found if one is not None]
        yield assumption, ends


def _joined(
    values: dict[str, dict[str, str]], names: Sequence[str]
) -> list[tuple[str, dict[str, str]]]:
    """Assumptions with their value in each run; those that change in the same runs as one."""
    alike: dict[tuple[int, ...], list[str]] = {}
    for assumption, own in values.items():
        order = list(dict.fromkeys(own[run] for run in names))
        alike.setdefault(tuple(order.index(own[run]) for run in names), []).append(assumption)
    return [
        (JOINED.join(keys), {run: JOINED.join(values[key][run] for key in keys) for run in names})
        for keys in alike.values()
    ]


def _ends(
    group: Sequence[str], own: dict[str, str], runs: dict[str, dict[str, Any]], result: str
) -> Extremes | None:
    """Extremes of the runs of one setting; None where fewer than two values have a result."""
    known = []
    for run in group:
        size = runs[run].get(result)
        if isinstance(size, int | float) and math.isfinite(size):
            known.append((float(size), own[run], run))
    if len({value for _, value, _ in known}) < 2:
        return None
    low, high = (end(known, key=lambda one: one[0]) for end in (min, max))
    if low[1] == high[1]:  # all alike: any two of them
        high = next(one for one in known if one[1] != low[1])
    return Extremes(low[0], high[0], low[1], high[1], low[2], high[2])
