"""Sums of products of methods with other numbers, each formed once for all who try a number.

Ranges, slopes and the list of what a run rests on try every number of every method; the runs of a
batch try most of them again. What the sums depend on is what the stage of the formulae declares,
the method's own keys, and its numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cdrsite.core.memory import Memory
from cdrsite.engine.stages import content, only
from cdrsite.methods.rivals import RivalSums, rival_sums
from cdrsite.study.prepare import formulae

if TYPE_CHECKING:
    from cdrsite.config.models import Scenario
    from cdrsite.methods.formulae import Ingredients
    from cdrsite.methods.model import MethodModel


class FormedSums:
    """Remembers :func:`cdrsite.methods.rivals.rival_sums`, by the content that they depend on.

    Parameters
    ----------
    kept : Memory
        Where they are kept, each of size 1; that of a batch outlives the run.
    """

    def __init__(self, kept: Memory) -> None:
        self._kept = kept
        self._told: dict[int, tuple[object, str]] = {}

    def of(self, model: MethodModel, scenario: Scenario, given: Ingredients) -> RivalSums:
        """Sums of a method before transport and storage."""
        if not isinstance(model.numbers, dict):  # who notes what is read wants to see it read
            return rival_sums(model, scenario, given)
        key = (
            self._content(scenario, lambda: only(scenario, formulae.reads)),
            self._content(model.choice, lambda: model.choice),
            *(model.name, model.profile.name, model.basis, model.acting, given),
            # as text, in which an unknown number is the same as itself
            repr((model.replaced, model.gwp, model.numbers)),
        )
        known: RivalSums | None = self._kept.get(key)
        if known is None:
            known = rival_sums(model, scenario, given)
            self._kept.put(key, known, 1)
        return known

    def _content(self, whole: object, part: Callable[[], Any]) -> str:
        """All that a part says, by the whole; that is kept, so that no other takes its id."""
        if id(whole) not in self._told:
            self._told[id(whole)] = whole, json.dumps(content(part()))
        return self._told[id(whole)][1]
