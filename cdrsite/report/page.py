"""The page: parts in their order, one style, one script, a policy that lets nothing else run."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from cdrsite.core.errors import ConfigError
from cdrsite.core.files import write_text
from cdrsite.core.secrets import hidden
from cdrsite.core.version import __version__
from cdrsite.core.words import Words
from cdrsite.outputs.runfolder import NotKeptError, RunFolder
from cdrsite.outputs.staging import changing
from cdrsite.report import basis, places, plants, supplies
from cdrsite.report.answer import answer
from cdrsite.report.costs import costs
from cdrsite.report.credits import credits_earned
from cdrsite.report.curve import supply_curve
from cdrsite.report.emitted import emitted
from cdrsite.report.fragment import Fragment
from cdrsite.report.frame import Frame, paragraph, section
from cdrsite.report.heat import heat_supplied
from cdrsite.report.hours import hours
from cdrsite.report.html import page, script_json, tag, text
from cdrsite.report.ledgers import ledgers
from cdrsite.report.months import months
from cdrsite.report.moves import moves
from cdrsite.report.sampled import sampled
from cdrsite.report.screening import screening
from cdrsite.report.standing import standing
from cdrsite.report.years import years

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr

STYLE = Path(__file__).parent / "assets" / "page.css"
REPORT = "report.html"
"""Name of the report in a run's folder."""
GENERATOR = "cdrsite "
"""Start of the name of the program in a page: it may be written again."""

PARTS = (
    ("years", "years.title", years),
    ("sampled", "sampled.title", sampled),
    ("moves", "moves.title", moves),
    ("supply", "curve.title", supply_curve),
    ("costs", "fall.title", costs),
    ("ledgers", "ledgers.title", ledgers),
    ("standing", "standing.title", standing),
    ("emitters", "emitted.title", emitted),
    ("credits", "credits.title", credits_earned),
    ("pools", "pools.title", supplies.pools),
    ("months", "months.title", months),
    ("hours", "hours.title", hours),
    ("heat", "heat.title", heat_supplied),
    ("provinces", "provinces.title", supplies.provinces),
    ("sites", "sites.title", places.sites),
    ("network", "network.title", plants.network),
    ("screening", "screening.title", screening),
    ("exclusions", "rules.title", places.exclusions),
    ("assumptions", "basis.title", basis.assumptions),
    ("warnings", "warnings.title", basis.warnings),
    ("reproduce", "again.title", basis.reproduce),
)
"""Sections after the answer and the map: anchor, words of the title, writer of what is in it."""


def write_report(
    folder: Path, lang: str = "en", target: Path | None = None, *, dataset: xr.Dataset | None = None
) -> Path:
    """Write the report of a finished run.

    Parameters
    ----------
    folder : Path
        Folder of the run.
    lang : {'en', 'zh'}
        Language.
    target : Path, optional
        File to write; ``report.html`` in the folder when not given.
    dataset : xr.Dataset, optional
        The run's own, where it is still in memory: then it is not read again.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ConfigError
        The folder is not that of a run, no such language, or the target is a folder.
    """
    run = RunFolder(folder, dataset)
    words = Words(lang).of(run.about())
    path = Path(target) if target is not None else run.path / REPORT
    if path.is_dir():
        raise ConfigError(
            "the report cannot be written: a folder is in the way",
            where=str(path),
            expected="the name of a file",
            cure=f"name a file in it, e.g. {path / REPORT}",
        )
    with changing(run.path, path, GENERATOR):
        page = hidden(build_page(run, words, path.resolve().parent == run.path.resolve()))
        run.require_same()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, page)
    return path


def build_page(run: RunFolder, words: Words, beside: bool = False) -> str:
    """The whole page as text.

    Parameters
    ----------
    run : RunFolder
        What is reported.
    words : Words
        In its language.
    beside : bool
        Whether the page will lie in the run's folder: then names of files are links to them.

    Returns
    -------
    str
        One HTML document that asks for nothing from outside. It holds no time: the same run gives
        the same bytes (rule 9), but for those links.
    """
    from cdrsite.report.mapview import map_fragment

    frame = Frame(run, words, beside=beside)
    view = map_fragment(run, words)
    written = [(name, key, known_part(frame, write)) for name, key, write in PARTS]
    sections = [(name, key, section(name, frame.say(key), body)) for name, key, body in written]
    links = [("answer", "answer.title")]
    links += [("map", "page.map")] if view.html else []
    links += [(name, key) for name, key, html in sections if html]
    main = tag("main", answer(frame), view.html, *(html for _, _, html in sections), id="main")
    body = tag(
        "body",
        tag("a", frame.say("page.skip"), href="#main", class_="skip"),
        header(frame, links),
        main,
        footer(frame),
        scripts(view),
    )
    return page(head(frame, view), body, words.lang)


def known_part(frame: Frame, write: Callable[[Frame], str]) -> str:
    """What is in a section; of a run of an earlier version that lacks it, what to do about that."""
    try:
        return write(frame)
    except NotKeptError as lacking:
        return paragraph(frame.say("page.earlier", what=tag("code", text(lacking.key))))


def head(frame: Frame, view: Fragment) -> str:
    """Policy, title and style."""
    style = STYLE.read_text(encoding="utf-8") + view.css
    if "</" in style:
        raise ValueError("a style sheet may not close its element")
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", **{"http-equiv": "Content-Security-Policy"}, content=policy(view)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="generator", content=f"{GENERATOR}{__version__}"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", text(f"{frame.run.title} – cdrsite")),
        tag("style", style),
    )


def policy(view: Fragment) -> str:
    """Content security policy: nothing from outside, and no script but the page's own."""
    allowed = "'none'"
    if view.script:
        digest = hashlib.sha256(view.script.encode("utf-8")).digest()
        allowed = f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
    )


def scripts(view: Fragment) -> str:
    """The data and the script of the map."""
    if not view.script:
        return ""
    if "</script" in view.script.lower() or "<!--" in view.script:
        raise ValueError("a script may not close its element")
    data = script_json(view.data)
    holder = f'<script type="application/json" id="map-data">{data}</script>'
    return f"{holder}<script>{view.script}</script>"


def header(frame: Frame, links: list[tuple[str, str]]) -> str:
    """Title, what was studied, and the way to each section."""
    about = frame.say(
        "page.about",
        area=frame.value("region_km2"),
        methods=frame.value("methods/#"),
        cells=frame.value("cells"),
    )
    way = tag(
        "nav",
        tag("ul", *(tag("li", tag("a", frame.say(key), href=f"#{to}")) for to, key in links)),
        aria_label=frame.words("page.contents"),
    )
    return tag(
        "header",
        tag("p", frame.say("page.kind"), class_="kicker"),
        tag("h1", text(frame.run.title)),
        tag("p", about, class_="muted"),
        way,
    )


def footer(frame: Frame) -> str:
    """What made the page."""
    return tag("footer", tag("p", frame.say("page.made", version=text(frame.at("cdrsite")))))
