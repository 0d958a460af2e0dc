"""Batches: what a matrix means, and that one failure does not stop the others."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd
import pytest
from sweeps import contents
from tiny_scenario import write_world
from tiny_study import tiny_result
from typer.testing import CliRunner

import cdrsite.compare.batch as batch_module
import cdrsite.study.run as study_module
from cdrsite.cli.main import app
from cdrsite.compare.batch import ABSENT, run_batch, varying
from cdrsite.compare.variants import Variant, folder_name, matrix_rows, variants
from cdrsite.config.load import apply_override, load_scenario
from cdrsite.core.errors import ConfigError, InfeasibleError
from cdrsite.core.yamltext import read_yaml

ROOT = Path(__file__).resolve().parents[2]


def matrix(folder: Path, text: str) -> Path:
    path = folder / "matrix.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_named_rows_and_products(tmp_path: Path) -> None:
    rows = matrix_rows(matrix(tmp_path, "low: {a.b: 1, c: 2 km}\nhigh: {a.b: [1, x]}\n"))
    assert rows == {"low": ("a.b=1", "c=2 km"), "high": ('a.b=[1, "x"]',)}
    rows = matrix_rows(matrix(tmp_path, "vary: {a.b: [1, 2], c: [x, y, z]}\n"))
    assert len(rows) == 6 and rows["b=2, c=x"] == ("a.b=2", "c=x")
    rows = matrix_rows(matrix(tmp_path, "vary: {a.k: [1], b.k: [1, 2]}\n"))
    assert list(rows.values()) == [("a.k=1", "b.k=1"), ("a.k=1", "b.k=2")]
    # two keys of one end are told apart by what stands before it
    assert list(rows) == ["a.k=1, b.k=1", "a.k=1, b.k=2"]
    rows = matrix_rows(matrix(tmp_path, "vary: {a.b.w.factor: [1], c.w.factor: [2], d.x: [3]}\n"))
    assert list(rows) == ["b.w.factor=1, c.w.factor=2, x=3"]


@pytest.mark.parametrize("text", ["a: 1\n", "vary: {a: 1}\n", "vary: {}\n", "vary: {a: []}\n"])
def test_a_matrix_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"matrix\.yaml"):
        matrix_rows(matrix(tmp_path, text))


def test_every_scenario_meets_every_row(tmp_path: Path) -> None:
    rows = matrix(tmp_path, "low: {a: 1}\nhigh: {a: 2}\n")
    found = variants([Path("x.yaml"), Path("y.yaml")], rows, ["b=0"])
    assert [v.name for v in found] == ["x low", "x high", "y low", "y high"]
    assert found[1].overrides == ("b=0", "a=2")  # the matrix is the last to speak
    assert [v.name for v in variants([Path("x.yaml")], rows)] == ["low", "high"]
    assert [v.name for v in variants([Path("x.yaml")])] == ["x"]
    with pytest.raises(ConfigError, match="two runs of one name"):
        variants([Path("a/x.yaml"), Path("b/x.yaml")])
    alike = matrix(tmp_path, "a/b: {a: 1}\nA-b: {a: 2}\n")
    with pytest.raises(ConfigError, match="to one folder"):
        variants([Path("x.yaml")], alike)
    many = matrix(tmp_path, f"vary: {{a: {list(range(40))}, b: {list(range(40))}}}\n")
    with pytest.raises(ConfigError, match="1,600"):
        variants([Path("x.yaml")], many)


def test_folders_are_safe() -> None:
    assert folder_name("a/b: c?") == "a-b-c"
    assert folder_name("../..") == "run"


@pytest.fixture
def fake_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that take no time; one has no solution, one has a fault."""

    def run(scenario: str, **_: object) -> object:
        if "bad" in scenario:
            raise InfeasibleError("the target cannot be met")
        if "broken" in scenario:
            raise ZeroDivisionError("oops")
        result = tiny_result(tmp_path)
        result.summary |= {"net_mt_yr": 988.0, "cost_musd_yr": 5.0, "mean_cost_usd_t": 3.0}
        return result

    monkeypatch.setattr(batch_module, "load_scenario", lambda path, sets: f"{path} {sets}")
    monkeypatch.setattr("cdrsite.engine.stages.Stage.key", lambda self, scenario, known: self.name)
    monkeypatch.setattr(study_module, "run", run)


@pytest.mark.usefixtures("fake_runs")
def test_a_failure_is_a_row_and_the_others_go_on(tmp_path: Path) -> None:
    runs = [Variant(name, Path(f"{name}.yaml")) for name in ("bad", "broken", "good")]
    found = run_batch(runs, tmp_path / "out")
    assert list(found.table["status"]) == ["failed", "failed", "optimal"]
    assert "cannot be met" in found.failed["bad"] and "ZeroDivision" in found.failed["broken"]
    csv = pd.read_csv(tmp_path / "out" / "batch.csv")
    row = csv.set_index("run").loc["good"]
    assert row["net_mt_yr_afforestation"] == pytest.approx(987.65424)
    assert row["binding"] == "water (1)"
    assert not [name for name in csv.columns if not name.isidentifier()]  # no quotes in a program
    long = pd.read_csv(tmp_path / "out" / "batch_methods.csv").set_index(["run", "method"])
    assert long.loc[("good", "afforestation"), "net_mt_yr"] == pytest.approx(987.65424)
    assert (tmp_path / "out" / "good" / "manifest.json").is_file()
    assert not (tmp_path / "out" / "bad").exists()
    assert len(pd.read_parquet(tmp_path / "out" / "batch.parquet")) == 3


