"""The ``.cdr`` accessor: plot a layer, explain a cell, total over the region.

Importing this module registers it with xarray::

    import cdrsite.accessor

    dataset = xr.open_zarr("runs/inland-basin/result.zarr")
    dataset.cdr.plot("cost", "daccs-solid")
    dataset.cdr.explain(lon=103.2, lat=38.4)
    dataset.cdr.total("net")
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from cdrsite.core.errors import ConfigError, GridError
from cdrsite.core.grid import AnalysisGrid
from cdrsite.outputs.legend import flag_names, reason_names, state_codes
from cdrsite.outputs.maps import draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EXTENSIVE = frozenset({"t/yr", "m3/yr", "kWh/yr", "m2", "person"})
"""Units of totals of a cell: they add up, all other values are averaged (rule 3)."""


def grid_of(data: xr.Dataset | xr.DataArray) -> AnalysisGrid:
    """The grid that an object's own coordinates describe.

    Raises
    ------
    GridError
        No x, y or CRS, or coordinates that are not evenly spaced and north-up.
    """
    for name in ("x", "y", "crs"):
        if name not in data.coords:
            raise GridError("the object has no such coordinate", got=f"no {name!r}", rule=1)
    x, y = data["x"].to_numpy(), data["y"].to_numpy()
    attrs = data["crs"].attrs
    wkt = str(attrs.get("spatial_ref") or attrs.get("crs_wkt") or "")
    steps = np.concatenate([np.diff(x), -np.diff(y)])
    if not wkt or not steps.size or not np.allclose(steps, steps[0], rtol=1e-6) or steps[0] <= 0:
        raise GridError(
            "the coordinates are not an even north-up grid with a CRS",
            expected="evenly spaced x to the east and y to the south, as a run writes them",
            rule=1,
        )
    step = float(steps[0])
    return AnalysisGrid(wkt, float(x[0]) - step / 2, float(y[0]) + step / 2, step, len(y), len(x))


@dataclass(frozen=True)
class MethodHere:
    """What one method finds in one cell.

    Attributes
    ----------
    state : str
        ``allowed``, ``excluded``, ``unknown``, ``net factor not positive`` or
        ``outside the region`` (rule 2).
    limits : str or None
        Resource that limits, where allowed.
    gross_t_yr, net_t_yr, cost_usd_per_net_t : float
        Potential and cost; NaN where there is none.
    suitability, available_share : float
        In [0, 1].
    reasons : tuple of str
        Exclusion rules that hold for the method and hit the cell.
    offered : float or None
        Supply of the limiting resource in the cell [``offered_unit``].
    need_per_t : float or None
        What of it a gross tonne needs there.
    """

    state: str
    limits: str | None
    gross_t_yr: float
    net_t_yr: float
    cost_usd_per_net_t: float
    suitability: float
    available_share: float
    reasons: tuple[str, ...] = ()
    offered: float | None = None
    offered_unit: str = ""
    need_per_t: float | None = None

    def sentence(self) -> str:
        """In words."""
        if self.state == "excluded" and self.reasons:
            return f"excluded: {'; '.join(self.reasons)}"
        if self.state != "allowed":
            return self.state
        parts = [f"{self.gross_t_yr:,.4g} t/yr gross, {self.net_t_yr:,.4g} t/yr net"]
        if np.isfinite(self.cost_usd_per_net_t):
            parts.append(f"{self.cost_usd_per_net_t:,.4g} USD per net t")
        limit = f"limited by {self.limits}"
        if self.offered is not None:
            limit += f" ({self.offered:,.4g} {self.offered_unit} offered"
            if self.need_per_t is not None:
                limit += f", {self.need_per_t:,.4g} {self.offered_unit.split('/')[0]} needed per t"
            limit += ")"
        parts.append(limit)
        parts.append(f"{self.available_share:.0%} of the cell available")
        if np.isfinite(self.suitability):
            parts.append(f"suitability {self.suitability:.2f}")
        return ", ".join(parts)


@dataclass(frozen=True)
class Explanation:
    """Why a cell is what it is.

    Attributes
    ----------
    lon, lat : float
        Centre of the cell [degree].
    x, y : float
        Centre of the cell [CRS units].
    row, column : int
        Of the grid, from the north-west.
    reasons : tuple of str
        Exclusion rules that hit the cell.
    methods : dict
        Method -> :class:`MethodHere`.
    """

    lon: float
    lat: float
    x: float
    y: float
    row: int
    column: int
    reasons: tuple[str, ...]
    methods: dict[str, MethodHere]

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def _head(self) -> str:
        return f"cell at {self.lon:.5f}, {self.lat:.5f} (row {self.row}, column {self.column})"

    def _rules(self) -> str:
        return "rules that hit it: " + ("; ".join(self.reasons) or "none")

    def __repr__(self) -> str:
        """Lines of text."""
        lines = [self._head(), self._rules()]
        return "\n".join(lines + [f"{k}: {v.sentence()}" for k, v in self.methods.items()])

    def _repr_html_(self) -> str:
        """A table for notebooks; text from the user's data is escaped."""
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th>"
            f"<td style='text-align:left'>{escape(here.sentence())}</td></tr>"
            for name, here in self.methods.items()
        )
        return f"<b>{escape(self._head())}</b><br>{escape(self._rules())}<table>{rows}</table>"


