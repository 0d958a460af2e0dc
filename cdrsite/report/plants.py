"""Section on plants and the pipelines that serve them."""

from __future__ import annotations

import math

from cdrsite.core.numbers import MISSING
from cdrsite.network.plants import NOT_BUILT
from cdrsite.outputs.nodes import ACCESS, node
from cdrsite.report.answer import network_proof
from cdrsite.report.frame import Frame, Row, paragraph, real, word
from cdrsite.report.html import table, tag, text
from cdrsite.report.listed import PageColumn, listed, ranking
from cdrsite.report.places import place

FACTS = (
    ("plants", "", "network.plants"),
    ("pipes", "", "network.pipes"),
    ("pipes_km", "km", "network.length"),
    ("stored_mt_yr", "Mt/yr", "fact.stored_t_yr"),
    ("cost_usd_t", "USD/t", "network.cost"),
    ("transport_usd_t", "USD/t", "network.transport"),
)
"""Headline numbers: key below ``network``, unit, words."""
MOST_CORRIDORS = 12
"""Lines of the summary by corridor."""
FATES = (
    *("allocated_t_yr", "in_plants_t_yr"),
    *(f"{reason}_t_yr" for reason in NOT_BUILT),
    "without_plant_t_yr",
)
"""Columns of the table of tonnes; those that are zero everywhere are left out."""


def network(frame: Frame) -> str:
    """Plants, where the tonnes went, pipes, and what it costs; nothing if none was planned."""
    if not isinstance(frame.at("network"), dict):
        return ""
    shown = [fact for fact in FACTS if frame.at(f"network/{fact[0]}") is not None]
    figures = [frame.figure(f"network/{key}", unit, label) for key, unit, label in shown]
    parts = [paragraph(frame.say("network.intro")), tag("dl", *figures, class_="figures small")]
    if frame.at("network/gap") is None:
        parts.append(paragraph(network_proof(frame)))
    if frame.at("network/by_milestone"):
        parts.append(paragraph(frame.say("network.by_milestone")))
    writers = (tonnes, plants, periods, emitters, corridors, pipes, stores, costs)
    return "".join([*parts, *(write(frame) for write in writers)])


def tonnes(frame: Frame) -> str:
    """Where each method's tonnes went: in plants, or why not."""
    records = frame.rows("plant_tonnes")
    if not records:
        return ""
    columns = [PageColumn("column.method", lambda row: frame.method(word(row.get("method"))))]
    columns += [
        PageColumn(f"tonnes.{fate}", fate, "Mt/yr", 1e-6)
        for fate in FATES
        if any(real(row.get(fate)) > 0 for row in records)
    ]
    heads, rows = listed(frame, "plant_tonnes", columns, range(len(records)))
    return tag("h3", frame.say("tonnes.title")) + table(frame.say("tonnes.caption"), heads, rows)


def plants(frame: Frame) -> str:
    """Plants, the largest first."""

    def name(row: Row) -> str:
        colour = frame.colour(word(row.get("method")))
        return frame.dotted(colour, called(frame, word(row.get("name"))))

    columns = (
        PageColumn("plants.name", name),
        PageColumn("sites.place", lambda row: place(frame, row)),
        PageColumn("column.gross", "gross_t_yr", "Mt/yr", 1e-6),
        PageColumn("plants.stored", "stored_t_yr", "Mt/yr", 1e-6),
        PageColumn("fact.haul_km", "haul_km", "km"),
    )
    return ranking(frame, "plants", "plants.title", "gross_t_yr", columns)


def called(frame: Frame, name: str) -> str:
    """A plant or an end of a pipe in the language of the page."""
    return node(name, frame.words, frame.run.methods)


def corridors(frame: Frame) -> str:
    """What hangs together by pipes and trucks: from which plants to which storage, a line each."""
    records = frame.rows("pipes")
    groups = connected([(word(row.get("start")), word(row.get("end"))) for row in records])
    if not groups:
        return ""
    made = {word(row.get("name")): i for i, row in enumerate(frame.rows("plants"))}
    units = [word(row.get("unit")) for row in frame.rows("network_storage")]
    lines: list[tuple[float, list[str]]] = []
    for group in groups:
        ends = {word(records[i].get(key)) for i in group for key in ("start", "end")}
        own = [i for name, i in made.items() if name in ends]
        names = [called(frame, word(frame.rows("plants")[i].get("name"))) for i in own]
        into = [unit for unit in units if unit in ends]
        into += [name.removeprefix(ACCESS) for name in sorted(ends) if name.startswith(ACCESS)]
        stored = "+".join(f"tables/plants/{i}/stored_t_yr" for i in own)
        length, cost = (
            "+".join(f"tables/pipes/{i}/{key}" for i in group)
            for key in ("length_km", "cost_usd_yr")
        )
        lines.append(
            (
                math.fsum(real(frame.rows("plants")[i].get("stored_t_yr")) for i in own),
                [
                    frame.listing(names) if names else MISSING,
                    frame.listing(into) if into else MISSING,
                    frame.value(stored, 1e-6, amount=True) if own else MISSING,
                    frame.value(length),
                    frame.value(cost, 1e-6, amount=True),
                ],
            )
        )
    heads = [
        (frame.say("corridors.from"), "long"),
        (frame.say("corridors.to"), "long"),
        (frame.say("plants.stored") + frame.in_("Mt/yr"), "number"),
        (frame.say("fact.length_km") + frame.in_("km"), "number"),
        (frame.say("column.cost") + frame.in_("MUSD/yr"), "number"),
    ]
    rows = [cells for _, cells in sorted(lines, key=lambda line: -line[0])[:MOST_CORRIDORS]]
    title = frame.say("corridors.title")
    more = len(lines) - len(rows)
    file = frame.file("tables/pipes.csv")
    note = paragraph(frame.count("left_out", more, file=file)) if more > 0 else ""
    return tag("h3", title) + table(frame.say("corridors.caption"), heads, rows) + note


