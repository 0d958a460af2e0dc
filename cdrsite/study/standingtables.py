"""Plants that stand already, told apart: their table, and what they are of other tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.competition.results import known_digits
from cdrsite.core.crs import LONLAT, transformer
from cdrsite.core.vocabulary import PORE_SPACE, RESOURCES
from cdrsite.pathway.rows import POLICY
from cdrsite.study.compete import standing_limits
from cdrsite.study.course import begin_of, durable_share, targets_of, times
from cdrsite.study.tables import IN_NONE

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from numpy.typing import NDArray

    from cdrsite.pathway.course import Target
    from cdrsite.study.offers import Offers
    from cdrsite.study.prepare import Setting
    from cdrsite.study.standing import Standing

    F64 = NDArray[np.float64]

MEGA = 1e-6


@dataclass(frozen=True)
class StandingBooks:
    """Tells plants that stand apart in the results of a study."""

    setting: Setting
    offers: Offers
    standing: Standing
    admin: tuple[str, ...]

    def add(
        self, tables: dict[str, pd.DataFrame], summary: dict[str, Any]
    ) -> dict[str, gpd.GeoDataFrame]:
        """Add their table and numbers, and their part of the other tables; they are points too."""
        tables["standing"] = self.plants()
        if self.standing.points.draws:
            tables["standing_draws"] = self.draws()
        summary["standing"] = self.summary(tables["standing"])
        _, whole, taken = standing_limits(self.setting, self.offers, self.standing)
        for one in self.targets:  # those of a path are no rules of its last year
            for t, year in enumerate(self.standing.years):
                key = POLICY, f"{one.name} {year}"
                whole[key] = np.full(len(self.standing.years), one.limit[t])
                taken[key] = np.full(len(self.standing.years), self.standing.counted(one.terms)[t])
        for name in ("pools", "pools_by_year"):
            if name in tables:
                tables[name] = self._pools(tables[name], whole, taken)
        tables["ledgers"] = self._ledgers(tables["ledgers"])
        tables["storage"] = self._storage(tables["storage"])
        if "pathway" in tables:
            tables["pathway"] = self._pathway(tables["pathway"])
            tables["build_out"] = self._build_out(tables["build_out"])
            tables["storage_filling"] = self._filling(tables["storage_filling"])
            summary["pathway"]["reached"] = tables["pathway"].to_dict("records")
        return {"standing": self._features(tables["standing"])}

    def plants(self) -> pd.DataFrame:
        """Each plant at each milestone: what it takes, gives and costs."""
        import pandas as pd

        found, points, setting = self.standing, self.standing.points, self.setting
        grid, path = setting.area.grid, setting.scenario.milestones
        x, y = grid.x[points.col], grid.y[points.row]
        lon, lat = transformer(grid.wkt, LONLAT).transform(x, y)
        units = () if found.storage is None else found.storage.names
        gross, rows = found.gross, []
        for k, name in enumerate(points.names):
            method, unit = points.methods[k], int(found.unit[k])
            share = np.nan if path is None else durable_share(setting.models[method], path)
            for t, year in enumerate(found.years):
                tonnes = float(gross[k, t])
                net, paid = tonnes * found.net[k, t], tonnes * found.cost[k, t]
                rows.append(
                    {
                        "plant": name,
                        "method": method,
                        "year": year,
                        "runs": bool(points.live[k, t]),
                        "capacity_gross_mt_yr": points.capacity[k] * MEGA,
                        "gross_mt_yr": tonnes * MEGA,
                        "net_mt_yr": net * MEGA,
                        "durable_mt_yr": net * share * MEGA,
                        "stored_mt_yr": tonnes * found.stored[k] * MEGA,
                        "unit": units[unit] if unit >= 0 else "",
                        "running_cost_musd_yr": paid * MEGA,
                        "running_cost_usd_t": paid / net if net > 0 else np.nan,
                        "land_km2": points.capacity[k] * found.land[k] * MEGA,
                        **{
                            f"{one}_{RESOURCES[one].unit.lower().replace('/', '_')}": tonnes
                            * need[k]
                            for one, need in found.needs.items()
                        },
                        "built": _year(points.built[k]),
                        "retires": _year(points.retires[k]),
                        "lon": float(lon[k]),
                        "lat": float(lat[k]),
                        "x": float(x[k]),
                        "y": float(y[k]),
                    }
                )
        return pd.DataFrame(rows)

    def draws(self) -> pd.DataFrame:
        """From which cells each plant takes what is offered cell by cell, in every year."""
        import pandas as pd

        points, grid = self.standing.points, self.setting.area.grid
        row, col = np.array([one.cell for one in points.draws], np.int64).T
        x, y = grid.x[col], grid.y[row]
        lon, lat = transformer(grid.wkt, LONLAT).transform(x, y)
        return pd.DataFrame(
            {
                "plant": [points.names[one.plant] for one in points.draws],
                "resource": [one.resource for one in points.draws],
                "taken": [one.amount for one in points.draws],
                "unit": [RESOURCES[one.resource].unit for one in points.draws],
                "distance_km": [one.km for one in points.draws],
                "lon": lon, "lat": lat, "x": x, "y": y,
            }
        )  # fmt: skip

    def summary(self, table: pd.DataFrame) -> dict[str, Any]:
        """Headline numbers by milestone; what was invested before is in none of them."""
        sums = ["gross_mt_yr", "net_mt_yr", "stored_mt_yr", "running_cost_musd_yr"]
        years = [
            {
                "year": year,
                "plants": int(part["runs"].sum()),
                **{name: float(part[name].sum()) for name in sums},
                "methods": {
                    name: float(one["net_mt_yr"].sum())
                    for name, one in part.groupby("method", sort=False)
                },
            }
            for year, part in table.groupby("year", sort=False)
        ]
        found = {"plants": int(table["plant"].nunique()), "years": years}
        if self.setting.scenario.milestones is not None:
            paid = [year["running_cost_musd_yr"] for year in years]
            found["present_running_cost_musd"] = float(self.standing.worth @ np.array(paid))
        return found

    def _features(self, table: pd.DataFrame) -> gpd.GeoDataFrame:
        """The plants as points, as they are at the last milestone."""
        import geopandas as gpd
        import pandas as pd

        table = table[table["year"] == self.standing.years[-1]].reset_index(drop=True)
        frame = pd.DataFrame(
            {
                "name": table["plant"],
                "method": table["method"],
                "gross_t_yr": table["gross_mt_yr"] / MEGA,
                "capacity_t_yr": table["capacity_gross_mt_yr"] / MEGA,
                "storage": table["unit"],
                "built": [_text(year) for year in table["built"]],
                "retires": [_text(year) for year in table["retires"]],
            }
        )
        points = gpd.points_from_xy(table["x"], table["y"])
        return gpd.GeoDataFrame(frame, geometry=points, crs=self.setting.area.grid.wkt)

    def _pools(
        self,
        table: pd.DataFrame,
        whole: Mapping[tuple[str, str], F64],
        taken: Mapping[tuple[str, str], F64],
    ) -> pd.DataFrame:
        """All that there is and that is used, and what of it is for plants that stand."""
        names = list(self.standing.years)
        filled, units = {}, self.standing.storage
        if units is not None:
            each = self.standing.filled(len(units.names))
            filled = dict(zip(units.names, zip(units.capacity, each, strict=True), strict=True))
        columns: dict[str, list[float]] = {"supply": [], "use": [], "slack": [], "standing": []}
        for row in table.to_dict("records"):
            key, year = (row["family"], row["zone"]), row.get("year", names[-1])
            supply, mine = row["supply"], 0.0
            if key in whole and year in names:
                t = names.index(year)
                supply, mine = float(whole[key][t]), float(taken[key][t])
            elif row["family"] == PORE_SPACE and row["zone"] in filled:
                supply, mine = (float(one) for one in filled[row["zone"]])
            use = row["use"] + mine
            binds = row["slack"] == 0.0
            slack = 0.0 if binds else (use - supply if row["sense"] == ">=" else supply - use)
            for name, value in zip(columns, (supply, use, slack, mine), strict=True):
                columns[name].append(known_digits(value) if mine else row.get(name, 0.0))
        standing = columns.pop("standing")
        made = table.assign(**columns)
        made.insert(made.columns.get_loc("slack"), "standing", standing)
        return made

    def _ledgers(self, table: pd.DataFrame) -> pd.DataFrame:
        """Gross and net tonnes of plants that stand, by method and unit of administration."""
        found, points = self.standing, self.standing.points
        admin = self.setting.scenario.outputs.admin
        where = np.full(len(points.names), "", object)
        if admin is not None:
            names = np.array([*self.admin, IN_NONE], object)
            where = names[found.zones[admin.layer]]
        gross = found.gross[:, -1]
        columns = {"standing_gross_mt_yr": gross, "standing_net_mt_yr": gross * found.net[:, -1]}
        made = table.copy()
        for column, each in columns.items():
            made[column] = [
                float(each[self._of(method) & ((where == zone) | (zone == ""))].sum()) * MEGA
                for zone, method in zip(table["zone"], table["method"], strict=True)
            ]
        return made

    def _of(self, method: str) -> NDArray[np.bool_]:
        return np.array([one == method for one in self.standing.points.methods], np.bool_)

    def _storage(self, table: pd.DataFrame) -> pd.DataFrame:
        """Storage units with all that they take, and what of it plants that stand bring."""
        units = self.standing.storage
        if units is None or table.empty:
            return table
        brought = self.standing.injected(len(units.names))[:, -1]
        rate = brought + table["injected_mt_yr"].to_numpy() / MEGA
        nothing = np.full(len(rate), np.nan)
        made = table.assign(
            injected_mt_yr=[known_digits(one) for one in (rate * MEGA).tolist()],
            injection_mt_yr=[known_digits(one) for one in (units.injection * MEGA).tolist()],
            capacity_mt=units.capacity * MEGA,
            years_to_full=np.divide(units.capacity, rate, out=nothing, where=rate > 0),
        )
        made["standing_mt_yr"] = brought * MEGA
        return made

    def _pathway(self, table: pd.DataFrame) -> pd.DataFrame:
        """Targets with what of them plants that stand reach."""
        counted = {one.name: self.standing.counted(one.terms) for one in self.targets}
        each = [
            known_digits(float(counted[ledger][self.standing.years.index(str(year))]))
            for ledger, year in zip(table["ledger"], table["year"], strict=True)
        ]
        made = table.copy()
        made.insert(table.columns.get_loc("missed"), "standing", each)
        return made

    @property
    def targets(self) -> tuple[Target, ...]:
        """What is asked for at milestones; nothing without."""
        return () if self.setting.scenario.milestones is None else targets_of(self.setting)

    def _build_out(self, table: pd.DataFrame) -> pd.DataFrame:
        """What is built, beside what stands already."""
        found = self.standing
        each = {
            "standing_gross_mt_yr": found.gross,
            "standing_net_mt_yr": found.gross * found.net,
            "standing_cost_musd_yr": found.gross * found.cost,
        }
        years = {name: t for t, name in enumerate(found.years)}
        made = table.copy()
        for column, values in each.items():
            made[column] = [
                float(values[self._of(method), years[str(year)]].sum()) * MEGA
                for method, year in zip(table["method"], table["year"], strict=True)
            ]
        return made

    def _filling(self, table: pd.DataFrame) -> pd.DataFrame:
        """How storage fills with what plants that stand bring."""
        units, path = self.standing.storage, self.setting.scenario.milestones
        if units is None or path is None:
            return table
        count = len(units.names)
        rate = self.standing.injected(count)
        rates = np.concatenate([self.standing.injected_at_start(count)[:, None], rate], axis=1)
        years = np.array([begin_of(path), *path.years], np.float64)
        filled = (0.5 * (rates[:, 1:] + rates[:, :-1]) * np.diff(years)).cumsum(axis=1)
        after = float(times(self.setting.scenario).years[-1] - 0.5 * (years[-1] - years[-2]))
        rate = np.concatenate([rate, rate[:, -1:]], axis=1).ravel() * MEGA
        end = filled[:, -1:] + after * rates[:, -1:]
        filled = np.concatenate([filled, end], axis=1).ravel() * MEGA
        made = table.assign(
            injected_mt_yr=table["injected_mt_yr"] + rate,
            filled_mt=table["filled_mt"] + filled,
            capacity_mt=np.repeat(units.capacity, len(path.years) + 1) * MEGA,
        )
        made["standing_mt_yr"] = rate
        return made


def _column(resource: str) -> str:
    return f"{resource}_{RESOURCES[resource].unit.lower().replace('/', '_')}"


def _year(value: float) -> float:
    return float(value) if np.isfinite(value) else np.nan


def _text(year: float) -> str:
    return "" if np.isnan(year) else f"{year:g}"
