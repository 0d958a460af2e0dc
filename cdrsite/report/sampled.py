"""How sure the plan is: ranges, what runs out, which sites stay, which number decides."""

from __future__ import annotations

import math
from typing import Any

from cdrsite.report.bars import STUDY_COLOUR, BarScale, bar_table, drawing
from cdrsite.report.frame import Frame, Row, bar, details, paragraph, real, word
from cdrsite.report.html import table, tag, text
from cdrsite.report.kept import kept_plans, kept_told
from cdrsite.report.listed import OPEN_ROWS, PageColumn, file_note, listed
from cdrsite.report.moves import named_number
from cdrsite.report.numbernames import number_words
from cdrsite.report.places import place

MOST = 0.5
"""Share of the spread from which on one number, or two, make most of the doubt [1]."""
LEAST = 0.01
"""Numbers with a smaller share stand in the file only [1]."""
BARS = 10
"""Most numbers in the chart of the spread."""
LABEL_COLOUR = "#455a64"


def sampled(frame: Frame) -> str:
    """Section on the samples of a study; nothing where it has none."""
    if not frame.at("uncertainty/known"):
        return ""
    return "".join(
        [
            lead(frame),
            basis(frame),
            totals(frame),
            deciding(frame),
            kept_plans(frame),
            sites(frame),
            pools(frame),
            provinces(frame),
        ]
    )


# ---------------------------------------------------------------------- sentences


def lead(frame: Frame) -> str:
    """What a reader should take away, a sentence each."""
    told = [_range_told(frame), _sites_told(frame), _decides_told(frame), *kept_told(frame)]
    return tag("ul", *(tag("li", one) for one in told if one), class_="lead")


def _range_told(frame: Frame) -> str:
    at = _total(frame)
    return frame.say(
        "sampled.range",
        low=frame.value(f"{at}/p05"),
        high=frame.value(f"{at}/p95"),
        mid=frame.value(f"{at}/p50"),
        plan=frame.value(f"{at}/plan"),
    )


def _total(frame: Frame, quantity: str = "net_mt_yr") -> str:
    """Pointer to the ranges of a quantity of all methods."""
    for i, row in enumerate(frame.rows("totals_uncertain")):
        if not word(row["method"]) and row["quantity"] == quantity:
            return f"tables/totals_uncertain/{i}"
    raise KeyError(quantity)


def _sites_told(frame: Frame) -> str:
    every = frame.at("uncertainty/sites/in_plan")
    if not every:
        return ""
    of = frame.value("uncertainty/sites/in_plan")
    if not frame.at("uncertainty/sites/core"):
        return frame.say("sampled.sites.none", of=of)
    return frame.say("sampled.sites", n=frame.value("uncertainty/sites/core"), of=of)


def _decides_told(frame: Frame) -> str:
    rows = frame.rows("deciding")
    if not rows or real(rows[0]["share"]) < LEAST:
        return ""
    if not rows[0]["reliable"] and real(rows[0]["share"]) < MOST:
        return frame.say(
            "sampled.decides.unclear", r2=frame.value("uncertainty/explained", 100.0, 2)
        )
    said = {
        "name": _named_between(frame, str(rows[0]["number"])),
        "share": frame.value("tables/deciding/0/share", 100.0, 2),
    }
    if real(rows[0]["share"]) >= MOST:
        return frame.say("sampled.decides", **said)
    if len(rows) > 1 and real(rows[0]["share"]) + real(rows[1]["share"]) >= MOST:
        said["second"] = _named_between(frame, str(rows[1]["number"]))
        said["more"] = frame.value("tables/deciding/1/share", 100.0, 2)
        return frame.say("sampled.decides.two", **said)
    return frame.say("sampled.decides.many", **said)


def _named_between(frame: Frame, path: str) -> str:
    """A number in words with the ends between which it is drawn, where it has both."""
    name = text(number_words(frame.words, path))
    for i, row in enumerate(frame.rows("uncertain")):
        if row["number"] == path and math.isfinite(real(row["low"]) + real(row["high"])):
            low, high = (frame.value(f"tables/uncertain/{i}/{end}") for end in ("low", "high"))
            high = f"{high} {frame.unit(str(row['unit']))}".rstrip()
            return frame.say("sampled.between", name=name, low=low, high=high)
    return name


