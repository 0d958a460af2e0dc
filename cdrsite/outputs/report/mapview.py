"""The interactive map of the report."""

from __future__ import annotations

from cdrsite.outputs.report.fragment import Fragment
from cdrsite.outputs.report.words import Words
from cdrsite.outputs.runfolder import RunFolder


def map_fragment(run: RunFolder, words: Words) -> Fragment:
    """The map of a run as a part of its report."""
    return Fragment("")
