"""Conversion between a layer's unit and the one a stage needs (rule 4)."""

from __future__ import annotations

from cdrsite.core.errors import UnitError
from cdrsite.core.units import Dimension, conversion, find_currency, same_dimension

PEAK_YIELD = "kWh/kWp"
"""Yearly yield of photovoltaics by its peak power, as the library has it."""
YIELDS = ("kWh/kWp/yr", "kWh/kW", "kWh/kW/yr")
"""How others write the same: a power is the peak power, and a yield that of a year."""
_ANGLES = {"degree", "degrees", "deg", "°", "radian", "radians", "rad"}


def factor(have: str | None, want: str, where: str, base_year: int) -> tuple[float, float]:
    """Scale and offset with ``wanted = own * scale + offset``.

    Parameters
    ----------
    have : str or None
        The layer's unit; money may name its year ("EUR2015/t").
    want : str
        Unit wanted; money is US dollars of ``base_year``.
    where : str
        Layer, for errors.
    base_year : int
        Year of the dollars.

    Raises
    ------
    UnitError
        If the layer has no unit, or one of another dimension.
    """
    if have is None:
        if want in {"", "1"}:
            return 1.0, 0.0
        raise UnitError(
            "the layer has no unit",
            where=where,
            expected=f"a unit like {want!r}",
            cure=f"add unit: to the layer, e.g. unit: {want}",
            rule=4,
        )
    try:
        Dimension.of(have)  # what is no unit is told as such, not as one of another dimension
    except UnitError as error:
        raise UnitError(f"{where}: {error}") from error
    # an angle and a ratio are both without dimension, but 45 degree is 100 %, not 78.5 %
    if (have in _ANGLES) != (want in _ANGLES):
        raise UnitError("wrong dimension", where=where, got=repr(have), expected=want, rule=4)
    plain, code, year = find_currency(have)
    money = 1.0
    if code is not None:
        from cdrsite.core.currency import convert

        money = convert(1.0, code, year or base_year, base_year)
    wanted = find_currency(want)[0]
    if want == PEAK_YIELD and "Wh/" in have:
        wanted = next((one for one in YIELDS if same_dimension(have, one)), want)
    try:
        scale, offset = conversion(plain, wanted)
    except UnitError as error:
        raise UnitError(
            error.what,
            where=where,
            got=repr(have),
            expected=f"a unit like {want!r}",
            cure="correct unit: of the layer, or use another layer",
            rule=4,
        ) from error
    return scale * money, offset
