"""The nouns of the program, one record each: amounts, resources, the variables of a result.

Costs, scoring, competition, tables, legends, pages and words loop over these records. What a record
does not say is in the word tables (:mod:`cdrsite.core.words`) under its name: ``resource.water``.

One module: variables are named after resources, and resources are told in amounts.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cdrsite.core.errors import ConfigError
from cdrsite.core.numbers import number
from cdrsite.core.states import EXCLUDED, NET_NOT_POSITIVE, NONE_PLANNED, OUTSIDE, PLANNED, UNKNOWN
from cdrsite.core.words import LANGUAGES, Words, load_words

Scale = tuple[float, str]
"""How much a unit is of the canonical one, and the unit (key ``unit.NAME`` of the words)."""


@dataclass(frozen=True, slots=True)
class Amount:
    """The units in which people read amounts of one canonical unit, the same everywhere.

    Attributes
    ----------
    total : Scale
        Of a region, a pool, a storage unit, a rule.
    place : Scale
        Of a cell or a site.
    priced : Scale
        How much of it a price is for.
    """

    total: Scale
    place: Scale
    priced: Scale

    def of(self, value: float) -> Scale:
        """The unit in which this amount has few digits: that of a place below one of a total."""
        shown = abs(float(f"{value:.2e}"))  # 999 999 t is 1.00 Mt
        return self.total if shown >= self.total[0] else self.place


AMOUNTS: dict[str, Amount] = {
    "t/yr": Amount((1e6, "Mt/yr"), (1.0, "t/yr"), (1.0, "t")),
    "m3/yr": Amount((1e6, "Mm3/yr"), (1.0, "m3/yr"), (1e3, "1000 m3")),
    "kWh/yr": Amount((1e9, "TWh/yr"), (1e6, "GWh/yr"), (1e3, "MWh")),
    "m2": Amount((1e6, "km2"), (1e6, "km2"), (1e4, "ha")),
    "t": Amount((1e6, "Mt"), (1.0, "t"), (1.0, "t")),
    "USD": Amount((1e6, "MUSD"), (1.0, "USD"), (1e3, "1000 USD")),
    "USD/yr": Amount((1e6, "MUSD/yr"), (1.0, "USD/yr"), (1e3, "1000 USD")),
}
"""Canonical unit (rule 4) -> how people read it; an amount of another unit is told in its own."""


def amount(unit: str) -> Amount:
    """Units for people of amounts in a canonical unit."""
    own = (1.0, unit)
    return AMOUNTS.get(unit) or Amount(own, own, (1.0, unit.removesuffix("/yr")))


def priced(per: str) -> Scale:
    """How much a price is for, of what one costs: ``(1e3, "MWh")`` for ``kWh``."""
    return amount(per if per in AMOUNTS else f"{per}/yr").priced


def part_in_words(part: str, words: Words) -> str:
    """A part of the cost: that of a resource is called as it."""
    key = f"why.part.{part}"
    resource = next((one.name for one in RESOURCES.values() if one.part == part), part)
    return words(key) if words.has(key) else words.resource(resource)


def price_in_words(unit: str, words: Words | None = None) -> Scale:
    """How a price of the competition is told: 1000 and ``t per 1 000 m³`` for ``t per m3``."""
    words = words or Words()
    paid, _, per = unit.partition(" per ")
    factor, name = priced(per)
    return factor, words("price.per", paid=words.unit(paid), per=words.unit(name))


def sized(value: float, unit: str) -> str:
    """An amount in words: ``8.65 Mt/yr`` for 8 650 123 t/yr, ``0.4 GWh/yr`` for 400 000 kWh/yr."""
    size, name = amount(unit).of(value)
    return f"{number(value / size)} {Words().unit(name)}".rstrip()


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that methods compete for.

    Attributes
    ----------
    name : str
        In results; ``resource.NAME`` of the words.
    kind : {'land', 'flow', 'energy', 'bulk', 'storage'}
        How it is offered: `flow` by pools, a layer or a value; `energy` also as a power with a
        capacity factor; `bulk` goods may be collected from around a plant.
    unit : str
        Canonical unit of its supply (rule 4).
    colour : str
        On maps and in charts, "#RRGGBB".
    needs : tuple of str
        Parameters of a method that add up to the need of a gross tonne.
    signed : bool
        Whether a need below 0 has a meaning: the method supplies it.
    meaning : str
        One line for the reference of the scenario.
    key : str
        Below ``resources`` in a scenario; its name when empty.
    price : (unit, value), optional
        Canonical unit of its price, and the price when a scenario gives none (None: the method's
        own, a parameter ``NAME_price``). A resource without it costs what its routes do.
    price_shown : Scale
        How much of the canonical unit the price is shown for, and the unit.
    cost : str
        Part of the cost that its price makes (:func:`cdrsite.methods.cost.gross_cost_terms`), where
        it is not called as the resource.
    free : bool
        Whether it never limits where a scenario says nothing of it; else there is none.
    rows : dict of str to str
        Families of the table of pools and their colours, where not its own.
    where : str
        What a cell's own supply is called, where plants collect from around them.
    """

    name: str
    kind: Literal["land", "flow", "energy", "bulk", "storage"]
    unit: str
    colour: str
    needs: tuple[str, ...]
    meaning: str
    key: str = ""
    price: tuple[str, float | None] | None = None
    price_shown: Scale = (1.0, "")
    cost: str = ""
    free: bool = True
    rows: tuple[tuple[str, str], ...] = ()
    where: str = "found in the cell itself"
    signed: bool = False

    @property
    def own_price(self) -> str:
        """Parameter with the price that each method has of its own; empty where there is one."""
        return f"{self.name}_price" if self.price and self.price[1] is None else ""

    @property
    def parameter(self) -> str:
        """Key below ``resources`` and in the words of a scenario."""
        return self.key or self.name

    @property
    def part(self) -> str:
        """Part of the cost that its price makes."""
        return self.cost or self.name

    @property
    def families(self) -> dict[str, str]:
        """Families of the table of pools that are about it -> colour."""
        return dict(self.rows) or {self.name: self.colour}

    @property
    def need_unit(self) -> str:
        """Unit of what a gross tonne needs of it, as a parameter of a method: ``kWh/t``."""
        return f"{self.unit}/(t/yr)" if self.per == self.unit else f"{self.per}/t"

    @property
    def per(self) -> str:
        """What a need of it is counted in, per tonne: ``kWh`` for ``kWh/yr``."""
        return self.unit.removesuffix("/yr")


