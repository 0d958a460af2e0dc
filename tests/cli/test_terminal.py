"""What the terminal shows, captured."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import numba
import pandas as pd
import pytest
from numba.core.event import Listener, install_listener
from rich.cells import cell_len
from rich.console import Console
from tiny_study import POOLS, RULES, tiny_result

import cdrsite.core.kernel  # noqa: F401 - hears of compilations
from cdrsite.cli import catalogue, methods
from cdrsite.cli import tables as terminal
from cdrsite.cli.binding import binding_table, planner_price
from cdrsite.cli.lines import limit_words
from cdrsite.cli.progress import Progress, amount_text, time_text
from cdrsite.cli.tables import open_console, ranked_warnings, soft, text_table
from cdrsite.core.errors import ConfigError
from cdrsite.core.numbers import exact, number
from cdrsite.core.words import Words
from cdrsite.library.datasets import dataset_names
from cdrsite.library.gates import Gate, told
from cdrsite.library.methods import load_method, method_names
from cdrsite.methods.supply import WHOLE
from cdrsite.outputs.legend import of_whom
from cdrsite.outputs.palette import group_of


def plain_console(width: int = 100) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=False)


def shown(console: Console) -> str:
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b" not in text  # no colour codes where there is no terminal
    return str(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0, "0"),
        (12345.678, "12\u202f346"),
        (1234567, "1\u202f234\u202f567"),
        (-0.5, "−0.500"),
        (3.14159, "3.14"),
        (0.000576, "0.000576"),
        (1.2e-7, "1.2 × 10⁻⁷"),
        (999.6, "1\u202f000"),
        (float("nan"), "–"),
        (None, "–"),
    ],
)
def test_numbers_for_people(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(11000.0, "11\u202f000"), (0.0495, "0.0495"), (1e-5, "1 × 10⁻⁵"), (-2.5, "−2.5"), (None, "–")],
)
def test_published_numbers_keep_their_digits(value: float | None, text: str) -> None:
    assert exact(value) == text


def test_the_summary_says_the_answer(tmp_path: Path) -> None:
    console = plain_console()
    terminal.print_summary(tiny_result(tmp_path), Path("runs") / "tiny", console)
    text = shown(console)
    assert re.search(
        r"afforestation\s+988\s+1\u202f235\s+–\s+–\s+12\u202f346\s+1\u202f000\s+nothing fits", text
    )
    assert re.search(r"daccs-solid\s+0\.000576\s+.*250.*land 80 %,", text)
    assert re.search(r"total\s+988\s+1\u202f235", text)
    assert "USD of 2020" in text and "Mt/yr" in text and "km²" in text
    assert re.search(
        r"water\s+1\u202f000 million m³/yr\s+25\.3 net t per 1\u202f000 m³\s+lower <b>basin</b>",
        text,
    )
    assert "north" not in text  # a pool without a price does not bind
    assert "net removal 987.7 Mt/yr, optimal within 1e-5 (bound 987.7, 13 sweeps)" in text
    assert "steep, over 15° 12%; 城镇 1 km 5.9%" in text
    assert "1 warning" in text and "1.  layer x covers 93 % of the region" in text
    assert text.rstrip().endswith(f"results in {Path('runs') / 'tiny'}")


def test_the_summary_speaks_chinese_too(tmp_path: Path) -> None:
    """Nothing of it stays English but what the user and the scenario named, files and warnings."""
    console = plain_console()
    result = tiny_result(tmp_path)
    result.summary["net_mt_yr"] = 2.0
    lost = {f"{reason}_net_mt_yr": 0.25 for reason in terminal.NOT_BUILT}
    result.summary["buildable"] = {"net_mt_yr": 1.25, **lost}
    result.summary["network"] = {
        "status": "gap", "gap": 0.01, "gap_transport": 0.02, "reproducible": False, "plants": 3,
        "pipes": 2, "pipes_km": 1234.0, "stored_mt_yr": 1.0, "cost_usd_t": 20.0,
        "transport_usd_t": 5.0,
    }  # fmt: skip
    terminal.print_summary(result, Path("runs") / "tiny", console, "zh")
    text = shown(console)
    assert "其中 1.25 可以建成；0.250 百万吨/年在一处不足以建厂" in text
    assert "净移除 987.7 百万吨/年，在 1e-5 内最优（界 987.7，13 轮）" in text
    assert "3 座工厂，2 条管道共 1\u202f234 公里" in text and "因 time_limit 提前结束" in text
    assert re.search(r"水 .*25\.3 净吨 每1\u202f000 立方米", text)
    assert f"结果在 {Path('runs') / 'tiny'}" in text
    own = (
        "A tiny study", *RULES, *POOLS, *result.warnings, "tables/exclusions.csv",
        "time_limit", "runs/tiny", "nothing fits", "land", "water",
    )  # fmt: skip
    flat = " ".join(text.split())
    for one in own:
        flat = flat.replace(one, "")
    assert re.findall(r"[A-Za-z]{2,}", flat) == []


def test_a_rule_for_all_methods_names_none_where_methods_keep_others_besides() -> None:
    """The table has a row for each group of methods that keep the same rules."""
    rules = pd.DataFrame(
        {
            "rule": ["steep", "parks", "parks", "far", "far"],
            "methods": ["air", "air", "crop, forest", "air", "crop, forest"],
            "removes_km2": [30.0, 9.0, 9.0, 4.0, 2.0],
            "removes_percent": [50.0, 15.0, 15.0, 7.0, 3.0],
        }
    )
    line = terminal.exclusion_line(rules, ("air", "crop", "forest"), Words())
    assert "steep 50% of the region (air)" in line
    assert "parks 15%;" in line
    assert "far 7.0% (air)" in line


@pytest.mark.parametrize("width", [60, 76, 80, 100])
def test_numbers_stay_whole_at_any_width(tmp_path: Path, width: int) -> None:
    console = plain_console(width)
    terminal.print_summary(tiny_result(tmp_path), Path("run"), console)
    text = shown(console)
    assert re.search(r"afforestation +988 ", text) and "12\u202f346" in text
    # a unit may go on below its number, a number may not
    assert re.search(r"water +1\u202f000 million( m³/yr)? +25\.3 net t per( 1\u202f000 m³)?", text)


def test_chinese_names_stand_in_their_columns() -> None:
    columns = (("盆地", "name"), ("supply\nMm³/yr", "right"), ("where", "left"))
    rows = [("上游流域", "1\u202f234", "北方, 南方"), ("lower", "5", "x")]
    console = plain_console(60)
    terminal.show_table(console, text_table("", columns, rows))
    lines = [
        line for line in shown(console).splitlines() if "1\u202f234" in line or "lower" in line
    ]
    ends = [cell_len(line[: re.search(r"\d(?=\s+[^\s\d])", line).end()]) for line in lines]  # type: ignore[union-attr]
    assert len(lines) == 2 and len(set(ends)) == 1


def test_one_line_for_each_kind_of_pool_that_binds() -> None:
    def row(family: str, zone: str, price: float, supply: float) -> dict[str, object]:
        unit = "t/yr" if family == "policy" else "m3/yr"
        per = "t per t" if family == "policy" else "t per m3"
        return {"family": family, "zone": zone, "unit": unit, "supply": supply, "price": price,
                "price_unit": per}  # fmt: skip

    rows = [row("water", f"W{i}", 0.05 - 0.01 * i, 2e6) for i in range(5)]
    rows += [row("policy", "cap of north", 0.5, 1e3), row("policy", "cap of south", 0.4, 1e3)]
    console = plain_console()
    columns, lines, _ = binding_table(rows, "net removal", Words(), where=True)
    console.print(terminal.text_table("", columns, lines))
    text = shown(console)
    assert re.search(
        r"water +10\.0 million m³/yr +50\.0 net t per 1\u202f000 m³ +W0, W1, W2 and 2 more\b", text
    )
    assert len(re.findall(r"^ +rules of policy ", text, re.MULTILINE)) == 2


def test_supplies_of_a_month_are_told_by_the_month_and_targets_as_what_they_cost() -> None:
    water = {"family": "water", "unit": "m3/yr", "price_unit": "USD per m3", "sense": "<="}
    rows = [
        {**water, "zone": "West: month 2", "supply": 8e3, "price": 2210.0},
        {**water, "zone": "East: month 2", "supply": 2e3, "price": 20.0},
        {**water, "zone": "West: month 3", "supply": 9e3, "price": 10.0},
        {**water, "zone": "West", "supply": 5e6, "price": 0.5},
        {"family": "policy", "zone": "removal 2060", "unit": "t/yr", "supply": 8e6, "sense": ">=",
         "price": 144.0, "price_unit": "USD per t"},
    ]  # fmt: skip
    _, lines, _ = binding_table(rows, "cost", Words(), where=True)
    assert lines == [
        ("water in February", "10\u202f000 m³", "2\u202f210 $ per m³", "West, East"),
        ("water in March", "9\u202f000 m³", "10.0 $ per m³", "West"),
        ("water", "5.00 million m³/yr", "500 $ per 1\u202f000 m³", "West"),
        ("rules of policy", "at least 8.00 Mt/yr", "costs 144 $ per t", "removal 2060"),
    ]


def test_warnings_come_once_and_the_important_ones_first() -> None:
    texts = [
        "layers.a (a.gpkg): repaired 3 invalid polygon(s) (self-intersections and the like)",
        "layers.b (b.tif): covers 71.5% of the region; the rest is unknown (rule 2)",
        "storage unit left out: S1: depth 650 m",
        "daccs-solid: land of 11,000 m2 per t/yr: likely given per kt",
        "layers.b (b.tif): covers 71.5% of the region; the rest is unknown (rule 2)",
        "something new",
    ]
    assert ranked_warnings(texts) == [texts[3], texts[5], texts[2], texts[1], texts[0]]
    console = plain_console()
    terminal.print_warnings([f"warning {i} of many" for i in range(30)], console, Words())
    text = shown(console)
    assert "30 warnings" in text and "12.  warning 11" in text and "warning 12 of" not in text
    assert "18 more in manifest.json" in text
    terminal.print_warnings([], console, Words())
    assert shown(console) == text


def test_long_names_break_between_their_words() -> None:
    assert soft("transport_injection_loss", 12) == "transport_\ninjection_\nloss"
    assert soft("USD2020/(t/yr)", 40) == "USD2020/(t/yr)"
    assert soft("", 5) == ""


@pytest.mark.parametrize("width", [60, 100])
def test_text_fits_the_terminal(tmp_path: Path, width: int) -> None:
    console = plain_console(width)
    result = tiny_result(tmp_path)
    result.warnings.append("a long warning " * 30)
    terminal.print_summary(result, Path("runs/tiny"), console)
    methods.print_methods(console=console)
    for name in method_names():
        methods.print_method(name, console=console)
    catalogue.print_datasets(console=console)
    for name in dataset_names():
        catalogue.print_dataset(name, console=console)
    assert max(cell_len(line) for line in shown(console).splitlines()) <= width


def test_markup_in_the_users_text_is_text(tmp_path: Path) -> None:
    result = tiny_result(tmp_path)
    result.tables["exclusions"].loc[0, "rule"] = "[red]zone[/red] [/]"
    result.warnings[:] = ["[bold]not bold[/bold] [/]"]
    console = plain_console()
    terminal.print_summary(result, Path("run"), console)
    assert "[red]zone[/red] [/]" in shown(console)
    assert "[bold]not bold[/bold] [/]" in shown(console)


def test_optimal_is_said_only_of_a_closed_gap() -> None:
    objective = {
        "name": "cost", "unit": "USD/yr", "value": 2.5e9, "bound": 2.4e9, "gap": 0.04,
        "gap_asked": 1e-5, "sweeps": 7,
    }  # fmt: skip
    line = terminal.certificate(objective, Words())
    assert line == (
        "cost 2\u202f500 million USD/yr, gap 4.0e-2 not closed to 1e-5 (bound 2\u202f400, 7 sweeps)"
    )
    assert "optimal within 1e-1" in terminal.certificate({**objective, "gap_asked": 0.1}, Words())


def test_prices_are_in_a_planners_units() -> None:
    assert planner_price(0.06, "USD per kWh", Words()) == (60.0, "$ per MWh")
    assert planner_price(2e-5, "t per m3", Words()) == (0.02, "t per 1\u202f000 m³")
    assert planner_price(0.7, "t per t", Words()) == (0.7, "t per t")


def test_rules_name_their_methods_in_few_words() -> None:
    three = ("a", "b", "c")
    assert of_whom(("a", "b", "c"), three, Words(), str) == ""
    assert of_whom(("a", "c"), three, Words(), str) == "all but b"
    assert of_whom(("b",), three, Words(), str) == "b"


def test_a_method_shows_every_value_with_its_source() -> None:
    console = plain_console()
    methods.print_method("daccs-solid", "madhu2021", console=console)
    text = shown(console)
    for parameter, record in load_method("daccs-solid").profile("madhu2021").values.items():
        value = "unknown" if record.value is None else exact(record.value)
        assert re.search(rf"{parameter}\s+{re.escape(value)}\s", text), parameter
        assert record.source in text
    assert re.search(r"land_direct\s+11\u202f000\s+m2/\(t/yr\)", text)


def test_a_method_says_what_its_numbers_stand_on() -> None:
    console = plain_console()
    for profile in ("madhu2021", "literature", "waste-heat"):
        methods.print_method("daccs-solid", profile, console=console)
    methods.print_method("daccs-liquid", console=console)
    methods.print_method("afforestation", console=console)
    text = " ".join(shown(console).split())
    for words in (
        "cost basis: 2030, a projection; a scenario may ask for costs.basis: foak or 2050",
        "cost basis: not stated",
        "heat: by the plant's own heat pumps, inside the electricity",
        "heat: of 80 to 120 degC from outside",
        "climate: not stated, so climate layers change nothing unless climate.reference says one",
        "climate: needs are those at 10 degC and 78 % (general-knowledge)",
        "climate: needs are those at 20 degC and 64 % (keith-2018)",
        "taken from profile literature: ",
        "1 000 000 2030 2 944 70 69.05",
        "Nature Energy 6 https://doi.org/10.1038/s41560-021-00922-6 Only the abstract was read.",
        "Read in the source itself.",
    ):
        assert words in text, words


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_list_says_of_every_method_what_it_is_and_asks_for(lang: str) -> None:
    """In 80 columns: title, kind, what its tonnes are, how long, gates, profiles and sources."""
    console, words = plain_console(80), Words(lang)
    methods.print_methods(lang=lang, console=console)
    text = shown(console)
    assert max(cell_len(line) for line in text.splitlines()) <= 80
    flat = "".join(text.split())

    def said(part: str) -> bool:
        return "".join(part.split()) in flat

    for name in method_names():
        one = load_method(name)
        assert said(name) and said(one.title[lang])
        assert said(words(f"group.{group_of(name)}"))
        family, ledger = (
            words(f"catalogue.{key}")
            for key in (f"family.{one.family}", f"ledger.{one.ledger_class}")
        )
        assert said(f"{family}; {ledger}")
        assert said(words("catalogue.sources", names=", ".join(one.sources)))
        for gate_name, gate in one.gates.items():
            asked = told(gate_name, gate, words)
            assert said(asked)
            assert words.has(f"gate.{gate_name}"), gate_name
    assert words("catalogue.ledger.avoided") in text


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_one_method_says_every_gate_with_its_source_and_what_the_method_is(lang: str) -> None:
    for name in method_names():
        console, words, one = plain_console(80), Words(lang), load_method(name)
        methods.print_method(name, lang=lang, console=console)
        flat = "".join(shown(console).split())
        for gate_name, gate in one.gates.items():
            for part in (gate_name, told(gate_name, gate, words), f"{gate.source}: {gate.locator}"):
                assert "".join(part.split()) in flat, (name, part)
        for key in (
            f"group.{group_of(name)}", f"catalogue.family.{one.family}",
            f"catalogue.ledger.{one.ledger_class}", f"catalogue.origin.{one.co2_origin}",
            f"catalogue.store.{one.storage_type}", f"catalogue.domain.{one.domain}",
        ):  # fmt: skip
            assert words.has(key), key
            assert "".join(words(key).split()) in flat, (name, key)


def test_words_of_a_gate() -> None:
    """Of the library in words, of a user's own by its name."""
    said = {"source": "derived", "locator": "l"}
    for keys, text in (
        ({"op": ">=", "value": "8 t/ha/yr"}, "my quality at least 8 t/ha/yr"),
        ({"op": "<=", "value": 7.5}, "my quality at most 7.5"),
        ({"op": "in", "value": ["crop", 40]}, "my quality (crop, 40)"),
        ({"op": "not_in"}, "no my quality"),
        ({"op": "within_km", "value": 5}, "within 5 km of my quality"),
    ):
        assert told("my_quality", Gate.model_validate(keys | said), Words()) == text


