"""The import table of ARCHITECTURE.md, held true by room: late and type-only imports count too."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "cdrsite"

FLOORS: dict[str, int] = {
    "core": 0,
    "scoring": 1,
    "competition": 1,
    "pathway": 2,
    "place": 2,
    "library": 3,
    "config": 4,
    "layers": 5,
    "methods": 5,
    "engine": 6,
    "siting": 7,
    "result": 7,
    "transport": 8,
    "network": 9,
    "sampling": 9,
    "study": 10,
    "arrays": 11,
    "outputs": 11,
    "explain": 12,
    "report": 13,
    "compare": 14,
    "cli": 15,
    "testing": 15,
}
"""Room -> its floor; a module imports its own room and lower floors only."""

UPWARDS = {
    # a result knows how to save and to show itself; late, so that reading one loads neither
    ("cdrsite.result.study_result", "cdrsite.report.folder"),
    ("cdrsite.result.study_result", "cdrsite.report.accessor"),
    ("cdrsite.result.study_result", "cdrsite.report.explored"),
}
"""The imports that go up, each with its reason."""


@cache
def modules() -> dict[str, Path]:
    """Dotted name -> file of every module of the package."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(["cdrsite", *(p for p in parts if p != "__init__")])] = path
    return found


@cache
def imports() -> dict[str, frozenset[str]]:
    """Module -> the modules of the package that it imports anywhere, typing included."""
    known = modules()
    graph = {}
    for name, path in known.items():
        found = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    full = f"{node.module}.{alias.name}"
                    found.add(full if full in known else node.module)
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
        graph[name] = frozenset(found & known.keys() - {name})
    return graph


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


NAMES = [name for name in modules() if room_of(name)]


def test_the_top_of_the_package_has_no_module() -> None:
    assert [path.name for path in PACKAGE.glob("*.py")] == ["__init__.py"]


def test_every_room_is_on_the_plan() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert rooms == set(FLOORS)
    plan = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    told = {room: int(floor) for floor, room in re.findall(r"^\| (\d+) \| `(\w+)/` \|", plan, re.M)}
    assert told == FLOORS


@pytest.mark.parametrize("name", NAMES)
def test_a_module_imports_its_own_room_and_lower_floors(name: str) -> None:
    own = room_of(name)
    for other in imports()[name]:
        room = room_of(other)
        assert room, f"{name} imports the package's own face"
        below = room == own or FLOORS[room] < FLOORS[own] or (name, other) in UPWARDS
        assert below, f"{name} (floor {FLOORS[own]}) imports {other} (floor {FLOORS[room]})"


def test_imports_that_go_up_exist() -> None:
    for name, other in UPWARDS:
        assert other in imports()[name], "no such import any more: strike it from the list"


def circles(graph: dict[str, frozenset[str]]) -> list[list[str]]:
    """Strongly connected parts of more than one module (Tarjan 1972)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        number[name] = lowest[name] = len(number)
        path.append(name)
        for other in sorted(graph[name]):
            if other not in number:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in path:
                lowest[name] = min(lowest[name], number[other])
        if lowest[name] == number[name]:
            part = path[path.index(name) :]
            del path[path.index(name) :]
            if len(part) > 1:
                found.append(part)

    for name in sorted(graph):
        if name not in number:
            visit(name)
    return found


def test_circles_are_seen() -> None:
    graph = {"a": frozenset("b"), "b": frozenset("c"), "c": frozenset("a"), "d": frozenset("a")}
    assert [sorted(part) for part in circles(graph)] == [["a", "b", "c"]]


def test_no_circle_inside_rooms_or_between_them() -> None:
    graph = {
        name: frozenset(o for o in others if (name, o) not in UPWARDS)
        for name, others in imports().items()
        if name != "cdrsite"  # the face names what the rooms hold
    }
    assert circles(graph) == []


@pytest.mark.parametrize("path", modules().values(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_modules_stay_readable(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 600
    if text.count("\n") > 450:
        assert "One module: " in (ast.get_docstring(ast.parse(text)) or ""), "say why it is one"
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
                plain = {"numpy", "numba", "__future__", "math", "typing"}
                known = root.split(".")[0] in plain or root == "cdrsite.core.kernel"
                # and kernel modules, which the cache of compiled kernels watches
                kernels = re.fullmatch(r"cdrsite\.\w+\._kernel\w*", root) is not None
                assert known or kernels, f"{path}: {root}"


def test_a_class_name_means_one_thing() -> None:
    homes: dict[str, list[str]] = {}
    for name, path in modules().items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(name)
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}
