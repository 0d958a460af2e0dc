"""The numbers of a raster that styles and maps ask for: decoded once in a batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from cdrsite.core import memory
from cdrsite.core.memory import WRITTEN_ROOM, Memory, remembering
from cdrsite.outputs.qml import sample_values


def write(path: Path, values: Any) -> Path:
    data = np.array(values, np.float32)
    path.parent.mkdir(exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", height=data.shape[0], width=data.shape[1], count=1,
        dtype="float32", nodata=-1, crs="EPSG:3035", transform=from_origin(0, 9, 1, 1),
    ) as file:  # fmt: skip
        file.write(data, 1)
    return path


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Rasters that were opened to be read."""
    seen: list[Path] = []
    real = rasterio.open

    def note(path: Any, mode: str = "r", **options: Any) -> Any:
        if mode == "r":
            seen.append(Path(path))
        return real(path, mode, **options)

    monkeypatch.setattr(rasterio, "open", note)
    return seen


def test_a_raster_of_two_runs_is_decoded_once(tmp_path: Path, opened: list[Path]) -> None:
    first = write(tmp_path / "a" / "net.tif", [[1, -1], [3, np.nan]])
    again = write(tmp_path / "b" / "net.tif", [[1, -1], [3, np.nan]])
    other = write(tmp_path / "c" / "net.tif", [[2, 4], [3, 1]])
    with remembering(Memory(WRITTEN_ROOM)):
        assert sample_values(first).tolist() == [1, 3]
        assert sample_values(again).tolist() == [1, 3]
        assert sample_values(first).tolist() == [1, 3]
        assert opened == [first]
        assert sample_values(other).tolist() == [2, 4, 3, 1]
        write(first, [[7, 8], [9, -1]])  # the content counts, not the name
        assert sample_values(first).tolist() == [7, 8, 9]


def test_what_is_given_is_one_s_own(tmp_path: Path) -> None:
    path = write(tmp_path / "a" / "net.tif", [[1, 2]])
    with remembering(Memory(WRITTEN_ROOM)):
        sample_values(path)[:] = 0
        sample_values(path)[:] = 0
        assert sample_values(path).tolist() == [1, 2]


def test_a_large_file_and_a_single_run_read_as_before(
    tmp_path: Path, opened: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a" / "net.tif", [[1, 2]])
    for _ in range(2):
        assert sample_values(path).tolist() == [1, 2]
    monkeypatch.setattr(memory, "MOST_CELLS", 10)
    with remembering(Memory(WRITTEN_ROOM)):
        for _ in range(2):
            assert sample_values(path).tolist() == [1, 2]
    assert opened == [path] * 4
