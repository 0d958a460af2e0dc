"""A file layer with its preset filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cdrsite.config.layers import FileLayer, Layer
from cdrsite.core.errors import CdrsiteError, ConfigError
from cdrsite.layers.sources import is_vector

if TYPE_CHECKING:
    from cdrsite.library.datasets import DatasetPreset


@dataclass(frozen=True)
class Resolved:
    """What is known about a file layer from the scenario and its preset.

    Attributes
    ----------
    name : str
        Name of the layer.
    model : FileLayer
        As in the scenario, with the preset's scale.
    preset : DatasetPreset or None
        The preset.
    kind : str or None
        class, fraction, intensive, extensive (rule 3); None where only the file can tell.
    unit : str or None
        Unit, where the scenario or the preset gives one.
    nodata : tuple of float
        The preset's.
    filter : str or None
        Filter on the features.
    attribute : str or None
        Column that is rasterised.
    """

    name: str
    model: FileLayer
    preset: DatasetPreset | None
    kind: str | None
    unit: str | None
    nodata: tuple[float, ...]
    filter: str | None
    attribute: str | None

    @property
    def where_text(self) -> str:
        """Layer and file, for errors."""
        return f"layers.{self.name} ({self.model.path})"

    @property
    def vector(self) -> bool:
        """Whether it holds features."""
        return is_vector(self.model.path)

    @property
    def classes(self) -> dict[int, str]:
        """Names of the classes, where the preset gives them."""
        preset = self.preset
        return {} if preset is None else {code: one.name for code, one in preset.classes.items()}

    @property
    def licence(self) -> str | None:
        """Licence of the data."""
        return self.model.licence or (self.preset.licence if self.preset else None)

    @property
    def origin(self) -> str | None:
        """Where the data come from."""
        return self.model.source or (self.preset.title["en"] if self.preset else None)

    @property
    def columns(self) -> dict[str, tuple[str, ...]]:
        """Meaning -> column names that it may have, for filters."""
        return {} if self.preset is None else self.preset.attributes


def resolve(name: str, model: FileLayer) -> Resolved:
    """Fill in the preset; what the scenario says wins.

    Raises
    ------
    ConfigError
        If the preset is unknown (names the nearest), or is for features and the file is a raster,
        or the other way round.
    """
    preset = None
    if model.preset is not None:
        from cdrsite.library.datasets import load_dataset

        try:
            preset = load_dataset(model.preset)
        except CdrsiteError as error:
            raise ConfigError(f"layers.{name}.preset: {error}") from error
        if (preset.kind == "vector") != is_vector(model.path):
            raise ConfigError(
                "the preset does not fit the file",
                where=f"layers.{name} ({model.path})",
                got=f"{model.preset}, which is a {preset.kind} dataset",
                expected="a preset for " + ("features" if is_vector(model.path) else "rasters"),
                cure="see `cdrsite datasets`",
            )
    unit = model.unit
    kind: str | None = model.kind
    attribute = model.attribute
    where = model.where
    nodata: tuple[float, ...] = ()
    if preset is not None:
        unit = unit or (None if preset.kind == "class" else preset.unit)
        kind = kind or (None if preset.kind == "vector" else preset.kind)
        attribute = attribute or preset.attribute
        where = where or preset.where
        nodata = preset.nodata
        if preset.scale != 1.0 and model.scale == 1.0:
            model = model.model_copy(update={"scale": preset.scale})
    return Resolved(name, model, preset, kind, unit, nodata, where, attribute)


def resolve_all(layers: Mapping[str, Layer]) -> dict[str, Resolved]:
    """File layers with their presets; all that is wrong with them in one error."""
    files: dict[str, Resolved] = {}
    errors = []
    for name, layer in layers.items():
        if isinstance(layer, FileLayer):
            try:
                files[name] = resolve(name, layer)
            except ConfigError as error:
                errors.append(str(error))
    if errors:
        raise ConfigError("\n".join(errors))
    return files
