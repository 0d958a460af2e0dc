"""The ``.cdr`` accessor: plot a layer, explain a cell, total over the region.

Importing this module registers it with xarray::

    import cdrsite.report.accessor

    dataset = xr.open_zarr("runs/inland-basin/result.zarr")
    dataset.cdr.plot("cost", "daccs-solid")
    dataset.cdr.explain(lon=103.2, lat=38.4)
    dataset.cdr.total("net_removal")
    dataset.cdr.explore()
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from cdrsite.core.crs import LONLAT, transformer
from cdrsite.core.errors import ConfigError
from cdrsite.core.grid import AnalysisGrid
from cdrsite.core.numbers import number
from cdrsite.core.vocabulary import AMOUNTS
from cdrsite.core.vocabulary import variable as record
from cdrsite.core.words import Words
from cdrsite.explain.cells import methods_of
from cdrsite.explain.place import Explanation, explain_place
from cdrsite.outputs.circles import draw_circles
from cdrsite.outputs.classes import dataset_classes
from cdrsite.outputs.legend import flag_names
from cdrsite.outputs.maps import draw
from cdrsite.outputs.tonnes import plan_circles
from cdrsite.report.html import tag
from cdrsite.result.attributes import GRID_MAPPING
from cdrsite.result.store import grid_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cdrsite.report.mappage import InteractiveMap

EXTENSIVE = frozenset({*AMOUNTS, "person"})
"""Units of totals of a cell: they add up, all other values are averaged (rule 3)."""
SHARE_NET = "equal_share_net"
"""Quantity that is made of others: net removal with an equal share of the pools."""


@xr.register_dataset_accessor("cdr")
class DatasetAccessor:
    """Accessor ``Dataset.cdr`` for the dataset of a run."""

    def __init__(self, dataset: xr.Dataset) -> None:
        self._dataset = dataset

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods."""
        return methods_of(self._dataset)

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
        _require_map(values)
        if variable == "exclusion_reasons":
            rules = self._dataset.attrs.get("exclusion_rules", [])
            values = values.assign_attrs(exclusion_rules=rules)
        limit = None
        if "removal_method" in values.coords and "limit" in self._dataset:
            limit = self._pick(self._dataset["limit"], str(values["removal_method"].item()))
        elif record(variable).with_state and "state" in self._dataset:
            limit = self._dataset["state"]
        classes = None
        if values.dtype.kind == "f" and variable in self._dataset:
            classes = dataset_classes(self._dataset, variable)
        ax = draw(values, self.grid, limit, ax, _title(values), classes)
        if variable == "winner" and {"allocated", "limit", "net_factor"} <= set(self._dataset):
            # colours of cells show area, and a plant has the tonnes of thousands of them
            draw_circles(ax, plan_circles(self._dataset, self.grid), self.methods)
        return ax

    def explain(
        self,
        lon: float | None = None,
        lat: float | None = None,
        *,
        x: float | None = None,
        y: float | None = None,
        lang: str = "en",
    ) -> Explanation:
        """Say why a cell is what it is.

        Parameters
        ----------
        lon, lat : float
            A point inside the cell, WGS 84 [degree].
        x, y : float
            Or the point in the grid's own CRS.
        lang : {'en', 'zh'}
            Language of what is said.

        Raises
        ------
        GridError
            If the point lies outside the grid.
        """
        grid = self.grid
        if lon is not None and lat is not None and x is None and y is None:
            x, y = transformer(LONLAT, grid.wkt).transform(lon, lat)
        elif x is None or y is None or lon is not None or lat is not None:
            raise ConfigError("a cell needs one point", expected="lon and lat, or x and y")
        return explain_place(self._dataset, grid, x, y, Words(lang).of(self._dataset.attrs))

    def total(self, variable: str, method: str | None = None) -> xr.DataArray:
        """Total of a quantity over the region.

        Parameters
        ----------
        variable : str
            Totals of cells (t/yr) are summed; other quantities are averaged by area, the cost by
            net tonnes with equal shares; a class gives the area of each of its values.
            ``equal_share_net`` is the equal share less what is emitted and lost.
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
            weights = self._variable(SHARE_NET)
            weights = weights if method is None else self._pick(weights, method)
        return total(values, self.grid, weights)

    def explore(
        self,
        variable: str | None = None,
        method: str | None = None,
        lang: str = "en",
        *,
        vectors: dict[str, dict[str, Any]] | None = None,
    ) -> InteractiveMap:
        """Show an interactive map that needs no network; a click says why a cell is what it is.

        Parameters
        ----------
        variable : str, optional
            Only this one; what suits the dataset when not given.
        method : str, optional
            Only this method.
        lang : {'en', 'zh'}
            Language.
        vectors : dict, optional
            Shapes above the picture; ``StudyResult.explore`` brings plants, pipes and routes.

        Returns
        -------
        InteractiveMap
            A notebook shows it; ``.save("map.html")`` writes it as one file.

        Raises
        ------
        ConfigError
            Unknown variable or method, or nothing to show.
        """
        from cdrsite.report.maplayers import Layer, layers_of
        from cdrsite.report.mappage import InteractiveMap

        dataset = self._dataset
        if variable == SHARE_NET:
            dataset = dataset.assign(equal_share_net=self._variable(SHARE_NET))
        if method is not None:
            self._require(method)
        layers = layers_of(dataset)
        if variable is not None:
            values = self._variable(variable)
            _require_map(values)
            many = "removal_method" in values.dims
            layers = [Layer(variable, m) for m in self.methods] if many else [Layer(variable)]
        if method is not None:
            layers = [layer for layer in layers if layer.method in {None, method}]
        title = str(dataset.attrs.get("title", ""))
        return InteractiveMap(dataset, layers, lang, title, vectors)

    def _variable(self, name: str) -> xr.DataArray:
        if name == SHARE_NET and {"equal_share", "net_factor"} <= set(self._dataset.data_vars):
            net = self._dataset["equal_share"] * self._dataset["net_factor"]
            # where nothing is captured nothing is removed, whatever the factor would be
            net = xr.where(self._dataset["equal_share"] == 0, np.float32(0), net)
            return net.rename(name).assign_attrs(
                units="t/yr", long_name="net CO2 with an equal share of the pools"
            )
        if name not in self._dataset.data_vars:
            known = ", ".join([SHARE_NET, *map(str, self._dataset.data_vars)])
            raise ConfigError("no such variable", got=repr(name), expected=known)
        return self._dataset[name]

    def _pick(self, values: xr.DataArray, method: str | None) -> xr.DataArray:
        if "removal_method" not in values.dims:
            return values
        if method is None and values.sizes["removal_method"] == 1:
            return values.isel(removal_method=0)
        if method is None:
            raise ConfigError("which method?", expected=", ".join(self.methods))
        self._require(method)
        return values.sel(removal_method=method)

    def _require(self, method: str) -> None:
        if method not in self.methods:
            known = ", ".join(self.methods) or "none"
            raise ConfigError("no such method", got=repr(method), expected=known)

    def _repr_html_(self) -> str:
        """Totals by method, and a small map of what the plan uses most."""
        from cdrsite.report.maplayers import Layer
        from cdrsite.report.mappage import small_map

        title = escape(str(self._dataset.attrs.get("title", "")))
        wanted = {
            "gross Mt/yr in the plan": ("allocated", 1e-6),
            "net Mt/yr with equal shares": (SHARE_NET, 1e-6),
            "mean cost, USD per net t": ("cost", 1.0),
            "mean share available": ("available", 1.0),
        }
        columns = {
            label: self.total(name) * factor
            for label, (name, factor) in wanted.items()
            if name == SHARE_NET or name in self._dataset
        }
        rows = [tag("tr", tag("th"), *(tag("th", label) for label in columns))]
        for method in self.methods:
            totals = (float(total.sel(removal_method=method)) for total in columns.values())
            head = tag("th", escape(method), style="text-align:left")
            rows.append(tag("tr", head, *(tag("td", number(value)) for value in totals)))
        picture = ""
        if "winner" in self._dataset and self._dataset["winner"].dims == ("y", "x"):
            picture = small_map(self._dataset, Layer("winner"))
        return tag("b", title) + tag("table", *rows) + picture


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
        """Draw the variable; choose a method first: ``da.sel(removal_method=name).cdr.plot()``.

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
                cure="choose one, e.g. .sel(removal_method='daccs-solid')",
            )
        return draw(self._array, self.grid, None, ax, _title(self._array))

    def explore(self, lang: str = "en") -> InteractiveMap:
        """Show an interactive map that needs no network; a click gives the value of a cell.

        Parameters
        ----------
        lang : {'en', 'zh'}
            Language.

        Returns
        -------
        InteractiveMap
            A notebook shows it; ``.save("map.html")`` writes it as one file.

        Raises
        ------
        ConfigError
            If there are other dimensions than y and x, or removal_method, y and x.
        """
        from cdrsite.report.mappage import InteractiveMap

        return InteractiveMap(self._as_dataset(), None, lang, _title(self._array))

    def _as_dataset(self) -> xr.Dataset:
        """The array alone in a dataset, ready to be drawn."""
        array = self._array
        if array.dims not in {("y", "x"), ("removal_method", "y", "x")}:
            raise ConfigError(
                "a map has two dimensions",
                got=", ".join(map(str, array.dims)),
                expected="y, x; or removal_method, y, x",
                cure="choose one of the others, e.g. .isel(time=0)",
            )
        if array.dtype == bool:
            array = array.astype(np.uint8)
        if "removal_method" in array.coords and "removal_method" not in array.dims:
            array = array.drop_vars("removal_method")
        return array.rename(array.name or "value").to_dataset()

    def _repr_html_(self) -> str:
        """A small map."""
        from cdrsite.report.maplayers import layers_of
        from cdrsite.report.mappage import small_map

        dataset = self._as_dataset()
        layers = layers_of(dataset)
        title = _title(self._array) if len(layers) == 1 else ""
        maps = "".join(small_map(dataset, layer, title) for layer in layers)
        return maps or escape(repr(self._array))

    def total(self) -> xr.DataArray:
        """Total over the region: a sum, an area-weighted mean, or areas by class."""
        return total(self._array, self.grid)


