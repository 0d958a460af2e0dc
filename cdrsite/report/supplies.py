"""Sections on what is shared and where: pools with use and price, storage, provinces."""

from __future__ import annotations

import math

from cdrsite.core.vocabulary import amount, families, price_in_words
from cdrsite.report.answer import price_of
from cdrsite.report.frame import (
    MAX_ROWS,
    Frame,
    bar,
    details,
    paragraph,
    quoted,
    real,
    section,
    stacked,
    word,
)
from cdrsite.report.html import table, tag, text
from cdrsite.report.shared import Pool, families_of, pools_of

OPEN_ROWS = 15
"""Rows of a table that stand open; longer tables are folded after them."""
RULE_COLOUR = "#57606A"


def pools(frame: Frame) -> str:
    """Section on pools and rules: use, supply and price."""
    found = families_of(pools_of(frame))
    if not found:
        return ""
    parts = [paragraph(frame.say("pools.intro"))]
    parts += [_family(frame, name, members) for name, members in found.items()]
    parts += [storage(frame)]
    parts += [paragraph(frame.say("file", file=tag("code", "tables/pools.csv")), kind="note")]
    return section("pools", frame.say("pools.title"), *parts)


def _family(frame: Frame, family: str, members: list[Pool]) -> str:
    ranked = sorted(members, key=lambda pool: (-pool.weight, -_known(pool.share)))
    unit = amount(ranked[0].unit).total[1]
    # each rule of policy has a unit of its own
    shown = "" if family == "policy" else frame.in_(unit)
    last = frame.say("pools.limit" if family == "policy" else "fact.supply")
    columns = [
        (frame.say("pools.zone"), "text"),
        (frame.say("pools.used") + frame.in_("%"), "number"),
        (_price_head(frame, family, ranked[0]), "number"),
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
    own = " " + frame.in_(unit) if pool.family == "policy" else ""
    share = "–" if math.isnan(pool.share) else frame.words.number(100 * pool.share)
    if pool.share < 0:  # no share of a supply is below nothing: the plan adds to it
        share = frame.words("pools.adds")
    price = price_of(frame, pool) if pool.binding is not None else frame.value(f"{at}/price")
    if pool.family == "policy":
        price += " " + _price_unit(frame, pool)
    return [
        text(pool.zone) + " " + badge + bar(pool.share, colour),
        text(share),
        price,
        frame.value(f"{at}/use", 1 / size) + own,
        _limit(frame, pool, frame.value(f"{at}/supply", 1 / size) + own),
    ]


def _limit(frame: Frame, pool: Pool, shown: str) -> str:
    """The limit of a rule with what it is, a minimum or a maximum; that of a supply as it is."""
    if pool.family != "policy":
        return shown
    return frame.say("pools.at_least" if pool.minimum else "pools.at_most", limit=shown)


def _price_head(frame: Frame, family: str, pool: Pool) -> str:
    if family == "policy":
        return frame.say("pools.price")
    return frame.say("pools.price") + " " + _price_unit(frame, pool)


def _price_unit(frame: Frame, pool: Pool) -> str:
    return tag("span", text(price_in_words(pool.price_unit, frame.words)[1]), class_="unit")


def _known(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def folded(
    frame: Frame,
    title: str,
    columns: list[tuple[str, str]],
    rows: list[list[str]],
    every: int,
    name: str,
) -> str:
    """A table that stands open while it is short, else folded with its count.

    Parameters
    ----------
    frame : Frame
        Of the page.
    title : str
        Caption as markup; a heading above says it too.
    columns, rows : list
        As of :func:`cdrsite.report.html.table`; at most :data:`MAX_ROWS` rows.
    every : int
        Rows that there are.
    name : str
        Table of the run that holds them all.
    """
    left_out = ""
    if every > len(rows):
        file = tag("code", text(f"tables/{name}.csv"))
        left_out = paragraph(frame.count("left_out", every - len(rows), file=file), kind="note")
    if len(rows) <= OPEN_ROWS:
        return table(title, columns, rows, headed=True) + left_out
    first = table(title, columns, rows[:OPEN_ROWS], headed=True)
    rest = rows[OPEN_ROWS:]
    again = frame.say("table.continued", title=title)
    return first + details(
        frame.count("rows.more", len(rest)),
        table(again, columns, rest, headed=True),
        left_out,
        rows=len(rest),
    )


# ---------------------------------------------------------------------- storage


def storage(frame: Frame) -> str:
    """CO2 brought to each storage unit, and the years until it is full."""
    listed = frame.rows("storage")
    if not listed:
        return ""
    order = sorted(range(len(listed)), key=lambda i: -real(listed[i].get("injected_mt_yr")))
    rows = []
    for i in order[:MAX_ROWS]:
        at = f"tables/storage/{i}"
        oil = bool(listed[i].get("eor"))
        badge = tag("b", frame.say("storage.eor"), class_="badge") if oil else ""
        rows.append(
            [
                text(word(listed[i].get("unit"))) + " " + badge,
                frame.value(f"{at}/injected_mt_yr"),
                frame.value(f"{at}/injection_mt_yr"),
                frame.value(f"{at}/capacity_mt"),
                frame.value(f"{at}/years_to_full"),
            ]
        )
    columns = [
        (frame.say("sites.storage"), "text"),
        (frame.say("fact.injected_mt_yr") + frame.in_("Mt/yr"), "number"),
        (frame.say("storage.most") + frame.in_("Mt/yr"), "number"),
        (frame.say("storage.capacity") + frame.in_("Mt"), "number"),
        (frame.say("storage.years") + frame.in_("yr"), "number"),
    ]
    title = frame.say("storage.title")
    return tag("h3", title) + folded(frame, title, columns, rows, len(listed), "storage")


# -------------------------------------------------------------------- provinces


def provinces(frame: Frame) -> str:
    """Section on administrative units: net removal by method, cost and land."""
    listed = frame.rows("provinces")
    zones: dict[str, dict[str, int]] = {}
    for i, row in enumerate(listed):
        zones.setdefault(word(row.get("zone")), {})[word(row.get("method"))] = i
    if not zones:
        return ""
    net = {
        zone: {m: real(listed[i].get("net_mt_yr")) for m, i in found.items()}
        for zone, found in zones.items()
    }
    total = {zone: math.fsum(v for v in parts.values() if v > 0) for zone, parts in net.items()}
    most = max(total.values())
    methods = [m for m in frame.run.methods if any(net[zone].get(m, 0) > 0 for zone in zones)]
    rows = []
    for zone in sorted(zones, key=lambda name: -total[name])[:MAX_ROWS]:
        found = zones[zone]
        parts = [(net[zone].get(m, 0.0), frame.colour(m)) for m in methods]
        name = frame.say("province.none") if zone == "in none" else text(zone)
        rows.append(
            [
                name + stacked(parts, most),
                *(_cell(frame, [found[m]] if m in found else [], "net_mt_yr") for m in methods),
                *(
                    _cell(frame, list(found.values()), key)
                    for key in ("net_mt_yr", "cost_musd_yr", "land_km2")
                ),
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
    return section(
        "provinces",
        frame.say("provinces.title"),
        paragraph(title),
        folded(frame, title, columns, rows, len(zones), "provinces"),
        paragraph(frame.say("file", file=tag("code", "tables/provinces.csv")), kind="note"),
    )


def _cell(frame: Frame, rows: list[int], column: str) -> str:
    if not rows:
        return "0"
    return frame.value("+".join(f"tables/provinces/{i}/{quoted(column)}" for i in rows))
