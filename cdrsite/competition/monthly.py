"""Methods that run in the months that pay, and what rows count of them month by month.

A plant is built for a capacity and may run below it: its output of a month is at most a twelfth of
the capacity. Rows of one month count the output of that month; all else counts the year's.
"""

from __future__ import annotations

from dataclasses import dataclass

MONTHS = 12


@dataclass(frozen=True)
class Seasonal:
    """A method that runs in the months that pay.

    Parameters
    ----------
    method : str
        Which.
    capital : float or str
        Part of its cost that is paid for the capacity [USD per t/yr], a number or the name of one
        of the problem's layers; the rest is paid per tonne.
    """

    method: str
    capital: float | str


def month_quantity(quantity: str, month: int) -> str:
    """What a quantity of one month is called; ``month`` from 0 to 11."""
    return f"{quantity}, month {month + 1}"
