"""Titles of what is drawn on the report's map: each layer of a run has one in every language."""

from __future__ import annotations

import re
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from cdrsite.core.words import LANGUAGES, Words
from cdrsite.outputs import vectors
from cdrsite.report import mapvectors
from cdrsite.report.mapvectors import layer_title, vector_layers

SHAPES = re.compile(
    r'_layer\(\s*"(\w+)", [^\n]*?"(?:Point|LineString|MultiPolygon)"|_layer\(\s*"(pipes)"'
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_layers_of_a_run_have_titles_and_no_keys(language: str) -> None:
    text = Path(str(vectors.__file__)).read_text(encoding="utf-8")
    names = {first or second for first, second in SHAPES.findall(text)}
    assert {"region", "site_samples", "sites", "plants", "pipes", "provinces"} <= names
    words = Words(language)
    assert [name for name in sorted(names) if layer_title(name, words) == name] == []


class Drawn:
    """One layer of points, whose sizes rise."""

    def __init__(self, name: str, column: str) -> None:
        self.layers, self.methods = (name,), ("daccs-solid",)
        points = [shapely.Point(4e6 + i, 3e6) for i in range(6)]
        columns = {column: [float(i) for i in range(6)], "name": [str(i) for i in range(6)]}
        self._frame = gpd.GeoDataFrame(columns, geometry=points, crs="EPSG:3035")

    def layer(self, name: str) -> gpd.GeoDataFrame:
        assert name in self.layers
        return self._frame


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("tonnes", "net_t_yr"), ("plants", "gross_t_yr"), ("emitters", "captured_t_yr"),
        ("standing", "gross_t_yr"), ("network_emitters", "stored_t_yr"),
        ("network_storage", "stored_t_yr"), ("pipes", "flow_t_yr"), ("sites", "gross_t_yr"),
    ],
)  # fmt: skip
def test_of_many_shapes_the_largest_are_kept(
    name: str, column: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapvectors, "MOST_SHAPES", 2)
    shapes = vector_layers(Drawn(name, column), Words())[name]["shapes"]
    first = [shape["geometry"]["coordinates"][0] for shape in shapes]
    monkeypatch.setattr(mapvectors, "MOST_SHAPES", 6)
    every = vector_layers(Drawn(name, column), Words())[name]["shapes"]
    assert first == [shape["geometry"]["coordinates"][0] for shape in every][-2:]
