"""The ledgers of every method of the library add up, with emissions of the place as well."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from tiny_scenario import COLS, ROWS, SCENARIO, write_raster, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.library.methods import load_method, method_names
from cdrsite.methods import ledgers
from cdrsite.methods.model import INFORMATIVE
from cdrsite.study.run import run

pytestmark = pytest.mark.usefixtures("without_slopes")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    rng = np.random.default_rng(3)
    write_raster(folder / "soil.tif", rng.uniform(-4, 12, (ROWS, COLS)).astype(np.float32))
    layer = "layers:\n  soil: {path: soil.tif, unit: t/ha, kind: intensive}\n"
    text = SCENARIO.split("methods:\n")[0].replace("layers:\n", layer, 1)
    return write_world(folder, text + "outputs: {sites: 1}\n")


def unknown(name: str) -> dict[str, float]:
    """Numbers that no source gives, chosen here."""
    profile = load_method(name).profile(None)
    wanted = {p for p in profile.values if np.isnan(profile.number(p, 2020))}
    return dict.fromkeys(sorted(wanted - INFORMATIVE - {"luc_emissions"}), 1.0)


@pytest.mark.parametrize("name", sorted(method_names()))
def test_the_ledgers_of_a_method_add_up(path: Path, name: str) -> None:
    values = load_method(name).profile(None).values
    # one way for each: a stock loses carbon when planted, and its file may tell gases before
    lost = "cleared_carbon" if "uptake" in values else "emissions.land_use_change"
    gases = [gas for gas in ("methane", "nitrous_oxide") if f"{gas}_before" not in values]
    emits = ", ".join(["leakage: 5 %", "other: 4", *(f"{gas}: 0.1" for gas in gases)])
    settings = [f"methods.{name}.emissions={{{emits}}}", f"methods.{name}.{lost}=soil"]
    settings += [f"methods.{name}.override.{key}={value}" for key, value in unknown(name).items()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        result = run(load_scenario(path, settings))
    (row,) = result.tables["ledgers"].query("zone == ''").to_dict("records")
    assert ledgers.imbalance(row) < 1e-5
    assert row["net_mt_yr"] <= row["removal_gross_mt_yr"]
    gross, net = (result.dataset[key].to_numpy() for key in ("equal_share", "net_factor"))
    assert (net[gross > 0] <= 1.0).all()
    # leakage and the rest, of each tonne that is planned
    floor = 0.054 * row["removal_gross_mt_yr"]
    assert row["emissions_supply_mt_yr"] >= floor * (1 - 1e-6)
    assert not any("do not add up" in text for text in result.warnings)
