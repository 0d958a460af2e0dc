"""What plants that run in the months that pay need of a scenario, and what does not know them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def operation_problems(scenario: Any) -> Iterator[tuple[str, str]]:
    """What is wrong with how the methods of a scenario run, and the key."""
    water, path = scenario.resources.supplies["water"], scenario.milestones
    beside = {
        "milestones": path is not None and path.over_years,
        "uncertainty": scenario.uncertainty is not None,
        "standing": scenario.standing is not None,
        "network.plan": scenario.network.plan,
    }
    for name, choice in scenario.methods.items():
        if not choice.seasonal:
            continue
        at = f"methods.{name}.operation"
        if not getattr(water, "by_month", ()):
            yield (
                "it runs in the months that pay, and no supply is offered by month; got "
                "operation: seasonal; cure: give resources.water.months, or operation: constant",
                at,
            )
        if name in getattr(water, "profiles", {}):
            yield (
                f"{name} takes water in the months in which it runs; got a profile beside "
                "operation: seasonal; cure: remove one of the two",
                f"resources.water.profiles.{name}",
            )
        for key, given in beside.items():
            if given:
                yield (
                    f"{key} does not know plants that run in the months that pay; got it beside "
                    f"operation: seasonal; cure: operation: constant, or remove {key}",
                    at,
                )
