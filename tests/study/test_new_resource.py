"""A resource of one's own, from its record and its words to tables, maps, explanation and report.

It is registered in a process of its own, so that nothing else knows of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from tiny_scenario import COLS, ROWS, SCENARIO, box, write_polygons, write_raster, write_world

from cdrsite.library.files import FOLDER

ROCK = r"""
import json, pathlib, re, sys, warnings
import cdrsite

NAMES = {"resource.lime": "crushed lime", "param.lime": "crushed lime that is spread"}
CHINESE = {"resource.lime": "碎石", "param.lime": "撒布的碎石"}
record = cdrsite.Resource(
    "lime", "bulk", "t/yr", "#777777", ("lime",), "Crushed silicate lime.",
    price=("USD/t", 12.0), price_shown=(1.0, "USD/t"),
)
found = {}
try:
    cdrsite.register_resource(record, {"en": NAMES})
except cdrsite.CdrsiteError as error:
    found["no words"] = str(error)
cdrsite.register_resource(record, {"en": NAMES, "zh": CHINESE})

warnings.simplefilter("ignore", cdrsite.CdrsiteWarning)
from cdrsite.config.load import parse_scenario
from cdrsite.explain.place import explain_run
from cdrsite.report.page import write_report
from cdrsite.study.means import Means

try:
    cdrsite.register_resource(record.__class__("sand", "bulk", "t/yr", "#000000", (), ""), {
        lang: {"resource.sand": "sand"} for lang in ("en", "zh")})
except cdrsite.CdrsiteError as error:
    found["late"] = str(error)

home, text = pathlib.Path(sys.argv[1]), sys.argv[2]
for name, given in json.loads(sys.argv[3]).items():
    study = text.replace("  biomass:", f"  lime: {given}\n  biomass:")
    scenario = parse_scenario(study, home / "study.yaml")
    result = cdrsite.run(scenario, means=Means(threads=1))
    folder = result.write(home.parent / name)
    one = found[name] = {key: result.tables[key].to_dict("list") for key in ("methods", "pools")}
    limits = result.tables["limits"]
    one["limited"] = sorted(set(limits[limits["method"] == "spread"]["limit"]))
    plan = result.dataset["allocated"].sel(removal_method="spread").to_numpy()
    one["plan"] = [[float(v) if v == v else 0.0 for v in row] for row in plan.tolist()]
    part = result.dataset["cost_coefficient"].sel(removal_method="spread", cost_part="lime")
    one["cost"] = float(part)
    for lang in ("en", "zh"):
        page = folder / "report.html" if lang == "en" else write_report(folder, lang=lang)
        page = page.read_text("utf-8")
        one["page " + lang] = re.sub(r"<[^>]+>", " ", page.partition("<script")[0])
        row = result.tables["sites"].iloc[0]
        one["told " + lang] = str(explain_run(folder, row["lon"], row["lat"], lang))
    one["files"] = sorted(path.name for path in (folder / "rasters").iterdir())
    one["legend"] = (folder / "rasters" / "limit_spread.qml").read_text("utf-8")
    one["style"] = (folder / "rasters" / "supply_lime.qml").read_text("utf-8")
    one["project"] = (folder / "cdrsite.qgs").read_text("utf-8")
