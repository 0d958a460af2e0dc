"""Nothing that is read from disk is ever run: journals, arrays, generated loops."""

from __future__ import annotations

import ast
import json
import math
import os
import pickle
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from tiny_scenario import write_world

import cdrsite
from cdrsite.core.errors import ConfigError, DataError
from cdrsite.core.grid import Block
from cdrsite.core.machine import cache_folder
from cdrsite.core.plaindata import NotPlainError, from_bytes, recorded, require_plain_zarr, to_bytes
from cdrsite.engine.arrays import DiskStore
from cdrsite.engine.passes import HEAD, Journal
from cdrsite.layers.rasterfiles import open_raster
from cdrsite.scoring import numba_backend as generate
from cdrsite.siting.exclusions import RuleAreas
from cdrsite.study.means import work_folder

PACKAGE = Path(cdrsite.__file__).resolve().parent


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, flag: Path) -> None:
        self.flag = flag

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.flag),)


def same(a: Any, b: Any) -> bool:
    """Whether two values are the same to the last bit, types included."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray | np.generic):
        return bool(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes())
    if isinstance(a, float):
        return a.hex() == b.hex()
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return bool(a == b)


KINDS = st.sampled_from(["f4", "f8", "i4", "i8", "u1", "u2", "u4", "?"])
ARRAYS = KINDS.flatmap(
    lambda kind: npst.arrays(
        kind, npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
    )
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | ARRAYS
KEYS = st.text(max_size=3) | st.integers() | st.tuples(st.integers(), st.booleans())
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_plain_values_come_back_to_the_last_bit(value: Any) -> None:
    assert same(from_bytes(to_bytes(value)), value)


@given(VALUES, st.data())
def test_broken_bytes_are_refused_or_read_and_never_more(value: Any, data: st.DataObject) -> None:
    raw = bytearray(to_bytes(value))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with suppress(NotPlainError):
        from_bytes(bytes(raw[: data.draw(st.integers(0, len(raw)))]))


def test_parts_of_passes_come_back() -> None:
    areas = RuleAreas({(0, 2): np.array([1.5, math.nan])}, {(): np.zeros(0)})
    found = from_bytes(to_bytes((Block(0, 4, 2, 8), areas, np.float32(0.1))))
    assert found[0] == Block(0, 4, 2, 8) and same(found[1].total, areas.total)
    assert same(found[1].only, areas.only) and same(found[2], np.float32(0.1))
    found[1].total[(0, 2)] += 1  # sums are added to in place


def test_what_is_not_plain_is_not_written() -> None:
    for value in (object(), {1, 2}, np.array([None]), np.array(["a"]), np.datetime64("2020"), 1j):
        with pytest.raises(TypeError, match="not plain"):
            to_bytes(value)


def test_a_class_that_was_not_recorded_is_not_made() -> None:
    @dataclass
    class Own:
        a: int

    with pytest.raises(TypeError, match="nor recorded"):
        to_bytes(Own(1))
    raw = to_bytes(recorded(Own)(1))
    assert from_bytes(raw).a == 1
    with pytest.raises(NotPlainError):
        from_bytes(raw.replace(b"Own", b"Owm"))


# ------------------------------------------------------------------------------ journals


def record(number: int, body: bytes) -> bytes:
    """A record of a journal as anybody could write it, with a checksum that holds."""
    return HEAD.pack(number, len(body), zlib.crc32(body)) + body


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_in_a_journal_is_refused_and_not_run(protocol: int, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.add("pass", 0, 1.5)
    with (tmp_path / "journal" / "pass.log").open("ab") as log:
        log.write(record(1, pickle.dumps(Bomb(tmp_path / "ran"), protocol)))
    with pytest.raises(ConfigError, match=r"cannot be gone on with.*without --resume"):
        journal.parts("pass")
    assert not (tmp_path / "ran").exists()


def test_a_pickle_planted_for_resume_is_refused_by_the_command(
    call: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario, out, flag = write_world(tmp_path), tmp_path / "out", tmp_path / "ran"
    with monkeypatch.context() as patch:
        patch.setattr(
            "cdrsite.study.run.lay_out", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        assert call("run", scenario, "--out", out, "--resume", "--quiet")[0] == 130
    logs = sorted((work_folder(out) / "journal").glob("*.log"))
    assert logs
    for log in logs:
        log.write_bytes(record(0, pickle.dumps(Bomb(flag))))
    code, _, said = call("run", scenario, "--out", out, "--resume", "--quiet")
    assert code == 2 and "cure: run without --resume" in said and not flag.exists()
    assert call("run", scenario, "--out", out, "--quiet")[0] == 0
    assert not flag.exists()


# -------------------------------------------------------------------------------- arrays


def plant(folder: Path, flag: Path, **changed: Any) -> None:
    """A Zarr array whose chunk is a pickle, as a filter for objects reads it."""
    folder.mkdir(parents=True)
    document = {"zarr_format": 2, "shape": [1, 1], "chunks": [1, 1], "dtype": "|O", "order": "C",
                "fill_value": None, "compressor": None, "filters": [{"id": "pickle"}]}  # fmt: skip
    (folder / ".zarray").write_text(json.dumps(document | changed))
    (folder / "0.0").write_bytes(pickle.dumps(Bomb(flag)))


def test_arrays_of_objects_are_not_opened(tmp_path: Path) -> None:
    plant(tmp_path / "s" / "cost", tmp_path / "ran")
    with pytest.raises(DataError, match="packed in a way that is not read; got pickle"):
        DiskStore(tmp_path / "s", 4).open("cost")
    with pytest.raises(DataError, match="got pickle"):
        DiskStore(tmp_path / "s", 4).create("cost", (1, 1), "f4")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "document",
    [
        {"metadata": {"a/.zarray": {"filters": [{"id": "Pickle"}]}}},
        {"codecs": [{"name": "numcodecs.pickle", "configuration": {}}]},
        {"codecs": ["pickle"]},
        {"codecs": [{"name": "bytes", "configuration": {"codecs": [{"name": "pickle"}]}}]},
        {"consolidated_metadata": {"metadata": {"a": {"codecs": [{"name": "no_such"}]}}}},
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", [".zmetadata", "zarr.json"])
def test_codecs_are_found_wherever_they_stand(
    document: dict[str, Any], name: str, tmp_path: Path
) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / name).write_text(json.dumps(document))
    with pytest.raises(DataError, match=r"pickle|no_such"):
        require_plain_zarr(tmp_path)


def test_an_input_of_objects_is_refused(tmp_path: Path) -> None:
    from cdrsite.config.load import load_scenario

    plant(tmp_path / "x.zarr" / "v", tmp_path / "ran")
    (tmp_path / "x.zarr" / ".zgroup").write_text('{"zarr_format": 2}')
    text = (
        "name: a\nregion: {bounds: [6, 50, 7, 51]}\nlayers: {v: {path: x.zarr, kind: intensive}}\n"
    )
    (tmp_path / "a.yaml").write_text(text + "methods: {afforestation: {gates: false}}\n")
    layer: Any = load_scenario(tmp_path / "a.yaml").layers["v"]
    with pytest.raises(DataError, match=r"layers\.v .*packed in a way"):
        open_raster(layer, "v")
    assert not (tmp_path / "ran").exists()


# ---------------------------------------------------------------------------- the package


def test_pickles_are_taken_from_memory_only() -> None:
    """Which calls of the package could run what they read, and where."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                said = ast.unparse(node.func)
                if said.endswith(("pickle.load", "pickle.loads", "Unpickler", "read_pickle")):
                    found.add((name, said))
                for word in node.keywords:
                    if word.arg == "allow_pickle":
                        assert isinstance(word.value, ast.Constant) and word.value.value is False
                if said in {"eval", "exec", "compile", "__import__", "marshal.loads"}:
                    found.add((name, said))
            elif isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None) or ""}
                assert not names & {"dill", "joblib", "shelve", "cloudpickle", "marshal"}, name
    assert found == {
        ("core/memory.py", "pickle.loads"),  # of this process's own memory
        ("engine/cluster.py", "pickle.loads"),  # from the run that asked, through memory
        ("scoring/numba_backend.py", "exec"),
        ("scoring/numba_backend.py", "compile"),
    }


