"""Credits: levelised by hand, who earns them, what they move, and what is refused."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_scenario import SCENARIO, box, write_polygons, write_world

from cdrsite.competition.paid import Arrival
from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteWarning, ConfigError
from cdrsite.explain.cells import Evidence, reason_of
from cdrsite.library.credits import Basis, credit_schemes, load_credit
from cdrsite.methods.credits import Earning, levelised
from cdrsite.methods.net import ChainLosses
from cdrsite.result.study_result import StudyResult
from cdrsite.study.run import check_study, run

pytestmark = pytest.mark.usefixtures("without_slopes")

ALL = """  daccs-solid: {profile: literature}
  daccs-liquid: {}
  beccs-residue: {}
  afforestation: {gates: false}
"""


def with_stores(text: str) -> str:
    """The scenario with storage units, and routes that lose CO2."""
    text = text.replace("layers:\n", "layers:\n  stores: {path: stores.gpkg}\n", 1)
    text = text.replace(
        "siting:\n",
        "  storage: {units: stores, id: id, capacity: mt, injection: mt_yr, kind: kind}\nsiting:\n",
        1,
    )
    return text + "transport: {leakage: 0.05, reach: 40 km}\n"


def scenario(folder: Path, paid: str, *, start: str = "", kinds: tuple[str, ...] = ()) -> Any:
    """The tiny world for most value, without storage units or with one of each kind."""
    text = re.sub(r"methods:\n(  .*\n)+", "methods:\n" + ALL, SCENARIO)
    if kinds:
        text = with_stores(text)
    text += f"objective: {{maximise: value, {start}credits: [{paid}]}}\n"
    if "provinces" in paid:  # both have water, power and land
        text = text.replace("layers:\n", "layers:\n  provinces: {path: provinces.gpkg}\n", 1)
        shapes = [box(0, 0, 2, 6), box(2, 0, 6, 6)]
        write_polygons(folder / "provinces.gpkg", shapes, name=["left", "right"])
    path = write_world(folder, text)
    if kinds:
        write_polygons(
            folder / "stores.gpkg",
            [box(1 + 4 * i, 1, 2, 4) for i in range(len(kinds))],
            id=list("ab")[: len(kinds)], mt=[30.0] * len(kinds), mt_yr=[0.5] * len(kinds),
            kind=list(kinds),
        )  # fmt: skip
    return load_scenario(path)


def study(folder: Path, paid: str, **more: Any) -> StudyResult:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return run(scenario(folder, paid, **more))


def earned(result: StudyResult) -> dict[tuple[str, str], dict[str, Any]]:
    rows = result.tables["credits"].to_dict("records")
    return {(row["credit"], row["method"]): row for row in rows}


def test_a_credit_of_twelve_years_over_a_life_of_twenty_five() -> None:
    """180 USD/t of 45Q at 7 %: a(12) / a(25) = 7.942686 / 11.653583."""
    assert levelised(1.0, 12, 25, 0.07) == pytest.approx(0.681566, abs=5e-7)
    assert levelised(180.0, 12, 25, 0.07) == pytest.approx(122.68, abs=5e-3)
    assert levelised(180.0, 12, 24, 0.0) == pytest.approx(90.0)
    assert levelised(180.0, 40, 25, 0.07) == 180.0


@given(st.floats(0, 500), st.floats(1, 60), st.floats(1, 60), st.floats(0, 0.3), st.floats(0.1, 20))
def test_longer_and_dearer_credits_are_worth_more(
    amount: float, years: float, life: float, rate: float, more: float
) -> None:
    worth = levelised(amount, years, life, rate)
    assert 0 <= worth <= amount
    assert levelised(amount + more, years, life, rate) > worth
    assert levelised(amount, years + more, life, rate) >= worth * (1 - 1e-12)


def earning(basis: Basis, losses: ChainLosses, fossil: float, *, lost_on_way: bool) -> Earning:
    """180 USD/t for 12 of 25 years at 7 %, with a buffer of a tenth."""
    worth = levelised(180.0, 12, 25, 0.07)
    return Earning(
        "a credit", "", "dac", basis, 180.0, 12, 25, worth, None, losses, fossil, 0.1, lost_on_way,
        stored=1.0 + fossil,
    )  # fmt: skip


def worth_of(one: Earning, *, gross: float, net: float, lost: float = 0.0) -> float:
    """What the terms of an objective add up to; ``lost``: share of a stored tonne, on the way."""
    amounts = {"gross": gross, "net": net}
    for term, need in one.tonnes():
        if isinstance(need, Arrival):
            amounts[term.quantity] = gross * one.stored * (need.base - lost)
    return sum(term.weight * amounts[term.quantity] for term in one.terms())


def test_fossil_carbon_that_is_stored_along_earns_nothing() -> None:
    """Liquid direct air capture stores 1.297 t for each tonne of the air, and is paid for 1."""
    losses = ChainLosses()
    stored = earning("stored", losses, 0.297, lost_on_way=False)
    assert worth_of(stored, gross=1.0, net=0.9) == pytest.approx(122.68, abs=5e-3)
    net = earning("net", losses, 0.297, lost_on_way=False)
    credited = earning("credited", losses, 0.297, lost_on_way=False)
    assert worth_of(net, gross=1.0, net=0.9) == pytest.approx(0.9 * 122.682, rel=1e-5)
    assert worth_of(credited, gross=1.0, net=0.9) == pytest.approx(0.81 * 122.682, rel=1e-5)


@given(st.floats(0, 0.2), st.floats(0, 0.8), st.floats(0, 0.3))
def test_stored_tonnes_are_those_that_are_not_lost_on_the_way(
    capture: float, fossil: float, lost: float
) -> None:
    """Of each gross tonne, what is captured less the air's part of what the route loses."""
    one = earning("stored", ChainLosses(capture), fossil, lost_on_way=True)
    expected = one.levelised * 1000 * ((1 - capture) - lost)
    assert worth_of(one, gross=1000, net=900, lost=lost) == pytest.approx(expected, rel=1e-9)


