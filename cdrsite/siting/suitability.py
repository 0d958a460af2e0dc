"""Soft criteria: value functions in [0, 1] and how they combine; unknown stays unknown (rule 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.config.siting import Criterion, ExcludeRule
from cdrsite.core.errors import ConfigError
from cdrsite.core.units import conversion, split_number
from cdrsite.siting._kernel import piecewise
from cdrsite.siting.gates import BoundGate
from cdrsite.siting.rules import known_share, rule_share, threshold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.grid import Block
    from cdrsite.core.reader import LayerReader

SIGMOID_STEEPNESS = 4.0
"""A sigmoid 1 / (1 + exp(-4 (v - middle) / width)) goes from 0.12 to 0.88 over its width."""


@dataclass(frozen=True)
class CriterionSet:
    """Criteria that hold for the same methods, and their soft gates."""

    criteria: tuple[Criterion | SoftGate, ...]
    methods: tuple[str, ...]


@dataclass(frozen=True)
class SoftGate:
    """A soft gate as a criterion: 1 where it holds, 0 where its rule does, with weight 1."""

    rule: ExcludeRule
    weight: float = 1.0


def criterion_sets(
    prefer: Sequence[Criterion], methods: Sequence[str], gates: Sequence[BoundGate] = ()
) -> tuple[CriterionSet, ...]:
    """Group methods by the criteria and the soft gates that count for them."""
    groups: dict[tuple[tuple[int, ...], tuple[SoftGate, ...]], list[str]] = {}
    for method in methods:
        key = tuple(i for i, c in enumerate(prefer) if not c.for_ or method in c.for_)
        mine = (gate for gate in gates if gate.method == method and gate.strength == "soft")
        soft = tuple(SoftGate(gate.rule) for gate in mine if gate.rule is not None)
        groups.setdefault((key, soft), []).append(method)
    return tuple(
        CriterionSet((*(prefer[i] for i in key), *soft), tuple(names))
        for (key, soft), names in groups.items()
    )


def value_points(criterion: Criterion, unit: str | None) -> tuple[tuple[float, float], ...]:
    """The points of a straight or piecewise-linear value function, rising in value [unit]."""
    where = f"siting.prefer: {criterion.near or criterion.layer}"
    if criterion.points is not None:
        points = criterion.points
    else:
        best: float | str | None = criterion.best
        worst: float | str | None = criterion.none if criterion.near else criterion.worst
        if best is None or worst is None:
            raise ConfigError("a straight value function needs two ends", got=f"{best}, {worst}")
        points = tuple(
            sorted([(threshold(best, unit, where), 1.0), (threshold(worst, unit, where), 0.0)])
        )
    with np.errstate(over="ignore"):
        single = np.array([value for value, _ in points], np.float32)
    if not (np.isfinite(single).all() and (np.diff(single) > 0).all()):
        raise ConfigError(
            "two points of a value function are the same, or one is beyond all bounds",
            where=where,
            got=f"{', '.join(f'{value:g}' for value, _ in points)} {unit or ''}".strip(),
            expected="values that differ in their first seven digits",
        )
    return points


def piecewise_linear(
    values: NDArray[np.float32], points: Sequence[tuple[float, float]]
) -> NDArray[np.float32]:
    """Piecewise-linear value function, flat beyond its ends; NaN stays NaN.

    Parameters
    ----------
    values : ndarray of float32
        Any shape.
    points : sequence of (value, score)
        With rising values.
    """
    x = np.array([p[0] for p in points], np.float64)
    y = np.array([p[1] for p in points], np.float64)
    slope = np.diff(y) / np.diff(x)
    change = np.diff(np.concatenate([[0.0], slope, [0.0]]))
    flat = np.ascontiguousarray(values, np.float32).ravel()
    out = np.empty_like(flat)
    piecewise(
        flat,
        np.float32(x[0]),
        change.astype(np.float32),
        x.astype(np.float32),
        np.float32(y[0]),
        out,
    )
    return np.clip(out, np.float32(y.min()), np.float32(y.max())).reshape(values.shape)


def criterion_score(
    criterion: Criterion | SoftGate, reader: LayerReader, block: Block
) -> NDArray[np.float32]:
    """Score of one criterion, float32 in [0, 1], shape (rows, cols)."""
    if isinstance(criterion, SoftGate):
        held = np.float32(1) - known_share(
            criterion.rule, rule_share(criterion.rule, reader, block)
        )
        return np.clip(held, 0, 1)
    if criterion.near is not None:
        # distances are in km in the scenario, so the value function is too
        asked = 1000.0 * _farthest(criterion)
        metres = reader.distance(criterion.near, block, criterion.where, asked)
        values = metres / np.float32(1000)
        unit: str | None = "km"
    else:
        layer = criterion.layer or ""
        if criterion.scores is not None:
            return reader.class_share(layer, criterion.scores, block)
        values, unit = reader.values(layer, block), reader.info(layer).unit
    if criterion.function == "sigmoid":
        return _sigmoid(values, criterion, unit)
    return piecewise_linear(values, value_points(criterion, unit))


def _farthest(criterion: Criterion) -> float:
    """Distance beyond which the score of `near` no longer changes [km]."""
    if criterion.function != "sigmoid":
        return value_points(criterion, "km")[-1][0]
    where = f"siting.prefer: {criterion.near}"
    middle = threshold(criterion.middle or 0.0, "km", where)
    return middle + _span(criterion.width or 0.0, "km", where)


def _sigmoid(
    values: NDArray[np.float32], criterion: Criterion, unit: str | None
) -> NDArray[np.float32]:
    where = f"siting.prefer: {criterion.near or criterion.layer}"
    middle = threshold(criterion.middle or 0.0, unit, where)
    span = _span(criterion.width or 0.0, unit, where)
    # beyond +-60 the answer is 0 or 1 to float32; clipping keeps exp() from overflowing
    z = np.clip(SIGMOID_STEEPNESS * (values.astype(np.float64) - middle) / span, -60.0, 60.0)
    return (1.0 / (1.0 + np.exp(-z))).astype(np.float32)


def _span(width: float | str, unit: str | None, where: str) -> float:
    """A difference of values in the layer's unit: 5 K are 5 degC, whatever the zero."""
    if not isinstance(width, str):
        return float(width)
    value = threshold(width, unit, where)  # refuses a wrong dimension
    number, given = split_number(width)
    return number * conversion(given, unit)[0] if given and unit else value


