"""The pages on several runs in a real browser: nothing asked for, nothing cut off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Browser
from tiny_scenario import write_world

from cdrsite.compare.batch import run_batch
from cdrsite.compare.runs import compare_runs
from cdrsite.compare.variants import Variant
from cdrsite.compare.write import write_comparison

pytestmark = pytest.mark.clients

HOSTILE = "</title><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.driver.quit()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("several")
    study = write_world(folder)
    runs = [
        Variant("as it is", study),
        Variant(HOSTILE, study, ("siting.exclude.2.above=25 degree", f"title={HOSTILE!r}")),
        Variant("steep", study, ("siting.exclude.2.above=25 degree",)),
        Variant("fails", study, ("resources.water.supply=nowhere",)),
    ]
    run_batch(runs, folder / "out")
    written = sorted(path.parent for path in (folder / "out").glob("*/manifest.json"))
    written = [path for path in written if path.name != "steep"]
    compared = write_comparison(compare_runs(*written), folder / "compared")
    chinese = write_comparison(compare_runs(*written), folder / "chinese", "zh")
    return {
        "batch": folder / "out" / "batch.html",
        "compare": compared / "compare.html",
        "chinese": chinese / "compare.html",
    }


OVER = """
return [...document.querySelectorAll('main *, header *')]
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll'))
  .map((e) => e.outerHTML.slice(0, 80))
"""


@pytest.mark.parametrize("name", ["batch", "compare", "chinese"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_opens_without_complaint_and_fits(
    chromium: Browser, pages: dict[str, Path], name: str, width: int
) -> None:
    chromium.size(width, 900, phone=width < 500)
    chromium.driver.get("about:blank")
    chromium.requests(), chromium.complaints()
    chromium.driver.get(pages[name].resolve().as_uri())
    assert chromium.js("return document.readyState") == "complete"
    assert chromium.requests() == [] and chromium.complaints() == []
    assert chromium.js(OVER) == []
    assert HOSTILE in chromium.js("return document.body.textContent")
    drawn = "return [...document.images].map((i) => i.complete && i.naturalWidth > 0)"
    assert chromium.js(drawn) == [True] * 6


@pytest.mark.parametrize("width", [360, 800])
def test_numbers_of_a_bar_stand_beside_one_another(
    chromium: Browser, pages: dict[str, Path], width: int
) -> None:
    chromium.size(width, 900, phone=width < 500)
    chromium.driver.get(pages["batch"].resolve().as_uri())
    rows = chromium.js(
        "return [...document.querySelectorAll('.tornado tr')].map((row) =>"
        "[...row.querySelectorAll('.n')].map((cell) => cell.getBoundingClientRect())"
        ".map((cell) => [Math.round(cell.left), Math.round(cell.bottom)]))"
    )
    assert len(rows) > 1
    for cells in rows:
        assert len(cells) == 3 and len({bottom for _, bottom in cells}) == 1
        assert cells == sorted(cells)
