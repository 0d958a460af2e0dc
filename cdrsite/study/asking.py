"""All that a run would refuse, one answer to every question: a first refusal hides no other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from cdrsite.config.layers import FileLayer, Layer
from cdrsite.config.models import Scenario
from cdrsite.core.errors import CdrsiteError, ConfigError
from cdrsite.core.grid import Block
from cdrsite.core.remote import address_of
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.layers.check import check_layers
from cdrsite.layers.inputs import inputs_of
from cdrsite.methods.storage import read_storage
from cdrsite.methods.supply import read_pools, usable_land
from cdrsite.siting.rules import rule_share
from cdrsite.siting.suitability import criterion_score
from cdrsite.study.exclude import merge_zones
from cdrsite.study.gathering import existing_sites
from cdrsite.study.network import existing_pipes
from cdrsite.study.prepare import open_layers, read_gates, resolve_methods
from cdrsite.study.zones import shares

if TYPE_CHECKING:
    from cdrsite.config.models import Zones
    from cdrsite.layers.stack import LayerStack

Wrong = list[tuple[str, str]]
"""Key of the scenario, and what is wrong there."""
Question = tuple[str, Callable[[], object]]
"""Key of the scenario, and what asks of it."""


def everything_wrong(scenario: Scenario) -> Wrong:
    """Ask of every part of a scenario alone whether a run would refuse it.

    Parameters
    ----------
    scenario : Scenario
        Sound in itself; its data may not be.

    Returns
    -------
    list of tuple of str
        Key and what is wrong, in the order of the scenario; a text that comes again is left out.
    """
    wrong: Wrong = []

    def ask(key: str, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except CdrsiteError as error:
            wrong.extend((key, text) for text in str(error).splitlines())
        return None

    wrong += list(scenario_gaps(scenario))
    reader = ask("region", lambda: open_layers(scenario))
    if reader is not None:
        for finding in check_layers(reader, scenario.layer_references()):
            if finding.level == "error":
                wrong.append((f"layers.{finding.layer}", finding.text))
    for error in resolve_methods(scenario)[1]:
        wrong += [("methods", text) for text in str(error).splitlines()]
    if reader is not None:
        for key, question in _questions(scenario, reader.glance()):
            ask(key, question)
    first: dict[str, str] = {}
    for key, text in wrong:
        first.setdefault(text, key)
    return [(key, text) for text, key in first.items()]


def wrong_too(error: ConfigError) -> Wrong:
    """What else a run would refuse, of a scenario that is wrong in itself.

    What is wrong in it is left out, with the layers that are computed from that, and the rest is
    asked; data that lie elsewhere are not fetched for it.

    Parameters
    ----------
    error : ConfigError
        From :func:`cdrsite.config.load.load_scenario`.

    Returns
    -------
    list of tuple of str
        Key and what is wrong; empty where nothing sound is left.
    """
    rest, gone = error.rest, error.left_out
    if not isinstance(rest, Scenario):
        return []
    lost = {at[1] for at in gone if at[0] == "layers" and len(at) > 1}
    layers = _sound_layers({k: layer for k, layer in rest.layers.items() if k not in lost})
    found = everything_wrong(rest.model_copy(update={"layers": layers}))

    def follows(key: str, text: str) -> bool:
        """Whether it is wrong only because of what was left out."""
        own = tuple(key.split("."))
        at = tuple(re.split("[: ]", text, maxsplit=1)[0].split("."))
        at = at if at[0] == own[0] else own
        touched = any(left[: len(at)] == at or at[: len(left)] == left for left in gone)
        # a name that there is not: the scenario's own check tells it
        missing = own[0] == "layers" and own[1] not in layers
        return touched or missing or " no layer of that name" in text

    known = str(error)
    return [(key, text) for key, text in found if not follows(key, text) and text not in known]


def _sound_layers(layers: dict[str, Layer]) -> dict[str, Layer]:
    """Of some layers those that lie here and are computed of such alone."""

    def usable(name: str) -> bool:
        layer = layers[name]
        if isinstance(layer, FileLayer):
            return address_of(layer.path) is None
        try:
            return all(used in layers for used in inputs_of(layer, name))
        except ConfigError:  # an expression that cannot be read: the layers' own check tells it
            return True

    while unusable := [name for name in layers if not usable(name)]:
        for name in unusable:
            del layers[name]
    return layers


def ask_all(scenario: Scenario, reader: LayerStack) -> None:
    """Ask at one cell all that keys ask of the layers, so that no later stage is the first to.

    Raises
    ------
    CdrsiteError
        Of the first question that is refused.
    """
    for _, question in _questions(scenario, reader):
        question()


def scenario_gaps(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Keys that name a layer that there is not."""
    for text, key in scenario.unknown_layers():
        yield key, f"{key}: {text}"


