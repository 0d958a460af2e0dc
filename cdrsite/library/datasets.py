"""Presets of well-known datasets: classes, nodata, unit, kind, and how to tell mix-ups."""

from __future__ import annotations

from functools import cache
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from cdrsite.core.fields import ByLanguage, Model, StrictNumber, Text, problem
from cdrsite.library.files import read_file, shipped
from cdrsite.library.records import SourceId, unknown_name

ALIASES = {"global-solar-atlas": "global-solar-atlas-pvout-yearly", "corine": "corine-grid"}
"""Short names; the mix-up checks catch the case where the other preset is meant."""


class LandClass(Model):
    """A class of a raster or an attribute."""

    code: SkipJsonSchema[int] = 0
    """Its key among the classes."""
    name: Text
    """Its name."""
    group: Text
    """Named group that it belongs to: built, water, forest, ..."""


class Detection(Model):
    """A check that tells a dataset from the one it is often taken for."""

    test: Literal["max_above", "max_below", "min_above"]
    """The stored values' maximum or minimum is compared with `value`."""
    value: StrictNumber
    """What it is compared with."""
    looks_like: str | None
    """Preset that would fit, where there is one."""
    reason: Text
    """Why."""

    def holds(self, minimum: float, maximum: float) -> bool:
        """Whether data with these extremes fail the check."""
        if self.test == "max_above":
            return maximum > self.value
        if self.test == "max_below":
            return maximum < self.value
        return minimum > self.value


class DatasetPreset(Model):
    """What is known about a dataset before it is opened."""

    name: SkipJsonSchema[str] = ""
    """Name for `preset:`."""
    title: ByLanguage
    """One line."""
    kind: Literal["class", "fraction", "intensive", "extensive", "vector"]
    """Kind of quantity (rule 3), or vector."""
    unit: Text | None = Field(None, validate_default=True)
    """Unit after scaling; a raster has one."""
    scale: StrictNumber = 1.0
    """Stored values are multiplied by this."""
    nodata: tuple[StrictNumber, ...] = ()
    """Stored values that mean unknown, besides the file's own."""
    valid_range: tuple[StrictNumber, StrictNumber] | None = None
    """Plausible stored values."""
    special_values: dict[float, Text] = Field(default_factory=dict)
    """Stored values with a meaning that must not be taken for nodata."""
    classes: dict[int, LandClass] = Field(default_factory=dict)
    """Classes by code."""
    groups: SkipJsonSchema[dict[str, tuple[int, ...]]] = Field(default_factory=dict)
    """Codes by group."""
    attributes: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Meaning -> column names that it may have, the first present one counts."""
    attribute: str | None = None
    """Column to rasterise by default."""
    where: str | None = None
    """Default filter, in the meanings of `attributes`."""
    detect: tuple[Detection, ...] = ()
    """Checks for mix-ups."""
    aliases: SkipJsonSchema[tuple[str, ...]] = ()
    """Other names."""
    licence: Text
    """Licence of the data."""
    source: SourceId
    """Id of the source."""
    note: Text = ""
    """Traps."""

    @field_validator("unit")
    @classmethod
    def _unit_of_rasters(cls, unit: str | None, info: object) -> str | None:
        kind = getattr(info, "data", {}).get("kind", "vector")
        if unit is None and kind != "vector":
            raise problem(f"this key is needed; got a {kind} dataset without unit (rule 4)")
        return unit

    @field_validator("valid_range")
    @classmethod
    def _rising(cls, ends: tuple[float, float] | None) -> tuple[float, float] | None:
        if ends is not None and ends[0] > ends[1]:
            raise problem(f"range the wrong way round; got {ends[0]:g}, {ends[1]:g}")
        return ends

    @model_validator(mode="after")
    def _grouped(self) -> Self:
        classes = {
            code: one.model_copy(update={"code": code}) for code, one in self.classes.items()
        }
        groups: dict[str, tuple[int, ...]] = {}
        for code, one in classes.items():
            groups[one.group] = (*groups.get(one.group, ()), code)
        return self.model_copy(update={"classes": classes, "groups": groups})

    def mixed_up(self, minimum: float, maximum: float) -> Detection | None:
        """Return the first check that data with these extremes fail.

        Parameters
        ----------
        minimum, maximum : float
            Extremes of the stored values without nodata.

        Returns
        -------
        Detection or None
            What speaks against this preset, and the one that would fit.
        """
        return next((check for check in self.detect if check.holds(minimum, maximum)), None)


@cache
def dataset_names() -> tuple[str, ...]:
    """Names of the dataset presets, without aliases."""
    return tuple(shipped("datasets"))


@cache
def load_dataset(name: str) -> DatasetPreset:
    """Return a dataset preset by name or alias; its dicts must not be changed.

    Raises
    ------
    ConfigError
        If there is no such preset; names the nearest one.
    """
    wanted = ALIASES.get(name, name)
    if wanted not in dataset_names():
        raise unknown_name("dataset preset", name, [*dataset_names(), *ALIASES])
    aliases = tuple(alias for alias, target in ALIASES.items() if target == wanted)
    preset = read_file(DatasetPreset, shipped("datasets")[wanted])
    return preset.model_copy(update={"name": wanted, "aliases": aliases})
