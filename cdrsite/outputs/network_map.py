"""The picture of a designed network: pipes as wide as their flow, over what could be built."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.numbers import number, round_below
from cdrsite.network.design import NetworkPlan
from cdrsite.network.problem import NetworkProblem

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cdrsite.network.places import Places

SOURCE, SINK, PIPE, CANDIDATE = "#D55E00", "#0072B2", "#333333", "#C4C4C4"
"""Okabe and Ito's vermilion and blue, which colour-blind readers can tell apart."""
WIDEST = 7.0
"""Width of the largest flow [points]."""
LARGEST = 300.0
"""Area of the largest circle [square points]."""
KM_PER_DEGREE = 111.195
"""Of latitude, on a sphere of 6371 km."""


def write_map(
    folder: Path, plan: NetworkPlan, problem: NetworkProblem, places: Places
) -> tuple[Path, Path]:
    """Write the map as ``plan.png`` and ``plan.svg``; same plan, same bytes (rule 9).

    Parameters
    ----------
    folder : Path
        Where to.
    plan, problem, places
        The plan, what it was designed for, and where nodes and arcs are.

    Returns
    -------
    (Path, Path)
        The two files.
    """
    import matplotlib as mpl

    figure = draw_plan(plan, problem, places)
    png, svg = folder / "plan.png", folder / "plan.svg"
    figure.savefig(png, dpi=160, bbox_inches="tight", metadata={"Software": None})
    with mpl.rc_context({"svg.hashsalt": "cdrsite", "svg.fonttype": "none"}):
        figure.savefig(svg, bbox_inches="tight", metadata={"Date": None, "Creator": None})
    return png, svg


