"""The scenario: everything a run needs to know, checked and frozen.

One module: the scenario, its parts that are of no other module, and what names each other in them.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from cdrsite.config.competition import ObjectiveModel, PolicyRule
from cdrsite.config.emitters import CapturingPlants, emitter_problems
from cdrsite.config.inmemory import kept, kept_change, refuse_memory
from cdrsite.config.layers import LAYER_NAME, Layer
from cdrsite.config.mapping import context_of, plain, set_value, yaml_text
from cdrsite.config.milestones import Milestones
from cdrsite.config.misfits import misfits, nearest
from cdrsite.config.network import Network
from cdrsite.config.operation import operation_problems
from cdrsite.config.prices import price, price_by_kind
from cdrsite.config.resources import MethodChoice, Resources
from cdrsite.config.screening import ScreeningSection
from cdrsite.config.siting import Siting
from cdrsite.config.standing import StandingPlants, standing_problems
from cdrsite.config.transport import Transport
from cdrsite.config.uncertainty import Uncertainty
from cdrsite.core.checked import KeyPath, checked
from cdrsite.core.errors import shown
from cdrsite.core.fields import (
    DEFAULT_BASE_YEAR,
    DataPath,
    Fraction,
    Kilometres,
    Model,
    Number,
    Years,
    at_home,
    exactly_one,
    one_or_many,
    parser,
    problem,
    problems,
    quantity,
    refuse_outside,
    with_fields,
)
from cdrsite.core.layernames import LayerName, layer_names
from cdrsite.core.vocabulary import RESOURCES, Resource
from cdrsite.library.learning import Basis


class Region(Model):
    """The place under study."""

    boundary: DataPath | None = None
    """Polygons; everything outside them is outside the region."""
    layer: str | None = None
    """Layer inside the boundary file."""
    where: str | None = None
    """Filter on the boundary's features, e.g. `name_1 == 'Gansu'`."""
    encoding: str | None = None
    """Encoding of the text of a Shapefile that does not say it, e.g. `GBK`."""
    bounds: tuple[Number, Number, Number, Number] | None = None
    """West, south, east, north, in place of a boundary; over the 180th meridian west > east."""
    crs: str = "EPSG:4326"
    """Coordinate system of `bounds`, or of a boundary whose file names none or a wrong one."""

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        exactly_one(self, ("boundary", "bounds"), "one region")
        if self.bounds is not None:
            west, south, east, north = self.bounds
            over_the_seam = self.crs == "EPSG:4326" and 180 >= west > 0 > east >= -180
            if not ((west < east or over_the_seam) and south < north):
                raise problem(
                    f"empty region; got {list(self.bounds)}; expected west < east and south < "
                    "north (west > east only over the 180th meridian, e.g. [177, -20, -178, -15])"
                )
            lonlat = west >= -360 and east <= 360 and south >= -90 and north <= 90
            if self.crs == "EPSG:4326" and not lonlat:
                raise problem(
                    f"bounds are no longitudes and latitudes; got {list(self.bounds)}; expected "
                    "degrees; cure: name the coordinate system of the bounds, e.g. crs: EPSG:3035"
                )
            if self.crs == "EPSG:4326" and east - west > 360:
                raise problem(
                    f"more than once around the globe; got {list(self.bounds)}; expected at most "
                    "360 degrees from west to east; cure: -180 and 180"
                )
        return self


def _margin(value: object, info: ValidationInfo) -> object:
    return value if value == "auto" else parser("m", minimum=0.0)(value, info)


_MARGIN = {"type": "string", "description": "a number with a unit convertible to m, or auto"}
Margin = Annotated[
    float | Literal["auto"],
    BeforeValidator(_margin),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, _MARGIN]}),
]


class GridModel(Model):
    """The one grid of the analysis (rule 1)."""

    crs: str = "auto"
    """`auto` chooses an equal-area system for the region; otherwise e.g. EPSG:3035."""
    resolution: float | str = "1 km"
    """Cell size: text with a unit, or a bare number in units of the CRS (metres, or degrees)."""
    snap: tuple[Number, Number] | Literal["region"] = (0.0, 0.0)
    """A point that cell corners fall on; `region` starts at the region's own north-west corner."""
    margin: Margin = 0.0
    """The grid reaches this far beyond the region [m], so that storage, roads and routes outside
    are reached; nothing there is used or counted. `auto`: to every storage unit that may be used
    and lies within `transport.reach` of the region, or without a reach to the nearest ones, as many
    as `transport.sinks_per_cell`; and a tenth of the way, at least two cells, beyond."""
    rasterise: Literal["centre", "coverage"] = "coverage"
    """Polygons count by exact covered fraction, or by cell centre."""
    max_cells: int = Field(100_000_000, gt=0)
    """A grid of more cells is refused, so that a typing error does not fill the machine."""


