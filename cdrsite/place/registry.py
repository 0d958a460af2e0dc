"""The registry of dependences on the place, and what loops over it.

To add one: a subclass of :class:`cdrsite.place.dependence.Dependence` in a module of its own, and
its name in :data:`DEPENDENCES`; or :func:`register_dependence` before the first scenario is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.errors import ConfigError, DataError
from cdrsite.core.fields import Model
from cdrsite.place.climate import AirClimate
from cdrsite.place.crops import EnergyCrop
from cdrsite.place.dependence import (
    MONTHS,
    Dependence,
    Here,
    LayerKey,
    Use,
    class_names,
    layer_keys,
    own_layer,
)
from cdrsite.place.emissions import EmissionsOfPlace
from cdrsite.place.feed import Feed
from cdrsite.place.growth import Growth
from cdrsite.place.own_power import OwnRenewables
from cdrsite.place.persistence import CharPersistence
from cdrsite.place.residue import BoundByResidue
from cdrsite.place.weathering import RockWeathering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from cdrsite.core.grid import Block
    from cdrsite.core.reader import LayerReader
    from cdrsite.place.needs import Needs

    F32 = NDArray[np.float32]

PlaceNumbers = dict[str, dict[str, float]]
"""Dependence -> number of a method -> value."""

DEPENDENCES: dict[str, Dependence] = {
    one.name: one
    # own renewables late: their land follows what the others make of the electricity; emissions
    # last: they belong to all the land
    for one in (
        *(AirClimate(), Growth(), EnergyCrop(), RockWeathering(), CharPersistence()),
        *(BoundByResidue(), Feed()),
        OwnRenewables(),
        EmissionsOfPlace(),
    )
}
"""Name -> dependence, in the order in which they act."""

_read_by: list[str] = []
"""Who has asked what is registered: method files, scenarios."""


def register_dependence(dependence: Dependence) -> None:
    """Add a dependence of one's own, before the first method file or scenario is read.

    Raises
    ------
    ConfigError
        If the name is taken, or scenarios and method files have their keys already.
    """
    if dependence.name in DEPENDENCES or _read_by:
        taken = dependence.name in DEPENDENCES
        raise ConfigError(
            "the name is taken" if taken else "too late to register a dependence on the place",
            where=dependence.name,
            got=f"keys of {', '.join(_read_by)} are made" if not taken else None,
            expected=f"a name that is none of {', '.join(DEPENDENCES)}" if taken else None,
            cure="choose another" if taken else "register it before anything else is imported",
        )
    DEPENDENCES[dependence.name] = dependence


def keys_of_methods() -> type[Model]:
    """Keys of all dependences, for the model of a method in a scenario."""
    _read_by.append("scenarios")
    return _with_all([one.keys for one in DEPENDENCES.values()])


def keys_of_files() -> type[Model]:
    """Keys of all dependences, for the model of a method file."""
    return _with_all([one.file_keys for one in DEPENDENCES.values()])


def keys_of_profiles() -> type[Model]:
    """Keys of all dependences, for the model of a profile in a method file."""
    return _with_all([one.profile_keys for one in DEPENDENCES.values()])


def _with_all(parts: list[type[Model]]) -> type[Model]:
    bases = tuple(dict.fromkeys(part for part in parts if part is not Model))
    return type("PlaceKeys", bases or (Model,), {"__doc__": None})


def parameters_of_methods() -> tuple[tuple[str, str], ...]:
    """Name and canonical unit of the parameters that dependences bring along."""
    _read_by.append("method files")
    return tuple(row for one in DEPENDENCES.values() for row in one.parameters)


def fitting(use: Use, where: str) -> tuple[str, ...]:
    """Names of the dependences that play a part in a method; refuses keys that do not fit it."""
    for name, (value, key) in given_by_keys(use.choice).items():
        if value is not None and name in use.choice.override:
            raise ConfigError(
                "a parameter is given twice",
                where=f"{where}.override.{name}",
                got=f"also {where}.{key}",
                cure="remove one of them",
                rule=6,
            )
    for one in DEPENDENCES.values():
        one.refuse(use, where)
    return tuple(name for name, one in DEPENDENCES.items() if one.acts(use))


def remarks(use: Use, where: str) -> list[str]:
    """What a reader must know of the keys of dependences."""
    return [text for one in DEPENDENCES.values() for text in one.remarks(use, where)]


def _acting(use: Use) -> Iterator[Dependence]:
    """The dependences of a method, which a process of a cluster may lack."""
    for name in use.acting:
        if name not in DEPENDENCES:
            raise ConfigError(
                "a dependence on the place is not registered in this process",
                where=f"methods.{use.name}",
                got=name,
                expected=", ".join(DEPENDENCES),
                cure="call cdrsite.register_dependence in every process of the cluster, "
                "for example by its preload script",
                rule=7,
            )
        yield DEPENDENCES[name]


def given_by_keys(choice: Any) -> dict[str, tuple[float | None, str]]:
    """Parameters that a key under the method replaces -> value or None, the key."""
    return {
        name: (value, one.given_by.get(name, name))
        for one in DEPENDENCES.values()
        for name, value in one.given(choice).items()
    }


def place_numbers(use: Use) -> PlaceNumbers:
    """Numbers of a method that its own layers (:func:`own_layers`) are made with."""
    return {one.name: one.numbers(use) for one in _acting(use)}


def at_the_place(use: Use, needs: Needs) -> Needs:
    """Needs of a method with all that depends on the place."""
    for one in _acting(use):
        needs = one.needs(use, needs)
    return needs


def own_layers(
    use: Use, numbers: PlaceNumbers, reader: LayerReader, block: Block
) -> dict[str, F32]:
    """Layers of a block that only this method reads: climate factors, land needs.

    Parameters
    ----------
    use : Use
        The method.
    numbers : dict
        From :func:`place_numbers`.
    reader, block
        Where the layers of the dependences are read.
    """
    made: dict[str, F32] = {}
    for one in _acting(use):
        read = {
            key.rsplit(".", 1)[-1]: _read(reader, layer, how, block, f"methods.{use.name}.{key}")
            for key, layer, how in layer_keys(use.choice, one.keys)
        }
        here = Here(block.shape, read, numbers[one.name], _once(use, one, reader, block))
        made |= {own_layer(kind, use.name): v for kind, v in one.layers(use, here).items()}
    return made


@dataclass(frozen=True)
class ByIdentity:
    """An object as part of a key, which keeps it: no other can take its place."""

    held: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByIdentity) and self.held is other.held

    def __hash__(self) -> int:
        return id(self.held)


def _once(
    use: Use, one: Dependence, reader: LayerReader, block: Block
) -> Callable[[tuple[Any, ...], Callable[[], Any]], Any]:
    """Keeps what follows from layers alone, where the reader stays at its cells."""
    keep = getattr(reader, "following", None)
    if keep is None:
        return lambda _, make: make()
    layers = [layer for _, layer, how in layer_keys(use.choice, one.keys) if not how.classes]
    about = ByIdentity(use.method), use.name, one.name, block
    return lambda key, make: keep((*about, *key), layers, make)


def _read(reader: LayerReader, layer: Any, how: LayerKey, block: Block, where: str) -> F32:
    if how.classes:
        (name, classes), *_ = layer.items()
        called = [
            {code: float(its == one) for code, its in classes.items()} for one in class_names(layer)
        ]
        return np.stack([reader.class_share(name, weights, block) for weights in called])
    if not how.monthly:
        return reader.values(layer, block, how.unit)
    bands = reader.bands(layer, block, how.unit)
    if bands.shape[0] not in (1, MONTHS):
        raise DataError(
            "neither a yearly mean nor months",
            where=where,
            got=f"{bands.shape[0]} bands in layers.{layer}",
            expected=f"1 band, or {MONTHS}: January first",
            cure="choose one with band: in the layer, or give all months",
            rule=7,
        )
    return bands
