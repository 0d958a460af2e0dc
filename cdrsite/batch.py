"""Many runs, one table that compares them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdrsite.config.load import load_scenario, read_yaml
from cdrsite.core.errors import CdrsiteError, ConfigError
from cdrsite.outputs.staging import check_target
from cdrsite.outputs.tables import write_table
from cdrsite.study import run

if TYPE_CHECKING:
    import pandas as pd

    from cdrsite.core.progress import ProgressSink
    from cdrsite.results import StudyResult

MAX_RUNS = 1000
"""More runs than this in one batch are refused as a likely mistake."""
SHOWN_BINDING = 3
"""Binding pools named in the table, the ones that the objective owes most to."""


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


@dataclass
class BatchResult:
    """What a batch found.

    Attributes
    ----------
    table : DataFrame
        One row per run; see :func:`row_of`.
    failed : dict of str to str
        Name of a run -> why it failed.
    """

    table: pd.DataFrame
    failed: dict[str, str] = field(default_factory=dict)


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
    made = []
    for scenario in scenarios:
        for name, own in rows.items():
            parts = [scenario.stem] if len(scenarios) > 1 or not name else []
            made.append(Variant(" ".join([*parts, name]).strip(), scenario, (*overrides, *own)))
    names = [variant.name for variant in made]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError("two runs of one name", got=", ".join(twice), cure="rename a scenario")
    if len(made) > MAX_RUNS:
        raise ConfigError("very many runs", got=str(len(made)), expected=f"up to {MAX_RUNS}")
    return made


def matrix_rows(path: Path) -> dict[str, tuple[str, ...]]:
    """Name of each run of a matrix file -> what it sets; see :func:`variants`."""
    if not path.is_file():
        raise ConfigError("no such matrix file", got=str(path))
    data, _ = read_yaml(path.read_text(encoding="utf-8"), str(path))
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
    rows = {}
    for values in itertools.product(*vary.values()):
        pairs = [f"{key}={_text(value)}" for key, value in zip(vary, values, strict=True)]
        short = [
            f"{str(k).rsplit('.', 1)[-1]}={_text(v)}" for k, v in zip(vary, values, strict=True)
        ]
        name = ", ".join(short)
        rows[name if name not in rows else ", ".join(pairs)] = tuple(pairs)
    return rows


def _text(value: Any) -> str:
    """A value as ``--set`` reads it: JSON, which is YAML too; plain text stays as it is."""
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def folder_name(name: str) -> str:
    """A folder for a run: the name without what file systems refuse."""
    return re.sub(r"[^\w.,=+-]+", "-", name).strip("-.") or "run"


def run_batch(
    runs: Iterable[Variant],
    folder: Path | None = None,
    progress: ProgressSink | None = None,
    *,
    workers: int | None = None,
    tell: Callable[[Variant], None] | None = None,
) -> BatchResult:
    """Run every variant; one that fails is recorded and does not stop the others.

    Parameters
    ----------
    runs : iterable of Variant
        From :func:`variants`.
    folder : Path, optional
        Each run is written to a folder in it, and the table as ``batch.csv`` and
        ``batch.parquet``; nothing is written when not given.
    progress : ProgressSink, optional
        Told about long steps.
    workers : int, optional
        Threads of each run.
    tell : callable, optional
        Called before each run.

    Returns
    -------
    BatchResult
        Rows in the order of the runs.
    """
    import pandas as pd

    rows, failed = [], {}
    for variant in runs:
        if tell is not None:
            tell(variant)
        try:
            target = None if folder is None else folder / folder_name(variant.name)
            if target is not None:
                check_target(target)
            result = run(
                load_scenario(variant.scenario, variant.overrides),
                progress=progress,
                threads=workers,
            )
            if target is not None:
                result.write(target, progress)
            rows.append(row_of(variant, result))
        except CdrsiteError as error:
            failed[variant.name] = str(error)
        except Exception as error:  # noqa: BLE001 - one broken run must not lose the others' hours
            failed[variant.name] = f"{type(error).__name__}: {error}"
        if variant.name in failed:
            rows.append({"run": variant.name, "status": "failed", "message": failed[variant.name]})
    table = pd.DataFrame(rows)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        write_table(folder, "batch", table)
    return BatchResult(table, failed)


def row_of(variant: Variant, result: StudyResult) -> dict[str, Any]:
    """One run as a row: net by method, total, cost, land, certificate, what binds."""
    summary, methods = result.summary, result.tables["methods"]
    objective = summary["objective"]
    row: dict[str, Any] = {
        "run": variant.name,
        "status": "optimal" if objective["gap"] <= objective["gap_asked"] else "gap not closed",
    }
    for method, net in zip(methods["method"], methods["net_mt_yr"], strict=True):
        row[f"net_mt_yr {method}"] = float(net)
    row |= {
        "net_mt_yr": summary["net_mt_yr"],
        "cost_musd_yr": summary["cost_musd_yr"],
        "mean_cost_usd_t": summary["mean_cost_usd_t"],
        "land_km2": float(methods["land_km2"].sum()),
        "binding": "; ".join(binding_words(result.tables["pools"])),
        "gap": objective["gap"],
        "set": "; ".join(variant.overrides),
        "message": "",
    }
    return row


def binding_words(pools: pd.DataFrame) -> Iterator[str]:
    """What binds, most important first: "injectivity (6)" for six storage units."""
    owed: dict[str, float] = {}
    count: dict[str, int] = {}
    for row in pools.to_dict("records"):
        if row["price"] != 0:
            name = row["zone"] if row["family"] == "policy" else row["family"]
            key = str(name or row["family"])
            owed[key] = owed.get(key, 0.0) + abs(row["price"] * row["supply"])
            count[key] = count.get(key, 0) + 1
    for name in sorted(owed, key=lambda key: (-owed[key], key))[:SHOWN_BINDING]:
        yield f"{name} ({count[name]})"
