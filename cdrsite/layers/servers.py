"""Servers that inputs come from: what versions they have, and their bytes, all of them.

Whatever goes wrong on the way is told as one of a few errors, each with what to do about it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdrsite.core.errors import CdrsiteError, DataError, MissingDependencyError, MissingFileError

CONNECT_SECONDS, READ_SECONDS = 30.0, 60.0
"""A server that does not answer, or sends nothing, for so long is given up [s]."""
DOWNLOAD = "or download the file, and name the copy"


class RefusedError(DataError):
    """A server does not let a file be read."""


@dataclass(frozen=True)
class State:
    """What tells one version of a remote file from another.

    Attributes
    ----------
    etag, changed : str or None
        What the server calls this version, and the time of its last change.
    size : int or None
        [bytes]
    """

    etag: str | None
    changed: str | None
    size: int | None

    @property
    def tells(self) -> bool:
        """Whether another version would differ in it."""
        return self.etag is not None or self.changed is not None


def system_of(address: str, where: str) -> Any:
    """The file system of an address.

    Notes
    -----
    ``s3://`` is read without an account unless the environment names one, as public buckets are.
    """
    try:
        import fsspec

        if address.startswith("s3://"):
            account = {"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"}
            config = {"connect_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS}
            return fsspec.filesystem(
                "s3",
                anon=not account & set(os.environ),
                config_kwargs={**config, "retries": {"max_attempts": 2}},
                skip_instance_cache=True,
                use_listings_cache=False,
            )
        import aiohttp

        patience = aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS
        )
        return fsspec.filesystem(
            "http", client_kwargs={"timeout": patience, "trust_env": True}, block_size=0
        )
    except ImportError as error:
        raise MissingDependencyError(
            "reading from other machines needs another library",
            where=where,
            got=str(error).splitlines()[0],
            cure=f"pip install 'cdrsite[remote]', {DOWNLOAD}",
        ) from error


@contextmanager
def told(where: str) -> Iterator[None]:
    """Turn whatever the network does into an error of cdrsite."""
    try:
        yield
    except CdrsiteError:
        raise
    except Exception as error:
        raise _failure(error, where) from error


def _failure(error: BaseException, where: str) -> CdrsiteError:
    """What went wrong, by the first of the causes that says it."""
    chain = [error]
    while (inner := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(inner)
    told_by = (getattr(one, "status", None) for one in chain)
    status = next((one for one in told_by if isinstance(one, int)), None)
    if status is None and isinstance(error, PermissionError):
        status = 403
    if status in {404, 410} or (status is None and type(chain[-1]) is FileNotFoundError):
        return MissingFileError(
            "the server has no such file",
            where=where,
            got=f"{status or 404} Not Found",
            cure="check the address",
        )
    if status in {401, 403}:
        return RefusedError(
            "the server does not let the file be read",
            where=where,
            got=f"{status} {'Unauthorized' if status == 401 else 'Forbidden'}",
            cure=f"for s3:// name an account by AWS_PROFILE; {DOWNLOAD}",
        )
    if status is not None:
        got, what = f"{status}", "the server cannot give the file"
    elif any(isinstance(one, TimeoutError) or "timeout" in type(one).__name__.lower()
             for one in chain):  # fmt: skip
        got, what = f"nothing for {READ_SECONDS:g} s", "the server does not answer"
    elif "Payload" in type(error).__name__ or "ContentLength" in str(error):
        got, what = "an end before the end of the file", "the file did not arrive whole"
    else:
        said = " ".join(str(chain[-1]).split()) or type(chain[-1]).__name__
        got, what = said, "the server cannot be reached"
    return DataError(what, where=where, got=got, cure=f"try again later, {DOWNLOAD}", rule=7)


def state_of_address(address: str, where: str) -> State:
    """Ask for the version of a remote file."""
    system = system_of(address, where)
    with told(where):
        found = system.info(address)
    if found.get("type") == "directory":
        raise MissingFileError(
            "a folder is no file", where=where, got=address, cure="name a file in it"
        )
    changed = found.get("Last-Modified") or found.get("LastModified")
    size = found.get("size")
    return State(found.get("ETag"), None if changed is None else str(changed), size)


def get_whole(address: str, target: Path, size: int | None, where: str) -> None:
    """Fetch the bytes of a remote file.

    Raises
    ------
    DataError
        There are fewer or more than the server said.
    """
    system = system_of(address, where)
    with told(where):
        system.get_file(address, str(target))
    if size is not None and target.stat().st_size != size:
        raise DataError(
            "the file did not arrive whole",
            where=where,
            got=f"{target.stat().st_size:,} of {size:,} bytes",
            cure=f"try again later, {DOWNLOAD}",
            rule=7,
        )
