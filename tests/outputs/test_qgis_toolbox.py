"""The script for the toolbox of QGIS: written, and run by QGIS itself where it is installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tiny_scenario import write_world
from typer.testing import CliRunner

from cdrsite.cli.main import app
from cdrsite.core.errors import ConfigError
from cdrsite.outputs.qgis_toolbox import SCRIPT, write_toolbox

CLIENT = Path(__file__).resolve().parents[1] / "builders" / "qgis_toolbox_client.py"


def test_the_script_is_python_and_replaces_only_itself(tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["qgis-toolbox", str(tmp_path / "scripts")])
    assert shown.exit_code == 0 and SCRIPT in shown.output
    text = (tmp_path / "scripts" / SCRIPT).read_text("utf-8")
    compile(text, SCRIPT, "exec")
    assert "@COMMAND@" not in text
    assert write_toolbox(tmp_path / "scripts").read_text("utf-8") == text
    (tmp_path / SCRIPT).write_text("mine", "utf-8")
    with pytest.raises(ConfigError, match="another file of that name"):
        write_toolbox(tmp_path)


def ran(script: Path, scenario: Path, folder: Path, changes: str) -> dict[str, Any]:
    done = subprocess.run(
        ["/usr/bin/python3", str(CLIENT), *map(str, (script, scenario, folder)), changes],
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "JSON" in done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout.partition("JSON")[2])
    return report


@pytest.mark.clients
@pytest.mark.skipif(shutil.which("qgis_process") is None, reason="QGIS is not installed")
def test_qgis_runs_a_scenario_and_loads_its_maps(tmp_path: Path) -> None:
    script, world = write_toolbox(tmp_path / "scripts"), write_world(tmp_path)
    wrong = ran(script, world, tmp_path / "wrong", "grid.resolutoin=2 km")
    assert not wrong["done"] and "did you mean 'resolution'" in wrong["log"]
    assert not (tmp_path / "wrong" / "manifest.json").exists()
    good = ran(script, world, tmp_path / "run", "grid.resolution=2 km\n\ncosts.discount_rate=5 %")
    assert good["done"], good["log"]
    assert Path(good["found"]["REPORT"]).is_file()
    assert len(good["layers"]) > 5 and all(good["layers"])


@pytest.mark.clients
@pytest.mark.skipif(shutil.which("qgis_process") is None, reason="QGIS is not installed")
def test_the_toolbox_finds_the_script_in_the_folder_that_the_manual_names(tmp_path: Path) -> None:
    def said(*words: str) -> Any:
        done = subprocess.run(
            ["/usr/bin/python3", str(CLIENT.with_name("qgis_scripts_client.py")), *words],
            env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "QT_QPA_PLATFORM": "offscreen"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "JSON" in done.stdout, done.stderr
        return json.loads(done.stdout.partition("JSON")[2])

    folder = Path(said("folder"))
    page = (Path(__file__).resolve().parents[2] / "docs" / "gis.md").read_text("utf-8")
    assert "/".join(folder.parts[-4:]) in page  # the rest depends on the system
    assert said() is None
    write_toolbox(folder)
    found = said()
    assert found["asks"] == ["SCENARIO", "CHANGES", "LOAD", "OUTPUT"]
    assert found["group"] in page and found["name"].partition(" (")[0] in page
