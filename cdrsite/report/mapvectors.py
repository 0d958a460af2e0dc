"""Shapes of the map: plants, pipes, routes, sites, storage units, pools, zones, and the region."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from cdrsite.core.memory import remembered
from cdrsite.core.vocabulary import amount, price_in_words
from cdrsite.outputs.legend import class_colour
from cdrsite.outputs.nodes import node
from cdrsite.outputs.palette import SCREENING_COLOUR, method_colour
from cdrsite.outputs.tonnes import LAYER
from cdrsite.report.frame import word

if TYPE_CHECKING:
    import geopandas as gpd

    from cdrsite.core.words import Words
    from cdrsite.report.mapimage import Picture

DIGITS = 4
"""Of coordinates: about 10 m."""
SMOOTH = 1 / 1500
"""Largest shift of a simplified shape, as part of the map's longer side."""
MOST_SHAPES = 2000
"""Of one layer; the largest are kept."""
KNOWN = (
    "provinces", "storage", "network_storage", "routes", "corridors", "pipes", "sites",
    "emitters", "network_emitters", "standing", "plants", "tonnes", "screening",
)  # fmt: skip
SHOWN = frozenset({
    "provinces", "storage", "tonnes", "pipes", "emitters", "standing", "network_emitters",
    "network_storage",
})  # fmt: skip
"""Layers that are shown at first."""
SCALES = {
    "tonnes": "map.scale.area",
    "plants": "map.scale.area",
    "emitters": "map.scale.emitters",
    "standing": "map.scale.standing",
    "network_emitters": "map.scale.area",
    "network_storage": "map.scale.area",
    "pipes": "map.scale.width",
    "corridors": "map.scale.routes",
}
"""Layer -> words for what the size of its signs stands for."""
CAPACITY = "#444444"

Properties = Mapping[str, Any]


class Shapes(Protocol):
    """Vector layers by name, and the methods that have colours: a run's folder, or a result."""

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods, in the order of the scenario."""
        ...

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers."""
        ...

    def layer(self, name: str) -> gpd.GeoDataFrame:
        """One layer, in the CRS of the grid."""
        ...


