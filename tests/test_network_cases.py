"""Golden cases of the network design: two published networks of the US Southeast."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdrsite.network.design import design
from cdrsite.network.tables import read_case


def test_gateway_of_five_megatonnes_is_proven_optimal(cases_dir: Path) -> None:
    plan = design(read_case(cases_dir / "southeastus_gateway"), target=5.0)
    assert plan.status == "optimal"
    assert plan.objective == pytest.approx(803.360026, abs=1e-6)
    assert plan.bound <= plan.objective
    assert len(plan.pipes) == 7
    assert plan.captured_mt_yr == pytest.approx(5.0, abs=1e-9)


@pytest.mark.slow
def test_southeast_of_fifty_megatonnes_is_proven_optimal(cases_dir: Path) -> None:
    plan = design(read_case(cases_dir / "southeastus_cap2020"), target=50.0)
    assert plan.status == "optimal"
    assert plan.objective == pytest.approx(5140.659014, rel=1e-9)
    assert plan.bound >= 5140.659014 * (1 - 1e-6)
    assert {s.id for s in plan.sources} == {"2", "6", "16", "17"}
    assert {s.id: s.wells for s in plan.sinks} == {"4": 33, "5": 18, "7": 32}
