"""Both kinds of direct air capture on one basis: the published table through the real formulae."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import yaml
from tiny_scenario import SCENARIO, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteWarning, ConfigError
from cdrsite.library.files import shipped
from cdrsite.library.methods import load_method_file
from cdrsite.methods.basis import mixed_bases
from cdrsite.methods.formulae import Ingredients, cost_parts
from cdrsite.methods.model import MethodModel, method_model
from cdrsite.outputs.assumptions import assumptions
from cdrsite.study.prepare import prepare
from cdrsite.study.run import run

pytestmark = pytest.mark.usefixtures("without_slopes")

SOLID, LIQUID = "daccs-solid", "daccs-liquid"
# the table's power, gas (5 USD/GJ) and water prices; its heat pumps in dollars, 1.08 for a euro
PRICES = (
    "costs.base_year=2022", "costs.discount_rate=7 %",
    "costs.prices={electricity: 0.06, heat: 0.018, water: 0.25, land: 0}",
    f"methods.{SOLID}.override={{heat_pump_capex: 1064.88 USD2022/kW}}",
)  # fmt: skip
STORED = Ingredients(frozenset(), 0.0, transport_cost=0.0, storage_cost=30.0, transport_km=0.0)
TODAY = {SOLID: "sievert", LIQUID: "literature"}
LEAST = {SOLID: "sievert-2050", LIQUID: "sievert-2050"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    methods = f"methods:\n  {SOLID}: {{}}\n  {LIQUID}: {{}}\n"
    start, end = SCENARIO.split("methods:\n")
    return write_world(tmp_path, start + methods + end[end.index("outputs:") :])


def model(path: Path, name: str, *settings: str) -> MethodModel:
    return method_model(name, load_scenario(path, settings))


def parts(path: Path, name: str, profile: str, *settings: str) -> dict[str, float]:
    """Parts of the cost per gross tonne that are not 0 [USD2022/t]."""
    scenario = load_scenario(path, (*PRICES, f"methods.{name}.profile={profile}", *settings))
    one = method_model(name, scenario)
    found = cost_parts(one, one.needs, scenario, STORED)
    return {part: term.constant for part, term in found.items() if term.constant}


TABLE = [
    ("cost_basis=foak", TODAY, 1130, 494),
    ("cost_basis=2030", TODAY, 605, 471),
    ("world_capacity=10 Mt/yr", TODAY, 502, 405),
    ("cost_basis=2050", LEAST, 364, 326),
    ("world_capacity=1 Gt/yr", LEAST, 314, 283),
]


@pytest.mark.parametrize(("asked", "profiles", "solid", "liquid"), TABLE)
def test_the_published_table(
    path: Path, asked: str, profiles: dict[str, str], solid: float, liquid: float
) -> None:
    for name, expected in ((SOLID, solid), (LIQUID, liquid)):
        found = parts(path, name, profiles[name], f"methods.{name}.{asked}")
        # its capital and operation are printed to three digits, which is worth 0.1 USD/t
        assert sum(found.values()) == pytest.approx(expected, abs=0.5 + 0.1)


def test_first_plants_part_by_part(path: Path) -> None:
    solid = parts(path, SOLID, TODAY[SOLID], "costs.basis=foak")
    assert solid.pop("variable_om") + solid.pop("water") == pytest.approx(84.8, abs=0.05)
    assert solid == pytest.approx(
        {"capital": 642.8, "fixed_om": 257.2, "heat_pump": 37.9, "electricity": 77.0,
         "storage": 30.0},
        abs=0.051,
    )  # fmt: skip
    liquid = parts(path, LIQUID, TODAY[LIQUID], "costs.basis=foak")
    energy = liquid.pop("electricity") + liquid.pop("heat")
    assert energy == pytest.approx(48.5, abs=0.05)
    assert liquid.pop("variable_om") + liquid.pop("water") == pytest.approx(2.6, abs=0.05)
    assert liquid == pytest.approx(
        {"capital": 279.6, "fixed_om": 124.4, "storage": 38.9}, abs=0.051
    )


def test_the_basis_of_the_study_acts_where_the_method_says_nothing(path: Path) -> None:
    def capex(*settings: str) -> tuple[str, float]:
        one = model(path, SOLID, "costs.base_year=2022", *settings)
        return one.basis, one.number("capex")

    own = "methods.daccs-solid."
    assert capex() == ("2030", pytest.approx(2944 / 0.825, rel=1e-5))
    assert capex("costs.basis=foak") == ("foak", pytest.approx(6180 / 0.825))
    assert capex("costs.basis=foak", f"{own}cost_basis=2050")[0] == "2050"
    assert capex("costs.basis=2030") == capex()
    found = capex("costs.basis=foak", f"{own}world_capacity=10 Mt/yr")
    assert found == ("10 Mt/yr", pytest.approx(2307 / 0.825))
    # what the scenario overrides stands on no known basis
    found = capex("costs.basis=foak", f"{own}override={{capex: 900}}")
    assert found == ("", 900.0)


def test_only_costs_follow_the_basis(path: Path) -> None:
    now, then = (dict(model(path, SOLID, f"costs.basis={b}").numbers) for b in ("foak", "2050"))
    differ = {name for name, one in now.items() if not np.isclose(one, then[name], equal_nan=True)}
    assert differ == {"capex", "fixed_om", "variable_om"}


def test_needs_that_were_quoted_are_word_for_word(path: Path) -> None:
    madhu = model(path, SOLID, "costs.basis=foak")
    assert madhu.profile.name == "madhu2021"
    quoted = {"electricity": 1000, "heat": 0, "materials": 36, "water": 3, "land_direct": 11000}
    assert {name: madhu.number(name) for name in quoted} == quoted
    literature = model(path, SOLID, f"methods.{SOLID}.profile=literature")
    assert (literature.number("electricity"), literature.number("heat")) == (720, 0)


def test_heat_pumps_are_paid_where_the_heat_is_inside_the_electricity(path: Path) -> None:
    # 986 EUR2025 x 1.08 for 993.6 kWh over 8760 h x 0.825, 20 yr
    found = parts(path, SOLID, "literature")
    assert found["heat_pump"] == pytest.approx(993.6 / (8760 * 0.825) * 1064.88 * 0.0943929)
    assert "heat_pump" not in parts(path, SOLID, "waste-heat")
    # heat of its own is not pumped as well (rule 6)
    own = f"methods.{SOLID}.override={{heat: 500, heat_pump_capex: 1064.88}}"
    assert "heat_pump" not in parts(path, SOLID, "literature", own)
    # a plant that stands idle half of the time needs pumps of twice the size
    idle = f"methods.{SOLID}.override={{capacity_factor: 0.4125, heat_pump_capex: 1064.88}}"
    half = parts(path, SOLID, "literature", idle)
    assert half["heat_pump"] == pytest.approx(2 * found["heat_pump"])


def test_pumped_heat_follows_the_climate(path: Path) -> None:
    climate = "climate: {temperature: slope, humidity: slope}"
    one = model(path, SOLID, f"methods.{SOLID}={{profile: literature, {climate}}}")
    pumped = one.needs.pumped
    assert [term.layers for term in pumped.terms] == [("heat factor daccs-solid",)]
    assert pumped.terms[0].coefficient == pytest.approx(993.6)


def test_methods_on_different_bases_are_warned_about(path: Path) -> None:
    def warned(*settings: str) -> list[str]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            prepare(load_scenario(path, settings))
        texts = [str(one.message) for one in caught if one.category is CdrsiteWarning]
        return [text for text in texts if "different bases" in text]

    assert warned() == warned("costs.basis=foak") == []
    (text,) = warned(f"methods.{LIQUID}.cost_basis=foak")
    assert "daccs-solid: 2030, daccs-liquid: foak" in text
    assert "cure: give costs.basis" in text and "(rule 7)" in text
    assert len(warned(f"methods.{SOLID}.world_capacity=1 Mt/yr")) == 1
    # what the world has of each kind differs by nature
    assert not warned(
        f"methods.{SOLID}.world_capacity=0.2 Mt/yr", f"methods.{LIQUID}.world_capacity=0.5 Mt/yr"
    )
    # what a study overrides is its own affair
    assert not warned(f"methods.{LIQUID}={{cost_basis: foak, override: {{capex: 900}}}}")


def test_what_has_no_basis_is_compared_with_none() -> None:
    assert mixed_bases({}) is None
    assert mixed_bases({"forest": "", "plant": "foak"}) is None
    assert mixed_bases({"forest": "", "plant": "foak", "other": "2030"}) is not None


def test_a_basis_without_a_table_is_refused(tmp_path: Path) -> None:
    path = write_world(tmp_path)
    for key, got in (("cost_basis=foak", "got foak"), ("world_capacity=10 Mt/yr", "got 10 Mt/yr")):
        with pytest.raises(ConfigError, match="no learning table") as caught:
            model(path, "afforestation", f"methods.afforestation.{key}")
        text = str(caught.value)
        assert f"methods.afforestation.{key.split('=')[0]}" in text and got in text
    # the basis of a study is for the methods that have a table
    assert model(path, "afforestation", "costs.basis=foak").basis == ""


def test_two_bases_for_one_method_are_refused(path: Path) -> None:
    both = f"methods.{SOLID}={{cost_basis: foak, world_capacity: 10 Mt/yr}}"
    with pytest.raises(ConfigError, match=r"world_capacity.*two bases of its costs; got .*foak"):
        load_scenario(path, (both,))


def test_the_report_says_on_which_basis_each_method_stands(path: Path, tmp_path: Path) -> None:
    settings = (f"methods.{SOLID}.profile=literature", f"methods.{SOLID}.world_capacity=10 Mt/yr")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        result = run(load_scenario(path, settings))
    kept = assumptions(result.models, result.used)["methods"]
    assert {name: one["cost_basis"] for name, one in kept.items()} == {
        SOLID: "10 Mt/yr", LIQUID: "2030",
    }  # fmt: skip
    # the study's number stands above the library's
    assert kept[SOLID]["override"]["capex"].endswith("(methods.daccs-solid.world_capacity)")
    for lang, said in (
        ("en", ("at a world capacity of 10 Mt/yr", "projected for 2030")),
        ("zh", ("全球此类装置总能力达到 10 Mt/yr", "2030 年预测值")),
    ):
        folder = result.write(tmp_path / lang, lang=lang)
        page = (folder / "report.html").read_text("utf-8")
        assert all(text in page for text in said)


def test_a_basis_that_the_table_has_not_is_refused(path: Path) -> None:
    document = yaml.safe_load(shipped("methods")[SOLID].read_text("utf-8"))
    del document["learning"]["bases"]["foak"]
    (path.parent / "mine.yaml").write_text(yaml.safe_dump(document), "utf-8")
    own = f"methods.{SOLID}={{library: mine.yaml}}"
    with pytest.raises(ConfigError, match=r"costs\.basis.*no such basis; got foak; .*2030, 2050"):
        model(path, SOLID, own, "costs.basis=foak")
    with pytest.raises(ConfigError, match=r"costs\.basis.*2040"):
        load_scenario(path, ("costs.basis=2040",))


def test_an_investment_of_its_own_does_not_inherit_a_basis(path: Path) -> None:
    document = yaml.safe_load(shipped("methods")[SOLID].read_text("utf-8"))
    capex = {"value": 900, "unit": "USD2022/(t/yr)", "source": "derived", "locator": "a quotation"}
    document["profiles"]["mine"] = {
        "title": "A quotation", "extends": "literature", "values": {"capex": capex}
    }  # fmt: skip
    file = path.parent / "mine.yaml"
    file.write_text(yaml.safe_dump(document), "utf-8")
    method = load_method_file(file)
    assert method.profile("mine").cost_basis is None
    assert method.profile("waste-heat").cost_basis == "2030"
    one = model(path, SOLID, f"methods.{SOLID}={{library: mine.yaml, profile: mine}}")
    assert one.basis == ""
