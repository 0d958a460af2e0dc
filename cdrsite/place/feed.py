"""What a method is fed with: what is lost of it on the way, how it is hauled, whose land grew it.

Goods that trucks bring (resources of kind `bulk`) are paid where they are picked up, hauled from
the cells around a plant, and partly lost in store. How far they travel is known from the shed that
a cell collects from, and is a number of the method where no shed is known; so the haul is counted
once, here, and never in the emissions of the method's chain (rule 6).

Residues that would have been burnt in the field (`burnt_share`) would hold no carbon later, and
their methane and nitrous oxide stop: that is avoided, in a ledger of its own, and never removal
(rule 5). Their CO2 would have come back to the air either way.

A profile states its needs per gross tonne of CO2 where a tonne takes a known amount of feed. Where
the place makes more or less of a tonne of feed, all but the stored CO2 goes by that amount
(:func:`per_feed`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import numpy as np

from cdrsite.core.errors import ConfigError, DataError
from cdrsite.core.fields import Model, Name, one_or_many
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.place.dependence import Dependence, Here, LayerKey, Use, own_layer
from cdrsite.place.needs import Needs
from cdrsite.scoring.sums import Sum, const, layer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]

KG_PER_T = 1000.0


class FeedKeys(Model):
    """Keys of :class:`Feed` in a method file."""

    biomass_kind: one_or_many(Name) | None = None  # type: ignore[valid-type]
    """Kind of biomass that it takes, or several: `residue`, `crop`, or names of your own. By it
    `costs.prices.biomass` may have a price, and `resources.biomass.kinds` a supply."""
    land_rent_in_price: bool | None = None
    """Whether the price of the biomass contains the rent of the land that grew it, as a price at
    the farm gate does: `land_feedstock` then pays no rent again (rule 6)."""


class FeedOfStudy(FeedKeys):
    """Keys of :class:`Feed` in a scenario."""

    haul: Annotated[str, LayerKey("km")] | None = None
    """Layer with the mean distance over which its feed is hauled, before the detour of roads [km],
    in place of that of the shed (`resources.biomass.haul`) or of the method's own `haul_km`."""


def of_the_feed(use: Use, key: str) -> tuple[str, ...] | bool | None:
    """A key of :class:`FeedKeys`: the scenario's, or else the method file's."""
    given = getattr(use.choice, key)
    found: tuple[str, ...] | bool | None = getattr(use.method, key) if given is None else given
    return found


def fed(use: Use) -> Iterator[str]:
    """Bulk goods that a method takes."""
    for one in RESOURCES.values():
        if one.kind == "bulk" and any(use.number(need) > 0 for need in one.needs):
            yield one.name


