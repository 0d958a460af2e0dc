"""What a study takes for granted: supplies that nobody limited, and profiles with a better one.

None of it is wrong, but a reader takes a number for another one who does not know it (rule 7): it
is warned about, and stands on the first screen of the report.
"""

from __future__ import annotations

import warnings
from typing import Any

from cdrsite.config.resources import Power
from cdrsite.core.errors import CdrsiteWarning, message
from cdrsite.core.numbers import number
from cdrsite.core.vocabulary import RESOURCES, sized
from cdrsite.library.parameters import PARAMETERS
from cdrsite.library.plausibility import check_profile
from cdrsite.methods.supply import constant_supply
from cdrsite.study.prepare import Setting


def without_limit(setting: Setting) -> dict[str, dict[str, float | bool]]:
    """Resources that some method needs and nothing limits, with what they cost and emit.

    Returns
    -------
    dict
        Resource -> ``given`` (whether the scenario says so itself), and for power
        ``intensity_g_kwh``, for storage ``cost_usd_t`` and ``transport_usd_t``.
    """
    resources, facts_of = setting.scenario.resources, {}
    for name, model in resources.supplies.items():
        if model.unlimited and setting.users(name):
            key = RESOURCES[name].parameter
            facts: dict[str, float | bool] = {"given": key in resources.model_fields_set}
            if isinstance(model, Power) and not isinstance(model.intensity, str):
                facts["intensity_g_kwh"] = 1000.0 * model.intensity
                facts["given"] = facts["given"] and "intensity" in model.model_fields_set
            if name == "heat":  # fuel that is bought; its emissions are the library's
                facts["given"] = True
            facts_of[name] = facts
    if setting.storage is None and setting.users("storage"):
        transport, cost = setting.scenario.transport.cost, resources.storage.cost
        facts_of["storage"] = {
            "given": "storage" in resources.model_fields_set and transport is not None,
            "cost_usd_t": float(cost),
            "transport_usd_t": float(transport or 0.0),
        }
    return facts_of


def alternatives(setting: Setting) -> dict[str, dict[str, Any]]:
    """Methods whose profile has implausible numbers, the other profile, and what it changes.

    Returns
    -------
    dict
        Method -> ``profile``, ``alternative`` and ``changes``: resource -> ``unit``, ``from`` and
        ``to`` [per gross tonne].
    """
    found = {}
    for name, model in setting.models.items():
        siblings = model.profile.siblings
        if siblings and check_profile(model.profile, model.numbers):
            other = model.method.profile(siblings[0])
            changes = {}
            for what, one in RESOURCES.items():
                before = sum(model.number(p) for p in one.needs)
                after = sum(
                    other.number(p, setting.scenario.costs.base_year, default=0.0)
                    for p in one.needs
                )
                if abs(after - before) > 0.01 * max(abs(before), abs(after)):
                    unit = PARAMETERS[one.needs[0]].unit
                    changes[what] = {"unit": unit, "from": before, "to": after}
            found[name] = {
                "profile": model.profile.name,
                "alternative": siblings[0],
                "changes": changes,
            }
    return found


def alternative_sentences(better: dict[str, dict[str, Any]]) -> list[str]:
    """:func:`alternatives` in words, a sentence for each method."""
    texts = []
    for name, record in better.items():
        changes = ", ".join(
            f"{resource} from {number(change['from'])} to {number(change['to'])} {change['unit']}"
            for resource, change in record["changes"].items()
        )
        texts.append(
            f"alternative: methods.{name}.profile: {record['alternative']} in place of "
            f"{record['profile']} changes {changes}"
        )
    return texts


def warn_of_assumptions(setting: Setting) -> None:
    """Say what the scenario left open and a reader would not guess.

    Warns
    -----
    CdrsiteWarning
        A supply that is without limit because nothing was said; biomass that is none; a value that
        does not say what it is per.
    """
    resources = setting.scenario.resources
    for name, facts in without_limit(setting).items():
        if not facts["given"]:
            _warn(_unlimited(setting, name, facts))
    for name, model in resources.supplies.items():
        key, needing = RESOURCES[name].parameter, setting.users(name)
        if needing and not RESOURCES[name].free and key not in resources.model_fields_set:
            text = f"not given, so there is none, and {', '.join(needing)} can do nothing"
            cure = "give pools, a layer or a value, or unlimited: true"
            _warn(message(text, where=f"resources.{key}", cure=cure, rule=7))
        if model.value is not None and model.per is None and not model.per_area:
            value = constant_supply(name, model)
            if value > 0:
                _warn(_per_what(setting, name, value))


def _unlimited(setting: Setting, name: str, facts: dict[str, float | bool]) -> str:
    prices, key = setting.scenario.costs.prices, RESOURCES[name].parameter
    cure = "give pools, a layer or a value; or say unlimited: true"
    if name == "storage":
        got = (
            f"storing for {number(facts['cost_usd_t'])} USD/t, transport for "
            f"{number(facts['transport_usd_t'])} USD/t"
        )
        cure = "give units, capacity and injection; or say unlimited: true and transport.cost"
    elif "intensity_g_kwh" in facts:
        factor, unit = RESOURCES[name].price_shown
        price = number(factor * getattr(prices, name))
        got = f"{number(facts['intensity_g_kwh'])} g/kWh and {price} {unit}"
        cure += " and its intensity, e.g. intensity: 400 g/kWh"
    else:
        paid = getattr(prices, name, None)  # else the method's own, or none at all
        got = "" if paid is None else f"{number(paid)} USD per {RESOURCES[name].per}"
    return message(
        f"without limit for {', '.join(setting.users(name))}",
        where=f"resources.{key}",
        got=got or None,
        cure=cure,
        rule=7,
    )


def _per_what(setting: Setting, name: str, value: float) -> str:
    grid = setting.area.grid
    amount = sized(value, RESOURCES[name].unit)
    return message(
        f"read as {amount} for each of {number(grid.size)} cells, so a finer grid offers more",
        where=f"resources.{RESOURCES[name].parameter}.value",
        cure="add per: cell, per: km2 or per: region (which all cells share)",
        rule=7,
    )


def _warn(text: str) -> None:
    warnings.warn(text, CdrsiteWarning, stacklevel=3)
