"""What a removal emits by where it is: land-use change, leakage, a darker surface, other gases.

Each is a layer or one number. What belongs to land is multiplied by the land that a tonne takes, so
that the same hectare is worse where more of it is needed:

    kg/t = 1000 (loss / years + albedo) x land + (methane x GWP + nitrous oxide x GWP) x land
           + 1000 leakage + other,    land in ha per t/yr.

Nothing here is ever below zero: what a place gains beside the removal is not removed by it
(rule 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt

from cdrsite.core.errors import ConfigError
from cdrsite.core.fields import Model, Years, quantity_or_name
from cdrsite.place.dependence import Dependence, Here, LayerKey, Use, own_layer
from cdrsite.place.needs import Needs
from cdrsite.scoring.sums import Sum, const, layer

KG_PER_T, M2_PER_HA = 1000.0, 10_000.0

GWP: dict[int, dict[str, float]] = {
    100: {"methane": 28.0, "nitrous_oxide": 265.0},
    20: {"methane": 84.0, "nitrous_oxide": 264.0},
}
"""Horizon [yr] -> gas -> global warming potential [kg CO2e/kg]: Myhre et al. 2013, chapter 8 of the
Fifth Assessment Report of the IPCC (working group I), table 8.A.1, without feedbacks of carbon."""


def _amount(unit: str) -> Any:
    """Make a field type: a number of 0 or more, or the name of a layer."""
    return Annotated[quantity_or_name(unit, minimum=0.0), LayerKey(unit)] | None


class PlaceEmissions(Model):
    """Emissions of the removal at its place; each a layer or a number, and 0 where below zero."""

    land_use_change: _amount("t/ha") = None  # type: ignore[valid-type]
    """CO2 lost once from soil and plants of the land that is taken [t/ha], in place of the method's
    `luc_emissions`; a growing stock has `cleared_carbon` instead, lost when it is planted."""
    years: Years | None = None
    """Years over which `land_use_change` is spread [yr]; the method's accounting years, or the life
    of its plant, when not given."""
    leakage: _amount("1") = None  # type: ignore[valid-type]
    """Emissions moved elsewhere by taking land, biomass or power from others, as a share of the
    gross tonnes [1], in place of the method's `leakage`."""
    albedo: _amount("t/ha/yr") = None  # type: ignore[valid-type]
    """Warming by a darker surface, as CO2e [t/ha/yr], in place of the method's `albedo_emissions`;
    a growing stock has the method's key `albedo` instead."""
    methane: _amount("kg/ha/yr") = None  # type: ignore[valid-type]
    """Methane that the land gives off more than before, as CH4 [kg/ha/yr], in place of the method's
    `methane_emissions`; see `accounting.gwp`."""
    nitrous_oxide: _amount("kg/ha/yr") = None  # type: ignore[valid-type]
    """Nitrous oxide that the land gives off more than before, as N2O [kg/ha/yr], in place of the
    method's `nitrous_oxide_emissions`; see `accounting.gwp`."""
    other: _amount("kg/t") = None  # type: ignore[valid-type]
    """What else differs from place to place, as CO2e [kg per gross t]."""


class EmissionKeys(Model):
    """Keys of :class:`EmissionsOfPlace`."""

    emissions: PlaceEmissions | None = None
    """Emissions of the removal at its place: land-use change, leakage, albedo, other gases."""


REPLACED = {
    "leakage": "leakage",
    "albedo": "albedo_emissions",
    "methane": "methane_emissions",
    "nitrous_oxide": "nitrous_oxide_emissions",
}
"""Key -> parameter of method files that it replaces, in the same unit."""
PER_LAND = ("land_use_change", "albedo", "methane", "nitrous_oxide")
"""Keys of what belongs to land."""
PER_TONNE = ("leakage", "other")
"""Keys of what belongs to a gross tonne."""


