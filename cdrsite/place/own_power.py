"""Own renewables: land, price and emissions of what serves a share of a plant's load.

Energy of a year does not run a plant: hours without sun are bridged by more photovoltaics and a
battery, and what is generated is partly curtailed (:mod:`cdrsite.place.firm_supply`). Per kWh that
is served, w kWh are generated, with w the oversizing over the firm share:

    land = w (s / (Y d) + s' e / (Y' d'))
    price = w (s C / Y + s' C' / Y') + battery
    emissions = w (s g + s' g') + battery,

with s and s' the shares of sun and wind, Y their yearly yields, C what a kW costs a year, d power
per area, e the part of a wind park that nothing else can use, g emissions per kWh generated. The
battery's parts go by its size and not by the yield. In the rest of the hours the plant stands idle,
and its capital is paid by fewer tonnes, or it buys from the grid.

Own renewable land and a grid power budget exclude each other (rule 6): each kWh is of the one or of
the other. Densities are of the built footprint (PV: 30 to 50 MW/km2, that is 0.03 to 0.05 kW/m2),
not the potential densities over eligible area that energy-system models use.

One module: what serves a plant by a table or by hours of one's own ends in the same three layers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import model_validator

from cdrsite.core.annuity import crf
from cdrsite.core.errors import ConfigError
from cdrsite.core.fields import LocalPath, Model, problem, quantity
from cdrsite.core.yamltext import read_text
from cdrsite.place.dependence import (
    Classes,
    Dependence,
    Here,
    LayerKey,
    Use,
    class_names,
    own_layer,
)
from cdrsite.place.firm_mix import FirmMix, PowerCosts, PowerRules
from cdrsite.place.firm_supply import HOURS_PER_YEAR, YEARLY, FirmSupply, firm_tables
from cdrsite.place.needs import Needs
from cdrsite.place.own_mix import mixes_of, read_hours
from cdrsite.scoring.sums import const, layer

FloatArray = npt.NDArray[np.float64]

MEAN_DAYS = 0.98
"""A larger share of the hours asks for extreme days among those of the table [1]."""
USUAL_SHARE = 0.9
"""Firm share where a scenario names none: that of plants which run all year but for upkeep."""
PV_WIND = {0.9: FirmSupply(0.9, 1.125, 6.0)}
"""Sun and wind together: firm share -> 1.2 to 1.3 kWh generated per kWh served, and a battery of 4
to 8 hours; general knowledge, until there is hourly work."""
DIRECT_OWN_USE = 0.60
DIRECT = {2025: 0.30, 2030: 0.35}
"""Direct connection in China: year -> least share of the load that own power serves; of what is
generated at least :data:`DIRECT_OWN_USE` must be used, and what is not used is curtailed here, so
that the bound of a fifth on exports holds. Plans of Ningxia and Shandong, in Climate Bridge
(2025): Quarterly, fourth quarter."""
COSTS = ("capex", "fixed_om", "lifetime")
PV = ("pv_density", *(f"pv_{name}" for name in COSTS), "pv_emissions")
WIND = (
    *("wind_share", "wind_density", "wind_exclusive_fraction"),
    *(f"wind_{name}" for name in COSTS),
    "wind_emissions",
)
BATTERY = (
    *("battery_capex", "battery_lifetime", "inverter_capex", "inverter_lifetime"),
    *("battery_emissions", "battery_years"),
)


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
    return _per_yield(1.0 / density, pv_yield)


def _per_yield(amount: float, yearly: npt.ArrayLike) -> FloatArray:
    """Amount per kW [1/kW] as one per kWh a year: infinite without yield, NaN stays unknown."""
    kwh = np.asarray(yearly, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.where(kwh <= 0, np.inf, amount / kwh)[()]


class OwnPower(Model):
    """Own renewables in place of the power budget: land for energy, never both (rule 6)."""

    technology: Literal["pv", "pv-wind"] = "pv"
    """Photovoltaics, or photovoltaics and wind, each with a battery."""
    pv_yield: Annotated[str | None, LayerKey("kWh/kWp")] = None
    """Layer with the local PV yield [kWh/kWp per year]; the library's `pv_reference_yield`
    everywhere when not given."""
    wind_yield: Annotated[str | None, LayerKey("kWh/kW")] = None
    """Layer with the local yield of turbines [kWh/kW per year]; the library's
    `wind_reference_yield` everywhere when not given."""
    density: quantity("kW/m2", above=0.0) | None = None  # type: ignore[valid-type]
    """Peak power per area of the photovoltaics; the library's when not given [kW/m2]."""
    firm_share: Literal["yearly"] | quantity("1", above=0.0, maximum=1.0) | None = None  # type: ignore[valid-type]
    """Share of the plant's load that they serve [1]; 0.9 when not given, with a warning. `yearly`:
    energy of the year only, as if the grid took and gave back every hour for nothing."""
    oversizing: quantity("1", above=0.0) | None = None  # type: ignore[valid-type]
    """Generation of a year / load of a year [1]; with `battery_hours`, in place of the cheapest
    pair for the share. Without `firm_share` the share follows from the table."""
    battery_hours: quantity("h", minimum=0.0) | None = None  # type: ignore[valid-type]
    """Battery in hours of the load [h]."""
    hours: LocalPath | None = None
    """CSV table of typical days with the columns `zone`, `day`, `days` (of the year that the day
    stands for), `hour`, `pv` and `wind` (output per kW), extreme days included: for each zone the
    cheapest photovoltaics, wind and battery for `firm_share` are worked out, in place of the
    library's table and of yields."""
    zone: Annotated[Classes | None, LayerKey("1", classes=True)] = None
    """`{LAYER: {CLASS: name}}`: which classes are which zone of `hours`; the only zone of the table
    everywhere when not given."""
    shortfall: Literal["idle", "grid"] = "idle"
    """In the other hours the plant stands idle, or draws on `resources.power`."""
    direct_connection: Literal[2025, 2030] | None = None
    """Year of the Chinese rules for direct connection by which own use is judged: 60 % of what is
    generated, and 30 % of the load, from 2030 on 35 %. What does not keep them is said."""

    @model_validator(mode="after")
    def _fit(self) -> Self:
        pair = self.oversizing is not None, self.battery_hours is not None
        if any(pair) and not all(pair):
            given, missing = ("oversizing", "battery_hours")[:: 1 if pair[0] else -1]
            raise problem(f"{given} without {missing}; cure: give both, or none", at=given)
        if self.firm_share == "yearly" and (any(pair) or self.shortfall == "grid"):
            at = "oversizing" if any(pair) else "shortfall"
            raise problem(
                "energy of the year knows no hours; got firm_share: yearly; cure: remove it, or "
                "give a share",
                at=at,
            )
        if self.technology == "pv" and self.wind_yield is not None:
            raise problem(
                "there is no wind; got technology: pv; cure: remove it, or technology: pv-wind",
                at="wind_yield",
            )
        if self.firm_share is None and any(pair) and self.technology == "pv-wind":
            raise problem(
                "no table says what sun and wind serve; cure: give firm_share, from hourly work",
                at="oversizing",
            )
        if self.hours is None and self.zone is not None:
            raise problem("zones of no hours; cure: give hours, or remove it", at="zone")
        if self.hours is not None:
            self._fit_hours()
        self.supply()
        return self

    def _fit_hours(self) -> None:
        """Hourly work has a share of its own, and replaces yields and sizes."""
        if not isinstance(self.firm_share, float):
            raise problem(
                f"hours without the share that they serve; got firm_share: {self.firm_share}; "
                "expected a share, e.g. 0.95; cure: give firm_share",
                at="firm_share",
            )
        for key in ("oversizing", "battery_hours", "pv_yield", "wind_yield"):
            if getattr(self, key) is not None:
                raise problem(f"{key} beside hours, from which it follows; cure: remove it", at=key)

    def keeps_direct_rules(self) -> bool | None:
        """Whether own use is as the rules for direct connection ask; None where nobody asks."""
        if self.direct_connection is None:
            return None
        if self.hours is not None:  # they are among the rows of what is worked out
            return True
        supply = self.supply()
        own_use = 1.0 / supply.generated >= DIRECT_OWN_USE
        return own_use and supply.firm_share >= DIRECT[self.direct_connection]

    def supply(self) -> FirmSupply:
        """What the renewables serve, and how large they and the battery are.

        Raises
        ------
        PydanticCustomError
            Outside of what is known.
        """
        share, tables = self.firm_share, firm_tables()
        if self.hours is not None and isinstance(share, float):
            return FirmSupply(share, math.nan, math.nan)
        if share == "yearly":
            return YEARLY
        if self.oversizing is not None and self.battery_hours is not None:
            if share is None:
                return tables["pv"].of_pair(self.oversizing, self.battery_hours)
            return FirmSupply(share, self.oversizing, self.battery_hours)
        share = USUAL_SHARE if share is None else share
        if self.technology == "pv":
            return tables["pv"].cheapest(share)
        if share not in PV_WIND:
            raise problem(
                f"what sun and wind take for such a share is not known; got {share:g}; expected "
                f"{', '.join(f'{one:g}' for one in PV_WIND)}; cure: give oversizing and "
                "battery_hours as well, from hourly work of your own (rule 7)",
                at="firm_share",
            )
        return PV_WIND[share]


