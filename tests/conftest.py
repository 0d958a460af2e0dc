"""Shared fixtures: where the reference cases are, and hypothesis profiles."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile(
    "default",
    max_examples=30,
    deadline=None,  # compiled kernels: the first example pays for compilation
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,  # the same examples on every machine; --hypothesis-profile=wide explores
)
settings.register_profile(
    "wide", settings.get_profile("default"), max_examples=500, derandomize=False
)
settings.load_profile("default")


@pytest.fixture(scope="session")
def cases_dir() -> Path:
    """Folder of the reference cases, or skip where it is absent."""
    folder = Path(os.environ.get("CDRSITE_CASES", ROOT.parent / "shared" / "cases"))
    if not folder.is_dir():
        pytest.skip(f"reference cases not found at {folder}; set CDRSITE_CASES")
    return folder
