"""What a run rests on is found among the numbers that its formulae look at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_scenario import SCENARIO, write_world

import cdrsite
from cdrsite.config.load import parse_scenario
from cdrsite.config.models import Scenario
from cdrsite.core.memory import Memory
from cdrsite.engine.cache import MOST_FORMED
from cdrsite.engine.stages import content
from cdrsite.library.files import FOLDER
from cdrsite.methods.formulae import Ingredients
from cdrsite.methods.model import MethodModel
from cdrsite.methods.rivals import RivalSums
from cdrsite.study import formed, ranges, used
from cdrsite.study.run import run

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
    monkeypatch.setattr("cdrsite.study.run.FORMED", Memory(MOST_FORMED))
    short, few = cdrsite.run(scenario), len(tried)
    monkeypatch.setattr(used, "_read", lambda model, _formulae: {*model.numbers})
    monkeypatch.setattr("cdrsite.study.run.FORMED", Memory(MOST_FORMED))
    every = cdrsite.run(scenario)
    assert short.used == every.used
    assert short.summary == every.summary
    assert few < 0.8 * (len(tried) - few)


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the sums that are formed for a tried number depend on, as they are formed.

    No earlier run of this process has formed any.
    """
    monkeypatch.setattr("cdrsite.study.run.FORMED", Memory(MOST_FORMED))
    made: list[str] = []
    plainly = formed.rival_sums

    def counted(model: MethodModel, scenario: Scenario, given: Ingredients) -> RivalSums:
        sums = plainly(model, scenario, given)
        if isinstance(model.numbers, dict):
            made.append(repr((model.name, given, model.numbers, content(scenario.costs))))
        return sums

    monkeypatch.setattr(formed, "rival_sums", counted)
    return made


def test_sums_with_another_number_are_formed_once_for_all_who_try_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_world(tmp_path)
    made = _counted(monkeypatch)
    short = cdrsite.run(parse_scenario(SCENARIO, tmp_path / "study.yaml"))
    assert made
    known = len(made)
    monkeypatch.setattr("cdrsite.study.run.FORMED", Memory(MOST_FORMED))
    monkeypatch.setattr(formed.FormedSums, "of", lambda _self, *method: formed.rival_sums(*method))
    every = cdrsite.run(parse_scenario(SCENARIO, tmp_path / "study.yaml"))
    assert short.used == every.used
    for table in ("cost_ranges", "sensitivity"):
        assert short.tables[table].equals(every.tables[table])
    assert known < 0.7 * (len(made) - known)


def test_a_method_file_that_was_edited_has_sums_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where what was edited is no number of its: the next run in this process sees it."""
    write_world(tmp_path)
    text = (FOLDER / "methods" / "afforestation.yaml").read_text("utf-8")
    own = SCENARIO.replace("{gates: false}", "{gates: false, library: own.yaml}")
    (tmp_path / "own.yaml").write_text(text, "utf-8")
    made = _counted(monkeypatch)
    scenario = parse_scenario(own, tmp_path / "study.yaml")
    first = cdrsite.run(scenario)
    assert made
    made.clear()
    cdrsite.run(scenario)
    assert made == []
    (tmp_path / "own.yaml").write_text(
        text.replace("ledger_class: removal", "").replace(
            "durability:", "ledger_class: avoided\ndurability:", 1
        ),
        "utf-8",
    )
    other = cdrsite.run(scenario)
    assert any("removes nothing" in said for said in other.warnings)
    assert {name.split(",")[0] for name in made} == {"('afforestation'"}
    assert first.summary != other.summary


def test_runs_form_the_sums_of_the_method_that_differs_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_world(tmp_path)
    made = _counted(monkeypatch)
    tried = {"used": list[str](), "ranges": list[str]()}
    for module, name, names in (
        (used, "_moving", tried["used"]),
        (ranges, "ranged", tried["ranges"]),
    ):
        monkeypatch.setattr(module, name, _named(getattr(module, name), names))
    run(parse_scenario(SCENARIO, tmp_path / "study.yaml"))
    first = [text.split(",")[0] for text in made]
    assert len(set(first)) > 1
    text = SCENARIO.replace("profile: lit", "override: {land_direct: 20 m2}, profile: lit")
    other = parse_scenario(text, tmp_path / "study.yaml")
    made.clear()
    for names in tried.values():
        assert len(names) == 3
        names.clear()
    shared = run(other)
    assert tried == {"used": ["daccs-solid"], "ranges": ["daccs-solid"]}
    assert {text.split(",")[0] for text in made} == {"('daccs-solid'"}
    monkeypatch.setattr("cdrsite.study.run.FORMED", Memory(MOST_FORMED))
    alone = run(other)
    assert shared.used == alone.used
    for table in ("cost_ranges", "sensitivity"):
        assert shared.tables[table].equals(alone.tables[table])
    made.clear()
    run(parse_scenario(SCENARIO, tmp_path / "study.yaml"))
    made.clear()
    tried["used"].clear()
    dearer = (
        SCENARIO + "costs: {prices: {biomass: 90 USD/t}}\n"
    )  # a price of the study: nothing of the first run holds
    run(parse_scenario(dearer, tmp_path / "study.yaml"))
    assert {text.split(",")[0] for text in made} == set(first)
    assert len(tried["used"]) == 3


def _named(function: Callable[..., Any], names: list[str]) -> Callable[..., Any]:
    """The same function, which writes down the names of the methods that it is asked about."""

    def asked(model: MethodModel, *given: Any) -> Any:
        names.append(model.name)
        return function(model, *given)

    return asked


def test_membership_is_no_look_and_every_other_way_is() -> None:
    numbers = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}
    reads = used._Reads(numbers)
    assert "a" in reads and "x" not in reads and len(reads) == 4
    assert reads.names == set()
    assert reads.get("b", 0.0) == 2.0 and reads["c"] == 3.0
    assert reads.names == {"b", "c"}
    assert {**reads} == numbers
    assert reads.names == {*numbers}