class Feed(Dependence):
    """Losses in store, and what of the land has its rent in the price of the feed."""

    name = "feed"
    keys = FeedOfStudy
    file_keys = FeedKeys
    parameters = (
        ("haul_load", "USD/t"),
        ("haul_price", "USD/t/km"),
        ("haul_detour", "1"),
        ("haul_km", "km"),
        ("emissions_haul", "kg/t/km"),
        ("dry_matter_loss", "1"),
        ("counterfactual_share", "1"),
        ("burnt_share", "1"),
        ("burning_methane", "kg/t"),
        ("burning_nitrous_oxide", "kg/t"),
        ("biomass_co2", "t/t"),
    )

    def acts(self, use: Use) -> bool:
        """Where the method takes bulk goods."""
        return any(True for _ in fed(use))

    def refuse(self, use: Use, where: str) -> None:
        """Refuse keys that have nothing to act on, all of the feed lost, and rent paid twice."""
        key = f"{where}.land_rent_in_price"
        grown = use.number("land_feedstock")
        if use.choice.land_rent_in_price is not None and not grown:
            raise ConfigError(
                "no land grows the feed of this method, so there is no rent to count or leave out",
                where=key,
                got="land_feedstock of 0",
                cure="remove it",
                rule=7,
            )
        twice = use.choice.land_rent_in_price is False and use.method.land_rent_in_price
        if twice and "biomass_price" not in use.replaced:
            raise ConfigError(
                "the rent of the land would be paid twice: the method's own price contains it",
                where=key,
                got=f"false with the biomass_price of {use.method.name}, which is at the farm gate",
                expected="a price at harvest cost, which contains no rent",
                cure="remove it, or give costs.prices.biomass or override biomass_price without "
                "the rent",
                rule=6,
            )
        for name, goods in (("biomass_kind", "biomass"), ("haul", "goods that are hauled")):
            given = getattr(use.choice, name)
            if given is not None and not (
                "biomass" in fed(use) or (name == "haul" and [*fed(use)])
            ):
                raise ConfigError(
                    f"the method takes no {goods}",
                    where=f"{where}.{name}",
                    got=given,
                    cure="remove it",
                    rule=7,
                )
        if grown and use.numbers.get("burnt_share", 0.0) > 0:
            raise ConfigError(
                "a crop that is grown to be used would not have been burnt in the field",
                where=f"{where}.override.burnt_share",
                got=f"{use.number('burnt_share'):g} with land_feedstock of {grown:g}",
                cure="remove it; it belongs to residues",
                rule=7,
            )
        if self.acts(use) and not use.number("dry_matter_loss") < 1.0:
            raise ConfigError(
                "all of the feed is lost before it is used",
                where=f"{where}.override.dry_matter_loss",
                got=f"{use.number('dry_matter_loss'):g}",
                expected="a share below 1, usually 0.05 to 0.15",
                rule=7,
            )

    def needs(self, use: Use, needs: Needs) -> Needs:
        """More goods, and more land under them, by what is lost in store."""
        more = bought_per_need(use.numbers)
        needs = needs.times(**{name: const(more) for name in fed(use)})
        land = needs.taken["land"] + needs.grown * (more - 1.0)
        needs = replace(needs.but("land", land), grown=needs.grown * more)
        if use.number("burnt_share") > 0:
            stops = needs.taken["biomass"] * (burning(use) / KG_PER_T)
            needs = replace(needs, avoided=needs.avoided + stops)
        if use.choice.haul is None:
            return needs
        return replace(needs, haul=layer(own_layer("haul", use.name)))

    def layers(self, use: Use, here: Here) -> dict[str, F32]:
        """The way of the feed, where a layer gives it [km]."""
        if "haul" not in here.layers:
            return {}
        ways = here.layers["haul"]
        if np.any(ways < 0):
            raise DataError(
                "a way cannot be below zero",
                where=f"methods.{use.name}.haul: layers.{use.choice.haul}",
                got=f"{np.nanmin(ways):g} km in a cell",
                expected="km, 0 or more",
                cure="correct the layer, or declare what stands for unknown with nodata:",
                rule=7,
            )
        return {"haul": ways}


def bought_per_need(numbers: Mapping[str, float]) -> float:
    """Goods picked up per goods that the plant takes [1]: the rest is lost in store."""
    return 1.0 / (1.0 - numbers.get("dry_matter_loss", 0.0))


def counterfactual(numbers: Mapping[str, float]) -> float:
    """Carbon that would still be on land had the feed been left there [kg CO2 per gross t].

    Share that would be left at the end of the horizon times the CO2 of the carbon in what is picked
    up; nothing of what would have been burnt in the field.
    """
    names = ("counterfactual_share", "burnt_share", "biomass_co2", "biomass")
    share, burnt, co2, need = (numbers.get(name, 0.0) for name in names)
    return share * (1.0 - burnt) * co2 * need * bought_per_need(numbers) * KG_PER_T


def burning(use: Use) -> float:
    """What the field would have given off had a dry tonne been left to be burnt [kg CO2e/t].

    Methane and nitrous oxide alone, by the study's warming potentials, times the share that would
    have been burnt.
    """
    gases = (use.number(f"burning_{gas}") * use.gwp[gas] for gas in ("methane", "nitrous_oxide"))
    return use.number("burnt_share") * sum(gases)


def per_feed(use: Use, needs: Needs, factor: Sum) -> Needs:
    """Needs, costs and emissions where a gross tonne takes another amount of feed.

    Parameters
    ----------
    use : Use
        The method.
    needs : Needs
        As the profile has them.
    factor : Sum
        Feed of a gross tonne at the place, relative to that of the profile [1].
    """
    names = (*(name for name in needs.taken if name != "storage"), "supplied", "variable")
    needs = needs.times(inverse_productivity=factor, **dict.fromkeys(names, factor))
    made = (
        use.number("materials") * use.number("emissions_materials")
        + use.number("emissions_embodied")
        + use.number("emissions_chain")
        + use.number("luc_emissions")
        + counterfactual(use.numbers)
    )
    return replace(needs, place_emissions=needs.place_emissions + (factor + -1.0) * made)
