"""Sweeps from Python: one table of all runs, each the same as alone, shared stages taken."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from tiny_scenario import write_world

import cdrsite
from cdrsite.core.errors import ConfigError

pytestmark = pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")


def test_one_table_of_all_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cdrsite.engine.cache import Cache

    caches: list[Cache] = []
    kept = Cache.__init__

    def seen(self: Cache, *args: object, **more: object) -> None:
        kept(self, *args, **more)  # type: ignore[arg-type]
        if self.lasting:
            caches.append(self)

    monkeypatch.setattr(Cache, "__init__", seen)
    scenario = cdrsite.load_scenario(write_world(tmp_path))
    changes = {"costs.discount_rate": ["5 %", "9 %"], "costs.prices.water": ["1 USD/m3"]}
    table = cdrsite.sweep(scenario, changes)
    assert list(table.columns[:3]) == ["costs.discount_rate", "costs.prices.water", "method"]
    assert len(table) == 2 * 3
    alone = cdrsite.run(
        scenario.replace({"costs.discount_rate": "9 %", "costs.prices.water": "1 USD/m3"})
    )
    mine = table[table["costs.discount_rate"] == "9 %"].iloc[:, 2:].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, alone.tables["methods"].reset_index(drop=True))
    assert len(caches) == 1
    assert caches[0].taken["siting"] == 1


def test_rows_headlines_and_own_tables(tmp_path: Path) -> None:
    path = write_world(tmp_path)
    rows = [{}, {"methods": {"afforestation": {}}}]
    heads = cdrsite.sweep(path, rows, table="summary")
    assert heads["net_mt_yr"].iloc[0] > heads["net_mt_yr"].iloc[1] > 0
    own = cdrsite.sweep(
        path, [{}], table=lambda r: pd.DataFrame({"cells": [int(r.dataset["winner"].size)]})
    )
    assert own.to_dict("records") == [{"cells": 48}]


def test_what_is_refused(tmp_path: Path) -> None:
    path = write_world(tmp_path)
    with pytest.raises(ConfigError, match=r"sweep: costs\.discount_rate: not a list of values"):
        cdrsite.sweep(path, {"costs.discount_rate": "5 %"})
    with pytest.raises(ConfigError, match="discount"):
        cdrsite.sweep(path, {"costs.discount": ["5 %"]})
    with pytest.raises(ConfigError, match=r"no such table; got 'rows'; expected summary, "):
        cdrsite.sweep(path, [{}], table="rows")
