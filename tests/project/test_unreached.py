"""What only tests call is not product: everything public is reached from where users stand.

Users stand at the command line, at the names of ``cdrsite`` and ``cdrsite.testing``, and at what
the README, the manual and the notebooks show. From there this follows the names that definitions
use, through imports. A method is reached where anything names it after a dot, so some dead ones are
missed.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

DOORS = ("cdrsite", "cdrsite.cli.main", "cdrsite.testing")
"""Modules whose every name is a user's."""

CALLED_BY_OTHERS = {
    "render": "rich draws a column of progress",
}
"""Methods that a library calls -> which; dunders and ``_repr_html_`` are Python's and Jupyter's."""

PLAIN = {
    "abstractmethod", "cache", "cached_property", "classmethod", "contextmanager", "dataclass",
    "kernel", "lru_cache", "overload", "property", "recorded", "runtime_checkable", "staticmethod",
    "total_ordering", "wraps",
}  # fmt: skip
"""Decorators that hand a function to nobody; any other registers it, so it is reached."""


@dataclass(frozen=True)
class Definition:
    """A function, class or method, and what its text uses.

    Attributes
    ----------
    module, name : str
        ``name`` is ``Class.method`` for a method.
    names : frozenset of str
        Bare names and ``alias.name`` of its text.
    attributes : frozenset of str
        What follows a dot, and words of its text constants: may be a method.
    registered : bool
        By a decorator.
    """

    module: str
    name: str
    names: frozenset[str]
    attributes: frozenset[str]
    registered: bool

    @property
    def public(self) -> bool:
        return not any(part.startswith("_") for part in self.name.split("."))


@dataclass
class Module:
    """Definitions of a module, what its bare names mean, and what its own text uses."""

    name: str
    definitions: dict[str, Definition] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)


def uses(nodes: Iterable[ast.AST]) -> tuple[set[str], set[str]]:
    """Bare names and dotted names; attributes and words of short texts."""
    names: set[str] = set()
    attributes: set[str] = set()
    for node in (inner for top in nodes for inner in ast.walk(top)):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Attribute):
            attributes.add(node.attr)
            names.add(ast.unparse(node))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            attributes.update(re.findall(r"[A-Za-z_]\w*", node.value[:300]))
    return names, attributes


def without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return body[1:] if text else body


def decorators(node: ast.FunctionDef | ast.ClassDef) -> set[str]:
    found = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
    return {d.attr if isinstance(d, ast.Attribute) else ast.unparse(d) for d in found}


def read(module: Module, body: list[ast.stmt], owner: str = "") -> list[ast.AST]:
    """Take the definitions of a body; the statements that are left."""
    rest: list[ast.AST] = []
    for node in without_docstring(body):
        if isinstance(node, ast.FunctionDef):
            text: list[ast.AST] = [*without_docstring(node.body), node.args, *node.decorator_list]
            text += [node.returns] if node.returns else []
        elif isinstance(node, ast.ClassDef):
            text = [*read(module, node.body, f"{owner}{node.name}."), *node.bases, *node.keywords]
            text += node.decorator_list
        else:
            rest.append(node)
            continue
        names, attributes = uses(text)
        registered = bool(decorators(node) - PLAIN)
        made = (module.name, owner + node.name, frozenset(names), frozenset(attributes), registered)
        module.definitions[owner + node.name] = Definition(*made)
    return rest


