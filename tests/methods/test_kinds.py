"""What kind of a tonne a method makes: classes of durability, and methods that only avoid."""

from __future__ import annotations

import io
import math
import re
import warnings
from pathlib import Path

import pytest
from one_method import OneMethod
from rich.console import Console
from tiny_scenario import SCENARIO, write_world

from cdrsite.cli.tables import print_summary
from cdrsite.config.load import parse_scenario
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.core.words import LANGUAGES, Words
from cdrsite.library.files import FOLDER
from cdrsite.library.methods import load_method, method_names
from cdrsite.methods.kinds import DURABILITY_CLASSES, UNKNOWN, by_durability, durability_class
from cdrsite.methods.net import expected_retention
from cdrsite.report.page import write_report
from cdrsite.study.run import run

pytestmark = pytest.mark.usefixtures("without_slopes")


def test_classes_by_years() -> None:
    years = (0.0, 29.9, 30.0, 99.0, 100.0, 999.0, 1000.0, 1e4)
    classes = [durability_class(one) for one in years]
    assert classes == [name for name in DURABILITY_CLASSES for _ in range(2)]
    assert durability_class(math.nan) == UNKNOWN


def test_every_class_has_words() -> None:
    for lang in LANGUAGES:
        assert all(Words(lang).has(f"durability.{n}") for n in (*DURABILITY_CLASSES, UNKNOWN))


def test_sums_by_class() -> None:
    rows = [(">1000", 3.0, 1.0), ("30-100", 2.0, 0.25), (">1000", 1.0, 0.5)]
    found = by_durability(rows)
    assert list(found) == list(DURABILITY_CLASSES[::-1])
    assert found[">1000"] == {"net_mt_yr": 4.0, "retained_mt_yr": 3.5}
    assert found["30-100"] == {"net_mt_yr": 2.0, "retained_mt_yr": 0.5}
    assert found["<30"] == {"net_mt_yr": 0.0, "retained_mt_yr": 0.0}
    assert UNKNOWN in by_durability([(UNKNOWN, 1.0, 1.0)])


@pytest.mark.parametrize(("half_life", "expected"), [(35.0, 0.1380), (25.0, 0.0625)])
def test_what_is_left_after_a_century(half_life: float, expected: float) -> None:
    """Sawn wood and panels: 2^(-100/h), and with a hazard the product of both shares."""
    decay = math.log(2) / half_life
    assert expected_retention(decay) == pytest.approx(expected, abs=5e-5)
    both = expected_retention(decay + 0.01)
    assert both == pytest.approx(expected_retention(0.01) * 2 ** (-100 / half_life), rel=1e-12)


RATES = "  afforestation: {gates: false}\n  other: {library: other.yaml}\n"


