"""Many runs from Python: a table of what changes when something changes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cdrsite.core.errors import ConfigError
from cdrsite.engine.cache import Cache
from cdrsite.study.given import as_scenario
from cdrsite.study.run import run

if TYPE_CHECKING:
    import pandas as pd

    from cdrsite.result.study_result import StudyResult
    from cdrsite.study.given import Given

SUMMARY = "summary"
"""Stands for the headline numbers, in place of a table."""


def sweep(
    scenario: Given,
    changes: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]],
    *,
    layers: Mapping[str, Any] | None = None,
    table: str | Callable[[StudyResult], pd.DataFrame] = "methods",
) -> pd.DataFrame:
    """Run a scenario with other values, and gather one table of all runs.

    Stages that a change does not touch are taken from the run before; nothing is written.

    Parameters
    ----------
    scenario : Scenario, str, Path or Mapping
        What all runs share.
    changes : mapping or sequence of mappings
        Dotted key -> values, of which all combinations are run: ``{"costs.discount_rate":
        ["5 %", "9 %"]}``; or one mapping for each run.
    layers : mapping, optional
        Layers in memory, as for :func:`cdrsite.run`.
    table : str or callable
        A table of the runs, ``"summary"`` for their headline numbers in one row each, or what
        makes a table of a result.

    Returns
    -------
    DataFrame
        The rows of every run, with a column for each key that changes.

    Raises
    ------
    ConfigError
        A key or value that is wrong, before the first run.
    """
    import pandas as pd

    first = as_scenario(scenario, layers)
    rows = list(_rows(changes))
    scenarios = [first.replace(row) for row in rows]
    cache, found = Cache(), []
    for row, changed in zip(rows, scenarios, strict=True):
        part = _table(run(changed, cache=cache), table)
        heads = {key: [value] * len(part) for key, value in row.items()}
        found.append(pd.concat([pd.DataFrame(heads, index=part.index), part], axis=1))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def _rows(changes: Any) -> Iterator[dict[str, Any]]:
    """What each run changes."""
    if not isinstance(changes, Mapping):
        yield from (dict(row) for row in changes)
        return
    for key, values in changes.items():
        if isinstance(values, str) or not isinstance(values, Sequence):
            raise ConfigError(
                "not a list of values",
                where=f"sweep: {key}",
                got=repr(values),
                expected="a list, such as ['5 %', '9 %']",
            )
    for chosen in itertools.product(*changes.values()):
        yield dict(zip(changes, chosen, strict=True))


def _table(result: StudyResult, table: str | Callable[[StudyResult], Any]) -> Any:
    import pandas as pd

    if callable(table):
        return table(result)
    if table == SUMMARY:
        plain = {k: v for k, v in result.summary.items() if isinstance(v, int | float | str)}
        return pd.DataFrame([plain])
    if table not in result.tables:
        known = ", ".join([SUMMARY, *result.tables])
        raise ConfigError("no such table", where="sweep", got=repr(table), expected=known)
    return result.tables[table].reset_index(drop=True)
