"""Scenarios to start from and their synthetic data, from the checkout or the installed package."""

from __future__ import annotations

import re
import shutil
import uuid
from pathlib import Path

from cdrsite.core.errors import ConfigError, MissingFileError, did_you_mean
from cdrsite.core.files import make_own, remove_own

TEMPLATES: dict[str, tuple[str, ...]] = {
    "demo": (
        "first.yaml",
        "demo.yaml",
        "demo-literature.yaml",
        "all-methods.yaml",
        "demo-uncertainty.yaml",
        "demo-2060.yaml",
        "minimal.yaml",
    ),
    "minimal": ("minimal.yaml",),
    "nation": ("template/nation.yaml",),
    "batch": ("template/batch.yaml", "template/matrix.yaml"),
    "memory": ("template/memory.yaml",),
}
"""Template -> its files below ``config``, the scenario to begin with first."""
DATA = "sample_data"

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


def copy_template(folder: Path, template: str = "demo") -> Path:
    """Copy scenarios, and the data if they read any, into a new folder that needs nothing else.

    Parameters
    ----------
    folder : Path
        Must not exist, or be empty.
    template : str
        Of :data:`TEMPLATES`.

    Returns
    -------
    Path
        The scenario to begin with.

    Raises
    ------
    ConfigError
        If there is no such template, or the folder is not empty.
    """
    if template not in TEMPLATES:
        raise ConfigError(
            "no such template",
            where="--template",
            got=template,
            expected=", ".join(TEMPLATES),
            cure=did_you_mean(template, list(TEMPLATES)),
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(
            "the folder is not empty" if folder.is_dir() else "a file is in the way",
            where=str(folder),
            expected="a new or empty folder",
            cure="choose another one",
        )
    config = demo_folder("config")
    scenarios = {
        Path(name).name: (config / name).read_text("utf-8") for name in TEMPLATES[template]
    }
    place = folder.resolve()
    aside = place.with_name(f".{place.name}.cdrsite-{uuid.uuid4().hex[:12]}")
    make_own(aside, "demo")
    try:
        new = aside / "new"
        new.mkdir()
        if any(DATA in text for text in scenarios.values()):
            ignored = shutil.ignore_patterns("*.py", "__pycache__")
            shutil.copytree(demo_folder(DATA), new / DATA, ignore=ignored)
        for name, text in scenarios.items():
            own = re.sub(rf"(\.\./)+{DATA}", DATA, text)
            (new / name).write_text(own, encoding="utf-8")
        if place.exists():
            place.rmdir()  # refused by the system where it is not empty any more
        new.rename(place)
    finally:
        remove_own(aside, "demo")
    return folder / Path(TEMPLATES[template][0]).name


def next_step(scenario: Path, template: str) -> str:
    """The command that comes after :func:`copy_template`, and what is there besides."""
    if template == "demo":
        whole = scenario.with_name("demo.yaml")
        return f"cdrsite run {scenario}\nthe whole study, in some minutes: cdrsite run {whole}"
    if template == "batch":
        return f"cdrsite batch {scenario} --matrix {scenario.with_name('matrix.yaml')}"
    coarse = ' --set grid.resolution="4 km"' if template == "memory" else ""
    return f"cdrsite run {scenario}{coarse}"
