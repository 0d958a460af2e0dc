"""Models of CO2 transport: cost model, cost surface, crossings, corridors and reach."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from cdrsite.config.siting import ExcludeRule
from cdrsite.core.fields import DataPath, Fraction, Kilometres, Metres, Model, problem, quantity
from cdrsite.core.layernames import LayerName, NamesLayer
from cdrsite.library.transport import load_transport_models

LEVELS = ("low", "central", "high")
"""Cheapest, median and dearest of the published models."""

Unknown = Literal["plain", "barrier"]
"""What a cell with an unknown value is: as if the rule were not there, or a barrier."""

Factor = quantity("1", above=0.0, maximum=1000.0)

IEAGHG_SLOPES = ((0.0, 1.0), (2.0, 1.0), (11.3, 1.3), (26.6, 1.5), (45.0, 2.0))
"""Slope [degree] -> factor. 1.3 and 1.5 are the terrain factors of IEA GHG for hilly (20 %) and
mountainous (50 %) ground; read as general knowledge, the ends are a continuation."""

POPULATION_STEPS = ((0.0, 1.0), (100.0, 1.0), (500.0, 1.5), (2000.0, 2.5), (5000.0, 5.0))
"""Density [person/km2] -> factor, up to the 5 of a known cost surface for dense towns; the
densities are general knowledge."""


def models_of(mode: str) -> tuple[str, ...]:
    """Names of the published cost models of a mode of transport."""
    return tuple(name for name, model in load_transport_models().items() if model.mode == mode)


def require_model(name: str, kind: str, known: tuple[str, ...]) -> str:
    """Refuse a name of a cost model that is none of those known."""
    if name not in known:
        raise problem(f"no such {kind} model; got {name!r}; expected {', '.join(known)}")
    return name


class FactorTable(Model):
    """A factor that depends on the value of a layer, straight between the points."""

    layer: LayerName
    """The layer that is read."""
    points: tuple[tuple[float, Factor], ...] = Field(min_length=1)  # type: ignore[valid-type]
    """[value, factor] pairs with rising values; flat beyond the ends."""
    unit: str | None = None
    """Unit of the values in `points`; the layer's own when not given."""
    unknown: Unknown = "plain"
    """What a cell without a value is."""

    @field_validator("points")
    @classmethod
    def _rising(cls, points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        values = [value for value, _ in points]
        if any(not b > a for a, b in pairwise(values)):
            raise problem(f"points need rising values; got {values}")
        return points


class SlopeTable(FactorTable):
    """Factor by slope."""

    layer: LayerName = "slope"
    """A slope layer; percent is converted."""
    points: tuple[tuple[float, Factor], ...] = IEAGHG_SLOPES  # type: ignore[valid-type]
    """[slope, factor] pairs [degree]."""
    unit: Literal["degree"] = "degree"
    """Slopes are in degrees."""


class PopulationTable(FactorTable):
    """Factor by population density."""

    layer: LayerName = "population"
    """People per cell, or a density."""
    points: tuple[tuple[float, Factor], ...] = POPULATION_STEPS  # type: ignore[valid-type]
    """[density, factor] pairs [person/km2]."""
    unit: Literal["person/km2"] = "person/km2"
    """Densities are per square kilometre."""


class Overlay(Model):
    """A factor on the part of each cell that features cover."""

    layer: LayerName
    """A vector layer."""
    where: str | None = None
    """Filter on the features."""
    buffer: Metres = 0.0
    """Grow the features by this distance [m]; lines have no area without it."""
    factor: Factor  # type: ignore[valid-type]
    """Factor on the covered part."""


class Corridor(Overlay):
    """Existing lines whose right of way a new line can share."""

    buffer: quantity("m", above=0.0) = 500.0  # type: ignore[valid-type]
    """Half of the width of the corridor [m]."""
    factor: quantity("1", above=0.0, maximum=1.0) = 0.75  # type: ignore[valid-type]
    """Factor on the cost inside."""


class Crossing(Model):
    """What each crossing of a line costs, on top of the length of the route.

    Paid where the straight line between two cells crosses it; routes and the network's corridors
    are the cheapest with it.
    """

    layer: LayerName
    """A layer of lines (or polygons: their outlines are crossed)."""
    where: str | None = None
    """Filter on the features."""
    adds: Kilometres | None = None
    """Plain onshore line that costs as much as one crossing [km]."""
    cost: quantity("USD/t", minimum=0.0) | None = None  # type: ignore[valid-type]
    """Cost of one crossing [USD/t]."""

    @model_validator(mode="after")
    def _one_cost(self) -> Self:
        if (self.adds is None) == (self.cost is None):
            raise problem(
                f"a crossing; got adds: {self.adds}, cost: {self.cost}; expected exactly one"
            )
        return self


class Avoid(Model):
    """A factor that keeps routes away and is not billed."""

    layer: LayerName
    """A vector layer (with `factor`) or a class layer (with `classes`)."""
    where: str | None = None
    """Filter on the features."""
    buffer: Metres = 0.0
    """Grow the features by this distance [m]."""
    factor: Factor | None = None  # type: ignore[valid-type]
    """Factor on the part of a cell that the features cover."""
    classes: dict[int | str, Factor] | None = None  # type: ignore[valid-type]
    """Factor of each class; 1 for classes not named."""
    unknown: Unknown = "plain"
    """What a cell without a class is."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.factor is None) == (self.classes is None):
            raise problem("avoid; expected exactly one of factor (features) and classes")
        if self.classes is not None and (self.where or self.buffer):
            raise problem("where or buffer; a class layer has no features; cure: remove it")
        return self


class SurfaceRules(Model):
    """How ground makes a kilometre of line dearer; nothing given means the same everywhere."""

    onshore: Factor = 1.0  # type: ignore[valid-type]
    """Factor on the cost model onshore."""
    offshore: Factor = 1.0  # type: ignore[valid-type]
    """Factor on the offshore cost model."""
    sea: ExcludeRule | None = None
    """Where the sea is, as a rule: classes of a layer, polygons, or a range (`below: 0 m`)."""
    factors: Annotated[dict[str, dict[int | str, Factor]], NamesLayer()] = Field(  # type: ignore[valid-type]
        default_factory=dict
    )
    """Class layer -> class -> factor; 1 for classes not named."""
    slope: SlopeTable | None = None
    """Factor by slope; `{}` takes the layer `slope` and the default table."""
    population: PopulationTable | None = None
    """Factor by population density; `{}` takes the layer `population` and the default table."""
    tables: tuple[FactorTable, ...] = ()
    """Factors by other layers."""
    unknown: Unknown = "plain"
    """What a cell with an unknown class in `factors` is."""
    crossings: tuple[Crossing, ...] = Field((), max_length=4)
    """Lines to cross."""
    corridors: tuple[Corridor, ...] = ()
    """Existing lines to follow; where several overlap the lowest factor counts."""
    barriers: tuple[ExcludeRule, ...] = ()
    """Where no line can go."""
    barrier_share: quantity("1", above=0.0, maximum=1.0) = 0.5  # type: ignore[valid-type]
    """A cell is closed when a barrier covers at least this share of it."""
    avoid: tuple[Avoid, ...] = ()
    """What steers routes but is not billed."""

    @field_validator("barriers", "sea")
    @classmethod
    def _local(cls, rules: Any, info: ValidationInfo) -> Any:
        for rule in rules if isinstance(rules, tuple) else filter(None, (rules,)):
            _local_rule(rule, str(info.field_name))
        return rules


class Roads(Model):
    """The road network that trucks use, in place of a detour on the pipeline's route."""

    layer: LayerName
    """A layer of lines."""
    where: str | None = None
    """Filter on the features."""
    off_road: quantity("1", minimum=1.0, maximum=100.0) = 3.0  # type: ignore[valid-type]
    """What a km without a road counts as, in km of road: a track to build; the default is general
    knowledge, between 1 and 10."""
    slope: SlopeTable | None = None
    """Factor by slope on the length that is paid; `{}` takes the layer `slope` and the default
    table, which is that of pipelines."""


class Ships(Model):
    """Ships between ports."""

    ports: LayerName
    """A layer of points."""
    where: str | None = None
    """Filter on the features."""
    name: str | None = None
    """Column with the names; numbers when not given."""
    arcs: DataPath | None = None
    """A table of sea ways with the columns `from`, `to` (names of ports) and `length_km`; the
    shortest ways over the sea of `surface.sea` when not given."""
    size: Literal["small", "large"] = "large"
    """Ships of 4 kt or 10 kt."""


def _local_rule(rule: ExcludeRule, key: str) -> None:
    if rule.test == "contiguity":
        raise problem(f"{key}: smaller_than is not a test of one place; cure: remove it")
    if rule.usable:
        raise problem(
            f"{key}: a route is barred or not; got usable: {rule.usable:g}; cure: remove it"
        )
    if rule.for_:
        raise problem(f"{key}: a pipeline knows no methods; got for: {rule.for_}; cure: remove it")


class Transport(Model):
    """CO2 transport from every cell to its best storage."""

    cost: quantity("USD/t", minimum=0.0) | None = None  # type: ignore[valid-type]
    """One cost for all places in place of routes [USD/t]."""
    model: str = "central"
    """Onshore cost model: `low`, `central` or `high` of the published ones, or one by name."""
    offshore_model: str = "ieaghg-offshore-2002"
    """Offshore cost model."""
    region: str | None = None
    """Region of the cost models that have regions."""
    flow: quantity("t/yr", above=0.0) = 1_000_000.0  # type: ignore[valid-type]
    """Flow the lines are designed for [t/yr]; a larger flow costs less per tonne."""
    utilisation: quantity("1", above=0.0, maximum=1.0) = 1.0  # type: ignore[valid-type]
    """Mean flow as a share of the flow a line is built for."""
    surface: SurfaceRules = SurfaceRules()
    """How ground makes a line dearer."""
    modes: tuple[Literal["pipeline", "truck", "ship"], ...] = Field(
        ("pipeline", "truck", "ship"), min_length=1
    )
    """How CO2 may travel, here and in the network; the cheapest is taken place by place. Ships need
    `ships`."""
    truck_detour: quantity("1", minimum=1.0, maximum=5.0) = 1.0  # type: ignore[valid-type]
    """Length of the road as a multiple of the pipeline's route, where `roads` are not given. Trucks
    keep to roads: the cost of ground that `surface` gives is not theirs."""
    roads: Roads | None = None
    """The roads of trucks."""
    ships: Ships | None = None
    """Ports and sea ways of ships."""
    sinks_per_cell: int = Field(3, ge=1, le=16)
    """Cheapest storage units kept for each cell."""
    neighbours: Literal[8, 16, 40] = 16
    """Directions of a step: 40 are within 0.8 % of the true distance, 16 within 2.8, 8 in 8.3."""
    reach: quantity("km", above=0.0) | None = None  # type: ignore[valid-type]
    """Longest route [km]; unlimited when not given."""
    max_cost: quantity("USD/t", above=0.0) | None = None  # type: ignore[valid-type]
    """Dearest route [USD/t]; unlimited when not given."""
    leakage: Fraction = 0.0005
    """Share of the CO2 lost over 100 km; the default is general knowledge."""

    @field_validator("model", "offshore_model")
    @classmethod
    def _known_model(cls, name: str, info: ValidationInfo) -> str:
        if info.field_name == "model":
            return require_model(
                name, "onshore-pipeline", (*LEVELS, *models_of("onshore-pipeline"))
            )
        return require_model(name, "offshore-pipeline", models_of("offshore-pipeline"))

    @field_validator("modes")
    @classmethod
    def _each_once(cls, modes: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(modes)) < len(modes):
            raise problem(f"a mode is named twice; got {', '.join(modes)}; cure: name each once")
        return modes

    @model_validator(mode="after")
    def _ways_given(self) -> Self:
        if "ship" in self.modes and "modes" in self.chosen() and self.ships is None:
            text = "ships have no ports; cure: give transport.ships.ports, or leave ship out"
            raise problem(text, at="modes")
        if set(self.modes) == {"ship"}:
            text = "ships alone reach nothing on land; cure: add pipeline or truck"
            raise problem(text, at="modes")
        if self.ships is not None and self.ships.arcs is None and self.surface.sea is None:
            text = "nobody says where the sea is; cure: give transport.surface.sea, or ships.arcs"
            raise problem(text, at="ships")
        if self.roads is not None and "truck_detour" in self.chosen():
            text = "roads have their own length; cure: leave truck_detour out"
            raise problem(text, at="truck_detour")
        return self

    @field_validator("region")
    @classmethod
    def _known_region(cls, region: str | None) -> str | None:
        regions = {name for m in load_transport_models().values() for name in m.regions}
        if region is not None and region not in regions:
            raise problem(f"no such region; got {region!r}; expected {', '.join(sorted(regions))}")
        return region
