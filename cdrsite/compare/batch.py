"""Many runs, one table and one page that compare them.

What a run needs is imported where it runs: a batch that has workers starts them at once.

One module: runs and table follow one list.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdrsite.compare.batch_result import BatchResult
from cdrsite.compare.changes import rank_table, scenario_changes, site_changes
from cdrsite.compare.effects import ABSENT
from cdrsite.compare.variants import Variant, folder_name
from cdrsite.config.load import load_scenario
from cdrsite.core.bymethod import net_column
from cdrsite.core.errors import CdrsiteError
from cdrsite.core.faults import MEMORY_CURE, machine_fault
from cdrsite.core.files import SHARED, remove_own
from cdrsite.core.machine import cores
from cdrsite.core.memory import Settled, remembering
from cdrsite.core.processes import ATTEMPTS, Lost, in_processes
from cdrsite.core.words import RULES, TITLES
from cdrsite.engine.cache import Cache
from cdrsite.engine.record import resolved_scenario
from cdrsite.outputs.staging import claimed, sharing, writing_into
from cdrsite.outputs.tables import write_json, write_table
from cdrsite.study.means import Means, work_folder

if TYPE_CHECKING:
    import pandas as pd

    from cdrsite.core.progress import ProgressSink
    from cdrsite.result.study_result import StudyResult

PAGE = "batch.html"
BATCH_FILES = (
    PAGE,
    "batch.json",
    *(
        f"{name}.{ending}"
        for name in ("batch", "batch_methods", "batch_ranks", "batch_assumptions", "batch_effects")
        for ending in ("csv", "parquet")
    ),
)
"""What a batch writes beside the folders of its runs."""
SHOWN_BINDING = 3
"""Binding pools named in the table, the ones that the objective owes most to."""


@dataclass(frozen=True, eq=False)
class Finished:
    """What a batch keeps of a run that was finished.

    Attributes
    ----------
    name : str
        Of the run.
    scenario : dict
        As resolved.
    sites : DataFrame or None
        Its ranked sites.
    cell_km, spacing_km : float
        Size of its cells, and the least distance of its ranked sites.
    methods : DataFrame
        Its table of methods, with the run's name.
    own_words : dict
        Titles of methods and rules that it brings.
    """

    name: str
    scenario: dict[str, Any]
    sites: pd.DataFrame | None
    cell_km: float
    spacing_km: float
    methods: pd.DataFrame
    own_words: dict[str, Any]


def run_batch(
    runs: Iterable[Variant],
    folder: Path | None = None,
    progress: ProgressSink | None = None,
    *,
    means: Means | None = None,
    workers: int = 1,
    tell: Callable[[Variant], None] | None = None,
    lang: str = "en",
) -> BatchResult:
    """Run every variant; one that fails is recorded and does not stop the others.

    Parameters
    ----------
    runs : iterable of Variant
        From :func:`cdrsite.compare.variants.variants`.
    folder : Path, optional
        Each run is written to a folder in it, and beside them the tables ``batch``,
        ``batch_ranks`` and ``batch_assumptions`` as CSV and Parquet and the page ``batch.html``;
        nothing is written when not given.
    progress : ProgressSink, optional
        Told about long steps.
    means : Means, optional
        Threads and memory of each run.
    workers : int
        Runs at a time, each in a process of its own.
    tell : callable, optional
        Called before each run.
    lang : {'en', 'zh'}
        Language of the page.

    Returns
    -------
    BatchResult
        Rows in the order of the runs.
    """
    means = means or Means()
    rows: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    finished: list[Finished] = []
    runs = list(runs)
    with nullcontext() if folder is None else _claimed(folder, runs):
        outcomes = dict(_outcomes(runs, folder, progress, means, workers, tell))
        for place, variant in enumerate(runs):
            outcome = outcomes[place]
            if isinstance(outcome, str):
                failed[variant.name] = outcome
                rows.append({"run": variant.name, "status": "failed", "message": outcome})
            else:
                rows.append(outcome[0])
                finished.append(outcome[1])
        batch = _side_by_side(rows, failed, finished)
        if folder is not None:
            write_batch(folder, batch, lang)
    return batch


@contextmanager
def _claimed(folder: Path, runs: Sequence[Variant]) -> Iterator[None]:
    """Have the folder of a batch and those of its runs to oneself, from before the work.

    Raises
    ------
    ConfigError
        What a run or the batch would write over is somebody's own, or another process writes there;
        nothing is changed then.
    """
    with sharing(folder, "batch", BATCH_FILES):
        for variant in runs:
            with claimed(folder / folder_name(variant.name)):
                pass  # each run locks its own when it comes to write
        try:
            yield
        finally:
            for left in folder.glob(f"{SHARED}*"):
                remove_own(left, SHARED)


Outcome = tuple[dict[str, Any], Finished] | str
"""Row and facts of a finished run, or why it failed."""


def _outcomes(
    runs: Sequence[Variant],
    folder: Path | None,
    progress: ProgressSink | None,
    means: Means,
    workers: int,
    tell: Callable[[Variant], None] | None,
) -> Iterator[tuple[int, Outcome]]:
    """Place of each run with its outcome; runs of one process share what they can."""
    order = sharing_order(runs)
    if workers <= 1:
        cache = Cache(_shared(folder))
        with Settled() as settled:
            for place in order:
                if tell is not None:
                    tell(runs[place])
                yield place, _outcome(runs[place], folder, progress, means, cache)
                settled.settle()
    else:
        means = replace(means, threads=means.threads or max(1, cores() // workers))
        task = partial(_in_process, folder=folder, means=means)
        outcomes = in_processes(task, [runs[place] for place in order], workers, tell)
        for place, outcome in outcomes:
            yield order[place], _lost(outcome) if isinstance(outcome, Lost) else outcome


def sharing_order(runs: Sequence[Variant]) -> list[int]:
    """An order in which runs that can share stages follow each other.

    What is shared is kept for a few settings only: layers of two grids that take turns would be
    read again in every run. Runs that share alike stay in the order given.
    """
    from cdrsite.study.run import SHARED_STAGES

    keys: list[tuple[str, ...]] = []
    for variant in runs:
        try:
            scenario = load_scenario(variant.scenario, variant.overrides)
            known: dict[str, str] = {}
            keys.append(tuple(stage.key(scenario, known) for stage in SHARED_STAGES))
        except (CdrsiteError, OSError):  # told when it is run
            keys.append((variant.name,))
    first: dict[tuple[str, ...], int] = {}
    for place, key in enumerate(keys):
        for size in range(1, len(SHARED_STAGES) + 1):
            first.setdefault(key[:size], place)
    ranks = [tuple(first[key[:size]] for size in range(1, len(SHARED_STAGES) + 1)) for key in keys]
    return sorted(range(len(runs)), key=lambda place: (ranks[place], place))


def _lost(lost: Lost) -> str:
    """What to say of a run whose process was ended by the system."""
    return (
        f"the process of this run {lost.how}, {ATTEMPTS} times; got no result; expected a machine "
        f"with enough memory for it; cure: {MEMORY_CURE}"
    )


def _shared(folder: Path | None) -> Path | None:
    """Where this process keeps what its runs share, if that is on disk."""
    return None if folder is None else folder / f"{SHARED}{uuid.uuid4().hex[:12]}"


@lru_cache(maxsize=1)
def _cache(folder: Path | None) -> Cache:
    """What this process remembers of earlier runs of the batch."""
    return Cache(_shared(folder))


_settled = Settled()


def _in_process(variant: Variant, folder: Path | None, means: Means) -> Outcome:
    """Run a variant in a process of its own, which remembers what the next can use."""
    outcome = _outcome(variant, folder, None, means, _cache(folder))
    _settled.settle()  # for as long as the process lives
    return outcome


def _outcome(
    variant: Variant, folder: Path | None, progress: ProgressSink | None, means: Means, cache: Cache
) -> Outcome:
    """Run a variant and write it, where there is a folder to write to."""
    from cdrsite.study import run as study

    before = cache.taken.copy()
    try:
        target = None if folder is None else folder / folder_name(variant.name)
        with nullcontext() if target is None else claimed(target):
            scenario = load_scenario(variant.scenario, variant.overrides)
            mine = means if target is None else replace(means, folder=work_folder(target))
            with remembering(cache.written):
                result = study.run(scenario, progress=progress, means=mine, cache=cache)
                if target is not None:
                    result.write(target, progress)
        row = row_of(variant, result)
        taken = (cache.taken - before).keys()
        row["shared"] = "; ".join(s.name for s in study.SHARED_STAGES if s.name in taken)
        return row, _finished(variant, result)
    except CdrsiteError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - one broken run must not lose the others' hours
        return machine_fault(error) or f"{type(error).__name__}: {error}"


def _finished(variant: Variant, result: StudyResult) -> Finished:
    scenario = resolved_scenario(result.scenario)
    profiles = result.summary["methods"]
    for name, choice in scenario["methods"].items():
        # the profile that was taken where none was named
        choice["profile"] = choice["profile"] or profiles.get(name, {}).get("profile")
    steps, step = result.grid.row_steps_m
    return Finished(
        variant.name,
        scenario,
        result.tables.get("sites"),
        max(float(steps.max()), float(step)) / 1000.0,
        result.scenario.outputs.site_distance,
        result.tables["methods"].assign(run=variant.name),
        {key: result.dataset.attrs[key] for key in (TITLES, RULES) if key in result.dataset.attrs},
    )


def _side_by_side(
    rows: list[dict[str, Any]], failed: dict[str, str], finished: list[Finished]
) -> BatchResult:
    """The tables of a batch: results, ranking of sites, and which assumptions vary."""
    import pandas as pd

    ranks = [
        rank_table(_site_changes(finished[0], run)).assign(run=run.name) for run in finished[1:]
    ]
    changed = varying([run.scenario for run in finished])
    places = {run.name: place for place, run in enumerate(finished)}
    for row in rows:
        if row["run"] in places:
            place = places[row["run"]]
            row["differs_in"] = "; ".join(f"{key}={values[place]}" for key, values in changed)
            row.update(_rank_cells(ranks[place - 1] if place else None))
    table = pd.DataFrame(rows)
    if "message" in table.columns:
        table["message"] = table.pop("message")  # the longest text stands last
    varies = [
        (key, run.name, value)
        for key, values in changed
        for run, value in zip(finished, values, strict=True)
    ]
    listed = rank_table(site_changes(None, None, 0.0, 0.0))
    if ranks:
        listed = pd.concat(ranks).reset_index(drop=True)
        listed.insert(0, "run", listed.pop("run"))
    columns = ["assumption", "run", "value"]
    methods = pd.DataFrame(columns=["run", "method"])
    if finished:
        methods = pd.concat([one.methods for one in finished], ignore_index=True)
        methods.insert(0, "run", methods.pop("run"))
    listed_values = pd.DataFrame(varies, columns=columns)
    own = [run.own_words for run in finished]
    return BatchResult(table, failed, listed, listed_values, methods, own)


def _site_changes(a: Finished, b: Finished) -> pd.DataFrame:
    same = max(a.cell_km, b.cell_km) / 2
    return site_changes(a.sites, b.sites, same, min(a.spacing_km, b.spacing_km))


def _rank_cells(ranks: pd.DataFrame | None) -> dict[str, float]:
    """Ranking of all methods in few numbers; nothing to say of the first run."""
    if ranks is None or not len(ranks):
        return {}
    return {
        "sites_kept": int((ranks["same"] + ranks["moved"]).sum()),
        "sites_gained": int(ranks["gained"].sum()),
        "sites_lost": int(ranks["lost"].sum()),
        "lowest_rank_correlation": float(ranks["rank_correlation"].min()),  # NaN: none is known
    }


def varying(scenarios: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """Assumptions that are not the same in all scenarios.

    Parameters
    ----------
    scenarios : sequence of mapping
        As resolved.

    Returns
    -------
    list of (str, list of str)
        Key path, and the value in each scenario; a dash where it has no such key.
    """
    values: dict[str, list[str | None]] = {}
    for place, scenario in enumerate(scenarios[1:], 1):
        for change in scenario_changes(scenarios[0], scenario):
            row = values.setdefault(change.key, [change.a] * len(scenarios))
            row[place] = change.b
    return [
        (key, [ABSENT if value is None else value for value in row]) for key, row in values.items()
    ]


def write_batch(folder: Path, batch: BatchResult, lang: str = "en") -> None:
    """Write the tables and the page of a batch beside the folders of its runs.

    Parameters
    ----------
    folder : Path
        Of the batch.
    batch : BatchResult
        From :func:`run_batch`.
    lang : {'en', 'zh'}
        Language of ``batch.html``.
    """
    from cdrsite.compare.batch_page import batch_page

    folders = {str(name): folder_name(str(name)) for name in batch.table.get("run", ())}
    with writing_into(folder, "batch", BATCH_FILES) as aside:
        write_table(aside, "batch", batch.table)
        write_json(aside / "batch.json", batch.document())
        if batch.ranks is not None:
            write_table(aside, "batch_ranks", batch.ranks)
        if batch.methods is not None:
            write_table(aside, "batch_methods", batch.methods)
        if batch.varies is not None:
            write_table(aside, "batch_assumptions", batch.varies)
            write_table(aside, "batch_effects", batch.effects)
        page = batch_page(folder, batch, folders, batch.words(lang))
        (aside / PAGE).write_text(page, encoding="utf-8", newline="\n")


def row_of(variant: Variant, result: StudyResult) -> dict[str, Any]:
    """One run as a row: net by method, total, cost, land, certificate, what binds."""
    summary, methods = result.summary, result.tables["methods"]
    objective = summary["objective"]
    row: dict[str, Any] = {
        "run": variant.name,
        "status": "optimal" if objective["gap"] <= objective["gap_asked"] else "gap not closed",
    }
    for method, net in zip(methods["method"], methods["net_mt_yr"], strict=True):
        row[net_column(str(method))] = float(net)
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
    owed: dict[str, list[float]] = {}
    for row in pools.to_dict("records"):
        if row["price"] != 0:
            name = row["zone"] if row["family"] == "policy" else row["family"]
            worth = abs(row["price"] * row["supply"])
            owed.setdefault(str(name or row["family"]), []).append(worth)
    for name in sorted(owed, key=lambda key: (-sum(owed[key]), key))[:SHOWN_BINDING]:
        yield f"{name} ({len(owed[name])})"
