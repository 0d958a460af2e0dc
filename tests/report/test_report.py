"""The report of a run: numbers, escaping, languages, markup, and runs that lack things."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import math
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_run import Page, report, summary, tables, write_run
from ruamel.yaml import YAML
from tiny_study import tiny_result

from cdrsite.config.load import parse_scenario
from cdrsite.core.errors import ConfigError
from cdrsite.core.numbers import exact, number, table_amount
from cdrsite.core.vocabulary import sized
from cdrsite.core.words import FOLDER, LANGUAGES, Words
from cdrsite.library.files import FOLDER as LIBRARY
from cdrsite.methods.model import method_model
from cdrsite.outputs.assumptions import known_assumptions
from cdrsite.outputs.palette import GROUND_COLOUR, METHOD_COLOURS, method_colour
from cdrsite.outputs.runfolder import RunFolder
from cdrsite.outputs.tables import write_json
from cdrsite.report import page as page_module
from cdrsite.report.basis import own_value
from cdrsite.report.curve import round_step, steps_of, ticks
from cdrsite.report.frame import MAX_ROWS, Frame
from cdrsite.report.html import script_json, tag, text
from cdrsite.report.page import write_report

REPORT = Path(page_module.__file__).parent
THIN = "\u202f"
EVIL = """</script><img src=x onerror="document.title='hit'"> & {0} "quoted" 'too'"""


def resolve(folder: Path, pointer: str) -> float | None:
    """Value at a pointer, read again from the files: JSON for the summary, CSV for tables."""
    names = [
        part.replace("~1", "/").replace("~2", "+").replace("~0", "~") for part in pointer.split("/")
    ]
    if names[0] == "tables":
        with (folder / "tables" / f"{names[1]}.csv").open(encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        return float(rows[int(names[2])][names[3]])
    found: Any = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    for name in names:
        if name == "#":
            return len(found)
        found = found[int(name)] if isinstance(found, list) else found[name]
    return found


def assert_numbers_are_true(folder: Path, page: Page) -> int:
    """Every marked number equals its source, and its text is the number as it is shown."""
    seen = 0
    for name, attrs, shown in page.texts:
        if attrs.get("data-key") is None:
            continue
        assert name == "span"
        parts = [resolve(folder, part) for part in str(attrs["data-key"]).split("+")]
        known = [part for part in parts if part is not None]
        value = float(str(attrs["data-value"]))
        assert value == (known[0] if len(known) == 1 else math.fsum(known)), attrs
        if "data-plain" in attrs:
            assert shown == str(attrs["data-value"])
        else:
            factor = float(attrs.get("data-factor") or 1)
            whole = re.fullmatch(r"-?\d+", str(attrs["data-value"])) and factor == 1
            scaled = int(value) if whole else value * factor
            told = table_amount if "data-amount" in attrs else number
            assert shown == told(scaled, int(attrs.get("data-digits") or 3)), attrs
        seen += 1
    return seen


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("report") / "run")


# -------------------------------------------------------------------- numbers


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_number_is_that_of_the_summary(folder: Path, lang: str) -> None:
    page = report(folder, lang)
    assert assert_numbers_are_true(folder, page) > 80
    keys = {key for _, attrs, _ in page.texts if (key := attrs.get("data-key"))}
    wanted = {"net_mt_yr", "cost_musd_yr", "mean_cost_usd_t", "region_km2", "objective/gap"}
    wanted |= {f"methods/{m}/net_mt_yr" for m in ("daccs-solid", "afforestation")}
    wanted |= {f"binding/{i}/price" for i in range(3)} | {"network/gap", "network/plants"}
    wanted |= {"tables/pools/1/use", "tables/exclusions/1/removes_km2", "tables/sites/1/net_t_yr"}
    assert wanted <= keys


def test_no_number_of_a_table_stands_without_its_source(folder: Path) -> None:
    """Cells of the tables of results hold marked numbers, or shares that are bars as well."""
    page = report(folder)
    source = page.source.split('id="assumptions"')[0]
    cells = re.findall(r'<td class="n">(.*?)</td>', source)
    assert len(cells) > 60
    bare = {re.sub("<[^>]*>", "", cell) for cell in cells if "data-key" not in cell}
    assert bare <= {"0", "–", "100", "10.0", "adds to it"}


def test_the_first_screen_says_it_in_human_units(folder: Path) -> None:
    page = report(folder)
    answer = page.text_of("section", id="answer")[0]
    assert "1.75 Mt/yr" in answer and "525 million USD/yr" in answer and "300 USD/t" in answer
    assert f"1{THIN}000 m³ of water a year" in answer and "85.5 t net" in answer
    assert "1 t of CO₂ injection a year" in answer and "0.701 t net" in answer
    assert "Water – 1 of 2 used up" in answer and "north" in answer
    assert "Rules of policy – 1 rule limits the plan" in answer
    assert f"proven to be within 0.0007{THIN}% of the best one possible" in answer
    assert f"at most 0.92{THIN}% more than the cheapest one" in answer
    assert f"8.1{THIN}% of the cost of transport" in answer
    assert "1 warning to read" in answer
    # the year is a year, not a quantity
    assert "USD of 2020" in answer


@pytest.mark.parametrize("lang", LANGUAGES)
def test_land_that_methods_share_is_told_where_it_adds_up_to_too_much(
    tmp_path: Path, lang: str
) -> None:
    note = {"en": "the total is more than the region has", "zh": "合计面积大于区域面积"}[lang]
    for name, factor in (("plain", 0.1), ("shared", 10.0)):
        folder = write_run(tmp_path / name)
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        whole = sum(one["land_km2"] or 0.0 for one in summary["methods"].values())
        summary["region_km2"] = whole / factor
        write_json(folder / "summary.json", summary)
        page = write_report(folder, lang).read_text(encoding="utf-8")
        assert (note in page) == (factor > 1)


def test_a_rule_that_asks_for_more_takes_away(folder: Path) -> None:
    answer = report(folder).text_of("section", id="answer")[0]
    assert "asked for by the rule “share”" in answer and "takes 0.0300 t" in answer


@pytest.mark.parametrize(("lang", "words"), [("en", "adds to it"), ("zh", "净增")])
def test_what_the_plan_adds_to_a_supply_is_no_negative_share(
    folder: Path, lang: str, words: str
) -> None:
    pools = report(folder, lang).text_of("section", id="pools")[0]
    assert words in pools and "-50" not in pools and "\u221250" not in pools


def test_ranked_sites_say_whether_the_plan_builds_there(folder: Path) -> None:
    sites = report(folder).text_of("section", id="sites")[0]
    assert "In the plan" in sites and "yes" in sites and "no" in sites
    assert "The places that the plan uses come first" in sites


def test_units_of_supplies_are_those_of_a_planner(folder: Path) -> None:
    pools = report(folder).text_of("section", id="pools")[0]
    assert "million m³/yr" in pools and "TWh/yr" in pools and f"t per 1{THIN}000 m³" in pools
    assert "−1.00" in pools  # a grid that is fed


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (0, 3, "0"),
        (0.0, 3, "0"),
        (26.8995, 3, "26.9"),
        (12345.6, 3, f"12{THIN}346"),
        (999.6, 3, f"1{THIN}000"),
        (0.9996, 3, "1.00"),
        (1.142e-05, 3, "1.1 × 10⁻⁵"),
        (-3.2, 3, "−3.20"),
        (9.5e-21, 3, "0"),
        (-1e-13, 3, "0"),
        (2e-12, 3, "2.0 × 10⁻¹²"),
        (7.4e-4, 1, "0.0007"),
        (125685, 3, f"125{THIN}685"),
        (None, 3, "–"),
        (float("nan"), 3, "–"),
        (float("inf"), 3, "–"),
        (True, 3, "True"),
        ("text", 3, "text"),
    ],
)
def test_numbers_are_written_for_people(value: object, digits: int, shown: str) -> None:
    assert number(value, digits) == shown


@given(st.floats(1e-4, 1e12), st.integers(1, 6))
def test_a_shown_number_is_the_number_within_its_precision(value: float, digits: int) -> None:
    shown = float(number(value, digits).replace(THIN, ""))
    assert abs(shown - value) <= max(0.5 * 10 ** (math.floor(math.log10(value)) + 1 - digits), 0.5)


def test_published_numbers_stay_as_published() -> None:
    assert exact(1000) == f"1{THIN}000" and exact(0.0495) == "0.0495" and exact(None) == "–"
    assert exact(1e-05) == "1 × 10⁻⁵" and exact(-0.5) == "−0.5"
    assert exact(-610.0) == "−610" and exact("2 m3/t") == "2 m3/t"


# ------------------------------------------------------------------- escaping


@pytest.mark.parametrize("lang", LANGUAGES)
def test_names_from_the_data_do_nothing(tmp_path: Path, lang: str) -> None:
    page = report(write_run(tmp_path / "run", EVIL), lang)
    assert not page.all("img")
    assert not [key for _, attrs in page.elements for key in attrs if key.startswith("on")]
    scripts = page.all("script")
    assert len(scripts) <= 2 and [s.get("type") for s in scripts] in (
        [], ["application/json", None],
    )  # fmt: skip
    # and each of them can be read, word for word
    for part in ("pools", "provinces", "sites", "exclusions", "network", "warnings", "assumptions"):
        assert EVIL in page.text_of("section", id=part)[0], part
    assert EVIL in page.text_of("h1")[0] and EVIL in page.text_of("title")[0]


def test_addresses_of_sources_are_links_only_if_they_are_web_pages(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    record = {"title": {}, "profile": "p", "profile_title": "", "note": "", "override": {}}
    value = {
        "parameter": "water", "value": 1.0, "unit": "m3/t", "low": None, "high": None,
        "source": "bad", "locator": "", "note": "", "alternative": False,
    }  # fmt: skip
    sources = {
        "bad": {"citation": "B", "url": "javascript:alert(1)", "note": ""},
        "good": {"citation": "G", "url": "https://doi.org/10.1/x", "note": ""},
    }
    methods = {"daccs-solid": {**record, "values": [value, {**value, "source": "good"}]}}
    write_json(folder / "assumptions.json", {"methods": methods, "sources": sources})
    links = [a["href"] for a in report(folder).all("a")]
    assert "https://doi.org/10.1/x" in links
    others = [str(link) for link in links if not str(link).startswith(("#", "https://"))]
    assert others and all((folder / link).is_file() for link in others)


def test_json_in_a_script_cannot_end_it() -> None:
    data = {"name": EVIL + "<!-- ]]> \u2028", "n": float("nan"), "ok": [1, 2.5]}
    written = script_json(data)
    assert not set("<>&\u2028") & set(written)
    back = json.loads(written)
    assert back == {"name": data["name"], "n": None, "ok": [1, 2.5]}


def test_markup_escapes_text_and_attributes() -> None:
    assert text('<a b="c">&') == "&lt;a b=&quot;c&quot;&gt;&amp;"
    made = tag("a", text("<"), href='"><b>', class_="x", data_key="k", hidden=True, open=False)
    assert made == '<a href="&quot;&gt;&lt;b&gt;" class="x" data-key="k" hidden>&lt;</a>'
    assert tag("br") == "<br>"


# ------------------------------------------------------------ one page, offline


def test_the_page_asks_for_nothing_from_outside(folder: Path) -> None:
    page = report(folder)
    assert not page.all("link") and not page.all("iframe") and not page.all("base")
    for name, attrs in page.elements:
        for key in ("src", "srcset", "action", "poster", "xlink:href"):
            assert key not in attrs or str(attrs[key]).startswith("data:"), name
    style = "".join(page.text_of("style"))
    assert "@import" not in style
    assert all(
        found.startswith(("data:", "#")) for found in re.findall(r"url\(['\"]?([^)]*)", style)
    )
    policies = [m["content"] for m in page.all("meta") if m.get("http-equiv")]
    assert len(policies) == 1 and str(policies[0]).startswith("default-src 'none';")


def test_the_policy_lets_the_own_script_run_and_no_other(folder: Path) -> None:
    page = report(folder)
    policy = next(str(m["content"]) for m in page.all("meta") if m.get("http-equiv"))
    allowed = re.search(r"script-src ([^;]*);", policy)
    assert allowed is not None
    own = [found for name, attrs, found in page.texts if name == "script" and "type" not in attrs]
    if not own:
        assert allowed.group(1) == "'none'"
    for script in own:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert allowed.group(1) == f"'sha256-{digest}'"


def test_the_same_run_gives_the_same_bytes_and_no_time(folder: Path, tmp_path: Path) -> None:
    first = write_report(folder, target=tmp_path / "a.html").read_bytes()
    assert first == write_report(folder, target=tmp_path / "b.html").read_bytes()
    assert b"2031" not in first and b"created" not in first


def test_it_lies_in_the_folder_or_where_it_is_wanted(folder: Path, tmp_path: Path) -> None:
    assert write_report(folder) == folder / "report.html"
    target = tmp_path / "new" / "中文.html"
    assert write_report(folder, "zh", target) == target and target.is_file()
    with pytest.raises(ConfigError, match="a folder is in the way"):
        write_report(folder, target=tmp_path)
    with pytest.raises(ConfigError, match="does not speak this language"):
        write_report(folder, "xx")
    with pytest.raises(ConfigError, match="no such run"):
        write_report(tmp_path / "nowhere")


# ----------------------------------------------------------- accessible markup


@pytest.mark.parametrize("lang", LANGUAGES)
def test_headings_landmarks_and_anchors_are_in_order(folder: Path, lang: str) -> None:
    page = report(folder, lang)
    assert page.all("html")[0]["lang"] == {"en": "en", "zh": "zh-Hans"}[lang]
    for landmark in ("header", "nav", "main", "footer"):
        assert len(page.all(landmark)) == 1
    levels = [int(name[1]) for name, _ in page.elements if re.fullmatch("h[1-6]", name)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    ids = [str(attrs["id"]) for _, attrs in page.elements if attrs.get("id")]
    assert len(ids) == len(set(ids))
    for link in page.all("a"):
        href = str(link["href"])
        assert not href.startswith("#") or href[1:] in ids, href
    for _, attrs in page.elements:
        if attrs.get("aria-labelledby"):
            assert attrs["aria-labelledby"] in ids
    assert page.all("a")[0]["class"] == "skip" and page.all("a")[0]["href"] == "#main"


def test_tables_have_captions_and_scopes(folder: Path) -> None:
    page = report(folder)
    captions = page.text_of("caption")
    assert len(page.all("table")) == len(captions) > 10
    assert all(caption.strip() for caption in captions)
    assert all(th.get("scope") in {"col", "row"} for th in page.all("th"))
    rows = re.findall(r"<tr>(.*?)</tr>", page.source)
    assert all("scope=" in row for row in rows)
    # what scrolls can be reached from the keyboard
    scrolls = [a for n, a in page.elements if n == "div" and a.get("class") == "scroll"]
    assert scrolls and all(a.get("tabindex") == "0" for a in scrolls)


def test_the_drawing_has_words_and_a_table(folder: Path) -> None:
    page = report(folder)
    drawing = next(a for a in page.all("svg") if "aria-label" in a)
    assert drawing["role"] == "img"
    assert drawing["aria-label"] == (
        "Supply curve: 1.75 Mt of net removal a year, from 40.5 to 400 USD per net tonne"
    )
    colours = {a["fill"] for a in page.all("rect")}
    assert {"#0072B2", "#009E73"} <= colours


def test_contrast_of_text_is_enough() -> None:
    """WCAG 2 AA: 4.5 to 1 for text on white, and on the badge's ground."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(a: str, b: str) -> float:
        high, low = sorted((luminance(a), luminance(b)), reverse=True)
        return (high + 0.05) / (low + 0.05)

    style = (REPORT / "assets" / "page.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", style))
    for name in ("ink", "muted", "link"):
        assert contrast(colours[name], "#ffffff") >= 4.5, name
        assert contrast(colours[name], colours["tint"]) >= 4.5, name
    badge = re.search(r"\.badge \{[^}]*color: (#\w{6}); background: (#\w{6})", style)
    assert badge is not None and contrast(*badge.groups()) >= 4.5
    # a browser that darkens pages leaves it as it is: colours of maps are numbers, and so is this
    assert re.search(r"^html \{[^}]*color-scheme: only light;", style, re.M)
    edge = re.search(r'color: "(#\w{6})", weight: 0\.9', (REPORT / "assets" / "map.js").read_text())
    assert edge is not None
    for colour in (GROUND_COLOUR, "#ffffff", *METHOD_COLOURS.values()):
        assert max(contrast(edge[1], colour), contrast(colour, GROUND_COLOUR)) >= 3, colour


