"""Sections on what the answer rests on: assumptions with sources, warnings, how to repeat it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cdrsite.core.vocabulary import RESOURCES
from cdrsite.methods.basis import NAMED
from cdrsite.report.beside import files
from cdrsite.report.frame import Frame, details, paragraph
from cdrsite.report.html import table, tag, text
from cdrsite.report.listed import Head

GIVEN = re.compile(r"([-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?)(?: ([^ (]\S*))?(?: \((.+)\))?")
"""A number that a study sets itself: the value, its unit, and the key of the scenario."""
SAFE = re.compile(r"https?://[^\s\"'<>]+")
"""Addresses that become links; anything else stays text."""


# ------------------------------------------------------------------ assumptions


def assumptions(frame: Frame) -> str:
    """Section on prices and rates, on each method's values, on the layers of data."""
    known = frame.run.assumptions
    cited = known.get("sources", {})
    parts = [paragraph(frame.say("basis.intro")), money(frame)]
    for name in frame.run.methods:
        record = known.get("methods", {}).get(name)
        if record is None:
            parts.append(paragraph(frame.say("basis.unknown", method=frame.method(name))))
        else:
            parts.append(values(frame, name, record, cited))
    return "".join([*parts, layers(frame), sources(frame, cited), scenario(frame)])


def money(frame: Frame) -> str:
    """Prices, discount rate, years: what holds for all methods."""
    costs = frame.run.scenario.get("costs") or {}
    accounting = frame.run.scenario.get("accounting") or {}
    prices = costs.get("prices") or {}
    rows = []
    used = frame.run.assumptions.get("prices", prices)
    for name, resource in RESOURCES.items():
        if prices.get(name) is not None and name in used:
            label = frame.say("basis.price", what=text(frame.words.resource(name)))
            factor, unit = resource.price_shown
            rows.append([label, shown(frame, prices[name], factor), frame.unit(unit)])
    others: list[tuple[str, Any, str, float]] = [
        ("basis.base_year", costs.get("base_year"), "", 1.0),
        ("basis.discount_rate", costs.get("discount_rate"), "%/yr", 100.0),
        ("basis.forest_years", accounting.get("forest_years"), "yr", 1.0),
        ("basis.retention_years", accounting.get("retention_years"), "yr", 1.0),
        ("basis.buffer", accounting.get("buffer"), "%", 100.0),
        ("basis.gwp", accounting.get("gwp"), "yr", 1.0),
    ]
    for key, value, unit, factor in others:
        if value is not None:
            number = str(value) if key == "basis.base_year" else shown(frame, value, factor)
            rows.append([frame.say(key), number, frame.unit(unit)])
    rows += factors(frame)
    if not rows:
        return ""
    columns = (
        (frame.say("basis.what"), "text"),
        (frame.say("basis.value"), "number"),
        (frame.say("basis.unit"), "short"),
    )
    title = frame.say("basis.money")
    body = table(title, columns, rows, attributes={"class": "narrow"}, headed=True)
    return tag("h3", title) + body


def factors(frame: Frame) -> list[list[str]]:
    """Resources and layers that the scenario multiplies, a row each."""
    rows = []
    words = frame.words
    named = {r.parameter: words.heading(words.resource(r.name)) for r in RESOURCES.values()}
    for key, sentence in (("resources", "basis.factor"), ("layers", "basis.factor.layer")):
        for name, model in (frame.run.scenario.get(key) or {}).items():
            factor = (model or {}).get("factor", 1.0)
            if factor != 1.0:
                label = named.get(name, name) if key == "resources" else name
                rows.append([frame.say(sentence, what=text(label)), shown(frame, factor), ""])
    return rows


