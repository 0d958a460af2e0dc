"""Tables of a network case that would be read wrongly are refused, with place and cure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pytest
from network_csv import ARCS, PARAMS, RIGHT, SINKS, SOURCES, TRENDS, case

from cdrsite.core.errors import DataError
from cdrsite.network.design import design
from cdrsite.network.tables import read_case


def cost(folder: Path) -> float:
    return design(read_case(folder), target=2.0).objective


def test_the_case_itself_is_right(tmp_path: Path) -> None:
    assert cost(case(tmp_path)) == pytest.approx(RIGHT)


def swap(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"sources": swap(SOURCES, "fixed_capital_musd", "fixed_captial_musd")},
         r"sources\.csv: column is not known; got fixed_captial_musd; expected .*"
         r"cure: did you mean fixed_capital"),
        ({"sources": swap(SOURCES, "variable_usd_t", "variabel_usd_t")}, "did you mean variable"),
        ({"arcs": swap(ARCS, "one_way", "oneway")}, "did you mean one_way"),
        ({"sinks": swap(SINKS, "injection_usd_t", "cell")}, "two columns have the same header"),
        ({"sources": swap(SOURCES, "1,a,5,100,5", "1,a,5")},
         r"sources\.csv:2: the row does not fit the headers; got 3 cells; expected 5 cells"),
        ({"sources": swap(SOURCES, "100", "1,000")},
         r"got 6 cells; expected 5 cells, .*cure: put a number that holds a comma between quotes"),
        ({"arcs": swap(ARCS, "20,yes", "20,maybe")},
         r"arcs\.csv:3: one_way is neither yes nor no; got 'maybe'; expected yes, no"),
        ({"arcs": swap(ARCS, "10,,,", "10,,oui,")}, r"arcs\.csv:2: existing is neither yes nor no"),
        ({"arcs": "arc,v1,v2,con_cost,fixed_musd_yr\n0,a,b,10,3\n"},
         r"arcs\.csv:2: an arc has two costs; got fixed_musd_yr, con_cost; expected .*empty one"),
        ({"params": PARAMS | {"pipe_utilisation": 0.9}},
         r"params\.json: parameter is not known; got pipe_utilisation; .*mean pipe_utilization"),
        ({"params": PARAMS | {"pipe_utilization": 93}},
         "pipe_utilization is no share; got 93; expected .* at most 1; cure: write 93 % as 0.93"),
        ({"params": PARAMS | {"pipe_utilization": 0}}, "pipe_utilization is no share; got 0"),
        ({"params": PARAMS | {"pipe_utilization": "x"}}, "pipe_utilization is no share; got 'x'"),
        ({"params": PARAMS | {"trends": "none"}}, "trends are not a list of objects; got str"),
        ({"params": PARAMS | {"trends": TRENDS[0]}}, "trends are not a list of objects; got dict"),
        ({"params": PARAMS | {"trends": [0.1, 0.4]}}, "objects; got a list of float"),
        ({"params": PARAMS | {"trends": [TRENDS[0] | {"con_slop": 1}]}},
         "trend 1: key of a trend is not known; got con_slop; .*did you mean con_slope"),
        ({"params": PARAMS | {"encoding": "klingon"}}, "encoding is not known; got 'klingon'"),
        ({"params": PARAMS | {"decimal": ";"}}, "decimal is not understood"),
        ({"sinks": ""}, r"sinks\.csv: table is empty; expected a row of headers"),
        ({"sinks": ",,\n"}, r"sinks\.csv: table is empty"),
        ({"sinks": swap(SINKS, "cell,capacity", ",capacity")}, "a column has no header"),
        ({"sources": SOURCES.encode("utf-16")}, "not UTF-8.*encoding"),
    ],
)  # fmt: skip
def test_what_would_be_read_wrongly_is_refused(
    tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        read_case(case(tmp_path, **changed))


@pytest.mark.parametrize("word", ["1", "yes", "Y", "x", "T", "true", "是", "1.0"])
def test_a_flag_is_read_as_people_write_it(tmp_path: Path, word: str) -> None:
    arcs = f"arc,v1,v2,con_cost,one_way\n0,b,a,10,{word}\n"
    assert read_case(case(tmp_path, arcs=arcs)).arcs[0].one_way
    for no in ("0", "no", "N", "false", "否", ""):
        arcs = f"arc,v1,v2,con_cost,one_way\n0,b,a,10,{no}\n"
        assert not read_case(case(tmp_path, arcs=arcs)).arcs[0].one_way


def test_the_capacity_of_an_arc_with_trends_is_kept(tmp_path: Path) -> None:
    problem = read_case(case(tmp_path, arcs=swap(ARCS, "10,,,", "10,,,1.5")))
    assert [t.capacity_mt_yr for t in problem.arcs[0].trends] == [1.5]


def test_notes_empty_rows_and_whole_floats_are_no_matter(tmp_path: Path) -> None:
    sources = "id,cell,capture_max_mt_yr,fixed_capital_musd,variable_usd_t,#owner\n"
    sources += "1.0,a,5,100,5,Works\n,,,,,\n\n"
    folder = case(tmp_path, sources=sources, params=PARAMS | {"#author": "me"})
    assert [s.id for s in read_case(folder).sources] == ["1"]
    assert cost(folder) == pytest.approx(RIGHT)


def test_a_node_of_one_is_the_node_of_one_point_nought(tmp_path: Path) -> None:
    folder = case(
        tmp_path,
        sources=swap(SOURCES, "1,a", "1,1.0"),
        sinks=swap(SINKS, "1,b", "1,2"),
        arcs=ARCS.replace(",a,b,", ",1,2.0,").replace(",b,a,", ",2.0,1,"),
    )
    assert cost(folder) == pytest.approx(RIGHT)


NAMED = SOURCES.replace("variable_usd_t", "variable_usd_t,name").replace(",5\n", ",5,电厂\n")


def test_what_european_spreadsheets_write_is_read(tmp_path: Path) -> None:
    texts = {"sources": SOURCES, "sinks": SINKS, "arcs": ARCS}
    texts = {name: text.replace(",", ";") for name, text in texts.items()}
    texts["sources"] = swap(texts["sources"], "100;5", "100;5,0")
    folder = case(tmp_path, **texts, params=PARAMS | {"decimal": ","})
    assert cost(folder) == pytest.approx(RIGHT)
    # without a word on the comma it is no number
    with pytest.raises(DataError, match="variable_usd_t is not a number; got '5,0'"):
        read_case(case(tmp_path, **texts))


def test_what_chinese_spreadsheets_write_is_read(tmp_path: Path) -> None:
    folder = case(tmp_path, sources=NAMED.encode("gbk"), params=PARAMS | {"encoding": "gbk"})
    assert read_case(folder).sources[0].name == "电厂"
    assert cost(folder) == pytest.approx(RIGHT)
    with pytest.raises(DataError, match=r'not UTF-8.*"encoding": "gbk"'):
        read_case(case(tmp_path, sources=NAMED.encode("gbk")))


def test_rows_of_a_workbook_must_fit_too(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.remove(book.active)
    tables = {
        "sources": [["id", "node", "capture_max [Mt/yr]"], [1, "a", 5, 7]],
        "sinks": [["id", "node", "capacity [Mt]"], [None, None, None], [1, "b", 200]],
        "arcs": [["arc", "v1", "v2", "fixed [MUSD/yr]"], [1, "a", "b", 3]],
        "params": [["key", "value"], ["crf", 0.1], ["project_years", 20]],
    }
    for name, rows in tables.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(tmp_path / "case.xlsx")
    with pytest.raises(DataError, match=r"sheet sources, row 2: the row does not fit the headers"):
        read_case(tmp_path / "case.xlsx")
