"""Removal, what is avoided and what is stored are never summed, wherever a run says numbers."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from emitting_study import MISSING, PATH_SETTINGS, write_emitting
from rich.console import Console

from cdrsite.cli.tables import print_summary
from cdrsite.config.load import load_scenario
from cdrsite.core.numbers import number
from cdrsite.core.words import Words
from cdrsite.outputs.runfolder import RunFolder
from cdrsite.report.frame import Frame
from cdrsite.report.ledgers import APART
from cdrsite.report.page import write_report
from cdrsite.report.years import path_figures
from cdrsite.result.study_result import StudyResult
from cdrsite.study.run import run

pytestmark = pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")
NEAR = 1e-7
"""Numbers that differ by less than this share are one [1]."""


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    world = write_emitting(tmp_path_factory.mktemp("ledgers"))
    return run(load_scenario(world, (*PATH_SETTINGS, *MISSING)))


@pytest.fixture(scope="module")
def folder(result: StudyResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return result.write(tmp_path_factory.mktemp("ledgers run") / "run")


def ledgers_of(result: StudyResult) -> list[dict[str, float]]:
    """What each ledger has in a year, and what is missed of it, by groups that are one unit."""
    path, emitters = result.summary["pathway"], result.summary["emitters"]["years"]
    built = result.tables["build_out"]
    found = []
    for t, year in enumerate(path["years"]):
        own = built[built["year"] == year]
        found.append(
            {
                "removal": path["removal_mt_yr"][t],
                "removal of methods": path["net_mt_yr"][t],
                "removal of emitters": emitters[t]["removed_mt_yr"],
                "durable removal": float(own["durable_mt_yr"].sum()),
                "avoided": emitters[t]["avoided_mt_yr"],
                "stored by emitters": emitters[t]["captured_mt_yr"],
            }
        )
    missed = path["missed_mt_yr"]
    found += [
        {f"missed {ledger}": each[t] for ledger, each in missed.items()}
        for t in range(len(path["years"]))
    ]
    found.append({f"missed {ledger} in all": sum(each) for ledger, each in missed.items()})
    return found


def sums_of_ledgers(result: StudyResult) -> dict[str, float]:
    """Sums of different ledgers that no number of a run may be, by what they are sums of."""
    together = {frozenset({"removal of methods", "removal of emitters"})}  # one ledger, rule 5
    every = [value for group in ledgers_of(result) for value in group.values()]
    sums = {}
    for i, group in enumerate(ledgers_of(result)):
        some = {name: value for name, value in group.items() if value > 0}
        for size in (2, 3):
            for names in itertools.combinations(some, size):
                if frozenset(names) in together or sum("removal" in name for name in names) > 1:
                    continue
                total = sum(some[name] for name in names)
                if not any(same(total, value) for value in every):
                    sums[f"{i}: {' + '.join(names)}"] = total
    return sums


def same(a: float, b: float) -> bool:
    return abs(a - b) <= NEAR * abs(b)


def leaves(value: Any, at: str = "") -> Iterator[tuple[str, float]]:
    """All numbers of a summary, with where they stand."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from leaves(each, f"{at}/{key}")
    elif isinstance(value, list | tuple):
        for i, each in enumerate(value):
            yield from leaves(each, f"{at}/{i}")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield at, float(value)


def found_sums(numbers: Iterator[tuple[str, float]], sums: Mapping[str, float]) -> list[str]:
    wanted = list(sums.items())
    return [
        f"{at} is {name}"
        for at, value in numbers
        for name, total in wanted
        # in Mt and in t
        if same(value, total) or same(value, 1e6 * total)
    ]


def test_the_study_has_something_in_each_ledger_and_misses_two(result: StudyResult) -> None:
    last = ledgers_of(result)[2]
    assert all(value > 0 for value in last.values())
    missed = result.summary["pathway"]["missed_mt_yr"]
    assert sum(max(each) > 0 for each in missed.values()) >= 2
    sums = sums_of_ledgers(result)
    assert len(sums) > 10
    for name, total in sums.items():  # one that stood anywhere would be found
        assert any(name in one for one in found_sums(leaves({"a": [0.5, 1e6 * total]}), sums))


def test_no_number_of_summary_and_tables_is_a_sum_of_ledgers(result: StudyResult) -> None:
    sums = sums_of_ledgers(result)
    assert found_sums(leaves(result.summary), sums) == []
    for name, table in result.tables.items():
        numbers = table.select_dtypes("number")
        cells = ((f"{name}/{c}", float(v)) for c in numbers for v in numbers[c] if np.isfinite(v))
        assert found_sums(cells, sums) == [], name


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_number_of_the_page_is_a_sum_of_ledgers(
    result: StudyResult, folder: Path, tmp_path: Path, lang: str
) -> None:
    page = write_report(folder, lang, tmp_path / "page.html").read_text("utf-8")
    shown = re.findall(r'data-key="([^"]+)" data-value="([^"]+)"', page)
    assert len(shown) > 100
    numbers = ((key, float(value)) for key, value in shown if value[:1].isdigit())
    assert found_sums(numbers, sums_of_ledgers(result)) == []
    for key, _ in shown:  # numbers that the page sums are of one column
        columns = {part.rpartition("/")[2] for part in key.split("+")}
        in_ledgers = columns & {*APART, "net_mt_yr", "removed_mt_yr", "captured_mt_yr"}
        assert len(in_ledgers) <= 1, key


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_number_of_the_terminal_is_a_sum_of_ledgers(
    result: StudyResult, folder: Path, lang: str
) -> None:
    out = io.StringIO()
    print_summary(result, folder, Console(file=out, width=200), lang)
    text = out.getvalue()
    for group in ledgers_of(result)[:3]:  # every ledger of every year is there
        for name in ("removal", "avoided", "stored by emitters"):
            assert number(group[name]) in text, name
    shown = set(re.findall(r"\d[\d\u202f]*\.?\d*", text))
    allowed = {number(v) for group in ledgers_of(result) for v in group.values()}
    reached = result.tables["pathway"]
    allowed |= {number(v / 1e6) for v in (*reached["target"], *reached["missed"])}
    for name, total in sums_of_ledgers(result).items():
        if number(total) not in allowed and len(number(total)) > 4:
            assert number(total) not in shown, name


def test_the_plan_costs_what_methods_and_emitters_cost_and_says_whose_is_what(
    result: StudyResult, folder: Path
) -> None:
    path = result.summary["pathway"]
    whole, methods, emitters = (
        path[f"present_cost{end}_musd"] for end in ("_of_all", "", "_of_emitters")
    )
    assert min(methods, emitters) > 0
    assert whole == pytest.approx(methods + emitters)
    missed = path["present_price_of_missed_musd"]
    assert missed > 0
    assert result.summary["objective"]["value"] / 1e6 == pytest.approx(whole + missed, rel=1e-5)
    out = io.StringIO()
    print_summary(result, folder, Console(file=out, width=200))
    (line,) = (one for one in out.getvalue().splitlines() if one.startswith("  all years"))
    for value in (whole, methods, emitters, missed):
        assert number(value) in line
    assert "whole plan" in line
    for lang in ("en", "zh"):
        frame = Frame(RunFolder(folder), Words(lang))
        keys = [key for key, _, _ in path_figures(frame)]
        for end in ("_of_all", "", "_of_emitters"):
            assert f"pathway/present_cost{end}_musd" in keys
        assert all(frame.words.has(label) for _, _, label in path_figures(frame))
