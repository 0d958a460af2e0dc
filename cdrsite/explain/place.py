"""Why one place is what it is: the explanation of cells for a single one, with its words."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from html import escape
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.crs import LONLAT, transformer
from cdrsite.core.errors import ConfigError, GridError
from cdrsite.core.plaindata import require_plain_zarr
from cdrsite.core.words import Words
from cdrsite.explain.cells import (
    CHARGES,
    VERDICTS,
    EqualShare,
    Evidence,
    InPlan,
    Reason,
    methods_of,
    reason_of,
    rule_bits,
)
from cdrsite.explain.facts import Lines, Told, lines_at, sentences_at
from cdrsite.explain.lines import cell_told, method_told, rules_hit
from cdrsite.outputs.legend import OUTSIDE_BIT, flag_names, label_names
from cdrsite.outputs.listing import MARK
from cdrsite.outputs.runfolder import STORE
from cdrsite.result.store import grid_of

if TYPE_CHECKING:
    import xarray as xr

    from cdrsite.core.grid import AnalysisGrid


@dataclass(frozen=True)
class MethodHere:
    """What one method finds in one cell.

    Attributes
    ----------
    state : str
        ``allowed``, ``excluded``, ``unknown``, ``net factor not positive`` or
        ``outside the region`` (rule 2).
    limits : str or None
        Resource that runs out first with an equal share of the pools, where allowed.
    reasons : tuple of str
        Exclusion rules that hold for the method and hit the cell.
    equal_share : EqualShare
        With an equal share of the pools, which bounds nothing.
    plan : InPlan or None
        What the plan does with it, with words for its codes; None where there is none.
    label : str
        Its name for people.
    lines : tuple of (str, str)
        All of it in words.
    """

    state: str
    limits: str | None
    reasons: tuple[str, ...]
    equal_share: EqualShare
    plan: InPlan | None
    label: str
    lines: Lines


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
    supplies : dict
        What the cell is offered -> (amount, canonical unit).
    zones : dict
        Variable of a zoning or pool -> (name of the zone, shadow price or None).
    head, lead : str
        Which cell it is, and what the plan does there, in words.
    lines : tuple of (str, str)
        What holds for all methods, in words.
    """

    lon: float
    lat: float
    x: float
    y: float
    row: int
    column: int
    reasons: tuple[str, ...]
    methods: dict[str, MethodHere]
    supplies: dict[str, tuple[float, str]]
    zones: dict[str, tuple[str, float | None]]
    head: str
    lead: str
    lines: Lines

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def __repr__(self) -> str:
        """Lines of text."""
        found = [self.head, self.lead, *(f"{what}: {text}" for what, text in self.lines)]
        for here in self.methods.values():
            found += [here.label, *(f"  {what}: {text}" for what, text in here.lines)]
        return "\n".join(found)

    def _repr_html_(self) -> str:
        """A table for notebooks; text from the user's data is escaped."""

        def said(lines: Lines) -> str:
            return "<br>".join(escape(f"{what}: {text}") for what, text in lines)

        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(here.label)}</th>"
            f"<td style='text-align:left'>{said(here.lines)}</td></tr>"
            for here in self.methods.values()
        )
        head = f"<b>{escape(self.head)}</b><br>{escape(self.lead)}<br>"
        return f"{head}{said(self.lines)}<table>{rows}</table>"


def explain_run(folder: Path, lon: float, lat: float, lang: str = "en") -> Explanation:
    """Explain one place of a run that was written to a folder.

    Parameters
    ----------
    folder : Path
        Of a run.
    lon, lat : float
        WGS 84 [degree].
    lang : {'en', 'zh'}
        Language of what is said.

    Raises
    ------
    ConfigError
        If the folder is no run, or there is no such language.
    GridError
        If the place lies outside the grid or the region.
    """
    import xarray as xr

    words, store = Words(lang), folder / STORE
    if not (folder / MARK).is_file() or not store.is_dir():
        raise ConfigError(
            "not the folder of a run",
            where=str(folder),
            got=f"no {MARK} with {STORE} beside it",
            cure="give the folder that `cdrsite run` names at its end",
        )
    require_plain_zarr(store)
    # codes and labels as they are: masked by their fill values they were no whole numbers
    with xr.open_dataset(store, engine="zarr", chunks=None, mask_and_scale=False) as dataset:
        grid = grid_of(dataset)
        x, y = transformer(LONLAT, grid.wkt).transform(lon, lat)
        _within(grid, x, y, (lon, lat))
        row, col = grid.index(x, y)
        if int(dataset["exclusion_reasons"][row, col]) >> OUTSIDE_BIT & 1:
            raise GridError("the place lies outside the region", got=f"{lon:g}, {lat:g}")
        return explain_place(dataset, grid, x, y, words.of(dataset.attrs))


