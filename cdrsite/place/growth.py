"""What grows on land: the rate of the place, the age of the stand, and one discounted cash flow.

A uniform rate is indefensible (rates differ more than a hundredfold between places; Cook-Patton et
al. 2020, doi:10.1038/s41586-020-2686-x), and no stand keeps its rate. The layer says how fast the
place grows on average over its reference years; the age curve says how that growth is spread over
the accounting years. With u the rate, m its mean factor, alpha the share that a darker surface
takes back and L0 the carbon that is cleared first, a hectare removes ``u m Y (1 - alpha) - L0`` in
Y years.

It costs planting, upkeep and monitoring for Y years, a guard from then until the permanence ends
after P years, and the rent of P years. Money and tonnes are discounted alike: no item is divided by
tonnes that are not, so a tonne of a slow forest is as dear as it is late.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import model_validator

from cdrsite.core.errors import ConfigError
from cdrsite.core.fields import Model, Years, problem
from cdrsite.place.dependence import Dependence, Here, LayerKey, Use, own_layer
from cdrsite.place.needs import Needs, Stock
from cdrsite.scoring.sums import layer

FloatArray = npt.NDArray[np.float64]

M2_PER_HA = 10_000.0
UNREACHABLE_LAND = 1e9
"""Land need where nothing grows, or never enough [m2 per t/yr]; finite, so that the cost is too."""
NO_GAIN = 2000.0
"""Losses there [kg/t]: more than the tonne, so that no plan takes it."""


@dataclass(frozen=True)
class AgeCurve:
    """Chapman-Richards growth: stock(t) proportional to ``(1 - b exp(-k t))^p - (1 - b)^p``.

    Richards 1959, doi:10.1093/jxb/10.2.290; Chapman 1961; with b as in Robinson et al. 2025, whose
    fits have p = 3 and b from 0.2 to 1: below 1 a stand that comes back does not start from
    nothing.

    Parameters
    ----------
    rate : float
        k [1/yr].
    shape : float
        p [1]; above 1 the growth starts slowly and peaks at age ``ln(b p) / k``.
    reference_years : float
        Years after planting over which the uptake layer is the mean [yr].
    start : float
        b [1], above 0 and at most 1.

    Raises
    ------
    ConfigError
        If a value is not finite and positive, or b is above 1.
    """

    rate: float
    shape: float
    reference_years: float
    start: float = 1.0

    def __post_init__(self) -> None:
        for name in ("rate", "shape", "reference_years", "start"):
            value = getattr(self, name)
            most = 1.0 if name == "start" else math.inf
            if not (math.isfinite(value) and 0 < value <= most):
                raise ConfigError(
                    "an age curve needs positive numbers",
                    where=f"age_curve.{name}",
                    got=value,
                    expected="a finite number above 0" + (", at most 1" if name == "start" else ""),
                    cure="for example rate 0.025 per year, shape 3, 30 reference years, start 0.6",
                )

    def stock(self, age: npt.ArrayLike) -> FloatArray:
        """Stock at an age, relative to ``A``: 0 when planted, towards ``1 - (1 - b)^p`` [1]."""
        years = np.maximum(np.asarray(age, dtype=np.float64), 0.0)
        left = 1.0 - self.start
        # 1 - b exp(-k t) = (1 - b) + b (1 - exp(-k t)), which keeps its digits at small ages
        grown = left - self.start * np.expm1(-self.rate * years)
        return grown**self.shape - left**self.shape

    def mean_factor(self, years: float) -> float:
        """Mean uptake over the first ``years``, relative to the layer's mean [1].

        Raises
        ------
        ConfigError
            If the number of years is not positive.
        """
        if not (math.isfinite(years) and years > 0):
            raise ConfigError(
                "the accounting period must be positive",
                where="accounting.years",
                got=years,
                expected="years above 0",
                cure="crediting periods run from 20 to 100 years",
            )
        mean = float(self.stock(years)) / years
        return mean * self.reference_years / float(self.stock(self.reference_years))

    def year_factor(self, year: npt.ArrayLike) -> FloatArray:
        """Uptake during year ``year`` (1 is the first), relative to the layer's mean [1]."""
        end = np.asarray(year, dtype=np.float64)
        growth = self.stock(end) - self.stock(end - 1.0)
        return growth * self.reference_years / float(self.stock(self.reference_years))

    def discounted_factor(self, years: int, rate: float) -> float:
        """Present value of the uptake of the first ``years``, relative to the layer's mean [yr]."""
        ages = np.arange(1, years + 1)
        return float(self.year_factor(ages) @ (1.0 + rate) ** -ages.astype(np.float64))


class GrowthKeys(Model):
    """Keys of :class:`Growth`."""

    rate: Annotated[str | None, LayerKey("t/ha/yr")] = None
    """Layer with the CO2 uptake of a forest [t/ha/yr], in place of the profile's one rate."""
    layer_years: Years | None = None
    """Years after planting over which `rate` is the mean [yr]; the library's when not given."""
    albedo: Annotated[str | None, LayerKey("1")] = None
    """Layer with the share of the cooling that a darker surface takes back [1], in place of the
    profile's; nothing is planted where it is 1 or more."""
    cleared_carbon: Annotated[str | None, LayerKey("t/ha")] = None
    """Layer with the carbon above ground that is cleared first, as CO2 [t/ha], in place of the
    profile's."""

    @model_validator(mode="after")
    def _years_of_a_layer(self) -> Self:
        if self.layer_years is not None and self.rate is None:
            raise problem(
                "layer_years says what the rate layer is the mean of, and there is none; "
                "cure: give rate, or remove layer_years",
                at="layer_years",
            )
        return self


