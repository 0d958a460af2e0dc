"""Three studies with synthetic data in the form of real ones, written from the manual alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import lookalikes
import pandas as pd
import pytest
import shapely

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteError, DataError
from cdrsite.study.margin import reaching
from cdrsite.study.prepare import open_layers
from cdrsite.study.run import check_study, run
from cdrsite.testing import assert_mass_balance

pytestmark = pytest.mark.usefixtures("without_slopes")

MGAL = 3785.411784
"""m3 in a million US gallons."""


def removed_km2(result: Any, rule: str) -> float:
    """Area of the region that a rule excludes."""
    table = result.tables["exclusions"]
    return float(table[table["rule"].str.contains(rule)]["removes_km2"].iloc[0])


def supply(result: Any, family: str, zone: str) -> float:
    """Supply of a pool [its unit]."""
    table = result.tables["pools"]
    return float(table[(table["family"] == family) & (table["zone"] == zone)]["supply"].iloc[0])


def test_rhineland(tmp_path: Path) -> None:
    path = lookalikes.rhineland(tmp_path)
    result = run(load_scenario(path))
    assert_mass_balance(result)
    assert list(result.tables["storage"]["unit"]) == ["Bördemulde", "Münster"]
    district = gpd.read_file(tmp_path / "nuts3.geojson").query("NUTS_ID == 'DEA2D'")
    inside = district.to_crs(result.grid.crs).geometry.iloc[0]
    units = gpd.read_file(tmp_path / "formations.kml").to_crs(result.grid.crs).iloc[:2]
    frame = shapely.box(*result.grid.bounds)
    assert all(frame.intersects(one) and not inside.intersects(one) for one in units.geometry)
    natura = gpd.read_file(tmp_path / "natura" / "Natura2000.shp").to_crs(result.grid.crs)
    kept = shapely.union_all(shapely.make_valid(natura.geometry.to_numpy(), method="structure"))
    assert removed_km2(result, "natura") == pytest.approx(
        kept.intersection(inside).area / 1e6, rel=0.05
    )
    assert supply(result, "electricity", "whole region") == pytest.approx(
        300e3 * 0.25 * 8760, rel=1e-9
    )
    assert supply(result, "water", "whole region") == pytest.approx(8e6)
    result.write(tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert {"formations.kml", "storage.csv", "dem/a.tif", "natura.zip"} <= set(manifest["inputs"])
    assert (tmp_path / "out" / "report.html").stat().st_size > 100_000


def test_a_table_whose_keys_lost_their_zeros_is_refused(tmp_path: Path) -> None:
    path = lookalikes.gulf_south(tmp_path)
    table = pd.read_csv(tmp_path / "water_by_county.csv")  # as a spreadsheet opens and saves it
    table.to_csv(tmp_path / "water_by_county.csv", index=False)
    with pytest.raises(CdrsiteError, match=r"id such as '01001', FIPS such as '1001'.*zeros"):
        check_study(load_scenario(path))


@pytest.mark.slow
def test_gulf_south(tmp_path: Path) -> None:
    path = lookalikes.gulf_south(tmp_path)
    result = run(load_scenario(path))
    assert_mass_balance(result)
    assert float(result.dataset["net_removal"].sum()) == pytest.approx(300_000, rel=1e-5)
    water = pd.read_csv(tmp_path / "water_by_county.csv").groupby("ba")["water_Mgal"].sum() * MGAL
    for zone in ("p89", "p90"):
        assert supply(result, "water", zone) == pytest.approx(float(water[zone]), rel=1e-6)
    residues = pd.read_csv(tmp_path / "biomass.csv")["residue_dry_t"].sum()
    assert float(result.dataset["supply_biomass"].sum()) == pytest.approx(residues, rel=0.02)
    assert list(result.tables["storage"]["capacity_mt"]) == [400.0, 900.0]


@pytest.mark.slow
def test_central_plain(tmp_path: Path) -> None:
    path = lookalikes.central_plain(tmp_path)
    result = run(load_scenario(path))
    assert_mass_balance(result)
    assert result.tables["storage"]["injected_mt_yr"].sum() == pytest.approx(10.3333, rel=1e-3)
    park = gpd.read_file(tmp_path / "WDPA.gpkg").iloc[:1].to_crs(result.grid.crs)
    region = gpd.read_file(tmp_path / "nuts1.gpkg").to_crs(result.grid.crs).union_all()
    shape = shapely.make_valid(park.geometry.iloc[0], method="structure").buffer(500)
    assert removed_km2(result, "iucn_cat") == pytest.approx(
        shape.intersection(region).area / 1e6, rel=0.05
    )
    limit = result.tables["methods"].set_index("method")["alone_limits"]
    assert "land" in limit["afforestation"]


def test_columns_of_a_table_and_the_empty_ones_of_a_file(tmp_path: Path) -> None:
    path = lookalikes.rhineland(tmp_path)
    assert "Name" in gpd.read_file(tmp_path / "formations.kml").columns  # and in no row
    scenario = load_scenario(path)
    assert [str(n) for n in open_layers(reaching(scenario)).text("storage", "NAME")] == [
        "Bördemulde",
        "Münster",
    ]


def test_features_that_are_all_empty_are_said_to_be_so(tmp_path: Path) -> None:
    path = lookalikes.rhineland(tmp_path)
    text = (tmp_path / "formations.kml").read_text()
    (tmp_path / "formations.kml").write_text(text.replace("outerBoundaryIs", "outerRing"))
    with pytest.raises(DataError, match="no feature has a geometry; got 2 empty ones"):
        check_study(load_scenario(path))
