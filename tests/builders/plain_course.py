"""A course in which nothing changes from milestone to milestone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cdrsite.pathway.course import Course


def plain_course(
    names: Sequence[str], years: np.ndarray, worth: np.ndarray, methods: int, quantities: int
) -> Course:
    """Milestones between which nothing changes: plants that are renewed, at one cost."""
    count = len(names)
    return Course(
        tuple(names), np.asarray(years, np.float64), np.asarray(worth, np.float64),
        np.repeat(np.triu(np.ones((count, count)))[None], methods, axis=0),
        np.ones((methods, count), np.bool_),
        np.zeros((methods, count, quantities)), np.zeros((methods, count, count, quantities)),
    )  # fmt: skip
