"""What tests share are builders of their own: no test reaches into another."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"


def imported(source: str) -> set[str]:
    """Names of the modules that Python text imports."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            modules.add(node.module or "")
        elif isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
    return modules


def is_test(module: str) -> bool:
    name = module.rpartition(".")[2]
    return name.startswith("test_") or name == "conftest" or module.startswith("tests.")


def test_imports_of_tests_are_seen() -> None:
    source = "import test_a\nfrom conftest import x\ndef f():\n    from tests.core import test_b\n"
    assert {name for name in imported(source) if is_test(name)} == {
        "test_a", "conftest", "tests.core",
    }  # fmt: skip


def test_no_test_imports_another_test() -> None:
    found = {
        str(path.relative_to(TESTS)): names
        for path in sorted(TESTS.rglob("*.py"))
        if (names := {name for name in imported(path.read_text("utf-8")) if is_test(name)})
    }
    assert not found, "move what they share to tests/builders/"


def test_every_test_lies_in_the_folder_of_a_room() -> None:
    rooms = {path.name for path in (ROOT / "cdrsite").iterdir() if path.is_dir()} | {"project"}
    assert {path.parent.name for path in TESTS.rglob("test_*.py")} <= rooms


def test_no_builder_has_the_name_of_another_module() -> None:
    """Builders are imported by their bare name, so that name must be theirs alone."""
    import importlib.machinery
    import sys

    elsewhere = [
        folder for folder in sys.path if Path(folder or ".").resolve() != TESTS / "builders"
    ]
    for path in (TESTS / "builders").glob("*.py"):
        assert importlib.machinery.PathFinder.find_spec(path.stem, elsewhere) is None, path.name
