"""Section on plants that stand already: what they take, give and cost, apart from the plan."""

from __future__ import annotations

import math

from cdrsite.core.vocabulary import amount
from cdrsite.report.frame import MAX_ROWS, Frame, Row, paragraph, real, word
from cdrsite.report.html import tag, text
from cdrsite.report.listed import PageColumn, file_note, folded, listed


def standing(frame: Frame) -> str:
    """What plants that stand do beside the plan; nothing where a study has none."""
    if not frame.at("standing"):
        return ""
    intro = paragraph(frame.say("standing.intro"))
    return intro + _told(frame) + _listed(frame) + _drawn(frame)


def _told(frame: Frame) -> str:
    """A sentence for each milestone."""
    lines = []
    for i, year in enumerate(frame.at("standing/years")):
        at = f"standing/years/{i}"
        lines.append(
            frame.say(
                "standing.told" if year["year"] else "standing.told_plain",
                year=text(word(year["year"])),
                n=frame.value(f"{at}/plants"),
                all=frame.value("standing/plants"),
                gross=frame.value(f"{at}/gross_mt_yr"),
                net=frame.value(f"{at}/net_mt_yr"),
                cost=frame.value(f"{at}/running_cost_musd_yr"),
            )
        )
    return tag("ul", *(tag("li", one) for one in lines), class_="lead")


def _listed(frame: Frame) -> str:
    """Each plant at each milestone at which it runs."""
    rows = frame.rows("standing")
    shown = [i for i, row in enumerate(rows) if real(row["gross_mt_yr"]) > 0]
    if not shown:
        return ""

    def year_of(column: str) -> PageColumn:
        def cell(row: Row) -> str:
            value = real(row.get(column))
            return "" if math.isnan(value) else text(f"{value:.0f}")

        return PageColumn(f"standing.{column}", cell, kind="number")

    columns = (
        PageColumn("standing.plant", lambda row: text(word(row["plant"]))),
        PageColumn("standing.method", lambda row: text(frame.words.method(word(row["method"])))),
        PageColumn("standing.year", lambda row: text(word(row["year"])), kind="short"),
        PageColumn("standing.gross", "gross_mt_yr", "Mt/yr"),
        PageColumn("standing.net", "net_mt_yr", "Mt/yr"),
        PageColumn("standing.unit", lambda row: text(word(row["unit"]))),
        PageColumn("standing.cost", "running_cost_musd_yr", "MUSD/yr"),
        year_of("built"),
        year_of("retires"),
    )
    heads, cells = listed(frame, "standing", columns, shown)
    title = frame.say("standing.list")
    return (
        tag("h3", title)
        + folded(frame, title, heads, cells, len(shown), "standing")
        + file_note(frame, "standing")
    )


def _drawn(frame: Frame) -> str:
    """What each plant takes from the cells around it, a line for each resource."""
    groups: dict[tuple[str, str], list[int]] = {}
    for i, row in enumerate(frame.rows("standing_draws")):
        groups.setdefault((word(row["plant"]), word(row["resource"])), []).append(i)
    if not groups:
        return ""
    rows = frame.rows("standing_draws")
    cells = []
    for (plant, resource), positions in groups.items():
        size, unit = amount(word(rows[positions[0]]["unit"])).total
        taken = "+".join(f"tables/standing_draws/{i}/taken" for i in positions)
        farthest = max(positions, key=lambda i: real(rows[i]["distance_km"]))
        cells.append(
            [
                text(plant),
                text(frame.words.resource(resource)),
                frame.value(taken, 1 / size, amount=True) + " " + frame.in_(unit),
                frame.words.number(len(positions)),
                frame.value(f"tables/standing_draws/{farthest}/distance_km", amount=True),
            ]
        )
    columns = [
        (frame.say("standing.plant"), "text"),
        (frame.say("storage.what"), "text"),
        (frame.say("standing.taken"), "number"),
        (frame.say("standing.cells"), "number"),
        (frame.say("standing.farthest") + frame.in_("km"), "number"),
    ]
    title = frame.say("standing.draws")
    return (
        tag("h3", title)
        + folded(frame, title, columns, cells[:MAX_ROWS], len(cells), "standing_draws")
        + file_note(frame, "standing_draws")
    )
