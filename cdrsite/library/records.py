"""Records that all files of the library share: sources, and values with their source (rule 10)."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from cdrsite.core.currency import convert
from cdrsite.core.errors import ConfigError, did_you_mean
from cdrsite.core.fields import Model, StrictNumber, Text, problem
from cdrsite.core.units import find_currency, parse_quantity
from cdrsite.library.files import FOLDER, read_file

StorageType = Literal["geological", "biomass", "mineral", "soil", "product", "well"]
"""Where CO2 stays: deep below; in what grows; as carbonate or bicarbonate; in soil, as humus or
char; in timber in use; as oil, in wells and caverns of its own."""


class Reference(Model):
    """Where numbers come from."""

    citation: Text
    """Author, title, year."""
    kind: Literal["paper", "dataset", "report", "repository", "derived", "general-knowledge"]
    """What it is."""
    url: Text | None = None
    """Address or DOI, where known."""
    read: Literal["source", "excerpt", "abstract", "transcription", "none"] | None = None
    """What was read for the records: the source itself (tables, code, workbook), excerpts, the
    abstract alone, its numbers as others copied them, or nothing (quoted from memory)."""
    note: Text = ""
    """Its limits."""


@cache
def load_sources() -> dict[str, Reference]:
    """Return the sources that the shipped records cite, by id; do not change the dict."""
    return read_file(dict[str, Reference], FOLDER / "sources.yaml")


def _known_source(name: str, info: ValidationInfo) -> str:
    known = (info.context or {}).get("sources") or load_sources()
    if name not in known:
        raise unknown_name("source", name, list(known))
    return name


SourceId = Annotated[Text, AfterValidator(_known_source)]
"""Id of a source: of the library, or of the method file's own ``sources``."""


class Value(Model):
    """One number with its unit, range, currency year, source and locator (rule 10)."""

    value: StrictNumber | None
    """The number [unit]; null where the source gives none (unknown, never 0)."""
    unit: Text
    """Unit as published, for example `EUR2025/(t/yr)`."""
    source: SourceId
    """Id of the source."""
    locator: Text
    """The table, line or derivation in the source."""
    low: StrictNumber | None = None
    """Lower end of the range [unit], null where the source gives none."""
    high: StrictNumber | None = None
    """Upper end of the range [unit], null where the source gives none."""
    currency_year: Annotated[int | None, Field(strict=True, validate_default=True)] = None
    """Year of the money, where there is money in the unit; may stand in the unit instead."""
    note: Text = ""
    """Reading aid."""
    alternatives: tuple[Value, ...] = ()
    """Records of other sources that disagree (never averaged)."""

    @field_validator("currency_year")
    @classmethod
    def _one_year(cls, given: int | None, info: ValidationInfo) -> int | None:
        """Money has exactly one year."""
        unit = info.data.get("unit")
        if unit is None:  # wrong itself
            return given
        _, code, year = find_currency(unit)
        if code is None and given is not None:
            raise problem(f"a currency year without money in the unit; got {given}, {unit!r}")
        if given is not None and year is not None and given != year:
            raise problem(f"two currency years; got {given} and {unit!r}")
        found = given if given is not None else year
        if code is not None and found is None:
            raise problem(f"money without a year; got {unit!r}; cure: write USD2020 (rule 10)")
        return found

    @model_validator(mode="after")
    def _inside(self) -> Self:
        known = [end for end in (self.low, self.value, self.high) if end is not None]
        if known != sorted(known):
            raise problem(
                f"the value is outside its range; got low {self.low}, value {self.value}, high "
                f"{self.high}; expected low <= value <= high"
            )
        return self

    def to(self, unit: str, base_year: int | None = None) -> float:
        """Return the value in another unit.

        Parameters
        ----------
        unit : str
            Unit of the same dimension; money is USD of ``base_year``.
        base_year : int, optional
            Needed where there is money in the unit.

        Returns
        -------
        float
            The value [unit]; NaN where it is unknown.

        Raises
        ------
        UnitError
            If the dimension differs (rule 4).
        ConfigError
            If money is converted without a base year.
        """
        number = float("nan") if self.value is None else self.value
        return number * self.scale(unit, base_year)

    def scale(self, unit: str, base_year: int | None = None) -> float:
        """Return the factor from the published unit to ``unit`` (see :meth:`to`)."""
        if self.unit == unit and self.currency_year in {None, base_year}:
            return 1.0
        plain, code, _ = find_currency(self.unit)
        factor = 1.0
        if code is not None:
            if base_year is None or self.currency_year is None:
                raise ConfigError(
                    "money cannot be converted without its year",
                    where=f"{self.source}: {self.unit}",
                    got=f"year {self.currency_year}, base year {base_year}",
                    cure="give the base year of the money",
                    rule=4,
                )
            factor = convert(1.0, code, self.currency_year, base_year)
        if plain == unit:
            return factor
        return factor * parse_quantity(f"1 {plain}", unit)


def unknown_name(what: str, name: str, valid: list[str], where: str | None = None) -> ConfigError:
    """Build the error for a name that does not exist, with the nearest one that does."""
    cure = did_you_mean(name, valid, 0.4) or None
    listed = ", ".join(valid)
    return ConfigError(f"unknown {what}", where=where, got=repr(name), expected=listed, cure=cure)