print(json.dumps(found))
"""

OFFERS = {
    "layer": "{layer: limes}",
    "pools": "{pools: basins, supply: lime_t, unit: t/yr, name: name}",
    "hauled": "{layer: limes, haul: 3, share: whole}",
}
NEED = 4.0
"""Lime of a gross tonne [t/t]."""


def limes() -> Any:
    """t/yr in each cell: a quarry in the north, little in the west, none in the east."""
    values = np.zeros((ROWS, COLS), np.float32)
    values[:, :3] = 40.0
    values[1, 3] = 400.0
    return values


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("lime") / "world"
    home.mkdir()
    write_world(home)
    write_raster(home / "limes.tif", limes(), nodata=-1)
    write_polygons(
        home / "basins.gpkg", [box(0, 0, 2, 6), box(2, 0, 6, 6)], name=["west", "东"],
        water_m3=[120_000.0, 0.0], lime_t=[1000.0, 300.0],
    )  # fmt: skip
    method = (FOLDER / "methods" / "afforestation.yaml").read_text(encoding="utf-8")
    record = f"      lime: {{value: {NEED}, unit: t/t, source: derived, locator: the test}}\n"
    first = "      electricity: {value: 0"
    (home / "spread.yaml").write_text(method.replace(first, record + first), encoding="utf-8")
    text = SCENARIO.replace("  parks:", "  limes: {path: limes.tif, unit: t/yr}\n  parks:", 1)
    text = text.replace("  afforestation: {gates: false}", "  spread: {library: spread.yaml}")
    done = subprocess.run(
        [sys.executable, "-c", ROCK, home, text, json.dumps(OFFERS)],
        capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("name", OFFERS)
def test_it_competes_and_costs(found: dict[str, Any], name: str) -> None:
    one = found[name]
    assert "lime" in one["limited"]
    assert one["cost"] == pytest.approx(NEED * 12.0)
    there = {"layer": float(limes().sum()), "pools": 1300.0, "hauled": float(limes().sum())}[name]
    spread = one["methods"]["method"].index("spread")
    most = there / NEED / 1e6
    assert 0.4 * most < one["methods"]["gross_mt_yr"][spread] <= most * (1 + 1e-6)
    assert "lime" in one["methods"]["alone_limits"][spread]
    assert "supply_lime.tif" in one["files"]
    assert ("local_lime.tif" in one["files"]) == (name == "hauled")


def test_a_layer_binds_in_its_own_cell(found: dict[str, Any]) -> None:
    """No cell spreads more than its own lime allows, and the quarry's cell spreads it all."""
    plan = np.array(found["layer"]["plan"])
    assert (plan <= limes() / NEED * (1 + 1e-5)).all()
    assert plan[4, 3] == 0 and plan[1, 3] == pytest.approx(100.0)


def test_a_pool_of_it_has_a_price(found: dict[str, Any]) -> None:
    pools = found["pools"]["pools"]
    rows = [i for i, family in enumerate(pools["family"]) if family == "lime"]
    assert [pools["zone"][i] for i in rows] == ["west", "东"]
    assert [pools["use"][i] for i in rows] == pytest.approx([1000.0, 300.0])
    assert all(pools["price"][i] > 0 for i in rows)
    assert {pools["price_unit"][i] for i in rows} == {"t per t"}
    assert "Crushed lime" in found["pools"]["page en"] and "碎石" in found["pools"]["page zh"]
    assert "1 t of crushed lime a year" in found["pools"]["page en"]
    assert "pools_lime" in found["pools"]["project"]


@pytest.mark.parametrize("name", OFFERS)
def test_legends_explanation_and_report_speak_of_it(found: dict[str, Any], name: str) -> None:
    one = found[name]
    assert "#777777" in one["legend"] and "lime" in one["legend"]
    assert "t/yr" in one["style"]
    for lang, noun, parameter in (
        ("en", "crushed lime", "crushed lime that is spread"), ("zh", "碎石", "撒布的碎石"),
    ):  # fmt: skip
        assert noun in one[f"told {lang}"]
        assert noun in one[f"page {lang}"].lower() and parameter in one[f"page {lang}"]
        assert "resource.lime" not in one[f"page {lang}"]
    assert "Price: crushed lime" in one["page en"]


def test_what_is_registered_has_words_and_comes_in_time(found: dict[str, Any]) -> None:
    assert "zh: resource.lime" in found["no words"] and "cure: give the words" in found["no words"]
    assert "too late" in found["late"] and "before anything else" in found["late"]