def _within(grid: AnalysisGrid, x: float, y: float, place: tuple[float, float]) -> None:
    """Refuse a place outside the grid in the degrees that it was given in."""
    from rasterio.warp import transform_bounds

    try:
        grid.index(x, y)
    except GridError as error:
        west, south, east, north = transform_bounds(grid.wkt, "EPSG:4326", *grid.bounds)
        raise GridError(
            "the place lies outside the grid",
            got=f"{place[0]:g}, {place[1]:g}",
            expected=f"longitude {west:.4g} to {east:.4g}, latitude {south:.4g} to {north:.4g}",
        ) from error


def parse_place(text: str) -> tuple[float, float]:
    """Longitude and latitude from "LON,LAT".

    Raises
    ------
    ConfigError
        If it is not two numbers in range.
    """
    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(
            "a place is two numbers", where="--at", got=repr(text), expected="LON,LAT in degrees"
        ) from error
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        cure = "longitude comes first" if abs(lat) > 90 and abs(lon) <= 90 else None
        raise ConfigError("no such place", where="--at", got=repr(text), cure=cure)
    return lon, lat


def explain_place(
    dataset: xr.Dataset, grid: AnalysisGrid, x: float, y: float, words: Words | None = None
) -> Explanation:
    """Explain the cell that holds a point in the grid's CRS.

    Parameters
    ----------
    dataset, grid
        Of a run.
    x, y : float
        The point [CRS units].
    words : Words, optional
        Language; English when not given.

    Raises
    ------
    GridError
        If the point lies outside the grid.
    """
    words = words or Words()
    row, col = grid.index(x, y)
    centre = float(grid.x[col]), float(grid.y[row])
    lon, lat = map(float, transformer(grid.wkt, LONLAT).transform(*centre))
    here = dataset.isel(y=slice(row, row + 1), x=slice(col, col + 1))
    cells = {str(name): here[name].to_numpy() for name in here.data_vars}
    units = {name: str(dataset[name].attrs.get("units", "")) for name in cells}
    evidence = Evidence(dataset, cells)
    reasons = {name: reason_of(evidence, m) for m, name in enumerate(methods_of(dataset))}
    shared = cell_told(evidence, list(reasons.values()), words)
    said = {name: method_told(evidence, m, reasons[name], words) for m, name in enumerate(reasons)}
    gap = words("sentence.gap")
    leads = (sentences_at(told, [told.lead], shared) for told in (*said.values(), shared))
    return Explanation(
        lon=lon,
        lat=lat,
        x=centre[0],
        y=centre[1],
        row=row,
        column=col,
        head=words("why.place", lon=f"{lon:.5f}", lat=f"{lat:.5f}", row=row, column=col),
        lead=gap.join(chain.from_iterable(leads)),
        reasons=rules_hit(evidence, rule_bits(evidence).item(), words),
        methods={
            name: _method_here(evidence, reason, said[name], shared, name, words)
            for name, reason in reasons.items()
        },
        supplies={
            name.removeprefix("supply_"): (float(cells[name].item()), units[name])
            for name in sorted(cells)
            if name.startswith("supply_")
        },
        zones=_zones(evidence),
        lines=lines_at(shared, shared, gap),
    )


def _zones(evidence: Evidence) -> dict[str, tuple[str, float | None]]:
    """Zone of each pool and zoning, and the prices of the pools."""
    zones: dict[str, tuple[str, float | None]] = {}
    for name, values in sorted(evidence.cells.items()):
        if name.startswith(("pool_", "zone_")) and values.ndim == 2 and values.item() >= 0:
            zoning, label = evidence.dataset[name], int(values.item())
            names, prices = label_names(zoning), np.atleast_1d(zoning.attrs.get("prices", []))
            price = float(prices[label]) if label < len(prices) else None
            zones[name] = (names[label] if label < len(names) else str(label)), price
    return zones


def _method_here(
    evidence: Evidence, reason: Reason, told: Told, shared: Told, name: str, words: Words
) -> MethodHere:
    """What one method finds in a cell."""
    word = flag_names(evidence.dataset["limit"])[int(reason.limit.item())]
    allowed, plan = reason.possible.item(), None
    if reason.plan is not None and allowed:
        plan = _numbers(reason.plan)
        sinks = label_names(evidence.dataset["pool_storage"]) if "pool_storage" in evidence else []
        plan = replace(
            plan,
            verdict=VERDICTS[plan.verdict],
            dearest=CHARGES[plan.dearest] or None,
            sink=sinks[plan.sink] if 0 <= plan.sink < len(sinks) else None,
        )
    return MethodHere(
        state="allowed" if allowed else word,
        limits=word if allowed else None,
        reasons=rules_hit(evidence, reason.rules.item(), words),
        equal_share=_numbers(reason.equal),
        plan=plan,
        label=words.method(name),
        lines=lines_at(told, shared, words("sentence.gap")),
    )


def _numbers(arrays: Any) -> Any:
    """The numbers of a cell, of what holds arrays; those of a list that are nothing left out."""

    def number(value: Any) -> Any:
        if isinstance(value, dict):
            known = {key: one.item() for key, one in value.items()}
            return {key: one for key, one in known.items() if np.isfinite(one) and one != 0}
        return value.item()

    return replace(
        arrays, **{one.name: number(getattr(arrays, one.name)) for one in fields(arrays)}
    )
