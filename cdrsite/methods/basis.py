"""What the costs of a method stand for: a first plant, a projection, or a capacity of the world.

Only methods on one basis can be compared. A basis is ``foak``, ``2030`` or ``2050``, or a capacity
in words (``10 Mt/yr``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cdrsite.core.errors import ConfigError, message
from cdrsite.core.numbers import exact

if TYPE_CHECKING:
    from cdrsite.config.models import Scenario
    from cdrsite.library.methods import Method, Profile

NAMED = frozenset({"foak", "2030", "2050"})
"""Bases that are no capacity."""


def cost_basis(
    name: str, method: Method, profile: Profile, scenario: Scenario
) -> tuple[str, dict[str, tuple[float, str]]]:
    """What a method's costs stand for, and the parameters that follow where the scenario says so.

    Parameters
    ----------
    name : str
        Name in the scenario.
    method, profile
        From the library.
    scenario : Scenario
        ``methods.NAME.world_capacity`` or ``cost_basis`` count before ``costs.basis``, and this
        before the profile's own.

    Returns
    -------
    basis : str
        Empty where it is not known.
    learned : dict
        Parameter -> value in its canonical unit, the key that asks for it.

    Raises
    ------
    ConfigError
        If the scenario asks it of a method whose file has no learning table, or none for the basis.
    """
    choice, own = scenario.methods[name], profile.cost_basis or ""
    key = "world_capacity" if choice.world_capacity is not None else "cost_basis"
    asked, where = choice.cost_basis, f"methods.{name}.{key}"
    if asked is None and choice.world_capacity is None:
        asked, where = scenario.costs.basis, "costs.basis"
        if asked is None or method.learning is None:
            return own, {}
    learning = method.learning
    if learning is None:
        raise ConfigError(
            "the method's file has no learning table",
            where=where,
            got=asked or in_words(choice.world_capacity),
            cure=f"remove it, or give capex and fixed_om under methods.{name}.override",
        )
    capacity = choice.world_capacity
    basis = asked or in_words(capacity)
    if asked is not None:
        if asked not in learning.bases:
            raise ConfigError(
                "the method's learning table has no such basis",
                where=where,
                got=asked,
                expected=", ".join(learning.bases),
            )
        if asked == own:
            return basis, {}
        capacity = learning.bases[asked]
    assert capacity is not None  # noqa: S101 - one of the two was asked
    stated_at = profile.number("capacity_factor", default=1.0)
    numbers = learning.numbers(capacity, stated_at, scenario.costs.base_year)
    return basis, {parameter: (number, where) for parameter, number in numbers.items()}


def in_words(capacity: float | None) -> str:
    """A capacity of the world, as a basis is called."""
    return f"{exact((capacity or 0.0) / 1e6)} Mt/yr"


def mixed_bases(bases: Mapping[str, str]) -> str | None:
    """A warning where the costs of methods stand on different bases; None where they do not.

    Parameters
    ----------
    bases : mapping
        Method -> basis; an empty one is not known, and compared with none. Capacities of the world
        differ between kinds of plants by nature, and count as one basis.
    """
    bases = {name: basis for name, basis in bases.items() if basis}
    if len({basis if basis in NAMED else "world_capacity" for basis in bases.values()}) < 2:
        return None
    return message(
        "the costs of the methods stand on different bases, so which is cheaper is not known",
        where="methods",
        got=", ".join(f"{name}: {basis}" for name, basis in bases.items()),
        expected="one basis for all",
        cure="give costs.basis: foak, 2030 or 2050, whichever all of them have",
        rule=7,
    )