def test_the_value_of_a_plan_is_what_it_earns_less_its_cost(tmp_path: Path) -> None:
    """All bases at once, with routes that lose CO2: the objective is the table's sum."""
    paid = (
        "{scheme: 45q-dac-saline, amount: 600}, {amount: 900}, {amount: 50, basis: credited}, "
        "{amount: 2000, basis: stored, methods: daccs-liquid}"
    )
    result = study(tmp_path, paid, start="start: 2030, ", kinds=("saline",))
    summary, rows = result.summary, earned(result)
    assert summary["objective"]["name"] == "value"
    value = summary["earned_musd_yr"] - summary["cost_musd_yr"]
    assert summary["objective"]["value"] / 1e6 == pytest.approx(value, rel=1e-5)
    ledger = result.tables["ledgers"]
    ledger = ledger[ledger["zone"] == ""].set_index("method")
    liquid = rows["45q-dac-saline", "daccs-liquid"]
    gross = ledger["removal_gross_mt_yr"]["daccs-liquid"]
    # 0.297 t of fossil CO2 are stored along with each tonne of the air, and earn nothing
    assert ledger["fossil_stored_mt_yr"]["daccs-liquid"] > 0.2 * gross > 0
    assert liquid["basis_mt_yr"] < gross
    assert liquid["basis_mt_yr"] == pytest.approx(
        gross - ledger["returned_mt_yr"]["daccs-liquid"], rel=1e-7
    )
    assert liquid["levelised_usd_t"] == pytest.approx(600 * 0.681566, rel=1e-6)
    assert liquid["earned_usd_net_t"] > liquid["levelised_usd_t"]  # a net tonne takes more stored
    assert {method for credit, method in rows if credit == "45q-dac-saline"} == {
        "daccs-solid", "daccs-liquid",
    }  # fmt: skip
    forest = rows["objective.credits.2", "afforestation"]
    assert forest["basis_mt_yr"] == pytest.approx(0.85 * ledger["net_mt_yr"]["afforestation"])


@pytest.mark.parametrize(("lang", "words"), [("en", "What tonnes earn"), ("zh", "每吨的收入")])
def test_the_report_says_what_tonnes_earn(tmp_path: Path, lang: str, words: str) -> None:
    result = study(tmp_path, "{scheme: corc, amount: 900}, {amount: 40, methods: afforestation}")
    folder = result.write(tmp_path / "run", lang=lang)
    page = (folder / "report.html").read_text(encoding="utf-8")
    part = page.split('id="credits"')[1].split("</section>")[0]
    assert words in part and "corc" in part and 'data-key="earned_musd_yr"' in part
    assert 'data-key="tables/credits/0/levelised_usd_t"' in part
    assert len((folder / "tables" / "credits.csv").read_text(encoding="utf-8").splitlines()) == 5


