"""The command `qgis-toolbox`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def toolbox(
    folder: Annotated[Path, typer.Argument(help="A folder of scripts of QGIS, or any other.")],
) -> None:
    """Write a script by which QGIS runs scenarios from its toolbox and loads their maps."""
    from cdrsite.outputs.qgis_toolbox import write_toolbox

    print(f"wrote {write_toolbox(folder)}")  # noqa: T201 - the room that prints
