"""The import table of ARCHITECTURE.md, held true: late imports count too."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "cdrsite"

LEVELS: dict[str, int] = {
    "core": 0,
    "library": 1,
    "variables": 1,
    "config": 2,
    "layers": 3,
    "rules": 3,
    "_kernel_tally": 3,
    "siting": 4,
    "requirements": 4,
    "transport": 4,
    "accounting": 5,
    "costs": 5,
    "ledgers": 6,
    "scoring": 6,
    "competition": 6,
    "network": 6,
    "prepare": 7,
    "used": 8,
    "tally": 7,
    "running": 7,
    "recall": 8,
    "cluster": 8,
    "allocation": 7,
    "assumed": 8,
    "offers": 7,
    "cells": 8,
    "alone": 8,
    "compete": 9,
    "tables": 10,
    "changes": 10,
    "evidence": 10,
    "projects": 10,
    "gathering": 9,
    "sitepieces": 9,
    "sites": 10,
    "traces": 10,
    "results": 11,
    "outputs": 12,
    "demo": 12,
    "compare": 13,
    "explain": 13,
    "accessor": 14,
    "network_report": 13,
    "workspace": 14,
    "study": 15,
    "batch": 16,
    "terminal": 17,
    "doctor": 18,
    "progress": 18,
    "catalogue": 18,
    "compare_report": 18,
    "cli": 19,
}
"""Part of the package -> level; a part imports lower levels and itself only."""

EXCEPTIONS = {
    ("results", "outputs"),  # StudyResult.write, late: a result knows how to save itself
    ("results", "accessor"),  # registers the xarray accessor with the results that carry it
    ("network", "transport"),  # costs of pipes come from the transport models
}


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """Parts of the package that a module imports at run time."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for node in ast.walk(block)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {
            name.split(".")[1] for name in names if name.startswith("cdrsite.") and "." in name
        }
    return found


MODULES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py" or path.parent != PACKAGE
)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_imports_lower_levels_only(path: Path) -> None:
    own = part_of(path)
    assert own in LEVELS, f"{path} is in no level: add it to the table here and in ARCHITECTURE.md"
    for other in imports_of(path) - {own}:
        assert other in LEVELS
        allowed = LEVELS[other] < LEVELS[own] or (own, other) in EXCEPTIONS
        assert allowed, f"{path.name} ({own}) imports {other}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_modules_stay_readable(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 600
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
            doc = ast.get_docstring(node, clean=False)
            body = node.end_lineno - node.lineno + 1 - (doc.count("\n") + 1 if doc else 0)
            assert body <= 60, f"{path.name}: {node.name} has {body} lines of code"


def test_kernels_import_numpy_and_numba_only() -> None:
    for path in PACKAGE.rglob("_kernel*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                root = node.module
                assert root.split(".")[0] in {"numpy", "numba", "__future__", "math", "typing"} or (
                    root == "cdrsite.core.kernel"
                ), f"{path}: {root}"
