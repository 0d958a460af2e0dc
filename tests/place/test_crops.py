"""Land of energy crops by the yield of the place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_scenario import COLS, ROWS, write_raster, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import ConfigError
from cdrsite.place.crops import crop_land
from cdrsite.study.run import run


def test_ten_tonnes_a_hectare_by_hand() -> None:
    land = crop_land([10.0, 20.0, 0.0, -1.0, np.nan])
    np.testing.assert_allclose(land, [1000.0, 500.0, np.inf, np.inf, np.nan])
    assert land[0] * 0.6623 == pytest.approx(662.3)
    assert land[0] * 0.6060 == pytest.approx(606.0)


pytestmark = [
    pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning"),
    pytest.mark.usefixtures("without_slopes"),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crops")
    write_world(folder)
    grown = np.full((ROWS, COLS), 10.0, np.float32)
    grown[3:5, :] = 20.0
    grown[1, 1], grown[1, 2] = 0.0, -9999.0
    write_raster(folder / "grown.tif", grown, nodata=-9999)
    return folder


CROP = ("layers.grown={path: grown.tif, unit: t/ha/yr, kind: intensive}", "siting.exclude=[]")
METHOD = (
    "methods={{beccs-energy-crop: {{profile: {profile}, "
    "override: {{luc_emissions: 0, dry_matter_loss: 0}}{more}}}}}"
)


@pytest.mark.parametrize(("profile", "biomass"), [("power-only", 0.6623), ("chp", 0.606)])
def test_land_of_a_tonne_follows_the_yield(world: Path, profile: str, biomass: float) -> None:
    method = METHOD.format(profile=profile, more=", crop_yield: grown")
    dataset = run(load_scenario(world / "study.yaml", [*CROP, method])).dataset
    need = dataset["need_land"].to_numpy()[0]
    assert need[0, 0] == pytest.approx(10_000 * biomass / 10 + 0.5, rel=1e-6)
    assert need[3, 0] == pytest.approx(10_000 * biomass / 20 + 0.5, rel=1e-6)
    # no yield: nothing for the reason of land; unknown: unknown (rule 2)
    share, limit = (dataset[name].to_numpy()[0] for name in ("equal_share", "limit"))
    assert (share[1, 1], limit[1, 1]) == (0.0, 0)
    assert np.isnan(share[1, 2])
    plan = dataset["allocated"].to_numpy()[0]
    assert plan[1, 1] == 0.0 and np.isnan(plan[1, 2])
    # half a km2 of each cell is usable; a tonne of the better cells takes half as much
    assert plan[3, 0] <= 5e5 / need[3, 0] * (1 + 1e-6)
    assert (plan[3, 0] > 0) and share[3, 0] == pytest.approx(5e5 / need[3, 0], rel=1e-5)


@pytest.mark.parametrize(
    ("methods", "text"),
    [
        (
            "methods={beccs-residue: {crop_yield: grown}}",
            "methods.beccs-residue.crop_yield: the method grows no biomass of its own.*remove it",
        ),
        (
            METHOD.format(profile="chp", more=", crop_yield: grown").replace(
                "luc_emissions: 0", "luc_emissions: 0, land_feedstock: 700"
            ),
            "land of the crop twice; got 700.0 and crop_yield.*rule 6",
        ),
    ],
)
def test_a_yield_that_fits_no_method_is_refused(world: Path, methods: str, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        run(load_scenario(world / "study.yaml", [*CROP, methods]))
