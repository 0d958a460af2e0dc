"""Frozen records of the library: sources, values, profiles, methods, dataset presets."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from cdrsite.core.currency import convert
from cdrsite.core.errors import ConfigError
from cdrsite.core.units import find_currency, parse_quantity
from cdrsite.library.parameters import PARAMETERS
from cdrsite.place.climate import ClimateTable


@dataclass(frozen=True, slots=True)
class Source:
    """Where numbers come from.

    Attributes
    ----------
    id : str
        Short name that records cite.
    citation : str
        Author, title, year.
    kind : str
        paper, dataset, report, derived or general-knowledge.
    url : str or None
        Address or DOI, where known.
    note : str
        How it was read, and its limits.
    """

    id: str
    citation: str
    kind: str
    url: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """One number with its unit, range, currency year, source and locator (rule 10).

    Attributes
    ----------
    value : float or None
        The number [unit]; None where the source gives none (unknown, never 0).
    unit : str
        Unit as published, for example ``"EUR2025/(t/yr)"``.
    source, locator : str
        Id of the source, and the table, line or derivation in it.
    low, high : float or None
        Range [unit], None where the source gives none.
    currency_year : int or None
        Year of the money, where there is money in the unit.
    note : str
        Reading aid.
    alternatives : tuple of Value
        Records of other sources that disagree (never averaged).
    """

    value: float | None
    unit: str
    source: str
    locator: str
    low: float | None = None
    high: float | None = None
    currency_year: int | None = None
    note: str = ""
    alternatives: tuple[Value, ...] = ()

    def to(self, unit: str, base_year: int | None = None) -> float:
        """Return the value in another unit.

        Parameters
        ----------
        unit : str
            Unit of the same dimension; money is USD of ``base_year``.
        base_year : int, optional
            Needed where there is money in the unit.

        Returns
        -------
        float
            The value [unit]; NaN where it is unknown.

        Raises
        ------
        UnitError
            If the dimension differs (rule 4).
        ConfigError
            If money is converted without a base year.
        """
        number = float("nan") if self.value is None else self.value
        return number * self.scale(unit, base_year)

    def scale(self, unit: str, base_year: int | None = None) -> float:
        """Return the factor from the published unit to ``unit`` (see :meth:`to`)."""
        if self.unit == unit and self.currency_year in {None, base_year}:
            return 1.0
        plain, code, _ = find_currency(self.unit)
        factor = 1.0
        if code is not None:
            if base_year is None or self.currency_year is None:
                raise ConfigError(
                    "money cannot be converted without its year",
                    where=f"{self.source}: {self.unit}",
                    got=f"year {self.currency_year}, base year {base_year}",
                    cure="give the base year of the money",
                    rule=4,
                )
            factor = convert(1.0, code, self.currency_year, base_year)
        if plain == unit:
            return factor
        return factor * parse_quantity(f"1 {plain}", unit)


@dataclass(frozen=True, slots=True)
class Profile:
    """One consistent set of values of a method, inheritance resolved.

    Attributes
    ----------
    name, title, note : str
        Name in the file, one line, and what to know before using it.
    values : dict of str to Value
        By parameter name. A parameter that does not apply is absent; one that is unknown is
        present with ``value=None``.
    inherited : dict of str to str
        Parameter name -> profile it was inherited from.
    energy_land : str
        ``none`` (energy comes from a power budget), ``own_pv`` or ``own_wind``.
    land_includes_energy : bool
        The land value already contains the land of the energy supply, so none may be added
        (rule 6).
    heat_source : str
        ``none``, ``heat-pump`` (inside electricity), ``low-temperature``, ``gas`` or ``own-plant``.
    family, co2_origin, storage_type : str
        As those of the method it belongs to.
    siblings : tuple of str
        The other profiles of the method.
    """

    name: str
    title: str
    values: dict[str, Value]
    inherited: dict[str, str]
    energy_land: str = "none"
    land_includes_energy: bool = False
    heat_source: str = "none"
    note: str = ""
    family: str = ""
    co2_origin: str = ""
    storage_type: str = ""
    siblings: tuple[str, ...] = ()

    def get(self, parameter: str) -> Value | None:
        """Return the record of a parameter, None where it does not apply.

        Raises
        ------
        ConfigError
            If no parameter has that name.
        """
        if parameter not in PARAMETERS:
            raise unknown_name("parameter", parameter, list(PARAMETERS))
        return self.values.get(parameter)

    def number(
        self, parameter: str, base_year: int | None = None, default: float | None = None
    ) -> float:
        """Return a parameter in its canonical unit.

        Parameters
        ----------
        parameter : str
            Name in :data:`cdrsite.library.parameters.PARAMETERS`.
        base_year : int, optional
            Year of the US dollars, needed for money.
        default : float, optional
            Returned where the parameter does not apply.

        Returns
        -------
        float
            The value in the canonical unit; NaN where it is unknown.

        Raises
        ------
        ConfigError
            If the parameter does not apply and there is no default.
        """
        record = self.get(parameter)
        if record is None:
            if default is None:
                raise ConfigError(
                    "the profile has no such value",
                    where=f"profile {self.name}: {parameter}",
                    cure="choose another profile or give the value in the scenario",
                )
            return default
        return record.to(PARAMETERS[parameter].unit, base_year)

    def unknown(self) -> tuple[str, ...]:
        """Names of the parameters whose value is unknown."""
        return tuple(name for name, record in self.values.items() if record.value is None)


@dataclass(frozen=True, slots=True)
class Method:
    """A removal method with its profiles.

    Attributes
    ----------
    name : str
        For example ``daccs-solid``.
    title : dict of str to str
        By language (``en``, ``zh``).
    family : str
        ``plant``, ``stock``, ``spread``, ``conversion`` or ``residue``.
    co2_origin : str
        ``air`` or ``biogenic``.
    storage_type : str
        ``geological``, ``biomass`` or ``mineral``.
    durability : str
        Class of the storage time, as in the IPCC tables.
    default_profile : str
        Used when a scenario names none.
    profiles : dict of str to Profile
        By name, inheritance resolved.
    climate : ClimateTable or None
        Dependence on the climate.
    note : str
        What to know about the method.
    sources : dict of str to Source
        What its records cite, by id.
    """

    name: str
    title: dict[str, str]
    family: str
    co2_origin: str
    storage_type: str
    durability: str
    default_profile: str
    profiles: dict[str, Profile]
    climate: ClimateTable | None = None
    note: str = ""
    sources: dict[str, Source] = field(default_factory=dict)

    @property
    def profile_names(self) -> tuple[str, ...]:
        """Names of the profiles, the default first."""
        rest = (name for name in self.profiles if name != self.default_profile)
        return (self.default_profile, *rest)

    def profile(self, name: str | None = None) -> Profile:
        """Return a profile, the default one when no name is given.

        Raises
        ------
        ConfigError
            If there is no such profile; names the nearest one.
        """
        wanted = name or self.default_profile
        if wanted not in self.profiles:
            raise unknown_name("profile", wanted, list(self.profiles), where=f"method {self.name}")
        return self.profiles[wanted]


def unknown_name(what: str, name: str, valid: list[str], where: str | None = None) -> ConfigError:
    """Build the error for a name that does not exist, with the nearest one that does."""
    import difflib

    near = difflib.get_close_matches(name, valid, n=1, cutoff=0.4)
    return ConfigError(
        f"unknown {what}",
        where=where,
        got=repr(name),
        expected=", ".join(valid),
        cure=f"did you mean {near[0]!r}?" if near else None,
    )


def as_json(record: Any) -> Any:
    """Turn a record into dicts, lists, numbers, text and None, ready for ``json``."""
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {
            field.name: as_json(getattr(record, field.name)) for field in dataclasses.fields(record)
        }
    if isinstance(record, dict):
        return {str(key): as_json(item) for key, item in record.items()}
    if isinstance(record, list | tuple):
        return [as_json(item) for item in record]
    return record


def to_rows(method: Method, profile: str | None = None) -> list[dict[str, Any]]:
    """Return the table of one profile, one row per record.

    Parameters
    ----------
    method : Method
        The method.
    profile : str, optional
        Name of the profile; the default one when left out.

    Returns
    -------
    list of dict
        Keys ``parameter, value, unit, low, high, currency_year, source, locator, note,
        inherited_from, alternative``; records that disagree follow the one in use, with
        ``alternative`` true.
    """
    chosen = method.profile(profile)
    rows = []
    for name in PARAMETERS:
        record = chosen.get(name)
        if record is None:
            continue
        for index, item in enumerate((record, *record.alternatives)):
            rows.append(
                {
                    "parameter": name,
                    "value": item.value,
                    "unit": item.unit,
                    "low": item.low,
                    "high": item.high,
                    "currency_year": item.currency_year,
                    "source": item.source,
                    "locator": item.locator,
                    "note": item.note,
                    "inherited_from": chosen.inherited.get(name),
                    "alternative": index > 0,
                }
            )
    return rows
