"""Colours that tell many methods apart, for every kind of colour vision, and legends in groups."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from colour_sight import F64, SIGHT, apart, difference, lab

from cdrsite.core.words import LANGUAGES, Words
from cdrsite.library.methods import method_names
from cdrsite.library.screening import screening_methods
from cdrsite.outputs.legend import GROUPED_FROM, in_groups, worded
from cdrsite.outputs.palette import (
    GROUND_COLOUR,
    GROUPS,
    METHOD_COLOURS,
    NOTHING_COLOUR,
    PLAN_COLOURS,
    SCREENING_COLOUR,
    SPARE_COLOURS,
    STATE_COLOURS,
    method_colour,
)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((50, 2.5, 0), (50, 3.1736, 0.5854), 1.0000),
        ((6.7747, -0.2908, -2.4247), (5.8714, -0.0985, -2.2286), 0.6377),
        ((90.8027, -2.0831, 1.4410), (91.1528, -1.6435, 0.0447), 1.4441),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ],
)
def test_the_measure_is_the_published_one(one: F64, other: F64, expected: float) -> None:
    """Pairs of the supplement of Sharma et al."""
    assert difference(np.array(one), np.array(other)) == pytest.approx(expected, abs=1e-4)


def test_methods_are_told_apart_by_every_sight() -> None:
    group = {name: key for key, members in GROUPS.items() for name in members}
    for (one, first), (other, second) in combinations(METHOD_COLOURS.items(), 2):
        least = 6.0 if group[one] == group[other] else 12.0
        assert apart(first, second) > least, (one, other)
        usual = difference(lab(first, SIGHT["usual"]), lab(second, SIGHT["usual"]))
        assert usual > (7.0 if group[one] == group[other] else 16.0), (one, other)


def test_methods_are_no_state_and_no_method_of_a_users_own() -> None:
    for name, colour in METHOD_COLOURS.items():
        for state, other in STATE_COLOURS.items():
            assert apart(colour, other) > 8, (name, state)
        for own in SPARE_COLOURS:
            assert apart(colour, own) > 7, (name, own)
    for one, other in combinations((*SPARE_COLOURS, *STATE_COLOURS.values()), 2):
        assert apart(one, other) > 7 or {one, other} <= set(STATE_COLOURS.values()), (one, other)


def test_the_states_of_a_cell_are_told_apart_by_every_sight() -> None:
    """A value, a true zero, unknown and excluded are four things (rule 2)."""
    states = {**STATE_COLOURS, "in the plan": PLAN_COLOURS["in the plan"]}
    for (one, first), (other, second) in combinations(states.items(), 2):
        assert apart(first, second) > 12, (one, other)
    for (one, first), (other, second) in combinations({**states, **PLAN_COLOURS}.items(), 2):
        assert first == second or apart(first, second) > 9, (one, other)
    zeros = {PLAN_COLOURS[name] for name in ("nothing possible", "no method", "none in the plan")}
    assert zeros == {NOTHING_COLOUR, STATE_COLOURS["nothing fits"]}  # one thing, one colour


def test_points_that_are_only_compared_look_like_no_method() -> None:
    assert not set(screening_methods()) & set(METHOD_COLOURS)
    for colour in METHOD_COLOURS.values():
        assert apart(SCREENING_COLOUR, colour) > 12
    for colour in (*STATE_COLOURS.values(), *SPARE_COLOURS):
        assert apart(SCREENING_COLOUR, colour) > 8
    for lang in LANGUAGES:
        assert all(Words(lang).has(f"method.{name}") for name in screening_methods())


def test_every_method_of_the_library_has_a_group_with_words() -> None:
    listed = [name for members in GROUPS.values() for name in members]
    assert len(set(listed)) == len(listed)
    assert set(method_names()) <= set(listed)
    for lang in LANGUAGES:
        words = Words(lang)
        assert all(words.has(f"group.{group}") for group in (*GROUPS, "own", "none"))
        assert all(words.has(f"method.{name}") for name in method_names())


FOUR = ("daccs-solid", "afforestation", "beccs-residue", "my wells")
MANY = (
    "biochar", "my wells", "excluded", "afforestation", "no method", "salt-marsh", "beccs-residue",
    "forest-management", "daccs-solid", "daccs-liquid",
)  # fmt: skip


def test_many_methods_stand_in_groups_and_few_do_not() -> None:
    assert in_groups(FOUR) == [("", list(FOUR))]
    assert in_groups(MANY) == [
        ("air", ["daccs-solid", "daccs-liquid"]),
        ("biomass", ["beccs-residue", "biochar"]),
        ("forest", ["afforestation", "forest-management"]),
        ("wetland", ["salt-marsh"]),
        ("own", ["my wells"]),
        ("", ["excluded", "no method"]),
    ]
    rules = tuple(f"rule {n}" for n in range(GROUPED_FROM))
    assert in_groups(("land", *rules)) == [("", ["land", *rules])]  # none is a method


def test_legends_without_titles_name_the_group() -> None:
    assert worded(FOUR, Words())["afforestation"] == "Afforestation"
    assert list(worded(FOUR, Words("zh"))) == list(FOUR)
    many = worded(MANY, Words())
    assert many["afforestation"] == "Forests and trees: Afforestation"
    assert many["my wells"] == "Methods of your own: my wells"
    assert many["no method"] == Words().called("no method")
    assert worded(MANY, Words("zh"))["afforestation"] == "森林与林木：造林"


def test_circles_of_every_method_stand_out_from_the_ground() -> None:
    for name, colour in {**METHOD_COLOURS, **dict(enumerate(SPARE_COLOURS))}.items():
        assert apart(colour, GROUND_COLOUR) > 10, name


def test_own_methods_keep_their_colour_whatever_stands_beside_them() -> None:
    alone = method_colour("my_wells", ("my_wells",))
    assert alone in SPARE_COLOURS
    assert method_colour("my_wells", ("my_wells", *METHOD_COLOURS)) == alone