def test_more_credit_never_lowers_the_value(tmp_path: Path) -> None:
    values = []
    for amount in (0, 40, 200, 900):
        folder = tmp_path / str(amount)
        folder.mkdir()
        result = study(folder, f"{{amount: {amount}, basis: stored}}, {{amount: 100}}")
        values.append(result.summary["objective"]["value"])
    assert values == sorted(values) and values[-1] > values[0] >= 0


def test_a_method_that_nothing_pays_for_is_said(tmp_path: Path) -> None:
    result = study(tmp_path, "{amount: 900, methods: [daccs-solid, beccs-residue]}")
    found = [text for text in result.warnings if "no credit pays for" in text]
    assert len(found) == 1
    assert "got daccs-liquid, afforestation; cure: give a credit whose gates they meet" in found[0]


def test_a_credit_that_has_ended_pays_nothing_and_is_said(tmp_path: Path) -> None:
    result = study(
        tmp_path, "{scheme: 45q-dac-saline}, {amount: 900, methods: daccs-solid}",
        start="start: 2040, ",
    )  # fmt: skip
    assert {credit for credit, _ in earned(result)} == {"objective.credits.1"}
    assert any(
        "objective.credits.0: a credit that plants of this start do not earn; got objective.start "
        "2040; expected a start until 2032; cure: give another start" in text
        for text in result.warnings
    )