# ------------------------------------------------------------------- languages


def places(text_: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text_))


WORD_FILES = sorted(p.name.removesuffix("en.yaml") for p in FOLDER.glob("*en.yaml"))


def words_of(part: str, lang: str) -> dict[str, str]:
    read = YAML(typ="safe").load((FOLDER / f"{part}{lang}.yaml").read_text(encoding="utf-8"))
    return {key: str(value) for key, value in read.items()}


@pytest.mark.parametrize("part", WORD_FILES)
def test_both_languages_have_the_same_words_and_places(part: str) -> None:
    en, zh = words_of(part, "en"), words_of(part, "zh")
    assert en.keys() == zh.keys()
    for key in en:
        assert places(en[key]) == places(zh[key]), key
        # what is the same in both has no words: places, signs, units
        if en[key] == zh[key] and "unit." not in key:
            bare = re.sub(r"\{\w+\}|SHA-256|CO₂|%|kB|\bP\d+\b|\b[A-Z]\b", "", en[key])
            assert not re.search(r"\w", bare), key


@pytest.mark.parametrize("part", WORD_FILES)
def test_every_key_is_used(part: str) -> None:
    package = REPORT.parents[1]
    files = [*package.rglob("*.py"), *REPORT.rglob("*.js")]
    sources = "".join(p.read_text(encoding="utf-8") for p in files)
    literal = set(re.findall(r'"([a-z_]+(?:\.[^"{}]*)?)"', sources))
    built = re.findall(r'f"([a-z_]+\.[^"]*\{[^"]*)"', sources)
    patterns = [re.compile(re.sub(r"\\\{.*?\\\}", ".+", re.escape(p))) for p in built]
    kinds = set(re.findall(r'named\(\s*"([\w.]+)"', sources))
    for listed in re.findall(r"for kind in \(([^)]*)\)", sources):
        kinds |= set(re.findall(r'"(\w+)"', listed))
    for key in words_of(part, "en"):
        bare = key.removesuffix(".one").removesuffix(".many")
        used = bare in literal or {key.split(".")[0], key.rpartition(".")[0]} & kinds
        assert used or any(p.fullmatch(key) for p in patterns), key


