"""Which rasters a run writes, and what each is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.grid import Block
from cdrsite.core.machine import cores
from cdrsite.core.memory import MOST_CELLS, remembered_files
from cdrsite.core.secrets import hidden
from cdrsite.core.version import __version__
from cdrsite.core.vocabulary import VARIABLES, variable
from cdrsite.outputs.legend import (
    AGAIN,
    INCLUDED_BIT,
    METHODS_TAG,
    OUTSIDE_BIT,
    RULE_TAG,
    WHOM_TAG,
    class_categories,
    label_names,
    pool_categories,
    reason_categories,
)
from cdrsite.outputs.rasters.cog import READ, write_cog_blocks
from cdrsite.outputs.rasters.raster import RasterSpec
from cdrsite.outputs.zones import touching_blocks
from cdrsite.result.attributes import texts

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from cdrsite.config.models import Scenario
    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.result.study_result import StudyResult

    Read = Callable[[Block], NDArray[Any]]
    Plan = tuple[RasterSpec, Read]


LICENCE_HEAD = "follows from those of the inputs: "
"""Begin of what a raster says of its licence."""


def raster_plan(result: StudyResult) -> Iterator[Plan]:
    """Every raster of a run: what it is, and how its blocks are read.

    Parameters
    ----------
    result : StudyResult
        Of a run.

    Yields
    ------
    tuple
        The :class:`RasterSpec`, and a function of a block that gives its values.
    """
    common = common_tags(result.scenario)
    for name, values in result.dataset.data_vars.items():
        if not variable(str(name)).raster:
            continue
        if values.dims == ("removal_method", "y", "x"):
            for index, method in enumerate(result.methods):
                spec = _method_raster(result, str(name), method, common)
                yield spec, blocks_of(values[index])
        elif values.dims == ("removal_method", "milestone", "y", "x"):
            for index, method in enumerate(result.methods):
                spec = _method_raster(result, str(name), method, common)
                for t, year in enumerate(values["milestone"].to_numpy().tolist()):
                    yield _of_year(spec, year), blocks_of(values[index, t])
        elif values.dims in {("rank", "y", "x"), ("milestone", "y", "x")}:
            lead = str(values.dims[0])
            for index, one in enumerate(values[lead].to_numpy().tolist()):
                shared = _shared_raster(result, str(name), {**common, lead: str(one)})
                words = f"{shared.description}: {one}"
                yield (
                    replace(shared, name=f"{name}_{one}", description=words),
                    blocks_of(values[index]),
                )
        elif values.dims == ("y", "x"):
            yield _shared_raster(result, str(name), common), blocks_of(values)


def _of_year(spec: RasterSpec, year: int) -> RasterSpec:
    """A raster of a method at a milestone."""
    words, tags = f"{spec.description}: {year}", {**spec.tags, "milestone": str(year)}
    return replace(spec, name=f"{spec.name}_{year}", description=words, tags=tags)


def blocks_of(variable: xr.DataArray) -> Read:
    """Reads blocks of a variable of dimensions (y, x), which may be on disk."""
    return lambda block: variable.variable[block.slices].to_numpy()


def distinct(read: Read, grid: AnalysisGrid) -> NDArray[Any]:
    """The values that occur, ascending."""
    values = np.zeros(0, np.uint32)
    for block in grid.blocks(READ):
        flat = read(block).ravel()
        # neighbours are mostly equal: what differs from the one before is few, and quickly sorted
        starts = flat[np.concatenate([[True], flat[1:] != flat[:-1]])]
        values = np.unique(np.concatenate([values, starts]) if values.size else starts)
    return values


def _method_raster(
    result: StudyResult, name: str, method: str, common: dict[str, str]
) -> RasterSpec:
    values = result.dataset[name]
    is_class = "flag_values" in values.attrs
    per_cell = ", per cell" if variable(name).per_cell else ""
    return RasterSpec(
        name=f"{name}_{method}",
        kind="class" if is_class else "quantity",
        unit=str(values.attrs.get("units", "")),
        description=f"{method}: {values.attrs.get('long_name', name)}{per_cell}",
        categories=class_categories(values) if is_class else (),
        tags={**common, "method": method, "variable": name},
    )


def _shared_raster(result: StudyResult, name: str, common: dict[str, str]) -> RasterSpec:
    values = result.dataset[name]
    tags = {**common, "variable": name}
    description = str(values.attrs.get("long_name", name))
    if name == "exclusion_reasons":
        legend = {f"{RULE_TAG}{bit:02d}": rule for bit, rule in enumerate(result.rule_names)}
        legend |= _whom(result)
        legend |= {
            f"{RULE_TAG}{INCLUDED_BIT}": AGAIN,
            f"{RULE_TAG}{OUTSIDE_BIT}": "outside the region",
        }
        categories = reason_categories(distinct(blocks_of(values), result.grid), result.rule_names)
        return RasterSpec(name, "bits", "", description, categories, {**tags, **legend})
    if "flag_values" in values.attrs:
        return RasterSpec(name, "class", "", description, class_categories(values), tags)
    if np.issubdtype(values.dtype, np.integer):
        names = label_names(values)
        pairs = touching_blocks(blocks_of(values), result.grid, READ) if len(names) > 1 else set()
        pools = pool_categories(names, pairs)
        return RasterSpec(name, "label", "", description, pools, tags)
    return RasterSpec(name, "quantity", str(values.attrs.get("units", "")), description, (), tags)


def _whom(result: StudyResult) -> dict[str, str]:
    """The methods of each exclusion rule that does not hold for all."""
    every = ", ".join(result.methods)
    holders = texts(result.dataset.attrs.get("exclusion_rules_for", ()))
    tags = {f"{WHOM_TAG}{bit:02d}": who for bit, who in enumerate(holders) if who != every}
    return {METHODS_TAG: every, **tags} if tags else {}


def common_tags(scenario: Scenario) -> dict[str, str]:
    """Metadata of every raster: scenario, program, money's year, licences of the inputs."""
    tags = {
        "scenario": scenario.name,
        "title": scenario.title or scenario.name,
        "software": f"cdrsite {__version__}",
        "money": f"USD of {scenario.costs.base_year}",
    }
    licences = input_licences(scenario)
    stated = ", ".join(sorted(set(licences.values()))) or "which the scenario does not state"
    tags["licence"] = f"{LICENCE_HEAD}{stated}"
    if licences:
        tags["input_licences"] = "; ".join(f"{name}: {text}" for name, text in licences.items())
    return {name: hidden(text) for name, text in tags.items()}


