"""cdrsite: where carbon dioxide removal can go, how much, at what cost, and what binds.

>>> import cdrsite
>>> scenario = cdrsite.load_scenario("demo.yaml")  # doctest: +SKIP
>>> result = cdrsite.run(scenario)  # doctest: +SKIP

Names are imported when first used, so that ``import cdrsite`` is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cdrsite.core.version import __version__

if TYPE_CHECKING:
    from cdrsite.arrays.costs import lcor, lcor_parts, net_factor
    from cdrsite.arrays.distance import cost_distance
    from cdrsite.arrays.plans import allocate
    from cdrsite.arrays.siting import coverage, exclude
    from cdrsite.compare.sweep import sweep
    from cdrsite.config.load import load_scenario
    from cdrsite.config.models import Scenario
    from cdrsite.core.annuity import crf
    from cdrsite.core.errors import CdrsiteError, CdrsiteWarning
    from cdrsite.core.grid import AnalysisGrid
    from cdrsite.core.vocabulary import Resource, register_resource
    from cdrsite.library.methods import load_method, method_names
    from cdrsite.outputs.opened import open_run
    from cdrsite.place.dependence import Dependence
    from cdrsite.place.registry import register_dependence
    from cdrsite.result.study_result import StudyResult
    from cdrsite.study.run import check_study, run


_HOME = {
    "AnalysisGrid": "cdrsite.core.grid",
    "CdrsiteError": "cdrsite.core.errors",
    "CdrsiteWarning": "cdrsite.core.errors",
    "Dependence": "cdrsite.place.dependence",
    "Resource": "cdrsite.core.vocabulary",
    "Scenario": "cdrsite.config.models",
    "StudyResult": "cdrsite.result.study_result",
    "allocate": "cdrsite.arrays.plans",
    "check_study": "cdrsite.study.run",
    "cost_distance": "cdrsite.arrays.distance",
    "coverage": "cdrsite.arrays.siting",
    "crf": "cdrsite.core.annuity",
    "exclude": "cdrsite.arrays.siting",
    "lcor": "cdrsite.arrays.costs",
    "lcor_parts": "cdrsite.arrays.costs",
    "load_method": "cdrsite.library.methods",
    "load_scenario": "cdrsite.config.load",
    "method_names": "cdrsite.library.methods",
    "net_factor": "cdrsite.arrays.costs",
    "open_run": "cdrsite.outputs.opened",
    "register_dependence": "cdrsite.place.registry",
    "register_resource": "cdrsite.core.vocabulary",
    "run": "cdrsite.study.run",
    "sweep": "cdrsite.compare.sweep",
}

__all__ = [
    "AnalysisGrid",
    "CdrsiteError",
    "CdrsiteWarning",
    "Dependence",
    "Resource",
    "Scenario",
    "StudyResult",
    "__version__",
    "allocate",
    "check_study",
    "cost_distance",
    "coverage",
    "crf",
    "exclude",
    "lcor",
    "lcor_parts",
    "load_method",
    "load_scenario",
    "method_names",
    "net_factor",
    "open_run",
    "register_dependence",
    "register_resource",
    "run",
    "sweep",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its home when it is first asked for."""
    if name not in _HOME:
        message = f"module 'cdrsite' has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
