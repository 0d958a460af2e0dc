"""How a scenario says where CO2 can be stored, of which kind, and what a tonne needs there."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from cdrsite.core.errors import CdrsiteError
from cdrsite.core.fields import (
    Factor,
    Model,
    Name,
    Years,
    exactly_one,
    problem,
    quantity,
    quantity_or_name,
    unit_like,
)
from cdrsite.core.layernames import LayerName
from cdrsite.library.storage import (
    kind_called,
    kinds_of_units,
    load_storage_kind,
    need_of_storage,
)


def _known_kind(name: str) -> str:
    try:
        kind = load_storage_kind(name)
    except CdrsiteError as error:
        raise problem(str(error)) from error
    if kind.takes != "co2":
        raise problem(
            f"CO2 is not brought to such storage: a method stores its own product there; got "
            f"{name!r}; expected {', '.join(kinds_of_units())}"
        )
    return name


StorageKindName = Annotated[str, AfterValidator(_known_kind)]
"""Kind of the library that CO2 is brought to."""

Share = Literal["whole", "area"]
"""How a shared pool is offered to its cells before the competition divides it truly.

`whole`: each cell sees the whole pool; `area`: shared evenly over the land that may draw on it.
"""


def refuse_idle_factor(model: Any) -> None:
    """Refuse a factor where there is no amount that it would change (rule 7)."""
    if model.unlimited and model.factor != 1.0:
        raise problem(
            f"a factor of what is unlimited changes nothing; got {model.factor:g}; cure: remove "
            "it, or say how much there is (rule 7)",
            at="factor",
        )


class Storage(Model):
    """Geological storage of CO2."""

    units: LayerName | None = None
    """A polygon layer of storage units."""
    name: str | None = None
    """Column with the unit's name."""
    capacity: str | dict[Literal["low", "central", "high"], str] | None = None
    """Column with the capacity, or one column for each case [Mt unless capacity_unit]."""
    capacity_unit: unit_like("t") = "Mt"  # type: ignore[valid-type]
    """Unit of the capacity columns."""
    injection: str | None = None
    """Column with the yearly injection rate [Mt/yr unless injection_unit]; the capacity over
    `years` when not given."""
    injection_unit: unit_like("t/yr") = "Mt/yr"  # type: ignore[valid-type]
    """Unit of the injection column."""
    cost: quantity_or_name("USD/t", minimum=0.0) = 15.0  # type: ignore[valid-type]
    """Cost of storing [USD/t]: a number, or a column of `units` in USD/t; that of its kind where
    kinds are given and no cost. What the kind needs is paid besides."""
    case: Literal["low", "central", "high"] = "central"
    """Which of the capacity columns counts."""
    factor: Factor = 1.0
    """Capacity and injection are multiplied by this: 0.8 is 20 % less."""
    years: Years = 30.0
    """Years over which the capacity may be filled [yr]."""
    depth: str | None = None
    """Column with the depth [m]."""
    min_depth: quantity("m", minimum=0.0) = 800.0  # type: ignore[valid-type]
    """Units shallower than this do not keep CO2 dense and are left out [m]; by its kind where kinds
    are given and no depth is."""
    max_depth: quantity("m", minimum=0.0) = 3500.0  # type: ignore[valid-type]
    """Units deeper than this are left out [m]."""
    stacked_on: str | None = None
    """Column with the id of the unit a unit overlies; needs `id`."""
    id: str | None = None
    """Column with the unit's id, unique."""
    kind: str | None = None
    """Column with the kind of unit, or one kind of the library for all of them: `basalt`
    (`cdrsite storage` lists them). It says what a tonne needs where it is injected."""
    kinds: dict[str, StorageKindName] = Field(default_factory=dict)
    """What words of that column mean that the library does not know: `{dolerite: basalt}`."""
    needs: dict[StorageKindName, dict[Name, float | str]] = Field(default_factory=dict)
    """What a tonne needs where it is injected, in place of what its kind says: `{basalt: {water: 0
    m3}}` where there is sea water."""
    share: Share = "area"
    """How a unit's injection is offered to the cells whose cheapest unit it is."""
    unlimited: Literal[True] | None = None
    """Storage never limits (for layers without any storage data)."""

    @model_validator(mode="after")
    def _columns(self) -> Self:
        exactly_one(self, ("units", "unlimited"), "one source of storage")
        refuse_idle_factor(self)
        if self.units is None and isinstance(self.cost, str):
            raise problem(
                f"no units whose column this could be; got {self.cost!r}; expected a cost in "
                "USD/t, or units: LAYER",
                at="cost",
            )
        if self.units is not None and self.capacity is None:
            raise problem("storage units need a capacity; expected capacity: COLUMN (rule 7)")
        if self.units is not None and self.id is None:
            raise problem("storage units need an id; expected id: COLUMN")
        if isinstance(self.capacity, dict) and self.case not in self.capacity:
            raise problem(
                f"no capacity column for the case; got {self.case}; expected one of "
                f"{', '.join(self.capacity)}",
                at="case",
            )
        self._check_kinds()
        if self.min_depth >= self.max_depth:
            raise problem(
                f"no depth is allowed; got min_depth {self.min_depth:g} m and max_depth "
                f"{self.max_depth:g} m; expected the first below the second"
            )
        return self

    def _check_kinds(self) -> None:
        """Refuse words and needs of kinds without a column of kinds, and needs that are none."""
        for key, given in (("kind", self.kind), ("kinds", self.kinds), ("needs", self.needs)):
            if given and self.units is None:
                text = f"no units that are of a kind; got {key}: {given}; cure: give units: LAYER"
                raise problem(text, at=key)
            if given and self.kind is None:
                text = f"{key} without kind; cure: give kind: COLUMN, or a kind such as basalt"
                raise problem(text, at=key)
        if self.kinds and self.every_kind is not None:
            text = f"all units are {self.kind}; got kinds of a column; cure: remove kinds"
            raise problem(text, at="kinds")
        for name, needs in self.needs.items():
            for resource, value in needs.items():
                try:
                    need_of_storage(resource, value)
                except CdrsiteError as error:
                    raise problem(str(error), at=f"needs.{name}.{resource}") from error

    @property
    def every_kind(self) -> str | None:
        """The kind of the library that all units are of; None where a column says it."""
        known = kind_called(self.kind) if self.kind is not None else None
        return None if known is None else known.name
