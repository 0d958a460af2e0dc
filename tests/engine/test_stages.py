"""What a stage declares is what it gets, and what it is known by.

Keys of a small study are changed: no byte of a stage moves whose declarations do not have the key,
and each key that a stage declares moves a byte of it. That no stage reads a key which it does not
declare is seen by every key of a scenario in ``tests/config/test_keys_act.py``, too.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stage_bytes import declared, meets, stages, stages_told, undeclared
from sweeps import STORED
from tiny_scenario import box, write_polygons, write_world

import cdrsite
from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.engine.cache import Cache
from cdrsite.engine.stages import only, stage
from cdrsite.study.prepare import open_layers, prepare
from cdrsite.study.run import SHARED_STAGES, run

RICH = (
    STORED.replace("mt, injection: rate}", "mt, injection: rate, depth: depth}")
    .replace(
        "  rock: {path: rock.gpkg}\n", "  rock: {path: rock.gpkg}\n  works: {path: works.gpkg}\n"
    )
    .replace(
        "{layer: residues, unit: t/yr}", "{layer: residues, unit: t/yr, share: whole, haul: 2 km}"
    )
    .replace("worst: 20, weight: 1}\n", "worst: 20}\n    - {near: parks, best: 0, none: 9 km}\n")
    .replace(
        "outputs: {sites: 3, site_distance: 1 km}\n",
        """\
network:
  plan: true
  sites: {layer: works}
  plants: {daccs-solid: {least: 1 kt/yr, most: 10 kt/yr, catchment: 3 km}}
