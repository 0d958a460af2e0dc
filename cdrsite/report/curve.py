"""The supply curve as a drawing that stays readable at any width: shapes in SVG, text in HTML."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cdrsite.report.emitted import beside_emitters
from cdrsite.report.frame import Frame, Row, details, paragraph, real
from cdrsite.report.html import table, tag, text
from cdrsite.report.listed import PageColumn, file_note, listed

CLASSES = 48
"""Most steps of the drawn curve; finer classes of cost are put together."""
TABLE_ROWS = 60
WIDE, HIGH = 1000.0, 400.0
"""Of the drawing, in its own units; it is stretched to the page."""


@dataclass(frozen=True)
class CurveStep:
    """One block of the curve: the tonnes of a method in a class of cost.

    Attributes
    ----------
    method : str
    low, high : float
        Class of cost [USD per net t].
    start, net : float
        Where it begins, and how wide it is [Mt/yr].
    cost : float
        Mean of the class, weighted by tonnes [USD per net t].
    """

    method: str
    low: float
    high: float
    start: float
    net: float
    cost: float


def steps_of(rows: list[Row], methods: tuple[str, ...]) -> list[CurveStep]:
    """Blocks of the curve in rising cost, in at most :data:`CLASSES` classes of round width."""
    if not rows:
        return []
    lows = [real(row["cost_from_usd_t"]) for row in rows]
    highs = [real(row["cost_to_usd_t"]) for row in rows]
    width = round_step((max(highs) - min(lows)) / CLASSES)
    width = max(width, *(high - low for low, high in zip(lows, highs, strict=True)))
    classes: dict[int, list[int]] = {}
    for i, low in enumerate(lows):
        classes.setdefault(math.floor(low / width + 1e-9), []).append(i)
    steps: list[CurveStep] = []
    start = 0.0
    for k, positions in sorted(classes.items()):
        for cost, method, net in sorted(_parts([rows[i] for i in positions], methods)):
            steps.append(CurveStep(method, k * width, (k + 1) * width, start, net, cost))
            start += net
    return steps


def _parts(rows: list[Row], methods: tuple[str, ...]) -> list[tuple[float, str, float]]:
    """Mean cost, method and tonnes of each method in a class of cost."""
    middles = [(real(row["cost_from_usd_t"]) + real(row["cost_to_usd_t"])) / 2 for row in rows]
    parts = []
    for method in methods:
        tonnes = [net if (net := real(row.get(method))) > 0 else 0.0 for row in rows]
        total = math.fsum(tonnes)
        if total > 0:
            paid = math.fsum(net * cost for net, cost in zip(tonnes, middles, strict=True))
            parts.append((paid / total, method, total))
    return parts


def round_step(least: float) -> float:
    """Smallest of 1, 2 and 5 times a power of ten that is not below."""
    if not least > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= least * (1 - 1e-9))


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from below ``low`` to above ``high``."""
    step = round_step((high - low) / about) if high > low else 1.0
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [k * step for k in range(first, max(last, first + 1) + 1)]


def supply_curve(frame: Frame) -> str:
    """Section with the curve, its legend, and the numbers."""
    rows = frame.rows("supply_curve")
    steps = steps_of(rows, frame.run.methods)
    if not steps:
        return ""
    used = [name for name in frame.run.methods if any(step.method == name for step in steps)]
    legend = frame.legend(used)
    intro = paragraph(frame.say("curve.intro", year=frame.year("base_year")))
    return intro + beside_emitters(frame) + legend + plot(frame, steps) + figures(frame, len(rows))


def plot(frame: Frame, steps: list[CurveStep]) -> str:
    """The drawing with its axes."""
    total = steps[-1].start + steps[-1].net
    across = ticks(0.0, total, 6)
    up = ticks(min(0.0, *(step.cost for step in steps)), max(step.cost for step in steps))
    right, top, bottom = max(total, 1e-12), up[-1], up[0]

    def x(value: float) -> float:
        return WIDE * value / right

    def y(value: float) -> float:
        return HIGH * (top - value) / (top - bottom)

    blocks = []
    for step in steps:
        upper, lower = sorted((y(step.cost), y(0.0)))
        title = frame.words(
            "curve.block",
            method=frame.words.method(step.method),
            net=frame.words.number(step.net),
            low=frame.words.exact(round(step.low, 9)),
            high=frame.words.exact(round(step.high, 9)),
        )
        blocks.append(
            tag(
                "rect",
                tag("title", text(title)),
                x=f"{x(step.start):.2f}",
                y=f"{upper:.2f}",
                width=f"{x(step.net):.2f}",
                height=f"{lower - upper:.2f}",
                fill=frame.colour(step.method),
            )
        )
    path = "".join(
        f"{'M' if i == 0 else 'L'}{x(s.start):.2f} {y(s.cost):.2f}H{x(s.start + s.net):.2f}"
        for i, s in enumerate(steps)
    )
    grid = [tag("line", x1=0, x2=f"{WIDE:g}", y1=f"{y(v):.2f}", y2=f"{y(v):.2f}") for v in up]
    label = frame.words(
        "curve.label",
        net=frame.words.number(total),
        low=frame.words.number(steps[0].cost),
        high=frame.words.number(steps[-1].cost),
    )
    drawing = tag(
        "svg",
        tag("g", *grid, class_="grid"),
        *blocks,
        tag("path", d=path, class_="step"),
        viewBox=f"0 0 {WIDE:g} {HIGH:g}",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )
    return _axes(frame, drawing, across, up, right)


def _axes(frame: Frame, drawing: str, across: list[float], up: list[float], right: float) -> str:
    def number(value: float) -> str:
        return text(frame.words.exact(round(value, 9)))

    marks = [
        tag("span", number(v), style=f"top:{100 * (up[-1] - v) / (up[-1] - up[0]):.2f}%")
        for v in up
    ]
    below = [
        tag("span", number(v), style=f"left:{100 * v / right:.2f}%")
        for v in across
        if v <= right * 1.0001
    ]
    return tag(
        "div",
        tag("p", frame.say("curve.up"), class_="axis"),
        tag(
            "div",
            tag("div", *marks, class_="up", aria_hidden="true"),
            drawing,
            tag("div", *below, class_="across", aria_hidden="true"),
            class_="field",
        ),
        tag("p", frame.say("curve.across"), class_="axis end"),
        class_="plot",
    )


def figures(frame: Frame, every: int) -> str:
    """The curve as a table, in few enough rows to read."""
    stride = max(1, math.ceil(every / TABLE_ROWS))
    positions = sorted({*range(stride - 1, every, stride), every - 1})
    columns = (
        PageColumn("curve.up_to", "cost_to_usd_t"),
        PageColumn("curve.cumulative", "cumulative_mt_yr"),
    )
    heads, rows = listed(frame, "supply_curve", columns, positions)
    body = table(frame.say("curve.caption"), heads, rows) + file_note(frame, "supply_curve")
    return details(frame.count("curve.table", len(rows)), body, rows=len(rows))
