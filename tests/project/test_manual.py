"""The manual: its examples are scenarios that hold, its commands exist, its pages can be built.

What is parsed and what is run: YAML is read and checked as `cdrsite check` does where the sample
data have its files, and else as far as it can be without them; commands are parsed; those of the
pages that lead a newcomer are run, on a coarse grid.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import importlib.util
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from answer import Answer

from cdrsite.compare.variants import refuse_unread, variants
from cdrsite.config.load import load_scenario, placed
from cdrsite.config.models import Scenario
from cdrsite.config.network import Network
from cdrsite.core.words import Words
from cdrsite.study.run import check_study, run

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    *sorted(
        path
        for path in DOCS.rglob("*.md")
        if not {"reference", "gallery", "_build"} & set(path.relative_to(DOCS).parts)
    ),
]
NEWCOMER = ("start.md", "own-region.md")
"""Pages whose commands are run in order."""
COARSE = ("--set", "grid.resolution=8 km", "--set", "network.gap=0.9")
COPIES = {
    "demo/first.yaml": "config/first.yaml",
    "demo/demo.yaml": "config/demo.yaml",
    "mine/minimal.yaml": "config/minimal.yaml",
    "mine/nation.yaml": "config/template/nation.yaml",
    "many/batch.yaml": "config/template/batch.yaml",
    "many/matrix.yaml": "config/template/matrix.yaml",
}
"""What `init` writes -> where it comes from."""

sys.path.insert(0, str(DOCS))
pages = importlib.import_module("generate.scenario")
commands = importlib.import_module("generate.commands")
sys.path.remove(str(DOCS))


def blocks(language: str, path: Path) -> Iterator[str]:
    """Fenced blocks of a page."""
    yield from re.findall(rf"^```{language}\n(.*?)^```", path.read_text("utf-8"), re.M | re.S)


def numbered(language: str) -> list[Any]:
    """Blocks of all pages, named by page and number."""
    return [
        pytest.param(text, id=f"{path.relative_to(ROOT)}-{k}")
        for path in PAGES
        for k, text in enumerate(blocks(language, path))
    ]


# ---------------------------------------------------------------- scenarios


def test_every_key_has_an_example() -> None:
    """One of the models with just the same keys shows them: what is offered is offered alike."""
    found = pages.examples()
    shown = {(keys_of(model), key) for model, key in found}
    bare = [f"{model}.{key}" for model, key in pages.leaves() if (keys_of(model), key) not in shown]
    assert bare == [], "add each to a scenario of docs/examples"


def keys_of(model: str) -> str:
    """The keys of a model with their types, in words."""
    return json.dumps(pages.model(model).get("properties", {}), sort_keys=True)


@pytest.mark.parametrize("path", pages.SCENARIOS, ids=lambda path: path.stem)
def test_scenarios_that_examples_are_cut_out_of_are_sound(path: Path) -> None:
    assert load_scenario(path).name


def with_data() -> list[Path]:
    return [path for path in pages.SCENARIOS if "sample_data" in path.read_text("utf-8")]


def test_most_examples_come_with_their_data() -> None:
    assert len(with_data()) > len(pages.SCENARIOS) / 2


@pytest.mark.slow
@pytest.mark.parametrize("path", with_data(), ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")
def test_scenarios_with_data_pass_the_check(path: Path) -> None:
    with placed(path):
        assert check_study(load_scenario(path))["grid"]["rows"] > 0


PLANTS = (
    "lon,lat,plant,method,gross_kt,built,closes,unit,status\n"
    "106.5,36.0,first,daccs-solid,2,2024,2045,,runs\n"
)


def whole(text: str, folder: Path) -> Path:
    """A scenario file with a block of a page, completed from the demo where it is a part."""
    demo = yaml.safe_load((ROOT / "config" / "demo.yaml").read_text("utf-8"))
    part = yaml.safe_load(text)
    base = {
        "name": "part",
        "region": demo["region"],
        "grid": {"resolution": "8 km"},
        "resources": demo["resources"],
        "methods": {
            "daccs-solid": {"profile": "literature"},
            "daccs-liquid": {},
            "beccs-residue": {},
            "afforestation": {"gates": False},
        },
    }
    made = part
    if not {"name", "region"} <= part.keys():
        made = base | part | {"layers": demo["layers"] | part.get("layers", {})}
    made["data_folder"] = str(ROOT / "sample_data")
    standing = (
        made["layers"].get(made.get("standing", {}).get("layer")) if "layers" in made else None
    )
    if standing is not None:  # a table of the reader's own
        standing["path"] = str(folder / "plants.csv")
        (folder / "plants.csv").write_text(PLANTS, "utf-8")
    path = folder / "part.yaml"
    path.write_text(yaml.safe_dump(made, allow_unicode=True), "utf-8")
    return path


def is_matrix(text: str) -> bool:
    data = yaml.safe_load(text)
    named = all(isinstance(v, dict) and v and all("." in k for k in v) for v in data.values())
    return "vary" in data or named


@pytest.mark.parametrize("text", numbered("yaml"))
def test_yaml_of_the_manual_is_sound(text: str, tmp_path: Path) -> None:
    if is_matrix(text):
        matrix = tmp_path / "matrix.yaml"
        matrix.write_text(text, "utf-8")
        runs = variants([ROOT / "config" / "demo.yaml"], matrix, ())
        refuse_unread(runs)
        assert len(runs) > 1
        return
    assert load_scenario(whole(text, tmp_path)).methods is not None


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")
@pytest.mark.parametrize("text", [p for p in numbered("yaml") if not is_matrix(p.values[0])])
def test_yaml_of_the_manual_passes_the_check(text: str, tmp_path: Path) -> None:
    path = whole(text, tmp_path)
    with placed(path):
        assert check_study(load_scenario(path))["grid"]["rows"] > 0


def added(scenario: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """A scenario with what a step adds: layers and resources one by one, other keys as a whole."""
    merged = {key: scenario.get(key, {}) | part.get(key, {}) for key in ("layers", "resources")}
    return scenario | part | {key: value for key, value in merged.items() if value}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::cdrsite.core.errors.CdrsiteWarning")
def test_each_step_to_a_region_of_your_own_stands(tmp_path: Path) -> None:
    """The steps of the page on top of each other, on the data that it names."""
    scenario: dict[str, Any] = {"data_folder": str(ROOT / "sample_data")}
    path = tmp_path / "mine.yaml"
    steps = [yaml.safe_load(text) for text in blocks("yaml", DOCS / "own-region.md")]
    assert len(steps) == 6
    for step in steps:
        scenario = added(scenario, step)
        path.write_text(yaml.safe_dump(scenario, allow_unicode=True), "utf-8")
        with placed(path):
            assert check_study(load_scenario(path))["grid"]["rows"] > 0
    result = run(load_scenario(path, ["grid.resolution=8 km"]))
    assert result.summary["net_mt_yr"] > 0


# ---------------------------------------------------------------- commands


def lines(text: str) -> list[list[str]]:
    """Commands of a block, as words; without comments."""
    return [words for line in text.splitlines() if (words := shlex.split(line, comments=True))]


def numbered_commands() -> list[Any]:
    return [
        pytest.param(words[1:], id=" ".join(words))
        for path in PAGES
        for text in blocks("sh", path)
        for line in lines(text)
        for words in [line[line.index("cdrsite") :] if "cdrsite" in line else []]
        if words
    ]


@pytest.mark.parametrize("words", numbered_commands())
def test_a_command_of_the_manual_exists_with_its_options(words: list[str]) -> None:
    known = commands.COMMANDS
    assert words[0] in known
    function = known[words[0]]
    marks = commands.parameters(function)
    takes = {
        name: not commands.is_flag(function, key)
        for key, (mark, _) in marks.items()
        if isinstance(mark, commands.OptionInfo)
        for name in commands.options(key, mark)
    }
    plain, sets, rest = [], [], iter(words[1:])
    for word in rest:
        name, _, value = word.partition("=")
        if not word.startswith("--"):
            plain.append(word)
            continue
        assert name in takes, f"{words[0]} has no {name}"
        if takes[name] and not value:
            value = next(rest)
        if name == "--set":
            sets.append(value)
    needed = [
        key
        for key, (mark, default) in marks.items()
        if isinstance(mark, commands.ArgumentInfo) and default is inspect.Parameter.empty
    ]
    assert len(plain) >= len(needed)
    if words[0] in {"run", "check", "batch"} and not plain[0].startswith("/data/"):
        scenario = ROOT / COPIES.get(plain[0], plain[0])
        assert load_scenario(scenario, sets).name


def test_documented_options_are_those_of_the_program(call: Callable[..., Answer]) -> None:
    for name, function in commands.COMMANDS.items():
        _, out, _ = call(name, "--help")
        told = {one for one in re.findall(r"(?<![\w-])--[a-z][a-z-]+", out) if one != "--help"}
        marks = commands.parameters(function)
        mine = {
            option
            for key, (mark, _) in marks.items()
            if isinstance(mark, commands.OptionInfo)
            for option in commands.options(key, mark)
            if option.startswith("--")
        }
        assert told == mine, name


def test_the_page_names_commands_as_people_type_them(call: Callable[..., Answer]) -> None:
    told = re.findall(r"^## `cdrsite (\S+)`$", commands.pages()["commands"], re.M)
    assert told == list(commands.COMMANDS)
    for name in told:
        assert call(name, "--help")[0] == 0


@pytest.mark.slow
@pytest.mark.parametrize("page", NEWCOMER)
def test_a_newcomer_gets_through_the_page(
    page: str, call: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = []
    for text in blocks("sh", DOCS / page):
        for words in lines(text):
            if words[0] != "cdrsite" or words[1] == "doctor":
                continue
            small = {"minimal.yaml", "first.yaml"}
            coarse = words[1] in {"run", "batch"} and Path(words[2]).name not in small
            code, _, err = call(*words[1:], *(COARSE if coarse else ()))
            assert code == 0, (words, err)
            ran.append(words[1])
    assert {"init", "run", "check"} <= set(ran)


# ---------------------------------------------------------------- Python, links, the build


def notebook_cells() -> list[Any]:
    """Code of each notebook, without lines that are the shell's."""
    found = []
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        lines = [line for text in sources for line in text.splitlines() if line[:1] not in "%!"]
        found.append(pytest.param("\n".join(lines), id=path.stem))
    return found


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_page_on_python_runs_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("config", "sample_data"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    monkeypatch.chdir(tmp_path)
    told: dict[str, Any] = {}
    for i, text in enumerate(blocks("python", DOCS / "python.md")):
        if "hvplot" in text and None in map(importlib.util.find_spec, ("hvplot", "geoviews")):
            continue  # they are no part of cdrsite; tests/result/test_hvplot.py draws
        exec(compile(text, f"python.md, block {i + 1}", "exec"), told)
    assert set(told["table"]["methods.daccs-solid.profile"]) == {"sievert", "literature"}
    assert (tmp_path / "runs" / "inland-basin" / "report.html").is_file()


@pytest.mark.parametrize("text", [*numbered("python"), *notebook_cells()])
def test_python_that_people_are_shown_names_what_exists(text: str) -> None:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cdrsite"):
            home = importlib.import_module(node.module or "")
            assert [one.name for one in node.names if not hasattr(home, one.name)] == []


def with_examples() -> list[str]:
    """Modules whose docstrings show what a function gives."""
    package = sorted((ROOT / "cdrsite").rglob("*.py"))
    return [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in package
        if ">>> " in path.read_text("utf-8")
    ]


@pytest.mark.parametrize("name", with_examples())
def test_examples_of_docstrings_give_what_they_say(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted
    assert not found.failed


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(path: Path) -> None:
    text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.M | re.S)
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link]
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_pages_of_the_library_are_made(tmp_path: Path) -> None:
    """Without the page of a run's files, which needs a run."""
    sys.path.insert(0, str(DOCS))
    try:
        for name in (
            "scenario",
            "methods",
            "datasets",
            "transport",
            "storage",
            "schemes",
            "glossary",
            "api",
        ):
            made = importlib.import_module(f"generate.{name}").pages()
            assert next(iter(made.values()))
            assert all("# " in text for text in made.values())
    finally:
        sys.path.remove(str(DOCS))


