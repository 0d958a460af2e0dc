"""How a rule of the scenario reads the layers: thresholds in the layer's unit, shares of cells."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cdrsite.config.siting import ExcludeRule
from cdrsite.core.errors import ConfigError, UnitError
from cdrsite.core.grid import Block
from cdrsite.core.numbers import as_text
from cdrsite.core.reader import LayerReader
from cdrsite.core.units import Dimension, parse_quantity, split_number
from cdrsite.core.words import Words


def threshold(value: float | str, unit: str | None, where: str) -> float:
    """A threshold in the unit of its layer; slope angles convert between degree and percent.

    Raises
    ------
    ConfigError
        If text with a unit meets a layer without one, or the dimensions differ (rule 4).
    """
    if not isinstance(value, str):
        return float(value)
    number, given = split_number(value)
    if not given:
        return number
    if unit is None:
        raise ConfigError(
            "the layer has no unit to compare with",
            where=where,
            got=repr(value),
            cure="give the layer a unit, or write a bare number",
            rule=4,
        )
    try:
        Dimension.of(given)  # what is no unit is told as such, not as one of another dimension
    except UnitError as error:
        raise ConfigError(f"{where}: {error}") from error
    asked, stored = _steepness(given), _steepness(unit)
    if asked != stored:
        # an angle and a rise both count as dimensionless: only slopes convert, by the tangent
        if asked == "percent" and stored == "degree":
            return float(np.degrees(np.arctan(number / 100.0)))
        if asked == "degree" and stored == "percent":
            return float(100.0 * np.tan(np.radians(number)))
        if "degree" in {asked, stored}:
            raise _wrong_dimension(value, unit, where)
    try:
        return parse_quantity(value, unit)
    except UnitError as error:
        raise _wrong_dimension(value, unit, where) from error


def _steepness(unit: str) -> str | None:
    """``degree`` or ``percent`` for a unit of slope, None for any other."""
    text = unit.strip().lower()
    if text in {"degree", "degrees", "deg", "°"}:
        return "degree"
    return "percent" if text in {"percent", "%"} else None


def _wrong_dimension(value: str, unit: str, where: str) -> ConfigError:
    return ConfigError(
        "wrong dimension",
        where=where,
        got=repr(value),
        expected=f"a quantity in {unit}, the layer's unit",
        cure="correct the unit, or write a bare number in the layer's unit",
        rule=4,
    )


def rule_share(rule: ExcludeRule, reader: LayerReader, block: Block) -> NDArray[np.float32]:
    """Share of each cell in which a rule's test is true.

    Parameters
    ----------
    rule : ExcludeRule
        Any test but contiguity, which is not a function of one block.
    reader : LayerReader
        The layers.
    block : Block
        Which cells.

    Returns
    -------
    ndarray of float32, shape (rows, cols)
        In [0, 1]; NaN where the layer is unknown (rule 2).
    """
    share = SHARES[rule.test](rule, rule.layer or "", reader, block)
    return np.float32(1) - share if rule.outside else share


def known_share(rule: ExcludeRule, share: NDArray[np.float32]) -> NDArray[np.float32]:
    """The share with unknown cells as the rule's ``unknown`` says: kept, or wholly hit."""
    hit = np.float32(rule.unknown == "exclude")
    return np.where(np.isnan(share), hit, share).astype(np.float32)


def describe_rule(rule: ExcludeRule, words: Words | None = None) -> str:
    """A short name in words, for tables and the legend of the reason bits."""
    words = words or Words()
    told = rule.name or DESCRIPTIONS[rule.test](rule, words)
    return words("excludes.outside", what=told) if rule.outside and not rule.name else told


def _covered(
    rule: ExcludeRule, layer: str, reader: LayerReader, block: Block
) -> NDArray[np.float32]:
    return reader.coverage(layer, block, rule.where, rule.buffer, rule.rasterise)


