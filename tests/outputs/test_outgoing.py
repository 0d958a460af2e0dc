"""What leaves with a run's folder: no formula for a spreadsheet, no secret, no place."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_scenario import SCENARIO, box, write_polygons, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core import secrets
from cdrsite.core.errors import CdrsiteError, CdrsiteWarning, ConfigError
from cdrsite.outputs.runfolder import RunFolder
from cdrsite.outputs.tables import guarded, read_csv, write_csv, write_table
from cdrsite.study.run import run

EVIL = '=HYPERLINK("http://x")'

# ----------------------------------------------------------------------- spreadsheets


def test_text_that_a_spreadsheet_would_run_is_guarded_and_numbers_are_not(tmp_path: Path) -> None:
    names = [EVIL, "+1+1", "-2", "@SUM(A1)", "\tx", "＝1", "'=1", "plain", "<=", "a=b", ""]
    table = pd.DataFrame({"name": names, "price": [-1.5] * len(names), "@n": [-2] * len(names)})
    write_table(tmp_path, "t", table)
    lines = (tmp_path / "t.csv").read_bytes().decode("utf-8")
    assert lines.startswith("name,price,'@n\n")
    for name in names[:6]:
        assert f"'{name.replace(chr(34), chr(34) * 2)}" in lines
    assert "\nplain,-1.5,-2\n" in lines and "\n<=,-1.5,-2\n" in lines
    assert "''=1" in lines
    assert pd.read_parquet(tmp_path / "t.parquet")["name"].tolist() == names
    write_csv(tmp_path / "cr.csv", pd.DataFrame({"name": ["\rx"], "value": [1.5]}))
    assert (tmp_path / "cr.csv").read_bytes() == b'"name","value"\n"\'\rx",1.5\n'


@given(
    st.lists(
        st.text(st.sampled_from("=+-@'\t\r\nab1,\""), min_size=1).filter(lambda s: s.strip() != ""),
        min_size=1,
    )
)
def test_guarded_tables_are_read_as_they_were(tmp_path_factory: Any, texts: list[str]) -> None:
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    texts = [f"{text}a" for text in texts]  # no column of numbers by chance
    write_csv(path, pd.DataFrame({"name": texts, "value": 1.5}))
    assert read_csv(path)["name"].tolist() == texts
    for text in texts:
        assert not str(guarded(text)).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@pytest.mark.slow
def test_names_of_the_users_data_are_guarded_in_a_run(tmp_path: Path) -> None:
    path = write_world(tmp_path)
    write_polygons(
        tmp_path / "basins.gpkg",
        [box(0, 0, 4, 6), box(4, 0, 4, 6)],
        name=[EVIL, "@east"],
        water_m3=[120_000.0, 50_000.0],
    )
    folder = run_of(path).write(tmp_path / "run")
    text = (folder / "tables" / "pools.csv").read_text(encoding="utf-8")
    assert "'=HYPERLINK" in text and ",=HYPERLINK" not in text and '"=HYPERLINK' not in text
    found = RunFolder(folder)
    assert {EVIL, "@east"} <= set(found.table("pools")["zone"])
    (folder / "tables" / "pools.parquet").unlink()
    assert {EVIL, "@east"} <= set(RunFolder(folder).table("pools")["zone"])


# ---------------------------------------------------------------------------- secrets


def run_of(path: Path, overrides: tuple[str, ...] = ()) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return run(load_scenario(path, overrides))


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(secrets, "_KEPT", {})
    value = "tok-en & 9f'8e7d"
    monkeypatch.setenv("CDR_TOKEN", value)
    return value


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file of a run; Parquet as its columns and metadata are written out."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            if path.suffix == ".parquet":
                content += pd.read_parquet(path).to_csv().encode()
            found[path.relative_to(folder).as_posix()] = content
    return found


def test_a_secret_of_the_environment_is_used_and_shown_nowhere(tmp_path: Path, secret: str) -> None:
    text = SCENARIO.replace("name: tiny\n", 'name: tiny\ntitle: "of ${secret:CDR_TOKEN}"\n')
    text = text.replace(
        "parks: {path: parks.gpkg}",
        (
            "parks: {path: parks.gpkg, where: \"name != '${secret:CDR_TOKEN}'\", "
            'source: "asked with ${secret:CDR_TOKEN}", licence: "${secret:CDR_TOKEN}"}'
        ).replace("'${secret:CDR_TOKEN}'", "'x'"),
    )
    result = run_of(write_world(tmp_path, text))
    assert secret in result.scenario.title
    folder = result.write(tmp_path / "run")
    for name, content in bytes_of(folder).items():
        for form in (secret, "tok-en &amp; 9f", "9f&#x27;8e7d", "tok-en%20"):
            assert form.encode() not in content, name
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["scenario"]["title"] == "of ${secret:CDR_TOKEN}"
    assert "${secret:CDR_TOKEN}" in (folder / "report.html").read_text(encoding="utf-8")


def test_an_error_shows_the_name_of_a_secret_and_not_its_value(
    tmp_path: Path, secret: str, call: Any
) -> None:
    text = SCENARIO.replace("path: parks.gpkg", 'path: "${secret:CDR_TOKEN}.gpkg"')
    path = write_world(tmp_path, text)
    code, said, err = call("run", path, "--out", tmp_path / "out")
    assert code == 2 and secret not in err + said
    assert "${secret:CDR_TOKEN}.gpkg" in err
    with pytest.raises(CdrsiteError) as caught:
        run_of(path)
    assert secret not in str(caught.value) and "${secret:CDR_TOKEN}" in str(caught.value)


def test_a_secret_folder_is_not_given_away_by_a_way_that_leads_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "_KEPT", {})
    away = tmp_path / "hidden-place" / "deep-folder"
    away.mkdir(parents=True)
    monkeypatch.setenv("CDR_FOLDER", str(away))
    text = SCENARIO.replace("path: slope.tif", 'path: "${secret:CDR_FOLDER}/slope.tif"')
    study = tmp_path / "study"
    study.mkdir()
    path = write_world(study, text)
    (study / "slope.tif").rename(away / "slope.tif")
    folder = run_of(path).write(tmp_path / "run")
    for name, content in bytes_of(folder).items():
        assert b"hidden-place" not in content and b"deep-folder" not in content, name
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert "${secret:CDR_FOLDER}/slope.tif" in manifest["inputs"]


@pytest.mark.parametrize(
    ("value", "got"), [("12345678", "a number"), ("0.5 t", "a number"), ("abc", "3 characters")]
)
def test_what_cannot_be_kept_secret_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, got: str
) -> None:
    monkeypatch.setenv("CDR_TOKEN", value)
    text = SCENARIO.replace("name: tiny\n", 'name: tiny\ntitle: "${secret:CDR_TOKEN}"\n')
    with pytest.raises(ConfigError, match=rf"study.yaml:2.*title.*{got}.*cure") as caught:
        load_scenario(write_world(tmp_path, text))
    assert value not in str(caught.value).replace("study.yaml", "")


def test_a_secret_that_is_not_set_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CDR_TOKEN", raising=False)
    text = SCENARIO.replace("name: tiny\n", 'name: tiny\ntitle: "${secret:CDR_TOKEN}"\n')
    with pytest.raises(ConfigError, match=r"not set; got \$\{secret:CDR_TOKEN\}"):
        load_scenario(write_world(tmp_path, text))


# ----------------------------------------------------------------------------- places


def test_a_runs_folder_says_nothing_of_where_it_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data folder, a layer given by its absolute path, results and home: none is anywhere."""
    here, away = tmp_path / "machine-a" / "study", tmp_path / "machine-b"
    here.mkdir(parents=True)
    away.mkdir()
    text = SCENARIO.replace("path: slope.tif", f'path: "{(away / "slope.tif").as_posix()}"')
    text = text.replace("siting:\n", "  heat: {unlimited: true}\nsiting:\n", 1)
    path = write_world(here, text + "network: {plan: false}\n")
    (here / "slope.tif").rename(away / "slope.tif")
    monkeypatch.chdir(tmp_path)
    result = run_of(path)
    assert any(str(away) in one for one in result.warnings)  # the terminal may say it
    folder = result.write(tmp_path / "results-c" / "run")
    for name, content in bytes_of(folder).items():
        assert str(tmp_path).encode() not in content, name
        assert str(Path.home()).encode() + b"/" not in content or Path.home() == Path("/"), name
        assert b"results-c" not in content, name
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["scenario"]["layers"]["slope"]["path"] == "../../machine-b/slope.tif"
    assert any("../../machine-b/slope.tif" in one for one in manifest["warnings"])
