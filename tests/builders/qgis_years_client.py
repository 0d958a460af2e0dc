"""Run by QGIS's own Python: plays the years of a project, as its temporal controller does.

Arguments: project, folder for pictures, years. For each year the layers that have a time are drawn
in a range of half a year: those of what each cell removes by (``winner_YEAR.png``), of net removal
(``net_YEAR.png``), and each of the first by itself (``LAYER_in_YEAR.png``). One JSON document on
standard output: the project's range, and which layers are visible in each year.
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
)
from qgis.PyQt.QtCore import QSize  # type: ignore[import-not-found]

project_path, folder = sys.argv[1], Path(sys.argv[2])
application = QgsApplication([], False)
application.initQgis()
project = QgsProject.instance()
opened = project.read(project_path)
every = [node.layer() for node in project.layerTreeRoot().findLayers()]
dated = [one for one in every if (own := one.temporalProperties()) and own.isActive()]
winners = [one for one in dated if "winner_at" in one.id()]
nets = [one for one in dated if "net_removal_at" in one.id()]


def picture(shown: list, name: str, span: QgsDateTimeRange) -> None:
    """Draw layers as they are in a range of time."""
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


whole = project.timeSettings().temporalRange()
days = [one.toString("yyyy-MM-dd") for one in (whole.begin(), whole.end())]
report: dict = {"opened": opened, "range": days, "years": {}}
for year in sys.argv[3:]:
    begin = whole.begin().addYears(int(year) - whole.begin().date().year())
    span = QgsDateTimeRange(begin, begin.addDays(180))
    seen = [one for one in dated if one.temporalProperties().isVisibleInTemporalRange(span)]
    report["years"][year] = sorted(one.id() for one in seen)
    picture(winners, f"winner_{year}", span)
    picture(nets, f"net_{year}", span)
    for one in winners:
        picture([one], f"{one.id()}_in_{year}", span)
sys.stdout.write("JSON" + json.dumps(report))
sys.stdout.flush()
os._exit(0)  # leaving in order crashes some versions of PyQGIS
