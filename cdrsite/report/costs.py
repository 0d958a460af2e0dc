"""Section on what a net tonne costs: what it is made of, how sure it is, what others published.

The waterfall is a table whose bars are drawings: each begins where the one before ends. So the text
stays text at any width, and every number stands beside its bar.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cdrsite.core.vocabulary import part_in_words
from cdrsite.report.bars import HIGH, THICK, TOP, BarScale, drawing, drawn_cell
from cdrsite.report.basis import costs_stand_for, source_link
from cdrsite.report.frame import Frame, details, paragraph, quoted, real
from cdrsite.report.html import table, tag, text
from cdrsite.report.listed import PageColumn, file_note, listed

SMALL = 0.005
"""Parts below this share of all are shown as one [1]."""
THIN = 2.0
"""Bars below this width are drawn as a line."""
TOTAL_COLOUR = "#98a1aa"
"""Of bars that are sums."""
LOSS_COLOUR, CREDIT_COLOUR = "#a0522d", "#2e7d32"


@dataclass(frozen=True)
class FallStep:
    """A row of a waterfall.

    Attributes
    ----------
    label : str
        Markup.
    pointers : str
        Where its number comes from, joined by ``+``.
    size : float
        [USD/t]; of a sum, how much it is in all.
    colour : str
        Of its bar.
    factor : float
        From the number to the shown one.
    total : bool
        Whether it is a sum: its bar begins at 0.
    band : tuple of (float, float or None) or None
        Low and high end of a sum [USD/t].
    """

    label: str
    pointers: str
    size: float
    colour: str
    factor: float = 1.0
    total: bool = False
    band: tuple[float, float | None] | None = None


def costs(frame: Frame) -> str:
    """Section with the steps of each method, the bands, and what others published."""
    known = frame.at("costs") or {}
    names = [name for name in frame.run.methods if name in known]
    if not names:
        return ""
    parts = [paragraph(frame.say("fall.intro", year=frame.year("base_year")))]
    parts.append(tag("div", *(waterfall(frame, name) for name in names), class_="falls"))
    parts.append(paragraph(frame.say("fall.scale"), kind="note"))
    if frame.at("network/transport_usd_t") is not None:
        told = frame.value("network/transport_usd_t")
        parts.append(paragraph(frame.say("fall.network", transport=told), kind="note"))
    parts += [in_numbers(frame, names), bands(frame, names), published(frame)]
    return "".join(parts)


# -------------------------------------------------------------------- waterfall


def waterfall(frame: Frame, name: str) -> str:
    """One method from the parts of a gross tonne to a net tonne, and after credits."""
    steps = [*part_steps(frame, name), *net_steps(frame, name)]
    ends, at = [], 0.0
    for step in steps:
        start, at = (0.0, step.size) if step.total else (at, at + step.size)
        ends.append((start, at))
    every = [0.0, *(end for both in ends for end in both)]
    every += [end for step in steps if step.band for end in step.band if end is not None]
    scale = BarScale(min(every), max(every))
    rows = []
    for k, (step, both) in enumerate(zip(steps, ends, strict=True)):
        drawn = step_bar(step, both, scale, first=k == 0, last=k == len(steps) - 1)
        cells = (
            tag("th", step.label, scope="row"),
            drawn_cell(drawn),
            tag("td", frame.value(step.pointers, step.factor), class_="n"),
        )
        rows.append(tag("tr", *cells, class_="sum" if step.total else None))
    title = frame.method(name)
    caption = frame.say("fall.fall", method=text(frame.words.method(name)))
    body = tag("caption", caption, class_="unseen") + tag("tbody", *rows)
    return tag("div", tag("h3", title), tag("table", body, class_="fall"), class_="fall-of")


def part_steps(frame: Frame, name: str) -> list[FallStep]:
    """Parts of the cost of a gross tonne, what lowers it last; small ones as one."""
    mine = [(k, row) for k, row in enumerate(frame.rows("cost_parts")) if row["method"] == name]
    whole = sum(abs(real(row["usd_gross_t"])) for _, row in mine)
    shown: list[FallStep] = []
    small: list[FallStep] = []
    for k, row in mine:
        size, pointer = real(row["usd_gross_t"]), f"tables/cost_parts/{k}/usd_gross_t"
        label = text(frame.words.heading(part_in_words(str(row["part"]), frame.words)))
        step = FallStep(label, pointer, size, frame.colour(name))
        (shown if abs(size) >= SMALL * whole else small).append(step)
    if len(small) == 1:
        shown, small = shown + small, []
    shown = [s for s in shown if s.size >= 0] + [s for s in shown if s.size < 0]
    if small:
        label = frame.count("fall.small", len(small))
        pointers = "+".join(step.pointers for step in small)
        at = sum(step.size >= 0 for step in shown)
        shown.insert(at, FallStep(label, pointers, sum(s.size for s in small), frame.colour(name)))
    return shown


def net_steps(frame: Frame, name: str) -> list[FallStep]:
    """From the cost of a gross tonne to that of a net tonne, and after credits."""
    at = f"costs/{quoted(name)}"

    def step(key: str, colour: str, **more: object) -> FallStep:
        size = real(frame.at(f"{at}/{key}"))
        return FallStep(label(key), f"{at}/{key}", size, colour, **more)  # type: ignore[arg-type]

    def label(key: str) -> str:
        factor = frame.value(f"{at}/net_factor", 1.0, 3)
        return frame.say(f"fall.step.{key}", factor=factor)

    one = frame.at(at)
    band = (real(one["low_usd_t"]), one["high_usd_t"]) if one.get("ranged") else None
    steps = [
        step("gross_usd_t", TOTAL_COLOUR, total=True),
        step("losses_usd_t", LOSS_COLOUR),
        step("net_usd_t", TOTAL_COLOUR, total=True, band=band),
    ]
    paid = [
        FallStep(
            frame.say("fall.step.credit", credit=text(str(row["credit"]))),
            f"tables/credits/{k}/earned_usd_net_t",
            -real(row["earned_usd_net_t"]),
            CREDIT_COLOUR,
            factor=-1.0,
        )
        for k, row in enumerate(frame.rows("credits"))
        if row["method"] == name and real(row["earned_usd_net_t"]) > 0
    ]
    after = [step("after_credits_usd_t", TOTAL_COLOUR, total=True)] if paid else []
    return [*steps, *paid, *after]


def step_bar(
    step: FallStep,
    ends: tuple[float, float],
    scale: BarScale,
    *,
    first: bool,
    last: bool,
) -> str:
    """A bar from where the last one ended, the lines to its neighbours, and a band across a sum."""

    def x(value: float) -> str:
        return f"{scale.at(value):.2f}"

    left, right = sorted(ends)
    lines = [tag("line", x1=x(0.0), x2=x(0.0), y1=0, y2=HIGH, class_="zero")]
    if not first and not step.total:
        lines.append(tag("line", x1=x(ends[0]), x2=x(ends[0]), y1=0, y2=5))
    width = float(x(right)) - float(x(left))
    if not last:  # a bar that is too thin to be seen is a line
        y = 15 if width > THIN else 0
        lines.append(tag("line", x1=x(ends[1]), x2=x(ends[1]), y1=y, y2=HIGH))
    shapes = [
        tag("rect", x=x(left), y=TOP, width=f"{width:.2f}", height=THICK, fill=step.colour,
            fill_opacity=None if step.size >= 0 else ".45"),
    ]  # fmt: skip
    if step.band is not None:
        least, most = step.band
        most = scale.high if most is None else most
        across = {"x1": x(least), "x2": x(most), "y1": 10, "y2": 10}
        shapes += [tag("line", **across, class_=kind) for kind in ("halo", "band")]
        ends_of = [least] if step.band[1] is None else [least, most]
        shapes += [tag("line", x1=x(e), x2=x(e), y1=6, y2=14, class_="band") for e in ends_of]
    return drawing(*lines, *shapes)


# ---------------------------------------------------------------------- numbers

NUMBERS = (
    ("gross_usd_t", "USD/t", "column.gross_cost"),
    ("net_factor", "t/t", "column.net_factor"),
    ("net_usd_t", "USD/t", "column.net_cost"),
    ("low_usd_t", "USD/t", "column.low"),
    ("high_usd_t", "USD/t", "column.high"),
    ("credited_usd_t", "USD/t", "column.credited_cost"),
)
"""Columns of the table of costs: key, unit, words."""


def in_numbers(frame: Frame, names: Iterable[str]) -> str:
    """Cost of a gross, a net and a credited tonne, the band, and the basis that it stands on."""
    columns = [(frame.say("column.method"), "text")]
    columns += [(frame.say(label) + frame.in_(unit), "number") for _, unit, label in NUMBERS]
    columns += [(frame.say("column.cost_basis"), "long")]
    rows = []
    for name in names:
        at = f"costs/{quoted(name)}"
        cells = [frame.value(f"{at}/{key}") for key, _, _ in NUMBERS]
        record = frame.run.assumptions.get("methods", {}).get(name) or {}
        rows.append(
            [frame.method(name), *cells, costs_stand_for(frame, record.get("cost_basis") or "")]
        )
    title = frame.say("fall.numbers")
    note = paragraph(frame.say("fall.band"), kind="note")
    return tag("h3", title) + table(title, columns, rows, headed=True) + note


def bands(frame: Frame, names: Iterable[str]) -> str:
    """Which numbers decide the cost of each method, and how many have a range."""
    items = []
    for name in names:
        at, one = f"costs/{quoted(name)}", frame.at(f"costs/{quoted(name)}")
        told = {
            "method": frame.method(name),
            "ranged": frame.value(f"{at}/ranged"),
            "numbers": frame.value(f"{at}/numbers"),
            "what": text(
                frame.words("why.between").join(
                    frame.words.named("param", key) for key in one.get("decides", ())
                )
            ),
        }
        key = "fall.decides" if one.get("decides") else "fall.decides.none"
        line = frame.say(key, **told)
        if one.get("ranged") and one["high_usd_t"] is None:
            line += frame.words("sentence.gap") + frame.say("fall.no_high")
        items.append(tag("li", line))
    rows = frame.rows("cost_ranges")
    more = ""
    if rows:
        columns = (
            PageColumn("column.method", lambda row: frame.method(str(row["method"]))),
            PageColumn(
                "basis.parameter", lambda row: text(frame.words.named("param", row["parameter"]))
            ),
            PageColumn("column.low", "low"),
            PageColumn("basis.value", "central"),
            PageColumn("column.high", "high"),
            PageColumn("basis.unit", lambda row: frame.unit(str(row["unit"])), kind="short"),
            PageColumn("column.at_low", "usd_net_t_at_low", "USD/t"),
            PageColumn("column.at_high", "usd_net_t_at_high", "USD/t"),
        )
        heads, body = listed(frame, "cost_ranges", columns, range(len(rows)))
        title = frame.count("fall.ranges", len(rows))
        inner = table(title, heads, body, headed=True) + file_note(frame, "cost_ranges")
        more = details(title, inner, rows=len(rows))
    return tag("ul", *items) + more


# -------------------------------------------------------------------- published


def published(frame: Frame) -> str:
    """The cost of each method beside the ranges that others published, and why where outside."""
    rows = frame.rows("cost_published")
    if not rows:
        return ""
    cited = frame.run.assumptions.get("sources", {})
    columns = (
        PageColumn("column.method", lambda row: frame.method(str(row["method"]))),
        PageColumn("column.net_cost", "usd_net_t", "USD/t"),
        PageColumn("column.published_low", "low_usd_t", "USD/t"),
        PageColumn("column.published_high", "high_usd_t", "USD/t"),
        PageColumn("column.beside", lambda row: _beside(frame, row), kind="long"),
        PageColumn("basis.source", lambda row: source_link(frame, row, cited), kind="long"),
    )
    heads, body = listed(frame, "cost_published", columns, range(len(rows)))
    title = frame.say("fall.published")
    note = paragraph(frame.say("fall.published.note"), kind="note")
    return tag("h3", title) + table(title, heads, body, headed=True) + note


def _beside(frame: Frame, row: dict[str, object]) -> str:
    """Inside, or outside with the reason."""
    place = frame.say(f"fall.place.{row['place']}")
    if row["place"] == "inside":
        return place
    part = part_in_words(str(row["part"]), frame.words)
    why = frame.say(f"fall.reason.{row['reason']}", part=text(part))
    return tag("b", place) + frame.words("list.clause") + why
