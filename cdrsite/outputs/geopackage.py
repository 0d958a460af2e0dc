"""The vector layers of a run in one styled GeoPackage, with field names for people, and units."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdrsite.core.gdal import vector_options
from cdrsite.core.words import Words
from cdrsite.outputs.rasters.plan import common_tags
from cdrsite.outputs.vectors import VectorLayer, vector_layers

if TYPE_CHECKING:
    from pyproj import CRS

    from cdrsite.result.study_result import StudyResult

VERSION = "1.3"
"""GDAL 3.6 and QGIS 3.22 warn of the newer 1.4."""
MOMENT = "1970-01-01T00:00:00.000Z"
"""Time stamp of every layer: the same study gives the same bytes (rule 9), and only the manifest
says when."""
LAYER_STYLES = "styles"
"""Folder of a run with the styles of its vector layers for other GIS than QGIS."""
SETTINGS = {"OGR_CURRENT_DATE": MOMENT, "OGR_SQLITE_SYNCHRONOUS": "OFF"}
"""A fixed time stamp; and no waiting for the disk, since a run's folder is moved when whole."""
CONTENT = "Where carbon dioxide removal can go: the plan, its supplies and prices, the best sites"
"""What a GeoPackage holds, in its metadata."""


def write_geopackage(
    result: StudyResult, path: Path, words: Words | None = None
) -> list[VectorLayer]:
    """Write the vector layers of a run, with styles, field names for people, and units.

    Parameters
    ----------
    result : StudyResult
        Of a run.
    path : Path
        Target, must not exist.

    Returns
    -------
    list of VectorLayer
        What was written.

    Notes
    -----
    Sites, routes, corridors, storage, one layer per pooled resource, provinces, and the table of
    exclusions; what a study has not is left out. The styles stand in ``layer_styles``, where QGIS
    looks for them, and the field names in ``gpkg_data_columns``.
    """
    from pyogrio import write_dataframe

    layers = list(vector_layers(result, words or Words()))
    with vector_options(**SETTINGS):
        for i, layer in enumerate(layers):
            first: dict[str, Any] = {}
            if i == 0:
                about = {**common_tags(result.scenario), "abstract": CONTENT}
                first = {"dataset_options": {"VERSION": VERSION}, "dataset_metadata": about}
            frame = layer.frame
            if getattr(frame, "crs", None) is not None:
                frame = frame.set_crs(_searched(frame.crs.to_wkt()), allow_override=True)
            write_dataframe(
                frame,
                path,
                layer=layer.name,
                driver="GPKG",
                geometry_type=layer.geometry,
                layer_options={"IDENTIFIER": layer.name, "DESCRIPTION": layer.description},
                **first,
            )
    with closing(sqlite3.connect(path)) as base:
        base.execute("PRAGMA synchronous = OFF")
        _add_fields(base, layers)
        _add_styles(base, layers)
        base.commit()
    return layers


def write_layer_styles(folder: Path, layers: Sequence[VectorLayer]) -> None:
    """Write the styles of layers as files that GeoServer and other GIS read (SLD).

    Parameters
    ----------
    folder : Path
        Made where there is any.
    layers : sequence of VectorLayer
        Of the GeoPackage, which holds the same styles for QGIS.
    """
    for layer in layers:
        if layer.rules:
            folder.mkdir(exist_ok=True)
            (folder / f"{layer.name}.sld").write_text(layer.sld(), encoding="utf-8", newline="\n")


@lru_cache(maxsize=16)
def _searched(wkt: str) -> CRS:
    """A CRS that knows its EPSG code: each layer would search for it, which takes 0.1 s."""
    from pyproj import CRS

    plain = CRS.from_wkt(wkt)
    code = plain.to_epsg()

    class Searched(CRS):
        """Answers for the usual confidence without another search."""

        def to_epsg(self, min_confidence: int = 70) -> int | None:
            """The EPSG code, if the CRS has one."""
            return code if min_confidence == 70 else super().to_epsg(min_confidence)

    return Searched(plain)


def _add_fields(base: sqlite3.Connection, layers: Sequence[VectorLayer]) -> None:
    """Names for people and meanings: the schema extension of the GeoPackage standard."""
    base.execute(
        "CREATE TABLE gpkg_data_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL, "
        "name TEXT, title TEXT, description TEXT, mime_type TEXT, constraint_name TEXT, "
        "CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name), "
        "CONSTRAINT gdc_tn UNIQUE (table_name, name))"
    )
    base.execute(
        "CREATE TABLE gpkg_data_column_constraints (constraint_name TEXT NOT NULL, "
        "constraint_type TEXT NOT NULL, value TEXT, min NUMERIC, min_is_inclusive BOOLEAN, "
        "max NUMERIC, max_is_inclusive BOOLEAN, description TEXT, "
        "CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value))"
    )
    # GDAL makes it with the first layer that has an index of its geometries
    base.execute(
        "CREATE TABLE IF NOT EXISTS gpkg_extensions (table_name TEXT, column_name TEXT, "
        "extension_name TEXT NOT NULL, definition TEXT NOT NULL, scope TEXT NOT NULL, "
        "CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name))"
    )
    for table in ("gpkg_data_columns", "gpkg_data_column_constraints"):
        base.execute(
            "INSERT INTO gpkg_extensions (table_name, extension_name, definition, scope) "
            "VALUES (?, 'gpkg_schema', "
            "'http://www.geopackage.org/spec121/#extension_schema', 'read-write')",
            (table,),
        )
    for layer in layers:
        base.executemany(
            "INSERT INTO gpkg_data_columns (table_name, column_name, name, title, description) "
            "VALUES (?, ?, ?, ?, ?)",
            [
                (layer.name, column, alias, alias, meaning or None)
                for column, (alias, meaning) in layer.fields.items()
            ],
        )


def _add_styles(base: sqlite3.Connection, layers: Sequence[VectorLayer]) -> None:
    """The table in which QGIS keeps styles, one default per layer."""
    base.execute(
        "CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, "
        "f_table_catalog TEXT, f_table_schema TEXT, f_table_name TEXT, f_geometry_column TEXT, "
        "styleName TEXT, styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT, "
        "owner TEXT, ui TEXT, update_time DATETIME)"
    )
    base.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change) "
        "VALUES ('layer_styles', 'attributes', 'layer_styles', 'styles of the layers', ?)",
        (MOMENT,),
    )
    for layer in layers:
        if layer.rules:
            base.execute(
                "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, "
                "f_geometry_column, styleName, styleQML, styleSLD, useAsDefault, description, "
                "owner, update_time) VALUES ('', '', ?, 'geom', ?, ?, ?, 1, ?, '', ?)",
                (
                    layer.name,
                    layer.name,
                    layer.style(),
                    layer.sld(),
                    layer.description,
                    MOMENT,
                ),
            )
