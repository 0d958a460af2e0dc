"""Whether this installation can run a study: versions, coordinates, files, compiler, machine."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from cdrsite.core.machine import cores, free_memory
from cdrsite.core.version import __version__

CheckState = Literal["ok", "warning", "problem"]

PATHS = ("PROJ_DATA", "PROJ_LIB", "GDAL_DATA", "GDAL_DRIVER_PATH")
"""Variables by which one program's PROJ or GDAL reaches into another's."""
LEAST_MEMORY = 2 * 10**9
"""Less free memory than this is worth a warning: the demo takes about 1 GB [bytes]."""
LEAST_DISK = 10**9
"""Less free disk than this is worth a warning [bytes]."""
ORIGIN = ((10.0, 52.0), (4_321_000.0, 3_210_000.0))
"""Longitude and latitude of the natural origin of EPSG:3035, and its false origin [degree], [m]."""
EXTRAS = {
    "netcdf": "reads and writes NetCDF",
    "excel": "reads network cases from Excel workbooks",
    "dask": "runs a study on a cluster",
    "remote": "reads inputs by https:// and s3://, where a scenario allows it",
}
"""What each optional set of packages gives."""
REINSTALL = "pip install --force-reinstall cdrsite, best in a new environment"

WRITABLE = "set TMPDIR to a folder that you may write to"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    name : str
        What.
    state : str
        "ok", "warning" (a study runs, but something will annoy) or "problem" (it will not run).
    found : str
        What was found, in one sentence.
    cure : str
        What to do about it; empty where all is well.
    """

    name: str
    state: CheckState
    found: str
    cure: str = ""


def _check(
    name: str, good: bool, found: str, cure: str, otherwise: CheckState = "problem"
) -> Check:
    """A check that is well, or something else with its cure."""
    return Check(name, "ok", found) if good else Check(name, otherwise, found, cure)


def examine(foreign: Mapping[str, str] | None = None) -> list[Check]:
    """Look at everything; no check can stop another one.

    Parameters
    ----------
    foreign : mapping of str to str, optional
        Variables of another program that the command line has already dropped, with their values.

    Returns
    -------
    list of Check
        In the order in which a person would look.
    """
    looks: tuple[tuple[str, Callable[[], Iterator[Check]]], ...] = (
        ("Python", _python),
        ("packages", _packages),
        ("other programs", lambda: _foreign(foreign or {})),
        ("coordinates", _coordinates),
        ("rasters", _rasters),
        ("vectors", _vectors),
        ("compiler", _compiler),
        ("solver", _solver),
        ("demo", _demo),
        ("machine", _machine),
        ("output", _output),
        ("extras", _extras),
    )
    found: list[Check] = []
    for name, look in looks:
        try:
            found.extend(look())
        except OSError as error:
            found.append(Check(name, "problem", _line(error), f"{WRITABLE}; or {REINSTALL}"))
        except Exception as error:  # noqa: BLE001 - the point is to report whatever is broken
            found.append(Check(name, "problem", _line(error), REINSTALL))
    return found


