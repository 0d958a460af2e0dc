"""Schemes that pay for removal: tax credits, certificates, credits of national markets.

Amounts that a law sets are here, with their source; the price of a market is the user's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from cdrsite.core.fields import ByLanguage, Model, StrictNumber, Text
from cdrsite.library.files import FOLDER, read_file
from cdrsite.library.records import SourceId, StorageType, Value, unknown_name

if TYPE_CHECKING:
    from cdrsite.library.methods import Method

Basis = Literal["stored", "net", "credited"]
"""Which tonnes a credit is paid for: what reaches the store, what is removed on balance, or what
of this is left after the buffer."""
SinkType = Literal["saline", "eor"]
"""Storage units by what a credit tells apart: enhanced oil recovery, and all others."""
Positive = Annotated[StrictNumber, Field(gt=0)]


class CreditScheme(Model):
    """A scheme: what it pays for which tonnes, for how long, and who may earn it."""

    name: SkipJsonSchema[str] = ""
    """Its key in the library."""
    title: ByLanguage
    """One line."""
    programme: Text
    """A tonne may earn one scheme of a programme."""
    region: Text = ""
    """Where it holds; told, not checked: `region` of a scenario's credit says where it is paid."""
    basis: Basis
    """Which tonnes it is paid for."""
    amount: Value | None = None
    """What it pays [USD/t of the basis]; a market's price, which the user gives, where absent."""
    years: Positive | None = None
    """Years from the start of a plant in which it is paid [yr]; all where absent."""
    from_: StrictNumber | None = Field(None, alias="from")
    """First year in which a plant may start."""
    to: StrictNumber | None = None
    """Last year in which a plant may start."""
    co2_origin: Literal["air", "biogenic"] | None = None
    """Where the CO2 must come from."""
    storage_type: StorageType | None = None
    """Where it must go."""
    families: tuple[Text, ...] = ()
    """Families of methods that may earn it; all when empty."""
    sink_type: SinkType | None = None
    """Which storage units it is paid for."""
    min_durability: Positive | None = None
    """Least time for which a method stores [yr]."""
    min_t_yr: Positive | None = None
    """Least size of a plant [t/yr]."""
    source: SourceId
    """Where its rules come from."""
    note: Text = ""
    """What to know about it."""

    def unmet(self, method: Method, durability: float) -> Iterator[str]:
        """Gates that a method does not meet, in words.

        Parameters
        ----------
        method : Method
            Of the library.
        durability : float
            For how long it stores [yr]; NaN where unknown, which is no reason to refuse.
        """
        for word, wanted, found in (
            ("CO2 from", self.co2_origin, method.co2_origin),
            ("storage", self.storage_type, method.storage_type),
        ):
            if wanted is not None and wanted != found:
                yield f"{word} {wanted}, not {found}"
        if self.families and method.family not in self.families:
            yield f"a method of {' or '.join(self.families)}, not {method.family}"
        if self.min_durability is not None and durability < self.min_durability:
            yield f"storage for {self.min_durability:g} years, not {durability:g}"


@cache
def credit_schemes() -> dict[str, CreditScheme]:
    """Return the schemes of the library by name; do not change the dict."""
    schemes = read_file(dict[str, CreditScheme], FOLDER / "credits.yaml")
    return {name: one.model_copy(update={"name": name}) for name, one in schemes.items()}


def load_credit(name: str) -> CreditScheme:
    """Return a scheme.

    Raises
    ------
    ConfigError
        If there is no such scheme; names the nearest one.
    """
    if name not in credit_schemes():
        raise unknown_name("credit scheme", name, list(credit_schemes()))
    return credit_schemes()[name]
