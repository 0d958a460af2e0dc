"""How far two colours differ, for usual sight and for each kind of dichromacy.

Differences are CIEDE2000 (Sharma, Wu, Dalal 2005); what people with dichromacy see is modelled by
Machado, Oliveira, Fernandes 2009 at full severity, on linear sRGB.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cdrsite.outputs.palette import rgba

F64 = npt.NDArray[np.float64]

SIGHT: dict[str, F64] = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
         [0.004733, 0.691367, 0.303900]]
    ),
}  # fmt: skip
"""Linear sRGB -> what is seen of it."""
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
     [0.0193339, 0.1191920, 0.9503041]]
)  # fmt: skip


def lab(colour: str, seen: F64) -> F64:
    """CIELAB (D65) of a colour as it is seen."""
    c = np.array(rgba(colour)[:3]) / 255.0
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    x = TO_XYZ @ np.clip(seen @ linear, 0, 1) / TO_XYZ.sum(axis=1)
    f = np.where(x > (6 / 29) ** 3, np.cbrt(x), x / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def difference(one: F64, other: F64) -> float:
    """CIEDE2000."""
    (l1, a1, b1), (l2, a2, b2) = one.tolist(), other.tolist()
    mean = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    stretch = 1.5 - 0.5 * np.sqrt(mean**7 / (mean**7 + 25.0**7))
    c1, c2 = np.hypot(a1 * stretch, b1), np.hypot(a2 * stretch, b2)
    h1, h2 = (np.degrees(np.arctan2(b, a * stretch)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = (h2 - h1 + 180) % 360 - 180 if c1 * c2 > 0 else 0.0
    hue = h1 + turn / 2 if c1 * c2 > 0 else h1 + h2
    light, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    cosines = ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.20, 4, -63))
    t = 1 + sum(k * np.cos(np.radians(n * hue + at)) for k, n, at in cosines)
    s_l = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    s_c, s_h = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    bend = 60 * np.exp(-((((hue % 360) - 275) / 25) ** 2))
    r = -2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7)) * np.sin(np.radians(bend))
    d_c, d_h = (c2 - c1) / s_c, 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / s_h
    return float(np.sqrt(((l2 - l1) / s_l) ** 2 + d_c**2 + d_h**2 + r * d_c * d_h))


def apart(first: str, second: str) -> float:
    """Least difference of two colours over all kinds of sight."""
    return min(difference(lab(first, seen), lab(second, seen)) for seen in SIGHT.values())