def vector_layers(run: Shapes, words: Words) -> dict[str, dict[str, Any]]:
    """Layers of a run for the map.

    Parameters
    ----------
    run : Shapes
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
    layers = {}
    for name in ordered(run.layers):
        frame = run.layer(name)
        frame = frame[frame.geometry.notna() & ~frame.geometry.is_empty]
        if frame.empty:
            continue
        rows = frame.drop(columns=frame.geometry.name).to_dict("records")
        keep = _largest(
            [_style(name, row, run)[1] or number(row, "gross_t_yr") or 0.0 for row in rows]
        )
        layers[name] = {
            "title": layer_title(name, words),
            "kind": _kind(frame),
            # circles of tonnes stand where the plants do
            "shown": name in SHOWN or (name == "plants" and LAYER not in run.layers),
            "scale": SCALES.get(name, ""),
            "shapes": [
                {"geometry": geometry, **describe(name, rows[i], words, run)}
                for i, geometry in zip(keep, lonlat(frame.iloc[keep]), strict=True)
            ],
        }
    return layers


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


def _largest(sizes: list[float]) -> list[int]:
    """Positions of at most :data:`MOST_SHAPES` shapes, those with the largest signs."""
    return sorted(np.argsort(np.negative(sizes), kind="stable")[:MOST_SHAPES].tolist())


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


def describe(layer: str, row: Properties, words: Words, run: Shapes) -> dict[str, Any]:
    """Title, facts, colour and size of one shape."""
    colour, size = _style(layer, row, run)
    facts = _pool_facts(row, words) if layer.startswith("pools_") else [
        (words(LABELS.get(column, f"fact.{column}")), _value(row, column, unit, words, run.methods))
        for column, unit in FACTS.get(layer, ZONE_FACTS)
    ]  # fmt: skip
    return {
        "title": _title(layer, row, words),
        "facts": [(what, value) for what, value in facts if value],
        "colour": colour,
        "size": size,
    }


def _style(layer: str, row: Properties, run: Shapes) -> tuple[str, float]:
    """Colour, and what the width or the area of the sign grows with."""
    if layer.startswith("pools_") or layer == "storage":
        return class_colour(layer.removeprefix("pools_")), 0.0
    if layer == "network_storage":
        return class_colour("storage"), number(row, "stored_t_yr") or 0.0
    names: tuple[str, ...] = ("flow_t_yr", "stored_t_yr", "captured_t_yr", "gross_t_yr", "routes")
    names = ("net_t_yr",) if layer == LAYER else names
    flow = number(row, *names) or 0.0
    if layer == "screening":
        return SCREENING_COLOUR, 0.0
    if method := word(row.get("method")):
        return method_colour(method, run.methods), 0.0 if layer == "sites" else flow
    return {"pipes": "#3B1F6B", "corridors": "#7A5BA8"}.get(layer, CAPACITY), flow


TEXT, NODE, YES_NO, MODE, ORIGIN = "text", "node", "yes or no", "mode", "origin"
"""Kinds of facts that are no numbers with a unit."""
FACTS: dict[str, tuple[tuple[str, str], ...]] = {
    "sites": (
        ("in_plan", YES_NO), ("net_t_yr", "t/yr"), ("cost_usd_per_net_t", "USD/t"),
        ("suitability", ""), ("storage_unit", TEXT), ("transport_km", "km"),
    ),
    "plants": (
        ("name", NODE), ("gross_t_yr", "t/yr"), ("stored_t_yr", "t/yr"), ("haul_km", "km"),
    ),
    "tonnes": (("net_t_yr", "t/yr"), ("cells", "")),
    "emitters": (
        ("origin", ORIGIN), ("captured_t_yr", "t/yr"), ("can_capture_t_yr", "t/yr"),
        ("storage", TEXT), ("from_year", TEXT), ("retires", TEXT),
    ),
    "standing": (
        ("gross_t_yr", "t/yr"), ("capacity_t_yr", "t/yr"), ("storage", TEXT), ("built", TEXT),
        ("retires", TEXT),
    ),
    "network_emitters": (("ledger", TEXT), ("stored_t_yr", "t/yr")),
    "network_storage": (("ledger", TEXT), ("stored_t_yr", "t/yr")),
    "pipes": (
        ("start", NODE), ("end", NODE), ("flow_t_yr", "t/yr"), ("length_km", "km"),
        ("inch", "inch"), ("cost_usd_yr", "USD/yr"),
    ),
    "routes": (
        ("storage_unit", TEXT), ("mode", MODE), ("length_km", "km"),
        ("transport_cost_usd_t", "USD/t"),
    ),
    "corridors": (("storage_unit", TEXT), ("routes", ""), ("length_km", "km"), ("used_by", NODE)),
    "screening": (("point", TEXT), ("score", "")),
    "storage": (
        ("injected_mt_yr", "Mt/yr"), ("injection_mt_yr", "Mt/yr"), ("capacity_mt", "Mt"),
        ("storage_cost_usd_t", "USD/t"), ("used_percent", "%"),
    ),
}  # fmt: skip
"""Layer -> what is told of its shapes: column, and its unit or kind."""
COUNTED = frozenset({"", "inch"})
"""Units of what is counted, or sold in whole numbers."""
LABELS = {
    "ledger": "emitters.ledger", "point": "screening.point", "score": "screening.score",
}  # fmt: skip
"""Column -> words of what it is, where these are not those of the fact of its name."""
ZONE_FACTS = (("net_mt_yr", "Mt/yr"), ("cost_musd_yr", "MUSD/yr"), ("land_km2", "km2"))


def _value(
    row: Properties, column: str, unit: str, words: Words, methods: tuple[str, ...] = ()
) -> str:
    """A fact of a shape in words; nothing where the run does not say."""
    if unit in {TEXT, NODE}:
        name = word(row.get(column))
        return node(name, words, methods) if unit == NODE else name
    if unit in {MODE, ORIGIN}:
        return words.heading(words.named(unit, word(row.get(column))))
    if unit == YES_NO:
        known = row.get(column) is not None
        return words("sites.yes" if number(row, column) else "sites.no") if known else ""
    value = number(row, column)
    return "" if value is None else measured(value, unit, words)


def measured(value: float, unit: str, words: Words) -> str:
    """A number in the unit that fits it, 7.73 Mt/yr for 7 732 348 t/yr; counts have no decimals."""
    size, name = amount(unit).of(value)
    shown = int(value) if unit in COUNTED and value == int(value) else value / size
    return f"{words.number(shown)} {words.unit(name)}".rstrip()


def _title(layer: str, row: Properties, words: Words) -> str:
    method = words.method(word(row.get("method")))
    if layer in {"sites", "routes", "screening"}:
        rank = words.number(int(number(row, "rank") or 0))
        return words(f"map.{layer.removesuffix('s')}", method=method, rank=rank)
    if layer in {"plants", LAYER}:
        return method if layer == LAYER else words("map.plant", method=method)
    if layer == "corridors":
        return words("map.corridor")
    if layer in {"emitters", "standing", "network_emitters", "network_storage"}:
        return word(row.get("name")) or word(row.get("unit"))
    if layer == "pipes":
        return _value(row, "mode", MODE, words)
    return word(row.get("unit" if layer == "storage" else "zone")) or word(row.get("name"))


def _pool_facts(row: Properties, words: Words) -> list[tuple[str, str]]:
    """Supply and use in the unit of the pool, and what one more unit of it is worth."""
    size, unit = amount(word(row.get("unit"))).total
    told = {column: number(row, column) for column in ("supply", "use")}
    facts = [
        (words(f"fact.{column}"), f"{words.number(value / size)} {words.unit(unit)}")
        for column, value in told.items()
        if value is not None
    ]
    price = number(row, "price")
    factor, unit_paid = price_in_words(word(row.get("price_unit")), words)
    paid = f"{words.number(factor * price)} {unit_paid}" if price else words("fact.no_price")
    return [*facts, (words("fact.price"), paid)]


# -------------------------------------------------------------------- region


def outline(picture: Picture, inside: np.ndarray[Any, np.dtype[np.bool_]]) -> list[dict[str, Any]]:
    """Outline of the region from a picture's pixels, in degrees."""
    import geopandas as gpd
    from rasterio.features import shapes
    from shapely.geometry import shape

    mask = inside.astype(np.uint8)
    parts = [shape(g) for g, value in shapes(mask, mask.astype(bool), transform=picture.transform)]
    if not parts:
        return []
    # more than a few hundred islands are specks on such a map
    largest = sorted(parts, key=lambda part: -part.area)[:300]
    return lonlat(gpd.GeoDataFrame(geometry=largest, crs=picture.crs))