@xr.register_dataset_accessor("cdr")
class DatasetAccessor:
    """Accessor ``Dataset.cdr`` for the dataset of a run."""

    def __init__(self, dataset: xr.Dataset) -> None:
        self._dataset = dataset

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods."""
        if "method" not in self._dataset.coords:
            return ()
        return tuple(str(name) for name in np.atleast_1d(self._dataset["method"].to_numpy()))

    @property
    def grid(self) -> AnalysisGrid:
        """The grid that the coordinates describe."""
        return grid_of(self._dataset)

    def plot(self, variable: str, method: str | None = None, ax: Axes | None = None) -> Axes:
        """Draw one variable with its colours, its unit, and the states in words.

        Parameters
        ----------
        variable : str
            For example ``cost``, ``limit`` or ``net``.
        method : str, optional
            Needed where the variable has several methods.
        ax : Axes, optional
            Where to draw; a new figure when not given.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ConfigError
            Unknown variable or method.
        """
        values = self._pick(self._variable(variable), method)
        limit = None
        if "method" in values.coords and "limit" in self._dataset:
            limit = self._pick(self._dataset["limit"], str(values["method"].item()))
        name = f"{values['method'].item()}: " if "method" in values.coords else ""
        title = f"{name}{values.attrs.get('long_name', variable)}"
        return draw(values, self.grid, limit, ax, title)

    def explain(
        self,
        lon: float | None = None,
        lat: float | None = None,
        *,
        x: float | None = None,
        y: float | None = None,
    ) -> Explanation:
        """Say why a cell is what it is.

        Parameters
        ----------
        lon, lat : float
            A point inside the cell, WGS 84 [degree].
        x, y : float
            Or the point in the grid's own CRS.

        Raises
        ------
        GridError
            If the point lies outside the grid.
        """
        from pyproj import Transformer

        grid = self.grid
        lonlat = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
        if lon is not None and lat is not None and x is None and y is None:
            x, y = lonlat.transform(lon, lat, direction="INVERSE")
        elif x is None or y is None or lon is not None or lat is not None:
            raise ConfigError("a cell needs one point", expected="lon and lat, or x and y")
        row, col = grid.index(x, y)
        centre = float(grid.x[col]), float(grid.y[row])
        cell = self._dataset.isel(y=row, x=col)
        bits = int(cell["exclusion_reasons"].item()) if "exclusion_reasons" in cell else 0
        reasons = self._reasons(bits)
        lon_c, lat_c = lonlat.transform(*centre)
        here = {
            name: _method_here(cell, i, self._reasons(bits, name))
            for i, name in enumerate(self.methods)
        }
        return Explanation(float(lon_c), float(lat_c), *centre, row, col, reasons, here)

    def total(self, variable: str, method: str | None = None) -> xr.DataArray:
        """Total of a quantity over the region.

        Parameters
        ----------
        variable : str
            Totals of cells (t/yr) are summed; other quantities are averaged by area, the cost by
            net tonnes; a class gives the area of each of its values. ``net`` is net removal.
        method : str, optional
            All methods when not given.

        Returns
        -------
        xr.DataArray
            With ``units``, and ``cell_methods`` that says how.

        Raises
        ------
        ConfigError
            Unknown variable or method, or supplies of pools, which cells share.
        """
        values = self._variable(variable)
        if variable.startswith("supply_"):
            raise ConfigError(
                "cells share what their pools offer: adding it up would count it many times",
                got=variable,
                cure="see the table of pools (result.tables['pools'])",
                rule=6,
            )
        if method is not None:
            values = self._pick(values, method)
        weights = None
        if variable == "cost":
            weights = self._variable("net")
            weights = weights if method is None else self._pick(weights, method)
        return total(values, self.grid, weights)

    def _variable(self, name: str) -> xr.DataArray:
        if name == "net" and {"potential", "net_factor"} <= set(self._dataset.data_vars):
            net = self._dataset["potential"] * self._dataset["net_factor"]
            # where nothing is captured nothing is removed, whatever the factor would be
            net = xr.where(self._dataset["potential"] == 0, np.float32(0), net)
            return net.rename("net").assign_attrs(units="t/yr", long_name="net CO2 removal")
        if name not in self._dataset.data_vars:
            known = ", ".join(["net", *map(str, self._dataset.data_vars)])
            raise ConfigError("no such variable", got=repr(name), expected=known)
        return self._dataset[name]

    def _pick(self, values: xr.DataArray, method: str | None) -> xr.DataArray:
        if "method" not in values.dims:
            return values
        if method is None and values.sizes["method"] == 1:
            return values.isel(method=0)
        if method is None or method not in self.methods:
            raise ConfigError(
                "which method?" if method is None else "no such method",
                got=None if method is None else repr(method),
                expected=", ".join(self.methods),
            )
        # not sel(method=...): that is the keyword for inexact lookups
        return values.sel({"method": method})

    def _reasons(self, bits: int, method: str | None = None) -> tuple[str, ...]:
        """Rules that hit a cell, of those that hold for a method, in words.

        The dataset's attributes ``exclusion_rules`` (names by bit) and ``exclusion_rules_for``
        (the methods of each, separated by commas) say which those are.
        """
        rules = _texts(self._dataset.attrs.get("exclusion_rules", ()))
        holders = _texts(self._dataset.attrs.get("exclusion_rules_for", ()))
        for bit, who in enumerate(holders):
            if method is not None and method not in who.split(", "):
                bits &= ~(1 << bit)
        return tuple(reason_names(bits, rules))

    def _repr_html_(self) -> str:
        """Totals by method."""
        title = escape(str(self._dataset.attrs.get("title", "")))
        wanted = {
            "net Mt/yr": ("net", 1e-6),
            "gross Mt/yr": ("potential", 1e-6),
            "mean cost, USD per net t": ("cost", 1.0),
            "mean share available": ("available", 1.0),
        }
        columns = {
            label: self.total(name) * factor
            for label, (name, factor) in wanted.items()
            if name == "net" or name in self._dataset
        }
        head = "".join(f"<th>{label}</th>" for label in columns)
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th>"
            + "".join(f"<td>{float(v.sel({'method': name})):,.3g}</td>" for v in columns.values())
            + "</tr>"
            for name in self.methods
        )
        return f"<b>{title}</b><table><tr><th></th>{head}</tr>{rows}</table>"


@xr.register_dataarray_accessor("cdr")
class ArrayAccessor:
    """Accessor ``DataArray.cdr`` for one variable of a run."""

    def __init__(self, array: xr.DataArray) -> None:
        self._array = array

    @property
    def grid(self) -> AnalysisGrid:
        """The grid that the coordinates describe."""
        return grid_of(self._array)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the variable; choose a method first: ``da.sel({"method": name}).cdr.plot()``.

        Raises
        ------
        ConfigError
            If there are other dimensions than y and x.
        """
        if self._array.dims != ("y", "x"):
            raise ConfigError(
                "a map has two dimensions",
                got=", ".join(map(str, self._array.dims)),
                expected="y, x",
                cure="choose one, e.g. .sel({'method': 'daccs-solid'})",
            )
        method = f"{self._array['method'].item()}: " if "method" in self._array.coords else ""
        title = f"{method}{self._array.attrs.get('long_name', self._array.name or '')}"
        return draw(self._array, self.grid, None, ax, title)

    def total(self) -> xr.DataArray:
        """Total over the region: a sum, an area-weighted mean, or areas by class."""
        return total(self._array, self.grid)


