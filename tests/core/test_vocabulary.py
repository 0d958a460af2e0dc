"""One record per noun: nothing else lists resources or units for people, and all tell the same."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from tiny_study import tiny_grid

import cdrsite
from cdrsite.core.states import LOWEST_STATE
from cdrsite.core.vocabulary import (
    AMOUNTS,
    RESOURCES,
    VARIABLES,
    amount,
    code,
    families,
    price_in_words,
    resource_of,
    sized,
    variable,
)
from cdrsite.core.words import LANGUAGES, Words
from cdrsite.explain.lines import amount as told_amount
from cdrsite.outputs.classes import classes_of
from cdrsite.outputs.maps import draw
from cdrsite.report.maplayers import Layer, Painter
from cdrsite.report.mapsource import DatasetSource

PACKAGE = Path(cdrsite.__file__).parent
OWN = PACKAGE / "core" / "vocabulary.py"
FOR_PEOPLE = {"GWh/yr", "TWh/yr", "MWh", "Mm3/yr", "1000 m3", "1000 USD", "ha"}


def sources() -> Iterator[tuple[str, ast.AST]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if path != OWN:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            yield from ((path.relative_to(PACKAGE).as_posix(), node) for node in ast.walk(tree))


def test_no_other_module_lists_the_resources() -> None:
    names = {*RESOURCES, *(one.parameter for one in RESOURCES.values())}
    found = []
    for file, node in sources():
        if isinstance(node, ast.Tuple | ast.List | ast.Set | ast.Dict):
            parts = node.keys if isinstance(node, ast.Dict) else node.elts
            texts = {part.value for part in parts if isinstance(part, ast.Constant)}
            if len(texts & names) > 2:
                found.append((file, node.lineno))
    assert found == []


def test_no_other_module_names_a_unit_for_people() -> None:
    known = {"core/units.py"}  # texts that are units at all
    found = [
        (file, node.value)
        for file, node in sources()
        if isinstance(node, ast.Constant) and node.value in FOR_PEOPLE and file not in known
    ]
    assert found == []


def test_records_are_whole() -> None:
    for place, (name, one) in enumerate(RESOURCES.items()):
        assert name == one.name and code(name) == place < LOWEST_STATE
        assert one.unit in AMOUNTS and one.needs
        assert all(resource_of(family) == name for family in one.families)
    assert resource_of("policy") == "policy"
    assert {"injectivity", "pore space", "water"} <= families().keys() - {"land", "storage"}
    assert all(name == one.name for name, one in VARIABLES.items())
    assert len({one.colour for one in RESOURCES.values()}) == len(RESOURCES)


def test_variables_of_a_resource_follow_from_their_name() -> None:
    assert variable("supply_water").unit == "m3/yr" and variable("supply_water").raster
    assert variable("need_heat").unit == "kWh/t" and not variable("need_heat").raster
    assert variable("need_land").unit == "m2/(t/yr)"
    assert variable("pool_storage").meaning == "cheapest storage unit"
    assert variable("shortfall").unit_for("USD/yr") == "USD/t"
    assert variable("shortfall").file == "shortfall_METHOD" and variable("state").file == "state"
    assert (variable("anything").unit, variable("anything").meaning) == ("", "anything")


@pytest.mark.parametrize("name", [name for name in RESOURCES if name != "land"])
def test_what_a_cell_has_is_told_in_one_unit_everywhere(name: str) -> None:
    """On the map, in its explanation, in QGIS, in a figure and in an error."""
    unit = RESOURCES[name].unit
    size, shown = amount(unit).place
    grid, words = tiny_grid(), Words()
    values = np.full((4, 5), 0.5 * size, np.float32)
    values[0, 0] = 0.25 * size
    attrs = {"units": unit, "long_name": f"{name} offered", "grid_mapping": "crs"}
    data = xr.DataArray(values, dims=("y", "x"), name=f"supply_{name}", attrs=attrs)
    told = words.unit(shown)
    assert told_amount(values[1:2, 1:2], unit, words).of_one() == f"0.500 {told}"
    classes = classes_of(f"supply_{name}", values, unit)
    assert (classes.size, words.unit(classes.unit)) == (size, told)
    assert draw(data, grid).figure.axes[1].get_ylabel() == f"{name} offered [{told}]"
    dataset = xr.Dataset(
        {data.name: data},
        {"x": grid.x, "y": grid.y, "crs": ((), 0, {"spatial_ref": grid.wkt})},
    )
    for lang in LANGUAGES:
        painter = Painter(DatasetSource(dataset), Words(lang))
        legend = painter.paint(Layer(str(data.name)))["legend"]
        assert legend["unit"] == Words(lang).unit(shown)
        assert legend["steps"][0]["label"] == classes.steps(Words(lang), with_unit=False)[0].label
        assert all(0.2 < border / size < 0.51 for border in classes.borders)
    assert sized(0.5 * size, unit).endswith(f" {told}")


def test_amounts_and_prices_of_other_units_are_told_in_their_own() -> None:
    assert amount("person").total == (1.0, "person")
    assert sized(5.0, "Mm3") == "5.00 million m³"
    assert price_in_words("t per m3") == (1e3, "t per 1\u202f000 m³")
    assert price_in_words("USD per kWh", Words("zh"))[0] == 1e3
    assert price_in_words("t per person") == (1.0, "t per person")
