"""What a tonne earns: credits of schemes of the library, or one's own."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from cdrsite.core.errors import CdrsiteError
from cdrsite.core.fields import Model, Name, Years, one_or_many, problem, quantity
from cdrsite.core.layernames import LayerName
from cdrsite.library.credits import CreditScheme, load_credit


class CreditRegion(Model):
    """Where a credit is paid: cells in some zones of a polygon layer."""

    layer: LayerName
    """Polygon layer; a cell lies in the zone of its centre, with all its tonnes, as in policies."""
    zone_name: str | None = None
    """Column with the zones' names."""
    zones: one_or_many(Name) = ()  # type: ignore[valid-type]
    """Names of the zones; all when empty."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.zones and self.zone_name is None:
            raise problem("zones are given by name; expected zone_name: COLUMN")
        return self


class Credit(Model):
    """Money for a tonne: a scheme of the library (`cdrsite credits`), a price, or both.

    What is given here replaces what the scheme says.
    """

    scheme: str | None = None
    """A scheme of the library."""
    amount: quantity("USD/t", minimum=0.0) | None = None  # type: ignore[valid-type]
    """What it pays [USD per t of `basis`]; the scheme's when not given."""
    basis: Literal["stored", "net", "credited"] | None = None
    """Which tonnes it pays for: CO2 of the air or of biomass that reaches the store, what is
    removed on balance, or what of this is left after the buffer; `net` without a scheme."""
    years: Years | None = None
    """Years from a plant's start in which it is paid [yr]; as long as the plant lives when neither
    this nor the scheme says."""
    methods: one_or_many(str) = ()  # type: ignore[valid-type]
    """Methods that earn it; all that meet its gates when empty."""
    sink_type: Literal["saline", "eor"] | None = None
    """Storage units it is paid for: enhanced oil recovery (`eor`), or all others (`saline`, which
    storage without units counts as)."""
    region: CreditRegion | None = None
    """Where it is paid: for what cells there remove, wherever their CO2 is stored; everywhere in
    the study when not given."""
    min_t_yr: quantity("t/yr", above=0.0) | None = None  # type: ignore[valid-type]
    """A method earns it where its largest plants take in so much from the air or from biomass; by
    `network.plants` or the method's file [t/yr]."""
    from_: float | None = Field(None, alias="from", ge=1900, le=2500)
    """First year in which a plant may start to earn it."""
    to: float | None = Field(None, ge=1900, le=2500)
    """Last year in which a plant may start to earn it."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.scheme is not None:
            try:
                load_credit(self.scheme)
            except CdrsiteError as error:
                raise problem(str(error), at="scheme") from error
        elif self.amount is None:
            raise problem(
                "a credit of nothing; expected scheme: NAME (cdrsite credits), or amount: e.g. "
                "100 USD/t"
            )
        if self.amount is None and self.of_library("amount") is None:
            raise problem(
                f"the price of {self.scheme} is its market's, which no law sets; cure: give "
                "amount: e.g. 100 USD/t",
                at="amount",
            )
        first, last = self.of("from_"), self.of("to")
        if first is not None and last is not None and first > last:
            raise problem(f"it ends before it begins; got from {first:g} to {last:g}", at="to")
        return self

    @property
    def library(self) -> CreditScheme | None:
        """Its scheme of the library."""
        return None if self.scheme is None else load_credit(self.scheme)

    def of_library(self, key: str) -> Any:
        """What its scheme says, None without a scheme."""
        return getattr(self.library, key, None)

    def of(self, key: str) -> Any:
        """What it says, or else its scheme."""
        own = getattr(self, key)
        return self.of_library(key) if own is None else own
