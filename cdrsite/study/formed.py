"""Sums of products of methods with other numbers, each formed once for all who try a number.

Ranges, slopes and the list of what a run rests on try every number of every method; the next run
in this process tries most of them again. What the sums depend on is what the stage of the formulae
declares, the method's file and its keys in the scenario, and its numbers. All is kept in one
memory of the process, for the runs of a batch as for one run after another.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from cdrsite.core.memory import Memory
from cdrsite.engine.stages import content, only
from cdrsite.methods.rivals import RivalSums, rival_sums

if TYPE_CHECKING:
    from cdrsite.config.models import Scenario
    from cdrsite.methods.formulae import Ingredients
    from cdrsite.methods.model import MethodModel


T = TypeVar("T")

FORMULAE_READS = (
    *("costs.discount_rate", "costs.prices", "transport.cost", "transport.leakage"),
    *("resources", "milestones.years", "milestones.intensity", "milestones.prices"),
)
"""Keys of the scenario that the sums of a method depend on, beside the method itself."""


class FormedSums:
    """Remembers what is formed of a method's numbers, by the content that it depends on.

    Parameters
    ----------
    kept : Memory
        Where it is kept, each of size 1; it outlives the run.
    """

    def __init__(self, kept: Memory) -> None:
        self._kept = kept
        self._told: dict[tuple[str, int], tuple[object, str]] = {}

    def of(self, model: MethodModel, scenario: Scenario, given: Ingredients) -> RivalSums:
        """Sums of a method before transport and storage."""
        make = rival_sums
        return self.made(("rivals",), lambda: make(model, scenario, given), model, scenario, given)

    def made(
        self,
        kind: tuple[object, ...],
        make: Callable[[], T],
        model: MethodModel,
        scenario: Scenario,
        given: Ingredients,
    ) -> T:
        """What ``make`` makes of a method, of the scenario's keys and of what blocks offer."""
        if not isinstance(model.numbers, dict):  # who notes what is read wants to see it read
            return make()
        key = (
            kind,
            self._content("read", scenario, lambda: only(scenario, FORMULAE_READS)),
            self._content("choice", model.choice, lambda: model.choice),
            self._content("own", model.method, lambda: _own(model)),
            *(model.name, model.profile.name, model.basis, model.acting, given),
            # as text, in which an unknown number is the same as itself
            repr((model.replaced, model.gwp, model.numbers)),
        )
        known: T | None = self._kept.get(key)
        if known is None:
            known = make()
            self._kept.put(key, known, 1)
        return known

    def tried(
        self,
        kind: str,
        make: Callable[[], T],
        model: MethodModel,
        scenario: Scenario,
        given: Ingredients,
    ) -> T:
        """What ``make`` finds by trying a method's numbers, in a study that differs in others."""
        others: dict[str, object] = {"methods": {}, "layers": {}}
        rest = self._content("rest", scenario, lambda: scenario.model_copy(update=others))
        return self.made((kind, rest), make, model, scenario, given)

    def _content(self, which: str, whole: object, part: Callable[[], Any]) -> str:
        """All that a part says, by the whole; that is kept, so that no other takes its id."""
        if (which, id(whole)) not in self._told:
            self._told[which, id(whole)] = whole, json.dumps(content(part()))
        return self._told[which, id(whole)][1]


def _own(model: MethodModel) -> Any:
    """A method's file of one's own, which may change between two runs; the library stays."""
    return None if model.choice.library is None else model.method
