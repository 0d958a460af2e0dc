"""Settlements, rivers and the lines between them: roads, railways, pipelines; invented names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from fields import World, rural_density
from scipy import ndimage
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from shapely import LineString
from terrain import BASE, COARSE, Array, Frame, Index, stream

NETWORK = Frame(0.02)  # least-cost paths, about 2 km

# Syllables that combine to place names; the sound and the sign belong together.
FIRST = (
    "Qing 清,Yun 云,Mu 牧,Song 松,Bai 柏,Lan 岚,Xi 溪,Ying 莺,Zhu 竹,Huai 槐,Tong 桐,He 鹤,Yan 雁,"
    "Lu 鹿,Xing 杏,Tao 桃,Ge 葛,Jing 荆,Shuo 朔,Han 寒,Nuan 暖,Qiu 秋,Su 苏,Lin 霖,Mo 墨,Ruo 若,"
    "Lang 朗,Ke 可,Wei 苇,Yi 漪"
)
SECOND = (
    "yue 月,feng 枫,he 禾,lai 莱,su 粟,ye 野,xin 新,an 岸,lu 露,tan 潭,qiu 丘,yu 屿,mei 眉,shu 疏,"
    "ran 然,hui 晖,ling 翎,cen 岑"
)


@dataclass(frozen=True)
class Name:
    """One invented name in two scripts."""

    en: str
    zh: str


class Names:
    """Invented names, each given once, in an order fixed by the purpose.

    Parameters
    ----------
    purpose : str
        Names the random stream.
    """

    def __init__(self, purpose: str) -> None:
        pairs = [(a.split(), b.split()) for a in FIRST.split(",") for b in SECOND.split(",")]
        picks = stream("names").permutation(len(pairs))
        # each purpose draws from its own part, so that a name is never given twice
        parts = (
            "places",
            "rivers",
            "basins",
            "zones",
            "provinces",
            "protected",
            "storage",
            "sites",
        )
        self._pairs = [pairs[i] for i in picks[parts.index(purpose) :: len(parts)]]

    def take(self, suffix: str, suffix_zh: str) -> Name:
        """The next name, with a suffix such as " River" and "河"."""
        (a, a_zh), (b, b_zh) = self._pairs.pop(0)
        link = "'" if b[0] in "aeo" else ""  # pinyin separates a second syllable that opens so
        return Name(f"{a}{link}{b}{suffix}", f"{a_zh}{b_zh}{suffix_zh}")


@dataclass(frozen=True)
class Settlements:
    """Cities and towns, largest first.

    Parameters
    ----------
    lonlat : array, shape (n, 2)
        Position [degree].
    people : array, shape (n,)
        Inhabitants.
    names : list of Name
        Their names.
    """

    lonlat: Array
    people: Array
    names: list[Name]


def found_settlements(world: World, count: int = 48) -> Settlements:
    """Place settlements one by one where the land suits them best, away from larger ones."""
    suit = ndimage.gaussian_filter(rural_density(world), 3) ** 0.5
    suit = suit * (world.inside_km > 9) * np.exp(-world.river_km / 7)
    suit = suit * (1 + 0.25 * stream("settlements").random(suit.shape))
    suit = suit + 1e-3 * np.exp(-world.slope) * (world.inside_km > 9)  # oases in the desert
    names = Names("places")
    taken, people, found = [], [], []
    rows, columns = np.indices(suit.shape)
    for rank in range(1, count + 1):
        row, column = np.unravel_index(int(np.argmax(suit)), suit.shape)
        inhabitants = 2.9e6 * rank**-0.95
        km = np.hypot((rows - row) * BASE.km[0], (columns - column) * BASE.km[1])
        suit = np.where(km < 19 + 26 * (inhabitants / 1e6) ** 0.5, 0, suit)
        taken.append((row, column))
        people.append(round(inhabitants, -2 if inhabitants < 5e5 else -3))
        kinds = ((1e6, "", "市"), (2.5e5, "", "县"), (0, "", "镇"))
        suffix = next(k for k in kinds if inhabitants >= k[0])
        found.append(names.take(suffix[1], suffix[2]))
    at = np.array(taken)
    return Settlements(BASE.to_lonlat(at[:, 0], at[:, 1]), np.array(people), found)


def smooth(points: Array, rounds: int = 2, tolerance: float = 0.0018) -> LineString:
    """Stair-stepped course to a smooth line with the same ends (Chaikin's corner cutting)."""
    for _ in range(rounds):
        if len(points) < 3:
            break
        near = 0.75 * points[:-1] + 0.25 * points[1:]
        far = 0.25 * points[:-1] + 0.75 * points[1:]
        inner = np.stack([near, far], axis=1).reshape(-1, 2)
        points = np.vstack([points[:1], inner[1:-1], points[-1:]])
    return LineString(np.round(points, 6)).simplify(tolerance)


def river_lines(world: World, threshold: float) -> list[tuple[LineString, int, float]]:
    """Course, Strahler order and discharge at the mouth [m3/s] of every river."""
    columns = COARSE.shape[1]
    flow = world.rivers.flow.ravel()
    lines = []
    for cells, order in world.rivers.stems(threshold):
        if len(cells) >= 9:
            line = smooth(COARSE.to_lonlat(cells // columns, cells % columns))
            lines.append((line, order, float(flow[cells[-2]])))
    return lines


class Network:
    """Least-cost lines over the relief, each cheaper where an earlier one runs.

    Parameters
    ----------
    world : World
        Relief and region.
    grade : float
        Slope that doubles the cost of a kilometre [degree].
    reuse : float
        Cost of a cell that an earlier line uses, relative to a new one.
    """

    def __init__(self, world: World, grade: float, reuse: float) -> None:
        self.frame = NETWORK
        lon, lat = self.frame.centres()
        steep = BASE.sample(ndimage.gaussian_filter(world.slope, 2), lon, lat)
        outside = BASE.sample(world.inside_km, lon, lat) < 2
        friction = 1 + (steep / grade) ** 1.5 + 6 * outside
        friction = friction * np.exp(0.25 * stream("friction").standard_normal(friction.shape))
        self.reuse = reuse
        self.used = np.zeros(friction.size, bool)
        self._edges(friction)

    def _edges(self, friction: Array) -> None:
        rows, columns = self.frame.shape
        cell = np.arange(rows * columns).reshape(rows, columns)
        dy, dx = self.frame.km
        pairs = [
            (cell[:, :-1], cell[:, 1:], dx),
            (cell[:-1], cell[1:], dy),
            (cell[:-1, :-1], cell[1:, 1:], float(np.hypot(dx, dy))),
            (cell[:-1, 1:], cell[1:, :-1], float(np.hypot(dx, dy))),
        ]
        flat = friction.ravel()
        tails = [a.ravel() for a, _, _ in pairs]
        heads = [b.ravel() for _, b, _ in pairs]
        costs = [km * (flat[a.ravel()] + flat[b.ravel()]) / 2 for a, b, km in pairs]
        self.tail, self.head = np.concatenate(tails), np.concatenate(heads)
        self.cost = np.concatenate(costs)

    def cell(self, lonlat: Array) -> int:
        """Flat index of the cell at a place."""
        row = int((self.frame.north - lonlat[1]) / self.frame.step)
        return row * self.frame.shape[1] + int((lonlat[0] - self.frame.west) / self.frame.step)

    def connect(self, start: Array, end: Array) -> list[LineString]:
        """Least-cost course between two places, only its stretches that no earlier line has."""
        used = self.used[self.tail] & self.used[self.head]
        cost = self.cost * np.where(used, self.reuse, 1.0)
        size = self.used.size
        graph = csr_matrix((cost, (self.tail, self.head)), shape=(size, size))
        source, target = self.cell(start), self.cell(end)
        _, before = dijkstra(graph, directed=False, indices=source, return_predecessors=True)
        path = [target]
        while path[-1] != source:
            path.append(int(before[path[-1]]))
        return self._new_stretches(np.array(path, np.int64))

    def _new_stretches(self, path: Index) -> list[LineString]:
        fresh = ~(self.used[path[:-1]] & self.used[path[1:]])
        self.used[path] = True
        lines = []
        bounds = np.flatnonzero(np.diff(np.concatenate([[0], fresh.astype(int), [0]])))
        for first, last in bounds.reshape(-1, 2):
            part = path[first : last + 1]
            at = self.frame.to_lonlat(part // self.frame.shape[1], part % self.frame.shape[1])
            lines.append(smooth(at))
        return lines


def tree(lonlat: Array) -> list[tuple[int, int]]:
    """Shortest tree over places (Prim), from the first place outwards."""
    km = np.linalg.norm((lonlat[:, None] - lonlat[None]) * [0.81, 1.0], axis=2)
    joined, edges = [0], []
    while len(joined) < len(lonlat):
        part = km[joined].copy()
        part[:, joined] = np.inf
        a, b = np.unravel_index(int(np.argmin(part)), part.shape)
        edges.append((joined[int(a)], int(b)))
        joined.append(int(b))
    return edges


def road_lines(world: World, towns: Settlements) -> list[tuple[LineString, int, str]]:
    """Roads as (line, GRIP class 1 to 5, name), trunk roads first."""
    at = towns.lonlat
    net = Network(world, grade=3.0, reuse=0.35)
    wanted: list[tuple[Array, Array, int]] = []
    for kind, size in ((1, 7), (2, 20), (3, len(at))):
        wanted += [(at[a], at[b], kind) for a, b in tree(at[:size])]
    # a few links that close rings, then tracks out to the country
    for i in range(len(at)):
        order = np.argsort(np.linalg.norm((at - at[i]) * [0.81, 1.0], axis=1))
        wanted.append((at[i], at[order[6]], 4))
    random = stream("country roads")
    for i in range(150):
        length = random.uniform(0.06, 0.30)
        angle = random.uniform(0, 2 * np.pi)
        end = at[i % len(at)] + length * np.array([np.cos(angle), np.sin(angle)])
        end = end + random.normal(0, 0.15, 2)
        column, row = (end[0] - BASE.west) / BASE.step, (BASE.north - end[1]) / BASE.step
        if world.inside_km[int(np.clip(row, 0, 679)), int(np.clip(column, 0, 979))] > 3:
            wanted.append((at[i % len(at)], end, 5))
    roads = []
    for start, end, kind in wanted:
        for line in net.connect(start, end):
            letter = {1: "G", 2: "S", 3: "X"}.get(kind)
            roads.append((line, kind, f"{letter}{len(roads) + 1:03d}" if letter else ""))
    return roads


def joined_lines(world: World, at: Array, grade: float) -> list[list[LineString]]:
    """Least-cost lines of a tree over places, one list of stretches for each edge."""
    net = Network(world, grade=grade, reuse=0.3)
    return [net.connect(at[a], at[b]) for a, b in tree(at)]