def _texts(value: Any) -> tuple[str, ...]:
    """A list of texts; some formats store a list of one as the text itself."""
    return (value,) if isinstance(value, str) else tuple(map(str, value))


def _method_here(cell: xr.Dataset, index: int, reasons: tuple[str, ...]) -> MethodHere:
    """What one method finds in a cell of the dataset."""

    def value(name: str) -> float:
        if name not in cell:
            return float("nan")
        variable = cell[name]
        return float((variable[index] if variable.ndim else variable).item())

    code = int(value("limit"))
    name = flag_names(cell["limit"])[code]
    allowed = code not in state_codes(cell["limit"]).values()
    gross, net_factor = value("potential"), value("net_factor")
    supply = f"supply_{name}"
    offered = float(cell[supply].item()) if allowed and supply in cell else None
    return MethodHere(
        state="allowed" if allowed else name,
        limits=name if allowed else None,
        gross_t_yr=gross,
        net_t_yr=0.0 if gross == 0 else gross * net_factor,
        cost_usd_per_net_t=value("cost"),
        suitability=value("suitability"),
        available_share=value("available"),
        reasons=reasons,
        offered=offered,
        offered_unit=str(cell[supply].attrs.get("units", "")) if offered is not None else "",
        need_per_t=offered / gross if offered is not None and gross > 0 else None,
    )


