"""Reads many broken inputs in one process and says of each what became of it.

``python fuzz_worker.py KIND FIRST LAST FOLDER``: for each seed one line ``> SEED`` before and
``= SEED`` (read, or refused in words) or ``! SEED TEXT`` after, so that whoever reads knows at
which input the process died.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_files import KINDS, bases, mutated_file
from fuzz_scenarios import (
    MATRICES,
    mutated_argument,
    mutated_override,
    mutated_scenario,
    write_rich_world,
)
from tiny_scenario import NORTH, WEST

SECONDS = 30
"""Of processor time for one input."""
MEMORY = 1_500_000_000
"""More than what the process has when it is warm [bytes]."""
LONGEST = 8000
"""An error of more characters is read by nobody."""


FILE_PLACES = "layers.x|input.|region|grid."
SCENARIO_PLACES = (
    "study.yaml|matrix.yaml|--set|--at|--memory|layers.|methods.|grid.|region|siting|costs|network|"
    "rule|runs of the batch|resources.|policies.|transport.|outputs."
)
"""An error names one of these, parted by strokes."""


class Slow(BaseException):
    """An input took longer than it may."""


def _late(*_: object) -> None:
    raise Slow


def scenarios(folder: Path) -> Callable[[int], None]:
    """What checks the scenario of a seed as `cdrsite check` does."""
    from cdrsite.config.load import load_scenario
    from cdrsite.study.run import check_study

    texts = write_rich_world(folder)
    path = folder / "study.yaml"

    def one(seed: int) -> None:
        overrides = [mutated_override(seed, texts)] if seed % 4 == 3 else []
        path.write_bytes(texts[seed % 3].encode() if overrides else mutated_scenario(seed, texts))
        check_study(load_scenario(path, overrides))

    return one


def files(folder: Path, kind: str) -> Callable[[int], None]:
    """What reads the file of a seed as a layer, in each way that a study would."""
    from cdrsite.config.models import GridModel, Region
    from cdrsite.layers.region import build_grid

    known = bases(kind, folder / "bases")
    bounds = (WEST, NORTH - 6000, WEST + 8000, NORTH)
    area = build_grid(Region(bounds=bounds, crs="EPSG:3035"), GridModel(crs="EPSG:3035"))

    def one(seed: int) -> None:
        path = folder / f"input.{kind}"
        for old in folder.glob("input*"):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        for suffix, data in mutated_file(seed, known).items():
            part = folder / f"input.{suffix}"
            part.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
        read = read_raster if kind in {"tif", "nc", "zarr"} else read_features
        read(path, area, seed)

    return one


def arguments(folder: Path) -> Callable[[int], None]:
    """What reads an argument or a matrix of the command line."""
    import random

    from cdrsite.compare.variants import variants
    from cdrsite.core.machine import parse_bytes
    from cdrsite.explain.place import parse_place

    path, matrix = folder / "study.yaml", folder / "matrix.yaml"
    path.write_text("name: x\n", encoding="utf-8")

    def one(seed: int) -> None:
        rng = random.Random(seed)
        if seed % 3 == 0:
            parse_place(mutated_argument(rng, ("8.5,50.2", "-180,90", "8 , 50")))
        elif seed % 3 == 1:
            parse_bytes(mutated_argument(rng, ("8GB", "500 MiB", "1.5 TB")), "--memory")
        else:
            matrix.write_bytes(mutated_scenario(seed, MATRICES))
            variants([path], matrix)

    return one


def read_raster(path: Path, area: Any, seed: int) -> None:
    """As a layer of values, of amounts or of classes."""
    from cdrsite.config.layers import FileLayer
    from cdrsite.core.grid import Block

    kind = ("intensive", "extensive", "class")[seed % 3]
    stack = checked(FileLayer(path=path, kind=kind, band="all" if seed % 5 == 4 else 1), area)
    block = Block(0, area.grid.rows, 0, area.grid.cols)
    if kind == "class":
        stack.class_share("x", dict.fromkeys(list(stack.survey("x").codes)[:3], 1.0), block)
    else:
        stack.bands("x", block)


def read_features(path: Path, area: Any, seed: int) -> None:
    """As areas, distances, columns, names, zones and as the region."""
    from cdrsite.config.layers import FileLayer
    from cdrsite.config.models import GridModel, Region
    from cdrsite.core.grid import Block
    from cdrsite.layers.region import build_grid

    way = seed % 6
    block = Block(0, area.grid.rows, 0, area.grid.cols)
    if way == 0:
        region = Region.model_construct(boundary=path, layer=None, where=None, bounds=None)
        build_grid(region, GridModel(max_cells=10_000))
        return
    more: dict[str, Any] = {3: {"attribute": "v"}, 4: {"buffer": 100.0}}.get(way, {})
    if path.suffix == ".topojson":
        more["crs"] = "EPSG:4326"  # such files say none
    stack = checked(FileLayer(path=path, **more), area)
    if way == 1:
        stack.coverage("x", block, buffer=50.0)
    elif way == 2:
        stack.distance("x", block, "name like 'p%' or v > 1")
    elif way == 5:
        stack.labels("x", block)
        stack.text("x", "name")
    else:
        stack.bands("x", block)


def checked(layer: Any, area: Any) -> Any:
    """The layer under the name ``x`` after `check`, which raises its first error."""
    from cdrsite.core.errors import DataError
    from cdrsite.layers.check import check_layers
    from cdrsite.layers.stack import LayerStack

    stack = LayerStack({"x": layer}, area)
    for finding in check_layers(stack, {"x": ["siting"]}):
        if finding.level == "error":
            raise DataError(finding.text)
    return stack


def each(folder: Path) -> Callable[[int], None]:
    """Read broken files of all kinds in turn."""
    readers = []
    for kind in KINDS:
        (folder / kind).mkdir(exist_ok=True)
        readers.append(files(folder / kind, kind))
    return lambda seed: readers[seed % len(readers)](seed // len(readers))


def judge(one: Callable[[int], None], seed: int, place: str) -> str | None:
    """What is wrong with how an input was met; None where it was read or refused in words."""
    from cdrsite.core.errors import CdrsiteError, CdrsiteWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            one(seed)
        except CdrsiteError as error:
            wrong = fault(str(error), error.exit_code, place)
            if wrong is not None:
                return wrong
        except Slow:
            return f"took more than {SECONDS} s: {tail()}"
        except BaseException as error:  # noqa: BLE001 - that is what is looked for
            return f"{type(error).__name__}: {str(error)[:300]} {tail()}"
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    for item in caught:
        if not issubclass(item.category, CdrsiteWarning):
            return f"warning of a library: {item.message} ({item.filename}:{item.lineno})"
    return None


def fault(text: str, exit_code: int, place: str) -> str | None:
    """What is wrong with a refusal; None if it can be read and says where."""
    said = {
        "not refused as wrong input": exit_code != 2,
        f"an error of {len(text)} characters": len(text) > LONGEST,
        "an error that names neither file nor key": not any(w in text for w in place.split("|")),
        "an error with control characters": any(sign < " " and sign != "\n" for sign in text),
    }
    wrong = [words for words, holds in said.items() if holds]
    return f"{', '.join(wrong)}: {text[:300]!r}" if wrong else None


def tail() -> str:
    """Where an error came from: the last frames, in one line."""
    frames = traceback.extract_tb(sys.exc_info()[2])[-7:]
    return " < ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in reversed(frames))


def main(kind: str, first: int, last: int, folder: Path) -> None:
    """Go through the seeds."""
    # what GDAL itself prints goes to the standard error of the process, and is not judged here
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
    os.dup2(2, 1)
    folder.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGPROF, _late)
    made = {"scenario": scenarios, "argument": arguments}.get(kind)
    one = made(folder) if made else each(folder) if kind == "each" else files(folder, kind)
    place = FILE_PLACES if made is None else SCENARIO_PLACES
    if first > 0:
        judge(one, 0, place)  # warm: what is loaded once does not count
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if sys.platform == "linux" else 0
    if pages:
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for seed in range(first, last):
        answers.write(f"> {seed}\n")
        answers.flush()
        np.random.seed(0)  # noqa: NPY002 - a library that draws draws the same
        wrong = judge(one, seed, place)
        answers.write(f"= {seed}\n" if wrong is None else f"! {seed} {' '.join(wrong.split())}\n")
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
