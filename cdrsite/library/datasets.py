"""Presets of well-known datasets: classes, nodata, unit, kind, and how to tell mix-ups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cdrsite.core.errors import ConfigError
from cdrsite.library.files import (
    as_choice,
    as_number,
    as_numbers,
    as_text,
    check_keys,
    read_shipped,
    shipped_names,
)
from cdrsite.library.load import load_sources
from cdrsite.library.records import unknown_name

KINDS = ("class", "fraction", "intensive", "extensive", "vector")
TESTS = ("max_above", "max_below", "min_above")


@dataclass(frozen=True, slots=True)
class LandClass:
    """A class of a raster or an attribute: code, name and named group."""

    code: int
    name: str
    group: str


@dataclass(frozen=True, slots=True)
class Detection:
    """A check that tells a dataset from the one it is often taken for.

    Attributes
    ----------
    test : str
        ``max_above``, ``max_below`` or ``min_above``.
    value : float
        The stored values' maximum or minimum is compared with it.
    looks_like : str or None
        Preset that would fit, where there is one.
    reason : str
        Why.
    """

    test: str
    value: float
    looks_like: str | None
    reason: str

    def holds(self, minimum: float, maximum: float) -> bool:
        """Whether data with these extremes fail the check."""
        if self.test == "max_above":
            return maximum > self.value
        if self.test == "max_below":
            return maximum < self.value
        return minimum > self.value


@dataclass(frozen=True, slots=True)
class DatasetPreset:
    """What is known about a dataset before it is opened.

    Attributes
    ----------
    name, title : str
        Name for ``preset:``, and one line.
    kind : str
        ``class``, ``fraction``, ``intensive``, ``extensive`` (rule 3) or ``vector``.
    unit : str or None
        Unit after scaling.
    scale : float
        Stored values are multiplied by this.
    nodata : tuple of float
        Stored values that mean unknown, besides the file's own.
    valid_range : tuple of float or None
        Plausible stored values.
    special_values : dict of float to str
        Stored values with a meaning that must not be taken for nodata.
    classes : dict of int to LandClass
        Classes by code.
    groups : dict of str to tuple of int
        Codes by group name (``built``, ``water``, ``forest``, ...).
    attributes : dict of str to tuple of str
        Meaning -> column names it may have, the first present one counts.
    attribute : str or None
        Column to rasterise by default.
    where : str or None
        Default filter, in the meanings of ``attributes``.
    detect : tuple of Detection
        Checks for mix-ups.
    aliases : tuple of str
        Other names.
    licence, source, note : str
        Licence, id of the source, traps.
    """

    name: str
    title: str
    kind: str
    unit: str | None
    scale: float
    nodata: tuple[float, ...]
    valid_range: tuple[float, float] | None
    special_values: dict[float, str]
    classes: dict[int, LandClass]
    groups: dict[str, tuple[int, ...]]
    attributes: dict[str, tuple[str, ...]]
    attribute: str | None
    where: str | None
    detect: tuple[Detection, ...]
    aliases: tuple[str, ...]
    licence: str
    source: str
    note: str

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

    def codes(self, wanted: Iterable[str | int]) -> tuple[int, ...]:
        """Return the codes of classes given by code, class name or group, sorted.

        Raises
        ------
        ConfigError
            If a name or code is not in the preset; names the nearest one.
        """
        names = {entry.name.lower(): entry.code for entry in self.classes.values()}
        found: set[int] = set()
        for item in wanted:
            if isinstance(item, int) and item in self.classes:
                found.add(item)
            elif str(item).lower() in self.groups:
                found.update(self.groups[str(item).lower()])
            elif str(item).lower() in names:
                found.add(names[str(item).lower()])
            else:
                valid = [*self.groups, *names, *(str(code) for code in self.classes)]
                raise unknown_name("class", str(item), valid, where=f"preset {self.name}")
        return tuple(sorted(found))

    def column(self, meaning: str, columns: Iterable[str]) -> str | None:
        """Return the column that holds an attribute, in either schema of the dataset."""
        present = {column.lower(): column for column in columns}
        candidates = self.attributes.get(meaning, ())
        return next((present[c.lower()] for c in candidates if c.lower() in present), None)


def _pair(value: object, where: str) -> tuple[float, float]:
    low, high = as_numbers(value, where, 2)
    if low > high:
        raise ConfigError("range the wrong way round", where=where, got=f"{low}, {high}")
    return low, high


def _classes(data: Mapping[Any, Any], where: str) -> dict[int, LandClass]:
    classes = {}
    for code, entry in data.items():
        entry = check_keys(entry, f"{where}.{code}", ("name", "group"))  # noqa: PLW2901
        classes[int(code)] = LandClass(
            int(code), as_text(entry["name"], where), as_text(entry["group"], where)
        )
    return classes


def _detect(data: object, where: str) -> tuple[Detection, ...]:
    if not isinstance(data, list):
        raise ConfigError("not a list", where=where, expected="a list of checks")
    checks = []
    for entry in data:
        item = check_keys(entry, where, ("test", "value", "looks_like", "reason"))
        number = as_number(item["value"], where)
        checks.append(
            Detection(
                test=as_choice(item["test"], where, TESTS),
                value=float("nan") if number is None else number,
                looks_like=item["looks_like"],
                reason=as_text(item["reason"], where),
            )
        )
    return tuple(checks)


def _special(data: Mapping[Any, Any], where: str) -> tuple[dict[float, str], tuple[float, ...]]:
    """Split special values into those with a meaning and those that are nodata."""
    meanings: dict[float, str] = {}
    nodata: list[float] = []
    for value, entry in data.items():
        item = check_keys(entry, where, ("meaning", "name"))
        if as_choice(item["meaning"], where, ("value", "nodata")) == "nodata":
            nodata.append(float(value))
        else:
            meanings[float(value)] = as_text(item["name"], where)
    return meanings, tuple(nodata)


def parse_dataset(name: str, data: Mapping[str, Any]) -> DatasetPreset:
    """Turn the mapping of a preset file into a :class:`DatasetPreset`.

    Raises
    ------
    ConfigError
        If anything is not as it should be; names file and key.
    """
    where = f"{name}.yaml"
    entry = check_keys(
        data,
        where,
        ("title", "kind", "licence", "source"),
        (
            "unit",
            "scale",
            "nodata",
            "valid_range",
            "special_values",
            "classes",
            "attributes",
            "attribute",
            "where",
            "detect",
            "note",
        ),
    )
    kind = as_choice(entry["kind"], f"{where}: kind", KINDS)
    if kind != "vector" and "unit" not in entry:
        raise ConfigError("key missing", where=where, expected="unit", rule=4)
    if entry["source"] not in load_sources():
        raise unknown_name("source", str(entry["source"]), list(load_sources()), where=where)
    classes = _classes(entry.get("classes", {}), f"{where}: classes")
    special, extra = _special(entry.get("special_values", {}), f"{where}: special_values")
    nodata = as_numbers(entry.get("nodata", []), f"{where}: nodata")
    scale = as_number(entry.get("scale", 1), f"{where}: scale")
    return DatasetPreset(
        name=name,
        title=as_text(entry["title"], f"{where}: title"),
        kind=kind,
        unit=entry.get("unit"),
        scale=1.0 if scale is None else scale,
        nodata=tuple(dict.fromkeys((*nodata, *extra))),
        valid_range=_pair(entry["valid_range"], f"{where}: valid_range")
        if "valid_range" in entry
        else None,
        special_values=special,
        classes=classes,
        groups={
            group: tuple(code for code, item in classes.items() if item.group == group)
            for group in dict.fromkeys(item.group for item in classes.values())
        },
        attributes={key: tuple(names) for key, names in entry.get("attributes", {}).items()},
        attribute=entry.get("attribute"),
        where=entry.get("where"),
        detect=_detect(entry.get("detect", []), f"{where}: detect"),
        aliases=tuple(alias for alias, target in ALIASES.items() if target == name),
        licence=as_text(entry["licence"], f"{where}: licence"),
        source=entry["source"],
        note=as_text(entry["note"], f"{where}: note") if "note" in entry else "",
    )


ALIASES = {"global-solar-atlas": "global-solar-atlas-pvout-yearly", "corine": "corine-grid"}
"""Short names; the mix-up checks catch the case where the other preset is meant."""


@cache
def dataset_names() -> tuple[str, ...]:
    """Names of the dataset presets, without aliases."""
    return shipped_names("datasets")


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
    return parse_dataset(wanted, read_shipped(f"datasets/{wanted}.yaml"))
