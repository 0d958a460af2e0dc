"""What a newcomer meets first: files of the project's page are sound, and what they name exists."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

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
