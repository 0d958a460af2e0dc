"""Kinds of storage: what a tonne needs and costs where it is stored, and how long it stays."""

from __future__ import annotations

from functools import cache
from typing import Literal

from pydantic import Field, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from cdrsite.core.errors import ConfigError
from cdrsite.core.fields import ByLanguage, Model, Text, problem
from cdrsite.core.units import parse_quantity
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.library.credits import SinkType
from cdrsite.library.files import FOLDER, read_file
from cdrsite.library.records import SourceId, StorageType, Value, unknown_name


def may_be_needed(resource: str) -> bool:
    """Whether storage may need it where it is: what pools offer, but not heat of a level."""
    one = RESOURCES.get(resource)
    return one is not None and one.kind in {"flow", "energy"} and resource != "heat"


class StorageKind(Model):
    """A kind of storage."""

    name: SkipJsonSchema[str] = ""
    """Its key in the library."""
    title: ByLanguage
    """One line by language; English is needed."""
    also: tuple[Text, ...] = ()
    """What a column with the kind of unit may call it as well."""
    storage_type: StorageType
    """Where CO2 stays; methods of this type store in it."""
    takes: Literal["co2", "product"]
    """CO2 that is brought to its units, or the product of a method, which then is a part of the
    method: its needs and costs are the method's."""
    credit: SinkType | None = None
    """What credits tell its units apart by."""
    min_depth: Value | None = None
    """Units shallower than this are left out, where the scenario gives no `min_depth` [m]."""
    cost: Value | None = None
    """Cost of storing, where the scenario gives none [USD/t]; its needs are paid besides."""
    needs: dict[str, Value] = Field(default_factory=dict)
    """Resource -> need per tonne brought to it, charged where the unit lies."""
    volume: Value | None = None
    """Volume that a tonne of the product takes [m3/t]; told."""
    durability: Value
    """For how long it stores [yr]; null where it is the method's."""
    loss: Value
    """Share lost per year [1/yr]; null where it is the method's."""
    gates: Text = ""
    """What must hold of a place; told, but for the depth."""
    note: Text = ""
    """Reading aid."""

    @field_validator("needs")
    @classmethod
    def _of_pools(cls, needs: dict[str, Value]) -> dict[str, Value]:
        for name, record in needs.items():
            if not may_be_needed(name):
                allowed = ", ".join(one for one in RESOURCES if may_be_needed(one))
                raise problem(f"no storage needs this; got {name!r}; expected {allowed}", at=name)
            if not record.to(RESOURCES[name].need_unit) >= 0:
                raise problem("a need cannot be unknown or below zero", at=name)
        return needs

    @model_validator(mode="after")
    def _consistent(self) -> StorageKind:
        if self.takes == "product" and (self.needs or self.cost or self.credit):
            raise problem("needs, cost and credit of a product are the method's; cure: remove them")
        return self

    @property
    def records(self) -> dict[str, Value]:
        """Its numbers by name: `depth`, `cost`, resources that it needs, and so on."""
        given = {
            "min_depth": self.min_depth, "cost": self.cost, **self.needs, "volume": self.volume,
            "durability": self.durability, "loss": self.loss,
        }  # fmt: skip
        return {name: record for name, record in given.items() if record is not None}

    @property
    def sources(self) -> tuple[SourceId, ...]:
        """Ids of its sources, each once."""
        return tuple(dict.fromkeys(record.source for record in self.records.values()))


@cache
def storage_kinds() -> dict[str, StorageKind]:
    """Return the kinds of the library by name; do not change the dict."""
    kinds = read_file(dict[str, StorageKind], FOLDER / "storage.yaml")
    return {name: one.model_copy(update={"name": name}) for name, one in kinds.items()}


def kinds_of_units() -> tuple[str, ...]:
    """Names of the kinds that CO2 is brought to."""
    return tuple(name for name, kind in storage_kinds().items() if kind.takes == "co2")


def load_storage_kind(name: str) -> StorageKind:
    """Return a kind of storage.

    Raises
    ------
    ConfigError
        If there is no such kind; names the nearest one.
    """
    if name not in storage_kinds():
        raise unknown_name("kind of storage", name, list(storage_kinds()))
    return storage_kinds()[name]


def kind_called(word: str) -> StorageKind | None:
    """The kind that a word of a data set stands for, whatever its case; None for other words."""
    plain = word.strip().lower().replace(" ", "_")
    for name, kind in storage_kinds().items():
        if plain in {name, *kind.also}:
            return kind
    return None


def need_of_storage(resource: str, value: float | str) -> float:
    """A need of storage as a scenario gives it, per tonne brought [canonical unit of a need].

    Raises
    ------
    ConfigError
        A resource that storage cannot need, or a need below zero.
    UnitError
        Another dimension (rule 4).
    """
    if not may_be_needed(resource):
        raise unknown_name("need of storage", resource, [r for r in RESOURCES if may_be_needed(r)])
    unit = RESOURCES[resource].need_unit
    per = ("(t/yr)",) if unit.endswith("/(t/yr)") else ("t",)
    need = parse_quantity(value, unit, per=per)
    if not need >= 0:
        raise ConfigError(
            "a need cannot be negative",
            where=resource,
            got=repr(value),
            expected=f"{unit}, 0 or more",
        )
    return need
