"""The demo scenario and its synthetic data, from the checkout or from the installed package."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from cdrsite.core.errors import ConfigError, MissingFileError
from cdrsite.core.files import make_own, remove_own

_PACKAGE = Path(__file__).resolve().parent.parent


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
    place = folder.resolve()
    aside = place.with_name(f".{place.name}.cdrsite-{uuid.uuid4().hex[:12]}")
    make_own(aside, "demo")
    try:
        new = aside / "new"
        ignored = shutil.ignore_patterns("*.py", "__pycache__")
        shutil.copytree(data, new / "sample_data", ignore=ignored)
        for source in scenarios:
            text = source.read_text(encoding="utf-8").replace("../sample_data", "sample_data")
            (new / source.name).write_text(text, encoding="utf-8")
        if place.exists():
            place.rmdir()  # refused by the system where it is not empty any more
        new.rename(place)
    finally:
        remove_own(aside, "demo")
    return folder / "demo.yaml"
