"""Ids and names that are numbers: storage, pools, zones of policy, units of administration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_scenario import SCENARIO, box, write_polygons, write_world

import cdrsite
from cdrsite.config.load import parse_scenario
from cdrsite.core.numbers import as_text
from cdrsite.study.means import Means
from cdrsite.study.run import check_study

IDS: dict[str, list[Any]] = {
    "whole numbers": [1, 2, 3],
    "floats": [1.0, 2.0, 3.0],
    "text": ["1", "2", "3"],
}
BELOW: dict[str, list[Any]] = {
    "whole numbers": [None, 1, None],  # a column with gaps comes as floats
    "floats": [np.nan, 1.0, np.nan],
    "text": [None, "1", None],
}
RULES = """\
policies:
  - {name: quota, layer: provinces, zone_name: code, zones: [1, '2'], at_most: 3 kt/yr}
  - {name: all of 2, layer: provinces, zone_name: code, zones: 2, at_most: 5 kt/yr}
"""


def scenario(folder: Path, kind: str, *, buffer: bool = False) -> Any:
    """Three units on the tiny world, the second above the first; basins and provinces 1 and 2."""
    path = write_world(folder)
    shapes = [box(0, 0, 3, 3), box(0, 0, 3, 3), box(4, 3, 2, 2)]
    if buffer:
        shapes = [shape.centroid for shape in shapes]
    write_polygons(
        folder / "units.gpkg",
        shapes,
        id=IDS[kind],
        below=pd.array(BELOW[kind], dtype="object")
        if kind == "text"
        else np.array([np.nan if v is None else v for v in BELOW[kind]]),
        cap=[9.0, 9.0, 9.0],
        rate=[1.0, 1.0, 1.0],
    )
    halves = [box(0, 0, 4, 6), box(4, 0, 4, 6)]
    codes = IDS[kind][:2]
    write_polygons(folder / "basins.gpkg", halves, code=codes, water_m3=[120_000.0, 80_000.0])
    write_polygons(folder / "provinces.gpkg", halves, code=codes)
    text = SCENARIO.replace("name: name}", "name: code}").replace(
        "outputs: {", "outputs: {admin: {layer: provinces, name: code}, "
    )
    grown = ", buffer: 900 m" if buffer else ""
    text = text.replace(
        "layers:\n",
        f"layers:\n  provinces: {{path: provinces.gpkg}}\n  units: {{path: units.gpkg{grown}}}\n",
    ).replace(
        "resources:\n",
        "resources:\n  storage: {units: units, id: id, stacked_on: below, capacity: cap, "
        "injection: rate}\n",
    )
    return parse_scenario(text + RULES, path, ["siting.exclude=[]"])


@pytest.mark.parametrize("kind", IDS)
@pytest.mark.parametrize("buffer", [False, True], ids=["polygons", "points"])
@pytest.mark.slow
def test_ids_of_any_type_are_the_same_ids(tmp_path: Path, kind: str, buffer: bool) -> None:
    asked = scenario(tmp_path, kind, buffer=buffer)
    assert check_study(asked)["methods"]
    result = cdrsite.run(asked, means=Means(threads=1))
    assert any("units 2: stacked on 1" in text for text in result.warnings)
    assert result.dataset["pool_storage"].attrs["labels"] == ["units 1", "units 3"]
    assert set(np.unique(result.dataset["pool_storage"])) == {0, 1}
    assert result.dataset["pool_water"].attrs["labels"] == ["1", "2"]
    assert result.dataset["zone_provinces"].attrs["labels"] == ["1", "2"]
    pools = result.tables["pools"]
    assert {"quota: 1", "quota: 2", "all of 2: 2"} <= set(pools["zone"])
    assert pools.query("family == 'policy'")["binds"].any()


def test_zones_of_one_name_are_one_zone(tmp_path: Path) -> None:
    """A province and its islands have one quota, not one each."""
    asked = scenario(tmp_path, "text")
    parts = [box(0, 0, 2, 6), box(2, 0, 2, 6), box(4, 0, 4, 6)]
    write_polygons(tmp_path / "provinces.gpkg", parts, code=["1", "1", "2"])
    result = cdrsite.run(asked, means=Means(threads=1))
    pools = result.tables["pools"].query("family == 'policy'").set_index("zone")
    zone = result.dataset["zone_provinces"].to_numpy()
    net = result.dataset["net_removal"].to_numpy()
    assert pools.loc["quota: 1", "use"] == pytest.approx(net[np.isin(zone, [0, 1])].sum(), rel=1e-5)
    assert pools.loc["quota: 1", "use"] == pytest.approx(3000.0, rel=1e-5)


@given(st.integers(-(10**15), 10**15))
def test_a_whole_number_is_one_text_whatever_its_type(value: int) -> None:
    assert as_text(value) == as_text(float(value)) == as_text(np.float64(value)) == str(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.5, "1.5"), (np.int32(7), "7"), ("7.0", "7.0"), (True, "True"), ("a", "a"), (1e300, None)],
)
def test_ids_as_text(value: object, text: str | None) -> None:
    assert as_text(value) == (text or str(int(1e300)))
