"""Coefficients of published CO2 transport cost models; the equations live with their users.

Published models differ by a factor of 3 to 5 at equal flow, so several are shipped and none is
averaged (rule 10).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from cdrsite.core.errors import ConfigError
from cdrsite.library.files import (
    as_choice,
    as_number,
    as_numbers,
    as_text,
    check_keys,
    read_shipped,
    shipped_names,
)
from cdrsite.library.load import load_sources, parse_value
from cdrsite.library.records import Value, unknown_name

MODES = ("onshore-pipeline", "offshore-pipeline", "ship", "truck")
FORMS = (
    "polynomial",
    "power",
    "exponential",
    "inch-mile",
    "bilinear",
    "linear",
    "class-average",
    "trend",
    "ship",
)


@dataclass(frozen=True, slots=True)
class Variable:
    """An input of a cost model: unit, meaning and range of validity [unit]."""

    unit: str
    meaning: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Steps:
    """A value by classes of a variable: ``values[i]`` up to and at ``below_or_at[i]``."""

    variable: str
    unit: str
    below_or_at: tuple[float, ...]
    values: tuple[float, ...]

    def at(self, number: float) -> float:
        """Return the value of the class in which a number lies."""
        return self.values[sum(number > limit for limit in self.below_or_at)]


@dataclass(frozen=True, slots=True)
class TransportModel:
    """A published cost model as data.

    Attributes
    ----------
    name, title : str
        Name and one line.
    mode : str
        ``onshore-pipeline``, ``offshore-pipeline``, ``ship`` or ``truck``.
    form, equation : str
        Form of the equation, and the equation in words of the coefficients.
    unit : str
        Unit of the result, for example ``USD`` or ``EUR/t``.
    currency_year : int or None
        Year of the money; None where the source does not state it.
    variables : dict of str to Variable
        Inputs with their unit and range of validity.
    coefficients : dict of str to dict of str to float
        By component (material, labor, row, misc, total, ...), for the default region.
    regions : dict of str to dict
        What a region changes in the coefficients.
    default_region : str or None
        Region of ``coefficients``.
    steps : dict of str to Steps
        Values by class.
    parameters : dict of str to Value
        Operation, lifetime and the like, each a record with its source.
    source, locator, note : str
        As in :class:`cdrsite.library.records.Value`.
    """

    name: str
    title: str
    mode: str
    form: str
    equation: str
    unit: str
    currency_year: int | None
    variables: Mapping[str, Variable]
    coefficients: Mapping[str, Mapping[str, float]]
    regions: Mapping[str, Mapping[str, Mapping[str, float]]]
    default_region: str | None
    steps: Mapping[str, Steps]
    parameters: Mapping[str, Value]
    source: str
    locator: str
    note: str

    def coefficients_for(self, region: str | None = None) -> dict[str, dict[str, float]]:
        """Return the coefficients of a region, the default one when none is given.

        Raises
        ------
        ConfigError
            If the model has no such region; names the nearest one.
        """
        if region is not None and region not in self.regions:
            raise unknown_name("region", region, list(self.regions), where=f"model {self.name}")
        changes = self.regions[region] if region is not None else {}
        return {
            component: {**base, **changes.get(component, {})}
            for component, base in self.coefficients.items()
        }


def _table(data: object, where: str) -> dict[str, dict[str, float]]:
    if not isinstance(data, Mapping):
        raise ConfigError("not a mapping", where=where, expected="component: {name: number}")
    table: dict[str, dict[str, float]] = {}
    for component, entry in data.items():
        if not isinstance(entry, Mapping):
            raise ConfigError("not a mapping", where=f"{where}.{component}", got=repr(entry))
        row = as_numbers(list(entry.values()), f"{where}.{component}", len(entry))
        table[str(component)] = dict(zip(map(str, entry), row, strict=True))
    return table


def _regions(
    data: object, where: str, base: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, dict[str, float]]]:
    if not isinstance(data, Mapping):
        raise ConfigError("not a mapping", where=where, expected="region: {component: ...}")
    regions = {str(name): _table(entry, f"{where}.{name}") for name, entry in data.items()}
    for name, changes in regions.items():
        for component, row in changes.items():
            unknown = set(row) - set(base.get(component, {}))
            if unknown:
                raise ConfigError(
                    "a region changes a coefficient that the model does not have",
                    where=f"{where}.{name}.{component}",
                    got=", ".join(sorted(unknown)),
                )
    return regions


def _variable(data: object, where: str) -> Variable:
    entry = check_keys(data, where, ("unit", "meaning", "low", "high"))
    low, high = as_numbers([entry["low"], entry["high"]], where, 2)
    if low > high:
        raise ConfigError("range the wrong way round", where=where, got=f"{low}, {high}")
    return Variable(as_text(entry["unit"], where), as_text(entry["meaning"], where), low, high)


def _steps(data: object, where: str, variables: Mapping[str, Variable]) -> Steps:
    entry = check_keys(data, where, ("variable", "unit", "below_or_at", "values"))
    variable = as_choice(entry["variable"], where, tuple(variables))
    limits = as_numbers(entry["below_or_at"], where)
    values = as_numbers(entry["values"], where, len(limits) + 1)
    if list(limits) != sorted(limits):
        raise ConfigError("classes out of order", where=where, got=str(limits))
    return Steps(variable, as_text(entry["unit"], where), limits, values)


def parse_transport_model(name: str, data: Mapping[str, Any]) -> TransportModel:
    """Turn the mapping of a model file into a :class:`TransportModel`.

    Raises
    ------
    ConfigError
        If anything is not as it should be; names file and key.
    """
    where = f"{name}.yaml"
    entry = check_keys(
        data,
        where,
        (
            "title",
            "mode",
            "form",
            "equation",
            "result",
            "variables",
            "coefficients",
            "source",
            "locator",
        ),
        ("regions", "default_region", "steps", "parameters", "note"),
    )
    sources = load_sources()
    if entry["source"] not in sources:
        raise unknown_name("source", str(entry["source"]), list(sources), where=where)
    result = check_keys(entry["result"], f"{where}: result", ("unit", "currency_year"))
    year = as_number(result["currency_year"], f"{where}: result.currency_year")
    variables = {
        key: _variable(item, f"{where}: variables.{key}")
        for key, item in entry["variables"].items()
    }
    coefficients = _table(entry["coefficients"], f"{where}: coefficients")
    regions = _regions(entry.get("regions", {}), f"{where}: regions", coefficients)
    default = entry.get("default_region")
    if default is not None and default not in regions:
        raise unknown_name("region", str(default), list(regions), where=f"{where}: default_region")
    return TransportModel(
        name=name,
        title=as_text(entry["title"], f"{where}: title"),
        mode=as_choice(entry["mode"], f"{where}: mode", MODES),
        form=as_choice(entry["form"], f"{where}: form", FORMS),
        equation=as_text(entry["equation"], f"{where}: equation"),
        unit=as_text(result["unit"], f"{where}: result.unit"),
        currency_year=None if year is None else int(year),
        variables=variables,
        coefficients=coefficients,
        regions=regions,
        default_region=default,
        steps={
            key: _steps(item, f"{where}: steps.{key}", variables)
            for key, item in entry.get("steps", {}).items()
        },
        parameters={
            key: parse_value(item, f"{where}: parameters.{key}", sources)
            for key, item in entry.get("parameters", {}).items()
        },
        source=entry["source"],
        locator=as_text(entry["locator"], f"{where}: locator"),
        note=as_text(entry["note"], f"{where}: note") if "note" in entry else "",
    )


@cache
def load_transport_models() -> Mapping[str, TransportModel]:
    """Return all shipped transport cost models by name, read-only."""
    return MappingProxyType(
        {
            name: parse_transport_model(name, read_shipped(f"transport/{name}.yaml"))
            for name in shipped_names("transport")
        }
    )


def load_transport_model(name: str) -> TransportModel:
    """Return one transport cost model.

    Raises
    ------
    ConfigError
        If there is no such model; names the nearest one.
    """
    models = load_transport_models()
    if name not in models:
        raise unknown_name("transport model", name, list(models))
    return models[name]
