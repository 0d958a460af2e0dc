"""Methods of the library: their files as models, with profiles resolved.

A method file of one's own is read the same way as a shipped one: :func:`load_method_file`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from cdrsite.core.errors import ConfigError, UnitError
from cdrsite.core.fields import ByLanguage, Fraction, Name, Text, problem, problems, unknown_key
from cdrsite.core.units import find_currency, parse_quantity
from cdrsite.library.files import FOLDER, read_file, shipped
from cdrsite.library.fuel import FROM_FUEL, fuel_records
from cdrsite.library.gates import Gate
from cdrsite.library.learning import Basis, Learning
from cdrsite.library.parameters import PARAMETERS, Parameter
from cdrsite.library.records import Reference, StorageType, Value, load_sources, unknown_name
from cdrsite.place.registry import keys_of_files, keys_of_profiles

Flag = Annotated[bool, Field(strict=True)]


def _of(parameter: Parameter) -> Any:
    """The type of one parameter's record: the dimension and the sign must be right."""

    def check(record: Value) -> Value:
        wrong = []
        for at, one in _with_alternatives(record):
            text, _, _ = find_currency(one.unit)
            try:
                if text != parameter.unit:
                    parse_quantity(f"1 {text}", parameter.unit)
            except UnitError as error:
                if error.what == "not a unit":
                    wrong.append((str(error), f"{at}unit"))
                    continue
                expected = f"expected a unit like {parameter.unit!r} (rule 4)"
                wrong.append((f"wrong dimension; got {one.unit!r}; {expected}", f"{at}unit"))
        least = min((n for n in (record.low, record.value) if n is not None), default=0.0)
        if least < 0 and not parameter.signed:
            key = "value" if least == record.value else "low"
            wrong.append((f"negative; got {least:g} {record.unit}; expected 0 or more", key))
        if wrong:
            raise problems(wrong)
        return record

    return Annotated[
        Value, AfterValidator(check), Field(description=f"{parameter.meaning} [{parameter.unit}]")
    ]


def _with_alternatives(record: Value, at: str = "") -> Iterator[tuple[str, Value]]:
    """A record and all that disagree with it, with the key where each stands."""
    yield at, record
    for i, one in enumerate(record.alternatives):
        yield from _with_alternatives(one, f"{at}alternatives.{i}.")


def _known_parameters(data: object) -> object:
    for key in data if isinstance(data, dict) else ():
        if key not in PARAMETERS:
            raise unknown_key(str(key), list(PARAMETERS))
    return data


if TYPE_CHECKING:
    Values = dict[str, Value]
else:
    _Values = TypedDict(
        "_Values", {name: _of(parameter) for name, parameter in PARAMETERS.items()}, total=False
    )
    _Values.__pydantic_config__ = ConfigDict(extra="forbid")
    Values = Annotated[_Values, BeforeValidator(_known_parameters)]


@cache
def of_own_power() -> dict[str, Value]:
    """Records of renewables that any method with electricity may own; do not change the dict."""
    return dict(read_file(Values, FOLDER / "own_power.yaml"))


HeatLevel = Literal["low", "medium", "high"]
HEAT_LEVELS: tuple[HeatLevel, ...] = ("low", "medium", "high")
"""Levels of heat, the coolest first."""

ProfileKeys = keys_of_profiles()