def input_licences(scenario: Scenario) -> dict[str, str]:
    """Layer -> licence, as the scenario says or as the dataset's preset knows."""
    from cdrsite.core.errors import CdrsiteError
    from cdrsite.library.datasets import load_dataset

    licences: dict[str, str] = {}
    for name, layer in scenario.layers.items():
        licence, preset = getattr(layer, "licence", None), getattr(layer, "preset", None)
        if licence is None and preset is not None:
            try:
                licence = load_dataset(preset).licence
            except CdrsiteError:  # a preset family that was resolved by the data
                continue
        if licence:
            licences[name] = str(licence)
    return licences


def write_rasters(folder: Path, result: StudyResult, done: Callable[[], None]) -> list[RasterSpec]:
    """Write every raster into a folder, several at a time.

    Parameters
    ----------
    folder : Path
        Exists.
    result : StudyResult
        Of a run.
    done : callable
        Called after each raster.

    Returns
    -------
    list of RasterSpec
        What was written, in a fixed order.
    """
    grid, compression = result.grid, result.scenario.outputs.compression

    def one(item: Plan) -> RasterSpec:
        spec, read = item
        path = folder / f"{spec.name}.tif"

        def write() -> list[Path]:
            write_cog_blocks(path, read, grid, spec, compression)
            return [path, path.with_name(path.name + ".aux.xml")] if spec.categories else [path]

        if grid.size > MOST_CELLS:
            write()
        else:
            whole = read(Block(0, grid.rows, 0, grid.cols))
            remembered_files("raster", (whole, repr(grid), spec, compression), folder, write)
        return spec

    written = []
    with ThreadPoolExecutor(min(4, cores())) as pool:
        for spec in pool.map(one, list(raster_plan(result))):
            written.append(spec)
            done()
    return written


def readme(specs: list[RasterSpec], rule_names: tuple[str, ...]) -> str:
    """What each raster is, its unit and its codes, for a person who opens the folder."""
    width = max((len(spec.name) for spec in specs), default=0) + 5
    lines = [
        "Rasters of this run: Cloud Optimised GeoTIFFs, one band each, all on one grid.",
        "",
        "Four states are kept apart:",
        "  a value      the number in the file",
        "  a true zero  0, and a resource in limit_METHOD.tif: known, and nothing fits there",
        "  unknown      nodata (-9999), and 'unknown' in limit_METHOD.tif: a layer has no value",
        "  excluded     equal share and score 0, and 'excluded' in limit_METHOD.tif;",
        "               which rules did it: exclusion_reasons.tif",
        "Outside the region every file has nodata.",
        "The plan's files (allocated_METHOD, net_removal, plan_cost) have nodata where they are",
        "unknown or excluded, and 0 where something is possible and the plan does nothing;",
        "state.tif and method_state_METHOD.tif say which it is, and lie under the other maps in",
        "QGIS. A cost has no number (-9999) where nothing fits or nothing is done. Units stand in",
        "brackets; totals 'per cell' add up over cells, all others are values at a place.",
        "",
        "equal_share, limit and score: each method with an equal share of every pool, divided over",
        "the land that may draw on it. It is no bound: the plan brings pools and storage to where",
        "they do most. What a method could do at most is in tables/methods.csv (alone_*).",
        "allocated, winner, binding and shortfall: the plan, in which all methods share land,",
        "pools and storage; 0 in allocated is a decision: possible, and not used by the plan.",
        "",
    ]
    for spec in sorted(specs, key=lambda spec: spec.name):
        unit = f" [{spec.unit}]" if spec.unit else ""
        lines.append(f"{spec.name + '.tif':<{width}} {spec.description}{unit}")
    classes = [spec for spec in specs if spec.kind == "class"]
    for record in VARIABLES.values():
        first = next((s for s in classes if s.tags.get("variable") == record.name), None)
        if record.codes and first is not None:
            lines += ["", f"Codes of {record.file}.tif ({record.codes}):"]
            lines += [f"  {c.code:>3}  {c.label}" for c in first.categories]
            lines += [f"  {int(first.nodata):>3}  outside the region (nodata)"]
    lines += ["", *reason_legend(rule_names)]
    return "\n".join(lines) + "\n"


def reason_legend(rule_names: tuple[str, ...]) -> list[str]:
    """The bits of the exclusion reasons, one line each."""
    bits = dict(enumerate(rule_names)) | {
        INCLUDED_BIT: AGAIN,
        OUTSIDE_BIT: "outside the region (nodata)",
    }
    head = "Bits of exclusion_reasons.tif (add up where several rules hit a cell; 0: none):"
    return [head, *(f"  bit {bit:>2}  value {1 << bit:>10}  {rule}" for bit, rule in bits.items())]