policies: [{name: cap, layer: basins, zone_name: name, at_most: 0.05 Mt/yr}]
outputs: {sites: 3, site_distance: 1 km, admin: {layer: basins, name: name}}
""",
    )
)
"""A study in which every stage has work to do."""

Change = tuple[str, str, tuple[str, ...]]

UNPLANNED = ("network.plan=false",)
FREE_POWER = "resources.power={unlimited: true, intensity: 20 g/kWh}"
PORTS = ("layers.ports={path: ports.gpkg}", *UNPLANNED)
WITHOUT_ROUTES = ("resources.storage={unlimited: true}", *UNPLANNED)
OVER_SEA = ("transport.surface.sea={layer: cover, classes: [80]}", *UNPLANNED)
IN_AMERICA = ("transport.model=mccoy-rubin-2008",)
BY_TRUCK = ("transport.modes=[truck]",)
BY_ROAD = ("layers.road={path: works.gpkg}", *BY_TRUCK)
BASALT = ("resources.storage.kind=basalt", FREE_POWER, *UNPLANNED)
GASES = ("methods.afforestation.emissions={methane: 3}", *UNPLANNED)
TOWNS = (
    "layers.towns={value: 40, unit: kWh/ha/yr}",
    "methods.beccs-residue={profile: chp}",
    "resources.heat={value: 0 kWh/yr, per: region}",
    *UNPLANNED,
)
SOLD = (*TOWNS, "resources.heat.demand=towns", "objective={minimise: cost, target: 100 t/yr}")
IN_MONEY = ("layers.toll={path: basins.gpkg, attribute: toll, unit: USD2010/t}",)

PAID = (
    "objective={maximise: value, credits: [{amount: 900 USD2020/t, years: 12, min_t_yr: 2000}]}",
)

DATED = (
    "resources.power={value: 90 GWh/yr, per: region, intensity: 300 g/kWh}",
    "milestones={years: [2030, 2050], start: 2025, after: 20 yr, budget: {2050: 1 MUSD/yr}}",
    "milestones.cost={daccs-solid: {2030: 1, 2050: 0.5}}",
    "milestones.supply={power: {2030: 0.2, 2050: 0.6}, injection: {2030: 0.2, 2050: 0.6}}",
    "milestones.intensity={2030: 1, 2050: 0.1}",
    "milestones.prices={electricity: {2030: 1, 2050: 0.5}}",
    *UNPLANNED,
)
PIPED = (
    DATED[0],
    "objective={minimise: cost}",
    "emitters={layer: works, emission: t, unit: t/yr, cost: 50 USD/t}",
    "milestones={years: [2030, 2050], start: 2025, "
    "targets: {avoided: {2030: 5 t/yr, 2050: 20 t/yr}}}",
)
"""Emitters over milestones whose network is designed for all of these."""
EMITTING = (
    "emitters={layer: works, emission: t, unit: t/yr, cost: 50 USD/t, target: 10 t/yr}",
    *UNPLANNED,
)

STOOD = (
    "standing={layer: works, method: kind, capacity: t, unit: t/yr, built: year}",
    *DATED,
)
FED = ("standing={layer: works, method: fuel, capacity: much, unit: t/yr}", *UNPLANNED)
"""A plant that stands and takes the residues of cells around."""
DEARER = ("methods.daccs-solid.override={land_direct: 900 m2}",)

FEW: tuple[Change, ...] = (
    ("title", "title=Another title", ()),
    ("outputs.compression", "outputs.compression=zstd", UNPLANNED),
    ("grid", "grid.rasterise=centre", UNPLANNED),
    ("methods", "methods.daccs-solid.override={land_direct: 900 m2, storage: 0.98}", UNPLANNED),
    ("methods", "methods.afforestation.gates={slope: {layer: slope, op: <=, value: 9}}", UNPLANNED),
    ("siting.exclude", "siting.exclude.2.above=9 degree", UNPLANNED),
    ("siting.prefer", "siting.prefer.0.worst=30", UNPLANNED),
    ("resources.water", "resources.water.factor=0.5", UNPLANNED),
    ("resources.storage", "resources.storage.cost=9 USD/t", UNPLANNED),
    ("resources.storage", "resources.storage.kind=basalt", (FREE_POWER, *UNPLANNED)),
    ("costs.prices.water", "costs.prices.water=3 USD/m3", UNPLANNED),
    # a basalt is paid in money of its source, and drinks water at its price
    ("costs.prices.water", "costs.prices.water=3 USD/m3", BASALT),
    ("costs.base_year", "costs.base_year=2022", BASALT),
    ("transport.surface", "transport.surface.onshore=2", UNPLANNED),
    ("resources.land", "resources.land.usable=0.4", UNPLANNED),
    ("resources.biomass", "resources.biomass.factor=0.8", FED),
    ("network.segments", "network.segments=1", ()),
    ("objective", PAID[0], UNPLANNED),
    ("standing", "standing.capacity=more", STOOD),
)
"""Key, a change of it, and what is set before: for each stage one that it declares, and others."""
OTHERS: tuple[Change, ...] = (
    ("name", "name=another", ()),
    ("confine_paths", "confine_paths=true", ()),
    ("region", "region.bounds=[4000000, 3000000, 4007000, 3006000]", ()),
    ("layers", "layers.slope.factor=1.5", ()),
    ("costs.base_year", "costs.base_year=2022", IN_MONEY),
    ("outputs.every_route", "outputs.every_route=true", UNPLANNED),
    (
        "screening",
        "screening={ocean-liming: {points: ports, near: {sea: {layer: basins}}}}",
        PORTS,
    ),
    ("outputs.zones", "outputs.zones={layer: basins, name: name, values: [slope]}", UNPLANNED),
    ("transport.surface.sea", OVER_SEA[0], ()),
    (
        "transport.surface.crossings",
        "transport.surface.crossings=[{layer: basins, adds: 3 km}]",
        (),
    ),
    ("costs.basis", "costs.basis=2050", UNPLANNED),
    ("transport.roads", "transport.roads={layer: road}", BY_ROAD),
    ("costs.discount_rate", "costs.discount_rate=0.1", ()),
    ("costs.prices.electricity", "costs.prices.electricity=90 USD/MWh", ()),
    ("costs.prices.biomass", "costs.prices.biomass=120 USD/t", ()),
    ("accounting.forest_years", "accounting.forest_years=60", ()),
    ("accounting.retention_years", "accounting.retention_years=50", ()),
    ("accounting.buffer", "accounting.buffer=0.3", ()),
    ("resources.power", "resources.power.intensity=90 g/kWh", ()),
    ("resources.heat", "resources.heat.intensity=90 g/kWh", ()),
    ("resources.biomass", "resources.biomass.haul=3 km", ()),
    ("resources.heat", "resources.heat.demand=towns", TOWNS),
    ("costs.prices.heat", "costs.prices.heat=900 USD/GJ", SOLD),
    ("accounting.gwp", "accounting.gwp=20", GASES),
    ("siting.include", "siting.include=[{layer: slope, above: 33 degree}]", ()),
    ("siting.combine", "siting.combine=minimum", ()),
    ("methods.*.usable_land", "methods.daccs-solid.usable_land=0.3", UNPLANNED),
    ("methods.*.regions", "methods.daccs-solid.regions=[basins]", ("siting.exclude=[]",)),
    ("transport.cost", "transport.cost=9 USD/t", WITHOUT_ROUTES),
    ("transport.model", "transport.model=high", ()),
    ("transport.offshore_model", "transport.offshore_model=dea-offshore", OVER_SEA),
    ("transport.region", "transport.region=southwest", IN_AMERICA),
    ("transport.flow", "transport.flow=0.2 Mt/yr", ()),
    ("transport.utilisation", "transport.utilisation=0.5", ()),
    ("transport.modes", "transport.modes=[truck]", ()),
    ("transport.truck_detour", "transport.truck_detour=1.4", BY_TRUCK),
    ("transport.sinks_per_cell", "transport.sinks_per_cell=1", ()),
    ("transport.neighbours", "transport.neighbours=8", ()),
    ("transport.reach", "transport.reach=2 km", ()),
    ("transport.max_cost", "transport.max_cost=0.3 USD/t", ()),
    ("transport.leakage", "transport.leakage=0.02", ()),
    ("network.plan", "network.plan=false", ()),
    ("network.plants", "network.plants={}", ()),
    ("network.catchment", "network.catchment=2 km", ()),
    ("network.sites", "network.sites=null", ()),
    ("objective", "objective.target=0.02 Mt/yr", ()),
    ("objective.gap", "objective.gap=0.1", ()),
    ("policies", "policies.0.at_most=0.01 Mt/yr", ()),
    ("policies.*.layer", "policies.0.layer=parks", ()),
    ("policies.*.zone_name", "policies.0.zone_name=null", ()),
    *(
        (key, change, (*PAID, *before))
        for key, change, before in (
            ("costs.discount_rate", "costs.discount_rate=0.1", UNPLANNED),
            ("costs.base_year", "costs.base_year=2022", UNPLANNED),
            ("network.plants", "network.plants={daccs-solid: {least: 10 t/yr, most: 1 kt/yr}}", ()),
            ("transport.leakage", "transport.leakage=0.02", UNPLANNED),
            (
                "objective.credits.*.region",
                "objective.credits.0.region={layer: parks}",
                UNPLANNED,
            ),
        )
    ),
    ("milestones", "milestones.after=90 yr", DATED),
    ("milestones", "milestones.start=2015", STOOD),
    ("milestones", "milestones={years: [2030], cost: {daccs-solid: {2030: 0.5}}}", UNPLANNED),
    ("milestones.years", "milestones.years=[2030, 2040]", (*DATED, "milestones.budget=null")),
    ("milestones.cost", "milestones.cost={daccs-solid: {2030: 1, 2050: 0.3}}", DATED),
    ("milestones.supply", "milestones.supply={power: {2050: 0.1}, injection: {2050: 0.1}}", DATED),
    ("milestones.intensity", "milestones.intensity={2050: 0.9}", DATED),
    ("emitters", "emitters.target=20 t/yr", EMITTING),
    ("milestones.prices", "milestones.prices={electricity: {2050: 0.9}}", DATED),
    *(
        (key, change, PIPED)
        for key, change in (
            ("milestones", "milestones.start=2020"),
            ("emitters", "emitters.cost=70 USD/t"),
            ("resources.storage.years", "resources.storage.years=90"),
        )
    ),
    ("outputs.admin", "outputs.admin={layer: parks, name: name}", ()),
    ("outputs.sites", "outputs.sites=1", ()),
    ("outputs.site_distance", "outputs.site_distance=3 km", ()),
    ("outputs.folder", "outputs.folder=elsewhere", ()),
)

Told = Callable[..., dict[str, str]]


def write_rich(folder: Path) -> Path:
    write_polygons(
        folder / "rock.gpkg", [box(5, 1, 2, 2), box(0, 4, 2, 2)], id=["a", "b"],
        mt=[3.0, 1.0], rate=[0.1, 0.02], depth=[1500.0, 1200.0],
    )  # fmt: skip
    path = write_world(folder, "data_folder: .\n" + RICH)
    write_polygons(
        folder / "basins.gpkg", [box(0, 0, 4, 6), box(4, 0, 4, 6)], name=["west", "east"],
        water_m3=[120_000.0, 0.0], toll=[3.0, 4.0],
    )  # fmt: skip
    centre = box(1.4, 1.4, 0.1, 0.1).centroid
    write_polygons(folder / "ports.gpkg", [centre], name=["p"])
    write_polygons(
        folder / "works.gpkg", [box(1.4, 1.4, 0.1, 0.1)], name=["w"], kind=["daccs-solid"],
        t=[100.0], more=[300.0], year=[2020], fuel=["beccs-residue"], much=[1000.0],
    )  # fmt: skip
    return path


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Hash of what each stage gives with some settings; each study once."""
    path, done = write_rich(tmp_path_factory.mktemp("world")), {}

    def found(*settings: str) -> dict[str, str]:
        if settings not in done:
            with stages_told() as hashes, warnings.catch_warnings():
                warnings.simplefilter("ignore", CdrsiteWarning)
                run(load_scenario(path, settings))
            done[settings] = hashes
        return done[settings]

    return found


