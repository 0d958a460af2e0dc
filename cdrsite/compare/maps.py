"""Maps of what changed between two runs on one grid: net removal, cost, winning method.

Everything is read, computed and counted by blocks from the two labelled datasets.

One module: the maps are made in one pass, and are written with what they mean.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.core.errors import DataError
from cdrsite.core.grid import AnalysisGrid, Block, require_same_grid
from cdrsite.core.states import EXCLUDED, OUTSIDE
from cdrsite.core.version import __version__
from cdrsite.core.vocabulary import NO_METHOD, OUTSIDE_NAME
from cdrsite.outputs.classes import UNCHANGED_COLOUR, change_classes
from cdrsite.outputs.legend import class_colour, flag_names
from cdrsite.outputs.palette import mixed
from cdrsite.outputs.qml import raster_qml, sample_values, write_style
from cdrsite.outputs.rasters.cog import write_cog_blocks
from cdrsite.outputs.rasters.raster import Category, RasterSpec
from cdrsite.outputs.sld import write_both
from cdrsite.outputs.tonnes import net_in_plan, read_block
from cdrsite.result.store import grid_of

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from cdrsite.outputs.runfolder import RunFolder

Slices = tuple[slice, slice]

CHANGE = "change_of_net_removal"
"""File of the change of all methods together; ``_METHOD`` follows for one method."""
COST = "change_of_cost"
WINNER = "change_of_winner"
UNCHANGED = 0
"""Code of cells whose winning method is the same."""
OTHER = 254
"""Code of rare changes, where there are more kinds than codes."""
OTHER_COLOUR = "#7F7F7F"
GIVEN_UP = "#A98B5B"
"""Where no method is left in the plan: darker than the same on a map of one run, to be seen."""
BLOCK = 1024
"""Rows and columns of a block, as the datasets are stored [cells]."""


@dataclass(frozen=True)
class PlanMaps:
    """The plan of one run, cell by cell.

    Attributes
    ----------
    data : xr.Dataset
        The labelled dataset of the run.
    """

    data: xr.Dataset

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods."""
        return tuple(str(name) for name in np.atleast_1d(self.data["removal_method"].to_numpy()))

    @cached_property
    def classes(self) -> dict[int, str]:
        """Code -> words of the map of winning methods."""
        return flag_names(self.data["winner"])

    def net(self, at: Slices, method: str) -> NDArray[np.float64]:
        """Net removal of a method in the plan [t/yr]; a method that it does not know removes 0."""
        if method not in self.methods:
            return np.where(self.winner(at) == OUTSIDE, np.nan, 0.0)
        return net_in_plan(self.data, self.methods.index(method), at)

    def all_net(self, at: Slices) -> NDArray[np.float64]:
        """Net removal of all methods [t/yr]."""
        if "net_removal" in self.data:
            net = read_block(self.data, "net_removal", at)
            net[self.winner(at) == EXCLUDED] = 0.0
            return net
        parts = np.stack([self.net(at, method) for method in self.methods])
        return np.where(np.isnan(parts).all(axis=0), np.nan, np.nansum(parts, axis=0))

    @property
    def has_cost(self) -> bool:
        """Whether the dataset knows what the plan costs in each cell."""
        return {"net_removal", "plan_cost"} <= set(self.data.data_vars)

    def cost(self, at: Slices) -> NDArray[np.float64]:
        """Cost of the plan [USD/yr]; 0 where it does nothing."""
        net = self.all_net(at)
        return np.where(net == 0, 0.0, net * read_block(self.data, "plan_cost", at))

    def winner(self, at: Slices) -> NDArray[np.int64]:
        """Code of the winning method or of the state."""
        return read_block(self.data, "winner", at).astype(np.int64)


@dataclass(frozen=True)
class Quantity:
    """A map of the change of a quantity, computed block by block.

    Attributes
    ----------
    name : str
        Of the file.
    unit, description : str
        Of the values.
    method : str or None
        Of one method, or of all.
    runs : tuple of PlanMaps
        The two runs.
    of : callable
        The quantity in a block of a run.
    """

    name: str
    unit: str
    description: str
    method: str | None
    runs: tuple[PlanMaps, PlanMaps]
    of: Callable[[PlanMaps, Slices], NDArray[np.float64]]

    def block(self, block: Block) -> NDArray[np.float32]:
        """Second run less first run in a block; NaN where either is unknown (rule 2)."""
        first, second = (self.of(run, block.slices) for run in self.runs)
        return (second - first).astype(np.float32)