def test_in_full_every_value_says_what_it_means_and_where_it_stands() -> None:
    console = plain_console()
    methods.print_method("daccs-solid", "literature", full=True, console=console)
    text = " ".join(shown(console).split("Records")[1].split())
    profile = load_method("daccs-solid").profile("literature")
    for parameter, first in profile.values.items():
        assert Words().named("param", parameter) in text
        for record in (first, *first.alternatives):
            assert f"{record.source}: {record.locator.rstrip('.')}." in text


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'daccs-solid'"):
        methods.print_method("dacs-solid")
    with pytest.raises(ConfigError, match="did you mean 'literature'"):
        methods.print_method("daccs-solid", "literatur")
    with pytest.raises(ConfigError, match="did you mean 'srtm'"):
        catalogue.print_dataset("srtmm")


def test_json_is_one_document_each(capsys: pytest.CaptureFixture[str]) -> None:
    methods.print_methods(as_json=True)
    assert [item["name"] for item in json.loads(capsys.readouterr().out)] == list(method_names())
    methods.print_method("daccs-solid", as_json=True)
    document = json.loads(capsys.readouterr().out)
    land = next(row for row in document["values"] if row["parameter"] == "land_direct")
    assert land["value"] == 11000 and land["source"] in document["sources"]
    catalogue.print_datasets(as_json=True)
    assert [item["name"] for item in json.loads(capsys.readouterr().out)] == list(dataset_names())
    catalogue.print_dataset("wdpa", as_json=True)
    assert json.loads(capsys.readouterr().out)["licence"]