def _refuse_zones(own: OwnPower, where: str) -> None:
    """Zones that the table of hours does not have, and a table of several without a layer."""
    if own.hours is None:
        return
    known = tuple(read_hours(read_text(own.hours), str(own.hours)))
    asked = class_names(own.zone or {})
    wrong = [zone for zone in asked if zone not in known]
    if wrong or (not asked and len(known) != 1):
        raise ConfigError(
            "zones that the table of hours does not have" if wrong else "which zone is where",
            where=f"{where}.zone",
            got=", ".join(wrong) or f"no zone, and {len(known)} in the table",
            expected=f"some of {', '.join(known)}",
            cure="give zone: {LAYER: {CLASS: name}} with the names of the table",
            rule=7,
        )


class OwnPowerKeys(Model):
    """Keys of :class:`OwnRenewables`."""

    own_power: OwnPower | None = None
    """Electricity from own renewables on own land in place of the power budget."""


class OwnRenewables(Dependence):
    """Land, price and emissions of a method's own renewables."""

    name, keys = "own power", OwnPowerKeys
    parameters = (
        *(("pv_density", "kW/m2"), ("pv_reference_yield", "kWh/kW"), ("pv_capex", "USD/kW")),
        *(("pv_fixed_om", "1/yr"), ("pv_lifetime", "yr"), ("pv_emissions", "kg/kWh")),
        *(("wind_share", "1"), ("wind_density", "kW/m2"), ("wind_exclusive_fraction", "1")),
        *(("wind_reference_yield", "kWh/kW"), ("wind_capex", "USD/kW"), ("wind_fixed_om", "1/yr")),
        *(("wind_lifetime", "yr"), ("wind_emissions", "kg/kWh"), ("battery_capex", "USD/kWh")),
        *(("battery_lifetime", "yr"), ("inverter_capex", "USD/kW"), ("inverter_lifetime", "yr")),
        *(("battery_emissions", "kg/kWh"), ("battery_years", "yr")),
    )

    def acts(self, use: Use) -> bool:
        """Where the scenario asks for own power."""
        return use.choice.own_power is not None

    def refuse(self, use: Use, where: str) -> None:
        """Refuse energy land twice (rule 6), and renewables of which too little is known."""
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
        if not use.number("electricity") > 0:
            raise ConfigError(
                "the method takes no electricity that its own renewables could serve",
                where=f"{where}.own_power",
                got=f"{use.number('electricity'):g} kWh/t",
                cure="remove own_power",
                rule=7,
            )
        wind = own.technology == "pv-wind"
        for key, name in (("pv_yield", "pv"), *((("wind_yield", "wind"),) if wind else ())):
            if (
                own.hours is None
                and getattr(own, key) is None
                and not use.number(f"{name}_reference_yield")
            ):
                raise ConfigError(
                    f"no yield for the method's own {name}",
                    where=f"{where}.own_power",
                    got=f"no {key}, and no {name}_reference_yield in the library",
                    cure=f"give {key}: LAYER",
                    rule=7,
                )
        _refuse_zones(own, f"{where}.own_power")
        missing = [n for n in (*PV, *(WIND if wind else ()), *BATTERY) if n not in use.numbers]
        if missing:
            raise ConfigError(
                "the method's own renewables are not known",
                where=f"{where}.own_power",
                got=f"no {', '.join(missing)} in the method file",
                cure="give them there, or under override",
                rule=7,
            )

    def remarks(self, use: Use, where: str) -> Iterator[str]:
        """Say which share of the hours is taken to be served where the scenario leaves it open."""
        own = use.choice.own_power
        if own is None:
            return
        if own.hours is not None and own.firm_share > MEAN_DAYS:
            yield (
                f"{where}.own_power: {100 * own.firm_share:g} % of all hours are served; a "
                "table of mean days has no calm weeks, and its battery is then far too small; "
                "cure: see that hours has extreme days, or firm_share: 0.95 (rule 7)"
            )
        if own.firm_share is None and own.oversizing is None:
            yield (
                f"{where}.own_power: a firm share of {USUAL_SHARE:g} is taken, since energy of the "
                "year alone does not run a plant; cure: say firm_share: SHARE, or yearly if the "
                "grid bridges the hours for nothing (rule 7)"
            )
        if own.keeps_direct_rules() is False:
            supply = own.supply()
            yield (
                f"{where}.own_power: {100 / supply.generated:.0f} % of what is generated and "
                f"{100 * supply.firm_share:.0f} % of the load are own use; direct connection asks "
                f"for {100 * DIRECT_OWN_USE:g} % and {100 * DIRECT[own.direct_connection]:g} %; "
                "cure: another firm_share, or less oversizing with a larger battery (rule 7)"
            )
        if own.firm_share == "yearly":
            yield (
                f"{where}.own_power: firm_share yearly does not match the hours: land, price and "
                "emissions are those of as much energy as the plant takes in a year, and the grid "
                "bridges every hour for nothing; cure: give a share, for example 0.9 (rule 7)"
            )

    def numbers(self, use: Use) -> dict[str, float]:
        """What the layers are made with: per kWh served, and per kW."""
        own, rate = use.choice.own_power, use.discount_rate
        if own.hours is not None:
            return _of_zones(use)
        supply = own.supply()
        wind = use.number("wind_share") if own.technology == "pv-wind" else 0.0
        density = own.density or use.number("pv_density")
        exclusive = use.number("wind_exclusive_fraction")
        found = {
            "pv generated": supply.generated * (1.0 - wind),
            "pv density": density,
            "pv cost": _yearly(use, "pv", rate),
            "battery": _battery_price(use, supply, rate),
        }
        if own.pv_yield is None:
            found["pv yield"] = use.number("pv_reference_yield")
        if wind:
            found |= {
                "wind generated": supply.generated * wind,
                "wind density": use.number("wind_density") / exclusive,
                "wind cost": _yearly(use, "wind", rate),
            }
            if own.wind_yield is None:
                found["wind yield"] = use.number("wind_reference_yield")
        return found

    def needs(self, use: Use, needs: Needs) -> Needs:
        """More land, no power of others but in the hours that are left, and what was emitted."""
        own = use.choice.own_power
        supply = own.supply()
        idle = own.shortfall == "idle"
        part = 1.0 if idle else supply.firm_share
        served = needs.taken["electricity"] * part
        per_kwh = layer(own_layer("land per kWh", use.name))
        needs = needs.but("land", needs.taken["land"] + served * per_kwh)
        return replace(
            needs,
            own={**needs.own, "electricity": part},
            prices={
                **needs.prices, "electricity": layer(own_layer("price of own power", use.name))
            },
            place_emissions=needs.place_emissions + served * _emitted(use, supply),
            inverse_hours=needs.inverse_hours * const(1.0 / supply.firm_share if idle else 1.0),
        )  # fmt: skip

    def layers(self, use: Use, here: Here) -> dict[str, npt.NDArray[np.float32]]:
        """Land per kWh a year [m2], and the price of a kWh [USD], both served."""
        if use.choice.own_power.hours is not None:
            return _zone_layers(use, here)
        numbers = here.numbers
        land: FloatArray | float = 0.0
        price: FloatArray | float = numbers["battery"]
        for name in ("pv", "wind"):
            if f"{name} generated" not in numbers:
                continue
            yearly = here.layers.get(f"{name}_yield")
            if yearly is None:
                yearly = np.full(here.shape, numbers[f"{name} yield"], np.float32)
            generated = numbers[f"{name} generated"]
            land = land + generated * pv_land(yearly, numbers[f"{name} density"])
            price = price + generated * _per_yield(numbers[f"{name} cost"], yearly)
        made = {"land per kWh": land, "price of own power": price}
        return {kind: np.asarray(values, np.float32) for kind, values in made.items()}


