"""What of a plan can be built is said beside its total, everywhere."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sites_world import STUDY, study, write_sites_world

from cdrsite.cli import tables as terminal
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.core.words import Words
from cdrsite.report.page import write_report


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sites_world(tmp_path_factory.mktemp("gathering"))


@pytest.fixture(scope="module")
def result(world: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return study(world)


def lost_of(result: Any) -> float:
    """Net tonnes of the east [Mt/yr], by hand: its water over the need, times the net factor."""
    need = float(result.dataset["need"].sel(removal_method="daccs-liquid", resource="water"))
    row = result.tables["methods"].set_index("method").loc["daccs-liquid"]
    return 40_000 / need / 1e6 * row["net_mt_yr"] / row["gross_mt_yr"]


def test_the_summary_says_what_can_be_built(result: Any) -> None:
    built, lost = result.summary["buildable"], lost_of(result)
    assert lost > 0.005
    assert built["below_minimum_net_mt_yr"] == pytest.approx(lost, rel=1e-6)
    assert built["net_mt_yr"] == pytest.approx(result.summary["net_mt_yr"] - lost, rel=1e-9)
    methods = result.summary["methods"]
    assert built["methods"]["afforestation"] == methods["afforestation"]["net_mt_yr"]
    assert built["no_site_net_mt_yr"] == built["beyond_max_plants_net_mt_yr"] == 0
    json.dumps(built)


def test_the_terminal_begins_with_it(result: Any, tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=100)
    terminal.print_summary(result, tmp_path, console)
    text = console.file.getvalue().strip()  # type: ignore[attr-defined]
    first = " ".join(" ".join(text.splitlines()[:2]).split())
    net, built = result.summary["net_mt_yr"], result.summary["buildable"]["net_mt_yr"]
    said = f"{terminal.number(net)} Mt/yr net in the plan, of which {terminal.number(built)} can be"
    assert first.startswith(said)
    assert "too little in one place for a plant" in first
    whole = {**result.summary, "buildable": {**result.summary["buildable"], "net_mt_yr": net}}
    assert terminal.buildable_line(whole, Words()) == ""


def test_the_report_says_it_on_the_first_screen(result: Any, tmp_path: Path) -> None:
    run = result.write(tmp_path / "run")
    for lang, words in (("en", "nobody can build them"), ("zh", "无法建成")):
        write_report(run, lang, tmp_path / f"{lang}.html")
        page = (tmp_path / f"{lang}.html").read_text(encoding="utf-8")
        start = page.index('id="answer"')
        answer = page[start : page.index("</section>", start)]
        assert words in answer
        assert 'data-key="buildable/net_mt_yr"' in answer


def test_a_target_that_is_met_on_paper_only_is_a_warning(world: Path, result: Any) -> None:
    methods = ("methods.daccs-liquid={}", "objective={minimise: cost, target: TARGET}")
    text = STUDY.replace("  afforestation: {gates: false}\n", "")
    built = result.summary["buildable"]["methods"]["daccs-liquid"] * 1e6
    lost = lost_of(result) * 1e6

    def run(target: float) -> list[str]:
        sets = [one.replace("TARGET", f"{target:.6f} t/yr") for one in methods]
        return [w for w in study(world, *sets, text=text).warnings if "objective.target" in w]

    (said,) = run(built + 0.9 * lost)
    assert "are met only on paper" in said and "network.plants" in said
    assert not run(0.5 * built)
