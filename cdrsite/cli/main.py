"""The command line: the only place that prints, and where errors become exit codes.

Exit codes: 0 done; 1 the run failed; 2 the request was wrong (bad scenario or data); 130 stopped
with Ctrl-C, 143 by the system (SIGTERM), 129 by the end of its terminal (SIGHUP); 141 the reader of
the output went away.

The commands with their options are in ``commands/``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

import typer

from cdrsite.cli.commands import design, finished, installation, library, runs
from cdrsite.cli.ending import HUNG_UP, STOPPED, TERMINATED, Terminated, asked, listen
from cdrsite.cli.foreign import drop_foreign_paths
from cdrsite.cli.streams import complain, flush, prepare_streams, tell
from cdrsite.core.errors import CdrsiteError
from cdrsite.core.faults import machine_fault
from cdrsite.core.version import __version__

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
    prepare_streams()
    drop_foreign_paths()
    listen()
    try:
        code = app(standalone_mode=False) or 0  # click hands on the code of typer.Exit
        if code == STOPPED:  # typer turns Ctrl-C into an exit code without a word
            _explain_end(KeyboardInterrupt())
        flush()
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
        complain(str(error))
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        complain("stopped: nothing half-written is left behind")
        return STOPPED
    if isinstance(error, Terminated):
        with suppress(OSError):  # the terminal may be gone
            complain("stopped by the system: nothing half-written is left behind")
        return int(error.args[0]) if error.args else TERMINATED
    if isinstance(error, BrokenPipeError):  # for example: cdrsite methods | head -1
        # or Python complains when it flushes what nobody reads
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return PIPE_CLOSED
    complain(f"the run failed: {machine_fault(error)}")
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
        complain(f"the run failed: {refused}")
        return 1
    complain(
        f"the run failed: {type(error).__name__}: {error}\nthis is a fault of cdrsite; "
        "cure: set CDRSITE_TRACEBACK=1, run again and report what it prints"
    )
    return 1


def _show_version(value: bool) -> None:
    if value:
        tell(f"cdrsite {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    del version  # handled by its callback


COMMANDS: dict[str, Callable[..., None]] = {
    "init": runs.init,
    "check": runs.check,
    "run": runs.run,
    "sample": runs.sample,
    "batch": runs.batch,
    "report": finished.report,
    "figures": finished.figures,
    "compare": finished.compare,
    "explain": finished.explain,
    "network": design.network,
    "methods": library.methods,
    "datasets": library.datasets,
    "credits": library.credits,
    "storage": library.storage,
    "screening": library.screening,
    "qgis-toolbox": installation.toolbox,
    "doctor": installation.doctor,
    "schema": installation.schema,
}
"""What people type -> its function, in the order of the help."""
for _name, _function in COMMANDS.items():
    app.command(_name)(_function)


if __name__ == "__main__":
    main()