def connected(arcs: list[tuple[str, str]]) -> list[list[int]]:
    """Positions of arcs by what hangs together, each group in the order of its arcs."""
    first: dict[str, str] = {}

    def head(name: str) -> str:
        while first.setdefault(name, name) != name:
            name = first[name]
        return name

    for start, end in arcs:
        first[head(start)] = head(end)
    groups: dict[str, list[int]] = {}
    for i, (start, _) in enumerate(arcs):
        groups.setdefault(head(start), []).append(i)
    return list(groups.values())


def pipes(frame: Frame) -> str:
    """Pipes and trucks, the largest flow first."""

    def way(row: Row) -> str:
        start, end = (called(frame, word(row.get(key))) for key in ("start", "end"))
        return text(f"{start} → {end}")

    def mode(row: Row) -> str:
        return text(frame.words.named("mode", word(row.get("mode"))))

    columns = (
        PageColumn("pipes.way", way, kind="long"),
        PageColumn("fact.mode", mode, kind="short"),
        PageColumn("fact.flow_t_yr", "flow_t_yr", "Mt/yr", 1e-6),
        PageColumn("fact.inch", "inch", "inch"),
        PageColumn("fact.length_km", "length_km", "km"),
        PageColumn("column.cost", "cost_usd_yr", "MUSD/yr", 1e-6),
    )
    return ranking(frame, "pipes", "pipes.title", "flow_t_yr", columns)


def periods(frame: Frame) -> str:
    """What is stored, laid and paid in each period; the other tables show the last."""
    records = frame.rows("network_periods")
    if not records:
        return ""
    columns = (
        PageColumn("periods.year", lambda row: text(f"{real(row.get('year')):g}"), kind="number"),
        PageColumn("plants.stored", "stored_t_yr", "Mt/yr", 1e-6),
        PageColumn("periods.laid", "pipes_laid"),
        PageColumn("periods.transport", "transport_usd_yr", "MUSD/yr", 1e-6),
        PageColumn("mode.storage", "storage_usd_yr", "MUSD/yr", 1e-6),
    )
    heads, rows = listed(frame, "network_periods", columns, range(len(records)))
    return tag("h3", frame.say("periods.title")) + table(frame.say("periods.caption"), heads, rows)


def emitters(frame: Frame) -> str:
    """Emitters, the largest capture first, each with its ledger."""
    columns = (
        PageColumn("plants.name", lambda row: text(word(row.get("name")))),
        PageColumn("emitters.ledger", lambda row: text(word(row.get("ledger")))),
        PageColumn("plants.stored", "stored_t_yr", "Mt/yr", 1e-6),
        PageColumn("emitters.most", "could_store_t_yr", "Mt/yr", 1e-6),
        PageColumn("column.cost", "capture_usd_yr", "MUSD/yr", 1e-6),
    )
    return ranking(frame, "network_emitters", "emitters.title", "stored_t_yr", columns)


def stores(frame: Frame) -> str:
    """What the network brings to each storage unit; wells where the study says what one injects."""
    known = any(real(row.get("wells")) > 0 for row in frame.rows("network_storage"))
    columns = (
        PageColumn("sites.storage", lambda row: text(word(row.get("unit")))),
        PageColumn("fact.injected_mt_yr", "stored_t_yr", "Mt/yr", 1e-6),
        PageColumn("storage.most", "room_t_yr", "Mt/yr", 1e-6),
        *((PageColumn("storage.wells", "wells"),) if known else ()),
        PageColumn("column.cost", "cost_usd_yr", "MUSD/yr", 1e-6),
    )
    return ranking(frame, "network_storage", "stores.title", "stored_t_yr", columns)


def costs(frame: Frame) -> str:
    """Cost of the network by part."""
    records = frame.rows("network_costs")
    paid = [i for i, row in enumerate(records) if real(row.get("cost_usd_yr")) != 0]
    if not paid:
        return ""
    columns = (
        PageColumn(
            "costs.part", lambda row: text(frame.words.named("mode", word(row.get("part"))))
        ),
        PageColumn("column.cost", "cost_usd_yr", "MUSD/yr", 1e-6),
        PageColumn("costs.each", "cost_usd_t", "USD/t"),
    )
    title = frame.say("costs.title")
    return tag("h3", title) + table(
        title, *listed(frame, "network_costs", columns, paid), headed=True
    )
