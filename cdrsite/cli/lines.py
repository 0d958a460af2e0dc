"""Sentences at the end of a run: what avoids and removes nothing, what is merged to projects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cdrsite.core.numbers import number

if TYPE_CHECKING:
    import pandas as pd

    from cdrsite.core.words import Words


def _stops(row: Mapping[Any, Any]) -> bool:
    """Whether a method removes nothing, and would stop some emissions."""
    return bool(row.get("avoidable_mt_yr", 0.0) > 0)  # NaN is not


def limit_words(row: Mapping[Any, Any], words: Words) -> str:
    """What limits a method that is alone; of one that removes nothing, what it avoids (rule 5)."""
    if not _stops(row):
        return words.limits(str(row["alone_limits"]))
    return words("end.avoids", n=number(row["avoidable_mt_yr"]))


def avoided_line(methods: pd.DataFrame | None, words: Words) -> str:
    """What methods avoid that remove nothing; empty where there are none."""
    rows = [] if methods is None else methods.to_dict("records")
    return words("list.clause").join(
        words(
            "end.avoids.method", what=words.method(row["method"]), n=number(row["avoidable_mt_yr"])
        )
        for row in rows
        if _stops(row)
    )


def project_line(projects: pd.DataFrame | None, words: Words) -> str:
    """What became of sites that may be merged within their zone; empty without such a rule."""
    from cdrsite.report.places import project_sums

    rows = [] if projects is None else projects.to_dict("records")
    if not rows:
        return ""
    return words("projects.line", **project_sums(rows))
