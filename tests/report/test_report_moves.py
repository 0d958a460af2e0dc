"""The report's section on what moves the plan: bars with two ends, and what each is."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from report_run import sensitivity_table, tables, write_run

from cdrsite.core.words import LANGUAGES, Words
from cdrsite.outputs.runfolder import RunFolder
from cdrsite.report.frame import Frame
from cdrsite.report.moves import moves
from cdrsite.report.numbernames import number_words


def page(folder: Path, lang: str = "en", table: pd.DataFrame | None = None) -> Frame:
    listed = tables() if table is None else tables() | {"sensitivity": table}
    return Frame(RunFolder(write_run(folder, listed=listed)), Words(lang))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_bars_lie_where_the_numbers_say(tmp_path: Path, lang: str) -> None:
    html = moves(page(tmp_path / "run", lang))
    bars = re.findall(r'<rect x="([\d.]+)" y="4" width="([\d.]+)"', html)
    scale = 1000.0 / 540_000  # from the least end to the largest
    wanted = [(380_000, 160_000), (0, 380_000), (377_000, 3000)]
    assert [float(x) for x, _ in bars] == pytest.approx([a * scale for a, _ in wanted], abs=0.01)
    assert [float(w) for _, w in bars] == pytest.approx([b * scale for _, b in wanted], abs=0.01)
    # numbers without a range have no bar, those without effect stand nowhere
    words = Words(lang)
    assert words("number.factor", name=words.resource("water")) in html
    assert words("number.costs.discount_rate") not in html
    assert html.lower().count(words("moves.several")) == 2  # at its bar, and in the note
    assert words("moves.sides", left="−250", right="−150") in html
    assert words("param.heat") in html and "moves." not in html


def test_slopes_are_told_apart_only_where_one_has_sides(tmp_path: Path) -> None:
    table, head = sensitivity_table(), f">{Words('en')('moves.unique')}<"
    assert head in moves(page(tmp_path / "sides", table=table))
    html = moves(page(tmp_path / "run", table=table.assign(unique=True)))
    assert head not in html and Words("en")("moves.one") not in html


def test_a_share_has_no_unit(tmp_path: Path) -> None:
    html = moves(page(tmp_path / "run"))
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", html)
    assert "USD/ha" in cells and "" in cells and "1" not in cells


def test_a_plan_that_nothing_with_a_range_moves_says_so(tmp_path: Path) -> None:
    only = sensitivity_table().iloc[2:]
    html = moves(page(tmp_path / "run", table=only))
    assert Words("en")("moves.none") in html and "<svg" not in html
    assert moves(page(tmp_path / "idle", table=sensitivity_table().iloc[3:])) == ""


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_is_uncertain_and_moves_nothing_is_named(tmp_path: Path, lang: str) -> None:
    """Costs where net tonnes are asked for: a reader should not look for their bar in vain."""
    table, words = sensitivity_table(), Words(lang)
    assert words("moves.idle", names="") not in moves(page(tmp_path / "no", lang, table))
    rate = table["parameter"] == "costs.discount_rate"
    table.loc[rate, ["low", "high", "effect_low", "effect_high"]] = [0.03, 0.1, 0.0, 0.0]
    html = moves(page(tmp_path / "run", lang, table))
    assert words("moves.idle", names=words("number.costs.discount_rate")) in html


def test_the_number_that_moves_the_plan_most_leads(tmp_path: Path) -> None:
    html = moves(page(tmp_path / "run"))
    first = html[: html.index("</p>")]
    assert "moves the plan most" in first
    assert "−0.380" in first and "3\u202f400" in first and "kWh/t" in first


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_is_drawn_beside_the_scenario_has_words(lang: str) -> None:
    words = Words(lang)
    unit = number_words(words, "storage: Lusu Aquifer (standard deviations)")
    assert unit == words("why.of", what=words("number.storage"), zone="Lusu Aquifer")
    pool = number_words(words, "supplies.water: Muye Basin")
    assert words.resource("water") in pool and "Muye Basin" in pool
    assert number_words(words, "storage") == words("number.storage")
    for path in ("supplies.injection", "layers.residues", "supplies.injection in common"):
        assert not number_words(words, path).startswith(("supplies.", "layers."))