def _emitted(use: Use, supply: FirmSupply) -> Any:
    """Emissions of own power as a factor: one number, or a layer where zones differ."""
    if use.choice.own_power.hours is None:
        return own_emissions(use, supply)
    return layer(own_layer("emissions of own power", use.name))


def power_costs(use: Use) -> PowerCosts:
    """What a kW costs a year and emits, from the method's numbers; the grid is no part of it.

    A kWh that the renewables need not serve costs nothing here, so they serve just their share.
    """
    wind = use.choice.own_power.technology == "pv-wind"
    rate, cells = use.discount_rate, use.number("battery_capex")
    return PowerCosts(
        pv=_yearly(use, "pv", rate),
        wind=_yearly(use, "wind", rate) if wind else math.inf,
        store=cells * float(crf(rate, use.number("battery_lifetime"))),
        converter=use.number("inverter_capex") * float(crf(rate, use.number("inverter_lifetime"))),
        efficiency=math.sqrt(firm_tables()["pv"].round_trip),
        grid=0.0,
        pv_emissions=use.number("pv_emissions"),
        wind_emissions=use.number("wind_emissions"),
    )


def _rules(own: OwnPower) -> PowerRules:
    """What direct connection asks of own use; nothing is sold."""
    if own.direct_connection is None:
        return PowerRules()
    return PowerRules(DIRECT[own.direct_connection], DIRECT_OWN_USE)


