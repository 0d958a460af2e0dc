"""The command line: the only place that prints, and where errors become exit codes.

0 done, 1 the run failed, 2 the request was wrong (bad scenario or data).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cdrsite import __version__
from cdrsite.core.errors import CdrsiteError

if TYPE_CHECKING:
    from cdrsite.config.models import Scenario
    from cdrsite.results import StudyResult

app = typer.Typer(
    name="cdrsite",
    help="Where carbon dioxide removal can go, how much, at what cost, and what binds.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: `cdrsite --help` stays under 0.3 s
)

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Replace a value, e.g. grid.resolution='2 km'."
    ),
]
ScenarioFile = Annotated[Path, typer.Argument(help="The scenario, a YAML file.")]


def main() -> None:
    """Run the command line and turn errors into exit codes."""
    _drop_foreign_proj()
    try:
        app(standalone_mode=False)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except typer.Abort:
        sys.exit(1)
    except CdrsiteError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _complain("stopped; nothing was written")
        sys.exit(1)
    except OSError as error:
        _complain(f"the run failed: {error}")
        sys.exit(1)
    except Exception as error:  # the last line of defence: a person gets a sentence
        # click's own usage errors know how to show themselves
        if hasattr(error, "show") and hasattr(error, "exit_code"):
            error.show()
            sys.exit(2)
        if os.environ.get("CDRSITE_TRACEBACK"):
            raise
        _complain(
            f"the run failed: {type(error).__name__}: {error}\nthis is a fault of cdrsite; "
            "cure: set CDRSITE_TRACEBACK=1, run again and report what it prints"
        )
        sys.exit(1)


def _drop_foreign_proj() -> None:
    """A desktop GIS that sets PROJ_DATA or PROJ_LIB breaks rasterio's own PROJ: drop them."""
    for name in ("PROJ_DATA", "PROJ_LIB"):
        if os.environ.pop(name, None) is not None:
            _complain(f"note: {name} is set by another program and is ignored")


def _complain(text: str) -> None:
    print(text, file=sys.stderr)


def _say(text: str = "") -> None:
    print(text)


def _show_version(value: bool) -> None:
    if value:
        _say(f"cdrsite {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    del version  # handled by its callback


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet, or is empty.")],
) -> None:
    """Make a runnable copy of the demo scenario and its data."""
    from cdrsite.demo import copy_demo

    scenario = copy_demo(folder)
    _say(f"wrote {scenario}\nnext: cdrsite run {scenario}")


@app.command()
def check(
    scenario: ScenarioFile, set_: SetOption = None, quiet: Quiet = False, as_json: AsJson = False
) -> None:
    """Find everything a run would refuse, in seconds, without running."""
    from cdrsite.config.load import load_scenario
    from cdrsite.study import check_study

    report = check_study(load_scenario(scenario, set_ or ()))
    if as_json:
        _say(json.dumps(report, ensure_ascii=False, indent=2))
        return
    for text in report["warnings"]:
        _complain(f"warning: {text}")
    if not quiet:
        grid = report["grid"]
        _say(
            f"{scenario}: ready to run, {grid['rows']} x {grid['cols']} cells in {grid['crs_name']}"
        )


@app.command()
def run(
    scenario: ScenarioFile,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for the results; runs/NAME when not given."),
    ] = None,
    set_: SetOption = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Run a scenario: maps, tables and a summary in one folder."""
    from cdrsite.config.load import load_scenario
    from cdrsite.outputs.staging import check_target
    from cdrsite.progress import Progress
    from cdrsite.study import run as run_study

    loaded = load_scenario(scenario, set_ or ())
    target = out or default_folder(loaded, scenario)
    check_target(target)  # before the work, not after it
    with Progress(enabled=not quiet and not as_json) as progress:
        result = run_study(loaded, progress=progress)
        folder = result.write(target, progress=progress)
    if as_json:
        _say(json.dumps(result.summary, ensure_ascii=False, indent=2))
    elif not quiet:
        _report(result, folder)


@app.command()
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
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Run many scenarios, or one with many settings, and compare them in one table."""
    from cdrsite.batch import run_batch, variants
    from cdrsite.progress import Progress
    from cdrsite.terminal import print_batch

    runs = variants(scenarios, matrix, set_ or ())
    target = out or Path("runs") / "batch"
    silent = quiet or as_json
    with Progress(enabled=not silent) as progress:
        found = run_batch(
            runs,
            target,
            progress,
            tell=lambda variant: None if silent else _complain(f"run {variant.name}"),
        )
    if as_json or not quiet:
        print_batch(found, target, as_json=as_json)
    for name, why in found.failed.items():
        _complain(f"{name} failed: {why}")
    if found.failed:
        raise typer.Exit(1)


