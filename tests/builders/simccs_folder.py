"""Scenario folders of SimCCS: a small one, the Southeast, and their tables in a workbook."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import openpyxl

HEAD = "Required data\nUnique ID\n,,\n"
GRID = "Cost surface\nncols\t10\nnrows\t5\nxllcorner\t0\nyllcorner\t50\ncellsize\t1\n"
SOURCES = "1,Works,5,0.00,100,7,50,0.5,54.5,,\n2,Mill,2,30,,,,3.5,54.5,,\n"
SINKS = "1,Aquifer,100,0.00,20,1,1,4,0.2,4,9.5,50.5,,\n"
NETWORK = (
    "Vertex1\tVertex2\tCost\tConCost\tROWCost\tCellRoute\n"
    "1\t4\t10\t8\t2\t1\t2\t3\t4\n4\t50\t20\t15\t5\t4\t15\t50\n"
)
LINEAR = "ID\tSLOPE\tINTERCEPT\n1\t0.1\t0.4\n2\t0.05\t0.6\n"


def scenario(root: Path, **changed: str | bytes) -> Path:
    """A scenario of two sources, a sink and two arcs on a grid of 10 x 5 cells."""
    folder = root / "Scenarios" / "one"
    texts: dict[str, str | bytes] = {
        "../../BaseData/CostNetwork/Construction Costs.txt": GRID,
        "Sources/Sources.csv": HEAD + SOURCES,
        "Sinks/Sinks.csv": HEAD.replace("data", "Ð").encode("latin-1") + SINKS.encode(),
        "Network/CandidateNetwork/CandidateNetwork.txt": NETWORK,
        "Transport/Linear.txt": LINEAR,
        "params.json": '{"crf": 0.1, "project_years": 20}',
    }
    for name, text in (texts | changed).items():
        path = folder / name
        folder.mkdir(parents=True, exist_ok=True)
        path.resolve().parent.mkdir(parents=True, exist_ok=True)
        if text != "":
            path.resolve().write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def southeast_scenario(root: Path, case: Path) -> Path:
    """The Southeast of the neutral case as SimCCS would hold it."""
    grid = json.loads((case / "params.json").read_text())["grid"]

    def rows(name: str) -> list[dict[str, str]]:
        with (case / f"{name}.csv").open(newline="") as stream:
            return list(csv.DictReader(stream))

    sources = "".join(
        f"{r['id']},{r['id']},{r['capture_max_mt_yr']},0.00,{r['fixed_capital_musd']},"
        f"{r['fixed_om_musd_yr']},{r['variable_usd_t']},{r['lon']},{r['lat']},,\n"
        for r in rows("sources")
    )
    sinks = "".join(
        f"{r['id']},{r['name']},{r['capacity_mt']},0.00,{r['fixed_capital_musd']},"
        f"{r['fixed_om_musd_yr']},{r['well_rate_mt_yr']},{r['well_capital_musd']},"
        f"{r['well_om_musd_yr']},{r['injection_usd_t']},{r['lon']},{r['lat']},\n"
        for r in rows("sinks")
    )
    arcs = "".join(
        f"{r['v1']}\t{r['v2']}\t{r['cost']}\t{r['con_cost']}\t{r['row_cost']}\t{r['v1']}\t{r['v2']}\n"
        for r in rows("arcs")
    )
    head = (
        f"ncols\t{grid['width']}\nnrows\t{grid['height']}\nxllcorner\t{grid['xllcorner']}\n"
        f"yllcorner\t{grid['yllcorner']}\ncellsize\t{grid['cellsize_deg']}\n"
    )
    linear = "ID\tSLOPE\tINTERCEPT\n1\t0.115719152\t0.431655132\n2\t0.078306697\t0.770037049\n"
    return scenario(
        root,
        **{
            "../../BaseData/CostNetwork/Construction Costs.txt": head,
            "Sources/Sources.csv": HEAD + sources,
            "Sinks/Sinks.csv": HEAD + sinks,
            "Network/CandidateNetwork/CandidateNetwork.txt": "Vertex1\n" + arcs,
            "Transport/Linear.txt": linear,
            "params.json": '{"crf": 0.1, "project_years": 30}',
        },
    )


SOURCE_NAMES = [
    ["Unique ID", "Name", "Capturable CO2 (MtCO2/yr)", "COLUMN D or COLUMNS E-G (NOT BOTH)", None,
     None, None, "X-LON", "Y-LAT", "Comment"],
    [None, None, None, "Total unit cost ($/tCO2)", "Fixed capital cost ($M)",
     "Fixed O&M cost ($M/yr)", "Variable O&M cost ($/tCO2)", None, None, None],
]  # fmt: skip
SINK_NAMES = [
    ["Unique ID", "Name", "Storage capacity (MtCO2)", "COLUMN D or COLUMNS E-J (NOT BOTH)", None,
     None, None, None, None, None, "X-LON", "Y-LAT", "Comment"],
    [None, None, None, "Total unit cost ($/tCO2)", "Site-wide fixed capital cost ($M)",
     "Site-wide fixed O&M cost ($M/yr)", "Individual well injection rate (MtCO2/yr)",
     "Injection fixed capital cost ($M)", "Injection fixed O&M cost ($M/yr)",
     "Injection variable O&M cost ($/tCO2)", None, None, None],
]  # fmt: skip


def _cells(cells: list[str]) -> list[Any]:
    """Cells of a text as a spreadsheet holds them: numbers as numbers."""
    found: list[Any] = []
    for cell in cells:
        try:
            found.append(float(cell))
        except ValueError:
            found.append(cell or None)
    return found


def sheets_of_scenario(folder: Path) -> dict[str, list[list[Any]]]:
    """Its text tables as sheets, with titles above and notes below."""
    sheets = {}
    for name, heads in (("Sources", SOURCE_NAMES), ("Sinks", SINK_NAMES)):
        text = (folder / name / f"{name}.csv").read_bytes().decode("latin-1")
        rows = [_cells(row) for row in csv.reader(text.splitlines()[3:])]
        note = [[], ["Note: costs of 2019"], [9, "not a row of the table", 3]]
        sheets[f"{name} of the study"] = [
            ["The Southeast"],
            [],
            ["Required data"],
            *heads,
            *rows,
            *note,
        ]
    text = (folder / "Transport" / "Linear.txt").read_text()
    rows = [_cells(line.split("\t")) for line in text.splitlines()[1:]]
    sheets["Pipes"] = [["Linear pipeline trends"], ["id", "Slope (M$)", "Intercept"], *rows]
    sheets["Read me"] = [["Sources, sinks and pipes of the scenario"]]
    return sheets


def write_book(path: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    """A workbook of these sheets."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path
