"""Circles of tonnes on a matplotlib map: nothing hides them, and states stay what they are."""

from __future__ import annotations

import geopandas as gpd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.patches import Patch

from cdrsite.outputs.circles import draw_circles
from cdrsite.outputs.palette import METHOD_COLOURS, STATE_COLOURS

METHODS = tuple(METHOD_COLOURS)


def axes() -> Axes:
    """Axes of a map of 100 by 80."""
    ax = Figure(figsize=(6, 5)).subplots()
    ax.set_xlim(0, 100)
    ax.set_ylim(0, 80)
    return ax


def circles(places: list[tuple[float, float, float]]) -> gpd.GeoDataFrame:
    x, y, tonnes = zip(*places, strict=True)
    table = {"method": METHODS[0], "net_t_yr": tonnes}
    return gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(x, y), crs=3035)


@pytest.mark.parametrize("taken", [(95, 75), (5, 5), (5, 75), (95, 5)])
def test_the_legend_of_sizes_stands_where_the_fewest_tonnes_are(taken: tuple[int, int]) -> None:
    ax = axes()
    # some tonnes in every corner, most of them in one
    corners = [(x, y, 2e4 if (x, y) == taken else 10.0) for x in (5, 95) for y in (5, 75)]
    draw_circles(ax, circles([*corners, (50, 40, 1e5)]), METHODS)
    figure = ax.get_figure()
    assert isinstance(figure, Figure)
    figure.canvas.draw()
    sizes = next(
        one for one in ax.get_children() if isinstance(one, Legend) and one.get_title().get_text()
    )
    box = sizes.get_window_extent()
    assert not box.contains(*ax.transData.transform(taken))
    assert not box.contains(*ax.transData.transform((50, 40)))


def test_below_circles_methods_turn_pale_and_states_keep_their_colours() -> None:
    """A circle on land of its own method has its colour; no method has that of a state."""
    ax = axes()
    methods, states = list(METHOD_COLOURS.values()), list(STATE_COLOURS.values())
    colours = [*methods, *states]
    ax.imshow([range(len(colours))], cmap=ListedColormap(colours), extent=(0, 100, 0, 80))
    ax.legend(handles=[Patch(facecolor=colour, label=colour) for colour in colours])
    draw_circles(ax, circles([(50, 40, 1e5)]), METHODS)
    cmap = ax.images[0].get_cmap()
    legend = ax.get_legend()
    assert legend is not None
    for found in (
        [to_hex(cmap(at)).upper() for at in range(len(colours))],
        [to_hex(patch.get_facecolor()).upper() for patch in legend.get_patches()],
    ):
        assert found[len(methods) :] == states
        assert not {*found[: len(methods)]} & {*methods, *states}
