"""The interactive map: what the page shows of it, and everything that its script needs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdrsite.core.memory import remembered
from cdrsite.core.words import Words, load_words
from cdrsite.explain.cells import is_study, methods_of
from cdrsite.outputs.legend import in_groups
from cdrsite.outputs.palette import GROUND_COLOUR, method_colour
from cdrsite.outputs.runfolder import STORE, RunFolder
from cdrsite.outputs.tonnes import LAYER
from cdrsite.report.dots import dot_layer
from cdrsite.report.fragment import Fragment
from cdrsite.report.frame import paragraph, section
from cdrsite.report.html import tag, text
from cdrsite.report.maplayers import Layer, Painter, layers_of, rules_of
from cdrsite.report.mapsource import MapSource, RunSource
from cdrsite.report.mapvectors import outline, vector_layers
from cdrsite.report.mapwhy import cells_of

if TYPE_CHECKING:
    import xarray as xr

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = ("leaflet/leaflet.js", "map_cells.js", "map_why.js", "map.js")
THREADS = 4


def map_fragment(run: RunFolder, words: Words) -> Fragment:
    """The map of a run as a part of its report.

    Parameters
    ----------
    run : RunFolder
        Its rasters are drawn, its shapes lie on top, and its dataset says what a click explains.
    words : Words
        Language.

    Returns
    -------
    Fragment
        Empty where the run kept no dataset.
    """
    if not (run.path / STORE).is_dir():
        return Fragment("")
    # not through dask: every n-th cell is read chunk by chunk, and nothing larger is kept
    with run.dataset() as dataset:
        source = RunSource(run, dataset)
        vectors = vector_layers(run, words)
        if dots := dot_layer(dataset, source.grid, words):
            vectors["dots"] = dots
        return fragment(source, words, vectors=vectors)


def fragment(
    source: MapSource,
    words: Words,
    *,
    vectors: dict[str, dict[str, Any]] | None = None,
    layers: Sequence[Layer] | None = None,
    title: str = "",
) -> Fragment:
    """The map of any source.

    Parameters
    ----------
    source : MapSource
        What is drawn and explained.
    words : Words
        Language.
    vectors : dict, optional
        See :func:`cdrsite.report.mapvectors.vector_layers`.
    layers : sequence of Layer, optional
        Which pictures; those that suit the dataset when not given.
    title : str
        Of the part; just that it is a map when not given.
    """
    shown = list(layers_of(source.dataset) if layers is None else layers)
    if not shown:
        return Fragment("")
    vectors = vectors or {}
    painter = Painter(source, words)
    picture, inside = painter.region(shown)
    web = painter.frame(picture)
    # the first finds out where pixels lie, for all
    painted = [_painted(source, painter, shown[0], words)]
    # two threads that load it at the same time get half of it
    import matplotlib.colors
    import matplotlib.ticker  # noqa: F401

    with ThreadPoolExecutor(THREADS) as pool:
        painted += pool.map(lambda layer: _painted(source, painter, layer, words), shown[1:])
    methods = methods_of(source.dataset)
    # who asks for one variable sees it
    plain = LAYER in vectors and len({layer.variable for layer in shown}) > 1
    data = {
        "bounds": web.bounds,
        "region": outline(picture, inside),
        "ground": GROUND_COLOUR,
        "layers": dict(zip((layer.key for layer in shown), painted, strict=True)),
        "vectors": vectors,
        "methods": [
            {"name": m, "label": words.method(m), "colour": method_colour(m, methods)}
            for m in methods
        ],
        "years": years_of(shown),
        "cells": cells_of(source, words),
        "words": page_words(words),
    }
    chosen = "".join(
        (
            layer_list(source.dataset, shown, painter, words, plain=plain),
            method_list(shown, methods, words),
            rule_list(source.dataset, shown, words),
        )
    )
    controls = tag("div", chosen, further(vectors, words), class_="cdrmap-controls")
    study = is_study(source.dataset)
    html = markup(controls, words, title or words("page.map"), years_of(shown), study=study)
    return Fragment(html, style(), script(), data)


def _painted(source: MapSource, painter: Painter, layer: Layer, words: Words) -> dict[str, Any]:
    """Picture and legend of a layer; those of an earlier run of a batch where they are the same."""
    names = [layer.variable] if layer.method is None else [layer.variable, "limit"]
    stamps = [source.stamp(name, layer.part) for name in names]
    if layer.year is not None:  # all years share one scale
        years = source.dataset["milestone"].to_numpy()
        stamps = [source.stamp(layer.variable, str(year)) for year in years]
        stamps.append(source.stamp("state", None))
    if None in stamps:
        return painter.paint(layer)
    dataset = source.dataset
    attrs = [dict(dataset[name].attrs) for name in (layer.variable, "limit") if name in dataset]
    numbers = dataset[layer.variable].dtype.kind == "f"
    classes = painter.classes(layer.variable) if numbers else None
    content = (layer, words.lang, methods_of(dataset), dict(dataset.attrs), attrs, stamps, classes)
    return remembered("painting", content, lambda: painter.paint(layer))


def page_words(words: Words) -> dict[str, str]:
    """Words that the script fills in."""
    table = load_words(words.lang)
    return {
        key: text for key, text in table.items() if key.startswith(("map.", "unit.", "sentence."))
    }


@cache
def style() -> str:
    """Leaflet's style without its pictures, and the map's own."""
    sheet = (ASSETS / "leaflet" / "leaflet.css").read_text(encoding="utf-8")
    # its pictures are of controls and markers that are not used: nothing must ask for them
    sheet = re.sub(r"[\w-]+:\s*url\([^)]*\);", "", sheet)
    licence = (ASSETS / "leaflet" / "LICENSE").read_text(encoding="utf-8").strip()
    notice = f"/* Leaflet 1.9.4\n{licence}\n*/\n"
    return notice + sheet + (ASSETS / "map.css").read_text(encoding="utf-8")


@cache
def script() -> str:
    """Leaflet and the map's own scripts as one."""
    parts = [(ASSETS / name).read_text(encoding="utf-8") for name in SCRIPTS]
    # a source map would be asked for by a browser's tools
    return re.sub(r"//# sourceMappingURL=.*", "", ";\n".join(parts))


