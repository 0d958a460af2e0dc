"""What the terminal shows, captured."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from tiny_study import tiny_result

from cdrsite import catalogue, terminal
from cdrsite.core.errors import ConfigError
from cdrsite.library.datasets import dataset_names
from cdrsite.library.load import load_method, method_names
from cdrsite.terminal import Progress, exact, number


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
        (1.2e-7, "1.2e-07"),
        (999.6, "1\u202f000"),
        (float("nan"), "–"),
        (None, "–"),
    ],
)
def test_numbers_for_people(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(11000.0, "11\u202f000"), (0.0495, "0.0495"), (1e-5, "1e-05"), (-2.5, "−2.5"), (None, "–")],
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
    assert re.search(r"water\s+lower <b>basin</b>\s+1\u202f000 Mm³/yr\s+25\.3 t per 1000 m³", text)
    assert "north" not in text  # a pool without a price does not bind
    assert "net removal 987.7 Mt/yr, optimal within 1e-5 (bound 987.7, 13 sweeps)" in text
    assert re.search(r"城镇 1 km\s+1\.00\s+5\.9\s+0\s+all methods", text)
    assert "1 warning:" in text and "layer x covers 93 % of the region" in text
    assert text.rstrip().endswith(f"results in {Path('runs') / 'tiny'}")


@pytest.mark.parametrize("width", [60, 100])
def test_text_fits_the_terminal(tmp_path: Path, width: int) -> None:
    console = plain_console(width)
    result = tiny_result(tmp_path)
    result.warnings.append("a long warning " * 30)
    terminal.print_summary(result, Path("runs/tiny"), console)
    catalogue.print_methods(console=console)
    for name in method_names():
        catalogue.print_method(name, console=console)
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
    line = terminal.certificate(objective)
    assert (
        line == "cost 2\u202f500 M$/yr, gap 4.0e-2 not closed to 1e-5 (bound 2\u202f400, 7 sweeps)"
    )
    assert "optimal within 1e-1" in terminal.certificate({**objective, "gap_asked": 0.1})


def test_prices_are_in_a_planners_units() -> None:
    assert terminal.planner_price(0.06, "USD per kWh") == (60.0, "$ per MWh")
    assert terminal.planner_price(2e-5, "t per m3") == (0.02, "t per 1000 m³")
    assert terminal.planner_price(0.7, "t per t") == (0.7, "t per t")


def test_rules_name_their_methods_in_few_words() -> None:
    three = ("a", "b", "c")
    assert terminal._who(("a", "b", "c"), three) == "all methods"
    assert terminal._who(("a", "c"), three) == "all but b"
    assert terminal._who(("b",), three) == "b"


def test_a_method_shows_every_value_with_its_source() -> None:
    console = plain_console()
    catalogue.print_method("daccs-solid", "madhu2021", console=console)
    text = shown(console)
    for parameter, record in load_method("daccs-solid").profile("madhu2021").values.items():
        value = "unknown" if record.value is None else exact(record.value)
        assert re.search(rf"{parameter}\s+{re.escape(value)}\s", text), parameter
        assert record.source in text
    assert re.search(r"land_direct\s+11\u202f000\s+m2/\(t/yr\)", text)


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'daccs-solid'"):
        catalogue.print_method("dacs-solid")
    with pytest.raises(ConfigError, match="did you mean 'literature'"):
        catalogue.print_method("daccs-solid", "literatur")
    with pytest.raises(ConfigError, match="did you mean 'srtm'"):
        catalogue.print_dataset("srtmm")


def test_json_is_one_document_each(capsys: pytest.CaptureFixture[str]) -> None:
    catalogue.print_methods(as_json=True)
    assert [item["name"] for item in json.loads(capsys.readouterr().out)] == list(method_names())
    catalogue.print_method("daccs-solid", as_json=True)
    document = json.loads(capsys.readouterr().out)
    land = next(row for row in document["values"] if row["parameter"] == "land_direct")
    assert land["value"] == 11000 and land["source"] in document["sources"]
    catalogue.print_datasets(as_json=True)
    assert [item["name"] for item in json.loads(capsys.readouterr().out)] == list(dataset_names())
    catalogue.print_dataset("wdpa", as_json=True)
    assert json.loads(capsys.readouterr().out)["licence"]


def test_progress_is_one_line_per_step_without_a_terminal() -> None:
    console = plain_console()
    with Progress(enabled=True, console=console) as progress:
        done = progress.step("scoring", 3)
        done()
        done()
        assert not shown(console)
        done()
    assert re.fullmatch(r"scoring: 3 parts in \d+\.\d s\n", shown(console))


def test_progress_can_be_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(enabled=False) as progress:
        progress.step("scoring", 1)()
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_progress_draws_a_bar_on_a_terminal() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True, legacy_windows=False)
    with Progress(enabled=True, console=console) as progress:
        done = progress.step("scoring", 2)
        done()
        done()
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "2/2" in text and "scoring" in text and "left" in text


def test_progress_goes_to_the_error_stream(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(enabled=True) as progress:
        progress.step("scoring", 1)()
    captured = capsys.readouterr()
    assert captured.out == "" and "scoring: 1 parts" in captured.err
