"""Figures of a run for a paper or a slide: plan, cost, supply curve, methods, what moves it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from cdrsite.core.errors import ConfigError
from cdrsite.core.files import appearing
from cdrsite.core.numbers import number, round_below
from cdrsite.core.words import Words
from cdrsite.outputs.circles import draw_circles
from cdrsite.outputs.classes import dataset_classes
from cdrsite.outputs.listing import add_to_manifest
from cdrsite.outputs.maps import draw, draw_ground
from cdrsite.outputs.palette import method_colour
from cdrsite.outputs.runfolder import RunFolder
from cdrsite.outputs.tonnes import LAYER
from cdrsite.report.frame import Frame, Row, real
from cdrsite.report.numbernames import number_words
from cdrsite.result.store import grid_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
SIZE = (8.0, 4.5)
"""Of a chart [inch]: half of a slide, or the width of a page."""
MAP_SIZE = (8.0, 6.5)
DPI = 200
MOST_CELLS = 1500
"""Rows and columns at most of a drawn map."""
BARS = 10
"""Bars of what moves the plan."""
SHOWN_SHARE = 0.99
"""Part of the tonnes that the axis of costs reaches; a few dear ones would squeeze the rest."""
WRAPPED = {"title": 84, "label": 60}
"""Characters of a line; half of them in Chinese."""
LINES = 2
"""Of a label that a bar has room for."""
INK, GREY, LOW, HIGH = "#222222", "#8A8A8A", "#5E81AC", "#D08770"
SIGNS: dict[str, Any] = {
    "storage": {"facecolor": "none", "edgecolor": "#6A3D9A", "hatch": "///"},
    "pipes": {"color": INK},
}
"""Layers that are drawn on the plan, and how."""
CHINESE_FONTS = (
    "Noto Sans CJK SC", "Source Han Sans SC", "Noto Sans SC", "Microsoft YaHei", "PingFang SC",
    "SimHei", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Heiti SC", "Noto Serif CJK SC",
    "Noto Sans CJK JP",
)  # fmt: skip
STYLE: Any = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlesize": 12,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.unicode_minus": True,
    "svg.hashsalt": "cdrsite",  # the same run gives the same bytes (rule 9)
    "svg.fonttype": "none",  # words stay words, to be found and changed
    "pdf.fonttype": 42,
}


def write_figures(
    run: Path | str, folder: Path, lang: str = "en", formats: Sequence[str] = FORMATS
) -> list[Path]:
    """Write the figures of a finished run, each in every format.

    Parameters
    ----------
    run : Path or str
        Folder of the run.
    folder : Path
        Is made; files of the same names are replaced.
    lang : {'en', 'zh'}
        Language.
    formats : sequence of str
        Of :data:`FORMATS`.

    Returns
    -------
    list of Path
        ``1-plan.png`` and so on. What the run has no numbers for has no file.

    Raises
    ------
    ConfigError
        No such format, no run, or no font with Chinese characters.
    """
    import matplotlib as mpl

    unknown = [one for one in formats if one not in FORMATS]
    if unknown or not formats:
        raise ConfigError(
            "no such format of a figure",
            where="--format",
            got=", ".join(unknown) or "none",
            expected=", ".join(FORMATS),
        )
    found = RunFolder(run)
    with found.dataset() as dataset:
        frame = Frame(found, Words(lang).of(dataset.attrs))
        # signs that a Chinese font lacks, such as the 2 of CO₂, come from the next one
        fonts = [chinese_font(), "DejaVu Sans"] if lang == "zh" else ["DejaVu Sans"]
        style = STYLE | {"font.family": fonts}
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        with mpl.rc_context(style):
            for name, figure in _figures(frame, dataset):
                for kind in formats:
                    path = folder / f"{name}.{kind}"
                    with appearing(path) as aside:
                        figure.savefig(aside, format=kind, dpi=DPI, metadata=_undated(kind))
                        if kind == "svg":
                            _renumber(aside)
                    add_to_manifest(found.path, path)
                    written.append(path)
    return written


def chinese_font() -> str:
    """A font of this machine with Chinese characters.

    Raises
    ------
    ConfigError
        There is none.
    """
    from matplotlib.font_manager import fontManager

    there = {font.name for font in fontManager.ttflist}
    known = next((name for name in CHINESE_FONTS if name in there), None)
    if known is None:
        raise ConfigError(
            "no font with Chinese characters is installed",
            where="lang",
            got="zh",
            expected=f"one of {', '.join(CHINESE_FONTS[:4])} or another",
            cure="install one (Debian: apt install fonts-noto-cjk), or take --lang en",
        )
    return known


def _undated(kind: str) -> dict[str, None]:
    """Metadata without the moment and the program, so that the bytes stay."""
    return {"png": {"Software": None}, "svg": {"Date": None}}.get(kind, {"CreationDate": None})


def _renumber(path: Path) -> None:
    """Names in an SVG by their order: some are made of addresses in memory, which differ."""
    text = path.read_text(encoding="utf-8")
    names = dict.fromkeys(re.findall(r'id="([a-zA-Z][0-9a-f]{10})"', text))
    order = {name: f"{name[0]}{number}" for number, name in enumerate(names, 1)}
    text = re.sub(r"\b[a-zA-Z][0-9a-f]{10}\b", lambda found: order.get(found[0], found[0]), text)
    path.write_text(text, encoding="utf-8", newline="\n")


def _figures(frame: Frame, dataset: Any) -> Iterator[tuple[str, Figure]]:
    import matplotlib.pyplot as plt

    maps: list[tuple[str, Callable[..., bool]]] = [("1-plan", _plan), ("2-cost", _cost)]
    charts: list[tuple[str, Callable[..., bool]]] = [
        ("3-supply-curve", _curve), ("4-methods", _methods), ("5-what-moves-it", _moves),
    ]  # fmt: skip
    for name, drawn in (*maps, *charts):
        size = MAP_SIZE if (name, drawn) in maps else SIZE
        figure, ax = plt.subplots(figsize=size, layout="constrained")
        try:
            if drawn(ax, frame, dataset):
                # laid out once, so that all formats are alike
                figure.draw_without_rendering()
                figure.set_layout_engine("none")
                yield name, figure
        finally:
            plt.close(figure)


def _title(ax: Axes, words: str) -> None:
    """What the figure says, from its left edge on, in lines that fit it."""
    chinese = any("\u4e00" <= sign <= "\u9fff" for sign in words)
    wide = WRAPPED["title"] // (2 if chinese else 1)
    ax.figure.suptitle(fill(words, wide), x=0.012, ha="left", weight="bold", size=12)


# ---------------------------------------------------------------------------- maps


def _drawn(ax: Axes, frame: Frame, dataset: Any, name: str, *, ground: bool = False) -> None:
    """A variable of the dataset, of a large grid every n-th cell, with a bar of kilometres.

    ``ground``: only where the region lies.
    """
    step = max(1, -(-max(dataset.sizes["y"], dataset.sizes["x"]) // MOST_CELLS))
    part = {"y": slice(step // 2, None, step), "x": slice(step // 2, None, step)}
    state = dataset["state"].isel(part) if "state" in dataset else None
    values, grid = dataset[name].isel(part).load(), grid_of(dataset)
    classes = dataset_classes(dataset, name) if values.dtype.kind == "f" else None
    if ground:
        draw_ground(values, grid, ax)
    else:
        draw(values, grid, state if classes else None, ax, "", classes, frame.words)
    ax.axis("off")
    west, east = ax.get_xlim()
    south, _ = ax.get_ylim()
    if not grid.is_geographic:
        wide = (east - west) * grid.unit_metres / 1000.0
        km = round_below(wide / 5)
        ends = west, west + km * 1000.0 / grid.unit_metres
        ax.plot(ends, (south, south), color=INK, lw=2.5, solid_capstyle="butt", clip_on=False)
        ax.annotate(
            f"{km:g} km", (sum(ends) / 2, south), xytext=(0, 4), textcoords="offset points",
            ha="center", fontsize=8,
        )  # fmt: skip


def _sum(frame: Frame, column: str) -> float:
    """Sum of a column of the methods of the plan."""
    found = (real(row.get(column)) for row in frame.rows("methods"))
    return math.fsum(one for one in found if not math.isnan(one))


def _plan(ax: Axes, frame: Frame, dataset: Any) -> bool:
    """Where the tonnes are and by which method; land in colours would show area."""
    if "winner" not in dataset:
        return False
    layers = frame.run.layers
    _drawn(ax, frame, dataset, "winner", ground=LAYER in layers)
    for name, sign in SIGNS.items():
        if name in layers:
            frame.run.layer(name).plot(ax=ax, linewidth=1.2, zorder=2, aspect=None, **sign)
    if LAYER in layers:
        draw_circles(ax, frame.run.layer(LAYER), frame.run.methods, frame.words)
    _signs(ax, frame)
    _title(ax, _dated(frame, frame.words("chart.plan", n=number(_sum(frame, "net_mt_yr")))))
    return True


def _signs(ax: Axes, frame: Frame) -> None:
    """What the shapes are, in a line below the map and its legend."""
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Line2D([], [], linewidth=1.2, **sign) if "color" in sign else Patch(linewidth=1.2, **sign)
        for name, sign in SIGNS.items()
        if name in frame.run.layers
    ]
    names = [frame.words(f"map.vector.{name}") for name in SIGNS if name in frame.run.layers]
    if handles:
        signs = Legend(
            ax, handles, names, loc="upper center", bbox_to_anchor=(0.5, -0.06), frameon=False,
            ncols=len(handles), fontsize=8,
        )  # fmt: skip
        ax.add_artist(signs)
        signs.set_clip_on(False)  # or the layout takes it for a part of the map


def _dated(frame: Frame, title: str) -> str:
    """A title of numbers by method; of a plan over years it says the year, and whose they are."""
    years = frame.at("pathway/years") or ()
    key = "chart.dated.methods" if frame.at("pathway/net_of_emitters_mt_yr") else "chart.dated"
    return frame.words(key, title=title, year=years[-1]) if years else title


def _cost(ax: Axes, frame: Frame, dataset: Any) -> bool:
    """What a tonne of the plan costs where."""
    if "plan_cost" not in dataset:
        return False
    _drawn(ax, frame, dataset, "plan_cost")
    classes = dataset_classes(dataset, "plan_cost")
    each = {str(row["method"]): real(row.get("mean_cost_usd_t")) for row in frame.rows("methods")}
    if LAYER in frame.run.layers and classes is not None:
        # most of the tonnes may be on a few cells
        circles, steps = frame.run.layer(LAYER), classes.steps(frame.words)
        means = circles["method"].map(each).to_numpy(np.float64)
        colours = [steps[at].colour for at in classes.place(means)]
        draw_circles(ax, circles, frame.run.methods, frame.words, colours)
        ax.annotate(
            frame.words("chart.cost.circles"), (0.0, -0.02), xycoords="axes fraction", va="top",
            fontsize=8,
        )  # fmt: skip
    net = _sum(frame, "net_mt_yr")
    mean = _sum(frame, "cost_musd_yr") / net if net > 0 else math.nan
    _title(ax, _dated(frame, frame.words("chart.cost", n=number(mean))))
    return True


# -------------------------------------------------------------------------- charts


def _curve(ax: Axes, frame: Frame, dataset: Any) -> bool:
    """How much of the plan costs no more than so much, stacked by method."""
    del dataset
    rows = frame.rows("supply_curve")
    methods = [name for name in frame.run.methods if rows and name in rows[0]]
    if not methods:
        return False
    cost = np.array([real(row["cost_to_usd_t"]) for row in rows])
    base = np.zeros(len(rows))
    for name in methods:
        top = base + np.cumsum([real(row[name]) for row in rows])
        if (top > base).any():
            ax.fill_between(
                cost, base, top, step="post", linewidth=0, label=frame.words.method(name),
                color=method_colour(name, frame.run.methods),
            )  # fmt: skip
        base = top
    shown = min(int(np.searchsorted(base, SHOWN_SHARE * base[-1])), len(cost) - 1)
    ax.set_xlim(0, cost[shown] * 1.02)
    ax.set_ylim(0, 1.05 * base[-1])
    unit = frame.words.unit
    ax.set_xlabel(frame.words("chart.cost.axis", unit=unit("USD/t")))
    ax.set_ylabel(frame.words("chart.net.axis", unit=unit("Mt/yr")))
    ax.legend(frameon=False, loc="upper left", fontsize=9)
    half = cost[int(np.searchsorted(base, base[-1] / 2))]
    _title(ax, _dated(frame, frame.words("chart.curve", n=number(half))))
    return True


def _methods(ax: Axes, frame: Frame, dataset: Any) -> bool:
    """Net removal of each method in the plan, beside what it could do at most by itself."""
    from matplotlib.patches import Patch

    del dataset
    rows = [row for row in frame.rows("methods") if _most(row) > 0][::-1]
    if not rows:
        return False
    places = np.arange(len(rows))
    alone = [_most(row) for row in rows]
    planned = [max(real(row["net_mt_yr"]), 0.0) for row in rows]
    colours = [method_colour(str(row["method"]), frame.run.methods) for row in rows]
    ax.barh(places, alone, color="none", edgecolor=colours, linewidth=1.2)
    ax.barh(places, planned, color=colours)
    signs = [
        Patch(facecolor="none", edgecolor=GREY, label=frame.words("chart.alone")),
        Patch(facecolor=GREY, label=frame.words("chart.planned")),
    ]
    for place, value, most in zip(places, planned, alone, strict=True):
        # beside the bar that it is the length of, where there is room for it
        end = value if most - value > 0.1 * max(alone) else max(value, most)
        ax.annotate(
            number(value), (end, place), xytext=(4, 0), textcoords="offset points", va="center"
        )
    ax.set_yticks(places, labels=[frame.words.method(str(row["method"])) for row in rows])
    ax.tick_params(axis="y", length=0)
    ax.margins(x=0.12)
    ax.set_xlabel(frame.words("chart.net.axis", unit=frame.words.unit("Mt/yr")))
    ax.legend(handles=signs, frameon=False, loc="lower right", fontsize=9)
    first = max(rows, key=lambda row: real(row["net_mt_yr"]))
    share = 100 * max(real(first["net_mt_yr"]), 0.0) / (sum(planned) or 1.0)
    name = frame.words.method(str(first["method"]))
    _title(ax, _dated(frame, frame.words("chart.methods", name=name, n=number(share, 2))))
    return True


def _most(row: Row) -> float:
    """Most that a method is planned for or could do by itself [Mt/yr]."""
    found = (real(row["net_mt_yr"]), real(row.get("alone_net_mt_yr")))
    return max((one for one in found if not math.isnan(one)), default=0.0)


def _moves(ax: Axes, frame: Frame, dataset: Any) -> bool:
    """By how much the goal changes where a number is at the ends of its range."""
    del dataset
    ends = ("effect_low", "effect_high")

    def effects(row: Row) -> tuple[float, ...]:
        return tuple(0.0 if math.isnan(real(row[end])) else real(row[end]) for end in ends)

    rows = [row for row in frame.rows("sensitivity") if any(effects(row))]
    rows = sorted(rows, key=lambda row: -max(map(abs, effects(row))))[:BARS][::-1]
    if not rows:
        return False
    unit = "MUSD/yr" if str(rows[0]["effect_unit"]).startswith("USD") else "Mt/yr"
    places = np.arange(len(rows))
    for at, end, colour in ((0, "low", LOW), (1, "high", HIGH)):
        values = [effects(row)[at] / 1e6 for row in rows]
        ax.barh(places, values, color=colour, label=frame.words(f"moves.at_{end}"))
    names = [number_words(frame.words, str(row["parameter"])) for row in rows]
    wide = WRAPPED["label"] if frame.words.lang == "en" else WRAPPED["label"] // 2
    labels = [fill(name, wide) for name in names]
    tall = max(len(label.splitlines()) for label in labels)
    if tall > LINES:  # longer labels would touch one another
        cast("Figure", ax.figure).set_size_inches(SIZE[0], SIZE[1] * tall / LINES)
    ax.set_yticks(places, labels=labels, fontsize=7)
    ax.axvline(0, color=INK, lw=0.8)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(frame.words("moves.figure", unit=frame.words.unit(unit)))
    ax.legend(
        frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, fontsize=9, borderpad=0
    )
    _title(ax, frame.words("chart.moves", name=names[-1]))
    return True
