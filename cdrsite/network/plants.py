"""Plants of buildable size: the rules that they follow, where they stand, what they gather.

:func:`cdrsite.network.gather.gather_plants` makes them of an allocation on a grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from cdrsite.core.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

WHERE = "network plants"
ROUNDING = 1e-9
"""Relative shortfall at which a plant still counts as of the least size."""


@dataclass(frozen=True)
class PlantRules:
    """How plants of one method are built.

    Attributes
    ----------
    method : str
        Name of the method.
    least, most : float
        Size of a plant, gross [t/yr].
    catchment_km : float
        Farthest cell that a plant serves [km].
    place : {"suitable", "haul", "none"}
        ``suitable``: the plant is free and goes to the best ground near its tonnes (direct air
        capture); ``haul``: it follows what is brought to it (biomass); ``none``: no plant is
        needed (forest), the tonnes are only counted.
    stored_share : float
        Tonnes to store per gross tonne [1].
    max_plants : int, optional
        Most plants of this method.
    """

    method: str
    least: float
    most: float
    catchment_km: float
    place: Literal["suitable", "haul", "none"] = "suitable"
    stored_share: float = 1.0
    max_plants: int | None = None

    def __post_init__(self) -> None:
        """Refuse sizes that no plant can have."""
        if not 0 < self.least <= self.most:
            raise ConfigError(
                "plant sizes are not a range",
                where=f"{WHERE}: {self.method}",
                got=f"{self.least:g} to {self.most:g} t/yr",
                expected="0 < least <= most",
            )
        if not (math.isfinite(self.catchment_km) and self.catchment_km > 0):
            raise ConfigError(
                "the catchment is not a positive distance",
                where=f"{WHERE}: {self.method}",
                got=f"{self.catchment_km} km",
            )
        if not (math.isfinite(self.stored_share) and self.stored_share >= 0):
            raise ConfigError(
                "the stored share is negative or unknown",
                where=f"{WHERE}: {self.method}",
                got=self.stored_share,
            )


@dataclass(frozen=True)
class Site:
    """An existing plant or site, filled before new ones are looked for.

    Attributes
    ----------
    name : str
        Shown in tables and maps.
    row, col : int
        Its cell.
    method : str, optional
        The only method it is for; any method that has plants when not given.
    most : float, optional
        Its own largest size, gross [t/yr].
    """

    name: str
    row: int
    col: int
    method: str | None = None
    most: float | None = None


@dataclass(frozen=True)
class Plant:
    """A plant and what it serves.

    Attributes
    ----------
    name, method : str
        Method and number by size, or the name of the existing site.
    row, col : int
        Its cell.
    gross_t_yr, stored_t_yr : float
        Size, and what goes into the pipe [t/yr].
    cells : int
        Cells it serves, some of them in part.
    haul_km, farthest_km : float
        Mean distance of its tonnes, and of the farthest cell [km].
    suitability : float
        Suitability of its own cell; NaN when none was given.
    existing : bool
        Whether it stands on a given site.
    """

    name: str
    method: str
    row: int
    col: int
    gross_t_yr: float
    stored_t_yr: float
    cells: int
    haul_km: float
    farthest_km: float
    suitability: float
    existing: bool


NOT_BUILT = ("below_minimum", "no_site", "beyond_max_plants")
"""Why tonnes of a plan are in no plant though their method needs one: fields of a summary."""
SMALL_PART = 1e-3
"""Where they are a smaller share of the plan than this, they need no word [1]."""


@dataclass(frozen=True)
class MethodSummary:
    """Where the tonnes of a method went, gross [t/yr].

    Attributes
    ----------
    method : str
        Name.
    allocated, in_plants : float
        All tonnes, and those that plants take.
    below_minimum : float
        Too few within the catchment for a plant of the least size.
    no_site : float
        Enough tonnes, but no allowed cell to build on near them.
    beyond_max_plants : float
        Enough for another plant, but the number of plants is limited.
    without_plant : float
        Of methods that need no plant.
    plants, parcels : int
        Number of plants; of connected parcels where no plant is needed.
    """

    method: str
    allocated: float
    in_plants: float
    below_minimum: float
    no_site: float
    beyond_max_plants: float
    without_plant: float
    plants: int
    parcels: int


@dataclass(frozen=True)
class Plants:
    """Plants, the tonnes they serve, and what belongs to none.

    Attributes
    ----------
    plants : tuple of Plant
        By method in the order given, then by size.
    piece_plant : ndarray, int32, shape (n,)
        Index of the plant of each served piece of a cell.
    piece_cell : ndarray, int64, shape (n,)
        Its flat cell.
    piece_t_yr : ndarray, float64, shape (n,)
        Its tonnes, gross [t/yr].
    remainder : ndarray, float64, shape (methods, rows, cols)
        What no plant takes, gross [t/yr], methods without plants included.
    summary : tuple of MethodSummary
        By method.
    """

    plants: tuple[Plant, ...]
    piece_plant: NDArray[np.int32]
    piece_cell: NDArray[np.int64]
    piece_t_yr: Floats
    remainder: Floats
    summary: tuple[MethodSummary, ...]