class Growth(Dependence):
    """Land under a growing stock: by the rate of the place, and the age of the stand.

    The rate is the mean of its own years (``layer_years`` or ``uptake_years``); the age curve
    brings it to the mean of the accounting years.
    """

    name, keys = "growth", GrowthKeys
    parameters = (
        ("uptake", "t/ha/yr"),
        ("uptake_years", "yr"),
        ("layer_years", "yr"),
        ("age_curve_k", "1/yr"),
        ("age_curve_p", "1"),
        ("age_curve_b", "1"),
        ("accounting_years", "yr"),
        ("permanence_years", "yr"),
        ("albedo_offset", "1"),
        ("cleared_carbon", "t/ha"),
        ("planting_cost", "USD/ha"),
        ("upkeep", "USD/ha/yr"),
        ("guard_cost", "USD/ha/yr"),
        ("monitoring_cost", "USD/ha/yr"),
    )

    def acts(self, use: Use) -> bool:
        """Where the land need follows from an uptake rate."""
        return "uptake" in use.numbers

    def refuse(self, use: Use, where: str) -> None:
        """Refuse layers for what does not grow, and a permanence that ends before the account."""
        for key in ("rate", "albedo", "cleared_carbon"):
            if getattr(use.choice, key) is not None and not self.acts(use):
                raise ConfigError(
                    f"{key} is a layer of a growing stock",
                    where=f"{where}.{key}",
                    got=f"a method of the family {use.method.family}, without uptake",
                    cure="remove it",
                )
        if self.acts(use) and _permanence_years(use) < _accounting_years(use):
            raise ConfigError(
                "the permanence ends before the accounting years do",
                where=where,
                got=f"{_permanence_years(use):g} of {_accounting_years(use):g} years",
                cure="raise override: {permanence_years: ...}, or account for fewer years",
            )

    def given(self, choice: Any) -> Mapping[str, float | None]:
        """Years of the layer."""
        return {"layer_years": choice.layer_years}

    def numbers(self, use: Use) -> dict[str, float]:
        """What the rate is multiplied by, and what there is no layer of."""
        curve, years = age_curve(use), _accounting_years(use)
        found = {
            "mean factor": curve.mean_factor(years),
            "discounted factor": curve.discounted_factor(max(1, round(years)), use.discount_rate),
            "years": years,
        }
        for key, parameter in _LAYERS.items():
            if getattr(use.choice, key) is None:
                found[parameter] = use.number(parameter)
        return found

    def needs(self, use: Use, needs: Needs) -> Needs:
        """The land, what is spent on it year by year, and what is lost to albedo and clearing."""
        years, until = (max(1, round(f(use))) for f in (_accounting_years, _permanence_years))
        spending = np.full(until + 1, use.number("guard_cost"))
        spending[: years + 1] = use.number("upkeep") + use.number("monitoring_cost")
        spending[0] = use.number("planting_cost")
        stock = Stock(spending, until, layer(own_layer("stock area", use.name)))
        lost = layer(own_layer("stock losses", use.name))
        return replace(
            needs.but("land", layer(own_layer("land need", use.name))),
            stock=stock,
            place_emissions=needs.place_emissions + lost,
        )

    def layers(self, use: Use, here: Here) -> dict[str, npt.NDArray[np.float32]]:
        """Land per tonne a year [m2 per t/yr], losses [kg/t], hectares per tonne of cost [ha/t].

        A gross tonne is one of ``u m Y``. It costs the present value of a hectare's spending times
        ``(net / gross) / (discounted net tonnes of a hectare)``, so that the cost per net tonne is
        spending over tonnes, both discounted. Nothing is planted where those never make up for what
        is cleared, or the darker surface takes all back.
        """
        del use
        numbers = here.numbers
        rate, albedo, cleared = (
            here.layers.get(key, np.float32(numbers.get(parameter, 0.0)))
            for key, parameter in _LAYERS.items()
        )
        mean, years = np.float32(numbers["mean factor"]), np.float32(numbers["years"])
        rate, albedo, cleared = np.broadcast_arrays(rate, albedo, cleared, np.zeros(here.shape))[:3]
        grows = (rate > 0) & (albedo < 1)
        unknown = np.isnan(rate) | np.isnan(albedo) | np.isnan(cleared)
        with np.errstate(divide="ignore", invalid="ignore"):
            need = np.float32(M2_PER_HA) / (rate * mean)
            lost = albedo + cleared / (rate * mean * years)
            later = rate * np.float32(numbers["discounted factor"]) * (1 - albedo) - cleared
            area = np.maximum(1 - lost, 0) / later
        # where discounted tonnes never make up for what is cleared, a tonne has no cost
        grows &= later > 0
        made = {
            "land need": np.where(grows, need, UNREACHABLE_LAND),
            "stock losses": np.where(grows, lost * np.float32(1000), NO_GAIN),
            "stock area": np.where(grows, area, 0),
        }
        return {
            kind: np.where(unknown, np.nan, values).astype(np.float32)
            for kind, values in made.items()
        }


_LAYERS = {"rate": "uptake", "albedo": "albedo_offset", "cleared_carbon": "cleared_carbon"}
"""Key of a layer -> parameter that holds where there is none."""


def _accounting_years(use: Use) -> float:
    return use.number("accounting_years", 30.0)


def _permanence_years(use: Use) -> float:
    return use.number("permanence_years", _accounting_years(use))


def age_curve(use: Use) -> AgeCurve:
    """Growth of a method's stock, relative to the mean of the years that its rate stands for."""
    own = "uptake_years" if use.choice.rate is None else "layer_years"
    years = use.number(own, _accounting_years(use))
    shape = use.number("age_curve_p")
    return AgeCurve(use.number("age_curve_k"), shape, years, use.number("age_curve_b", 1.0))
