"""The figures of a run: each in every format and language, the same bytes, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import pytest
import report_run
from matplotlib.legend import Legend
from pandas import read_csv
from tiny_study import tiny_result

from cdrsite.core.errors import ConfigError
from cdrsite.core.words import Words
from cdrsite.outputs.runfolder import RunFolder
from cdrsite.outputs.tables import write_tables
from cdrsite.report import figures
from cdrsite.report.figures import FORMATS, chinese_font, write_figures
from cdrsite.report.frame import Frame

NAMES = ("1-plan", "2-cost", "3-supply-curve", "4-methods", "5-what-moves-it")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny run with a supply curve and numbers that move it."""
    folder = tmp_path_factory.mktemp("figures")
    written = tiny_result(folder).write(folder / "run")
    listed = report_run.tables()
    write_tables(written / "tables", {n: listed[n] for n in ("supply_curve", "sensitivity")})
    return written


def words_of(path: Path) -> str:
    """All words of an SVG, one after another."""
    return " ".join(re.findall(r"<text[^>]*>([^<]*)<", path.read_text(encoding="utf-8")))


def test_five_figures_in_every_format(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "DPI", 40)
    written = write_figures(run, tmp_path)
    assert written == [tmp_path / f"{name}.{kind}" for name in NAMES for kind in FORMATS]
    starts = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
    assert all(path.read_bytes().startswith(starts[path.suffix[1:]]) for path in written)
    total = read_csv(run / "tables" / "methods.csv")["net_mt_yr"].sum()
    said = words_of(tmp_path / "1-plan.svg")
    assert f"{total:.3g}" in said and "Solid-sorbent air capture" in said
    assert "daccs-solid" not in said  # titles, not names of files
    assert "At the high end" in words_of(tmp_path / "5-what-moves-it.svg")
    again = write_figures(run, tmp_path / "again", formats=("svg",))
    for path in again:  # rule 9
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


def test_figures_in_chinese(run: Path, tmp_path: Path) -> None:
    try:
        chinese_font()
    except ConfigError:
        pytest.skip("this machine has no font with Chinese characters")
    write_figures(run, tmp_path, "zh", ("svg",))
    for name in NAMES:
        assert re.search("[\u4e00-\u9fff]{2}", words_of(tmp_path / f"{name}.svg")), name
    assert "excluded" not in words_of(tmp_path / "1-plan.svg")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_plan_over_years_says_the_year_and_whose_tonnes(run: Path, lang: str) -> None:
    frame = Frame(RunFolder(run), Words(lang))
    assert figures._dated(frame, "title") == "title"
    frame.run.summary["pathway"] = {"years": [2030, 2060]}
    assert figures._dated(frame, "title") == frame.words("chart.dated", year=2060, title="title")
    frame.run.summary["pathway"]["net_of_emitters_mt_yr"] = [0.1, 0.2]
    said = figures._dated(frame, "title")
    assert said == frame.words("chart.dated.methods", year=2060, title="title")


@pytest.mark.parametrize("layers", [(), ("storage",), ("provinces", "storage", "pipes")])
def test_all_that_is_drawn_on_the_plan_is_named(layers: tuple[str, ...]) -> None:
    words = Words("en")
    figure, ax = plt.subplots()
    figures._signs(ax, SimpleNamespace(run=SimpleNamespace(layers=layers), words=words))
    legends = [one for one in ax.get_children() if isinstance(one, Legend)]
    named = [text.get_text() for legend in legends for text in legend.get_texts()]
    assert named == [words(f"map.vector.{name}") for name in figures.SIGNS if name in layers]
    assert all(one in ax.get_default_bbox_extra_artists() for one in legends)  # has its room
    plt.close(figure)


@pytest.mark.parametrize("lines", [1, 2, 3, 5])
def test_long_labels_have_room(run: Path, monkeypatch: pytest.MonkeyPatch, lines: int) -> None:
    long = "word " * (figures.WRAPPED["label"] // 5 * lines)
    monkeypatch.setattr(figures, "number_words", lambda words, path: long.strip())
    frame = Frame(RunFolder(run), Words("en"))
    figure, ax = plt.subplots(figsize=figures.SIZE)
    assert figures._moves(ax, frame, None)
    assert ax.get_yticklabels()[0].get_text().count("\n") == lines - 1
    tall = figures.SIZE[1] * max(1.0, lines / figures.LINES)
    assert figure.get_size_inches().tolist() == pytest.approx([figures.SIZE[0], tall])
    plt.close(figure)


def test_figures_in_the_runs_folder_are_of_the_run(run: Path) -> None:
    written = write_figures(run, run / "figures", formats=("svg",))
    files = json.loads((run / "manifest.json").read_text(encoding="utf-8"))["files"]
    assert {path.relative_to(run).as_posix() for path in written} <= set(files)


def test_what_a_run_has_no_numbers_for_has_no_figure(tmp_path: Path) -> None:
    folder = tiny_result(tmp_path).write(tmp_path / "run")
    for name in ("supply_curve", "sensitivity"):
        for file in (folder / "tables").glob(f"{name}.*"):
            file.unlink()
    names = {path.stem for path in write_figures(folder, tmp_path / "f", formats=("svg",))}
    assert names == {"1-plan", "2-cost", "4-methods"}


def test_a_wrong_request_writes_nothing(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with pytest.raises(ConfigError, match=r"no such format of a figure.*got jpg.*png, svg, pdf"):
        write_figures(run, out, formats=("png", "jpg"))
    monkeypatch.setattr(figures, "CHINESE_FONTS", ("No such font",))
    with pytest.raises(ConfigError, match=r"no font with Chinese characters.*cure: install one"):
        write_figures(run, out, "zh")
    with pytest.raises(ConfigError):
        write_figures(tmp_path, out)
    assert not out.exists()
