"""The report's section on costs: a waterfall that adds up, bands, published ranges."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from report_run import cost_summary, cost_tables, tables, write_run

from cdrsite.core.words import LANGUAGES, Words
from cdrsite.outputs.runfolder import RunFolder
from cdrsite.report.costs import costs, net_steps, part_steps
from cdrsite.report.frame import Frame


def frame(folder: Path, lang: str = "en", **changes: Any) -> Frame:
    return Frame(RunFolder(write_run(folder, **changes)), Words(lang))


def credited(method: str) -> pd.DataFrame:
    columns = {
        "credit": "45q", "method": method, "basis": "stored", "amount_usd_t": 180.0, "years": 12,
        "life_years": 25, "levelised_usd_t": 120.0, "basis_mt_yr": 1.5, "earned_musd_yr": 180.0,
        "earned_usd_net_t": 144.0,
    }  # fmt: skip
    return pd.DataFrame([columns])


def test_each_step_begins_where_the_last_one_ended(tmp_path: Path) -> None:
    page = frame(tmp_path / "run", listed=tables() | {"credits": credited("daccs-solid")})
    page.run.summary["costs"]["daccs-solid"] |= {
        "credits_usd_t": 144.0, "after_credits_usd_t": 256.0,
    }  # fmt: skip
    steps = [*part_steps(page, "daccs-solid"), *net_steps(page, "daccs-solid")]
    at = 0.0
    for step in steps:
        if step.total:
            assert step.size == pytest.approx(at), step.label
        at = step.size if step.total else at + step.size
    assert [step.size for step in steps if step.total] == [333.3333333333333, 400.0, 256.0]
    # what lowers the cost comes after what it lowers, small parts are one, with all their sources
    assert [round(step.size, 1) for step in steps[:4]] == [200.0, 160.0, 0.7, -27.4]
    assert steps[2].pointers == ("tables/cost_parts/2/usd_gross_t+tables/cost_parts/3/usd_gross_t")
    assert "0.833" in steps[5].label and steps[7].size == -144.0


@pytest.mark.parametrize("lang", LANGUAGES)
def test_bars_lie_where_the_numbers_say(tmp_path: Path, lang: str) -> None:
    html = costs(frame(tmp_path / "run", lang))
    solid = html.split('class="fall-of"')[1]
    bars = re.findall(r'<rect x="([\d.]+)" y="4" width="([\d.]+)"', solid)
    scale = 1000.0 / 470.1  # to the high end
    wanted = [
        (0, 200), (200, 160), (360, 0.7), (333.33, 27.37), (0, 333.33), (333.33, 66.67), (0, 400),
    ]  # fmt: skip
    assert [float(x) for x, _ in bars] == pytest.approx([a * scale for a, _ in wanted], abs=0.05)
    assert [float(w) for _, w in bars] == pytest.approx([b * scale for _, b in wanted], abs=0.05)
    [paler] = re.findall(r'<rect x="([\d.]+)"[^>]*fill-opacity', solid)
    assert float(paler) == pytest.approx(333.33 * scale, abs=0.05)
    # the band of the net tonne, and none where no number has a range
    band = re.findall(r'<line x1="([\d.]+)" x2="([\d.]+)"[^>]*class="band"', solid)
    assert [float(x) for x in band[0]] == pytest.approx([380 * scale, 1000.0], abs=0.05)
    assert 'class="band"' not in html.split('class="fall-of"')[2].split("<h3>", 2)[1]
    # drawings say nothing to a screen reader, the numbers beside them all have a source
    assert solid.count('aria-hidden="true"') >= len(bars)
    cells = re.findall(r'<td class="n">(.*?)</td>', html)
    assert len(cells) > 25 and all("data-key" in cell or cell.count("–") == 1 for cell in cells)


def test_bands_and_what_decides_are_said(tmp_path: Path) -> None:
    html = re.sub("<[^>]*>", "", costs(frame(tmp_path / "run")))
    assert "2 of 9 numbers have a range. Most is decided by: investment per t/yr" in html
    assert "0 of 4 numbers have a range, and none moves the cost." in html
    assert "There is no high end" not in html
    known = cost_summary()
    known["daccs-solid"]["high_usd_t"] = None
    html = costs(frame(tmp_path / "open", changes={"costs": known}))
    assert "There is no high end: at an end of one of them nothing is removed net." in html


def test_where_a_cost_lies_beside_the_published_ones(tmp_path: Path) -> None:
    html = re.sub("<[^>]*>", "", costs(frame(tmp_path / "run")))
    assert "above, outside for no single reason; look at its largest part, capital" in html
    table = cost_tables()["cost_published"]
    for reason, part, told in (
        ("part", "land", "without land it would be inside"),
        ("basis", None, "these are costs of first plants"),
        ("gross", None, "per gross tonne it is inside"),
        ("range", None, "its own low to high reaches the range"),
    ):
        other = table.copy()
        other.loc[0, ["reason", "part"]] = [reason, part]
        page = frame(tmp_path / reason, listed=tables() | {"cost_published": other})
        assert told in re.sub("<[^>]*>", "", costs(page))


def test_a_run_without_costs_has_no_such_section(tmp_path: Path) -> None:
    listed = {name: one for name, one in tables().items() if not name.startswith("cost_")}
    assert costs(frame(tmp_path / "run", listed=listed)) == ""


def test_what_the_network_makes_of_transport_is_told_beside_the_plans(tmp_path: Path) -> None:
    told = "pipes below it costs 7.50 USD per tonne stored"
    assert told not in re.sub("<[^>]*>", "", costs(frame(tmp_path / "run")))
    page = frame(tmp_path / "piped", changes={"network": {"transport_usd_t": 7.5}})
    assert told in re.sub("<[^>]*>", "", costs(page))
