"""Every notebook runs from top to bottom, anywhere, and is committed without outputs."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
from pathlib import Path
from types import ModuleType

import nbformat
import pytest
from matplotlib.colors import to_rgb

import cdrsite
from cdrsite.cli.demo import demo_folder
from cdrsite.outputs.circles import PALE
from cdrsite.outputs.palette import METHOD_COLOURS

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
PROMISES = {
    "01_first_map": ["repaired 1 invalid polygon", "Excluded: far from roads"],
    "02_your_region": [
        "wrong dimension; got 'Mm3'",
        "the layer has no unit",
        "the layer has no coordinate system",
        "did you mean 'basins.geojson'?",
        "nothing to complain about",
    ],
    "03_competition": [
        "16.4658 Mt/yr net",
        "1054 m² per t: 4.08 Mt/yr of DAC",
        "1064 m² per t: 0.00 Mt/yr of DAC",
        "t per m3",
    ],
    "04_extend": ["source: this key is needed", "Excluded: no fields for the char"],
    "05_biochar_or_beccs": [
        "the edge: 0.44 t per t where soil is cold, 0.55 where it is warm",
        "storage open: BECCS takes 100% of the residues that are used",
        "next to no storage: biochar takes 100% of them",
    ],
    "06_coast": ["salinity below 18", "329 kt/yr net, all of it removal"],
    "07_drier_rivers": ["True", "Tongmei Basin", "Cell at "],
    "08_without_a_scenario": [
        "wrong dimension; got '1 km'",
        "write 7 % as 0.07",
        "optimal, gap",
    ],
}
"""What the words around a notebook's cells speak of, so it has to be seen."""


@pytest.fixture
def this_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of a kernel that is the running interpreter, whatever is installed elsewhere."""
    kernel = tmp_path / "kernels" / "this-python"
    kernel.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": "this python", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    return "this-python"


def test_notebooks_are_known() -> None:
    assert [path.stem for path in NOTEBOOKS] == [
        "01_first_map",
        "02_your_region",
        "03_competition",
        "04_extend",
        "05_biochar_or_beccs",
        "06_coast",
        "07_drier_rivers",
        "08_without_a_scenario",
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_committed_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs and cell.execution_count is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_read_well_in_a_history(path: Path) -> None:
    """Cells are named by people, so that a diff shows what changed; no path of a machine."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", cell["id"])
        assert not re.search(r"""["' ](/home|/tmp|/root|/work|C:)""", cell.source)
    assert notebook.cells[0].source.startswith("# ")
    assert notebook.cells[-1].source.startswith("## What next")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_name_files_that_exist(path: Path) -> None:
    text = "".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    named = re.findall(r"`((?:config|cdrsite|sample_data)/[\w/.-]+|\d\d_\w+\.ipynb)`", text)
    assert named
    for name in named:
        where = FOLDER if name.endswith(".ipynb") else FOLDER.parent
        assert (where / name).exists(), name


@pytest.mark.clients
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of jupyter's own libraries
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # sockets that the kernel client leaves
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # as above
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run(path: Path, this_python: str, tmp_path: Path) -> None:
    """In an empty folder: they bring their data, or take the installed demo's."""
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    place = tmp_path / "empty"
    place.mkdir()
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name=this_python,
        resources={"metadata": {"path": str(place)}},
    )
    client.execute()
    keep = os.environ.get("CDRSITE_KEEP_NOTEBOOKS")
    if keep:  # to look at what the reader will see
        nbformat.write(notebook, Path(keep) / path.name)
    shown = [out for cell in notebook.cells for out in cell.get("outputs", ())]
    assert shown
    complaints = [out.text for out in shown if out.get("name") == "stderr"]
    assert not complaints, complaints
    assert not list(place.iterdir())
    seen = "".join(out.get("text", "") + out.get("data", {}).get("text/plain", "") for out in shown)
    assert [text for text in PROMISES[path.stem] if text not in seen] == []


@pytest.fixture(scope="module")
def drawing() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_picture", FOLDER / "make_picture.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def small_demo() -> cdrsite.StudyResult:
    overrides = ["grid.resolution=8 km", "network.gap=0.9"]
    return cdrsite.run(cdrsite.load_scenario(demo_folder("config") / "demo.yaml", overrides))


@pytest.mark.slow
def test_picture_of_the_readme_can_be_drawn_again(
    drawing: ModuleType, small_demo: cdrsite.StudyResult, tmp_path: Path
) -> None:
    figure = drawing.picture(small_demo)
    figure.savefig(tmp_path / "demo.png", dpi=50)
    plan, curve, owed = figure.axes
    net = small_demo.summary["net_mt_yr"]
    assert f"{net:.1f} Mt" in plan.get_title(loc="left")
    assert len(plan.collections) >= 2  # storage and plants
    words = {text.get_text() for text in plan.get_legend().get_texts()}
    assert {"CO₂ storage", "Afforestation", "excluded"} <= words
    colours = {str(patch.get_label()): patch for patch in plan.get_legend().get_patches()}
    # as the land is drawn below circles: mixed with white
    green = [1.0 + PALE * (part - 1.0) for part in to_rgb(METHOD_COLOURS["afforestation"])]
    assert colours["Afforestation"].get_facecolor()[:3] == pytest.approx(green)
    assert 0.0 < PALE < 1.0
    assert curve.get_ylim()[1] == pytest.approx(1.02 * net, rel=1e-6)
    assert sum(bar.get_width() for bar in owed.patches) == pytest.approx(net, rel=1e-9)


@pytest.mark.slow
def test_removal_is_owed_to_what_is_scarce(
    drawing: ModuleType, small_demo: cdrsite.StudyResult
) -> None:
    owed = drawing.owed_to(small_demo)
    assert (owed >= 0).all()
    assert owed.index[-1] == "CO₂ injection"
    assert 0 < owed["residues"] < small_demo.summary["net_mt_yr"] / 2


def test_picture_of_the_readme_is_small() -> None:
    path = FOLDER / "images" / "demo.png"
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size < 300_000
