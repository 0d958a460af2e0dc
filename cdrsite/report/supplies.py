"""Sections on what is shared and where: pools with use and price, storage, provinces."""

from __future__ import annotations

import math
from collections.abc import Collection

from cdrsite.core.numbers import table_amount
from cdrsite.core.vocabulary import amount, families, price_in_words
from cdrsite.library.storage import storage_kinds
from cdrsite.report.answer import price_of
from cdrsite.report.emitted import beside_emitters
from cdrsite.report.frame import MAX_ROWS, Frame, Row, bar, details, paragraph, stacked, word
from cdrsite.report.html import tag, text
from cdrsite.report.listed import PageColumn, file_note, folded, ranking
from cdrsite.report.shared import Pool, families_of, pools_of
from cdrsite.report.zonemaps import net_by_zone, zone_maps

MOST_BESIDE = 5
"""Methods with which the table of units has room beside the map."""
RULE_COLOUR = "#57606A"


def pools(frame: Frame) -> str:
    """Section on pools and rules: use, supply and price."""
    every = pools_of(frame)
    # months have a section of their own; here they would stand among supplies of a year
    by_family = families_of([pool for pool in every if not pool.month])
    if not every:
        return ""
    by_month = sorted({pool.family for pool in every if pool.month})
    parts = [_family(frame, family, members) for family, members in by_family.items()]
    intro = paragraph(frame.say("pools.intro"))
    if by_month:
        named = frame.listing([frame.words.resource(name) for name in by_month])
        way = tag("a", frame.say("months.title"), href="#months")
        intro += paragraph(frame.say("pools.by_month", what=named, way=way))
    if frame.at("pathway"):
        intro += paragraph(frame.say("pools.life"))
    return "".join([intro, *parts, storage(frame), file_note(frame, "pools")])


def _family(frame: Frame, family: str, members: list[Pool]) -> str:
    ranked = sorted(members, key=lambda p: (-p.weight, -p.share if p.supply > 0 else 0.0))
    unit = amount(ranked[0].unit).total[1]
    # each rule of policy has a unit of its own
    is_rule = family == "policy"
    shown = "" if is_rule else frame.in_(unit)
    own_unit = "" if is_rule else " " + _price_unit(frame, ranked[0])
    last = frame.say("pools.limit" if is_rule else "fact.supply")
    columns = [
        (frame.say("pools.zone"), "text"),
        (frame.say("pools.used") + frame.in_("%"), "number"),
        (frame.say("pools.price") + own_unit, "number"),
        (frame.say("pools.use") + shown, "number"),
        (last + shown, "number"),
    ]
    rows = [_pool_row(frame, pool) for pool in ranked[:MAX_ROWS]]
    title = text(frame.words.heading(frame.words.resource(family)))
    body = folded(frame, title, columns, rows, len(ranked), "pools")
    if any(pool.binding is not None for pool in members):
        return tag("h3", title) + body
    head = frame.say("pools.folded", what=title, n=frame.words.number(len(ranked)))
    return details(head, body, rows=len(rows))


def _pool_row(frame: Frame, pool: Pool) -> list[str]:
    size, unit = amount(pool.unit).total
    at = f"tables/pools/{pool.index}"
    colour = families().get(pool.family, RULE_COLOUR)
    badge = tag("b", frame.say("pools.full"), class_="badge") if pool.binding is not None else ""
    share = "–" if math.isnan(pool.share) else text(table_amount(100 * pool.share))
    if pool.share < 0:  # no share of a supply is below nothing: the plan adds to it
        share = tag("span", frame.say("pools.adds"), class_="words")
    price = price_of(frame, pool) if pool.binding is not None else frame.value(f"{at}/price")
    use, limit = (
        frame.value(f"{at}/{column}", 1 / size, amount=True) for column in ("use", "supply")
    )
    if pool.family == "policy":
        price += " " + _price_unit(frame, pool)
        use, limit = (f"{shown} {frame.in_(unit)}" for shown in (use, limit))
        limit = frame.say("pools.at_least" if pool.minimum else "pools.at_most", limit=limit)
    return [
        text(frame.words.zone(pool.zone)) + " " + badge + bar(pool.share, colour),
        share,
        price,
        use,
        limit,
    ]


def _price_unit(frame: Frame, pool: Pool) -> str:
    return tag("span", text(price_in_words(pool.price_unit, frame.words)[1]), class_="unit")


# ---------------------------------------------------------------------- storage