def _line(error: Exception) -> str:
    """An error in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def usable(checks: list[Check]) -> bool:
    """Whether a study would run."""
    return all(check.state != "problem" for check in checks)


def as_document(checks: list[Check]) -> dict[str, Any]:
    """The checks and all versions as plain values, for a report of a fault."""
    return {
        "usable": usable(checks),
        "cdrsite": __version__,
        "python": sys.version.split()[0],
        "platform": sys.platform,
        "checks": [asdict(check) for check in checks],
        "packages": {name: _version(name) for name, _, _ in _required()},
    }


def _python() -> Iterator[Check]:
    least = metadata.metadata("cdrsite")["Requires-Python"].removeprefix(">=")
    text = f"{sys.version.split()[0]} in {sys.prefix}"
    good = _numbers(text) >= _numbers(least)
    yield _check("Python", good, text, f"install Python {least} or newer")


def _required() -> list[tuple[str, str, str]]:
    """What our own metadata asks for: name, least version, extra (empty for all)."""
    found = []
    for line in metadata.requires("cdrsite") or ():
        name, least, extra = re.match(  # type: ignore[union-attr] # hatchling writes no other form
            r"([\w.-]+)[^>;]*(?:>=\s*([\w.]+))?[^;]*(?:;.*extra == ['\"]([\w-]+)['\"])?", line
        ).groups(default="")
        found.append((name, least, extra))
    return found


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    """Leading numbers of a version: "1.26.4rc1" gives (1, 26, 4)."""
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _packages() -> Iterator[Check]:
    """Each package against the lower bound of our own metadata."""
    needed = [(name, least) for name, least, extra in _required() if not extra]
    good = 0
    for name, least in needed:
        have = _version(name)
        cure = f"pip install '{name}>={least}'" if least else f"pip install {name}"
        if have is None:
            yield Check(name, "problem", "not installed", cure)
        elif _numbers(have) < _numbers(least):
            yield Check(name, "problem", f"{have}, and {least} is the least", cure)
        else:
            good += 1
    if good:
        shown = ", ".join(f"{name} {_version(name)}" for name in ("numpy", "numba", "rasterio"))
        yield Check("packages", "ok", f"{good} of {len(needed)} new enough ({shown}, ...)")


def _foreign(dropped: Mapping[str, str]) -> Iterator[Check]:
    """Variables that lead rasterio to the PROJ database of another program."""
    cure = "in Python and notebooks, where nothing drops it: unset {}, or start from another shell"
    for name, value in dropped.items():
        found = f"set by another program to {value}; the command line ignores it"
        yield Check(name, "warning", found, cure.format(name))
    left = [name for name in PATHS if name in os.environ]
    for name in left:
        own = own_data(os.environ[name])
        found = f"set to {os.environ[name]}, of {'this installation' if own else 'another program'}"
        yield _check(name, own, found, f"unset {name}", "warning")
    if not left and not dropped:
        yield Check("other programs", "ok", "none sets " + ", ".join(PATHS[:3]))


def own_data(folder: str) -> bool:
    """Whether a data folder belongs to this installation, as in a conda environment."""
    rasterio = find_spec("rasterio")
    homes = list(rasterio.submodule_search_locations or ()) if rasterio is not None else []
    if any((Path(home) / "proj_data").is_dir() for home in homes):
        return any(Path(folder).is_relative_to(home) for home in homes)  # a wheel brings its own
    return Path(folder).is_relative_to(sys.prefix)


def _near(point: tuple[float, float]) -> bool:
    return all(abs(a - b) < 0.01 for a, b in zip(point, ORIGIN[1], strict=True))


def _coordinates() -> Iterator[Check]:
    """A point whose coordinates are known by definition, through both copies of PROJ."""
    import pyproj
    from rasterio.warp import transform

    to_laea = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:3035", always_xy=True)
    x, y = to_laea.transform(*ORIGIN[0])
    cure = "unset PROJ_DATA and PROJ_LIB; if that does not help: " + REINSTALL
    database = f"PROJ {pyproj.proj_version_str}, {pyproj.datadir.get_data_dir()}"
    yield _check("pyproj", _near((x, y)), database, cure)
    try:
        xs, ys = transform("EPSG:4326", "EPSG:3035", [ORIGIN[0][0]], [ORIGIN[0][1]])
        x, y = xs[0], ys[0]
        good, found = _near((x, y)), f"transforms the origin of EPSG:3035 to {x:.1f}, {y:.1f}"
    except Exception as error:  # noqa: BLE001 - it has more than one for a foreign database
        good, found = False, _line(error)
    yield _check("rasterio's PROJ", good, found, cure)


def _rasters() -> Iterator[Check]:
    """A small raster, written and read again as the results are."""
    import numpy as np
    import rasterio
    from rasterio.shutil import copy

    values = np.arange(256 * 256, dtype=np.float32).reshape(256, 256)
    with tempfile.TemporaryDirectory(prefix="cdrsite-") as folder:
        plain, cog = Path(folder) / "plain.tif", Path(folder) / "cog.tif"
        profile = {"driver": "GTiff", "width": 256, "height": 256, "count": 1, "dtype": "float32"}
        place = rasterio.transform.from_origin(4e6, 3e6, 100.0, 100.0)
        with rasterio.open(plain, "w", crs="EPSG:3035", transform=place, **profile) as target:
            target.write(values, 1)
        copy(plain, cog, driver="COG")
        with rasterio.open(cog) as source:
            same = np.array_equal(source.read(1), values) and source.crs.to_epsg() == 3035
    library = f"rasterio {rasterio.__version__} with GDAL {rasterio.__gdal_version__}"
    yield _round_trip("rasters", library, "GeoTIFF", same)


def _round_trip(name: str, library: str, form: str, same: bool) -> Check:
    how = f"writes and reads {form}" if same else "a file reads back differently"
    return _check(name, same, f"{library}: {how}", REINSTALL)


def _vectors() -> Iterator[Check]:
    """A small GeoPackage, written and read again."""
    import geopandas as gpd
    import pyogrio
    from shapely.geometry import Point

    name = "上游 <b>"
    frame = gpd.GeoDataFrame({"name": [name]}, geometry=[Point(*ORIGIN[1])], crs="EPSG:3035")
    with tempfile.TemporaryDirectory(prefix="cdrsite-") as folder:
        file = Path(folder) / "small.gpkg"
        frame.to_file(file, engine="pyogrio")
        again = gpd.read_file(file, engine="pyogrio")
    same = list(again["name"]) == [name] and again.crs == frame.crs
    gdal = ".".join(map(str, pyogrio.__gdal_version__))
    library = f"pyogrio {pyogrio.__version__} with GDAL {gdal}"
    yield _round_trip("vectors", library, "GeoPackage", same)


def _triangle(count: int) -> int:
    total = 0
    for number in range(count):
        total += number
    return total


def _compiler() -> Iterator[Check]:
    """A tiny kernel compiled now, and the folder where compiled ones are kept."""
    import numba

    from cdrsite.core.kernel import kernel

    start = time.perf_counter()
    compiled: Any = numba.njit(_triangle)
    good = compiled(1000) == 499_500
    seconds = time.perf_counter() - start
    found = f"numba {numba.__version__}: compiled a small kernel in {seconds:.1f} s"
    yield _check("compiler", good, found, REINSTALL)
    kept: Any = kernel(_triangle)
    kept(1)
    folder = kept.stats.cache_path
    good, found = folder is not None and os.access(folder, os.W_OK), str(folder)
    if not good and folder is None:
        found = "no folder can be written: each start compiles for up to a minute"
    elif not good:
        found = f"{folder} cannot be written: each start may compile for up to a minute"
    cure = "set NUMBA_CACHE_DIR to a folder that you may write to"
    yield _check("kernel cache", good, found, cure, "warning")


def _solver() -> Iterator[Check]:
    """The smallest linear programme with an answer."""
    from cdrsite.core.solver import quiet_highs

    solver = quiet_highs()
    x = solver.addVariable(lb=0.0, ub=3.0, obj=-2.0)
    solver.addConstr(x <= 2.0)
    solver.run()
    value = solver.getInfo().objective_function_value
    good = abs(value + 4.0) < 1e-9
    found = f"HiGHS {solver.version()}" + ("" if good else f": found {value}, expected -4")
    yield _check("solver", good, found, REINSTALL)


def _demo() -> Iterator[Check]:
    from cdrsite.cli.demo import demo_folder

    folder = demo_folder("config").parent
    yield Check("demo", "ok", f"scenario and data for `cdrsite init`: {folder}")


def _machine() -> Iterator[Check]:
    """Cores, memory and disk that this process may use."""
    allowed, built = cores(), os.cpu_count() or 1
    limit = "" if allowed >= built else f" of {built}: the rest is kept from this process"
    yield Check("cores", "ok", f"{allowed}{limit}")
    memory = free_memory()
    cure = "close other programs, or use a coarser grid.resolution"
    enough = memory >= LEAST_MEMORY
    yield _check("memory", enough, f"{memory / 1e9:.1f} GB free", cure, "warning")
    yield from _disk(Path.cwd(), "this folder")
    temporary = Path(tempfile.gettempdir())
    if temporary.stat().st_dev != Path.cwd().stat().st_dev:
        yield from _disk(temporary, "temporary folder")


def _disk(folder: Path, name: str) -> Iterator[Check]:
    import shutil

    free = shutil.disk_usage(folder).free
    found, cure = (
        f"{free / 1e9:.1f} GB free in {folder}",
        "free some space, or work on another disk",
    )
    enough, writable = free >= LEAST_DISK, os.access(folder, os.W_OK)
    if enough and not writable:
        found, cure = f"{folder} cannot be written", "work in a folder of your own"
    yield _check(name, enough and writable, found, cure, "warning")


def _output() -> Iterator[Check]:
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    utf = "utf" in encoding.lower()
    how = "all names and signs can be shown" if utf else "names in other scripts are shown as ?"
    yield _check("output", utf, f"{encoding}: {how}", "set PYTHONUTF8=1", "warning")


def _extras() -> Iterator[Check]:
    """Optional packages: what each set gives, and how to get it."""
    required = _required()
    for extra, gives in EXTRAS.items():
        names = [(name, least) for name, least, of in required if of == extra]
        missing = [n for n, least in names if _numbers(_version(n) or "0") < _numbers(least)]
        if names and missing:
            how = f"not installed, only if you want it: pip install 'cdrsite[{extra}]'"
            yield Check(f"[{extra}]", "ok", f"{gives}: {how}")
        elif names:
            yield Check(f"[{extra}]", "ok", gives)
    yield Check("not needed", "ok", "QGIS, GDAL's own commands, a browser, a network connection")
