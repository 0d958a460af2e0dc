"""Which of their hours the plants of a plan have power, and what that takes."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.core.errors import CdrsiteWarning, ConfigError, message
from cdrsite.core.numbers import number
from cdrsite.place.own_power import mixes, own_emissions

if TYPE_CHECKING:
    import pandas as pd

    from cdrsite.study.prepare import Setting

COLUMNS = (
    "method", "source", "firm_share", "capacity_factor", "running_share", "oversizing",
    "battery_hours", "generated_per_served", "curtailed_share", "own_use_share",
    "emissions_g_kwh", "keeps_direct_rules",
)  # fmt: skip
"""Columns of the table of hours."""


def least_firm(setting: Setting) -> float:
    """Least share of the hours that the supplied power serves; NaN where not said."""
    power = setting.scenario.resources.power
    if not isinstance(power.firm, str):
        return np.nan if power.firm is None else float(power.firm)
    if power.pools is None:
        return np.nan
    return float(np.min(setting.reader.attribute(power.pools, power.firm), initial=1.0))


def hours_table(setting: Setting) -> pd.DataFrame:
    """Power of each method that takes any: where it comes from and which hours it serves.

    Returns
    -------
    DataFrame
        ``source``: ``supplied``, or the technology of its own renewables; ``firm_share``: of the
        plant's hours, NaN where the scenario does not say so or a layer does, of pools the least;
        ``capacity_factor`` of the plant by design, and the ``running_share`` of the year that is
        left of it; of own renewables generation / load of a year, battery in hours of the load,
        what is generated, curtailed and used itself, and the emissions of making both;
        ``keeps_direct_rules``: 1 or 0 where rules for direct connection are asked for.
    """
    import pandas as pd

    rows = []
    for name, model in setting.models.items():
        if model.number("electricity") <= 0:
            continue
        design, own = model.number("capacity_factor", 1.0), model.choice.own_power
        if own is None:
            firm = least_firm(setting)
            runs = design * (1.0 if np.isnan(firm) else firm)
            rows.append((name, "supplied", firm, design, runs, *[np.nan] * 7))
            continue
        supply = own.supply()
        runs = design * (supply.firm_share if own.shortfall == "idle" else 1.0)
        sizes = supply.oversizing, supply.battery_hours, supply.generated, supply.curtailed
        emitted = 1000.0 * own_emissions(model, supply)
        kept = own.keeps_direct_rules()
        rows.append(
            (name, own.technology, supply.firm_share, design, runs, *sizes,
             1.0 / supply.generated, emitted, np.nan if kept is None else float(kept))
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def hours_tables(setting: Setting) -> dict[str, pd.DataFrame]:
    """Tables of hours by name; that of firm power where a method has hours of its own."""
    mixed = firm_power_table(setting)
    return {"hours": hours_table(setting), **({} if mixed.empty else {"firm_power": mixed})}


MIX_COLUMNS = (
    *("method", "zone", "firm_share", "pv_kw", "wind_kw", "store_kwh", "converter_kw"),
    *("curtailed_share", "own_share", "price_usd_mwh", "emissions_g_kwh"),
)
"""Columns of the table of firm power: sizes per kW of load, the price per MWh that is served."""


def firm_power_table(setting: Setting) -> pd.DataFrame:
    """What serves a kW of load at the least cost, by method and zone of its table of hours."""
    import pandas as pd

    rows, rate = [], setting.scenario.costs.discount_rate
    for name, model in setting.models.items():
        for zone, mix in mixes(replace(model, discount_rate=rate)).items():
            share = float(model.choice.own_power.firm_share)
            sizes = mix.pv, mix.wind, mix.store, mix.converter
            emitted = 1000.0 * mix.emissions / mix.own_share
            rows.append((
                name, zone, share, *sizes, mix.curtailed, mix.own_share, 1000.0 * mix.own_price,
                emitted,
            ))  # fmt: skip
    return pd.DataFrame(rows, columns=list(MIX_COLUMNS))


def check_hours(setting: Setting) -> None:
    """Say which plants stand idle because their power is not firm.

    Raises
    ------
    ConfigError
        If such power should serve the hours that own power leaves (rule 7).

    Warns
    -----
    CdrsiteWarning
        Names the plants, the share, and what it does to their capital.
    """
    power, firm = setting.scenario.resources.power, least_firm(setting)
    for name, model in setting.models.items():
        if power.firm is not None and 0 < model.needs.bought("electricity") < 1:
            raise ConfigError(
                "the hours that its own power leaves would be served by power that is not firm "
                "itself",
                where=f"methods.{name}.own_power.shortfall",
                got=f"resources.power.firm: {power.firm}",
                cure="remove it, or shortfall: idle",
                rule=7,
            )
    idle = {
        name: setting.models[name].number("capacity_factor", 1.0)
        for name in setting.users("electricity")
    }
    idle = {name: design for name, design in idle.items() if not firm >= design}
    if power.firm is None or not idle:
        return
    share = f"firm: {power.firm}" if np.isnan(firm) else f"{100 * firm:g} % of the hours"
    least = "at least " if isinstance(power.firm, str) and not np.isnan(firm) else ""
    plants = ", ".join(f"{name} ({number(design)})" for name, design in idle.items())
    warnings.warn(
        message(
            f"power for {least}{share}, and plants that would run more stand idle for the rest: "
            f"{plants}; their capital is paid by so many fewer tonnes",
            where="resources.power.firm",
            cure="firm: 1, if every hour is served",
            rule=7,
        ),
        CdrsiteWarning,
        stacklevel=3,
    )
