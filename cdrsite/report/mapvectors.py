"""Shapes of the map: plants, pipes, routes, sites, storage units, pools, zones, and the region."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.memory import remembered
from cdrsite.core.vocabulary import amount, price_in_words
from cdrsite.outputs.legend import class_colour
from cdrsite.outputs.palette import method_colour

if TYPE_CHECKING:
    import geopandas as gpd

    from cdrsite.core.words import Words
    from cdrsite.outputs.runfolder import RunFolder
    from cdrsite.report.mapimage import Picture

DIGITS = 4
"""Of coordinates: about 10 m."""
SMOOTH = 1 / 1500
"""Largest shift of a simplified shape, as part of the map's longer side."""
MOST_SHAPES = 2000
"""Of one layer; the largest are kept."""
KNOWN = (
    "provinces", "storage", "network_storage", "routes", "corridors", "pipes", "sites",
    "emitters", "plants",
)  # fmt: skip
SHOWN = frozenset({"provinces", "plants", "pipes", "emitters", "network_storage"})
"""Layers that are shown at first."""
SCALES = {
    "plants": "map.scale.area",
    "emitters": "map.scale.area",
    "network_storage": "map.scale.area",
    "pipes": "map.scale.width",
    "corridors": "map.scale.routes",
}
"""Layer -> words for what the size of its signs stands for."""
CAPACITY = "#444444"

Properties = Mapping[str, Any]
Facts = list[tuple[str, str]]


def vector_layers(run: RunFolder, words: Words) -> dict[str, dict[str, Any]]:
    """Layers of a run's GeoPackage for the map.

    Parameters
    ----------
    run : RunFolder
        Its layers.
    words : Words
        Language of names and facts.

    Returns
    -------
    dict
        Name -> ``title``, ``kind`` (point, line, area), ``shown``, ``scale`` (words for what
        sizes mean) and ``shapes``: each with GeoJSON ``geometry`` [degree], ``title``, ``facts``
        (what, value), ``colour`` and ``size``.
    """
    found = {}
    for name in ordered(run.layers):
        frame = run.layer(name)
        frame = frame[frame.geometry.notna() & ~frame.geometry.is_empty]
        if frame.empty:
            continue
        kind = _kind(frame)
        rows = frame.drop(columns=frame.geometry.name).to_dict("records")
        styled = [describe(name, row, words, run) for row in rows]
        keep = _largest(rows)
        found[name] = {
            "title": layer_title(name, words),
            "kind": kind,
            "shown": name in SHOWN,
            "scale": SCALES.get(name, ""),
            "shapes": [
                {"geometry": geometry, **styled[i]}
                for i, geometry in zip(keep, lonlat(frame.iloc[keep]), strict=True)
            ],
        }
    return found


def ordered(layers: tuple[str, ...]) -> list[str]:
    """Areas first, so that lines and points lie above them."""
    pools = sorted(name for name in layers if name.startswith("pools_"))
    zones = sorted(name for name in layers if name not in KNOWN and name not in pools)
    return [*pools, *zones, *(name for name in KNOWN if name in layers)]


def layer_title(name: str, words: Words) -> str:
    """Title of a layer; a user's own zoning keeps its name."""
    if name.startswith("pools_"):
        return words("map.vector.pools", resource=words.resource(name.removeprefix("pools_")))
    return words.named("map.vector", name)


def _kind(frame: gpd.GeoDataFrame) -> str:
    shape = str(frame.geometry.iloc[0].geom_type)
    return "point" if "Point" in shape else "line" if "Line" in shape else "area"


def _largest(rows: list[dict[str, Any]]) -> list[int]:
    """Positions of at most :data:`MOST_SHAPES` rows, those with the largest flow first."""
    if len(rows) <= MOST_SHAPES:
        return list(range(len(rows)))
    weight = [number(row, "flow_t_yr", "gross_t_yr") or 0.0 for row in rows]
    return sorted(np.argsort(np.negative(weight), kind="stable")[:MOST_SHAPES].tolist())