def test_the_chinese_page_speaks_chinese(folder: Path) -> None:
    page = report(folder, "zh")
    han = re.compile(r"[\u4e00-\u9fff]")
    heads = [t for n in ("h2", "h3", "caption", "dt", "summary") for t in page.text_of(n)]
    plain = [t for t in heads if not han.search(t)]
    # names of files and of sources stay as they are
    assert all(re.fullmatch(r"[\w./-]+", t) for t in plain), plain
    for term in ("净移除量", "影子价格", "注入能力", "平准化成本", "运输距离", "总捕集量", "封存"):
        assert term in page.source, term
    assert "仅用该方法时的上限" in page.source and "米/年" in page.source


def test_a_run_keeps_its_own_values_and_writes_its_report(tmp_path: Path) -> None:
    method = LIBRARY / "methods" / "afforestation.yaml"
    own = method.read_text(encoding="utf-8").replace("name: afforestation", "name: mine")
    own += "\nsources:\n  mine-1999: {citation: 'Mine (1999)', kind: report}\n"
    own = re.sub(r"source: bernal-2018", "source: mine-1999", own)
    (tmp_path / "mine.yaml").write_text(own, encoding="utf-8")
    extra = "methods: {daccs-solid: {override: {water: 2 m3/t}}, mine: {library: mine.yaml}}\n"
    result = tiny_result(tmp_path)
    text_ = "name: own\ndata_folder: .\nregion: {bounds: [6, 50, 7, 51]}\n" + extra
    result.scenario = parse_scenario(text_, tmp_path / "own.yaml")
    result.models = {name: method_model(name, result.scenario) for name in ("daccs-solid", "mine")}
    result.summary["methods"]["mine"] = result.summary["methods"].pop("afforestation")
    folder = result.write(tmp_path / "run")
    (tmp_path / "mine.yaml").unlink()  # the run keeps what it needs
    first = (folder / "report.html").read_bytes()
    assert write_report(folder, target=folder / "again.html").read_bytes() == first
    found = Page(first.decode("utf-8")).text_of("section", id="assumptions")[0]
    assert "mine-1999" in found and "Mine (1999)" in found and "2 m3/t" in found
    kept = json.loads((folder / "assumptions.json").read_text(encoding="utf-8"))
    assert kept["methods"]["daccs-solid"]["override"] == {"water": "2 m3/t"}
    assert {row["parameter"] for row in kept["methods"]["mine"]["values"]} >= {"uptake", "buffer"}


