"""Section on plants and the pipelines that serve them."""

from __future__ import annotations

from cdrsite.report.answer import network_proof
from cdrsite.report.frame import MAX_ROWS, Frame, paragraph, quoted, real, section, word
from cdrsite.report.html import table, tag, text
from cdrsite.report.places import place
from cdrsite.report.supplies import folded

FACTS = (
    ("plants", "", "network.plants"),
    ("pipes", "", "network.pipes"),
    ("pipes_km", "km", "network.length"),
    ("stored_mt_yr", "Mt/yr", "fact.stored_t_yr"),
    ("cost_usd_t", "USD/t", "network.cost"),
    ("transport_usd_t", "USD/t", "network.transport"),
)
"""Headline numbers: key below ``network``, unit, words."""


def network(frame: Frame) -> str:
    """Plants, where the tonnes went, pipes, and what it costs; nothing if none was planned."""
    if not isinstance(frame.at("network"), dict):
        return ""
    facts = [
        tag(
            "div",
            tag("dt", frame.say(label)),
            tag("dd", frame.value(f"network/{key}"), " ", tag("small", frame.unit(unit))),
        )
        for key, unit, label in FACTS
        if frame.at(f"network/{key}") is not None
    ]
    parts = [paragraph(frame.say("network.intro")), tag("dl", *facts, class_="figures small")]
    if frame.at("network/gap") is None:
        parts.append(paragraph(network_proof(frame)))
    parts += [tonnes(frame), plants(frame), periods(frame), emitters(frame), pipes(frame)]
    parts += [stores(frame), costs(frame)]
    return section("network", frame.say("network.title"), *parts)


def tonnes(frame: Frame) -> str:
    """Where each method's tonnes went: in plants, or why not."""
    listed = frame.rows("plant_tonnes")
    if not listed:
        return ""
    keys = [
        "allocated_t_yr",
        "in_plants_t_yr",
        "below_minimum_t_yr",
        "no_site_t_yr",
        "beyond_max_plants_t_yr",
        "without_plant_t_yr",
    ]
    keys = [key for key in keys if any(real(row.get(key)) > 0 for row in listed)]
    columns = [(frame.say("column.method"), "text")]
    columns += [(frame.say(f"tonnes.{key}") + frame.in_("Mt/yr"), "number") for key in keys]
    rows = [
        [
            frame.method(word(row.get("method"))),
            *(frame.value(f"tables/plant_tonnes/{i}/{quoted(key)}", 1e-6) for key in keys),
        ]
        for i, row in enumerate(listed)
    ]
    title = frame.say("tonnes.title")
    return tag("h3", title) + table(frame.say("tonnes.caption"), columns, rows)


def plants(frame: Frame) -> str:
    """Plants, the largest first."""
    listed = frame.rows("plants")
    if not listed:
        return ""
    order = sorted(range(len(listed)), key=lambda i: -real(listed[i].get("gross_t_yr")))
    columns = [
        (frame.say("plants.name"), "text"),
        (frame.say("sites.place"), "text"),
        (frame.say("column.gross") + frame.in_("Mt/yr"), "number"),
        (frame.say("plants.stored") + frame.in_("Mt/yr"), "number"),
        (frame.say("fact.haul_km") + frame.in_("km"), "number"),
    ]
    rows = []
    for i in order[:MAX_ROWS]:
        at, row = f"tables/plants/{i}", listed[i]
        rows.append(
            [
                frame.swatch(frame.colour(word(row.get("method")))) + text(plant(frame, row)),
                place(frame, row),
                frame.value(f"{at}/gross_t_yr", 1e-6),
                frame.value(f"{at}/stored_t_yr", 1e-6),
                frame.value(f"{at}/haul_km"),
            ]
        )
    title = frame.say("plants.title")
    return tag("h3", title) + folded(frame, title, columns, rows, len(listed), "plants")


def plant(frame: Frame, row: dict[str, object]) -> str:
    """Name of a plant, with its method's name in the language of the page."""
    method, name = word(row.get("method")), word(row.get("name"))
    return name.replace(method, frame.words.method(method), 1) if method else name


def pipes(frame: Frame) -> str:
    """Pipes and trucks, the largest flow first."""
    listed = frame.rows("pipes")
    if not listed:
        return ""
    names = {word(row.get("name")): plant(frame, row) for row in frame.rows("plants")}
    order = sorted(range(len(listed)), key=lambda i: -real(listed[i].get("flow_t_yr")))
    columns = [
        (frame.say("pipes.way"), "text"),
        (frame.say("fact.mode"), "text"),
        (frame.say("fact.flow_t_yr") + frame.in_("Mt/yr"), "number"),
        (frame.say("fact.inch") + frame.in_("inch"), "number"),
        (frame.say("fact.length_km") + frame.in_("km"), "number"),
        (frame.say("column.cost") + frame.in_("MUSD/yr"), "number"),
    ]
    rows = []
    for i in order[:MAX_ROWS]:
        at, row = f"tables/pipes/{i}", listed[i]
        start, end = (word(row.get(key)) for key in ("start", "end"))
        rows.append(
            [
                text(f"{node(frame, start, names)} → {node(frame, end, names)}"),
                text(frame.words.named("mode", word(row.get("mode")))),
                frame.value(f"{at}/flow_t_yr", 1e-6),
                frame.value(f"{at}/inch"),
                frame.value(f"{at}/length_km"),
                frame.value(f"{at}/cost_usd_yr", 1e-6),
            ]
        )
    title = frame.say("pipes.title")
    return tag("h3", title) + folded(frame, title, columns, rows, len(listed), "pipes")


