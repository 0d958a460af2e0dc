"""What the sections of a scenario say of one another: names that exist, goals that can be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cdrsite.config.competition import robust_problems
from cdrsite.config.layers import FileLayer
from cdrsite.config.resources import Supply
from cdrsite.core.errors import CdrsiteError, did_you_mean
from cdrsite.core.units import Dimension


def misfits(scenario: Any) -> Iterator[tuple[str, str]]:
    """What sections of a scenario say that others know nothing of, or that cannot be together.

    Parameters
    ----------
    scenario : Scenario
        Each of whose sections is right by itself.

    Yields
    ------
    tuple of str
        What is wrong, with the cure; and its key.
    """
    yield from _nothing_studied(scenario)
    yield from _unknown_methods(scenario)
    yield from _layer_problems(scenario)
    yield from _policy_problems(scenario)
    yield from _weight_problems(scenario)
    yield from _goal_problems(scenario)


def _nothing_studied(scenario: Any) -> Iterator[tuple[str, str]]:
    """No methods, and no network of others either."""
    network = scenario.network
    if not scenario.methods and not (network.plan and (network.emitters or network.tables)):
        yield (
            (
                "nothing is studied: no removal methods, no network of emitters or tables; "
                "cure: name a method, or network.plan: true with network.emitters or .tables"
            ),
            "methods",
        )


def _unknown_methods(scenario: Any) -> Iterator[tuple[str, str]]:
    """Methods that neither the library nor a file has; or not this scenario, where it must."""
    from cdrsite.library.methods import method_names

    known = [*scenario.methods, *(n for n in method_names() if n not in scenario.methods)]
    for name, choice in scenario.methods.items():
        if choice.library is None and name not in method_names():
            listed = ", ".join(method_names())
            text = f"unknown method; got {name!r}; expected one of {listed}, or library: FILE"
            yield text + nearest(name, method_names()), f"methods.{name}"
    for part in ("exclude", "include", "prefer"):
        for i, rule in enumerate(getattr(scenario.siting, part)):
            for name in rule.for_:
                if name not in known:
                    text = f"unknown method; got {name!r}; expected one of {', '.join(known)}"
                    yield text + nearest(name, known), f"siting.{part}.{i}.for"
    played = [(f"policies.{i}.methods", rule.methods) for i, rule in enumerate(scenario.policies)]
    if scenario.milestones is not None:
        played += [(key, (name,)) for key, name in scenario.milestones.methods]
    dated = getattr(scenario.resources.supplies["water"], "profiles", {})
    played += [(f"resources.water.profiles.{name}", (name,)) for name in dated]
    played += [
        (f"objective.credits.{i}.methods", one.methods)
        for i, one in enumerate(scenario.objective.credits)
    ]
    for at, names in played:
        for name in names:
            if name not in scenario.methods:
                text = (
                    f"not a method of this scenario; got {name!r}; expected one of "
                    f"{', '.join(scenario.methods)}"
                )
                cure = "; cure: add it to methods, or remove it"
                yield text + (nearest(name, tuple(scenario.methods)) or cure), at


def _layer_problems(scenario: Any) -> Iterator[tuple[str, str]]:
    """Presets that the library does not have, and texts that are no units."""
    from cdrsite.library.datasets import load_dataset

    for name, layer in scenario.layers.items():
        if isinstance(layer, FileLayer) and layer.preset is not None:
            try:
                load_dataset(layer.preset)
            except CdrsiteError as error:
                yield str(error), f"layers.{name}.preset"
        if layer.unit is not None:
            try:
                Dimension.of(layer.unit)
            except CdrsiteError as error:
                yield str(error), f"layers.{name}.unit"


def _policy_problems(scenario: Any) -> Iterator[tuple[str, str]]:
    """Rules of one name: nobody could tell them apart where they bind."""
    taken = {"target": scenario.objective.target, "budget": scenario.objective.budget}
    seen = {name for name, value in taken.items() if value is not None}
    for i, rule in enumerate(scenario.policies):
        if rule.name in seen:
            text = (
                f"two rules of one name; got {rule.name!r} again; expected a name of its own, "
                "which prices and conflicts are told by"
            )
            yield text, f"policies.{i}.name"
        seen.add(rule.name)


def _weight_problems(scenario: Any) -> Iterator[tuple[str, str]]:
    """Criteria whose weights are all zero for some method."""
    for name in scenario.methods:
        mine = [c for c in scenario.siting.prefer if not c.for_ or name in c.for_]
        if mine and not any(c.weight > 0 for c in mine):
            text = f"all weights are zero for {name}; expected at least one weight above 0"
            yield text, "siting.prefer"


def _goal_problems(scenario: Any) -> Iterator[tuple[str, str]]:
    """A least cost of nothing; goals of one year beside milestones."""
    goal, path = scenario.objective, scenario.milestones
    one_year = goal.target is not None or bool(scenario.emitters and scenario.emitters.target)
    asks = one_year if path is None else path.asks
    if goal.minimise == "cost" and not asks:
        example = "target: e.g. 2 Mt/yr" if path is None else "milestones.targets"
        yield f"the least cost of nothing is nothing; expected {example}", "objective"
    asked = None if scenario.uncertainty is None else scenario.uncertainty.decisions
    yield from robust_problems(goal, asked, scenario.policies)
    if path is None:
        return
    for key, instead in (("target", "targets.removal"), ("budget", "budget")):
        if getattr(goal, key) is not None:
            text = f"a {key} of one year beside milestones; cure: milestones.{instead}"
            yield text, f"objective.{key}"
    if goal.then is not None:
        text = "no second objective over milestones; cure: remove it"
        yield text, "objective.then"
    if scenario.uncertainty is not None:
        yield (
            (
                "samples are of a plan of one year; got milestones beside them; cure: remove "
                "one of the two"
            ),
            "uncertainty",
        )
    yield from path.misfits(
        tuple(type(scenario.costs.prices).model_fields),
        earns=bool(goal.credits), stores=scenario.resources.storage.units is not None,
    )  # fmt: skip
    for key in path.supply:
        if key == "injection":
            good = scenario.resources.storage.units is not None
        else:
            given = getattr(scenario.resources, key, None)
            shared = isinstance(given, Supply) and (given.pools or given.per == "region")
            good = bool(shared)
        if not good:
            text = (
                f"no supply in pools of that name; got {key!r}; expected a key of resources "
                "with pools, or injection where there are units of storage; cure: remove it"
            )
            yield text, f"milestones.supply.{key}"


def nearest(name: str, known: Sequence[str]) -> str:
    """The cure for a misspelt name; empty where nothing is near."""
    cure = did_you_mean(name, known, 0.4)
    return f"; cure: {cure}" if cure else ""
