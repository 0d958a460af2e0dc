"""Residues by kind: what each method may take of a pool, against a programme of who takes which."""

from __future__ import annotations

import itertools
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer
from scipy.optimize import linprog
from tiny_scenario import NORTH, SCENARIO, WEST, box, write_polygons, write_world

from cdrsite.config.load import parse_scenario
from cdrsite.core.errors import CdrsiteWarning, ConfigError
from cdrsite.explain.place import explain_run
from cdrsite.result.study_result import StudyResult
from cdrsite.study.kinds import kind_unions
from cdrsite.study.run import run

STRAW, WOOD = (3000.0, 0.0), (1000.0, 4000.0)
"""Dry tonnes a year in the west and in the east."""


ANY = {"biomass_kind": ["straw", "wood"]}


def used(result: StudyResult) -> dict[str, float]:
    """Dry tonnes a year that each method takes."""
    found = {}
    for name in result.dataset["removal_method"].to_numpy().tolist():
        here = result.dataset.sel(removal_method=name)
        need = float(here["need"].sel(resource="biomass"))
        each = need if np.isfinite(need) else here["need_biomass"].to_numpy()
        found[name] = float(np.nansum(here["allocated"].to_numpy() * each))
    return found


class Residues:
    """Studies of the tiny world with two kinds of residues in two pools."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write_world(folder)
        write_polygons(
            folder / "basins.gpkg", [box(0, 0, 4, 6), box(4, 0, 4, 6)], name=["west", "东"],
            straw_t=STRAW, wood_t=WOOD,
        )  # fmt: skip

    def run(self, methods: dict[str, Any], **more: Any) -> StudyResult:
        document: dict[str, Any] = yaml.safe_load(SCENARIO)
        document["siting"] = {}
        document["resources"] = {
            "power": {"value": "90 GWh/yr", "per": "cell"},
            "biomass": {
                "pools": "basins", "name": "name", "unit": "t/yr", "share": "whole",
                "kinds": {"straw": "straw_t", "wood": "wood_t"},
            } | more.pop("biomass", {}),
        }  # fmt: skip
        document["methods"] = methods
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CdrsiteWarning)
            text = yaml.safe_dump(document | more, allow_unicode=True)
            return run(parse_scenario(text, self.folder / "study.yaml"))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Residues:
    return Residues(tmp_path_factory.mktemp("kinds"))


@pytest.mark.parametrize(
    ("kind", "most"),
    [("straw", sum(STRAW)), ("wood", sum(WOOD)), (["straw", "wood"], sum(STRAW + WOOD))],
)
def test_a_method_has_the_kinds_that_it_takes(study: Residues, kind: Any, most: float) -> None:
    result = study.run({"beccs-residue": {"biomass_kind": kind}})
    assert used(result)["beccs-residue"] == pytest.approx(most, rel=1e-5)


def test_two_methods_share_what_both_may_have(study: Residues) -> None:
    """Bioenergy takes straw alone, char takes any: it has the wood, and no straw is left."""
    result = study.run({"beccs-residue": {"biomass_kind": "straw"}, "biochar": ANY})
    use = used(result)
    assert use["beccs-residue"] == pytest.approx(sum(STRAW), rel=1e-5)
    assert use["biochar"] == pytest.approx(sum(WOOD), rel=1e-5)
    pools = result.tables["pools"]
    rows = pools[pools["family"] == "biomass"].set_index("zone")
    assert rows["supply"].to_dict() == {
        "west": 4000.0, "东": 4000.0, "west: straw": 3000.0, "东: straw": 0.0,
    }  # fmt: skip
    # a tonne of straw is worth what bioenergy makes of it, one of any kind what char makes
    net = result.tables["methods"].set_index("method")["net_mt_yr"]
    char = 1e6 * float(net["biochar"]) / use["biochar"]
    assert rows.loc["west", "price"] == pytest.approx(char, rel=1e-4)
    paid = result.dataset["pool_biomass"].attrs["prices_beccs-residue"]
    bioenergy = 1e6 * float(net["beccs-residue"]) / use["beccs-residue"]
    assert paid[0] == pytest.approx(bioenergy, rel=1e-4)
    assert rows.loc["west", "price"] + rows.loc["west: straw", "price"] == pytest.approx(paid[0])


def test_the_place_pays_the_price_of_what_it_may_take(study: Residues, tmp_path: Path) -> None:
    """In the west a tonne of char pays for any residue, one of bioenergy for straw."""
    result = study.run({"beccs-residue": {"biomass_kind": "straw"}, "biochar": ANY})
    folder = result.write(tmp_path / "run")
    lon, lat = Transformer.from_crs(3035, 4326, always_xy=True).transform(WEST + 500, NORTH - 500)
    told = {name: one.plan for name, one in explain_run(folder, lon, lat).methods.items()}
    prices = result.dataset["pool_biomass"].attrs
    for name, plan in told.items():
        paid = prices[f"prices_{name}"][0] * plan.needs["biomass"]
        assert plan.charges["biomass"] == pytest.approx(paid)


def test_the_place_is_offered_what_it_may_take(study: Residues, tmp_path: Path) -> None:
    """Of 40 t of residues in the west 30 are straw; none of it is in the east."""
    methods = {"beccs-residue": {"biomass_kind": "straw"}, "biochar": ANY}
    folder = study.run(methods, biomass={"factor": 0.01}).write(tmp_path / "run")
    place = Transformer.from_crs(3035, 4326, always_xy=True).transform
    told = explain_run(folder, *place(WEST + 500, NORTH - 500)).methods
    for name, offered in (("beccs-residue", 30.0), ("biochar", 40.0)):
        here = told[name]
        assert (here.limits, here.equal_share.offered) == ("biomass", pytest.approx(offered))
        assert here.equal_share.need_per_t == pytest.approx(here.plan.needs["biomass"])
        line = " ".join(text for _, text in here.lines).replace("\u202f", " ")
        assert f"Limited by dry biomass: {offered:.1f} t/yr offered" in line
    east = explain_run(folder, *place(WEST + 5500, NORTH - 500)).methods["beccs-residue"]
    assert east.equal_share.offered == 0.0


def test_kinds_that_nobody_offers_or_prices_apart_are_refused(study: Residues) -> None:
    with pytest.raises(ConfigError, match=r"no biomass of this kind is offered.*'residue'.*straw"):
        study.run({"beccs-residue": {}})
    prices: dict[str, Any] = {"prices": {"biomass": {"straw": 50, "wood": 70}}}
    both = {"beccs-residue": ANY}
    with pytest.raises(ConfigError, match=r"hang on which it gets.*one price for all of them"):
        study.run(both, costs=prices)
    prices["prices"]["biomass"]["wood"] = 50
    assert used(study.run(both, costs=prices))["beccs-residue"] > 0
    with pytest.raises(ConfigError, match=r"kinds are columns of pools, in place of supply"):
        study.run(both, biomass={"supply": "straw_t"})


@given(
    st.lists(st.sets(st.integers(0, 3), min_size=1), min_size=1, max_size=4),
    st.lists(st.integers(0, 9), min_size=4, max_size=4),
    st.lists(st.integers(1, 9), min_size=4, max_size=4),
)
def test_unions_ask_as_much_as_who_takes_which(
    sets: list[set[int]], supply: list[int], worth: list[int]
) -> None:
    """The best value is that of the programme that says which kind each takes."""
    kinds = tuple("abcd")
    named = [tuple(kinds[k] for k in sorted(one)) for one in sets]
    gain = -np.array(worth[: len(sets)], float)
    rows, most = [np.ones(len(sets))], [sum(supply)]
    for union in kind_unions(named, kinds):
        rows.append(np.array([float({*one} <= {*union}) for one in named]))
        most.append(sum(supply[kinds.index(kind)] for kind in union))
    short = linprog(gain, A_ub=np.array(rows), b_ub=most)
    pairs = list(itertools.product(range(len(sets)), range(4)))
    allowed = [(m, k) for m, k in pairs if k in sets[m]]
    table = np.array([[float(k == kind) for _, k in allowed] for kind in range(4)])
    long = linprog([gain[m] for m, _ in allowed], A_ub=table, b_ub=supply)
    assert short.fun == pytest.approx(long.fun, abs=1e-9)