RESOURCES: dict[str, Resource] = {
    one.name: one
    for one in (
        Resource(
            "land", "land", "m2", "#8C6D31", ("land_direct", "land_feedstock"),
            "Which part of a cell's area can be used at all.",
            price=("USD/m2/yr", 0.02), price_shown=(1e4, "USD/ha/yr"),
        ),
        Resource(
            "water", "flow", "m3/yr", "#0072B2", ("water",),
            "Water that may be consumed on top of today's use.",
            price=("USD/m3", 1.0), price_shown=(1.0, "USD/m3"), signed=True,
        ),
        Resource(
            "electricity", "energy", "kWh/yr", "#F0E442", ("electricity",),
            "Clean electricity, with the emissions of making it.", key="power",
            price=("USD/kWh", 0.06), price_shown=(1e3, "USD/MWh"), signed=True,
        ),
        Resource(
            "heat", "energy", "kWh/yr", "#D55E00", ("heat",),
            "Heat of others, at a level; fuel that is burnt on the site is none of it.",
            price=("USD/kWh", 0.03), price_shown=(1e3, "USD/MWh"), signed=True,
            rows=(
                ("heat", "#D55E00"),
                ("heat above 80 degree C", "#E69F00"),
                ("heat above 120 degree C", "#A33B00"),
            ),
        ),
        Resource(
            "biomass", "bulk", "t/yr", "#009E73", ("biomass",),
            "Collectable biomass, dry.",
            price=("USD/t", None), price_shown=(1.0, "USD/t"), cost="feedstock", free=False,
            where="that grows in the cell itself",
        ),
        Resource(
            "storage", "storage", "t/yr", "#6A3D9A", ("storage",),
            "Geological storage of CO2.",
            rows=(("injectivity", "#6A3D9A"), ("pore space", "#CAB2D6")),
        ),
        Resource(
            "cropland_slot", "flow", "m2", "#B2DF8A", ("cropland_slot",),
            "Fields that may take a full dose of what is spread on them in a year: methods that "
            "share a field share its dose.",
        ),
        Resource(
            "rock", "bulk", "t/yr", "#7A5C3E", ("rock",), "Ground silicate rock of quarries, dry.",
            price=("USD/t", None), price_shown=(1.0, "USD/t"), where="quarried in the cell itself",
        ),
        *(
            Resource(
                name, "bulk", "t/yr", colour, (name,), meaning, free=False,
                where="that arises in the cell itself",
            )
            for name, colour, meaning in (
                ("slag", "#A65628", "Steel slag, dry."),
                ("carbide_slag", "#CC79A7", "Carbide slag, dry."),
                ("gypsum", "#B3B12A", "Gypsum of flue-gas cleaning, dry."),
                ("ash", "#7F6A9B", "Fly ash, dry."),
            )
        ),
    )
}  # fmt: skip
"""By name, in the order of their codes in the maps; at a tie the first one limits."""

