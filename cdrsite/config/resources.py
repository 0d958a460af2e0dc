"""How a scenario says what there is of each resource that methods compete for.

One module: what is special of a resource extends the model that all of them share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from cdrsite.config.siting import BoundBy
from cdrsite.config.storage import Share, Storage, refuse_idle_factor
from cdrsite.core.errors import CdrsiteError
from cdrsite.core.fields import (
    Factor,
    Fraction,
    Kilometres,
    LocalPath,
    Model,
    Name,
    NumberOrQuantity,
    exactly_one,
    one_or_many,
    problem,
    quantity,
    quantity_or_name,
    unit_like,
    with_fields,
)
from cdrsite.core.layernames import LayerName, NamesLayer
from cdrsite.core.units import is_power, parse_quantity, same_dimension, split_number
from cdrsite.core.vocabulary import RESOURCES, Resource, supplies
from cdrsite.library.learning import Basis, Capacity
from cdrsite.library.methods import HeatLevel
from cdrsite.place.registry import keys_of_methods


def _some_layer(usable: Any) -> Any:
    if isinstance(usable, dict) and not usable:
        raise problem("no layer; expected {LAYER: {CLASS: fraction}}, or one fraction")
    return usable


UsableLand = Annotated[
    dict[str, dict[int | str, Fraction]] | Fraction, AfterValidator(_some_layer), NamesLayer()
]
"""One fraction for all cells, or ``{LAYER: {CLASS: fraction}}`` of one or several layers; classes
not named give 0."""


class Land(Model):
    """Which part of a cell's area can be used at all."""

    usable: UsableLand = 1.0
    """One fraction for all cells, or `{LAYER: {CLASS: fraction}}` of one or several class layers;
    classes not named give 0."""
    combine: Literal["product", "minimum"] = "product"
    """What the shares of several layers make: their product, as if what they leave were spread
    independently, or the least of them."""
    factor: Fraction = 1.0
    """The usable land is multiplied by this; there is no more land than there is."""


class Supply(Model):
    """A resource offered by pools (polygons with a column), by a layer, or without limit."""

    canonical: ClassVar[str] = ""
    """Canonical unit of the resource (rule 4)."""

    pools: LayerName | None = None
    """A polygon layer; each polygon is a pool."""
    supply: str | None = None
    """Column of `pools` with the yearly supply."""
    name: str | None = None
    """Column of `pools` with the pool's name."""
    layer: LayerName | None = None
    """A layer with the supply of each cell, in place of pools."""
    value: NumberOrQuantity | None = None
    """One amount in place of pools or a layer; `per` says of what."""
    per: Literal["cell", "km2", "region"] | None = None
    """What `value` is the supply of: each cell (as when not given, with a warning), each km2, or
    the whole region, whose cells then share it as one pool."""
    unlimited: Literal[True] | None = None
    """The resource never limits; its price and emissions still count."""
    unit: str | None = None
    """Unit of the column or the bare number, also per area: `t/ha/yr`, `mm/yr` of water; of a layer
    only the unit that it has anyway."""
    factor: Factor = 1.0
    """The supply is multiplied by this, whatever it comes from: 0.8 is 20 % less."""
    share: Share = "area"
    """How a pool is offered to its cells."""

    @property
    def by_kind(self) -> dict[str, str]:
        """Kind -> column of `pools`, or layer, with its supply; empty where there are no kinds."""
        return {}

    @property
    def by_month(self) -> tuple[str, ...]:
        """Columns of `pools` with the supply of each month; empty where it is that of a year."""
        return ()

    @property
    def per_area(self) -> bool:
        """Whether what is given is an amount per area, as t/ha/yr, or mm/yr of water."""
        unit = self.unit
        if isinstance(self.value, str):
            unit = split_number(self.value)[1] or unit
        return unit is not None and same_dimension(unit, f"{self.canonical}/m2")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        sources: tuple[str, ...] = ("pools", "layer", "value", "unlimited")
        if self.by_kind and self.pools is None:  # each kind has a layer of its own
            sources = ("kinds", *sources)
        which = exactly_one(self, sources, "one source of supply")
        if which == "pools" and self.supply is None and not self.by_kind and not self.by_month:
            raise problem("pools without a supply; expected supply: COLUMN")
        if which == "pools" and self.unit is None:
            raise problem("supply without a unit; expected unit, e.g. m3/yr (rule 4)")
        if which != "pools" and (self.supply is not None or self.name is not None):
            raise problem("supply and name are columns of pools; cure: remove them, or name pools")
        refuse_idle_factor(self)
        if which != "value" and self.per is not None:
            raise problem(
                f"per belongs to a value; got per: {self.per} with {which}; cure: remove it",
                at="per",
            )
        self._check_unit()
        return self

    def _check_unit(self) -> None:
        """Refuse a unit of another dimension, and a value below zero (rule 4)."""
        try:
            canonical = f"{self.canonical}/m2" if self.per_area else self.canonical
            if self.per_area and self.per is not None:
                raise problem(
                    f"the value says itself what it is per; got per: {self.per} with "
                    f"{self.value!r}; cure: remove per",
                    at="per",
                )
            if self.unit is not None and not same_dimension(self.unit, canonical):
                raise problem(
                    f"wrong dimension; got {self.unit!r}; expected a unit like {self.canonical} "
                    "(rule 4)",
                    at="unit",
                )
            value = self.value
            if isinstance(value, float) and self.unit is not None:
                value = f"{value!r} {self.unit}"
            number = 0.0 if value is None else parse_quantity(value, canonical)
        except CdrsiteError as error:
            raise problem(str(error), at="unit" if self.value is None else "value") from error
        if number < 0:
            raise problem(
                f"a supply cannot be negative; got {self.value!r}; expected {self.canonical}, "
                "0 or more",
                at="value",
            )


