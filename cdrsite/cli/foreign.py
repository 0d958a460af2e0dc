"""Variables by which other programs tell PROJ and GDAL where their data lie."""

from __future__ import annotations

import os

from cdrsite.cli.streams import complain

dropped_paths: dict[str, str] = {}
"""Those of another program that were dropped at the start, for the doctor."""


def drop_foreign_paths() -> None:
    """Drop where a desktop GIS keeps its PROJ and GDAL data: its version breaks rasterio's own."""
    for name in sorted({"PROJ_DATA", "PROJ_LIB", "GDAL_DATA"} & set(os.environ)):
        from cdrsite.cli.doctor import own_data

        folder = os.environ[name]
        if not own_data(folder):
            dropped_paths[name] = os.environ.pop(name)
            complain(
                f"note: {name}={folder} is set by another program and is ignored; `cdrsite doctor` "
                "says more"
            )
