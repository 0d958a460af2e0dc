"""Works beside the cells of a plan on its map: which of them capture, and how much."""

from __future__ import annotations

import geopandas as gpd
import pytest
import shapely

from cdrsite.core.words import LANGUAGES, Words
from cdrsite.outputs.legend import of_whom, rule_called
from cdrsite.outputs.vectors import _captors


@pytest.mark.parametrize("lang", LANGUAGES)
def test_emitters_that_remove_avoid_and_rest_look_different(lang: str) -> None:
    frame = gpd.GeoDataFrame(
        {
            "name": ["a", "b", "c"],
            "origin": ["biogenic", "fossil", "fossil"],
            "captured_t_yr": [1e5, 2e5, 0.0],
            "removed_t_yr": [9e4, 0.0, 0.0],
        },
        geometry=[shapely.Point(i, 0) for i in range(3)],
        crs="EPSG:3035",
    )
    words = Words(lang)
    layer = _captors("emitters", frame, (), words, 4e5)
    removing, avoiding, idle = layer.rules[0], layer.rules[1], layer.rules[-1]
    assert len({one.symbol.colour for one in (removing, avoiding, idle)}) == 3
    assert removing.symbol.grows == avoiding.symbol.grows != idle.symbol.grows
    assert idle.filter == "ELSE" and idle.label == words("legend.captures_nothing")
    assert layer.fields["captured_t_yr"][0].startswith(words("field.captured_t_yr"))


def test_a_rule_of_some_methods_says_of_which() -> None:
    words, methods = Words(), ["daccs-solid", "beccs-residue", "afforestation"]
    tags = {
        "METHODS": ", ".join(methods),
        "BIT_00": "protected",
        "BIT_01": "far from roads",
        "FOR_01": "daccs-solid, beccs-residue",
        "BIT_02": "slow to grow",
        "FOR_02": "afforestation",
    }
    assert rule_called(tags, 0, words) == "protected"
    assert rule_called(tags, 1, words) == "far from roads (all but Afforestation)"
    assert rule_called(tags, 2, words) == "slow to grow (Afforestation)"
    assert of_whom(methods, methods, words, words.method) == ""
    assert rule_called({"BIT_00": "steep"}, 0, words) == "steep"  # a raster of an older run
