"""Trucks on roads of their own, and ships, beside the pipeline's routes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pydantic import ValidationError

from cdrsite.config.transport import Transport
from cdrsite.core.errors import DataError
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.engine.arrays import DiskStore, MemoryStore
from cdrsite.transport.costmodels import liquefaction, ship, truck
from cdrsite.transport.links import LINKS, SinkLinks, StorageSites, link_sinks
from cdrsite.transport.pipelines import Basis
from cdrsite.transport.ports import read_ports
from cdrsite.transport.ways import PIPELINE, SHIP, TRUCK, in_order_of_cost

pytestmark = pytest.mark.filterwarnings("ignore:transport. .* reach no storage unit")

SHAPE = (11, 60)
GRID = AnalysisGrid.from_bounds(
    "EPSG:3035", (4_000_000, 3_000_000, 4_300_000, 3_055_000), 5000.0, snap=None
)
BASIS = Basis(crf=0.08, base_year=2020, electricity=0.08)
SITES = StorageSites("stores", ("west", "east"), (0, 1), np.array([5.0, 4.0]))
UNITS = {"west": (5, 0), "east": (5, 59)}


def point(row: int, col: int) -> shapely.Point:
    return shapely.Point(4_000_000 + 5000 * (col + 0.5), 3_055_000 - 5000 * (row + 0.5))


@dataclass
class Layers:
    """A unit at each end, a sea in the middle, one road along a row, ports on both coasts."""

    sea: np.ndarray
    road: np.ndarray
    ports: list[tuple[str, int, int]] = field(default_factory=list)
    grid: AnalysisGrid = GRID

    def coverage(
        self, name: str, block: Block, where: Any = None, buffer: float = 0, rasterise: Any = None
    ) -> np.ndarray:
        return {"sea": self.sea, "roads": self.road}[name][block.slices].astype(np.float32)

    def feature_coverage(self, name: str, feature: int, block: Block) -> np.ndarray:
        share = np.zeros(SHAPE, np.float32)
        share[UNITS[SITES.names[feature]]] = 0.4
        return share[block.slices]

    def values(self, name: str, block: Block, unit: str | None = None) -> np.ndarray:
        return np.full(block.shape, 11.3, np.float32)

    def info(self, name: str) -> Any:
        class Facts:
            unit = "degree"

        return Facts()

    def features(self, name: str, where: Any = None) -> gpd.GeoDataFrame:
        names = [name for name, _, _ in self.ports]
        shapes = [point(row, col) for _, row, col in self.ports]
        return gpd.GeoDataFrame({"name": names}, geometry=shapes, crs=GRID.wkt)


def world() -> Layers:
    sea, road = np.zeros(SHAPE), np.zeros(SHAPE)
    sea[:, 20:40] = 1
    road[5, :20], road[5, 40:] = 1, 1
    return Layers(sea, road, [("harbour", 5, 19), ("haven", 5, 40)])


def solve(store: Any, reader: Any = None, size: int = 16, **more: Any) -> SinkLinks:
    given = {"surface": {"sea": {"layer": "sea"}}, "sinks_per_cell": 2, "flow": "50 kt/yr"}
    model = Transport.model_validate({**given, **more})
    return link_sinks(
        model, SITES, reader or world(), BASIS, lambda block: np.ones(block.shape, bool), 2,
        store, tuple(GRID.blocks(size)),
    )  # fmt: skip


ROADS = {"roads": {"layer": "roads"}, "modes": ["truck"]}
SHIPS = {"ships": {"ports": "ports", "name": "name"}}


def test_trucks_pay_the_length_of_their_roads() -> None:
    links = solve(MemoryStore(), **ROADS)
    km = 5.0 * 12  # twelve cells along the road to the unit in the west
    assert np.asarray(links.sink)[0, 5, 12] == 0
    assert np.asarray(links.mode)[0, 5, 12] == TRUCK
    assert np.asarray(links.length_km)[0, 5, 12] == pytest.approx(km)
    assert np.asarray(links.cost)[0, 5, 12] == pytest.approx(float(truck(1.0, km, BASIS)), rel=1e-5)
    # beside the road each km counts three times, half of the last one being on the road
    beside = float(truck(1.0, km + 5 * (0.5 * 1 + 0.5 * 3), BASIS))
    assert np.asarray(links.cost)[0, 6, 12] <= beside * (1 + 1e-6)
    assert np.asarray(links.cost)[0, 6, 12] > np.asarray(links.cost)[0, 5, 12]
    # the sea is no road: only one unit is reached
    assert (np.asarray(links.sink)[1] == -1).all()
    assert (np.asarray(links.sink)[0, :, 20:40] == -1).all()


def test_the_slope_of_roads_makes_them_longer() -> None:
    flat = solve(MemoryStore(), **ROADS)
    steep = solve(
        MemoryStore(), modes=["truck"], roads={"layer": "roads", "slope": {"layer": "slope"}}
    )
    free = float(truck(1.0, 1e-6, BASIS))
    paid = [np.asarray(one.cost)[0, 5, 12] - free for one in (flat, steep)]
    assert paid[1] == pytest.approx(1.3 * paid[0], rel=1e-4)  # 11.3 degrees, the table says 1.3


def test_roads_replace_the_detour() -> None:
    small = {"flow": "3 kt/yr"}
    pipes = solve(MemoryStore(), modes=["pipeline"], **small)
    both = solve(MemoryStore(), modes=["pipeline", "truck"], roads={"layer": "roads"}, **small)
    trucks = solve(MemoryStore(), **ROADS, **small)
    total = [
        np.where(
            np.asarray(one.sink) >= 0, np.asarray(one.cost) + np.asarray(one.storage_cost), np.inf
        )
        for one in (pipes, both, trucks)
    ]
    cheapest = np.minimum(total[0][0], total[2][0])
    assert total[1][0] == pytest.approx(cheapest, rel=1e-6)
    assert {PIPELINE, TRUCK} <= set(np.unique(np.asarray(both.mode)[0]).tolist())


def test_a_ship_pays_the_sea_and_what_lies_behind_it() -> None:
    deep = {"surface": {"sea": {"layer": "sea"}, "offshore": 50.0}}
    links = solve(MemoryStore(), **SHIPS, modes=["pipeline", "ship"], **deep)
    mode, sink = np.asarray(links.mode), np.asarray(links.sink)
    cost, km = np.asarray(links.cost), np.asarray(links.length_km)
    at = (5, 19)  # the harbour
    over = int(np.flatnonzero(sink[:, *at] == 1)[0])
    pipes = solve(MemoryStore(), modes=["pipeline"], **deep)
    row = int(np.flatnonzero(np.asarray(pipes.sink)[:, 5, 40] == 1)[0])
    behind = float(np.asarray(pipes.cost)[row, 5, 40])
    sea = 5.0 * 19  # from the sea cell before one port to that before the other
    from_harbour = float(np.asarray(pipes.cost)[int(np.flatnonzero(
        np.asarray(pipes.sink)[:, *at] == 1)[0]), *at])  # fmt: skip
    fixed = float(np.asarray(pipes.cost)[0, 5, 0])
    by_ship = float(ship(50_000.0, sea, BASIS)) + behind + fixed
    assert cost[over, *at] == pytest.approx(min(by_ship, from_harbour), rel=1e-5)
    assert (mode[over, *at] == SHIP) == (by_ship < from_harbour)
    ships = mode == SHIP
    assert ships.any()
    assert (km[ships] > sea).all()


def test_liquid_is_made_once_on_the_way_by_truck_and_ship() -> None:
    links = solve(MemoryStore(), **SHIPS, roads={"layer": "roads"}, modes=["truck", "ship"])
    at = (5, 12)
    over = int(np.flatnonzero(np.asarray(links.sink)[:, *at] == 1)[0])
    assert np.asarray(links.mode)[over, *at] == SHIP
    loads = float(truck(1.0, 5.0 * 7, BASIS)) + float(truck(1.0, 5.0 * 19, BASIS))
    expected = loads + float(ship(50_000.0, 95.0, BASIS)) - 2 * liquefaction(BASIS)
    assert np.asarray(links.cost)[over, *at] == pytest.approx(expected, rel=1e-5)
    assert np.asarray(links.length_km)[over, *at] == pytest.approx(5 * (7 + 19 + 19))
    assert np.asarray(links.rank)[over, *at] == -1


def test_memory_and_disk_give_the_same_bytes(tmp_path: Path) -> None:
    more = {**SHIPS, "roads": {"layer": "roads"}}
    memory, disk = MemoryStore(), DiskStore(tmp_path, 16)
    solve(memory, **more, size=256)
    solve(disk, **more, size=16)
    for name, _ in LINKS.values():
        one, other = (np.asarray(store.open(name)[:]) for store in (memory, disk))
        assert one.tobytes() == other.tobytes(), name


def test_sea_ways_of_a_table_and_over_the_sea(tmp_path: Path) -> None:
    table = tmp_path / "sea.csv"
    table.write_text("from,to,length_km\nharbour,haven,123\n")
    blocks = tuple(GRID.blocks(16))
    given = {"surface": {"sea": {"layer": "sea"}}, **SHIPS}
    assert read_ports(Transport.model_validate(given), world(), blocks).sea_km[0, 1] == 95.0
    given["ships"] = {**SHIPS["ships"], "arcs": table}
    model = Transport.model_validate(given)
    assert read_ports(model, world(), blocks).sea_km[0, 1] == 123.0
    table.write_text("from,to,length_km\nharbour,heaven,123\n")
    with pytest.raises(DataError, match=r"sea\.csv:2: no such port on the grid; got heaven; expec"):
        read_ports(model, world(), blocks)
    table.write_text("from,to,length_km\nharbour,haven,far\n")
    with pytest.raises(DataError, match=r"sea\.csv:2: length_km is no length; got 'far'"):
        read_ports(model, world(), blocks)


def test_ports_that_cannot_be_are_refused() -> None:
    reader = world()
    reader.ports = [("harbour", 5, 19)]
    with pytest.raises(DataError, match="ships need two ports; got harbour"):
        solve(MemoryStore(), reader, **SHIPS)
    reader.ports = [("harbour", 5, 19), ("hill", 5, 5)]
    with pytest.raises(DataError, match="a port is far from the sea; got hill"):
        solve(MemoryStore(), reader, **SHIPS)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"modes": ["pipeline", "ship"]}, "ships have no ports"),
        ({"modes": ["ship"], **SHIPS, "surface": {"sea": {"layer": "sea"}}}, "reach nothing on la"),
        (SHIPS, "nobody says where the sea is"),
        ({"roads": {"layer": "roads"}, "truck_detour": 1.3}, "roads have their own length"),
    ],
)
def test_keys_that_do_not_go_together_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Transport.model_validate(given)


def test_units_are_merged_in_order_and_once() -> None:
    rng = np.random.default_rng(4)
    ways = []
    for mode in range(3):
        sink = np.stack([rng.permutation(6)[:3] for _ in range(40)], axis=1).reshape(3, 5, 8)
        sink[rng.random(sink.shape) < 0.2] = -1
        cost = np.sort(rng.random(sink.shape), axis=0)
        ways.append((mode, cost, 10 * cost, sink))
    mode, cost, km, sink, rank = in_order_of_cost(ways, 3)
    for row, col in np.ndindex(5, 8):
        best: dict[int, tuple[float, int, int]] = {}
        for m, c, _, s in ways:
            for r in range(3):
                unit = int(s[r, row, col])
                if unit >= 0 and c[r, row, col] < best.get(unit, (np.inf,))[0]:
                    best[unit] = (float(c[r, row, col]), m, r if m == 0 else -1)
        wanted = sorted((c, unit, m, r) for unit, (c, m, r) in best.items())[:3]
        for k in range(3):
            if k >= len(wanted):
                assert sink[k, row, col] == -1
                continue
            assert (cost[k, row, col], sink[k, row, col]) == wanted[k][:2]
            assert (mode[k, row, col], rank[k, row, col]) == wanted[k][2:]
            assert km[k, row, col] == 10 * cost[k, row, col]
