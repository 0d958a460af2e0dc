"""Land under energy crops, from the local yield.

A tonne of CO2 takes the dry biomass B of its plant: 10 000 B / yield m2 for a tonne a year. What is
above zero only in some years has no yield of its own here: a layer is a mean over years.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
import numpy.typing as npt

from cdrsite.core.errors import ConfigError
from cdrsite.core.fields import Model
from cdrsite.place.dependence import Dependence, Here, LayerKey, Use, own_layer
from cdrsite.place.growth import M2_PER_HA
from cdrsite.place.needs import Needs
from cdrsite.scoring.sums import layer

_LAND = "land per dry tonne"


def crop_land(crop_yield: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Land that grows a dry tonne a year [m2 per t/yr]: ``10 000 / yield``.

    Parameters
    ----------
    crop_yield : array_like
        [t dry/ha/yr]; infinite land where it is 0 or less: no crop grows there. NaN stays unknown.
    """
    grown = np.asarray(crop_yield, np.float64)
    with np.errstate(divide="ignore"):
        return np.where(grown <= 0, np.inf, M2_PER_HA / grown)


class CropKeys(Model):
    """Keys of :class:`EnergyCrop`."""

    crop_yield: Annotated[str | None, LayerKey("t/ha/yr")] = None
    """Layer with the dry yield of the energy crop [t/ha/yr], in place of the profile's one
    `land_feedstock`; where it is 0 no crop grows."""


class EnergyCrop(Dependence):
    """Land of the biomass that a method grows for itself (:func:`crop_land`)."""

    name, keys = "energy crop", CropKeys

    def acts(self, use: Use) -> bool:
        """Where the scenario gives the yield."""
        return use.choice.crop_yield is not None

    def refuse(self, use: Use, where: str) -> None:
        """Refuse a yield where nothing is grown (rule 7), and land of the crop twice (rule 6)."""
        if use.choice.crop_yield is None:
            return
        if not (use.number("biomass") > 0 and use.number("land_feedstock") > 0):
            raise ConfigError(
                "the method grows no biomass of its own",
                where=f"{where}.crop_yield",
                got=f"profile {use.profile.name} with land_feedstock of 0 or biomass of 0",
                expected="a method that grows its biomass, as beccs-energy-crop",
                cure="remove it",
                rule=7,
            )
        if "land_feedstock" in use.choice.override:
            raise ConfigError(
                "land of the crop twice",
                where=f"{where}.override.land_feedstock",
                got=f"{use.choice.override['land_feedstock']} and crop_yield",
                cure="remove one of the two",
                rule=6,
            )

    def needs(self, use: Use, needs: Needs) -> Needs:
        """Land by the biomass of the plant and the yield of the place."""
        grown = layer(own_layer(_LAND, use.name)) * use.number("biomass")
        plant = needs.taken["land"] + needs.grown * -1.0
        return replace(needs.but("land", plant + grown), grown=grown)

    def layers(self, use: Use, here: Here) -> dict[str, npt.NDArray[np.float32]]:
        """Land per dry tonne a year [m2]."""
        del use
        return {_LAND: crop_land(here.layers["crop_yield"]).astype(np.float32)}
