"""What a tonne that is kept for some years is worth beside one that is kept for good.

The share of a pulse of CO2 that is still in the air is that of Joos et al. 2013
(doi:10.5194/acp-13-2793-2013): a sum of a constant and three exponentials.
"""

from __future__ import annotations

import math

_CONSTANT = 0.2173
_PARTS = ((0.2240, 394.4), (0.2824, 36.54), (0.2763, 4.304))
"""Share, and years in which it falls to 1/e."""


def years_in_air(horizon: float) -> float:
    """Years that a tonne stays in the air within a horizon, all its parts added up [yr]."""
    gone = (share * life * -math.expm1(-horizon / life) for share, life in _PARTS)
    return _CONSTANT * horizon + sum(gone)


def lashof_share(kept: float, horizon: float) -> float:
    """Share of a tonne's warming within a horizon that its storage puts off beyond it [1].

    Fearnside, Lashof & Moura-Costa 2000 (doi:10.1023/A:1009625122628).
    """
    whole = years_in_air(horizon)
    return (whole - years_in_air(max(horizon - kept, 0.0))) / whole


def moura_costa_share(kept: float, horizon: float) -> float:
    """Years of storage over the years that a tonne stays in the air within a horizon [1].

    Moura Costa & Wilson 2000 (doi:10.1023/A:1009697625521); at most 1.
    """
    return min(kept / years_in_air(horizon), 1.0)


def offset_share(kept: float, discount: float) -> float:
    """Social value of a tonne that comes back after some years, relative to one that does not [1].

    ``1 - exp(-discount x kept)``, with the discount rate less the growth of the damage of a tonne;
    Groom & Venmans 2023 (doi:10.1038/s41586-023-06153-x).
    """
    return -math.expm1(-discount * kept)
