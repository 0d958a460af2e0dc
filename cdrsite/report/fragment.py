"""A part of the page that brings its own style and script."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Fragment:
    """A part of the page.

    Attributes
    ----------
    html : str
        Markup, everything from the user's data escaped (:func:`cdrsite.report.html.text`).
    css : str
        Added to the page's one ``<style>``.
    script : str
        Run after the page is built; the page's policy lets no other script run, so there must be
        neither handlers in attributes nor ``eval``.
    data : dict
        What the script reads: the page puts it as JSON into the element ``#map-data``, with every
        ``<``, ``>`` and ``&`` escaped. The script parses its ``textContent``.
    """

    html: str
    css: str = ""
    script: str = ""
    data: dict[str, Any] = field(default_factory=dict)
