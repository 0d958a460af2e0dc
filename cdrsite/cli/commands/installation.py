"""Commands that serve an installation and its tools: qgis-toolbox, doctor, schema."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cdrsite.cli.options import AsJson
from cdrsite.cli.streams import tell


def toolbox(
    folder: Annotated[Path, typer.Argument(help="A folder of scripts of QGIS, or any other.")],
) -> None:
    """Write a script by which QGIS runs scenarios from its toolbox and loads their maps."""
    from cdrsite.outputs.qgis_toolbox import write_toolbox

    tell(f"wrote {write_toolbox(folder)}")


def doctor(as_json: AsJson = False) -> None:
    """Check this installation, with a cure for what is wrong."""
    from cdrsite.cli.doctor import as_document, examine, usable
    from cdrsite.cli.foreign import dropped_paths
    from cdrsite.cli.tables import print_checks, print_json

    checks = examine(dropped_paths)
    if as_json:
        print_json(as_document(checks))
    else:
        print_checks(checks)
    if not usable(checks):
        raise typer.Exit(1)


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