def draw_plan(plan: NetworkPlan, problem: NetworkProblem, places: Places) -> Figure:
    """Draw a plan.

    Parameters
    ----------
    plan, problem, places
        The plan, what it was designed for, and where nodes and arcs are.

    Returns
    -------
    Figure
        One map with legend and scale bar.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 7.0), layout="constrained")
    ax = figure.add_subplot()
    most = max((pipe.flow_mt_yr for pipe in plan.pipes), default=0.0) or 1.0
    amounts = [s.captured_mt_yr for s in plan.sources] + [s.stored_mt_yr for s in plan.sinks]
    top = max(amounts, default=0.0) or 1.0  # sites that are forced may stay empty
    routes = [places.route(arc.id, arc.tail, arc.head) for arc in problem.arcs]
    lines = [np.asarray(line) for line in routes if line is not None]
    ax.add_collection(LineCollection(lines, colors=CANDIDATE, linewidths=0.7, zorder=1))
    _pipes(ax, plan, places, most)
    _terminals(ax, plan, problem, places, top)
    _frame(ax, problem, places)
    _scale_bar(ax, geographic=_geographic(places.crs))
    _legend(ax, most, top)
    gap = "optimal" if plan.status == "optimal" else f"{plan.status}, gap {100 * plan.gap:.2g} %"
    ax.set_title(
        f"{problem.name}: {plan.captured_mt_yr:.4g} Mt CO₂/yr, "
        f"{number(plan.costs.total)} million USD/yr, {number(plan.cost_usd_t)} USD/t ({gap})",
        fontsize=10,
    )
    return figure


def _pipes(ax: Axes, plan: NetworkPlan, places: Places, most: float) -> None:
    spots = np.array(list(places.points.values()))
    least = 0.06 * float(np.max(np.ptp(spots, axis=0)))
    for pipe in sorted(plan.pipes, key=lambda pipe: pipe.flow_mt_yr):
        line = places.route(pipe.arc, pipe.tail, pipe.head)
        if line is None:
            continue
        xy = np.asarray(line)
        width = _width(pipe.flow_mt_yr, most)
        ax.plot(*xy.T, color=PIPE, linewidth=width, solid_capstyle="round", zorder=2)
        _arrow(ax, xy, width, least)


def _arrow(ax: Axes, xy: np.ndarray, width: float, least: float) -> None:
    """Put the direction of the flow at the middle of a line that is long enough to show it."""
    steps = np.hypot(*np.diff(xy, axis=0).T)
    way = np.concatenate([[0.0], np.cumsum(steps)])
    if way[-1] < least:
        return
    middle = 0.5 * way[-1]
    reach = 0.35 * least  # a chord this long smooths the steps of a route over cells
    at = (middle - reach, middle, middle + reach)
    start, centre, end = np.column_stack([np.interp(at, way, axis) for axis in xy.T])
    chord = 0.02 * (end - start)
    thick = width > 3.5
    ax.annotate(
        "", xy=tuple(centre + chord), xytext=tuple(centre - chord), zorder=2.5,
        arrowprops={
            "arrowstyle": "-|>,head_length=0.5,head_width=0.28", "linewidth": 0.0, "shrinkA": 0,
            "shrinkB": 0, "color": "white" if thick else PIPE,
            "mutation_scale": 1.7 * width if thick else 16.0 + width,
        },
    )  # fmt: skip


def _width(flow: float, most: float) -> float:
    return max(0.9, WIDEST * flow / most)


def _terminals(
    ax: Axes, plan: NetworkPlan, problem: NetworkProblem, places: Places, top: float
) -> None:
    from matplotlib.patheffects import withStroke

    kinds = (
        (problem.sources, {s.id: s.captured_mt_yr for s in plan.sources}, SOURCE),
        (problem.sinks, {s.id: s.stored_mt_yr for s in plan.sinks}, SINK),
    )
    middle = float(np.mean([spot[0] for spot in places.points.values()]))
    for items, used, colour in kinds:
        for item in items:
            spot = places.points.get(str(item.node))
            if spot is None:
                continue
            amount = used.get(item.id, 0.0)
            face = colour if amount > 0 else "white"
            area = max(30.0, LARGEST * amount / top) if amount > 0 else 16.0
            ax.scatter(*spot, s=area, facecolor=face, edgecolor="white" if amount else colour,
                       linewidth=0.9, zorder=3 if amount else 1.5)  # fmt: skip
            if amount > 0:
                label = f"{item.name or item.id}\n{amount:.3g} Mt/yr"
                # towards the middle of the map, so that no label leaves it
                side = 1 if spot[0] <= middle else -1
                offset = side * (0.5 * math.sqrt(area) + 2.0)
                ax.annotate(
                    label, spot, xytext=(offset, 0), textcoords="offset points", va="center",
                    ha="left" if side > 0 else "right", fontsize=7.5, color=colour,
                    zorder=4, linespacing=1.1,
                    path_effects=[withStroke(linewidth=2.2, foreground="white")],
                )  # fmt: skip


def _geographic(crs: str) -> bool:
    from pyproj import CRS

    return bool(CRS.from_user_input(crs).is_geographic)


def _frame(ax: Axes, problem: NetworkProblem, places: Places) -> None:
    named = [places.points[str(n)] for n in problem.nodes if str(n) in places.points]
    named += [spot for line in places.lines.values() for spot in line]
    xy = np.asarray(named)
    low, high = xy.min(axis=0), xy.max(axis=0)
    pad = 0.05 * np.maximum(high - low, 1e-9)
    ax.set_xlim(low[0] - pad[0], high[0] + pad[0])
    ax.set_ylim(low[1] - 2.2 * pad[1], high[1] + pad[1])
    ax.tick_params(labelsize=8)
    if _geographic(places.crs):
        middle = math.radians(float(low[1] + high[1]) / 2)
        ax.set_aspect(1 / max(math.cos(middle), 0.05))
        ax.set_xlabel("longitude [°]", fontsize=8)
        ax.set_ylabel("latitude [°]", fontsize=8)
    else:
        ax.set_aspect("equal")
        ax.set_xlabel(f"x, {places.crs}", fontsize=8)
        ax.set_ylabel(f"y, {places.crs}", fontsize=8)


def _scale_bar(ax: Axes, *, geographic: bool) -> None:
    """A bar of a round length near a sixth of the width; true at its own latitude."""
    west, east = ax.get_xlim()
    south, north = ax.get_ylim()
    y = south + 0.035 * (north - south)
    km = KM_PER_DEGREE * math.cos(math.radians(y)) if geographic else 1e-3
    length = round_below((east - west) * km / 6)
    x = west + 0.03 * (east - west)
    ax.plot([x, x + length / km], [y, y], color="black", linewidth=2.0, solid_capstyle="butt",
            zorder=5)  # fmt: skip
    ax.annotate(f"{length:g} km", (x, y), xytext=(0, 4), textcoords="offset points", fontsize=8)


def _legend(ax: Axes, most: float, top: float) -> None:
    from matplotlib.lines import Line2D

    handles: list[Any] = [
        Line2D([], [], color=PIPE, linewidth=_width(flow, most), label=f"{flow:g} Mt/yr")
        for flow in _samples(most)
    ]
    for amount in _samples(top)[-1:]:
        size = math.sqrt(LARGEST * amount / top)
        for word, colour in (("captured", SOURCE), ("stored", SINK)):
            handles.append(_dot(f"{amount:g} Mt/yr {word}", colour, colour, size))
    handles += [
        _dot("source, not used", "white", SOURCE, 4.0),
        _dot("sink, not used", "white", SINK, 4.0),
        Line2D([], [], color=CANDIDATE, linewidth=0.7, label="candidate route"),
    ]
    ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False,
              fontsize=8, labelspacing=1.25, title="Flow and amounts",
              title_fontsize=8)  # fmt: skip


def _dot(label: str, face: str, edge: str, size: float) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle="", marker="o", markersize=size, markerfacecolor=face,
                  markeredgecolor=edge, label=label)  # fmt: skip


def _samples(most: float) -> Sequence[float]:
    """Two or three round numbers up to the largest."""
    top = round_below(most)
    return [float(f"{share * top:.2g}") for share in (0.1, 0.4, 1.0)]
