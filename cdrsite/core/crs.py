"""Coordinate systems as people write them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from cdrsite.core.errors import ConfigError

if TYPE_CHECKING:
    from pyproj import CRS


LONLAT = "EPSG:4326"
"""Longitude and latitude [degree]."""


def parse_crs(text: str, where: str) -> CRS:
    """Turn a text such as ``EPSG:3035`` into a CRS.

    Raises
    ------
    ConfigError
        If PROJ does not know it.
    """
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        return CRS.from_user_input(text)
    except CRSError as error:
        raise ConfigError(
            "unknown coordinate system",
            where=where,
            got=repr(text),
            expected="an EPSG code such as EPSG:3035, or WKT",
            cure="look the code up at epsg.org",
            rule=1,
        ) from error


@cache
def transformer(source: str, target: str) -> Any:
    """Make a transformer between two systems, as WKT or code; longitude first, safe in threads."""
    from pyproj import Transformer

    return Transformer.from_crs(source, target, always_xy=True)
