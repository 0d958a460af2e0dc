"""Costs and net factors with one's own prices: against the maps of a run, labelled, with units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from tiny_scenario import write_world

import cdrsite
from cdrsite.core.errors import CdrsiteError, ConfigError, UnitError


@pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")
def test_the_same_as_the_maps_of_a_run(tmp_path: Path) -> None:
    result = cdrsite.run(write_world(tmp_path))
    cost = result.dataset["cost"].sel(removal_method="daccs-solid")
    net = result.dataset["net_factor"].sel(removal_method="daccs-solid")
    keys = {"profile": "literature", "intensity": "20 g/kWh", "storage_cost": "15 USD/t"}
    np.testing.assert_allclose(
        cost.values[np.isfinite(cost)], cdrsite.lcor("daccs-solid", **keys), rtol=1e-6
    )
    known = net.values[np.isfinite(net)]
    np.testing.assert_allclose(known, cdrsite.net_factor("daccs-solid", **keys), rtol=1e-6)


def test_arrays_stay_labelled_and_lazy_and_bring_their_unit() -> None:
    price = xr.DataArray([30.0, 60.0], {"year": [2030, 2040]}, attrs={"units": "USD/MWh"})
    grid = xr.DataArray([0.0, 400.0], {"zone": ["a", "b"]}, attrs={"units": "g/kWh"}).chunk()
    found = cdrsite.lcor("daccs-solid", prices={"electricity": price}, intensity=grid)
    assert found.dims == ("year", "zone") or set(found.dims) == {"year", "zone"}
    assert found.chunks is not None
    alone = cdrsite.lcor("daccs-solid", prices={"electricity": "60 USD/MWh"}, intensity="400 g/kWh")
    np.testing.assert_allclose(float(found.sel(year=2040, zone="b")), alone, rtol=1e-12)


def test_parts_add_up_and_numbers_move_them() -> None:
    parts = cdrsite.lcor_parts("daccs-solid", transport_cost="12 USD/t")
    assert parts["transport"] == pytest.approx(12.0)
    total = sum(parts.values())
    expected = cdrsite.lcor("daccs-solid", transport_cost=12.0) * cdrsite.net_factor("daccs-solid")
    assert total == pytest.approx(expected)
    twice = cdrsite.lcor_parts("daccs-solid", numbers={"water": "6 m3/t"})
    assert twice["water"] == pytest.approx(2 * parts["water"])


def test_where_nothing_is_removed_there_is_no_cost() -> None:
    dirty = xr.DataArray([0.0, 5000.0], dims="x", attrs={"units": "g/kWh"})
    assert np.isnan(cdrsite.lcor("daccs-solid", intensity=dirty)).values.tolist() == [False, True]
    assert np.isnan(cdrsite.lcor("daccs-solid", intensity="5000 g/kWh"))


def test_what_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"unknown key; got 'rate'; expected .*discount_rate"):
        cdrsite.lcor("daccs-solid", rate=0.07)
    with pytest.raises(CdrsiteError, match="unknown method; got 'daccs'"):
        cdrsite.lcor("daccs")
    with pytest.raises(UnitError, match="kWh"):
        cdrsite.net_factor("daccs-solid", intensity="20 km")
    wrong = xr.DataArray([1.0], dims="x", attrs={"units": "km"})
    with pytest.raises(UnitError, match=r"prices\.electricity"):
        cdrsite.lcor("daccs-solid", prices={"electricity": wrong})
    with pytest.raises(ConfigError, match=r"needs maps of its place.*cdrsite\.run"):
        cdrsite.lcor("afforestation")
    with pytest.raises(ConfigError, match=r"got 7; .*write 7 % as 0\.07"):
        cdrsite.crf(7, 20)
