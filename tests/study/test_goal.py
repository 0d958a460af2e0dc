"""Rules of a scenario as rows of the competition."""

from __future__ import annotations

import pytest

from cdrsite.config.competition import ObjectiveModel, PolicyRule
from cdrsite.study.goal import policy_rows


@pytest.mark.parametrize("least", [0.0, 2.0])
def test_a_rule_with_two_limits_is_two_rows_with_names_of_their_own(least: float) -> None:
    """A limit of nothing is a limit."""
    rule = PolicyRule(name="fair", at_least=least, at_most=5.0)
    rows = policy_rows(ObjectiveModel(), [rule], [()], ["biochar"])
    assert [(row.name, row.sense, row.limit) for row in rows] == [
        ("fair (at most)", "<=", 5.0),
        ("fair (at least)", ">=", least),
    ]


@pytest.mark.parametrize("limit", ["at_least", "at_most"])
def test_a_rule_with_one_limit_keeps_its_name(limit: str) -> None:
    (row,) = policy_rows(ObjectiveModel(), [PolicyRule(name="fair", **{limit: 0.0})], [()], [])
    assert (row.name, row.limit) == ("fair", 0.0)