def _require_map(values: xr.DataArray) -> None:
    """Refuse what has other dimensions than those of a map and methods."""
    if more := [str(dim) for dim in values.dims if dim not in {"removal_method", "y", "x"}]:
        raise ConfigError(
            "a map has two dimensions",
            got=", ".join(map(str, values.dims)),
            expected="y, x",
            cure=f"choose one of {more[0]}, e.g. dataset['{values.name}'].isel({more[0]}=0).cdr",
        )


def _title(array: xr.DataArray) -> str:
    """What an array is, and of which method."""
    name = str(array.attrs.get("long_name") or array.name or "")
    if "removal_method" in array.coords and not array["removal_method"].ndim:
        return f"{array['removal_method'].item()}: {name}"
    return name


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
        result = xr.concat(parts, "value").transpose(..., "value")
        result = result.assign_coords(value=[names[code] for code in sorted(names)])
        unit, how = "km2", "area: sum"
    elif unit in EXTENSIVE:
        result = values.astype(np.float64).sum(("y", "x"))
        how = "area: sum"
    else:
        by = area if weights is None else weights.fillna(0.0).astype(np.float64)
        result = values.astype(np.float64).weighted(by).mean(("y", "x"))
        how = "area: mean" if weights is None else "area: mean (weighted by net tonnes)"
    result = result.drop_vars(GRID_MAPPING, errors="ignore").rename(values.name)
    result.attrs = {
        "long_name": str(values.attrs.get("long_name", values.name or "")),
        "units": unit,
        "cell_methods": how,
    }
    return result
