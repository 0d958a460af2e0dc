"""Circles of tonnes: all tonnes of a plan, each where it is, in sizes that can be read."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from tiny_study import ALLOCATED, METHODS, tiny_dataset, tiny_grid, tiny_result

import cdrsite.report.accessor  # noqa: F401 - registers the accessor
from cdrsite.core.words import Words
from cdrsite.outputs.maps import draw_ground
from cdrsite.outputs.palette import METHOD_COLOURS
from cdrsite.outputs.styles import StyleRule, Symbol
from cdrsite.outputs.tonnes import plan_circles, round_sizes, sized
from cdrsite.outputs.vectors import vector_layers


def test_circles_hold_all_tonnes_of_the_plan_and_stand_in_their_middle() -> None:
    grid = tiny_grid()
    data = tiny_dataset(grid)
    gross = np.zeros((2, 4, 5))
    gross[0, 1, 0], gross[1, 3, 4] = 10.0, 3e6
    gross[0, 2, 1] = 5.0  # excluded: it removes nothing
    data["allocated"].values[:] = gross
    circles = plan_circles(data, grid)
    assert list(circles["method"]) == [METHODS[1], METHODS[0]]  # the largest first
    assert circles["net_t_yr"].to_numpy() == pytest.approx([0.8 * 3e6, 8.0], rel=1e-6)
    assert list(circles["cells"]) == [1, 1]
    assert (circles.geometry.x[0], circles.geometry.y[0]) == (grid.x[4], grid.y[3])


def test_one_square_stands_in_the_middle_of_its_tonnes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cdrsite.outputs.tonnes.SQUARES", 1)
    monkeypatch.setattr("cdrsite.outputs.tonnes.ROWS", 1)  # blocks change nothing
    grid = tiny_grid()
    data = tiny_dataset(grid)
    data["allocated"].values[:] = 0.0
    data["allocated"].values[0, 1, 0], data["allocated"].values[0, 1, 1] = 30.0, 10.0
    (circle,) = plan_circles(data, grid).itertuples()
    assert circle.geometry.x == pytest.approx(0.75 * grid.x[0] + 0.25 * grid.x[1])
    assert circle.geometry.y == pytest.approx(grid.y[1])
    assert (circle.net_t_yr, circle.cells) == (pytest.approx(32.0), 2)


@pytest.mark.parametrize("gathered", [1.0, 0.95, 0.5])
def test_plants_stand_for_the_tonnes_that_they_gather(gathered: float) -> None:
    """What they leave stays where the method's cells are; nothing is lost or counted twice."""
    grid = tiny_grid()
    data = tiny_dataset(grid)
    total = float(np.nansum(ALLOCATED)) * gathered
    points = gpd.points_from_xy([4.001e6, 4.004e6], [3.001e6] * 2)
    plants = gpd.GeoDataFrame(
        {"method": METHODS[0], "gross_t_yr": [0.75 * total, 0.25 * total], "cells": [3, 1]},
        geometry=points, crs=grid.wkt,
    )  # fmt: skip
    alone, circles = plan_circles(data, grid), plan_circles(data, grid, plants)
    assert circles["net_t_yr"].sum() == pytest.approx(alone["net_t_yr"].sum())
    net = circles["net_t_yr"] / circles["net_t_yr"].sum()
    places = dict(zip(circles.geometry.x, net, strict=True))
    assert places[4.001e6] == pytest.approx(0.75 * gathered)
    assert places[4.004e6] == pytest.approx(0.25 * gathered)
    left = circles[~circles.geometry.x.isin([4.001e6, 4.004e6])]
    if gathered == 1.0:
        assert left.empty
    else:
        assert set(left.geometry.x) == set(alone.geometry.x)
        at = {circle.geometry.x: circle.net_t_yr for circle in alone.itertuples()}
        for circle in left.itertuples():
            assert circle.net_t_yr == pytest.approx((1 - gathered) * at[circle.geometry.x])


def test_plants_of_one_place_have_one_circle() -> None:
    """Circles of one place hide each other, and so most of the tonnes."""
    grid = tiny_grid()
    data = tiny_dataset(grid)
    gross = [float(np.nansum(ALLOCATED)) / 4] * 4
    plants = gpd.GeoDataFrame(
        {"method": METHODS[0], "gross_t_yr": gross, "cells": [2, 1, 1, 1]},
        geometry=gpd.points_from_xy([4.001e6, 4.001e6, 4.004e6, 4.001e6], [3.001e6] * 4),
        crs=grid.wkt,
    )
    circles = plan_circles(data, grid, plants)
    assert list(circles.geometry.x) == [4.001e6, 4.004e6] and list(circles["cells"]) == [4, 1]
    assert list(circles["net_t_yr"] / circles["net_t_yr"].sum()) == pytest.approx([0.75, 0.25])