class Profile(ProfileKeys):  # type: ignore[misc, valid-type]
    """One consistent set of values of a method; of a loaded method with inheritance resolved."""

    title: ByLanguage
    """One line."""
    extends: Name | None = None
    """Profile whose values hold where this one gives none."""
    values: Values
    """Records by parameter: what does not apply is absent, what is unknown has the value null."""
    energy_land: Literal["none", "own_pv", "own_wind"] = "none"
    """Where the land of the energy comes from; `none`: energy comes from a power budget."""
    land_includes_energy: Flag = False
    """The land already contains that of the energy supply, so none may be added (rule 6)."""
    heat_source: Literal["none", "heat-pump", "low-temperature", "gas", "own-plant"] = "none"
    """Where heat comes from; `heat-pump`: inside the electricity."""
    heat_level: HeatLevel | None = None
    """How hot the heat is that it takes or, below 0, supplies: `low` below 80, `medium` 80 to 120,
    `high` above 120 degree C. Hot heat serves a cool need, never the other way."""
    cost_basis: Basis | None = None
    """What its costs stand for: the first plant of its kind, or a projection for a year; not known
    when not given. Inherited with the investment."""
    note: ByLanguage = Field(default_factory=dict)
    """What to know before using it."""
    name: SkipJsonSchema[str] = ""
    """Its key among the method's profiles."""
    inherited: SkipJsonSchema[dict[str, str]] = Field(default_factory=dict)
    """Parameter -> profile it was inherited from."""
    family: SkipJsonSchema[str] = ""
    """That of the method it belongs to."""
    co2_origin: SkipJsonSchema[str] = ""
    """That of the method it belongs to."""
    storage_type: SkipJsonSchema[str] = ""
    """That of the method it belongs to."""
    siblings: SkipJsonSchema[tuple[str, ...]] = ()
    """The other profiles of the method."""

    def over(self, base: Profile) -> Profile:
        """Take what this profile does not say itself from another one."""
        values = base.values | self.values
        silent = {"energy_land", "land_includes_energy", "heat_source", "heat_level"}
        if "capex" not in self.values:
            silent |= {"cost_basis"}
        silent -= self.model_fields_set
        return self.model_copy(
            update={
                "values": {key: values[key] for key in PARAMETERS if key in values},
                "inherited": {
                    key: base.inherited.get(key, base.name)
                    for key in base.values
                    if key not in self.values
                },
                **{key: getattr(base, key) for key in silent},
            }
        )

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


def _with_own_power(profile: Profile) -> Profile:
    """The profile with what renewables of its own would take, where it takes electricity at all."""
    power = profile.values.get("electricity")
    if power is None or (power.value or 0.0) <= 0.0 or profile.land_includes_energy:
        return profile
    values = of_own_power() | profile.values
    ordered = {key: values[key] for key in PARAMETERS if key in values}
    return profile.model_copy(update={"values": ordered})


def _unknown(what: str, name: str, known: Iterable[str], at: str) -> PydanticCustomError:
    return problem(str(unknown_name(what, name, list(known))), at=at)


PlaceKeys = keys_of_files()