@pytest.mark.usefixtures("fake_runs")
def test_the_page_and_what_varies_lie_beside_the_table(tmp_path: Path) -> None:
    runs = [Variant(name, Path(f"{name}.yaml")) for name in ("good", "bad", "better")]
    found = run_batch(runs, tmp_path / "out", lang="zh")
    assert found.varies is not None and not len(found.varies)
    page = (tmp_path / "out" / "batch.html").read_text(encoding="utf-8")
    assert 'lang="zh-Hans"' in page and "the target cannot be met" in page
    for name in ("batch_ranks", "batch_assumptions"):
        assert (tmp_path / "out" / f"{name}.csv").is_file()
    assert run_batch(runs[:1]).table["status"].tolist() == ["optimal"]  # nothing is written


def test_all_runs_failing_still_leaves_a_page(tmp_path: Path) -> None:
    runs = [Variant("nowhere", tmp_path / "nowhere.yaml")]
    found = run_batch(runs, tmp_path / "out")
    assert set(found.failed) == {"nowhere"}
    assert "no such scenario file" in (tmp_path / "out" / "batch.html").read_text("utf-8")


def test_varying_names_each_key_with_the_value_of_every_run() -> None:
    first = {"k": 1, "m": {"a": 1}}
    found = dict(varying([first, {"k": 2, "m": {"a": 1}}, {"k": 1, "m": {"a": 1, "b": "x"}}]))
    assert found == {"k": ["1", "2", "1"], "m.b": [ABSENT, ABSENT, "x"]}
    assert not varying([first]) and not varying([])


def test_runs_of_a_world_are_ranked_and_told_apart(tmp_path: Path) -> None:
    study = write_world(tmp_path)
    rows = matrix(tmp_path, "dry: {resources.water.supply: none}\n")
    runs = [Variant("as is", study), Variant("flat", study, ("siting.exclude.2.above=5 degree",))]
    runs += [Variant(v.name, v.scenario, v.overrides) for v in variants([study], rows)]
    found = run_batch(runs, tmp_path / "out")
    table = found.table.set_index("run")
    assert table.loc["flat", "differs_in"] == "siting.exclude.[steep].above=5 degree"
    assert table.loc["as is", "differs_in"] == "siting.exclude.[steep].above=15 degree"
    assert math.isnan(table.loc["as is", "sites_kept"])
    assert found.ranks is not None
    flat = found.ranks[found.ranks["run"] == "flat"]
    assert table.loc["flat", "sites_kept"] == flat["same"].sum() + flat["moved"].sum()
    assert list(found.failed) == ["dry"]
    page = (tmp_path / "out" / "batch.html").read_text(encoding="utf-8")
    assert page.count("<img") == 4  # tonnes and land of both


@pytest.mark.usefixtures("fake_runs")
def test_the_command_prints_all_and_exits_1_after_a_failure(tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "out")]
    shown = CliRunner().invoke(app, ["batch", "good.yaml", "bad.yaml", *out])
    assert shown.exit_code == 1
    assert "988" in shown.output and "failed" in shown.output
    shown = CliRunner().invoke(app, ["batch", "good.yaml", "--json", *out])
    assert shown.exit_code == 0 and json.loads(shown.stdout)["runs"][0]["run"] == "good"
    assert max(map(len, shown.output.splitlines())) <= 100 or "{" in shown.output


def test_the_shipped_matrix_fits_the_demo() -> None:
    demo = ROOT / "config" / "demo.yaml"
    found = variants([demo], ROOT / "config" / "matrix" / "land-need.yaml")
    assert len(found) == 3
    data, _ = read_yaml(demo.read_text(encoding="utf-8"), "demo")
    for variant in found:
        for text in variant.overrides:
            apply_override(data, text)
        scenario = load_scenario(demo, variant.overrides)
        assert scenario.methods["daccs-solid"].profile in {"madhu2021", "literature"}


@pytest.mark.slow  # every day the last run of a sweep is compared: see the tests of sweeps
def test_a_run_of_a_batch_leaves_the_same_bytes_as_a_run_alone(tmp_path: Path) -> None:
    study = write_world(tmp_path)
    steep = ("siting.exclude.2.above=5 degree",)
    runs = [Variant("first", study), Variant("again", study), Variant("steep", study, steep)]
    assert not run_batch(runs, tmp_path / "out").failed
    for variant in runs:
        alone = tmp_path / "alone" / variant.name
        study_module.run(load_scenario(variant.scenario, variant.overrides)).write(alone)
        assert contents(tmp_path / "out" / variant.name) == contents(alone)