@given(st.floats(1e-3, 1e12))
def test_sizes_of_a_legend_are_round_and_span_the_circles(most: float) -> None:
    sizes = round_sizes(most)
    assert len(sizes) == 3
    assert most / 2.6 <= sizes[0] <= most * (1 + 1e-9)
    for size in sizes:
        digits = f"{size:.0e}"
        assert digits[0] in "125" and float(digits) == pytest.approx(size)
    for large, small in pairwise(sizes):
        assert large / small * (1 + 1e-9) >= 4 and large / small <= 10 * (1 + 1e-9)


def test_nothing_has_no_sizes() -> None:
    assert round_sizes(0.0) == round_sizes(float("nan")) == []


def test_the_area_of_a_marker_grows_with_its_tonnes(tmp_path: Path) -> None:
    result = tiny_result(tmp_path)
    layer = next(one for one in vector_layers(result, Words()) if one.name == "tonnes")
    most = layer.frame["net_t_yr"].max()
    classes = [rule.symbol for rule in layer.rules if rule.filter != "FALSE"]
    signs = [rule for rule in layer.rules if rule.filter == "FALSE"]
    assert all('sqrt("net_t_yr")' in symbol.grows for symbol in classes)
    for rule, size in zip(signs, round_sizes(most), strict=True):
        # twice the diameter is four times the tonnes
        assert rule.symbol.size == pytest.approx(12.0 * (size / most) ** 0.5)
        assert rule.label.endswith("Mt/yr")


def test_a_notebooks_picture_has_circles_and_both_legends() -> None:
    ax = tiny_dataset(tiny_grid()).cdr.plot("winner")
    (points,) = ax.collections
    assert len(points.get_offsets()) == len(plan_circles(tiny_dataset(tiny_grid()), tiny_grid()))
    below = ax.get_legend()
    assert below is not None and Words().method(METHODS[0]) in {
        entry.get_text() for entry in below.get_texts()
    }
    legends = [child for child in ax.get_children() if type(child).__name__ == "Legend"]
    assert len(legends) == 2
    assert any(one.get_title().get_text() == "net removal" for one in legends)


def test_land_below_circles_is_pale_on_the_map_and_in_its_legend() -> None:
    """A circle on land of its own method would have the colour of the land."""
    ax = tiny_dataset(tiny_grid()).cdr.plot("winner")
    legend = ax.get_legend()
    assert legend is not None and ax.images
    # mixed with white, not see-through: SVG and PDF apply the opacity of a picture twice
    assert {one.get_alpha() for one in (*ax.images, *legend.get_patches())} == {None}
    colour = to_rgb(METHOD_COLOURS[METHODS[0]])
    pale = tuple(0.6 + 0.4 * part for part in colour)
    drawn = [image.get_cmap()(0)[:3] for image in ax.images]
    assert any(one == pytest.approx(pale) for one in drawn)
    assert any(patch.get_facecolor()[:3] == pytest.approx(pale) for patch in legend.get_patches())
    assert any(tuple(one[:3]) == pytest.approx(colour) for one in ax.collections[0].get_facecolor())


def test_the_ground_of_circles_is_the_region_and_nothing_beyond() -> None:
    grid = tiny_grid()
    winner = tiny_dataset(grid)["winner"].copy()
    winner.values[0, 0] = 255  # outside: no class
    _, ax = plt.subplots()
    draw_ground(winner, grid, ax)
    (image,) = ax.images
    filled = ~np.ma.getmaskarray(image.get_array())
    names = dict(
        zip(winner.attrs["flag_values"], winner.attrs["flag_meanings"].split(), strict=True)
    )
    known = [code for code, name in names.items() if name != "outside"]
    assert (filled == np.isin(winner.to_numpy(), known)).all()
    assert filled.any() and not filled[0, 0]
    plt.close()


def test_what_is_looked_at_stays_as_it_was() -> None:
    """Also where the maps are float64, of which NumPy makes no copy by itself."""
    data = tiny_dataset(tiny_grid())
    data = data.assign(
        {name: data[name].astype(np.float64) for name in ("allocated", "net_factor")}
    )
    before = data["allocated"].to_numpy().tobytes()
    plan_circles(data, tiny_grid())
    assert data["allocated"].to_numpy().tobytes() == before


def test_circles_of_one_map_are_on_one_scale() -> None:
    marker = [StyleRule("", "a", Symbol("marker", "#000000"))]
    alone, beside = (sized(marker, "t", [1e5], largest=most)[0] for most in (0.0, 1.6e6))
    factor = [float(one.symbol.grows.split("* sqrt")[0].split()[-1]) for one in (alone, beside)]
    assert factor[0] == pytest.approx(4 * factor[1])
    assert sized(marker, "t", [0.0], largest=1e6) == marker  # nothing has no sizes