def _of_classes(
    rule: ExcludeRule, layer: str, reader: LayerReader, block: Block
) -> NDArray[np.float32]:
    codes = tuple(reader.class_codes(layer, rule.classes or ()))
    share = reader.class_share(layer, dict.fromkeys(codes, 1.0), block)
    if not rule.buffer:
        return share
    grown = reader.class_coverage(layer, codes, block, rule.buffer, rule.rasterise)
    return np.where(np.isnan(share) & (grown == 0), np.float32(np.nan), grown)


def _by_distance(
    rule: ExcludeRule, layer: str, reader: LayerReader, block: Block
) -> NDArray[np.float32]:
    limit = rule.closer_than if rule.farther_than is None else rule.farther_than
    if rule.classes is None:
        metres = reader.distance(layer, block, rule.where, limit or 0.0, rule.within)
    else:
        codes = tuple(reader.class_codes(layer, rule.classes))
        metres = reader.class_distance(layer, codes, block, limit)
    if rule.closer_than is not None:
        true = metres < rule.closer_than
    else:
        true = metres > (rule.farther_than or 0.0)
    return np.where(np.isnan(metres), np.nan, true).astype(np.float32)


def _out_of_range(
    rule: ExcludeRule, layer: str, reader: LayerReader, block: Block
) -> NDArray[np.float32]:
    values = reader.values(layer, block)
    unit = reader.info(layer).unit
    true = np.zeros(values.shape, bool)
    if rule.above is not None:
        true |= values > np.float32(threshold(rule.above, unit, f"rule on {layer}: above"))
    if rule.below is not None:
        true |= values < np.float32(threshold(rule.below, unit, f"rule on {layer}: below"))
    return np.where(np.isnan(values), np.nan, true).astype(np.float32)


SHARES: dict[
    str, Callable[[ExcludeRule, str, LayerReader, Block], NDArray[np.float32]]
] = {
    "polygon": _covered, "classes": _of_classes, "distance": _by_distance, "range": _out_of_range
}  # fmt: skip
"""Test -> share of each cell in which it is true."""


def _grown(rule: ExcludeRule) -> str:
    return f" + {rule.buffer:g} m" if rule.buffer else ""


def _range_words(rule: ExcludeRule, words: Words) -> str:
    ends = {"below": rule.below, "above": rule.above}
    given = {end: as_text(value) for end, value in ends.items() if value is not None}
    key = "outside_range" if len(given) == 2 else next(iter(given))
    return words(f"excludes.{key}", what=rule.layer, **given)


def _distance_words(rule: ExcludeRule, words: Words) -> str:
    near = rule.closer_than is not None
    limit = rule.closer_than if near else rule.farther_than
    what = _filtered(rule)
    if rule.within:
        what = words("excludes.same", what=what, within=rule.within)
    km = f"{(limit or 0.0) / 1000:g}"
    return words(f"excludes.{'closer' if near else 'farther'}", km=km, what=what)


def _contiguity_words(rule: ExcludeRule, words: Words) -> str:
    told = words("excludes.small", km2=f"{(rule.smaller_than or 0.0) / 1e6:g}")
    return told + words("excludes.merged", zone=rule.merge_within) if rule.merge_within else told


def _filtered(rule: ExcludeRule) -> str:
    if rule.classes is not None:
        return f"{rule.layer} ({', '.join(map(str, rule.classes))})"
    return f"{rule.layer} ({rule.where})" if rule.where else f"{rule.layer}"


DESCRIPTIONS: dict[str, Callable[[ExcludeRule, Words], str]] = {
    "contiguity": _contiguity_words,
    "classes": lambda rule, _: (
        f"{rule.layer}: {', '.join(map(str, rule.classes or ()))}" + _grown(rule)
    ),
    "range": _range_words,
    "distance": _distance_words,
    "polygon": lambda rule, _: _filtered(rule) + _grown(rule),
}
"""Test -> its words where a rule has no name."""
