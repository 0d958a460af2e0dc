"""Links of the report to the files beside it: each is there, has its size, and none leads away."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from report_run import Page, tables, write_run
from tiny_study import tiny_result

from cdrsite.core.numbers import number
from cdrsite.report.page import write_report


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("files")
    return tiny_result(place).write(place / "a run")


class Links(HTMLParser):
    """Links of a page to files, and the text from each to the end of its cell or item."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.after: dict[str, list[str]] = {}
        self.open: str | None = None
        self.feed(page)

    def handle_starttag(self, name: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href") or "#"
        if name == "a" and not href.startswith(("#", "https://")):
            self.open = unquote(href)
            self.after.setdefault(self.open, [])

    def handle_endtag(self, name: str) -> None:
        if name in {"dd", "td", "th", "p"}:
            self.open = None

    def handle_data(self, data: str) -> None:
        if self.open is not None:
            self.after[self.open].append(data)


def test_every_file_that_one_asks_for_is_linked_with_its_size(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    assert len(page.encode()) < 5_000_000
    found = Links(page).after
    asked = {
        path.relative_to(run).as_posix()
        for kind in (
            "tables/*.csv",
            "tables/*.parquet",
            "rasters/*.tif",
            "*.gpkg",
            "*.qgs",
            "*.json",
        )
        for path in run.glob(kind)
    }
    assert asked <= set(found) and {"tables/methods.csv", "cdrsite.qgs"} <= asked
    for name in found:
        assert (run / name).is_file() and ":" not in name and ".." not in name
    for name in [name for name in asked if name.startswith(("tables/", "rasters/"))]:
        size = (run / name).stat().st_size
        shown, unit = (size / 1e6, "MB") if size >= 1e6 else (size / 1e3, "kB")
        told = f"{number(shown)} {unit}"
        cell = re.search(
            rf'<a href="{re.escape(name)}"><code>[^<]*</code></a> <span[^>]*>(.*?)<', page
        )
        assert cell is not None and cell.group(1) == told, name
    # the manifest holds times: its size would not be the same in each run
    assert not re.search(r"manifest\.json</code></a></dt><dd>[^<]*<span", page)


def test_a_page_elsewhere_names_files_and_links_to_none(run: Path, tmp_path: Path) -> None:
    before = (run / "report.html").read_bytes()
    away = write_report(run, target=tmp_path / "page.html").read_text(encoding="utf-8")
    assert Links(away).after == {} and "The files lie in the folder of the run" in away
    assert "tables/methods.csv" in away or "methods.csv" in away
    assert write_report(run).read_bytes() == before


def test_what_is_not_there_is_no_link(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", listed=tables())
    (folder / "tables" / "pools.parquet").unlink()
    (folder / "tables" / "odd &name#1?.csv").write_text("a\n1\n", encoding="utf-8")
    page = write_report(folder).read_text(encoding="utf-8")
    found = Links(page).after
    assert "tables/pools.parquet" not in found and "tables/pools.csv" in found
    assert "tables/odd &name#1?.csv" in found and "cdrsite.gpkg" not in found
    assert all((folder / name).is_file() for name in found)
    assert Page(page).text_of("h3").count("Files of the run") == 1
