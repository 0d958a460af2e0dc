"""Scenarios that nobody would write on purpose, made from good ones by a seed."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
from ruamel.yaml import YAML
from tiny_scenario import box, write_polygons, write_world

RICH = """\
name: rich
title: Everything that a scenario can say
data_folder: .
region: {boundary: parks.gpkg, where: "name = 'park'"}
grid: {crs: "EPSG:3035", resolution: 1 km, snap: [0, 0], rasterise: coverage, max_cells: 100000}
layers:
  cover: {path: cover.tif, kind: class, band: 1, nodata: [255, 254]}
  elevation: {path: slope.tif, unit: m, kind: intensive, scale: 2, offset: 1}
  slope: {derive: slope, from: elevation, unit: degree}
  residues: {path: residues.tif, unit: t/yr, kind: extensive}
  parks: {path: parks.gpkg, where: "name in ('park', 'x') and not name like '%a_b%'", buffer: 10 m}
  basins: {path: basins.gpkg, crs: "EPSG:3035"}
  towns: {path: towns.csv, lon: lon, lat: lat}
  units: {path: units.gpkg}
  near: {derive: distance, from: parks, unit: km, where: "name is not null"}
  crowd: {derive: density, from: towns, radius: 2 km}
  mixed: {expression: "where(slope > 3, 0.7 * near, max(near, 1)) ** 2", unit: km}
  flat: {value: 3 m, kind: intensive}
resources:
  land: {usable: {cover: {10: 1, 80: 0.5}}}
  water: {pools: basins, supply: water_m3, unit: m3/yr, name: name}
  power: {pools: basins, supply: spare_gwh, unit: GWh/yr, intensity: g_kwh, intensity_unit: g/kWh}
  biomass: {layer: residues, unit: t/yr, collectable: 40 %}
  storage: {units: units, id: id, capacity: {low: low, central: mt}, injection: rate, cost: usd}
siting:
  exclude:
    - {name: parks, layer: parks, where: "name like 'p%'", buffer: 100 m, for: [daccs-solid]}
    - {layer: cover, classes: [50, "1-11, 80"]}
    - {layer: slope, above: 15 degree, below: 0}
    - {layer: towns, closer_than: 100 m}
    - {smaller_than: 1 ha}
  prefer:
    - {layer: slope, best: 0, worst: 20, weight: 1}
    - {near: towns, points: [[0, 1], [10, 0.5]], weight: 2}
    - {layer: cover, scores: {10: 1, 50: 0.2}}
  combine: geometric
methods:
  daccs-solid: {profile: literature, override: {electricity: 900 kWh, water: 2 m3}}
  beccs-residue: {}
  afforestation: {regions: [parks], gates: false}
costs:
  {base_year: 2020, discount_rate: 7 %, prices: {electricity: 60 USD/MWh, land: 2 EUR2015/ha/yr}}
transport:
  flow: 1 Mt/yr
  reach: 40 km
  surface: {slope: {}, factors: {cover: {10: 1.2}}, crossings: [{layer: parks, adds: 1 km}]}
objective: {minimise: cost, target: 2 kt/yr}
network: {plan: true, catchment: 8 km, time_limit: 5 s, gap: 0.05}
policies:
  - {name: least, at_least: 1 t/yr, methods: [afforestation], layer: basins, zone_name: name,
     zones: [west]}
