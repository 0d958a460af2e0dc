"""Models of files: what they say of their keys, and what making them costs."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from pydantic import Field

from cdrsite.config.models import Scenario
from cdrsite.core.checked import schema_of
from cdrsite.core.fields import Model
from cdrsite.library.methods import Method


class Toy(Model):
    """A toy."""

    size: float = 0.0
    """How large,
    in boxes."""
    silent: int = 0
    said: int = Field(0, description="Said otherwise.")
    """Not this."""
    class_: str = Field("", alias="class")
    """By its alias."""


class Larger(Toy):
    """A larger one."""

    more: int = 0
    """What it adds."""


def test_the_text_below_a_field_is_its_description() -> None:
    found = schema_of(Larger)["properties"]
    assert {key: one.get("description") for key, one in found.items()} == {
        "size": "How large,\nin boxes.",
        "silent": None,
        "said": "Said otherwise.",
        "class": "By its alias.",
        "more": "What it adds.",
    }


def test_a_model_is_made_without_reading_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts are looked up when a schema is asked for: they doubled the time of a start."""

    def refused(*_: Any) -> Any:
        raise AssertionError("the source was read")

    for name in ("findsource", "getsource", "getsourcelines", "getmodule"):
        monkeypatch.setattr(inspect, name, refused)

    class Late(Model):
        """Made late."""

        size: float = 0.0
        """How large."""

    assert Late(size=2).size == 2


@pytest.mark.parametrize("kind", [Scenario, Method])
def test_every_key_of_a_file_has_its_text(kind: type) -> None:
    schema = schema_of(kind)
    models = {"": schema, **schema["$defs"]}
    bare = [
        f"{model}.{key}"
        for model, about in models.items()
        for key, one in about.get("properties", {}).items()
        if not one.get("description") and model != "_Values"
    ]
    assert bare == []
