"""Plausibility of a profile: numbers that still run, but that a person should know about.

Nothing here changes a value or stops a run; each finding is warned about once, with its reason and
an alternative.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from cdrsite.core.errors import ConfigError
from cdrsite.library.methods import Profile
from cdrsite.library.parameters import PARAMETERS

MAX_DAC_LAND = 500.0
"""Land above which direct air capture is implausible [m2/(t/yr)]: published plants with their
renewables need 8 to 18, so this leaves a factor of 28."""
MIN_YIELD_PER_LAND = 1.0
"""Energy per land below which land that contains the energy supply is implausible [kWh/m2/yr]:
photovoltaics give 40 to 100, wind parks with spacing 10 to 30."""
MAX_PLANT_SHARE = 0.01
"""Share of the study area that one typical plant may take [1]."""
MAX_DAC_WATER = 50.0
"""Water above which direct air capture is implausible [m3/t]; published 0 to 7."""
MIN_DAC_ENERGY = 125.0
"""Least thermodynamic work of separating CO2 from air, about 20 kJ/mol = 0.45 GJ/t [kWh/t]."""
MIN_BIOMASS = 0.546
"""Dry biomass per tonne at full capture: 1 / (0.5 t C per t x 44/12) [t/t]."""
MAX_UPTAKE = 50.0
"""Forest uptake above any published mean rate (40.7) [t/ha/yr]."""
MOST: dict[str, float] = {
    "kWh/t": 1e6,
    "m3/t": 1e6,
    "t/t": 1e3,
    "kg/t": 1e7,
    "m2/(t/yr)": 1e8,
    "kg/kWh": 1e3,
    "kg/kg": 1e4,
    "USD/(t/yr)": 1e8,
    "USD/t": 1e8,
    "1/yr": 100.0,
    "1": 100.0,
    "yr": 1e7,
    "t/yr": 1e12,
    "t/ha/yr": 1e5,
    "t/ha": 1e6,
    "kg/ha/yr": 1e7,
    "degC": 100.0,
    "um": 1e6,
    "mm/yr": 1e5,
    "kJ/mol": 1e3,
    "USD/ha": 1e9,
    "USD/ha/yr": 1e9,
    "kW/m2": 100.0,
    "USD/kW": 1e6,
    "kWh/kW": 2e4,
    "km": 4e4,
    "USD/t/km": 1e3,
    "kg/t/km": 1e3,
}
"""Unit of a parameter -> size beyond which a value is an error of typing, not of judgement: at
least a hundred times what any source of the library gives."""
SHARES = frozenset(
    {"buffer", "burnt_share", "capacity_factor", "capture_loss", "counterfactual_share",
     "dry_matter_loss", "fuel_co2_captured", "fuel_leak", "land_exclusive_fraction",
     "transport_injection_loss"}
)  # fmt: skip
"""Parameters that are a part of a whole: at most 1."""


def refuse_impossible(numbers: Mapping[str, float], where: Mapping[str, str]) -> None:
    """Refuse values that no method can have.

    Parameters
    ----------
    numbers : mapping
        Parameter -> value in its canonical unit; NaN is unknown and passes.
    where : mapping
        Parameter -> key of the scenario that gave the value.

    Raises
    ------
    ConfigError
        Names the parameter and the bound (rule 7).
    """
    for name, value in numbers.items():
        unit = PARAMETERS[name].unit
        most = 1.0 if name in SHARES else MOST.get(unit, float("inf"))
        if abs(value) > most:
            raise ConfigError(
                "beyond what is possible",
                where=where[name],
                got=f"{name} of {value:g} {'' if unit == '1' else unit}".rstrip(),
                expected=f"at most {most:g}",
                cure="check the number and its unit",
                rule=7,
            )


@dataclass(frozen=True, slots=True)
class Implausibility:
    """Something implausible in a profile.

    Attributes
    ----------
    parameter : str
        The parameter at fault.
    what : str
        The numbers, with units.
    reason : str
        Why this is implausible.
    alternative : str
        What to use instead.
    """

    parameter: str
    what: str
    reason: str
    alternative: str

    def __str__(self) -> str:
        return f"{self.what}: {self.reason}; alternative: {self.alternative}"


def check_profile(
    profile: Profile, numbers: Mapping[str, float] | None = None, *, study_area: float | None = None
) -> list[Implausibility]:
    """Check the numbers of a profile against physics and the published range.

    Parameters
    ----------
    profile : Profile
        The profile.
    numbers : mapping, optional
        Values of a scenario in canonical units; they replace the profile's.
    study_area : float, optional
        Area of the region [m2], to compare one plant with.

    Returns
    -------
    list of Implausibility
        Empty where nothing is implausible; at most one for each parameter.
    """
    given = dict(numbers or {})

    def number(name: str) -> float:
        return given[name] if name in given else profile.number(name, default=0.0)

    own_land = profile.get("land_direct")
    same_land = own_land is not None and number("land_direct") == profile.number("land_direct")
    includes = profile.land_includes_energy and same_land
    alternative = f"profile {profile.siblings[0]}" if profile.siblings else "a published value"
    case = _Case(number, same_land, includes, alternative, study_area)
    checks = CHECKS.get((profile.family, profile.co2_origin), ())
    stored = (_storage,) if profile.storage_type == "geological" else ()
    findings = [finding for check in (*checks, *stored) for finding in check(case)]
    if not any(finding.parameter == "land_direct" for finding in findings):
        findings += _plant_size(case)
    return findings


@dataclass(frozen=True)
class _Case:
    """What a check looks at."""

    number: Callable[[str], float]
    same_land: bool
    """Whether the land is the profile's."""
    includes: bool
    """Whether it contains the land of the energy supply."""
    alternative: str
    study_area: float | None


