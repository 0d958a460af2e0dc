"""Units at the door: "1000 kWh" becomes a number in the canonical unit (rule 4).

pint is used here and nowhere else. Inside the program every array and every config value is a bare
number in the canonical unit, and arrays carry the unit in ``attrs["units"]``.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from cdrsite.core.errors import UnitError, did_you_mean

if TYPE_CHECKING:
    import pint

MAX_TEXT = 200
"""Characters of a quantity or a unit."""
_NUMBER = re.compile(
    r"\s*([+-]?(?:\d{1,3}(?:[ \u00a0\u2009\u202f_]\d{3})+(?!\d)|\d+)?(?:\.\d*)?(?:[eE][+-]?\d+)?)"
    r"\s*(.*)",
    re.DOTALL,
)
_UNIT_SIGNS = re.compile(r"[\w \t*/^.()%°$€£¥-]*")
"""What may stand in a unit; other signs the parser of units would skip, or take for a comment."""
_CURRENCY = re.compile(r"(USD|EUR|GBP|CNY|\$|€|£|¥)\s?((?:19|20)\d\d)?(?![A-Za-z0-9])")
_POWER = re.compile(r"([A-Za-z])([23])(?![A-Za-z0-9])")
_MILLIONS = re.compile(r"(?<![A-Za-z])([MG])m(?:\*\*|\^)?([23])(?![A-Za-z0-9])")
"""Mm3: nobody means the cube of a megametre, 10^18 m3, but a million m3; so with Gm3 and Mm2."""
_WILD_POWER = re.compile(
    r"(?<![A-Za-z])(?:\*\*|\^)|(?:\*\*|\^)(?![-+]?\d(?:\.\d)?(?:$|[/)]|\*(?!\*)))"
)
"""A power of a number, or one of more than a digit: 9**9**9 is computed for ever."""
USUAL = (
    "degree", "percent", "person", "tonne", "hectare", "metre", "kilometre", "degC", "kWh", "MWh",
    "GWh", "TWh", "kWh/yr", "MWh/yr", "GWh/yr", "TWh/yr", "kWh/kWp", "m3/yr", "Mm3/yr", "t/yr",
    "kt/yr", "Mt/yr", "t/ha/yr", "g/kWh", "kg/kWh", "USD/t", "USD/MWh", "USD/kWh", "USD/m3",
)  # fmt: skip
"""Units that a misspelt one may be meant for."""
_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "CNY"}
_PRETTY = str.maketrans({"²": "2", "³": "3", "·": "*", "\u2212": "-", "\uff5e": "~"})


@cache
def _registry() -> pint.UnitRegistry:
    import pint

    registry: pint.UnitRegistry = pint.UnitRegistry(
        autoconvert_offset_to_baseunit=False, cache_folder=None
    )
    registry.define("USD = [money]")
    # kilotonnes, where pint reads knots
    registry.define("kilotonne = 1000 metric_ton = kt")
    registry.define("person = [population] = persons = people")
    registry.define("kilowatt_peak = [pv_peak_power] = kWp")
    registry.define("tCO2 = metric_ton = tCO2e")
    for sign, many in (("M", 1e6), ("G", 1e9)):
        for power in (2, 3):
            registry.define(f"{sign}_metre_{power} = {many} * meter ** {power}")
    # millions by the Roman M, as fuel is sold in the United States
    registry.define("million_btu = 1e6 * Btu = MMBtu = MMBTU")
    registry.define("million_cubic_metres = 1e6 * meter ** 3 = MCM")
    registry.define("billion_cubic_metres = 1e9 * meter ** 3 = BCM = bcm")
    return registry


@cache
def _unit(text: str) -> Any:
    """Parse a unit expression; '' and '1' are dimensionless, % is a hundredth."""
    cleaned = text.translate(_PRETTY).strip()
    if _UNIT_SIGNS.fullmatch(cleaned) is None:
        raise _no_unit(text)
    if cleaned in {"", "1", "-", "fraction"}:
        return _registry().Unit("dimensionless")
    cleaned = cleaned.replace("%", "percent").replace("°C", "degC").replace("°", "degree")
    cleaned = _MILLIONS.sub(r"\1_metre_\2", cleaned)
    cleaned = _POWER.sub(r"\1**\2", cleaned)
    try:
        if len(text) > MAX_TEXT or _WILD_POWER.search(cleaned.replace(" ", "")):
            raise ValueError(text)  # noqa: TRY301 - as what pint cannot read
        if "(" not in cleaned:
            return _registry().Unit(cleaned)
        parsed = _registry().parse_expression(cleaned)
        return parsed.units if parsed.magnitude == 1 else _registry().Unit(cleaned)
    except Exception as error:  # pint raises many kinds for text that is no unit
        raise _no_unit(text) from error


def _no_unit(text: str) -> UnitError:
    cure = did_you_mean(text.strip(), USUAL, 0.75) or "write it like kWh, m3/yr, t/ha"
    return UnitError("not a unit", got=repr(text), cure=cure)


@cache
def conversion(source: str, target: str) -> tuple[float, float]:
    """Scale and offset with ``target = source * scale + offset``.

    Parameters
    ----------
    source, target : str
        Unit texts, for example ``"degC"`` and ``"K"``.

    Returns
    -------
    tuple of float
        Scale and offset.

    Raises
    ------
    UnitError
        If the dimensions differ (rule 4).
    """
    have, want = _unit(source), _unit(target)
    if have.dimensionality != want.dimensionality:
        raise UnitError(
            "wrong dimension",
            got=repr(source),
            expected=f"a unit like {target!r}",
            cure="correct the unit, or the value it belongs to",
            rule=4,
        )
    quantity = _registry().Quantity
    zero = float(quantity(0.0, have).to(want).magnitude)
    one = float(quantity(1.0, have).to(want).magnitude)
    return (one - zero) * _hours_of_years(have, want), zero


def _hours_of_years(have: Any, want: Any) -> float:
    """Factor between power and energy of a year, which has 8760 hours where capacity factors count.

    Elsewhere a year has 365.25 days.
    """
    powers = {_unit(text).dimensionality for text in ("kW", "kW/m2")}
    if have.dimensionality not in powers or _over_years(have) == _over_years(want):
        return 1.0
    return 8766.0 / 8760.0 if _over_years(have) else 8760.0 / 8766.0


def _over_years(unit: Any) -> bool:
    """Whether a unit is per year, or another long time."""
    long = {"year", "month", "week", "day", "fortnight", "quarter"}
    parts = _registry().Quantity(1.0, unit).unit_items()
    return any(part in long and float(str(power)) < 0 for part, power in parts)


def same_dimension(first: str, second: str) -> bool:
    """Whether two unit texts can be converted into each other."""
    return bool(_unit(first).dimensionality == _unit(second).dimensionality)


@dataclass(frozen=True)
class Dimension:
    """A unit to calculate with: what the result of a formula over quantities is measured in.

    Attributes
    ----------
    text : str
        As people write it.
    unit : pint.Unit
        The same, parsed; a currency is US dollars.
    """

    text: str
    unit: Any

    @classmethod
    def of(cls, text: str) -> Dimension:
        """A unit that is written out.

        Raises
        ------
        UnitError
            If it is none.
        """
        return cls(text, _unit(find_currency(text)[0]))

    def times(self, other: Dimension) -> Dimension:
        """Unit of a product."""
        if self.plain:
            return other
        return (
            self if other.plain else Dimension(f"{self.text}*{other.text}", self.unit * other.unit)
        )

    def over(self, other: Dimension) -> Dimension:
        """Unit of a quotient."""
        if other.plain:
            return self
        below = f"({other.text})" if re.search(r"[*/]", other.text) else other.text
        return Dimension(f"{self.text}/{below}", self.unit / other.unit)

    def power(self, exponent: float) -> Dimension:
        """Unit of a power."""
        return Dimension(f"({self.text})^{exponent:g}", self.unit**exponent)

    @property
    def plain(self) -> bool:
        """Whether it is a number, without any unit: not an angle, nor a percentage."""
        return bool(self.unit == _unit("1"))

    @property
    def dimensionless(self) -> bool:
        """Whether it measures nothing: a number, an angle, a percentage."""
        return bool(self.unit.dimensionless)

    def same_dimension(self, other: Dimension) -> bool:
        """Whether both measure the same."""
        return bool(self.unit.dimensionality == other.unit.dimensionality)

    def same_size(self, other: Dimension) -> bool:
        """Whether a number means the same in both."""
        if not self.same_dimension(other):
            return False
        quantity = _registry().Quantity
        one, two = (
            float(quantity(number, self.unit).to(other.unit).magnitude) for number in (1.0, 2.0)
        )
        return math.isclose(one, 1.0) and math.isclose(two, 2.0)


def is_power(text: str) -> bool:
    """Whether a unit is one of power, as GW is, and not of energy over the year, as TWh/yr is.

    Both have the same dimension; from the first to the second a capacity factor is needed.
    """
    unit = _unit(text)
    return unit.dimensionality == _unit("kWh/yr").dimensionality and not _over_years(unit)


def split_number(text: str) -> tuple[float, str]:
    """Split "11 000 m2" into 11000.0 and "m2".

    Spaces, thin spaces and underscores may group digits; the minus sign may be U+2212.

    Raises
    ------
    UnitError
        If there is no finite number in front.
    """
    if len(text) > MAX_TEXT:
        raise UnitError("too long for a quantity", got=repr(text), expected="e.g. '3 m3'")
    match = _NUMBER.fullmatch(text.translate(_PRETTY))
    digits = re.sub(r"[ \u00a0\u2009\u202f_]", "", match.group(1)) if match else ""
    if match is None or not re.search(r"\d", digits):
        raise UnitError("no number", got=repr(text), expected="a number with a unit, like '3 m3'")
    return float(digits), match.group(2).strip()


def find_currency(unit: str) -> tuple[str, str | None, int | None]:
    """Find a currency and its year in a unit.

    Parameters
    ----------
    unit : str
        For example ``"EUR2015/t"`` or ``"$/MWh"``.

    Returns
    -------
    tuple
        The unit with USD in place of the currency, the currency code or None, the year or None.
    """
    match = _CURRENCY.search(unit)
    if match is None:
        return unit, None, None
    code = _SIGNS.get(match.group(1), match.group(1))
    year = int(match.group(2)) if match.group(2) else None
    return unit[: match.start()] + "USD" + unit[match.end() :], code, year


def parse_quantity(value: object, unit: str, *, per: tuple[str, ...] = ()) -> float:
    """Turn a number or a text with a unit into a number in ``unit``.

    Parameters
    ----------
    value : float, int or str
        A bare number is taken to be in ``unit`` already; text may carry any unit of the same
        dimension. Money must have been brought to USD of the base year before.
    unit : str
        The canonical unit wanted.
    per : tuple of str
        Denominators that may be left out: with ``unit="kWh/t"`` and ``per=("t",)`` the text
        "1000 kWh" means 1000 kWh/t. The first that fits the dimension is used.

    Returns
    -------
    float
        The value [unit].

    Raises
    ------
    UnitError
        No number, not finite, not a unit, or a wrong dimension (rule 4).
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UnitError("not a quantity", got=repr(value), expected=f"a number or text in {unit}")
    if isinstance(value, str):
        number, text = split_number(value)
    else:
        number, text = float(value), ""
    if not math.isfinite(number):
        raise UnitError("not a finite number", got=repr(value), expected=f"a number in {unit}")
    if not text:
        return number
    try:
        text = next(
            (full for left_out in per if same_dimension(full := f"({text})/{left_out}", unit)), text
        )
        scale, offset = conversion(text, unit)
    except UnitError as error:
        raise UnitError(
            error.what,
            got=repr(value),
            expected=f"a quantity in {unit}",
            cure=did_you_mean(text, USUAL, 0.75) or None,
            rule=4,
        ) from error
    return number * scale + offset
