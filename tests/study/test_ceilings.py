"""A forest that would hold far more than the stands of its biome is said, and its tonnes kept."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from tiny_scenario import COLS, ROWS, SCENARIO, write_raster, write_world

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteWarning
from cdrsite.methods.model import method_model
from cdrsite.place.curves import AgeCurve
from cdrsite.place.growth import most_plausible_rate
from cdrsite.result.study_result import StudyResult
from cdrsite.study.run import run

pytestmark = pytest.mark.usefixtures("without_slopes")

FOREST = "methods.afforestation"
LAYER = "layers.growth={path: growth.tif, unit: t/ha/yr, kind: intensive}"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    rates = np.full((ROWS, COLS), 4, np.float32)
    rates[2, 4:6] = 9
    write_raster(folder / "growth.tif", rates)
    return write_world(folder, SCENARIO)


def ran(path: Path, *settings: str) -> StudyResult:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CdrsiteWarning)
        return run(load_scenario(path, settings))


def said(result: StudyResult) -> list[str]:
    return [text for text in result.warnings if "more than the stands of their biome" in text]


def test_the_ceiling_of_a_biome_is_its_own_curve(path: Path) -> None:
    """The profile's rate of stands of 20 years tends to the biome's 93 tC/ha, and no more."""
    settings = [f"{FOREST}={{profile: temperate-broadleaf}}"]
    model = method_model("afforestation", load_scenario(path, settings))
    curve = AgeCurve(0.0245, 3.0, 20.0, 0.607)
    stock = model.number("uptake") * 20 / float(curve.stock(20.0))
    assert stock == pytest.approx(93 * 44 / 12 * 1.25, rel=2e-3)
    assert model.number("curve_ceiling") == pytest.approx(93 * 44 / 12 * 1.25, rel=2e-4)
    assert most_plausible_rate(model) == pytest.approx(1.3 * model.number("uptake"), rel=2e-3)


def test_rates_far_above_the_biome_are_said_once(path: Path) -> None:
    own = f"{FOREST}={{profile: temperate-broadleaf, rate: growth, layer_years: 20}}"
    (text,) = said(ran(path, LAYER, own))
    assert "methods.afforestation" in text and "up to 9 t/ha/yr" in text
    assert "in 2 of " in text and "1.3 times the 426 t/ha of profile temperate-broadleaf" in text
    assert not said(ran(path, LAYER, own.replace("growth,", "growth, override: "
                    "{curve_ceiling: 1500},")))  # fmt: skip


def test_a_rate_of_ones_own_is_compared_too(path: Path) -> None:
    own = f"{FOREST}={{profile: boreal, override: {{uptake: %s}}}}"
    assert said(ran(path, own % 3.2)) and not said(ran(path, own % 2.9))
    # the profile of planted forest is no biome, so nothing is known of its ceiling
    assert not said(ran(path, f"{FOREST}.override={{uptake: 40}}"))


def test_a_credited_tonne_costs_what_the_buffer_makes_of_a_net_tonne(path: Path) -> None:
    result = ran(path, "accounting.buffer=0.2")
    row = result.tables["methods"].set_index("method").loc["afforestation"]
    assert row["net_mt_yr"] > 0
    assert row["credited_cost_usd_t"] == pytest.approx(row["mean_cost_usd_t"] / 0.8)
    told = result.summary["methods"]["afforestation"]["credited_cost_usd_t"]
    assert told == pytest.approx(row["credited_cost_usd_t"])
    assert result.summary["costs"]["afforestation"]["credited_usd_t"] == pytest.approx(told)
    plan = result.dataset["allocated"].sel(removal_method="afforestation").fillna(0).to_numpy()
    k, c = np.unravel_index(plan.argmax(), plan.shape)
    x, y = float(result.dataset["x"][c]), float(result.dataset["y"][k])
    for lang, words in (("en", "A credited tonne, after the buffer, costs"), ("zh", "扣除缓冲后")):
        assert words in str(result.dataset.cdr.explain(x=x, y=y, lang=lang))
    none = ran(path, "accounting.buffer=0")
    assert "credited tonne" not in str(none.dataset.cdr.explain(x=x, y=y))
