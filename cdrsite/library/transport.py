"""Coefficients of published CO2 transport cost models; the equations live with their users.

Published models differ by a factor of 3 to 5 at equal flow, so several are shipped and none is
averaged (rule 10).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from cdrsite.core.fields import Model, StrictNumber, Text, problem, problems
from cdrsite.library.files import read_file, shipped
from cdrsite.library.records import SourceId, Value, unknown_name

Table = dict[str, dict[str, StrictNumber]]
"""Component (material, labor, row, misc, total, ...) -> coefficient -> number."""


class CostVariable(Model):
    """An input of a cost model."""

    unit: Text
    """Its unit."""
    meaning: Text
    """What it is."""
    low: StrictNumber
    """Lower end of the range of validity [unit]."""
    high: StrictNumber
    """Upper end of the range of validity [unit]."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if self.low > self.high:
            raise problem(f"range the wrong way round; got {self.low:g}, {self.high:g}", at="low")
        return self


class Steps(Model):
    """A value by classes of a variable: ``values[i]`` up to and at ``below_or_at[i]``."""

    variable: str
    """The variable whose classes they are."""
    unit: Text
    """Unit of the values."""
    below_or_at: tuple[StrictNumber, ...]
    """Upper ends of all classes but the last, rising."""
    values: tuple[StrictNumber, ...]
    """Value of each class, one more than ends."""

    @model_validator(mode="after")
    def _classes(self) -> Self:
        if list(self.below_or_at) != sorted(self.below_or_at):
            raise problem(f"classes out of order; got {self.below_or_at}", at="below_or_at")
        if len(self.values) != len(self.below_or_at) + 1:
            raise problem(
                f"not a value for each class; got {len(self.values)}; expected "
                f"{len(self.below_or_at) + 1} numbers",
                at="values",
            )
        return self


class Result(Model):
    """Money that a cost model gives."""

    unit: Text
    """For example `USD` or `EUR/t`."""
    currency_year: int | None
    """Year of the money; null where the source does not state it."""


class TransportModel(Model):
    """A published cost model as data."""

    name: SkipJsonSchema[str] = ""
    """Name of its file."""
    title: Text
    """One line."""
    mode: Literal["onshore-pipeline", "offshore-pipeline", "ship", "truck"]
    """Mode of transport."""
    form: Literal[
        "polynomial", "power", "exponential", "inch-mile", "bilinear", "linear", "class-average",
        "trend", "ship",
    ]  # fmt: skip
    """Form of the equation."""
    equation: Text
    """The equation in words of the coefficients."""
    result: Result
    """Unit of the result."""
    variables: dict[str, CostVariable]
    """Inputs with their unit and range of validity."""
    coefficients: Table
    """By component, for the default region."""
    default_region: str | None = None
    """Region of `coefficients`."""
    regions: dict[str, Table] = Field(default_factory=dict)
    """What a region changes in the coefficients."""
    steps: dict[str, Steps] = Field(default_factory=dict)
    """Values by class."""
    parameters: dict[str, Value] = Field(default_factory=dict)
    """Operation, lifetime and the like, each a record with its source."""
    source: SourceId
    """Id of the source."""
    locator: Text
    """The table, line or derivation in the source."""
    note: Text = ""
    """Reading aid."""

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        wrong = []
        if self.default_region is not None and self.default_region not in self.regions:
            error = unknown_name("region", self.default_region, list(self.regions))
            wrong.append((str(error), "default_region"))
        for name, changes in self.regions.items():
            for component, row in changes.items():
                for key in row.keys() - self.coefficients.get(component, {}).keys():
                    text = "a region changes a coefficient that the model does not have"
                    wrong.append((text, f"regions.{name}.{component}.{key}"))
        for name, steps in self.steps.items():
            if steps.variable not in self.variables:
                error = unknown_name("variable", steps.variable, list(self.variables))
                wrong.append((str(error), f"steps.{name}.variable"))
        if wrong:
            raise problems(wrong)
        return self

    @property
    def unit(self) -> str:
        """Unit of the result, for example ``USD`` or ``EUR/t``."""
        return self.result.unit

    @property
    def currency_year(self) -> int | None:
        """Year of the money; None where the source does not state it."""
        return self.result.currency_year

    def coefficients_for(self, region: str | None = None) -> Table:
        """Return the coefficients of a region, the default one when none is given.

        Raises
        ------
        ConfigError
            If the model has no such region; names the nearest one.
        """
        if region is not None and region not in self.regions:
            raise unknown_name("region", region, list(self.regions), where=f"model {self.name}")
        changes = self.regions[region] if region is not None else {}
        return {
            component: {**base, **changes.get(component, {})}
            for component, base in self.coefficients.items()
        }


@cache
def load_transport_models() -> Mapping[str, TransportModel]:
    """Return all shipped transport cost models by name, read-only."""
    return MappingProxyType(
        {
            name: read_file(TransportModel, path).model_copy(update={"name": name})
            for name, path in shipped("transport").items()
        }
    )


def load_transport_model(name: str) -> TransportModel:
    """Return one transport cost model.

    Raises
    ------
    ConfigError
        If there is no such model; names the nearest one.
    """
    models = load_transport_models()
    if name not in models:
        raise unknown_name("transport model", name, list(models))
    return models[name]