# -------------------------------------------------------------------- markup


def years_of(layers: Sequence[Layer]) -> list[int]:
    """Milestones of the layers that have any, rising."""
    return sorted({layer.year for layer in layers if layer.year is not None})


def year_slider(years: Sequence[int], words: Words) -> str:
    """Slider of the milestones; nothing where there are none."""
    if not years:
        return ""
    last = len(years) - 1
    slider = tag(
        "input", type="range", id="cdrmap-year", min=0, max=last, step=1, value=last,
        aria_label=words("map.year"), aria_valuetext=years[last],
    )  # fmt: skip
    shown = tag("output", text(years[last]), id="cdrmap-year-shown")
    marks = "".join(tag("span", text(year)) for year in years)
    scale = tag("span", marks, class_="cdrmap-ends", aria_hidden="true")
    told = words("map.year.moves"), words("map.year.note", year=years[last])
    note = tag("span", text(words("sentence.gap").join(told)), class_="cdrmap-note")
    label = tag("label", f"{text(words('map.year'))} ", shown, slider, scale)
    return tag("div", label, note, class_="cdrmap-years", id="cdrmap-years")


def markup(
    controls: str, words: Words, title: str, years: Sequence[int] = (), *, study: bool
) -> str:
    """The section of the map: controls, the map itself, its legend, and the explanation."""
    live = {"role": "region", "aria_live": "polite"}
    label = words("map.label")
    stage = tag("div", id="cdrmap-stage", role="application", tabindex=0, aria_label=label)
    legend = tag("div", id="cdrmap-legend", **live, aria_label=words("map.legend"))
    view = tag("div", year_slider(years, words), stage, legend, class_="cdrmap-view")
    why = tag("div", id="cdrmap-why", **live, aria_label=words("map.explanation"), tabindex=-1)
    hint = paragraph(text(words("map.hint" if study else "map.hint_plain")), kind="note")
    noscript = tag("noscript", paragraph(text(words("map.noscript"))))
    body = tag("div", controls, view, why, id="cdrmap")
    return section("map", text(title), hint, noscript, body)


