"""Values as bytes that can be read back from disk without running anything that stands in them.

A tree of plain values as JSON, and the numbers of its arrays behind it. Of dataclasses only those
that were registered come back, made from their fields.
"""

from __future__ import annotations

import dataclasses
import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from cdrsite.core.errors import DataError

T = TypeVar("T")

MAGIC = b"cdrsite plain 1\n"
LENGTH = struct.Struct("<Q")
NUMBERS = re.compile(r"[<>|][biuf][1248]")
"""Types of arrays: truth values, whole and floating point numbers."""

_KNOWN: dict[str, type[Any]] = {}


class NotPlainError(ValueError):
    """Bytes that :func:`to_bytes` did not write."""


def recorded(kind: type[T]) -> type[T]:
    """Let a dataclass be written and read back; a decorator."""
    name = f"{kind.__module__.removeprefix('cdrsite.')}.{kind.__qualname__}"
    _KNOWN[name] = kind
    return kind


def _name_of(kind: type[Any]) -> str:
    return next((name for name, known in _KNOWN.items() if known is kind), "")


def to_bytes(value: Any) -> bytes:
    """Write a value.

    Parameters
    ----------
    value : object
        None, truth values, numbers, texts, arrays and scalars of NumPy, lists, tuples, mappings,
        and dataclasses that are :func:`recorded`, in one another.

    Raises
    ------
    TypeError
        Anything else.
    """
    arrays: list[bytes] = []
    tree = json.dumps(_packed(value, arrays), ensure_ascii=False).encode()
    return b"".join([MAGIC, LENGTH.pack(len(tree)), tree, *arrays])


def _packed(value: Any, arrays: list[bytes]) -> Any:
    if value is None or isinstance(value, bool | str) or type(value) is int:
        return value
    if type(value) is float:
        return {"float": value.hex()}  # to the last bit, also what JSON has no word for
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        if not NUMBERS.fullmatch(array.dtype.str):
            raise TypeError(f"an array of {array.dtype} is not plain")
        arrays.append(array.tobytes())
        kind = "array" if isinstance(value, np.ndarray) else "scalar"
        return {kind: [array.dtype.str, list(array.shape)]}
    if type(value) in {list, tuple}:
        return {type(value).__name__: [_packed(item, arrays) for item in value]}
    if type(value) is dict:
        return {"dict": [[_packed(k, arrays), _packed(v, arrays)] for k, v in value.items()]}
    name = _name_of(type(value))
    if not name:
        raise TypeError(f"{type(value).__name__} is not plain, nor recorded")
    fields = [
        [field.name, _packed(getattr(value, field.name), arrays)]
        for field in dataclasses.fields(value)
    ]
    return {"record": [name, fields]}


def from_bytes(raw: bytes) -> Any:
    """Read what :func:`to_bytes` wrote.

    Raises
    ------
    NotPlainError
        It is something else; nothing of it was run.
    """
    start = len(MAGIC) + LENGTH.size
    if not raw.startswith(MAGIC) or len(raw) < start:
        raise NotPlainError("not written by this program")
    (length,) = LENGTH.unpack_from(raw, len(MAGIC))
    try:
        tree = json.loads(raw[start : start + length])
        reader = _Reader(memoryview(raw)[start + length :])
        value = reader.unpacked(tree)
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
        raise NotPlainError(f"not written by this program: {error}") from error
    if reader.at != len(reader.raw):
        raise NotPlainError("not written by this program: more than it says")
    return value


class _Reader:
    """Takes arrays from the bytes behind a tree, in its order."""

    def __init__(self, raw: memoryview) -> None:
        self.raw, self.at = raw, 0

    def unpacked(self, node: Any) -> Any:
        if node is None or isinstance(node, bool | int | str):
            return node
        if not isinstance(node, dict) or len(node) != 1:
            raise ValueError("a value of no known kind")
        ((kind, inner),) = node.items()
        if kind == "float":
            return float.fromhex(inner)
        if kind in {"array", "scalar"}:
            array = self.numbers(*inner)
            return array if kind == "array" else array[()]
        if kind in {"list", "tuple"}:
            items = [self.unpacked(item) for item in inner]
            return items if kind == "list" else tuple(items)
        if kind == "dict":
            return {self.unpacked(key): self.unpacked(value) for key, value in inner}
        if kind == "record":
            name, fields = inner
            return _KNOWN[name](**{str(key): self.unpacked(value) for key, value in fields})
        raise ValueError(f"a value of the unknown kind {kind!r}")

    def numbers(self, dtype: str, shape: list[int]) -> Any:
        if not NUMBERS.fullmatch(dtype) or any(type(n) is not int or n < 0 for n in shape):
            raise ValueError("an array of no known type")
        kind = np.dtype(dtype)
        size = kind.itemsize
        for n in shape:
            size *= n
        part = self.raw[self.at : self.at + size]
        if len(part) != size:
            raise ValueError("an array is cut short")
        self.at += size
        return np.frombuffer(part, kind).reshape(shape).copy()


PLAIN_CODECS = {
    *("adler32", "astype", "bitround", "blosc", "bz2", "bytes", "crc32", "crc32c", "delta"),
    *("fixedscaleoffset", "fletcher32", "gzip", "jenkins_lookup3", "lz4", "lzma", "packbits"),
    *("quantize", "sharding_indexed", "shuffle", "transpose", "vlen-bytes", "vlen-utf8"),
    *("zlib", "zstd"),
}
"""Ways of packing numbers and texts in a Zarr array. None of them runs what it reads: ``pickle``
does, and is not among them."""


def require_plain_zarr(folder: Path, where: str | None = None) -> None:
    """Refuse a Zarr store whose reading could run what stands in it; nothing of it is read.

    Parameters
    ----------
    folder : Path
        An array or a group, format 2 or 3.
    where : str, optional
        For the error; the file when not given.

    Raises
    ------
    DataError
        An array is packed in a way that is not one of :data:`PLAIN_CODECS`, or its description
        cannot be read.
    """
    names = (".zarray", ".zmetadata", "zarr.json")
    for file in sorted(file for name in names for file in folder.rglob(name)):
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
            used = set(_codecs(document))
        except (OSError, ValueError, RecursionError) as error:
            raise DataError(
                "the description of an array cannot be read",
                where=where or str(file),
                got=f"{file.name}: {error}",
            ) from error
        odd = sorted(used - PLAIN_CODECS)
        if odd:
            raise DataError(
                "an array is packed in a way that is not read",
                where=where or str(file),
                got=", ".join(odd),
                expected=f"one of {', '.join(sorted(PLAIN_CODECS))}",
                cure="write the store again with another compressor and without object filters",
            )


def _codecs(node: Any) -> Iterator[str]:
    """Names of the codecs that the description of arrays uses, at any depth."""
    if isinstance(node, dict):
        for key in ("filters", "codecs", "index_codecs", "compressor"):
            inner = node.get(key)
            for one in inner if isinstance(inner, list) else [inner]:
                if isinstance(one, dict):
                    name = str(one.get("id") or one.get("name"))
                    yield name.removeprefix("numcodecs.").lower()
                elif isinstance(one, str):
                    yield one.lower()
        for value in node.values():
            yield from _codecs(value)
    elif isinstance(node, list):
        for value in node:
            yield from _codecs(value)
