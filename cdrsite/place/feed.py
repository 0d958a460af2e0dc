"""Methods whose numbers belong to what they are fed with: rock, dry biomass, residues of works.

A profile states its needs per gross tonne of CO2 where a tonne takes a known amount of feed. Where
the place makes more or less of a tonne of feed, all but the stored CO2 goes by that amount.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cdrsite.place.dependence import Use
    from cdrsite.place.needs import Needs
    from cdrsite.scoring.sums import Sum


def per_feed(use: Use, needs: Needs, factor: Sum) -> Needs:
    """Needs, costs and emissions where a gross tonne takes another amount of feed.

    Parameters
    ----------
    use : Use
        The method.
    needs : Needs
        As the profile has them.
    factor : Sum
        Feed of a gross tonne at the place, relative to that of the profile [1].
    """
    names = (*(name for name in needs.taken if name != "storage"), "supplied", "variable")
    needs = needs.times(inverse_productivity=factor, **dict.fromkeys(names, factor))
    made = (
        use.number("materials") * use.number("emissions_materials")
        + use.number("emissions_embodied")
        + use.number("emissions_chain")
        + use.number("luc_emissions")
    )
    return replace(needs, place_emissions=needs.place_emissions + (factor + -1.0) * made)
