"""Two runs side by side: totals, maps from and to, ranks, assumptions."""

from __future__ import annotations

import io
import json
import math
import re
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
import rasterio
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from report_run import Page
from rich.console import Console
from tiny_scenario import write_world
from tiny_study import METHODS, tiny_result

import cdrsite
from cdrsite.cli.compare import print_comparison
from cdrsite.compare.changes import (
    Change,
    input_changes,
    library_changes,
    paired,
    rank_table,
    records,
    scenario_changes,
    site_changes,
)
from cdrsite.compare.maps import OTHER, UNCHANGED, Differences, shade
from cdrsite.compare.page import because, comparison_page, sentence
from cdrsite.compare.runs import Comparison, compare_runs
from cdrsite.compare.sheet import change_words as said_change
from cdrsite.compare.sheet import delta, plain_number, shown, signed
from cdrsite.compare.values import assumption_value, change_words, topics
from cdrsite.compare.write import write_comparison
from cdrsite.config.load import load_scenario
from cdrsite.core.errors import ConfigError, GridError
from cdrsite.core.numbers import number
from cdrsite.core.vocabulary import price_in_words
from cdrsite.core.words import Words
from cdrsite.outputs.palette import method_colour
from cdrsite.outputs.runfolder import RunFolder

HOSTILE = '<img src=x onerror="alert(1)">&{x}'


def second(result: Any) -> None:
    """Change three cells of the plan: two go to the forest, one is taken up anew."""
    allocated, winner = (result.dataset[name].to_numpy() for name in ("allocated", "winner"))
    for cell in ((0, 2), (3, 4)):
        allocated[(0, *cell)], allocated[(1, *cell)] = 0.0, 50.0
        winner[cell] = 1
    allocated[0, 0, 3], winner[0, 3] = 10.0, 0
    net = result.dataset["net_removal"].to_numpy()
    net[0, 2] = net[3, 4] = 0.8 * 50
    net[0, 3] = 0.8 * 10
    result.dataset["plan_cost"].to_numpy()[0, 3] = 250.0


def written(folder: Path, change: Any = None, extra: str = "", **more: Any) -> Path:
    """A run of 4 x 5 cells written out by hand, with changes."""
    folder.mkdir(parents=True)
    result = tiny_result(folder, extra=extra, **more)
    if change is not None:
        change(result)
    return result.write(folder / "run")


def edited(run: Path, folder: Path, file: str, edit: Any) -> Path:
    """A copy of a run with one of its documents changed."""
    shutil.copytree(run, folder)
    document = json.loads((folder / file).read_text(encoding="utf-8"))
    edit(document)
    (folder / file).write_text(json.dumps(document), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("plain") / "a")


