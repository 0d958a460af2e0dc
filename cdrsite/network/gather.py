"""From an allocation on a grid to plants of buildable size.

Greedy with capacity: the place with the most tonnes within the catchment comes first; its plant
moves to a suitable cell near the weighted median of its tonnes, takes the nearest tonnes from there
and leaves the rest. Tonnes that are left over then join plants that still have room. What belongs
to no plant stays in :attr:`Plants.remainder` with its reason. Nothing depends on threads or chance.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import CdrsiteWarning, DataError
from cdrsite.network._kernel_plants import best_site, disc_sums, near_cells
from cdrsite.network.plants import ROUNDING, WHERE, MethodSummary, Plant, PlantRules, Plants, Site

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.grid import AnalysisGrid

    Floats = NDArray[np.float64]
    _Pieces = tuple[NDArray[np.int64], Floats, Floats]

BINS_PER_RADIUS = 8
"""Seeds are looked for on a raster this many times finer than the catchment."""


def gather_plants(
    allocation: NDArray[Any],
    rules: Sequence[PlantRules],
    grid: AnalysisGrid,
    *,
    suitability: NDArray[Any] | None = None,
    allowed: NDArray[np.bool_] | None = None,
    sites: Sequence[Site] = (),
) -> Plants:
    """Cluster an allocation into plants.

    Parameters
    ----------
    allocation : ndarray, shape (methods, rows, cols)
        Gross [t/yr]; NaN where nothing is known counts as none.
    rules : sequence of PlantRules
        One per method, in the order of the first axis.
    grid : AnalysisGrid
        The grid.
    suitability : ndarray, shape (methods, rows, cols), optional
        In [0, 1]; no plant is built where it is 0 or NaN.
    allowed : ndarray of bool, shape (methods, rows, cols) or (rows, cols), optional
        Where plants may stand.
    sites : sequence of Site
        Existing plants or sites, filled first, in their order.

    Returns
    -------
    Plants
        Pieces and remainder add up to the allocation.

    Raises
    ------
    DataError
        Arrays that do not fit the grid or each other, negative or infinite tonnes.

    Warns
    -----
    CdrsiteWarning
        A given site lies where building is not allowed, and is left out.
    """
    amount = _checked(allocation, rules, grid)
    shape = amount.shape
    if suitability is not None and suitability.shape != shape:
        raise DataError("suitability does not fit", where=WHERE, got=suitability.shape, rule=1)
    if allowed is not None and allowed.shape not in {shape, shape[1:]}:
        raise DataError("the mask does not fit", where=WHERE, got=allowed.shape, rule=1)
    _check_sites(sites, rules, grid)
    east, north = grid.row_steps_m
    made: list[_Made] = []
    summary = []
    for index, rule in enumerate(rules):
        if rule.place == "none":
            summary.append(_parcels(rule, amount[index]))
            continue
        quality = np.ones(shape[1:]) if suitability is None else suitability[index]
        quality = np.where(np.isfinite(quality), quality, 0.0).astype(np.float64)
        if allowed is not None:
            quality[~(allowed if allowed.ndim == 2 else allowed[index])] = 0.0
        ground = _Ground(rule, amount[index], quality, east / 1000.0, north / 1000.0)
        found, entry = ground.plants([s for s in sites if s.method in {None, rule.method}])
        taken = {m.plant.name for m in made}
        found = [_renamed(m) if m.plant.name in taken else m for m in found]
        if suitability is None:
            found = [replace(m, plant=replace(m.plant, suitability=math.nan)) for m in found]
        made += found
        summary.append(entry)
    owner = [np.full(len(m.cell), k, np.int32) for k, m in enumerate(made)]
    return Plants(
        tuple(m.plant for m in made),
        np.concatenate([np.zeros(0, np.int32), *owner]),
        np.concatenate([np.zeros(0, np.int64), *(m.cell for m in made)]),
        np.concatenate([np.zeros(0), *(m.tonnes for m in made)]),
        amount,
        tuple(summary),
    )


@dataclass(frozen=True)
class _Made:
    """A plant with its pieces: flat cells, tonnes [t/yr] and distances [km]."""

    plant: Plant
    cell: NDArray[np.int64]
    tonnes: Floats
    away: Floats


class _Ground:
    """The tonnes of one method that are left, and the search for places with enough of them.

    ``left`` is taken from in place: at the end it is the remainder.
    """

    def __init__(
        self, rule: PlantRules, left: Floats, quality: Floats, east: Floats, north: float
    ) -> None:
        self.rule, self.left, self.quality = rule, left, quality
        self.east, self.north = np.ascontiguousarray(east), float(north)
        self.allocated = math.fsum(left.sum(axis=1))
        step = max(self.north, float(east.max()))
        self.size = max(1, int(rule.catchment_km / BINS_PER_RADIUS / step))
        starts = [np.arange(0, n, self.size) for n in left.shape]
        self.bins = np.add.reduceat(np.add.reduceat(left, starts[0], axis=0), starts[1], axis=1)
        middle = np.minimum(starts[0] + self.size // 2, left.shape[0] - 1)
        self.bin_east = np.ascontiguousarray(east[middle] * self.size)
        best = np.maximum.reduceat(quality, starts[0], axis=0)
        self.bin_quality = np.maximum.reduceat(best, starts[1], axis=1)
        self.around = np.zeros_like(self.bins)
        self.closed = np.zeros(self.bins.shape, bool)
        self.no_site: set[int] = set()
        rows, cols = (np.flatnonzero(self.bins.any(axis=axis)) for axis in (1, 0))
        if len(rows):  # nothing is around what lies far from all tonnes
            self._sum_near(int(rows[0]), int(rows[-1]) + 1, int(cols[0]), int(cols[-1]) + 1)

    def plants(self, sites: Sequence[Site]) -> tuple[list[_Made], MethodSummary]:
        """Fill the sites, then look for new places until none has enough."""
        made: list[_Made] = []
        limit = math.inf if self.rule.max_plants is None else self.rule.max_plants
        for site in sites:
            if len(made) >= limit:
                break
            if not self.quality[site.row, site.col] > 0:
                warnings.warn(
                    f"{WHERE}: site {site.name} is left out for {self.rule.method}: its cell is "
                    "excluded, unsuitable or unknown",
                    CdrsiteWarning,
                    stacklevel=4,
                )
                continue
            one = self._build(site.row * self.left.shape[1] + site.col, site)
            if one is not None:
                made.append(one)
        while len(made) < limit and (seed := self._seed()) is not None:
            one = self._place(*seed)
            if one is None:
                self.closed[seed] = True
            else:
                made.append(one)
        self._top_up(made, {s.name: s.most for s in sites if s.most is not None})
        made = self._named(made)
        return made, self._summary(made)

    def _sum_near(self, row0: int, row1: int, col0: int, col1: int) -> None:
        """Sum the tonnes around all bins that a window of bins is near."""
        step = self.north * self.size
        high = int(self.rule.catchment_km / step) + 1
        wide = int(self.rule.catchment_km / float(self.bin_east.min())) + 1
        disc_sums(
            self.bins, max(0, row0 - high), min(self.bins.shape[0], row1 + high),
            max(0, col0 - wide), min(self.bins.shape[1], col1 + wide),
            self.rule.catchment_km, self.bin_east, step, self.around,
        )  # fmt: skip

    def _seed(self) -> tuple[int, int] | None:
        """Bin with the most tonnes around it, up to one plant; then the better and denser one."""
        rule = self.rule
        open_ = ~self.closed & (self.around >= rule.least * (1 - ROUNDING))
        if not open_.any():
            return None
        top = self.bins.max() or 1.0
        score = np.minimum(self.around, rule.most) / rule.most
        score = score * (1 + self.bin_quality) + 0.1 * self.bins / top
        at = int(np.where(open_, score, -np.inf).argmax())
        return at // self.bins.shape[1], at % self.bins.shape[1]

    def _place(self, row: int, col: int) -> _Made | None:
        """Build a plant for the tonnes around a bin, at the best cell near their median."""
        rows, cols = self.left.shape
        r = min(row * self.size + self.size // 2, rows - 1)
        c = min(col * self.size + self.size // 2, cols - 1)
        cell, away = self._near(r, c)
        if not len(cell):  # bins are coarser than cells: what the bin reaches, its cell may not
            return None
        cell, taken, away = self._share(cell, away, self.rule.most)
        median = self._median(cell, taken)
        diagonal = math.hypot(self.north, float(self.east[r]))
        reach = max(float(away.max(initial=0.0)), diagonal)
        follow = self.rule.place == "haul"
        tried: set[int] = set()
        for share in (1.0,) if follow else (0.5, 0.25, 1.0):
            near = max(reach * share, diagonal)
            site = best_site(self.quality, *median, near, follow, self.east, self.north)
            if site < 0 or site in tried:
                continue
            tried.add(site)
            one = self._build(site, None)
            if one is not None:
                return one
        if not tried:
            self.no_site.update(cell.tolist())
        return None

    def _near(self, row: int, col: int) -> tuple[NDArray[np.int64], Floats]:
        """Cells with tonnes left within the catchment of a cell, nearest first."""
        cell, away = near_cells(self.left, row, col, self.rule.catchment_km, self.east, self.north)
        order = np.argsort(away, kind="stable")
        return cell[order], away[order]

    def _share(self, cell: NDArray[np.int64], away: Floats, most: float) -> _Pieces:
        """Cells that one plant takes of the nearest ones, with tonnes above 0 and distances.

        Where what is left would be too little for a second plant, two equal ones share.
        """
        tonnes = self.left.ravel()[cell]
        running = np.cumsum(tonnes)
        total = float(running[-1]) if len(running) else 0.0
        wanted = min(total, most)
        if most < total < most + self.rule.least and total / 2 >= self.rule.least:
            wanted = total / 2
        count = min(int(np.searchsorted(running, wanted)) + 1, len(running))
        taken = tonnes[:count].copy()
        if count and running[count - 1] > wanted:
            taken[-1] = wanted - (running[count - 2] if count > 1 else 0.0)
        return cell[:count], taken, away[:count]

    def _median(self, cell: NDArray[np.int64], tonnes: Floats) -> tuple[float, float]:
        """Point of least weighted distance to the cells, in fractional rows and columns.

        Iteration of Weiszfeld (1937), doi:10.1007/s10479-008-0352-z (translation).
        """
        row, col = np.divmod(cell, self.left.shape[1])
        step = float(self.east[int(np.median(row))]) if len(row) else 1.0
        y, x = row * self.north, col * step

        def mean(weights: Floats) -> Floats:
            return np.array([(y * weights).sum(), (x * weights).sum()]) / weights.sum()

        at = mean(tonnes)
        for _ in range(50):
            # a tenth of a cell keeps the weight finite at a data point
            pull = tonnes / np.maximum(np.hypot(y - at[0], x - at[1]), 0.1 * self.north)
            new = mean(pull)
            done = float(np.abs(new - at).max()) < 0.01 * self.north
            at = new
            if done:
                break
        return float(at[0] / self.north), float(at[1] / step)

    def _build(self, at: int, site: Site | None) -> _Made | None:
        """Build at a cell if enough tonnes are near it, and take them."""
        most = self.rule.most
        if site is not None and site.most is not None:
            most = min(most, site.most)
        row, col = divmod(at, self.left.shape[1])
        cell, away = self._near(row, col)
        cell, taken, away = self._share(cell, away, most)
        if not taken.sum() >= self.rule.least * (1 - ROUNDING):
            return None
        self._take(cell, taken)
        name = site.name if site is not None else ""
        return _made(self.rule, self.quality, (row, col), name, (cell, taken, away))

    def _take(self, cell: NDArray[np.int64], tonnes: Floats) -> None:
        """Subtract served tonnes, and update the sums around them."""
        flat = self.left.reshape(-1)
        flat[cell] = np.maximum(flat[cell] - tonnes, 0.0)
        row, col = np.divmod(cell, self.left.shape[1])
        row, col = row // self.size, col // self.size
        first, last = int(row.min()), int(row.max()) + 1
        west, east = int(col.min()), int(col.max()) + 1
        s = self.size
        part = self.left[first * s : last * s, west * s : east * s]
        down = np.add.reduceat(part, np.arange(0, part.shape[0], s), axis=0)
        self.bins[first:last, west:east] = np.add.reduceat(
            down, np.arange(0, part.shape[1], s), axis=1
        )
        self._sum_near(first, last, west, east)

    def _top_up(self, made: list[_Made], own: dict[str, float]) -> None:
        """Give what is left to plants with room, nearest pairs first."""
        room, pairs = [], []
        for k, one in enumerate(made):
            most = min(self.rule.most, own.get(one.plant.name, math.inf))
            room.append(most - one.plant.gross_t_yr)
            if room[k] <= most * ROUNDING:
                continue
            cell, away = self._near(one.plant.row, one.plant.col)
            pairs += [(d, k, c) for d, c in zip(away.tolist(), cell.tolist(), strict=True)]
        flat = self.left.reshape(-1)
        extra: dict[int, list[tuple[int, float, float]]] = {}
        for away, k, cell in sorted(pairs):
            tonnes = min(float(flat[cell]), room[k])
            if tonnes > 0:
                flat[cell] -= tonnes
                room[k] -= tonnes
                extra.setdefault(k, []).append((cell, tonnes, away))
        for k, pieces in extra.items():
            one = made[k]
            more = np.array(pieces)
            cells = np.concatenate((one.cell, more[:, 0].astype(np.int64)))
            # a plant may come back for the rest of a cell that it shares
            unique, place = np.unique(cells, return_inverse=True)
            served = np.concatenate((one.tonnes, more[:, 1]))
            total = np.bincount(place, served).astype(np.float64)
            far = np.zeros(len(unique))
            far[place] = np.concatenate((one.away, more[:, 2]))
            at, name = (one.plant.row, one.plant.col), one.plant.name
            made[k] = _made(self.rule, self.quality, at, name, (unique, total, far))

    def _named(self, made: list[_Made]) -> list[_Made]:
        """Largest first; plants without a name get the method's and their number."""
        order = sorted(made, key=lambda m: (-m.plant.gross_t_yr, m.plant.row, m.plant.col))
        return [
            one
            if one.plant.name
            else replace(one, plant=replace(one.plant, name=f"{self.rule.method} {number}"))
            for number, one in enumerate(order, start=1)
        ]

    def _summary(self, made: list[_Made]) -> MethodSummary:
        left = math.fsum(self.left.sum(axis=1))
        siteless = math.fsum(self.left.reshape(-1)[sorted(self.no_site)].tolist())
        limited = self.rule.max_plants is not None and len(made) >= self.rule.max_plants
        more = 0.0
        if limited:  # tonnes around which another plant would have had enough
            enough = self.around >= self.rule.least
            more = min(float(self.bins[enough].sum()), left - siteless)
        return MethodSummary(
            self.rule.method,
            self.allocated,
            math.fsum(m.plant.gross_t_yr for m in made),
            max(left - siteless - more, 0.0),
            siteless,
            more,
            0.0,
            len(made),
            0,
        )


