"""Whether the numbers of a result add up, from its maps and tables alone.

Nothing of the solver is asked: what the plan uses is summed from the maps again, and held against
the tables and against what there is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from cdrsite.config.emitters import DRAWN
from cdrsite.core.states import LOWEST_STATE
from cdrsite.core.vocabulary import RESOURCES, supplies
from cdrsite.methods.heat import draws_heat

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.result.study_result import StudyResult

    Floats = NDArray[np.float64]
    _Misses = Iterator["Miss"]

_YEARLY = {name: RESOURCES[name].unit.lower().replace("/", "_") for name in DRAWN.values()}
"""Resource -> end of its column in the table of emitters."""
SUPPLIES = tuple(one.name for one in supplies())
"""Resources of a cell or of pools; land and storage have balances of their own."""


@dataclass(frozen=True)
class Miss:
    """One balance that does not hold.

    Attributes
    ----------
    what : str
        Rule and place in the result.
    got, expected : float
        Both in ``unit``.
    unit : str
    """

    what: str
    got: float
    expected: float
    unit: str

    def __str__(self) -> str:
        return f"{self.what}: got {self.got:.9g}, expected {self.expected:.9g} {self.unit}"


def assert_mass_balance(result: StudyResult, rel: float = 1e-4) -> None:
    """Check that a result's tonnes, supplies, storage and ledgers add up (rules 5 and 6).

    - The maps of the plan add up to the tables: gross and net tonnes, land, CO2 brought to storage.
    - Nothing is used twice: land of each cell, supplies of each cell, shared pools, injection.
    - Use of a pool by the map is its use in the table; supply less use is its slack.
    - Ledgers: gross removal less what returned and what the process emitted is the net removal;
      credited and withheld tonnes are the net ones; provinces and supply curve add up to the whole.

    Parameters
    ----------
    result : StudyResult
        As :func:`cdrsite.run` returns it.
    rel : float
        What rounding may do, as a share of the sum [1]; the maps are float32.

    Raises
    ------
    AssertionError
        Names every balance that is broken, with both numbers and their unit.

    Examples
    --------
    >>> import cdrsite
    >>> from cdrsite.testing import assert_mass_balance
    >>> assert_mass_balance(cdrsite.run(cdrsite.load_scenario("demo.yaml")))  # doctest: +SKIP
    """
    balance = _Balance(result, rel)
    parts = (balance.tonnes, balance.land, balance.places, balance.pools, balance.storage)
    misses = [miss for part in (*parts, balance.ledgers, balance.sums) for miss in part()]
    if misses:
        lines = "\n".join(f"  {miss}" for miss in misses)
        raise AssertionError(f"{len(misses)} balances do not hold (rules 5 and 6):\n{lines}")


class _Balance:
    """The balances of one result; each gives what it misses."""

    def __init__(self, result: StudyResult, rel: float) -> None:
        self.data, self.tables, self.rel = result.dataset, result.tables, rel
        self.summary, self.methods, self.models = result.summary, result.methods, result.models
        self.plan = np.nan_to_num(self.data["allocated"].to_numpy().astype(np.float64))

    def equal(self, what: str, got: float, expected: float, unit: str, size: float = 0) -> _Misses:
        """Two sums that are the same, within rounding of the larger or of ``size``."""
        slack = self.rel * max(abs(got), abs(expected), abs(size))
        if not abs(got - expected) <= slack:
            yield Miss(what, got, expected, unit)

    def within(self, what: str, use: Floats, most: Floats, unit: str) -> _Misses:
        """Use that is at most what there is, in every cell; the worst one is named."""
        over = use - most * (1 + self.rel)
        over = np.where(use > 0, over, -np.inf)
        if over.size and over.max() > 0:
            row, col = np.unravel_index(int(over.argmax()), over.shape)
            at = f"{what}, row {row}, column {col}"
            yield Miss(at, float(use[row, col]), float(most[row, col]), f"{unit} at most")

    def use(self, resource: str) -> Floats | None:
        """What all methods take of a resource in each cell; None of what no method takes."""
        names = [str(name) for name in self.data["resource"].to_numpy()]
        if resource not in names:
            return None
        fixed = self.data["need"].to_numpy()[:, names.index(resource)]
        need = np.broadcast_to(fixed[:, None, None], self.plan.shape)
        if np.isnan(fixed).any():  # of methods whose need differs from place to place
            own = self.data[f"need_{resource}"].to_numpy().astype(np.float64)
            need = np.where(np.isnan(need), own, need)
        draws = [resource != "heat" or draws_heat(self.models[name]) for name in self.methods]
        taken = (self.plan > 0) & np.array(draws)[:, None, None]
        return np.where(taken, self.plan * need, 0.0).sum(axis=0)

    def tonnes(self) -> _Misses:
        """Maps of the plan and the table of methods."""
        table = self.tables["methods"].set_index("method")
        for m, name in enumerate(self.methods):
            gross = float(table.loc[name, "gross_mt_yr"]) * 1e6
            yield from self.equal(f"gross tonnes of {name}", self.plan[m].sum(), gross, "t/yr")
        net = float(np.nansum(self.data["net_removal"].to_numpy().astype(np.float64)))
        whole = float(table["net_mt_yr"].sum()) * 1e6
        yield from self.equal("net tonnes of the map", net, whole, "t/yr", self.plan.sum())
        told = self.summary["net_mt_yr"] * 1e6
        yield from self.equal("net tonnes of the summary", told, whole, "t/yr", self.plan.sum())

    def land(self) -> _Misses:
        """Land of each cell serves one use; what blocks nothing else is counted in its share."""
        need = self.data["need_land"].to_numpy().astype(np.float64)
        used = np.where(self.plan > 0, self.plan * need, 0.0)
        usable = np.nan_to_num(self.data["usable_land"].to_numpy().astype(np.float64))
        table = self.tables["methods"].set_index("method")
        for m, name in enumerate(self.methods):
            told = float(table.loc[name, "land_km2"]) * 1e6
            yield from self.equal(f"land of {name}", used[m].sum(), told, "m2")
            yield from self.within(f"land of {name} (rule 6)", used[m], usable[m], "m2")
        share = self.data["exclusive_share"].to_numpy()[:, None, None]
        area = self.data["cell_area"].to_numpy()[:, None]
        taken = used * share
        whole, takes = taken.sum(axis=0), taken > 0
        # what those that are possible can use between them, used or not
        possible = (usable > 0) & (self.data["limit"].to_numpy() < LOWEST_STATE) & (share > 0)
        most = _between(usable, takes | possible, area)
        yield from self.within("land (rule 6)", whole, most, "m2")
        for m, name in enumerate(self.methods):  # a practice needs land that nothing else takes
            if share[m] < 1.0:
                takes[m] |= used[m] > 0
                most = _between(usable, takes, area)
                both = whole + used[m] * (1.0 - share[m])
                yield from self.within(f"land of {name} and of others (rule 6)", both, most, "m2")
                takes[m] = taken[m] > 0

    def places(self) -> _Misses:
        """Supplies that belong to a cell: all methods together take no more than there is."""
        for resource in SUPPLIES:
            use = self.use(resource)
            if use is None or f"pool_{resource}" in self.data:
                continue
            if f"supply_{resource}" not in self.data or resource in self.summary["without_limit"]:
                continue
            supply = self.data[f"supply_{resource}"].to_numpy().astype(np.float64)
            unit = str(self.data[f"supply_{resource}"].attrs["units"])
            yield from self.within(f"{resource} (rule 6)", use, np.nan_to_num(supply), unit)

    def pools(self) -> _Misses:
        """Rows of the table of pools, and the use of each pool by the maps."""
        for row in self.tables["pools"].to_dict("records"):
            name = f"{row['family']} of {row['zone']}"
            use, supply, size = row["use"], row["supply"], max(abs(row["use"]), abs(row["supply"]))
            sign = -1.0 if row["sense"] == ">=" else 1.0
            if row["sense"] != "=" and sign * (use - supply) > self.rel * size:
                yield Miss(f"use of {name} (rule 6)", use, supply, f"{row['unit']} at most")
            left = sign * (supply - use)
            yield from self.equal(f"slack of {name}", row["slack"], left, row["unit"], size)
        for resource in SUPPLIES:
            use, pool = self.use(resource), f"pool_{resource}"
            if use is not None and pool in self.data and "labels" in self.data[pool].attrs:
                yield from self._pools_of(resource, use)

    def _pools_of(self, resource: str, use: Floats) -> _Misses:
        pool = self.data[f"pool_{resource}"]
        table = self.tables["pools"]
        table = table[table["family"] == resource]
        code, labels = pool.to_numpy(), [str(label) for label in pool.attrs["labels"]]
        for row in table.to_dict("records"):
            number = [k for k, label in enumerate(labels) if label == str(row["zone"])]
            if number:
                got = float(use[np.isin(code, number)].sum()) + self.at_stores(resource, row)
                got += self.by_emitters(resource, pool, number) + row.get("standing", 0.0)
                what = f"{resource} of {row['zone']} by the map"
                size = float(np.abs(use[np.isin(code, number)]).sum())
                yield from self.equal(what, got, row["use"], row["unit"], size)

    def at_stores(self, resource: str, row: Mapping[str, Any]) -> float:
        """What storage units take of a pool for the CO2 that is brought to them."""
        needs = self.tables["storage_needs"]
        mine = needs[(needs["resource"] == resource) & (needs["zone"] == row["zone"])]
        return float(mine["use"].sum())

    def emitters(self) -> Any:
        """What emitters do in the year of the maps; None without any."""
        table = self.tables.get("emitters")
        return None if table is None else table[table["year"] == table["year"].iloc[-1]]

    def by_emitters(self, resource: str, pool: Any, number: list[int]) -> float:
        """What emitters that stand in some zones of a pool take of it."""
        table, column = self.emitters(), f"{resource}_{_YEARLY.get(resource, '')}"
        if table is None or column not in table:
            return 0.0
        at = {axis: xr.DataArray(table[axis].to_numpy(), dims="emitter") for axis in "xy"}
        mine = np.isin(pool.sel(at, method="nearest").to_numpy(), number)
        return float(table[column].to_numpy()[mine].sum())

    def storage(self) -> _Misses:
        """CO2 that is captured to be stored is what storage units take, and fits into them."""
        table = self.tables["storage"]
        if len(table) == 0:
            return
        share = self.data["stored_share"].to_numpy()
        each = np.broadcast_to(share[:, None, None], self.plan.shape)
        if "need_storage" in self.data:  # of methods in which it differs from place to place
            own = self.data["need_storage"].to_numpy().astype(np.float64)
            each = np.where(np.isnan(own), each, own)
        brought = float((self.plan * each).sum())
        if (captured := self.emitters()) is not None:
            brought += 1e6 * float(captured["captured_mt_yr"].sum())
        if "standing_mt_yr" in table:  # what plants that stand bring
            brought += 1e6 * float(table["standing_mt_yr"].sum())
        taken = float(table["injected_mt_yr"].sum()) * 1e6
        yield from self.equal("CO2 brought to storage", brought, taken, "t/yr")
        for row in table.to_dict("records"):
            use, most = row["injected_mt_yr"] * 1e6, row["injection_mt_yr"] * 1e6
            if use > most * (1 + self.rel):
                yield Miss(f"injection of {row['unit']} (rule 6)", use, most, "t/yr at most")

    def ledgers(self) -> _Misses:
        """Net removal from gross removal, and what may be credited of it (rule 5)."""
        table = self.tables["ledgers"]
        whole = self.tables["methods"].set_index("method")
        for row in table.to_dict("records"):
            name = f"{row['method']} in {row['zone']}" if row["zone"] else str(row["method"])
            gross, net = row["removal_gross_mt_yr"], row["net_mt_yr"]
            left = gross - row["returned_mt_yr"] - row["emissions_process_mt_yr"]
            yield from self.equal(f"ledger of {name} (rule 5)", left, net, "Mt/yr", gross)
            kept = row["credited_mt_yr"] + row["withheld_mt_yr"]
            yield from self.equal(f"credits of {name} (rule 5)", kept, net, "Mt/yr", gross)
            if not row["zone"]:
                told = float(whole.loc[row["method"], "net_mt_yr"])
                yield from self.equal(f"net ledger of {name}", net, told, "Mt/yr", gross)

    def sums(self) -> _Misses:
        """Provinces and supply curve, against the table of methods."""
        methods = self.tables["methods"].set_index("method")
        gross = float(methods["gross_mt_yr"].sum())
        curve = self.tables["supply_curve"]
        if len(curve):
            told = float(curve["cumulative_mt_yr"].iloc[-1])
            whole = float(methods["net_mt_yr"].sum())
            yield from self.equal("end of the supply curve", told, whole, "Mt/yr", gross)
        zones: Any = self.tables["provinces"]
        for name, part in zones.groupby("method") if len(zones) else ():
            for column in ("gross_mt_yr", "net_mt_yr", "land_km2"):
                told, whole = float(part[column].sum()), float(methods.loc[name, column])
                unit = "km2" if column == "land_km2" else "Mt/yr"
                what = f"{column} of {name} over the provinces"
                size = gross if unit == "Mt/yr" else 0.0
                yield from self.equal(what, told, whole, unit, size)


def _between(
    usable: NDArray[np.float64], who: NDArray[np.bool_], area: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Most land that some methods of each cell have between them: all of it, unless all have one.

    Which land two methods with different land have in common is told in no file.
    """
    most = np.where(who, usable, 0.0).max(axis=0)
    least = np.where(who, usable, np.inf).min(axis=0)
    return np.where(least < most * (1.0 - 1e-6), area, np.minimum(most, area))