def _price(one: Resource) -> tuple[Any, Any]:
    """Type and default of a resource's price."""
    unit, default = one.price or ("", None)
    if default is not None:
        return price(unit, default), Field(default, description=f"Of {one.name} [{unit}].")
    text = (
        f"Of {one.name} [{unit}]: one price, or one by kind, as `{{residue: 60, crop: 90}}`; each "
        f"method's own `{one.name}_price` for kinds and methods without one."
    )
    return price_by_kind(unit), Field(None, description=text)


@with_fields({one.name: _price(one) for one in RESOURCES.values() if one.price})
class Prices(Model):
    """What resources cost, in USD of the base year: a price, or `{value: ..., factor: 0.8}`."""

    def of(self, resource: str) -> float:
        """Price of a resource [its canonical unit]; 0 where each method has its own."""
        given = getattr(self, resource)
        return given if isinstance(given, float) else 0.0


class Costs(Model):
    """How money is counted."""

    base_year: int = Field(DEFAULT_BASE_YEAR, ge=2000, le=2025)
    """Year of the US dollars of all results."""
    discount_rate: quantity("1", minimum=0.0, maximum=1.0) = 0.07  # type: ignore[valid-type]
    """Real discount rate [1/yr]."""
    basis: Basis | None = None
    """What the costs of all methods with a learning table stand for: `foak`, the first plant of its
    kind, or a projection for `2030` or `2050`; each profile's own `cost_basis` when not given."""
    prices: Prices = Prices()
    """Prices of resources."""


class Accounting(Model):
    """What counts as removed."""

    forest_years: Years | None = None
    """Years over which the uptake of a new forest is averaged [yr]; the library's
    `accounting_years` of each method when not given."""
    retention_years: Years = 100.0
    """Horizon of the expected retention that is reported beside the tonnes [yr]."""
    buffer: Fraction | None = None
    """Share of credits withheld; the library's value of each method when not given."""
    gwp: Literal[100, 20] = 100
    """Years over which methane and nitrous oxide are compared with CO2 [yr]."""


class Admin(Model):
    """Administrative units that totals are given for."""

    layer: LayerName
    """A polygon layer."""
    name: str | None = None
    """Column with the units' names."""


class Zones(Model):
    """Zones that values of layers are told for; cells at an edge count by their exact share."""

    layer: LayerName | None = None
    """A polygon layer; polygons that overlap count in both."""
    name: str | None = None
    """Column with the zones' names."""
    side: int | None = Field(None, ge=1)
    """Squares of this many cells a side, in place of a layer."""
    values: one_or_many(LayerName) = ()  # type: ignore[valid-type]
    """Layers: areas of classes, means by area, sums of amounts; of all land and of what each method
    may use."""

    @model_validator(mode="after")
    def _which(self) -> Self:
        exactly_one(self, ("layer", "side"), "zones are polygons or squares")
        if self.side is not None and self.name is not None:
            raise problem("squares have no column of names; cure: remove it", at="name")
        return self


class Outputs(Model):
    """What a run writes."""

    folder: Path | None = None
    """Where, relative to the scenario file; `--out` wins. Otherwise `runs/NAME` where you are."""
    sites: int = Field(50, ge=0, le=100_000)
    """Ranked sites per method in the table: those of the plan, then alternatives."""
    site_distance: Kilometres = 5.0
    """Alternatives are at least this far from all better sites of their method; where no plant is
    needed, a site is the ground within half of it [km]."""
    admin: Admin | None = None
    """Provinces, or other units, that totals are given for; a cell counts where its centre lies."""
    every_route: bool = False
    """Maps of every route to storage that is kept (`transport.sinks_per_cell`), the cheapest first:
    cost, length and storage unit of each rank; and what a km of line costs in each cell."""
    zones: Zones | None = None
    """Zones that values of layers are told for, in the table `zones`."""
    compression: Literal["deflate", "zstd"] = "deflate"
    """Deflate opens everywhere; zstd is smaller and faster."""

    @field_validator("folder")
    @classmethod
    def _inside(cls, folder: Path | None, info: ValidationInfo) -> Path | None:
        if folder is not None:
            start = (info.context or {}).get("scenario_folder", Path())
            refuse_outside(start / folder, folder, info)
        return folder


