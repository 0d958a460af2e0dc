"""Ports and plants compared for methods of the open sea; nothing here is part of the plan.

No tonnes are made: the table and the layer have scores and distances only (rule 5).
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from cdrsite.core.crs import LONLAT, transformer
from cdrsite.core.errors import CdrsiteWarning, DataError, message
from cdrsite.library.screening import RESULT_CLASS, load_screening

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from numpy.typing import NDArray

    from cdrsite.config.screening import Screening
    from cdrsite.core.reader import LayerReader
    from cdrsite.study.prepare import Setting

COLUMNS = ("method", "result_class", "rank", "point", "score", "allowed", "lon", "lat")
CRITERIA_COLUMNS = ("method", "point", "criterion", "distance_km", "score")


def screened(setting: Setting) -> tuple[dict[str, pd.DataFrame], dict[str, gpd.GeoDataFrame]]:
    """Compare the points of each method.

    Returns
    -------
    tuple of dict
        Tables ``screening`` (points, the best of each method first) and ``screening_criteria``,
        and the points as a layer ``screening``; both empty where nothing is compared.

    Raises
    ------
    DataError
        A layer of points without a point, or of something else; a layer without a feature.

    Warns
    -----
    CdrsiteWarning
        A criterion of a method without a layer; a method that the law of the sea does not allow.
    """
    import geopandas as gpd
    import pandas as pd

    rows: list[dict[str, Any]] = []
    parts: list[dict[str, Any]] = []
    shapes: list[Any] = []
    for name, given in setting.scenario.screening.items():
        _warn_of(name, given)
        points, names = _points(name, given, setting.reader)
        each = {
            criterion: distances_km(points, _features(name, criterion, given, setting.reader))
            for criterion in given.near
        }
        scores = np.stack([_scores(name, criterion, km) for criterion, km in each.items()])
        mean = scores.mean(axis=0)
        # equal scores: by name, so that the order of the file decides nothing
        order = sorted(range(len(names)), key=lambda i: (-mean[i], names[i]))
        lon, lat = _lonlat(points, setting.reader)
        for rank, i in enumerate(order, start=1):
            rows.append(
                dict(
                    zip(
                        COLUMNS,
                        (name, RESULT_CLASS, rank, names[i], float(mean[i]),
                         load_screening(name).allowed, float(lon[i]), float(lat[i])),
                        strict=True,
                    )
                )
            )  # fmt: skip
            shapes.append(points.iloc[i])
            parts += [
                {
                    "method": name, "point": names[i], "criterion": criterion,
                    "distance_km": float(km[i]), "score": float(scores[k][i]),
                }
                for k, (criterion, km) in enumerate(each.items())
            ]  # fmt: skip
    if not rows:
        return {}, {}
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    criteria = pd.DataFrame(parts, columns=list(CRITERIA_COLUMNS))
    layer = gpd.GeoDataFrame(table.copy(), geometry=shapes, crs=setting.area.grid.crs)
    return {"screening": table, "screening_criteria": criteria}, {"screening": layer}


def _warn_of(name: str, given: Screening) -> None:
    method = load_screening(name)
    left = [criterion for criterion in method.criteria if criterion not in given.near]
    if left:
        text = message(
            "points are compared without all that the method needs near them",
            where=f"screening.{name}.near",
            got=f"no layer for {', '.join(left)}",
            cure="name layers for these, or read the ranks as those of the others alone",
            rule=7,
        )
        warnings.warn(text, CdrsiteWarning, stacklevel=3)
    if not method.allowed:
        text = f"screening.{name}: not allowed today. {method.law['en']}"
        warnings.warn(text, CdrsiteWarning, stacklevel=3)


def _points(name: str, given: Screening, reader: LayerReader) -> tuple[Any, list[str]]:
    """Points in the grid's CRS, and their names."""
    frame, where = reader.features(given.points, given.where), f"screening.{name}.points"
    if frame.empty or set(frame.geom_type) != {"Point"}:
        raise DataError(
            "no points to compare",
            where=f"{where}: layers.{given.points}",
            got="none" if frame.empty else ", ".join(sorted(set(map(str, frame.geom_type)))),
            expected="points within the region",
            cure="name a layer of points, or correct where",
        )
    if given.name is None:
        return frame.geometry, [f"{given.points} {i + 1}" for i in range(len(frame))]
    if given.name not in frame.columns:
        raise DataError(
            "no such column",
            where=f"screening.{name}.name: layers.{given.points}",
            got=given.name,
            expected=", ".join(str(one) for one in frame.columns if one != frame.geometry.name),
        )
    return frame.geometry, [str(one) for one in frame[given.name]]


def _features(name: str, criterion: str, given: Screening, reader: LayerReader) -> Any:
    near = given.near[criterion]
    frame = reader.features(near.layer, near.where)
    if frame.empty:
        raise DataError(
            "nothing that could be near",
            where=f"screening.{name}.near.{criterion}: layers.{near.layer}",
            got="no feature within the region",
            cure="name another layer, correct where, or leave the criterion out",
        )
    return frame.geometry


def distances_km(points: Any, features: Any) -> NDArray[np.float64]:
    """Length of the straight line from each point to the nearest feature, shape (points,) [km].

    The nearest place is found in the CRS of both, its distance measured on the ellipsoid.

    Parameters
    ----------
    points, features : GeoSeries
        In one CRS.
    """
    import shapely

    tree = shapely.STRtree(features.to_numpy())
    here = points.to_numpy()
    nearest = features.to_numpy()[tree.nearest(here)]
    ends = shapely.get_coordinates(shapely.shortest_line(here, nearest)).reshape(-1, 2, 2)
    to_lonlat = transformer(points.crs.to_wkt(), LONLAT)
    lon, lat = to_lonlat.transform(ends[..., 0], ends[..., 1])
    geod = points.crs.get_geod()
    _, _, metres = geod.inv(lon[:, 0], lat[:, 0], lon[:, 1], lat[:, 1])
    return np.asarray(metres, np.float64) / 1000.0


def _scores(name: str, criterion: str, km: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 at the best distance and nearer, 0 from the worst on, straight between."""
    one = load_screening(name).criteria[criterion]
    return np.clip((one.worst - km) / (one.worst - one.best), 0.0, 1.0)


def _lonlat(points: Any, reader: LayerReader) -> tuple[Any, Any]:
    to_lonlat = transformer(reader.grid.wkt, LONLAT)
    return to_lonlat.transform(points.x.to_numpy(), points.y.to_numpy())
