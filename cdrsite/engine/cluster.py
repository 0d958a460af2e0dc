"""Blocks worked on by the processes of a Dask cluster, here or elsewhere.

The scheduler sees few, large tasks: groups of blocks. What they share is a task of its own, which
the scheduler has done again where a worker that joins late or takes over needs it; nothing that
runs is ever read from disk. Only sums and counts travel back; arrays are written where they belong,
a chunk by one worker only.
"""

from __future__ import annotations

import logging
import pickle
import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cdrsite.core.errors import (
    CdrsiteError,
    CdrsiteWarning,
    ConfigError,
    DataError,
    MissingDependencyError,
)
from cdrsite.core.gdal import bounded_cache
from cdrsite.core.version import __version__
from cdrsite.core.vocabulary import RESOURCES

if TYPE_CHECKING:
    from distributed import Client

T = TypeVar("T")
Item = TypeVar("Item")

TASKS_PER_WORKER = 6
"""Groups of blocks for each worker: few, but enough that none waits long for the last."""
ALLOCATION = {
    "MALLOC_MMAP_THRESHOLD_": 2**25,
    "MALLOC_TRIM_THRESHOLD_": 2**27,
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), 1),
}
"""Environment of the processes that are started: arrays come from memory that is kept [bytes].

Dask gives all memory back at once; then each array of a block is cleared by the system anew, and
blocks take twice as long.
"""
RETRIES = 2
"""How often a group whose worker raised an error of its machine is tried again."""


@dataclass(frozen=True)
class Cluster:
    """Blocks are worked on by the workers of a Dask cluster.

    Attributes
    ----------
    client : distributed.Client
        Of the cluster.
    """

    client: Client

    def work(
        self, task: Callable[[Item], T], blocks: Sequence[Item], done: Callable[[int, T], None]
    ) -> Iterator[T]:
        """Results in the order of the blocks; a group whose worker dies is done by another."""
        from distributed import KilledWorker, as_completed

        if not blocks:
            return
        name = f"{type(task).__name__}-{uuid.uuid4().hex}"
        packed = pickle.dumps(task, protocol=pickle.HIGHEST_PROTOCOL)
        workers = max(len(self.client.nthreads()), 1)
        size = max(1, len(blocks) // (TASKS_PER_WORKER * workers))
        numbered = list(enumerate(blocks))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph")  # once for each pass
            shared = self.client.submit(_hold, packed, key=name, pure=False)
        futures = [
            self.client.submit(
                *(work_on, name, shared, numbered[at : at + size]),
                key=f"{name}-{at}", pure=False, retries=RETRIES,
            )
            for at in range(0, len(blocks), size)
        ]  # fmt: skip
        ready: dict[int, T] = {}
        following = 0
        try:
            for _, (parts, notes) in as_completed(futures, with_results=True):
                for text in notes:
                    warnings.warn(text, CdrsiteWarning, stacklevel=2)
                for number, part in parts:
                    done(number, part)
                    ready[number] = part
                while following in ready:
                    yield ready.pop(following)
                    following += 1
        except KilledWorker as error:
            raise CdrsiteError(
                "several workers died one after another at the same blocks",
                where=str(self.client.scheduler_info().get("address")),
                got=str(error).splitlines()[0],
                cure="give each worker more memory, or use fewer workers on each machine",
            ) from error
        finally:
            self.client.cancel([*futures, shared])


def _hold(packed: bytes) -> bytes:
    """What the groups of a pass share, as it came."""
    return packed


def work_on(
    name: str, packed: bytes, group: list[tuple[int, Any]]
) -> tuple[list[tuple[int, Any]], list[str]]:
    """Work on a group of blocks in a worker: their parts, and what the user should know."""
    task = _task(name, packed)
    with bounded_cache(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CdrsiteWarning)
        parts = [(number, task(block)) for number, block in group]
    notes = [str(note.message) for note in caught if issubclass(note.category, CdrsiteWarning)]
    return parts, list(dict.fromkeys(notes))


_TASKS: dict[str, Any] = {}
"""The task of a pass while this worker works on its blocks."""


def _task(name: str, packed: bytes) -> Any:
    """The task of a pass, unpacked once."""
    if name not in _TASKS:
        _TASKS.clear()
        _TASKS[name] = pickle.loads(packed)  # noqa: S301 - from the run itself, through memory
    return _TASKS[name]


def _look(paths: list[str]) -> tuple[str, list[str], list[str]]:
    """Version of cdrsite in a worker, which files it does not see, and its resources."""
    return __version__, [path for path in paths if not Path(path).exists()], list(RESOURCES)


def check_workers(client: Client, paths: Sequence[Path]) -> None:
    """Refuse a cluster whose workers have another program, or lack the data.

    Parameters
    ----------
    client : distributed.Client
        Of the cluster.
    paths : sequence of Path
        Inputs, and the folder of the run.

    Raises
    ------
    DataError
        Names the workers and the files that they do not see.
    ConfigError
        No workers, or another version of cdrsite or other resources in one.
    """
    seen = client.run(_look, [str(path) for path in paths])
    if not seen:
        raise ConfigError("the cluster has no workers", cure="start some, then run again")
    for worker, (version, missing, resources) in sorted(seen.items()):
        if version != __version__:
            raise ConfigError(
                "a worker has another version of cdrsite",
                where=worker,
                got=version,
                expected=__version__,
                cure="install the same version everywhere: the answer must not depend on who works",
                rule=9,
            )
        if resources != list(RESOURCES):
            raise ConfigError(
                "a worker knows other resources",
                where=worker,
                got=", ".join(resources),
                expected=", ".join(RESOURCES),
                cure="call cdrsite.register_resource in every process of the cluster, for example "
                "by its preload script",
                rule=7,
            )
        if missing:
            raise DataError(
                "a worker does not see the data",
                where=worker,
                got=f"no {missing[0]}" + (f" and {len(missing) - 1} more" * (len(missing) > 1)),
                expected="all inputs and the folder of the run under the same path as here",
                cure="put them on a file system that all machines share",
            )


@contextmanager
def connected(address: str | None, workers: int) -> Iterator[Client]:
    """A client of a running scheduler, or of processes of this machine.

    Parameters
    ----------
    address : str or None
        Of a scheduler, for example "tcp://10.0.0.1:8786"; processes are started when None.
    workers : int
        How many processes to start.

    Raises
    ------
    MissingDependencyError
        If Dask is not installed.
    ConfigError
        If no scheduler answers.
    """
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise MissingDependencyError(
            "Dask is not installed", cure="pip install 'cdrsite[dask]'"
        ) from error
    if address is not None:
        try:
            client = Client(address, timeout="10s")
        except (OSError, ValueError) as error:
            raise ConfigError(
                "no Dask scheduler answers",
                where="--dask",
                got=address,
                expected="an address such as tcp://10.0.0.1:8786",
                cure="start it with `dask scheduler`, and workers with `dask worker ADDRESS`",
            ) from error
        with client:
            yield client
        return
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": ALLOCATION}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            memory_limit=0,  # blocks bound the memory; a paused worker would only be slower
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client
