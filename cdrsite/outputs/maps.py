"""Maps as matplotlib axes: the colours of the files, units, classes and states in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.states import NONE_PLANNED, PLANNED
from cdrsite.core.vocabulary import OUTSIDE_NAME, STATE_NAMES
from cdrsite.core.words import Words
from cdrsite.outputs.classes import classes_of
from cdrsite.outputs.legend import (
    AGAIN,
    AGAIN_COLOUR,
    FREE_COLOUR,
    OUTSIDE_BIT,
    SEVERAL_COLOUR,
    allowed_again,
    class_colour,
    excluding,
    flag_names,
    in_groups,
    label_names,
    reason_colour,
    reason_names,
    state_codes,
)
from cdrsite.outputs.palette import GROUND_COLOUR, STATE_COLOURS
from cdrsite.outputs.zones import touching, zone_colours
from cdrsite.result.attributes import texts

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.outputs.classes import Classes

    Extent = tuple[float, float, float, float]

NET_STATE = "net factor not positive"
NOTHING_FITS = "nothing fits"
"""A true zero of the equal share, where a cost has no meaning."""
NOT_IN_PLAN = STATE_NAMES[NONE_PLANNED]
"""A true zero of what the plan gives a method."""
TITLE = "none"
"""Colour of an entry of a legend that is the title of those below it."""
MAX_LABELS = 12
"""More zones than this get colours but no legend."""


def draw(
    values: xr.DataArray,
    grid: AnalysisGrid,
    limit: xr.DataArray | None = None,
    ax: Axes | None = None,
    title: str = "",
    classes: Classes | None = None,
    words: Words | None = None,
) -> Axes:
    """Draw one variable.

    Parameters
    ----------
    values : xr.DataArray, dims (y, x)
        With ``units`` and ``long_name``, and for classes ``flag_values`` and ``flag_meanings``.
    grid : AnalysisGrid
        Where it lives.
    limit : xr.DataArray, dims (y, x), optional
        The limiting-resource codes of the same method, or the states of the plan: excluded and
        unknown cells are then drawn as such, not as a number (rule 2).
    ax : Axes, optional
        Where to draw; a new figure when not given.
    title : str
        Above the map.
    classes : Classes, optional
        Of a quantity: those of all methods, so that maps can be compared; its own when not given.
    words : Words, optional
        Language of legends; English, with the variable's own ``long_name``, when not given.

    Returns
    -------
    Axes
        Restyle it as you like.
    """
    import matplotlib.pyplot as plt

    if ax is None:
        _, ax = plt.subplots(figsize=(7.5, 5.5), layout="constrained")
    west, south, east, north = grid.bounds
    extent = (west, east, south, north)
    own, key = str(values.attrs.get("long_name", values.name)), f"map.layer.{values.name}"
    said = words or Words()
    values = values.assign_attrs(long_name=said(key) if words and said.has(key) else own)
    if "flag_values" in values.attrs:
        _draw_classes(ax, values, extent, said)
    elif values.name == "exclusion_reasons":
        _draw_reasons(ax, values, extent)
    elif np.issubdtype(values.dtype, np.integer):
        _draw_labels(ax, values, extent)
    else:
        _draw_quantity(ax, values, limit, extent, classes, said)
    _dress(ax, grid)
    ax.set_title(title, fontsize=10)
    return ax


def draw_ground(values: xr.DataArray, grid: AnalysisGrid, ax: Axes) -> None:
    """Draw only where the region lies: no state of its cells, whatever the values are.

    Parameters
    ----------
    values : xr.DataArray, dims (y, x)
        Classes, with ``flag_values`` and ``flag_meanings``.
    grid : AnalysisGrid
        Where they live.
    ax : Axes
        Where to draw.
    """
    west, south, east, north = grid.bounds
    known = [code for code, name in flag_names(values).items() if name != OUTSIDE_NAME]
    inside = np.isin(values.to_numpy(), known)
    _fill(ax, inside, GROUND_COLOUR, (west, east, south, north))
    _dress(ax, grid)


def _draw_quantity(
    ax: Axes,
    values: xr.DataArray,
    limit: xr.DataArray | None,
    extent: Extent,
    classes: Classes | None,
    words: Words,
) -> None:
    data = values.to_numpy().astype(np.float32)
    states = _states(data, limit)
    if str(values.name) == "net_factor":
        # it is the very number that this state is about
        states[states == NET_STATE] = ""
    if limit is not None:
        states[np.isnan(data) & (states == "")] = NOTHING_FITS
    if str(values.name) == "allocated":
        # zero is a decision, and a few plants would vanish in a scale that begins with it
        states[(data == 0) & (states == "")] = NOT_IN_PLAN
    shown = np.where(states == "", data, np.nan)
    known = shown[np.isfinite(shown)]
    if known.size:
        unit = str(values.attrs.get("units", ""))
        classes = classes or classes_of(str(values.name), known, unit)
        _draw_classed(ax, shown, classes, extent, str(values.attrs["long_name"]), words)
    names = (*STATE_COLOURS, NOT_IN_PLAN)
    present = {name: class_colour(name) for name in names if (states == name).any()}
    for name, colour in present.items():
        _fill(ax, states == name, colour, extent)
    _legend(ax, {words.called(name): colour for name, colour in present.items()})


def _states(data: NDArray[Any], limit: xr.DataArray | None) -> NDArray[np.str_]:
    """The state of each cell in words; '' for a value, and for the outside the word for it."""
    if limit is None:
        return np.where(np.isnan(data), OUTSIDE_NAME, "")
    codes = limit.to_numpy()
    states = np.full(codes.shape, "", dtype="U32")
    for name, code in state_codes(limit).items():
        if name != STATE_NAMES[PLANNED]:
            states[codes == code] = name
    return states


def _draw_classed(
    ax: Axes,
    shown: NDArray[np.float32],
    classes: Classes,
    extent: Extent,
    label: str,
    words: Words,
) -> None:
    """Draw numbers by their classes, with a bar of all classes of the scale."""
    from matplotlib.colors import BoundaryNorm, ListedColormap

    steps = classes.steps(words, with_unit=False)
    data = classes.place(shown).astype(np.float32)
    data[np.isnan(shown)] = np.nan
    # a zero that is nowhere needs no colour
    first = int(bool(classes.zero) and len(steps) > 1 and not (shown == 0).any())
    colours = [step.colour for step in steps[first:]]
    norm = BoundaryNorm(np.arange(first, len(steps) + 1) - 0.5, len(colours))
    image = ax.imshow(
        data, extent=extent, cmap=ListedColormap(colours), norm=norm, interpolation="nearest"
    )
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.85, pad=0.02, spacing="uniform")
    # a number stands at its border, a word in the middle of its class
    if classes.zero and not first:
        ticks = [0.0, *(i + 0.5 for i in range(1, len(steps) - 1))]
        told = [steps[0].label, *classes.border_words()]
    elif len(steps) - first == 1:
        ticks, told = [float(first)], [steps[first].label]
    else:
        ticks = [i + 0.5 for i in range(first, len(steps) - 1)]
        told = list(classes.border_words())
    bar.set_ticks(ticks, labels=told)
    unit = words.unit(classes.unit)
    bar.set_label(f"{label} [{unit}]" if unit else label, fontsize=9)
    bar.ax.tick_params(labelsize=8)


def _draw_classes(ax: Axes, values: xr.DataArray, extent: Extent, words: Words) -> None:
    codes = values.to_numpy()
    present, names = {}, flag_names(values)
    for code, name in sorted(names.items()):
        if name == OUTSIDE_NAME or not (codes == code).any():
            continue
        present[name] = class_colour(name, tuple(names.values()))
        _fill(ax, codes == code, present[name], extent)
    _legend(ax, _grouped(present, words), str(values.attrs.get("long_name", "")))


def _grouped(colours: dict[str, str], words: Words) -> dict[str, str]:
    """Classes in words by groups of methods; the title of a group has no colour."""
    groups, entries = in_groups(colours), {}
    for group, members in groups:
        if len(groups) > 1:
            entries[words(f"group.{group or 'none'}")] = TITLE
        entries |= {words.called(name): colours[name] for name in members}
    return entries


def _draw_labels(ax: Axes, values: xr.DataArray, extent: Extent) -> None:
    data = values.to_numpy()
    codes = [int(code) for code in np.unique(data) if 0 <= code < 1 << 31]
    inside = np.where((data >= 0) & (data < 1 << 31), data.astype(np.int64), -1)
    colours = zone_colours(codes, touching(inside))
    for code, colour in colours.items():
        _fill(ax, data == code, colour, extent)
    if len(codes) <= MAX_LABELS:
        title = str(values.attrs.get("long_name", values.name))
        names = dict(enumerate(label_names(values)))
        _legend(ax, {names.get(code, str(code)): c for code, c in colours.items()}, title)


def _draw_reasons(ax: Axes, values: xr.DataArray, extent: Extent) -> None:
    """Which rule excludes a cell; several share a grey."""
    bits = values.to_numpy().astype(np.int64)
    rules = texts(values.attrs.get("exclusion_rules", ()))
    inside = bits >> OUTSIDE_BIT & 1 == 0
    again, hit = allowed_again(bits), excluding(bits)
    kinds: dict[str, tuple[NDArray[np.bool_], str]] = {}
    for bit in range(int(hit[inside].max(initial=0)).bit_length()):
        kinds[reason_names(1 << bit, rules)[0]] = (hit == 1 << bit, reason_colour(1 << bit))
    kinds["several rules"] = ((hit & hit - 1) != 0, SEVERAL_COLOUR)
    kinds[AGAIN] = (again, AGAIN_COLOUR)
    kinds["not excluded"] = ((hit == 0) & ~again, FREE_COLOUR)
    present = {}
    for name, (where, colour) in kinds.items():
        if (where & inside).any():
            _fill(ax, where & inside, colour, extent)
            present[name] = colour
    _legend(ax, present, str(values.attrs.get("long_name", "")))


def _fill(ax: Axes, where: NDArray[np.bool_], colour: str, extent: Extent) -> None:
    """Fill cells with one colour."""
    from matplotlib.colors import ListedColormap, to_rgb

    layer = np.ma.masked_array(np.ones(where.shape, np.uint8), ~where)
    # readers of PDF mix colours at the edge: what is not there has the colour too, unseen
    colours = ListedColormap([colour]).with_extremes(bad=(*to_rgb(colour), 0.0))
    ax.imshow(layer, extent=extent, cmap=colours, interpolation="nearest")


def _legend(ax: Axes, entries: dict[str, str], title: str = "") -> None:
    """Patches with words, below the map so that they cover nothing."""
    from matplotlib.patches import Patch

    if entries:
        titles = TITLE in entries.values()
        handles = [
            Patch(facecolor=c, edgecolor=TITLE if c == TITLE else "#555555", label=n)
            for n, c in entries.items()
        ]
        legend = ax.legend(
            handles=handles,
            title=title or None,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.12),
            ncols=min(3 if titles else 4, len(handles)),
            frameon=False,
            fontsize=8,
            title_fontsize=8,
        )
        for label, colour in zip(legend.get_texts(), entries.values(), strict=True):
            label.set_fontweight("bold" if colour == TITLE else "normal")


def _dress(ax: Axes, grid: AnalysisGrid) -> None:
    """Axis labels: degrees, or kilometres while the data stay in metres for overlays."""
    west, south, east, north = grid.bounds
    ax.set_xlim(west, east)
    ax.set_ylim(south, north)
    ax.tick_params(labelsize=8)
    if grid.is_geographic:
        ax.set_aspect(1 / max(np.cos(np.radians((south + north) / 2)), 0.05))
        ax.set_xlabel("longitude [°]", fontsize=8)
        ax.set_ylabel("latitude [°]", fontsize=8)
        return
    factor = grid.unit_metres / 1000

    def kilometres(value: float, _: float) -> str:
        return f"{value * factor:g}"

    ax.set_aspect("equal")
    ax.xaxis.set_major_formatter(kilometres)
    ax.yaxis.set_major_formatter(kilometres)
    ax.set_xlabel("easting [km]", fontsize=8)
    ax.set_ylabel("northing [km]", fontsize=8)
