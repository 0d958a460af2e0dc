"""What a plan that is kept would lose, and what it would be worth to know a number first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from cdrsite.core.words import Words
from cdrsite.report.frame import Frame, Row, paragraph, real, word
from cdrsite.report.html import table, tag, text
from cdrsite.report.listed import OPEN_ROWS, PageColumn, file_note, listed
from cdrsite.report.moves import named_number
from cdrsite.report.numbernames import number_words

AT = "uncertainty/decisions"
SHOWN = 8
"""Most numbers in the table of what is worth knowing."""


def plan_words(words: Words, row: Mapping[str, Any]) -> str:
    """A plan that could be decided on: the study's own, that at the means, that of a sample."""
    sample = row.get("sample")
    number = "" if sample is None or not math.isfinite(real(sample)) else str(round(real(sample)))
    return words(f"kept.plan.{row['plan']}", n=number)


def kept_told(frame: Frame) -> list[str]:
    """What a reader should take away, a sentence each; nothing where no plans were weighed."""
    found = frame.at(AT)
    if not found or not found.get("plans"):
        return []
    if "base" not in found:
        return [frame.say("kept.rules", share=frame.value(f"{AT}/keeps_rules", 100.0, 2))]
    unit = frame.unit(str(found["unit"]))
    told = [
        _loses(frame, unit),
        _better(frame, found, unit),
        _robust_told(frame, found, unit),
        _worth_knowing(frame, found, unit),
    ]
    return [one for one in told if one]


def _loses(frame: Frame, unit: str) -> str:
    return frame.say(
        "kept.loses",
        mean=frame.value(f"{AT}/base/mean_regret"),
        error=frame.value(f"{AT}/base/error_of_regret", 1.0, 2),
        worst=frame.value(f"{AT}/base/regret_p95"),
        unit=unit,
    )


def _better(frame: Frame, found: Mapping[str, Any], unit: str) -> str:
    """The plan of the best mean worth, where that is another one by more than its noise."""
    best, base = found["best_mean"], found["base"]
    gain = real(base["mean_regret"]) - real(best["mean_regret"])
    error = math.hypot(real(base["error_of_regret"]), real(best["error_of_regret"]))
    if best["plan"] == "base" or not gain > 2.0 * error:
        return ""
    return frame.say(
        "kept.better",
        n=frame.value(f"{AT}/plans"),
        plan=text(plan_words(frame.words, best)),
        mean=frame.value(f"{AT}/best_mean/mean_regret"),
        error=frame.value(f"{AT}/best_mean/error_of_regret", 1.0, 2),
        unit=unit,
    )


def _robust_told(frame: Frame, found: Mapping[str, Any], unit: str) -> str:
    """What the robust plan comes to beside the study's own, and how near to the best mix it is."""
    robust = found.get("robust")
    if not robust:
        return ""
    key = {"p10": "worst_tenth", "regret": "largest_regret"}[robust["aim"]]
    return frame.say(
        f"kept.robust.{robust['aim']}",
        all=frame.value(f"{AT}/robust/bound_of_all_plans") if robust["aim"] == "p10" else "",
        n=frame.value(f"{AT}/robust/of_plans"),
        mine=frame.value(f"{AT}/robust/{key}"),
        base=frame.value(f"{AT}/base/{key}"),
        mean=frame.value(f"{AT}/robust/mean_worth"),
        gap=frame.value(f"{AT}/robust/gap", 100.0, 2),
        samples=frame.value(f"{AT}/robust/samples"),
        unit=unit,
    )


def _worth_knowing(frame: Frame, found: Mapping[str, Any], unit: str) -> str:
    """What it is worth to know first; never what does not stand above its noise."""
    if not found["everything"]["found"]:
        return frame.say("kept.know.nothing")
    said = {
        "all": frame.value(f"{AT}/everything/value"),
        "all_error": frame.value(f"{AT}/everything/error", 1.0, 2),
        "unit": unit,
    }
    if not found["worth_knowing"]:
        none = "none" if found["numbers_told"] else "few"
        return frame.say(f"kept.know.{none}", **said)
    first = f"{AT}/worth_knowing/0"
    said["name"] = text(number_words(frame.words, str(found["worth_knowing"][0]["number"])))
    said["worth"] = frame.value(f"{first}/worth")
    said["error"] = frame.value(f"{first}/error", 1.0, 2)
    return frame.say("kept.know", **said)


