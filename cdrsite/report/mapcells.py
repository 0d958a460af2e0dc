"""Numbers of the cells inside the page: which, how exact, and how a place finds its cell."""

from __future__ import annotations

import base64
import math
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.crs import LONLAT, transformer
from cdrsite.core.memory import remembered
from cdrsite.explain.facts import MOST_CODES, kinds_of, significant

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.grid import AnalysisGrid

    Degrees = NDArray[np.float64]

FEW = 256
"""Numbers that take no more different values than this are kept in one byte."""
LEVEL = 6
"""Of deflate: more takes three times as long for a hundredth."""
TRIAL = 1 << 16
"""Bytes on which the shorter of two ways is found out."""
MOST_CELLS = 130_000
"""A grid with more cells than this is shown by every n-th cell."""
NODES = (9, 17, 33, 65, 129)
"""Nodes along each side of the lookup, tried in turn."""
LOOKUP_ERROR = 0.05
"""Largest error of the lookup, at the middles between nodes [cells]."""


def sampling(grid: AnalysisGrid, most: int = MOST_CELLS) -> int:
    """Every how many cells of a row and of a column one is kept."""
    step = 1
    while -(-grid.rows // step) * -(-grid.cols // step) > most:
        step += 1
    return step


# ------------------------------------------------------------------- numbers


def pack_codes(codes: NDArray[Any]) -> dict[str, Any]:
    """Pack whole numbers of 0 to 65 535 as text.

    Two-byte codes are stored as a plane of low and a plane of high bytes, and neighbours as
    differences where that is shorter.
    """
    flat = np.ascontiguousarray(codes).reshape(-1)
    wide = bool(flat.size) and int(flat.max()) > 255
    flat = flat.astype(np.uint16 if wide else np.uint8)
    differences = np.diff(flat, prepend=flat[:1] * 0).astype(flat.dtype)  # modulo the type's range
    ways = [_planes(values) for values in (flat, differences)]
    trial = [len(deflate(planes[:TRIAL], 1)) for planes in ways]
    delta = trial[1] < trial[0]
    data = base64.b64encode(deflate(ways[delta])).decode("ascii")
    return {"wide": wide, "delta": delta, "data": data}


def _planes(values: NDArray[Any]) -> bytes:
    """Bytes of codes, all low ones before all high ones."""
    if values.dtype == np.uint8:
        return values.tobytes()
    return (values & 255).astype(np.uint8).tobytes() + (values >> 8).astype(np.uint8).tobytes()


def deflate(data: bytes, level: int = LEVEL) -> bytes:
    """Deflate without a header, as browsers unpack it."""
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def pack_digits(values: NDArray[Any], digits: int) -> dict[str, Any]:
    """Pack numbers of so many significant digits: 0 for none, 1 for zero, then by size.

    What is read back has just these digits, so that a page writes it as any other program does.
    """
    return remembered("digits", (values, digits), lambda: _digits(values, digits))


def _digits(values: NDArray[Any], digits: int) -> dict[str, Any]:
    numbers = np.asarray(values, np.float64)
    codes = np.isfinite(numbers).astype(np.int64)
    there = (codes > 0) & (numbers != 0)  # many facts are known in few cells
    whole, power = significant(numbers[there], digits)
    first, per = 10 ** (digits - 1), 9 * 10 ** (digits - 1)
    some = whole != 0
    low, high = (int(power[some].min()), int(power[some].max())) if some.any() else (0, 0)
    signs = 1 + bool((whole < 0).any())
    low = max(low, high + 1 - MOST_CODES // (signs * per))  # what is smaller by far counts as zero
    span = (high - low + 1) * per
    some &= power >= low
    sized = 2 + (power - low) * per + np.abs(whole) - first + np.where(whole < 0, span, 0)
    codes[there] = np.where(some, sized, 1)
    kinds, codes = kinds_of(codes)
    few = {"table": kinds.tolist()} if kinds.size <= FEW else {}
    packed = {"digits": digits, "low": low, "span": span, **few}
    return packed | pack_codes(codes if few else kinds[codes])


def pack_whole(values: NDArray[Any]) -> dict[str, Any]:
    """Pack whole numbers from -1 on, such as codes, labels and bits."""
    return remembered("whole", (values,), lambda: _whole(values))


def _whole(values: NDArray[Any]) -> dict[str, Any]:
    kinds, codes = kinds_of(values)
    if kinds.size > MOST_CODES:  # more combinations than a report can name: the rest is unknown
        codes = np.minimum(codes, MOST_CODES)
        kinds = np.append(kinds[:MOST_CODES], -1)
    return {"table": kinds.tolist(), **pack_codes(codes)}


# -------------------------------------------------------------------- places


@dataclass(frozen=True)
class Lookup:
    """Longitude and latitude to row and column, by interpolation between nodes.

    Attributes
    ----------
    bounds : tuple of float
        West, south, east, north of the nodes [degree].
    columns, rows : ndarray of float32, shape (n, n)
        Fractional column and row at the nodes, from the south-west, row by row.
    error : float
        Largest error at the middles between nodes [cells].
    """

    bounds: tuple[float, float, float, float]
    columns: NDArray[np.float32]
    rows: NDArray[np.float32]
    error: float

    def find(self, lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
        """Fractional column and row of places."""
        west, south, east, north = self.bounds
        n = self.rows.shape[0]
        across = np.clip((lon - west) / (east - west) * (n - 1), 0, n - 1 - 1e-9)
        up = np.clip((lat - south) / (north - south) * (n - 1), 0, n - 1 - 1e-9)
        i, j = up.astype(np.int64), across.astype(np.int64)
        u, v = up - i, across - j

        def between(nodes: NDArray[np.float64]) -> NDArray[np.float64]:
            below = nodes[i, j] * (1 - v) + nodes[i, j + 1] * v
            above = nodes[i + 1, j] * (1 - v) + nodes[i + 1, j + 1] * v
            return below * (1 - u) + above * u

        return between(self.columns.astype(np.float64)), between(self.rows.astype(np.float64))

    def packed(self) -> dict[str, Any]:
        """As the page holds it."""
        nodes = np.stack([self.columns, self.rows]).astype("<f4")
        return {
            "bounds": list(self.bounds),
            "n": int(self.rows.shape[0]),
            "nodes": base64.b64encode(nodes.tobytes()).decode("ascii"),
        }


def lookup(grid: AnalysisGrid, step: int = 1) -> Lookup:
    """Nodes fine enough that a place finds its cell.

    Parameters
    ----------
    grid : AnalysisGrid
        The grid.
    step : int
        Cells of the grid to one of the sample; rows and columns are those of the sample.
    """
    from rasterio.warp import transform_bounds

    box = transform_bounds(grid.wkt, "EPSG:4326", *grid.bounds, densify_pts=51)
    return remembered("lookup", (repr(grid), box, step), lambda: _lookup(grid, box, step))


def _lookup(grid: AnalysisGrid, box: tuple[float, float, float, float], step: int) -> Lookup:
    for n in NODES:
        nodes = _nodes(grid, grid.resolution * step, box, n)
        if nodes.error <= LOOKUP_ERROR:
            break
    return nodes


def _nodes(
    grid: AnalysisGrid, size: float, box: tuple[float, float, float, float], n: int
) -> Lookup:
    """Lookup with n x n nodes and its error."""
    to_grid = transformer(LONLAT, grid.crs.to_wkt())
    west, south, east, north = grid.bounds

    def exact(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
        x, y = to_grid.transform(lon, lat)
        return (np.asarray(x) - west) / size, (north - np.asarray(y)) / size

    lon, lat = np.meshgrid(np.linspace(box[0], box[2], n), np.linspace(box[1], box[3], n))
    columns, rows = exact(lon, lat)
    nodes = Lookup(box, columns.astype(np.float32), rows.astype(np.float32), math.inf)
    half_x, half_y = (box[2] - box[0]) / (n - 1) / 2, (box[3] - box[1]) / (n - 1) / 2
    middle = lon[:-1, :-1] + half_x, lat[:-1, :-1] + half_y
    near, true = nodes.find(*middle), exact(*middle)
    # what lies off the grid needs no accuracy, and may have no place in its CRS at all
    reach = (east - west) / size + 1, (north - south) / size + 1
    inside = (true[0] > -1) & (true[0] < reach[0]) & (true[1] > -1) & (true[1] < reach[1])
    gap = np.hypot(near[0] - true[0], near[1] - true[1])[inside]
    return replace(nodes, error=float(gap.max()) if gap.size else math.inf)
