"""Where the nodes and arcs of a network are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cdrsite.network.readers import CaseTables

Place = tuple[float, float]
Line = tuple[Place, ...]


@dataclass(frozen=True)
class Places:
    """Where nodes and arcs of a network are.

    Attributes
    ----------
    points : mapping
        Node -> (x, y).
    lines : mapping
        Arc -> its route; a straight line is drawn where it is not known.
    crs : str
        Coordinate system of both.
    """

    points: Mapping[str, Place]
    lines: Mapping[str, Line]
    crs: str = "EPSG:4326"

    @staticmethod
    def of(tables: CaseTables) -> Places:
        """Places as a case gives them."""
        return Places(tables.points, tables.lines, tables.crs)

    def route(self, arc: str, tail: object, head: object) -> Line | None:
        """Line of an arc in the direction from tail to head; None where nothing is known."""
        begin, end = self.points.get(str(tail)), self.points.get(str(head))
        line = self.lines.get(arc)
        if line is None:
            return (begin, end) if begin is not None and end is not None else None
        first, last = line[0], line[-1]
        known, near = (begin, first) if begin is not None else (end, last)
        other = last if near is first else first
        if known is not None and math.dist(known, other) < math.dist(known, near):
            return line[::-1]
        return line
