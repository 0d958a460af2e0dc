"""Draw the picture of the README from a run of the demo.

``python notebooks/make_picture.py [PICTURE]`` runs the demo (about half a minute) and writes
``notebooks/images/demo.png``, or PICTURE.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

import cdrsite
from cdrsite.cli.demo import demo_folder
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.outputs.circles import draw_circles
from cdrsite.outputs.maps import draw
from cdrsite.outputs.palette import method_colour
from cdrsite.outputs.tonnes import plan_circles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from cdrsite.result.study_result import StudyResult

SIZE = (13.0, 7.0)
"""Of the picture [inch]."""
DPI = 125
INK = "#222222"
PLAIN = "#8A8A8A"
SHOWN_SHARE = 0.99
"""Part of the tonnes that the axis of costs reaches; a few dear ones would squeeze the rest."""
PIPE_WIDTH = 0.5
"""Width of a pipe for the square root of 1 Mt/yr, over the narrowest [point]."""
PLANT: dict[str, Any] = {
    "linestyle": "", "marker": "s", "markersize": 4.0, "markerfacecolor": "white",
    "markeredgecolor": INK,
}  # fmt: skip
"""How a plant is drawn; its tonnes are a circle."""
STYLE: dict[Any, Any] = {
    "font.size": 9.5,
    "axes.edgecolor": "#888888",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlesize": 11,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def main(path: Path) -> None:
    """Run the demo and save the picture."""
    result = cdrsite.run(cdrsite.load_scenario(demo_folder("config") / "demo.yaml"))
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(result).savefig(path, dpi=DPI, metadata={"Software": None})


def picture(result: StudyResult) -> Figure:
    """The plan on the map, what a tonne costs, and what stops it.

    Parameters
    ----------
    result : StudyResult
        Of a study with plants and pipes.

    Returns
    -------
    Figure
    """
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12, hspace=0.06)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=SIZE, layout=layout)
        axes = figure.subplot_mosaic(
            [["plan", "curve"], ["plan", "owed"]],
            width_ratios=(1.75, 1.0),
            height_ratios=(1.6, 1.0),
        )
        draw_plan(axes["plan"], result)
        draw_curve(axes["curve"], result)
        draw_owed(axes["owed"], result)
    return figure


def draw_plan(ax: Axes, result: StudyResult) -> None:
    """Map of where the tonnes are, over the land that each method uses, with storage and pipes."""
    draw(result.dataset["winner"], result.grid, ax=ax)
    plants = result.features["plants"]
    draw_circles(ax, plan_circles(result.dataset, result.grid, plants), result.methods)
    legend = ax.get_legend()
    classes = [] if legend is None else legend.get_patches()
    if legend is not None:
        legend.remove()  # it comes back with what is drawn over the map
    _storage(ax, result)
    pipes = result.features["pipes"].sort_values("flow_t_yr", ascending=False)
    for line, flow in zip(pipes.geometry, pipes["flow_t_yr"] / 1e6, strict=True):
        width = 1.0 + 2.0 * PIPE_WIDTH * np.sqrt(flow)
        ax.plot(*line.xy, color="white", lw=width + 1.4, solid_capstyle="round", zorder=3)
        ax.plot(*line.xy, color=INK, lw=width, solid_capstyle="round", zorder=4)
    for circles in ax.collections:
        if not circles.get_hatch():
            circles.set_zorder(5)  # over the pipes
    ax.plot(plants.geometry.x, plants.geometry.y, **PLANT, zorder=6)
    ax.axis("off")
    total = result.summary["net_mt_yr"]
    ax.set_title(f"Plan for a synthetic basin: {total:.1f} Mt of CO₂ removed a year, net")
    _scale_bar(ax)
    _legend(ax, classes)


def _storage(ax: Axes, result: StudyResult) -> None:
    """Outlines and names of the storage units."""
    units = result.features["storage"]
    units.plot(
        ax=ax,
        facecolor="none",
        edgecolor=RESOURCES["storage"].colour,
        hatch="///",
        lw=1.2,
        zorder=2,
    )
    halo = [withStroke(linewidth=2.5, foreground="white")]
    for name, shape in zip(units["unit"], units.geometry, strict=True):
        x, top = shape.centroid.x, shape.bounds[3]
        ax.annotate(
            name, (x, top), xytext=(0, 3), textcoords="offset points", ha="center", fontsize=8,
            color=RESOURCES["storage"].colour, path_effects=halo, zorder=6,
        )  # fmt: skip


def _scale_bar(ax: Axes, km: float = 50.0) -> None:
    west, east = ax.get_xlim()
    south, _ = ax.get_ylim()
    x = west + 0.01 * (east - west)
    ax.plot([x, x + 1000 * km], [south, south], color=INK, lw=2.5, solid_capstyle="butt")
    ax.annotate(
        f"{km:g} km", (x + 500 * km, south), xytext=(0, 4), textcoords="offset points", ha="center"
    )


def _legend(ax: Axes, classes: Sequence[Patch]) -> None:
    """Classes of the map in words, then what is drawn over it."""
    patches = [Patch(facecolor=patch.get_facecolor(), label=patch.get_label()) for patch in classes]
    violet = RESOURCES["storage"].colour
    drawn = [
        Patch(facecolor="none", edgecolor=violet, hatch="///", label="CO₂ storage"),
        Line2D([], [], color=INK, lw=2.5, label="pipeline, by flow"),
        Line2D([], [], **PLANT, label="plant"),
    ]
    ax.legend(
        handles=[*patches, *drawn], loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=3,
        frameon=False, fontsize=9,
    )  # fmt: skip


def draw_curve(ax: Axes, result: StudyResult) -> None:
    """How much of the plan costs no more than so much, stacked by method."""
    table = result.tables["supply_curve"]
    cost = table["cost_to_usd_t"].to_numpy()
    base = np.zeros(len(table))
    by_cost = result.tables["methods"].sort_values("mean_cost_usd_t")["method"]
    for name in (name for name in by_cost if name in table):
        top = base + table[name].cumsum().to_numpy()
        ax.fill_between(cost, base, top, step="post", color=method_colour(name), linewidth=0)
        base = top
    total, mean = base[-1], result.summary["mean_cost_usd_t"]
    ax.axvline(mean, color=INK, lw=0.8, ls=(0, (4, 3)))
    ax.annotate(
        f"mean {mean:.0f}", (mean, total), xytext=(-4, 0), textcoords="offset points",
        ha="right", va="top",
    )  # fmt: skip
    shown = np.searchsorted(base, SHOWN_SHARE * total)
    ax.set_xlim(0, cost[shown])
    ax.set_ylim(0, 1.02 * total)
    ax.set(xlabel="cost up to [USD per net t]", ylabel="net removal [Mt/yr]")
    ax.set_title("What a tonne costs")


def draw_owed(ax: Axes, result: StudyResult) -> None:
    """Bars of how much of the removal is owed to each scarce resource."""
    owed = owed_to(result)
    # some resources have the colour of a method; here the names stand beside the bars
    violet = RESOURCES["storage"].colour
    ax.barh(owed.index, owed, color=[violet if "CO₂" in name else PLAIN for name in owed.index])
    for place, value in enumerate(owed):
        text = f"{value:.1f}" if value >= 0.1 else f"{value:.2f}"
        ax.annotate(text, (value, place), xytext=(4, 0), textcoords="offset points", va="center")
    ax.margins(x=0.12)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("net removal owed to it [Mt/yr]")
    ax.set_title("What binds")


def owed_to(result: StudyResult) -> pd.Series:
    """Removal that is owed to each scarce resource, smallest first [Mt/yr].

    The sum is the removal of the plan: in an optimum of a linear programme all of it is owed to
    what is scarce. What cells' own residues are owed is the rest, as the plan lists no price of it.
    """
    pools = result.tables["pools"]
    shared = (pools["price"] * pools["supply"]).groupby(pools["family"]).sum() / 1e6
    dataset = result.dataset
    removed = (dataset["allocated"] * dataset["net_factor"]).sum("removal_method")
    rent = dataset["land_price"] * dataset["usable_land"].max("removal_method")
    rent = rent.where(rent < removed, removed)  # a cell owes its land no more than it removes
    owed = {
        "water": shared.get("water", 0.0),
        "electricity": shared.get("electricity", 0.0),
        "CO₂ injection": shared.get("injectivity", 0.0) + shared.get("pore space", 0.0),
        "land": float(rent.sum()) / 1e6,
    }
    owed["residues"] = max(result.summary["net_mt_yr"] - sum(owed.values()), 0.0)
    return pd.Series(owed).sort_values()


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else here / "images" / "demo.png")
