"""Commands that list what the library holds, and print one of it with its sources."""

from __future__ import annotations

from typing import Annotated

import typer

from cdrsite.cli.options import AsJson, Lang, Language


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


def datasets(
    name: Annotated[str | None, typer.Argument(help="A preset; all when not given.")] = None,
    as_json: AsJson = False,
    lang: Lang = Language.EN,
) -> None:
    """List the dataset presets, or what one of them knows."""
    from cdrsite.cli.catalogue import print_dataset, print_datasets

    if name is None:
        print_datasets(as_json=as_json, lang=lang.value)
    else:
        print_dataset(name, as_json=as_json, lang=lang.value)


def credits(  # noqa: A001 - the command's name
    name: Annotated[str | None, typer.Argument(help="A scheme; all when not given.")] = None,
    as_json: AsJson = False,
    lang: Lang = Language.EN,
) -> None:
    """List the schemes that pay for removal, or what one of them asks for."""
    from cdrsite.cli.catalogue import print_credit, print_credits

    if name is None:
        print_credits(as_json=as_json, lang=lang.value)
    else:
        print_credit(name, as_json=as_json, lang=lang.value)


def storage(
    name: Annotated[str | None, typer.Argument(help="A kind; all when not given.")] = None,
    as_json: AsJson = False,
    lang: Lang = Language.EN,
) -> None:
    """List the kinds of storage, or what a tonne needs in one of them."""
    from cdrsite.cli.storage import print_storage_kind, print_storage_kinds

    if name is None:
        print_storage_kinds(as_json=as_json, lang=lang.value)
    else:
        print_storage_kind(name, as_json=as_json, lang=lang.value)


def screening(
    name: Annotated[str | None, typer.Argument(help="A method; all when not given.")] = None,
    as_json: AsJson = False,
    lang: Lang = Language.EN,
) -> None:
    """List methods of the open sea, whose ports and plants are compared, or one of them."""
    from cdrsite.cli.screening import print_screening

    print_screening(name, as_json=as_json, lang=lang.value)
