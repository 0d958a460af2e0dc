"""GDAL's settings belong to the process: as they were, after every command and at once."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
from rasterio.env import get_gdal_config, set_gdal_config
from tiny_scenario import write_world
from tiny_study import tiny_grid, tiny_result

from cdrsite.core import gdal
from cdrsite.core.gdal import (
    CACHE_BYTES,
    Shared,
    bounded_cache,
    raster_options,
    vector_options,
)
from cdrsite.outputs.rasters.cog import write_cog_blocks
from cdrsite.outputs.rasters.raster import RasterSpec

PACKAGE = Path(gdal.__file__).resolve().parents[1]
NAMES = ("GDAL_CACHEMAX", "GDAL_PAM_ENABLED", "OSR_WKT_FORMAT", "OGR_CURRENT_DATE",
         "OGR_SQLITE_SYNCHRONOUS", "GDAL_DISABLE_READDIR_ON_OPEN", "GDAL_NUM_THREADS",
         "GDAL_HTTP_TIMEOUT", "GDAL_SKIP", "OGR_SKIP")  # fmt: skip


def settings() -> dict[str, Any]:
    """Every setting that a command might change, of both copies of GDAL and the environment."""
    found = {f"rasterio {name}": get_gdal_config(name) for name in NAMES}
    found |= {f"pyogrio {name}": pyogrio.get_gdal_config_option(name) for name in NAMES}
    prefixes = ("GDAL_", "OGR_", "CPL_", "VSI_", "OSR_")
    return found | {key: text for key, text in os.environ.items() if key.startswith(prefixes)}


@pytest.fixture
def cache() -> Any:
    """An odd size of the cache, which no command may lose."""
    before = get_gdal_config("GDAL_CACHEMAX")
    set_gdal_config("GDAL_CACHEMAX", 77_000_000)
    yield 77_000_000
    set_gdal_config("GDAL_CACHEMAX", before)


@pytest.mark.slow
def test_the_settings_are_as_before_after_every_command(
    call: Callable[..., Any], cache: int, tmp_path: Path
) -> None:
    scenario, before = write_world(tmp_path), settings()
    assert before["rasterio GDAL_CACHEMAX"] == cache
    a, b = tmp_path / "a", tmp_path / "b"
    for command in (
        ("check", scenario),
        ("run", scenario, "--out", a, "--quiet"),
        ("run", scenario, "--out", b, "--quiet", "--memory", "1kB"),
        ("batch", scenario, "--out", tmp_path / "batch", "--quiet"),
        ("report", a),
        ("compare", a, b, "--out", tmp_path / "changes"),
        ("doctor",),
        ("run", scenario, "--set", "layers.slope.path=nothing.tif"),
    ):
        call(*command)
        assert settings() == before, command[0]
    assert (a / "report.html").is_file() and (tmp_path / "changes").is_dir()


def test_maps_written_at_once_share_a_cache_of_megabytes(cache: int, tmp_path: Path) -> None:
    grid, seen = tiny_grid(), []
    together = threading.Barrier(4)

    def one(number: int) -> None:
        def read(block: Any) -> Any:
            together.wait(20)  # all four are between opening and closing their files
            seen.append(get_gdal_config("GDAL_CACHEMAX"))
            return np.zeros(block.shape, np.float32)

        spec = RasterSpec(f"m{number}", "quantity", "t/yr", "net removal")
        write_cog_blocks(tmp_path / f"m{number}.tif", read, grid, spec)

    before = settings()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(4)))
    assert seen == [CACHE_BYTES] * 4
    assert settings() == before


def test_who_sets_the_cache_in_the_environment_decides(
    cache: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GDAL_CACHEMAX", "64")
    with bounded_cache():
        assert get_gdal_config("GDAL_CACHEMAX") == cache


def test_a_result_written_after_its_run_leaves_the_settings(cache: int, tmp_path: Path) -> None:
    result, before = tiny_result(tmp_path), settings()
    result.write(tmp_path / "run")
    assert settings() == before


def test_the_last_user_puts_a_setting_back_and_another_value_waits() -> None:
    values, order = {"a": "before"}, []
    shared = Shared(values.__getitem__, values.__setitem__)
    inside = threading.Event()

    def other() -> None:
        with shared.holding("a", "two"):
            order.append(values["a"])
            inside.set()

    with shared.holding("a", "one"), shared.holding("a", "one"):
        thread = threading.Thread(target=other)
        thread.start()
        assert not inside.wait(0.05)
        order.append(values["a"])
    thread.join(20)
    assert order == ["one", "two"] and values == {"a": "before"}


def test_an_error_inside_puts_settings_back() -> None:
    before = settings()
    with (
        pytest.raises(RuntimeError, match="inside"),
        bounded_cache(),
        raster_options(GDAL_PAM_ENABLED="NO"),
        vector_options(OGR_CURRENT_DATE="x", GDAL_PAM_ENABLED="NO"),
    ):
        assert settings() != before
        raise RuntimeError("inside")
    assert settings() == before
    with pytest.raises(ValueError, match="of the whole process"), raster_options(GDAL_CACHEMAX="1"):
        pass


def test_one_module_owns_the_settings() -> None:
    owner = re.compile(r"rasterio\.Env\(|set_gdal_config|GDAL_CACHEMAX|environ.*GDAL_(?!DATA)")
    others = [
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if path != Path(gdal.__file__) and owner.search(path.read_text(encoding="utf-8"))
    ]
    assert others == []
