"""Size trends of pipes and ships: straight lines above a cost model's curve."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cdrsite.network.problem import Trend
from cdrsite.transport.costmodels import levelised, ship

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdrsite.transport.pipelines import Basis

    Floats = NDArray[np.float64]

REFERENCE_KM = 100.0
"""Length at which the cost per km of a model is read: beyond the fixed parts, below the largest."""
SMALLEST_FLOW = 0.01
"""Flow from which trends lie above the model [Mt/yr]."""


@dataclass(frozen=True)
class Trends:
    """Straight lines above a cost curve.

    Attributes
    ----------
    fixed, slope : tuple of float
        Of each line, per km [million USD/yr/km, USD/t/km], by rising fixed part.
    error : float
        Largest excess over the curve where it was sampled [1].
    most : float
        Largest flow [Mt/yr].
    """

    fixed: tuple[float, ...]
    slope: tuple[float, ...]
    error: float
    most: float

    def cost(self, flow: Floats) -> Floats:
        """Annual cost per km of flows [Mt/yr], in million USD/yr/km."""
        lines = np.array(self.fixed)[:, None] + np.outer(self.slope, flow)
        return np.asarray(lines.min(axis=0))

    def of(self, length: float) -> tuple[Trend, ...]:
        """Trends of an arc of a length of plain ground [km]."""
        return tuple(
            Trend(a * length, b * length, self.most, f"pipe {k}")
            for k, (a, b) in enumerate(zip(self.fixed, self.slope, strict=True), start=1)
        )


def fit_trends(flow: Floats, cost: Floats, segments: int = 3) -> Trends:
    """Fewest straight lines above a cost curve: edges of its least concave majorant.

    Parameters
    ----------
    flow : ndarray, shape (n,)
        Rising flows [Mt/yr].
    cost : ndarray, shape (n,)
        Annual cost per km [million USD/yr/km].
    segments : int
        Most lines.

    Returns
    -------
    Trends
        The edges with the least largest relative excess over the curve.
    """
    hull: list[int] = []
    for k in range(len(flow)):
        while len(hull) >= 2:
            i, j = hull[-2], hull[-1]
            left = (cost[j] - cost[i]) * (flow[k] - flow[i])
            if left > (cost[k] - cost[i]) * (flow[j] - flow[i]):
                break
            hull.pop()
        hull.append(k)
    lines = []
    for i, j in itertools.pairwise(hull):
        slope = max((cost[j] - cost[i]) / (flow[j] - flow[i]), 0.0)
        lines.append((max(cost[i] - slope * flow[i], 0.0), slope))
    if not lines:
        lines = [(0.0, float(cost[0] / flow[0]))]
    values = np.array([a + b * flow for a, b in lines])
    values = np.maximum(values, 0.0)
    best: tuple[int, ...] = (0,)
    error = math.inf
    for count in range(1, min(segments, len(lines)) + 1):
        for chosen in itertools.combinations(range(len(lines)), count):
            excess = float((values[list(chosen)].min(axis=0) / cost).max() - 1.0)
            if excess < error - 1e-12:
                best, error = chosen, excess
    kept = sorted(lines[k] for k in best)
    return Trends(
        tuple(float(a) for a, _ in kept), tuple(float(b) for _, b in kept), error, float(flow[-1])
    )


def pipe_trends(
    most: float, *, model: str = "central", basis: Basis | None = None, segments: int = 3
) -> Trends:
    """Trends of a pipeline model per km of plain ground.

    Parameters
    ----------
    most : float
        Largest flow that a pipe may have to carry [Mt/yr].
    model : str
        Model or level of :func:`cdrsite.transport.costmodels.levelised`.
    basis : Basis, optional
        Annuity, prices, base year.
    segments : int
        Most lines.
    """
    flow = np.geomspace(SMALLEST_FLOW, max(most, 2 * SMALLEST_FLOW), 160)
    per_tonne = levelised(model, flow * 1e6, REFERENCE_KM, basis)
    return fit_trends(flow, per_tonne * flow / REFERENCE_KM, segments)


def ship_trends(
    length: float, most: float, basis: Basis | None = None, segments: int = 3
) -> tuple[Trend, ...]:
    """Trends of ships with terminals and liquefaction over a distance [km]."""
    flow = np.geomspace(SMALLEST_FLOW, max(most, 2 * SMALLEST_FLOW), 160)
    fitted = fit_trends(flow, ship(flow * 1e6, length, basis) * flow, segments)
    return tuple(
        Trend(a, b, fitted.most, "ship") for a, b in zip(fitted.fixed, fitted.slope, strict=True)
    )
