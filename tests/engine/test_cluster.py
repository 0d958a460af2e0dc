"""Blocks on a cluster of processes: the same answer, also when a worker is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cdrsite.core.errors import CdrsiteWarning, ConfigError, DataError
from cdrsite.core.grid import Block
from cdrsite.core.vocabulary import RESOURCES
from cdrsite.engine.arrays import DiskStore

pytest.importorskip("distributed", reason="needs the extra dask: pip install 'cdrsite[dask]'")

from cdrsite.engine.cluster import Cluster, check_workers, connected

pytestmark = pytest.mark.filterwarnings("ignore:::distributed")

BLOCKS = [Block(4 * i, 4 * i + 4, 0, 4) for i in range(12)]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with connected(None, 2) as found:
        yield found


@dataclass(frozen=True)
class Square:
    """Writes squares of the row numbers; warns at one block."""

    store: DiskStore

    def __call__(self, block: Block) -> int:
        import warnings

        rows = np.arange(block.row0, block.row1, dtype=np.float64)
        self.store.open("squares")[block.slices] = np.repeat(rows[:, None] ** 2, 4, axis=1)
        if block.row0 == 8:
            warnings.warn("row 8 is odd", CdrsiteWarning, stacklevel=2)
        return block.row0


@dataclass(frozen=True)
class KilledOnce:
    """Its process is killed at one block, the first time."""

    flag: Path

    def __call__(self, block: Block) -> int:
        if block.row0 == 20 and not self.flag.exists():
            self.flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return block.row0 + 1


@dataclass(frozen=True)
class Faulty:
    """Refuses a block, as a stage does that meets wrong data."""

    def __call__(self, block: Block) -> int:
        if block.row0 == 16:
            raise DataError("a value is missing", where="layers.slope", cure="give it")
        return 0


def test_arrays_are_written_and_parts_come_in_order(client: Any, tmp_path: Path) -> None:
    store = DiskStore(tmp_path / "store", 4)
    array = store.create("squares", (48, 4), np.float64)
    done: dict[int, int] = {}
    with pytest.warns(CdrsiteWarning, match="row 8 is odd"):
        found = list(Cluster(client).work(Square(store), BLOCKS, done.__setitem__))
    assert found == [block.row0 for block in BLOCKS] == [done[i] for i in range(12)]
    expected = np.repeat(np.arange(48.0)[:, None] ** 2, 4, axis=1)
    np.testing.assert_array_equal(array[0:48, 0:4], expected)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]  # nothing else is written


@pytest.mark.clients
def test_a_killed_worker_is_replaced(tmp_path: Path) -> None:
    with connected(None, 2) as client:
        done: dict[int, int] = {}
        task = KilledOnce(tmp_path / "killed")
        found = list(Cluster(client).work(task, BLOCKS, done.__setitem__))
    assert (tmp_path / "killed").exists()
    assert found == [block.row0 + 1 for block in BLOCKS]


def test_an_error_in_a_worker_is_the_users_error(client: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"layers\.slope: a value is missing; cure: give it"):
        list(Cluster(client).work(Faulty(), BLOCKS, lambda *_: None))


def test_a_worker_without_the_data_says_so(client: Any, tmp_path: Path) -> None:
    check_workers(client, [tmp_path])
    with pytest.raises(DataError, match=r"a worker does not see the data.*no .*nowhere\.tif"):
        check_workers(client, [tmp_path, tmp_path / "nowhere.tif"])


def test_a_worker_with_another_version_is_refused(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cdrsite.engine.cluster.__version__", "9.9.9")
    with pytest.raises(ConfigError, match=r"another version of cdrsite; got .*expected 9\.9\.9"):
        check_workers(client, [])


def test_a_worker_that_lacks_a_registered_resource_is_refused(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RESOURCES, "gravel", RESOURCES["water"])
    with pytest.raises(ConfigError, match=r"knows other resources.*gravel.*register_resource"):
        check_workers(client, [])


def test_a_scheduler_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    import distributed

    def silent(*_: Any, **__: Any) -> Any:
        raise OSError("Timed out trying to connect to tcp://127.0.0.1:1")

    monkeypatch.setattr(distributed, "Client", silent)
    with (
        pytest.raises(ConfigError, match=r"no Dask scheduler answers.*got tcp://127\.0\.0\.1:1"),
        connected("tcp://127.0.0.1:1", 0),
    ):
        pass
