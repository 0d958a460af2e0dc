"""Prices of other years and currencies in US dollars of the base year (rule 4)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from cdrsite.core.errors import ConfigError


@cache
def currency_table() -> dict[str, dict[int, float]]:
    """Return US dollars per unit of each currency, and the deflator, by year.

    Returns
    -------
    dict
        ``"USD"``, ``"EUR"``, ``"GBP"``, ``"CNY"`` -> year -> USD per unit;
        ``"deflator"`` -> year -> US GDP deflator (2017 = 100).
    """
    from cdrsite.core.yamltext import read_text, read_yaml

    path = Path(__file__).with_name("currency.yaml")
    data = read_yaml(read_text(path), path.name)[0]
    deflator = {int(year): float(value) for year, value in data["deflator"]["values"].items()}
    table = {"deflator": deflator, "USD": dict.fromkeys(deflator, 1.0)}
    for code, entry in data["exchange"].items():
        rates = {int(year): float(value) for year, value in entry["values"].items()}
        if entry["unit"] == f"{code} per USD":
            rates = {year: 1.0 / rate for year, rate in rates.items()}
        table[code] = rates
    return table


def convert(amount: float, currency: str, year: int, base_year: int) -> float:
    """Convert money to US dollars of the base year.

    The exchange rate is that of the price's own year; inflation after it is that of the US GDP
    deflator.

    Parameters
    ----------
    amount : float
        Money [currency of ``year``].
    currency : str
        ``USD``, ``EUR``, ``GBP`` or ``CNY``.
    year : int
        Year of the price.
    base_year : int
        Year of the US dollars wanted.

    Returns
    -------
    float
        Money [USD of ``base_year``].

    Raises
    ------
    ConfigError
        If the currency or one of the years is not in the table.
    """
    table = currency_table()
    codes = sorted(code for code in table if code != "deflator")
    if currency not in codes:
        raise ConfigError(
            "unknown currency",
            got=repr(currency),
            expected=", ".join(codes),
            cure="give the price in one of these",
            rule=4,
        )
    deflator = table["deflator"]
    for wanted in (year, base_year):
        if wanted not in deflator:
            raise ConfigError(
                "no price level is known for this year",
                got=str(wanted),
                expected=f"{min(deflator)} to {max(deflator)}",
                cure="give the price in money of a year inside the table",
                rule=4,
            )
    if currency == "USD" and year == base_year:
        return amount
    return amount * table[currency][year] * deflator[base_year] / deflator[year]
