"""Reports of runs that earlier versions made, and of a study of a single cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from examples import thinned
from report_run import tables, write_run
from tiny_scenario import SCENARIO, write_world
from typer.testing import CliRunner

import cdrsite
from cdrsite.cli.main import app
from cdrsite.core.words import Words
from cdrsite.outputs.runfolder import KeptRecord, NotKeptError, RunFolder
from cdrsite.report.frame import Frame
from cdrsite.report.page import PARTS, known_part, write_report
from cdrsite.result.store import grid_of

EARLIER = "did not write yet what this section shows"


def sections(folder: Path) -> dict[str, str]:
    """Every section after the answer and the map."""
    frame = Frame(RunFolder(folder), Words("en"))
    return {name: known_part(frame, write) for name, _, write in PARTS}


@pytest.mark.parametrize("name", sorted(tables()))
def test_a_run_without_a_column_is_reported_or_told_to_be_run_again(
    tmp_path: Path, name: str
) -> None:
    whole = tables()
    folder = write_run(tmp_path / "run", listed=whole)
    before = sections(folder)
    assert not any(EARLIER in html for html in before.values())
    for column in thinned(whole[name]):
        less = whole[name].drop(columns=[column])
        less.to_csv(folder / "tables" / f"{name}.csv", index=False)
        less.to_parquet(folder / "tables" / f"{name}.parquet")
        for part, html in sections(folder).items():
            if EARLIER in html:
                assert f"<code>{column}</code>" in html and "Run the study again" in html
                assert before[part] != html
    assert set(before) == {part for part, _, _ in PARTS}


def test_bars_of_a_run_whose_slopes_have_no_sides_are_read(tmp_path: Path) -> None:
    less = tables()["sensitivity"].drop(columns=["slope_left", "slope_right", "effect_from"])
    folder = write_run(tmp_path / "run", listed=tables() | {"sensitivity": less})
    page = write_report(folder).read_text(encoding="utf-8")
    assert EARLIER not in page and Words("en")("moves.slope.note") in page
    both = Words("en")("moves.several")
    assert page.count(both) > 0  # it said itself that the slope is not the only one


def test_a_part_that_a_run_cannot_fill_says_what_to_do(tmp_path: Path) -> None:
    less = tables()["sensitivity"].drop(columns=["effect_unit"])
    folder = write_run(tmp_path / "run", listed=tables() | {"sensitivity": less})
    told = CliRunner().invoke(app, ["report", str(folder)])
    assert told.exit_code == 0, told.output
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count(EARLIER) == 1 and "<code>effect_unit</code>" in page


def test_what_a_run_did_not_keep_is_refused_with_the_cure() -> None:
    row = KeptRecord({"a": 1})
    assert row["a"] == 1 and row.get("b") is None and "b" not in row
    with pytest.raises(NotKeptError, match=r"got no 'b'.*cure: run the study again") as refused:
        row["b"]
    assert isinstance(refused.value, KeyError) and refused.value.exit_code == 2


@pytest.mark.parametrize(("cols", "rows"), [(1, 1), (1, 3), (3, 1)])
def test_a_study_of_one_cell_or_one_row_has_a_report(tmp_path: Path, cols: int, rows: int) -> None:
    east, south = 4_000_000 + 1000 * (cols + 3), 3_005_000 - 1000 * rows
    bounds = f"bounds: [4003000, {south}, {east}, 3005000]"
    text = SCENARIO.replace("bounds: [4000000, 3000000, 4008000, 3006000]", bounds)
    result = cdrsite.run(cdrsite.load_scenario(write_world(tmp_path, text)))
    assert result.grid.shape == (rows, cols) and grid_of(result.dataset) == result.grid
    folder = result.write(tmp_path / "run")
    assert not [text for text in result.warnings if "could not be written" in text]
    first = (folder / "report.html").read_bytes()
    assert b'id="cdrmap-stage"' in first
    assert write_report(folder).read_bytes() == first
    again = cdrsite.open_run(folder)
    assert again.grid == result.grid
    net = np.nansum(again.dataset["net_removal"].to_numpy())
    assert net == pytest.approx(float(np.nansum(result.dataset["net_removal"].to_numpy())))
    assert pd.notna(net)
