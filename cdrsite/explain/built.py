"""When a method is built in a cell of a path over milestones, and what speaks for that year."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cdrsite.core.words import Words
from cdrsite.explain.cells import Evidence, methods_of
from cdrsite.explain.facts import Fact, Told
from cdrsite.outputs.legend import flag_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

EARLY = "early_for"
"""Attribute of ``build_year``, with the method's name behind it: for each milestone the later year
whose growth limit makes it worth building then; 0 without one."""


def say_built(evidence: Evidence, index: int, told: Told, words: Words) -> None:
    """Milestone for which most of it is built, the tonnes of each year, and why it is early."""
    if "build_year" not in evidence:
        return
    variable = evidence.dataset["build_year"]
    names = flag_names(variable)
    years = {code: int(name) for code, name in names.items() if name.isdigit()}
    codes = np.asarray(evidence.cells["build_year"][index], np.int64)
    used = np.isin(codes, list(years))
    told.facts["built_year"] = _years(codes, years)
    method = methods_of(evidence.dataset)[index]
    later = np.atleast_1d(np.asarray(variable.attrs.get(f"{EARLY}_{method}", []), np.int64))
    target = {code: int(later[i]) for i, code in enumerate(sorted(years)) if i < len(later)}
    early = used & np.isin(codes, [code for code, year in target.items() if year])
    told.facts["later_year"] = _years(codes, target)
    title = words("why.title.built")
    told.say(title, {words("why.built_early"): early, words("why.built"): used})
    flow = evidence.cells["allocated_at"][index].astype(np.float64)
    each = []
    for t, year in enumerate(years.values()):
        told.facts[f"at_{year}"] = Fact(flow[t], unit=f" {words.unit('t/yr')}")
        each.append(words("why.built_at", year=year, gross=f"{{at_{year}}}"))
    told.say(words("why.title.years"), {words("list.comma").join(each): used})


def _years(codes: NDArray[np.int64], years: dict[int, int]) -> Fact:
    """A year for each code."""
    known = sorted({*years.values()} - {0})
    place = {code: known.index(year) for code, year in years.items() if year in known}
    labels = np.full(codes.shape, -1, np.int64)
    for code, number in place.items():
        labels[codes == code] = number
    return Fact(labels, texts=tuple(map(str, known)))