def _made(
    rule: PlantRules, quality: Floats, at: tuple[int, int], name: str, pieces: _Pieces
) -> _Made:
    """A plant with its figures from its pieces: cells, tonnes [t/yr] and distances [km]."""
    cell, tonnes, away = pieces
    gross = math.fsum(tonnes.tolist())
    haul = math.fsum((tonnes * away).tolist()) / gross
    plant = Plant(
        name, rule.method, *at, gross, gross * rule.stored_share, len(cell), haul,
        float(away.max()), float(quality[at]), bool(name),
    )  # fmt: skip
    return _Made(plant, cell, tonnes, away)


def _renamed(one: _Made) -> _Made:
    """A site that another method has filled already, under a name of its own."""
    name = f"{one.plant.name} ({one.plant.method})"
    return replace(one, plant=replace(one.plant, name=name))


def _parcels(rule: PlantRules, amount: Floats) -> MethodSummary:
    """Count the connected parcels of a method without plants."""
    from scipy.ndimage import label

    total = math.fsum(amount.sum(axis=1))
    count = int(label(amount > 0, np.ones((3, 3)))[1])
    return MethodSummary(rule.method, total, 0.0, 0.0, 0.0, 0.0, total, 0, count)


def _checked(allocation: NDArray[Any], rules: Sequence[PlantRules], grid: AnalysisGrid) -> Floats:
    """A copy of the allocation without NaN."""
    expected = (len(rules), *grid.shape)
    if allocation.shape != expected:
        raise DataError(
            "the allocation does not fit", where=WHERE, got=allocation.shape, expected=expected
        )
    amount = np.where(np.isnan(allocation), 0.0, allocation).astype(np.float64)
    if (amount < 0).any() or np.isinf(amount).any():
        raise DataError(
            "the allocation has negative or infinite tonnes",
            where=WHERE,
            got=f"{amount.min():g} to {amount.max():g} t/yr",
        )
    return amount


def _check_sites(sites: Sequence[Site], rules: Sequence[PlantRules], grid: AnalysisGrid) -> None:
    methods = {rule.method for rule in rules}
    if len({site.name for site in sites}) < len(sites) or not all(s.name for s in sites):
        raise DataError("sites need different names", where=WHERE, got=[s.name for s in sites])
    for site in sites:
        if site.method is not None and site.method not in methods:
            raise DataError(
                f"site {site.name} is for a method that is not studied",
                where=WHERE,
                got=site.method,
                expected=", ".join(sorted(methods)),
            )
        if not (0 <= site.row < grid.rows and 0 <= site.col < grid.cols):
            raise DataError(
                f"site {site.name} lies outside the grid",
                where=WHERE,
                got=f"row {site.row}, column {site.col}",
            )
