"""What a run rests on is found among the numbers that its formulae look at."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_scenario import SCENARIO, write_world

import cdrsite
from cdrsite.config.load import parse_scenario
from cdrsite.config.models import Scenario
from cdrsite.methods import rivals
from cdrsite.methods.model import Ingredients, MethodModel
from cdrsite.study import used

MORE = """
  daccs-liquid: {}
  beccs-residue: {override: {haul_km: 50, haul_price: 0.15 USD/t/km, haul_detour: 1.3}}
"""
WITH_FUEL = SCENARIO.replace("\n  beccs-residue: {}\n", MORE)
"""A method whose numbers follow from its fuel, and one with numbers that only it has."""


def test_numbers_that_no_formula_looks_at_need_no_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_world(tmp_path)
    tried: list[str] = []
    differs = used._differs
    monkeypatch.setattr(used, "_differs", lambda *given: (tried.append(""), differs(*given))[1])
    scenario = parse_scenario(WITH_FUEL, tmp_path / "study.yaml")
    short, few = cdrsite.run(scenario), len(tried)
    monkeypatch.setattr(used, "_read", lambda model, _formulae: {*model.numbers})
    every = cdrsite.run(scenario)
    assert short.used == every.used
    assert short.summary == every.summary
    assert few < 0.8 * (len(tried) - few)


def test_sums_with_another_number_are_formed_once_for_all_who_try_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_world(tmp_path)
    made: list[str] = []
    plainly = rivals.rival_sums

    def counted(model: MethodModel, scenario: Scenario, given: Ingredients) -> rivals.RivalSums:
        sums = plainly(model, scenario, given)
        if isinstance(model.numbers, dict):
            made.append(repr((model.name, given, model.numbers, scenario.costs.prices)))
        return sums

    monkeypatch.setattr(rivals, "rival_sums", counted)
    short = cdrsite.run(parse_scenario(SCENARIO, tmp_path / "study.yaml"))
    assert made and len(made) == len(set(made))
    known = len(made)
    monkeypatch.setattr(rivals.FormedSums, "of", lambda _self, *method: counted(*method))
    every = cdrsite.run(parse_scenario(SCENARIO, tmp_path / "study.yaml"))
    assert short.used == every.used
    assert short.tables["cost_ranges"].equals(every.tables["cost_ranges"])
    assert known < 0.7 * (len(made) - known)


def test_membership_is_no_look_and_every_other_way_is() -> None:
    numbers = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}
    reads = used._Reads(numbers)
    assert "a" in reads and "x" not in reads and len(reads) == 4
    assert reads.names == set()
    assert reads.get("b", 0.0) == 2.0 and reads["c"] == 3.0
    assert reads.names == {"b", "c"}
    assert {**reads} == numbers
    assert reads.names == {*numbers}