def live_console(width: int = 80) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=True, legacy_windows=False)


def without_codes(console: Console) -> str:
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def use(progress: Progress) -> None:
    done = progress.step("scoring", 2000, "cells")
    done(1500)
    done(500)
    with progress.stage("competition") as say:
        say("sweep 3, gap 1e-3")


def test_progress_shows_nothing_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    console = plain_console()
    with Progress(enabled=True, console=console) as progress:
        use(progress)
    assert shown(console) == ""
    with Progress(enabled=True) as progress:
        use(progress)
    with Progress(enabled=False, console=live_console()) as progress:
        use(progress)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_progress_shows_nothing_on_a_dumb_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    console = live_console()
    with Progress(enabled=True, console=console) as progress:
        use(progress)
    assert console.file.getvalue() == ""  # type: ignore[attr-defined]


@pytest.mark.parametrize("no_color", [False, True])
def test_progress_draws_bars_with_rate_and_time_left(
    monkeypatch: pytest.MonkeyPatch, no_color: bool
) -> None:
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("cdrsite.cli.progress.SHOWN_SECONDS", 0.0)
    console = live_console()
    with Progress(enabled=True, console=console) as progress:
        done = progress.step("scoring", 2e9, "cells")
        done(5e8)
        done(1e9)
        progress._bars.refresh()  # type: ignore[union-attr]
        done(5e8)
        with progress.stage("competition") as say:
            say("sweep 3, gap 1e-3")
            progress._bars.refresh()  # type: ignore[union-attr]
    text = without_codes(console)
    assert re.search(r"scoring +━.* 75 %  .* [GMk] cells/s  0:00, \d:\d\d left", text)
    assert re.search(r"competition +.* 0:00  sweep 3, gap 1e-3", text)
    assert re.search(r"scoring +2\.00 G cells in [0-9.e-]+ s", text)
    assert re.search(r"competition +[0-9.e-]+ s", text)
    assert max(cell_len(line) for line in re.split(r"[\r\n]", text)) <= 80


