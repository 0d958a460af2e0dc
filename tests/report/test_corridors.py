"""The summary by corridor: what hangs together by pipes, before the table of every pipe."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import report_run
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cdrsite.core.words import LANGUAGES, Words
from cdrsite.report.plants import connected


def test_a_line_for_each_corridor_with_sums(tmp_path: Path) -> None:
    listed = report_run.tables()
    plants, pipes = listed["plants"], listed["pipes"]
    other = plants.assign(name="daccs-solid 2 (west)", stored_t_yr=2.5e6)
    west = pipes[:1].assign(start="daccs-solid 2 (west)", end="access to field", length_km=40.0)
    listed["plants"] = pd.concat([plants, other], ignore_index=True)
    listed["pipes"] = pd.concat([pipes, west], ignore_index=True)
    page = report_run.report(report_run.write_run(tmp_path / "run", listed=listed))
    title = Words()("corridors.caption")
    (table,) = [text for text in page.text_of("table") if text.startswith(title)]
    first, second = table.index("2.50"), table.index("1.50")
    assert first < second  # the larger one first
    assert "field" in table[:second] and "aquifer" in table[first:]
    assert "7.50" in table[first:]  # 5.5 km of pipe and 2 km of road
    whole = page.source
    assert whole.index(title) < whole.index(Words()("pipes.title"))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_methods_of_corridors_are_in_the_language(tmp_path: Path, lang: str) -> None:
    page = report_run.report(report_run.write_run(tmp_path / "run"), lang)
    (table,) = [
        text for text in page.text_of("table") if text.startswith(Words(lang)("corridors.caption"))
    ]
    assert Words(lang).method("daccs-solid") in table and "daccs-solid 1" not in table


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=15))
def test_groups_are_those_of_a_graph(pairs: list[tuple[int, int]]) -> None:
    groups = connected([(str(one), str(other)) for one, other in pairs])
    assert sorted(i for group in groups for i in group) == list(range(len(pairs)))
    if not pairs:
        return
    rows, cols = zip(*pairs, strict=True)
    graph = coo_array(([1] * len(pairs), (rows, cols)), shape=(10, 10))
    _, label = connected_components(graph, directed=False)
    expected: dict[int, list[int]] = {}
    for i, row in enumerate(rows):
        expected.setdefault(int(label[row]), []).append(i)
    assert sorted(groups) == sorted(expected.values())