@pytest.mark.slow
def test_a_run_twice_gives_the_same_bytes_in_every_stage(told: Told) -> None:
    first = dict(told())
    assert first.keys() == stages().keys()
    assert first == told("data_folder=.")


@pytest.mark.slow
def test_what_a_stage_does_not_declare_moves_no_byte_and_what_it_does_moves_some(
    told: Told,
) -> None:
    inside, outside = set(), set()
    for key, change, before in FEW:
        plain, other = told(*before), told(*before, change)
        assert undeclared(plain, other, key) == [], key
        for name, one in stages().items():
            if other[name] != plain[name]:
                inside.add(name)
            if not any(meets(key, read) for read in declared(one)):
                outside.add(name)
    assert inside == outside == set(stages())


def test_what_a_network_of_all_years_declares_moves_a_byte_of_it(told: Told) -> None:
    plain = told(*PIPED)
    for key, change, before in OTHERS:
        if before == PIPED:
            other = told(*PIPED, change)
            assert other["network"] != plain["network"], key
            assert undeclared(plain, other, key) == [], key


@pytest.mark.slow
def test_each_key_that_a_stage_declares_moves_a_byte_of_it(told: Told) -> None:
    idle = {name: set(one.reads) for name, one in stages().items()}
    for key, change, before in (*FEW, *OTHERS):
        plain, other = told(*before), told(*before, change)
        assert undeclared(plain, other, key) == [], key
        for name, one in stages().items():
            if other[name] != plain[name]:
                idle[name] -= {read for read in one.reads if meets(key, read)}
    # ships take a sea between ports: tests/transport/test_ways.py
    at_sea = {"transport.ships", "transport.surface.sea"}
    idle = {name: keys - at_sea for name, keys in idle.items()}
    # kinds of biomass only refuse names; resources of points have the model of biomass
    bulk = {one.name for one in RESOURCES.values() if one.own_price or one.kind == "bulk"}
    alike = bulk - {"biomass"}
    alike_keys = {f"{kind}.{name}" for name in alike for kind in ("costs.prices", "resources")}
    alike_keys.add("resources.biomass.kinds")
    idle = {
        name: {k for k in keys if not k.startswith(tuple(alike_keys))}
        for name, keys in idle.items()
    }
    assert {name: keys for name, keys in idle.items() if keys} == {}


