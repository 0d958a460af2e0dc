"""What fills a stock on land: the rate of the place, its years, and one discounted cash flow.

A uniform rate is indefensible (rates differ more than a hundredfold between places; Cook-Patton et
al. 2020, doi:10.1038/s41586-020-2686-x), and no stand keeps its rate. The layer says how fast the
place grows on average over its reference years; the age curve says how that growth is spread over
the accounting years. With u the rate, m its mean factor, alpha the share that a darker surface
takes back and L0 the carbon that is cleared first, a hectare removes ``u m Y (1 - alpha) - L0`` in
Y years.

It costs planting, upkeep and monitoring for Y years, a guard from then until the permanence ends
after P years, and the rent of P years. Money and tonnes are discounted alike: no item is divided by
tonnes that are not, so a tonne of a slow forest is as dear as it is late.

Stocks differ in data alone. A forest fills by an age curve, a soil or the silt behind a dam evenly
until it is full (``saturation_years``); the rate of a soil follows from climate, soil and practice
(:mod:`cdrsite.place.soil`). Methane and nitrous oxide before and after are counted as CO2: what
comes on top is taken off the tonnes, what stops is avoided and no removal (rule 5). Land that
stays in its present use pays no rent (``land_exclusive_fraction``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import model_validator

from cdrsite.core.errors import ConfigError
from cdrsite.core.fields import Model, Years, problem
from cdrsite.place.curves import AgeCurve, Curve, EvenUntilFull
from cdrsite.place.dependence import (
    Classes,
    Dependence,
    Here,
    LayerKey,
    Use,
    class_names,
    own_layer,
)
from cdrsite.place.gases import FluxChange, LandFlux, flux_change
from cdrsite.place.needs import Needs, Stock
from cdrsite.place.soil import SoilChange, SoilTable, soil_rates
from cdrsite.scoring.sums import layer

M2_PER_HA = 10_000.0
UNREACHABLE_LAND = 1e9
"""Land need where nothing grows, or never enough [m2 per t/yr]; finite, so that the cost is too."""
NO_GAIN = 2000.0
"""Losses there [kg/t]: more than the tonne, so that no plan takes it."""


class SoilLayers(Model):
    """Layers from which the rate of a soil follows, by the method's table."""

    zone: Annotated[Classes | None, LayerKey("1", classes=True)] = None
    """`{LAYER: {CLASS: name}}`: which classes are which climate of the table; the profile's own
    climate everywhere when not given."""
    kind: Annotated[Classes | None, LayerKey("1", classes=True)] = None
    """`{LAYER: {CLASS: name}}`: which classes are which soil of the table; the profile's own soil
    everywhere when not given."""

    @model_validator(mode="after")
    def _any(self) -> Self:
        if self.zone is None and self.kind is None:
            raise problem("no layer; expected zone or kind; cure: remove soil, or give one")
        return self


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
    """Layer with the carbon that the land loses when the stock is planted, as CO2 [t/ha], in place
    of the profile's: what is cleared above ground, and what its soil loses."""

    soil: SoilLayers | None = None
    """Layers of climate and soil, from which the rate of a soil follows in place of the profile's
    one rate."""

    @model_validator(mode="after")
    def _years_of_a_layer(self) -> Self:
        if self.soil is not None and self.rate is not None:
            raise problem(
                "the rate twice; got a layer of it and soil; cure: remove one of the two", at="soil"
            )
        if self.layer_years is not None and self.rate is None:
            raise problem(
                "layer_years says what the rate layer is the mean of, and there is none; "
                "cure: give rate, or remove layer_years",
                at="layer_years",
            )
        return self


class GrowthFileKeys(Model):
    """Keys of :class:`Growth` in a method file."""

    soil: SoilTable | None = None
    """Stocks of carbon in mineral soils and the factors of practice."""


class GrowthProfileKeys(Model):
    """Keys of :class:`Growth` in a profile of a method file."""

    soil: SoilChange | None = None
    """The change of practice, in words of the file's table; the profile's `uptake` is the rate of
    its zone and soil."""