class Method(PlaceKeys):  # type: ignore[misc, valid-type]
    """A removal method with its profiles."""

    name: Text
    """For example `daccs-solid`."""
    title: ByLanguage
    """One line by language; English is needed."""
    family: Literal["plant", "stock", "spread", "conversion", "residue"]
    """A plant that captures CO2; carbon that grows (forest, soil); rock or char spread on land;
    biomass turned into what lasts; alkaline residues of works, where they are."""
    co2_origin: Literal["air", "biogenic", "mixed"]
    """Where the CO2 comes from; `mixed`: that of works, of which a share is biogenic
    (`biogenic_share`)."""
    storage_type: StorageType
    """Where it goes."""
    ledger_class: Literal["removal", "avoided", "mixed"] = "removal"
    """What its tonnes are: CO2 removed, emissions that stop, or some of both; only removal is
    summed (rule 5)."""
    domain: Literal["land", "coast", "point"] = "land"
    """Where it can be: on land; in polygons of a coast, which the scenario names as `regions`; at
    works, where their residues are."""
    durability: ByLanguage
    """Class of the storage time, as in the IPCC tables."""
    default_profile: Name
    """Used when a scenario names none."""
    profiles: dict[Name, Profile] = Field(min_length=1)
    """By name."""
    usable_land: dict[str, Fraction] = Field(default_factory=dict)
    """Class or group of classes of land cover -> share of it that the method can use, 0 for the
    others; where empty, and where no layer has these classes, the scenario's share counts."""
    gates: dict[Name, Gate] = Field(default_factory=dict)
    """What must hold of a place, by a name that a scenario binds a layer to."""
    learning: Learning | None = None
    """What its plants cost as the world builds more of them."""
    note: ByLanguage = Field(default_factory=dict)
    """What to know about the method."""
    sources: dict[str, Reference] = Field(default_factory=dict)
    """Sources of its own, by id; of a loaded method those that its records cite."""

    @model_validator(mode="after")
    def _resolved(self) -> Self:
        done: dict[str, Profile] = {}
        for name in self.profiles:
            self._resolve(name, done, ())
        known = load_sources() | self.sources
        of_places = {
            key: getattr(owner, name)
            for prefix, owner, keys in (
                ("", self, PlaceKeys),
                *((f"profiles.{name}.", one, ProfileKeys) for name, one in done.items()),
            )
            for name in keys.model_fields
            for key in (prefix + name,)
        } | {"learning": self.learning}
        for key, part in of_places.items():
            source = getattr(part, "source", None)
            if source is not None and source not in known:
                raise _unknown("source", source, known, f"{key}.source")
        if self.default_profile not in done:
            raise _unknown("profile", self.default_profile, done, "default_profile")
        profiles = {
            name: done[name].model_copy(
                update={"siblings": tuple(other for other in self.profiles if other != name)}
            )
            for name in self.profiles
        }
        records = (one for profile in done.values() for one in profile.values.values())
        cited = {one.source for record in records for _, one in _with_alternatives(record)}
        cited |= {part.source for part in of_places.values() if hasattr(part, "source")}
        cited |= {gate.source for gate in self.gates.values()}
        return self.model_copy(
            update={"profiles": profiles, "sources": {name: known[name] for name in sorted(cited)}}
        )

    def _resolve(self, name: str, done: dict[str, Profile], path: tuple[str, ...]) -> Profile:
        """One profile after the one it extends."""
        if name in done:
            return done[name]
        if name in path:
            text = f"profiles extend each other in a circle; got {' -> '.join((*path, name))}"
            raise problem(text, at=f"profiles.{name}.extends")
        if name not in self.profiles:
            raise _unknown("profile", name, self.profiles, f"profiles.{path[-1]}.extends")
        of_the_method = {
            key: getattr(self, key) for key in ("family", "co2_origin", "storage_type")
        }
        own = self.profiles[name].model_copy(update={"name": name, **of_the_method})
        if own.extends is not None:
            own = own.over(self._resolve(own.extends, done, (*path, name)))
        own = _with_own_power(self._with_fuel(own))
        if own.land_includes_energy and own.energy_land != "none":
            raise problem(
                "land for energy would be counted twice; got land_includes_energy: true and "
                f"energy_land: {own.energy_land}; cure: set energy_land: none (rule 6)",
                at=f"profiles.{name}",
            )
        done[name] = own
        return own

    def _with_fuel(self, profile: Profile) -> Profile:
        """The profile with what follows from its fuel, which it may not give as well (rule 6)."""
        values: dict[str, Value] = dict(profile.values)
        if "fuel_co2" not in values:
            return profile
        twice = [name for name in FROM_FUEL if name in self.profiles[profile.name].values]
        if twice:
            raise problem(
                "it follows from heat and fuel_co2; cure: remove it (rule 6)",
                at=f"profiles.{profile.name}.values.{twice[0]}",
            )
        numbers: dict[str, float] = {
            name: values[name].to(PARAMETERS[name].unit)
            for name in ("heat", "fuel_co2", "fuel_co2_captured")
            if name in values
        }
        values |= fuel_records(values, numbers)
        ordered = {key: values[key] for key in PARAMETERS if key in values}
        return profile.model_copy(update={"values": ordered})

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


@cache
def method_names() -> tuple[str, ...]:
    """Names of the methods shipped with the package."""
    return tuple(shipped("methods"))


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
    return load_method_file(shipped("methods")[name])


def load_method_file(path: str | Path) -> Method:
    """Read a method from a YAML file of one's own.

    It has the form of the shipped files; a ``sources:`` mapping in it adds sources to those of
    the library.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ConfigError
        If anything in it is not as it should be; lists every problem with file, line and key.
    """
    return read_file(Method, Path(path), _citable)


def _citable(data: dict[str, Any]) -> dict[str, Any]:
    """Sources that the records of a method file may cite."""
    own = data.get("sources")
    return {"sources": {*load_sources(), *(own if isinstance(own, dict) else ())}}


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
    columns = ("value", "unit", "low", "high", "currency_year", "source", "locator", "note")
    return [
        {
            "parameter": name,
            **{column: getattr(item, column) for column in columns},
            "inherited_from": chosen.inherited.get(name),
            "alternative": index > 0,
        }
        for name, record in chosen.values.items()
        for index, item in enumerate((record, *record.alternatives))
    ]
