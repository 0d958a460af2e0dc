"""What a newcomer meets first: files of the project's page are sound, and what they name exists."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cdrsite.core.version import __version__

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def read(path: Path) -> dict[str, Any]:
    return YAML(typ="safe").load(path)


def test_commands_of_the_contributing_page_name_what_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\btests/[\w./-]+\w", text))
    assert {"tests/siting", "tests/study/test_golden.py"} <= named
    assert [place for place in sorted(named) if not (ROOT / place).exists()] == []


def test_public_ci_runs_what_a_change_must_pass() -> None:
    steps = read(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["all"]["steps"]
    (script,) = [step["run"] for step in steps if step.get("run", "").startswith(".")]
    assert os.access(ROOT / script, os.X_OK)


def test_other_hosts_run_the_same_script() -> None:
    assert read(ROOT / ".gitlab-ci.yml")["everything"]["script"][-1] == ".ci/run"
    (job,) = read(ROOT / ".github" / "workflows" / "release.yml")["jobs"].values()
    assert job["steps"][-1]["run"] == ".ci/release"
    settings = read(ROOT / ".readthedocs.yaml")
    assert (ROOT / settings["sphinx"]["configuration"]).is_file()
    assert settings["sphinx"]["fail_on_warning"]


def test_scripts_for_a_release_can_be_started() -> None:
    for name in ("run", "release"):
        assert os.access(ROOT / ".ci" / name, os.X_OK)
        subprocess.run(["bash", "-n", str(ROOT / ".ci" / name)], check=True)


def test_the_lowest_dependencies_are_those_of_the_project() -> None:
    command = [sys.executable, str(ROOT / ".ci" / "lowest.py"), str(ROOT / "pyproject.toml")]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert told == [line.replace(">=", "==") for line in project["dependencies"]]
    assert len(told) > 15


def test_sections_of_the_changes_are_versions() -> None:
    heads = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    assert heads[0] == "Upcoming" or heads[0].startswith(f"{__version__} (")
    assert [h for h in heads[1:] if not re.fullmatch(r"\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)", h)] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_issue_forms_are_complete(path: Path) -> None:
    form = read(path)
    assert {"name", "description", "body"} <= form.keys()
    for field in form["body"]:
        assert field["type"] in {"textarea", "input"}
        assert field["attributes"]["label"]
    ids = [field["id"] for field in form["body"]]
    assert len(ids) == len(set(ids))
    assert any(field.get("validations", {}).get("required") for field in form["body"])


def test_the_citation_has_what_the_format_needs() -> None:
    citation = read(ROOT / "CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    # in core/version.py alone
    assert "version" not in citation
