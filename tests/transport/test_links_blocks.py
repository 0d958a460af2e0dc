"""Links to storage: the same bytes in memory and on disk, in order and within the limits."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pydantic import ValidationError

from cdrsite.config.transport import Transport
from cdrsite.core.errors import CdrsiteWarning, DataError
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.engine.arrays import ArrayStore, CellArray, DiskStore, MemoryStore
from cdrsite.transport import links as module
from cdrsite.transport.links import LINKS, ROUTES, SinkLinks, StorageSites, link_sinks
from cdrsite.transport.pipelines import Basis
from cdrsite.transport.routes import trace

SHAPE = (61, 53)
GRID = AnalysisGrid.from_bounds(
    "EPSG:3035", (4_000_000, 3_000_000, 4_053_000, 3_061_000), 1000.0, snap=None
)
BASIS = Basis(crf=0.08, base_year=2020, electricity=0.08)


@dataclass
class Layers:
    """Storage units as boxes of cells, walls as shares, rivers as lines."""

    units: dict[str, tuple[slice, slice]]
    wall: np.ndarray
    rivers: list[Any] = field(default_factory=list)
    grid: AnalysisGrid = GRID

    def coverage(
        self, name: str, block: Block, where: Any = None, buffer: float = 0, rasterise: Any = None
    ) -> np.ndarray:
        if name == "wall":
            return self.wall[block.slices].astype(np.float32)
        return np.zeros(block.shape, np.float32)

    def feature_coverage(self, name: str, feature: int, block: Block) -> np.ndarray:
        share = np.zeros(SHAPE, np.float32)
        unit = SITES.names[feature]
        if unit in self.units:
            share[self.units[unit]] = 0.4
        return share[block.slices]

    def values(self, name: str, block: Block, unit: str | None = None) -> np.ndarray:
        row, col = np.indices(SHAPE)
        return (3.0 + 2 * np.sin(row / 5) + np.cos(col / 3)).astype(np.float32)[block.slices]

    def info(self, name: str) -> Any:
        class Facts:
            unit = "degree"

        return Facts()

    def features(self, name: str, where: Any = None) -> gpd.GeoDataFrame:
        return gpd.GeoDataFrame(geometry=self.rivers, crs=GRID.wkt)


def layers(seed: int = 1) -> Layers:
    rng = np.random.default_rng(seed)
    wall = (rng.random(SHAPE) < 0.25).astype(np.float32)
    wall[20, 4:] = 1
    units = {
        "a": (slice(2, 6), slice(30, 40)),
        "b": (slice(40, 50), slice(3, 7)),
        "c": (slice(45, 60), slice(5, 30)),  # shares cells with b
        "d": (slice(58, 60), slice(50, 53)),
    }
    for rows, cols in units.values():
        wall[rows.start, cols.start] = 0
    rivers = [
        shapely.LineString([(4_000_000, 3_030_400), (4_030_000, 3_015_300), (4_053_000, 3_018_000)])
    ]
    return Layers(units, wall, rivers)


SITES = StorageSites("stores", ("a", "b", "c", "d"), (0, 1, 2, 3), np.array([5, 5, 5, 4.0]))


def model(neighbours: int = 16, k: int = 3, **more: Any) -> Transport:
    return Transport.model_validate(
        {
            "neighbours": neighbours,
            "sinks_per_cell": k,
            "surface": {
                "slope": {"layer": "slope"},
                "barriers": [{"layer": "wall"}],
                "crossings": [{"layer": "rivers", "cost": "0.3 USD/t"}],
            },
            **more,
        }
    )


def solve(
    store: Any, transport: Transport, size: int, threads: int = 2, reader: Any = None
) -> SinkLinks:
    given: Any = layers() if reader is None else reader
    return link_sinks(
        transport,
        SITES,
        given,
        BASIS,
        lambda block: np.ones(block.shape, bool),
        threads,
        store,
        tuple(GRID.blocks(size)),
    )


def require_same(one: ArrayStore, other: ArrayStore) -> None:
    for name, _ in (*LINKS.values(), *ROUTES.values(), ("surface billing", 0)):
        assert np.asarray(one.open(name)[:]).tobytes() == np.asarray(other.open(name)[:]).tobytes()


@pytest.mark.filterwarnings("ignore:transport. .* reach no storage unit")
@pytest.mark.parametrize(("neighbours", "size"), [(8, 16), (16, 10), (16, 64), (40, 23)])
@pytest.mark.parametrize("k", [1, 3])
def test_memory_and_disk_give_the_same_bytes(
    neighbours: int, size: int, k: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SOLVER_BLOCK", 20)  # chunks of 10 are put together, 16 are not
    transport = model(neighbours, k)
    memory, disk = MemoryStore(), DiskStore(tmp_path, size)
    solve(memory, transport, 256)
    found = solve(disk, transport, size)
    assert not isinstance(found.cost, np.ndarray)
    require_same(memory, disk)
    sink = np.asarray(found.sink[:])
    assert len(np.unique(sink[0])) > 3


@pytest.mark.filterwarnings("ignore:transport. .* reach no storage unit")
@pytest.mark.parametrize("more", [{"reach": "20 km"}, {"max_cost": "12 USD/t"}])
def test_links_are_in_order_and_within_the_limits(more: dict[str, Any]) -> None:
    store = MemoryStore()
    found = solve(store, model(**more), 32)
    cost, km, sink = (np.asarray(a[:]) for a in (found.cost, found.length_km, found.sink))
    some = sink >= 0
    total = cost + np.asarray(found.storage_cost[:])
    assert (total[1:] >= total[:-1])[some[1:]].all()
    assert not (some[1:] & ~some[:-1]).any()
    assert np.isinf(cost[~some]).all()
    assert np.isinf(km[~some]).all()
    if "reach" in more:
        assert 0 < km[some].max() <= 20
    else:
        assert 0 < cost[some].max() <= 12
    rank = np.asarray(found.rank[:]).astype(int)
    routed = np.take_along_axis(np.asarray(found.routes.sink[:]), rank, axis=0)
    np.testing.assert_array_equal(routed[some], sink[some])


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_routes_go_by_the_bridge_where_that_is_cheaper(kind: str, tmp_path: Path) -> None:
    reader = layers()
    reader.wall[:] = 0
    reader.units = {"a": (slice(0, 1), slice(0, 1))}
    # one river between the rows 29 and 30, with a bridge from column 40 on
    reader.rivers = [shapely.LineString([(3_990_000, 3_031_000), (4_040_200, 3_031_000)])]
    plain = {"neighbours": 16, "sinks_per_cell": 1, "modes": ("pipeline",)}

    def run(name: str, cost: float) -> SinkLinks:
        crossings = [{"layer": "rivers", "cost": cost}]
        store = MemoryStore() if kind == "memory" else DiskStore(tmp_path / name, 20)
        transport = Transport.model_validate({**plain, "surface": {"crossings": crossings}})
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "layers.stores: outside the grid")
            return solve(store, transport, 20, reader=reader)

    free, cheap, dear = run("free", 0.0), run("cheap", 0.01), run("dear", 100.0)
    cost = [np.asarray(links.cost[0]) for links in (free, cheap, dear)]
    km = [np.asarray(links.length_km[0]) for links in (free, dear)]
    assert cost[1][30:, 0] == pytest.approx(cost[0][30:, 0] + 0.01, abs=1e-5)
    assert (cost[2][30:] < cost[0][30:] + 100.0 - 1).all()  # nobody pays for the crossing
    assert km[1][40, 0] > 2 * km[0][40, 0]  # out to the bridge and back
    route = trace(dear.routes, 40, 0)
    over = route.col[np.flatnonzero(np.diff(route.row < 30))]
    assert over.size == 1
    assert over[0] >= 39
    assert (cost[2][:30] == cost[0][:30]).all()


class StoppedError(Exception):
    """The run was killed."""


@dataclass
class Fragile:
    """A store on disk that fails after some writes."""

    store: DiskStore
    left: int
    on_disk: bool = True

    def create(self, name: str, shape: tuple[int, ...], dtype: Any) -> CellArray:
        return FragileArray(self, self.store.create(name, shape, dtype))

    def open(self, name: str) -> CellArray:
        return FragileArray(self, self.store.open(name))

    def drop(self, *names: str) -> None:
        self.store.drop(*names)


class FragileArray:
    def __init__(self, owner: Fragile, array: Any) -> None:
        self.owner, self.array, self.shape, self.dtype = owner, array, array.shape, array.dtype

    def __getitem__(self, key: Any) -> Any:
        return self.array[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self.owner.left -= 1
        if self.owner.left < 0:
            raise StoppedError
        self.array[key] = value


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[MemoryStore, int]:
    """Routes of a run in memory, and how often one on disk writes."""
    memory = MemoryStore()
    plenty = Fragile(DiskStore(tmp_path_factory.mktemp("links") / "whole", 20), 9999)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "transport. .* reach no storage unit")
        solve(memory, model(), 256)
        solve(plenty, model(), 20, threads=1)
    return memory, 9999 - plenty.left


@pytest.mark.filterwarnings("ignore:transport. .* reach no storage unit")
@pytest.mark.parametrize("share", [0.02, 0.2, 0.4, 0.55, 0.7, 0.8, 0.9, 0.99])
def test_a_stopped_run_goes_on_to_the_same_bytes(
    share: float, whole: tuple[MemoryStore, int], tmp_path: Path
) -> None:
    (memory, writes), disk = whole, DiskStore(tmp_path / "disk", 20)
    with pytest.raises(StoppedError):
        solve(Fragile(disk, int(share * writes)), model(), 20, threads=1)
    solve(disk, model(), 20)
    require_same(memory, disk)


@pytest.mark.parametrize("store", ["memory", "disk"])
def test_cells_without_storage_are_counted(store: str, tmp_path: Path) -> None:
    reader = layers()
    reader.wall[:] = 0
    reader.wall[30] = 1
    reader.units = {name: (slice(40, 41), slice(i, i + 1)) for i, name in enumerate("abcd")}
    where = MemoryStore() if store == "memory" else DiskStore(tmp_path, 20)
    with pytest.warns(CdrsiteWarning, match=rf"{31 * 53} cells \(50.8%\) of the region"):
        solve(where, model(), 20, reader=reader)


@pytest.mark.parametrize("store", ["memory", "disk"])
def test_units_outside_the_grid_are_named(store: str, tmp_path: Path) -> None:
    reader = layers()
    reader.wall[:] = 0
    reader.units.pop("b")
    where = MemoryStore() if store == "memory" else DiskStore(tmp_path / "one", 20)
    with pytest.warns(CdrsiteWarning, match="no route reaches b; cure: grid.margin"):
        solve(where, model(), 20, reader=reader)
    reader.units.clear()
    where = MemoryStore() if store == "memory" else DiskStore(tmp_path / "two", 20)
    with pytest.raises(DataError, match="no storage unit touches the grid"):
        solve(where, model(), 20, reader=reader)


@pytest.mark.parametrize("store", ["memory", "disk"])
def test_units_behind_walls_are_refused(store: str, tmp_path: Path) -> None:
    reader = layers()
    reader.wall[reader.units["d"]] = 1
    where = MemoryStore() if store == "memory" else DiskStore(tmp_path, 20)
    with pytest.raises(DataError, match="barriers or unknown ground; got sink 3"):
        solve(where, model(k=1), 20, reader=reader)


@pytest.mark.filterwarnings("ignore:transport. .* reach no storage unit")
def test_modes_switch_trucks_off_and_pipelines_off() -> None:
    steep = {"surface": {"barriers": [{"layer": "wall"}], "crossings": [
        {"layer": "rivers", "cost": "500 USD/t"}
    ]}}  # fmt: skip
    both, pipes, roads = (
        solve(MemoryStore(), model(modes=modes, **steep), 256)
        for modes in (("pipeline", "truck"), ("pipeline",), ("truck",))
    )
    reached = np.asarray(both.sink[0]) >= 0
    assert np.asarray(both.mode[0])[reached].any()
    assert not np.asarray(pipes.mode).any()
    # behind a river that costs 500 USD/t only trucks are cheap
    assert np.asarray(pipes.cost[0])[reached].max() > 500
    assert np.asarray(both.cost[0])[reached].max() < 200
    far = np.asarray(roads.sink[0]) >= 0
    far &= np.asarray(roads.length_km[0]) > 0
    assert np.asarray(roads.mode[0])[far].all()
    total = [np.asarray(one.cost[0] + one.storage_cost[0])[far] for one in (both, pipes, roads)]
    assert (total[0] <= np.minimum(total[1], total[2]) + 1e-4).all()
    long = solve(MemoryStore(), model(modes=("truck",), truck_detour=1.5, **steep), 256)
    assert (np.asarray(long.cost[0] + long.storage_cost[0])[far] > total[2]).all()


def test_a_mode_that_is_not_there_or_named_twice_is_refused() -> None:
    for modes, words in ((("rail",), "pipeline"), ((), "at least 1"), (("truck",) * 2, "twice")):
        with pytest.raises(ValidationError, match=words):
            model(modes=modes)
