"""Supplies given per area: t/ha, kg/ha, mm of water, as layers, pools and one value."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_scenario import SCENARIO, box, write_polygons, write_raster, write_world

from cdrsite.config.load import load_scenario, parse_scenario
from cdrsite.core.errors import CdrsiteError, CdrsiteWarning
from cdrsite.study.run import check_study, run

pytestmark = pytest.mark.usefixtures("without_slopes")


def study(world: Path, layers: str, **resources: str) -> Any:
    text = SCENARIO.replace("  parks: {", f"{layers}\n  parks: {{")
    for name, value in resources.items():
        line = next(one for one in text.splitlines() if one.startswith(f"  {name}: "))
        text = text.replace(line, f"  {name}: {{{value}}}")
    world.write_text(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return run(load_scenario(world)).dataset


@pytest.fixture
def world(tmp_path: Path) -> Path:
    return write_world(tmp_path)


@pytest.mark.parametrize(
    ("unit", "per_km2"), [("t/ha/yr", 100.0), ("kg/ha/yr", 0.1), ("t/km2/yr", 1.0)]
)
def test_a_raster_per_area(world: Path, unit: str, per_km2: float) -> None:
    # pixels of 500 m; of the first cell one in four is known, and amounts to a quarter
    values = np.full((12, 16), 4.0, np.float32)
    values[0, :2] = values[1, 0] = -1
    write_raster(world.parent / "dense.tif", values, pixel=500.0, nodata=-1)
    layer = f"  dense: {{path: dense.tif, unit: {unit}, kind: intensive}}"
    got = study(world, layer, biomass="layer: dense")["supply_biomass"].values
    assert got[0, 0] == pytest.approx(per_km2)
    np.testing.assert_allclose(got[1:], 4 * per_km2, rtol=1e-6)


def test_polygons_per_area_give_what_they_cover(world: Path) -> None:
    write_polygons(world.parent / "fields.gpkg", [box(0, 0, 1.5, 6)], y=[2.0])
    layer = "  fields: {path: fields.gpkg, attribute: y, unit: t/ha/yr, kind: intensive}"
    got = study(world, layer, biomass="layer: fields")["supply_biomass"].values
    np.testing.assert_allclose(got[0, :2], [200, 100], rtol=1e-6)
    assert np.isnan(got[0, 2:]).all()


def test_pools_per_area(world: Path) -> None:
    write_polygons(
        world.parent / "basins.gpkg",
        [box(0, 0, 4, 6), box(4, 0, 4, 6)],
        mm=[10.0, 0.0],
        name=list("ab"),
    )
    got = study(world, "", water="pools: basins, supply: mm, unit: mm/yr, name: name")
    water = got["supply_water"].values
    assert np.nansum(water[:, :4]) == pytest.approx(0.01 * 24e6)
    assert np.nansum(water[:, 4:]) == 0


@pytest.mark.parametrize("size", ["1 km", "500 m"])
def test_a_value_per_area_is_of_no_cell(world: Path, size: str) -> None:
    text = SCENARIO.replace(
        "{pools: basins, supply: water_m3, unit: m3/yr, name: name}", "{value: 30 mm/yr}"
    )
    world.write_text(text.replace("resolution: 1 km", f"resolution: {size}"))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        got = run(load_scenario(world))
    assert float(got.dataset["supply_water"].sum()) == pytest.approx(0.03 * 48e6, rel=1e-6)
    assert not any("water.value: read as" in text for text in [*got.warnings, *map(str, told)])


@pytest.mark.parametrize(
    ("layer", "biomass", "words"),
    [
        ("unit: t/ha/yr, kind: extensive", "layer: dense", "no amounts per pixel"),
        ("unit: t/ha, kind: intensive", "layer: dense", "dimension"),
        ("unit: t/yr", "value: 3 t/ha/yr, per: cell", "says itself what it is per"),
        ("unit: t/yr", "value: 3 t/ha", "dimension|expected"),
    ],
)
def test_what_is_no_amount_per_area_is_refused(
    world: Path, layer: str, biomass: str, words: str
) -> None:
    text = SCENARIO.replace("  parks: {", f"  dense: {{path: residues.tif, {layer}}}\n  parks: {{")
    text = text.replace("{layer: residues, unit: t/yr}", f"{{{biomass}}}")
    with pytest.raises(CdrsiteError, match=words), warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        check_study(parse_scenario(text, world))