def basis(frame: Frame) -> str:
    """What the shares rest on, how sure they are themselves, and what they do not say."""
    known = int(frame.at("uncertainty/known"))
    error = 100.0 * math.sqrt(0.25 / known)
    said = [
        frame.say(
            "sampled.basis",
            n=frame.value("uncertainty/samples"),
            numbers=frame.value("uncertainty/numbers"),
            seed=frame.value("uncertainty/seed"),
            error=text(frame.words.number(error, 2)),
        )
    ]
    lost = int(frame.at("uncertainty/samples")) - known
    if lost:
        said.append(
            frame.say(
                "sampled.few",
                left=text(lost),
                infeasible=frame.value("uncertainty/infeasible"),
                refused=frame.value("uncertainty/refused"),
            )
        )
    said.append(
        frame.say(
            "sampled.solved",
            thin=frame.value("uncertainty/thinned_cells"),
            cells=frame.value("uncertainty/cells"),
        )
    )
    if frame.at("uncertainty/largest_gap") is not None:
        said.append(
            frame.say("sampled.gap", gap=frame.value("uncertainty/largest_gap", 100.0, 2))
            + frame.words("sentence.gap")
            + frame.say("sampled.map.note")
        )
    else:
        said.append(frame.say("sampled.no_maps"))
    gap = frame.words("sentence.gap")
    return paragraph(gap.join(said), kind="muted") + paragraph(
        frame.say("sampled.ties"), kind="note"
    )


# ------------------------------------------------------------------------- ranges


def totals(frame: Frame) -> str:
    """Net removal of all methods and of each: range, middle and plan."""
    rows = frame.rows("totals_uncertain")
    shown = [i for i, row in enumerate(rows) if row["quantity"] == "net_mt_yr"]

    def label(row: Row) -> str:
        name = word(row["method"])
        return frame.method(name) if name else tag("b", frame.say("sampled.all"))

    def colour(row: Row) -> str:
        return frame.colour(word(row["method"])) if word(row["method"]) else LABEL_COLOUR

    drawn = _fan(frame, "totals_uncertain", shown, label, colour, ("p05", "p50", "p95"), "plan")
    return tag("h3", frame.say("sampled.totals")) + drawn + file_note(frame, "totals_uncertain")


def provinces(frame: Frame) -> str:
    """Net removal of each province: range and middle."""
    rows = frame.rows("provinces_uncertain")
    ends = ("net_mt_yr_p05", "net_mt_yr_p50", "net_mt_yr_p95")
    shown = sorted(range(len(rows)), key=lambda i: -real(rows[i][ends[1]]))
    shown = [i for i in shown if real(rows[i][ends[2]]) > 0][: 2 * OPEN_ROWS]
    if not shown:
        return ""

    def label(row: Row) -> str:
        return text(word(row["zone"])) or frame.say("sampled.no_zone")

    drawn = _fan(frame, "provinces_uncertain", shown, label, lambda _: STUDY_COLOUR, ends)
    note = file_note(frame, "provinces_uncertain")
    return tag("h3", frame.say("sampled.provinces")) + drawn + note


def _fan(
    frame: Frame,
    name: str,
    positions: list[int],
    label: Any,
    colour: Any,
    ends: tuple[str, str, str],
    plan: str | None = None,
) -> str:
    """A bar from P5 to P95 in each row of a table of the run, its middle and the plan on it."""
    rows = frame.rows(name)
    top = max((real(rows[i][key]) for i in positions for key in (ends[2], plan) if key), default=0)
    low = min((real(rows[i][ends[0]]) for i in positions), default=0.0)
    scale = BarScale(min(low, 0.0), max(top, 1e-12))
    figure = frame.say(
        "sampled.figure" if plan else "sampled.figure.plain", unit=frame.unit("Mt/yr")
    )
    keys = [*zip(ends, ("low", "mid", "high"), strict=True)]
    keys += [(plan, "plan")] if plan else []
    lines = [
        (
            label(rows[i]),
            _range_bar(rows[i], ends, plan, scale, colour(rows[i])),
            [frame.value(f"tables/{name}/{i}/{key}") for key, _ in keys],
        )
        for i in positions
    ]
    return bar_table(figure, [frame.say(f"sampled.{key}") for _, key in keys], lines, "fan")


def _range_bar(
    row: Row, ends: tuple[str, str, str], plan: str | None, scale: BarScale, colour: str
) -> str:
    """From P5 to P95, a line at the middle, a dark mark at the plan."""
    start, middle, end = (real(row[key]) for key in ends)
    at = f"{scale.at(middle):.2f}"
    shapes = [
        scale.bar(start, end, colour, opacity=".55", least=2.0),
        tag("line", x1=at, x2=at, y1=2, y2=18, class_="band"),
    ]
    if plan is not None and math.isfinite(real(row[plan])):
        # a line of no length with a round end stays a dot, however wide the drawing is
        at = f"{scale.at(real(row[plan])):.2f}"
        shapes.append(tag("path", d=f"M{at} 10h.001", class_="plan-halo"))
        shapes.append(tag("path", d=f"M{at} 10h.001", class_="plan-dot"))
    return drawing(*shapes)


