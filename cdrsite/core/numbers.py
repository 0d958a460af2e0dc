"""Numbers as people read them: sensible precision, thin spaces between thousands."""

from __future__ import annotations

import math
from numbers import Integral, Real

THIN = "\u202f"
"""Narrow no-break space between thousands."""
MISSING = "–"
"""What stands where a number is not known."""
SMALLEST = -4
"""Exponent of ten below which a number is written with its power of ten."""
FAINT = 1e-3
"""Amounts in a table that are below this part of their unit are told as below it."""
ROUNDING = 1e-12
"""Below this a number is what sums of larger ones leave over: of a Mt, a gram."""
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: object, digits: int = 3) -> str:
    """A number for people: ``digits`` significant ones, thin spaces between thousands.

    Parameters
    ----------
    value : object
        None, NaN and infinity give a dash; what is no number is given back as text.
    digits : int
        Significant digits; whole parts are never cut.

    Returns
    -------
    str
        For example ``12\u202f346``, ``26.9``, ``0.58``, ``1.2 × 10⁻⁵``, ``–``.
    """
    if value is None or isinstance(value, bool) or not isinstance(value, Real):
        return MISSING if value is None else str(value)
    if isinstance(value, Integral):
        return _signed(f"{int(value):,}")  # a count has no decimals
    size = float(value)
    if not math.isfinite(size):
        return MISSING
    if abs(size) < ROUNDING:
        return "0"
    power = math.floor(math.log10(abs(float(f"{size:.{digits - 1}e}"))))  # of the rounded number
    if power >= SMALLEST:
        return _signed(f"{size:,.{max(0, digits - 1 - power)}f}")
    head = _signed(f"{size / 10.0**power:.{max(digits - 2, 0)}f}")
    return f"{head} × 10{str(power).translate(SUPERSCRIPTS)}"


def table_amount(value: object, digits: int = 3) -> str:
    """An amount in a column whose head names its unit: ``< 0.001`` for what is next to nothing.

    A reader who looks down a column of ``7.06`` and ``0.226`` takes ``6.2 × 10⁻⁵`` for 6.2.
    """
    if isinstance(value, Integral) or not isinstance(value, Real):
        return number(value, digits)
    size = float(value)
    if not ROUNDING <= abs(float(f"{size:.{digits - 1}e}")) < FAINT:
        return number(size, digits)
    least = number(FAINT, 1)
    return f"<{THIN}{least}" if size > 0 else f">{THIN}−{least}"


def round_below(value: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is not above a number above 0."""
    power = 10.0 ** math.floor(math.log10(value))
    near = value * (1.0 + 1e-9)  # a logarithm may be a hair off
    return max(step * power for step in (0.5, 1, 2, 5, 10) if step * power <= near)


def brief(value: object, digits: int = 4) -> str:
    """A number as of :func:`number`, without zeros at its end: needs such as 3 m³ are exact."""
    text = number(value, digits)
    head, times, power = text.partition(" ×")
    return (head.rstrip("0").rstrip(".") if "." in head else head) + times + power


def _signed(text: str) -> str:
    return text.replace(",", THIN).replace("-", "−")


def as_text(value: object) -> str:
    """An id or a name as text, whatever type the file gives it: 7 and 7.0 are both ``7``.

    A column of whole numbers becomes one of floats as soon as a value is missing, and another file
    may hold the same ids as text: all three must meet.
    """
    if isinstance(value, Real) and not isinstance(value, Integral):
        number = float(value)
        if math.isfinite(number) and number.is_integer():
            return str(int(number))
    return str(value)


def exact(value: object) -> str:
    """A published number as it was published, thin spaces between thousands."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return MISSING if value is None or isinstance(value, float) else str(value)
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.10g}"
    head, _, power = text.partition("e")
    tail = f" × 10{str(int(power)).translate(SUPERSCRIPTS)}" if power else ""
    return _signed(head) + tail


def percent(share: float | None, digits: int = 2) -> str:
    """A share of one in percent: ``71 %``; what is not nothing is never shown as nothing."""
    if share is None or not math.isfinite(share):
        return MISSING
    return f"{number(100 * share, digits)}{THIN}%"