@pytest.fixture(scope="module")
def by_hand(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return compare_runs(plain, written(tmp_path_factory.mktemp("hand") / "b", second))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two runs of the tiny world: with more water and more power in the second."""
    folder = tmp_path_factory.mktemp("real")
    study = write_world(folder)
    sets = ("resources.power.value=3 GWh/yr", "siting.exclude.2.above=25 degree")
    first = cdrsite.run(load_scenario(study)).write(folder / "first")
    return first, cdrsite.run(load_scenario(study, sets)).write(folder / "other")


# ------------------------------------------------------------------- from and to


def test_the_map_from_and_to_is_the_one_by_hand(by_hand: Comparison, tmp_path: Path) -> None:
    assert by_hand.maps is not None
    turns = {(t.before, t.after): (t.cells, t.area_km2) for t in by_hand.maps.turns}
    solid, forest = METHODS
    assert turns == {
        (solid, solid): (5, 5.0),
        (solid, forest): (2, 2.0),
        ("no method", solid): (1, 1.0),
        ("no method", "no method"): (4, 4.0),
        ("excluded", "excluded"): (4, 4.0),
        ("unknown", "unknown"): (1, 1.0),
    }
    folder = write_comparison(by_hand, tmp_path / "out")
    with rasterio.open(folder / "rasters" / "change_of_winner.tif") as file:
        codes = file.read(1)
        assert file.colormap(1)[1][:3] == (0x00, 0x9E, 0x73)  # afforestation's own colour
    outside, same, to_forest, to_solid = 255, UNCHANGED, 1, 2
    want = np.full((4, 5), same)
    want[0, 0] = want[3, 0] = want[3, 1] = outside
    want[0, 2] = want[3, 4] = to_forest
    want[0, 3] = to_solid
    np.testing.assert_array_equal(codes, want)
    names = (folder / "rasters" / "change_of_winner.tif.aux.xml").read_text(encoding="utf-8")
    assert "daccs-solid → afforestation" in names and "no method → daccs-solid" in names
    style = (folder / "rasters" / "change_of_winner.qml").read_text(encoding="utf-8")
    assert "no method → daccs-solid" in style
    readme = (folder / "rasters" / "README.txt").read_text(encoding="utf-8")
    assert "change_of_net_removal_afforestation.tif" in readme


def test_the_change_of_each_cell_is_the_one_by_hand(by_hand: Comparison, tmp_path: Path) -> None:
    folder = write_comparison(by_hand, tmp_path / "out")
    with rasterio.open(folder / "rasters" / "change_of_net_removal.tif") as file:
        change = file.read(1, masked=True)
        assert file.units[0] == "t/yr"
    want = np.zeros((4, 5))
    want[0, 2] = want[3, 4] = 0.8 * (50 - 90)
    want[0, 3] = 0.8 * 10
    np.testing.assert_allclose(change.filled(0), want, rtol=1e-6)
    # outside, and unknown
    assert [tuple(c) for c in np.argwhere(change.mask)] == [(0, 0), (1, 4), (3, 0), (3, 1)]
    style = ET.parse(folder / "rasters" / "change_of_net_removal.qml")
    tops = [float(item.attrib["value"]) for item in style.iter("item")]
    colours = [item.attrib["color"] for item in style.iter("item")]
    assert tops == sorted(tops) and tops[3] == 0.0 and len(set(colours)) == 7
    at = [next(i for i, top in enumerate(tops) if value <= top) for value in (-32.0, 0.0, 8.0)]
    assert at[0] < 3 and at[1] == 3 and at[2] > 3
    assert by_hand.maps is not None
    whole = by_hand.maps.sums[0]
    assert (whole.rising, whole.falling, whole.unknown) == (1, 2, 0)
    assert (whole.rise, whole.fall) == pytest.approx((8.0, -64.0))
    parts = [item for item in by_hand.maps.sums if item.method]
    assert math.fsum(item.total for item in parts) == pytest.approx(whole.total)


def test_tonnes_of_the_land_that_turned_are_those_of_its_cells(by_hand: Comparison) -> None:
    assert by_hand.maps is not None
    turns = {(turn.before, turn.after): turn for turn in by_hand.maps.turns}
    to_forest = turns["daccs-solid", "afforestation"]
    assert (to_forest.net_before, to_forest.net_after) == pytest.approx((2 * 72.0, 2 * 40.0))
    anew = turns["no method", "daccs-solid"]
    assert (anew.net_before, anew.net_after) == pytest.approx((0.0, 8.0))


def test_circles_gained_and_lost_add_up_to_the_change(by_hand: Comparison) -> None:
    moved, maps = by_hand.moved, by_hand.maps
    assert moved is not None and maps is not None
    gained, lost = moved.sums()
    assert gained - lost == pytest.approx(maps.sums[0].total)
    own = moved.circles.groupby("method")["change_t_yr"].sum()
    for item in (one for one in maps.sums if one.method):
        assert own[item.method] == pytest.approx(item.total)
    # two cells turned from one method to the other, one was taken up: five circles on this grid
    assert moved.places() == (3, 2)
    table = moved.table()
    assert list(table["change_t_yr"].abs()) == sorted(table["change_t_yr"].abs(), reverse=True)
    assert table["lon"].between(-180, 180).all() and table["lat"].between(-90, 90).all()
    ring = table[table["change_t_yr"] < 0].iloc[0]
    assert (ring["before_t_yr"], ring["after_t_yr"]) == pytest.approx((72.0, 0.0))


def test_what_is_gained_and_what_is_lost_have_a_map_each(
    by_hand: Comparison, tmp_path: Path
) -> None:
    """No circle of one map means the contrary of one beside it; the area is the tonnes on all."""
    page = Page((write_comparison(by_hand, tmp_path / "out") / "compare.html").read_text("utf-8"))
    discs = [dict(one) for one in page.all("circle") if one.get("fill")]
    moved = by_hand.moved
    assert moved is not None
    plans = [len(run.layer("tonnes")) for run in (by_hand.a, by_hand.b)]
    up, down = moved.places()
    assert len(discs) == sum(plans) + up + down and not any(one.get("class") for one in discs)
    gained, lost = discs[sum(plans) : sum(plans) + up], discs[sum(plans) + up :]
    assert {one["fill"] for one in lost} == {method_colour(METHODS[0])}
    assert method_colour(METHODS[1]) in {one["fill"] for one in gained}
    # 72 t/yr lost and 72 t/yr in the plan of the first run are drawn alike, 40 t/yr smaller
    first = max(discs[: plans[0]], key=lambda one: float(str(one["r"])))
    assert float(str(lost[0]["r"])) == pytest.approx(float(str(first["r"])), rel=1e-3)
    forest = next(one for one in gained if one["fill"] == method_colour(METHODS[1]))
    ratio = (float(str(forest["r"])) / float(str(first["r"]))) ** 2
    assert ratio == pytest.approx(40 / 72, rel=2e-3)
    sums = [sum(frame["net_t_yr"]) for frame in (moved.gained(), moved.lost())]
    assert sums == pytest.approx(moved.sums())
    assert f"are gained in {up} places" in page.source


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        (1.0, 3.5, "+2.50"),
        (3.5, 1.0, "−2.50"),
        (1.97, 1.97002, "≈\u202f0"),
        (4.9e-7, 0.0, ">\u202f−0.001"),
        (0.0, 4.9e-7, "<\u202f0.001"),
        (2.0, 2.0, "0"),
    ],
)
def test_a_change_is_told_as_it_can_be_seen(a: float, b: float, told: str) -> None:
    """No power of ten among numbers of one column, and no difference that its numbers hide."""
    assert said_change(a, b) == told
    assert told.replace("<", "&lt;").replace(">", "&gt;") in delta(b - a, a, b)
    assert "&lt;\u202f0.001" in shown(4.9e-7) and 'data-value="4.9e-07"' in shown(4.9e-7)


def test_many_kinds_of_change_share_the_last_code() -> None:
    class Many(Differences):
        turns = tuple(
            cdrsite.compare.maps.Turn(f"a{i}", f"b{i}", 1, 1.0, 0.0, 0.0) for i in range(300)
        )

    found = object.__new__(Many)
    assert max(found.codes.values()) == OTHER
    listed = found.categories()
    assert len({c.code for c in listed}) == len(listed) and listed[-1].label == "other changes"


def test_shades_of_one_colour_differ() -> None:
    colours = [shade("#0072B2", step) for step in range(5)]
    assert colours[0] == "#0072B2" and len(set(colours)) == 5


# ------------------------------------------------------------------------- totals


def test_maps_and_tables_add_up_to_the_difference_of_the_summaries(
    real: tuple[Path, Path],
) -> None:
    found = compare_runs(*real)
    first, other = (RunFolder(path).summary for path in real)
    totals = found.totals.set_index("quantity")
    for key in ("net_mt_yr", "cost_musd_yr", "mean_cost_usd_t"):
        assert totals.loc[key, "change"] == other[key] - first[key]
    assert found.maps is not None
    sums = {item.name: item.total for item in found.maps.sums}
    assert sums["change_of_net_removal"] / 1e6 == pytest.approx(
        other["net_mt_yr"] - first["net_mt_yr"], rel=1e-4
    )
    assert sums["change_of_cost"] / 1e6 == pytest.approx(
        other["cost_musd_yr"] - first["cost_musd_yr"], rel=1e-3
    )
    net = found.methods.set_index("method")["net_mt_yr_change"]
    for name in first["methods"]:
        want = other["methods"][name]["net_mt_yr"] - first["methods"][name]["net_mt_yr"]
        assert net[name] == want
    assert abs(net.sum()) > 0


def test_the_assumptions_that_differ_are_those_that_were_set(real: tuple[Path, Path]) -> None:
    found = compare_runs(*real)
    changes = {c.key: (c.a, c.b) for c in found.assumptions}
    assert set(changes) == {"resources.power.value", "siting.exclude.[steep].above"}
    assert changes["siting.exclude.[steep].above"] == ("15 degree", "25 degree")
    told = because(found, Words("en"))
    assert told.startswith("2 assumptions differ: electricity (")
    assert "where methods may stand (15 degree → 25 degree)" in told


def test_a_value_of_a_method_is_told_by_its_name_and_not_by_its_key() -> None:
    change = Change("library", "daccs-solid: water", "3 m3/t", "1 m3/t")
    for lang in ("en", "zh"):
        words = Words(lang)
        told = change_words(words, change)
        assert told == f"{words.method('daccs-solid')}: {words('param.water')}"
    other = Change("scenario", "siting.exclude.[steep].above", "15 degree", "25 degree")
    assert change_words(Words(), other) == other.key


def test_a_run_compared_with_itself_has_nothing_to_say(
    real: tuple[Path, Path], tmp_path: Path
) -> None:
    found = compare_runs(real[0], real[0])
    assert found.identical and found.same_results
    assert not found.assumptions
    assert (found.totals["change"].dropna() == 0).all()
    assert found.maps is not None
    assert all(turn.before == turn.after for turn in found.maps.turns)
    text = io.StringIO()
    print_comparison(found, console=Console(file=text, width=100))
    assert text.getvalue().strip() == (
        "The two runs have the same assumptions and the same results."
    )
    page = (write_comparison(found, tmp_path / "out") / "compare.html").read_text(encoding="utf-8")
    assert "The two runs have the same assumptions and the same results." in page
    assert "<img" not in page and 'id="sites"' not in page


def test_other_assumptions_with_the_same_results_say_so(plain: Path, tmp_path: Path) -> None:
    def edit(document: dict[str, Any]) -> None:
        document["scenario"]["costs"]["discount_rate"] = 0.5

    found = compare_runs(plain, edited(plain, tmp_path / "b", "manifest.json", edit))
    assert found.same_results and not found.identical
    assert "though their assumptions differ" in sentence(found, Words("en"))


# -------------------------------------------------------------------------- grids


def test_two_grids_have_totals_but_no_maps(plain: Path, tmp_path: Path) -> None:
    found = compare_runs(plain, written(tmp_path / "b", crs="EPSG:4326"))
    assert found.maps is None
    assert "different grids" in found.why_no_maps() and "rule 1" in found.why_no_maps()
    assert (found.methods["net_mt_yr_change"] == 0).all()
    folder = write_comparison(found, tmp_path / "out")
    assert not (folder / "rasters").exists()
    page = (folder / "compare.html").read_text(encoding="utf-8")
    assert "There are no maps of change" in page
    assert page.count("<img") == 4  # tonnes and land of each run by itself, on its own grid
    with pytest.raises(GridError, match="rule 1"):
        Differences.between(found.a, found.b)


def test_a_method_that_one_run_does_not_have_counts_as_nothing_there(
    by_hand: Comparison, tmp_path: Path
) -> None:
    def without_forest(result: Any) -> None:
        result.dataset = result.dataset.isel(removal_method=[0])
        result.tables["methods"] = result.tables["methods"].iloc[:1]
        result.summary["methods"].pop("afforestation")

    found = compare_runs(written(tmp_path / "a", without_forest), by_hand.b.path)
    row = found.methods.set_index("method").loc["afforestation"]
    assert (row["net_mt_yr_a"], row["net_mt_yr_b"]) == (0.0, 987.65424)
    assert found.maps is not None
    sums = {item.method: item.total for item in found.maps.sums}
    assert sums["afforestation"] == pytest.approx(2 * 0.8 * 50)


def test_money_of_two_years_is_not_subtracted(real: tuple[Path, Path], tmp_path: Path) -> None:
    other = edited(
        real[1], tmp_path / "b", "summary.json", lambda document: document.update(base_year=2015)
    )
    found = compare_runs(real[0], other)
    totals = found.totals.set_index("quantity")["change"]
    assert math.isnan(totals["cost_musd_yr"]) and not math.isnan(totals["land_km2"])
    assert found.methods["cost_musd_yr_change"].isna().all()
    folder = write_comparison(found, tmp_path / "out")
    assert not (folder / "rasters" / "change_of_cost.tif").exists()
    assert "different years (2020 and 2015)" in (folder / "compare.html").read_text("utf-8")
    same_year = write_comparison(compare_runs(*real), tmp_path / "other")
    assert (same_year / "rasters" / "change_of_cost.tif").exists()


def test_prices_of_two_goals_are_not_subtracted(plain: Path, tmp_path: Path) -> None:
    def dearer(result: Any) -> None:
        result.tables["pools"]["price"] = 2.0
        result.tables["pools"]["price_unit"] = "USD per m3"
        result.summary["objective"]["name"] = "cost"

    found = compare_runs(plain, written(tmp_path / "b", dearer))
    assert found.pools["price_change"].isna().all()
    assert list(found.pools["price_unit_b"]) == ["USD per m3"] * 3
    assert found.goals == ("net removal", "cost")


# ----------------------------------------------------------------- what is written


def test_a_price_stands_in_the_unit_of_its_own_plan(plain: Path, tmp_path: Path) -> None:
    """Where one plan counts tonnes and the other money, no price may be told in the other's."""

    def edit(document: dict[str, Any]) -> None:
        document["objective"]["name"] = "cost"

    other = edited(plain, tmp_path / "b", "summary.json", edit)
    for path in (other / "tables").glob("pools.*"):
        table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
        table["price_unit"] = table["price_unit"].str.replace("t per", "USD per")
        table["price"] = table["price"].where(table.index > 0, 5.0)
        table.to_csv(path, index=False) if path.suffix == ".csv" else table.to_parquet(path)
    found = compare_runs(plain, other)
    rows = records(found.binding())
    assert rows
    words = Words("en")
    page = Page(comparison_page(found, words))
    cells = re.findall(r"<tr>.*?</tr>", page.source.split('id="pools"')[1].split("</table>")[0])[1:]
    for row, markup in zip(rows, cells, strict=True):
        for end, paid in (("a", "t"), ("b", "USD")):
            price, unit = row[f"price_{end}"], str(row[f"price_unit_{end}"])
            factor, said = price_in_words(unit, words)
            assert said.startswith(f"{paid} per")
            value = plain_number(factor * price)
            assert f"{value}</span><br><small>{said}</small>" in markup


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_sentence_names_what_differs_in_words_with_the_goal_first(lang: str) -> None:
    def change(part: str, key: str, a: str | None = None, b: str | None = None) -> Change:
        return Change(part, key, a, b)

    listed = [
        change("scenario", "layers.works", None, '{"path": "a.csv", "tiles": [], "unit": null}'),
        change("scenario", "resources.water.supply", "x", "null"),
        change("scenario", "resources.water.months", "null", '["flow_01"]'),
        change("scenario", "resources.water.factor", "1", "0.5"),
        change("scenario", "network.plan", "true", "false"),
        change("scenario", "objective.minimise", "null", "cost"),
        change("input", "works.csv"),
    ]
    words = Words(lang)
    told = topics(words, listed)
    assert told[0].startswith(words("topic.objective")) and told.count(words.resource("water")) == 1
    assert any("100\u202f% → 50\u202f%" in one for one in told)
    assert not any("." in one and "csv" not in one for one in told), told
    assert assumption_value(words, listed[0].b) == "path: a.csv"
    assert assumption_value(words, listed[2].b) == "flow_01"
    assert assumption_value(words, "false") == words("compare.false")


def test_the_folder_holds_page_tables_and_json_and_is_replaced_whole(
    by_hand: Comparison, tmp_path: Path
) -> None:
    folder = write_comparison(by_hand, tmp_path / "out")
    document = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    assert document["winners"][0]["cells"] == 5 and not document["identical"]
    assert {f.stem for f in (folder / "tables").glob("*.csv")} == {
        "totals", "methods", "provinces", "pools", "sites", "ranks", "binding", "assumptions",
        "winners", "maps", "moved_tonnes",
    }  # fmt: skip
    page = (folder / "compare.html").read_bytes()
    (folder / "notes").write_text("of a user")
    write_comparison(by_hand, folder)
    assert (folder / "notes").read_text() == "of a user"
    assert (folder / "compare.html").read_bytes() == page  # no time in it (rule 9)


def test_a_run_is_never_replaced_by_a_comparison(by_hand: Comparison, tmp_path: Path) -> None:
    run = by_hand.a.path
    for target in (run, run / "inside", run.parent):
        with pytest.raises(ConfigError, match="would replace a run"):
            write_comparison(by_hand, target)
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.doc").touch()
    with pytest.raises(ConfigError, match="something else"):
        write_comparison(by_hand, other)
    assert (run / "summary.json").is_file()


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such run"):
        compare_runs(tmp_path / "nowhere", tmp_path)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_names_from_the_data_do_nothing_on_the_page(lang: str, plain: Path, tmp_path: Path) -> None:
    def hostile(result: Any) -> None:
        second(result)
        result.tables["pools"]["zone"] = HOSTILE
        result.tables["provinces"] = pd.DataFrame(
            {"zone": [HOSTILE], "method": [METHODS[0]], "net_mt_yr": [2.0]}
        )
        result.summary["title"] = HOSTILE

    extra = "policies: [{name: '<script>alert(1)</script>', at_most: 5 Mt/yr}]\n"
    found = compare_runs(plain, written(tmp_path / "b", hostile, extra))
    folder = write_comparison(found, tmp_path / "out", lang)
    source = (folder / "compare.html").read_text(encoding="utf-8")
    page = Page(source)
    assert not page.all("script")
    assert all(str(image["src"]).startswith("data:image/png") for image in page.all("img"))
    assert not any(key.startswith("on") for _, attrs in page.elements for key in attrs)
    assert "&lt;img src=x" in source and "&lt;script&gt;" in source
    assert page.all("html")[0]["lang"] == {"en": "en", "zh": "zh-Hans"}[lang]
    for name, attrs in page.elements:
        for key in ("src", "href"):
            value = attrs.get(key) or ""
            assert not value.startswith(("http", "//")), name
    policy = next(m["content"] for m in page.all("meta") if "http-equiv" in m)
    assert "default-src 'none'" in str(policy) and "script-src 'none'" in str(policy)


def test_the_terminal_says_it_in_a_screenful(by_hand: Comparison) -> None:
    text = io.StringIO()
    print_comparison(by_hand, console=Console(file=text, width=100))
    shown = text.getvalue()
    assert by_hand.moved is not None and by_hand.maps is not None
    gained, lost = by_hand.moved.sums()
    told = f"{number(gained / 1e6)} Mt a year are gained in 3 places"
    said = " ".join(shown.split()).replace("\u202f", " ")
    assert told in said and f"{number(lost / 1e6)} Mt a year are lost in 2." in said
    turned = [turn for turn in by_hand.maps.turns if turn.before != turn.after]
    largest = max(turned, key=lambda turn: abs(turn.net_after - turn.net_before))
    change = said_change(largest.net_before / 1e6, largest.net_after / 1e6)
    lines = shown[shown.index("land that turned") :].splitlines()[1:]
    told = f"{largest.before} → {largest.after} {change} Mt/yr on"
    told += f" {plain_number(largest.area_km2)} km²"
    assert lines[0].split() == told.split()
    assert "daccs-solid → afforestation" in shown and "2 km²" in shown
    assert max(map(len, shown.splitlines())) <= 100


def test_the_terminal_speaks_the_language_that_is_asked_for(by_hand: Comparison) -> None:
    text = io.StringIO()
    print_comparison(by_hand, lang="zh", console=Console(file=text, width=600))  # paths are long
    # what the user named, units and numbers aside, no word of another language is left
    own = f"{by_hand.names} {by_hand.assumptions} tables csv CO"
    left, kept = (set(re.findall(r"[A-Za-z]{2,}", said)) for said in (text.getvalue(), own))
    assert left <= kept and "daccs" not in left


def test_json_on_the_terminal_is_all_of_it(
    by_hand: Comparison, capsys: pytest.CaptureFixture[str]
) -> None:
    print_comparison(by_hand, as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert document["maps"][0]["falling"] == 2


# -------------------------------------------------------------------- assumptions


def test_key_paths_lists_by_name_and_what_only_one_has() -> None:
    a = {"name": "x", "k": {"v": 1.0, "gone": [1]}, "rules": [{"name": "p", "w": 1}], "l": [1, 2]}
    b = {"name": "y", "k": {"v": 1, "new": {"z": None}}, "l": [2, 1]}
    b["rules"] = [{"name": "q", "w": 3}, {"name": "p", "w": 2}]
    found = {c.key: (c.a, c.b) for c in scenario_changes(a, b)}
    assert found == {
        "k.gone": ("[1]", None),
        "k.new": (None, '{"z": null}'),
        "rules.[p].w": ("1", "2"),
        "rules.[q]": (None, '{"name": "q", "w": 3}'),
        "l": ("[1, 2]", "[2, 1]"),
    }


def test_values_of_the_library_and_bytes_of_inputs() -> None:
    def library(value: float) -> dict[str, Any]:
        rows = [
            {"parameter": "water", "value": value, "unit": "m3/t", "alternative": False},
            {"parameter": "water", "value": 99.0, "unit": "m3/t", "alternative": True},
        ]
        return {"methods": {"m": {"values": rows}}}

    (change,) = library_changes(library(2.0), library(2.5))
    assert (change.key, change.a, change.b) == ("m: water", "2 m3/t", "2.5 m3/t")
    assert not library_changes(library(2.0), library(2.0))
    files = {"a.tif": {"sha256": "0", "bytes": 1}, "b.tif": {"sha256": "1", "bytes": 1}}
    found = input_changes(files, {"a.tif": {"sha256": "9", "bytes": 1}})
    assert [(c.key, c.b is None) for c in found] == [("a.tif", False), ("b.tif", True)]


def test_a_profile_that_was_not_named_is_the_one_that_was_taken(
    plain: Path, tmp_path: Path
) -> None:
    def edit(document: dict[str, Any]) -> None:
        assert document["scenario"]["methods"]["daccs-solid"]["profile"] is None
        document["scenario"]["methods"]["daccs-solid"]["profile"] = "madhu2021"

    named = edited(plain, tmp_path / "b", "manifest.json", edit)
    assert not compare_runs(plain, named).assumptions


# ------------------------------------------------------------------ tables, ranks


def test_rows_that_one_run_lacks_are_zero_only_where_that_adds_up() -> None:
    a = pd.DataFrame({"zone": ["n", None], "net": [1.0, 2.0], "price": [5.0, math.nan]})
    b = pd.DataFrame({"zone": ["s", "n"], "net": [4.0, 3.0], "price": [7.0, 6.0]})
    found = paired(a, b, ["zone"], totals=["net"], values=["price", "nowhere"])
    assert list(found["zone"]) == ["n", "", "s"]
    assert list(found["net_change"]) == [2.0, -2.0, 4.0]
    assert found["price_change"].isna().tolist() == [False, True, True]
    assert "nowhere_a" not in found.columns
    assert list(paired(None, None, ["zone"], ["net"]).columns) == ["zone"]


def ranked(*places: tuple[float, float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "method": "m",
            "rank": range(1, len(places) + 1),
            "lon": [lon for lon, _ in places],
            "lat": [lat for _, lat in places],
            "net_t_yr": 1.0,
            "cost_usd_per_net_t": 100.0,
            "in_plan": True,
        }
    )


def test_sites_stay_move_come_and_go() -> None:
    # a hundredth of a degree on the equator is 1.11 km
    a = ranked((0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0))
    b = ranked((3.0, 0.0), (1.02, 0.0), (0.0, 0.0), (7.0, 0.0))
    found = site_changes(a, b, 0.5, 5.0)
    assert list(found["site"]) == ["same", "moved", "same", "gained", "lost"]
    assert found["moved_km"].iloc[1] == pytest.approx(0.02 * math.pi / 180 * 6371.0088, rel=1e-6)
    assert found["rank_a"].tolist()[:3] == [4.0, 2.0, 1.0]
    (row,) = rank_table(found).to_dict("records")
    assert (row["sites_a"], row["sites_b"]) == (4, 4)
    assert (row["same"], row["moved"], row["gained"], row["lost"]) == (2, 1, 1, 1)
    assert row["rank_correlation"] == pytest.approx(-1.0)
    assert not len(site_changes(None, None, 0.5, 5.0))


def test_two_sites_in_common_say_nothing_of_the_order() -> None:
    found = rank_table(site_changes(ranked((0, 0), (1, 0)), ranked((0, 0), (1, 0)), 0.5, 5.0))
    assert math.isnan(found["rank_correlation"].iloc[0])


@settings(max_examples=examples(25), deadline=None)
@given(
    st.permutations(range(8)),
    st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_every_site_is_counted_once(order: list[int], kept: list[bool]) -> None:
    a = ranked(*((float(i), 0.0) for i in range(8)))
    places = [(float(i) if kept[i] else 100.0 + i, 0.0) for i in order]
    found = site_changes(a, ranked(*places), 0.5, 5.0)
    assert sorted(found["rank_a"].dropna()) == list(range(1, 9))
    assert sorted(found["rank_b"].dropna()) == list(range(1, 9))
    (row,) = rank_table(found).to_dict("records")
    assert row["same"] == sum(kept) and row["gained"] == row["lost"] == 8 - sum(kept)
    if sum(kept) >= 3:
        ours = found[found["site"] == "same"]
        want = ours["rank_a"].corr(ours["rank_b"], method="spearman")
        assert row["rank_correlation"] == pytest.approx(want)


def test_numbers_of_changes_have_their_sign() -> None:
    assert (signed(4.0), signed(-0.5), signed(0.0), signed(math.nan)) == ("+4", "−0.500", "0", "–")