def storage(frame: Frame) -> str:
    """CO2 brought to each storage unit, and the years until it is full."""

    def unit(row: Row) -> str:
        # what storage is taken to be is told of it; aquifers and old fields are the plain case
        badge = tag("b", frame.say("storage.eor"), class_="badge") if row.get("eor") else ""
        kind = word(row.get("kind"))
        if kind and not row.get("eor"):
            badge = tag("span", text(_kind(frame, kind)), class_="unit")
        return text(word(row.get("unit"))) + " " + badge

    columns = (
        PageColumn("sites.storage", unit),
        PageColumn("fact.injected_mt_yr", "injected_mt_yr", "Mt/yr"),
        PageColumn("storage.most", "injection_mt_yr", "Mt/yr"),
        PageColumn("storage.capacity", "capacity_mt", "Mt"),
        PageColumn("storage.years", "years_to_full", "yr"),
    )
    units = ranking(frame, "storage", "storage.title", "injected_mt_yr", columns)
    return units + _storage_needs(frame)


def _kind(frame: Frame, name: str) -> str:
    """A kind of storage in the language of the page; its name where the library has none such."""
    kind = storage_kinds().get(name)
    if kind is None:
        return name
    return frame.words.said(kind.title)


def _storage_needs(frame: Frame) -> str:
    """What units take of each resource where they lie, in the order of the units."""
    records = frame.rows("storage_needs")
    if not records:
        return ""
    rows = []
    for i, row in enumerate(records[:MAX_ROWS]):
        at = f"tables/storage_needs/{i}"
        size, unit = amount(word(row.get("use_unit"))).total
        each = frame.value(f"{at}/need_per_t") + " " + frame.in_(word(row.get("need_unit")))
        use = frame.value(f"{at}/use", 1 / size, amount=True) + " " + frame.in_(unit)
        what = text(frame.words.resource(word(row.get("resource"))))
        zone = text(word(row.get("zone"))) or frame.say("storage.unlimited")
        rows.append([text(word(row.get("unit"))), what, each, use, zone])
    columns = [
        (frame.say("sites.storage"), "text"),
        (frame.say("storage.what"), "text"),
        (frame.say("storage.each"), "number"),
        (frame.say("storage.takes"), "number"),
        (frame.say("storage.from"), "text"),
    ]
    title = frame.say("storage.needs")
    body = folded(frame, title, columns, rows, len(records), "storage_needs")
    return tag("h3", title) + paragraph(frame.say("storage.needs_note"), kind="note") + body


# -------------------------------------------------------------------- provinces


def provinces(frame: Frame) -> str:
    """Section on administrative units: net removal by method, cost and land."""
    records = frame.rows("provinces")
    zones: dict[str, dict[str, int]] = {}
    for i, row in enumerate(records):
        zones.setdefault(word(row.get("zone")), {})[word(row.get("method"))] = i
    if not zones:
        return ""
    net = net_by_zone(frame)
    total = {zone: math.fsum(v for v in parts.values() if v > 0) for zone, parts in net.items()}
    most = max(total.values())
    methods = [m for m in frame.run.methods if any(net[zone].get(m, 0) > 0 for zone in zones)]
    rows = []
    for zone in sorted(zones, key=lambda name: -total[name])[:MAX_ROWS]:
        positions = zones[zone]
        parts = [(net[zone].get(m, 0.0), frame.colour(m)) for m in methods]
        name = frame.say("province.none") if zone == "in none" else text(zone)
        own = ({positions[m]} if m in positions else set() for m in methods)
        every = ("net_mt_yr", "cost_musd_yr", "land_km2")
        rows.append(
            [
                name + stacked(parts, most),
                *(_sum(frame, of_method, "net_mt_yr") for of_method in own),
                *(_sum(frame, positions.values(), column) for column in every),
            ]
        )
    columns = [
        (frame.say("province"), "text"),
        *((frame.method(m), "number") for m in methods),
        (frame.say("province.all"), "number"),
        (frame.say("column.cost") + frame.in_("MUSD/yr"), "number"),
        (frame.say("column.land") + frame.in_("km2"), "number"),
    ]
    title = frame.say("provinces.caption")
    body = folded(frame, title, columns, rows, len(zones), "provinces")
    body += file_note(frame, "provinces")
    drawn = zone_maps(frame, net)
    if drawn:
        both = tag("div", drawn), tag("div", body)
        body = tag("div", *both, class_="beside" if len(methods) <= MOST_BESIDE else None)
    return paragraph(title) + beside_emitters(frame) + body


def _sum(frame: Frame, positions: Collection[int], column: str) -> str:
    pointers = [f"tables/provinces/{i}/{column}" for i in positions]
    return frame.value("+".join(pointers), amount=True) if pointers else "0"
