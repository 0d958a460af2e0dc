"""Methods of a user's own are called by the titles that their files bring."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path

import pytest
from tiny_scenario import SCENARIO, write_world

from cdrsite.compare.runs import compare_runs
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


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_titles_are_in_report_legends_and_comparisons(
    results: list[StudyResult], tmp_path: Path, lang: str
) -> None:
    """As text, never as markup."""
    folder, less = (
        one.write(tmp_path / name, lang=lang) for one, name in zip(results, "ab", strict=True)
    )
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
    both = write_comparison(compare_runs(folder, less), tmp_path / "both", lang)
    assert NAMES[lang] in (both / "compare.html").read_text(encoding="utf-8")


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
