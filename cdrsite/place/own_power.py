"""Land of a plant's own renewables, from the local yield.

Own renewable land and a grid power budget exclude each other (rule 6); which one holds is the
scenario's choice and not decided here. Densities are of the built footprint (PV: 30 to 50 MW/km2,
that is 0.03 to 0.05 kW/m2), not the potential densities over eligible area that energy-system
models use.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated

import numpy as np
import numpy.typing as npt

from cdrsite.core.errors import ConfigError
from cdrsite.core.fields import Model, quantity
from cdrsite.place.dependence import Dependence, Here, LayerKey, Use, own_layer
from cdrsite.place.needs import Needs
from cdrsite.scoring.sums import layer

FloatArray = npt.NDArray[np.float64]


def pv_land(pv_yield: npt.ArrayLike, density: float) -> FloatArray:
    """Land of photovoltaics per kWh a year [m2 per kWh/yr]: ``1 / (yield x density)``.

    Parameters
    ----------
    pv_yield : array_like
        Yearly yield [kWh/kWp]; infinite land where it is 0 or less, NaN stays unknown.
    density : float
        Peak power per footprint [kWp/m2].

    Raises
    ------
    ConfigError
        If the density is not positive.
    """
    if not (math.isfinite(density) and density > 0):
        raise ConfigError(
            "the power density must be positive",
            where="density",
            got=density,
            expected="kW/m2 of footprint, for example 0.04",
            cure="40 MW/km2 is 0.04 kW/m2",
            rule=4,
        )
    yearly = np.asarray(pv_yield, dtype=np.float64) * density
    with np.errstate(divide="ignore"):
        return np.where(yearly <= 0, np.inf, 1.0 / yearly)[()]


class OwnPower(Model):
    """Own renewables in place of the power budget: land for energy, never both (rule 6)."""

    pv_yield: Annotated[str | None, LayerKey("kWh/kWp")] = None
    """Layer with the local PV yield [kWh/kWp per year]; the library's `pv_reference_yield`
    everywhere when not given."""
    density: quantity("kW/m2", above=0.0) | None = None  # type: ignore[valid-type]
    """Peak power per area of the plant; the library's when not given [kW/m2]."""


class OwnPowerKeys(Model):
    """Keys of :class:`OwnRenewables`."""

    own_power: OwnPower | None = None
    """Electricity from own PV on own land in place of the power budget."""


class OwnRenewables(Dependence):
    """Land of a method's own photovoltaics (:func:`pv_land`)."""

    name, keys = "own power", OwnPowerKeys
    parameters = (("pv_density", "kW/m2"), ("pv_reference_yield", "kWh/kW"))

    def acts(self, use: Use) -> bool:
        """Where the scenario asks for own power."""
        return use.choice.own_power is not None

    def refuse(self, use: Use, where: str) -> None:
        """Refuse energy land twice (rule 6), and photovoltaics without a yield."""
        own, profile = use.choice.own_power, use.profile
        if own is None:
            return
        if profile.land_includes_energy:
            raise ConfigError(
                "the profile's land already contains the land of its energy supply",
                where=f"{where}.own_power",
                got=f"profile {profile.name} with {use.numbers['land_direct']:g} m2 per t/yr",
                expected="energy land or a power budget, never both",
                cure="remove own_power, or choose profile: literature",
                rule=6,
            )
        if own.pv_yield is None and not use.number("pv_reference_yield"):
            raise ConfigError(
                "no yield for the method's own photovoltaics",
                where=f"{where}.own_power",
                got="no pv_yield, and no pv_reference_yield in the library",
                cure="give pv_yield: LAYER",
                rule=7,
            )

    def numbers(self, use: Use) -> dict[str, float]:
        """Density, and the yield where there is no layer."""
        own = use.choice.own_power
        found = {"density": own.density or use.number("pv_density", 0.04)}
        if own.pv_yield is None:
            found["pv yield"] = use.number("pv_reference_yield")
        return found

    def needs(self, use: Use, needs: Needs) -> Needs:
        """More land, and no power of others."""
        taken, per_kwh = needs.taken, layer(own_layer("land per kWh", use.name))
        needs = needs.but("land", taken["land"] + taken["electricity"] * per_kwh)
        return replace(needs, own=needs.own | {"electricity"})

    def layers(self, use: Use, here: Here) -> dict[str, npt.NDArray[np.float32]]:
        """Land per kWh a year [m2]."""
        del use
        yearly = here.layers.get("pv_yield")
        if yearly is None:
            yearly = np.full(here.shape, here.numbers["pv yield"], np.float32)
        return {"land per kWh": pv_land(yearly, here.numbers["density"]).astype(np.float32)}