def total(
    values: xr.DataArray, grid: AnalysisGrid, weights: xr.DataArray | None = None
) -> xr.DataArray:
    """Sum, mean or class areas over y and x; see :meth:`DatasetAccessor.total`.

    Parameters
    ----------
    values : xr.DataArray
        With dimensions y and x.
    grid : AnalysisGrid
        Its cell areas weigh.
    weights : xr.DataArray, optional
        Weights of a mean in place of areas.
    """
    area = xr.DataArray(grid.row_areas, dims="y", coords={"y": values["y"]})
    unit = str(values.attrs.get("units", ""))
    if "flag_values" in values.attrs:
        names = flag_names(values)
        parts = [((values == code) * area).sum(("y", "x")) / 1e6 for code in sorted(names)]
        found = xr.concat(parts, "value").transpose(..., "value")
        found = found.assign_coords(value=[names[code] for code in sorted(names)])
        unit, how = "km2", "area: sum"
    elif unit in EXTENSIVE:
        found = values.astype(np.float64).sum(("y", "x"))
        how = "area: sum"
    else:
        by = area if weights is None else weights.fillna(0.0).astype(np.float64)
        found = values.astype(np.float64).weighted(by).mean(("y", "x"))
        how = "area: mean" if weights is None else "area: mean (weighted by net tonnes)"
    found = found.drop_vars("crs", errors="ignore").rename(values.name)
    found.attrs = {
        "long_name": str(values.attrs.get("long_name", values.name or "")),
        "units": unit,
        "cell_methods": how,
    }
    return found
