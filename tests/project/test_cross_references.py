"""What docstrings and documents point to exists: names of the code, files and modules."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROLE = re.compile(r":(?:func|class|mod|data|meth|attr|exc):`~?([\w.]+)`")
DOCUMENTS = ("ARCHITECTURE.md", "CONTRIBUTING.md")
FILE = re.compile(r"`((?:[\w-]+/)+(?:[\w.-]+\.(?:py|yaml|toml|md))?|[\w-]+\.py)`")


def resolves(name: str) -> bool:
    """Whether a dotted name of the package leads somewhere."""
    parts = name.split(".")
    for size in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:size]))
        except ModuleNotFoundError:
            continue
        for part in parts[size:]:
            known = getattr(found, "__annotations__", {})
            if part in known and not hasattr(found, part):
                return True
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def names_in(path: Path) -> set[str]:
    """Names that a module defines or imports, and the members of its classes."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            found |= {alias.asname or alias.name for alias in node.names}
    return found


@pytest.mark.parametrize("path", sorted((ROOT / "cdrsite").rglob("*.py")), ids=lambda p: p.name)
def test_references_in_docstrings_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lost = []
    for name in ROLE.findall(text):
        own = name.split(".")[0] in names_in(path)
        if not own and not (name.startswith("cdrsite.") and resolves(name)):
            lost.append(name)
    assert lost == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_files_in_documents_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    known = {path.name for path in ROOT.rglob("*.py")}
    lost = []
    for place in FILE.findall(text):
        there = any((base / place).exists() for base in (ROOT, ROOT / "cdrsite"))
        if not there and not ("/" not in place and place in known):
            lost.append(place)
    assert lost == []
