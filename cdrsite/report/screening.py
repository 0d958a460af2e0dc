"""Section on ports and plants that are compared for methods of the open sea."""

from __future__ import annotations

from cdrsite.library.screening import ScreeningMethod, screening_methods
from cdrsite.report.frame import MAX_ROWS, Frame, paragraph, word
from cdrsite.report.html import tag, text
from cdrsite.report.listed import Head, file_note, folded


def screening(frame: Frame) -> str:
    """Points of each method with their distances, the best first; nothing where none are compared.

    It has no tonnes, and nothing of it is in the answer, its sums or its map of the plan (rule 5).
    """
    records = frame.rows("screening")
    if not records:
        return ""
    methods = list(dict.fromkeys(word(row.get("method")) for row in records))
    parts = [_method(frame, name) for name in methods]
    return paragraph(frame.say("screening.intro")) + "".join(parts) + file_note(frame, "screening")


def _method(frame: Frame, name: str) -> str:
    said, method = frame.words.said, screening_methods().get(name)
    own = [(i, row) for i, row in enumerate(frame.rows("screening")) if row.get("method") == name]
    near = {
        (word(row.get("point")), word(row.get("criterion"))): i
        for i, row in enumerate(frame.rows("screening_criteria"))
        if row.get("method") == name
    }
    criteria = list(dict.fromkeys(criterion for _, criterion in near))
    columns: list[Head] = [
        (frame.say("screening.rank"), "number"),
        (frame.say("screening.point"), "text"),
        (frame.say("screening.score"), "number"),
    ]
    for criterion in criteria:
        what = text(_title(frame, method, criterion))
        columns.append((frame.say("screening.of", what=what) + frame.in_("km"), "number"))
    rows = []
    for i, row in own[:MAX_ROWS]:
        point = word(row.get("point"))
        cells = [frame.value(f"tables/screening/{i}/rank"), text(point)]
        cells.append(frame.value(f"tables/screening/{i}/score"))
        for criterion in criteria:
            at = f"tables/screening_criteria/{near[point, criterion]}/distance_km"
            cells.append(frame.value(at))
        rows.append(cells)
    title = text(name if method is None else said(method.title))
    head = tag("h3", title)
    if method is not None:
        points = text(said(method.points))
        key = "screening.open" if method.allowed else "screening.closed"
        law = frame.say(key, law=text(said(method.law)))
        head += paragraph(frame.say("screening.points", points=points) + " " + law, kind="note")
    return head + folded(frame, title, columns, rows, len(own), "screening")


def _title(frame: Frame, method: ScreeningMethod | None, criterion: str) -> str:
    if method is None or criterion not in method.criteria:
        return criterion
    return frame.words.said(method.criteria[criterion].title)