# --------------------------------------------------------------- what decides


def deciding(frame: Frame) -> str:
    """Which number makes how much of the spread of net removal."""
    rows = frame.rows("deciding")
    shown = [i for i, row in enumerate(rows) if real(row["share"]) >= LEAST][:BARS]
    if not shown:
        return ""
    intro = frame.say("sampled.decide.intro", r2=frame.value("uncertainty/explained", 100.0, 2))
    parts = [paragraph(intro)]
    if not rows[0]["reliable"]:
        parts.append(paragraph(frame.say("sampled.decide.poor"), kind="note"))
    columns = (
        PageColumn("moves.number", lambda row: named_number(frame, str(row["number"]))),
        PageColumn("", lambda row: bar(real(row["share"]), STUDY_COLOUR)),
        PageColumn("sampled.share", "share", "%", 100.0, 2),
        PageColumn("sampled.swing", "swing_mt_yr", "Mt/yr"),
        PageColumn("sampled.sign", lambda row: _sign(real(row["rank_correlation"]))),
    )
    title = frame.say("sampled.decide.title")
    heads, body = listed(frame, "deciding", columns, shown)
    shown_table = table(title, heads, body, headed=True)
    return tag("h3", title) + "".join(parts) + shown_table + file_note(frame, "deciding")


def _sign(direction: float) -> str:
    if not math.isfinite(direction):
        return ""
    return "+" if direction > 0 else "−"


# -------------------------------------------------------------------- sites, pools


def sites(frame: Frame) -> str:
    """How often each site of the plan stays."""
    rows = frame.rows("sites_uncertain")
    if not rows:
        return ""
    order = sorted(
        range(len(rows)), key=lambda i: (not rows[i]["in_plan"], -real(rows[i]["stays"]))
    )

    def yes(column: str) -> Any:
        return lambda row: frame.say("sampled.yes" if row[column] else "sampled.no")

    def span(row: Row) -> str:
        ends = (str(round(real(row[f"rank_{end}"]))) for end in ("p05", "p95"))
        return text("–".join(dict.fromkeys(ends)))

    columns = (
        PageColumn("column.method", lambda row: frame.method(str(row["method"]))),
        PageColumn("sites.place", lambda row: place(frame, row)),
        PageColumn("fact.in_plan", yes("in_plan"), kind="short"),
        PageColumn("", lambda row: bar(real(row["stays"]), frame.colour(str(row["method"])))),
        PageColumn("sampled.stays", "stays", "%", 100.0, 2),
        PageColumn("sampled.core", yes("core"), kind="short"),
        PageColumn("sampled.rank", "rank"),
        PageColumn("sampled.rank_range", span, kind="number"),
    )
    title = frame.say("sampled.site_table")
    intro = paragraph(frame.say("sampled.site_table.intro"))
    heads, body = listed(frame, "sites_uncertain", columns, order)
    first = table(title, heads, body[:OPEN_ROWS], headed=True)
    rest = body[OPEN_ROWS:]
    more = ""
    if rest:
        again = table(frame.say("table.continued", title=title), heads, rest, headed=True)
        more = details(frame.count("rows.more", len(rest)), again, rows=len(rest))
    return tag("h3", title) + intro + first + more + file_note(frame, "sites_uncertain")


def pools(frame: Frame) -> str:
    """Share of the samples in which each pool binds; those that never do stand in the file."""
    rows = frame.rows("pools_uncertain")
    order = sorted(range(len(rows)), key=lambda i: -real(rows[i]["binds"]))
    order = [i for i in order if real(rows[i]["binds"]) > 0][: 2 * OPEN_ROWS]
    if not order:
        return ""

    def name(row: Row) -> str:
        what = text(frame.words.resource(str(row["family"])))
        zone = text(frame.words.zone(word(row["zone"])))
        return f"{what}: {zone}" if zone else what

    columns = (
        PageColumn("sampled.pool", name),
        PageColumn("", lambda row: bar(real(row["binds"]), frame.class_colour(str(row["family"])))),
        PageColumn("sampled.binds", "binds", "%", 100.0, 2),
        PageColumn(
            "sampled.in_plan",
            lambda row: frame.say("sampled.yes" if row["binds_in_plan"] else "sampled.no"),
        ),
    )
    title = frame.say("sampled.pools")
    intro = paragraph(frame.say("sampled.pools.intro"))
    heads, body = listed(frame, "pools_uncertain", columns, order)
    shown = table(title, heads, body, headed=True)
    return tag("h3", title) + intro + shown + file_note(frame, "pools_uncertain")
