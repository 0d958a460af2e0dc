"""The vector layers of a run: what each holds, what its columns mean, and how it is drawn.

One module: a layer is its columns, their meaning and its style, side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.bymethod import net_column
from cdrsite.core.states import OUTSIDE
from cdrsite.core.vocabulary import RESOURCES, price_in_words
from cdrsite.core.words import Words
from cdrsite.outputs.columns import FIELDS, column_name
from cdrsite.outputs.legend import worded
from cdrsite.outputs.palette import SCREENING_COLOUR, method_colour
from cdrsite.outputs.sld import vector_sld
from cdrsite.outputs.styles import (
    Pattern,
    Shape,
    StyleRule,
    Symbol,
    number_rules,
    qml,
    quoted,
    signed_rules,
    text,
    unknown,
)
from cdrsite.outputs.tips import tips_of, told_by
from cdrsite.outputs.tonnes import LAYER, NET, plan_circles, sized

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from cdrsite.result.study_result import StudyResult

TRUCK = "truck"
"""Mode of transport whose routes are dashed."""
KNOWN = ("region", "routes", "corridors", "storage", "provinces", "plants", "pipes", LAYER)
"""Features with a style of their own, besides pools."""
OTHER_COLOUR = "#333333"
REMOVING_COLOUR = "#CC79A7"
"""Of emitters whose captured CO2 counts as removal: no method's colour is near it."""
IDLE = Symbol("marker", "#FFFFFF", 1.6)
"""Of works that capture nothing."""
CAPTORS = {
    "emitters": "captured_t_yr", "standing": "gross_t_yr", "network_emitters": "stored_t_yr",
}  # fmt: skip
"""Points beside the cells of a plan -> the column of what each captures [t/yr]."""
STORAGE_COLOUR = RESOURCES["storage"].colour
OUTLINE_CELLS = 2048
"""Rows and columns at most that the outline of the region is drawn from."""
OWN_COLOURS = {"screening": SCREENING_COLOUR}
"""Layer of one symbol -> its colour."""
Column = tuple[str, str, str]
"""Name of a column for people, its unit, and its meaning."""
PLAN_SUMS = ("net_mt_yr", "gross_mt_yr", "cost_musd_yr", "land_km2")
"""Columns of the table of provinces that add up over the methods."""


@dataclass(frozen=True)
class VectorLayer:
    """A layer of the GeoPackage.

    Attributes
    ----------
    name, description : str
        In words.
    frame : DataFrame or GeoDataFrame
        Its rows.
    geometry : str or None
        OGR geometry type; None for a table.
    rules : sequence of StyleRule
        Its style.
    label : str or None
        Column that is written on the map.
    fields : dict
        Column -> name for people with its unit, and its meaning.
    smoothed : bool
        Whether lines are drawn with their corners cut.
    tips : tuple of (str, str)
        What a tip tells of a shape (:func:`cdrsite.outputs.tips.tips_of`).
    label_told : str
        Expression of QGIS that tells the label, where that is not the column itself.
    """

    name: str
    description: str
    frame: Any
    geometry: str | None
    rules: Sequence[StyleRule]
    label: str | None
    fields: dict[str, tuple[str, str]]
    smoothed: bool = False
    tips: tuple[tuple[str, str], ...] = ()
    label_told: str = ""

    def style(self) -> str:
        """Its style as QGIS reads it."""
        aliases = {column: alias for column, (alias, _) in self.fields.items()}
        return qml(
            self.rules, aliases, label=self.label, told=self.label_told, smoothed=self.smoothed
        )

    def sld(self) -> str:
        """The same style as GeoServer and other GIS read it."""
        return vector_sld(self.name, self.description, self.rules, label=self.label)


def vector_layers(result: StudyResult, words: Words) -> Iterator[VectorLayer]:
    """The layers of a result in the order of a legend, points over lines over polygons.

    Classes of legends, names of columns and tips are in the words of a language.
    """
    for layer in _layers(result, words):
        label = layer.label
        told = told_by(label, layer.frame[label], words, result.methods) if label else ""
        yield replace(
            layer,
            tips=tips_of(layer.frame, layer.fields, words, result.methods),
            label_told=told if label and told != quoted(label) else "",
        )


