"""The API reference: the package's face, and modules whose functions are of use alone."""

from __future__ import annotations

import importlib
import inspect

from generate.markdown import code, page

MODULES = (
    "cdrsite.methods.net",
    "cdrsite.methods.cost",
    "cdrsite.transport.costmodels",
    "cdrsite.transport.distance",
    "cdrsite.network.tables",
    "cdrsite.network.design",
    "cdrsite.competition.problem",
    "cdrsite.competition.results",
    "cdrsite.compare.variants",
    "cdrsite.compare.batch",
    "cdrsite.place.dependence",
)
"""Modules that the reference documents whole."""
NO_MEMBERS = {"Scenario"}
"""Classes whose keys stand in the scenario reference."""


def pages() -> dict[str, str]:
    """Name of a page -> its text."""
    import cdrsite.report.accessor  # registers the accessor
    import cdrsite.testing

    face = [_entry("cdrsite", name) for name in cdrsite.__all__ if not name.startswith("_")]
    testing = [_entry("cdrsite.testing", name) for name in cdrsite.testing.__all__]
    accessor = (
        "```{eval-rst}\n.. autoclass:: cdrsite.report.accessor.DatasetAccessor\n   :members:\n```"
    )
    known = ", ".join(cdrsite.__all__)
    modules = [
        f"## {code(name)}\n\n```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n"
        f"   :exclude-members: {known}\n```"
        for name in MODULES
    ]
    return {
        "api": page(
            "# API",
            "What `import cdrsite` gives comes first, then the accessor of datasets, what is for "
            "tests, and modules whose functions are of use alone. Units stand in brackets.",
            "## `cdrsite`",
            *face,
            "## `.cdr` of a dataset",
            accessor,
            "## `cdrsite.testing`",
            *testing,
            *modules,
        )
    }


def _entry(module: str, name: str) -> str:
    """The directive of one name."""
    thing = getattr(importlib.import_module(module), name)
    kind = "autoclass" if inspect.isclass(thing) else "autofunction"
    members = "\n   :members:" if kind == "autoclass" and name not in NO_MEMBERS else ""
    return f"```{{eval-rst}}\n.. {kind}:: {module}.{name}{members}\n```"
