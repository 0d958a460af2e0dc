"""What a tonne of a method emits and costs where the prices are one's own numbers or maps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import xarray as xr

from cdrsite.config.models import Scenario
from cdrsite.core.errors import ConfigError, UnitError
from cdrsite.core.units import parse_quantity
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.methods.formulae import Ingredients, cost_parts, net_factor_sum
from cdrsite.methods.model import MethodModel, method_model
from cdrsite.scoring.sums import Sum

PLACE = {
    "intensity": "kg/kWh",
    "transport_cost": "USD/t",
    "transport_km": "km",
    "storage_cost": "USD/t",
}
"""What a place decides, and its unit."""
PRICES = {one.name: one.price[0] for one in RESOURCES.values() if one.price}
"""Resource -> unit of its price."""


@dataclass(frozen=True)
class _Given:
    """A method, and what it meets: plain numbers, or arrays under the names of layers."""

    model: MethodModel
    scenario: Scenario
    given: Ingredients
    values: dict[str, Any]
    prices: dict[str, Any]


def net_factor(method: str, **keys: Any) -> Any:
    """Net tonnes removed per gross tonne of a method of the library [t/t].

    Parameters
    ----------
    method : str
        Name of a method (`cdrsite methods`).
    **keys
        As for :func:`lcor`.

    Returns
    -------
    float or DataArray
        An array where one of the keys is an array.

    Examples
    --------
    >>> round(net_factor("daccs-solid", intensity="0 g/kWh"), 3)
    0.93
    """
    return _net(_case(method, keys))


def lcor(method: str, **keys: Any) -> Any:
    """Levelised cost of a net tonne of a method of the library [USD per net t].

    Parameters
    ----------
    method : str
        Name of a method (`cdrsite methods`).
    **keys
        ``profile`` (str) and ``numbers`` (parameter of the method -> value) as ``profile`` and
        ``override`` under ``methods.NAME`` of a scenario; ``prices`` (resource -> price),
        ``discount_rate``, ``base_year`` and ``basis`` as under ``costs``. What the place decides:
        ``intensity`` (emissions of power [kg/kWh]), ``transport_cost`` and ``storage_cost``
        [USD/t stored], ``transport_km`` [km]; 0 where left out.

        Prices and what the place decides may be texts with a unit, numbers in the unit above, or
        DataArrays; an array says its unit in ``attrs["units"]``, else it is that above.

    Returns
    -------
    float or DataArray
        An array, of Dask where its input is, where one of the keys is an array. NaN where nothing
        is removed.

    Raises
    ------
    ConfigError
        An unknown key, method, profile or parameter; a method that needs maps of its place (run
        a scenario for those).
    UnitError
        A unit of another dimension.

    Notes
    -----
    The sums that a run evaluates (:mod:`cdrsite.methods.cost`, :mod:`cdrsite.methods.net`).

    Examples
    --------
    >>> round(lcor("daccs-solid", prices={"electricity": "60 USD/MWh"}, discount_rate="7 %"))
    767
    """
    case = _case(method, keys)
    total = reduce(add, _parts(case).values())
    net = _net(case)
    if isinstance(net, xr.DataArray):
        return (total / net).where(net > 0)
    return total / net if net > 0 else total * math.nan


def lcor_parts(method: str, **keys: Any) -> dict[str, Any]:
    """Parts of the cost of a gross tonne [USD per gross t]; they add up.

    Parameters
    ----------
    method : str
        Name of a method.
    **keys
        As for :func:`lcor`.

    Returns
    -------
    dict
        Part -> float or DataArray, those that are not 0; what is sold is negative.
    """
    return {name: part for name, part in _parts(_case(method, keys)).items() if _is_some(part)}


def _is_some(part: Any) -> bool:
    return isinstance(part, xr.DataArray) or part != 0.0


def _case(method: str, keys: Mapping[str, Any]) -> _Given:
    """Check the keys like those of a scenario, and part numbers from arrays."""
    known = ["profile", "numbers", "prices", "discount_rate", "base_year", "basis", *PLACE]
    for key in keys:
        if key not in known:
            raise ConfigError(
                "unknown key", where=f"lcor({method!r})", got=repr(key), expected=", ".join(known)
            )
    plain, arrays = {}, {}
    for name, price in dict(keys.get("prices") or {}).items():
        if isinstance(price, xr.DataArray):
            if name not in PRICES:
                raise ConfigError(
                    "no such price", where="prices", got=repr(name), expected=", ".join(PRICES)
                )
            arrays[name] = _canonical(price, PRICES[name], f"prices.{name}")
        else:
            plain[name] = price
    choice: dict[str, Any] = {}
    if keys.get("numbers"):
        choice["override"] = dict(keys["numbers"])
    if keys.get("profile") is not None:
        choice["profile"] = keys["profile"]
    costs = {key: keys[key] for key in ("discount_rate", "base_year", "basis") if key in keys}
    scenario = Scenario.from_dict(
        {
            "name": "arrays",
            "region": {"bounds": [0, 0, 1, 1]},
            "methods": {method: choice},
            "costs": {**costs, **({"prices": plain} if plain else {})},
        }
    )
    model = method_model(method, scenario)
    names: dict[str, Any] = {}
    values: dict[str, Any] = {}
    for key, unit in PLACE.items():
        value = keys.get(key, 0.0)
        if isinstance(value, xr.DataArray):
            names[key], values[key] = key, _canonical(value, unit, key)
        else:
            names[key] = parse_quantity(value, unit)
    given = Ingredients(limited=frozenset(), routed="transport_km" in keys, **names)
    return _Given(model, scenario, given, values, arrays)


def _canonical(array: xr.DataArray, unit: str, where: str) -> xr.DataArray:
    """An array in the unit that the sums take."""
    own = str(array.attrs.get("units", "") or unit)
    try:
        factor = parse_quantity(f"1 {own}", unit)
    except UnitError as error:
        raise UnitError(f"{where}: {error}") from error
    return array * factor


def _net(case: _Given) -> Any:
    return _value(net_factor_sum(case.model, case.model.needs, case.scenario, case.given), case)


def _parts(case: _Given) -> dict[str, Any]:
    """Parts of the cost; those of a resource with a map of prices by its need."""
    needs = case.model.needs
    sums = cost_parts(case.model, needs, case.scenario, case.given)
    found = {name: _value(one, case) for name, one in sums.items()}
    for name, price in case.prices.items():
        found[RESOURCES[name].part] = _value(needs.taken[name], case) * price
    return found


def _value(total: Sum, case: _Given) -> Any:
    """The value of a sum of products, labelled where it reads an array."""
    if lost := sorted(total.layers - case.values.keys()):
        raise ConfigError(
            "the method needs maps of its place",
            where=case.model.name,
            got="no " + ", ".join(lost),
            cure="run a scenario: cdrsite.run(..., layers={...})",
        )
    products = []
    for term in total.terms:
        value: Any = term.coefficient
        for name in term.layers:
            value = value * case.values[name]
        products.append(value)
    return reduce(add, products, 0.0)