def _layers(result: StudyResult, words: Words) -> Iterator[VectorLayer]:
    """The layers without their tips."""
    features, tables, methods = result.features, result.tables, result.methods
    circles = _circles(result)
    largest = _largest(result, circles)
    yield from _region(result, words)
    if "sites" in tables:
        yield _sites(result, words)
    if len(tables.get("sites_uncertain", ())):
        yield _site_samples(result, words)
    lines: dict[str, Callable[[Any, Sequence[str], Words], VectorLayer]] = {
        "routes": _routes, "corridors": _corridors, "plants": partial(_plants, largest=largest),
        "pipes": _pipes,
    }  # fmt: skip
    for name, layer_of in lines.items():
        if name in features:
            yield layer_of(features[name], methods, words)
    if circles is not None:
        yield _tonnes(circles, methods, words, largest)
    if "storage" in features:
        yield _storage(features["storage"], tables["storage"], tables["pools"], words)
    for name, frame in features.items():
        if name.startswith("pools_"):
            yield _pools(name.removeprefix("pools_"), frame, tables["pools"], words)
    if "provinces" in features:
        yield _provinces(features["provinces"], tables["provinces"], methods, words)
    yield from _beside(result, words, largest)
    if "exclusions" in tables:
        yield _layer("exclusions", words, tables["exclusions"], None, ())


def _beside(result: StudyResult, words: Words, largest: float) -> Iterator[VectorLayer]:
    """Works beside the cells of a plan, and what this module knows nothing of."""
    for name, frame in result.features.items():
        if name in CAPTORS and CAPTORS[name] in frame:
            yield _captors(name, frame, result.methods, words, largest)
        elif name not in KNOWN and not name.startswith("pools_"):
            yield _other(name, frame, words)


def _layer(
    name: str,
    words: Words,
    frame: Any,
    geometry: str | None,
    rules: Sequence[StyleRule],
    label: str | None = None,
    special: Mapping[str, Column] | None = None,
    *,
    smoothed: bool = False,
    about: str = "",
) -> VectorLayer:
    """A layer whose columns are named as the words say, or as ``special`` does."""
    fields = _named(frame, special or {}, words)
    about = about or words.named("qgis.about", name)
    return VectorLayer(name, about, frame, geometry, rules, label, fields, smoothed)


def _named(
    frame: pd.DataFrame, special: Mapping[str, Column], words: Words
) -> dict[str, tuple[str, str]]:
    """Names with units, and meanings, of a frame's columns; no name twice."""
    fields: dict[str, tuple[str, str]] = {}
    for column in frame.columns:
        if column == getattr(getattr(frame, "geometry", None), "name", None):
            continue
        plain = (column_name(column, words), *FIELDS.get(column, ("", "")))
        name, unit, meaning = special.get(column, plain)
        shown = f"{name} [{words.unit(unit)}]" if unit not in {"", "1"} else name
        if shown in {alias for alias, _ in fields.values()}:
            shown = f"{shown} ({column})"
        fields[column] = (shown, meaning)
    return fields


def _sites(result: StudyResult, words: Words) -> VectorLayer:
    import geopandas as gpd

    table = result.tables["sites"]
    points = gpd.points_from_xy(table["x"], table["y"]) if len(table) else []
    frame = gpd.GeoDataFrame(table, geometry=points, crs=result.grid.wkt)
    rules = _method_rules(result.methods, result.methods, 2.6, words)
    return _layer("sites", words, frame, "Point", rules)


def _site_samples(result: StudyResult, words: Words) -> VectorLayer:
    import geopandas as gpd

    table = result.tables["sites_uncertain"]
    points = gpd.points_from_xy(table["x"], table["y"])
    frame = gpd.GeoDataFrame(table, geometry=points, crs=result.grid.wkt)
    rules = [
        StyleRule(f'"core" = {int(core)}', label, Symbol("marker", colour, size))
        for core, label, colour, size in (
            (True, words("legend.core"), "#08519c", 3.2),
            (False, words("legend.core.not"), "#9ecae1", 2.4),
        )
    ]
    return _layer("site_samples", words, frame, "Point", rules)


def _method_rules(
    shown: Sequence[str], methods: Sequence[str], size: float, words: Words
) -> list[StyleRule]:
    """Markers in the colours of the methods; those of a user's own follow from all methods."""
    return [
        StyleRule(
            _is("method", name), label, Symbol("marker", method_colour(name, tuple(methods)), size)
        )
        for name, label in worded(shown, words).items()
    ]


def _is(column: str, value: str) -> str:
    """Condition that a column has a value."""
    return f"{quoted(column)} = {text(value)}"


