"""Sites that are too small are merged within their zone to projects, or there is none."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from one_method import OneMethod
from pydantic import ValidationError
from rich.console import Console
from scipy import ndimage

from cdrsite.cli.tables import print_summary
from cdrsite.config.siting import ExcludeRule
from cdrsite.core.grid import AnalysisGrid, Block
from cdrsite.siting.exclusions import RuleAreas, exclude_small_areas, rule_book
from cdrsite.study.exclude import merge_zones, project_names

pytestmark = pytest.mark.usefixtures("without_slopes")

WKT = AnalysisGrid.from_bounds("EPSG:3035", (0.0, 0.0, 4000.0, 3000.0), 1000.0).wkt
KM2 = 1e6


def merge(left: Any, zones: Any, least: float, size: int = 99, **keys: Any) -> tuple[Any, Any, Any]:
    """What is left, the reasons, and the rows of the zones after one rule."""
    left, zones = np.array(left, np.float32), np.array(zones, np.int32)
    grid = AnalysisGrid(WKT, 0.0, 1000.0 * len(left), 1000.0, *left.shape)
    rule = {"smaller_than": f"{least} km2", "merge_within": "provinces", **keys}
    book = rule_book([ExcludeRule.model_validate(rule)], [], {"a": ()})
    reasons, areas = (
        np.zeros(left.shape, np.uint32),
        RuleAreas({(0,): np.zeros(1)}, {(0,): np.zeros(1)}),
    )

    def zones_of(_: ExcludeRule, block: Block) -> Any:
        return zones[block.slices]

    blocks = list(grid.blocks(size))
    exclude_small_areas(book, grid, blocks, reasons, {(0,): left}, areas, 1, zones_of)
    return left, reasons, areas.projects[0, 0]


def test_small_sites_of_a_zone_make_up_a_project() -> None:
    """Two single cells reach 2 km2 together in the west; the one of the east is left out."""
    left, reasons, rows = merge(
        [[1, 0, 0, 0, 1], [0, 0, 0, 0, 0], [1, 0, 0, 0, 0]],
        [[0, 0, 0, 1, 1]] * 3,
        2,
    )
    assert left.tolist() == [[1, 0, 0, 0, 0], [0, 0, 0, 0, 0], [1, 0, 0, 0, 0]]
    assert reasons.tolist() == [[0, 0, 0, 0, 1], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]
    # zone, alone, their area, small, theirs, merged
    assert rows.tolist() == [[0, 0, 0, 2, 2 * KM2, 1], [1, 0, 0, 1, KM2, 0]]


def test_a_site_that_is_large_enough_stands_alone_and_helps_no_other() -> None:
    left, _, rows = merge([[1, 1, 0, 1]], [[0, 0, 0, 0]], 2)
    assert left.tolist() == [[1, 1, 0, 0]]
    assert rows.tolist() == [[0, 1, 2 * KM2, 1, KM2, 0]]


def test_a_project_lies_in_one_zone() -> None:
    """A site across a border is one in each of two zones, and too small in both."""
    left, _, rows = merge([[1, 1, 1, 1]], [[0, 0, 1, 1]], 3)
    assert left.tolist() == [[0, 0, 0, 0]]
    assert rows[:, 0].tolist() == [0, 1] and rows[:, 5].tolist() == [0, 0]
    whole, _, _ = merge([[1, 1, 1, 1]], [[0, 0, 0, 0]], 3)
    assert whole.tolist() == [[1, 1, 1, 1]]


def test_what_lies_in_no_zone_is_merged_with_nothing() -> None:
    left, _, rows = merge([[1, 0, 1, 0, 1, 1]], [[-1] * 6], 2)
    assert left.tolist() == [[0, 0, 0, 0, 1, 1]]
    assert rows.tolist() == [[-1, 1, 2 * KM2, 2, 2 * KM2, 0]]


class Provinces:
    """Three polygons side by side, of which the outer ones have one name; a cell in none."""

    def labels(self, name: str, block: Block) -> Any:
        return np.array([[0, 1, 2, -1]], np.int32)

    def text(self, name: str, column: str) -> list[str]:
        return ["a", "b", "a"]

    def features(self, name: str) -> Any:
        return range(3)


def test_polygons_of_one_name_are_one_zone() -> None:
    """A province and its islands; without names each polygon is one."""
    reader: Any = Provinces()
    keys = {"smaller_than": "1 km2", "merge_within": "provinces"}
    rule = ExcludeRule.model_validate(keys | {"merge_name": "name"})
    assert merge_zones(reader, rule, Block(0, 1, 0, 4)).tolist() == [[0, 1, 0, -1]]
    assert project_names(reader, rule) == ["a", "b"]
    bare = ExcludeRule.model_validate(keys)
    assert merge_zones(reader, bare, Block(0, 1, 0, 4)).tolist() == [[0, 1, 2, -1]]


def of_the_whole(left: Any, zones: Any, least: float, neighbours: int) -> Any:
    """Cells that go, by labelling each zone at once."""
    gone = np.zeros(left.shape, bool)
    structure = {4: None, 8: np.ones((3, 3), int)}[neighbours]
    for zone in np.unique(zones):
        patches, count = ndimage.label((left > 0) & (zones == zone), structure=structure)
        size = ndimage.sum_labels(left.astype(float), patches, np.arange(count + 1))
        small = (size < least)[patches] & (patches > 0)
        if zone < 0 or left.astype(float)[small].sum() < least:
            gone |= small
    return gone


@given(
    # eighths of a cell: sums that do not round
    hnp.arrays(np.float32, (9, 11), elements=st.sampled_from([0, 0, 0, 0.125, 0.5, 1])),
    hnp.arrays(np.int32, (9, 11), elements=st.sampled_from([-1, 0, 0, 1, 2])),
    st.integers(1, 12),
    st.sampled_from([0.5, 2.0, 5.0]),
    st.sampled_from([4, 8]),
)
@settings(max_examples=examples(60), deadline=None)
def test_blocks_change_nothing(
    left: Any, zones: Any, size: int, least: float, neighbours: int
) -> None:
    got, _, rows = (
        merge(left, zones, least, size, neighbours=neighbours)
        if (left > 0).any()
        else (left, None, np.zeros((0, 6)))
    )
    expected = np.where(of_the_whole(left, zones, least, neighbours), 0, left)
    assert got.tolist() == expected.tolist()
    assert rows[:, [2, 4]].sum() == left.astype(float).sum() * KM2


def test_a_table_tells_projects_by_province(tmp_path: Path) -> None:
    """Basins as provinces: two cells of a good rate in the west, one in the east."""
    forest = OneMethod(tmp_path, "afforestation")
    rate = np.zeros((6, 8), np.float32)
    rate[0, 0] = rate[2, 0] = rate[3, 5] = 10
    slow = {"name": "slow", "layer": "growth", "below": 5}
    merged = {"smaller_than": "1.5 km2", "merge_within": "basins", "merge_name": "name"}
    layers = {"growth": (rate, {"unit": "t/ha/yr", "kind": "intensive"})}
    result = forest.run({"gates": False}, layers, siting={"exclude": [slow, merged]})
    table = result.tables["projects"].set_index("zone")
    west, east = table.index
    assert table.loc[west, ["sites_small", "merged_projects"]].tolist() == [2, 1]
    assert table.loc[east, ["sites_small", "merged_projects"]].tolist() == [1, 0]
    assert table["left_out_km2"].tolist() == [0, 1]
    assert table["least_km2"].tolist() == [1.5, 1.5]
    assert table["methods"].tolist() == ["afforestation"] * 2
    merged = "2 smaller ones are merged to 1 projects"
    for lang, line, head, rule in (
        (
            "en",
            f"0 sites are large enough by themselves; {merged}",
            "Left out",
            "by themselves and together in basins",
        ),
        ("zh", "2 个较小地块在各自区域内合并为 1 个项目", "未采用", "同一 basins 内合并"),
    ):
        out = io.StringIO()
        print_summary(result, tmp_path, Console(file=out, width=80), lang)
        assert "".join(line.split()) in "".join(out.getvalue().split())
        result.write(tmp_path / lang, lang=lang)
        page = (tmp_path / lang / "report.html").read_text(encoding="utf-8")
        plain = re.sub(r"<[^>]+>", "", page)
        assert line in plain and head in plain and rule in plain
    planned = result.dataset["allocated"].to_numpy()[0]
    assert planned[0, 0] > 0 and planned[2, 0] > 0
    assert not planned[3, 5] > 0


def test_half_a_rule_is_refused() -> None:
    with pytest.raises(ValidationError, match="names of no layer"):
        ExcludeRule.model_validate({"smaller_than": "1 km2", "merge_name": "name"})
    with pytest.raises(ValidationError, match="cannot have one"):
        ExcludeRule.model_validate({"layer": "x", "merge_within": "provinces"})