@dataclass(frozen=True)
class ChangeSum:
    """What a map of change adds up to.

    Attributes
    ----------
    name, unit : str
        Of the map and its values.
    method : str or None
        Of one method, or of all.
    total, rise, fall : float
        Sum over all cells, over those where it rises and where it falls [unit].
    rising, falling, unknown : int
        Cells; ``unknown`` are known in one run only.
    """

    name: str
    unit: str
    method: str | None
    total: float
    rise: float
    fall: float
    rising: int
    falling: int
    unknown: int


@dataclass(frozen=True)
class Turn:
    """Cells of which one class in the first run became another one in the second run.

    Attributes
    ----------
    before, after : str
        The classes.
    cells : int
        Their number.
    area_km2 : float
        Their area [km2].
    net_before, net_after : float
        Net removal of all methods in them, in each run; what is unknown is not counted [t/yr].
    """

    before: str
    after: str
    cells: int
    area_km2: float
    net_before: float
    net_after: float


@dataclass(frozen=True)
class Differences:
    """Maps of change between two runs on one grid.

    Attributes
    ----------
    a, b : PlanMaps
        The two runs; open datasets.
    grid : AnalysisGrid
        Of both.
    with_cost : bool
        Whether their costs can be subtracted.
    """

    a: PlanMaps
    b: PlanMaps
    grid: AnalysisGrid
    with_cost: bool = True

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods of either run."""
        return tuple(dict.fromkeys([*self.a.methods, *self.b.methods]))

    @classmethod
    def between(cls, a: RunFolder, b: RunFolder, *, with_cost: bool = True) -> Differences:
        """Of two runs.

        Raises
        ------
        GridError
            Their grids differ; nothing is resampled (rule 1).
        DataError
            A run's dataset has no plan.
        """
        plans = []
        for run in (a, b):
            data = run.dataset()
            absent = sorted({"allocated", "limit", "winner"} - set(data.data_vars))
            if absent:
                raise DataError(
                    "the run's dataset has no plan to compare",
                    where=str(run.path),
                    got=f"no {', '.join(absent)}",
                    cure="run the study again with this version",
                )
            plans.append(PlanMaps(data))
        grid = grid_of(plans[0].data)
        require_same_grid(grid, grid_of(plans[1].data), str(b.path))
        return cls(plans[0], plans[1], grid, with_cost)

    def quantities(self) -> Iterator[Quantity]:
        """Every map of the change of a quantity."""
        runs, words = (self.a, self.b), "change of net removal, per cell"
        yield Quantity(CHANGE, "t/yr", words, None, runs, PlanMaps.all_net)
        for method in self.methods:
            own = partial(PlanMaps.net, method=method)
            yield Quantity(f"{CHANGE}_{method}", "t/yr", f"{method}: {words}", method, runs, own)
        if self.with_cost and self.a.has_cost and self.b.has_cost:
            words = "change of the cost of the plan, per cell"
            yield Quantity(COST, "USD/yr", words, None, runs, PlanMaps.cost)

    @cached_property
    def sums(self) -> tuple[ChangeSum, ...]:
        """What each map of a quantity adds up to."""
        quantities, unknown = list(self.quantities()), 0
        parts: dict[str, list[tuple[float, ...]]] = {quantity.name: [] for quantity in quantities}
        for block in self.grid.blocks(BLOCK):
            lost, gained = (np.isnan(run.all_net(block.slices)) for run in (self.a, self.b))
            unknown += int((lost != gained).sum())  # cells that only one of the runs knows
            for quantity in quantities:
                change = quantity.block(block).astype(np.float64)
                up, down = change > 0, change < 0
                sizes = change[up].sum(), change[down].sum(), up.sum(), down.sum()
                parts[quantity.name].append(tuple(map(float, sizes)))
        sums = []
        for quantity in quantities:
            rise, fall, *cells = map(math.fsum, zip(*parts[quantity.name], strict=True))
            rising, falling = map(int, cells)
            head = quantity.name, quantity.unit, quantity.method
            sums.append(ChangeSum(*head, rise + fall, rise, fall, rising, falling, unknown))
        return tuple(sums)

    # -------------------------------------------------------------- from and to

    @cached_property
    def turns(self) -> tuple[Turn, ...]:
        """Which class became which, the largest areas first; with what stayed as it was."""
        cells: Counter[tuple[str, str]] = Counter()
        sums: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
        for block in self.grid.blocks(BLOCK):
            row_area = self.grid.row_areas[block.slices[0]] / 1e6
            first, second = (np.nan_to_num(run.all_net(block.slices)) for run in (self.a, self.b))
            for pair, mask in self.pairs(block.slices):
                cells[pair] += int(mask.sum())
                area = float((mask.sum(axis=1) * row_area).sum())
                tonnes = float(first[mask].sum()), float(second[mask].sum())
                sums.setdefault(pair, []).append((area, *tonnes))
        turns = [
            Turn(*pair, cells[pair], *map(math.fsum, zip(*sums[pair], strict=True)))
            for pair in cells
        ]
        return tuple(sorted(turns, key=lambda turn: (-turn.area_km2, turn.before, turn.after)))

    def pairs(self, at: Slices) -> Iterator[tuple[tuple[str, str], NDArray[np.bool_]]]:
        """Pairs of classes in a block with their cells; the outside of both runs is left out."""
        first, second = self.a.winner(at), self.b.winner(at)
        joint = first * 256 + second
        for code in np.unique(joint):
            before, after = divmod(int(code), 256)
            pair = self.a.classes.get(before, OUTSIDE_NAME), self.b.classes.get(after, OUTSIDE_NAME)
            if pair != (OUTSIDE_NAME, OUTSIDE_NAME):
                yield pair, joint == code

    def turn_codes(self, block: Block) -> NDArray[np.uint8]:
        """Codes of the map of changes of class in a block; 255 outside."""
        codes = np.full(block.shape, 255, np.uint8)
        for pair, mask in self.pairs(block.slices):
            codes[mask] = UNCHANGED if pair[0] == pair[1] else self.codes[pair]
        return codes

    @cached_property
    def codes(self) -> dict[tuple[str, str], int]:
        """Code of each change of class on the map, the largest areas first."""
        changed = [turn for turn in self.turns if turn.before != turn.after]
        return {
            (turn.before, turn.after): min(place, OTHER)
            for place, turn in enumerate(changed, UNCHANGED + 1)
        }

    def categories(self) -> tuple[Category, ...]:
        """Codes, words and colours of the map of changes of class."""
        categories = [Category(UNCHANGED, "no change", UNCHANGED_COLOUR)]
        names = tuple(sorted({name for pair in self.codes for name in pair}))
        seen: Counter[str] = Counter()
        for (before, after), code in self.codes.items():
            if code >= OTHER:
                categories.append(Category(OTHER, "other changes", OTHER_COLOUR))
                break
            colour = GIVEN_UP if after == NO_METHOD else class_colour(after, names)
            label = f"{before} → {after}"
            categories.append(Category(code, label, shade(colour, seen[after])))
            seen[after] += 1
        return tuple(categories)


def shade(colour: str, step: int) -> str:
    """A colour, mixed with white and black in turn so that several of one kind differ."""
    return mixed(colour, min(0.22 * ((step + 1) // 2), 0.66), dark=step % 2 == 0)


def write_differences(
    folder: Path, changes: Differences, tags: Mapping[str, str] | None = None
) -> list[RasterSpec]:
    """Write every map of change as a GeoTIFF with a style for QGIS.

    Parameters
    ----------
    folder : Path
        Exists.
    changes : Differences
        Of two runs.
    tags : mapping, optional
        More metadata, such as the names of the runs.

    Returns
    -------
    list of RasterSpec
        What was written.
    """
    common = {"software": f"cdrsite {__version__}", **(tags or {})}
    specs = []
    for quantity in changes.quantities():
        own = common | ({"method": quantity.method} if quantity.method else {})
        spec = RasterSpec(quantity.name, "quantity", quantity.unit, quantity.description, (), own)
        path = folder / f"{spec.name}.tif"
        write_cog_blocks(path, quantity.block, changes.grid, spec)
        style = raster_qml(spec, change_classes(sample_values(path), spec.unit))
        write_both(path, style, spec.description)
        specs.append(spec)
    words = "change of the method with the most net removal"
    spec = RasterSpec(WINNER, "class", "", words, changes.categories(), common)
    write_cog_blocks(folder / f"{spec.name}.tif", changes.turn_codes, changes.grid, spec)
    write_style(folder, spec)
    return [*specs, spec]


def readme(specs: Sequence[RasterSpec], a: str, b: str) -> str:
    """What each map of change is, for a person who opens the folder."""
    width = max(len(spec.name) for spec in specs) + 5
    lines = [
        f"Maps of change: {b} less {a}. One band each, all on the grid of both runs.",
        "A positive number means more in the second run. No data where either run knows nothing.",
        "",
    ]
    for spec in specs:
        unit = f" [{spec.unit}]" if spec.unit else ""
        lines.append(f"{spec.name + '.tif':<{width}} {spec.description}{unit}")
        lines += [f"  {c.code:>3}  {c.label}" for c in spec.categories]
    return "\n".join(lines) + "\n"