class Energy(Supply):
    """Electricity or heat: a power becomes energy by its capacity factor."""

    capacity_factor: quantity("1", above=0.0, maximum=1.0) | None = None  # type: ignore[valid-type]
    """Share of the year at full power; needed where the supply is in GW, MW or kW."""

    @model_validator(mode="after")
    def _power_or_energy(self) -> Self:
        unit, at = self.unit, "unit"
        if isinstance(self.value, str) and (written := split_number(self.value)[1]):
            unit, at = written, "value"
        if unit is not None and self.layer is None:
            require_energy(unit, self.capacity_factor, at)
        return self


def require_energy(unit: str, capacity_factor: float | None, at: str) -> None:
    """Refuse a power without a capacity factor, and an energy with one (rule 4)."""
    if is_power(unit) and capacity_factor is None:
        raise problem(
            f"a power is no energy; got {unit}; expected energy, e.g. TWh/yr, or a capacity "
            "factor; cure: add capacity_factor: 0.25, the share of the year at full power (1 if "
            "it runs all year) (rule 4)",
            at=at,
        )
    if capacity_factor is not None and not is_power(unit):
        raise problem(
            f"a capacity factor belongs to a power; got {capacity_factor:g} with {unit}, which is "
            "energy already; cure: remove it, or give the supply in GW or MW (rule 4)",
            at="capacity_factor",
        )


class Power(Energy):
    """Clean electricity, with the emissions of making it."""

    intensity: quantity_or_name("kg/kWh", minimum=0.0) = 0.0  # type: ignore[valid-type]
    """Emissions of the supplied power [kg/kWh]: a number, or a column of `pools` or a layer."""
    intensity_unit: unit_like("kg/kWh") = "kg/kWh"  # type: ignore[valid-type]
    """Unit of that column or layer."""
    firm: quantity_or_name("1", minimum=0.0) | None = None  # type: ignore[valid-type]
    """Share of the hours of a plant that the supply serves [1]: a number, or a column of `pools` or
    a layer. In the other hours plants stand idle and their capital is paid by fewer tonnes. All
    hours are taken to be served when not given."""

    @model_validator(mode="after")
    def _some_hours(self) -> Self:
        if self.firm is not None and not isinstance(self.firm, str) and not 0 < self.firm <= 1:
            raise problem(
                f"not a share of the hours; got {self.firm:g}; expected more than 0, at most 1; "
                "cure: write 70 % as 0.7",
                at="firm",
            )
        return self


