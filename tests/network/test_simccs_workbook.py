"""A SimCCS scenario out of its workbook is the scenario of its text files."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from simccs_folder import scenario, sheets_of_scenario, southeast_scenario, write_book

from cdrsite.cli.network import run_network
from cdrsite.core.errors import DataError, MissingFileError
from cdrsite.network.casefiles import read_tables
from cdrsite.network.design import design
from cdrsite.network.tables import read_case

TEXTS = ("Sources", "Sinks", "Transport")


def without_texts(folder: Path) -> None:
    for name in TEXTS:
        shutil.rmtree(folder / name, ignore_errors=True)


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in {".csv", ".geojson", ".parquet"}
    }


def test_the_same_plan_bytes_from_text_from_the_workbook_and_from_its_folder(
    tmp_path: Path,
) -> None:
    folder = scenario(tmp_path)
    book = write_book(folder / "Input_Data.xlsx", sheets_of_scenario(folder))
    run_network(folder, target=4.0, out=tmp_path / "text")
    without_texts(folder)
    run_network(book, target=4.0, out=tmp_path / "book")
    run_network(folder, target=4.0, out=tmp_path / "folder")
    text = files_of(tmp_path / "text")
    assert text
    assert files_of(tmp_path / "book") == text
    assert files_of(tmp_path / "folder") == text


def test_every_cell_is_that_of_the_text_files(tmp_path: Path) -> None:
    folder = scenario(tmp_path)
    text = read_tables(folder)
    book = read_tables(write_book(folder / "Input_Data.xlsx", sheets_of_scenario(folder)))
    assert text.params == book.params
    assert text.name == book.name
    assert text.points == book.points
    one, two = read_case(folder), read_case(folder / "Input_Data.xlsx")
    assert one == two


def test_the_names_of_the_older_layout_in_any_order(tmp_path: Path) -> None:
    folder = scenario(tmp_path)
    sheets = {
        "a": [
            ["NAME", "ID", "costFix ($M)", "fixO&M ($M/y)", "varO&M ($/tCO2)", "cap Max (MtCO2/y)",
             "N/A", "LON", "LAT"],
            ["Works", 1, 100, 7, 50, 5, 1, 0.5, 54.5],
        ],
        "b": [
            ["Sink_ID", "fieldCap (MtCO2)", "costFix ($M)", "fixO&M ($M/yr)", "wellCap (MtCO2/yr)",
             "wellCostFix ($M)", "wellFixO&M ($M/yr)", "varO&M ($/tCO2)", "LON", "LAT"],
            [1, 100, 20, 1, 1, 4, 0.2, 4, 9.5, 50.5],
        ],
        "c": [["ID", "SLOPE", "INTERCEPT", "ROW SLOPE", "ROW INTERCEPT"], [1, 0.1, 0.4, 0.05, 0.2]],
    }  # fmt: skip
    problem = read_case(write_book(folder / "old.xlsx", sheets))
    (works,) = problem.sources
    assert (works.node, works.fixed_musd_yr, works.capacity_mt_yr) == ("1", 17.0, 5.0)
    assert problem.sinks[0].well_musd_yr == pytest.approx(0.6)
    assert problem.arcs[0].trends[0].fixed_musd_yr == pytest.approx(0.1 * (0.4 * 8 + 0.2 * 2))


def test_trends_may_stand_in_their_text_file_beside_the_workbook(tmp_path: Path) -> None:
    folder = scenario(tmp_path)
    sheets = sheets_of_scenario(folder)
    del sheets["Pipes"]
    assert read_case(write_book(folder / "Input_Data.xlsx", sheets)) == read_case(folder)


def changed(name: str, row: int, column: int, cell: Any) -> Any:
    def change(sheets: dict[str, list[list[Any]]]) -> None:
        sheets[name] = [list(cells) for cells in sheets[name]]
        sheets[name][row - 1][column - 1] = cell

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.pop("Sinks of the study"),
         r"Input_Data\.xlsx: no sheet has the columns of the sinks; got sheet Sources of the study,"
         r" row 4: Unique ID, Name, Capturable CO2 \(MtCO2/yr\) and 4 more; sheet Pipes, row 2: id"
         r".*; sheet Read me, row 1: Sources, sinks .*; expected in one of the first 30 rows "
         r"Unique ID, Storage capacity, .*Y-LAT; cure: .*as in Sinks/Sinks\.csv"),
        (changed("Sources of the study", 4, 9, "North"), r"sheet Sources .*row 4, lacks Y-LAT:"),
        (changed("Sources of the study", 4, 3, "Capturable CO2 (ktCO2/yr)"),
         r"sheet Sources of the study, row 4: column Capturable CO2 is in another unit; got .*kt"),
        (changed("Sources of the study", 4, 10, "Lat"),
         r"column Y-LAT stands there twice; got column 9 and column 10"),
        (changed("Sources of the study", 7, 3, "many"),
         r"sheet Sources of the study, row 7.*not a number; got 'many'"),
        (changed("Sources of the study", 7, 5, 3.0), r"row 7: a part has a total unit cost and"),
        (changed("Pipes", 2, 3, "cut"), r"trends; .*Pipes, row 2, lacks INTERCEPT:"),
        (lambda s: s.update(copy=s["Pipes"]), r"several sheets have the columns of the trends"),
        (lambda s: s.update(Pipes=s["Pipes"][:2]), r"no rows below the headers of the trends"),
    ],
)  # fmt: skip
def test_what_a_workbook_lacks_is_said(tmp_path: Path, change: Any, words: str) -> None:
    folder = scenario(tmp_path)
    sheets = sheets_of_scenario(folder)
    change(sheets)
    book = write_book(folder / "Input_Data.xlsx", sheets)
    with pytest.raises(DataError, match=words) as caught:
        read_case(book)
    assert caught.value.exit_code == 2


def test_headers_of_other_tables_are_shown_and_not_their_numbers(tmp_path: Path) -> None:
    folder = scenario(tmp_path)
    sheets = sheets_of_scenario(folder)
    del sheets["Pipes"]
    shutil.rmtree(folder / "Transport")
    book = write_book(folder / "Input_Data.xlsx", sheets)
    words = (
        r"sheet Sources of the study, row 4: Unique ID, Name, Cap.*Sinks of the study, row 4: Uni"
    )
    with pytest.raises(DataError, match=words):
        read_case(book)


def test_two_workbooks_for_a_missing_text_file_are_refused(tmp_path: Path) -> None:
    folder = scenario(tmp_path)
    sheets = sheets_of_scenario(folder)
    without_texts(folder)
    for name in ("one", "two", "~$one"):
        write_book(folder / f"{name}.xlsx", sheets)
    with pytest.raises(MissingFileError, match=r"Sources\.csv.*got one\.xlsx, two\.xlsx; .*cure"):
        read_case(folder)


def test_a_workbook_without_candidate_network_is_told_so(tmp_path: Path) -> None:
    folder = scenario(tmp_path)
    book = write_book(folder / "Input_Data.xlsx", sheets_of_scenario(folder))
    shutil.rmtree(folder / "Network")
    with pytest.raises(MissingFileError, match=r"CandidateNetwork\.txt"):
        read_case(book)


def test_the_southeast_from_its_workbook(tmp_path: Path, cases_dir: Path) -> None:
    folder = southeast_scenario(tmp_path, cases_dir / "southeastus_cap2020")
    text = read_case(folder)
    book = write_book(folder / "Input_Data.xlsx", sheets_of_scenario(folder))
    without_texts(folder)
    assert read_case(book) == text


@pytest.mark.slow
def test_the_southeast_from_its_workbook_costs_what_is_proven(
    tmp_path: Path, cases_dir: Path
) -> None:
    folder = southeast_scenario(tmp_path, cases_dir / "southeastus_cap2020")
    book = write_book(folder / "Input_Data.xlsx", sheets_of_scenario(folder))
    without_texts(folder)
    plan = design(read_case(book), target=50.0, gap=1e-6, effort="thorough")
    assert plan.objective == pytest.approx(5140.659014, rel=1e-9)