def parse(name: str, source: str) -> Module:
    tree = ast.parse(source)
    module = Module(name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            module.imports.update({a.asname or a.name: a.name for a in node.names})
        elif isinstance(node, ast.ImportFrom) and node.module:
            module.imports.update(
                {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
            )
    module.names, module.attributes = uses(read(module, tree.body))
    return module


def package(root: Path = ROOT) -> dict[str, Module]:
    modules = {}
    for path in sorted((root / "cdrsite").rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        modules[name] = parse(name, path.read_text("utf-8"))
    return modules


def shown(root: Path = ROOT) -> Iterator[str]:
    """Python that users are shown: code of the README, of the manual and of the notebooks."""
    for path in (root / "README.md", *sorted((root / "docs").glob("**/*.md"))):
        yield from re.findall(r"```python\n(.*?)```", path.read_text("utf-8"), re.S)
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                lines = "".join(cell["source"]).splitlines()
                yield "\n".join(line for line in lines if not line.startswith(("%", "!")))
    for path in sorted((root / "notebooks").glob("*.py")):
        yield path.read_text("utf-8")


class Walk:
    """What is reached from some text: definitions by module and name, and words after a dot."""

    def __init__(self, modules: Mapping[str, Module]) -> None:
        self.modules = modules
        self.reached: set[tuple[str, str]] = set()
        self.attributes: set[str] = set()
        self.waiting: list[Definition] = []

    def reach(self, module: str, name: str) -> None:
        made = self.modules[module].definitions.get(name) if module in self.modules else None
        if made is not None and (module, name) not in self.reached:
            self.reached.add((module, name))
            self.waiting.append(made)

    def follow(self, module: Module, names: Iterable[str], attributes: Iterable[str]) -> None:
        """Reach what names mean in a module."""
        self.attributes.update(attributes)
        for name in names:
            self.reach(module.name, name)
            head, _, tail = name.partition(".")
            meaning = module.imports.get(head, "") + ("." + tail if tail else "")
            home, _, last = meaning.rpartition(".")
            self.reach(home, last)

    def to_the_end(self) -> None:
        before = -1
        while len(self.reached) != before:
            before = len(self.reached)
            while self.waiting:
                made = self.waiting.pop()
                self.follow(self.modules[made.module], made.names, made.attributes)
            for module in self.modules.values():
                for made in module.definitions.values():
                    if self.is_called(made):
                        self.reach(module.name, made.name)

    def is_called(self, made: Definition) -> bool:
        """Whether this is a method of a reached class, and somebody names it after a dot."""
        owner, _, name = made.name.rpartition(".")
        hook = name.startswith("__") or name == "_repr_html_" or name in CALLED_BY_OTHERS
        named = hook or name in self.attributes
        return bool(owner) and named and (made.module, owner) in self.reached


def unreached(modules: Mapping[str, Module], texts: Iterable[str]) -> list[str]:
    """Public definitions that nothing reaches, as ``module:name``; testing is all for users."""
    walk = Walk(modules)
    for module in modules.values():
        walk.follow(module, module.names, module.attributes)
        for made in module.definitions.values():
            if made.registered or module.name in DOORS:
                walk.reach(module.name, made.name)
    for door in DOORS:
        walk.follow(modules[door], modules[door].imports, ())
    for text in texts:
        page = parse("", text)
        walk.follow(page, page.names | page.imports.keys(), page.attributes)
        for made in page.definitions.values():
            walk.follow(page, made.names, made.attributes)
    walk.to_the_end()
    return [
        f"{module.name}:{made.name}"
        for module in modules.values()
        for made in module.definitions.values()
        if (module.name, made.name) not in walk.reached
        and made.public
        and not module.name.startswith("cdrsite.testing.")
    ]


TOY = {
    "cdrsite": "from cdrsite.work import begin\n",
    "cdrsite.cli.main": "def main(): ...\n",
    "cdrsite.testing": "",
    "cdrsite.work": """
from functools import cache
from cdrsite import other
from cdrsite.other import Used
def begin():
    'Names lost_a only in words of people.'
    from cdrsite.other import late
    return late(), Used().asked, other.by_module()
@cache
def lost_a(): return lost_b()
def lost_b(): ...
@app.command()
def registered(): ...
""",
    "cdrsite.other": """
from __future__ import annotations
class Used:
    @property
    def asked(self): return self._private()
    def _private(self): return helped()
    def forgotten(self): ...
    def __len__(self): ...
class Unused:
    def asked(self): ...
def late(): ...
def by_module(): ...
def helped(): ...
def _quiet(): ...
def shown(): ...
""",
}


def test_what_is_reached_is_followed_through_imports_methods_and_decorators() -> None:
    modules = {name: parse(name, source) for name, source in TOY.items()}
    lost = unreached(modules, ["from cdrsite.other import shown\nshown()\n"])
    assert sorted(lost) == [
        "cdrsite.other:Unused",
        "cdrsite.other:Unused.asked",
        "cdrsite.other:Used.forgotten",
        "cdrsite.work:lost_a",
        "cdrsite.work:lost_b",
    ]


def test_nothing_public_is_out_of_reach() -> None:
    assert not unreached(package(), shown()), (
        "let users reach it, move it to cdrsite/testing/, or delete it"
    )
