"""What a run leaves when a step of its writing fails, and that it says what it used."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import rasterio
from tiny_scenario import SCENARIO, write_world
from tiny_study import tiny_result

from cdrsite.config.load import load_scenario
from cdrsite.library.files import FOLDER
from cdrsite.outputs.runfolder import RunFolder
from cdrsite.report import folder as writing
from cdrsite.report import page
from cdrsite.study.run import run

STEPS = {
    "write_geopackage": "cdrsite.gpkg",
    "write_layer_styles": "styles",
    "write_style": "rasters/equal_share_daccs-solid.qml, rasters/",
    "write_project": "cdrsite.qgs",
    "write_report": "report.html",
}
"""Step -> the beginning of the files that its warning names."""


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Files of a run of which nothing fails."""
    place = tmp_path_factory.mktemp("whole")
    return files_of(tiny_result(place).write(place / "run"))


def fails(*_: Any, **__: Any) -> None:
    raise KeyError("map.limit.rock")


@pytest.mark.parametrize("step", STEPS)
def test_a_drawing_that_fails_leaves_a_warning_and_the_run(
    step: str, whole: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, step, fails)
    result = tiny_result(tmp_path)
    run = result.write(tmp_path / "run")
    missing = whole - files_of(run)
    ends = {
        "write_geopackage": ("cdrsite.gpkg", ".sld"),  # there are no layers to style
        "write_layer_styles": ".sld",
        "write_style": (".qml", ".sld"),
    }.get(step, STEPS[step])
    assert missing and all(name.endswith(ends) for name in missing)
    assert files_of(run) <= whole
    written = json.loads((run / "manifest.json").read_text(encoding="utf-8"))["warnings"]
    mine = [text for text in written if "could not be written" in text]
    assert written == result.warnings and len(mine) == 1
    assert mine[0].startswith(STEPS[step])
    assert "KeyError: 'map.limit.rock'" in mine[0] and "cure: " in mine[0]
    assert "Traceback" not in mine[0] and str(tmp_path) not in mine[0]
    found = RunFolder(run)
    assert len(found.table("methods")) == 2
    assert found.raster("winner").values.shape == result.grid.shape
    assert found.dataset().sizes["y"] == result.grid.rows
    if step != "write_report":  # the report repeats it
        assert "could not be written" in (run / "report.html").read_text(encoding="utf-8")


def test_a_part_of_the_report_that_fails_can_be_reported_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(page, "answer", fails)
        run = tiny_result(tmp_path).write(tmp_path / "run")
    assert not (run / "report.html").exists()
    page.write_report(run)
    assert "could not be written" in (run / "report.html").read_text(encoding="utf-8")


def test_half_a_geopackage_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(_: Any, path: Path) -> None:
        path.write_bytes(b"SQLite format 3")
        path.with_name(f"{path.name}-journal").write_bytes(b"")
        raise sqlite3.OperationalError("disk is full")

    monkeypatch.setattr(writing, "write_geopackage", half)
    run = tiny_result(tmp_path).write(tmp_path / "run")
    assert not list(run.glob("cdrsite.gpkg*"))
    assert "cdrsite.gpkg" not in (run / "cdrsite.qgs").read_text(encoding="utf-8")


def test_one_style_that_fails_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = writing.write_style

    def all_but_one(folder: Path, spec: Any, *more: Any) -> str:
        return real(folder, spec, *more) if spec.name != "winner" else str(fails())

    monkeypatch.setattr(writing, "write_style", all_but_one)
    run = tiny_result(tmp_path).write(tmp_path / "run")
    rasters, styles = ({p.stem for p in (run / "rasters").glob(f"*.{e}")} for e in ("tif", "qml"))
    assert rasters - styles == {"winner"}
    assert "./rasters/winner.tif" in (run / "cdrsite.qgs").read_text(encoding="utf-8")


def test_a_run_that_is_stopped_while_it_draws_is_kept_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "write_project", stop)
    with pytest.raises(KeyboardInterrupt):
        tiny_result(tmp_path).write(tmp_path / "run")
    found = RunFolder(tmp_path / "run")
    assert found.warnings[-1].startswith("cdrsite.qgs, report.html: could not be written")
    with rasterio.open(found.path / "rasters" / "winner.tif") as raster:
        assert raster.count == 1


def test_what_fails_before_the_findings_are_there_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "write_tables", fails)
    with pytest.raises(KeyError):
        tiny_result(tmp_path).write(tmp_path / "run")
    assert not (tmp_path / "run").exists()


# ------------------------------------------------------------------ what was used


def test_a_run_keeps_the_records_that_it_used_also_when_the_file_changes_meanwhile(
    tmp_path: Path,
) -> None:
    shipped = (FOLDER / "methods" / "afforestation.yaml").read_text(encoding="utf-8")
    own = tmp_path / "grove.yaml"
    own.write_text(shipped.replace("name: afforestation", "name: grove"), encoding="utf-8")
    text = SCENARIO.replace("  afforestation: {gates: false}", "  grove: {library: grove.yaml}")
    result = run(load_scenario(write_world(tmp_path, text)))
    used = result.models["grove"].profile.values["planting_cost"]
    own.write_text("nothing: of a method\n", encoding="utf-8")
    folder = result.write(tmp_path / "run")
    kept = json.loads((folder / "assumptions.json").read_text(encoding="utf-8"))
    values = kept["methods"]["grove"]["values"]
    rows = {row["parameter"]: row for row in values if not row["alternative"]}
    assert rows["planting_cost"]["value"] == used.value
    assert used.source in kept["sources"]
    assert kept["sources"][used.source]["citation"] in (folder / "report.html").read_text("utf-8")
    assert not result.warnings or "could not be written" not in result.warnings[-1]


@pytest.mark.parametrize(("extra", "network"), [("", None), ("network: {plan: true, seed: 7}", 7)])
def test_the_manifest_names_the_seeds(tmp_path: Path, extra: str, network: int | None) -> None:
    found = RunFolder(tiny_result(tmp_path, extra=extra).write(tmp_path / "run"))
    expected = {"competition": 0} | ({} if network is None else {"network.seed": network})
    assert found.manifest["seeds"] == expected
