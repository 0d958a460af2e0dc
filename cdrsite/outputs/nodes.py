"""Plants, sites and the ends of pipes as a page calls them, from the names that tables hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cdrsite.core.words import Words

ACCESS = "access to "
"""Begin of the name of the end of a pipe at a storage unit."""
JUNCTION = "junction "
"""Begin of the name of a place where pipes meet."""


def node(name: str, words: Words, methods: Sequence[str]) -> str:
    """A plant, several sites or an end of a pipe in the language of the page.

    Parameters
    ----------
    name : str
        ``METHOD NUMBER (ZONE)``, several of one place joined by " + ", ``METHOD RANK, RANK; METHOD
        RANK``, ``access to UNIT``,
        ``junction NUMBER``; any other name stays as it is.
    words : Words
        Language.
    methods : sequence of str
        Names of the methods of the run.
    """
    for key, head in (("node.junction", JUNCTION), ("node.access", ACCESS)):
        if name.startswith(head):
            return words(key, name=name.removeprefix(head))
    for method in methods:
        # a number follows: an emitter may be called as a method is
        own = rf"(?:^|(?<=; )|(?<= \+ )){re.escape(method)}(?= [0-9])"
        name = words.method(method).join(re.split(own, name))
    return name
