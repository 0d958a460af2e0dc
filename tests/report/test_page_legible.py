"""What a person can read on the page: amounts in tables, values with their units, reasons."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_run import report, sensitivity_table, tables, write_run

from cdrsite.core.numbers import FAINT, THIN, number, table_amount
from cdrsite.core.words import LANGUAGES, Words
from cdrsite.outputs.runfolder import RunFolder
from cdrsite.report.basis import grid
from cdrsite.report.dated import CROWDED_NARROW, DatedLine, drawing
from cdrsite.report.frame import Frame
from cdrsite.report.html import table
from cdrsite.report.moves import UNTOLD, moves
from cdrsite.report.standing import standing

FINITE = st.floats(-1e12, 1e12)
BELOW, ABOVE = f"<{THIN}0.001", f">{THIN}−0.001"


@given(FINITE, st.sampled_from([2, 3]))
def test_an_amount_of_a_table_has_no_power_of_ten(value: float, digits: int) -> None:
    shown = table_amount(value, digits)
    assert "×" not in shown
    if shown in (BELOW, ABOVE):
        assert 0 < abs(value) < FAINT and (value > 0) == (shown == BELOW)
    else:
        assert shown == number(value, digits)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(6.2e-5, BELOW), (-7.52e-4, ABOVE), (9.99e-4, BELOW), (9.9999e-4, "0.00100"), (0.0, "0"),
     (1e-13, "0"), (0.0124, "0.0124"), (3, "3"), (None, "–")],
)  # fmt: skip
def test_next_to_nothing_is_neither_nothing_nor_a_power(value: float, shown: str) -> None:
    assert table_amount(value) == shown


@pytest.mark.parametrize("lang", LANGUAGES)
def test_tables_of_results_tell_tiny_amounts_alike(tmp_path: Path, lang: str) -> None:
    listed = tables()
    for name, column in (
        ("provinces", "net_mt_yr"), ("storage", "injected_mt_yr"), ("exclusions", "removes_percent")
    ):  # fmt: skip
        listed[name][column] = listed[name][column].astype(float)
        listed[name].loc[0, column] = 6.2e-5
    listed["pools"].loc[1, "use"] = 42.0  # of 30 million m3
    page = report(write_run(tmp_path / "run", listed=listed), lang)
    told = {attrs["data-key"]: shown for _, attrs, shown in page.texts if "data-amount" in attrs}
    tiny = {key for key, shown in told.items() if shown == BELOW}
    assert {"tables/provinces/0/net_mt_yr", "tables/storage/0/injected_mt_yr"} <= tiny
    assert {"tables/exclusions/0/removes_percent", "tables/pools/1/use"} <= tiny
    assert not [shown for shown in told.values() if "×" in shown]


def test_kinds_of_columns_are_known() -> None:
    heads = [("A", "text"), ("B", "number"), ("C", "short"), ("D", "long")]
    html = table("t", heads, [["a", "1", "2030", "told"]])
    assert '<td class="n">1</td><td class="short">2030</td><td class="long">told</td>' in html
    with pytest.raises(KeyError):
        table("t", [("A", "n")], [["1"]])


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(("part", "key"), UNTOLD)
def test_a_study_without_slopes_says_why(tmp_path: Path, lang: str, part: str, key: str) -> None:
    listed = tables() | {"sensitivity": sensitivity_table().iloc[:0]}
    folder = write_run(tmp_path / "run", listed=listed, changes={part: {"years": [2030]}})
    html = moves(Frame(RunFolder(folder), Words(lang)))
    assert Words(lang)(key) in html and "moves." not in html
    others = [Words(lang)(other) for _, other in UNTOLD if other != key]
    assert not [words for words in others if words in html]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_standing_plants_draw_from_cells_is_told(tmp_path: Path, lang: str) -> None:
    draws = pd.DataFrame(
        [
            ("Old Works", "biomass", 40_000.0, "t/yr", 3.5),
            ("Old Works", "biomass", 2e4, "t/yr", 9.0),
        ],
        columns=["plant", "resource", "taken", "unit", "distance_km"],
    )
    none = pd.DataFrame(columns=["plant", "gross_mt_yr"])
    told: dict[str, Any] = {"standing": {"years": [], "plants": 1}}
    listed = tables() | {"standing": none, "standing_draws": draws}
    words = Words(lang)
    html = standing(
        Frame(RunFolder(write_run(tmp_path / "run", listed=listed, changes=told)), words)
    )
    assert words("standing.draws") in html and words.resource("biomass") in html
    cells = re.findall(r'<td class="n">(.*?)</td>', html)
    assert [re.sub("<[^>]*>", "", cell) for cell in cells] == [
        f"0.0600  {words.unit('Mt/yr')}", "2", "9.00",
    ]  # fmt: skip
    assert words("standing.draws") not in standing(
        Frame(RunFolder(write_run(tmp_path / "no", changes=told)), words)
    )


def test_cells_have_sides_that_people_know(tmp_path: Path) -> None:
    frame = Frame(RunFolder(write_run(tmp_path / "run")), Words("en"))
    assert "315 rows by 399 columns of cells with sides of 1 km" in grid(frame)


def test_names_of_years_have_room_on_a_phone(tmp_path: Path) -> None:
    frame = Frame(RunFolder(write_run(tmp_path / "run")), Words("en"))
    years = [2026.0, 2030.0, 2040.0, 2050.0, 2060.0]
    line = DatedLine("a", "#123456", [(year, 1.0) for year in years])
    html = drawing(frame, "a", "up", years, (), [line])
    named = re.findall(r'<span style="left:([\d.]+)%"( class="wide")?>(\d+)</span>', html)
    assert [year for *_, year in named] == ["2026", "2030", "2040", "2050", "2060"]
    narrow = [float(at) for at, wide, _ in named if not wide]
    gaps = [b - a for a, b in pairwise(narrow)]
    assert len(narrow) == 4 and min(gaps) >= 100 * CROWDED_NARROW


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_bare_share_has_no_unit(tmp_path: Path, lang: str) -> None:
    frame = Frame(RunFolder(write_run(tmp_path / "run")), Words(lang))
    assert frame.unit("1") == "" and frame.unit("kg/t") == Words(lang).unit("kg/t")
