"""How a run came about: scenario, input hashes, versions, timings, warnings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdrsite.competition.master import SEED
from cdrsite.core.secrets import hidden
from cdrsite.engine.record import (
    input_files,
    named_paths,
    relative_path,
    resolved_scenario,
    versions,
)
from cdrsite.outputs.rasters.plan import input_licences

if TYPE_CHECKING:
    from cdrsite.config.models import Scenario
    from cdrsite.result.study_result import StudyResult


def manifest(result: StudyResult) -> dict[str, Any]:
    """Everything needed to repeat a run and to trust it.

    Returns
    -------
    dict
        ``scenario`` as resolved, with paths relative to its data folder; ``inputs`` with SHA-256
        and size of every file as it was read (None where it changed meanwhile), and its layer's
        licence where that is known; ``versions``,
        ``grid``, ``seeds``, ``timings_s``, ``warnings``, ``solver`` (objective, status, bound and
        gap) and the time it was written. It is the only file of a run that holds a time (rule 9).
    """
    about = provenance()
    document: dict[str, Any] = {
        "program": about["program"],
        "kind": "run",
        "created_utc": about["created_utc"],
        "scenario": resolved_scenario(result.scenario),
        "grid": result.grid.describe(),
        "inputs": _licensed(result.inputs or input_files(result.scenario), result.scenario),
        "versions": about["versions"],
        "seeds": seeds(result.scenario),
        "solver": result.summary.get("objective"),
        "timings_s": {name: round(seconds, 3) for name, seconds in result.timings.items()},
        "warnings": [placeless(text, result.scenario) for text in result.warnings],
    }
    return without_secrets(document)


def _licensed(inputs: Mapping[str, Any], scenario: Scenario) -> dict[str, Any]:
    """Inputs with the licences of the layers that they are of, where those are known."""
    stated = {
        relative_path(path, scenario.data_folder): licence
        for name, licence in input_licences(scenario).items()
        for path in named_paths(scenario.layers[name].model_dump())
    }
    found = {}
    for name, entry in inputs.items():
        mine = next((stated[at] for at in stated if name == at or name.startswith(f"{at}/")), None)
        found[name] = {**entry, "licence": mine} if mine else dict(entry)
    return found


def provenance() -> dict[str, Any]:
    """Program, time and versions: what every manifest says."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"program": "cdrsite", "created_utc": now, "versions": versions()}


def without_secrets(value: Any) -> Any:
    """Nested data with the secrets in its texts replaced by their names."""
    if isinstance(value, Mapping):
        return {hidden(str(key)): without_secrets(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(item) for item in value]
    return hidden(value) if isinstance(value, str) else value


def placeless(text: str, scenario: Scenario) -> str:
    """A text whose paths start at the data folder, or at the user's home, and not at the root.

    A run's folder is handed on; where things lie on the machine that made it is nobody's business,
    and of no use to who reads it elsewhere.
    """
    base = scenario.data_folder.absolute()
    places = {str(path): relative_path(path, base) for path in named_paths(scenario.model_dump())}
    for folder in (base, base.resolve()):
        if folder != Path(folder.anchor):
            places |= {f"{folder}{os.sep}": "", str(folder): "."}
    with suppress(RuntimeError):  # no home
        home = Path.home()
        if home != Path(home.anchor):
            places[f"{home}{os.sep}"] = f"~{os.sep}"
    for place in sorted(filter(os.path.isabs, places), key=len)[::-1]:
        text = text.replace(place, places[place])
    return text


def seeds(scenario: Scenario) -> dict[str, int]:
    """Seeds of everything that draws random numbers, by the stage that draws them (rule 9)."""
    network = {"network.seed": scenario.network.seed} if scenario.network.plan else {}
    return {"competition": SEED, **network}
