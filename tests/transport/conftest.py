"""The solver of many cells is what most tests of this room are about, on few cells."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cdrsite.transport import distance


@pytest.fixture(scope="module", autouse=True)
def solved_by_tiles() -> Iterator[None]:
    """Small grids go by tiles as well, where a test does not say otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distance, "FEW_LABELS", 0)
        yield