def test_a_finished_step_leaves_no_bar_and_late_calls_do_no_harm() -> None:
    console = live_console()
    with Progress(enabled=True, console=console) as progress:
        done = progress.step("scoring", 2)
        for _ in range(5):
            done()
        assert not progress._bars.tasks  # type: ignore[union-attr]
    done()  # after the end of it all


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e9, "1.00 G"), (4.96e8, "496 M"), (12345, "12.3 k"), (9999, "9999"), (3.33, "3.3"),
     (0.02, "0.020"), (10.0, "10")],
)  # fmt: skip
def test_amounts_in_few_characters(value: float, text: str) -> None:
    assert amount_text(value) == text


def test_durations() -> None:
    assert [time_text(s) for s in (None, 0.4, 75, 3725)] == ["–:––", "0:00", "1:15", "1:02:05"]


@pytest.mark.parametrize(
    ("asked", "width"), [("80", 80), ("200", 100), ("7", 40), ("", 100), ("wide", 100)]
)
def test_columns_are_respected_where_a_pipe_reads(
    monkeypatch: pytest.MonkeyPatch, asked: str, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", asked)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert open_console().width == width


CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize("name", method_names())
def test_what_a_profile_stands_on_is_in_the_language(name: str) -> None:
    method = load_method(name)
    for profile in method.profile_names:
        lines = list(methods._stands_on(method, method.profile(profile), Words("zh")))
        assert lines and all(CHINESE.search(line) for line in lines), profile
        plain = list(methods._stands_on(method, method.profile(profile), Words("en")))
        assert len(plain) == len(lines) and not CHINESE.search("".join(plain))


def test_limits_are_in_words_not_in_keys() -> None:
    row = {"alone_limits": "carbide_slag 71 %, water 29 %"}
    assert (
        limit_words(row, Words("en")) == f"{Words('en').resource('carbide_slag')} 71 %, water 29 %"
    )
    assert "_" not in limit_words(row, Words("en"))
    found = limit_words(row, Words("zh"))
    assert CHINESE.search(found) and "water" not in found and "_" not in found
    assert limit_words({"alone_limits": "nothing fits"}, Words("zh")) == "无法实施"


def test_a_pool_of_the_whole_region_is_in_the_language() -> None:
    assert Words("en").zone(WHOLE) == WHOLE and CHINESE.search(Words("zh").zone(WHOLE))
    assert Words("zh").zone("West") == "West"


def test_progress_says_that_kernels_are_compiled_while_they_are() -> None:
    seen: list[list[str]] = []

    class Watch(Listener):
        """Hears of a compilation after the progress did."""

        def on_start(self, event: Any) -> None:
            seen.append([task.description for task in bars.tasks])

        def on_end(self, event: Any) -> None:
            pass

    with Progress(enabled=True, console=live_console()) as progress:
        bars: Any = progress._bars
        with install_listener("numba:compile", Watch()):
            assert numba.njit(lambda x: x + 1)(2) == 3
        assert seen == [["compiling, once"]]
        assert bars.tasks == []
    with install_listener("numba:compile", Watch()):
        assert numba.njit(lambda x: x + 2)(2) == 4
    assert seen[1:] == [[]]
