"""Run by QGIS's own Python: plays the years of a project with the temporal controller's ranges.

Arguments: project, folder for pictures. Each step of the project's temporal range is drawn with all
layers of the group of years, as the temporal controller of the window does. One JSON document on
standard output: for each picture its range and the layers that are visible in it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from qgis.core import (  # type: ignore[import-not-found]
    QgsApplication,
    QgsDateTimeRange,
    QgsMapRendererSequentialJob,
    QgsMapSettings,
    QgsProject,
    QgsTemporalNavigationObject,
)
from qgis.PyQt.QtCore import QSize  # type: ignore[import-not-found]

project_path, folder = sys.argv[1], Path(sys.argv[2])
application = QgsApplication([], False)
application.initQgis()
project = QgsProject.instance()
opened = project.read(project_path)
kept = project.timeSettings()
controller = QgsTemporalNavigationObject()
controller.setTemporalExtents(kept.temporalRange())
layers = [
    node.layer()
    for node in project.layerTreeRoot().findLayers()
    if node.layer().temporalProperties() and node.layer().temporalProperties().isActive()
]


def picture(shown: list, name: str, span: QgsDateTimeRange) -> None:
    """Draw layers as they are in a span of time."""
    settings = QgsMapSettings()
    settings.setLayers(shown)
    settings.setOutputSize(QSize(400, 300))
    settings.setDestinationCrs(project.crs())
    settings.setTransformContext(project.transformContext())
    settings.setExtent(project.viewSettings().defaultViewExtent())
    settings.setIsTemporal(True)
    settings.setTemporalRange(span)
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    job.renderedImage().save(str(folder / f"{name}.png"))


def told(span: QgsDateTimeRange) -> list[str]:
    """First and last day of a span."""
    return [one.toString("yyyy-MM-dd") for one in (span.begin(), span.end())]


report: dict = {"opened": opened, "range": told(kept.temporalRange()), "years": {}}
for year in sys.argv[3:]:
    # the day in the middle of the year, as the controller's frame would hold it
    whole = kept.temporalRange()
    start = whole.begin()
    day = start.addYears(int(year) - start.date().year())
    span = QgsDateTimeRange(day, day.addDays(180))
    seen = [one for one in layers if one.temporalProperties().isVisibleInTemporalRange(span)]
    report["years"][year] = sorted(one.id() for one in seen)
    for one in layers:  # each alone is drawn where it is visible, and is blank elsewhere
        if one.id().startswith("cdrsite_raster_winner_at"):
            picture([one], f"{one.id()}_in_{year}", span)
    picture([one for one in layers if "winner_at" in one.id()], f"winner_{year}", span)
    picture([one for one in layers if "net_removal_at" in one.id()], f"net_{year}", span)
sys.stdout.write("JSON" + json.dumps(report))
sys.stdout.flush()
os._exit(0)  # leaving in order crashes some versions of PyQGIS