def node(frame: Frame, name: str, plants_: dict[str, str]) -> str:
    """An end of a pipe in the language of the page."""
    if name in plants_:
        return plants_[name]
    for key, head in (("node.junction", "junction "), ("node.access", "access to ")):
        if name.startswith(head):
            return frame.words(key, name=name.removeprefix(head))
    return name


def periods(frame: Frame) -> str:
    """What is stored, laid and paid in each period; the other tables show the last."""
    listed = frame.rows("network_periods")
    if not listed:
        return ""
    columns = [
        (frame.say("periods.year"), "number"),
        (frame.say("plants.stored") + frame.in_("Mt/yr"), "number"),
        (frame.say("periods.laid"), "number"),
        (frame.say("periods.transport") + frame.in_("MUSD/yr"), "number"),
        (frame.say("mode.storage") + frame.in_("MUSD/yr"), "number"),
    ]
    rows = [
        [
            text(f"{real(row.get('year')):g}"),
            frame.value(f"tables/network_periods/{i}/stored_t_yr", 1e-6),
            frame.value(f"tables/network_periods/{i}/pipes_laid"),
            frame.value(f"tables/network_periods/{i}/transport_usd_yr", 1e-6),
            frame.value(f"tables/network_periods/{i}/storage_usd_yr", 1e-6),
        ]
        for i, row in enumerate(listed)
    ]
    title, caption = frame.say("periods.title"), frame.say("periods.caption")
    return tag("h3", title) + table(caption, columns, rows)


def emitters(frame: Frame) -> str:
    """Emitters, the largest capture first, each with its ledger."""
    listed = frame.rows("emitters")
    if not listed:
        return ""
    order = sorted(range(len(listed)), key=lambda i: -real(listed[i].get("stored_t_yr")))
    columns = [
        (frame.say("plants.name"), "text"),
        (frame.say("emitters.ledger"), "text"),
        (frame.say("plants.stored") + frame.in_("Mt/yr"), "number"),
        (frame.say("emitters.most") + frame.in_("Mt/yr"), "number"),
        (frame.say("column.cost") + frame.in_("MUSD/yr"), "number"),
    ]
    rows = [
        [
            text(word(listed[i].get("name"))),
            text(word(listed[i].get("ledger"))),
            frame.value(f"tables/emitters/{i}/stored_t_yr", 1e-6),
            frame.value(f"tables/emitters/{i}/could_store_t_yr", 1e-6),
            frame.value(f"tables/emitters/{i}/capture_usd_yr", 1e-6),
        ]
        for i in order[:MAX_ROWS]
    ]
    title = frame.say("emitters.title")
    return tag("h3", title) + folded(frame, title, columns, rows, len(listed), "emitters")


def stores(frame: Frame) -> str:
    """What the network brings to each storage unit."""
    listed = frame.rows("network_storage")
    if not listed:
        return ""
    order = sorted(range(len(listed)), key=lambda i: -real(listed[i].get("stored_t_yr")))
    columns = [
        (frame.say("sites.storage"), "text"),
        (frame.say("fact.injected_mt_yr") + frame.in_("Mt/yr"), "number"),
        (frame.say("storage.most") + frame.in_("Mt/yr"), "number"),
        (frame.say("storage.wells"), "number"),
        (frame.say("column.cost") + frame.in_("MUSD/yr"), "number"),
    ]
    rows = [
        [
            text(word(listed[i].get("unit"))),
            frame.value(f"tables/network_storage/{i}/stored_t_yr", 1e-6),
            frame.value(f"tables/network_storage/{i}/room_t_yr", 1e-6),
            frame.value(f"tables/network_storage/{i}/wells"),
            frame.value(f"tables/network_storage/{i}/cost_usd_yr", 1e-6),
        ]
        for i in order[:MAX_ROWS]
    ]
    title = frame.say("stores.title")
    return tag("h3", title) + folded(frame, title, columns, rows, len(listed), "network_storage")


def costs(frame: Frame) -> str:
    """Cost of the network by part."""
    listed = frame.rows("network_costs")
    if not listed:
        return ""
    columns = (
        (frame.say("costs.part"), "text"),
        (frame.say("column.cost") + frame.in_("MUSD/yr"), "number"),
        (frame.say("costs.each") + frame.in_("USD/t"), "number"),
    )
    rows = [
        [
            text(frame.words.named("mode", word(row.get("part")))),
            frame.value(f"tables/network_costs/{i}/cost_usd_yr", 1e-6),
            frame.value(f"tables/network_costs/{i}/cost_usd_t"),
        ]
        for i, row in enumerate(listed)
        if real(row.get("cost_usd_yr")) != 0
    ]
    title = frame.say("costs.title")
    return (tag("h3", title) + table(title, columns, rows, headed=True)) if rows else ""
