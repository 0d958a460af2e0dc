"""Codes of the cells in which no resource is the limit, and the bit of the outside (rule 2).

A raster of limits holds the code of the limiting resource (0, 1, ..., see
:mod:`cdrsite.core.vocabulary`) or one of these. Where several hold, the highest code wins.
"""

from __future__ import annotations

OUTSIDE = 255
"""Outside the region: every value is NaN."""

EXCLUDED = 254
"""Excluded by a rule: equal share and score are 0, net factor and cost NaN."""

UNKNOWN = 253
"""A value that the equal share depends on is NaN: every value is NaN."""

NET_NOT_POSITIVE = 252
"""The net factor is 0 or less: equal share and score are 0, cost is NaN (rule 5)."""

LOWEST_STATE = 250
"""Resource codes stay below this one."""

NONE_PLANNED, PLANNED = 0, 1
"""In the maps of states: known to be 0 in the plan; a value above 0."""

OUTSIDE_BIT = 1 << 31
"""Bit of the exclusion reasons that marks the outside of the region."""