def kept_plans(frame: Frame) -> str:
    """Tables of the plans that were weighed, and of what is worth knowing first."""
    rows = frame.rows("decisions")
    found = frame.at(AT)
    if not rows or not found or not found.get("plans"):
        return ""
    unit = str(found["unit"])
    order = sorted(range(len(rows)), key=lambda i: -_or_least(rows[i]["mean_worth"]))
    columns = [
        PageColumn("kept.plan", lambda row: text(plan_words(frame.words, row))),
        PageColumn("kept.worth", "mean_worth", unit),
        PageColumn("kept.tenth", "worst_tenth", unit),
    ]
    if "base" in found:
        columns += [
            PageColumn("kept.regret", "mean_regret", unit),
            PageColumn("kept.error", "error_of_regret", unit, digits=2),
            PageColumn("kept.regret95", "regret_p95", unit),
            PageColumn("kept.largest", "largest_regret", unit),
        ]
    else:
        columns.append(PageColumn("kept.keeps", "keeps_rules", "%", 100.0, 2))
    title = frame.say("kept.title")
    heads, body = listed(frame, "decisions", columns, order)
    shown = table(title, heads, body, headed=True)
    intro = paragraph(frame.say("kept.intro"))
    parts = [tag("h3", title), intro, shown, file_note(frame, "decisions")]
    return "".join([*parts, _robust_plan(frame), _knowing(frame, unit)])


def _robust_plan(frame: Frame) -> str:
    """What the robust plan builds where, beside the study's own; the most first."""
    rows = frame.rows("robust")
    if not rows:
        return ""
    order = sorted(range(len(rows)), key=lambda i: -real(rows[i]["robust_mt_yr"]))[:OPEN_ROWS]
    columns = [
        PageColumn("column.method", lambda row: frame.method(str(row["method"]))),
        PageColumn("kept.robust.builds", "robust_mt_yr", "Mt/yr"),
        PageColumn("kept.robust.own", "plan_mt_yr", "Mt/yr"),
    ]
    if any(word(row["zone"]) for row in rows):
        columns.insert(0, PageColumn("kept.robust.zone", lambda row: text(word(row["zone"]))))
    title = frame.say("kept.robust.title")
    heads, body = listed(frame, "robust", columns, order)
    shown = table(title, heads, body, headed=True)
    intro = paragraph(frame.say("kept.robust.intro"))
    return tag("h3", title) + intro + shown + file_note(frame, "robust")


def _or_least(value: object) -> float:
    return real(value) if math.isfinite(real(value)) else -math.inf


def _knowing(frame: Frame, unit: str) -> str:
    """What knowing a number, or some, or all of them first is worth."""
    rows = frame.rows("information")
    if not rows:
        return ""
    every = [i for i, row in enumerate(rows) if not word(row["number"])]
    some = [i for i, row in enumerate(rows) if word(row["number"]) and row["found"]][:SHOWN]

    def name(row: Row) -> str:
        path = word(row["number"])
        return named_number(frame, path) if path else frame.say(f"kept.all.{_key(row)}")

    columns = (
        PageColumn("kept.known", name),
        PageColumn("kept.know.worth", "worth", unit),
        PageColumn("kept.noise", "noise", unit, digits=2),
        PageColumn("kept.error", "error", unit, digits=2),
    )
    title = frame.say("kept.know.title")
    heads, body = listed(frame, "information", columns, [*every, *some])
    shown = table(title, heads, body, headed=True)
    said = [frame.say("kept.know.intro")]
    if not some:
        said.append(frame.say("kept.know.within"))
    told = paragraph(frame.words("sentence.gap").join(said))
    return tag("h3", title) + told + shown + file_note(frame, "information")


def _key(row: Row) -> str:
    return str(row["known"]).replace(" ", "_")
