"""What follows from the fuel of a method file."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdrsite.core.errors import ConfigError
from cdrsite.library.files import shipped
from cdrsite.library.methods import load_method, load_method_file


def test_the_store_takes_the_fuel_s_co2_as_well() -> None:
    chosen = load_method("daccs-liquid").profile()
    assert chosen.number("storage") == pytest.approx(1.29733, abs=1e-4)
    assert chosen.number("storage") - chosen.number("fossil_co_captured") == pytest.approx(1.0)
    assert chosen.values["storage"].locator == "1 + heat x fuel_co2 x fuel_co2_captured"


def test_what_follows_from_the_fuel_may_not_be_given_as_well(tmp_path: Path) -> None:
    text = shipped("methods")["daccs-liquid"].read_text(encoding="utf-8")
    record = "      storage: {value: 1.3, unit: t/t, source: derived, locator: by hand}\n"
    path = tmp_path / "own.yaml"
    path.write_text(
        text.replace("      fuel_co2:\n", record + "      fuel_co2:\n"), encoding="utf-8"
    )
    line = 1 + text[: text.index("      fuel_co2:\n")].count("\n")
    with pytest.raises(ConfigError, match=rf"own.yaml:{line}: .*storage.*it follows from heat"):
        load_method_file(path)