def choice(kind: str, group: str, value: str, label: str, *, checked: bool) -> str:
    """One labelled radio button or checkbox."""
    box = tag("input", type=kind, name=group, value=value, checked=checked)
    return tag("label", box, tag("span", label))


def fieldset(title: str, *parts: str, **attributes: object) -> str:
    """Choices under a title."""
    inner = tag("div", *parts, class_="cdrmap-options")
    return tag("fieldset", tag("legend", text(title)), inner, **attributes)


def layer_list(
    dataset: xr.Dataset,
    layers: Sequence[Layer],
    painter: Painter,
    words: Words,
    *,
    plain: bool = False,
) -> str:
    """What the colours show: first what holds for all methods, then what each method has.

    ``plain``: circles tell where the tonnes are, and the map begins with them on plain ground:
    colours of land tell area.
    """
    study = is_study(dataset)
    first = {layer.variable: layer for layer in reversed(layers)}
    variables = dict.fromkeys(layer.variable for layer in layers)
    parts: list[str] = []
    kinds: set[str] = set()
    for index, variable in enumerate(variables):
        kind = "map.plan" if first[variable].method is None else "map.by_method"
        if study and kind not in kinds:
            parts.append(paragraph(text(words(kind)), kind="cdrmap-kind"))
            kinds.add(kind)
        if plain and index == 0:
            parts.append(choice("radio", "cdrmap-layer", "", text(words("map.none")), checked=True))
        label = text(painter.title(variable))
        first_shown = index == 0 and not plain
        parts.append(choice("radio", "cdrmap-layer", variable, label, checked=first_shown))
    return fieldset(words("map.colours" if study else "map.variables"), *parts)


def method_list(layers: Sequence[Layer], methods: Sequence[str], words: Words) -> str:
    """Of which method; nothing where no layer has any."""
    if all(layer.method is None for layer in layers):
        return ""
    parts = []
    for group, members in in_groups(methods):
        if group:
            parts.append(paragraph(text(words(f"group.{group}")), kind="cdrmap-kind"))
        for method in members:
            colour = f"background:{method_colour(method, tuple(methods))}"
            dot = tag("i", class_="cdrmap-dot", style=colour, aria_hidden="true")
            label = dot + text(words.method(method))
            first = method == methods[0]
            parts.append(choice("radio", "cdrmap-method", method, label, checked=first))
    return fieldset(words("column.method"), *parts, id="cdrmap-methods")


def rule_list(dataset: xr.Dataset, layers: Sequence[Layer], words: Words) -> str:
    """Which exclusion rule is shown, or all; nothing where no rule has a layer of its own."""
    single = [layer.rule for layer in layers if layer.rule is not None]
    if not single:
        return ""
    called = [words.named("rule", rule) for rule in rules_of(dataset)]
    parts = [choice("radio", "cdrmap-rule", "", text(words("map.rules.all")), checked=True)]
    parts += [
        choice("radio", "cdrmap-rule", str(rule), text(called[rule]), checked=False)
        for rule in single
    ]
    return fieldset(words("map.rules.which"), *parts, id="cdrmap-rules", hidden=True)


def further(vectors: dict[str, dict[str, Any]], words: Words) -> str:
    """What is folded away on a phone."""
    head = tag("summary", text(words("map.more")))
    return tag("details", head, vector_list(vectors, words), strength(words), open=True)


def vector_list(vectors: dict[str, dict[str, Any]], words: Words) -> str:
    """Which shapes lie on top; the topmost first."""
    if not vectors:
        return ""
    parts = [
        choice("checkbox", "cdrmap-vector", name, text(layer["title"]), checked=layer["shown"])
        for name, layer in reversed(vectors.items())
    ]
    return fieldset(words("map.drawn"), *parts)


def strength(words: Words) -> str:
    """Slider of the opacity."""
    slider = tag(
        "input", type="range", id="cdrmap-opacity", min=0, max=100, step=5, value=100,
        aria_label=words("map.opacity"),
    )  # fmt: skip
    shown = tag("span", "100\u202f%", id="cdrmap-percent")
    return tag("label", f"{text(words('map.opacity'))} ", shown, slider, class_="cdrmap-strength")
