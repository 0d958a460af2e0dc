"""What is compiled once and kept on disk is compiled again where its source changed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
