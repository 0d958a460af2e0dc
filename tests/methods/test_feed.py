"""What a method is fed with: its price by kind, haul, rent, losses, and what would have stayed."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tiny_scenario import COLS, ROWS, write_raster

from cdrsite.config.load import parse_scenario
from cdrsite.core.errors import CdrsiteWarning, ConfigError, DataError
from cdrsite.library.methods import load_method, method_names
from cdrsite.methods.cost import PlantCosts
from cdrsite.methods.model import method_model
from cdrsite.methods.net import ChainLosses, Emissions
from cdrsite.place.feed import burning, counterfactual
from cdrsite.result.study_result import StudyResult
from cdrsite.study.run import run
from cdrsite.testing.formulae import gross_cost, net_factor
from cdrsite.transport.haul import MEAN_TO_CENTRE

pytestmark = pytest.mark.usefixtures("without_slopes")

RESIDUE, CROP = "beccs-residue", "beccs-energy-crop"
GOLDEN = {
    "haul_load": "5 USD/t",
    "haul_price": "0.15 USD/t/km",
    "haul_detour": 1.3,
    "haul_km": 50,
    "emissions_haul": 0.13,
    "dry_matter_loss": 0,
    "biomass": 1,
}
"""The equations' golden: 14.75 USD and 8.45 kg per dry t over 50 km."""
Study = Callable[..., StudyResult]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Run a study of one method on plain ground with 100 t/yr in each cell; each variant once."""
    folder = tmp_path_factory.mktemp("feed")
    for name, value in (("residues", 100), ("ways", 50), ("odd", -3), ("yields", 5)):
        write_raster(folder / f"{name}.tif", np.full((ROWS, COLS), value, np.float32))
    done: dict[str, StudyResult] = {}

    def made(method: dict[str, Any], name: str = RESIDUE, **more: Any) -> StudyResult:
        """One method by its keys; ``haul`` in km, ``prices`` of ``costs.prices``."""
        haul, prices = more.pop("haul", None), more.pop("prices", {})
        around = {} if haul is None else {"haul": haul, "share": "whole"}
        document = {
            "name": "feed",
            "region": {"bounds": [4000000, 3000000, 4008000, 3006000], "crs": "EPSG:3035"},
            "grid": {"crs": "EPSG:3035", "resolution": "1 km"},
            "layers": {
                "residues": {"path": "residues.tif", "unit": "t/yr", "kind": "extensive"},
                "ways": {"path": "ways.tif", "unit": "km", "kind": "intensive"},
                "yields": {"path": "yields.tif", "unit": "t/ha/yr", "kind": "intensive"},
                "odd": {"path": "odd.tif", "unit": "km", "kind": "intensive"},
            },
            "resources": {
                "biomass": {"layer": "residues", **around},
                "storage": {"unlimited": True},
            },
            "costs": {"prices": prices},
            "methods": {name: method},
        }
        text = yaml.safe_dump(document)
        if text not in done:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", CdrsiteWarning)
                done[text] = run(parse_scenario(text, folder / "study.yaml"))
        return done[text]

    return made


def cost(result: StudyResult) -> float:
    """Mean cost of a gross tonne [USD/t]."""
    row = result.tables["methods"].iloc[0]
    return float(row["mean_cost_usd_t"] * row["net_mt_yr"] / row["gross_mt_yr"])


def emitted(result: StudyResult) -> float:
    """Emissions and losses of a gross tonne [kg/t]."""
    row = result.tables["methods"].iloc[0]
    return 1000.0 * (1.0 - float(row["net_mt_yr"] / row["gross_mt_yr"]))


def test_haul_over_50_km_costs_14_75_usd_and_emits_8_45_kg_per_dry_tonne(study: Study) -> None:
    own = study({"override": GOLDEN})
    none = study({"override": GOLDEN | {"haul_load": 0, "haul_price": 0, "emissions_haul": 0}})
    assert cost(own) - cost(none) == pytest.approx(14.75, rel=1e-4)
    assert emitted(own) - emitted(none) == pytest.approx(8.45, rel=1e-3)


def test_haul_goes_by_the_km_of_the_shed_where_it_is_known(study: Study) -> None:
    own = study({"override": GOLDEN}, haul="3 km")
    far = study({"override": GOLDEN | {"haul_km": 500}}, haul="3 km")
    ways = own.dataset["haul_biomass"].to_numpy().astype(float)
    assert own.dataset["haul_biomass"].attrs["units"] == "km"
    middle = ways[2, 3]
    # the 28 cells within 3 km, all but one to the north that is off the grid, and the own way
    ways_out = {1: 4, math.sqrt(2): 4, 2: 4, math.sqrt(5): 8, math.sqrt(8): 4, 3: 3}
    total = sum(km * cells for km, cells in ways_out.items())
    assert middle == pytest.approx((total + MEAN_TO_CENTRE) / 28, rel=1e-6)
    allotted = own.dataset["allocated"].to_numpy().astype(float)[0]
    mean = float((allotted * ways).sum() / allotted.sum())
    none = study({"override": GOLDEN | {"haul_price": 0}}, haul="3 km")
    assert cost(own) - cost(none) == pytest.approx(0.15 * 1.3 * mean, rel=1e-4)
    assert cost(far) == cost(own)  # the method's own distance plays no part
    assert own.used is not None and "haul_km" not in own.used.parameters[RESIDUE]


def test_haul_is_a_part_of_the_cost_of_its_own_and_an_emission_in_the_ledgers(study: Study) -> None:
    own = study({"override": GOLDEN}, haul="3 km")
    at = own.dataset.cdr.explain(x=4_003_500, y=3_003_500)
    parts = at.methods[RESIDUE].plan.parts_usd_per_net_t
    km = float(own.dataset["haul_biomass"].sel(x=4_003_500, y=3_003_500))
    net = emitted_share(own)
    assert parts["haul"] == pytest.approx((5 + 0.15 * 1.3 * km) / net, rel=1e-3)
    ledger = own.tables["ledgers"].iloc[0]
    clean = study({"override": GOLDEN | {"emissions_haul": 0}}, haul="3 km")
    none = clean.tables["ledgers"].iloc[0]
    more = ledger["emissions_supply_mt_yr"] - none["emissions_supply_mt_yr"]
    assert more > 0
    assert none["net_mt_yr"] - ledger["net_mt_yr"] == pytest.approx(more, rel=1e-3)


def emitted_share(result: StudyResult) -> float:
    """Net tonnes of a gross tonne."""
    return 1.0 - emitted(result) / 1000.0


@given(
    near=st.floats(0, 200), more=st.floats(0, 200), load=st.floats(0, 10), price=st.floats(0, 1),
    kg=st.floats(0, 1), need=st.floats(0, 2), loss=st.floats(0, 0.5),
)  # fmt: skip
def test_a_longer_haul_is_never_cheaper_and_never_removes_more(
    near: float, more: float, load: float, price: float, kg: float, need: float, loss: float
) -> None:
    taken = need / (1 - loss)

    def both(km: float) -> tuple[float, float]:
        hauled = taken * km * 1.3
        paid = gross_cost(
            PlantCosts(), 0.07, loaded=taken, hauled=hauled, price_load=load, price_haul=price
        )
        left = net_factor(ChainLosses(), Emissions(), haul_intensity=kg, hauled=hauled)
        return float(paid["haul"]), float(left)

    (cheap, kept), (dear, fewer) = both(near), both(near + more)
    assert dear >= cheap >= 0 and fewer <= kept <= 1
    assert cheap == pytest.approx(taken * (load + price * 1.3 * near))


# --------------------------------------------------------------------------- price by kind


def test_a_price_by_kind_is_paid_by_methods_of_that_kind(study: Study) -> None:
    dear = study({}, prices={"biomass": {"residue": "300 USD2020/t"}})
    same = study({"override": {"biomass_price": "300 USD2020/t"}})
    assert cost(dear) == pytest.approx(cost(same), rel=1e-9)
    assert "costs.prices.biomass.residue" in dear.models[RESIDUE].replaced["biomass_price"]
    other = study({"biomass_kind": "straw"}, prices={"biomass": {"straw": "300 USD2020/t"}})
    assert cost(other) == pytest.approx(cost(same), rel=1e-9)
    assert dear.used is not None and "biomass" in dear.used.prices


def test_a_kind_without_a_price_pays_the_methods_own(study: Study) -> None:
    document = {"residue": "300 USD2020/t"}
    with pytest.raises(ConfigError, match=r"no method of the study takes biomass of this kind"):
        study({"biomass_kind": "straw"}, prices={"biomass": document})


def test_a_price_for_a_kind_that_nobody_takes_is_refused(study: Study) -> None:
    words = (
        r"costs\.prices\.biomass\.resdue: no method .*got 'resdue'; expected residue; cure: did "
    )
    with pytest.raises(ConfigError, match=words):
        study({}, prices={"biomass": {"resdue": 60}})
    with pytest.raises(ConfigError, match=r"biomass: no kind; expected a price, or \{KIND"):
        study({}, prices={"biomass": {}})
    with pytest.raises(ConfigError, match=r"prices\.biomass\.residue: out of range; got -1"):
        study({}, prices={"biomass": {"residue": -1}})


def test_a_kind_by_which_no_price_goes_is_warned_of(study: Study, tmp_path: Path) -> None:
    result = study({"biomass_kind": "straw"})
    assert any(
        "methods.beccs-residue.biomass_kind: no price goes by kinds of biomass" in text
        for text in result.warnings
    )
    with pytest.raises(ConfigError, match=r"biomass_kind: the method takes no biomass"):
        study({"biomass_kind": "straw"}, "daccs-solid")


# --------------------------------------------------------------------------- land rent

CONVERTED = {"override": {"luc_emissions": 0}}


def test_rent_of_the_crops_land_is_in_its_price_or_paid_once(study: Study) -> None:
    inside = study(CONVERTED, CROP, prices={"land": 0.05})
    need = inside.models[CROP].number("land_feedstock")
    more = 1 / (1 - inside.models[CROP].number("dry_matter_loss"))
    harvest = {"biomass_price": "40 USD2020/t"}
    outside = CONVERTED | {"override": CONVERTED["override"] | harvest}
    paid = study(outside | {"land_rent_in_price": False}, CROP, prices={"land": 0.05})
    free = study(outside, CROP, prices={"land": 0.05})
    assert cost(paid) - cost(free) == pytest.approx(0.05 * need * more, rel=1e-4)
    # the plant's own land pays in either case, and nothing but it where the price has the rent
    dearer = study(CONVERTED, CROP, prices={"land": 0.15})
    assert cost(dearer) - cost(inside) == pytest.approx(
        0.1 * inside.models[CROP].number("land_direct"), rel=1e-2
    )
    # land still binds: as many tonnes in either case
    assert inside.tables["methods"]["gross_mt_yr"][0] == paid.tables["methods"]["gross_mt_yr"][0]


def test_rent_of_land_by_its_yield_is_in_the_price_too(study: Study) -> None:
    grown = CONVERTED | {"crop_yield": "yields"}
    dear, cheap = (study(grown, CROP, prices={"land": price}) for price in (0.15, 0.05))
    assert cost(dear) - cost(cheap) == pytest.approx(
        0.1 * dear.models[CROP].number("land_direct"), rel=1e-2
    )
    harvest = {"override": CONVERTED["override"] | {"biomass_price": "40 USD2020/t"}}
    outside = grown | harvest | {"land_rent_in_price": False}
    paid, free = (study(outside, CROP, prices={"land": price}) for price in (0.15, 0.05))
    need = paid.models[CROP].number("biomass") / 0.9 / 5 * 1e4 + 0.5  # 5 t/ha/yr, a tenth lost
    assert cost(paid) - cost(free) == pytest.approx(0.1 * need, rel=1e-3)


def test_rent_is_never_paid_twice(study: Study) -> None:
    words = r"land_rent_in_price: the rent of the land would be paid twice.*\(rule 6\)"
    with pytest.raises(ConfigError, match=words):
        study(CONVERTED | {"land_rent_in_price": False}, CROP)
    with pytest.raises(ConfigError, match=r"no land grows the feed of this method"):
        study({"land_rent_in_price": True})


# --------------------------------------------------------------------------- losses, what stays


def test_what_is_lost_in_store_is_bought_hauled_and_grown_as_well(study: Study) -> None:
    whole = study({"override": GOLDEN})
    lossy = study({"override": GOLDEN | {"dry_matter_loss": 0.2}})
    for result, need in ((whole, 1.0), (lossy, 1.25)):
        gross = float(result.tables["methods"]["gross_mt_yr"][0])
        assert gross == pytest.approx(ROWS * COLS * 100 / need / 1e6, rel=1e-6)
    own = whole.models[RESIDUE]
    per_t = own.number("biomass_price") + 14.75
    assert cost(lossy) - cost(whole) == pytest.approx(0.25 * per_t, rel=1e-4)
    with pytest.raises(ConfigError, match=r"all of the feed is lost"):
        study({"override": {"dry_matter_loss": 1}})


def test_carbon_that_would_have_stayed_is_not_removed(study: Study) -> None:
    stays = {"counterfactual_share": 0.05, "biomass_co2": 1.678, "dry_matter_loss": 0.1}
    need = 0.6623
    kg = 0.05 * 1.678 * need / 0.9 * 1000  # 61.74 kg per gross t
    numbers = stays | {"biomass": need}
    assert counterfactual(numbers) == pytest.approx(kg, rel=1e-12)
    left = study({"override": GOLDEN | numbers})
    burnt = study({"override": GOLDEN | numbers | {"counterfactual_share": 0}})
    assert emitted(left) - emitted(burnt) == pytest.approx(kg, rel=1e-3)


def avoided(result: StudyResult) -> float:
    """Emissions that stop with a gross tonne, of the ledger [kg/t]."""
    (row,) = result.tables["ledgers"].query("zone == ''").to_dict("records")
    return 1000.0 * float(row["avoided_mt_yr"] / row["removal_gross_mt_yr"])


def test_residues_that_would_be_burnt_are_avoided_emissions_and_no_removal(study: Study) -> None:
    """Methane and nitrous oxide of 1.25 dry t picked up, by hand; CO2 would come back anyway."""
    stays = {"counterfactual_share": 0.05, "biomass_co2": 1.6, "dry_matter_loss": 0.2}
    gases = {"burning_methane": 2, "burning_nitrous_oxide": 0.05}
    left, half, burnt = (
        study({"override": GOLDEN | stays | gases | {"burnt_share": share}})
        for share in (0, 0.5, 1)
    )
    per_dry = 2 * 28 + 0.05 * 265
    assert avoided(left) == 0
    assert avoided(half) == pytest.approx(0.5 * per_dry * 1.25, rel=1e-5)
    assert avoided(burnt) == pytest.approx(per_dry * 1.25, rel=1e-5)
    # what would be burnt leaves nothing on the land, and nothing else of the net changes
    kg = 0.05 * 1.6 * 1.25 * 1000
    assert emitted(left) - emitted(burnt) == pytest.approx(kg, rel=1e-4)
    assert emitted(left) - emitted(half) == pytest.approx(kg / 2, rel=1e-4)
    nothing = study({"override": GOLDEN | stays | {"counterfactual_share": 0, "burnt_share": 0}})
    assert emitted(burnt) == pytest.approx(emitted(nothing), rel=1e-6)
    with pytest.raises(ConfigError, match=r"burnt_share: a crop .* would not have been burnt"):
        study(CONVERTED | {"override": CONVERTED["override"] | {"burnt_share": 0.3}}, CROP)
    with pytest.raises(ConfigError, match=r"burnt_share.*1\.2"):
        study({"override": {"burnt_share": 1.2}})


def test_burning_counts_by_the_horizon_of_the_study() -> None:
    """A gas that is short-lived counts more over 20 years, as everywhere."""
    number = load_method(RESIDUE).profile(None).number
    methane, oxide = number("burning_methane"), number("burning_nitrous_oxide")
    per_t = [methane * 28 + oxide * 265, methane * 84 + oxide * 264]
    assert per_t == pytest.approx([80.03, 208.49], abs=0.01)
    near, far = (
        burning(method_model(RESIDUE, parse_scenario(yaml.safe_dump(
            {"name": "x", "region": {"bounds": [4000000, 3000000, 4008000, 3006000],
             "crs": "EPSG:3035"}, "grid": {"crs": "EPSG:3035", "resolution": "1 km"},
             "methods": {RESIDUE: {"override": {"burnt_share": 0.5}}},
             "accounting": {"gwp": gwp}}), Path("x.yaml"))))
        for gwp in (20, 100)
    )  # fmt: skip
    assert [far, near] == pytest.approx([0.5 * one for one in per_t])


def test_a_layer_of_ways_takes_the_place_of_the_shed(study: Study) -> None:
    ways = study({"override": GOLDEN, "haul": "ways"}, haul="3 km")
    none = study({"override": GOLDEN | {"haul_price": 0}, "haul": "ways"}, haul="3 km")
    assert cost(ways) - cost(none) == pytest.approx(0.15 * 1.3 * 50, rel=1e-4)
    with pytest.raises(DataError, match=r"beccs-residue\.haul: layers\.odd: a way cannot be below"):
        study({"haul": "odd"})
    with pytest.raises(ConfigError, match=r"haul: the method takes no goods that are hauled"):
        study({"haul": "ways"}, "daccs-solid")


# --------------------------------------------------------------------------- one pool, equal terms

OF_A_DRY_TONNE = (
    "biomass_price", "haul_load", "haul_price", "haul_detour", "haul_km", "emissions_haul",
    "dry_matter_loss", "counterfactual_share", "burnt_share", "burning_methane",
    "burning_nitrous_oxide",
)  # fmt: skip


def test_whatever_takes_residues_pays_and_emits_the_same_for_a_dry_tonne() -> None:
    """Methods compete for one pool: what a dry tonne costs and emits is not a matter of the method.

    Its carbon may differ by the tenth by which the sources of the plants do.
    """
    takers = {
        (name, profile): load_method(name).profile(profile)
        for name in method_names()
        if "residue" in (load_method(name).biomass_kind or ())
        for profile in load_method(name).profiles
    }
    assert {name for name, _ in takers} >= {RESIDUE, "biochar", "bio-oil"}
    own = takers[RESIDUE, "power-only"]
    for who, one in takers.items():
        for name in OF_A_DRY_TONNE:
            assert one.number(name, 2020) == own.number(name, 2020), (who, name)
        assert one.number("biomass_co2") == pytest.approx(own.number("biomass_co2"), rel=0.1), who
