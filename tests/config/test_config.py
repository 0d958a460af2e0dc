"""The scenario reader: what it accepts, what it refuses and in which words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from cdrsite.config.load import load_scenario, parse_scenario
from cdrsite.config.models import Scenario
from cdrsite.core.errors import CdrsiteError, ConfigError, MissingFileError
from cdrsite.core.yamltext import read_yaml

ROOT = Path(__file__).resolve().parents[2]
HERE = Path("study.yaml")

MINIMAL = """
name: small
region: {bounds: [5, 50, 6, 51]}
methods:
  daccs-solid: {}
"""


def parse(text: str, *overrides: str) -> Scenario:
    return parse_scenario(text, HERE, overrides)


def test_a_minimal_scenario_has_sensible_defaults() -> None:
    scenario = parse(MINIMAL)
    assert scenario.grid.crs == "auto"
    assert scenario.grid.resolution == "1 km"
    assert scenario.costs.discount_rate == 0.07
    assert scenario.resources.water.unlimited is True
    assert list(scenario.methods) == ["daccs-solid"]


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda p: p.name)
def test_the_shipped_scenarios_are_valid(path: Path) -> None:
    assert load_scenario(path).title


def test_units_and_currencies_become_canonical_numbers() -> None:
    scenario = parse(
        MINIMAL
        + """
costs:
  base_year: 2020
  discount_rate: 7 %
  prices: {electricity: 60 USD/MWh, heat: 10 USD/GJ, water: 1.5 $/m3, land: 100 EUR2020/ha/yr}
siting:
  exclude:
    - {smaller_than: 4 km2}
