"""Templates of `cdrsite init`: each is whole, and `check` accepts it as it stands."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from answer import Answer

from cdrsite.cli.demo import TEMPLATES, demo_folder
from cdrsite.config.load import load_scenario

COARSE = ("--set", "grid.resolution=16 km")


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_is_accepted_as_it_stands(
    call: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = call("init", "mine", "--template", template)
    assert (code, err) == (0, "")
    names = {Path(name).name for name in TEMPLATES[template]}
    assert {path.name for path in Path("mine").glob("*.yaml")} == names
    # the command that it names as the next one is about a file that is there
    words = shlex.split(
        out.partition("next: ")[2].replace("the whole study, in some minutes: ", "")
    )
    assert words[0] == "cdrsite"
    assert [word for word in words if word.startswith("mine") and not Path(word).is_file()] == []
    scenarios = names - {"matrix.yaml"}
    for name in sorted(scenarios):
        code, out, err = call(
            "check", Path("mine") / name, *(COARSE if name != "minimal.yaml" else ())
        )
        assert code == 0, err
        assert "ready to run" in out


def test_a_template_without_data_brings_none(call: Callable[..., Answer], tmp_path: Path) -> None:
    call("init", tmp_path / "mine", "--template", "minimal")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["minimal.yaml"]


def test_the_matrix_of_a_template_fits_its_scenario(
    call: Callable[..., Answer], tmp_path: Path
) -> None:
    from cdrsite.compare.variants import refuse_unread, variants

    call("init", tmp_path / "mine", "--template", "batch")
    runs = variants([tmp_path / "mine" / "batch.yaml"], tmp_path / "mine" / "matrix.yaml", ())
    refuse_unread(runs)
    assert len(runs) == 12


def test_a_template_that_is_none_is_refused_with_the_nearest(
    call: Callable[..., Answer], tmp_path: Path
) -> None:
    code, out, err = call("init", tmp_path / "mine", "--template", "nations")
    assert (code, out) == (2, "")
    assert "no such template; got nations" in err.replace("\n", " ")
    assert "demo, minimal, nation, batch, memory" in err
    assert "did you mean 'nation'?" in err
    assert not (tmp_path / "mine").exists()


def test_every_scenario_of_the_repository_is_in_a_template() -> None:
    config = demo_folder("config")
    told = {name for names in TEMPLATES.values() for name in names}
    found = [*config.glob("*.yaml"), *(config / "template").glob("*.yaml")]
    assert {path.relative_to(config).as_posix() for path in found} == told


def test_the_demo_begins_with_a_small_study_and_names_the_whole(
    call: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, out, _ = call("init", "mine")
    assert "next: cdrsite run mine/first.yaml\n" in out
    assert "cdrsite run mine/demo.yaml" in out
    small, whole = (load_scenario(tmp_path / "mine" / name) for name in ("first.yaml", "demo.yaml"))
    assert small.network is None or not small.network.plan
    assert whole.network is not None
    assert set(small.methods) < set(whole.methods)
    assert (small.grid.resolution, whole.grid.resolution) == ("4 km", "1 km")
