"""Gates of methods as rules of the siting: hard ones exclude, soft ones make less suitable.

A gate says what must hold, a rule where it does not: each bound gate becomes one
:class:`~cdrsite.config.siting.ExcludeRule` for its method, with a reason of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cdrsite.config.resources import MethodChoice
from cdrsite.config.siting import ExcludeRule, GateChoice
from cdrsite.core.errors import ConfigError, did_you_mean, message
from cdrsite.core.words import LANGUAGES, Words
from cdrsite.library.gates import Gate, GateValue, Op, Strength, fault_of
from cdrsite.siting.rules import describe_rule

REGIONS = "regions"
"""Key of a gate that holds wherever the scenario confines the method to regions."""


@dataclass(frozen=True)
class BoundGate:
    """A gate of a method with the rule that holds where it does not.

    Attributes
    ----------
    method, name : str
        Whose gate it is, and its name in the method file or the scenario.
    rule : ExcludeRule or None
        None where no layer is bound to it, so that it is not checked.
    strength : {'hard', 'soft'}
        Whether it excludes.
    source : str
        Id of the source that asks for it; empty for one of the scenario's own.
    said : mapping
        Language -> where it does not hold, in words; the English ones are the rule's name.
    """

    method: str
    name: str
    rule: ExcludeRule | None
    strength: Strength
    source: str = ""
    said: Mapping[str, str] = field(default_factory=dict)


def bound_gates(
    files: Mapping[str, Mapping[str, Gate]], choices: Mapping[str, MethodChoice]
) -> tuple[BoundGate, ...]:
    """The gates of all methods with the layers that the scenario binds to them.

    Parameters
    ----------
    files : mapping
        Method -> gates of its file.
    choices : mapping
        Method -> its keys in the scenario.

    Raises
    ------
    ConfigError
        A name that the file does not have without all that makes a gate, or a value that does not
        fit its test.
    """
    return tuple(
        gate for name, choice in choices.items() for gate in _of_method(name, files[name], choice)
    )


def _of_method(method: str, known: Mapping[str, Gate], choice: MethodChoice) -> Iterator[BoundGate]:
    if choice.gates is False:
        return
    for name in dict.fromkeys((*known, *choice.gates)):
        where = f"methods.{method}.gates.{name}"
        given = choice.gates.get(name) or GateChoice()
        gate = known.get(name)
        confined = gate is not None and gate.key == REGIONS and choice.regions and not given.layer
        if confined or not given.checked:
            continue
        op = given.op or (gate.op if gate else None)
        layer = given.layer or (_layer_of(gate.key, choice) if gate and gate.key else None)
        if op is None or (gate is None and layer is None):
            raise _unknown_gate(name, known, where)
        value = given.value
        if value is None and gate is not None and given.op in (None, gate.op):
            value = gate.value
        fault = fault_of(op, value)
        if fault is not None:
            raise ConfigError(fault, where=where)
        source = given.source or (gate.source if gate else "")
        strength = given.strength or (gate.strength if gate else "hard")
        if layer is None:
            yield BoundGate(method, name, None, strength)
            continue
        rule = _rule(op, value, layer, given)
        said = _said(name, rule)
        rule = rule.model_copy(update={"name": said["en"]})
        yield BoundGate(method, name, rule, strength, source, said)


def _unknown_gate(name: str, known: Mapping[str, Gate], where: str) -> ConfigError:
    listed = ", ".join(known) or "none"
    return ConfigError(
        "neither a gate of the method nor a whole one",
        where=where,
        got=repr(name),
        expected=f"a gate of the method ({listed}), or layer, op and value of your own",
        cure=did_you_mean(name, list(known), 0.4) or "complete it, or remove it",
    )


def _layer_of(key: str, choice: MethodChoice) -> str | None:
    """The layer that a dotted key under the method names already."""
    node: object = choice
    for part in key.split("."):
        node = getattr(node, part, None)
    return node if isinstance(node, str) else None


def _rule(op: Op, value: GateValue | None, layer: str, given: GateChoice) -> ExcludeRule:
    """Where the gate does not hold."""
    test: dict[str, Any] = {}
    if op == "within_km":
        test["farther_than"] = f"{value} km" if isinstance(value, float | int) else value
    elif op in ("in", "not_in"):
        test = {"outside": True} if op == "in" else {}
        test |= {} if value is None else {"classes": value, "unknown": given.unknown}
    else:
        test = {"below" if op == ">=" else "above": value, "unknown": given.unknown}
    if given.where is not None:
        test["where"] = given.where
    return ExcludeRule.model_validate({"layer": layer, **test})


def _said(name: str, rule: ExcludeRule) -> dict[str, str]:
    """Where the gate does not hold, in each language: "pH of the soil above 7.5"."""
    said = {}
    for lang in LANGUAGES:
        words = Words(lang)
        what = words.named("gate", name)
        what = name.replace("_", " ") if what == name else what
        said[lang] = describe_rule(rule.model_copy(update={"layer": what}), words)
    return said


def unchecked(gates: Iterable[BoundGate]) -> str | None:
    """A warning of hard gates that no layer is bound to; None where there are none."""
    missing: dict[str, list[str]] = {}
    for gate in gates:
        if gate.rule is None and gate.strength == "hard":
            missing.setdefault(gate.method, []).append(gate.name)
    if not missing:
        return None
    listed = "; ".join(f"{method}: {', '.join(names)}" for method, names in missing.items())
    method, (name, *_) = next(iter(missing.items()))
    return message(
        "gates are not checked, as no layer is bound to them",
        where="methods.*.gates",
        got=listed,
        expected="a layer for each, or false where it does not matter",
        cure=f"write methods.{method}.gates: {{{name}: LAYER}}",
        rule=7,
    )