def test_the_page_of_files_names_what_there_is() -> None:
    """Every entry of a folder has words; tables that the demo lacks are those of the program."""
    sys.path.insert(0, str(DOCS))
    try:
        files = importlib.import_module("generate.files")
    finally:
        sys.path.remove(str(DOCS))
    words = Words("en")
    assert all(words.has(about) or " " in about for about in files.ABOUT.values())
    source = "".join(path.read_text("utf-8") for path in (ROOT / "cdrsite" / "study").glob("*.py"))
    for key, tables in files.FURTHER.items():
        section, _, part = key.partition(".")
        assert section in Scenario.model_fields
        assert not part or (section == "network" and part in Network.model_fields)
        assert [name for name in tables if f'"{name}"' not in source] == []


@pytest.mark.slow
def test_the_manual_is_built_without_a_warning(tmp_path: Path) -> None:
    """Of notebooks as they are: their own tests run them, `.ci/run` builds with what they gave."""
    pytest.importorskip("furo", reason="pip install -e '.[docs]'")
    pytest.importorskip("myst_nb", reason="pip install -e '.[docs]'")
    pytest.importorskip("sphinx_design", reason="pip install -e '.[docs]'")
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CDRSITE_DOCS_NOTEBOOKS": "off"}
    made = subprocess.run(
        [*command, "-d", str(tmp_path / "trees"), str(DOCS), str(tmp_path / "html")],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr[-4000:]
    html = tmp_path / "html"
    assert (html / "searchindex.js").is_file()
    for page in html.rglob("*.html"):
        text = page.read_text("utf-8")
        # the manual is read offline: nothing that a page needs is fetched
        fetched = re.findall(r"""<(?:script|link|img)[^>]+(?:src|href)="(https?:[^"]+)""", text)
        assert fetched == [], page
