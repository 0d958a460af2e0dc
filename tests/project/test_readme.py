"""The README is short, and its table of methods says what the library says."""

from __future__ import annotations

import math
import re
from pathlib import Path

from cdrsite.library.methods import load_method, method_names
from cdrsite.methods.kinds import durability_class
from cdrsite.outputs.palette import GROUPS

README = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
MOST_LINES, WIDEST = 120, 130
"""A page that is read in one go: lines, and characters of a line that is not a table's row."""
TITLES = {
    "air": "air", "biomass": "biomass", "forests": "forest", "soils": "soil",
    "wetlands and coast": "wetland", "minerals": "mineral",
}  # fmt: skip
"""Title of a group of rows -> the group of colours."""


def rows() -> list[tuple[str, list[str], str, str]]:
    """Group, methods, class of durability and ledger of each row."""
    found, group = [], ""
    for line in README.split("## The methods")[1].split("##")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 4 or "`" not in cells[1]:
            continue
        group = cells[0] or group
        found.append((group, re.findall(r"`([\w-]+)`", cells[1]), cells[2], cells[3]))
    return found


def test_classes_ledgers_and_groups_are_those_of_the_library() -> None:
    for group, names, lasting, ledger in rows():
        for name in names:
            method = load_method(name)
            years = method.profile().number("durability", default=math.nan)
            assert (durability_class(years), method.ledger_class) == (lasting, ledger), name
            assert name in GROUPS[TITLES[group]], name


def test_every_method_stands_in_one_row() -> None:
    listed = [name for _, names, _, _ in rows() for name in names]
    assert sorted(listed) == sorted(method_names())


def test_it_is_read_in_one_go() -> None:
    lines = README.splitlines()
    assert len(lines) <= MOST_LINES
    assert [line for line in lines if len(line) > WIDEST and not line.startswith("|")] == []
    commands = (
        "pip install -e . && cdrsite run config/first.yaml",
        "pip install -e '.[test]' && pytest",
    )
    assert [line for line in lines if line in commands] == list(commands)
