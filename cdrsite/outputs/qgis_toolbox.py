"""A script for the toolbox of QGIS that runs scenarios with this installation."""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

from cdrsite.core.errors import ConfigError

SCRIPT = "cdrsite_run.py"
START = "from cdrsite.cli.main import main; main()"


def write_toolbox(folder: Path) -> Path:
    """Write the script, with the Python of this installation in it.

    Parameters
    ----------
    folder : Path
        For example the folder of scripts of a QGIS profile; made where it does not exist.

    Returns
    -------
    Path
        The script.

    Raises
    ------
    ConfigError
        If there is something else of that name.
    """
    target = folder / SCRIPT
    if target.exists() and "cdrsite qgis-toolbox" not in target.read_text("utf-8", "replace"):
        raise ConfigError(
            "there is another file of that name", got=str(target), cure="give another folder"
        )
    text = (files("cdrsite.outputs") / "qgis_toolbox.txt").read_text("utf-8")
    folder.mkdir(parents=True, exist_ok=True)
    target.write_text(text.replace("@COMMAND@", repr([sys.executable, "-c", START])), "utf-8")
    return target