@app.command()
def explain(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    at: Annotated[str, typer.Option("--at", metavar="LON,LAT", help="The place, in degrees.")],
    as_json: AsJson = False,
) -> None:
    """Say for one place what is offered, what limits, what it costs, and why it is used or not."""
    from cdrsite.explain import explain_run, parse_place
    from cdrsite.terminal import print_explanation

    print_explanation(explain_run(folder, *parse_place(at)), as_json=as_json)


@app.command()
def network(
    case: Annotated[
        Path, typer.Argument(help="A folder of CSV tables, an Excel workbook or a GeoPackage.")
    ],
    target: Annotated[
        str | None, typer.Option(help="CO2 to capture and store, e.g. 50 or '50 Mt/yr'.")
    ] = None,
    price: Annotated[
        float | None, typer.Option(help="Pay this for each tonne stored, in place of a target.")
    ] = None,
    budget: Annotated[
        float | None, typer.Option(help="Spend at most this [M$/yr], in place of a target.")
    ] = None,
    gap: Annotated[float, typer.Option(help="Stop at this relative gap.")] = 1e-6,
    time_limit: Annotated[
        float, typer.Option("--time-limit", help="Stop after so many seconds with the best plan.")
    ] = 600.0,
    seed: Annotated[int, typer.Option(help="Seed of the heuristics.")] = 0,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the plan.")] = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Design the pipelines between sources and storage, with bound and gap, from tables alone."""
    from cdrsite.network_report import plan_report, run_network
    from cdrsite.outputs.network import summary

    plan = run_network(
        case,
        target=target,
        price=price,
        budget=budget,
        gap=gap,
        time_limit=time_limit,
        seed=seed,
        out=out,
    )
    if as_json:
        _say(json.dumps(summary(plan, case.stem), ensure_ascii=False, indent=2))
    elif not quiet:
        _say(plan_report(plan, out))


def default_folder(scenario: Scenario, path: Path) -> Path:
    """Where a run writes when ``--out`` is not given."""
    if scenario.outputs.folder is not None:
        return path.resolve().parent / scenario.outputs.folder
    return Path("runs") / scenario.name


def _report(result: StudyResult, folder: Path) -> None:
    from cdrsite.terminal import print_summary

    print_summary(result, folder)


@app.command()
def methods(
    name: Annotated[str | None, typer.Argument(help="A method; all when not given.")] = None,
    profile: Annotated[
        str | None, typer.Option(help="A profile; the default one if not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the removal methods, or every value of one with its source and range."""
    from cdrsite.catalogue import print_method, print_methods

    if name is None:
        print_methods(as_json=as_json)
    else:
        print_method(name, profile, as_json=as_json)


@app.command()
def datasets(
    name: Annotated[str | None, typer.Argument(help="A preset; all when not given.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the dataset presets, or what one of them knows."""
    from cdrsite.catalogue import print_dataset, print_datasets

    if name is None:
        print_datasets(as_json=as_json)
    else:
        print_dataset(name, as_json=as_json)


@app.command()
def schema() -> None:
    """Print the JSON schema of a scenario file, for editors."""
    from cdrsite.config.models import Scenario

    document = Scenario.model_json_schema(by_alias=True)
    document["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    _say(json.dumps(document, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    main()
