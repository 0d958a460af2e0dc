"""Tables and headline numbers of a study."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cdrsite.competition import results as competed
from cdrsite.core.errors import CdrsiteWarning, message
from cdrsite.core.grid import AnalysisGrid
from cdrsite.core.states import OUTSIDE
from cdrsite.core.version import __version__
from cdrsite.core.vocabulary import RESOURCES, limit_names
from cdrsite.library.storage import storage_kinds
from cdrsite.methods import ledgers
from cdrsite.methods.formulae import chain_losses, ingredients
from cdrsite.methods.injection import emits
from cdrsite.methods.kinds import by_durability, durability_class, hazard_of
from cdrsite.methods.net import Emissions, credited, expected_retention
from cdrsite.study.exclude import project_names
from cdrsite.study.tally import Tally

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.config.models import Scenario
    from cdrsite.methods.model import MethodModel
    from cdrsite.methods.storage import StorageUnits
    from cdrsite.siting.exclusions import RuleAreas, RuleBook
    from cdrsite.study.prepare import Setting
    from cdrsite.study.problem import Allocation


IN_NONE = "in none"
"""Name of what lies in no administrative unit."""


def top_limits(shares: Mapping[str, float]) -> str:
    """What limits most, in words: "land 71 %, water 29 %"; from shares by resource."""
    if not shares:
        return "nothing fits"
    percent = {name: 100 * share for name, share in shares.items()}
    top = [name for name in sorted(percent, key=lambda n: -percent[n]) if percent[name] >= 1][:3]
    return ", ".join(f"{name} {percent[name]:.0f} %" for name in top)


def region_km2(tally: Tally) -> float:
    """Area of the region [km2]."""
    return tally.region / 1e6


def limit_table(methods: Sequence[str], tally: Tally) -> pd.DataFrame:
    """Area and net tonnes by method and limiting resource, excluded and unknown area too.

    Tonnes and limits are those of each cell with its equal share of the pools.

    Parameters
    ----------
    methods : sequence of str
        Their names.
    tally : Tally
        Of the whole grid.
    """
    rows = [
        {
            "method": name,
            "limit": label,
            "cells": int(tally.cells[m, code]),
            "area_km2": tally.area[m, code] / 1e6,
            "equal_share_net_mt_yr": tally.tonnes[m, code] / 1e6,
        }
        for m, name in enumerate(methods)
        for code, label in sorted(limit_names().items())
        if tally.cells[m, code] and code != OUTSIDE
    ]
    columns = ["method", "limit", "cells", "area_km2", "equal_share_net_mt_yr"]
    return pd.DataFrame(rows, columns=columns)


def exclusion_table(book: RuleBook, areas: RuleAreas, tally: Tally) -> pd.DataFrame:
    """Per rule and group of methods: area it removes, and area that only it removes."""
    region = region_km2(tally)
    columns = ["rule", "bit", "methods", "removes_km2", "removes_percent", "only_it_removes_km2"]
    columns.append("source")
    rows = []
    for bits, methods in book.groups.items():
        for position, bit in enumerate(bits):
            total, alone = (sums[bits][position] / 1e6 for sums in (areas.total, areas.only))
            percent = 100 * total / region if region else np.nan
            rule, who = book.rules[bit], ", ".join(methods)
            rows.append((rule.name, bit, who, total, percent, alone, rule.source))
    return pd.DataFrame(rows, columns=columns)


PROJECT_COLUMNS = (
    "rule", "methods", "zone", "least_km2", "sites_alone", "alone_km2", "sites_small", "small_km2",
    "merged_projects", "left_out_km2",
)  # fmt: skip
"""Columns of the table of projects."""


def project_table(setting: Setting, areas: RuleAreas) -> pd.DataFrame:
    """Per rule that merges areas, group of methods and zone: sites alone, merged and left out.

    ``sites_alone`` are projects by themselves; ``sites_small`` make up one project together
    (``merged_projects``) where their area reaches the least, and are left out elsewhere.
    """
    book, rows = setting.book, []
    for (bit, *bits), found in areas.projects.items():
        rule, names = book.rules[bit], project_names(setting.reader, book.rules[bit].model)
        methods = ", ".join(book.groups[tuple(bits)])
        least = (rule.model.smaller_than or 0.0) / 1e6
        for zone, alone, alone_m2, small, small_m2, merged in found.tolist():
            name = IN_NONE if zone < 0 else names[int(zone)]
            out = 0.0 if merged else small_m2 / 1e6
            sizes = int(alone), alone_m2 / 1e6, int(small), small_m2 / 1e6, int(merged), out
            rows.append((rule.name, methods, name, least, *sizes))
    return pd.DataFrame(rows, columns=list(PROJECT_COLUMNS))


METHOD_COLUMNS = (
    "method", "profile", "ledger_class", "durability_class", "net_mt_yr", "gross_mt_yr",
    "cost_musd_yr", "mean_cost_usd_t", "land_km2", "cells", "credited_mt_yr",
    "credited_cost_usd_t", "retained_share", "allowed_km2", "alone_net_mt_yr",
    "alone_bound_mt_yr", "alone_gap", "alone_mean_cost_usd_t", "alone_limits", "avoidable_mt_yr",
)  # fmt: skip
"""Columns of the table of methods."""


def method_table(
    models: dict[str, MethodModel], scenario: Scenario, tally: Tally, allocation: Allocation
) -> pd.DataFrame:
    """One row per method: what the plan gives it, and what it could do alone.

    ``net_mt_yr`` and what follows is the competition's plan; ``alone_*`` is a competition in which
    only this method counts, with its proven bound (:mod:`cdrsite.study.alone`). ``avoidable_mt_yr``
    are the emissions that would stop wherever a method may be that removes nothing (rule 5).

    Parameters
    ----------
    models : dict
        Of the scenario.
    scenario : Scenario
        What was asked.
    tally : Tally
        Of the whole grid.
    allocation : Allocation
        The competition's answer.
    """
    totals = {row["method"]: row for row in competed.totals_table(allocation.solution)}
    years = scenario.accounting.retention_years
    rows = []
    for m, (name, model) in enumerate(models.items()):
        # where nothing is possible anywhere, the plan has no cells to total
        total = totals.get(name, dict.fromkeys(("gross", "net", "cost", "land"), 0.0))
        net, alone = total["net"] / 1e6, allocation.alone[m]
        kept = float(credited(net, model.number("buffer")))
        avoids, stops = model.method.ledger_class == "avoided", float(tally.stops[m] / 1e6)
        rows.append(
            {
                "method": name,
                "profile": model.profile.name,
                "ledger_class": model.method.ledger_class,
                "durability_class": durability_class(model.number("durability", np.nan)),
                "net_mt_yr": net,
                "gross_mt_yr": total["gross"] / 1e6,
                "cost_musd_yr": total["cost"] / 1e6,
                "mean_cost_usd_t": total["cost"] / total["net"] if total["net"] > 0 else np.nan,
                "land_km2": total["land"] / 1e6,
                "cells": int(allocation.used[m]),
                "credited_mt_yr": kept,
                "credited_cost_usd_t": total["cost"] / 1e6 / kept if kept > 0 else np.nan,
                "retained_share": float(expected_retention(hazard_of(model), years)),
                "allowed_km2": float(tally.allowed[m] / 1e6),
                "alone_net_mt_yr": alone.net / 1e6,
                "alone_bound_mt_yr": alone.bound / 1e6,
                "alone_gap": alone.gap,
                "alone_mean_cost_usd_t": alone.cost / alone.net if alone.net > 0 else np.nan,
                "alone_limits": "removes nothing" if stops else top_limits(alone.limits),
                "avoidable_mt_yr": stops if avoids else np.nan,
            }
        )
    return pd.DataFrame(rows, columns=list(METHOD_COLUMNS))


def pool_table(allocation: Allocation) -> pd.DataFrame:
    """Supply, use, slack and shadow price of every pool, storage unit and policy rule."""
    columns = ["family", "zone", "sense", "unit", "supply", "use", "slack", "price", "price_unit"]
    rows = competed.pools_table(allocation.solution)
    return pd.DataFrame(rows).reindex(columns=[*columns, "binds"])


def zone_table(setting: Setting, allocation: Allocation, names: Sequence[str]) -> pd.DataFrame:
    """Totals by administrative unit and method."""
    admin = setting.scenario.outputs.admin
    columns = ["zone", "method", "net_mt_yr", "gross_mt_yr", "cost_musd_yr", "land_km2"]
    if admin is None:
        return pd.DataFrame(columns=columns)
    rows = []
    for total in competed.totals_table(allocation.solution, admin.layer):
        zone = IN_NONE if total[admin.layer] < 0 else names[total[admin.layer]]
        sums = (total[key] / 1e6 for key in ("net", "gross", "cost", "land"))
        rows.append((zone, total["method"], *sums))
    return pd.DataFrame(rows, columns=columns)


def ledger_table(setting: Setting, allocation: Allocation, names: Sequence[str]) -> pd.DataFrame:
    """The six ledgers of the plan by method, for the whole region and by administrative unit.

    Parameters
    ----------
    setting : Setting
        Of the study.
    allocation : Allocation
        The competition's answer.
    names : sequence of str
        Administrative units, in label order; those of one name are one.

    Returns
    -------
    DataFrame
        ``zone`` (empty for the whole region), ``method``, and
        :data:`cdrsite.methods.ledgers.COLUMNS`.
    """
    given = ingredients(
        setting.scenario, routed=setting.storage is not None, injecting=emits(setting.injection)
    )
    parts: dict[str, NDArray[np.float64]] = {"": allocation.ledger.sum(axis=0)}
    if setting.scenario.outputs.admin is not None:
        for name, sums in zip((IN_NONE, *names), allocation.ledger, strict=True):
            parts[name] = parts.get(name, 0.0) + sums
    rows = []
    for zone, sums in parts.items():
        for (name, model), of_method in zip(setting.models.items(), sums, strict=True):
            if zone and not of_method.any():
                continue
            row = ledgers.entries(
                of_method,
                chain_losses(model, setting.scenario, routed=given.routed),
                Emissions.from_library(model.numbers),
                model.number("buffer"),
            )
            if ledgers.imbalance(row) > ledgers.TOLERANCE:
                warnings.warn(_unbalanced(zone, name, row), CdrsiteWarning, stacklevel=2)
            rows.append({"zone": zone, "method": name, **row})
    return pd.DataFrame(rows, columns=["zone", "method", *ledgers.COLUMNS])


def _unbalanced(zone: str, method: str, row: Mapping[str, float]) -> str:
    net = ledgers.summed(row)
    return message(
        "the ledgers do not add up to the net removal",
        where=f"tables/ledgers.csv: {method}{f' in {zone}' if zone else ''}",
        got=f"gross less returned less emissions is {net:g} Mt/yr",
        expected=f"{row['net_mt_yr']:g} Mt/yr",
        cure="this is a fault of cdrsite: please report it",
        rule=5,
    )


CREDIT_COLUMNS = (
    "credit", "method", "basis", "amount_usd_t", "years", "life_years", "levelised_usd_t",
    "basis_mt_yr", "earned_musd_yr", "earned_usd_net_t",
)  # fmt: skip
"""Columns of the table of credits."""


def credit_table(setting: Setting, ledger: pd.DataFrame, allocation: Allocation) -> pd.DataFrame:
    """What each credit pays each method for the plan.

    Parameters
    ----------
    setting : Setting
        Of the study.
    ledger : DataFrame
        From :func:`ledger_table`.
    allocation : Allocation
        The plan.

    Returns
    -------
    DataFrame
        One row per credit and method that earns it: what is paid per tonne of the basis and for
        how many years, what that is worth over the plant's life, the plan's tonnes of the basis,
        what they earn in a year, and that per net tonne (NaN where there is none).
    """
    import pandas as pd

    whole = {row["method"]: row for row in ledger[ledger["zone"] == ""].to_dict("records")}
    problem, sums = allocation.solution.problem, allocation.solution.totals.by_combo.sum(axis=0)
    rows = []
    for one in setting.earnings:
        made = dict(zip(problem.counted, sums[problem.method_names.index(one.method)], strict=True))
        tonnes = sum(term.weight * made[term.quantity] for term, _ in one.tonnes()) / 1e6
        net = whole[one.method]["net_mt_yr"]
        earned = tonnes * one.levelised
        per_net = earned / net if net > 0 else np.nan
        numbers = one.amount, one.years, one.life, one.levelised, tonnes, earned, per_net
        rows.append((one.credit, one.method, one.basis, *numbers))
    return pd.DataFrame(rows, columns=list(CREDIT_COLUMNS))


def curve_table(allocation: Allocation) -> pd.DataFrame:
    """Supply curve: net tonnes by method in classes of cost per net tonne, and their sum."""
    curve = allocation.curve
    some = np.flatnonzero(curve.net.sum(axis=0) > 0)
    tonnes = {method: curve.net[m, some] / 1e6 for m, method in enumerate(curve.methods)}
    edges = {"cost_from_usd_t": curve.edges[some], "cost_to_usd_t": curve.edges[some + 1]}
    return pd.DataFrame({**edges, **tonnes, "cumulative_mt_yr": curve.cumulative[some] / 1e6})


def storage_tables(setting: Setting, allocation: Allocation) -> dict[str, pd.DataFrame]:
    """Storage units, and what they take where they lie."""
    return {
        "storage": storage_table(setting, allocation),
        "storage_needs": storage_needs_table(setting, allocation),
    }


def storage_table(setting: Setting, allocation: Allocation) -> pd.DataFrame:
    """CO2 brought to each storage unit, and the years until it is full."""
    units = setting.storage
    columns = ["unit", "injected_mt_yr", "injection_mt_yr", "capacity_mt", "years_to_full", "eor"]
    columns += ["kind", "durability_class"]
    if units is None:
        return pd.DataFrame(columns=columns)
    brought = _brought(units, allocation)
    unused = np.full_like(brought, np.nan)
    years = np.divide(units.capacity, brought, out=unused, where=brought > 0)
    taken, injection = (
        [competed.known_digits(amount) for amount in (tonnes / 1e6).tolist()]
        for tonnes in (brought, units.injection)
    )
    capacity = units.capacity / 1e6
    kinds = units.kinds or ("",) * len(units.names)
    kept = [durability_class(_years_of(kind)) for kind in kinds]
    rows = zip(units.names, taken, injection, capacity, years, units.eor, kinds, kept, strict=True)
    return pd.DataFrame(rows, columns=columns)


def _years_of(kind: str) -> float:
    """For how long a kind of storage keeps CO2 [yr]; NaN where it is not known."""
    return storage_kinds()[kind].durability.to("yr") if kind else np.nan


def _brought(units: StorageUnits, allocation: Allocation) -> NDArray[np.float64]:
    """CO2 that the plan brings to each unit, shape (units,) [t/yr]."""
    brought = allocation.by_sink.sum(axis=0) + allocation.solution.captured_by_sink
    most = units.rate
    # what the solver's tolerance lets a unit take beyond its rate is rounding, not use
    within = brought <= most * (1 + competed.KEPT)
    return np.where(within, np.minimum(brought, most), brought)


def storage_needs_table(setting: Setting, allocation: Allocation) -> pd.DataFrame:
    """What each storage unit takes of each resource where it lies, for the CO2 brought to it.

    ``zone`` is the pool that it draws on, empty where the resource has no limit; ``use`` is part of
    that pool's use in the table of pools.
    """
    columns = ["unit", "kind", "resource", "zone", "need_per_t", "need_unit", "use", "use_unit"]
    units, injection = setting.storage, setting.injection
    if units is None or injection is None:
        return pd.DataFrame(columns=columns)
    brought, rows = _brought(units, allocation), []
    for u, (unit, kind) in enumerate(zip(units.names, units.kinds, strict=True)):
        for resource, needs in injection.needs.items():
            if needs[u] > 0:
                one = RESOURCES[resource]
                at = injection.zone[resource][u] if resource in injection.zone else -1
                zone = setting.pools[resource].names[at] if at >= 0 else ""
                use = competed.known_digits(float(needs[u] * brought[u]))
                need = float(needs[u])
                rows.append((unit, kind, resource, zone, need, one.need_unit, use, one.unit))
    return pd.DataFrame(rows, columns=columns)


def ledger_totals(table: pd.DataFrame) -> dict[str, float]:
    """Sums of each ledger over the methods; the ledgers themselves are never added up."""
    whole = table[table["zone"] == ""]
    return {name: float(whole[name].sum()) for name in ledgers.COLUMNS}


def _columns(methods: pd.DataFrame) -> Iterator[list[Any]]:
    """Of the table of methods, what the classes of durability are summed from."""
    return (methods[name].tolist() for name in ("durability_class", "net_mt_yr", "retained_share"))


def summarise(
    scenario: Scenario,
    grid: AnalysisGrid,
    tally: Tally,
    tables: dict[str, pd.DataFrame],
    allocation: Allocation,
) -> dict[str, Any]:
    """Headline numbers, units in the names; everything JSON can hold."""
    report, objective = allocation.solution.report, allocation.solution.objective
    pools = tables["pools"].to_dict("records")
    net, cost = (float(tables["methods"][name].sum()) for name in ("net_mt_yr", "cost_musd_yr"))
    return {
        "name": scenario.name,
        "title": scenario.title,
        "cdrsite": __version__,
        "base_year": scenario.costs.base_year,
        "region_km2": region_km2(tally),
        "cells": grid.size,
        "net_mt_yr": net,
        "cost_musd_yr": cost,
        "mean_cost_usd_t": cost / net if net > 0 else None,
        "ledgers": ledger_totals(tables["ledgers"]),
        "durability": by_durability(zip(*_columns(tables["methods"]), strict=True)),
        "earned_musd_yr": float(tables["credits"]["earned_musd_yr"].sum()),
        "objective": {
            "name": objective.name,
            "unit": objective.unit,
            "value": objective.sign * report.value,
            "bound": objective.sign * report.bound,
            "gap": report.gap,
            "gap_asked": scenario.objective.gap,
            "status": report.status,
            "sweeps": report.iterations,
        },
        "binding": [
            {key: pool[key] for key in ("family", "zone", "price", "price_unit")}
            for pool in pools
            if abs(pool["price"]) > 0
        ],
        "methods": {
            row["method"]: {
                key: None if isinstance(value, float) and np.isnan(value) else value
                for key, value in row.items()
                if key != "method"
            }
            for row in tables["methods"].to_dict("records")
        },
    }
