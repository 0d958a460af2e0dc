"""Forest uptake: the rate of the place and the age of the stand.

A uniform rate is indefensible (rates differ more than a hundredfold between places; Cook-Patton et
al. 2020, doi:10.1038/s41586-020-2686-x), and no stand keeps its rate. The layer says how fast the
place grows on average over its reference years; the age curve says how that growth is spread.
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
"""Land need where nothing grows [m2 per t/yr]; finite, so that the cost is too."""


@dataclass(frozen=True)
class AgeCurve:
    """Chapman-Richards growth: stock(t) proportional to ``(1 - exp(-k t))^p``.

    Richards 1959, doi:10.1093/jxb/10.2.290; Chapman 1961.

    Parameters
    ----------
    rate : float
        k [1/yr].
    shape : float
        p [1]; above 1 the growth starts slowly and peaks at age ``ln(p) / k``.
    reference_years : float
        Years after planting over which the uptake layer is the mean [yr].

    Raises
    ------
    ConfigError
        If a value is not finite and positive.
    """

    rate: float
    shape: float
    reference_years: float

    def __post_init__(self) -> None:
        for name in ("rate", "shape", "reference_years"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ConfigError(
                    "an age curve needs positive numbers",
                    where=f"age_curve.{name}",
                    got=value,
                    expected="a finite number above 0",
                    cure="for example rate 0.05 per year, shape 3, 30 reference years",
                )

    def stock(self, age: npt.ArrayLike) -> FloatArray:
        """Stock at an age, relative to its final value [1]."""
        years = np.maximum(np.asarray(age, dtype=np.float64), 0.0)
        return (-np.expm1(-self.rate * years)) ** self.shape

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

    def growth(self, years: int) -> FloatArray:
        """Uptake in each of the first ``years``, relative to their own mean, shape (years,) [1]."""
        return self.year_factor(np.arange(1, years + 1)) / self.mean_factor(years)


class GrowthKeys(Model):
    """Keys of :class:`Growth`."""

    rate: Annotated[str | None, LayerKey("t/ha/yr")] = None
    """Layer with the CO2 uptake of a forest [t/ha/yr], in place of the profile's one rate."""
    layer_years: Years | None = None
    """Years after planting over which `rate` is the mean [yr]; the library's when not given."""

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
        ("accounting_years", "yr"),
        ("planting_cost", "USD/ha"),
        ("upkeep", "USD/ha/yr"),
    )

    def acts(self, use: Use) -> bool:
        """Where the land need follows from an uptake rate."""
        return "uptake" in use.numbers

    def refuse(self, use: Use, where: str) -> None:
        """Refuse a rate for what does not grow."""
        if use.choice.rate is not None and not self.acts(use):
            raise ConfigError(
                "a rate layer belongs to a growing stock",
                where=f"{where}.rate",
                got=f"a method of the family {use.method.family}, without uptake",
                cure="remove it",
            )

    def given(self, choice: Any) -> Mapping[str, float | None]:
        """Years of the layer."""
        return {"layer_years": choice.layer_years}

    def numbers(self, use: Use) -> dict[str, float]:
        """What the rate is multiplied by, and the rate where there is no layer."""
        found = {"mean factor": age_curve(use).mean_factor(_accounting_years(use))}
        if use.choice.rate is None:
            found["uptake"] = use.number("uptake")
        return found

    def needs(self, use: Use, needs: Needs) -> Needs:
        """The land, and what is spent on it: planting, then upkeep."""
        years = max(1, round(_accounting_years(use)))
        spending = np.full(years, use.number("upkeep"))
        spending[0] += use.number("planting_cost")
        stock = Stock(spending, age_curve(use).growth(years))
        land = layer(own_layer("land need", use.name))
        return replace(needs.but("land", land), stock=stock)

    def layers(self, use: Use, here: Here) -> dict[str, npt.NDArray[np.float32]]:
        """Land per tonne a year [m2 per t/yr]."""
        del use
        numbers, rate = here.numbers, here.layers.get("rate")
        if rate is None:
            rate = np.full(here.shape, numbers["uptake"], np.float32)
        with np.errstate(divide="ignore"):
            need = np.float32(M2_PER_HA) / (rate * np.float32(numbers["mean factor"]))
        need = np.where(rate > 0, need, np.where(np.isnan(rate), np.nan, UNREACHABLE_LAND))
        return {"land need": need.astype(np.float32)}


def _accounting_years(use: Use) -> float:
    return use.number("accounting_years", 30.0)


def age_curve(use: Use) -> AgeCurve:
    """Growth of a method's stock, relative to the mean of the years that its rate stands for."""
    own = "uptake_years" if use.choice.rate is None else "layer_years"
    years = use.number(own, _accounting_years(use))
    return AgeCurve(use.number("age_curve_k"), use.number("age_curve_p"), years)