class Heat(Energy):
    """Heat of others, at a level; fuel that is burnt on the site is none of it."""

    unlimited: Literal[True] | None = True
    """Heat does not limit unless pools, a layer or a value says so."""
    intensity: quantity("kg/kWh", minimum=0.0) = 0.0  # type: ignore[valid-type]
    """Emissions of the supplied heat [kg/kWh]; heat that plants sell replaces as much, as the
    ledger of substitution says."""
    level: HeatLevel = "medium"
    """How hot it is: `low` below 80, `medium` 80 to 120, `high` above 120 degree C. Methods take of
    it what they need at that level or below it."""
    demand: LayerName | None = None
    """Layer with what customers in each cell would take of the heat that plants supply [kWh/yr],
    summed by pool. The plan sells it at `costs.prices.heat`, which makes it cheaper and so counts
    in its goal, budget and costs; what nobody takes earns nothing."""
    demand_level: HeatLevel = "medium"
    """How hot customers want it: they take heat of that level and above."""

    @model_validator(mode="after")
    def _customers_in_a_pool(self) -> Self:
        shared = self.pools is not None or self.per == "region"
        if self.demand is not None and not shared:
            raise problem(
                f"customers without a pool of heat in reach of them; got demand: {self.demand}; "
                "expected pools, or a value per: region; cure: value: 0 kWh/yr, per: region",
                at="demand",
            )
        if self.demand is None and "demand_level" in self.chosen():
            raise problem(
                "a level of no demand; cure: give demand, or remove it", at="demand_level"
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _default_unlimited(cls, data: object) -> object:
        if isinstance(data, dict) and {"pools", "layer", "value"} & set(data):
            return {"unlimited": None, **data}
        return data


class Water(Supply):
    """Water, of a year or by month."""

    months: tuple[str, ...] | None = None
    """Columns of `pools` with the water of January to December, in place of `supply`; `unit` is
    then that of an amount, e.g. `Mm3`. A plan takes no more than there is in any month."""
    environmental_flow: Literal["variable"] | Fraction | None = None
    """What of the flow in `months` stays in the river: `variable` by the variable monthly flow
    method (60 % of a month up to 0.4 of the mean flow, 30 % of one above 0.8, 45 % between), or a
    share of the mean flow in every month. Nothing when not given: `months` is what may be taken."""
    used: tuple[str, ...] | None = None
    """Columns of `pools` with what others take from January to December, in the same unit."""
    profiles: dict[str, tuple[Annotated[float, Field(ge=0.0)], ...]] = Field(default_factory=dict)
    """Method -> weights of its need from January to December; others take alike in all months."""

    @property
    def by_month(self) -> tuple[str, ...]:
        """Columns of `pools` with the supply of each month; empty where it is that of a year."""
        return self.months or ()

    @model_validator(mode="after")
    def _twelve(self) -> Self:
        listed: list[tuple[str, Sequence[object] | None]] = [
            ("months", self.months), ("used", self.used)
        ]  # fmt: skip
        listed += [(f"profiles.{name}", one) for name, one in self.profiles.items()]
        for key, given in listed:
            if given is not None and len(given) != len(TWELVE):
                raise problem(
                    f"not twelve months; got {len(given)}; expected one for each of {TWELVE[0]} to "
                    f"{TWELVE[-1]}; cure: give all twelve, in this order",
                    at=key,
                )
        for name, weights in self.profiles.items():
            if not sum(weights) > 0:
                raise problem("no need in any month; expected weights above 0",
                              at=f"profiles.{name}")  # fmt: skip
        if self.months is None:
            for key in ("environmental_flow", "used", "profiles"):
                if getattr(self, key):
                    raise problem(
                        f"{key} belongs to water by month; cure: give months, or remove it", at=key
                    )
        elif self.supply is not None or self.pools is None:
            got = "supply" if self.supply is not None else "no pools"
            raise problem(
                f"months are columns of pools, in place of supply; got months with {got}; cure: "
                + ("remove one of the two" if self.supply is not None else "give pools: LAYER"),
                at="supply" if self.supply is not None else "pools",
            )
        return self

    def _check_unit(self) -> None:
        if self.months is None:
            super()._check_unit()
            return
        amount = self.canonical.removesuffix("/yr")
        try:
            fits = self.unit is None or same_dimension(self.unit, amount)  # None is refused alone
        except CdrsiteError as error:
            raise problem(str(error), at="unit") from error
        if not fits:
            raise problem(
                f"water of a month is an amount, not a rate; got {self.unit!r}; expected a unit "
                f"like {amount}; cure: write Mm3 where it is Mm3/yr, with amounts of each month "
                "(rule 4)",
                at="unit",
            )


TWELVE = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)


class Bulk(Supply):
    """Goods that trucks bring."""

    haul: Kilometres = 0.0
    """A plant may collect from cells within this distance of travel [km]; 0 is its own cell."""
    collectable: Fraction = 1.0
    """Share of what there is that may be taken."""
    kinds: dict[Name, str] | None = None
    """Columns of `pools` with the supply of each kind, in place of `supply`: `{straw: straw_t}`; or
    a layer of each kind, in place of `pools` and `layer`. Kinds have names of your own; a method
    takes those of its `biomass_kind`, or any."""

    @property
    def by_kind(self) -> dict[str, str]:
        """Kind -> column of `pools`, or layer, with its supply; empty where there are no kinds."""
        return self.kinds or {}

    @model_validator(mode="after")
    def _by_kind(self) -> Self:
        if self.kinds is not None and self.supply is not None:
            raise problem(
                f"kinds are columns of pools, in place of supply; got kinds "
                f"{', '.join(self.kinds)} with supply; cure: remove one of the two",
                at="kinds",
            )
        if self.kinds is not None and not self.kinds:
            raise problem("no kind; expected {KIND: COLUMN}, or supply: COLUMN", at="kinds")
        return self

    @property
    def hauls(self) -> bool:
        """Whether plants collect from cells around them."""
        return self.layer is not None and self.haul > 0

    @model_validator(mode="after")
    def _hauled(self) -> Self:
        if self.haul > 0 and self.by_kind:
            raise problem(
                "haul collects one kind of goods from around a plant; "
                f"got haul {self.haul:g} km with kinds {', '.join(self.by_kind)}; "
                "cure: remove haul, or offer the kinds by pools as wide as plants collect",
                at="haul",
            )
        if self.haul > 0 and (self.layer is None or self.share != "whole"):
            raise problem(
                "haul collects from a layer, and needs share: whole; "
                f"got haul {self.haul:g} km with share: {self.share}; "
                "cure: add share: whole, or remove haul",
                at="haul",
            )
        return self


