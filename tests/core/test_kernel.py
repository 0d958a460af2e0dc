"""What is compiled once and kept on disk is compiled again where its source changed."""

from __future__ import annotations

import ast
import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from numba.core import registry
from numba.core.event import Listener, install_listener

import cdrsite
from cdrsite.core.kernel import SELDOM, _KeptCode, awaits_compilation, inner, kernel

CALLEE = "import numba\n\n@numba.njit\ndef step(x):\n    return x + {}\n"
CALLER = (
    "from cdrsite.core.kernel import kernel\nfrom _kernel_step import step\n\n"
    "@kernel\ndef walk(x):\n    return step(x)\n\n"
    "print(walk(1), sum(walk.stats.cache_hits.values()))\n"
)


@pytest.mark.parametrize("room", [".", "other"])
def test_an_edited_callee_of_a_kernel_is_noticed(tmp_path: Path, room: str) -> None:
    """Beside the kernel, or in the folder of another room."""
    folder = tmp_path / room
    folder.mkdir(exist_ok=True)

    def told(step: int, *, written: bool = True) -> str:
        if written:
            (folder / "_kernel_step.py").write_text(CALLEE.format(step))
        paths = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
        environment = os.environ | {
            "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": paths,
        }  # fmt: skip
        main = [sys.executable, "-B", "-c", "import _kernel_walk"]
        run = subprocess.run(
            main, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        return run.stdout.strip()

    (tmp_path / "_kernel_walk.py").write_text(CALLER)
    assert told(10) == "11 0"
    assert told(10, written=False) == "11 1"
    assert told(200) == "201 0"
    for path in (tmp_path / "_kernel_walk.py", folder / "_kernel_step.py"):
        os.utime(path, (0, 0))  # as in a new checkout
    assert told(200, written=False) == "201 1"


def test_code_for_other_types_or_of_another_source_is_not_taken(tmp_path: Path) -> None:
    """Two processes that write at once may give two codes one number."""
    mine, other = (_KeptCode(str(tmp_path), "walk", "now") for _ in range(2))
    assert mine.empty
    mine._load_index = dict  # type: ignore[method-assign] # as it was before the other wrote
    other.save("of floats", "code of floats")
    assert other.load("of floats") == "code of floats"
    mine.save("of integers", "code of integers")
    del mine._load_index
    assert mine._load_index() == {"of integers": "walk.1.nbc"}
    assert mine.load("of integers") == "code of integers"
    other._save_data("walk.1.nbc", ("now", "of floats", "code of floats"))  # it was the slower one
    assert mine.load("of integers") is None
    other._save_data("walk.1.nbc", ("before", "of integers", "old code"))
    assert mine.load("of integers") is None
    assert not mine.empty and _KeptCode(str(tmp_path), "walk", "later").empty


def test_a_kernel_awaits_its_compilation_until_code_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numba.core.config, "CACHE_DIR", str(tmp_path))
    walk = kernel(_filled.py_func)
    assert awaits_compilation(walk)
    walk(np.ones(3), 1.0)
    assert not awaits_compilation(walk)
    assert not awaits_compilation(kernel(_filled.py_func))
    assert not awaits_compilation(numba.njit(_filled.py_func))  # it is kept nowhere


def test_garbage_is_collected_seldom_while_kernels_compile_only() -> None:
    seen = []

    class Watch(Listener):
        def on_start(self, event: Any) -> None:
            seen.append(gc.get_threshold())

        def on_end(self, event: Any) -> None:
            pass

    @inner
    def twice(x: int) -> int:
        return 2 * x

    @numba.njit
    def walk(x: int) -> int:
        return twice(x) + 1  # one compilation waits for another

    before = gc.get_threshold()
    gc.set_threshold(501, 11, 12)
    try:
        with install_listener("numba:compile", Watch()):
            assert walk(3) == 7
            assert gc.get_threshold() == (501, 11, 12)
    finally:
        gc.set_threshold(*before)
    assert seen == [SELDOM, SELDOM]


@inner
def _filled(out: Any, x: float) -> int:
    scratch = np.empty(len(out))  # may raise, of numba's own
    for i in range(len(out)):
        scratch[i] = x * i
        out[i] += scratch[i]
    return len(out)


@inner
def _filled_twice(out: Any, x: float) -> int:
    return _filled(out, x) + _filled(out, 2 * x)


def test_what_kernels_alone_call_is_made_machine_code_in_them_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    added: list[str] = []
    machine = type(registry.cpu_target.target_context.codegen()._engine)
    take = machine.add_module
    monkeypatch.setattr(
        machine, "add_module", lambda to, one: added.append(one.name) or take(to, one)
    )

    @numba.njit
    def walk(out: Any, x: float) -> int:
        return _filled_twice(out, x)

    out = np.ones(5)
    assert walk(out, 0.5) == 10
    assert out.tolist() == [1.0, 2.5, 4.0, 5.5, 7.0]
    assert len(_filled.signatures) == len(_filled_twice.signatures) == 1
    assert [name for name in added if "walk" in name] != []
    assert [name for name in added if "_filled" in name] == []


def test_kernels_hold_nothing_that_the_passes_left_out_look_for() -> None:
    """No function in a function, no comprehension."""
    inside = ast.Lambda | ast.FunctionDef | ast.ListComp | ast.GeneratorExp | ast.SetComp
    found = 0
    for path in Path(cdrsite.__file__).parent.rglob("_kernel*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = getattr(node, "decorator_list", ())
            if {"kernel", "inner"} & {one.id for one in named if isinstance(one, ast.Name)}:
                found += 1
                held = [each for each in ast.walk(node) if isinstance(each, inside)]
                assert held == [node], f"{path}: {ast.unparse(node)[:60]}"
    assert found > 100


def test_what_kernels_alone_call_raises_nothing() -> None:
    """An error of Python holds objects, which only code with machine code of its own can find."""
    package, found = Path(cdrsite.__file__).parent, 0
    for path in package.rglob("_kernel*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                named = {one.id for one in node.decorator_list if isinstance(one, ast.Name)}
                found += "inner" in named
                kinds = {type(each) for each in ast.walk(node)} if "inner" in named else set()
                assert kinds.isdisjoint({ast.Raise, ast.Assert, ast.Try}), f"{path}: {node.name}"
    assert found > 50