def test_a_planted_loop_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDRSITE_CACHE_DIR", str(tmp_path))
    source = '"""A module."""\n\nVALUE = 1\n'
    first = generate._load(source)
    assert first.VALUE == 1
    (planted,) = cache_folder("kernels").glob("*.py")
    planted.write_text("VALUE = 2\n")
    assert generate._load(source).VALUE == 1
    assert planted.read_text() == source
    assert cache_folder("kernels").stat().st_mode & 0o077 == 0


def test_compiled_code_that_others_can_plant_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDRSITE_CACHE_DIR", str(tmp_path))
    cache_folder("kernels").mkdir()
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert generate._load("VALUE = 3\n").VALUE == 3
    assert list(cache_folder("kernels").iterdir()) == []


def test_every_zarr_store_is_looked_at_before_it_is_opened() -> None:
    """Each function that opens one that may be somebody else's asks first."""
    opened = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                said = ast.unparse(node)
                if "open_zarr(" in said or "engine='zarr'" in said or "open_array(path" in said:
                    opened.append(f"{path.name} {node.name}")
                    assert "require_plain_zarr(" in said, opened[-1]
    assert len(opened) == 4, opened


def test_a_run_of_objects_is_not_explained(tmp_path: Path) -> None:
    from cdrsite.explain.place import explain_run

    plant(tmp_path / "run" / "result.zarr" / "cost", tmp_path / "ran")
    (tmp_path / "run" / "manifest.json").write_text("{}")
    with pytest.raises(DataError, match="got pickle"):
        explain_run(tmp_path / "run", 6.0, 50.0)
    assert not (tmp_path / "ran").exists()
