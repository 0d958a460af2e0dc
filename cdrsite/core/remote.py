"""Addresses of inputs on other machines, and where their copies lie on this one.

The place of a copy follows from the address alone, and the address from the place, so that a copy
is a file like any other, and what is written and said names the address.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from cdrsite.core.errors import conceal
from cdrsite.core.machine import cache_folder

SCHEMES = ("https", "http", "s3")
"""How addresses that are read begin."""
MEMORY = "memory"
"""How the address of what came from the memory of a Python session begins."""
KIND = "inputs"
"""Kind of the folder with the copies."""
_GDAL = {
    "/vsicurl/https://": "https://",
    "/vsicurl/http://": "http://",
    "/vsis3/": "s3://",
}
"""How GDAL writes an address -> how others do."""
_SAFE = "-_.~+=@!$"


def is_address(text: str) -> bool:
    """Whether a text names something that is no file of this machine."""
    return "://" in text or text.startswith("/vsi")


def plain_address(text: str) -> str | None:
    """An address as ``https://``, ``http://`` or ``s3://`` without what would not be a file's.

    Returns
    -------
    str or None
        None if it is of another kind, holds a user's name, a query, a pattern, or parts that climb.
    """
    for ours, plain in _GDAL.items():
        if text.startswith(ours):
            text = plain + text.removeprefix(ours)
    try:
        found = urlsplit(text)
        parts = found.path.strip("/").split("/")
        _ = found.port
    except ValueError:
        return None
    odd = found.query or found.fragment or found.username or found.password or set(text) & set("*?")
    climbing = any(unquote(part) in {"", ".", ".."} for part in parts)
    if found.scheme not in SCHEMES or not found.hostname or odd or climbing:
        return None
    return f"{found.scheme}://{found.netloc}/{'/'.join(parts)}"


def local_copy(address: str) -> Path:
    """Where the copy of an address lies.

    Parameters
    ----------
    address : str
        From :func:`plain_address`.
    """
    scheme, rest = address.split("://", 1)
    return cache_folder(KIND).joinpath(scheme, *(quote(part, _SAFE) for part in rest.split("/")))


def memory_folder() -> Path:
    """Where processes keep what was in their memory: FOLDER OF THE PROCESS/HASH/NAME."""
    return cache_folder(KIND) / MEMORY


def address_of(path: Path) -> str | None:
    """The address that a path is the copy of; None for any other path."""
    try:
        scheme, *parts = path.relative_to(cache_folder(KIND)).parts
    except (ValueError, RuntimeError):
        return None
    if scheme == MEMORY:
        return f"{MEMORY}://{'/'.join(parts[2:])}" if len(parts) > 2 else None
    return f"{scheme}://{'/'.join(map(unquote, parts))}" if scheme in SCHEMES and parts else None


def addressed(text: str) -> str:
    """A text in which copies are called by their addresses."""
    try:
        root = str(cache_folder(KIND))
    except RuntimeError:  # no home, so no copies
        return text
    if root not in text:
        return text

    def address(match: re.Match[str]) -> str:
        return address_of(Path(match.group())) or match.group()

    return re.sub(re.escape(root) + r"[^\s,;:()'\"]*", address, text)


conceal(addressed)
