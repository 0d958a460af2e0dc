"""Forests that grow faster than the stands of their biome ever did."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.core.errors import CdrsiteWarning, message
from cdrsite.place.growth import M2_PER_HA, MOST_ABOVE, Growth, most_plausible_rate, stock_curve

if TYPE_CHECKING:
    from cdrsite.engine.arrays import ArrayStore
    from cdrsite.study.prepare import Setting


def warn_of_ceilings(setting: Setting, arrays: ArrayStore) -> None:
    """Warn where a rate implies a stock far above what the biome holds, once for each method.

    The rate of a cell is found again from the land that a tonne takes.
    """
    for m, (name, model) in enumerate(setting.models.items()):
        if Growth.name not in model.acting or not model.number("curve_ceiling"):
            continue
        limit = most_plausible_rate(model)
        years = model.number("accounting_years", 30.0)
        mean = stock_curve(model).mean_factor(years)
        above, known, largest = 0, 0, 0.0
        for block in setting.blocks:
            need = np.asarray(arrays.open("need_land")[(m, *block.slices)], np.float64)
            rate = M2_PER_HA / (need[need > 0] * mean)
            known += rate.size
            above += int(np.count_nonzero(rate > limit * (1 + 1e-6)))
            largest = max(largest, float(rate.max(initial=0.0)))
        if above:
            ceiling = model.number("curve_ceiling")
            implied = largest / limit * MOST_ABOVE * ceiling
            text = message(
                "trees that would hold more than the stands of their biome",
                where=f"methods.{name}",
                got=f"up to {largest:.3g} t/ha/yr, whose curve tends to {implied:,.0f} t/ha, in "
                f"{above} of {known} cells",
                expected=f"at most {MOST_ABOVE:g} times the {ceiling:,.0f} t/ha of profile "
                f"{model.profile.name}, that is {limit:.3g} t/ha/yr",
                cure="choose the profile of the biome, or check the layer of rates and layer_years",
                rule=7,
            )
            warnings.warn(text, CdrsiteWarning, stacklevel=2)
