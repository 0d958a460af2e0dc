"""The plan as dots: as many as its tonnes make, of one size, where the tonnes are."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer
from tiny_study import ALLOCATED, METHODS, tiny_dataset, tiny_grid

from cdrsite.core.words import Words
from cdrsite.report import dots
from cdrsite.report.dots import dot_layer, dotted


@given(
    st.lists(st.floats(0, 1e6) | st.just(0.0), min_size=1, max_size=40),
    st.floats(1.0, 1e5),
)
def test_each_dot_stands_for_its_tonnes(net: list[float], each: float) -> None:
    cells = dotted(net, each)
    assert abs(cells.size * each - sum(net)) <= 0.5 * each * (1 + 1e-6) + 1e-6 * sum(net)
    assert (np.diff(cells) >= 0).all()
    # up to any cell the dots are the tonnes so far, to half a dot
    sums = np.cumsum(net)
    for cell in range(len(net)):
        assert (
            abs((cells <= cell).sum() * each - sums[cell])
            <= 0.5 * each * (1 + 1e-6) + 1e-6 * (sums[-1])
        )


def test_dots_written_out() -> None:
    assert dotted([0.0, 10.0, 0.0, 25.0, 5.0], 10.0).tolist() == [1, 3, 3, 3]
    assert dotted([-5.0, 4.0], 10.0).size == 0 and dotted([], 1.0).size == 0
    assert dotted([3.0, 3.0, 4.0], 10.0).tolist() == [1]


@pytest.mark.parametrize("crs", ["EPSG:3035", "EPSG:4326"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_dots_lie_in_the_cells_that_remove(
    crs: str, lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dots, "MOST_DOTS", 30)
    monkeypatch.setattr(dots, "APART", 1e-6)
    grid = tiny_grid(crs)
    layer = dot_layer(tiny_dataset(grid), grid, Words(lang))
    assert layer is not None and not layer["shown"] and layer["title"]
    assert [shape["title"] for shape in layer["shapes"]] == [Words(lang).method(METHODS[0])]
    (shape,) = layer["shapes"]
    net = np.nan_to_num(ALLOCATED) * 0.8  # net factor of every cell of the plan
    assert shape["size"] == 20.0  # 504 t/yr in at most 30 dots: 1, 2 or 5 times a power of ten
    points = np.array(shape["geometry"]["coordinates"])
    assert len(points) == round(net.sum() / 20.0)
    x, y = Transformer.from_crs("EPSG:4326", grid.crs, always_xy=True).transform(*points.T)
    cols = np.floor((np.array(x) - grid.west) / grid.resolution).astype(int)
    rows = np.floor((grid.north - np.array(y)) / grid.resolution).astype(int)
    found = np.zeros(net.shape)
    np.add.at(found, (rows, cols), 20.0)
    assert (net[found > 0] > 0).all() and (np.abs(found - net) <= 20.0).all()
    json.dumps(layer)


def test_nothing_planned_and_large_grids_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = tiny_grid()
    data = tiny_dataset(grid)
    nothing = data.assign(allocated=data["allocated"] * 0.0)
    assert dot_layer(nothing, grid, Words("en")) is None
    assert dot_layer(data.drop_vars("allocated"), grid, Words("en")) is None
    monkeypatch.setattr(dots, "MOST_CELLS", grid.size - 1)
    assert dot_layer(data, grid, Words("en")) is None
