"""YAML texts: values of YAML 1.2, lines, refusals, and what is written is read back."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from cdrsite.core import yamltext
from cdrsite.core.errors import ConfigError
from cdrsite.core.yamltext import read_yaml, write_yaml

ROOT = Path(__file__).parents[2]


def value_of(text: str) -> object:
    return read_yaml(f"a: {text}", "x.yaml")[0]["a"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("NO", "NO"),
        ("True", True),
        ("false", False),
        ("~", None),
        ("", None),
        ("Null", None),
        ("1e3", 1000.0),
        ("-1.5E-2", -0.015),
        (".5", 0.5),
        ("5.", 5.0),
        ("-.inf", float("-inf")),
        ("1_000", 1000),
        ("010", 10),
        ("0o17", 15),
        ("-0x1F", -31),
        ("0b101", 5),
        ("+7", 7),
        ("12:30", "12:30"),
        ("1-11", "1-11"),
        ("2020-01-31", "2020-01-31"),
        ("2020-01-31T10:00:00Z", "2020-01-31T10:00:00Z"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("!!str 12", "12"),
        ("!!float 12", 12.0),
        ("!!int '12'", 12),
        ("!mine 12", "12"),
        ("|\n  two\n  lines\n", "two\nlines\n"),
        ("=", "="),
        ("<<", "<<"),
        (".", "."),
        ("-", [None]),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(text: str, value: object) -> None:
    if text == "-":
        text = "\n- "
    found = value_of(text)
    assert (type(found), found) == (type(value), value)


def test_every_file_of_the_package_reads_as_another_library_reads_it() -> None:
    files = [*(ROOT / "cdrsite").rglob("*.yaml"), *(ROOT / "config").glob("*.yaml")]
    assert len(files) > 40
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert read_yaml(text, path.name)[0] == YAML(typ="safe").load(text), path


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False)
    | st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=["Cc"]))
    | st.sampled_from(
        ["1e3", "0o17", "yes", "~", "1_0", "a: b", "# c", "2020-01-01", "<<", "\u00a0"]
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("xyz1e-", min_size=1), VALUES, min_size=1))
def test_what_is_written_is_read_back(data: dict[str, object]) -> None:
    assert read_yaml(write_yaml(data), "x.yaml")[0] == data


@given(st.dictionaries(st.text("xyz", min_size=1), VALUES, min_size=1))
def test_what_another_library_writes_is_read_back(data: dict[str, object]) -> None:
    from io import StringIO

    stream = StringIO()
    YAML(typ="safe", pure=True).dump(data, stream)
    assert read_yaml(stream.getvalue(), "x.yaml")[0] == data


def test_keys_and_items_know_their_lines() -> None:
    text = "a:\n  b: 1\n  c:\n    - 2\n    - {d: 3,\n       e: 4}\n# f\n7: x\n"
    assert read_yaml(text, "x.yaml")[1] == {
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "c"): 3,
        ("a", "c", "0"): 4,
        ("a", "c", "1"): 5,
        ("a", "c", "1", "d"): 5,
        ("a", "c", "1", "e"): 6,
        ("7",): 8,
    }


def test_an_alias_is_a_copy_and_own_keys_hold_over_merged_ones() -> None:
    text = "a: &a {x: 1, y: [2]}\nb: *a\nc:\n  <<: *a\n  x: 3\nd: {<<: [*a, {x: 5, z: 6}]}\n"
    data, lines = read_yaml(text, "x.yaml")
    assert data == {
        "a": {"x": 1, "y": [2]},
        "b": {"x": 1, "y": [2]},
        "c": {"x": 3, "y": [2]},
        "d": {"x": 1, "y": [2], "z": 6},
    }
    data["b"]["y"].append(9)
    assert data["a"] == {"x": 1, "y": [2]}
    assert read_yaml(text, "x.yaml")[0]["b"]["y"] == [2]
    assert (lines["b", "x"], lines["c", "x"], lines["c", "y"]) == (1, 5, 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: 2\na: 3", r'^x.yaml:3: not valid YAML: found duplicate key "a".*cure'),
        ("a: {1: x, 0x1: y}", r'^x.yaml:1: not valid YAML: found duplicate key "1"'),
        ("a: &a {b: 1}\nc:\n  <<: *a\n  <<: *a", r'^x.yaml:4: .*duplicate key "<<"'),
        ("a:\n  <<: 3", "^x.yaml:2: not valid YAML: << merges mappings only"),
        ("a: [1,\nb", r"^x.yaml:\d: not valid YAML: .*cure"),
        ("a: 1\n---\nb: 2", "^x.yaml:2: not valid YAML: more than one document"),
        ("a: 1\nb: *c", r"^x.yaml:2: not valid YAML: undefined alias; got \*c"),
        ("a: 1\nb: \x01", "^x.yaml:2: not valid YAML; got control characters"),
        ("a: '\ud800'", "^x.yaml: not valid YAML"),
        ('a: 1\nb: "\\x01"', "^x.yaml:2: b: not a text that can be written"),
        ("a: !!set {b, c}", "^x.yaml:1: not a text, number, list or mapping; got !!set"),
        ("a: !!python/object:os.system x", "^x.yaml:1: not valid YAML: no value of the type"),
        ("a: !!int x", "^x.yaml:1: not valid YAML: no value of the type int; got 'x'"),
        ("a:\n b: 0x_", "^x.yaml:2: not valid YAML; got invalid literal"),
        (f"a: {'9' * 5000}", "^x.yaml:1: not valid YAML; got Exceeds"),
        (f"a: {10**19}", "^x.yaml:1: a: too large a number"),
        ("true: 1", "^x.yaml:1: True: a key is not text; got True"),
        ("1.5: 1", "^x.yaml:1: 1.5: a key is not text"),
        ("a: 1\n? [b]\n: c", "^x.yaml:2: a key is not text; got a list or mapping"),
        ("a: &a [1]\n*a : c", "^x.yaml:2: a key is not text; got a list or mapping"),
        ("", "^x.yaml: not a mapping; got an empty file"),
        ("- 1", "^x.yaml: not a mapping; got a list"),
        ("words", "^x.yaml: not a mapping; got 'words'"),
    ],
)
def test_a_refusal_names_the_line(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_yaml(text, "x.yaml")


@given(st.text("ab: -[]{}&*?|>'\"!%@`#,\n\t\\~<=.0123\ue000\u0085", max_size=40))
def test_any_text_gives_a_mapping_or_a_clear_error(text: str) -> None:
    try:
        assert isinstance(read_yaml(text, "x.yaml")[0], dict)
    except ConfigError as error:
        assert str(error).startswith("x.yaml")


def test_libyaml_reads_and_python_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    assert yaml.CSafeLoader is yamltext._LOADER
    text = (ROOT / "config" / "demo.yaml").read_text(encoding="utf-8")
    quick = read_yaml(text, "quick")
    monkeypatch.setattr(yamltext, "_LOADER", yaml.SafeLoader)
    assert read_yaml(text, "slow") == quick


@pytest.mark.parametrize("wrong", [False, True])
def test_a_file_of_the_library_is_parsed_once_also_where_something_is_wrong(
    wrong: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cdrsite.library.methods import load_method_file, load_sources, of_own_power

    load_sources(), of_own_power()
    path = tmp_path / "mine.yaml"
    text = (ROOT / "cdrsite/library/methods/daccs-solid.yaml").read_text(encoding="utf-8")
    path.write_text(text + ("famly: plant\n" if wrong else ""), encoding="utf-8")
    parsed, parse = [], yaml.parse
    monkeypatch.setattr(yaml, "parse", lambda *a, **k: parsed.append(1) or parse(*a, **k))
    if wrong:
        with pytest.raises(ConfigError, match=r"mine\.yaml:\d+: famly: unknown key"):
            load_method_file(path)
    else:
        load_method_file(path)
    assert len(parsed) == 1