HEAT_FAMILIES = dict(zip(("low", "medium", "high"), RESOURCES["heat"].families, strict=True))
"""Level of heat -> row of a pool about heat of that level and above, where it has several."""

INJECTIVITY, PORE_SPACE = RESOURCES["storage"].families
"""Names of the storage rows: yearly injection, and capacity over the project's life."""


def register_resource(resource: Resource, words: Mapping[str, Mapping[str, str]]) -> None:
    """Add a resource of one's own, before the first method file or scenario is read.

    Parameters
    ----------
    resource : Resource
        Of kind `flow`, `energy` or `bulk`: offered by pools, a layer or a value.
    words : mapping of str to mapping
        Language -> key -> text: at least ``resource.NAME``, and ``param.NEED`` of its needs.

    Raises
    ------
    ConfigError
        A name that is taken, a language without its words, or scenarios have their keys already.
    """
    name, wanted = resource.name, {f"resource.{resource.name}"}
    wanted |= {f"param.{need}" for need in resource.needs}
    missing = [
        f"{lang}: {key}" for lang in LANGUAGES for key in wanted - words.get(lang, {}).keys()
    ]
    if name in RESOURCES or missing or "cdrsite.library.parameters" in sys.modules:
        late = name not in RESOURCES and not missing
        raise ConfigError(
            "too late to register a resource" if late else "not a new resource with its words",
            where=name,
            got="scenarios and method files have their keys" if late else f"no {sorted(missing)}",
            expected=f"a name that is none of {', '.join(RESOURCES)}, and words in each language",
            cure="register it before anything else is imported" if late else "give the words",
        )
    RESOURCES[name] = resource
    for lang in LANGUAGES:
        load_words(lang).update(words[lang])


def supplies() -> list[Resource]:
    """Resources that are offered alike, by pools, layers or values: not land, nor storage."""
    return [one for one in RESOURCES.values() if one.kind not in {"land", "storage"}]


def code(resource: str) -> int:
    """Code of a resource in the limiting-resource rasters."""
    return list(RESOURCES).index(resource)


def families() -> dict[str, str]:
    """Families of the table of pools -> colour, in the order of a report; policy rules follow."""
    return {
        family: colour
        for one in RESOURCES.values()
        if one.kind != "land"
        for family, colour in one.families.items()
    }


def resource_of(family: str) -> str:
    """The resource that a family of the table of pools is about; itself for rules of policy."""
    return next((one.name for one in RESOURCES.values() if family in one.families), family)