# ------------------------------------------------------------------ what a stage gets


@pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")
def test_a_stage_that_reads_what_it_does_not_declare_stops_with_the_reason(tmp_path: Path) -> None:
    @stage("greedy", reads=("costs.base_year", "methods.*.profile"), after=(open_layers,))
    def greedy(setting: Any, what: Callable[[Any], Any]) -> Any:
        return what(setting)

    setting = prepare(load_scenario(write_rich(tmp_path)))
    year = greedy(setting, lambda known: known.scenario.costs.base_year)
    assert year == setting.scenario.costs.base_year
    assert greedy(setting, lambda known: known.area) is setting.area
    profiles = greedy(setting, lambda known: [m.profile for m in known.scenario.methods.values()])
    assert profiles == ["literature", None, None]
    undeclared_reads: list[Callable[[Any], Any]] = [
        lambda known: known.scenario.costs.discount_rate,
        lambda known: known.scenario.methods["daccs-solid"].override,
        lambda known: known.scenario.title,
        lambda known: known.models,
        lambda known: known.zonings,
    ]
    for what in undeclared_reads:
        with pytest.raises(AttributeError) as caught:
            greedy(setting, what)
        (note,) = caught.value.__notes__
        assert "the stage greedy knows of the scenario costs.base_year, methods.*.profile" in note
        assert "what layers give" in note