def _questions(scenario: Scenario, reader: LayerStack) -> Iterator[Question]:
    """What each key asks of the layers, at one cell; those that name no layer ask nothing."""
    grid, known = reader.grid, set(reader.layers)
    row, col = grid.rows // 2, grid.cols // 2
    block = Block(row, row + 1, col, col + 1)
    for group in ("exclude", "include"):
        for i, rule in enumerate(getattr(scenario.siting, group)):
            if rule.layer in known and (rule.within is None or rule.within in known):
                yield f"siting.{group}.{i}", partial(rule_share, rule, reader, block)
            if rule.merge_within in known:
                yield f"siting.{group}.{i}.merge_within", partial(merge_zones, reader, rule, block)
    yield from _of_gates(scenario, reader, block, known)
    for i, criterion in enumerate(scenario.siting.prefer):
        if (criterion.near or criterion.layer) in known:
            yield f"siting.prefer.{i}", partial(criterion_score, criterion, reader, block)
    admin = scenario.outputs.admin
    if admin is not None and admin.layer in known:
        yield "outputs.admin", partial(reader.labels, admin.layer, block)
        if admin.name is not None:
            yield "outputs.admin.name", partial(reader.text, admin.layer, admin.name)
    zones = scenario.outputs.zones
    if zones is not None:
        yield from _of_zones(zones, reader, block, known)
    yield from _of_resources(scenario, reader, block, known)
    sites, pipes = scenario.network.sites, scenario.network.pipelines
    if sites is not None and sites.layer in known:
        yield "network.sites", partial(existing_sites, sites, reader, tuple(scenario.methods))
    if pipes is not None and pipes.layer in known:
        yield "network.pipelines", partial(existing_pipes, pipes, reader, grid)


def _of_gates(
    scenario: Scenario, reader: LayerStack, block: Block, known: set[str]
) -> Iterator[Question]:
    yield "methods", partial(read_gates, scenario)
    with suppress(CdrsiteError):  # which the question before tells
        for gate in read_gates(scenario):
            if gate.rule is not None and gate.rule.layer in known:
                where = f"methods.{gate.method}.gates.{gate.name}"
                yield where, partial(rule_share, gate.rule, reader, block)


def _of_zones(
    zones: Zones, reader: LayerStack, block: Block, known: set[str]
) -> Iterator[Question]:
    if zones.layer in known:
        yield "outputs.zones", partial(lambda: list(shares(zones, reader, block)))
        if zones.name is not None:
            yield "outputs.zones.name", partial(reader.text, zones.layer, zones.name)
    for i, name in enumerate(zones.values):
        if name in known and reader.info(name).kind != "class":
            yield f"outputs.zones.values.{i}", partial(reader.values, name, block)


def _of_resources(
    scenario: Scenario, reader: LayerStack, block: Block, known: set[str]
) -> Iterator[Question]:
    resources = scenario.resources
    if not isinstance(resources.land.usable, dict) or set(resources.land.usable) <= known:
        yield "resources.land", partial(usable_land, resources.land, reader, block)
    for name, model in resources.supplies.items():
        if model.pools in known:
            key = f"resources.{RESOURCES[name].parameter}"
            yield key, partial(read_pools, name, model, reader)
    if resources.storage.units in known:
        yield "resources.storage", partial(read_storage, resources.storage, reader)


def refusal(first: CdrsiteError, wrong: Wrong) -> CdrsiteError:
    """One error of all that is wrong; the first itself where there is no other.

    Parameters
    ----------
    first : CdrsiteError
        What a run would stop at.
    wrong : list
        From :func:`everything_wrong`.
    """
    told = {text for _, text in wrong}
    rest = [("", text) for text in str(first).splitlines() if text not in told]
    if len(wrong) + len(rest) <= 1:
        return first
    texts = [text if text.startswith(key) else f"{key}: {text}" for key, text in [*wrong, *rest]]
    return ConfigError("\n".join(texts))