# ----------------------------------------------------------- runs that lack things


def test_a_run_with_methods_alone_is_reported(tmp_path: Path) -> None:
    listed = {"methods": tables()["methods"].iloc[:1]}
    folder = write_run(tmp_path / "run", listed=listed, changes={"network": None})
    page = report(folder)
    assert_numbers_are_true(folder, page)
    sections = {str(a["id"]) for a in page.all("section")}
    assert {"answer", "exclusions", "assumptions", "warnings", "reproduce"} <= sections
    assert not {"pools", "supply", "provinces", "sites", "network"} & sections
    assert "No shared supply and no rule is used up" in page.text_of("section", id="answer")[0]
    assert "excludes nothing" in page.text_of("section", id="exclusions")[0]


def test_a_summary_that_lacks_numbers_shows_dashes(tmp_path: Path) -> None:
    page = report(tiny_result(tmp_path).write(tmp_path / "run"))
    answer = page.text_of("section", id="answer")[0]
    assert "–" in answer and "nan" not in answer.lower() and "None" not in answer


def test_a_plan_that_removes_nothing_says_why(tmp_path: Path) -> None:
    listed = tables()
    for column in ("net_mt_yr", "gross_mt_yr", "cost_musd_yr", "land_km2"):
        listed["methods"][column] = 0.0
    listed["methods"]["mean_cost_usd_t"] = math.nan
    listed["supply_curve"] = listed["supply_curve"].iloc[:0]
    listed["pools"]["price"] = 0.0
    changes = {"net_mt_yr": 0.0, "cost_musd_yr": 0.0, "mean_cost_usd_t": None}
    folder = write_run(tmp_path / "run", listed=listed, changes=changes)
    page = report(folder)
    assert_numbers_are_true(folder, page)
    answer = page.text_of("section", id="answer")[0]
    assert "Nothing can be removed here" in answer and "0 Mt/yr" in answer and "–" in answer
    assert not page.text_of("section", id="supply")


