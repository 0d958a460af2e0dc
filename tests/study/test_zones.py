"""Values of layers by zone, against shapes and sums written out."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tiny_scenario import NORTH, WEST, box, cover, residues, write_polygons, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteError, CdrsiteWarning
from cdrsite.study.means import Means
from cdrsite.study.run import check_study, run

TOWNS = "layers.towns={path: towns.csv}"
ZONED = "layers.zones={path: zones.gpkg}"
WANTED = "outputs.zones={layer: zones, name: name, values: [slope, residues, cover]}"

Study = Callable[..., pd.DataFrame]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two polygons of which one ends within cells, and one outside of the region."""
    path = write_world(tmp_path_factory.mktemp("world"))
    shapes = [box(0.5, 1, 3, 2.25), box(3, 0, 2, 6), box(60, 60, 1, 1)]
    write_polygons(path.parent / "zones.gpkg", shapes, name=["one", "two", "away"])
    return path


def table(path: Path, *settings: str, means: Means | None = None) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return run(load_scenario(path, settings), means=means).tables["zones"]


def one(found: pd.DataFrame, **wanted: Any) -> pd.Series:
    for key, value in wanted.items():
        found = found[found[key] == value]
    assert len(found) == 1
    return found.iloc[0]


def weights(west: float, north: float, cols: float, rows: float) -> Any:
    """Share of each cell that a rectangle covers."""

    def part(start: float, length: float, count: int) -> Any:
        edges = np.arange(count + 1)
        return np.clip(np.minimum(edges[1:], start + length) - np.maximum(edges[:-1], start), 0, 1)

    return part(north, rows, 6)[:, None] * part(west, cols, 8)[None, :]


def test_areas_means_sums_and_classes_by_polygon(world: Path) -> None:
    found = table(world, ZONED, WANTED)
    assert set(found["zone"]) == {"one", "two"}
    share = weights(0.5, 1, 3, 2.25)
    land = one(found, zone="one", land="all land", layer="")
    assert land["area_km2"] == pytest.approx(6.75)
    assert land["share"] == 1
    slope = one(found, zone="one", land="all land", layer="slope")
    values = np.tile(np.arange(8) * 5.0, (6, 1))
    assert slope["mean"] == pytest.approx((values * share).sum() / share.sum())
    assert slope["unit"] == "degree"
    amounts = residues().reshape(6, 2, 8, 2).sum(axis=(1, 3))
    waste = one(found, zone="one", land="all land", layer="residues")
    assert waste["sum"] == pytest.approx((amounts * share).sum(), rel=1e-6)
    assert np.isnan(waste["mean"])
    assert set(found[(found["zone"] == "one") & (found["layer"] == "cover")]["class"]) == {"10"}
    two = weights(3, 0, 2, 6)
    woods = one(found, zone="two", land="all land", layer="cover", **{"class": "10"})
    assert woods["area_km2"] == pytest.approx((two * (cover() == 10)).sum())


def test_what_is_left_for_a_method(world: Path) -> None:
    """The mean of what the exclusions leave: slopes up to 15 degrees, outside of parks."""
    found = table(world, ZONED, WANTED)
    share = weights(3, 0, 2, 6)
    left = np.ones((6, 8))
    left[:, 4:] = 0  # 20 degrees and more
    left[2:4, 2], left[2:4, 3] = 0, 0.5  # the park
    left[0, :3] = 0
    row = one(found, zone="two", land="daccs-solid", layer="slope")
    assert row["area_km2"] == pytest.approx((share * left).sum())
    assert row["mean"] == pytest.approx(15)
    assert row["share"] == 1
    assert one(found, zone="two", land="daccs-solid", layer="")["area_km2"] == pytest.approx(5)


def test_what_is_unknown_counts_in_no_mean(world: Path) -> None:
    found = table(world, "outputs.zones={side: 8, values: [slope]}")
    assert len(set(found["zone"])) == 1
    land, slope = found[found["land"] == "all land"].to_dict("records")
    assert land["area_km2"] == pytest.approx(48)
    assert slope["area_km2"] == pytest.approx(47)  # one cell is unknown
    assert slope["mean"] == pytest.approx(5 * 28 * 6 / 47)


def test_squares_add_up_to_the_whole(world: Path) -> None:
    found = table(world, "outputs.zones={side: 3, values: [residues]}")
    found = found[found["land"] == "all land"]
    assert found["zone"].nunique() == 6
    assert f"{WEST:.10g}, {NORTH:.10g}" in set(found["zone"])
    assert found.loc[found["layer"] == "residues", "sum"].sum() == pytest.approx(residues().sum())
    assert found.loc[found["layer"] == "", "area_km2"].sum() == pytest.approx(48)


def test_the_same_numbers_on_disk(world: Path, tmp_path: Path) -> None:
    settings = (ZONED, WANTED)
    on_disk = table(world, *settings, means=Means(memory=1, folder=tmp_path / "work"))
    pd.testing.assert_frame_equal(on_disk, table(world, *settings), check_exact=True)


def test_without_zones_the_table_is_empty(world: Path) -> None:
    assert table(world).empty


@pytest.mark.parametrize(
    ("zones", "text"),
    [
        ("{values: [slope]}", "zones are polygons or squares"),
        ("{layer: zones, side: 3}", "zones are polygons or squares"),
        ("{side: 3, name: x}", "squares have no column of names"),
        ("{layer: zones, name: nmae}", "no column 'nmae'"),
        ("{layer: slope}", "layers.slope: not a vector layer"),
        ("{layer: zones, values: [slpoe]}", "outputs.zones.values.0.*no layer"),
        ("{layer: zones, values: [towns]}", "layers.towns .*cover no area"),
    ],
)
def test_zones_that_cannot_be_meant_are_refused_before_the_run(
    zones: str, text: str, world: Path
) -> None:
    (world.parent / "towns.csv").write_text("lon,lat\n5.53,50.05\n5.55,50.06\n")
    with pytest.raises(CdrsiteError, match=text):
        check_study(load_scenario(world, [ZONED, TOWNS, f"outputs.zones={zones}"]))
