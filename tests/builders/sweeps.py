"""Batches that sweep values, and what is compared of their folders."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from tiny_scenario import SCENARIO, box, write_polygons, write_world

STORED = SCENARIO.replace(
    "  basins: {path: basins.gpkg}\n",
    "  basins: {path: basins.gpkg}\n  rock: {path: rock.gpkg}\n",
).replace(
    "resources:\n",
    "resources:\n  storage: {units: rock, id: id, name: id, capacity: mt, injection: rate}\n",
)


def stored_world(folder: Path) -> Path:
    """Write three methods, storage with routes and basins; the scenario's path."""
    rock = [box(5, 1, 2, 2), box(0, 4, 2, 2)]
    write_polygons(folder / "rock.gpkg", rock, id=["a", "b"], mt=[3.0, 1.0], rate=[0.1, 0.02])
    return write_world(folder, "data_folder: .\n" + STORED)


def matrix(folder: Path, vary: dict[str, list[object]]) -> Path:
    path = folder / "matrix.yaml"
    path.write_text(json.dumps({"vary": vary}), encoding="utf-8")
    return path


def contents(folder: Path) -> dict[str, str]:
    """Hash of every file but the manifest, which says how long the run took."""
    found = {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert len(found) > 50
    return found