def test_other_objectives_say_what_they_are(tmp_path: Path) -> None:
    listed = tables()
    row = ("policy", "target", "t/yr", 1.75e6, 1.75e6, 0.0, 350.0, "USD per t", True)
    listed["pools"].loc[len(listed["pools"])] = row
    listed["pools"]["price_unit"] = listed["pools"]["price_unit"].str.replace("t per", "USD per")
    changes = summary(listed)
    changes["objective"] |= {"name": "cost", "unit": "USD/yr", "gap": 0.0}
    goal = {"minimise": "cost", "target": 1.75e6, "then": "net_removal"}
    folder = write_run(
        tmp_path / "cost", listed=listed, changes=changes, scenario={"objective": goal}
    )
    answer = report(folder).text_of("section", id="answer")[0]
    assert "cheapest plan" in answer and "At least 1.75 Mt a year" in answer
    assert "the one that removes the most" in answer
    assert "proven to be the best one possible" in answer
    assert "asked for by the rule “target”" in answer and "costs 350 USD" in answer
    assert "saves 85.5 USD" in answer

    changes["objective"] |= {"name": "value", "value": 4.2e8, "status": "gap open", "gap": 0.02}
    goal = {"maximise": "value", "credits": [{"amount": 500.0}], "budget": 6e8}
    folder = write_run(
        tmp_path / "value", listed=listed, changes=changes, scenario={"objective": goal}
    )
    answer = report(folder).text_of("section", id="answer")[0]
    assert "most value: 420 million USD a year" in answer
    assert "may not exceed 600 million USD" in answer
    assert f"a plan up to 2{THIN}% better may exist" in answer
    assert "85.5 USD of value" in answer