def lonlat(frame: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """Simplified geometries in degrees with rounded coordinates."""
    content = (frame.geometry.to_wkb().tolist(), frame.crs.to_wkt())
    return remembered("lonlat", content, lambda: _lonlat(frame))


def _lonlat(frame: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    import shapely

    west, south, east, north = frame.total_bounds
    shapes = frame.geometry
    if _kind(frame) != "point":
        shapes = shapes.simplify(max(east - west, north - south) * SMOOTH, preserve_topology=True)
    degrees = shapes.to_crs("EPSG:4326").to_numpy()
    return [rounded(shapely.geometry.mapping(shape)) for shape in degrees]


def rounded(geometry: Mapping[str, Any]) -> dict[str, Any]:
    """GeoJSON with coordinates of :data:`DIGITS` decimals."""

    def short(part: Any) -> Any:
        if isinstance(part, int | float):
            return round(float(part), DIGITS)
        return [short(item) for item in part]

    return {"type": geometry["type"], "coordinates": short(geometry["coordinates"])}


# --------------------------------------------------------------------- words


def number(row: Properties, *names: str) -> float | None:
    """First of the columns that holds a number."""
    for name in names:
        value = row.get(name)
        if isinstance(value, int | float | np.number) and math.isfinite(value):
            return float(value)
    return None


def text_of(row: Properties, name: str) -> str:
    """Text of a column; nothing where there is none."""
    value = row.get(name)
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else str(value)


def describe(layer: str, row: Properties, words: Words, run: RunFolder) -> dict[str, Any]:
    """Title, facts, colour and size of one shape."""
    family = "pools" if layer.startswith("pools_") else layer
    writer = WRITERS.get(family, _zone)
    colour, size = _style(layer, row, run)
    title, facts = writer(row, words)
    return {
        "title": title,
        "facts": [(what, value) for what, value in facts if value],
        "colour": colour,
        "size": size,
    }


def _style(layer: str, row: Properties, run: RunFolder) -> tuple[str, float]:
    """Colour, and what the width or the area of the sign grows with."""
    if layer.startswith("pools_"):
        return class_colour(layer.removeprefix("pools_")), 0.0
    if layer == "network_storage":
        return class_colour("storage"), number(row, "stored_t_yr") or 0.0
    if layer == "storage":
        return class_colour("storage"), 0.0
    flow = number(row, "flow_t_yr", "stored_t_yr", "gross_t_yr", "routes") or 0.0
    if text_of(row, "method"):
        return method_colour(text_of(row, "method"), run.methods), 0.0 if layer == "sites" else flow
    return {"pipes": "#3B1F6B", "corridors": "#7A5BA8"}.get(layer, CAPACITY), flow


def _fact(
    words: Words, row: Properties, name: str, unit: str, factor: float = 1.0
) -> tuple[str, str]:
    """A number of a row with its unit; no value where the row has none."""
    value = number(row, name)
    shown = "" if value is None else f"{words.number(value * factor)} {words.unit(unit)}".rstrip()
    return words(f"fact.{name}"), shown


def _method(row: Properties, words: Words) -> str:
    return words.method(text_of(row, "method"))


def _site(row: Properties, words: Words) -> tuple[str, Facts]:
    rank = words.number(int(number(row, "rank") or 0))
    return words("map.site", method=_method(row, words), rank=rank), [
        (words("fact.in_plan"), _yes(words, row)),
        _fact(words, row, "net_t_yr", "t/yr"),
        _fact(words, row, "cost_usd_per_net_t", "USD/t"),
        _fact(words, row, "suitability", ""),
        (words("fact.storage_unit"), text_of(row, "storage_unit")),
        _fact(words, row, "transport_km", "km"),
    ]


def _yes(words: Words, row: Properties) -> str:
    """Whether a site is in the plan, in a word; none where the run does not say."""
    if row.get("in_plan") is None:
        return ""
    return words("sites.yes" if number(row, "in_plan") else "sites.no")


def _plant(row: Properties, words: Words) -> tuple[str, Facts]:
    return words("map.plant", method=_method(row, words)), [
        (words("fact.name"), text_of(row, "name")),
        _fact(words, row, "gross_t_yr", "t/yr"),
        _fact(words, row, "stored_t_yr", "t/yr"),
        _fact(words, row, "haul_km", "km"),
    ]


def _emitter(row: Properties, words: Words) -> tuple[str, Facts]:
    return text_of(row, "name") or text_of(row, "unit"), [
        (words("emitters.ledger"), text_of(row, "ledger")),
        _fact(words, row, "stored_t_yr", "t/yr"),
    ]


def _pipe(row: Properties, words: Words) -> tuple[str, Facts]:
    mode = words.heading(words.named("mode", text_of(row, "mode")))
    return mode, [
        (words("fact.start"), text_of(row, "start")),
        (words("fact.end"), text_of(row, "end")),
        _fact(words, row, "flow_t_yr", "t/yr"),
        _fact(words, row, "length_km", "km"),
        _fact(words, row, "inch", "inch"),
        _fact(words, row, "cost_usd_yr", "USD/yr"),
    ]


def _route(row: Properties, words: Words) -> tuple[str, Facts]:
    rank = words.number(int(number(row, "rank") or 0))
    return words("map.route", method=_method(row, words), rank=rank), [
        (words("fact.storage_unit"), text_of(row, "storage_unit")),
        (words("fact.mode"), words.heading(words.named("mode", text_of(row, "mode")))),
        _fact(words, row, "length_km", "km"),
        _fact(words, row, "transport_cost_usd_t", "USD/t"),
    ]


def _corridor(row: Properties, words: Words) -> tuple[str, Facts]:
    return words("map.corridor"), [
        (words("fact.storage_unit"), text_of(row, "storage_unit")),
        _fact(words, row, "routes", ""),
        _fact(words, row, "length_km", "km"),
        (words("fact.used_by"), text_of(row, "used_by")),
    ]


def _storage(row: Properties, words: Words) -> tuple[str, Facts]:
    return text_of(row, "unit"), [
        _fact(words, row, "injected_mt_yr", "Mt/yr"),
        _fact(words, row, "injection_mt_yr", "Mt/yr"),
        _fact(words, row, "capacity_mt", "Mt"),
        _fact(words, row, "storage_cost_usd_t", "USD/t"),
        _fact(words, row, "used_percent", "%"),
    ]


def _pool(row: Properties, words: Words) -> tuple[str, Facts]:
    size, unit = amount(text_of(row, "unit")).total
    price, (factor, unit_paid) = (
        number(row, "price"),
        price_in_words(text_of(row, "price_unit"), words),
    )
    paid = f"{words.number(factor * price)} {unit_paid}" if price else ""
    return text_of(row, "zone"), [
        _fact(words, row, "supply", unit, 1 / size),
        _fact(words, row, "use", unit, 1 / size),
        (words("fact.price"), paid or words("fact.no_price")),
    ]


def _zone(row: Properties, words: Words) -> tuple[str, Facts]:
    return text_of(row, "zone") or text_of(row, "name"), [
        _fact(words, row, "net_mt_yr", "Mt/yr"),
        _fact(words, row, "cost_musd_yr", "MUSD/yr"),
        _fact(words, row, "land_km2", "km2"),
    ]


WRITERS: dict[str, Callable[[Properties, Words], tuple[str, Facts]]] = {
    "sites": _site,
    "plants": _plant,
    "emitters": _emitter,
    "network_storage": _emitter,
    "pipes": _pipe,
    "routes": _route,
    "corridors": _corridor,
    "storage": _storage,
    "pools": _pool,
}


# -------------------------------------------------------------------- region


def outline(picture: Picture, inside: np.ndarray[Any, np.dtype[np.bool_]]) -> list[dict[str, Any]]:
    """Outline of the region from a picture's pixels, in degrees."""
    import geopandas as gpd
    from rasterio.features import shapes
    from shapely.geometry import shape

    mask = inside.astype(np.uint8)
    found = [shape(g) for g, value in shapes(mask, mask.astype(bool), transform=picture.transform)]
    if not found:
        return []
    # more than a few hundred islands are specks on such a map
    found = sorted(found, key=lambda part: -part.area)[:300]
    return lonlat(gpd.GeoDataFrame(geometry=found, crs=picture.crs))
