"""What the competition is asked for: its objective, and targets and rules of policy as rows."""

from __future__ import annotations

from collections.abc import Sequence

from cdrsite.competition.objectives import (
    Lexicographic,
    Objective,
    least_cost,
    most_net,
    most_value,
)
from cdrsite.competition.paid import Part
from cdrsite.competition.problem import PolicyRow, RowTerm, Sense, budget, target
from cdrsite.config.competition import RULE_UNITS, ObjectiveModel, PolicyRule
from cdrsite.config.credits import CreditRegion
from cdrsite.core.errors import ConfigError, did_you_mean
from cdrsite.core.reader import LayerReader

MOST_NAMES = 20
"""Most names that an error lists."""


def objective_of(model: ObjectiveModel, earned: Sequence[RowTerm]) -> Objective | Lexicographic:
    """The scenario's objective as the competition understands it, with what tonnes earn."""
    goals = {"net_removal": most_net(), "cost": least_cost(), "value": most_value(earned)}
    first = goals[model.kind]
    if model.then is None:
        return first
    second = most_net() if model.then == "net_removal" else least_cost()
    return Lexicographic(first, second, max(model.gap, 1e-5))


def policy_rows(
    model: ObjectiveModel,
    rules: Sequence[PolicyRule],
    zone_names: Sequence[Sequence[str]],
    known: Sequence[str],
) -> tuple[PolicyRow, ...]:
    """Target, budget and the scenario's rules as rows.

    Parameters
    ----------
    model : ObjectiveModel
        Target and budget.
    rules : sequence of PolicyRule
        The rules; one without ``together`` makes a row for each zone.
    zone_names : sequence of sequence of str
        For each rule the names of its layer's zones in label order; empty without a layer.
    known : sequence of str
        Names of the methods.

    Raises
    ------
    ConfigError
        Unknown methods or zones.
    """
    rows: list[PolicyRow] = []
    if model.target is not None:
        rows.append(target(model.target))
    if model.budget is not None:
        rows.append(budget(model.budget))
    for i, rule in enumerate(rules):
        _require(rule.methods, known, f"policies.{i}.methods")
        groups = _zone_groups(rule, zone_names[i], f"policies.{i}.zones")
        for suffix, zones in groups:
            rows += _limits(rule, suffix, zones)
    return tuple(rows)


def _require(names: Sequence[str], known: Sequence[str], where: str) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        shown = ", ".join(known[:MOST_NAMES]) + (", …" if len(known) > MOST_NAMES else "")
        raise ConfigError(
            "unknown name",
            where=where,
            got=", ".join(unknown),
            expected=f"one of {shown}",
            cure=did_you_mean(unknown[0], known) or "check the spelling",
        )


def _zone_groups(
    rule: PolicyRule, zone_names: Sequence[str], where: str
) -> list[tuple[str, tuple[int, ...]]]:
    if rule.layer is None:
        return [("", ())]
    # features of one name are one zone: a province and its islands have one quota
    parts: dict[str, tuple[int, ...]] = {}
    for label, name in enumerate(zone_names):
        parts[name] = (*parts.get(name, ()), label)
    _require(rule.zones, tuple(parts), where)
    chosen = {name: parts[name] for name in rule.zones or parts}
    if rule.together:
        return [("", tuple(label for labels in chosen.values() for label in labels))]
    return [(f": {name}", labels) for name, labels in chosen.items()]


def _limits(rule: PolicyRule, suffix: str, zones: tuple[int, ...]) -> list[PolicyRow]:
    unit = RULE_UNITS[rule.count]
    terms = (RowTerm(rule.count, 1.0, rule.methods or None),)
    limits: tuple[tuple[str, Sense, float | None], ...] = (
        ("at most", "<=", rule.at_most),
        ("at least", ">=", rule.at_least),
    )
    given = [(word, sense, value) for word, sense, value in limits if value is not None]
    rows = []
    for word, sense, value in given:
        name = f"{rule.name}{suffix}" + (f" ({word})" if len(given) > 1 else "")
        rows.append(PolicyRow(name, terms, sense, value, unit, rule.layer, zones))
    return rows


def zone_names(reader: LayerReader, layer: str, column: str | None) -> tuple[str, ...]:
    """Names of the zones of a layer in label order; numbered where no column names them."""
    if column is not None:
        return tuple(reader.text(layer, column))
    return tuple(f"{layer} {i + 1}" for i in range(len(reader.features(layer))))


def part_of(region: CreditRegion, reader: LayerReader, where: str) -> Part:
    """Where a credit is paid: the labels of the zones of its region.

    Raises
    ------
    ConfigError
        Unknown zones.
    DataError
        No such column.
    """
    names = zone_names(reader, region.layer, region.zone_name)
    _require(region.zones, tuple(dict.fromkeys(names)), f"{where}.region.zones")
    wanted = set(region.zones or names)
    return Part(region.layer, tuple(i for i, name in enumerate(names) if name in wanted))