outputs: {sites: 3, site_distance: 1 km, admin: {layer: basins, name: name}}
"""

DIGITS = "9" * 400
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2**31,
    2**63,
    2**64,
    int(DIGITS),
    -int(DIGITS),
    1e308,
    -1e308,
    5e-324,
    float("nan"),
    float("inf"),
    -float("inf"),
    "",
    " ",
    "\n",
    "0",
    "-0",
    "1e999",
    "1e400 kWh",
    DIGITS,
    DIGITS + " km",
    "nan",
    "inf km",
    "1 km # x",
    "1=1",
    "1: km",
    "9**9**9",
    "9**9**9 km",
    "1 km**99999999",
    "m**1e9",
    "(((((km)))))",
    "1 [",
    "~nouser/x",
    "~",
    "~root/x",
    "/",
    "..",
    "../" * 400,
    "/dev/zero",
    "/dev/stdin",
    "/proc/self/mem",
    "a\0b",
    "x" * 300,
    "x" * 100_000,
    "é" * 5000,
    "\u202e\u200b",
    "😀",
    "\ud7ff\ue000",
    "${HOME}",
    "${NOT_SET_ANYWHERE}",
    "${X:-${Y:-z}}",
    "${" * 1000,
    "%" * 200,
    "name like '" + "%a" * 40 + "'",
    "name = '" + "a" * 5000,
    "(" * 500,
    "not " * 90 + "name = 'a'",
    "name in (" + ", ".join(["'x'"] * 500) + ")",
    "1 " * 5000,
    "EPSG:0",
    "EPSG:" + DIGITS,
    "EPSG:4979",
    "EPSG:5773",
    'LOCAL_CS["x"]',
    "+proj=ortho +lat_0=90",
    "+proj=pipeline +step",
    "PROJCS[" * 50,
    [],
    {},
    [[]],
    [{}],
    {"": ""},
    {"a": 1},
    [1, 2, 3, 4],
    [0, 0, 0, 0],
    [None],
    ["a", "b"],
    [[1, 2]] * 50,
    "daccs-solid",
    "cover",
    "slope",
    "parks",
    "basins",
    "name",
    "2020-01-01",
    "1:30:00",
    "0x10",
    "0b1",
    "1_000",
    "1 000 m2",
    "\u2212 3 m",
    "USD",
    "3 USD1800/t",
    "5 EUR2999/t",
    "¥/t",
    "1/0",
    "0/0",
    "a / a",
    "slope" + " + slope" * 200,
    "-" * 500 + "slope",
    "(" * 90 + "slope" + ")" * 90,
    "slope ** 1e308",
    "1e308 ** slope",
    "where(slope)",
    "__import__('os')",
    "slope.__class__",
    "lambda: 0",
    "[slope]",
    "min(" * 40 + "slope" + ", 1)" * 40,
    "all",
    "auto",
    "region",
    "mean",
    "file",
    "literature",
    "cover.tif",
    "basins.gpkg",
    "study.yaml",
    "towns.csv",
    ".",
    "missing.tif",
    "parks.gpkg",
    "empty.tif",
    "notes.nc",
    "notes.gpkg",
    "notes.csv",
    "notes.fgb",
    "notes.parquet",
    "notes.zarr",
    "loop.tif",
)
ODD_TEXTS = (
    "!!python/object:os.system x",
    "!!binary |\n  x",
    "!!timestamp 2020",
    "!!set {a, b}",
    "!x y",
    "&a [*a]",
    "*a",
    "<<: *a",
    "<<: {a: 1}",
    "? {a: b}\n: c",
    "? [1]\n: 2",
    "---\n",
    "...\n",
    "%YAML 9.9\n---\n",
    "\t",
    "{",
    "}",
    "[",
    "]",
    ":",
    "- ",
    "'",
    '"',
    "|",
    ">",
    "#",
    "&",
    "\0",
    "\x07",
    "\ufeff",
    "\u2028",
    '"\\ud800"',
    '"\\x00"',
    "=",
    "1" * 5000,
    "1." * 500,
    "[" * 900,
    "{a: " * 900,
    "- " * 900,
    "? " * 300,
    "0o777",
    "-.inf",
    "~",
    "null",
    "yes",
    "2001-12-14t21:59:43.10-05:00",
    "2001-99-99",
    "&a 1\nb: *a",
    "name: again",
    "1: 2",
    "true: 1",
    "[a, b]: 1",
    "x: " + "y" * 70_000,
    "12e03",
    "1e5000",
    "!!int x",
    "!!float x",
    "!!int 0x",
    "!!omap [a: 1]",
    "!!null x",
    "!!map []",
    "!!str {}",
    "!<tag> x",
)


MATRICES = (
    "wet: {resources.water.value: 3 m3, name: a}\ndry: {}\n",
    "vary: {costs.discount_rate: [0.05, 0.07], grid.resolution: [1 km, 2 km]}\n",
    "vary: {name: [a, b]}\n",
)
"""Good matrices of a batch."""


def bomb(levels: int, width: int) -> str:
    """Aliases of aliases: a few lines that mean ``width ** levels`` values."""
    lines = ["a0: &a0 [x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * width)}]" for i in range(1, levels)]
    return "\n".join(lines)


def write_rich_world(folder: Path) -> tuple[str, ...]:
    """Write the layers; returns the good scenarios that are mutated."""
    tiny = write_world(folder).read_text(encoding="utf-8")
    write_polygons(
        folder / "units.gpkg",
        [box(0, 0, 3, 3), box(4, 2, 3, 3)],
        id=["a", "b"], low=[1.0, 2.0], mt=[5.0, 8.0], rate=[0.1, 0.2], usd=[3.0, 4.0],
    )  # fmt: skip
    points = gpd.GeoSeries([box(1, 1, 1, 1).centroid, box(6, 4, 1, 1).centroid], crs=3035)
    lonlat = points.to_crs(4326)
    rows = [f"{x:.6f},{y:.6f},town" for x, y in zip(lonlat.x, lonlat.y, strict=True)]
    (folder / "towns.csv").write_text("\n".join(["lon,lat,name", *rows]), encoding="utf-8")
    (folder / "empty.tif").write_bytes(b"")
    for name in ("notes.nc", "notes.gpkg", "notes.csv", "notes.fgb", "notes.parquet", "notes.zarr"):
        (folder / name).write_text("no data", encoding="utf-8")
    (folder / "loop.tif").unlink(missing_ok=True)
    (folder / "loop.tif").symlink_to(folder / "loop.tif")
    small = "name: s\nregion: {bounds: [8, 50, 8.1, 50.1]}\nmethods: {daccs-solid: {}}\n"
    return (
        tiny,
        RICH.replace("boundary: parks.gpkg, where: \"name = 'park'\"", "boundary: basins.gpkg"),
        small,
    )


def mutated_scenario(seed: int, bases: tuple[str, ...]) -> bytes:
    """A scenario file, by its seed alone."""
    rng = random.Random(seed)
    text = rng.choice(bases)
    kind = rng.random()
    if kind < 0.55:
        tree = plain(text)
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            mutate_tree(rng, tree)
        found = dumped(tree)
    elif kind < 0.95:
        for _ in range(rng.choice((1, 1, 2, 4))):
            text = mutate_text(rng, text)
        found = text.encode("utf-8", "surrogatepass")
    elif kind < 0.97:
        found = (bomb(rng.randint(2, 12), rng.randint(2, 9)) + "\n" + text).encode()
    else:
        found = mutate_bytes(rng, text.encode(rng.choice(("utf-8", "utf-16", "latin-1"))))
    return found


def mutated_override(seed: int, bases: tuple[str, ...]) -> str:
    """A text for ``--set``."""
    rng = random.Random(seed)
    keys = list(paths(plain(rng.choice(bases))))
    key = ".".join(map(str, rng.choice(keys))) or "name"
    if rng.random() < 0.3:
        key = mutate_text(rng, key)
    value = rng.choice((*ODD_VALUES, *ODD_TEXTS))
    text = value if isinstance(value, str) else json.dumps(value)
    sign = rng.choice(("=", "=", "=", "=", "==", "", " = ", "=="))
    return (key + sign + text).replace("\0", "\\0" if rng.random() < 0.5 else "")


def mutated_argument(rng: random.Random, good: tuple[str, ...]) -> str:
    """A text after an option of the command line."""
    if rng.random() < 0.4:
        return str(rng.choice([v for v in ODD_VALUES if isinstance(v, str | float)]))
    text = rng.choice(good)
    for _ in range(rng.choice((1, 1, 2, 5))):
        text = mutate_text(rng, text)
    return text


def plain(text: str) -> Any:
    """YAML as Python values."""
    if text not in _PLAIN:
        _PLAIN[text] = json.dumps(_with_text_keys(YAML(typ="safe").load(text)))
    return json.loads(_PLAIN[text])


_PLAIN: dict[str, str] = {}


def _with_text_keys(node: Any) -> Any:
    if isinstance(node, dict):
        return {str(key): _with_text_keys(value) for key, value in node.items()}
    return [_with_text_keys(value) for value in node] if isinstance(node, list) else node


def dumped(tree: Any) -> bytes:
    """JSON, which is YAML too; NaN and infinity as YAML writes them."""
    text = json.dumps(tree, ensure_ascii=True, indent=0)
    for word, yaml in (("-Infinity", "-.inf"), ("Infinity", ".inf"), ("NaN", ".nan")):
        text = text.replace(word, yaml)
    return text.encode()


DEEPEST = 400
"""Levels of a tree that are mutated."""
MOST_NODES = 20_000
"""Nodes of a tree that is multiplied: more take the writer seconds, not the program."""


def paths(tree: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Key paths of all nodes; what lies deeper than any YAML file is left alone."""
    found = [at]
    if len(at) > DEEPEST:
        return found
    items = (
        tree.items()
        if isinstance(tree, dict)
        else enumerate(tree)
        if isinstance(tree, list)
        else ()
    )
    for key, value in items:
        found += paths(value, (*at, key))
    return found


