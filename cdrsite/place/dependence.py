"""What a dependence on the place is: keys of a scenario, layers, and pure functions.

A dependence is written once, in a module of this room, and listed in
:data:`cdrsite.place.registry.DEPENDENCES`. Its keys then stand under every method of a scenario,
their layers are checked, opened and read, its parameters are known to method files, and what it
returns enters the sums of products that the kernel evaluates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol

from pydantic import AfterValidator

from cdrsite.core.fields import Model, Text, problem
from cdrsite.core.layernames import NamesLayer, marks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cdrsite.place.needs import Needs

    F32 = NDArray[np.float32]

MONTHS = 12


@dataclass(frozen=True)
class LayerKey(NamesLayer):
    """Marks a key of a scenario that names a layer.

    Attributes
    ----------
    unit : str
        In which the layer is read; another one of its dimension is converted (rule 4).
    monthly : bool
        One band, or twelve: January first. The array then has a first axis of bands.
    classes : bool
        A class layer: the key is ``{LAYER: {CLASS: name}}`` (:data:`Classes`). The array then has a
        first axis of names, in the order of :func:`class_names`: the share of the cell that each
        has.
    """

    unit: str
    monthly: bool = False
    classes: bool = False


def _one_layer(given: dict[str, dict[int | str, str]]) -> dict[str, dict[int | str, str]]:
    if len(given) != 1 or not all(given.values()):
        raise problem("not one layer with its classes; expected {LAYER: {CLASS: name}}")
    return given


Classes = Annotated[dict[str, dict[int | str, Text]], AfterValidator(_one_layer)]
"""One class layer, and what its classes are called: ``{LAYER: {CLASS: name}}``."""


def class_names(given: Mapping[str, Mapping[int | str, str]]) -> tuple[str, ...]:
    """Names that classes of a layer are called by, each once, in their order."""
    return tuple(dict.fromkeys(name for of in given.values() for name in of.values()))


class Use(Protocol):
    """A method as a scenario uses it: what a dependence may ask of it."""

    @property
    def name(self) -> str:
        """Name in the scenario."""

    @property
    def choice(self) -> Any:
        """The method's keys in the scenario."""

    @property
    def method(self) -> Any:
        """The method file."""

    @property
    def profile(self) -> Any:
        """The profile in use."""

    @property
    def numbers(self) -> Mapping[str, float]:
        """Parameter -> value in its canonical unit."""

    @property
    def replaced(self) -> Mapping[str, str]:
        """Parameters that the scenario replaced -> what it says."""

    @property
    def acting(self) -> tuple[str, ...]:
        """Dependences that play a part, in their order."""

    @property
    def gwp(self) -> Mapping[str, float]:
        """Gas -> global warming potential that the study counts with [kg CO2e/kg]."""

    @property
    def discount_rate(self) -> float:
        """Real discount rate of the study [1/yr]."""

    @property
    def yearly_capital(self) -> float:
        """Capital and fixed operation where the place changes nothing [USD/t]."""

    def number(self, parameter: str, default: float = 0.0) -> float:
        """Parameter in its canonical unit; ``default`` where it does not apply."""

    def price(self, resource: str) -> float:
        """Price of a resource [USD per its canonical unit]."""


@dataclass(frozen=True)
class Here:
    """What a dependence sees of a block.

    Attributes
    ----------
    shape : tuple of int
        (rows, cols).
    layers : mapping of str to ndarray of float32
        Key -> values [unit of its :class:`LayerKey`], of shape (rows, cols), or (bands, rows,
        cols) where it may be monthly, (names, rows, cols) where it is of classes; keys that name no
        layer are absent. NaN is unknown (rule 2).
    numbers : mapping of str to float
        From :meth:`Dependence.numbers`.
    once : callable
        Key, function -> what the function gives; of layers alone and not of numbers, so that who
        comes to the same cells again with other numbers need not work it out again.
    """

    shape: tuple[int, ...]
    layers: Mapping[str, F32]
    numbers: Mapping[str, float]
    once: Callable[[tuple[Any, ...], Callable[[], Any]], Any] = lambda _, make: make()


class Dependence:
    """One dependence on the place; all that a subclass leaves out is as if there were none.

    Attributes
    ----------
    name : str
        Name in the registry.
    keys : type of Model
        Its keys under a method of a scenario, all of them optional.
    file_keys : type of Model
        Its keys of a method file beside the profiles, all of them optional; what has a ``source``
        names one of the file or of the library.
    profile_keys : type of Model
        Its keys of a profile, all of them optional; a profile does not inherit them.
    parameters : tuple of (str, str)
        Parameters of method files that no other part reads: name, canonical unit. What they mean
        is in the words, ``param.NAME``.
    given_by : mapping of str to str
        Parameter of :meth:`given` -> its key, where that has another name.
    """

    name: ClassVar[str]
    keys: ClassVar[type[Model]]
    file_keys: ClassVar[type[Model]] = Model
    profile_keys: ClassVar[type[Model]] = Model
    parameters: ClassVar[tuple[tuple[str, str], ...]] = ()
    given_by: ClassVar[Mapping[str, str]] = {}

    def acts(self, use: Use) -> bool:
        """Whether it plays a part in this method."""
        raise NotImplementedError

    def refuse(self, use: Use, where: str) -> None:
        """Refuse keys that do not fit the method; ``where`` is the method's key.

        Raises
        ------
        ConfigError
            Names the key, what the library lacks, and the cure.
        """

    def remarks(self, use: Use, where: str) -> Iterable[str]:
        """What a reader of the results must know of keys that change nothing, or less than asked.

        Given as warnings of the run, so that they stand in its report.
        """
        del use, where
        return ()

    def given(self, choice: Any) -> Mapping[str, float | None]:
        """Parameters that its keys replace -> value, None where the key is not given."""
        del choice
        return {}

    def numbers(self, use: Use) -> dict[str, float]:
        """Numbers of the method that :meth:`layers` is made with."""
        del use
        return {}

    def needs(self, use: Use, needs: Needs) -> Needs:
        """Needs with what depends on the place: terms in its own layers (:func:`own_layer`)."""
        raise NotImplementedError

    def layers(self, use: Use, here: Here) -> dict[str, F32]:
        """Kind of layer -> values of a block, float32 of shape (rows, cols); a pure function."""
        raise NotImplementedError


def own_layer(kind: str, method: str) -> str:
    """Layer that belongs to one method: a climate factor, a land need."""
    return f"{kind} {method}"


def layer_keys(keys: Model, only: type[Model] | None = None) -> Iterator[tuple[str, Any, LayerKey]]:
    """Keys that name a layer: dotted key, layer (or :data:`Classes` of one), how it is read.

    Parameters
    ----------
    keys : Model
        Keys of a method in a scenario.
    only : type of Model, optional
        The keys of one dependence among them.
    """
    for name, ways in _marked(only or type(keys)):
        value = getattr(keys, name)
        if isinstance(value, Model):
            yield from ((f"{name}.{key}", layer, how) for key, layer, how in layer_keys(value))
        if isinstance(value, str | dict):
            yield from ((name, value, how) for how in ways)


@cache
def _marked(keys: type[Model]) -> tuple[tuple[str, tuple[LayerKey, ...]], ...]:
    """Keys of a model, each with how the layer is read that it may name."""
    return tuple(
        (
            name,
            tuple(
                one for one in (*how.metadata, *marks(how.annotation)) if isinstance(one, LayerKey)
            ),
        )
        for name, how in keys.model_fields.items()
    )