PARTS_WITH_LAYERS = (
    "siting", "resources", "transport", "network", "policies", "objective", "screening",
    "outputs", "methods", "layers", "uncertainty", "emitters", "standing",
)  # fmt: skip
"""Parts of a scenario that name layers, in the order in which their keys are told."""


class Scenario(Model):
    """A siting study."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    """Short name; the run's folder is called after it."""
    title: str = ""
    """One line for the reader of the results."""
    data_folder: Path = Field(Path(), validate_default=True)
    """Where relative paths start; itself relative to the scenario file."""
    confine_paths: bool = False
    """Refuse paths, of inputs and outputs, that climb out of the scenario's folder."""
    allow_remote: bool = False
    """Inputs may be addresses, `https://` or `s3://`, of files that are fetched into a cache."""
    region: Region
    """The place under study."""
    grid: GridModel = GridModel()
    """The analysis grid."""
    layers: dict[str, Layer] = Field(default_factory=dict)
    """Inputs by name."""
    resources: Resources = Resources()
    """What there is."""
    siting: Siting = Siting()
    """Where a method may go."""
    methods: dict[str, MethodChoice]
    """The removal methods in play; `{}` where the network of emitters or of tables is all that is
    studied."""
    costs: Costs = Costs()
    """Money."""
    accounting: Accounting = Accounting()
    """Tonnes."""
    transport: Transport = Transport()
    """CO2 transport."""
    network: Network = Network()
    """Plants and pipelines for the plan."""
    objective: ObjectiveModel = ObjectiveModel()
    """What the competition for land, water, power, biomass and storage is for."""
    milestones: Milestones | None = None
    """Several years in place of one: what is built when."""
    emitters: CapturingPlants | None = None
    """Plants of other kinds that capture CO2 and want the same storage."""
    standing: StandingPlants | None = None
    """Removal plants that stand already, which live on beside the plan."""
    policies: tuple[PolicyRule, ...] = ()
    """Rules that a plan must keep: caps, shares, minimums."""
    screening: ScreeningSection = Field(default_factory=dict)
    """Methods of the open sea (`cdrsite screening`), whose ports and plants are compared. They are
    no part of the plan, and no tonnes follow from them."""
    outputs: Outputs = Outputs()
    """Files."""
    uncertainty: Uncertainty | None = None
    """Ranges of the numbers, and the samples that are drawn of them."""

    @classmethod
    def from_dict(
        cls, data: Mapping[str, Any], *, data_folder: str | Path | None = None
    ) -> Scenario:
        """Make a scenario of plain values, as a YAML file would hold them, and data in memory.

        Parameters
        ----------
        data : Mapping
            Keys and values of a scenario file; not changed. Data in memory may stand where a file
            would: a `DataArray` or `GeoDataFrame`, or a layer ``{"data": array, "bounds": ...}``.
        data_folder : str or Path, optional
            Where relative paths start, in place of ``data["data_folder"]``; without either, the
            folder that Python runs in. ``confine_paths`` holds inputs in it.

        Raises
        ------
        ConfigError
            If anything in it is wrong; the text lists every problem.
        DataError
            If data in memory cannot be read as a file would be.
        """
        keys: dict[str, Any] = plain(kept(data))
        if data_folder is not None:
            keys["data_folder"] = str(data_folder)
        folder = Path.cwd() / str(keys.get("data_folder") or "")
        return checked(cls, keys, "scenario", {}, context_of(keys, folder), further=layers_missing)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Scenario:
        """Make the scenario that a run was made with of what its manifest says.

        Parameters
        ----------
        record : Mapping
            All keys, defaults included; what is no more than a default counts as left out.

        Raises
        ------
        ConfigError
            A version of the program wrote it whose scenarios this one does not read.
        """
        data = plain(record)
        context = context_of(data, Path(data["data_folder"])) | {"record": True}
        whole = checked(cls, data, "scenario", {}, context)
        given = plain(whole.model_dump(by_alias=True, exclude_defaults=True))
        return checked(cls, {**given, "data_folder": data["data_folder"]}, "scenario", {}, context)

    def to_dict(self) -> dict[str, Any]:
        """What was asked, as plain values: :meth:`from_dict` makes the same scenario of them.

        Keys that were left out stay out. Paths are absolute, those of data in memory for as long as
        Python runs; quantities are numbers in the unit that the schema gives.
        """
        given: dict[str, Any] = plain(self.model_dump(by_alias=True, exclude_unset=True))
        return {**given, "data_folder": self.data_folder.as_posix()}

    def to_yaml(self, path: str | Path | None = None) -> str:
        """What was asked, as the text of a scenario file, which is written where a path is given.

        Secrets stay ``${secret:NAME}``.

        Raises
        ------
        ConfigError
            If data of this Python session stand in it: they end with it.
        """
        data = self.to_dict()
        refuse_memory(data)
        text = yaml_text(data)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8", newline="\n")
        return text

    def replace(self, changes: Mapping[str, Any]) -> Scenario:
        """Make the same scenario with other values, checked like a file.

        Parameters
        ----------
        changes : Mapping
            Dotted key -> value, such as ``{"costs.discount_rate": "9 %"}``; items of lists go by
            number, None is ``null``. Data in memory may take the place of a file; as the value of
            ``layers.NAME`` they leave what is said of the layer (`unit`, `kind`) as it is.

        Raises
        ------
        ConfigError
            If a key leads nowhere, or a value is wrong.
        DataError
            If data in memory cannot be read as a file would be.
        """
        data = self.to_dict()
        for key, value in changes.items():
            set_value(data, str(key), plain(kept_change(data, str(key), value)), "replace")
        return self.from_dict(data)

    @field_validator("layers")
    @classmethod
    def _layer_names(cls, layers: dict[str, Any]) -> dict[str, Any]:
        for name in layers:
            if not LAYER_NAME.fullmatch(name):
                raise problem(
                    f"layer name; got {name!r}; expected letters, digits, - and _, "
                    "starting with a letter"
                )
        return layers

    @field_validator("data_folder")
    @classmethod
    def _absolute(cls, folder: Path, info: ValidationInfo) -> Path:
        at_home(str(folder))  # refuses what is no path
        given = (info.context or {}).get("data_folder", folder)
        return Path(os.path.abspath(given))  # noqa: PTH100 - links stay as they are written

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        found = [*misfits(self), *emitter_problems(self), *standing_problems(self)]
        found += operation_problems(self)
        if found:
            raise problems(found)
        return self

    def unknown_layers(self) -> Iterator[tuple[str, str]]:
        """Keys that name a layer which the scenario does not have: what is wrong, and the key.

        A run refuses them; a scenario may be read without.
        """
        for layer, keys in self.layer_references().items():
            if layer not in self.layers:
                listed = ", ".join(self.layers) or "(no layers)"
                cure = nearest(layer, tuple(self.layers)) or f"; cure: add layers.{shown(layer)}"
                for key in keys:
                    got = shown(repr(layer))
                    text = f"no layer of that name; got {got}; expected one of {listed}{cure}"
                    yield text, key

    def layer_references(self) -> dict[str, list[str]]:
        """Every layer the scenario uses, with the keys that use it.

        Returns
        -------
        dict
            Layer name -> keys such as ``siting.exclude.2.layer``.
        """
        uses: dict[str, list[str]] = {}
        for part in PARTS_WITH_LAYERS:
            for name, key in layer_names(getattr(self, part), f"{part}."):
                uses.setdefault(name, []).append(key)
        power = self.resources.power
        if isinstance(power.intensity, str) and power.pools is None:
            uses.setdefault(power.intensity, []).append("resources.power.intensity")
        if isinstance(power.firm, str) and power.pools is None:
            uses.setdefault(power.firm, []).append("resources.power.firm")
        for name, one in self.resources.supplies.items():
            for kind, layer in one.by_kind.items() if one.pools is None else ():
                key = f"resources.{RESOURCES[name].parameter}.kinds.{kind}"
                uses.setdefault(layer, []).append(key)
        return uses


def layers_missing(scenario: Scenario, gone: set[KeyPath]) -> Iterator[tuple[str, str]]:
    """Keys that name a layer which the scenario lacks, but for those that were wrong themselves."""
    lost = {at[1] for at in gone if at[0] == "layers" and len(at) == 2}
    for text, key in scenario.unknown_layers():
        if not any(f"name; got {layer!r}" in text for layer in lost):
            yield text, key
