"""Titles of what is drawn on the report's map: each layer of a run has one in every language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cdrsite.core.words import LANGUAGES, Words
from cdrsite.outputs import vectors
from cdrsite.report.mapvectors import layer_title

SHAPES = re.compile(
    r'_layer\(\s*"(\w+)", [^\n]*?"(?:Point|LineString|MultiPolygon)"|_layer\(\s*"(pipes)"'
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_layers_of_a_run_have_titles_and_no_keys(language: str) -> None:
    text = Path(str(vectors.__file__)).read_text(encoding="utf-8")
    names = {first or second for first, second in SHAPES.findall(text)}
    assert {"region", "site_samples", "sites", "plants", "pipes", "provinces"} <= names
    words = Words(language)
    assert [name for name in sorted(names) if layer_title(name, words) == name] == []
