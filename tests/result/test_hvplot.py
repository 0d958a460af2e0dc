"""hvplot draws an opened run as it draws any dataset, table or layer: the values of the cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_scenario import write_world

import cdrsite

pytest.importorskip("hvplot", reason="pip install hvplot")
pytestmark = pytest.mark.filterwarnings("ignore")  # those of the drawing libraries


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> cdrsite.StudyResult:
    import hvplot.pandas
    import hvplot.xarray  # noqa: F401

    folder: Path = tmp_path_factory.mktemp("world")
    result = cdrsite.run(write_world(folder))
    return cdrsite.open_run(result.write(folder / "run"))


def test_a_map_is_an_image_of_its_cells(run: cdrsite.StudyResult) -> None:
    values = run.dataset["net_removal"]
    image = values.hvplot.image("x", "y")
    drawn = image.dimension_values("net_removal", flat=False)
    expected = values.compute().sortby("y").to_numpy()
    np.testing.assert_array_equal(drawn, expected)
    assert values.attrs["long_name"] in image.get_dimension("net_removal").label


def test_each_method_has_its_map(run: cdrsite.StudyResult) -> None:
    drawn = run.dataset["cost"].hvplot.image("x", "y", groupby="removal_method", dynamic=False)
    assert set(drawn.keys()) == set(run.dataset["removal_method"].to_numpy())


def test_codes_of_states_can_be_left_out(run: cdrsite.StudyResult) -> None:
    winner, methods = run.dataset["winner"], run.dataset.sizes["removal_method"]
    image = winner.where(winner < methods).hvplot.image("x", "y")
    drawn = image.dimension_values("winner", flat=False)
    codes = winner.compute().sortby("y").to_numpy()
    np.testing.assert_array_equal(drawn, np.where(codes < methods, codes, np.nan))
    assert 0 < np.isnan(drawn).sum() < drawn.size


def test_layers_lie_on_the_maps(run: cdrsite.StudyResult) -> None:
    import holoviews

    pytest.importorskip("geoviews", reason="pip install geoviews: hvplot draws vectors with it")
    sites = run.features["sites"].hvplot.points()
    drawn = holoviews.render(run.dataset["net_removal"].hvplot.image("x", "y") * sites)
    west, south, east, north = run.grid.bounds
    assert west <= drawn.x_range.start < drawn.x_range.end <= east
    assert south <= drawn.y_range.start < drawn.y_range.end <= north


def test_tables_are_drawn_too(run: cdrsite.StudyResult) -> None:
    bars = run.tables["methods"].hvplot.bar("method", "net_mt_yr")
    np.testing.assert_allclose(
        bars.dimension_values("net_mt_yr"), run.tables["methods"]["net_mt_yr"]
    )
