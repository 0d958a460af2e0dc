"""Size of a CO2 pipeline and friction in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cdrsite.core.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

HOURS = 8760.0

NOMINAL_INCH = np.array([4, 6, 8, 12, 16, 20, 24, 30, 36, 42, 48], np.float64)
"""Nominal pipe sizes [inch]."""

NOMINAL_CAPACITY = 1e6 * np.array(
    [0.19, 0.54, 1.13, 3.25, 6.86, 12.26, 19.69, 35.16, 56.46, 83.95, 119.16]
)
"""Largest flow of each nominal size [t/yr].

The capacities by diameter of the SimCCS data sets; 0.19, 6.86, 56.46 and 119.16 Mt/yr were read,
the others lie on the same power law (diameter to 2.6) and are general knowledge of that table."""

ROUGHNESS = 0.0018 * 0.0254
"""Roughness of the pipe wall [m]: 0.0018 inch (NETL CO2 transport cost model)."""
DENSITY, VISCOSITY = 900.0, 9.0e-5
"""Dense CO2 at 53 degF and 1700 psig [kg/m3, Pa s]; general knowledge, rounded."""
PUMP_EFFICIENCY = 0.75
"""Share of a booster's electricity that becomes pressure [1]; general knowledge."""
BOOSTER_SPACING = 100.0
"""Length over which the pressure falls from inlet to outlet [km]."""


def parallel_lines(flow: ArrayLike) -> NDArray[np.int64]:
    """Number of equal lines side by side; more than one above the largest nominal size.

    Parameters
    ----------
    flow : array_like
        Flow [t/yr].

    Returns
    -------
    ndarray of int64
        At least 1.
    """
    flow = positive(flow, "flow")
    return np.maximum(np.ceil(flow / NOMINAL_CAPACITY[-1] - 1e-12), 1).astype(np.int64)


def nominal_diameter(flow: ArrayLike) -> Floats:
    """Smallest nominal size that carries the flow in one line.

    Parameters
    ----------
    flow : array_like
        Flow of one line [t/yr], at most the capacity of 48 inch (:func:`parallel_lines`).

    Returns
    -------
    ndarray of float64
        Nominal diameter [inch].
    """
    flow = positive(flow, "flow")
    index = np.searchsorted(NOMINAL_CAPACITY, flow * (1 - 1e-12))
    if np.any(index == NOMINAL_INCH.size):
        raise ConfigError(
            "no nominal size carries the flow",
            got=f"{flow.max():g} t/yr",
            expected=f"at most {NOMINAL_CAPACITY[-1]:g} t/yr",
            cure="split the flow over parallel lines",
        )
    return NOMINAL_INCH[index]


def friction_factor(reynolds: ArrayLike, relative_roughness: ArrayLike) -> Floats:
    """Darcy friction factor of turbulent flow (Haaland 1983)."""
    reynolds = np.asarray(reynolds, np.float64)
    rough = np.asarray(relative_roughness, np.float64)
    return np.asarray((-1.8 * np.log10((rough / 3.7) ** 1.11 + 6.9 / reynolds)) ** -2.0)


def pressure_gradient(flow: ArrayLike, inner_diameter: ArrayLike) -> Floats:
    """Fall of pressure along a line by friction (Darcy-Weisbach, dense phase).

    Parameters
    ----------
    flow : array_like
        Flow of one line [t/yr].
    inner_diameter : array_like
        Inner diameter [m].

    Returns
    -------
    ndarray of float64
        Pressure gradient [Pa/m].
    """
    mass = positive(flow, "flow") * 1000.0 / (HOURS * 3600.0)
    inner = positive(inner_diameter, "inner diameter")
    reynolds = 4 * mass / (np.pi * inner * VISCOSITY)
    factor = friction_factor(reynolds, ROUGHNESS / inner)
    return np.asarray(8 * factor * mass**2 / (np.pi**2 * DENSITY * inner**5))


def booster_energy(flow: ArrayLike) -> Floats:
    """Electricity that makes up for the friction of a line of nominal size.

    Parameters
    ----------
    flow : array_like
        Flow [t/yr].

    Returns
    -------
    ndarray of float64
        Electricity [kWh/t/km].
    """
    flow = positive(flow, "flow")
    each = flow / parallel_lines(flow)
    # wall of API 5L X70 at 2200 psig with design factor 0.72: 2.2 % of the outer diameter
    inner = nominal_diameter(each) * 0.0254 * (1 - 2 * 0.022)
    joule_per_kg_m = pressure_gradient(each, inner) / DENSITY / PUMP_EFFICIENCY
    return np.asarray(joule_per_kg_m * 1e6 / 3.6e6)


def positive(values: ArrayLike, name: str) -> Floats:
    """Values as float64; refuse one that is not a finite positive number."""
    array = np.asarray(values, np.float64)
    if not np.all(np.isfinite(array) & (array > 0)):
        raise ConfigError(
            f"{name} is not a positive number", got=str(array.min() if array.size else array)
        )
    return array
