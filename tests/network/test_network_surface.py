"""A case without arcs: corridors over a cost surface, against routes counted by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import network_csv
import numpy as np
import pytest
from tiny_scenario import write_raster

from cdrsite.cli.network import run_network
from cdrsite.core.errors import CdrsiteError
from cdrsite.network.casefiles import read_tables
from cdrsite.network.tables import problem_of

WEST, NORTH = 500_000.0, 5_600_000.0
CRS = "EPSG:32632"


def place(row: int, col: int) -> str:
    from pyproj import Transformer

    x, y = WEST + (col + 0.5) * 1000, NORTH - (row + 0.5) * 1000
    lon, lat = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform(x, y)
    return f"{lon:.7f},{lat:.7f}"


def world(folder: Path, values: Any, *, sources: str = "", sinks: str = "") -> Path:
    """A case of one source and one sink in a row of cells, and its surface."""
    network_csv.case(folder)
    (folder / "arcs.csv").unlink()
    head = "id,lon,lat,capture_max_mt_yr,variable_usd_t\n"
    (folder / "sources.csv").write_text(head + (sources or f"1,{place(0, 0)},5,5\n"))
    head = "id,lon,lat,capacity_mt,injection_usd_t\n"
    (folder / "sinks.csv").write_text(head + (sinks or f"1,{place(0, 6)},200,4\n"))
    return write_raster(
        folder / "cost.tif", np.asarray(values, np.float32), west=WEST, north=NORTH, crs=CRS,
        nodata=-1,
    )  # fmt: skip


def test_the_pipe_lies_on_cheap_ground_and_costs_what_the_surface_says(tmp_path: Path) -> None:
    values = np.ones((5, 7))
    values[:, 2:5] = 3.0
    surface = world(tmp_path, values)
    (plan,) = run_network(tmp_path, surface=surface, target=2)
    # two km of plain ground, one and one at the edges of mean 2, two of 3: 2 + 4 + 6
    weight = 2 * 1 + 2 * 2 + 2 * 3
    assert plan.costs.transport == pytest.approx(0.1 * weight * (0.4 + 0.1 * 2), rel=1e-6)
    assert sum(pipe.length_km for pipe in plan.pipes) == pytest.approx(6.0, rel=1e-3)
    # the way round costs less where the middle is a wall with a gap in the last row
    values[:4, 2:5], values[4] = -1, 1
    surface = world(tmp_path, values)
    (round_it,) = run_network(tmp_path, surface=surface, target=2)
    assert sum(pipe.length_km for pipe in round_it.pipes) > 8
    assert round_it.status == "optimal"


def test_sources_share_a_trunk(tmp_path: Path) -> None:
    sources = f"1,{place(0, 0)},1,5\n2,{place(4, 0)},1,5\n3,{place(2, 1)},1,5\n"
    surface = world(tmp_path, np.ones((5, 30)), sources=sources, sinks=f"1,{place(2, 29)},200,4\n")
    (plan,) = run_network(tmp_path, surface=surface, target=3)
    assert max(pipe.flow_mt_yr for pipe in plan.pipes) == pytest.approx(3.0)
    assert sum(pipe.length_km for pipe in plan.pipes) < 40
    tables = read_tables(tmp_path, surface)
    problem = problem_of(tables)
    assert {s.node for s in (*problem.sources, *problem.sinks)} <= set(tables.points)
    assert {arc.id for arc in problem.arcs} == set(tables.lines)


@pytest.mark.slow
def test_the_command_writes_routes(tmp_path: Path) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    surface = world(folder, np.ones((5, 7)))
    command = [sys.executable, "-m", "cdrsite.cli.main", "network", str(folder)]
    run = subprocess.run(
        [*command, "--surface", str(surface), "--target", "2", "--json", "--out",
         str(tmp_path / "out")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(run.stdout)["status"] == "optimal"
    shapes = json.loads((tmp_path / "out" / "network.geojson").read_text())["features"]
    assert {one["properties"]["kind"] for one in shapes} == {"source", "sink", "pipe"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"arcs": True}, "a case has arcs and a cost surface"),
        ({"values": np.zeros((5, 7))}, r"cost.tif: row 1, column 1: a cost is not above 0; got 0"),
        ({"sources": "1,0.0,0.0,5,5\n"}, r"sources.csv:2: place is outside the cost surface"),
        ({"sources": "1,east,0.0,5,5\n"}, r"sources.csv:2: a place is no longitude and latitude"),
        ({"gone": True}, "cost surface is missing"),
        ({"text": True}, "not a readable raster"),
    ],
)
def test_what_cannot_be_routed_is_refused(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    surface = world(
        tmp_path, change.get("values", np.ones((5, 7))), sources=change.get("sources", "")
    )
    if "arcs" in change:
        (tmp_path / "arcs.csv").write_text(network_csv.ARCS)
    if "gone" in change:
        surface.unlink()
    if "text" in change:
        surface.write_text("no raster")
    with pytest.raises(CdrsiteError, match=words):
        run_network(tmp_path, surface=surface, target=2)
