"""The map by itself: a page of its own, a frame in a notebook, a small picture."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdrsite.core.errors import ConfigError
from cdrsite.core.files import write_text
from cdrsite.core.words import Words
from cdrsite.report.html import page, tag, text
from cdrsite.report.maplayers import Layer, Painter, layers_of
from cdrsite.report.mapsource import DatasetSource
from cdrsite.report.mapview import fragment
from cdrsite.report.page import policy, scripts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr

    from cdrsite.report.fragment import Fragment

BLOCK = "display:block;max-width:100%"
HEIGHT = 560
"""Of the frame in a notebook [pixels]."""
BODY = (
    "body{margin:.6rem .8rem;font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',"
    "'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif;color:#1d2329;background:#fff}"
    "*{box-sizing:border-box}h2{font-size:1.1rem;margin:0}.note{color:#57606a;margin:.1rem 0 .6rem;"
    "font-size:.85rem}#cdrmap-stage{height:clamp(17rem,calc(100vh - 13rem),44rem)}"
)


class InteractiveMap:
    """A map that needs no network: shown by notebooks, or saved as one HTML file.

    Parameters
    ----------
    dataset : xr.Dataset
        On a grid with a CRS.
    layers : sequence of Layer, optional
        What the colours may show; what suits the dataset when not given.
    lang : {'en', 'zh'}
        Language.
    title : str
        Of the page.
    vectors : dict, optional
        Plants, pipes and so on; see :func:`cdrsite.report.mapvectors.vector_layers`.

    Raises
    ------
    ConfigError
        There is nothing to show, or no such language.
    """

    def __init__(
        self,
        dataset: xr.Dataset,
        layers: Sequence[Layer] | None = None,
        lang: str = "en",
        title: str = "",
        vectors: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        shown = list(layers_of(dataset) if layers is None else layers)
        if not shown:
            raise ConfigError(
                "there is nothing to show on a map",
                got=", ".join(map(str, dataset.data_vars)) or "no variables",
                expected="numbers with dimensions y and x",
            )
        words = Words(lang).of(dataset.attrs)
        self.title = title or words("page.map")
        source = DatasetSource(dataset)
        view = fragment(source, words, vectors=vectors, layers=shown, title=self.title)
        self.html = standalone(view, self.title, lang)
        """The page."""

    def _repr_html_(self) -> str:
        """A frame of its own, so that neither the notebook nor the map touches the other."""
        frame = escape(self.html, quote=True)
        return (
            f'<iframe srcdoc="{frame}" sandbox="allow-scripts" title="{escape(self.title)}" '
            f'style="width:100%;height:{HEIGHT}px;border:1px solid #d5dae0"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<map: {self.title}, {len(self.html) / 1e6:.1f} MB; save(path) writes it>"

    def save(self, path: Path | str) -> Path:
        """Write the page.

        Parameters
        ----------
        path : Path or str
            For example ``map.html``; its folder is made.

        Returns
        -------
        Path
            The file.
        """
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_text(target, self.html)
        return target


def standalone(view: Fragment, title: str, lang: str) -> str:
    """A page with nothing but the map, under the same policy as the report."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", **{"http-equiv": "Content-Security-Policy"}, content=policy(view)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", text(title)),
        tag("style", view.css + BODY),
    )
    return page(head, tag("body", tag("main", view.html), scripts(view)), lang)


def small_map(
    dataset: xr.Dataset, layer: Layer, title: str = "", lang: str = "en", width: int = 360
) -> str:
    """A still picture of one layer with its legend, for a notebook.

    Parameters
    ----------
    dataset : xr.Dataset
        On a grid with a CRS.
    layer : Layer
        What it shows.
    title : str
        Above it; that of the layer when not given.
    lang : {'en', 'zh'}
        Language of the legend.
    width : int
        Of the picture [pixels].
    """
    words = Words(lang).of(dataset.attrs)
    painted = Painter(DatasetSource(dataset), words, most=2 * width).paint(layer)
    legend = painted["legend"]
    own = legend["title"] if layer.method is None else (
        f"{words.method(layer.method)}: {legend['title']}"
    )  # fmt: skip
    title = title or own
    unit = f" [{text(legend['unit'])}]" if legend["unit"] and "steps" in legend else ""
    image = tag(
        "img", src=painted["image"], alt=title, style=f"{BLOCK};width:{width}px"
    )  # fmt: skip
    return tag("div", tag("b", text(title) + unit), image, _key(legend), style="max-width:100%")


def _key(legend: dict[str, Any]) -> str:
    """Classes of a still picture, those of a quantity from little to much."""
    box = "display:inline-block;width:.8em;height:.8em;margin-right:.3em;border:1px solid #0003"
    parts = []
    for entry in (*legend.get("steps", ()), *legend["classes"]):
        swatch = tag("i", style=f"{box};background:{entry['colour']}")
        parts.append(tag("span", swatch, text(entry["label"]), style="white-space:nowrap"))
    return tag("div", " &nbsp; ".join(parts), style="font-size:.85em")
