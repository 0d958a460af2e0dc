"""The Python of an installed QGIS, and the script that it runs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

CLIENT = Path(__file__).with_name("qgis_client.py")
"""Opens a project, says what is in it, and draws it."""


def qgis_python() -> str:
    """The program; the test is skipped where there is no QGIS."""
    python = shutil.which("python3", path="/usr/bin")
    probe = [python or "", "-c", "import qgis.core"]
    if python is None or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("QGIS not found: install qgis, python3-qgis and qgis-providers")
    return python
