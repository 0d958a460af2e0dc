"""The report in a real browser: what it draws, says, asks for, and lets others do."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from browser import Browser
from dated_study import GOAL, found, write_dated
from demo_study import coarse_demo
from tiny_study import METHODS, tiny_dataset, tiny_grid

import cdrsite.report.accessor  # noqa: F401  (registers .cdr)
from cdrsite.core.words import Words
from cdrsite.explain.place import explain_run
from cdrsite.report.html import script_json
from cdrsite.report.mappage import standalone
from cdrsite.report.mapsource import DatasetSource
from cdrsite.report.mapview import fragment, year_slider
from cdrsite.report.page import write_report
from cdrsite.result.store import grid_of

pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore::ResourceWarning")]

BAD = "</script><img src=x onerror=window.__pwned=1>"


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return coarse_demo(tmp_path_factory)


@pytest.fixture(scope="session")
def page(demo_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(demo_run, "en", tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.driver.quit()


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    chromium.size(1280, 1000)
    return chromium


def place_of(folder: Path, wanted: Callable[[xr.Dataset], Any]) -> tuple[float, float]:
    """Longitude and latitude of the first cell that is wanted."""
    from pyproj import Transformer

    with xr.open_dataset(folder / "result.zarr", engine="zarr", chunks=None) as dataset:
        grid = grid_of(dataset)
        row, col = np.argwhere(np.asarray(wanted(dataset)))[0]
    to_degrees = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform(grid.x[col], grid.y[row])
    return float(lon), float(lat)


def flat(text: str) -> str:
    """A text without the breaks between its sentences."""
    return "".join(text.split())


# -------------------------------------------------------------------- drawing


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_it_opens_without_complaint_or_request(
    browser: Browser, demo_run: Path, tmp_path: Path, lang: str
) -> None:
    path = write_report(demo_run, lang, tmp_path / "report.html")
    assert path.stat().st_size < 5_000_000
    browser.open(path)
    browser.explain(107.3, 36.0)
    assert browser.complaints() == []
    assert browser.requests() == []
    title = {"en": "Where the tonnes are", "zh": "吨数分布"}[lang]
    assert browser.find(".cdrmap-title").text == title


def test_layers_switch_with_their_legend(browser: Browser, page: Path) -> None:
    browser.open(page)
    seen: dict[str, tuple[str, str, str]] = {}
    values = browser.js(
        "return [...document.getElementsByName('cdrmap-layer')].map((e) => e.value)"
    )
    assert values[0] == "" and not browser.js(
        "return document.querySelector('.leaflet-image-layer')"
    )  # it begins with the tonnes on plain ground
    values = values[1:]
    assert {"winner", "binding", "allocated", "cost", "limit", "exclusion_reasons"} <= set(values)
    for value in values:
        browser.choose("cdrmap-layer", value)
        browser.wait(
            "const i = document.querySelector('.leaflet-image-layer');"
            f"return i && i.complete && i.dataset.layer.split('/')[0] === '{value}'"
        )
        source = browser.find(".leaflet-image-layer").get_attribute("src")
        picture = browser.picture()
        seen[value] = (browser.find("#cdrmap-legend").text, source, picture)
    for part in zip(*seen.values(), strict=True):
        assert len(set(part)) == len(seen)
    browser.choose("cdrmap-layer", "cost")
    assert "[USD/t]" in browser.find(".cdrmap-title").text
    one = browser.find("#cdrmap-legend").text
    browser.choose("cdrmap-method", "afforestation")
    assert browser.find("#cdrmap-legend").text != one
    assert browser.find(".cdrmap-title").text.startswith("Afforestation: ")


def test_the_picture_is_not_blank(browser: Browser, page: Path) -> None:
    import base64
    from io import BytesIO

    from matplotlib.image import imread

    browser.open(page)
    browser.choose("cdrmap-layer", "winner")
    shot = browser.picture()
    pixels = imread(BytesIO(base64.b64decode(shot)), format="png")[..., :3]
    whole = np.rint(pixels * 255).astype(np.int64) @ [65536, 256, 1]
    _, counts = np.unique(whole, return_counts=True)
    assert (counts > 0.01 * counts.sum()).sum() >= 4
    green = np.abs(pixels * 255 - [0x00, 0x9E, 0x73]).max(axis=2) < 3
    assert green.sum() > 300  # afforestation, the same green as everywhere


def test_shapes_come_and_go(browser: Browser, page: Path) -> None:
    browser.open(page)
    count = "return document.querySelectorAll('.cdrmap-v-point').length"
    before = browser.js(count)
    browser.choose("cdrmap-vector", "sites")
    assert browser.js(count) > before
    assert "Best sites" in browser.find(".cdrmap-signs").text
    browser.choose("cdrmap-vector", "sites")
    assert browser.js(count) == before
    browser.choose("cdrmap-vector", "storage")
    assert browser.js("return document.querySelectorAll('.cdrmap-v-area').length") > 0


def test_the_slider_sets_the_strength(browser: Browser, page: Path) -> None:
    browser.open(page)
    slider = browser.find("#cdrmap-opacity")
    assert not slider.is_enabled()  # no colours of land are there
    browser.choose("cdrmap-layer", "winner")
    browser.js("arguments[0].focus()", slider)
    slider.send_keys("\ue012" * 10)  # arrow left
    assert float(browser.find(".leaflet-image-layer").value_of_css_property("opacity")) == 0.5
    assert re.match(r"50\s%", browser.find("#cdrmap-percent").text)


# ---------------------------------------------------------------------- words


def test_a_click_says_what_explain_says(browser: Browser, demo_run: Path, page: Path) -> None:
    browser.open(page)
    lon, lat = place_of(demo_run, lambda d: d["allocated"].sel(removal_method="afforestation") > 1)
    at = browser.js(
        "const p = cdrsiteMap.map.latLngToContainerPoint([arguments[1], arguments[0]]);"
        "const box = document.getElementById('cdrmap-stage').getBoundingClientRect();"
        "return [p.x - box.width / 2, p.y - box.height / 2]",
        lon,
        lat,
    )
    from selenium.webdriver import ActionChains

    stage = browser.find("#cdrmap-stage")
    for name in ("plants", "pipes"):
        browser.choose("cdrmap-vector", name)
    ActionChains(browser.driver).move_to_element_with_offset(
        stage, *map(round, at)
    ).click().perform()
    browser.wait("return document.querySelector('#cdrmap-why')?.dataset.cell")
    told = explain_run(demo_run, lon, lat)
    assert browser.js("return document.getElementById('cdrmap-why').dataset.cell") == (
        f"{told.row},{told.column}"
    )
    for name, here in told.methods.items():
        card = browser.find(f"[data-method={name}]").text
        assert flat(card) == flat(
            "".join([here.label, *(what + text for what, text in here.lines)])
        )
    assert "Used: " in browser.find("[data-method=afforestation]").text
    assert told.lead in browser.find("#cdrmap-why").text
    assert told.zones["zone_provinces"][0] in browser.find("#cdrmap-why h3").text
    bubble = browser.find(".leaflet-popup-content").text
    assert "Afforestation" in bubble and "USD per net t" in bubble
    browser.find(".cdrmap-more").click()
    assert browser.js("return document.activeElement.id") == "cdrmap-why"


def test_states_are_told_apart_in_words(browser: Browser, demo_run: Path, page: Path) -> None:
    browser.open(page)

    def code(dataset: xr.Dataset, word: str) -> np.ndarray:
        flags = dict(
            zip(
                str(dataset["limit"].attrs["flag_meanings"]).split(),
                dataset["limit"].attrs["flag_values"],
                strict=True,
            )
        )
        return np.asarray(dataset["limit"].sel(removal_method="daccs-solid") == flags[word])

    text = browser.explain(*place_of(demo_run, lambda d: code(d, "excluded")))
    told = explain_run(demo_run, *place_of(demo_run, lambda d: code(d, "excluded")))
    assert "Excluded: " in text and told.reasons[0] in text
    short = place_of(demo_run, lambda d: d["shortfall"].sel(removal_method="daccs-solid") > 0.01)
    text = browser.explain(*short)
    assert "would cost the plan" in text
    assert flat(explain_run(demo_run, *short).methods["daccs-solid"].lines[0][1]) in flat(text)
    assert "outside the region" in browser.explain(100.0, 30.0)


def test_older_browsers_unpack_the_numbers_themselves(browser: Browser, page: Path) -> None:
    browser.open(page)
    modern = browser.explain(107.3, 36.0)
    script = browser.command(
        "Page.addScriptToEvaluateOnNewDocument", source="delete window.DecompressionStream;"
    )
    try:
        browser.open(page)
        assert browser.js("return typeof DecompressionStream") == "undefined"
        assert browser.explain(107.3, 36.0) == modern
    finally:
        browser.command("Page.removeScriptToEvaluateOnNewDocument", identifier=script["identifier"])


# ------------------------------------------------------------- for all people


def test_the_keyboard_is_enough(browser: Browser, page: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.open(page)
    first = browser.find("input[name=cdrmap-layer]")
    browser.js("arguments[0].focus()", first)
    first.send_keys(Keys.ARROW_DOWN)
    assert browser.find(".cdrmap-title").text == "Which method uses this land"
    browser.driver.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    assert browser.find(".cdrmap-title").text == "Net removal, all methods [t/yr]"
    reached = []
    for _ in range(60):
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(
            browser.js("const e = document.activeElement; return e.id || e.name || e.className")
        )
        if reached[-1] == "cdrmap-stage":
            break
    assert "cdrmap-vector" in reached and "cdrmap-opacity" in reached
    assert reached[-1] == "cdrmap-stage"
    stage = browser.driver.switch_to.active_element
    centre = browser.js("return cdrsiteMap.map.getCenter().lat")
    stage.send_keys(Keys.ARROW_UP)
    browser.wait(f"return cdrsiteMap.map.getCenter().lat > {centre}")
    stage.send_keys(Keys.ENTER)
    browser.wait("return document.querySelector('#cdrmap-why').dataset.cell")


def test_shapes_are_one_stop_with_names(browser: Browser, page: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.open(page)
    stops = "return [...document.querySelectorAll('#cdrmap-stage path[tabindex=\"0\"]')].length"
    nameless = (
        "return [...document.querySelectorAll('#cdrmap-stage path.leaflet-interactive')].filter("
        "(e) => !e.getAttribute('aria-label') || e.getAttribute('role') !== 'button').length"
    )
    assert browser.js(stops) == 1 and browser.js(nameless) == 0
    browser.js("document.querySelector('#cdrmap-stage path[tabindex=\"0\"]').focus()")
    active = "return document.activeElement.getAttribute('aria-label')"
    first = browser.js(active)
    assert browser.js("return cdrsiteMap.map._popup?.isOpen() ?? false") is False
    centre = browser.js("return cdrsiteMap.map.getCenter().lat")
    browser.driver.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    second = browser.js(active)
    assert second and second != first and browser.js(stops) == 1
    browser.driver.switch_to.active_element.send_keys(Keys.ARROW_UP)
    assert browser.js(active) == first
    assert browser.js("return cdrsiteMap.map.getCenter().lat") == centre
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    told = browser.find(".leaflet-popup-content strong").text
    assert first.startswith(told) and ": " in first
    boxes = "[...document.querySelectorAll('input[name=cdrmap-vector]')]"
    browser.js(f"{boxes}.filter((box) => box.checked).forEach((box) => box.click())")
    assert browser.js(stops) == 0
    browser.js(f"{boxes}.find((box) => box.value === 'dots').click()")
    assert browser.js(stops) == 0  # dots are counted, not read one by one
    assert browser.js("return document.querySelectorAll('.cdrmap-v-dots').length") > 100
    browser.js(f"{boxes}.find((box) => box.value === 'tonnes').click()")
    assert browser.js(stops) == 1


def test_controls_have_names_and_groups(browser: Browser, page: Path) -> None:
    browser.open(page)
    nameless = browser.js(
        "return [...document.querySelectorAll('#cdrmap input')].filter((e) =>"
        " !(e.labels.length && e.labels[0].innerText.trim()) && !e.ariaLabel).length"
    )
    assert nameless == 0
    legends = browser.js(
        "return [...document.querySelectorAll('#cdrmap fieldset > legend')].map((e) => e.innerText)"
    )
    assert legends == ["Colours show", "Method", "Rule", "Drawn on top"]
    hidden = "return document.getElementById('cdrmap-rules').hidden"
    assert browser.js(hidden) is True
    browser.choose("cdrmap-layer", "exclusion_reasons")
    assert browser.js(hidden) is False
    browser.choose("cdrmap-rule", "0")
    assert browser.find(".cdrmap-title").text == "What the rules exclude: strictly protected"
    browser.choose("cdrmap-layer", "winner")
    assert browser.js("return document.getElementById('cdrmap-methods').disabled") is True
    browser.choose("cdrmap-layer", "cost")
    assert browser.js("return document.getElementById('cdrmap-methods').disabled") is False


@pytest.mark.parametrize("width", [320, 390, 768])
def test_a_phone_needs_no_scrolling_sideways(browser: Browser, page: Path, width: int) -> None:
    browser.size(width, 800, phone=True)
    browser.open(page)
    browser.explain(107.3, 36.0)
    assert browser.js("return document.documentElement.scrollWidth") <= width
    box = browser.js(
        "const b = document.getElementById('cdrmap-stage').getBoundingClientRect();"
        "return [b.left, b.right, b.height]"
    )
    assert box[0] >= 0 and box[1] <= width and box[2] >= 250


def test_paper_shows_the_whole_region(browser: Browser, page: Path) -> None:
    browser.open(page)
    whole = (
        "const box = JSON.parse(document.getElementById('map-data').textContent).bounds;"
        "return cdrsiteMap.map.getBounds().contains(box)"
    )
    browser.js("cdrsiteMap.map.setZoom(11, {animate: false})")
    assert browser.js(whole) is False
    folded = "return document.querySelectorAll('details:not([open])').length"
    before = browser.js(folded)
    assert before > 3
    browser.js("window.dispatchEvent(new Event('beforeprint'))")
    assert browser.js(whole) is True
    assert browser.js(folded) == 0  # paper shows every value
    browser.js("window.dispatchEvent(new Event('afterprint'))")
    assert browser.js("return cdrsiteMap.map.getZoom()") == 11
    assert browser.js(folded) == before


@pytest.mark.parametrize("width", [390, 1280])
def test_the_frame_cuts_no_circle(browser: Browser, page: Path, tmp_path: Path, width: int) -> None:
    """The largest circle may lie in a corner of the region."""
    text = page.read_text(encoding="utf-8")
    begin = text.index('id="map-data">') + len('id="map-data">')
    end = text.index("</script>", begin)
    data = json.loads(text[begin:end])
    shapes = data["vectors"]["tonnes"]["shapes"]
    largest = max(shapes, key=lambda item: float(item["size"]))
    (south, west), (north, east) = data["bounds"]
    corners = [[west, south], [east, north]]
    for at in corners:
        point = {"type": "Point", "coordinates": at}
        shapes.append(largest | {"geometry": point, "title": "in a corner"})
    moved = tmp_path / "corner.html"
    moved.write_text(text[:begin] + script_json(data) + text[end:], encoding="utf-8")
    browser.size(width, 800)
    browser.open(moved)
    outside = browser.js(
        "const b = document.getElementById('cdrmap-stage').getBoundingClientRect();"
        "return [...document.querySelectorAll('path[aria-label^=\"in a corner\"]')]"
        ".map((path) => path.getBoundingClientRect())"
        ".map((c) => Math.max(b.left - c.left, b.top - c.top, c.right - b.right, "
        "c.bottom - b.bottom))"
    )
    assert len(outside) == 2 and max(outside) <= 0


def test_the_slider_of_years_chooses_what_has_years(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("dated")
    found(write_dated(folder), *GOAL).write(folder / "run")
    browser.open(write_report(folder / "run", "en", folder / "report.html"))
    now = (
        "return [document.querySelector('input[name=cdrmap-layer]:checked').value,"
        "document.getElementById('cdrmap-year-shown').textContent,"
        "document.getElementById('cdrmap-year').value]"
    )
    assert browser.js(now) == ["", "2050", "2"]
    browser.js(
        "const s = document.getElementById('cdrmap-year'); s.value = 0;"
        "s.dispatchEvent(new Event('input'))"
    )
    layer, year, _ = browser.js(now)
    assert layer and year == "2030"
    assert browser.js("return document.querySelector('img[data-layer]').dataset.layer") == (
        f"{layer}@2030"
    )
    # circles are those of the last year: on plain ground the slider says so
    browser.js("document.querySelector('input[name=cdrmap-layer]').click()")
    assert browser.js(now) == ["", "2050", "2"]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("width", [390, 800, 1400])
def test_a_value_stands_on_one_line(
    browser: Browser, demo_run: Path, tmp_path: Path, lang: str, width: int
) -> None:
    browser.size(width, 900)
    browser.open(write_report(demo_run, lang, tmp_path / "report.html"))
    tall = browser.js(
        "for (const one of document.querySelectorAll('details')) one.open = true;"
        "return [...document.querySelectorAll('table:not(.tornado) td.n')].filter((cell) =>"
        "cell.offsetHeight &&"
        "new Set([...cell.querySelectorAll('.v, .unit')].map((part) =>"
        "Math.round(part.getBoundingClientRect().bottom))).size > 1).map((c) => c.innerText)"
    )
    assert tall == []
    assert browser.js("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_paper_cuts_no_column_off(
    browser: Browser, demo_run: Path, tmp_path: Path, lang: str
) -> None:
    browser.size(688, 1000)  # A4 between its margins
    browser.open(write_report(demo_run, lang, tmp_path / "report.html"))
    browser.command("Emulation.setEmulatedMedia", media="print")
    try:
        browser.js("window.dispatchEvent(new Event('beforeprint'))")
        assert browser.js("return document.querySelectorAll('details:not([open])').length") == 0
        beyond = browser.js(
            "return [...document.querySelectorAll('table, pre, p, figure, h2, h3')]"
            ".filter((e) => e.getBoundingClientRect().right > 688.5)"
            ".map((e) => [e.closest('section')?.id, e.innerText.slice(0, 60)])"
        )
        assert beyond == []
    finally:
        browser.command("Emulation.setEmulatedMedia", media="")


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler is not installed")
def test_no_head_ends_a_sheet_of_paper(
    browser: Browser, demo_run: Path, tmp_path: Path, lang: str
) -> None:
    browser.open(write_report(demo_run, lang, tmp_path / "report.html"))
    heads = browser.js(
        "return [...document.querySelectorAll('h2, h3, summary, caption, thead tr, .legend')]"
        ".map((e) => e.textContent)"
    )
    printed = tmp_path / "report.pdf"
    data = browser.command("Page.printToPDF", preferCSSPageSize=True)["data"]
    printed.write_bytes(base64.b64decode(data))
    asked = ["pdftotext", "-layout", str(printed), "-"]
    found = subprocess.run(asked, capture_output=True, check=True).stdout.decode("utf-8")
    pages = [sheet.strip().splitlines() for sheet in found.rstrip("\f").split("\f")]
    assert len(pages) > 10
    known = {_pressed(head) for head in heads}
    for number, lines in enumerate(pages, 1):
        said = [line for line in lines if line.strip()]
        assert _pressed(said[-1]) == f"{number}/{len(pages)}"
        assert len(said) > 4  # no sheet is empty
        assert _pressed(said[-2]) not in known


def _pressed(words: str) -> str:
    return re.sub(r"\s", "", words)


def test_controls_are_not_printed(browser: Browser, tmp_path: Path) -> None:
    view = fragment(DatasetSource(tiny_dataset(tiny_grid())), Words("en"), title="map")
    slider = year_slider([2030, 2040], Words("en"))
    path = tmp_path / "map.html"
    path.write_text(standalone(view, "map", "en").replace("</body>", f"{slider}</body>"), "utf-8")
    browser.open(path)
    seen = (
        "return [...document.querySelectorAll('input, select, button, nav, .cdrmap-ends')]"
        ".filter((e) => e.checkVisibility()).length"
    )
    assert browser.js(seen) > 3
    browser.command("Emulation.setEmulatedMedia", media="print")
    try:
        assert browser.js(seen) == 0
        year = browser.find("#cdrmap-years")
        assert year.text == "Year 2040"  # which year the map tells stays
    finally:
        browser.command("Emulation.setEmulatedMedia", media="")


# ------------------------------------------------------------------- security


def test_names_from_the_data_do_not_run(browser: Browser, tmp_path: Path) -> None:
    dataset = tiny_dataset(tiny_grid()).assign_coords(removal_method=[BAD, METHODS[1]])
    for name in ("title", "objective"):
        dataset.attrs[name] = BAD
    dataset.attrs["exclusion_rules"] = [BAD, f"{BAD}2", f"{BAD}3"]
    dataset.attrs["exclusion_rules_for"] = [BAD] * 3
    dataset["pool_water"].attrs["labels"] = [BAD, BAD]
    dataset["zone_provinces"] = dataset["pool_water"].assign_attrs(labels=[BAD, "<b>x</b>"])
    dataset["winner"].attrs["flag_meanings"] = f"{BAD.replace(' ', '_')} a b unknown excluded"
    path = dataset.cdr.explore().save(tmp_path / "map.html")
    browser.open(path)
    found = dataset.cdr.explain(x=float(tiny_grid().x[3]), y=float(tiny_grid().y[1]))
    lon, lat = found.lon, found.lat
    text = browser.explain(lon, lat)
    assert BAD in text
    for value in ("exclusion_reasons", "cost", "winner"):
        browser.choose("cdrmap-layer", value)
    assert browser.js("return window.__pwned") is None
    assert browser.js("return document.querySelectorAll('img[src=x]').length") == 0
    assert browser.complaints() == [] and browser.requests() == []


def test_names_of_shapes_do_not_run(browser: Browser, tmp_path: Path) -> None:
    dataset = tiny_dataset(tiny_grid())
    middle = dataset.cdr.explain(x=float(tiny_grid().x[2]), y=float(tiny_grid().y[2]))
    at = {"type": "Point", "coordinates": [middle.lon, middle.lat]}
    plant = {"geometry": at, "title": BAD, "facts": [(BAD, BAD)], "colour": "#0072B2", "size": 5.0}
    layer = {"title": BAD, "kind": "point", "shown": True, "scale": "map.scale.area"}
    view = fragment(
        DatasetSource(dataset), Words("en"), vectors={BAD: {**layer, "shapes": [plant]}}, title=BAD
    )
    path = tmp_path / "map.html"
    path.write_text(standalone(view, BAD, "en"), encoding="utf-8")
    browser.open(path)
    browser.find(".cdrmap-v-point").click()
    browser.wait("return document.querySelector('.leaflet-popup-content')")
    assert BAD in browser.find(".leaflet-popup-content").text
    assert BAD in browser.find(".cdrmap-signs").text
    assert browser.js("return window.__pwned") is None
    assert browser.complaints() == [] and browser.requests() == []


# ------------------------------------------------------------------ notebooks


def test_exploring_works_in_a_notebook_page(browser: Browser, tmp_path: Path) -> None:
    dataset = tiny_dataset(tiny_grid())
    shown = dataset.cdr.explore()._repr_html_()
    page = tmp_path / "notebook.html"
    page.write_text(
        f"<!doctype html><meta charset='utf-8'><div class='jp-OutputArea'>{shown}</div>",
        encoding="utf-8",
    )
    browser.driver.get_log("performance")
    browser.driver.get_log("browser")
    browser.driver.get(page.as_uri())
    browser.driver.switch_to.frame(browser.find("iframe"))
    try:
        browser.wait("return document.querySelector('#cdrmap')?.dataset.ready === 'yes'")
        browser.choose("cdrmap-layer", "cost")
        assert "[USD/t]" in browser.find(".cdrmap-title").text
        told = dataset.cdr.explain(x=float(tiny_grid().x[3]), y=float(tiny_grid().y[0]))
        text = browser.explain(told.lon, told.lat)
        assert "30.0 t/yr gross, each tonne of which removes 0.800 t net" in text
        assert "Limited by water: 90.0 m³/yr offered, 3.00 m³ needed per gross tonne" in text
    finally:
        browser.driver.switch_to.default_content()
    assert browser.complaints() == [] and browser.requests() == []


def test_a_hidden_map_fits_when_it_is_shown(browser: Browser, page: Path, tmp_path: Path) -> None:
    hidden = tmp_path / "hidden.html"
    text = page.read_text(encoding="utf-8")
    hidden.write_text(
        text.replace("<body", "<style>.off #cdrmap {display: none}</style><body class='off'", 1),
        encoding="utf-8",
    )
    browser.driver.get_log("browser")
    browser.driver.get(hidden.as_uri())
    browser.wait("return document.querySelector('#cdrmap')?.dataset.ready === 'yes'")
    browser.js("document.body.classList.remove('off')")
    browser.wait("return cdrsiteMap.map.getSize().x > 0")
    shown = browser.js(
        "return [cdrsiteMap.map.getZoom(), cdrsiteMap.map.getBounds().toBBoxString()]"
    )
    browser.driver.get(page.as_uri())
    browser.wait("return document.querySelector('#cdrmap')?.dataset.ready === 'yes'")
    assert shown == browser.js(
        "return [cdrsiteMap.map.getZoom(), cdrsiteMap.map.getBounds().toBBoxString()]"
    )
    assert browser.complaints() == []


def test_exploring_one_array_gives_its_values(browser: Browser, tmp_path: Path) -> None:
    dataset = tiny_dataset(tiny_grid())
    path = dataset["supply_water"].cdr.explore().save(tmp_path / "map.html")
    browser.open(path)
    told = dataset.cdr.explain(x=float(tiny_grid().x[3]), y=float(tiny_grid().y[0]))
    assert "90.0 m³/yr" in browser.explain(told.lon, told.lat)
    assert browser.complaints() == []