def mutate_tree(rng: random.Random, tree: Any) -> None:
    """Replace, remove, rename, move or double one node in place."""
    every = paths(tree)[1:]
    if not every:
        return
    at = rng.choice(every)
    parent = tree
    for key in at[:-1]:
        parent = parent[key]
    last, what = at[-1], rng.random()
    if what < 0.6:
        parent[last] = copy.deepcopy(rng.choice(ODD_VALUES))  # a later mutation may change it
    elif what < 0.68:
        del parent[last]
    elif what < 0.78 and isinstance(parent, dict):
        odd = (str(last)[::-1], "", "x" * 3000, "é", "a.b", "1", str(last) + " ")
        parent[rng.choice(odd)] = parent.pop(last)
    elif what < 0.88:
        other: Any = tree
        for key in rng.choice(every):
            other = other[key] if isinstance(other, dict | list) else other
        parent[last] = copy.deepcopy(other)
    else:
        parent[last] = _multiplied(rng, parent[last], what)


def _multiplied(rng: random.Random, value: Any, what: float) -> Any:
    """A value nested, many times, or as text."""
    if what < 0.91:
        for _ in range(rng.choice((2, 40, 900))):
            value = rng.choice(([value], {"a": value}))
        return value
    if what < 0.97:
        count = rng.choice((2, 200, 3000))
        if count * len(paths(value)) > MOST_NODES:
            count = 2
        return [value] * count if what < 0.94 else {f"k{i}": value for i in range(count)}
    return mutate_text(rng, value) if isinstance(value, str) else str(value)


