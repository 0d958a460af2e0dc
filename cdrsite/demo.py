"""The demo scenario and its synthetic data, from the checkout or from the installed package."""

from __future__ import annotations

import shutil
from pathlib import Path

from cdrsite.core.errors import ConfigError, MissingFileError

_PACKAGE = Path(__file__).resolve().parent


def demo_folder(part: str) -> Path:
    """Folder ``config`` or ``sample_data``, installed with the package or beside it.

    Raises
    ------
    MissingFileError
        If the installation carries neither.
    """
    for folder in (_PACKAGE / "_demo" / part, _PACKAGE.parent / part):
        if (folder / ("demo.yaml" if part == "config" else "region.gpkg")).is_file():
            return folder
    raise MissingFileError(
        "the demo is not part of this installation", got=part, cure="install cdrsite again"
    )


def copy_demo(folder: Path) -> Path:
    """Copy the scenarios and the data into a new folder that needs nothing else.

    Parameters
    ----------
    folder : Path
        Must not exist, or be empty.

    Returns
    -------
    Path
        The demo scenario in it.

    Raises
    ------
    ConfigError
        If the folder is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(
            "the folder is not empty" if folder.is_dir() else "a file is in the way",
            where=str(folder),
            expected="a new or empty folder",
            cure="choose another one",
        )
    data = demo_folder("sample_data")
    scenarios = sorted(demo_folder("config").glob("*.yaml"))
    shutil.copytree(
        data, folder / "sample_data", ignore=shutil.ignore_patterns("*.py", "__pycache__")
    )
    for source in scenarios:
        text = source.read_text(encoding="utf-8").replace("../sample_data", "sample_data")
        (folder / source.name).write_text(text, encoding="utf-8")
    return folder / "demo.yaml"
