"""The command line: the only place that prints, and where errors become exit codes.

Exit codes: 0 done; 1 the run failed; 2 the request was wrong (bad scenario or data); 130 stopped
with Ctrl-C, 143 by the system (SIGTERM), 129 by the end of its terminal (SIGHUP); 141 the reader of
the output went away.

One module: all commands with their options, as `--help` shows them.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cdrsite.cli.ending import HUNG_UP, STOPPED, TERMINATED, Terminated, asked, listen
from cdrsite.cli.options import (
    After,
    AsCsv,
    AsJson,
    Budget,
    Dask,
    DiscountRate,
    Effort,
    Gap,
    GapOf,
    GapShare,
    Given,
    Lang,
    Language,
    ListOnly,
    Memory,
    Modes,
    OutFolder,
    Periods,
    Places,
    Points,
    Price,
    Quiet,
    Resume,
    Samples,
    SampleSeed,
    ScenarioFile,
    Seed,
    SetOption,
    SinkFile,
    SourceFile,
    Spend,
    Start,
    Surface,
    Target,
    Template,
    TimeLimit,
    Workers,
)
from cdrsite.cli.screening import add_listings
from cdrsite.cli.toolbox import toolbox
from cdrsite.core.errors import CdrsiteError
from cdrsite.core.faults import machine_fault
from cdrsite.core.secrets import hidden
from cdrsite.core.version import __version__

if TYPE_CHECKING:
    from cdrsite.config.models import Scenario

app = typer.Typer(
    name="cdrsite",
    help="Where carbon dioxide removal can go, how much, at what cost, and what binds.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: `cdrsite --help` stays under 0.3 s
)


def main() -> None:
    """Run the command line and turn errors into exit codes."""
    _prepare_streams()
    _drop_foreign_paths()
    listen()
    try:
        code = app(standalone_mode=False) or 0  # click hands on the code of typer.Exit
        if code == STOPPED:  # typer turns Ctrl-C into an exit code without a word
            _explain_end(KeyboardInterrupt())
        _flush()
    except SystemExit:  # rich and click end the process where the reader of a pipe is gone
        code = PIPE_CLOSED
    except typer.Abort:
        code = 1
    except (CdrsiteError, OSError, KeyboardInterrupt, Terminated) as error:
        code = _explain_end(error)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a person gets a sentence
        # a compiler that was stopped half-way may fail afterwards at what it lacks
        code = _explain_end(Terminated(*asked[:1])) if asked else _explain_fault(error)
    if code in {STOPPED, TERMINATED, HUNG_UP}:
        _leave_at_once(code)
    sys.exit(code)


def _leave_at_once(code: int) -> None:
    """End without tearing down: a solver thread at work would abort the process then."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, AttributeError):  # closed, or not there
            stream.flush()
    os._exit(code)


PIPE_CLOSED = 141
"""Exit code of a program whose reader went away, as shells give it (128 + SIGPIPE)."""


def _explain_end(error: BaseException) -> int:
    """Say in one line why the work ended, and return the exit code."""
    if isinstance(error, CdrsiteError):
        _complain(str(error))
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        _complain("stopped: nothing half-written is left behind")
        return STOPPED
    if isinstance(error, Terminated):
        with suppress(OSError):  # the terminal may be gone
            _complain("stopped by the system: nothing half-written is left behind")
        return int(error.args[0]) if error.args else TERMINATED
    if isinstance(error, BrokenPipeError):  # for example: cdrsite methods | head -1
        # or Python complains when it flushes what nobody reads
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return PIPE_CLOSED
    _complain(f"the run failed: {machine_fault(error)}")
    return 1


def _explain_fault(error: Exception) -> int:
    """Show a wrong use of the command, or own up to a fault of the program."""
    # click's own usage errors know how to show themselves
    if hasattr(error, "show") and hasattr(error, "exit_code"):
        error.show()
        return 2
    if os.environ.get("CDRSITE_TRACEBACK"):
        raise error
    refused = machine_fault(error)
    if refused is not None:
        _complain(f"the run failed: {refused}")
        return 1
    _complain(
        f"the run failed: {type(error).__name__}: {error}\nthis is a fault of cdrsite; "
        "cure: set CDRSITE_TRACEBACK=1, run again and report what it prints"
    )
    return 1