def test_thousands_of_rows_are_cut_and_counted(tmp_path: Path) -> None:
    listed = tables()
    many = 3000
    listed["pools"] = pd.concat([listed["pools"].iloc[[1]]] * many, ignore_index=True)
    listed["pools"]["zone"] = [f"basin {i}" for i in range(many)]
    listed["pools"].loc[many - 1, "price"] = 0.5
    listed["provinces"] = pd.DataFrame(
        {
            "zone": [f"unit {i}" for i in range(many)], "method": "daccs-solid",
            "net_mt_yr": range(many), "gross_mt_yr": 1.0, "cost_musd_yr": 1.0, "land_km2": 1.0,
        }
    )  # fmt: skip
    folder = write_run(tmp_path / "run", listed=listed)
    path = write_report(folder)
    assert path.stat().st_size < 2e6
    page = Page(path.read_text(encoding="utf-8"))
    pools = page.text_of("section", id="pools")[0]
    left = f"{many - MAX_ROWS:,}".replace(",", THIN)
    assert f"{left} further rows are not shown here; they are in tables/pools.csv" in pools
    # what binds comes first, wherever it stands in the table
    assert pools.index(f"basin {many - 1}") < pools.index("basin 0")
    provinces = page.text_of("section", id="provinces")[0]
    assert f"{left} further rows" in provinces and f"unit {many - 1}" in provinces


