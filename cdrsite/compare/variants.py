"""Which runs a batch is of: scenarios, each with every row of a matrix of settings."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdrsite.config.load import load_scenario
from cdrsite.core.errors import CdrsiteError, ConfigError
from cdrsite.core.fields import LONGEST_NAME
from cdrsite.core.yamltext import read_text, read_yaml

MAX_RUNS = 1000
"""More runs than this in one batch are refused as a likely mistake."""


@dataclass(frozen=True)
class Variant:
    """One run of a batch.

    Attributes
    ----------
    name : str
        Names the folder and the row.
    scenario : Path
        The scenario file.
    overrides : tuple of str
        As for ``--set``: "key.path=value".
    """

    name: str
    scenario: Path
    overrides: tuple[str, ...] = ()


def variants(
    scenarios: Sequence[Path], matrix: Path | None = None, overrides: Sequence[str] = ()
) -> list[Variant]:
    """Every run of a batch: each scenario with each row of the matrix.

    Parameters
    ----------
    scenarios : sequence of Path
        Scenario files.
    matrix : Path, optional
        YAML: either ``name: {key.path: value, ...}`` for each run, or for all combinations
        ``vary: {key.path: [values]}``.
    overrides : sequence of str
        For all runs; the matrix comes after them.

    Raises
    ------
    ConfigError
        A matrix that is neither, or so many runs that it looks like a mistake.
    """
    rows = {"": ()} if matrix is None else matrix_rows(matrix)
    runs = []
    for scenario in scenarios:
        for name, own in rows.items():
            parts = [scenario.stem] if len(scenarios) > 1 or not name else []
            runs.append(Variant(" ".join([*parts, name]).strip(), scenario, (*overrides, *own)))
    _refuse_many(len(runs))
    _refuse_twins([variant.name for variant in runs])
    return runs


def refuse_unread(runs: Sequence[Variant]) -> None:
    """Refuse settings that no run could be made with, before the first run.

    A scenario that cannot be read even without its settings is left to its run, which fails alone.

    Raises
    ------
    ConfigError
        All that is wrong, each once: misspelt keys, values that are none.
    """
    found: dict[str, None] = {}
    sound: dict[Path, bool] = {}
    for run in runs:
        try:
            load_scenario(run.scenario, run.overrides)
        except CdrsiteError as error:
            if run.scenario not in sound:
                sound[run.scenario] = _can_be_read(run.scenario)
            if sound[run.scenario] and run.overrides:
                found |= dict.fromkeys(str(error).splitlines())
    if found:
        raise ConfigError("\n".join(found))


def _can_be_read(scenario: Path) -> bool:
    try:
        load_scenario(scenario, ())
    except CdrsiteError:
        return False
    return True


def _wrong(what: str, got: str, expected: str, cure: str) -> ConfigError:
    where = "runs of the batch"
    return ConfigError(what, where=where, got=got, expected=expected, cure=cure)


def _refuse_many(count: int) -> None:
    if count > MAX_RUNS:
        raise _wrong("very many runs", f"{count:,}", f"up to {MAX_RUNS}", "vary fewer values")


def _refuse_twins(names: list[str]) -> None:
    """Two runs of one name, or of one folder, where the second would replace the first."""
    places: dict[str, str] = {}
    cure = "rename one of them in the matrix"
    for name in names:
        if len(folder_name(name).encode()) > LONGEST_NAME:
            expected = f"at most {LONGEST_NAME} bytes for a folder"
            raise _wrong("the name of a run is too long", name, expected, cure)
        # some file systems take small and capital letters for the same
        other = places.setdefault(folder_name(name).casefold(), name)
        if names.count(name) > 1:
            raise _wrong("two runs of one name", name, "each once", "rename a scenario")
        if other != name:
            expected = "names that differ in letters, numbers or _.,=+-"
            got = f"{other!r} and {name!r}"
            raise _wrong("two runs would be written to one folder", got, expected, cure)


def matrix_rows(path: Path) -> dict[str, tuple[str, ...]]:
    """Name of each run of a matrix file -> what it sets; see :func:`variants`."""
    if not path.is_file():
        raise ConfigError("no such matrix file", where="--matrix", got=str(path))
    data, _ = read_yaml(read_text(path), str(path))
    if set(data) == {"vary"}:
        return _product(data["vary"], path)
    rows = {}
    for name, values in data.items():
        if not isinstance(values, Mapping):
            raise ConfigError(
                "a run of the matrix is not a mapping",
                where=f"{path}: {name}",
                got=repr(values),
                expected="key.path: value, ... (or one key vary: with lists)",
            )
        rows[str(name)] = tuple(f"{key}={_text(value)}" for key, value in values.items())
    return rows


def _product(vary: Any, path: Path) -> dict[str, tuple[str, ...]]:
    """All combinations of the values."""
    lists = isinstance(vary, Mapping) and all(isinstance(v, list) and v for v in vary.values())
    if not lists or not vary:
        raise ConfigError(
            "vary needs lists", where=str(path), got=repr(vary), expected="vary: {key.path: [a, b]}"
        )
    _refuse_many(math.prod(len(values) for values in vary.values()))
    rows = {}
    short = _short_keys(map(str, vary))
    for values in itertools.product(*vary.values()):
        texts = [f"={_text(value)}" for value in values]
        pairs = tuple(f"{key}{text}" for key, text in zip(vary, texts, strict=True))
        name = ", ".join(key + text for key, text in zip(short, texts, strict=True))
        rows[name if name not in rows else ", ".join(pairs)] = pairs
    return rows


def _short_keys(keys: Iterable[str]) -> list[str]:
    """The ends of key paths that say what each is about, as long as none is that of two."""
    paths = [key.split(".") for key in keys]
    sizes = [2 if path[-1] in {"factor", "value"} else 1 for path in paths]
    while True:
        ends = [".".join(path[-size:]) for path, size in zip(paths, sizes, strict=True)]
        longer = [
            size + (ends.count(end) > 1 and size < len(path))
            for path, size, end in zip(paths, sizes, ends, strict=True)
        ]
        if longer == sizes:
            return ends
        sizes = longer


def _text(value: Any) -> str:
    """A value as ``--set`` reads it: JSON, which is YAML too; plain text stays as it is."""
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def folder_name(name: str) -> str:
    """A folder for a run: the name without what file systems refuse."""
    return re.sub(r"[^\w.,=+-]+", "-", name).strip("-.") or "run"
