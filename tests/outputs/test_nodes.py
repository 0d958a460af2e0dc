"""Names of plants and ends of pipes, and amounts, as a person reads them on the map."""

from __future__ import annotations

import pytest

from cdrsite.core.words import Words
from cdrsite.outputs.nodes import node
from cdrsite.report.mapvectors import measured

METHODS = ("daccs-solid", "beccs-residue", "own")
SOLID = "Solid-sorbent air capture"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("daccs-solid 12 (East)", f"{SOLID} 12 (East)"),
        ("daccs-solid 3", f"{SOLID} 3"),
        ("own 3 (daccs-solid 4)", "own 3 (daccs-solid 4)"),
        ("daccs-solid 4, 6–8; own 1", f"{SOLID} 4, 6–8; own 1"),
        ("own 1; daccs-solid 4", f"own 1; {SOLID} 4"),
        ("daccs-solid 2 (A) + daccs-solid 3 (A)", f"{SOLID} 2 (A) + {SOLID} 3 (A)"),
        ("access to Old Field", "inlet of Old Field"),
        ("junction 7", "junction 7"),
        ("daccs-solid works", "daccs-solid works"),
        ("my daccs-solid 1", "my daccs-solid 1"),
        ("", ""),
    ],
)
def test_names_are_those_of_the_page(name: str, told: str) -> None:
    assert node(name, Words("en"), METHODS) == told
    chinese = node(name, Words("zh"), METHODS)
    if SOLID in told:
        assert Words("zh").method("daccs-solid") in chinese


def test_amounts_have_few_digits_and_counts_no_decimals() -> None:
    words = Words("en")
    assert measured(7_732_348.0, "t/yr", words) == "7.73 Mt/yr"
    assert measured(467_337.4, "t/yr", words).replace("\u202f", "") == "467337 t/yr"
    assert measured(21.0, "", words) == "21" and measured(0.63141, "", words) == "0.631"
    assert measured(6.0, "inch", words) == "6 inch" and measured(92.81, "km", words) == "92.8 km"
    assert measured(3_000_000.0, "USD/yr", words) == f"3.00 {words.unit('MUSD/yr')}"
