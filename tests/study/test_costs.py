"""What a plan costs by part, from gross to net, after credits: sums, and what a reader sees."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest
from tiny_scenario import SCENARIO, box, write_polygons, write_world

from cdrsite.cli.costs import cost_lines
from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.core.numbers import number
from cdrsite.core.words import LANGUAGES, Words
from cdrsite.methods.parts import CostBook
from cdrsite.result.study_result import StudyResult
from cdrsite.study.costs import beside
from cdrsite.study.run import run

pytestmark = pytest.mark.usefixtures("without_slopes")


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    """The tiny world with two stores of unlike cost, routes that leak, power sold, credits."""
    folder = tmp_path_factory.mktemp("world")
    liquid = "  afforestation: {gates: false}\n  daccs-liquid: {}\n"
    text = SCENARIO.replace("  afforestation: {gates: false}\n", liquid)
    text = text.replace("layers:\n", "layers:\n  stores: {path: stores.gpkg}\n", 1)
    text = text.replace(
        "siting:\n",
        "  storage: {units: stores, id: id, capacity: mt, injection: mt_yr, depth: depth, "
        "cost: usd}\nsiting:\n",
        1,
    )
    text += (
        "transport: {leakage: 0.05, reach: 40 km}\n"
        "objective: {maximise: value, credits: [{basis: net, amount: 9000 USD2024/t}, "
        "{basis: stored, amount: 30 USD2024/t, years: 12, methods: [beccs-residue]}]}\n"
    )
    path = write_world(folder, text)
    write_polygons(
        folder / "stores.gpkg", [box(5, 1, 3, 2), box(0, 4, 2, 2)],
        id=["s", "t"], mt=[30.0, 0.4], mt_yr=[0.5, 0.004], depth=[1500.0, 1800.0], usd=[7.0, 13.0],
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return run(load_scenario(path))


def parts_of(result: StudyResult) -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in result.tables["cost_parts"].to_dict("records"):
        found.setdefault(row["method"], {})[row["part"]] = row
    return found


def test_the_parts_of_every_method_add_up_to_its_cost(result: StudyResult) -> None:
    methods = result.tables["methods"].set_index("method")
    parts = parts_of(result)
    assert set(parts) == set(methods.index[methods["net_mt_yr"] > 0]) and len(parts) >= 3
    for name, mine in parts.items():
        row = methods.loc[name]
        for column, cost in (
            ("musd_yr", row["cost_musd_yr"]),
            ("usd_net_t", row["mean_cost_usd_t"]),
            ("usd_gross_t", row["cost_musd_yr"] / row["gross_mt_yr"]),
        ):
            assert sum(part[column] for part in mine.values()) == pytest.approx(cost, rel=1e-6)
    # what is sold lowers the cost; what goes to a store pays for the way and for the store
    assert parts["beccs-residue"]["revenue"]["musd_yr"] < 0
    assert all(parts["beccs-residue"][part]["musd_yr"] > 0 for part in ("transport", "storage"))
    assert "storage" not in parts["afforestation"]


def test_storage_is_paid_for_as_the_units_ask(result: StudyResult) -> None:
    asked = {"stores s": 7.0, "stores t": 13.0}
    table = result.tables["storage"]
    paid = sum(asked[row["unit"]] * row["injected_mt_yr"] for row in table.to_dict("records"))
    stored = [one["storage"]["musd_yr"] for one in parts_of(result).values() if "storage" in one]
    assert sum(stored) == pytest.approx(paid, rel=1e-5)
    assert (table["injected_mt_yr"] > 0).all()


def test_the_dataset_says_the_same(result: StudyResult) -> None:
    kept = result.dataset["cost_parts"]
    assert kept.dims == ("removal_method", "cost_part") and kept.attrs["units"] == "USD/t"
    for name, mine in parts_of(result).items():
        for part in kept["cost_part"].to_numpy().tolist():
            found = float(kept.sel(removal_method=name, cost_part=part))
            assert found == pytest.approx(mine[part]["usd_net_t"] if part in mine else 0.0)


def test_parts_are_those_of_the_cells_of_the_plan(result: StudyResult) -> None:
    """An oracle: the same from the maps alone, cell by cell."""
    data = result.dataset
    gross = np.nan_to_num(data["allocated"].to_numpy())
    names = data["cost_basis"].attrs["labels"]
    for name, mine in parts_of(result).items():
        m = data["removal_method"].to_numpy().tolist().index(name)
        for k, part in enumerate(data["cost_part"].to_numpy().tolist()):
            if part in {"transport", "storage"}:
                continue
            basis = names[int(data["cost_basis"][m, k])]
            each = data[basis].to_numpy()[m] if basis else np.ones(gross.shape[1:])
            paid = float(data["cost_coefficient"][m, k]) * np.nansum(gross[m] * each) / 1e6
            assert paid == pytest.approx(mine.get(part, {"musd_yr": 0.0})["musd_yr"], rel=1e-5)


def test_from_gross_to_net_and_after_credits(result: StudyResult) -> None:
    methods = result.tables["methods"].set_index("method")
    earned = result.tables["credits"].groupby("method")["earned_usd_net_t"].sum()
    costs = result.summary["costs"]
    assert set(costs) == set(parts_of(result)) and len(earned) > 0
    for name, one in costs.items():
        row = methods.loc[name]
        assert one["net_factor"] == pytest.approx(row["net_mt_yr"] / row["gross_mt_yr"])
        assert one["gross_usd_t"] / one["net_factor"] == pytest.approx(one["net_usd_t"])
        assert one["gross_usd_t"] + one["losses_usd_t"] == pytest.approx(one["net_usd_t"])
        assert one["net_usd_t"] == pytest.approx(row["mean_cost_usd_t"])
        after = row["mean_cost_usd_t"] - earned.get(name, 0.0)
        assert one["after_credits_usd_t"] == pytest.approx(after)
        credited = row["cost_musd_yr"] / row["credited_mt_yr"]
        assert one["credited_usd_t"] == pytest.approx(credited)
    assert costs["afforestation"]["credited_usd_t"] > costs["afforestation"]["net_usd_t"]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("width", [80, 100, 400])
def test_a_line_of_the_terminal_is_a_sum_that_fits(
    result: StudyResult, lang: str, width: int
) -> None:
    from rich.cells import cell_len

    costs, words = result.summary["costs"], Words(lang)
    lines = cost_lines(costs, result.tables["cost_parts"], words, width)
    names = [words.typed(name) for name in costs]
    assert [name for name, _ in lines] == names
    longest = max(map(cell_len, names))
    for name, (_, line) in zip(costs, lines, strict=True):
        assert 4 + longest + cell_len(line) <= width
        total, _, told = line.partition(" = ")
        sizes = [
            (-1.0 if sign == "−" else 1.0) * float(size.replace("\u202f", ""))
            for sign, size in re.findall(r"(?:^|([−+]) ?)[^−+\d]*([\d\u202f.]+)", told)
        ]
        assert sum(sizes) == pytest.approx(costs[name]["net_usd_t"], rel=0.02), line
        central, _, both = total.partition(" (")
        assert float(central.replace("\u202f", "")) == pytest.approx(sum(sizes), rel=0.02)
        low, high = (costs[name][f"{end}_usd_t"] for end in ("low", "high"))
        assert both == f"{number(low)}–{'' if high is None else number(high)})"
    if width == 400:
        assert words("end.cost.losses") in lines[0][1] and words("end.cost.rest") not in lines[0][1]


def test_sums_of_a_plan_by_hand() -> None:
    """Two methods, two ways, three cells."""
    split = {"capital": (10.0, ""), "land": (2.0, "need_land"), "transport": (0.0, ""),
             "storage": (0.0, "")}  # fmt: skip
    book = CostBook((split, split), np.array([4.0, 6.0]))
    need = np.array([[1.0, 2.0, 3.0], [np.nan, 5.0, 6.0]])
    x = np.array([[[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]], [[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]])
    sink = np.array([[0, 0, 1], [1, 1, -1]])
    cost = np.array([[5.0, 5.0, 9.0], [8.0, 8.0, 0.0]])
    found = book.empty()
    book.add(found, x, sink, cost, np.array([[1.5], [0.0]]), lambda _: need)
    # first method: 1 t to unit 0 (1 + 4), 2 t to unit 1 (3 + 6), 3 t to unit 1 (2 + 6), x 1.5
    assert found[0].tolist() == [60.0, 2.0 * (1 + 6 + 6), 1.5 * (1 + 6 + 6), 1.5 * (4 + 12 + 18)]
    assert found[1].tolist() == [10.0, 10.0, 0.0, 0.0]


def test_published_costs_say_why_where_outside(result: StudyResult) -> None:
    """Every record of every used method, in the study's money, with a reason from its own parts."""
    from cdrsite.core.currency import convert

    table, costs, parts = result.tables["cost_published"], result.summary["costs"], parts_of(result)
    for name, one in costs.items():
        record = result.models[name].profile.get("cost_published")
        mine = table[table["method"] == name].to_dict("records")
        records = [record, *record.alternatives]
        assert [row["source"] for row in mine] == [each.source for each in records]
        for row, each in zip(mine, records, strict=True):
            money = convert(1.0, "USD", each.currency_year, result.scenario.costs.base_year)
            assert row["low_usd_t"] == pytest.approx(each.low * money)
            assert row["high_usd_t"] == pytest.approx(each.high * money)
            cost = one["net_usd_t"]
            where = "below" if cost < row["low_usd_t"] else "above"
            inside = row["low_usd_t"] <= cost <= row["high_usd_t"]
            assert row["place"] == ("inside" if inside else where)
            assert bool(row["reason"]) is not inside
            if row["reason"] == "part":
                without = cost - parts[name][row["part"]]["usd_net_t"]
                assert row["low_usd_t"] <= without <= row["high_usd_t"]
    assert {"inside"} < set(table["place"])


@pytest.mark.parametrize(
    ("one", "basis", "wanted"),
    [
        ({"net_usd_t": 90.0}, "", ("below", "part", "revenue")),
        ({"net_usd_t": 150.0}, "foak", ("inside", "", "")),
        ({"net_usd_t": 250.0}, "foak", ("above", "basis", "")),
        ({"net_usd_t": 250.0}, "2030", ("above", "part", "land")),
        ({"net_usd_t": 400.0, "gross_usd_t": 190.0}, "", ("above", "gross", "")),
        ({"net_usd_t": 400.0, "low_usd_t": 180.0}, "", ("above", "range", "")),
        ({"net_usd_t": 400.0}, "", ("above", "largest", "capital")),
    ],
)
def test_a_reason_is_the_first_that_holds(
    one: dict[str, float], basis: str, wanted: tuple[str, str, str]
) -> None:
    whole = {"gross_usd_t": 300.0, "low_usd_t": 210.0, "high_usd_t": None} | one
    sizes = {"capital": 120.0, "land": 60.0, "revenue": -20.0}
    if one["net_usd_t"] < 100:
        whole["high_usd_t"] = 95.0
    assert beside(whole, sizes, (100.0, 200.0), basis) == wanted