def suitability_block(
    criteria: Sequence[Criterion | SoftGate], how: str, reader: LayerReader, block: Block
) -> NDArray[np.float32]:
    """Combine criteria into one suitability.

    Parameters
    ----------
    criteria : sequence of Criterion or SoftGate
        May be empty: then every place is equally suitable (1).
    how : {'mean', 'geometric', 'minimum'}
        Weighted mean, weighted geometric mean (one 0 makes 0), or the worst score.
    reader : LayerReader
        The layers.
    block : Block
        Which cells.

    Returns
    -------
    ndarray of float32, shape (rows, cols)
        In [0, 1]; NaN where any criterion with weight is unknown (rule 2).
    """
    shape = block.shape
    weighed = [c for c in criteria if c.weight > 0]
    if not weighed:
        return np.ones(shape, np.float32)
    total = np.full(shape, np.inf) if how == "minimum" else np.zeros(shape)
    for criterion in weighed:
        score = criterion_score(criterion, reader, block).astype(np.float64)
        if how == "minimum":
            total = np.where(np.isnan(score) | np.isnan(total), np.nan, np.fmin(total, score))
        elif how == "geometric":
            with np.errstate(divide="ignore"):
                total += criterion.weight * np.log(score)
        else:
            total += criterion.weight * score
    if how == "minimum":
        return total.astype(np.float32)
    mean = total / sum(criterion.weight for criterion in weighed)
    return (np.exp(mean) if how == "geometric" else mean).astype(np.float32)
