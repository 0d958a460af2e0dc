"""What is remembered by content: the same again, never another's."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cdrsite.core import memory as memory_module
from cdrsite.core.memory import (
    BLOCKS_ROOM,
    WRITTEN_ROOM,
    Memory,
    Settled,
    by_block,
    importing,
    remembered,
    remembered_files,
    remembering,
)


class Counted:
    """Counts how often something was made."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> list[int]:
        self.made += 1
        return [self.made]


def test_nothing_is_remembered_unless_asked() -> None:
    make = Counted()
    assert [remembered("a", (1,), make) for _ in range(2)] == [[1], [2]]


def test_the_same_content_is_made_once_and_never_shared() -> None:
    make = Counted()
    with remembering(Memory(WRITTEN_ROOM)):
        first = remembered("a", (np.arange(3), "x"), make)
        first.append(99)  # what a caller does to its copy is its own business
        assert remembered("a", (np.arange(3), "x"), make) == [1]
    assert remembered("a", (np.arange(3), "x"), make) == [2]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((np.zeros(2, np.int32),), (np.zeros(1, np.int64),)),
        ((np.zeros((2, 3)),), (np.zeros((3, 2)),)),
        (("ab", "c"), ("a", "bc")),
        ((b"ab",), ("ab",)),
        ((np.float32(0.1),), (np.float64(0.1),)),
        (({"a": np.arange(5000)},), ({"a": np.arange(5000) + (np.arange(5000) == 2500)},)),
    ],
)
def test_other_content_is_made_anew(one: tuple[object, ...], other: tuple[object, ...]) -> None:
    make = Counted()
    with remembering(Memory(WRITTEN_ROOM)):
        assert remembered("a", one, make) == [1]
        assert remembered("a", other, make) == [2]
        assert remembered("b", one, make) == [3]
        assert remembered("a", one, make) == [1]


def test_what_was_not_used_for_longest_makes_room() -> None:
    memory = Memory(room=10)
    for key, size in ((b"a", 4), (b"b", 4)):
        memory.put(key, bytes(size), size)
    assert memory.get(b"a") == bytes(4)
    memory.put(b"c", bytes(5), 5)
    assert memory.get(b"b") is None and memory.get(b"a") and memory.get(b"c")
    memory.put(b"c", bytes(6), 6)  # in place of the other, not beside it
    assert memory.get(b"a") and memory.get(b"c") == bytes(6)
    memory.put(b"d", bytes(11), 11)
    assert not any(memory.get(key) for key in (b"a", b"c", b"d"))


def test_large_arrays_are_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_module, "MOST_CELLS", 2)
    make = Counted()
    with remembering(Memory(WRITTEN_ROOM)):
        assert [remembered("a", (np.arange(3),), make) for _ in range(2)] == [[1], [2]]


def test_files_come_again_elsewhere(tmp_path: Path) -> None:
    written: list[Path] = []

    def files(folder: Path) -> list[Path]:
        (folder / "x").mkdir(parents=True)
        (folder / "x" / "one").write_bytes(b"1")
        (folder / "two").write_bytes(b"22")
        written.append(folder)
        return [folder / "x" / "one", folder / "two"]

    with remembering(Memory(WRITTEN_ROOM)):
        for name in "abc":
            folder = tmp_path / name
            remembered_files("f", ("content",), folder, lambda to=folder: files(to))
            (folder / "two").write_bytes(b"changed")  # by a user, in one run
            assert (folder / "x" / "one").read_bytes() == b"1"
    assert written == [tmp_path / "a"]
    remembered_files("f", ("content",), tmp_path / "d", lambda: files(tmp_path / "d"))
    assert written == [tmp_path / "a", tmp_path / "d"]


def test_what_makes_room_is_told_and_so_many_values_are_kept() -> None:
    dropped: list[str] = []
    memory = Memory(room=10, most=2, dropped=dropped.append)
    for key in "abc":
        memory.put(key, key.upper(), 1)
    memory.put("c", "again", 1)
    assert dropped == ["A"]
    memory.put("d", "more than the room", 11)
    assert dropped == ["A", "B", "again", "more than the room"]


def test_a_block_that_is_read_again_is_the_callers_own() -> None:
    class Reader:
        def __init__(self) -> None:
            self.blocks, self.read = Memory(BLOCKS_ROOM), 0

        @by_block
        def values(self, name: str, where: tuple[int, ...] = ()) -> NDArray[Any]:
            self.read += 1
            return np.full(3, len(name) + sum(where))

    reader = Reader()
    reader.values("ab")[:] = 9
    assert reader.values("ab").tolist() == [2, 2, 2] and reader.read == 1
    assert reader.values("ab", where=(1,)).tolist() == [3, 3, 3] and reader.read == 2


def test_what_a_first_run_made_is_left_out_of_the_search_for_garbage_until_the_end() -> None:
    before = gc.get_freeze_count()
    with Settled() as settled:
        assert gc.get_freeze_count() == before
        settled.settle()
        frozen = gc.get_freeze_count()
        assert frozen > before
        later = [[] for _ in range(1000)]
        settled.settle()  # the first call counts
        assert gc.get_freeze_count() <= frozen
        assert len(later) == 1000
    assert gc.get_freeze_count() == 0
    with Settled():
        pass
    assert gc.get_freeze_count() == 0


def test_nothing_is_searched_while_modules_are_imported_and_what_they_hold_never() -> None:
    gc.unfreeze()
    try:
        with importing():
            assert not gc.isenabled()
            held = [[] for _ in range(1000)]
        assert gc.isenabled()
        assert gc.get_freeze_count() > len(held)
        gc.disable()
        with importing():
            pass
        assert not gc.isenabled()
    finally:
        gc.unfreeze()
        gc.enable()