def test_methods_of_ones_own_keep_name_and_colour(tmp_path: Path) -> None:
    listed = tables()
    own = {"daccs-solid": "rock/dust+1"}
    listed["methods"]["method"] = listed["methods"]["method"].replace(own)
    listed["supply_curve"] = listed["supply_curve"].rename(columns=own)
    for name in ("provinces", "sites", "limits"):
        listed[name]["method"] = listed[name]["method"].replace(own)
    folder = write_run(
        tmp_path / "run",
        listed=listed,
        scenario={"methods": {"rock/dust+1": {"library": "x.yaml"}}},
    )
    page = report(folder)
    assert assert_numbers_are_true(folder, page) > 80
    assert "rock/dust+1" in page.text_of("section", id="answer")[0]
    assert method_colour("rock/dust+1") in page.source
    assert "whose values the run did not keep" in page.text_of("section", id="assumptions")[0]


def test_the_assumptions_name_value_unit_range_and_source(folder: Path) -> None:
    found = report(folder).text_of("section", id="assumptions")[0]
    assert f"11{THIN}000" in found and "m²/(t/yr)" in found
    assert "china-cdr-discussion" in found and "Nature Energy" in found
    assert "638 … 1" + THIN + "116" in found  # capex with its range
    assert "another source" in found and "set by the study" in found and "2 m3/t" in found