PLAIN_SIGNS = {
    "\u202f": " ",
    "−": "-",
    "–": "-",
    "×": "x",
    "°": " deg",
    "…": "...",
    "→": "->",
    "⁻": "^-",
    **{sign: str(n) for n, sign in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
}
"""What is printed where the terminal's character set has no such sign."""


def _prepare_streams() -> None:
    """Print what a character set cannot show as the nearest sign, instead of failing."""

    def nearest(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeEncodeError):
            raise error
        text = error.object[error.start : error.end]
        return "".join(PLAIN_SIGNS.get(sign, "?") for sign in text), error.end

    codecs.register_error("cdrsite", nearest)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and "utf" not in stream.encoding.lower():
            stream.reconfigure(errors="cdrsite")


def _flush() -> None:
    """Write what is printed: a full disk or a closed pipe is found here, not at the exit."""
    if sys.stdout is not None:
        sys.stdout.flush()


foreign_paths: dict[str, str] = {}
"""Variables of another program that were dropped at the start, for the doctor."""


def _drop_foreign_paths() -> None:
    """Drop where a desktop GIS keeps its PROJ and GDAL data: its version breaks rasterio's own."""
    for name in sorted({"PROJ_DATA", "PROJ_LIB", "GDAL_DATA"} & set(os.environ)):
        from cdrsite.cli.doctor import own_data

        folder = os.environ[name]
        if not own_data(folder):
            foreign_paths[name] = os.environ.pop(name)
            _complain(
                f"note: {name}={folder} is set by another program and is ignored; `cdrsite doctor` "
                "says more"
            )


def _complain(text: str) -> None:
    print(hidden(text), file=sys.stderr)


def _say(text: str = "") -> None:
    print(hidden(text))


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
    template: Template = "demo",
) -> None:
    """Make a runnable copy of the demo scenario and its data, or of a template."""
    from cdrsite.cli.demo import copy_template, next_step

    scenario = copy_template(folder, template)
    _say(f"wrote {scenario}\nnext: {next_step(scenario, template)}")


@app.command()
def check(
    scenario: ScenarioFile, set_: SetOption = None, quiet: Quiet = False, as_json: AsJson = False
) -> None:
    """Find everything a run would refuse, in seconds, without running."""
    from cdrsite.core.machine import check_address_room

    check_address_room()
    from cdrsite.cli.running import read_scenario
    from cdrsite.config.load import placed
    from cdrsite.study.run import check_study

    checked = read_scenario(scenario, set_ or ())
    with placed(scenario):
        report = check_study(checked)
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
        for text in report["alternatives"]:
            _say(text)


@app.command()
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
    from cdrsite.cli.running import Asked, read_scenario, run_to_folder

    loaded = read_scenario(scenario, set_ or ())
    asked = Asked(workers, dask, memory, resume, lang.value, quiet, as_json)
    run_to_folder(loaded, scenario, out or default_folder(loaded, scenario), asked)


@app.command()
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
    from cdrsite.cli.running import Asked, run_to_folder
    from cdrsite.cli.sample import list_numbers, with_samples

    loaded = with_samples(scenario, set_ or (), samples, seed)
    if list_:
        list_numbers(loaded, scenario, as_json=as_json)
        return
    asked = Asked(workers, dask, memory, resume, lang.value, quiet, as_json, "maps")
    run_to_folder(loaded, scenario, out or default_folder(loaded, scenario, "-samples"), asked)


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
    workers: Annotated[int, typer.Option(min=1, help="Runs at a time, each a process.")] = 1,
    memory: Memory = None,
    lang: Lang = Language.EN,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Run many scenarios, or one with many settings, side by side."""
    from cdrsite.core.machine import check_address_room, parse_bytes

    check_address_room()
    from cdrsite.cli.compare import failures_line, print_batch_changes
    from cdrsite.cli.progress import Progress
    from cdrsite.cli.tables import print_batch, print_json
    from cdrsite.compare.batch import refuse_unread, run_batch, variants
    from cdrsite.study.means import Means

    means = Means(memory=None if memory is None else parse_bytes(memory, "--memory"))
    runs = variants(scenarios, matrix, set_ or ())
    refuse_unread(runs)
    target = out or Path("runs") / "batch"
    silent = quiet or as_json
    with Progress(enabled=not silent) as progress:
        found = run_batch(
            runs,
            target,
            progress,
            means=means,
            workers=workers,
            tell=lambda variant: None if silent else _complain(f"run {variant.name}"),
            lang=lang.value,
        )
    for name, why in found.failed.items():
        _complain(f"{name} failed: {why}")
    if as_json:
        print_json(found.document())
    elif not quiet:
        print_batch(found, target)
        print_batch_changes(found)
    if found.failed:
        # the last line is what a person reads who was away meanwhile
        (_complain if silent else _say)(failures_line(found))
        raise typer.Exit(1)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    lang: Lang = Language.EN,
    out: Annotated[
        Path | None, typer.Option("--out", help="The page; report.html in the run when not given.")
    ] = None,
) -> None:
    """Write the report of a finished run again, in English or Chinese."""
    from cdrsite.report.page import write_report

    _say(str(write_report(folder, lang.value, out)))


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(metavar="RUN_A", help="The folder of a run.")],
    second: Annotated[Path, typer.Argument(metavar="RUN_B", help="The folder of another.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for maps, tables and a page of changes.")
    ] = None,
    lang: Lang = Language.EN,
    as_json: AsJson = False,
) -> None:
    """Say what changed between two runs: totals, ranks, assumptions, maps of difference."""
    from cdrsite.cli.compare import print_comparison
    from cdrsite.compare.runs import compare_runs
    from cdrsite.compare.write import write_comparison
    from cdrsite.outputs.staging import claimed

    with nullcontext() if out is None else claimed(out, "comparison"):
        found = compare_runs(first, second)
        if out is not None:
            write_comparison(found, out, lang.value)
    print_comparison(found, as_json=as_json)
    if out is not None and not as_json:
        _say(f"Written to {out}")


@app.command()
def explain(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    at: Places = None,
    points: Points = None,
    as_csv: AsCsv = False,
    lang: Lang = Language.EN,
    as_json: AsJson = False,
) -> None:
    """Say what places offer, what limits, what it costs, and why they are used or not."""
    from cdrsite.cli.explain import print_places

    print_places(folder, at or (), points, lang.value, as_json=as_json, as_csv=as_csv)


@app.command()
def network(
    case: Annotated[
        Path, typer.Argument(help="A folder of CSV tables, an Excel workbook or a GeoPackage.")
    ],
    surface: Surface = None,
    sources: SourceFile = None,
    sinks: SinkFile = None,
    modes: Modes = None,
    target: Target = None,
    price: Price = None,
    budget: Budget = None,
    cost: Given = None,
    periods: Periods = None,
    start: Start = None,
    after: After = None,
    discount_rate: DiscountRate = None,
    gap: Gap = 1e-6,
    gap_of: GapShare = GapOf.TOTAL,
    effort: Spend = Effort.NORMAL,
    time_limit: TimeLimit = None,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the plan.")] = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Design the pipelines between given sources and storage sites."""
    from cdrsite.cli.network import answer

    text = answer(
        case,
        as_json=as_json,
        surface=surface,
        files={k: v for k, v in (("sources", sources), ("sinks", sinks)) if v is not None},
        modes=modes,
        periods=periods,
        times={"start": start, "after": after, "discount_rate": discount_rate},
        target=target,
        price=price,
        budget=budget,
        cost=cost,
        gap=gap,
        gap_of=gap_of.value,
        effort=effort.value,
        time_limit=float("inf") if time_limit is None else time_limit,
        seed=seed,
        out=out,
    )
    if as_json or not quiet:
        _say(text)


