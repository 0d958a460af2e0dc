"""Commands that begin with a scenario: init, check, run, sample, batch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cdrsite.cli.options import (
    AsJson,
    Dask,
    Lang,
    Language,
    ListOnly,
    Memory,
    OutFolder,
    Quiet,
    Resume,
    Samples,
    SampleSeed,
    ScenarioFile,
    SetOption,
    Template,
    Workers,
)
from cdrsite.cli.streams import complain, tell

if TYPE_CHECKING:
    from cdrsite.config.models import Scenario


def init(
    folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet, or is empty.")],
    template: Template = "demo",
) -> None:
    """Make a runnable copy of the demo scenario and its data, or of a template."""
    from cdrsite.cli.demo import copy_template, next_step

    scenario = copy_template(folder, template)
    tell(f"wrote {scenario}\nnext: {next_step(scenario, template)}")


def check(
    scenario: ScenarioFile, set_: SetOption = None, quiet: Quiet = False, as_json: AsJson = False
) -> None:
    """Find everything a run would refuse, in seconds, without running."""
    from cdrsite.core.machine import check_address_room

    check_address_room()
    from cdrsite.cli.reading import read_scenario
    from cdrsite.config.load import placed
    from cdrsite.study.run import check_study

    checked = read_scenario(scenario, set_ or ())
    with placed(scenario):
        report = check_study(checked)
    if as_json:
        tell(json.dumps(report, ensure_ascii=False, indent=2))
        return
    for text in report["warnings"]:
        complain(f"warning: {text}")
    if not quiet:
        grid = report["grid"]
        tell(
            f"{scenario}: ready to run, {grid['rows']} x {grid['cols']} cells in {grid['crs_name']}"
        )
        for text in report["alternatives"]:
            tell(text)


def run(
    scenario: ScenarioFile,
    out: OutFolder = None,
    set_: SetOption = None,
    workers: Workers = 0,
    dask: Dask = None,
    memory: Memory = None,
    resume: Resume = False,
    lang: Lang = Language.EN,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Run a scenario: maps, tables and a summary in one folder."""
    from cdrsite.core.memory import importing

    with importing():
        from cdrsite.cli.ahead import compiling_ahead

    with compiling_ahead(workers, limited=memory is not None) as ahead:
        with importing():
            from cdrsite.cli.reading import read_scenario

            loaded = read_scenario(scenario, set_ or ())
            ahead.study(loaded)
            from cdrsite.cli.running import Asked, run_to_folder

        asked = Asked(workers, dask, memory, resume, lang.value, quiet, as_json)
        run_to_folder(loaded, scenario, out or default_folder(loaded, scenario), asked)


def sample(
    scenario: ScenarioFile,
    out: OutFolder = None,
    set_: SetOption = None,
    samples: Samples = None,
    seed: SampleSeed = None,
    list_: ListOnly = False,
    workers: Workers = 0,
    dask: Dask = None,
    memory: Memory = None,
    resume: Resume = False,
    lang: Lang = Language.EN,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Say how sure the plan is: run a scenario, then many samples of its uncertain numbers."""
    from cdrsite.cli.ahead import compiling_ahead
    from cdrsite.cli.running import Asked, run_to_folder
    from cdrsite.cli.sample import list_numbers, with_samples

    loaded = with_samples(scenario, set_ or (), samples, seed)
    if list_:
        list_numbers(loaded, scenario, as_json=as_json)
        return
    asked = Asked(workers, dask, memory, resume, lang.value, quiet, as_json, "maps")
    with compiling_ahead(workers, limited=memory is not None) as ahead:
        ahead.study(loaded)
        run_to_folder(loaded, scenario, out or default_folder(loaded, scenario, "-samples"), asked)


def batch(
    scenarios: Annotated[list[Path], typer.Argument(metavar="SCENARIO...", help="YAML files.")],
    matrix: Annotated[
        Path | None,
        typer.Option(help="YAML: {name: {key: value}} per run, or {vary: {key: [values]}}."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for all of it; runs/batch when not given.")
    ] = None,
    set_: SetOption = None,
    workers: Annotated[int, typer.Option(min=1, help="Runs at a time, each a process.")] = 1,
    memory: Memory = None,
    lang: Lang = Language.EN,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Run many scenarios, or one with many settings, side by side."""
    from cdrsite.core.machine import check_address_room, parse_bytes

    check_address_room()
    from cdrsite.cli.ahead import compiling_ahead
    from cdrsite.cli.compare import failures_line, print_batch, print_batch_changes
    from cdrsite.cli.progress import Progress
    from cdrsite.cli.tables import print_json
    from cdrsite.compare.batch import run_batch
    from cdrsite.compare.variants import refuse_unread, variants
    from cdrsite.study.means import Means

    means = Means(memory=None if memory is None else parse_bytes(memory, "--memory"))
    runs = variants(scenarios, matrix, set_ or ())
    refuse_unread(runs)
    target = out or Path("runs") / "batch"
    silent = quiet or as_json
    idle = compiling_ahead(workers - 1, limited=memory is not None)
    with idle as ahead, Progress(enabled=not silent) as progress:
        ahead.several()
        found = run_batch(
            runs,
            target,
            progress,
            means=means,
            workers=workers,
            tell=lambda variant: None if silent else complain(f"run {variant.name}"),
            lang=lang.value,
        )
    for name, why in found.failed.items():
        complain(f"{name} failed: {why}")
    if as_json:
        print_json(found.document())
    elif not quiet:
        print_batch(found, target, lang.value)
        print_batch_changes(found, lang.value)
    if found.failed:
        # the last line is what a person reads who was away meanwhile
        (complain if silent else tell)(failures_line(found, lang.value))
        raise typer.Exit(1)


def default_folder(scenario: Scenario, path: Path, ending: str = "") -> Path:
    """Where a run writes when ``--out`` is not given; ``ending`` for another kind of run."""
    if scenario.outputs.folder is not None:
        folder = path.resolve().parent / scenario.outputs.folder
        return folder.with_name(folder.name + ending)
    return Path("runs") / (scenario.name + ending)
