"""Residues by kind: what each method may take of a pool, against a programme of who takes which."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer
from scipy.optimize import linprog
from tiny_scenario import NORTH, SCENARIO, WEST, box, write_polygons, write_raster, write_world

from cdrsite.competition.generator import Generator, SolverOptions
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


def test_the_place_is_offered_what_it_may_take(
    study: Residues, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 40 t of residues in the west 30 are straw; none of it is in the east."""
    methods = {"beccs-residue": {"biomass_kind": "straw"}, "biochar": ANY}
    generate, sweeps = Generator.generate, []

    def counted(generator: Generator, *given: Any, **options: Any) -> Any:
        try:
            return generate(generator, *given, **options)
        finally:
            sweeps.append(generator.state.sweeps)

    monkeypatch.setattr(Generator, "generate", counted)
    folder = study.run(methods, biomass={"factor": 0.01}).write(tmp_path / "run")
    # so few tonnes have slopes below the digits of the solver: not looked for to the last sweep
    assert max(sweeps) < SolverOptions.iterations / 4
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


class CellResidues:
    """Studies of the tiny world with two kinds of residues in each cell."""

    def __init__(self, folder: Path, tonnes: Mapping[str, Any]) -> None:
        self.folder = folder
        write_world(folder)
        for kind, values in tonnes.items():
            write_raster(folder / f"{kind}.tif", values)

    def run(self, methods: dict[str, Any], kinds: Sequence[str], **more: Any) -> StudyResult:
        document: dict[str, Any] = yaml.safe_load(SCENARIO)
        document["siting"] = {}
        for kind in kinds:
            layer = {"path": f"{kind}.tif", "unit": "t/yr", "kind": "extensive"}
            document["layers"][kind] = layer
        document["resources"] = {
            "power": {"value": "90 GWh/yr", "per": "cell"},
            "biomass": {"kinds": {kind: kind for kind in kinds}} | more.pop("biomass", {}),
        }
        document["methods"] = methods
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CdrsiteWarning)
            text = yaml.safe_dump(document | more, allow_unicode=True)
            return run(parse_scenario(text, self.folder / "study.yaml"))


@pytest.fixture(scope="module")
def in_cells(tmp_path_factory: pytest.TempPathFactory) -> CellResidues:
    """In each cell 3 to 9 t of straw and 0 to 7 t of wood."""
    rng = np.random.default_rng(3)
    tonnes = {
        "straw": rng.integers(3, 10, (6, 8)).astype(np.float32),
        "wood": rng.integers(0, 8, (6, 8)).astype(np.float32),
    }
    return CellResidues(tmp_path_factory.mktemp("cells"), tonnes)


def test_kinds_of_a_cell_are_shared_by_those_that_may_have_them(in_cells: CellResidues) -> None:
    """Each cell for itself: bioenergy has all straw, char the wood that it may have instead."""
    methods = {"beccs-residue": {"biomass_kind": "straw"}, "biochar": ANY}
    result = in_cells.run(methods, ["straw", "wood"])
    supply = result.dataset["supply_biomass"].to_numpy()
    straw = in_cells.run(methods | {"biochar": {"biomass_kind": "straw"}}, ["straw"])
    straw_t = straw.dataset["supply_biomass"].to_numpy()
    possible = (result.dataset["allocated"] > 0).any("removal_method").to_numpy()
    need = result.dataset["need"].sel(resource="biomass").to_series()
    taken = {m: need[m] * result.dataset["allocated"].sel(removal_method=m) for m in methods}
    np.testing.assert_allclose(
        taken["beccs-residue"].to_numpy()[possible], straw_t[possible], rtol=1e-5
    )
    np.testing.assert_allclose(
        taken["biochar"].to_numpy()[possible], (supply - straw_t)[possible], rtol=1e-4
    )
    assert "biomass" in result.dataset["binding"].attrs["flag_meanings"]
    assert result.dataset["binding"].attrs["flag_meanings"].split().count("biomass") == 1


def test_a_cell_offers_a_method_the_kinds_that_it_takes(
    in_cells: CellResidues, tmp_path: Path
) -> None:
    methods = {"beccs-residue": {"biomass_kind": "straw"}, "biochar": ANY}
    result = in_cells.run(methods, ["straw", "wood"])
    folder = result.write(tmp_path / "run")
    place = Transformer.from_crs(3035, 4326, always_xy=True).transform
    told = explain_run(folder, *place(WEST + 1500, NORTH - 2500)).methods
    supply = float(result.dataset["supply_biomass"][2, 1])
    for name in methods:
        here = told[name]
        mine = float(result.dataset["equal_share"].sel(removal_method=name)[2, 1])
        offered = mine * here.plan.needs["biomass"]
        assert (here.limits, here.equal_share.offered) == ("biomass", pytest.approx(offered))
    assert told["biochar"].equal_share.offered == pytest.approx(supply)
    assert told["beccs-residue"].equal_share.offered < supply


def test_layers_of_one_kind_are_the_layer_itself(in_cells: CellResidues) -> None:
    """A study whose methods take any kind is that of the sum of the layers, byte for byte."""
    parted = in_cells.run({"beccs-residue": ANY, "biochar": ANY}, ["straw", "wood"])
    document: dict[str, Any] = yaml.safe_load(SCENARIO)
    document["siting"] = {}
    for kind in ("straw", "wood"):
        document["layers"][kind] = {"path": f"{kind}.tif", "unit": "t/yr", "kind": "extensive"}
    document["layers"]["all"] = {"expression": "straw + wood", "unit": "t/yr"}
    document["resources"] = {
        "power": {"value": "90 GWh/yr", "per": "cell"}, "biomass": {"layer": "all"},
    }  # fmt: skip
    document["methods"] = {"beccs-residue": {}, "biochar": {}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        whole = run(parse_scenario(yaml.safe_dump(document), in_cells.folder / "study.yaml"))
    np.testing.assert_array_equal(parted.dataset["allocated"], whole.dataset["allocated"])


def test_haul_and_two_sources_of_kinds_are_refused(in_cells: CellResidues) -> None:
    both = {"beccs-residue": ANY}
    with pytest.raises(ConfigError, match=r"haul collects one kind of goods.*straw, wood.*pools"):
        in_cells.run(both, ["straw", "wood"], biomass={"haul": 5, "share": "whole"})
    with pytest.raises(ConfigError, match="one source of supply"):
        in_cells.run(both, ["straw", "wood"], biomass={"layer": "residues"})
    with pytest.raises(ConfigError, match=r"resources\.biomass\.kinds\.wood"):
        in_cells.run(both, ["straw"], biomass={"kinds": {"straw": "straw", "wood": "timber"}})


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