@pytest.mark.parametrize(
    ("told", "value", "unit", "where"),
    [
        ("1593.72839 USD/(t/yr) (milestones.cost.solid)", f"1{THIN}593.72839", "USD/(t/yr)",
         "milestones.cost.solid"),
        ("30 yr (water)", "30", "years", None),  # the key is the row itself
        ("2 m3/t", "2", "m³/t", None),
        ("-1e-05", "−1 × 10⁻⁵", "", None),
        ("0.5 (a.b)", "0.5", "", "a.b"),
        (0.25, "0.25", "", None),
        ("as the wind blows", '<span class="given">as the wind blows</span>', "", None),
    ],
)  # fmt: skip
def test_a_number_of_the_study_stands_in_the_columns(
    folder: Path, told: object, value: str, unit: str, where: str | None
) -> None:
    frame = Frame(RunFolder(folder), Words("en"))
    source = "set by the study" + (f" <code>{where}</code>" if where else "")
    assert own_value(frame, "water", told) == [value, unit, "", source]


def test_values_that_the_library_no_longer_has_are_left_out() -> None:
    choices = {"daccs-solid": {"profile": "gone"}, "afforestation": {}, "own": {"library": "x"}}
    found = known_assumptions(choices)
    assert list(found["methods"]) == ["afforestation"]
    assert found["methods"]["afforestation"]["profile"] == "literature"
    cited = {row["source"] for row in found["methods"]["afforestation"]["values"]}
    assert set(found["sources"]) == cited


# ---------------------------------------------------------------- supply curve


def curve_rows(nets: list[tuple[int, float, float]]) -> list[dict[str, Any]]:
    return [
        {"cost_from_usd_t": float(c), "cost_to_usd_t": c + 1.0, "a": a, "b": b} for c, a, b in nets
    ]


@given(
    st.lists(
        st.tuples(st.integers(0, 1999), st.floats(0, 10), st.floats(0.001, 10)),
        min_size=1, max_size=80, unique_by=lambda row: row[0],
    ).map(sorted)
)  # fmt: skip
def test_the_drawn_curve_keeps_every_tonne_in_rising_classes(
    nets: list[tuple[int, float, float]],
) -> None:
    steps = steps_of(curve_rows(nets), ("a", "b"))
    for name, column in (("a", 1), ("b", 2)):
        drawn = math.fsum(step.net for step in steps if step.method == name)
        assert drawn == pytest.approx(math.fsum(row[column] for row in nets), abs=1e-9)
    assert len({step.low for step in steps}) <= 49
    for before, after in pairwise(steps):
        assert after.start == pytest.approx(before.start + before.net)
        assert after.cost >= before.cost - 1e-9
    assert all(step.low <= step.cost <= step.high + 1e-9 for step in steps)


def test_axes_have_round_numbers() -> None:
    assert [round_step(v) for v in (0.3, 1, 1.1, 3, 7, 60)] == [0.5, 1, 2, 5, 10, 100]
    assert ticks(0, 26.9, 6) == [0, 5, 10, 15, 20, 25, 30]
    assert ticks(-30, 90) == [-50, 0, 50, 100]
    assert ticks(0, 0) == [0, 1]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (8_650_123, "t/yr", "8.65 Mt/yr"),
        (999_999, "t/yr", "1.00 Mt/yr"),
        (27_522, "t/yr", f"27{THIN}522 t/yr"),
        (2.5e9, "kWh/yr", "2.50 TWh/yr"),
        (3e5, "m2", "0.300 km²"),
        (4e5, "kWh/yr", "0.400 GWh/yr"),
        (-4e9, "USD/yr", f"−4{THIN}000 million USD/yr"),
        (5.0, "Mm3", "5.00 million m³"),
        (0.0, "t/yr", "0 t/yr"),
    ],
)
def test_an_amount_is_written_in_the_unit_that_fits(value: float, unit: str, text: str) -> None:
    assert sized(value, unit) == text