class EmissionsOfPlace(Dependence):
    """Emissions of the land that a tonne takes, and of the tonne."""

    name, keys = "emissions", EmissionKeys
    parameters = (
        ("leakage", "1"),
        ("albedo_emissions", "t/ha/yr"),
        ("methane_emissions", "kg/ha/yr"),
        ("nitrous_oxide_emissions", "kg/ha/yr"),
    )
    given_by: ClassVar[Mapping[str, str]] = {
        "luc_emissions": "emissions.land_use_change",
        **{parameter: f"emissions.{key}" for key, parameter in REPLACED.items()},
    }

    def acts(self, use: Use) -> bool:
        """Where the scenario or the method file gives any."""
        return bool(_given(use.choice)) or any(use.number(one) for one in REPLACED.values())

    def refuse(self, use: Use, where: str) -> None:
        """Refuse what would count twice (rule 6), or belongs to land that is not taken (rule 7)."""
        given, grows = _given(use.choice), "uptake" in use.numbers
        where = f"{where}.emissions"
        if grows and ("albedo" in given or use.number("albedo_emissions")):
            raise ConfigError(
                "a growing stock has its albedo already",
                where=f"{where}.albedo",
                got="a method with uptake",
                cure="give the method's key albedo: the share of the cooling that is taken back",
                rule=6,
            )
        if grows:
            _refuse_spreading(use, given, where)
        choice = use.choice.emissions
        if choice is not None and choice.years is not None and "land_use_change" not in given:
            raise ConfigError(
                "there is nothing to spread over the years",
                where=f"{where}.years",
                got=f"{choice.years:g}",
                cure="give land_use_change, or remove years",
                rule=7,
            )
        takes = grows or use.number("land_direct") + use.number("land_feedstock") > 0
        for key in PER_LAND:
            if key in given and not takes:
                raise ConfigError(
                    "the method takes no land",
                    where=f"{where}.{key}",
                    got="land_direct and land_feedstock of 0",
                    cure="give other: in kg per gross t",
                    rule=7,
                )

    def given(self, choice: Any) -> Mapping[str, float | None]:
        """Parameters that layers or numbers of the scenario replace; by layers, that is by none."""
        given = _given(choice)
        numbers = {key: 0.0 if isinstance(one, str) else float(one) for key, one in given.items()}
        found = {parameter: numbers.get(key) for key, parameter in REPLACED.items()}
        return {**found, "luc_emissions": 0.0 if "land_use_change" in given else None}

    def numbers(self, use: Use) -> dict[str, float]:
        """What is one number, the years, and what the gases count."""
        given, choice = _given(use.choice), use.choice.emissions
        found = {
            key: float(given[key])
            for key in (*PER_LAND, *PER_TONNE)
            if key in given and not isinstance(given[key], str)
        }
        for key, parameter in REPLACED.items():
            if key not in given:
                found[key] = use.number(parameter)
        life = use.number("lifetime", 25.0)
        years = None if choice is None else choice.years
        found["years"] = years or use.number("accounting_years", life)
        return found | {f"GWP {gas}": use.gwp[gas] for gas in ("methane", "nitrous_oxide")}

    def needs(self, use: Use, needs: Needs) -> Needs:
        """More emissions of the place: by the land that is taken, own power included, and else."""
        return replace(needs, place_emissions=needs.place_emissions + self.of_tonne(use, needs))

    def of_tonne(self, use: Use, needs: Needs) -> Sum:
        """What a gross tonne emits by these keys and parameters [kg/t], by the land it takes."""
        numbers, layers = self.numbers(use), _layers(use.choice)

        def of(keys: tuple[str, ...], kind: str, total: Any) -> Sum:
            if layers & set(keys):
                return layer(own_layer(kind, use.name))
            return const(float(total(numbers, numbers)))

        per_land = needs.taken["land"] * of(PER_LAND, _LAND, _of_land) * (1.0 / M2_PER_HA)
        return per_land + of(PER_TONNE, _TONNE, _of_tonne)

    def layers(self, use: Use, here: Here) -> dict[str, npt.NDArray[np.float32]]:
        """Emissions of a hectare a year [kg/ha/yr], and of a gross tonne beside it [kg/t]."""
        layers = _layers(use.choice)
        known = {key: np.maximum(values, 0) for key, values in here.layers.items()}
        values: dict[str, Any] = {**here.numbers, **known}
        made = {}
        if layers & set(PER_LAND):
            made[_LAND] = _of_land(values, here.numbers)
        if layers & set(PER_TONNE):
            made[_TONNE] = _of_tonne(values, here.numbers)
        return {kind: np.asarray(one, np.float32) for kind, one in made.items()}


_LAND, _TONNE = "emissions per hectare", "emissions per tonne"
"""Kinds of its layers."""


def _of_land(values: Mapping[str, Any], numbers: Mapping[str, float]) -> Any:
    """Emissions of a hectare a year [kg/ha/yr]."""
    lost = values.get("land_use_change", 0.0) / numbers["years"] + values.get("albedo", 0.0)
    gases = (values.get(gas, 0.0) * numbers[f"GWP {gas}"] for gas in ("methane", "nitrous_oxide"))
    return KG_PER_T * lost + sum(gases)


def _of_tonne(values: Mapping[str, Any], numbers: Mapping[str, float]) -> Any:
    """Emissions of a gross tonne, whatever land it takes [kg/t]."""
    del numbers
    return KG_PER_T * values.get("leakage", 0.0) + values.get("other", 0.0)


def _refuse_spreading(use: Use, given: Mapping[str, float | str], where: str) -> None:
    """Refuse carbon of a stock that is lost once and spread over its years.

    Its cost discounts tonnes by when they come: what is lost at planting counts whole, from the
    first day (`cleared_carbon`); spread evenly it would count less the later its share comes.
    """
    key, got = f"{where}.land_use_change", given.get("land_use_change")
    if got is None and use.number("luc_emissions"):
        key = f"{where.removesuffix('.emissions')}.override.luc_emissions"
        got = f"{use.number('luc_emissions'):g} kg/t"
    if got is not None:
        raise ConfigError(
            "a growing stock loses carbon of the land when it is planted, not over its years",
            where=key,
            got=got,
            expected="cleared_carbon [t/ha], which the discounted cash flow knows the year of",
            cure="name the layer at the method's key cleared_carbon, or give a number as "
            "override: {cleared_carbon: 30 t/ha}; carbon of plants and soil in one",
            rule=6,
        )


def _given(choice: Any) -> dict[str, float | str]:
    """Keys that the scenario gives -> number or name of a layer."""
    if choice.emissions is None:
        return {}
    found = {key: getattr(choice.emissions, key) for key in (*PER_LAND, *PER_TONNE)}
    return {key: value for key, value in found.items() if value is not None}


def _layers(choice: Any) -> set[str]:
    """Keys that name a layer."""
    return {key for key, value in _given(choice).items() if isinstance(value, str)}
