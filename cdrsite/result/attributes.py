"""Attributes of the labelled dataset, by the CF conventions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.states import OUTSIDE

if TYPE_CHECKING:
    import numpy.typing as npt

    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.core.vocabulary import Variable

GRID_MAPPING = "spatial_ref"
"""Coordinate with the reference system: the name under which rioxarray and odc-geo look for it, so
that sums and differences, which have no attributes, know where they lie."""
PLACE = "GeoTransform"
"""Attribute of it by which GDAL finds the place."""
FILLS = {np.dtype(np.uint8): np.uint8(OUTSIDE), np.dtype(np.int32): np.int32(-1)}
"""Whole numbers outside the region. Bits have none: as numbers with gaps they would be floating
point, and no longer bits."""


def texts(value: Any) -> tuple[str, ...]:
    """A list of texts of an attribute; some formats store a list of one as the text itself."""
    return (value,) if isinstance(value, str) else tuple(map(str, value))


def reference(grid: AnalysisGrid) -> dict[str, Any]:
    """Attributes of the coordinate with the reference system, in memory.

    One cell has no neighbour from which to tell its size: only then the place is said in full. Of
    more cells it would go on saying what was, once they are cut.
    """
    attrs = {**grid.crs.to_cf(), "spatial_ref": grid.wkt}
    return attrs if grid.size > 1 else attrs | {PLACE: place_of(grid)}


def place_of(grid: AnalysisGrid) -> str:
    """West edge, width, 0, north edge, 0 and minus height of a grid, as GDAL writes them."""
    return " ".join(f"{v:.17g}" for v in grid.transform.to_gdal())


def gridded_attributes(record: Variable, unit: str, dtype: npt.DTypeLike) -> dict[str, Any]:
    """Attributes of a variable that has a value in each cell.

    Parameters
    ----------
    record : Variable
        What it is.
    unit : str
        '' for codes, which have none.
    dtype : dtype
        Of its values.
    """
    attrs: dict[str, Any] = {"units": unit} if unit else {}
    attrs |= {"long_name": record.meaning, "grid_mapping": GRID_MAPPING, "role": role_of(record)}
    fill = FILLS.get(np.dtype(dtype))
    return attrs if fill is None else attrs | {"_FillValue": fill}


def role_of(record: Variable) -> str:
    """Whether a variable is a result, or evidence by which cells are explained."""
    return "evidence" if record.of == "evidence" else "result"


def flag_bits(names: Sequence[str], outside: int) -> dict[str, Any]:
    """CF flags of a variable whose bits are independent of each other.

    Parameters
    ----------
    names : sequence of str
        What the bits from the lowest mean.
    outside : int
        The bit of what lies outside the region.
    """
    masks = [1 << bit for bit in range(len(names))] + [outside]
    words = [*names, "outside the region"]
    return {
        "flag_masks": np.array(masks, np.uint32),
        "flag_meanings": " ".join("_".join(one.split()) for one in words),
    }