def _offer(one: Resource) -> tuple[Any, Any]:
    """Type and default of a resource's key: none of it, or no limit, where nothing is said."""
    special: dict[str, type[Model]] = {made.__name__: made for made in (Power, Heat, Water)}
    kinds: dict[str, type[Model]] = {"flow": Supply, "energy": Energy, "bulk": Bulk}
    kinds |= {"land": Land, "storage": Storage}
    model = special.get(one.parameter.title(), kinds[one.kind])
    if issubclass(model, Supply):
        about = {"canonical": one.unit, "__doc__": one.meaning, "__module__": __name__}
        model = type(one.parameter.title(), (model,), about)
        globals()[model.__name__] = model  # where other processes look for it
    nothing: dict[str, Any] = {"unlimited": True} if one.free else {"value": 0.0}
    made = model() if one.kind == "land" else model(**nothing)
    return model, Field(made, description=f"{one.meaning.rstrip('.')} [{one.unit}].")


@with_fields({one.parameter: _offer(one) for one in RESOURCES.values()})
class Resources(Model):
    """What there is."""

    if TYPE_CHECKING:  # made from the records of the vocabulary; these are read by name
        land: Land = Land()
        power: Power = Power()
        heat: Heat = Heat()
        storage: Storage = Storage()

    @property
    def supplies(self) -> dict[str, Supply]:
        """Resources that are offered alike, by their name in the results."""
        return {one.name: getattr(self, one.parameter) for one in supplies()}

    @property
    def hauled(self) -> frozenset[str]:
        """Bulk goods that plants collect from cells around them, by their name in the results."""
        given = self.supplies.items()
        return frozenset(name for name, one in given if isinstance(one, Bulk) and one.hauls)


class MethodChoice(keys_of_methods()):  # type: ignore[misc]
    """A removal method of the library, as this scenario uses it."""

    profile: str | None = None
    """A profile of the method; its default when not given (`cdrsite methods NAME`)."""
    library: LocalPath | None = None
    """A method file of your own, in the library's format."""
    cost_basis: Basis | None = None
    """What its costs stand for, in place of `costs.basis`: `foak`, `2030` or `2050`."""
    world_capacity: Capacity | None = None
    """Capacity of such plants that the world has reached [t/yr], in place of a basis: costs follow
    from the method's learning table."""
    override: dict[str, float | str] = Field(default_factory=dict)
    """Parameters that replace the profile's, e.g. `electricity: 900 kWh`, `water: 2 m3`."""
    operation: Literal["constant", "seasonal"] = "constant"
    """`constant` makes as much in each month; `seasonal` runs in the months that pay, where
    `resources.water.months` says what water there is: its output of a month is at most a twelfth of
    its capacity. Capital, fixed operation and land are for the capacity."""
    usable_land: UsableLand | None = None
    """Which part of a cell's area this method can use, in place of `resources.land.usable`."""
    regions: one_or_many(LayerName) = ()  # type: ignore[valid-type]
    """Vector layers; the method is confined to where all of them are. Everywhere when empty."""
    gates: dict[str, BoundBy] | Literal[False] = Field(default_factory=dict)
    """What must hold of a place: layers of the gates of the method file by their names (false: not
    checked), and gates of your own; `gates: false` checks none of them."""

    @property
    def seasonal(self) -> bool:
        """Whether it runs in the months that pay."""
        return self.operation == "seasonal"

    @model_validator(mode="after")
    def _one_basis(self) -> Self:
        if self.cost_basis is not None and self.world_capacity is not None:
            raise problem(
                f"two bases of its costs; got cost_basis: {self.cost_basis} and world_capacity: "
                f"{self.world_capacity:g} t/yr; cure: remove one of the two",
                at="world_capacity",
            )
        return self
