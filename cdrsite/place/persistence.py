"""Char in soil: what of its carbon persists, by the warmth of the soil and by how it was made.

Char decays the slower the colder the soil, and the more of its hydrogen was driven off. A table by
temperature gives what is left after its horizon as ``(M - a H/C) / 100``. A profile states what it
needs at one temperature; a layer of soil temperature brings the feedstock of a tonne, and all that
comes with it, to the place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from cdrsite.core.checked import or_row
from cdrsite.core.errors import ConfigError
from cdrsite.core.fields import Model, StrictNumber, Text, problem
from cdrsite.place.climate_table import MONTH_DAYS, plausible_climate
from cdrsite.place.dependence import MONTHS, Dependence, Here, LayerKey, Use, own_layer
from cdrsite.place.feed import per_feed
from cdrsite.place.needs import Needs
from cdrsite.scoring.sums import const, layer

FloatArray = npt.NDArray[np.floating[Any]]


class PersistenceRow(Model):
    """The two coefficients at one soil temperature."""

    temperature: StrictNumber
    """[degC]."""
    most: StrictNumber
    """M [%]."""
    slope: StrictNumber
    """a [% per mole of hydrogen per mole of organic carbon]."""


class PersistenceTable(Model):
    """Coefficients by soil temperature; linear in between, held at the ends."""

    rows: tuple[or_row(PersistenceRow), ...] = Field(min_length=2)  # type: ignore[valid-type]
    """From cold to warm: mappings, or rows [temperature, M, a]."""
    years: Annotated[StrictNumber, Field(gt=0)]
    """After which the share is what the table says [yr]."""
    hydrogen_most: Annotated[StrictNumber, Field(gt=0)]
    """Largest ratio of hydrogen to organic carbon that counts as char [mol/mol]."""
    source: Text
    """Id of the source."""
    locator: Text
    """The table, line or derivation in the source."""
    note: Text = ""
    """Reading aid."""

    @model_validator(mode="after")
    def _from_cold_to_warm(self) -> Self:
        warmth = [row.temperature for row in self.rows]
        if warmth != sorted(set(warmth)):
            raise problem(f"not from cold to warm; got {warmth}", at="rows")
        return self

    def share(self, temperature: npt.ArrayLike, hydrogen: float) -> FloatArray:
        """Share of the carbon that is left [1]: ``(M - a H/C) / 100``, 0 to 1.

        Parameters
        ----------
        temperature : array_like
            Of the soil [degC]; NaN stays unknown.
        hydrogen : float
            H/C, moles of hydrogen per mole of organic carbon.
        """
        warmth = [row.temperature for row in self.rows]
        at = np.asarray(temperature, np.float64)
        most = np.interp(at, warmth, [row.most for row in self.rows])
        slope = np.interp(at, warmth, [row.slope for row in self.rows])
        return np.clip((most - slope * hydrogen) / 100.0, 0.0, 1.0)


class PersistenceKeys(Model):
    """Keys of :class:`CharPersistence`."""

    soil_temperature: Annotated[str | None, LayerKey("degC", monthly=True)] = None
    """Layer of soil temperature, one or twelve bands (their mean counts); char lasts less where it
    is warm."""


class PersistenceFileKeys(Model):
    """Keys of :class:`CharPersistence` in a method file."""

    persistence: PersistenceTable | None = None
    """What of char in soil persists."""


class CharPersistence(Dependence):
    """Feedstock per tonne by what of the char persists, and all that is needed with it."""

    name, keys, file_keys = "persistence", PersistenceKeys, PersistenceFileKeys
    parameters = (
        ("char_hydrogen", "1"),
        ("char_temperature", "degC"),
        ("char_persistence", "1"),
    )

    def acts(self, use: Use) -> bool:
        """Where the method file has a table."""
        return use.method.persistence is not None

    def refuse(self, use: Use, where: str) -> None:
        """Refuse a layer for what makes no char, and char that is none."""
        if use.choice.soil_temperature is not None and not self.acts(use):
            raise ConfigError(
                "the method puts no char into soil",
                where=f"{where}.soil_temperature",
                got=f"a method of the family {use.method.family}, without a table of persistence",
                cure="remove it",
            )
        if not self.acts(use):
            return
        most, hydrogen = use.method.persistence.hydrogen_most, use.number("char_hydrogen")
        if not 0 < hydrogen <= most:
            raise ConfigError(
                "not a char that lasts",
                where=where,
                got=f"char_hydrogen of {hydrogen:g}",
                expected=f"H/C above 0 and at most {most:g}",
                cure="a hotter pyrolysis gives 0.2 to 0.5",
                rule=7,
            )
        if not use.number("char_persistence") > 0:
            raise ConfigError(
                "the share of char that the needs belong to is not known",
                where=where,
                got=f"char_persistence of {use.number('char_persistence'):g}",
                expected="a share above 0",
                cure="give it under override",
                rule=7,
            )

    def numbers(self, use: Use) -> dict[str, float]:
        """The char and the anchor, for a layer of temperatures."""
        if use.choice.soil_temperature is None:
            return {}
        return {name: use.number(name) for name in ("char_hydrogen", "char_persistence")}

    def needs(self, use: Use, needs: Needs) -> Needs:
        """All that belongs to the feedstock, times the feedstock of the place."""
        if use.choice.soil_temperature is not None:
            return per_feed(use, needs, layer(own_layer("feed factor", use.name)))
        numbers = {name: use.number(name) for name, _ in self.parameters}
        own = feed_factor(use.method.persistence, numbers["char_temperature"], numbers)
        return per_feed(use, needs, const(float(own)))

    def layers(self, use: Use, here: Here) -> dict[str, npt.NDArray[np.float32]]:
        """Feedstock per tonne of CO2, relative to that of the profile."""
        warmth = here.layers.get("soil_temperature")
        if warmth is None:
            return {}
        days = np.asarray(MONTH_DAYS if len(warmth) == MONTHS else (1.0,), np.float32)
        plausible = plausible_climate("temperature", warmth)
        yearly = np.tensordot(days / days.sum(), plausible, axes=(0, 0))
        factor = feed_factor(use.method.persistence, yearly, here.numbers)
        return {"feed factor": factor.astype(np.float32)}


def feed_factor(
    table: PersistenceTable, temperature: npt.ArrayLike, numbers: Mapping[str, float]
) -> FloatArray:
    """Feedstock per tonne of CO2, relative to that of the profile [1].

    Parameters
    ----------
    table : PersistenceTable
        What lasts.
    temperature : array_like
        Of the soil [degC].
    numbers : mapping of str to float
        ``char_hydrogen``, and ``char_persistence`` of the profile.
    """
    share = table.share(temperature, numbers["char_hydrogen"])
    with np.errstate(divide="ignore"):
        return np.minimum(numbers["char_persistence"] / share, NOTHING_LASTS)


NOTHING_LASTS = 1e6
"""Feedstock factor where no char persists; finite, so that the cost is too."""