@pytest.fixture(scope="module")
def avoiding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of a forest, and of another one that is said only to avoid; its folder."""
    home = tmp_path_factory.mktemp("avoiding")
    write_world(home)
    text = (FOLDER / "methods" / "afforestation.yaml").read_text(encoding="utf-8")
    text = text.replace("durability:", "ledger_class: avoided\ndurability:", 1)
    text = re.sub(
        r"^title:.*\n(?:  .*\n)*",
        "title: {en: Other woods, zh: 别的林子}\n",
        text,
        count=1,
        flags=re.M,
    )
    (home / "other.yaml").write_text(text, encoding="utf-8")
    scenario = parse_scenario(
        SCENARIO.replace("  afforestation: {gates: false}\n", RATES), home / "s.yaml"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        result = run(scenario)
    said = [text for text in result.warnings if "removes nothing, so no plan takes it" in text]
    assert len(said) == 1 and "methods.other" in said[0]
    folder = result.write(home / "run")
    table = result.tables["methods"].set_index("method")
    assert table.loc["afforestation", "net_mt_yr"] > 0
    return folder


def test_what_only_avoids_is_in_no_sum(avoiding: Path) -> None:
    """Not in the plan, not in the map of winners, not in what it could do alone (rule 5)."""
    from cdrsite.outputs.runfolder import RunFolder

    found = RunFolder(avoiding)
    other = found.summary["methods"]["other"]
    assert (other["net_mt_yr"], other["gross_mt_yr"], other["alone_net_mt_yr"]) == (0, 0, 0)
    assert other["ledger_class"] == "avoided"
    methods = found.summary["methods"].values()
    assert found.summary["net_mt_yr"] == pytest.approx(sum(one["net_mt_yr"] for one in methods))
    lasting = found.summary["durability"]
    assert sum(one["net_mt_yr"] for one in lasting.values()) == pytest.approx(
        found.summary["net_mt_yr"]
    )
    with found.dataset() as data:
        names = list(data["removal_method"].to_numpy())
        assert not (data["winner"] == names.index("other")).any()
        assert not (data["allocated"].sel(removal_method="other") > 0).any()
        assert not (data["equal_share"].sel(removal_method="other") > 0).any()


@pytest.mark.parametrize(
    ("lang", "title", "note"),
    [
        ("en", "How long it stays stored", "Beside this table, and in no sum: Other woods avoids "),
        ("zh", "封存能维持多久", "不在此表中，也不计入任何合计：别的林子在允许的土地上每年可避免"),
    ],
)
def test_the_page_says_how_long_and_names_what_only_avoids(
    avoiding: Path, lang: str, title: str, note: str
) -> None:
    page = write_report(avoiding, lang).read_text(encoding="utf-8")
    assert title in page and note in re.sub(r"<[^>]+>", "", page)
    table = page.split(f"<h3>{Words(lang)('by_method.title')}</h3>")[1].split("</table>")[0]
    table = re.sub(r"<[^>]+>", "", table)
    assert (
        Words(lang).method("afforestation") in table
        and "Other woods" not in table
        and "别的林子" not in table
    )


def test_methods_of_the_library_say_how_long_and_what_they_are() -> None:
    classes = {
        name: durability_class(load_method(name).profile().number("durability", default=math.nan))
        for name in method_names()
    }
    assert UNKNOWN not in classes.values()
    assert classes["cropland-soil-carbon"] == "<30" and classes["daccs-solid"] == ">1000"


def test_peat_is_in_no_plan(tmp_path: Path) -> None:
    result = OneMethod(tmp_path, "peat-rewetting").run({}, {})
    assert result.summary["net_mt_yr"] == 0
    assert (result.dataset["winner"] != 0).all()


@pytest.mark.parametrize(
    ("lang", "line", "sentence"),
    [
        (
            "en",
            "Peat rewetting avoids 0.0437 Mt/yr, removes nothing",
            "and removes nothing: no plan",
        ),
        ("zh", "泥炭地再湿润避免 0.0437 百万吨/年，不移除", "不移除二氧化碳，因此移除方案不采用它"),
    ],
)
def test_what_avoids_says_how_much_and_that_it_removes_nothing(
    tmp_path: Path, lang: str, line: str, sentence: str
) -> None:
    """48 km2 of which half is usable, 18.197314 t/ha: not that nothing fits."""
    result = OneMethod(tmp_path, "peat-rewetting").run({"gates": False}, {})
    row = result.tables["methods"].iloc[0]
    assert row["avoidable_mt_yr"] == pytest.approx(2400 * 18.197314 / 1e6, rel=1e-5)
    assert row["alone_limits"] == "removes nothing" and row["net_mt_yr"] == 0
    # of the plan, which takes none of it
    assert result.tables["ledgers"].iloc[0]["avoided_mt_yr"] == 0
    out = io.StringIO()
    print_summary(result, tmp_path, Console(file=out, width=80), lang)
    assert line in " ".join(out.getvalue().split())
    result.write(tmp_path / "run", lang=lang)
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    plain = re.sub(r"<[^>]+>", "", page)
    assert sentence in plain and "nothing fits" not in plain


def test_what_avoids_and_may_be_nowhere_fits_nowhere(tmp_path: Path) -> None:
    ground = {"layer": "slope", "op": ">=", "value": 80}
    peat = OneMethod(tmp_path, "peat-rewetting")
    result = peat.run({"gates": {"drained_peat": False, "steep": ground}}, {})
    row = result.tables["methods"].iloc[0]
    assert row["avoidable_mt_yr"] == 0 and row["alone_limits"] == "nothing fits"
