"""Exclusion rules on the report's map, each by itself."""

from __future__ import annotations

import re

import numpy as np
import pytest
from colour_sight import apart
from tiny_study import METHODS, REASONS, RULES, tiny_dataset, tiny_grid

from cdrsite.core.words import Words
from cdrsite.outputs.legend import (
    AGAIN_COLOUR,
    FREE_COLOUR,
    allowed_again,
    excluding,
    reason_categories,
)
from cdrsite.outputs.qml import _in_words, rule_qml
from cdrsite.outputs.rasters.raster import RasterSpec
from cdrsite.report.maplayers import (
    MOST_RULES,
    RULE_COLOURS,
    Layer,
    Painter,
    layers_of,
    single_rules,
)
from cdrsite.report.mapsource import DatasetSource
from cdrsite.report.mapview import fragment, rule_list


def test_each_rule_has_a_layer_after_that_of_all() -> None:
    layers = [one for one in layers_of(tiny_dataset(tiny_grid())) if "exclusion" in one.variable]
    assert [one.key for one in layers] == [
        "exclusion_reasons", *(f"exclusion_reasons#{bit}" for bit in range(len(RULES))),
    ]  # fmt: skip
    assert all(one.method is None and one.year is None for one in layers)


@pytest.mark.parametrize("rule", range(len(RULES)))
def test_cells_are_told_by_whether_the_rule_is_the_only_one(rule: int) -> None:
    source = DatasetSource(tiny_dataset(tiny_grid()))
    painter = Painter(source, Words("en"))
    picture = source.picture("exclusion_reasons", None, 900)
    painting = painter._painting(Layer("exclusion_reasons", rule=rule), picture)
    colours = ("", *painting.colours)
    shown = np.array([[colours[code] for code in row] for row in painting.index])
    for cell, bits in np.ndenumerate(REASONS):
        rules = [bit for bit in range(len(RULES)) if int(bits) >> bit & 1]
        expected = (
            ""
            if int(bits) >> 31 & 1
            else AGAIN_COLOUR
            if int(bits) >> 30 & 1 and rules
            else FREE_COLOUR
            if not rules
            else RULE_COLOURS[
                "others" if rule not in rules else "alone" if rules == [rule] else "too"
            ]
        )
        assert shown[cell] == expected, (cell, rules)


def test_the_kinds_are_told_apart_by_every_sight() -> None:
    colours = [*RULE_COLOURS.values(), FREE_COLOUR, AGAIN_COLOUR]
    for i, one in enumerate(colours):
        for other in colours[:i]:
            assert apart(one, other) > 12, (one, other)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_one_chooses_a_rule_by_its_name(lang: str) -> None:
    data, words = tiny_dataset(tiny_grid()), Words(lang)
    html = rule_list(data, layers_of(data), words)
    assert re.findall(r'value="(\d*)"', html) == ["", *(str(bit) for bit in range(len(RULES)))]
    assert (
        all(words.named("rule", rule) in html for rule in RULES) and words("map.rules.all") in html
    )
    made = fragment(DatasetSource(data), words)
    assert set(made.data["layers"]) >= {f"exclusion_reasons#{bit}" for bit in range(len(RULES))}
    assert len(METHODS) == 2


def test_a_single_rule_and_hundreds_have_the_layer_of_all_alone() -> None:
    data = tiny_dataset(tiny_grid())
    for rules in (RULES[:1], [f"rule {i}" for i in range(MOST_RULES + 1)]):
        data.attrs["exclusion_rules"] = list(rules)
        assert single_rules(data) == []
        assert rule_list(data, layers_of(data), Words("en")) == ""


def test_pictures_styles_and_layers_agree_which_rules_exclude() -> None:
    """A cell that an include rule allows again is excluded by none, wherever it is drawn."""
    rules, again, outside = 0b101, 1 << 30, 1 << 31
    bits = np.array([0, rules, again, rules | again, outside, outside | rules | again])
    assert excluding(bits).tolist() == [0, rules, 0, 0, 0, 0]
    assert allowed_again(bits).tolist() == [False, False, False, True, False, False]
    assert [int(excluding(one)) for one in bits.tolist()] == excluding(bits).tolist()
    assert [bool(allowed_again(one)) for one in bits.tolist()] == allowed_again(bits).tolist()
    tags = {f"BIT_{bit:02d}": rule for bit, rule in enumerate(RULES)}
    spec = RasterSpec(
        "exclusion_reasons", "bits", "", "rules", reason_categories(REASONS, RULES), tags
    )
    words = Words("en")
    shown = {int(one) for one in re.findall(r'value="(\d+)"', rule_qml(spec, 0, words) or "")}
    assert shown == {0b001, 0b011}
    told = {one.code: one.label for one in _in_words(spec, words).categories}
    assert told[1 << 30 | 1] == words("why.included") and told[0b001] == RULES[0]
