"""Stages of a study: each says what it depends on, gets just that, and is known by its content.

What a stage declares is what it can reach: reading another key of the scenario is an error of the
program. So what the runs of a batch can share follows from the declarations, and from nothing else:
two runs share a stage where the values of its keys, the bytes of the files that these name, the
stages that it builds on and the version of the program are the same.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar

from pydantic import BaseModel

from cdrsite.core.content import known_sha256
from cdrsite.core.references import files_of
from cdrsite.core.version import __version__

P = ParamSpec("P")
T = TypeVar("T")


class Stage(Generic[P, T]):
    """A step of a study, called like the function that it is made of; see :func:`stage`.

    Attributes
    ----------
    name : str
        In a batch's table of what was shared.
    reads : tuple of str
        Keys of the scenario that it reads itself, by attribute: ``costs.base_year``, or
        ``methods.*.regions`` for one of every method. A key stands for all below it.
    after : tuple of Stage
        Stages that it builds on.
    gives : tuple of str
        What it adds to the setting of the study, for the stages after it.
    when : str
        Key without which it gives nothing, and so depends on nothing else; empty for none.
    """

    def __init__(
        self,
        function: Callable[P, T],
        name: str,
        reads: Sequence[str],
        after: Sequence[Stage[..., Any]],
        gives: Sequence[str],
        when: str = "",
    ) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self.name, self.reads = name, tuple(reads)
        self.after, self.gives, self.when = tuple(after), tuple(gives), when

    def __call__(self, *args: P.args, **options: P.kwargs) -> T:
        """The function on what the stage may know of the study: its first argument."""
        known: Any = (self.known(args[0]), *args[1:])
        try:
            return self._function(*known, **options)
        except AttributeError as error:
            error.add_note(
                f"the stage {self.name} knows of the scenario {', '.join(self.reads)} only, and of "
                f"the study what {', '.join(earlier.name for earlier in self.after)} give: what it "
                "reads is declared beside its function"
            )
            raise

    def known(self, study: Any) -> Any:
        """A scenario, or the setting of a study that has one, with what is declared and no more."""
        if isinstance(study, BaseModel):
            return only(study, self.reads)
        names = {name for earlier in self.after for name in earlier.gives}
        part = _bare(study, names)
        vars(part)["scenario"] = only(study.scenario, self.reads)
        return part

    def key(self, scenario: BaseModel, known: dict[str, str] | None = None) -> str:
        """Hash of all that the stage depends on in a scenario; the same wherever its files lie.

        ``known`` takes the keys of a scenario's stages by name: each is then made once.
        """
        known = {} if known is None else known
        if self.name not in known:
            idle = bool(self.when) and getattr(scenario, self.when) is None
            own = None if idle else content(only(scenario, self.reads))
            after = () if idle else self.after
            before = [earlier.key(scenario, known) for earlier in after]
            text = json.dumps([__version__, self.name, own, before])
            known[self.name] = hashlib.sha256(text.encode()).hexdigest()[:20]
        return known[self.name]


def stage(
    name: str,
    *,
    reads: Sequence[str] = (),
    after: Sequence[Stage[..., Any]] = (),
    gives: Sequence[str] = (),
    when: str = "",
) -> Callable[[Callable[P, T]], Stage[P, T]]:
    """Declare what a stage depends on, beside its function.

    The function's first argument is the scenario, or a setting with an attribute ``scenario``; the
    other arguments are what earlier stages made, which ``after`` must name.
    """
    return lambda function: Stage(function, name, reads, after, gives, when)


def only(value: T, reads: Sequence[str]) -> T:
    """A model with nothing but some of its keys: to read another is an AttributeError.

    Parameters
    ----------
    value : model, mapping or sequence of models
        Stays as it is.
    reads : sequence of str
        As in :class:`Stage`.

    Raises
    ------
    LookupError
        A model has no such key.
    """
    below: dict[str, list[str]] = {}
    for path in reads:
        head, _, rest = path.partition(".")
        below.setdefault(head, []).append(rest)
    if isinstance(value, BaseModel):
        unknown = below.keys() - type(value).model_fields.keys()
        if unknown:
            raise LookupError(f"{type(value).__name__} has no {', '.join(sorted(unknown))}")
        part = _bare(value, below.keys())
        for name, keys in below.items():
            if "" not in keys:
                vars(part)[name] = only(vars(part)[name], keys)
        return part
    items: Any = value
    if isinstance(items, Mapping):
        items = {name: only(item, below["*"]) for name, item in items.items()}
    elif isinstance(items, list | tuple):
        items = tuple(only(item, below["*"]) for item in items)
    kept: T = items
    return kept


def _bare(value: T, names: Any) -> T:
    """A copy of an object with nothing but some of its attributes."""
    part = copy.copy(value)
    for name in vars(part).keys() - set(names):
        del vars(part)[name]
    return part


def content(value: Any) -> Any:
    """Plain values that say all of a value: of a path, the names and hashes of its files.

    Where the files lie says nothing. Which keys were given counts too: some mean another thing when
    they are left out than when their default is written.
    """
    if isinstance(value, BaseModel):
        kept = {name: content(item) for name, item in vars(value).items()}
        return [type(value).__name__, kept, sorted(value.model_fields_set & kept.keys())]
    if isinstance(value, Mapping):
        return [[repr(name), content(item)] for name, item in value.items()]
    if isinstance(value, list | tuple):
        return [content(item) for item in value]
    if isinstance(value, Path):
        files = sorted(files_of(value))
        return [[os.path.relpath(file, value.parent), known_sha256(file)] for file in files]
    return repr(value)
