"""Units in the headers of tables: ``capture_max [Mt/yr]`` or ``capture_max_mt_yr``."""

from __future__ import annotations

import math
import re

from cdrsite.core.errors import ConfigError, DataError
from cdrsite.network.readers import Table

_MASS = {"mt": 1.0, "gt": 1e3, "kt": 1e-3, "t": 1e-6}
_MONEY = {"musd": 1.0, "kusd": 1e-3, "usd": 1e-6, "busd": 1e3}
UNITS: dict[str, dict[str, float]] = {
    "flow": {f"{unit}/yr": factor for unit, factor in _MASS.items()},
    "mass": _MASS,
    "money": _MONEY,
    "money/yr": {f"{unit}/yr": factor for unit, factor in _MONEY.items()},
    "unit cost": {"usd/t": 1.0, "musd/mt": 1.0, "usd/kt": 1e-3},
    "length": {"km": 1.0, "m": 1e-3, "mi": 1.609344},
    "year": {"": 1.0},
    "weighted length": {"": 1.0, "km": 1.0},
}
"""Kind of quantity -> unit -> factor to [Mt/yr], [Mt], [million USD], [USD/t], [km]."""

_HEADS = {
    *_MASS,
    *_MONEY,
    "km",
    "m",
    "mi",
    "kg",
    "lb",
    "ton",
    "tons",
    "tonnes",
    "eur",
    "meur",
    "ft",
}
"""What a unit begins with; the last few only to be refused as units, not taken for names."""

_BRACKETS = re.compile(r"^(?P<name>.*?)\s*\[(?P<unit>[^\]]*)\]\s*$")


def find_column(table: Table, name: str) -> str | None:
    """Give the header of a quantity, None where the table has none.

    Parameters
    ----------
    table : Table
        The table.
    name : str
        Quantity, as ``capture_max``.

    Raises
    ------
    DataError
        Two columns hold the same quantity.
    """
    found = [h for h in table.headers if _unit_text(h, name) is not None]
    if len(found) > 1:
        msg = f"two columns hold {name}"
        raise DataError(msg, where=table.where, got=", ".join(found), cure="keep one of them")
    return found[0] if found else None


def quantity_of(header: str, names: tuple[str, ...]) -> str | None:
    """Give the quantity that a header holds, None if it is none of the names."""
    return next((name for name in names if _unit_text(header, name) is not None), None)


def scale_of(table: Table, header: str, name: str, kind: str) -> float:
    """Give the factor from the unit of a header to the unit used here.

    Raises
    ------
    DataError
        No unit, an unknown one, or one of another kind.
    """
    unit = _unit_text(header, name) or ""
    factor = UNITS[kind].get(unit)
    if factor is None:
        msg = f"column {header}: " + ("unit is missing" if not unit else "unit is not understood")
        raise DataError(
            msg,
            where=table.where,
            got=repr(unit) if unit else None,
            expected=f"one of {', '.join(_shown(one) for one in UNITS[kind])}",
            cure=f"write the unit into the header, as {name} [{_shown(next(iter(UNITS[kind])))}]",
            rule=4,
        )
    return factor


def _shown(unit: str) -> str:
    """Write a unit as people do."""
    text = re.sub(r"[mkb]?usd", lambda found: found[0].upper().replace("KUSD", "kUSD"), unit)
    return re.sub(r"\b[mg]t", lambda found: found[0].capitalize(), text) or "no unit"


def _unit_text(header: str, name: str) -> str | None:
    """Give the unit that a header carries for a quantity, None if it is another quantity."""
    bare = header.strip().lower()
    brackets = _BRACKETS.match(bare)
    if brackets:
        same = brackets["name"].replace(" ", "_") == name
        return _plain_unit(brackets["unit"]) if same else None
    if bare.replace(" ", "_") == name:
        return ""
    if not bare.startswith(name + "_"):
        return None
    # a longer name of another quantity, as fixed_capital_musd for fixed, is no unit
    unit = bare[len(name) + 1 :].replace("_", "/")
    return unit if unit.split("/")[0] in _HEADS else None


def _plain_unit(text: str) -> str:
    unit = (
        text.strip().lower().replace("million ", "m").replace("$", "usd").replace("us usd", "usd")
    )
    unit = unit.replace(" ", "").replace("tco2", "t").replace("mtco2", "mt")
    return re.sub(r"/(a|y|year)$", "/yr", unit)


def parse_targets(text: str | float) -> list[float | dict[str, float]]:
    """Read one target, several, or one per ledger.

    Parameters
    ----------
    text : str or float
        As ``50``, ``10,20,30 Mt/yr`` or ``avoided=50,removal=5 Mt/yr``; a unit at the end counts
        for all that have none.

    Returns
    -------
    list
        Targets [Mt/yr]; one mapping of ledger to target where ledgers are named.

    Raises
    ------
    ConfigError
        Not numbers of zero or more with a unit of flow; some with a ledger and some without.
    """
    pieces = str(text).split(",")
    last = re.match(r"^\s*[-+0-9.eE]+\s*(.*?)\s*$", pieces[-1].split("=")[-1])
    unit = last[1] if last else ""
    named = ["=" in piece for piece in pieces]
    if any(named) and not all(named):
        raise ConfigError(
            "some targets have a ledger and some have none", where="--target", got=repr(text),
            expected="as avoided=50,removal=5",
        )  # fmt: skip

    def read(piece: str) -> float:
        bare = re.fullmatch(r"\s*[-+0-9.eE]+\s*", piece)
        return parse_flow(f"{piece.strip()} {unit}" if bare else piece)

    if not any(named):
        return [read(piece) for piece in pieces]
    found: dict[str, float] = {}
    for piece in pieces:
        name, _, amount = piece.partition("=")
        if name.strip() in found:
            raise ConfigError("a ledger stands twice", where="--target", got=repr(text))
        found[name.strip()] = read(amount)
    return [found]


def parse_flow(text: str | float) -> float:
    """Read a target such as ``110``, ``110 Mt/yr`` or ``500 kt/yr``.

    Parameters
    ----------
    text : str or float
        A number, alone in Mt/yr or with its unit.

    Returns
    -------
    float
        Flow [Mt/yr].

    Raises
    ------
    ConfigError
        Not a number of zero or more, or not a unit of flow.
    """
    match = re.match(r"^\s*([-+0-9.eE]+)\s*(.*?)\s*$", str(text))
    try:
        number = float(match[1]) if match else math.nan
    except ValueError:
        number = math.nan
    unit = _plain_unit(match[2]) if match else ""
    factor = UNITS["flow"].get(unit or "mt/yr")
    if not (math.isfinite(number) and number >= 0) or factor is None:
        raise ConfigError(
            "target is not understood",
            where="--target",
            got=repr(text),
            expected="a number of zero or more, alone in Mt/yr or with its unit",
            cure="write 110, '110 Mt/yr' or '500 kt/yr'",
        )
    return number * factor
