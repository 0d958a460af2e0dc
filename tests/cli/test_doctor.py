"""The check of an installation: what is well, what is not, and the cure."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from cdrsite.cli import doctor
from cdrsite.cli.doctor import Check
from cdrsite.cli.tables import print_checks


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def test_this_installation_is_usable() -> None:
    checks = doctor.examine()
    assert doctor.usable(checks), [check for check in checks if check.state == "problem"]
    found = by_name(checks)
    for name in ("Python", "packages", "pyproj", "rasterio's PROJ", "rasters", "vectors",
                 "compiler", "kernel cache", "solver", "demo", "cores", "memory"):  # fmt: skip
        assert name in found
    assert all(bool(check.cure) == (check.state != "ok") for check in checks)


def test_our_own_metadata_gives_the_bounds() -> None:
    required = doctor._required()
    names = {name for name, _, extra in required if not extra}
    assert {"numpy", "numba", "rasterio", "typer"} <= names
    assert ("rasterio", "1.3.10", "") in required
    assert any(extra == "excel" and name == "openpyxl" for name, _, extra in required)
    assert len(required) == len(metadata.requires("cdrsite") or ())


@pytest.mark.parametrize(
    ("version", "numbers"),
    [("1.26.4rc1", (1, 26, 4)), ("2024.6", (2024, 6)), ("0.24", (0, 24)), ("", ())],
)
def test_versions_are_compared_by_their_numbers(version: str, numbers: tuple[int, ...]) -> None:
    assert doctor._numbers(version) == numbers


def test_an_old_and_a_missing_package_are_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    have = {"numpy": "1.9.0", "scipy": None}
    real = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: have.get(name, real(name)))
    found = by_name(list(doctor._packages()))
    assert found["numpy"].state == found["scipy"].state == "problem"
    assert "1.9.0" in found["numpy"].found and "pip install 'numpy>=" in found["numpy"].cure
    assert found["scipy"].found == "not installed"
    assert found["packages"].state == "ok"
    assert not doctor.usable(list(found.values()))


def test_one_broken_check_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ImportError("libgdal.so:\n cannot open")

    def full() -> None:
        raise PermissionError(13, "Permission denied", "/tmp/x")

    monkeypatch.setattr(doctor, "_rasters", broken)
    monkeypatch.setattr(doctor, "_vectors", full)
    found = by_name(doctor.examine())
    assert found["rasters"].found == "ImportError: libgdal.so: cannot open"
    assert "pip install" in found["rasters"].cure
    assert "TMPDIR" in found["vectors"].cure
    assert found["solver"].state == "ok"


def test_variables_of_another_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in doctor.PATHS:
        monkeypatch.delenv(name, raising=False)
    (quiet,) = doctor._foreign({})
    assert quiet.state == "ok"
    found = by_name(list(doctor._foreign({"PROJ_LIB": "/usr/share/proj"})))
    assert found["PROJ_LIB"].state == "warning"
    assert (
        "/usr/share/proj" in found["PROJ_LIB"].found and "unset PROJ_LIB" in found["PROJ_LIB"].cure
    )
    monkeypatch.setenv("GDAL_DRIVER_PATH", str(tmp_path))
    assert by_name(list(doctor._foreign({})))["GDAL_DRIVER_PATH"].state == "warning"


def test_a_wheel_owns_only_what_it_brings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Spec:
        submodule_search_locations = [str(tmp_path / "rasterio")]  # noqa: RUF012 - as find_spec's

    monkeypatch.setattr(doctor, "find_spec", lambda name: Spec)
    inside = f"{sys.prefix}/share/proj"
    assert doctor.own_data(inside)  # of the same environment, as conda's
    (tmp_path / "rasterio" / "proj_data").mkdir(parents=True)
    assert not doctor.own_data(inside)
    assert doctor.own_data(str(tmp_path / "rasterio" / "proj_data"))


def test_another_programs_proj_is_found_out(tmp_path: Path) -> None:
    """A database that is none: what rasterio does not survive is reported, not raised."""
    (tmp_path / "proj.db").write_bytes(b"of another version")
    code = (
        "from cdrsite.cli.doctor import examine\nfor c in examine(): print(c.name, c.state, c.cure)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PROJ_DATA": str(tmp_path), "PROJ_LIB": str(tmp_path)},
        capture_output=True, text=True, check=True, encoding="utf-8",
    )  # fmt: skip
    lines = found.stdout.splitlines()
    assert any("problem" in line and "unset PROJ_DATA" in line for line in lines), lines
    assert any(line.startswith("solver ok") for line in lines)


def test_a_cache_that_cannot_be_written_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)
    found = by_name(list(doctor._compiler()))
    assert found["kernel cache"].state == "warning"
    assert "NUMBA_CACHE_DIR" in found["kernel cache"].cure


def test_little_memory_and_disk_are_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "free_memory", lambda: 5 * 10**8)
    monkeypatch.setattr(doctor, "LEAST_DISK", 10**18)
    monkeypatch.setattr(doctor, "cores", lambda: 1)
    monkeypatch.setattr(doctor.os, "cpu_count", lambda: 64)
    found = by_name(list(doctor._machine()))
    assert found["memory"].state == "warning" and "0.5 GB" in found["memory"].found
    assert found["this folder"].state == "warning"
    assert "1 of 64" in found["cores"].found


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_names_state_and_cure(width: int) -> None:
    checks = [
        Check("rasters", "ok", "rasterio 1.4"),
        Check("PROJ_DATA", "warning", "set by [QGIS] 上游", "unset PROJ_DATA"),
        Check("numpy", "problem", "not installed", "pip install numpy"),
    ]
    console = Console(file=io.StringIO(), width=width)
    print_checks(checks, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "[QGIS] 上游" in text and "→ unset PROJ_DATA" in text
    assert "1 problem: a study will not run before the cure; 1 warning" in " ".join(text.split())
    assert max(cell_len(line) for line in text.splitlines()) <= width
    print_checks(checks[:2], console)
    assert "ready to run a study; 1 warning" in console.file.getvalue()  # type: ignore[attr-defined]


def test_the_document_is_json_with_all_versions() -> None:
    document = json.loads(json.dumps(doctor.as_document([Check("a", "problem", "b", "c")])))
    assert document["usable"] is False
    assert document["packages"]["numpy"] == metadata.version("numpy")
    assert document["checks"] == [{"name": "a", "state": "problem", "found": "b", "cure": "c"}]
