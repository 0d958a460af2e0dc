"""Passes over blocks: order, journal, what is done again; arrays in memory and on disk."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from cdrsite.core import machine
from cdrsite.core.errors import ConfigError, DataError
from cdrsite.core.grid import Block
from cdrsite.core.machine import cores, free_memory, parse_bytes
from cdrsite.engine.arrays import DiskStore, MemoryStore
from cdrsite.engine.passes import Journal, Threads, Workspace, changes

BLOCKS = [Block(4 * i, 4 * i + 4, 0, 4) for i in range(9)]


def of_row(block: Block) -> int:
    time.sleep(0.002 * (9 - block.row0 // 4) % 3)
    return block.row0


@pytest.mark.parametrize("count", [1, 2, 5])
def test_results_come_in_the_order_of_the_blocks(count: int) -> None:
    done: list[int] = []
    found = list(Threads(count).work(of_row, BLOCKS, lambda number, _: done.append(number)))
    assert found == [block.row0 for block in BLOCKS]
    assert sorted(done) == list(range(9))


def test_few_blocks_are_ahead_of_the_reader() -> None:
    begun = []
    lock = threading.Lock()

    def work(block: Block) -> int:
        with lock:
            begun.append(block)
        return 0

    results = Threads(2).work(work, BLOCKS, lambda *_: None)
    next(results)
    time.sleep(0.05)
    assert len(begun) <= 6  # two threads, two blocks ahead each, and the one that was read
    assert len(list(results)) == 8


def test_an_error_in_a_block_is_raised_to_the_reader() -> None:
    def work(block: Block) -> int:
        if block.row0 == 8:
            raise DataError("no such number")
        return 1

    with pytest.raises(DataError, match="no such number"):
        list(Threads(2).work(work, BLOCKS, lambda *_: None))


def test_finished_blocks_are_not_done_again(tmp_path: Path) -> None:
    seen: list[int] = []

    def work(block: Block) -> int:
        seen.append(block.row0)
        if len(seen) == 5:
            raise KeyboardInterrupt
        return block.row0 * 10

    space = Workspace.in_folder(tmp_path, 4)
    with pytest.raises(KeyboardInterrupt):
        list(space.each("pass", work, BLOCKS))
    again = Workspace.in_folder(tmp_path, 4)
    found = [part for _, part in again.each("pass", work, BLOCKS)]
    assert found == [block.row0 * 10 for block in BLOCKS]
    assert sorted(seen) == sorted([*(b.row0 for b in BLOCKS), 16])  # the fifth one twice
    assert [part for _, part in again.each("pass", work, BLOCKS)] == found and len(seen) == 10


@settings(max_examples=examples(25), deadline=None)
@given(st.integers(0, 400), st.booleans())
def test_a_record_cut_short_is_dropped_and_those_before_it_hold(cut: int, garbled: bool) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder))
        for number in range(6):
            journal.add("pass", number, np.arange(number))
        log = Path(folder) / "pass.log"
        raw = log.read_bytes()
        kept = raw[: max(0, len(raw) - cut)]
        if garbled and kept:
            kept = kept[:-1] + bytes([kept[-1] ^ 0xFF])
        log.write_bytes(kept)
        found = journal.parts("pass")
        assert list(found) == list(range(len(found)))  # a prefix of what was written
        for number, values in found.items():
            np.testing.assert_array_equal(values, np.arange(number))
        journal.add("pass", 9, "after")  # and the file can be gone on with
        assert journal.parts("pass")[9] == "after"


def test_a_stage_over_the_whole_grid_is_remembered(tmp_path: Path) -> None:
    space = Workspace.in_folder(tmp_path, 4)
    assert space.once("stage", lambda: {"a": 1}) == {"a": 1}
    assert Workspace.in_folder(tmp_path, 4).once("stage", lambda: pytest.fail("again")) == {"a": 1}


def test_what_changed_in_between_is_named(tmp_path: Path) -> None:
    key = {"scenario": {"costs": {"rate": 0.07}}, "inputs": {"a.tif": {"sha256": "1"}}}
    Journal(tmp_path / "j").require_key(key)
    Journal(tmp_path / "j").require_key(key)
    other = {"scenario": {"costs": {"rate": 0.05}}, "inputs": {"b.tif": {"sha256": "1"}}}
    with pytest.raises(ConfigError) as error:
        Journal(tmp_path / "j").require_key(other)
    text = str(error.value)
    assert "scenario.costs.rate: 0.07 is now 0.05" in text
    assert "inputs.a.tif is gone" in text and "inputs.b.tif is new" in text
    assert "without --resume" in text


def test_changes_of_equal_trees_are_none() -> None:
    assert changes({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}) == []
    assert changes({"a": [1]}, {"a": [2]}) == ["a: [1] is now [2]"]


def test_arrays_in_memory_and_on_disk_have_one_face(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(2, 10, 7)).astype(np.float32)
    for store in (MemoryStore(), DiskStore(tmp_path / "s", 4)):
        array = store.create("cost", (2, 10, 7), np.float32)
        flags = store.create("limit", (10, 7), np.uint8)
        for block in (Block(0, 4, 0, 4), Block(0, 4, 4, 7), Block(4, 8, 0, 4), Block(4, 8, 4, 7),
                      Block(8, 10, 0, 4), Block(8, 10, 4, 7)):  # fmt: skip
            array[(..., *block.slices)] = values[(..., *block.slices)]
            flags[block.slices] = np.full(block.shape, 3, np.uint8)
        again = store.open("cost")
        assert again[1, 3:9, 2:7].tobytes() == values[1, 3:9, 2:7].tobytes()
        assert again[(0, slice(0, 10), slice(0, 7))].dtype == np.float32
        assert (store.open("limit")[0:10, 0:7] == 3).all()
        assert store.names() == ("cost", "limit")
        store.drop("cost", "never there")
        assert store.names() == ("limit",)


def test_an_array_of_another_shape_is_not_overwritten(tmp_path: Path) -> None:
    store = DiskStore(tmp_path, 4)
    store.create("cost", (10, 7), np.float32)[0:4, 0:4] = 1.0
    assert store.create("cost", (10, 7), np.float32)[0, 0] == 1.0  # a resumed run finds its own
    with pytest.raises(DataError, match=r"float32 \(10, 7\).*expected float64 \(10, 7\)"):
        store.create("cost", (10, 7), np.float64)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("8 GB", 8e9),
        ("8gb", 8e9),
        ("100 kB", 1e5),
        ("500MiB", 500 * 2**20),
        ("1.5 G", 1.5e9),
        ("1000", 1000),
    ],
)
def test_amounts_of_memory(text: str, size: float) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize(
    "text", ["much", "-1 GB", "0", "1.2.3 GB", "8 GBit", "5 iB", ". GB", "1e9999 GB"]
)
def test_what_is_no_amount_of_memory(text: str) -> None:
    with pytest.raises(ConfigError, match=r"not an amount of memory.*for example 8 GB"):
        parse_bytes(text)


def test_this_machine_has_something() -> None:
    assert cores() >= 1
    assert free_memory() > 10_000_000


@pytest.mark.parametrize(
    ("new", "old", "allowed"),
    [
        (None, None, 8),
        ("max 100000", None, 8),
        ("200000 100000", None, 2),
        ("150000 100000", None, 2),  # the half core is used
        ("10000 100000", None, 1),
        ("6400000 100000", None, 8),  # a share of more than there is
        (None, ("-1", "100000"), 8),
        (None, ("300000", "100000"), 3),
        ("200000 100000", ("300000", "100000"), 2),
        ("garbled", ("100000", ""), 8),
        ("100000 0", None, 8),
    ],
)
def test_a_share_of_the_processors_bounds_the_cores(
    new: str | None,
    old: tuple[str, str] | None,
    allowed: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if new is not None:
        (tmp_path / "max").write_text(f"{new}\n", encoding="ascii")
    for name, text in zip(("quota", "period"), old or (), strict=False):
        (tmp_path / name).write_text(f"{text}\n", encoding="ascii")
    monkeypatch.setattr(machine, "CPU_QUOTA", tmp_path / "max")
    monkeypatch.setattr(machine, "OLD_CPU_QUOTA", (tmp_path / "quota", tmp_path / "period"))
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert cores() == allowed


def test_threads_come_from_the_cores_that_may_be_used() -> None:
    """A study, a competition and the writers ask one function."""
    import re

    source = Path(machine.__file__).parents[1]
    asks = [
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if re.search(r"os\.cpu_count\(|sched_getaffinity\(", path.read_text("utf-8"))
    ]
    assert sorted(asks) == ["cli/doctor.py", "core/machine.py"]  # the doctor says both numbers


class Noted:
    """Warnings as they come."""

    def __init__(self, *said: str) -> None:
        self.said = list(said)

    def texts(self) -> list[str]:
        return self.said


def test_a_run_that_goes_on_keeps_what_earlier_ones_noted(tmp_path: Path) -> None:
    for number, said in enumerate((("a", "b"), ("c",), ("b", "d"))):
        journal = Journal(tmp_path / "j")
        journal.notes = Noted(*said)
        journal.add("pass", number, number)
    assert list(Journal(tmp_path / "j").parts("notes").values()) == ["a", "b", "c", "d"]


def test_threads_that_note_at_once_lose_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.notes = Noted(*(f"note {i}" for i in range(40)))
    threads = [threading.Thread(target=journal.add, args=("pass", i, i)) for i in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(journal.parts("notes").values()) == sorted(journal.notes.said)
    assert sorted(journal.parts("pass")) == list(range(8))
