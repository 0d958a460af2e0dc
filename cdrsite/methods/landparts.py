"""Land in parts that methods can use alike, so that land of two methods is counted once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.config.resources import Land
from cdrsite.core.reader import LayerReader
from cdrsite.methods.supply import usable_land

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.core.grid import Block

    F32 = NDArray[np.float32]


def land_parts(models: Sequence[Land], reader: LayerReader, block: Block) -> F32:
    """Share of each cell's area that each model can use, in parts that lie beside one another.

    Within a part one model's land lies in that of another which can use more of it, so that the
    land of several is, part by part, the most of any of them. Classes of one layer are parts; what
    goes by a number alone is that share of each class. Where models go by different layers nothing
    says which land they have in common: all is one part, and none of it is counted twice.

    Parameters
    ----------
    models : sequence of Land
        Without twins.
    reader : LayerReader
    block : Block

    Returns
    -------
    ndarray of float32, shape (parts, models, rows, cols)
        0 where no class is known [1].
    """
    layer = _by_one_layer(models)
    if layer is None:
        shares = [usable_land(model, reader, block) for model in models]
        return np.nan_to_num(np.stack(shares))[None]
    tables = [_by_code(model, layer, reader) for model in models]
    alike: dict[tuple[float, ...], list[int]] = {}
    for code in sorted({code for table, _ in tables for code in table}):
        alike.setdefault(tuple(t.get(code, rest) for t, rest in tables), []).append(code)
    parts, left = [], np.ones(block.shape, np.float32)
    for each, codes in alike.items():
        share = np.nan_to_num(reader.class_share(layer, dict.fromkeys(codes, 1.0), block))
        left = left - share
        parts.append(np.multiply.outer(np.array(each, np.float32), share))
    unnamed = np.array([rest for _, rest in tables], np.float32)
    parts.append(np.multiply.outer(unnamed, np.maximum(left, np.float32(0))))
    others = next(model.usable for model in models if isinstance(model.usable, dict))
    for other, weights in others.items():
        if other != layer:
            share = np.nan_to_num(reader.class_share(other, weights, block))
            parts = [part * share for part in parts]
    return np.stack(parts)


def _by_one_layer(models: Sequence[Land]) -> str | None:
    """The one layer by which models differ; None where there is no such layer."""
    given = [model.usable for model in models if isinstance(model.usable, dict)]
    names = {tuple(sorted(one)) for one in given}
    if len(names) != 1:
        return None
    (layers,) = names
    differing = [name for name in layers if any(one[name] != given[0][name] for one in given)]
    if len(layers) > 1 and (len(given) < len(models) or models[0].combine != "product"):
        return None
    return (differing or [*layers])[0] if len(differing) <= 1 else None


def _by_code(model: Land, layer: str, reader: LayerReader) -> tuple[dict[int, float], float]:
    """Share of each class that a model names, and of all others."""
    if not isinstance(model.usable, dict):
        return {}, model.usable * model.factor
    table = {}
    for selector, share in model.usable[layer].items():
        for code in reader.class_codes(layer, [selector]):
            table[code] = share * model.factor
    return table, 0.0
