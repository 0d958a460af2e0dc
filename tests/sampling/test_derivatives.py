"""Slopes of a plan's value: closed forms, and differences of whole runs."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cdrsite
from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteWarning

SOLID = Path(cdrsite.__file__).parent / "library/methods/daccs-solid.yaml"
PURE = (
    "emissions_embodied: 0, emissions_materials: 0, emissions_chain: 0, "
    "transport_injection_loss: 0, capture_loss: 0"
)
GOLDEN = f"""\
name: golden
region: {{bounds: [4000000, 3000000, 4001000, 3001000], crs: "EPSG:3035"}}
grid: {{crs: "EPSG:3035", resolution: 1 km}}
resources: {{water: {{value: 60 m3/yr, per: region}}}}
objective: {{gap: 1.0e-9}}
methods:
  a: {{library: {SOLID}, profile: literature, override: {{water: 2 m3, {PURE}}}}}
  b: {{library: {SOLID}, profile: literature, override: {{water: T m3, {PURE}}}}}
"""
"""Two methods of net factor 1 on one pool of W = 60: V = W / min(2, T)."""

Runs = Callable[..., Any]


def run(path: Path, *settings: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return cdrsite.run(load_scenario(path, settings))


def rows(result: Any) -> dict[str, dict[str, Any]]:
    return {row["parameter"]: row for row in result.tables["sensitivity"].to_dict("records")}


def golden(folder: Path, need: float) -> dict[str, dict[str, Any]]:
    path = folder / "golden.yaml"
    path.write_text(GOLDEN.replace("T m3", f"{need} m3"), encoding="utf-8")
    return rows(run(path))


A, B, W = "methods.a.override.water", "methods.b.override.water", "resources.water.factor"


@pytest.mark.parametrize(
    ("need", "of_a", "of_b", "of_supply"),
    [(1.5, 0.0, -60 / 1.5**2, 40.0), (3.0, -15.0, 0.0, 30.0)],
)
def test_two_methods_on_one_pool_in_closed_form(
    tmp_path: Path, need: float, of_a: float, of_b: float, of_supply: float
) -> None:
    """dV/dT = -W / T^2 = -26.6667 where T = 1.5 is the least need, 0 where it is not."""
    found = golden(tmp_path, need)
    for path, slope in ((A, of_a), (B, of_b), (W, of_supply)):
        assert found[path]["slope"] == pytest.approx(slope, rel=1e-6, abs=0.0)
        assert found[path]["unique"]
    assert found[W]["elasticity"] == pytest.approx(1.0)
    assert found[B]["elasticity"] == pytest.approx(-1.0 if of_b else 0.0)
    capex = found["methods.b.override.capex"]  # the most net does not ask what it costs
    assert capex["slope"] == capex["effect_low"] == capex["effect_high"] == 0.0


def test_at_a_kink_the_slope_lies_between_those_of_both_sides_and_is_told(tmp_path: Path) -> None:
    """At T = 2 either method could do all: -15 to one side, 0 to the other."""
    found = golden(tmp_path, 2.0)
    for path in (A, B):
        assert -15.0 - 1e-6 <= found[path]["slope"] <= 0.0
        assert not found[path]["unique"]
    assert found[A]["slope"] + found[B]["slope"] == pytest.approx(-15.0, rel=1e-6)
    assert found[W]["unique"] and found[W]["slope"] == pytest.approx(30.0)
