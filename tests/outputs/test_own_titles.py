"""Methods of a user's own are called by the titles that their files bring."""

from __future__ import annotations

import io
import json
import re
import warnings
from pathlib import Path

import pytest
from rich.console import Console
from tiny_scenario import SCENARIO, write_world

from cdrsite.cli.compare import print_batch, print_comparison
from cdrsite.compare.batch import run_batch
from cdrsite.compare.runs import compare_runs
from cdrsite.compare.variants import Variant
from cdrsite.compare.write import write_comparison
from cdrsite.config.load import parse_scenario
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.core.words import TITLES, Words
from cdrsite.explain.place import explain_place
from cdrsite.library.files import FOLDER
from cdrsite.result.study_result import StudyResult
from cdrsite.study.run import run

FOREST = "title: {en: Afforestation and reforestation, zh: 造林与再造林}"
GROVE = 'title: {en: "Bamboo <b>groves</b>", zh: 竹林}'
NAMES = {"en": "Bamboo &lt;b&gt;groves&lt;/b&gt;", "zh": "竹林"}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[StudyResult]:
    """The tiny study with a forest of a user's own file, also with less land."""
    folder = tmp_path_factory.mktemp("world")
    write_world(folder)
    text = (FOLDER / "methods" / "afforestation.yaml").read_text(encoding="utf-8")
    assert FOREST in text
    (folder / "grove.yaml").write_text(text.replace(FOREST, GROVE), encoding="utf-8")
    mine = "  grove: {library: grove.yaml, gates: false}"
    scenario = SCENARIO.replace("  afforestation: {gates: false}", mine)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return [
            run(parse_scenario(text, folder / "s.yaml"))
            for text in (scenario, scenario.replace("usable: 0.5", "usable: 0.4"))
        ]


@pytest.fixture
def result(results: list[StudyResult]) -> StudyResult:
    return results[0]


@pytest.fixture(scope="module")
def less(results: list[StudyResult], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run with less land, which is compared."""
    return results[1].write(tmp_path_factory.mktemp("runs") / "less")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_titles_are_in_report_legends_and_comparisons(
    result: StudyResult, less: Path, tmp_path: Path, lang: str
) -> None:
    """As text, never as markup."""
    folder = result.write(tmp_path / "a", lang=lang)
    page = (folder / "report.html").read_text(encoding="utf-8")
    shown = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert NAMES[lang] in shown and "<b>groves" not in page
    table = shown.split(f"<h3>{Words(lang)('by_method.title')}</h3>")[1].split("</table>")[0]
    assert NAMES[lang] in re.sub(r"<[^>]+>", "", table)
    assert NAMES[lang] in (folder / "cdrsite.qgs").read_text(encoding="utf-8").replace(
        "&amp;lt;", "&lt;"
    )
    legend = (folder / "rasters" / "winner.qml").read_text(encoding="utf-8")
    assert NAMES[lang] in legend
    found = compare_runs(folder, less)
    both = write_comparison(found, tmp_path / "both", lang)
    assert NAMES[lang] in (both / "compare.html").read_text(encoding="utf-8")
    said = io.StringIO()
    print_comparison(found, lang=lang, console=Console(file=said, width=100))
    assert ("grove" if lang == "en" else NAMES[lang]) in said.getvalue()  # English as it is typed


def test_a_batch_has_the_titles_of_its_runs(
    result: StudyResult, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = tmp_path / "s.yaml"
    write_world(tmp_path)
    data = result.scenario.data_folder
    text = SCENARIO.replace(
        "  afforestation: {gates: false}",
        f"  grove: {{library: {data / 'grove.yaml'}, gates: false}}",
    )
    scenario.write_text(text, encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        batch = run_batch([Variant("one", scenario)], tmp_path / "batch", lang="zh")
    assert not batch.failed
    assert NAMES["zh"] in (tmp_path / "batch" / "batch.html").read_text(encoding="utf-8")
    print_batch(batch, tmp_path / "batch", "zh")
    assert NAMES["zh"] in capsys.readouterr().out


def test_shapes_of_a_map_in_a_notebook_have_the_titles(result: StudyResult) -> None:
    page = result.explore(lang="zh").html
    held = re.search(r'id="map-data">(.*?)</script>', page, re.DOTALL)
    assert held is not None
    shapes = json.loads(held[1])["vectors"]["tonnes"]["shapes"]
    assert NAMES["zh"] in {one["title"] for one in shapes}


def test_a_place_is_told_by_the_title(result: StudyResult) -> None:
    words = Words("zh").of(result.dataset.attrs)
    assert words.method("grove") == "竹林"
    assert words.method("daccs-solid") == Words("zh").method("daccs-solid")
    x, y = result.dataset["x"].values[3], result.dataset["y"].values[3]
    told = explain_place(result.dataset, result.grid, x, y, words)
    assert told.methods["grove"].label == "竹林"


def test_shipped_methods_keep_their_words() -> None:
    given = {TITLES: json.dumps({"biochar": {"en": "Mine"}, "grove": {"en": "Grove"}})}
    words = Words("zh").of(given)
    assert words.method("biochar") == Words("zh").method("biochar")
    assert words.method("grove") == "Grove"  # no Chinese title
    assert Words().of({}).method("grove") == "grove"