def test_a_key_that_no_model_has_cannot_be_declared(tmp_path: Path) -> None:
    scenario = load_scenario(write_rich(tmp_path))
    with pytest.raises(LookupError, match="Costs has no base_yaer"):
        only(scenario, ("costs.base_yaer",))


# ----------------------------------------------------------------- what a stage is known by


def test_the_key_of_a_stage_is_content_wherever_it_lies(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    path = write_rich(here)
    shutil.copytree(here, there)
    moved = load_scenario(there / path.name)
    for one in stages().values():
        assert one.key(load_scenario(path)) == one.key(moved), one.name
    (there / "rock.gpkg").rename(there / "stone.gpkg")
    renamed = load_scenario(there / path.name, ["layers.rock.path=stone.gpkg"])
    assert open_layers.key(renamed) != open_layers.key(moved)  # its ending says what it is


def test_a_default_that_is_written_is_told_from_one_that_is_not(tmp_path: Path) -> None:
    path = write_rich(tmp_path)
    plain = load_scenario(path)
    written = load_scenario(path, [f"resources.heat.intensity={plain.resources.heat.intensity}"])
    assert written.resources.heat.intensity == plain.resources.heat.intensity
    assert stages()["methods"].key(written) != stages()["methods"].key(plain)
    assert stages()["siting"].key(written) == stages()["siting"].key(plain)
    # where plants stand, their land follows from their methods
    beside = [load_scenario(path, [*STOOD, *one]) for one in ((), DEARER)]
    assert stages()["siting"].key(beside[0]) != stages()["siting"].key(plain)
    assert stages()["siting"].key(beside[0]) != stages()["siting"].key(beside[1])


def test_two_places_of_the_same_data_share_stages_and_read_their_own_files(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    path = write_rich(here)
    shutil.copytree(here, there)
    cache = Cache()
    first = cdrsite.run(load_scenario(path, UNPLANNED), cache=cache)
    shutil.rmtree(here)
    second = cdrsite.run(load_scenario(there / path.name, UNPLANNED), cache=cache)
    assert second.summary == first.summary
    assert cache.taken == dict.fromkeys([s.name for s in SHARED_STAGES if s is not open_layers], 1)


def test_stages_have_a_bound_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = load_scenario(write_rich(tmp_path), UNPLANNED)
    monkeypatch.setattr("cdrsite.engine.cache.free_memory", lambda: 0)
    cache = Cache()
    first, second = (cdrsite.run(scenario, cache=cache) for _ in range(2))
    assert first.summary == second.summary
    assert set(cache.taken) <= {"layers"} | {s.name for s in SHARED_STAGES if s.name == "areas"}