def _routes(frame: gpd.GeoDataFrame, _: Sequence[str], words: Words) -> VectorLayer:
    frame = frame.drop(columns="smoothed").rename(columns={"cost_usd_t": "transport_cost_usd_t"})
    column = "transport_cost_usd_t"
    cost = frame[column].to_numpy()
    rules = []
    for mode in sorted(set(frame["mode"])):
        for rule in number_rules(
            column, cost, "magma_r", "line", size=0.7, unit=words.unit("USD/t"),
            guard=_is("mode", mode), words=words,
        ):  # fmt: skip
            symbol = replace(rule.symbol, dashed=mode == TRUCK)
            rules.append(StyleRule(rule.filter, _of_mode(mode, rule.label, words), symbol))
    return _layer("routes", words, frame, "LineString", rules, smoothed=True)


def _of_mode(mode: str, label: str, words: Words) -> str:
    """A class of one mode of transport."""
    return words("list.comma").join((words.named("mode", mode), label))


def _region(result: StudyResult, words: Words) -> Iterator[VectorLayer]:
    """Outline of the cells of the region; of a large grid, of every n-th."""
    name = next((one for one in ("state", "winner") if one in result.dataset), None)
    if name is None:
        return
    import geopandas as gpd
    import shapely
    from affine import Affine
    from rasterio.features import shapes

    step = max(1, -(-max(result.grid.shape) // OUTLINE_CELLS))
    part = slice(step // 2, None, step)
    inside = result.dataset[name].isel(y=part, x=part).to_numpy() != OUTSIDE
    t = result.grid.transform
    transform = Affine(t.a * step, 0.0, t.c, 0.0, t.e * step, t.f)
    found = shapes(inside.astype(np.uint8), mask=inside, transform=transform)
    parts = shapely.union_all([shapely.geometry.shape(shape) for shape, _ in found])
    whole = shapely.MultiPolygon(list(getattr(parts, "geoms", [parts])))
    frame = gpd.GeoDataFrame(
        {"zone": [result.scenario.name]}, geometry=[whole], crs=result.grid.wkt
    )
    rules = [
        StyleRule(
            '"zone" IS NOT NULL',
            words("qgis.layer.region"),
            Symbol("fill", OTHER_COLOUR, 0.5, pattern="no"),
        )
    ]
    yield _layer("region", words, frame, "MultiPolygon", rules)


def _circles(result: StudyResult) -> gpd.GeoDataFrame | None:
    """Where the plan's tonnes are, as points; None where the result does not say."""
    evidence = {"allocated", "limit", "net_factor"} <= set(result.dataset.data_vars)
    if not (evidence and result.methods):
        return None
    return plan_circles(result.dataset, result.grid, result.features.get("plants"))


def _largest(result: StudyResult, circles: gpd.GeoDataFrame | None) -> float:
    """The most tonnes that a circle of the plan, or beside it, stands for: one scale for all."""
    shown = [
        (frame, column)
        for name, column in CAPTORS.items()
        if (frame := result.features.get(name)) is not None and column in frame
    ]
    shown += [] if circles is None else [(circles, NET)]
    each = [frame[column].to_numpy(np.float64) for frame, column in shown]
    known = np.concatenate([np.zeros(1), *each])
    return float(known[np.isfinite(known)].max())


def _tonnes(
    frame: gpd.GeoDataFrame, methods: Sequence[str], words: Words, largest: float
) -> VectorLayer:
    """Where the plan's tonnes are, as circles of equal tonnes per area."""
    shown = [name for name in methods if name in set(frame["method"])]
    rules = _method_rules(shown, methods, 4.2, words)
    rules = sized(rules, NET, frame[NET], words, largest)
    return _layer(LAYER, words, frame, "Point", rules)


def _plants(
    frame: gpd.GeoDataFrame, methods: Sequence[str], words: Words, largest: float
) -> VectorLayer:
    built = set(frame["method"])
    rules = _method_rules([name for name in methods if name in built], methods, 4.2, words)
    rules = sized(rules, "gross_t_yr", frame["gross_t_yr"], words, largest)
    zone = {"zone": (words("qgis.column.province"), "", "")}
    label = "name" if "name" in frame else None
    return _layer("plants", words, frame, "Point", rules, label, zone)


def _pipes(frame: gpd.GeoDataFrame, _: Sequence[str], words: Words) -> VectorLayer:
    """The more flows the wider; trucks are dashed."""
    flow = frame["flow_t_yr"].to_numpy()
    rules = []
    for mode in sorted(set(frame["mode"])):
        classes = number_rules(
            "flow_t_yr",
            flow,
            "Greys",
            "line",
            unit=words.unit("Mt/yr"),
            per=1e-6,
            guard=_is("mode", mode),
            adds_up=True,
            words=words,
        )
        for i, rule in enumerate(classes):
            symbol = Symbol("line", OTHER_COLOUR, 0.6 + 0.5 * i, dashed=mode == TRUCK)
            rules.append(StyleRule(rule.filter, _of_mode(mode, rule.label, words), symbol))
    if not np.isfinite(flow).all():
        rules.append(unknown("line", words.called("unknown")))
    kind = _multi("LineString", frame)
    return _layer("pipes", words, frame, kind, rules)


def _multi(kind: str, frame: gpd.GeoDataFrame) -> str:
    """OGR's type of geometries of a kind, of which some may have several parts."""
    return f"Multi{kind}" if frame.geom_type.str.startswith("Multi").any() else kind


def _other(name: str, frame: gpd.GeoDataFrame, words: Words) -> VectorLayer:
    """A layer that this module knows nothing of: one symbol, plain names."""
    kinds = {kind.removeprefix("Multi") for kind in frame.geom_type.dropna()}
    kind = kinds.pop() if len(kinds) == 1 else "Unknown"
    shapes: dict[str, Shape] = {"Point": "marker", "LineString": "line", "Polygon": "fill"}
    sizes = {"marker": 3.0, "line": 0.9, "fill": 0.26}
    known = words.has(f"qgis.layer.{name}")
    title = words.named("qgis.layer", name) if known else name.replace("_", " ").capitalize()
    rules = []
    if kind in shapes:
        shape, colour = shapes[kind], OWN_COLOURS.get(name, OTHER_COLOUR)
        rules = [StyleRule("ELSE", title, Symbol(shape, colour, sizes[shape], 0.9))]
        kind = _multi(kind, frame)
    return _layer(name, words, frame, kind, rules, about=title)


def _captors(
    name: str, frame: gpd.GeoDataFrame, methods: Sequence[str], words: Words, largest: float
) -> VectorLayer:
    """Works beside the plan, as large as what each captures, on the scale of the plan's circles."""
    column = CAPTORS[name]
    if name == "standing":
        shown = [method for method in methods if method in set(frame["method"])]
        rules = _method_rules(shown, methods, 4.2, words)
    else:
        named = words(f"qgis.layer.{name}")
        rules = [StyleRule(f"{quoted(column)} > 0", named, Symbol("marker", OTHER_COLOUR, 4.2))]
    if name == "emitters":
        rules = [
            StyleRule(
                f'{quoted(column)} > 0 AND "removed_t_yr" {sign} 0',
                words(f"legend.emitters.{key}"),
                Symbol("marker", colour, 4.2),
            )
            for sign, key, colour in (
                (">", "removed", REMOVING_COLOUR),
                ("<=", "avoided", OTHER_COLOUR),
            )
        ]
    rules = sized(rules, column, frame[column], words, largest)
    rules.append(StyleRule("ELSE", words("legend.captures_nothing"), IDLE))
    return _layer(name, words, frame, "Point", rules)


def _corridors(frame: gpd.GeoDataFrame, _: Sequence[str], words: Words) -> VectorLayer:
    name, steps = quoted("routes"), (2, 3, 5, 10)
    rules = []
    for i, low in enumerate(steps):
        last = i + 1 == len(steps)
        high = 0 if last else steps[i + 1] - 1
        key = "last" if last else "one" if low == high else "many"
        label = words(f"legend.routes.{key}", low=low, high=high)
        bounds = f"{name} >= {low}" + ("" if last else f" AND {name} <= {high}")
        rules.append(StyleRule(bounds, label, Symbol("line", "#7A7A7A", 1.4 + 0.6 * i, 0.6)))
    return _layer("corridors", words, frame, "LineString", rules, smoothed=True)


def _storage(
    frame: gpd.GeoDataFrame, table: pd.DataFrame, pools: pd.DataFrame, words: Words
) -> VectorLayer:
    joined = _joined(frame.rename(columns={"cost_usd_t": "storage_cost_usd_t"}), table, "unit")
    share = np.zeros(len(joined))
    special: dict[str, Column] = {"unit": (column_name("unit_name", words), *FIELDS["unit_name"])}
    for family in RESOURCES["storage"].families:
        rows = pools.loc[pools["family"] == family]
        values = rows[["zone", "supply", "use", "price"]].rename(columns={"zone": "unit"})
        units = _joined(frame[["unit", "geometry"]], values, "unit")
        with np.errstate(divide="ignore", invalid="ignore"):
            used = units["use"].to_numpy() / units["supply"].to_numpy()
        share = np.fmax(share, used)
        column = f"{family.replace(' ', '_')}_price"
        joined[column] = units["price"].to_numpy()
        unit = str(rows["price_unit"].iloc[0]) if len(rows) else ""
        meaning = f"what one more t/yr of {family} would add to the objective"
        named = words("qgis.column.price", what=words.resource(family))
        special[column] = (named, unit, meaning)
    joined["used_percent"] = 100 * share
    name = quoted("used_percent")
    # outlines and hatches: the plan below must be read in its own colours
    classes: tuple[tuple[str, str, float, Pattern], ...] = (
        (f"{name} = 0", "none", 0.4, "no"),
        (f"{name} > 0 AND {name} < 50", "less", 0.7, "no"),
        (f"{name} >= 50 AND {name} < 99.95", "half", 0.7, "b_diagonal"),
        (f"{name} >= 99.95", "all", 0.7, "diagonal_x"),
    )
    rules = [
        *(
            StyleRule(
                test,
                words(f"legend.used.{key}"),
                Symbol("fill", STORAGE_COLOUR, width, pattern=pattern),
            )
            for test, key, width, pattern in classes
        ),
        StyleRule("ELSE", words.called("unknown"), Symbol("fill", OTHER_COLOUR, 0.4, pattern="no")),
    ]
    return _layer("storage", words, joined, "MultiPolygon", rules, "unit", special)


def _pools(
    resource: str, frame: gpd.GeoDataFrame, table: pd.DataFrame, words: Words
) -> VectorLayer:
    rows = table[table["family"] == resource].drop(columns=["family", "sense"], errors="ignore")
    joined = _joined(frame, rows, "zone")
    special, rules = {}, []
    if len(rows):
        unit, price_unit = str(rows["unit"].iloc[0]), str(rows["price_unit"].iloc[0])
        units = {**dict.fromkeys(("supply", "use", "slack"), unit), "price": price_unit}
        special = {
            key: (column_name(key, words), unit, FIELDS[key][1]) for key, unit in units.items()
        }
        per, told = price_in_words(price_unit, words)
        prices = rows["price"].to_numpy()
        zero = words("legend.some_left")
        rules = signed_rules("price", prices, zero, unit=told, per=per, words=words)
    rules.append(unknown("fill", words("legend.not_in_plan")))
    about = words("qgis.about.pools", what=words.resource(resource))
    return _layer(
        f"pools_{resource}", words, joined, "MultiPolygon", rules, "zone", special, about=about
    )


def _provinces(
    frame: gpd.GeoDataFrame, table: pd.DataFrame, methods: Sequence[str], words: Words
) -> VectorLayer:
    by_method = {
        method: _joined(frame, table[table["method"] == method].drop(columns="method"), "zone")
        for method in methods
    }
    joined = frame.copy()
    special: dict[str, Column] = {}
    for column in PLAN_SUMS:
        joined[column] = sum(zones[column].to_numpy() for zones in by_method.values())
    for method, zones in by_method.items():
        column = net_column(method)
        joined[column] = zones["net_mt_yr"].to_numpy()
        named = words("qgis.column.net_by", method=words.method(method))
        special[column] = (named, "Mt/yr", "of the plan")
    rules = number_rules(
        "net_mt_yr", joined["net_mt_yr"], "YlGn", "fill", alpha=0.6, unit=words.unit("Mt/yr"),
        adds_up=True, words=words,
    )  # fmt: skip
    rules.append(unknown("fill", words("legend.nothing_planned")))
    return _layer("provinces", words, joined, "MultiPolygon", rules, "zone", special)


def _joined(frame: gpd.GeoDataFrame, table: pd.DataFrame, key: str) -> gpd.GeoDataFrame:
    """Add a table's columns by name; features that share a name take its rows in order."""
    import geopandas as gpd
    import pandas as pd

    left = pd.DataFrame(frame.drop(columns="geometry"))  # plain: a frame of shapes checks them
    left["_nth"] = left.groupby(key).cumcount()
    right = table.assign(_nth=table.groupby(key).cumcount())
    joined = left.merge(right, on=[key, "_nth"], how="left").drop(columns="_nth")
    return gpd.GeoDataFrame(joined, geometry=frame.geometry.to_numpy(), crs=frame.crs)