def mutate_text(rng: random.Random, text: str) -> str:
    """Cut, double, swap or put in odd text somewhere."""
    at = rng.randint(0, len(text))
    what = rng.random()
    if what < 0.5:
        return text[:at] + rng.choice(ODD_TEXTS) + text[at:]
    if what < 0.6:
        return text[:at] + text[at + rng.randint(1, 30) :]
    if what < 0.7:
        return text[:at] + text[max(0, at - rng.randint(1, 60)) :]
    if what < 0.85:
        return (
            text[:at]
            + chr(rng.choice((*range(32, 127), 0, 9, 13, 160, 8232, 65279)))
            + text[at + 1 :]
        )
    lines = text.splitlines(keepends=True) or [""]
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[i], lines[j] = lines[j], rng.choice((lines[i], "  " + lines[i], lines[i].lstrip()))
    return "".join(lines)


INTEGERS = tuple(
    number.to_bytes(size, order, signed=number < 0)
    for size in (2, 4, 8)
    for order in ("little", "big")
    for number in (
        0,
        1,
        -1,
        2 ** (8 * size - 1) - 1,
        -(2 ** (8 * size - 1)),
        255,
        2 ** (8 * size - 4),
    )
)
FLOATS = tuple(
    np.float64(number).astype(order + "f8").tobytes()
    for order in "<>"
    for number in (np.nan, np.inf, -np.inf, 0.0, 1e308, -1e308, 5e-324, 1e18, 91.0)
)


def mutate_bytes(rng: random.Random, data: bytes) -> bytes:
    """Flip, overwrite, cut or double bytes."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 8, 40))):
        # most of what decides lies near the start
        at = int(len(found) * rng.random() ** rng.choice((1, 1, 3)))
        what = rng.random()
        if what < 0.35 and at < len(found):
            found[at] ^= 1 << rng.randrange(8)
        elif what < 0.65:
            number = rng.choice(INTEGERS)
            found[at : at + len(number)] = number
        elif what < 0.78:
            number = rng.choice(FLOATS)
            found[at : at + len(number)] = number
        elif what < 0.86:
            size = rng.randint(1, 64)
            found[at : at + size] = rng.randbytes(size)
        elif what < 0.91:
            del found[at : at + rng.randint(1, 64)]
        elif what < 0.96:
            found[at:at] = found[max(0, at - rng.randint(1, 64)) : at]
        else:
            del found[at:]
    return bytes(found)