def mixes(use: Use) -> Mapping[str, FirmMix]:
    """The cheapest mix of each zone of a method's table of hours; none without a table."""
    own = use.choice.own_power
    if own is None or own.hours is None:
        return {}
    return mixes_of(own.hours, power_costs(use), float(own.firm_share), _rules(own))


def _of_zones(use: Use) -> dict[str, float]:
    """Land, price and emissions of a kWh that is served, by zone of the table of hours."""
    own = use.choice.own_power
    density = own.density or use.number("pv_density")
    wind = use.number("wind_exclusive_fraction") / (use.number("wind_density") or math.inf)
    battery = use.number("battery_emissions") / (use.number("battery_years") or math.inf)
    found: dict[str, float] = {}
    for zone, mix in mixes(use).items():
        served = HOURS_PER_YEAR * mix.own_share
        found |= {
            f"land of {zone}": (mix.pv / density + mix.wind * wind) / served,
            f"price of {zone}": mix.own_price,
            f"emissions of {zone}": mix.emissions / mix.own_share + mix.store * battery / served,
        }
    return found


def _zone_layers(use: Use, here: Here) -> dict[str, npt.NDArray[np.float32]]:
    """Layers of land, price and emissions: of each cell those of its zones, by their shares."""
    own, numbers = use.choice.own_power, here.numbers
    zones = [name.removeprefix("price of ") for name in numbers if name.startswith("price of ")]
    if own.zone is None:
        shares = {zones[0]: np.ones(here.shape, np.float32)}
    else:
        shares = dict(zip(class_names(own.zone), here.layers["zone"], strict=True))
    whole = np.sum(list(shares.values()), axis=0)
    made = {}
    kinds = {
        "land of": "land per kWh", "price of": "price of own power",
        "emissions of": "emissions of own power",
    }  # fmt: skip
    for kind, name in kinds.items():
        total = sum(share * np.float32(numbers[f"{kind} {zone}"]) for zone, share in shares.items())
        with np.errstate(invalid="ignore", divide="ignore"):
            made[name] = np.where(whole > 0, total / whole, np.nan).astype(np.float32)
    return made


def own_emissions(use: Use, supply: FirmSupply) -> float:
    """Emissions of making the renewables and the battery [kg per kWh served]."""
    wind = use.number("wind_share") if use.choice.own_power.technology == "pv-wind" else 0.0
    generated = (1.0 - wind) * use.number("pv_emissions") + wind * use.number("wind_emissions")
    battery = supply.battery * use.number("battery_emissions") / use.number("battery_years")
    return supply.generated * generated + battery


def _yearly(use: Use, name: str, rate: float) -> float:
    """What a kW costs in a year [USD/kW]."""
    payment = float(crf(rate, use.number(f"{name}_lifetime"))) + use.number(f"{name}_fixed_om")
    return use.number(f"{name}_capex") * payment


def _battery_price(use: Use, supply: FirmSupply, rate: float) -> float:
    """Battery, and inverter of the size of the load, per energy served [USD/kWh]."""
    if not supply.battery_hours:
        return 0.0
    cells = use.number("battery_capex") * float(crf(rate, use.number("battery_lifetime")))
    inverter = use.number("inverter_capex") * float(crf(rate, use.number("inverter_lifetime")))
    return supply.battery * cells + supply.load * inverter
