"""What a browser reads from the packed arrays of a map."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray


def unpack(packed: dict[str, Any]) -> NDArray[np.float64]:
    """What a browser reads from a packed array, flat; the reference of its script."""
    data = np.frombuffer(zlib.decompress(base64.b64decode(packed["data"]), -15), np.uint8)
    codes = data.astype(np.int64)
    if packed["wide"]:
        low, high = np.split(codes, 2)
        codes = low + 256 * high
    if packed["delta"]:
        codes = np.cumsum(codes) % (65536 if packed["wide"] else 256)
    if packed["scale"] == "table":
        return np.array(packed["table"], np.float64)[codes]  # None is NaN
    if packed["scale"] == "linear":
        return np.where(codes == 0, np.nan, packed["low"] + (codes - 1) * packed["step"])
    values = packed["low"] * np.exp((codes - 2) * packed["step"])
    return np.where(codes > 1, values, np.where(codes == 1, 0.0, np.nan))
