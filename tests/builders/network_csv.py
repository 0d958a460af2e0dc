"""A network case as CSV tables whose right answer is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SOURCES = "id,cell,capture_max_mt_yr,fixed_capital_musd,variable_usd_t\n1,a,5,100,5\n"
SINKS = "id,cell,capacity_mt,injection_usd_t\n1,b,200,4\n"
ARCS = "arc,v1,v2,con_cost,one_way,existing,capacity_mt_yr\n0,a,b,10,,,\n1,b,a,20,yes,,\n"
TRENDS = [{"con_slope": 0.1, "con_intercept": 0.4}]
PARAMS: dict[str, Any] = {"crf": 0.1, "project_years": 20, "trends": TRENDS}
RIGHT = 0.1 * 100 + 2 * 5 + 2 * 4 + 0.1 * (0.4 * 10 + 0.1 * 10 * 2)


def case(folder: Path, **changed: Any) -> Path:
    """A case whose right answer for 2 Mt/yr is known; ``changed`` replaces a file's text."""
    texts = {"sources": SOURCES, "sinks": SINKS, "arcs": ARCS, "params": PARAMS} | changed
    (folder / "params.json").write_text(json.dumps(texts.pop("params")))
    for name, text in texts.items():
        data = text if isinstance(text, bytes) else text.encode()
        (folder / f"{name}.csv").write_bytes(data)
    return folder
