"""Loading of methods, dataset presets and sources, with strict checks.

A method file of one's own is read the same way as a shipped one: :func:`load_method_file`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from cdrsite.core.errors import ConfigError, UnitError
from cdrsite.core.units import find_currency, parse_quantity
from cdrsite.library.files import (
    FOLDER,
    as_choice,
    as_flag,
    as_number,
    as_numbers,
    as_text,
    check_keys,
    read_shipped,
    read_yaml,
    shipped_names,
)
from cdrsite.library.parameters import PARAMETERS
from cdrsite.library.records import (
    Method,
    Profile,
    Source,
    Value,
    to_rows,
    unknown_name,
)
from cdrsite.place.climate import ClimateTable

__all__ = [
    "ClimateTable",
    "Method",
    "Profile",
    "Source",
    "Value",
    "load_method",
    "load_method_file",
    "load_sources",
    "method_names",
    "to_rows",
]

SOURCE_KINDS = ("paper", "dataset", "report", "repository", "derived", "general-knowledge")
FAMILIES = {
    "plant": "a plant that captures CO2, from the air or from what it burns",
    "stock": "carbon that grows: forest, soil",
    "spread": "rock or char spread on land",
    "conversion": "biomass turned into what lasts",
    "residue": "alkaline residues of works, where they are",
}
"""Family of a method -> what it is."""
STORAGE_TYPES = ("geological", "biomass", "mineral")
ENERGY_LAND = ("none", "own_pv", "own_wind")
HEAT_SOURCES = ("none", "heat-pump", "low-temperature", "gas", "own-plant")
_VALUE_KEYS = ("low", "high", "currency_year", "note", "alternatives")


def parse_sources(data: Mapping[str, Any], where: str) -> dict[str, Source]:
    """Turn the mapping of a source file into records.

    Raises
    ------
    ConfigError
        If a record is not as it should be.
    """
    sources = {}
    for name, entry in data.items():
        here = f"{where}: {name}"
        entry = check_keys(entry, here, ("citation", "kind"), ("url", "note"))  # noqa: PLW2901
        sources[name] = Source(
            id=name,
            citation=as_text(entry["citation"], f"{here}.citation"),
            kind=as_choice(entry["kind"], f"{here}.kind", SOURCE_KINDS),
            url=as_text(entry["url"], f"{here}.url") if "url" in entry else None,
            note=as_text(entry["note"], f"{here}.note") if "note" in entry else "",
        )
    return sources


@cache
def load_sources() -> dict[str, Source]:
    """Return the sources that the shipped records cite, by id; do not change the dict."""
    return parse_sources(read_shipped("sources.yaml"), "sources.yaml")


def parse_value(
    entry: object, where: str, sources: Mapping[str, Source], unit: str | None = None
) -> Value:
    """Turn one record into a :class:`Value`.

    Parameters
    ----------
    entry : mapping
        Keys ``value, unit, source, locator`` and optionally ``low, high, currency_year, note,
        alternatives``.
    where : str
        File and key, for errors.
    sources : mapping
        The sources it may cite.
    unit : str, optional
        Canonical unit whose dimension the record must have.

    Returns
    -------
    Value
        The record.

    Raises
    ------
    ConfigError
        Unknown key, missing key, unknown source, value outside its range, money without a year
        or with two.
    UnitError
        Wrong dimension (rule 4).
    """
    data = check_keys(entry, where, ("value", "unit", "source", "locator"), _VALUE_KEYS)
    value, low, high = (
        as_number(data.get(key), f"{where}.{key}") for key in ("value", "low", "high")
    )
    known = [number for number in (low, value, high) if number is not None]
    if known != sorted(known):
        raise ConfigError(
            "the value is outside its range",
            where=where,
            got=f"low {low}, value {value}, high {high}",
            expected="low <= value <= high",
        )
    text = as_text(data["unit"], f"{where}.unit")
    _check_dimension(text, unit, where)
    source = as_text(data["source"], f"{where}.source")
    if source not in sources:
        raise unknown_name("source", source, list(sources), where=where)
    others = data.get("alternatives", [])
    if not isinstance(others, list):
        raise ConfigError("not a list", where=f"{where}.alternatives", expected="a list of records")
    return Value(
        value=value,
        unit=text,
        source=source,
        locator=as_text(data["locator"], f"{where}.locator"),
        low=low,
        high=high,
        currency_year=_money_year(text, data.get("currency_year"), where),
        note=as_text(data["note"], f"{where}.note") if "note" in data else "",
        alternatives=tuple(
            parse_value(item, f"{where}.alternatives[{index}]", sources, unit)
            for index, item in enumerate(others)
        ),
    )


def _check_dimension(text: str, unit: str | None, where: str) -> None:
    plain, _, _ = find_currency(text)
    if unit is None or plain == unit:
        return
    try:
        parse_quantity(f"1 {plain}", unit)
    except UnitError as error:
        raise UnitError(
            error.what, where=where, got=repr(text), expected=f"a unit like {unit!r}", rule=4
        ) from error


def _money_year(unit: str, given: object, where: str) -> int | None:
    """Return the currency year of a record; money must have exactly one."""
    _, code, year = find_currency(unit)
    if given is not None and (isinstance(given, bool) or not isinstance(given, int)):
        raise ConfigError("not a year", where=f"{where}.currency_year", got=repr(given))
    if code is None:
        if given is not None:
            raise ConfigError(
                "a currency year without money in the unit", where=where, got=f"{given}, {unit!r}"
            )
        return None
    if given is not None and year is not None and given != year:
        raise ConfigError("two currency years", where=where, got=f"{given} and {unit!r}")
    found = given if given is not None else year
    if found is None:
        raise ConfigError(
            "money without a year", where=where, got=repr(unit), cure="write USD2020", rule=10
        )
    return int(found)


_NO_PROFILE = Profile(name="", title="", values={}, inherited={})


def _parse_profiles(data: object, where: str, sources: Mapping[str, Source]) -> dict[str, Profile]:
    if not isinstance(data, Mapping) or not data:
        raise ConfigError("no profiles", where=where, expected="at least one profile", rule=10)
    done: dict[str, Profile] = {}
    for name in data:
        _resolve_profile(str(name), data, where, sources, done, ())
    return {str(name): done[str(name)] for name in data}


def _resolve_profile(
    name: str,
    data: Mapping[str, Any],
    where: str,
    sources: Mapping[str, Source],
    done: dict[str, Profile],
    path: tuple[str, ...],
) -> Profile:
    """Build one profile after the one it extends."""
    if name in done:
        return done[name]
    here = f"{where}.{name}"
    if name in path:
        raise ConfigError(
            "profiles extend each other in a circle", where=here, got=" -> ".join(path)
        )
    if name not in data:
        raise unknown_name("profile", name, [str(key) for key in data], where=f"{where}.{path[-1]}")
    entry = check_keys(
        data[name],
        here,
        ("title", "values"),
        ("extends", "note", "energy_land", "land_includes_energy", "heat_source"),
    )
    base = _NO_PROFILE
    if "extends" in entry:
        base = _resolve_profile(str(entry["extends"]), data, where, sources, done, (*path, name))
    own = _parse_values(entry["values"], f"{here}.values", sources)
    merged = {**base.values, **own}
    done[name] = Profile(
        name=name,
        title=as_text(entry["title"], f"{here}.title"),
        values={key: merged[key] for key in PARAMETERS if key in merged},
        inherited={
            key: base.inherited.get(key, base.name) for key in base.values if key not in own
        },
        energy_land=as_choice(
            entry.get("energy_land", base.energy_land), f"{here}.energy_land", ENERGY_LAND
        ),
        land_includes_energy=as_flag(
            entry.get("land_includes_energy", base.land_includes_energy),
            f"{here}.land_includes_energy",
        ),
        heat_source=as_choice(
            entry.get("heat_source", base.heat_source), f"{here}.heat_source", HEAT_SOURCES
        ),
        note=as_text(entry["note"], f"{here}.note") if "note" in entry else "",
    )
    if done[name].land_includes_energy and done[name].energy_land != "none":
        raise ConfigError(
            "land for energy would be counted twice",
            where=here,
            got=f"land_includes_energy: true and energy_land: {done[name].energy_land}",
            cure="set energy_land: none",
            rule=6,
        )
    return done[name]


def _parse_values(data: object, where: str, sources: Mapping[str, Source]) -> dict[str, Value]:
    data = check_keys(data, where, (), tuple(PARAMETERS))
    values = {}
    for name, entry in data.items():
        parameter = PARAMETERS[name]
        record = parse_value(entry, f"{where}.{name}", sources, parameter.unit)
        lowest = min(
            (number for number in (record.low, record.value) if number is not None), default=0.0
        )
        if lowest < 0 and not parameter.signed:
            raise ConfigError(
                "negative value",
                where=f"{where}.{name}",
                got=f"{lowest:g} {record.unit}",
                expected="0 or more",
            )
        values[name] = record
    return values


def _parse_climate(data: object, where: str, sources: Mapping[str, Source]) -> ClimateTable:
    entry = check_keys(
        data,
        where,
        ("reference", "clamp", "time_step", "points", "source", "locator"),
        ("note",),
    )
    columns = ("temperature", "humidity", "electricity", "heat", "productivity")
    if not isinstance(entry["points"], list) or not entry["points"]:
        raise ConfigError("no points", where=where, expected="a list of points")
    rows = [
        check_keys(point, f"{where}.points[{index}]", columns)
        for index, point in enumerate(entry["points"])
    ]
    table = {
        column: as_numbers([row[column] for row in rows], f"{where}.points.{column}")
        for column in columns
    }
    reference = check_keys(entry["reference"], f"{where}.reference", columns[:2])
    clamp = check_keys(entry["clamp"], f"{where}.clamp", columns[:2])
    at = as_numbers([reference[column] for column in columns[:2]], f"{where}.reference")
    if entry["source"] not in sources:
        raise unknown_name("source", str(entry["source"]), list(sources), where=where)
    limits = [as_numbers(clamp[column], f"{where}.clamp.{column}", 2) for column in columns[:2]]
    return ClimateTable(
        temperature=table["temperature"],
        humidity=table["humidity"],
        electricity=table["electricity"],
        heat=table["heat"],
        productivity=table["productivity"],
        reference=(at[0], at[1]),
        clamp_temperature=(limits[0][0], limits[0][1]),
        clamp_humidity=(limits[1][0], limits[1][1]),
        time_step=as_choice(entry["time_step"], f"{where}.time_step", ("monthly", "annual")),
        source=entry["source"],
        locator=as_text(entry["locator"], f"{where}.locator"),
        note=as_text(entry["note"], f"{where}.note") if "note" in entry else "",
    )


def parse_method(data: Mapping[str, Any], where: str, sources: Mapping[str, Source]) -> Method:
    """Turn the mapping of a method file into a :class:`Method`.

    Raises
    ------
    ConfigError, UnitError
        If anything is not as it should be; names file and key.
    """
    entry = check_keys(
        data,
        where,
        (
            "name",
            "title",
            "family",
            "co2_origin",
            "storage_type",
            "durability",
            "default_profile",
            "profiles",
        ),
        ("climate", "note", "sources"),
    )
    known = dict(sources)
    if "sources" in entry:
        known |= parse_sources(entry["sources"], f"{where}: sources")
    title = check_keys(entry["title"], f"{where}: title", ("en",), ("zh",))
    profiles = _parse_profiles(entry["profiles"], f"{where}: profiles", known)
    default = as_text(entry["default_profile"], f"{where}: default_profile")
    if default not in profiles:
        raise unknown_name("profile", default, list(profiles), where=f"{where}: default_profile")
    kind: dict[str, Any] = {
        "family": as_choice(entry["family"], f"{where}: family", tuple(FAMILIES)),
        "co2_origin": as_choice(entry["co2_origin"], f"{where}: co2_origin", ("air", "biogenic")),
        "storage_type": as_choice(entry["storage_type"], f"{where}: storage_type", STORAGE_TYPES),
    }
    profiles = {
        name: dataclasses.replace(
            profile, siblings=tuple(other for other in profiles if other != name), **kind
        )
        for name, profile in profiles.items()
    }
    return Method(
        name=as_text(entry["name"], f"{where}: name"),
        title={key: as_text(text, f"{where}: title.{key}") for key, text in title.items()},
        **kind,
        durability=as_text(entry["durability"], f"{where}: durability"),
        default_profile=default,
        profiles=profiles,
        climate=_parse_climate(entry["climate"], f"{where}: climate", known)
        if "climate" in entry
        else None,
        note=as_text(entry["note"], f"{where}: note") if "note" in entry else "",
        sources={name: known[name] for name in sorted(_cited(profiles))},
    )


def _cited(profiles: Mapping[str, Profile]) -> set[str]:
    """Ids of the sources that any record of the profiles cites."""
    records = [one for profile in profiles.values() for one in profile.values.values()]
    return {one.source for record in records for one in (record, *record.alternatives)}


@cache
def method_names() -> tuple[str, ...]:
    """Names of the methods shipped with the package."""
    return shipped_names("methods")


@cache
def load_method(name: str) -> Method:
    """Return a method of the library; its dicts must not be changed.

    Raises
    ------
    ConfigError
        If there is no such method; names the nearest one.
    """
    if name not in method_names():
        raise unknown_name("method", name, list(method_names()))
    return load_method_file(FOLDER / "methods" / f"{name}.yaml")


def load_method_file(path: str | Path) -> Method:
    """Read a method from a YAML file of one's own.

    It has the form of the shipped files; a ``sources:`` mapping in it adds sources to those of
    the library.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ConfigError, UnitError
        If anything in it is not as it should be; names file and key.
    """
    path = Path(path)
    return parse_method(read_yaml(path), path.name, load_sources())
