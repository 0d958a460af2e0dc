"""Which layers the map offers, and how each is painted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.vocabulary import OUTSIDE_NAME, variable
from cdrsite.explain.cells import is_study, methods_of
from cdrsite.outputs.classes import scale_of
from cdrsite.outputs.legend import (
    AGAIN_COLOUR,
    FREE_COLOUR,
    INCLUDED_BIT,
    OUTSIDE_BIT,
    SEVERAL_COLOUR,
    allowed_again,
    class_colour,
    excluding,
    flag_names,
    in_groups,
    label_names,
    outside_code,
    pool_categories,
)
from cdrsite.outputs.maps import (
    NET_STATE,
    NOT_IN_PLAN,
    NOTHING_FITS,
)
from cdrsite.outputs.palette import mixed
from cdrsite.outputs.rasters.raster import Category
from cdrsite.outputs.zones import touching, zone_colours
from cdrsite.report.mapimage import (
    MOST_PIXELS,
    Painting,
    Picture,
    Web,
    paint_classes,
    paint_quantity,
    placed,
    png_uri,
)
from cdrsite.result.attributes import texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from numpy.typing import NDArray

    from cdrsite.core.words import Words
    from cdrsite.outputs.classes import Classes
    from cdrsite.report.mapsource import MapSource

PLAN = (
    *("winner", "net_removal", "plan_cost", "winner_likely", "probability_any", "binding"),
    *("interchangeable", "exclusion_reasons", "transport_km", "line_cost", "transport_mode"),
)
"""Variables of all methods that the map of a study offers."""
OF_YEARS = {"winner": "winner_at", "net_removal": "net_removal_at"}
"""Variable of the last milestone -> that of every milestone, which the map offers in its place."""
BY_METHOD = (
    "allocated",
    "build_year",
    "reach",
    "equal_share",
    "cost",
    "limit",
    "suitability",
    "net_factor",
)
"""Variables of each method that the map of a study offers."""
SURE = ((0.8, "high", 0.0), (0.5, "mid", 0.4), (0.0, "low", 0.72))
"""Share of the samples from which on, its words, and how far the colour fades to white [1]."""
REASONS = "exclusion_reasons"
MOST_RULES = 20
"""With more rules none has a layer of its own."""
RULE_COLOURS = {"alone": "#8C2D04", "too": "#FE9929", "others": "#B9BFC6"}
"""What one rule excludes alone, what others exclude too, and what others alone exclude."""
SHADES = ("excluded", "unknown", NET_STATE, NOT_IN_PLAN)
"""States that are drawn over a quantity."""


@dataclass(frozen=True)
class Layer:
    """One layer of the map.

    Attributes
    ----------
    variable : str
        Of the dataset.
    method : str or None
        For which method.
    year : int or None
        At which milestone.
    rule : int or None
        Of which exclusion rule, by its bit.
    """

    variable: str
    method: str | None = None
    year: int | None = None
    rule: int | None = None

    @property
    def key(self) -> str:
        """Name in the page."""
        if self.rule is not None:
            return f"{self.variable}#{self.rule}"
        own = self.variable if self.method is None else f"{self.variable}/{self.method}"
        return own if self.year is None else f"{own}@{self.year}"

    @property
    def part(self) -> str | None:
        """Method or year whose picture it is."""
        return self.method if self.year is None else str(self.year)


def layers_of(dataset: xr.Dataset) -> list[Layer]:
    """Layers of a study, or all variables of any other dataset."""
    methods = methods_of(dataset)
    names = [str(name) for name in dataset.data_vars]
    if is_study(dataset):
        dated = (OF_YEARS.get(name, name) for name in (*PLAN, *BY_METHOD))
        plain = (*PLAN, *BY_METHOD)
        names = [
            a if a in names else b
            for a, b in zip(dated, plain, strict=True)
            if a in names or b in names
        ]
    layers: list[Layer] = []
    for name in names:
        values = dataset[name]
        if values.dtype.kind not in "fuib":
            continue
        if values.dims == ("y", "x"):
            layers.append(Layer(name))
            if name == REASONS:
                layers += [Layer(name, rule=bit) for bit in range(len(single_rules(dataset)))]
        elif values.dims == ("removal_method", "y", "x"):
            layers += [Layer(name, method) for method in methods]
        elif values.dims == ("milestone", "y", "x"):
            layers += [Layer(name, year=int(year)) for year in values["milestone"].to_numpy()]
    return layers


def rules_of(dataset: xr.Dataset) -> list[str]:
    """Names of the exclusion rules, by their bits."""
    return list(texts(dataset.attrs.get("exclusion_rules", ())))


def single_rules(dataset: xr.Dataset) -> list[str]:
    """Names of the rules that have a layer each: all, where there are several and not too many."""
    rules = rules_of(dataset)
    return rules if 1 < len(rules) <= MOST_RULES else []


class Painter:
    """Paints the layers of one source, all in one frame.

    Parameters
    ----------
    source : MapSource
        What is drawn.
    words : Words
        Language of the legends.
    most : int
        Longest side of what is read of a large grid [pixels].
    """

    def __init__(self, source: MapSource, words: Words, most: int = MOST_PIXELS) -> None:
        self._source, self._words, self._most = source, words, most
        self._methods = methods_of(source.dataset)
        self._web: Web | None = None
        self._places: dict[Any, NDArray[np.int64]] = {}
        self._limits: dict[str | None, NDArray[Any]] = {}
        self._classes: dict[str, Classes] = {}

    def frame(self, picture: Picture) -> Web:
        """Where the pictures lie; the same for all."""
        if self._web is None:
            self._web = Web.of(picture)
        return self._web

    def _places_of(self, picture: Picture) -> NDArray[np.int64]:
        """Where the pixels of a picture go; all pictures of a source are alike."""
        like = (picture.values.shape, picture.transform)
        if like not in self._places:
            self._places[like] = self.frame(picture).places(picture)
        return self._places[like]

    def paint(self, layer: Layer) -> dict[str, Any]:
        """Picture and legend of a layer.

        Returns
        -------
        dict
            ``image`` (data URI) and ``legend`` (title, unit, steps, classes).
        """
        picture = self._source.picture(layer.variable, layer.part, self._most)
        painting = self._painting(layer, picture)
        # told as everywhere: 0.4 GWh/yr, not 400 000 kWh/yr; shares in percent
        unit = self.classes(layer.variable).unit if "steps" in painting.legend else ""
        index = placed(painting.index, self._places_of(picture))
        legend = {
            "title": self.title(layer.variable),
            "unit": self._words.unit(unit),
            **painting.legend,
        }
        if variable(layer.variable).per_cell:
            legend["unit"] = self._words("map.per_cell", unit=legend["unit"])
        return {"image": png_uri(index, painting.colours), "legend": legend}

    def title(self, variable: str) -> str:
        """What a layer shows, in words."""
        key = f"map.layer.{variable}"
        if self._words.has(key):
            return self._words(key)
        return str(self._source.dataset[variable].attrs.get("long_name") or variable)

    def _painting(self, layer: Layer, picture: Picture) -> Painting:
        variable = self._source.dataset[layer.variable]
        if layer.rule is not None:
            return self._rule(picture, layer.rule)
        if layer.variable == REASONS:
            return self._reasons(picture)
        if layer.variable == "winner_likely" and "winner_share" in self._source.dataset:
            return self._faded(picture)
        if "flag_values" in variable.attrs:
            years = (name for name in flag_names(variable).values() if name.isdigit())
            others = (*self._methods, *years)
            categories = [
                Category(code, name, class_colour(name, others))
                for code, name in sorted(flag_names(variable).items())
                if name != OUTSIDE_NAME
            ]
            painting = paint_classes(picture.values, categories)
            colours = {one["label"]: one["colour"] for one in painting.legend["classes"]}
            return replace(painting, legend={"classes": self._grouped(colours)})
        if variable.dtype.kind in "uib":
            return self._labels(variable, picture)
        return self._quantity(layer, picture)

    def _faded(self, picture: Picture) -> Painting:
        """The likely method in its colour, fainter where fewer samples agree."""
        names = flag_names(self._source.dataset["winner_likely"])
        share = self._source.picture("winner_share", None, self._most).values
        kinds: list[tuple[NDArray[np.bool_], str, str]] = []
        for code, name in sorted(names.items()):
            mine, colour, called = picture.values == code, class_colour(name, self._methods), name
            if name not in self._methods:
                if name != OUTSIDE_NAME:
                    kinds.append((mine, self._words.called(called), colour))
                continue
            rest = mine.copy()
            for least, key, fade in SURE:
                here = rest & ((share >= least) if least else rest)
                rest &= ~here
                told = self._words(f"map.sure.{key}", name=self._words.called(name))
                kinds.append((here, told, mixed(colour, fade)))
        codes = np.full(picture.values.shape, -1)
        for number, (mask, _, _) in enumerate(kinds):
            codes[mask] = number
        categories = [Category(i, told, colour) for i, (_, told, colour) in enumerate(kinds)]
        return paint_classes(codes, categories)

    def _grouped(self, colours: dict[str, str]) -> list[dict[str, str]]:
        """Classes in words, with the title of their group where the legend has groups."""
        return [
            {"label": self._words.called(name), "colour": colours[name]}
            | ({"group": self._words(f"group.{group or 'none'}")} if titled else {})
            for groups in (in_groups(colours),)
            for titled in (len(groups) > 1,)
            for group, members in groups
            for name in members
        ]

    def _quantity(self, layer: Layer, picture: Picture) -> Painting:
        values = picture.values.astype(np.float32)
        states: dict[str, tuple[NDArray[np.bool_], str]] = {}
        limit, names = self._codes(layer)
        if limit is not None and limit.shape == values.shape:
            for code, name in names.items():
                if name in SHADES and not (name == NET_STATE and layer.variable == "net_factor"):
                    states[self._words.called(name)] = limit == code, class_colour(name)
            inside = self._inside(limit)
            taken = np.logical_or.reduce([mask for mask, _ in states.values()] or [~inside])
            empty = inside & ~taken & ~np.isfinite(values)
            states[self._words.called(NOTHING_FITS)] = empty, class_colour(NOTHING_FITS)
            if layer.variable == "allocated" or layer.year is not None:
                none = inside & ~taken & (values == 0)
                states[self._words.called(NOT_IN_PLAN)] = none, class_colour(NOT_IN_PLAN)
        classes = self.classes(layer.variable)
        return paint_quantity(values, classes, self._words, states=states)

    def classes(self, variable: str) -> Classes:
        """Classes of a variable: one scale for all methods, and for all that is read beside it."""
        scale = scale_of(variable)
        if scale not in self._classes:
            self._classes[scale] = self._source.classes(variable)
        return self._classes[scale]

    def _codes(self, layer: Layer) -> tuple[NDArray[Any] | None, dict[int, str]]:
        """States behind a quantity and their words: of its method, or of the plan."""
        name = "state" if layer.method is None else "limit"
        known = layer.method is not None or variable(layer.variable).with_state
        if not known or not is_study(self._source.dataset) or name not in self._source.dataset:
            return None, {}
        if layer.method not in self._limits:
            picture = self._source.picture(name, layer.method, self._most)
            self._limits[layer.method] = picture.values
        return self._limits[layer.method], flag_names(self._source.dataset[name])

    def _inside(self, limit: NDArray[Any]) -> NDArray[np.bool_]:
        return np.asarray(limit != outside_code(self._source.dataset["limit"]))

    def region(self, layers: Sequence[Layer]) -> tuple[Picture, NDArray[np.bool_]]:
        """Pixels of the region."""
        if is_study(self._source.dataset):
            # without methods there are no limits, and the state of the plan knows the outside
            name, method = ("limit", self._methods[0]) if self._methods else ("state", None)
            picture = self._source.picture(name, method, self._most)
            return picture, self._inside(picture.values)
        picture = self._source.picture(layers[0].variable, layers[0].method, self._most)
        return picture, np.isfinite(picture.values)  # whole numbers are finite

    def _labels(self, variable: xr.DataArray, picture: Picture) -> Painting:
        names = label_names(variable)
        pairs = touching(picture.values.astype(np.int64))
        if names:
            return paint_classes(picture.values, pool_categories(names, pairs))
        colours = zone_colours([int(code) for code in np.unique(picture.values)[:255]], pairs)
        categories = [Category(code, str(code), colour) for code, colour in colours.items()]
        return paint_classes(picture.values, categories)

    def _reasons(self, picture: Picture) -> Painting:
        """One colour for each rule alone, one for several at once; nothing where none hits."""
        bits = picture.values.astype(np.int64)
        rules = [self._words.named("rule", rule) for rule in rules_of(self._source.dataset)]
        hit, inside = excluding(bits), bits >> OUTSIDE_BIT & 1 == 0
        alone = (hit > 0) & ((hit & (hit - 1)) == 0)
        codes = np.full(bits.shape, -1)
        codes[alone] = np.round(np.log2(hit[alone])).astype(np.int64)
        codes[(hit > 0) & ~alone] = INCLUDED_BIT
        codes[inside & (hit == 0)] = INCLUDED_BIT + 1
        codes[allowed_again(bits)] = INCLUDED_BIT + 2
        several = Category(INCLUDED_BIT, self._words("map.rules.several"), SEVERAL_COLOUR)
        none = Category(INCLUDED_BIT + 1, self._words("map.rules.none"), FREE_COLOUR)
        again = Category(INCLUDED_BIT + 2, self._words("why.included"), AGAIN_COLOUR)
        return paint_classes(codes, [*pool_categories(rules), several, again, none])

    def _rule(self, picture: Picture, rule: int) -> Painting:
        """What one rule excludes: alone (free without the rule), or with others."""
        bits = picture.values.astype(np.int64)
        hit = excluding(bits)
        own, other = hit >> rule & 1, hit & ~(1 << rule)
        codes = np.where(own, np.where(other, 1, 0), np.where(other, 2, 3))
        codes[allowed_again(bits)] = 4
        codes[bits >> OUTSIDE_BIT & 1 == 1] = -1
        categories = [
            Category(code, self._words(f"map.rule.{key}"), colour)
            for code, (key, colour) in enumerate(RULE_COLOURS.items())
        ]
        none = Category(3, self._words("map.rules.none"), FREE_COLOUR)
        again = Category(4, self._words("why.included"), AGAIN_COLOUR)
        return paint_classes(codes, [*categories, again, none])
