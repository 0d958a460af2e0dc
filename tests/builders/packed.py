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
    if "table" in packed:
        codes = np.array(packed["table"], np.int64)[codes]
    if "digits" not in packed:
        return codes.astype(np.float64)
    first = 10 ** (packed["digits"] - 1)
    power, whole = np.divmod((codes - 2) % packed["span"], 9 * first)
    signs = np.where(codes - 2 < packed["span"], "", "-").tolist()
    parts = zip(signs, whole + first, power + packed["low"], strict=True)
    values = np.array([f"{sign}{one}e{ten}" for sign, one, ten in parts], np.float64)
    return np.where(codes > 1, values, np.where(codes == 1, 0.0, np.nan))