def shown(frame: Frame, value: object, factor: float = 1.0) -> str:
    """A given number in a shown unit; what is no number stays as it was given."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–" if value is None else tag("span", text(value), class_="given")
    return text(frame.words.exact(float(f"{value * factor:.10g}")))


def values(frame: Frame, name: str, record: Mapping[str, Any], cited: Mapping[str, Any]) -> str:
    """Values of one method with unit, range and source; those of other sources below each."""
    override = record.get("override") or {}
    standing = record.get("override_used", list(override))
    columns = (
        (frame.say("basis.parameter"), "text"),
        (frame.say("basis.value"), "number"),
        (frame.say("basis.unit"), "short"),
        (frame.say("basis.range"), "number"),
        (frame.say("basis.source"), "long"),
    )
    rows: list[list[str]] = []
    unused: list[list[str]] = []

    def own(parameter: str) -> list[str]:
        label = text(frame.words.named("param", parameter))
        return [label, *own_value(frame, parameter, override[parameter])]

    for row in record["values"]:
        parameter = str(row["parameter"])
        into = rows if row.get("used", True) else unused
        label = text(frame.words.named("param", parameter))
        if row["alternative"]:
            label = tag("span", frame.say("basis.also"), class_="muted")
        elif parameter in override:
            into.append(own(parameter))
            label = tag("span", frame.say("basis.replaced"), class_="muted")
        unit = frame.unit(str(row["unit"]))
        number = shown(frame, row["value"])
        into.append([label, number, unit, _range(frame, row), source_link(frame, row, cited)])
    known = {row["parameter"] for row in record["values"]}
    rows += [own(key) for key in standing if key not in known]
    title = frame.words.method(name)
    profile = tag("code", text(record["profile"]))
    head = frame.swatch(frame.colour(name)) + frame.count(
        "basis.method", len(rows), method=text(title), profile=profile
    )
    about = "".join(_said(frame, record.get(key) or "") for key in ("profile_title", "note"))
    caption = frame.say("basis.caption", method=text(title))
    about += tag("p", costs_stand_for(frame, record.get("cost_basis") or ""), class_="note")
    parts = [about, table(caption, columns, rows)]
    if unused:
        count = frame.count("basis.unused", len(unused), method=text(title))
        parts.append(details(count, table(count, columns, unused, headed=True), rows=len(unused)))
    return details(head, *parts, rows=len(rows))


def own_value(frame: Frame, parameter: str, given: object) -> list[str]:
    """Value, unit, range and source of a number that the study sets itself."""
    found = GIVEN.fullmatch(given) if isinstance(given, str) else None
    number, unit, where = found.groups() if found else (None, None, None)
    value = shown(frame, float(number) if number else given)
    source = frame.say("basis.own")
    if where and where != parameter:
        source += " " + tag("code", text(where))
    return [value, frame.unit(unit or "1"), "", source]


def costs_stand_for(frame: Frame, basis: str) -> str:
    """What the costs of a method stand for, in a sentence."""
    known = basis if not basis or basis in NAMED else "capacity"
    return frame.say(f"basis.costs.{known or 'unknown'}", basis=text(basis))


def _said(frame: Frame, texts: Mapping[str, str] | str) -> str:
    """A text of the library in the language of the page; runs of earlier versions have one."""
    said = frame.words.said(texts)
    if not said:
        return ""
    own = not isinstance(texts, str) and frame.words.lang in texts
    return tag("p", text(said), class_="note", lang=None if own else english(frame))


def english(frame: Frame) -> str | None:
    """Language of texts that are English on every page; None where the page is English too."""
    return None if frame.words.lang == "en" else "en"


def _range(frame: Frame, row: Mapping[str, Any]) -> str:
    low, high = row.get("low"), row.get("high")
    if low is None and high is None:
        return ""
    return tag("span", f"{shown(frame, low)} … {shown(frame, high)}", class_="nowrap")


def source_link(frame: Frame, row: Mapping[str, Any], cited: Mapping[str, Any]) -> str:
    """The source of a row, with a link where it is cited in full, and the place in it."""
    name = str(row["source"])
    label = text(name)
    link = tag("a", label, href=f"#source-{name}") if name in cited else label
    locator = text(row.get("locator") or "")
    return link + " " + tag("span", locator, class_="muted", lang=english(frame))


def sources(frame: Frame, cited: Mapping[str, Any]) -> str:
    """The sources that are cited, in full."""
    if not cited:
        return ""
    items = []
    for name, record in cited.items():
        url = str(record.get("url") or "")
        link = tag("a", text(url), href=url) if SAFE.fullmatch(url) else text(url)
        note = tag("span", text(record.get("note") or ""), class_="muted")
        body = f"{text(record.get('citation') or '')}{' ' if url else ''}{link} {note}"
        read = record.get("read")
        known = tag("dd", text(frame.say(f"basis.read.{read}")), class_="muted") if read else ""
        items += [tag("dt", text(name), id=f"source-{name}")]
        items += [tag("dd", body, lang=english(frame)), known]
    title = frame.count("basis.sources", len(cited))
    return details(title, tag("dl", *items, class_="list"), rows=len(cited))


def _folded(frame: Frame, title: str, columns: Sequence[Head], rows: list[list[str]]) -> str:
    """A table that is folded under its title with the count of its rows; nothing without rows."""
    if not rows:
        return ""
    counted = frame.count(title, len(rows))
    return details(counted, table(counted, columns, rows, headed=True), rows=len(rows))


def layers(frame: Frame) -> str:
    """Layers of data with file, preset, licence and source."""
    columns = (
        (frame.say("layers.name"), "text"),
        (frame.say("layers.file"), "text"),
        (frame.say("basis.unit"), "short"),
        (frame.say("layers.licence"), "text"),
    )
    rows = []
    for name, layer in (frame.run.scenario.get("layers") or {}).items():
        path, derive = layer.get("path"), layer.get("derive")
        file = tag("code", text(path)) if path else "–"
        if derive and not path:
            file = text(frame.words("layers.derived", what=derive, base=layer.get("from")))
        about = [str(layer[key]) for key in ("preset", "licence", "source") if layer.get(key)]
        unit = layer.get("unit") or ""
        rows.append([text(name), file, text(unit), text("; ".join(about) or "–")])
    return _folded(frame, "layers.title", columns, rows)


def scenario(frame: Frame) -> str:
    """The scenario as it was run, defaults included, as YAML."""
    from cdrsite.core.yamltext import write_yaml

    document = pruned(frame.run.scenario)
    if not document:
        return ""
    return details(frame.say("scenario.title"), _code(write_yaml(document)), rows=1000)


def _code(lines: str) -> str:
    return tag("pre", tag("code", text(lines)), tabindex=0)


def pruned(value: Any) -> Any:
    """Nested data without what is empty."""
    if isinstance(value, Mapping):
        kept = {str(key): pruned(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, {}, [], "")}
    if isinstance(value, list | tuple):
        return [pruned(item) for item in value]
    return value


# --------------------------------------------------------------------- warnings


def warnings(frame: Frame) -> str:
    """Section with the warnings of the run, word for word."""
    warned = frame.run.warnings
    if not warned:
        return paragraph(frame.say("sure.no_warnings"))
    items = [tag("li", text(warning), lang=english(frame)) for warning in warned]
    intro = paragraph(frame.count("warnings.intro", len(warned)))
    return intro + tag("ol", *items, class_="warnings")


# -------------------------------------------------------------------- reproduce


def reproduce(frame: Frame) -> str:
    """Section on how to repeat the run: command, versions, inputs by hash, files."""
    name = frame.run.name
    option = "" if frame.words.lang == "en" else f" --lang {frame.words.lang}"
    commands = f"cdrsite run {name}.yaml\ncdrsite report runs/{name}{option}\n"
    version = tag("code", text(f"cdrsite {frame.at('cdrsite')}"))
    steps = paragraph(frame.say("again.intro", version=version)) + _code(commands)
    return steps + grid(frame) + inputs(frame) + versions(frame) + files(frame)


def grid(frame: Frame) -> str:
    """The one grid of all results, in a sentence."""
    record = frame.run.manifest.get("grid") or {}
    crs = str(record.get("crs", ""))
    named = re.search(r'"([^"]*)"', crs)  # the name is the first text in WKT
    if not {"rows", "cols", "resolution"} <= record.keys():
        return ""
    sentence = frame.say(
        "again.grid",
        rows=frame.words.number(record["rows"]),
        cols=frame.words.number(record["cols"]),
        step=_side(frame, crs, float(record["resolution"])),
        crs=text(named.group(1) if named else crs),
    )
    return paragraph(sentence)


def _side(frame: Frame, crs: str, resolution: float) -> str:
    """Side of a cell: in kilometres, or in degrees where the grid has those."""
    from pyproj import CRS

    system = CRS.from_user_input(crs)
    if system.is_geographic:
        return text(f"{frame.words.exact(resolution)}°")
    metres = resolution * system.axis_info[0].unit_conversion_factor
    return text(f"{frame.words.exact(round(metres / 1000.0, 9))} ") + frame.unit("km")


def inputs(frame: Frame) -> str:
    """Files that went in, with size and SHA-256."""
    columns = (
        (frame.say("layers.file"), "text"),
        (frame.say("again.size") + frame.in_("kB"), "number"),
        ("SHA-256", "text"),
    )
    rows = [
        [
            tag("code", text(name)),
            frame.words.number(float(record.get("bytes", 0)) / 1e3),
            tag("code", text(record.get("sha256", "")), class_="hash"),
        ]
        for name, record in (frame.run.manifest.get("inputs") or {}).items()
    ]
    return _folded(frame, "again.inputs", columns, rows)


def versions(frame: Frame) -> str:
    """Versions of what computed the numbers."""
    versions_ = frame.run.manifest.get("versions") or {}
    columns = ((frame.say("again.program"), "text"), (frame.say("again.version"), "text"))
    rows = [[text(name), text(version)] for name, version in versions_.items()]
    return _folded(frame, "again.versions", columns, rows)
