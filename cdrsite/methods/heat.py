"""Heat by its level: who may draw on a supply, and which rows of a pool follow.

Hot heat serves a cool need, never the other way. Levels are low (below 80 degree C), medium (80 to
120 degree C) and high (above 120 degree C). Fuel that is burnt on the site, as the gas of solvents
at 900 degree C, is bought, and no pool of heat serves it.
"""

from __future__ import annotations

from collections.abc import Mapping

from cdrsite.core.errors import ConfigError
from cdrsite.library.methods import HEAT_LEVELS
from cdrsite.place.dependence import Use


def draws_heat(model: Use) -> bool:
    """Whether the method's heat comes from, or goes to, others: it is no fuel of its own."""
    return bool(model.number("heat")) and model.profile.heat_source != "gas"


def heat_level(model: Use) -> str:
    """Level of the heat that a method takes or supplies; empty where it has to do with none.

    Raises
    ------
    ConfigError
        If it has heat and its profile does not say at what level (rule 7).
    """
    if not draws_heat(model):
        return ""
    if model.profile.heat_level is None:
        raise ConfigError(
            "heat without its level",
            where=f"methods.{model.name}",
            got=f"{model.number('heat'):g} kWh/t and a profile without heat_level",
            expected=", ".join(HEAT_LEVELS),
            cure="give heat_level in the method's file",
            rule=7,
        )
    return str(model.profile.heat_level)


def serves(supply: str, need: str) -> bool:
    """Whether heat of one level serves a need of another one."""
    return HEAT_LEVELS.index(supply) >= HEAT_LEVELS.index(need)


def rows_by_level(levels: Mapping[str, str], taking: Mapping[str, bool]) -> dict[str, list[str]]:
    """Rows that a pool of heat has: level -> methods whose heat is at least as hot.

    What takes heat at a level or above it is served by what is supplied there, so a row for each
    level at which some method takes heat is enough, and none is to spare.

    Parameters
    ----------
    levels : mapping
        Method -> level of its heat.
    taking : mapping
        Method -> whether it takes heat, and does not supply it.
    """
    found: dict[str, list[str]] = {}
    for level in HEAT_LEVELS:
        if any(levels[name] == level and taking[name] for name in levels):
            found[level] = [name for name, own in levels.items() if serves(own, level)]
    return found
