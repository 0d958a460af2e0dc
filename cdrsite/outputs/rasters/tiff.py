"""Puts the tiles of several GeoTIFFs in the order of a Cloud Optimised GeoTIFF.

GDAL writes a raster and its overviews as files of their own; here their tiles are copied, as they
are, behind one header. Nothing is compressed twice, and nothing but offsets is changed.

The layout is GDAL's own: all directories first, then the tiles of the smallest overview, and so on;
the tiles of one image row by row, each with its size before it and its last bytes repeated behind
it (https://gdal.org/en/stable/drivers/raster/cog.html, "File format details").
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

SUBFILE, OFFSETS, COUNTS = 254, 324, 325
"""TIFF tags: kind of image, where its tiles are, how long they are."""
OF_THE_WHOLE = frozenset({33550, 33922, 34264, 34735, 34736, 34737, 42112})
"""TIFF tags that overviews do not repeat: the place on the ground, GDAL's metadata."""
SHORT, LONG, LONG8 = 3, 4, 16
"""TIFF types of whole numbers."""
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 16: 8, 17: 8}
"""TIFF type -> bytes."""
LAYOUT = (
    b"LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n"
    b"BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n "
)
"""What GDAL writes behind the header to say how tiles can be read."""
LARGE = 4_000_000_000
"""From here on offsets take eight bytes (BigTIFF) [bytes]."""

Field = tuple[int, int, bytes]
"""Type, count and values of a tag."""


@dataclass
class Image:
    """One image of a file: its tags, and where its tiles are.

    Attributes
    ----------
    path : Path
        The file.
    fields : dict
        Tag -> type, count and values, little-endian.
    offsets, counts : tuple of int
        Of the tiles [bytes].
    """

    path: Path
    fields: dict[int, Field]
    offsets: tuple[int, ...]
    counts: tuple[int, ...]


def read_image(path: Path) -> Image:
    """The first image of a little-endian, tiled TIFF."""
    with path.open("rb") as file:
        big = struct.unpack("<2sH", file.read(4))[1] == 43
        if big:
            file.seek(8)
        (at,) = struct.unpack("<Q" if big else "<I", file.read(8 if big else 4))
        file.seek(at)
        (count,) = struct.unpack("<Q" if big else "<H", file.read(8 if big else 2))
        entry, room = ("<HHQ8s", 8) if big else ("<HHI4s", 4)
        raw = file.read(count * struct.calcsize(entry))
        fields: dict[int, Field] = {}
        for tag, kind, number, value in struct.iter_unpack(entry, raw):
            size = SIZES[kind] * number
            content = value[:size]
            if size > room:
                file.seek(struct.unpack("<Q" if big else "<I", value)[0])
                content = file.read(size)
            fields[tag] = kind, number, content
    return Image(path, fields, _numbers(fields.pop(OFFSETS)), _numbers(fields.pop(COUNTS)))


def _numbers(field: Field) -> tuple[int, ...]:
    kind, count, content = field
    letter = {SHORT: "H", LONG: "I", LONG8: "Q"}[kind]
    return struct.unpack(f"<{count}{letter}", content)


def assemble(target: Path, parts: Sequence[Path]) -> None:
    """Write a Cloud Optimised GeoTIFF from a raster and its overviews.

    Parameters
    ----------
    target : Path
        The file.
    parts : sequence of Path
        Tiled, little-endian GeoTIFFs with one image each: the raster, then ever smaller overviews.
    """
    images = [read_image(path) for path in parts]
    for image in images[1:]:
        image.fields = {t: f for t, f in image.fields.items() if t not in OF_THE_WHOLE}
        image.fields[SUBFILE] = LONG, 1, struct.pack("<I", 1)
    total = sum(sum(image.counts) + 24 * len(image.counts) for image in images)
    total += sum(len(f[2]) + 20 for image in images for f in image.fields.values())
    big = total + 1000 > LARGE
    head = f"GDAL_STRUCTURAL_METADATA_SIZE={len(LAYOUT):06d} bytes\n".encode() + LAYOUT
    first = (16 if big else 8) + len(head)
    first += first % 2
    # twice: directories do not change their size when the offsets become known
    nowhere = [(0,) * len(image.offsets) for image in images]
    size = sum(map(len, _directories(images, nowhere, first, big=big)))
    places = _places(images, first + size)
    with target.open("wb") as file:
        form = ("<2sHHHQ", b"II", 43, 8, 0, first) if big else ("<2sHI", b"II", 42, first)
        start = struct.pack(*form)
        file.write((start + head).ljust(first, b"\0"))
        file.writelines(_directories(images, places, first, big=big))
        for image in reversed(images):
            _copy_tiles(image, file)


def _places(images: Sequence[Image], start: int) -> list[tuple[int, ...]]:
    """Where each tile will be: the last image first, four bytes before and behind each."""
    places: list[tuple[int, ...]] = []
    for image in reversed(images):
        offsets = []
        for count in image.counts:
            offsets.append(start + 4 if count else 0)
            start += count + 8 if count else 0
        places.insert(0, tuple(offsets))
    return places


def _directories(
    images: Sequence[Image], places: Sequence[tuple[int, ...]], start: int, *, big: bool
) -> list[bytes]:
    """The images' directories, one after the other, each with its long values behind it."""
    kind, letter = (LONG8, "Q") if big else (LONG, "I")
    directories = []
    for number, (image, offsets) in enumerate(zip(images, places, strict=True)):
        tiles = len(offsets)
        fields = dict(image.fields)
        fields[OFFSETS] = kind, tiles, struct.pack(f"<{tiles}{letter}", *offsets)
        fields[COUNTS] = LONG, tiles, struct.pack(f"<{tiles}I", *image.counts)
        directory = _directory(fields, start, last=number == len(images) - 1, big=big)
        start += len(directory)
        directories.append(directory)
    return directories


def _directory(fields: dict[int, Field], start: int, *, last: bool, big: bool) -> bytes:
    room, letter = (8, "Q") if big else (4, "I")
    count = struct.pack("<Q" if big else "<H", len(fields))
    behind = start + len(count) + len(fields) * (12 + (8 if big else 0)) + room
    entries, values = b"", b""
    for tag, (kind, number, content) in sorted(fields.items()):
        inline = content.ljust(room, b"\0")
        if len(content) > room:
            inline = struct.pack(f"<{letter}", behind + len(values))
            values += content + b"\0" * (len(content) % 2)
        entries += struct.pack(f"<HH{letter}", tag, kind, number) + inline
    values += b"\0" * (-(behind + len(values)) % 2)
    following = 0 if last else behind + len(values)
    return count + entries + struct.pack(f"<{letter}", following) + values


def _copy_tiles(image: Image, target: BinaryIO) -> None:
    with image.path.open("rb") as source:
        for offset, count in zip(image.offsets, image.counts, strict=True):
            if count:
                source.seek(offset)
                tile = source.read(count)
                target.write(struct.pack("<I", count) + tile + tile[-4:].rjust(4, b"\0"))
