"""What the feed of a method costs: its price by kind, its haul, rent in the price."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from cdrsite.core.errors import CdrsiteWarning, ConfigError, did_you_mean, message
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.place.feed import fed, of_the_feed
from cdrsite.scoring.sums import Sum, const, layer

if TYPE_CHECKING:
    from cdrsite.config.models import Scenario
    from cdrsite.place.dependence import Use
    from cdrsite.place.needs import Needs

OF_KINDS = tuple(one.name for one in RESOURCES.values() if one.own_price)
"""Resources whose price each method has of its own, or the study by kind."""


def haul_layer(resource: str) -> str:
    """Layer with the mean haul of bulk goods to each cell [km]."""
    return f"{resource} haul"


def price_of_kind(resource: str, use: Use, scenario: Scenario) -> tuple[float | None, str]:
    """Price that a study gives for what a method takes of a resource; None where it gives none.

    Returns
    -------
    tuple of (float or None, str)
        [USD per its canonical unit], and the key of the scenario.
    """
    given, key = getattr(scenario.costs.prices, resource), f"costs.prices.{resource}"
    if not isinstance(given, dict):
        return given, key
    kinds = kinds_of(resource, use)
    prices = {kind: given.get(kind) for kind in kinds}
    if len(set(prices.values())) > 1:
        raise ConfigError(
            f"kinds of {resource} that one method takes have prices of their own, and what it pays "
            "would hang on which it gets",
            where=f"methods.{use.name}.{resource}_kind",
            got=", ".join(f"{kind} {price}" for kind, price in prices.items()),
            expected="one price for all of them",
            cure=f"give them one price in {key}, or name the method twice (library:), once for "
            "each kind",
            rule=7,
        )
    return next(iter(prices.values()), None), f"{key}.{', '.join(kinds)}"


def kinds_of(resource: str, use: Use) -> tuple[str, ...]:
    """Kinds of a resource that a method takes; none where neither its file nor the study says."""
    key = f"{resource}_kind"
    found = of_the_feed(use, key) if hasattr(use.choice, key) else None
    return found if isinstance(found, tuple) else ()


def draws_of(resource: str, use: Use, offered: Iterable[str]) -> tuple[str, ...]:
    """Kinds that a method may draw on, of those that are offered; all of them where it says none.

    Raises
    ------
    ConfigError
        It takes a kind that is not offered (rule 7).
    """
    known, kinds = tuple(offered), kinds_of(resource, use)
    for kind in kinds:
        if kind not in known:
            raise ConfigError(
                f"no {resource} of this kind is offered",
                where=f"methods.{use.name}.{resource}_kind",
                got=repr(kind),
                expected=f"one or several of {', '.join(known)}",
                cure=did_you_mean(kind, list(known))
                or f"say which it takes, e.g. {resource}_kind: [{', '.join(known)}], or add "
                f"{kind} to resources.{resource}.kinds",
                rule=7,
            )
    return tuple(kind for kind in known if kind in kinds or not kinds)


def kinds_layer(resource: str, kinds: Iterable[str]) -> str:
    """Layer with the supply of these kinds of a resource."""
    return f"{resource}: {', '.join(kinds)}"


def idle_prices(models: Mapping[str, Use], scenario: Scenario) -> Iterator[ConfigError]:
    """What is wrong with prices by kind: each for a kind that no method takes (rule 7).

    Warns
    -----
    CdrsiteWarning
        A method has a kind that no price goes by.
    """
    for resource in OF_KINDS:
        given = getattr(scenario.costs.prices, resource)
        takers = [one for one in models.values() if resource in fed(one)]
        kinds = sorted({kind for one in takers for kind in kinds_of(resource, one)})
        for kind in given if isinstance(given, dict) else ():
            if kind not in kinds:
                yield ConfigError(
                    f"no method of the study takes {resource} of this kind",
                    where=f"costs.prices.{resource}.{kind}",
                    got=repr(kind),
                    expected=", ".join(kinds) or "one price for all, as no method says its kind",
                    cure=did_you_mean(kind, kinds)
                    or f"remove it, or say methods.NAME.{resource}_kind: {kind}",
                    rule=7,
                )
        for one in takers:
            chosen = getattr(one.choice, f"{resource}_kind", None)
            offered = getattr(getattr(scenario.resources, resource), "kinds", None)
            if chosen is not None and not isinstance(given, dict) and not offered:
                text = message(
                    f"no price goes by kinds of {resource}, so this changes nothing",
                    where=f"methods.{one.name}.{resource}_kind",
                    got=", ".join(chosen),
                    cure=f"give costs.prices.{resource}: {{{chosen[0]}: PRICE}}, or remove it",
                    rule=7,
                )
                warnings.warn(text, CdrsiteWarning, stacklevel=2)


def picked_up(needs: Needs) -> Sum:
    """Bulk goods that are loaded for a gross tonne [t/t]."""
    return reduce(add, (need for _, need in _bulk(needs)), const(0.0))


def hauled(use: Use, needs: Needs, sheds: frozenset[str]) -> Sum:
    """Bulk goods times their way on roads, for a gross tonne [t km/t].

    ``sheds`` are the goods with a layer of their mean haul (:func:`haul_layer`). The way is that of
    a layer of the scenario, or else the mean one of the shed that a cell collects from where it
    is known, and the method's own ``haul_km`` elsewhere and for what grows on the method's own
    land; times the detour of roads. In a disc the mean way is two thirds of its radius.
    """
    detour = use.number("haul_detour", 1.0)
    if needs.haul is not None:
        return picked_up(needs) * needs.haul * detour
    own = const(use.number("haul_km"))
    tonne_km = const(0.0)
    for name, need in _bulk(needs):
        shed = layer(haul_layer(name)) if name in sheds else own
        bought = needs.bought(name)
        tonne_km = tonne_km + need * (shed * bought + own * (1.0 - bought))
    return tonne_km * detour


def _bulk(needs: Needs) -> list[tuple[str, Sum]]:
    return [(n, need) for n, need in needs.taken.items() if RESOURCES[n].kind == "bulk"]


def rented_land(use: Use, needs: Needs) -> Sum:
    """Land that pays rent: without what grows the feed where its price contains the rent [m2/t]."""
    inside = of_the_feed(use, "land_rent_in_price")
    return needs.taken["land"] + needs.grown * (-1.0 if inside else 0.0)