# ---------------------------------------------------------------- variables of a result


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a result.

    Attributes
    ----------
    name : str
        In the dataset and the names of files.
    unit : str
        Canonical; "objective" stands for the unit of the goal.
    meaning : str
        Its ``long_name``.
    of : {'method', 'all', 'rank', 'milestone', 'each', 'evidence'}
        Each method has its own, or all share it; or each route to storage, the cheapest first,
        each milestone, or each method at each milestone; evidence explains cells.
    codes : str
        What its codes are, where it has codes.
    colours : str
        matplotlib colour map, from light for little to dark for much.
    scale : str
        The variable whose classes it shares on every map, where not its own.
    per_cell : bool
        Whether it is a total of a cell, not a value at a place.
    own_zero : bool
        Whether zero is a statement of its own, with a colour of its own.
    diverging : bool
        Whether its sign matters: the colours turn at zero.
    with_state : bool
        Whether the map ``state`` says why a number is missing; ``limit`` and ``method_state`` do so
        for those of one method.
    raster : bool
        Whether it is written as a raster.
    """

    name: str
    unit: str
    meaning: str
    of: Literal["method", "all", "rank", "milestone", "each", "evidence"] = "method"
    codes: str = ""
    colours: str = "viridis_r"
    scale: str = ""
    per_cell: bool = False
    own_zero: bool = False
    diverging: bool = False
    with_state: bool = False
    raster: bool = True

    def unit_for(self, goal: str) -> str:
        """Its unit where ``goal`` is that of the objective, for example "t/yr"."""
        return self.unit.replace("objective", goal.removesuffix("/yr"))

    @property
    def file(self) -> str:
        """Stem of its files, ``METHOD`` for the method, ``RANK`` or ``YEAR`` for those."""
        if self.of == "all":
            return self.name
        ends = {"rank": "RANK", "milestone": "YEAR", "each": "METHOD_YEAR"}
        return f"{self.name}_{ends.get(self.of, 'METHOD')}"

    @property
    def lead(self) -> tuple[str, ...]:
        """Dimensions before those of the grid, where it has any."""
        many = ("removal_method", "milestone") if self.of == "each" else ("removal_method",)
        return (self.of,) if self.of in {"rank", "milestone"} else many


def _shared(name: str, unit: str, meaning: str, codes: str = "", **more: Any) -> Variable:
    return Variable(name, unit, meaning, "all", codes, **more)


def _evidence(name: str, unit: str, meaning: str) -> Variable:
    return Variable(name, unit, meaning, "evidence", raster=False)


_TOTAL: dict[str, Any] = {"per_cell": True, "own_zero": True}

VARIABLES: dict[str, Variable] = {
    one.name: one
    for one in (
        Variable("equal_share", "t/yr", "gross CO2 with equal shares", **_TOTAL),
        Variable("limit", "", "limiting resource",
                 codes="the resource that runs out first with equal shares, or the state"),
        Variable(
            "net_factor", "t/t", "net removal per gross tonne", colours="PuOr", diverging=True
        ),
        Variable("cost", "USD/t", "levelised cost per net tonne", colours="magma_r"),
        Variable("score", "t/yr", "suitability x net removal", scale="equal_share", **_TOTAL),
        Variable("suitability", "1", "suitability", colours="YlGn"),
        Variable("available", "1", "share of the cell left by the exclusions", colours="Greens"),
        Variable("allocated", "t/yr", "gross CO2 in the plan", scale="net_removal", **_TOTAL),
        Variable("capacity", "t/yr", "what plants are built for", scale="net_removal", **_TOTAL),
        _shared(
            "winner", "", "method with the most net removal",
            "the method with the most net removal in the plan, or the state",
        ),
        _shared(
            "interchangeable", "",
            "whether the plan's tonnes could as well be in another such cell",
            "whether tonnes could as well be in another such cell, or the state",
        ),
        _shared(
            "binding", "", "what stops the cell",
            "what stops the cell from removing more in the plan, or the state",
        ),
        _shared(
            "net_removal", "t/yr", "net removal in the plan, all methods",
            own_zero=True, with_state=True,
        ),
        _shared(
            "state", "", "whether the plan removes anything, and why there is no number",
            "what the plan does there, or why its files have no number",
        ),
        Variable(
            "method_state", "", "whether the plan uses it, and why there is no number",
            codes="the same for one method",
        ),
        _shared(
            "plan_cost", "USD/t", "cost of the plan per net tonne, all methods",
            colours="magma_r", with_state=True,
        ),
        Variable(
            "reach", "1", "share of the samples in which it is in the plan or near to paying",
        ),
        Variable("probability", "1", "share of the samples in whose plan it is"),
        _shared(
            "probability_any", "1", "share of the samples in whose plan any method is",
        ),
        _shared(
            "winner_likely", "", "method with the most net removal in the most samples",
            "the method that has the most net removal in more samples than any other, or the state",
        ),
        _shared(
            "winner_share", "1", "share of the samples in which that method has the most",
        ),
        *(
            _shared(
                f"removal_p{level}", "t/yr",
                f"net removal that {int(level)} % of the samples do not exceed, all methods",
                scale="net_removal", own_zero=True,
            )
            for level in ("05", "50", "95")
        ),
        *(
            _shared(
                f"plan_cost_p{level}", "USD/t",
                f"cost per net tonne that {int(level)} % of the samples that use the cell do not "
                "exceed",
                colours="magma_r", scale="plan_cost",
            )
            for level in ("05", "50", "95")
        ),
        _shared(
            "transport_cost", "USD/t", "transport of CO2 to the cheapest storage unit",
            colours="magma_r",
        ),
        _shared(
            "transport_km", "km", "length of the route to the cheapest storage unit",
            colours="cividis_r",
        ),
        _shared("transport_mode", "", "how CO2 travels to the cheapest storage unit"),
        Variable(
            "ranked_transport_cost", "USD/t", "transport of CO2 to the storage unit of this rank",
            "rank", colours="magma_r", scale="transport_cost",
        ),
        Variable(
            "ranked_transport_km", "km", "length of the route to the storage unit of this rank",
            "rank", colours="cividis_r", scale="transport_km",
        ),
        Variable("ranked_storage", "", "storage unit of this rank, the cheapest first", "rank"),
        Variable(
            "net_removal_at", "t/yr", "net removal in the plan at this milestone, all methods",
            "milestone", scale="net_removal", with_state=True, **_TOTAL,
        ),
        Variable(
            "winner_at", "", "method with the most net removal at this milestone", "milestone",
            "the method with the most net removal at this milestone, or the state",
        ),
        Variable(
            "allocated_at", "t/yr", "gross CO2 in the plan at this milestone", "each",
            scale="net_removal", **_TOTAL,
        ),
        Variable(
            "build_year", "", "milestone for which most of it is built",
            codes="the milestone for which most of the method is built there, or the state",
        ),
        _shared(
            "line_cost", "USD/t/km", "cost of a line, without crossings; none where it cannot go",
            colours="magma_r",
        ),
        _shared("exclusion_reasons", "", "exclusion rules that hit"),
        Variable(
            "shortfall", "objective/t", "what a gross tonne lacks to be chosen", "evidence",
            colours="magma_r",
        ),
        _evidence("sink", "", "storage unit that the plan would use"),
        _evidence("sink_cost", "USD/t", "transport and storage of CO2 at that unit"),
        _evidence("sink_loss", "1", "share of the CO2 lost on the way to that unit"),
        _evidence("earned_here", "USD/t", "credits of a gross tonne by its place or storage unit"),
        _evidence("usable_land", "m2", "land that the method may use"),
        _evidence("need_land", "m2/(t/yr)", "land that a gross tonne a year needs"),
        _evidence("net_at_plant", "t/t", "net removal per gross tonne before transport"),
        _evidence("cost_at_plant", "USD/t", "cost per gross tonne before transport and storage"),
        _evidence("energy_emissions", "t/t", "emissions of power and heat per gross tonne"),
        _evidence(
            "grid_emissions", "t/t",
            "emissions of power per gross tonne, at the scenario's own intensity",
        ),
        _evidence("place_emissions", "t/t", "other emissions of the place, per gross tonne"),
        _evidence(
            "emissions_of_place", "kg/t", "emissions that the scenario gives, per gross tonne"
        ),
        _evidence(
            "replaced_emissions", "t/t", "emissions that supplied power replaces, per gross tonne"
        ),
        _evidence("avoided_emissions", "t/t", "emissions that stop, per gross tonne"),
        _evidence("stored_share", "1", "CO2 brought to storage per gross tonne"),
        _evidence("buffer", "1", "share of the net tonnes that is not credited"),
        _evidence("fossil_cocaptured", "t/t", "fossil CO2 captured along, per gross tonne"),
        _evidence("exclusive_share", "1", "share of its land that blocks other uses"),
        _evidence(
            "land_price", "objective/m2", "gain of the plan from one more m2 of the cell's land"
        ),
    )
}  # fmt: skip
"""Variables by name; those of one resource or layer follow from its name (:func:`variable`)."""


def variable(name: str) -> Variable:
    """The record of a variable, also of one that belongs to a resource or a layer.

    ``supply_water``, ``local_biomass``, ``haul_biomass``, ``need_heat``, ``pool_water``,
    ``zone_provinces``; any other name has a record without unit whose meaning is the name.
    """
    kind, _, what = name.partition("_")
    if name in VARIABLES or kind not in {
        *("cost", "zone", "pool", "local", "haul", "supply", "need"),
    }:
        return VARIABLES.get(name, _shared(name, "", name))
    one = RESOURCES.get(what)
    unit, where = ("", "found in the cell itself") if one is None else (one.unit, one.where)
    pool = "cheapest storage unit" if one and one.kind == "storage" else f"pool of {what}"
    return {
        "cost": _evidence(name, "USD/t", f"cost per gross tonne: {what.replace('_', ' ')}"),
        "zone": _shared(name, "", f"zone of {what}"),
        "pool": _shared(name, "", pool),
        "local": _shared(name, unit, f"{what} {where}"),
        "haul": _shared(name, "km", f"mean haul of {what} to the cell", colours="cividis_r"),
        "supply": _shared(name, unit, f"{what} offered"),
        "need": _evidence(name, f"{unit.removesuffix('/yr')}/t", f"need of {what} per gross tonne"),
    }[kind]


# ---------------------------------------------------------------- what codes stand for

OUTSIDE_NAME = "outside the region"


def limit_names() -> dict[int, str]:
    """Code in the limiting-resource rasters -> name."""
    return {
        **dict(enumerate(RESOURCES)),
        NET_NOT_POSITIVE: "net factor not positive",
        UNKNOWN: "unknown",
        EXCLUDED: "excluded",
        OUTSIDE: OUTSIDE_NAME,
    }


STATE_NAMES: dict[int, str] = {
    NONE_PLANNED: "none in the plan",
    PLANNED: "in the plan",
    UNKNOWN: "unknown",
    EXCLUDED: "excluded",
    OUTSIDE: OUTSIDE_NAME,
}
"""Code in the maps of states -> name; a quantity of the plan is a number where it is one of the
first two: above 0, or a true zero (rule 2)."""

PLAN_STATES = (UNKNOWN, EXCLUDED)
"""States that the maps of the plan tell apart where no method is possible."""

INTERCHANGEABLE = ("cell certain", "tonnes certain but not the cell")
"""Names in the map of cells that could change places at no loss."""

NO_METHOD = "no method"
"""Name in the map of winning methods where the plan uses none though one is possible."""

MODES = ("pipeline", "truck", "ship")
"""How CO2 may travel; a mode's code on maps is its place."""