def default_folder(scenario: Scenario, path: Path, ending: str = "") -> Path:
    """Where a run writes when ``--out`` is not given; ``ending`` for another kind of run."""
    if scenario.outputs.folder is not None:
        folder = path.resolve().parent / scenario.outputs.folder
        return folder.with_name(folder.name + ending)
    return Path("runs") / (scenario.name + ending)


@app.command()
def methods(
    name: Annotated[str | None, typer.Argument(help="A method; all when not given.")] = None,
    profile: Annotated[
        str | None, typer.Option(help="A profile; the default one if not given.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="And what each value means.")] = False,
    as_json: AsJson = False,
    lang: Lang = Language.EN,
) -> None:
    """List the removal methods, or all about one: what it asks for, its values, their sources."""
    from cdrsite.cli.methods import print_method, print_methods

    if name is None:
        print_methods(as_json=as_json, lang=lang.value)
    else:
        print_method(name, profile, full=full, as_json=as_json, lang=lang.value)


@app.command()
def datasets(
    name: Annotated[str | None, typer.Argument(help="A preset; all when not given.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the dataset presets, or what one of them knows."""
    from cdrsite.cli.catalogue import print_dataset, print_datasets

    if name is None:
        print_datasets(as_json=as_json)
    else:
        print_dataset(name, as_json=as_json)


@app.command()
def credits(  # noqa: A001 - the command's name
    name: Annotated[str | None, typer.Argument(help="A scheme; all when not given.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the schemes that pay for removal, or what one of them asks for."""
    from cdrsite.cli.catalogue import print_credit, print_credits

    if name is None:
        print_credits(as_json=as_json)
    else:
        print_credit(name, as_json=as_json)


add_listings(app)
app.command("qgis-toolbox")(toolbox)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Check this installation, with a cure for what is wrong."""
    from cdrsite.cli.doctor import as_document, examine, usable
    from cdrsite.cli.tables import print_checks, print_json

    checks = examine(foreign_paths)
    if as_json:
        print_json(as_document(checks))
    else:
        print_checks(checks)
    if not usable(checks):
        raise typer.Exit(1)


@app.command()
def schema(
    methods: Annotated[bool, typer.Option("--methods", help="Of a method file.")] = False,
    datasets: Annotated[bool, typer.Option("--datasets", help="Of a dataset preset.")] = False,
    transport: Annotated[bool, typer.Option("--transport", help="Of a transport model.")] = False,
    credits: Annotated[bool, typer.Option("--credits", help="Of a credit scheme.")] = False,  # noqa: A002
) -> None:
    """Print the JSON schema of a scenario file, for editors; or of a file of the library."""
    from cdrsite.cli.catalogue import print_schema

    given = {"method": methods, "dataset": datasets, "transport": transport, "credit": credits}
    asked = [kind for kind, wanted in given.items() if wanted]
    if len(asked) > 1:
        raise typer.BadParameter("one of --methods, --datasets, --transport, --credits at a time")
    print_schema(*asked)


if __name__ == "__main__":
    main()
