"""The check of the manual's links sees what leads nowhere."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / ".ci" / "links.py"


def test_links_to_no_page_and_to_no_place_are_seen(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("links", FILE)
    assert spec is not None and spec.loader is not None
    links = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(links)
    (tmp_path / "a").mkdir()
    (tmp_path / "index.html").write_text(
        '<h1 id="top">x</h1><a href="a/b.html#here">1</a><a href="#top">2</a>'
        '<a href="a/b.html#gone">3</a><a href="c.html">4</a><img src="d%20e.png">'
        '<a href="https://example.org/x">5</a>',
        encoding="utf-8",
    )
    (tmp_path / "a" / "b.html").write_text('<p id="here"><a href="../index.html#top">', "utf-8")
    (tmp_path / "d e.png").write_bytes(b"")
    found = links.broken(tmp_path)
    assert found == ["index.html: a/b.html#gone", "index.html: c.html"]
    assert "python .ci/links.py" in (ROOT / ".ci" / "run").read_text("utf-8")