"""
    )
    prices = scenario.costs.prices
    assert prices.electricity == pytest.approx(0.06)
    assert prices.heat == pytest.approx(0.036)
    assert prices.water == 1.5
    assert prices.land == pytest.approx(0.0114, rel=0.02)
    assert scenario.siting.exclude[0].smaller_than == 4e6


def test_the_base_year_of_the_file_deflates_prices() -> None:
    text = MINIMAL + "costs: {base_year: YEAR, prices: {water: 1 USD2010/m3}}\n"
    later = parse(text.replace("YEAR", "2022")).costs.prices.water
    earlier = parse(text.replace("YEAR", "2015")).costs.prices.water
    assert later > earlier > 1.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("grid: {resolutoin: 1 km}", r"study.yaml:6: grid.resolutoin: unknown key.*'resolution'"),
        ("grid: {max_cells: -3}", r"study.yaml:6: grid.max_cells: .*greater than 0; got -3"),
        ("costs: {discount_rate: .nan}", r"discount_rate: not a finite number"),
        ("costs: {discount_rate: 120 %}", r"out of range; got '120 %'; expected at most 1"),
        ("costs: {prices: {water: .inf}}", r"costs.prices.water: not a finite number; got inf"),
        ("costs: {prices: {water: -1}}", r"out of range; got -1; expected at least 0 USD/m3"),
        ("costs: {prices: {water: 3 kWh}}", r"wrong dimension; got '3.* kWh'; expected .*USD/m3"),
        ("costs: {prices: {water: 3 XYZ/m3}}", r"costs.prices.water: not a unit"),
        ("costs: {prices: {water: 3 USD1850/m3}}", r"costs.prices.water: "),
        ("layers: {a b: {value: 1}}", r"layers: layer name; got 'a b'"),
        ("layers: {a: {derive: slop, from: b}}", r"layers.a.derive: .*'slope'.*got 'slop'"),
        ("layers: {a: {derive: slope, from: b, unit: kg}}", r"wrong unit for a slope; got 'kg'"),
        ("layers: {a: {derive: density, from: b}}", r"layers.a: radius; got None"),
        ("layers: {a: {pat: x.tif}}", r"layers.a.pat: unknown key; .*'path'"),
        ("siting: {prefer: [{layer: a, best: 1, worst: 0, weight: 0}]}", r"all weights are zero"),
        (
            "siting: {prefer: [{layer: a, best: 1, worst: 1}]}",
            r"best and the other end are the same",
        ),
        ("siting: {prefer: [{layer: a}]}", r"needs two ends; expected best and worst"),
        (
            "siting: {prefer: [{layer: a, near: b, best: 1, none: 2}]}",
            r"exactly one of near, layer",
        ),
        ("siting: {prefer: [{layer: a, points: [[1, 0], [0, 1]]}]}", r"two or more rising values"),
        ("siting: {exclude: [{layer: a, above: 1, classes: [1]}]}", r"several tests in one rule"),
        ("siting: {exclude: [{above: 1}]}", r"siting.exclude.0: no layer"),
        ("siting: {exclude: [{smaller_than: 1 km2, layer: a}]}", r"layer; a rule by contiguity"),
        ("resources: {water: {pools: b}}", r"pools without a supply; expected supply: COLUMN"),
        ("resources: {water: {pools: b, supply: s}}", r"supply without a unit"),
        ("resources: {water: {pools: b, layer: c}}", r"exactly one of pools, layer"),
        ("resources: {storage: {units: b}}", r"storage units need a capacity"),
        ("resources: {land: {usable: 1.2}}", r"out of range; got 1.2; expected at most 1"),
        ("name: again", r"study.yaml:6: not valid YAML: .*duplicate key"),
        ("siting: {exclude: [{layer: ''}]}", r"siting.exclude.0.layer: an empty name; expected a"),
        (
            "layers: {dem: {path: [a.tif, b.tif, a.tif], kind: intensive}}",
            r"layers.dem.path: a tile twice; got a.tif; cure: name each file once",
        ),
        ("outputs: {sites: many}", r"outputs.sites: .*valid integer.*got 'many'"),
    ],
)
def test_errors_name_file_line_key_got_and_expected(change: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse(MINIMAL + change + "\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a mapping; got an empty file"),
        ("- 1\n- 2\n", "not a mapping; got a list"),
        ("just words", "not a mapping"),
        ("a: [1, 2", r"study.yaml:\d+: not valid YAML"),
        ("a: *b", "not valid YAML"),
        ("name: &a {b: *a}", "study.yaml:1: an alias of itself"),
        ("[1, 2]: 3\nname: x", "a key is not text"),
    ],
)
def test_text_that_is_no_scenario_is_refused(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse(text)


def test_a_region_without_extent_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"study.yaml:3: region: empty region; got \[6.0, 50.0"):
        parse(MINIMAL.replace("[5, 50, 6, 51]", "[6, 50, 5, 51]"))


def test_an_unknown_method_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"study.yaml:5: methods.dacs: .*got 'dacs'.*daccs-solid"):
        parse(MINIMAL.replace("daccs-solid", "dacs"))
    rule = "siting: {exclude: [{layer: a, for: forest}]}"
    with pytest.raises(ConfigError, match=r"study.yaml:6: siting.exclude.0.for: .*got 'forest'"):
        parse(MINIMAL + rule)


def test_weights_that_are_zero_for_one_method_are_refused() -> None:
    text = (
        MINIMAL.replace("  daccs-solid: {}", "  daccs-solid: {}\n  afforestation: {gates: false}")
        + "siting:\n  prefer:\n    - {layer: a, best: 1, worst: 0, for: daccs-solid}\n"
        + "    - {layer: a, best: 1, worst: 0, weight: 0, for: afforestation}\n"
    )
    with pytest.raises(ConfigError, match=r"siting.prefer: all weights are zero for afforestation"):
        parse(text)


def test_every_problem_of_a_file_is_reported() -> None:
    text = MINIMAL + "grid: {resolutoin: 1}\ncosts: {prices: {water: -1}}\n"
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert "grid.resolutoin" in str(caught.value)
    assert "costs.prices.water" in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="no such scenario file"):
        load_scenario(tmp_path / "none.yaml")


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(ConfigError, match="not a UTF-8 text file"):
        load_scenario(path)


def test_variables_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDY_TITLE", "A title")
    assert parse(MINIMAL + "title: ${STUDY_TITLE}\n").title == "A title"
    assert parse(MINIMAL + "title: ${NOT_SET_HERE:-other}\n").title == "other"
    with pytest.raises(ConfigError, match=r"study.yaml:6: title: .*variable is not set"):
        parse(MINIMAL + "title: ${NOT_SET_HERE}\n")


def test_set_replaces_values_in_mappings_and_lists() -> None:
    text = MINIMAL + "siting: {exclude: [{layer: a, above: 1}]}\n"
    scenario = parse(
        text, "grid.resolution=250 m", "siting.exclude.0.above=7", "costs.base_year=2015"
    )
    assert scenario.grid.resolution == "250 m"
    assert scenario.siting.exclude[0].above == 7.0
    assert scenario.costs.base_year == 2015


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("grid", "not an override.*key=value"),
        ("name.a=1", "runs through a single value"),
        ("siting.exclude.4.above=1", "no such list item"),
        ("grid.resolutoin=1", "grid.resolutoin: unknown key"),
    ],
)
def test_set_errors(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse(MINIMAL + "siting: {exclude: [{layer: a, above: 1}]}\n", text)


def test_paths_start_at_the_data_folder(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(MINIMAL + "data_folder: data\nlayers: {a: {path: x.tif}}\n")
    layer = load_scenario(path).layers["a"]
    assert layer.path == tmp_path / "data" / "x.tif"


def test_a_path_that_climbs_out_is_refused_when_the_scenario_says_so(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    body = MINIMAL + "layers: {a: {path: ../x.tif}}\n"
    path.write_text(body)
    assert load_scenario(path).layers["a"].path == tmp_path.parent / "x.tif"
    path.write_text(body + "confine_paths: true\n")
    with pytest.raises(ConfigError, match=r"layers.a.path: the path climbs out"):
        load_scenario(path)


def test_the_schema_covers_every_key_and_validates_the_demo() -> None:
    import jsonschema

    schema = Scenario.model_json_schema(by_alias=True)
    jsonschema.Draft202012Validator.check_schema(schema)
    data, _ = read_yaml((ROOT / "config" / "demo.yaml").read_text(encoding="utf-8"), "demo")
    jsonschema.validate(data, schema)
    data["grid"]["resolutoin"] = 3
    with pytest.raises(jsonschema.ValidationError, match="resolutoin"):
        jsonschema.validate(data, schema)
    assert json.dumps(schema)


YAML_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["name", "region", "grid", "layers", "siting", "exclude", "a", "path", "for"]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=examples(150))
@given(st.text(max_size=120))
def test_any_text_gives_a_scenario_or_a_clear_error(text: str) -> None:
    try:
        parse(text)
    except CdrsiteError as error:
        assert str(error)


@settings(max_examples=examples(150))
@given(st.dictionaries(st.sampled_from(sorted(Scenario.model_fields)), YAML_VALUES, max_size=6))
def test_any_mapping_gives_a_scenario_or_a_clear_error(data: dict[str, object]) -> None:
    from io import StringIO

    from ruamel.yaml import YAML

    stream = StringIO()
    YAML(typ="safe").dump(data, stream)
    try:
        parse(stream.getvalue())
    except CdrsiteError as error:
        assert str(error)


def test_paths_are_absolute_without_a_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not given is as absolute as what is: nothing depends on where a run goes on."""
    monkeypatch.chdir(tmp_path)
    given = {
        "name": "x",
        "region": {"bounds": [6, 50, 7, 51]},
        "layers": {"slope": {"path": "slope.tif"}},
        "methods": {"daccs-solid": {}},
    }
    scenario = Scenario.model_validate(given)
    assert scenario.data_folder == tmp_path
    assert scenario.layers["slope"].path == tmp_path / "slope.tif"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    read = parse_scenario(
        "name: x\nregion: {bounds: [6, 50, 7, 51]}\nmethods: {daccs-solid: {}}\n",
        elsewhere / "x.yaml",
    )
    assert read.data_folder == elsewhere
