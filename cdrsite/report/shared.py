"""What methods share, as a planner reads it: pools, storage units and rules with their prices."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cdrsite.core.vocabulary import Scale, amount, families, price_in_words, priced
from cdrsite.core.words import Words, month_of
from cdrsite.report.frame import Frame, real, word


def row_price(zone: str, unit: str, words: Words) -> Scale:
    """How a row's price is told: of a month per unit in that month, of a year as any other.

    Parameters
    ----------
    zone : str
        Name of the row.
    unit : str
        Of its price, e.g. ``USD per m3``.
    words : Words
        Language.
    """
    if not month_of(zone)[1]:
        return price_in_words(unit, words)
    paid, _, per = unit.partition(" per ")
    return 1.0, words("months.per", paid=words.unit(paid), per=words.unit(per))


def row_size(zone: str, unit: str, value: float) -> Scale:
    """The unit in which a row's limit is told: a month has so much in it, and not in a year."""
    size, name = amount(unit).of(value)
    return (size, name.removesuffix("/yr")) if month_of(zone)[1] else (size, name)


@dataclass(frozen=True)
class Pool:
    """One row of the table of pools.

    Attributes
    ----------
    index : int
        Row in the table.
    binding : int or None
        Position in the summary's list of what binds.
    family, zone : str
        What it is, and where or which rule.
    unit : str
        Canonical unit of supply and use.
    supply, use, price : float
        Price is the gain of the objective per unit more, or the loss if it is a minimum.
    price_unit : str
        For example ``t per m3``.
    minimum : bool
        A rule that asks for at least so much.
    """

    index: int
    binding: int | None
    family: str
    zone: str
    unit: str
    supply: float
    use: float
    price: float
    price_unit: str
    minimum: bool

    @property
    def weight(self) -> float:
        """What the objective owes to it: price times supply."""
        return abs(self.price * self.supply)

    @property
    def share(self) -> float:
        """Part of the supply that is used."""
        return self.use / self.supply if self.supply > 0 else math.nan

    @property
    def per(self) -> str:
        """Canonical unit that a price is for, e.g. ``m3``."""
        return self.price_unit.partition(" per ")[2]

    @property
    def paid(self) -> str:
        """Unit of the gain, ``t`` or ``USD``."""
        return self.price_unit.partition(" per ")[0]

    @property
    def month(self) -> str:
        """Number of the month that it is a supply of; empty for one of the year."""
        return month_of(self.zone)[1]

    @property
    def place(self) -> str:
        """Its zone; that of a month without the month."""
        return month_of(self.zone)[0]

    @property
    def price_factor(self) -> float:
        """From the price per canonical unit to the shown one."""
        return 1.0 if self.month else priced(self.per)[0]


def pools_of(frame: Frame) -> list[Pool]:
    """All pools, storage units and rules, in the order of the table."""
    pools: list[Pool] = []
    binding = 0
    for index, row in enumerate(frame.rows("pools")):
        price = real(row.get("price"))
        binds = abs(price) > 0
        pools.append(
            Pool(
                index=index,
                binding=binding if binds else None,
                family=word(row.get("family")),
                zone=word(row.get("zone")),
                unit=word(row.get("unit")),
                supply=real(row.get("supply")),
                use=real(row.get("use")),
                price=price,
                price_unit=word(row.get("price_unit")),
                minimum=is_minimum(frame, row),
            )
        )
        binding += binds
    return pools


def is_minimum(frame: Frame, row: dict[str, object]) -> bool:
    """Whether a row asks for at least its limit; older tables do not say, the scenario does."""
    if "sense" in row:
        return row["sense"] == ">="
    if row.get("family") != "policy":
        return False
    name = word(row.get("zone"))
    if name == "target" or name.endswith("(at least)"):
        return True
    rules = frame.run.scenario.get("policies") or []
    return any(
        name.split(": ")[0] == rule.get("name") and rule.get("at_most") is None for rule in rules
    )


def families_of(pools: list[Pool]) -> dict[str, list[Pool]]:
    """Pools by family, in the order of a report."""
    names = [family for family in families() if any(pool.family == family for pool in pools)]
    names += sorted({pool.family for pool in pools} - set(names))
    return {name: [pool for pool in pools if pool.family == name] for name in names}
