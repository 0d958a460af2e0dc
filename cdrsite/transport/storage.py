"""Cost of a storage site per tonne: by size, or from its site and its wells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.core.currency import convert
from cdrsite.core.errors import ConfigError
from cdrsite.library.records import unknown_name
from cdrsite.transport.hydraulics import positive

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

SIZES = np.array([1e6, 3e6, 5e6])
"""Injection of the sites of ``BY_SIZE`` [t/yr]."""

BY_SIZE = {
    "onshore": (12.4, 7.1, 6.4),
    "near-shore": (25.6, 12.4, 10.0),
    "offshore": (29.0, 19.3, 17.1),
}
"""Cost of storing by kind and size of site [EUR2020/t]: Danish Energy Agency, sheets 451, sum of
investment, operation, energy, closure and monitoring over 30 years, not discounted."""


def cost_by_size(kind: str, injection: ArrayLike, base_year: int = 2020) -> Floats:
    """Cost of storing at a site of a given size by the Danish sheets.

    Parameters
    ----------
    kind : {"onshore", "near-shore", "offshore"}
        Where the site is.
    injection : array_like
        Injection [t/yr]; straight between the sizes on logarithmic axes, flat beyond them.
    base_year : int
        Year of the US dollars.

    Returns
    -------
    ndarray of float64
        Cost [USD/t].

    Raises
    ------
    ConfigError
        If there is no such kind, or the injection is not positive.
    """
    if kind not in BY_SIZE:
        raise unknown_name("kind of storage site", kind, list(BY_SIZE))
    at = np.log(positive(injection, "injection"))
    euro = np.exp(np.interp(at, np.log(SIZES), np.log(BY_SIZE[kind])))
    return np.asarray(euro * convert(1.0, "EUR", 2020, base_year))


@dataclass(frozen=True)
class SiteCosts:
    """Costs of one storage site, in USD of the base year.

    Attributes
    ----------
    site, site_om : float
        Investment [USD] and operation [USD/yr] whatever the injection.
    well, well_om : float
        Investment [USD] and operation [USD/yr] of one well.
    well_rate : float
        Injection of one well [t/yr].
    per_tonne : float
        Cost of each tonne stored [USD/t].
    """

    site: float
    site_om: float
    well: float
    well_om: float
    well_rate: float
    per_tonne: float = 0.0

    def __post_init__(self) -> None:
        """Refuse negative costs and wells that inject nothing."""
        costs = (self.site, self.site_om, self.well, self.well_om, self.per_tonne)
        if not (min(costs) >= 0 and np.all(np.isfinite(costs))):
            raise ConfigError("a storage cost is negative or not a number", got=costs)
        if not (np.isfinite(self.well_rate) and self.well_rate > 0):
            raise ConfigError("a well's injection is not positive", got=self.well_rate)

    def wells(self, injection: ArrayLike) -> NDArray[np.int64]:
        """Number of whole wells for an injection [t/yr]."""
        need = positive(injection, "injection") / self.well_rate
        return np.ceil(need * (1 - 1e-12)).astype(np.int64)

    def cost(self, injection: ArrayLike, crf: float) -> Floats:
        """Levelised cost of an injection [t/yr] with an annuity ``crf`` [1/yr], in USD/t."""
        rate = positive(injection, "injection")
        site = self.site * crf + self.site_om
        wells = self.wells(rate) * (self.well * crf + self.well_om)
        return np.asarray((site + wells) / rate + self.per_tonne)