def _dac(case: _Case) -> Iterator[Implausibility]:
    number, alternative = case.number, case.alternative
    land = number("land_direct") + number("land_feedstock")
    energy = number("electricity") + number("heat")
    yields = case.includes and land > 0 and energy / land < MIN_YIELD_PER_LAND
    if land > MAX_DAC_LAND or yields:
        reason = (
            f"plants with their own renewables need 8 to 18 m², and 1 Mt/yr would take {land:,.0f} "
            "km²; land will bind nearly everywhere"
        )
        if yields:
            reason += (
                f"; as the land of the energy supply it means {energy / land:.2g} kWh per m² and "
                "year, where photovoltaics give 40 to 100, so it is likely given per kt, not per t"
            )
        what = f"land of {land:,.0f} m² per t/yr"
        yield Implausibility("land_direct", what, reason, alternative)
    if number("water") > MAX_DAC_WATER:
        what = f"water of {number('water'):g} m3/t"
        reason = f"more than {MAX_DAC_WATER:g}, published 0 to 7"
        yield Implausibility("water", what, reason, alternative)
    if energy < MIN_DAC_ENERGY:
        what = f"energy of {energy:g} kWh/t"
        reason = f"less than the thermodynamic minimum of {MIN_DAC_ENERGY:g}"
        yield Implausibility("electricity", what, reason, alternative)


def _carbon(case: _Case) -> Iterator[Implausibility]:
    biomass = case.number("biomass")
    if biomass < MIN_BIOMASS:
        what = f"{biomass:g} t of dry biomass per t"
        reason = f"less carbon than is captured: at 50 % carbon {MIN_BIOMASS:g} t is the least"
        yield Implausibility("biomass", what, reason, case.alternative)


def _power(case: _Case) -> Iterator[Implausibility]:
    need = case.number("electricity")
    if need > 0:
        what = f"an electricity need of {need:g} kWh/t"
        reason = "such plants supply power, so the need is negative"
        yield Implausibility("electricity", what, reason, case.alternative)


def _forest(case: _Case) -> Iterator[Implausibility]:
    uptake, land = case.number("uptake"), case.number("land_direct")
    if uptake > MAX_UPTAKE:
        what = f"an uptake of {uptake:g} t/ha/yr"
        reason = f"more than {MAX_UPTAKE:g}, above any published mean rate (4.5 to 40.7)"
        yield Implausibility("uptake", what, reason, case.alternative)
    if not case.same_land and uptake > 0 and abs(land * uptake / 1e4 - 1) > 0.01:
        what = f"land of {land:g} m2 per t/yr with an uptake of {uptake:g} t/ha/yr"
        reason = f"the two belong together: 10 000 / uptake = {1e4 / uptake:g} m2"
        yield Implausibility("land_direct", what, reason, "give only the uptake")


Check = Callable[[_Case], Iterator[Implausibility]]

CHECKS: dict[tuple[str, str], tuple[Check, ...]] = {
    ("plant", "air"): (_dac,),
    ("plant", "biogenic"): (_carbon, _power),
    ("conversion", "biogenic"): (_carbon,),
    ("stock", "air"): (_forest,),
}
"""Family of a method and origin of its CO2 -> what is checked."""


def _storage(case: _Case) -> Iterator[Implausibility]:
    stored = case.number("storage")
    captured = 1.0 + case.number("fossil_co_captured") - case.number("capture_loss")
    if stored < captured - 0.01:
        what = f"{stored:g} t into storage per t"
        reason = f"less than what is captured ({captured:g} t with fossil CO2)"
        yield Implausibility("storage", what, reason, "1 + fossil_co_captured")


def _plant_size(case: _Case) -> Iterator[Implausibility]:
    area = case.number("plant_typical") * case.number("land_direct")
    if case.study_area is not None and area > MAX_PLANT_SHARE * case.study_area:
        what = f"a typical plant takes {area / 1e6:,.0f} km2"
        reason = f"{area / case.study_area:.1%} of the study area"
        alternative = f"a smaller plant or {case.alternative}"
        yield Implausibility("land_direct", what, reason, alternative)