class Growth(Dependence):
    """Land under a growing stock: by the rate of the place, and the years that it has filled.

    The rate is the mean of its own years (``layer_years``, ``uptake_years`` or those of the table
    of soils); the curve brings it to the mean of the accounting years.
    """

    name, keys = "growth", GrowthKeys
    file_keys, profile_keys = GrowthFileKeys, GrowthProfileKeys
    parameters = (
        ("uptake", "t/ha/yr"),
        ("uptake_years", "yr"),
        ("layer_years", "yr"),
        ("age_curve_k", "1/yr"),
        ("age_curve_p", "1"),
        ("age_curve_b", "1"),
        ("saturation_years", "yr"),
        ("curve_ceiling", "t/ha"),
        ("accounting_years", "yr"),
        ("permanence_years", "yr"),
        ("albedo_offset", "1"),
        ("cleared_carbon", "t/ha"),
        ("planting_cost", "USD/ha"),
        ("upkeep", "USD/ha/yr"),
        ("guard_cost", "USD/ha/yr"),
        ("monitoring_cost", "USD/ha/yr"),
        ("co2_before", "t/ha/yr"),
        ("co2_after", "t/ha/yr"),
        ("methane_before", "kg/ha/yr"),
        ("methane_after", "kg/ha/yr"),
        ("nitrous_oxide_before", "kg/ha/yr"),
        ("nitrous_oxide_after", "kg/ha/yr"),
    )

    def acts(self, use: Use) -> bool:
        """Where the land need follows from an uptake rate."""
        return "uptake" in use.numbers

    def refuse(self, use: Use, where: str) -> None:
        """Refuse layers for what does not grow, and a permanence that ends before the account."""
        for key in ("rate", "albedo", "cleared_carbon", "soil"):
            if getattr(use.choice, key) is not None and not self.acts(use):
                raise ConfigError(
                    f"{key} is a layer of a growing stock",
                    where=f"{where}.{key}",
                    got=f"a method of the family {use.method.family}, without uptake",
                    cure="remove it",
                )
        if use.choice.soil is not None:
            _refuse_soil(use, f"{where}.soil")
        twice = [gas for gas in use.gwp if use.number(f"{gas}_emissions") and _told(use, gas)]
        if twice:
            raise ConfigError(
                "a gas of the land twice",
                where=where,
                got=f"{twice[0]}_emissions beside {twice[0]}_before or _after",
                cure="give what the land gives off before and after, or the difference",
                rule=6,
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
        curve, years, change = stock_curve(use), _accounting_years(use), land_change(use)
        whole = max(1, round(years))
        found = {
            "mean factor": curve.mean_factor(years),
            "discounted factor": curve.discounted_factor(whole, use.discount_rate),
            "years": years,
            "added": change.added,
            "avoided": change.avoided,
            "discounted years": float(
                ((1.0 + use.discount_rate) ** -np.arange(1.0, whole + 1.0)).sum()
            ),
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
        if land_change(use).avoided > 0:
            needs = replace(needs, avoided=layer(own_layer("avoided", use.name)))
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

        Where nothing is taken up and emissions stop, the land is that of an avoided tonne, and the
        losses are such that no plan takes it.
        """
        numbers = here.numbers
        rate, albedo, cleared = (
            here.layers.get(key, np.float32(numbers.get(parameter, 0.0)))
            for key, parameter in _LAYERS.items()
        )
        if use.choice.soil is not None:
            rate = _soil_rate(use, here)
        # what a place gains beside the stock is not removed by it (rule 5)
        albedo, cleared = np.maximum(albedo, 0), np.maximum(cleared, 0)
        mean, years = np.float32(numbers["mean factor"]), np.float32(numbers["years"])
        rate, albedo, cleared = np.broadcast_arrays(rate, albedo, cleared, np.zeros(here.shape))[:3]
        grows = (rate > 0) & (albedo < 1)
        unknown = np.isnan(rate) | np.isnan(albedo) | np.isnan(cleared)
        added, avoided = np.float32(numbers["added"]), np.float32(numbers["avoided"])
        with np.errstate(divide="ignore", invalid="ignore"):
            need = np.float32(M2_PER_HA) / (rate * mean)
            lost = albedo + cleared / (rate * mean * years) + added / (rate * mean)
            later = rate * np.float32(numbers["discounted factor"]) * (1 - albedo) - cleared
            later = later - added * np.float32(numbers["discounted years"])
            area = np.maximum(1 - lost, 0) / later
            stops = avoided / (rate * mean)
        # where discounted tonnes never make up for what is cleared, a tonne has no cost
        grows &= later > 0
        idle = M2_PER_HA / avoided if avoided > 0 else UNREACHABLE_LAND
        made = {
            "land need": np.where(grows, need, idle),
            "stock losses": np.where(grows, lost * np.float32(1000), NO_GAIN),
            "stock area": np.where(grows, area, 0),
        }
        if avoided > 0:
            made["avoided"] = np.where(grows, stops, 1.0)
        return {
            kind: np.where(unknown, np.nan, values).astype(np.float32)
            for kind, values in made.items()
        }


MOST_ABOVE = 1.3
"""Above this multiple of what the stands of its biome tend to, a curve is said to be too high."""


def most_plausible_rate(use: Use) -> float:
    """Rate above which the curve of a stock tends to more than its biome holds [t/ha/yr].

    With u the rate, the mean over L years, a curve tends to A = u L / s(L), of which the fits of
    Robinson et al. 2025 give the biome's; NaN where that is not known.
    """
    curve = stock_curve(use)
    if not isinstance(curve, AgeCurve):
        return float("nan")
    per_rate = curve.reference_years / float(curve.stock(curve.reference_years))
    return MOST_ABOVE * use.number("curve_ceiling", float("nan")) / per_rate


_LAYERS = {"rate": "uptake", "albedo": "albedo_offset", "cleared_carbon": "cleared_carbon"}
"""Key of a layer -> parameter that holds where there is none."""


def _accounting_years(use: Use) -> float:
    return use.number("accounting_years", 30.0)


def _permanence_years(use: Use) -> float:
    return use.number("permanence_years", _accounting_years(use))


def stock_curve(use: Use) -> Curve:
    """How a method's stock fills, relative to the mean of the years that its rate stands for."""
    own = "uptake_years" if use.choice.rate is None else "layer_years"
    years = use.number(own, _accounting_years(use))
    if use.choice.soil is not None:
        years = use.method.soil.years
    if "saturation_years" in use.numbers:
        return EvenUntilFull(use.number("saturation_years"), years)
    shape = use.number("age_curve_p")
    return AgeCurve(use.number("age_curve_k"), shape, years, use.number("age_curve_b", 1.0))


def land_change(use: Use) -> FluxChange:
    """What the land gives off more or less than before, by the study's warming potentials."""
    before, after = (
        LandFlux(*(use.number(gas + when) for gas in ("co2", "methane", "nitrous_oxide")))
        for when in ("_before", "_after")
    )
    return flux_change(before, after, use.gwp)


def _told(use: Use, gas: str) -> bool:
    """Whether a method says what its land gives off of a gas, before or after."""
    return bool(use.number(f"{gas}_before") or use.number(f"{gas}_after"))


def _refuse_soil(use: Use, where: str) -> None:
    """Refuse layers of soil without a table, and names that it does not have."""
    table, change = use.method.soil, use.profile.soil
    if table is None or change is None:
        raise ConfigError(
            "the library knows no table of soils for this method",
            where=where,
            got=f"profile {use.profile.name}",
            cure="remove it, or give a rate layer",
            rule=7,
        )
    for key, known in (("zone", tuple(table.zones)), ("kind", table.soils)):
        for name in class_names(getattr(use.choice.soil, key) or {}):
            if name not in known:
                raise ConfigError(
                    f"no such {'climate' if key == 'zone' else 'soil'} in the table",
                    where=f"{where}.{key}",
                    got=repr(name),
                    expected=", ".join(known),
                    cure="write the name as the method's file has it",
                )


def _soil_rate(use: Use, here: Here) -> npt.NDArray[np.float32]:
    """Rate by the layers of climate and soil, the profile's own where there is none [t/ha/yr]."""
    change = use.profile.soil
    shares: list[dict[str, Any]] = []
    for key, own in (("zone", change.zone), ("kind", change.soil)):
        given = getattr(use.choice.soil, key)
        names = class_names(given or {})
        shares.append(dict(zip(names, here.layers[key], strict=True)) if given else {own: 1.0})
    return soil_rates(use.method.soil, change, *shares).astype(np.float32)