@pytest.mark.parametrize(
    ("paid", "more", "text"),
    [
        (
            "{amount: 50, sink_type: eor}",
            {},
            r"objective.credits.0.sink_type: a credit for storage units of a kind that there is "
            r"not; got eor; expected saline; cure: name the column with the kind of unit",
        ),
        (
            "{scheme: 45q-dac-saline}",
            {"start": "start: 2030, ", "kinds": ("eor",)},
            r"objective.credits.0: a credit for storage units .*; got saline; expected eor",
        ),
        (
            "{scheme: ccer, amount: 15, methods: daccs-solid}",
            {},
            r"a credit whose gates no method meets; got daccs-solid: a method of stock, not plant; "
            r"expected what ccer asks for; cure: add a method that meets them",
        ),
        (
            "{amount: 50, min_t_yr: 9 Mt/yr}",
            {},
            r"gates no method meets; got daccs-solid: plants of 9e\+06 t/yr, not 1e\+06",
        ),
        (
            "{amount: 50, sink_type: saline, methods: [daccs-solid, afforestation]}",
            {},
            r"gates not every method meets; got afforestation: storage underground, which it does "
            r"not use; .*cure: remove afforestation from objective.credits.0.methods",
        ),
        (
            "{scheme: 45q-dac-saline}, {scheme: 45q-dac-saline-base}",
            {"start": "start: 2030, "},
            r"objective.credits: two credits of one programme for the same tonne; got "
            r"45q-dac-saline and 45q-dac-saline-base for daccs-solid; cure: .* \(rule 6\)",
        ),
        (
            "{amount: 180, sink_type: saline}, {amount: 130, sink_type: eor}",
            {"kinds": ("saline", "eor")},
            r"net tonnes are not known by storage unit, and units of both kinds may be used; .*got "
            r"daccs-solid earns .* expected the same in all units .*cure: give basis: stored",
        ),
        (
            "{amount: 50, region: {layer: basin}}",
            {},
            r"objective.credits.0.region.layer: .*basin",
        ),
        (
            "{amount: 50, region: {layer: provinces, zone_name: name, zones: lft}}",
            {},
            r"objective.credits.0.region.zones: unknown name; got lft; expected one of left, "
            r"right; cure: did you mean",
        ),
        (
            "{scheme: 45q-dac-saline}",
            {"start": "start: 2040, "},
            r"no credit is left that pays for anything; got 1 that plants of 2040 do not earn",
        ),
    ],
)
def test_what_cannot_be_earned_is_refused(
    tmp_path: Path, paid: str, more: dict[str, Any], text: str
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        with pytest.raises(ConfigError, match=text):
            check_study(scenario(tmp_path, paid, **more))


def test_one_rate_in_all_units_needs_no_choice(tmp_path: Path) -> None:
    """The law of 2025 pays both kinds alike: each tonne earns once."""
    paid = "{scheme: 45q-dac-saline, amount: 600}, {scheme: 45q-dac-eor, amount: 600}"
    result = study(tmp_path, paid, start="start: 2030, ", kinds=("saline", "eor"))
    assert {method for _, method in earned(result)} == {"daccs-solid", "daccs-liquid"}
    assert len(result.tables["credits"]) == 4  # each credit counts what its own units take in
    value = result.summary["earned_musd_yr"] - result.summary["cost_musd_yr"]
    assert result.summary["objective"]["value"] / 1e6 == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize(
    ("objective", "text"),
    [
        (
            "{maximise: value, credits: [{scheme: corc}]}",
            r"objective.credits.0.amount: the price of corc is its market's, which no law sets; "
            r"cure: give amount",
        ),
        (
            "{maximise: value, credits: [{scheme: 45q-dac-salin}]}",
            r"objective.credits.0.scheme: unknown credit scheme; got '45q-dac-salin'; .*cure: did "
            r"you mean '45q-dac-saline'\?",
        ),
        (
            "{maximise: value, credits: [{scheme: 45q-dac-saline}]}",
            r"objective.start: credits.0 is for plants that start until 2032, and no start is "
            r"known; cure: give objective.start",
        ),
        (
            "{maximise: value, start: 2030, credits: [{amount: 5}]}",
            r"objective.start: no credit asks when plants start; cure: remove it",
        ),
        ("{maximise: value, credits: [{basis: net}]}", r"a credit of nothing; expected scheme"),
        (
            "{maximise: value, start: 2030, credits: [{amount: 5, from: 2031, to: 2030}]}",
            r"objective.credits.0.to: it ends before it begins; got from 2031 to 2030",
        ),
        (
            "{maximise: value, credits: [{amount: 5, region: {layer: basins, zones: west}}]}",
            r"objective.credits.0.region: zones are given by name; expected zone_name: COLUMN",
        ),
        ("{maximise: value}", r"credits belong to maximise: value, and it needs them"),
        ("{credits: [{amount: 5}]}", r"credits belong to maximise: value, and it needs them"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_scenario(
    tmp_path: Path, objective: str, text: str
) -> None:
    path = write_world(tmp_path, SCENARIO + f"objective: {objective}\n")
    with pytest.raises(ConfigError, match=text):
        load_scenario(path)


def objective_is_the_tables_sum(result: StudyResult) -> None:
    """Of the tables, and of what the cells are said to be worth."""
    value = result.summary["earned_musd_yr"] - result.summary["cost_musd_yr"]
    assert result.summary["objective"]["value"] / 1e6 == pytest.approx(value, rel=1e-5)
    dataset = result.dataset
    evidence = Evidence(dataset, {name: one.values for name, one in dataset.data_vars.items()})
    worth = 0.0
    for index in range(dataset.sizes["removal_method"]):
        plan = reason_of(evidence, index).plan
        assert plan is not None
        used = plan.gross_t_yr > 0
        at_a_loss = used & (plan.worth < -1e-6 * np.abs(plan.cost_at_plant))
        # that is worth it only where others of the cell take the power that it gives
        gross = dataset["allocated"].fillna(0.0).to_numpy()
        others = (np.delete(gross, index, axis=0).sum(axis=0) > 0).reshape(at_a_loss.shape)
        gives = result.methods[index] == "beccs-residue"
        assert not at_a_loss.any() or (gives and others[at_a_loss].all())
        worth += float((plan.gross_t_yr[used] * plan.worth[used]).sum())
    assert worth / 1e6 == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize(("saline", "eor", "used"), [(900, 500, "b"), (500, 900, "b")])
def test_each_kind_of_unit_pays_its_own_rate(
    tmp_path: Path, saline: float, eor: float, used: str
) -> None:
    """Two kinds in one study: what goes to a unit earns that unit's rate."""
    del used
    paid = f"{{scheme: 45q-dac-saline, amount: {saline}}}, {{scheme: 45q-dac-eor, amount: {eor}}}"
    result = study(tmp_path, paid, start="start: 2030, ", kinds=("saline", "eor"))
    objective_is_the_tables_sum(result)
    rows = result.tables["credits"]
    brought = result.tables["storage"].set_index("eor")["injected_mt_yr"]
    ledger = result.tables["ledgers"]
    ledger = ledger[ledger["zone"] == ""].set_index("method")
    made = rows.groupby("credit")["basis_mt_yr"].sum()
    air = ledger["removal_gross_mt_yr"] - ledger["returned_mt_yr"]
    solids = air[["daccs-solid", "daccs-liquid"]].sum()
    assert made.sum() == pytest.approx(solids, rel=1e-6) and solids > 0
    better = "45q-dac-saline" if saline > eor else "45q-dac-eor"
    assert made[better] > 0
    # with a much better rate nothing goes to the other kind while there is room
    full = brought[better == "45q-dac-eor"]
    assert full > 0.49 or made.drop(better).sum() == pytest.approx(0.0, abs=1e-9)


def test_two_rates_choose_the_unit_by_what_it_pays(tmp_path: Path) -> None:
    """The same study with the rates swapped sends CO2 to the other unit."""
    shares = []
    for saline, eor in ((900, 600), (600, 900)):
        folder = tmp_path / str(saline)
        folder.mkdir()
        paid = (
            f"{{amount: {saline}, basis: stored, sink_type: saline, methods: daccs-solid}}, "
            f"{{amount: {eor}, basis: stored, sink_type: eor, methods: daccs-solid}}"
        )
        result = study(folder, paid, kinds=("saline", "eor"))
        objective_is_the_tables_sum(result)
        made = result.tables["credits"].set_index("credit")["basis_mt_yr"]
        shares.append(made.iloc[0] / made.sum())
    assert shares[0] > shares[1]


@pytest.mark.parametrize("basis", ["stored", "net", "credited"])
@pytest.mark.parametrize("kinds", [(), ("saline",), ("saline", "eor")])
def test_a_region_is_paid_for_what_its_cells_remove(
    tmp_path: Path, basis: str, kinds: tuple[str, ...]
) -> None:
    """Only cells of one basin earn: the others are left alone, and the table counts theirs."""
    region = "region: {layer: provinces, zone_name: name, zones: left}"
    paid = f"{{amount: 900, basis: {basis}, methods: [daccs-solid, daccs-liquid], {region}}}"
    result = study(tmp_path, paid, kinds=kinds)
    objective_is_the_tables_sum(result)
    gross = result.dataset["allocated"].sel(removal_method=["daccs-solid", "daccs-liquid"])
    zone = result.dataset["zone_provinces"]
    inside = gross.where(zone == 0).sum().item()
    assert inside > 0 and gross.sum().item() == pytest.approx(inside)
    ledger = result.tables["ledgers"]
    whole = ledger[ledger["zone"] == ""].set_index("method")
    for row in result.tables["credits"].to_dict("records"):
        entry = whole.loc[row["method"]]
        expected = {
            "stored": entry["removal_gross_mt_yr"] - entry["returned_mt_yr"],
            "net": entry["net_mt_yr"],
            "credited": entry["credited_mt_yr"],
        }[basis]
        assert row["basis_mt_yr"] == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_outside_its_region_a_credit_pays_nothing(tmp_path: Path) -> None:
    """A small price everywhere and a large one in a basin: both count what is theirs."""
    region = "region: {layer: provinces, zone_name: name, zones: left}"
    result = study(tmp_path, f"{{amount: 700}}, {{amount: 300, {region}}}", kinds=("saline",))
    objective_is_the_tables_sum(result)
    rows = result.tables["credits"].set_index(["credit", "method"])["basis_mt_yr"]
    everywhere, left = rows["objective.credits.0"], rows["objective.credits.1"]
    assert (left <= everywhere * (1 + 1e-9)).all()
    assert 0 < left.sum() < everywhere.sum()
    inside = result.dataset["zone_provinces"] == 0
    net = (result.dataset["net_removal"].where(inside).sum() / 1e6).item()
    assert left.sum() == pytest.approx(net, rel=1e-5)


def test_schemes_have_the_amounts_of_the_law() -> None:
    """26 USC 45Q by kind of plant and of store; a fifth where the wage rules are not kept."""
    amounts = {"dac": (180, 130), "power": (85, 60), "industry": (85, 60)}
    gates = {"dac": 1000, "power": 18_750, "industry": 12_500}
    for kind, pair in amounts.items():
        for sink, amount in zip(("saline", "eor"), pair, strict=True):
            full, base = (load_credit(f"45q-{kind}-{sink}{end}") for end in ("", "-base"))
            assert full.amount is not None and base.amount is not None
            assert (full.amount.value, base.amount.value) == (amount, amount / 5)
            for one in (full, base):
                assert (one.basis, one.years, one.to) == ("stored", 12, 2032)
                assert (one.min_t_yr, one.sink_type) == (gates[kind], sink)
    bases = {name: one.basis for name, one in credit_schemes().items() if one.amount is None}
    assert bases == {"corc": "net", "ccer": "credited"}
